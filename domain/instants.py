"""Instants and days as a command may name them: of a school's time, in one strict form.

A year such as 1 or 9999 is a slip of typing, and no calendar or clock can reckon with it: shifting such an instant to
another offset leaves the range that a date can hold. A command that names one is refused as COMMAND_INVALID, before
anything is decided. Events and states keep plain types: what is on record was a command's once.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

FIRST_YEAR: Final = 1990
LAST_YEAR: Final = 2200
"""Both are within. Every pupil, calendar and deadline of a campaign lies between them, with room for shifting."""

D = TypeVar("D", bound=date)

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}.*", re.ASCII)


def _written_as_instant(value: Any) -> Any:
    """Let through RFC 3339 text and instants; numbers count seconds from somewhere and say nothing to a reader."""
    if isinstance(value, datetime) or (isinstance(value, str) and _INSTANT.fullmatch(value)):
        return value
    raise ValueError("an instant is written as 2026-05-11T09:00:00+08:00")


def _written_as_day(value: Any) -> Any:
    """Let through ISO text and days; neither numbers nor the day of some instant."""
    if isinstance(value, str) and _DAY.fullmatch(value):
        return value
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise ValueError("a day is written as 2026-05-11")


def _within_the_years(value: D) -> D:
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError(f"a year lies between {FIRST_YEAR} and {LAST_YEAR}")
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_written_as_instant), AfterValidator(_within_the_years)]
"""An instant with an offset, in the years 1990 to 2200: every field of a command that says when (INV-28)."""

Day = Annotated[date, BeforeValidator(_written_as_day), AfterValidator(_within_the_years)]
"""A civil day, strictly YYYY-MM-DD, in the years 1990 to 2200: every field of a command that names a day."""
