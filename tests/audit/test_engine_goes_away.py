"""An engine that goes away, and others that sign, while an audit is under way: nothing of it is a bug."""

from __future__ import annotations

import asyncio
import contextlib
import json
from types import SimpleNamespace

import pytest
from audit_log_tools import sealed
from audit_small_log import CAMPAIGN, good
from bundle_maker import NOW, history
from temporalio.service import RPCError, RPCStatusCode

from audit import next_head, runs
from audit.bundle.histories import gather
from audit.heads import HeadError
from audit.keeper import HeadKeeper
from audit.runs import Live
from audit.signing_keys import create_key
from ledger.anchors import read_troubles
from ledger.heads import read_heads
from ledger.store import Ledger
from protocol import HeadsRequest

GONE = RPCError("gone", RPCStatusCode.UNAVAILABLE, b"")


@contextlib.asynccontextmanager
async def opened(folder):
    """A ledger with a small log."""
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{folder / 'ledger.db'}")
    try:
        for events in sealed(good()).values():
            await ledger.append(events, [], {"status": "open"})
        yield ledger
    finally:
        await ledger.close()


class Going:
    """An engine that tells one stream's run, and is gone before its next one is asked for."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.asked = 0

    def get_workflow_handle(self, stream, **_options):
        """Each stream has a workflow."""
        return SimpleNamespace(describe=lambda **_more: self.describe(stream))

    async def describe(self, stream):
        """The campaign's own is told once, after another stream has found the engine gone."""
        if stream == CAMPAIGN and not self.asked:
            self.asked += 1
            await asyncio.wait_for(self.gone.wait(), 5)
            return SimpleNamespace(run_id="run-1", history_length=3)
        self.gone.set()
        raise GONE


async def test_an_engine_that_goes_away_while_streams_are_read_leaves_what_was_read(tmp_path, monkeypatch):
    """One stream finds it gone while another is between two calls: what was read counts, and no task breaks off."""
    engine, events = Going(), sealed(good())[CAMPAIGN]

    async def export_history(client, stream, run_id):
        assert client is engine
        told = json.loads(history(stream, events, goes_on=True))
        for number, event in enumerate(told["events"], 1):
            event["eventId"] = str(number)
        return run_id, json.dumps(told)

    monkeypatch.setattr(runs, "export_history", export_history)
    async with opened(tmp_path) as ledger:
        found = await gather(ledger, CAMPAIGN, engine)
    assert [(row.workflow_id, row.last_version) for row in found.rows] == [(CAMPAIGN, len(events))]
    assert not found.engine


async def test_the_length_of_a_run_is_asked_of_the_engine_that_was_there():
    """`audit replay` counts first; an engine that went away meanwhile is asked nothing more."""
    live, engine = Live(Going()), Going()
    engine.gone.set()
    assert await Live(engine).length(CAMPAIGN, {}) == 3
    assert await live.length(f"{CAMPAIGN}/other", {}) is None
    assert (live.there, await live.length(CAMPAIGN, {}), await live.runs(CAMPAIGN, {})) == (False, None, [])


async def test_others_who_sign_at_the_same_time_are_no_trouble_that_rests_an_hour(tmp_path, monkeypatch):
    """The look is taken again at once; nothing is written down for people, and the next look signs."""

    async def another_came_first(*_given, **_more):
        return False

    create_key(tmp_path / "audit.key", "audit.example")
    async with opened(tmp_path) as ledger:
        keeper = HeadKeeper(ledger, tmp_path / "audit.key", clock=lambda: NOW)
        with monkeypatch.context() as patched:
            patched.setattr(next_head, "keep_head", another_came_first)
            patched.setattr("audit.heads.keep_head", another_came_first)
            with pytest.raises(HeadError, match="HEAD_RACED"):
                await keeper.look(HeadsRequest(campaign=CAMPAIGN))
        assert await read_troubles(ledger) == []
        assert (await keeper.look(HeadsRequest(campaign=CAMPAIGN))).reason is not None
        assert len(await read_heads(ledger, CAMPAIGN)) == 1
