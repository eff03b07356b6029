"""How notices are shown: the outbox as a table, one notice with its attempts and why it waits, the glossary (G4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.failures import NOT_FOUND, Failure
from cli.language import LANG
from cli.options import say
from cli.stage_view import word
from domain.notice_glossary import CLASSES, CODES, STATES
from domain.notices import GONE_OUT, NoticeState

SHOWN: Final = 50
"""Rows on the screen; `--json` has all."""

KEPT_BACK: Final = ("contacts", "digest")
"""Columns that nobody needs to see: keyed digests of addresses and texts."""

AMBIGUOUS: Final = {"planned": "notice_planned", "held": "notice_held"}
"""States whose word means something else of a stage or a meeting."""


def shown_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as it is shown."""
    return {name: value for name, value in row.items() if name not in KEPT_BACK}


def school_of(row: Mapping[str, Any]) -> str:
    """Return the code of the school that a notice belongs to, `bureau` for one of the bureau's own."""
    recipient = str(row["recipient"])
    if "@" in recipient:
        return recipient.rpartition("@")[2]
    return next(iter(str(row["stream"]).split("/")[3:4]), "bureau")


def state_word(state: str) -> str:
    """Return what a notice's state is called; a planned one waits, while a planned stage is not open yet."""
    return word(AMBIGUOUS.get(state, state), LANG)


def code_phrase(code: str) -> str:
    """Return what a code beside a state means; a provider's own code is shown as it is."""
    return CODES[code][LANG] if code in CODES else code


