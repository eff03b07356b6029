"""One batch on any channel: the chain, the rules, unknown outcomes, digests, and what a batch tells beside them."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from notices_fakes import ACCEPTED, LOST, REFUSED, Provider
from notices_house import (
    AT,
    CAMPAIGN,
    FILING,
    MEETINGS,
    NOW,
    Clock,
    Drafted,
    NoticeOffered,
    People,
    dispatcher,
    invite,
    more,
    pause,
    put,
    reminded,
    sealed,
    student,
)
from temporalio.testing import ActivityEnvironment

from activities.batch import AHEAD
from activities.letters import Letters
from domain.consent import Standing
from domain.evidence import EvidenceGrade
from domain.filing_consent_events import GuardianshipRecorded
from domain.notices import EMAIL, PAPER, SMS, UNROUTED, NoticeState
from domain.policy import profile
from domain.sending_events import OptionalNoticesDeclined
from domain.time import SHANGHAI
from ledger.handover import Receipt
from notices.channels import ChannelAwayError, Delivery, Unknown
from protocol import DispatchRequest

MINUTE = timedelta(minutes=1)


async def drain(activities, channel=EMAIL, **request):
    """Run one batch as the engine would."""
    asked = DispatchRequest(campaign=CAMPAIGN, channel=channel, limit=50, **request)
    return await ActivityEnvironment().run(activities.drain, asked)


def sending(ledger, *providers, people=None, clock=None, **more_):
    """Return the activities on some providers."""
    channels = {provider.traits.name: provider for provider in providers}
    return dispatcher(ledger, None, people, clock=clock, channels=channels, **more_)


async def rows(ledger, **wanted):
    """Return the outbox's rows."""
    return await ledger.outbox.find(CAMPAIGN, **wanted)


def with_parameters(**parameters):
    """Return a campaign's first event under a policy with some parameters of its own."""
    policy = profile("compliant").model_dump(mode="json")
    policy["parameters"] |= parameters
    return Drafted(campaign=CAMPAIGN, policy=policy)


# -- the chain ----------------------------------------------------------------------------------------------------


async def test_a_channel_that_fails_for_good_hands_the_notice_to_the_next(ledger):
    """Text message, then mail; one row, one reader, an attempt on each, and nothing after the one that arrived."""
    await invite(ledger, 1)
    sms, mails = Provider(SMS, lambda _message: REFUSED), Provider(EMAIL)
    activities = sending(ledger, sms, mails)
    first = await drain(activities, SMS)
    assert (first.claimed, first.failed) == (1, 1)
    (row,) = await rows(ledger)
    assert (row["state"], row["channel"], row["code"]) == ("planned", "email", "REFUSED")
    second = await drain(activities, EMAIL)
    assert second.accepted == 1
    attempts = await ledger.outbox.attempts(row["notice_id"])
    assert [(one["channel"], one["outcome"]) for one in attempts] == [
        ("sms", "failed_permanent"),
        ("email", "accepted"),
    ]
    assert [len(one.messages) for one in (sms, mails)] == [1, 1]
    assert sms.messages[0].short is not None
    assert sms.messages[0].addresses == ("13900000001",)


async def test_a_letter_with_a_code_never_goes_by_text_message(ledger):
    """Mail for the guardian, mail for the pupil, and the caregiver's without a code as a text message."""
    await put(ledger, sealed(CAMPAIGN, [Drafted(campaign=CAMPAIGN)]))
    await put(ledger, sealed(FILING, [NoticeOffered(student=student(1), document="letter-2025-1")]))
    sms, mails = Provider(SMS), Provider(EMAIL)
    activities = sending(ledger, sms, mails, people=People(cared=(1,)))
    await drain(activities, SMS)
    await drain(activities, EMAIL)
    assert sorted(message.addresses[0] for message in mails.messages) == [
        "guardian000001@family.invalid",
        "pupil000001@family.invalid",
    ]
    assert [message.addresses for message in sms.messages] in ([("13700000001",)], [])
    for message in sms.messages:
        assert "GDN" not in message.text + (message.short or "")


