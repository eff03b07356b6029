"""The outbox's way out: claims, leases, outcomes, the pupils who left, and what a pause holds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta

import pytest
from ledger_samples import (
    BEGIN,
    CAMPAIGN,
    OTHER_SCHOOL,
    RULES,
    SCHOOL,
    STREAM,
    Recorded,
    paused,
    put,
    resumed,
    route,
    seal_all,
    send_next,
    stopped,
    view,
)
from sqlalchemy import update

from domain.events import Envelope, Event
from domain.notices import EMAIL, NoticePlan, NoticeState, notices_for
from domain.parent_meetings_events import HouseholdInvited
from domain.school_events import LeftRegister, StudentJoined
from domain.silences import Silence
from domain.time import instant, stamp
from ledger.outbox import LEASE_EXPIRED, TRIES_EXHAUSTED, Claimed, Outcome, Tries
from ledger.store import Ledger
from ledger.tables import outbox

NOW = BEGIN + timedelta(days=1)
LEASE = timedelta(minutes=10)
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 10))
TRIES = Tries(lease=LEASE, pauses=PAUSES)
ACCEPTED, UNKNOWN = NoticeState.ACCEPTED, NoticeState.UNKNOWN
TEMPORARY, PERMANENT = NoticeState.FAILED_TEMPORARY, NoticeState.FAILED_PERMANENT


def student(number: int) -> str:
    """Return a pupil's reference."""
    return f"stu_{number:06d}"


def invited(count: int, stream: str = STREAM) -> list[Envelope]:
    """Return a stream that invites so many households."""
    return seal_all(stream, [HouseholdInvited(session="s1", student=student(n)) for n in range(1, count + 1)])


async def plan(ledger: Ledger, *rows: tuple[str, bool], stream: str = STREAM) -> None:
    """Append one event with notices to these recipients, optional or not."""
    (event,) = events = seal_all(stream, [Recorded(student="stu_x")])
    plans = [
        NoticePlan(
            notice_id=f"ntc_{number}",
            campaign=CAMPAIGN,
            stream=stream,
            cause=f"{stream}#{event['version']}",
            purpose="meeting_invitation",
            recipient=recipient,
            optional=optional,
            planned_at=event["recorded_at"],
        )
        for number, (recipient, optional) in enumerate(rows)
    ]
    await ledger.append(events, plans, view(events))


async def claim(ledger: Ledger, now: datetime = NOW, limit: int = 100) -> list[Claimed]:
    """Claim what is due and begin it."""
    return await send_next(ledger, now, limit, TRIES)


async def settle(
    ledger: Ledger, row: Claimed, state: NoticeState, at: datetime = NOW, **known: str
) -> NoticeState | None:
    """Close one attempt; return the notice's state after it."""
    (after,) = await ledger.outbox.settle([Outcome(row.notice_id, row.number, state, at, **known)], TRIES)
    return after


async def states(ledger: Ledger) -> dict[str, str]:
    """Return recipient → state."""
    return {row["recipient"]: row["state"] for row in await ledger.outbox.find(CAMPAIGN)}


async def test_a_claim_takes_the_oldest_first_and_writes_the_attempt_down(ledger: Ledger) -> None:
    """As many as asked for, in the order of planning; each has an open attempt before anybody is called."""
    await put(ledger, invited(5))

    claimed = await claim(ledger, limit=2)

    assert [(row.recipient, row.number, row.lease_until) for row in claimed] == [
        (student(1), 1, NOW + LEASE),
        (student(2), 1, NOW + LEASE),
    ]
    assert await ledger.outbox.attempts(claimed[0].notice_id) == [
        {
            "notice_id": claimed[0].notice_id,
            "number": 1,
            "started_at": stamp(NOW),
            "ended_at": None,
            "outcome": None,
            "code": None,
            "provider_id": None,
            "channel": EMAIL,
            "template": None,
            "digest": None,
            "segments": 0,
            "generation": 0,
        }
    ]
    assert await states(ledger) == {student(n): "submitted" if n < 3 else "planned" for n in range(1, 6)}
    assert [row.recipient for row in await claim(ledger)] == [student(3), student(4), student(5)]


