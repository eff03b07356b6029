from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from domain.stage_clocks import joiner_clocks
from domain.time import end_of

DAY = date(2026, 3, 2)
DAYS = st.integers(0, 6).map(lambda days: DAY + timedelta(days=days))
PUPILS = ["stu_aaaaaa", "stu_bbbbbb", "stu_cccccc"]


def stage(joined, late, due, awake):
    """Return what the clocks read of a stage."""
    awake_at = None if awake is None else end_of(awake)
    return SimpleNamespace(paused=[], stopped=False, joined=joined, late_joiners=late, due=due, awake_at=awake_at)


@given(
    joined=st.dictionaries(st.sampled_from(PUPILS), DAYS),
    late=st.lists(st.sampled_from(PUPILS), unique=True),
    owed=st.lists(st.sampled_from(PUPILS), unique=True),
    due=DAYS,
    awake=st.none() | DAYS,
    other=DAYS.map(end_of),
)
def test_what_fires_first_is_the_same_as_if_everybody_s_work_were_looked_up(joined, late, owed, due, awake, other):
    """Terms that end after another clock are left out: they could not be the next, at a tie they still are."""
    state = stage(joined, late, due, awake)

    def work():
        return [SimpleNamespace(student=student) for student in owed]

    every = [(instant, happen()) for instant, happen in joiner_clocks(state, work, None)]
    some = [(instant, happen()) for instant, happen in joiner_clocks(state, work, other)]
    assert some == [clock for clock in every if clock[0] <= other]
    assert {event.student for _, event in every} == {one for one in joined if one in owed and one not in late}


def test_the_work_is_not_looked_up_where_no_term_could_be_the_next():
    """It is dear in a large school, and asked for after every event."""

    def work():
        raise AssertionError("looked up")

    state = stage({PUPILS[0]: DAY + timedelta(days=3)}, [], DAY, None)
    assert list(joiner_clocks(state, work, end_of(DAY + timedelta(days=2)))) == []
    assert list(joiner_clocks(stage({PUPILS[0]: DAY}, [PUPILS[0]], DAY, None), work, None)) == []
