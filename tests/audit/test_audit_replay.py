import asyncio
import base64
import contextlib
import json
import multiprocessing
import sqlite3
from collections import Counter

import pytest
from audit_broken_shell import RetentionWorkflow
from temporalio.client import WorkflowHistory

import engine
from audit.capture import replays
from audit.replay import replay
from audit.rows import envelope_of
from audit.runs import read_run
from domain.identification import IdentificationDecider
from ledger.store import Ledger

STREAMS = 1 + 2 + 2 * 6 + 1
"""The campaign, two schools with five stages and an attendance each, and the case of a complaint."""


@contextlib.asynccontextmanager
async def opened(path):
    """The ledger in a file, closed afterwards."""
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{path}")
    try:
        yield ledger
    finally:
        await ledger.close()


def count(path, statement):
    """One number out of a ledger's file."""
    connection = sqlite3.connect(path)
    try:
        return connection.execute(statement).fetchone()[0]
    finally:
        connection.close()


async def test_a_live_campaign_replays_and_every_stream_is_reached(year):
    """While it runs, archive and engine together give every run of every stream, and nothing differs."""
    assert year.live.model_dump(exclude={"histories", "events"}) == {
        "campaign": year.campaign,
        "replay_ok": True,
        "ledger_ok": True,
        "live_unreached": 0,
        "differences": [],
        "omitted": 0,
    }
    assert year.live.histories > STREAMS


async def test_without_an_engine_the_live_streams_are_counted_as_unreached(year):
    """The archive alone proves the runs that have ended, and says of how many streams it lacks the last one."""
    assert year.without_client.replay_ok
    assert year.without_client.ledger_ok
    assert year.without_client.live_unreached == STREAMS
    assert 0 < year.without_client.histories < year.live.histories


async def test_without_a_worker_histories_are_replayed_and_live_states_are_unreached(year):
    """An engine without a worker gives the histories; nobody answers for the states, and the report says so."""
    assert year.without_worker.differences == []
    assert year.without_worker.histories >= year.live.histories
    assert year.without_worker.live_unreached == STREAMS - 2  # both attendances have ended: their last day is past


async def test_a_closed_campaign_replays_from_the_archive_alone(year):
    """With the engine gone every run is in the archive, among them streams of several runs; the counts are exact."""
    assert year.everything_archived
    async with opened(year.ledger) as ledger:
        report = await replay(ledger, year.campaign)
    assert report == year.closed
    assert report.replay_ok
    assert report.ledger_ok
    assert report.live_unreached == 0
    assert report.differences == []
    assert report.histories == count(year.ledger, "SELECT count(*) FROM archive") > STREAMS
    assert report.events == count(year.ledger, "SELECT count(*) FROM events")
    assert count(year.ledger, "SELECT count(*) FROM outbox") > 0
    assert count(year.ledger, "SELECT count(*) FROM holds WHERE released_by IS NOT NULL") == 1


async def test_two_processes_find_the_same_and_end(year):
    """Replaying in processes of its own gives the same report, and none of them is left."""
    async with opened(year.ledger) as ledger:
        assert await replay(ledger, year.campaign, processes=2) == year.closed
    assert multiprocessing.active_children() == []


async def test_a_changed_decision_is_found_although_the_replayer_stays_green(year, monkeypatch):
    """A rule that counts otherwise gives the same commands: the Replayer sees nothing, the captured events tell."""
    unchanged = IdentificationDecider._freeze

    def changed(self, state):
        frozen = unchanged(self, state)
        return frozen.model_copy(update={"with_help": frozen.with_help + 1})

    monkeypatch.setattr(IdentificationDecider, "_freeze", changed)
    async with opened(year.ledger) as ledger:
        runs = await ledger.archived_runs(year.campaign)
        stage = next(stream for stream in runs if stream.endswith("0001/identification"))
        for run in runs[stage]:
            held = await ledger.archived(stage, run)
            await engine.replayer().replay_workflow(WorkflowHistory.from_json(stage, held.history))
        frozen = [envelope async for envelope in ledger.events(stage) if envelope["type"] == "CohortFrozen"]
        report = await replay(ledger, year.campaign)
    assert report.ledger_ok
    assert not report.replay_ok
    decisions = [found for found in report.differences if found.kind == "decision"]
    assert [(found.event, found.field) for found in decisions] == [
        (f"{stage}#{frozen[0]['version']}", "data.with_help")
    ]
    assert decisions[0].ledger == frozen[0]["hash"] != decisions[0].found
    assert {found.workflow for found in report.differences} == {stage}


