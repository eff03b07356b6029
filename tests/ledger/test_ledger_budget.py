"""The household's budget: one campaign message a civil day over siblings, schools and campaigns, whoever claims."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_samples import RULES, SCHOOL, Recorded, seal_all, view
from sqlalchemy import select

from domain.notices import EMAIL, NoticePlan, NoticeState, class_of
from domain.sending import HOUSEHOLD_BUDGET
from domain.time import at, civil, instant
from ledger.handover import Claimed, Copy, Outcome, Routing, Tries
from ledger.store import Ledger
from ledger.tables import budget, outbox

MORNING = at(civil(instant("2025-03-04T00:00:00+08:00")), time(8))
DAILY = replace(RULES, household_daily=1, quiet_from=time(21, 30), quiet_until=time(7, 30))
TRIES = Tries(lease=timedelta(minutes=10), pauses=(timedelta(minutes=30), timedelta(hours=20)))
KEYS = {"stu_000001": ("mother", "shared"), "stu_000002": ("shared", "father2"), "stu_000003": ("shared",)}
"""Three siblings: each has an address of its own or none, and all share one parent's."""

PURPOSES = {"meeting_invitation": True, "choice_notice": False, "meeting_moved": True}
_numbers = count(1)

Opener = Callable[[str], Awaitable[Ledger]]


async def plan(ledger: Ledger, campaign: str, student: str, purpose: str, planned: datetime) -> str:
    """Plan a notice to a pupil's household, and route it to two persons of it."""
    number = next(_numbers)
    stream = f"{campaign}/{SCHOOL}/s{number}"
    sealed = seal_all(stream, [Recorded(student=student)])
    one = NoticePlan(
        notice_id=f"ntc_{number:032x}",
        campaign=campaign,
        stream=stream,
        cause=f"{stream}#1",
        purpose=purpose,
        recipient=student,
        optional=PURPOSES[purpose],
        planned_at=planned.isoformat(timespec="milliseconds"),
    )
    await ledger.append(sealed, [one], view(sealed))
    keys = tuple(f"{key}{campaign[-8:-5]}"[:16] for key in KEYS[student])
    others = (Copy("gdn_000002", purpose, (EMAIL,)),)
    await ledger.outbox.route([Routing(one.notice_id, "gdn_000001", (EMAIL,), keys, None, others)])
    return one.notice_id


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from((1, 2)),
            st.sampled_from(sorted(KEYS)),
            st.sampled_from(sorted(PURPOSES)),
            st.integers(0, 9),
            st.sampled_from(("accepted", "failed_temporary", "unknown", "lost")),
        ),
        min_size=6,
        max_size=18,
    )
)
async def test_no_schedule_of_two_campaigns_and_three_siblings_exceeds_the_budget(
    sqlite_ledger: Ledger, steps: list[tuple[int, str, str, int, str]]
) -> None:
    """On no civil day an optional message reaches a household that had one already; what is statutory counts."""
    ledger, run = sqlite_ledger, f"{next(_numbers):03d}"
    campaigns = {number: f"campaign/c{number}x{run}/2025" for number in (1, 2)}
    told: dict[tuple[str, str], dict[str, None]] = {}
    now = MORNING
    for number, student, purpose, hours, end in steps:
        await plan(ledger, campaigns[number], student, purpose, now - timedelta(minutes=1))
        begun: list[Claimed] = []
        for campaign in campaigns.values():
            claimed = await ledger.outbox.claim(campaign, EMAIL, 9, now, DAILY, None, TRIES)
            begun += await ledger.outbox.begin(claimed, now, TRIES)
        for row in begun:
            held = await ledger.outbox.notice(row.notice_id)
            assert held is not None
            root = row.copy_of or row.notice_id
            before = [told.setdefault((key, str(civil(now))), {}) for key in held["contacts"].split()]
            if class_of(row.purpose, row.recipient, optional=PURPOSES[row.purpose]) == "campaign":
                assert all(not roots or root in roots for roots in before), "a second one on this day"
            for roots in before:
                roots[root] = None
        if end != "lost":
            await ledger.outbox.settle(
                [Outcome(row.notice_id, row.number, NoticeState(end), now) for row in begun], TRIES
            )
        now += timedelta(hours=hours, minutes=7)


