"""A writer that is killed again and again: forks it, kills it without warning, and at last lets it finish.

Forked from a process that has imported everything, a writer costs milliseconds instead of a second. Each new one knows
only its own list and what the ledger says; it goes back a few batches, as a retried activity would.

Called with a database file, a number of kills and a seed; prints the ledger's head after each kill.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
import sys
import time
from contextlib import closing

from ledger_samples import STREAM, chain, put

from domain.events import Envelope
from ledger.store import Ledger

EVENTS = 2_000
APPENDS_BEFORE_A_KILL = 20
"""At most; counted, not timed, so that the kills meet work on a fast machine and on a slow one."""

AHEAD = 2
"""Appends that a writer may be ahead of what was counted, where its killer has to wait for a processor."""


def batches() -> list[list[Envelope]]:
    """Return the writer's list: the same in every process."""
    sizes = random.Random(7)
    events = chain(EVENTS)
    cut: list[list[Envelope]] = []
    while events:
        size = sizes.choice((1, 2, 3, 5, 8, 12))
        cut.append(events[:size])
        events = events[size:]
    return cut


async def write(url: str, work: list[list[Envelope]], back: int | None, told: int, allowed: int | None) -> None:
    """Append the list from `back` batches before the ledger's head, or from the beginning.

    Args:
        url: the ledger.
        work: the list.
        back: None for the beginning.
        told: a pipe that gets a character for each append.
        allowed: a pipe with a character for each append that may be made; None for all.
    """
    ledger = await Ledger.open(url)
    head = await ledger.head(STREAM)
    done = sum(1 for batch in work if head and batch[-1]["version"] <= head.version)
    for batch in work[0 if back is None else max(0, done - back) :]:
        if allowed is not None:
            os.read(allowed, 1)
        await put(ledger, batch)
        os.write(told, b"!")
    await ledger.close()


def head(file: str) -> int:
    """Return the last version in the file, read by other means than ours."""
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            return int(connection.execute("SELECT coalesce(max(version), 0) FROM events").fetchone()[0])
    except sqlite3.OperationalError:  # killed before there was a table
        return 0


def main(file: str, kills: int, seed: int) -> None:
    """Kill so many writers, then let one finish."""
    moments = random.Random(seed)
    work, url = batches(), f"sqlite+aiosqlite:///{file}"
    heads: list[int] = []
    for number in range(kills + 1):
        reading, writing = os.pipe()
        taking, giving = os.pipe()
        child = os.fork()
        if child == 0:
            last = number == kills
            asyncio.run(write(url, work, None if last else moments.randint(0, 3), writing, None if last else taking))
            os._exit(0)
        os.close(writing)
        if number < kills:
            appends = moments.randint(1, APPENDS_BEFORE_A_KILL) if number % 5 else 0
            os.write(giving, b"." * (appends + AHEAD))
            if appends:  # four of five while it appends, one while it opens
                for _ in range(appends):
                    os.read(reading, 1)
                time.sleep(moments.uniform(0, 0.004))
            else:
                time.sleep(moments.uniform(0, 0.03))
            os.kill(child, signal.SIGKILL)
            heads.append(-1)
        status = os.waitpid(child, 0)[1]
        for end in (reading, taking, giving):
            os.close(end)
        if number < kills:
            heads[-1] = head(file) if os.WIFSIGNALED(status) else sys.exit(f"writer {number} ended: {status}")
        elif status:
            sys.exit(f"the last writer ended: {status}")
    sys.stdout.write(json.dumps(heads))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
