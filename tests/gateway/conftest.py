"""One suite, two databases: a test that takes `gateway_url` or `gateway` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from gateway_samples import SECRET, act_ids, sqlite_url

from gateway.codes import Gateway
from gateway.keys import key_id, public_key
from gateway.store import Store

sys.path.append(str(Path(__file__).parents[1] / "ledger"))  # for `ledger_postgres`, also when run alone
from ledger_postgres import NoPostgresError, make_empty, own_server


@pytest.fixture(scope="session")
def gateway_postgres() -> Iterator[str]:
    """Return the URL of a PostgreSQL server of our own; skip with the reason where there is none."""
    try:
        with own_server() as url:
            yield url
    except NoPostgresError as error:
        pytest.skip(str(error))


@pytest.fixture(params=["sqlite", "postgresql"])
async def gateway_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "gateway.db")
    url = str(request.getfixturevalue("gateway_postgres"))
    await make_empty(url)
    return url


@pytest.fixture
async def opened() -> AsyncIterator[Callable[[str], Awaitable[Gateway]]]:
    """Return a function that opens a gateway as a process of its own would; all are closed after the test."""
    async with AsyncExitStack() as stack:

        async def open_one(url: str) -> Gateway:
            gateway = Gateway(SECRET, await Store.open(url, key_id(public_key(SECRET))), act_ids=act_ids())
            stack.push_async_callback(gateway.close)
            return gateway

        yield open_one


@pytest.fixture
async def gateway(gateway_url: str, opened: Callable[[str], Awaitable[Gateway]]) -> Gateway:
    """Return an open gateway that has sent no letter."""
    return await opened(gateway_url)
