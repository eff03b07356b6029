"""How much of a text stands word for word in an earlier one: shingles and their containment (R-19, DOMAIN §8).

A shingle is a run of so many characters of the normalised text; the containment of a text in another is the share of
its own different shingles that the other has too (Broder 1997). It is told as two whole numbers, never as a float.
Containment has a direction: a copy that was made longer is contained less, the original in it is not asked about.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from fractions import Fraction
from itertools import chain


def normalised(text: str) -> str:
    """Return a text's letters and digits alone, in one width and one case.

    Blanks, line ends, punctuation and characters that nobody sees are left out, so that another layout of the same
    words is the same text. Traditional and simplified characters stay different.
    """
    return "".join(letter for letter in unicodedata.normalize("NFKC", text).casefold() if letter.isalnum())


def shingles(text: str, length: int) -> frozenset[str]:
    """Return the different shingles of a text.

    Args:
        text: as `normalised` returns it.
        length: characters of a shingle.

    Returns:
        Nothing where the text is shorter than one shingle.
    """
    return frozenset(_runs(text, length))


def shared(own: AbstractSet[str], earlier: str, length: int) -> int:
    """Count those of a text's own shingles that an earlier text has too.

    Args:
        own: what `shingles` returned for the text.
        earlier: as `normalised` returns it.
        length: characters of a shingle, the same as of `own`.
    """
    return len(frozenset(own).intersection(_runs(earlier, length)))


def reaches(part: int, whole: int, least: Fraction) -> bool:
    """Tell whether part of whole is at least a share; exactly the share is, and a share of nothing is not."""
    return whole > 0 and part * least.denominator >= least.numerator * whole


def passages(text: str, earlier: str, length: int, most: int) -> list[str]:
    """Return the longest passages of a text that an earlier one has too, for the person who compares them.

    Args:
        text: as `normalised` returns it.
        earlier: the other text, in the same form.
        length: characters of a shingle; no passage is shorter.
        most: how many at most.

    Returns:
        Passages as they stand in the normalised text, the longest first, each once.
    """
    known = shingles(earlier, length)
    found: dict[str, None] = {}
    start: int | None = None
    for place, run in enumerate(chain(_runs(text, length), ("",))):
        if run in known:
            start = place if start is None else start
        elif start is not None:
            found[text[start : place + length - 1]] = None
            start = None
    return sorted(found, key=len, reverse=True)[:most]


def _runs(text: str, length: int) -> Iterator[str]:
    return (text[place : place + length] for place in range(len(text) - length + 1))
