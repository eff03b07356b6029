"""What can happen to planning targets, and what can be commanded of them (DOMAIN §4.2; INV-08).

A *paper* is one numbered document for one wave: how many heads each school is asked to plan for. The county issues
it, another person approves it, and the school shares its number out to classes. A target is a figure to plan service
by; nobody is punished by it, and nothing here asks anything of a family.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from domain.campaign_events import SCHOOL_CODE
from domain.events import Event
from domain.exact import Count
from domain.instants import Day
from domain.references import not_personal
from domain.stream import CLASS, Command

DRAFT_DOCUMENT: Final = "campaign.toml"
"""Stands for the paper of a draft whose file names none: the file itself is what was approved."""

SchoolKey = Annotated[str, Field(pattern=SCHOOL_CODE)]
ClassKey = Annotated[str, Field(pattern=CLASS)]
Heads = Annotated[Count, Field(le=100_000)]

DocumentNumber = Annotated[str, Field(pattern=r"^\S(.{0,58}\S)?$"), AfterValidator(not_personal)]
"""The number of an official paper as it stands there, such as 县教发〔2026〕12号; never a person's number."""


class Wave(StrEnum):
    """When pupils are delivered: after graduation, or before it where the province allows that (Q12, R-16)."""

    AUTUMN = "autumn"
    SPRING = "spring"


class PressureCode(StrEnum):
    """Why a target may press families (R-10); a flag is a question to people and proves nothing."""

    QUOTA_ABOVE_POOL = "QUOTA_ABOVE_POOL"
    QUOTA_ABOVE_SHARE = "QUOTA_ABOVE_SHARE"
    APPLICATIONS_ABOVE_QUOTA = "APPLICATIONS_ABOVE_QUOTA"
    PLAN_ABOVE_QUOTA = "PLAN_ABOVE_QUOTA"
    PLAN_ABOVE_POOL = "PLAN_ABOVE_POOL"
    LOW_BAND_CONSENTS = "LOW_BAND_CONSENTS"
    ALL_VOCATIONAL = "ALL_VOCATIONAL"
    ALL_VOCATIONAL_LOW_BAND = "ALL_VOCATIONAL_LOW_BAND"
    ALL_VOCATIONAL_OTHERS = "ALL_VOCATIONAL_OTHERS"


class Moved(BaseModel):
    """A number of heads before and after."""

    model_config = ConfigDict(frozen=True)

    was: Count
    now: Count


# -- events -----------------------------------------------------------------------------------------------------


class TargetsIssued(Event):
    """The county has written the first targets of a wave; they hold once another person approves.

    Attributes:
        effective: the day from which the paper says it holds; `recorded_at` of the envelope says when it came.
        backdated: the first lies before the second (edge 12).
    """

    document: str
    effective: date
    wave: Wave
    schools: dict[str, int]
    total: int
    backdated: bool


class TargetRevised(Event):
    """The county has written other targets for a wave; they hold once another person approves.

    Attributes:
        base: number of the paper that it changes.
        changes: schools whose number moves.
        preview: digest of what the author was shown before: which class crosses which line, in yuan on trial.
    """

    document: str
    effective: date
    wave: Wave
    schools: dict[str, int]
    total: int
    backdated: bool
    base: str
    changes: dict[str, Moved]
    preview: str
    reason: str


class TargetsApproved(Event):
    """A second person has approved a paper; it holds from its effective day."""

    document: str
    waves: tuple[Wave, ...]


class TargetsRejected(Event):
    """A paper was not approved; its number is free again."""

    document: str
    waves: tuple[Wave, ...]
    reason: str


class TargetAcknowledged(Event):
    """The principal has seen the school's number."""

    school: str
    document: str


class TargetObjected(Event):
    """The principal objects to the school's number; the bureau may revise it, nothing waits for that."""

    school: str
    document: str
    reason: str


class ClassQuotaAssigned(Event):
    """The principal has shared a school's number out to its classes for the first time in a wave (INV-08)."""

    school: str
    wave: Wave
    document: str
    effective: date
    classes: dict[str, int]


class ClassQuotaReassigned(Event):
    """The principal has shared a school's number out otherwise, or shared out a revised one."""

    school: str
    wave: Wave
    document: str
    effective: date
    classes: dict[str, int]
    changes: dict[str, Moved]


class PressureFlagged(Event):
    """Somebody who looks after fairness proposes to look at a target: it may press families (R-10).

    Attributes:
        class_id: None for the school.
        figure, limit: the two sides of the comparison, as exact text ("22", "7/10").
    """

    school: str
    class_id: str | None
    flag: PressureCode
    figure: str
    limit: str


