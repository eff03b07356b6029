"""A pupil's destination: where the case stands, and what a family or an office can do from there (DOMAIN §7.3, D).

Pure: a case knows nothing of streams, clocks or people's rights. Two things run side by side. The *path* is the way
to a vocational school, step by step, and every step onward rests on the two signatures of the family. A *finding* is
another destination that somebody has learned of (B21); it is an equally good end and takes nothing from the family.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from enum import StrEnum
from itertools import chain
from typing import Any, Final, Self

from pydantic import AwareDatetime, BaseModel

from domain.consent import Protocol, Sparse
from domain.evidence import EvidenceGrade
from domain.family_act import Intent, Party, Wave
from domain.time import civil


class Step(StrEnum):
    """Where a case stands, in the order of the path; OTHER stands beside it (DOMAIN §7.3, D0 to D9 and DX-O)."""

    ROSTERED = "ROSTERED"
    INTENT = "INTENT"
    INFORMED = "INFORMED"
    SIGNED = "SIGNED"
    """Signed by both; a stream of release 3 goes on to COOLING at once."""
    COOLING = "COOLING"
    CONFIRMED = "CONFIRMED"
    APPLIED = "APPLIED"
    ADMITTED = "ADMITTED"
    NO_SHOW = "NO_SHOW"
    REPORTED = "REPORTED"
    REGISTERED = "REGISTERED"
    OTHER = "OTHER"


class Outcome(StrEnum):
    """How a pupil's case ends here; all five are ordinary (INV-07)."""

    REGISTERED = "REGISTERED"
    OTHER_DESTINATION = "OTHER_DESTINATION"
    DECLINED = "DECLINED"
    NO_ANSWER = "NO_ANSWER"
    INFORMED = "INFORMED"
    """Told, and has chosen otherwise or not yet."""


class DestinationKind(StrEnum):
    """Where a pupil goes (B21). VOCATIONAL is the path itself: it is never found, only reported and registered."""

    VOCATIONAL = "VOCATIONAL"
    GENERAL_HIGH = "GENERAL_HIGH"
    FIVE_YEAR_COLLEGE = "FIVE_YEAR_COLLEGE"
    TECHNICAL_SCHOOL = "TECHNICAL_SCHOOL"
    OTHER_PROVINCE = "OTHER_PROVINCE"
    RESIT = "RESIT"
    WORK = "WORK"
    OTHER = "OTHER"
    UNKNOWN = "UNKNOWN"


class Move(StrEnum):
    """What can be done to a case: first the family's own acts, then the facts that offices record."""

    INTENT = "intent"
    ACKNOWLEDGE = "acknowledge"
    SIGN = "sign"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    APPLY = "apply"
    ADMIT = "admit"
    REPORT = "report"
    REGISTER = "register"
    FIND = "find"
    CONSENT_DATA = "consent_data"


_BEFORE_SIGNING: Final = (Step.ROSTERED, Step.INTENT, Step.INFORMED)
_SIGNED: Final = (Step.SIGNED, Step.COOLING, Step.CONFIRMED)
_UNREGISTERED: Final = (*_BEFORE_SIGNING, *_SIGNED, Step.APPLIED, Step.ADMITTED, Step.NO_SHOW, Step.REPORTED)

ALLOWED: Final[dict[Move, tuple[Step, ...]]] = {
    Move.INTENT: _UNREGISTERED,
    Move.ACKNOWLEDGE: _UNREGISTERED,
    Move.SIGN: _BEFORE_SIGNING,
    Move.REFUSE: _UNREGISTERED,
    Move.WITHDRAW: _UNREGISTERED,  # INV-06: in every state before the registration is verified
    Move.APPLY: (Step.SIGNED, Step.CONFIRMED),
    Move.ADMIT: (Step.APPLIED,),
    Move.REPORT: (Step.ADMITTED, Step.NO_SHOW),  # a no-show may still appear (edge case 18)
    Move.REGISTER: (Step.REPORTED,),
    Move.FIND: _UNREGISTERED,
    Move.CONSENT_DATA: _UNREGISTERED,
}
"""Which steps of the path a move starts from."""

