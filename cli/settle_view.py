"""A trial settlement as a person reads it: the stamp above and below, and each share as its exact fraction."""

from __future__ import annotations

from typing import Any, Final, Literal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.options import say
from domain.rates import completion
from domain.settlement import STAMP_NOT_PAYABLE, STAMP_TRIAL, Finding

NOTES: Final[dict[Finding, tuple[str, str]]] = {
    Finding.NO_TASK: (
        "没有指标：不计奖励、积分，不提一票否决。",
        "There is no quota: no reward, no points, no veto.",
    ),
    Finding.VETO_PROPOSED: (
        "低于一票否决线：仅为建议，须听取学校意见后由人决定。",
        "Below the veto line: a proposal only; people hear the school and decide.",
    ),
    Finding.NO_FAULT: (
        "低于一票否决线，但服务已全部到位，缺额均为家庭自主选择：不提一票否决。",
        "Below the veto line, but the service was complete and families chose freely: no veto is proposed.",
    ),
    Finding.SERVICE_COVERED: (
        "低于一票否决线，但服务覆盖率已达到规定：不提一票否决。",
        "Below the veto line, but the service reached the share of pupils that it had to: no veto is proposed.",
    ),
    Finding.COVERAGE_UNKNOWN: (
        "低于一票否决线，但服务覆盖率未知：不提一票否决。请补充 pupils、informed、guided。",
        "Below the veto line, but the service coverage is unknown: no veto. Supply `pupils`, `informed`, `guided`.",
    ),
    Finding.LOSSES_UNKNOWN: (
        "没有考勤报告，流失人数未知：不奖励，不提一票否决。",
        "No report on attendance was filed, so losses are unknown: no award, no veto.",
    ),
    Finding.INTEGRITY: (
        "有偿招生已查实：该班不计奖励和积分，其他班级不受影响。",
        "Paid recruiting is confirmed: no payout and no points for the class; others are not affected.",
    ),
}
"""Finding → what it says (zh, en)."""

_STAMPS: Final = {STAMP_TRIAL: "trial computation", STAMP_NOT_PAYABLE: "trial computation, not to be paid"}


def readable(data: dict[str, Any]) -> RenderableType:
    """Return one profile's result."""
    stamp = say(data["stamp"], f"{data['stamp']} ({_STAMPS[data['stamp']]})")
    county = data["county"]
    lines = [
        say(
            f"全县：指标 {county['quota']}，完成 {county['countable']}，完成率 {_share(county)}",
            f"county: quota {county['quota']}, countable {county['countable']}, completion {_share(county)}",
        ),
        say(
            f"奖励试算 {county['reward_yuan']} 元，可发放 {county['payable_yuan']} 元",
            f"reward on trial {county['reward_yuan']} yuan, payable {county['payable_yuan']} yuan",
        ),
        *(_note(note) for note in data["notes"]),
        *(line for cliff in data["cliffs"] if (line := _cliff(cliff)) is not None),
        *(_not_shared(row) for row in data.get("not_shared", [])),
        *(_dropout(row) for row in data.get("dropout", [])),
        *(_average(row) for row in data.get("averages", [])),
        say(
            f"{stamp}；口径 {data['profile']}，参数哈希 {data['parameter_hash']}",
            f"{stamp}; profile {data['profile']}, parameter hash {data['parameter_hash']}",
        ),
    ]
    return Group(Text(stamp), _class_table(data["classes"]), _school_table(data["schools"]), Text("\n".join(lines)))


def side_by_side(profiles: dict[str, dict[str, Any]]) -> RenderableType:
    """Return both profiles' results in one table: the same counts, two rules."""
    table = _table(
        "class", *(f"{name} {title}" for name in profiles for title in (say("元", "yuan"), say("分", "pts")))
    )
    for rows in zip(*(data["classes"] for data in profiles.values()), strict=True):
        money = [str(value) for row in rows for value in (row["reward_yuan"], row["points"])]
        table.add_row(rows[0]["school"], rows[0]["class"], *_figures(rows[0]), *money)
    lines = [
        f"{name}: {data['county']['reward_yuan']} {say('元', 'yuan')}, "
        + say(f"可发放 {data['county']['payable_yuan']} 元", f"payable {data['county']['payable_yuan']} yuan")
        + f", {say('一票否决建议', 'vetoes proposed')} {sum(row['veto_proposed'] for row in data['schools'])}; "
        f"{data['stamp']}; {say('参数哈希', 'parameter hash')} {data['parameter_hash']}"
        for name, data in profiles.items()
    ]
    return Group(table, Text("\n".join(lines)))


