"""The ledger: an append that can be repeated for ever, and the reads that people and programs ask for.

One append is one transaction: events, outbox rows, holds and the board change together or not at all (INV-26,
INV-27). The stored text of an event is its canonical form; its hash is recomputed here with the standard library, so
an event that does not carry its own hash never enters.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, bindparam, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.events import GENESIS, Envelope, canonical_text, event_id
from domain.notices import NoticePlan
from ledger import database
from ledger.outbox import Outbox
from ledger.tables import archive, boards, conflicts, events, holds, outbox
from ledger.turns import Turns

PAGE = 2_000

R = TypeVar("R")

EVENTS_PER_TRANSACTION: Final = 1_000
"""Appends that wait for SQLite's one writer share a transaction up to this many events."""

HASH_LENGTH: Final = len(GENESIS)

HELD: Final = select(events.c.version, events.c.hash).where(
    events.c.stream == bindparam("of"), events.c.version.between(bindparam("first"), bindparam("last"))
)

RACES: Final = 3
"""How often an append begins anew because another process wrote the same stream at the same moment."""


class LedgerConflictError(Exception):
    """The ledger holds another event at this version, or none where one must be.

    Attributes:
        stream, version: the place.
        expected: the hash that the ledger holds (or needs before it).
        found: the hash that the append brought.
    """

    def __init__(self, stream: str, version: int, expected: str, found: str) -> None:
        super().__init__(
            f"{event_id(stream, version)}: the ledger has {expected[:12]}, the append brought {found[:12]}"
        )
        self.stream = stream
        self.version = version
        self.expected = expected
        self.found = found


@dataclass(frozen=True)
class Head:
    """The last event of a stream."""

    version: int
    hash: str


@dataclass(frozen=True)
class ArchivedHistory:
    """One run's history as it was exported, with the part of the stream that it wrote."""

    workflow_id: str
    run_id: str
    first_version: int
    last_version: int
    last_hash: str
    closed: bool
    history_events: int
    digest: str
    history: str

    @property
    def intact(self) -> bool:
        """Tell whether the stored bytes still have their digest."""
        return hashlib.sha256(self.history.encode()).hexdigest() == self.digest


@dataclass(eq=False)
class _Append:
    """An append on its way: what it brings, and what came of it."""

    envelopes: Sequence[Envelope]
    notices: Sequence[NoticePlan]
    view: dict[str, Any]
    outcome: int | Exception | None = None


