"""Simulated staff and families of one school: what each will do and when, from a seed and before anything runs.

Three manners of school take turns: one that is on time, one whose identification is late, one whose meetings are late
and poorly attended. Each also tries what the rules refuse, so that a rehearsal shows refusals and not only successes.
Everything goes through commands that real people have; nothing here answers for a family.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from domain.actors import Actor, Role
from domain.calendar import Calendar, CalendarUnknown
from domain.identification_rule import HelpKind
from domain.stage_events import StageSlug
from domain.time import at
from rehearsal.driver import Planned

PRESENT_SHARE = {"on_time": 82, "late_identification": 76, "late_meetings": 58}
"""Of a hundred households, those who come to the meeting; the last is below the quorum."""

MANNERS = tuple(PRESENT_SHARE)


@dataclass(frozen=True)
class Window:
    """When a stage opens and is due."""

    opens: date
    due: date


@dataclass(frozen=True)
class SchoolScene:
    """What the simulation knows of a school, all of it from the campaign's files and the registry."""

    campaign: str
    code: str
    index: int
    classes: dict[str, list[str]]
    unknown: frozenset[str]
    heads: dict[str, Actor]
    grade_leader: Actor
    principal: Actor
    stranger: Actor
    calendar: Calendar
    windows: dict[str, Window]


