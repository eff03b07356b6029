"""Which channels a failure takes from a reader: a number that is a stranger's gets no message and no call (G13)."""

from __future__ import annotations

from typing import Final

from domain.notices import EMAIL, PHONE, SMS, WECOM

STRANGERS: Final = ("NUMBER_RECYCLED", "WRONG_NUMBER")
"""The number is somebody else's, whoever found out."""

LOST: Final = (*STRANGERS, "ADDRESS_INVALID")
"""After these a contact is not used again until it is repaired."""

CHANNELS_OF: Final[dict[str, tuple[str, ...]]] = {"phone": (SMS, PHONE), "email": (EMAIL,), "wecom": (WECOM,)}
"""Contact as the registry holds it → the channels that use it."""


def lost_by(channel: str, code: str | None) -> tuple[str, ...]:
    """Return the channels that a failure on one takes away; most failures take none.

    A stranger's number is one for text messages and for calls. A number that takes no text message may still be
    called: it is a telephone in a house.
    """
    if code in STRANGERS and channel in CHANNELS_OF["phone"]:
        return CHANNELS_OF["phone"]
    addressed = any(channel in channels for channels in CHANNELS_OF.values())
    return (channel,) if code in LOST and addressed else ()


def rest_of(chain: str, channel: str, code: str | None) -> str:
    """Return what is left of a chain, with spaces, after a failure on a channel."""
    gone = lost_by(channel, code)
    return " ".join(one for one in chain.split() if one not in gone)