TARGET_EVENTS: Final[tuple[type[Event], ...]] = (
    TargetsIssued,
    TargetRevised,
    TargetsApproved,
    TargetsRejected,
    TargetAcknowledged,
    TargetObjected,
    ClassQuotaAssigned,
    ClassQuotaReassigned,
    PressureFlagged,
)


# -- commands ---------------------------------------------------------------------------------------------------


class IssueTargets(Command):
    """Write the first targets of a wave; `schools` must sum to `total`, both from the paper."""

    kind: Literal["issue_targets"] = "issue_targets"
    document: DocumentNumber
    effective: Day
    wave: Wave = Wave.AUTUMN
    schools: dict[SchoolKey, Heads] = Field(min_length=1)
    total: Heads


class ReviseTargets(Command):
    """Change the targets of a wave by another paper; needs a reason and names every school of the paper before."""

    kind: Literal["revise_targets"] = "revise_targets"
    document: DocumentNumber
    effective: Day
    wave: Wave = Wave.AUTUMN
    schools: dict[SchoolKey, Heads] = Field(min_length=1)
    total: Heads
    preview: str = Field(pattern=r"^[0-9a-f]{64}$")


class ApproveTargets(Command):
    """Approve a paper, of both waves where it has both; by another person than its author (INV-21)."""

    kind: Literal["approve_targets"] = "approve_targets"
    document: DocumentNumber


class RejectTargets(Command):
    """Turn a paper down, or take back one's own; needs a reason."""

    kind: Literal["reject_targets"] = "reject_targets"
    document: DocumentNumber


class AcknowledgeTarget(Command):
    """Tell that the school's number was seen."""

    kind: Literal["acknowledge_target"] = "acknowledge_target"
    school: SchoolKey
    document: DocumentNumber | None = None


class ObjectToTarget(Command):
    """Object to the school's number; needs a reason."""

    kind: Literal["object_to_target"] = "object_to_target"
    school: SchoolKey
    document: DocumentNumber | None = None


class AssignClassQuotas(Command):
    """Share the school's number out to classes; they must sum to it (INV-08)."""

    kind: Literal["assign_class_quotas"] = "assign_class_quotas"
    school: SchoolKey
    wave: Wave = Wave.AUTUMN
    document: DocumentNumber
    classes: dict[ClassKey, Heads] = Field(min_length=1)


class FlagPressure(Command):
    """Propose to look at a target; for an auditor or a discipline officer (DESIGN §10)."""

    kind: Literal["flag_pressure"] = "flag_pressure"
    school: SchoolKey
    class_id: ClassKey | None = None
    flag: PressureCode
    figure: str = Field(pattern=r"^[0-9]{1,9}(/[0-9]{1,9})?$")
    limit: str = Field(pattern=r"^[0-9]{1,9}(/[0-9]{1,9})?$")


TARGET_COMMANDS: Final[tuple[type[Command], ...]] = (
    IssueTargets,
    ReviseTargets,
    ApproveTargets,
    RejectTargets,
    AcknowledgeTarget,
    ObjectToTarget,
    AssignClassQuotas,
    FlagPressure,
)


# -- what the campaign remembers ----------------------------------------------------------------------------------


class Paper(BaseModel):
    """One document's targets for one wave.

    Attributes:
        issued_by: who wrote it and for whom, to keep the approver another person.
        base: number of the paper that it changes, None for the first of its wave.
        approved_at: when the approval was recorded, None for a draft's.
    """

    document: str
    wave: Wave
    effective: date
    schools: dict[str, int]
    total: int
    issued_by: list[str] = []
    base: str | None = None
    approved: bool = False
    approved_at: AwareDatetime | None = None


class Assignment(BaseModel):
    """How a school shared a paper's number out to its classes, and from which day; a draft's has no `recorded_at`."""

    school: str
    wave: Wave
    document: str
    effective: date
    classes: dict[str, int]
    recorded_at: AwareDatetime | None = None


class Targets(BaseModel):
    """What the campaign remembers of targets.

    Attributes:
        papers: not yet approved, then approved ones in the order of their approval; a rejected one is gone.
        assignments: in the order in which they were recorded.
        acknowledged, objected: schools by the number of the paper.
        flagged: what was flagged already, as `school/class/flag`.
    """

    papers: list[Paper] = []
    assignments: list[Assignment] = []
    acknowledged: dict[str, list[str]] = {}
    objected: dict[str, list[str]] = {}
    flagged: list[str] = []
