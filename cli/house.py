"""Engine and worker of one data directory, started together, watched, and drained together.

Both children die with this process, however it ends (Linux: the kernel sees to it). While it lives it starts again
whichever of them dies, on the same port and file.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from temporalio.client import Client

from cli.failures import UNREACHABLE, Failure
from cli.lock import take_lock
from cli.options import note, say
from engine import EmbeddedEngine, EngineUnreachableError, die_with_parent
from settings import Settings

WORKER: Final = Path(__file__).parents[1] / "worker.py"
WORKER_READY: Final = 60.0
DRAIN: Final = 15.0
POLL: Final = 0.1
ASK_AGAIN: Final = 0.03
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
CALM: Final = 60.0
"""Seconds without a death after which the back-off starts anew."""


class House:
    """A running engine and worker.

    Attributes:
        engine: the embedded engine; its `address` and `ui_port` stay the same when it is started again.
        client: a connection to it.
    """

    engine: EmbeddedEngine
    client: Client

    def __init__(
        self,
        settings: Settings,
        *,
        port: int | None = None,
        ui: bool = False,
        lock: int | None = None,
        tell: Callable[[str, str], None] = note,
        worker_environment: Mapping[str, str] | None = None,
        rehearsal: bool = False,
    ) -> None:
        """Prepare a house.

        Args:
            settings: the data directory, databases and log level; the engine is always the embedded one.
            port: the engine's port, a free one by default.
            ui: whether the engine's web UI runs too.
            lock: what `take_lock` returned, where the caller holds it already.
            tell: says, in Chinese and English, what is going on.
            worker_environment: further variables of the worker, as a mail server of its own.
            rehearsal: nothing real happens here: the engine does not wait for the disk.
        """
        self._settings = settings
        self._data = settings.data.resolve()
        self._port = port
        self._ui = ui
        self._lock = lock
        self._tell = tell
        self._more = dict(worker_environment or {})
        self._rehearsal = rehearsal
        self._worker: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._signalled: signal.Signals | None = None
        self._draining = False

    @property
    def worker_pid(self) -> int | None:
        """Return the worker's process id while it runs."""
        return self._worker.pid if self._worker is not None and self._worker.poll() is None else None

    async def __aenter__(self) -> Self:
        """Start both, and return when the worker takes work.

        Raises:
            Failure: DATA_IN_USE, PORT_IN_USE, ENGINE_NOT_STARTED, WORKER_NOT_STARTED (6).
        """
        if self._lock is None:
            self._lock = take_lock(self._data)
        try:
            self._mind_signals()
            await self._no_orphan()
            if self._port is not None:
                self._port_free(self._port)
            self.engine = EmbeddedEngine(self._data, port=self._port, ui=self._ui, rehearsal=self._rehearsal)
            self.client = await self._start_engine()
            self._log = (self._data / "worker.log").open("ab")
            await self._start_worker()
        except BaseException as error:  # noqa: BLE001 - nothing may be left running, whatever happens
            await self._drain()
            raise self._ending(error) from None
        self._watch = asyncio.create_task(self._supervise())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the worker finish what it does, then end both."""
        self._draining = True
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        await self._drain()
        if error is not None and (ending := self._ending(error)) is not error:
            raise ending from None

    # -- engine -----------------------------------------------------------------------------------------------

    async def _start_engine(self) -> Client:
        """Start the engine; give up as soon as its process has ended."""
        starting = asyncio.ensure_future(self.engine.start())
        try:
            while not starting.done():
                await asyncio.wait({starting}, timeout=POLL)
                if self.engine.pid is None and not starting.done():
                    raise self._not_started("ENGINE_NOT_STARTED", "engine.log")
            return starting.result()
        except EngineUnreachableError:
            raise self._not_started("ENGINE_NOT_STARTED", "engine.log") from None
        finally:
            starting.cancel()

    async def _no_orphan(self) -> None:
        """Wait until an engine that outlived its starter is gone: two servers would share one file.

        Raises:
            Failure: DATA_IN_USE (6).
        """
        try:
            host, port = json.loads((self._data / "engine.json").read_text())["address"].rsplit(":", 1)
        except (OSError, ValueError, KeyError):
            return
        for _ in range(50):
            with socket.socket() as probe:
                probe.settimeout(0.5)
                if probe.connect_ex((host, int(port))) != 0:
                    return
            await asyncio.sleep(POLL)
        raise Failure(
            UNREACHABLE,
            "DATA_IN_USE",
            say(
                "该数据目录的引擎仍在运行，而启动它的进程已结束。", "An engine of this directory outlived its starter."
            ),
            place=f"{host}:{port}",
            remedy=say("请结束该引擎进程后重试。", "End that engine's process, then try again."),
        )

    def _port_free(self, port: int) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise Failure(
                    UNREACHABLE,
                    "PORT_IN_USE",
                    say("端口已被占用。", "The port is in use."),
                    place=f"127.0.0.1:{port}",
                    remedy=say("请换一个 --port。", "Name another --port."),
                ) from None

    # -- worker -----------------------------------------------------------------------------------------------

    async def _start_worker(self) -> None:
        """Start the worker and wait until it takes work."""
        assert self._log is not None
        place = self._data / "worker.log"
        before = place.stat().st_size
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("DIVERSION_")},
            "DIVERSION_LANG": self._settings.lang,
            "DIVERSION_DATA": str(self._data),
            "DIVERSION_ENGINE": self.engine.address,
            "DIVERSION_NAMESPACE": self.client.namespace,
            "DIVERSION_LEDGER_URL": self._settings.ledger_url,
            "DIVERSION_REGISTRY_URL": self._settings.registry_url,
            "DIVERSION_GATEWAY_URL": self._settings.gateway_url,
            "DIVERSION_GATEWAY_KEY_FILE": str(self._settings.gateway_key),
            "DIVERSION_LOG_LEVEL": self._settings.log_level,
            **self._more,
        }
        self._worker = subprocess.Popen(  # noqa: ASYNC220, S603 - from this thread: the child's life hangs on it
            [sys.executable, str(WORKER)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,  # a terminal's Ctrl-C is for this process, which drains in order
            preexec_fn=die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - one system call
        )
        loop = asyncio.get_running_loop()
        deadline = loop.time() + WORKER_READY
        while self._worker.poll() is None and loop.time() < deadline:
            with place.open("rb") as log:
                log.seek(before)
                if b'"worker ready"' in log.read():
                    return
            await asyncio.sleep(POLL)
        raise self._not_started("WORKER_NOT_STARTED", "worker.log")

    # -- life -------------------------------------------------------------------------------------------------

    async def _supervise(self) -> None:
        """Start again whichever child dies, with a growing pause between deaths."""
        loop = asyncio.get_running_loop()
        pause, calm_since = FIRST_PAUSE, loop.time()
        while True:
            await asyncio.sleep(POLL)
            engine_gone, worker_gone = self.engine.pid is None, self.worker_pid is None
            if not engine_gone and not worker_gone:
                pause = FIRST_PAUSE if loop.time() - calm_since > CALM else pause
                continue
            zh, en = ("引擎", "engine") if engine_gone else ("工作进程", "worker")
            self._tell(f"{zh}意外结束，{pause:.1f} 秒后重新启动", f"the {en} died; starting it again in {pause:.1f} s")
            await asyncio.sleep(pause)
            pause, calm_since = min(LONGEST_PAUSE, pause * 2), loop.time()
            with contextlib.suppress(Failure):  # it is tried again after a longer pause
                if engine_gone:
                    self.client = await self._start_engine()
                else:
                    await self._start_worker()
                self._tell(f"{zh}已恢复", f"the {en} is back")

    async def _drain(self) -> None:
        self._draining = True
        worker, self._worker = self._worker, None
        if worker is not None and worker.poll() is None:
            worker.send_signal(signal.SIGINT)
            loop = asyncio.get_running_loop()
            deadline = loop.time() + DRAIN
            while worker.poll() is None and loop.time() < deadline:  # noqa: ASYNC110 - a process is polled
                await asyncio.sleep(POLL / 2)
            if worker.poll() is None:
                worker.kill()
            worker.wait()
        if hasattr(self, "engine"):
            await self.engine.stop()
        if self._log is not None:
            self._log.close()
            self._log = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _mind_signals(self) -> None:
        """Drain on Ctrl-C, SIGTERM and a closed terminal; a second signal ends this process at once.

        SIGINT is minded also where it is ignored, as scripts start their background jobs; SIGHUP is not, as `nohup`
        wants it.
        """
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()

        def end(number: signal.Signals) -> None:
            if self._signalled is not None:
                os._exit(128 + number)  # the children go with it
            self._signalled = number
            again()

        def again() -> None:
            # The SDK turns a cancelled Update into an error of its own, which is tried again: ask until it is heard.
            if task is not None and not self._draining and not task.done():
                task.cancel()
                loop.call_later(ASK_AGAIN, again)

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                loop.add_signal_handler(number, end, number)

    def _ending(self, error: BaseException) -> BaseException:
        """Return how the process ends: a cancellation of ours was a signal."""
        if isinstance(error, asyncio.CancelledError) and self._signalled is not None:
            return SystemExit(128 + self._signalled)
        return error

    def _not_started(self, code: str, log: str) -> Failure:
        place = self._data / log
        lines = place.read_text(errors="replace").splitlines() if place.exists() else []
        last = next((line for line in reversed(lines) if line.strip()), "")[:300]
        return Failure(
            UNREACHABLE,
            code,
            say(f"没有启动成功：{last}", f"It did not start: {last}"),
            place=str(place),
            remedy=say("请查看该日志，并运行 diversion doctor。", "Read this log, and run `diversion doctor`."),
        )
