"""The archive: each run's history is kept with its digest, so the audit outlives the engine (design, section 4)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from temporalio import activity

from ledger.histories import kept
from ledger.store import Ledger
from protocol import ACTIVITY_APPEND, ACTIVITY_ARCHIVE, ArchiveRequest

Export = Callable[[str, str | None, Callable[[], None]], Awaitable[tuple[str, str]]]
"""Given a workflow id, a run id (None: wait for the end, take the last) and a heartbeat: the run id and its history."""


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
        run_id, history = await self._export(request.workflow_id, request.run_id, activity.heartbeat)
        return await self._ledger.archive(kept(request.workflow_id, run_id, history, ACTIVITY_APPEND))
