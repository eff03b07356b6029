"""The endpoint for receipts: `POST /v1/receipts`, where a provider says what became of messages it had taken over.

The body is JSON: one receipt, or a list of up to a hundred. A receipt has a `receipt_id` of its own, names its message
by our `key` (the notice's id, with `-1` and so on where a person had it sent again) or by the provider's own
`provider_id`, and says `state`, `code` and `at`. The request is signed as text messages are (`domain.signing`), and
safe to repeat: receipts come twice, out of order, and before the answer to the submit that they are about. A telephone
number never comes in; a body that holds one is refused unread.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic_core import from_json
from starlette.routing import Route

from domain.instants import Instant
from domain.notices import NoticeState
from gateway.signed import FRESH, UnreadableError, signed_route

PATH: Final = "/v1/receipts"
MOST: Final = 100
"""Receipts of one request."""

MOST_BYTES: Final = 65_536

FAILURES: Final = (
    "ABSENT",
    "UNDELIVERABLE",
    "NUMBER_RECYCLED",
    "BLOCKED",
    "TEMPLATE_REFUSED",
    "EXPIRED_AT_PROVIDER",
)
"""Why a message did not arrive: the telephone was off, the number takes none, it is somebody else's by now, the network
or the reader blocks it, the wording was refused, or the provider gave up in time."""

OTHER_FAILURE: Final = "UNKNOWN_CODE"
"""Any other reason that a provider gives: its own words go no further."""

_STATES: Final = {"delivered": NoticeState.DELIVERED, "read": NoticeState.READ, "failed": NoticeState.FAILED_PERMANENT}

_TELEPHONE: Final = re.compile(r"(?<!\d)(?:0{0,2}86)?1[3-9]\d{9}(?!\d)")
_BETWEEN: Final = re.compile(r"[\s()（）.\u2010-\u2015\u2212-]")
_DRAWN: Final = re.compile(r"(?:ntc_)?(?=\d*[a-f])[0-9a-f]{24,}")
"""An id that was drawn or is a digest: eleven digits in a row come about in it by themselves."""

_ID: Final = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"


class Receipt(BaseModel):
    """One receipt as the provider hands it on; a field that is not named here is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    receipt_id: Annotated[str, Field(pattern=_ID)]
    key: Annotated[str, Field(pattern=r"^ntc_[0-9a-f]{32}(-[1-9][0-9]{0,2})?$")] | None = None
    provider_id: Annotated[str, Field(pattern=_ID)] | None = None
    state: Literal["delivered", "read", "failed"]
    code: Annotated[str | None, Field(max_length=64, repr=False)] = None
    at: Instant

    @model_validator(mode="after")
    def _names_its_message(self) -> Self:
        if self.key is None and self.provider_id is None:
            raise ValueError("neither key nor provider_id")
        return self


@dataclass(frozen=True)
class News:
    """What a receipt says, in the words of the outbox.

    Attributes:
        receipt_id: the provider's.
        notice_id: our key of the message, None where only the provider's own id is known.
        provider_id: what the provider calls the message, None where it named ours alone.
        state: delivered, read or failed_permanent.
        code: why it failed; one of `FAILURES` or `OTHER_FAILURE`, None where it did not.
        at: when that was, by the provider.
    """

    receipt_id: str
    notice_id: str | None
    provider_id: str | None
    state: NoticeState
    code: str | None
    at: datetime


class House(Protocol):
    """What the endpoint asks of the rest of the house."""

    async def take(self, news: Sequence[News]) -> None:
        """Keep receipts for good, each once, and apply those whose message is known.

        Raises:
            AwayError: the ledger cannot be reached, and none was kept.
        """
        ...


def read(body: bytes, now: datetime) -> list[News]:
    """Return what a body says, in its order; of two receipts with one id, the first.

    Raises:
        UnreadableError: NUMBER_IN_RECEIPT, BODY_INVALID, TOO_MANY_RECEIPTS, RECEIPT_IN_FUTURE.
    """
    try:
        loaded = from_json(body)
    except ValueError:
        raise UnreadableError("BODY_INVALID") from None
    given = loaded if isinstance(loaded, list) else [loaded]
    for place, one in enumerate(given):
        if any(map(_holds_a_number, _texts(one))):
            raise UnreadableError("NUMBER_IN_RECEIPT", place)
    if not 0 < len(given) <= MOST:
        raise UnreadableError("TOO_MANY_RECEIPTS" if given else "BODY_INVALID")
    try:
        receipts = _RECEIPTS.validate_python(given)
    except ValidationError as error:
        raise UnreadableError("BODY_INVALID", _place(error)) from None
    for place, receipt in enumerate(receipts):
        if receipt.at > now + FRESH:
            raise UnreadableError("RECEIPT_IN_FUTURE", place)
    once = {receipt.receipt_id: receipt for receipt in reversed(receipts)}
    return [_news(once[name]) for name in dict.fromkeys(receipt.receipt_id for receipt in receipts)]


def route(secret: bytes, house: House, *, now: Callable[[], datetime]) -> Route:
    """Return the endpoint.

    Args:
        secret: what the provider signs with.
        house: where receipts are kept.
        now: the clock.
    """

    async def answer(news: list[News]) -> dict[str, Any]:
        await house.take(news)
        return {"accepted": True, "receipts": len(news)}  # the same for one that was known: it changes nothing

    return signed_route(PATH, secret, MOST_BYTES, lambda body: read(body, now()), answer, now=now)


_RECEIPTS: Final = TypeAdapter(list[Receipt])


def _news(receipt: Receipt) -> News:
    state = _STATES[receipt.state]
    code = None
    if state is NoticeState.FAILED_PERMANENT:
        code = receipt.code if receipt.code in FAILURES else OTHER_FAILURE
    return News(receipt.receipt_id, receipt.key, receipt.provider_id, state, code, receipt.at)


def _texts(value: Any) -> Iterator[str]:
    """Yield every text and number of a body, the names of fields among them."""
    if isinstance(value, dict):
        for name, held in value.items():
            yield name
            yield from _texts(held)
    elif isinstance(value, list):
        for held in value:
            yield from _texts(held)
    else:
        yield str(value)


def _holds_a_number(text: str) -> bool:
    """Tell whether a text holds eleven digits like a mobile number of mainland China, however they are written."""
    plain = unicodedata.normalize("NFKC", text).lower()
    squeezed = _BETWEEN.sub("", plain)
    return not _DRAWN.fullmatch(squeezed) and any(map(_TELEPHONE.search, (plain, squeezed)))


def _place(error: ValidationError) -> int | None:
    place = error.errors(include_input=False, include_url=False)[0]["loc"]
    return place[0] if place and isinstance(place[0], int) else None
