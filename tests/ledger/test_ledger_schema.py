"""The schema: one set of migrations, one set of tables, however many open the database at once; and durability."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from ledger_samples import chain, put, read, send_next, sqlite_url
from sqlalchemy import Connection, event, inspect, text

from domain.notices import UNROUTED
from domain.time import instant
from ledger import database, tables
from ledger.database import REVISION, LedgerSchemaError
from ledger.store import Ledger

Opener = Callable[[str], Awaitable[Ledger]]
HERE = Path(__file__).parent
ROOT = HERE.parents[1]


async def test_an_empty_database_gets_all_tables(ledger_url: str, opened: Opener) -> None:
    """Opening is enough: from nothing to the newest revision."""
    engine = database.create(ledger_url)
    async with engine.connect() as connection:
        assert await connection.run_sync(database.revision) is None
    await engine.dispose()

    ledger = await opened(ledger_url)

    assert await ledger.revision() == REVISION
    async with ledger._engine.connect() as connection:
        names = set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))
    assert names == {*tables.metadata.tables, "alembic_version"}


async def test_opening_again_does_nothing(ledger_url: str, opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database at the newest revision is not migrated again, and keeps what it holds."""
    await put(await opened(ledger_url), chain(4))
    monkeypatch.setattr(database, "_upgrade", lambda _connection: pytest.fail("migrated again"))

    again = await opened(ledger_url)

    assert await read(again) == chain(4)
    assert await again.revision() == REVISION


def test_the_code_knows_the_newest_migration() -> None:
    """Whoever adds a migration raises `REVISION` with it; the chain of migrations has one end."""
    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))

    assert ScriptDirectory.from_config(config).get_heads() == [REVISION]


async def test_the_migrations_make_the_tables_that_the_code_means(ledger: Ledger) -> None:
    """Alembic finds no difference between a migrated database and `ledger.tables`: columns, types, indexes, keys."""

    def differences(connection: Connection) -> list[Any]:
        return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), tables.metadata)

    def keys(connection: Connection) -> dict[str, Any]:
        return {name: inspect(connection).get_pk_constraint(name) for name in tables.metadata.tables}

    async with ledger._engine.connect() as connection:
        assert await connection.run_sync(differences) == []
        found = await connection.run_sync(keys)
    assert {name: (key["name"], key["constrained_columns"]) for name, key in found.items()} == {
        name: (f"pk_{name}", table.primary_key.columns.keys()) for name, table in tables.metadata.tables.items()
    }


