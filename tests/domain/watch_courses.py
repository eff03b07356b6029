"""Attendance and dropout cases under test: a school that reports from 3 November 2025, and shorthands for its days."""

from __future__ import annotations

from typing import Any

from stream_samples import (
    CALENDAR,
    CAMPAIGN,
    CLASSES,
    GRADE,
    HEAD,
    OFFICER,
    PRINCIPAL,
    SCHOOL,
    County,
    Stream,
    person,
    policy,
    running_county,
    when,
)

from domain.actors import Role

REGISTRAR = person("registrar", Role.REGISTER_OFFICER, "bureau")
FIRST, SECOND = "2026-01", "2026-02"
VISITORS = ["stf_teacher1", "stf_teacher2"]
SCHOOL_STREAM = f"{CAMPAIGN}/{SCHOOL}"


def attendance(now: str = "2025-11-01 08:00", **changes: Any) -> Stream:
    """Return the attendance of two classes of three pupils, from Monday 3 November 2025 to 30 June 2026."""
    start = {
        "campaign": CAMPAIGN,
        "school": SCHOOL,
        "year": 2026,
        "first": "2025-11-03",
        "last": "2026-06-30",
        "classes": CLASSES,
        "policy": policy().model_dump(mode="json"),
        "calendar": CALENDAR.model_dump(mode="json"),
    }
    return Stream("attendance", {**start, **changes}, when(now))


def row(class_id: str, present: int = 3, *unexplained: str, **fields: Any) -> dict[str, Any]:
    """Return a class's row of a report; present is what is left of three where nothing else is said."""
    return {"class_id": class_id, "present": present, "unexplained": list(unexplained), **fields}


def rows(*absent: str, cases: int = 0) -> list[dict[str, Any]]:
    """Return both classes' rows with these pupils absent; `cases` pupils of the first class are in a case."""
    made = []
    for class_id, pupils in CLASSES.items():
        gone = [student for student in absent if student in pupils]
        away = cases if class_id == FIRST else 0
        made.append(row(class_id, len(pupils) - len(gone) - away, *gone))
    return made


def report(stream: Stream, day: str, *absent: str, at: str = "15:00", who: Any = GRADE, **fields: Any) -> list[str]:
    """File the report of a November day at an hour of it; return the types of the events."""
    cases = fields.pop("cases", 0)
    stream.to(f"{day} {at}")
    answer = stream.do("file_daily_report", who, day=day, classes=rows(*absent, cases=cases), **fields)
    return [event["type"] for event in stream.ledger[answer.receipt.first_version - 1 :]]


def days(stream: Stream, *names: str, absent: tuple[str, ...] = (), cases: int = 0) -> None:
    """File the reports of several days alike."""
    for day in names:
        report(stream, day, *absent, cases=cases)


def codes(refusal: Any) -> list[tuple[int, str]]:
    """Return the rows that a refusal names."""
    assert refusal.code == "ROWS_REFUSED"
    return [(bad["row"], bad["code"]) for bad in refusal.parameters["rows"]]


def case(student: str, now: str = "2025-11-05 15:00", **changes: Any) -> Stream:
    """Return the dropout case of a pupil absent since Monday 3 November, opened on the Wednesday."""
    start = {
        "campaign": CAMPAIGN,
        "school": SCHOOL,
        "student": student,
        "class_id": FIRST,
        "since": "2025-11-03",
        "by": "CONSECUTIVE",
        "episode": 1,
        "last": "2026-06-30",
        "policy": policy().model_dump(mode="json"),
        "calendar": CALENDAR.model_dump(mode="json"),
    }
    return Stream("dropout", {**start, **changes}, when(now), name=f"{SCHOOL_STREAM}/dropout/{student}")


def tell(stream: Stream, kind: str, **data: Any) -> None:
    """Give a case the school's news."""
    stream.hear(kind, SCHOOL_STREAM, **data)


def persuade(stream: Stream, n: int, on: str, outcome: str = "NOBODY_THERE") -> None:
    """Record an attempt to bring the pupil back."""
    stream.do("record_persuasion", HEAD, n=n, on=on, visitors=VISITORS, outcome=outcome)


def back(stream: Stream, on: str, who: Any = HEAD) -> None:
    """Record that the pupil is back."""
    stream.do("record_return", who, on=on, evidence="SEEN")


def watched_county(schools: int = 1, **changes: Any) -> County:
    """Return a running campaign of this release that reports from 3 November 2025 to 28 November."""
    span = {"first": "2025-11-03", "last": "2025-11-28"}
    return running_county(schools, **{"release": 3, "attendance": span, **changes})


__all__ = ["OFFICER", "PRINCIPAL"]
