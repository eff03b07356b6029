"""What has a campaign's heads signed: started beside its dispatchers, woken, ticked, waited for at the end."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from datetime import datetime, timedelta
from typing import Any, Literal

from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from client.calls import EngineCalls
from protocol import (
    HEADS_WORKFLOW,
    QUERY_STATE,
    SIGNAL_WAKE,
    TASK_QUEUE,
    UPDATE_TICK,
    HeadsInput,
    HeadsResult,
    TickRequest,
    heads_id,
)


class Heads:
    """Starts, wakes and ticks what signs the heads of campaigns."""

    def __init__(self, calls: EngineCalls) -> None:
        self._calls = calls

    async def start(
        self, campaign: str, *, every: timedelta = timedelta(minutes=5), clock: Literal["engine", "stepped"] = "engine"
    ) -> None:
        """Start it; where it is at work it goes on, and where it has ended it looks once more.

        Args:
            campaign: whose heads.
            every: the longest rest between two looks at the record.
            clock: the campaign's; on the stepped one it looks at its ticks alone.
        """
        begin = HeadsInput(campaign=campaign, every_seconds=int(every.total_seconds()), clock=clock)
        await self._calls.patiently(
            lambda: self._calls.engine.start_workflow(
                HEADS_WORKFLOW,
                begin,
                id=heads_id(campaign),
                task_queue=TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                static_summary=f"heads · {campaign.removeprefix('campaign/')}",
            )
        )

    async def wake(self, campaign: str) -> None:
        """Have it look at the record now; where it is not at work, nothing happens."""
        with contextlib.suppress(RPCError):
            await self._handle(campaign).signal(SIGNAL_WAKE)

    async def finish(self, campaign: str, within: timedelta) -> bool:
        """Have the last head of a campaign that is over signed; tells whether that is done in time, or never begun.

        Not done is also: somebody has ended it by hand, now or before, or the engine does not answer.
        """
        handle = self._handle(campaign)
        try:
            async with asyncio.timeout(within.total_seconds()):
                try:
                    await handle.signal(SIGNAL_WAKE)
                    await handle.result()
                except RPCError as error:
                    return error.status == RPCStatusCode.NOT_FOUND and await _ended_well(handle)
        except (TimeoutError, WorkflowFailureError):
            return False
        return True

    async def tick(self, campaign: str, at: datetime) -> HeadsResult:
        """Look at an instant of the stepped clock; the ledger holds what the streams have answered before it.

        Raises:
            Refusal: CLOCK_NOT_STEPPED.
            NotFoundError: nobody has started it, or the head of the campaign's end is signed.
            UnreachableError: the engine does not answer.
        """
        handle = self._handle(campaign)
        update_id = f"tick-{uuid.uuid4()}"

        async def call() -> HeadsResult:
            answer: HeadsResult = await handle.execute_update(
                UPDATE_TICK,
                TickRequest(at=at),
                id=update_id,
                result_type=HeadsResult,
                rpc_timeout=timedelta(seconds=20),
            )
            return answer

        return await self._calls.patiently(call, handle.id)

    async def state(self, campaign: str) -> dict[str, Any]:
        """Return how many heads were signed, and how the last look went.

        Raises:
            NotFoundError: it was never started.
            UnreachableError: the engine does not answer.
        """
        return await self._calls.query(heads_id(campaign), QUERY_STATE, dict[str, Any])

    def _handle(self, campaign: str) -> WorkflowHandle[Any, Any]:
        return self._calls.engine.get_workflow_handle(heads_id(campaign))


async def _ended_well(handle: WorkflowHandle[Any, Any]) -> bool:
    """Tell of what is not at work whether it has come to its own end, or was never begun."""
    try:
        return (await handle.describe()).status == WorkflowExecutionStatus.COMPLETED
    except RPCError as error:
        return error.status == RPCStatusCode.NOT_FOUND