async def test_an_accepted_notice_is_never_claimed_again(ledger: Ledger) -> None:
    """Accepted is final; the row knows what was sent under which name, and not the text."""
    await put(ledger, invited(1))
    (row,) = await claim(ledger)

    sent = {"provider_id": "Q1", "template": "meeting_invitation/1", "digest": "d" * 64}
    settled = await settle(ledger, row, ACCEPTED, NOW, **sent)

    assert settled is ACCEPTED
    held = await ledger.outbox.notice(row.notice_id)
    assert held is not None
    assert (held["state"], held["provider_id"], held["template"], held["digest"], held["lease_until"]) == (
        "accepted",
        "Q1",
        "meeting_invitation/1",
        "d" * 64,
        None,
    )
    assert await claim(ledger, NOW + timedelta(days=300)) == []
    assert (await ledger.outbox.left(CAMPAIGN, EMAIL, NOW)).count == 0


@pytest.mark.parametrize("outcome", [TEMPORARY, UNKNOWN])
async def test_a_failure_that_may_pass_is_tried_again_after_growing_pauses_and_then_given_up(
    ledger: Ledger, outcome: NoticeState
) -> None:
    """Three tries with two pauses, not a second earlier; then it has failed for good."""
    await put(ledger, invited(1))
    moment = NOW
    for number, pause in enumerate((*PAUSES, None), 1):
        (row,) = await claim(ledger, moment)
        assert row.number == number
        settled = await settle(ledger, row, outcome, moment, code="SMTP_451")
        if pause is None:
            assert settled is PERMANENT
            break
        assert settled is outcome
        assert (await ledger.outbox.left(CAMPAIGN, EMAIL, NOW)).next_at == moment + pause
        assert await claim(ledger, moment + pause - timedelta(seconds=1)) == []
        moment += pause

    held = await ledger.outbox.notice(row.notice_id)
    assert held is not None
    assert (held["state"], held["code"], held["attempts"]) == ("failed_permanent", TRIES_EXHAUSTED, 3)
    assert await claim(ledger, moment + timedelta(days=300)) == []


async def test_a_permanent_failure_is_not_tried_again(ledger: Ledger) -> None:
    """A refused address stays refused."""
    await put(ledger, invited(1))
    (row,) = await claim(ledger)
    assert await settle(ledger, row, PERMANENT, code="NO_ADDRESS") is PERMANENT
    assert await claim(ledger, NOW + timedelta(days=300)) == []


async def test_outcomes_of_many_attempts_are_written_together(ledger: Ledger) -> None:
    """Each row gets its own: accepted, to be tried again, cancelled as the pupil has left; one decides nothing."""
    await put(ledger, invited(4))
    rows = await claim(ledger)
    left = LeftRegister(student=student(3), exit="transfer", on=date(2025, 3, 3))
    await put(ledger, seal_all(f"{CAMPAIGN}/{SCHOOL}", [left]))

    after = await ledger.outbox.settle(
        [
            Outcome(rows[0].notice_id, 1, ACCEPTED, NOW, template="meeting_invitation/1"),
            Outcome(rows[1].notice_id, 1, TEMPORARY, NOW, "SMTP_451"),
            Outcome(rows[2].notice_id, 1, UNKNOWN, NOW, "SMTP_NO_ANSWER"),
            Outcome(rows[3].notice_id, 2, ACCEPTED, NOW),
        ],
        TRIES,
    )

    assert after == [ACCEPTED, TEMPORARY, NoticeState.DENIED, None]
    assert list((await states(ledger)).values()) == ["accepted", "failed_temporary", "denied", "submitted"]
    ends = [(await ledger.outbox.attempts(row.notice_id))[0]["outcome"] for row in rows]
    assert ends == ["accepted", "failed_temporary", "unknown", None]


async def test_a_lost_attempt_leaves_what_an_earlier_one_sent(ledger: Ledger) -> None:
    """The wording of the first attempt is that of every other, whatever became of one in between."""
    await put(ledger, invited(1))
    (row,) = await claim(ledger)
    await settle(ledger, row, TEMPORARY, NOW, template="meeting_invitation/1", digest="d" * 64)
    (again,) = await claim(ledger, NOW + PAUSES[0])
    await claim(ledger, NOW + PAUSES[0] + LEASE)
    (third,) = await claim(ledger, NOW + PAUSES[0] + LEASE + PAUSES[1])
    assert (again.template, third.number, third.template) == ("meeting_invitation/1", 3, "meeting_invitation/1")


