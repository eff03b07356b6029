"""A shell that a careless change has given one more command: its histories must not replay."""

from temporalio import workflow

from workflows.stage import StreamShell

with workflow.unsafe.imports_passed_through():
    from domain.stream import Carry


@workflow.defn
class RetentionWorkflow(StreamShell):
    """The retention stage, and a timer that no history knows."""

    @workflow.init
    def __init__(self, carry: Carry) -> None:
        super().__init__(carry)

    @workflow.run
    async def run(self, carry: Carry) -> None:
        """Wait a second, then serve."""
        del carry
        await workflow.sleep(1)
        await self.serve()
