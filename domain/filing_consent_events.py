"""What can happen to a consent beside the path: cooling-off, suspension, call-backs, lists, holds (DOMAIN §7.3, §7.6).

Streams of release 3 have these; an older stream keeps its shorter path.
"""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from pydantic import AwareDatetime, ConfigDict

from domain.application_filing_events import FamilyEvent
from domain.consent import AnomalyKind, CallbackOutcome, CallbackPurpose, Sparse, Standing, SuspensionReason
from domain.events import Event
from domain.evidence import EvidenceGrade

# -- the families' own ----------------------------------------------------------------------------------------------


class DataConsentGiven(FamilyEvent):
    """A guardian agrees to the data of a child under 14; without it nobody signs for the child (R-17, INV-24)."""

    document: str


class ConsentKept(FamilyEvent):
    """A pupil or guardian says that the consent stands, or ends the own objection."""


class ConsentObjected(FamilyEvent):
    """A guardian says no to what another guardian says yes to; nothing is cancelled, and nothing goes on (edge 2)."""


# -- the course of a consent ----------------------------------------------------------------------------------------


class CoolingStarted(Event):
    """Both have signed, or one whose cooling-off ran is back.

    `ends`: the last second in which a withdrawal is not late. `short`: a window has cut it, `full` is when it would end
    without that.
    """

    LATER: ClassVar[tuple[str, ...]] = ("full",)

    student: str
    ends: AwareDatetime
    short: bool
    full: AwareDatetime | None = None


class CoolingEnd(Sparse):
    """The new end of one pupil's cooling-off; `short`: the lock cuts it, the bureau calls; `full`: its end uncut."""

    model_config = ConfigDict(frozen=True)

    student: str
    ends: AwareDatetime
    short: bool = False
    full: AwareDatetime | None = None


class MovedEnd(CoolingEnd):
    """An end that a window has moved; a family is told in any case whether it is short."""

    short: bool


class CoolingLengthened(Event):
    """A pause has ended; whose cooling-off it held has as much more time (design, section 5).

    `cut`: who has no more time now, as the official system locks, and would have it if that locked later.
    """

    LATER: ClassVar[tuple[str, ...]] = ("cut",)

    rows: tuple[CoolingEnd, ...]
    cut: tuple[CoolingEnd, ...] = ()


class ApplicationWindowMoved(Event):
    """The examination authority takes applications on other days: signing and cooling-offs go by them (edge 46)."""

    first: date
    last: date
    document: str


class CoolingMoved(Event):
    """With the window the ends of cooling-offs have moved that are not confirmed yet; each family is told its own.

    `told`: False in a stage that was left out; with its reopening the families are told.
    """

    LATER: ClassVar[tuple[str, ...]] = ("told",)

    rows: tuple[MovedEnd, ...]
    told: bool = True


class ConsentConfirmed(Event):
    """The cooling-off has passed with both signatures standing (INV-05); an application may be recorded."""

    student: str


class ConsentVersionSuperseded(Event):
    """A newer notice is out; a guardian acknowledges it before the next step (edge case 23)."""

    student: str
    was: str
    now: str


class WithdrawalReported(Event):
    """Somebody says that this family wants out: the case waits from now on, and the bureau asks the family."""

    student: str
    channel: str
    callback_due: date


class CallbackMade(Event):
    """The bureau has spoken with the family; whatever it heard, the family signs and withdraws by its own act."""

    student: str
    purpose: CallbackPurpose
    outcome: CallbackOutcome
    at: AwareDatetime


class CallbackUnreachable(Event):
    """Nobody answered the bureau's call; `again`: the day by which it calls again, None when it has tried enough."""

    student: str
    purpose: CallbackPurpose
    at: AwareDatetime
    again: date | None = None


class CallbackOverdue(Event):
    """The day has passed by which the bureau was to call this family back."""

    student: str
    due: date


class CallbackPostponed(Event):
    """A pupil is back about whom a withdrawal was reported: the bureau has its days to call from the return on."""

    student: str
    due: date


class ConsentSuspended(Event):
    """Nothing is recorded onward for this pupil until the suspension ends; a withdrawal needs no end of it.

    Of a registered pupil only the count waits: a family that denies its signature then loses no place.
    """

    student: str
    reason: SuspensionReason


class SuspensionLifted(Event):
    """One reason of a suspension has ended: by the family's own act, or by a document."""

    student: str
    suspension: SuspensionReason
    reason: str | None = None
    evidence: EvidenceGrade | None = None


class GuardianshipRecorded(Event):
    """What a person is to the pupil, and where that is known from (G9)."""

    student: str
    person: str
    standing: Standing
    evidence: EvidenceGrade


class SpringCaseReturned(Event):
    """Spring is not allowed any more: the family chooses anew, without any disadvantage (R-16, edge case 42)."""

    student: str


# -- lists, holds, decisions ----------------------------------------------------------------------------------------


class SchoolDelisted(Event):
    """A vocational school has left the published list; nobody can sign for it any more."""

    school: str
    on: date
    reason: str


class DestinationRemoved(Event):
    """The school that this family signed for left the list; `kept`: it had admitted the pupil, who keeps the place."""

    student: str
    school: str
    on: date
    kept: bool


class CaseHoldNoted(Event):
    """A compliance hold begins or ends: what it covers is not counted, and everything else goes on (INV-30)."""

    hold: str
    scope: str
    class_id: str | None = None
    student: str | None = None
    placed: bool


class CaseInvalidated(Event):
    """A confirmed violation touches this consent; the pupil keeps every right, and the place where there is one."""

    student: str
    case: str
    reason: str


class CaseReinstated(Event):
    """The violation did not stand: the case counts again."""

    student: str
    case: str


class AnomalyFlagged(Event):
    """Signatures look as if one person had made them (R-18); the bureau calls these families back in its sample.

    `mark` tells one occasion from another: a device's digest, or a class and a day.
    """

    kind: AnomalyKind
    mark: str
    students: tuple[str, ...]


class RecordRestricted(Event):
    """No notice and no list names this pupil any more (G17)."""

    student: str
    reason: str


class RecordReleased(Event):
    """The pupil's record is used as every other again."""

    student: str
    reason: str


CONSENT_EVENTS: tuple[type[Event], ...] = (
    DataConsentGiven,
    ConsentKept,
    ConsentObjected,
    CoolingStarted,
    CoolingLengthened,
    ApplicationWindowMoved,
    CoolingMoved,
    ConsentConfirmed,
    ConsentVersionSuperseded,
    WithdrawalReported,
    CallbackMade,
    CallbackUnreachable,
    CallbackOverdue,
    CallbackPostponed,
    ConsentSuspended,
    SuspensionLifted,
    GuardianshipRecorded,
    SpringCaseReturned,
    SchoolDelisted,
    DestinationRemoved,
    CaseHoldNoted,
    CaseInvalidated,
    CaseReinstated,
    AnomalyFlagged,
    RecordRestricted,
    RecordReleased,
)
