"""What is sent again, and what goes another way: by a person's word, after a provider's failure, without a channel."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import pytest
from channels_house import simulated, sms_channel, wecom_channel
from notices_fakes import ACCEPTED, REFUSED, Provider
from notices_house import (
    AT,
    CAMPAIGN,
    FILING,
    MEETINGS,
    Clock,
    Drafted,
    NoticeOffered,
    People,
    invite,
    more,
    phone,
    put,
    sealed,
    student,
)
from test_notices_dispatch_channels import drain, rows, sending, with_parameters

from activities.batch import TROUBLE
from domain.notices import EMAIL, PAPER, PHONE, SMS, WECOM, NoticeState
from domain.parent_meetings_events import InvitationWithdrawn, SessionScheduled
from domain.refusal import Blocker
from domain.sending_events import NoticeMuted, NoticeRetried
from domain.stage_events import StageReminded
from domain.time import SHANGHAI
from ledger.handover import Tries
from notices.channels import ChannelAwayError, Delivery, Unknown

MINUTE = timedelta(minutes=1)
MORNING = datetime(2025, 3, 4, 10, 0, tzinfo=SHANGHAI)
BUSY = Delivery(NoticeState.FAILED_TEMPORARY, "SMTP_451")
NEW_NUMBER = "13600000001"


class Repaired(People):
    """Families whose first guardian's telephone somebody puts right."""

    new: str = ""

    async def household(self, ref):
        """Return a family."""
        found = await super().household(ref)
        if self.new:
            object.__setattr__(found.guardians[0], "phone", self.new)
        return found


async def again(ledger, notice_id, channel=None):
    """Let a person have a notice sent again."""
    before = [event async for event in ledger.events(CAMPAIGN)]
    await more(ledger, before, NoticeRetried(notice=notice_id, channel=channel, reason="REPAIRED"))


async def muted(ledger, notice_id):
    """Let a notice come to its end, whatever way it is on."""
    before = [event async for event in ledger.events(CAMPAIGN)]
    await more(ledger, before, NoticeMuted(notice=notice_id, school=None, reason="NOT_NOW"))


# -- by a person's word -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("new", [NEW_NUMBER, ""])
async def test_a_text_message_that_failed_is_sent_again_to_whatever_number_is_right(ledger, new):
    """The gateway takes a second message, under a key of its own, and what it says of the first is the first's."""
    await invite(ledger, 1)
    clock, people = Clock(MORNING), Repaired()
    gateway = simulated("sms")
    gateway.now = clock
    async with gateway:
        channel = sms_channel(gateway.url, clock=clock)
        activities = sending(ledger, channel, people=people, clock=clock)
        await drain(activities, SMS)
        gateway.fail("ABSENT")
        clock.move(20 * MINUTE)
        await drain(activities, SMS)
        (row,) = await rows(ledger)
        assert (row["channel"], row["code"]) == (PHONE, "ABSENT")
        await muted(ledger, row["notice_id"])
        people.new = new
        await again(ledger, row["notice_id"], SMS)
        await drain(activities, SMS)
        assert [taken.key for taken in gateway.taken] == [row["notice_id"], f"{row['notice_id']}-1"]
        assert gateway.taken[-1].to == (new or phone(1))
        clock.move(20 * MINUTE)
        gateway.deliver()
        await drain(activities, SMS)
    (row,) = await rows(ledger)
    assert (row["state"], row["channel"]) == ("delivered", SMS)


async def test_the_second_messages_failure_is_news_although_the_first_had_failed_as_well(ledger):
    """What is asked for is told of an attempt: the same end twice is two receipts, and the notice goes on."""
    await invite(ledger, 1)
    clock, gateway = Clock(MORNING), simulated("sms")
    gateway.now = clock
    async with gateway:
        activities = sending(ledger, sms_channel(gateway.url, clock=clock), clock=clock)
        for turn in range(2):
            await drain(activities, SMS)
            gateway.fail("ABSENT")
            clock.move(20 * MINUTE)
            await drain(activities, SMS)
            (row,) = await rows(ledger)
            assert (row["state"], row["channel"], row["code"]) == ("planned", PHONE, "ABSENT")
            if not turn:
                await muted(ledger, row["notice_id"])
                await again(ledger, row["notice_id"], SMS)
    assert len(gateway.taken) == 2


async def first_guardians(ledger):
    """Return the rows of a family's first guardian."""
    return [row for row in await rows(ledger, recipient=student(1)) if row["person"] == "gdn_000001a"]


