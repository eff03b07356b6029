"""A school's attendance: daily and zero reports, the dropout clock; id `…/{school}/attendance`."""

from __future__ import annotations

from temporalio import workflow

from workflows.stage import StreamShell

with workflow.unsafe.imports_passed_through():
    from domain.stream import Carry


@workflow.defn
class AttendanceWorkflow(StreamShell):
    """A school's attendance: daily and zero reports, the dropout clock; id `…/{school}/attendance`."""

    @workflow.init
    def __init__(self, carry: Carry) -> None:
        super().__init__(carry)

    @workflow.run
    async def run(self, carry: Carry) -> None:
        """Serve until the pupils' last day at the school, whatever holds the stages."""
        del carry
        await self.serve()
