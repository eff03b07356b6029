"""The client's side of sending: dispatchers of several channels started, woken, ticked and ended together."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from client import NotFoundError
from client.calls import EngineCalls, until
from client.sending import Sending
from domain.refusal import Refusal
from domain.time import instant
from engine import EmbeddedEngine, connect
from protocol import ACTIVITY_DISPATCH, TASK_QUEUE, DispatchRequest, DispatchResult, dispatch_id, dispatch_queue
from worker import run_until
from workflows.dispatch import NoticeDispatchWorkflow

CAMPAIGN = "campaign/qingshan/2025"
CHANNELS = ("email", "phone")
AT = instant("2025-03-10T07:30:00+08:00")
PATIENCE = timedelta(seconds=30)


@workflow.defn(name="CampaignWorkflow")
class Hearing:
    """Stands where a campaign's stream would: keeps the ids of what it is told."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    @workflow.run
    async def run(self) -> None:
        """Listen for ever."""
        await workflow.wait_condition(lambda: False)

    @workflow.signal
    def deliver(self, message: dict[str, Any]) -> None:
        """Keep an id."""
        self.heard.append(message["id"])

    @workflow.query
    def told(self) -> list[str]:
        """Return what came."""
        return self.heard


class Batches:
    """Answers each channel from its own script, then with nothing to do."""

    def __init__(self) -> None:
        self.results: defaultdict[str, deque[DispatchResult]] = defaultdict(deque)
        self.asked: list[DispatchRequest] = []
        self.queues: set[str] = set()

    @activity.defn(name=ACTIVITY_DISPATCH)
    async def drain(self, request: DispatchRequest) -> DispatchResult:
        """Answer."""
        self.asked.append(request)
        self.queues.add(activity.info().task_queue)
        script = self.results[request.channel]
        return script.popleft() if script else DispatchResult()

    def count(self, channel: str) -> int:
        """Return how many batches a channel has had."""
        return sum(request.channel == channel for request in self.asked)


class Scene:
    """A namespace of its own with a listening campaign."""

    def __init__(self, client: Client) -> None:
        self.client, self.batches = client, Batches()
        self.sending = Sending(EngineCalls(client, PATIENCE))

    async def heard(self, count: int) -> list[str]:
        """Return what the campaign was told, as soon as it is so much."""
        found: list[str] = []

        async def so_much() -> bool:
            found[:] = await self.client.get_workflow_handle(CAMPAIGN).query("told")
            return len(found) >= count

        assert await until(so_much, PATIENCE)
        return found

    async def asked(self, channel: str, count: int) -> None:
        """Wait until a channel has had so many batches."""

        async def so_many() -> bool:
            return self.batches.count(channel) >= count

        assert await until(so_many, PATIENCE)


@pytest.fixture
async def scene(engine: EmbeddedEngine, rooms: Iterator[int]) -> AsyncIterator[Scene]:
    """Run workers for the workflows and for two channels."""
    client = await connect(engine.address, f"room-{next(rooms)}", wait=10)
    made = Scene(client)
    flows = [NoticeDispatchWorkflow, Hearing]
    drain: dict[str, Any] = {"activities": [made.batches.drain]}
    own = UnsandboxedWorkflowRunner()
    async with (
        Worker(client, task_queue=TASK_QUEUE, workflows=flows, workflow_runner=own, **drain),
        Worker(client, task_queue=dispatch_queue("email"), **drain),
        Worker(client, task_queue=dispatch_queue("phone"), **drain),
    ):
        await client.start_workflow(Hearing.run, id=CAMPAIGN, task_queue=TASK_QUEUE)
        yield made


def day(name: str) -> dict[str, Any]:
    """Return the record of a day."""
    return {"day": name, "rows": 1, "digest": "ab" * 32, "states": {"accepted": 1}}


