"""The registry's database: engine, settings per dialect, and the pepper that keys identities."""

from __future__ import annotations

import asyncio
import os
import secrets
import sqlite3
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

PEPPER_BYTES: Final = 32

SQLITE_SETTINGS: Final = (
    "PRAGMA busy_timeout = 15000",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA secure_delete = ON",  # a family is forgotten by deleting its rows (design, section 8)
)


SQLITE_TRIES: Final = 300
SQLITE_PAUSE: Final = 0.05
"""Seconds between two tries of a setting."""


def load_pepper(path: Path) -> bytes:
    """Return the secret that keys identities, 32 bytes; make it on first use, readable by its owner only.

    Losing it means that no pupil is recognised again: it belongs into the backup, apart from the database.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    if not path.exists():
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(PEPPER_BYTES))
                file.flush()
                os.fsync(file.fileno())
            os.link(fresh, path)  # whole or not at all, and the first of two processes wins
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_bytes()


def create(url: str) -> AsyncEngine:
    """Return an engine whose errors show no values, and whose SQLite connections are durable and forget securely.

    On SQLite the option `begin` of an execution says how transactions start: `DEFERRED` (default), `IMMEDIATE` for
    those that write after reading, `NONE` for statements that allow no transaction.
    """
    engine = create_async_engine(url, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _connected)
        event.listen(engine.sync_engine, "begin", _begun)
    return engine


def writing(engine: AsyncEngine) -> AsyncEngine:
    """Return the engine for transactions that write after reading."""
    return engine.execution_options(begin="IMMEDIATE")


async def checkpoint(engine: AsyncEngine) -> None:
    """Move SQLite's write-ahead log into the file and empty it: deleted values must not survive there."""
    if engine.dialect.name == "sqlite":
        async with engine.execution_options(begin="NONE").connect() as connection:
            await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def _connected(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver begins too late for reads; `_begun` does it
    cursor = connection.cursor()
    for setting in SQLITE_SETTINGS:
        _execute_patiently(cursor, setting)
    cursor.close()


def _execute_patiently(cursor: Any, setting: str) -> None:
    """Execute a setting; the busy time-out does not cover two processes that both make a new file's log."""
    for _ in range(SQLITE_TRIES - 1):
        try:
            cursor.execute(setting)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            await_only(asyncio.sleep(SQLITE_PAUSE))
        else:
            return
    cursor.execute(setting)


def _begun(connection: Connection) -> None:
    begin = connection.get_execution_options().get("begin", "DEFERRED")
    if begin != "NONE":
        connection.exec_driver_sql(f"BEGIN {begin}")
