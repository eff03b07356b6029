"""The progress of a simulated year, on stderr: a bar for people, a line a month for logs."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cli.options import console, note
from rehearsal.year import YearProgress


@contextlib.contextmanager
def showing() -> Iterator[Callable[[YearProgress], None]]:
    """Yield what a rehearsal calls after each day."""
    if not sys.stderr.isatty():
        yield _Months().told
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    with Progress(*columns, TimeElapsedColumn(), console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def told(progress: YearProgress) -> None:
            bar.update(task, description=progress.day.isoformat(), completed=progress.done, total=progress.of)

        yield told


class _Months:
    """Says each month once."""

    def __init__(self) -> None:
        self._month = ""

    def told(self, progress: YearProgress) -> None:
        """Say the month of a day when it is new."""
        month = f"{progress.day:%Y-%m}"
        if month != self._month:
            self._month = month
            note(f"{month}  {progress.done}/{progress.of} 项操作", f"{month}  {progress.done}/{progress.of} commands")
