"""The two ways of each patch: a run that goes the new one, and one that goes as releases before it did."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

from golden_recorder import Recording
from temporalio import activity
from temporalio.worker import UnsandboxedWorkflowRunner
from workflows_house import FIRST, house_in

import worker
from activities.people import PeopleActivities
from engine import EmbeddedEngine, export_history
from protocol import ACTIVITY_PROPOSALS, ProposalsRequest
from registry.store import Registry


async def a_job_done_again(recording: Recording, directory: Path, pupils: int) -> None:
    """Record both ways of the patch `job-back-off`: with its pause and marker, and as releases before it did."""
    before = mock.patch("temporalio.workflow.patched", return_value=False)
    plain = mock.patch.object(worker, "sandbox", UnsandboxedWorkflowRunner)  # so that the old way is seen
    ways = {"job-back-off-with-open": (), "job-back-off-without-open": (before, plain)}
    for name, changes in ways.items():
        engine = EmbeddedEngine(directory / name)
        with ExitStack() as changed:
            for change in (*changes, mock.patch.object(worker, "PeopleActivities", Stumbling)):
                changed.enter_context(change)
            async with house_in(await engine.start(), directory / f"{name}-house") as house, house.worker():
                campaign = await house.campaign(pupils=pupils)
                await campaign.open(FIRST)
                await asyncio.sleep(2)
                stream = campaign.stream(FIRST)
                run = (await house.handle(stream).describe()).run_id
                recording.patches.keep(name, stream, (await export_history(house.engine, stream, run))[1])
        await engine.stop()


class Stumbling(PeopleActivities):
    """Proposals that cannot be read the first time."""

    def __init__(self, registry: Registry) -> None:
        super().__init__(registry)
        self._stumbled = False

    @activity.defn(name=ACTIVITY_PROPOSALS)
    async def proposals(self, request: ProposalsRequest) -> dict[str, Any]:
        """Answer with nonsense, then with what is asked for."""
        if not self._stumbled:
            self._stumbled = True
            return {"nonsense": 1}
        found: dict[str, Any] = await super().proposals(request)
        return found
