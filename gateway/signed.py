"""What the endpoints share: who may call them, how long a body may be, and what a failure says.

A request is signed with two headers (`domain.signing`). Its bytes are checked before anything reads them as JSON.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from domain.signing import SIGNATURE, TIMESTAMP, sign

FRESH: Final = timedelta(minutes=5)
"""By so much the provider's clock may differ; an older request may have been caught on the way and sent again."""

log = structlog.get_logger()


class AwayError(Exception):
    """The engine or a store cannot be reached: the provider sends the same again later."""


class UnreadableError(Exception):
    """A body that the provider signed is none of those that an endpoint takes.

    Attributes:
        code: what is wrong with it.
        place: of what stands in a list, its position from 0; None for the body itself.
    """

    def __init__(self, code: str, place: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.place = place


Read = TypeVar("Read")


def signed_route(
    path: str,
    secret: bytes,
    most_bytes: int,
    read: Callable[[bytes], Read],
    answer: Callable[[Read], Awaitable[dict[str, Any]]],
    *,
    now: Callable[[], datetime],
) -> Route:
    """Return an endpoint that takes what a provider has signed.

    Args:
        path: where it is.
        secret: what the provider signs with.
        most_bytes: of a body; whatever length it claims, no more is read.
        read: makes of the body what is answered; raises `UnreadableError`.
        answer: does it; raises `AwayError` where nothing was decided.
        now: the clock.
    """

    async def take(request: Request) -> JSONResponse:
        body = await _body(request, most_bytes)
        if body is None:
            return _error(413, "BODY_TOO_LARGE")
        problem = _unsigned(request, secret, body, now())
        if problem is not None:
            return _error(401, problem)
        try:
            taken = read(body)
        except UnreadableError as error:
            return _error(400, error.code, place=error.place)
        return await _guarded(answer(taken))

    return Route(path, take, methods=["POST"])


async def _guarded(answering: Awaitable[dict[str, Any]]) -> JSONResponse:
    """Answer; no failure repeats what was sent, neither to the provider nor in a log."""
    try:
        return JSONResponse(await answering)
    except AwayError:
        return _error(503, "TRY_LATER", headers={"Retry-After": "30"})
    except Exception as error:  # noqa: BLE001 - its text may hold what was sent; its type does not
        log.error("a provider's request could not be answered", error=type(error).__name__)  # noqa: TRY400 - no traceback
        return _error(500, "UNEXPECTED")


async def _body(request: Request, most: int) -> bytes | None:
    """Return a request's body, None where it is too long."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                return None
    except ClientDisconnect:
        return b""
    return body


def _unsigned(request: Request, secret: bytes, body: bytes, now: datetime) -> str | None:
    """Return why a request does not come from the provider, or not now; None where it does."""
    timestamp, signature = request.headers.get(TIMESTAMP, ""), request.headers.get(SIGNATURE, "")
    if not re.fullmatch(r"[0-9]{1,11}", timestamp) or not re.fullmatch(r"[0-9a-f]{64}", signature):
        return "SIGNATURE_MISSING"
    if not hmac.compare_digest(signature, sign(secret, timestamp, body)):
        return "SIGNATURE_WRONG"
    return None if abs(now - datetime.fromtimestamp(int(timestamp), UTC)) <= FRESH else "TIMESTAMP_OLD"


def _error(status: int, code: str, *, place: int | None = None, headers: dict[str, str] | None = None) -> JSONResponse:
    error: dict[str, Any] = {"code": code} if place is None else {"code": code, "place": place}
    return JSONResponse({"error": error}, status_code=status, headers=headers)
