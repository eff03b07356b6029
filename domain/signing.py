"""How two programs that share a secret sign what they send each other over HTTP: text messages, receipts, replies.

Two headers go with a body: the time in seconds since 1970, and an HMAC over that time and the body's bytes.
"""

from __future__ import annotations

import hmac
from typing import Final

TIMESTAMP: Final = "x-diversion-timestamp"
SIGNATURE: Final = "x-diversion-signature"


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """Return the signature of a request: HMAC-SHA256 over the time, a line feed and the body, lower-case hex.

    Args:
        secret: what both sides know.
        timestamp: seconds since 1970, as the header holds it.
        body: the bytes as they are sent; empty where a request has none.
    """
    return hmac.digest(secret, timestamp.encode() + b"\n" + body, "sha256").hex()
