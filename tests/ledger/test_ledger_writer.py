"""The writer: bodies of transactions one after the other, whole or not at all, whoever waits for them."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ledger_samples import chain, put, read
from sqlalchemy import Connection, text

from ledger.store import Ledger


def write(number: int, connection: Connection) -> threading.Thread:
    """Write a row; return the thread that wrote it."""
    statement = "INSERT INTO conflicts (stream, version, expected, found) VALUES (:stream, :number, '', '')"
    connection.execute(text(statement), {"stream": f"s{number}", "number": number})
    return threading.current_thread()


async def versions(ledger: Ledger) -> list[int]:
    """Return the numbers that were written."""
    return [row["version"] for row in await ledger.conflicts()]


async def test_bodies_that_come_at_once_are_all_written(ledger: Ledger) -> None:
    """On both databases each body is a transaction of its own; on SQLite one thread writes them all."""
    threads = await asyncio.gather(*(ledger._writer.run(partial(write, number)) for number in range(8)))

    assert await versions(ledger) == list(range(8))
    if ledger._engine.dialect.name == "sqlite":
        assert len(set(threads)) == 1
        assert threads[0] is not threading.current_thread()


async def test_what_a_body_raises_undoes_it_and_reaches_who_asked(ledger: Ledger) -> None:
    """Nothing of it is left, and the next body finds the writer as it was."""

    def fails(connection: Connection) -> None:
        write(1, connection)
        raise OSError("in the middle")

    with pytest.raises(OSError, match="in the middle"):
        await ledger._writer.run(fails)
    await ledger._writer.run(partial(write, 2))

    assert await versions(ledger) == [2]


async def test_whoever_is_cancelled_waits_for_the_end_of_what_was_begun(sqlite_ledger: Ledger) -> None:
    """A thread cannot be stopped in the middle: the turn to write is given on only when it has ended."""
    loop, begun, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def slow(connection: Connection) -> Any:
        write(1, connection)
        loop.call_soon_threadsafe(begun.set)
        return go_on.wait(10)

    task = asyncio.create_task(sqlite_ledger._writer.run(slow))
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0.01)
    assert not task.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await versions(sqlite_ledger) == [1]
    assert await put(sqlite_ledger, chain(2)) == 2


async def test_a_ledger_that_is_closed_has_ended_its_thread(tmp_path: Path) -> None:
    """Nothing is left behind that would keep a process alive or the file open."""
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}")
    await put(ledger, chain(1))
    thread = await ledger._writer.run(partial(write, 1))
    assert thread.is_alive()

    assert len(await read(ledger, chain(1)[0]["stream"])) == 1
    await ledger.close()

    assert not thread.is_alive()
