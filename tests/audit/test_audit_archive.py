"""The archive's gaps: named, filled while the engine has them, and never filled with a history that goes on."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import shutil
import sqlite3
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from audit_log_tools import sealed
from audit_small_log import CAMPAIGN, CASE, FILING, good
from temporalio import workflow
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from audit.archive_gaps import EngineHistories, EngineRun, MissingHistory, complete_archive
from engine import EmbeddedEngine, EngineUnreachableError, export_history
from ledger.histories import kept
from ledger.store import Ledger
from protocol import ACTIVITY_APPEND, SEARCH_CAMPAIGN, dispatch_id

GOLDEN = Path(__file__).parents[1] / "golden" / "histories" / "0.3.0"
STREAMS = (CAMPAIGN, FILING, CASE)
ENDED = {CAMPAIGN: "archived", FILING: "archived", CASE: "closed"}
OF_KIND = {"campaign": CAMPAIGN, "filing": FILING}


def history(*, before=None, behind=None, running=False):
    """Return the JSON of a run's history with what a run's neighbours are read from."""
    carry = base64.b64encode(json.dumps({"version": 0, "hash": "0" * 64}).encode()).decode()
    started = {"input": {"payloads": [{"data": carry}]}, "continuedExecutionRunId": before or ""}
    first = {"eventId": "1", "eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED"}
    last: dict[str, Any] = {"eventId": "2", "eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED"}
    if behind:
        last["eventType"] = "EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW"
        last["workflowExecutionContinuedAsNewEventAttributes"] = {"newExecutionRunId": behind}
    if running:
        last["eventType"] = "EVENT_TYPE_WORKFLOW_TASK_COMPLETED"
    return json.dumps({"events": [{**first, "workflowExecutionStartedEventAttributes": started}, last]})


class Engine:
    """An engine that knows what it is told: by workflow, its runs with their histories, oldest first.

    A history of None is a run that is listed and gone. What stands in `unlisted` its index does not know.
    """

    def __init__(self, known, *, unlisted=(), going=(), of=CAMPAIGN):
        self.known = known
        self.of = of
        self.unlisted = unlisted
        self.going = going
        self.fetched = []

    def _run(self, name, run_id):
        return EngineRun(name, run_id, run_id in self.going)

    async def runs(self, campaign):
        """Return what the index has."""
        assert campaign == self.of
        listed = [(name, run) for name, runs in self.known.items() for run in runs if name not in self.unlisted]
        return [self._run(name, run) for name, run in listed]

    async def latest(self, name):
        """Return the last run."""
        return self._run(name, [*self.known[name]][-1]) if self.known.get(name) else None

    async def predecessor(self, run):
        """Return the run before."""
        started = json.loads(self.known[run.workflow][run.run_id])["events"][0]
        return started["workflowExecutionStartedEventAttributes"]["continuedExecutionRunId"] or None

    async def history(self, name, run_id):
        """Return a history, and note that it was asked for."""
        self.fetched.append(run_id)
        return self.known.get(name, {}).get(run_id)


def whole():
    """Return the histories of a year that is over: the filing ran three times, the others once."""
    return {
        CAMPAIGN: {"c1": history()},
        FILING: {
            "f1": history(behind="f2"),
            "f2": history(before="f1", behind="f3"),
            "f3": history(before="f2"),
        },
        CASE: {"k1": history()},
    }


@pytest_asyncio.fixture(scope="module")
async def blank(tmp_path_factory):
    """The file of a ledger of three streams that have ended, with nothing in its archive."""
    file = tmp_path_factory.mktemp("blank") / "ledger.db"
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{file}")
    streams = sealed(good())
    for stream in STREAMS:
        await ledger.append(streams[stream][:1], [], {"status": ENDED[stream]})
    await ledger.close()
    return file


@pytest.fixture
def opened(blank, tmp_path):
    """Open a copy of that ledger, with these histories in its archive and this status on its board."""

    @asynccontextmanager
    async def copy(archived=None, **status):
        file = tmp_path / "ledger.db"
        shutil.copy(blank, file)
        with sqlite3.connect(file) as connection:
            for kind, word in status.items():
                body = json.dumps({"status": word})
                connection.execute("UPDATE boards SET body = ? WHERE stream = ?", (body, OF_KIND[kind]))
        connection.close()
        ledger = await Ledger.open(f"sqlite+aiosqlite:///{file}")
        try:
            for name, runs in (archived or {}).items():
                for run_id, text in runs.items():
                    await ledger.archive(kept(name, run_id, text, ACTIVITY_APPEND))
            yield ledger
        finally:
            await ledger.close()

    return copy


def without(known, *run_ids):
    """Return histories without some runs."""
    return {name: {run: text for run, text in runs.items() if run not in run_ids} for name, runs in known.items()}


def numbers(report):
    """Return what a report counts."""
    return report.histories, report.added, report.running, report.unreached


def lost(report):
    """Return what a report misses."""
    return [(one.workflow, one.run_id) for one in report.missing]


async def test_a_whole_archive_needs_no_engine(opened):
    """A year that is over and archived is whole by itself; nothing depends on how long an engine keeps histories."""
    async with opened(whole()) as ledger:
        report = await complete_archive(ledger, CAMPAIGN, None)
        assert (numbers(report), lost(report)) == ((5, 0, 0, 0), [])
        engine = Engine({})
        assert await complete_archive(ledger, CAMPAIGN, engine) == report
        assert engine.fetched == []


@pytest.mark.parametrize("gone", [["f1"], ["f2", "f3"], ["f1", "f2", "f3", "k1"]])
@pytest.mark.parametrize("unlisted", [(), STREAMS])
async def test_what_the_archive_lacks_is_fetched_and_again_changes_nothing(opened, gone, unlisted):
    """At the beginning, in the middle, at the end, or all of a stream; whether or not the engine's index has it."""
    async with opened(without(whole(), *gone)) as ledger:
        report = await complete_archive(ledger, CAMPAIGN, Engine(whole(), unlisted=unlisted))
        assert (numbers(report), lost(report)) == ((5, len(gone), 0, 0), [])
        held = await ledger.archived_runs(CAMPAIGN)
        assert {name: {*runs} for name, runs in held.items()} == {name: {*runs} for name, runs in whole().items()}
        kept_run = await ledger.archived(FILING, "f2")
        assert kept_run.history == whole()[FILING]["f2"]
        again = await complete_archive(ledger, CAMPAIGN, Engine(whole(), unlisted=unlisted))
        assert (numbers(again), lost(again)) == ((5, 0, 0, 0), [])


