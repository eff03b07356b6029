"""The dispatcher's workflow alone, with scripted batches: what it tells its campaign, and how it keeps its clock."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowHistory,
    WorkflowUpdateFailedError,
)
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, Worker
from temporalio.workflow import NondeterminismError

import workflows.dispatch
from client.calls import until
from domain.time import SHANGHAI, instant
from engine import connect, replayer
from protocol import (
    ACTIVITY_DISPATCH,
    SIGNAL_FINISH,
    SIGNAL_SETTLE,
    SIGNAL_WAKE,
    UPDATE_TICK,
    DispatchAnswer,
    DispatchInput,
    DispatchRequest,
    DispatchResult,
    TickRequest,
    dispatch_id,
    dispatch_queue,
)
from workflows.dispatch import AFTER_MIDNIGHT, NoticeDispatchWorkflow, until_next_look

GOLDEN = Path(__file__).parents[1] / "golden" / "dispatch"
NAMES = itertools.count(2000)
AT = instant("2025-03-10T07:30:00+08:00")
LONG = 3600
PATIENCE = timedelta(seconds=30)


@workflow.defn(name="CampaignWorkflow")
class Listening:
    """Stands where a campaign's stream would: keeps what it is told."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.over = False

    @workflow.run
    async def run(self) -> None:
        """Listen until told to end."""
        await workflow.wait_condition(lambda: self.over)

    @workflow.signal
    def deliver(self, message: dict[str, Any]) -> None:
        """Keep a message."""
        self.heard.append(message)

    @workflow.signal
    def end(self) -> None:
        """End."""
        self.over = True

    @workflow.query
    def told(self) -> list[dict[str, Any]]:
        """Return what came."""
        return self.heard


class Batches:
    """Answers one batch after the other from a script, then with nothing to do; keeps what was asked."""

    def __init__(self, *results: DispatchResult | Exception) -> None:
        self.results = deque(results)
        self.asked: list[DispatchRequest] = []
        self.began: list[float] = []
        self.queues: list[str] = []

    @activity.defn(name=ACTIVITY_DISPATCH)
    async def drain(self, request: DispatchRequest) -> DispatchResult:
        """Answer."""
        self.asked.append(request)
        self.began.append(asyncio.get_running_loop().time())
        self.queues.append(activity.info().task_queue)
        result = self.results.popleft() if self.results else DispatchResult()
        if isinstance(result, Exception):
            raise result
        return result


class Scene:
    """A listening campaign and its dispatcher on queues of their own."""

    def __init__(self, client: Client, batches: Batches, channel: str = "email") -> None:
        number = next(NAMES)
        self.client, self.batches, self.channel = client, batches, channel
        self.campaign = f"campaign/qingshan/{number}"
        self.queue, self.own = f"main-{number}", f"{dispatch_queue(channel)}-{number}"

    def workers(self) -> list[Worker]:
        """Return one worker for workflows and old runs, one for the channel's queue."""
        flows = [NoticeDispatchWorkflow, Listening]
        activities = [self.batches.drain]
        shared: dict[str, Any] = {"activities": activities, "workflow_runner": UnsandboxedWorkflowRunner()}
        return [
            Worker(self.client, task_queue=self.queue, workflows=flows, max_cached_workflows=0, **shared),
            Worker(self.client, task_queue=self.own, activities=activities),
        ]

    async def start(self, **given: Any) -> WorkflowHandle[Any, Any]:
        """Start both."""
        await self.client.start_workflow(Listening.run, id=self.campaign, task_queue=self.queue)
        begin = DispatchInput(campaign=self.campaign, channel=self.channel, **{"queue": self.own, **given})
        name = dispatch_id(self.campaign, self.channel)
        return await self.client.start_workflow(NoticeDispatchWorkflow.run, begin, id=name, task_queue=self.queue)

    async def told(self, count: int) -> list[dict[str, Any]]:
        """Wait until the campaign was told so much."""
        heard: list[dict[str, Any]] = []

        async def so_much() -> bool:
            heard[:] = await self.client.get_workflow_handle(self.campaign).query("told")
            return len(heard) >= count

        assert await until(so_much, PATIENCE)
        return heard


