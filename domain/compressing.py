"""The compressed form of what a run hands to the next: a payload of the engine holds 2 MB (design, section 4).

A school has up to 1,600 cases, and each names its fields, its notice and its days again. What is short stays as it is,
so that a history can be read; what is long is one text, which every reader of this code expands.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any, Final

COMPRESSED: Final = "compressed"
"""The only key of a value in its compressed form."""

PLAIN_BYTES: Final = 65_536
"""JSON of no more bytes stays as it is."""


def compressed(value: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON object, compressed where it is long."""
    text = json.dumps(value, separators=(",", ":")).encode()
    if len(text) <= PLAIN_BYTES:
        return value
    return {COMPRESSED: base64.b64encode(zlib.compress(text)).decode()}


def expanded(value: Any) -> Any:
    """Return what `compressed` was given; any other value as it is."""
    text = value.get(COMPRESSED) if isinstance(value, dict) and len(value) == 1 else None
    if not isinstance(text, str):  # a command may have this very id: its record is no text
        return value
    return json.loads(zlib.decompress(base64.b64decode(text)))
