"""The archive: each run's history is kept with its digest, so the audit outlives the engine (design, section 4)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from temporalio import activity

from ledger.histories import kept
from ledger.store import Ledger
from protocol import ACTIVITY_APPEND, ACTIVITY_ARCHIVE, ArchiveRequest

Export = Callable[[str, str | None], Awaitable[tuple[str, str]]]
"""Given a workflow id and a run id (None: wait for the end, take the last): the run id and its history."""

HEARTBEAT_SECONDS = 2.0


class HistoryActivities:
    """Keeps histories of one engine in one ledger."""

    def __init__(self, export: Export, ledger: Ledger) -> None:
        self._export = export
        self._ledger = ledger

    @activity.defn(name=ACTIVITY_ARCHIVE)
    async def archive(self, request: ArchiveRequest) -> bool:
        """Keep a run's history; without a run id, wait until the workflow has ended and keep its last run.

        Returns:
            True where the history is new to the archive.
        """
        beating = asyncio.create_task(_beat())
        try:
            run_id, history = await self._export(request.workflow_id, request.run_id)
            row = await asyncio.to_thread(kept, request.workflow_id, run_id, history, ACTIVITY_APPEND)
            return await self._ledger.archive(row)
        finally:
            beating.cancel()


async def _beat() -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(HEARTBEAT_SECONDS)
