"""What stands in the record instead of who complained: a digest that nobody can try out (INV-32).

A school has a few dozen people, so a plain digest of their references would name the complainant to whoever reads the
ledger. These are keyed with the registry's secret, and differ from case to case.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable
from typing import Final

_LABEL: Final = b"hands in a case"


def hands_in(secret: bytes, case: str, people: Iterable[str | None]) -> list[str]:
    """Return what stands in a case for people who had a hand in it, in their order.

    Args:
        secret: the registry's pepper; the key is derived from it under a label of its own.
        case: the id of the case's stream: the same person has another digest in each case of each campaign.
        people: references; None, as of nobody stood in for, is left out.

    Returns:
        `hnd_` and 32 letters and digits of base32, which cannot read like a telephone or identity number.
    """
    key = hmac.digest(secret, _LABEL, "sha256")
    digests = [hmac.digest(key, f"{case}\n{one}".encode(), "sha256") for one in people if one is not None]
    return ["hnd_" + base64.b32encode(digest[:20]).decode().lower() for digest in digests]
