"""Citizens' identity numbers (GB 11643-1999): form, check digit, date, gender. DOMAIN §5.3.

The region is not looked up: its tables age, and synthetic numbers use one that does not exist (990001).
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Final, Literal

WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK_DIGITS: Final = "10X98765432"
FULL_LENGTH: Final = 18

Gender = Literal["male", "female"]

_SHAPE = re.compile(r"[0-9]{17}[0-9X]")
_SCIENTIFIC = re.compile(r"[0-9]+(\.[0-9]+)?E\+?[0-9]+")
_UNSEEN = re.compile(r"[\s'\u2018\u2019\u200b-\u200f\u2060\ufeff]")


def normalised(text: str) -> str:
    """Return the number in half-width characters, without spaces or apostrophes, with a capital X."""
    return _UNSEEN.sub("", unicodedata.normalize("NFKC", text)).upper()


def check_digit(first_17: str) -> str:
    """Return the check digit that belongs to the first 17 digits."""
    total = sum(int(digit) * weight for digit, weight in zip(first_17, WEIGHTS, strict=True))
    return CHECK_DIGITS[total % 11]


def birth_date(number: str) -> date | None:
    """Return the date of birth in a number of the right shape; None when no such day exists."""
    try:
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return None


def gender(number: str) -> Gender:
    """Return the gender that the 17th digit states: odd male, even female."""
    return "male" if int(number[16]) % 2 else "female"


def problem(number: str, *, latest: date) -> str | None:
    """Return the first thing wrong with a normalised number, or None.

    Args:
        number: what `normalised` returned.
        latest: the last day on which a birth is believed.

    Returns:
        `ID_MISSING`; `ID_TRUNCATED` (too short, in scientific notation, or ending in 000 with a wrong check digit, as
        a spreadsheet leaves a number of 18 digits; never repaired); `ID_CHECK_DIGIT` (form or check digit); `ID_DATE`.
    """
    if not number:
        return "ID_MISSING"
    if _SCIENTIFIC.fullmatch(number) or (number.isascii() and number.isdigit() and len(number) < FULL_LENGTH):
        return "ID_TRUNCATED"
    if not _SHAPE.fullmatch(number):
        return "ID_CHECK_DIGIT"
    if check_digit(number[:17]) != number[17]:
        return "ID_TRUNCATED" if number.endswith("000") else "ID_CHECK_DIGIT"
    born = birth_date(number)
    return "ID_DATE" if born is None or born > latest else None
