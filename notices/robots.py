"""What the two robots have in common: a group of staff reads them, twenty messages a minute, and no key.

A robot says the same thing twice when it is asked twice, and cannot be asked what it said. So an attempt of which
nobody knows waits for a person who looks into the group.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final, Protocol

from domain.notices import NoticeState
from notices.channels import Delivery, Message, Traits, Unknown
from notices.http import SECONDS, Answer, Provider, UnansweredError, Web, errcode, json_body

BATCH: Final = 5
BATCHES_A_MINUTE: Final = 4
"""Five messages four times a minute are the twenty that both providers allow."""

BETWEEN: Final = "\n\n"
"""What stands between subject and text."""


class Robot(Protocol):
    """One provider's robot."""

    @property
    def name(self) -> str:
        """Return the channel's name."""
        ...

    @property
    def prefix(self) -> str:
        """Return the first word of our codes about it."""
        ...

    @property
    def sender(self) -> str:
        """Return what readers see as the sender."""
        ...

    @property
    def url(self) -> str:
        """Return everything before the path."""
        ...

    @property
    def path(self) -> str:
        """Return where messages are posted."""
        ...

    @property
    def most_bytes(self) -> int:
        """Return the longest text, in bytes of UTF-8."""
        ...

    def query(self) -> Mapping[str, str]:
        """Return what lets a request in."""
        ...

    def taken(self, answer: Answer, number: int | None) -> Delivery:
        """Return what an answer means.

        Args:
            answer: below status 500.
            number: the provider's own status, None where the answer has none.

        Raises:
            ChannelAwayError: the robot is muted or shut out.
        """
        ...


class RobotChannel:
    """The way to one group."""

    def __init__(self, robot: Robot, *, seconds: float = SECONDS) -> None:
        self._robot = robot
        self._provider = Provider(robot.prefix, robot.url, seconds=seconds, keep=False)
        self._traits = Traits(
            robot.name,
            robot.sender,
            Unknown.ASK,
            batch=BATCH,
            sessions=1,
            batches_a_minute=BATCHES_A_MINUTE,
            most_bytes=robot.most_bytes - len(BETWEEN),
        )

    @property
    def traits(self) -> Traits:
        """Return what the channel is like."""
        return self._traits

    @asynccontextmanager
    async def session(self) -> AsyncIterator[RobotSession]:
        """Open a session; whether the robot listens shows with the first message, for it takes nothing else."""
        async with self._provider.connections() as web:
            yield RobotSession(self._robot, web)


class RobotSession:
    """Connections to a robot's provider."""

    def __init__(self, robot: Robot, web: Web) -> None:
        self._robot = robot
        self._web = web

    async def send(self, message: Message) -> Delivery:
        """Say one message in the group; a family's never.

        Raises:
            ChannelAwayError: the robot is muted, shut out or out of reach.
        """
        if not message.to_staff:
            return Delivery(NoticeState.FAILED_PERMANENT, "NOT_FOR_FAMILIES")
        text = f"{message.subject}{BETWEEN}{message.text.strip()}"
        if len(text.encode()) > self._robot.most_bytes:
            return Delivery(NoticeState.FAILED_PERMANENT, "TOO_LONG")
        body = json_body({"msgtype": "text", "text": {"content": text}})
        try:
            answer = await self._web.call("POST", self._robot.path, query=self._robot.query(), body=body)
        except UnansweredError as error:
            return Delivery(NoticeState.UNKNOWN, error.code)
        return said(self._robot, answer)

    async def look_up(self, keys: tuple[str, ...]) -> dict[str, Delivery | None]:
        """Return nothing: a robot does not know what it said."""
        del keys
        return {}


def said(robot: Robot, answer: Answer) -> Delivery:
    """Return what the answer to a submit means; an empty "200" does not say whether the group reads it.

    Raises:
        ChannelAwayError: the robot is muted or shut out.
    """
    number = errcode(answer)
    if number is None and answer.status == 200:  # noqa: PLR2004 - of HTTP
        return Delivery(NoticeState.UNKNOWN, f"{robot.prefix}_NO_STATUS")
    return robot.taken(answer, number)


def failed(prefix: str, answer: Answer, number: int | None) -> Delivery:
    """Return what a refusal means that we do not know: nothing final."""
    code = f"{prefix}_HTTP_{answer.status}" if number is None else f"{prefix}_{number}"
    return Delivery(NoticeState.FAILED_TEMPORARY, code)
