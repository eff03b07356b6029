"""`targets`: planning targets of schools and classes, their papers, what a revision moves, pressure (INV-08, R-10)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import App, Parameter
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli import target_figures as figures
from cli.failures import usage
from cli.given import time_given, year_of
from cli.options import LANG, By, CampaignName, Change, Face, SchoolCode, say
from cli.rooms import Rooms
from cli.stage import end
from cli.stage_view import word
from domain.events import Envelope
from domain.policy import load_parameters
from domain.pressure import alternative_target
from domain.target_preview import without_trial_figures
from domain.targets_events import Wave
from registry.classes import canonical_class
from registry.targets_file import TargetTable, read_targets

_FACE = Face()
_ASSIGNED: Final = re.compile(r"(?P<name>.+)=(?P<heads>[0-9]{1,5})", re.ASCII)

Document = Annotated[str, Parameter(help=say("文号，如 县教发〔2026〕12号", "the paper's number"))]
Table_ = Annotated[
    Path,
    Parameter(name="FILE", help=say("指标表（CSV、XLSX）：学校标识码、指标，可加班级", "school, quota, and class")),
]
Season = Annotated[Literal["autumn", "spring"], Parameter(name="--wave", help=say("季别：秋季或春季", "the wave"))]
Effective = Annotated[date, Parameter(help=say("生效日期", "the day from which the paper says it holds"))]
Total = Annotated[int, Parameter(help=say("文件上的总数", "the paper's total"))]

app = App(name="targets", help_format="plaintext", version_flags=[])
app.command(
    "cli.target_pressure:pressure",
    name="pressure",
    help=say("压力提示：指标是否会逼迫家庭", "flags of pressure: does a target ask for too much?"),
)


@app.command(help=say("下达指标（首次）", "issue the first targets of a wave"))
async def issue(
    file: Table_,
    campaign: CampaignName,
    *,
    document: Document,
    effective: Effective,
    total: Total,
    wave: Season = "autumn",
    change: Change,
    face: Face = _FACE,
) -> int:
    """Write a paper; it holds from its day once another person approves."""
    table = read_targets(file, year_of(campaign))
    paper = {"document": document, "effective": effective.isoformat(), "total": total, "wave": wave}
    return await _submit("issue_targets", campaign, change, face, **paper, schools=table.schools)


@app.command(help=say("调整指标：先看影响，再提交", "revise them; shows what moves first"))
async def revise(
    file: Table_,
    campaign: CampaignName,
    *,
    document: Document,
    effective: Effective,
    total: Total,
    wave: Season = "autumn",
    commit: Annotated[bool, Parameter(negative="", help=say("提交", "write it"))] = False,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Show what a revision moves; `--commit` writes it, with the digest of what was shown."""
    table = read_targets(file, year_of(campaign))
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        envelopes = await figures.own_events(await rooms.ledger(), campaign)
        told = await _previewed(rooms, campaign, change.by, envelopes, table, wave)
        if not commit:
            face.show({"campaign": campaign, "committed": False, **told}, lambda: _preview(told))
            return 0
        command = await rooms.command(
            campaign,
            change,
            "revise_targets",
            document=document,
            effective=effective.isoformat(),
            total=total,
            wave=wave,
            schools=table.schools,
            preview=figures.preview_given_before(envelopes, change.command_id) or told["preview"],
        )
        return end(face, await rooms.submit(campaign, command), preview=command["preview"])


@app.command(help=say("试看调整的影响，不写入", "what a table would move; writes nothing"))
async def preview(file: Table_, campaign: CampaignName, *, by: By, wave: Season = "autumn", face: Face = _FACE) -> int:
    """Show which class crosses which line, the yuan of the historical rules, and the veto line."""
    table = read_targets(file, year_of(campaign))
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        envelopes = await figures.own_events(await rooms.ledger(), campaign)
        told = await _previewed(rooms, campaign, by, envelopes, table, wave)
    face.show({"campaign": campaign, **told}, lambda: _preview(told))
    return 0


@app.command(help=say("批准一份指标文件（须为另一人）", "approve a paper; another person than its author"))
async def approve(campaign: CampaignName, document: Document, *, change: Change, face: Face = _FACE) -> int:
    """Approve all that a paper says, of both waves where it has both."""
    return await _submit("approve_targets", campaign, change, face, document=document)


