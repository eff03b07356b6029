"""Letters are written in a second process while the first sends; whatever becomes of it, no notice waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import notices_second_process
import pytest
from notices_house import mail
from notices_second_process import PRIVATE
from structlog.testing import capture_logs
from temporalio.testing import ActivityEnvironment

from activities import preparing_process
from activities.dispatch import DispatchActivities
from activities.preparing_process import PreparingProcess
from bench.notices import prepare_notices
from cli.preparing import PROGRAM
from domain.notices import EMAIL
from ledger.store import Ledger
from protocol import DispatchRequest
from registry.database import load_pepper
from registry.store import Registry
from settings import Settings

SCRIPTED = notices_second_process.__name__
ROWS = ["ntc_1", "ntc_2"]
ON = date(2026, 3, 2)
HERE = "here"


class Here:
    """This process: it says that it was asked."""

    async def routings(self, rows, sought):
        """Say who did it."""
        return [*rows, sought, HERE]

    async def letters(self, rows, traits, on):
        """Say who did it."""
        return [*rows, traits, on, HERE]


class Unable:
    """This process, which can do nothing."""


@contextlib.asynccontextmanager
async def asking(script):
    """Return a process that follows a script."""
    process = PreparingProcess(SCRIPTED, script, Here())
    try:
        yield process
    finally:
        await process.close()


def gone(pid):
    """Tell whether a process has ended, and is no zombie."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_another_process_answers_and_ends_with_the_first_ones_wish():
    """Rows go there and come back, in their order; nothing that it prints gets between its answers."""
    async with asking("answers") as process:
        await process.start()
        *rows, sought, pid = await process.routings(ROWS, "what")
        assert (rows, sought) == (ROWS, "what")
        assert pid not in (os.getpid(), HERE)
        assert await process.letters(ROWS, "mail", ON) == [*ROWS, "mail", ON, pid]
        os.kill(pid, signal.SIGINT)  # as a terminal sends it to both
        os.kill(pid, signal.SIGTERM)
        assert (await process.letters([], "mail", ON))[-1] == pid
    assert gone(pid)
    assert (await process.letters(ROWS, "mail", ON))[-1] == HERE  # closed: it starts no other


@pytest.mark.parametrize(
    ("script", "why"), [("dies", "EOFError"), ("raises", "LookupError"), ("cannot say it", "AttributeError")]
)
async def test_what_it_cannot_do_is_done_here(script, why):
    """The notice is written all the same; the log says the kind of trouble, and nothing that stands in the registry."""
    async with asking(script) as process:
        with capture_logs() as logs:
            assert await process.letters(ROWS, "mail", ON) == [*ROWS, "mail", ON, HERE]
        assert [(one["what"], one["why"], one["log_level"]) for one in logs] == [("letters", why, "warning")]
        assert PRIVATE not in str(logs)
        answered = (await process.routings(ROWS, "what"))[-1]
        assert (answered == HERE) == (script == "dies")  # one that lives goes on; a dead one is left alone for a while


async def test_one_that_cannot_start_is_told_once_and_all_is_done_here():
    """A worker comes up all the same."""
    async with asking("cannot open") as process:
        with capture_logs() as logs:
            await process.start()
            for _ in range(3):
                assert (await process.letters(ROWS, "mail", ON))[-1] == HERE
        assert len(logs) == 1


async def test_after_a_rest_another_one_is_started(monkeypatch):
    """A process that the system has ended is not gone for good."""
    monkeypatch.setattr(preparing_process, "REST", 0.0)
    async with asking("answers") as process:
        first = (await process.letters(ROWS, "mail", ON))[-1]
        os.kill(first, signal.SIGKILL)
        assert (await process.letters(ROWS, "mail", ON))[-1] == HERE
        second = (await process.letters(ROWS, "mail", ON))[-1]
        assert second not in (first, HERE)
    assert gone(first)
    assert gone(second)


async def test_one_that_hangs_is_ended_and_its_work_done_here(monkeypatch):
    """A process that stands still holds nothing up for longer than the patience with it."""
    async with asking("hangs") as process:
        await process.start()
        pid = (await process.routings(ROWS, "what"))[-1]
        monkeypatch.setattr(preparing_process, "PATIENCE", 0.1)
        assert (await process.letters(ROWS, "mail", ON))[-1] == HERE
        assert gone(pid)


