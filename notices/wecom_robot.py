"""A robot in a WeCom group of staff: a webhook whose address holds its key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from domain.notices import WECOM_ROBOT, NoticeState
from notices.channels import ChannelAwayError, Delivery
from notices.http import TOO_MANY, Answer
from notices.robots import failed

TOO_OFTEN: Final = 45009
BAD_KEY: Final = 93000
TOO_LONG: Final = (45002, 40058)
"""The text itself, or one of its parts, is longer than allowed."""

A_WHILE: Final = timedelta(minutes=1)
"""Its limit is counted by the minute."""


@dataclass(frozen=True)
class WecomRobot:
    """A robot.

    Attributes:
        url: everything before the path.
        key: whoever knows it may speak in the group.
    """

    url: str
    key: str = field(repr=False)
    name: str = WECOM_ROBOT
    sender: str = "WeCom robot"
    prefix: str = "WECOM_ROBOT"
    path: str = "/cgi-bin/webhook/send"
    most_bytes: int = 2048

    def query(self) -> Mapping[str, str]:
        """Return the key."""
        return {"key": self.key}

    def taken(self, answer: Answer, number: int | None) -> Delivery:
        """Return what an answer means.

        Raises:
            ChannelAwayError: WECOM_ROBOT_FREQUENCY for a minute, or WECOM_ROBOT_SIGN_IN_REFUSED.
        """
        if number == 0:
            return Delivery(NoticeState.ACCEPTED)
        if number == TOO_OFTEN or answer.status == TOO_MANY:
            raise ChannelAwayError(f"{self.prefix}_FREQUENCY", answer.wait or A_WHILE)
        if number == BAD_KEY:
            raise ChannelAwayError(f"{self.prefix}_SIGN_IN_REFUSED")
        if number in TOO_LONG:
            return Delivery(NoticeState.FAILED_PERMANENT, "TOO_LONG")
        return failed(self.prefix, answer, number)
