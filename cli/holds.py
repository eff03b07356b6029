"""`pause`, `resume`, `stop`, `close`: the bureau's holds and the end of a campaign."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Final

from cyclopts import Parameter
from rich.text import Text

from audit.archive_gaps import MissingHistory
from cli.audit_archive import completed, incomplete
from cli.failures import REFUSED, engine_unreachable
from cli.options import CampaignName, Change, Face, note, print_json, say
from cli.refusals import refused_of, show_refusal
from cli.rooms import Rooms
from client import CampaignClient, NotFoundError, left_open
from domain.deciders import kind_of
from domain.refusal import Refusal
from domain.stream import Answer

_FACE = Face()
ENDS_WITHIN: Final = timedelta(seconds=120)
"""How long `close` waits for every school to archive its histories; never for what ends by days of its own."""

SENDING_ENDS_WITHIN: Final = timedelta(seconds=10)
"""How long `close` waits for the record of the running day, and for the last notices; then it goes on by itself."""

CLOSING: Final = "closing"
ENDED: Final = ("archived", "closed")
GOES_ON: Final = {
    "attendance": ("{} 所学校的到校日报", "the attendance of {} school(s)"),
    "dropout": ("{} 个控辍个案", "{} dropout case(s)"),
    "compliance": ("{} 个案件", "{} compliance case(s)"),
}
"""What no close ends: attendance until the last day, and cases until they are decided (INV-14)."""

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
    """Close the year, end every stream and archive its history; refused while a history is missing."""
    async with Rooms(face.settings()) as rooms:
        before = (await rooms.board(campaign))[campaign]["status"]
        client = await rooms.client()
        report, asked = await completed(rooms, campaign)
        if not asked:  # who could not ask for what is missing does not know that nothing is
            raise engine_unreachable(campaign)
        if report.missing:
            return _incomplete(face, campaign, report.missing, None)
        command = await rooms.command(campaign, change, "close_campaign")
        if before not in (CLOSING, *ENDED):
            await client.sending.settle(campaign, SENDING_ENDS_WITHIN)  # its stream takes no news once it has ended
        try:
            answer, _ = await client.close_campaign(campaign, command, within=ENDS_WITHIN)
        except NotFoundError:
            return await _closed_before(face, campaign, client, Refusal("CAMPAIGN_CLOSED"))
        except Refusal as refusal:
            if refusal.code != "CAMPAIGN_CLOSED":
                raise
            return await _closed_before(face, campaign, client, refusal)
        board = await client.ledger.board(campaign)
        goes_on = left_open(board)[0]
        if answer.accepted and not goes_on:  # who looks after a case is still told of its days
            await client.sending.finish(campaign, SENDING_ENDS_WITHIN)
        if answer.accepted and board[campaign]["status"] in ENDED:
            await _last_head(client, campaign)
            report, asked = await completed(rooms, campaign)
            if not asked:
                note("引擎没有应答，归档未能核对：请运行 audit archive。", "No engine: run `audit archive`.")
            if report.missing:
                return _incomplete(face, campaign, report.missing, answer)
        return _end(face, campaign, board, answer, _running(board), goes_on)


async def _closed_before(face: Face, campaign: str, client: CampaignClient, refusal: Refusal) -> int:
    """End the sending of a campaign that has ended since it was closed; of one that has not, say what it waits for."""
    board = await client.ledger.board(campaign)
    if board[campaign]["status"] != "archived":
        return _still_closing(face, campaign, board, refusal)
    await client.sending.finish(campaign, SENDING_ENDS_WITHIN)
    await _last_head(client, campaign)
    raise refusal


async def _last_head(client: CampaignClient, campaign: str) -> None:
    """Wait for the last head, and say where it is not there: the campaign has ended all the same."""
    if not await client.heads.finish(campaign, SENDING_ENDS_WITHIN):
        note(
            "最后的检查点尚未签署或存出，见 status。",
            "The last head is not signed or not outside yet: see `status`.",
        )


def _still_closing(face: Face, campaign: str, board: dict[str, dict[str, Any]], refusal: Refusal) -> int:
    """Say that a campaign is closed already, and what it waits for."""
    goes_on = left_open(board)[0]
    show_refusal(refusal, as_json=face.json, campaign=campaign, pending=_running(board), goes_on=goes_on)
    if not face.json and goes_on:
        note(*_why_open(goes_on))
    return REFUSED


def _incomplete(face: Face, campaign: str, missing: Sequence[MissingHistory], closed: Answer | None) -> int:
    """Say which histories a close would leave, or has left, without a trace (`ARCHIVE_INCOMPLETE`)."""
    data, lines = incomplete(missing, closed=closed is not None)
    receipt = None if closed is None else closed.receipt.model_dump(mode="json")
    if face.json:
        print_json({"accepted": False, **data, "closed": closed is not None, "receipt": receipt, "campaign": campaign})
    else:
        sys.stderr.write("\n".join(lines) + "\n")
    return REFUSED


def _running(board: dict[str, dict[str, Any]]) -> int:
    return sum(view["status"] not in ENDED for view in board.values())


def _why_open(goes_on: list[str]) -> tuple[str, str]:
    """Say in both languages what a closing campaign waits for, why, and what to do then."""
    counted = Counter(kind_of(stream) for stream in goes_on)
    zh, en = (
        [phrases[number].format(counted[kind]) for kind, phrases in GOES_ON.items() if counted[kind]]
        for number in range(2)
    )
    why_zh = "对学生的保护不因活动结束而中断，各项按自己的期限结束；全部结束后再次执行 close，即归档其余部分。"
    why_en = "What protects pupils does not end with the campaign; `close` again after it archives the rest."
    return f"尚未结束：{'、'.join(zh)}。{why_zh}", f"still open: {', '.join(en)}. {why_en}"


async def _hold(kind: str, campaign: str, school: str | None, change: Change, face: Face) -> int:
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign, school)
        client = await rooms.client()
        try:
            answer, pending = await client.hold(campaign, await rooms.command(campaign, change, kind, school=school))
        except NotFoundError:
            raise Refusal("CAMPAIGN_CLOSED") from None
        return _end(face, campaign, await client.ledger.board(campaign), answer, pending)


def _end(
    face: Face,
    campaign: str,
    board: dict[str, dict[str, Any]],
    answer: Answer,
    pending: int,
    goes_on: list[str] | None = None,
) -> int:
    """Show how it ended; `goes_on` is what a close leaves open, None of another command."""
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
        **({} if goes_on is None else {"goes_on": goes_on}),
    }
    text = say(f"{campaign}: 已办理", f"{campaign}: done")
    if goes_on:
        zh, en = _why_open(goes_on)
        text += say(f"。{zh}", f"; {en}")
    elif pending:
        text += say(
            f"，{pending} 个流程尚未跟上，稍后用 status 查看", f"; {pending} streams have yet to follow: see `status`"
        )
    face.show(data, lambda: Text(text))
    return 0
