"""What people decide about sending: switches, single notices, tasks done by hand, and who wants no optional ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

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
    view,
)

from domain.events import GENESIS, Event
from domain.notices import EMAIL, PAPER, PHONE, SMS, NoticePlan, NoticeState
from domain.school_events import LeftRegister
from domain.sending_events import (
    NoticeMuted,
    NoticeOutcomeStated,
    NoticeRetried,
    NoticesKilled,
    NoticesReleased,
    NoticeTaskRecorded,
    OptionalNoticesAllowed,
    OptionalNoticesDeclined,
    ScopeKind,
    TaskOutcome,
)
from ledger.handover import Claimed, Outcome, Tries
from ledger.store import Ledger

NOW = BEGIN + timedelta(days=1)
TRIES = Tries(lease=timedelta(minutes=10), pauses=(timedelta(minutes=1), timedelta(minutes=5)))
OTHER_STREAM = f"{CAMPAIGN}/{OTHER_SCHOOL}/parent-meetings"


def pupil(number: int) -> str:
    """Return a pupil's reference."""
    return f"stu_{number:06d}"


def name_of(number: int) -> str:
    """Return a notice's id."""
    return f"ntc_{number:032x}"


class Desk:
    """One campaign's outbox, and the events that people's commands make."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.outbox = ledger.outbox
        self.version, self.head = 0, GENESIS

    async def decide(self, event: Event) -> None:
        """Append an event to the campaign's stream."""
        sealed = seal_all(CAMPAIGN, [event], self.version + 1, self.head)
        await put(self.ledger, sealed)
        self.version, self.head = self.version + 1, sealed[-1]["hash"]

    async def plan(self, *chain: str, stream: str = STREAM, **kinds: str) -> None:
        """Plan and route two optional notices and a statutory one, by one chain."""
        sealed = seal_all(stream, [Recorded(student="stu_x")])
        first = 1 if stream == STREAM else 4
        plans = [
            NoticePlan(
                notice_id=name_of(first + place),
                campaign=CAMPAIGN,
                stream=stream,
                cause=f"{stream}#1",
                purpose=kinds.get("purpose", purpose),
                recipient=pupil(first + place),
                optional=purpose != "choice_notice",
                planned_at=sealed[0]["recorded_at"],
            )
            for place, purpose in enumerate(("meeting_invitation", "visit_invitation", "choice_notice"))
        ]
        await self.ledger.append(sealed, plans, view(sealed))
        await route(self.ledger, *chain, person="gdn_000001")

    async def claim(self, channel: str = EMAIL, minutes: int = 0, unknown: str = "resend") -> list[Claimed]:
        """Claim what is due."""
        now = NOW + timedelta(minutes=minutes)
        return await self.outbox.claim(CAMPAIGN, channel, 99, now, RULES, None, TRIES, unknown)

    async def send(self, channel: str = EMAIL, minutes: int = 0) -> list[Claimed]:
        """Claim and begin what is due."""
        return await self.outbox.begin(await self.claim(channel, minutes), NOW + timedelta(minutes=minutes), TRIES)

    async def end(self, row: Claimed, state: str, unknown: str = "resend", **more: Any) -> None:
        """Close an attempt."""
        outcome = Outcome(row.notice_id, row.number, NoticeState(state), NOW, **more)
        await self.outbox.settle([outcome], TRIES, unknown)

    async def state(self, number: int) -> tuple[str, str | None]:
        """Return a notice's state and code."""
        row = await self.outbox.notice(name_of(number))
        assert row is not None
        return row["state"], row["code"]

    async def states(self) -> list[str]:
        """Return the states of all notices in the order of their ids."""
        rows = sorted(await self.outbox.find(CAMPAIGN), key=lambda row: str(row["notice_id"]))
        return [row["state"] for row in rows]


@pytest.fixture
def desk(ledger: Ledger) -> Desk:
    """Return a campaign's desk."""
    return Desk(ledger)


def killed(kind: str, scope: str) -> NoticesKilled:
    """Return a kill switch's event."""
    return NoticesKilled(scope_kind=ScopeKind(kind), scope=scope, reason="WRONG_TEXT")


def released(kind: str, scope: str) -> NoticesReleased:
    """Return its end."""
    return NoticesReleased(scope_kind=ScopeKind(kind), scope=scope, reason="CORRECTED")


SCOPES: dict[tuple[str, str], list[str]] = {
    ("channel", EMAIL): ["held"] * 6,
    ("channel", SMS): ["cleared"] * 6,
    ("purpose", "choice_notice"): ["cleared", "cleared", "held"] * 2,
    ("school", SCHOOL): ["held"] * 3 + ["cleared"] * 3,
}


