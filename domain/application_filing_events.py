"""What can happen in application filing (DOMAIN §7.3 region D, §7.5); what can be commanded stands beside it."""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Literal

from pydantic import AwareDatetime

from domain.destination import DestinationKind, Outcome
from domain.events import Event
from domain.evidence import EvidenceGrade
from domain.family_act import Channel, Intent, Party, Wave
from domain.school_events import RegisteredRow

ContactKind = Literal["call", "home_visit"]
ContactOutcome = Literal["reached", "no_answer", "refused", "call_back"]


# -- events: the families' own ----------------------------------------------------------------------------------


class FamilyEvent(Event):
    """What a pupil or guardian did; the envelope's actor is the family's person, never the gateway (INV-04).

    Attributes:
        student: the pupil whose destination it is.
        party: pupil or guardian.
        act: id of the signed act, which is taken once.
        channel, device: how it came in, and the digest of the device, where those are known (R-18).
    """

    LATER: ClassVar[tuple[str, ...]] = ("channel", "device")

    student: str
    party: Party
    act: str
    channel: Channel | None = None
    device: str | None = None


class IntentStated(FamilyEvent):
    """A pupil or guardian has said what the family wants; repeatable, and every answer is as good as another."""

    intent: Intent


class NoticeAcknowledged(FamilyEvent):
    """A guardian has acknowledged a notice (INV-02)."""

    document: str


class ConsentSigned(FamilyEvent):
    """A pupil or guardian has signed for one school, after the notice; a consent needs both.

    `short`: the signer has ticked that a window cuts the cooling-off (R-11).
    """

    LATER: ClassVar[tuple[str, ...]] = (*FamilyEvent.LATER, "wave", "short")

    document: str
    destination: str
    wave: Wave = Wave.AUTUMN
    short: bool = False


class ConsentRefused(FamilyEvent):
    """A pupil or guardian has said no: an ordinary outcome without any consequence (INV-07)."""

    document: str


class ConsentWithdrawn(FamilyEvent):
    """A pupil or guardian has withdrawn; no reason is asked (INV-06).

    `late`: after the cooling-off; in a stream of release 2, after an application was recorded. It changes nothing.
    """

    late: bool


class RegistrationCancelled(Event):
    """A withdrawal made before the registration was verified here arrived after it (edge case 21)."""

    student: str
    school: str


class FamilyActRefused(Event):
    """One of several acts could not be taken; the others stand. The digest tells which act it was."""

    student: str
    act: str
    code: str
    act_digest: str


# -- events: what the school and the offices do -------------------------------------------------------------------


class NoticeOffered(Event):
    """A family is to get a notice and its codes; they go out through the outbox."""

    student: str
    document: str


class FamilyContacted(Event):
    """Somebody called or visited a family that had not answered the notice.

    Attributes:
        again_on: the day for which the family asked to be called back (FEATURES S10).
    """

    LATER: ClassVar[tuple[str, ...]] = ("again_on",)

    student: str
    contact: ContactKind
    outcome: ContactOutcome
    at: AwareDatetime
    again_on: date | None = None


class DestinationSettled(Event):
    """The service is done without the family: nobody answered. A later act of the family opens the case again."""

    student: str
    outcome: Outcome


class ApplicationRecorded(Event):
    """An application stands in the official system, under the reference that it has there."""

    student: str
    school: str
    reference: str


class Admitted(Event):
    """The school takes the pupil."""

    student: str
    school: str


class NotAdmitted(Event):
    """The school does not take the pupil; the family can choose again."""

    student: str
    school: str


class Reported(Event):
    """The pupil has come to the school."""

    student: str
    school: str
    on: date


class NoShow(Event):
    """The pupil had not come when the days after the reporting day were over; may still come (edge case 18)."""

    student: str


class RegistrationVerified(Event):
    """The bureau has found the pupil in the vocational register; `in_time`: registered by the deadline."""

    student: str
    school: str
    register_ref: str
    on: date
    in_time: bool


class RegistrationsHandedOn(Event):
    """The registered pupils of one list go on to retention."""

    rows: tuple[RegisteredRow, ...]


class RegistrationDeadlineReached(Event):
    """The deadline is over; `open` pupils have reported and are not registered."""

    open: int


class OtherDestination(Event):
    """The pupil goes elsewhere: a good end (edge cases 15 and 16)."""

    student: str
    destination: DestinationKind
    evidence: EvidenceGrade


class DestinationConflicting(Event):
    """Two records name different destinations; the stronger evidence does not silently win (B21)."""

    student: str
    held: DestinationKind
    held_evidence: EvidenceGrade
    found: DestinationKind
    found_evidence: EvidenceGrade


class DestinationResolved(Event):
    """A person who recorded neither has decided between two destinations."""

    student: str
    destination: DestinationKind
    evidence: EvidenceGrade
    reason: str


class ApplicationCorrected(Event):
    """A recorded reference was wrong; the event that it corrects stays in the record (S5)."""

    student: str
    reference: str
    corrects: int
    reason: str


class ReportingCorrected(Event):
    """A recorded day of reporting was wrong."""

    student: str
    on: date
    corrects: int
    reason: str


class RegistrationCorrected(Event):
    """A recorded registration had a wrong reference or day."""

    student: str
    register_ref: str
    on: date
    in_time: bool
    corrects: int
    reason: str


class DestinationCorrected(Event):
    """A recorded other destination, or its evidence, was wrong."""

    student: str
    destination: DestinationKind
    evidence: EvidenceGrade
    corrects: int
    reason: str


FILING_EVENTS: tuple[type[Event], ...] = (
    IntentStated,
    NoticeAcknowledged,
    ConsentSigned,
    ConsentRefused,
    ConsentWithdrawn,
    RegistrationCancelled,
    FamilyActRefused,
    NoticeOffered,
    FamilyContacted,
    DestinationSettled,
    ApplicationRecorded,
    Admitted,
    NotAdmitted,
    Reported,
    NoShow,
    RegistrationVerified,
    RegistrationsHandedOn,
    RegistrationDeadlineReached,
    OtherDestination,
    DestinationConflicting,
    DestinationResolved,
    ApplicationCorrected,
    ReportingCorrected,
    RegistrationCorrected,
    DestinationCorrected,
)
