"""The outbox: rows that events planned, claimed for sending, and settled when an outcome is known (design, section 4).

An attempt is written down before anybody is called. So after any crash the record names each notice that may have gone
out twice: its attempt is `unknown`, and it was marked so before the next one began. Times are RFC 3339 text of one
offset and one precision (`domain.time.stamp`), which sort as they follow each other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.events import Envelope, event_id
from domain.notices import WAITING, NoticePlan, NoticeState
from domain.time import instant, stamp
from ledger.copies import ANEW, SILENCED, Sharing, renew, share
from ledger.silences import Silences, cancelled, ending, note_silences, silenced, silences_among, silences_of
from ledger.tables import attempts, events, holds, outbox, suppressions

NEVER_HELD: Final = ("meeting_moved", "meeting_cancelled", "visit_moved", "visit_cancelled")
"""A family that is not told would stand before a closed door: a pause does not hold these, however optional."""

LEASE_EXPIRED: Final = "LEASE_EXPIRED"
TRIES_EXHAUSTED: Final = "TRIES_EXHAUSTED"

CLAIMED: Final = (
    *("notice_id", "campaign", "stream", "cause", "purpose", "recipient", "planned_at", "template"),
    *("person", "copy_of"),
)
SENT: Final = ("provider_id", "template", "digest")
"""What a row keeps of the mail that was sent last."""

PLANNED_COLUMNS: Final = (*(outbox.c[name] for name in NoticePlan.model_fields), outbox.c.state)

CHANGE_ROW: Final = update(outbox).where(outbox.c.notice_id == bindparam("of_notice"))
END_ATTEMPT: Final = update(attempts).where(
    attempts.c.notice_id == bindparam("of_notice"),
    attempts.c.number == bindparam("of_number"),
    or_(attempts.c.outcome.is_(None), attempts.c.code == LEASE_EXPIRED),
)


@dataclass(frozen=True)
class Tries:
    """How long an attempt may take, and how often there is another.

    Attributes:
        lease: after this long nobody knows what became of an attempt.
        pauses: before the second attempt, the third and so on; after the last of them a notice has failed for good.
    """

    lease: timedelta = timedelta(minutes=10)
    pauses: tuple[timedelta, ...] = (
        timedelta(minutes=1),
        timedelta(minutes=10),
        timedelta(hours=1),
        timedelta(hours=6),
    )


@dataclass(frozen=True)
class Claimed:
    """A notice that is ours to send until the lease ends.

    Attributes:
        number: of this attempt, from 1.
        template: what an earlier attempt sent, None before the first.
        person: whom of the household it goes to, None where that was not looked up yet.
        copy_of: the household's row that this one was made beside, None for a row that an event planned.
    """

    notice_id: str
    campaign: str
    stream: str
    cause: str
    purpose: str
    recipient: str
    planned_at: str
    number: int
    lease_until: datetime
    template: str | None = None
    person: str | None = None
    copy_of: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of an attempt.

    Attributes:
        number: which attempt of the notice.
        state: `accepted`, `failed_temporary`, `failed_permanent` or `unknown`.
        at: when it is known.
        code: why, never a provider's own words.
        provider_id: what the provider calls the mail.
        template: purpose and version of what was sent.
        digest: keyed digest of what was sent; None where nothing was sent, or nobody knows what.
    """

    notice_id: str
    number: int
    state: NoticeState
    at: datetime
    code: str | None = None
    provider_id: str | None = None
    template: str | None = None
    digest: str | None = None


@dataclass(frozen=True)
class Left:
    """What is still to be sent; what a pause holds is not counted.

    Attributes:
        count: planned, to be tried again, or in somebody's hands.
        due: those of them that a claim would take, or would mark as `unknown`.
        next_at: when the first of those that wait or are in somebody's hands may be claimed.
    """

    count: int
    due: int
    next_at: datetime | None


