"""What the providers that speak HTTP have in common: one call, its answer as data, and what is known without one.

Keys, tokens and addresses travel in URLs and bodies here. So nothing of a request stands in an error, and the client's
own log lines, which hold whole URLs, stay off.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import httpx

from notices.channels import ChannelAwayError

SECONDS: Final = 20.0
"""How long one answer is waited for, from the first byte out to the last byte in."""

CONNECT_SECONDS: Final = 5.0

MOST_BYTES: Final = 65_536
"""Of an answer; a longer one is none of theirs."""

LONGEST_WAIT: Final = timedelta(hours=1)
"""A provider that asks for more patience is asked again after so long."""

TOO_MANY: Final = 429
FAULTS: Final = 500
"""Status codes from here on are the provider's own trouble, and may hide a message that it had taken."""

HIGHEST_NUMBER: Final = 99_999_999
"""Of their errors; a longer one is a mistake, and would not fit into one of our codes."""

NOTHING_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
"""Errors before the first byte of a request: whatever it asks for has not happened."""

_PROVIDER_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
"""As `gateway.receipts` takes it back."""

_TELEPHONE: Final = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)")

for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)  # below it they write each URL down, with its keys


class UnansweredError(Exception):
    """The provider may have had the request, and has not said what it did with it.

    Attributes:
        code: how that came about.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        status: of HTTP.
        data: the body where it is a JSON object, else None.
        wait: how long the provider wants to be left alone, where it says so in seconds.
    """

    status: int
    data: Mapping[str, Any] | None
    wait: timedelta | None = None


class Web:
    """Connections to one provider, used by one session."""

    def __init__(self, name: str, client: httpx.AsyncClient, seconds: float) -> None:
        self._name = name
        self._client = client
        self._seconds = seconds

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Return the answer to one request, whatever its status below 500.

        Args:
            method: GET or POST.
            path: below the provider's address.
            query: parameters of the URL.
            body: JSON.
            headers: beside the usual ones.

        Raises:
            ChannelAwayError: `{NAME}_UNREACHABLE`: nothing went out.
            UnansweredError: `{NAME}_NO_ANSWER` or `{NAME}_HTTP_{status}`: it may have arrived.
        """
        asked = {"Content-Type": "application/json; charset=utf-8"} if body is not None else {}
        problem: Exception
        try:
            async with asyncio.timeout(self._seconds):
                sent = self._client.stream(
                    method, path, params=query, content=body, headers={**asked, **(headers or {})}
                )
                async with sent as response:
                    if response.status_code < FAULTS:
                        return Answer(response.status_code, await _object(response), _wait(response))
                    problem = UnansweredError(f"{self._name}_HTTP_{response.status_code}")
        except NOTHING_SENT:
            problem = ChannelAwayError(f"{self._name}_UNREACHABLE")
        except (httpx.HTTPError, TimeoutError):
            problem = UnansweredError(f"{self._name}_NO_ANSWER")
        raise problem  # outside the handler: the client's error, with its URL, is no part of ours


class Provider:
    """Where a provider is."""

    def __init__(self, name: str, url: str, *, seconds: float = SECONDS, keep: bool = True) -> None:
        """Note the address; nothing is opened yet.

        Args:
            name: the first word of our codes about it, in capitals.
            url: everything before the paths.
            seconds: how long one answer is waited for.
            keep: whether connections are used again. One that the provider has closed in the meantime makes an unknown
                outcome out of nothing: where that costs a person's time, each message gets a connection of its own.
        """
        self._name = name
        self._url = url
        self._seconds = seconds
        self._keep = keep

    @asynccontextmanager
    async def connections(self) -> AsyncIterator[Web]:
        """Open a session's connections; proxies of the environment are not used, and no redirect is followed."""
        client = httpx.AsyncClient(
            base_url=self._url,
            timeout=httpx.Timeout(self._seconds, connect=min(CONNECT_SECONDS, self._seconds)),
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1 if self._keep else 0),
            headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "diversion-campaign"},
            trust_env=False,
            verify=_certificates(),
        )
        async with client:
            yield Web(self._name, client, self._seconds)


def json_body(data: Mapping[str, Any]) -> bytes:
    """Return data as the bytes of a body: the same data, the same bytes, which is what duplicate checks compare."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


def provider_id(value: object) -> str | None:
    """Return what a provider calls a message, None where it is no plain id or may hold a telephone number."""
    text = str(value) if isinstance(value, str | int) else ""
    return text if _PROVIDER_ID.fullmatch(text) and not _TELEPHONE.search(text) else None


def errcode(answer: Answer) -> int | None:
    """Return the number that WeCom and DingTalk put into each answer, None where there is none that can be one."""
    number = (answer.data or {}).get("errcode")
    plain = isinstance(number, int) and not isinstance(number, bool) and abs(number) <= HIGHEST_NUMBER
    return number if plain else None


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Return whom to believe: the certificates that come with the client, or those that SSL_CERT_FILE names."""
    return httpx.create_ssl_context()


async def _object(response: httpx.Response) -> Mapping[str, Any] | None:
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MOST_BYTES:
            return None
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _wait(response: httpx.Response) -> timedelta | None:
    value = response.headers.get("Retry-After", "")
    return min(timedelta(seconds=int(value)), LONGEST_WAIT) if re.fullmatch(r"[0-9]{1,9}", value) else None
