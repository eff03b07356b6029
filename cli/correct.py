"""`correct`: one recorded row was wrong; the correction is a new event and the original stays (S5)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Final

from cyclopts import Parameter

from cli import outcome_values as values
from cli.failures import NOT_FOUND, Failure, usage
from cli.options import Change, Face, say
from cli.rooms import Rooms
from cli.stage import end

_FACE = Face()
STAGE_PARTS: Final = 5
"""Of a stage's id: campaign/county/year/school/stage."""

_SPELLED = ("by", "contact", "outcome", "result", "destination", "evidence", "state")
VERSION: Final = re.compile(r"[1-9][0-9]{0,8}")
"""Of an event: from 1, in one spelling; no stream reaches ten digits."""
READ: Final[dict[str, Callable[[Any], Any]]] = {
    "attended": values.yes_no,
    "permission": values.agreed,
    "on": values.day,
    "at": values.moment,
    **{name: partial(values.word, name) for name in _SPELLED},
}
"""Name of a value → how it is read, the same as in a file; the rules look at the others as they are."""


async def correct(
    event: Annotated[str, Parameter(help=say("要更正的事件：流#版本", "the event to correct: stream#version"))],
    given: Annotated[
        list[str],
        Parameter(name="VALUE", negative="", help=say("名称=值，如 attended=否", "NAME=VALUE, as attended=no")),
    ],
    *,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Correct a row of a stage that is open; `audit timeline` names the events."""
    stream, version = event_given(event)
    named = dict(map(value_given, given))
    campaign, school, stage = stream.rsplit("/", 2)
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign, school, stage)
        recorded = [item async for item in (await rooms.ledger()).events(stream, version - 1)][:1]
        if not recorded or recorded[0]["version"] != version:
            raise Failure(
                NOT_FOUND,
                "EVENT_UNKNOWN",
                say("该流没有这个版本的事件。", "The stream has no event of this version."),
                place="EVENT",
                remedy=say("可用 audit timeline 查到事件编号。", "`audit timeline` shows the events."),
            )
        command = await rooms.command(campaign, change, "correct", version=version, values=named)
        return end(face, await rooms.submit(stream, command))


def event_given(event: str) -> tuple[str, int]:
    """Return the stream and the version of an event's id.

    Raises:
        Failure: EVENT_INVALID (2).
    """
    stream, _, version = event.rpartition("#")
    if stream.count("/") != STAGE_PARTS - 1 or not VERSION.fullmatch(version):
        raise usage(
            "EVENT_INVALID",
            say("事件编号的写法不对。", "The event's id is malformed."),
            place="EVENT",
            remedy=say(
                "请写成 campaign/县/届/学校/阶段#版本，可用 audit timeline 查到。",
                "Write it as campaign/COUNTY/YEAR/SCHOOL/STAGE#VERSION; `audit timeline` shows it.",
            ),
        )
    return stream, int(version)


def value_given(text: str) -> tuple[str, str | bool | None]:
    """Read NAME=VALUE; an empty value takes what was recorded away.

    Raises:
        Failure: VALUE_INVALID (2); it names the value, never what it was to be.
    """
    name, sign, value = text.partition("=")
    found = None if not value else READ.get(name, str)(value)
    if not sign or not name or (value and found is None):
        raise usage(
            "VALUE_INVALID",
            say("更正内容的写法不对。", "The corrected value is malformed."),
            place=name[:24] if sign else "VALUE",
            remedy=say("请写成 名称=值，如 attended=否。", "Write it as NAME=VALUE, as attended=no."),
        )
    return name, found
