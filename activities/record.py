"""The append: the only way from a workflow's decision into the ledger (design, section 3)."""

from __future__ import annotations

from temporalio import activity
from temporalio.exceptions import ApplicationError

from domain.notices import notices_for
from ledger.store import Ledger, LedgerConflictError
from protocol import ACTIVITY_APPEND, LEDGER_CONFLICT, AppendRequest


class RecordActivities:
    """Writes to one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @activity.defn(name=ACTIVITY_APPEND)
    async def append(self, request: AppendRequest) -> int:
        """Write a stream's events with their outbox rows and holds; idempotent on (stream, version).

        Returns:
            How many events were new to the ledger.

        Raises:
            ApplicationError: `LedgerConflict`, not retried: the workflow halts.
        """
        notices = [notice for envelope in request.events for notice in notices_for(envelope)]
        try:
            return await self._ledger.append(request.events, notices, request.view)
        except LedgerConflictError as conflict:
            raise ApplicationError(
                f"conflict at version {conflict.version}",
                conflict.version,
                conflict.expected,
                conflict.found,
                type=LEDGER_CONFLICT,
                non_retryable=True,
            ) from conflict