async def test_every_channel_has_its_dispatcher_and_queue_and_one_that_ended_goes_on_where_it_left_off(
    scene: Scene,
) -> None:
    """The campaign's stream takes no number twice: started again, a dispatcher knows its last, and the last day."""
    sending, batches = scene.sending, scene.batches
    batches.results["email"] += [DispatchResult(day=day("2025-03-08")), DispatchResult(day=day("2025-03-09"))]
    for _ in range(2):
        await sending.start(CAMPAIGN, CHANNELS, every=3600)
    name = dispatch_id(CAMPAIGN, "email")
    assert await scene.heard(2) == [f"{name}#1", f"{name}#2"]
    await scene.asked("phone", 1)
    assert batches.queues == {dispatch_queue(channel) for channel in CHANNELS}
    before = batches.count("phone")
    await sending.wake(CAMPAIGN)
    await scene.asked("phone", before + 1)
    assert await sending.finish(CAMPAIGN, PATIENCE)
    batches.results["email"].append(DispatchResult(day=day("2025-03-10")))
    await sending.start(CAMPAIGN, CHANNELS, every=3600)
    assert await scene.heard(3) == [f"{name}#{number}" for number in (1, 2, 3)]
    first = next(request for request in reversed(batches.asked) if request.channel == "email" and request.settled)
    assert str(first.settled) in ("2025-03-09", "2025-03-10")
    assert (await sending.state(CAMPAIGN, "email"))["sent"] == 3
    assert await sending.finish(CAMPAIGN, PATIENCE)


async def test_the_days_are_settled_before_a_close_and_nobody_waits_for_who_does_not_answer(scene: Scene) -> None:
    """The campaign has heard of the running day when it comes back; the dispatchers go on."""
    sending, batches = scene.sending, scene.batches
    await sending.start(CAMPAIGN, CHANNELS, every=3600)
    for channel in CHANNELS:
        await scene.asked(channel, 1)
    batches.results["email"].append(DispatchResult(day=day("2025-03-10")))
    assert await sending.settle(CAMPAIGN, PATIENCE)
    assert await scene.heard(1) == [f"{dispatch_id(CAMPAIGN, 'email')}#1"]
    assert {request.channel for request in batches.asked if request.closing == "now"} == set(CHANNELS)
    assert await sending.settle("campaign/qingshan/2031", PATIENCE)
    batches.results["email"].append(DispatchResult(left=1, again_in_seconds=60))
    await sending.wake(CAMPAIGN)
    await scene.asked("email", 4)
    assert not await sending.settle(CAMPAIGN, timedelta(seconds=0.5))


async def test_a_stepped_dispatcher_is_ticked_and_others_are_not(scene: Scene) -> None:
    """The answer comes back as it was given; nobody there, or another clock, is said so."""
    scene.batches.results["email"].append(DispatchResult(claimed=2, accepted=2, day=day("2025-03-09")))
    await scene.sending.start(CAMPAIGN, ("email",), clock="stepped")
    answer = await scene.sending.tick(CAMPAIGN, "email", AT)
    assert (answer.moved, [label.to for label in answer.sent]) == (2, [CAMPAIGN])
    assert str(answer.settled) == "2025-03-09"
    with pytest.raises(NotFoundError):
        await scene.sending.tick(CAMPAIGN, "phone", AT)
    await scene.sending.start(CAMPAIGN, ("phone",), every=3600)
    with pytest.raises(Refusal, match="CLOCK_NOT_STEPPED"):
        await scene.sending.tick(CAMPAIGN, "phone", AT)
    assert await scene.sending.finish(CAMPAIGN, PATIENCE)


async def test_a_dispatcher_with_something_left_does_not_end_in_time_and_one_that_never_was_has(scene: Scene) -> None:
    """`close` says so and goes on."""
    later = DispatchResult(left=1, next_at=AT + timedelta(days=10_000))
    scene.batches.results["email"] += [later] * 50
    await scene.sending.start(CAMPAIGN, ("email",), every=1)
    assert not await scene.sending.finish(CAMPAIGN, timedelta(seconds=1.5))
    assert await scene.sending.finish("campaign/qingshan/2031", PATIENCE)


class Failing:
    """A worker that cannot go on, or one that works until it is told to stop."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.told = error, False

    async def run(self) -> None:
        """Work."""
        if self.error is not None:
            raise self.error

        async def stopped() -> bool:
            return self.told

        await until(stopped, PATIENCE)

    async def shutdown(self) -> None:
        """Stop."""
        self.told = True


async def test_a_worker_that_cannot_go_on_ends_the_others_and_says_why() -> None:
    """The process must not go on with half of its queues."""
    good: Any = Failing()
    bad: Any = Failing(RuntimeError("no way to the engine"))
    with pytest.raises(RuntimeError, match="no way"):
        await run_until(asyncio.Event(), [good, bad])
    assert good.told