async def test_a_family_that_only_people_reach_is_put_on_their_list(ledger):
    """No mailbox, and only mails are configured: somebody calls; no provider, no attempt."""
    await invite(ledger, 1)
    activities = sending(ledger, Provider(EMAIL), people=People(without=(1,)))
    assert (await drain(activities, EMAIL)).routed == 1
    (row,) = await rows(ledger)
    assert (row["state"], row["channel"]) == ("planned", "phone")
    result = await drain(activities, "phone")
    assert (result.claimed, result.left) == (0, 0)
    (row,) = await rows(ledger)
    assert (row["state"], row["attempts"]) == ("cleared", 0)


async def test_an_address_that_is_none_is_to_be_repaired(ledger):
    """The row says so from the start (G13)."""

    class Misspelt(People):
        async def household(self, ref):
            found = await super().household(ref)
            object.__setattr__(found.guardians[0], "email", "guardian at family")
            return found

    await invite(ledger, 1)
    activities = sending(ledger, Provider(EMAIL), people=Misspelt())
    await drain(activities)
    (row,) = await rows(ledger)
    assert (row["channel"], row["code"]) == ("phone", "CONTACT_TO_REPAIR")


async def test_who_may_not_be_told_any_more_is_told_on_no_channel(ledger):
    """Recorded without custody after the row was routed: it ends, and nobody calls instead."""
    await put(ledger, sealed(CAMPAIGN, [Drafted(campaign=CAMPAIGN)]))
    offered = NoticeOffered(student=student(1), document="letter-2025-1")
    await put(ledger, sealed(FILING, [offered]))
    mails = Provider(EMAIL)
    activities = sending(ledger, mails, people=People(both=(1,)))
    mails.away = ChannelAwayError("AWAY")
    await drain(activities)
    mails.away = None
    events = [event async for event in ledger.events(FILING)]
    gone = {"standing": Standing.NO_CUSTODY, "evidence": EvidenceGrade.DOCUMENT}
    await more(ledger, events, GuardianshipRecorded(student=student(1), person="gdn_000001b", **gone))
    await drain(activities)
    ended = {row["person"]: (row["state"], row["code"]) for row in await rows(ledger, recipient=student(1))}
    assert ended["gdn_000001b"] == ("denied", "NOT_A_READER")
    assert "second000001@family.invalid" not in [message.addresses[0] for message in mails.messages]


# -- when and whether -----------------------------------------------------------------------------------------------


async def test_nothing_is_begun_in_quiet_hours_and_all_of_it_in_the_morning(ledger):
    """Held with the reason and until when; no attempt before, one after."""
    await invite(ledger, 2)
    clock = Clock(datetime(2025, 3, 3, 22, 0, tzinfo=SHANGHAI))
    mails = Provider(EMAIL)
    activities = sending(ledger, mails, clock=clock)
    result = await drain(activities)
    assert (result.claimed, mails.messages) == (0, [])
    morning = datetime(2025, 3, 4, 7, 30, tzinfo=SHANGHAI)
    assert result.next_at == morning
    assert {(row["state"], row["code"], row["attempts"]) for row in await rows(ledger)} == {("held", "QUIET_HOURS", 0)}
    clock.now = morning
    assert (await drain(activities)).accepted == 2


async def test_a_batch_says_what_became_of_all_that_it_looked_at(ledger):
    """By night two of three wait and one does not want it; after the meeting the others come too late."""
    declined = OptionalNoticesDeclined(student=student(1), person="gdn_000001a")
    await put(ledger, sealed(CAMPAIGN, [Drafted(campaign=CAMPAIGN), declined]))
    await invite(ledger, 3, drafted=False)
    clock = Clock(AT - timedelta(hours=20))
    clock.now = clock.now.replace(hour=22)
    activities = sending(ledger, Provider(EMAIL), clock=clock)
    night = await drain(activities)
    assert (night.claimed, night.held, night.denied, night.expired) == (0, 2, 1, 0)
    assert {row["code"] for row in await rows(ledger)} == {"OPTED_OUT", "QUIET_HOURS"}
    clock.now = AT
    late = await drain(activities)
    assert (late.claimed, late.held, late.denied, late.expired, late.left) == (0, 0, 0, 2, 0)


