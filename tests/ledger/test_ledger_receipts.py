"""Receipts and look-ups: any order, any number, before the answer or after it, and the notice ends the same."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_samples import BEGIN, CAMPAIGN, RULES, SCHOOL, Recorded, put, route, seal_all, view

from domain.notices import PAPER, SMS, WECOM, NoticePlan, NoticeState
from domain.school_events import LeftRegister
from ledger.handover import LEASE_EXPIRED, Claimed, Outcome, Receipt, Tries
from ledger.receipts import NEVER_ARRIVED, POLL_EVERY, POLL_FOR
from ledger.store import Ledger

NOW = BEGIN + timedelta(days=1)
TRIES = Tries(lease=timedelta(minutes=10), pauses=(timedelta(minutes=1), timedelta(minutes=5)))
_numbers = count(1)


async def sent(ledger: Ledger, *chain: str, campaign: str = CAMPAIGN, provider_id: str | None = None) -> Claimed:
    """Plan, route, claim and begin one notice; with the provider's name for it, let it be accepted too."""
    number = next(_numbers)
    stream = f"{campaign}/{SCHOOL}/s{number}"
    sealed = seal_all(stream, [Recorded(student=f"stu_{number:06d}")])
    plan = NoticePlan(
        notice_id=f"ntc_{number:032x}",
        campaign=campaign,
        stream=stream,
        cause=f"{stream}#1",
        purpose="meeting_invitation",
        recipient=f"stu_{number:06d}",
        planned_at=sealed[0]["recorded_at"],
    )
    await ledger.append(sealed, [plan], view(sealed))
    await route(ledger, *chain, campaign=campaign)
    (row,) = await begin(ledger, chain[0], campaign)
    if provider_id is not None:
        await answer(ledger, row, NoticeState.ACCEPTED, provider_id=provider_id)
    return row


async def begin(ledger: Ledger, channel: str, campaign: str = CAMPAIGN) -> list[Claimed]:
    """Claim what is due on a channel, and begin it."""
    claimed = await ledger.outbox.claim(campaign, channel, 9, NOW, RULES, None, TRIES)
    return await ledger.outbox.begin(claimed, NOW, TRIES)


async def answer(ledger: Ledger, row: Claimed, state: NoticeState, **known: Any) -> NoticeState | None:
    """Close an attempt as the provider answers."""
    (after,) = await ledger.outbox.settle([Outcome(row.notice_id, row.number, state, NOW, **known)], TRIES)
    return after


async def state(ledger: Ledger, row: Claimed) -> tuple[str, str, str | None]:
    """Return where a notice stands: state, channel, code."""
    held = await ledger.outbox.notice(row.notice_id)
    assert held is not None
    return held["state"], held["channel"], held["code"]


def receipt(row: Claimed | None, said: str, name: str | None = None, **more: Any) -> Receipt:
    """Return a receipt of the text message that a row was."""
    basic = {"channel": SMS, "provider_id": None, "code": None, "at": NOW, **more}
    notice_id = None if row is None else row.notice_id
    return Receipt(name or f"r{next(_numbers)}", notice_id=notice_id, state=NoticeState(said), **basic)


news = st.lists(st.sampled_from(("delivered", "read", "failed_permanent")), min_size=1, max_size=4)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(said=news, order=st.randoms(use_true_random=False), answered=st.sampled_from(("accepted", "unknown", "lost")))
async def test_receipts_in_any_order_end_in_the_same_state(
    sqlite_ledger: Ledger, said: list[str], order: Any, answered: str
) -> None:
    """Shuffled, doubled, in one call or in several, with the provider's answer before, between or after them."""
    ends = []
    for _ in range(2):
        row = await sent(sqlite_ledger, SMS, PAPER, campaign=f"campaign/any{next(_numbers)}/2025")
        mine = [receipt(row, one, f"{row.notice_id}/{place}") for place, one in enumerate(said)]
        steps: list[Receipt | None] = [*mine, *mine[:2], None]
        order.shuffle(steps)
        for step in steps:
            if step is not None:
                await sqlite_ledger.outbox.take_receipts([step], NOW)
            elif answered != "lost":
                await answer(sqlite_ledger, row, NoticeState(answered), provider_id="P")
        now, channel, _ = await state(sqlite_ledger, row)
        ends.append((now, channel))
        told = [one for one in await sqlite_ledger.outbox.journal(row.notice_id) if one["state"] in said]
        assert len(told) >= len(said)
    assert ends[0] == ends[1]
    arrived = max((one for one in said if one != "failed_permanent"), key=["delivered", "read"].index, default=None)
    assert ends[0] == (("planned", PAPER) if arrived is None else (arrived, SMS))


