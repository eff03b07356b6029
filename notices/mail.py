"""E-mail over SMTP: one connection for a batch, an outcome for each mail, codes in place of a server's words.

What the protocol cannot tell is said as it is: when the connection ends after a mail was handed over and before the
server has answered, the outcome is `unknown`. A repeated mail has the same Message-ID, by which mailboxes know it.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.header import Header
from email.utils import format_datetime
from typing import Final, Literal

import aiosmtplib
from aiosmtplib import SMTPStatus

from domain.notices import EMAIL, NoticeState
from notices.catalogue import Language
from notices.channels import ChannelAwayError, Delivery, Message, Traits, Unknown
from notices.http import provider_id
from notices.smtp_conversation import Conversation, Reply

SECONDS: Final = 30.0
"""How long one answer of the server is waited for."""

TEMPORARY: Final = 400
"""Reply codes from here on are refusals (RFC 5321 §4.2.1)."""

PERMANENT: Final = 500
"""Reply codes from here on are final (RFC 5321 §4.2.1)."""

TAKEN: Final = (250, 251)
"""Replies to a recipient that the server takes (RFC 5321 §3.4)."""

PROVIDER_ID: Final = re.compile(r"(?:queued as|\bid[=: ])\s*<?([A-Za-z0-9][A-Za-z0-9._-]{0,79})", re.IGNORECASE)

ADDRESS: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+"
)
"""A plain address: no display name, no quotes, no line break, so that it cannot begin a header of its own."""

LONGEST_ADDRESS: Final = 254

SESSIONS: Final = 16
"""Connections at a time; what a killed worker leaves of which nobody knows: see `activities/desk.py`."""

WRITTEN_IN: Final[dict[Language, str]] = {"zh": "zh-Hans", "en": "en"}
"""Language → its tag in the header (RFC 3282): simplified characters are said to be such."""

LONGEST_LINE: Final = 78
"""Characters of a header's line (RFC 5322 §2.1.1)."""

REQUEST: Final = "REQUEST"
"""What a calendar entry is for that does not say it (RFC 5546)."""

LINE: Final = 76
"""Characters of a line in base64 (RFC 2045 §6.8)."""

BATCH: Final = 10_000
"""Mails of one batch: what is read for all of them at once is read seldom."""

QUICK_AHEAD: Final = 8
"""Mails that are begun ahead for each connection to a quick server: a transaction costs as much as several mails."""

Tls = Literal["none", "starttls", "implicit"]


@dataclass(frozen=True)
class SmtpServer:
    """Where mails go, and as whom.

    Attributes:
        tls: `implicit` from the first byte, `starttls` before anything is said, `none` only inside one machine.
        username: to sign in with, None where the server asks for none.
        sender: the address that mails come from; its domain is that of the Message-IDs.
    """

    host: str
    port: int
    tls: Tls
    sender: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def valid_address(address: str) -> bool:
    """Tell whether an address is one that we write to."""
    return len(address) <= LONGEST_ADDRESS and ADDRESS.fullmatch(address) is not None


def message_id(key: str, sender: str) -> str:
    """Return the Message-ID of a message by its key: the same for every attempt."""
    return f"<{key}@{sender.rpartition('@')[2]}>"


def message_of(mail: Message, sender: str) -> bytes:
    """Return the mail as it goes over the wire (RFC 5322), 7-bit, for any server takes that.

    Raises:
        ValueError: an address that is none, or a subject of several lines; its text does not repeat it.
    """
    if not mail.addresses or not all(map(valid_address, mail.addresses)):
        raise ValueError("not an address")
    if "\r" in mail.subject or "\n" in mail.subject:
        raise ValueError("not a subject")
    written = [
        _from(sender),
        _header("To", ", ".join(mail.addresses), _folded_once),
        _header("Subject", mail.subject, _folded),
        f"Date: {_date(mail.planned_at)}",
        _header("Message-ID", message_id(mail.key, sender), _folded_once),
        "Auto-Submitted: auto-generated",  # RFC 3834: no out-of-office answers
        f"Content-Language: {WRITTEN_IN[mail.lang]}",
        "",
    ]
    text = mail.text.replace("\n", "\r\n").encode()
    if mail.calendar is None:
        written = [*_part("plain"), *written, _base64(text)]
    else:
        boundary = f"=_{mail.notice_id}"  # base64 has no such characters; the same for a repeated mail
        written = [
            f'Content-Type: multipart/mixed;\r\n boundary="{boundary}"',
            "MIME-Version: 1.0",
            *written,
            f"--{boundary}",
            *_part("plain"),
            "",
            _base64(text),
            f"--{boundary}",
            *_part("calendar", f'; method="{mail.method or REQUEST}"'),
            'Content-Disposition: attachment; filename="invite.ics"',
            "",
            _base64(mail.calendar),
            f"--{boundary}--",
            "",
        ]
    return "\r\n".join(written).encode("ascii")


