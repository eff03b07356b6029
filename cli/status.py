"""`status`: where a campaign stands, from the ledger, overdue first; with `--mine` one person's work list."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli.cautions import calendar_cautions, channel_cautions
from cli.failures import not_found, usage
from cli.heads_view import heads_data, heads_lines
from cli.options import LANG, Face, console, say
from cli.refusals import blockers_data
from cli.rooms import Rooms
from cli.stage_view import flags, progress, word
from cli.status_channels import channels_data, channels_shown
from cli.ways_out import ways_out
from cli.work_filter import checked, load, narrowed
from cli.work_filter import save as keep
from client import CampaignClient, work_list
from domain.sentences import blocker_phrase
from domain.stage_events import StageSlug
from domain.time import SHANGHAI
from engine import EngineUnreachableError, connect
from ledger.store import Ledger
from registry.staff_file import StaffMember

_FACE = Face()
EVERY: Final = 2.0
"""Seconds between two looks of `--watch`."""

ORDER: Final = {slug.value: number for number, slug in enumerate(StageSlug)}
DONE: Final = ("completed", "skipped", "archived")

_STANDINGS: Final = {
    "draft": ("待批准", "draft"),
    "running": ("进行中", "running"),
    "stopped": ("已停止", "stopped"),
    "closing": ("正在结束", "closing"),
    "archived": ("已归档", "archived"),
    "waiting": ("待启动", "waiting"),
    "starting": ("启动中", "starting"),
    "loading": ("启动中", "loading"),
    "closed": ("已结束", "closed"),
}
"""A campaign's and a school's standing in Chinese and English."""


async def status(
    campaign: Annotated[str | None, Parameter(help=say("活动（默认最近一届）", "default: the latest one"))] = None,
    *,
    mine: Annotated[bool, Parameter(negative="", help=say("只看自己的待办", "one person's work list"))] = False,
    by: Annotated[str | None, Parameter(help=say("本人的 staff_ref", "that person's staff_ref"))] = None,
    only: Annotated[
        list[str] | None,
        Parameter(negative="", help=say("只看 overdue、某阶段或某事项代码", "overdue, a stage, or a code of work")),
    ] = None,
    filter_: Annotated[str | None, Parameter(name="--filter", help=say("已保存的筛选", "a saved filter"))] = None,
    save: Annotated[str | None, Parameter(help=say("把 --only 存为筛选", "keep --only under this name"))] = None,
    watch: Annotated[bool, Parameter(negative="", help=say("持续刷新", "keep showing, until Ctrl-C"))] = False,
    face: Face = _FACE,
) -> int:
    """Show the campaign's board; works without an engine."""
    if mine and by is None:
        raise usage("BY_MISSING", say("--mine 需要 --by。", "--mine needs --by."), place="--by")
    if not mine and (only or filter_ or save):
        raise usage(
            "FILTER_NEEDS_MINE",
            say("--only、--filter、--save 需要 --mine。", "--only, --filter and --save need --mine."),
            place="--mine",
        )
    if watch and face.json:
        raise usage("WATCH_HAS_NO_JSON", say("--watch 不能与 --json 同用。", "--watch has no --json."), place="--watch")
    async with Rooms(face.settings()) as rooms:
        own = by if mine else None
        chosen = checked(only or ())
        if own is not None and filter_ is not None:
            chosen = (*chosen, *load(rooms.settings.data, own, filter_))
        data = await _look(rooms, campaign, own, chosen)
        if own is not None and save is not None:
            keep(rooms.settings.data, own, save, chosen)
        if not watch:
            names = {} if face.json else await _names(rooms, data)
            face.show(data, lambda: readable(data, names))
            return 0
        try:
            with Live(console=console(), auto_refresh=False) as live:
                while True:
                    live.update(readable(data, await _names(rooms, data)), refresh=True)
                    await asyncio.sleep(EVERY)
                    data = await _look(rooms, campaign, own, chosen)
        except asyncio.CancelledError:
            return 0


