"""WeCom's application: two ways in, one token for all sessions, no text cut, and nobody reached by chance."""

from __future__ import annotations

import asyncio
import json

import pytest
from channels_house import PARENT, SECRET, STAFF, fit, message, numbered, say, wecom_channel

from domain.notices import NoticeState
from ledger.handover import Tries
from notices.channels import ChannelAwayError, Delivery
from notices.simulators.lies import Lie
from notices.simulators.server import Reply
from notices.simulators.wecom import WecomSimulator
from notices.wecom import valid_member, written

ACCEPTED, PERMANENT = NoticeState.ACCEPTED, NoticeState.FAILED_PERMANENT
TO_STAFF = {"addresses": (STAFF,), "to_staff": True}


class Watched(WecomSimulator):
    """The provider, which keeps the requests and can be told what to answer to submits."""

    def __init__(self, *args, **more):
        super().__init__("ww0001", SECRET, *args, **more)
        self.requests = []
        self.canned = None

    async def answer(self, request):
        """Answer."""
        self.requests.append(request)
        return self.canned if self.canned and "send" in request.path else await super().answer(request)


async def test_a_message_is_repeated_no_longer_than_the_provider_knows_it():
    """What is asked for in every request, and what the outbox is told of it, are the same hours."""
    async with Watched() as provider:
        channel = wecom_channel(provider.url)
        await say(channel, message(**fit("wecom")))
        (sent,) = [json.loads(request.body) for request in provider.requests if request.method == "POST"]
    assert sent["duplicate_check_interval"] == channel.traits.dedupes_for.total_seconds()


async def test_guardians_get_the_schools_notice_to_parents_and_staff_a_message_to_members():
    """Two interfaces; both with the duplicate check for the four hours that the provider offers."""
    async with Watched() as provider:
        family, staff = message(**fit("wecom")), message(notice_id=f"ntc_{8:032x}", lang="en", **TO_STAFF)
        assert [one.outcome for one in await say(wecom_channel(provider.url), family, staff)] == [ACCEPTED, ACCEPTED]
        sent = {request.path: json.loads(request.body) for request in provider.requests if request.method == "POST"}
        always = {
            "msgtype": "text",
            "agentid": 1000002,
            "enable_duplicate_check": 1,
            "duplicate_check_interval": 4 * 3600,
        }
        assert sent == {
            "/cgi-bin/externalcontact/message/send": {
                "recv_scope": 0,
                "to_parent_userid": [PARENT],
                "toall": 0,
                "text": {"content": "家长会邀请\n\n第一行\n第二行\n\n编号 00000000"},
                **always,
            },
            "/cgi-bin/message/send": {
                "touser": STAFF,
                "text": {"content": "家长会邀请\n\n第一行\n第二行\n\nNo. 00000000"},
                **always,
            },
        }


async def test_what_a_person_has_sent_again_is_another_message():
    """The provider leaves out what it has seen in the last hours: the number at the end tells the two apart."""
    async with Watched() as provider:
        await say(wecom_channel(provider.url), message(**fit("wecom")), message(**fit("wecom"), generation=1))
        assert [taken.text.rpartition("编号 ")[2] for taken in provider.taken] == ["00000000", "00000000-1"]


async def test_two_notices_that_read_alike_are_two_messages():
    """The provider would take the second for a repeat and say "ok": the number at the end tells them apart."""
    async with Watched() as provider:
        one, other = numbered(1, **fit("wecom")), numbered(2, **fit("wecom"))
        assert written(one) != written(other)
        await say(wecom_channel(provider.url), one, other, one)
        assert [taken.text for taken in provider.taken] == [written(one), written(other)]


async def test_all_sessions_share_one_token_until_it_ends():
    """Asking for one is rationed too; it is renewed before its two hours are over."""
    now = [0.0]
    async with Watched() as provider:
        channel = wecom_channel(provider.url, monotonic=lambda: now[0])
        one = message(**fit("wecom"))
        await asyncio.gather(*(say(channel, one) for _ in range(6)))
        now[0] = 7200 - 301
        await say(channel, one)
        assert provider.tokens == 1
        now[0] = 7200 - 299
        await say(channel, one)
        assert provider.tokens == 2


