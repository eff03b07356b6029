"""What a school's staff and the receiving schools do about visits: trips with seats and slips, and a presentation.

Two classes share a trip where a list can hold them; two trips a day leave one after the other, so that nobody has to
lead both at once. Where no school is listed there is nothing to visit, and the bureau leaves the stage out.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from domain.actors import Actor
from domain.stage_events import StageSlug
from domain.time import at
from rehearsal.driver import Planned
from rehearsal.scene import MOST_ROWS, Diary

STAGE: Final = StageSlug.SCHOOL_VISITS
UNLISTED: Final = "9902009999"
"""A school of another county, on nobody's list: it is refused for that, not for its county (INV-20)."""

PERMITTED, FORBIDDEN, ABSENT = 80, 85, 4
"""Of a hundred slips: below the first the guardian says yes, below the second no, the rest never come back; and of a
hundred pupils with permission, those who do not come."""

CLASSES_A_TRIP: Final = 2
DEPARTURES: Final = ((time(8, 0), time(11, 30)), (time(13, 0), time(16, 30)))
SEATS_A_BUS: Final = 45
TRIP_DAYS: Final = (24, 40)
"""Percent of the window: from here to there the trips go; the list of one that was called off goes again at the end."""


@dataclass(frozen=True)
class Trip:
    """One trip: its label, whom it is for, and when it goes."""

    label: str
    classes: tuple[str, ...]
    starts: datetime
    returns: datetime


def visits(diary: Diary) -> Iterator[Planned]:
    """Yield everything that is done about the visits of one school."""
    scene = diary.scene
    opened = scene.during(STAGE, 0)
    if not scene.receivers:
        yield diary.act(STAGE, at(opened, time(11, 0)), scene.bureau.officer, "skip", reason="NO_LISTED_SCHOOL")
        return
    yield diary.act(STAGE, at(opened, time(9, 30)), scene.principal, "complete")  # refused: nobody was offered anything
    source = diary.source("visits")
    for number, trip in enumerate(_trips(diary)):
        if number == 0:
            yield _plan(diary, trip, UNLISTED)  # refused: not on the published list
        called_off = number == 0 and scene.manner == "late_meetings"
        yield from _trip(diary, trip, source, called_off=called_off, shows_a_mistake=number == 0)
        if called_off:
            yield from _trip(diary, _again(diary, trip), source)
    yield from _presentation(diary)
    yield diary.act(STAGE, at(scene.during(STAGE, 95), time(17, 0)), scene.principal, "complete")


# -- trips --------------------------------------------------------------------------------------------------------


