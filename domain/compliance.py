"""One compliance case: a complaint or a suspicion, in a stream of its own (design, section 4; DOMAIN §7.3, region C).

It stands beside the schools and not under the one complained of, so that nothing which pauses, stops or closes them
holds it: its clocks run until it is final. What it decides for others (holds, violations) it tells the campaign.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from operator import itemgetter
from typing import Any

from pydantic import TypeAdapter

from domain.actors import ANONYMOUS, SYSTEM, Actor, Role, require, require_other_person
from domain.calendar import Calendar
from domain.campaign_events import ComplaintAcknowledged
from domain.complaint_rules import (
    SECRET,
    acknowledge_by,
    decide_by,
    is_made_by,
    next_above,
    require_not_own,
    require_other_hands,
    require_owner,
    workdays,
)
from domain.compliance_case_events import (
    CASE_COMMANDS,
    CASE_EVENTS,
    UNDECIDED,
    AcknowledgeCase,
    AcknowledgementOverdue,
    CaseAppealDecided,
    CaseAppealFiled,
    CaseCalendarNoted,
    CaseClosed,
    CaseCommand,
    CaseDeadlineExtended,
    CaseOpened,
    CaseStatus,
    CloseCase,
    ComplaintWithdrawn,
    ComplianceState,
    ConfirmViolation,
    DecideCaseAppeal,
    DecisionOverdue,
    DismissViolation,
    ExtendCaseDeadline,
    FileCaseAppeal,
    InvestigationOpened,
    NoteRead,
    OpenInvestigation,
    PlaceHold,
    ReadNote,
    ReferCase,
    ReferredToDiscipline,
    ReleaseHold,
    WithdrawComplaint,
)
from domain.compliance_events import HoldPlaced, HoldReleased, ViolationConfirmed, ViolationDismissed
from domain.events import Envelope, Event
from domain.parts import adapter
from domain.policy import PolicyProfile
from domain.refusal import Refusal
from domain.stage_state import require_reason
from domain.stream import Acted, Decider, Message, Outgoing, UnknownEventError, news
from domain.time import civil, end_of, instant

Due = tuple[datetime, list[Event]]


class ComplianceDecider(Decider[ComplianceState]):
    """The rules of one compliance case."""

    kind = "compliance"
    state_type = ComplianceState
    commands: TypeAdapter[Any] = adapter(CASE_COMMANDS)
    event_types: tuple[type[Event], ...] = (
        *CASE_EVENTS,
        ComplaintAcknowledged,
        HoldPlaced,
        HoldReleased,
        ViolationConfirmed,
        ViolationDismissed,
    )

    def begin(self, start: dict[str, Any], now: datetime) -> tuple[Actor, list[Event]]:
        """Begin with what the campaign gave."""
        del now
        return SYSTEM, [CaseOpened.model_validate(start)]

    def decide(self, state: ComplianceState, command: Any, now: datetime) -> Sequence[Event | Acted]:
        """Decide a command of the owner, of the unit concerned, of who complained, or of who decides an appeal.

        Raises:
            Refusal: ROLE_NOT_ALLOWED, COMPLAINT_*, HANDS_MISSING, SELF_APPROVAL, REASON_REQUIRED, SCHOOL_UNKNOWN,
                CASE_*, HOLD_*, NOTE_*.
        """
        require(command.actor, command.kind, None)
        if state.status is CaseStatus.CLOSED:
            raise Refusal("CASE_CLOSED", case=state.case)
        match command:
            case WithdrawComplaint():
                return [self._withdrawn(state, command, now)]
            case FileCaseAppeal():
                return [self._appeal(state, command, civil(now))]
            case DecideCaseAppeal():
                return self._decide_appeal(state, command)
        _refuse_the_maker(state, command)
        require_owner(state.case, command.actor, state.owners)
        _require_no_maker(state, command)
        match command:
            case ReadNote(text=note):
                if note not in state.notes:
                    raise Refusal("NOTE_UNKNOWN", case=state.case)
                return [NoteRead(case=state.case, note=note)]
            case AcknowledgeCase():
                if state.acknowledged:
                    raise Refusal("COMPLAINT_ACKNOWLEDGED")
                return [ComplaintAcknowledged(complaint=state.case)]
            case OpenInvestigation():
                if state.status is not CaseStatus.OPEN:
                    raise _wrong_status(state)
                return [InvestigationOpened(case=state.case)]
            case PlaceHold():
                return [self._place(state, command, require_reason(command))]
            case ReleaseHold(hold=hold):
                reason = require_reason(command)
                if hold not in state.holds:
                    raise Refusal("HOLD_UNKNOWN", hold=hold)
                return [self._release(state, hold, reason)]
            case ExtendCaseDeadline():
                return [self._extend(state, require_reason(command), civil(now))]
            case ConfirmViolation():
                return [self._confirm(state, command, require_reason(command), civil(now))]
            case DismissViolation():
                return self._dismiss(state, require_reason(command))
            case ReferCase():
                reason = require_reason(command)
                if state.status not in UNDECIDED:
                    raise _wrong_status(state)
                return [ReferredToDiscipline(case=state.case, reason=reason)]
            case CloseCase():
                reason = require_reason(command)
                if state.status is not CaseStatus.REFERRED:
                    raise _wrong_status(state)
                return self._close(state, "REFERRED", reason)
            case _:
                raise Refusal("COMMAND_UNKNOWN")

    def evolve(self, state: ComplianceState | None, event: Event, envelope: Envelope) -> ComplianceState:
        """Apply an event; the first must be `CaseOpened`."""
        if isinstance(event, CaseOpened):
            return ComplianceState.model_validate(
                {
                    **event.model_dump(exclude={"owner"}),
                    "owners": [event.owner],
                    "policy": PolicyProfile.model_validate(event.policy),
                }
            )
        if state is None:
            raise UnknownEventError(f"{envelope['stream']} begins with {envelope['type']}")
        match event:
            case ComplaintAcknowledged():
                state.acknowledged = True
            case InvestigationOpened():
                state.status = CaseStatus.INVESTIGATING
            case HoldPlaced(hold=hold):
                state.holds[hold] = event.model_dump(mode="json", exclude={"hold", "case"})
                state.placed += 1
            case HoldReleased(hold=hold):
                del state.holds[hold]
            case CaseDeadlineExtended(decide_by=until):
                state.extended, state.decide_by = True, until
            case ReferredToDiscipline():
                state.status, state.acknowledged = CaseStatus.REFERRED, True
            case ViolationConfirmed(appeal_by=until, final=final):
                state.violation = event.model_dump(mode="json", exclude={"case", "final", "appeal_by"})
                if not final:
                    state.status, state.acknowledged, state.appeal_by = CaseStatus.CONFIRMED, True, until
            case ViolationDismissed():
                state.violation, state.acknowledged = None, True
            case CaseAppealFiled(decide_by=until):
                state.status, state.appeal_decide_by = CaseStatus.APPEALED, until
                state.appealed_on = civil(instant(envelope["recorded_at"]))
            case ComplaintWithdrawn():
                state.withdrawn = True
            case AcknowledgementOverdue(to_role=role):
                self._escalate(state, "acknowledge", role)
            case DecisionOverdue(to_role=role, step=step):
                self._escalate(state, step, role)
            case CaseCalendarNoted(calendar=calendar):
                state.calendar = calendar
                self._count_again(state)
            case CaseClosed(outcome=outcome):
                state.status, state.outcome = CaseStatus.CLOSED, outcome
            case CaseAppealDecided() | NoteRead():
                pass
            case _:
                raise UnknownEventError(f"{envelope['stream']}#{envelope['version']}: {envelope['type']}")
        if not isinstance(event, NoteRead):
            _remember_hands(state, Actor.model_validate(envelope["actor"]))
        return state

    def absorb(self, state: ComplianceState, message: Message, now: datetime) -> list[Event]:
        """Take in a newer calendar: days that were unknown can be computed; a day that was told to people stays."""
        if message.kind != "calendar":
            return super().absorb(state, message, now)
        calendar = message.data["calendar"]
        if calendar["version"] <= state.calendar["version"] or state.status is CaseStatus.CLOSED:
            return []
        after = state.model_copy(update={"calendar": calendar})
        self._count_again(after)
        noted = CaseCalendarNoted(calendar=calendar, acknowledge_by=after.acknowledge_by, decide_by=after.decide_by)
        return [noted]

    def outgoing(self, state: ComplianceState, event: Event, envelope: Envelope) -> list[Outgoing]:
        """Tell the campaign of holds, of what was found or dismissed, and of the end."""
        match event:
            case HoldPlaced() | HoldReleased():
                placed = isinstance(event, HoldPlaced)
                return [_told(state, "hold", envelope, **event.as_data(), placed=placed)]
            case ViolationConfirmed():
                return [_told(state, "violation", envelope, **event.as_data())]
            case ViolationDismissed():
                return [_told(state, "dismissal", envelope, **event.as_data())]
            case CaseClosed(outcome=outcome):
                return [_told(state, "case_closed", envelope, outcome=outcome)]
            case _:
                return []

    def due(self, state: ComplianceState) -> datetime | None:
        """Return the next day that passes: of the answer, of the decision, of the appeal."""
        return min((at for at, _ in self._clocks(state)), default=None)

    def on_due(self, state: ComplianceState, instant: datetime) -> list[Event]:
        """Return what the earliest clock leads to."""
        del instant
        return min(self._clocks(state), key=itemgetter(0))[1]

    def finished(self, state: ComplianceState) -> bool:
        """Tell whether the case is final."""
        return state.status is CaseStatus.CLOSED

    def view(self, state: ComplianceState) -> dict[str, Any]:
        """Return the case's line of the board: codes and days, never who complained."""
        days = {"acknowledge_by": state.acknowledge_by, "decide_by": state.decide_by, "appeal_by": state.appeal_by}
        return {
            "campaign": state.campaign,
            "case": state.case,
            "status": state.status.value,
            "origin": state.origin,
            "about": state.about,
            "matter": state.matter,
            "owners": list(state.owners),
            "acknowledged": state.acknowledged,
            "withdrawn": state.withdrawn,
            **{name: day.isoformat() for name, day in days.items() if day is not None},
            "holds": list(state.holds),
            "violation": state.violation and state.violation["violation"],
            "outcome": state.outcome,
            "overdue": bool(state.overdue) and state.status is not CaseStatus.CLOSED,
        }

    # -- commands -----------------------------------------------------------------------------------------------

    def _withdrawn(self, state: ComplianceState, command: WithdrawComplaint, now: datetime) -> Acted:
        """Record a withdrawal as an unnamed person's; a complaint made under a name is only its maker's to take back.

        Raises:
            Refusal: COMPLAINT_NAMED, COMPLAINT_NOT_YOURS, COMPLAINT_WITHDRAWN.
        """
        if state.origin in SECRET and command.actor != ANONYMOUS:
            raise Refusal("COMPLAINT_NAMED", complaint=state.case)
        if state.made_by and not _is_maker(state, command):
            raise Refusal("COMPLAINT_NOT_YOURS", case=state.case)
        if state.withdrawn:
            raise Refusal("COMPLAINT_WITHDRAWN", case=state.case)
        return Acted(ComplaintWithdrawn(case=state.case), ANONYMOUS, command.occurred_at or now)

    def _place(self, state: ComplianceState, command: PlaceHold, reason: str) -> HoldPlaced:
        _known_school(state, command.school)
        place = command.model_dump(include={"scope", "school", "class_id", "student"})
        if any(all(hold[name] == place[name] for name in place) for hold in state.holds.values()):
            raise Refusal("HOLD_EXISTS", case=state.case)
        return HoldPlaced(hold=f"{state.case}-h{state.placed + 1}", case=state.case, reason=reason, **place)

    def _release(self, state: ComplianceState, hold: str, reason: str) -> HoldReleased:
        return HoldReleased.model_validate({**state.holds[hold], "hold": hold, "case": state.case, "reason": reason})

    def _extend(self, state: ComplianceState, reason: str, today: date) -> CaseDeadlineExtended:
        if state.status not in UNDECIDED:
            raise _wrong_status(state)
        if state.extended:
            raise Refusal("CASE_EXTENDED", case=state.case)
        if state.decide_by is not None and today > state.decide_by:
            raise Refusal("CASE_DEADLINE_PASSED", due=state.decide_by.isoformat())
        until = decide_by(_calendar(state), state.received_on, state.policy.parameters, extended=True)
        return CaseDeadlineExtended(case=state.case, decide_by=until, reason=reason)

    def _confirm(
        self, state: ComplianceState, command: ConfirmViolation, reason: str, today: date
    ) -> ViolationConfirmed:
        if state.status not in (*UNDECIDED, CaseStatus.REFERRED):
            raise _wrong_status(state)
        _known_school(state, command.school)
        return ViolationConfirmed(
            case=state.case,
            violation=command.violation,
            school=command.school,
            class_id=command.class_id,
            students=command.students,
            reason=reason,
            appeal_by=today + timedelta(days=state.policy.parameters.appeal_days),
            final=False,
        )

    def _dismiss(self, state: ComplianceState, reason: str) -> list[Event]:
        if state.status is CaseStatus.APPEALED:
            raise _wrong_status(state)
        return [_dismissal(state, reason), *self._close(state, "DISMISSED", reason)]

    def _appeal(self, state: ComplianceState, command: FileCaseAppeal, today: date) -> CaseAppealFiled:
        """Take an appeal of the unit concerned.

        Raises:
            Refusal: WRONG_SCHOOL (recorded), CASE_STATUS, CASE_APPEAL_TOO_LATE, REASON_REQUIRED.
        """
        if not _is_of_unit(state, command.actor):
            raise Refusal("WRONG_SCHOOL", recorded=True)
        reason = require_reason(command)
        if state.status is not CaseStatus.CONFIRMED or state.appeal_by is None:
            raise _wrong_status(state)
        if today > state.appeal_by:
            raise Refusal("CASE_APPEAL_TOO_LATE", due=state.appeal_by.isoformat())
        until = workdays(_calendar(state), today, state.policy.parameters.complaint_close_workdays)
        return CaseAppealFiled(case=state.case, reason=reason, decide_by=until)

    def _decide_appeal(self, state: ComplianceState, command: DecideCaseAppeal) -> list[Event]:
        """Let a person without a hand in it decide, who is not of the unit concerned (INV-21).

        Raises:
            Refusal: SELF_APPROVAL, CASE_OF_OWN_UNIT (both recorded), COMPLAINT_YOUR_OWN, HANDS_MISSING, CASE_STATUS,
                REASON_REQUIRED.
        """
        reason = require_reason(command)
        if state.status is not CaseStatus.APPEALED:
            raise _wrong_status(state)
        _refuse_the_maker(state, command)
        require_other_person(command.actor, state.hands)
        _require_no_maker(state, command)
        if _is_of_unit(state, command.actor):
            raise Refusal("CASE_OF_OWN_UNIT", recorded=True, case=state.case)
        decided = CaseAppealDecided(case=state.case, outcome=command.outcome, reason=reason)
        if command.outcome == "GRANTED":
            return [decided, _dismissal(state, reason), *self._close(state, "DISMISSED", reason)]
        return [decided, *self._final(state, reason)]

    # -- endings and clocks -------------------------------------------------------------------------------------

    def _final(self, state: ComplianceState, reason: str) -> list[Event]:
        """Make a confirmed violation final."""
        confirmed = ViolationConfirmed.model_validate(
            {**(state.violation or {}), "case": state.case, "appeal_by": state.appeal_by, "final": True}
        )
        return [confirmed, *self._close(state, "VIOLATION", reason)]

    def _close(self, state: ComplianceState, outcome: str, reason: str) -> list[Event]:
        """End the case and every hold that it still has: none outlives the case that can release it."""
        released = [self._release(state, hold, reason) for hold in state.holds]
        return [*released, CaseClosed.model_validate({"case": state.case, "outcome": outcome, "reason": reason})]

    def _clocks(self, state: ComplianceState) -> Iterator[Due]:
        """Yield what happens when nobody acts; a day that cannot be computed yet has no clock, and is not lost."""
        if state.status is CaseStatus.CLOSED:
            return
        above = next_above(state.owners[0])
        if not state.acknowledged and state.acknowledge_by is not None and "acknowledge" not in state.overdue:
            overdue = AcknowledgementOverdue(case=state.case, due=state.acknowledge_by, to_role=above)
            yield end_of(state.acknowledge_by), [overdue]
        waiting = state.status in (*UNDECIDED, CaseStatus.REFERRED)  # to hand it on does not end its day (INV-32)
        if waiting and state.decide_by is not None and "case" not in state.overdue:
            late = DecisionOverdue(case=state.case, due=state.decide_by, to_role=above, step="case")
            yield end_of(state.decide_by), [late]
        if state.status is CaseStatus.APPEALED and state.appeal_decide_by and "appeal" not in state.overdue:
            late = DecisionOverdue(case=state.case, due=state.appeal_decide_by, to_role=above, step="appeal")
            yield end_of(state.appeal_decide_by), [late]
        if state.status is CaseStatus.CONFIRMED and state.appeal_by is not None:
            yield end_of(state.appeal_by), self._final(state, "NO_APPEAL")

    def _escalate(self, state: ComplianceState, step: str, role: str) -> None:
        state.overdue.append(step)
        if role not in state.owners:
            state.owners.append(role)

    def _count_again(self, state: ComplianceState) -> None:
        """Compute the days that no calendar had reached."""
        calendar, parameters = _calendar(state), state.policy.parameters
        if state.acknowledge_by is None:
            state.acknowledge_by = acknowledge_by(calendar, state.received_on, parameters)
        if state.decide_by is None:
            state.decide_by = decide_by(calendar, state.received_on, parameters, extended=state.extended)
        if state.appealed_on is not None and state.appeal_decide_by is None:
            state.appeal_decide_by = workdays(calendar, state.appealed_on, parameters.complaint_close_workdays)


