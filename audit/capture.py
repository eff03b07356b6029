"""Replay with open eyes: what today's code gives to the append, which the Replayer itself does not compare.

A green replay only says that commands come in the same order and of the same kind. So an outbound interceptor notes
the argument of every append during the replay and carries it out of the sandbox through an extern function; whoever
compares those events with the ledger also sees a rule that decides otherwise (A10, INV-26).
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import multiprocessing
import os
import sys
from collections.abc import AsyncIterator, Callable, MutableMapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from multiprocessing.util import Finalize
from typing import Any

from temporalio import workflow
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.worker import (
    ExecuteWorkflowInput,
    Interceptor,
    StartActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
    WorkflowReplayResult,
)

from domain.events import Envelope
from engine import die_with_parent, replayer
from protocol import ACTIVITY_APPEND, QUERY_STATE, AppendRequest

APPENDED = "audit_appended"
ENDED = "audit_ended"
DEADLOCK = "TMPRL1101"
"""The SDK's code for a workflow task that took too long: on a busy machine that is not the history's fault."""

FIRST_TASK = EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED
ATTEMPTS = 2
MESSAGE_LENGTH = 300
PATIENCE = 60.0
SLOWEST = 100
"""Seconds, and history events a second, after which a replay is given up: damaged bytes can leave it waiting."""

CLOSING = 10.0
"""Seconds that a Replayer may take to end."""


@dataclass
class Computed:
    """What today's code computed when it replayed one run.

    Attributes:
        failure: why the replay failed, None where it is green.
        events: the events that it gave to the append, in order.
        view: the board's line of the last append.
        end: the answer of the query `state` when the run ended; None for a run that goes on.
    """

    workflow: str
    run: str
    failure: str | None = None
    events: list[Envelope] = field(default_factory=list)
    view: dict[str, Any] | None = None
    end: dict[str, Any] | None = None


class Capture(Interceptor):
    """Notes what workflows give to the append while they are replayed."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str], Computed] = {}

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:  # noqa: A002 - the SDK's name
        """Offer the two ways out of the sandbox and return the interceptor that uses them."""
        extern: MutableMapping[str, Callable[..., Any]] = input.unsafe_extern_functions
        extern[APPENDED] = self._appended
        extern[ENDED] = self._ended
        return _Inbound

    def of(self, workflow_id: str, run_id: str) -> Computed:
        """Return what was noted of a run."""
        return self.seen.setdefault((workflow_id, run_id), Computed(workflow_id, run_id))

    def _appended(self, workflow_id: str, run_id: str, events: list[Envelope], view: dict[str, Any]) -> None:
        computed = self.of(workflow_id, run_id)
        computed.events.extend(events)
        computed.view = view

    def _ended(self, workflow_id: str, run_id: str, state: dict[str, Any]) -> None:
        self.of(workflow_id, run_id).end = state


class _Inbound(WorkflowInboundInterceptor):
    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_Outbound(outbound))

    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # noqa: A002 - the SDK's name
        try:
            result = await super().execute_workflow(input)
        except workflow.ContinueAsNewError:
            _tell_end()
            raise
        _tell_end()
        return result


class _Outbound(WorkflowOutboundInterceptor):
    def start_activity(self, input: StartActivityInput) -> workflow.ActivityHandle[Any]:  # noqa: A002 - the SDK's name
        if input.activity == ACTIVITY_APPEND:
            request: AppendRequest = input.args[0]
            info = workflow.info()
            workflow.extern_functions()[APPENDED](info.workflow_id, info.run_id, request.events, request.view)
        return super().start_activity(input)


def _tell_end() -> None:
    info = workflow.info()
    state: dict[str, Any] = getattr(workflow.instance(), QUERY_STATE)()
    workflow.extern_functions()[ENDED](info.workflow_id, info.run_id, state)


