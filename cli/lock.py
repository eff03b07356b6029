"""One engine per data directory: a lock that ends with the process that holds it, however that one ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

from cli.failures import UNREACHABLE, Failure
from cli.options import say

NAME: Final = "up.lock"


def take_lock(data: Path) -> int:
    """Lock a data directory and return the descriptor that holds the lock.

    Raises:
        Failure: DATA_IN_USE (6).
    """
    data.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(data / NAME, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise Failure(
            UNREACHABLE,
            "DATA_IN_USE",
            say("该数据目录已有引擎在运行。", "An engine runs on this data directory already."),
            place=str(data),
            remedy=say("请使用正在运行的引擎，或换一个 --data。", "Use the one that runs, or name another --data."),
        ) from None
    return descriptor


def is_locked(data: Path) -> bool:
    """Tell whether a process of ours runs an engine on a data directory."""
    try:
        descriptor = os.open(data / NAME, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
