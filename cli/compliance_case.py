"""How the commands about compliance cases find a case, read it and give it a command."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from cli.failures import NOT_FOUND, Failure, not_found
from cli.options import LANG, Change, Face, say
from cli.rooms import Rooms
from cli.stage import end
from client import NotFoundError, actor_for
from domain.actors import ANONYMOUS, Actor, require
from domain.complaints import CASES_SINCE, case_stream
from domain.compliance import ComplianceDecider
from domain.compliance_case_events import CaseStatus, ComplianceState
from domain.event_sentences import event_sentence
from domain.events import Envelope, event_id
from domain.refusal import Refusal
from domain.stream import fold

BEGINS_WITHIN: Final = 10
"""Seconds in which the stream of a case that was just opened stands on the board."""

VIOLATION_OF: Final[dict[str, str]] = {
    **{
        name: name
        for name in ("PRESSURE", "UNREGISTERED_VISIT", "DATA", "EXAM_WAIVER", "PAID_RECRUITING", "FORGED_CONSENT")
    },
    "FALSE_INFORMATION": "FALSE_REPORT",
}
"""What is found when a case's matter is upheld as it was reported; any other matter is `OTHER`."""


async def release_of(rooms: Rooms, campaign: str) -> int:
    """Return the release of a campaign, as its first event has it."""
    async for envelope in (await rooms.ledger()).events(campaign):
        return int(envelope["data"].get("release", 1))
    return 1


async def until_begun(rooms: Rooms, campaign: str, case: str) -> None:
    """Wait until a case that was just opened stands on the board: whoever reads afterwards finds it."""
    if await release_of(rooms, campaign) < CASES_SINCE:
        return
    ledger = await rooms.ledger()
    deadline = asyncio.get_running_loop().time() + BEGINS_WITHIN
    while case_stream(campaign, case) not in await ledger.board(campaign):
        if asyncio.get_running_loop().time() >= deadline:
            return  # it is on record and will begin; only this reader cannot see it yet
        await asyncio.sleep(0.05)


async def line_of(rooms: Rooms, campaign: str, case: str) -> dict[str, Any]:
    """Return a case's line of the board.

    Raises:
        Failure: CAMPAIGN_UNKNOWN, CASE_UNKNOWN (4).
    """
    line: dict[str, Any] | None = (await rooms.board(campaign)).get(case_stream(campaign, case))
    if line is None:
        raise Failure(
            NOT_FOUND,
            "CASE_UNKNOWN",
            say("没有这个案件。", "There is no such case."),
            place=case,
            remedy=say("请用 compliance list 查看全部案件。", "See `compliance list` for all cases."),
        )
    return line


async def act(kind: str, campaign: str, case: str, change: Change, face: Face, **fields: Any) -> int:
    """Give a case a command; one that has ended says so.

    Raises:
        Refusal: CASE_CLOSED; what the case refuses.
    """
    async with Rooms(face.settings()) as rooms:
        line = await line_of(rooms, campaign, case)
        return await give(rooms, kind, campaign, case, change, face, line=line, **fields)


async def give(
    rooms: Rooms,
    kind: str,
    campaign: str,
    case: str,
    change: Change,
    face: Face,
    *,
    line: dict[str, Any],
    **fields: Any,
) -> int:
    """Give a case, whose line of the board is known, a command in rooms that are open."""
    require_open(line)
    command = await case_command(rooms, campaign, case, change, kind, **fields)
    return end(face, await rooms.submit(case_stream(campaign, case), command), case=case)


async def case_command(
    rooms: Rooms, campaign: str, case: str, change: Change, kind: str, **fields: Any
) -> dict[str, Any]:
    """Make a command to a case: with what shows, without a name, that nobody judges a complaint of their own."""
    command = await rooms.command(campaign, change, kind, **fields)
    return command | {"hands": await rooms.hands(campaign, case, Actor.model_validate(command["actor"]))}


async def unnamed_command(
    rooms: Rooms, campaign: str, case: str, actor: Actor, kind: str, command_id: str, **fields: Any
) -> dict[str, Any]:
    """Make a command of somebody who complains: an unnamed person's, also where the registry knows who it is."""
    hands = await rooms.hands(campaign, case, actor)
    command = {"kind": kind, "command_id": command_id, "actor": ANONYMOUS.model_dump(mode="json"), **fields}
    return command | ({"hands": hands} if hands else {})


def require_open(line: dict[str, Any]) -> None:
    """Refuse a case that has ended: its workflow is gone, and nobody would answer.

    Raises:
        Refusal: CASE_CLOSED.
    """
    if line["status"] == CaseStatus.CLOSED.value:
        raise Refusal("CASE_CLOSED", case=line["case"])


async def reader(rooms: Rooms, campaign: str, by: str) -> Actor:
    """Return who wants to read cases: the auditor and the discipline officer may, and no unit complained of (INV-32).

    Raises:
        Failure: STAFF_UNKNOWN (4).
        Refusal: ROLE_NOT_ALLOWED.
    """
    actor = await person(rooms, campaign, by)
    require(actor, "show_case", None)
    return actor


async def person(rooms: Rooms, campaign: str, by: str | None) -> Actor:
    """Return who somebody is by the list of staff; without a reference, somebody unnamed.

    Raises:
        Failure: STAFF_UNKNOWN (4).
    """
    if by is None:
        return ANONYMOUS
    try:
        return await actor_for(await rooms.registry(), campaign, by)
    except NotFoundError:
        raise not_found("stf_") from None


async def events_of(rooms: Rooms, campaign: str, case: str) -> list[Envelope]:
    """Return all events of a case."""
    return [envelope async for envelope in (await rooms.ledger()).events(case_stream(campaign, case))]


def details(envelopes: list[Envelope]) -> dict[str, Any]:
    """Return what a case's events add to its line of the board: holds, what was found, and every step in words."""
    state = fold(ComplianceDecider(), envelopes)
    if not isinstance(state, ComplianceState):
        return {}
    return {
        "holds": [{"hold": name, **hold} for name, hold in state.holds.items()],
        "violation": state.violation,
        "notes": list(state.notes),
        "self_reported": state.self_reported,
        "extended": state.extended,
        "steps": [
            {
                "event": event_id(envelope["stream"], envelope["version"]),
                "at": envelope["occurred_at"],
                "role": envelope["actor"]["role"],
                "message": event_sentence(envelope, LANG),
            }
            for envelope in envelopes
        ],
    }
