"""What the simulated schools report of each school day, and what they do about a pupil who stays away.

Most days all are there. In turns a school is late once and silent once, corrects a zero report, or has a pupil who
is absent for three days without a reason: visited, reported in writing, brought back, and after ten days at school
the case is closed. Families decide nothing here, and nobody is pressed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from domain.actors import Actor
from domain.attendance_events import PeriodKind
from domain.calendar import CalendarUnknown
from domain.time import at
from rehearsal.driver import Planned
from rehearsal.scene import Diary, SchoolScene

STREAM: Final = "attendance"
FRIDAY: Final = 4
LEAST_DAYS: Final = 18
"""School days that the whole way of a case takes; a shorter time has no case."""

FIRST_ABSENT: Final = 1
"""The place, among the school days, of the first day of the absence that becomes a case."""

LATE_DAY, FOUND_DAY, ILL_DAY, SILENT_DAY = 3, 4, 5, 6
"""Places, among the school days, of a late report, a zero report that was none, an ordinary absence, and no report."""

ON_TIME, LATE, FOUND_LATER = time(15, 45), time(17, 40), time(16, 45)
"""Before the reminder, after the hour at which the report is due, and in between."""


def attendance(diary: Diary, first: date, last: date) -> Iterator[Planned]:
    """Yield the reports of one school and the way of its case.

    Args:
        diary: of the school.
        first: the first day on which a report is due, as the campaign's file names it.
        last: the last one, included.
    """
    days = [day for day in _days(first, last) if _is_school_day(diary.scene, day)]
    if not days:
        return
    away = _who_stays_away(diary.scene) if diary.scene.manner == "on_time" and len(days) >= LEAST_DAYS else None
    yield from _daily(diary, days, away)
    yield from _periodic(diary, days)
    if away is not None:
        yield from _case(diary, days, away)


def _daily(diary: Diary, days: Sequence[date], away: str | None) -> Iterator[Planned]:
    """The day's report by the grade leader, in the afternoon; a departure of the day is on record after it."""
    scene = diary.scene
    ill = scene.classes[min(scene.classes)][0]
    filed: date | None = None
    for place, day in enumerate(days):
        late = scene.manner == "late_identification" and place == LATE_DAY
        if scene.manner == "late_identification" and place == SILENT_DAY:
            continue
        absent = [away] if away is not None and FIRST_ABSENT <= place < FIRST_ABSENT + 3 else []
        in_case = away if away is not None and place == FIRST_ABSENT + 3 else None
        if place == ILL_DAY and ill != away:
            absent = [*absent, ill]
        rows = [_row(scene, class_id, day, filed, absent, in_case) for class_id in sorted(scene.classes)]
        yield _act(diary, at(day, LATE if late else ON_TIME), scene.grade_leader, "file_daily_report",
                   day=day.isoformat(), classes=rows)  # fmt: skip
        filed = day
        if place == ILL_DAY and ill in absent:
            yield _act(diary, at(day, time(18, 0)), _head(scene, ill), "explain_absence", student=ill,
                       day=day.isoformat(), why="ILLNESS", evidence="CALL")  # fmt: skip
        if scene.manner == "late_meetings" and place == FOUND_DAY:
            class_id = min(scene.classes)
            row = _row(scene, class_id, day, day, [ill], None)
            yield _act(diary, at(day, FOUND_LATER), _head(scene, ill), "correct_daily_report", day=day.isoformat(),
                       classes=[row], reason="FOUND_LATER")  # fmt: skip
            yield _act(diary, at(day, time(17, 30)), _head(scene, ill), "explain_absence", student=ill,
                       day=day.isoformat(), why="FAMILY", evidence="CALL")  # fmt: skip


