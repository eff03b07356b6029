"""What a daily report has to be, and what follows from it: conservation, absences, suspicion (INV-14, R-13, R-15)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Final

from domain.attendance_events import AbsenceNoted, Owed, Row, SuspectedDropout, Suspicion
from domain.attendance_state import ONE_DAY, AttendanceState, at_clock
from domain.events import Event
from domain.refusal import Refusal, refuse_rows

NOTHING: Final = (0, 0)


def check_report(state: AttendanceState, day: date, rows: Sequence[Row], *, whole: bool) -> None:
    """Refuse rows that cannot be true of a day.

    Each class is accounted for: on the register = present + on leave + absent without a reason + in a dropout case
    (INV-14); and who came or went is on the register's record.

    Args:
        state: the attendance.
        day: the day reported on.
        rows: the classes.
        whole: all classes must be there, and their movement since the last report is compared.

    Raises:
        Refusal: CLASSES_MISSING; ROWS_REFUSED with CLASS_TWICE, CLASS_UNKNOWN, STUDENT_TWICE, STUDENT_NOT_IN_CLASS,
            STUDENT_IN_DROPOUT_CASE, REPORT_DOES_NOT_ADD_UP, MOVEMENT_NOT_ON_RECORD.
    """
    sizes = state.sizes(day)
    problems: list[tuple[int, str]] = []
    seen: dict[str, None] = {}
    for number, row in enumerate(rows):
        problem = "CLASS_TWICE" if row.class_id in seen else _problem(state, day, row, sizes)
        if problem is None and whole and _movement(state, row.class_id) != (row.joined, row.left):
            problem = "MOVEMENT_NOT_ON_RECORD"
        if problem is not None:
            problems.append((number, problem))
        seen[row.class_id] = None
    refuse_rows(problems)
    missing = [class_id for class_id in sorted(sizes) if class_id not in seen]
    if whole and missing:
        raise Refusal("CLASSES_MISSING", classes=missing, count=len(missing))


def nothing_to_tell(rows: Iterable[Row]) -> bool:
    """Tell whether a report is a zero report: nobody absent, nobody on leave, nobody came or went."""
    return not any(row.on_leave or row.unexplained or row.joined or row.left for row in rows)


def in_time(state: AttendanceState, day: date, occurred_at: datetime, now: datetime, *, paper: bool) -> bool:
    """Tell whether a report was there by the hour at which it was due.

    What is recorded after that hour was in time only with the paper that was written before it (DOMAIN §7.6).
    """
    due = due_at(state, day)
    return occurred_at <= due and (paper or now <= due)


def due_at(state: AttendanceState, day: date) -> datetime:
    """Return the hour at which a day's report is due."""
    return at_clock(day, state.policy.parameters.daily_report_due)


def absences(state: AttendanceState, day: date, students: Iterable[str], *, reported: bool = True) -> list[Event]:
    """Return the events of pupils absent on a day without a reason: noted, and a suspicion where the days are enough.

    A pupil whose case is open is suspected again only when back (`Spell.until`) and absent for so many days once more.
    """
    visit, group, form = _clock(state)
    found: list[Event] = []
    for student in students:
        class_id = state.students[student]
        run = state.run(student, day)
        days = run.index(day) + 1
        owed = Owed.GROUP_VISIT if days >= group else Owed.SAME_DAY_VISIT if days >= visit else None
        noted = AbsenceNoted(student=student, class_id=class_id, day=day, days=days, owed=owed, reported=reported)
        found.append(noted)
        spell = state.open_spell(student)
        if spell is not None and spell.until is None:
            continue
        window = state.within_window(student, day)
        if len(run) >= form:
            found.append(_suspected(student, class_id, run, Suspicion.CONSECUTIVE))
        elif spell is None and len(window) >= state.policy.parameters.absence_pattern_days:
            found.append(_suspected(student, class_id, window, Suspicion.PATTERN))
    return found


def still_away(state: AttendanceState, day: date) -> list[str]:
    """Return the pupils who were absent on the school day before, where nobody has reported on this one.

    A missing report is no zero (INV-15): silence does not stop the dropout clock. Who is on record as back since then
    is not taken for absent.
    """
    before = next((one for one in _days_before(state, day) if state.was_school_day(one)), None)
    if before is None:
        return []
    return [
        student
        for student in state.absent_on(before)
        if state.on_register(student, day)
        and not state.in_case(student, day)
        and not any(spell.until and before < spell.until <= day for spell in state.spells.get(student, ()))
    ]


def _days_before(state: AttendanceState, day: date) -> Iterator[date]:
    while day > state.first:
        day -= ONE_DAY
        yield day


def _problem(state: AttendanceState, day: date, row: Row, sizes: dict[str, tuple[int, int]]) -> str | None:
    if row.class_id not in sizes:
        return "CLASS_UNKNOWN"
    if len({*row.unexplained}) < len(row.unexplained):
        return "STUDENT_TWICE"
    for student in row.unexplained:
        if state.students.get(student) != row.class_id or not state.on_register(student, day):
            return "STUDENT_NOT_IN_CLASS"
        if state.in_case(student, day):
            return "STUDENT_IN_DROPOUT_CASE"
    register, cases = sizes[row.class_id]
    if row.present + row.on_leave + len(row.unexplained) + cases != register:
        return "REPORT_DOES_NOT_ADD_UP"
    return None


def _movement(state: AttendanceState, class_id: str) -> tuple[int, int]:
    moved = state.moved.get(class_id)
    return NOTHING if moved is None else (moved.joined, moved.left)


def _clock(state: AttendanceState) -> tuple[int, int, int]:
    """Return the school days of the visit, the group visit and the written form; a short clock repeats its last."""
    days = state.policy.parameters.dropout_clock or (1, 2, 3)
    return days[0], days[min(1, len(days) - 1)], days[-1]


def _suspected(student: str, class_id: str, days: Sequence[date], by: Suspicion) -> SuspectedDropout:
    return SuspectedDropout(student=student, class_id=class_id, since=days[0], days=len(days), by=by)
