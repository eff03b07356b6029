"""A worker that dies at a named point: composed like `worker.serve`, with interceptors that kill with SIGKILL.

The environment says how: CRASH_DATA and CRASH_ADDRESS as for any worker, CRASH_POINT, CRASH_NTH (each n-th time that
this process reaches the point), CRASH_VICTIM (worker, engine or both) and CRASH_TIMES (how many kills in all, over
every life of the worker). Each kill is written down in `kills` of the data directory before it happens.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import signal
import time
from datetime import timedelta
from pathlib import Path

from temporalio import activity, workflow
from temporalio.worker import (
    ActivityInboundInterceptor,
    Interceptor,
    Worker,
    WorkflowInboundInterceptor,
    WorkflowOutboundInterceptor,
)

import worker
from engine import connect
from ledger.store import Ledger
from protocol import ACTIVITY_APPEND, ACTIVITY_ARCHIVE
from registry.database import load_pepper
from registry.store import Registry

EXTERN = "crash_reached"
SOON = timedelta(seconds=2)
"""In place of the half minute after which the engine gives up an activity whose worker died."""

STICKY = timedelta(milliseconds=500)
"""In place of the ten seconds for which the engine keeps a dead worker's streams for it."""

POINTS = {ACTIVITY_APPEND: ("before_append", "after_append"), ACTIVITY_ARCHIVE: ("before_archive", "after_archive")}


class Killer:
    """Counts how often each point is reached, and kills when it is time."""

    def __init__(self, data: Path, point: str, nth: int, victim: str, times: int) -> None:
        self._data = data
        self._point = point
        self._nth = nth
        self._victim = victim
        self._times = times
        self._reached = 0

    def reached(self, point: str) -> None:
        """Note that a point is reached; does not return where this process is a victim."""
        if point != self._point:
            return
        self._reached += 1
        kills = self._data / "kills"
        done = len(kills.read_text().splitlines()) if kills.exists() else 0
        if self._reached % self._nth or done >= self._times:
            return
        engine = json.loads((self._data / "engine.json").read_text())["pid"]
        if self._victim != "worker" and not alive(engine):
            return  # still dead from the last time
        with kills.open("a") as marks:
            marks.write(f"{time.time():.3f} {point} {self._victim}\n")
            marks.flush()
            os.fsync(marks.fileno())
        if self._victim != "worker":
            os.kill(engine, signal.SIGKILL)
        if self._victim != "engine":
            os.kill(os.getpid(), signal.SIGKILL)


def alive(pid: int) -> bool:
    """Tell whether a process runs, and is not merely waiting to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Crashes(Interceptor):
    """Brings the points to the killer's notice."""

    def __init__(self, killer: Killer, *, impatient: bool) -> None:
        self._killer = killer
        self._impatient = impatient

    def intercept_activity(self, next):  # noqa: A002 - the SDK's name
        """Stand around each activity."""
        return Around(next, self._killer)

    def workflow_interceptor_class(self, input):  # noqa: A002
        """Stand inside each workflow; what happens there leaves the sandbox through one function."""
        input.unsafe_extern_functions[EXTERN] = self._killer.reached
        return InsideImpatiently if self._impatient else Inside


class Around(ActivityInboundInterceptor):
    """The points around the append and the archive."""

    def __init__(self, next, killer: Killer) -> None:  # noqa: A002
        super().__init__(next)
        self._killer = killer

    async def execute_activity(self, input):  # noqa: A002
        """Run the activity between its two points."""
        before, after = POINTS.get(activity.info().activity_type, ("", ""))
        self._killer.reached(before)
        result = await super().execute_activity(input)
        self._killer.reached(after)
        return result


class Inside(WorkflowInboundInterceptor):
    """The point after an Update's handler, and the way out."""

    outbound: type[WorkflowOutboundInterceptor]

    def init(self, outbound) -> None:
        """Put the way out in its place."""
        super().init(Outbound(outbound))

    async def handle_update_handler(self, input):  # noqa: A002
        """Die when the answer is made and the engine has not heard of it."""
        answer = await super().handle_update_handler(input)
        if not workflow.unsafe.is_replaying():
            workflow.extern_functions()[EXTERN]("update_accepted")
        return answer


class Outbound(WorkflowOutboundInterceptor):
    """The points around continue-as-new."""

    def continue_as_new(self, input):  # noqa: A002
        """Die when the run has decided to end, and when the order is given; the engine has heard of neither."""
        workflow.extern_functions()[EXTERN]("before_continue_as_new")
        try:
            super().continue_as_new(input)
        finally:
            workflow.extern_functions()[EXTERN]("after_continue_as_new")


class ImpatientOutbound(Outbound):
    """Lets the engine notice a dead activity after two seconds, so that a test need not wait for half a minute."""

    def start_activity(self, input):  # noqa: A002
        """Shorten the time-outs; they are no part of what is decided."""
        input.start_to_close_timeout = SOON
        return super().start_activity(input)


class InsideImpatiently(Inside):
    """Inside, with the short time-outs."""

    def init(self, outbound) -> None:
        """Put the way out in its place."""
        WorkflowInboundInterceptor.init(self, ImpatientOutbound(outbound))


async def serve() -> None:
    """Run until killed."""
    environ = os.environ
    data = Path(environ["CRASH_DATA"])
    impatient = "CRASH_PATIENT" not in environ
    killer = Killer(
        data,
        environ.get("CRASH_POINT", ""),
        int(environ.get("CRASH_NTH", "1")),
        environ.get("CRASH_VICTIM", "worker"),
        int(environ.get("CRASH_TIMES", "0")),
    )
    if impatient:
        worker.Worker = functools.partial(Worker, sticky_queue_schedule_to_start_timeout=STICKY)
    client = await connect(environ["CRASH_ADDRESS"], wait=60)
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{data}/ledger.db")
    registry = await Registry.open(f"sqlite+aiosqlite:///{data}/registry.db", load_pepper(data / "pepper"))
    async with worker.build(client, ledger, registry, interceptors=[Crashes(killer, impatient=impatient)]):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
