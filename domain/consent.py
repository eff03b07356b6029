"""What a family's consent stands on: its signatures, the cooling-off and what holds it up (R-11, R-16, R-17, G9, G12).

Pure values and formulas. A case keeps a `Protocol` beside its path; streams of an older release leave it empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, SerializerFunctionWrapHandler, model_serializer

from domain.cooling import Cooling
from domain.family_act import Intent, Party, Wave

PROTOCOL_SINCE: Final = 3
"""The release whose streams have the cooling-off and what belongs to it; older ones keep their shorter path."""


class Standing(StrEnum):
    """What a person is to a pupil. Without a record, whoever holds a guardian's code is taken for a guardian."""

    GUARDIAN = "GUARDIAN"
    CAREGIVER = "CAREGIVER"
    """May be told, and consents to nothing (edge case 1)."""
    NO_CUSTODY = "NO_CUSTODY"
    """A parent without custody: consents to nothing; an objection is heard (edge case 2)."""
    INSTITUTION = "INSTITUTION"
    """A village committee or the civil affairs office as guardian (edge case 3)."""


MAY_CONSENT: Final = (Standing.GUARDIAN, Standing.INSTITUTION)

CAREGIVER: Final = "cgv_"
"""Begins the references of those whom a roster names as caregivers."""


def standing_of(person: str, recorded: Mapping[str, Standing]) -> Standing:
    """Return what a person is to a pupil (edge case 1).

    Who is not on record is a caregiver where a roster named one, and else counts as a guardian, by holding a guardian's
    code.

    Args:
        person: reference of the person.
        recorded: person → standing, as recorded for the pupil.
    """
    unrecorded = Standing.CAREGIVER if person.startswith(CAREGIVER) else Standing.GUARDIAN
    return recorded.get(person, unrecorded)


class SuspensionReason(StrEnum):
    """Why a consent is suspended: nothing is recorded onward until it ends."""

    WITHDRAWAL_REPORTED = "WITHDRAWAL_REPORTED"
    SIGNATURE_DENIED = "SIGNATURE_DENIED"
    """Asked by the bureau, the family says that it did not sign."""
    GUARDIANS_DISAGREE = "GUARDIANS_DISAGREE"
    CUSTODY_DISPUTE = "CUSTODY_DISPUTE"
    COURT_ORDER = "COURT_ORDER"
    IMPOSTOR_SUSPECTED = "IMPOSTOR_SUSPECTED"
    """A stranger may have held the code, as on a recycled telephone number (edge case 9)."""


BY_THE_FAMILY: Final = (SuspensionReason.WITHDRAWAL_REPORTED, SuspensionReason.SIGNATURE_DENIED)
"""Ended by the family's own act alone: it withdraws, or says that its consent stands."""

BY_OFFICES: Final = (
    SuspensionReason.CUSTODY_DISPUTE,
    SuspensionReason.COURT_ORDER,
    SuspensionReason.IMPOSTOR_SUSPECTED,
)
"""What an office can suspend for."""


class CallbackPurpose(StrEnum):
    """Why the bureau calls a family back."""

    WITHDRAWAL_REPORT = "withdrawal_report"
    SAMPLE = "sample"
    SHORT_COOLING = "short_cooling"
    PAPER = "paper"


class CallbackOutcome(StrEnum):
    """What the family says: what is on record is its own will, it wants out, it never did that; or nobody answers."""

    CONFIRMED = "confirmed"
    WANTS_TO_WITHDRAW = "wants_to_withdraw"
    DENIES = "denies"
    UNREACHABLE = "unreachable"


class AnomalyKind(StrEnum):
    """What looks as if one person had acted for several families (R-18); such cases are called back in the sample."""

    DEVICE_CLUSTER = "DEVICE_CLUSTER"
    PHONE_SHARED = "PHONE_SHARED"
    SIGNING_BURST = "SIGNING_BURST"


class Sparse(BaseModel):
    """A value that is dumped without what still holds its default: a school has up to 1,600 cases."""

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        data: dict[str, Any] = handler(self)
        fields = type(self).model_fields
        return {name: value for name, value in data.items() if getattr(self, name) != fields[name].default}


class Report(Sparse):
    """Somebody has reported that a family wants out, and the bureau is to ask the family.

    Attributes:
        by: who reported it; somebody else calls back (INV-21). A person of the family takes the own report back alone.
        since: when it was reported.
        due: civil day by whose end the bureau has called.
        overdue: that day has passed.
        called: the bureau has spoken with the family, or has tried often enough.
    """

    by: list[str]
    since: AwareDatetime
    due: date
    overdue: bool = False
    called: bool = False


