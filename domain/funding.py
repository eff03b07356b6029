"""The funding gate: what must be true before a yuan is paid, each missing condition by its name (R-08; X1, INV-18).

Money of a vocational school, an enterprise or parents is forbidden for enrolment; declaring it is on record and opens a
compliance case. Money is counted in fen (分), whole; yuan stand in the display only.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from domain.refusal import Blocker

FEN: Final = 100
"""Fen in a yuan."""

APPROVALS: Final = 2
"""People who approve a result, neither of them its author (R-08, INV-21)."""


class Source(StrEnum):
    """Where the money comes from (R-08)."""

    FISCAL = "FISCAL"
    PERFORMANCE_POOL = "PERFORMANCE_POOL"
    VOCATIONAL_SCHOOL = "VOCATIONAL_SCHOOL"
    ENTERPRISE = "ENTERPRISE"
    PARENTS = "PARENTS"


LAWFUL: Final = (Source.FISCAL, Source.PERFORMANCE_POOL)


class GateFacts(NamedTuple):
    """What the gate looks at, for one payment.

    Attributes:
        payable: the profile allows payment, and is no trial profile.
        source, document: of the money; None where none was declared.
        amount_fen: what is to be paid.
        pool_left_fen: what is left of the declared pool.
        approvals: people who have approved this result.
        negative_lines: lines below 0.
        open_holds: holds in force (INV-30).
        audited: an auditor has reviewed this result.
        published: this version has been published with all its corrections.
        open_appeals: appeals against it that nobody has decided.
        unanswered_appeals: upheld ones that nothing has followed.
        appeals_possible: the time for appeals is not over.
        violations: classes of a confirmed violation that still have an amount (R-09).
        paid_elsewhere: classes with an amount for which another run has paid.
    """

    payable: bool
    source: Source | None
    document: str | None
    amount_fen: int
    pool_left_fen: int
    approvals: int
    negative_lines: int
    open_holds: int
    audited: bool
    published: bool = True
    open_appeals: int = 0
    unanswered_appeals: int = 0
    appeals_possible: bool = False
    violations: int = 0
    paid_elsewhere: int = 0


def is_lawful(source: Source) -> bool:
    """Tell whether money of this source may be paid at all (R-08, INV-18)."""
    return source in LAWFUL


def gate(facts: GateFacts) -> tuple[Blocker, ...]:
    """Return what stands in the way of a payment, nothing where it may be ordered.

    The first eight are R-08's; the rest follow from it: nothing is paid before it is published, its time for appeals
    is over and upheld ones are answered, nor to a class of a confirmed violation, nor to one that another run has paid.
    """
    missing = max(0, APPROVALS - facts.approvals)
    short = max(0, facts.amount_fen - facts.pool_left_fen)
    conditions = (
        (not facts.payable, Blocker(code="PROFILE_NOT_PAYABLE")),
        (facts.source is None, Blocker(code="FUNDING_SOURCE_MISSING")),
        (facts.source is not None and not is_lawful(facts.source), Blocker(code="FUNDING_SOURCE_FORBIDDEN")),
        (facts.source is not None and facts.document is None, Blocker(code="FUNDING_DOCUMENT_MISSING")),
        (facts.source is not None and short > 0, Blocker(code="FUNDING_POOL_TOO_SMALL", count=-(-short // FEN))),
        (missing > 0, Blocker(code="APPROVALS_MISSING", count=missing)),
        (facts.negative_lines > 0, Blocker(code="RESULT_NEGATIVE", count=facts.negative_lines)),
        (facts.open_holds > 0, Blocker(code="HOLDS_OPEN", count=facts.open_holds)),
        (not facts.audited, Blocker(code="AUDIT_MISSING")),
        (not facts.published, Blocker(code="RESULT_NOT_PUBLISHED")),
        (facts.open_appeals > 0, Blocker(code="SETTLEMENT_APPEALS_OPEN", count=facts.open_appeals)),
        (facts.unanswered_appeals > 0, Blocker(code="APPEAL_UNANSWERED", count=facts.unanswered_appeals)),
        (facts.appeals_possible, Blocker(code="APPEAL_TIME_RUNNING")),
        (facts.violations > 0, Blocker(code="VIOLATIONS_NOT_SETTLED", count=facts.violations)),
        (facts.paid_elsewhere > 0, Blocker(code="PAID_BY_ANOTHER_RUN", count=facts.paid_elsewhere)),
    )
    return tuple(blocker for stands, blocker in conditions if stands)
