"""Who took a campaign's bundle out of the house, when, and which: rows that are only ever added (A3)."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, func, insert, select

from ledger.heads import reading
from ledger.store import Ledger
from ledger.tables import exports


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
    """Add an export to the list."""

    def put(connection: Connection) -> None:
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