def service(data: dict[str, Any]) -> RenderableType:
    """Return what a school sees: how far its own service has come."""
    own = data["service"]
    unknown = say("未知", "unknown")
    covered = own["coverage"] or unknown
    refused = unknown if own["free_refusals"] is None else own["free_refusals"]
    return Text(
        say(
            f"{own['school']}：服务覆盖 {covered}，自主拒绝 {refused}。",
            f"{own['school']}: service coverage {covered}, free refusals {refused}.",
        )
    )


def _class_table(classes: list[dict[str, Any]]) -> Table:
    table = _table("class", say("奖励（元）", "reward (yuan)"), say("积分", "points"))
    for row in classes:
        table.add_row(row["school"], row["class"], *_figures(row), str(row["reward_yuan"]), str(row["points"]))
    return table


def _school_table(schools: list[dict[str, Any]]) -> Table:
    table = _table("school", say("一票否决", "veto"))
    for row in schools:
        table.add_row(row["school"], *_figures(row), say("建议", "proposed") if row["veto_proposed"] else "")
    return table


def _table(of: Literal["class", "school"], *last: str) -> Table:
    table = Table(say("学校", "school"))
    if of == "class":
        table.add_column(say("班级", "class"))
    for title in (say("指标", "quota"), say("完成", "countable"), say("完成率", "completion"), *last):
        table.add_column(title, justify="right")
    return table


def _figures(row: dict[str, Any]) -> tuple[str, str, str]:
    return str(row["quota"]), str(row["countable"]), _share(row)


def _share(row: dict[str, Any]) -> str:
    rate = completion(row["countable"], row["quota"])
    return say("无指标", "no quota") if rate is None else f"{rate.text} ({rate.percent})"


def _note(note: dict[str, Any]) -> str:
    where = note["school"] if note["class"] is None else f"{note['school']} {note['class']}"
    facts = []
    if note["service_coverage"] is not None:
        facts.append(say(f"服务覆盖 {note['service_coverage']}", f"service coverage {note['service_coverage']}"))
    if note["free_refusals"] is not None:
        facts.append(say(f"自主拒绝 {note['free_refusals']}", f"free refusals {note['free_refusals']}"))
    known = say("（" + "，".join(facts) + "）", f" ({', '.join(facts)})") if facts else ""
    return f"  - {where}: {note['message']}{known}{say('', ' ')}[{note['code']}]"


def _cliff(cliff: dict[str, Any]) -> str | None:
    ahead = cliff["next_line"]
    if ahead is None:
        return None
    where, missing, yuan = f"{cliff['school']} {cliff['class']}", ahead["missing"], cliff["marginal_yuan"]
    return say(
        f"  - {where}: 距下一档（{ahead['line']}，{ahead['heads']} 人）差 {missing} 人，再多 1 人变动 {yuan} 元",
        f"  - {where}: {missing} short of the next tier ({ahead['line']}, {ahead['heads']} heads); "
        f"one more is {yuan} yuan",
    )


def _not_shared(row: dict[str, Any]) -> str:
    school, target, classes = row["school"], row["target"], row["classes"]
    return say(
        f"  - {school}: 截止日前未按文件分配到班：学校指标 {target}，各班合计 {classes}；按截止日前最后一次分配计算",
        f"  - {school}: the target {target} was not shared out by the cut-off, and the classes sum to {classes}; "
        "they count as they were last shared",
    )


def _dropout(row: dict[str, Any]) -> str:
    where = f"{row['school']} {row['class'] or say('六年级', 'grade 6')}"
    found = [
        *([say("可奖励", "award")] if row["award"] else []),
        *([say("建议一票否决", "veto proposed")] if row["veto_proposed"] else []),
        *([say("学校已尽责", "the school did all that it owes")] if row["finding"] == Finding.NO_FAULT else []),
    ]
    unknown = row["finding"] == Finding.LOSSES_UNKNOWN
    rate = say(*NOTES[Finding.LOSSES_UNKNOWN]) if unknown else row["rate"] or say("无学生", "no pupils")
    return f"  - {where}: {say('辍学', 'dropout')} {rate}  {', '.join(found)}".rstrip()


def _average(row: dict[str, Any]) -> str:
    shown = ", ".join(f"{name} {value}" for name, value in row["shown"].items())
    return f"  - {row['school']} {row['class']}: {say('平均', 'average')} {shown}"
