"""Each lie of a provider, told to each channel: what is known is said, the rest is `unknown`, and readers get one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from channels_house import channel_to, fit, message, say, simulated

from domain.notices import NoticeState
from notices.channels import Delivery, Unknown
from notices.simulators.lies import UNTAKEN, Lie

ACCEPTED, UNKNOWN = NoticeState.ACCEPTED, NoticeState.UNKNOWN
TEMPORARY, PERMANENT = NoticeState.FAILED_TEMPORARY, NoticeState.FAILED_PERMANENT
MINUTE, TEN = timedelta(minutes=1), timedelta(minutes=10)

EXPECTED = {
    ("sms", Lie.NONE): (ACCEPTED, None),
    ("sms", Lie.ACCEPTED_WITHOUT_STATUS): (UNKNOWN, "SMS_NO_STATUS"),
    ("sms", Lie.BAD_REQUEST_DURING_OUTAGE): (TEMPORARY, "SMS_HTTP_400"),
    ("sms", Lie.FAULT_AFTER_TAKING): (UNKNOWN, "SMS_HTTP_500"),
    ("sms", Lie.SUCCESS_TWICE): (UNKNOWN, "SMS_NO_ANSWER"),
    ("sms", Lie.LOST_RESPONSE): (UNKNOWN, "SMS_NO_ANSWER"),
    ("sms", Lie.LOST_REQUEST): (UNKNOWN, "SMS_NO_ANSWER"),
    ("sms", Lie.LATE_CALLBACK): (ACCEPTED, None),
    ("sms", Lie.MUTED_TEN_MINUTES): ("SMS_FREQUENCY", TEN),
    ("sms", Lie.TOO_OFTEN): ("SMS_FREQUENCY", MINUTE),
    ("sms", Lie.TEMPLATE_REFUSED): (PERMANENT, "TEMPLATE_REFUSED"),
    ("sms", Lie.RECYCLED_NUMBER): (ACCEPTED, None),
    ("sms", Lie.NOBODY): (PERMANENT, "ADDRESS_INVALID"),
    ("sms", Lie.TOKEN_EXPIRED): ("SMS_SIGN_IN_REFUSED", None),
    ("wecom", Lie.NONE): (ACCEPTED, None),
    ("wecom", Lie.ACCEPTED_WITHOUT_STATUS): (UNKNOWN, "WECOM_NO_STATUS"),
    ("wecom", Lie.BAD_REQUEST_DURING_OUTAGE): (TEMPORARY, "WECOM_HTTP_400"),
    ("wecom", Lie.FAULT_AFTER_TAKING): (UNKNOWN, "WECOM_HTTP_502"),
    ("wecom", Lie.SUCCESS_TWICE): (UNKNOWN, "WECOM_NO_ANSWER"),
    ("wecom", Lie.LOST_RESPONSE): (UNKNOWN, "WECOM_NO_ANSWER"),
    ("wecom", Lie.LOST_REQUEST): (UNKNOWN, "WECOM_NO_ANSWER"),
    ("wecom", Lie.MUTED_TEN_MINUTES): ("WECOM_FREQUENCY", MINUTE),
    ("wecom", Lie.TOO_OFTEN): ("WECOM_FREQUENCY", MINUTE),
    ("wecom", Lie.NOBODY): (PERMANENT, "ADDRESS_INVALID"),
    ("wecom", Lie.TEMPLATE_REFUSED): (TEMPORARY, "WECOM_40008"),
    ("wecom", Lie.TOKEN_EXPIRED): ("WECOM_SIGN_IN_REFUSED", None),
    ("wecom_robot", Lie.NONE): (ACCEPTED, None),
    ("wecom_robot", Lie.ACCEPTED_WITHOUT_STATUS): (UNKNOWN, "WECOM_ROBOT_NO_STATUS"),
    ("wecom_robot", Lie.BAD_REQUEST_DURING_OUTAGE): (TEMPORARY, "WECOM_ROBOT_HTTP_400"),
    ("wecom_robot", Lie.FAULT_AFTER_TAKING): (UNKNOWN, "WECOM_ROBOT_HTTP_502"),
    ("wecom_robot", Lie.SUCCESS_TWICE): (UNKNOWN, "WECOM_ROBOT_NO_ANSWER"),
    ("wecom_robot", Lie.LOST_RESPONSE): (UNKNOWN, "WECOM_ROBOT_NO_ANSWER"),
    ("wecom_robot", Lie.LOST_REQUEST): (UNKNOWN, "WECOM_ROBOT_NO_ANSWER"),
    ("wecom_robot", Lie.TOO_OFTEN): ("WECOM_ROBOT_FREQUENCY", MINUTE),
    ("dingtalk_robot", Lie.NONE): (ACCEPTED, None),
    ("dingtalk_robot", Lie.ACCEPTED_WITHOUT_STATUS): (UNKNOWN, "DINGTALK_NO_STATUS"),
    ("dingtalk_robot", Lie.BAD_REQUEST_DURING_OUTAGE): (TEMPORARY, "DINGTALK_HTTP_400"),
    ("dingtalk_robot", Lie.FAULT_AFTER_TAKING): (UNKNOWN, "DINGTALK_HTTP_502"),
    ("dingtalk_robot", Lie.SUCCESS_TWICE): (UNKNOWN, "DINGTALK_NO_ANSWER"),
    ("dingtalk_robot", Lie.LOST_RESPONSE): (UNKNOWN, "DINGTALK_NO_ANSWER"),
    ("dingtalk_robot", Lie.LOST_REQUEST): (UNKNOWN, "DINGTALK_NO_ANSWER"),
    ("dingtalk_robot", Lie.MUTED_TEN_MINUTES): ("DINGTALK_MUTED", TEN),
    ("dingtalk_robot", Lie.TEMPLATE_REFUSED): (PERMANENT, "TEXT_REFUSED"),
    ("dingtalk_robot", Lie.TOKEN_EXPIRED): ("DINGTALK_SIGN_IN_REFUSED", None),
}
LOST = (Lie.LOST_RESPONSE, Lie.LOST_REQUEST, Lie.SUCCESS_TWICE, Lie.ACCEPTED_WITHOUT_STATUS, Lie.FAULT_AFTER_TAKING)


@pytest.mark.parametrize(("name", "lie"), EXPECTED)
async def test_a_lie_has_one_outcome(name, lie):
    """A refusal is final only in a provider's documented words; silence after a request is `unknown`."""
    async with simulated(name, lambda _whom, _before: lie) as provider:
        (said,) = await say(channel_to(name, provider.url), message(**fit(name)))
        expected = EXPECTED[name, lie]
        assert ((said.outcome, said.code) if isinstance(said, Delivery) else said) == expected
        assert len(provider.taken) == (0 if lie in UNTAKEN else 1)


