"""What a family's act means where the whole protocol holds: waits, two guardians, cooling-off, objections (release 3).

`domain.filing_families` asks here for streams that have the protocol; older ones keep their shorter path.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from domain.application_filing_events import ConsentSigned, FamilyEvent, NoticeAcknowledged
from domain.application_filing_state import ApplicationFilingState
from domain.consent import BY_THE_FAMILY, SuspensionReason
from domain.cooling import Cooling, cooling
from domain.destination import Case
from domain.events import Event
from domain.family_act import FamilyAct, Party, Wave
from domain.filing_consent_events import (
    ConsentKept,
    ConsentObjected,
    ConsentSuspended,
    CoolingStarted,
    DataConsentGiven,
    SuspensionLifted,
)
from domain.filing_windows import window_of
from domain.refusal import Refusal
from domain.time import instant, stamp

_BEGINS_A_WAIT: Final = (NoticeAcknowledged, DataConsentGiven, ConsentSigned)


def counts_from(state: ApplicationFilingState, event: Event, said: datetime, recorded: datetime) -> datetime:
    """Return when a family's act begins to count: as of when it was done, but its waits run only while it can be seen.

    Time to think that nobody could see pass is none: what was done long ago and arrives now would leave neither a wait
    nor a cooling-off. An acknowledgement, an agreement to the data and a signature count from the later of their own
    time and `late_act_minutes` before they arrive; a paper's, which the gateway takes only while the bureau calls back,
    from `backdate_days` before. A no, a withdrawal and a keep count as of when they were done (edge case 21).

    Args:
        state: the stage, with its policy.
        event: what the family did.
        said: when, as the record says it.
        recorded: when it arrived.
    """
    if not (state.has_protocol and isinstance(event, _BEGINS_A_WAIT)):
        return said
    parameters = state.policy.parameters
    on_its_way = timedelta(minutes=parameters.late_act_minutes)
    if isinstance(event, FamilyEvent) and event.channel == "paper":
        on_its_way = timedelta(days=parameters.backdate_days)
    return max(said, recorded - on_its_way)


def as_said(act: FamilyAct) -> dict[str, object]:
    """Return what every event of a family's act says of it."""
    return {
        "student": act.student,
        "party": act.party,
        "act": act.act_id,
        "channel": act.channel,
        "device": act.device,
    }


def refuse_unless_guardian(case: Case, act: FamilyAct) -> None:
    """Refuse what only a guardian can do to whoever is on record as none (edge cases 1 and 2).

    Raises:
        Refusal: ACT_NOT_BY_GUARDIAN.
    """
    if act.party is Party.GUARDIAN and not case.protocol.may_consent(act.person):
        raise Refusal("ACT_NOT_BY_GUARDIAN")


def takes_the_place(case: Case, act: FamilyAct) -> bool:
    """Tell whether a signature comes into the place of one that does not stand, of a consent that goes on with it.

    A guardian signs in the place of somebody who is on record as none: the new signature ends the old. Where the family
    has applied already the place is kept, and with a newer notice the pupil signs that one too. From the admission on
    nobody signs any more: the place is kept, and only the count waits.
    """
    if act.act != "sign" or case.admitted_on is not None:
        return False
    if case.application is not None and not case.signed_by_both and act.party not in case.consents:
        return True
    mine = act.party is Party.GUARDIAN and case.protocol.may_consent(act.person)
    return mine and not case.protocol.signer_stands


def data_consent(case: Case, act: FamilyAct) -> list[Event]:
    """Return a guardian's agreement to the data of a child under 14 (R-17).

    Raises:
        Refusal: ACT_NOT_FOR_PARTY, ACT_NOT_BY_GUARDIAN.
    """
    if act.party is not Party.GUARDIAN:
        raise Refusal("ACT_NOT_FOR_PARTY")
    refuse_unless_guardian(case, act)
    return [DataConsentGiven(**as_said(act), document=act.document)]


