"""The ways out: what every channel takes, answers and promises; one module for each provider beside this one."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Protocol

from domain.notices import NoticeState, key_of
from notices.catalogue import Language


class Unknown(StrEnum):
    """How a channel settles an attempt of which nobody knows whether it went out."""

    LOOK_UP = "look_up"
    """Ask the provider by our key; what it does not know was never sent."""
    RESEND = "resend"
    """Send again under the same key: the provider, or the reader's mailbox, knows it."""
    ASK = "ask"
    """A person looks, and says `notices settle`."""


@dataclass(frozen=True)
class Message:
    """One message for one reader (or for staff of one role). Addresses and texts stay out of every `repr`.

    Attributes:
        notice_id: the outbox's.
        addresses: as the channel takes them: e-mail addresses, eleven-digit telephone numbers, WeCom user ids; empty
            for a robot, which has one group.
        lang: language of the texts.
        subject: one line.
        text: the whole wording.
        short: the wording for a text message; None where the template has none, or where it goes another way.
        planned_at: when it was planned: the same for every attempt.
        to_staff: whether staff reads it, not a family.
        calendar: an iCalendar file, with `method`.
        generation: how often a person has had it sent again.
    """

    notice_id: str
    addresses: tuple[str, ...] = field(repr=False)
    lang: Language
    subject: str = field(repr=False)
    text: str = field(repr=False)
    planned_at: datetime
    short: str | None = field(default=None, repr=False)
    to_staff: bool = False
    calendar: bytes | None = field(default=None, repr=False)
    method: str | None = None
    generation: int = 0

    @property
    def key(self) -> str:
        """Return what a provider knows the message by: the same for every attempt until a person has it sent again."""
        return key_of(self.notice_id, self.generation)


class Delivery(NamedTuple):
    """What became of one message.

    Attributes:
        outcome: accepted, delivered, read, failed_temporary, failed_permanent or unknown.
        code: why; a word of ours or the provider's number behind a word of ours, never the provider's own words.
        provider_id: what the provider calls it.
        again_in: how long the provider wants to be left alone, where it says so.
        segments: text messages that it was charged as.
    """

    outcome: NoticeState
    code: str | None = None
    provider_id: str | None = None
    again_in: timedelta | None = None
    segments: int = 0


class ChannelAwayError(Exception):
    """The provider takes nothing now: no connection, no sign-in, or it has muted us.

    Attributes:
        code: which of them.
        again_in: how long to leave it alone, None where it does not say.
    """

    def __init__(self, code: str, again_in: timedelta | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.again_in = again_in


class Session(Protocol):
    """An open way to a provider, used by one task at a time."""

    async def send(self, message: Message) -> Delivery:
        """Send one message and say what became of it; raises nothing that a provider can cause but `ChannelAwayError`.

        Raises:
            ChannelAwayError: nothing was sent, and nothing would be: the rest of the batch waits.
        """
        ...

    async def look_up(self, keys: tuple[str, ...]) -> dict[str, Delivery | None]:
        """Return what the provider knows of messages by our keys, None for one that it never had.

        Only for channels whose `unknown` is LOOK_UP, or whose `receipts` are polled.
        """
        ...


@dataclass(frozen=True)
class Traits:
    """What a channel is like.

    Attributes:
        name: one of `domain.notices.CHANNELS`.
        sender: what readers see as the sender: an address, a signature, the application's or robot's name.
        unknown: how an attempt is settled of which nobody knows.
        batch: most messages of one batch.
        sessions: how many sessions work side by side.
        batches_a_minute: how often a batch may begin, None without a limit of the provider's.
        polled: whether receipts are asked for with `look_up`.
        most_bytes: room for a message's subject and text together, in bytes of UTF-8; None without a limit.
        dedupes_for: where it sends again what nobody knows: so long the provider knows a repeated message, None for
            ever; later a person is asked.
        quick_ahead: how many messages at most are begun ahead for each session while they go out quickly.
    """

    name: str
    sender: str
    unknown: Unknown
    batch: int = 50
    sessions: int = 1
    batches_a_minute: int | None = None
    polled: bool = False
    most_bytes: int | None = None
    dedupes_for: timedelta | None = None
    quick_ahead: int = 4


class Channel(Protocol):
    """A way out."""

    @property
    def traits(self) -> Traits:
        """Return what the channel is like."""
        ...

    def session(self) -> AbstractAsyncContextManager[Session]:
        """Open a session.

        Raises:
            ChannelAwayError: the provider cannot be reached.
        """
        ...
