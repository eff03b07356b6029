"""What was judged once and still waits: messages of several notices, attempts of which nobody knows, people's lists."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest
from ledger_samples import BEGIN, CAMPAIGN, RULES, SCHOOL, STREAM, Recorded, put, seal_all, view

from domain.events import GENESIS, Event
from domain.notices import EMAIL, PAPER, PHONE, WECOM, NoticePlan, NoticeState
from domain.sending_events import (
    NoticeOutcomeStated,
    NoticesKilled,
    NoticesReleased,
    OptionalNoticesDeclined,
    ScopeKind,
)
from domain.time import at, civil, stamp
from ledger.claims import Taken
from ledger.handover import Claimed, Outcome, Routing, Tries
from ledger.repeats import NOT_REPEATABLE
from ledger.store import Ledger
from ledger.tables import outbox

TUESDAY = civil(BEGIN + timedelta(days=1))
EVENING, OPENING = at(TUESDAY, time(21, 20)), at(TUESDAY + timedelta(days=1), time(7, 30))
MORNING = at(TUESDAY, time(10))
NIGHTS = replace(RULES, quiet_from=time(21, 30), quiet_until=time(7, 30), digest_purposes=("stage_reminder",))
TRIES = Tries(lease=timedelta(minutes=10), pauses=(timedelta(minutes=10),) * 4)
KNOWN_FOR = timedelta(hours=4)
HEAD = f"class_head@{SCHOOL}"
FAMILY = ("meeting_invitation", "stu_000001")


class Watch:
    """One campaign's outbox, seen at one instant after the other."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.outbox = ledger.outbox
        self.version, self.head = 0, GENESIS

    async def plan(
        self,
        *notices: tuple[str, str],
        chain: tuple[str, ...] = (EMAIL,),
        person: str | None = None,
        occasion: datetime | None = None,
    ) -> None:
        """Plan notices of (purpose, recipient), and route them by one chain; the first may have an occasion."""
        sealed = seal_all(STREAM, [Recorded(student="stu_x")])
        plans = [
            NoticePlan(
                notice_id=name_of(number),
                campaign=CAMPAIGN,
                stream=STREAM,
                cause=f"{STREAM}#1",
                purpose=purpose,
                recipient=recipient,
                planned_at=sealed[0]["recorded_at"],
            )
            for number, (purpose, recipient) in enumerate(notices)
        ]
        await self.ledger.append(sealed, plans, view(sealed))
        occasions = [occasion, *[None] * len(notices)]
        await self.outbox.route(
            [Routing(name_of(number), person, chain, (), occasions[number]) for number in range(len(notices))]
        )

    async def decide(self, event: Event) -> None:
        """Append an event to the campaign's stream."""
        sealed = seal_all(CAMPAIGN, [event], self.version + 1, self.head)
        await put(self.ledger, sealed)
        self.version, self.head = self.version + 1, sealed[-1]["hash"]

    async def claim(self, now: datetime, channel: str = EMAIL) -> Taken:
        """Claim as a channel does whose provider knows a repeated message for some hours."""
        known = None if channel == EMAIL else KNOWN_FOR
        return await self.outbox.claim(CAMPAIGN, channel, 9, now, NIGHTS, None, TRIES, dedupes_for=known)

    async def send(self, now: datetime, channel: str = EMAIL) -> list[Claimed]:
        """Claim and begin."""
        return await self.outbox.begin(await self.claim(now, channel), now, TRIES)

    async def end(self, rows: list[Claimed], state: NoticeState, now: datetime) -> None:
        """Close the attempt of a message."""
        await self.outbox.settle([Outcome(rows[0].notice_id, rows[0].number, state, now, "SAID")], TRIES)

    async def rows(self) -> list[tuple[str, str | None, str | None]]:
        """Return state, code and next look of each notice, in the order of their ids."""
        found = sorted(await self.outbox.find(CAMPAIGN), key=lambda row: str(row["notice_id"]))
        return [(row["state"], row["code"], row["next_at"]) for row in found]


def name_of(number: int) -> str:
    """Return the id of a planned notice."""
    return f"ntc_{number:032x}"


@pytest.fixture
def watch(ledger: Ledger) -> Watch:
    """Return a campaign's outbox."""
    return Watch(ledger)


# -- a message of several notices -----------------------------------------------------------------------------------


async def test_by_night_a_message_that_is_tried_again_waits_as_a_whole(watch: Watch) -> None:
    """Else its notices would be due all night, and no claim would take them."""
    await watch.plan(("stage_reminder", HEAD), ("stage_reminder", HEAD))
    await watch.end(await watch.send(EVENING), NoticeState.FAILED_TEMPORARY, EVENING)
    night = EVENING + timedelta(minutes=11)
    assert (await watch.outbox.left(CAMPAIGN, EMAIL, night)).due == 1, "the message, not each of its notices"

    taken = await watch.claim(night)

    assert (taken, taken.held) == ([], 2)
    assert await watch.rows() == [("held", "QUIET_HOURS", stamp(OPENING))] * 2
    left = await watch.outbox.left(CAMPAIGN, EMAIL, night)
    assert (left.due, left.next_at) == (0, OPENING)
    again = await watch.send(OPENING)
    assert [(row.notice_id, row.digest_of, row.number) for row in again] == [
        (name_of(0), None, 2),
        (name_of(1), name_of(0), 2),
    ]


