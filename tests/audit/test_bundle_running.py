"""Bundles of campaigns that go on and of closed ones: every run's history is in them, or it is said why not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
from audit_log_tools import sealed
from audit_small_log import CAMPAIGN, good
from bundle_maker import KEY, Workshop, archived, exported, history

from audit import runs
from audit.bundle import histories as taking
from audit.bundle.histories import gather
from audit.bundle.writer import NotVerifiedError
from audit.replay import replay
from audit.runs import read_run
from audit.verifier import verify_bundle as vb
from ledger.store import Ledger

TRUSTED = vb.Key.parse(str(KEY.public))
ALONE = """import sys, runpy
sys.modules['socket'] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name='__main__')
"""
"""Runs a file in a Python that cannot open a network connection."""


@contextlib.asynccontextmanager
async def opened(path):
    """The ledger in a file, closed afterwards."""
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{path}")
    try:
        yield ledger
    finally:
        await ledger.close()


def alone(program, *arguments):
    """Verify as an auditor does: nothing of ours, no packages, no environment, no network."""
    command = [sys.executable, "-I", "-S", "-c", ALONE, str(program), *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, env={}, cwd="/", check=False, timeout=120)
    return done.returncode, json.loads(done.stdout)


# -- a year that the engine ran -----------------------------------------------------------------------------------


def test_a_campaign_that_goes_on_has_every_run_in_its_bundle(year):
    """Archive and engine together: no event without a history, and the runs that go on are counted."""
    found = vb.verify(year.bundle, TRUSTED)
    assert found.trusted
    assert (found.unarchived, found.running > 0) == (0, True)
    assert found.histories == year.without_worker.histories > found.streams
    assert found.running == found.streams - 2  # both attendances have ended: their last day is past
    assert f"其中 {found.running} 份的流程仍在进行" in vb.told(found)


async def test_a_closed_year_is_verified_alone_with_all_its_histories(year, tmp_path):
    """The archive alone: nothing goes on, nothing is missing; the program in the bundle says so, without a network."""
    ledger = year.copy_to(tmp_path / "ledger.db")
    bundle, program = tmp_path / "year.zip", tmp_path / "verify_bundle.py"
    async with opened(ledger) as held:
        verdict = await exported(held, year.campaign, None, bundle)
    assert (verdict.unarchived, verdict.running, verdict.heads) == (0, 0, 2)
    assert verdict.histories == year.closed.histories > verdict.streams
    program.write_bytes(Workshop(bundle).members[vb.PROGRAM])
    code, told = alone(program, bundle, "--key", str(KEY.public))
    assert (code, told["trusted"], told["histories"]) == (0, True, verdict.histories)
    content = bytearray(bundle.read_bytes())
    content[content.index(b'"actor":{"', content.index(b"events.jsonl")) + 10] ^= 1
    (tmp_path / "forged.zip").write_bytes(content)
    code, told = alone(program, tmp_path / "forged.zip", "--key", str(KEY.public))
    assert (code, told["error"]["code"], told["error"]["place"]) == (7, "EVENT_HASH", f"{year.campaign}#1")


async def test_without_an_engine_the_events_of_runs_that_go_on_are_counted(year, tmp_path):
    """The archive of a closed year without its last runs: the bundle verifies and says how many events lack one."""
    ledger = year.copy_to(tmp_path / "ledger.db")
    async with opened(ledger) as held:
        rows = (await gather(held, year.campaign, None)).rows
        last = {row.workflow_id: row for row in rows}
        async with held._engine.begin() as connection:
            for row in last.values():
                await connection.exec_driver_sql("delete from archive where run_id = ?", (row.run_id,))
        verdict = await exported(held, year.campaign, None, tmp_path / "b.zip")
    missing = sum(row.last_version - row.first_version + 1 for row in last.values())
    assert verdict.verified
    assert (verdict.unarchived, verdict.histories) == (missing, len(rows) - len(last))


# -- what a run that goes on may and may not do -------------------------------------------------------------------


class FakeEngine:
    """An engine that knows some runs, in place of `Live`."""

    there = True

    def __init__(self, runs):
        self._runs = runs

    async def runs(self, stream, _archived):
        """Tell a stream's runs."""
        return [run for run in self._runs if run.workflow == stream]


def open_run(stream, events, *, confirmed):
    """A run that goes on, whose append the ledger has confirmed or not."""
    told = json.loads(history(stream, events, run="run-open"))
    told["events"][1]["eventId"] = "2"
    told["events"][-1] = {"eventType": "EVENT_TYPE_WORKFLOW_TASK_COMPLETED", "eventId": "3"}
    if confirmed:
        told["events"][-1]["activityTaskCompletedEventAttributes"] = {"scheduledEventId": "2"}
    for number, event in enumerate(told["events"], 1):
        event["eventId"] = str(number)
    return read_run(stream, "run-open", json.dumps(told))


@pytest.fixture
async def ledger(tmp_path):
    """A ledger with the events of a small log, without any history."""
    async with opened(tmp_path / "ledger.db") as held:
        await written(held)
        yield held


async def written(ledger, *, without_last=False):
    """Write a small log, the campaign's own stream with its last event or without it."""
    for stream, events in sealed(good()).items():
        part = events[:-1] if without_last and stream == CAMPAIGN else events
        await ledger.append(part, [], {"status": "open"})


def asking(monkeypatch, *runs):
    """Let the engine be one that knows these runs."""
    monkeypatch.setattr(taking, "Live", lambda _client: FakeEngine(runs))