async def _look(rooms: Rooms, campaign: str | None, by: str | None, only: Sequence[str]) -> dict[str, Any]:
    ledger = await rooms.ledger()
    campaigns = await ledger.campaigns()
    chosen = campaign or await _latest(rooms, campaigns)
    board = await rooms.board(chosen)
    own = board[chosen]
    first = await anext(ledger.events(chosen))
    now = datetime.now(SHANGHAI)
    real = own["clock"] == "engine" and own["status"] != "archived"
    backlog = await ledger.outbox.backlog(chosen, now)
    data: dict[str, Any] = {
        "campaign": chosen,
        "status": own["status"],
        "clock": own["clock"],
        "engine": await _engine(rooms),
        "paused": own["paused"],
        "paused_schools": own["paused_schools"],
        "schools": schools_of(board, chosen),
        "halted": [conflict for conflict in await ledger.conflicts() if conflict["stream"].startswith(chosen)],
        "warnings": [
            *(calendar_cautions(first["data"]["not_yet_computable"], now.date()) if real else ()),
            *(channel_cautions(ways_out(rooms.settings)) if real and any(row.waiting for row in backlog) else ()),
        ],
        "notices": channels_data(backlog, now if own["clock"] == "engine" else None),
        "killed": own.get("killed", []),
        "heads": await heads_data(ledger, chosen, rooms.settings, own),
        "campaigns": campaigns,
    }
    if by is not None:
        member = await (await rooms.registry()).staff_member(chosen, by)
        if member is None:
            raise not_found("stf_")
        data["mine"] = by
        work = await _work(ledger, chosen, data["schools"], member)
        data["schools"] = own_stages(data["schools"], member, work)
        data["work"] = in_order(data["schools"], work)
        narrowed(data, only)
    return data


async def _work(
    ledger: Ledger, campaign: str, schools: Iterable[Mapping[str, Any]], member: StaffMember
) -> list[dict[str, Any]]:
    """Return the pupils with whom a member of staff has something to do, one line each (S1); references only."""
    classes = member.classes if member.role == "class_head" else ()
    if member.role == "receiving_school" or (member.role == "class_head" and not classes):
        return []
    work: list[dict[str, Any]] = []
    for school in schools:
        if member.school and school["school"] != member.school:
            continue
        for slug, todo in (await work_list(ledger, campaign, school["school"], classes)).items():
            work += [
                {
                    "school": school["school"],
                    "stage": slug,
                    "class": item.class_id,
                    "student": item.student,
                    "code": item.code,
                    "on": day.isoformat() if (day := getattr(item, "on", None)) else None,
                    "message": blocker_phrase(item.code, 1, LANG),
                }
                for item in todo
            ]
    return work


async def _names(rooms: Rooms, data: Mapping[str, Any]) -> dict[str, str]:
    """Return the names, for the screen alone, of the pupils in this member of staff's own classes."""
    if not data.get("work"):
        return {}
    registry = await rooms.registry()
    member = await registry.staff_member(data["campaign"], data["mine"])
    if member is None or not member.school:
        return {}
    held = await registry.names(data["campaign"], member.school)
    return {student: name for student, (class_id, name) in held.items() if class_id in member.classes}


async def _latest(rooms: Rooms, campaigns: list[str]) -> str:
    """Return the campaign of the latest year that has not ended, or the latest of all."""
    if not campaigns:
        raise not_found("campaign/-/-")
    ledger = await rooms.ledger()
    latest = sorted(campaigns, key=lambda name: name.rsplit("/", 1)[1])
    alive = [name for name in latest if (await ledger.board(name))[name]["status"] != "archived"]
    return (alive or latest)[-1]


async def _engine(rooms: Rooms) -> str:
    address = await rooms.address()
    if address is None:
        return "unreachable"
    try:
        engine = await asyncio.wait_for(connect(address, rooms.settings.namespace), 5)
        reachable = await CampaignClient(engine, await rooms.ledger()).reachable()
    except (EngineUnreachableError, TimeoutError):
        reachable = False
    return "reachable" if reachable else "unreachable"


def schools_of(board: Mapping[str, Mapping[str, Any]], campaign: str) -> list[dict[str, Any]]:
    """Return the schools with their stages: a school with something overdue first, in it what is overdue first."""
    schools: list[dict[str, Any]] = []
    for code, standing in board[campaign]["schools"].items():
        stages = [
            {
                key: value
                for key, value in {**view, "blockers": blockers_data(view["blockers"])}.items()
                if key not in ("campaign", "school")
            }
            for view in board.values()
            if view.get("stage") is not None and view["school"] == code
        ]
        stages.sort(key=lambda stage: (not stage["overdue"], ORDER[stage["stage"]]))
        schools.append({"school": code, "status": standing, "stages": stages})
    schools.sort(key=lambda school: (not any(stage["overdue"] for stage in school["stages"]), school["school"]))
    return schools


