"""From a template and typed values to the text that one recipient reads."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import SimpleNamespace
from typing import Any, Final

from jinja2 import Template as JinjaTemplate
from jinja2 import UndefinedError
from jinja2.exceptions import SecurityError

from notices.calendars import Entry, calendar_file
from notices.catalogue import Catalogue, Template, TemplateError, catalogue
from notices.claims import ClaimError, Library
from notices.segments import LONGEST_SIGNATURE, segments, signed
from notices.values import Language, show, show_short
from notices.wording import CLAIM, ENVIRONMENT, variables_of

_UNFIT: Final = (TypeError, ValueError, LookupError, AttributeError)
"""What `show` raises for a value that is none of its kind."""


@dataclass(frozen=True)
class Rendered:
    """What one recipient reads.

    Attributes:
        subject: one line.
        text: plain text.
        calendar: an iCalendar file, None where the purpose has none.
        template: `purpose/version`.
        short: for a text message, without the signature (`notices.segments.signed` puts it in front); None where the
            template has none, or a value is so long that it would be charged as more segments than the template says:
            then the notice goes another way.
    """

    subject: str = field(repr=False)
    text: str = field(repr=False)
    calendar: bytes | None = field(repr=False)
    template: str
    short: str | None = field(default=None, repr=False)


def render(
    purpose: str,
    lang: Language,
    variables: Mapping[str, Any],
    entry: Entry | None = None,
    *,
    version: int | None = None,
    templates: Catalogue | None = None,
    on: date | None = None,
    short: bool = True,
) -> Rendered:
    """Render a notice.

    Args:
        purpose: as in the outbox.
        lang: the reader's language.
        variables: a value for each variable that the template declares, and no other.
        entry: whose calendar entry, for purposes that have one; without it the notice has none.
        version: of the template; the newest where None.
        templates: other templates than those that ship.
        on: the civil day of the sending, on which every claim must be approved and hold; None to show a wording again,
            whatever the day.
        short: False leaves the wording for a text message away, where nobody asks for it.

    Raises:
        TemplateError: no such template, values that do not fit it, or a claim that may not be made.
    """
    known = templates or catalogue()
    template = known.find(purpose, version)
    if differing := sorted(set(template.variables) ^ set(variables)):
        raise TemplateError(template.label, f"missing or unknown variables: {', '.join(differing)}")
    said = _claims(template, known.claims, lang, on)
    shown = {name: _shown(template, name, variables[name], lang) for name in template.variables}
    wording = template.wording(lang)
    subject = _filled(template, wording.subject, shown, said)
    text = _filled(template, wording.text, shown, said).strip() + "\n"
    briefly = None
    if short and wording.short is not None and wording.segments is not None:
        values = {
            name: show_short(template.variables[name], variables[name], lang) for name in variables_of(wording.short)
        }
        briefly = _filled(template, wording.short, values, said)
        if segments(signed(briefly, LONGEST_SIGNATURE)) > wording.segments:
            briefly = None
    file = None
    if entry is not None and template.calendar is not None and template.minutes is not None:
        (begins,) = (variables[name] for name, kind in template.variables.items() if kind == "instant")
        file = calendar_file(entry, template.calendar, subject, begins, template.minutes)
    return Rendered(subject, text, file, template.label, briefly)


def _claims(template: Template, claims: Library, lang: Language, on: date | None) -> SimpleNamespace:
    try:
        return SimpleNamespace(**{name: claims.find(name, on).said(lang) for name in template.claims})
    except ClaimError as error:
        raise TemplateError(template.label, f"{error.place}: {error.code}", error.code) from None


def _filled(template: Template, source: str, values: Mapping[str, str], said: SimpleNamespace) -> str:
    wording = _compiled(source)
    try:  # `Template.render` copies the environment's globals for each text; a wording has none but its variables
        return "".join(wording.root_render_func(wording.new_context({**values, CLAIM: said}, shared=True)))
    except (UndefinedError, SecurityError):
        raise TemplateError(template.label, "it cannot be rendered") from None


@functools.cache
def _compiled(source: str) -> JinjaTemplate:
    """Return a wording ready to render: there are as many as there are templates, and thousands of notices."""
    return ENVIRONMENT.from_string(source)


def _shown(template: Template, name: str, value: Any, lang: Language) -> str:
    kind = template.variables[name]
    try:
        return show(kind, value, lang)
    except _UNFIT:
        raise TemplateError(template.label, f"{name} is no {kind}") from None
