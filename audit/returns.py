"""Statutory returns from the record alone: the school's month, the county's quarter, ledgers and write-offs (B15, B16).

Each figure names its rules, the versions of the policy, and digest and root of the events that it was counted from, as
recorded up to a cut-off: whoever has the record, or a bundle of it, counts again and gets the same number and the same
root (INV-34, `audit.event_sets`). A later event makes another version; `changes` tells what it changed (edge case 40).
Pupils stand here as references only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from audit.event_sets import EventSet
from domain import attendance_periods
from domain.attendance_state import AttendanceState, Standing
from domain.deciders import decider_of
from domain.dropout_events import Ending
from domain.dropout_state import DropoutState
from domain.events import Envelope
from domain.rates import report_complete_rate, report_on_time_rate
from domain.small_cells import hidden_rows, shown
from domain.stream import fold
from domain.time import end_of, instant, stamp
from ledger.store import Ledger

MONTH: Final = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
QUARTER: Final = re.compile(r"(\d{4})-Q([1-4])")

REPORT_EVENTS: Final = (
    "DailyReportFiled",
    "ZeroReportFiled",
    "ReportMissed",
    "ReportCorrected",
    "ZeroReportContradicted",
    "AbsenceNoted",
    "AbsenceExplained",
)
"""What the figures of reports and absences are counted from, by the day that the event is about."""

LATE_RETURN: Final = "LateReturnRecorded"
"""What the school's own stream says about a case that is over."""

STARTED: Final = "AttendanceStarted"
"""Names the register, the calendar and the policy by which everything after it is counted."""

REGISTER_EVENTS: Final = ("AttendanceStarted", "AttendanceLeft", "AttendanceJoined")

_REPORTS: Final = {
    "due": ("R-13",),
    "filed": ("R-13", "INV-15"),
    "in_time": ("R-13",),
    "missed": ("R-13", "INV-15"),
    "zero": ("R-13", "INV-15"),
    "absences": ("R-15", "INV-14"),
    "pupils": ("R-15", "INV-14"),
    "leave": ("INV-14",),
}
_REGISTER: Final = {"register": ("INV-14",), "joined": ("INV-14",), "left": ("INV-14",)}
_CASES: Final = {
    "opened": ("R-15",),
    "closed": ("R-15",),
    "suspected": ("R-15",),
    "dropout": ("R-15", "R-05"),
    "returned": ("R-15",),
    "home_taught": ("R-15",),
    "elsewhere": ("R-15",),
    "not_returned": ("R-05", "INV-14"),
    "unconfirmed": ("INV-14", "INV-21"),
    "reports_in_time": ("R-15",),
    "reports_late": ("R-15",),
}
_LATE: Final = {"returned_late": ("R-05", "INV-14")}

COUNTED: Final = (*_REPORTS, *_REGISTER, *_CASES, *_LATE)
"""All figures, in the order in which they are shown; a county's is the sum of its schools'.

`not_returned` and `unconfirmed` are the cases that ended with the year by the end of the time, `returned_late` the
pupils of the former who were seen again since: that changes neither `not_returned` nor what is lost (R-05).
"""

REGISTERED: Final = ("size", "transfers_in", "transfers_out", "current")
"""A class's counts of which each follows from the others: `size + transfers_in - transfers_out = current`."""

RECHECKED: Final = (*_REPORTS, "joined", "left")
"""Figures of a monthly report that are about its days, and not about the moment of filing."""


@dataclass(frozen=True)
class Span:
    """A month or a quarter: its name and its days, both included."""

    name: str
    first: date
    last: date


@dataclass(frozen=True)
class Figure:
    """A number, the rules behind it, and the set of events that it was counted from."""

    value: int
    rules: tuple[str, ...]
    events: EventSet

    @property
    def digest(self) -> str:
        """The digest of the events' ids and hashes."""
        return self.events.digest

    def as_data(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"value": self.value, "rules": list(self.rules), "digest": self.digest, **self.events.as_data()}


