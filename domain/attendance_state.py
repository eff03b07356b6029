"""What a school's attendance remembers: its register by day, its reports, absences and cases (INV-14).

A report may come days later, on paper after a power cut, so every count is asked for a day: who was on the register
then, and who was in a dropout case then.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from pydantic import AwareDatetime, BaseModel

from domain.attendance_events import Owed, Row
from domain.calendar import Calendar, CalendarUnknown
from domain.evidence import EvidenceGrade
from domain.stream import StreamState
from domain.time import at, civil

ONE_DAY: Final = timedelta(days=1)


class Standing(StrEnum):
    """Where a pupil's dropout case stands (DOMAIN §7.3, region A); the case tells it, the daily count goes by it.

    The last two are ends: closed by somebody, or, for `NOT_RETURNED`, by the year's end with no proof of a return.
    """

    SUSPECTED = "suspected"
    DROPOUT = "dropout"
    RETURNED = "returned"
    HOME_TAUGHT = "home_taught"
    ELSEWHERE = "elsewhere"
    CLOSED = "closed"
    NOT_RETURNED = "not_returned"


ENDED: Final = (Standing.CLOSED, Standing.NOT_RETURNED)
"""Standings of a case that goes on no more."""


PROVES_A_RETURN: Final = (EvidenceGrade.REGISTER, EvidenceGrade.DOCUMENT, EvidenceGrade.SEEN)
"""That a pupil is back is taken from nothing less: a call or hearsay is no pupil at the school."""


class Spell(BaseModel):
    """A pupil's time in a dropout case.

    Attributes:
        since: the day that made the suspicion; the pupil was still counted as absent on it.
        until: the day on which the pupil was back, from then on counted like everybody; None before.
        status: where the case stands; after its closing, where it stood then; a pupil who never came back stays
            `NOT_RETURNED`.
        open: whether the case goes on.
    """

    since: date
    until: date | None = None
    status: Standing = Standing.SUSPECTED
    open: bool = True

    def holds(self, day: date) -> bool:
        """Tell whether the pupil was in the case on a day, and so not in the class's report."""
        return self.since < day and (self.until is None or day < self.until)


class ReportNote(BaseModel):
    """A day's report as the state keeps it.

    Attributes:
        version: of the event, which a correction names.
        on_time, zero: judged when it was filed; a correction changes neither.
        contradicted: a zero report that turned out not to be one (INV-15).
        leave: pupils on leave, by class; a class without any is left out.
    """

    version: int
    on_time: bool
    zero: bool
    contradicted: bool = False
    leave: dict[str, int] = {}


class PeriodNote(BaseModel):
    """What became of the report on a week or a month."""

    filed: bool
    on_time: bool = False


class Movement(BaseModel):
    """Pupils who came to and went from a class since the last report that was filed."""

    joined: int = 0
    left: int = 0


