"""Class names as schools write them, and the one form that the system uses. DOMAIN §1.18, §5.3."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

YEARS_OF_JUNIOR_SCHOOL: Final = 3

_DIGITS: Final = {character: value for value, character in enumerate("零一二三四五六七八九")}
_NUMBER = r"(?P<number>[0-9]{1,2}|[一二三四五六七八九十]{1,3})"
_BARE = rf"(?:\({_NUMBER}\)|{_NUMBER.replace('number', 'bare')})班?"
_PATTERNS: Final = (
    re.compile(r"(?P<entry>[0-9]{4})-(?P<number>[0-9]{2})"),  # canonical already
    re.compile(rf"初?(?P<entry>[0-9]{{4}})级{_BARE}"),
    re.compile(rf"初?(?P<leaving>[0-9]{{4}})届{_BARE}"),
    re.compile(rf"(?:(?:九|9)年级?|初三(?:年级?)?|三、){_BARE}"),
    re.compile(r"(?:九|9)\((?P<number>[0-9]{1,2}|[一二三四五六七八九十]{1,3})\)班?"),
    re.compile(r"[九9]\.(?P<number>[0-9]{1,2})班?"),
    re.compile(r"九(?P<number>[0-9]{1,2})班?"),
    re.compile(r"9(?P<number>[0-9]{2})班?"),
    re.compile(rf"{_BARE}"),
)
_LIST = re.compile(r"(学生)?(花名册|名册|名单)$")


def entry_year(class_year: int) -> int:
    """Return the year of entry (入学年) of a class by its year of graduation (届)."""
    return class_year - YEARS_OF_JUNIOR_SCHOOL


def class_id(class_year: int, class_no: int) -> str:
    """Return the canonical id of a class, `{entry_year}-{class_no:02d}`."""
    return f"{entry_year(class_year)}-{class_no:02d}"


def canonical_class(text: str, class_year: int) -> str | None:
    """Read a class name of the graduating class.

    Args:
        text: 九年级1班, 九年级(3)班, 九(1)班 (half or full width), 9年级1班, 2023级1班, 901班, 3, or the canonical id.
        class_year: the year of graduation.

    Returns:
        The canonical id, or None where the text is empty, unreadable, or names another year or grade.
    """
    plain = re.sub(r"[\s\u200b-\u200f\u2060\ufeff]", "", unicodedata.normalize("NFKC", text))
    plain = plain.replace("〔", "(").replace("〕", ")").replace("【", "(").replace("】", ")")
    for pattern in _PATTERNS:
        match = pattern.fullmatch(plain)
        if match is None:
            continue
        parts = match.groupdict()
        entry, leaving = parts.get("entry"), parts.get("leaving")
        if entry is not None and int(entry) != entry_year(class_year):
            return None
        if leaving is not None and int(leaving) != class_year:
            return None
        number = _number(parts.get("number") or parts.get("bare") or "")
        return class_id(class_year, number) if number else None
    return None


def class_of_sheet(name: str, class_year: int) -> str | None:
    """Read the class that a sheet is named after: 九年级1班, 901, 9.1班, 九(1)班名单.

    A bare number of one or two digits is the place of the sheet as likely as a class: it names none, as Sheet1 and
    工作表1 do not.
    """
    plain = _LIST.sub("", unicodedata.normalize("NFKC", name).strip())
    return None if re.fullmatch(r"[0-9]{1,2}", plain) else canonical_class(plain, class_year)


def _number(text: str) -> int:
    """Return 1 to 99 from digits or Chinese numerals, 0 for anything else."""
    if text.isascii():
        return int(text) if text.isdigit() else 0
    if text in _DIGITS:
        return _DIGITS[text]
    tens, ten, ones = text.partition("十")
    if not ten or (tens and tens not in _DIGITS) or (ones and ones not in _DIGITS):
        return 0
    return 10 * (_DIGITS[tens] if tens else 1) + (_DIGITS[ones] if ones else 0)
