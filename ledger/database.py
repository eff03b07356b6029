"""The ledger's database: engine, durability settings and schema revision."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, event, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

REVISION: Final = "0001"
"""The schema revision that this code reads and writes; the newest under `ledger/migrations/versions`."""

SQLITE_SETTINGS: Final = (
    "PRAGMA busy_timeout = 15000",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
)


def create(url: str) -> AsyncEngine:
    """Return an engine; on SQLite the execution option `begin` says how a transaction starts (default DEFERRED)."""
    engine = create_async_engine(url, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _connected)
        event.listen(engine.sync_engine, "begin", _begun)
    return engine


def writing(engine: AsyncEngine) -> AsyncEngine:
    """Return the engine for transactions that read and then write: on SQLite they take the write lock at once."""
    return engine.execution_options(begin="IMMEDIATE")


async def migrate(engine: AsyncEngine) -> None:
    """Bring the schema to `REVISION`; does nothing where it is there."""
    async with engine.connect() as connection:
        if await connection.run_sync(revision) == REVISION:
            return
    async with writing(engine).begin() as connection:
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

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, REVISION)


def _connected(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver begins too late for reads; `_begun` does it
    cursor = connection.cursor()
    for setting in SQLITE_SETTINGS:
        cursor.execute(setting)
    cursor.close()


def _begun(connection: Connection) -> None:
    connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('begin', 'DEFERRED')}")
