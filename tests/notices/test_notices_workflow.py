"""The dispatcher on a running engine: it drains, rests, wakes, ends when told, and no signal harms it."""

from __future__ import annotations

import asyncio
import itertools
import urllib.request
from collections import Counter
from datetime import datetime, timedelta

import pytest
from notices_house import CAMPAIGN, NOW, TRIES, dispatcher, invite, more, student
from temporalio.client import WorkflowExecutionStatus
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

import workflows.dispatch
from activities.batch import TROUBLE
from client.calls import until
from domain.parent_meetings_events import HouseholdInvited
from domain.time import SHANGHAI
from engine import EmbeddedEngine, connect, free_port, measured, sandbox
from ledger.outbox import Tries
from notices.sink import Mood, Sink
from protocol import SIGNAL_FINISH, SIGNAL_WAKE, DispatchInput, dispatch_id
from workflows.dispatch import NoticeDispatchWorkflow

QUEUES = itertools.count()
QUICK = Tries(lease=timedelta(seconds=20), pauses=(timedelta(milliseconds=200),) * 4)


@pytest.fixture(scope="module")
async def engine(tmp_path_factory):
    """Run one embedded engine for these tests."""
    running = EmbeddedEngine(tmp_path_factory.mktemp("engine"))
    client = await running.start()
    yield client
    await running.stop()


class Running:
    """A dispatcher of a campaign of its own queue."""

    def __init__(self, client, ledger, sink, *, tries=TRIES, runner=None, **settings):
        self.queue = f"notices-{next(QUEUES)}"
        self.client = client
        activities = dispatcher(ledger, sink, tries=tries, **settings)
        self.worker = Worker(
            client,
            task_queue=self.queue,
            workflows=[NoticeDispatchWorkflow],
            activities=[activities.drain],
            workflow_runner=runner or sandbox(),
            max_cached_workflows=0,
        )

    async def start(self, told=None, **given):
        """Start the dispatcher; what it is told with that it knows before its first batch."""
        start = DispatchInput(campaign=CAMPAIGN, channel="email", **given)
        name = f"{dispatch_id(CAMPAIGN, 'email')}/{self.queue}"
        return await self.client.start_workflow(
            NoticeDispatchWorkflow.run, start, id=name, task_queue=self.queue, start_signal=told
        )


async def rested(handle, accepted):
    """Wait until the dispatcher has sent so many and has looked once more in vain."""
    async with asyncio.timeout(30):
        while True:
            state = await handle.query("state")
            if state["accepted"] == accepted and not state["last"]["claimed"]:
                return
            await asyncio.sleep(0.05)


async def test_four_hundred_notices_are_drained_and_the_end_is_awaited(engine, ledger, sink):
    """Batches of fifty, each notice once; told to finish, it ends when nothing is left, and says what it did."""
    await invite(ledger, 400)
    running = Running(engine, ledger, sink)
    async with running.worker:
        handle = await running.start(limit=50)
        await handle.signal(SIGNAL_FINISH)
        assert await asyncio.wait_for(handle.result(), 60) == {"accepted": 400, "failed": 0, "unknown": 0}
    assert Counter(Counter(kept.message_id for kept in sink.mails).values()) == {1: 400}
    scheduled = [event async for event in handle.fetch_history_events()]
    batches = [event for event in scheduled if event.HasField("activity_task_scheduled_event_attributes")]
    assert 8 <= len(batches) <= 9


async def test_the_last_day_is_settled_before_it_ends(engine, ledger, sink):
    """What it did on the day of its end is on its way to the campaign's stream, with every row of that day."""
    await invite(ledger, 2)
    running = Running(engine, ledger, sink)
    async with running.worker:
        handle = await running.start(told=SIGNAL_FINISH)
        await asyncio.wait_for(handle.result(), 30)
        state = await handle.query("state")
    assert (state["settled"], state["sent"]) == (NOW.date().isoformat(), 1)


