"""The ledger's database: engine, durability settings and schema revision."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, create_engine, event, func, inspect, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

REVISION: Final = "0007"
"""The schema revision that this code reads and writes; the newest under `ledger/migrations/versions`."""

MIGRATION_LOCK: Final = 0x6C6564676572
"""PostgreSQL's advisory lock while the schema is brought up to date ("ledger" in ASCII)."""

SQLITE_SETTINGS: Final = (
    "PRAGMA busy_timeout = 15000",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA cache_size = -32768",  # KiB: the indexes of a county's outbox do not fit into the default of 2 MB
)
SQLITE_TRIES: Final = 300
SQLITE_PAUSE: Final = 0.05
"""Seconds between two tries of a setting: together as long as the busy time-out."""

_migrating: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
"""Alembic keeps the migration that runs in module globals: one at a time, even of different databases."""


class LedgerSchemaError(Exception):
    """The database's schema is of a revision that this program does not know."""


def create(url: str) -> AsyncEngine:
    """Return an engine; on SQLite the execution option `begin` says how a transaction starts (default DEFERRED)."""
    engine = create_async_engine(url, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        _listen(engine.sync_engine, lambda seconds: await_only(asyncio.sleep(seconds)))
    return engine


def in_a_thread(engine: AsyncEngine) -> Engine:
    """Return an engine for one thread over the same SQLite file, with the same settings."""
    own = create_engine(engine.url.set(drivername="sqlite"), hide_parameters=True)
    _listen(own, time.sleep)
    return own


def writing(engine: AsyncEngine) -> AsyncEngine:
    """Return the engine for transactions that read and then write: on SQLite they take the write lock at once."""
    return engine.execution_options(begin="IMMEDIATE")


async def migrate(engine: AsyncEngine) -> None:
    """Bring the schema to `REVISION`; does nothing where it is there. Many may do it at once, one does the work.

    Raises:
        LedgerSchemaError: a newer program has written this database.
    """
    async with engine.connect() as connection:
        if await connection.run_sync(revision) == REVISION:
            return
    async with _migrating.setdefault(asyncio.get_running_loop(), asyncio.Lock()), writing(engine).begin() as connection:
        if engine.dialect.name == "postgresql":
            await connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        if await connection.run_sync(revision) != REVISION:
            await connection.run_sync(_upgrade)


def revision(connection: Connection) -> str | None:
    """Return the database's schema revision, None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
    return None if row is None else str(row[0])


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - half a second to import, needed once per database
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    found = revision(connection)
    if found is not None and found not in {
        step.revision for step in ScriptDirectory.from_config(config).walk_revisions()
    }:
        raise LedgerSchemaError(
            f"The ledger's schema has revision {found}; this program knows up to {REVISION}. "
            "Start the version of the program that wrote it, or a newer one."
        )
    command.upgrade(config, REVISION)


def _listen(engine: Engine, wait: Callable[[float], None]) -> None:
    event.listen(engine, "connect", partial(_connected, wait))
    event.listen(engine, "begin", _begun)


def _connected(wait: Callable[[float], None], connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver begins too late for reads; `_begun` does it
    cursor = connection.cursor()
    for setting in SQLITE_SETTINGS:
        _execute_patiently(cursor, setting, wait)
    cursor.close()


def _execute_patiently(cursor: Any, setting: str, wait: Callable[[float], None]) -> None:
    """Execute a setting; the busy time-out does not cover two processes that both make a new file's log."""
    for _ in range(SQLITE_TRIES - 1):
        try:
            cursor.execute(setting)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            wait(SQLITE_PAUSE)
        else:
            return
    cursor.execute(setting)


def _begun(connection: Connection) -> None:
    connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('begin', 'DEFERRED')}")
