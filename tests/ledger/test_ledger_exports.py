"""The list of exports on both databases: several at the same time each have a row, in one order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ledger.exports import Export, keep_export, read_exports
from ledger.store import Ledger

Opener = Callable[[str], Awaitable[Ledger]]
CAMPAIGN, OTHER = "campaign/qingshan/2026", "campaign/qingshan/2025"


def export(number: int) -> Export:
    """Return an export that can be told from the others."""
    return Export(None, "2026-07-01T08:00:00.000+08:00", number, 2**32, f"{number:064x}")


async def test_of_exports_at_the_same_time_each_is_on_the_list(new_url: str, opened: Opener) -> None:
    """Two processes, eight exports at once: nobody loses a row, and so nobody deletes a bundle for it."""
    one, two = await opened(new_url), await opened(new_url)
    await keep_export(one, OTHER, export(0))
    await asyncio.gather(*(keep_export((one, two)[number % 2], CAMPAIGN, export(number)) for number in range(8)))
    listed = await read_exports(one, CAMPAIGN)
    assert sorted(listed, key=lambda row: row.events) == [export(number) for number in range(8)]
    assert await read_exports(two, CAMPAIGN) == listed
    assert await read_exports(two, OTHER) == [export(0)]
