"""Ledgers and a mail server for the tests of this room."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ledger.store import Ledger
from notices.sink import Sink


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    """Return an open, empty ledger."""
    opened = await Ledger.open(f"sqlite+aiosqlite:///{tmp_path}/ledger.db")
    yield opened
    await opened.close()


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    """Return a running mail server that takes everything."""
    async with Sink() as running:
        yield running
