"""References and labels that people make up, and how personal numbers are kept out of them (INV-22).

A running number of an official system, a document's number, a label of a meeting: such texts go into the record for
ever. Somebody in a hurry types what is at hand, a telephone number or an identity number; that is refused here, in
whichever way it is written.
"""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from domain.stream import LABEL

_SEPARATOR: Final = re.compile(r"[^A-Za-z0-9]+")
_LONG_NUMBER: Final = re.compile(r"\d{15}")
"""Identity numbers have 15 or 18 digits, a pupil's register number (学籍号) and a bank card at least as many."""
_IDENTITY_NUMBER: Final = re.compile(r"(?<!\d)\d{17}[\dXx]")
_TELEPHONE: Final = re.compile(
    r"(?<!\d)(?:"
    r"(?:00)?(?:86)?0?1[3-9]\d{9}"  # a mobile, with or without the country's prefix
    r"|(?:00)?86(?:10|2\d|[3-9]\d{2})\d{7,8}"  # a landline from abroad
    r"|0(?:10|2\d)\d{8}|0[3-9]\d{2}\d{7,8}"  # a landline with its area code
    r")(?!\d)"
)
_TRAVEL_DOCUMENT: Final = re.compile(r"[CEGHMceghm]\d{8}(?:\d{2})?|[Ee][A-Za-z]\d{7}")
"""A passport, or a permit of Hong Kong, Macau or Taiwan: one letter or two, then digits."""


def is_personal(text: str) -> bool:
    """Tell whether a text holds what looks like a person's number: identity, register, telephone, passport.

    Numbers are looked for as they stand, between whatever is no digit, and again with the separators taken out. A
    travel document is looked for in each part between separators.
    """
    parts = _SEPARATOR.split(text)
    joined = "".join(parts)
    return any(
        pattern.search(written)
        for written in (text, joined)
        for pattern in (_LONG_NUMBER, _IDENTITY_NUMBER, _TELEPHONE)
    ) or any(_TRAVEL_DOCUMENT.fullmatch(part) for part in parts)


def not_personal(text: str) -> str:
    """Return the text; as a validator of a command's field it makes a personal number COMMAND_INVALID.

    Raises:
        ValueError: the text looks like a person's number; the message does not repeat it.
    """
    if is_personal(text):
        raise ValueError("a personal number is no reference")
    return text


Label = Annotated[str, Field(pattern=LABEL), AfterValidator(not_personal)]
"""A short name that people give to a meeting, a trip, a notice or a complaint: lower case, digits, hyphens."""