def refuse_signature(state: ApplicationFilingState, case: Case, act: FamilyAct, counts: datetime) -> None:
    """Refuse a signature that the protocol does not allow now; each has its own sentence.

    Args:
        state: the stage.
        case: the pupil's case.
        act: the signature.
        counts: when it begins to count (`counts_from`): by that hour it is in time for the official system.

    Raises:
        Refusal: ACT_NOT_BY_GUARDIAN, NOTICE_NOT_ACKNOWLEDGED, CONSENT_SUSPENDED, SPRING_FORBIDDEN, WAVE_DIFFERS,
            SIGNED_TOO_EARLY (with the instant from which it works), SIGNING_NOT_OFFERED (with the day), SIGNING_CLOSED
            (with the last day), DESTINATION_DIFFERS, DATA_CONSENT_MISSING.
    """
    parameters, protocol, said = state.policy.parameters, case.protocol, instant(stamp(act.at))
    refuse_unless_guardian(case, act)
    replaces = takes_the_place(case, act)
    if replaces and act.party is Party.GUARDIAN and protocol.acknowledged_by.get(act.person) != act.document:
        raise Refusal("NOTICE_NOT_ACKNOWLEDGED")
    if not protocol.told(act.document):
        raise Refusal("NOTICE_NOT_ACKNOWLEDGED")  # who read it is on record as no guardian since
    if protocol.suspended and not (replaces and list(protocol.suspended) == [SuspensionReason.CUSTODY_DISPUTE]):
        raise Refusal("CONSENT_SUSPENDED")
    if act.wave is Wave.SPRING and not parameters.spring_delivery:
        raise Refusal("SPRING_FORBIDDEN")
    if act.document in case.consents.values() and (protocol.wave or Wave.AUTUMN) is not act.wave:
        raise Refusal("WAVE_DIFFERS")
    if case.application is not None and case.school is not None and act.destination != case.school:
        raise Refusal("DESTINATION_DIFFERS", school=case.school)
    if case.acknowledged_at is not None:
        earliest = case.acknowledged_at + timedelta(hours=parameters.signature_wait_hours)
        if said < earliest:
            raise Refusal("SIGNED_TOO_EARLY", works_from=f"{earliest:%Y-%m-%d %H:%M:%S}")
    window = state.application_window
    if window is not None and said < window.signing_from(parameters):
        raise Refusal("SIGNING_NOT_OFFERED", on=window.signing_from(parameters).date().isoformat())
    was_in_time = replaces or protocol.was_in_time
    if window is not None and window.over(counts) and not was_in_time:
        raise Refusal("SIGNING_CLOSED", last=window.last.isoformat())
    if act.student in state.under_14 and (protocol.data_agreed_at is None or said < protocol.data_agreed_at):
        raise Refusal("DATA_CONSENT_MISSING")


def after_signature(
    state: ApplicationFilingState, case: Case, signed: ConsentSigned, act: FamilyAct, counts: datetime
) -> list[Event]:
    """Return what a signature leads to: with the second the cooling-off, with another guardian's no a suspension.

    Once the family has applied, no lock cuts the cooling-off of a signature in another's place.

    Raises:
        Refusal: SHORT_STATEMENT_NEEDED, with the real end: a window cuts the cooling-off, and the person who signs last
            has not ticked that this is understood (R-11).
    """
    after = case.model_copy(deep=True)
    after.sign(signed.party, signed.document, signed.destination, counts, act.person, signed.wave)
    events: list[Event] = []
    if after.signed_by_both and after.protocol.signed_at is not None:
        found = cooling(after.protocol.signed_at, window_of(state, case), state.policy.parameters)
        if found.short and not signed.short:
            raise Refusal("SHORT_STATEMENT_NEEDED", ends=f"{found.ends:%Y-%m-%d %H:%M:%S}")
        events.append(started(act.student, found))
    others = [person for person in case.protocol.objections if person != act.person]
    if signed.party is Party.GUARDIAN and others:
        events.append(ConsentSuspended(student=act.student, reason=SuspensionReason.GUARDIANS_DISAGREE))
    return events


def started(student: str, found: Cooling) -> CoolingStarted:
    """Return the event of a cooling-off that begins, with its end without the lock where that has cut it."""
    full = found.full if found.short else None
    return CoolingStarted(student=student, ends=found.ends, short=found.short, full=full)


def objection(case: Case, act: FamilyAct) -> list[Event]:
    """Return a guardian's no to what another guardian has signed, or may sign: nothing goes on (edge case 2).

    The other's signature stands in the record; only its own maker, the pupil, or the objector can clear the matter, or
    the register officer by a document that a mediation has led to.
    """
    events: list[Event] = [ConsentObjected(**as_said(act))]
    if case.consents and SuspensionReason.GUARDIANS_DISAGREE not in case.protocol.suspended:
        events.append(ConsentSuspended(student=act.student, reason=SuspensionReason.GUARDIANS_DISAGREE))
    return events


def kept(case: Case, act: FamilyAct) -> list[Event]:
    """Return "our consent stands": it answers a reported withdrawal, or ends the objection of the same person.

    A withdrawal that a person of the family reported is taken back by that person alone; whoever is not known to the
    case, and whoever may not consent, is an outsider here, as the pupil's family could not answer otherwise.

    Raises:
        Refusal: NOTHING_TO_KEEP, ACT_NOT_BY_GUARDIAN, ACT_NOT_BY_REPORTER.
    """
    protocol, events = case.protocol, []
    ends: list[SuspensionReason] = []
    if act.person in protocol.objections:
        if protocol.objections == [act.person]:
            ends.append(SuspensionReason.GUARDIANS_DISAGREE)
    else:
        refuse_unless_guardian(case, act)
        ends += _answered(case, act)
        if not ends and protocol.invalidated is None:
            raise Refusal("NOTHING_TO_KEEP")
    events.append(ConsentKept(**as_said(act)))
    lifted = [SuspensionLifted(student=act.student, suspension=one) for one in ends if one in protocol.suspended]
    return [*events, *lifted]


def _answered(case: Case, act: FamilyAct) -> list[SuspensionReason]:
    """Return the reasons of a suspension that a family answers by saying that its consent stands."""
    report = case.protocol.report
    reporters = [] if report is None else report.by
    family = [person for person in reporters if person == act.student or case.protocol.speaks(person)]
    if family and act.person not in family:
        raise Refusal("ACT_NOT_BY_REPORTER")
    return [reason for reason in BY_THE_FAMILY if reason in case.protocol.suspended]