async def test_a_receipt_may_come_before_the_answer_that_names_the_message(ledger: Ledger) -> None:
    """It waits under the provider's name; the answer then raises no accepted over a delivered."""
    row = await sent(ledger, SMS)
    early = receipt(None, "delivered", "r1", provider_id="P1")
    assert await ledger.outbox.take_receipts([early], NOW) == 1
    assert (await state(ledger, row))[0] == "submitted"
    assert await ledger.outbox.unreported(CAMPAIGN, SMS, 9) == []

    await answer(ledger, row, NoticeState.ACCEPTED, provider_id="P1", digest="d" * 64, template="meeting_invitation/1")

    assert (await state(ledger, row))[0] == "delivered"
    (told,) = await ledger.outbox.unreported(CAMPAIGN, SMS, 9)
    assert (told.receipt_id, told.notice_id) == ("r1", row.notice_id)
    assert [one["state"] for one in await ledger.outbox.journal(row.notice_id)] == [
        "submitted", "accepted", "delivered"
    ]  # fmt: skip


async def test_a_receipt_by_our_key_may_come_while_the_message_is_in_flight(ledger: Ledger) -> None:
    """The answer still closes its attempt and says what was sent; the state stays."""
    row = await sent(ledger, SMS)
    await ledger.outbox.take_receipts([receipt(row, "read")], NOW)
    assert await begin(ledger, SMS) == []
    assert await answer(ledger, row, NoticeState.ACCEPTED, provider_id="P1", digest="d" * 64) is NoticeState.READ
    held = await ledger.outbox.notice(row.notice_id)
    (attempt,) = await ledger.outbox.attempts(row.notice_id)
    assert held is not None
    assert (held["state"], held["provider_id"], held["digest"], held["lease_until"]) == ("read", "P1", "d" * 64, None)
    assert (attempt["outcome"], attempt["provider_id"]) == ("accepted", "P1")
    assert await answer(ledger, row, NoticeState.UNKNOWN) is None


async def test_a_bounce_goes_on_to_the_next_channel_and_names_what_is_to_be_repaired(ledger: Ledger) -> None:
    """A recycled number: the letter goes on paper, the code says so; at the end of the ways it is a dead letter."""
    row = await sent(ledger, SMS, PAPER, provider_id="P1")
    bounced = receipt(None, "failed_permanent", "b1", provider_id="P1", code="NUMBER_RECYCLED")
    assert await ledger.outbox.take_receipts([bounced, bounced], NOW) == 1
    assert await ledger.outbox.take_receipts([bounced], NOW) == 0
    assert await state(ledger, row) == ("planned", PAPER, "NUMBER_RECYCLED")
    assert await begin(ledger, SMS) == []

    last = await sent(ledger, SMS, provider_id="P2")
    await ledger.outbox.take_receipts([receipt(last, "failed_permanent", code="ABSENT")], NOW)
    assert await state(ledger, last) == ("failed_permanent", SMS, "ABSENT")


async def test_a_message_that_arrived_after_all_is_not_sent_another_way(ledger: Ledger) -> None:
    """Bounced, on its next way, and then delivered: nobody prints a letter."""
    row = await sent(ledger, SMS, PAPER, provider_id="P1")
    await ledger.outbox.take_receipts([receipt(row, "failed_permanent")], NOW)
    await ledger.outbox.claim(CAMPAIGN, PAPER, 9, NOW, RULES, None)
    assert [one["notice_id"] for one in await ledger.outbox.cleared(CAMPAIGN, PAPER)] == [row.notice_id]
    await ledger.outbox.take_receipts([receipt(row, "delivered")], NOW)
    assert await state(ledger, row) == ("delivered", SMS, None)
    assert await ledger.outbox.cleared(CAMPAIGN, PAPER) == []
    assert await ledger.outbox.mark_printed([row.notice_id], NOW) == []