@pytest.mark.parametrize("scope", SCOPES, ids=str)
async def test_a_kill_switch_holds_all_of_its_scope_and_lets_it_go(desk: Desk, scope: tuple[str, str]) -> None:
    """Statutory notices too; what is held is not counted as left, and goes out after the release."""
    await desk.plan()
    await desk.plan(stream=OTHER_STREAM)
    await desk.decide(killed(*scope))
    await desk.claim()
    assert await desk.states() == SCOPES[scope]
    held = SCOPES[scope].count("held")
    assert (await desk.outbox.left(CAMPAIGN, EMAIL, NOW)).count == 6 - held
    rows = [row for row in await desk.outbox.find(CAMPAIGN) if row["state"] == "held"]
    assert {(row["code"], row["next_at"]) for row in rows} <= {("KILLED", None)}
    (switch,) = await desk.outbox.switches(CAMPAIGN)
    assert (switch["kind"], switch["scope"], switch["reason"]) == (*scope, "WRONG_TEXT")

    await desk.decide(released(*scope))

    assert await desk.outbox.switches(CAMPAIGN) == []
    assert [one["released_by"] for one in await desk.outbox.switches(CAMPAIGN, open_only=False)] == [f"{CAMPAIGN}#2"]
    assert len(await desk.claim()) == held


STOPS: dict[str, Callable[[Desk], Any]] = {
    "the channel is killed": lambda desk: desk.decide(killed("channel", EMAIL)),
    "the campaign is paused": lambda desk: desk.decide(paused()),
    "it is muted": lambda desk: desk.decide(NoticeMuted(notice=name_of(1), school=None, reason="WRONG")),
    "its reader declines": lambda desk: desk.decide(OptionalNoticesDeclined(student=pupil(1), person="gdn_000001")),
    "the pupil leaves": lambda desk: put(
        desk.ledger, seal_all(f"{CAMPAIGN}/{SCHOOL}", [LeftRegister(student=pupil(1), exit="death", on=NOW.date())])
    ),
}


@pytest.mark.parametrize(
    ("case", "after"), list(zip(STOPS, ["held", "held", "muted", "denied", "denied"], strict=True))
)
async def test_what_was_claimed_before_the_event_is_not_begun_after_it(desk: Desk, case: str, after: str) -> None:
    """The last look is at the begin: no attempt is written for what was stopped in between."""
    await desk.plan()
    claimed = await desk.claim()
    await STOPS[case](desk)
    begun = await desk.outbox.begin(claimed, NOW, TRIES)
    assert name_of(1) not in {row.notice_id for row in begun}
    assert (await desk.state(1))[0] == after
    assert await desk.outbox.attempts(name_of(1)) == []
    assert name_of(3) in {row.notice_id for row in begun} or case == "the channel is killed"


async def test_a_pause_turns_what_waits_into_held_and_gives_it_back(desk: Desk) -> None:
    """With its code; what is statutory goes out meanwhile; afterwards the pauses of retries are over too."""
    await desk.plan()
    first, *_ = await desk.send()
    await desk.end(first, "failed_temporary", code="SMTP_451")
    await desk.decide(paused())
    assert await desk.claim() == []
    assert await desk.state(1) == ("held", "PAUSED")
    await desk.decide(resumed())
    assert [row.notice_id for row in await desk.claim()] == [name_of(1)]


async def test_a_muted_notice_stays_where_it_is_until_somebody_wants_it(desk: Desk) -> None:
    """Also one in a provider's hands: it cannot be called back, and is not tried again."""
    await desk.plan(EMAIL, SMS)
    one, two, three = await desk.send()
    for row in (one, two, three):
        await desk.decide(NoticeMuted(notice=row.notice_id, school=None, reason="WRONG"))
    await desk.end(one, "failed_temporary")
    await desk.end(two, "failed_permanent", code="SMTP_550")
    await desk.end(three, "accepted")
    assert await desk.states() == ["muted", "muted", "accepted"]
    assert await desk.claim(minutes=60) == await desk.claim(SMS) == []

    await desk.decide(NoticeRetried(notice=one.notice_id, channel=None, reason="RIGHT"))
    await desk.decide(NoticeRetried(notice=two.notice_id, channel=SMS, reason="RIGHT"))
    await desk.decide(NoticeRetried(notice=three.notice_id, channel=None, reason="RIGHT"))
    waiting = await desk.outbox.unrouted(CAMPAIGN, 9)
    assert [(row.notice_id, row.wish, row.generation) for row in waiting] == [
        (one.notice_id, "", 1),
        (two.notice_id, SMS, 1),
    ]
    assert await desk.states() == ["planned", "planned", "accepted"]


