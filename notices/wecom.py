"""Messages of an application in WeCom: to staff as members, to guardians by the school's notice to parents.

The provider leaves out a message that has the same request as one of the last four hours. So a message of which nobody
knows is sent again as it was, but not after those hours; and each text ends with a number of its own, so that two
notices that read alike are two.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from domain.notices import WECOM, NoticeState, key_of
from notices.channels import ChannelAwayError, Delivery, Message, Traits, Unknown
from notices.http import SECONDS, TOO_MANY, Answer, Provider, UnansweredError, Web, errcode, json_body, provider_id

MOST_BYTES: Final = 2048
"""Of a text in UTF-8; the provider cuts a longer one, which nobody would notice."""

AROUND: Final = 32
"""Bytes at most that stand around subject and text: empty lines, and the message's number."""

DUPLICATE_SECONDS: Final = 4 * 60 * 60
"""For how long the provider knows a repeated request: the most that it offers."""

AGAIN: Final = timedelta(minutes=30)
"""When a message is sent again of which nobody knows. Where a night, a pause or a switch comes between, so that the
hours of the check would be over, a person is asked instead (`Traits.dedupes_for`)."""

EARLY: Final = 300.0
"""Seconds before its end in which a token is used no more."""

A_WHILE: Final = timedelta(minutes=1)

MEMBER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
"""A user's id: no `|`, which separates several, and no `@all`, which is everybody."""

EXPIRED: Final = (40014, 42001)
"""The token is not, or no longer, valid."""

TOO_OFTEN: Final = (45009, 45033)
NO_SUCH_USER: Final = (40003, 40031, 60111, 81013)
TOO_LONG: Final = 45002
NOT_ALLOWED: Final = (40001, 40013, 40056, 41001, 48002, 60011, 60020, 301002)
"""Secret, company, application, or from where it is called: it would meet every message, and somebody mends it."""


@dataclass(frozen=True)
class WecomApplication:
    """The county's application.

    Attributes:
        url: everything before the paths.
        corp_id: of the company as which the bureau is registered.
        agent_id: the application's number.
        secret: the application's.
    """

    url: str
    corp_id: str
    agent_id: int
    secret: str = field(repr=False)


def valid_member(user: str) -> bool:
    """Tell whether a text is the id of one user."""
    return MEMBER.fullmatch(user) is not None


class WecomChannel:
    """The way to the provider; all sessions share one token."""

    def __init__(
        self,
        application: WecomApplication,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        seconds: float = SECONDS,
        sessions: int = 4,
    ) -> None:
        self._application = application
        self._token = _Token(application, monotonic)
        self._provider = Provider("WECOM", application.url, seconds=seconds)
        knows = timedelta(seconds=DUPLICATE_SECONDS)
        sender = f"WeCom {application.agent_id}"
        self._traits = Traits(
            WECOM, sender, Unknown.RESEND, sessions=sessions, dedupes_for=knows, most_bytes=MOST_BYTES - AROUND
        )

    @property
    def traits(self) -> Traits:
        """Return what the channel is like."""
        return self._traits

    @asynccontextmanager
    async def session(self) -> AsyncIterator[WecomSession]:
        """Open a session, once there is a token.

        Raises:
            ChannelAwayError: WECOM_UNREACHABLE, WECOM_AWAY, WECOM_FREQUENCY or WECOM_SIGN_IN_REFUSED.
        """
        async with self._provider.connections() as web:
            await self._token.get(web)
            yield WecomSession(self._application, self._token, web)


class WecomSession:
    """Connections to the provider."""

    def __init__(self, application: WecomApplication, token: _Token, web: Web) -> None:
        self._application = application
        self._token = token
        self._web = web

    async def send(self, message: Message) -> Delivery:
        """Send one message; several addresses only for staff of one role.

        Raises:
            ChannelAwayError: the provider takes nothing now.
        """
        if not message.addresses or not all(map(valid_member, message.addresses)):
            return Delivery(NoticeState.FAILED_PERMANENT, "ADDRESS_INVALID")
        text = written(message)
        if len(text.encode()) > MOST_BYTES:
            return Delivery(NoticeState.FAILED_PERMANENT, "TOO_LONG")
        path, body = self._request(message, text)
        try:
            answer = await self._authorised(path, body)
        except UnansweredError as error:
            return Delivery(NoticeState.UNKNOWN, error.code, again_in=AGAIN)
        return _taken(answer, message.addresses)

    async def look_up(self, keys: tuple[str, ...]) -> dict[str, Delivery | None]:
        """Return nothing: the provider cannot be asked about a message."""
        del keys
        return {}

    def _request(self, message: Message, text: str) -> tuple[str, bytes]:
        to: dict[str, Any] = {"touser": "|".join(message.addresses)}
        path = "/cgi-bin/message/send"
        if not message.to_staff:
            to = {"recv_scope": 0, "to_parent_userid": list(message.addresses), "toall": 0}  # 0: parents, not pupils
            path = "/cgi-bin/externalcontact/message/send"
        rest = {
            "msgtype": "text",
            "agentid": self._application.agent_id,
            "text": {"content": text},
            "enable_duplicate_check": 1,
            "duplicate_check_interval": DUPLICATE_SECONDS,
        }
        return path, json_body({**to, **rest})

    async def _authorised(self, path: str, body: bytes) -> Answer:
        """Call with the token; where it is no longer good, once more with a new one."""
        token = await self._token.get(self._web)
        answer = await self._web.call("POST", path, query={"access_token": token}, body=body)
        if errcode(answer) in EXPIRED:
            token = await self._token.get(self._web, other_than=token)
            answer = await self._web.call("POST", path, query={"access_token": token}, body=body)
        return answer


