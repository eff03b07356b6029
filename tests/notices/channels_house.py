"""What the tests of the channels share: messages, simulators, and what a channel says of one message."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from domain.time import instant
from notices.channels import Channel, ChannelAwayError, Delivery, Message
from notices.dingtalk_robot import DingtalkRobot
from notices.robots import RobotChannel
from notices.simulators.dingtalk import DingtalkSimulator
from notices.simulators.server import Liar, Simulator
from notices.simulators.sms import SmsSimulator
from notices.simulators.wecom import WecomRobotSimulator, WecomSimulator
from notices.sms_gateway import SmsChannel, SmsGateway
from notices.wecom import WecomApplication, WecomChannel
from notices.wecom_robot import WecomRobot

PLANNED = instant("2025-03-03T08:00:00+08:00")
SECRET = "secret-word-of-the-county"
NUMBER = "13900000001"
PARENT = "parent_01"
STAFF = "Head.01"


def message(**changes: Any) -> Message:
    """Return a message to a family, as far as not told otherwise."""
    one = Message(
        notice_id=f"ntc_{7:032x}",
        addresses=(NUMBER,),
        lang="zh",
        subject="家长会邀请",
        text="第一行\n第二行\n",
        planned_at=PLANNED,
        short="家长您好，家长会在周一晚上七点。",
    )
    return replace(one, **changes)


def numbered(number: int, **changes: Any) -> Message:
    """Return one of several messages that read alike."""
    return message(notice_id=f"ntc_{number:08x}{number:024x}", **changes)


def sms_channel(url: str, secret: bytes = SECRET.encode(), **more: Any) -> SmsChannel:
    """Return the way to a gateway."""
    return SmsChannel(SmsGateway(url, secret, "青山县教体局"), **{"seconds": 2.0, **more})


def wecom_channel(url: str, secret: str = SECRET, **more: Any) -> WecomChannel:
    """Return the way to the provider."""
    return WecomChannel(WecomApplication(url, "ww0001", 1000002, secret), **{"seconds": 2.0, **more})


def simulated(name: str, lie: Liar | None = None) -> Simulator:
    """Return a provider that is not running yet."""
    if name == "sms":
        return SmsSimulator(SECRET.encode(), lie)
    if name == "wecom":
        return WecomSimulator("ww0001", SECRET, lie)
    if name == "wecom_robot":
        return WecomRobotSimulator(SECRET, lie)
    return DingtalkSimulator("token", SECRET, lie)


def channel_to(name: str, url: str) -> Channel:
    """Return the way to a provider."""
    if name == "sms":
        return sms_channel(url)
    if name == "wecom":
        return wecom_channel(url)
    if name == "wecom_robot":
        return RobotChannel(WecomRobot(url, SECRET), seconds=2.0)
    return RobotChannel(DingtalkRobot(url, "token", SECRET), seconds=2.0)


def fit(name: str) -> dict[str, Any]:
    """Return what makes a message one for a channel."""
    if name == "sms":
        return {}
    if name == "wecom":
        return {"addresses": (PARENT,)}
    return {"addresses": (), "to_staff": True}


async def say(channel: Channel, *messages: Message) -> list[Delivery | tuple[str, timedelta | None]]:
    """Send messages in a session each; a provider that takes nothing shows as its code and its patience."""
    found: list[Delivery | tuple[str, timedelta | None]] = []
    for one in messages:
        try:
            opened: AbstractAsyncContextManager[Any] = channel.session()
            async with opened as session:
                found.append(await session.send(one))
        except ChannelAwayError as away:
            found.append((away.code, away.again_in))
    return found
