"""Continue-as-new: many runs, one stream; nothing is lost, doubled or forgotten on the way."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateStage
from workflows_house import (
    FIRST,
    KINDS,
    LEADER,
    OFFICER,
    SECOND,
    Campaign,
    House,
    PatientClient,
    SlowLedger,
    act,
    assert_sound,
    eventually,
    house_in,
    together,
    types,
)

import protocol
from domain.compressing import expanded
from domain.refusal import Refusal
from domain.stream import Answer
from engine import EmbeddedEngine
from ledger.histories import appended, is_closed, payload, run_start
from protocol import ACTIVITY_APPEND

MANY = 240

LEAST_IN_A_RUN = 30
"""Updates that the limited engine takes of one run; two thousand is the server's own limit."""

MORE_THAN_A_RUN = 40


def confirmations(students: list[str]) -> list[dict[str, Any]]:
    """Return one command for each pupil."""
    return [
        act(
            "confirm", f"confirm-{number:03d}", LEADER, students=[student], help=["STUDY"], reason="TEACHER_OBSERVATION"
        )
        for number, student in enumerate(students)
    ]


def lasting(state: dict[str, Any]) -> dict[str, Any]:
    """Return what continue-as-new must not change."""
    return {name: value for name, value in state.items() if name not in ("now", "runs")}


async def runs_of(house: House, stream: str) -> list[str]:
    """Return the ids of all runs of a stream's workflow, the first first, by following the chain backwards."""
    description = await house.handle(stream).describe()
    runs = [description.run_id]
    while True:
        history = await house.handle(stream, runs[0]).fetch_history()
        before = history.events[0].workflow_execution_started_event_attributes.continued_execution_run_id
        if not before:
            return runs
        runs.insert(0, before)


async def assert_equal_before_and_after(house: House, stream: str) -> list[str]:
    """Ask each run at its end and the next one at its beginning, by what it was given; return the runs."""
    runs = await runs_of(house, stream)
    for number, (run, following) in enumerate(pairwise(runs), start=1):
        ended = await house.state(stream, run)
        history = json.loads((await house.handle(stream, following).fetch_history()).to_json())
        given = payload(history["events"][0]["workflowExecutionStartedEventAttributes"]["input"]["payloads"][0])
        assert (given["version"], given["hash"]) == (ended["version"], ended["hash"])
        assert expanded(given["state"]) == ended["state"]
        assert len(expanded(given["commands"])) == ended["commands"]
        assert (given["runs"], ended["runs"]) == (number + 1, number)
        assert given["predecessor"] == run
    return runs


async def assert_archived_and_joined(house: House, campaign: str, stream: str, runs: list[str]) -> None:
    """Check that every run but the last is archived, closed and intact, and that the segments join."""

    async def all_kept() -> bool:
        return len((await house.ledger.archived_runs(campaign)).get(stream, [])) == len(runs) - 1

    await eventually(all_kept)
    before = (0, "0" * 64)
    written = []
    for run in runs[:-1]:
        kept = await house.ledger.archived(stream, run)
        assert kept is not None
        assert kept.intact
        assert kept.closed
        history = json.loads(kept.history)
        assert is_closed(history)
        start = run_start(history)
        assert (start.version, start.hash) == before
        assert kept.first_version == start.version + 1
        before = (kept.last_version, kept.last_hash)
        written.extend(appended(history, ACTIVITY_APPEND))
    events = await house.events(stream)
    assert written == events[: len(written)]


@pytest.mark.parametrize("clients", [1, 16], ids=["one-client", "sixteen-clients"])
async def test_updates_in_flight_survive_continue_as_new(low_house: House, clients: int) -> None:
    """240 confirmations at once, while the workflow continues as new again and again: each is answered and kept once.

    One client keeps at most eight Updates in flight; sixteen of them keep 128, more than the server's own limit,
    which the engine of this test raises. Sent again afterwards, each command gets its old receipt; another command
    under a used id is refused.
    """
    house = low_house
    async with house.worker():
        campaign = await house.campaign(pupils=MANY)
        await campaign.open()
        stream = campaign.stream(FIRST)
        commands = confirmations(await campaign.pupils())
        assert len(commands) == MANY
        faces = [PatientClient(house.engine, house.ledger) for _ in range(clients)]
        first_runs = (await house.state(stream))["runs"]

        answers = await together(
            faces[number % clients].submit(stream, command) for number, command in enumerate(commands)
        )
        again = await together(house.client.submit(stream, command) for command in commands)

        state = await house.state(stream)
        events = await house.events(stream)
        assert_sound(stream, events, state["state"])
        assert state["runs"] >= first_runs + 2
        assert state["commands"] == MANY
        assert_each_once(commands, answers, events)
        assert [answer.receipt for answer in again] == [answer.receipt for answer in answers]
        with pytest.raises(Refusal) as reused:
            await house.client.submit(stream, {**commands[0], "help": ["ATTENDANCE"]})
        assert reused.value.code == "COMMAND_ID_REUSED"
        assert len(await house.events(stream)) == len(events)

        runs = await assert_equal_before_and_after(house, stream)
        assert len(runs) == state["runs"]
        await assert_archived_and_joined(house, campaign.id, stream, runs)


def assert_each_once(commands: list[dict[str, Any]], answers: list[Answer], events: list[dict[str, Any]]) -> None:
    """Check that each command has exactly its one event, where its receipt says."""
    confirmed = [event for event in events if event["type"] == "HelpConfirmed"]
    assert Counter(event["command_id"] for event in confirmed) == Counter(
        {command["command_id"]: 1 for command in commands}
    )
    assert Counter(event["data"]["student"] for event in confirmed) == Counter(
        {command["students"][0]: 1 for command in commands}
    )
    for command, answer in zip(commands, answers, strict=True):
        receipt = answer.receipt
        assert receipt.first_version == receipt.last_version
        event = events[receipt.last_version - 1]
        assert (event["command_id"], event["hash"]) == (command["command_id"], receipt.hash)


