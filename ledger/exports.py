"""Who took a campaign's bundle out of the house, when, and which: rows that are only ever added (A3)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

from sqlalchemy import Connection, func, insert, select

from ledger.heads import reading
from ledger.store import Ledger
from ledger.tables import exports

EXPORTS_LOCK: Final = 0x6578706F727473
"""PostgreSQL's advisory lock while an export takes its number ("exports" in ASCII)."""


@dataclass(frozen=True)
class Export:
    """A bundle that was written.

    Attributes:
        by: reference of whoever exported; None where nobody was named, as in a rehearsal.
        at: when, by our clock.
        events: how many events it holds.
        size: of the file, in bytes.
        sha256: of the file, hex.
    """

    by: str | None
    at: str
    events: int
    size: int
    sha256: str


async def keep_export(ledger: Ledger, campaign: str, export: Export) -> None:
    """Add an export to the list; of several at the same time each gets a number of its own."""

    def put(connection: Connection) -> None:
        if connection.dialect.name == "postgresql":  # SQLite has one writer anyway
            connection.execute(select(func.pg_advisory_xact_lock(EXPORTS_LOCK)))
        last = connection.scalar(select(func.max(exports.c.number)).where(exports.c.campaign == campaign))
        row = {"campaign": campaign, "number": (last or 0) + 1, **asdict(export)}
        connection.execute(insert(exports), [row])

    await ledger._in_turn(put)  # noqa: SLF001 - the same room: writers take turns


async def read_exports(ledger: Ledger, campaign: str) -> list[Export]:
    """Return a campaign's exports in the order in which they were made."""
    columns = [exports.c[name] for name in Export.__dataclass_fields__]
    query = select(*columns).where(exports.c.campaign == campaign).order_by(exports.c.number)
    async with reading(ledger) as connection:
        return [Export(*row) for row in await connection.execute(query)]
