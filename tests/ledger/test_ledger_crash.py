"""kill −9 at any moment: nothing is lost that was acknowledged, nothing is half written, nothing is there twice."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path

from ledger_crash_nursery import EVENTS
from ledger_samples import CAMPAIGN, STREAM, chain, outbox_causes, planned_causes, read, sqlite_url

from ledger.store import Ledger

HERE = Path(__file__).parent
KILLS = 30


async def test_a_writer_that_is_killed_thirty_times_writes_its_list_once(
    tmp_path: Path, opened: Callable[[str], Awaitable[Ledger]]
) -> None:
    """Every event once and in order, the chain unbroken, the outbox and board in step, the file sound."""
    file, seed = tmp_path / "ledger.db", random.randrange(10**6)
    nursery = await asyncio.create_subprocess_exec(
        *(sys.executable, HERE / "ledger_crash_nursery.py", file, str(KILLS), str(seed)),
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, complaint = await nursery.communicate()
    assert nursery.returncode == 0, f"seed {seed}: {complaint.decode()}"
    heads = json.loads(printed)

    assert len(heads) == KILLS
    assert all(earlier <= later for earlier, later in pairwise(heads)), "what was written was lost"
    assert heads[-1] < EVENTS, "the writers were too fast: the kills met no work"
    assert len(set(heads)) > KILLS // 4, f"the kills came too early to meet work: {heads}"

    ledger = await opened(sqlite_url(file))
    events = chain(EVENTS)
    assert await read(ledger) == events
    assert await outbox_causes(ledger) == planned_causes(events)
    assert await ledger.board(CAMPAIGN) == {STREAM: {"kind": "parent-meetings", "after": EVENTS, "version": EVENTS}}
    assert await ledger.conflicts() == []
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