_WHAT_IS_MISSING: Final[dict[Move, str]] = {
    Move.APPLY: "CONSENT_MISSING",
    Move.ADMIT: "NOT_APPLIED_THERE",
    Move.REPORT: "NOT_ADMITTED_THERE",
    Move.REGISTER: "NOT_REPORTED_THERE",
}

ACTS_REMEMBERED: Final = 16
"""A case remembers its latest acts, to take each once. An older one is stopped by the withdrawal that it precedes."""


def barred(step: Step, move: Move) -> str | None:
    """Return the code of why a move cannot start from a step of the path; None where it can."""
    if step in ALLOWED[move]:
        return None
    if step is Step.REGISTERED:
        return "WITHDRAWAL_AFTER_REGISTRATION" if move is Move.WITHDRAW else "ALREADY_REGISTERED"
    if move is Move.SIGN:
        return "ALREADY_SIGNED"
    if move is Move.APPLY and step is Step.COOLING:
        return "CONSENT_NOT_CONFIRMED"
    steps = list(Step)
    done = all(steps.index(step) > steps.index(start) for start in ALLOWED[move])
    return "ALREADY_RECORDED" if done else _WHAT_IS_MISSING[move]


class Application(BaseModel):
    """An application in the official system: its reference there, and the version of the event that recorded it."""

    reference: str
    version: int


class Reporting(BaseModel):
    """A pupil came to the school: on which day, and who recorded it in which event."""

    on: date
    version: int
    by: list[str]


class Registration(BaseModel):
    """The entry in the vocational register: its reference and day, whether in time, and when it was verified here."""

    reference: str
    on: date
    in_time: bool
    version: int
    verified_at: AwareDatetime


class Finding(BaseModel):
    """A destination that somebody has learned of, from where, and who recorded it in which event."""

    destination: DestinationKind
    evidence: EvidenceGrade
    version: int
    by: list[str]


