"""A year recorded from the pure kernel, and the port that plays its Updates to the floor in the same order.

The driver decides by the answers it gets. On the floor nothing is decided, so each Update is sent and the recorded
answer given back: the driver goes the same way, lane by lane, with the same Updates at the same time.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.service import RPCError, RPCStatusCode

from activities.people import PeopleActivities
from bench.floor import REFUSED_ID, FloorStart
from domain.deciders import kind_of
from domain.kernel import Kernel
from domain.refusal import Refusal
from domain.stream import Answer, Carry, Job
from domain.time import stamp
from protocol import (
    UPDATE_SUBMIT,
    UPDATE_TICK,
    WORKFLOW_TYPES,
    CohortRequest,
    ProposalsRequest,
    TickRequest,
)
from registry.store import Registry
from rehearsal.driver import Driver
from rehearsal.year import YearPlan

PATIENCE = 30.0


@dataclass(frozen=True)
class Step:
    """One Update of a stream and what came of it."""

    key: str
    outcome: Answer | Refusal


@dataclass
class Recording:
    """A year as its streams saw it.

    Attributes:
        steps: by stream, its Updates in order.
        counted: by stream, how many of them a handler sees (not refused by the validator, not an id seen before).
        children: by stream, after how many of those which children were started.
        events: how many events the year has.
    """

    steps: dict[str, list[Step]] = field(default_factory=lambda: defaultdict(list))
    counted: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    children: dict[str, dict[int, list[str]]] = field(default_factory=lambda: defaultdict(dict))
    events: int = 0

    @property
    def refused(self) -> int:
        """Return how many Updates the validators refused."""
        return sum(isinstance(step.outcome, Refusal) for steps in self.steps.values() for step in steps)

    def start_of(self, stream: str) -> FloorStart:
        """Return the floor's input of a stream, its children's within."""
        children = {at: [self.start_of(child) for child in children] for at, children in self.children[stream].items()}
        return FloorStart(stream=stream, type=WORKFLOW_TYPES[kind_of(stream)], children=children)


class RecordingPort:
    """Passes the driver's calls to the kernel and keeps what came of them."""

    def __init__(self, kernel: Kernel, recording: Recording) -> None:
        self._kernel = kernel
        self._recording = recording
        self._ids: dict[str, None] = {}
        self._born: dict[str, None] = {}

    async def submit_unrecorded(self, stream: str, command: Mapping[str, Any], *, at: datetime | None = None) -> Answer:
        """Give a command to the kernel."""
        key = str(command["command_id"])
        try:
            answer = await self._kernel.submit_unrecorded(stream, command, at=at)
        except Refusal as refusal:
            self._recording.steps[stream].append(Step(key, refusal))
            raise
        self._note(stream, key, answer, fresh=key not in self._ids)
        self._ids[key] = None
        return answer

    async def tick(self, stream: str, at: datetime, absorb: Sequence[str] = ()) -> Answer:
        """Tick a stream of the kernel."""
        answer = await self._kernel.tick(stream, at, absorb)
        self._note(stream, _tick_key(at, absorb), answer, fresh=True)
        return answer

    def _note(self, stream: str, key: str, answer: Answer, *, fresh: bool) -> None:
        recording = self._recording
        recording.steps[stream].append(Step(key, answer))
        recording.counted[stream] += fresh
        born = [label.to for label in answer.sent if label.id is None and label.to not in self._born]
        self._born.update(dict.fromkeys(born))
        if born:
            recording.children[stream][recording.counted[stream]] = born


class FloorPort:
    """Sends the recorded Updates to the floor's workflows and answers with what was recorded."""

    def __init__(self, engine: Client, recording: Recording) -> None:
        self._engine = engine
        self._steps = {stream: deque(steps) for stream, steps in recording.steps.items()}
        self._handles: dict[str, WorkflowHandle[Any, Any]] = {}

    async def submit_unrecorded(self, stream: str, command: Mapping[str, Any], *, at: datetime | None = None) -> Answer:
        """Send a command; a refused one is refused here, too."""
        command_id = str(command["command_id"])
        outcome = self._next(stream, command_id)
        refused = isinstance(outcome, Refusal)
        arguments: list[Any] = [dict(command)]
        if at is not None:
            arguments.append(stamp(at))
        try:
            await self._update(stream, UPDATE_SUBMIT, arguments, f"{REFUSED_ID * refused}{command_id}")
        except WorkflowUpdateFailedError:
            if not refused:
                raise
        return _given(outcome)

    async def tick(self, stream: str, at: datetime, absorb: Sequence[str] = ()) -> Answer:
        """Send a tick, again if the stream's parent is just about to start it, as the client does."""
        outcome = self._next(stream, _tick_key(at, absorb))
        request = TickRequest(at=at, absorb=tuple(absorb))
        update_id = f"tick-{uuid.uuid4()}"
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while True:
            try:
                await self._update(stream, UPDATE_TICK, [request], update_id)
            except RPCError as error:
                if error.status != RPCStatusCode.NOT_FOUND or asyncio.get_running_loop().time() >= deadline:
                    raise
                await asyncio.sleep(0.01)
            else:
                return _given(outcome)

    def _next(self, stream: str, key: str) -> Answer | Refusal:
        step = self._steps[stream].popleft()
        if step.key != key:
            raise RuntimeError(f"{stream}: the driver sends {key} where the recording has {step.key}")
        return step.outcome

    async def _update(self, stream: str, name: str, arguments: list[Any], update_id: str) -> None:
        handle = self._handles.setdefault(stream, self._engine.get_workflow_handle(stream))
        await handle.execute_update(name, args=arguments, id=update_id, result_type=int)


async def record_year(plan: YearPlan, registry: Registry) -> Recording:
    """Drive a planned year through the kernel and record it."""
    people = PeopleActivities(registry)

    async def work(job: Job) -> dict[str, Any]:
        if job.name == "cohort":
            return await people.cohort(CohortRequest.model_validate(job.arguments))
        return await people.proposals(ProposalsRequest.model_validate(job.arguments))

    kernel = Kernel(work)
    campaign = plan.draft.campaign
    start = {
        **plan.draft.content,
        "clock": "stepped",
        "actor": plan.author.model_dump(mode="json"),
        "command_id": "rehearsal-draft",
    }
    carry = Carry(stream=campaign, kind="campaign", clock="stepped", start=start, started_at=plan.started_at)
    await kernel.begin(carry)
    recording = Recording()
    await Driver(RecordingPort(kernel, recording), campaign, plan.commands, plan.started_at).run()
    recording.events = sum(len(envelopes) for envelopes in kernel.ledger.values())
    return recording


def _tick_key(at: datetime, absorb: Sequence[str]) -> str:
    return f"{stamp(at)} {' '.join(absorb)}"


def _given(outcome: Answer | Refusal) -> Answer:
    if isinstance(outcome, Refusal):
        raise outcome
    return outcome