async def test_a_stepped_campaigns_present_is_the_requests(ledger):
    """The worker's own clock has no say: it is night in the campaign."""
    await invite(ledger, 1)
    mails = Provider(EMAIL)
    activities = sending(ledger, mails)
    night = datetime(2025, 3, 3, 23, 0, tzinfo=SHANGHAI)
    assert (await drain(activities, at=night)).accepted == 0
    assert (await drain(activities, at=night + timedelta(hours=9))).accepted == 1


async def test_siblings_get_one_campaign_message_a_day(ledger):
    """Two pupils, one mother's telephone: the second invitation waits for the next day's opening."""

    class Siblings(People):
        async def household(self, ref):
            found = await super().household(ref)
            object.__setattr__(found.guardians[0], "phone", "13900000009")
            return found

    await invite(ledger, 2)
    clock = Clock()
    mails = Provider(EMAIL)
    activities = sending(ledger, mails, people=Siblings(), clock=clock)
    assert (await drain(activities)).accepted == 1
    (held,) = await rows(ledger, state="held")
    assert held["code"] == "HOUSEHOLD_BUDGET"
    clock.move(timedelta(days=1))
    assert (await drain(activities)).accepted == 1


async def test_a_shops_telephone_holds_nobodys_invitation(ledger):
    """Ten families give the same number (edge case 8): each has its own message on the first day."""

    class Village(People):
        async def household(self, ref):
            found = await super().household(ref)
            object.__setattr__(found.guardians[0], "phone", "13900000009")
            return found

        async def shared_addresses(self, campaign, most):
            assert (campaign, most) == (CAMPAIGN, 3)
            return frozenset({"13900000009"})

    await invite(ledger, 10)
    assert (await drain(sending(ledger, Provider(EMAIL), people=Village()))).accepted == 10


async def test_reminders_for_one_class_head_are_one_message(ledger):
    """At the digest's time: the texts of all, numbered; one attempt, one outcome for all of its rows."""
    await put(ledger, sealed(CAMPAIGN, [Drafted(campaign=CAMPAIGN)]))
    await put(ledger, sealed(MEETINGS, [reminded(), reminded()]))
    filing = f"{CAMPAIGN}/9900010001/school-visits"
    await put(ledger, sealed(filing, [reminded()]))
    clock = Clock()
    mails = Provider(EMAIL)
    activities = sending(ledger, mails, clock=clock)
    assert (await drain(activities)).claimed == 0
    assert {row["code"] for row in await rows(ledger)} == {"DIGEST"}
    clock.now = datetime(2025, 3, 4, 7, 30, tzinfo=SHANGHAI)
    await drain(activities)
    (message,) = mails.messages
    found = await rows(ledger)
    assert {row["state"] for row in found} == {"accepted"}
    assert [row["digest_of"] for row in found].count(message.notice_id) == len(found) - 1
    assert f"{len(found)}. " in message.text
    assert message.to_staff


async def test_a_message_to_staff_that_failed_in_the_evening_rests_until_the_morning(ledger):
    """All of its notices: what no claim takes is not due, or the dispatcher would not rest all night."""
    earlier = reminded().model_copy(update={"working_days_left": 9})
    await more(ledger, await invite(ledger, 1), earlier, reminded())
    clock = Clock(datetime(2025, 3, 4, 21, 20, tzinfo=SHANGHAI))
    failing = Delivery(NoticeState.FAILED_TEMPORARY, "SMTP_451")
    activities = sending(ledger, Provider(EMAIL, lambda one: failing if one.to_staff else ACCEPTED), clock=clock)
    evening = await drain(activities)
    assert (evening.accepted, evening.failed) == (1, evening.left)
    clock.move(11 * MINUTE)
    assert (await drain(activities)).held > evening.left
    night = await drain(activities)
    assert (night.held, night.next_at) == (0, datetime(2025, 3, 5, 7, 30, tzinfo=SHANGHAI))
    assert {row["state"] for row in await rows(ledger)} == {"accepted", "held"}