def waiting(row: Mapping[str, Any], kills: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return why a notice does not go now and until when, None where nothing holds it or it is gone.

    Args:
        row: of the outbox.
        kills: the switches that are shut, as the board shows them.
    """
    if row["code"] is None or row["state"] in (*GONE_OUT, NoticeState.SUBMITTED):
        return None
    school = next(iter(str(row["stream"]).split("/")[3:4]), None)
    own = {"channel": row["channel"], "purpose": row["purpose"], "school": school}
    shut = [kill for kill in kills if own[kill["scope_kind"]] == kill["scope"]]
    killed = {"killed": shut} if row["code"] == "KILLED" else {}
    return {"code": row["code"], "until": row["next_at"], "message": code_phrase(row["code"]), **killed}


def listed(data: Mapping[str, Any]) -> RenderableType:
    """Show the outbox: counts, what is shut, each channel's backlog, and the rows that are not gone yet."""
    head = ", ".join(f"{state_word(state)} {count}" for state, count in data["by_state"].items())
    lines: list[RenderableType] = [Text(say(f"共 {data['total']} 条：", f"{data['total']} notices: ") + head)]
    lines += [Text(kill_line(kill)) for kill in data["killed"]]
    if data["backlog"]:
        lines.append(_backlog(data["backlog"]))
    table = Table(
        say("通知", "notice"), say("用途", "purpose"), say("收件", "recipient"), say("渠道", "channel"),
        say("状态", "state"), say("次数", "tries"), say("代码", "code"), say("下次", "next"),
    )  # fmt: skip
    unfinished = [row for row in data["notices"] if row["state"] not in GONE_OUT]
    rows = unfinished or data["notices"]
    for row in rows[:SHOWN]:
        table.add_row(
            row["notice_id"],
            word(row["purpose"], LANG),
            reader_of(row),
            word(row["channel"], LANG) if row["channel"] else "",
            state_word(row["state"]),
            str(row["attempts"]),
            row["code"] or "",
            _minute(row["next_at"]),
        )
    if rows:
        lines.append(table)
    if len(rows) > SHOWN:
        lines.append(Text(say(f"另有 {len(rows) - SHOWN} 条，--json 列出全部。", f"and {len(rows) - SHOWN} more")))
    return Group(*lines)


def kill_line(kill: Mapping[str, Any]) -> str:
    """Say what is shut, since when and why."""
    since = _minute(kill["since"])
    scope = word(kill["scope"], LANG)
    return say(
        f"已停发：{scope}（{kill['scope']}），自 {since}，理由 {kill['reason']}",
        f"stopped: {scope} ({kill['scope']}) since {since}, reason {kill['reason']}",
    )


def one(data: Mapping[str, Any]) -> RenderableType:
    """Show one notice: where it stands, why it waits, every attempt, and what was told of it since."""
    row = data["notice"]
    channel = f" ({word(row['channel'], LANG)})" if row["channel"] else ""
    lines = [
        f"{row['notice_id']} {word(row['purpose'], LANG)} → {reader_of(row)}{channel}: {state_word(row['state'])}"
        + (f" [{row['code']}]" if row["code"] else ""),
        say(
            f"起因 {row['cause']}，计划于 {row['planned_at']}",
            f"because of {row['cause']}, planned {row['planned_at']}",
        ),
        *_why(data["waits"]),
    ]
    for attempt in data["attempts"]:
        outcome = attempt["outcome"] or NoticeState.SUBMITTED
        how = word(attempt["channel"], LANG) if attempt.get("channel") else ""
        more = " ".join(filter(None, (how, attempt["code"], attempt["provider_id"])))
        lines.append(f"  {attempt['number']}. {attempt['started_at']} {state_word(outcome)} {more}".rstrip())
    for entry in data["journal"]:
        more = " ".join(filter(None, (word(entry["channel"], LANG), entry["code"])))
        lines.append(f"  - {entry['at']} {state_word(entry['state'])} {more}".rstrip())
    return Text("\n".join(lines))


def reader_of(row: Mapping[str, Any]) -> str:
    """Return whom a notice goes to: of a household the person, once that was looked up."""
    return str(row["recipient"] if row["person"] is None else f"{row['recipient']} {row['person']}")


def glossary_data() -> dict[str, Any]:
    """Return the glossary: what each state, code and class of notices is called and means."""
    return {
        "states": {state: {"word": state_word(state), "meaning": told[LANG]} for state, told in STATES.items()},
        "codes": {code: told[LANG] for code, told in CODES.items()},
        "classes": {name: told[LANG] for name, told in CLASSES.items()},
    }


def glossary(data: Mapping[str, Any]) -> RenderableType:
    """Show the glossary."""
    lines = [f"{state} {told['word']}: {told['meaning']}" for state, told in data["states"].items()]
    lines += ["", *(f"{code}: {told}" for code, told in data["codes"].items())]
    lines += ["", *(f"{name}: {told}" for name, told in data["classes"].items())]
    return Text("\n".join(lines))


def unknown_notice(place: str) -> Failure:
    """Return the failure of a notice, or a pupil, that there is not."""
    return Failure(
        NOT_FOUND,
        "NOTICE_UNKNOWN",
        say("没有这条通知，或没有这名学生。", "There is no such notice, or no such pupil."),
        place=place,
        remedy=say("请用 notices list 查看编号。", "See `notices list` for references."),
    )


# -- inside -------------------------------------------------------------------------------------------------------


def _backlog(rows: list[dict[str, Any]]) -> Table:
    table = Table(
        say("渠道", "channel"), say("待发", "waiting"), say("暂缓", "held"), say("待办", "on lists"),
        say("发送中", "in flight"), say("失败", "dead"), say("不明", "unknown"), say("最早应发", "oldest due"),
        say("短信条数", "segments"),
    )  # fmt: skip
    names = ("waiting", "held", "listed", "in_flight", "dead", "unknown")
    for row in rows:
        counts = (str(row[name]) for name in names)
        channel = word(row["channel"], LANG) if row["channel"] else say("未定", "not yet chosen")
        table.add_row(channel, *counts, _minute(row["oldest_due_at"]), str(row["segments"]))
    return table


def _why(waits: Mapping[str, Any] | None) -> Iterator[str]:
    if waits is None:
        return
    until = waits["until"]
    yield waits["message"] + ("" if until is None else say(f"，至 {_minute(until)}", f", until {_minute(until)}"))
    for kill in waits.get("killed", ()):
        yield kill_line(kill)


def _minute(at: str | None) -> str:
    return "" if at is None else str(at)[:16].replace("T", " ")
