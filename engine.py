"""One factory for everything Temporal: embedded server, client, data converter, sandbox, Replayer.

Worker, client and Replayer must agree on converter and sandbox, or a replay proves nothing; so they are all made here.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

from google.protobuf.duration_pb2 import Duration
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.workflowservice.v1 import UpdateNamespaceRequest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import StorageDriverStoreContext
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.service import RPCError
from temporalio.worker import Interceptor, Replayer, WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from protocol import SEARCH_ATTRIBUTES
from workflows.application_filing import ApplicationFilingWorkflow
from workflows.attendance import AttendanceWorkflow
from workflows.campaign import CampaignWorkflow
from workflows.compliance import ComplianceCaseWorkflow
from workflows.dispatch import NoticeDispatchWorkflow
from workflows.dropout import DropoutCaseWorkflow
from workflows.heads import RecordHeadsWorkflow
from workflows.identification import IdentificationWorkflow
from workflows.parent_meetings import ParentMeetingsWorkflow
from workflows.retention import RetentionWorkflow
from workflows.school import SchoolCampaignWorkflow
from workflows.school_visits import SchoolVisitsWorkflow

WORKFLOWS: tuple[type, ...] = (
    CampaignWorkflow,
    SchoolCampaignWorkflow,
    IdentificationWorkflow,
    ParentMeetingsWorkflow,
    SchoolVisitsWorkflow,
    ApplicationFilingWorkflow,
    RetentionWorkflow,
    AttendanceWorkflow,
    DropoutCaseWorkflow,
    ComplianceCaseWorkflow,
    NoticeDispatchWorkflow,
    RecordHeadsWorkflow,
)

RETENTION = timedelta(days=3650)
"""How long the embedded engine keeps closed histories; the archive keeps them for good."""

PASSED_THROUGH = ("domain", "protocol", "cryptography", "pydantic", "pydantic_core", "rfc8785", "annotated_types")
"""Pure modules that the sandbox shares with the process instead of importing them anew for every workflow."""

_M_MMAP_THRESHOLD = -3
_LARGE_BLOCK = 64 * 1024

REHEARSING = {"GOMAXPROCS": "1", "GOGC": "300"}
"""What the server's runtime is told in a rehearsal: a third of its processor time went into changing threads."""

_POLL = 0.1


class EngineUnreachableError(Exception):
    """No engine answers at the address."""

    def __init__(self, address: str) -> None:
        super().__init__(f"no engine answers at {address}")
        self.address = address


class _Sandbox(SandboxedWorkflowRunner):
    """The SDK's sandbox without the questions that only a codec or an external payload store would ask.

    The worker asks the sandbox for a context three times for each payload, at the price of an `exec` each: 16 % of its
    processor time in a rehearsed year. We have neither; whoever adds one takes this class away.
    """

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Make one workflow's sandbox."""
        instance = super().create_instance(det)
        instance.get_serialization_context = _no_context  # type: ignore[method-assign]
        instance.get_external_store_context = _no_store  # type: ignore[method-assign]
        return instance


def _no_context(command_info: object) -> None:
    del command_info


def _no_store(command_info: object) -> StorageDriverStoreContext:
    del command_info
    return StorageDriverStoreContext(target=None)


def sandbox() -> SandboxedWorkflowRunner:
    """Return the sandbox that workers and Replayers run workflows in."""
    return _Sandbox(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH))


def replayer(interceptors: Sequence[Interceptor] = ()) -> Replayer:
    """Return a Replayer with today's workflows and the worker's own converter and sandbox."""
    return Replayer(
        workflows=WORKFLOWS,
        workflow_runner=sandbox(),
        data_converter=pydantic_data_converter,
        interceptors=list(interceptors),
    )


def measured(address: str) -> Runtime:
    """Return a runtime whose clients and workers answer Prometheus at `host:port`.

    Raises:
        RuntimeError, ValueError: nothing can listen there.
    """
    return Runtime(telemetry=TelemetryConfig(metrics=PrometheusConfig(bind_address=address)))


