"""Three processes that open each database at the same moment; prints what went wrong, nothing if nothing did.

Forked from a process that has imported everything, they start within the same millisecond.
"""

from __future__ import annotations

import asyncio
import os
import sys
import traceback

import alembic.command  # noqa: F401 - half a second that would keep the processes apart

from ledger.store import Ledger

PROCESSES = 3


async def open_and_read(url: str) -> None:
    """Open a ledger and use it."""
    ledger = await Ledger.open(url)
    assert await ledger.campaigns() == []
    await ledger.close()


def fork(url: str, gate: int) -> int:
    """Start a process that opens the database when it may read a byte from the gate."""
    child = os.fork()
    if child:
        return child
    os.read(gate, 1)
    try:
        asyncio.run(open_and_read(url))
    except BaseException:  # noqa: BLE001 - shown, and the process ends
        traceback.print_exc(file=sys.stdout)
    sys.stdout.flush()
    os._exit(0)


def main(urls: list[str]) -> None:
    """Open the databases one after the other, each by all processes at once."""
    for url in urls:
        gate, held = os.pipe()
        children = [fork(url, gate) for _ in range(PROCESSES)]
        os.write(held, b"!" * PROCESSES)
        for child in children:
            os.waitpid(child, 0)
        os.close(gate)
        os.close(held)


if __name__ == "__main__":
    main(sys.argv[1:])
