"""A small HTTP server on loopback that can also hang up: what the simulators stand on."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qsl, urlsplit

import h11

from notices.simulators.lies import DROPPED, UNTAKEN, Lie

HOST: Final = "127.0.0.1"
CHUNK: Final = 65_536

Liar = Callable[[str, int], Lie]
"""Whom a message is for, and how often that was tried before → what to do with it."""


@dataclass(frozen=True)
class Request:
    """One request.

    Attributes:
        query: parameters of the URL.
        headers: names in lower case.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> dict[str, Any]:
        """Return the body's object; empty where it is none."""
        try:
            data = json.loads(self.body)
        except ValueError:
            return {}
        return data if isinstance(data, dict) else {}


@dataclass(frozen=True)
class Reply:
    """What is answered.

    Attributes:
        data: the body as JSON, or as it is; None for none.
    """

    status: int
    data: Mapping[str, Any] | bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Taken:
    """One message that its reader gets to see.

    Attributes:
        key: ours where the provider knows it, else what it tells two messages apart by.
        to: whom it is for; empty for a group.
    """

    key: str
    to: str = field(repr=False)
    text: str = field(repr=False)


class Simulator(ABC):
    """A provider; `async with` runs it on a free port.

    Attributes:
        taken: what readers got, in order.
        calls: how often each message was submitted, by its key, whatever became of it.
        lie: asked for each submit; everybody is served honestly without one.
    """

    def __init__(self, lie: Liar | None = None) -> None:
        self.taken: list[Taken] = []
        self.calls: Counter[str] = Counter()
        self.lie: Liar = lie or (lambda _whom, _before: Lie.NONE)
        self._tries: Counter[str] = Counter()
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.StreamWriter, None] = {}
        self._arrived = asyncio.Condition()

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening and end every connection."""
        assert self._server is not None
        self._server.close()
        for writer in list(self._open):
            writer.close()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        """Return its address, as the settings take it."""
        assert self._server is not None
        return f"http://{HOST}:{self._server.sockets[0].getsockname()[1]}"

    async def has(self, count: int) -> None:
        """Wait until so many messages were taken."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.taken) >= count)

    @abstractmethod
    async def answer(self, request: Request) -> Reply | None:
        """Return the answer to a request; None hangs up instead."""

    def _next_lie(self, whom: str) -> Lie:
        """Return what to do with this submit."""
        before = self._tries[whom]
        self._tries[whom] += 1
        return self.lie(whom, before)

    async def _take(self, key: str, to: str, text: str, lie: Lie) -> None:
        """Let the reader see a message, unless the lie has it lost."""
        if lie not in UNTAKEN:
            self.taken.append(Taken(key, to, text))
            async with self._arrived:
                self._arrived.notify_all()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open[writer] = None
        try:
            with suppress(ConnectionError, h11.RemoteProtocolError):
                await self._talk(reader, writer)
        finally:
            del self._open[writer]
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER)
        while (request := await _read(connection, reader)) is not None:
            reply = await self.answer(request)
            if reply is None:
                return
            writer.write(_written(connection, reply))
            await writer.drain()
            if connection.our_state is not h11.DONE:
                return
            connection.start_next_cycle()


def hung_up(lie: Lie) -> bool:
    """Tell whether a lie ends the connection before the answer."""
    return lie in DROPPED


async def _read(connection: h11.Connection, reader: asyncio.StreamReader) -> Request | None:
    """Return the next request, None where the caller has gone."""
    head: h11.Request | None = None
    body = b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(CHUNK))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            assert head is not None
            url = urlsplit(head.target.decode("ascii"))
            headers = {name.decode("ascii"): value.decode("latin-1") for name, value in head.headers}
            query = dict(parse_qsl(url.query, keep_blank_values=True))
            return Request(head.method.decode("ascii"), url.path, query, headers, body)
        else:
            return None


def _written(connection: h11.Connection, reply: Reply) -> bytes:
    body = reply.data if isinstance(reply.data, bytes) else b""
    if isinstance(reply.data, Mapping):
        body = json.dumps(reply.data, ensure_ascii=False).encode()
    headers = {"Content-Length": str(len(body)), "Content-Type": "application/json", **reply.headers}
    parts = [
        connection.send(h11.Response(status_code=reply.status, headers=list(headers.items()))),
        connection.send(h11.Data(data=body)),
        connection.send(h11.EndOfMessage()),
    ]
    return b"".join(part for part in parts if part)
