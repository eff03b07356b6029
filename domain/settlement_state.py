"""What the campaign remembers of its settlement: runs, money, vetoes, appeals, samples (R-04, R-05, R-08, R-21)."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import AwareDatetime, BaseModel

from domain.funding import Source
from domain.settlement_events import About


class Payment(BaseModel):
    """A payment that was ordered: how much, from which funding, and by whom."""

    fen: int
    funding: str
    ordered_by: list[str]
    confirmed: bool = False


class Loss(BaseModel):
    """A class above the dropout veto's line: how many pupils of how many, and what the rule found."""

    lost: int
    pupils: int
    finding: str


class Run(BaseModel):
    """A run of the settlement in its latest version.

    Attributes:
        revision: how many corrections the version has had; each is reviewed, approved and published anew (R-08).
        digest: of the lines, and of the corrections after them.
        amounts: line → fen, adjustments included; their sum is the run's total.
        findings: school → what the veto rule found; tallies: school → its quota and countable pupils.
        losses: class → what the dropout rule found, of classes above the veto's line (R-05).
        authors: who computed or adjusted it; they approve nothing of it (INV-21).
        hands: everybody who had a part in it; they decide no appeal against it.
        reviewed_by, approved_by: who audited and who approved this revision.
        published_version, published_revision, appeal_until: of the latest publication.
        ordered_fen, clawed_fen: paid out on orders, and ordered back.
    """

    version: int
    revision: int = 0
    profile: str
    parameter_hash: str
    shadow: bool
    payable: bool
    as_at: AwareDatetime
    digest: str
    amounts: dict[str, int]
    findings: dict[str, str]
    tallies: dict[str, tuple[int, int]] = {}
    losses: dict[str, Loss] = {}
    authors: list[str]
    hands: list[str]
    reviewed: bool = False
    reviewed_by: list[str] = []
    approved_by: list[list[str]] = []
    published_version: int = 0
    published_revision: int = 0
    appeal_until: date | None = None
    payments: dict[str, Payment] = {}
    ordered_fen: int = 0
    clawed_fen: int = 0

    @property
    def total_fen(self) -> int:
        """The sum of the lines (INV-17)."""
        return sum(self.amounts.values())

    @property
    def published(self) -> bool:
        """Whether what stands now is public: this version with all its corrections."""
        return (self.published_version, self.published_revision) == (self.version, self.revision)

    @property
    def approvers(self) -> list[str]:
        """Who approved this revision, and for whom."""
        return [person for hand in self.approved_by for person in hand]

    @property
    def makers(self) -> list[str]:
        """Who computed, corrected, audited or approved it: none of them pays it out (INV-21)."""
        return [*self.authors, *self.reviewed_by, *self.approvers]


class Funding(BaseModel):
    """Declared money: its source, its document, the pool, and what was ordered from it."""

    source: Source
    document: str | None
    pool_fen: int
    ordered_fen: int = 0


class Veto(BaseModel):
    """A proposed veto of one school or class, and how far people have come with it (INV-19)."""

    run: str
    school: str
    status: Literal["PROPOSED", "HEARD", "IMPOSED", "DROPPED", "PUBLISHED", "LIFTED"]
    proposed_by: list[str]
    hands: list[str]
    appeal_until: date | None = None


class Appeal(BaseModel):
    """An appeal against a published result or veto.

    Attributes:
        fen: what it is about came to this when it was filed: the line, or the school's lines together.
        events: its filing and its decision; an adjustment that names one of them answers it.
        decided_by, decided_in: who decided it, and which version of the run stood then.
        adjusted_in: the version in which such an adjustment was made, 0 while there is none.
        answered: somebody has said why no money moves by it.
    """

    run: str
    school: str
    about: About
    class_id: str | None = None
    made_by: list[str]
    fen: int = 0
    events: list[str] = []
    outcome: str | None = None
    decided_by: list[str] = []
    decided_in: int = 0
    adjusted_in: int = 0
    answered: bool = False

    def concerns(self, line: str) -> bool:
        """Tell whether a line is what the appeal is about, or one of the school whose result it is."""
        school, _, class_id = line.partition("/")
        return school == self.school and self.class_id in (None, class_id)


class SettlementBook(BaseModel):
    """What the campaign remembers of the runs of the settlement.

    Attributes:
        runs: name → run; funding: its document, or its source where it has none → money.
        vetoes: `{run}/{school}` or `{run}/{school}/{class}` → veto; appeals: name → appeal.
        samples: seed → digest of the sample that it drew.
    """

    runs: dict[str, Run] = {}
    funding: dict[str, Funding] = {}
    vetoes: dict[str, Veto] = {}
    appeals: dict[str, Appeal] = {}
    samples: dict[str, str] = {}
