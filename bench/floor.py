"""The floor: what the same workflows and Updates cost on Temporal alone, with handlers that only count.

One dynamic workflow stands for all our types. It starts the children that the recorded year started and flushes what
it has counted with one empty normal activity at a time; nothing is decided, hashed, stored or sent to other streams.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.common import RawValue, SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from protocol import REFUSED, SEARCH_CAMPAIGN, TickRequest

ACTIVITY_NOTHING = "nothing"
REFUSED_ID = "refused:"
"""Begins the id of an Update that the year refused: the floor's validator refuses it as cheaply as can be."""


class FloorStart(BaseModel):
    """A workflow's input: after how many counted Updates it starts which children."""

    stream: str
    type: str
    children: dict[int, list[FloorStart]] = {}


@activity.defn(name=ACTIVITY_NOTHING)
async def nothing() -> None:
    """Do nothing, as a normal activity."""


@workflow.defn(dynamic=True)
class FloorWorkflow:
    """Counts Updates and flushes."""

    def __init__(self) -> None:
        self._counted = 0
        self._flushed = 0

    @workflow.run
    async def run(self, args: Sequence[RawValue]) -> None:
        """Flush whenever something was counted, one empty activity at a time, and start the children that follow."""
        start: FloorStart = workflow.payload_converter().from_payload(args[0].payload, FloorStart)
        while True:
            await workflow.wait_condition(lambda: self._counted > self._flushed)
            counted = self._counted
            await workflow.execute_activity(ACTIVITY_NOTHING, start_to_close_timeout=timedelta(seconds=30))
            born = [child for at in range(self._flushed + 1, counted + 1) for child in start.children.get(at, [])]
            self._flushed = counted
            await asyncio.gather(*(self._start(child) for child in born))

    async def _start(self, child: FloorStart) -> None:
        await workflow.start_child_workflow(
            child.type,
            child,
            id=child.stream,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            search_attributes=TypedSearchAttributes(
                [SearchAttributePair(SEARCH_CAMPAIGN, "/".join(child.stream.split("/")[:3]))]
            ),
        )

    @workflow.update(name="submit")
    def submit(self, command: dict[str, Any], at: str | None = None) -> int:
        """Count a command."""
        del command, at
        self._counted += 1
        return self._counted

    @submit.validator
    def validate_submit(self, command: dict[str, Any], at: str | None = None) -> None:
        """Refuse what the year refused."""
        del command, at
        info = workflow.current_update_info()
        if info is not None and info.id.startswith(REFUSED_ID):
            raise ApplicationError("refused in the recorded year", type=REFUSED, non_retryable=True)

    @workflow.update(name="tick")
    async def tick(self, request: TickRequest) -> int:
        """Count a tick."""
        del request
        self._counted += 1
        return self._counted

    @workflow.query(name="counted")
    def counted(self) -> int:
        """Return how many Updates were counted."""
        return self._counted