async def test_a_school_stops_only_its_own_optional_notices(desk: Desk) -> None:
    """Another school's, and its own statutory one, stay as they are."""
    await desk.plan()
    await desk.plan(stream=OTHER_STREAM)
    for number in (1, 3, 4):
        await desk.decide(NoticeMuted(notice=name_of(number), school=SCHOOL, reason="WRONG"))
    assert await desk.states() == ["muted", *["planned"] * 5]


async def test_a_dead_letter_that_is_retried_has_all_of_its_tries_again(desk: Desk) -> None:
    """The attempts are counted on; a pupil who has left meanwhile is left in peace."""
    await desk.plan()
    for row in await desk.send():
        await desk.end(row, "failed_permanent", code="SMTP_550")
    assert await desk.states() == ["failed_permanent"] * 3
    left = LeftRegister(student=pupil(2), exit="transfer", on=NOW.date())
    await put(desk.ledger, seal_all(f"{CAMPAIGN}/{SCHOOL}", [left]))
    for number in (1, 2):
        await desk.decide(NoticeRetried(notice=name_of(number), channel=EMAIL, reason="REPAIRED"))
    assert [await desk.state(number) for number in (1, 2)] == [("planned", None), ("denied", "LEFT_REGISTER")]
    await route(desk.ledger, person="gdn_000001")
    (again,) = await desk.send()
    assert (again.notice_id, again.number) == (name_of(1), 2)
    await desk.end(again, "failed_temporary")
    assert (await desk.state(1))[0] == "failed_temporary"


@pytest.mark.parametrize(
    ("sent", "after"), [(True, ["accepted", "accepted"]), (False, ["planned", "failed_temporary"])]
)
async def test_a_person_says_what_became_of_an_attempt_of_which_nobody_knows(
    desk: Desk, sent: bool, after: list[str]
) -> None:
    """Until then it stays unknown and out of the dispatcher's way; without one in doubt the word changes nothing."""
    await desk.plan()
    row, other, _ = await desk.send()
    await desk.end(row, "unknown", "ask", code="ROBOT_NO_ANSWER")
    left = await desk.outbox.left(CAMPAIGN, EMAIL, NOW + timedelta(days=1))
    assert left.count == 2, "the other two are in flight"
    assert await desk.claim(minutes=5, unknown="ask") == []
    for notice in (row, other):
        await desk.decide(NoticeOutcomeStated(notice=notice.notice_id, sent=sent, reason="SEEN"))
    assert await desk.state(1) == (after[0], "STATED")
    assert (await desk.state(2))[0] == "submitted"
    assert (await desk.outbox.attempts(name_of(1)))[0]["outcome"] == after[1]
    assert len(await desk.claim()) == (not sent)


# -- work of people -----------------------------------------------------------------------------------------------

TASKS: dict[tuple[str, str], tuple[str, str, str]] = {
    (PHONE, "REACHED"): ("delivered", PHONE, "REACHED"),
    (PHONE, "NO_ANSWER"): ("planned", PAPER, "NO_ANSWER"),
    (PHONE, "WRONG_NUMBER"): ("planned", PAPER, "WRONG_NUMBER"),
    (PAPER, "HANDED_OVER"): ("delivered", PAPER, "HANDED_OVER"),
    (PAPER, "SIGNED"): ("read", PAPER, "SIGNED"),
    (PAPER, "RETURNED"): ("failed_permanent", PAPER, "RETURNED"),
}


@pytest.mark.parametrize("task", TASKS, ids=str)
async def test_the_outcome_of_a_task_settles_its_notice(desk: Desk, task: tuple[str, str]) -> None:
    """With an attempt in the record; of the wrong channel, school or notice it changes nothing."""
    channel, outcome = task
    await desk.plan(*((PHONE, PAPER) if channel == PHONE else (PAPER,)))
    assert await desk.claim(channel) == []
    other = PAPER if channel == PHONE else PHONE
    for school, wrong in ((OTHER_SCHOOL, channel), (SCHOOL, other)):
        await desk.decide(
            NoticeTaskRecorded(school=school, notice=name_of(1), channel=wrong, outcome=TaskOutcome(outcome))
        )
    assert await desk.states() == ["cleared"] * 3

    done = NoticeTaskRecorded(school=SCHOOL, notice=name_of(1), channel=channel, outcome=TaskOutcome(outcome))
    await desk.decide(done)
    await desk.decide(done)

    row = await desk.outbox.notice(name_of(1))
    assert row is not None
    assert (row["state"], row["channel"], row["code"]) == TASKS[task]
    (attempt,) = await desk.outbox.attempts(name_of(1))
    assert (attempt["channel"], attempt["code"], attempt["ended_at"] is None) == (channel, outcome, False)
    assert [one["state"] for one in await desk.outbox.journal(name_of(1))] == ["submitted", attempt["outcome"]]


