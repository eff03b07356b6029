"""What a driver is told of a stepped campaign's outbox, and how all channels are drained at one instant."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from client.stepping import SteppedSending
from domain.notices import UNROUTED
from domain.stream import Receipt, Sent
from domain.time import civil, instant
from protocol import DispatchAnswer, dispatch_id

CAMPAIGN = "campaign/qingshan/2025"
CHANNELS = ("email", "phone", "paper")
AT = instant("2025-03-10T12:00:00+08:00")


@dataclass
class Row:
    """A notice: its channels, the first being its own (none before it is routed), and when it is due."""

    due: datetime
    chain: list[str]
    routed: bool = False
    held: datetime | None = None


@dataclass
class Outbox:
    """Rows, and days of the journal that are not settled."""

    rows: list[Row] = field(default_factory=list)
    days: dict[str, list[date]] = field(default_factory=dict)

    async def timetable(self, campaign: str, now: datetime) -> dict[str, datetime]:
        """Return when each channel is due."""
        assert (campaign, now.tzinfo) != (CAMPAIGN, None)
        found: dict[str, datetime] = {}
        for row in self.rows:
            if not row.routed or row.chain:
                channel, due = (row.chain[0] if row.routed else UNROUTED), row.held or row.due
                found[channel] = min(due, found.get(channel, due))
        return found

    async def first_unsettled(self, campaign: str, channel: str, before: date, after: date | None) -> date | None:
        """Return a day."""
        del campaign
        days = [day for day in self.days.get(channel, []) if day < before and (after is None or day > after)]
        return min(days, default=None)


@dataclass
class House:
    """A client whose dispatchers work on such an outbox; mails fail for good, calls and letters come onto lists."""

    outbox: Outbox
    ticks: list[tuple[str, datetime]] = field(default_factory=list)
    recorded: list[str] = field(default_factory=list)
    stuck: bool = False

    @property
    def ledger(self) -> House:
        """Return what has the outbox."""
        return self

    @property
    def sending(self) -> House:
        """Return what ticks."""
        return self

    async def state(self, campaign: str, channel: str) -> dict[str, Any]:
        """Return a dispatcher's state."""
        assert campaign == CAMPAIGN
        if channel != "email":
            return {"settled": None, "present": None, "told": {}}
        return {"settled": "2025-03-08", "present": AT.isoformat(), "told": {"1": AT.isoformat()}}

    async def wait_recorded(self, receipt: Receipt, within: timedelta) -> None:
        """Note what is waited for."""
        assert within > timedelta(0)
        self.recorded.append(receipt.stream)

    async def tick(self, campaign: str, channel: str, at: datetime) -> DispatchAnswer:
        """Route all, drain one channel, settle one day."""
        self.ticks.append((channel, at))
        if self.stuck:
            return DispatchAnswer(problem="SMTP_UNREACHABLE")
        moved = 0
        for row in self.outbox.rows:
            if not row.routed and row.due <= at:
                row.routed, moved = True, moved + 1
        for row in [row for row in self.outbox.rows if row.routed and row.due <= at and row.chain[:1] == [channel]]:
            row.chain = row.chain[1:] if channel == "email" else []
            moved += 1
        day = await self.outbox.first_unsettled(campaign, channel, civil(at), None)
        if day is not None:
            self.outbox.days[channel].remove(day)
        sent = (Sent(to=campaign, id=f"{dispatch_id(campaign, channel)}#1"),) if day else ()
        return DispatchAnswer(moved=moved, sent=sent, settled=day)


def stepped(*rows: Row, **days: list[date]) -> tuple[SteppedSending, House]:
    """Return the driver's view of an outbox."""
    house: Any = House(Outbox(list(rows), days))
    return SteppedSending(house, CAMPAIGN, CHANNELS), house


async def test_at_one_instant_a_notice_falls_back_through_all_its_channels() -> None:
    """Routed by whichever dispatcher comes first, refused by mail, then on the list of those who call."""
    sending, house = stepped(Row(AT, ["email", "phone"]))
    assert (await sending.step(AT - timedelta(minutes=1)))[0] == 0
    assert house.ticks == []
    moved, news = await sending.step(AT)
    assert (moved, news) == (3, [])
    assert house.ticks == [("email", AT), ("phone", AT)]
    assert (await sending.step(AT))[0] == 0
    assert len(house.ticks) == 2


async def test_what_is_planned_later_and_what_is_held_is_not_ticked_for() -> None:
    """A dispatcher that has nothing to do is not asked: each tick costs."""
    later = AT + timedelta(hours=3)
    sending, house = stepped(Row(later, ["email"]), Row(AT, ["paper"], routed=True, held=later))
    assert await sending.step(AT) == (0, [])
    assert house.ticks == []


async def test_a_day_that_is_over_is_settled_and_its_news_is_named() -> None:
    """With the next tick of its channel; at a drive's end, where nothing else comes, by a tick for that alone."""
    before = AT - timedelta(days=1)
    sending, house = stepped(Row(before, ["email"]), email=[date(2025, 3, 9)], paper=[date(2025, 3, 9)])
    assert (await sending.step(before))[1] == []
    assert await sending.step(AT) == (0, [])
    _, news = await sending.step(AT, settling=True)
    assert [(one.id, one.at) for one in news] == [(f"{dispatch_id(CAMPAIGN, 'email')}#1", AT)]
    assert house.ticks == [("email", before), ("email", AT)]


async def test_a_provider_that_is_away_is_asked_once_an_instant() -> None:
    """What does not move is not tried again and again."""
    sending, house = stepped(Row(AT, ["email"], routed=True))
    house.stuck = True
    assert await sending.step(AT) == (0, [])
    assert house.ticks == [("email", AT)]


@pytest.mark.parametrize(
    ("row", "due"),
    [
        (None, None),
        (Row(AT - timedelta(days=1), ["email"]), AT),
        (Row(AT + timedelta(hours=1), ["email"]), AT + timedelta(hours=1)),
        (Row(AT, ["phone"], routed=True), AT),
        (Row(AT, ["phone"], routed=True, held=AT + timedelta(hours=9)), AT + timedelta(hours=9)),
        (Row(AT, ["sms"], routed=True), None),  # no dispatcher of ours
    ],
)
async def test_the_driver_is_told_when_something_is_due(row: Row | None, due: datetime | None) -> None:
    """At once, or later, or never."""
    sending, _ = stepped(*([] if row is None else [row]))
    assert await sending.next_due(AT, settling=True) == due


async def test_a_day_waits_to_be_settled_until_nothing_else_is_waited_for() -> None:
    """Else the next thing to do takes it along."""
    sending, _ = stepped(Row(AT, ["email"]), email=[date(2025, 3, 10)])
    await sending.step(AT)
    assert await sending.next_due(AT, settling=False) is None
    assert await sending.next_due(AT, settling=True) == instant("2025-03-11T00:00:00+08:00")


async def test_a_driver_started_again_learns_what_was_told_and_settled() -> None:
    """The last instant of any dispatcher, all news, and each channel's last day."""
    sending, house = stepped(email=[date(2025, 3, 8), date(2025, 3, 9)])
    present, news = await sending.recall()
    assert present == AT
    assert [(one.id, one.at) for one in news] == [(f"{dispatch_id(CAMPAIGN, 'email')}#1", AT)]
    assert await sending.next_due(AT, settling=True) == instant("2025-03-10T00:00:00+08:00")
    await sending.caught_up([Receipt(stream=CAMPAIGN, first_version=1, last_version=2, hash="x")])
    assert house.recorded == [CAMPAIGN]
