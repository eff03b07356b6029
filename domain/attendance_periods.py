"""The weeks and months that a school reports on, when each report is due, and its figures (DOMAIN §7.6, R-13, INV-34).

The figures are counted from the daily reports. Nobody types them in, so nobody can make them better.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from domain.attendance_events import PeriodKind
from domain.attendance_state import AttendanceState, Standing
from domain.rates import Rate, report_complete_rate, report_on_time_rate

FRIDAY: Final = 4


@dataclass(frozen=True)
class Period:
    """A week or a month of the attendance.

    Attributes:
        report: which kind.
        name: ISO week "2025-W36" or month "2025-09".
        first, last: its days within the attendance, both included.
        nominal: the Friday, or the day of the month, on which the report would be due.
    """

    report: PeriodKind
    name: str
    first: date
    last: date
    nominal: date


def periods(state: AttendanceState) -> Iterator[Period]:
    """Yield all weeks and months that have a day of the attendance: weeks first, each kind earliest first."""
    monday = state.first - timedelta(days=state.first.weekday())
    while monday <= state.last:
        year, week, _ = monday.isocalendar()
        sunday = monday + timedelta(days=6)
        yield _clipped(state, PeriodKind.WEEKLY, f"{year}-W{week:02}", monday, sunday, monday + timedelta(days=FRIDAY))
        monday += timedelta(days=7)
    month = state.first.replace(day=1)
    while month <= state.last:
        following = (month + timedelta(days=31)).replace(day=1)
        nominal = month.replace(day=state.policy.parameters.monthly_report_day)
        yield _clipped(state, PeriodKind.MONTHLY, f"{month:%Y-%m}", month, following - timedelta(days=1), nominal)
        month = following


def period_named(state: AttendanceState, report: PeriodKind, name: str) -> Period | None:
    """Return a week or month by its name, None where the attendance has no such one."""
    return next((one for one in periods(state) if (one.report, one.name) == (report, name)), None)


def due_day(state: AttendanceState, period: Period) -> date | None:
    """Return the school day on which a period's report is due: its Friday or 28th, an earlier one if that is off.

    A period whose only school days come after that day has the last of them. None where the period has no school day,
    or the calendar of its year is not published.
    """
    if any(state.is_school_day(day) is None for day in _days(period.first, period.last)):
        return None
    days = [day for day in _days(period.first, period.last) if state.is_school_day(day)]
    return max((day for day in days if day <= period.nominal), default=max(days, default=None))


def figures(state: AttendanceState, first: date, last: date) -> dict[str, int]:
    """Return the counts of a time, both days included.

    Returns:
        due, filed, in_time, missed and zero daily reports; register at the end; absences and leave in pupil-days,
        pupils absent without a reason at least once; pupils by the standing of a case that goes on or whose pupil is
        not back; joined and left.
    """
    notes = [note for day, note in state.reports.items() if first <= day <= last]
    missed = sum(first <= day <= last for day in state.missed)
    absences = {
        student: sum(first <= day <= last for day in days)
        for student, days in state.absent.items()
        if any(first <= day <= last for day in days)
    }
    found = {
        "due": len(notes) + missed,
        "filed": len(notes),
        "in_time": sum(note.on_time for note in notes),
        "missed": missed,
        "zero": sum(note.zero and not note.contradicted for note in notes),
        "register": sum(state.on_register(student, last) for student in state.students),
        "absences": sum(absences.values()),
        "pupils": len(absences),
        "leave": sum(sum(note.leave.values()) for note in notes),
        "joined": sum(first <= on <= last for on in state.joined.values()),
        "left": sum(first <= on <= last for on in state.left.values()),
    }
    return {**found, **standings(state)}


def standings(state: AttendanceState) -> dict[str, int]:
    """Return how many pupils on the register are where, of those whose case goes on or who are not back."""
    found = {standing.value: 0 for standing in Standing if standing is not Standing.CLOSED}
    for student, spells in state.spells.items():
        last = spells[-1]
        away = last.until is None or last.status is Standing.NOT_RETURNED
        if student not in state.left and (last.open or away):
            found[last.status.value] += 1
    return found


def report_rates(state: AttendanceState) -> dict[str, Rate | None]:
    """Return how many of the daily reports due so far came in time, and how many came at all (R-13, B15)."""
    found = figures(state, state.first, state.last)
    return {
        "on_time": report_on_time_rate(found["in_time"], found["due"]),
        "complete": report_complete_rate(found["filed"], found["due"]),
    }


def dropout_counts(state: AttendanceState) -> dict[str, dict[str, int]]:
    """Return, by class, what the dropout rate is made of (R-05, Q9; `domain.dropout_rates.DropoutCount`).

    Returns:
        `size`: the cohort of the September register; `transfers_in`, `transfers_out`: pupils who came and who left the
        register lawfully since, by death too; `current`: on the register now; `lost`: confirmed dropouts who have not
        returned, and after the year's end whoever had not returned by then, confirmed or not; `suspected`: cases that
        are neither confirmed nor at an end, which count nowhere yet. Nobody is penalised for a pupil who left
        lawfully: such a pupil is not lost.
    """
    names = ("transfers_in", "transfers_out", "current", "lost", "suspected")
    classes = sorted({*state.cohort, *state.students.values()})
    counts = {class_id: {"size": state.cohort.get(class_id, 0), **dict.fromkeys(names, 0)} for class_id in classes}
    for student, class_id in state.students.items():
        own = counts[class_id]
        own["transfers_in"] += student in state.newcomers
        own["transfers_out"] += student in state.left
        own["current"] += student not in state.left
        spells = state.spells.get(student)
        if spells and student not in state.left:
            last = spells[-1]
            own["lost"] += last.status is Standing.NOT_RETURNED or (last.open and last.status is Standing.DROPOUT)
            own["suspected"] += last.open and last.status is Standing.SUSPECTED
    return counts


def _clipped(state: AttendanceState, report: PeriodKind, name: str, first: date, last: date, nominal: date) -> Period:
    return Period(report, name, max(first, state.first), min(last, state.last), nominal)


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))
