"""How long the shell waits before it does a job again whose result could not be read."""

from __future__ import annotations

from datetime import timedelta

from workflows.stage import LONGEST_BACK_OFF, back_off


def test_each_time_twice_as_long_up_to_six_hours() -> None:
    """Ten seconds, twenty, forty …: fewer than twenty refused results a day, and never an overflow."""
    assert [back_off(unread) for unread in (1, 2, 3)] == [timedelta(seconds=10 * factor) for factor in (1, 2, 4)]
    assert back_off(12) == timedelta(seconds=20480)
    assert back_off(13) == back_off(10**9) == LONGEST_BACK_OFF
    of_a_day = [back_off(unread) for unread in range(1, 18)]
    assert sum(of_a_day, timedelta()) > timedelta(days=1)
