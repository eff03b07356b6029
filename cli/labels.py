"""References that a command id fixes: a retry is about the same complaint, payment or delegation."""

from __future__ import annotations

import uuid
from typing import Final

from domain.references import is_personal

_LETTERS: Final = str.maketrans("0123456789", "ghijkmnpqr")


def own_label(kind: str, command_id: str) -> str:
    """Return a reference such as `c-3f9a01b2c4d5` for a command id.

    What is drawn can look like a telephone number, which no record takes: then its digits become letters.
    """
    drawn = uuid.uuid5(uuid.NAMESPACE_OID, command_id).hex[:12]
    label = f"{kind}-{drawn}"
    return f"{kind}-{drawn.translate(_LETTERS)}" if is_personal(label) else label