@dataclass(frozen=True)
class SchoolReturn:
    """One school's return.

    Attributes:
        figures: by name, as `COUNTED`.
        classes: by class, what the dropout rate is made of; below school level, so small cells are kept back outside.
        ledgers: the three ledgers (school age, suspected, dropout), as references by class; who had not returned at
            the year's end stays on the third, with the day on which the case ended.
        write_offs: the cases closed in the time: reference, ending, day.
        until: when the last event was recorded that was looked at: by then the same figures are counted again.
        recheck: where a monthly report, as filed, differs from what the record says now of the same days (P12).
    """

    school: str
    figures: dict[str, Figure]
    until: str
    classes: dict[str, dict[str, int]] = field(default_factory=dict)
    ledgers: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    write_offs: list[dict[str, str]] = field(default_factory=list)
    recheck: list[dict[str, Any]] = field(default_factory=list)

    @property
    def rates(self) -> dict[str, str | None]:
        """Timeliness and completeness of the daily reports, as counted: "110/115" (R-13)."""
        due, filed, in_time = (self.figures[name].value for name in ("due", "filed", "in_time"))
        rates = {"on_time": report_on_time_rate(in_time, due), "complete": report_complete_rate(filed, due)}
        return {name: None if rate is None else rate.text for name, rate in rates.items()}


def month(text: str) -> Span:
    """Read a month, "2025-03".

    Raises:
        ValueError: it is none.
    """
    found = MONTH.fullmatch(text)
    if found is None:
        raise ValueError("a month is written as 2025-03")
    return _span(text, int(found[1]), int(found[2]), 1)


def quarter(text: str) -> Span:
    """Read a quarter, "2025-Q1".

    Raises:
        ValueError: it is none.
    """
    found = QUARTER.fullmatch(text)
    if found is None:
        raise ValueError("a quarter is written as 2025-Q1")
    return _span(text, int(found[1]), 3 * int(found[2]) - 2, 3)


async def school_returns(
    ledger: Ledger, campaign: str, span: Span, at: datetime | None = None, school: str | None = None
) -> list[SchoolReturn]:
    """Count the return of each school.

    Args:
        ledger: the record.
        campaign: the campaign's id.
        span: the month or quarter.
        at: events recorded after this instant do not count; None counts all.
        school: only this one.
    """
    streams: dict[str, dict[str, list[Envelope]]] = {}
    for stream in await ledger.streams(campaign):
        parts = stream.split("/")[3:]
        if not parts or parts[1:2] not in ([], ["attendance"], ["dropout"]) or school not in (None, parts[0]):
            continue
        known = [one async for one in ledger.events(stream) if at is None or instant(one["recorded_at"]) <= at]
        if not parts[1:]:
            known = [one for one in known if one["type"] == LATE_RETURN]
        if known:
            streams.setdefault(parts[0], {})[stream] = known
    return [_school(code, own, span) for code, own in sorted(streams.items())]


async def dropout_counts(ledger: Ledger, campaign: str) -> dict[str, dict[str, dict[str, int]]]:
    """Return, by school and class, what the dropout rate is made of (R-05, Q9): size, transfers, lost, suspected."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for stream in await ledger.streams(campaign):
        if not stream.endswith("/attendance"):
            continue
        state = fold(decider_of(stream), [envelope async for envelope in ledger.events(stream)])
        if isinstance(state, AttendanceState):
            found[state.school] = attendance_periods.dropout_counts(state)
    return found


def changes(before: Sequence[SchoolReturn], after: Sequence[SchoolReturn]) -> list[dict[str, Any]]:
    """Return the figures that differ between two versions of a return: school, figure, before, after."""
    earlier = {one.school: one.figures for one in before}
    return [
        {"school": one.school, "figure": name, "before": was, "after": figure.value}
        for one in after
        for name, figure in one.figures.items()
        for was in [earlier[one.school][name].value if one.school in earlier else None]
        if was != figure.value
    ]


def totals(schools: Iterable[SchoolReturn]) -> dict[str, int]:
    """Return the county's figures: sums of counts, never a mean of rates."""
    found = dict.fromkeys(COUNTED, 0)
    for one in schools:
        for name, figure in one.figures.items():
            found[name] += figure.value
    return found


