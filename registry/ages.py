"""Who is under fourteen: special rules hold for the data of a child of that age (R-17; DOMAIN §7.3, region P)."""

from __future__ import annotations

from calendar import isleap
from datetime import date
from typing import Final

AGE: Final = 14


def last_day_under_14(born: date) -> date:
    """Return the last day on which a child counts as under fourteen: the fourteenth birthday itself, to be careful.

    A child born on 29 February has that birthday on 1 March where the year has no such day.
    """
    year = born.year + AGE
    if (born.month, born.day) == (2, 29) and not isleap(year):
        return date(year, 3, 1)
    return born.replace(year=year)