@pytest.mark.parametrize("wish", [PHONE, SMS, "dingtalk_robot", WECOM])
async def test_a_wish_is_no_way_for_a_code_or_without_settings(ledger, wish):
    """A letter with a code goes by mail again: nobody reads it out, and nothing waits on a channel that is none."""
    await put(ledger, sealed(CAMPAIGN, [Drafted(campaign=CAMPAIGN)]))
    await put(ledger, sealed(FILING, [NoticeOffered(student=student(1), document="letter-2025-1")]))
    mails, robot = Provider(EMAIL, lambda _message: REFUSED), Provider("dingtalk_robot")
    activities = sending(ledger, mails, robot, Provider(SMS))
    await drain(activities)
    (row,) = await first_guardians(ledger)
    assert row["channel"] == PAPER
    await muted(ledger, row["notice_id"])
    mails.answer = lambda _message: ACCEPTED
    await again(ledger, row["notice_id"], wish)
    await drain(activities)
    (row,) = await first_guardians(ledger)
    assert (row["state"], row["channel"], row["wish"]) == ("accepted", EMAIL, "")
    assert robot.messages == []


async def test_staffs_notice_is_put_on_no_list_of_letters(ledger):
    """Nobody prints for staff: it goes by mail once more."""
    await put(ledger, sealed(CAMPAIGN, [with_parameters(digest_purposes=[])]))
    await put(ledger, sealed(MEETINGS, [reminded(7)]))
    mails = Provider(EMAIL, lambda _message: REFUSED)
    activities = sending(ledger, mails)
    await drain(activities)
    (row,) = await rows(ledger)
    assert row["state"] == "failed_permanent"
    mails.answer = lambda _message: ACCEPTED
    await again(ledger, row["notice_id"], PAPER)
    await drain(activities)
    (row,) = await rows(ledger)
    assert (row["state"], row["channel"]) == ("accepted", EMAIL)


async def test_a_wish_comes_before_the_policys_order(ledger):
    """The bureau has an invitation told on the phone that went by mail."""
    await invite(ledger, 1)
    mails = Provider(EMAIL, lambda _message: REFUSED)
    activities = sending(ledger, mails)
    await drain(activities)
    (row,) = await rows(ledger)
    await muted(ledger, row["notice_id"])
    await again(ledger, row["notice_id"], PAPER)
    await drain(activities)
    (row,) = await rows(ledger)
    assert (row["channel"], row["chain"]) == (PAPER, "email phone")
    assert row["contacts"], "counted by the household's budget, as all others are"


async def test_what_is_sent_again_after_its_occasion_goes_all_the_same(ledger):
    """Expired by itself; not once a person wants it."""
    await invite(ledger, 1)
    mails = Provider(EMAIL)
    clock = Clock(AT + timedelta(hours=15))
    activities = sending(ledger, mails, clock=clock)
    await drain(activities)
    (row,) = await rows(ledger)
    assert row["state"] == "expired"
    await again(ledger, row["notice_id"])
    await drain(activities)
    (row,) = await rows(ledger)
    assert (row["state"], row["not_after"]) == ("accepted", None)


# -- a message that is too long ---------------------------------------------------------------------------------------


def reminded(days):
    """Return a reminder with two blockers."""
    missing = (Blocker(code="HOUSEHOLDS_NOT_INVITED", count=3), Blocker(code="SESSIONS_NOT_HELD", count=1))
    return StageReminded(working_days_left=days, missing=missing)


async def test_a_digest_that_is_too_long_goes_in_several_messages(ledger):
    """Each as long as the provider takes it, none of the notices lost and none told twice."""

    class Staff(People):
        async def staff(self, campaign):
            found = await super().staff(campaign)
            return tuple(one.model_copy(update={"wecom": "Head.01", "email": ""}) for one in found)

    await put(ledger, sealed(CAMPAIGN, [Drafted(campaign=CAMPAIGN)]))
    await put(ledger, sealed(MEETINGS, [reminded(days) for days in range(1, 13)]))
    clock = Clock(MORNING)
    async with simulated("wecom") as provider:
        activities = sending(ledger, wecom_channel(provider.url), clock=clock, people=Staff())
        for _ in range(5):
            await drain(activities, WECOM)
        found = await rows(ledger)
        assert Counter(row["state"] for row in found) == {"accepted": len(found)}
        assert 1 < len(provider.taken) < len(found)
        assert all(len(taken.text.encode()) <= 2048 for taken in provider.taken)
        assert len({row["digest_of"] or row["notice_id"] for row in found}) == len(provider.taken)


# -- a provider in trouble --------------------------------------------------------------------------------------------


async def test_a_provider_that_is_away_again_and_again_costs_no_try(ledger):
    """Seven refusals a minute apart: the notice is where it was, and goes out with the eighth."""
    await invite(ledger, 3)
    clock = Clock(MORNING)
    mails = Provider(EMAIL, lambda _message: ChannelAwayError("SMTP_FREQUENCY", MINUTE))
    activities = sending(ledger, mails, clock=clock, tries=Tries())
    for _ in range(7):
        result = await drain(activities)
        assert result.problem == "SMTP_FREQUENCY"
        clock.move(MINUTE)
    assert {row["tries"] for row in await rows(ledger)} == {0}
    mails.answer = lambda _message: ACCEPTED
    assert (await drain(activities)).accepted == 3


