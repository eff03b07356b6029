"""What an audit costs: a replay beside the bare Replayer, and a county's year exported and verified.

Exits with 1 and names what was missed when a limit of the requirement does not hold. Writes its table into
`docs/performance.md` between the markers.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import os
import platform
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

from temporalio.client import WorkflowHistory

from activities.people import PeopleActivities
from audit.bundle.histories import gather
from audit.bundle.writer import write_bundle
from audit.heads import make_head
from audit.replay import replay
from audit.signing_keys import SigningKey
from audit.verifier import verify_bundle
from bench.processes import processes
from cli.run_main import run_main
from client import CampaignClient
from domain.kernel import Kernel
from domain.stream import Carry, Job
from domain.time import SHANGHAI
from engine import replayer
from ledger.store import ArchivedHistory, Ledger
from protocol import CohortRequest, ProposalsRequest
from registry.database import load_pepper
from registry.store import Registry
from rehearsal.county import make_county
from rehearsal.driver import Driver
from rehearsal.year import plan_year, run_year

ROOT: Final = Path(__file__).resolve().parents[1]
DOCUMENT: Final = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- bench/audit.py: begin -->", "<!-- bench/audit.py: end -->"

PUPILS: Final = 200
SEED: Final = 1
REPLAY_LIMIT: Final = 0.8
VERIFY_LIMIT: Final = 100_000
COUNTY_LIMIT: Final = 60.0
KEY: Final = SigningKey("bench.example", b"b" * 32)


@dataclass(frozen=True)
class Cost:
    """Seconds of wall and of processor, children that have ended within."""

    wall: float
    cpu: float


class Stopwatch:
    """Measures what is done between its making and `cost`."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), _cpu()

    def cost(self) -> Cost:
        """Return what was spent."""
        return Cost(time.perf_counter() - self._wall, _cpu() - self._cpu)


def _cpu() -> float:
    return sum(os.times()[:4])


@dataclass(frozen=True)
class Bundle:
    """A county's year that was exported and verified.

    Attributes:
        export, verified: what each took; exporting includes the head's signature and a first verification.
        one_core: verifying in one process.
    """

    schools: int
    events: int
    histories: int
    size: int
    export: Cost
    verified: Cost
    one_core: Cost


@dataclass(frozen=True)
class Measured:
    """All that was measured.

    Attributes:
        replayed: events of the histories that were replayed.
        bare, alone, ours: the bare Replayer, our replay in one process, and our replay as it is run.
        bundles: the year that an engine ran, with all histories; and the county's.
        load: the machine's load average over the last minute, at the begin and the end.
    """

    schools: int
    replayed: int
    bare: Cost
    alone: Cost
    ours: Cost
    bundles: tuple[Bundle, ...]
    load: tuple[float, float]


# -- years --------------------------------------------------------------------------------------------------------


async def engines_year(data: Path, schools: int) -> str:
    """Run a year on the embedded engine and put every history into the archive; return the campaign."""
    make_county(data / "county", schools, schools * PUPILS, SEED)
    async with processes(data, ["worker.py"]) as (engine, _), opened(data) as (ledger, registry):
        run = await run_year(CampaignClient(engine, ledger), registry, data / "county", seed=SEED)
        for row in (await gather(ledger, run.campaign, engine)).rows:
            text = gzip.decompress(row.history).decode()
            await ledger.archive(ArchivedHistory(**{**vars(row), "history": text}))
    return run.campaign


async def kernels_year(data: Path, schools: int) -> str:
    """Run a year on the pure kernel, which makes the same events and no histories; return the campaign."""
    make_county(data / "county", schools, schools * PUPILS, SEED)
    async with opened(data) as (ledger, registry):
        plan = await plan_year(registry, data / "county", seed=SEED)
        people = PeopleActivities(registry)

        async def work(job: Job) -> dict[str, Any]:
            if job.name == "cohort":
                return await people.cohort(CohortRequest.model_validate(job.arguments))
            return await people.proposals(ProposalsRequest.model_validate(job.arguments))

        kernel, campaign = Kernel(work), plan.draft.campaign
        author = plan.author.model_dump(mode="json")
        start = {**plan.draft.content, "clock": "stepped", "actor": author, "command_id": "draft"}
        carry = Carry(stream=campaign, kind="campaign", clock="stepped", start=start, started_at=plan.started_at)
        await kernel.begin(carry)
        await Driver(kernel, campaign, plan.commands, plan.started_at).run()
        for stream, envelopes in kernel.ledger.items():
            await ledger.append(envelopes, [], kernel.machines[stream].view())
    return campaign


