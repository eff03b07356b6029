"""What a row remembers over all of its ways: that nobody wants it any more, and that an address is to be repaired.

And notices of one message, of which people decide together.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from ledger_samples import CAMPAIGN, SCHOOL, STREAM, Recorded, route, seal_all, view
from test_ledger_control import NOW, TRIES, Desk, killed, name_of

from domain.notices import EMAIL, PAPER, SMS, WECOM_ROBOT, NoticePlan, NoticeState
from domain.policy_parameters import PolicyParameters
from domain.sending import rules_of
from domain.sending_events import NoticeMuted, NoticeOutcomeStated, NoticeRetried, NoticeTaskRecorded, TaskOutcome
from ledger.handover import Claimed, Outcome, Receipt
from ledger.store import Ledger

HEAD = f"class_head@{SCHOOL}"
DIGESTS = rules_of(PolicyParameters())
NOON = NOW + timedelta(hours=4)


@pytest.fixture
def desk(ledger: Ledger) -> Desk:
    """Return a campaign's desk."""
    return Desk(ledger)


def muted(number: int) -> NoticeMuted:
    """Return a person's word that a notice is to go no more."""
    return NoticeMuted(notice=name_of(number), school=None, reason="WRONG")


def bounce(row: Claimed, code: str = "ABSENT") -> Receipt:
    """Return a provider's word that a message did not arrive."""
    return Receipt("b1", row.channel, row.notice_id, None, NoticeState.FAILED_PERMANENT, code, NOW)


ORDERS = {
    "accepted, then muted": ("accept", "mute", "bounce"),
    "muted, then accepted": ("mute", "accept", "bounce"),
    "bounced before the answer": ("mute", "bounce", "accept"),
}


@pytest.mark.parametrize("order", ORDERS)
async def test_a_muted_notice_that_bounces_does_not_go_on(desk: Desk, order: str) -> None:
    """Whatever the provider says in between; a person who wants it after all sends it on its way again."""
    await desk.plan(SMS, EMAIL)
    row = (await desk.send(SMS))[0]
    for step in ORDERS[order]:
        match step:
            case "mute":
                await desk.decide(muted(1))
            case "accept":
                await desk.end(row, "accepted", provider_id="p1")
            case _:
                await desk.outbox.take_receipts([bounce(row)], NOW)
    assert await desk.state(1) == ("muted", "MUTED")
    assert await desk.claim() == []

    await desk.decide(NoticeRetried(notice=name_of(1), channel=None, reason="RIGHT"))
    await route(desk.ledger, SMS, EMAIL)
    (again,) = await desk.send(SMS)
    await desk.end(again, "failed_permanent", code="ABSENT")
    assert await desk.state(1) == ("planned", "ABSENT"), "the word of a person who has changed their mind is forgotten"


async def test_a_muted_letter_that_comes_back_does_not_go_on(desk: Desk) -> None:
    """Printed, muted, returned: the mail that comes next in its ways is not sent."""
    await desk.plan(PAPER, EMAIL)
    await desk.claim(PAPER)
    await desk.outbox.mark_printed([name_of(1)], NOW)
    await desk.decide(muted(1))
    await desk.decide(
        NoticeTaskRecorded(school=SCHOOL, notice=name_of(1), channel=PAPER, outcome=TaskOutcome("RETURNED"))
    )
    assert await desk.state(1) == ("muted", "MUTED")
    assert await desk.claim() == []


# -- addresses to be repaired ---------------------------------------------------------------------------------------

WRONG = (
    (SMS, "NUMBER_RECYCLED"),
    (SMS, "UNDELIVERABLE"),
    (EMAIL, "SMTP_550"),
    (EMAIL, "SMTP_551"),
    (EMAIL, "SMTP_553"),
)


@pytest.mark.parametrize(("channel", "code"), WRONG, ids=str)
async def test_a_wrong_address_is_remembered_over_the_night(desk: Desk, channel: str, code: str) -> None:
    """Held by a rule and let go again, the row still says that the registry must be put right (FEATURES G13)."""
    await desk.plan(channel, PAPER)
    row = (await desk.send(channel))[0]
    await desk.end(row, "failed_permanent", code=code)
    assert (await desk.state(1))[0] == "planned"
    await desk.decide(killed("channel", PAPER))
    await desk.claim(PAPER)
    assert await desk.state(1) == ("held", "KILLED")
    held = await desk.outbox.notice(name_of(1))
    assert held is not None
    assert held["repair"]


