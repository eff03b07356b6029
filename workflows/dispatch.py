"""Sends a campaign's notices through one channel; id `{campaign}/dispatch/{channel}`. It is no stream: no events."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy

with workflow.unsafe.imports_passed_through():
    from protocol import (
        ACTIVITY_DISPATCH,
        BATCHES_PER_RUN,
        SIGNAL_FINISH,
        SIGNAL_WAKE,
        SIGNALS_PER_RUN,
        DispatchInput,
        DispatchRequest,
        DispatchResult,
    )

FOREVER = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))
"""A store comes back: a batch is tried until it does."""

LONGEST_BATCH = timedelta(minutes=15)

SILENCE = timedelta(seconds=30)
"""A batch whose worker does not say every few seconds that it lives is given to another."""


@workflow.defn
class NoticeDispatchWorkflow:
    """Drains the outbox in batches until the campaign is over and nothing is left to try."""

    @workflow.init
    def __init__(self, start: DispatchInput) -> None:
        self._start = start
        self._accepted = start.accepted
        self._failed = start.failed
        self._unknown = start.unknown
        self._finishing = start.finishing
        self._woken = False
        self._batches = 0
        self._signals = 0
        self._last = DispatchResult()

    @workflow.run
    async def run(self, start: DispatchInput) -> dict[str, int]:
        """Send, rest, send again.

        Returns:
            How many attempts ended as accepted, failed and unknown.
        """
        del start
        while True:
            self._woken = False
            last = await self._send()
            if self._finishing and not last.left:
                return self._totals()
            if self._batches >= BATCHES_PER_RUN or self._signals >= SIGNALS_PER_RUN or self._suggested():
                workflow.continue_as_new(self._next_input())
            if not last.claimed or last.problem:
                await self._rest(last.next_at)

    @workflow.signal(dynamic=True)
    def signal(self, name: str, args: Sequence[RawValue]) -> None:
        """Take `wake` and `finish`, with whatever arguments; anything else changes nothing."""
        del args
        self._signals += 1
        if name == SIGNAL_FINISH:
            self._finishing = True
        self._woken = self._woken or name in (SIGNAL_WAKE, SIGNAL_FINISH)

    @workflow.query(name="state")
    def state(self) -> dict[str, Any]:
        """Return the totals and how the last batch went."""
        return {**self._totals(), "finishing": self._finishing, "last": self._last.model_dump(mode="json")}

    async def _send(self) -> DispatchResult:
        self._batches += 1
        start = self._start
        last: DispatchResult = await workflow.execute_activity(
            ACTIVITY_DISPATCH,
            DispatchRequest(campaign=start.campaign, channel=start.channel, limit=start.limit),
            result_type=DispatchResult,
            start_to_close_timeout=LONGEST_BATCH,
            heartbeat_timeout=SILENCE,
            retry_policy=FOREVER,
            summary=f"{start.channel}, batch {self._batches}",
        )
        self._accepted += last.accepted
        self._failed += last.failed
        self._unknown += last.unknown
        self._last = last
        workflow.set_current_details(self._details())
        return last

    async def _rest(self, next_at: datetime | None) -> None:
        """Rest until something is due, but never longer than the usual pause: nobody announces a new notice."""
        pause = timedelta(seconds=self._start.every_seconds)
        if next_at is not None:
            pause = min(pause, max(timedelta(0), next_at - workflow.now()))
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(lambda: self._woken, timeout=pause, timeout_summary="until the next look")

    def _suggested(self) -> bool:
        return workflow.info().is_continue_as_new_suggested()

    def _next_input(self) -> DispatchInput:
        return self._start.model_copy(update={**self._totals(), "finishing": self._finishing})

    def _totals(self) -> dict[str, int]:
        return {"accepted": self._accepted, "failed": self._failed, "unknown": self._unknown}

    def _details(self) -> str:
        last = self._last
        lines = [f"accepted {self._accepted}, failed {self._failed}, unknown {self._unknown}, left {last.left}"]
        lines += [f"problem: {last.problem}"] if last.problem else []
        lines += ["finishing"] if self._finishing else []
        return "\n\n".join(lines)
