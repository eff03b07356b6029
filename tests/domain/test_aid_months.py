"""The months of aid and their amounts: exact, and sums of the year (R-14, scenario S11)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.aid_months import first_month, month_after, monthly_fen, number_of, term_numbers, yearly_rate_fen
from domain.policy_parameters import PolicyParameters

TODAY = PolicyParameters()


def test_a_month_is_a_tenth_of_the_year():
    """2000 yuan by ten teaching months are 200 yuan, 2300 are 230 (S11)."""
    raised = PolicyParameters(aid_rate_yuan=2300)
    assert [monthly_fen("2026-09", number, TODAY) for number in range(1, 11)] == [20_000] * 10
    assert [monthly_fen("2026-09", number, raised) for number in range(1, 11)] == [23_000] * 10


def test_the_terms_are_the_years_months():
    """September to January and February to June; the second year of study begins a year later."""
    assert first_month(2026, 1, TODAY) == "2026-09"
    assert first_month(2026, 2, TODAY) == "2027-09"
    named = [[month_after("2026-09", number) for number in term_numbers(term, TODAY)] for term in (1, 2)]
    assert named[0] == ["2026-09", "2026-10", "2026-11", "2026-12", "2027-01"]
    assert named[1] == ["2027-02", "2027-03", "2027-04", "2027-05", "2027-06"]


def test_a_raise_holds_from_its_month_on():
    """A rate is dated: an increase from spring leaves the autumn as it was (P22)."""
    raised = PolicyParameters(aid_rate_changes=(("2027-02", 2300), ("2028-09", 2500)))
    assert [yearly_rate_fen(month, raised) for month in ("2027-01", "2027-02", "2028-06", "2028-09")] == [
        200_000,
        230_000,
        230_000,
        250_000,
    ]


def test_changes_of_the_rate_stand_in_order():
    """A table whose months go back, or name one twice, would be read by its order."""
    with pytest.raises(ValueError, match="earliest first"):
        PolicyParameters(aid_rate_changes=(("2027-09", 2300), ("2027-02", 2500)))


def test_an_older_profile_keeps_its_hash():
    """Parameters of aid that stand at their default are no part of the bytes."""
    written = TODAY.model_dump(mode="json")
    assert not {"aid_rate_changes", "aid_first_month", "aid_first_term_months", "aid_kinds", "aid_years"} & set(written)
    assert PolicyParameters(aid_years=3).parameter_hash != TODAY.parameter_hash


@given(yuan=st.integers(0, 100_000), months=st.integers(1, 12), split=st.integers(1, 12))
def test_the_months_sum_to_the_rate_whatever_it_is(yuan, months, split):
    """No fen is lost or made by rounding; no two months differ by more than one fen; the terms share the year."""
    parameters = PolicyParameters(aid_rate_yuan=yuan, aid_months=months, aid_first_term_months=split)
    amounts = [monthly_fen("2026-09", number, parameters) for number in range(1, months + 1)]
    assert sum(amounts) == yuan * 100
    assert max(amounts) - min(amounts) <= 1
    assert [*term_numbers(1, parameters), *term_numbers(2, parameters)] == list(range(1, months + 1))


@given(number=st.integers(-30, 30))
def test_a_month_and_its_number_are_the_same(number):
    """Counting months from a first one goes both ways, over the turn of a year too."""
    assert number_of("2026-09", month_after("2026-09", number)) == number
