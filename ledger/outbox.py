"""The outbox: rows that events planned, on their way to the people they are for (design, section 4).

Routing says who reads a row and by which ways; the claim judges it by the rules of sending; the attempt is written
down before anybody is called, and closed with what became of it; receipts and people say what happened then. Each of
these steps is one transaction, and their bodies stand in modules of their own. Times are RFC 3339 text of one offset
and one precision (`domain.time.stamp`), which sort as they follow each other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeVar

from pydantic_core import from_json
from sqlalchemy import Connection, Select, and_, func, select

from domain.calendar import Calendar
from domain.events import Envelope, event_id
from domain.notices import BY_PEOPLE, PAPER, UNROUTED, NoticePlan, NoticeState
from domain.sending import SendingRules
from domain.silences import silence_of
from domain.time import stamp
from ledger import attempts as trying
from ledger import backlog, control, invitations, journal, lost, places, receipts, routing
from ledger.among import in_list
from ledger.backgrounds import backgrounds
from ledger.claims import Claim, Taken, claim
from ledger.handover import (
    LEASE_EXPIRED,
    RESEND,
    TRIES_EXHAUSTED,
    Backlog,
    Claimed,
    DayRecord,
    Left,
    Outcome,
    Receipt,
    Routing,
    Tries,
    Unrouted,
    Wording,
)
from ledger.lists import listed
from ledger.routing import ANEW, SILENCED, renew
from ledger.silences import Silences, denied, ending, note_silences, silences_among
from ledger.switches import stops_of
from ledger.tables import attempts, events, opt_outs, outbox, suppressions, switches
from ledger.timetable import timetable

__all__ = [
    "LEASE_EXPIRED", "TRIES_EXHAUSTED", "Backlog", "Claimed", "DayRecord", "Left", "Outbox", "Outcome", "Receipt",
    "Routing", "Tries", "Unrouted",
]  # fmt: skip

R = TypeVar("R")

OUTBOX_LOCK: Final = 0x6F7574626F78
"""PostgreSQL's advisory lock for whoever moves rows that are there ("outbox" in ASCII): on SQLite there is one writer.

