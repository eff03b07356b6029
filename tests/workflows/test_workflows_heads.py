"""What has heads signed: it looks, rests, minds the end of the day, and ends with the campaign; and a real campaign."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHistory
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from workflows_house import FIRST, OFFICER, House, act

import workflows.heads
from activities.heads import HeadActivities
from audit.keeper import HeadKeeper
from audit.signing_keys import create_key
from client import NotFoundError
from client.calls import EngineCalls, until
from client.heads import Heads
from domain.refusal import Refusal
from domain.time import instant
from engine import EmbeddedEngine, connect, replayer
from ledger.heads import read_heads
from protocol import ACTIVITY_HEADS, TASK_QUEUE, HeadsRequest, HeadsResult, heads_id
from workflows.heads import RecordHeadsWorkflow

CAMPAIGN = "campaign/qingshan/2025"
AT = instant("2025-03-10T07:30:00+08:00")
PATIENCE = timedelta(seconds=30)
HOUR = timedelta(hours=1)
SIGNED = HeadsResult(size=10, root="ab" * 32, reason="stage")
ENDED = HeadsResult(size=12, root="cd" * 32, reason="end", ended=True)


class Looks:
    """Answers one look after the other from a script, then with nothing to do."""

    def __init__(self) -> None:
        self.results: deque[HeadsResult | Exception] = deque()
        self.asked: list[HeadsRequest] = []

    @activity.defn(name=ACTIVITY_HEADS)
    async def look(self, request: HeadsRequest) -> HeadsResult:
        """Answer."""
        self.asked.append(request)
        result = self.results.popleft() if self.results else HeadsResult(size=10)
        if isinstance(result, Exception):
            raise result
        return result

    async def have(self, count: int) -> None:
        """Wait until there were so many."""

        async def so_many() -> bool:
            return len(self.asked) >= count

        assert await until(so_many, PATIENCE)


class Scene:
    """A worker of its own with scripted looks."""

    def __init__(self, client: Client) -> None:
        self.client, self.looks = client, Looks()
        self.heads = Heads(EngineCalls(client, PATIENCE))

    async def history(self) -> WorkflowHistory:
        """Return the last run's history."""
        return await self.client.get_workflow_handle(heads_id(CAMPAIGN)).fetch_history()


@pytest.fixture
async def scene(engine: EmbeddedEngine, rooms: Iterator[int]) -> AsyncIterator[Scene]:
    """Run it."""
    client = await connect(engine.address, f"room-{next(rooms)}", wait=10)
    made = Scene(client)
    own = UnsandboxedWorkflowRunner()
    flows = [RecordHeadsWorkflow]
    async with Worker(
        client, task_queue=TASK_QUEUE, workflows=flows, workflow_runner=own, activities=[made.looks.look]
    ):
        yield made


async def test_it_looks_when_woken_and_ends_with_the_campaign(scene: Scene) -> None:
    """Started twice it is one; it counts what was signed, and started again after its end it looks once more."""
    scene.looks.results += [SIGNED, HeadsResult(size=10)]
    for _ in range(2):
        await scene.heads.start(CAMPAIGN, every=HOUR)
    await scene.looks.have(1)
    await scene.heads.wake(CAMPAIGN)
    await scene.looks.have(2)
    assert (await scene.heads.state(CAMPAIGN))["heads"] == 1
    assert not await scene.heads.finish(CAMPAIGN, timedelta(seconds=0.5))  # the campaign goes on
    scene.looks.results.append(ENDED)
    assert await scene.heads.finish(CAMPAIGN, PATIENCE)
    handle = scene.client.get_workflow_handle(heads_id(CAMPAIGN))
    assert await handle.result() == {"heads": 2, "size": 12}
    assert await scene.heads.finish(CAMPAIGN, PATIENCE)
    assert await scene.heads.finish("campaign/qingshan/2031", PATIENCE)
    await replayer().replay_workflow(await scene.history())
    assert {request.at for request in scene.looks.asked} == {None}


async def test_a_last_head_that_somebody_ended_before_is_not_called_signed(scene: Scene) -> None:
    """Nothing is at work then, and the head is missing all the same; started again it comes to its own end."""
    await scene.heads.start(CAMPAIGN, every=HOUR)
    await scene.client.get_workflow_handle(heads_id(CAMPAIGN)).terminate("by hand")
    assert not await scene.heads.finish(CAMPAIGN, PATIENCE)
    scene.looks.results.append(ENDED)
    await scene.heads.start(CAMPAIGN, every=HOUR)
    assert await scene.heads.finish(CAMPAIGN, PATIENCE)


