"""What can happen to a campaign's own stream, and what the bureau can command of it (design, section 4)."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.calendar import Calendar
from domain.events import Event
from domain.references import Label
from domain.stream import Command

SCHOOL_CODE = r"^\d{10}$"

Hands = Annotated[tuple[Annotated[str, Field(pattern=r"^hnd_[a-z2-7]{32}$")], ...], Field(max_length=2)]
"""What stands in a case for a person and whom the person stands in for: keyed digests that the registry makes."""


class StageWindow(BaseModel):
    """When a stage of every school opens and is due, and which stages must be done before."""

    model_config = ConfigDict(frozen=True)

    opens: date
    due: date
    after: tuple[str, ...] = ()


class SchoolEntry(BaseModel):
    """A school of the campaign and the immutable registry snapshot that it starts from."""

    model_config = ConfigDict(frozen=True)

    code: str = Field(pattern=SCHOOL_CODE)
    snapshot: str
    snapshot_digest: str
    pupils: int
    classes: int


class GatewayKey(BaseModel):
    """The public key by which families' acts are known (design, section 9): raw Ed25519 in hex, and its short id."""

    model_config = ConfigDict(frozen=True)

    key_id: str = Field(pattern=r"^[0-9a-f]{16}$")
    public_key: str = Field(pattern=r"^[0-9a-f]{64}$")


class DayRange(BaseModel):
    """Civil days from one to another, both included."""

    model_config = ConfigDict(frozen=True)

    first: date
    last: date


class TargetDocument(BaseModel):
    """The paper that a first issue of planning targets rests on: its number, and the day from which it holds."""

    model_config = ConfigDict(frozen=True)

    document: str
    effective: date


class SchoolStatus(StrEnum):
    """Where a school stands in the campaign."""

    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    CLOSED = "closed"


class CampaignStatus(StrEnum):
    """Where the campaign stands."""

    DRAFT = "draft"
    RUNNING = "running"
    STOPPED = "stopped"
    CLOSING = "closing"
    ARCHIVED = "archived"


ComplaintMatter = Literal["PRESSURE", "FEE", "CERTIFICATE", "FALSE_INFORMATION", "UNREGISTERED_VISIT", "DATA", "OTHER"]
"""What a complaint is about (DOMAIN §6); never who."""


# -- events -----------------------------------------------------------------------------------------------------


class CampaignDrafted(Event):
    """A bureau officer has prepared the year; nothing runs until another person approves it."""

    campaign: str
    county: str
    year: int
    clock: str
    content_digest: str
    policy: dict[str, Any]
    calendar: dict[str, Any]
    rule: dict[str, Any]
    stages: dict[str, StageWindow]
    schools: tuple[SchoolEntry, ...]
    qualified_schools: tuple[str, ...]
    not_yet_computable: tuple[int, ...] = ()
    release: int = 1
    gateway: GatewayKey | None = None
    quotas: dict[str, dict[str, int]] = {}
    complaint_line: str | None = None
    attendance: DayRange | None = None
    application_window: DayRange | None = None
    targets: TargetDocument | None = None
    spring_quotas: dict[str, dict[str, int]] = {}
    answer_line: str | None = None

    LATER: ClassVar[tuple[str, ...]] = (
        "release",
        "gateway",
        "quotas",
        "complaint_line",
        "attendance",
        "application_window",
        "targets",
        "spring_quotas",
        "answer_line",
    )


class CampaignApproved(Event):
    """A second person with the role has approved the draft."""

    content_digest: str


class SchoolStartRequested(Event):
    """A place in the window of starting schools was free."""

    school: str


class SchoolReady(Event):
    """The school's cohort is loaded and its five stages exist."""

    school: str
    pupils: int


class SchoolProgressNoted(Event):
    """A stage of a school was completed, skipped, reopened or archived."""

    school: str
    stage: str
    status: str


class CampaignPaused(Event):
    """Reminders, escalations, optional notices and staff progress are held; rights and fixed deadlines are not."""

    school: str | None
    reason: str


class CampaignResumed(Event):
    """A pause ends."""

    school: str | None
    reason: str


class CampaignStopped(Event):
    """No more progress; what protects children goes on until it ends by itself."""

    reason: str


class CampaignClosed(Event):
    """The year is over; every stream is asked to end."""

    reason: str


class SchoolClosedNoted(Event):
    """A school has ended and archived its stages' histories."""

    school: str


class CampaignArchived(Event):
    """Every school has ended."""


