"""Has a campaign's heads signed and put outside; id `{campaign}/heads`. It is no stream: no events.

It looks at the record every few minutes and just after each civil day's end; what a look does is an activity's. A
problem is not tried again at once: it stands in the ledger for people, and the next look is an hour later. It ends
after the head of the campaign's end. On the stepped clock it looks only when its driver ticks it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from domain.refusal import Refusal
    from protocol import (
        ACTIVITY_HEADS,
        LOOKS_PER_RUN,
        REFUSED,
        SIGNAL_WAKE,
        SIGNALS_PER_RUN,
        UPDATES_PER_RUN,
        HeadsInput,
        HeadsRequest,
        HeadsResult,
        TickRequest,
    )
from workflows.dispatch import until_next_look

FOREVER = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))
"""A ledger comes back: a look is tried until it does. What is wrong with the record is an answer, and no failure."""

LONGEST_LOOK = timedelta(minutes=15)
"""The first head takes in the whole record, and the last one looks at all of it again."""

AFTER_A_PROBLEM = timedelta(hours=1)


@workflow.defn
class RecordHeadsWorkflow:
    """Looks, rests, looks again, until the campaign is over and its last head is outside."""

    @workflow.init
    def __init__(self, start: HeadsInput) -> None:
        self._start = start
        self._heads = start.heads
        self._last = HeadsResult()
        self._woken = False
        self._looks = 0
        self._signals = 0
        self._turn = asyncio.Lock()

    @workflow.run
    async def run(self, start: HeadsInput) -> dict[str, int]:
        """Look and rest; on the stepped clock wait for ticks.

        Returns:
            How many heads were signed, and the size of the last one.
        """
        if start.clock == "stepped":
            await workflow.wait_condition(lambda: self._last.ended or self._full())
        while start.clock == "engine":
            self._woken = False
            last = await self._look(None)
            if last.ended or self._full():
                break
            await self._rest(last)
        await workflow.wait_condition(workflow.all_handlers_finished)
        if not self._last.ended:
            workflow.continue_as_new(start.model_copy(update={"heads": self._heads}))
        return {"heads": self._heads, "size": self._last.size}

    @workflow.signal(dynamic=True)
    def signal(self, name: str, args: Sequence[RawValue]) -> None:
        """Take `wake`, with whatever arguments; anything else changes nothing."""
        del args
        self._signals += 1
        self._woken = self._woken or name == SIGNAL_WAKE

    @workflow.update(name="tick")
    async def tick(self, request: TickRequest) -> HeadsResult:
        """Look at an instant of the stepped clock.

        Raises:
            ApplicationError: `Refused`, CLOCK_NOT_STEPPED.
        """
        async with self._turn:
            return await self._look(request.at)

    @tick.validator
    def _may_tick(self, request: TickRequest) -> None:
        del request
        if self._start.clock != "stepped":
            refusal = Refusal("CLOCK_NOT_STEPPED")
            raise ApplicationError(refusal.code, refusal.as_data(), type=REFUSED, non_retryable=True)

    @workflow.query(name="state")
    def state(self) -> dict[str, Any]:
        """Return how many heads were signed, and how the last look went."""
        return {"heads": self._heads, "clock": self._start.clock, "last": self._last.model_dump(mode="json")}

    async def _look(self, at: datetime | None) -> HeadsResult:
        self._looks += 1
        last: HeadsResult = await workflow.execute_activity(
            ACTIVITY_HEADS,
            HeadsRequest(campaign=self._start.campaign, at=at),
            result_type=HeadsResult,
            start_to_close_timeout=LONGEST_LOOK,
            retry_policy=FOREVER,
            summary=f"look {self._looks}",
        )
        self._last = last
        self._heads += last.reason is not None
        workflow.set_current_details(self._details())
        return last

    async def _rest(self, last: HeadsResult) -> None:
        pause = until_next_look(workflow.now(), timedelta(seconds=self._start.every_seconds), None)
        if last.problem is not None:
            pause = AFTER_A_PROBLEM
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(lambda: self._woken, timeout=pause, timeout_summary="until the next look")

    def _full(self) -> bool:
        return (
            self._looks >= min(LOOKS_PER_RUN, UPDATES_PER_RUN)
            or self._signals >= SIGNALS_PER_RUN
            or workflow.info().is_continue_as_new_suggested()
        )

    def _details(self) -> str:
        last = self._last
        lines = [f"{self._heads} heads signed, the newest over {last.size} events"]
        lines += [f"problem: {last.problem} {last.place}"] if last.problem else []
        lines += [f"not outside: {last.outside} {last.place}"] if last.outside else []
        return "\n\n".join(lines)
