"""How families' own acts are taken: only with the gateway's signature, in order, each once (INV-02, INV-04, INV-06).

An act counts as of the time at which the family did it, however late it arrives (edge case 21). A withdrawal needs
nothing but to be genuine: no notice, no state of the stage and no reason stands in its way.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Final

from domain.application_filing_commands import DeliverFamilyActs
from domain.application_filing_events import (
    ConsentRefused,
    ConsentSigned,
    ConsentWithdrawn,
    FamilyActRefused,
    FamilyEvent,
    IntentStated,
    NoticeAcknowledged,
    RegistrationCancelled,
)
from domain.application_filing_state import ApplicationFilingState
from domain.destination import Case, Move, barred
from domain.events import Event
from domain.family_act import FamilyAct, Intent, Party, is_signed_by
from domain.refusal import Refusal
from domain.stage_events import StageStatus
from domain.stream import DIGEST_LENGTH, Acted
from domain.time import civil, instant, stamp

_VOID_AFTER_WITHDRAWAL: Final = ("intent", "sign", "refuse")
"""What a family did before it withdrew or refused is overtaken: it brings no consent back, and undoes no newer one."""


def decide_acts(state: ApplicationFilingState, command: DeliverFamilyActs, now: datetime) -> list[Event | Acted]:
    """Return what the acts lead to, in their order; each sees what those before it have changed.

    Raises:
        Refusal: recorded, of the only act of a command. Of several, a bad one leaves `FamilyActRefused`.
    """
    cases: dict[str, Case] = {}
    events: list[Event | Acted] = []
    for act in command.acts:
        try:
            _refuse_unless_genuine(state, act)
            case = cases.get(act.student) or _case(state, act)
            own = _decide(state, case, act, now)
        except Refusal as refusal:
            if len(command.acts) == 1:
                raise Refusal(refusal.code, recorded=True, **refusal.parameters) from None
            events.append(
                FamilyActRefused(student=act.student, act=act.act, code=refusal.code, act_digest=_digest(act))
            )
            continue
        case = cases[act.student] = case.model_copy(deep=True)
        for event in own:
            take(case, event, _as_recorded(act))
        events += [Acted(event, act.actor, act.at) for event in own]
    return events


def take(case: Case, event: Event, at: datetime) -> None:
    """Change a case by a family's own event, which happened at this instant."""
    match event:
        case IntentStated(intent=intent):
            case.state_intent(intent, at)
        case NoticeAcknowledged(document=document):
            case.acknowledge(document, at)
        case ConsentSigned(party=party, document=document, destination=destination):
            case.sign(party, document, destination, at)
        case ConsentRefused():
            case.refuse(at)
        case ConsentWithdrawn():
            case.withdraw(at)
        case _:
            return
    if isinstance(event, FamilyEvent):
        case.remember(event.act)


def _refuse_unless_genuine(state: ApplicationFilingState, act: FamilyAct) -> None:
    """Refuse an act without the gateway's signature, or of another school: each act of a command is asked alike."""
    if state.gateway is None or act.key_id != state.gateway.key_id:
        raise Refusal("ACT_KEY_UNKNOWN")
    if not is_signed_by(act, state.gateway.public_key):
        raise Refusal("ACT_NOT_SIGNED")
    if (act.campaign, act.school) != (state.campaign, state.school):
        raise Refusal("ACT_FOREIGN")


def _case(state: ApplicationFilingState, act: FamilyAct) -> Case:
    """Return the case that a genuine act is about."""
    case = state.cases.get(act.student)
    if case is None:
        raise Refusal(state.unknown(act.student))
    return case


