"""A provider whose answers a test sets: any kind of channel, without a network."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from domain.notices import NoticeState
from notices.channels import ChannelAwayError, Delivery, Message, Traits, Unknown

ACCEPTED = Delivery(NoticeState.ACCEPTED, provider_id="P1")
REFUSED = Delivery(NoticeState.FAILED_PERMANENT, "REFUSED")
LOST = Delivery(NoticeState.UNKNOWN, "NO_ANSWER")


class Provider:
    """Takes messages, or says why not.

    Attributes:
        messages: what it was asked to send, in order.
        asked: what it was asked for by `look_up`.
        known: what it answers then.
        away: what it says instead of opening a session, None where it is there.
    """

    def __init__(
        self,
        name: str,
        answer: Callable[[Message], Delivery | ChannelAwayError] = lambda _message: ACCEPTED,
        *,
        unknown: Unknown = Unknown.RESEND,
        batch: int = 50,
        sessions: int = 1,
        polled: bool = False,
    ) -> None:
        self.traits = Traits(name, "sender@county.invalid", unknown, batch=batch, sessions=sessions, polled=polled)
        self.answer = answer
        self.messages: list[Message] = []
        self.asked: list[tuple[str, ...]] = []
        self.known: dict[str, Delivery] = {}
        self.away: ChannelAwayError | None = None

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Provider]:
        """Open a session."""
        if self.away is not None:
            raise self.away
        yield self

    async def send(self, message: Message) -> Delivery:
        """Take a message."""
        said = self.answer(message)
        if isinstance(said, ChannelAwayError):
            raise said
        self.messages.append(message)
        return said

    async def look_up(self, keys: tuple[str, ...]) -> dict[str, Delivery | None]:
        """Say what it knows."""
        self.asked.append(keys)
        return {key: self.known.get(key) for key in keys}
