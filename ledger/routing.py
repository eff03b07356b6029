"""Routing: who reads a notice and by which ways, written into its row and into rows of their own for the others.

An event plans one row for a household, since events know nobody's family. When that row is routed, who is in the
household is looked up: the row is kept for one person, and each of the others gets a copy with an id that follows from
the row's and the person's (`domain.notices.copy_for`). So a message that fails is tried again for its own reader only,
and a crash in between plans nothing twice (INV-27).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select, update

from domain.notices import UNROUTED, NoticeClass, NoticePlan, NoticeState, class_of, copy_for
from domain.silences import Silence
from domain.time import stamp
from ledger import journal
from ledger.among import in_named
from ledger.attempts import CHANGE_ROW, group_of, next_channel
from ledger.claims import MARKED, due
from ledger.handover import CONTACT_TO_REPAIR, LOOK_UP, NEVER_TOLD, NO_ADDRESS, TAKEN_BACK, Copy, Routing, Unrouted
from ledger.many import Many
from ledger.silences import denied, ending, one_of, silenced, silences_among
from ledger.tables import outbox

ANEW: Final = {
    "state": NoticeState.PLANNED,
    "code": None,
    "next_at": None,
    "lease_until": None,
    "channel": UNROUTED,
    "chain": "",
    "tries": 0,
    "digest_of": None,
}
"""What a row becomes that waits as if it were new."""

MUST_GO: Final = (NoticeClass.SAFETY, NoticeClass.STATUTORY, NoticeClass.URGENT)
"""Classes that find another way where nothing goes out on a channel any more."""

SILENCED: Final = (
    outbox.c.state == NoticeState.DENIED,
    one_of(outbox.c.code, (*Silence, TAKEN_BACK, NEVER_TOLD)),
)
"""What a silence has ended, or the end of its occasion, and nobody else: planned again, it waits as if it were new."""

_RENEW: Final = update(outbox).where(in_named(outbox.c.copy_of, "households"), *SILENCED)
_ROUTE: Final = Many(
    update(outbox).where(
        outbox.c.notice_id == bindparam("of_notice"),
        outbox.c.channel == UNROUTED,
        outbox.c.state == NoticeState.PLANNED,
    ),
    *("state", "code", "channel", "chain", "contacts", "not_after", "repair", "person", "wish", "state_at"),
    of=("of_notice",),
)
_STILL: Final = (
    select(outbox)
    .where(
        in_named(outbox.c.notice_id, "names"),
        outbox.c.channel == UNROUTED,
        outbox.c.state == NoticeState.PLANNED,
    )
    .order_by(outbox.c.notice_id)
)
_UNROUTED: Final = tuple(outbox.c[name] for name in Unrouted._fields)


def unrouted(connection: Connection, campaign: str, limit: int) -> list[Unrouted]:
    """Return the oldest rows whose readers nobody has looked up; those of a silent pupil are left alone."""
    query = (
        select(*_UNROUTED)
        .where(
            outbox.c.campaign == campaign,
            outbox.c.channel == UNROUTED,
            outbox.c.state == NoticeState.PLANNED,
            ~silenced(),
        )
        .order_by(outbox.c.next_at, outbox.c.planned_at, outbox.c.notice_id)
        .limit(limit)
    )
    return [Unrouted(*row) for row in connection.execute(query).all()]


def route(connection: Connection, insert_: Callable[[Any], Any], routings: Sequence[Routing]) -> None:
    """Write down readers and ways, and plan the others' copies; what is routed already stays as it is.

    A copy that a silence has ended waits anew when its household's row is routed after all.

    Args:
        connection: the transaction.
        insert_: the dialect's insert, which knows conflicts.
        routings: one for each row.
    """
    names = [one.notice_id for one in routings]
    rows = {row["notice_id"]: row for row in connection.execute(_STILL, {"names": names}).mappings().all()}
    ours = [one for one in routings if one.notice_id in rows]
    if not ours:
        return
    changes = [{"of_notice": one.notice_id, **_routed(one, rows[one.notice_id])} for one in ours]
    _ROUTE.run(connection, changes)
    copies = [(one, other, rows[one.notice_id]) for one in ours for other in one.others]
    if copies:
        _plan_copies(connection, insert_, copies)


def pass_on(connection: Connection, campaign: str, channels: Sequence[str], now: datetime, code: str) -> None:
    """Put on their next channel the notices that are due on some channels and must go, whatever is saved or missing.

    What belongs to a campaign and what goes to staff waits: it is for whoever runs the channels to say so.

    Args:
        connection: the transaction.
        campaign: whose notices.
        channels: on which nothing goes out.
        now: what is due is due by this clock.
        code: why nothing goes out.
    """
    mine = (outbox.c.campaign == campaign, outbox.c.channel.in_(channels), due(stamp(now), LOOK_UP))
    query = select(outbox).where(*mine, outbox.c.chain != "", ~silenced()).order_by(outbox.c.notice_id)
    names = [
        row.notice_id
        for row in connection.execute(query)
        if class_of(row.purpose, row.recipient, optional=row.optional) in MUST_GO
    ]
    rows = [row for row in group_of(connection, names) if row.state in MARKED and row.chain] if names else []
    if rows:
        since = stamp(now)
        changes = [{"of_notice": row.notice_id, **next_channel(row, code), "state_at": since} for row in rows]
        connection.execute(CHANGE_ROW, changes)
        failed = NoticeState.FAILED_PERMANENT
        journal.write(connection, [journal.entry(row, row.attempts, failed, since, code) for row in rows])


def renew(connection: Connection, households: Sequence[str]) -> None:
    """Let the copies wait anew that a silence has ended, where an event plans their household's notice again.

    The household's own row may have gone out before the silence began: nobody routes it a second time, and the others
    would never be told.

    Args:
        connection: the append's transaction.
        households: ids of the rows that are planned.
    """
    connection.execute(_RENEW.values(ANEW), {"households": list(households)})


def _routed(routing: Routing, row: Any) -> dict[str, Any]:
    values = {**_ways(routing, routing.chain, routing.code), "person": routing.person or row["person"], "wish": ""}
    # every row names the same columns: rows with and without a way are written by one statement
    values["state_at"] = row["state_at"] if routing.chain else row["planned_at"]
    return values


def _ways(routing: Routing, chain: Sequence[str], code: str | None) -> dict[str, Any]:
    """Return what a row's ways are; without one it has failed before any attempt, or is for nobody."""
    first, rest = (chain[0], " ".join(chain[1:])) if chain else (UNROUTED, "")
    without = NoticeState.DENIED if code == NEVER_TOLD else NoticeState.FAILED_PERMANENT
    return {
        "state": NoticeState.PLANNED if chain else without,
        "code": code if chain or code is not None else NO_ADDRESS,
        "channel": first,
        "chain": rest,
        "contacts": " ".join(routing.contacts),
        "not_after": None if routing.not_after is None else stamp(routing.not_after),
        "repair": code == CONTACT_TO_REPAIR,
    }


