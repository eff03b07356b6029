"""Serving the endpoints over HTTP: on the loopback interface unless told otherwise, without a log of requests."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

LOOPBACK: Final = "127.0.0.1"
MOST_AT_ONCE: Final = 64
"""Requests; the ones above are told to come again (503)."""

DRAIN_SECONDS: Final = 10


class _Server(uvicorn.Server):
    """A server that leaves signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@asynccontextmanager
async def serving(endpoints: Sequence[Route], port: int, host: str = LOOPBACK) -> AsyncIterator[int]:
    """Serve while the block runs, and yield the port; requests that are being answered end before it returns.

    Args:
        endpoints: what is served, and nothing else.
        port: 0 takes a free one.
        host: the interface.

    Raises:
        OSError: the port cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family)
    config = uvicorn.Config(
        Starlette(routes=endpoints),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,  # a request's line and its sender's address are nobody's business here
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_AT_ONCE,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield int(listening.getsockname()[1])
    finally:
        server.should_exit = True
        await running
        listening.close()
