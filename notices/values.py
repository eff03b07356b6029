"""How the value of a variable is shown: in full in a letter, and as short as can be in a text message."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, Final, Literal

from domain.sentences import blocker_phrase
from domain.time import SHANGHAI
from domain.words import WORDS

Language = Literal["zh", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")

Kind = Literal["text", "word", "count", "instant", "day", "flag", "blockers", "lines"]
"""A `flag` is for conditions: nothing where it is false. `lines` are several texts, which are numbered."""

LONG_KINDS: Final = ("blockers", "lines")
"""What no text message has room for."""

_WEEKDAYS: Final = {
    "zh": ("星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_SHORT_WEEKDAYS: Final = {
    "zh": ("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}
_ONLY_THE_SIGN_OFF: Final = {
    "zh": "- 各项服务均已完成，只差签字确认",
    "en": "- nothing but the sign-off: every service is done",
}
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def show(kind: Kind, value: Any, lang: Language) -> str:
    """Return a value as a letter shows it.

    Raises:
        TypeError, ValueError, LookupError, AttributeError: the value is none of its kind; the message may repeat it.
    """
    return _KINDS[kind](value, lang)


def show_short(kind: Kind, value: Any, lang: Language) -> str:
    """Return a value as a text message shows it: days without the year, everything else as in a letter.

    Raises:
        TypeError, ValueError, LookupError, AttributeError: as `show`.
    """
    shown = show(kind, value, lang)
    match kind:
        case "day":
            return _written_short(value, lang)
        case "instant":
            civil = value.astimezone(SHANGHAI)
            return f"{_written_short(civil, lang)}{'' if lang == 'zh' else ' '}{civil:%H:%M}"
        case _:
            return shown


def longest_short(kind: Kind, limit: int, lang: Language) -> tuple[str, ...]:
    """Return the longest that a value may look like in a text message; of a flag both ways.

    Args:
        kind: of the variable; none of `LONG_KINDS`.
        limit: characters that a text may have; nothing else needs it.
        lang: of the message.
    """
    match kind:
        case "text":
            return ("测" * limit,)
        case "word":
            return (max((word[lang] for word in WORDS.values()), key=len),)
        case "count":
            return ("9999",)
        case "instant" | "day":
            longest = datetime(2025, 12, 31, 23, 59, tzinfo=SHANGHAI)
            return (show_short(kind, longest if kind == "instant" else longest.date(), lang),)
        case "flag":
            return ("yes", "")
        case "blockers" | "lines":
            raise ValueError(f"{kind} have no place in a text message")


def _text(value: Any, _lang: Language) -> str:
    """One line: a name with a line break in it would begin a header of its own."""
    if not isinstance(value, str) or not value.strip():
        raise TypeError
    if not value.isprintable() and any(unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") for one in value):
        raise ValueError
    return value


def _word(value: Any, lang: Language) -> str:
    return WORDS[value][lang]


def _count(value: Any, _lang: Language) -> str:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError
    return str(value)


def _instant(value: Any, lang: Language) -> str:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise TypeError
    civil = value.astimezone(SHANGHAI)
    between = "" if lang == "zh" else ", "
    return f"{_written(civil, lang)}{between}{civil:%H:%M}"


def _day(value: Any, lang: Language) -> str:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise TypeError
    return _written(value, lang)


def _written(day: date, lang: Language) -> str:
    weekday = _WEEKDAYS[lang][day.weekday()]
    if lang == "zh":
        return f"{day.year}年{day.month}月{day.day}日（{weekday}）"
    return f"{weekday} {day.day} {_MONTHS[day.month - 1]} {day.year}"


def _written_short(day: date, lang: Language) -> str:
    weekday = _SHORT_WEEKDAYS[lang][day.weekday()]
    if lang == "zh":
        return f"{day.month}月{day.day}日{weekday}"
    return f"{weekday} {day.day} {_MONTHS[day.month - 1][:3]}"


def _flag(value: Any, _lang: Language) -> str:
    if not isinstance(value, bool):
        raise TypeError
    return "yes" if value else ""


def _blockers(value: Any, lang: Language) -> str:
    phrases = [blocker_phrase(str(blocker["code"]), int(blocker["count"]), lang) for blocker in value]
    if not phrases:
        return _ONLY_THE_SIGN_OFF[lang]
    return "\n".join(f"- {phrase}" for phrase in phrases)


def _lines(value: Any, _lang: Language) -> str:
    """Several texts, each of one or more lines, numbered from 1 with an empty line between them."""
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        raise TypeError
    for item in value:
        for line in item.split("\n"):
            if line.strip():
                _text(line, _lang)
    texts = [item.strip() for item in value]
    if not all(texts):
        raise ValueError
    return "\n\n".join(f"{number}. {text}" for number, text in enumerate(texts, 1))


_KINDS: Final[dict[Kind, Callable[[Any, Language], str]]] = {
    "text": _text,
    "word": _word,
    "count": _count,
    "instant": _instant,
    "day": _day,
    "flag": _flag,
    "blockers": _blockers,
    "lines": _lines,
}
