"""`stage show|complete|reopen|extend|skip|freeze`: one stage of one school."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final

from cyclopts import App, Parameter
from rich.text import Text

from cli.explain import proposals
from cli.failures import REFUSED, not_found
from cli.options import LANG, CampaignName, Change, Face, SchoolCode, say
from cli.refusals import blockers_data, refused_of, show_refusal
from cli.rooms import Rooms
from cli.stage_view import shown
from domain.stage_events import StageSlug
from domain.stream import Answer
from protocol import stage_id

_FACE = Face()
Stage = Annotated[str, Parameter(help=" | ".join(StageSlug))]

_LABELS: Final = {
    "act": ("家庭的答复", "the family's act"),
    "added": ("新增", "added"),
    "appeal": ("申诉编号", "appeal"),
    "campaign": ("活动", "campaign"),
    "case": ("案件", "case"),
    "changed": ("变更", "changed"),
    "committed": ("已写入", "committed"),
    "complaint": ("投诉编号", "complaint"),
    "delegation": ("委托", "delegation"),
    "payment": ("支付编号", "payment"),
    "preview": ("预览摘要", "preview"),
    "removed": ("移除", "removed"),
    "rows": ("行数", "rows"),
    "summary": ("总结", "summary"),
    "version": ("版本", "version"),
    "warnings": ("提示", "warnings"),
}
"""What else an answer may tell, as people read it."""

app = App(name="stage", help_format="plaintext", version_flags=[])


@app.command(help=say("查看进展和未完成事项", "where it stands and what is missing"))
async def show(
    campaign: CampaignName,
    school: SchoolCode,
    stage: Stage,
    *,
    student: Annotated[
        str | None, Parameter(help=say("只看一名学生的建议及理由", "one pupil's proposal, why, and what changes it"))
    ] = None,
    face: Face = _FACE,
) -> int:
    """Show a stage from the ledger, with what stands in the way of completing it, or explain a pupil's proposal."""
    async with Rooms(face.settings()) as rooms:
        board = await rooms.board(campaign, school, stage)
        stream = stage_id(campaign, school, stage)
        if stream not in board:
            raise not_found(stream)
        if student is not None:
            found = await proposals(await rooms.ledger(), stream, LANG, student)
            if student not in found:
                raise not_found(student)
            proposal, why = found[student]
            told = {"stream": stream, "student": student, "proposal": proposal, "why": why}
            face.show(told, lambda: Text(f"{student}: {proposal}\n{why}"))
            return 0
        view = {**board[stream], "stream": stream, "blockers": blockers_data(board[stream]["blockers"])}
        face.show(view, lambda: shown(view, LANG))
    return 0


@app.command(help=say("完成（签字确认）", "sign it off"))
async def complete(
    campaign: CampaignName, school: SchoolCode, stage: Stage, *, change: Change, face: Face = _FACE
) -> int:
    """Complete a stage; refused with the list of what is missing."""
    return await _act("complete", campaign, school, stage, change, face)


@app.command(help=say("重新开放（须有理由）", "withdraw a sign-off; needs a reason"))
async def reopen(
    campaign: CampaignName, school: SchoolCode, stage: Stage, *, change: Change, face: Face = _FACE
) -> int:
    """Reopen a stage that was completed or skipped."""
    return await _act("reopen", campaign, school, stage, change, face)


@app.command(help=say("延长期限（须有理由）", "move the due date; needs a reason"))
async def extend(
    campaign: CampaignName,
    school: SchoolCode,
    stage: Stage,
    *,
    due: Annotated[date, Parameter(help=say("新的截止日期（工作日）", "the new due date, a working day"))],
    change: Change,
    face: Face = _FACE,
) -> int:
    """Move a stage's due date to a later working day."""
    return await _act("extend", campaign, school, stage, change, face, due=due.isoformat())


@app.command(help=say("跳过（须有理由）", "leave it out; needs a reason"))
async def skip(campaign: CampaignName, school: SchoolCode, stage: Stage, *, change: Change, face: Face = _FACE) -> int:
    """Leave a stage out."""
    return await _act("skip", campaign, school, stage, change, face)


@app.command(help=say("锁定帮扶名单", "freeze the identification's decisions"))
async def freeze(campaign: CampaignName, school: SchoolCode, *, change: Change, face: Face = _FACE) -> int:
    """Fix the identification's decisions and their inputs."""
    return await _act("freeze", campaign, school, StageSlug.IDENTIFICATION.value, change, face)


async def _act(kind: str, campaign: str, school: str, stage: str, change: Change, face: Face, **fields: Any) -> int:
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign, school, stage)
        command = await rooms.command(campaign, change, kind, **fields)
        return end(face, await rooms.submit(stage_id(campaign, school, stage), command))


def end(face: Face, answer: Answer, **more: Any) -> int:
    """Show an answer, with what else the command tells, and return the exit code."""
    receipt = answer.receipt.model_dump(mode="json")
    refusal = refused_of(answer)
    if refusal is not None:
        show_refusal(refusal, as_json=face.json, receipt=receipt, **more)
        return REFUSED
    text = say("已办理", "done") + f": {receipt['stream']}#{receipt['first_version']}-{receipt['last_version']}"
    text += "".join(f"\n{_label(name)}: {_plain(value)}" for name, value in more.items())
    face.show({"accepted": True, "refused": None, "receipt": receipt, **more}, lambda: Text(text))
    return 0


def _label(name: str) -> str:
    """Return what a further key of an answer is called for people; JSON keeps the key."""
    return say(*_LABELS[name]) if name in _LABELS else name


def _plain(value: Any) -> str:
    """Return what stands behind a label: a receipt as its place in the record, a list as its parts."""
    match value:
        case {"stream": stream, "first_version": first, "last_version": last}:
            return f"{stream}#{first}-{last}"
        case bool():
            return say("是", "yes") if value else say("否", "no")
        case {"message": str(message)}:
            return message
        case list():
            return ", ".join(_plain(part) for part in value) or say("无", "none")
        case _:
            return str(value)
