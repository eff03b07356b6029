"""The campaign's rates, exact (R-12; INV-28).

A rate keeps the two counts that it was made of: "25/42" says which class it was, 59.52 % does not, and 60 % is wrong.
Rules compare `Rate.value`; nothing ever compares a percentage.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from pydantic import BaseModel, ConfigDict

from domain.exact import Count, Positive


class Rate(BaseModel):
    """A share of counted things: so many of so many, as counted and not in lowest terms.

    Attributes:
        counted: how many; may be more than `of` (12 for a quota of 10).
        of: of how many; never 0, a rate of nothing is None.
    """

    model_config = ConfigDict(frozen=True)

    counted: Count
    of: Positive

    @property
    def value(self) -> Fraction:
        """The exact ratio."""
        return Fraction(self.counted, self.of)

    @property
    def text(self) -> str:
        """The counts as given, "countable/quota": 12 of 15 is "12/15", not "4/5"."""
        return f"{self.counted}/{self.of}"

    @property
    def percent(self) -> str:
        """Per cent with two places, half up; for the eye only, beside `text`: no rule may read it."""
        whole, hundredths = divmod((self.counted * 20_000 + self.of) // (2 * self.of), 100)
        return f"{whole}.{hundredths:02} %"


def completion(countable: int, quota: int) -> Rate | None:
    """Return how far a quota is met, n/q; None without a quota (Q5).

    Raises:
        ValueError: a count is negative; the same in all rates below.
    """
    return _rate(countable, quota)


def county_completion(counts: Iterable[tuple[int, int]]) -> Rate | None:
    """Return Σn/Σq of pairs (countable, quota).

    Never the mean of rates, which would weigh a quota of 1 like one of 50.
    """
    pairs = list(counts)
    return _rate(sum(countable for countable, _ in pairs), sum(quota for _, quota in pairs))


def delivered_rate(reported: int, admitted: int) -> Rate | None:
    """Return the share of the admitted who reported at the receiving school; None where nobody was admitted."""
    return _rate(reported, admitted)


def presence_rate(present: int, registered: int) -> Rate | None:
    """Return 在校率, the share of the registered who are at school; None where nobody is registered."""
    return _rate(present, registered)


def net_retention_rate(present: int, registered: int, lawful_transfers: int) -> Rate | None:
    """Return 净留存率: present of those registered who did not lawfully transfer; None where all of them did.

    Raises:
        ValueError: there are more lawful transfers than registered pupils, or a count is negative.
    """
    if lawful_transfers < 0:
        raise ValueError("a number of transfers is never negative")
    return _rate(present, registered - lawful_transfers)


def loss_rate(lost: int, registered: int) -> Rate | None:
    """Return 流失率, the share of the registered who were lost; None where nobody is registered."""
    return _rate(lost, registered)


def report_on_time_rate(in_time: int, due: int) -> Rate | None:
    """Return the share of the reports due that were filed in time (R-13); None where none was due."""
    return _rate(in_time, due)


def report_complete_rate(filed: int, due: int) -> Rate | None:
    """Return the share of the reports due that were filed at all; a missing report is never a zero (R-13, INV-15)."""
    return _rate(filed, due)


def _rate(counted: int, of: int) -> Rate | None:
    if of == 0 and counted >= 0:
        return None
    return Rate(counted=counted, of=of)