@app.command(help=say("退回一份未批准的指标文件（须有理由）", "turn a paper down; needs a reason"))
async def reject(campaign: CampaignName, document: Document, *, change: Change, face: Face = _FACE) -> int:
    """Turn down a paper that is not approved."""
    return await _submit("reject_targets", campaign, change, face, document=document)


@app.command(help=say("校长签收本校指标", "the principal has seen the school's number"))
async def acknowledge(
    campaign: CampaignName,
    school: SchoolCode,
    *,
    document: Document | None = None,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Acknowledge the latest paper, or the one named."""
    return await _submit("acknowledge_target", campaign, change, face, school=school, document=document)


@app.command(
    name="object", help=say("校长对本校指标提出异议（须有理由）", "object to the school's number, with a reason")
)
async def object_(
    campaign: CampaignName,
    school: SchoolCode,
    *,
    document: Document | None = None,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Object to the latest paper, or the one named; nothing waits for it."""
    return await _submit("object_to_target", campaign, change, face, school=school, document=document)


@app.command(help=say("校长将指标分配到班", "share the school's number out to classes"))
async def assign(
    campaign: CampaignName,
    school: SchoolCode,
    *,
    document: Document,
    classes: Annotated[
        list[str],
        Parameter(
            consume_multiple=True, negative="", help=say("班级=人数，如 九年级1班=10", "class=heads, as 2023-01=10")
        ),
    ],
    wave: Season = "autumn",
    change: Change,
    face: Face = _FACE,
) -> int:
    """Share a number out; the classes sum to it."""
    quotas = _classes(campaign, classes)
    fields = {"school": school, "document": document, "classes": quotas, "wave": wave}
    return await _submit("assign_class_quotas", campaign, change, face, **fields)


@app.command(help=say("查看指标：某日生效的、某时已知的", "what holds on a day, as far as it was known at a time"))
async def show(
    campaign: CampaignName,
    *,
    on: Annotated[date | None, Parameter(help=say("生效于哪一天（默认今天）", "on which day (default: today)"))] = None,
    known_at: Annotated[str | None, Parameter(help=say("只看此时已记录的", "only what was on record by then"))] = None,
    face: Face = _FACE,
) -> int:
    """Show papers, schools and classes; two days make two questions (edge 12, edge 47)."""
    instant = None if known_at is None else datetime.fromisoformat(time_given("--known-at", known_at))
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        envelopes = await figures.own_events(await rooms.ledger(), campaign)
        data = figures.shown(campaign, envelopes, on, instant)
        face.show(data, lambda: _shown(data))
    return 0


@app.command(help=say("按未被普高录取人数测算指标", "the target as a share of those not admitted to general high"))
def formula(
    graduates: Annotated[int, Parameter(help=say("毕业生数", "graduates"))],
    admitted: Annotated[int, Parameter(help=say("普高录取数", "admitted to general high schools"))],
    *,
    share: Annotated[str, Parameter(help=say("比例，如 19/20", "share, as 19/20"))] = "19/20",
    rounding: Annotated[
        Literal["floor", "half_up", "ceiling"], Parameter(help=say("取整方式", "how it is rounded"))
    ] = "floor",
    face: Face = _FACE,
) -> int:
    """Compute the alternative target (R-20); nothing is written."""
    face.settings()
    if not 0 <= admitted <= graduates:
        raise usage(
            "GRADUATES_INVALID",
            say("录取数应在 0 与毕业生数之间。", "Those admitted are some of the graduates."),
            place="ADMITTED",
        )
    parameters = load_parameters({"target_share": share, "target_rounding": rounding})
    target = alternative_target(graduates, admitted, parameters)
    data = {"graduates": graduates, "admitted": admitted, "share": share, "rounding": rounding, "target": target}
    face.show(data, lambda: Text(say(f"测算指标：{target}", f"target: {target}")))
    return 0


# -- inside -------------------------------------------------------------------------------------------------------


async def _submit(kind: str, campaign: str, change: Change, face: Face, **fields: Any) -> int:
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign, fields.get("school"))
        return end(face, await rooms.submit(campaign, await rooms.command(campaign, change, kind, **fields)))


