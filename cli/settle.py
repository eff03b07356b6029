"""`settle`: the trial computation of rewards, points and the proposed veto, from a file or from the record."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.failures import usage
from cli.options import CampaignName, Face, say
from domain.policy import DEFAULT_PROFILE, PolicyProfile, profile
from domain.rates import completion
from domain.settlement import STAMP_NOT_PAYABLE, STAMP_TRIAL, ClassCount, Finding, settle
from registry.settlement_file import read_settlement

_FACE = Face()

_NOTES: Final[dict[Finding, tuple[str, str]]] = {
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
}
"""Finding → what it says (zh, en)."""

_STAMPS: Final = {STAMP_TRIAL: "trial computation", STAMP_NOT_PAYABLE: "trial computation, not to be paid"}


async def settle_command(
    campaign: CampaignName | None = None,
    *,
    from_: Annotated[
        Path | None,
        Parameter(
            name="--from", help=say("班级指标与完成数的文件（JSON、CSV、XLSX）", "counts by class (JSON, CSV, XLSX)")
        ),
    ] = None,
    profile_id: Annotated[
        Literal["legacy", "compliant"],
        Parameter(name="--profile", help=say("口径：历史或合规", "the historical or today's rules")),
    ] = DEFAULT_PROFILE,
    by: Annotated[
        str | None, Parameter(help=say("查询人的 staff_ref（本版不核对）", "who asks; this release does not check it"))
    ] = None,
    face: Face = _FACE,
) -> int:
    """Compute a trial settlement; it pays nothing and imposes nothing."""
    del by
    if (campaign is None) == (from_ is None):
        raise usage(
            "SETTLE_SOURCE_INVALID",
            say("请指定活动或 --from 文件，二者择一。", "Name a campaign or a file with --from, one of the two."),
            place="--from",
        )
    policy = profile(profile_id)
    if from_ is not None:
        face.settings()
        given = read_settlement(from_, policy.parameters)
        policy = policy.model_copy(update={"parameters": given.parameters})
        return _show(face, list(given.classes), policy)
    assert campaign is not None
    return _show(face, await _recorded(face, campaign), policy)


async def _recorded(face: Face, campaign: str) -> list[ClassCount]:
    """Return the counts that the ledger holds of a campaign; needs no engine.

    Raises:
        Failure: CAMPAIGN_UNKNOWN (4).
    """
    from audit.counts import class_counts  # noqa: PLC0415
    from cli.rooms import Rooms  # noqa: PLC0415 - the libraries of ledger and engine: `--from` does without

    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        counts: list[ClassCount] = await class_counts(await rooms.ledger(), campaign)
        return counts


def _show(face: Face, classes: list[ClassCount], policy: PolicyProfile) -> int:
    data = settle(classes, policy).as_data()
    data["notes"] = [{**note, "message": say(*_NOTES[Finding(note["code"])])} for note in data["notes"]]
    face.show(data, lambda: _readable(data))
    return 0


# -- for a person ------------------------------------------------------------------------------------------------


def _readable(data: dict[str, Any]) -> RenderableType:
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
        say(
            f"{stamp}；口径 {data['profile']}，参数哈希 {data['parameter_hash']}",
            f"{stamp}; profile {data['profile']}, parameter hash {data['parameter_hash']}",
        ),
    ]
    return Group(Text(stamp), _class_table(data["classes"]), _school_table(data["schools"]), Text("\n".join(lines)))


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
    return f"  - {where}: {note['message']}{known}[{note['code']}]"
