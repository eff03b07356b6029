"""What commands on a school's own streams share: its register and care, its attendance, its dropout cases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Annotated, Any, TypeVar

from cyclopts import Parameter

from cli.failures import not_found
from cli.options import Change, Face, say
from cli.outcome_due import state_of
from cli.rooms import Rooms
from cli.stage import end
from domain.stream import StreamState

T = TypeVar("T", bound=StreamState)

On = Annotated[date, Parameter(help=say("日期", "the day"))]
Visitors = Annotated[
    list[str],
    Parameter(consume_multiple=True, negative="", help=say("到访人员的 staff_ref", "staff_ref of those who went")),
]


@asynccontextmanager
async def school_rooms(face: Face, campaign: str, school: str) -> AsyncIterator[Rooms]:
    """Open what a command needs, once it is known that the campaign has the school.

    Raises:
        Failure: CAMPAIGN_UNKNOWN, SCHOOL_UNKNOWN (4).
    """
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign, school)
        yield rooms


async def give(
    face: Face,
    campaign: str,
    school: str,
    stream: str,
    change: Change,
    kind: str,
    *,
    shown: dict[str, str] | None = None,
    **fields: Any,
) -> int:
    """Give one command to one of a school's streams, show the answer and return the exit code.

    Args:
        face: how the answer is shown.
        campaign: the campaign's id.
        school: the school's code.
        stream: the stream's id.
        change: who gives it, and with which reason.
        kind: the command's tag.
        shown: what is shown beside the answer.
        fields: the command's own fields.
    """
    async with school_rooms(face, campaign, school) as rooms:
        return await give_in(rooms, face, campaign, stream, change, kind, shown=shown, **fields)


async def give_in(
    rooms: Rooms,
    face: Face,
    campaign: str,
    stream: str,
    change: Change,
    kind: str,
    *,
    shown: dict[str, str] | None = None,
    **fields: Any,
) -> int:
    """Do as `give` where the rooms are open already, since something had to be read first."""
    command = await rooms.command(campaign, change, kind, **fields)
    return end(face, await rooms.submit(stream, command), **(shown or {}))


async def held(rooms: Rooms, stream: str, kind: type[T]) -> T:
    """Return the state of a stream as the record makes it.

    Raises:
        Failure: SCHOOL_UNKNOWN, STAGE_UNKNOWN (4): the stream has not begun.
    """
    state = await state_of(await rooms.ledger(), stream)
    if not isinstance(state, kind):
        raise not_found(stream)
    return state
