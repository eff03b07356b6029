"""`aid template|notice|show|explain`: sheets to fill in, what is shown in public, what is on record, and why."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.console import Group
from rich.table import Table
from rich.text import Text

from audit.aid import campaign_of, explain_aid, follow_ups, told_entries, told_runs
from cli import outcome_values as values
from cli.aid_rows import ATTENDED, ENTITLED, write_sheet
from cli.failures import not_found
from cli.options import LANG, CampaignName, Face, say
from cli.rooms import Rooms
from cli.stage_view import word
from client import NotFoundError, actor_for
from domain.actors import Actor, Role, require
from domain.aid_lists import list_of, span_in
from domain.aid_months import month_of
from domain.campaign_state import CampaignState
from domain.events import Envelope
from domain.funding import FEN
from domain.refusal import Refusal
from domain.stream import UnknownEventError
from domain.time import SHANGHAI

_FACE = Face()

By = Annotated[str, Parameter(help=say("查询人的 staff_ref", "who asks"))]
Written = Annotated[Path, Parameter(name="FILE", help=say("要写入的 XLSX", "the XLSX to write"))]


async def template(
    kind: Annotated[
        Literal["entitle", "attendance"], Parameter(help=say("名单，或到校月份", "of a list, or of months"))
    ],
    campaign: CampaignName,
    file: Written,
    *,
    month: Annotated[str | None, Parameter(help=say("月份（默认本月）", "which month (default: this one)"))] = None,
    by: By,
    face: Face = _FACE,
) -> int:
    """Write the registered pupils, or those with aid in a month; it holds names: keep it where rosters are kept."""
    from cli.aid import month_given  # noqa: PLC0415 - that module names this one

    wanted = month_given(month, "--month") if month else month_of(datetime.now(SHANGHAI).date())
    async with Rooms(face.settings()) as rooms:
        actor = await _reader(rooms, campaign, by)
        state, _ = await _campaign(rooms, campaign)
        found = await follow_ups(await rooms.ledger(), campaign, state.schools)
        names = await _names(rooms, campaign, state)
        if kind == "entitle":
            registered = (
                {"student": student, "name": names.get(student, ""), "year": "1", "school": school}
                for student, (_, school) in found.pupils.items()
                if _own(actor, school)
            )
            count = write_sheet(file, ENTITLED, list(registered))
        else:
            spans = {student: span_in(pupil, wanted) for student, pupil in state.aid.pupils.items()}
            aided = (
                {"student": student, "name": names.get(student, ""), "month": wanted}
                for student, span in spans.items()
                if span is not None and _own(actor, span.school)
            )
            count = write_sheet(file, ATTENDED, list(aided), values.choices("evidence")[:-1])
    text = say(f"{file}：{count} 行（含姓名，请妥善保管）", f"{file}: {count} rows (with names: keep it safe)")
    face.show({"file": str(file), "rows": count}, lambda: Text(text))
    return 0


async def notice(
    campaign: CampaignName,
    listed: Annotated[str, Parameter(name="LIST", help=say("名单名称", "the list's name"))],
    file: Written,
    *,
    by: By,
    face: Face = _FACE,
) -> int:
    """Write what a public list may show: name, school, grade (P29). Only while the list is on view."""
    async with Rooms(face.settings()) as rooms:
        await _reader(rooms, campaign, by)
        state, own = await _campaign(rooms, campaign)
        held = list_of(state.aid, listed)
        if held.status != "SHOWN":
            raise Refusal("AID_LIST_STANDS_OTHERWISE", listed=listed, standing=f"AID_LIST_{held.status}")
        names = await _names(rooms, campaign, state)
    titles = (say("姓名", "name"), say("学校", "school"), say("年级", "grade"))
    rows = [
        dict(zip(titles, (names.get(one["student"], ""), one["school"], str(one["study_year"])), strict=True))
        for one in told_entries(own, listed)
    ]
    count = write_sheet(file, titles, rows)
    until = str(held.shown_until)
    text = say(f"{file}：{count} 人，{until} 后撤下", f"{file}: {count} pupils; take it down after {until}")
    face.show({"file": str(file), "rows": count, "until": until}, lambda: Text(text))
    return 0


async def show(
    campaign: CampaignName,
    *,
    run: Annotated[str | None, Parameter(help=say("列出这份发放表的明细", "the lines of one run"))] = None,
    by: By,
    face: Face = _FACE,
) -> int:
    """Show lists and runs; a receiving school sees its own lines only."""
    async with Rooms(face.settings()) as rooms:
        actor = await _reader(rooms, campaign, by)
        state, own = await _campaign(rooms, campaign)
    runs = told_runs(own)
    if run is not None and run not in runs:
        raise Refusal("AID_RUN_UNKNOWN", run=run)
    lists = {
        name: {
            "status": held.status.lower(),
            "pupils": held.pupils,
            "shown_until": held.shown_until and held.shown_until.isoformat(),
            "objections": len(held.objections),
        }
        for name, held in state.aid.lists.items()
    }
    shown = [_run(told, actor, lines=run is not None) for name, told in runs.items() if run in (None, name)]
    data: dict[str, Any] = {"campaign": campaign, "lists": lists, "runs": shown}
    face.show(data, lambda: Group(_lists(data), _runs(data)))
    return 0


async def explain(
    campaign: CampaignName,
    student: Annotated[str, Parameter(help=say("学生编号 stu_…", "the pupil's reference stu_…"))],
    *,
    by: By,
    face: Face = _FACE,
) -> int:
    """Show what a pupil was paid for each month, and each event that it rests on."""
    async with Rooms(face.settings()) as rooms:
        actor = await _reader(rooms, campaign, by)
        state, own = await _campaign(rooms, campaign)
    pupil = state.aid.pupils.get(student)
    if pupil is None or not any(_own(actor, span.school) for span in pupil.spans):
        raise Refusal("AID_NOT_LISTED")
    data = {"campaign": campaign, **explain_aid(own, student)}
    lines = [f"{month}  {fen // FEN}.{fen % FEN:02d}" for month, fen in data["months"].items()]
    lines += [f"{fact['at'][:16]}  {fact['type']}  {fact['event']}" for fact in data["facts"]]
    face.show(data, lambda: Text("\n".join(lines)))
    return 0


# -- inside -------------------------------------------------------------------------------------------------------


async def _reader(rooms: Rooms, campaign: str, by: str) -> Actor:
    await rooms.board(campaign)
    try:
        actor = await actor_for(await rooms.registry(), campaign, by)
    except NotFoundError:
        raise not_found("stf_") from None
    require(actor, "show_aid", None)
    return actor


async def _campaign(rooms: Rooms, campaign: str) -> tuple[CampaignState, list[Envelope]]:
    try:
        return await campaign_of(await rooms.ledger(), campaign)
    except UnknownEventError:
        raise Refusal("CAMPAIGN_NOT_APPROVED") from None


async def _names(rooms: Rooms, campaign: str, state: CampaignState) -> dict[str, str]:
    registry = await rooms.registry()
    held = [await registry.names(campaign, school) for school in state.schools]
    return {student: name for names in held for student, (_, name) in names.items()}


def _own(actor: Actor, school: str) -> bool:
    return actor.role is not Role.RECEIVING_SCHOOL or actor.organisation == school


def _run(told: dict[str, Any], actor: Actor, *, lines: bool) -> dict[str, Any]:
    """Return a run as somebody may see it, with its lines where they are asked for."""
    own = [line for line in told["lines"] if _own(actor, line["school"])]
    payers = [
        {
            "payer": payer,
            "fen": sum(line["fen"] for line in own if line["payer"] == payer),
            "document": told["paid"].get(payer),
        }
        for payer in dict.fromkeys(line["payer"] for line in own)
    ]
    kept = ("run", "version", "study_year", "term", "monthly", "approved", "lines_digest", "events")
    data = {name: told[name] for name in kept} | {"pupils": len(own), "fen": sum(line["fen"] for line in own)}
    data |= {"payers": payers}
    if lines:
        hidden = ("account",)
        data["lines"] = [{name: value for name, value in line.items() if name not in hidden} for line in own]
        students = [line["student"] for line in own]
        whole = actor.role is not Role.RECEIVING_SCHOOL
        data["withheld"] = {one: months for one, months in told["withheld"].items() if whole or one in students}
    return data


def _lists(data: dict[str, Any]) -> Table:
    titles = (say("名单", "list"), say("状态", "status"), say("人数", "pupils"), say("公示至", "shown until"))
    table = Table(*titles, say("异议", "objections"))
    for name, held in data["lists"].items():
        status = word(f"AID_LIST_{held['status'].upper()}", LANG)
        table.add_row(name, status, str(held["pupils"]), held["shown_until"] or "", str(held["objections"]))
    return table


def _runs(data: dict[str, Any]) -> Table:
    titles = (
        say("发放表", "run"), say("学年", "year"), say("学期", "term"), say("版本", "version"), say("人数", "pupils"),
        say("元", "yuan"), say("批准", "approved"), say("已办结", "paid"),
    )  # fmt: skip
    table = Table(*titles)
    for run in data["runs"]:
        sign, fen = "-" if run["fen"] < 0 else "", abs(run["fen"])
        done = sum(payer["document"] is not None for payer in run["payers"])
        table.add_row(
            run["run"], str(run["study_year"]), str(run["term"]), str(run["version"]), str(run["pupils"]),
            f"{sign}{fen // FEN}.{fen % FEN:02d}", say("是", "yes") if run["approved"] else "",
            f"{done}/{len(run['payers'])}",
        )  # fmt: skip
    return table