@pytest.mark.parametrize(
    ("gone", "named"),
    [
        (["f1"], [(FILING, "f1")]),
        (["f2"], [(FILING, "f2")]),
        (["f3"], [(FILING, "f3")]),
        (["f1", "f2", "f3"], [(FILING, None)]),
        (["c1", "k1"], [(CAMPAIGN, None), (CASE, None)]),
    ],
)
async def test_what_neither_has_is_named(opened, gone, named):
    """By the histories beside it; of a stream of which nothing is left, without a run."""
    async with opened(without(whole(), *gone)) as ledger:
        for engine in (Engine({}), None):
            report = await complete_archive(ledger, CAMPAIGN, engine)
            assert (report.added, report.unreached) == (0, 0)
            assert sorted(lost(report), key=str) == sorted(named, key=str)


async def test_a_run_that_the_engine_lists_and_has_no_longer_is_missing(opened):
    """Its retention has passed between the index and the history."""
    known = whole() | {CASE: {"k1": None}}
    async with opened(without(whole(), "k1")) as ledger:
        report = await complete_archive(ledger, CAMPAIGN, Engine(known))
        assert report.missing == (MissingHistory(workflow=CASE, run_id="k1"),)


async def test_a_run_that_goes_on_is_no_gap_and_is_not_kept(opened):
    """A kept history is never replaced, so an open one would stay as it is now; those before it are fetched."""
    known = whole()
    known[FILING]["f3"] = history(before="f2", running=True)
    async with opened(without(whole(), "f1", "f2", "f3"), filing="open") as ledger:
        report = await complete_archive(ledger, CAMPAIGN, Engine(known, going=["f3"]))
        assert (numbers(report), lost(report)) == ((4, 2, 1, 0), [])
        assert await ledger.archived(FILING, "f3") is None
        alone = await complete_archive(ledger, CAMPAIGN, None)
        assert (alone.unreached, lost(alone)) == (1, [])
        later = Engine(without(known, "f1"), going=["f3"])
        assert lost(await complete_archive(ledger, CAMPAIGN, later)) == []


async def test_a_run_that_has_begun_again_meanwhile_is_not_kept(opened):
    """The index lags: what it calls ended, and the history shows to go on, is left for later."""
    known = whole()
    known[FILING]["f3"] = history(before="f2", running=True)
    async with opened(without(whole(), "f3"), filing="open") as ledger:
        report = await complete_archive(ledger, CAMPAIGN, Engine(known))
        assert (report.added, report.running, lost(report)) == (0, 1, [])


async def test_a_dispatcher_is_no_stream(opened):
    """It writes no events: its histories are neither kept nor missed."""
    known = whole() | {dispatch_id(CAMPAIGN, "email"): {"d1": history()}}
    async with opened(whole()) as ledger:
        assert numbers(await complete_archive(ledger, CAMPAIGN, Engine(known))) == (5, 0, 0, 0)


