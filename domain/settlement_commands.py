"""What can be commanded of the settlement (R-04, R-05, R-08, R-21; INV-17 to INV-19, INV-21)."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from domain.campaign_events import SCHOOL_CODE
from domain.dropout_rates import PRIMARY, DropoutCount
from domain.exact import Count, Whole
from domain.funding import Source
from domain.instants import Instant
from domain.references import Label, not_personal
from domain.settlement_events import HASH, About, Outcome, StreamMark
from domain.stream import CLASS, Command

LINE: Final = r"^\d{10}/\d{4}-\d{2}$"
CAUSE: Final = r"^campaign/[a-z0-9-]+/\d{4}(/[A-Za-z0-9_-]+)*#[1-9]\d{0,8}$"
SEED: Final = r"^[A-Za-z0-9][A-Za-z0-9._:-]{7,63}$"
LARGEST_FEN: Final = 10**13
MOST_YUAN: Final = 10**9
MOST_CLASSES: Final = 5_000

Document = Annotated[
    str,
    Field(pattern=r"^[\w〔〕\[\]（）()./ -]*\d[\w〔〕\[\]（）()./ -]*$", min_length=2, max_length=64),
    AfterValidator(not_personal),
]
"""The number of a document as its office writes it; it holds a digit, and no person's number."""


class CountRow(BaseModel):
    """The counts of one class, as the client folded them from the ledger."""

    model_config = ConfigDict(frozen=True)

    school: str = Field(pattern=SCHOOL_CODE)
    class_id: str = Field(pattern=CLASS)
    quota: Count
    countable: Count
    pupils: Count | None = None
    informed: Count | None = None
    guided: Count | None = None
    free_refusals: Count | None = None


class LossRow(DropoutCount):
    """The losses of one class, as the client folded them from the attendance; a campaign has no sixth grade."""

    school: str = Field(pattern=SCHOOL_CODE)
    class_id: str = Field(pattern=CLASS)
    grade: Annotated[int, Field(strict=True, ge=PRIMARY + 1, le=9)]


class ComputeSettlement(Command):
    """Compute a run anew from counts; the rules compute the lines themselves.

    `dropout` holds the classes of schools whose attendance is kept.
    """

    kind: Literal["compute_settlement"] = "compute_settlement"
    run: Label
    profile: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")
    as_at: Instant
    classes: tuple[CountRow, ...] = Field(max_length=MOST_CLASSES)
    dropout: tuple[LossRow, ...] = Field(default=(), max_length=MOST_CLASSES)
    basis: dict[str, StreamMark] = Field(min_length=1)

    @model_validator(mode="after")
    def _of_something(self) -> Self:
        if not self.classes and not self.dropout:
            raise ValueError("a run looks at a class at least")
        return self


class ReviewSettlement(Command):
    """Say that a version, with its corrections up to a revision, was audited."""

    kind: Literal["review_settlement"] = "review_settlement"
    run: Label
    version: int = Field(ge=1)
    revision: int = Field(default=0, ge=0)


class ApproveSettlement(Command):
    """Approve a version and its revision, which are named so that nobody approves another by accident."""

    kind: Literal["approve_settlement"] = "approve_settlement"
    run: Label
    version: int = Field(ge=1)
    revision: int = Field(default=0, ge=0)


class PublishSettlement(Command):
    """Publish the approved version of a run."""

    kind: Literal["publish_settlement"] = "publish_settlement"
    run: Label


class DeclareFunding(Command):
    """Declare where money comes from, on which document, and how much there is."""

    kind: Literal["declare_funding"] = "declare_funding"
    source: Source
    document: Document | None = None
    pool_yuan: int = Field(strict=True, ge=0, le=MOST_YUAN)


class OrderPayment(Command):
    """Order what is due on a run, through the funding gate."""

    kind: Literal["order_payment"] = "order_payment"
    run: Label
    payment: Label
    funding: str = Field(min_length=2, max_length=64)


class ConfirmPayment(Command):
    """Say that the payment stands in the accounts; by another person than who ordered it."""

    kind: Literal["confirm_payment"] = "confirm_payment"
    run: Label
    payment: Label


class AdjustSettlement(Command):
    """Correct a line by a new one; needs a reason and the event that is the cause."""

    kind: Literal["adjust_settlement"] = "adjust_settlement"
    run: Label
    line: str = Field(pattern=LINE)
    delta_fen: Annotated[Whole, Field(ge=-LARGEST_FEN, le=LARGEST_FEN)]
    cause: str = Field(pattern=CAUSE, max_length=200)


class ProposeVeto(Command):
    """Take up what a run found on a school, or with a class on the losses of that class; so in what follows."""

    kind: Literal["propose_veto"] = "propose_veto"
    run: Label
    school: str = Field(pattern=SCHOOL_CODE)
    class_id: str | None = Field(default=None, pattern=CLASS)


class HearSchool(Command):
    """Record that the school was heard."""

    kind: Literal["hear_school"] = "hear_school"
    run: Label
    school: str = Field(pattern=SCHOOL_CODE)
    class_id: str | None = Field(default=None, pattern=CLASS)
    heard: Literal["MEETING", "WRITTEN", "CALL"]


class DecideVeto(Command):
    """Decide on a proposed veto; needs a reason."""

    kind: Literal["decide_veto"] = "decide_veto"
    run: Label
    school: str = Field(pattern=SCHOOL_CODE)
    class_id: str | None = Field(default=None, pattern=CLASS)
    decision: Literal["IMPOSE", "DROP"]


class PublishVeto(Command):
    """Publish an imposed veto; the time for an appeal begins."""

    kind: Literal["publish_veto"] = "publish_veto"
    run: Label
    school: str = Field(pattern=SCHOOL_CODE)
    class_id: str | None = Field(default=None, pattern=CLASS)


class AppealSettlement(Command):
    """Appeal against a published line, result or veto; by the school's principal, with a reason.

    A class names the line, or the class whose veto it is.
    """

    kind: Literal["appeal_settlement"] = "appeal_settlement"
    appeal: Label
    run: Label
    school: str = Field(pattern=SCHOOL_CODE)
    about: About
    class_id: str | None = Field(default=None, pattern=CLASS)


class DecideSettlementAppeal(Command):
    """Decide an appeal; needs a reason."""

    kind: Literal["decide_settlement_appeal"] = "decide_settlement_appeal"
    appeal: Label
    outcome: Outcome


class AnswerSettlementAppeal(Command):
    """Answer an upheld appeal: no money moves by it; needs a reason, and another person than who decided it."""

    kind: Literal["answer_settlement_appeal"] = "answer_settlement_appeal"
    appeal: Label


class PublishSample(Command):
    """Publish the seed of a sample and the digest of the references that it draws."""

    kind: Literal["publish_sample"] = "publish_sample"
    seed: Annotated[str, Field(pattern=SEED), AfterValidator(not_personal)]
    digest: str = Field(pattern=HASH)
    size: Count
    of: Count


SETTLEMENT_COMMANDS: tuple[type[Command], ...] = (
    ComputeSettlement,
    ReviewSettlement,
    ApproveSettlement,
    PublishSettlement,
    DeclareFunding,
    OrderPayment,
    ConfirmPayment,
    AdjustSettlement,
    ProposeVeto,
    HearSchool,
    DecideVeto,
    PublishVeto,
    AppealSettlement,
    DecideSettlementAppeal,
    AnswerSettlementAppeal,
    PublishSample,
)
