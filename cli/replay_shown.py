"""What `audit replay` found, as a person reads it: which comparison, where, and what the two sides say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cli.event_labels import stream_label
from cli.language import say

KINDS: Final[dict[str, tuple[str, str]]] = {
    "ledger": ("台账事件", "event of the ledger"),
    "fold": ("事件无法推算", "events that cannot be folded"),
    "causation": ("事件起因", "cause of an event"),
    "board": ("进展表", "the board"),
    "outbox": ("待发箱", "the outbox"),
    "holds": ("暂停", "holds"),
    "sending": ("停发与拒收", "stopped and declined notices"),
    "journal": ("发送流水", "journal of sending"),
    "conflict": ("台账与流程冲突", "conflict of ledger and workflow"),
    "archive": ("归档历史", "archived history"),
    "replay": ("重放", "replay"),
    "history": ("历史与台账", "history against ledger"),
    "segment": ("历史衔接", "joint of two runs"),
    "decision": ("今日程序的判断", "decision of today's program"),
    "state": ("状态", "state"),
}
"""What a comparison is called (`audit.report`)."""

MISSING: Final = {"missing": ("缺少", "missing"), "unexpected": ("多出", "too much")}
"""Fields that say that a whole entry is missing, or is too much."""

UNREACHED: Final = (
    "未能读取的历史在引擎中：请运行 diversion up（使用同一个 --data），再次核对。",
    "The histories that were not reached are in the engine: run `diversion up` with the same --data, and replay again.",
)
OF_A_DEMO: Final = (
    "演示目录的引擎不再启动；其流程历史在 audit.zip 中，请用 audit verify 核验。",
    "A demo's engine is not started again: its audit.zip has the histories, and `audit verify` checks them.",
)


def replay_text(data: Mapping[str, Any], *, sound: bool, demo: bool) -> str:
    """Return what a replay found.

    Args:
        data: the report.
        sound: nothing differs.
        demo: the record is a demo's, whose engine is not started again.
    """
    unreached = data["live_unreached"]
    head = say("核验一致", "all agrees") if sound else say("核验不符", "there are differences")
    if sound and unreached:
        head = say("已核对的部分一致", "what could be looked at agrees")
    counts = say(
        f"事件 {data['events']} 条，重放历史 {data['histories']} 份",
        f"{data['events']} events, {data['histories']} histories replayed",
    )
    lines = [f"{head}{say('：', ': ')}{counts}"]
    if unreached:
        lines[0] += say(f"，另有 {unreached} 份在引擎中，未能读取", f", {unreached} in the engine not reached")
        lines.append(say(*(OF_A_DEMO if demo else UNREACHED)))
    lines += [f"  - {_difference(one, data['campaign'])}" for one in data["differences"]]
    if data["omitted"]:
        lines.append(say(f"  另有同类 {data['omitted']} 处", f"  and {data['omitted']} more of the same kinds"))
    return "\n".join(lines)


def _difference(one: Mapping[str, Any], campaign: str) -> str:
    place = one["event"] or stream_label(one["workflow"], campaign)
    run = "" if one["run"] is None else say(f"（历史 {one['run']}）", f" (run {one['run']})")
    if one["field"] in MISSING:
        what = say(*MISSING[one["field"]])
    elif one["kind"] == "fold":
        what = one["field"]  # the class of the error
    else:
        what = say(f"“{one['field']}”不符", f"“{one['field']}” differs")
    sides = [
        f"{say(*name)} {one[side]}"
        for side, name in (("ledger", ("台账", "ledger")), ("found", ("另一方", "other side")))
        if one[side] is not None
    ]
    told = say(f"（{'，'.join(sides)}）", f" ({', '.join(sides)})") if sides else ""
    return f"{place}{run}  {say(*KINDS[one['kind']])}{say('：', ': ')}{what}{told}"
