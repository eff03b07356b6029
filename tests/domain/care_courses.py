"""A school of this release under test, with two classes, and shorthands for who looks after whom."""

from __future__ import annotations

from typing import Any

from stream_samples import GRADE, HEAD, PRINCIPAL, Stream, person, when
from test_school import START

from domain.actors import Actor, Role
from domain.care import unsigned

SECOND, THIRD = "stf_second", "stf_third"
TEACHER = person("second", Role.CLASS_HEAD)
OTHER_TEACHER = person("third", Role.CLASS_HEAD)
DEPUTY = person("deputy", Role.GRADE_LEADER)
REGISTRAR = person("registrar", Role.REGISTER_OFFICER, "bureau")
LETTER = "a" * 64

ALL = (
    (PRINCIPAL, "PRINCIPAL", "school"),
    (DEPUTY, "VICE_PRINCIPAL", "school"),
    (GRADE, "GRADE_LEADER", "grade"),
    (HEAD, "CLASS_HEAD", "2026-01"),
    (TEACHER, "TEACHER", "2026-01"),
    (OTHER_TEACHER, "TEACHER", "2026-01"),
)
"""Who signs what in a school of one class with carers."""


def first_class(size: int = 60) -> list[str]:
    """Return the references of the first class's pupils."""
    return [f"stu_{number:06d}" for number in range(1, size + 1)]


def school(size: int, release: int = 3) -> Stream:
    """Return a running school whose first class has so many pupils, the second six."""
    stream = Stream("school", {**START, "release": release}, when("2025-10-20 08:00"))
    second = [f"stu_9{number:05d}" for number in range(6)]
    stream.give("cohort", {"classes": {"2026-01": first_class(size), "2026-02": second}})
    return stream


def partitioned(stream: Stream, **fields: Any) -> Stream:
    """Give the first class its three carers."""
    stream.do("partition_class", GRADE, class_id="2026-01", carers=[HEAD.id, SECOND, THIRD], **fields)
    return stream


def formed(stream: Stream) -> Stream:
    """Form the leading group: principal, two deputies, a class head."""
    fields = {"head": PRINCIPAL.id, "deputies": [DEPUTY.id, GRADE.id], "members": [HEAD.id]}
    stream.do("form_leading_group", PRINCIPAL, **fields)
    return stream


def sign(stream: Stream, who: Actor, level: str, scope: str) -> None:
    """Sign a letter."""
    stream.do("sign_letter", who, level=level, scope=scope, letter=LETTER, version="letter-1")


def delegated(**fields: Any) -> Stream:
    """Return a school whose class head has the grade leader's yes to stand in until the end of the month."""
    stream = school(10)
    stream.do("delegate", HEAD, delegation="leave-1", to=GRADE.id, until="2025-10-31", **fields)
    stream.do("accept_delegation", GRADE, delegation="leave-1")
    return stream


def access(stream: Stream, who: Actor, student: str, **fields: Any) -> None:
    """Look into a pupil's record."""
    stream.do("use_access", who, student=student, purpose="TALK", **fields)


def carers_of(stream: Stream) -> dict[str, str]:
    """Return pupil → carer of the first class."""
    care = stream.state.care.classes["2026-01"]
    return {student: carer for carer, group in zip(care.carers, care.groups, strict=True) for student in group}


def letters_of(stream: Stream) -> list[tuple[str, str, str]]:
    """Return the letters that are missing, as (level, scope, signer)."""
    return [(level.value, scope, signer) for level, scope, signer in unsigned(stream.state)]
