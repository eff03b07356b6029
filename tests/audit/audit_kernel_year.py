"""A year without an engine, with what every screen showed on the way, written into a ledger."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from activities.people import PeopleActivities
from domain.events import Envelope
from domain.kernel import Kernel
from domain.machine import Machine
from domain.stream import Carry, Job
from ledger.store import Ledger
from protocol import CohortRequest, ProposalsRequest
from registry.store import Registry
from rehearsal.county import make_county
from rehearsal.driver import Driver
from rehearsal.year import plan_year

sys.path.append(str(Path(__file__).parents[1] / "domain"))  # for `stream_samples`, also when run alone


@dataclass(frozen=True)
class Screen:
    """What a stream showed after it had written an event."""

    stream: str
    version: int
    recorded_at: str
    view: dict[str, Any]
    state: dict[str, Any]


class WatchedKernel(Kernel):
    """A kernel that keeps every line of the board as it was shown."""

    def __init__(self, people: PeopleActivities) -> None:
        super().__init__(self._do)
        self.people = people
        self.screens: list[Screen] = []

    async def _do(self, job: Job) -> dict[str, Any]:
        if job.name == "cohort":
            return await self.people.cohort(CohortRequest.model_validate(job.arguments))
        return await self.people.proposals(ProposalsRequest.model_validate(job.arguments))

    async def _settle(self, machine: Machine[Any]) -> None:
        if machine.queue and machine.state is not None:
            last = machine.queue[-1]
            state = machine.state.model_dump(mode="json")
            self.screens.append(
                Screen(machine.carry.stream, last["version"], last["recorded_at"], machine.view(), state)
            )
        await super()._settle(machine)


@dataclass
class KernelYear:
    """A finished year."""

    directory: Path
    campaign: str
    streams: dict[str, list[Envelope]]
    screens: list[Screen]
    names: set[str]

    @property
    def events(self) -> list[Envelope]:
        """All events, stream by stream."""
        return [envelope for stream in sorted(self.streams) for envelope in self.streams[stream]]

    @property
    def instants(self) -> list[str]:
        """Every instant at which something was recorded."""
        return sorted({envelope["recorded_at"] for envelope in self.events})

    @asynccontextmanager
    async def ledger(self) -> AsyncIterator[Ledger]:
        """Open the year's ledger."""
        opened = await Ledger.open(f"sqlite+aiosqlite:///{self.directory / 'ledger.db'}")
        try:
            yield opened
        finally:
            await opened.close()


async def kernel_year(directory: Path, schools: int = 2, pupils: int = 60) -> KernelYear:
    """Rehearse a county's year on the kernel and write its ledger into a data directory."""
    make_county(directory / "county", schools, pupils, 1)
    registry = await Registry.open(f"sqlite+aiosqlite:///{directory / 'registry.db'}", b"p" * 32)
    try:
        plan = await plan_year(registry, directory / "county", seed=1)
        campaign = plan.draft.campaign
        kernel = WatchedKernel(PeopleActivities(registry))
        author = plan.author.model_dump(mode="json")
        start = {**plan.draft.content, "clock": "stepped", "actor": author, "command_id": "draft"}
        await kernel.begin(
            Carry(stream=campaign, kind="campaign", clock="stepped", start=start, started_at=plan.started_at)
        )
        await Driver(kernel, campaign, plan.commands, plan.started_at).run()
        names = {name for code in plan.draft.pupils for _, name in (await registry.names(campaign, code)).values()}
    finally:
        await registry.close()
    year = KernelYear(directory, campaign, kernel.ledger, kernel.screens, names)
    await write(directory, year.streams, {stream: machine.view() for stream, machine in kernel.machines.items()})
    return year


async def write(directory: Path, streams: dict[str, list[Envelope]], views: dict[str, dict[str, Any]]) -> None:
    """Write streams into the ledger of a data directory."""
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{directory / 'ledger.db'}")
    try:
        for stream, envelopes in streams.items():
            await ledger.append(envelopes, [], views[stream])
    finally:
        await ledger.close()
