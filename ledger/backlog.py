"""How much waits, and since when: what a dispatcher plans its rest by, and what people look at."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, case, func, or_, select, union_all

from domain.notices import BY_PEOPLE, NoticeState
from domain.time import instant, stamp
from ledger.claims import ALONE, due
from ledger.handover import KILLED, PAUSED, Backlog, Left
from ledger.silences import silenced
from ledger.switches import Stops
from ledger.tables import outbox, suppressions

LEASED: Final = (NoticeState.CLEARED, NoticeState.SUBMITTED)
TIMED: Final = (NoticeState.HELD, NoticeState.FAILED_TEMPORARY, NoticeState.UNKNOWN)
STOOD: Final = and_(outbox.c.state == NoticeState.HELD, outbox.c.next_at.is_(None), outbox.c.code.in_((PAUSED, KILLED)))
"""Held until a pause or a switch ends; where none is open any more, the next claim lets it go on."""


def _part(moment: Any, *where: ColumnElement[bool]) -> Select[Any]:
    """Return the query for some states: how many, how many of them are due, and when the first of the others is.

    What stands in another one's message is not counted: no claim looks at it by itself.
    """
    now: Any = bindparam("now")
    return select(
        func.count(),
        func.coalesce(func.sum(case((moment <= now, 1), else_=0)), 0),
        func.min(case((moment > now, moment))),
    ).where(
        outbox.c.campaign == bindparam("of_campaign"),
        outbox.c.channel == bindparam("of_channel"),
        ALONE,
        *where,
        moment.is_not(None),
    )


_PARTS: Final = (
    _part(outbox.c.planned_at, outbox.c.state == NoticeState.PLANNED),
    _part(outbox.c.next_at, outbox.c.state.in_(TIMED)),
    _part(outbox.c.lease_until, outbox.c.state.in_(LEASED)),
    _part(func.coalesce(outbox.c.state_at, outbox.c.planned_at), STOOD),
)
_LEFT: Final = union_all(*_PARTS)


def left(connection: Connection, campaign: str, channel: str, now: datetime, stops: Stops) -> Left:
    """Return what is still to be sent on a channel; pauses, switches and silences hide what they stop.

    Args:
        connection: for reading.
        campaign: whose notices.
        channel: which way they go.
        now: what is due is due by this clock.
        stops: what stops notices now.
    """
    asked = {"of_campaign": campaign, "of_channel": channel, "now": stamp(now)}
    free = _free(connection, campaign, stops)
    parts = [part.where(*free) for part in _PARTS] if free else _PARTS
    count, ready, first = 0, 0, None
    for some, ready_now, waits in connection.execute(union_all(*parts) if free else _LEFT, asked):
        count, ready = count + some, ready + int(ready_now)
        first = min(filter(None, (first, waits)), default=None)
    return Left(count, ready, instant(first) if first else None)


def backlog(connection: Connection, campaign: str, now: datetime, stops: Stops) -> list[Backlog]:
    """Return a row for each channel that a campaign's notices are on, in the order of the names."""
    listed = and_(outbox.c.state == NoticeState.CLEARED, outbox.c.channel.in_(BY_PEOPLE))
    going = and_(outbox.c.state.in_(LEASED), ~listed)
    again = or_(outbox.c.state == NoticeState.PLANNED, outbox.c.state == NoticeState.FAILED_TEMPORARY)
    may_go = and_(due(stamp(now)), *_free(connection, campaign, stops))
    oldest = func.min(case((may_go, func.coalesce(outbox.c.next_at, outbox.c.planned_at))))
    query = (
        select(
            outbox.c.channel,
            _count(again).label("waiting"),
            _count(outbox.c.state == NoticeState.HELD).label("held"),
            _count(listed).label("listed"),
            _count(going).label("in_flight"),
            _count(outbox.c.state == NoticeState.FAILED_PERMANENT).label("dead"),
            _count(outbox.c.state == NoticeState.UNKNOWN).label("unknown"),
            oldest.label("since"),
            func.sum(outbox.c.segments).label("segments"),
        )
        .where(outbox.c.campaign == campaign)
        .group_by(outbox.c.channel)
        .order_by(outbox.c.channel)
    )
    return [
        Backlog(
            channel=row.channel,
            waiting=int(row.waiting),
            held=int(row.held),
            listed=int(row.listed),
            in_flight=int(row.in_flight),
            dead=int(row.dead),
            unknown=int(row.unknown),
            oldest_due_at=None if row.since is None else instant(row.since),
            segments=int(row.segments),
        )
        for row in connection.execute(query)
    ]


def _free(connection: Connection, campaign: str, stops: Stops) -> list[ColumnElement[bool]]:
    """Return the conditions for what nothing stops; most of the time there is nothing to ask."""
    free: list[ColumnElement[bool]] = []
    if stops.scopes:
        free.append(~stops.paused())
    if stops.killed:
        free.append(~stops.killed_rows())
    silent = select(suppressions.c.student).where(suppressions.c.campaign == campaign).limit(1)
    if connection.scalar(silent) is not None:
        free.append(~silenced())
    return free


def _count(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)