async def test_an_attempt_whose_maker_is_gone_is_marked_unknown_before_the_next(ledger: Ledger) -> None:
    """Nothing happens while the lease runs; then the attempt is `unknown`, and only after a pause there is another."""
    await put(ledger, invited(1))
    (row,) = await claim(ledger)
    assert await claim(ledger, NOW + LEASE - timedelta(seconds=1)) == []

    over = NOW + LEASE
    assert await claim(ledger, over) == []

    (first,) = await ledger.outbox.attempts(row.notice_id)
    assert (first["outcome"], first["code"], first["ended_at"]) == ("unknown", LEASE_EXPIRED, stamp(over))
    assert await states(ledger) == {student(1): "unknown"}
    (again,) = await claim(ledger, over + PAUSES[0])
    assert (again.notice_id, again.number) == (row.notice_id, 2)


async def test_late_news_correct_an_unknown_and_prevent_the_resend(ledger: Ledger) -> None:
    """A slow sender comes back after its lease: what it knows counts, and nobody sends again."""
    await put(ledger, invited(1))
    (row,) = await claim(ledger)
    await claim(ledger, NOW + LEASE)

    assert await settle(ledger, row, ACCEPTED, NOW + LEASE) is ACCEPTED

    assert await claim(ledger, NOW + timedelta(days=1)) == []
    (first,) = await ledger.outbox.attempts(row.notice_id)
    assert first["outcome"] == "accepted"


async def test_news_of_an_older_attempt_do_not_settle_the_newer_one(ledger: Ledger) -> None:
    """Once the next attempt has begun, late news stand with their own attempt only; and a closed one stays."""
    await put(ledger, invited(1))
    (row,) = await claim(ledger)
    await claim(ledger, NOW + LEASE)
    (again,) = await claim(ledger, NOW + LEASE + PAUSES[0])

    assert await settle(ledger, row, PERMANENT, NOW + timedelta(hours=1), code="SMTP_550") is None
    assert await states(ledger) == {student(1): "submitted"}
    assert await settle(ledger, again, ACCEPTED, NOW + timedelta(hours=1)) is ACCEPTED
    assert await settle(ledger, again, TEMPORARY, NOW + timedelta(hours=2)) is None
    assert [row["outcome"] for row in await ledger.outbox.attempts(row.notice_id)] == ["failed_permanent", "accepted"]


async def test_two_dispatchers_never_get_the_same_row(
    ledger_url: str, opened: Callable[[str], Awaitable[Ledger]]
) -> None:
    """Four dispatchers with ledgers of their own claim side by side until nothing is left: each row once."""
    ledgers = [await opened(ledger_url) for _ in range(4)]
    await put(ledgers[0], invited(120))
    await route(ledgers[0])

    async def drain(ledger: Ledger) -> list[str]:
        found: list[str] = []
        while (await ledger.outbox.left(CAMPAIGN, EMAIL, NOW)).count and len(found) < 120:
            batch = await claim(ledger, limit=7)
            found += [row.notice_id for row in batch]
            if not batch:
                break
        return found

    found = [row for rows in await asyncio.gather(*map(drain, ledgers)) for row in rows]

    assert len(found) == len(set(found)) == 120


async def test_two_processes_that_expire_the_same_lease_count_it_once(
    ledger_url: str, opened: Callable[[str], Awaitable[Ledger]]
) -> None:
    """Both look at the same moment: the attempt is closed once and claimed once."""
    ledgers = [await opened(ledger_url) for _ in range(2)]
    await put(ledgers[0], invited(20))
    await claim(ledgers[0])
    moment = NOW + LEASE
    await asyncio.gather(*(claim(ledger, moment) for ledger in ledgers))
    batches = await asyncio.gather(*(claim(ledger, moment + PAUSES[0]) for ledger in ledgers))
    assert sorted(row.number for batch in batches for row in batch) == [2] * 20


