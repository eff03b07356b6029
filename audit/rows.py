"""The ledger's rows as they lie in the tables, read in one snapshot: an audit trusts no column and no index.

`Ledger` reads what programs need; the audit also needs the columns beside the text, and rows whose columns have been
moved out of sight, so it asks the tables itself.
"""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, or_, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from audit.row_kinds import Unreadable, decoded, is_no_text, raw, unreadable, wrong_field
from domain.events import Envelope
from ledger.handover import DayRecord
from ledger.journal import day_record, day_rows, days_of, line_of
from ledger.store import Ledger
from ledger.tables import archive, boards, conflicts, events, holds, opt_outs, outbox, switches

Row = dict[str, Any]


@dataclass(frozen=True)
class Record:
    """All rows of a campaign.

    Attributes:
        events: by stream, in the order of the versions.
        boards: by stream.
        outbox: by notice id.
        holds: by the event that placed them.
        conflicts: streams that are halted.
        archived: the archive's rows without the histories, by workflow id.
        switches: kill switches, by the event that placed them.
        opt_outs: who wants no optional notices, by campaign, person and pupil.
        days: the journal of sending as it is now, by channel and civil day, of the days that events have settled.
        unreadable: rows with a value that is none of its column's kind; they stand nowhere else.
    """

    campaign: str
    events: dict[str, list[Row]]
    boards: dict[str, Row]
    outbox: dict[str, Row]
    holds: dict[str, Row]
    conflicts: list[Row]
    archived: dict[str, list[Row]]
    switches: dict[str, Row]
    opt_outs: dict[str, Row]
    days: dict[tuple[str, date], DayRecord]
    unreadable: list[Unreadable]


async def read_record(ledger: Ledger, campaign: str) -> Record:
    """Read a campaign's rows as they are at one instant."""
    broken: list[Unreadable] = []
    async with _snapshot(ledger) as connection:

        async def read(
            table: Table, where: ColumnElement[bool], order: str, without: tuple[str, ...] = ()
        ) -> list[Row]:
            rows = await _rows(connection, table, where, order, without)
            return _readable(table, rows, campaign, broken)

        written = await read(events, _of(campaign, events.c.stream, events.c.campaign), "version")
        lines = await read(boards, _of(campaign, boards.c.stream, boards.c.campaign), "stream")
        notices = await read(outbox, _of(campaign, outbox.c.stream, outbox.c.campaign), "notice_id")
        held = await read(holds, _of(campaign, holds.c.scope), "cause")
        shut = await read(switches, _of(campaign, switches.c.campaign), "cause")
        declined = await read(opt_outs, _of(campaign, opt_outs.c.campaign), "student")
        days = await connection.run_sync(_settled_days, campaign, written)
        halted = await read(conflicts, _of(campaign, conflicts.c.stream), "stream")
        kept = await read(
            archive, _of(campaign, archive.c.workflow_id, archive.c.campaign), "first_version", ("history",)
        )
    return Record(
        campaign=campaign,
        events=_grouped(written, "stream"),
        boards={row["stream"]: row for row in lines},
        outbox={row["notice_id"]: row for row in notices},
        holds={row["cause"]: row for row in held},
        conflicts=halted,
        archived=_grouped(kept, "workflow_id"),
        switches={row["cause"]: row for row in shut},
        opt_outs={wish_key(row): row for row in declined},
        days=days,
        unreadable=broken,
    )


async def read_tail(ledger: Ledger, stream: str, after: int) -> list[Row]:
    """Read a stream's events after a version: a live stream goes on while it is audited."""
    async with _snapshot(ledger) as connection:
        rows = await _rows(connection, events, (events.c.stream == stream) & (events.c.version > after), "version")
    return _readable(events, rows, stream, [])


def _settled_days(connection: Connection, campaign: str, written: list[Row]) -> dict[tuple[str, date], DayRecord]:
    """Read the journal's days that the campaign's events speak of."""
    days: dict[tuple[str, date], DayRecord] = {}
    for row in written:
        envelope = envelope_of(row) if row["stream"] == campaign and row["type"] == "NoticesSettled" else None
        data = envelope["data"] if envelope is not None and isinstance(envelope.get("data"), dict) else {}
        with suppress(KeyError, TypeError, ValueError):  # a forged event: its chain is named elsewhere
            key = (str(data["channel"]), date.fromisoformat(data["day"]))
            days[key] = day_record(connection, campaign, *key, data["digest"])
    return days


