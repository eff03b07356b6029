"""What holds for each provider over HTTP: secrets and addresses in no log and no error, and no waiting for ever."""

from __future__ import annotations

import asyncio
import logging
import re
import traceback
from datetime import timedelta

import pytest
from channels_house import NUMBER, PARENT, SECRET, channel_to, fit, message, say, simulated
from hypothesis import given
from hypothesis import strategies as st

from domain.notices import NoticeState
from notices import robots as robots_module
from notices import sms_gateway, wecom
from notices.channels import ChannelAwayError, Delivery
from notices.dingtalk_robot import DingtalkRobot
from notices.http import Answer, Provider, UnansweredError, json_body, provider_id
from notices.simulators.lies import Lie
from notices.simulators.server import Reply, Simulator
from notices.sms_gateway import SmsGateway
from notices.wecom import WecomApplication
from notices.wecom_robot import WecomRobot

NAMES = ("sms", "wecom", "wecom_robot", "dingtalk_robot")


class Canned(Simulator):
    """A provider that answers one thing."""

    def __init__(self, reply):
        super().__init__()
        self.reply = reply
        self.requests = []

    async def answer(self, request):
        """Answer."""
        self.requests.append(request)
        return self.reply


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("lie", [Lie.NONE, Lie.LOST_RESPONSE, Lie.TOKEN_EXPIRED])
async def test_nothing_secret_or_personal_is_logged_or_stands_in_an_error(name, lie, caplog):
    """Keys and tokens are parts of URLs here, and clients like to write those down."""
    caplog.set_level(logging.DEBUG)
    shown = []
    async with simulated(name, lambda _whom, _before: lie) as provider:
        channel = channel_to(name, provider.url)
        try:
            async with channel.session() as session:
                shown.append(repr(await session.send(message(**fit(name)))))
        except ChannelAwayError as away:
            shown += ["".join(traceback.format_exception(away)), repr(away.__context__), repr(away.__cause__)]
        url = provider.url
    try:
        async with channel_to(name, url).session() as session:
            await session.send(message(**fit(name)))
    except ChannelAwayError as away:
        shown += ["".join(traceback.format_exception(away)), repr(away.__context__), repr(away.__cause__)]
    assert len(shown) >= 4
    said = "".join((*shown, caplog.text))
    for word in (SECRET, NUMBER, PARENT, "access_token", "token-1", "第一行", "家长您好", "sign="):
        assert word not in said


def test_no_secret_stands_in_a_repr():
    """Logs and errors show settings by their `repr`."""
    held = (
        SmsGateway("https://sms.invalid", SECRET.encode(), "青山县教体局"),
        WecomApplication("https://wecom.invalid", "ww0001", 1, SECRET),
        WecomRobot("https://wecom.invalid", SECRET),
        DingtalkRobot("https://dingtalk.invalid", SECRET, SECRET),
        message(),
    )
    shown = "".join(map(repr, held))
    for word in (SECRET, NUMBER, "第一行", "家长您好", "家长会邀请"):
        assert word not in shown


async def called(provider, **more):
    """Return what one call comes to."""
    async with provider.connections() as web:
        try:
            return await web.call("POST", "/x", body=b"{}", **more)
        except (ChannelAwayError, UnansweredError) as error:
            return type(error).__name__, error.code