def _part(subtype: str, parameters: str = "") -> tuple[str, ...]:
    """Return the headers of a part in base64: it keeps every byte, whatever the length of a line."""
    return (
        f'Content-Type: text/{subtype}; charset="utf-8"{parameters}',
        "MIME-Version: 1.0",
        "Content-Transfer-Encoding: base64",
    )


def _base64(content: bytes) -> str:
    whole = base64.b64encode(content).decode("ascii")
    return "".join([f"{whole[at : at + LINE]}\r\n" for at in range(0, len(whole), LINE)])


def _header(name: str, value: str, fold: Callable[[str, str], str]) -> str:
    """Return a header; what is long, or not ASCII, is folded and encoded (RFC 2047)."""
    plain = value.isascii() and len(name) + len(value) + len(": ") <= LONGEST_LINE
    return f"{name}: {value if plain else fold(name, value)}"


@functools.lru_cache(maxsize=64)
def _from(sender: str) -> str:
    """Return the header with our own address, which all mails have in common."""
    if not valid_address(sender):
        raise ValueError("not an address")
    return _header("From", sender, _folded_once)


@functools.lru_cache(maxsize=64)
def _date(at: datetime) -> str:
    """Return an instant as a header has it; those of a batch were planned at few."""
    return format_datetime(at)


def _folded_once(name: str, value: str) -> str:
    """Return a long header's value; it is not remembered, for addresses stay nowhere."""
    header = Header(value, None if value.isascii() else "utf-8", LONGEST_LINE, name)
    return header.encode(linesep="\r\n")


@functools.lru_cache(maxsize=64)
def _folded(name: str, value: str) -> str:
    """Return a long subject: the mails of a batch have few, and this takes longer than all the rest."""
    return _folded_once(name, value)


class MailChannel:
    """The way to one SMTP server; a mail whose fate nobody knows is sent again with the same Message-ID."""

    def __init__(self, server: SmtpServer, *, seconds: float = SECONDS, sessions: int = SESSIONS) -> None:
        self._server = server
        self._seconds = seconds
        self._traits = Traits(
            EMAIL, server.sender, Unknown.RESEND, batch=BATCH, sessions=sessions, quick_ahead=QUICK_AHEAD
        )

    @property
    def traits(self) -> Traits:
        """Return what the channel is like."""
        return self._traits

    @asynccontextmanager
    async def session(self) -> AsyncIterator[MailSession]:
        """Open one connection for a batch.

        Raises:
            ChannelAwayError: SMTP_UNREACHABLE, SMTP_TLS_REFUSED or SMTP_SIGN_IN_REFUSED.
        """
        session = MailSession(self._server, self._seconds)
        await session.open()
        try:
            yield session
        finally:
            await session.close()


