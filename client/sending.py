"""The dispatcher of a campaign's notices: started, woken, ended."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta

from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from client.calls import EngineCalls
from domain.notices import EMAIL
from protocol import DISPATCH_WORKFLOW, SIGNAL_FINISH, SIGNAL_WAKE, TASK_QUEUE, DispatchInput, dispatch_id


class Sending:
    """Starts, wakes and ends what carries a campaign's notices out of the outbox."""

    def __init__(self, calls: EngineCalls) -> None:
        self._calls = calls

    async def start(self, campaign: str, channel: str = EMAIL, *, every: int = 30) -> None:
        """Start the dispatcher of a campaign's notices; one that is at work goes on.

        Args:
            campaign: whose notices.
            channel: through which channel.
            every: seconds between two looks into an empty outbox.
        """
        await self._calls.patiently(
            lambda: self._calls.engine.start_workflow(
                DISPATCH_WORKFLOW,
                DispatchInput(campaign=campaign, channel=channel, every_seconds=every),
                id=dispatch_id(campaign, channel),
                task_queue=TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                static_summary=f"{channel} · {campaign.removeprefix('campaign/')}",
            )
        )

    async def wake(self, campaign: str, channel: str = EMAIL) -> None:
        """Have the dispatcher look into the outbox now; where none is at work, nothing happens."""
        with contextlib.suppress(RPCError):
            await self._calls.engine.get_workflow_handle(dispatch_id(campaign, channel)).signal(SIGNAL_WAKE)

    async def finish(self, campaign: str, within: timedelta, channel: str = EMAIL) -> bool:
        """Ask the dispatcher to end once nothing is left to try; tells whether it ended in time, or never was."""
        handle = self._calls.engine.get_workflow_handle(dispatch_id(campaign, channel))
        try:
            await handle.signal(SIGNAL_FINISH)
            async with asyncio.timeout(within.total_seconds()):
                await handle.result()
        except TimeoutError:
            return False
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise
        return True
