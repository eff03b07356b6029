"""Retention follow-ups under test: an open stage with registered pupils, and shorthands for its commands."""

from __future__ import annotations

from typing import Any

from stream_samples import DIGEST, RULE, A, B, D, Stream, person, stage_start, when

from domain.actors import Role
from domain.refusal import Refusal
from domain.retention import RetentionDecider

RECEIVING, OTHER_RECEIVING = "9900020001", "9900020002"
REGISTRAR = person("registrar", Role.REGISTER_OFFICER, "bureau")
SECOND_REGISTRAR = person("second", Role.REGISTER_OFFICER, "bureau")
DISCIPLINE = person("discipline", Role.DISCIPLINE_OFFICER, "bureau")
RECEIVER = person("receiver", Role.RECEIVING_SCHOOL, RECEIVING)
OTHER_RECEIVER = person("other", Role.RECEIVING_SCHOOL, OTHER_RECEIVING)

CONTENT = {
    "release": 2,
    "year": 2026,
    "snapshot": "snp_000001",
    "snapshot_digest": DIGEST,
    "rule": RULE,
    "qualified_schools": [RECEIVING, OTHER_RECEIVING],
    "gateway": None,
}
LAST = "2027-03-16 08:00"
"""When the last checkpoint's date has come."""


def planned(now: str = "2026-08-24 08:00", **changes: Any) -> Stream:
    """Return a planned stage of the graduates of 2026, due at the end of the next March."""
    start = {"opens": "2026-09-01", "due": "2027-03-31", "content": CONTENT, **changes}
    return Stream("retention", stage_start("retention", **start), when(now), decider=RetentionDecider())


def registration(student: str, on: str = "2026-09-10", school: str = RECEIVING) -> dict[str, str]:
    """Return a row of the school's news about verified registrations."""
    return {"student": student, "school": school, "on": on}


def registered(*rows: dict[str, str], now: str = "2026-09-12 08:00", **changes: Any) -> Stream:
    """Return an open stage that knows of registrations: A and B at one school, D at another."""
    stream = planned(**changes).to(now)
    usual = (registration(A), registration(B), registration(D, school=OTHER_RECEIVING))
    stream.hear("registered", rows=list(rows or usual))
    return stream


def row(student: str, state: str = "present", checkpoint: str = "D+30", evidence: str = "SEEN") -> dict[str, str]:
    """Return one row of checks."""
    return {"student": student, "checkpoint": checkpoint, "state": state, "evidence": evidence}


def record(stream: Stream, *rows: dict[str, str], who: Any = REGISTRAR, **fields: Any) -> list[str]:
    """Record checks; return the types of the events."""
    answer = stream.do("record_checkpoints", who, rows=list(rows), **fields)
    return [event["type"] for event in stream.ledger[answer.receipt.first_version - 1 :]]


def refused(stream: Stream, *rows: dict[str, str], who: Any = REGISTRAR, **fields: Any) -> list[tuple[int, str]]:
    """Try checks that are refused without trace; return the rows that are, as (position, code)."""
    refusal: Refusal = stream.refusal("record_checkpoints", who, rows=list(rows), **fields)
    assert refusal.code == "ROWS_REFUSED"
    return [(bad["row"], bad["code"]) for bad in refusal.parameters["rows"]]


def resolve(student: str, state: str, checkpoint: str = "D+30", evidence: str = "REGISTER") -> dict[str, str]:
    """Return the fields of a decision between two findings."""
    return {"student": student, "checkpoint": checkpoint, "state": state, "evidence": evidence, "reason": "LOOKED"}


def missing(stream: Stream) -> dict[str, int]:
    """Return what blocks completing, with counts."""
    return {blocker.code: blocker.count for blocker in stream.decider.blockers(stream.state)}


def work(stream: Stream) -> list[tuple[str, str]]:
    """Return the work list as (pupil, code)."""
    return [(todo.student, todo.code) for todo in stream.decider.work(stream.state)]


def kinds(stream: Stream, student: str) -> list[str]:
    """Return the types of all events about a pupil."""
    return [event["type"] for event in stream.ledger if event["data"].get("student") == student]
