"""When a stepped campaign's notices go out: after each day that was worked off, at a few instants of that day.

The ledger holds by then all that the day has led to, so that what is sent, and what the campaign's stream hears of it,
is the same in every run. A notice that has to wait makes a day of its own where nothing else happens.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from typing import Protocol

from domain.stream import Receipt
from domain.time import at as at_clock
from domain.time import civil, end_of

IDLE_DAYS = 2
"""Days on which nothing could be sent, at the end of a drive, after which the rest stays in the outbox."""


class News(Protocol):
    """A message that a dispatcher has sent to the campaign's stream."""

    @property
    def id(self) -> str:
        """Return the message's id."""
        ...

    @property
    def at(self) -> datetime:
        """Return when it was sent, by the stepped clock."""
        ...


class Sending(Protocol):
    """What the driver needs of the dispatchers of a campaign's notices."""

    async def recall(self) -> tuple[datetime | None, Sequence[News]]:
        """Return the last instant that was stepped, and all that was sent to the campaign's stream."""
        ...

    async def caught_up(self, receipts: Iterable[Receipt]) -> None:
        """Wait until the ledger holds what the streams have answered."""
        ...

    async def next_due(self, until: datetime, *, settling: bool) -> datetime | None:
        """Return when there is something to do, `until` where that is already so; days to settle where it counts."""
        ...

    async def step(self, at: datetime, *, settling: bool = False) -> tuple[int, Sequence[News]]:
        """Send what is due at an instant, or settle days; return how many notices were looked at, and the news."""
        ...


class Outgoing:
    """The dispatchers' part of a drive: when they are stepped, and what has to be in the ledger before."""

    def __init__(self, sending: Sending, slots: Sequence[time]) -> None:
        self._sending = sending
        self._slots = tuple(slots)
        self._awaited: dict[str, Receipt] = {}
        self._stepped: datetime | None = None  # the last slot
        self._until: datetime | None = None  # the end of the last day that was worked off
        self._idle = 0
        self._settling = False

    def expect(self, stream: str, receipt: Receipt) -> None:
        """Note where a stream stands; the ledger must hold it before anything is sent."""
        self._awaited[stream] = receipt

    async def day(self, day: date, *, again: bool) -> list[News]:
        """Send what is due on a day that was worked off, slot by slot; return the news for the campaign's stream.

        Args:
            day: the civil day.
            again: whether an earlier driver may have stepped the dispatchers.
        """
        news: list[News] = []
        if again and self._until is None:
            self._stepped, told = await self._sending.recall()
            news += told
        await self._sending.caught_up(self._awaited.values())
        self._awaited.clear()
        self._until = end_of(day)
        moved = 0
        due = await self._sending.next_due(self._until, settling=False)
        if self._settling or (due is not None and due <= self._until):
            for slot in (at_clock(day, clock) for clock in self._slots):
                if self._stepped is None or slot >= self._stepped:
                    some, told = await self._sending.step(slot, settling=self._settling)
                    self._stepped = slot
                    moved += some
                    news += told
        self._idle = 0 if moved or news else self._idle + 1
        return news

    async def next_slot(self, *, alone: bool) -> datetime | None:
        """Return when the dispatchers have to be stepped, None where nothing waits.

        Args:
            alone: nothing else is left to do: the last days are settled, and a provider that takes nothing at all is
                not waited for.
        """
        if self._until is None or (alone and self._idle >= IDLE_DAYS):
            return None
        due = await self._sending.next_due(self._until, settling=False)
        if due is None and alone:
            due = await self._sending.next_due(self._until, settling=True)
            self._settling = due is not None
        if due is None:
            return None
        due = max(due, self._until)
        days = (civil(due), end_of(civil(due)).date())
        return next(slot for day in days for slot in (at_clock(day, clock) for clock in self._slots) if slot >= due)