@asynccontextmanager
async def opened(data: Path) -> AsyncIterator[tuple[Ledger, Registry]]:
    """Open ledger and registry of a directory."""
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{data}/ledger.db")
    registry = await Registry.open(f"sqlite+aiosqlite:///{data}/registry.db", load_pepper(data / "pepper"))
    try:
        yield ledger, registry
    finally:
        await ledger.close()
        await registry.close()


# -- what is measured ---------------------------------------------------------------------------------------------


async def bare(ledger: Ledger, campaign: str) -> Cost:
    """Replay the archive's histories with nothing but the SDK's Replayer, in this process."""
    watch = Stopwatch()

    async def histories() -> AsyncIterator[WorkflowHistory]:
        for workflow, runs in (await ledger.archived_runs(campaign)).items():
            for run in runs:
                held = await ledger.archived(workflow, run)
                assert held is not None
                yield WorkflowHistory.from_json(workflow, held.history)

    async with replayer().workflow_replay_iterator(histories()) as results:
        async for result in results:
            if result.replay_failure is not None:
                raise RuntimeError(f"{result.history.workflow_id} does not replay") from result.replay_failure
    return watch.cost()


async def ours(ledger: Ledger, campaign: str, count: int | None) -> Cost:
    """Audit the same histories: replayed, and compared with ledger, states and today's decisions."""
    watch = Stopwatch()
    report = await replay(ledger, campaign, processes=count)
    if not report.replay_ok or not report.ledger_ok or report.differences:
        raise RuntimeError(f"{campaign} does not hold: {report.differences[:3]}")
    return watch.cost()


async def bundle(data: Path, campaign: str, schools: int, rounds: int) -> Bundle:
    """Export a campaign's bundle and verify it as an auditor does, in a process of its own."""
    file = data / "audit.zip"
    watch = Stopwatch()
    async with opened(data) as (ledger, _):
        rows = (await gather(ledger, campaign, None)).rows
        headed = await make_head(ledger, campaign, KEY, "stepped", datetime.now(SHANGHAI))
        verdict = await asyncio.to_thread(write_bundle, headed, rows, KEY, file, templates={}, code_version="bench")
    export = watch.cost()
    verified, one_core = [], []
    for _ in range(rounds):
        verified.append(await _verify(file))
        one_core.append(await asyncio.to_thread(_verify_alone, file))
    return Bundle(
        schools, verdict.events, verdict.histories, file.stat().st_size, export, _typical(verified), _typical(one_core)
    )


async def _verify(file: Path) -> Cost:
    watch = Stopwatch()
    program = str(Path(verify_bundle.__file__))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", program, str(file), "--key", str(KEY.public), stdout=asyncio.subprocess.DEVNULL
    )
    if await process.wait() != verify_bundle.OK:
        raise RuntimeError(f"{file.name} does not verify")
    return watch.cost()


def _verify_alone(file: Path) -> Cost:
    watch = Stopwatch()
    verify_bundle.verify(file, verify_bundle.Key.parse(str(KEY.public)), processes=1)
    return watch.cost()


def _typical(costs: Sequence[Cost]) -> Cost:
    return Cost(median(cost.wall for cost in costs), median(cost.cpu for cost in costs))


