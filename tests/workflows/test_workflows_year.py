"""One driver over a small port: the kernel and the engine give the same ledger (design, section 6)."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from workflows_house import House, assert_sound
from workflows_kernel import driven, kernel_year

from audit.counts import recorded
from cli.year import settled_fields
from domain.events import Envelope
from domain.time import instant
from registry.campaign_file import load_campaign
from registry.store import Registry
from rehearsal.county import make_county
from rehearsal.year import plan_year, run_year

END_OF_MEETINGS = instant("2025-01-15T12:00:00+08:00")


@pytest.fixture
async def registry(tmp_path: Path) -> Registry:
    """Return a registry for a kernel."""
    opened = await Registry.open(f"sqlite+aiosqlite:///{tmp_path / 'people.db'}", b"p" * 32)
    yield opened
    await opened.close()


def assert_equal_ledgers(first: dict[str, list[Envelope]], second: dict[str, list[Envelope]]) -> None:
    """Compare stream by stream and event by event, so that a difference names its place."""
    assert sorted(first) == sorted(second)
    for stream in sorted(first):
        for one, other in zip(first[stream], second[stream], strict=False):
            assert one == other, f"{stream}#{one['version']}"
        assert len(first[stream]) == len(second[stream]), stream


@pytest.mark.parametrize(("schools", "pupils"), [(3, 120), (12, 120)])
async def test_kernel_gives_the_same_sound_ledger_every_time(
    tmp_path: Path, registry: Registry, schools: int, pupils: int
) -> None:
    """A year in memory: every chain joins, folding the events gives each state, and a second run is identical."""
    make_county(tmp_path / "county", schools, pupils, 1)
    plan = await plan_year(registry, tmp_path / "county", seed=1, settles=True)
    kernel, report = await driven(registry, plan)
    again, _ = await driven(registry, plan)

    cases = [stream for stream in kernel.ledger if "/dropout/" in stream or "/compliance/" in stream]
    assert len(kernel.ledger) - len(cases) == 1 + 7 * schools  # a school, its five stages and its attendance
    assert report.commands >= 15 * schools
    assert report.refusals["NOT_COMPLETE"] >= schools  # a year without refusals would prove little
    for stream, events in kernel.ledger.items():
        state = kernel.machines[stream].state
        assert state is not None
        assert_sound(stream, events, state.model_dump(mode="json"))
    assert_equal_ledgers(kernel.ledger, again.ledger)


@pytest.mark.parametrize("seed", [1, 2])
async def test_another_seed_gives_another_year(tmp_path: Path, registry: Registry, seed: int) -> None:
    """The comparison can tell two years apart: other people do other things."""
    make_county(tmp_path / "county", 1, 40, 1)
    kernel, _ = await kernel_year(registry, tmp_path / "county", seed=1)
    other, _ = await kernel_year(registry, tmp_path / "county", seed=seed)
    assert (kernel.ledger == other.ledger) is (seed == 1)


@pytest.mark.parametrize(
    ("schools", "pupils", "cached"),
    [pytest.param(1, 24, 0, id="nothing-cached"), pytest.param(2, 60, 2_000, id="two-schools")],
)
async def test_engine_gives_the_kernels_ledger(
    house: House, tmp_path: Path, registry: Registry, schools: int, pupils: int, cached: int
) -> None:
    """The stepped engine writes the kernel's year event for event, also when each task replays from the start."""
    files = tmp_path / "county"
    make_county(files, schools, pupils, 1)
    if not cached:  # three days of attendance reports are as good as a month of them
        file = files / "campaign.toml"
        file.write_text(file.read_text().replace("last = 2025-03-31", "last = 2025-03-05"))
    campaign = load_campaign(files).campaign

    async def counting(moment: datetime) -> dict[str, Any]:
        return settled_fields(await recorded(house.ledger, campaign, moment))

    until = None if cached else END_OF_MEETINGS  # replaying each task from the start costs its square
    kernel, report = await driven(registry, await plan_year(registry, files, 1, until=until, settles=True))
    async with house.worker(max_cached_workflows=cached):
        run = await run_year(house.client, house.registry, files, until=until, counting=counting)

    ledger = await house.streams(run.campaign)
    assert_equal_ledgers(ledger, kernel.ledger)
    assert run.refusals == dict(report.refusals)
    assert (run.commands, run.ticks) == (report.commands, report.ticks)
    assert await house.ledger.conflicts() == []
