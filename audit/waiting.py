"""Who waited for whom, and for how long: the bottlenecks of a year (FEATURES A19).

Two kinds of time. A *span* is a stage of a school: how long it waited for its window or for the stage before it, how
long it was open, and how much of that it was paused. A *wait* lies between two acts of one case (a pupil in a stage, a
dropout case, a compliance case): from what was done last to what was done next. Who did the next is whom it waited for.

A family's own time is measured and never listed as slow: nobody may hurry it (INV-06, INV-07). Times are whole seconds
between the instants at which things happened; working days are those of the calendar that the record holds. The median
and the ninth decile are by nearest rank, so that each is a time that some case really took, and no fraction is rounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from itertools import pairwise
from typing import Any, Final, assert_never

from audit.process_facts import pupil_of, stage_of
from domain.actors import Role
from domain.calendar import Calendar, CalendarUnknown
from domain.deciders import kind_of
from domain.events import Envelope, event_id
from domain.stream import UnknownEventError
from domain.time import at, civil, instant

WINDOW: Final = "window"
"""A stage that waited for nothing but the day on which it may open."""

CASES: Final = ("dropout", "compliance")
"""Kinds of streams that are one case each."""


class Side(StrEnum):
    """Whose turn it is."""

    FAMILY = "FAMILY"
    SCHOOL = "SCHOOL"
    BUREAU = "BUREAU"
    RECEIVING_SCHOOL = "RECEIVING_SCHOOL"
    PUBLIC = "PUBLIC"
    CLOCK = "CLOCK"
    """A day or an hour that a rule sets, and what the system does by itself."""


NOBODY_OWED: Final = ("OtherDestination", "StudentEnrolled", "StudentRemoved")
"""What somebody learns of: nobody waited for it, however long it took."""

STAFF: Final = (Side.SCHOOL, Side.BUREAU, Side.RECEIVING_SCHOOL)
"""Whose time can be a bottleneck."""


@dataclass(frozen=True)
class Wait:
    """From one act of a case to the next.

    Attributes:
        kind: a stage's slug, `dropout` or `compliance`.
        student: the pupil, None in a compliance case.
        before, after: the types of both events.
        waits, waited_for: who did the first and whom it waited for.
        seconds: between the instants at which they happened; working_days: after the day of the first, up to and with
            that of the second, None where the calendar does not know a day.
        events: the ids of both.
    """

    kind: str
    school: str
    student: str | None
    before: str
    after: str
    waits: Side
    waited_for: Side
    seconds: int
    working_days: int | None
    events: tuple[str, str]


@dataclass(frozen=True)
class Span:
    """A stage of a school.

    Attributes:
        waited_for: the stage before it that came last, or WINDOW.
        waiting, open, paused: seconds from its first day to its opening, from opening to sign-off (each time that it
            was open), and under a pause in that; working_days: of the time open.
        events: the opening and the last sign-off.
    """

    stage: str
    school: str
    waited_for: str
    waiting: int
    open: int
    paused: int
    working_days: int | None
    events: tuple[str, ...]


def side_of(role: str) -> Side:
    """Return on whose side a role acts."""
    match Role(role):
        case Role.GUARDIAN | Role.PUPIL:
            return Side.FAMILY
        case Role.CLASS_HEAD | Role.GRADE_LEADER | Role.PRINCIPAL:
            return Side.SCHOOL
        case Role.RECEIVING_SCHOOL:
            return Side.RECEIVING_SCHOOL
        case Role.SYSTEM | Role.GATEWAY:
            return Side.CLOCK
        case Role.PUBLIC:
            return Side.PUBLIC
        case (
            Role.BUREAU_OFFICER | Role.BUREAU_APPROVER | Role.REGISTER_OFFICER | Role.DISCIPLINE_OFFICER | Role.AUDITOR
        ):
            return Side.BUREAU
        case other:  # pragma: no cover - a role that this table does not know is a type error
            assert_never(other)


def waits(envelopes: Iterable[Envelope], calendar: Calendar | None) -> list[Wait]:
    """Return what lies between the acts of every case, in the order of the later ones in the record.

    What one command wrote about a pupil is one act, its first event; acts are ordered by when they happened.
    """
    days = _Days(calendar)
    cases: dict[tuple[str, str], list[Envelope]] = {}
    order: dict[str, int] = {}
    for envelope in envelopes:
        order[_id(envelope)] = len(order)
        kind = _kind(envelope["stream"])
        student = pupil_of(envelope)
        if kind in CASES:
            cases.setdefault((envelope["stream"], ""), []).append(envelope)
        elif student is not None and stage_of(envelope["stream"]) is not None:
            cases.setdefault((envelope["stream"], student), []).append(envelope)
    found: list[Wait] = []
    for (stream, student), acts in cases.items():
        ordered = sorted(acts, key=lambda one: instant(one["occurred_at"]))
        for first, second in pairwise(ordered):
            if _act(first) == _act(second):
                continue
            begun, ended = instant(first["occurred_at"]), instant(second["occurred_at"])
            found.append(
                Wait(
                    kind=_kind(stream),
                    school=_school(stream),
                    student=student or pupil_of(second),
                    before=first["type"],
                    after=second["type"],
                    waits=side_of(first["actor"]["role"]),
                    waited_for=side_of(second["actor"]["role"]),
                    seconds=_seconds(begun, ended),
                    working_days=days.between(begun, ended),
                    events=(_id(first), _id(second)),
                )
            )
    return sorted(found, key=lambda one: order[one.events[1]])


def spans(envelopes: Iterable[Envelope], calendar: Calendar | None) -> list[Span]:
    """Return every stage that was opened, by school and stage."""
    days = _Days(calendar)
    streams: dict[str, list[Envelope]] = {}
    for envelope in envelopes:
        if stage_of(envelope["stream"]) is not None:
            streams.setdefault(envelope["stream"], []).append(envelope)
    return [span for stream in sorted(streams) if (span := _span(stream, streams[stream], days)) is not None]


def calendar_of(envelopes: Iterable[Envelope]) -> Calendar | None:
    """Return the newest calendar that the events hold."""
    newest: Mapping[str, Any] | None = None
    for envelope in envelopes:
        if envelope["type"] in ("StagePlanned", "CalendarAdopted"):
            held = envelope["data"]["calendar"]
            if newest is None or held["version"] > newest["version"]:
                newest = held
    return None if newest is None else Calendar.model_validate(newest)


def rank(values: Sequence[int], tenths: int) -> int:
    """Return the value below which so many tenths lie, by nearest rank: one of the values, never between two.

    Args:
        values: at least one.
        tenths: 5 for the median, 9 for the ninth decile.
    """
    ordered = sorted(values)
    return ordered[-(-tenths * len(ordered) // 10) - 1]


def slowest(found: Iterable[Wait], most: int) -> list[Wait]:
    """Return the longest waits for staff, longest first.

    A family's time and a rule's are nobody's delay, and nobody owed what was only learned of.
    """
    for_staff = (one for one in found if one.waited_for in STAFF and one.after not in NOBODY_OWED)
    return sorted(for_staff, key=lambda one: (-one.seconds, one.events))[:most]


# -- inside -------------------------------------------------------------------------------------------------------


class _Days:
    """Counts working days, each pair of days once."""

    def __init__(self, calendar: Calendar | None) -> None:
        self._calendar = calendar
        self._count = cache(self._counted)

    def between(self, begun: datetime, ended: datetime) -> int | None:
        return self._count(civil(begun), civil(ended))

    def _counted(self, first: date, last: date) -> int | None:
        try:
            return None if self._calendar is None else self._calendar.working_days_between(first, last)
        except CalendarUnknown:
            return None


def _span(stream: str, events: Sequence[Envelope], days: _Days) -> Span | None:
    planned = next((one for one in events if one["type"] == "StagePlanned"), None)
    opened = next((one for one in events if one["type"] == "StageOpened"), None)
    if planned is None or opened is None:
        return None
    ready = max(at(date.fromisoformat(planned["data"]["opens"])), instant(planned["occurred_at"]))
    before_it = [one for one in events if one["type"] == "PrerequisiteMet" and one["version"] < opened["version"]]
    waited_for = WINDOW
    if before_it and instant(before_it[-1]["occurred_at"]) > ready:
        waited_for = before_it[-1]["data"]["stage"]
    begun: datetime | None = None
    held: datetime | None = None
    scopes: dict[str, None] = {}
    total, paused, done, worked = 0, 0, [opened], 0
    known = True
    for one in events:
        moment = instant(one["occurred_at"])
        match one["type"]:
            case "StagePlanned":
                scopes = dict.fromkeys(one["data"].get("paused", ()))
            case "StageOpened" | "StageReopened":
                begun, held = moment, moment if scopes else None
            case "StagePaused":
                held = moment if begun is not None and not scopes else held
                scopes[one["data"]["scope"]] = None
            case "StageResumed":
                scopes.pop(one["data"]["scope"], None)
                if held is not None and not scopes:
                    paused, held = paused + _seconds(held, moment), None
            case "StageCompleted" | "StageSkipped" | "StageArchived" if begun is not None:
                total += _seconds(begun, moment)
                paused += 0 if held is None else _seconds(held, moment)
                counted = days.between(begun, moment)
                known, worked = known and counted is not None, worked + (counted or 0)
                begun, held = None, None
                done = [opened, one]
            case _:
                pass
    return Span(
        stage=stream.rpartition("/")[2],
        school=_school(stream),
        waited_for=waited_for,
        waiting=_seconds(ready, instant(opened["occurred_at"])),
        open=total,
        paused=paused,
        working_days=worked if known else None,
        events=tuple(_id(one) for one in done),
    )


def _seconds(begun: datetime, ended: datetime) -> int:
    """Return the whole seconds between two instants, none where the later is said to have happened first."""
    return max(0, (ended - begun) // timedelta(seconds=1))


def _act(envelope: Envelope) -> tuple[str, ...]:
    return tuple(str(envelope[name]) for name in ("command_id", "causation", "recorded_at", "occurred_at"))


def _kind(stream: str) -> str:
    try:
        return kind_of(stream)
    except UnknownEventError:
        return ""


def _school(stream: str) -> str:
    """Return the code of a stream's school, "" for a compliance case."""
    parts = stream.split("/")
    return parts[3] if len(parts) > 4 and parts[3] != "compliance" else ""  # noqa: PLR2004 - campaign/{county}/{year}


def _id(envelope: Envelope) -> str:
    return event_id(envelope["stream"], envelope["version"])
