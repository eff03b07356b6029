"""Runs the command line as scripts do: a process, its exit code, and one JSON object."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from rehearsal.county import make_county

PROJECT = Path(__file__).parents[2]
STARTER = PROJECT / "starter.py"
CAMPAIGN = "campaign/qingshan/2025"
OPEN_NOW = {
    "identification": (-20, 30),
    "parent-meetings": (-15, 40),
    "school-visits": (-1, 50),
    "application-filing": (10, 60),
    "retention": (20, 70),
}
"""Windows in days from today: the first two stages are open."""


@dataclass(frozen=True)
class Run:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Return the one JSON object on stdout."""
        return json.loads(self.out)


def environment(**more: str) -> dict[str, str]:
    """Return an environment without settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DIVERSION_")}
    return {**kept, "LANG": "en_US.UTF-8", **more}


def cli(*arguments: object, **more: str) -> Run:
    """Run one command."""
    done = subprocess.run(
        [sys.executable, str(STARTER), *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        env=environment(**more),
        check=False,
    )
    return Run(done.returncode, done.stdout, done.stderr)


def at_once(*commands: tuple[object, ...]) -> list[Run]:
    """Run independent commands side by side and return their results in order."""
    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(lambda command: cli(*command), commands))


AT_ANY_HOUR = """
[sending]
quiet_from = "00:00"
quiet_until = "00:00"
notices_on_school_days = false
"""
"""Tests on the wall clock run at night and on Sundays too."""


def county(
    directory: Path, *, schools: int = 2, pupils: int = 16, windows: dict[str, tuple[int, int]] | None = None
) -> Path:
    """Write a sample county whose stages open and end so many days from today, and which sends at any hour."""
    make_county(directory, schools, pupils, 1)
    today = datetime.now(UTC).date()
    place = directory / "campaign.toml"
    text = place.read_text() + AT_ANY_HOUR
    for slug, (opens, due) in (windows or OPEN_NOW).items():
        window = f"[stages.{slug}]\nopens = {today + timedelta(opens)}\ndue = {today + timedelta(due)}"
        text = re.sub(rf"\[stages\.{slug}\]\nopens = .*\ndue = .*", window, text)
    place.write_text(text)
    return directory


def stage_dates(directory: Path, windows: dict[str, tuple[date, date]]) -> Path:
    """Write civil dates into a county's campaign file."""
    place = directory / "campaign.toml"
    text = place.read_text()
    for slug, (opens, due) in windows.items():
        text = re.sub(
            rf"\[stages\.{slug}\]\nopens = .*\ndue = .*", f"[stages.{slug}]\nopens = {opens}\ndue = {due}", text
        )
    place.write_text(text)
    return directory


def staff(directory: Path, role: str, school: str = "") -> str:
    """Return the reference of the first member of staff in a role."""
    with (directory / "staff.csv").open(encoding="utf-8", newline="") as file:
        return next(row["staff_ref"] for row in csv.DictReader(file) if row["role"] == role and row["school"] == school)


def _ignoring_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class Up:
    """`diversion up` in the background."""

    def __init__(self, data: Path, *, in_background: bool = False, **more: str) -> None:
        """Start it with more settings; `in_background` as a script's job, which starts with SIGINT ignored."""
        self.data = data
        self.stderr = data.with_suffix(".up-stderr")
        with self.stderr.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(STARTER), "up", "--json", "--data", str(data)],
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment(**more),
                preexec_fn=_ignoring_interrupts if in_background else None,  # noqa: PLW1509 - one system call
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.stderr.read_text()
        self.told: dict[str, Any] = json.loads(line)

    def children(self) -> list[int]:
        """Return the process ids of engine and worker as they are now."""
        return children(self.process.pid)

    def end(self) -> int:
        """End it as Ctrl-C does and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(40)


def children(pid: int) -> list[int]:
    """Return the ids of a process's children as they are now."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def gone(pid: int, within: float = 10) -> bool:
    """Tell whether a process is gone, or dead and only not yet reaped."""
    return eventually(lambda: not alive(pid), within)


def alive(pid: int) -> bool:
    """Tell whether a process runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def eventually(true: Any, within: float = 20) -> bool:
    """Tell whether something becomes true in time."""
    deadline = time.monotonic() + within
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


class Warm:
    """The command line in a process that forks for each command (see `cli_server`)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("cli_server.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )

    def __call__(self, *arguments: object) -> Run:
        """Run one command."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._count += 1
        out, err = self._folder / f"{self._count}.out", self._folder / f"{self._count}.err"
        request = {"arguments": [str(argument) for argument in arguments], "out": str(out), "err": str(err)}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        code = json.loads(self._process.stdout.readline())["code"]
        return Run(code, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))

    def end(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(20)
