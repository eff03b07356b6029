"""`audit diff|what-if`: what has changed between two moments, and what other rules would make of the same record."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from audit.as_of import moment
from audit.diff import Money, diff
from audit.what_if import OtherRules, WhatIf, changed_by, shipped, what_if
from cli.failures import usage
from cli.options import LANG, CampaignName, Face, say
from cli.policy import parameters_file
from cli.rooms import Rooms
from cli.settle_people import seen_by
from cli.stage_view import word
from domain.disclosure import Sight, sees_small_cells
from domain.policy import PolicyProfile
from domain.refusal import Refusal
from domain.stream import UnknownEventError
from domain.time import stamp

_FACE = Face()

Moment = Annotated[
    str, Parameter(help=say("时刻（RFC 3339）或日期（当日 24:00）", "RFC 3339, or a date: its end, 24:00"))
]
LINES: Final = 40
"""So many lines of one stream's changes are shown to a person; `--json` has all."""

FIGURES: Final[dict[str, tuple[str, str]]] = {
    "quota": ("指标", "quota"),
    "countable": ("完成", "countable"),
    "completion": ("完成率", "completion"),
    "reward_yuan": ("奖励（元）", "reward (yuan)"),
    "points": ("积分", "points"),
    "points_by_role": ("各角色积分", "points by role"),
    "veto_proposed": ("建议一票否决", "veto proposed"),
    "finding": ("认定", "finding"),
    "findings": ("认定", "findings"),
    "dropout_award": ("控辍奖励", "award for few losses"),
    "dropout_veto_proposed": ("控辍：建议一票否决", "veto for losses proposed"),
}
"""What a figure is called."""


async def differing(
    campaign: CampaignName,
    time1: Moment,
    time2: Moment,
    *,
    school: Annotated[str | None, Parameter(help=say("只看一所学校", "one school only"))] = None,
    by: Annotated[
        str | None,
        Parameter(help=say("查询人的 staff_ref：另列结算数字", "who asks: tells the settlement's figures too")),
    ] = None,
    face: Face = _FACE,
) -> int:
    """Tell what was recorded between two moments, and what it changed: events, boards, pupils, figures."""
    times = (_moment("TIME1", time1), _moment("TIME2", time2))
    if times[1] < times[0]:
        raise usage(
            "TIMES_REVERSED",
            say("第二个时刻早于第一个。", "The second moment lies before the first."),
            place="TIME2",
            remedy=say("请把较早的时刻写在前面。", "Give the earlier one first."),
        )
    if by is not None and school is not None:
        raise usage(
            "DIFF_WHAT",
            say("结算数字不能只看一所学校。", "The settlement's figures are those of the whole county."),
            place="--school",
            remedy=say("请去掉 --school 或 --by。", "Leave out --school, or --by."),
        )
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign, school)
        money = None if by is None else Money(outside=not await _watches(rooms, campaign, by))
        found = await diff(await rooms.ledger(), campaign, times, school=school, money=money)
    data = {
        "campaign": campaign,
        "from": stamp(times[0]),
        "to": stamp(times[1]),
        "school": school,
        "digest": hashlib.sha256(found.bytes).hexdigest(),
        **json.loads(found.bytes),
    }
    face.show(data, lambda: _diff_text(data))
    return 0


async def supposing(
    campaign: CampaignName,
    *,
    profile: Annotated[
        Literal["legacy", "compliant"] | None, Parameter(help=say("另一套口径", "the other rules: a shipped profile"))
    ] = None,
    parameters: Annotated[
        Path | None,
        Parameter(help=say("参数文件（TOML、JSON）：在现行口径上改动", "or a file of parameters over those that hold")),
    ] = None,
    at: Annotated[
        str | None, Parameter(help=say("按此时已记录的计算", "go by what was on record then; default: all of it"))
    ] = None,
    public: Annotated[
        bool, Parameter(negative="", help=say("只看可对外公布的内容", "only what may be shown outside"))
    ] = False,
    by: Annotated[str, Parameter(help=say("查询人的 staff_ref", "who asks"))],
    face: Face = _FACE,
) -> int:
    """Settle the same record by other rules, and tell the difference by school; it pays nothing and writes nothing."""
    if (profile is None) == (parameters is None):
        raise usage(
            "WHAT_IF_RULES_INVALID",
            say(
                "请指定 --profile 或 --parameters，二者择一。", "Name a profile, or a file of parameters: one of them."
            ),
            place="--profile | --parameters",
        )
    rules = _rules(profile, parameters)
    as_at = None if at is None else _moment("--at", at)
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        watches = await _watches(rooms, campaign, by)
        try:
            found = await what_if(await rooms.ledger(), campaign, rules, as_at, public=public or not watches)
        except UnknownEventError:
            raise Refusal("CAMPAIGN_NOT_APPROVED") from None
    data = {
        "campaign": campaign,
        "at": None if as_at is None else stamp(as_at),
        "public": public or not watches,
        "held": _policy(found.held, found.stamps[0]),
        "other": _policy(found.other, found.stamps[1]),
        "parameters": list(found.parameters),
        "not_looked_at": list(found.not_looked_at),
        "digest": hashlib.sha256(found.bytes).hexdigest(),
        **found.changes,
    }
    face.show(data, lambda: _what_if_text(data, found))
    return 0


# -- inside -------------------------------------------------------------------------------------------------------