class Replaying:
    """Today's workflows under one Replayer, with the worker's own converter and sandbox (A10).

    Making a Replayer imports every workflow into a sandbox, which costs more than a small history; so one serves for
    all, and is made anew only after damaged bytes have spoilt it.
    """

    def __init__(self) -> None:
        self._capture = Capture()
        self._replayer = replayer([self._capture])
        self._turn = asyncio.Lock()
        self._given: asyncio.Queue[WorkflowHistory] = asyncio.Queue()
        self._open: AbstractAsyncContextManager[AsyncIterator[WorkflowReplayResult]] | None = None
        self._results: AsyncIterator[WorkflowReplayResult] | None = None

    async def run(self, histories: Sequence[tuple[str, str]]) -> list[Computed]:
        """Replay histories, one after the other.

        Args:
            histories: workflow id and the history's JSON of each run.

        Returns:
            What each run computed, in the order given; a failed replay says why and holds what came before it.
        """
        async with self._turn:
            return [await self._one(workflow_id, text) for workflow_id, text in histories]

    async def close(self) -> None:
        """Let the Replayer go; the next history gets another."""
        opened, self._open, self._results = self._open, None, None
        if opened is not None:
            with contextlib.suppress(Exception):  # what is left of a spoilt one
                await asyncio.wait_for(opened.__aexit__(None, None, None), CLOSING)

    async def _one(self, workflow_id: str, text: str) -> Computed:
        for _ in range(ATTEMPTS):
            computed = await self._attempt(workflow_id, text)
            if computed.failure is None or DEADLOCK not in computed.failure:
                break
        return computed

    async def _attempt(self, workflow_id: str, text: str) -> Computed:
        self._capture.seen.clear()
        run_id = ""
        try:
            history = WorkflowHistory.from_json(workflow_id, text)
            run_id = history.run_id
            if not any(event.event_type == FIRST_TASK for event in history.events):
                return self._capture.of(workflow_id, run_id)  # nothing decided yet; the Replayer would wait for ever
            result = await asyncio.wait_for(self._result(history), PATIENCE + len(history.events) / SLOWEST)
        except Exception as error:  # noqa: BLE001 - the Replayer says little about what it raises on damaged bytes
            await self.close()
            return replace(self._capture.of(workflow_id, run_id), failure=_reason(error))
        return replace(self._capture.of(workflow_id, run_id), failure=_reason(result.replay_failure))

    async def _result(self, history: WorkflowHistory) -> WorkflowReplayResult:
        if self._results is None:
            self._given = asyncio.Queue()
            self._open = self._replayer.workflow_replay_iterator(self._feed(self._given))
            self._results = await self._open.__aenter__()
        self._given.put_nowait(history)
        return await anext(self._results)

    async def _feed(self, given: asyncio.Queue[WorkflowHistory]) -> AsyncIterator[WorkflowHistory]:
        while True:
            yield await given.get()


def _reason(failure: Exception | None) -> str | None:
    """Return why a replay failed: the SDK's own words name commands and events; of other errors only the type."""
    if failure is None:
        return None
    if isinstance(failure, workflow.NondeterminismError) or DEADLOCK in str(failure):
        return str(failure)[:MESSAGE_LENGTH]
    return type(failure).__name__


class Replays:
    """Replays in this process, or in several of its own that end with it."""

    def __init__(self, pool: ProcessPoolExecutor | None) -> None:
        self._pool = pool
        self._here = Replaying()

    async def run(self, histories: Sequence[tuple[str, str]]) -> list[Computed]:
        """Replay the histories of one stream."""
        if self._pool is not None:
            loop = asyncio.get_running_loop()
            with contextlib.suppress(BrokenProcessPool):  # then this process does the work itself
                return await loop.run_in_executor(self._pool, _in_child, list(histories))
        return await self._here.run(histories)

    async def close(self) -> None:
        """Let the Replayer of this process go."""
        await self._here.close()


@contextlib.asynccontextmanager
async def replays(processes: int) -> AsyncIterator[Replays]:
    """Make `processes` ready to replay; one means this process. None is left when the context ends."""
    pool = None
    if processes > 1:
        pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), initializer=_begin_child)
    ready = Replays(pool)
    try:
        yield ready
    finally:
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)
        await ready.close()


def _begin_child() -> None:
    """End with the parent however that ends, and leave without the interpreter's shutdown, which can abort the SDK."""
    if sys.platform == "linux":
        die_with_parent()
    Finalize(None, os._exit, args=(0,), exitpriority=-1)


@functools.cache
def _childs_own() -> tuple[asyncio.Runner, Replaying]:
    """Return the loop and the Replayer that serve a child process for its life."""
    return asyncio.Runner(), Replaying()


def _in_child(histories: list[tuple[str, str]]) -> list[Computed]:
    runner, replaying = _childs_own()
    return runner.run(replaying.run(histories))