async def test_histories_of_the_engine_name_their_neighbours(opened):
    """As the server writes them: a golden run names the run behind it, and the last one the run before."""
    text = gzip.decompress((GOLDEN / "engine-identification-continued.json.gz").read_bytes()).decode()
    name = json.loads((GOLDEN / "streams.json").read_text())["engine-identification-continued"]["workflow"]
    campaign = "/".join(name.split("/")[:3])
    async with opened() as ledger:
        await ledger.archive(kept(name, "golden", text, ACTIVITY_APPEND))
        [missing] = (await complete_archive(ledger, campaign, Engine({}, of=campaign))).missing
    assert missing.workflow == name
    closed = gzip.decompress((GOLDEN / "engine-identification-closed.json.gz").read_bytes()).decode()
    started = json.loads(closed)["events"][0]["workflowExecutionStartedEventAttributes"]
    assert missing.run_id == started["originalExecutionRunId"]


class Broken:
    """A connection that answers everything with one status."""

    def __init__(self, status):
        self.status = status
        self.service_client = SimpleNamespace(config=SimpleNamespace(target_host="127.0.0.1:7233"))

    async def list_workflows(self, *_, **__):
        """Fail, in the place of a first page."""
        raise RPCError("not to be shown", self.status, b"")
        yield

    def get_workflow_handle(self, *_, **__):
        """Return a handle that fails the same way."""
        return SimpleNamespace(describe=self._fail, fetch_history_events=self.list_workflows)

    async def _fail(self, *_, **__):
        raise RPCError("not to be shown", self.status, b"")


async def test_an_engine_that_stops_answering_is_said_to_be_away(opened):
    """Its silence is no answer: nothing is called missing because nobody was there to ask."""
    async with opened(without(whole(), "f1")) as ledger:
        with pytest.raises(EngineUnreachableError) as away:
            await complete_archive(ledger, CAMPAIGN, EngineHistories(Broken(RPCStatusCode.UNAVAILABLE)))
    assert str(away.value) == "no engine answers at 127.0.0.1:7233"


@pytest.mark.parametrize("method", ["latest", "predecessor", "history"])
async def test_every_question_tells_silence_from_no(method):
    """A run that is not there is None; anything else is no answer."""
    run = EngineRun(FILING, "f1", running=True)
    arguments = {"latest": (FILING,), "predecessor": (run,), "history": (FILING, "f1")}[method]
    assert await getattr(EngineHistories(Broken(RPCStatusCode.NOT_FOUND)), method)(*arguments) is None
    with pytest.raises(EngineUnreachableError):
        await getattr(EngineHistories(Broken(RPCStatusCode.INTERNAL)), method)(*arguments)


async def test_an_index_without_our_attributes_lists_nothing():
    """A foreign server may not know the name of a campaign: then every stream is asked for by its id."""
    assert await EngineHistories(Broken(RPCStatusCode.INVALID_ARGUMENT)).runs(CAMPAIGN) == []


# -- on a server ------------------------------------------------------------------------------------------------------


@workflow.defn(name="CampaignWorkflow")
class TwoRuns:
    """Continues as new once; then it ends, or goes on for ever."""

    @workflow.run
    async def run(self, carry: dict[str, Any]) -> None:
        """Run."""
        if carry["runs"] == 1:
            workflow.continue_as_new({**carry, "runs": 2})
        await workflow.wait_condition(lambda: not carry["goes_on"])


async def start(client: Client, name: str, *, listed: bool, goes_on: bool) -> None:
    """Start a workflow, and wait until its second run has begun."""
    attributes = [SearchAttributePair(SEARCH_CAMPAIGN, CAMPAIGN)] if listed else []
    handle = await client.start_workflow(
        "CampaignWorkflow",
        {"version": 0, "hash": "0" * 64, "runs": 1, "goes_on": goes_on},
        id=name,
        task_queue="archive",
        search_attributes=TypedSearchAttributes(attributes),
    )
    if not goes_on:
        await handle.result()
        return
    while (await client.get_workflow_handle(name).describe()).run_id == handle.first_execution_run_id:
        pass


async def test_an_engine_gives_what_it_has(opened, tmp_path):
    """A server's own index, descriptions and histories; a stream that it does not list is found by its id."""
    server = EmbeddedEngine(tmp_path)
    client = await server.start()
    try:
        worker = Worker(client, task_queue="archive", workflows=[TwoRuns], workflow_runner=UnsandboxedWorkflowRunner())
        async with worker:
            await asyncio.gather(
                start(client, CAMPAIGN, listed=True, goes_on=True),
                start(client, FILING, listed=False, goes_on=False),
            )
        async with opened(campaign="running") as ledger:
            histories = EngineHistories(client)
            report = await complete_archive(ledger, CAMPAIGN, histories)
            assert (numbers(report), lost(report)) == ((3, 3, 1, 0), [(CASE, None)])
            runs = await ledger.archived_runs(CAMPAIGN)
            assert (len(runs[CAMPAIGN]), len(runs[FILING])) == (1, 2)
            row = await ledger.archived(FILING, runs[FILING][0])
            assert (await export_history(client, FILING, runs[FILING][0]))[1] == row.history
            assert row.closed
            assert row.intact
            again = await complete_archive(ledger, CAMPAIGN, histories)
            assert (again.histories, again.added, again.missing) == (3, 0, report.missing)
    finally:
        await server.stop()
