"""A workflow that was changed without a thought for the campaigns that run: the golden histories must refuse it."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

from workflows.stage import StreamShell

with workflow.unsafe.imports_passed_through():
    from domain.stream import Carry


@workflow.defn(name="IdentificationWorkflow")
class ChangedIdentificationWorkflow(StreamShell):
    """The identification, but for a moment's sleep at the start."""

    @workflow.init
    def __init__(self, carry: Carry) -> None:
        super().__init__(carry)

    @workflow.run
    async def run(self, carry: Carry) -> None:
        """Serve until the campaign closes, a little later."""
        del carry
        await workflow.sleep(timedelta(seconds=1))
        await self.serve()
