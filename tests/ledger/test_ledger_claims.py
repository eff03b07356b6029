"""The claim and what follows it: messages of several notices, leases, expiry, ways that are left, the journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from json import dumps
from typing import Any

import pytest
from ledger_samples import BEGIN, CAMPAIGN, RULES, SCHOOL, STREAM, Recorded, paused, put, route, seal_all, view

from domain.notices import EMAIL, PAPER, SMS, WECOM, NoticePlan, NoticeState
from domain.sending import SendingRules
from domain.sending_events import NoticeMuted
from domain.time import civil, instant, stamp
from ledger.handover import LEASE_EXPIRED, TRIES_EXHAUSTED, Claimed, Outcome, Tries
from ledger.store import Ledger

NOW = BEGIN + timedelta(days=1)
TRIES = Tries(lease=timedelta(minutes=10), pauses=(timedelta(minutes=1), timedelta(minutes=5)))
DIGESTS = replace(RULES, digest_purposes=("stage_reminder", "student_overdue"))
HEAD, PRINCIPAL = f"class_head@{SCHOOL}", f"principal@{SCHOOL}"


async def plan(ledger: Ledger, *notices: tuple[str, str], chain: Sequence[str] = (EMAIL,), **ways: Any) -> None:
    """Plan notices of (purpose, recipient) in this order, and route them by one chain."""
    sealed = seal_all(STREAM, [Recorded(student="stu_x")])
    plans = [
        NoticePlan(
            notice_id=f"ntc_{number:032x}",
            campaign=CAMPAIGN,
            stream=STREAM,
            cause=f"{STREAM}#1",
            purpose=purpose,
            recipient=recipient,
            planned_at=sealed[0]["recorded_at"],
        )
        for number, (purpose, recipient) in enumerate(notices)
    ]
    await ledger.append(sealed, plans, view(sealed))
    await route(ledger, *chain, **ways)


async def claim(
    ledger: Ledger, channel: str = EMAIL, now: datetime = NOW, rules: SendingRules = DIGESTS, limit: int = 9
) -> list[Claimed]:
    """Claim what is due."""
    return await ledger.outbox.claim(CAMPAIGN, channel, limit, now, rules, None, TRIES)


def ending(row: Claimed, state: str, at: datetime = NOW, **more: Any) -> Outcome:
    """Return what became of an attempt."""
    return Outcome(row.notice_id, row.number, NoticeState(state), at, **more)


async def rows(ledger: Ledger) -> list[dict[str, Any]]:
    """Return the rows in the order of their ids."""
    return sorted(await ledger.outbox.find(CAMPAIGN), key=lambda row: str(row["notice_id"]))


def number_of(row: Claimed | dict[str, Any]) -> int:
    """Return which of the planned notices a row is."""
    return int((row["notice_id"] if isinstance(row, dict) else row.notice_id)[4:], 16)


# -- messages that hold several notices ---------------------------------------------------------------------------

STAFF = (("stage_reminder", HEAD), ("student_overdue", HEAD), ("stage_reminder", PRINCIPAL), ("student_overdue", HEAD))


async def test_staff_is_told_several_things_in_one_message(ledger: Ledger) -> None:
    """One leader for each reader; its notices share lease, attempt and outcome, and each has its own record."""
    await plan(ledger, *STAFF, ("callback_overdue", HEAD))
    claimed = await claim(ledger)
    assert [(number_of(row), row.digest_of and int(row.digest_of[4:], 16)) for row in claimed] == [
        (0, None), (1, 0), (3, 0), (2, None), (4, None)
    ]  # fmt: skip

    begun = await ledger.outbox.begin([row for row in claimed if row.digest_of is None], NOW, TRIES)
    assert [number_of(row) for row in begun] == [0, 1, 3, 2, 4]
    assert {row.lease_until for row in begun} == {NOW + TRIES.lease}
    sent = ending(begun[0], "accepted", provider_id="Q1", digest="d" * 64, template="staff_digest/1", segments=2)
    assert await ledger.outbox.settle([sent], TRIES) == [NoticeState.ACCEPTED]

    after = await rows(ledger)
    assert [row["state"] for row in after] == ["accepted", "accepted", "submitted", "accepted", "submitted"]
    assert [row["segments"] for row in after] == [2, 0, 0, 0, 0], "the message is paid for once"
    for number in (0, 1, 3):
        (attempt,) = await ledger.outbox.attempts(after[number]["notice_id"])
        assert (attempt["outcome"], attempt["provider_id"], attempt["digest"]) == ("accepted", "Q1", "d" * 64)


async def test_a_message_is_tried_again_as_it_was(ledger: Ledger) -> None:
    """The same leader and the same notices, and none that came later: the provider knows it by its key."""
    await plan(ledger, *STAFF[:2])
    begun = await ledger.outbox.begin(await claim(ledger), NOW, TRIES)
    await ledger.outbox.settle([ending(begun[0], "unknown")], TRIES)
    later = seal_all(STREAM.replace("meetings", "x"), [Recorded(student="stu_x")])
    fresh = NoticePlan(
        notice_id=f"ntc_{9:032x}", campaign=CAMPAIGN, stream=later[0]["stream"], cause=f"{later[0]['stream']}#1",
        purpose="stage_reminder", recipient=HEAD, planned_at=later[0]["recorded_at"],
    )  # fmt: skip
    await ledger.append(later, [fresh], view(later))
    await route(ledger)
    again = await claim(ledger, now=NOW + TRIES.pauses[0])
    assert [(number_of(row), row.number, row.digest_of is None) for row in again] == [
        (0, 2, True), (1, 2, False), (9, 1, True)
    ]  # fmt: skip
    await ledger.outbox.release(again, NOW)
    assert [(number_of(row), row.digest_of is None) for row in await claim(ledger, now=NOW + TRIES.pauses[0])] == [
        (0, True), (1, False), (9, True)
    ]  # fmt: skip


@pytest.mark.parametrize("stopped", [0, 1])
async def test_a_message_goes_whole_or_not_at_all(ledger: Ledger, stopped: int) -> None:
    """One of its notices is stopped after the claim: the text that was written would hold it; the others come again."""
    await plan(ledger, *STAFF[:2], STAFF[3])
    claimed = await claim(ledger)
    muted = NoticeMuted(notice=claimed[stopped].notice_id, school=None, reason="WRONG")
    await put(ledger, seal_all(CAMPAIGN, [muted]))
    assert await ledger.outbox.begin(claimed[:1], NOW, TRIES) == []
    again = await claim(ledger)
    assert [number_of(row) for row in again] == [number for number in range(3) if number != stopped]
    assert again[0].digest_of is None
    assert again[1].digest_of == again[0].notice_id
    assert len(await ledger.outbox.begin(again[:1], NOW, TRIES)) == 2


async def test_a_pause_holds_a_whole_message_that_waits_for_its_retry(ledger: Ledger) -> None:
    """Afterwards its notices are told, each once."""
    await plan(ledger, *STAFF[:2])
    begun = await ledger.outbox.begin(await claim(ledger), NOW, TRIES)
    await ledger.outbox.settle([ending(begun[0], "failed_temporary")], TRIES)
    await put(ledger, seal_all(CAMPAIGN, [paused()]))
    assert await claim(ledger, now=NOW + timedelta(hours=1)) == []
    assert [row["state"] for row in await rows(ledger)] == ["held", "held"]


# -- leases and expiry ----------------------------------------------------------------------------------------------


async def test_a_claim_that_nobody_begins_is_not_unknown(ledger: Ledger) -> None:
    """Nothing went out: it is due again when the lease ends, and whoever comes late begins nothing."""
    await plan(ledger, ("meeting_invitation", "stu_000001"))
    late = await claim(ledger)
    over = NOW + TRIES.lease
    assert await claim(ledger, now=over - timedelta(seconds=1)) == []
    (again,) = await claim(ledger, now=over)
    assert again.number == 1
    assert await ledger.outbox.begin(late, over, TRIES) == []
    assert len(await ledger.outbox.begin([again], over, TRIES)) == 1
    assert await ledger.outbox.begin([again], over, TRIES) == [], "once"


async def test_an_attempt_lasts_a_lease_from_its_own_begin(ledger: Ledger) -> None:
    """Then nobody knows, and says so."""
    await plan(ledger, ("meeting_invitation", "stu_000001"))
    begun_at = NOW + timedelta(minutes=9)
    (row,) = await ledger.outbox.begin(await claim(ledger), begun_at, TRIES)
    assert row.lease_until == begun_at + TRIES.lease
    await claim(ledger, now=NOW + TRIES.lease)
    assert (await rows(ledger))[0]["state"] == "submitted"
    await claim(ledger, now=row.lease_until)
    assert ((await rows(ledger))[0]["state"], (await rows(ledger))[0]["code"]) == ("unknown", LEASE_EXPIRED)


async def test_what_comes_too_late_is_not_sent(ledger: Ledger) -> None:
    """In the claim, at the begin, and where it waited for a morning that comes after the occasion."""
    occasion = NOW + timedelta(minutes=5)
    await plan(ledger, ("meeting_invitation", "stu_000001"), not_after=occasion)
    (row,) = await claim(ledger)
    assert await ledger.outbox.begin([row], occasion, TRIES) == []
    assert [(one["state"], one["code"]) for one in await rows(ledger)] == [("expired", "EXPIRED")]
    assert (await ledger.outbox.left(CAMPAIGN, EMAIL, NOW)).count == 0
    assert [one["state"] for one in await ledger.outbox.journal(row.notice_id)] == ["expired"]


async def test_a_notice_held_past_its_occasion_expires_when_that_begins(ledger: Ledger) -> None:
    """By night, for a meeting before the morning's opening."""
    occasion = NOW.replace(hour=23)
    await plan(ledger, ("meeting_invitation", "stu_000001"), not_after=occasion)
    quiet = replace(RULES, quiet_from=time(21, 30), quiet_until=time(7, 30))
    assert await claim(ledger, now=NOW.replace(hour=22), rules=quiet) == []
    (row,) = await rows(ledger)
    assert (row["state"], row["code"], row["next_at"]) == ("held", "QUIET_HOURS", stamp(occasion))
    await claim(ledger, now=occasion, rules=quiet)
    assert (await rows(ledger))[0]["state"] == "expired"