class _Token:
    """What the provider lets an application in with; one is asked for at a time, however many sessions need it."""

    def __init__(self, application: WecomApplication, monotonic: Callable[[], float]) -> None:
        self._application = application
        self._monotonic = monotonic
        self._turn = asyncio.Lock()
        self._value = ""
        self._until = 0.0

    async def get(self, web: Web, other_than: str = "") -> str:
        """Return the token.

        Args:
            web: connections.
            other_than: a token that was refused; whoever comes first has it renewed.

        Raises:
            ChannelAwayError: as `WecomChannel.session` says.
        """
        async with self._turn:
            if self._value == other_than or self._monotonic() >= self._until:
                await self._renew(web)
            return self._value

    async def _renew(self, web: Web) -> None:
        query = {"corpid": self._application.corp_id, "corpsecret": self._application.secret}
        try:
            answer = await web.call("GET", "/cgi-bin/gettoken", query=query)
        except UnansweredError:
            raise ChannelAwayError("WECOM_AWAY") from None
        number, data = errcode(answer), answer.data or {}
        _require_open(answer, number)
        value, seconds = data.get("access_token"), data.get("expires_in")
        if number != 0 or not isinstance(value, str) or not value or not isinstance(seconds, int):
            raise ChannelAwayError("WECOM_AWAY")
        self._value = value
        self._until = self._monotonic() + max(seconds - EARLY, 1.0)


def written(message: Message) -> str:
    """Return the text as it is read: subject, wording, and a number by which two messages that read alike differ."""
    number = key_of(message.notice_id.removeprefix("ntc_")[:8], message.generation)
    last = f"编号 {number}" if message.lang == "zh" else f"No. {number}"
    return f"{message.subject}\n\n{message.text.strip()}\n\n{last}"


def _require_open(answer: Answer, number: int | None) -> None:
    """Tell a provider that refuses us from one that answers about a message.

    Raises:
        ChannelAwayError: WECOM_FREQUENCY or WECOM_SIGN_IN_REFUSED.
    """
    if number in TOO_OFTEN or answer.status == TOO_MANY:
        raise ChannelAwayError("WECOM_FREQUENCY", answer.wait or A_WHILE)
    if number in (*EXPIRED, *NOT_ALLOWED):
        raise ChannelAwayError("WECOM_SIGN_IN_REFUSED")


def _taken(answer: Answer, users: tuple[str, ...]) -> Delivery:
    """Return what the answer to a submit means; a number that we do not know is nothing final."""
    number = errcode(answer)
    _require_open(answer, number)
    if number is None:
        if answer.status == 200:  # noqa: PLR2004 - of HTTP
            return Delivery(NoticeState.UNKNOWN, "WECOM_NO_STATUS", again_in=AGAIN)
        return Delivery(NoticeState.FAILED_TEMPORARY, f"WECOM_HTTP_{answer.status}")
    if number in NO_SUCH_USER:
        return Delivery(NoticeState.FAILED_PERMANENT, "ADDRESS_INVALID")
    if number == TOO_LONG:
        return Delivery(NoticeState.FAILED_PERMANENT, "TOO_LONG")
    if number != 0:
        return Delivery(NoticeState.FAILED_TEMPORARY, f"WECOM_{number}")
    data = answer.data or {}
    lost = _left_out(data)
    if all(user.lower() in lost for user in users):
        return Delivery(NoticeState.FAILED_PERMANENT, "ADDRESS_INVALID")
    some = any(user.lower() in lost for user in users)
    return Delivery(NoticeState.ACCEPTED, "WECOM_SOME_REFUSED" if some else None, provider_id(data.get("msgid")))


def _left_out(data: Any) -> frozenset[str]:
    """Return who was not reached; the provider writes ids in lower case, in a list or with `|` between them."""
    names: list[object] = []
    for key in ("invaliduser", "unlicenseduser", "invalid_parent_userid"):
        value = data.get(key)
        names += value.split("|") if isinstance(value, str) else value if isinstance(value, list) else []
    return frozenset(name.lower() for name in names if isinstance(name, str))