async def test_a_notice_whose_message_is_over_goes_by_itself(watch: Watch) -> None:
    """Nobody waits for a leader that expires: what stood beside it is still to be told."""
    occasion = MORNING + timedelta(minutes=5)
    await watch.plan(("stage_reminder", HEAD), ("stage_reminder", HEAD), occasion=occasion)
    await watch.end(await watch.send(MORNING), NoticeState.FAILED_TEMPORARY, MORNING)
    later = MORNING + timedelta(minutes=11)
    assert (await watch.claim(later)).expired == 1
    taken = await watch.claim(later)
    assert [(row.notice_id, row.digest_of) for row in taken] == [(name_of(1), None)]
    assert [row[0] for row in await watch.rows()] == ["expired", "cleared"]


@pytest.mark.parametrize("over", ["denied", "muted", "accepted"])
async def test_a_notice_that_was_left_behind_is_found(watch: Watch, over: str) -> None:
    """However its leader came to its end, it is counted, claimed and begun as a message of its own."""
    await watch.plan(("stage_reminder", HEAD), ("stage_reminder", HEAD))
    await watch.end(await watch.send(MORNING), NoticeState.FAILED_TEMPORARY, MORNING)
    async with watch.ledger._writing.begin() as connection:
        await connection.execute(outbox.update().where(outbox.c.notice_id == name_of(0)).values(state=over))
    later = MORNING + timedelta(minutes=11)
    assert (await watch.outbox.left(CAMPAIGN, EMAIL, later)).due == 1
    assert [(row.notice_id, row.digest_of) for row in await watch.send(later)] == [(name_of(1), None)]


# -- hours ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("purpose", "begun"), [("meeting_invitation", 0), ("meeting_cancelled", 0), ("persuasion_overdue", 1)]
)
async def test_what_was_cleared_before_the_quiet_hours_is_not_begun_in_them(
    watch: Watch, purpose: str, begun: int
) -> None:
    """A lease of minutes does not reach into the night, but for what is about a child in danger."""
    await watch.plan((purpose, "stu_000001"))
    last = at(TUESDAY, time(21, 29, 59))
    claimed = await watch.claim(last)
    assert len(claimed) == 1
    assert len(await watch.outbox.begin(claimed, last + timedelta(minutes=9), TRIES)) == begun
    again = await watch.claim(last + timedelta(minutes=9))
    assert (again.held, len(again)) == (1 - begun, 0)
    assert len(await watch.send(OPENING)) == 1 - begun


# -- attempts of which nobody knows -----------------------------------------------------------------------------------


async def test_an_attempt_of_which_nobody_knows_stays_unknown_over_night_and_is_not_sent_twice(watch: Watch) -> None:
    """In the morning the provider would not know the message any more: a person says what became of it."""
    await watch.plan(FAMILY, chain=(WECOM,))
    await watch.end(await watch.send(EVENING, WECOM), NoticeState.UNKNOWN, EVENING)
    night = EVENING + timedelta(minutes=11)
    assert (await watch.claim(night, WECOM)).held == 1
    assert await watch.rows() == [("unknown", "SAID", stamp(OPENING))]

    assert (await watch.claim(OPENING, WECOM)).held == 1

    assert await watch.rows() == [("unknown", NOT_REPEATABLE, None)]
    left = await watch.outbox.left(CAMPAIGN, WECOM, OPENING)
    assert (left.count, left.due) == (0, 0)
    assert [one["state"] for one in await watch.outbox.journal(name_of(0))] == ["submitted", "unknown", "unknown"]


@pytest.mark.parametrize(("minutes", "begun"), [(229, 1), (231, 0)])
async def test_a_message_is_repeated_while_its_provider_knows_the_first_one(
    watch: Watch, minutes: int, begun: int
) -> None:
    """Counted from the first attempt of which nobody knows, whatever the second one said; less a lease."""
    await watch.plan(FAMILY, chain=(WECOM,))
    await watch.end(await watch.send(MORNING, WECOM), NoticeState.UNKNOWN, MORNING)
    second = MORNING + timedelta(minutes=11)
    await watch.end(await watch.send(second, WECOM), NoticeState.FAILED_TEMPORARY, second)
    assert len(await watch.send(MORNING + timedelta(minutes=minutes), WECOM)) == begun