@pytest.mark.parametrize("lie", LOST)
async def test_a_text_message_that_nobody_knows_of_is_looked_up_and_read_once(lie):
    """The gateway says what it has, or that it never had it; only then, and under the same key, it is sent again."""
    async with simulated("sms", lambda _whom, before: Lie.NONE if before else lie) as provider:
        channel, one = channel_to("sms", provider.url), message()
        assert channel.traits.unknown is Unknown.LOOK_UP
        await say(channel, one)
        async with channel.session() as session:
            known = (await session.look_up((one.notice_id,)))[one.notice_id]
            if lie is Lie.LOST_REQUEST:
                assert known is None
                assert (await session.send(one)).outcome is ACCEPTED
            else:
                assert known is not None
                assert (known.outcome, known.provider_id, known.segments) == (ACCEPTED, "sim-1", 1)
            again = await session.send(one)  # even a mistake of ours would not be read twice
            assert (again.outcome, again.provider_id) == (ACCEPTED, "sim-1")
        assert [taken.key for taken in provider.taken] == [one.notice_id]


@pytest.mark.parametrize("lie", LOST)
async def test_a_message_to_a_parent_that_nobody_knows_of_is_sent_again_and_read_once(lie):
    """The provider's duplicate check leaves the second out: it is the same request, to the byte."""
    async with simulated("wecom", lambda _whom, before: Lie.NONE if before else lie) as provider:
        channel, one = channel_to("wecom", provider.url), message(**fit("wecom"))
        assert channel.traits.unknown is Unknown.RESEND
        first, second = await say(channel, one, one)
        assert isinstance(first, Delivery)
        assert isinstance(second, Delivery)
        assert (first.outcome, second.outcome) == (UNKNOWN, ACCEPTED)
        assert len(provider.taken) == 1
        assert list(provider.calls.values()) == [2]


@pytest.mark.parametrize("name", ["wecom_robot", "dingtalk_robot"])
async def test_a_robot_has_no_duplicate_check_so_a_person_is_asked(name):
    """What is sent again is read again: nobody does that on a guess."""
    async with simulated(name, lambda _whom, before: Lie.NONE if before else Lie.LOST_RESPONSE) as provider:
        channel, one = channel_to(name, provider.url), message(**fit(name))
        assert channel.traits.unknown is Unknown.ASK
        await say(channel, one, one)
        assert len(provider.taken) == 2


async def test_what_became_of_a_text_message_is_polled():
    """Delivered, somebody else's number, still under way, never had: each by its own state."""
    lies = {"13900000002": Lie.RECYCLED_NUMBER, "13900000003": Lie.LATE_CALLBACK}
    async with simulated("sms", lambda whom, _before: lies.get(whom, Lie.NONE)) as provider:
        channel = channel_to("sms", provider.url)
        assert channel.traits.polled
        sent = [message(notice_id=f"ntc_{n:032x}", addresses=(f"1390000000{n}",)) for n in (1, 2, 3)]
        await say(channel, *sent)
        provider.deliver()
        never = f"ntc_{9:032x}"
        async with channel.session() as session:
            found = await session.look_up((*(one.notice_id for one in sent), never))
        assert {key: one and (one.outcome, one.code) for key, one in found.items()} == {
            sent[0].notice_id: (NoticeState.DELIVERED, None),
            sent[1].notice_id: (PERMANENT, "NUMBER_RECYCLED"),
            sent[2].notice_id: (ACCEPTED, None),
            never: None,
        }
        assert [(one["state"], one.get("code")) for one in provider.receipts] == [
            ("delivered", None),
            ("failed", "NUMBER_RECYCLED"),
        ]
        provider.deliver(late=True)
        assert provider.receipts[-1]["key"] == sent[2].notice_id


async def test_a_receipt_can_come_twice():
    """Each with an id of its own: whoever takes it goes by the message and its state."""
    async with simulated("sms", lambda _whom, _before: Lie.SUCCESS_TWICE) as provider:
        await say(channel_to("sms", provider.url), message(), message())
        provider.deliver()
        assert [one["state"] for one in provider.receipts] == ["delivered", "delivered"]
        assert len({one["receipt_id"] for one in provider.receipts}) == 2
        assert len(provider.taken) == 1
