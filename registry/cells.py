"""The values of a roster's cells: what each text means, and when it means nothing. DOMAIN §5.2.

Each function returns a value of its own for what cannot be read; nothing is guessed and nothing repaired.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final, Literal

from domain.notices import EMAIL, PAPER, PHONE, SMS, WECOM
from registry.identity import Gender
from registry.sheets import Cell, text_of

LONGEST_ABSENCE: Final = 366
UNKNOWN_MARKS: Final = frozenset({"", "缺考", "缺", "免考", "-", "—", "/"})
"""An absent pupil's mark is unknown, not wrong: the row must not be lost for it."""

_GENDERS: Final[dict[str, Gender]] = {
    "男": "male",
    "男性": "male",
    "1": "male",
    "女": "female",
    "女性": "female",
    "2": "female",
}
AGREED: Final = frozenset({"是", "同意", "已同意"})
_ANSWERS: Final = {"是": True, "已告知": True, "否": False, "未告知": False}
_DATE = re.compile(r"([0-9]{4})(?:[-./年]([0-9]{1,2})[-./月]([0-9]{1,2})日?|([0-9]{2})([0-9]{2}))(?: 0?0:00(?::00)?)?")
_SERIAL = re.compile(r"[0-9]{5}")
_SERIAL_ORIGIN: Final = date(1899, 12, 30)
_PHONE = re.compile(r"1[0-9]{10}")
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}")
_LANGUAGES: Final[dict[str, Literal["zh", "en"]]] = {
    "中文": "zh",
    "汉语": "zh",
    "普通话": "zh",
    "zh": "zh",
    "chinese": "zh",
    "英文": "en",
    "英语": "en",
    "en": "en",
    "english": "en",
}
_WECOM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
_CHANNELS: Final[dict[str, str]] = {
    **dict.fromkeys(("企业微信", "wecom"), WECOM),
    **dict.fromkeys(("短信", "手机短信", "sms"), SMS),
    **dict.fromkeys(("邮件", "电子邮件", "邮箱", "电子邮箱", "email", "e-mail"), EMAIL),
    **dict.fromkeys(("电话", "打电话", "phone"), PHONE),
    **dict.fromkeys(("纸质", "纸质信件", "纸质通知", "书面", "信件", "paper"), PAPER),
}
"""What families write for a channel; WeChat is not WeCom, and no robot writes to a family."""

_MOBILE_PREFIX = re.compile(r"^(\+86|0086|86(?=1[0-9]{10}$))")


def mark_of(text: str, full_mark: int) -> int | Literal["invalid"] | None:
    """Return a mark in tenths; None where it is unknown; `invalid` below 0, above the full mark, or finer than 0.1."""
    plain = _half_width(text)
    if plain in UNKNOWN_MARKS:
        return None
    try:
        # A sum in a spreadsheet carries binary noise in the 13th digit: six decimals are what a cell means.
        tenths = round(Decimal(plain), 6) * 10
    except InvalidOperation:
        return "invalid"
    if not tenths.is_finite() or tenths != tenths.to_integral_value() or not 0 <= tenths <= full_mark * 10:
        return "invalid"
    return int(tenths)


def phone_of(text: str) -> str | None:
    """Return a mobile number of 11 digits; an empty text for none; None where it is no such number."""
    plain = re.sub(r"[-\s'()]", "", _half_width(text))
    plain = _MOBILE_PREFIX.sub("", plain)
    return plain if not plain or _PHONE.fullmatch(plain) else None


def email_of(text: str) -> str | None:
    """Return an e-mail address; an empty text for none; None where it is unreadable."""
    plain = re.sub(r"\s", "", _half_width(text))
    return plain if not plain or _EMAIL.fullmatch(plain) else None


def wecom_of(text: str) -> str | None:
    """Return a WeCom user id; an empty text for none; None where it is no such id (`@all` is everybody, and none)."""
    plain = _half_width(text)
    return plain if not plain or _WECOM.fullmatch(plain) else None


def channels_of(text: str) -> str | None:
    """Return an order of channels as `sms paper`, each once; an empty text for none; None where a word is unknown."""
    words = filter(None, re.split(r"[\s、,;/>→]+", _half_width(text).casefold()))
    found = [_CHANNELS.get(word) for word in words]
    return None if None in found else " ".join(dict.fromkeys(filter(None, found)))


def language_of(text: str) -> Literal["zh", "en", ""] | None:
    """Return the language of notices, `zh` or `en`; an empty text for none stated; None where it is unreadable."""
    plain = _half_width(text).casefold()
    return _LANGUAGES.get(plain) if plain else ""


def gender_of(text: str) -> Gender | None:
    """Return a gender from 男, 女 or the register's codes 1 and 2; None where it is unreadable."""
    return _GENDERS.get(_half_width(text))


def birth_of(cell: Cell) -> date | None:
    """Return a date of birth from a date cell, YYYYMMDD, 2011-9-1, 2011.9.1, 2011年9月1日 or a serial number."""
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    plain = re.sub(r"(?<=[-./年月])\s+|\s+(?=[-./年月日])", "", _half_width(text_of(cell)))
    if _SERIAL.fullmatch(plain):
        return _SERIAL_ORIGIN + timedelta(days=int(plain))
    match = _DATE.fullmatch(plain)
    if match is None:
        return None
    year, month, day = match[1], match[2] or match[4], match[3] or match[5]
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def days_of(text: str) -> int | None:
    """Return a whole number of days from 0 to 366, None where it is unknown or unreadable."""
    plain = _half_width(text).removesuffix("天")
    if not re.fullmatch(r"[0-9]{1,3}", plain):
        return None
    return int(plain) if int(plain) <= LONGEST_ABSENCE else None


def informed_of(text: str) -> bool | None:
    """Return 是 as True and 否 as False, None where it is unknown or unreadable."""
    return _ANSWERS.get(_half_width(text))


def agreed_of(text: str) -> bool:
    """Tell whether somebody is stated to have agreed; nothing but a clear word is a yes."""
    return _half_width(text) in AGREED


def _half_width(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().lstrip("'")
