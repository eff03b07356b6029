"""What a campaign's record has gained since its newest head, without reading what that head covers.

Which streams there are is walked along the primary key from name to name: the work is that of the streams and of the
new events, not of the whole record.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.heads import KeptHead, Written, newest_head, reading
from ledger.store import Ledger
from ledger.tables import events, marks


@dataclass(frozen=True)
class Gained:
    """What no head of a campaign covers yet.

    Attributes:
        events: how many there are.
        oldest: the first one's `recorded_at`, None where there is none.
        steps, closing: how many are of the types that were asked for.
        ended: whether the campaign's last event is of the type that ends it.
    """

    events: int
    oldest: str | None
    steps: int
    closing: int
    ended: bool


@dataclass(frozen=True)
class Growth:
    """What the next head is made of.

    Attributes:
        first: text of the campaign's first event.
        newest: the newest head, with how far it and those before it came in every stream; None before the first.
        ends: by stream, its last version.
        events: of the streams that went on, what is new, and the last event before it, to which it must join.
    """

    first: str
    newest: KeptHead | None
    ends: dict[str, int]
    events: list[Written]


async def gained_since(
    ledger: Ledger, campaign: str, steps: Collection[str], closing: Collection[str], end: str
) -> Gained:
    """Look at what is new, without reading any event's text.

    Args:
        ledger: the ledger.
        campaign: the campaign's id.
        steps: types of events that are counted apart.
        closing: others.
        end: the type of the event that ends a campaign.
    """
    ends = _ends(campaign)
    counts = [func.coalesce(func.sum(case((events.c.type.in_(types), 1), else_=0)), 0) for types in (steps, closing)]
    new = (
        select(func.count(), func.min(events.c.recorded_at), *counts)
        .select_from(ends)
        .join(events, and_(events.c.stream == ends.c.stream, events.c.version > ends.c.mark))
    )
    newest = select(events.c.type).where(events.c.stream == campaign).order_by(events.c.version.desc()).limit(1)
    async with reading(ledger) as connection:
        count, oldest, *some = (await connection.execute(new.where(ends.c.version > ends.c.mark))).one()
        return Gained(count, oldest, int(some[0]), int(some[1]), await connection.scalar(newest) == end)


async def uncovered(ledger: Ledger, campaign: str) -> int:
    """Return how many events of a campaign no head covers yet."""
    return (await gained_since(ledger, campaign, (), (), "")).events


async def read_first(ledger: Ledger, campaign: str) -> str:
    """Return the text of a campaign's first event.

    Raises:
        LookupError: it has none.
    """
    async with reading(ledger) as connection:
        return await _first(connection, campaign)


async def read_growth(ledger: Ledger, campaign: str) -> Growth:
    """Read in one snapshot what the next head is made of.

    Raises:
        LookupError: the campaign has no events.
    """
    ends = _ends(campaign)
    new = (
        select(events.c.stream, events.c.version, events.c.body)
        .select_from(ends)
        .join(events, and_(events.c.stream == ends.c.stream, events.c.version >= ends.c.mark))
        .where(ends.c.version > ends.c.mark)
    )
    async with reading(ledger) as connection:
        first = await _first(connection, campaign)
        newest = await newest_head(connection, campaign)
        reached = await _reached(connection, campaign)
        found = {row.stream: row.version for row in await connection.execute(select(ends.c.stream, ends.c.version))}
        written = [Written(*row) for row in await connection.execute(new)]
    return Growth(first, None if newest is None else replace(newest, marks=reached), found, written)


# -- inside -------------------------------------------------------------------------------------------------------

_NAMES: Final = select(func.min(events.c.stream).label("stream")).cte("names", recursive=True)
_ALL_NAMES: Final = _NAMES.union_all(
    select(select(func.min(events.c.stream)).where(events.c.stream > _NAMES.c.stream).scalar_subquery()).where(
        _NAMES.c.stream.is_not(None)
    )
)
"""Every stream's name, each found by one step in the primary key (a loose index scan)."""


def _streams(campaign: str) -> ColumnElement[bool]:
    """Return the condition for a campaign's streams; by names, since no collation keeps them beside each other."""
    name = _ALL_NAMES.c.stream
    return or_(name == campaign, name.startswith(f"{campaign}/", autoescape=True))


def _ends(campaign: str) -> Any:
    """Return a table of a campaign's streams: `stream`, its last `version`, and the `mark` of the heads there."""
    name = _ALL_NAMES.c.stream
    last = select(func.max(events.c.version)).where(events.c.stream == name)
    mark = select(func.max(marks.c.version)).where(marks.c.campaign == campaign, marks.c.stream == name)
    return (
        select(
            name,
            last.scalar_subquery().label("version"),
            func.coalesce(mark.scalar_subquery(), 0).label("mark"),
        )
        .where(_streams(campaign))
        .cte("ends")
    )


async def _first(connection: AsyncConnection, campaign: str) -> str:
    body = await connection.scalar(select(events.c.body).where(events.c.stream == campaign, events.c.version == 1))
    if body is None:
        raise LookupError(campaign)
    return str(body)


async def _reached(connection: AsyncConnection, campaign: str) -> dict[str, int]:
    """Return how far the heads came, also in a stream that is gone."""
    latest = (
        select(marks.c.stream, func.max(marks.c.version).label("version"))
        .where(marks.c.campaign == campaign)
        .group_by(marks.c.stream)
    )
    return {row.stream: row.version for row in await connection.execute(latest)}
