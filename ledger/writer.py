"""Where appends are written: on SQLite in one thread with a connection of its own, on PostgreSQL over the pool.

The asynchronous SQLite driver hands every step of every statement to a thread and waits for it, twenty times for one
append. Here the whole transaction is handed over once: the body of an append is plain code over one connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger import database

R = TypeVar("R")


class Writer:
    """Runs the bodies of transactions on one database, on SQLite one after the other.

    Attributes:
        engine: SQLite's connection for writing; None where the pool writes.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._writing = database.writing(engine)
        self.engine: Engine | None = None
        self._thread: ThreadPoolExecutor | None = None
        if engine.dialect.name == "sqlite":
            self.engine = database.in_a_thread(engine)
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")

    async def run(self, body: Callable[[Connection], R]) -> R:
        """Run a body in one transaction and return what it returns; what it raises undoes it.

        Whoever is cancelled waits until the thread has ended its transaction: nobody else may begin before.
        """
        if self.engine is None:
            async with self._writing.begin() as connection:
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
