"""The floor's worker process: same queue, sandbox, converter, cache and slots as `worker.py`."""

from __future__ import annotations

import asyncio
import os
import signal

from temporalio.worker import Worker

from bench.floor import FloorWorkflow, nothing
from cli.run_main import run_main
from engine import connect, sandbox
from protocol import TASK_QUEUE
from worker import DRAIN


async def serve() -> int:
    """Run until SIGTERM."""
    client = await connect(os.environ["DIVERSION_ENGINE"], wait=30)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    async with Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[FloorWorkflow],
        activities=[nothing],
        workflow_runner=sandbox(),
        max_cached_workflows=2_000,
        max_concurrent_activities=50,
        graceful_shutdown_timeout=DRAIN,
    ):
        await stopping.wait()
    return 0


if __name__ == "__main__":
    run_main(serve)