async def test_text_messages_stop_before_the_limit_of_segments(ledger):
    """Each may be charged as two: what is left is never overdrawn, and the rest waits."""
    await put(ledger, sealed(CAMPAIGN, [with_parameters(sms_segments_limit=5)]))
    await invite(ledger, 4, drafted=False)
    charged = Delivery(NoticeState.ACCEPTED, segments=2)
    sms = Provider(SMS, lambda _message: charged)
    activities = sending(ledger, sms)
    assert (await drain(activities, SMS)).accepted == 2
    result = await drain(activities, SMS)
    assert (result.accepted, result.problem, len(sms.messages)) == (0, "COST_BUDGET", 2)
    assert result.left == 2


async def test_a_pause_between_claim_and_call_holds_what_was_cleared(ledger, monkeypatch):
    """Written already, not begun: the provider never hears of it, and no attempt is counted."""
    await invite(ledger, 3)
    mails = Provider(EMAIL)
    activities = sending(ledger, mails)
    write = Letters.write

    async def late(self, *given):
        letters = await write(self, *given)
        await more(ledger, [event async for event in ledger.events(CAMPAIGN)], pause())
        return letters

    monkeypatch.setattr(Letters, "write", late)
    result = await drain(activities)
    assert (result.accepted, mails.messages) == (0, [])
    assert {(row["state"], row["code"], row["attempts"]) for row in await rows(ledger)} == {("held", "PAUSED", 0)}


# -- providers ------------------------------------------------------------------------------------------------------


async def test_without_any_provider_nothing_is_even_routed(ledger):
    """An installation that has configured none loses nothing, and calls nobody."""
    await invite(ledger, 2)
    result = await drain(dispatcher(ledger, None))
    assert (result.routed, result.problem) == (0, "NO_CHANNEL_CONFIGURED")
    assert {(row["state"], row["channel"]) for row in await rows(ledger)} == {("planned", "")}


async def test_a_provider_that_goes_away_in_the_middle_gets_its_pause(ledger):
    """What was begun and not sent is tried again when the provider says; the rest was not touched."""
    await invite(ledger, 12)
    clock = Clock()
    sms = Provider(SMS)
    sms.answer = lambda _message: ACCEPTED if len(sms.messages) < 2 else ChannelAwayError("MUTED", 10 * MINUTE)
    activities = sending(ledger, sms, clock=clock)
    result = await drain(activities, SMS)
    assert (result.accepted, result.problem, result.again_in_seconds) == (2, "MUTED", 600)
    found = await rows(ledger)
    begun = [row for row in found if row["state"] == "failed_temporary"]
    waiting = [row for row in found if row["state"] == "planned"]
    assert (len(begun), len(begun) + len(waiting)) == (result.failed, 10)
    assert 0 < len(begun) <= AHEAD + 2
    assert {datetime.fromisoformat(row["next_at"]) for row in begun} == {NOW + 10 * MINUTE}
    assert {(row["code"], row["provider_id"], row["digest"]) for row in begun} == {("MUTED", None, None)}
    assert {row["attempts"] for row in waiting} == {0}
    sms.answer = lambda _message: ACCEPTED
    clock.move(10 * MINUTE)
    assert (await drain(activities, SMS)).accepted == 10
    assert len({message.notice_id for message in sms.messages}) == len(sms.messages) == 12


async def test_a_provider_that_can_be_asked_is_asked_before_anything_is_sent_again(ledger):
    """What it has is not sent twice; what it never had goes out at once, under the same key."""
    await invite(ledger, 2)
    clock = Clock()
    sms = Provider(SMS, lambda _message: LOST, unknown=Unknown.LOOK_UP)
    activities = sending(ledger, sms, clock=clock)
    assert (await drain(activities, SMS)).unknown == 2
    names = [message.notice_id for message in sms.messages]
    sms.answer = lambda _message: ACCEPTED
    sms.known = {names[0]: Delivery(NoticeState.ACCEPTED, provider_id="P7")}
    clock.move(10 * MINUTE)
    result = await drain(activities, SMS)
    assert sorted(sms.asked[0]) == sorted(names)
    assert result.left == 0
    assert [message.notice_id for message in sms.messages] == [*names, names[1]]
    assert {row["state"] for row in await rows(ledger)} == {"accepted"}
    assert (await ledger.outbox.notice(names[0]))["provider_id"] == "P7"