def own_stages(
    schools: Iterable[dict[str, Any]], member: StaffMember, work: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return where a member of staff has something to do: own school, own classes, overdue first, then by due date.

    A stage stays while a pupil waits (also after its sign-off) or something else stands in the way of completing it;
    whoever may sign it off keeps it until then.
    """
    waiting = Counter((item["school"], item["stage"]) for item in work)
    mine: list[dict[str, Any]] = []
    for school in schools:
        if member.school and school["school"] != member.school:
            continue
        stages = [
            {**stage, "work": waiting[school["school"], stage["stage"]]}
            for stage in school["stages"]
            if stage["status"] not in DONE or waiting[school["school"], stage["stage"]]
        ]
        if member.role == "class_head":
            for stage in stages:
                stage["classes"] = {name: part for name, part in stage["classes"].items() if name in member.classes}
            stages = [stage for stage in stages if stage["work"] or stage["blockers"]]
        stages.sort(key=lambda stage: (not stage["overdue"], stage["due"], ORDER[stage["stage"]]))
        if stages:
            mine.append({**school, "stages": stages})
    return mine


def in_order(schools: Sequence[Mapping[str, Any]], work: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the lines of work with overdue stages first, of all schools, then by due date; as they came within one."""
    stages = {(school["school"], stage["stage"]): stage for school in schools for stage in school["stages"]}

    def urgency(item: dict[str, Any]) -> tuple[bool, str, str, int]:
        stage = stages[item["school"], item["stage"]]
        return not stage["overdue"], stage["due"], item["school"], ORDER[item["stage"]]

    # a stage that began after the board was read has its lines the next time
    return sorted((item for item in work if (item["school"], item["stage"]) in stages), key=urgency)


def _work_table(data: Mapping[str, Any], names: Mapping[str, str]) -> RenderableType:
    """Return the lines of work as a person reads them, with how many each stage has."""
    counts = Counter((item["school"], item["stage"]) for item in data["work"])
    sums = [f"{school} {word(stage, LANG)} {count}" for (school, stage), count in counts.items()]
    head = say(f"待办 {len(data['work'])} 项", f"to do: {len(data['work'])}")
    table = Table(
        say("学校", "school"),
        say("阶段", "stage"),
        say("班级", "class"),
        say("学生编号", "student"),
        say("姓名", "name"),
        say("事项", "what"),
        say("约定日期", "planned for"),
    )
    overdue = {(s["school"], stage["stage"]) for s in data["schools"] for stage in s["stages"] if stage["overdue"]}
    for item in data["work"]:
        late = (item["school"], item["stage"]) in overdue
        table.add_row(
            item["school"],
            word(item["stage"], LANG),
            item["class"],
            item["student"],
            names.get(item["student"], ""),
            item["message"],
            item["on"] or "",
            style="bold red" if late else None,
        )
    return Group(Text(f"{head} ({'; '.join(sums)})" if sums else head), *([table] if sums else []))


def _standing(status: str) -> str:
    """Return how a campaign or a school stands, as a person reads it."""
    return say(*_STANDINGS[status])


def readable(data: dict[str, Any], names: Mapping[str, str] | None = None) -> RenderableType:
    """Return the board as a person reads it."""
    engine = {"reachable": say("可达", "reachable"), "unreachable": say("不可达", "unreachable")}[data["engine"]]
    head = f"{data['campaign']}  {_standing(data['status'])}  {say('引擎', 'engine')}: {engine}"
    if data["paused"]:
        head += "  " + say("已暂停", "paused")
    table = Table(
        say("学校", "school"),
        say("阶段", "stage"),
        say("状态", "status"),
        say("截止", "due"),
        say("进度", "progress"),
        say("还差", "missing"),
    )
    for school in data["schools"]:
        for stage in school["stages"]:
            table.add_row(
                school["school"],
                word(stage["stage"], LANG),
                f"{word(stage['status'], LANG)} {flags(stage)}".rstrip(),
                stage["due"],
                progress(stage),
                "\n".join(blocker["message"] for blocker in stage["blockers"]),
                style="bold red" if stage["overdue"] else None,
            )
        if not school["stages"]:
            table.add_row(school["school"], "—", _standing(school["status"]), "—", "—", "")
    lines = [f"{say('停办', 'halted')}: {halt['stream']}#{halt['version']}" for halt in data["halted"]]
    lines += [f"{say('提示', 'warning')}: {warning['message']}" for warning in data["warnings"]]
    lines += heads_lines(data["heads"], rehearsal=data["clock"] != "engine")
    work = [_work_table(data, names or {})] if "work" in data else []
    sending = channels_shown(data["notices"], data["killed"])
    return Group(Text(head), table, *work, *sending, *(Text(line) for line in lines))