async def connect(
    address: str, namespace: str = "default", *, wait: float = 0.0, runtime: Runtime | None = None
) -> Client:
    """Connect to an engine, trying again for `wait` seconds.

    Args:
        address: `host:port`.
        namespace: the engine's.
        wait: seconds.
        runtime: what `measured` returned, None for the one that measures nothing.

    Raises:
        EngineUnreachableError: nothing answers.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait
    while True:
        try:
            return await Client.connect(
                address, namespace=namespace, data_converter=pydantic_data_converter, runtime=runtime
            )
        except (RuntimeError, RPCError):
            if loop.time() >= deadline:
                raise EngineUnreachableError(address) from None
        await asyncio.sleep(_POLL)


async def export_history(client: Client, workflow_id: str, run_id: str | None) -> tuple[str, str]:
    """Export one run's history as JSON; without a run id, wait for the workflow's end and take its last run."""
    handle: WorkflowHandle[Any, Any] = client.get_workflow_handle(workflow_id, run_id=run_id)
    description = await handle.describe()
    while run_id is None and description.status in (None, WorkflowExecutionStatus.RUNNING):
        await asyncio.sleep(_POLL)
        description = await handle.describe()
    chosen = run_id or description.run_id
    history = await client.get_workflow_handle(workflow_id, run_id=chosen).fetch_history()
    return chosen, await asyncio.to_thread(history.to_json)


class EmbeddedEngine:
    """A Temporal server of our own, in one process and one file, on loopback only (it has no authentication).

    Attributes:
        address: `host:port` where it answers.
        ui_port: where its web UI answers, None without one.
    """

    def __init__(
        self,
        data: Path,
        *,
        port: int | None = None,
        ui: bool = False,
        options: Sequence[str] = (),
        rehearsal: bool = False,
    ) -> None:
        """Prepare a server.

        Args:
            data: its directory.
            port: a free one by default.
            ui: whether its web UI runs too.
            options: more for its command line.
            rehearsal: nothing is lost with it: it does not wait for the disk (what was written outlives a killed
                process, not a power cut), and takes one processor, which leaves the other to the worker.
        """
        self._data = data
        self._rehearsal = rehearsal
        self._port = port or free_port()
        self.ui_port = free_port() if ui else None
        self._options = tuple(options)
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    @property
    def address(self) -> str:
        """Return `host:port` where the engine answers."""
        return f"127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        """Return the server's process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    async def start(self) -> Client:
        """Start the server, or start it again on the same port and file, and wait until it answers.

        Raises:
            EngineUnreachableError: it did not come up; the reason stands in `engine.log`.
        """
        self._data.mkdir(parents=True, exist_ok=True)
        self._log = (self._data / "engine.log").open("ab")
        self._process = subprocess.Popen(  # noqa: ASYNC220, S603 - it lives on; our own binary and options
            self._command(),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            env={**os.environ, **REHEARSING} if self._rehearsal else None,
            process_group=0,  # a terminal's Ctrl-C is for whoever started the engine, who ends it in order
            preexec_fn=die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - one system call
        )
        client = await connect(self.address, wait=30)
        await self._keep_histories(client)
        place = self._data / "engine.json"
        fresh = place.with_suffix(".new")
        fresh.write_text(json.dumps({"address": self.address, "pid": self._process.pid, "ui": self.ui_port}))
        fresh.replace(place)
        return client

    async def stop(self) -> None:
        """Stop the server and wait until it is gone."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                await asyncio.to_thread(process.wait, 10)
            except subprocess.TimeoutExpired:
                process.kill()
                await asyncio.to_thread(process.wait)
        if self._log is not None:
            self._log.close()
            self._log = None
        (self._data / "engine.json").unlink(missing_ok=True)

    def _command(self) -> list[str]:
        binary = temporal_binary()
        settings = {
            "matching.numTaskqueueReadPartitions": "1",
            "matching.numTaskqueueWritePartitions": "1",
        }
        command = [binary, "server", "start-dev", "--ip", "127.0.0.1", "--port", str(self._port)]
        command += ["--db-filename", str(self._data / "engine.db"), "--log-level", "error"]
        durable = "NORMAL" if self._rehearsal else "FULL"
        command += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", f"synchronous={durable}"]
        command += ["--headless"] if self.ui_port is None else ["--ui-ip", "127.0.0.1", "--ui-port", str(self.ui_port)]
        for key in SEARCH_ATTRIBUTES:
            command += ["--search-attribute", f"{key.name}=Keyword"]
        for name, value in settings.items():
            command += ["--dynamic-config-value", f"{name}={value}"]
        return [*command, *self._options]

    async def _keep_histories(self, client: Client) -> None:
        retention = Duration()
        retention.FromTimedelta(RETENTION)
        request = UpdateNamespaceRequest(
            namespace=client.namespace, config=NamespaceConfig(workflow_execution_retention_ttl=retention)
        )
        for _ in range(50):
            with contextlib.suppress(RPCError):  # the namespace appears a moment after the port
                await client.workflow_service.update_namespace(request)
                return
            await asyncio.sleep(_POLL)
        raise EngineUnreachableError(self.address)


def running_engine(data: Path) -> str | None:
    """Return the address of the engine that runs on a data directory, as its starter wrote it down."""
    try:
        written = json.loads((data / "engine.json").read_text())
        os.kill(written["pid"], 0)
    except (OSError, ValueError, KeyError):
        return None
    return str(written["address"])


def temporal_binary() -> str:
    """Return the path of the `temporal` binary: the one beside this Python first, then PATH.

    Raises:
        FileNotFoundError: there is none.
    """
    beside = Path(sys.executable).parent / "temporal"
    found = str(beside) if beside.exists() else shutil.which("temporal")
    if found is None:
        raise FileNotFoundError("temporal")
    return found


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def give_back_large_blocks() -> None:
    """Let the C library keep no large block that was freed: appends come and go, and their holes stay (Linux)."""
    with contextlib.suppress(AttributeError):  # another C library has no such setting
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK)


def die_with_parent() -> None:
    """Let the kernel end a child process with the process that started it, however that one ends (Linux)."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
