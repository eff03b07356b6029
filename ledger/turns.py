"""Where the outbox is read and everything is written: on SQLite in a thread each, on PostgreSQL over the pool.

The asynchronous SQLite driver hands every step of every statement to a thread and waits for it, twenty times for one
append. Here the whole transaction is handed over once: its body is plain code over one connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger import database

R = TypeVar("R")


class Turns:
    """Runs the bodies of transactions on one database, on SQLite one after the other.

    Attributes:
        engine: SQLite's own connection; None where the pool serves.
    """

    def __init__(self, engine: AsyncEngine, *, begin: Literal["IMMEDIATE", "DEFERRED"]) -> None:
        """Make the thread; it opens its connection when it is first needed.

        Args:
            engine: the ledger's.
            begin: IMMEDIATE for what reads and then writes, DEFERRED for what only reads.
        """
        self._pool = engine.execution_options(begin=begin) if engine.dialect.name == "sqlite" else engine
        self.engine: Engine | None = None
        self._thread: ThreadPoolExecutor | None = None
        if engine.dialect.name == "sqlite":
            self.engine = database.in_a_thread(engine).execution_options(begin=begin)
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")

    async def run(self, body: Callable[[Connection], R]) -> R:
        """Run a body in one transaction and return what it returns; what it raises undoes it.

        Whoever is cancelled waits until the thread has ended its transaction: nobody else may begin before.
        """
        if self.engine is None:
            async with self._pool.begin() as connection:
                return await connection.run_sync(body)
        running = asyncio.get_running_loop().run_in_executor(self._thread, _whole, self.engine, body)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            raise

    async def close(self) -> None:
        """Give the connection back, after what is under way."""
        if self.engine is not None and self._thread is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self.engine.dispose)
            self._thread.shutdown()


def _whole(engine: Engine, body: Callable[[Connection], R]) -> R:
    with engine.begin() as connection:
        return body(connection)
