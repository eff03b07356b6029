"""Outside a trial no class loses money or points where families freely said no (INV-07)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from settlement_courses import PAYING
from stream_samples import policy

from domain.policy import profile
from domain.settlement import ClassCount
from domain.settlement_compute import settled_lines


def count(quota: int, countable: int, refusals: int | None) -> ClassCount:
    """Return a class of forty."""
    served = {"pupils": 40, "informed": 40, "guided": 40, "free_refusals": refusals}
    return ClassCount(school="9900010001", class_id="2026-01", quota=quota, countable=countable, **served)


@given(
    quota=st.integers(0, 40),
    countable=st.integers(0, 40),
    refusals=st.integers(0, 40),
    where=st.sampled_from(["shadow_only", "class_reward"]),
)
def test_a_free_no_takes_nothing(quota, countable, refusals, where):
    """Whatever the policy takes for missing heads: where families refused after full service it takes nothing."""
    (line,) = settled_lines([count(quota, countable, refusals)], policy(**PAYING, penalty_from=where), ())
    if refusals:
        assert line.amount_fen >= 0
        assert line.points >= 0


@pytest.mark.parametrize("refusals", [0, None])
def test_points_are_taken_where_nobody_said_no(refusals):
    """Heads that are missing without a refusal cost the points that the policy names."""
    (line,) = settled_lines([count(10, 7, refusals)], policy(**PAYING), ())
    assert line.points == -3


def test_a_trial_shows_the_historical_figures_unchanged():
    """The old practice took them for every missing head; the trial computation tells it as it was."""
    (line,) = settled_lines([count(10, 4, 6)], profile("legacy"), ())
    assert (line.amount_fen < 0, line.points < 0) == (True, True)
