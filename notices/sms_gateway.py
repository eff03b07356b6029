"""Text messages through a gateway that speaks our own small contract (docs/notices.md): signed HTTP, one key a message.

A county puts the contract before its provider's interface, whatever that is. What makes it worth the trouble is the
key: the gateway sends at most one message for each, says the same when it is asked twice, and can be asked what became
of it. So an attempt of which nobody knows is looked up and never guessed.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from domain.notices import SMS, NoticeState
from domain.signing import SIGNATURE, TIMESTAMP, sign
from notices.channels import ChannelAwayError, Delivery, Message, Traits, Unknown
from notices.http import SECONDS, TOO_MANY, Answer, Provider, UnansweredError, Web, json_body, provider_id
from notices.segments import segments, signed

PATH: Final = "/v1/messages"

NOBODYS: Final = "ntc_00000000000000000000000000000000"
"""A key that no message has: to ask for it shows that the gateway listens and knows our signature."""

TELEPHONE: Final = re.compile(r"1[3-9][0-9]{9}")
"""A mobile number of mainland China, as the roster has it."""

A_WHILE: Final = timedelta(minutes=1)
"""How long a gateway is left alone that says "too many" and not how long."""

REFUSED: Final = {
    "NUMBER_INVALID": "ADDRESS_INVALID",
    "NUMBER_RECYCLED": "NUMBER_RECYCLED",
    "BLOCKED": "BLOCKED",
    "TEXT_REFUSED": "TEXT_REFUSED",
    "TEMPLATE_REFUSED": "TEMPLATE_REFUSED",
}
"""What the gateway's refusals are called here. Each is final for this message: it goes to the next channel at once,
which is what a wording that is refused on the last day needs."""

CLOSED: Final = ("SIGNATURE_REFUSED", "BALANCE_EMPTY")
"""Refusals that would meet every message: the channel waits, and somebody mends it."""

MOST_CHARGED: Final = 10
"""More segments than this no message of ours has: the number is a mistake."""

FAILED: Final = ("ABSENT", "UNDELIVERABLE", "NUMBER_RECYCLED", "BLOCKED", "TEMPLATE_REFUSED", "EXPIRED_AT_PROVIDER")
"""Why a message that was taken did not arrive."""

STATES: Final = {
    "accepted": NoticeState.ACCEPTED,
    "delivered": NoticeState.DELIVERED,
    "read": NoticeState.READ,
    "failed": NoticeState.FAILED_PERMANENT,
}


@dataclass(frozen=True)
class SmsGateway:
    """Where text messages go, and as whom.

    Attributes:
        url: everything before the paths.
        secret: what requests are signed with.
        signature: as registered with the carriers, without its brackets.
    """

    url: str
    secret: bytes = field(repr=False)
    signature: str


class SmsChannel:
    """The way to the gateway."""

    def __init__(
        self,
        gateway: SmsGateway,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        seconds: float = SECONDS,
        sessions: int = 4,
    ) -> None:
        self._gateway = gateway
        self._clock = clock
        self._provider = Provider("SMS", gateway.url, seconds=seconds)
        sender = f"【{gateway.signature}】"
        self._traits = Traits(SMS, sender, Unknown.LOOK_UP, sessions=sessions, polled=True)

    @property
    def traits(self) -> Traits:
        """Return what the channel is like."""
        return self._traits

    @asynccontextmanager
    async def session(self) -> AsyncIterator[SmsSession]:
        """Open a session, once the gateway has answered a signed question.

        Raises:
            ChannelAwayError: SMS_UNREACHABLE, SMS_SIGN_IN_REFUSED, SMS_FREQUENCY or SMS_AWAY.
        """
        async with self._provider.connections() as web:
            session = SmsSession(self._gateway, web, self._clock)
            await session.greet()
            yield session


class SmsSession:
    """Connections to the gateway."""

    def __init__(self, gateway: SmsGateway, web: Web, clock: Callable[[], datetime]) -> None:
        self._gateway = gateway
        self._web = web
        self._clock = clock

    async def greet(self) -> None:
        """Ask for a key that nobody has.

        Raises:
            ChannelAwayError: as `SmsChannel.session` says.
        """
        try:
            answer = await self._ask(NOBODYS)
        except UnansweredError:
            raise ChannelAwayError("SMS_AWAY") from None
        if not _never_had(answer):
            raise ChannelAwayError("SMS_AWAY")

    async def send(self, message: Message) -> Delivery:
        """Send one message, to one number.

        Raises:
            ChannelAwayError: the gateway takes nothing now.
        """
        if len(message.addresses) != 1 or TELEPHONE.fullmatch(message.addresses[0]) is None:
            return Delivery(NoticeState.FAILED_PERMANENT, "ADDRESS_INVALID")
        if message.short is None:
            return Delivery(NoticeState.FAILED_PERMANENT, "NO_SHORT_TEXT")
        signature = self._gateway.signature
        text = signed(message.short.removeprefix(f"【{signature}】"), signature)
        body = json_body({"key": message.key, "to": message.addresses[0], "signature": signature, "text": text})
        try:
            answer = await self._web.call("POST", PATH, body=body, headers=self._headers(body))
        except UnansweredError as error:
            return Delivery(NoticeState.UNKNOWN, error.code)
        return _submitted(answer, segments(text))

    async def look_up(self, keys: tuple[str, ...]) -> dict[str, Delivery | None]:
        """Return what became of messages: None for one that the gateway never had, `unknown` for what it does not say.

        After one question without an answer the others are not asked: each would take as long.

        Raises:
            ChannelAwayError: the gateway says nothing now.
        """
        found: dict[str, Delivery | None] = {}
        silent: Delivery | None = None
        for key in keys:
            try:
                found[key] = silent or _known(await self._ask(key))
            except UnansweredError as error:
                found[key] = silent = Delivery(NoticeState.UNKNOWN, error.code)
        return found

    async def _ask(self, key: str) -> Answer:
        path = f"{PATH}/{key}"
        answer = await self._web.call("GET", path, headers=self._headers(path.encode()))
        _require_open(answer)
        return answer

    def _headers(self, content: bytes) -> dict[str, str]:
        """Return the two headers over a body, or over the path of a question, which has none."""
        timestamp = str(int(self._clock().timestamp()))
        return {TIMESTAMP: timestamp, SIGNATURE: sign(self._gateway.secret, timestamp, content)}


def _require_open(answer: Answer) -> None:
    """Tell a gateway that refuses us from one that answers about a message.

    Raises:
        ChannelAwayError: SMS_SIGN_IN_REFUSED or SMS_FREQUENCY.
    """
    if answer.status in (401, 403):
        raise ChannelAwayError("SMS_SIGN_IN_REFUSED")
    if answer.status == TOO_MANY:
        raise ChannelAwayError("SMS_FREQUENCY", answer.wait or A_WHILE)


def _submitted(answer: Answer, counted: int) -> Delivery:
    """Return what the answer to a submit means; it is charged as what we `counted` where the gateway does not say.

    A refusal is believed only in the contract's own words: a proxy that says 400 while the gateway is out of order
    refuses nothing for good.
    """
    _require_open(answer)
    data = answer.data or {}
    if answer.status in (200, 202):
        if (taken := provider_id(data.get("provider_id"))) is None:
            return Delivery(NoticeState.UNKNOWN, "SMS_NO_STATUS")
        return Delivery(NoticeState.ACCEPTED, None, taken, segments=_charged(data.get("segments")) or counted)
    if answer.status == 409:  # noqa: PLR2004 - of HTTP
        return Delivery(NoticeState.UNKNOWN, "SMS_KEY_TAKEN")  # with another text: what went out, it can be asked
    code = data.get("code")
    if answer.status in (400, 422) and isinstance(code, str):
        if code in CLOSED:
            raise ChannelAwayError(f"SMS_{code}")
        if code in REFUSED:
            return Delivery(NoticeState.FAILED_PERMANENT, REFUSED[code])
    return Delivery(NoticeState.FAILED_TEMPORARY, f"SMS_HTTP_{answer.status}")


def _never_had(answer: Answer) -> bool:
    return answer.status == 404 and (answer.data or {}).get("code") == "KEY_UNKNOWN"  # noqa: PLR2004 - of HTTP


def _known(answer: Answer) -> Delivery | None:
    """Return what the gateway says about a message, None where it never had it; a proxy's 404 does not say that."""
    if _never_had(answer):
        return None
    data = answer.data or {}
    state = data.get("state")
    if answer.status != 200 or not isinstance(state, str) or state not in STATES:  # noqa: PLR2004 - of HTTP
        return Delivery(NoticeState.UNKNOWN, f"SMS_HTTP_{answer.status}")
    outcome, code = STATES[state], None
    if outcome is NoticeState.FAILED_PERMANENT:
        code = said if (said := data.get("code")) in FAILED else "UNKNOWN_CODE"
    return Delivery(outcome, code, provider_id(data.get("provider_id")), segments=_charged(data.get("segments")))


def _charged(value: object) -> int:
    """Return as how many segments the gateway charged it, 0 where it says no such number."""
    return value if isinstance(value, int) and 1 <= value <= MOST_CHARGED else 0