class MailSession:
    """An open connection; one that breaks is opened again for the next mail."""

    def __init__(self, server: SmtpServer, seconds: float) -> None:
        self._server = server
        self._seconds = seconds
        self._smtp: aiosmtplib.SMTP | None = None
        self._said: Conversation | None = None

    async def open(self) -> None:
        """Connect, encrypt and sign in with the library, and take over from there.

        Raises:
            ChannelAwayError: as `MailChannel.session` says.
        """
        server = self._server
        smtp = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.tls == "implicit",
            start_tls=False,  # it follows below, so that a refusal has a code of its own
            timeout=self._seconds,
        )
        steps: list[tuple[str, Callable[[], Awaitable[object]]]] = [("SMTP_UNREACHABLE", smtp.connect)]
        if server.tls == "starttls":
            steps.append(("SMTP_TLS_REFUSED", smtp.starttls))
        if server.username is not None:
            sign_in = functools.partial(smtp.login, server.username, server.password or "")
            steps.append(("SMTP_SIGN_IN_REFUSED", sign_in))
        steps.append(("SMTP_UNREACHABLE", functools.partial(_greet, smtp)))
        for code, step in steps:
            try:
                await step()
            except (aiosmtplib.SMTPException, OSError):
                smtp.close()
                raise ChannelAwayError(code) from None
        if not isinstance(smtp.transport, asyncio.Transport):  # it ended behind the last answer
            raise ChannelAwayError("SMTP_UNREACHABLE")
        self._smtp = smtp
        self._said = Conversation(smtp.transport, grouped=smtp.supports_extension("pipelining"), seconds=self._seconds)

    async def close(self) -> None:
        """Say good-bye; a server that is gone does not mind."""
        said = self._said
        if said is not None and said.is_open:
            await said.say(b"QUIT")
        self._leave()

    async def send(self, message: Message) -> Delivery:
        """Send one mail and say what became of it.

        Raises:
            ChannelAwayError: the connection was gone, and no other could be had.
        """
        try:
            content = message_of(message, self._server.sender)
        except ValueError:
            return Delivery(NoticeState.FAILED_PERMANENT, "ADDRESS_INVALID")
        if self._said is None or not self._said.is_open:
            self._leave()
            await self.open()
        assert self._said is not None
        delivery = await self._transaction(self._said, message.addresses, content)
        if delivery.outcome is not NoticeState.ACCEPTED:
            await self._begin_anew()
        return delivery

    async def look_up(self, keys: tuple[str, ...]) -> dict[str, Delivery | None]:
        """Return nothing: a mail server cannot be asked what it did with a mail."""
        del keys
        return {}

    async def _transaction(self, said: Conversation, recipients: tuple[str, ...], content: bytes) -> Delivery:
        """Hand one mail over (RFC 5321 §3.3): before its text nothing has happened, after it only the answer tells."""
        to = [f"RCPT TO:<{recipient}>".encode("ascii") for recipient in recipients]
        replies = await said.say(f"MAIL FROM:<{self._server.sender}>".encode("ascii"), *to, b"DATA")
        codes = [reply.code for reply in replies]
        if len(codes) == len(to) + 1 and codes[0] == SMTPStatus.completed and min(codes[1:]) >= TEMPORARY:
            return _refused(min(codes[1:]))  # it hung up behind the last refusal
        if len(codes) < len(to) + 2:
            last = codes[-1] if codes and codes[-1] >= TEMPORARY else None  # 421 as the last word, say
            return Delivery(NoticeState.FAILED_TEMPORARY, f"SMTP_{last}" if last else "SMTP_DISCONNECTED")
        sender, *taken, data = codes
        refused = [code for code in taken if code not in TAKEN]
        if sender == SMTPStatus.completed and len(refused) < len(taken) and data == SMTPStatus.start_input:
            if not said.is_open:  # one more word, or the end, before the text: no answer could be told from another
                said.close()
                return Delivery(NoticeState.FAILED_TEMPORARY, "SMTP_DISCONNECTED")
            reply = await said.hand_over(content)
            return _became_of(reply, "SMTP_SOME_REFUSED" if refused else None)
        if data == SMTPStatus.start_input:  # a text for nobody: hang up, so that not even an empty mail exists
            said.close()
        if sender != SMTPStatus.completed:  # about us, not about the family: somebody mends it
            return Delivery(NoticeState.FAILED_TEMPORARY, f"SMTP_{sender}")
        return _refused(min(refused) if len(refused) == len(taken) else data)

    async def _begin_anew(self) -> None:
        """Leave the broken transaction behind; where the server no longer listens, the next mail connects again."""
        if self._said is not None:
            replies = await self._said.say(b"RSET")
            if [reply.code for reply in replies] != [SMTPStatus.completed]:
                self._leave()

    def _leave(self) -> None:
        """Forget the connection."""
        smtp, self._smtp, self._said = self._smtp, None, None
        if smtp is not None:
            smtp.close()


async def _greet(smtp: aiosmtplib.SMTP) -> None:
    """Ask the server what it can do, unless signing in has done so; an old one is only greeted."""
    if smtp.is_ehlo_or_helo_needed:
        try:
            await smtp.ehlo()
        except aiosmtplib.SMTPHeloError:
            await smtp.helo()


def _became_of(reply: Reply | None, code: str | None) -> Delivery:
    """Return what a mail's text came to."""
    if reply is None:
        return Delivery(NoticeState.UNKNOWN, "SMTP_NO_ANSWER")
    if reply.code != SMTPStatus.completed:
        return _refused(reply.code)
    name = PROVIDER_ID.search(reply.text)
    return Delivery(NoticeState.ACCEPTED, code, None if name is None else provider_id(name.group(1)))


def _refused(code: int) -> Delivery:
    final = code >= PERMANENT
    return Delivery(NoticeState.FAILED_PERMANENT if final else NoticeState.FAILED_TEMPORARY, f"SMTP_{code}")
