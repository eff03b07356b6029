"""Warnings: what is allowed and should be known all the same, as a code with its sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from cli.language import LANG
from cli.stage_view import word
from domain.cooling import Window, first_cooling
from domain.policy_parameters import PolicyParameters

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
    "NOBODY_CAN_SIGN": (
        (
            "志愿填报阶段 {opens} 才开始，志愿系统 {last} 即锁定，没有家庭来得及签署；请核对文件中的日期，"
            "无误的，请考试机构另定批次。"
        ),
        (
            "The filing opens on {opens} and the official system locks at the end of {last}, before any family can "
            "sign: check the days in the document, and where they are right ask the authority for another batch."
        ),
    ),
    "ANSWER_LINE_MISSING": (
        (
            "campaign.toml 没有写 answer_line（接收答复短信的号码，或 https 网址）：告知书有答复码，却没有写发到哪里，"
            "家庭要拨打 {complaint_line} 询问。请在批准前补上。"
        ),
        (
            "campaign.toml has no `answer_line` (a number for text messages, or an https address): the letters hold a "
            "code and do not say where to send it, and families are told to ask {complaint_line}. Add it before the "
            "approval."
        ),
    ),
    "ATTENDANCE_BEGUN": (
        (
            "到校日报的首日 {first} 已过：日报从学校启动之日（已过当日填报时间的，从次日）起报，以前各日不补报；"
            "如非有意，请改 campaign.toml 中 [attendance] 的 first。"
        ),
        (
            "The first day of daily reports, {first}, has passed: they are owed from the day on which a school starts "
            "(from the next one where the hour is past), and not for the days before; change `first` under "
            "[attendance] in campaign.toml unless you mean this."
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
    "NO_CHANNEL": (
        "本机没有设置任何通知渠道：通知留在待发箱，不会发出。请按 docs/notices.md 设置后重启 diversion up。",
        (
            "No channel of notices has settings here: notices stay in the outbox and nothing goes out. Set one up "
            "(docs/notices.md), then start `diversion up` again."
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


def channel_cautions(ways: Sequence[str]) -> list[dict[str, Any]]:
    """Return that nothing goes out where no provider of notices has settings.

    Args:
        ways: the channels that have dispatchers here.
    """
    return [] if ways else cautions([{"code": "NO_CHANNEL"}])


def window_cautions(stages: Mapping[str, Mapping[str, Any]], today: date) -> list[dict[str, Any]]:
    """Return the stages whose due date lies before today."""
    return cautions(
        {"code": "WINDOW_PASSED", "stage": slug, "name": word(slug, LANG), "due": window["due"]}
        for slug, window in stages.items()
        if date.fromisoformat(window["due"]) < today
    )


def signing_cautions(opens: date, window: Window, parameters: PolicyParameters) -> list[dict[str, Any]]:
    """Return what an application window leaves to the families: nothing, or a short cooling-off for all (R-11).

    The examination authority has decided these days, so they are taken; whoever records and approves them is told.
    """
    found = first_cooling(opens, window, parameters)
    if found is not None and not found.short:
        return []
    code = "NOBODY_CAN_SIGN" if found is None else "COOLING_CUT_FOR_ALL"
    return cautions([{"code": code, "opens": opens.isoformat(), "last": window.last.isoformat()}])


def attendance_cautions(content: Mapping[str, Any], today: date) -> list[dict[str, Any]]:
    """Return a warning where the first daily report of a draft lies before today: schools begin with a later one."""
    stated = content.get("attendance") or {}
    first = stated.get("first") or min(window["opens"] for window in content["stages"].values())
    begun = [{"code": "ATTENDANCE_BEGUN", "first": first}] if date.fromisoformat(first) < today else []
    return cautions(begun)


def calendar_cautions(not_yet_computable: Iterable[int], today: date) -> list[dict[str, Any]]:
    """Return the years that should be published by now: 2027 from 1 December 2026 on."""
    due = [year for year in not_yet_computable if today >= date(year - 1, DECEMBER, 1)]
    return cautions({"code": "CALENDAR_NOT_YET_PUBLISHED", "year": year} for year in due)
