"""`summary`: a school's summaries of its stages and of the year, and those that are like an earlier one (R-19)."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import App, Parameter
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.failures import not_found
from cli.options import LANG, CampaignName, Change, Face, SchoolCode, say
from cli.outcome_due import state_of
from cli.refusals import refused_of
from cli.rooms import Rooms
from cli.stage import end
from domain.actors import Actor, require
from domain.event_values import VALUES
from domain.refusal import Refusal
from domain.school_state import SchoolState
from domain.similarity import normalised, passages
from domain.summaries_events import YEAR, HeldSummary, Match, SummaryStatus
from domain.words import WORDS
from protocol import school_id
from registry.references import References
from registry.summaries import read_summary

_FACE = Face()
TopicName = Annotated[
    Literal["identification", "parent-meetings", "school-visits", "application-filing", "retention", "year"],
    Parameter(help=say("总结的阶段；year 为全年总结", "the stage that it sums up, or year")),
]
PASSAGES: Final = 20
"""Most passages that a comparison shows."""

app = App(name="summary", help_format="plaintext", version_flags=[])


@app.command(help=say("提交总结（纯文本文件）", "hand in a summary, a plain text file"))
async def submit(
    campaign: CampaignName,
    school: SchoolCode,
    about: TopicName,
    file: Annotated[Path, Parameter(help=say("总结正文，UTF-8 或 GB18030 文本", "its text, UTF-8 or GB18030"))],
    *,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Hand in a summary: the text stays in the registry, where it is compared with earlier ones of the county."""
    text = read_summary(file)
    own = replace(change, command_id=change.command_id or str(uuid.uuid4()))
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign, school)
        registry = await rooms.registry()
        command = await rooms.command(campaign, own, "submit_summary", about=about)
        _refuse_early(command, school)
        kept = await registry.summaries.keep(
            campaign, school, about, text, References(), command_id=str(own.command_id)
        )
        command |= {"summary": kept.ref, "digest": kept.digest, "characters": kept.characters}
        try:
            answer = await rooms.submit(school_id(campaign, school), command)
        except Refusal:
            if kept.new:
                await registry.summaries.discard(kept.ref)
            raise
        if kept.new and refused_of(answer) is not None:
            await registry.summaries.discard(kept.ref)
        return end(face, answer, summary=kept.ref)


@app.command(name="list", help=say("各校总结的状态，待复核的在前", "where the summaries stand, those to review first"))
async def list_(campaign: CampaignName, school: SchoolCode | None = None, *, face: Face = _FACE) -> int:
    """List the summaries of a campaign from the record: status, and the exact share that an earlier one has too."""
    async with Rooms(face.settings()) as rooms:
        board = await rooms.board(campaign, school)
        ledger = await rooms.ledger()
        found: list[dict[str, Any]] = []
        for code in [school] if school is not None else sorted(board[campaign]["schools"]):
            state = await state_of(ledger, school_id(campaign, code))
            if isinstance(state, SchoolState):
                found += [_line(code, about, held) for about, held in sorted(state.summaries.items())]
        found.sort(key=lambda one: one["status"] != SummaryStatus.REVIEW)
        data = {"campaign": campaign, "total": len(found), "summaries": found}
        face.show(data, lambda: _table(found))
        return 0


