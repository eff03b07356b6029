"""One pupil in danger of dropping out, one case, until the pupil is back or lawfully taught elsewhere (R-15, A2 to A5).

Written report within three school days, an attempt to bring the pupil back every week, a return order, home teaching
on medical grounds, and closing only with proof: ten school days present after the return (销号), as the daily reports
have them; where the year leaves no room for them, the bureau looks at the return and closes. What is escalated is
missing service of the school and the bureau, never anything about the pupil or the family. No pause, stop or close of
the campaign holds a case; a departure from the register, by death too, ends it at once and nobody is penalised. A case
that nobody has closed when the year and the time for the last proof are over ends too, and says what was not done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from functools import partial
from operator import itemgetter
from typing import Any, Final

from pydantic import TypeAdapter

from domain.actors import SYSTEM, Actor, require, require_other_person
from domain.attendance_events import Flag, Suspicion
from domain.attendance_state import ONE_DAY, PROVES_A_RETURN, Standing, at_clock
from domain.dropout_end import end_of_year, proof_until
from domain.dropout_events import (
    DROPOUT_COMMANDS,
    DROPOUT_EVENTS,
    AbsentAgain,
    CaseEndedWithTheYear,
    CloseCase,
    ConfirmDropout,
    DayUnreported,
    DropoutCalendarAdopted,
    DropoutCaseStarted,
    DropoutConfirmed,
    DropoutFlagged,
    ElsewhereVerified,
    Ending,
    FileWrittenReport,
    HomeTeachingSession,
    HomeTeachingStarted,
    ItemClosed,
    Persuasion,
    PersuasionAttempted,
    PersuasionOverdue,
    RecordHomeSession,
    RecordPersuasion,
    RecordReturn,
    ReturnedToSchool,
    ReturnOrderServed,
    ServeReturnOrder,
    StartHomeTeaching,
    SuspicionRenewed,
    VerifyElsewhere,
    WrittenReportFiled,
    WrittenReportOverdue,
)
from domain.dropout_state import AWAY, BUREAU, BUREAU_CLOSES, DropoutState, evolved, report_due, school_day
from domain.events import Envelope, Event, PolicyAdopted
from domain.evidence import EvidenceGrade
from domain.parts import adapter
from domain.refusal import Refusal
from domain.stream import Decider, Message, Outgoing, news
from domain.time import at, civil

ESCALATION: Final = ("class_head", "principal", "centre_school", "bureau_officer", "township")
"""Who is told, one school day after the other, that the written report is missing (R-15; F-F5, seven heads)."""

FLAGS: Final[dict[Persuasion, Flag]] = {
    Persuasion.AT_WORK: Flag.CHILD_LABOUR_SUSPECTED,
    Persuasion.AT_RECRUITER: Flag.UNREGISTERED_RECRUITING,
}
"""Outcomes that somebody else must answer for (edge cases 29 and 30)."""

Clock = tuple[datetime, Callable[[], Event]]


class DropoutDecider(Decider[DropoutState]):
    """The rules of a dropout case."""

    kind = "dropout"
    state_type = DropoutState
    commands: TypeAdapter[Any] = adapter(DROPOUT_COMMANDS)
    event_types = DROPOUT_EVENTS

    def begin(self, start: dict[str, Any], now: datetime) -> tuple[Actor, list[Event]]:
        """Begin with the suspicion."""
        return SYSTEM, [DropoutCaseStarted.model_validate({**start, "began": now})]

    def decide(self, state: DropoutState, command: Any, now: datetime) -> Sequence[Event]:
        """Decide what was done for the pupil.

        Raises:
            Refusal: CASE_CLOSED, CASE_ENDED_WITH_THE_YEAR, REPORT_DAY_AHEAD, PERSUASION_NUMBER,
                GROUP_VISIT_NEEDS_TWO, PERSUASION_MISSING, WRITTEN_REPORT_FILED, WRITTEN_REPORT_MISSING,
                DROPOUT_NOT_CONFIRMED, PUPIL_NOT_AWAY, RETURN_BEFORE_ABSENCE, RETURN_AFTER_THE_LAST_DAY,
                EVIDENCE_NOT_ENOUGH, NOT_HOME_TAUGHT, CASE_NOT_CLOSABLE, SELF_APPROVAL.
        """
        require(command.actor, command.kind, state.school)
        if state.ending is not None:
            over = state.standing is Standing.NOT_RETURNED
            raise Refusal("CASE_ENDED_WITH_THE_YEAR" if over else "CASE_CLOSED")
        on = getattr(command, "on", None)
        if on is not None and on > civil(now):
            raise Refusal("REPORT_DAY_AHEAD", day=on.isoformat())
        match command:
            case RecordPersuasion():
                return _persuade(state, command)
            case FileWrittenReport():
                return _report(state, command)
            case ConfirmDropout():
                if state.status is not Standing.SUSPECTED:
                    raise Refusal("PUPIL_NOT_AWAY")
                if not state.attempts:
                    raise Refusal("PERSUASION_MISSING")
                return [DropoutConfirmed(attempts=len(state.attempts))]
            case ServeReturnOrder(document=document, on=day):
                if state.status is not Standing.DROPOUT:
                    raise Refusal("DROPOUT_NOT_CONFIRMED")
                if state.report is None:
                    raise Refusal("WRITTEN_REPORT_MISSING")
                return [ReturnOrderServed(document=document, on=day)]
            case RecordReturn():
                return _return(state, command)
            case StartHomeTeaching(ground=ground, document=document, on=day):
                if state.status not in AWAY:
                    raise Refusal("PUPIL_NOT_AWAY")
                return [HomeTeachingStarted(ground=ground, document=document, on=day)]
            case RecordHomeSession(on=day, lessons=lessons, visitors=visitors):
                if state.status is not Standing.HOME_TAUGHT:
                    raise Refusal("NOT_HOME_TAUGHT")
                return [HomeTeachingSession(on=day, lessons=lessons, visitors=tuple(dict.fromkeys(visitors)))]
            case VerifyElsewhere(evidence=evidence, register_ref=register_ref):
                if state.status not in AWAY:
                    raise Refusal("PUPIL_NOT_AWAY")
                if evidence not in (EvidenceGrade.REGISTER, EvidenceGrade.DOCUMENT):
                    raise Refusal("EVIDENCE_NOT_ENOUGH")
                return [ElsewhereVerified(evidence=evidence, register_ref=register_ref)]
            case CloseCase():
                return self._close(state, command, now)
            case _:
                raise Refusal("COMMAND_UNKNOWN")

    def evolve(self, state: DropoutState | None, event: Event, envelope: Envelope) -> DropoutState:
        """Apply an event; the first must be `DropoutCaseStarted`."""
        return evolved(state, event, envelope)

    def absorb(self, state: DropoutState, message: Message, now: datetime) -> list[Event]:
        """Take in what the school passes on; nothing once the case is closed."""
        data = message.data
        open_ = state.ending is None
        match message.kind:
            case "suspected":
                renewed = SuspicionRenewed(since=date.fromisoformat(data["since"]), by=Suspicion(data["by"]))
                return [renewed] if open_ and state.status is Standing.RETURNED else []
            case "absent_again":
                again = AbsentAgain(day=date.fromisoformat(data["day"]))
                return [again] if open_ and state.status is Standing.RETURNED else []
            case "day_unreported":
                unreported = DayUnreported(day=date.fromisoformat(data["day"]))
                return [unreported] if open_ and state.status is Standing.RETURNED else []
            case "flagged":
                flag = Flag(data["flag"])
                return [DropoutFlagged(flag=flag)] if open_ and flag not in state.flags else []
            case "student_left":
                ended = ItemClosed(ending=Ending.LEFT_REGISTER, days_present=state.days_present(now))
                return [ended] if open_ else []
            case "calendar":
                newer = data["calendar"]["version"] > state.calendar.version
                return [DropoutCalendarAdopted(calendar=data["calendar"])] if open_ and newer else []
            case "policy":
                return [PolicyAdopted(profile=data["profile"])] if open_ else []
            case _:
                return super().absorb(state, message, now)

    def outgoing(self, state: DropoutState, event: Event, envelope: Envelope) -> list[Outgoing]:
        """Tell the school where the case stands."""
        match event:
            case DropoutConfirmed() | ElsewhereVerified():
                on = civil(datetime.fromisoformat(envelope["recorded_at"]))
            case ReturnedToSchool(on=on) | HomeTeachingStarted(on=on):
                pass
            case ItemClosed() | CaseEndedWithTheYear():
                on = civil(datetime.fromisoformat(envelope["recorded_at"]))
            case _:
                return []
        school, status = f"{state.campaign}/{state.school}", state.standing.value
        data = {"student": state.student, "status": status, "on": on.isoformat(), "episode": state.episode}
        return [news(school, "dropout", envelope, **data)]

    def due(self, state: DropoutState) -> datetime | None:
        """Return the next instant at which missing service is named, or the case ends with the year."""
        return min((instant for instant, _ in self._clocks(state)), default=None)

    def on_due(self, state: DropoutState, instant: datetime) -> list[Event]:
        """Return the one event of the earliest clock; the rest follow at the next call."""
        del instant
        return [min(self._clocks(state), key=itemgetter(0))[1]()]

    def finished(self, state: DropoutState) -> bool:
        """Tell whether the case is closed, or has ended with the year."""
        return state.ending is not None

    def view(self, state: DropoutState) -> dict[str, Any]:
        """Return the line of the board: codes and counts; it is no stage and has no `stage`."""
        return {
            "campaign": state.campaign,
            "school": state.school,
            "topic": self.kind,
            "status": state.standing.value,
            "since": state.since.isoformat(),
            "attempts": len(state.attempts),
            "written_report": state.report is not None,
            "escalated": state.escalated,
            "flags": [flag.value for flag in state.flags],
            "ending": state.ending.value if state.ending else None,
            "blockers": [],
        }

    # -- inside -----------------------------------------------------------------------------------------------

    def _close(self, state: DropoutState, command: CloseCase, now: datetime) -> list[Event]:
        missing = state.missing(now)
        if command.actor.role in BUREAU:
            missing = tuple(blocker for blocker in missing if blocker.code != BUREAU_CLOSES)
        if missing:
            raise Refusal("CASE_NOT_CLOSABLE", blockers=missing)
        require_other_person(command.actor, state.proven_by)
        endings = {
            Standing.RETURNED: Ending.RETURNED,
            Standing.HOME_TAUGHT: Ending.HOME_TEACHING,
            Standing.ELSEWHERE: Ending.ELSEWHERE,
        }
        return [ItemClosed(ending=endings[state.status], days_present=state.days_present(now))]

    def _clocks(self, state: DropoutState) -> Iterator[Clock]:
        """Yield what is owed while the pupil is away, and the end; what needs an unpublished calendar waits for it."""
        if state.ending is not None:
            return
        until = proof_until(state)
        if until is not None:
            yield at(until + ONE_DAY), partial(end_of_year, state, until)
        if state.status not in AWAY:
            return
        parameters = state.policy.parameters
        owed = report_due(state)
        if state.report is None and owed is not None and state.escalated < len(ESCALATION):
            day = school_day(state, owed, state.escalated)
            if day is not None:
                role = ESCALATION[state.escalated]
                overdue = partial(WrittenReportOverdue, level=state.escalated + 1, to_role=role, due=owed)
                yield at_clock(day, parameters.daily_report_due), overdue
        day = school_day(state, state.counted_from, parameters.persuasion_school_days)
        if day is not None and day <= state.last:
            late = partial(PersuasionOverdue, since=state.counted_from, attempts=len(state.attempts))
            yield at_clock(day, parameters.daily_report_due), late


# -- commands ---------------------------------------------------------------------------------------------------


def _persuade(state: DropoutState, command: RecordPersuasion) -> list[Event]:
    if state.status not in AWAY:
        raise Refusal("PUPIL_NOT_AWAY")
    number = len(state.attempts) + 1
    if command.n != number:
        raise Refusal("PERSUASION_NUMBER", number=number)
    visitors = tuple(dict.fromkeys(command.visitors))
    if len(visitors) == 1:
        raise Refusal("GROUP_VISIT_NEEDS_TWO")
    attempted = PersuasionAttempted(n=number, on=command.on, visitors=visitors, outcome=command.outcome)
    flag = FLAGS.get(command.outcome)
    return [attempted] if flag is None or flag in state.flags else [attempted, DropoutFlagged(flag=flag)]


def _report(state: DropoutState, command: FileWrittenReport) -> list[Event]:
    if state.report is not None:
        raise Refusal("WRITTEN_REPORT_FILED", day=state.report.isoformat())
    due = report_due(state)
    on_time = due is None or (command.on <= due and not state.escalated)  # no date undoes that it was missing
    return [WrittenReportFiled(document=command.document, on=command.on, on_time=on_time)]


def _return(state: DropoutState, command: RecordReturn) -> list[Event]:
    if state.status is Standing.RETURNED:
        raise Refusal("PUPIL_NOT_AWAY")
    if command.on < state.since:
        raise Refusal("RETURN_BEFORE_ABSENCE", day=state.since.isoformat())
    if command.on > state.last:
        raise Refusal("RETURN_AFTER_THE_LAST_DAY", day=state.last.isoformat())
    if command.evidence not in PROVES_A_RETURN:
        raise Refusal("EVIDENCE_NOT_ENOUGH")
    return [ReturnedToSchool(on=command.on, evidence=command.evidence)]
