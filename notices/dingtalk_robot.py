"""A robot in a DingTalk group of staff: a webhook with a token, and a signature over the time of each call."""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from domain.notices import DINGTALK_ROBOT, NoticeState
from notices.channels import ChannelAwayError, Delivery
from notices.http import TOO_MANY, Answer
from notices.robots import failed

MUTED: Final = (130101, 410100, 90030)
"""More than twenty messages in a minute: it says nothing more for ten."""

MUTED_FOR: Final = timedelta(minutes=10)
SHUT_OUT: Final = (300001, 300005, 310000, 400013, 400101, 400102, 400106)
"""The token; the signature, the time or the address that we call from; a robot that was stopped, or taken away."""

UNFIT: Final = (430101, 430102, 430103, 430104)
"""The provider does not like a word of it."""


@dataclass(frozen=True)
class DingtalkRobot:
    """A robot.

    Attributes:
        url: everything before the path.
        token: of the webhook's address.
        secret: what calls are signed with.
        now: seconds since 1970.
    """

    url: str
    token: str = field(repr=False)
    secret: str = field(repr=False)
    now: Callable[[], float] = field(default=time.time, repr=False)
    name: str = DINGTALK_ROBOT
    sender: str = "DingTalk robot"
    prefix: str = "DINGTALK"
    path: str = "/robot/send"
    most_bytes: int = 20_000

    def query(self) -> Mapping[str, str]:
        """Return token, time in milliseconds, and signature."""
        timestamp = str(int(self.now() * 1000))
        return {"access_token": self.token, "timestamp": timestamp, "sign": signature(self.secret, timestamp)}

    def taken(self, answer: Answer, number: int | None) -> Delivery:
        """Return what an answer means.

        Raises:
            ChannelAwayError: DINGTALK_MUTED for ten minutes, or DINGTALK_SIGN_IN_REFUSED.
        """
        if number == 0:
            return Delivery(NoticeState.ACCEPTED)
        if number in MUTED or answer.status == TOO_MANY:
            raise ChannelAwayError(f"{self.prefix}_MUTED", max(answer.wait or MUTED_FOR, MUTED_FOR))
        if number in SHUT_OUT:
            raise ChannelAwayError(f"{self.prefix}_SIGN_IN_REFUSED")
        if number in UNFIT:
            return Delivery(NoticeState.FAILED_PERMANENT, "TEXT_REFUSED")
        return failed(self.prefix, answer, number)


def signature(secret: str, timestamp: str) -> str:
    """Return the signature of a call: HMAC-SHA256 over time, line feed and secret, keyed with the secret, in base64.

    Args:
        secret: begins with SEC.
        timestamp: milliseconds since 1970; the provider takes an hour's difference.
    """
    signed = hmac.digest(secret.encode(), f"{timestamp}\n{secret}".encode(), "sha256")
    return base64.b64encode(signed).decode("ascii")
