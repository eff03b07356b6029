"""Where a campaign's heads were put outside the house, their time stamps, and what keeps heads from being made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, delete, select

from ledger.heads import KeptHead, reading
from ledger.store import Ledger
from ledger.tables import anchors, head_troubles, heads, stamps


@dataclass(frozen=True)
class Anchored:
    """A head that was put somewhere outside.

    Attributes:
        size: of the head.
        place: where, as `directory`.
        by: size of the head that was put there; a later one covers this one.
        at: when.
    """

    size: int
    place: str
    by: int
    at: str


@dataclass(frozen=True)
class Stamped:
    """A head's time stamp.

    Attributes:
        size: of the head.
        authority: where it was asked for.
        token: the authority's answer, DER.
    """

    size: int
    authority: str
    token: bytes


@dataclass(frozen=True)
class Trouble:
    """Why a campaign has no newer head, or why one is not outside.

    Attributes:
        code: stable, upper-case.
        place: an event, a head, or which way out.
        since: when it was first seen.
    """

    campaign: str
    code: str
    place: str
    since: str


async def not_anchored(ledger: Ledger, campaign: str, place: str) -> list[KeptHead]:
    """Return the heads that were not put in a place yet, oldest first, without their marks."""
    own = and_(anchors.c.campaign == heads.c.campaign, anchors.c.size == heads.c.size, anchors.c.place == place)
    query = (
        select(heads.c.size, heads.c.root, heads.c.note, heads.c.edge, heads.c.made_at)
        .outerjoin(anchors, own)
        .where(heads.c.campaign == campaign, anchors.c.size.is_(None))
        .order_by(heads.c.size)
    )
    async with reading(ledger) as connection:
        return [KeptHead(**row._mapping) for row in await connection.execute(query)]  # noqa: SLF001 - a public name


async def keep_anchored(ledger: Ledger, campaign: str, put: Sequence[Anchored]) -> None:
    """Note where heads were put; what is noted already stays."""
    rows = [{"campaign": campaign, "size": one.size, "place": one.place, "by": one.by, "at": one.at} for one in put]
    adding = ledger._insert(anchors).on_conflict_do_nothing()  # noqa: SLF001 - the same room
    await ledger._in_turn(lambda connection: connection.execute(adding, rows))  # noqa: SLF001 - as above


async def read_anchored(ledger: Ledger, campaign: str) -> list[Anchored]:
    """Return where a campaign's heads were put, by size and place."""
    query = select(anchors.c.size, anchors.c.place, anchors.c.by, anchors.c.at).where(anchors.c.campaign == campaign)
    async with reading(ledger) as connection:
        found = [Anchored(*row) for row in await connection.execute(query)]
    return sorted(found, key=lambda one: (one.size, one.place))


async def keep_stamp(ledger: Ledger, campaign: str, stamp: Stamped) -> bool:
    """Keep a head's time stamp; tells whether it is new: an authority's first one is the earliest, and stays."""
    row = {"campaign": campaign, "size": stamp.size, "authority": stamp.authority, "token": stamp.token}
    adding = ledger._insert(stamps).on_conflict_do_nothing()  # noqa: SLF001 - the same room
    kept = await ledger._in_turn(lambda connection: connection.execute(adding, row).rowcount)  # noqa: SLF001 - as above
    return bool(kept)


async def read_stamps(ledger: Ledger, campaign: str) -> list[Stamped]:
    """Return a campaign's time stamps, by size and authority."""
    query = select(stamps.c.size, stamps.c.authority, stamps.c.token).where(stamps.c.campaign == campaign)
    async with reading(ledger) as connection:
        found = [Stamped(*row) for row in await connection.execute(query)]
    return sorted(found, key=lambda one: (one.size, one.authority))


async def note_trouble(ledger: Ledger, campaign: str, code: str, place: str, at: str) -> bool:
    """Note why no head is made, or none put outside; tells whether it is news."""
    known = next((one for one in await read_troubles(ledger) if one.campaign == campaign), None)
    if known is not None and (known.code, known.place) == (code, place):
        return False
    row = {"campaign": campaign, "code": code, "place": place, "since": at}
    adding = ledger._insert(head_troubles)  # noqa: SLF001 - the same room
    setting = adding.on_conflict_do_update(
        index_elements=["campaign"], set_={name: adding.excluded[name] for name in ("code", "place", "since")}
    )
    await ledger._in_turn(lambda connection: connection.execute(setting, row))  # noqa: SLF001 - as above
    return True


async def end_trouble(ledger: Ledger, campaign: str) -> None:
    """Forget what kept heads from being made."""
    if any(one.campaign == campaign for one in await read_troubles(ledger)):
        gone = delete(head_troubles).where(head_troubles.c.campaign == campaign)
        await ledger._in_turn(lambda connection: connection.execute(gone))  # noqa: SLF001 - the same room


async def read_troubles(ledger: Ledger) -> list[Trouble]:
    """Return what keeps heads from being made, by campaign."""
    columns = (head_troubles.c[name] for name in Trouble.__dataclass_fields__)
    async with reading(ledger) as connection:
        found = [Trouble(*row) for row in await connection.execute(select(*columns))]
    return sorted(found, key=lambda one: one.campaign)
