"""What can be commanded of student aid (R-14; INV-21, INV-33)."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.campaign_events import SCHOOL_CODE
from domain.evidence import EvidenceGrade
from domain.references import Label
from domain.settlement_commands import Document
from domain.settlement_events import Outcome, StreamMark
from domain.stream import CODE, STUDENT, Command

ACCOUNT: Final = r"^acc_[a-z2-7]{16}$"
PAYER: Final = r"^(bureau|[0-9]{10})$"
MONTH: Final = r"^(19|20|21)\d{2}-(0[1-9]|1[0-2])$"
MOST_ROWS: Final = 5_000
LONGEST_STUDY: Final = 9
"""A year of study beyond the entitled ones is a row's fault, told by its number, and no malformed command."""

Student = Annotated[str, Field(pattern=STUDENT)]
Month = Annotated[str, Field(pattern=MONTH)]
StudyYear = Annotated[int, Field(strict=True, ge=1, le=LONGEST_STUDY)]
Term = Annotated[int, Field(strict=True, ge=1, le=2)]


class AidRow(BaseModel):
    """One pupil of a list; without `first` the entitlement begins with the school year.

    `account` is a digest that the client keys and computes: no number of an account comes this far.
    """

    model_config = ConfigDict(frozen=True)

    student: Student
    study_year: StudyYear
    kind: str = Field(pattern=CODE)
    school: str = Field(pattern=SCHOOL_CODE)
    payer: str = Field(pattern=PAYER)
    account: str = Field(pattern=ACCOUNT)
    first: Month | None = None


class AidAttendanceRow(BaseModel):
    """One pupil was at the school in one month."""

    model_config = ConfigDict(frozen=True)

    student: Student
    month: Month
    evidence: EvidenceGrade


class DraftAidList(Command):
    """Draw up a list of entitled pupils: all rows or none."""

    kind: Literal["draft_aid_list"] = "draft_aid_list"
    listed: Label
    rows: tuple[AidRow, ...] = Field(min_length=1, max_length=MOST_ROWS)


class PublishAidList(Command):
    """Put a list on public view; the days for objections begin."""

    kind: Literal["publish_aid_list"] = "publish_aid_list"
    listed: Label


class ObjectToAid(Command):
    """Object to a pupil's place on a list that is on view; needs a reason."""

    kind: Literal["object_to_aid"] = "object_to_aid"
    listed: Label
    student: Student


class DecideAidObjection(Command):
    """Decide on an objection; needs a reason."""

    kind: Literal["decide_aid_objection"] = "decide_aid_objection"
    listed: Label
    student: Student
    outcome: Outcome


class ApproveAidList(Command):
    """Approve a list whose public view is over."""

    kind: Literal["approve_aid_list"] = "approve_aid_list"
    listed: Label


class RejectAidList(Command):
    """Turn a list down; needs a reason."""

    kind: Literal["reject_aid_list"] = "reject_aid_list"
    listed: Label


class RecordAidAttendance(Command):
    """Record months of attendance at the receiving school: all rows or none."""

    kind: Literal["record_aid_attendance"] = "record_aid_attendance"
    rows: tuple[AidAttendanceRow, ...] = Field(min_length=1, max_length=MOST_ROWS)


class WithdrawAidAttendance(Command):
    """Take back a month that was recorded wrongly; needs a reason."""

    kind: Literal["withdraw_aid_attendance"] = "withdraw_aid_attendance"
    student: Student
    month: Month


class StopAid(Command):
    """Say after which month a pupil has no more aid; needs a reason."""

    kind: Literal["stop_aid"] = "stop_aid"
    student: Student
    last: Month


class LeftRow(BaseModel):
    """A pupil whom the record shows to have left a receiving school, and the last month that can be paid there."""

    model_config = ConfigDict(frozen=True)

    student: Student
    school: str = Field(pattern=SCHOOL_CODE)
    last: Month


class ComputeAid(Command):
    """Compute what is due for a term; the rules compute the lines themselves.

    `left` names the pupils whom the record shows to have left, `basis` which streams were read for it and up to where.
    """

    kind: Literal["compute_aid"] = "compute_aid"
    run: Label
    study_year: StudyYear
    term: Term
    left: tuple[LeftRow, ...] = Field(default=(), max_length=MOST_ROWS)
    basis: dict[str, StreamMark] = {}


class ApproveAidRun(Command):
    """Approve a run in the version that is named, so that nobody approves another by accident."""

    kind: Literal["approve_aid_run"] = "approve_aid_run"
    run: Label
    version: int = Field(ge=1)


class ConfirmAidPaid(Command):
    """Say that a payer's money has moved, by which document; by somebody who neither computed nor approved it."""

    kind: Literal["confirm_aid_paid"] = "confirm_aid_paid"
    run: Label
    payer: str = Field(pattern=PAYER)
    document: Document


AID_COMMANDS: Final[tuple[type[Command], ...]] = (
    DraftAidList,
    PublishAidList,
    ObjectToAid,
    DecideAidObjection,
    ApproveAidList,
    RejectAidList,
    RecordAidAttendance,
    WithdrawAidAttendance,
    StopAid,
    ComputeAid,
    ApproveAidRun,
    ConfirmAidPaid,
)