# -- pupils who left ----------------------------------------------------------------------------------------------


async def test_whoever_leaves_the_register_gets_nothing_more(ledger: Ledger) -> None:
    """What was planned for the household and the pupil is cancelled in the same transaction; others stay."""
    await plan(ledger, (student(1), True), (f"pupil:{student(1)}", False), (student(2), True), ("class_head@1", True))

    left = seal_all(f"{CAMPAIGN}/{SCHOOL}", [LeftRegister(student=student(1), exit="transfer", on=date(2025, 3, 3))])
    await put(ledger, left)

    assert await states(ledger) == {
        student(1): "denied",
        f"pupil:{student(1)}": "denied",
        student(2): "planned",
        "class_head@1": "planned",
    }
    assert {row["code"] for row in await ledger.outbox.find(CAMPAIGN, state="denied")} == {Silence.LEFT_REGISTER}
    assert await ledger.outbox.suppressions(CAMPAIGN) == [
        {
            "campaign": CAMPAIGN,
            "student": student(1),
            "code": "LEFT_REGISTER",
            "cause": f"{CAMPAIGN}/{SCHOOL}#1",
            "reason": "transfer",
            "at": left[0]["recorded_at"],
        }
    ]
    assert [row.recipient for row in await claim(ledger)] == [student(2), "class_head@1"]


async def test_a_notice_planned_later_is_stored_as_cancelled(ledger: Ledger) -> None:
    """The row is there, for the audit compares it with the events; it is never sent."""
    await put(
        ledger, seal_all(f"{CAMPAIGN}/{SCHOOL}", [LeftRegister(student=student(1), exit="death", on=date(2025, 3, 3))])
    )
    await put(ledger, invited(2))

    assert await states(ledger) == {student(1): "denied", student(2): "planned"}


async def test_a_departure_that_crossed_the_plan_is_seen_at_the_claim(ledger: Ledger) -> None:
    """Two writers at once: the row was planned after the departure had looked; it is not claimed, nor waited for."""
    await put(ledger, invited(2))
    leaves = LeftRegister(student=student(1), exit="death", on=date(2025, 3, 3))
    await put(ledger, seal_all(f"{CAMPAIGN}/{SCHOOL}", [leaves]))
    async with ledger._writing.begin() as connection:
        await connection.execute(update(outbox).values(state="planned", code=None))
    await route(ledger)

    assert (await ledger.outbox.left(CAMPAIGN, "email", NOW)).count == 1
    assert [row.recipient for row in await claim(ledger)] == [student(2)]


async def test_whoever_comes_back_gets_notices_again(ledger: Ledger) -> None:
    """The departure's silence ends with the return; the same occasion, planned anew, waits like a new notice."""
    school = f"{CAMPAIGN}/{SCHOOL}"
    await put(ledger, invited(2))
    leaves = LeftRegister(student=student(1), exit="transfer", on=date(2025, 3, 3))
    returns = StudentJoined(student=student(1), class_id="2022-01", on=date(2025, 4, 1), again=True)
    await put(ledger, seal_all(school, [leaves]))
    assert await states(ledger) == {student(1): "denied", student(2): "planned"}

    await put(ledger, seal_all(school, [leaves, returns]))
    assert await ledger.outbox.suppressions(CAMPAIGN) == []
    assert await states(ledger) == {student(1): "denied", student(2): "planned"}  # the old invitation is past

    before = invited(2)
    once_more = [HouseholdInvited(session="s1", student=student(n)) for n in (1, 2)]
    await put(ledger, seal_all(STREAM, once_more, start=3, prev_hash=before[-1]["hash"]))
    assert await states(ledger) == {student(1): "planned", student(2): "planned"}
    assert [row.recipient for row in await claim(ledger)] == [student(1), student(2)]