async def test_a_rule_that_decides_less_is_found(year, monkeypatch):
    """Today's code that no longer writes a recorded event is found where the first event is another one."""
    unchanged = IdentificationDecider.absorb_content

    def changed(self, state, message, now):
        return unchanged(self, state, message, now)[1:]

    monkeypatch.setattr(IdentificationDecider, "absorb_content", changed)
    async with opened(year.ledger) as ledger:
        report = await replay(ledger, year.campaign)
        streams = [stream for stream in await ledger.streams(year.campaign) if stream.endswith("identification")]
        first = {}
        for stream in streams:
            written = [envelope async for envelope in ledger.events(stream) if envelope["type"] == "HelpProposed"]
            first[stream] = written[0]["version"]
    decisions = [found for found in report.differences if found.kind == "decision"]
    assert {stream: min(found.version for found in decisions if found.workflow == stream) for stream in first} == first
    assert {found.workflow for found in decisions} == set(first)
    assert report.omitted > 0


async def test_a_shell_with_another_command_turns_the_replay_red(year, monkeypatch):
    """A workflow that starts a timer no history knows fails in the Replayer; other workflows stay green."""
    workflows = [known for known in engine.WORKFLOWS if known.__name__ != "RetentionWorkflow"]
    monkeypatch.setattr(engine, "WORKFLOWS", (*workflows, RetentionWorkflow))
    async with opened(year.ledger) as ledger:
        report = await replay(ledger, year.campaign)
    red = Counter(found.workflow.rpartition("/")[2] for found in report.differences if found.kind == "replay")
    assert set(red) == {"retention"}
    assert not report.replay_ok
    assert report.ledger_ok
    assert all("TMPRL1100" in found.found for found in report.differences if found.kind == "replay")


async def test_an_unknown_campaign_has_nothing_to_replay(year):
    """Nothing is found and nothing differs; who asks for a campaign that is not there sees no events."""
    async with opened(year.ledger) as ledger:
        report = await replay(ledger, "campaign/nowhere/2025")
    assert (report.events, report.histories, report.differences) == (0, 0, [])


@pytest.mark.parametrize("damage", ["", "{}", '{"events": []}', "\x00"])
async def test_damaged_bytes_fail_one_replay_and_spoil_no_other(year, damage):
    """After a history that cannot be read the next one is replayed as before."""
    async with opened(year.ledger) as ledger:
        runs = await ledger.archived_runs(year.campaign)
        held = await ledger.archived(year.campaign, runs[year.campaign][0])
    async with replays(1) as ready:
        bad, good = await ready.run([(year.campaign, damage), (year.campaign, held.history)])
    assert bad.failure
    assert good.failure is None
    assert good.events


async def test_a_run_whose_first_task_has_not_begun_is_green(year):
    """A run that has just continued as new has decided nothing; the Replayer alone would wait for ever."""
    async with opened(year.ledger) as ledger:
        runs = await ledger.archived_runs(year.campaign)
        held = await ledger.archived(year.campaign, runs[year.campaign][-1])
    begun = json.dumps({"events": json.loads(held.history)["events"][:1]})
    async with asyncio.timeout(20), replays(1) as ready:
        [computed] = await ready.run([(year.campaign, begun)])
    assert (computed.failure, computed.events) == (None, [])


@pytest.mark.parametrize(
    "body",
    ['{"a":NaN}', '{"a":-Infinity}', '{"a":1e999}', '{"a":[-1e999]}', "[" * 200_000, "[1]", "x", "", None, b"\xff"],
    ids=lambda body: repr(body)[:12],
)
def test_a_text_that_is_no_event_is_none_and_no_failure(body):
    """What Python's JSON would let pass, or fall over, is an event that is not there: it is named, and all goes on."""
    assert envelope_of({"body": body}) is None
    assert envelope_of({"body": '{"a":1.5}'}) == {"a": 1.5}


def history_with(**carry):
    """Return the history of a run that took its stream up with these values."""
    data = base64.b64encode(json.dumps({"version": 3, "hash": "0" * 64, **carry}).encode()).decode()
    first = {"eventId": "1", "eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED"}
    first["workflowExecutionStartedEventAttributes"] = {"input": {"payloads": [{"data": data}]}}
    return json.dumps({"events": [first]})


@pytest.mark.parametrize(
    "carry",
    [{"version": float("inf")}, {"version": float("nan")}, {"runs": float("inf")}, {"version": "3"}, {"hash": 7}],
    ids=str,
)
def test_a_history_whose_beginning_has_no_version_or_hash_is_none_of_ours(carry):
    """Infinity is JSON to Python: such bytes are a difference of the archive's, and the audit goes on."""
    assert read_run("campaign/x/1", "run", history_with()).start.version == 3
    with pytest.raises(ValueError, match=r".*"):
        read_run("campaign/x/1", "run", history_with(**carry))


def test_brackets_without_end_are_no_history():
    """They would be a recursion without one."""
    with pytest.raises(ValueError, match="no history"):
        read_run("campaign/x/1", "run", "[" * 200_000)
