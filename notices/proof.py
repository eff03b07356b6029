"""What the record keeps of a text: a keyed digest, never the text itself."""

from __future__ import annotations

import hmac

from domain.notices import SMS
from notices.channels import Message


def digest_of(message: Message, channel: str, key: bytes) -> str:
    """Return the keyed digest of a message: proof of what was sent for whoever has text and key, nothing else.

    Args:
        message: as it goes out.
        channel: which way; a text message has a wording of its own.
        key: the deployment's pepper.
    """
    said = message.short if channel == SMS else f"{message.subject}\0{message.text}"
    text = f"notice\0{message.notice_id}\0{message.lang}\0{said}\0".encode()
    return hmac.digest(key, text + (message.calendar or b""), "sha256").hex()
