"""What a school's stream asks about a summary: how much of it stands in which earlier one; never the text (R-19)."""

from __future__ import annotations

from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from protocol import ACTIVITY_COMPARE, CompareRequest
from registry.store import Registry
from registry.summaries import SummaryChangedError


class SummaryActivities:
    """Compares the summaries that one registry keeps."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    @activity.defn(name=ACTIVITY_COMPARE)
    async def compare(self, request: CompareRequest) -> dict[str, Any]:
        """Compare a summary with all earlier ones of its county.

        Returns:
            The fields of `domain.summaries_events.Comparison`: references and counts.

        Raises:
            ApplicationError: `SummaryMismatch`, the registry does not hold the text that was handed in; retried until
                somebody mends it.
        """
        try:
            return await self._registry.summaries.compare(
                request.summary,
                request.digest,
                request.shingle,
                campaign=request.campaign,
                school=request.school,
                about=request.about,
            )
        except SummaryChangedError:
            raise ApplicationError("the summary is not the one handed in", type="SummaryMismatch") from None
