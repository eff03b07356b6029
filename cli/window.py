"""`window`: the days on which applications are taken, as the examination authority moves them (R-11, edge 46)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import App, Parameter
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.cautions import signing_cautions
from cli.options import CampaignName, Change, Face, say
from cli.outcome_due import state_of
from cli.refusals import refused_of
from cli.rooms import Rooms
from cli.stage import end
from domain.campaign_state import CampaignState
from domain.cooling import Window
from domain.events import Envelope
from domain.stage_events import StageSlug
from registry.problems import InputRejected

_FACE = Face()
_FILING: Final = StageSlug.APPLICATION_FILING.value

Number = Annotated[int, Parameter(help=say("变更的序号", "the change's number"))]

app = App(name="window", help_format="plaintext", version_flags=[])


@app.command(help=say("现行的志愿填报时间和变更", "the window that holds, and its changes"))
async def show(campaign: CampaignName, *, face: Face = _FACE) -> int:
    """Show from the record which days hold, and every change with its document."""
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        own = [envelope async for envelope in (await rooms.ledger()).events(campaign)]
    data = {"campaign": campaign, **_window(own)}
    face.show(data, lambda: _shown(data))
    return 0


@app.command(
    help=say("登记考试机构的变更：延长、重开或提前截止", "record that the authority prolongs, reopens or shortens it")
)
async def change(
    campaign: CampaignName,
    last: Annotated[date, Parameter(help=say("新的末日，当日 24:00 截止", "the new last day; it locks at its end"))],
    *,
    first: Annotated[
        date | None, Parameter(help=say("首日，默认不变", "the first day; by default it stays as it is"))
    ] = None,
    document: Annotated[str, Parameter(help=say("文件的文号", "the document's number"))],
    paper: Annotated[Path, Parameter(help=say("文件（只记录其摘要）", "the document's file; its digest is kept"))],
    change: Change,
    face: Face = _FACE,
) -> int:
    """Record what the document says; nothing changes before another person approves.

    Days that leave families no time, or too little, are taken with a warning: they are the authority's.
    """
    fields: dict[str, Any] = {"last": last.isoformat(), "document": document, "digest": _digest(paper)}
    fields |= {} if first is None else {"first": first.isoformat()}
    return await _submit("change_window", campaign, change, face, warn=True, **fields)


@app.command(help=say("批准变更（须为另一人）", "approve a change; another person than who recorded it"))
async def approve(campaign: CampaignName, number: Number, *, change: Change, face: Face = _FACE) -> int:
    """Approve a recorded change; schools and families go by it at once."""
    return await _submit("approve_window", campaign, change, face, warn=True, number=number)


@app.command(help=say("撤回尚未批准的变更（须有理由）", "take a change back before its approval; needs a reason"))
async def withdraw(campaign: CampaignName, number: Number, *, change: Change, face: Face = _FACE) -> int:
    """Take back a recorded change."""
    return await _submit("withdraw_window", campaign, change, face, number=number)


# -- inside -------------------------------------------------------------------------------------------------------


def _digest(paper: Path) -> str:
    """Return the SHA-256 of the document's file.

    Raises:
        InputRejected: WINDOW_PAPER_MISSING.
    """
    if not paper.is_file():
        raise InputRejected(
            "WINDOW_PAPER_MISSING",
            message_zh="找不到文件。",
            message_en="The document's file does not exist.",
            place=paper.name,
            remedy_zh="请检查路径。",
            remedy_en="Check the path.",
        )
    return hashlib.sha256(paper.read_bytes()).hexdigest()


def _window(own: Sequence[Envelope]) -> dict[str, Any]:
    """Return the days that hold, and every change with how far it came."""
    held = own[0]["data"].get("application_window")
    found: dict[int, dict[str, Any]] = {}
    for envelope in own:
        data = envelope["data"]
        match envelope["type"]:
            case "WindowChangeRecorded":
                found[data["change"]] = {**data, "at": envelope["recorded_at"], "status": "recorded"}
            case "WindowChangeApproved":
                found[data["change"]]["status"] = "approved"
                held = {"first": data["first"], "last": data["last"]}
            case "WindowChangeWithdrawn":
                found[data["change"]]["status"] = "withdrawn"
    return {"window": held, "changes": list(found.values())}


def _shown(data: dict[str, Any]) -> RenderableType:
    held = data["window"]
    none = say("未写明志愿填报时间", "no application window is named")
    head = Text(
        none if held is None else say(f"{held['first']} 至 {held['last']}", f"{held['first']} to {held['last']}")
    )
    words = {
        "recorded": say("待批准", "to be approved"),
        "approved": say("已批准", "approved"),
        "withdrawn": say("已撤回", "taken back"),
    }
    table = Table(
        say("序号", "change"), say("文号", "document"), say("首日", "first"), say("末日", "last"), say("状态", "status")
    )
    for row in data["changes"]:
        table.add_row(str(row["change"]), row["document"], row["first"], row["last"], words[row["status"]])
    return Group(head, *([table] if data["changes"] else []))


async def _submit(kind: str, campaign: str, given: Change, face: Face, *, warn: bool = False, **fields: Any) -> int:
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        answer = await rooms.submit(campaign, await rooms.command(campaign, given, kind, **fields))
        if not warn or refused_of(answer) is not None:
            return end(face, answer)
        return end(face, answer, warnings=_warnings(await state_of(await rooms.ledger(), campaign)))


def _warnings(state: CampaignState) -> list[dict[str, Any]]:
    """Return what the change that waits, or the window that holds, leaves to the families."""
    days, filing = state.window_changes.waiting or state.application_window, state.stages.get(_FILING)
    if days is None or filing is None:
        return []
    return signing_cautions(filing.opens, Window(first=days.first, last=days.last), state.policy.parameters)