async def test_a_notice_held_by_night_goes_out_in_the_morning_and_the_record_shows_both(ledger: Ledger) -> None:
    """Held once, however often it was looked at."""
    await plan(ledger, ("meeting_invitation", "stu_000001"))
    quiet = replace(RULES, quiet_from=time(21, 30), quiet_until=time(7, 30))
    night, morning = NOW.replace(hour=22), (NOW + timedelta(days=1)).replace(hour=7, minute=30)
    for minutes in (0, 5):
        assert await claim(ledger, now=night + timedelta(minutes=minutes), rules=quiet) == []
    left = await ledger.outbox.left(CAMPAIGN, EMAIL, night)
    assert (left.count, left.due, left.next_at) == (1, 0, instant(stamp(morning.replace(second=0, microsecond=0))))
    assert await ledger.outbox.held_and_sent(CAMPAIGN, "QUIET_HOURS") is None
    (row,) = await ledger.outbox.begin(await claim(ledger, now=morning, rules=quiet), morning, TRIES)
    await ledger.outbox.settle([ending(row, "accepted", morning)], TRIES)
    assert await ledger.outbox.held_and_sent(CAMPAIGN, "QUIET_HOURS") == {
        "notice_id": row.notice_id,
        "purpose": "meeting_invitation",
        "channel": EMAIL,
        "held_at": stamp(night),
        "sent_at": stamp(morning),
    }


