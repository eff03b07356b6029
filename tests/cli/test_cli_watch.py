"""`status --watch` on a terminal, and the filters of a person's work list."""

import asyncio
import contextlib
import os
import pty
import signal
import subprocess
import sys
import time

import pytest
from cli_runner import CAMPAIGN, STARTER, environment

from cli.failures import Failure
from cli.work_filter import checked, load, narrowed, save
from domain.actors import SYSTEM
from domain.events import GENESIS, Event, seal
from domain.policy import PolicyRef
from domain.time import instant
from ledger.store import Ledger

BEGIN = instant("2025-03-03T08:00:00+08:00")
VIEW = {
    "kind": "campaign",
    "campaign": CAMPAIGN,
    "status": "running",
    "clock": "engine",
    "paused": False,
    "paused_schools": [],
    "schools": {"9900010001": "running"},
}


class Drafted(Event):
    """A campaign's first event, as far as a board looks at it."""

    not_yet_computable: tuple[str, ...] = ()


def written(data, version, previous, **changed):
    """Append one event with the board's line after it; return the event."""
    policy = PolicyRef(id="compliant", version=1, parameter_hash="ab" * 32)
    known = {"actor": SYSTEM, "causation": None, "occurred_at": BEGIN, "recorded_at": BEGIN, "command_id": None}
    event = seal(Drafted(), stream=CAMPAIGN, version=version, prev_hash=previous, policy=policy, **known)

    async def append():
        ledger = await Ledger.open(f"sqlite+aiosqlite:///{data}/ledger.db")
        await ledger.append([event], [], VIEW | changed)
        await ledger.close()

    asyncio.run(append())
    return event


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, *arguments):
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, str(STARTER), *map(str, arguments)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment(TERM="xterm", COLUMNS="160", LINES="40"),
            start_new_session=True,
        )
        os.close(slave)
        os.set_blocking(self._master, False)
        self.shown = ""

    def shows(self, text, within=40.0):
        """Tell whether a text appears in time, after what was looked for before."""
        deadline = time.monotonic() + within
        while text not in self.shown:
            if time.monotonic() > deadline:
                return False
            with contextlib.suppress(BlockingIOError):
                self.shown += os.read(self._master, 65536).decode(errors="replace")
                continue
            time.sleep(0.02)
        self.shown = self.shown.partition(text)[2]
        return True

    def end(self):
        """End it as Ctrl-C does and return its exit code."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(30)
        os.close(self._master)
        return code


def test_a_watched_board_shows_a_change_and_ends_in_peace(tmp_path):
    """What happens while somebody watches appears without a key being pressed; Ctrl-C is no failure."""
    first = written(tmp_path, 1, GENESIS)
    terminal = Terminal("status", "--watch", "--data", tmp_path)
    try:
        assert terminal.shows("9900010001"), terminal.shown
        assert "stopped" not in terminal.shown
        written(tmp_path, 2, first["hash"], status="stopped", schools={"9900010002": "running"})
        assert terminal.shows("9900010002"), terminal.shown
        assert terminal.end() == 0
    finally:
        terminal.process.kill()


# -- filters ------------------------------------------------------------------------------------------------------


def work_list():
    """Return a work list of two stages, one of them overdue."""
    stages = [
        {"stage": "identification", "overdue": True, "blockers": []},
        {"stage": "parent-meetings", "overdue": False, "blockers": []},
    ]
    work = [
        {"school": "s", "stage": "identification", "student": "stu_a", "code": "DECISION_MISSING"},
        {"school": "s", "stage": "identification", "student": "stu_b", "code": "CONTEST_OPEN"},
        {"school": "s", "stage": "parent-meetings", "student": "stu_c", "code": "NOT_INVITED"},
    ]
    return {"schools": [{"school": "s", "stages": stages}], "work": work}


@pytest.mark.parametrize(
    ("only", "students", "stages"),
    [
        ((), ["stu_a", "stu_b", "stu_c"], ["identification", "parent-meetings"]),
        (("overdue",), ["stu_a", "stu_b"], ["identification"]),
        (("parent-meetings",), ["stu_c"], ["parent-meetings"]),
        (("CONTEST_OPEN",), ["stu_b"], ["identification"]),
        (("CONTEST_OPEN", "NOT_INVITED"), ["stu_b", "stu_c"], ["identification", "parent-meetings"]),
        (("overdue", "NOT_INVITED"), [], []),
    ],
)
def test_a_filter_keeps_what_meets_it(only, students, stages):
    """Overdue, of any stage named, of any code named; a school with nothing left is not shown."""
    data = work_list()
    narrowed(data, checked(only))
    assert [item["student"] for item in data["work"]] == students
    assert [stage["stage"] for school in data["schools"] for stage in school["stages"]] == stages


def test_a_filter_is_ones_own_and_is_found_by_name(tmp_path):
    """Saved, replaced, found again; another person's is not, and a damaged file holds none."""
    save(tmp_path, "stf_one", "late", ["overdue"])
    save(tmp_path, "stf_one", "late", ["overdue", "retention"])
    save(tmp_path, "stf_two", "other", ["retention"])
    assert load(tmp_path, "stf_one", "late") == ("overdue", "retention")
    with pytest.raises(Failure) as unknown:
        load(tmp_path, "stf_two", "late")
    assert (unknown.value.exit_code, unknown.value.code) == (4, "FILTER_UNKNOWN")
    (tmp_path / "filters.json").write_text("[1")
    with pytest.raises(Failure):
        load(tmp_path, "stf_one", "late")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--only", "overdue"), "FILTER_NEEDS_MINE"),
        (("--mine", "--by", "stf_x", "--only", "everything"), "ONLY_UNKNOWN"),
    ],
)
def test_a_filter_that_is_none_is_wrong_usage(warm, tmp_path, arguments, code):
    """A filter narrows one person's list, by words that exist."""
    written(tmp_path, 1, GENESIS)
    run = warm("status", *arguments, "--data", tmp_path, "--json")
    assert (run.code, run.json["error"]["code"]) == (2, code)


def test_a_name_for_a_filter_is_a_plain_word(tmp_path):
    """It stands in a file and on screens: nobody's name."""
    with pytest.raises(Failure) as refused:
        save(tmp_path, "stf_one", "张三的", ["overdue"])
    assert refused.value.code == "FILTER_NAME_INVALID"
    assert not (tmp_path / "filters.json").exists()
