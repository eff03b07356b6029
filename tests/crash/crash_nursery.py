"""Starts processes that die often: forked from one that has imported everything, a twentieth of a second each.

The children die with the nursery, and the nursery with the test's process.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).parent
PROGRAMS = ("crash_worker", "crash_driver", "crash_audit")

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(list(PROGRAMS))


def start(program: str, environment: Mapping[str, str], log: Path) -> multiprocessing.process.BaseProcess:
    """Start a program with additions to the environment; what it says goes to the log."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), str(HERE.parents[1])])  # the nursery inherits no other path
    try:
        process = _forks.Process(target=_run, args=(program, dict(environment), str(log)), daemon=True)
        process.start()
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before
    return process


def _run(program: str, environment: dict[str, str], log: str) -> None:
    """Become the program, in a child of the nursery."""
    from engine import die_with_parent  # noqa: PLC0415 - imported where the nursery has it already

    if sys.platform == "linux":
        die_with_parent()
    os.environ.update(environment)
    with open(log, "ab", buffering=0) as said:  # noqa: PTH123 - a descriptor is wanted
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    code = 0
    try:
        asyncio.run(__import__(program).serve())
    except BaseException:  # noqa: BLE001 - it goes to the log, and the code tells
        traceback.print_exc()
        code = 1
    sys.stderr.flush()
    os._exit(code)  # the SDK may abort while the interpreter is torn down