@pytest.mark.parametrize("begun", [False, True])
async def test_after_a_persons_word_a_message_goes_again(watch: Watch, begun: bool) -> None:
    """None of the attempts went out, whoever doubted of how many."""
    await watch.plan(FAMILY, chain=(WECOM,))
    await watch.end(await watch.send(MORNING, WECOM), NoticeState.UNKNOWN, MORNING)
    if begun:
        second = MORNING + timedelta(minutes=11)
        await watch.end(await watch.send(second, WECOM), NoticeState.UNKNOWN, second)
    late = MORNING + timedelta(hours=6)
    await watch.claim(late, WECOM)
    await watch.decide(NoticeOutcomeStated(notice=name_of(0), sent=False, reason="LOOKED"))
    assert len(await watch.send(late, WECOM)) == 1


@pytest.mark.parametrize("when", ["before the claim", "after the claim", "claim lost", "given back"])
async def test_a_stop_does_not_make_an_unknown_attempt_known(watch: Watch, when: str) -> None:
    """It stays unknown under a kill switch, and is repeated after it."""
    await watch.plan(FAMILY, chain=(WECOM,))
    await watch.end(await watch.send(MORNING, WECOM), NoticeState.UNKNOWN, MORNING)
    later = MORNING + timedelta(minutes=11)
    claimed = [] if when == "before the claim" else await watch.claim(later, WECOM)
    if when == "given back":
        await watch.outbox.release(claimed, later)
    await watch.decide(NoticesKilled(scope_kind=ScopeKind.CHANNEL, scope=WECOM, reason="WRONG_TEXT"))
    if when == "after the claim":
        assert await watch.outbox.begin(claimed, later, TRIES) == []
    later += TRIES.lease
    assert await watch.claim(later, WECOM) == []
    assert (await watch.rows())[0][:2] == ("unknown", "SAID")
    assert (await watch.outbox.left(CAMPAIGN, WECOM, later)).due == 0
    await watch.decide(NoticesReleased(scope_kind=ScopeKind.CHANNEL, scope=WECOM, reason="CORRECTED"))
    assert [row.number for row in await watch.send(later, WECOM)] == [2]


async def test_an_unknown_attempt_whose_occasion_has_come_is_not_told_as_expired(watch: Watch) -> None:
    """It may have gone out: it is not sent again, and waits for a person."""
    await watch.plan(FAMILY, occasion=MORNING + timedelta(minutes=5))
    await watch.end(await watch.send(MORNING), NoticeState.UNKNOWN, MORNING)
    assert await watch.claim(MORNING + timedelta(minutes=11)) == []
    assert await watch.rows() == [("unknown", "SAID", None)]


async def test_a_repeated_message_goes_whole_or_is_left_to_a_person(watch: Watch) -> None:
    """Without one of its notices it would be another message, which no provider leaves out."""
    await watch.plan(("stage_reminder", HEAD), ("stage_reminder", HEAD), chain=(WECOM,))
    await watch.end(await watch.send(MORNING, WECOM), NoticeState.UNKNOWN, MORNING)
    claimed = await watch.claim(MORNING + timedelta(minutes=11), WECOM)
    await watch.decide(NoticesKilled(scope_kind=ScopeKind.PURPOSE, scope="stage_reminder", reason="WRONG_TEXT"))
    assert await watch.outbox.begin(claimed, MORNING + timedelta(minutes=11), TRIES) == []
    assert await watch.rows() == [("unknown", "SAID", None)] * 2


# -- people's lists ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chain", [(PHONE,), (PHONE, PAPER), (PAPER,)])
async def test_a_list_loses_what_would_come_too_late(watch: Watch, chain: tuple[str, ...]) -> None:
    """Nobody calls a family about a meeting of last week, also where there is no other way."""
    occasion = MORNING + timedelta(hours=22)
    await watch.plan(FAMILY, chain=chain, occasion=occasion)
    await watch.claim(MORNING, chain[0])
    assert (await watch.claim(occasion - timedelta(minutes=1), chain[0])).expired == 0
    assert len(await watch.outbox.cleared(CAMPAIGN, chain[0])) == 1
    assert (await watch.claim(occasion, chain[0])).expired == 1
    assert (await watch.rows())[0][:2] == ("expired", "EXPIRED")
    assert [one["state"] for one in await watch.outbox.journal(name_of(0))] == ["expired"]
    assert await watch.outbox.cleared(CAMPAIGN, chain[0]) == []


@pytest.mark.parametrize("channel", [PHONE, PAPER])
async def test_a_list_loses_whom_it_is_optional_to_and_who_declines(watch: Watch, channel: str) -> None:
    """At once, before any claim; and another person's wish, or one about another pupil, takes nobody off."""
    await watch.plan(FAMILY, ("visit_moved", "stu_000001"), chain=(channel, EMAIL), person="gdn_000001")
    await watch.claim(MORNING, channel)
    for student, person, listed in (("stu_000002", "gdn_000001", 2), ("stu_000001", "gdn_000001", 1)):
        await watch.decide(OptionalNoticesDeclined(student=student, person=person))
        assert len(await watch.outbox.cleared(CAMPAIGN, channel)) == listed
    assert (await watch.claim(MORNING, channel)).denied == 1
    assert [row[:2] for row in await watch.rows()] == [("denied", "OPTED_OUT"), ("cleared", None)]