async def _watches(rooms: Rooms, campaign: str, by: str) -> bool:
    """Refuse whoever may not see figures of classes today; tells whether the person sees those of small ones (R-22).

    Raises:
        Refusal: ROLE_NOT_ALLOWED.
        Failure: STAFF_UNKNOWN (4).
    """
    actor, sight = await seen_by(rooms, campaign, by)
    if sight is not Sight.ALL:
        raise Refusal("ROLE_NOT_ALLOWED", role=actor.role.value, command="settle", allowed=["auditor"])
    return sees_small_cells(actor.role)


def _rules(profile: str | None, parameters: Path | None) -> OtherRules:
    """Read what to compute by.

    Raises:
        InputRejected: POLICY_FILE_MISSING, POLICY_FILE_INVALID.
    """
    if parameters is None:
        return shipped(profile or "")
    content = parameters_file(parameters)
    return changed_by(content.get("parameters", content))


def _policy(policy: PolicyProfile, stamp: str | None) -> dict[str, Any]:
    return {
        "profile": policy.id,
        "version": policy.version,
        "parameter_hash": policy.parameter_hash,
        "stamp": stamp,
    }


def _moment(place: str, text: str) -> datetime:
    """Read a moment.

    Raises:
        Failure: TIME_INVALID (2).
    """
    try:
        return moment(text)
    except ValueError:
        raise usage(
            "TIME_INVALID",
            say("时间的写法不对。", "The time is malformed."),
            place=place,
            remedy=say(
                "请写成 2025-01-13 或 2025-01-13T18:30:00+08:00。",
                "Write it as 2025-01-13 or 2025-01-13T18:30:00+08:00.",
            ),
        ) from None


# -- for a person -------------------------------------------------------------------------------------------------


def _diff_text(data: Mapping[str, Any]) -> RenderableType:
    head = Text(f"{data['campaign']}  {data['from']} → {data['to']}")
    if not data["streams"]:
        return Group(head, Text(say("两个时刻之间没有变化。", "Nothing was recorded between the two moments.")))
    gained: Counter[tuple[str, str]] = Counter()
    for row in data["events"]:
        gained[row["school"] or "—", row["type"]] += row["gained"]
    events = Table(say("学校", "school"), say("事件", "event"), say("新增", "gained"))
    for (school, type_), count in sorted(gained.items()):
        events.add_row(school, type_, str(count))
    streams = Table(say("流程", "stream"), say("序号", "version"), say("变化", "what changed"), say("学生", "pupils"))
    for row in data["streams"]:
        place = row["stream"].removeprefix(data["campaign"]).lstrip("/") or data["campaign"]
        version = " → ".join(str(number) for number in row["version"])
        streams.add_row(place, version, _changes(row), str(len(row["pupils"]) or "—"))
    parts: list[RenderableType] = [head, events, streams]
    if data["settlement"] is not None:
        parts += _figures(data["settlement"])
    return Group(*parts)


def _changes(row: Mapping[str, Any]) -> str:
    if row["not_computable"]:
        return say("无法推算", "cannot be computed")
    lines = [f"{one['path']}: {_value(one['was'])} → {_value(one['is'])}" for one in row["changes"]]
    more = len(lines) - LINES
    return "\n".join([*lines[:LINES], *([f"+ {more}"] if more > 0 else [])]) or "—"


def _what_if_text(data: Mapping[str, Any], found: WhatIf) -> RenderableType:
    names = " → ".join(f"{side['profile']} v{side['version']}" for side in (data["held"], data["other"]))
    parts: list[RenderableType] = [Text(f"{data['campaign']}  {names}")]
    if data["parameters"]:
        parameters = Table(say("参数", "parameter"), say("现行", "held"), say("假设", "supposed"))
        for row in data["parameters"]:
            parameters.add_row(row["name"], _value(row["was"]), _value(row["will_be"]))
        parts.append(parameters)
    if data["not_looked_at"]:
        left = ", ".join(data["not_looked_at"])
        parts.append(Text(say(f"下列参数的变化未计入：{left}", f"the change of these is not looked at: {left}")))
    parts += _figures(data)
    stamps = dict.fromkeys(stamp for stamp in found.stamps if stamp is not None)
    parts.append(Text(say("；", "; ").join(stamps)))
    return Group(*parts)


def _figures(changes: Mapping[str, Any]) -> list[RenderableType]:
    """Return the differences of a settlement by school, its classes below."""
    if not changes["county"] and not changes["schools"]:
        return [Text(say("结算数字没有差别。", "The settlement's figures are the same."))]
    table = Table(say("范围", "where"), say("项目", "figure"), say("原为", "was"), say("变为", "is"))
    _add(table, say("全县", "county"), changes["county"])
    for school in changes["schools"]:
        _add(table, school["school"], school["changes"])
        for row in school["classes"]:
            _add(table, f"{school['school']} {row['class']}", row["changes"])
        if school["suppressed"]:
            hidden = ", ".join(school["suppressed"])
            table.add_row(f"{school['school']} {hidden}", say("人数过少，不予显示", "too few to be shown"), "", "")
    return [table]


def _add(table: Table, where: str, changes: Sequence[Mapping[str, Any]]) -> None:
    for row in changes:
        table.add_row(where, say(*FIGURES[row["figure"]]), _value(row["was"]), _value(row["is"]))


def _value(value: Any) -> str:
    match value:
        case None:
            return "—"
        case bool():
            return say("是", "yes") if value else say("否", "no")
        case str():
            return word(value, LANG)
    return json.dumps(value, ensure_ascii=False)