def total_figures(schools: Sequence[SchoolReturn]) -> dict[str, Figure]:
    """Return the county's figures with the rules and the events of all schools; nothing where there is no school."""
    sums = totals(schools)
    united: dict[tuple[int, ...], EventSet] = {}
    found = {}
    for name in COUNTED if schools else ():
        sets = [one.figures[name].events for one in schools]
        key = tuple(id(one) for one in sets)  # figures of one kind share their sets
        if key not in united:
            united[key] = EventSet.union(sets)
        found[name] = Figure(sums[name], schools[0].figures[name].rules, united[key])
    return found


def without_small_cells(classes: dict[str, dict[str, int]], least: int) -> dict[str, dict[str, int | None]]:
    """Return the classes of a school as they may be shown outside (R-22), None for what is kept back.

    A small count, but 0, is kept back, and so is what would give it away beside the school's own figures
    (`domain.small_cells`): `REGISTERED` together, for each of them follows from the others.
    """
    together: dict[str, dict[str, int]] = {
        name: {key: row[key] for key in REGISTERED if key in row} for name, row in classes.items()
    }
    hidden = hidden_rows(together, least)
    found: dict[str, dict[str, int | None]] = {name: {} for name in classes}
    for column in dict.fromkeys(key for row in classes.values() for key in row):
        values = {name: row[column] for name, row in classes.items() if column in row}
        told = shown(values, least)
        for name, value in values.items():
            found[name][column] = (None if name in hidden else value) if column in REGISTERED else told[name]
    return found


# -- one school -------------------------------------------------------------------------------------------------


def _school(code: str, streams: dict[str, list[Envelope]], span: Span) -> SchoolReturn:
    end = end_of(span.last)
    attendance = next((events for stream, events in streams.items() if stream.endswith("/attendance")), [])
    state = fold(decider_of(attendance[0]["stream"]), attendance) if attendance else None
    cases = [_before(end, events) for stream, events in streams.items() if "/dropout/" in stream]
    late = [one for events in streams.values() for one in _before(end, events) if one["type"] == LATE_RETURN]
    values = dict.fromkeys(COUNTED, 0)
    classes: dict[str, dict[str, int]] = {}
    if isinstance(state, AttendanceState):
        counted = attendance_periods.figures(state, span.first, span.last)
        values.update({name: counted[name] for name in (*_REPORTS, *_REGISTER)})
        classes = attendance_periods.dropout_counts(state)
    write_offs: list[dict[str, str]] = []
    standing: dict[str, DropoutState] = {}
    gone: dict[str, dict[str, str]] = {}
    for events in (one for one in cases if one):
        case = fold(decider_of(events[0]["stream"]), events)
        if not isinstance(case, DropoutState):
            continue
        _count_case(values, events, span)
        if case.ending is None:
            standing[case.student] = case
            values[case.status.value] += 1
        elif case.ending is Ending.NOT_RETURNED:
            values["not_returned"] += 1
            gone[case.student] = {**_line(case), "ended": _day(events[-1]).isoformat()}
        elif case.ending is Ending.UNCONFIRMED:
            values["unconfirmed"] += 1
        elif _day(events[-1]) >= span.first:
            closed = {"student": case.student, "class": case.class_id, "ending": case.ending.value}
            write_offs.append({**closed, "on": _day(events[-1]).isoformat()})
    values["returned_late"] = len(late)
    grouped = (
        (_REPORTS, EventSet.of([one for one in attendance if _of_reports(one, span)])),
        (_REGISTER, EventSet.of([one for one in attendance if one["type"] in REGISTER_EVENTS])),
        (_CASES, EventSet.of([one for events in cases for one in events])),
        (_LATE, EventSet.of(late)),
    )
    figures = {name: Figure(values[name], rules, known) for group, known in grouped for name, rules in group.items()}
    return SchoolReturn(
        school=code,
        figures=figures,
        until=max(one["recorded_at"] for events in streams.values() for one in events),
        classes=classes,
        ledgers=_ledgers(state, standing, gone, span),
        write_offs=sorted(write_offs, key=lambda one: (one["on"], one["student"])),
        recheck=_recheck(state, attendance, span),
    )


