"""While one part of a batch goes out the next is claimed and written: each notice once, and nothing stays in hand."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager

import pytest
from notices_fakes import ACCEPTED, Provider
from notices_house import CAMPAIGN, dispatcher, invite
from temporalio.testing import ActivityEnvironment
from test_notices_dispatch_desk import Slow, laid_out, letter, send

import activities.batch
import activities.dispatch
import activities.routing
from activities.routing import Progress
from activities.turns import ROWS, taking_turns
from domain.notices import EMAIL
from notices.channels import ChannelAwayError
from protocol import DispatchRequest

COUNT = 20


async def drain(sending):
    """Run one batch."""
    return await ActivityEnvironment().run(sending.drain, DispatchRequest(campaign=CAMPAIGN, channel=EMAIL, limit=50))


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Make parts of three, and look up four readers at a time."""
    monkeypatch.setattr(activities.batch, "PART", 3)
    monkeypatch.setattr(activities.dispatch, "FIRST", 4)
    monkeypatch.setattr(activities.routing, "AT_ONCE", 4)


async def test_a_batch_of_many_parts_sends_each_notice_once(ledger):
    """Some are sent while the others are looked up, and the batch waits for these; the last part is not full."""
    await invite(ledger, COUNT)
    provider = Provider(EMAIL, sessions=2)
    sending = dispatcher(ledger, None, channels={EMAIL: provider})
    real = sending._router._routings

    async def slow(rows, sought):
        await asyncio.sleep(0.05)
        return await real(rows, sought)

    sending._router._routings = slow
    first = await drain(sending)
    assert (first.routed, first.claimed, first.accepted, first.left) == (COUNT, COUNT, COUNT, 0)
    assert Counter(Counter(message.notice_id for message in provider.messages).values()) == {1: COUNT}


async def test_a_part_that_was_made_ready_in_vain_is_given_back(ledger):
    """The provider goes away in the first part: what was ready behind it is due at once, without an attempt."""
    await invite(ledger, COUNT)
    provider = Provider(EMAIL, lambda _message: ChannelAwayError("GONE") if len(provider.messages) == 1 else ACCEPTED)
    result = await drain(dispatcher(ledger, None, channels={EMAIL: provider}))
    assert (result.accepted, result.problem) == (1, "GONE")
    rows = await ledger.outbox.find(CAMPAIGN)
    states = Counter((row["state"], row["attempts"]) for row in rows)
    assert states == {("accepted", 1): 1, ("failed_temporary", 1): 2, ("planned", 0): COUNT - 3}
    assert all(row["lease_until"] is None for row in rows)


class Counting(Provider):
    """Counts its sessions."""

    opened = 0

    @asynccontextmanager
    async def session(self):
        """Open a session."""
        self.opened += 1
        yield self


async def test_sessions_are_opened_for_the_rows_that_are_still_looked_up(ledger, monkeypatch):
    """One row is due when they are counted, and all of the others before the batch is over."""
    monkeypatch.setattr(activities.dispatch, "FIRST", 1)
    await invite(ledger, COUNT)
    provider = Counting(EMAIL, sessions=2)
    result = await drain(dispatcher(ledger, None, channels={EMAIL: provider}))
    assert (result.accepted, provider.opened) == (COUNT, 2)


async def test_who_waits_for_rows_hears_that_nothing_is_handed_out_any_more():
    """A provider that has gone away is not kept waiting for by rows that nobody will send."""
    desk = laid_out(Slow(), [], ahead=2, sessions=1)
    waiting = asyncio.create_task(desk.unless_stopped(asyncio.Event().wait()))
    await asyncio.sleep(0)
    desk.stop()
    async with asyncio.timeout(5):
        assert await waiting is False


async def test_news_of_rows_is_told_once_and_never_lost():
    """What was told before anybody asked counts, and so does the end; after it nobody waits."""
    progress = Progress()
    assert await progress.more() is False  # nobody looks anything up
    progress.begin()
    progress.news()
    progress.news()
    assert await progress.more() is True
    waiting = asyncio.create_task(progress.more())
    await asyncio.sleep(0)
    assert not waiting.done()
    progress.end()
    assert await waiting is True  # one more look, at what came last
    assert await progress.more() is False


@pytest.mark.parametrize(("most", "largest"), [(None, 2), (12, 12)])
async def test_a_quick_provider_is_begun_further_ahead(most, largest):
    """A slow one is not: `Slow` takes ten milliseconds for a transaction, and each session one for a message."""
    outbox = Slow()
    desk = laid_out(outbox, [letter(number) for number in range(80)], ahead=2, sessions=2, most=most)
    async with asyncio.timeout(10):
        await send(desk, outbox, 2)
    ahead = max(len(begun) for _, begun in outbox.steps)
    assert ahead <= largest
    assert (ahead > 2) == (most is not None)  # how far, depends on the machine


async def test_a_batch_claims_no_more_once_it_has_taken_long(ledger, monkeypatch):
    """With a slow provider it ends long before the engine gives it up; what is left is due in the next one."""
    monkeypatch.setattr(activities.batch, "LONGEST_SUPPLY", 0.0)
    await invite(ledger, COUNT)
    provider = Provider(EMAIL)
    sending = dispatcher(ledger, None, channels={EMAIL: provider})
    results = [await drain(sending) for _ in range(2)]
    assert [one.claimed for one in results] == [3, 3]
    assert [one.left for one in results] == [COUNT - 3, COUNT - 6]


async def test_who_works_through_many_rows_lets_the_others_have_their_turns():
    """A session whose provider has answered goes on in between, not behind the last row."""
    turns = []

    async def other():
        while True:
            turns.append(len(seen))
            await asyncio.sleep(0)

    seen = []
    task = asyncio.create_task(other())
    async for row in taking_turns(range(3 * ROWS + 1)):
        seen.append(row)  # noqa: PERF401 - what is seen so far matters
    task.cancel()
    assert seen == list(range(3 * ROWS + 1))
    assert turns == [ROWS, 2 * ROWS, 3 * ROWS]
