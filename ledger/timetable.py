"""When the next notice of each channel may be looked at: one cheap question, for whoever steps a clock."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, case, func, select

from domain.notices import NoticeState
from domain.time import instant
from ledger.backlog import LEASED, STOOD, TIMED, left
from ledger.switches import stops_of
from ledger.tables import outbox

_FIRST: Final = func.min(
    case(
        (outbox.c.state == NoticeState.PLANNED, func.coalesce(outbox.c.next_at, outbox.c.planned_at)),
        (outbox.c.state.in_(LEASED), outbox.c.lease_until),
        else_=outbox.c.next_at,
    )
)
_STOOD: Final = func.sum(case((STOOD, 1), else_=0))


def timetable(connection: Connection, campaign: str, now: datetime) -> dict[str, datetime]:
    """Return channel → when its first notice may be due, without those of which nothing waits for a time.

    What a pause, a switch or a silence stops is not looked up where it has not been held yet: a claim does that, and it
    waits for no time from then on.

    Args:
        connection: for reading.
        campaign: whose notices; those that are not routed yet stand under `UNROUTED`.
        now: when what was released since is due.
    """
    waiting = (NoticeState.PLANNED, *TIMED, *LEASED)
    query = (
        select(outbox.c.channel, _FIRST.label("first"), _STOOD.label("stood"))
        .where(outbox.c.campaign == campaign, outbox.c.state.in_(waiting))
        .group_by(outbox.c.channel)
    )
    found: dict[str, datetime] = {}
    for row in connection.execute(query).all():
        released = row.stood and left(connection, campaign, row.channel, now, stops_of(connection, campaign)).due
        instants = [instant(row.first)] if row.first is not None else []
        if instants or released:
            found[row.channel] = min([*instants, *([now] if released else [])])
    return found