class AttendanceState(StreamState):
    """The attendance as its events make it.

    Attributes:
        first, last: the days on which reports are due, both included.
        cursor: the earliest day of which it is not known whether a report is owed or what became of it.
        awake_at: since when the calendar is what it is; nobody is reminded of what lies before.
        students: everybody who was ever on the register → class.
        cohort: how many pupils each class began with (the September register; INV-10).
        newcomers: those of them who came after the start.
        joined, left: pupil → the day; `exits`: pupil → how the pupil left.
        absent: pupil → school days of absence without a reason, earliest first.
        assumed: pupil → those of them that no report named: nobody said that the pupil was back.
        owed: pupil → the visit that nobody has made yet.
        flagged: pupil → what an explanation brought to light.
        spells: pupil → times in a dropout case, earliest first.
        missed: school days whose evening came without a report, and which have none yet.
        moved: class → movement since the last report.
        settled_at: when the last case ended.
    """

    campaign: str
    school: str
    year: int
    first: date
    last: date
    cursor: date
    awake_at: AwareDatetime
    calendar: Calendar
    students: dict[str, str] = {}
    cohort: dict[str, int] = {}
    newcomers: list[str] = []
    joined: dict[str, date] = {}
    left: dict[str, date] = {}
    exits: dict[str, str] = {}
    absent: dict[str, list[date]] = {}
    assumed: dict[str, list[date]] = {}
    owed: dict[str, Owed] = {}
    flagged: dict[str, list[str]] = {}
    spells: dict[str, list[Spell]] = {}
    reports: dict[date, ReportNote] = {}
    missed: list[date] = []
    reminded: date | None = None
    chased: date | None = None
    periods: dict[str, PeriodNote] = {}
    moved: dict[str, Movement] = {}
    settled_at: AwareDatetime | None = None
    ended: bool = False

    # -- days -------------------------------------------------------------------------------------------------

    def is_school_day(self, day: date) -> bool | None:
        """Tell whether a report is owed for a day; None where the calendar of its year is not published."""
        if not self.first <= day <= self.last:
            return False
        try:
            return self.calendar.is_working_day(day)
        except CalendarUnknown:
            return None

    def was_school_day(self, day: date) -> bool:
        """Tell whether a day counts for the dropout clock: a school day, or one that has a report."""
        return day in self.reports or self.is_school_day(day) is True

    def school_days(self, first: date, last: date) -> Iterator[date]:
        """Yield the known school days between two days, both included."""
        day = max(first, self.first)
        while day <= min(last, self.last):
            if self.was_school_day(day):
                yield day
            day += ONE_DAY

    def decided(self, day: date) -> bool:
        """Tell whether it is known what became of a day's report."""
        return day in self.reports or day in self.missed

    def advance(self) -> None:
        """Move the cursor over the days of which nothing more is to be found out."""
        while self.cursor <= self.last and (self.decided(self.cursor) or self.is_school_day(self.cursor) is False):
            self.cursor += ONE_DAY

    def next_undecided(self) -> date | None:
        """Return the next known school day without a report; days of an unpublished year wait for their calendar."""
        day = self.cursor
        while day <= self.last:
            if not self.decided(day) and self.is_school_day(day):
                return day
            day += ONE_DAY
        return None

    # -- pupils -----------------------------------------------------------------------------------------------

    def on_register(self, student: str, day: date) -> bool:
        """Tell whether a pupil was on the register on a day."""
        left = self.left.get(student)
        joined = self.joined.get(student)
        return student in self.students and (left is None or day < left) and (joined is None or joined <= day)

    def in_case(self, student: str, day: date) -> bool:
        """Tell whether a pupil was in a dropout case on a day, and not back."""
        return any(spell.holds(day) for spell in self.spells.get(student, ()))

    def open_spell(self, student: str) -> Spell | None:
        """Return a pupil's case that goes on, if there is one."""
        spells = self.spells.get(student)
        return spells[-1] if spells and spells[-1].open else None

    def never_back(self, student: str) -> bool:
        """Tell whether a pupil's last case ended with the year and no return.

        That is the figure of the year's end: what comes after it is the school's to record and changes nothing here,
        whether or not another pupil's case keeps the attendance open (R-05).
        """
        spells = self.spells.get(student)
        return spells is not None and spells[-1].status is Standing.NOT_RETURNED

    def sizes(self, day: date) -> dict[str, tuple[int, int]]:
        """Return, by class, how many pupils were on the register on a day, and how many of them in a case."""
        found: dict[str, tuple[int, int]] = {}
        for student, class_id in self.students.items():
            if self.on_register(student, day):
                register, cases = found.get(class_id, (0, 0))
                found[class_id] = (register + 1, cases + self.in_case(student, day))
        return found

    def absent_on(self, day: date) -> list[str]:
        """Return the pupils who were absent without a reason on a day, as far as it is known."""
        return [student for student, days in self.absent.items() if day in days]

    # -- the dropout clock ------------------------------------------------------------------------------------

    def run(self, student: str, day: date) -> list[date]:
        """Return the school days in a row that a pupil was, or would be, absent without a reason, a day among them."""
        days = {*self.absent.get(student, ()), day}
        found = [day]
        for step in (-ONE_DAY, ONE_DAY):
            other = day + step
            while self.first <= other <= self.last and (other in days or not self.was_school_day(other)):
                if other in days:
                    found.append(other)
                other += step
        return sorted(found)

    def within_window(self, student: str, day: date) -> list[date]:
        """Return a pupil's days of absence in the window that ends with a day, that day included.

        Days before the end of an earlier case do not count again.
        """
        days = sorted({*self.absent.get(student, ()), day})
        spells = self.spells.get(student)
        after = spells[-1].until or spells[-1].since if spells else None
        first, left = day, self.policy.parameters.absence_pattern_window - 1
        while left and first > self.first:
            first -= ONE_DAY
            left -= self.was_school_day(first)
        return [one for one in days if first <= one <= day and (after is None or one >= after)]

    # -- changes ----------------------------------------------------------------------------------------------

    def take_report(self, day: date, rows: tuple[Row, ...]) -> None:
        """Take a report's rows: who was thought absent on the day and is not named is not absent.

        The events that follow name those who were.
        """
        classes = {row.class_id: None for row in rows}
        for student in self.absent_on(day):
            if self.students[student] in classes:
                self.forget_absence(student, day)
        note = self.reports[day]
        for row in rows:
            note.leave.pop(row.class_id, None)
            if row.on_leave:
                note.leave[row.class_id] = row.on_leave

    def forget_absence(self, student: str, day: date) -> None:
        """Take a day of absence back; where it was the last one, no visit is owed any more."""
        for held in (self.absent, self.assumed):
            days = [other for other in held.pop(student, []) if other != day]
            if days:
                held[student] = days
        if not any(other > day for other in self.absent.get(student, ())):
            self.owed.pop(student, None)

    def move(self, class_id: str, *, joined: int = 0, left: int = 0) -> None:
        """Note that a pupil came or went; before the first report there is nothing to compare with."""
        if self.reports:
            movement = self.moved.setdefault(class_id, Movement())
            movement.joined += joined
            movement.left += left


def first_day(first: date, began: datetime, due: str) -> date:
    """Return the first day on which a report is owed by a school that began at an instant."""
    today = civil(began)
    if today < first:
        return first
    return today if began < at_clock(today, due) else today + ONE_DAY


def at_clock(day: date, clock: str) -> datetime:
    """Return the instant of a day and a civil time "HH:MM" of the policy."""
    return at(day, time.fromisoformat(clock))
