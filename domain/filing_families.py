"""How families' own acts are taken: only with the gateway's signature, in order, each once (INV-02, INV-04, INV-06).

An act counts as of the time at which the family did it, however late it arrives (edge case 21); only the waits that an
acknowledgement or a signature begins cannot lie in the past (`counts_from`). A withdrawal needs nothing but to be
genuine: no notice, no state of the stage and no reason stands in its way. A refusal of what was signed is one.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Final

from domain.actors import SYSTEM
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
from domain.consent import SuspensionReason
from domain.destination import Case, Move, barred
from domain.events import Event
from domain.family_act import FamilyAct, Intent, Party, is_signed_by
from domain.filing_acts import (
    after_signature,
    as_said,
    counts_from,
    data_consent,
    kept,
    objection,
    refuse_signature,
    refuse_unless_guardian,
    takes_the_place,
)
from domain.filing_consent import take_consent
from domain.filing_flags import anomalies
from domain.refusal import Refusal
from domain.stage_events import StageStatus
from domain.stream import DIGEST_LENGTH, Acted
from domain.time import civil, instant, stamp

_VOID_AFTER_WITHDRAWAL: Final = ("intent", "sign", "refuse")
"""What a family did before it withdrew or refused is overtaken: it brings no consent back, and undoes no newer one."""

_WAYS_OUT: Final = ("withdraw", "refuse")
"""What is taken in every state of the stage, and also of a pupil who has left."""

_THE_FAMILYS: Final = (FamilyEvent, RegistrationCancelled)
"""What stands in the record as done by the person of the family; the rest follows by itself."""


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
                named = act.act if state.has_protocol else None
                raise Refusal(refusal.code, recorded=True, act=named, **refusal.parameters) from None
            events.append(
                FamilyActRefused(student=act.student, act=act.act, code=refusal.code, act_digest=_digest(act))
            )
            continue
        case = cases[act.student] = case.model_copy(deep=True)
        for event in own:
            counts = counts_from(state, event, _as_recorded(act), instant(stamp(now)))
            take(case, event, counts, act.person, said=_as_recorded(act))
        events += [Acted(event, act.actor if isinstance(event, _THE_FAMILYS) else SYSTEM, act.at) for event in own]
    return [*events, *anomalies(state, cases, now)]


def take(case: Case, event: Event, at: datetime, person: str, *, said: datetime) -> None:
    """Change a case by a family's own event and by what follows from it.

    Args:
        case: the case that changes.
        event: what happened.
        at: when it counts from (`counts_from`).
        person: who did it, of the family.
        said: when it was done, as the record says it.
    """
    protocol = case.protocol
    match event:
        case IntentStated(intent=intent, party=party):
            case.state_intent(intent, at, party)
            if intent is Intent.VOCATIONAL and SuspensionReason.GUARDIANS_DISAGREE not in protocol.suspended:
                protocol.yield_objection(person)  # where a suspension rests on it, only a keep ends both
        case NoticeAcknowledged(document=document):
            case.acknowledge(document, at)
            protocol.acknowledge(person, document)
        case ConsentSigned(party=party, document=document, destination=destination, wave=wave, device=device):
            case.sign(party, document, destination, at, person, wave)
            protocol.said_at = None if said == at else said
            protocol.yield_objection(person)
            if device is not None:
                protocol.devices = {**protocol.devices, party: device}
        case ConsentRefused(party=party):
            case.refuse(at)
            if party is Party.GUARDIAN:
                protocol.object(person)
        case ConsentWithdrawn(party=party):
            case.withdraw(at)
            if party is Party.GUARDIAN:
                protocol.object(person)
        case _:
            take_consent(case, event, at, person)
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
    """Return the case that a genuine act is about; who has left the register can still say no (INV-06)."""
    case = state.case_of(act.student) if act.act in _WAYS_OUT else state.cases.get(act.student)
    if case is None:
        raise Refusal(state.unknown(act.student))
    return case


def _decide(state: ApplicationFilingState, case: Case, act: FamilyAct, now: datetime) -> list[Event]:
    if case.knows(act.act_id):
        raise Refusal("ACT_ALREADY_TAKEN")
    minutes = state.policy.parameters.future_minutes
    if act.at > now + timedelta(minutes=minutes):
        raise Refusal("OCCURRED_IN_FUTURE", minutes=minutes)
    match act.act:
        case "withdraw":
            return _withdrawn(state, case, act)
        case "refuse" if case.registration is not None and act.at < case.registration.verified_at:
            return _withdrawn(state, case, act, refused=True)
        case "refuse" if state.has_protocol and case.registration is None and case.consents:
            return _withdrawn(state, case, act, refused=True)
        case "refuse" if act.student in state.departed:
            return [_refused(act)]
        case "keep" | "consent_data" if not state.has_protocol:
            raise Refusal("NOT_IN_THIS_RELEASE")
        case "keep":
            return kept(case, act)
        case _:
            _refuse_if_closed_or_stale(state, case, act)
            return _answered(state, case, act, now)


def _answered(state: ApplicationFilingState, case: Case, act: FamilyAct, now: datetime) -> list[Event]:
    """Take an answer to the notice: an intent, an acknowledgement, a signature, a refusal."""
    said, document = as_said(act), act.document
    match act.act:
        case "intent" if act.intent is not None:
            if state.has_protocol:
                refuse_unless_guardian(case, act)  # else somebody's wish would stand for the guardians' (G12)
            return [IntentStated(**said, intent=act.intent)]
        case "acknowledge":
            if act.party is not Party.GUARDIAN:
                raise Refusal("ACT_NOT_FOR_PARTY")
            if state.has_protocol:
                refuse_unless_guardian(case, act)
            return [NoticeAcknowledged(**said, document=document)]
        case "consent_data":
            return data_consent(case, act)
        case "sign" if act.destination is not None:
            where = {"destination": act.destination, "wave": act.wave}
            signed = ConsentSigned(**said, document=document, **where, short=act.short)
            counts = counts_from(state, signed, _as_recorded(act), instant(stamp(now)))
            _refuse_signature(state, case, act, act.destination, counts)
            return [signed, *(after_signature(state, case, signed, act, counts) if state.has_protocol else ())]
        case _ if state.has_protocol and case.protocol.objects(act.party, act.person):
            return objection(case, act)
        case _ if case.signed_by_both:
            return _withdrawn(state, case, act, refused=True)
        case _:
            return [_refused(act)]


def _refused(act: FamilyAct) -> ConsentRefused:
    return ConsentRefused(**as_said(act), document=act.document)


def _withdrawn(state: ApplicationFilingState, case: Case, act: FamilyAct, *, refused: bool = False) -> list[Event]:
    """Take a withdrawal; after the registration only one that the family made before it was verified here.

    Where the family has signed again since its last withdrawal, one that is no later than that has had its effect. A
    guardian withdraws the own signature, not another guardian's: that is an objection, and suspends the case.
    """
    registration = case.registration
    if registration is not None and act.at >= registration.verified_at:
        raise Refusal("WITHDRAWAL_AFTER_REGISTRATION")
    if case.consents and case.void_before is not None and _as_recorded(act) <= case.void_before:
        raise Refusal("ACT_BEFORE_WITHDRAWAL" if refused and registration is None else "ACT_ALREADY_TAKEN")
    if state.has_protocol and case.protocol.objects(act.party, act.person):
        return objection(case, act)
    late = case.protocol.is_late(_as_recorded(act)) if state.has_protocol else case.application is not None
    events: list[Event] = [ConsentWithdrawn(**as_said(act), late=late)]
    if registration is not None and case.school is not None:
        events.append(RegistrationCancelled(student=act.student, school=case.school))
    return [*events, _refused(act)] if refused else events


def _refuse_if_closed_or_stale(state: ApplicationFilingState, case: Case, act: FamilyAct) -> None:
    if state.status is StageStatus.PLANNED:
        raise Refusal("STAGE_TOO_EARLY", opens=state.opens.isoformat())
    if state.status not in (StageStatus.OPEN, StageStatus.COMPLETED):
        raise Refusal("STAGE_NOT_OPEN", status=state.status.value)
    if case.protocol.reacknowledge is not None and act.document != case.protocol.reacknowledge:
        raise Refusal("DOCUMENT_SUPERSEDED", document=case.protocol.reacknowledge)
    if case.offered is None:
        raise Refusal("NOTICE_NOT_OFFERED")
    if act.document != case.offered:
        raise Refusal("DOCUMENT_SUPERSEDED", document=case.offered)
    if case.offered_on is not None and civil(act.at) < case.offered_on:
        raise Refusal("ACT_BEFORE_NOTICE")
    code = barred(case.path, Move(act.act))
    if code is not None and not takes_the_place(case, act):
        raise Refusal(code)
    if act.act in _VOID_AFTER_WITHDRAWAL and case.void_before is not None and _as_recorded(act) < case.void_before:
        raise Refusal("ACT_BEFORE_WITHDRAWAL")


def _refuse_signature(
    state: ApplicationFilingState, case: Case, act: FamilyAct, destination: str, counts: datetime
) -> None:
    if case.acknowledged != act.document:
        raise Refusal("NOTICE_NOT_ACKNOWLEDGED")
    if case.acknowledged_at is not None and _as_recorded(act) < case.acknowledged_at:
        raise Refusal("SIGNED_BEFORE_ACKNOWLEDGED")
    if case.intent is not Intent.VOCATIONAL:
        raise Refusal("INTENT_NOT_VOCATIONAL")
    if destination not in state.qualified_schools:
        raise Refusal("SCHOOL_NOT_LISTED", school=destination)
    if case.consents.get(act.party) == act.document and not takes_the_place(case, act):
        raise Refusal("ALREADY_SIGNED")
    if act.document in case.consents.values() and case.school != destination:
        raise Refusal("DESTINATION_DIFFERS", school=case.school)
    if state.has_protocol:
        refuse_signature(state, case, act, counts)


def _as_recorded(act: FamilyAct) -> datetime:
    """Return when a family acted, as exactly as the record says it; a state folded from the record compares alike."""
    return instant(stamp(act.at))


def _digest(act: FamilyAct) -> str:
    return hashlib.sha256(act.signed_bytes).hexdigest()[:DIGEST_LENGTH]
