"""Warnings: what is allowed and should be known all the same, as a code with its sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

from cli.language import LANG
from cli.stage_view import word

DECEMBER: Final = 12

_SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "CALENDAR_NOT_YET_PUBLISHED": (
        "{year} 年的工作日安排尚未公布，涉及该年的工作日期限暂不计算，待后续版本补录。",
        (
            "The working days of {year} are not published yet, so dates that count them are not computed. "
            "A later release takes them in; until then those dates stay uncomputed."
        ),
    ),
    "WINDOW_PASSED": (
        "阶段“{name}”的截止日期 {due} 已过，启动后即为逾期；如非有意，请改 campaign.toml 中的日期。",
        (
            "The due date {due} of the stage “{name}” has passed, so it is overdue as soon as it opens; "
            "change the dates in campaign.toml unless you mean this."
        ),
    ),
    "COOLING_CUT_FOR_ALL": (
        (
            "志愿填报阶段 {opens} 才开始，志愿系统 {last} 即锁定，所有家庭的冷静期都会缩短，县教育局须逐户回访；"
            "请尽量让该阶段提前开始。"
        ),
        (
            "The filing opens on {opens} and the official system locks at the end of {last}: every family's "
            "cooling-off will be cut short and the bureau must call each of them; open the filing earlier if you can."
        ),
    ),
    "POLICY_UNCONFIRMED": (
        "政策口径“{profile}”没有文号，尚待县教育局确认。",
        "The policy profile “{profile}” has no document number; the bureau has to confirm it.",
    ),
    "PHONE_SHARED": (
        (
            "学校 {school} 有 {count} 个电话各由三名以上学生的监护人共用，请核对是否为监护人本人的号码；"
            "用这些号码的签署将由县教育局回访核实。"
        ),
        (
            "In school {school}, {count} telephones are each shared by the guardians of more than three pupils: check "
            "that they are the guardians' own. The bureau calls back whoever signs with one of them."
        ),
    ),
    "ROSTER_WARNINGS": (
        "学校 {school} 的名册有 {count} 处提示，可用 roster check 查看。",
        "The roster of school {school} has {count} warnings: see them with `roster check`.",
    ),
}


def cautions(found: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return warnings with their sentences."""
    index = 1 if LANG == "en" else 0
    return [
        {**caution, "message": _SENTENCES.get(caution["code"], (caution["code"],) * 2)[index].format_map(caution)}
        for caution in found
    ]


def window_cautions(stages: Mapping[str, Mapping[str, Any]], today: date) -> list[dict[str, Any]]:
    """Return the stages whose due date lies before today."""
    return cautions(
        {"code": "WINDOW_PASSED", "stage": slug, "name": word(slug, LANG), "due": window["due"]}
        for slug, window in stages.items()
        if date.fromisoformat(window["due"]) < today
    )


def calendar_cautions(not_yet_computable: Iterable[int], today: date) -> list[dict[str, Any]]:
    """Return the years that should be published by now: 2027 from 1 December 2026 on."""
    due = [year for year in not_yet_computable if today >= date(year - 1, DECEMBER, 1)]
    return cautions({"code": "CALENDAR_NOT_YET_PUBLISHED", "year": year} for year in due)
