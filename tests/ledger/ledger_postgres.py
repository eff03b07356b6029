"""A PostgreSQL for the suite: the one that DIVERSION_TEST_POSTGRES names, else one of our own, else a reason."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

VARIABLE = "DIVERSION_TEST_POSTGRES"
ACCOUNT = "postgres"
DEBIAN = Path("/usr/lib/postgresql")


class NoPostgresError(Exception):
    """Why the PostgreSQL half of the suite cannot run here."""


def server_programs() -> Path:
    """Return the directory of the newest installed server's programs."""
    on_path = shutil.which("initdb")
    found = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not (on_path or found):
        raise NoPostgresError(f"set {VARIABLE} to a scratch database, or install PostgreSQL's server programs")
    return Path(on_path).parent if on_path else found[-1].parent


def account() -> str | None:
    """Return the account that the server must run as, None for our own: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(ACCOUNT).pw_name
    except KeyError:
        raise NoPostgresError(f"running as root, and there is no account {ACCOUNT} to run the server as") from None


@contextmanager
def own_server() -> Iterator[str]:
    """Run a server in a directory of its own, reachable by a socket in it only, and yield its URL.

    Raises:
        NoPostgresError: there is no server here, or it does not start.
    """
    programs, user = server_programs(), account()
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        if user:
            shutil.chown(directory, user, pwd.getpwnam(user).pw_gid)

        def run(*command: str) -> None:
            quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
            subprocess.run(
                [programs / command[0], *command[1:]], check=True, cwd=directory, user=user, timeout=60, **quiet
            )

        data, log = str(directory / "data"), directory / "log"
        # fsync is off: these tests kill processes, not the machine, and the database is gone in a minute.
        options = f"-c listen_addresses='' -c unix_socket_directories='{directory}' -c fsync=off"
        try:
            run("initdb", "-D", data, "-U", ACCOUNT, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
            run("pg_ctl", "start", "-D", data, "-w", "-l", str(log), "-o", options)
        except (OSError, subprocess.SubprocessError) as error:
            said = log.read_text().strip().splitlines()[-1:] if log.exists() else []
            raise NoPostgresError(f"the PostgreSQL in {programs} does not start: {error} {said}") from error
        try:
            yield f"postgresql+asyncpg://{ACCOUNT}@/postgres?host={directory}"
        finally:
            run("pg_ctl", "stop", "-D", data, "-w", "-m", "immediate")


@asynccontextmanager
async def administration(url: str) -> AsyncIterator[AsyncConnection]:
    """Yield a connection outside a transaction; give up rather than wait for a lock that a test has left."""
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SET lock_timeout = '10s'"))
            yield connection
    finally:
        await engine.dispose()


async def refuse_unless_empty(url: str) -> None:
    """Refuse a database that holds tables: the suite is about to drop them."""
    async with administration(url) as connection:
        held = await connection.scalar(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"))
    if held:
        raise RuntimeError(f"{VARIABLE} must name an empty scratch database: this one has {held} tables")


async def make_empty(url: str) -> None:
    """Drop all tables."""
    async with administration(url) as connection:
        await connection.execute(text("DROP SCHEMA IF EXISTS public CASCADE"))
        await connection.execute(text("CREATE SCHEMA public"))


async def make_new(url: str, revision: str) -> None:
    """Delete all rows where the tables are of a revision, else drop everything.

    The rows of twenty small tables are gone in no time; making the tables anew takes longer than most tests.
    """
    async with administration(url) as connection:
        tables = set(await connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")))
        if "alembic_version" in tables:
            held = await connection.scalar(text("SELECT version_num FROM alembic_version"))
            if held == revision:
                names = ", ".join(sorted(tables - {"alembic_version"}))
                await connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))
                return
    await make_empty(url)
