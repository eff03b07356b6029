"""What can be commanded of application filing (DOMAIN §7.3 region D); who may command it stands in `domain.actors`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.application_filing_events import ContactKind, ContactOutcome
from domain.consent import CallbackOutcome, CallbackPurpose, Standing
from domain.destination import DestinationKind
from domain.evidence import EvidenceGrade
from domain.family_act import SCHOOL, FamilyAct, Party
from domain.instants import Day, Instant
from domain.references import Label
from domain.stage_events import StageCommand
from domain.stream import CLASS, STUDENT, Command

AdmissionResult = Literal["admitted", "not_admitted"]
CodeTrouble = Literal["CODE_WRONG", "CODE_EXPIRED", "CODE_FOREIGN", "CODE_LOCKED", "CODE_SUPERSEDED", "CODE_IS_PAPER"]
Student = Annotated[str, Field(pattern=STUDENT)]
School = Annotated[str, Field(pattern=SCHOOL)]
Reference = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{2,39}$")]


class OfferNotice(Command):
    """Offer a notice to pupils or to whole classes; each family gets a document once."""

    kind: Literal["offer_notice"] = "offer_notice"
    document: Label
    students: Annotated[tuple[Student, ...], Field(max_length=500)] = ()
    classes: Annotated[tuple[Annotated[str, Field(pattern=CLASS)], ...], Field(max_length=100)] = ()

    @model_validator(mode="after")
    def _to_somebody(self) -> Self:
        if bool(self.students) == bool(self.classes):
            raise ValueError("a notice goes to pupils or to classes, one of the two")
        return self


class DeliverFamilyActs(Command):
    """Hand on what families have done; the gateway's signature on each act is what counts (design, section 9)."""

    kind: Literal["deliver_family_acts"] = "deliver_family_acts"
    acts: Annotated[tuple[FamilyAct, ...], Field(min_length=1, max_length=200)]


class ReportFamilyCode(Command):
    """Leave a trace of a code that did not work; it changes nothing."""

    kind: Literal["report_family_code"] = "report_family_code"
    student: Student
    party: Party
    code: CodeTrouble


class StateIntent(Command):
    """State an intent without a signed act: refused to everybody, and the attempt is kept."""

    kind: Literal["state_intent"] = "state_intent"
    student: Student


class SignConsent(Command):
    """Sign a consent without a signed act: refused to everybody, and the attempt is kept."""

    kind: Literal["sign_consent"] = "sign_consent"
    student: Student


class WithdrawConsent(Command):
    """Withdraw a consent without a signed act: refused to everybody, and the attempt is kept."""

    kind: Literal["withdraw_consent"] = "withdraw_consent"
    student: Student


class Row(BaseModel):
    """One line of a list: what is said of one pupil."""

    model_config = ConfigDict(frozen=True)

    student: Student


class ContactRow(Row):
    """One attempt to reach a family that has not answered; `again_on`: the day on which it asked to be called back."""

    contact: ContactKind
    outcome: ContactOutcome
    at: Instant
    again_on: Day | None = None


class ApplicationRow(Row):
    """One application, with the reference that it has in the official system."""

    school: School
    reference: Reference


class AdmissionRow(Row):
    """One school's answer."""

    school: School
    result: AdmissionResult


class ReportingRow(Row):
    """One pupil who has come to the school, and on which day."""

    school: School
    on: Day


class RegistrationRow(Row):
    """One entry of the vocational register: its reference, never a personal number."""

    school: School
    register_ref: Reference
    on: Day


class DestinationRow(Row):
    """One other destination, and where the knowledge comes from."""

    destination: DestinationKind
    evidence: EvidenceGrade


class RecordContacts(Command):
    """Attempts to reach families that have not answered: all rows or none."""

    kind: Literal["record_contacts"] = "record_contacts"
    rows: Annotated[tuple[ContactRow, ...], Field(min_length=1, max_length=500)]


