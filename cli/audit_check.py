"""`audit check|explain`: are the rules kept, and why does the record say what it says (FEATURES A17, A18)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from audit.explain import NothingToExplainError, explain_settlement, explain_student
from audit.invariants import INVARIANTS, NOT_CHECKABLE, Log, check_campaign
from audit.invariants.check import read_streams
from audit.invariants.other_law import as_data, under_other_law
from cli.bundle_given import bundle_given, keys_given
from cli.event_labels import event_label, is_event
from cli.explain_labels import label
from cli.failures import NOT_FOUND, NOT_VERIFIED, Failure, not_found, usage
from cli.language import LANG, say
from cli.options import CampaignName, Face
from cli.policy import parameters_file
from cli.rooms import Rooms
from cli.settle_people import require_seer, seen_by
from cli.stage_view import word
from domain.campaign_events import SCHOOL_CODE
from domain.policy import PROFILES, load_parameters
from domain.policy_parameters import TABLE_NAMES, PolicyParameters
from domain.stream import CLASS, STUDENT
from ledger.store import Ledger

_FACE = Face()


async def checked(
    campaign: CampaignName,
    *,
    only: Annotated[
        tuple[str, ...],
        Parameter(
            help=say("只查这些不变量，如 INV-05", "these invariants only, as INV-05"),
            negative="",
            consume_multiple=True,
        ),
    ] = (),
    law_of: Annotated[
        date | None,
        Parameter(name="--as-of-law", help=say("假设按这一天有效的规定", "suppose the rules in force on this day")),
    ] = None,
    profile: Annotated[
        Literal["legacy", "compliant"] | None, Parameter(help=say("假设按另一套口径", "suppose a shipped profile"))
    ] = None,
    parameters: Annotated[
        Path | None,
        Parameter(help=say("假设按文件中的参数（TOML、JSON）", "suppose the parameters of a file, TOML or JSON")),
    ] = None,
    face: Face = _FACE,
) -> int:
    """Ask the record whether a rule was broken; any campaign, of any release."""
    _require_known(only)
    supposed = _supposed(profile, parameters)
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        if law_of is not None or supposed is not None:
            log = Log(campaign, await read_streams(await rooms.ledger(), campaign))
            return _suppose(log, only, law_of, supposed, face)
        report = await check_campaign(await rooms.ledger(), campaign, only)
    data = report.as_data(LANG)
    face.show(data, lambda: _check_text(data))
    return 0 if report.ok else NOT_VERIFIED


async def explained(
    campaign: CampaignName,
    class_id: Annotated[str | None, Parameter(help=say("班级，如 2026-01", "a class, as 2026-01"))] = None,
    *,
    student: Annotated[str | None, Parameter(help=say("学生编号 stu_…", "a pupil's reference stu_…"))] = None,
    settlement: Annotated[
        str | None, Parameter(help=say("学校标识码：说明该校的计数", "a school's code: explain its counts"))
    ] = None,
    by: Annotated[
        str | None, Parameter(help=say("查询人的 staff_ref，与 --settlement 同用", "who asks, with --settlement"))
    ] = None,
    bundle: Annotated[
        Path | None,
        Parameter(help=say("从审计包说明，而不是从台账", "explain from an auditor's bundle instead of the ledger")),
    ] = None,
    key: Annotated[
        str | None, Parameter(help=say("审计包的公钥或其文件", "the bundle's public key, or a file with it"))
    ] = None,
    face: Face = _FACE,
) -> int:
    """Explain what the record says of a pupil, or a figure of a settlement: rule, inputs, events, how to contest."""
    if (student is None) == (settlement is None) or (student is not None and class_id is not None):
        raise usage(
            "EXPLAIN_WHAT",
            say("请指明要说明的内容。", "It is not said what to explain."),
            place="--student | --settlement",
            remedy=say(
                "请写 --student 学生编号，或 --settlement 学校标识码（可加班级）。",
                "Give --student REF, or --settlement SCHOOL and perhaps a class.",
            ),
        )
    if (bundle is None and key is not None) or (bundle is not None and by is not None):
        raise usage(
            "EXPLAIN_WHAT",
            say("--key 与 --bundle 同用；审计包中没有人员名册。", "--key goes with --bundle; a bundle knows nobody."),
            place="--key" if bundle is None else "--by",
        )
    if settlement is not None and by is None and bundle is None:
        raise usage(
            "SETTLE_BY_MISSING",
            say("没有写明查询人。", "It is not said who asks."),
            place="--by",
            remedy=say("请写 --by 查询人的 staff_ref。", "Give --by STAFF_REF."),
        )
    _require_form(student, STUDENT, "--student")
    _require_form(settlement, SCHOOL_CODE, "--settlement")
    _require_form(class_id, CLASS, "CLASS")
    data: dict[str, Any]
    if bundle is not None:
        opened = bundle_given(str(bundle), keys_given([] if key is None else [key])[0])
        if opened.verdict.campaign != campaign:
            raise not_found(campaign)
        data = await _explained(opened.ledger, campaign, student, settlement, class_id)
        data["bundle"] = opened.as_data()
    else:
        async with Rooms(face.settings()) as rooms:
            await rooms.board(campaign)
            if by is not None and settlement is not None:
                await require_seer(rooms, campaign, by, "settle")
            elif by is not None:
                await seen_by(rooms, campaign, by)
            data = await _explained(await rooms.ledger(), campaign, student, settlement, class_id)
    face.show(data, lambda: Text("\n".join(_told(data))))
    return 0


def _suppose(
    log: Log, only: tuple[str, ...], law_of: date | None, supposed: Mapping[str, Any] | None, face: Face
) -> int:
    """Tell which acts other rules would call a breach, and which no more: a question, and no finding (exit 0)."""
    found = under_other_law(log, only, law_of=law_of, parameters=supposed)
    data: dict[str, Any] = {
        "campaign": log.campaign,
        "events": log.size,
        "law_of": None if law_of is None else law_of.isoformat(),
        "parameters": sorted(supposed or {}),
        "otherwise": as_data(found, LANG),
    }
    face.show(data, lambda: _supposed_text(data))
    return 0


# -- inside ---------------------------------------------------------------------------------------------------------


def _supposed(profile: str | None, file: Path | None) -> dict[str, Any] | None:
    """Return the parameters to suppose, as JSON values; None where nothing but a day is.

    Raises:
        InputRejected: POLICY_FILE_MISSING, POLICY_FILE_INVALID.
        Refusal: POLICY_PARAMETER_UNKNOWN, POLICY_PARAMETER_INVALID.
        Failure: WHAT_IF_RULES_INVALID (2), both are given.
    """
    if profile is not None and file is not None:
        raise usage(
            "WHAT_IF_RULES_INVALID",
            say("--profile 与 --parameters 只能写一个。", "Give --profile or --parameters, not both."),
            place="--profile | --parameters",
        )
    if profile is not None:
        return _values(PROFILES[profile].parameters, PolicyParameters.model_fields)
    if file is None:
        return None
    content = parameters_file(file)
    named = content.get("parameters", content)
    return _values(load_parameters(named), [TABLE_NAMES.get(name, name) for name in named])


def _values(parameters: PolicyParameters, names: Iterable[str]) -> dict[str, Any]:
    """Return parameters as events hold them; a dump leaves out those of later releases that stand at their default."""
    dumped = parameters.model_dump(mode="json")
    return {name: dumped.get(name, getattr(parameters, name)) for name in names}


async def _explained(
    ledger: Ledger, campaign: str, student: str | None, settlement: str | None, class_id: str | None
) -> dict[str, Any]:
    """Explain from a ledger or a bundle alike.

    Raises:
        Failure: NOTHING_TO_EXPLAIN (4).
    """
    try:
        if student is not None:
            return await explain_student(ledger, campaign, student, LANG)
        return await explain_settlement(ledger, campaign, settlement or "", class_id, LANG)
    except NothingToExplainError:
        raise Failure(
            NOT_FOUND,
            "NOTHING_TO_EXPLAIN",
            say("记录中没有相应的事件。", "The record holds no event of it."),
            place="--student" if student is not None else "--settlement",
            remedy=say("请核对编号、学校和班级。", "Check the reference, the school and the class."),
        ) from None


def _require_known(only: tuple[str, ...]) -> None:
    """Refuse what is no invariant, and what events cannot show.

    Raises:
        Failure: INVARIANT_UNKNOWN (2).
    """
    for id_ in only:
        if id_ not in INVARIANTS:
            beside = NOT_CHECKABLE.get(id_)
            why = say("没有这一不变量。", "There is no such invariant.")
            raise usage(
                "INVARIANT_UNKNOWN",
                why if beside is None else say(*beside.reason),
                place="--only",
                remedy=say("请写 INV-01 至 INV-34 之一。", "Give one of INV-01 to INV-34."),
            )


def _require_form(given: str | None, pattern: str, place: str) -> None:
    """Refuse what has not the form of a reference, without repeating it: it may be a name.

    Raises:
        Failure: REFERENCE_INVALID (2).
    """
    if given is not None and not re.fullmatch(pattern, given):
        raise usage(
            "REFERENCE_INVALID",
            say("编号的写法不对。", "The reference is malformed."),
            place=place,
            remedy=say("请填写编号，不要填写姓名。", "Give the reference, never a name."),
        )


def _check_text(data: Mapping[str, Any]) -> RenderableType:
    table = Table("", say("不变量", "invariant"), say("不符", "breaches"), say("依据", "source"))
    for one in data["checked"]:
        style = "bold red" if one["breaches"] else None
        table.add_row(one["id"], one["title"], str(one["breaches"] or "—"), one["source"], style=style)
    lines = [
        f"{one['event']} {event_label(one['type'])}: {one['invariant']} {one['message']} {one['remedy']}"
        for one in data["breaches"]
    ]
    beside = [f"{one['id']} {one['title']}: {one['reason']}" for one in data["not_checkable"]]
    head = say(
        f"{data['campaign']}：事件 {data['events']} 条，{'全部相符' if data['ok'] else '有不符之处'}",
        f"{data['campaign']}: {data['events']} events, {'all rules kept' if data['ok'] else 'rules are broken'}",
    )
    others = say("事件无法显示的不变量：", "Invariants that events cannot show:")
    return Group(
        Text(head), *(Text(line, style="bold red") for line in lines), table, Text("\n".join([others, *beside]))
    )


def _supposed_text(data: Mapping[str, Any]) -> RenderableType:
    table = Table("", say("不变量", "invariant"), say("将不符", "would break it"), say("不再不符", "would no more"))
    lines = []
    for one in data["otherwise"]:
        table.add_row(one["id"], one["title"], *(str(one["counts"][name] or "—") for name in ("newly", "no_longer")))
        lines += [f"{row['event']} {event_label(row['type'])}: {one['id']} {row['message']}" for row in one["newly"]]
    if not data["otherwise"]:
        return Text(say("没有差别。", "It makes no difference."))
    note = say(
        "这是假设：当年的行为仍按当年的规定判断。",
        "This is supposed: what people did is judged by the rules of their day.",
    )
    return Group(table, *(Text(line) for line in lines), Text(note))


def _told(data: Mapping[str, Any], depth: int = 0) -> list[str]:
    """Return data as indented lines: a name and its value, or a name and what belongs to it below."""
    indent, colon = "  " * depth, say("：", ":")
    lines: list[str] = []
    for name, value in data.items():
        items = value if isinstance(value, list) else [value]
        if not items or not isinstance(items[0], dict) or not items[0]:
            lines.append(f"{indent}{label(name)}{colon}{say('', ' ')}{_flat(value)}")
            continue
        lines.append(f"{indent}{label(name)}{colon}")
        for item in items:
            if isinstance(value, list) and not any(isinstance(part, list) for part in item.values()):
                lines.append(f"{indent}  - {_flat(item)}")
            else:
                lines += _told(item, depth + 1)
    return lines


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        if {"event", "type", "at", "by"} <= value.keys():
            kind, role = event_label(value["type"]), word(value["by"]["role"], LANG)
            return f"{value['event']} {kind} {value['at'][:16]} {role} {value['by']['id']}"
        return say("，", ", ").join(f"{label(name)} {_flat(item)}" for name, item in value.items())
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return say("、", ", ").join(word(item, LANG) for item in value) or "—"
    match value:
        case bool():
            return say("是", "yes") if value else say("否", "no")
        case None:
            return "—"
        case str():
            return event_label(value) if is_event(value) else word(value, LANG)
    return json.dumps(value, ensure_ascii=False)
