"""The journal: every transition of a notice and every receipt, once, in a table that only grows.

A day of it is tied to the chain of events by its digest (`NoticesSettled`), so that nobody can tell another story of
what was sent. From then on it is closed: what is written later, and says that it happened on that day, stands under
the first instant after it. When it happened stands in its attempt, and in the event that told of it.

The digest is the root of a Merkle tree over the day's rows (RFC 6962), so that one notice's rows can be shown to belong
to it and nobody else's with them (docs/decisions/0026). Days that were settled before that have one hash over all rows.
Both are SHA-256 in the same 64 digits and never mistaken for each other: what is hashed last for a tree begins with the
byte 0x00 or 0x01, for all rows in one with a brace.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, time, timedelta
from operator import itemgetter
from typing import Any, Final

from pydantic_core import to_json
from sqlalchemy import Connection, func, insert, select, update

from domain.merkle import Edge, leaf_hash
from domain.notices import GONE_OUT, NoticeState
from domain.time import at, civil, instant, stamp
from ledger.among import in_named
from ledger.handover import DayRecord
from ledger.many import Many
from ledger.tables import journal, journal_days, outbox

SETTLED_COLUMNS: Final = (
    *("notice_id", "number", "at", "state"),
    *("campaign", "channel", "code", "provider_id", "digest"),
)
"""What the day's digest covers, the order of the rows first: those of one notice stand together."""

_NAMES: Final = tuple(sorted(SETTLED_COLUMNS))
_BY_NAME: Final = itemgetter(*map(SETTLED_COLUMNS.index, _NAMES))

Settled = tuple[Any, ...]
"""A row of a day: its `SETTLED_COLUMNS`."""

_WRITE: Final = Many(
    insert(journal),
    *("campaign", "channel", "notice_id", "number", "state", "code", "provider_id", "digest", "at"),
)
_OF_DAY: Final = select(*(journal.c[name] for name in SETTLED_COLUMNS))
_CLOSED: Final = select(journal_days).where(in_named(journal_days.c.campaign, "campaigns"))


def entry(
    row: Any,
    number: int,
    state: str,
    at: str,
    code: str | None = None,
    *,
    channel: str | None = None,
    provider_id: str | None = None,
    digest: str | None = None,
) -> dict[str, Any]:
    """Return a row of the journal.

    Args:
        row: the notice's.
        number: of the attempt; 0 before the first.
        state: what was reached.
        at: when it happened.
        code: why.
        channel: where it is not the row's own any more.
        provider_id: what the provider calls the message.
        digest: keyed digest of what was sent.
    """
    return {
        "campaign": row.campaign,
        "channel": row.channel if channel is None else channel,
        "notice_id": row.notice_id,
        "number": number,
        "state": state,
        "code": code,
        "provider_id": provider_id,
        "digest": digest,
        "at": at,
    }


def write(connection: Connection, entries: Sequence[dict[str, Any]]) -> None:
    """Add rows to the journal; of a day that is closed, under the first instant after it."""
    if not entries:
        return
    campaigns = list(dict.fromkeys(one["campaign"] for one in entries))
    closed = {
        (row.campaign, row.channel): row.closed_until for row in connection.execute(_CLOSED, {"campaigns": campaigns})
    }
    if closed:
        entries = [{**one, "at": max(one["at"], closed.get((one["campaign"], one["channel"]), ""))} for one in entries]
    _WRITE.run(connection, entries)


def close_day(connection: Connection, campaign: str, channel: str, day: date) -> DayRecord:
    """Return one civil day of a channel as `day_record` does, and see to it that it does not change any more."""
    until = _bounds(day)[1]
    mine = (journal_days.c.campaign == campaign, journal_days.c.channel == channel)
    before = connection.scalar(select(journal_days.c.closed_until).where(*mine))
    if before is None:
        connection.execute(insert(journal_days), {"campaign": campaign, "channel": channel, "closed_until": until})
    elif before < until:
        connection.execute(update(journal_days).where(*mine).values(closed_until=until))
    return day_record(connection, campaign, channel, day)


def of_notice(connection: Connection, notice_id: str) -> list[dict[str, Any]]:
    """Return a notice's rows in the order in which they were written."""
    query = select(journal).where(journal.c.notice_id == notice_id).order_by(journal.c.seq)
    return [dict(row) for row in connection.execute(query).mappings()]