async def test_every_workflow_continues_as_new_with_equal_state(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many signals each of the seven workflows begins a new run with the same state, and works on.

    The server never suggests it for signals, so the run counts them; what is refused counts too.
    """
    monkeypatch.setattr(protocol, "SIGNALS_PER_RUN", 30)  # the sandbox shares the module, and reads it for each run
    async with house.worker():
        campaign = await house.campaign()
        await campaign.open(FIRST)
        await campaign.open(SECOND)
        before = {kind: await house.state(campaign.stream(kind)) for kind in KINDS}
        assert {state["runs"] for state in before.values()} == {1}
        flood = (house.handle(campaign.stream(kind)).signal("nonsense") for kind in KINDS for _ in range(30))
        await asyncio.gather(*flood)

        for kind in KINDS:
            stream = campaign.stream(kind)
            await eventually(lambda stream=stream: has_runs(house, stream, 2))
            runs = await assert_equal_before_and_after(house, stream)
            ended, now = await house.state(stream, runs[0]), await house.state(stream)
            assert lasting(now) == lasting(ended), kind
            assert now["state"] == before[kind]["state"], kind
            assert_sound(stream, await house.events(stream), now["state"])
            await assert_archived_and_joined(house, campaign.id, stream, runs)
        await works_on(house, campaign)


async def has_runs(house: House, stream: str, number: int) -> bool:
    """Tell whether a stream is in a run, at least that many, that has rested."""
    state = await house.state(stream)
    return bool(state["runs"] >= number)


async def works_on(house: House, campaign: Campaign) -> None:
    """Check that news still flow from the campaign through the school to all stages, and commands are taken."""
    pause = act("pause", "pause", OFFICER, reason="EXAM_WEEK")
    _, pending = await house.client.hold(campaign.id, pause)
    assert pending == 0
    assert types(await house.events(campaign.stream("retention")))[-1] == "StagePaused"


async def test_a_run_ends_after_so_many_updates(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server takes 2,000 Updates a run: the run counts them and ends before, once nothing is left to write."""
    monkeypatch.setattr(protocol, "UPDATES_PER_RUN", 4)
    async with house.worker():
        campaign = await house.campaign()
        await campaign.open()
        stream = campaign.stream(FIRST)
        commands = confirmations(await campaign.pupils())
        answers = []
        for number, command in enumerate(commands, start=1):
            answers.append(await house.client.submit(stream, command))
            if number % 4 == 0:
                await eventually(lambda runs=1 + number // 4: has_runs(house, stream, runs))
        state = await house.state(stream)
        events = await house.events(stream)

        assert state["runs"] == 1 + len(commands) // 4
        assert state["commands"] == len(commands)
        assert_each_once(commands, answers, events)
        assert_sound(stream, events, state["state"])


@pytest.fixture
async def limited_house(tmp_path: Path) -> AsyncIterator[House]:
    """Return a house on an engine of its own that takes few Updates of one run."""
    limit = ("--dynamic-config-value", f"history.maxTotalUpdates={LEAST_IN_A_RUN}")
    engine = EmbeddedEngine(tmp_path / "engine", options=limit)
    async with house_in(await engine.start(), tmp_path) as opened:
        yield opened
    await engine.stop()


async def test_the_servers_limit_of_updates_in_a_run_is_survived(limited_house: House) -> None:
    """Under steady load on a slow ledger a run reaches the server's own limit: commands wait, none is lost."""
    house = limited_house
    async with house.worker(SlowLedger(house.ledger, 0.2)):
        campaign = await house.campaign(pupils=MORE_THAN_A_RUN)
        await campaign.open()
        stream = campaign.stream(FIRST)
        commands = confirmations(await campaign.pupils())
        faces = [PatientClient(house.engine, house.ledger) for _ in range(4)]
        answers = await together(faces[number % 4].submit(stream, command) for number, command in enumerate(commands))
        events = await house.events(stream)
        assert_each_once(commands, answers, events)
        assert_sound(stream, events, (await house.state(stream))["state"])


async def test_a_waiting_tick_holds_up_neither_ledger_nor_commands(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that wants to end waits for a tick whose news are not here yet; what is commanded meanwhile is recorded."""
    monkeypatch.setattr(protocol, "UPDATES_PER_RUN", 2)
    async with house.worker():
        campaign = await house.campaign(clock="stepped")
        now = datetime.fromisoformat("2024-11-06T10:00:00+08:00")
        school = campaign.stream("school")
        request = protocol.TickRequest(at=now, absorb=(f"{school}#2",))
        await house.handle(campaign.id).start_update(
            protocol.UPDATE_TICK, request, id="waiting", wait_for_stage=WorkflowUpdateStage.ACCEPTED
        )
        for number, kind in enumerate(("pause", "resume") * 3):
            command = act(kind, f"{kind}-{number}", OFFICER, reason="EXAM_WEEK")
            await house.client.submit(campaign.id, command, at=now)
        assert (await house.state(campaign.id))["runs"] == 1

        await house.client.tick(school, now, ["job:cohort"])  # the news that the first tick waits for
        await eventually(lambda: has_runs(house, campaign.id, 2))
        assert_sound(campaign.id, await house.events(campaign.id), (await house.state(campaign.id))["state"])
