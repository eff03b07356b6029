"""Signed heads, how far each had come, and the keys that sign them (docs/decisions/0023).

Events and heads are read in one snapshot, and a head is kept only if it follows the newest one: two that were made at
the same time of the same events would put them into two orders.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.store import Ledger
from ledger.tables import archive, events, head_templates, heads, marks, signing_keys

HEADS_LOCK: Final = 0x6865616473
"""PostgreSQL's advisory lock while a head or a key is kept ("heads" in ASCII)."""


COLUMNS: Final = ("size", "root", "note", "edge", "made_at")


@dataclass(frozen=True)
class Written:
    """An event's text as it lies in the ledger."""

    stream: str
    version: int
    body: str

    def __post_init__(self) -> None:
        """Take what no program of ours has written, bytes in place of a text, for no event: SQLite keeps anything."""
        if not isinstance(self.body, str):
            object.__setattr__(self, "body", "")


@dataclass(frozen=True)
class KeptHead:
    """A signed head.

    Attributes:
        size: how many events its tree has.
        root: hex.
        note: the signed checkpoint.
        marks: by stream, how far it came, of the streams that moved since the head before.
        edge: roots of its tree's complete subtrees, hex, the largest first; the next head goes on from there.
        made_at: by the clock of whoever made it.
    """

    size: int
    root: str
    note: str
    marks: dict[str, int] = field(default_factory=dict)
    edge: str = ""
    made_at: str = ""


@dataclass(frozen=True)
class Snapshot:
    """A campaign's events, by (stream, version) as the database sorts, and its heads, oldest first.

    Attributes:
        templates: digest → list of templates, all that heads of any campaign name.
    """

    events: list[Written]
    heads: list[KeptHead]
    templates: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class KeptKey:
    """A public key, and the statement by which it followed the one before; None for the first."""

    public: str
    statement: str | None


@dataclass(frozen=True)
class PackedHistory:
    """An archived run as it lies in the archive: its row, and the gzip of the history."""

    workflow_id: str
    run_id: str
    first_version: int
    last_version: int
    last_hash: str
    closed: bool
    history_events: int
    digest: str
    history: bytes

    def __post_init__(self) -> None:
        """Take what is none of its column's kind for nothing, as SQLite keeps anything: verifying a bundle names it."""
        for name, nothing in _NOTHING.items():
            if not isinstance(getattr(self, name), type(nothing)):
                object.__setattr__(self, name, nothing)


_NOTHING: Final[dict[str, str | int | bytes]] = {
    "workflow_id": "", "run_id": "", "first_version": 0, "last_version": 0, "last_hash": "",
    "closed": False, "history_events": 0, "digest": "", "history": b"",
}  # fmt: skip


async def read_snapshot(ledger: Ledger, campaign: str) -> Snapshot:
    """Read a campaign's events and heads as they are at one instant."""
    async with reading(ledger) as connection:
        columns = (events.c.stream, events.c.version, events.c.body)
        rows = await connection.execute(select(*columns).where(_of(campaign, events.c.stream)))
        written = [Written(*row) for row in rows]
        moved: dict[int, dict[str, int]] = {}
        for size, stream, version in await connection.execute(
            select(marks.c.size, marks.c.stream, marks.c.version).where(marks.c.campaign == campaign)
        ):
            moved.setdefault(size, {})[stream] = version
        found = [replace(head, marks=moved.get(head.size, {})) for head in await _heads(connection, campaign)]
        lists = await connection.execute(select(head_templates.c.digest, head_templates.c.listed))
        return Snapshot(written, found, {str(digest): str(listed) for digest, listed in lists})


async def read_heads(ledger: Ledger, campaign: str) -> list[KeptHead]:
    """Return a campaign's heads without their marks, oldest first."""
    async with reading(ledger) as connection:
        return await _heads(connection, campaign)


async def last_head(ledger: Ledger, campaign: str) -> KeptHead | None:
    """Return a campaign's newest head without its marks, None before the first."""
    async with reading(ledger) as connection:
        return await newest_head(connection, campaign)


async def newest_head(connection: AsyncConnection, campaign: str) -> KeptHead | None:
    """Return the newest head as one snapshot shows it."""
    found = await _heads(connection, campaign, newest=True)
    return found[0] if found else None