async def test_what_is_on_its_way_to_the_ledger_is_waited_for(ledger, monkeypatch):
    """An append that was not answered: the run is taken once the ledger has it, and left out where it never comes."""
    monkeypatch.setattr(taking, "LEDGER_CATCHES_UP", 1.0)
    *before, last = sealed(good())[CAMPAIGN]
    later = last | {"version": last["version"] + 1, "prev_hash": last["hash"]}
    asking(monkeypatch, open_run(CAMPAIGN, [*before, last], confirmed=False))
    assert [row.last_version for row in (await gather(ledger, CAMPAIGN, None)).rows] == [last["version"]]
    asking(monkeypatch, open_run(CAMPAIGN, [*before, last, later], confirmed=False))

    monkeypatch.setattr(taking, "LEDGER_CATCHES_UP", 0.05)
    found = await gather(ledger, CAMPAIGN, None)
    assert (found.rows, found.behind) == ([], 1)


async def test_an_append_that_arrives_meanwhile_is_in_the_bundle(tmp_path, monkeypatch):
    """The ledger is a moment behind the history: the head is signed after it has come."""
    events = sealed(good())[CAMPAIGN]
    async with opened(tmp_path / "ledger.db") as held:
        await written(held, without_last=True)
        asking(monkeypatch, open_run(CAMPAIGN, events, confirmed=False))
        asked = asyncio.create_task(exported(held, CAMPAIGN, None, tmp_path / "b.zip"))
        await asyncio.sleep(0.1)
        assert not asked.done()
        await held.append(events[-1:], [], {"status": "open"})
        verdict = await asked
    assert (verdict.verified, verdict.running) == (True, 1)
    assert verdict.unarchived == verdict.events - len(events)


async def test_a_ledger_that_lost_its_tail_gets_no_bundle(tmp_path, monkeypatch):
    """No head is there that could tell: the histories do, a kept one and one of a run that goes on."""
    events = sealed(good())[CAMPAIGN]
    for folder, confirmed in (("kept", False), ("open", True)):
        (tmp_path / folder).mkdir()
        async with opened(tmp_path / folder / "ledger.db") as held:
            await written(held, without_last=True)
            if confirmed:
                asking(monkeypatch, open_run(CAMPAIGN, events, confirmed=True))
            else:
                await archived(held, {CAMPAIGN: events})
            with pytest.raises(NotVerifiedError) as error:
                await exported(held, CAMPAIGN, None, tmp_path / folder / "b.zip")
        assert error.value.verdict.findings[0] == vb.Finding("HISTORY_EVENTS", f"{CAMPAIGN}#{events[-1]['version']}")
        assert not (tmp_path / folder / "b.zip").exists()


async def test_nothing_follows_a_run_that_goes_on(ledger, tmp_path, monkeypatch):
    """Whether a run has ended is read from its history; after one that goes on there is no other."""
    events = sealed(good())[CAMPAIGN]
    asking(monkeypatch, open_run(CAMPAIGN, events, confirmed=True))
    await exported(ledger, CAMPAIGN, None, tmp_path / "b.zip")
    shop = Workshop(tmp_path / "b.zip")
    (row,) = shop.json(vb.HISTORIES)
    shop.put(vb.HISTORIES, [row | {"closed": True}])
    (finding,) = vb.verify(shop.write(tmp_path / "closed.zip", KEY), TRUSTED).findings
    assert finding == vb.Finding("HISTORY_FORM", f"{row['member']} ({CAMPAIGN})")
    empty = history(CAMPAIGN, [], (events[-1]["version"], events[-1]["hash"]), run="run-2").encode()
    packed = vb.zlib.compress(empty, wbits=31)
    other = "histories/000002.json.gz"
    first = row["last_version"] + 1
    more = {"first_version": first, "run_id": "run-2", "history_events": 3, "closed": True}
    more |= {"digest": vb._sha256(empty).hexdigest()}
    shop.members[other] = packed
    shop.put(vb.HISTORIES, [row, row | more | {"size": len(empty), "member": other}])
    found = vb.verify(shop.write(tmp_path / "two.zip", KEY), TRUSTED).findings
    assert found == [vb.Finding("HISTORY_SEGMENT", f"{other} ({CAMPAIGN})")]


class Elsewhere:
    """An engine in which another program's workflow runs under each of our ids."""

    def get_workflow_handle(self, _workflow, **_options):
        """Every workflow is there."""
        return self

    async def describe(self, **_options):
        """Its one run."""
        return SimpleNamespace(run_id="run-other", history_length=1)


async def test_another_programs_workflow_is_left_out_and_named(ledger, monkeypatch):
    """A history that is none of ours stops nobody: the bundle counts its stream's events, `audit replay` names it."""

    async def export_history(_client, _workflow, run_id):
        started = {"eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED", "workflowExecutionStartedEventAttributes": {}}
        return run_id, json.dumps({"events": [started]})

    monkeypatch.setattr(runs, "export_history", export_history)
    found = await gather(ledger, CAMPAIGN, Elsewhere())
    assert (found.rows, found.engine, found.behind) == ([], True, 0)
    report = await replay(ledger, CAMPAIGN, Elsewhere(), processes=1)
    (named,) = [one for one in report.differences if (one.workflow, one.field) == (CAMPAIGN, "workflow")]
    assert (named.kind, named.run) == ("history", "run-other")
    assert not report.replay_ok