async def test_what_is_planned_after_a_stepped_clock_is_not_seen(ledger: Ledger) -> None:
    """It is left, and not due before its instant."""
    await plan(ledger, ("meeting_invitation", "stu_000001"))
    planned = instant((await rows(ledger))[0]["planned_at"])
    early = planned - timedelta(milliseconds=1)
    assert await claim(ledger, now=early) == []
    left = await ledger.outbox.left(CAMPAIGN, EMAIL, early)
    assert (left.count, left.due, left.next_at) == (1, 0, planned)
    assert len(await claim(ledger, now=planned)) == 1


# -- ways that are left -------------------------------------------------------------------------------------------


async def test_what_one_channel_cannot_deliver_goes_to_the_next(ledger: Ledger) -> None:
    """With the code of the failure and all tries anew; the attempts are counted on; at the end it is a dead letter."""
    await plan(ledger, ("meeting_invitation", "stu_000001"), chain=(WECOM, SMS))
    (row,) = await ledger.outbox.begin(await claim(ledger, WECOM), NOW, TRIES)
    assert await ledger.outbox.settle([ending(row, "failed_permanent", code="TOO_LONG")], TRIES) == [
        NoticeState.PLANNED
    ]
    held = (await rows(ledger))[0]
    assert (held["channel"], held["chain"], held["code"], held["tries"]) == (SMS, "", "TOO_LONG", 0)
    moment = NOW
    for number in (2, 3, 4):
        (row,) = await ledger.outbox.begin(await claim(ledger, SMS, moment), moment, TRIES)
        assert row.number == number
        await ledger.outbox.settle([ending(row, "failed_temporary", moment, segments=1)], TRIES)
        moment += timedelta(hours=1)
    held = (await rows(ledger))[0]
    assert (held["state"], held["code"], held["segments"]) == ("failed_permanent", TRIES_EXHAUSTED, 3)
    assert [one["channel"] for one in await ledger.outbox.attempts(row.notice_id)] == [WECOM, SMS, SMS, SMS]
    (line,) = await ledger.outbox.backlog(CAMPAIGN, NOW)
    assert (line.channel, line.dead, line.waiting, line.segments, line.oldest_due_at) == (SMS, 1, 0, 3, None)