async def test_a_receipt_moves_nothing_that_was_never_sent_that_way(ledger: Ledger) -> None:
    """Of another channel, of nobody's message: kept, and no more."""
    row = await sent(ledger, WECOM, SMS)
    strange = receipt(None, "delivered", provider_id="NOBODYS")
    assert await ledger.outbox.take_receipts([receipt(row, "delivered"), strange], NOW) == 2
    assert (await state(ledger, row))[0] == "submitted"
    assert await ledger.outbox.unreported(CAMPAIGN, SMS, 9) == []


async def test_after_a_departure_a_bounce_is_not_sent_on(ledger: Ledger) -> None:
    """The next channel would be a sending after the terminal event."""
    row = await sent(ledger, SMS, PAPER, provider_id="P1")
    left = LeftRegister(student=row.recipient, exit="death", on=NOW.date())
    await put(ledger, seal_all(f"{CAMPAIGN}/{SCHOOL}", [left]))
    await ledger.outbox.take_receipts([receipt(row, "failed_permanent")], NOW)
    assert await state(ledger, row) == ("denied", SMS, "LEFT_REGISTER")


@pytest.mark.parametrize("first", [NoticeState.FAILED_TEMPORARY, NoticeState.UNKNOWN])
async def test_a_receipt_of_an_earlier_attempt_leaves_the_next_one_alone(ledger: Ledger, first: NoticeState) -> None:
    """The provider says again that the first message bounced: the second one, which it has accepted, stands."""
    row = await sent(ledger, SMS, PAPER)
    await answer(ledger, row, first, provider_id="P1")
    later = NOW + timedelta(minutes=2)
    claimed = await ledger.outbox.claim(CAMPAIGN, SMS, 9, later, RULES, None, TRIES)
    (again,) = await ledger.outbox.begin(claimed, later, TRIES)
    for name in ("before", "after"):
        await ledger.outbox.take_receipts([receipt(None, "failed_permanent", name, provider_id="P1")], later)
        if name == "before":
            await answer(ledger, again, NoticeState.ACCEPTED, provider_id="P2")
    assert await state(ledger, row) == ("accepted", SMS, None)
    told = [one["number"] for one in await ledger.outbox.journal(row.notice_id) if one["state"] == "failed_permanent"]
    assert told == [1, 1], "they stand with the attempt that they are about"

    await ledger.outbox.take_receipts(
        [receipt(None, "failed_permanent", "s3", provider_id="P2", code="BLOCKED")], later
    )
    assert await state(ledger, row) == ("planned", PAPER, "BLOCKED")


async def test_a_message_that_arrived_at_its_first_attempt_has_arrived(ledger: Ledger) -> None:
    """Sent twice since nobody knew: the first one's receipt settles it, the second one's bounce takes nothing back."""
    row = await sent(ledger, SMS, PAPER)
    await answer(ledger, row, NoticeState.UNKNOWN, provider_id="P1")
    later = NOW + timedelta(minutes=2)
    claimed = await ledger.outbox.claim(CAMPAIGN, SMS, 9, later, RULES, None, TRIES)
    (again,) = await ledger.outbox.begin(claimed, later, TRIES)
    await answer(ledger, again, NoticeState.ACCEPTED, provider_id="P2")
    await ledger.outbox.take_receipts([receipt(None, "delivered", provider_id="P1")], later)
    await ledger.outbox.take_receipts([receipt(None, "failed_permanent", provider_id="P2")], later)
    assert await state(ledger, row) == ("delivered", SMS, None)


async def test_receipts_are_told_to_the_campaign_until_it_has_them(ledger: Ledger) -> None:
    """The oldest first, as many as fit; what is marked is not told again."""
    row = await sent(ledger, SMS, provider_id="P1")
    await ledger.outbox.take_receipts([receipt(row, "delivered", "a")], NOW)
    await ledger.outbox.take_receipts([receipt(row, "read", "b")], NOW + timedelta(seconds=1))
    assert [one.receipt_id for one in await ledger.outbox.unreported(CAMPAIGN, SMS, 1)] == ["a"]
    await ledger.outbox.mark_reported(["a"])
    assert [one.receipt_id for one in await ledger.outbox.unreported(CAMPAIGN, SMS, 9)] == ["b"]
    assert await ledger.outbox.unreported(CAMPAIGN, WECOM, 9) == []


# -- asking the provider ----------------------------------------------------------------------------------------


