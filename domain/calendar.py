"""Working days of a Chinese county: state holidays, make-up days (调休) and the school calendar, as versioned data.

The state publishes one year at a time (design, section 6), so a year may be unknown. A question about an unknown day
is never guessed: it raises `CalendarUnknown`. A county's own override of a day decides without the state's table.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cached_property
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from domain.exact import Count

_SATURDAY = 5
_ONE_DAY = timedelta(days=1)


class CalendarUnknown(Exception):  # noqa: N818 - an unpublished year is an ordinary state of the world, not an error
    """The state has not yet published the working days of a year that the question reaches.

    Attributes:
        year: the civil year whose table is missing.
    """

    def __init__(self, year: int) -> None:
        super().__init__(f"the working days of {year} are not yet published")
        self.year = year


def _sorted_once(days: tuple[date, ...]) -> tuple[date, ...]:
    return tuple(sorted(dict.fromkeys(days)))


class CalendarYear(BaseModel):
    """The state's table of one civil year (国务院办公厅 holiday notice; DOMAIN §3, FEATURES B4).

    Attributes:
        holidays: weekdays (Monday to Friday) that are off.
        make_up_days: weekend days that are worked (调休).

    Both are kept sorted and without repetitions, so that equal tables have equal bytes. A day in the wrong list (a
    weekend day among the holidays) is refused: it is how a table of another year betrays itself.
    """

    model_config = ConfigDict(frozen=True)

    holidays: tuple[date, ...] = ()
    make_up_days: tuple[date, ...] = ()

    @field_validator("holidays")
    @classmethod
    def _weekdays_only(cls, days: tuple[date, ...]) -> tuple[date, ...]:
        for day in days:
            if day.weekday() >= _SATURDAY:
                raise ValueError(f"{day} is a weekend day and off without a table: list only the weekdays that are off")
        return _sorted_once(days)

    @field_validator("make_up_days")
    @classmethod
    def _weekend_only(cls, days: tuple[date, ...]) -> tuple[date, ...]:
        for day in days:
            if day.weekday() < _SATURDAY:
                raise ValueError(
                    f"{day} is a weekday and worked without a table: list only weekend days that are worked"
                )
        return _sorted_once(days)


class Calendar(BaseModel):
    """All that is known about working days, one version of it (`CalendarPublished`; DOMAIN §7.6, INV-29).

    Attributes:
        version: grows by one with each publication.
        years: the state's table by civil year; a year that is absent is not yet published.
        closed: days off by the county's or the school calendar's decision (snow day, winter break).
        open: days worked by the county's or the school calendar's decision.
    """

    model_config = ConfigDict(frozen=True)

    version: Count
    years: dict[int, CalendarYear] = {}
    closed: tuple[date, ...] = ()
    open: tuple[date, ...] = ()

    @field_validator("years")
    @classmethod
    def _years_hold_their_own_days(cls, years: dict[int, CalendarYear]) -> dict[int, CalendarYear]:
        for year, table in years.items():
            for day in (*table.holidays, *table.make_up_days):
                if day.year != year:
                    raise ValueError(f"{day} stands in the table of {year}")
        return dict(sorted(years.items()))

    @field_validator("closed", "open")
    @classmethod
    def _canonical(cls, days: tuple[date, ...]) -> tuple[date, ...]:
        return _sorted_once(days)

    @model_validator(mode="after")
    def _one_decision_for_a_day(self) -> Self:
        worked = frozenset(self.open)
        for day in self.closed:
            if day in worked:
                raise ValueError(f"{day} is both closed and open")
        return self

    @cached_property
    def _decided(self) -> dict[date, bool]:
        """Days that the weekday does not decide → worked or not; built once for an instance, only looked up."""
        decided: dict[date, bool] = {}
        for table in self.years.values():
            decided.update(dict.fromkeys(table.holidays, False))
            decided.update(dict.fromkeys(table.make_up_days, True))
        decided.update(dict.fromkeys(self.closed, False))
        decided.update(dict.fromkeys(self.open, True))
        return decided

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy without the look-up table, which would be the old one's."""
        copy = super().model_copy(update=update, deep=deep)
        copy.__dict__.pop("_decided", None)
        return copy

    def knows(self, day: date) -> bool:
        """Tell whether `is_working_day` has an answer: the year is published, or an override names the day."""
        return day.year in self.years or day in self._decided

    def is_working_day(self, day: date) -> bool:
        """Tell whether people work on a civil day.

        Raises:
            CalendarUnknown: the year is not published and no override names the day.
            TypeError: `day` is an instant; take its civil date first (`domain.time.civil`).
        """
        if hasattr(day, "hour"):
            raise TypeError("a working day is a civil date, not an instant")
        decided = self._decided.get(day)
        if decided is not None:
            return decided
        if day.year not in self.years:
            raise CalendarUnknown(day.year)
        return day.weekday() < _SATURDAY

    def add_working_days(self, day: date, n: int) -> date:
        """Return the n-th working day after `day` (before it, if n is negative); n = 0 returns `day` itself.

        Raises:
            CalendarUnknown: a day that has to be stepped over is unknown.
        """
        step = _ONE_DAY if n > 0 else -_ONE_DAY
        left = abs(n)
        while left:
            day += step
            left -= self.is_working_day(day)
        return day

    def on_or_before(self, day: date) -> date:
        """Return the last working day on or before `day` (due dates: "the last workday before"; DOMAIN §3).

        Raises:
            CalendarUnknown: a day that has to be looked at is unknown.
        """
        while not self.is_working_day(day):
            day -= _ONE_DAY
        return day

    def on_or_after(self, day: date) -> date:
        """Return the first working day on or after `day`.

        Raises:
            CalendarUnknown: a day that has to be looked at is unknown.
        """
        while not self.is_working_day(day):
            day += _ONE_DAY
        return day

    def working_days_between(self, a: date, b: date) -> int:
        """Count the working days after `a` up to and with `b`; negative, counting `b` up to before `a`, if b < a.

        So `add_working_days(a, working_days_between(a, b)) == b` for every working day `b`.

        Raises:
            CalendarUnknown: a day that has to be counted is unknown.
        """
        if b < a:
            return -sum(self.is_working_day(b + timedelta(days=i)) for i in range((a - b).days))
        return sum(self.is_working_day(a + timedelta(days=i)) for i in range(1, (b - a).days + 1))