async def test_who_is_cancelled_takes_nobody_elses_answer():
    """An activity that is cancelled leaves its question; the next one gets its own answer."""
    async with asking("slow") as process:
        await process.start()
        asked = asyncio.create_task(process.letters(["of the cancelled"], "mail", ON))
        await asyncio.sleep(0.1)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert process._turn.locked()  # its question goes on
        *rows, _, _, pid = await process.letters(ROWS, "mail", ON)
        assert rows == ROWS
        assert pid != HERE


KILLED = """
import asyncio, os, signal, sys
from test_notices_second_process import PreparingProcess, SCRIPTED, Here, ROWS, ON

async def run():
    process = PreparingProcess(SCRIPTED, sys.argv[1], Here())
    print((await process.routings(ROWS, "what"))[-1], flush=True)
    asked = asyncio.create_task(process.letters(ROWS, "mail", ON))
    await asyncio.sleep(0.2)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(run())
"""


@pytest.mark.parametrize("script", ["answers", "hangs", "raises late"])
async def test_it_ends_with_the_first_process_however_that_ends(script, tmp_path):
    """A worker that is killed leaves no process behind, whatever that one is doing, and no word of what it did."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", KILLED, script]
    with (tmp_path / "said").open("wb") as said:
        killed = await asyncio.to_thread(
            subprocess.run, command, env=environment, stdout=subprocess.PIPE, stderr=said, check=False
        )
    assert killed.returncode == -signal.SIGKILL, (tmp_path / "said").read_text()
    pid = int(killed.stdout)
    until = time.monotonic() + 10
    while not gone(pid):
        assert time.monotonic() < until
        await asyncio.sleep(0.05)
    assert PRIVATE not in (tmp_path / "said").read_text()


async def test_a_stop_waits_only_a_moment_for_one_that_hangs(monkeypatch):
    """A worker that is told to end does not wait for the patience with a question that nobody asks any more."""
    monkeypatch.setattr(preparing_process, "ENDS_WITHIN", 0.2)
    process = PreparingProcess(SCRIPTED, "hangs", Here())
    pid = (await process.routings(ROWS, "what"))[-1]
    asked = asyncio.create_task(process.letters(ROWS, "mail", ON))
    await asyncio.sleep(0.1)
    async with asyncio.timeout(10):
        await process.close()
    assert gone(pid)
    assert (await asked)[-1] == HERE


async def test_it_runs_the_programs_of_the_first_process_wherever_that_was_started(tmp_path, monkeypatch):
    """A directory with a program of the same name, an older release's say, is no place to start it from."""
    (tmp_path / f"{SCRIPTED}.py").write_text("raise SystemExit('another program')\n")
    monkeypatch.chdir(tmp_path)
    async with asking("answers") as process:
        assert (await process.letters(ROWS, "mail", ON))[-1] != HERE


@pytest.fixture(scope="module")
async def prepared(tmp_path_factory):
    """Return a small county's planned invitations, and the mails that one process writes of them."""
    return await prepare_notices(tmp_path_factory.mktemp("county"), 12)


async def test_two_processes_send_what_one_does(prepared, sink):
    """The very mails that one process sends, byte for byte, from real stores; and the second one wrote them."""
    data = Path(prepared.directory)
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{data}/ledger.db")
    key = load_pepper(data / "pepper")
    registry = await Registry.open(f"sqlite+aiosqlite:///{data}/registry.db", key)
    process = PreparingProcess(PROGRAM, Settings.from_environment({}, data=data, lang="zh"), Unable())
    try:
        with capture_logs() as logs:
            await process.start()
            sending = DispatchActivities(
                ledger, registry, {EMAIL: mail(sink, 4)}, _no_codes, key=key, preparing=process,
                clock=lambda: datetime.now(UTC) + timedelta(seconds=1),
            )  # fmt: skip
            request = DispatchRequest(campaign=prepared.campaign, channel=EMAIL, limit=50)
            result = await ActivityEnvironment().run(sending.drain, request)
        assert (result.accepted, result.left, logs) == (12, 0, [])
    finally:
        await process.close()
        await registry.close()
        await ledger.close()
    wanted = {one.content for one in prepared.mails}
    assert {one.content.replace(b"notices@example.invalid", b"notices@county.invalid") for one in sink.mails} == wanted


async def _no_codes(requests):
    raise RuntimeError(f"{len(requests)} codes for notices without one")