@pytest.fixture(scope="module")
async def client(engine: Any) -> Client:
    """Connect to the engine; the names of the tests keep them apart."""
    return await connect(engine.address, wait=10)


def receipt(number: int) -> dict[str, Any]:
    """Return a receipt as a batch brings it."""
    stamp = "2025-03-10T09:00:00+08:00"
    return {"receipt_id": f"r{number}", "notice": f"ntc_{number}", "state": "delivered", "at": stamp, "code": None}


def day(name: str) -> dict[str, Any]:
    """Return the record of a day."""
    return {"day": name, "rows": 2, "digest": "ab" * 32, "states": {"accepted": 2}}


async def finished(handle: WorkflowHandle[Any, Any]) -> Any:
    """End a dispatcher and return what it says."""
    await handle.signal(SIGNAL_FINISH)
    return await asyncio.wait_for(handle.result(), 20)


async def test_days_and_receipts_become_numbered_news_and_the_outbox_hears_that_they_did(client: Client) -> None:
    """Each once, numbered from 1 without a gap; the next batch names the receipts and the day that were told."""
    first = DispatchResult(claimed=3, accepted=3, receipts=[receipt(1), receipt(2)], more_receipts=True)
    batches = Batches(first, DispatchResult(receipts=[receipt(3)], day=day("2025-03-09")))
    scene = Scene(client, batches)
    one, two = scene.workers()
    async with one, two:
        handle = await scene.start(every_seconds=LONG)
        heard = await scene.told(3)
        assert await finished(handle) == {"accepted": 3, "failed": 0, "unknown": 0}
    assert [message["id"] for message in heard] == [f"{dispatch_id(scene.campaign, 'email')}#{n}" for n in (1, 2, 3)]
    assert [message["kind"] for message in heard] == ["receipts_taken", "receipts_taken", "notices_settled"]
    assert heard[0]["data"]["channel"] == "email"
    assert [list(told) for told in heard[0]["data"]["receipts"]] == [["notice", "state", "at", "code"]] * 2
    assert heard[2]["data"] == {"channel": "email", **day("2025-03-09")}
    assert [request.reported for request in batches.asked[:3]] == [(), ("r1", "r2"), ("r3",)]
    assert [request.settled and request.settled.isoformat() for request in batches.asked[:3]] == [
        None,
        None,
        "2025-03-09",
    ]
    assert set(batches.queues) == {scene.own}


async def test_a_receipt_that_comes_again_is_not_told_again(client: Client) -> None:
    """A batch that was done twice brings the same receipts: what has just been told is left out."""
    again = DispatchResult(receipts=[receipt(1)], more_receipts=True)
    scene = Scene(client, Batches(again, again, DispatchResult(receipts=[receipt(2)])))
    one, two = scene.workers()
    async with one, two:
        handle = await scene.start(every_seconds=LONG)
        heard = await scene.told(2)
        await finished(handle)
        assert len(await scene.told(2)) == 2
    assert [message["data"]["receipts"][0]["notice"] for message in heard] == ["ntc_1", "ntc_2"]


