"""What receiving schools record of the pupils who registered with them, at each checkpoint until March.

Most are there. One transfers, one suspends and comes back, one is lost (which hearsay alone cannot say), and of one
the junior school hears otherwise, so that somebody who recorded neither decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any, Final

from domain.evidence import EvidenceGrade
from domain.retention_events import Finding
from domain.retention_pupil import checkpoint_dates
from domain.stage_events import StageSlug
from domain.time import at
from rehearsal.driver import Planned
from rehearsal.families import ORDINARY_SIGNERS, Household
from rehearsal.filing import Timeline, registered_on, timeline
from rehearsal.scene import Diary, lists

STAGE: Final = StageSlug.RETENTION

COURSES: Final = ("disputed", "lost", "transferred", "suspended")
"""What becomes of the first registered pupils of a school; the others are present at every checkpoint."""


@dataclass(frozen=True)
class Check:
    """What a receiving school will find of one pupil at one checkpoint, and when it looks."""

    family: Household
    checkpoint: str
    on: date
    finding: Finding
    evidence: EvidenceGrade

    @property
    def row(self) -> dict[str, Any]:
        """The row of the list."""
        return {
            "student": self.family.student,
            "checkpoint": self.checkpoint,
            "state": self.finding.value,
            "evidence": self.evidence.value,
        }


def retention(diary: Diary, families: Sequence[Household]) -> Iterator[Planned]:
    """Yield everything that is done about the pupils of one school after their registration."""
    scene, days = diary.scene, timeline(diary.scene)
    registered = [family for family in families if family.registers]
    special = min(len(COURSES), max(0, len(registered) - ORDINARY_SIGNERS))
    courses = [*COURSES[:special], *(["present"] * (len(registered) - special))]
    checks = [
        check
        for family, course in zip(registered, courses, strict=True)
        for check in _checks(diary, days, family, course)
    ]
    if checks:
        early = at(scene.working(min(check.on for check in checks)), time(8, 30))
        yield diary.act(STAGE, early, scene.principal, "complete")  # refused: checks are missing
    yield from _lists(diary, checks)
    disputed = [check for check in checks if special and check.family is registered[0]]
    for check in disputed[-1:]:
        yield from _dispute(diary, check)
    last = max((check.on for check in checks), default=scene.during(STAGE, 0))
    done = max(scene.working(last, 4), scene.working(scene.windows[STAGE].due, -2))
    yield diary.act(STAGE, at(done, time(17, 0)), scene.principal, "complete")


def _checks(diary: Diary, days: Timeline, family: Household, course: str) -> Iterator[Check]:
    """Yield the checks that a pupil will need."""
    scene = diary.scene
    open_since = scene.working(max(days.done, scene.during(STAGE, 0)), 1)
    dates = checkpoint_dates(registered_on(days, family.found), scene.year, scene.parameters)
    last = list(dates)[-1:]
    for number, (checkpoint, due) in enumerate(dates.items()):
        finding, evidence = Finding.PRESENT, EvidenceGrade.DOCUMENT
        match course:
            case "suspended" if [checkpoint] != last:
                finding = Finding.SUSPENDED
            case "lost" if number == 1:
                finding = Finding.LOST
            case "transferred" if number == 1:
                finding, evidence = Finding.TRANSFER, EvidenceGrade.REGISTER
            case "lost" | "transferred" if number > 1:
                return  # gone: no later check is needed
        yield Check(family, checkpoint, scene.working(max(due, open_since), 1), finding, evidence)


def _lists(diary: Diary, checks: Sequence[Check]) -> Iterator[Planned]:
    scene = diary.scene
    grouped: dict[tuple[date, str], list[Check]] = {}
    for check in checks:
        grouped.setdefault((check.on, check.family.school), []).append(check)
    for number, ((day, code), some) in enumerate(sorted(grouped.items(), key=lambda item: item[0])):
        receiver = scene.receivers[code]
        strangers = [actor for other, actor in scene.receivers.items() if other != code]
        if number == 0 and strangers:  # refused: another school's pupil
            yield diary.act(STAGE, at(day, time(9, 0)), strangers[0], "record_checkpoints", rows=[some[0].row])
        for check in some:
            if check.finding is Finding.LOST:  # refused: nobody is written off on a rumour
                rumour = check.row | {"evidence": EvidenceGrade.HEARSAY.value}
                yield diary.act(STAGE, at(day, time(9, 30)), receiver, "record_checkpoints", rows=[rumour])
        for rows in lists([check.row for check in some]):
            yield diary.act(STAGE, at(day, time(10, 0)), receiver, "record_checkpoints", rows=rows)


def _dispute(diary: Diary, check: Check) -> Iterator[Planned]:
    """The class head hears by telephone that a pupil has gone; the register officer looks and decides."""
    scene, family = diary.scene, check.family
    heard = check.row | {"state": Finding.LOST.value, "evidence": EvidenceGrade.CALL.value}
    day = at(scene.working(check.on, 1), time(15, 0))
    yield diary.act(STAGE, day, scene.heads[family.class_id], "record_checkpoints", rows=[heard])
    yield diary.act(
        STAGE,
        day + timedelta(hours=24),
        scene.bureau.register,
        "resolve_evidence",
        student=family.student,
        checkpoint=check.checkpoint,
        state=Finding.PRESENT.value,
        evidence=EvidenceGrade.DOCUMENT.value,
        reason="SEEN_IN_CLASS",
    )
