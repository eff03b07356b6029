"""Begun ahead of the sessions, closed behind them: shared transactions, and nobody's step is lost."""

from __future__ import annotations

import asyncio

import pytest
from notices_house import BEGIN, CAMPAIGN, MEETINGS, NOW, TRIES

from activities.desk import Desk
from activities.letters import Letter
from domain.notices import NoticeState
from domain.time import stamp
from ledger.handover import Claimed, Outcome
from notices.channels import Message


def letter(number):
    """Return a cleared row with its message."""
    name, cause, until = f"ntc_{number}", f"{MEETINGS}#2", NOW + TRIES.lease
    row = Claimed(name, CAMPAIGN, MEETINGS, cause, "meeting_invitation", "stu_1", stamp(NOW), 0, until)
    return Letter(row, Message(name, ("a@b.invalid",), "zh", "s", "t", BEGIN), "meeting_invitation/1")


def laid_out(outbox, letters, **how):
    """Return a desk with all of its letters."""
    desk = Desk(outbox, **how)
    desk.add(letters)
    desk.complete()
    return desk


class Slow:
    """An outbox that takes a while for each transaction, can fail, and keeps some rows back."""

    def __init__(self, *, kept=(), failing=None):
        self.steps = []
        self.kept = kept
        self.failing = failing
        self.closed = asyncio.Event()

    async def step(self, outcomes, claimed):
        """Close and begin."""
        await asyncio.sleep(0.01)
        self.steps.append(([one.notice_id for one in outcomes], [row.notice_id for row in claimed]))
        if outcomes:
            self.closed.set()
        if len(self.steps) == self.failing:
            raise ConnectionError("gone")
        return [row._replace(number=row.number + 1) for row in claimed if row.notice_id not in self.kept]

    @property
    def ended(self):
        """Return what was closed."""
        return [name for outcomes, _ in self.steps for name in outcomes]

    @property
    def begun(self):
        """Return what was begun."""
        return [name for _, claimed in self.steps for name in claimed]


async def send(desk, outbox, sessions, *, until=None, seen=None):
    """Run a desk with sessions that send until one of them has sent so many; return what was sent."""
    sent = [] if seen is None else seen

    async def work():
        while (found := await desk.next()) is not None:
            _, row = found
            assert row.notice_id in outbox.begun
            await asyncio.sleep(0.001)
            sent.append(row.notice_id)
            if len(sent) == until:
                desk.stop()
            desk.ended(Outcome(row.notice_id, row.number, NoticeState.ACCEPTED, NOW))

    ends = await asyncio.gather(desk.work(), *(work() for _ in range(sessions)), return_exceptions=True)
    assert ends[1:] == [None] * sessions
    if ends[0] is not None:
        raise ends[0]
    return sent


@pytest.mark.parametrize(("sessions", "ahead", "count"), [(1, 1, 3), (1, 8, 20), (4, 32, 100), (4, 16, 1), (3, 6, 50)])
async def test_every_letter_is_begun_sent_and_closed_once(sessions, ahead, count):
    """Whatever the sizes: each once, begun before it is sent, closed before the work ends, in shared transactions."""
    outbox = Slow()
    desk = laid_out(outbox, [letter(number) for number in range(count)], ahead=ahead, sessions=sessions)
    names = [f"ntc_{number}" for number in range(count)]
    assert sorted(await send(desk, outbox, sessions)) == sorted(names)
    assert sorted(outbox.ended) == sorted(names)
    assert outbox.begun == names
    assert all(len(begun) <= ahead for _, begun in outbox.steps)
    assert len(outbox.steps) <= 2 + 3 * count / ahead
    assert desk.unsent() == ([], [])


async def test_what_must_not_go_now_is_not_sent():
    """The outbox looks once more; what it keeps no session gets, also where it keeps all."""
    for kept in (("ntc_1", "ntc_3"), tuple(f"ntc_{number}" for number in range(5))):
        outbox = Slow(kept=kept)
        desk = laid_out(outbox, [letter(number) for number in range(5)], ahead=2, sessions=2)
        sent = await send(desk, outbox, 2)
        assert sorted(sent) == [name for name in (f"ntc_{number}" for number in range(5)) if name not in kept]


