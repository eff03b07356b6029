"""What can happen to the settlement (R-04, R-05, R-08, R-09, R-21; INV-17 to INV-19).

Money is in fen. A line is a class of a school, named `{school}/{class}`; lines are added and never edited (INV-29).
A veto is about a school that missed its quota (R-04), or about one of its classes that lost too many pupils (R-05).
"""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from domain.dropout_rates import DropoutCount
from domain.events import Event, digest
from domain.exact import Count
from domain.funding import Source
from domain.settlement import ClassCount, Finding

HASH: Final = r"^[0-9a-f]{64}$"
LINES_AN_EVENT: Final = 200

Outcome = Literal["UPHELD", "NOT_UPHELD"]
About = Literal["LINE", "RESULT", "VETO"]


class StreamMark(BaseModel):
    """Up to which event of a stream the counts were folded; with it an auditor folds them again (INV-11)."""

    model_config = ConfigDict(frozen=True)

    version: int = Field(ge=1)
    hash: str = Field(pattern=HASH)


class SettlementLine(BaseModel):
    """One class: the counts that were given, and what the rule makes of them."""

    model_config = ConfigDict(frozen=True)

    school: str
    class_id: str
    quota: int
    countable: int
    pupils: int | None = None
    informed: int | None = None
    guided: int | None = None
    free_refusals: int | None = None
    amount_fen: int
    points: int

    @property
    def name(self) -> str:
        """Return the line's name."""
        return f"{self.school}/{self.class_id}"

    def count(self) -> ClassCount:
        """Return the counts that the line was computed from."""
        return ClassCount.model_validate(self.model_dump(exclude={"amount_fen", "points"}))


class DropoutLine(DropoutCount):
    """One class: the counts of its losses that were given, and what the rule makes of them (R-05).

    Attributes:
        pupils: whom the rate is a share of; `rate` is "lost/pupils", None without pupils or known losses.
        award: below the award's line.
        finding: above the veto's line, what there is to say; LOSSES_UNKNOWN where nobody knows of losses (INV-15).
    """

    pupils: Count
    rate: str | None
    award: bool
    finding: Finding | None

    @property
    def name(self) -> str:
        """Return the class's name, which is that of its line."""
        return f"{self.school}/{self.class_id}"

    def count(self) -> DropoutCount:
        """Return the counts that the line was computed from."""
        return DropoutCount.model_validate(self.model_dump(include=set(DropoutCount.model_fields)))


class LineChange(BaseModel):
    """A line whose amount differs from that of the version before; None where one of them has no such line."""

    model_config = ConfigDict(frozen=True)

    line: str
    was_fen: int | None
    now_fen: int | None


def lines_digest(lines: tuple[SettlementLine, ...]) -> str:
    """Return the digest of all lines in their order; an auditor computes it anew."""
    return digest([line.model_dump(mode="json") for line in lines])


def revised_digest(before: str, line: str, delta_fen: int) -> str:
    """Return the digest of a revision: that of the one before with one more correction, for an auditor to chain."""
    return digest([before, line, delta_fen])


def public_totals(lines: tuple[SettlementLine, ...]) -> dict[str, int]:
    """Return the sums that stand in the event beside the lines."""
    return {
        "classes": len(lines),
        "quota": sum(line.quota for line in lines),
        "countable": sum(line.countable for line in lines),
        "amount_fen": sum(line.amount_fen for line in lines),
        "points": sum(line.points for line in lines),
    }


# -- events ----------------------------------------------------------------------------------------------------------


class SettlementComputed(Event):
    """A result under a named policy, with every line, or the first of them where there are many.

    `basis` says up to where each stream was read; `changes` is the diff to the version before (INV-29).
    """

    run: str
    version: int
    profile: str
    profile_version: int
    parameter_hash: str
    shadow: bool
    payable: bool
    as_at: AwareDatetime
    lines: tuple[SettlementLine, ...]
    lines_digest: str
    totals: dict[str, int]
    findings: dict[str, str]
    basis: dict[str, StreamMark]
    stamp: str
    changes: tuple[LineChange, ...] = ()
    voided: tuple[str, ...] = ()


class SettlementLinesAdded(Event):
    """More lines of a version; the digest in `SettlementComputed` is over all of them."""

    run: str
    version: int
    lines: tuple[SettlementLine, ...]


class DropoutRatesAdded(Event):
    """The losses of classes in a version, in parts where there are many; nothing is paid for them (R-05)."""

    run: str
    version: int
    lines: tuple[DropoutLine, ...]


class SettlementReviewed(Event):
    """An auditor has recomputed a version and looked at its sample."""

    LATER: ClassVar[tuple[str, ...]] = ("revision",)

    run: str
    version: int
    revision: int = 0