def days_of(connection: Connection, campaign: str, notice_id: str) -> list[tuple[date, str]]:
    """Return the civil days, and the channels, of which the journal has rows of a notice; in that order."""
    query = select(journal.c.at, journal.c.channel).where(
        journal.c.campaign == campaign, journal.c.notice_id == notice_id
    )
    return sorted({(civil(instant(row.at)), row.channel) for row in connection.execute(query)})


def held_and_sent(connection: Connection, campaign: str, code: str) -> dict[str, Any] | None:
    """Return the first notice that was held for a reason and went out afterwards, with both instants."""
    held, sent = journal.alias("held"), journal.alias("sent")
    went = sent.c.state.in_(GONE_OUT)
    query = (
        select(
            held.c.notice_id,
            outbox.c.purpose,
            sent.c.channel,
            held.c.at.label("held_at"),
            func.min(sent.c.at).label("sent_at"),
        )
        .join(sent, sent.c.notice_id == held.c.notice_id)
        .join(outbox, outbox.c.notice_id == held.c.notice_id)
        .where(held.c.campaign == campaign, held.c.state == NoticeState.HELD, held.c.code == code, went)
        .where(sent.c.at > held.c.at)
        .group_by(held.c.notice_id, outbox.c.purpose, sent.c.channel, held.c.at)
        .order_by(held.c.at, held.c.notice_id)
        .limit(1)
    )
    row = connection.execute(query).mappings().first()
    return None if row is None else dict(row)


def day_record(connection: Connection, campaign: str, channel: str, day: date, said: str | None = None) -> DayRecord:
    """Return one civil day of a channel with its digest.

    Args:
        connection: for reading.
        campaign: whose journal.
        channel: which.
        day: which.
        said: the digest that an event says of that day: what was settled before days were trees is digested as it was.
    """
    rows = day_rows(connection, campaign, channel, day)
    lines = [line_of(row) for row in rows]
    digest = flat_digest(lines) if said is not None and said == flat_digest(lines) else tree_digest(lines)
    states = Counter(row[SETTLED_COLUMNS.index("state")] for row in rows)
    return DayRecord(day, len(rows), digest, dict(sorted(states.items())))


def day_rows(connection: Connection, campaign: str, channel: str, day: date) -> list[Settled]:
    """Return the rows of one civil day of a channel in the order in which they are digested."""
    begin, end = _bounds(day)
    mine = (journal.c.campaign == campaign, journal.c.channel == channel, journal.c.at >= begin, journal.c.at < end)
    rows = [tuple(row) for row in connection.execute(_OF_DAY.where(*mine)).all()]
    try:
        return sorted(rows)
    except TypeError:  # two rows that differ first where one of them has nothing; nothing comes before anything
        return sorted(rows, key=lambda row: tuple((value is not None, value) for value in row))


def line_of(row: Settled) -> bytes:
    """Return the canonical JSON line of a row, without a line feed: what a leaf of the day's tree is made of.

    Texts, whole numbers and nothing: of these pydantic writes what RFC 8785 says, in half the time of an encoder that
    sorts the names; a day of a county has tens of thousands of rows.
    """
    return to_json(dict(zip(_NAMES, _BY_NAME(row), strict=True)))


def tree_digest(lines: Iterable[bytes]) -> str:
    """Return the lower-case hex root of the tree over a day's lines (RFC 6962, section 2.1)."""
    edge = Edge()
    for line in lines:
        edge.append(leaf_hash(line))
    return edge.root().hex()


def flat_digest(lines: Iterable[bytes]) -> str:
    """Return the lower-case hex SHA-256 over a day's lines, a line feed after each: how days were settled before."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line + b"\n")
    return digest.hexdigest()


def first_unsettled(
    connection: Connection, campaign: str, channel: str, before: date, after: date | None
) -> date | None:
    """Return the first civil day of which the journal has rows.

    Args:
        connection: for reading.
        campaign: whose journal.
        channel: which.
        before: a day that is not over yet.
        after: the last day that is settled, None where none is.
    """
    first = select(func.min(journal.c.at)).where(
        journal.c.campaign == campaign, journal.c.channel == channel, journal.c.at < _bounds(before)[0]
    )
    if after is not None:
        first = first.where(journal.c.at >= _bounds(after)[1])
    found = connection.scalar(first)
    return None if found is None else civil(instant(found))


def _bounds(day: date) -> tuple[str, str]:
    """Return the first instant of a civil day and of the next; the calendar's last day has no next."""
    if day == date.max:
        return stamp(at(day, time(0))), "~"
    return stamp(at(day, time(0))), stamp(at(day + timedelta(days=1), time(0)))