async def test_a_notice_in_flight_while_the_pupil_leaves_is_not_tried_again(ledger: Ledger) -> None:
    """It cannot be called back; where it fails or nobody knows, that was the last attempt."""
    await put(ledger, invited(3))
    rows = await claim(ledger)
    leaving = [LeftRegister(student=student(n), exit="transfer", on=date(2025, 3, 3)) for n in (1, 2, 3)]
    await put(ledger, seal_all(f"{CAMPAIGN}/{SCHOOL}", leaving))

    await settle(ledger, rows[0], ACCEPTED)
    await settle(ledger, rows[1], TEMPORARY)
    await claim(ledger, NOW + LEASE)

    assert await states(ledger) == {student(1): "accepted", student(2): "denied", student(3): "denied"}
    (lost,) = await ledger.outbox.attempts(rows[2].notice_id)
    assert lost["outcome"] == "unknown"


# -- holds --------------------------------------------------------------------------------------------------------

OTHER_STREAM = f"{CAMPAIGN}/{OTHER_SCHOOL}/parent-meetings"
LONGER = f"{CAMPAIGN}/{SCHOOL}9/parent-meetings"
HOLDS: dict[str, tuple[list[Event], set[str]]] = {
    "the campaign is paused": ([paused()], set()),
    "the school is paused": ([paused(SCHOOL)], {OTHER_STREAM, LONGER}),
    "the campaign is stopped": ([stopped()], set()),
    "the pause is over": ([paused(), resumed()], {STREAM, OTHER_STREAM, LONGER}),
    "another school is paused": ([paused(OTHER_SCHOOL)], {STREAM, LONGER}),
}


@pytest.mark.parametrize("case", HOLDS)
async def test_a_hold_keeps_optional_notices_of_its_scope_back(ledger: Ledger, case: str) -> None:
    """A campaign's hold keeps all, a school's its own and not those of a school whose code begins alike."""
    events, free = HOLDS[case]
    for stream in (STREAM, OTHER_STREAM, LONGER):
        await put(ledger, invited(1, stream))
    await put(ledger, seal_all(CAMPAIGN, events))

    assert {row.stream for row in await claim(ledger)} == free
    assert (await ledger.outbox.left(CAMPAIGN, EMAIL, NOW)).count == len(free)


async def test_statutory_notices_go_out_under_a_hold(ledger: Ledger) -> None:
    """A pause never takes a family's right to be told."""
    await plan(ledger, (student(1), True), (student(2), False))
    await put(ledger, seal_all(CAMPAIGN, [paused()]))

    assert [row.recipient for row in await claim(ledger)] == [student(2)]


async def test_another_campaigns_notices_are_left_alone(ledger: Ledger) -> None:
    """A dispatcher serves one campaign and one channel."""
    await put(ledger, invited(2))
    other = "campaign/yunling/2026"

    await route(ledger)
    assert await ledger.outbox.claim(other, EMAIL, 9, NOW, RULES, None) == []
    assert await ledger.outbox.claim(CAMPAIGN, "sms", 9, NOW, RULES, None) == []
    assert len(await claim(ledger)) == 2


async def test_what_is_left_names_the_first_moment_at_which_there_is_something_to_do(ledger: Ledger) -> None:
    """Planned notices are due at once and give no moment; a lease and a pause do."""
    await put(ledger, invited(3))
    assert (await ledger.outbox.left(CAMPAIGN, EMAIL, NOW)).next_at is None
    first, *_ = await claim(ledger, limit=2)
    assert (await ledger.outbox.left(CAMPAIGN, EMAIL, NOW)).next_at == NOW + LEASE
    await settle(ledger, first, TEMPORARY)
    left = await ledger.outbox.left(CAMPAIGN, EMAIL, NOW)
    assert (left.count, left.due, left.next_at) == (3, 1, NOW + PAUSES[0])
    assert (await ledger.outbox.left(CAMPAIGN, EMAIL, NOW + LEASE)).due == 3


def test_stamps_sort_as_their_instants() -> None:
    """The claim compares text: one offset, one precision."""
    moments = [
        instant(f"2025-03-0{day}T{hour:02d}:00:00.00{ms}+00:00") for day in (1, 9) for hour in (0, 17) for ms in (1, 9)
    ]
    assert sorted(map(stamp, moments)) == [stamp(moment) for moment in sorted(moments)]


def test_the_plan_of_a_meeting_is_optional() -> None:
    """An invitation to a meeting waits while work is paused."""
    (notice,) = notices_for(invited(1)[0])
    assert notice.optional