async def test_it_rests_and_a_wake_makes_it_look_at_once(engine, ledger, sink):
    """New notices while it rests for an hour: nothing until it is woken; `finish` ends it."""
    events = await invite(ledger, 1)
    running = Running(engine, ledger, sink)
    async with running.worker:
        handle = await running.start(every_seconds=3600)
        await rested(handle, 1)
        await more(ledger, events, HouseholdInvited(session="s1", student=student(2)))
        await asyncio.sleep(0.5)
        assert len(sink.mails) == 1
        await handle.signal(SIGNAL_WAKE)
        await rested(handle, 2)
        assert len(sink.mails) == 2
        await handle.signal(SIGNAL_FINISH)
        await asyncio.wait_for(handle.result(), 20)


async def test_it_looks_again_when_the_next_try_is_due(engine, ledger):
    """A server that greylists a few once: the pause decides, not the hour of rest; then it ends."""
    few = TROUBLE - 1  # more of them, and none that is taken, would be the server's trouble
    await invite(ledger, few)
    began = datetime.now(SHANGHAI)  # time passes, from a morning of that year on
    async with Sink(lambda _recipient, before: Mood.ACCEPT if before else Mood.GREYLIST) as sink:
        running = Running(engine, ledger, sink, tries=QUICK, clock=lambda: NOW + (datetime.now(SHANGHAI) - began))
        async with running.worker:
            handle = await running.start(every_seconds=3600)
            await handle.signal(SIGNAL_FINISH)
            assert await asyncio.wait_for(handle.result(), 30) == {"accepted": few, "failed": few, "unknown": 0}
        assert len(sink.mails) == few


async def test_no_signal_from_outside_harms_it(engine, ledger, sink):
    """Missing, extra, wrong and unknown ones: it goes on, and `finish` with nonsense is still `finish`."""
    await invite(ledger, 1)
    running = Running(engine, ledger, sink)
    async with running.worker:
        handle = await running.start(every_seconds=3600)
        for name, args in (("nonsense", []), (SIGNAL_WAKE, [1, {"a": None}]), ("state", ["x"])):
            await handle.signal(name, args=args)
        await rested(handle, 1)
        assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
        await handle.signal(SIGNAL_FINISH, args=["not", "asked", "for"])
        await asyncio.wait_for(handle.result(), 20)


async def test_it_continues_as_new_and_forgets_neither_totals_nor_the_end(engine, ledger, sink, monkeypatch):
    """Runs of three batches: the last run's result counts all of them, and `finish` reached an earlier run."""
    monkeypatch.setattr(workflows.dispatch, "BATCHES_PER_RUN", 3)
    await invite(ledger, 40)
    running = Running(engine, ledger, sink, runner=UnsandboxedWorkflowRunner())  # so that the low number is seen
    async with running.worker:
        handle = await running.start(limit=5)
        await handle.signal(SIGNAL_FINISH)
        assert await asyncio.wait_for(handle.result(), 40) == {"accepted": 40, "failed": 0, "unknown": 0}
    first = await engine.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id).describe()
    assert first.status is WorkflowExecutionStatus.CONTINUED_AS_NEW
    assert len(sink.mails) == 40


async def test_prometheus_sees_what_waits_and_for_how_long(engine, ledger):
    """A worker that is measured: after a batch that could not go out its gauges name the channel, and nobody else."""
    await invite(ledger, 3)
    address = f"127.0.0.1:{free_port()}"
    client = await connect(engine.service_client.config.target_host, runtime=measured(address))
    async with Sink(lambda _recipient, _before: Mood.GREYLIST) as sink:
        running = Running(client, ledger, sink)
        async with running.worker:
            handle = await running.start(every_seconds=3600)

            async def tried():
                return (await handle.query("state"))["failed"] > 0

            assert await until(tried, timedelta(seconds=30))
            seen = await asyncio.to_thread(_read, f"http://{address}/metrics")
            await handle.terminate()
    waiting = [line for line in seen.splitlines() if line.startswith("diversion_notices_waiting{")]
    assert any('channel="email"' in line and line.endswith(" 3") for line in waiting)
    assert "diversion_notices_oldest_due_seconds{" in seen
    assert "stu_" not in seen


def _read(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()