def _trips(diary: Diary) -> list[Trip]:
    scene = diary.scene
    groups: list[list[str]] = []
    for class_id in sorted(scene.classes):
        together = [*groups[-1], class_id] if groups else []
        if 0 < len(together) <= CLASSES_A_TRIP and sum(len(scene.classes[name]) for name in together) <= MOST_ROWS:
            groups[-1] = together
        else:
            groups.append([class_id])
    first, last = (scene.during(STAGE, percent) for percent in TRIP_DAYS)
    days = -(-len(groups) // len(DEPARTURES))
    trips = []
    for number, classes in enumerate(groups):
        day = scene.working(first + (last - first) * (number // len(DEPARTURES)) // days)
        starts, returns = DEPARTURES[number % len(DEPARTURES)]
        trips.append(Trip(f"trip-{number + 1}", tuple(classes), at(day, starts), at(day, returns)))
    return trips


def _again(diary: Diary, trip: Trip) -> Trip:
    day = diary.scene.during(STAGE, 70)
    starts, returns = DEPARTURES[0]
    return Trip(f"{trip.label}-again", trip.classes, at(day, starts), at(day, returns))


def _trip(
    diary: Diary,
    trip: Trip,
    source: random.Random,
    *,
    called_off: bool = False,
    shows_a_mistake: bool = False,
) -> Iterator[Planned]:
    """Plan, approve, offer, collect slips, go; or call off on the day before."""
    scene = diary.scene
    head, day = scene.heads[trip.classes[0]], trip.starts.date()
    students = [student for class_id in trip.classes for student in scene.pupils(class_id, day)][:MOST_ROWS]
    if not students:
        return
    yield _plan(diary, trip, next(iter(scene.receivers)))
    yield diary.act(
        STAGE,
        _before(diary, day, 5, time(15, 0)),
        scene.bureau.officer,
        "approve_trip",
        trip=trip.label,
        safety_plan=f"SP-{scene.code[-4:]}-{trip.label.upper()}",
    )
    yield diary.act(
        STAGE, _before(diary, day, 4, time(9, 0)), scene.grade_leader, "offer_seats", trip=trip.label, students=students
    )
    eve = _before(diary, day, 1, time(16, 0))
    slips = {student: slip for student in students if (slip := _slip(source)) is not None}
    rows = [{"student": student, "permission": given} for student, given in slips.items()]
    if rows:
        yield diary.act(STAGE, eve, head, "record_visits", trip=trip.label, rows=rows)
    if called_off:
        yield diary.act(
            STAGE, eve + timedelta(hours=3), scene.grade_leader, "cancel_trip", trip=trip.label, reason="HEAVY_RAIN"
        )
        return
    back = trip.returns + timedelta(minutes=30)
    on_board = [student for student, given in slips.items() if given]
    left_behind = [student for student in students if student not in on_board]
    if shows_a_mistake and left_behind:  # refused: no guardian has said yes for this pupil
        mistake = [{"student": left_behind[0], "attended": True}]
        yield diary.act(STAGE, back, head, "record_visits", trip=trip.label, rows=mistake)
    rows = _attendance(source, on_board) or [{"student": student, "attended": False} for student in left_behind]
    yield diary.act(STAGE, back + timedelta(minutes=10), head, "record_visits", trip=trip.label, rows=rows)


def _plan(diary: Diary, trip: Trip, receiving_school: str) -> Planned:
    scene, day = diary.scene, trip.starts.date()
    adults = [*(scene.heads[class_id].id for class_id in trip.classes), scene.grade_leader.id, scene.principal.id]
    pupils = sum(len(scene.pupils(class_id, day)) for class_id in trip.classes)
    return diary.act(
        STAGE,
        _before(diary, day, 6, time(9, 0)),
        scene.grade_leader,
        "plan_trip",
        trip=trip.label,
        receiving_school=receiving_school,
        at=trip.starts.isoformat(),
        returns_at=trip.returns.isoformat(),
        seats=min(MOST_ROWS, max(1, pupils)),
        leaders=list(dict.fromkeys(adults))[:2],
        vehicles=1 + min(MOST_ROWS, pupils) // SEATS_A_BUS,
        classes=list(trip.classes),
    )


def _before(diary: Diary, day: date, steps: int, clock: time) -> datetime:
    return at(diary.scene.working(day, -steps), clock)


def _slip(source: random.Random) -> bool | None:
    drawn = source.randrange(100)
    return drawn < PERMITTED if drawn < FORBIDDEN else None


def _attendance(source: random.Random, on_board: list[str]) -> list[dict[str, Any]]:
    return [{"student": student, "attended": source.randrange(100) >= ABSENT} for student in on_board]


# -- the presentation ---------------------------------------------------------------------------------------------


def _presentation(diary: Diary) -> Iterator[Planned]:
    """A listed school asks to present itself, and does so late in the stage: the late joiner is there too."""
    scene, label = diary.scene, "presentation-1"
    code, receiver = next(iter(scene.receivers.items()))
    held = at(scene.during(STAGE, 88), time(15, 0))
    here = {class_id: scene.pupils(class_id, held.date()) for class_id in sorted(scene.classes)}
    counts = {class_id: min(MOST_ROWS, len(students)) for class_id, students in here.items() if students}

    def act(when: datetime, actor: Actor, kind: str, **fields: Any) -> Planned:
        return diary.act(STAGE, when, actor, kind, presentation=label, **fields)

    yield act(
        at(scene.during(STAGE, 60), time(10, 0)),
        receiver,
        "request_presentation",
        receiving_school=code,
        at=held.isoformat(),
        persons=3,
        materials=f"MAT-{scene.code[-4:]}-1",
        classes=list(counts),
    )
    asked = at(scene.during(STAGE, 60), time(14, 0))
    yield act(
        asked, scene.grade_leader, "record_presentation", pupils=counts
    )  # refused: the bureau has not approved it
    yield act(
        at(scene.during(STAGE, 66), time(10, 0)),
        scene.bureau.officer,
        "approve_presentation",
        approval_ref=f"PUB-{scene.code[-4:]}-1",
    )
    yield act(held + timedelta(hours=2), scene.grade_leader, "record_presentation", pupils=counts)
