"""A school's application filing; it owns each pupil's destination until registration is verified."""

from __future__ import annotations

from temporalio import workflow

from workflows.stage import StreamShell

with workflow.unsafe.imports_passed_through():
    from domain.stream import Carry


@workflow.defn
class ApplicationFilingWorkflow(StreamShell):
    """A school's application filing; it owns each pupil's destination until registration is verified."""

    @workflow.init
    def __init__(self, carry: Carry) -> None:
        super().__init__(carry)

    @workflow.run
    async def run(self, carry: Carry) -> None:
        """Serve until the campaign closes."""
        del carry
        await self.serve()
