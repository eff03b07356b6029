"""One pupil in danger of dropping out, one case; id `…/{school}/dropout/{student_ref}`."""

from __future__ import annotations

from temporalio import workflow

from workflows.stage import StreamShell

with workflow.unsafe.imports_passed_through():
    from domain.stream import Carry


@workflow.defn
class DropoutCaseWorkflow(StreamShell):
    """One pupil in danger of dropping out, one case; id `…/{school}/dropout/{student_ref}`."""

    @workflow.init
    def __init__(self, carry: Carry) -> None:
        super().__init__(carry)

    @workflow.run
    async def run(self, carry: Carry) -> None:
        """Serve until the case is closed with proof; no pause, stop or close of the campaign ends it."""
        del carry
        await self.serve()