async def test_a_letter_is_printed_handed_over_and_signed(desk: Desk) -> None:
    """Printed once, as far as it may go at that moment; the signature comes after the hand-over."""
    await desk.plan(PAPER)
    await desk.claim(PAPER)
    listed = await desk.outbox.cleared(CAMPAIGN, PAPER, SCHOOL)
    assert [row["notice_id"] for row in listed] == [name_of(number) for number in (1, 2, 3)]
    assert await desk.outbox.cleared(CAMPAIGN, PAPER, OTHER_SCHOOL) == []
    await desk.decide(paused())
    assert [row["notice_id"] for row in await desk.outbox.cleared(CAMPAIGN, PAPER)] == [name_of(3)]
    assert await desk.outbox.mark_printed([name_of(2), name_of(3)], NOW) == [name_of(3)]
    assert await desk.state(2) == ("held", "PAUSED")
    assert await desk.outbox.mark_printed([name_of(3)], NOW) == []
    for outcome in ("HANDED_OVER", "SIGNED"):
        await desk.decide(
            NoticeTaskRecorded(school=SCHOOL, notice=name_of(3), channel=PAPER, outcome=TaskOutcome(outcome))
        )
    assert await desk.state(3) == ("read", "SIGNED")
    assert len(await desk.outbox.attempts(name_of(3))) == 1
    await desk.claim(PAPER)
    assert (await desk.state(1))[0] == "held", "a pause takes what is optional off the list"


async def test_a_call_that_nobody_makes_becomes_a_letter(desk: Desk) -> None:
    """After three school days, not before."""
    await desk.plan(PHONE, PAPER)
    await desk.claim(PHONE)
    for days, state in ((3, "cleared"), (6, "planned")):  # listed on a Tuesday
        await desk.claim(PHONE, minutes=days * 24 * 60)
        assert await desk.states() == [state] * 3
    assert await desk.state(1) == ("planned", "PHONE_NOT_DONE")
    assert (await desk.outbox.backlog(CAMPAIGN, NOW))[0].channel == PAPER


async def test_who_leaves_is_taken_off_the_lists(desk: Desk) -> None:
    """Nobody calls a family whose child has died."""
    await desk.plan(PHONE, PAPER)
    await desk.claim(PHONE)
    left = LeftRegister(student=pupil(3), exit="death", on=NOW.date())
    await put(desk.ledger, seal_all(f"{CAMPAIGN}/{SCHOOL}", [left]))
    assert await desk.states() == ["cleared", "cleared", "denied"]


async def test_whoever_declines_optional_notices_still_gets_the_others(desk: Desk) -> None:
    """Of that pupil only; and after a change of mind what is planned from then on."""
    await desk.plan()
    for number in (1, 3):
        await desk.decide(OptionalNoticesDeclined(student=pupil(number), person="gdn_000001"))
    await desk.decide(OptionalNoticesDeclined(student=pupil(1), person="gdn_000001"))
    assert len(await desk.outbox.opt_outs(CAMPAIGN)) == 2
    await desk.claim()
    assert await desk.states() == ["denied", "cleared", "cleared"]
    assert await desk.state(1) == ("denied", "OPTED_OUT")
    await desk.decide(OptionalNoticesAllowed(student=pupil(1), person="gdn_000001"))
    assert [one["student"] for one in await desk.outbox.opt_outs(CAMPAIGN)] == [pupil(3)]


async def test_a_school_switches_off_nothing_that_another_one_tells(desk: Desk) -> None:
    """Whoever puts a foreign pupil's family down changes nothing for it; the own school's slip, and the family, do."""
    foreign = OptionalNoticesDeclined(student=pupil(1), person="gdn_000001", school=OTHER_SCHOOL)
    await desk.plan()
    await desk.decide(foreign)
    claimed = await desk.claim()
    assert await desk.states() == ["cleared"] * 3
    await desk.decide(OptionalNoticesDeclined(student=pupil(1), person="gdn_000001", school=SCHOOL))
    await desk.decide(OptionalNoticesDeclined(student=pupil(2), person="gdn_000001"))
    begun = await desk.outbox.begin(claimed, NOW, TRIES)
    assert [one.notice_id for one in begun] == [name_of(3)]
    assert [await desk.state(number) for number in (1, 2)] == [("denied", "OPTED_OUT")] * 2
    assert [one["school"] for one in await desk.outbox.opt_outs(CAMPAIGN)] == [SCHOOL, OTHER_SCHOOL, ""]
    await desk.decide(OptionalNoticesAllowed(student=pupil(1), person="gdn_000001"))
    assert [one["student"] for one in await desk.outbox.opt_outs(CAMPAIGN)] == [pupil(2)]
