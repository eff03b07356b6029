"""When a driver steps the dispatchers: after each day, slot by slot, and on days of their own for what has to wait."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

import pytest

from client.stepping import News
from domain.stream import Answer, Receipt
from domain.time import at as at_clock
from domain.time import civil, end_of
from rehearsal.driver import Driver, Planned
from rehearsal.outgoing import IDLE_DAYS, Outgoing

CAMPAIGN = "campaign/qingshan/2025"
SCHOOL = f"{CAMPAIGN}/9900010001"
SLOTS = (time(), time(7, 30), time(12), time(21))
DAY = date(2025, 3, 10)
BEGIN = at_clock(DAY, time(9))


def hour(text: str, day: date = DAY) -> datetime:
    """Return a time of a day."""
    return at_clock(day, time.fromisoformat(text))


@dataclass
class Outbox:
    """Notices that wait until a time each; each step tells the campaign of the days that are over."""

    waiting: list[datetime] = field(default_factory=list)
    away: bool = False
    present: datetime | None = None
    told: list[News] = field(default_factory=list)
    steps: list[datetime] = field(default_factory=list)
    sent: list[tuple[datetime, datetime]] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    async def recall(self) -> tuple[datetime | None, list[News]]:
        """Return what an earlier driver led to."""
        return self.present, self.told

    async def caught_up(self, receipts: Iterable[Receipt]) -> None:
        """Note who was waited for."""
        self.expected += [receipt.stream for receipt in receipts]

    async def next_due(self, until: datetime, *, settling: bool) -> datetime | None:
        """Return the first instant."""
        unsettled = [end_of(civil(at)) for at, _ in self.sent[-1:] if settling and not self.settled(civil(at))]
        return min([max(until, at) if at <= until else at for at in (*self.waiting, *unsettled)], default=None)

    async def step(self, at: datetime, *, settling: bool = False) -> tuple[int, list[News]]:
        """Send what is due; settle the days before, where something is due or it is asked for."""
        self.steps.append(at)
        due = [] if self.away else [one for one in self.waiting if one <= at]
        self.waiting = [one for one in self.waiting if one not in due]
        over = {civil(when) for when, _ in self.sent if civil(when) < civil(at) and not self.settled(civil(when))}
        days = over if due or settling else set()
        news = [News(f"{CAMPAIGN}/dispatch/email#{len(self.told) + 1}", at) for _ in days]
        self.told += news
        self.sent += [(at, one) for one in due]
        return len(due), news

    def settled(self, day: date) -> bool:
        """Tell whether a day's record was sent."""
        return any(civil(news.at) > day for news in self.told)


@dataclass
class Streams:
    """Streams that take everything; one command each day plans a notice for its own instant."""

    outbox: Outbox
    ticks: list[tuple[str, datetime, tuple[str, ...]]] = field(default_factory=list)

    async def submit_unrecorded(self, stream: str, command: object, *, at: datetime | None = None) -> Answer:
        """Take a command."""
        del command
        assert at is not None
        self.outbox.waiting.append(at)
        return Answer(receipt=Receipt(stream=stream, first_version=1, last_version=1, hash=""))

    async def tick(self, stream: str, at: datetime, absorb: Iterable[str] = ()) -> Answer:
        """Move a clock."""
        self.ticks.append((stream, at, tuple(absorb)))
        return Answer(receipt=Receipt(stream=stream, first_version=1, last_version=1, hash=""))


def drive(outbox: Outbox, *instants: datetime) -> tuple[Driver, Streams]:
    """Return a driver of one command for each instant."""
    streams = Streams(outbox)
    plan = [Planned(at, SCHOOL, {"kind": "x", "command_id": f"c{n}"}) for n, at in enumerate(instants)]
    return Driver(streams, CAMPAIGN, plan, BEGIN, sending=outbox, slots=SLOTS), streams


