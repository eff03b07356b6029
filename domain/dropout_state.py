"""What a dropout case remembers, and how its events change it (DOMAIN §7.3, region A)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from pydantic import AwareDatetime

from domain.actors import Role
from domain.attendance_events import Flag, Suspicion
from domain.attendance_state import ONE_DAY, Standing, at_clock
from domain.calendar import Calendar, CalendarUnknown
from domain.dropout_events import (
    AbsentAgain,
    CaseEndedWithTheYear,
    DayUnreported,
    DropoutCalendarAdopted,
    DropoutCaseStarted,
    DropoutConfirmed,
    DropoutFlagged,
    ElsewhereVerified,
    Ending,
    HomeTeachingSession,
    HomeTeachingStarted,
    ItemClosed,
    PersuasionAttempted,
    PersuasionOverdue,
    ReturnedToSchool,
    ReturnOrderServed,
    SuspicionRenewed,
    WrittenReportFiled,
    WrittenReportOverdue,
)
from domain.events import Envelope, Event
from domain.policy import PolicyProfile
from domain.refusal import Blocker
from domain.stream import StreamState, UnknownEventError
from domain.time import civil

AWAY: Final = (Standing.SUSPECTED, Standing.DROPOUT)
"""Standings in which the pupil has to be brought back."""

BUREAU_CLOSES: Final = "BUREAU_HAS_TO_CLOSE"
"""What a case lacks whose pupil came back too late for the days present: somebody outside the school looks at it."""

BUREAU: Final = (Role.BUREAU_OFFICER, Role.REGISTER_OFFICER)
"""Roles whose record rests on no word of the school's."""


class DropoutState(StreamState):
    """The case as its events make it.

    Attributes:
        opened: the day from which the written report and the attempts are counted.
        last: the day of graduation (INV-13); after it only the time for the last proof runs.
        reported_to: the last day on which the school reports who is there; no later day counts as present (INV-15).
        attempts: days of the attempts; `counted_from`: the day from which the next one is counted.
        confirmed: whether this absence was confirmed as a dropout; `report`, `order`: days of its papers.
        present_from: the first day on which the school's report could count the pupil as back: not before the day on
            which the return was recorded, for until then the reports had the pupil in the case.
        absent_again, unreported: days after the return that do not count as present.
        proven_by: who recorded what the closing would rest on, and for whom (INV-21); `by_bureau`: whether that was
            somebody of the bureau.
    """

    campaign: str
    school: str
    student: str
    class_id: str
    episode: int
    since: date
    by: Suspicion
    opened: date
    last: date
    reported_to: date
    calendar: Calendar
    status: Standing = Standing.SUSPECTED
    attempts: list[date] = []
    counted_from: date
    report: date | None = None
    escalated: int = 0
    confirmed: bool = False
    order: date | None = None
    present_from: date | None = None
    absent_again: list[date] = []
    unreported: list[date] = []
    sessions: int = 0
    lessons: int = 0
    flags: list[Flag] = []
    proven_by: list[str] = []
    by_bureau: bool = False
    ending: Ending | None = None
    began: AwareDatetime

    @property
    def standing(self) -> Standing:
        """Where the case stands for those outside it: its status, or how it ended."""
        match self.ending:
            case None:
                return self.status
            case Ending.NOT_RETURNED:
                return Standing.NOT_RETURNED
            case _:
                return Standing.CLOSED

    def days_present(self, now: datetime) -> int:
        """Return the school days since the return, or since the last absence after it, up to an instant.

        Today counts from the hour at which its report is due. A day without a report does not count (INV-15), nor
        does one of a year whose calendar is not published, nor one on which the reports still had the pupil away.
        """
        if self.present_from is None:
            return 0
        today = civil(now)
        end = today if now >= at_clock(today, self.policy.parameters.daily_report_due) else today - ONE_DAY
        day = max([self.present_from, *(absent + ONE_DAY for absent in self.absent_again)])
        count = 0
        while day <= min(end, self.reported_to):
            count += day not in self.unreported and self.calendar.knows(day) and self.calendar.is_working_day(day)
            day += ONE_DAY
        return count

    def missing(self, now: datetime) -> tuple[Blocker, ...]:
        """Return what the closing lacks; days present that cannot come any more the bureau has to make up for."""
        match self.status:
            case Standing.RETURNED:
                lacking = self.policy.parameters.dropout_close_days - self.days_present(now)
                if lacking > 0:
                    late = civil(now) > self.reported_to
                    return (Blocker(code=BUREAU_CLOSES if late else "DAYS_PRESENT_MISSING", count=lacking),)
            case Standing.HOME_TAUGHT:
                if self.sessions == 0:
                    return (Blocker(code="HOME_SESSION_MISSING"),)
            case Standing.SUSPECTED | Standing.DROPOUT:
                return (Blocker(code="RETURN_MISSING"),)
            case _:
                pass
        return ()