async def test_numbers_and_days_go_on_over_runs(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two batches a run: the second run knows number, day and what the outbox has not heard yet."""
    monkeypatch.setattr(workflows.dispatch, "BATCHES_PER_RUN", 2)
    results = [
        DispatchResult(claimed=1, accepted=1, receipts=[receipt(n)], day=day(f"2025-03-0{n}")) for n in (1, 2, 3)
    ]
    scene = Scene(client, Batches(*results))
    one, two = scene.workers()
    async with one, two:
        handle = await scene.start(every_seconds=LONG)
        heard = await scene.told(6)
        assert await finished(handle) == {"accepted": 3, "failed": 0, "unknown": 0}
    first = await client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id).describe()
    assert first.status is WorkflowExecutionStatus.CONTINUED_AS_NEW
    assert [int(message["id"].rpartition("#")[2]) for message in heard] == [1, 2, 3, 4, 5, 6]
    assert [request.reported for request in scene.batches.asked[:4]] == [(), ("r1",), ("r2",), ("r3",)]
    assert str(scene.batches.asked[3].settled) == "2025-03-03"


async def test_a_campaign_that_has_ended_harms_nothing(client: Client) -> None:
    """Its stream takes no more news: the dispatcher goes on, and ends when told."""
    scene = Scene(client, Batches(DispatchResult(left=1, next_at=AT), DispatchResult(day=day("2025-03-09"), claimed=1)))
    one, two = scene.workers()
    async with one, two:
        handle = await scene.start(every_seconds=LONG)
        await client.get_workflow_handle(scene.campaign).signal("end")
        await client.get_workflow_handle(scene.campaign).result()
        await finished(handle)
    assert str(scene.batches.asked[-1].settled) == "2025-03-09"


async def test_the_running_day_is_settled_before_it_ends(client: Client) -> None:
    """Told to finish, it asks for the day once nothing is left to send; then the campaign knows the last one."""
    left = DispatchResult(claimed=1, accepted=1, left=1)
    scene = Scene(client, Batches(left, DispatchResult(claimed=1, accepted=1, day=day("2025-03-10"))))
    one, two = scene.workers()
    async with one, two:
        handle = await scene.start(every_seconds=LONG)
        await finished(handle)
        [message] = await scene.told(1)
    assert message["data"]["day"] == "2025-03-10"
    assert {request.closing for request in scene.batches.asked[1:]} <= {"no", "when_done"}
    assert scene.batches.asked[-1].closing == "when_done"
    assert str(scene.batches.asked[-1].settled) == "2025-03-10"


async def test_the_running_day_is_settled_when_asked_for_and_it_goes_on(client: Client) -> None:
    """Before a campaign is closed: every day that has rows up to now, though much is left and a provider is away."""
    waits = DispatchResult(left=3, next_at=AT + timedelta(days=10_000))
    days = [waits.model_copy(update={"day": day(f"2025-03-{n}"), "problem": "SMTP_UNREACHABLE"}) for n in ("09", "10")]
    scene = Scene(client, Batches(waits, *days, waits))
    one, two = scene.workers()
    async with one, two:
        handle = await scene.start(every_seconds=LONG)

        async def looked() -> bool:
            return bool(scene.batches.asked)

        async def settled() -> bool:
            return not (await handle.query("state"))["settling"] and len(scene.batches.asked) == 4

        assert await until(looked, PATIENCE)
        await handle.signal(SIGNAL_SETTLE)
        assert await until(settled, PATIENCE)
        assert [message["data"]["day"] for message in await scene.told(2)] == ["2025-03-09", "2025-03-10"]
        assert [request.closing for request in scene.batches.asked] == ["no", "now", "now", "now"]
        assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
        await finished(handle)
        assert [request.closing for request in scene.batches.asked[4:]] == ["when_done"]


async def test_a_wish_to_settle_outlives_a_run_and_means_nothing_on_the_stepped_clock(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is carried into the next run; whose days a driver settles, nobody hurries."""
    monkeypatch.setattr(workflows.dispatch, "BATCHES_PER_RUN", 1)
    scene = Scene(client, Batches(DispatchResult(claimed=1, day=day("2025-03-10"))))
    one, two = scene.workers()
    async with one, two:
        handle = await scene.start(every_seconds=LONG, settling=True)
        current = client.get_workflow_handle(handle.id)

        async def settled() -> bool:
            return len(scene.batches.asked) > 1 and not (await current.query("state"))["settling"]

        assert await until(settled, PATIENCE)
        assert [request.closing for request in scene.batches.asked[:2]] == ["now", "now"]
        await finished(current)
    stepped = Scene(client, Batches())
    one, two = stepped.workers()
    async with one, two:
        handle = await stepped.start(clock="stepped")
        await handle.signal(SIGNAL_SETTLE)
        await handle.execute_update(UPDATE_TICK, TickRequest(at=AT), result_type=DispatchAnswer)
        assert not (await handle.query("state"))["settling"]
        await finished(handle)
    assert [request.closing for request in stepped.batches.asked] == ["no"]


async def test_a_provider_that_wants_to_be_left_alone_is_left_alone(client: Client) -> None:
    """However often it is woken; and then it goes on at once, not after the usual pause."""
    muted = DispatchResult(left=2, problem="DINGTALK_MUTED", again_in_seconds=2)
    scene = Scene(client, Batches(muted), channel="dingtalk_robot")
    one, two = scene.workers()
    async with one, two:
        handle = await scene.start(every_seconds=LONG)
        for _ in range(5):
            await handle.signal(SIGNAL_WAKE)
            await asyncio.sleep(0.1)

        async def asked_again() -> bool:
            return len(scene.batches.asked) > 1

        assert await until(asked_again, PATIENCE)
        assert 1.9 < scene.batches.began[1] - scene.batches.began[0] < 15
        await finished(handle)


async def test_on_the_stepped_clock_nothing_happens_by_itself(client: Client) -> None:
    """A tick sends all that is due at its instant, batch after batch, and names its news; then it waits again."""
    later = AT + timedelta(hours=12)
    full = DispatchResult(claimed=2, accepted=2, left=1)
    done = DispatchResult(claimed=1, accepted=1, left=1, next_at=later, day=day("2025-03-09"))
    scene = Scene(client, Batches(full, done))
    one, two = scene.workers()
    async with one, two:
        handle = await scene.start(clock="stepped", every_seconds=1)
        await handle.signal(SIGNAL_WAKE)
        await asyncio.sleep(1.5)
        assert scene.batches.asked == []
        request = TickRequest(at=AT)
        answer = await handle.execute_update(UPDATE_TICK, request, id="one", result_type=DispatchAnswer)
        assert (answer.moved, answer.next_at, answer.problem) == (3, later, None)
        assert [label.id for label in answer.sent] == [f"{handle.id}#1"]
        assert [request.at for request in scene.batches.asked] == [AT, AT]
        [message] = await scene.told(1)
        assert instant(message["at"]) == AT
        assert await handle.execute_update(UPDATE_TICK, request, id="one", result_type=DispatchAnswer) == answer
        state = await handle.query("state")
        assert (state["sent"], list(state["told"])) == (1, ["1"])
        assert await finished(handle) == {"accepted": 3, "failed": 0, "unknown": 0}
    assert len(scene.batches.asked) == 2


async def test_a_tick_ends_where_the_provider_is_away_or_nothing_more_is_found(client: Client) -> None:
    """What is due and cannot be moved is left for the next instant, not tried for ever."""
    away = DispatchResult(left=3, problem="SMTP_UNREACHABLE")
    scene = Scene(client, Batches(away, DispatchResult(left=3)))
    one, two = scene.workers()
    async with one, two:
        handle = await scene.start(clock="stepped")
        for number, problem in enumerate(("SMTP_UNREACHABLE", None)):
            request = TickRequest(at=AT + timedelta(hours=number))
            answer = await handle.execute_update(UPDATE_TICK, request, result_type=DispatchAnswer)
            assert (answer.moved, answer.problem) == (0, problem)
        await finished(handle)
    assert len(scene.batches.asked) == 2


async def test_a_stepped_dispatcher_continues_as_new_and_still_knows_what_it_told(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One tick a run: numbers go on, and the driver can ask for all labels."""
    monkeypatch.setattr(workflows.dispatch, "UPDATES_PER_RUN", 1)
    scene = Scene(client, Batches(*(DispatchResult(claimed=1, accepted=1, day=day(f"2025-03-0{n}")) for n in (1, 2))))
    one, two = scene.workers()
    async with one, two:
        handle = await scene.start(clock="stepped")
        current = client.get_workflow_handle(handle.id)
        for number in (1, 2):
            request = TickRequest(at=AT + timedelta(days=number))
            answer = await current.execute_update(UPDATE_TICK, request, result_type=DispatchAnswer)
            assert [label.id for label in answer.sent] == [f"{handle.id}#{number}"]
        told = (await current.query("state"))["told"]
        assert {number: datetime.fromisoformat(at) for number, at in told.items()} == {
            "1": AT + timedelta(days=1),
            "2": AT + timedelta(days=2),
        }
        await finished(handle)


async def test_on_the_engines_clock_nobody_ticks(client: Client) -> None:
    """The Update is refused before it stands in the history."""
    scene = Scene(client, Batches())
    one, two = scene.workers()
    async with one, two:
        handle = await scene.start(every_seconds=LONG)
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await handle.execute_update(UPDATE_TICK, TickRequest(at=AT))
        assert isinstance(caught.value.cause, ApplicationError)
        assert caught.value.cause.message == "CLOCK_NOT_STEPPED"
        await finished(handle)


@pytest.mark.parametrize(
    ("now", "next_at", "pause"),
    [
        ("2025-03-10T12:00:00+08:00", None, timedelta(hours=1)),
        ("2025-03-10T12:00:00+08:00", "2025-03-10T12:10:00+08:00", timedelta(minutes=10)),
        ("2025-03-10T12:00:00+08:00", "2025-03-10T11:10:00+08:00", timedelta(0)),
        ("2025-03-10T23:50:00+08:00", None, timedelta(minutes=10) + AFTER_MIDNIGHT),
        ("2025-03-10T15:50:00+00:00", "2025-03-11T07:30:00+08:00", timedelta(minutes=10) + AFTER_MIDNIGHT),
    ],
)
def test_it_rests_until_something_is_due_and_not_over_midnight(now: str, next_at: str | None, pause: timedelta) -> None:
    """Midnight in the county, whatever the engine's own time zone is."""
    due = None if next_at is None else instant(next_at)
    assert until_next_look(datetime.fromisoformat(now), timedelta(hours=1), due) == pause
    assert datetime.fromisoformat(now).astimezone(SHANGHAI).date().day == 10


@pytest.mark.parametrize("name", ["open", "closed"])
async def test_a_dispatcher_of_the_release_before_replays(name: str) -> None:
    """Runs that 0.3.0 has left open and ended: the worker of today goes on with them."""
    await replayer().replay_workflow(of_before(name))


async def test_a_run_that_the_release_before_continued_replays(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was recorded with three batches a run."""
    with pytest.raises(NondeterminismError):
        await replayer().replay_workflow(of_before("continued"))
    monkeypatch.setattr(workflows.dispatch, "BATCHES_PER_RUN", 3)
    replaying = Replayer(
        workflows=[NoticeDispatchWorkflow],
        workflow_runner=UnsandboxedWorkflowRunner(),  # so that the low number is seen
        data_converter=pydantic_data_converter,
    )
    await replaying.replay_workflow(of_before("continued"))


def of_before(name: str) -> WorkflowHistory:
    """Return a history of 0.3.0 in which batches were done."""
    text = (GOLDEN / f"0.3.0-{name}.json").read_text()
    events: Sequence[dict[str, Any]] = json.loads(text)["events"]
    assert sum("activityTaskScheduledEventAttributes" in event for event in events) >= 2
    return WorkflowHistory.from_json("campaign/qingshan/2025/dispatch/email", text)
