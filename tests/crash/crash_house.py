"""A small county's rehearsed year under fire: processes that die and are started again, and what must be true after.

The undisturbed run is the pure kernel's with the same county and seed: it writes the engine's events, hash by hash.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import crash_nursery
from crash_client import Witness

from activities.people import PeopleActivities
from client import Recalled, RecalledLabel
from domain.kernel import Kernel
from domain.notices import notices_for, student_of
from domain.refusal import Refusal
from domain.stream import Carry
from domain.time import instant
from engine import EmbeddedEngine, EngineUnreachableError, export_history
from ledger.histories import appended
from ledger.store import Ledger
from protocol import ACTIVITY_APPEND, CohortRequest, ProposalsRequest
from registry.database import load_pepper
from registry.store import Registry
from rehearsal.county import make_county
from rehearsal.driver import Driver
from rehearsal.year import YearPlan, plan_year, run_year

WATCH = 0.03
RUN_LIMIT = 200
"""Seconds for one rehearsal with all its crashes; it takes ten."""

AUDITS = 2
AUDIT_LIMIT = 60
"""Seconds for one; it takes three. The SDK's deadlock detector can leave a replay hanging on an overloaded machine."""

ARCHIVED_WITHIN = 60
"""Seconds for the archive of a run that had ended just before the year was over."""

QUICK_ENGINE = (
    "--dynamic-config-value",
    "limit.historyCount.suggestContinueAsNew=40",
    "--dynamic-config-value",
    'history.defaultWorkflowTaskTimeout="2s"',
)
"""Short runs, so that a small county continues as new; a dead worker's task is given up after 2 s instead of 10."""


# -- the undisturbed run ------------------------------------------------------------------------------------------


@dataclass
class Undisturbed:
    """A county's files and what its year leads to where nothing dies."""

    county: Path
    plan: YearPlan
    kernel: Kernel
    calls: int

    @property
    def campaign(self) -> str:
        """The campaign's id."""
        return self.plan.draft.campaign


class RecallingKernel:
    """The kernel as a port whose streams outlive their driver; it can stop a driver after a number of calls."""

    def __init__(self, kernel: Kernel, calls: int | None = None, *, answer_lost: bool = False) -> None:
        self.kernel = kernel
        self.done = 0
        self._calls = calls
        self._answer_lost = answer_lost

    async def submit_unrecorded(self, stream, command, *, at=None):
        """Give a command, if the driver still lives."""
        return await self._call(lambda: self.kernel.submit_unrecorded(stream, command, at=at))

    async def tick(self, stream, at, absorb=()):
        """Tick, if the driver still lives."""
        return await self._call(lambda: self.kernel.tick(stream, at, absorb))

    async def recall(self, stream):
        """Tell what `CampaignClient.recall` tells of a running campaign."""
        carry, ledger = self.kernel.machines[stream].carry, self.kernel.ledger
        sent = []
        for label in (label for labels in carry.sent.values() for label in labels):
            cause = ledger[stream][int(label.id.rpartition("#")[2]) - 1] if label.id else ledger[label.to][0]
            sent.append(RecalledLabel(to=label.to, id=label.id, at=cause["recorded_at"]))
        return Recalled(present=carry.time, sent=tuple(sent))

    async def _call(self, call):
        await asyncio.sleep(0)  # the schools take turns, as they do on an engine
        self.done += 1
        if self._calls is None or self.done < self._calls:
            return await call()
        if self.done == self._calls and self._answer_lost:
            with contextlib.suppress(Refusal):
                await call()
        raise DriverStoppedError


class DriverStoppedError(Exception):
    """The driver died here."""


def begin_work(registry: Registry):
    """Return what does a kernel's jobs, remembering the results: snapshots never change."""
    people, results = PeopleActivities(registry), {}

    async def work(job):
        key = job.model_dump_json()
        if key not in results:
            if job.name == "cohort":
                results[key] = await people.cohort(CohortRequest(**job.arguments))
            else:
                results[key] = await people.proposals(ProposalsRequest(**job.arguments))
        return results[key]

    return work


