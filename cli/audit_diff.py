"""`audit diff`: what has changed between two moments; with two bundles in their place see `cli.audit_bundles`."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from audit.as_of import moment
from audit.diff import KINDS, Money, diff
from cli.event_labels import event_label, stream_label
from cli.failures import Failure, usage
from cli.options import LANG, Face, say
from cli.references import require_reference, student_unknown
from cli.rooms import Rooms
from cli.settle_people import require_seer
from cli.stage_view import word
from domain.disclosure import sees_small_cells
from domain.sentences import blocker_phrase
from domain.time import stamp

_FACE = Face()

MOMENT: Final = ("时刻（RFC 3339）或日期（当日 24:00）", "RFC 3339, or a date: its end, 24:00")
LINES: Final = 40
"""So many lines of one stream's changes are shown to a person; `--json` has all."""

CHANGED: Final = {"gained": ("新增", "gained"), "lost": ("缺失", "lost"), "altered": ("改动", "altered")}
"""What became of an event."""

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

FINDINGS: Final[dict[str, tuple[str, str]]] = {
    "NO_TASK": ("无指标", "no quota"),
    "VETO_PROPOSED": ("建议一票否决", "veto proposed"),
    "NO_FAULT": ("无过错", "no fault"),
    "SERVICE_COVERED": ("服务已到位", "service reached the pupils"),
    "COVERAGE_UNKNOWN": ("服务情况不明", "service unknown"),
    "LOSSES_UNKNOWN": ("流失不明", "losses unknown"),
    "INTEGRITY": ("有偿招生属实", "paid recruiting confirmed"),
}
"""What a finding of a settlement is called (`domain.settlement.Finding`)."""


async def differing(
    campaign: Annotated[
        str,
        Parameter(help=say("活动：campaign/县/届；或较早的审计包", "campaign/{county}/{year}; or the earlier bundle")),
    ],
    time1: Annotated[str, Parameter(help=say(f"{MOMENT[0]}；或较晚的审计包", f"{MOMENT[1]}; or the later bundle"))],
    time2: Annotated[str | None, Parameter(help=say(*MOMENT))] = None,
    *,
    school: Annotated[str | None, Parameter(help=say("只看一所学校", "one school only"))] = None,
    student: Annotated[
        str | None, Parameter(help=say("只看一名学生（编号 stu_…）", "one pupil only, by reference stu_…"))
    ] = None,
    by: Annotated[
        str | None,
        Parameter(help=say("查询人的 staff_ref：另列结算数字", "who asks: tells the settlement's figures too")),
    ] = None,
    key: Annotated[
        tuple[str, ...],
        Parameter(
            help=say(
                "审计包的公钥或其文件；换过密钥时写两次", "the bundles' public key, or a file with it; twice for two"
            ),
            negative="",
        ),
    ] = (),
    face: Face = _FACE,
) -> int:
    """Tell what was recorded between two moments, or from one bundle to another, and what it changed."""
    require_reference(student)
    if time2 is None:
        if by is not None:
            raise _not_with(
                "--by", "审计包的结算数字总是列出。", "Of bundles the settlement's figures are always told."
            )
        from cli.audit_bundles import bundles_differing  # noqa: PLC0415 - the verifier: the ledger's way need not pay

        return await bundles_differing(campaign, time1, key, school=school, student=student, face=face)
    if key:
        raise _not_with("--key", "公钥用于比较两个审计包。", "A key is for two bundles.")
    times = (moment_given("TIME1", time1), moment_given("TIME2", time2))
    if times[1] < times[0]:
        raise usage(
            "TIMES_REVERSED",
            say("第二个时刻早于第一个。", "The second moment lies before the first."),
            place="TIME2",
            remedy=say("请把较早的时刻写在前面。", "Give the earlier one first."),
        )
    if by is not None and (school is not None or student is not None):
        option = "--school" if school is not None else "--student"
        raise _not_with(
            option, "结算数字是全县的，不能只看一部分。", "The settlement's figures are those of the whole county."
        )
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign, school)
        ledger = await rooms.ledger()
        if student is not None and not await ledger.mentions(campaign, student):
            raise student_unknown()
        money = None if by is None else Money(outside=not await watches(rooms, campaign, by))
        found = await diff(ledger, campaign, times, school=school, student=student, money=money)
    data = {
        "campaign": campaign,
        "from": stamp(times[0]),
        "to": stamp(times[1]),
        "school": school,
        "student": student,
        "digest": hashlib.sha256(found.bytes).hexdigest(),
        **json.loads(found.bytes),
    }
    face.show(data, lambda: _diff_text(data))
    return 0