@app.command(help=say("并排查看雷同段落（局内人员）", "the passages that two summaries share; for the bureau"))
async def show(
    campaign: CampaignName, school: SchoolCode, about: TopicName, *, change: Change, face: Face = _FACE
) -> int:
    """Show word for word what a summary has in common with the earlier ones; the look is recorded first (INV-23)."""
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign, school)
        registry = await rooms.registry()
        state = await state_of(await rooms.ledger(), school_id(campaign, school))
        held = state.summaries.get(about) if isinstance(state, SchoolState) else None
        if held is None:
            raise not_found(f"{school_id(campaign, school)}/{about}")
        command = await rooms.command(campaign, change, "read_summary", about=about, summary=held.summary)
        answer = await rooms.submit(school_id(campaign, school), command)
        if refused_of(answer) is not None:
            return end(face, answer)
        text = await registry.summaries.text(held.summary)
        if text is None:
            raise not_found(held.summary)
        told: list[dict[str, Any]] = []
        for match in held.matches:
            other = await registry.summaries.text(match.summary)
            alike = [] if other is None else passages(normalised(text), normalised(other), held.shingle, PASSAGES)
            told.append({**_match(match, held.shingles), "passages": alike})
        data = {"campaign": campaign, **_line(school, about, held), "matches": told}
        face.show(data, lambda: _side_by_side(data))
        return 0


@app.command(help=say("复核：认可或退回修改（须有理由）", "accept, or return for rewriting; needs a reason"))
async def review(
    campaign: CampaignName,
    school: SchoolCode,
    about: TopicName,
    outcome: Annotated[
        Literal["accepted", "returned"], Parameter(help=say("认可、退回修改", "accepted, or returned for rewriting"))
    ],
    *,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Decide about a summary that was flagged; by somebody of the bureau who did not hand it in."""
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign, school)
        state = await state_of(await rooms.ledger(), school_id(campaign, school))
        held = state.summaries.get(about) if isinstance(state, SchoolState) else None
        if held is None:
            raise not_found(f"{school_id(campaign, school)}/{about}")
        fields = {"about": about, "summary": held.summary, "outcome": outcome.upper()}
        command = await rooms.command(campaign, change, "review_summary", **fields)
        return end(face, await rooms.submit(school_id(campaign, school), command), summary=held.summary)


def _refuse_early(command: dict[str, Any], school: str) -> None:
    """Refuse who hands in no summaries before the text is kept; what goes on record is for the stream to refuse."""
    try:
        require(Actor.model_validate(command["actor"]), "submit_summary", school)
    except Refusal as refusal:
        if not refusal.recorded:
            raise


def _line(school: str, about: str, held: HeldSummary) -> dict[str, Any]:
    return {
        "school": school,
        "about": about,
        "summary": held.summary,
        "revision": held.revision,
        "status": held.status.value,
        "severity": None if held.severity is None else held.severity.value,
        "shingles": held.shingles,
        "compared": held.compared,
        "matches": [_match(match, held.shingles) for match in held.matches],
    }


def _match(match: Match, shingles: int) -> dict[str, Any]:
    return {**match.model_dump(mode="json"), "share": f"{match.shared}/{shingles}"}


def _topic(about: str) -> str:
    return say(*VALUES["about"][YEAR]) if about == YEAR else WORDS[about][LANG]


def _table(found: list[dict[str, Any]]) -> Table:
    table = Table(
        say("学校", "school"),
        say("总结", "about"),
        say("稿次", "version"),
        say("状态", "status"),
        say("雷同", "likeness"),
        say("最相近", "most like"),
    )
    for one in found:
        nearest = max(one["matches"], key=lambda match: match["shared"], default=None)
        like = "" if nearest is None else f"{nearest['share']} {nearest['school']} {nearest['campaign']}"
        severity = "" if one["severity"] is None else WORDS[one["severity"]][LANG]
        status = WORDS[one["status"]][LANG]
        table.add_row(one["school"], _topic(one["about"]), str(one["revision"]), status, severity, like)
    return table


def _side_by_side(data: dict[str, Any]) -> RenderableType:
    lines = [f"{data['school']}  {_topic(data['about'])}  {WORDS[data['status']][LANG]}"]
    for match in data["matches"]:
        lines.append(f"{match['share']}  {match['campaign']}  {match['school']}  {_topic(match['about'])}")
        lines += [f"  {passage}" for passage in match["passages"]]
    if not data["matches"]:
        lines.append(say("没有相同的段落。", "No passage is shared."))
    return Group(*(Text(line) for line in lines))
