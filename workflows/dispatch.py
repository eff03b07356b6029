"""Sends a campaign's notices through one channel; id `{campaign}/dispatch/{channel}`. It is no stream: no events.

What it learns goes to the campaign's stream as numbered news: the record of each civil day that is over, and receipts.
The running day is settled before a campaign is closed (`settle`), and before the dispatcher ends (`finish`).
On the stepped clock it moves only when its driver ticks it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from domain.notices import BY_PEOPLE
    from domain.refusal import Refusal
    from domain.stream import Message, Sent
    from domain.time import SHANGHAI, civil, end_of
    from protocol import (
        ACTIVITY_DISPATCH,
        BATCHES_PER_RUN,
        NEWS_RECEIPTS,
        NEWS_SETTLED,
        REFUSED,
        SIGNAL_DELIVER,
        SIGNAL_FINISH,
        SIGNAL_SETTLE,
        SIGNAL_WAKE,
        SIGNALS_PER_RUN,
        UPDATES_PER_RUN,
        DispatchAnswer,
        DispatchInput,
        DispatchRequest,
        DispatchResult,
        TickRequest,
        dispatch_id,
    )

FOREVER = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))
"""A store comes back: a batch is tried until it does."""

LONGEST_BATCH = timedelta(minutes=15)

SILENCE = timedelta(seconds=30)
"""A batch whose worker does not say every few seconds that it lives is given to another."""

BRIEF = timedelta(seconds=5)
"""Between two tries of a message that the campaign's stream does not take just now."""

AFTER_MIDNIGHT = timedelta(seconds=5)
"""So long after a civil day's end it looks, to settle the day."""