class Ledger:
    """The record of all campaigns in one database.

    Attributes:
        outbox: the notices that the events ask for, and their way out.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._writing = database.writing(engine)
        self._one_writer = engine.dialect.name == "sqlite"
        self._turn = asyncio.Lock()
        self._waiting: list[_Append] = []
        self._writer = Turns(engine, begin="IMMEDIATE")
        self._reader = Turns(engine, begin="DEFERRED")
        self._board = _upsert_board(self._insert(boards))
        self.outbox = Outbox(self._reader.run, self._in_turn, self._insert)

    @classmethod
    async def open(cls, url: str) -> Ledger:
        """Open the database, bringing its schema up to date."""
        engine = database.create(url)
        await database.migrate(engine)
        return cls(engine)

    async def close(self) -> None:
        """Give the connections back."""
        await self._writer.close()
        await self._reader.close()
        await self._engine.dispose()

    # -- the append -------------------------------------------------------------------------------------------

    async def append(self, envelopes: Sequence[Envelope], notices: Sequence[NoticePlan], view: dict[str, Any]) -> int:
        """Write events of one stream with all that they cause; the same events again change nothing.

        Args:
            envelopes: sealed events of one stream, versions without a gap.
            notices: the outbox rows that the events ask for.
            view: the stream's line of the board after the last event.

        Returns:
            How many events were new.

        Raises:
            LedgerConflictError: another event stands at one of the versions, the chain does not join, or an event
                does not carry its own hash. Nothing is written but the conflict itself.
        """
        if not envelopes:
            return 0
        append = _Append(envelopes, notices, view)
        if self._one_writer:
            await self._append_in_turn(append)
        else:
            await self._write([append])
        if isinstance(append.outcome, Exception):
            raise append.outcome
        return append.outcome or 0

    async def _append_in_turn(self, append: _Append) -> None:
        """Wait for the turn to write; who has it writes for all that wait (SQLite has one writer at a time).

        Competing connections would poll for the lock, some of them for a second; and one commit serves many. Whoever
        is cancelled leaves what it had not committed to those behind it.
        """
        self._waiting.append(append)
        try:
            async with self._turn:
                while append.outcome is None:
                    await self._write(self._next_group())
        finally:
            if append in self._waiting:
                self._waiting.remove(append)

    def _next_group(self) -> list[_Append]:
        """Return the appends that wait, the longest first, as many as one transaction takes."""
        group: list[_Append] = []
        size = 0
        for append in self._waiting:
            size += len(append.envelopes)
            if group and size > EVENTS_PER_TRANSACTION:
                break
            group.append(append)
        return group

    async def _write(self, group: Sequence[_Append]) -> None:
        """Write appends in one transaction and give each its outcome.

        Where one brings what cannot be written, each gets a transaction of its own; where the database itself fails
        (disk full, locked by another process), all fail with it.
        """
        try:
            outcomes = await self._transaction(group)
        except Exception as error:  # noqa: BLE001 - handed to those whose appends failed
            if len(group) > 1 and not isinstance(error, OperationalError):
                for append in group:
                    await self._write([append])
                return
            outcomes = [error] * len(group)
        for append, outcome in zip(group, outcomes, strict=True):
            append.outcome = outcome
            if append in self._waiting:
                self._waiting.remove(append)

    async def _transaction(self, group: Sequence[_Append]) -> list[int | Exception]:
        for race in range(RACES):
            try:
                return await self._writer.run(lambda connection: [self._put(connection, append) for append in group])
            except IntegrityError:  # PostgreSQL: another process has just written one of these versions; look again
                if race == RACES - 1:
                    raise
        raise AssertionError("unreachable")

    def _put(self, connection: Connection, append: _Append) -> int | LedgerConflictError:
        """Write one append inside a transaction; a conflict is found before anything is written, and kept."""
        try:
            fresh = self._fresh(connection, append.envelopes)
        except LedgerConflictError as conflict:
            self._note_conflict(connection, conflict)
            return conflict
        if fresh:
            connection.execute(insert(events), [_event_row(envelope) for envelope in fresh])
            self.outbox.take_in(connection, fresh, append.notices)
            self._place_holds(connection, fresh)
            self._set_board(connection, fresh[-1], append.view)
        return len(fresh)

    def _fresh(self, connection: Connection, envelopes: Sequence[Envelope]) -> list[Envelope]:
        stream, first = envelopes[0]["stream"], envelopes[0]["version"]
        asked = {"of": stream, "first": first - 1, "last": first + len(envelopes) - 1}
        held: dict[int, str] = {row.version: row.hash for row in connection.execute(HELD, asked)}
        before = GENESIS if first == 1 else held.get(first - 1)
        fresh: list[Envelope] = []
        for number, envelope in enumerate(envelopes):
            version, found = envelope["version"], envelope["hash"]
            if envelope["stream"] != stream or version != first + number:
                raise LedgerConflictError(stream, first + number, "", found)
            known = held.get(version)
            if known is not None and known != found:
                raise LedgerConflictError(stream, version, known, found)
            if envelope["prev_hash"] != before or _own_hash(envelope) != found:
                raise LedgerConflictError(stream, version, before or "", found)
            if known is None:
                fresh.append(envelope)
            before = found
        return fresh

    def _place_holds(self, connection: Connection, fresh: Sequence[Envelope]) -> None:
        for envelope in fresh:
            cause = event_id(envelope["stream"], envelope["version"])
            if envelope["type"] not in ("CampaignPaused", "CampaignResumed", "CampaignStopped"):
                continue
            school = envelope["data"].get("school")
            scope = f"{envelope['stream']}/{school}" if school else envelope["stream"]
            if envelope["type"] == "CampaignResumed":
                released = update(holds).where(holds.c.scope == scope, holds.c.released_by.is_(None))
                connection.execute(released.values(released_by=cause, released_at=envelope["recorded_at"]))
            else:
                row = {
                    "cause": cause,
                    "scope": scope,
                    "reason": envelope["data"]["reason"],
                    "placed_at": envelope["recorded_at"],
                }
                connection.execute(insert(holds), row)

    def _set_board(self, connection: Connection, last: Envelope, view: dict[str, Any]) -> None:
        if not view:  # more of the same stream follows at once
            return
        row = {
            "stream": last["stream"],
            "campaign": _campaign(last["stream"]),
            "version": last["version"],
            "hash": last["hash"],
            "body": json.dumps(view, sort_keys=True, ensure_ascii=False),
        }
        connection.execute(self._board, row)

    def _note_conflict(self, connection: Connection, conflict: LedgerConflictError) -> None:
        row = {
            "stream": conflict.stream,
            "version": conflict.version,
            "expected": conflict.expected,
            "found": conflict.found[:HASH_LENGTH],
        }
        connection.execute(self._insert(conflicts).on_conflict_do_nothing(), row)

    # -- reads ------------------------------------------------------------------------------------------------

    async def events(self, stream: str, after: int = 0) -> AsyncIterator[Envelope]:
        """Yield a stream's events in order, those after a version."""
        while True:
            async with self._engine.connect() as connection:
                rows = (
                    await connection.execute(
                        select(events.c.version, events.c.body)
                        .where(events.c.stream == stream, events.c.version > after)
                        .order_by(events.c.version)
                        .limit(PAGE)
                    )
                ).all()
            for row in rows:
                yield json.loads(row.body)
            if len(rows) < PAGE:
                return
            after = rows[-1].version

    async def head(self, stream: str) -> Head | None:
        """Return a stream's last event, None for a stream that the ledger does not know."""
        async with self._engine.connect() as connection:
            row = (
                await connection.execute(
                    select(events.c.version, events.c.hash)
                    .where(events.c.stream == stream)
                    .order_by(events.c.version.desc())
                    .limit(1)
                )
            ).first()
        return None if row is None else Head(row.version, row.hash)

    async def holds_event(self, stream: str, version: int, hash_: str) -> bool:
        """Tell whether exactly this event is in the record."""
        async with self._engine.connect() as connection:
            found = await connection.scalar(
                select(events.c.hash).where(events.c.stream == stream, events.c.version == version)
            )
        return bool(found == hash_)

    async def streams(self, campaign: str) -> list[str]:
        """Return the ids of a campaign's streams, sorted."""
        async with self._engine.connect() as connection:
            rows = await connection.scalars(select(boards.c.stream).where(boards.c.campaign == campaign))
            return sorted(rows)

    async def ends(self, campaign: str) -> dict[str, int]:
        """Return by stream the last version that a campaign's events have at one instant, sorted; no board is asked.

        Also of a stream of which only its name still says whose it is.
        """
        mine = or_(
            events.c.campaign == campaign,
            events.c.stream == campaign,
            events.c.stream.startswith(f"{campaign}/", autoescape=True),
        )
        query = select(events.c.stream, func.max(events.c.version)).where(mine).group_by(events.c.stream)
        async with self._engine.connect() as connection:
            rows = await connection.execute(query.order_by(events.c.stream))
            return dict(rows.all())

    async def campaigns(self) -> list[str]:
        """Return the ids of all campaigns in the record, sorted."""
        async with self._engine.connect() as connection:
            return sorted(await connection.scalars(select(boards.c.campaign).distinct()))

    async def board(self, campaign: str) -> dict[str, dict[str, Any]]:
        """Return every stream's line of the board, with its `version`, in the order of the ids."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(select(boards).where(boards.c.campaign == campaign))
            return {
                row.stream: {**json.loads(row.body), "version": row.version}
                for row in sorted(rows, key=lambda row: row.stream)
            }

    async def counts(self, campaign: str) -> dict[str, int]:
        """Return how many events and notices a campaign has."""
        async with self._engine.connect() as connection:
            written = select(func.count()).select_from(events).where(events.c.campaign == campaign)
            planned = select(func.count()).select_from(outbox).where(outbox.c.campaign == campaign)
            return {
                "events": await connection.scalar(written) or 0,
                "notices": await connection.scalar(planned) or 0,
            }

    async def notices(self, campaign: str) -> list[dict[str, Any]]:
        """Return a campaign's notices as they were planned, with their state, in the order of their ids."""
        return await self.outbox.planned(campaign)

    async def open_holds(self, campaign: str) -> list[dict[str, Any]]:
        """Return the holds of a campaign and its schools that nobody has released."""
        async with self._engine.connect() as connection:
            inside = func.substr(holds.c.scope, 1, len(campaign) + 1) == f"{campaign}/"  # LIKE differs by database
            rows = await connection.execute(
                select(holds).where(holds.c.released_by.is_(None), or_(holds.c.scope == campaign, inside))
            )
            found = [dict(row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name for it
        return sorted(found, key=lambda hold: (hold["placed_at"], hold["cause"]))

    async def conflicts(self) -> list[dict[str, Any]]:
        """Return the streams that are halted because an append met another event."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(select(conflicts))
            return [dict(row._mapping) for row in sorted(rows)]  # noqa: SLF001

    async def revision(self) -> str | None:
        """Return the schema revision."""
        async with self._engine.connect() as connection:
            return await connection.run_sync(database.revision)

    async def mentions(self, campaign: str, reference: str) -> list[Envelope]:
        """Return a campaign's events that mention a reference anywhere, also in a list, by recorded time."""
        quoted = events.c.body.contains(json.dumps(reference), autoescape=True)  # quotes: no longer reference fits
        async with self._engine.connect() as connection:
            rows = await connection.scalars(
                select(events.c.body)
                .where(events.c.campaign == campaign, quoted)
                .order_by(events.c.recorded_at, events.c.stream, events.c.version)
            )
            return [json.loads(body) for body in rows]

    # -- archive ----------------------------------------------------------------------------------------------

    async def archive(self, kept: ArchivedHistory) -> bool:
        """Keep one run's history; a run that is kept already stays as it is. Tells whether it is new."""
        row = {
            "workflow_id": kept.workflow_id,
            "run_id": kept.run_id,
            "campaign": _campaign(kept.workflow_id),
            "first_version": kept.first_version,
            "last_version": kept.last_version,
            "last_hash": kept.last_hash,
            "closed": kept.closed,
            "history_events": kept.history_events,
            "digest": kept.digest,
            "history": gzip.compress(kept.history.encode(), mtime=0),
        }
        async with self._writers_turn(), self._writing.begin() as connection:
            result = await connection.execute(self._insert(archive).values(row).on_conflict_do_nothing())
            return bool(result.rowcount)

    async def archived_runs(self, campaign: str) -> dict[str, list[str]]:
        """Return the archived run ids by workflow id, in the order of the versions that they wrote."""
        async with self._engine.connect() as connection:
            columns = (archive.c.workflow_id, archive.c.first_version, archive.c.last_version, archive.c.run_id)
            rows = await connection.execute(select(*columns).where(archive.c.campaign == campaign))
            runs: dict[str, list[str]] = {}
            for row in sorted(rows):
                runs.setdefault(row.workflow_id, []).append(row.run_id)
            return runs

    async def archived(self, workflow_id: str, run_id: str) -> ArchivedHistory | None:
        """Return one run's history, None where it is not kept."""
        async with self._engine.connect() as connection:
            row = (
                await connection.execute(
                    select(archive).where(archive.c.workflow_id == workflow_id, archive.c.run_id == run_id)
                )
            ).first()
        if row is None:
            return None
        fields = {key: value for key, value in row._mapping.items() if key != "campaign"}  # noqa: SLF001
        return ArchivedHistory(**{**fields, "history": _decompressed(row.history)})

    # -- inside -----------------------------------------------------------------------------------------------

    async def _in_turn(self, body: Callable[[Connection], R]) -> R:
        """Run the body of a transaction when it is our turn to write."""
        async with self._writers_turn():
            return await self._writer.run(body)

    def _writers_turn(self) -> AbstractAsyncContextManager[Any]:
        """Return what a writer waits for: SQLite's one turn, nothing on PostgreSQL."""
        return self._turn if self._one_writer else nullcontext()

    def _insert(self, table: Any) -> Any:
        """Return the dialect's insert, the only one that knows conflicts."""
        return postgresql_insert(table) if self._engine.dialect.name == "postgresql" else sqlite_insert(table)


def _upsert_board(adding: Any) -> Any:
    """Return the statement that writes a line of the board, unless a later one stands there."""
    return adding.on_conflict_do_update(
        index_elements=["stream"],
        set_={key: adding.excluded[key] for key in ("version", "hash", "body")},
        where=boards.c.version < adding.excluded.version,
    )


def _campaign(stream: str) -> str:
    return "/".join(stream.split("/")[:3])


def _decompressed(history: bytes) -> str:
    """Return a history's JSON, nothing where the stored bytes are damaged: then it is not `intact`, and says so."""
    try:
        return gzip.decompress(history).decode()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError):
        return ""


def _own_hash(envelope: Envelope) -> str:
    body = {key: value for key, value in envelope.items() if key != "hash"}
    return hashlib.sha256(canonical_text(body).encode()).hexdigest()


def _event_row(envelope: Envelope) -> dict[str, Any]:
    return {
        "stream": envelope["stream"],
        "version": envelope["version"],
        "campaign": _campaign(envelope["stream"]),
        "type": envelope["type"],
        "student": envelope["data"].get("student"),
        "occurred_at": envelope["occurred_at"],
        "recorded_at": envelope["recorded_at"],
        "prev_hash": envelope["prev_hash"],
        "hash": envelope["hash"],
        "body": canonical_text(envelope),
    }
