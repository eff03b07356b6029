"""What commands on one stage of a school share: giving a command, reading the stage's state, naming pupils."""

from __future__ import annotations

from typing import Any, TypeVar

from cli.failures import not_found, usage
from cli.options import Change, Face, say
from cli.outcome_due import state_of
from cli.rooms import Rooms
from cli.stage import end
from domain.stage_events import StageSlug
from domain.stage_state import StageState
from protocol import stage_id

T = TypeVar("T", bound=StageState)


async def give(
    stage: StageSlug, kind: str, campaign: str, school: str, change: Change, face: Face, **fields: Any
) -> int:
    """Give one command to a school's stage, show the answer and return the exit code."""
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign, school)
        command = await rooms.command(campaign, change, kind, **fields)
        return end(face, await rooms.submit(stage_id(campaign, school, stage.value), command))


async def held(rooms: Rooms, stage: StageSlug, campaign: str, school: str, kind: type[T]) -> T:
    """Return the state of a school's stage as the record makes it.

    Raises:
        Failure: CAMPAIGN_UNKNOWN, SCHOOL_UNKNOWN, STAGE_UNKNOWN (4).
    """
    await rooms.board(campaign, school)
    stream = stage_id(campaign, school, stage.value)
    state = await state_of(await rooms.ledger(), stream)
    if not isinstance(state, kind):
        raise not_found(stream)
    return state


def require_one(classes: list[str] | None, students: list[str] | None) -> None:
    """Refuse pupils and classes in one command.

    Raises:
        Failure: CHOICE_NEEDED (2).
    """
    if classes and students:
        raise usage(
            "CHOICE_NEEDED",
            say("班级和学生只能填写一项。", "Name classes or pupils, one of the two."),
            place="--classes, --students",
        )