class SettlementApproved(Event):
    """A person who neither computed nor audited a version approves it; payment needs two of them."""

    LATER: ClassVar[tuple[str, ...]] = ("revision",)

    run: str
    version: int
    approvals: int
    revision: int = 0


class SettlementPublished(Event):
    """A version is public: it never changes, and can be appealed against until the day named.

    A correction makes a new revision, which is published anew under the digest of its own.
    """

    LATER: ClassVar[tuple[str, ...]] = ("revision",)

    run: str
    version: int
    lines_digest: str
    total_fen: int
    appeal_until: date
    revision: int = 0


class FundingSourceDeclared(Event):
    """Money of a lawful source was declared; None where there is no document yet, and then nothing is paid."""

    source: Source
    document: str | None
    pool_fen: int


class FundingSourceRejected(Event):
    """Somebody declared money of a forbidden source: it pays nothing, and a compliance case looks at it (INV-18)."""

    source: Source
    document: str | None


class PaymentOrdered(Event):
    """A version went through the gate: what is due, from which funding."""

    LATER: ClassVar[tuple[str, ...]] = ("revision",)

    run: str
    version: int
    payment: str
    funding: str
    fen: int
    lines_digest: str
    revision: int = 0


class PaymentConfirmed(Event):
    """Another person has seen the payment in the accounts."""

    run: str
    payment: str
    fen: int


class AdjustmentComputed(Event):
    """A new line that corrects another: by how much, why, and which event is the cause; nothing is edited.

    It makes a new revision of the version: what was said of the one before does not hold for it. `lines_digest` is
    over the digest before and this correction (`revised_digest`).
    """

    LATER: ClassVar[tuple[str, ...]] = ("revision", "lines_digest")

    run: str
    version: int
    line: str
    delta_fen: int
    total_fen: int
    reason: str
    cause: str
    revision: int = 0
    lines_digest: str = ""


class ClawBackOrdered(Event):
    """More was ordered than is due now: the difference goes back (INV-17)."""

    run: str
    version: int
    line: str
    fen: int
    cause: str


class VetoProposed(Event):
    """A person takes a result's finding up; it is a proposal, and the school is heard first (INV-19).

    Attributes:
        class_id: None for the school's quota (R-04), a class for its losses (R-05); so in all that follows.
        quota, countable: of the school; None where it is about losses.
        pupils, lost: of the class; None where it is about the quota.
    """

    run: str
    version: int
    school: str
    class_id: str | None = None
    quota: int | None = None
    countable: int | None = None
    pupils: int | None = None
    lost: int | None = None


class VetoReviewed(Event):
    """The school was heard; `heard` says by which means."""

    run: str
    school: str
    class_id: str | None = None
    heard: str


class VetoImposed(Event):
    """Another person than the proposer decided for the veto, after the school was heard."""

    run: str
    school: str
    class_id: str | None = None
    reason: str


class VetoDropped(Event):
    """Another person than the proposer decided against it."""

    run: str
    school: str
    class_id: str | None = None
    reason: str


class VetoPublished(Event):
    """The veto is public and can be appealed against until the day named."""

    run: str
    school: str
    class_id: str | None = None
    appeal_until: date


class VetoLifted(Event):
    """An appeal was upheld: the veto is gone, and that is said where it was published."""

    run: str
    school: str
    class_id: str | None = None
    appeal: str


class SettlementAppealFiled(Event):
    """A school appeals against a line, the whole result, its veto, or the veto of one of its classes."""

    appeal: str
    run: str
    version: int
    school: str
    class_id: str | None
    about: About
    ground: str


class SettlementAppealDecided(Event):
    """Somebody with no part in it decided; what follows for the money is an adjustment of its own."""

    appeal: str
    run: str
    outcome: Outcome
    reason: str


class SettlementAppealAnswered(Event):
    """Another person than who upheld an appeal says why no money moves by it (R-08)."""

    appeal: str
    run: str
    reason: str


class SamplePublished(Event):
    """The seed of an audit sample and the digest of what it drew; anybody with the record draws it again (R-21)."""

    seed: str
    digest: str
    size: int
    of: int


SETTLEMENT_EVENTS: tuple[type[Event], ...] = (
    SettlementComputed,
    SettlementLinesAdded,
    DropoutRatesAdded,
    SettlementReviewed,
    SettlementApproved,
    SettlementPublished,
    FundingSourceDeclared,
    FundingSourceRejected,
    PaymentOrdered,
    PaymentConfirmed,
    AdjustmentComputed,
    ClawBackOrdered,
    VetoProposed,
    VetoReviewed,
    VetoImposed,
    VetoDropped,
    VetoPublished,
    VetoLifted,
    SettlementAppealFiled,
    SettlementAppealDecided,
    SettlementAppealAnswered,
    SamplePublished,
)
