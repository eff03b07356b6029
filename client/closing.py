"""The end of a campaign: what is still open, and the last history to keep."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.service import RPCError

from client.calls import until
from domain.deciders import kind_of
from engine import export_history
from ledger.histories import kept
from ledger.store import Ledger
from protocol import ACTIVITY_APPEND

LOOKS_AT_THE_END = 1.0
"""Seconds between two looks at the board of a campaign that is closing: a county has thousands of lines."""

BY_THEIR_OWN_DAYS = ("attendance", "dropout", "compliance")
"""Kinds of streams that no close ends: each goes on by days of its own, and the streams above it wait for it."""


async def archive_end(engine: Client, ledger: Ledger, campaign: str, within: timedelta) -> bool:
    """Wait for a campaign's end, unless it is days away, and keep its last run; tells whether that is done."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within.total_seconds()

    async def nothing_ends_soon() -> bool:
        return not left_open(await ledger.board(campaign))[1]

    await until(nothing_ends_soon, within, LOOKS_AT_THE_END)
    if left_open(await ledger.board(campaign))[0]:
        return False
    try:
        async with asyncio.timeout_at(deadline):
            run_id, history = await export_history(engine, campaign, None)
    except (TimeoutError, RPCError):
        return False
    await ledger.archive(kept(campaign, run_id, history, ACTIVITY_APPEND))
    return True


def left_open(board: Mapping[str, Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    """Return what of a closing campaign goes on by days of its own, and what is about to end.

    A campaign, and a school, that waits for one of the first is neither.

    Args:
        board: the campaign's lines, stream by stream.
    """
    running = [stream for stream, view in board.items() if view["status"] not in ("archived", "closed")]
    lasting = [stream for stream in running if kind_of(stream) in BY_THEIR_OWN_DAYS]
    waiting = {above for stream in lasting for above in _above(stream)}
    return lasting, [stream for stream in running if stream not in waiting and stream not in lasting]


def _above(stream: str) -> tuple[str, ...]:
    """Return the ids of the streams that a stream stands under."""
    parts = stream.split("/")
    return tuple("/".join(parts[:end]) for end in range(1, len(parts)))
