"""How notices are shown: the outbox as a table, one notice with its attempts and why it waits, the glossary (G4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.failures import NOT_FOUND, Failure, usage
from cli.language import LANG
from cli.options import say
from cli.stage_view import word
from domain.notice_glossary import CLASSES, CODES, STATES
from domain.notices import GONE_OUT, NoticeState
from notices.catalogue import catalogue

SHOWN: Final = 50
"""Rows on the screen; `--json` has all."""

KEPT_BACK: Final = ("contacts", "digest")
"""Columns that nobody needs to see: keyed digests of addresses and texts."""

KILLED: Final = "KILLED"
NO_CHANNEL: Final = "NO_CHANNEL"
"""Why nothing goes at all: no provider of notices has settings here."""

UNROUTED: Final = say("未分派", "not routed")
"""In place of a channel, where nobody has looked up the readers yet."""

FIGURES: Final = {
    "waiting": say("待发", "waiting"),
    "held": say("暂缓", "held"),
    "listed": say("待人工办理", "on lists"),
    "in_flight": say("发送中", "in flight"),
    "dead": say("无法发出", "dead"),
    "unknown": say("结果不明", "unknown"),
}
"""Figures of a channel's backlog, as `notices list` and `status` call them."""

WAITS: Final = (NoticeState.PLANNED, NoticeState.HELD, NoticeState.CLEARED, NoticeState.FAILED_TEMPORARY)
"""States in which a notice may still go by itself, and a kill switch or a missing provider keeps it."""

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


def waiting(
    row: Mapping[str, Any], kills: Sequence[dict[str, Any]], ways: Sequence[str] | None = None
) -> dict[str, Any] | None:
    """Return why a notice does not go now and until when, None where nothing holds it or it is gone.

    A switch is named from the moment it is shut, not only once the dispatcher has held what is due.

    Args:
        row: of the outbox.
        kills: the switches that are shut, as the board shows them.
        ways: the channels that have settings here, None where nobody asks for them.
    """
    if row["state"] in (*GONE_OUT, NoticeState.SUBMITTED):
        return None
    school = next(iter(str(row["stream"]).split("/")[3:4]), None)
    own = {"channel": row["channel"], "purpose": row["purpose"], "school": school}
    shut = [kill for kill in kills if row["state"] in WAITS and own[kill["scope_kind"]] == kill["scope"]]
    if shut:
        return {"code": KILLED, "until": None, "message": code_phrase(KILLED), "killed": shut}
    unserved = ways is not None and not ways and row["state"] == NoticeState.PLANNED and not row["channel"]
    code = NO_CHANNEL if unserved else row["code"]
    if code is None:
        return None
    return {"code": code, "until": row["next_at"], "message": code_phrase(code)}


def muting(envelopes: Sequence[Mapping[str, Any]], notice: str) -> dict[str, Any] | None:
    """Return who stopped a single notice, when and why; None where the campaign's record says nothing of it."""
    of_it = [one for one in envelopes if one["type"] == "NoticeMuted" and one["data"]["notice"] == notice]
    if not of_it:
        return None
    last = of_it[-1]
    return {"by": last["actor"]["id"], "reason": last["data"]["reason"], "at": last["recorded_at"]}


def listed(data: Mapping[str, Any], *, narrowed: bool = False) -> RenderableType:
    """Show the outbox: counts, what is shut, each channel's backlog, and the rows that are not gone yet.

    Args:
        data: as `notices list` gives it.
        narrowed: only some of the rows were asked for, of which the channels' figures say nothing.
    """
    head = ", ".join(f"{state_word(state)} {count}" for state, count in data["by_state"].items())
    lines: list[RenderableType] = [Text(say(f"共 {data['total']} 条：", f"{data['total']} notices: ") + head)]
    lines += [Text(kill_line(kill)) for kill in data["killed"]]
    if data["backlog"] and not narrowed:
        lines.append(_backlog(data["backlog"]))
    table = Table()
    table.add_column(say("通知", "notice"), no_wrap=True)  # whole, so that it can be copied
    for title in (
        say("用途", "purpose"), say("收件", "recipient"), say("渠道", "channel"),
        say("状态", "state"), say("次数", "tries"), say("代码", "code"), say("下次", "next"),
    ):  # fmt: skip
        table.add_column(title, overflow="fold")
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
        *_stopped(data["muted"]),
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


def require_purpose(purpose: str) -> None:
    """Refuse a purpose that no notice has.

    Raises:
        Failure: PURPOSE_UNKNOWN (2).
    """
    known = catalogue().purposes
    if purpose not in known:
        names = ", ".join(known)
        raise usage(
            "PURPOSE_UNKNOWN",
            say("没有这种通知。", "There is no such notice."),
            place=purpose,
            remedy=say(f"可选：{names}。", f"Choose one of: {names}."),
        )


# -- inside -------------------------------------------------------------------------------------------------------


def _backlog(rows: list[dict[str, Any]]) -> Table:
    table = Table(
        say("渠道", "channel"), *FIGURES.values(), say("最早应发", "oldest due"),
        say("短信条数", "segments"),
    )  # fmt: skip
    for row in rows:
        counts = (str(row[name]) for name in FIGURES)
        channel = word(row["channel"], LANG) if row["channel"] else UNROUTED
        table.add_row(channel, *counts, _minute(row["oldest_due_at"]), str(row["segments"]))
    return table


def _why(waits: Mapping[str, Any] | None) -> Iterator[str]:
    if waits is None:
        return
    until = waits["until"]
    yield waits["message"] + ("" if until is None else say(f"，至 {_minute(until)}", f", until {_minute(until)}"))
    for kill in waits.get("killed", ()):
        yield kill_line(kill)


def _stopped(muted: Mapping[str, Any] | None) -> Iterator[str]:
    if muted is not None:
        by, at, reason = muted["by"], _minute(muted["at"]), muted["reason"]
        yield say(f"由 {by} 停发，{at}，理由 {reason}", f"stopped by {by}, {at}, reason {reason}")


def _minute(at: str | None) -> str:
    return "" if at is None else str(at)[:16].replace("T", " ")