def report_due(state: DropoutState) -> date | None:
    """Return the day by which the written report is due; None where its calendar is not published."""
    return school_day(state, state.opened, state.policy.parameters.written_report_school_days)


def school_day(state: DropoutState, day: date, after: int) -> date | None:
    """Return the n-th school day after a day; None where the calendar that it needs is not published."""
    try:
        return state.calendar.add_working_days(day, after)
    except CalendarUnknown:
        return None


def evolved(state: DropoutState | None, event: Event, envelope: Envelope) -> DropoutState:
    """Return the state after an event; the first must be `DropoutCaseStarted`.

    Raises:
        UnknownEventError: the stream begins with another event, or holds one that these rules do not know.
    """
    if isinstance(event, DropoutCaseStarted):
        return _started(event)
    if state is None:
        raise UnknownEventError(f"{envelope['stream']} begins with {envelope['type']}")
    if not (_of_the_school(state, event) or _of_the_pupil(state, event, envelope)):
        raise UnknownEventError(f"{envelope['stream']}#{envelope['version']}: {envelope['type']}")
    return state


def _started(event: DropoutCaseStarted) -> DropoutState:
    opened = civil(event.began)
    return DropoutState(
        policy=PolicyProfile.model_validate(event.policy),
        campaign=event.campaign,
        school=event.school,
        student=event.student,
        class_id=event.class_id,
        episode=event.episode,
        since=event.since,
        by=event.by,
        opened=opened,
        counted_from=opened,
        last=event.last,
        reported_to=event.reported_to or event.last,
        calendar=Calendar.model_validate(event.calendar),
        began=event.began,
    )


def _of_the_school(state: DropoutState, event: Event) -> bool:
    """Apply what the school and the bureau did or left undone; tell whether the event was such a one."""
    match event:
        case PersuasionAttempted(on=on):
            state.attempts.append(on)
            state.counted_from = max(state.counted_from, on)
        case PersuasionOverdue(since=since):
            days = state.policy.parameters.persuasion_school_days
            state.counted_from = school_day(state, since, days) or since + days * ONE_DAY
        case WrittenReportFiled(on=on):
            state.report = on
        case WrittenReportOverdue(level=level):
            state.escalated = level
        case ReturnOrderServed(on=on):
            state.order = on
        case HomeTeachingSession(lessons=lessons):
            state.sessions += 1
            state.lessons += lessons
        case DropoutFlagged(flag=flag):
            state.flags.append(flag)
        case DropoutCalendarAdopted(calendar=calendar):
            state.calendar = Calendar.model_validate(calendar)
        case _:
            return False
    return True


def _of_the_pupil(state: DropoutState, event: Event, envelope: Envelope) -> bool:
    """Apply what changes where the pupil stands; tell whether the event was such a one."""
    match event:
        case DropoutConfirmed():
            state.status, state.confirmed = Standing.DROPOUT, True
        case ReturnedToSchool(on=on):
            state.status, state.present_from = Standing.RETURNED, max(on, _recorded_on(envelope))
            state.absent_again, state.unreported = [], []
            _prove(state, envelope)
        case HomeTeachingStarted():
            state.status = Standing.HOME_TAUGHT
            _prove(state, envelope)
        case ElsewhereVerified():
            state.status = Standing.ELSEWHERE
            _prove(state, envelope)
        case AbsentAgain(day=day):
            state.absent_again.append(day)
        case DayUnreported(day=day):
            state.unreported.append(day)
        case SuspicionRenewed(since=since, by=by):
            state.status, state.since, state.by = Standing.SUSPECTED, since, by
            state.opened = state.counted_from = _recorded_on(envelope)
            state.present_from, state.report, state.escalated = None, None, 0
            state.confirmed, state.order = False, None
        case ItemClosed(ending=ending) | CaseEndedWithTheYear(ending=ending):
            state.ending = ending
        case _:
            return False
    return True


def _prove(state: DropoutState, envelope: Envelope) -> None:
    """Keep whose word the end of the absence rests on."""
    actor = envelope["actor"]
    state.proven_by = [person for person in (actor["id"], actor.get("on_behalf_of")) if person is not None]
    state.by_bureau = actor["role"] in BUREAU


def _recorded_on(envelope: Envelope) -> date:
    return civil(datetime.fromisoformat(envelope["recorded_at"]))
