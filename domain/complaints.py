"""Complaints in the campaign's stream, and the cases that they open (INV-32; DOMAIN §7.6).

Since release 3 every complaint is a case with a stream of its own, which lives through pause, stop and close. An
older campaign answers and decides its complaints in its own stream, as it always did.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, ClassVar, Final

from domain.actors import ANONYMOUS, SYSTEM, Actor, Role
from domain.calendar import Calendar
from domain.campaign_events import (
    AcknowledgeComplaint,
    Complain,
    ComplaintAcknowledged,
    ComplaintDecided,
    ComplaintReceived,
    DecideComplaint,
)
from domain.campaign_state import CampaignState, Complaint
from domain.complaint_rules import acknowledge_by, decide_by, made_by, owner_of, require_not_own, require_owner
from domain.compliance_events import CaseEntry, CaseOrigin, FlagNote, NoteFlagged, ReportSuspicion, SuspicionReported
from domain.events import Envelope, Event
from domain.parts import Part
from domain.refusal import Refusal
from domain.stage_state import require_reason
from domain.stream import Acted, Command, Outgoing, child
from domain.time import civil, instant

CASES_SINCE: Final = 3
"""The release of campaigns whose complaints are cases."""

FUNDING_REJECTED: Final = "FundingSourceRejected"
"""The settlement's event that opens a case by itself (R-08)."""


def case_stream(campaign: str, case: str) -> str:
    """Return the id of a case's stream."""
    return f"{campaign}/compliance/{case}"


class ComplaintsPart(Part[CampaignState]):
    """Complaints, suspicions and flagged notes: each opens a case whose owner is outside the unit concerned."""

    commands: ClassVar[tuple[type[Command], ...]] = (
        Complain,
        AcknowledgeComplaint,
        DecideComplaint,
        ReportSuspicion,
        FlagNote,
    )
    event_types: ClassVar[tuple[type[Event], ...]] = (
        ComplaintReceived,
        ComplaintAcknowledged,
        ComplaintDecided,
        SuspicionReported,
        NoteFlagged,
    )
    since: ClassVar[int] = 1

    def decide(self, state: CampaignState, command: Any, now: datetime) -> Sequence[Event | Acted]:  # type: ignore[override] # the machine takes both
        """Receive a complaint, or open a case without one; the rest is the case's.

        Raises:
            Refusal: COMPLAINT_*, HANDS_MISSING, SELF_APPROVAL, REASON_REQUIRED, CAMPAIGN_TOO_OLD.
        """
        if state.release < CASES_SINCE:
            return self._as_before(state, command, civil(now))
        occurred = command.occurred_at or now
        match command:
            case Complain():
                return [Acted(self._received(state, command, civil(now)), ANONYMOUS, occurred)]
            case ReportSuspicion(case=name, matter=matter):
                terms = self._terms(state, name, command.about, command.actor.role, civil(now))
                people = made_by(name, command.actor)
                return [SuspicionReported(case=name, matter=matter, note=command.note, made_by=people, **terms)]
            case FlagNote(case=name, note=note):
                terms = self._terms(state, name, command.about, command.actor.role, civil(now))
                if not command.hands:
                    raise Refusal("HANDS_MISSING", case=name)
                terms["made_by"] = command.hands
                return [Acted(NoteFlagged(case=name, note=note, **terms), SYSTEM, occurred)]
            case _:
                if command.complaint not in state.holds.cases:
                    raise Refusal("COMPLAINT_UNKNOWN", complaint=command.complaint)
                raise Refusal("COMPLAINT_HAS_A_CASE", case=case_stream(state.campaign, command.complaint))

    def evolve(self, state: CampaignState, event: Event, envelope: Envelope) -> None:
        """Keep complaints and cases; a funding source that may not pay opens a case too (R-08)."""
        match event:
            case ComplaintReceived(complaint=name) if state.release < CASES_SINCE:
                people = made_by(name, Actor.model_validate(envelope["actor"]))
                state.complaints[name] = Complaint.model_validate({**event.model_dump(), "made_by": people})
            case ComplaintAcknowledged(complaint=name):
                state.complaints[name].acknowledged = True
            case ComplaintDecided(complaint=name, outcome=outcome):
                state.complaints[name].acknowledged = True
                state.complaints[name].outcome = outcome
            case _:
                opened = _opened(state, event, envelope)
                if opened is not None:
                    state.holds.cases[opened[0]] = opened[1]

    def outgoing(self, state: CampaignState, event: Event, envelope: Envelope) -> list[Outgoing]:
        """Begin the stream of a case that the event has opened."""
        name = _case_opened_by(event, envelope)
        if name is None or name not in state.holds.cases:
            return []
        entry = state.holds.cases[name].model_dump(mode="json", exclude={"open"})
        start = {
            "campaign": state.campaign,
            "case": name,
            **entry,
            "schools": list(state.schools),
            "policy": state.policy.model_dump(mode="json"),
            "calendar": state.calendar,
        }
        return [child(case_stream(state.campaign, name), "compliance", start, envelope)]

    def view(self, state: CampaignState) -> dict[str, Any]:
        """Return how many complaints and cases are open."""
        undecided = sum(complaint.outcome is None for complaint in state.complaints.values())
        cases = len(state.holds.open_cases())
        return {
            **({"open_complaints": undecided} if undecided else {}),
            **({"open_cases": cases} if cases else {}),
        }

    # -- inside -----------------------------------------------------------------------------------------------

    def _terms(self, state: CampaignState, name: str, about: str, reporter: Role, today: date) -> dict[str, Any]:
        """Return what every case begins with: whom it is about, its owner, its days."""
        if name in state.holds.cases:
            raise Refusal("COMPLAINT_EXISTS", complaint=name)
        return _days_and_owner(state, about, reporter, today)

    def _received(self, state: CampaignState, command: Complain, today: date) -> ComplaintReceived:
        """Return a complaint as it is received: whoever made it is no actor, and stands in it as keyed digests."""
        if command.actor != ANONYMOUS:
            raise Refusal("COMPLAINT_NAMED", complaint=command.complaint)
        reporter = Role.DISCIPLINE_OFFICER if command.from_discipline else command.actor.role
        return ComplaintReceived(
            complaint=command.complaint,
            matter=command.matter,
            note=command.note,
            made_by=command.hands,
            self_reported=command.self_reported and bool(command.hands),
            **self._terms(state, command.complaint, command.about, reporter, today),
        )

    def _as_before(self, state: CampaignState, command: Any, today: date) -> list[Event]:
        match command:
            case Complain(complaint=name, about=about, matter=matter):
                if name in state.complaints:
                    raise Refusal("COMPLAINT_EXISTS", complaint=name)
                terms = _days_and_owner(state, about, command.actor.role, today)
                return [ComplaintReceived(complaint=name, matter=matter, **terms)]
            case AcknowledgeComplaint(complaint=name):
                if self._complaint(state, command.actor, name).acknowledged:
                    raise Refusal("COMPLAINT_ACKNOWLEDGED")
                return [ComplaintAcknowledged(complaint=name)]
            case DecideComplaint(complaint=name, outcome=outcome):
                reason = require_reason(command)
                if self._complaint(state, command.actor, name).outcome is not None:
                    raise Refusal("COMPLAINT_DECIDED")
                return [ComplaintDecided(complaint=name, outcome=outcome, reason=reason)]
            case _:
                raise Refusal("CAMPAIGN_TOO_OLD", release=state.release)

    def _complaint(self, state: CampaignState, actor: Actor, name: str) -> Complaint:
        """Return a complaint that the actor owns; nobody inside the unit complained of touches it (INV-32)."""
        found = state.complaints.get(name)
        if found is None:
            raise Refusal("COMPLAINT_UNKNOWN", complaint=name)
        require_owner(name, actor, [found.owner])
        require_not_own(name, actor, found.made_by)
        return found


