"""`audit what-if`: what other rules would make of the same record, as a difference by school."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from audit.what_if import WhatIf, changed_by, shipped, what_if
from audit.what_if_acts import OtherRules
from cli.audit_diff import figures_shown, moment_given, value_shown, watches
from cli.event_labels import stream_label
from cli.explain_labels import label
from cli.failures import usage
from cli.options import LANG, CampaignName, Face, say
from cli.policy import parameters_file
from cli.rooms import Rooms
from cli.rule import read_rule
from cli.stage_view import word
from cli.what_if_people import identified_by, identified_shown
from domain.policy import DEFAULT_PROFILE, PolicyProfile
from domain.refusal import Refusal
from domain.stream import UnknownEventError
from domain.time import stamp

_FACE = Face()

STAMPS: Final = {"试算": "trial computation", "试算·不得发放": "trial computation, nothing is paid"}
"""What the stamps of policies mean; the stamp itself is Chinese and always stands there (X1)."""

NAMED: Final = 5
"""So many answers of one question and school are shown to a person; `--json` has all."""

QUESTIONS: Final[dict[str, tuple[str, str]]] = {
    "registration": ("学籍注册是否按期", "registration in time"),
    "daily_report": ("日报是否按时", "daily report in time"),
    "written_report": ("书面报告是否按时", "written report in time"),
    "signature": ("签署是否过早", "signature not too early"),
    "cooling": ("冷静期何时结束", "end of the cooling-off"),
    "suspicion": ("何时列为疑似辍学", "day of the suspicion of dropout"),
    "notice": ("通知当时能否发出", "notice may go when it is planned"),
    "reminder": ("何时提醒", "reminder to staff"),
    "escalation": ("何时上报", "escalation"),
    "sample": ("是否列入回访名单", "on the list of call-backs"),
}
"""What is judged again."""

NOT_KNOWN: Final[dict[str, tuple[str, str]]] = {
    "identification": (
        "成绩只在人员库中：未用 --rule 时，识别结果不重新计算。",
        "Marks are in the registry only: without --rule nobody is identified again.",
    ),
    "households": (
        "住户每日限额、拒收和活动时间不在记录中：通知是否受其影响，不作判断。",
        "A household's daily limit, who wants no notices and when an occasion begins are in no event: not judged.",
    ),
    "consequences": (
        "判断改变之后会发生什么，不作推演；结算数字仍按记录中的事实计算。",
        "What would have followed from another answer is not played on; the figures count the facts as recorded.",
    ),
}
"""What cannot be computed from the record."""


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
    rule: Annotated[
        Path | None,
        Parameter(
            help=say("另一识别规则（TOML、JSON）：读取人员库", "another rule of identification, by the registry")
        ),
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
    """Judge the same record by other rules, and tell the difference by school; it pays nothing and writes nothing."""
    if (profile is None) == (parameters is None) and (profile is not None or rule is None):
        raise usage(
            "WHAT_IF_RULES_INVALID",
            say(
                "请指定 --profile 或 --parameters，二者择一；或指定 --rule。",
                "Name a profile, or a file of parameters: one of them; or a rule.",
            ),
            place="--profile | --parameters | --rule",
        )
    rules = _rules(profile, parameters)
    other_rule = None if rule is None else read_rule(rule)
    as_at = None if at is None else moment_given("--at", at)
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        sees_all = await watches(rooms, campaign, by, "what_if")
        try:
            found = await what_if(await rooms.ledger(), campaign, rules, as_at, public=public or not sees_all)
            identified = None
            if other_rule is not None:
                least = found.held.parameters.minimum_cell if public or not sees_all else None
                identified = await identified_by(rooms, campaign, other_rule, as_at, least)
        except UnknownEventError:
            raise Refusal("CAMPAIGN_NOT_APPROVED") from None
    data = {
        "campaign": campaign,
        "at": None if as_at is None else stamp(as_at),
        "public": public or not sees_all,
        "held": _policy(found.held, found.stamps[0]),
        "other": _policy(found.other, found.stamps[1]),
        "parameters": list(found.parameters),
        "not_looked_at": list(found.not_looked_at),
        "looked_at": found.looked_at,
        "not_computable": list(found.not_computable),
        "not_known": [name for name in NOT_KNOWN if name != "identification" or identified is None],
        "digest": hashlib.sha256(found.bytes).hexdigest(),
        **found.changes,
        "answers": found.answers,
        "identified": identified,
    }
    face.show(data, lambda: _what_if_text(data, found))
    return 0


# -- inside -------------------------------------------------------------------------------------------------------


def _rules(profile: str | None, parameters: Path | None) -> OtherRules:
    """Read what to compute by.

    Raises:
        InputRejected: POLICY_FILE_MISSING, POLICY_FILE_INVALID.
    """
    if parameters is None:
        return shipped(profile or DEFAULT_PROFILE)
    content = parameters_file(parameters)
    return changed_by(content.get("parameters", content))


def _policy(policy: PolicyProfile, stamp: str | None) -> dict[str, Any]:
    return {
        "profile": policy.id,
        "version": policy.version,
        "parameter_hash": policy.parameter_hash,
        "stamp": stamp,
    }


# -- for a person -------------------------------------------------------------------------------------------------


def _what_if_text(data: Mapping[str, Any], found: WhatIf) -> RenderableType:
    names = " → ".join(f"{word(side['profile'], LANG)} v{side['version']}" for side in (data["held"], data["other"]))
    parts: list[RenderableType] = [Text(f"{data['campaign']}  {names}")]
    if data["parameters"]:
        parameters = Table(say("参数", "parameter"), say("现行", "held"), say("假设", "supposed"))
        for row in data["parameters"]:
            parameters.add_row(_parameter(row["name"]), value_shown(row["was"]), value_shown(row["will_be"]))
        parts.append(parameters)
    if data["not_looked_at"]:
        left = ", ".join(map(_parameter, data["not_looked_at"]))
        parts.append(Text(say(f"下列参数的变化未计入：{left}", f"the change of these is not looked at: {left}")))
    parts += figures_shown(data)
    parts += _answers(data)
    if data["identified"] is not None:
        parts += identified_shown(data["identified"])
    parts.append(Text("\n".join(say(*NOT_KNOWN[name]) for name in data["not_known"])))
    stamps = dict.fromkeys(stamp for stamp in found.stamps if stamp is not None)
    parts.append(Text(say("；", "; ").join(say(stamp, f"{stamp} ({STAMPS.get(stamp, '—')})") for stamp in stamps)))
    return Group(*parts)


def _parameter(name: str) -> str:
    """Return a parameter as a person reads it, with the name that it has in a file of parameters."""
    told = label(name)
    return name if told == name else f"{told} {name}"


def _answers(data: Mapping[str, Any]) -> list[RenderableType]:
    """Return, by question, how many answers differ in each school; the JSON has each with its reference."""
    counted = ", ".join(f"{say(*QUESTIONS[name])} {count}" for name, count in data["looked_at"].items())
    parts: list[RenderableType] = [Text(say(f"重新判断：{counted}", f"Judged again: {counted}"))]
    if data["not_computable"]:
        names = ", ".join(stream_label(stream, data["campaign"]) for stream in data["not_computable"])
        parts.append(Text(say(f"无法推算：{names}", f"Cannot be computed: {names}"), style="bold red"))
    if not data["answers"]:
        return [*parts, Text(say("判断没有差别。", "Every answer is the same."))]
    table = Table(say("问题", "question"), say("依据", "rule"), say("学校", "school"), say("不同", "differ"), "")
    for answer in data["answers"]:
        for row in answer["schools"]:
            rows = row.get("changes", [])
            count = str(len(rows)) if "changes" in row else _counted(row["changed"])
            lines = [f"{_about(one)}: {value_shown(one['was'])} → {value_shown(one['is'])}" for one in rows[:NAMED]]
            more = [f"+ {len(rows) - NAMED}"] if len(rows) > NAMED else []
            table.add_row(
                say(*QUESTIONS[answer["question"]]),
                answer["rule"],
                row["school"] or "—",
                count,
                "\n".join([*lines, *more]),
            )
    return [*parts, table]


def _counted(changed: int | None) -> str:
    """Return how many answers of a school differ, where that may be shown (R-22)."""
    return say("人数过少，不予显示", "too few to be shown") if changed is None else str(changed)


def _about(row: Mapping[str, Any]) -> str:
    """Return the pupil of an answer, or the last part of the id of what else it is about."""
    return str(row["student"] or row["about"].rpartition("/")[2])
