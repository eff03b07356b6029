"""The histories that a bundle takes along: those of the archive, and from the engine those of runs that go on.

They are taken before the head is signed. Whatever a history handed to the ledger, and the ledger confirmed, must then
be below the head: where it is not, the ledger has lost it, and the bundle does not verify. The other way round, a
history that is newer than its head could excuse a tail that was cut.
"""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import dataclass
from typing import Final

from temporalio.client import Client

from audit.runs import Live, Run
from ledger.heads import PackedHistory, packed_histories
from ledger.store import Ledger

AT_ONCE: Final = 8
"""So many streams are asked for at the same time."""

LEDGER_CATCHES_UP: Final = 5.0
"""Seconds that an append may take that was on its way when its history was taken."""

_ASK_AGAIN: Final = 0.02


@dataclass(frozen=True)
class Histories:
    """What there is of a campaign's runs.

    Attributes:
        rows: by workflow and version; of a run that goes on, its history so far.
        engine: whether an engine answered to the end.
        behind: runs that are left out, because the ledger never confirmed what they handed over last.
    """

    rows: list[PackedHistory]
    engine: bool
    behind: int


async def gather(ledger: Ledger, campaign: str, client: Client | None) -> Histories:
    """Take all histories as they are now; call it before the head is signed.

    Args:
        ledger: the record, with its archive.
        campaign: the campaign's id.
        client: where runs are that the archive does not hold; None takes the archive alone.
    """
    rows = await packed_histories(ledger, campaign)
    archived: dict[str, dict[str, None]] = {}
    for row in rows:
        archived.setdefault(row.workflow_id, {})[row.run_id] = None
    live, gate = Live(client), asyncio.Semaphore(AT_ONCE)

    async def one(stream: str) -> list[tuple[bool, PackedHistory]]:
        async with gate:
            runs = await live.runs(stream, archived.get(stream, {}))
            return [(await _confirmed(ledger, run), await asyncio.to_thread(_packed, run)) for run in runs]

    streams = sorted({**dict.fromkeys(await ledger.streams(campaign)), **archived}) if live.there else []
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(stream)) for stream in streams]
    found = [entry for task in tasks for entry in task.result()]
    rows += [row for confirmed, row in found if confirmed]
    rows.sort(key=lambda row: (row.workflow_id, row.first_version, row.last_version, row.run_id))
    return Histories(rows, live.there, sum(not confirmed for confirmed, _ in found))


async def _confirmed(ledger: Ledger, run: Run) -> bool:
    """Wait until the ledger has what was on its way to it; tells whether it came."""
    if not run.pending:
        return True
    loop = asyncio.get_running_loop()
    deadline = loop.time() + LEDGER_CATCHES_UP
    while True:
        head = await ledger.head(run.workflow)
        if head is not None and head.version >= run.last_version:
            return True
        if loop.time() >= deadline:
            return False
        await asyncio.sleep(_ASK_AGAIN)


def _packed(run: Run) -> PackedHistory:
    """Return a run as the archive would keep it."""
    return PackedHistory(run.workflow, run.run, **run.columns(), history=gzip.compress(run.text.encode(), mtime=0))