async def test_an_older_database_is_brought_up_to_date_in_place(
    ledger_url: str, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A campaign of the first release goes on: its events stay, and its notices are planned and not yet tried."""
    engine = database.create(ledger_url)
    with monkeypatch.context() as patch:
        patch.setattr(database, "REVISION", "0001")
        await database.migrate(engine)
    async with database.writing(engine).begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO outbox VALUES "
                "('ntc_1', 'c', 'c/s/parent-meetings', 'c/s/parent-meetings#1', 'meeting_invitation', 'stu_1', "
                "true, 'planned', '2025-03-03T08:00:00.000+08:00')"
            )
        )
    await engine.dispose()

    ledger = await opened(ledger_url)

    assert await ledger.revision() == REVISION
    row = await ledger.outbox.notice("ntc_1")
    assert row is not None
    assert (row["recipient"], row["state"], row["channel"], row["attempts"]) == ("stu_1", "planned", UNROUTED, 0)
    (sent,) = await send_next(ledger, instant("2025-03-03T09:00:00+08:00"), campaign="c")
    assert (sent.notice_id, sent.number) == ("ntc_1", 1)


STATES = {
    "ntc_untried": ("planned", 0, None, None),
    "ntc_shared": ("planned", 0, "gdn_1", None),
    "ntc_copy": ("planned", 0, "gdn_2", "ntc_shared"),
    "ntc_tried": ("failed_temporary", 2, "gdn_1", None),
    "ntc_sent": ("accepted", 1, "gdn_1", None),
    "ntc_ended": ("cancelled", 0, None, None),
}
"""State, attempts, person and household's row of what the release before several channels has left."""


ABOUT_PUPILS = {
    "ntc_joiner": ("student_overdue", "d/s"),
    "ntc_case": ("persuasion_overdue", "d/s/dropout/stu_3"),
    "ntc_stage": ("stage_reminder", "d/s"),
}
"""Purpose and stream of what staff was to be told: about a joiner, a dropout case, and nobody."""


async def test_an_outbox_of_one_channel_goes_on_with_several(
    ledger_url: str, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits untried for a household is routed; what was on its way stays with mail, and goes out."""
    engine = database.create(ledger_url)
    with monkeypatch.context() as patch:
        patch.setattr(database, "REVISION", "0004")
        await database.migrate(engine)
    at = "2025-03-03T08:00:00.000+08:00"
    columns = "notice_id, campaign, stream, cause, purpose, recipient, optional, planned_at"
    async with database.writing(engine).begin() as connection:
        for name, (state, tried, person, copy_of) in STATES.items():
            fixed = f"'{name}', 'c', 'c/s', 'c/s#1', 'meeting_invitation', 'stu_1', true, '{at}'"
            waits = f"'{at}'" if tried else "NULL"
            own = {"person": person, "copy_of": copy_of}
            more = ", ".join("NULL" if value is None else f"'{value}'" for value in own.values())
            await connection.execute(
                text(
                    f"INSERT INTO outbox ({columns}, state, attempts, next_at, person, copy_of) "
                    f"VALUES ({fixed}, '{state}', {tried}, {waits}, {more})"
                )
            )
        await connection.execute(
            text(f"INSERT INTO attempts (notice_id, number, started_at) VALUES ('ntc_sent', 1, '{at}')")
        )
        for name, (purpose, stream) in ABOUT_PUPILS.items():
            fixed = f"'{name}', 'd', '{stream}', '{stream}#1', '{purpose}', 'principal@s', true, '{at}'"
            await connection.execute(text(f"INSERT INTO outbox ({columns}, state) VALUES ({fixed}, 'planned')"))
        await connection.execute(
            text(
                "INSERT INTO events (stream, version, campaign, type, student, occurred_at, recorded_at, prev_hash, "
                f"hash, body) VALUES ('d/s', 1, 'd', 'JoinerOverdue', 'stu_2', '{at}', '{at}', 'a', 'b', '{{}}')"
            )
        )
    await engine.dispose()

    ledger = await opened(ledger_url)

    rows = {row["notice_id"]: row for row in await ledger.outbox.find("c")}
    assert {name: row["channel"] for name, row in rows.items()} == {
        **dict.fromkeys(STATES, "email"),
        "ntc_untried": UNROUTED,
    }
    assert rows["ntc_ended"]["state"] == "denied"
    assert {row["notice_id"]: row["student"] for row in await ledger.outbox.find("d")} == {
        "ntc_joiner": "stu_2",
        "ntc_case": "stu_3",
        "ntc_stage": None,
    }
    assert {row["student"] for row in rows.values()} == {None}
    assert (rows["ntc_tried"]["tries"], rows["ntc_sent"]["chain"]) == (2, "")
    assert [one["channel"] for one in await ledger.outbox.attempts("ntc_sent")] == ["email"]
    assert [row.notice_id for row in await ledger.outbox.unrouted("c", 9)] == ["ntc_untried"]
    sent = await send_next(ledger, instant("2025-03-03T09:00:00+08:00"), campaign="c")
    assert {row.notice_id: row.number for row in sent} == {
        "ntc_untried": 1, "ntc_shared": 1, "ntc_copy": 1, "ntc_tried": 3
    }  # fmt: skip


async def test_a_newer_schema_is_refused(ledger_url: str, opened: Opener) -> None:
    """An old program on a new database says what to do and changes nothing."""
    ledger = await opened(ledger_url)
    async with ledger._writing.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(LedgerSchemaError, match=f"revision 9999; this program knows up to {REVISION}"):
        await opened(ledger_url)

    assert await ledger.revision() == "9999"


async def test_a_failed_migration_leaves_nothing(
    ledger_url: str, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration is one transaction: broken off in the middle, the next opening starts from nothing."""
    upgrade = database._upgrade

    def broken(connection: Connection) -> None:
        upgrade(connection)
        raise OSError("broken off")

    with monkeypatch.context() as patch:
        patch.setattr(database, "_upgrade", broken)
        with pytest.raises(OSError, match="broken off"):
            await opened(ledger_url)

    engine = database.create(ledger_url)
    async with engine.connect() as connection:
        assert await connection.run_sync(lambda sync: inspect(sync).get_table_names()) == []
    await engine.dispose()
    assert await (await opened(ledger_url)).revision() == REVISION


async def test_tasks_open_a_fresh_database_at_once(ledger_url: str, opened: Opener) -> None:
    """Four openings at the same moment: all succeed, and all have the same ledger."""
    ledgers = await asyncio.gather(*(opened(ledger_url) for _ in range(4)))

    await put(ledgers[0], chain(3))

    assert [await read(ledger) for ledger in ledgers] == [chain(3)] * 4


async def test_tasks_open_several_fresh_databases_at_once(tmp_path: Path, opened: Opener) -> None:
    """Different databases in one process: Alembic, which keeps its state in globals, migrates one at a time."""
    ledgers = await asyncio.gather(*(opened(sqlite_url(tmp_path / f"{number}.db")) for number in range(4)))

    assert [await ledger.revision() for ledger in ledgers] == [REVISION] * 4


async def test_processes_open_a_fresh_database_at_once(ledger_url: str) -> None:
    """Worker and command line start together on a new installation."""
    rounds = [f"{ledger_url}.{number}" for number in range(8)] if ledger_url.startswith("sqlite") else [ledger_url]
    processes = await asyncio.create_subprocess_exec(
        *(sys.executable, HERE / "ledger_opener.py", *rounds),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await processes.communicate()

    assert printed.decode() == ""
    assert processes.returncode == 0


@pytest.mark.parametrize("begin", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
async def test_a_new_file_that_another_process_sets_up_is_waited_for(
    tmp_path: Path, opened: Opener, begin: str
) -> None:
    """SQLite refuses at once to make the write-ahead log of a file that another holds: opening has patience."""
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as other:
        other.execute(begin)
        opening = asyncio.create_task(opened(sqlite_url(tmp_path / "ledger.db")))
        await asyncio.wait([opening], timeout=0.2)
        assert not opening.done()
        other.execute("COMMIT")

    assert await (await asyncio.wait_for(opening, 10)).revision() == REVISION


@pytest.mark.parametrize("to_write", [False, True], ids=["for reading", "for writing"])
async def test_every_connection_is_durable(sqlite_ledger: Ledger, to_write: bool) -> None:
    """Each connection of the pool has the write-ahead log, full synchronisation and patience, not just the first."""
    engine = sqlite_ledger._engine
    found = set()
    async with AsyncExitStack() as stack:
        for _ in range(8):
            connection = await stack.enter_async_context(engine.connect())
            if not to_write:
                await connection.execute(text("SELECT 1"))
            pragmas = ("synchronous", "journal_mode", "busy_timeout")
            found.add(tuple([await connection.scalar(text(f"PRAGMA {pragma}")) for pragma in pragmas]))
    async with database.writing(engine).begin() as connection:
        found.add(tuple([await connection.scalar(text(f"PRAGMA {pragma}")) for pragma in pragmas]))
    found.add(
        await sqlite_ledger._writer.run(
            lambda connection: tuple(connection.scalar(text(f"PRAGMA {pragma}")) for pragma in pragmas)
        )
    )

    assert found == {(2, "wal", 15_000)}


async def test_a_writer_takes_the_lock_before_it_reads(sqlite_ledger: Ledger) -> None:
    """What an append has read cannot change before it writes: its transaction begins as a writer's."""
    begun: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        begun.append(statement)

    event.listen(sqlite_ledger._writer.engine, "before_cursor_execute", note)
    await put(sqlite_ledger, chain(1))

    assert begun[0] == "BEGIN IMMEDIATE"
    assert begun[1].startswith("SELECT events.version")
