"""Engines and houses for the tests of this room; each house has a namespace, a ledger and a registry of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from workflows_house import FIRST, SECOND, Campaign, House, house_in

from engine import EmbeddedEngine, connect

ROOMS = 60
"""Namespaces are made with the engine; a house takes the next."""

LOW_HISTORY = 150
"""History events after which the low engine suggests to continue as new."""

IN_FLIGHT = 1_000
"""Unfinished Updates that the low engine takes of one workflow; ten is the server's own limit."""


def _rooms(name: str, count: int) -> list[str]:
    return [option for number in range(count) for option in ("--namespace", f"{name}-{number}")]


@pytest.fixture(scope="session")
async def engine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedEngine]:
    """Run one embedded engine for all tests."""
    running = EmbeddedEngine(tmp_path_factory.mktemp("engine"), options=_rooms("room", ROOMS))
    await running.start()
    yield running
    await running.stop()


@pytest.fixture(scope="session")
async def low_engine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedEngine]:
    """Run one embedded engine that soon suggests to continue as new and takes many Updates at a time."""
    limits = (f"limit.historyCount.suggestContinueAsNew={LOW_HISTORY}", f"history.maxInFlightUpdates={IN_FLIGHT}")
    options = [*_rooms("low", 10), *(part for limit in limits for part in ("--dynamic-config-value", limit))]
    running = EmbeddedEngine(tmp_path_factory.mktemp("low-engine"), options=options)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture(scope="session")
def rooms() -> Iterator[int]:
    """Count the rooms that are taken."""
    return iter(range(ROOMS))


@pytest.fixture
async def house(engine: EmbeddedEngine, rooms: Iterator[int], tmp_path: Path) -> AsyncIterator[House]:
    """Return a house of the test's own."""
    client = await connect(engine.address, f"room-{next(rooms)}", wait=10)
    async with house_in(client, tmp_path) as opened:
        yield opened


@pytest.fixture(scope="session")
def low_rooms() -> Iterator[int]:
    """Count the rooms of the low engine that are taken."""
    return iter(range(10))


@pytest.fixture
async def low_house(low_engine: EmbeddedEngine, low_rooms: Iterator[int], tmp_path: Path) -> AsyncIterator[House]:
    """Return a house whose workflows continue as new after few history events."""
    client = await connect(low_engine.address, f"low-{next(low_rooms)}", wait=10)
    async with house_in(client, tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
async def campaign(
    engine: EmbeddedEngine, rooms: Iterator[int], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Campaign]:
    """Run one campaign on the engine's clock, first two stages open, for tests that leave it as it is."""
    client = await connect(engine.address, f"room-{next(rooms)}", wait=10)
    async with house_in(client, tmp_path_factory.mktemp("campaign")) as opened, opened.worker():
        started = await opened.campaign()
        await started.open(FIRST)
        await started.open(SECOND)
        yield started