class SchoolPlan:
    """Makes one school's plan."""

    def __init__(self, scene: SchoolScene, seed: int) -> None:
        self._scene = scene
        self._source = random.Random(f"{seed}/{scene.code}")
        self._manner = MANNERS[scene.index % len(MANNERS)]
        self._count = 0

    def commands(self) -> list[Planned]:
        """Return everything that the school's people will do."""
        identified = self._scene.windows[StageSlug.IDENTIFICATION]
        late = self._manner == "late_identification"
        done = self._working(identified.due, 4) if late else self._working(identified.opens, 7)
        meetings = self._scene.windows[StageSlug.PARENT_MEETINGS]
        start = max(self._working(meetings.opens, 0), self._working(done, 1))
        return [*self._identification(identified, done), *self._meetings(start)]

    # -- identification ---------------------------------------------------------------------------------------

    def _identification(self, window: Window, done: date) -> Iterator[Planned]:
        stage, scene = StageSlug.IDENTIFICATION, self._scene
        opens = self._working(window.opens, 0)
        last = len(scene.classes) - 1
        yield self._act(stage, at(opens, time(9, 30)), scene.principal, "complete")
        for number, (class_id, students) in enumerate(sorted(scene.classes.items())):
            head = scene.heads[class_id]
            late = self._manner == "late_identification" and number == last
            day = self._working(done, -1) if late else self._working(opens, 1 + number % 3)
            clear = [student for student in students if student not in scene.unknown]
            unclear = [student for student in students if student in scene.unknown]
            when = at(day, time(10, number % 60))
            if clear:
                command = self._act(stage, when, head, "confirm", students=clear)
                yield command
                if number == 0:
                    yield Planned(when + timedelta(seconds=1), command.stream, command.command)  # a double click
            if unclear:
                after = when + timedelta(minutes=30)
                yield self._act(stage, after, head, "confirm", students=unclear)  # refused: the data are unknown
                yield self._act(
                    stage,
                    after + timedelta(hours=2),
                    head,
                    "confirm",
                    students=unclear,
                    help=[HelpKind.STUDY.value],
                    reason="TEACHER_OBSERVATION",
                )
        first_class = min(scene.classes)
        contested = scene.classes[first_class][0]
        raised = at(self._working(opens, 4), time(15, 0))
        yield self._act(
            stage,
            raised,
            scene.heads[first_class],
            "contest",
            student=contested,
            raised_by="GUARDIAN",
            reason="FAMILY_DISAGREES",
        )
        yield self._act(stage, raised + timedelta(hours=1), scene.principal, "complete")  # refused: work is missing
        yield self._act(stage, raised + timedelta(hours=2), scene.stranger, "freeze")  # refused: another school
        yield self._act(
            stage,
            at(self._working(opens, 6), time(9, 0)),
            scene.principal,
            "resolve_contest",
            student=contested,
            help=[],
            reason="REVIEWED_WITH_FAMILY",
        )
        yield self._act(stage, at(done, time(16, 0)), scene.grade_leader, "freeze")
        yield self._act(stage, at(done, time(17, 0)), scene.principal, "complete")

    # -- parents' meetings ------------------------------------------------------------------------------------

    def _meetings(self, start: date) -> Iterator[Planned]:
        stage, scene = StageSlug.PARENT_MEETINGS, self._scene
        wait = 21 if self._manner == "late_meetings" else 7
        yield self._act(stage, at(start, time(9, 0)), scene.principal, "complete")  # refused: nothing was held
        evening = start + timedelta(days=wait)
        for number, (class_id, students) in enumerate(sorted(scene.classes.items())):
            session, head = f"meeting-{class_id}", scene.heads[class_id]
            held = at(evening, time(19, 0))
            yield self._act(
                stage,
                at(start, time(10, number % 60)),
                scene.grade_leader,
                "schedule_session",
                session=session,
                classes=[class_id],
                at=held.isoformat(),
            )
            yield self._act(stage, at(start, time(14, number % 60)), scene.grade_leader, "invite", session=session)
            rows = [self._attendance_row(student) for student in students]
            yield self._act(
                stage,
                at(evening + timedelta(days=1), time(9, number % 60)),
                head,
                "record_attendance",
                session=session,
                rows=rows,
                occurred_at=(held + timedelta(hours=1)).isoformat(),
            )
            absent = [str(row["student"]) for row in rows if not row["attended"]]
            yield from self._follow_ups(stage, head, evening, number, absent)
        yield self._act(stage, at(evening + timedelta(days=3), time(17, 0)), scene.principal, "complete")
        yield self._act(stage, at(evening + timedelta(days=8), time(17, 0)), scene.principal, "complete")

    def _attendance_row(self, student: str) -> dict[str, Any]:
        attended = self._source.randrange(100) < PRESENT_SHARE[self._manner]
        by = "caregiver" if self._source.randrange(100) < 15 else "guardian"  # noqa: PLR2004 - of a hundred
        return {"student": student, "attended": attended, "by": by if attended else None}

    def _follow_ups(
        self, stage: StageSlug, head: Actor, evening: date, number: int, absent: list[str]
    ) -> Iterator[Planned]:
        """Call, call again, then call or visit: three attempts on three days, for those not reached before."""
        last = "home_visit" if self._manner == "late_meetings" else "call"
        open_households = absent
        for attempt, contact in enumerate(("call", "call", last)):
            if not open_households:
                return
            when = at(evening + timedelta(days=2 + 2 * attempt), time(18, number % 60))
            outcomes = {student: self._outcome() for student in open_households}
            rows = [
                {"student": student, "contact": contact, "outcome": outcome, "at": when.isoformat()}
                for student, outcome in outcomes.items()
            ]
            yield self._act(stage, when + timedelta(hours=1), head, "record_followups", rows=rows)
            open_households = [student for student, outcome in outcomes.items() if outcome == "no_answer"]

    def _outcome(self) -> str:
        drawn = self._source.randrange(100)
        if drawn < 55:  # noqa: PLR2004 - of a hundred
            return "reached"
        return "refused" if drawn < 60 else "no_answer"  # noqa: PLR2004

    # -- small ------------------------------------------------------------------------------------------------

    def _act(self, stage: StageSlug, when: datetime, actor: Actor, kind: str, **fields: Any) -> Planned:
        self._count += 1
        command = {
            "kind": kind,
            "command_id": f"rehearsal-{self._scene.code}-{self._count:04d}",
            "actor": actor.model_dump(mode="json"),
            **fields,
        }
        return Planned(when, f"{self._scene.campaign}/{self._scene.code}/{stage.value}", command)

    def _working(self, day: date, steps: int) -> date:
        """Count working days, or natural days where the calendar is not published yet."""
        try:
            on = self._scene.calendar.on_or_after(day)
            return self._scene.calendar.add_working_days(on, steps)
        except CalendarUnknown:
            return day + timedelta(days=steps)


def simulated(role: Role, school: str, number: int) -> Actor:
    """Return a stand-in for a person whom the staff list does not have."""
    return Actor(id=f"stf_rehearsal{number:04d}", role=role, organisation=school)
