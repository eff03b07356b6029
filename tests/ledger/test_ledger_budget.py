"""The household's budget: one campaign message a civil day over siblings, schools and campaigns, whoever claims."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from functools import partial
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_samples import RULES, SCHOOL, Recorded, seal_all, view
from sqlalchemy import select

from domain.events import GENESIS, Event
from domain.notices import EMAIL, PAPER, SMS, WECOM, NoticePlan, NoticeState, class_of
from domain.sending import HOUSEHOLD_BUDGET
from domain.sending_events import NoticeMuted, NoticeRetried, NoticesKilled, ScopeKind
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


async def plan(
    ledger: Ledger,
    campaign: str,
    student: str,
    purpose: str,
    planned: datetime,
    *,
    chain: tuple[str, ...] = (EMAIL,),
    own: Sequence[str] | None = None,
) -> str:
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
    keys = keys_in(campaign, KEYS[student] if own is None else own)
    others = (Copy("gdn_000002", purpose, chain[-1:]),)
    await ledger.outbox.route([Routing(one.notice_id, "gdn_000001", chain, keys, None, others)])
    return one.notice_id


def keys_in(campaign: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return a household's keys; each run of a test has households of its own."""
    return tuple(f"{name}{campaign[-8:-5]}"[:16] for name in names)


SENDING = (WECOM, SMS, EMAIL)
SAID = ("accepted", "failed_temporary", "failed_permanent", "unknown")
ENDS = (*SAID, "lost", "given back", "muted")
steps = st.tuples(
    st.sampled_from((1, 2)),
    st.sampled_from(sorted(KEYS)),
    st.sampled_from(sorted(PURPOSES)),
    st.permutations((*SENDING, PAPER)).map(lambda ways: tuple(ways[:2])),
    st.lists(st.sampled_from(("mother", "father2", "moved")), max_size=2, unique=True),
    st.integers(0, 9),
    st.sampled_from(ENDS),
    st.booleans(),
)
"""Campaign, pupil, purpose, chain, addresses beside the shared one, hours until then, what becomes of what is sent,
and whether somebody has sent again what has failed."""


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(course=st.lists(steps, min_size=6, max_size=16))
async def test_no_schedule_of_two_campaigns_and_three_siblings_exceeds_the_budget(
    sqlite_ledger: Ledger, course: list[tuple[int, str, str, tuple[str, ...], list[str], int, str, bool]]
) -> None:
    """On no civil day an optional message reaches a household that had one already; what is statutory counts.

    Whichever channel it goes by, whoever has moved, and whatever a person has sent again; letters stay beside it.
    """
    ledger, run = sqlite_ledger, f"{next(_numbers):03d}"
    campaigns = {number: Campaign(ledger, f"campaign/c{number}x{run}/2025") for number in (1, 2)}
    channels = dict.fromkeys((SMS, *(channel for step in course for channel in step[3])))
    told: dict[tuple[str, str], dict[str, None]] = {}
    now = MORNING
    for number, student, purpose, chain, own, hours, end, again in course:
        shared = ("shared", *own) if own else None
        name = campaigns[number].name
        await plan(ledger, name, student, purpose, now - timedelta(minutes=1), chain=chain, own=shared)
        begun: list[Claimed] = []
        for campaign in campaigns.values():
            if again:
                await campaign.retry()
            for channel in channels:
                claimed = await ledger.outbox.claim(campaign.name, channel, 9, now, DAILY, None, TRIES)
                if end == "given back":
                    await ledger.outbox.release(claimed, now)
                elif end == "muted" and claimed:
                    await campaign.decide(NoticeMuted(notice=claimed[0].notice_id, school=None, reason="WRONG"))
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
        if end in SAID:
            await ledger.outbox.settle(
                [Outcome(row.notice_id, row.number, NoticeState(end), now) for row in begun], TRIES
            )
        now += timedelta(hours=hours, minutes=7)


class Campaign:
    """One campaign's stream, and what people send again in it."""

    def __init__(self, ledger: Ledger, name: str) -> None:
        self.ledger = ledger
        self.name = name
        self.version, self.head = 0, GENESIS

    async def decide(self, event: Event) -> None:
        """Append an event to the campaign's stream."""
        sealed = seal_all(self.name, [event], self.version + 1, self.head)
        await self.ledger.append(sealed, [], view(sealed))
        self.version, self.head = self.version + 1, sealed[-1]["hash"]

    async def retry(self) -> None:
        """Send again what has failed or was muted, and route it anew: by another way, with the keys that hold now."""
        over = (NoticeState.FAILED_PERMANENT, NoticeState.MUTED)
        for row in [row for row in await self.ledger.outbox.find(self.name) if row["state"] in over]:
            await self.decide(NoticeRetried(notice=row["notice_id"], channel=None, reason="REPAIRED"))
        keys = keys_in(self.name, ("shared", "repaired"))
        rows = await self.ledger.outbox.unrouted(self.name, 99)
        await self.ledger.outbox.route([Routing(row.notice_id, row.person, (SMS,), keys, None) for row in rows])


@pytest.mark.parametrize("turned", ["muted", "stopped", "given back", "sent"])
async def test_the_day_is_not_spent_by_what_was_never_sent(ledger: Ledger, turned: str) -> None:
    """Cleared and turned round before its attempt: another campaign takes the day's place, and then it is taken."""
    first, second = (Campaign(ledger, f"campaign/{name}turn/2025") for name in ("a", "b"))
    one = await plan(ledger, first.name, "stu_000001", "meeting_invitation", MORNING)
    two = await plan(ledger, second.name, "stu_000003", "meeting_invitation", MORNING)
    claim = partial(ledger.outbox.claim, channel=EMAIL, limit=9, now=MORNING, rules=DAILY, calendar=None, tries=TRIES)
    claimed = await claim(first.name)
    assert {row.copy_of or row.notice_id for row in claimed} == {one}
    assert (await claim(second.name)).held == 2, "it is about to go"
    match turned:
        case "muted":
            for row in claimed:
                await first.decide(NoticeMuted(notice=row.notice_id, school=None, reason="WRONG"))
        case "stopped":
            await first.decide(NoticesKilled(scope_kind=ScopeKind.CHANNEL, scope=EMAIL, reason="WRONG"))
        case "given back":
            await ledger.outbox.release(claimed, MORNING)
    begun = await ledger.outbox.begin(claimed, MORNING, TRIES)
    three = await plan(ledger, second.name, "stu_000003", "meeting_invitation", MORNING)
    found = await claim(second.name)
    if turned == "sent":
        assert (len(begun), len(found)) == (2, 0)
        return
    assert begun == []
    assert {row.copy_of or row.notice_id for row in found} == {three} != {two}
    again = await claim(first.name)
    assert (len(again), again.held) == (0, 2 if turned == "given back" else 0)


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