async def test_a_days_notices_go_out_at_its_next_slots_and_the_ledger_is_waited_for_first() -> None:
    """Planned at ten and at one: sent at noon and at nine in the evening, after both streams were recorded."""
    outbox = Outbox()
    driver, streams = drive(outbox, hour("10:00"), hour("13:00"))
    await driver.run()
    assert outbox.sent == [(hour("12:00"), hour("10:00")), (hour("21:00"), hour("13:00"))]
    assert set(outbox.expected[:2]) == {CAMPAIGN, SCHOOL}
    assert [tick for tick in streams.ticks if tick[2]] == [
        (CAMPAIGN, hour("00:00", DAY + timedelta(days=1)), (f"{CAMPAIGN}/dispatch/email#1",))
    ]


async def test_what_is_planned_in_the_evening_waits_for_midnight_and_makes_a_day_of_its_own() -> None:
    """Nothing else happens on the next day: it is worked off for the notice alone."""
    outbox = Outbox()
    driver, _ = drive(outbox, hour("22:15"))
    days: list[date] = []
    await driver.run(lambda day, _done: days.append(day))
    assert outbox.sent == [(hour("00:00", DAY + timedelta(days=1)), hour("22:15"))]
    assert days == [DAY, DAY + timedelta(days=1), DAY + timedelta(days=2)]  # the last one settles the one before


async def test_a_held_notice_is_due_when_it_is_due_and_days_between_are_not_worked_off() -> None:
    """Held over a holiday until the next school day's opening."""
    later = hour("07:30", DAY + timedelta(days=9))
    outbox = Outbox(waiting=[later])
    driver, _ = drive(outbox)
    days: list[date] = []
    await driver.run(lambda day, _done: days.append(day))
    assert outbox.sent == [(later, later)]
    assert days == [DAY, DAY + timedelta(days=9), DAY + timedelta(days=10)]
    assert hour("12:00") not in outbox.steps


async def test_a_provider_that_is_away_at_the_end_is_not_waited_for() -> None:
    """The rest stays in the outbox; while people still work, every day tries again."""
    outbox = Outbox(away=True)
    driver, _ = drive(outbox, hour("10:00"), hour("10:00", DAY + timedelta(days=3)))
    days: list[date] = []
    await driver.run(lambda day, _done: days.append(day))
    assert len(outbox.waiting) == 2
    assert days[-1] <= DAY + timedelta(days=3 + IDLE_DAYS)


async def test_a_driver_that_is_started_again_steps_no_slot_before_the_last_one() -> None:
    """What the dispatchers have sent is taken in as then; the slot that was under way is done again."""
    news = News(f"{CAMPAIGN}/dispatch/email#1", hour("12:00"))
    outgoing = Outgoing(outbox := Outbox(waiting=[hour("10:00")], present=hour("12:00"), told=[news]), SLOTS)
    told = await outgoing.day(DAY, again=True)
    assert [one.id for one in told] == [news.id]
    assert outbox.steps == [hour("12:00"), hour("21:00")]


async def test_a_new_driver_asks_for_nothing_of_before() -> None:
    """A campaign that stands at its start has no dispatchers' past."""
    outbox = Outbox(present=hour("12:00"), waiting=[hour("08:00")])
    assert await Outgoing(outbox, SLOTS).day(DAY, again=False) == []
    assert outbox.steps == [hour(text) for text in ("00:00", "07:30", "12:00", "21:00")]


@pytest.mark.parametrize(
    ("due", "slot"),
    [
        ("2025-03-10T12:00:00+08:00", "2025-03-11T00:00:00+08:00"),
        ("2025-03-11T07:10:00+08:00", "2025-03-11T07:30:00+08:00"),
        ("2025-03-12T21:00:01+08:00", "2025-03-13T00:00:00+08:00"),
    ],
)
async def test_the_next_slot_is_never_on_a_day_that_was_worked_off(due: str, slot: str) -> None:
    """What is due already is due with the next day's first slot."""
    outbox = Outbox()
    outgoing = Outgoing(outbox, SLOTS)
    assert await outgoing.next_slot(alone=False) is None  # before the first day nothing can be due
    await outgoing.day(DAY, again=False)
    outbox.waiting = [datetime.fromisoformat(due)]
    assert await outgoing.next_slot(alone=False) == datetime.fromisoformat(slot)


async def test_without_dispatchers_a_driver_drives_as_before() -> None:
    """The kernel has none."""
    streams = Streams(Outbox())
    report = await Driver(streams, CAMPAIGN, [], BEGIN).run()
    assert report.ticks == 1
