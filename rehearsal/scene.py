"""What a simulation knows of one school, and the diary in which it writes what the school's people will do."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any, Final, TypeVar

from domain.actors import Actor, Role
from domain.calendar import Calendar, CalendarUnknown
from domain.policy import PolicyParameters
from domain.stage_events import StageSlug
from rehearsal.driver import Planned

T = TypeVar("T")

MANNERS: Final = ("on_time", "late_identification", "late_meetings")
"""How schools are, in turns; the last also loses a trip to the weather and signs its filing off late."""

MOST_ROWS: Final = 500
"""Rows that one list may have."""


@dataclass(frozen=True)
class Window:
    """When a stage opens and is due."""

    opens: date
    due: date


@dataclass(frozen=True)
class Bureau:
    """The people of the bureau who deal with schools."""

    officer: Actor
    register: Actor
    discipline: Actor


@dataclass(frozen=True)
class Joiner:
    """A pupil who comes in May, and the guardian; the registry's snapshot has neither."""

    student: str
    guardian: str
    class_id: str


@dataclass(frozen=True)
class SchoolScene:
    """What the simulation knows of a school, all of it from the campaign's files and the registry.

    Attributes:
        campaign, code: the campaign's id and the school's code.
        index: the school's place among the campaign's; decides the school's manner.
        year: the year of graduation.
        classes: class id → references of the snapshot's pupils.
        guardians: pupil → reference of the first guardian.
        under_14: pupils who count as under fourteen when the filing opens (R-17).
        unknown: pupils whose data say nothing to the identification rule.
        heads: class id → class head.
        receivers: code of a listed vocational school → its own member of staff; empty where none is listed.
        stranger: another school's principal.
        leaver: a pupil who will leave the register; None in a school that is too small to miss one.
        reports: the first and the last day on which the school reports who is there.
        applications: the days on which the official system takes applications; None where the file names none.
        parameters: of the campaign's policy.
    """

    campaign: str
    code: str
    index: int
    year: int
    classes: dict[str, list[str]]
    guardians: dict[str, str]
    under_14: frozenset[str]
    unknown: frozenset[str]
    heads: dict[str, Actor]
    grade_leader: Actor
    principal: Actor
    receivers: dict[str, Actor]
    bureau: Bureau
    stranger: Actor
    leaver: str | None
    joiner: Joiner
    calendar: Calendar
    windows: dict[str, Window]
    reports: Window
    applications: Window | None
    parameters: PolicyParameters

    @property
    def manner(self) -> str:
        """Return how the school is, one of `MANNERS`."""
        return MANNERS[self.index % len(MANNERS)]

    @property
    def reporting(self) -> date:
        """Return the first day at the receiving schools."""
        return date.fromisoformat(f"{self.year}-{self.parameters.reporting_month_day}")

    @property
    def deadline(self) -> date:
        """Return the last day of registration."""
        return date.fromisoformat(f"{self.year}-{self.parameters.registration_deadline}")

    @property
    def left_on(self) -> date:
        """Return the day on which the leaver leaves: in the middle of the visits."""
        return self.during(StageSlug.SCHOOL_VISITS, 45)

    @property
    def joined_on(self) -> date:
        """Return the day on which the late joiner comes: towards the end of the visits."""
        return self.during(StageSlug.SCHOOL_VISITS, 80)

    def pupils(self, class_id: str, on: date) -> list[str]:
        """Return the pupils of a class on a day: without the leaver once gone, with the late joiner once there."""
        here = [student for student in self.classes[class_id] if student != self.leaver or on < self.left_on]
        joined = class_id == self.joiner.class_id and on > self.joined_on
        return [*here, self.joiner.student] if joined else here

    def working(self, day: date, steps: int = 0) -> date:
        """Count working days from the first on or after a day; natural days where the year is not published yet."""
        try:
            return self.calendar.add_working_days(self.calendar.on_or_after(day), steps)
        except CalendarUnknown:
            return day + timedelta(days=steps)

    def during(self, stage: StageSlug, percent: int) -> date:
        """Return the working day so far into a stage's window, so that a short window is used as a long one is."""
        window = self.windows[stage]
        return self.working(window.opens + (window.due - window.opens) * percent // 100)


class Diary:
    """Gives what a school's people will do its stream and its id."""

    def __init__(self, scene: SchoolScene, seed: int) -> None:
        self.scene = scene
        self.seed = seed
        self._count = 0

    def source(self, topic: str) -> random.Random:
        """Return the randomness of a topic, which no other topic's draws change."""
        return random.Random(f"{self.seed}/{self.scene.code}/{topic}")

    def act(self, stage: StageSlug, when: datetime, actor: Actor, kind: str, **fields: Any) -> Planned:
        """Write down a command to one of the school's stages."""
        return self._planned(f"{self.scene.campaign}/{self.scene.code}/{stage.value}", when, actor, kind, fields)

    def register_act(self, when: datetime, actor: Actor, kind: str, **fields: Any) -> Planned:
        """Write down a command to the school's own stream."""
        return self._planned(f"{self.scene.campaign}/{self.scene.code}", when, actor, kind, fields)

    def _planned(self, stream: str, when: datetime, actor: Actor, kind: str, fields: dict[str, Any]) -> Planned:
        self._count += 1
        command = {
            "kind": kind,
            "command_id": f"rehearsal-{self.scene.code}-{self._count:04d}",
            "actor": actor.model_dump(mode="json"),
            **fields,
        }
        return Planned(when, stream, command)


def one_at_a_time(plan: Sequence[Planned]) -> list[Planned]:
    """Return a plan in order, each stream's commands at instants of their own.

    A driver that is started again tells by the instant which commands an earlier one gave.
    """
    last: dict[str, datetime] = {}
    ordered: list[Planned] = []
    for planned in sorted(plan, key=lambda planned: planned.at):
        before = last.get(planned.stream)
        when = planned.at if before is None else max(planned.at, before + timedelta(seconds=1))
        last[planned.stream] = when
        ordered.append(replace(planned, at=when))
    return ordered


def lists(rows: Sequence[T], most: int = MOST_ROWS) -> Iterator[list[T]]:
    """Yield rows in lists that a command can take; nothing where there are none."""
    left = iter(rows)
    while taken := list(islice(left, most)):
        yield taken


def simulated(role: Role, organisation: str, number: int) -> Actor:
    """Return a stand-in for a person whom the staff list does not have."""
    return Actor(id=f"stf_rehearsal{number:04d}", role=role, organisation=organisation)
