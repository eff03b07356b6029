"""When a cooling-off ends: the formula over all signatures, windows and pauses (R-11, S17; edge cases 22, 46)."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stream_samples import when

from domain.consent import Protocol
from domain.cooling import LAST_SECOND, Window, cooling, lengthened, moved
from domain.policy import PROFILES
from domain.policy_parameters import PolicyParameters
from domain.time import at, civil

PARAMETERS = PROFILES["compliant"].parameters
MINUTES = st.integers(0, 90 * 24 * 60)
INSTANTS = MINUTES.map(lambda minutes: when("2026-05-01 00:00") + timedelta(minutes=minutes))
DAYS = st.integers(0, 100).map(lambda days: date(2026, 5, 1) + timedelta(days=days))
WINDOWS = st.none() | DAYS.map(lambda last: Window(first=last - timedelta(days=3), last=last))


def test_seven_days_after_a_signature_end_with_the_last_second_of_the_seventh():
    """S17: the day of the signature is not counted."""
    found = cooling(when("2026-07-05 10:00"), None, PARAMETERS)
    assert (found.ends, found.short) == (at(date(2026, 7, 12), LAST_SECOND), False)
    assert cooling(when("2026-07-05 00:00"), None, PARAMETERS).ends == at(date(2026, 7, 12), LAST_SECOND)
    assert cooling(when("2026-07-05 23:59"), None, PARAMETERS).ends == at(date(2026, 7, 12), LAST_SECOND)


@pytest.mark.parametrize(
    ("last", "ends", "short"),
    [
        ("2026-07-12", "2026-07-12 23:59:59", False),
        ("2026-07-11", "2026-07-11 23:59:59", True),
        ("2026-07-07", "2026-07-07 23:59:59", True),
        ("2026-07-06", "2026-07-06 23:59:59", True),
        ("2026-07-05", "2026-07-06 10:00:00", True),
        ("2026-07-04", "2026-07-12 23:59:59", False),
    ],
)
def test_a_short_window_cuts_the_period_but_never_below_a_day(last, ends, short):
    """Edge case 46: signed on 5 July at 10:00 before a system that locks at 24:00 of some day."""
    window = Window(first=date(2026, 6, 20), last=date.fromisoformat(last))
    found = cooling(when("2026-07-05 10:00"), window, PARAMETERS)
    assert (found.ends.strftime("%Y-%m-%d %H:%M:%S"), found.short) == (ends, short)


@given(signed=INSTANTS, window=WINDOWS, days=st.integers(1, 20), hours=st.integers(24, 96))
def test_a_cooling_off_is_never_shorter_than_its_least_and_never_longer_than_its_days(signed, window, days, hours):
    """R-11 in all cases; it is called short exactly where it is shorter than without a window."""
    parameters = PolicyParameters(cooling_off_days=days, short_cooling_hours=hours)
    full = at(civil(signed) + timedelta(days=days), LAST_SECOND)
    found = cooling(signed, window, parameters)
    assert min(full, signed + timedelta(hours=hours)) <= found.ends <= full
    assert found.short == (found.ends < full)
    if window is None or window.locks >= full or window.over(signed):
        assert found == (full, full)


@given(signed=INSTANTS, window=WINDOWS, wait=MINUTES, pause=st.integers(0, 40 * 24 * 60))
def test_a_pause_takes_nothing_from_a_family(signed, window, wait, pause):
    """Design, section 5: as much later as the two ran together; not past the lock, and never earlier than before."""
    held = cooling(signed, window, PARAMETERS)
    ends = held.ends
    paused = when("2026-05-01 00:00") + timedelta(minutes=wait)
    resumed = paused + timedelta(minutes=pause)
    found = lengthened(held, signed, paused, resumed, window)
    later = found.ends
    together = max(resumed - max(paused, signed), timedelta()) if paused < ends else timedelta()
    assert ends <= later <= ends + together
    assert found.full == held.full + together
    assert found.short == (later < held.full + together), "what the lock takes is called for"
    if window is None or window.over(signed):
        assert later == ends + together
    elif later > ends:
        assert later <= window.locks


@given(signed=INSTANTS, was=WINDOWS, days=st.integers(0, 60), wait=st.integers(0, 20 * 24 * 60))
def test_a_moved_lock_gives_back_what_it_took_and_leaves_a_day(signed, was, days, wait):
    """Edge case 46: later never takes, and gives all that the new lock leaves; earlier leaves a day from the news."""
    held = cooling(signed, was, PARAMETERS)
    now = signed + timedelta(minutes=wait)
    window = Window(first=date(2026, 5, 1), last=civil(signed) + timedelta(days=days))
    found = moved(held, signed, was, window, now, PARAMETERS)
    assert found.full == held.full
    assert found.ends <= found.full
    if was is not None and was.over(signed):
        assert found == held, "it waits for no lock"
    elif was is not None and window.last >= was.last:
        assert found.ends >= held.ends
        assert found.ends in (held.ends, held.full, window.locks)
        assert found.ends == held.full or window.locks < held.full
    else:
        assert min(held.ends, now + timedelta(days=1)) <= found.ends <= held.ends
        assert found.ends in (held.ends, window.locks, now + timedelta(days=1))
        assert found.ends <= max(window.locks, now + timedelta(days=1))


@pytest.mark.parametrize(
    ("signed", "ends"), [("2026-07-12 23:59:59", "2026-07-13 23:59:59"), ("2026-07-13 00:00:00", "2026-07-20 23:59:59")]
)
def test_what_begins_after_the_lock_waits_for_none(signed, ends):
    """R-11: within its last second the lock cuts, a second later there is no lock that a family could miss."""
    window = Window(first=date(2026, 7, 10), last=date(2026, 7, 12))
    found = cooling(when(signed).replace(microsecond=500_000), window, PARAMETERS)
    assert (found.ends.strftime("%Y-%m-%d %H:%M:%S"), found.short) == (ends, found.full > found.ends)


def test_signing_opens_ten_days_before_the_window():
    """R-11: at 00:00 of that civil day."""
    window = Window(first=date(2026, 7, 10), last=date(2026, 7, 12))
    assert window.signing_from(PARAMETERS) == at(date(2026, 6, 30), time(0, 0))


@pytest.mark.parametrize(("withdrawn", "late"), [("2026-07-12 20:00", False), ("2026-07-13 09:00", True)])
def test_late_is_what_comes_after_the_end_and_changes_nothing_else(withdrawn, late):
    """S17; within the last second it is in time."""
    protocol = Protocol(ends=at(date(2026, 7, 12), LAST_SECOND))
    assert protocol.is_late(when(withdrawn)) is late
    assert not protocol.is_late(protocol.ends + timedelta(milliseconds=999))
    assert protocol.is_late(protocol.ends + timedelta(seconds=1))
    assert Protocol().is_late(when(withdrawn)) is False