@pytest.mark.parametrize("way", ["answer", "receipt"])
async def test_a_wrong_address_is_remembered_at_the_end_of_the_ways(desk: Desk, way: str) -> None:
    """A dead letter too; another failure says nothing of the address, and looking the ways up anew forgets it."""
    await desk.plan(SMS)
    for row, code in zip(await desk.send(SMS), ("NUMBER_RECYCLED", "ABSENT"), strict=False):
        if way == "answer":
            await desk.end(row, "failed_permanent", code=code)
        else:
            await desk.end(row, "accepted", provider_id=row.notice_id)
            wrong = Receipt(f"b{row.notice_id}", SMS, row.notice_id, None, NoticeState.FAILED_PERMANENT, code, NOW)
            await desk.outbox.take_receipts([wrong], NOW)
    rows = {row["notice_id"]: row for row in await desk.outbox.find(CAMPAIGN)}
    assert [(rows[name_of(one)]["state"], rows[name_of(one)]["repair"]) for one in (1, 2)] == [
        ("failed_permanent", True),
        ("failed_permanent", False),
    ]
    await desk.decide(NoticeRetried(notice=name_of(1), channel=None, reason="REPAIRED"))
    await route(desk.ledger, SMS)
    again = await desk.outbox.notice(name_of(1))
    assert again is not None
    assert not again["repair"]


# -- notices of one message -------------------------------------------------------------------------------------------


async def digest(desk: Desk, channel: str, unknown: str) -> list[Claimed]:
    """Plan three reminders for a class head, and begin them in one message."""
    sealed = seal_all(STREAM, [Recorded(student="stu_x")])
    plans = [
        NoticePlan(
            notice_id=name_of(number),
            campaign=CAMPAIGN,
            stream=STREAM,
            cause=f"{STREAM}#1",
            purpose="stage_reminder",
            recipient=HEAD,
            planned_at=sealed[0]["recorded_at"],
        )
        for number in (1, 2, 3)
    ]
    await desk.ledger.append(sealed, plans, view(sealed))
    await route(desk.ledger, channel)
    claimed = await desk.outbox.claim(CAMPAIGN, channel, 9, NOON, DIGESTS, None, TRIES, unknown)
    begun: list[Claimed] = await desk.outbox.begin(claimed, NOON, TRIES)
    assert [row.digest_of for row in begun] == [None, name_of(1), name_of(1)]
    return begun


@pytest.mark.parametrize("named", [1, 2])
@pytest.mark.parametrize("sent", [True, False])
async def test_what_a_person_says_of_a_message_holds_for_all_that_stood_in_it(
    desk: Desk, sent: bool, named: int
) -> None:
    """Whichever of its notices was named; nothing of it stays behind that no claim would ever take."""
    first, *_ = await digest(desk, WECOM_ROBOT, "ask")
    lost = Outcome(first.notice_id, 1, NoticeState.UNKNOWN, NOON, "ROBOT_NO_ANSWER")
    await desk.outbox.settle([lost], TRIES, "ask")
    assert await desk.states() == ["unknown"] * 3
    await desk.decide(NoticeOutcomeStated(notice=name_of(named), sent=sent, reason="SEEN"))
    assert await desk.states() == ["accepted" if sent else "planned"] * 3
    for number in (1, 2, 3):
        (attempt,) = await desk.outbox.attempts(name_of(number))
        assert attempt["outcome"] == ("accepted" if sent else "failed_temporary")
    later = NOON + timedelta(hours=1)
    again = await desk.outbox.claim(CAMPAIGN, WECOM_ROBOT, 9, later, DIGESTS, None, TRIES, "ask")
    assert len(again) == (0 if sent else 3)
    assert (await desk.outbox.left(CAMPAIGN, WECOM_ROBOT, later)).due == 0


async def test_what_stood_in_the_message_of_a_muted_notice_goes_by_itself(desk: Desk) -> None:
    """The first of a digest is muted while it is on its way, and the server says later."""
    first, *_ = await digest(desk, EMAIL, "resend")
    await desk.decide(muted(1))
    await desk.outbox.settle([Outcome(first.notice_id, 1, NoticeState.FAILED_TEMPORARY, NOON)], TRIES)
    assert await desk.states() == ["muted", "failed_temporary", "failed_temporary"]
    later = NOON + timedelta(hours=1)
    again = await desk.outbox.claim(CAMPAIGN, EMAIL, 9, later, DIGESTS, None, TRIES)
    assert [row.notice_id for row in await desk.outbox.begin(again, later, TRIES)] == [name_of(2), name_of(3)]
