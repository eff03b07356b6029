"""A second process that looks ways up and writes letters, while the first one sends (decision 0028).

Both take turns under the interpreter's lock otherwise: sending waits for writing. What goes through the pipes between
them has names and addresses; they have no other end, and nothing of it is logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date
from typing import IO, Any, Final

import structlog

from activities.letters import Written
from activities.preparing import Preparing
from activities.routing import Sought
from ledger.handover import Claimed, Routing, Unrouted
from notices.channels import Traits

PATIENCE: Final = 60.0
"""Seconds after which an answer is not waited for any more: a few hundred letters take less than one."""

REST: Final = 60.0
"""Seconds before another process is started where one has ended by itself."""

ENDS_WITHIN: Final = 5.0
"""Seconds after which a process that is told to end is killed."""

READY: Final = "ready"

ALONE: Final = "done in this process instead"
"""What is logged of a question that was asked in vain."""

log = structlog.get_logger("preparing")


class PreparingProcess:
    """Asks a process of its own; what that one does not answer is done here."""

    def __init__(self, module: str, told: object, here: Preparing) -> None:
        """Start nothing yet: `start` does, or the first question.

        Args:
            module: the process's program, which opens the stores and calls `answer`.
            told: what it is told first; something that can be pickled, as its settings.
            here: does the same in this process.
        """
        self._module = module
        self._told = told
        self._here = here
        self._turn = asyncio.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._not_before = 0.0
        self._closed = False
        self.failures = 0
        """How often it was asked in vain."""

    async def start(self) -> None:
        """Start the process, and wait until it is there; where it cannot start, all is done here."""
        await self._answer(READY, ())

    async def close(self) -> None:
        """End the process; a question that is under way has a moment more."""
        self._closed = True
        try:
            async with asyncio.timeout(ENDS_WITHIN):
                await self._turn.acquire()
        except TimeoutError:
            if self._process is not None:
                self._process.kill()
            await self._turn.acquire()
        try:
            await asyncio.to_thread(self._end)
        finally:
            self._turn.release()

    async def routings(self, rows: Sequence[Unrouted], sought: Sought) -> list[Routing]:
        """Return who reads each of some rows, and by which ways."""
        found: list[Routing] | None = await self._answer("routings", (rows, sought))
        return await self._here.routings(rows, sought) if found is None else found

    async def letters(self, rows: Sequence[Claimed], traits: Traits, on: date) -> Written:
        """Return the messages of some rows, the rows that have none, and those for which a message had no room."""
        found: Written | None = await self._answer("letters", (rows, traits, on))
        return await self._here.letters(rows, traits, on) if found is None else found

    # -- inside -------------------------------------------------------------------------------------------------

    async def _answer(self, name: str, arguments: tuple[Any, ...]) -> Any:
        """Return what the process says, None where it does not.

        Who asks may be cancelled; the question goes on, or the next one would get its answer.
        """
        return await asyncio.shield(asyncio.create_task(self._in_turn(name, arguments)))

    async def _in_turn(self, name: str, arguments: tuple[Any, ...]) -> Any:
        async with self._turn:
            if self._closed or (self._process is None and time.monotonic() < self._not_before):
                return None
            asking = asyncio.create_task(asyncio.to_thread(self._ask, name, arguments))
            done, _ = await asyncio.wait({asking}, timeout=PATIENCE)
            while not done:
                if self._process is not None:
                    self._process.kill()
                done, _ = await asyncio.wait({asking}, timeout=1.0)
            try:
                failure, found = await asking
            except Exception as error:  # noqa: BLE001 - it is gone, killed, or another version's: none may stop a notice
                failure, found = type(error).__name__, None
                self._not_before = time.monotonic() + REST
                await asyncio.to_thread(self._end)
            if failure is not None:
                self.failures += 1
                log.warning(ALONE, what=name, why=failure)
            return found

    def _ask(self, name: str, arguments: tuple[Any, ...]) -> tuple[str | None, Any]:
        question = _whole((name, arguments))
        fresh = self._process is None
        if self._process is None:
            self._process = _started(self._module)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if fresh:
            _say(_whole(self._told), self._process.stdin)
        _say(question, self._process.stdin)
        answer: tuple[str | None, Any] = pickle.load(self._process.stdout)  # noqa: S301 - our own child's
        return answer

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what was left to say has no reader any more
                    pipe.close()
        try:
            process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _started(module: str) -> subprocess.Popen[bytes]:
    """Start the program where this one's modules are found, and nowhere else."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-m", module]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)  # noqa: S603


def _whole(what: object) -> bytes:
    """Return what is to be said; what cannot be said leaves no half of it in a pipe."""
    return pickle.dumps(what, pickle.HIGHEST_PROTOCOL)


def _say(what: bytes, pipe: IO[bytes]) -> None:
    pipe.write(what)
    pipe.flush()


# -- in the second process ----------------------------------------------------------------------------------------


class Questions:
    """What the second process is asked, and its way to answer. It ends with its pipes, however the first one ended."""

    def __init__(self) -> None:
        """Take standard input and output; signals, which a terminal sends to both processes, end only the first."""
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, signal.SIG_IGN)
        _let_others_go_first()
        self._asked = sys.stdin.buffer
        self._answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nothing else gets between the answers
        threading.Thread(target=_end_with, args=(self._answers.fileno(),), daemon=True).start()
        try:
            self.told: Any = pickle.load(self._asked)  # noqa: S301 - what our own parent says
            """What the process is told first."""
        except EOFError:
            sys.exit()

    async def answer(self, preparing: Preparing) -> None:
        """Answer until the other side is gone.

        What cannot be done is told by the name of its error, whose own words may have what stands in the registry.
        """
        ways: Mapping[str, Callable[..., Awaitable[Any]]] = {
            READY: _ready,
            "routings": preparing.routings,
            "letters": preparing.letters,
        }
        while (question := await asyncio.to_thread(self._next)) is not None:
            name, arguments = question
            try:
                said = _whole((None, await ways[name](*arguments)))
            except Exception as error:  # noqa: BLE001 - see above
                said = _whole((type(error).__name__, None))
            try:
                _say(said, self._answers)
            except BrokenPipeError:
                return

    def _next(self) -> tuple[str, tuple[Any, ...]] | None:
        """Return the next question, None where nobody asks any more, or in words of another version."""
        try:
            name, arguments = pickle.load(self._asked)  # noqa: S301 - what our own parent says
        except Exception:  # noqa: BLE001 - whoever asked hears the pipe close, and does it there
            return None
        return name, arguments


def _end_with(answers: int) -> None:
    """End this process, whatever it is doing, as soon as nobody can hear its answers any more."""
    gone = select.poll()
    gone.register(answers, 0)  # an end is told without being asked for
    gone.poll()
    os._exit(0)


def _let_others_go_first() -> None:
    """Tell the kernel not to interrupt who sends whenever something is to be written: letters lie ready (Linux)."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


async def _ready() -> bool:
    return True