def _told(state: ComplianceState, kind: str, envelope: Envelope, **data: Any) -> Outgoing:
    return news(state.campaign, kind, envelope, **data)


def _calendar(state: ComplianceState) -> Calendar:
    return Calendar.model_validate(state.calendar)


def _is_maker(state: ComplianceState, command: CaseCommand) -> bool:
    """Tell whether a command is given by, or for, somebody who asked for the case."""
    if state.origin in SECRET:
        return any(hand in state.made_by for hand in command.hands)
    return is_made_by(state.case, command.actor, state.made_by)


def _refuse_the_maker(state: ComplianceState, command: CaseCommand) -> None:
    """Refuse whoever complained before any refusal that is put on record: it would tell who that is (INV-32)."""
    if state.origin in SECRET and command.hands:
        require_other_hands(state.case, command.hands, state.made_by)


def _require_no_maker(state: ComplianceState, command: CaseCommand) -> None:
    """Refuse whoever asked for the case: on record only where the record says in any event who that is (INV-32)."""
    if state.origin in SECRET:
        require_other_hands(state.case, command.hands, state.made_by)
    else:
        require_not_own(state.case, command.actor, state.made_by)


def _wrong_status(state: ComplianceState) -> Refusal:
    return Refusal("CASE_STATUS", case=state.case, status=f"case_{state.status.value}")


def _known_school(state: ComplianceState, school: str | None) -> None:
    if school is not None and school not in state.schools:
        raise Refusal("SCHOOL_UNKNOWN", school=school)


def _is_of_unit(state: ComplianceState, actor: Actor) -> bool:
    """Tell whether somebody belongs to the unit that the case, or what it found, is about.

    The discipline officer and the auditor stand in the bureau's list and outside its business (DESIGN §10).
    """
    if actor.role in (Role.DISCIPLINE_OFFICER, Role.AUDITOR):
        return False
    found = state.violation["school"] if state.violation else None
    return actor.organisation in (state.about, found)


def _dismissal(state: ComplianceState, reason: str) -> ViolationDismissed:
    found = state.violation or {"violation": None, "school": None, "class_id": None, "students": []}
    return ViolationDismissed.model_validate({**found, "case": state.case, "reason": reason})


def _remember_hands(state: ComplianceState, actor: Actor) -> None:
    """Keep who acted, and for whom, so that an appeal is decided by somebody else (INV-21)."""
    if actor.role in (Role.SYSTEM, Role.PUBLIC):
        return
    state.hands += [who for who in (actor.id, actor.on_behalf_of) if who is not None and who not in state.hands]