@dataclass(frozen=True)
class NoticeDay:
    """A civil day of a channel on which the journal has rows of one notice.

    Attributes:
        lines: of all the day's rows, as they are digested.
        own: which of them are the notice's, by their index; they stand together.
    """

    channel: str
    day: date
    lines: list[bytes]
    own: range


async def read_notice(ledger: Ledger, campaign: str, notice: str) -> list[NoticeDay] | None:
    """Read the journal's days of one notice at one instant, in their order; None where there is no such notice."""
    async with _snapshot(ledger) as connection:
        return await connection.run_sync(_days_of_notice, campaign, notice)


def _days_of_notice(connection: Connection, campaign: str, notice: str) -> list[NoticeDay] | None:
    own = (outbox.c.campaign == campaign, outbox.c.notice_id == notice)
    days: list[NoticeDay] = []
    for day, channel in days_of(connection, campaign, notice):
        rows = day_rows(connection, campaign, channel, day)
        names = [row[0] for row in rows]
        first = names.index(notice)
        own_rows = range(first, first + names.count(notice))
        days.append(NoticeDay(channel, day, [line_of(row) for row in rows], own_rows))
    known = bool(days) or connection.scalar(select(outbox.c.notice_id).where(*own)) is not None
    return days if known else None


def wish_key(row: Row) -> str:
    """Return under which name a person's wish about one pupil's notices stands."""
    return "/".join(str(row[name]) for name in ("campaign", "person", "student", "school"))


def envelope_of(row: Row) -> Envelope | None:
    """Return a row's JSON object, None where its text is none."""
    try:
        envelope = json.loads(row["body"], parse_float=_finite, parse_constant=_finite)
    except (TypeError, ValueError, RecursionError):
        return None
    return envelope if isinstance(envelope, dict) else None


def event_of(row: Row) -> Envelope | None:
    """Return a row's event, None where its text is no JSON object or has not an event's fields."""
    envelope = envelope_of(row)
    return None if envelope is None or wrong_field(envelope) is not None else envelope


def _finite(text: str) -> float:
    """Read a number; NaN and infinity are none, and no canonical form has them."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("no number")
    return number


@asynccontextmanager
async def _snapshot(ledger: Ledger) -> AsyncIterator[AsyncConnection]:
    engine = ledger._engine  # noqa: SLF001 - the one place where the audit looks behind the ledger's reads
    async with engine.connect() as connection:
        if engine.dialect.name == "postgresql":  # on SQLite every transaction sees one snapshot
            await connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


async def _rows(
    connection: AsyncConnection, table: Table, where: ColumnElement[bool], order: str, without: tuple[str, ...] = ()
) -> list[Row]:
    columns = [column for column in table.c if column.name not in without]
    try:
        rows = await connection.execute(select(*columns).where(where).order_by(table.c[order]))
    except OperationalError as error:
        if not is_no_text(error):
            raise
        rows = await connection.execute(select(*map(raw, columns)).where(where).order_by(table.c[order]))
        return [decoded(table, dict(row._mapping)) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name for it
    return [dict(row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name for it


def _readable(table: Table, rows: list[Row], campaign: str, broken: list[Unreadable]) -> list[Row]:
    """Return the rows of which every value is of its column's kind; the others are noted."""
    sound = []
    for row in rows:
        wrong = unreadable(table, row, campaign)
        if wrong is None:
            sound.append(row)
        else:
            broken.append(wrong)
    return sound


def _of(campaign: str, place: Column[Any], *columns: Column[Any]) -> ColumnElement[bool]:
    """Return the condition for a campaign's rows, also those of which only one of the columns still says so."""
    return or_(
        place == campaign,
        place.startswith(f"{campaign}/", autoescape=True),
        *(column == campaign for column in columns),
    )


def _grouped(rows: list[Row], key: str) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row[key], []).append(row)
    return grouped
