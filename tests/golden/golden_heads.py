"""The histories of what has heads signed: scripted looks, on both clocks, open, continued as new and closed."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from golden_recorder import Recorder
from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker
from workflows_house import eventually

from engine import EmbeddedEngine, export_history, sandbox
from protocol import (
    ACTIVITY_HEADS,
    SIGNAL_WAKE,
    TASK_QUEUE,
    UPDATE_TICK,
    HeadsInput,
    HeadsRequest,
    HeadsResult,
    TickRequest,
    heads_id,
)
from workflows.heads import RecordHeadsWorkflow

LOW = ("--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=60")
BEGIN = datetime.fromisoformat("2025-03-10T00:00:05+08:00")
SIGNED = HeadsResult(size=41, root="a" * 64, reason="stage")
SCRIPT = (
    SIGNED,
    SIGNED.model_copy(update={"reason": None}),
    HeadsResult(size=57, root="b" * 64, reason="day", outside="SMTP_UNREACHABLE", place="email"),
    HeadsResult(size=57, root="b" * 64, problem="LEDGER_BROKEN", place="campaign/qingshan/2025#12"),
)
LAST = HeadsResult(size=60, root="c" * 64, reason="end", ended=True)


class Looks:
    """Answers from a script, then that nothing has changed, and at last that the campaign is over."""

    def __init__(self) -> None:
        self.number = 0
        self.over = False

    @activity.defn(name=ACTIVITY_HEADS)
    async def look(self, request: HeadsRequest) -> HeadsResult:
        """Answer."""
        del request
        self.number += 1
        if self.over:
            return LAST
        return SCRIPT[self.number - 1] if self.number <= len(SCRIPT) else HeadsResult(size=57, root="b" * 64)


async def heads(recorder: Recorder, directory: Path) -> None:
    """Record one such workflow on each clock."""
    engine = EmbeddedEngine(directory / "engine", options=LOW)
    client = await engine.start()
    for clock, record in (("engine", _on_the_engines), ("stepped", _stepped)):
        looks = Looks()
        begin = HeadsInput(campaign=f"campaign/{clock}/2025", every_seconds=3600, clock=clock)
        async with Worker(
            client,
            task_queue=TASK_QUEUE,
            workflows=[RecordHeadsWorkflow],
            activities=[looks.look],
            workflow_runner=sandbox(),
        ):
            name = heads_id(begin.campaign)
            await client.start_workflow(RecordHeadsWorkflow.run, begin, id=name, task_queue=TASK_QUEUE)
            await record(recorder, client, client.get_workflow_handle(name), looks)
    await engine.stop()


async def _on_the_engines(recorder: Recorder, client: Client, handle: WorkflowHandle[Any, Any], looks: Looks) -> None:
    await _looked(handle, looks, len(SCRIPT))
    first = (await handle.describe()).run_id
    for _ in range(60):
        await handle.signal("nonsense")
    await handle.signal(SIGNAL_WAKE)

    async def another() -> bool:
        return (await handle.describe()).run_id != first

    await eventually(another)
    await asyncio.sleep(1)
    await _keep(recorder, client, handle, first, "engine-continued")
    await _keep(recorder, client, handle, (await handle.describe()).run_id, "engine-open")
    looks.over = True
    await handle.signal(SIGNAL_WAKE)
    await handle.result()
    await _keep(recorder, client, handle, None, "engine-closed")


async def _stepped(recorder: Recorder, client: Client, handle: WorkflowHandle[Any, Any], looks: Looks) -> None:
    for day in range(len(SCRIPT)):
        await handle.execute_update(UPDATE_TICK, TickRequest(at=BEGIN + timedelta(days=day)))
    await asyncio.sleep(1)
    await _keep(recorder, client, handle, (await handle.describe()).run_id, "stepped-open")
    looks.over = True
    await handle.execute_update(UPDATE_TICK, TickRequest(at=BEGIN + timedelta(days=30)))
    await handle.result()
    await _keep(recorder, client, handle, None, "stepped-closed")


async def _looked(handle: WorkflowHandle[Any, Any], looks: Looks, count: int) -> None:
    """Wake it until it has looked so often."""

    async def often() -> bool:
        await handle.signal(SIGNAL_WAKE)
        return looks.number >= count

    await eventually(often)


async def _keep(
    recorder: Recorder, client: Client, handle: WorkflowHandle[Any, Any], run_id: str | None, name: str
) -> None:
    _, text = await export_history(client, handle.id, run_id)
    assert json.loads(text)["events"]
    recorder.keep(name, handle.id, text)