# -- inside -------------------------------------------------------------------------------------------------------


async def watches(rooms: Rooms, campaign: str, by: str, command: str = "settle") -> bool:
    """Refuse whoever may not see figures of classes today; tells whether the person sees those of small ones (R-22).

    Raises:
        Refusal: ROLE_NOT_ALLOWED.
        Failure: STAFF_UNKNOWN (4).
    """
    return sees_small_cells((await require_seer(rooms, campaign, by, command)).role)


def _not_with(option: str, zh: str, en: str) -> Failure:
    return usage("DIFF_WHAT", say(zh, en), place=option, remedy=say(f"请去掉 {option}。", f"Leave out {option}."))


def moment_given(place: str, text: str) -> datetime:
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
    if not data["streams"] and not data["events"]:
        return Group(head, Text(say("两个时刻之间没有变化。", "Nothing was recorded between the two moments.")))
    return Group(head, *changes_shown(data))


def changes_shown(data: Mapping[str, Any]) -> list[RenderableType]:
    """Return events by school and type, the streams or the pupil's parts that differ, and the figures."""
    counted: dict[tuple[str, str], Counter[str]] = {}
    for row in data["events"]:
        counted.setdefault((row["school"] or "—", row["type"]), Counter()).update({kind: row[kind] for kind in KINDS})
    events = Table(
        say("学校", "school"), say("事件", "event"), say("新增", "gained"), say("缺失", "lost"), say("改动", "altered")
    )
    for (school, type_), counter in sorted(counted.items()):
        events.add_row(school, event_label(type_), *(str(counter[kind] or "—") for kind in KINDS))
    parts: list[RenderableType] = [events, *_told(data)]
    streams = Table(say("流程", "stream"), say("序号", "version"), say("变化", "what changed"), say("学生", "pupils"))
    for row in data["streams"]:
        place = stream_label(row["stream"], data["campaign"])
        version = " → ".join(str(number) for number in row["version"])
        streams.add_row(place, version, _changes(row, alone="told" in data), str(len(row["pupils"]) or "—"))
    if data["streams"]:
        parts.append(streams)
    if data["settlement"] is not None:
        parts += figures_shown(data["settlement"])
    return parts


def _told(data: Mapping[str, Any]) -> list[RenderableType]:
    """Return the events of one pupil, one by one, where only one was asked for."""
    if "told" not in data:
        return []
    table = Table()
    table.add_column(say("事件", "event"), overflow="fold")  # whoever goes on to `audit prove` needs all of it
    for title in (say("类型", "type"), say("发生", "occurred"), say("记录", "recorded"), say("变化", "change")):
        table.add_column(title)
    for row in data["told"]:
        kind = say(*CHANGED[row["kind"]])
        table.add_row(row["event"], event_label(row["type"]), row["occurred_at"][:16], row["recorded_at"][:16], kind)
    return [table]


def _changes(row: Mapping[str, Any], *, alone: bool) -> str:
    """Return the changes of a line of the board, or of the one pupil who was asked for."""
    if row["not_computable"]:
        return say("无法推算", "cannot be computed")
    own = [change for pupil in row["pupils"] for change in pupil["changes"]] if alone else row["changes"]
    lines = [f"{one['path']}: {value_shown(one['was'])} → {value_shown(one['is'])}" for one in own]
    more = len(lines) - LINES
    return "\n".join([*lines[:LINES], *([f"+ {more}"] if more > 0 else [])]) or "—"


def figures_shown(changes: Mapping[str, Any]) -> list[RenderableType]:
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
        table.add_row(where, say(*FIGURES[row["figure"]]), value_shown(row["was"]), value_shown(row["is"]))


def value_shown(value: Any) -> str:
    """Return a JSON value as a person reads it."""
    match value:
        case None:
            return "—"
        case bool():
            return say("是", "yes") if value else say("否", "no")
        case str():
            return say(*FINDINGS[value]) if value in FINDINGS else word(value, LANG)
        case {"code": str(code), "count": int(count)}:
            return blocker_phrase(code, count, LANG)
        case dict() if value and not any(isinstance(part, (dict, list)) for part in value.values()):
            return say("，", ", ").join(f"{word(name, LANG)} {value_shown(part)}" for name, part in value.items())
        case list() if all(isinstance(part, dict) and part.keys() == {"code", "count"} for part in value):
            return say("；", "; ").join(map(value_shown, value)) or say("无", "none")
    return json.dumps(value, ensure_ascii=False)
