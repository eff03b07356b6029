"""Ledgers and a mail server for the tests of this room."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ledger.store import Ledger
from notices.sink import Sink


@pytest.fixture(scope="session")
async def empty_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of an empty ledger: bringing a new one to the newest schema takes longer than most tests."""
    file = tmp_path_factory.mktemp("empty") / "ledger.db"
    await (await Ledger.open(f"sqlite+aiosqlite:///{file}")).close()
    return file


@pytest.fixture
async def ledger(empty_ledger: Path, tmp_path: Path) -> AsyncIterator[Ledger]:
    """Return an open, empty ledger."""
    shutil.copy(empty_ledger, tmp_path / "ledger.db")
    opened = await Ledger.open(f"sqlite+aiosqlite:///{tmp_path}/ledger.db")
    yield opened
    await opened.close()


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    """Return a running mail server that takes everything."""
    async with Sink() as running:
        yield running