class Outbox:
    """The notices of all campaigns in one ledger."""

    def __init__(
        self,
        engine: AsyncEngine,
        writing: AsyncEngine,
        turn: Callable[[], AbstractAsyncContextManager[Any]],
        insert_: Callable[[Any], Any],
    ) -> None:
        """Share the ledger's connections.

        Args:
            engine: for reads.
            writing: for transactions that read and then write.
            turn: what a writer waits for.
            insert_: the dialect's insert, which knows conflicts.
        """
        self._engine = engine
        self._writing = writing
        self._turn = turn
        self._insert = insert_
        self._plan = _plan(insert_(outbox))

    # -- with the append --------------------------------------------------------------------------------------

    def take_in(self, connection: Connection, fresh: Sequence[Envelope], notices: Sequence[NoticePlan]) -> None:
        """Plan the notices of fresh events, inside their transaction.

        A pupil who has left gets none any more, one who goes elsewhere none about the choice; where that has ended,
        the pupil gets what is planned from then on, and a notice that was cancelled by it and is planned again waits
        as if it were new, and so do the copies of others of the household.
        """
        note_silences(connection, self._insert, fresh)
        causes = {event_id(envelope["stream"], envelope["version"]): None for envelope in fresh}
        planned = [notice for notice in notices if notice.cause in causes]
        if planned:
            silences = silences_among(connection, planned)
            rows = [{**notice.model_dump(), **_first_state(notice, silences)} for notice in planned]
            connection.execute(self._plan, rows)
            renew(connection, [row["notice_id"] for row in rows if row["state"] == NoticeState.PLANNED])

    # -- sending ----------------------------------------------------------------------------------------------

    async def claim(
        self, campaign: str, channel: str, limit: int, now: datetime, tries: Tries | None = None
    ) -> list[Claimed]:
        """Take the notices that are due, oldest first, and write down an attempt for each, in one transaction.

        First, attempts whose lease has ended become `unknown`: whoever made them is gone, and nobody knows whether
        the notice went out. Optional notices under an open hold stay where they are (design, section 5).

        Args:
            campaign: whose notices.
            channel: which way they go.
            limit: at most so many.
            now: what is due is due by this clock.
            tries: lease and pauses.
        """
        tries = tries or Tries()
        until = now + tries.lease
        async with self._turn(), self._writing.begin() as connection:
            await self._expire(connection, campaign, channel, now, tries)
            wanted = (
                _of(campaign, channel)
                .where(_due(stamp(now)), ~_held(), ~silenced())
                .order_by(outbox.c.planned_at, outbox.c.notice_id)
                .limit(limit)
                .with_for_update(skip_locked=True)  # PostgreSQL; on SQLite there is one writer
            )
            rows = (await connection.execute(wanted)).all()
            if not rows:
                return []
            taken = {
                "state": NoticeState.SUBMITTED,
                "state_at": stamp(now),
                "lease_until": stamp(until),
                "next_at": None,
                "attempts": outbox.c.attempts + 1,
            }
            names = [row.notice_id for row in rows]
            await connection.execute(update(outbox).where(outbox.c.notice_id.in_(names)).values(taken))
            await connection.execute(
                insert(attempts),
                [{"notice_id": row.notice_id, "number": row.attempts + 1, "started_at": stamp(now)} for row in rows],
            )
        return [
            Claimed(**{name: getattr(row, name) for name in CLAIMED}, number=row.attempts + 1, lease_until=until)
            for row in rows
        ]

    async def share(self, sharings: Sequence[Sharing]) -> None:
        """Keep claimed rows for one person of each household, and plan the others' copies, in one transaction.

        Args:
            sharings: one for each household's row; again changes nothing.
        """
        async with self._turn(), self._writing.begin() as connection:
            await share(connection, self._insert, sharings)

    async def settle(self, outcomes: Sequence[Outcome], tries: Tries | None = None) -> list[NoticeState | None]:
        """Close attempts with what became of them, in one transaction.

        News that come after the lease has ended correct an `unknown`, unless the next attempt has begun: then they
        stand with their own attempt only.

        Args:
            outcomes: one for each attempt.
            tries: lease and pauses.

        Returns:
            For each, the notice's state after it; None where this attempt no longer decides it.
        """
        names = sorted(outcome.notice_id for outcome in outcomes)
        undecided = outbox.c.state.in_((NoticeState.SUBMITTED, NoticeState.UNKNOWN))
        query = select(outbox).where(outbox.c.notice_id.in_(names), undecided).order_by(outbox.c.notice_id)
        async with self._turn(), self._writing.begin() as connection:
            rows = {(row.notice_id, row.attempts): row for row in await connection.execute(query.with_for_update())}
            closing = [(outcome, rows.pop((outcome.notice_id, outcome.number), None)) for outcome in outcomes]
            return await self._close(connection, closing, tries or Tries())

    async def _expire(
        self, connection: AsyncConnection, campaign: str, channel: str, now: datetime, tries: Tries
    ) -> None:
        """Mark the attempts as `unknown` whose lease has ended."""
        over = (
            _of(campaign, channel)
            .where(outbox.c.state == NoticeState.SUBMITTED, outbox.c.lease_until <= stamp(now))
            .with_for_update(skip_locked=True)
        )
        rows = (await connection.execute(over)).all()
        lost = [(Outcome(row.notice_id, row.attempts, NoticeState.UNKNOWN, now, LEASE_EXPIRED), row) for row in rows]
        if lost:
            await self._close(connection, lost, tries)

    async def _close(
        self, connection: AsyncConnection, closing: Sequence[tuple[Outcome, Any]], tries: Tries
    ) -> list[NoticeState | None]:
        """End attempts, and give each row its next state; an attempt without a row decides nothing any more."""
        await connection.execute(END_ATTEMPT, [_ended(outcome) for outcome, _ in closing])
        again = [row for outcome, row in closing if row is not None and outcome.state in WAITING]
        silences = await silences_of(connection, again)
        after = [None if row is None else _after(row, outcome, silences, tries) for outcome, row in closing]
        if changes := [values for values in after if values is not None]:
            await connection.execute(CHANGE_ROW, changes)
        return [None if values is None else NoticeState(values["state"]) for values in after]

    # -- reads ------------------------------------------------------------------------------------------------

    async def left(self, campaign: str, channel: str, now: datetime) -> Left:
        """Return what is still to be sent."""
        unfinished = outbox.c.state.in_((*WAITING, NoticeState.SUBMITTED))
        lost = and_(outbox.c.state == NoticeState.SUBMITTED, outbox.c.lease_until <= stamp(now))
        due = func.coalesce(func.sum(case((or_(_due(stamp(now)), lost), 1), else_=0)), 0)
        waits = func.min(func.coalesce(outbox.c.next_at, outbox.c.lease_until))
        query = select(func.count(), due, waits).where(
            outbox.c.campaign == campaign, outbox.c.channel == channel, unfinished, ~_held(), ~silenced()
        )
        async with self._engine.connect() as connection:
            count, ready, first = (await connection.execute(query)).one()
        return Left(count, int(ready), instant(first) if first else None)

    async def background(self, stream: str, versions: Sequence[int], kinds: Sequence[str]) -> list[Envelope]:
        """Return events of one stream in their order: those that planned notices, and the earlier ones of some types.

        Args:
            stream: which.
            versions: of the events that planned notices, at least one.
            kinds: types of the earlier events.
        """
        earlier = and_(events.c.version < max(versions), events.c.type.in_(list(kinds)))
        query = (
            select(events.c.body)
            .where(events.c.stream == stream, or_(events.c.version.in_(list(versions)), earlier))
            .order_by(events.c.version)
        )
        async with self._engine.connect() as connection:
            return [json.loads(body) for body in await connection.scalars(query)]

    async def about(self, campaign: str, kind: str, students: Sequence[str]) -> list[Envelope]:
        """Return a campaign's events of one type about some pupils, in the order of each stream."""
        of_pupils = (events.c.student.in_(list(students)), events.c.type == kind, events.c.campaign == campaign)
        query = select(events.c.body).where(*of_pupils).order_by(events.c.stream, events.c.version)
        async with self._engine.connect() as connection:
            return [json.loads(body) for body in await connection.scalars(query)]

    async def planned(self, campaign: str) -> list[dict[str, Any]]:
        """Return a campaign's notices as events planned them, each with its state, in the order of their ids."""
        by_events = (outbox.c.campaign == campaign, outbox.c.copy_of.is_(None))
        query = select(*PLANNED_COLUMNS).where(*by_events).order_by(outbox.c.notice_id)
        async with self._engine.connect() as connection:
            return [dict(row) for row in (await connection.execute(query)).mappings()]

    async def find(
        self, campaign: str, *, state: str | None = None, purpose: str | None = None, recipient: str | None = None
    ) -> list[dict[str, Any]]:
        """Return whole rows, the newest last; each condition that is given narrows them."""
        query = select(outbox).where(outbox.c.campaign == campaign).order_by(outbox.c.planned_at, outbox.c.notice_id)
        for column, value in ((outbox.c.state, state), (outbox.c.purpose, purpose), (outbox.c.recipient, recipient)):
            query = query if value is None else query.where(column == value)
        async with self._engine.connect() as connection:
            return [dict(row) for row in (await connection.execute(query)).mappings()]

    async def notice(self, notice_id: str) -> dict[str, Any] | None:
        """Return one notice's row, None where there is none."""
        async with self._engine.connect() as connection:
            row = (await connection.execute(select(outbox).where(outbox.c.notice_id == notice_id))).mappings().first()
        return None if row is None else dict(row)

    async def attempts(self, notice_id: str) -> list[dict[str, Any]]:
        """Return a notice's attempts in their order."""
        query = select(attempts).where(attempts.c.notice_id == notice_id).order_by(attempts.c.number)
        async with self._engine.connect() as connection:
            return [dict(row) for row in (await connection.execute(query)).mappings()]

    async def suppressions(self, campaign: str) -> list[dict[str, Any]]:
        """Return the pupils of a campaign who get no more notices, or none about the choice, with the cause."""
        query = (
            select(suppressions)
            .where(suppressions.c.campaign == campaign)
            .order_by(suppressions.c.student, suppressions.c.code)
        )
        async with self._engine.connect() as connection:
            return [dict(row) for row in (await connection.execute(query)).mappings()]


