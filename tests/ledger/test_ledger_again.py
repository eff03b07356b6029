"""What is sent again: by a person, under a key of its own; after a provider's failure, at no notice's cost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from ledger_samples import BEGIN, CAMPAIGN, route
from test_ledger_control import NOW, TRIES, Desk, name_of

from domain.notices import EMAIL, SMS, NoticeState, key_of, of_key
from domain.sending_events import NoticeRetried
from ledger.handover import Claimed, Outcome, Receipt
from ledger.receipts import NEVER_ARRIVED
from ledger.store import Ledger

FAILED = NoticeState.FAILED_PERMANENT


@pytest.fixture
def desk(sqlite_ledger: Ledger) -> Desk:
    """Return an empty ledger's outbox."""
    return Desk(sqlite_ledger)


async def row_of(desk: Desk, number: int = 1) -> dict[str, Any]:
    """Return a notice's row."""
    row = await desk.outbox.notice(name_of(number))
    assert row is not None
    return row


async def again(desk: Desk, number: int = 1, channel: str | None = None, *chain: str) -> None:
    """Let a person have a notice sent again, and route it."""
    await desk.decide(NoticeRetried(notice=name_of(number), channel=channel, reason="REPAIRED"))
    await route(desk.ledger, *chain, person="gdn_000001")


def told(key: str, said: str, name: str, code: str | None = None) -> Receipt:
    """Return a receipt that names a message by its key."""
    return Receipt(name, SMS, key, None, NoticeState(said), code, NOW)


async def accepted(desk: Desk, minutes: int = 0) -> dict[str, Claimed]:
    """Send what is due as text messages that are all taken."""
    rows = await desk.send(SMS, minutes)
    for row in rows:
        await desk.end(row, "accepted", "look_up")
    return {row.notice_id: row for row in rows}


# -- keys -----------------------------------------------------------------------------------------------------------


def test_a_key_names_its_notice_and_how_often_a_person_had_it_sent_again() -> None:
    """The first one is the notice's id alone, as releases before had it; what is no key of ours is left whole."""
    assert [key_of("ntc_a1", number) for number in (0, 1, 12)] == ["ntc_a1", "ntc_a1-1", "ntc_a1-12"]
    assert [of_key(key) for key in ("ntc_a1", "ntc_a1-1", "ntc_a1-12")] == [
        ("ntc_a1", 0),
        ("ntc_a1", 1),
        ("ntc_a1", 12),
    ]


async def test_attempts_share_their_key_until_a_person_has_the_notice_sent_again(desk: Desk) -> None:
    """A provider sends one message for a key: the same for its own failures, another one for a repaired number."""
    await desk.plan(SMS)
    keys = []
    (row, *_) = await desk.send(SMS)
    keys.append(row.key)
    await desk.end(row, "failed_temporary")
    (row,) = [one for one in await desk.send(SMS, 2) if one.notice_id == row.notice_id]
    keys.append(row.key)
    await desk.end(row, "failed_permanent")
    await again(desk, 1, None, SMS)
    (row,) = [one for one in await desk.send(SMS, 3) if one.notice_id == row.notice_id]
    keys.append(row.key)
    assert keys == [name_of(1), name_of(1), f"{name_of(1)}-1"]
    found = await desk.outbox.attempts(name_of(1))
    assert [one["generation"] for one in found] == [0, 0, 1]


async def test_a_receipt_speaks_of_the_message_whose_key_it_names(desk: Desk) -> None:
    """The first message's failure, told once more, does not end the second; the second's own does."""
    await desk.plan(SMS)
    first = (await accepted(desk))[name_of(1)]
    await desk.outbox.take_receipts([told(first.key, "failed_permanent", "r1", "ABSENT")], NOW)
    assert await desk.state(1) == ("failed_permanent", "ABSENT")
    await again(desk, 1, None, SMS)
    second = (await accepted(desk, 9))[name_of(1)]
    assert second.key != first.key
    assert await desk.outbox.take_receipts([told(first.key, "failed_permanent", "r1-again", "ABSENT")], NOW) == 1
    assert (await desk.state(1))[0] == "accepted"
    await desk.outbox.take_receipts([told(second.key, "failed_permanent", "r2", "BLOCKED")], NOW)
    assert await desk.state(1) == ("failed_permanent", "BLOCKED")
    found = await desk.outbox.unreported(CAMPAIGN, SMS, 9)
    assert {one.notice_id for one in found} == {name_of(1)}, "the campaign's stream knows notices, not keys"