def _row(
    scene: SchoolScene, class_id: str, day: date, filed: date | None, absent: Sequence[str], in_case: str | None
) -> dict[str, Any]:
    """Return a class's row: present is what is left of the register of the day."""
    pupils = [student for student in scene.classes[class_id] if student != scene.leaver or day <= scene.left_on]
    own_joiner = class_id == scene.joiner.class_id and day >= scene.joined_on
    missing = [student for student in absent if student in pupils]
    away = len(missing) + (in_case in pupils)
    moved_since = filed if filed is not None else date.max
    leaves = scene.leaver in scene.classes[class_id] and moved_since <= scene.left_on < day
    joins = own_joiner and moved_since < scene.joined_on <= day
    return {
        "class_id": class_id,
        "present": len(pupils) + own_joiner - away,
        "unexplained": missing,
        "joined": int(joins),
        "left": int(leaves),
    }


def _periodic(diary: Diary, days: Sequence[date]) -> Iterator[Planned]:
    """The week's report on its Friday, the month's on the 28th; on the school day before where that one is off."""
    scene = diary.scene
    weeks: dict[str, list[date]] = {}
    months: dict[str, list[date]] = {}
    for day in days:
        year, week, weekday = day.isocalendar()
        weeks.setdefault(f"{year}-W{week:02}", []).extend([day] if weekday <= FRIDAY + 1 else [])
        months.setdefault(f"{day:%Y-%m}", []).extend([day] if day.day <= scene.parameters.monthly_report_day else [])
    for report, found in ((PeriodKind.WEEKLY, weeks), (PeriodKind.MONTHLY, months)):
        for period, own in found.items():
            if own:
                when = at(max(own), time(16, 50))
                yield _act(diary, when, scene.grade_leader, "file_periodic_report", report=report.value, period=period)


def _case(diary: Diary, days: Sequence[date], away: str) -> Iterator[Planned]:
    """Visited, reported, back on the fifth day, closed after ten days at school by somebody else."""
    scene, case = diary.scene, f"dropout/{away}"
    head, visitors = _head(scene, away), [_head(scene, away).id, scene.grade_leader.id]
    first, second, third, after, back = days[FIRST_ABSENT : FIRST_ABSENT + 5]
    for day, who in ((first, visitors[:1]), (second, visitors)):
        yield _act(diary, at(day, time(18, 30)), head, "record_absence_visit", student=away, on=day.isoformat(),
                   visitors=who, outcome="no_answer")  # fmt: skip
    del third
    yield _act(diary, at(after, time(10, 0)), head, "record_persuasion", case, n=1, on=after.isoformat(),
               visitors=visitors, outcome="COMES_BACK")  # fmt: skip
    yield _act(diary, at(after, time(15, 0)), scene.principal, "file_written_report", case,
               document=f"KC-{scene.year}-{scene.index + 1:03}", on=after.isoformat())  # fmt: skip
    yield _act(diary, at(back, time(8, 30)), head, "record_return", case, on=back.isoformat(), evidence="SEEN")
    present = days[FIRST_ABSENT + 4 : FIRST_ABSENT + 14]
    yield _act(diary, at(present[4], time(18, 0)), scene.principal, "close_dropout_case", case)  # refused: too early
    yield _act(diary, at(present[-1], time(18, 0)), scene.principal, "close_dropout_case", case)


def _who_stays_away(scene: SchoolScene) -> str:
    """Return a pupil of the first class who does not leave the register."""
    pupils = scene.classes[min(scene.classes)]
    return next(student for student in reversed(pupils) if student != scene.leaver)


def _head(scene: SchoolScene, student: str) -> Actor:
    return next(scene.heads[class_id] for class_id, pupils in scene.classes.items() if student in pupils)


def _is_school_day(scene: SchoolScene, day: date) -> bool:
    try:
        return scene.calendar.is_working_day(day)
    except CalendarUnknown:
        return False


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def _act(diary: Diary, when: datetime, actor: Actor, kind: str, stream: str = STREAM, **fields: Any) -> Planned:
    """Write down a command to the school's attendance or to a case."""
    planned = diary.register_act(when, actor, kind, **fields)
    return replace(planned, stream=f"{planned.stream}/{stream}")