class Case(Sparse):
    """One pupil's destination (INV-01: one case for a pupil, one active destination for a case).

    Attributes:
        offered, offered_on: the notice that the family was offered last, and the civil day.
        acknowledged: the notice that a guardian has acknowledged.
        acknowledged_at: when the guardian did so first; no signature is older.
        intent, intent_at: what the family said last, pupil or guardian, by the time at which it said so.
        consents: who has signed which notice; `school` is the one school that they all name.
        signed_on: civil day of the later signature, until the family applies: contacts about that come after it.
        declined: a pupil or guardian has refused, and nobody of the family has wished for a vocational school since.
        went_back: withdrawn or not admitted; the acknowledged notice stays so, the step is INTENT again.
        void_before: when the family last withdrew or refused; nothing that it did before brings a consent back.
        acts: short digests of the latest acts.
        reached: somebody of the school has spoken with the family, since both signed if they have.
        attempts: civil days on which nobody answered; `no_answer` when they are enough.
        call_back_on: civil day on which the family asked to be called back, until the next contact or act.
        admitted_on: civil day since which the school expects the pupil: of the admission, or of a return.
        other: another destination; `found` contradicts it, or contradicts the reporting (B21).
        protocol: what the consent stands on beside the path, in streams of release 3.
    """

    offered: str | None = None
    offered_on: date | None = None
    acknowledged: str | None = None
    acknowledged_at: AwareDatetime | None = None
    intent: Intent | None = None
    intent_at: AwareDatetime | None = None
    consents: dict[Party, str] = {}
    signed_on: date | None = None
    school: str | None = None
    declined: bool = False
    went_back: bool = False
    void_before: AwareDatetime | None = None
    acts: list[str] = []
    reached: bool = False
    attempts: list[date] = []
    no_answer: bool = False
    call_back_on: date | None = None
    application: Application | None = None
    admitted_on: date | None = None
    no_show: bool = False
    reporting: Reporting | None = None
    registration: Registration | None = None
    other: Finding | None = None
    found: Finding | None = None
    protocol: Protocol = Protocol()

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Return a copy that can change while this one stays: values inside a case are replaced, never changed."""
        return self.model_copy(update={"protocol": self.protocol.model_copy()})

    # -- where it stands --------------------------------------------------------------------------------------

    @property
    def signed_by_both(self) -> bool:
        """Tell whether pupil and guardian have signed the same notice."""
        document = self.consents.get(Party.PUPIL)
        return document is not None and document == self.consents.get(Party.GUARDIAN)

    @property
    def path(self) -> Step:
        """Return the step on the way to a vocational school, whatever else is known of the pupil."""
        if self.registration is not None:
            return Step.REGISTERED
        if self.reporting is not None:
            return Step.REPORTED
        if self.no_show:
            return Step.NO_SHOW
        if self.admitted_on is not None:
            return Step.ADMITTED
        if self.application is not None:
            return Step.APPLIED
        if self.protocol.confirmed:
            return Step.CONFIRMED
        if self.protocol.ends is not None:
            return Step.COOLING
        if self.signed_by_both:
            return Step.SIGNED
        if self.acknowledged is not None and not self.went_back:
            return Step.INFORMED
        return Step.INTENT if self.intent is not None or self.went_back else Step.ROSTERED

    @property
    def conflicting(self) -> bool:
        """Tell whether two records name different destinations; a person decides (B21)."""
        return self.found is not None

    @property
    def elsewhere(self) -> bool:
        """Tell whether the pupil is known to go elsewhere; UNKNOWN is no destination and ends no service."""
        return self.other is not None and not self.conflicting and self.other.destination is not DestinationKind.UNKNOWN

    @property
    def step(self) -> Step:
        """Return where the case stands: OTHER before every step of the path but the last."""
        return Step.OTHER if self.elsewhere else self.path

    @property
    def destination(self) -> DestinationKind | None:
        """Return the destination on record: vocational from reporting on, else what was found; None if not known."""
        if self.reporting is not None:
            return DestinationKind.VOCATIONAL
        if self.other is None or self.other.destination is DestinationKind.UNKNOWN:
            return None
        return self.other.destination

    @property
    def may_apply(self) -> bool:
        """Tell whether the school can record an application: both signed, and the family wants it still."""
        ready = self.path in (Step.SIGNED, Step.CONFIRMED) and not self.protocol.suspended
        return ready and self.intent is Intent.VOCATIONAL

    @property
    def answered(self) -> bool:
        """Tell whether the family has answered, was spoken with, or was tried for long enough.

        A family that has signed is asked about its application; what it did before does not answer that.
        """
        by_itself = bool(self.acts) and not self.may_apply and not self.protocol.asked_anew
        return self.reached or self.no_answer or by_itself

    @property
    def outcome(self) -> Outcome | None:
        """Return the final outcome; None while a service is still on its way."""
        if self.registration is not None:
            return Outcome.REGISTERED
        if self.elsewhere:
            return Outcome.OTHER_DESTINATION
        if self.declined:
            return Outcome.DECLINED
        if self.conflicting or self.path in (Step.APPLIED, Step.ADMITTED, Step.REPORTED):
            return None
        if self.no_answer:
            return Outcome.NO_ANSWER
        return Outcome.INFORMED if self.answered else None

    def owed(self, *, deadline_passed: bool, current: str | None = None) -> str | None:
        """Return the service that is missing for this pupil, as a blocker's code; never a family's yes.

        Args:
            deadline_passed: the registration deadline is over; what is not registered is so noted, and nobody is asked
                for an application any more.
            current: the version of the notice that families get now; an older one is offered anew, but not to a family
                that has said no. None where versions are not followed.
        """
        if self.protocol.restricted:
            return None
        if self.conflicting:
            return "DESTINATIONS_CONFLICTING"
        if self.elsewhere or self.registration is not None:
            return None
        if self.call_owed:
            return "CALLBACKS_OPEN"
        if self.offered is None or (current not in (None, self.offered) and not self.declined):
            return "NOTICES_NOT_OFFERED"
        if not self.answered and (not self.acts or self.protocol.asked_anew):
            return "FAMILIES_NOT_REACHED"
        if self.protocol.suspended or self.protocol.reacknowledge is not None:
            return None  # what is missing now is the family's, or a court's
        match self.path:
            case Step.SIGNED | Step.CONFIRMED:
                return None if deadline_passed or self.answered else "APPLICATIONS_OPEN"
            case Step.APPLIED:
                return "ADMISSIONS_OPEN"
            case Step.ADMITTED:
                return "REPORTING_OPEN"
            case Step.REPORTED:
                return None if deadline_passed else "REGISTRATIONS_OPEN"
            case _:
                return None

    @property
    def expected_since(self) -> date | None:
        """Return since when a school expects the pupil; None where it does not: whoever goes elsewhere is not."""
        if self.admitted_on is None or self.reporting is not None or self.no_show or self.found is not None:
            return None
        held = self.elsewhere or self.protocol.suspended or self.protocol.restricted
        return None if held else self.admitted_on

    @property
    def call_by(self) -> date | None:
        """Return the day by whose end the bureau has called about a reported withdrawal; None once it has passed."""
        report = self.protocol.report
        if report is None or report.called or report.overdue or self.protocol.restricted:
            return None
        return report.due

    @property
    def call_owed(self) -> bool:
        """Tell whether the bureau is to call: about a reported withdrawal, or before a short cooling-off's application.

        After enough calls without an answer nothing is owed; what was to be asked stays unanswered.
        """
        protocol = self.protocol
        if protocol.report is not None:
            return not protocol.report.called
        return self.path is Step.CONFIRMED and protocol.needs_call and not protocol.tried_enough

    # -- what the family does ---------------------------------------------------------------------------------

    def knows(self, act: str) -> bool:
        """Tell whether the case has taken this act already."""
        return _short(act) in self.acts

    def remember(self, act: str) -> None:
        """Take an act in: the family has answered, and the same act is not taken again."""
        if not self.knows(act):
            self.acts = [*self.acts, _short(act)][-ACTS_REMEMBERED:]
        self.no_answer = self.protocol.asked_anew = False
        self.call_back_on = None

    def state_intent(self, intent: Intent, at: datetime, party: Party) -> None:
        """Take what the family says that it wants; only a wish for a vocational school takes a refusal back.

        An answer that arrives late does not override what the family has said since. What pupil and guardian said is
        kept for each of them too (G12).
        """
        self.protocol.intents = {**self.protocol.intents, party: intent}
        if self.intent_at is not None and at < self.intent_at:
            return
        self.intent, self.intent_at = intent, at
        if intent is Intent.VOCATIONAL:
            self.declined = False

    def acknowledge(self, document: str, at: datetime) -> None:
        """Take a guardian's acknowledgement of a notice; of several of one notice the earliest counts."""
        again = self.acknowledged == document and self.acknowledged_at is not None
        self.acknowledged_at = min(at, self.acknowledged_at) if again and self.acknowledged_at is not None else at
        self.acknowledged = document
        self.went_back = False
        if self.protocol.reacknowledge == document:
            self.protocol.reacknowledge = None

    def sign(self, party: Party, document: str, school: str, at: datetime, person: str, wave: Wave) -> None:
        """Take one signature; signatures of other notices no longer count. With the second, contacts begin anew."""
        same = {signer: signed for signer, signed in self.consents.items() if signed == document}
        day = civil(at)
        self.signed_on = day if not same or self.signed_on is None else max(day, self.signed_on)
        self.consents = {**same, party: document}
        self.school = school
        self.protocol.sign(party, person, at, wave, first=not same)
        if self.signed_by_both:
            self.reached, self.attempts, self.no_answer = False, [], False

    def refuse(self, at: datetime) -> None:
        """Take a refusal: nothing that was signed stands, and a wish for a vocational school opens the case again.

        One that arrives late, after the family has stated an intent since, leaves that intent standing.
        """
        self._cancel()
        self._void(at)
        if self.intent_at is None or at >= self.intent_at:
            self.intent = None
        self.declined = self.intent is not Intent.VOCATIONAL

    def withdraw(self, at: datetime) -> None:
        """Take a withdrawal: signatures and all that rested on them are cancelled (INV-06); the record keeps them."""
        self._cancel()
        self.protocol.settle_by_family()
        self._void(at)
        self.went_back = True

    def _void(self, at: datetime) -> None:
        self.void_before = at if self.void_before is None else max(at, self.void_before)

    def _cancel(self) -> None:
        self.consents, self.signed_on, self.school, self.application, self.admitted_on = {}, None, None, None, None
        self.no_show, self.reporting, self.registration = False, None, None
        self.protocol.cancel()
        self._settle_conflict_with_the_path()

    def _settle_conflict_with_the_path(self) -> None:
        """Where one of two records was the reporting, the other stands alone now; nothing is left to decide."""
        if self.found is None:
            return
        if self.found.destination is DestinationKind.VOCATIONAL:
            self.found = None
        elif self.other is None:
            self.other, self.found = self.found, None

    # -- what offices record, and what is learned of another destination -----------------------------------------

    def apply(self, application: Application) -> None:
        """Take an application; that nobody answered before it was made says nothing any more."""
        self.application, self.no_answer, self.signed_on = application, False, None

    def not_admitted(self) -> None:
        """Take a school's no: its consent ends with it, and the family can sign for another."""
        self.choose_anew()
        self.went_back = True

    def choose_anew(self) -> None:
        """Let the family choose again without any disadvantage: its signatures end, what it was told stays so."""
        self._cancel()

    def sign_anew(self) -> None:
        """End the signatures by no doing of the family's: whoever had signed in time does so again after the lock too.

        R-11; DOMAIN §7.3: after somebody else's violation, or a correction of an office, the pupil keeps every right.
        """
        was_in_time = self.signed_by_both or self.protocol.was_in_time
        self.choose_anew()
        self.protocol.was_in_time = was_in_time

    def supersede(self, now: str) -> None:
        """Take a newer version of the notice (edge case 23).

        Before the application the family acknowledges and signs anew. From the application on the place is kept, and
        the next step waits for a guardian's acknowledgement of the newer version.
        """
        if self.application is None:
            self.sign_anew()
            self.acknowledged, self.acknowledged_at = None, None
        self.protocol.reacknowledge = now
        self.offered, self.offered_on = None, None
        self.reached, self.attempts, self.no_answer, self.protocol.asked_anew = False, [], False, True
        self.call_back_on = None

    def report(self, reporting: Reporting) -> None:
        """Take the reporting; that nobody knew a destination before is settled by it."""
        self.reporting = reporting
        if self.other is not None and self.other.destination is DestinationKind.UNKNOWN:
            self.other = None

    def register(self, registration: Registration) -> None:
        """Take the verified registration; the acts before it need not be told apart any more: none is taken now."""
        self.registration, self.acts, self.intent_at = registration, [], None
        if self.protocol.ends is not None:
            self.acknowledged_at = None  # the wait that it began has long passed
        self.protocol.settle()

    def resolve(self, finding: Finding) -> None:
        """Take a person's decision between two records; vocational keeps the reporting, anything else ends it."""
        self.found = None
        if finding.destination is DestinationKind.VOCATIONAL:
            self.other = None
        else:
            self.other, self.reporting = finding, None

    def come_back(self) -> None:
        """Take a pupil back who had left the register: the case goes on where it stood (INV-06, INV-07).

        A refusal, a withdrawal, signatures and a verified registration are the family's and stay as they were; no act
        is taken twice. The notice is offered anew, and whoever did not answer before is tried again.
        """
        self.offered, self.offered_on = None, None
        self.attempts, self.no_answer, self.call_back_on = [], False, None

    def wait_until(self, now: datetime) -> None:
        """Let nothing happen by itself before now: the case has rested, and nobody could do anything about it."""
        self.protocol.not_before = now
        self.expect_from(civil(now))

    def expect_from(self, day: date) -> None:
        """Let the days of a no-show begin no earlier than this, for an admitted pupil who has not come."""
        if self.admitted_on is not None:
            self.admitted_on = max(day, self.admitted_on)

    @property
    def recorders(self) -> list[str]:
        """Return who recorded the destinations that contradict each other: somebody else decides (INV-21)."""
        records = (self.other, self.found, self.reporting)
        return list(chain.from_iterable(record.by for record in records if record is not None))


def _short(act: str) -> str:
    return hashlib.sha256(act.encode()).hexdigest()[:12]