With it no budget is spent twice, no row is begun after the event that stops it, and nobody waits for each other's rows.
"""

PAUSES: Final = ("CampaignPaused", "CampaignResumed", "CampaignStopped")

PLANNED_COLUMNS: Final = (*(outbox.c[name] for name in NoticePlan.model_fields), outbox.c.state)


class Run(Protocol):
    """Runs the body of a transaction in its turn."""

    def __call__(self, body: Callable[[Connection], R], /) -> Awaitable[R]:
        """Return what the body returns; what it raises undoes the transaction."""
        ...


class Outbox:
    """The notices of all campaigns in one ledger."""

    def __init__(self, read: Run, write: Run, insert_: Callable[[Any], Any]) -> None:
        """Share the ledger's connections.

        Args:
            read: for what only reads.
            write: for what changes rows.
            insert_: the dialect's insert, which knows conflicts.
        """
        self._read = read
        self._write = write
        self._insert = insert_
        self._plan = _plan(insert_(outbox))
        self._places = places.adding_of(insert_)

    # -- with the append --------------------------------------------------------------------------------------

    def take_in(self, connection: Connection, fresh: Sequence[Envelope], notices: Sequence[NoticePlan]) -> None:
        """Plan the notices of fresh events, and apply what people decided about sending, inside their transaction.

        A pupil who has left gets none any more, one who goes elsewhere none about the choice; where that has ended,
        the pupil gets what is planned from then on, and a notice that was denied by it and is planned again waits
        as if it were new, and so do the copies of others of the household.
        """
        if any(_moves_rows(envelope) for envelope in fresh):
            lock(connection)
        note_silences(connection, self._insert, fresh)
        causes = {event_id(envelope["stream"], envelope["version"]): None for envelope in fresh}
        planned = [notice for notice in notices if notice.cause in causes]
        if planned:
            silences = silences_among(connection, planned)
            rows = [{**notice.model_dump(), **_first_state(notice, silences)} for notice in planned]
            # in the order in which they will be claimed: what goes out together lies together
            connection.execute(self._plan, sorted(rows, key=itemgetter("notice_id")))
            renew(connection, [row["notice_id"] for row in rows if row["state"] == NoticeState.PLANNED])
        invitations.take(connection, fresh)
        control.take(connection, self._insert, fresh)

    # -- routing ----------------------------------------------------------------------------------------------

    async def unrouted(self, campaign: str, limit: int) -> list[Unrouted]:
        """Return the oldest rows whose readers and ways nobody has looked up."""
        return await self._read(lambda connection: routing.unrouted(connection, campaign, limit))

    async def route(self, routings: Sequence[Routing]) -> None:
        """Write down who reads some rows and by which ways; what is routed already stays as it is."""
        await self._move(lambda connection: routing.route(connection, self._insert, routings))

    async def pass_on(self, campaign: str, channels: Sequence[str], now: datetime, code: str) -> None:
        """Put due notices that must go, and have another way, on that way: nothing goes out on some channels."""
        await self._move(lambda connection: routing.pass_on(connection, campaign, channels, now, code))

    async def invited(self, names: Sequence[str]) -> dict[str, list[invitations.Invited]]:
        """Return invitation → its readers, each with whether it has gone out, or may have."""
        return await self._read(lambda connection: invitations.invited(connection, names))

    # -- sending ----------------------------------------------------------------------------------------------

    async def claim(
        self,
        campaign: str,
        channel: str,
        limit: int,
        now: datetime,
        rules: SendingRules,
        calendar: Calendar | None,
        tries: Tries | None = None,
        unknown: str = RESEND,
        dedupes_for: timedelta | None = None,
    ) -> Taken:
        """Take the notices that are due and that the rules let go, oldest first, in one transaction.

        What is on a people's channel is put on its list, and nothing is returned.

        Args:
            campaign: whose notices.
            channel: which way they go.
            limit: at most so many; what stands in the message of another one is not counted.
            now: what is due is due by this clock.
            rules: when and whether.
            calendar: the campaign's.
            tries: lease and pauses.
            unknown: how the channel settles attempts of which nobody knows; `resend` claims them again.
            dedupes_for: so long the provider knows a repeated message, None for ever; later a person is asked.
        """
        wanted = Claim(campaign, channel, limit, now, rules, calendar, tries or Tries(), unknown, dedupes_for)
        return await self._move(lambda connection: claim(connection, self._places, wanted))

    async def begin(self, claimed: Sequence[Claimed], now: datetime, tries: Tries | None = None) -> list[Claimed]:
        """Begin the attempts of those that may go at this very moment, and return them; the rest has gone back."""
        return await self._move(lambda connection: trying.begin(connection, claimed, now, tries or Tries()))

    async def settle(
        self, outcomes: Sequence[Outcome], tries: Tries | None = None, unknown: str = RESEND
    ) -> list[NoticeState | None]:
        """Close attempts with what became of them; return each notice's state, None where it is decided otherwise."""

        def body(connection: Connection) -> list[NoticeState | None]:
            return _settled(connection, outcomes, tries or Tries(), unknown)

        return await self._move(body)

    async def settle_and_begin(
        self,
        outcomes: Sequence[Outcome],
        claimed: Sequence[Claimed],
        now: datetime,
        tries: Tries | None = None,
        unknown: str = RESEND,
    ) -> list[Claimed]:
        """Close some attempts and begin others in one transaction; return those that are begun."""

        def body(connection: Connection) -> list[Claimed]:
            _settled(connection, outcomes, tries or Tries(), unknown)
            return trying.begin(connection, claimed, now, tries or Tries())

        return await self._move(body)

    async def release(self, claimed: Sequence[Claimed], now: datetime, *, alone: bool = False) -> None:
        """Give back what was claimed and not begun: it is due at once, and `alone` out of its message."""
        await self._move(lambda connection: trying.release(connection, claimed, now, alone=alone))

    async def give_back(self, notice_ids: Sequence[str]) -> None:
        """Do not count the last try of messages that wait for another one: it was their provider that failed."""
        await self._move(lambda connection: trying.give_back(connection, notice_ids))

    # -- afterwards -------------------------------------------------------------------------------------------

    async def unresolved(self, campaign: str, channel: str, limit: int, now: datetime) -> list[Claimed]:
        """Return attempts of which nobody knows, that the provider is to be asked for now."""
        return await self._read(lambda connection: receipts.unresolved(connection, campaign, channel, limit, now))

    async def resolve(
        self, outcomes: Mapping[str, Outcome | None], now: datetime, tries: Tries | None = None
    ) -> list[NoticeState | None]:
        """Close attempts with what their provider says; None: it never had the message, which is due at once."""
        return await self._move(lambda connection: receipts.resolve(connection, outcomes, now, tries or Tries()))

    async def take_receipts(self, news: Sequence[Receipt], now: datetime) -> int:
        """Keep receipts and raise what they speak of; return how many were new."""
        return await self._move(lambda connection: receipts.take(connection, self._insert, news, now))

    async def unreported(self, campaign: str, channel: str, limit: int) -> list[Receipt]:
        """Return receipts that the campaign's stream does not know, the oldest first."""
        return await self._read(lambda connection: receipts.unreported(connection, campaign, channel, limit))

    async def mark_reported(self, names: Sequence[str]) -> None:
        """Note that the campaign's stream has the receipts of these ids."""
        await self._write(lambda connection: receipts.mark_reported(connection, names))

    async def to_poll(self, campaign: str, channel: str, limit: int, now: datetime) -> list[Claimed]:
        """Return messages whose receipts are to be asked for now; the next call names others."""
        return await self._move(lambda connection: receipts.to_poll(connection, campaign, channel, limit, now))

    async def lose(self, claimed: Sequence[Claimed], now: datetime) -> None:
        """Say that nobody knows any more of messages that a provider had taken, and says now that it never had."""
        await self._move(lambda connection: receipts.lose(connection, claimed, now))

    async def day_record(self, campaign: str, channel: str, day: date) -> DayRecord:
        """Return what sending did on one civil day, with the digest that ties it to the chain; the day is closed."""
        return await self._move(lambda connection: journal.close_day(connection, campaign, channel, day))

    async def first_unsettled(self, campaign: str, channel: str, before: date, after: date | None) -> date | None:
        """Return the first civil day after the last settled one, and before one that is not over, with any rows."""
        return await self._read(
            lambda connection: journal.first_unsettled(connection, campaign, channel, before, after)
        )

    async def lost_contacts(self, persons: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return person → channel that does not find this person any more → why."""
        return await self._read(lambda connection: lost.among(connection, persons))

    async def contact_repaired(self, person: str, contact: str) -> None:
        """Note that the registry holds another `phone`, `email` or `wecom` of a person, or none any more."""
        await self._move(lambda connection: lost.repaired(connection, person, contact))

    # -- people's lists ---------------------------------------------------------------------------------------

    async def cleared(self, campaign: str, channel: str, school: str | None = None) -> list[dict[str, Any]]:
        """Return the rows on a person's list that may be done now, the oldest first; of one school, or of all."""
        return await self._read(lambda connection: listed(connection, campaign, channel, school))

    async def printed(self, campaign: str, school: str | None = None) -> list[dict[str, Any]]:
        """Return letters that were printed and may still go, of which nobody has said what became of them."""
        return await self._read(lambda connection: listed(connection, campaign, PAPER, school, NoticeState.SUBMITTED))

    async def mark_printed(
        self,
        notice_ids: Sequence[str],
        now: datetime,
        wordings: Mapping[str, Wording] = MappingProxyType({}),
        *,
        again: bool = False,
    ) -> list[str]:
        """Note that letters were printed, as far as they may go at this very moment; return which.

        Args:
            notice_ids: the letters.
            now: the present.
            wordings: notice → what its letter says.
            again: not those on the list, but those that were printed before and are lost.
        """

        def body(connection: Connection) -> list[str]:
            state = NoticeState.SUBMITTED if again else NoticeState.CLEARED
            rows = [row for row in trying.group_of(connection, notice_ids) if row.state == state and not row.muted]
            by_people = [row for row in rows if row.channel in BY_PEOPLE]
            return trying.begin_by_people(connection, by_people, stamp(now), wordings)

        return await self._move(body)

    # -- reads ------------------------------------------------------------------------------------------------

    async def left(self, campaign: str, channel: str, now: datetime) -> Left:
        """Return what is still to be sent on a channel."""
        return await self._read(
            lambda connection: backlog.left(connection, campaign, channel, now, stops_of(connection, campaign))
        )

    async def timetable(self, campaign: str, now: datetime) -> dict[str, datetime]:
        """Return channel → when its first notice may be due; what is not routed yet stands under `UNROUTED`."""
        return await self._read(lambda connection: timetable(connection, campaign, now))

    async def backlog(self, campaign: str, now: datetime) -> list[Backlog]:
        """Return how much waits on each channel, and since when; the channel without a name is not routed yet."""
        return await self._read(
            lambda connection: backlog.backlog(connection, campaign, now, stops_of(connection, campaign))
        )

    async def background(self, stream: str, versions: Sequence[int], kinds: Sequence[str]) -> list[Envelope]:
        """Return events of one stream in their order: those that planned notices, and all of some types.

        What came after a notice was planned is there too: one that waited says what holds when it goes.

        Args:
            stream: which.
            versions: of the events that planned notices.
            kinds: types of the other events.
        """
        return (await self.backgrounds({stream: versions}, kinds))[stream]

    async def backgrounds(
        self, versions: Mapping[str, Sequence[int]], kinds: Sequence[str]
    ) -> dict[str, list[Envelope]]:
        """Return what `background` does of several streams.

        Args:
            versions: by stream.
            kinds: types of the other events.
        """
        found = await self._read(lambda connection: backgrounds(connection, versions, kinds))
        return {stream: [from_json(body) for body in bodies] for stream, bodies in found.items()}

    async def about(self, campaign: str, kinds: Sequence[str], students: Sequence[str]) -> list[Envelope]:
        """Return a campaign's events of some types about some pupils, in the order of each stream."""
        of_pupils = (in_list(events.c.student, students), in_list(events.c.type, kinds), events.c.campaign == campaign)
        query = select(events.c.body).where(*of_pupils).order_by(events.c.stream, events.c.version)
        return [from_json(body) for body in await self._read(lambda connection: connection.scalars(query).all())]

    async def planned(self, campaign: str) -> list[dict[str, Any]]:
        """Return a campaign's notices as events planned them, each with its state, in the order of their ids."""
        by_events = (outbox.c.campaign == campaign, outbox.c.copy_of.is_(None))
        query = select(*PLANNED_COLUMNS).where(*by_events).order_by(outbox.c.notice_id)
        return await self._rows(query)

    async def find(
        self, campaign: str, *, state: str | None = None, purpose: str | None = None, recipient: str | None = None
    ) -> list[dict[str, Any]]:
        """Return whole rows, the newest last; each condition that is given narrows them."""
        query = select(outbox).where(outbox.c.campaign == campaign).order_by(outbox.c.planned_at, outbox.c.notice_id)
        for column, value in ((outbox.c.state, state), (outbox.c.purpose, purpose), (outbox.c.recipient, recipient)):
            query = query if value is None else query.where(column == value)
        return await self._rows(query)

    async def notice(self, notice_id: str) -> dict[str, Any] | None:
        """Return one notice's row, None where there is none."""
        return next(iter(await self._rows(select(outbox).where(outbox.c.notice_id == notice_id))), None)

    async def attempts(self, notice_id: str) -> list[dict[str, Any]]:
        """Return a notice's attempts in their order."""
        query = select(attempts).where(attempts.c.notice_id == notice_id).order_by(attempts.c.number)
        return await self._rows(query)

    async def suppressions(self, campaign: str) -> list[dict[str, Any]]:
        """Return the pupils of a campaign who get no more notices, or none about the choice, with the cause."""
        query = (
            select(suppressions)
            .where(suppressions.c.campaign == campaign)
            .order_by(suppressions.c.student, suppressions.c.code)
        )
        return await self._rows(query)

    async def journal(self, notice_id: str) -> list[dict[str, Any]]:
        """Return all that sending did with a notice, in its order."""
        return await self._read(lambda connection: journal.of_notice(connection, notice_id))

    async def held_and_sent(self, campaign: str, code: str) -> dict[str, Any] | None:
        """Return the first notice that was held for a reason and went out afterwards, with both instants.

        Returns:
            `notice_id`, `purpose`, `channel`, `held_at` and `sent_at`; None where there is none.
        """
        return await self._read(lambda connection: journal.held_and_sent(connection, campaign, code))

    async def switches(self, campaign: str, *, open_only: bool = True) -> list[dict[str, Any]]:
        """Return a campaign's kill switches in the order in which they were placed."""
        query = select(switches).where(switches.c.campaign == campaign)
        query = query.where(switches.c.released_by.is_(None)) if open_only else query
        return await self._rows(query.order_by(switches.c.placed_at, switches.c.cause))

    async def opt_outs(self, campaign: str) -> list[dict[str, Any]]:
        """Return who wants no optional notices of a campaign, with the event that says so."""
        return await self._rows(
            select(opt_outs)
            .where(opt_outs.c.campaign == campaign)
            .order_by(opt_outs.c.student, opt_outs.c.person, opt_outs.c.school)
        )

    # -- transactions -----------------------------------------------------------------------------------------

    async def _move(self, body: Callable[[Connection], R]) -> R:
        """Run a transaction that changes rows which are there."""

        def alone(connection: Connection) -> R:
            lock(connection)
            return body(connection)

        return await self._write(alone)

    async def _rows(self, query: Select[Any]) -> list[dict[str, Any]]:
        return await self._read(lambda connection: [dict(row) for row in connection.execute(query).mappings()])


def lock(connection: Connection) -> None:
    """Wait until nobody else moves rows."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(OUTBOX_LOCK)))


def _settled(
    connection: Connection, outcomes: Sequence[Outcome], tries: Tries, unknown: str
) -> list[NoticeState | None]:
    if not outcomes:
        return []
    states = trying.settle(connection, outcomes, tries, unknown)
    lost.note_outcomes(connection, outcomes)
    receipts.find_late(connection, outcomes)
    return states


def _moves_rows(envelope: Envelope) -> bool:
    stops = envelope["type"] in PAUSES or control.stops_something(envelope)
    return stops or invitations.concerns(envelope) or silence_of(envelope) is not None


def _plan(adding: Any) -> Any:
    """Return the statement that plans a notice; one that stands there stays, unless its silence or its end is over."""
    return adding.on_conflict_do_update(
        index_elements=["notice_id"],
        set_=ANEW,
        where=and_(*SILENCED, adding.excluded.state == NoticeState.PLANNED),
    )


def _first_state(notice: NoticePlan, silences: Silences) -> dict[str, Any]:
    if (silence := ending(notice, silences)) is not None:
        values = denied(notice.planned_at, silence)
        return {"channel": UNROUTED, **{name: values[name] for name in ("state", "state_at", "code")}}
    return {"channel": UNROUTED, "state": NoticeState.PLANNED, "state_at": None, "code": None}
