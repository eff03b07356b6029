"""The SMS gateway's contract from our side: signed, one number, our key, no refusal that is not its own word."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from channels_house import NUMBER, SECRET, message, say, simulated, sms_channel

from domain.notices import NoticeState
from domain.signing import SIGNATURE, TIMESTAMP, sign
from domain.time import instant
from gateway import receipts
from notices.channels import ChannelAwayError, Delivery
from notices.simulators.server import Reply, Simulator
from notices.sms_gateway import FAILED, NOBODYS

AT = instant("2025-03-03T08:00:00+08:00")
PERMANENT, TEMPORARY, UNKNOWN = NoticeState.FAILED_PERMANENT, NoticeState.FAILED_TEMPORARY, NoticeState.UNKNOWN


class Canned(Simulator):
    """A gateway that answers one thing to every submit, and another to every question."""

    def __init__(self, submit=None, question=None, greeting=None):
        super().__init__()
        self.submit = submit or Reply(202, {"provider_id": "p-1", "segments": 1})
        self.question = question or Reply(404, {"code": "KEY_UNKNOWN"})
        self.greeting = greeting or Reply(404, {"code": "KEY_UNKNOWN"})
        self.requests = []

    async def answer(self, request):
        """Answer."""
        self.requests.append(request)
        if request.method == "POST":
            return self.submit
        return self.greeting if request.path.endswith(NOBODYS) else self.question


async def test_a_message_goes_out_signed_with_key_number_signature_and_text():
    """The registered signature stands before the text, once, however it comes from the template."""
    for short in ("明天见。", "【青山县教体局】明天见。"):
        async with Canned() as gateway:
            channel = sms_channel(gateway.url, clock=lambda: AT)
            (delivery,) = await say(channel, message(short=short))
            assert delivery == Delivery(NoticeState.ACCEPTED, None, "p-1", segments=1)
            assert channel.traits.sender == "【青山县教体局】"
            question, submit = gateway.requests
            assert json.loads(submit.body) == {
                "key": message().notice_id,
                "to": NUMBER,
                "signature": "青山县教体局",
                "text": "【青山县教体局】明天见。",
            }
            assert submit.headers[TIMESTAMP] == str(int(AT.timestamp()))
            assert submit.headers[SIGNATURE] == sign(SECRET.encode(), submit.headers[TIMESTAMP], submit.body)
            path = f"/v1/messages/{NOBODYS}"
            assert question.path == path
            assert question.headers[SIGNATURE] == sign(SECRET.encode(), question.headers[TIMESTAMP], path.encode())


@pytest.mark.parametrize(
    ("reply", "outcome", "code"),
    [
        (Reply(422, {"code": "NUMBER_INVALID"}), PERMANENT, "ADDRESS_INVALID"),
        (Reply(422, {"code": "BLOCKED"}), PERMANENT, "BLOCKED"),
        (Reply(422, {"code": "TEXT_REFUSED"}), PERMANENT, "TEXT_REFUSED"),
        (Reply(400, {"code": "TEMPLATE_REFUSED"}), PERMANENT, "TEMPLATE_REFUSED"),
        (Reply(422, {"code": "13900000001 is odd"}), TEMPORARY, "SMS_HTTP_422"),
        (Reply(422, {"code": ["NUMBER_INVALID"]}), TEMPORARY, "SMS_HTTP_422"),
        (Reply(422, {}), TEMPORARY, "SMS_HTTP_422"),
        (Reply(400, b"no json"), TEMPORARY, "SMS_HTTP_400"),
        (Reply(404), TEMPORARY, "SMS_HTTP_404"),
        (Reply(302, None, {"Location": "https://elsewhere.invalid/"}), TEMPORARY, "SMS_HTTP_302"),
        (Reply(409, {"code": "KEY_TAKEN"}), UNKNOWN, "SMS_KEY_TAKEN"),
        (Reply(503), UNKNOWN, "SMS_HTTP_503"),
        (Reply(202), UNKNOWN, "SMS_NO_STATUS"),
        (Reply(202, b"[1]"), UNKNOWN, "SMS_NO_STATUS"),
        (Reply(202, b"[" * 60_000), UNKNOWN, "SMS_NO_STATUS"),
        (Reply(202, b'{"provider_id": "p-1"}' + b" " * 70_000), UNKNOWN, "SMS_NO_STATUS"),
        (Reply(202, {"provider_id": NUMBER, "segments": 1}), UNKNOWN, "SMS_NO_STATUS"),
        (Reply(202, {"provider_id": "a b"}), UNKNOWN, "SMS_NO_STATUS"),
    ],
)
async def test_an_answer_is_believed_as_far_as_the_contract_goes(reply, outcome, code):
    """What the gateway says in other words is nothing final, and its words stay outside."""
    async with Canned(reply) as gateway:
        (delivery,) = await say(sms_channel(gateway.url), message())
        assert (delivery.outcome, delivery.code, delivery.provider_id) == (outcome, code, None)
        assert len(gateway.requests) == 2


@pytest.mark.parametrize(
    ("reply", "code", "again_in"),
    [
        (Reply(401), "SMS_SIGN_IN_REFUSED", None),
        (Reply(403), "SMS_SIGN_IN_REFUSED", None),
        (Reply(422, {"code": "SIGNATURE_REFUSED"}), "SMS_SIGNATURE_REFUSED", None),
        (Reply(422, {"code": "BALANCE_EMPTY"}), "SMS_BALANCE_EMPTY", None),
        (Reply(429, None, {"Retry-After": "7"}), "SMS_FREQUENCY", timedelta(seconds=7)),
        (Reply(429, None, {"Retry-After": "999999"}), "SMS_FREQUENCY", timedelta(hours=1)),
        (Reply(429, None, {"Retry-After": "tomorrow"}), "SMS_FREQUENCY", timedelta(minutes=1)),
    ],
)
async def test_what_would_meet_every_message_stops_the_channel_and_uses_up_no_attempt(reply, code, again_in):
    """An empty account or a wrong secret is for somebody to mend."""
    async with Canned(reply) as gateway:
        assert await say(sms_channel(gateway.url), message()) == [(code, again_in)]


async def test_a_session_begins_with_a_gateway_that_listens_and_knows_our_secret():
    """Nothing is claimed from the outbox before."""
    for greeting, code in ((Reply(401), "SMS_SIGN_IN_REFUSED"), (Reply(200), "SMS_AWAY"), (Reply(502), "SMS_AWAY")):
        async with Canned(greeting=greeting) as gateway:
            with pytest.raises(ChannelAwayError) as caught:
                async with sms_channel(gateway.url).session():
                    pass
            assert (caught.value.code, caught.value.again_in) == (code, None)
    async with simulated("sms") as gateway:
        url = gateway.url
        with pytest.raises(ChannelAwayError) as caught:
            async with sms_channel(url, b"another secret").session():
                pass
        assert caught.value.code == "SMS_SIGN_IN_REFUSED"
    with pytest.raises(ChannelAwayError) as caught:
        async with sms_channel(url).session():  # it runs no more
            pass
    assert caught.value.code == "SMS_UNREACHABLE"


@pytest.mark.parametrize("addresses", [(), ("139000000012",), ("12900000001",), (NUMBER, NUMBER), ("１３９00000001",)])
async def test_a_number_that_is_none_is_not_called(addresses):
    """Refused before anything is sent."""
    async with Canned() as gateway:
        (delivery,) = await say(sms_channel(gateway.url), message(addresses=addresses))
        assert (delivery.outcome, delivery.code) == (PERMANENT, "ADDRESS_INVALID")
        (delivery,) = await say(sms_channel(gateway.url), message(short=None))
        assert (delivery.outcome, delivery.code) == (PERMANENT, "NO_SHORT_TEXT")
        assert {request.method for request in gateway.requests} == {"GET"}


@pytest.mark.parametrize(
    ("said", "counted", "text"),
    [(3, 3, "短"), (None, 1, "短"), (None, 2, "长" * 70), ("2", 1, "短"), (0, 1, "短"), (99, 1, "短")],
)
async def test_segments_are_counted_by_the_gateway_or_by_us(said, counted, text):
    """The cost of a message is known even where the gateway does not say it."""
    async with Canned(Reply(202, {"provider_id": "p-1", "segments": said})) as gateway:
        (delivery,) = await say(sms_channel(gateway.url), message(short=text))
        assert delivery.segments == counted


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(200, {"state": "read", "provider_id": "p-1"}), (NoticeState.READ, None)),
        (Reply(200, {"state": "failed", "code": "ABSENT"}), (PERMANENT, "ABSENT")),
        (Reply(200, {"state": "failed", "code": "own words"}), (PERMANENT, "UNKNOWN_CODE")),
        (Reply(200, {"state": "failed", "code": {}}), (PERMANENT, "UNKNOWN_CODE")),
        (Reply(200, {"state": "lost"}), (UNKNOWN, "SMS_HTTP_200")),
        (Reply(200, {"state": []}), (UNKNOWN, "SMS_HTTP_200")),
        (Reply(404), (UNKNOWN, "SMS_HTTP_404")),
        (Reply(500), (UNKNOWN, "SMS_HTTP_500")),
        (Reply(404, {"code": "KEY_UNKNOWN"}), None),
    ],
)
async def test_a_question_is_answered_known_or_never_had_and_all_else_leaves_it_open(reply, expected):
    """A proxy's 404 is not the gateway's word: on it a message would go out twice."""
    async with Canned(question=reply) as gateway, sms_channel(gateway.url).session() as session:
        found = await session.look_up(("ntc_1",))
        known = found["ntc_1"]
        assert ((known.outcome, known.code) if isinstance(known, Delivery) else known) == expected


async def test_after_one_question_without_an_answer_the_others_are_not_asked():
    """A gateway that hangs would hold the batch for each of them."""
    async with Canned(question=Reply(502)) as gateway, sms_channel(gateway.url).session() as session:
        found = await session.look_up(("ntc_1", "ntc_2", "ntc_3"))
        assert list(found.values()) == [Delivery(UNKNOWN, "SMS_HTTP_502")] * 3
        assert len(gateway.requests) == 2


def test_receipts_that_come_in_say_what_polled_ones_say():
    """The two ways to learn of a message have one list of codes."""
    assert FAILED == receipts.FAILURES
