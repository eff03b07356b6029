"""`pause`, `resume`, `stop`, `close`: the bureau's holds and the end of a campaign."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Final

from cyclopts import Parameter
from rich.text import Text

from cli.failures import REFUSED
from cli.options import CampaignName, Change, Face, say
from cli.refusals import refused_of, show_refusal
from cli.rooms import Rooms
from client import NotFoundError
from domain.refusal import Refusal
from domain.stream import Answer

_FACE = Face()
ENDS_WITHIN: Final = timedelta(seconds=120)
"""How long `close` waits for every school to archive its histories."""

SENDING_ENDS_WITHIN: Final = timedelta(seconds=10)
"""How long `close` waits for the last notices; the dispatcher goes on by itself after that."""

School = Annotated[str | None, Parameter(help=say("只对这所学校", "one school only"))]


async def pause(campaign: CampaignName, *, change: Change, school: School = None, face: Face = _FACE) -> int:
    """Hold reminders, escalations and staff progress; never a family's rights."""
    return await _hold("pause", campaign, school, change, face)


async def resume(campaign: CampaignName, *, change: Change, school: School = None, face: Face = _FACE) -> int:
    """End a pause of the same scope."""
    return await _hold("resume", campaign, school, change, face)


async def stop(campaign: CampaignName, *, change: Change, face: Face = _FACE) -> int:
    """Stop the campaign for good; what protects children goes on until it ends by itself."""
    return await _hold("stop", campaign, None, change, face)


async def close(campaign: CampaignName, *, change: Change, face: Face = _FACE) -> int:
    """Close the year, end every stream and archive its history."""
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        client = await rooms.client()
        command = await rooms.command(campaign, change, "close_campaign")
        try:
            answer, _ = await client.close_campaign(campaign, command, within=ENDS_WITHIN)
        except NotFoundError:
            raise Refusal("CAMPAIGN_CLOSED") from None
        if answer.accepted:
            await client.finish_sending(campaign, SENDING_ENDS_WITHIN)
        board = await client.ledger.board(campaign)
        pending = sum(view["status"] not in ("archived", "closed") for view in board.values())
        return _end(face, campaign, board, answer, pending)


async def _hold(kind: str, campaign: str, school: str | None, change: Change, face: Face) -> int:
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign, school)
        client = await rooms.client()
        try:
            answer, pending = await client.hold(campaign, await rooms.command(campaign, change, kind, school=school))
        except NotFoundError:
            raise Refusal("CAMPAIGN_CLOSED") from None
        return _end(face, campaign, await client.ledger.board(campaign), answer, pending)


def _end(face: Face, campaign: str, board: dict[str, dict[str, Any]], answer: Answer, pending: int) -> int:
    receipt = answer.receipt.model_dump(mode="json")
    refusal = refused_of(answer)
    if refusal is not None:
        show_refusal(refusal, as_json=face.json, receipt=receipt, campaign=campaign, pending=pending)
        return REFUSED
    own = board[campaign]
    data = {
        "campaign": campaign,
        "status": own["status"],
        "paused": own["paused"],
        "paused_schools": own["paused_schools"],
        "accepted": True,
        "refused": None,
        "receipt": receipt,
        "pending": pending,
    }
    text = say(f"{campaign}: 已办理", f"{campaign}: done")
    if pending:
        text += say(
            f",{pending} 个流程尚未跟上，稍后用 status 查看", f"; {pending} streams have yet to follow: see `status`"
        )
    face.show(data, lambda: Text(text))
    return 0
