"""A stepped campaign's dispatchers, as its driver sees them: what is due, and all of it sent at an instant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from domain.notices import UNROUTED
from domain.stream import Receipt
from domain.time import at as at_clock
from domain.time import civil
from protocol import dispatch_id

if TYPE_CHECKING:
    from client.facade import CampaignClient

ROUNDS = 8
"""A notice falls back from one channel to the next within an instant, as long as there are channels."""

CAUGHT_UP_WITHIN = timedelta(seconds=60)


@dataclass(frozen=True)
class News:
    """A message that a dispatcher has sent to the campaign's stream.

    Attributes:
        id: the message's.
        at: when, by the stepped clock.
    """

    id: str
    at: datetime


class SteppedSending:
    """Drains the channels of one campaign on the stepped clock, in the order of the channels."""

    def __init__(self, client: CampaignClient, campaign: str, channels: Sequence[str]) -> None:
        """Name what is stepped; `recall` comes first."""
        self._client = client
        self._outbox = client.ledger.outbox
        self._campaign = campaign
        self._channels = tuple(channels)
        self._settled: dict[str, date | None] = {}
        self._touched: dict[str, date] = {}  # channel → the day of its last tick: since then its journal may have rows

    async def recall(self) -> tuple[datetime | None, list[News]]:
        """Return where the dispatchers stand and all that they have sent, for a driver that is started again."""
        presents: list[datetime] = []
        news: list[News] = []
        for channel in self._channels:
            state = await self._client.sending.state(self._campaign, channel)
            self._settled[channel] = date.fromisoformat(state["settled"]) if state["settled"] else None
            if state["present"]:
                presents.append(datetime.fromisoformat(state["present"]))
                self._touched[channel] = civil(presents[-1])
            news += [
                News(f"{dispatch_id(self._campaign, channel)}#{number}", datetime.fromisoformat(at))
                for number, at in state["told"].items()
            ]
        return max(presents, default=None), news

    async def caught_up(self, receipts: Iterable[Receipt]) -> None:
        """Wait until the ledger holds all that the streams have answered so far: what is sent depends on it.

        Raises:
            NotRecordedError: it does not in time.
        """
        for receipt in receipts:
            await self._client.wait_recorded(receipt, CAUGHT_UP_WITHIN)

    async def next_due(self, until: datetime, *, settling: bool) -> datetime | None:
        """Return the instant of the first thing that a dispatcher has to do, or `until` for all before it.

        Args:
            until: how far the stepped clock has come.
            settling: whether settling a day that is over counts too; else that waits for the next thing to do.
        """
        instants = [max(due, until) for due in (await self._timetable(until)).values()]
        if settling and until not in instants:
            days = [await self._unsettled(channel, date.max) for channel in list(self._touched)]
            instants += [at_clock(day + timedelta(days=1), time()) for day in days if day is not None]
        return min(instants, default=None)

    async def step(self, at: datetime, *, settling: bool = False) -> tuple[int, list[News]]:
        """Send all that is due at an instant, in all channels; a tick settles the day before its channel's last one.

        Args:
            at: the instant.
            settling: tick the channels that have a day to settle, whether anything is due there or not.

        Returns:
            How many notices were looked at, and the news for the campaign's stream.
        """
        moved = 0
        news: list[News] = []
        for _ in range(ROUNDS):
            due = {channel for channel, first in (await self._timetable(at)).items() if first <= at}
            busy = [channel for channel in self._channels if channel in due]
            if not busy and UNROUTED in due:
                busy = [self._channels[0]]  # whichever comes first looks up the readers for all
            if settling:
                days = {channel: await self._unsettled(channel, civil(at)) for channel in self._channels}
                busy = [channel for channel in self._channels if channel in busy or days[channel] is not None]
            before = moved + len(news)
            for channel in busy:
                answer = await self._client.sending.tick(self._campaign, channel, at)
                self._settled[channel] = answer.settled
                self._touched[channel] = civil(at)
                moved += answer.moved
                news += [News(label.id, at) for label in answer.sent if label.id is not None]
            if moved + len(news) == before:
                break
        return moved, news

    async def _timetable(self, now: datetime) -> dict[str, datetime]:
        """Return when each of our channels, and what is not routed yet, is due."""
        found = await self._outbox.timetable(self._campaign, now)
        return {channel: first for channel, first in found.items() if channel in (UNROUTED, *self._channels)}

    async def _unsettled(self, channel: str, before: date) -> date | None:
        """Return the first day whose record the campaign's stream has not; without a tick since there is none."""
        touched = self._touched.get(channel, date.max)
        if touched >= before:
            return None
        day = await self._outbox.first_unsettled(
            self._campaign, channel, before=before, after=self._settled.get(channel)
        )
        if day is None:
            del self._touched[channel]
        return day
