"""What text messages cost, how many are left, and what is still to come (FEATURES B23); whole numbers throughout.

A segment is what a network charges: 70 characters, or 67 each of a longer text. Prices are thousandths of a yuan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Protocol

from domain.notices import SMS

MILLIYUAN: Final = 1000
"""In a yuan."""

PURPOSES_OF: Final[dict[str, tuple[str, ...]]] = {
    "parent-meetings": ("meeting_invitation",),
    "school-visits": ("visit_invitation",),
    "application-filing": ("cooling_started", "consent_confirmed"),
}
"""Stage → what each household is told in its ordinary course; letters with an answer code do not go by text message.

Moves, cancellations and withdrawals are not foreseen: nobody plans them.
"""


@dataclass(frozen=True)
class OpenStage:
    """A school's stage that is not over.

    Attributes:
        stage: its kind.
        pupils: on the school's roster.
        planned: purpose → for how many households the outbox has it already, whatever became of it.
    """

    stage: str
    pupils: int
    planned: Mapping[str, int]


@dataclass(frozen=True)
class Forecast:
    """Segments by where they stand, and what they cost.

    Attributes:
        used: charged already.
        waiting: of notices that are in the outbox and wait.
        expected: of notices that open stages will still ask for, see `expected`.
        limit: the campaign's, None without one.
        price_milliyuan: of a segment.
    """

    used: int
    waiting: int
    expected: int
    limit: int | None
    price_milliyuan: int

    @property
    def total(self) -> int:
        """Return the segments of the whole campaign."""
        return self.used + self.waiting + self.expected

    @property
    def left(self) -> int | None:
        """Return how many segments may still be charged, None without a limit."""
        return remaining(self.limit, self.used)

    @property
    def missing(self) -> int:
        """Return how many segments the limit is too low for all that is foreseen; 0 without a limit."""
        return 0 if self.limit is None else max(0, self.total - self.limit)

    def cost(self, segments: int) -> Fraction:
        """Return the exact cost of a number of segments in yuan."""
        return cost(segments, self.price_milliyuan)


class Line(Protocol):
    """A channel's row of the board of sending, as far as it costs."""

    @property
    def channel(self) -> str:
        """Return which channel its notices are on now."""
        ...

    @property
    def segments(self) -> int:
        """Return the segments that they were charged, on whichever channel they were then."""
        ...

    @property
    def in_flight(self) -> int:
        """Return how many a provider is being called for."""
        ...

    @property
    def unknown(self) -> int:
        """Return of how many nobody knows whether they went out."""
        ...


def used_segments(lines: Iterable[Line], most_segments: int) -> int:
    """Return the segments that were charged, and the most that may turn out to have been.

    A notice that fell from the text messages to paper was charged all the same, so every channel's segments count.

    Args:
        lines: of all channels.
        most_segments: of one message; of those in flight and of unknown outcome it is taken that each is charged so.
    """
    rows = list(lines)
    open_ones = sum(row.in_flight + row.unknown for row in rows if row.channel == SMS)
    return sum(row.segments for row in rows) + most_segments * open_ones


def remaining(limit: int | None, used: int) -> int | None:
    """Return how many segments may still be charged, None without a limit.

    Args:
        limit: of the whole campaign (`sms_segments_limit`).
        used: as `used_segments` counts: the limit must hold whatever a provider answers.
    """
    if used < 0:
        raise ValueError("nobody has used less than nothing")
    return None if limit is None else max(0, limit - used)


def messages_allowed(limit: int | None, used: int, most_segments: int, wanted: int) -> int:
    """Return how many of the wanted messages may be begun, so that the limit holds whatever they are charged as.

    Args:
        limit: as in `remaining`.
        used: as in `remaining`.
        most_segments: of one message; the templates promise it.
        wanted: how many would go.
    """
    left = remaining(limit, used)
    return wanted if left is None else min(wanted, left // most_segments)


def cost(segments: int, price_milliyuan: int) -> Fraction:
    """Return the exact cost of a number of segments in yuan."""
    return Fraction(segments * price_milliyuan, MILLIYUAN)


def expected(stages: Iterable[OpenStage], most_segments: Mapping[str, int]) -> int:
    """Return the segments that open stages will still ask for.

    Formula: over every open stage and every purpose of its ordinary course, (pupils − households that have the notice
    planned already, not below 0) × the purpose's declared segments. It takes one person of each household as reached by
    text message, and every family as going on to sign: fewer do, and a second guardian's copies make up for some.

    Args:
        stages: those that are not over.
        most_segments: purpose → declared segments of its text message.
    """
    return sum(
        max(0, stage.pupils - stage.planned.get(purpose, 0)) * most_segments[purpose]
        for stage in stages
        for purpose in PURPOSES_OF.get(stage.stage, ())
    )


def yuan(amount: Fraction) -> str:
    """Write an amount in yuan with all its thousandths, "12.345"; exact for whole thousandths.

    Raises:
        ValueError: the amount has parts of a thousandth.
    """
    thousandths = amount * MILLIYUAN
    if thousandths.denominator != 1 or thousandths < 0:
        raise ValueError("an amount has whole thousandths of a yuan, and is not below zero")
    whole, rest = divmod(thousandths.numerator, MILLIYUAN)
    return f"{whole}.{rest:03}"
