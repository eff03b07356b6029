"""A rehearsed year on the in-memory kernel: the oracle that the engine is compared with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime
from pathlib import Path
from typing import Any, cast

from activities.people import PeopleActivities
from audit.counts import recorded
from cli.year import settled_fields
from domain.events import Envelope
from domain.kernel import Kernel
from domain.stream import Carry, Job
from ledger.store import Ledger
from protocol import CohortRequest, ProposalsRequest
from registry.store import Registry
from rehearsal.driver import Driver, DriverReport
from rehearsal.year import YearPlan, plan_year


async def kernel_year(registry: Registry, files: Path, *, seed: int = 1) -> tuple[Kernel, DriverReport]:
    """Plan a county's year and drive it through the kernel."""
    return await driven(registry, await plan_year(registry, files, seed, settles=True))


async def driven(registry: Registry, plan: YearPlan, *, stop_on: date = date.max) -> tuple[Kernel, DriverReport]:
    """Drive a plan through the kernel, with the worker's own activities for the outside work; up to a day, if named."""
    people = PeopleActivities(registry)

    async def work(job: Job) -> dict[str, Any]:
        if job.name == "cohort":
            return await people.cohort(CohortRequest.model_validate(job.arguments))
        return await people.proposals(ProposalsRequest.model_validate(job.arguments))

    kernel = Kernel(work)
    start = {
        **plan.draft.content,
        "clock": "stepped",
        "actor": plan.author.model_dump(mode="json"),
        "command_id": "rehearsal-draft",
    }
    campaign = plan.draft.campaign

    async def counting(moment: datetime) -> dict[str, Any]:
        return settled_fields(await recorded(cast("Ledger", KernelLedger(kernel)), campaign, moment))

    await kernel.begin(
        Carry(stream=campaign, kind="campaign", clock="stepped", start=start, started_at=plan.started_at)
    )
    report = await Driver(kernel, campaign, plan.commands, plan.started_at, counting).run(stop_on=stop_on)
    return kernel, report


class KernelLedger:
    """A kernel's events as a settlement reads them from a ledger."""

    def __init__(self, kernel: Kernel) -> None:
        self._streams = kernel.ledger

    async def events(self, stream: str) -> AsyncIterator[Envelope]:
        """Yield a stream's events in order; none where it does not exist."""
        for envelope in self._streams.get(stream, []):
            yield envelope
