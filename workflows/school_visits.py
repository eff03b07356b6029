"""A school's visits to vocational schools: trips, permissions, presentations."""

from __future__ import annotations

from temporalio import workflow

from workflows.stage import StreamShell

with workflow.unsafe.imports_passed_through():
    from domain.stream import Carry


@workflow.defn
class SchoolVisitsWorkflow(StreamShell):
    """A school's visits to vocational schools: trips, permissions, presentations."""

    @workflow.init
    def __init__(self, carry: Carry) -> None:
        super().__init__(carry)

    @workflow.run
    async def run(self, carry: Carry) -> None:
        """Serve until the campaign closes."""
        del carry
        await self.serve()
