"""The canonical form of JSON, RFC 8785: the bytes that every hash here is made of (design, section 3; INV-26).

Two implementations write it. The standard library's encoder, in C, is the one at work; it writes the same bytes where
no number is a fraction or beyond 2^53 and keys are ASCII, and that is looked at first. The `rfc8785` package takes
the rest, and whoever verifies the record hashes with the package alone (`domain.events.recomputed_hash`).
"""

from __future__ import annotations

import json
from types import NoneType
from typing import Any, Final

import rfc8785

SAFE_INTEGER: Final = 2**53 - 1
"""The largest whole number of RFC 8785: every reader of JSON keeps it exactly."""

_AS_THEY_ARE: Final = frozenset({str, bool, NoneType})

encode: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
"""The standard library's text of a JSON value: sorted keys, no spaces, no escapes that JSON does not ask for."""


def canonical(value: Any) -> bytes:
    """Return the RFC 8785 bytes of a JSON value.

    Raises:
        ValueError: the value is no JSON, or RFC 8785 has no form for it; in the package's words.
    """
    if is_plain(value):
        try:
            return encode(value).encode()
        except UnicodeEncodeError:  # half of a surrogate pair; the package says so
            pass
    return rfc8785.dumps(value)


def is_plain(value: Any) -> bool:
    """Tell whether the standard library writes a value as RFC 8785 does: ASCII keys, whole numbers, exact types.

    A type is compared, not asked for with `isinstance`: in a workflow's sandbox that is a slow function of Python.
    """
    within = [value]
    for one in within:  # grows while it is read
        kind = type(one)
        if kind is dict:
            for name in one:
                if type(name) is not str or not name.isascii():
                    return False
            within += one.values()
        elif kind is list:
            within += one
        elif kind is int:
            if not -SAFE_INTEGER <= one <= SAFE_INTEGER:
                return False
        elif kind not in _AS_THEY_ARE:
            return False
    return True