BATCHES_PER_TICK = 200
"""More than any day of a rehearsal needs; what is left then is due at the next instant."""


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
        self._settling = start.settling
        self._sent = start.sent
        self._settled: date | None = start.settled
        self._reported = start.reported
        self._told = dict(start.told)
        self._present = start.present
        self._woken = False
        self._batches = 0
        self._signals = 0
        self._ticks = 0
        self._last = DispatchResult()
        self._turn = asyncio.Lock()
        self._under_way: asyncio.Task[None] | None = None

    @workflow.run
    async def run(self, start: DispatchInput) -> dict[str, int]:
        """Send, rest, send again; on the stepped clock wait for ticks.

        Returns:
            How many attempts ended as accepted, failed and unknown.
        """
        if start.clock == "stepped":
            await workflow.wait_condition(lambda: self._finishing or self._full())
            await workflow.wait_condition(lambda: workflow.all_handlers_finished() and not self._is_delivering())
            if not self._finishing:
                workflow.continue_as_new(self._next_input())
            return self._totals()
        while True:
            self._woken = False
            left = self._last.left
            last = await self._batch(None)
            if self._finishing and not last.left and not self._has_news(last):
                return self._totals()
            if self._full():
                workflow.continue_as_new(self._next_input())
            at_work = _moved(last) or last.more_receipts or last.day is not None or self._listed(last, left)
            if self._settling and last.day is not None and last.again_in_seconds is None:
                continue  # the next day, up to the running one
            if not at_work or last.problem or last.again_in_seconds is not None:
                await self._rest(last)

    @workflow.signal(dynamic=True)
    def signal(self, name: str, args: Sequence[RawValue]) -> None:
        """Take `wake`, `settle` and `finish`, with whatever arguments; anything else changes nothing.

        A stepped campaign's days are settled at its ticks.
        """
        del args
        self._signals += 1
        if name == SIGNAL_FINISH:
            self._finishing = True
        if name == SIGNAL_SETTLE:
            self._settling = self._start.clock == "engine"
        self._woken = self._woken or name in (SIGNAL_WAKE, SIGNAL_SETTLE, SIGNAL_FINISH)

    @workflow.update(name="tick")
    async def tick(self, request: TickRequest) -> DispatchAnswer:
        """Send all that is due at an instant of the stepped clock.

        Raises:
            ApplicationError: `Refused`, CLOCK_NOT_STEPPED.
        """
        async with self._turn:
            await self._delivered()
            self._ticks += 1
            self._present = request.at
            before = self._sent
            moved = 0
            for _ in range(BATCHES_PER_TICK):
                left = self._last.left
                last = await self._batch(request.at)
                moved += _moved(last)
                if last.problem or not (last.more_receipts or self._more_due(last, left)):
                    break
            new = range(before + 1, self._sent + 1)
            return DispatchAnswer(
                moved=moved,
                next_at=last.next_at,
                sent=tuple(self._label(number) for number in new),
                problem=last.problem,
                settled=self._settled,
            )

    @tick.validator
    def _may_tick(self, request: TickRequest) -> None:
        del request
        if self._start.clock != "stepped":
            refusal = Refusal("CLOCK_NOT_STEPPED")
            raise ApplicationError(refusal.code, refusal.as_data(), type=REFUSED, non_retryable=True)

    @workflow.query(name="state")
    def state(self) -> dict[str, Any]:
        """Return the totals, how the last batch went, and how far the campaign's stream was told."""
        return {
            **self._totals(),
            "finishing": self._finishing,
            "settling": self._settling,
            "clock": self._start.clock,
            "sent": self._sent,
            "settled": self._settled.isoformat() if self._settled else None,
            "reported": list(self._reported),
            "told": {str(number): at.isoformat() for number, at in self._told.items()},
            "present": self._present.isoformat() if self._present else None,
            "last": self._last.model_dump(mode="json"),
        }

    # -- one batch --------------------------------------------------------------------------------------------

    async def _batch(self, at: datetime | None) -> DispatchResult:
        self._batches += 1
        start = self._start
        request = DispatchRequest(
            campaign=start.campaign,
            channel=start.channel,
            limit=start.limit,
            at=at,
            settled=self._settled,
            reported=self._reported,
            closing="now" if self._settling else "when_done" if self._finishing else "no",
        )
        last = await self._drained(request)
        self._accepted += last.accepted
        self._failed += last.failed
        self._unknown += last.unknown
        self._last = last
        await self._report(last, at or workflow.now().astimezone(SHANGHAI))
        if request.closing == "now" and last.day is None:
            self._settling = False
        workflow.set_current_details(self._details())
        return last

    async def _drained(self, request: DispatchRequest) -> DispatchResult:
        last: DispatchResult = await workflow.execute_activity(
            ACTIVITY_DISPATCH,
            request,
            task_queue=self._start.queue,
            result_type=DispatchResult,
            start_to_close_timeout=LONGEST_BATCH,
            heartbeat_timeout=SILENCE,
            retry_policy=FOREVER,
            summary=f"{request.channel}, batch {self._batches}",
        )
        return last

    async def _report(self, last: DispatchResult, at: datetime) -> None:
        """Tell the campaign's stream what became of notices; the outbox hears with the next batch that it was told."""
        channel = self._start.channel
        fresh = [one for one in last.receipts if one["receipt_id"] not in self._reported]
        if fresh:
            receipts = [{name: one.get(name) for name in ("notice", "state", "at", "code")} for one in fresh]
            await self._tell(NEWS_RECEIPTS, {"channel": channel, "receipts": receipts}, at)
        self._reported = tuple(one["receipt_id"] for one in last.receipts)
        if last.day is not None:
            await self._tell(NEWS_SETTLED, {"channel": channel, **last.day}, at)
            self._settled = date.fromisoformat(last.day["day"])

    async def _tell(self, kind: str, data: dict[str, Any], at: datetime) -> None:
        """Send the next numbered message; the stream takes each number once, so it may arrive again.

        On the stepped clock nobody waits here until it has arrived: whoever is told its number does.
        """
        self._sent += 1
        message = Message(id=self._name(self._sent), kind=kind, data=data, at=at)
        if self._start.clock == "engine":
            await self._deliver(message)
            return
        self._told[self._sent] = at  # its driver asks again after a crash
        await self._delivered()
        self._under_way = asyncio.create_task(self._deliver(message))

    async def _deliver(self, message: Message) -> None:
        handle = workflow.get_external_workflow_handle(self._start.campaign)
        while True:
            try:
                await handle.signal(SIGNAL_DELIVER, message)
            except ApplicationError as error:
                workflow.logger.warning("not delivered", extra={"to": self._start.campaign, "code": error.type})
                if "not found" in error.message:  # it has ended and takes no more news; the journal keeps them
                    return
                await workflow.sleep(BRIEF)  # at its limit of signals, say: it will continue as new
            else:
                return

    async def _rest(self, last: DispatchResult) -> None:
        """Rest until something is due, but never longer than the usual pause: nobody announces a new notice.

        A provider that wants to be left alone is left alone, whoever wakes us.
        """
        if last.again_in_seconds is not None:
            await workflow.sleep(timedelta(seconds=last.again_in_seconds), summary="until the provider takes more")
            return
        pause = until_next_look(workflow.now(), timedelta(seconds=self._start.every_seconds), last.next_at)
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(lambda: self._woken, timeout=pause, timeout_summary="until the next look")

    async def _delivered(self) -> None:
        """Wait for the message under way: each number must arrive before the next one is sent."""
        if self._under_way is not None:
            await self._under_way

    def _is_delivering(self) -> bool:
        return self._under_way is not None and not self._under_way.done()

    # -- small ------------------------------------------------------------------------------------------------

    def _has_news(self, last: DispatchResult) -> bool:
        """Tell whether there is something to tell, or of which the outbox has to hear that it was told."""
        return last.more_receipts or last.day is not None or bool(self._reported)

    def _more_due(self, last: DispatchResult, before: int) -> bool:
        """Tell whether a batch that found something to do has left more that is due at the same instant."""
        more = last.routed >= self._start.limit or (last.left > 0 and last.next_at is None)
        return more and (_moved(last) > 0 or self._listed(last, before))

    def _listed(self, last: DispatchResult, before: int) -> bool:
        """Tell whether a batch has put notices on a person's list, which nobody sends: then fewer are left."""
        return self._start.channel in BY_PEOPLE and last.left < before

    def _full(self) -> bool:
        return (
            self._batches >= BATCHES_PER_RUN
            or self._signals >= SIGNALS_PER_RUN
            or self._ticks >= UPDATES_PER_RUN
            or workflow.info().is_continue_as_new_suggested()
        )

    def _next_input(self) -> DispatchInput:
        carried = {
            **self._totals(),
            "finishing": self._finishing,
            "settling": self._settling,
            "sent": self._sent,
            "settled": self._settled,
            "reported": self._reported,
            "told": self._told,
            "present": self._present,
        }
        return self._start.model_copy(update=carried)

    def _name(self, number: int) -> str:
        return f"{dispatch_id(self._start.campaign, self._start.channel)}#{number}"

    def _label(self, number: int) -> Sent:
        return Sent(to=self._start.campaign, id=self._name(number))

    def _totals(self) -> dict[str, int]:
        return {"accepted": self._accepted, "failed": self._failed, "unknown": self._unknown}

    def _details(self) -> str:
        last = self._last
        lines = [f"accepted {self._accepted}, failed {self._failed}, unknown {self._unknown}, left {last.left}"]
        lines += [f"settled to {self._settled}"] if self._settled else []
        lines += [f"problem: {last.problem}"] if last.problem else []
        lines += ["finishing"] if self._finishing else []
        return "\n\n".join(lines)


def until_next_look(now: datetime, usual: timedelta, next_at: datetime | None) -> timedelta:
    """Return how long a dispatcher rests.

    Args:
        now: when it begins to rest.
        usual: the longest pause.
        next_at: when something is due, None where nothing waits.

    Returns:
        At most until just after the civil day's end: a day that is over is settled also in quiet times.
    """
    pause = min(usual, end_of(civil(now)) + AFTER_MIDNIGHT - now)
    return pause if next_at is None else min(pause, max(timedelta(0), next_at - now))


def _moved(last: DispatchResult) -> int:
    """Return how many notices a batch looked at; the next one may find more."""
    return last.claimed + last.routed + last.held + last.denied + last.expired