async def test_where_nobody_can_be_asked_a_person_says_what_became_of_it(ledger):
    """A robot has no memory: its lost message is neither sent again nor taken for sent."""
    await put(ledger, sealed(CAMPAIGN, [with_parameters(digest_purposes=[])]))
    await put(ledger, sealed(MEETINGS, [reminded()]))
    clock = Clock()
    robot = Provider("wecom_robot", lambda _message: LOST, unknown=Unknown.ASK)
    activities = sending(ledger, robot, clock=clock)
    assert (await drain(activities, "wecom_robot")).unknown == 1
    clock.move(timedelta(days=1))
    result = await drain(activities, "wecom_robot")
    assert (result.claimed, result.left, len(robot.messages), robot.asked) == (0, 0, 1, [])
    (row,) = await rows(ledger)
    assert (row["state"], row["next_at"]) == ("unknown", None)


async def test_a_channel_that_is_no_longer_configured_says_so(ledger):
    """Its rows wait and are counted; nothing is lost."""
    await invite(ledger, 1)
    away = Provider(SMS)
    away.away = ChannelAwayError("AWAY")
    await drain(sending(ledger, away), SMS)
    result = await drain(sending(ledger, Provider(EMAIL)), SMS)
    assert (result.problem, result.left) == ("CHANNEL_NOT_CONFIGURED", 1)


# -- what a batch tells ---------------------------------------------------------------------------------------------


async def test_receipts_are_told_until_they_are_known_to_have_gone_on(ledger):
    """At least once: a crash between two batches loses none; marked by the next request, they are told no more."""
    await invite(ledger, 1)
    sms = Provider(SMS)
    activities = sending(ledger, sms)
    await drain(activities, SMS)
    (row,) = await rows(ledger)
    receipt = Receipt("r1", SMS, row["notice_id"], None, NoticeState.DELIVERED, None, NOW)
    await ledger.outbox.take_receipts([receipt], NOW)
    for _ in range(2):
        told = (await drain(activities, SMS)).receipts
        assert [(one["receipt_id"], one["notice"], one["state"]) for one in told] == [
            ("r1", row["notice_id"], "delivered")
        ]
    assert (await drain(activities, SMS, reported=("r1",))).receipts == []


async def test_receipts_are_asked_for_where_the_provider_only_answers(ledger):
    """Polled, once an hour or so: delivered."""
    await invite(ledger, 1)
    clock = Clock()
    sms = Provider(SMS, polled=True, unknown=Unknown.LOOK_UP)
    activities = sending(ledger, sms, clock=clock)
    await drain(activities, SMS)
    (row,) = await rows(ledger)
    sms.known = {row["notice_id"]: Delivery(NoticeState.DELIVERED)}
    clock.move(timedelta(hours=2))
    result = await drain(activities, SMS)
    assert [one["state"] for one in result.receipts] == ["delivered"]
    (row,) = await rows(ledger)
    assert row["state"] == "delivered"


async def test_a_day_that_is_over_is_told_once_with_its_digest(ledger):
    """Not before midnight; then with the number of rows and their digest; not again once it is settled."""
    await invite(ledger, 2)
    clock = Clock()
    activities = sending(ledger, Provider(EMAIL), clock=clock)
    assert (await drain(activities)).day is None
    clock.move(timedelta(days=1))
    told = (await drain(activities)).day
    assert (told["day"], len(told["digest"])) == ("2025-03-03", 64)
    assert told["rows"] == sum(told["states"].values()) > 0
    assert (await drain(activities, settled=date(2025, 3, 3))).day is None