async def measure(schools: int, county: int, rounds: int, *, histories: bool) -> Measured:
    """Measure everything, in turns where two things are compared."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        data = Path(name)
        _say(f"a year of {schools} schools on the engine")
        campaign = await engines_year(data, schools)
        costs: dict[str, list[Cost]] = {"bare": [], "alone": [], "ours": []}
        async with opened(data) as (ledger, _):
            rows = (await gather(ledger, campaign, None)).rows
            replayed = sum(row.history_events for row in rows)
            for number in range(rounds):
                _say(f"replay, round {number + 1}")
                costs["bare"].append(await bare(ledger, campaign))
                costs["alone"].append(await ours(ledger, campaign, 1))
                costs["ours"].append(await ours(ledger, campaign, None))
        _say("its bundle")
        bundles = [await bundle(data, campaign, schools, rounds)]
    if histories:
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            _say(f"a year of {county} schools on the engine, and its bundle")
            campaign = await engines_year(Path(name), county)
            bundles.append(await bundle(Path(name), campaign, county, rounds))
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        _say(f"a year of {county} schools on the kernel, and its bundle")
        campaign = await kernels_year(Path(name), county)
        bundles.append(await bundle(Path(name), campaign, county, rounds))
    typical = {kind: _typical(found) for kind, found in costs.items()}
    return Measured(schools, replayed, **typical, bundles=tuple(bundles), load=(load, os.getloadavg()[0]))


# -- the report ---------------------------------------------------------------------------------------------------


def missed(measured: Measured) -> list[str]:
    """Return which limits do not hold."""
    *_, county = measured.bundles
    ratio = measured.bare.wall / measured.ours.wall
    rate = county.events / county.verified.wall
    whole = max(one.export.wall + one.verified.wall for one in measured.bundles)
    found = []
    if ratio < REPLAY_LIMIT:
        found.append(
            f"`audit replay` replays {ratio:.2f} of the bare Replayer's events a second; {REPLAY_LIMIT} wanted"
        )
    if rate < VERIFY_LIMIT:
        found.append(f"{rate:,.0f} events a second are verified; {VERIFY_LIMIT:,} wanted")
    if whole > COUNTY_LIMIT:
        found.append(f"{county.schools} schools take {whole:.1f} s to export and verify; {COUNTY_LIMIT:.0f} allowed")
    return found


def report(measured: Measured) -> str:
    """Return the tables in Markdown."""
    rows = [
        ("bare Replayer, one process", measured.bare),
        ("`audit replay`, one process", measured.alone),
        ("`audit replay`, as it is run", measured.ours),
    ]
    machine = (
        f"Measured on {os.cpu_count()} cores ({platform.machine()}), {platform.system()}, "
        f"Python {platform.python_version()}; load average {measured.load[0]:.1f} at the begin and "
        f"{measured.load[1]:.1f} at the end, of which this bench makes 1 to 2. Medians; seconds."
    )
    lines = [
        machine,
        "",
        f"Replay of a year of {measured.schools} × {PUPILS}: {measured.replayed} history events.",
        "",
        "| run | wall s | CPU s | events/s, wall | ÷ bare, wall | ÷ bare, CPU |",
        "|---|---:|---:|---:|---:|---:|",
        *(
            f"| {name} | {cost.wall:.1f} | {cost.cpu:.1f} | {measured.replayed / cost.wall:,.0f} "
            f"| {measured.bare.wall / cost.wall:.2f} | {measured.bare.cpu / cost.cpu:.2f} |"
            for name, cost in rows
        ),
        "",
        "| bundle | events | histories | MB | export s | verify s | events/s | CPU s, one core | events/s of CPU |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
        *map(_row, measured.bundles),
        "",
    ]
    found = missed(measured)
    lines += ["Limits missed:", "", *(f"- {one}" for one in found)] if found else ["All limits hold."]
    return "\n".join(lines)


def _row(one: Bundle) -> str:
    cells = (
        f"{one.schools} × {PUPILS}, {'from the engine' if one.histories else 'events of the pure kernel'}",
        str(one.events),
        str(one.histories),
        f"{one.size / 1e6:.0f}",
        f"{one.export.wall:.1f}",
        f"{one.verified.wall:.1f}",
        f"{one.events / one.verified.wall:,.0f}",
        f"{one.one_core.cpu:.1f}",
        f"{one.events / one.one_core.cpu:,.0f}",
    )
    return f"| {' | '.join(cells)} |"


def write(document: Path, text: str) -> None:
    """Put the report between the markers.

    Raises:
        ValueError: the document lacks them.
    """
    before, _, rest = document.read_text(encoding="utf-8").partition(BEGIN)
    _, marker, after = rest.partition(END)
    if not marker:
        raise ValueError(f"{document.name} lacks the markers of bench/audit.py")
    document.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


async def main(arguments: Sequence[str] | None = None, *, put: Callable[[Path, str], None] = write) -> int:
    """Run the bench; 1 where a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schools", type=int, default=10, help="of the year that the engine runs")
    parser.add_argument("--county", type=int, default=50, help="schools of the county's year")
    parser.add_argument(
        "--histories", action="store_true", help="run the county's year on the engine too: some five minutes more"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-write", action="store_true", help="leave the document as it is")
    given = parser.parse_args(arguments)
    measured = await measure(given.schools, given.county, given.rounds, histories=given.histories)
    text = report(measured)
    sys.stdout.write(f"{text}\n")
    if not given.no_write:
        put(DOCUMENT, text)
    return 1 if missed(measured) else 0


if __name__ == "__main__":
    run_main(main)
