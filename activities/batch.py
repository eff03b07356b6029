"""One batch on one channel: what nobody knows is asked for, what is cleared is begun, sent and closed."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from activities.desk import Desk
from activities.letters import Letter, Unsendable
from activities.preparing import Preparing
from domain.notices import GONE_OUT, NoticeState
from domain.time import civil
from ledger.handover import Claimed, Outcome, Receipt, Tries
from ledger.outbox import Outbox
from notices.channels import ChannelAwayError, Delivery, Session, Traits, Unknown
from notices.compose import OVER
from notices.proof import digest_of

AHEAD: Final = 4
"""Messages that are begun ahead for each session: what was begun and not sent when a worker is killed goes out twice
where the provider knows no key, so a channel that nobody can ask begins one at a time."""

PART: Final = 500
"""Messages that are claimed and written at once, while those before them go out; no more than two parts wait."""

LONGEST_SUPPLY: Final = 60.0
"""Seconds after which a batch claims no more: with a slow provider, too, it ends long before the engine gives it up."""

ASKED_AT_ONCE: Final = 50
"""Messages that a provider is asked for in one call."""

LEASE_TOO_SHORT: Final = "LEASE_TOO_SHORT"

CHANNEL_TROUBLED: Final = "CHANNEL_TROUBLED"
"""The provider is there and takes nothing."""

TROUBLE: Final = 5
"""So many messages of one batch are turned away for now, and none is taken: it is the provider, not the messages."""

TROUBLED_FOR: Final = timedelta(minutes=5)
"""How long a provider in trouble is left alone."""

TOOK: Final = (*GONE_OUT, NoticeState.UNKNOWN)
"""Outcomes after which a provider has, or may have, a message."""

TELLING: Final = (NoticeState.DELIVERED, NoticeState.READ, NoticeState.FAILED_PERMANENT)
"""What a provider says on being asked that is news about an accepted message."""


@dataclass
class Done:
    """What came of a batch.

    Attributes:
        routed: rows whose readers were looked up.
        held: rows that were due, and that the rules did not let go.
        claimed: rows that were taken.
        tally: outcome → attempts.
        problem: why nothing could be tried, or nothing more.
        again_in: how long the provider wants to be left alone.
    """

    routed: int = 0
    held: int = 0
    claimed: int = 0
    tally: Counter[NoticeState] = field(default_factory=Counter)
    problem: str | None = None
    again_in: timedelta | None = None

    def away(self, error: ChannelAwayError) -> None:
        """Note that the provider takes nothing now."""
        self.problem = error.code
        self.again_in = error.again_in

    @property
    def again_in_seconds(self) -> int | None:
        """Return the wish of the provider in whole seconds, never shorter."""
        return None if self.again_in is None else math.ceil(self.again_in.total_seconds())


Claim = Callable[[int], Awaitable[Sequence[Claimed]]]
"""Takes at most so many rows that are due."""


@dataclass(frozen=True)
class Asked:
    """What a provider is asked for: attempts of which nobody knows, and messages whose receipts are polled."""

    unknown: tuple[Claimed, ...] = ()
    accepted: tuple[Claimed, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether there is anything to ask."""
        return bool(self.unknown or self.accepted)