def _count_case(values: dict[str, int], events: Sequence[Envelope], span: Span) -> None:
    for one in events:
        if not span.first <= _day(one) <= span.last:
            continue
        match one["type"]:
            case "DropoutCaseStarted":
                values["opened"] += 1
            case "ItemClosed":
                values["closed"] += 1  # an end with the year is no closing
            case "WrittenReportFiled":
                values["reports_in_time" if one["data"]["on_time"] else "reports_late"] += 1
            case _:
                pass


def _line(case: DropoutState) -> dict[str, str]:
    return {"student": case.student, "class": case.class_id, "since": case.since.isoformat()}


def _before(end: datetime, events: Sequence[Envelope]) -> list[Envelope]:
    return [one for one in events if instant(one["occurred_at"]) < end]


def _ledgers(
    state: AttendanceState | None, standing: dict[str, DropoutState], gone: dict[str, dict[str, str]], span: Span
) -> dict[str, list[dict[str, str]]]:
    """Return the three ledgers at the end of the time: school age, suspected, dropout."""

    def cases(status: Standing) -> list[dict[str, str]]:
        return [_line(case) for case in standing.values() if case.status is status]

    def sorted_lines(lines: list[dict[str, str]]) -> list[dict[str, str]]:
        return sorted(lines, key=lambda one: (one["class"], one["student"]))

    here = [] if state is None else [student for student in state.students if state.on_register(student, span.last)]
    school_age = [{"student": student, "class": state.students[student]} for student in here if state is not None]
    return {
        "school_age": sorted_lines(school_age),
        "suspected": sorted_lines(cases(Standing.SUSPECTED)),
        "dropout": sorted_lines([*cases(Standing.DROPOUT), *gone.values()]),
    }


def _recheck(state: AttendanceState | None, attendance: Sequence[Envelope], span: Span) -> list[dict[str, Any]]:
    """Return where a monthly report, as filed, differs from the record now, counted for the same days."""
    found: list[dict[str, Any]] = []
    for one in attendance:
        if state is None or one["type"] != "MonthlyReportFiled":
            continue
        own = month(one["data"]["period"])
        if not span.first <= own.first <= span.last:
            continue
        now = attendance_periods.figures(state, own.first, min(own.last, _day(one)))
        filed = one["data"]["figures"]
        found += [
            {"period": own.name, "figure": name, "filed": filed[name], "now": now[name]}
            for name in RECHECKED
            if filed[name] != now[name]
        ]
    return found


def _of_reports(envelope: Envelope, span: Span) -> bool:
    """Tell whether the figures of reports rest on an event: one about a day of the time, and the stream's first."""
    if envelope["type"] == STARTED:
        return True
    day = envelope["data"].get("day")
    return envelope["type"] in REPORT_EVENTS and span.first <= date.fromisoformat(day) <= span.last


def _day(envelope: Envelope) -> date:
    return instant(envelope["occurred_at"]).date()


def _span(name: str, year: int, first: int, months: int) -> Span:
    start = date(year, first, 1)
    following = start
    for _ in range(months):
        following = (following.replace(day=1) + timedelta(days=31)).replace(day=1)
    return Span(name, start, following - timedelta(days=1))


def cut_off(at: datetime | None) -> str | None:
    """Return a cut-off as returns show it; None where everything recorded counts."""
    return None if at is None else stamp(at)