def _plan_copies(
    connection: Connection, insert_: Callable[[Any], Any], copies: Sequence[tuple[Routing, Copy, Any]]
) -> None:
    plans = []
    for routing, other, row in copies:
        plan = NoticePlan(**{name: row[name] for name in NoticePlan.model_fields})
        plans.append((routing, other, copy_for(plan, other.person, other.purpose)))
    silences = silences_among(connection, [plan for _, _, plan in plans])
    rows: list[dict[str, Any]] = []
    for routing, other, plan in plans:
        ways = _ways(routing, other.chain, other.code)
        state = {"state_at": None if other.chain else plan.planned_at}
        if (silence := ending(plan, silences)) is not None:
            state = {name: denied(plan.planned_at, silence)[name] for name in ("state", "state_at", "code")}
        about = {"person": other.person, "copy_of": routing.notice_id}
        rows.append({**plan.model_dump(), **ways, **state, **about})
    connection.execute(insert_(outbox).on_conflict_do_nothing(), rows)
    again = [row for row in rows if row["state"] == NoticeState.PLANNED]
    anew = update(outbox).where(outbox.c.notice_id == bindparam("of_notice"), *SILENCED)
    if again:
        names = ("state", "code", "channel", "chain", "contacts", "not_after", "repair")
        fresh = {"next_at": None, "lease_until": None, "tries": 0, "digest_of": None}
        connection.execute(
            anew, [{"of_notice": row["notice_id"], **fresh, **{name: row[name] for name in names}} for row in again]
        )
