"""A mail server that keeps what it gets in memory, on loopback: for the demonstration and for tests.

It can be told to behave as real servers do on a bad day.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from enum import StrEnum
from types import TracebackType
from typing import Any, Final, Self

from aiosmtpd.smtp import SMTP, Envelope, Session

HOST: Final = "127.0.0.1"
MESSAGE_ID: Final = re.compile(rb"^message-id:\s*(\S+)", re.IGNORECASE | re.MULTILINE)


class Mood(StrEnum):
    """What the server does with one mail."""

    ACCEPT = "accept"
    GREYLIST = "greylist"
    """451 at the recipient: come back later."""
    REFUSE = "refuse"
    """550 at the recipient: never."""
    FULL = "full"
    """452 after the text: not stored."""
    HANG_UP_BEFORE = "hang_up_before"
    """The connection ends at the recipient, before any text."""
    HANG_UP_STORED = "hang_up_stored"
    """The mail is stored, and the connection ends before the answer."""
    HANG_UP_LOST = "hang_up_lost"
    """The mail is lost, and the connection ends before the answer."""


@dataclass(frozen=True)
class Kept:
    """One mail as it arrived; it is taken apart when somebody asks for a part.

    Attributes:
        recipients: the addresses of the envelope.
        content: the message as it came over the wire.
    """

    recipients: tuple[str, ...] = field(repr=False)
    content: bytes = field(repr=False)

    @property
    def recipient(self) -> str:
        """Return the first address of the envelope."""
        return self.recipients[0]

    @functools.cached_property
    def message(self) -> EmailMessage:
        """Return the message, read."""
        message: EmailMessage = message_from_bytes(self.content, policy=SMTP_POLICY)
        return message

    @property
    def message_id(self) -> str:
        """Return the Message-ID as in the header."""
        return str(self.message["Message-ID"])

    @property
    def subject(self) -> str:
        """Return the subject, decoded."""
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        """Return the plain text, decoded; empty where there is none."""
        body = self.message.get_body(("plain",))
        return "" if body is None else str(body.get_content())


class Sink:
    """The server; `async with Sink() as sink` runs it, `sink.mails` is what it got.

    Attributes:
        mails: in the order of arrival.
        mood: asked for each recipient with its address and how often it was tried before.
        repeatable: whether it names a mail by its Message-ID, not by its place in the order of arrival, which differs
            between runs where several connections are open.
        pipelining: whether it says that it takes commands in groups (RFC 2920), as most servers do.
    """

    def __init__(
        self, mood: Callable[[str, int], Mood] | None = None, *, repeatable: bool = False, pipelining: bool = True
    ) -> None:
        self.mails: list[Kept] = []
        self.pipelining = pipelining
        self.repeatable = repeatable
        self.mood = mood or (lambda _recipient, _before: Mood.ACCEPT)
        self._tries: dict[str, int] = {}
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.BaseTransport, None] = {}
        self._arrived = asyncio.Condition()

    async def __aenter__(self) -> Self:
        """Listen on a free port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, HOST, 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening and end every connection."""
        assert self._server is not None
        self._server.close()
        for transport in list(self._open):
            transport.close()
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        """Return the port that it listens on."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        """Return the address as `DIVERSION_SMTP_URL` takes it."""
        return f"smtp://{HOST}:{self.port}"

    async def has(self, count: int) -> None:
        """Wait until so many mails have arrived."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.mails) >= count)

    def _protocol(self) -> SMTP:
        return _Protocol(self, hostname="sink", ident="sink")

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Say what it can do: its protocol reads one command after the other, however they come."""
        del server, envelope
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", *responses[-1:]] if self.pipelining else responses

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer to a recipient."""
        del options, session
        before = self._tries.get(address, 0)
        self._tries[address] = before + 1
        mood = self.mood(address, before)
        envelope.rcpt_tos.append(address)
        match mood:
            case Mood.GREYLIST:
                envelope.rcpt_tos.pop()
                return "451 4.7.1 Greylisted, come back later"
            case Mood.REFUSE:
                envelope.rcpt_tos.pop()
                return "550 5.1.1 No such mailbox"
            case Mood.HANG_UP_BEFORE:
                _hang_up(server)
        moods: list[Mood] = envelope.__dict__.setdefault("moods", [])
        moods.append(mood)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail, or not."""
        del session
        mood = envelope.__dict__["moods"][0]
        if mood is Mood.FULL:
            return "452 4.3.1 Mailbox full"
        if mood is not Mood.HANG_UP_LOST:
            self._keep(envelope)
            async with self._arrived:
                self._arrived.notify_all()
        if mood is not Mood.ACCEPT:
            _hang_up(server)
        name = f"Q{len(self.mails):06d}"
        if self.repeatable:
            found = MESSAGE_ID.search(self.mails[-1].content)  # reading the whole mail would take longer than taking it
            name = f"R{hashlib.sha256(found[1] if found else b'').hexdigest()[:12]}"
        return f"250 2.0.0 Ok: queued as {name}"

    def _keep(self, envelope: Envelope) -> None:
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails.append(Kept(tuple(envelope.rcpt_tos), content))


class _Protocol(SMTP):
    """One connection."""

    def __init__(self, sink: Sink, **settings: Any) -> None:
        super().__init__(sink, **settings)
        self._sink = sink

    def connection_made(self, transport: Any) -> None:
        """Note the connection."""
        self._sink._open[transport] = None  # noqa: SLF001 - the sink's own protocol
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the connection."""
        if self.transport is not None:
            self._sink._open.pop(self.transport, None)  # noqa: SLF001
        super().connection_lost(error)


def _hang_up(server: SMTP) -> None:
    """End the connection without a word, in the middle of a handler."""
    assert server.transport is not None
    server.transport.close()
    raise asyncio.CancelledError  # aiosmtpd ends the connection's task on it, and answers nothing
