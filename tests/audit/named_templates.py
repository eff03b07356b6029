"""Bundles whose heads name notice templates, and a ledger that such heads are kept in."""

from __future__ import annotations

import contextlib
from pathlib import Path

from audit_small_log import CAMPAIGN
from bundle_maker import KEY, NOW

from audit.bundle.writer import write_bundle
from audit.heads import Headed, make_head
from ledger.store import Ledger

FIRST = {"choice_notice/1": "1" * 64, "meeting_invitation/1": "a" * 64}
MORE = FIRST | {"choice_notice/2": "2" * 64}
EDITED = FIRST | {"choice_notice/1": "e" * 64}


@contextlib.asynccontextmanager
async def opened(folder: Path):
    """The ledger of a folder."""
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{folder / 'ledger.db'}")
    try:
        yield ledger
    finally:
        await ledger.close()


async def grown(ledger: Ledger, streams, part: int, of: int) -> None:
    """Append one of so many parts of each stream."""
    for events in streams.values():
        if new := events[len(events) * part // of : len(events) * (part + 1) // of]:
            await ledger.append(new, [], {})


async def signed(ledger: Ledger, streams, *lists, **more) -> Headed:
    """Write streams in as many parts as there are lists, with a head by hand after each that names the list."""
    for part, templates in enumerate(lists):
        await grown(ledger, streams, part, len(lists))
        headed = await make_head(ledger, CAMPAIGN, KEY, "engine", NOW, templates=templates, **more)
    return headed


def exported(headed: Headed, path: Path, templates, key=KEY) -> Path:
    """Write the bundle of an installation that has these templates."""
    write_bundle(headed, [], key, path, templates=templates, code_version="1.2.3")
    return path


def head_names(headed: Headed) -> list[str]:
    """Return the members that hold the heads."""
    return [f"heads/{head.size:012d}.note" for head in headed.heads]
