"""The day on which a delegation is looked at is the campaign's, in the county."""

from datetime import datetime

import pytest

from client import actors
from domain.time import SHANGHAI


def event(clock, recorded_at):
    """Return the only event of a stream."""
    return [{"data": {"clock": clock}, "recorded_at": recorded_at}]


def test_a_rehearsed_campaign_has_its_own_day():
    """Its clock is stepped: whatever was recorded last, in the campaign or the school, says what day it is."""
    campaign = event("stepped", "2025-03-01T08:00:00.000+08:00")
    school = event(None, "2025-03-02T23:30:00.000+08:00")
    assert actors._present_day(campaign, school).isoformat() == "2025-03-02"
    assert actors._present_day(campaign, campaign).isoformat() == "2025-03-01"


@pytest.mark.parametrize(("hour", "day"), [(15, "2025-03-01"), (16, "2025-03-02")])
def test_a_real_campaign_has_the_countys_day(monkeypatch, hour, day):
    """Four in the afternoon in Greenwich is midnight in the county."""

    class Clock(datetime):
        @classmethod
        def now(cls, zone=None):
            return datetime.fromisoformat(f"2025-03-01T{hour}:00:00+00:00").astimezone(zone or SHANGHAI)

    monkeypatch.setattr(actors, "datetime", Clock)
    campaign = event("engine", "2025-02-01T08:00:00.000+08:00")
    assert actors._present_day(campaign, campaign).isoformat() == day
