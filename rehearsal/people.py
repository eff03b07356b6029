"""Simulated staff and families of one school: what each will do and when, from a seed and before anything runs.

Three manners of school take turns: one that is on time, one whose identification is late, one whose meetings are late
and poorly attended. Each also tries what the rules refuse, so that a rehearsal shows refusals and not only successes.
Everything goes through commands that real people have; nothing here answers for a family.

The identification, the meetings and the register stand here; whatever else they do has modules of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, time, timedelta
from typing import Any

from domain.actors import Actor
from domain.identification_rule import HelpKind
from domain.stage_events import StageSlug
from domain.time import at
from rehearsal.attendance import attendance
from rehearsal.care import care
from rehearsal.driver import Planned
from rehearsal.families import Families, FamilyGateway, households
from rehearsal.filing import filing
from rehearsal.retention import retention
from rehearsal.scene import Diary, SchoolScene, Window
from rehearsal.visits import visits

PRESENT_SHARE = {"on_time": 82, "late_identification": 76, "late_meetings": 58}
"""Of a hundred households, those who come to the meeting; the last is below the quorum."""


class SchoolPlan:
    """Makes one school's plan."""

    def __init__(self, scene: SchoolScene, seed: int, gateway: FamilyGateway) -> None:
        self._scene = scene
        self._diary = Diary(scene, seed)
        self._gateway = gateway
        self._source = self._diary.source("meetings")
        self._manner = scene.manner

    def commands(self) -> list[Planned]:
        """Return everything that the school's people will do."""
        scene = self._scene
        identified = scene.windows[StageSlug.IDENTIFICATION]
        late = self._manner == "late_identification"
        done = scene.working(identified.due, 4) if late else scene.working(identified.opens, 7)
        meetings = scene.windows[StageSlug.PARENT_MEETINGS]
        start = max(scene.working(meetings.opens, 0), scene.working(done, 1))
        families = households(scene, self._diary.source("families"))
        return [
            *self._identification(identified, done),
            *self._meetings(start),
            *self._register(),
            *care(self._diary, meetings.opens),
            *attendance(self._diary, scene.reports.opens, scene.reports.due),
            *visits(self._diary),
            *filing(self._diary, families, Families(scene, self._gateway, self._diary.source("acts"))),
            *retention(self._diary, families),
        ]

    # -- identification ---------------------------------------------------------------------------------------

    def _identification(self, window: Window, done: date) -> Iterator[Planned]:
        stage, scene = StageSlug.IDENTIFICATION, self._scene
        opens = scene.working(window.opens, 0)
        last = len(scene.classes) - 1
        yield self._diary.act(stage, at(opens, time(9, 30)), scene.principal, "complete")
        for number, (class_id, students) in enumerate(sorted(scene.classes.items())):
            head = scene.heads[class_id]
            late = self._manner == "late_identification" and number == last > 0
            day = scene.working(done, -1) if late else scene.working(opens, 1 + number % 3)
            clear = [student for student in students if student not in scene.unknown]
            unclear = [student for student in students if student in scene.unknown]
            when = at(day, time(10, number % 60))
            if clear:
                command = self._diary.act(stage, when, head, "confirm", students=clear)
                yield command
                if number == 0:
                    yield Planned(when + timedelta(seconds=1), command.stream, command.command)  # a double click
            if unclear:
                after = when + timedelta(minutes=30)
                yield self._diary.act(stage, after, head, "confirm", students=unclear)  # refused: the data are unknown
                yield self._diary.act(
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
        raised = at(scene.working(opens, 4), time(15, 0))
        yield self._diary.act(
            stage,
            raised,
            scene.heads[first_class],
            "contest",
            student=contested,
            raised_by="GUARDIAN",
            reason="FAMILY_DISAGREES",
        )
        yield self._diary.act(
            stage, raised + timedelta(hours=1), scene.principal, "complete"
        )  # refused: work is missing
        yield self._diary.act(stage, raised + timedelta(hours=2), scene.stranger, "freeze")  # refused: another school
        yield self._diary.act(
            stage,
            at(scene.working(opens, 6), time(9, 0)),
            scene.principal,
            "resolve_contest",
            student=contested,
            help=[],
            reason="REVIEWED_WITH_FAMILY",
        )
        yield self._diary.act(stage, at(done, time(16, 0)), scene.grade_leader, "freeze")
        yield self._diary.act(stage, at(done, time(17, 0)), scene.principal, "complete")

    # -- parents' meetings ------------------------------------------------------------------------------------

    def _meetings(self, start: date) -> Iterator[Planned]:
        stage, scene = StageSlug.PARENT_MEETINGS, self._scene
        wait = 21 if self._manner == "late_meetings" else 7
        yield self._diary.act(stage, at(start, time(9, 0)), scene.principal, "complete")  # refused: nothing was held
        evening = start + timedelta(days=wait)
        attendance = {
            class_id: [self._attendance_row(student) for student in students]
            for class_id, students in sorted(scene.classes.items())
        }
        last_contact = self._last_contact([row for rows in attendance.values() for row in rows])
        for number, (class_id, rows) in enumerate(attendance.items()):
            session, head = f"meeting-{class_id}", scene.heads[class_id]
            held = at(evening, time(19, 0))
            yield self._diary.act(
                stage,
                at(start, time(10, number % 60)),
                scene.grade_leader,
                "schedule_session",
                session=session,
                classes=[class_id],
                at=held.isoformat(),
            )
            yield self._diary.act(
                stage, at(start, time(14, number % 60)), scene.grade_leader, "invite", session=session
            )
            yield self._diary.act(
                stage,
                at(evening + timedelta(days=1), time(9, number % 60)),
                head,
                "record_attendance",
                session=session,
                rows=rows,
                occurred_at=(held + timedelta(hours=1)).isoformat(),
            )
            absent = [str(row["student"]) for row in rows if not row["attended"]]
            yield from self._follow_ups(head, evening, number, absent, last_contact)
        yield self._diary.act(stage, at(evening + timedelta(days=3), time(17, 0)), scene.principal, "complete")
        yield self._diary.act(stage, at(evening + timedelta(days=8), time(17, 0)), scene.principal, "complete")

    def _attendance_row(self, student: str) -> dict[str, Any]:
        attended = self._source.randrange(100) < PRESENT_SHARE[self._manner]
        by = "caregiver" if self._source.randrange(100) < 15 else "guardian"  # noqa: PLR2004 - of a hundred
        return {"student": student, "attended": attended, "by": by if attended else None}

    def _last_contact(self, rows: Sequence[dict[str, Any]]) -> str:
        """Below the quorum a call is not enough for those whom nobody has reached; small schools fall below too."""
        quorum = self._scene.parameters.quorum
        present = sum(row["attended"] for row in rows)
        return "home_visit" if present * quorum.denominator < len(rows) * quorum.numerator else "call"

    def _follow_ups(self, head: Actor, evening: date, number: int, absent: list[str], last: str) -> Iterator[Planned]:
        """Call, call again, then call or visit: three attempts on three days, for those not reached before."""
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
            yield self._diary.act(
                StageSlug.PARENT_MEETINGS, when + timedelta(hours=1), head, "record_followups", rows=rows
            )
            open_households = [student for student, outcome in outcomes.items() if outcome == "no_answer"]

    def _outcome(self) -> str:
        drawn = self._source.randrange(100)
        if drawn < 55:  # noqa: PLR2004 - of a hundred
            return "reached"
        return "refused" if drawn < 60 else "no_answer"  # noqa: PLR2004

    # -- the register -----------------------------------------------------------------------------------------

    def _register(self) -> Iterator[Planned]:
        """A pupil leaves in spring, another comes in May and is called at home, for the meetings are over."""
        scene, joiner = self._scene, self._scene.joiner
        if scene.leaver is not None:
            exits = {"student": scene.leaver, "exit": ("transfer", "abroad")[scene.index % 2]}
            row = {**exits, "on": scene.left_on.isoformat()}
            yield self._diary.register_act(
                at(scene.left_on, time(16, 0)), scene.bureau.register, "record_exits", rows=[row]
            )
        row = {"student": joiner.student, "class_id": joiner.class_id, "on": scene.joined_on.isoformat()}
        yield self._diary.register_act(
            at(scene.joined_on, time(11, 0)), scene.grade_leader, "enrol_students", rows=[row]
        )
        called = at(scene.working(scene.joined_on, 2), time(18, 0))
        row = {"student": joiner.student, "contact": "call", "outcome": "reached", "at": called.isoformat()}
        yield self._diary.act(
            StageSlug.PARENT_MEETINGS,
            called + timedelta(hours=1),
            scene.heads[joiner.class_id],
            "record_followups",
            rows=[row],
        )
