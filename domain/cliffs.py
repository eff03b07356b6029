"""Where one more pupil moves a class over a line, and by how much money (DOMAIN §0.11, S22).

A cliff makes pressure: the tenth head of a quota of ten is worth 1200 yuan, the ninth 200. The software shows it to
those who watch over pressure, never to those who could press (DESIGN §10), and the audit sample looks there (R-21).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from pydantic import BaseModel, ConfigDict, Field

from domain.exact import Count, ExactFraction
from domain.policy import PROFILES, PolicyParameters
from domain.policy_readings import Boundary
from domain.settlement import ClassCount, Tally, class_reward, least_heads


class NextLine(BaseModel):
    """The next better tier of a class: its ratio, the heads that reach it, and how many are missing."""

    model_config = ConfigDict(frozen=True)

    line: ExactFraction
    heads: Count
    missing: Count


class Cliff(BaseModel):
    """What one more countable pupil would change for a class.

    Attributes:
        next_line: None where the class is in the best tier, has no quota, or the policy has no tiers.
        marginal_yuan: reward with one more pupil less the reward now.
        made_at: the counts at which a tier begins; the consent that makes one of them is looked at (R-21).
    """

    model_config = ConfigDict(frozen=True)

    school: str
    class_id: str = Field(serialization_alias="class")
    quota: Count
    countable: Count
    next_line: NextLine | None
    marginal_yuan: int
    made_at: tuple[int, ...]


def audited_lines(parameters: PolicyParameters) -> tuple[Fraction, ...]:
    """Return the completions at which an audit looks: the policy's tiers, else the historical 100, 80 and 60 %.

    A policy without rewards has no cliff of its own, and old habits still see those lines (R-21).
    """
    tiers = parameters.reward_tiers or PROFILES["legacy"].parameters.reward_tiers
    return tuple(line for line, _ in tiers)


def tier_heads(quota: int, lines: Iterable[Fraction], boundary: Boundary) -> tuple[int, ...]:
    """Return the counts at which a class of this quota reaches a line, lowest first; none without a quota."""
    if quota == 0:
        return ()
    return tuple(sorted({least_heads(line, quota, boundary) for line in lines}))


def veto_heads(quota: int, parameters: PolicyParameters) -> int | None:
    """Return the fewest heads with which a school is above the veto line, None without a quota (R-04, Q1)."""
    if quota == 0:
        return None
    line = parameters.veto_ratio * quota
    heads = -(-line.numerator // line.denominator)
    at_the_line = parameters.veto_boundary is Boundary.INCLUSIVE and heads == line
    return heads + 1 if at_the_line else heads


def cliff(count: ClassCount, parameters: PolicyParameters, *, school: Tally | None = None) -> Cliff:
    """Return the cliff of one class.

    Args:
        count: the class.
        parameters: the tiers and their readings.
        school: the school's tally, for the reading that a school's ratio picks the tier (Q6).
    """
    more = None if school is None else Tally(school.quota, school.countable + 1)
    now = class_reward(count.quota, count.countable, parameters, school=school)
    then = class_reward(count.quota, count.countable + 1, parameters, school=more)
    lines = [line for line, _ in parameters.reward_tiers]
    ahead = [
        NextLine(line=line, heads=heads, missing=heads - count.countable)
        for line in reversed(lines)
        if (heads := least_heads(line, count.quota, parameters.tier_boundary)) > count.countable
    ]
    return Cliff(
        school=count.school,
        class_id=count.class_id,
        quota=count.quota,
        countable=count.countable,
        next_line=ahead[0] if ahead else None,
        marginal_yuan=then - now,
        made_at=tier_heads(count.quota, lines, parameters.tier_boundary),
    )


def cliffs(counts: Sequence[ClassCount], parameters: PolicyParameters) -> tuple[Cliff, ...]:
    """Return the cliff of each class, in the order given."""
    tallies: dict[str, Tally] = {}
    for count in counts:
        held = tallies.get(count.school, Tally(0, 0))
        tallies[count.school] = Tally(held.quota + count.quota, held.countable + count.countable)
    return tuple(cliff(count, parameters, school=tallies[count.school]) for count in counts)