async def test_a_token_that_ends_early_is_renewed_once_for_all_and_the_message_goes_out():
    """Two sessions meet the same refusal: the second finds the new token there."""
    async with Watched() as provider:
        channel, one = wecom_channel(provider.url), message(**fit("wecom"))
        async with channel.session() as first, channel.session() as second:
            provider.tokens += 1  # somebody else has asked for one: ours is no longer good
            told = await asyncio.gather(first.send(one), second.send(one))
        assert [delivery.outcome for delivery in told] == [ACCEPTED, ACCEPTED]
        assert provider.tokens == 3
        assert len(provider.taken) == 1
    lies = {0: Lie.TOKEN_EXPIRED}
    async with Watched(lambda _whom, before: lies.get(before, Lie.NONE)) as provider:
        (delivery,) = await say(wecom_channel(provider.url), one)
        assert (delivery.outcome, provider.tokens) == (ACCEPTED, 2)


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(200, {"errcode": 40001}), "WECOM_SIGN_IN_REFUSED"),
        (Reply(200, {"errcode": 40013}), "WECOM_SIGN_IN_REFUSED"),
        (Reply(200, {"errcode": 45009}), "WECOM_FREQUENCY"),
        (Reply(200, {"errcode": -1}), "WECOM_AWAY"),
        (Reply(200, {"errcode": 0}), "WECOM_AWAY"),
        (Reply(200), "WECOM_AWAY"),
        (Reply(500), "WECOM_AWAY"),
        (None, "WECOM_AWAY"),
    ],
)
async def test_a_session_begins_with_a_token(reply, code):
    """Nothing is claimed from the outbox while there is none."""

    class Shut(WecomSimulator):
        async def answer(self, request):
            assert request.path == "/cgi-bin/gettoken"
            return reply

    async with Shut("ww0001", SECRET) as provider:
        with pytest.raises(ChannelAwayError) as caught:
            async with wecom_channel(provider.url).session():
                pass
        assert caught.value.code == code


@pytest.mark.parametrize("number", [40056, 48002, 60011, 60020, 301002])
async def test_an_application_that_may_not_stops_the_channel_and_uses_up_no_attempt(number):
    """Rights and trusted addresses are set in the console, by a person."""
    async with Watched() as provider:
        provider.canned = Reply(200, {"errcode": number})
        (away,) = await say(wecom_channel(provider.url), message(**fit("wecom")))
        assert away == ("WECOM_SIGN_IN_REFUSED", None)


async def test_a_text_that_would_be_cut_goes_another_way():
    """2048 bytes of UTF-8 go, one more does not; a part of a letter would be another letter."""
    async with Watched() as provider:
        base = len(written(message(text="", **fit("wecom"))).encode())
        longest = message(text="a" * (2048 - base), **fit("wecom"))
        told = await say(wecom_channel(provider.url), longest, message(text=longest.text + "a", **fit("wecom")))
        assert [(delivery.outcome, delivery.code) for delivery in told] == [(ACCEPTED, None), (PERMANENT, "TOO_LONG")]
        assert [len(taken.text.encode()) for taken in provider.taken] == [2048]


@pytest.mark.parametrize("user", ["@all", "a|b", "", "a b", "家长", "x" * 65, "a\n", "-a"])
async def test_an_id_that_is_more_than_one_user_reaches_nobody(user):
    """`@all` would be everybody in the county."""
    assert not valid_member(user)
    async with Watched() as provider:
        for to in ({"addresses": (user,)}, {"addresses": (STAFF, user), "to_staff": True}, {"addresses": ()}):
            (delivery,) = await say(wecom_channel(provider.url), message(**to))
            assert (delivery.outcome, delivery.code) == (PERMANENT, "ADDRESS_INVALID")
        assert provider.taken == []


async def test_a_user_whom_the_provider_leaves_out_is_told():
    """It answers "ok" all the same: with nobody reached it failed, with some reached the row says so."""
    async with Watched(unknown=(PARENT, "Gone.01")) as provider:
        told = await say(
            wecom_channel(provider.url),
            message(**fit("wecom")),
            message(addresses=("Gone.01",), to_staff=True),
            message(addresses=("Gone.01", STAFF), to_staff=True),
        )
        assert [(delivery.outcome, delivery.code) for delivery in told] == [
            (PERMANENT, "ADDRESS_INVALID"),
            (PERMANENT, "ADDRESS_INVALID"),
            (ACCEPTED, "WECOM_SOME_REFUSED"),
        ]
        assert [taken.to for taken in provider.taken] == [STAFF]
        provider.canned = Reply(200, {"errcode": 0, "invaliduser": "", "unlicenseduser": STAFF.lower(), "msgid": "m-1"})
        assert await say(wecom_channel(provider.url), message(**TO_STAFF)) == [Delivery(PERMANENT, "ADDRESS_INVALID")]
        provider.canned = Reply(200, {"errcode": 0, "invaliduser": 7, "msgid": "m-1"})
        assert await say(wecom_channel(provider.url), message(**TO_STAFF)) == [Delivery(ACCEPTED, None, "m-1")]


async def test_all_tries_of_a_message_that_nobody_knows_of_fit_into_the_duplicate_check():
    """Were one of them later, a family would read the message twice."""
    now = [0.0]
    async with Watched(lambda _whom, _before: Lie.LOST_RESPONSE) as provider:
        provider.now = lambda: now[0]
        channel, one = wecom_channel(provider.url), message(**fit("wecom"))
        for _ in Tries().pauses:
            (delivery,) = await say(channel, one)
            assert delivery.outcome is NoticeState.UNKNOWN
            now[0] += delivery.again_in.total_seconds()
        await say(channel, one)
        assert len(provider.taken) == 1
        now[0] = 14_400.0
        await say(channel, one)
        assert len(provider.taken) == 2  # the provider has forgotten it: the check of this test can fail


async def test_it_cannot_be_asked_about_a_message():
    """So what nobody knows is sent again."""
    async with Watched() as provider, wecom_channel(provider.url).session() as session:
        assert await session.look_up(("ntc_1",)) == {}
