"""What holds for all tests: neither the terminal that they happen to run in nor its disk is anybody's expectation."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

# A process that runs a part of the tests is given the width of the terminal that they were started in.
os.environ.pop("COLUMNS", None)

MEMORY = Path("/dev/shm")
"""Linux's file system in memory. Tests kill processes, not machines: waiting for a disk shows nothing, and they would
wait for it a third of their time. Where they lie is decided by PYTEST_DEBUG_TEMPROOT or --basetemp, if given."""

ROOM = 4 * 2**30
"""Bytes that must be free there; what passed is removed at once, so that all of the tests need far less."""

if "PYTEST_DEBUG_TEMPROOT" not in os.environ and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOM:
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(MEMORY)

# Servers of the tests run two at a time beside the tests themselves: a core each, and fewer collections of garbage.
os.environ.setdefault("GOMAXPROCS", "1")
os.environ.setdefault("GOGC", "400")

ROOMS = ("audit", "workflows", "crash")
"""Rooms whose files share engines and rehearsed years: one process each, or these would be made twice."""

LONGEST = (*ROOMS, "cli", "golden", "ledger", "notices")
"""Rooms whose files take long, in the order in which they begin: at the end only short files are left to share out."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest rooms."""
    items.sort(key=lambda item: LONGEST.index(room) if (room := _room(item.nodeid)) in LONGEST else len(LONGEST))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share files out among processes, but some rooms whole; without xdist nobody asks."""
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - only xdist calls this

    class ByFileOrRoom(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            room = _room(nodeid)
            return room if room in ROOMS else nodeid.partition("::")[0]

    return ByFileOrRoom(config, log)


def _room(nodeid: str) -> str:
    """Return the folder of a test: `tests/ROOM/FILE::TEST`."""
    return nodeid.split("/")[1] if nodeid.count("/") > 1 else ""
