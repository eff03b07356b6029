"""Calls to the engine, tried again while it does not answer."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

from temporalio.client import Client, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from client.errors import NotFoundError, UnreachableError
from domain.refusal import Refusal
from domain.stream import Answer
from protocol import REFUSED, UPDATES_IN_FLIGHT

R = TypeVar("R")

TRANSIENT = (
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.RESOURCE_EXHAUSTED,
    RPCStatusCode.CANCELLED,
    RPCStatusCode.UNKNOWN,
    RPCStatusCode.INTERNAL,
    RPCStatusCode.ABORTED,
    RPCStatusCode.FAILED_PRECONDITION,  # the run has taken all the Updates that it may: the next one is about to begin
)


class EngineCalls:
    """Queries, Updates and starts of one connection, each repeated until it is answered or patience ends.

    Attributes:
        engine: the connection.
        patience: how long a call is tried again while the engine does not answer.
    """

    def __init__(self, engine: Client, patience: timedelta) -> None:
        self.engine = engine
        self.patience = patience
        self._in_flight: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(UPDATES_IN_FLIGHT))

    async def query(self, stream: str, name: str, result: type[R]) -> R:
        """Return what a stream's workflow answers to a query.

        Raises:
            NotFoundError: there is no such stream.
            UnreachableError: the engine does not answer.
        """
        handle = self.engine.get_workflow_handle(stream)

        async def ask() -> R:
            found: R = await handle.query(name, result_type=result, rpc_timeout=timedelta(seconds=10))
            return found

        return await self.patiently(ask, stream)

    async def update(self, stream: str, name: str, arguments: list[Any], update_id: str) -> Answer:
        """Return a stream's answer to an Update; no more are in flight than a run takes at once.

        Raises:
            Refusal: the rules do not allow it.
            NotFoundError: there is no such stream, or it has ended.
            UnreachableError: the engine does not answer.
        """
        handle = self.engine.get_workflow_handle(stream)

        async def call() -> Answer:
            answer: Answer = await handle.execute_update(
                name, args=arguments, id=update_id, result_type=Answer, rpc_timeout=timedelta(seconds=20)
            )
            return answer

        async with self._in_flight[stream]:
            return await self.patiently(call, stream)

    async def patiently(self, call: Callable[[], Awaitable[R]], stream: str = "") -> R:
        """Call again while the engine does not answer: ids make every call of ours safe to repeat."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.patience.total_seconds()
        pause = 0.05
        while True:
            try:
                return await call()
            except WorkflowUpdateFailedError as error:
                cause = error.cause
                if isinstance(cause, ApplicationError) and cause.type == REFUSED:
                    raise Refusal.from_data(cause.details[0]) from None
                raise
            except WorkflowUpdateRPCTimeoutOrCancelledError:
                if loop.time() >= deadline:
                    raise UnreachableError(stream) from None
            except RPCError as error:
                if error.status == RPCStatusCode.NOT_FOUND:
                    raise NotFoundError(stream, ended="already completed" in error.message) from None
                if error.status not in TRANSIENT:
                    raise
                if loop.time() >= deadline:
                    raise UnreachableError(stream) from None
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # the SDK hides a cancellation behind an error of its own
                raise asyncio.CancelledError
            await asyncio.sleep(pause)
            pause = min(1.0, pause * 2)


async def until(done: Callable[[], Awaitable[bool]], within: timedelta, most: float = 0.2) -> bool:
    """Ask again and again, ever more slowly; tells whether it came true in time.

    Args:
        done: what is asked.
        within: how long.
        most: seconds between two questions at most.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within.total_seconds()
    pause = 0.005
    while not await done():
        if loop.time() >= deadline:
            return False
        await asyncio.sleep(pause)
        pause = min(most, pause * 1.5)
    return True