def _decide(state: ApplicationFilingState, case: Case, act: FamilyAct, now: datetime) -> list[Event]:
    if case.knows(act.act_id):
        raise Refusal("ACT_ALREADY_TAKEN")
    minutes = state.policy.parameters.future_minutes
    if act.at > now + timedelta(minutes=minutes):
        raise Refusal("OCCURRED_IN_FUTURE", minutes=minutes)
    if act.act == "withdraw":
        return _withdrawn(case, act)
    if act.act == "refuse" and case.registration is not None and act.at < case.registration.verified_at:
        return [*_withdrawn(case, act), _refused(act)]
    _refuse_if_closed_or_stale(state, case, act)
    student, party, document = act.student, act.party, act.document
    match act.act:
        case "intent" if act.intent is not None:
            return [IntentStated(student=student, party=party, act=act.act_id, intent=act.intent)]
        case "acknowledge":
            if party is not Party.GUARDIAN:
                raise Refusal("ACT_NOT_FOR_PARTY")
            return [NoticeAcknowledged(student=student, party=party, act=act.act_id, document=document)]
        case "sign" if act.destination is not None:
            _refuse_signature(state, case, act, act.destination)
            return [
                ConsentSigned(
                    student=student, party=party, act=act.act_id, document=document, destination=act.destination
                )
            ]
        case _:
            before: list[Event] = _withdrawn(case, act) if case.signed_by_both else []
            return [*before, _refused(act)]


def _refused(act: FamilyAct) -> ConsentRefused:
    return ConsentRefused(student=act.student, party=act.party, act=act.act_id, document=act.document)


def _withdrawn(case: Case, act: FamilyAct) -> list[Event]:
    """Take a withdrawal; after the registration only one that the family made before it was verified here.

    Where the family has signed again since its last withdrawal, one that is no later than that has had its effect.
    """
    registration = case.registration
    if registration is not None and act.at >= registration.verified_at:
        raise Refusal("WITHDRAWAL_AFTER_REGISTRATION")
    if case.consents and case.void_before is not None and _as_recorded(act) <= case.void_before:
        raise Refusal("ACT_ALREADY_TAKEN")
    events: list[Event] = [
        ConsentWithdrawn(student=act.student, party=act.party, act=act.act_id, late=case.application is not None)
    ]
    if registration is not None and case.school is not None:
        events.append(RegistrationCancelled(student=act.student, school=case.school))
    return events


def _refuse_if_closed_or_stale(state: ApplicationFilingState, case: Case, act: FamilyAct) -> None:
    if state.status is StageStatus.PLANNED:
        raise Refusal("STAGE_TOO_EARLY", opens=state.opens.isoformat())
    if state.status not in (StageStatus.OPEN, StageStatus.COMPLETED):
        raise Refusal("STAGE_NOT_OPEN", status=state.status.value)
    if case.offered is None:
        raise Refusal("NOTICE_NOT_OFFERED")
    if act.document != case.offered:
        raise Refusal("DOCUMENT_SUPERSEDED", document=case.offered)
    if case.offered_on is not None and civil(act.at) < case.offered_on:
        raise Refusal("ACT_BEFORE_NOTICE")
    code = barred(case.path, Move(act.act))
    if code is not None:
        raise Refusal(code)
    if act.act in _VOID_AFTER_WITHDRAWAL and case.void_before is not None and _as_recorded(act) < case.void_before:
        raise Refusal("ACT_BEFORE_WITHDRAWAL")


def _refuse_signature(state: ApplicationFilingState, case: Case, act: FamilyAct, destination: str) -> None:
    if case.acknowledged != act.document:
        raise Refusal("NOTICE_NOT_ACKNOWLEDGED")
    if case.acknowledged_at is not None and _as_recorded(act) < case.acknowledged_at:
        raise Refusal("SIGNED_BEFORE_ACKNOWLEDGED")
    if case.intent is not Intent.VOCATIONAL:
        raise Refusal("INTENT_NOT_VOCATIONAL")
    if destination not in state.qualified_schools:
        raise Refusal("SCHOOL_NOT_LISTED", school=destination)
    if case.consents.get(act.party) == act.document:
        raise Refusal("ALREADY_SIGNED")
    if act.document in case.consents.values() and case.school != destination:
        raise Refusal("DESTINATION_DIFFERS", school=case.school)


def _as_recorded(act: FamilyAct) -> datetime:
    """Return when a family acted, as exactly as the record says it; a state folded from the record compares alike."""
    return instant(stamp(act.at))


def _digest(act: FamilyAct) -> str:
    return hashlib.sha256(act.signed_bytes).hexdigest()[:DIGEST_LENGTH]