async def test_what_a_person_sends_again_is_routed_anew_with_a_wish(desk: Desk) -> None:
    """Households' keys and ways are the registry's of today; the wish is gone once it was looked at."""
    await desk.plan(EMAIL)
    for row in await desk.send():
        await desk.end(row, "failed_permanent", code="SMTP_550")
    await desk.decide(NoticeRetried(notice=name_of(1), channel=SMS, reason="REPAIRED"))
    row = await row_of(desk)
    assert (row["channel"], row["chain"], row["wish"], row["generation"]) == ("", "", SMS, 1)
    await route(desk.ledger, SMS, contacts=("0123456789abcdef",), not_after=BEGIN + timedelta(days=9))
    row = await row_of(desk)
    assert (row["channel"], row["wish"], row["contacts"]) == (SMS, "", "0123456789abcdef")


# -- nothing was sent -------------------------------------------------------------------------------------------------


async def test_an_attempt_in_which_nothing_was_sent_does_not_count_as_a_try(desk: Desk) -> None:
    """However often the provider is away, the notice keeps its tries; the attempts stay written down."""
    await desk.plan()
    for times in range(1, 7):
        (row, *_) = await desk.send(minutes=times)
        await desk.end(row, "failed_temporary", code="AWAY", again_in=timedelta(seconds=1), unsent=True)
        held = await row_of(desk)
        assert (held["state"], held["tries"], held["attempts"]) == ("failed_temporary", 0, times)


async def test_a_provider_in_trouble_gives_the_tries_back(desk: Desk) -> None:
    """Of those that wait for another try, and of no other."""
    await desk.plan()
    one, two, three = await desk.send()
    await desk.end(one, "failed_temporary", code="SMTP_451")
    await desk.end(two, "accepted")
    await desk.end(three, "failed_temporary", code="SMTP_451")
    await desk.outbox.give_back([one.notice_id, two.notice_id])
    assert [(await row_of(desk, number))["tries"] for number in (1, 2, 3)] == [0, 1, 1]


# -- nothing goes out on a channel ------------------------------------------------------------------------------------


async def test_only_what_must_go_leaves_a_channel_on_which_nothing_goes_out(desk: Desk) -> None:
    """The statutory one goes by mail with the reason; invitations wait, and so does what has no other way."""
    await desk.plan(SMS, EMAIL)
    await desk.outbox.pass_on(CAMPAIGN, [SMS], NOW, "COST_BUDGET")
    found = [await row_of(desk, number) for number in (1, 2, 3)]
    assert [(row["channel"], row["code"]) for row in found] == [(SMS, None), (SMS, None), (EMAIL, "COST_BUDGET")]
    (entry,) = await desk.outbox.journal(name_of(3))
    assert (entry["channel"], entry["state"], entry["code"]) == (SMS, "failed_permanent", "COST_BUDGET")
    await desk.outbox.pass_on(CAMPAIGN, [EMAIL], NOW, "CHANNEL_NOT_CONFIGURED")
    assert (await row_of(desk, 3))["channel"] == EMAIL


# -- taken, and never had ---------------------------------------------------------------------------------------------


async def test_what_a_provider_had_taken_and_never_had_is_asked_for_again(desk: Desk) -> None:
    """Unknown, with its attempt open and a row of the journal; then the way of every unknown one."""
    await desk.plan(SMS)
    rows = await accepted(desk)
    (polled, *_) = await desk.outbox.to_poll(CAMPAIGN, SMS, 9, NOW)
    await desk.outbox.lose([polled], NOW)
    lost = next(number for number in (1, 2, 3) if name_of(number) == polled.notice_id)
    assert await desk.state(lost) == ("unknown", NEVER_ARRIVED)
    assert (await desk.outbox.journal(polled.notice_id))[-1]["code"] == NEVER_ARRIVED
    (asked,) = await desk.outbox.unresolved(CAMPAIGN, SMS, 9, NOW)
    assert asked.key == rows[polled.notice_id].key
    await desk.outbox.resolve({asked.notice_id: None}, NOW, TRIES)
    assert await desk.state(lost) == ("failed_temporary", NEVER_ARRIVED)
    (attempt,) = await desk.outbox.attempts(polled.notice_id)
    assert attempt["outcome"] == "failed_temporary"


async def test_news_that_came_meanwhile_win_over_a_message_that_seems_lost(desk: Desk) -> None:
    """A receipt says that it arrived: nothing is sent again."""
    await desk.plan(SMS)
    await accepted(desk)
    polled = await desk.outbox.to_poll(CAMPAIGN, SMS, 9, NOW)
    await desk.outbox.take_receipts([told(polled[0].key, "delivered", "r1")], NOW)
    await desk.outbox.lose(polled, NOW)
    assert [(await desk.state(number))[0] for number in (1, 2, 3)].count("unknown") == 2
    late = Outcome(polled[1].notice_id, 1, NoticeState.DELIVERED, NOW)
    await desk.outbox.resolve({polled[1].notice_id: late}, NOW, TRIES)
    assert [(await desk.state(number))[0] for number in (1, 2, 3)].count("delivered") == 2