async def test_a_problem_is_left_alone_and_a_ledger_that_is_away_is_not(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong with the record waits an hour however short the usual rest is; a failure is tried at once."""
    scene.looks.results += [
        ApplicationError("OperationalError", type="HeadsFailed"),
        HeadsResult(problem="LEDGER_BROKEN", place=f"{CAMPAIGN}#3"),
    ]
    await scene.heads.start(CAMPAIGN, every=timedelta(seconds=1))
    await scene.looks.have(2)
    await asyncio.sleep(1.2)
    assert len(scene.looks.asked) == 2
    state = await scene.heads.state(CAMPAIGN)
    assert (state["last"]["problem"], state["last"]["place"]) == ("LEDGER_BROKEN", f"{CAMPAIGN}#3")
    monkeypatch.setattr(workflows.heads, "LOOKS_PER_RUN", 3)
    scene.looks.results += [HeadsResult(size=10, outside="SMTP_UNREACHABLE", place="mail")]
    await scene.heads.wake(CAMPAIGN)
    await scene.looks.have(4)  # in a run of its own, after the usual second
    described = await scene.client.get_workflow_handle(heads_id(CAMPAIGN)).describe()
    assert described.raw_description.workflow_execution_info.first_run_id != described.run_id
    scene.looks.results.append(ENDED)
    assert await scene.heads.finish(CAMPAIGN, PATIENCE)


async def test_on_the_stepped_clock_it_looks_at_ticks_alone(scene: Scene) -> None:
    """By the driver's clock; it ends with the last head, and on the engine's clock nobody ticks."""
    await scene.heads.start(CAMPAIGN, every=timedelta(seconds=1), clock="stepped")
    await scene.heads.wake(CAMPAIGN)
    scene.looks.results += [SIGNED, ENDED]
    assert await scene.heads.tick(CAMPAIGN, AT) == SIGNED
    assert (await scene.heads.tick(CAMPAIGN, AT + HOUR)).ended
    assert await scene.heads.finish(CAMPAIGN, PATIENCE)
    assert [request.at for request in scene.looks.asked] == [AT, AT + HOUR]
    with pytest.raises(NotFoundError):
        await scene.heads.tick(CAMPAIGN, AT)
    await replayer().replay_workflow(await scene.history())
    await scene.heads.start(CAMPAIGN, every=HOUR)
    with pytest.raises(Refusal, match="CLOCK_NOT_STEPPED"):
        await scene.heads.tick(CAMPAIGN, AT)


async def test_a_skipped_stage_and_the_campaigns_end_are_signed_by_themselves(house: House) -> None:
    """A worker with a key, from the first look to the last; the history holds sizes, roots and codes, and no key."""
    key = create_key(house.directory / "audit.key", "audit.example")
    keeper = HeadKeeper(house.ledger, house.directory / "audit.key")
    async with house.worker(heads=HeadActivities(keeper.look)):
        found = await house.campaign(watched=False)
        heads = house.client.heads
        await heads.start(found.id, every=HOUR)

        async def signed(count: int) -> bool:
            await heads.wake(found.id)
            return len(await read_heads(house.ledger, found.id)) >= count

        skip = act("skip", "skip", OFFICER, reason="TRIAL_RUN")
        await house.client.submit(found.stream(FIRST), skip)
        assert await until(lambda: signed(1), PATIENCE)
        await house.client.submit(found.id, act("stop", "stop", OFFICER, reason="TRIAL_RUN"))
        assert await until(lambda: signed(2), PATIENCE)

        async def told() -> bool:
            return bool((await heads.state(found.id))["heads"] == len(await read_heads(house.ledger, found.id)))

        assert await until(told, PATIENCE)  # a head is kept a moment before its look has ended
        state = await heads.state(found.id)
    kept = await read_heads(house.ledger, found.id)
    assert state["heads"] == len(kept) >= 2
    assert (state["last"]["size"], state["last"]["root"]) == (kept[-1].size, kept[-1].root)
    handle = house.engine.get_workflow_handle(heads_id(found.id))
    assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
    history = await handle.fetch_history()
    text = history.to_json()
    assert (house.directory / "audit.key").read_text().strip() not in text
    assert str(key.public) not in text
    await replayer().replay_workflow(history)