async def lost(ledger: Ledger) -> Claimed:
    """Let the maker of an attempt be gone on a channel whose provider can be asked."""
    row = await sent(ledger, SMS, PAPER)
    over = NOW + TRIES.lease
    assert await ledger.outbox.claim(CAMPAIGN, SMS, 9, over, RULES, None, TRIES, unknown="look_up") == []
    assert await state(ledger, row) == ("unknown", SMS, LEASE_EXPIRED)
    return row


async def test_an_attempt_of_which_nobody_knows_is_asked_for_and_not_sent_again(ledger: Ledger) -> None:
    """Where a provider can be asked, the claim leaves it alone, however long."""
    row = await lost(ledger)
    later = NOW + timedelta(days=1)
    assert await ledger.outbox.claim(CAMPAIGN, SMS, 9, later, RULES, None, TRIES, unknown="look_up") == []
    assert await ledger.outbox.unresolved(CAMPAIGN, SMS, 9, NOW + TRIES.lease) == []
    (asked,) = await ledger.outbox.unresolved(CAMPAIGN, SMS, 9, later)
    assert (asked.notice_id, asked.number) == (row.notice_id, 1)


@pytest.mark.parametrize(
    ("found", "end"),
    [
        ("delivered", ("delivered", SMS, None)),
        ("accepted", ("accepted", SMS, None)),
        ("failed_permanent", ("planned", PAPER, "REFUSED")),
        ("unknown", ("unknown", SMS, None)),
    ],
)
async def test_what_the_provider_knows_settles_it(ledger: Ledger, found: str, end: tuple[str, str, str | None]) -> None:
    """Its word closes the attempt; where it does not know either, it is asked again later."""
    row = await lost(ledger)
    later = NOW + timedelta(hours=1)
    code = "REFUSED" if found == "failed_permanent" else None
    said = Outcome(row.notice_id, 1, NoticeState(found), later, code, provider_id="P1")
    await ledger.outbox.resolve({row.notice_id: said}, later, TRIES)
    assert await state(ledger, row) == end
    (attempt,) = await ledger.outbox.attempts(row.notice_id)
    assert attempt["outcome"] == found
    again = await ledger.outbox.unresolved(CAMPAIGN, SMS, 9, later + timedelta(hours=1))
    assert len(again) == (found == "unknown")


async def test_what_the_provider_never_had_is_due_at_once_and_not_for_ever(ledger: Ledger) -> None:
    """Sent again without a pause; where that happens too often the next channel takes it."""
    row = await lost(ledger)
    later = NOW + timedelta(hours=1)
    for number in (1, 2, 3):
        (after,) = await ledger.outbox.resolve({row.notice_id: None}, later, TRIES)
        held = await state(ledger, row)
        if number == len(TRIES.pauses) + 1:
            assert (after, held[:2]) == (NoticeState.PLANNED, ("planned", PAPER))
            break
        assert held == ("failed_temporary", SMS, NEVER_ARRIVED)
        claimed = await ledger.outbox.claim(CAMPAIGN, SMS, 9, later, RULES, None, TRIES, unknown="look_up")
        (again,) = await ledger.outbox.begin(claimed, later, TRIES)
        assert again.number == number + 1
        gone = Outcome(row.notice_id, again.number, NoticeState.UNKNOWN, later)
        await ledger.outbox.settle([gone], TRIES, "look_up")
        later += timedelta(hours=1)
    assert await ledger.outbox.resolve({row.notice_id: None}, later, TRIES) == [None]


async def test_receipts_are_polled_in_turn_and_for_some_days(ledger: Ledger) -> None:
    """Each that was asked for comes again after a while; what was told or is old does not."""
    rows = [await sent(ledger, SMS, provider_id=f"P{number}") for number in range(3)]
    asked = await ledger.outbox.to_poll(CAMPAIGN, SMS, 2, NOW)
    asked += await ledger.outbox.to_poll(CAMPAIGN, SMS, 2, NOW)
    assert sorted(one.notice_id for one in asked) == sorted(row.notice_id for row in rows)
    assert await ledger.outbox.to_poll(CAMPAIGN, SMS, 9, NOW + POLL_EVERY - timedelta(seconds=1)) == []
    await ledger.outbox.take_receipts([receipt(rows[0], "delivered")], NOW)
    assert len(await ledger.outbox.to_poll(CAMPAIGN, SMS, 9, NOW + POLL_EVERY)) == 2
    assert await ledger.outbox.to_poll(CAMPAIGN, SMS, 9, NOW + POLL_FOR + timedelta(seconds=1)) == []
