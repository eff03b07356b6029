from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.rates import (
    Rate,
    completion,
    county_completion,
    delivered_rate,
    loss_rate,
    net_retention_rate,
    presence_rate,
)

COUNTS = st.integers(0, 10**6)


@pytest.mark.parametrize(
    ("rate", "text", "value"),
    [
        (completion(12, 15), "12/15", Fraction(4, 5)),
        (completion(14, 12), "14/12", Fraction(7, 6)),
        (delivered_rate(18, 24), "18/24", Fraction(3, 4)),
        (presence_rate(45, 50), "45/50", Fraction(9, 10)),
        (net_retention_rate(45, 50, 2), "45/48", Fraction(15, 16)),
        (loss_rate(3, 60), "3/60", Fraction(1, 20)),
        (county_completion([(1, 1), (25, 50)]), "26/51", Fraction(26, 51)),
    ],
)
def test_each_rate_keeps_its_counts_and_is_exact(rate, text, value):
    """R-12: the text is what was counted, not in lowest terms; the value is what rules compare."""
    assert rate is not None
    assert (rate.text, rate.value) == (text, value)


@pytest.mark.parametrize(
    "rate",
    [
        completion(0, 0),
        completion(2, 0),
        delivered_rate(0, 0),
        presence_rate(0, 0),
        net_retention_rate(0, 4, 4),
        loss_rate(0, 0),
        county_completion([]),
        county_completion([(2, 0), (0, 0)]),
    ],
)
def test_a_rate_of_nothing_is_none(rate):
    """Q5: no denominator, no ratio; neither 0 % nor 100 %."""
    assert rate is None


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: completion(-1, 5),
        lambda: completion(1, -5),
        lambda: completion(-1, 0),
        lambda: net_retention_rate(0, 4, 5),
        lambda: net_retention_rate(4, 4, -1),
        lambda: loss_rate(True, 5),
        lambda: presence_rate(1.0, 5),  # type: ignore[arg-type]
    ],
)
def test_what_was_not_counted_is_no_rate(wrong):
    """Negative numbers, floats and truth values are refused, and so are more transfers than pupils."""
    with pytest.raises(ValueError, match=r"greater|valid|never negative"):
        wrong()


@given(st.lists(st.tuples(COUNTS, COUNTS), max_size=8))
def test_the_county_is_a_sum_and_not_a_mean(pairs):
    """Σn/Σq, whatever the order."""
    rate = county_completion(pairs)
    quota = sum(of for _, of in pairs)
    assert (rate is None) == (quota == 0)
    if rate is not None:
        assert rate.value == Fraction(sum(counted for counted, _ in pairs), quota)
        assert rate == county_completion(reversed(pairs))


def test_a_county_of_unequal_schools_differs_from_the_mean():
    """One school of 1 at 100 % and one of 99 at 0 % are 1 %, not 50 %."""
    rate = county_completion([(1, 1), (0, 99)])
    assert rate is not None
    assert rate.value == Fraction(1, 100)


@pytest.mark.parametrize(
    ("counted", "of", "percent"),
    [
        (25, 42, "59.52 %"),
        (35, 44, "79.55 %"),
        (18, 22, "81.82 %"),
        (6, 7, "85.71 %"),
        (4, 5, "80.00 %"),
        (0, 18, "0.00 %"),
        (14, 12, "116.67 %"),
        (1, 20_000, "0.01 %"),
        (1, 20_001, "0.00 %"),
    ],
)
def test_a_percentage_is_for_the_eye(counted, of, percent):
    """The figures of S02 and S04; two places half up, computed in integers."""
    assert Rate(counted=counted, of=of).percent == percent


@given(COUNTS, st.integers(1, 10**6))
def test_a_percentage_is_the_nearest_one(counted, of):
    """No more than half a hundredth of a per cent away from the exact ratio."""
    shown = Fraction(Rate(counted=counted, of=of).percent.removesuffix(" %")) / 100
    assert abs(shown - Fraction(counted, of)) <= Fraction(1, 20_000)
