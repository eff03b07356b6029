"""From a template and typed values to the text that one recipient reads."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from jinja2 import Template as JinjaTemplate
from jinja2 import UndefinedError
from jinja2.exceptions import SecurityError

from domain.sentences import blocker_phrase
from domain.time import SHANGHAI
from domain.words import WORDS
from notices.calendars import Entry, calendar_file
from notices.catalogue import ENVIRONMENT, Catalogue, Kind, Language, Template, TemplateError, catalogue

_WEEKDAYS: Final = {
    "zh": ("星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
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


@dataclass(frozen=True)
class Rendered:
    """What one recipient reads.

    Attributes:
        subject: one line.
        text: plain text.
        calendar: an iCalendar file, None where the purpose has none.
        template: `purpose/version`.
    """

    subject: str = field(repr=False)
    text: str = field(repr=False)
    calendar: bytes | None = field(repr=False)
    template: str


def render(
    purpose: str,
    lang: Language,
    variables: Mapping[str, Any],
    entry: Entry | None = None,
    *,
    version: int | None = None,
    templates: Catalogue | None = None,
) -> Rendered:
    """Render a notice.

    Args:
        purpose: as in the outbox.
        lang: the reader's language.
        variables: a value for each variable that the template declares, and no other.
        entry: whose calendar entry, for purposes that have one; without it the notice has none.
        version: of the template; the newest where None.
        templates: other templates than those that ship.

    Raises:
        TemplateError: no such template, or values that do not fit it.
    """
    template = (templates or catalogue()).find(purpose, version)
    if differing := sorted(set(template.variables) ^ set(variables)):
        raise TemplateError(template.label, f"missing or unknown variables: {', '.join(differing)}")
    shown = {name: _shown(template, name, kind, variables[name], lang) for name, kind in template.variables.items()}
    wording = template.wording(lang)
    try:
        subject = _compiled(wording.subject).render(shown)
        text = _compiled(wording.text).render(shown).strip() + "\n"
    except (UndefinedError, SecurityError):
        raise TemplateError(template.label, "it cannot be rendered") from None
    file = None
    if entry is not None and template.calendar is not None and template.minutes is not None:
        (begins,) = (variables[name] for name, kind in template.variables.items() if kind == "instant")
        file = calendar_file(entry, template.calendar, subject, begins, template.minutes)
    return Rendered(subject, text, file, template.label)


@functools.cache
def _compiled(source: str) -> JinjaTemplate:
    """Return a wording ready to render: there are as many as there are templates, and thousands of notices."""
    return ENVIRONMENT.from_string(source)


def _shown(template: Template, name: str, kind: Kind, value: Any, lang: Language) -> str:
    try:
        return _KINDS[kind](value, lang)
    except (TypeError, ValueError, LookupError, AttributeError):
        raise TemplateError(template.label, f"{name} is no {kind}") from None


def _text(value: Any, _lang: Language) -> str:
    """One line: a name with a line break in it would begin a header of its own."""
    if not isinstance(value, str) or not value.strip():
        raise TypeError
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in value):
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


def _flag(value: Any, _lang: Language) -> str:
    if not isinstance(value, bool):
        raise TypeError
    return "yes" if value else ""


def _blockers(value: Any, lang: Language) -> str:
    phrases = [blocker_phrase(str(blocker["code"]), int(blocker["count"]), lang) for blocker in value]
    if not phrases:
        return _ONLY_THE_SIGN_OFF[lang]
    return "\n".join(f"- {phrase}" for phrase in phrases)


_KINDS: Final[dict[Kind, Callable[[Any, Language], str]]] = {
    "text": _text,
    "word": _word,
    "count": _count,
    "instant": _instant,
    "day": _day,
    "flag": _flag,
    "blockers": _blockers,
}