async def test_the_running_day_is_settled_before_the_campaign_ends(ledger):
    """As it stands, or once nothing is left; what is written after that stands under the next day."""
    await invite(ledger, 2)
    clock = Clock()
    mails = Provider(EMAIL, lambda message: LOST if message.notice_id == first else ACCEPTED)
    first = min(row["notice_id"] for row in await rows(ledger))
    activities = sending(ledger, mails, clock=clock)
    assert (await drain(activities, closing="when_done")).day is None
    told = (await drain(activities, closing="now")).day
    assert (told["day"], told["states"]["accepted"]) == (str(clock().date()), 1)
    today = date.fromisoformat(told["day"])
    assert (await drain(activities, closing="now", settled=today)).day is None
    mails.answer = lambda _message: ACCEPTED
    clock.move(timedelta(hours=1))
    assert (await drain(activities, closing="when_done", settled=today)).accepted == 1
    clock.move(timedelta(days=1))
    late = (await drain(activities, closing="when_done", settled=today)).day
    assert (late["day"], late["states"]["accepted"]) == (str(today + timedelta(days=1)), 1)


class Meter:
    """Keeps what gauges were set to, each by its name, campaign and channel."""

    def __init__(self, found=None, name=None):
        self.found = {} if found is None else found
        self.name = name

    def create_gauge(self, name, *_described):
        """Return a gauge."""
        return Meter(self.found, name)

    create_gauge_float = create_gauge

    def set(self, value, additional_attributes):
        """Keep a value."""
        self.found[self.name, additional_attributes["campaign"], additional_attributes["channel"]] = value

    def with_additional_attributes(self, _more):
        """Return itself: the engine's own attributes do not matter here."""
        return self


async def test_the_backlog_is_a_metric_of_each_channel(ledger):
    """How many wait, and how long the oldest has been due; another campaign's do not take their place."""
    await invite(ledger, 3)
    clock = Clock()
    mails = Provider(EMAIL)
    mails.away = ChannelAwayError("AWAY")
    environment = ActivityEnvironment()
    environment.metric_meter = meter = Meter()
    activities = sending(ledger, mails, clock=clock)
    request = DispatchRequest(campaign=CAMPAIGN, channel=EMAIL, limit=50)
    await environment.run(activities.drain, request)
    clock.move(10 * MINUTE)
    await environment.run(activities.drain, request)
    await environment.run(activities.drain, request.model_copy(update={"campaign": f"{CAMPAIGN}/other"}))
    assert meter.found["diversion_notices_waiting", CAMPAIGN, EMAIL] == 3
    assert meter.found["diversion_notices_oldest_due_seconds", CAMPAIGN, EMAIL] >= 600


async def test_a_channel_on_which_nothing_waits_any_more_says_so(ledger):
    """Its own dispatcher sets it back to nothing; no other one speaks of it, and the letters' speaks of what is new."""
    await invite(ledger, 2)
    mails = Provider(EMAIL)
    mails.away = ChannelAwayError("AWAY")
    environment = ActivityEnvironment()
    environment.metric_meter = meter = Meter()
    activities = sending(ledger, mails)
    mail, paper = (DispatchRequest(campaign=CAMPAIGN, channel=one, limit=50) for one in (EMAIL, PAPER))
    waiting = "diversion_notices_waiting"
    await environment.run(activities.drain, mail)
    assert meter.found[waiting, CAMPAIGN, EMAIL] == 2
    mails.away = None
    await environment.run(activities.drain, mail)
    await environment.run(activities.drain, mail)
    assert (meter.found[waiting, CAMPAIGN, EMAIL], len(mails.messages)) == (0, 2)
    assert {channel for _, _, channel in meter.found} == {EMAIL}
    await environment.run(activities.drain, paper)
    assert {channel for _, _, channel in meter.found} == {EMAIL, PAPER, UNROUTED}
    assert meter.found[waiting, CAMPAIGN, UNROUTED] == meter.found[waiting, CAMPAIGN, PAPER] == 0


@pytest.mark.parametrize("channel", [SMS, EMAIL])
async def test_the_channel_says_how_large_a_batch_is(ledger, channel):
    """Never more than the provider's own limit, whatever the request asks for."""
    await invite(ledger, 7)
    provider = Provider(channel, batch=5)
    assert (await drain(sending(ledger, provider), channel)).claimed == 5