async def test_the_second_invitation_of_a_day_waits_for_the_next_morning(ledger: Ledger) -> None:
    """Its copy for the other parent is the same message; a statutory letter goes out and takes the day's place."""
    campaign = "campaign/siblings/2025"
    first = await plan(ledger, campaign, "stu_000001", "meeting_invitation", MORNING - timedelta(minutes=2))
    second = await plan(ledger, campaign, "stu_000002", "meeting_invitation", MORNING - timedelta(minutes=1))
    letter = await plan(ledger, campaign, "stu_000003", "choice_notice", MORNING)

    claimed = await ledger.outbox.claim(campaign, EMAIL, 9, MORNING, DAILY, None)

    assert [row.copy_of or row.notice_id for row in claimed] == [first, first, letter, letter]
    held = [row for row in await ledger.outbox.find(campaign) if row["state"] == "held"]
    tomorrow = "2025-03-05T07:30:00.000+08:00"
    assert {(row["copy_of"] or row["notice_id"], row["code"], row["next_at"]) for row in held} == {
        (second, HOUSEHOLD_BUDGET, tomorrow)
    }
    assert [line["state"] for line in await ledger.outbox.journal(second)] == ["held"]
    await ledger.outbox.release(claimed, MORNING)
    again = await ledger.outbox.claim(campaign, EMAIL, 9, MORNING, DAILY, None)
    assert [row.notice_id for row in again] == [row.notice_id for row in claimed], "its own place is not spent twice"
    tomorrows = await ledger.outbox.claim(campaign, EMAIL, 9, instant(tomorrow), DAILY, None, TRIES)
    assert {row.copy_of or row.notice_id for row in tomorrows} == {first, letter}, "what never went out is older"


async def test_two_processes_never_spend_one_place_twice(ledger_url: str, opened: Opener) -> None:
    """Campaigns that claim at the same moment, each in a process of its own: one message for each household."""
    ledgers = [await opened(ledger_url) for _ in range(4)]
    campaigns = [f"campaign/at{number}once/2025" for number in range(4)]
    households = 12
    for campaign in campaigns:
        for number in range(households):
            name = await plan(ledgers[0], campaign, "stu_000003", "meeting_invitation", MORNING)
            async with ledgers[0]._writing.begin() as connection:
                own = outbox.update().where((outbox.c.notice_id == name) | (outbox.c.copy_of == name))
                await connection.execute(own.values(contacts=f"household{number}"))

    claims = [
        ledger.outbox.claim(campaign, EMAIL, 99, MORNING, DAILY, None)
        for ledger, campaign in zip(ledgers, campaigns, strict=True)
    ]
    claimed = [row for rows in await asyncio.gather(*claims) for row in rows]

    assert len({row.copy_of or row.notice_id for row in claimed}) == households
    async with ledgers[0]._engine.connect() as connection:
        kept = (await connection.execute(select(budget.c.key, budget.c.root))).all()
    assert len(kept) == households
    assert len({row.key for row in kept}) == households


@pytest.mark.parametrize("crowd", [120])
async def test_a_household_that_has_had_its_message_starves_nobody_behind_it(ledger: Ledger, crowd: int) -> None:
    """Far more than a batch wait for tomorrow before the one that may go: the same claim finds it."""
    campaign = "campaign/crowd/2025"
    stream = f"{campaign}/{SCHOOL}/crowd"
    sealed = seal_all(stream, [Recorded(student="stu_x")])
    plans = [
        NoticePlan(
            notice_id=f"ntc_{number:032x}",
            campaign=campaign,
            stream=stream,
            cause=f"{stream}#1",
            purpose="meeting_invitation",
            recipient=f"stu_{number:06d}",
            planned_at=sealed[0]["recorded_at"],
        )
        for number in range(crowd)
    ]
    await ledger.append(sealed, plans, view(sealed))
    keys = {one.notice_id: ("crowded",) if number < crowd - 1 else ("alone",) for number, one in enumerate(plans)}
    await ledger.outbox.route([Routing(name, None, (EMAIL,), own, None) for name, own in keys.items()])

    claimed = await ledger.outbox.claim(campaign, EMAIL, 20, MORNING, DAILY, None)

    assert [row.notice_id for row in claimed] == [plans[0].notice_id, plans[-1].notice_id]
    assert (await ledger.outbox.left(campaign, EMAIL, MORNING)).due == 0
