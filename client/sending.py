"""The dispatchers of a campaign's notices: started, woken, ticked, ended."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal

from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from client.calls import EngineCalls, until
from domain.notices import CHANNELS, EMAIL
from protocol import (
    DISPATCH_WORKFLOW,
    QUERY_STATE,
    SIGNAL_FINISH,
    SIGNAL_SETTLE,
    SIGNAL_WAKE,
    TASK_QUEUE,
    UPDATE_TICK,
    DispatchAnswer,
    DispatchInput,
    TickRequest,
    dispatch_id,
    dispatch_queue,
)

RUNNING = (None, WorkflowExecutionStatus.RUNNING)


class Sending:
    """Starts, wakes and ends what carries a campaign's notices out of the outbox."""

    def __init__(self, calls: EngineCalls) -> None:
        self._calls = calls

    async def start(
        self,
        campaign: str,
        channels: Sequence[str] = (EMAIL,),
        *,
        every: int = 30,
        clock: Literal["engine", "stepped"] = "engine",
    ) -> None:
        """Start the dispatchers of a campaign's notices; one that is at work goes on, one that has ended goes on anew.

        Args:
            campaign: whose notices.
            channels: one dispatcher for each.
            every: seconds between two looks into an empty outbox.
            clock: the campaign's; a stepped dispatcher does nothing but at a tick.
        """
        await asyncio.gather(*(self._start(campaign, channel, every, clock) for channel in channels))

    async def wake(self, campaign: str, channels: Sequence[str] = CHANNELS) -> None:
        """Have the dispatchers look into the outbox now; where none is at work, nothing happens."""
        await asyncio.gather(*(self._wake(campaign, channel) for channel in channels))

    async def finish(self, campaign: str, within: timedelta, channels: Sequence[str] = CHANNELS) -> bool:
        """Ask the dispatchers to end once nothing is left to try; tells whether all ended in time, or never were.

        Where the engine does not answer that is not known, and not told as an end.
        """
        ended = await asyncio.gather(*(self._finish(campaign, channel, within) for channel in channels))
        return all(ended)

    async def settle(self, campaign: str, within: timedelta, channels: Sequence[str] = CHANNELS) -> bool:
        """Have the running day's record sent to the campaign's stream, which takes no news once it has ended.

        Args:
            campaign: about to be closed.
            within: how long to wait for a batch that is under way, or for a provider that is left alone.
            channels: whose dispatchers.

        Returns:
            Whether all have done so in time, or never were.
        """
        settled = await asyncio.gather(*(self._settle(campaign, channel, within) for channel in channels))
        return all(settled)

    async def tick(self, campaign: str, channel: str, at: datetime) -> DispatchAnswer:
        """Send all that is due in one channel at an instant of the stepped clock.

        Raises:
            Refusal: CLOCK_NOT_STEPPED.
            NotFoundError: nobody has started the dispatcher.
            UnreachableError: the engine does not answer.
        """
        handle = self._handle(campaign, channel)
        update_id = f"tick-{uuid.uuid4()}"

        async def call() -> DispatchAnswer:
            answer: DispatchAnswer = await handle.execute_update(
                UPDATE_TICK,
                TickRequest(at=at),
                id=update_id,
                result_type=DispatchAnswer,
                rpc_timeout=timedelta(seconds=20),
            )
            return answer

        return await self._calls.patiently(call, handle.id)

    async def state(self, campaign: str, channel: str) -> dict[str, Any]:
        """Return how far a dispatcher is.

        Raises:
            NotFoundError: there is none.
            UnreachableError: the engine does not answer.
        """
        return await self._calls.query(dispatch_id(campaign, channel), QUERY_STATE, dict[str, Any])

    # -- inside -----------------------------------------------------------------------------------------------

    def _handle(self, campaign: str, channel: str) -> WorkflowHandle[Any, Any]:
        return self._calls.engine.get_workflow_handle(dispatch_id(campaign, channel))

    async def _start(self, campaign: str, channel: str, every: int, clock: Literal["engine", "stepped"]) -> None:
        begin = DispatchInput(
            campaign=campaign,
            channel=channel,
            every_seconds=every,
            clock=clock,
            queue=dispatch_queue(channel) if clock == "engine" else None,  # a rehearsal's sink has no rate to keep
            **await self._left_off(campaign, channel),
        )
        await self._calls.patiently(
            lambda: self._calls.engine.start_workflow(
                DISPATCH_WORKFLOW,
                begin,
                id=dispatch_id(campaign, channel),
                task_queue=TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                static_summary=f"{channel} · {campaign.removeprefix('campaign/')}",
            )
        )

    async def _left_off(self, campaign: str, channel: str) -> dict[str, Any]:
        """Return where a dispatcher that has ended left off: the campaign's stream takes no number twice."""
        try:
            description = await self._handle(campaign, channel).describe()
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise
            return {}
        if description.status in RUNNING:
            return {}
        state = await self.state(campaign, channel)
        settled = state.get("settled")  # a run of 0.3.0 has none
        return {
            "sent": state.get("sent", 0),
            "settled": None if settled is None else date.fromisoformat(settled),
            "reported": tuple(state.get("reported", ())),
        }

    async def _wake(self, campaign: str, channel: str) -> None:
        with contextlib.suppress(RPCError):
            await self._handle(campaign, channel).signal(SIGNAL_WAKE)

    async def _settle(self, campaign: str, channel: str, within: timedelta) -> bool:
        try:
            await self._handle(campaign, channel).signal(SIGNAL_SETTLE)
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise
            return True

        async def done() -> bool:
            return not (await self.state(campaign, channel))["settling"]

        return await until(done, within)

    async def _finish(self, campaign: str, channel: str, within: timedelta) -> bool:
        handle = self._handle(campaign, channel)
        try:
            await handle.signal(SIGNAL_FINISH)
            async with asyncio.timeout(within.total_seconds()):
                await handle.result()
        except TimeoutError:
            return False
        except RPCError as error:
            return error.status == RPCStatusCode.NOT_FOUND
        return True