async def test_a_mail_server_that_turns_all_away_for_half_a_day_loses_nothing(ledger):
    """The channel says that it is in trouble and rests; nobody is called or written to instead."""
    await invite(ledger, 4 * TROUBLE)
    clock = Clock(MORNING.replace(hour=8))
    mails = Provider(EMAIL, lambda _message: BUSY)
    activities = sending(ledger, mails, clock=clock, tries=Tries())
    for _ in range(12 * 6):
        result = await drain(activities)
        assert (result.problem, result.again_in_seconds) in (("CHANNEL_TROUBLED", 300), (None, None))
        clock.move(10 * MINUTE)
    assert result.problem == "CHANNEL_TROUBLED"
    assert {row["channel"] for row in await rows(ledger)} == {EMAIL}
    mails.answer = lambda _message: ACCEPTED
    assert (await drain(activities)).accepted == 4 * TROUBLE


async def test_one_mailbox_that_is_full_is_not_the_providers_trouble(ledger):
    """As long as anything is taken, those that are turned away have their tries and then another way."""
    await invite(ledger, 2 * TROUBLE)
    clock = Clock(MORNING)
    taken = {f"guardian{number:06d}@family.invalid" for number in (1, 2)}
    mails = Provider(EMAIL, lambda message: ACCEPTED if message.addresses[0] in taken else BUSY)
    result = await drain(sending(ledger, mails, clock=clock))
    assert (result.problem, result.again_in_seconds) == (None, None)
    assert Counter(row["tries"] for row in await rows(ledger)) == {1: 2 * TROUBLE}


# -- nothing goes out on a channel ------------------------------------------------------------------------------------


async def cancelled(ledger):
    """Put an invitation and the end of another meeting into the ledger; the second is urgent."""
    events = await invite(ledger, 1, drafted=False)
    before = SessionScheduled(session="s0", classes=("2025-01",), at=AT)  # told of by hand: there is no invitation
    await more(ledger, events, before, InvitationWithdrawn(session="s0", student=student(1)))


async def test_what_must_go_takes_another_way_where_text_messages_are_used_up(ledger):
    """The cancellation by mail; the invitation waits for the bureau to raise the limit."""
    await put(ledger, sealed(CAMPAIGN, [with_parameters(sms_segments_limit=0)]))
    await cancelled(ledger)
    sms, mails = Provider(SMS), Provider(EMAIL)
    activities = sending(ledger, sms, mails, clock=Clock(MORNING))
    assert (await drain(activities, SMS)).problem == "COST_BUDGET"
    await drain(activities)
    found = {row["purpose"]: (row["state"], row["channel"]) for row in await rows(ledger)}
    assert found == {"meeting_cancelled": ("accepted", EMAIL), "meeting_invitation": ("planned", SMS)}
    assert sms.messages == []


async def test_what_must_go_takes_another_way_where_a_channel_has_no_settings_any_more(ledger):
    """Nobody asks the channel that is gone: any other one's batch finds what waits there."""
    await put(ledger, sealed(CAMPAIGN, [Drafted(campaign=CAMPAIGN)]))
    await cancelled(ledger)
    away = Provider(SMS)
    away.away = ChannelAwayError("AWAY")
    await drain(sending(ledger, away, Provider(EMAIL), clock=Clock(MORNING)), SMS)
    assert {row["channel"] for row in await rows(ledger)} == {SMS}
    mails = Provider(EMAIL)
    await drain(sending(ledger, mails, clock=Clock(MORNING)))
    found = {row["purpose"]: (row["state"], row["channel"]) for row in await rows(ledger)}
    assert found == {"meeting_cancelled": ("accepted", EMAIL), "meeting_invitation": ("planned", SMS)}


async def test_a_message_that_was_taken_and_never_had_goes_again_under_its_key(ledger):
    """Asked for its receipt the gateway does not know it: once more asked, then sent."""
    await invite(ledger, 1)
    clock = Clock(MORNING)
    sms = Provider(SMS, unknown=Unknown.LOOK_UP, polled=True)
    activities = sending(ledger, sms, clock=clock)
    await drain(activities, SMS)
    clock.move(timedelta(hours=1))
    await drain(activities, SMS)
    (row,) = await rows(ledger)
    assert row["state"] == "unknown"
    clock.move(MINUTE)
    await drain(activities, SMS)
    assert [message.key for message in sms.messages] == [row["notice_id"]] * 2
    (row,) = await rows(ledger)
    assert row["state"] == "accepted"