class Protocol(Sparse):
    """What a case remembers of its consent beside the path.

    Attributes:
        intents: what pupil and guardian said last, each for themselves (G12).
        guardians: person → standing, as recorded; `guardianship_by`: who recorded it, and who was stood in for.
        acknowledged_by: guardian → the version of the notice that this one has acknowledged last.
        objections: guardians who said no while another guardian says yes; each ends the own one.
        suspended: reason → since when; while there is one, nothing is recorded onward. `suspended_by`: reason → who of
            the offices suspended; another person lifts.
        report: the reported withdrawal that is not settled yet.
        data_consent_at, data_consent_by: when and who agreed to the data of a child under 14 (R-17).
        devices: digest of the device that a party signed with last.
        signer: the guardian who has signed.
        wave: the season that both sign for, where it is not autumn.
        signed_at: when the later signature began to count.
        said_at: when it was made, where it came late (`filing_acts.counts_from`).
        restarted_at: when the cooling-off began anew with a return, where it did.
        ends: of the cooling-off; None before both have signed. `full`: when it would end without a lock that cuts it.
        untold: that end has moved while the stage was left out; the family is told when the stage goes on.
        confirmed: the cooling-off has passed.
        not_before: no confirmation before this, as a suspension ended then.
        called: purposes for which the bureau called and the family confirmed; `unreached`: calls
            that nobody answered since; `tried_enough`: so many that no more are asked for.
        reacknowledge: the version that a guardian must acknowledge before the next step (edge case 23).
        asked_anew: the family has been offered another version and has not answered since.
        was_in_time: both had signed when a newer notice, a violation or the list of schools asked them to sign anew; no
            lock stands in their way then.
        unsound: signed after the admission, or admitted by a school that was not on the list any more; not counted.
        removed: the school left the list after the admission; the place is kept (edge case 24).
        invalidated: the compliance case that touched this one; the pupil keeps every right and the place.
        restricted: no notice and no list names the pupil (G17).
    """

    intents: dict[Party, Intent] = {}
    guardians: dict[str, Standing] = {}
    guardianship_by: list[str] = []
    acknowledged_by: dict[str, str] = {}
    objections: list[str] = []
    suspended: dict[SuspensionReason, AwareDatetime] = {}
    suspended_by: dict[SuspensionReason, list[str]] = {}
    report: Report | None = None
    data_consent_at: AwareDatetime | None = None
    data_consent_by: str | None = None
    devices: dict[Party, str] = {}
    signer: str | None = None
    wave: Wave | None = None
    signed_at: AwareDatetime | None = None
    said_at: AwareDatetime | None = None
    restarted_at: AwareDatetime | None = None
    ends: AwareDatetime | None = None
    full: AwareDatetime | None = None
    untold: bool = False
    confirmed: bool = False
    not_before: AwareDatetime | None = None
    called: list[CallbackPurpose] = []
    tried_enough: bool = False
    unreached: int = 0
    reacknowledge: str | None = None
    asked_anew: bool = False
    was_in_time: bool = False
    unsound: bool = False
    removed: bool = False
    invalidated: str | None = None
    restricted: bool = False

    @property
    def short(self) -> bool:
        """Tell whether an application window has cut the cooling-off (R-11)."""
        return self.full is not None

    @property
    def running(self) -> tuple[Cooling, datetime] | None:
        """Return the cooling-off that is not confirmed yet, and when it began; None where there is none."""
        begun = self.restarted_at or self.signed_at
        if self.ends is None or self.confirmed or begun is None:
            return None
        return Cooling(self.ends, self.full or self.ends), begun

    @property
    def needs_call(self) -> bool:
        """Tell whether the bureau must call before an application is recorded (R-11)."""
        return self.short and CallbackPurpose.SHORT_COOLING not in self.called

    @property
    def cooling(self) -> bool:
        """Tell whether the cooling-off runs or waits for its confirmation."""
        return self.ends is not None and not self.confirmed

    def may_consent(self, person: str) -> bool:
        """Tell whether a person counts as a guardian (`standing_of`)."""
        return standing_of(person, self.guardians) in MAY_CONSENT

    @property
    def signer_stands(self) -> bool:
        """Tell whether whoever signed as the guardian may consent, as far as is on record (G9)."""
        return self.signer is None or self.may_consent(self.signer)

    def has_acted(self, person: str) -> bool:
        """Tell whether a person has acknowledged or signed for the pupil: what is on record of it rests on it."""
        return person == self.signer or person in self.acknowledged_by

    def speaks(self, person: str) -> bool:
        """Tell whether a person is known to this case as one who may consent: by an own act, or by a record."""
        return (self.has_acted(person) or person in self.guardians) and self.may_consent(person)

    def objects(self, party: Party, person: str) -> bool:
        """Tell whether a no of this person is an objection to what another guardian says, or signed.

        The pupil's no never is, nor the signer's own, whatever an office has recorded of the signer since (INV-06). Nor
        is a guardian's no to the signature of somebody who is on record as none: there it is the guardians' own.
        """
        if party is not Party.GUARDIAN or person == self.signer:
            return False
        signed = self.signer is not None and self.signer_stands
        return signed or not self.may_consent(person)

    def is_late(self, withdrawn: datetime) -> bool:
        """Tell whether a withdrawal was made after the cooling-off; whole seconds are compared, as the end is one."""
        return self.ends is not None and withdrawn.replace(microsecond=0) > self.ends

    def confirm_at(self, grace_hours: int) -> datetime | None:
        """Return when the consent is confirmed if nothing comes between; None where it waits for something else."""
        if self.ends is None or self.confirmed or self.suspended or self.restricted or not self.signer_stands:
            return None
        due = self.ends + timedelta(hours=grace_hours)
        return due if self.not_before is None else max(due, self.not_before)

    def sign(self, party: Party, person: str, at: datetime, wave: Wave, *, first: bool) -> None:
        """Take one signature; the first of a version leaves nothing of those before it.

        A guardian's signature in another's place ends that one: what was asked and confirmed was about the other's.
        """
        if first:
            was_in_time = self.was_in_time
            self.cancel()
            self.was_in_time = was_in_time
        if party is Party.GUARDIAN and self.signer not in (None, person):
            self.confirmed, self.called, self.unreached, self.tried_enough = False, [], 0, False
        self.wave = None if wave is Wave.AUTUMN else wave
        if party is Party.GUARDIAN:
            self.signer = person
        self.signed_at = at if self.signed_at is None else max(at, self.signed_at)

    def cancel(self) -> None:
        """Leave nothing of a consent that does not stand any more; who is who, and who objects, is kept."""
        self.signer, self.wave, self.signed_at, self.said_at = None, None, None, None
        self.restarted_at, self.ends, self.full, self.confirmed, self.not_before = None, None, None, False, None
        self.called, self.unreached, self.tried_enough, self.untold = [], 0, False, False
        self.unsound, self.removed, self.reacknowledge, self.was_in_time = False, False, None, False

    def cool(self, ends: datetime, full: datetime | None, begun: datetime) -> None:
        """Take the cooling-off of both signatures; one that begins after them began anew with a return."""
        self.ends, self.full, self.confirmed = ends, full, False
        self.restarted_at = begun if self.signed_at is not None and begun > self.signed_at else None

    def move(self, ends: datetime, full: datetime | None) -> None:
        """Take another end of the cooling-off; the bureau calls about an earlier one, whatever it asked before."""
        if self.ends is not None and ends < self.ends:
            self.called = [purpose for purpose in self.called if purpose is not CallbackPurpose.SHORT_COOLING]
            self.unreached, self.tried_enough = 0, False
        self.ends, self.full = ends, full

    def admit(self, at: datetime) -> None:
        """Take the school's answer; a signature that is younger does not count (INV-11)."""
        self.unsound = self.signed_at is None or self.signed_at > at

    def settle(self) -> None:
        """Leave what is needed no more once the registration is verified: a school has up to 1,600 cases.

        What each party said last is kept: nothing else tells who of them said it (G12).
        """
        self.signed_at, self.said_at, self.restarted_at, self.not_before, self.confirmed = None, None, None, None, False
        self.devices, self.called = {}, []

    def acknowledge(self, person: str, document: str) -> None:
        """Remember who has acknowledged which notice."""
        self.acknowledged_by = {**self.acknowledged_by, person: document}

    def agree_to_data(self, person: str, at: datetime) -> None:
        """Take an agreement to the data of a child under 14: the earliest of somebody who counts as a guardian now."""
        if self.data_agreed_at is None or at < self.data_agreed_at:
            self.data_consent_at, self.data_consent_by = at, person

    @property
    def data_agreed_at(self) -> datetime | None:
        """Return when somebody agreed to the data who counts as a guardian now; None where nobody did (INV-24)."""
        by = self.data_consent_by
        return self.data_consent_at if by is not None and self.may_consent(by) else None

    def told(self, document: str) -> bool:
        """Tell whether somebody has acknowledged a notice who counts as a guardian now (INV-02)."""
        return any(version == document and self.may_consent(one) for one, version in self.acknowledged_by.items())

    def suspend(self, reason: SuspensionReason, at: datetime, offices: list[str]) -> None:
        """Suspend for a reason; `offices`: who of the offices does it, none where a family's own act does."""
        self.suspended = {**self.suspended, reason: at}
        if offices:
            self.suspended_by = {**self.suspended_by, reason: offices}

    def lift(self, *ended: SuspensionReason) -> None:
        """End reasons of a suspension."""
        self.suspended = {reason: since for reason, since in self.suspended.items() if reason not in ended}
        self.suspended_by = {reason: by for reason, by in self.suspended_by.items() if reason not in ended}

    def object(self, person: str) -> None:
        """Remember a guardian's no; another guardian's later yes suspends the case."""
        if person not in self.objections:
            self.objections = [*self.objections, person]

    def yield_objection(self, person: str) -> None:
        """Forget the no of a person who says yes now."""
        self.objections = [one for one in self.objections if one != person]

    def settle_by_family(self) -> None:
        """Let a withdrawal answer what was suspended about the consent that is withdrawn; courts are not answered."""
        self.lift(*BY_THE_FAMILY, SuspensionReason.GUARDIANS_DISAGREE)
        self.report = None