async def begun_kernel(plan: YearPlan, work) -> Kernel:
    """Return a kernel with the drafted campaign, as `CampaignClient.launch` begins it."""
    kernel = Kernel(work)
    draft, author = plan.draft, plan.author.model_dump(mode="json")
    start = {**draft.content, "clock": "stepped", "actor": author, "command_id": "rehearsal-draft"}
    await kernel.begin(
        Carry(stream=draft.campaign, kind="campaign", clock="stepped", start=start, started_at=plan.started_at)
    )
    return kernel


UNTIL = instant("2025-03-20T12:00:00+08:00")
"""Kills are dear: the year under fire goes as far as the first trips."""


DAYS_OF_ATTENDANCE = ("last = 2025-03-31", "last = 2025-03-05")
"""Three days of reports are as good as a month of them."""


async def undisturbed_year(directory: Path, schools: int, pupils: int) -> Undisturbed:
    """Make a county and run its year in the kernel."""
    county = directory / "county"
    make_county(county, schools, pupils, 1)
    file = county / "campaign.toml"
    file.write_text(file.read_text().replace(*DAYS_OF_ATTENDANCE))
    registry = await Registry.open(f"sqlite+aiosqlite:///{directory}/registry.db", load_pepper(directory / "pepper"))
    try:
        plan = await plan_year(registry, county, 1, until=UNTIL)
        port = RecallingKernel(await begun_kernel(plan, begin_work(registry)))
        await Driver(port, plan.draft.campaign, plan.commands, plan.started_at).run()
    finally:
        await registry.close()
    return Undisturbed(county, plan, port.kernel, port.done)


# -- the run under fire -------------------------------------------------------------------------------------------


