"""Vocational-school visits under test: who acts, one usual trip, one usual presentation, and steps on the way."""

from __future__ import annotations

from typing import Any

from stream_samples import DIGEST, HEAD, OFFICER, RULE, Stream, person, stage_start, when

from domain.actors import Role
from domain.school_visits import SchoolVisitsDecider

LISTED = "9901010001"
OTHER_COUNTY = "5205010077"
UNLISTED = "9901010099"
RECEIVING = person("receiving", Role.RECEIVING_SCHOOL, LISTED)
OTHER_RECEIVING = person("rival", Role.RECEIVING_SCHOOL, OTHER_COUNTY)
SECOND_OFFICER = person("second", Role.BUREAU_OFFICER, "bureau")
DISCIPLINE = person("discipline", Role.DISCIPLINE_OFFICER, "bureau")

TRIP = {
    "trip": "t1",
    "receiving_school": LISTED,
    "at": "2025-11-12T08:00:00+08:00",
    "returns_at": "2025-11-12T17:00:00+08:00",
    "seats": 3,
    "leaders": ["stf_lead1", "stf_lead2"],
    "vehicles": 1,
    "classes": ["2026-01", "2026-02"],
}
TALK = {
    "presentation": "p1",
    "receiving_school": LISTED,
    "at": "2025-11-14T15:00:00+08:00",
    "persons": 2,
    "materials": "MAT-2025-7",
    "classes": ["2026-01", "2026-02"],
}


def planned_visits(classes: dict[str, list[str]] | None = None, **changes: Any) -> Stream:
    """Return the stage two weeks before it opens, with a list that has a school of another county."""
    content = {
        "release": 2,
        "year": 2026,
        "snapshot": "snp_000001",
        "snapshot_digest": DIGEST,
        "rule": RULE,
        "qualified_schools": [LISTED, OTHER_COUNTY],
        "gateway": None,
    }
    given = {} if classes is None else {"classes": classes}
    start = stage_start("school-visits", **{"content": content, **given, **changes})
    return Stream("school-visits", start, when("2025-10-20 08:00"), decider=SchoolVisitsDecider())


def visits(classes: dict[str, list[str]] | None = None, **changes: Any) -> Stream:
    """Return the open stage."""
    return planned_visits(classes, **changes).to("2025-11-03 08:00")


def approved(stream: Stream, **changes: Any) -> Stream:
    """Plan a trip and have it approved."""
    fields = {**TRIP, "classes": list(stream.state.classes), **changes}
    stream.do("plan_trip", HEAD, **fields)
    stream.do("approve_trip", OFFICER, trip=fields["trip"], safety_plan="SP-2025-014")
    return stream


def offered(*students: str, classes: dict[str, list[str]] | None = None, **changes: Any) -> Stream:
    """Return the stage with the usual trip approved and seats offered."""
    stream = approved(visits(classes), **changes)
    stream.do("offer_seats", HEAD, trip="t1", students=list(students))
    return stream


def slip(student: str, permission: bool | None = None, attended: bool | None = None) -> dict[str, Any]:
    """Return a row of the list."""
    return {"student": student, "permission": permission, "attended": attended}


def record(stream: Stream, *rows: dict[str, Any], trip: str = "t1") -> list[str]:
    """Record rows; return the types of the events that they led to."""
    before = len(stream.ledger)
    stream.do("record_visits", HEAD, trip=trip, rows=list(rows))
    return [envelope["type"] for envelope in stream.ledger[before:]]


def missing(stream: Stream) -> dict[str, int]:
    """Return what blocks completing, with counts."""
    return {blocker.code: blocker.count for blocker in stream.decider.blockers(stream.state)}


def todo(stream: Stream) -> list[tuple[str, str]]:
    """Return the work list as (pupil, code)."""
    return [(line.student, line.code) for line in stream.decider.work(stream.state)]


def rows_refused(stream: Stream, kind: str, **fields: Any) -> list[tuple[int, str]]:
    """Return the rows that are refused, as (position, code)."""
    refusal = stream.refusal(kind, HEAD, **fields)
    assert refusal.code == "ROWS_REFUSED"
    return [(row["row"], row["code"]) for row in refusal.parameters["rows"]]


def students_of(stream: Stream, event_type: str) -> list[str]:
    """Return the pupils whom events of a type name."""
    return [envelope["data"]["student"] for envelope in stream.ledger if envelope["type"] == event_type]
