"""The commands of a run as today's code issues them while it is replayed, all of them and with everything in them.

The Replayer compares the kind and the name of a command with the history, and what a history has not reached yet with
nothing at all. So the worker's own runner is watched from outside the sandbox: each command becomes a line.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from unittest import mock

from golden_streams import HERE, unpacked
from google.protobuf.json_format import MessageToDict
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_commands import WorkflowCommand
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner

import audit.capture
from audit.capture import Computed, Replaying
from engine import WORKFLOWS, sandbox
from protocol import ACTIVITY_APPEND

COMMANDS = HERE / "commands"
WHERE = ("histories", "dispatch", "heads", "patches")
"""Directories with histories, each with a release's own in it."""

NAMES = (
    "seq",
    "activity_type",
    "workflow_type",
    "workflow_id",
    "signal_name",
    "patch_id",
    "protocol_instance_id",
)
"""What a command is called: by its kind at most a few of these."""

CONTENT = (
    "arguments",
    "args",
    "input",
    "result",
    "failure",
    "completed",
    "rejected",
    "memo",
    "search_attributes",
    "properties",
)
"""What a command carries: said as a digest. What an append carries is compared event by event, and is left out here."""

OF_THE_SDK = ("headers", "versioning_intent", "priority", "do_not_eagerly_execute")
OF_THE_REPLAY = "replay-"
"""How the Replayer's own queue begins, which stands where a workflow names none."""

PARTS = ("sequence", "terms", "content")


@dataclass(frozen=True)
class Line:
    """One command.

    Attributes:
        sequence: its kind, its names and its number.
        terms: time limits, durations, retries, queue, policies, as JSON.
        content: digest of what it carries, empty where that is nothing.
    """

    sequence: str
    terms: str
    content: str

    @classmethod
    def of(cls, command: WorkflowCommand) -> Line:
        """Read a command."""
        kind = command.WhichOneof("variant") or ""
        fields = MessageToDict(getattr(command, kind), preserving_proto_field_name=True)
        if execution := fields.pop("workflow_execution", None):
            fields["workflow_id"] = execution["workflow_id"]
        if str(fields.get("task_queue", "")).startswith(OF_THE_REPLAY):
            del fields["task_queue"]
        content = {name: fields.pop(name) for name in CONTENT if name in fields}
        if fields.get("activity_type") == ACTIVITY_APPEND:
            del content["arguments"]
        names = " ".join(_short(fields.pop(name)) for name in NAMES if name in fields)
        for name in OF_THE_SDK:
            fields.pop(name, None)
        return cls(f"{kind} {names}".rstrip(), _short(fields), _hex(_short(content))[:16] if content else "")

    def text(self) -> str:
        """Return the line as it is committed."""
        return f"{self.sequence}\t{self.terms}\t{self.content}"

    @classmethod
    def read(cls, text: str) -> Line:
        """Read a committed line."""
        return cls(*text.split("\t"))


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))


def _hex(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Watching(WorkflowRunner):
    """A workflow runner that notes what leaves it, by run."""

    def __init__(self, runner: WorkflowRunner) -> None:
        self._runner = runner
        self._seen: dict[str, list[Line]] = {}

    def of(self, run_id: str) -> list[Line]:
        """Return the commands of a run."""
        return self._seen.get(run_id, [])

    def prepare_workflow(self, defn: Any) -> None:
        """Prepare as the runner does."""
        self._runner.prepare_workflow(defn)

    def set_worker_level_failure_exception_types(self, types: Sequence[type[BaseException]]) -> None:
        """Tell the runner."""
        self._runner.set_worker_level_failure_exception_types(types)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Make an instance whose every answer is looked at."""
        instance = self._runner.create_instance(det)
        lines = self._seen[det.info.run_id] = []
        activate: Callable[[WorkflowActivation], WorkflowActivationCompletion] = instance.activate

        def watched(act: WorkflowActivation) -> WorkflowActivationCompletion:
            completion = activate(act)
            lines.extend(
                Line.of(command)
                for command in completion.successful.commands
                if command.WhichOneof("variant") != "respond_to_query"
            )
            return completion

        instance.activate = watched  # type: ignore[method-assign]
        return instance


class WatchedReplay:
    """Today's workflows under one Replayer; notes their events, as the audit does, and their commands."""

    def __init__(self, runner: WorkflowRunner | None = None, workflows: Sequence[type] = WORKFLOWS) -> None:
        self._watching = Watching(runner or sandbox())

        def replayer(interceptors: Sequence[Any]) -> Replayer:
            return Replayer(
                workflows=workflows,
                workflow_runner=self._watching,
                data_converter=pydantic_data_converter,
                interceptors=list(interceptors),
            )

        with mock.patch.object(audit.capture, "replayer", replayer):
            self._replaying = Replaying()

    async def run(self, workflow_id: str, text: str) -> tuple[Computed, list[Line]]:
        """Replay one history."""
        [computed] = await self._replaying.run([(workflow_id, text)])
        return computed, self._watching.of(computed.run)

    async def close(self) -> None:
        """Let the Replayer go."""
        await self._replaying.close()


# -- what is committed --------------------------------------------------------------------------------------------


def fingerprint(lines: Sequence[Line]) -> dict[str, Any]:
    """Return the digests of a run's commands, in their order."""
    digests = {part: _hex("\n".join(getattr(line, part) for line in lines)) for part in PARTS}
    return {"commands": len(lines), **digests}


def differing(lines: Sequence[Line], committed: Mapping[str, Any]) -> list[str]:
    """Return which parts of a fingerprint are not as they were."""
    today = fingerprint(lines)
    return [part for part in PARTS if today[part] != committed[part]]


def first_difference(lines: Sequence[Line], before: Sequence[Line]) -> str:
    """Name the first command that is another one."""
    for number, (now, then) in enumerate(zip(lines, before, strict=False), 1):
        if now != then:
            return f"command {number}: was {then.text()!r}, is {now.text()!r}"
    return f"was {len(before)} commands, is {len(lines)}"


def releases() -> list[str]:
    """Return the releases of which fingerprints are committed."""
    return sorted(path.name.removesuffix(".json") for path in COMMANDS.glob("*.json"))


def committed(release: str) -> dict[str, dict[str, Any]]:
    """Return a release's fingerprints: history → its digests."""
    found: dict[str, dict[str, Any]] = json.loads((COMMANDS / f"{release}.json").read_text())
    return found


def committed_lines(release: str, name: str) -> list[Line]:
    """Return the commands of one history as they were when its fingerprint was made."""
    every = json.loads(unpacked(COMMANDS / f"{release}.lines.json"))
    return [Line.read(text) for text in every[name]]


def histories(release: str) -> dict[str, tuple[str, str]]:
    """Return all of a release: `{directory}/{name}` → workflow id and the history's JSON."""
    found = {}
    for where in WHERE:
        place = HERE / where / release
        streams = json.loads((place / "streams.json").read_text()) if place.is_dir() else {}
        for name, stream in streams.items():
            found[f"{where}/{name}"] = (stream["workflow"], unpacked(place / f"{name}.json"))
    return found


def names(release: str, where: Iterable[str] = WHERE) -> list[str]:
    """Return the names of a release's histories without reading them."""
    places = [HERE / one / release / "streams.json" for one in where]
    return [
        f"{path.parent.parent.name}/{name}" for path in places if path.exists() for name in json.loads(path.read_text())
    ]