class Batch:
    """The work of one batch."""

    def __init__(
        self,
        outbox: Outbox,
        preparing: Preparing,
        key: bytes,
        traits: Traits,
        tries: Tries,
        margin: timedelta,
        now: Callable[[], datetime],
        done: Done,
    ) -> None:
        """Share what the batch needs.

        Args:
            outbox: the notices.
            preparing: writes the messages.
            key: of the digests of what was sent.
            traits: the channel's.
            tries: lease and pauses.
            margin: how long a lease must still last when a message is begun.
            now: the present.
            done: what came of it.
        """
        self._outbox = outbox
        self._preparing = preparing
        self._key = key
        self._traits = traits
        self._tries = tries
        self._margin = margin
        self._now = now
        self._done = done
        self._turned_away: list[str] = []
        self._taken = False

    # -- asking -------------------------------------------------------------------------------------------------

    async def look(self, campaign: str, now: datetime) -> Asked:
        """Return what the provider is to be asked for before anything new is claimed."""
        name = self._traits.name
        unknown: list[Claimed] = []
        accepted: list[Claimed] = []
        if self._traits.unknown is Unknown.LOOK_UP:
            unknown = await self._outbox.unresolved(campaign, name, ASKED_AT_ONCE, now)
        if self._traits.polled:
            accepted = await self._outbox.to_poll(campaign, name, ASKED_AT_ONCE, now)
        return Asked(tuple(unknown), tuple(accepted))

    async def ask(self, asked: Asked, session: Session) -> None:
        """Ask the provider, and write down what it knows; what it never had is due at once.

        Raises:
            ChannelAwayError: the provider does not answer.
        """
        keys = tuple(row.key for row in (*asked.unknown, *asked.accepted))
        if not keys:
            return
        known = await session.look_up(keys)
        if asked.unknown:
            await self._outbox.resolve(
                {row.notice_id: self._found(row, known) for row in asked.unknown}, self._now(), self._tries
            )
        now = self._now()
        receipts = [
            Receipt(f"{row.notice_id}#{row.number}/{found.outcome}", self._traits.name, row.key, found.provider_id,
                    found.outcome, found.code, now)
            for row in asked.accepted
            if (found := known.get(row.key)) is not None and found.outcome in TELLING
        ]  # fmt: skip
        if receipts:
            await self._outbox.take_receipts(receipts, now)
        if lost := [row for row in asked.accepted if row.key in known and known[row.key] is None]:
            await self._outbox.lose(lost, now)

    def _found(self, row: Claimed, known: dict[str, Delivery | None]) -> Outcome | None:
        delivery = known.get(row.key)
        return None if delivery is None else self._outcome(row, delivery)

    # -- sending ------------------------------------------------------------------------------------------------

    async def send(
        self, claim: Claim, limit: int, sessions: Sequence[Session], more: Callable[[], Awaitable[bool]]
    ) -> None:
        """Send what is due and cleared over all sessions side by side: one message's wait is another one's work.

        While some go out, the next are claimed and written.

        Args:
            claim: takes rows.
            limit: most of them.
            sessions: open ones.
            more: waits for rows that may become due meanwhile; False where none will.
        """
        ahead, most = (1, 1) if self._traits.unknown is Unknown.ASK else (AHEAD, self._traits.quick_ahead)
        many = len(sessions)
        desk = Desk(self, ahead=many * ahead, most=many * most, sessions=many)
        work = (desk.work(), *(self._work(desk, session) for session in sessions))
        ends = await asyncio.gather(self._supply(desk, claim, limit, more), *work, return_exceptions=True)
        for end in ends:  # only now: nobody sends any more
            if end is not None:
                raise end
        await self._put_back(desk)
        await self._look_for_trouble()

    async def _supply(self, desk: Desk, claim: Claim, limit: int, more: Callable[[], Awaitable[bool]]) -> None:
        """Claim and write messages, a part at a time, as long as there are any and somebody sends them."""
        try:
            full = True
            until = time.monotonic() + LONGEST_SUPPLY
            while self._done.claimed < limit and (full or await desk.unless_stopped(more())) and await desk.room(PART):
                if self._done.claimed and time.monotonic() >= until:
                    break
                most = min(limit - self._done.claimed, PART)
                claimed = await claim(most)
                self._done.claimed += len(claimed)
                desk.add(await self._written(claimed))
                full = len(claimed) >= most
        finally:
            desk.complete()

    async def _look_for_trouble(self) -> None:
        """Leave a provider alone that turns away whatever it is given; the messages have not failed by themselves."""
        if len(self._turned_away) >= TROUBLE and not self._taken:
            await self._outbox.give_back(self._turned_away)
            self._done.problem = self._done.problem or CHANNEL_TROUBLED
            self._done.again_in = self._done.again_in or TROUBLED_FOR

    async def _written(self, claimed: Sequence[Claimed]) -> Sequence[Letter]:
        """Return the messages of what was claimed; what has none is closed."""
        if not claimed:
            return ()
        letters, unsendable, later = await self._preparing.letters(claimed, self._traits, civil(self._now()))
        if later:
            await self._outbox.release(later, self._now(), alone=True)
        await self._give_up(unsendable)
        return letters

    async def step(self, outcomes: Sequence[Outcome], claimed: Sequence[Claimed]) -> list[Claimed]:
        """Close attempts and begin others in one transaction; return those that may be sent now."""
        begun: list[Claimed] = []
        how = (self._tries, self._traits.unknown)
        if claimed:
            begun = await self._outbox.settle_and_begin(outcomes, claimed, self._now(), *how)
        elif outcomes:
            await self._outbox.settle(outcomes, *how)
        self._done.tally.update(outcome.state for outcome in outcomes)
        self._turned_away += [one.notice_id for one in outcomes if _turned_away(one)]
        self._taken = self._taken or any(one.state in TOOK for one in outcomes)
        return begun

    async def _work(self, desk: Desk, session: Session) -> None:
        """Send until nothing waits, the provider is away, or the leases are nearly over."""
        while (found := await desk.next()) is not None:
            letter, row = found
            try:
                outcome = await self._deliver(letter, row, session)
            except BaseException:
                desk.dropped()
                raise
            if outcome.code == LEASE_TOO_SHORT or self._done.problem is not None:
                desk.stop()
            desk.ended(outcome)

    async def _deliver(self, letter: Letter, row: Claimed, session: Session) -> Outcome:
        if self._now() >= row.lease_until - self._margin:
            return self._unsent(row)
        try:
            delivery = await session.send(letter.message)
        except ChannelAwayError as error:  # nothing was sent
            self._done.away(error)
            return self._unsent(row)
        digest = digest_of(letter.message, self._traits.name, self._key)
        return self._outcome(row, delivery, letter.template, digest)

    async def _put_back(self, desk: Desk) -> None:
        """Close what was begun and not sent, and give back the rest."""
        begun, waiting = desk.unsent()
        if begun:
            await self.step([self._unsent(row) for _, row in begun], ())
        if waiting:
            await self._release(waiting)

    async def _release(self, letters: Sequence[Letter]) -> None:
        await self._outbox.release([row for one in letters for row in (one.row, *one.members)], self._now())

    def _unsent(self, row: Claimed) -> Outcome:
        """Return the end of an attempt in which nothing was sent: the provider is away, or our time is nearly over."""
        code = self._done.problem or LEASE_TOO_SHORT
        said = Delivery(NoticeState.FAILED_TEMPORARY, code, again_in=self._done.again_in)
        return replace(self._outcome(row, said), unsent=True)

    async def _give_up(self, unsendable: Sequence[Unsendable]) -> None:
        """Close what cannot be sent this way, with an attempt that says so; the next channel takes it up.

        What must not be told any more ends here: no channel is a way for it.
        """
        codes = {one.row.notice_id: one.code for one in unsendable}
        if not codes:
            return
        begun = await self.step((), [one.row for one in unsendable])
        await self.step([self._outcome(row, _not_this_way(codes[row.notice_id])) for row in begun], ())

    def _outcome(
        self, row: Claimed, delivery: Delivery, template: str | None = None, digest: str | None = None
    ) -> Outcome:
        return Outcome(
            row.notice_id,
            row.number,
            delivery.outcome,
            self._now(),
            delivery.code,
            provider_id=delivery.provider_id,
            template=template,
            digest=digest,
            segments=delivery.segments,
            again_in=delivery.again_in,
        )


def _turned_away(outcome: Outcome) -> bool:
    return outcome.state == NoticeState.FAILED_TEMPORARY and not outcome.unsent


def _not_this_way(code: str) -> Delivery:
    return Delivery(NoticeState.DENIED if code in OVER else NoticeState.FAILED_PERMANENT, code)
