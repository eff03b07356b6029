"""The driver of a stepped clock: ticks the streams that are due and gives the planned commands, in order of dates.

It works day by day; inside a day the campaign first, then each school alone in the order of its instants, schools
side by side. A parent takes in a child's news only when the driver names it, so that every run has the same order
(design, section 6). The port has two calls, so the engine and the in-memory kernel are driven alike.

Started again after a crash, the driver first meets every stream anew: a tick into the past changes nothing, and
`recall` tells where the stream stands and what it has sent, with the instants. Commands before that present were given
(one that was refused must not be tried again: by now it might be accepted); the rest is repeated, under the same ids.

Notices go out after a day's work, at a few instants of that day (`rehearsal.outgoing`); what the dispatchers tell the
campaign's stream is news like the schools'.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, Protocol, runtime_checkable

from client import NotFoundError, Recalled
from domain.refusal import Refusal
from domain.stream import Answer, Sent
from domain.time import civil, end_of
from rehearsal.outgoing import Outgoing, Sending

SCHOOLS_AT_ONCE = 8
"""Each school has one Update under way at a time."""


class Port(Protocol):
    """What the driver needs of a running campaign."""

    async def submit_unrecorded(self, stream: str, command: Mapping[str, Any], *, at: datetime | None = None) -> Answer:
        """Give a command at an instant."""
        ...

    async def tick(self, stream: str, at: datetime, absorb: Sequence[str] = ()) -> Answer:
        """Move a stream's clock and take in the named messages."""
        ...


@runtime_checkable
class Recalling(Protocol):
    """What a port has whose streams may outlive their driver."""

    async def recall(self, stream: str) -> Recalled:
        """Return where a stream stands and what it has sent."""
        ...


Counting = Callable[[datetime], Awaitable[dict[str, Any]]]
"""Takes a moment and returns what the record then counts, as further fields of a command."""


@dataclass(frozen=True)
class Planned:
    """A command that somebody will give at an instant.

    Attributes:
        counted_at: of a command whose figures only the record has: the moment up to which they are counted, when the
            command is given. It lies before the command's day, so that they are the same in every run.
    """

    at: datetime
    stream: str
    command: dict[str, Any]
    counted_at: datetime | None = None


@dataclass(frozen=True)
class Errand:
    """A stream to tick at an instant, and the message to take in there (None: only the clock)."""

    stream: str
    at: datetime
    message: str | None


@dataclass
class Lane:
    """What one school (or the campaign itself) has to do; worked off by one task at a time."""

    commands: deque[Planned] = field(default_factory=deque)
    errands: deque[Errand] = field(default_factory=deque)
    due: dict[str, datetime] = field(default_factory=dict)

    def next_at(self) -> datetime | None:
        """Return the instant of the next thing to do."""
        instants = [*self.due.values()]
        if self.errands:
            instants.append(min(errand.at for errand in self.errands))
        if self.commands:
            instants.append(self.commands[0].at)
        return min(instants, default=None)


@dataclass
class DriverReport:
    """What a drive did: numbers of ticks and commands, refusals by code, the last answer of each stream."""

    ticks: int = 0
    commands: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    last: dict[str, Answer] = field(default_factory=dict)