def _classes(campaign: str, given: Sequence[str]) -> dict[str, int]:
    """Read `class=heads` of the command line.

    Raises:
        Failure: CLASS_INVALID (2), CAMPAIGN_UNKNOWN (4).
    """
    year, quotas = year_of(campaign), {}
    for part in given:
        found = _ASSIGNED.fullmatch(part)
        class_id = canonical_class(found["name"], year) if found else None
        if found is None or class_id is None or class_id in quotas:
            raise usage(
                "CLASS_INVALID",
                say(
                    "班级或人数的写法不对，或班级重复。", "A class or its number is malformed, or a class stands twice."
                ),
                place="--classes",
                remedy=say("请写成 九年级1班=10 九年级2班=12。", "Write them as 2023-01=10 2023-02=12."),
            )
        quotas[class_id] = int(found["heads"])
    return quotas


async def _previewed(
    rooms: Rooms, campaign: str, by: str, envelopes: Sequence[Envelope], table: TargetTable, wave: str
) -> dict[str, Any]:
    """Return what a table moves, as far as a person may see it, with the digest of all of it."""
    role = (await figures.require_reader(rooms, campaign, by, envelopes, also=figures.BUREAU)).role
    moved = await figures.moves(await rooms.ledger(), campaign, envelopes, table, Wave(wave))
    data = {**moved.as_data(), "preview": moved.digest, "withheld": not figures.sees_classes(role, envelopes)}
    return without_trial_figures(data) if data["withheld"] else data


# -- for a person -------------------------------------------------------------------------------------------------


def _preview(data: dict[str, Any]) -> RenderableType:
    schools = Table(
        say("学校", "school"),
        say("指标", "target"),
        say("完成", "countable"),
        say("一票否决线", "veto line"),
        say("提示", "note"),
    )
    for row in data["schools"]:
        veto = say("以下", "below") if row["veto_now"] else ""
        notes = [word(flag, LANG) for flag in row["flags"]]
        notes += [] if row["classes_known"] else [say("班级尚未分配", "not shared out to classes yet")]
        schools.add_row(
            row["school"], f"{row['target_was']} → {row['target_now']}", str(row["countable"]), veto, ", ".join(notes)
        )
    classes = Table(
        say("班级", "class"),
        say("指标", "quota"),
        say("完成", "countable"),
        say("档次", "tier"),
        say("元", "yuan"),
        say("提示", "note"),
    )
    for row in data["classes"]:
        classes.add_row(
            f"{row['school']} {row['class']}",
            f"{row['quota_was']} → {row['quota_now']}",
            _or_dash(row["countable"]),
            f"{_or_dash(row['tier_was'])} → {_or_dash(row['tier_now'])}",
            f"{_or_dash(row['yuan_was'])} → {_or_dash(row['yuan_now'])}",
            ", ".join(word(flag, LANG) for flag in row["flags"]),
        )
    yuan = f"{_or_dash(data['yuan_was'])} → {_or_dash(data['yuan_now'])}"
    last = say(
        f"{data['stamp']}；历史口径，合计 {yuan} 元；摘要 {data['preview']}",
        f"trial computation, not to be paid, by the historical rules: {yuan} yuan; digest {data['preview']}",
    )
    return Group(schools, classes, Text(last))


def _or_dash(value: object) -> str:
    return "-" if value is None else str(value)


def _shown(data: dict[str, Any]) -> RenderableType:
    papers = Table(
        say("文号", "paper"),
        say("季别", "wave"),
        say("生效", "effective"),
        say("总数", "total"),
        say("批准", "approved"),
    )
    for row in data["papers"]:
        approved = say("已批准", "yes") if row["approved"] else say("待批准", "not yet")
        papers.add_row(row["document"], word(row["wave"], LANG), row["effective"], str(row["total"]), approved)
    schools = Table(
        say("学校", "school"),
        say("指标", "target"),
        say("秋季", "autumn"),
        say("春季", "spring"),
        say("班级", "classes"),
    )
    for row in data["schools"]:
        shared = ", ".join(f"{name} {heads}" for name, heads in row["classes"].items())
        shared += say("（待分配）", " (to be shared out)") if row["school"] in data["to_assign"] else ""
        schools.add_row(row["school"], str(row["target"]), str(row["autumn"]), str(row["spring"]), shared)
    return Group(Text(f"{data['campaign']} {data['on']}: {data['total']}"), papers, schools)