async def test_a_provider_may_say_how_long_to_leave_it_alone(ledger: Ledger) -> None:
    """Its word goes before our pauses."""
    await plan(ledger, ("meeting_invitation", "stu_000001"))
    (row,) = await ledger.outbox.begin(await claim(ledger), NOW, TRIES)
    await ledger.outbox.settle([ending(row, "failed_temporary", again_in=timedelta(minutes=42))], TRIES)
    assert (await ledger.outbox.left(CAMPAIGN, EMAIL, NOW)).next_at == NOW + timedelta(minutes=42)


async def test_one_transaction_closes_an_attempt_and_begins_the_next(ledger: Ledger) -> None:
    """What a session needs between two messages."""
    await plan(ledger, ("meeting_invitation", "stu_000001"), ("meeting_invitation", "stu_000002"))
    first, second = await claim(ledger)
    (begun,) = await ledger.outbox.settle_and_begin([], [first], NOW, TRIES)
    (next_,) = await ledger.outbox.settle_and_begin([ending(begun, "accepted")], [second], NOW, TRIES)
    assert number_of(next_) == 1
    assert [row["state"] for row in await rows(ledger)] == ["accepted", "submitted"]


# -- the journal and the board --------------------------------------------------------------------------------------


async def test_a_day_of_the_journal_has_one_digest(ledger: Ledger) -> None:
    """Of the civil day's rows in a fixed order; a channel's days are settled one after the other."""
    await plan(ledger, ("meeting_invitation", "stu_000001"), ("meeting_invitation", "stu_000002"))
    begun = await ledger.outbox.begin(await claim(ledger), NOW, TRIES)
    tomorrow = NOW + timedelta(days=1)
    await ledger.outbox.settle([ending(begun[1], "accepted"), ending(begun[0], "accepted", tomorrow)], TRIES)
    day = civil(NOW)

    record = await ledger.outbox.day_record(CAMPAIGN, EMAIL, day)

    assert (record.day, record.rows, record.states) == (day, 3, {"accepted": 1, "submitted": 2})
    lines = [
        {"notice_id": row.notice_id, "number": 1, "at": stamp(NOW), "state": state, "campaign": CAMPAIGN,
         "channel": EMAIL, "code": None, "provider_id": None, "digest": None}
        for row, state in ((begun[0], "submitted"), (begun[1], "accepted"), (begun[1], "submitted"))
    ]  # fmt: skip
    texts = [dumps(line, sort_keys=True, separators=(",", ":")).encode() for line in lines]
    one, two, three = (sha256(b"\x00" + text).digest() for text in texts)
    assert record.digest == sha256(b"\x01" + sha256(b"\x01" + one + two).digest() + three).hexdigest()
    first = ledger.outbox.first_unsettled
    assert await first(CAMPAIGN, EMAIL, day, None) is None, "its day is not over"
    assert await first(CAMPAIGN, EMAIL, day + timedelta(days=1), None) == day
    assert await first(CAMPAIGN, EMAIL, date.max, day) == day + timedelta(days=1)
    assert await first(CAMPAIGN, SMS, date.max, None) is None


async def test_the_board_counts_every_channel(ledger: Ledger) -> None:
    """What is not routed stands under no name; a list of people is no flight."""
    await plan(ledger, *[("meeting_invitation", f"stu_{number:06d}") for number in range(4)])
    first, second, third, _ = await claim(ledger)
    await ledger.outbox.begin([first], NOW, TRIES)
    await ledger.outbox.release([third], NOW)
    (line,) = await ledger.outbox.backlog(CAMPAIGN, NOW)
    assert (line.channel, line.waiting, line.in_flight, line.held, line.listed, line.unknown) == (EMAIL, 1, 3, 0, 0, 0)
    assert line.oldest_due_at == instant(third.planned_at)
    assert second.channel == EMAIL

    letters = STREAM.replace("meetings", "letters")
    sealed = seal_all(letters, [Recorded(student="stu_x")])
    more = NoticePlan(
        notice_id=f"ntc_{99:032x}", campaign=CAMPAIGN, stream=letters, cause=f"{letters}#1",
        purpose="meeting_invitation", recipient="stu_000009", planned_at=sealed[0]["recorded_at"],
    )  # fmt: skip
    await ledger.append(sealed, [more], view(sealed))
    assert [line.channel for line in await ledger.outbox.backlog(CAMPAIGN, NOW)] == ["", EMAIL]
    await route(ledger, PAPER)
    await claim(ledger, PAPER)
    lines = {line.channel: line for line in await ledger.outbox.backlog(CAMPAIGN, NOW)}
    assert (lines[PAPER].listed, lines[PAPER].in_flight) == (1, 0)