def _plan(adding: Any) -> Any:
    """Return the statement that plans a notice; one that stands there stays, unless a silence had ended it."""
    return adding.on_conflict_do_update(
        index_elements=["notice_id"],
        set_=ANEW,
        where=and_(*SILENCED, adding.excluded.state == NoticeState.PLANNED),
    )


def _of(campaign: str, channel: str) -> Select[Any]:
    return select(outbox).where(outbox.c.campaign == campaign, outbox.c.channel == channel)


def _due(now: str) -> ColumnElement[bool]:
    again = outbox.c.state.in_((NoticeState.FAILED_TEMPORARY, NoticeState.UNKNOWN))
    return or_(outbox.c.state == NoticeState.PLANNED, and_(again, outbox.c.next_at <= now))


def _held() -> ColumnElement[bool]:
    """Tell whether a pause or a stop holds a notice: it is optional, and its stream lies in an open hold's scope."""
    inside = func.substr(outbox.c.stream, 1, func.length(holds.c.scope) + 1) == holds.c.scope.concat("/")
    scope = or_(holds.c.scope == outbox.c.campaign, holds.c.scope == outbox.c.stream, inside)
    held = exists().where(holds.c.released_by.is_(None), scope)
    return and_(outbox.c.optional, outbox.c.purpose.not_in(NEVER_HELD), held)


