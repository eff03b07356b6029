"""Contacts that find nobody of ours any more: no message and no call until somebody has put them right (G13)."""

from __future__ import annotations

import pytest
from ledger_samples import CAMPAIGN, SCHOOL, STREAM, Recorded, route, seal_all, view
from test_ledger_control import NOW, Desk, name_of

from domain.lost_contacts import lost_by, rest_of
from domain.notices import EMAIL, PAPER, PHONE, SMS, WECOM, NoticePlan, NoticeState
from domain.sending_events import NoticeTaskRecorded, TaskOutcome
from ledger.handover import Receipt
from ledger.store import Ledger

GUARDIAN = "gdn_000001"
ALL = (SMS, EMAIL, PHONE, PAPER)


@pytest.fixture
def desk(ledger: Ledger) -> Desk:
    """Return a campaign's desk; all of its notices are for one guardian."""
    return Desk(ledger)


async def where(desk: Desk, number: int = 1) -> tuple[str, str, str | None]:
    """Return a notice's channel, state and code."""
    row = await desk.outbox.notice(name_of(number))
    assert row is not None
    return row["channel"], row["state"], row["code"]


async def wrong(desk: Desk, number: int = 1) -> None:
    """Record that a stranger answered the call."""
    await desk.decide(
        NoticeTaskRecorded(school=SCHOOL, notice=name_of(number), channel=PHONE, outcome=TaskOutcome("WRONG_NUMBER"))
    )


@pytest.mark.parametrize(
    ("channel", "code", "gone"),
    [
        (SMS, "NUMBER_RECYCLED", (SMS, PHONE)),
        (PHONE, "WRONG_NUMBER", (SMS, PHONE)),
        (SMS, "ADDRESS_INVALID", (SMS,)),
        (EMAIL, "ADDRESS_INVALID", (EMAIL,)),
        (WECOM, "ADDRESS_INVALID", (WECOM,)),
        (SMS, "ABSENT", ()),
        (SMS, None, ()),
        (PAPER, "RETURNED", ()),
        (PAPER, "WRONG_NUMBER", ()),
    ],
)
def test_a_strangers_number_is_none_for_messages_and_none_for_calls(
    channel: str, code: str | None, gone: tuple[str, ...]
) -> None:
    """A number that takes no text message may stand in a house, where somebody answers."""
    assert lost_by(channel, code) == gone
    assert rest_of("sms email phone paper", channel, code).split() == [one for one in ALL if one not in gone]


@pytest.mark.parametrize("way", ["answer", "receipt"])
async def test_a_recycled_number_is_neither_called_nor_written_to_again(desk: Desk, way: str) -> None:
    """The notice itself goes by what is left, and so do those that were routed before and those on the call list."""
    await desk.plan(SMS, PHONE, PAPER)
    first, *_ = await desk.send(SMS)
    assert first.notice_id == name_of(1)
    if way == "answer":
        await desk.end(first, "failed_permanent", code="NUMBER_RECYCLED")
    else:
        await desk.end(first, "accepted", provider_id="p1")
        news = Receipt("r1", SMS, first.notice_id, None, NoticeState.FAILED_PERMANENT, "NUMBER_RECYCLED", NOW)
        await desk.outbox.take_receipts([news], NOW)
    assert await where(desk) == (PAPER, "planned", "NUMBER_RECYCLED")
    assert await desk.outbox.lost_contacts([GUARDIAN, "gdn_2"]) == {
        GUARDIAN: {SMS: "NUMBER_RECYCLED", PHONE: "NUMBER_RECYCLED"}
    }


async def test_what_waits_for_the_same_number_goes_another_way(desk: Desk) -> None:
    """Routed before the receipt came: the claim puts it on its next way, and writes down why."""
    await desk.plan(SMS, EMAIL)
    first, second, _ = await desk.send(SMS)
    await desk.end(first, "failed_permanent", code="NUMBER_RECYCLED")
    await desk.end(second, "failed_temporary")
    assert await where(desk, 2) == (SMS, "failed_temporary", None)
    assert await desk.claim(SMS, minutes=5) == []
    assert await where(desk, 2) == (EMAIL, "planned", "NUMBER_RECYCLED")
    entries = await desk.outbox.journal(name_of(2))
    assert (entries[-1]["channel"], entries[-1]["code"]) == (SMS, "NUMBER_RECYCLED")


async def test_a_wrong_number_on_the_phone_takes_the_text_messages_too(desk: Desk) -> None:
    """And where no other way is left a person looks at it."""
    await desk.plan(PHONE, SMS)
    await desk.claim(PHONE)
    await wrong(desk)
    assert await where(desk) == (PHONE, "failed_permanent", "WRONG_NUMBER")
    assert await desk.claim(SMS) == []


async def test_what_is_claimed_and_not_begun_is_taken_back(ledger: Ledger) -> None:
    """The news come between the claim and the call of the provider, or of a person: nothing goes to a stranger."""
    office = Desk(ledger)
    sealed = seal_all(STREAM, [Recorded(student="stu_x")])
    plans = [
        NoticePlan(
            notice_id=name_of(number),
            campaign=CAMPAIGN,
            stream=STREAM,
            cause=f"{STREAM}#{number // 3 + 1}",
            purpose="visit_invitation",
            recipient="stu_000001",
            planned_at=sealed[0]["recorded_at"],
        )
        for number in (1, 2, 3)
    ]
    await ledger.append(sealed, plans[:2], view(sealed))
    await route(ledger, SMS, EMAIL, person=GUARDIAN)
    claimed = await office.claim(SMS)
    (first,) = await ledger.outbox.begin(claimed[:1], NOW)
    await ledger.append(seal_all(STREAM, [Recorded(student="stu_y")], 2, sealed[-1]["hash"]), [plans[2]], view(sealed))
    await route(ledger, PHONE, PAPER, person=GUARDIAN)
    await office.claim(PHONE)
    assert await where(office, 3) == (PHONE, "cleared", None)

    await office.end(first, "failed_permanent", code="NUMBER_RECYCLED")
    assert await where(office, 2) == (EMAIL, "planned", "NUMBER_RECYCLED")
    assert await where(office, 3) == (PAPER, "planned", "NUMBER_RECYCLED")
    assert await ledger.outbox.begin(claimed[1:], NOW) == []


async def test_a_repaired_contact_is_used_again(desk: Desk) -> None:
    """The telephone for both of its channels; what else is lost stays lost."""
    await desk.plan(SMS, PAPER)
    row = (await desk.send(SMS))[0]
    await desk.end(row, "failed_permanent", code="NUMBER_RECYCLED")
    await desk.outbox.contact_repaired(GUARDIAN, "email")
    assert set((await desk.outbox.lost_contacts([GUARDIAN]))[GUARDIAN]) == {SMS, PHONE}
    await desk.outbox.contact_repaired("gdn_2", "phone")
    assert set((await desk.outbox.lost_contacts([GUARDIAN]))[GUARDIAN]) == {SMS, PHONE}
    await desk.outbox.contact_repaired(GUARDIAN, "phone")
    assert await desk.outbox.lost_contacts([GUARDIAN]) == {}
