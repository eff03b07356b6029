"""Signed heads: one look at a campaign's record, which may sign one and put it outside.

The key is read from its file while it signs. Neither it nor anything of the record leaves the activity.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from temporalio import activity
from temporalio.exceptions import ApplicationError

from protocol import ACTIVITY_HEADS, HeadsRequest, HeadsResult

Look = Callable[[HeadsRequest], Awaitable[HeadsResult]]


class HeadActivities:
    """Looks at the campaigns of one ledger."""

    def __init__(self, look: Look) -> None:
        self._look = look

    @activity.defn(name=ACTIVITY_HEADS)
    async def look(self, request: HeadsRequest) -> HeadsResult:
        """Look once; repeated after a crash, it finds the head that was kept and signs no other.

        Raises:
            ApplicationError: `HeadsFailed` with the name of what went wrong, retried: the ledger does not answer,
                or others sign at the same time.
        """
        try:
            return await self._look(request)
        except Exception as error:  # noqa: BLE001 - its text may hold what must not leave
            raise ApplicationError(type(error).__name__, type="HeadsFailed") from None