async def keep_head(
    ledger: Ledger,
    campaign: str,
    head: KeptHead,
    *,
    after: int,
    keys: Sequence[str] | None = None,
    templates: str | None = None,
) -> bool:
    """Keep a head with its marks; tells whether it is kept, which it is not where another came first.

    The first key is kept together with the first head: one that has signed nothing is none of the ledger's.

    Args:
        ledger: the ledger.
        campaign: the campaign's id.
        head: the signed head.
        after: size of the head that it was made after, 0 for the first.
        keys: the public keys, first to last, by which the signer was found to be in force; where none is kept yet, the
            one that begins the list. None does not ask.
        templates: the list that the head names, None where it names none.
    """

    def put(connection: Connection) -> bool:
        _lock(connection)
        newest = connection.scalar(select(func.max(heads.c.size)).where(heads.c.campaign == campaign))
        if (newest or 0) != after:
            return False
        if keys is not None and not _in_force(connection, keys):
            return False  # another key came into force meanwhile: its statement does not name this head
        row = {name: getattr(head, name) for name in COLUMNS}
        connection.execute(insert(heads), [{"campaign": campaign, **row}])
        moved = [
            {"campaign": campaign, "size": head.size, "stream": stream, "version": version}
            for stream, version in head.marks.items()
        ]
        connection.execute(insert(marks), moved)
        if templates is not None:
            _keep_list(connection, templates)
        return True

    return await ledger._in_turn(put)  # noqa: SLF001 - the same room: writers take turns


async def campaigns_with_heads(ledger: Ledger) -> list[str]:
    """Return the campaigns that have signed heads, by id."""
    async with reading(ledger) as connection:
        return sorted(await connection.scalars(select(heads.c.campaign).distinct()))


async def read_keys(ledger: Ledger) -> list[KeptKey]:
    """Return the keys in the order in which they followed one another."""
    async with reading(ledger) as connection:
        columns = (signing_keys.c.public, signing_keys.c.statement)
        rows = await connection.execute(select(*columns).order_by(signing_keys.c.number))
        return [KeptKey(*row) for row in rows]


async def keep_key(ledger: Ledger, key: KeptKey, *, after: int, signed: int | None = None) -> bool:
    """Keep a key; tells whether it is kept, which it is not where there are not `after` keys before it.

    Args:
        ledger: the ledger.
        key: with its statement.
        after: how many keys came before.
        signed: how many heads there were when the statement was made, which names the last; None does not ask.
    """

    def put(connection: Connection) -> bool:
        _lock(connection)
        if connection.scalar(select(func.count()).select_from(signing_keys)) != after:
            return False
        if signed is not None and connection.scalar(select(func.count()).select_from(heads)) != signed:
            return False
        row = {"number": after + 1, "public": key.public, "statement": key.statement}
        connection.execute(insert(signing_keys), [row])
        return True

    return await ledger._in_turn(put)  # noqa: SLF001 - as above


async def packed_histories(ledger: Ledger, campaign: str) -> list[PackedHistory]:
    """Return a campaign's archived runs with their bytes, by workflow and version."""
    columns = [archive.c[name] for name in PackedHistory.__dataclass_fields__]
    async with reading(ledger) as connection:
        rows = await connection.execute(select(*columns).where(_of(campaign, archive.c.workflow_id)))
        found = [PackedHistory(*row) for row in rows]
    return sorted(found, key=lambda row: (row.workflow_id, row.first_version, row.last_version, row.run_id))


async def _heads(connection: AsyncConnection, campaign: str, *, newest: bool = False) -> list[KeptHead]:
    query = select(*(heads.c[name] for name in COLUMNS)).where(heads.c.campaign == campaign)
    ordered = query.order_by(heads.c.size.desc()).limit(1) if newest else query.order_by(heads.c.size)
    rows = await connection.execute(ordered)
    return [KeptHead(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name for it


def _in_force(connection: Connection, keys: Sequence[str]) -> bool:
    """Tell whether these are the keys that are kept; a single one begins the list where there is none."""
    held = list(connection.scalars(select(signing_keys.c.public).order_by(signing_keys.c.number)))
    if not held and len(keys) == 1:
        connection.execute(insert(signing_keys), [{"number": 1, "public": keys[0], "statement": None}])
        return True
    return held == list(keys)


def _keep_list(connection: Connection, listed: str) -> None:
    """Keep a list of templates under its digest, unless it is there."""
    row = {"digest": hashlib.sha256(listed.encode()).hexdigest(), "listed": listed}
    if connection.scalar(select(func.count()).where(head_templates.c.digest == row["digest"])) == 0:
        connection.execute(insert(head_templates), [row])


def _lock(connection: Connection) -> None:
    """Let one writer of heads in at a time; SQLite has one anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(HEADS_LOCK)))


def _of(campaign: str, place: Column[Any]) -> ColumnElement[bool]:
    return or_(place == campaign, place.startswith(f"{campaign}/", autoescape=True))


@asynccontextmanager
async def reading(ledger: Ledger) -> AsyncIterator[AsyncConnection]:
    """Yield a connection that sees one snapshot of the ledger."""
    engine = ledger._engine  # noqa: SLF001 - the same room
    async with engine.connect() as connection:
        if engine.dialect.name == "postgresql":  # on SQLite every transaction sees one snapshot
            await connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection
