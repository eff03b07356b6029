"""Processes of a measured run: a fresh engine, a worker of its own beside it, and what they spend."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from cli.preparing import PROGRAM
from engine import EmbeddedEngine, die_with_parent
from protocol import TASK_QUEUE

ROOT = Path(__file__).resolve().parents[1]

READY_WITHIN = 60.0
STOPPED_WITHIN = 20.0


@dataclass(frozen=True)
class Cost:
    """What one run took: seconds of wall and of processor, and the worker's peak memory in MB (None: not Linux)."""

    wall: float
    server: float
    worker: float
    client: float
    peak_mb: float | None


class Meter:
    """Reads the clock and the processor time of server, worker and this process."""

    def __init__(self, server: int | None, worker: int) -> None:
        self._server = server
        self._worker = worker
        self._begun = self._read()

    def start(self) -> None:
        """Begin to count here."""
        self._begun = self._read()

    def stop(self) -> Cost:
        """Return what was spent since the start."""
        wall, server, worker, client = (now - then for now, then in zip(self._read(), self._begun, strict=True))
        return Cost(wall, server, worker, client, _peak_mb(self._worker))

    def _read(self) -> tuple[float, float, float, float]:
        worker = _cpu(self._worker) + cpu_of_children(self._worker)
        return time.perf_counter(), _cpu(self._server), worker, time.process_time()


@contextlib.asynccontextmanager
async def processes(
    data: Path, program: Sequence[str], settings: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[Client, Meter]]:
    """Run an engine and a worker beside it on a directory without an engine's file; both are gone afterwards.

    Args:
        data: the directory.
        program: the worker's.
        settings: more of the worker's environment.
    """
    engine = EmbeddedEngine(data)
    worker: subprocess.Popen[bytes] | None = None
    try:
        client = await engine.start()
        worker = _start(data, engine.address, program, settings or {})
        await _polling(client, worker, data / "worker.log")
        yield client, Meter(engine.pid, worker.pid)
    finally:
        if worker is not None:
            await asyncio.to_thread(_end, worker)
        await engine.stop()


def _start(data: Path, address: str, program: Sequence[str], settings: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a worker as an operator would, with compiled files: the sandbox imports the workflows for each anew."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(data / "compiled")
    environment |= {"DIVERSION_DATA": str(data), "DIVERSION_ENGINE": address, **settings}
    with (data / "worker.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, *program],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - one thread here
        )


async def _polling(client: Client, worker: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the worker asks the engine for tasks, so that its start is not counted."""
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=TASK_QUEUE),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
    )
    deadline = time.monotonic() + READY_WITHIN
    while not (await client.workflow_service.describe_task_queue(request)).pollers:
        if worker.poll() is not None or time.monotonic() >= deadline:
            raise RuntimeError(f"the worker did not come up:\n{await asyncio.to_thread(log.read_text)}")
        await asyncio.sleep(0.1)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOPPED_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _cpu(pid: int | None) -> float:
    """Return the processor seconds of a process, 0 where there is no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_of_children(pid: int) -> float:
    """Return the processor seconds of our programs that a process has started and that still run, 0 without /proc."""
    spent = 0.0
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in tasks.read_text().split():
            with contextlib.suppress(OSError):
                spent += _cpu(int(child)) if _is_writer(int(child)) else 0.0
    return spent


def _is_writer(pid: int) -> bool:
    return PROGRAM.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()


def _peak_mb(pid: int) -> float | None:
    """Return the most memory that a process ever held, None where there is no /proc."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))
