"""Where the policy allows short experience only, a pupil's days at vocational schools are counted (R-16, X5)."""

from __future__ import annotations

import pytest
from stream_samples import DIGEST, HEAD, RULE, A, B, C, Stream, policy
from visits_samples import LISTED, OTHER_COUNTY, approved, record, rows_refused, slip, visits

SOME = {"spring_document": "省教职〔2025〕3号"}


def experience(release: int = 3, mode: str = "EXPERIENCE_ONLY", days: int = 2) -> Stream:
    """Return the open stage under a province's document that allows so many days."""
    content = {
        "release": release,
        "year": 2026,
        "snapshot": "snp_000001",
        "snapshot_digest": DIGEST,
        "rule": RULE,
        "qualified_schools": [LISTED, OTHER_COUNTY],
        "gateway": None,
    }
    profile = policy(spring_mode=mode, experience_days=days, **SOME).model_dump(mode="json")
    return visits({"2026-01": [A, B, C]}, content=content, policy=profile)


def trip(stream: Stream, label: str, day: str, last: str | None = None) -> Stream:
    """Plan a trip of a day, or of several, and have it approved."""
    hours = {"at": f"{day}T08:00:00+08:00", "returns_at": f"{last or day}T17:00:00+08:00"}
    return approved(stream, trip=label, seats=3, **hours)


def test_no_seat_beyond_the_days_of_experience():
    """Two days are allowed: a trip of two days and a further one are a day too many; others have their seats."""
    stream = trip(trip(experience(), "t1", "2025-11-12", "2025-11-13"), "t2", "2025-11-20")
    stream.do("offer_seats", HEAD, trip="t1", students=[A])
    assert rows_refused(stream, "offer_seats", trip="t2", students=[A, B]) == [(0, "EXPERIENCE_DAYS_USED")]
    stream.do("offer_seats", HEAD, trip="t2", students=[B])
    stream.consistent()


def test_a_day_counts_once_and_only_where_the_pupil_came_along():
    """A guardian's no and an absence use no day up; two visits on one day are one day."""
    stream = trip(trip(experience(days=1), "t1", "2025-11-12"), "t2", "2025-11-20")
    stream.do("offer_seats", HEAD, trip="t1", students=[A, B])
    record(stream, slip(A, permission=False))
    stream.do("offer_seats", HEAD, trip="t2", students=[A])
    back = {"trip": "t1", "rows": [slip(A, permission=True)]}
    assert rows_refused(stream, "record_visits", **back) == [(0, "EXPERIENCE_DAYS_USED")]
    record(stream, slip(B, permission=True))
    stream.to("2025-11-12 18:00")
    record(stream, slip(B, attended=False))
    stream.do("offer_seats", HEAD, trip="t2", students=[B])
    day = trip(experience(days=1), "t1", "2025-11-12")
    evening = {"at": "2025-11-12T18:00:00+08:00", "returns_at": "2025-11-12T20:00:00+08:00"}
    approved(day, trip="t3", receiving_school=OTHER_COUNTY, seats=3, **evening)
    for label in ("t1", "t3"):
        day.do("offer_seats", HEAD, trip=label, students=[C])


@pytest.mark.parametrize(("release", "mode"), [(2, "EXPERIENCE_ONLY"), (3, "COOP_ORIGIN_XUEJI")])
def test_elsewhere_no_days_are_counted(release, mode):
    """A stream of an older release goes on as it was; a cooperation has rules of its own."""
    stream = trip(experience(release, mode, days=1), "t1", "2025-11-12", "2025-11-14")
    stream.do("offer_seats", HEAD, trip="t1", students=[A])