class Driver:
    """Drives one campaign from its draft to the last thing that is due or planned."""

    def __init__(
        self,
        port: Port,
        campaign: str,
        plan: Iterable[Planned],
        started_at: datetime,
        counting: Counting | None = None,
        sending: Sending | None = None,
        slots: Sequence[time] = (),
    ) -> None:
        """Take the plan.

        Args:
            port: the running streams.
            campaign: its id.
            plan: what people will do.
            started_at: when the campaign begins.
            counting: gives the figures of commands that need the record's.
            sending: the dispatchers; without them notices stay in the outbox.
            slots: the times of a day at which notices go out, ascending.
        """
        self._port = port
        self._counting = counting
        self._outgoing = None if sending is None else Outgoing(sending, slots)
        self._campaign = campaign
        self._lanes: dict[str, Lane] = {campaign: Lane()}
        self._seen: dict[tuple[str, str | None], None] = {}
        self._present: dict[str, datetime] = {}  # each stream's own clock, as far as it is known here
        self._passed: dict[str, datetime] = {}  # where the streams stood when this driver met them, if started again
        self._again = isinstance(port, Recalling)  # until the campaign itself turns out to be new
        self._room = asyncio.Semaphore(SCHOOLS_AT_ONCE)
        self.report = DriverReport()
        self._lanes[campaign].errands.append(Errand(campaign, started_at, None))
        for planned in sorted(plan, key=lambda planned: planned.at):
            self._lane(planned.stream).commands.append(planned)

    async def run(
        self,
        each_day: Callable[[date, int], None] = lambda _day, _commands: None,
        *,
        stop_on: date = date.max,
    ) -> DriverReport:
        """Drive until nothing is due or planned; called again it goes on.

        Args:
            each_day: called with every day that had something to do and the number of commands given so far.
            stop_on: a day that is not worked off any more.
        """
        while (instant := await self._soonest()) is not None and civil(instant) < stop_on:
            until = end_of(civil(instant))
            # What the schools send up on a day is taken in after all of them had it, also by a driver started again.
            await self._work_off(self._campaign, until, news=False)
            await self._day(until)
            if self._outgoing is not None:
                for news in await self._outgoing.day(civil(instant), again=self._again):
                    self._errand(Errand(self._campaign, news.at, news.id))
                await self._day(until)
            each_day(civil(instant), self.report.commands)
        return self.report

    async def _day(self, until: datetime) -> None:
        """Work off what the lanes have before an instant."""
        while (soonest := self._next_at()) is not None and soonest < until:
            schools = [name for name in sorted(self._lanes) if name != self._campaign]
            await asyncio.gather(*(self._school_day(school, until) for school in schools))
            self._sort_campaign_errands()
            await self._work_off(self._campaign, until)

    # -- inside -----------------------------------------------------------------------------------------------

    def _lane(self, stream: str) -> Lane:
        """Return the lane of a stream: the campaign's own, or its school's."""
        name = "/".join(stream.split("/")[:4])
        return self._lanes.setdefault(name, Lane())

    async def _soonest(self) -> datetime | None:
        """Return the instant of the next thing to do anywhere: a command, a date, news, or a notice that waits."""
        planned = self._next_at()
        if self._outgoing is None:
            return planned
        waiting = await self._outgoing.next_slot(alone=planned is None)
        return min((at for at in (planned, waiting) if at is not None), default=None)

    def _next_at(self) -> datetime | None:
        return min((at for lane in self._lanes.values() if (at := lane.next_at()) is not None), default=None)

    async def _school_day(self, school: str, until: datetime) -> None:
        async with self._room:
            await self._work_off(school, until)

    async def _work_off(self, name: str, until: datetime, *, news: bool = True) -> None:
        """Do what a lane has before an instant, in the order of instants: at the same one news, then dues, commands."""
        lane = self._lanes[name]
        while True:
            errand = min((e for e in lane.errands if news or e.message is None), key=lambda e: e.at, default=None)
            due = min(((at, stream) for stream, at in lane.due.items()), default=None)
            command = lane.commands[0] if lane.commands else None
            at = min((at for at in (errand and errand.at, due and due[0], command and command.at) if at), default=None)
            if at is None or at >= until:
                return
            if errand is not None and errand.at == at:
                await self._run_errands(lane, errand, until, alone=name != self._campaign)
            elif due is not None and due[0] == at:
                await self._tick(due[1], at, ())
            else:
                await self._command(lane.commands.popleft())

    async def _run_errands(self, lane: Lane, first: Errand, until: datetime, *, alone: bool) -> None:
        """Take in one piece of news, or, for the campaign, all of the day that is waiting for it in one tick."""
        together = [first]
        if not alone and first.message is not None:
            together = [errand for errand in lane.errands if errand.message is not None and errand.at < until]
        for errand in together:
            lane.errands.remove(errand)
        absorb = [errand.message for errand in together if errand.message]
        await self._tick(first.stream, max(errand.at for errand in together), absorb)

    async def _tick(self, stream: str, at: datetime, absorb: Sequence[str]) -> None:
        self.report.ticks += 1
        known = stream in self._present or not self._again
        try:
            answer = await self._port.tick(stream, at, absorb)
        except NotFoundError:  # the stream has ended: nothing is due there any more
            self._lane(stream).due.pop(stream, None)
        else:
            # A stream that is met anew answers with all that it ever sent by itself: `recall` knows at which instants.
            self._after(stream, answer, at, answer.sent if known else ())
        if not known:
            await self._meet(stream, at)

    async def _meet(self, stream: str, at: datetime) -> None:
        """Learn what a stream did under an earlier driver; a campaign that stands at its start has none."""
        if not isinstance(self._port, Recalling):
            return
        recalled = await self._port.recall(stream)
        if stream == self._campaign and recalled.present <= at and not recalled.sent:
            self._again = False
            return
        self._present[stream] = self._passed[stream] = recalled.present
        for label in recalled.sent:
            self._errand(Errand(label.to, label.at, label.id))

    async def _command(self, planned: Planned) -> None:
        self.report.commands += 1
        passed = self._passed.get(planned.stream)
        if passed is not None and planned.at < passed:
            return  # given by an earlier driver
        command = planned.command
        if planned.counted_at is not None and self._counting is not None:
            command = {**command, **await self._counting(planned.counted_at)}
        try:
            answer = await self._port.submit_unrecorded(planned.stream, command, at=planned.at)
        except Refusal as refusal:
            self.report.refusals[refusal.code] += 1
            return
        if answer.refused is not None:
            self.report.refusals[answer.refused["code"]] += 1
        self._after(planned.stream, answer, planned.at, answer.sent)

    def _after(self, stream: str, answer: Answer, at: datetime, sent: Iterable[Sent]) -> None:
        lane = self._lane(stream)
        self.report.last[stream] = answer
        if self._outgoing is not None:
            self._outgoing.expect(stream, answer.receipt)
        at = self._present[stream] = max(at, self._present.get(stream, at))
        lane.due.pop(stream, None)
        if answer.next_due is not None:
            lane.due[stream] = answer.next_due
        if answer.job is not None:
            self._errand(Errand(stream, at, answer.job))
        for label in sent:
            self._errand(Errand(label.to, at, label.id))

    def _errand(self, errand: Errand) -> None:
        key = (errand.stream, errand.message)
        if key not in self._seen:
            self._seen[key] = None
            self._lane(errand.stream).errands.append(errand)

    def _sort_campaign_errands(self) -> None:
        """Put the schools' news in one order, whichever school was faster."""
        lane = self._lanes[self._campaign]
        lane.errands = deque(sorted(lane.errands, key=lambda errand: (errand.at, _natural(errand.message))))


def _natural(message: str | None) -> tuple[str, int]:
    stream, _, version = (message or "").rpartition("#")
    return stream, int(version or 0)
