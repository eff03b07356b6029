"""Working days as data: the school calendar of `calendar.csv` and the state's published years (design, section 6)."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from domain.calendar import Calendar, CalendarYear
from registry.problems import InputRejected
from registry.sheets import read_table

TITLES: Final = ("date", "kind")
SATURDAY: Final = 5
OCTOBER: Final = 10


class CalendarDay(BaseModel):
    """One day of the school calendar: `closed` (no working day), or `open` (worked though otherwise off)."""

    model_config = ConfigDict(frozen=True)

    day: date
    kind: Literal["closed", "open"]


class StateYear(BaseModel):
    """A year as the State Council published it, in the order of dates.

    Attributes:
        holidays: weekdays that are off.
        make_up_days: days of a weekend that are worked.
    """

    model_config = ConfigDict(frozen=True)

    holidays: tuple[date, ...]
    make_up_days: tuple[date, ...]


def load_school_calendar(path: Path) -> tuple[CalendarDay, ...]:
    """Read `calendar.csv` (`date, kind`), in the order of dates.

    Raises:
        InputRejected: `CALENDAR_FILE_MISSING`, `CALENDAR_FILE_INVALID` (no header), `CALENDAR_ROW_INVALID`,
            `CALENDAR_DUPLICATE`; with row and column.
    """
    days: dict[date, CalendarDay] = {}
    rows = read_table(path, TITLES, missing="CALENDAR_FILE_MISSING", invalid="CALENDAR_FILE_INVALID")
    for number, row in rows:
        place = f"{path.name}: row {number}"
        try:
            day = date.fromisoformat(row["date"].replace("/", "-"))
        except ValueError:
            raise _row_invalid(f"{place} column date") from None
        match row["kind"]:
            case "closed" | "open" as kind:
                entry = CalendarDay(day=day, kind=kind)
            case _:
                raise _row_invalid(f"{place} column kind")
        if day in days:
            raise InputRejected(
                "CALENDAR_DUPLICATE",
                message_zh="该日期在前面的行中已出现。",
                message_en="An earlier row has this date.",
                place=f"{place} column date",
                remedy_zh="每个日期一行，请删去重复的一行。",
                remedy_en="Give each date one row: remove one of the two.",
            )
        days[day] = entry
    return tuple(days[day] for day in sorted(days))


def state_years(first_year: int, last_year: int) -> dict[int, StateYear]:
    """Return the published years from `first_year` to `last_year`, both inclusive; an unpublished one is absent.

    The state publishes one year at a time, each autumn. A year counts as published when its National Day is known:
    the New Year of a year can be known earlier, from the year before.
    """
    from chinese_calendar import is_holiday  # noqa: PLC0415 - loads tables, wanted only here
    from chinese_calendar.constants import holidays  # noqa: PLC0415

    published = {day.year for day in holidays if day.month == OCTOBER}
    years: dict[int, StateYear] = {}
    for year in range(first_year, last_year + 1):
        if year not in published:
            continue
        first = date(year, 1, 1)
        days = [first + timedelta(days=n) for n in range((date(year + 1, 1, 1) - first).days)]
        years[year] = StateYear(
            holidays=tuple(day for day in days if day.weekday() < SATURDAY and is_holiday(day)),
            make_up_days=tuple(day for day in days if day.weekday() >= SATURDAY and not is_holiday(day)),
        )
    return years


def read_calendar(path: Path | None, held: Calendar, first_year: int, last_year: int) -> Calendar:
    """Put a calendar together from what the state has published by now and the county's own days.

    Args:
        path: `calendar.csv`; None keeps the county's days of `held`.
        held: the calendar that is counted by now; a year that it knows stays as it is there.
        first_year: the first year that the campaign reaches.
        last_year: the last one, inclusive.

    Raises:
        InputRejected: as `load_school_calendar`.
    """
    days = None if path is None else load_school_calendar(path)
    known = {
        year: CalendarYear(holidays=state.holidays, make_up_days=state.make_up_days)
        for year, state in state_years(first_year, last_year).items()
    }
    return Calendar(
        version=held.version,
        years={**known, **held.years},
        closed=held.closed if days is None else tuple(day.day for day in days if day.kind == "closed"),
        open=held.open if days is None else tuple(day.day for day in days if day.kind == "open"),
    )


def _row_invalid(place: str) -> InputRejected:
    return InputRejected(
        "CALENDAR_ROW_INVALID",
        message_zh="日期应为 2025-01-13 的形式，kind 应为 closed 或 open。",
        message_en="The date must be written as 2025-01-13, the kind must be closed or open.",
        place=place,
        remedy_zh="请改正该行。",
        remedy_en="Correct this row.",
    )