async def test_who_stops_leaves_the_rest_begun_or_untouched():
    """The provider is away: what was sent is closed; what was begun, and what was not, is told apart."""
    outbox = Slow()
    desk = laid_out(outbox, [letter(number) for number in range(40)], ahead=8, sessions=2)
    sent = await send(desk, outbox, 2, until=5)
    begun, waiting = desk.unsent()
    assert sorted(outbox.ended) == sorted(sent)
    assert 5 <= len(sent) <= 6
    names = [*sent, *(row.notice_id for _, row in begun), *(one.row.notice_id for one in waiting)]
    assert sorted(names) == sorted(f"ntc_{number}" for number in range(40))
    assert sorted([*sent, *(row.notice_id for _, row in begun)]) == sorted(outbox.begun)


@pytest.mark.parametrize("failing", [1, 2, 3])
async def test_a_store_that_fails_ends_the_work_and_every_session(failing):
    """Nobody waits for ever, and nobody sends what was not begun."""
    outbox, sent = Slow(failing=failing), []
    desk = laid_out(outbox, [letter(number) for number in range(40)], ahead=8, sessions=4)
    with pytest.raises(ConnectionError, match="gone"):
        async with asyncio.timeout(5):
            await send(desk, outbox, 4, seen=sent)
    assert len(sent) <= 8 * (failing - 1)


async def test_a_session_that_breaks_stops_the_others():
    """What it had in hand is nobody's any more: the work does not wait for it."""
    outbox = Slow()
    desk = laid_out(outbox, [letter(number) for number in range(40)], ahead=8, sessions=2)

    async def breaking():
        await desk.next()
        desk.dropped()

    async with asyncio.timeout(5):
        await asyncio.gather(desk.work(), breaking())
    assert await desk.next() is None
    begun, waiting = desk.unsent()
    assert len(begun) + len(waiting) == 39


async def test_an_outcome_does_not_wait_for_a_session_that_hangs():
    """A provider that takes half a minute for one message keeps nobody else's outcome from being written down."""
    outbox = Slow()
    desk = laid_out(outbox, [letter(number) for number in range(2)], ahead=4, sessions=2)

    async def session(*, hangs):
        found = await desk.next()
        if hangs:
            await outbox.closed.wait()
        desk.ended(Outcome(found[1].notice_id, 1, NoticeState.ACCEPTED, NOW))

    async with asyncio.timeout(5):
        await asyncio.gather(desk.work(), session(hangs=False), session(hangs=True))
    assert len(outbox.ended) == 2


async def test_letters_that_come_later_find_the_sessions_waiting():
    """Nobody goes home while more may come, nobody writes further ahead than there is room, and all is closed."""
    outbox, most = Slow(), 0
    desk = Desk(outbox, ahead=4, sessions=2)

    async def supply():
        nonlocal most
        for part in range(0, 30, 10):
            assert await desk.room(10)
            desk.add([letter(number) for number in range(part, part + 10)])
            waiting = desk.unsent()[1]
            most = max(most, len(waiting))
            await asyncio.sleep(0.02 if part else 0.2)  # the desk runs dry once
        desk.complete()

    async with asyncio.timeout(10):
        sent, _ = await asyncio.gather(send(desk, outbox, 2), supply())
    assert sorted(sent) == sorted(outbox.ended) == sorted(f"ntc_{number}" for number in range(30))
    assert 10 <= most < 20


async def test_who_writes_letters_is_told_that_nobody_sends_any_more():
    """What was written in vain is there to be given back."""
    outbox = Slow()
    desk = Desk(outbox, ahead=2, sessions=1)

    async def supply():
        desk.add([letter(number) for number in range(20)])
        assert not await desk.room(5)
        desk.add([letter(20)])
        desk.complete()

    async with asyncio.timeout(5):
        sent, _ = await asyncio.gather(send(desk, outbox, 1, until=3), supply())
    begun, waiting = desk.unsent()
    assert len(sent) + len(begun) + len(waiting) == 21


async def test_who_says_that_all_is_written_while_rows_are_begun_sends_nobody_home():
    """The last letters are not on the sessions' table yet: they are handed out all the same, and the work ends."""
    outbox = Slow()
    desk = Desk(outbox, ahead=4, sessions=2)

    async def supply():
        desk.add([letter(number) for number in range(3)])
        assert await desk.room(1)  # the desk has taken all of them, and its transaction is under way
        desk.complete()

    async with asyncio.timeout(5):
        sent, _ = await asyncio.gather(send(desk, outbox, 2), supply())
    assert sorted(sent) == sorted(outbox.ended) == ["ntc_0", "ntc_1", "ntc_2"]
