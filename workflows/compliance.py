"""One complaint or suspicion, not under the school complained of; id `{campaign}/compliance/{case}`."""

from __future__ import annotations

from temporalio import workflow

from workflows.stage import StreamShell

with workflow.unsafe.imports_passed_through():
    from domain.stream import Carry


@workflow.defn
class ComplianceCaseWorkflow(StreamShell):
    """One complaint or suspicion, not under the school complained of; id `{campaign}/compliance/{case}`."""

    @workflow.init
    def __init__(self, carry: Carry) -> None:
        super().__init__(carry)

    @workflow.run
    async def run(self, carry: Carry) -> None:
        """Serve until the case is final and its time for an appeal is over."""
        del carry
        await self.serve()