@dataclass
class House:
    """Engine, worker and (if asked for) driver of one data directory; what dies is started again.

    Attributes:
        starts: how often each was started.
        faults: exits that nobody ordered; the first one ends the run.
        over: set when the driver's process is through, or there is no sense in waiting for it.
    """

    data: Path
    undisturbed: Undisturbed
    environment: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = QUICK_ENGINE
    starts: dict[str, int] = field(default_factory=lambda: {"engine": 0, "worker": 0, "driver": 0})
    faults: list[str] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    connection: Any = None

    def __post_init__(self) -> None:
        """Lay out the data directory; nothing runs yet."""
        self.data.mkdir(parents=True, exist_ok=True)
        self.engine = EmbeddedEngine(self.data, options=self.options)
        self._processes: dict[str, BaseProcess] = {}

    @contextlib.asynccontextmanager
    async def running(self, *, driver: bool = False) -> AsyncIterator[House]:
        """Start everything, start again what dies, and leave no process behind."""
        watch = None
        try:
            await self._first_start()
            self._start("worker")
            if driver:
                self._start("driver")
            watch = asyncio.create_task(self._watch())
            yield self
        finally:
            if watch is not None:
                watch.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watch
            for process in self._processes.values():
                process.kill()
                process.join()
            if self.engine.pid is not None:  # nothing of it is needed any more
                os.kill(self.engine.pid, signal.SIGKILL)
            await self.engine.stop()

    async def rehearse(self) -> None:
        """Run the year with a driver in this process."""
        ledger, registry = await self.open()
        try:
            witness = Witness(self.connection, ledger, self.data / "acknowledged")
            async with asyncio.timeout(RUN_LIMIT):
                await run_year(witness, registry, self.undisturbed.county, until=UNTIL)
        finally:
            await ledger.close()
            await registry.close()

    async def driven(self) -> None:
        """Wait until the driver's process has come to the end of the year."""
        async with asyncio.timeout(RUN_LIMIT):
            await self.over.wait()

    def kill(self, victims: tuple[str, ...]) -> bool:
        """Kill -9 all of these at once; tells whether all of them were alive."""
        pids = [self._pid(victim) for victim in victims]
        if None in pids:
            return False
        try:
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:  # died of the last kill, and nobody has told us yet
            return False
        return True

    async def kill_when_alive(self, victims: tuple[str, ...]) -> None:
        """Kill -9 all of these at once, as soon as all of them are alive."""
        async with asyncio.timeout(RUN_LIMIT):
            killed = self.kill(victims)
            while not killed:
                await asyncio.sleep(WATCH)
                killed = self.kill(victims)

    def kills(self) -> int:
        """Tell how many kills the worker has written down."""
        path = self.data / "kills"
        return len(path.read_text().splitlines()) if path.exists() else 0

    def acknowledged(self) -> list[dict[str, Any]]:
        """Return every answer that a driver got; the last line may have died half written."""
        path = self.data / "acknowledged"
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("}\n")]

    async def open(self) -> tuple[Ledger, Registry]:
        """Open ledger and registry."""
        pepper = load_pepper(self.data / "pepper")
        return (
            await Ledger.open(f"sqlite+aiosqlite:///{self.data}/ledger.db"),
            await Registry.open(f"sqlite+aiosqlite:///{self.data}/registry.db", pepper),
        )

    async def audit(self) -> dict[str, Any]:
        """Let the audit replay everything; an audit that hangs on a busy machine is given up once."""
        result = self.data / "audit.json"
        for _ in range(AUDITS):
            process = self._started("audit")
            try:
                await asyncio.to_thread(process.join, AUDIT_LIMIT)
            finally:
                hung = process.exitcode is None
                process.kill()
                process.join()
            if not hung:
                break
        assert result.exists(), self._last_words("audit")
        found: dict[str, Any] = json.loads(result.read_text())
        return found

    # -- processes --------------------------------------------------------------------------------------------

    def _pid(self, name: str) -> int | None:
        if name == "engine":
            return self.engine.pid
        process = self._processes.get(name)
        return process.pid if process is not None and process.exitcode is None else None

    async def _first_start(self) -> None:
        """Start the server; where somebody else has taken one of its ports meanwhile, with others."""
        try:
            await self._start_engine()
        except EngineUnreachableError:
            await self.engine.stop()
            self.starts["engine"] -= 1
            self.engine = EmbeddedEngine(self.data, options=self.options)
            await self._start_engine()

    async def _start_engine(self) -> None:
        """Start the server, again on the same port and file."""
        self.starts["engine"] += 1
        starting = asyncio.create_task(self.engine.start())
        try:
            await asyncio.sleep(0)  # by then its process is there
            while not starting.done() and self.engine.pid is not None:
                await asyncio.wait([starting], timeout=WATCH)
            if not starting.done():
                raise EngineUnreachableError(self.engine.address)  # killed while it came up
            self.connection = self.connection or starting.result()  # a client outlives its engine
        finally:
            starting.cancel()

    def _start(self, name: str) -> None:
        self.starts[name] += 1
        self._processes[name] = self._started(name)

    def _started(self, name: str) -> BaseProcess:
        environment = {
            "CRASH_DATA": str(self.data),
            "CRASH_COUNTY": str(self.undisturbed.county),
            "CRASH_ADDRESS": self.engine.address,
            **self.environment,
        }
        return crash_nursery.start(f"crash_{name}", environment, self.data / f"{name}.log")

    async def _watch(self) -> None:
        """Start again what has died; note a death that no signal explains."""
        while True:
            for name, process in list(self._processes.items()):
                code = process.exitcode
                if code is None or (name == "driver" and self.over.is_set()):
                    continue
                if code == 0 and name == "driver":
                    self.over.set()
                    continue
                if code != -signal.SIGKILL:
                    self.faults.append(f"the {name} ended with {code}: {self._last_words(name)}")
                    self.over.set()
                self._start(name)
            if self.engine.pid is None:
                try:
                    await self._start_engine()
                except EngineUnreachableError as error:
                    if self.starts["engine"] > 100:
                        self.faults.append(str(error))
                        return
            await asyncio.sleep(WATCH)

    def _last_words(self, name: str) -> str:
        return (self.data / f"{name}.log").read_text(errors="replace")[-1500:]


