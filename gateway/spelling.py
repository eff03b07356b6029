"""How a code is written, and how it is read from what somebody typed or read out (design, section 9)."""

from __future__ import annotations

import base64
import re
import unicodedata
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O or U, so that no two letters look alike."""

CODE_BYTES: Final = 5
"""40 bits are exactly 8 characters."""

_STANDARD: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_WRITE: Final = str.maketrans(_STANDARD, ALPHABET)
_READ: Final = str.maketrans("ILO", "110")
_BETWEEN: Final = re.compile(r"[\s\u2010-\u2015\u2212-]")
_CODE: Final = re.compile(f"[{ALPHABET}]{{8}}")


def from_bytes(drawn: bytes) -> str:
    """Return the 8 characters of a code from its 40 bits."""
    return base64.b32encode(drawn[:CODE_BYTES]).decode().translate(_WRITE)


def shown(code: str) -> str:
    """Return a code as a letter shows it: `XXXX-XXXX`."""
    return f"{code[:4]}-{code[4:]}"


def read(text: str) -> str | None:
    """Return the 8 characters that somebody meant, None where it can be no code.

    Small and full-width letters, spaces and hyphens are ways of writing; I and L are read as 1, O as 0.
    """
    letters = _BETWEEN.sub("", unicodedata.normalize("NFKC", text)).upper().translate(_READ)
    return letters if _CODE.fullmatch(letters) else None
