"""Runs all benches: `python -m bench [options of bench.year]`."""

from __future__ import annotations

import functools
import sys
from collections.abc import Awaitable, Callable

from bench import audit, notices, year
from cli.run_main import run_main


async def one_after_another(*benches: Callable[[], Awaitable[int]]) -> int:
    """Run benches, all of them whatever comes of each; return the worst exit code."""
    return max([await bench() for bench in benches])


if __name__ == "__main__":
    kept = ["--no-write"] if "--no-write" in sys.argv[1:] else []
    rest = (functools.partial(bench.main, kept) for bench in (notices, audit))
    run_main(functools.partial(one_after_another, year.main, *rest))
