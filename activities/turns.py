"""Work through hundreds of rows beside sessions that send: they wait for nobody longer than for a few rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Final, TypeVar

T = TypeVar("T")

ROWS: Final = 4
"""Rows between two turns of the others: half a millisecond, as long as a quick provider takes for its answer."""


async def taking_turns(rows: Iterable[T]) -> AsyncIterator[T]:
    """Give rows one by one, and everybody else a turn after every few of them.

    A provider that has answered would otherwise wait until all rows are through, and its connection stand idle. Where
    there is nobody else, as in the process that only writes letters, nobody gets a turn.
    """
    others = len(asyncio.all_tasks()) > 1
    for number, row in enumerate(rows, 1):
        yield row
        if others and number % ROWS == 0:
            await asyncio.sleep(0)