async def test_a_provider_that_takes_the_request_and_says_nothing_is_not_waited_for_for_ever():
    """Nor one whose answer comes drop by drop: the time is for the whole of it."""

    async def silent(_reader, _writer):
        await asyncio.sleep(9)

    async def dripping(_reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        for _ in range(100):
            writer.write(b" ")
            await asyncio.sleep(0.05)

    for slow in (silent, dripping):
        server = await asyncio.start_server(slow, "127.0.0.1", 0)
        provider = Provider("SMS", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", seconds=0.3)
        assert await asyncio.wait_for(called(provider), 2) == ("UnansweredError", "SMS_NO_ANSWER")
        server.close()


async def test_after_an_answer_that_never_came_the_session_goes_on():
    """The connection that was given up is not waited for."""

    class Slow(Canned):
        async def answer(self, request):
            await super().answer(request)
            await asyncio.sleep(0.5 if len(self.requests) == 1 else 0)
            return self.reply

    async with Slow(Reply(200, {"errcode": 0})) as provider:
        there = Provider("SMS", provider.url, seconds=0.2)
        async with there.connections() as web:
            with pytest.raises(UnansweredError):
                await web.call("GET", "/x")
            assert (await web.call("GET", "/x")).status == 200


async def test_a_certificate_that_nobody_vouches_for_sends_nothing():
    """The handshake comes before the request: the provider is away, no message is in doubt."""
    async with Canned(Reply(200)) as provider:
        there = Provider("SMS", provider.url.replace("http:", "https:"), seconds=2)
        assert await called(there) == ("ChannelAwayError", "SMS_UNREACHABLE")
        assert provider.requests == []


async def test_a_redirect_is_not_followed_and_no_proxy_of_the_environment_is_asked(monkeypatch):
    """Whoever is asked gets our keys."""
    async with Canned(Reply(200, {"errcode": 0})) as elsewhere:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, elsewhere.url)
        async with Canned(Reply(307, None, {"Location": f"{elsewhere.url}/x"})) as provider:
            assert await called(Provider("SMS", provider.url)) == Answer(307, None)
            assert len(provider.requests) == 1
        assert elsewhere.requests == []


async def test_connections_are_used_again_except_a_robots():
    """One that its provider had closed in the meantime would look like a lost answer, for a person to settle."""
    for keep, expected in ((True, 1), (False, 3)):
        opened = []

        class Counting(Canned):
            async def _talk(self, reader, writer):
                opened.append(writer)  # noqa: B023 - read within the round
                await super()._talk(reader, writer)

        async with (
            Counting(Reply(200, {"errcode": 0})) as provider,
            Provider("X", provider.url, keep=keep).connections() as web,
        ):
            for _ in range(3):
                await web.call("GET", "/x")
            assert len(opened) == expected


async def test_a_robots_provider_that_closed_its_connection_loses_nothing():
    """The second message of a session goes out although the first one's connection is gone."""
    async with simulated("wecom_robot") as provider, channel_to("wecom_robot", provider.url).session() as session:
        assert (await session.send(message(**fit("wecom_robot")))).outcome is NoticeState.ACCEPTED
        for writer in list(provider._open):
            writer.close()
        assert (await session.send(message(**fit("wecom_robot")))).outcome is NoticeState.ACCEPTED


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("p-1", "p-1"),
        (17, "17"),
        ("1390000000", "1390000000"),
        ("13900000001", None),
        ("x13900000001", None),
        ("x-13900000001-7", None),
        ("139000000011", "139000000011"),
        ("a b", None),
        ("", None),
        ("x" * 65, None),
        (None, None),
        ({}, None),
        ("家长", None),
    ],
)
def test_a_providers_id_is_kept_only_where_it_is_one(value, expected):
    """It stands in the outbox, where no telephone number may."""
    assert provider_id(value) == expected


def test_the_same_message_has_the_same_bytes():
    """Duplicate checks compare requests."""
    assert json_body({"b": "中", "a": 1}) == '{"b":"中","a":1}'.encode()


PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12)
JSON = st.recursive(
    PLAIN | st.sampled_from([NUMBER, int(NUMBER)]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)
FIELDS = (
    *("provider_id", "segments", "state", "code", "errcode", "msgid"),
    *("invaliduser", "unlicenseduser", "invalid_parent_userid"),
)
KNOWN = st.sampled_from(
    ["accepted", "failed", "delivered", "KEY_UNKNOWN", "TEXT_REFUSED", 0, 40014, 45009, PARENT, [PARENT], f"{PARENT}|x"]
)
ANSWERS = st.builds(
    Answer,
    st.sampled_from([200, 202, 302, 400, 401, 404, 409, 422, 429]),
    st.none() | st.dictionaries(st.sampled_from(FIELDS), KNOWN | JSON, max_size=9),
    st.none() | st.timedeltas(timedelta(0), timedelta(hours=1)),
)


@given(answer=ANSWERS)
def test_whatever_a_provider_answers_is_an_outcome_or_a_channel_that_is_away(answer):
    """Never another error; and what goes into the outbox fits it and can be no telephone number."""
    robots = WecomRobot("https://x.invalid", "k"), DingtalkRobot("https://x.invalid", "t", "s")
    readers = (
        lambda: sms_gateway._submitted(answer, 1),
        lambda: sms_gateway._known(answer),
        lambda: wecom._taken(answer, (PARENT,)),
        *(lambda robot=robot: robots_module.said(robot, answer) for robot in robots),
    )
    for reader in readers:
        try:
            delivery = reader()
        except ChannelAwayError as away:
            delivery = Delivery(NoticeState.FAILED_TEMPORARY, away.code)
        if delivery is None:  # a key that the gateway never had
            continue
        assert delivery.code is None or re.fullmatch(r"[A-Z][A-Z0-9_-]{0,39}", delivery.code)
        assert delivery.provider_id is None or len(delivery.provider_id) <= 64
        assert NUMBER not in f"{delivery.code} {delivery.provider_id}"
        assert 0 <= delivery.segments <= 10


async def test_messages_to_four_simulators_are_each_taken_once():
    """The honest case, all at once: nobody's message is another's."""

    async def one(name):
        async with simulated(name) as provider:
            told = await say(channel_to(name, provider.url), message(**fit(name)))
            return told[0], len(provider.taken)

    found = await asyncio.gather(*map(one, NAMES))
    assert [(isinstance(told, Delivery) and told.outcome, count) for told, count in found] == [
        (NoticeState.ACCEPTED, 1)
    ] * 4