def _first_state(notice: NoticePlan, silences: Silences) -> dict[str, Any]:
    if (silence := ending(notice, silences)) is not None:
        return {"state": NoticeState.CANCELLED, "state_at": notice.planned_at, "code": silence}
    return {"state": NoticeState.PLANNED, "state_at": None, "code": None}


def _after(row: Any, outcome: Outcome, silences: Silences, tries: Tries) -> dict[str, Any]:
    """Return what a submitted row becomes: final, to be tried again, or no longer wanted."""
    known = row if outcome.digest is None else outcome  # nothing was sent, or nobody knows what: the mail before stays
    values: dict[str, Any] = {
        "of_notice": row.notice_id,
        "state": outcome.state,
        "state_at": stamp(outcome.at),
        "lease_until": None,
        "next_at": None,
        "code": outcome.code,
        **{name: getattr(known, name) for name in SENT},
    }
    if outcome.state in WAITING:
        if (silence := ending(row, silences)) is not None:
            values |= cancelled(stamp(outcome.at), silence)
        elif row.attempts > len(tries.pauses):
            values |= {"state": NoticeState.FAILED_PERMANENT, "code": TRIES_EXHAUSTED}
        else:
            values["next_at"] = stamp(outcome.at + tries.pauses[row.attempts - 1])
    return values


def _ended(outcome: Outcome) -> dict[str, Any]:
    return {
        "of_notice": outcome.notice_id,
        "of_number": outcome.number,
        "ended_at": stamp(outcome.at),
        "outcome": outcome.state,
        "code": outcome.code,
        "provider_id": outcome.provider_id,
    }