async def check(house: House, *, audited: bool = False) -> dict[str, int]:
    """Assert all that must be true after the crashes; return numbers for whoever wants to know.

    Args:
        house: engine and worker must run.
        audited: also replay every history with today's code and ask the live streams for their states (3 s of work).
    """
    expected, campaign = house.undisturbed.kernel, house.undisturbed.campaign
    ledger, registry = await house.open()
    await registry.close()
    try:
        assert house.faults == []
        assert await ledger.conflicts() == []
        streams = await ledger.streams(campaign)
        held = {stream: [event async for event in ledger.events(stream)] for stream in streams}
        differences = [
            (stream, number, differing(event, other))
            for stream, events in expected.ledger.items()
            for number, (event, other) in enumerate(zip(events, held.get(stream, []), strict=False), start=1)
            if event != other
        ]
        assert differences == [], "the record differs from the undisturbed run's"
        assert {stream: len(events) for stream, events in held.items()} == {
            stream: len(events) for stream, events in expected.ledger.items()
        }
        assert held == expected.ledger
        acknowledged = house.acknowledged()
        for receipt in acknowledged:
            events = held[receipt["stream"]]
            assert events[receipt["last_version"] - 1]["hash"] == receipt["hash"], receipt
            if receipt["command_id"]:
                written = events[receipt["first_version"] - 1 : receipt["last_version"]]
                assert {event["command_id"] for event in written} <= {receipt["command_id"]}, receipt
        assert await ledger.notices(campaign) == expected_notices(held)
        assert await ledger.open_holds(campaign) == []
        board = {
            stream: {**machine.view(), "version": machine.carry.version}
            for stream, machine in sorted(expected.machines.items())
        }
        assert await ledger.board(campaign) == board
        deadline = time.monotonic() + ARCHIVED_WITHIN
        while True:  # the last runs may just have begun, or be about to: a quiet stream still continues as new
            runs = await histories(house, streams)
            closed = {stream: list(found)[:-1] for stream, found in runs.items() if len(found) > 1}
            archived = await ledger.archived_runs(campaign)
            if archived == closed or time.monotonic() > deadline:
                break
            await asyncio.sleep(WATCH)
        assert archived == closed, "every run but the last is archived, once"
        for stream, found in runs.items():
            assert [event for history in found.values() for event in appended(history, ACTIVITY_APPEND)] == held[stream]
            for run in archived.get(stream, []):
                kept = await ledger.archived(stream, run)
                assert kept is not None
                assert kept.intact
                assert kept.closed
                assert json.loads(kept.history) == found[run]
        if audited:
            assert await house.audit() == {
                "replay_ok": True,
                "ledger_ok": True,
                "live_unreached": 0,
                "differences": [],
            }
    finally:
        await ledger.close()
    return {
        "events": sum(map(len, held.values())),
        "acknowledged": len(acknowledged),
        "runs": sum(map(len, runs.values())),
        "continued": sum(map(len, archived.values())),
        **{f"{name}_starts": number for name, number in house.starts.items()},
    }


async def histories(house: House, streams: list[str]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the engine's histories of all runs by stream and run id, in the order of the runs."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for stream in streams:
        described = await house.connection.get_workflow_handle(stream).describe()
        run, chain = described.run_id, {}
        while run:
            _, text = await export_history(house.connection, stream, run)
            chain[run] = json.loads(text)
            started = chain[run]["events"][0]["workflowExecutionStartedEventAttributes"]
            run = started.get("continuedExecutionRunId")
        found[stream] = dict(reversed(chain.items()))
    return found


def differing(event: dict[str, Any], other: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the fields in which two envelopes differ, but for the hashes that follow from them."""
    fields = [key for key in event if event[key] != other.get(key) and key not in ("hash", "prev_hash")]
    return {key: (event[key], other.get(key)) for key in fields}


def expected_notices(held: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return the outbox rows that the events ask for, one for each occasion; nobody sends, so who left gets none."""
    plans = [plan for events in held.values() for event in events for plan in notices_for(event)]
    every = [event for events in held.values() for event in events]
    gone = {event["data"]["student"] for event in every if event["type"] == "LeftRegister"}
    rows = {
        plan.notice_id: {**plan.model_dump(), "state": "denied" if student_of(plan.recipient) in gone else "planned"}
        for plan in plans
    }
    return [rows[name] for name in sorted(rows)]


def say(what: str, numbers: dict[str, Any], began: float) -> None:
    """Print a line of numbers; pytest shows it with `-s` or `-rP`."""
    text = " ".join(f"{key}={value}" for key, value in numbers.items())
    print(f"{what}: {text} seconds={time.monotonic() - began:.1f}")  # noqa: T201 - read with `pytest -rP`
