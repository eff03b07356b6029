"""One suite, two databases: a test that takes `ledger_url` or `ledger` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from ledger_postgres import VARIABLE, NoPostgresError, make_empty, make_new, own_server, refuse_unless_empty
from ledger_samples import sqlite_url
from sqlalchemy.engine import make_url

from ledger.database import REVISION
from ledger.store import Ledger


@pytest.fixture(scope="session")
def own_postgres() -> Iterator[str]:
    """Return the URL of a PostgreSQL server of our own; skip with the reason where there is none."""
    try:
        with own_server() as url:
            yield url
    except NoPostgresError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def postgres_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the URL of a scratch database: the one we are given, else one of our own."""
    given = os.environ.get(VARIABLE)
    if given:
        asyncio.run(refuse_unless_empty(given))
        yield given
        asyncio.run(make_empty(given))
    else:
        yield request.getfixturevalue("own_postgres")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a database, whatever it holds."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "ledger.db")
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def ledger_url(database_url: str) -> AsyncIterator[str]:
    """Return the URL of an empty database; what a test makes of its schema is gone after it."""
    shared = not database_url.startswith("sqlite")
    if shared:
        await make_empty(database_url)
    yield database_url
    if shared:
        await make_empty(database_url)


@pytest.fixture(scope="session")
async def newest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of an empty ledger: bringing a new one to the newest schema takes longer than most tests."""
    file = tmp_path_factory.mktemp("newest") / "ledger.db"
    await (await Ledger.open(sqlite_url(file))).close()
    return file


@pytest.fixture
async def new_url(database_url: str, newest: Path) -> str:
    """Return the URL of a database that has the newest tables, or will have on opening, and no row."""
    if database_url.startswith("sqlite"):
        shutil.copy(newest, make_url(database_url).database or "")
    else:
        await make_new(database_url, REVISION)
    return database_url


@pytest.fixture
async def opened() -> AsyncIterator[Callable[[str], Awaitable[Ledger]]]:
    """Return a function that opens a ledger as a process of its own would; all are closed after the test."""
    async with AsyncExitStack() as stack:

        async def open_one(url: str) -> Ledger:
            ledger = await Ledger.open(url)
            stack.push_async_callback(ledger.close)
            return ledger

        yield open_one


@pytest.fixture
async def ledger(new_url: str, opened: Callable[[str], Awaitable[Ledger]]) -> Ledger:
    """Return an open, empty ledger."""
    return await opened(new_url)


@pytest.fixture
async def sqlite_ledger(tmp_path: Path, newest: Path, opened: Callable[[str], Awaitable[Ledger]]) -> Ledger:
    """Return an open, empty ledger on SQLite, for what only SQLite does."""
    shutil.copy(newest, tmp_path / "ledger.db")
    return await opened(sqlite_url(tmp_path / "ledger.db"))
