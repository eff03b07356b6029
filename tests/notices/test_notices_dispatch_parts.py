"""While one part of a batch goes out the next is claimed and written: each notice once, and nothing stays in hand."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from notices_fakes import ACCEPTED, Provider
from notices_house import CAMPAIGN, dispatcher, invite
from temporalio.testing import ActivityEnvironment
from test_notices_dispatch_desk import Slow, laid_out, letter, send

import activities.batch
import activities.dispatch
import activities.routing
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
    """Every row is routed, whoever of them is sent while the others are looked up; the last part is not full."""
    await invite(ledger, COUNT)
    provider = Provider(EMAIL, sessions=2)
    sending = dispatcher(ledger, None, channels={EMAIL: provider})
    first, second = await drain(sending), await drain(sending)
    assert first.routed == COUNT
    assert (first.accepted + second.accepted, second.left) == (COUNT, 0)
    assert first.claimed == first.accepted
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
