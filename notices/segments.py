"""How long a text message is, and how many segments it is charged as (DOMAIN §5.4; docs/notices-templates.md)."""

from __future__ import annotations

import re
from typing import Final

ALONE: Final = 70
"""Characters of a text message that goes in one segment, signature and brackets included."""

CHAINED: Final = 67
"""Characters of each segment of a longer one; the rest of the segment says where it belongs."""

MOST_SEGMENTS: Final = 2
"""A family is not sent more: longer wordings belong into another channel."""

SIGNATURE: Final = re.compile(r"[A-Za-z0-9\u4e00-\u9fff]{2,12}")
"""What may be registered as a signature: letters, digits and Chinese characters only, without the brackets."""

LONGEST_SIGNATURE: Final = "测" * 12
"""Wordings are measured with it, so that they fit whatever a county has registered."""


def signed(text: str, signature: str) -> str:
    """Return a text as it arrives: behind the registered signature, in the brackets that networks ask for.

    Raises:
        ValueError: the signature is none that can be registered.
    """
    if SIGNATURE.fullmatch(signature) is None:
        raise ValueError("a signature has 2 to 12 letters, digits or Chinese characters, without brackets")
    return f"【{signature}】{text}"


def length(text: str) -> int:
    """Return how many characters a text counts as.

    Letters, digits, spaces and Chinese characters count one each; a character outside the basic plane counts two.
    """
    return len(text.encode("utf-16-le")) // 2


def segments(text: str) -> int:
    """Return as how many segments a text is charged, signature included; 0 for no text.

    One segment holds 70 characters. A longer text is cut into pieces of 67; a character that counts two is never cut.
    """
    size = length(text)
    if size <= ALONE:
        return min(size, 1)
    count, room = 0, 0
    for width in map(_width, text):
        if room < width:
            count, room = count + 1, CHAINED
        room -= width
    return count


def _width(character: str) -> int:
    return 2 if ord(character) > 0xFFFF else 1  # noqa: PLR2004 - the end of the basic plane: two UTF-16 units beyond
