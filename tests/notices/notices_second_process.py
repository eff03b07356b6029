"""A second process of the tests: it answers by a script, so that a test can end it in any moment."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import sys
import time

from activities.preparing_process import Questions
from cli.run_main import run_main

PRIVATE = "王小明 13800138000"


class Scripted:
    """Answers with the rows themselves and its own process id, unless its script says otherwise."""

    def __init__(self, script):
        self._script = script

    async def routings(self, rows, sought):
        """Return the rows, what was sought, and who answers."""
        print("a word that is no answer")  # noqa: T201 - it must not get between the answers
        return [*rows, sought, os.getpid()]

    async def letters(self, rows, traits, on):
        """Do what the script says."""
        match self._script:
            case "dies":
                os.kill(os.getpid(), signal.SIGKILL)
            case "hangs":
                time.sleep(60)  # noqa: ASYNC251 - it stands still, signals and all
            case "slow":
                await asyncio.sleep(0.3)
            case "raises late":
                await asyncio.sleep(1)
                raise LookupError(PRIVATE)
            case "raises":
                raise LookupError(PRIVATE)
            case "cannot say it":
                return lambda: rows
        return [*rows, traits, on, os.getpid()]


async def serve(questions):
    """Answer until nobody asks any more."""
    if questions.told == "cannot open":
        sys.exit(3)
    await questions.answer(Scripted(questions.told))
    return 0


if __name__ == "__main__":
    run_main(functools.partial(serve, Questions()))
