"""Two robots in groups of staff: never a family's notice, twenty a minute, and a signature that can be checked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from channels_house import SECRET, channel_to, fit, message, numbered, say, simulated

from domain.notices import NoticeState
from notices.channels import Delivery
from notices.dingtalk_robot import DingtalkRobot, signature
from notices.robots import RobotChannel
from notices.simulators.dingtalk import DingtalkSimulator
from notices.simulators.server import Reply, Simulator
from notices.wecom_robot import WecomRobot

ACCEPTED, PERMANENT = NoticeState.ACCEPTED, NoticeState.FAILED_PERMANENT
BOTH = ("wecom_robot", "dingtalk_robot")


class Canned(Simulator):
    """A provider that answers one thing."""

    def __init__(self, reply):
        super().__init__()
        self.reply = reply

    async def answer(self, _request):
        """Answer."""
        return self.reply


@pytest.mark.parametrize("name", BOTH)
async def test_a_familys_message_is_never_said_in_a_group(name):
    """Whoever routes it there by mistake finds it failed, and nothing was said."""
    async with simulated(name) as provider:
        family = message(**{**fit(name), "to_staff": False})
        told = await say(channel_to(name, provider.url), family, message(**fit(name)))
        assert [(one.outcome, one.code) for one in told] == [(PERMANENT, "NOT_FOR_FAMILIES"), (ACCEPTED, None)]
        assert [taken.text for taken in provider.taken] == ["家长会邀请\n\n第一行\n第二行"]
        assert len(provider.calls) == 1


@pytest.mark.parametrize("name", BOTH)
async def test_a_robot_says_twenty_a_minute_in_batches_and_cannot_be_asked(name):
    """Five messages, four times a minute, by one session."""
    async with simulated(name) as provider:
        channel = channel_to(name, provider.url)
        traits = channel.traits
        assert (traits.name, traits.batch * traits.batches_a_minute, traits.sessions) == (name, 20, 1)
        async with channel.session() as session:
            assert await session.look_up(("ntc_1",)) == {}


@pytest.mark.parametrize(("name", "most"), [("wecom_robot", 2048), ("dingtalk_robot", 20_000)])
async def test_a_text_that_is_too_long_goes_another_way(name, most):
    """Counted in bytes of UTF-8."""
    async with simulated(name) as provider:
        room = most - len("家长会邀请\n\n".encode())
        fits, longer = ("a" * length for length in (room, room + 1))
        told = await say(channel_to(name, provider.url), *(message(text=text, **fit(name)) for text in (fits, longer)))
        assert [(one.outcome, one.code) for one in told] == [(ACCEPTED, None), (PERMANENT, "TOO_LONG")]
        assert [len(taken.text.encode()) for taken in provider.taken] == [most]


async def test_a_dingtalk_robot_that_says_twenty_one_in_a_minute_is_muted_for_ten():
    """The channel says so, with the time; after it the robot speaks again."""
    now = [1_700_000_000.0]
    async with DingtalkSimulator("token", SECRET, now=lambda: now[0]) as provider:
        channel = RobotChannel(DingtalkRobot(provider.url, "token", SECRET, now=lambda: now[0]), seconds=2.0)
        several = [numbered(n, subject=f"提醒 {n}", **fit("dingtalk_robot")) for n in range(23)]
        told = await say(channel, *several[:21])
        assert [one.outcome for one in told[:20]] == [ACCEPTED] * 20
        assert told[20] == ("DINGTALK_MUTED", timedelta(minutes=10))
        now[0] += 599
        assert await say(channel, several[21]) == [("DINGTALK_MUTED", timedelta(minutes=10))]
        now[0] += 2
        assert await say(channel, several[22]) == [Delivery(ACCEPTED)]
        assert len(provider.taken) == 21


def test_the_signature_of_a_dingtalk_robot_is_the_documented_one():
    """Computed apart, with `openssl dgst -sha256 -hmac`, over time, line feed and secret."""
    assert signature("SECabc", "1700000000000") == "jcUpW0QmtKduN03n4JqQ0PBosVjqnM8gU7fIIvsDmCM="


@pytest.mark.parametrize("clock", [-3601, 3601])
async def test_a_signature_of_another_hour_is_refused_and_so_is_another_secret(clock):
    """Both are the operator's to mend: no attempt is used up."""
    one = message(**fit("dingtalk_robot"))
    async with DingtalkSimulator("token", SECRET, now=lambda: 1_700_000_000.0) as provider:
        for robot in (
            DingtalkRobot(provider.url, "token", SECRET, now=lambda: 1_700_000_000.0 + clock),
            DingtalkRobot(provider.url, "token", "SECother", now=lambda: 1_700_000_000.0),
            DingtalkRobot(provider.url, "other", SECRET, now=lambda: 1_700_000_000.0),
        ):
            assert await say(RobotChannel(robot, seconds=2.0), one) == [("DINGTALK_SIGN_IN_REFUSED", None)]
        assert provider.taken == []


@pytest.mark.parametrize(
    ("name", "reply", "told"),
    [
        ("wecom_robot", Reply(200, {"errcode": 93000}), ("WECOM_ROBOT_SIGN_IN_REFUSED", None)),
        ("wecom_robot", Reply(429), ("WECOM_ROBOT_FREQUENCY", timedelta(minutes=1))),
        ("wecom_robot", Reply(200, {"errcode": 45002}), Delivery(PERMANENT, "TOO_LONG")),
        ("wecom_robot", Reply(200, {"errcode": -1}), Delivery(NoticeState.FAILED_TEMPORARY, "WECOM_ROBOT_-1")),
        ("wecom_robot", Reply(404), Delivery(NoticeState.FAILED_TEMPORARY, "WECOM_ROBOT_HTTP_404")),
        ("dingtalk_robot", Reply(200, {"errcode": 410100}), ("DINGTALK_MUTED", timedelta(minutes=10))),
        ("dingtalk_robot", Reply(429, None, {"Retry-After": "5"}), ("DINGTALK_MUTED", timedelta(minutes=10))),
        ("dingtalk_robot", Reply(200, {"errcode": 400102}), ("DINGTALK_SIGN_IN_REFUSED", None)),
        ("dingtalk_robot", Reply(200, {"errcode": 430104}), Delivery(PERMANENT, "TEXT_REFUSED")),
        ("dingtalk_robot", Reply(200, {"errcode": 40035}), Delivery(NoticeState.FAILED_TEMPORARY, "DINGTALK_40035")),
    ],
)
async def test_a_robots_number_has_a_meaning_or_is_nothing_final(name, reply, told):
    """Numbers that we do not know are tried again."""
    async with Canned(reply) as provider:
        assert await say(channel_to(name, provider.url), message(**fit(name))) == [told]


async def test_a_wrong_key_is_a_robot_that_is_shut_out():
    """The simulated group knows one key."""
    async with simulated("wecom_robot") as provider:
        channel = RobotChannel(WecomRobot(provider.url, "another"), seconds=2.0)
        told = await say(channel, message(**fit("wecom_robot")))
        assert told == [("WECOM_ROBOT_SIGN_IN_REFUSED", None)]