class CalendarPublished(Event):
    """The state has published another year, or the county has changed days to come; every stage counts by it."""

    calendar: dict[str, Any]
    added_years: tuple[int, ...]
    changed_days: tuple[date, ...]


class StaffListImported(Event):
    """The registry took another list of staff; the list itself is personal, its digest is not."""

    digest: str
    added: int
    changed: int
    removed: int


class ComplaintReceived(Event):
    """Somebody complains; the owner is outside the unit complained of, and has a day to answer by (INV-32).

    The words are a note in the registry, which only the owner reads; None of the days where the calendar of their year
    is not published yet. Since release 3 nobody's reference stands in the record: the event is an unnamed person's,
    and `made_by` holds digests, keyed with the registry's secret, by which nobody decides a complaint of their own
    (INV-21).

    Attributes:
        note: reference of the words, if any were said.
        self_reported: the head of the school complained of reports it, as the duty is; that mitigates.
    """

    complaint: str
    about: str
    matter: ComplaintMatter
    owner: str
    acknowledge_by: date | None
    decide_by: date | None
    note: str | None = None
    made_by: tuple[str, ...] = ()
    self_reported: bool = False

    LATER: ClassVar[tuple[str, ...]] = ("note", "made_by", "self_reported")


class ComplaintAcknowledged(Event):
    """The owner has told the complainant that the complaint is in hand."""

    complaint: str


class ComplaintDecided(Event):
    """The owner has decided; what follows from it is an act of its own."""

    complaint: str
    outcome: Literal["UPHELD", "NOT_UPHELD", "REFERRED"]
    reason: str


# -- commands ---------------------------------------------------------------------------------------------------


class ApproveCampaign(Command):
    """Approve the draft; by another person than its author."""

    kind: Literal["approve"] = "approve"
    content_digest: str | None = None


class PauseCampaign(Command):
    """Hold the campaign or one school; needs a reason."""

    kind: Literal["pause"] = "pause"
    school: str | None = Field(default=None, pattern=SCHOOL_CODE)


class ResumeCampaign(Command):
    """End a pause of the same scope; needs a reason."""

    kind: Literal["resume"] = "resume"
    school: str | None = Field(default=None, pattern=SCHOOL_CODE)


class StopCampaign(Command):
    """Stop the campaign; needs a reason."""

    kind: Literal["stop"] = "stop"


class CloseCampaign(Command):
    """Close the year; needs a reason and every stage finished (or the campaign stopped)."""

    kind: Literal["close_campaign"] = "close_campaign"


class PublishCalendar(Command):
    """Publish a calendar that knows more: another year, or changed days to come."""

    kind: Literal["publish_calendar"] = "publish_calendar"
    calendar: Calendar


class ImportStaff(Command):
    """Take another list of staff; the registry follows when this is on record."""

    kind: Literal["import_staff"] = "import_staff"
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    added: int = Field(ge=0)
    changed: int = Field(ge=0)
    removed: int = Field(ge=0)


class Complain(Command):
    """Complain about a school, a receiving school or the bureau; anybody may, also without a name.

    Since release 3 the command is always an unnamed person's, so that the engine's own history names nobody either;
    what the rules must know of whoever gives a name stands in the last three fields.

    Attributes:
        hands: of whoever gave a name; empty where nobody did.
        self_reported: it is the head of the school complained of.
        from_discipline: it is a discipline officer, whose office then does not own the case.
    """

    kind: Literal["complain"] = "complain"
    complaint: Label
    about: str = Field(pattern=r"^(bureau|\d{10})$")
    matter: ComplaintMatter
    hands: Hands = ()
    self_reported: bool = False
    from_discipline: bool = False


class AcknowledgeComplaint(Command):
    """Tell the complainant that the complaint is in hand."""

    kind: Literal["acknowledge_complaint"] = "acknowledge_complaint"
    complaint: Label


class DecideComplaint(Command):
    """Decide a complaint; needs a reason."""

    kind: Literal["decide_complaint"] = "decide_complaint"
    complaint: Label
    outcome: Literal["UPHELD", "NOT_UPHELD", "REFERRED"]


CAMPAIGN_COMMANDS: tuple[type[Command], ...] = (
    ApproveCampaign,
    PauseCampaign,
    ResumeCampaign,
    StopCampaign,
    CloseCampaign,
    PublishCalendar,
    ImportStaff,
    Complain,
    AcknowledgeComplaint,
    DecideComplaint,
)