def _days_and_owner(state: CampaignState, about: str, reporter: Role | None, today: date) -> dict[str, Any]:
    parameters = state.policy.parameters
    calendar = Calendar.model_validate(state.calendar)
    return {
        "about": about,
        "owner": owner_of(about, reporter).value,
        "acknowledge_by": acknowledge_by(calendar, today, parameters),
        "decide_by": decide_by(calendar, today, parameters, extended=False),
    }


def _case_opened_by(event: Event, envelope: Envelope) -> str | None:
    """Return the name of the case that an event opens, None where it opens none."""
    match event:
        case ComplaintReceived(complaint=name) | SuspicionReported(case=name) | NoteFlagged(case=name):
            return name
        case _ if envelope["type"] == FUNDING_REJECTED:
            return f"funding-{envelope['version']}"
        case _:
            return None


def _opened(state: CampaignState, event: Event, envelope: Envelope) -> tuple[str, CaseEntry] | None:
    """Return the case that an event opens, with its name."""
    name = _case_opened_by(event, envelope)
    if name is None:
        return None
    received = civil(instant(envelope["recorded_at"]))

    def entry(origin: CaseOrigin, **fields: Any) -> tuple[str, CaseEntry]:
        return name, CaseEntry.model_validate({"origin": origin, "received_on": received, **fields})

    match event:
        case ComplaintReceived(note=note):
            return entry("COMPLAINT", **event.model_dump(), notes=[note] if note else [])
        case SuspicionReported(note=note):
            return entry("SUSPICION", **event.model_dump(), notes=[note] if note else [])
        case NoteFlagged(note=note):
            return entry("NOTE", **event.model_dump(), matter="EXAM_WAIVER", notes=[note])
        case _:
            terms = _days_and_owner(state, "bureau", None, received)
            people = made_by(name, Actor.model_validate(envelope["actor"]))
            return entry("FUNDING_SOURCE", matter="FUNDING_SOURCE", made_by=people, **terms)
