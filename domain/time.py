"""Civil time of the county: Asia/Shanghai, one offset all year, kept with every instant (INV-28)."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
"""China has one zone and no daylight saving since 1991, so a fixed offset is exact for every campaign."""

_OUT_OF_REACH = "outside the years 1 to 9999"

START_OF_WORK = time(8, 0)
"""The hour at which reminders, escalations and openings of a day are due."""


def at(day: date, clock: time = START_OF_WORK) -> datetime:
    """Return the instant of a civil day and time of day in the county."""
    return datetime.combine(day, clock, SHANGHAI)


def end_of(day: date) -> datetime:
    """Return the first instant after a civil day (24:00, the end that a due date names).

    Raises:
        ValueError: the calendar ends with that day.
    """
    if day == date.max:
        raise ValueError(_OUT_OF_REACH)
    return datetime.combine(day + timedelta(days=1), time(0, 0), SHANGHAI)


def civil(instant: datetime) -> date:
    """Return the county's civil date of an instant.

    Raises:
        ValueError: the instant has no offset, or lies outside the years 1 to 9999 in the county.
    """
    if instant.tzinfo is None:
        raise ValueError("an instant needs an offset")
    return _in_county(instant).date()


def stamp(instant: datetime) -> str:
    """Write an instant as RFC 3339 with offset +08:00 and milliseconds, the only form in events.

    Raises:
        ValueError: the instant lies outside the years 1 to 9999 in the county.
    """
    return _in_county(instant).isoformat(timespec="milliseconds")


@lru_cache(maxsize=1024)
def instant(text: str) -> datetime:
    """Read what `stamp` wrote; the rows of one event have one instant.

    Raises:
        ValueError: the text is no RFC 3339 instant with an offset, or one outside the years 1 to 9999 in the county.
    """
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise ValueError("an instant needs an offset")
    return _in_county(parsed)


def _in_county(instant: datetime) -> datetime:
    """Return an instant with the county's offset; at either end of the calendar there is none."""
    if instant.tzinfo is SHANGHAI:
        return instant
    try:
        return instant.astimezone(SHANGHAI)
    except OverflowError:
        raise ValueError(_OUT_OF_REACH) from None