class RecordApplications(Command):
    """Applications of the official system: all rows or none."""

    kind: Literal["record_applications"] = "record_applications"
    rows: Annotated[tuple[ApplicationRow, ...], Field(min_length=1, max_length=500)]


class RecordAdmissions(Command):
    """Results of admission: all rows or none."""

    kind: Literal["record_admissions"] = "record_admissions"
    rows: Annotated[tuple[AdmissionRow, ...], Field(min_length=1, max_length=500)]


class RecordReporting(Command):
    """Pupils who have come to their school: all rows or none."""

    kind: Literal["record_reporting"] = "record_reporting"
    rows: Annotated[tuple[ReportingRow, ...], Field(min_length=1, max_length=500)]


class RecordRegistrations(Command):
    """Pupils whom the bureau has found in the vocational register: all rows or none."""

    kind: Literal["record_registrations"] = "record_registrations"
    rows: Annotated[tuple[RegistrationRow, ...], Field(min_length=1, max_length=500)]


class RecordDestinations(Command):
    """Other destinations, with their evidence: all rows or none."""

    kind: Literal["record_destinations"] = "record_destinations"
    rows: Annotated[tuple[DestinationRow, ...], Field(min_length=1, max_length=500)]


class ResolveDestination(Command):
    """Decide between two destinations; needs a reason, and a person who recorded neither."""

    kind: Literal["resolve_destination"] = "resolve_destination"
    student: Student
    destination: DestinationKind
    evidence: EvidenceGrade


ReportChannel = Literal["app", "sms", "phone", "paper", "call", "in_person"]
Guardian = Annotated[str, Field(pattern=r"^(gdn|cgv)_[a-z0-9]{6,32}$")]


class ReportWithdrawal(Command):
    """Say that a family wants out, for one that cannot say it by its own code; anybody may. It suspends, no more."""

    kind: Literal["report_withdrawal"] = "report_withdrawal"
    student: Student
    channel: ReportChannel


class CallbackRow(Row):
    """One call of the bureau to a family: why it called, what it heard, and when."""

    purpose: CallbackPurpose
    outcome: CallbackOutcome
    at: Instant


class RecordCallbacks(Command):
    """What the bureau has heard from families; never the school's to record: all rows or none."""

    kind: Literal["record_callbacks"] = "record_callbacks"
    rows: Annotated[tuple[CallbackRow, ...], Field(min_length=1, max_length=500)]


class RecordGuardianship(Command):
    """What a person is to a pupil, and how that is known: a guardian, a caregiver, a parent without custody (G9)."""

    kind: Literal["record_guardianship"] = "record_guardianship"
    student: Student
    person: Guardian
    standing: Standing
    evidence: EvidenceGrade


class SuspendConsent(Command):
    """Suspend a consent; the command's reason says for what, as CUSTODY_DISPUTE or COURT_ORDER."""

    kind: Literal["suspend_consent"] = "suspend_consent"
    student: Student


class LiftSuspension(Command):
    """End a suspension that a document has settled; needs a reason. Signs nothing."""

    kind: Literal["lift_suspension"] = "lift_suspension"
    student: Student
    evidence: EvidenceGrade


class RestrictRecord(Command):
    """Let no notice and no list name a pupil any more; needs a reason (G17)."""

    kind: Literal["restrict_record"] = "restrict_record"
    student: Student


class ReleaseRecord(Command):
    """Use a restricted record as every other again; needs a reason."""

    kind: Literal["release_record"] = "release_record"
    student: Student


FilingCommand = Annotated[
    StageCommand
    | OfferNotice
    | DeliverFamilyActs
    | ReportFamilyCode
    | StateIntent
    | SignConsent
    | WithdrawConsent
    | RecordContacts
    | RecordApplications
    | RecordAdmissions
    | RecordReporting
    | RecordRegistrations
    | RecordDestinations
    | ResolveDestination
    | ReportWithdrawal
    | RecordCallbacks
    | RecordGuardianship
    | SuspendConsent
    | LiftSuspension
    | RestrictRecord
    | ReleaseRecord,
    Field(discriminator="kind"),
]
