"""`audit replay|timeline|as-of|check|explain|…`: is the record right, who did what, are the rules kept, and why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

from cyclopts import App, Parameter
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from audit.as_of import as_of, moment
from audit.replay import replay
from audit.timeline import Line, read_timeline
from cli.audit_check import checked, explained
from cli.demo_marker import is_demo
from cli.event_labels import event_label, stream_label
from cli.failures import NOT_VERIFIED, Failure, campaign_unknown, not_found, usage
from cli.options import LANG, CampaignName, Face, say
from cli.references import require_reference, student_unknown
from cli.replay_shown import replay_text
from cli.rooms import Rooms
from cli.stage_view import flags, word
from domain.deciders import kind_of
from domain.stream import UnknownEventError
from domain.time import instant
from engine import EngineUnreachableError, connect
from ledger.store import Ledger

_FACE = Face()

SIDES: Final = {"known": ("当时已知", "known then"), "true": ("当时实际", "true then")}
"""The two boards of a moment."""

School = Annotated[str | None, Parameter(help=say("只看一所学校", "one school only"))]
Student = Annotated[str | None, Parameter(help=say("只看一名学生（编号 stu_…）", "one pupil only, by reference stu_…"))]

app = App(name="audit", help_format="plaintext", version_flags=[])
app.command(checked, name="check", help=say("按规则逐条核查全部事件", "ask all events whether a rule was broken"))
app.command(
    explained,
    name="explain",
    help=say("说明某一结论：规则、输入、事件、如何申诉", "why: rule, inputs, events, how to contest"),
)
app.command("cli.audit_bundle:export", name="export", help=say("导出审计包", "write the auditor's bundle"))
app.command("cli.audit_exports:exports", name="exports", help=say("历次导出", "the exports that were made"))
app.command("cli.audit_bundle:verified", name="verify", help=say("离线核验审计包", "verify a bundle, offline"))
app.command("cli.audit_bundle:head", name="head", help=say("签署检查点", "sign a head of the record"))
app.command(
    "cli.audit_heads:app",
    name="heads",
    help=say("检查点：列出、打印、核对、证明、会签、时间戳", "signed heads: list, print, check, prove, cosign, stamp"),
)
app.command(
    "cli.audit_prove:proving",
    name="prove",
    help=say("一条事件或一条通知在已签记录中的证明", "the proof that one event or one notice is in the signed record"),
)
app.command(
    "cli.audit_prove:prove_check",
    name="prove-check",
    help=say("离线核验一条事件或一条通知的证明", "check such a proof, offline"),
)
app.command("cli.audit_bundle:keys", name="keys", help=say("签名密钥：新建、更换、列出", "the signing keys"))
app.command(
    "cli.audit_archive:archive",
    name="archive",
    help=say("补齐归档缺少的历史，列出已无处可寻的", "fetch the histories that the archive lacks; name what is lost"),
)
app.command(
    "cli.audit_diff:differing",
    name="diff",
    help=say("两个时刻或两个审计包之间有何变化", "what has changed between two moments, or two bundles"),
)
app.command(
    "cli.audit_what_if:supposing",
    name="what-if",
    help=say("换一套口径，同一份记录会怎样", "the same record by other rules, as a difference by school"),
)
app.command(
    "cli.audit_process:process",
    name="process",
    help=say("与流程模型的偏离、各环节等待时间", "where a year left its model, and who waited for whom"),
)
app.command(
    "cli.audit_anomalies:anomalies",
    name="anomalies",
    help=say("异常模式：逐条提问，不下结论", "patterns of known abuse, as questions and no verdicts"),
)
app.command(
    "cli.audit_anomalies:sample",
    name="sample",
    help=say("按公开种子分层抽样，可重现", "a stratified sample by a public seed, drawn again by anybody"),
)
app.command(
    "cli.audit_export:events",
    name="events",
    help=say("把事件写成供其他程序读取的文件", "the events as a file for other programs"),
)


@app.command(
    name="replay", help=say("重放全部历史并与台账核对", "replay all histories and compare them with the ledger")
)
async def replayed(campaign: CampaignName, *, face: Face = _FACE) -> int:
    """Replay a campaign; without an engine from the archive alone."""
    async with Rooms(face.settings()) as rooms:
        ledger = await _ledger_of(rooms, campaign)
        address = await rooms.address()
        engine = None
        if address is not None:
            try:
                engine = await connect(address, rooms.settings.namespace, wait=2)
            except EngineUnreachableError:
                engine = None
        report = await replay(ledger, campaign, engine)
        if not report.events and not report.differences:
            raise not_found(campaign)
        data: dict[str, Any] = report.model_dump(mode="json")
        sound = report.replay_ok and report.ledger_ok and not report.differences
        demo = is_demo(rooms.settings.data)
        face.show(data, lambda: Text(replay_text(data, sound=sound, demo=demo)))
        return 0 if sound else NOT_VERIFIED


@app.command(
    name="timeline", help=say("谁在何时做了什么，逐条写明事件", "who did what when; each line names its event")
)
async def timeline(
    campaign: CampaignName,
    *,
    school: School = None,
    student: Student = None,
    proofs: Annotated[
        bool,
        Parameter(
            negative="",
            help=say(
                "各行事件在树中的位置和覆盖它的检查点", "each line's place in the tree, and the head that covers it"
            ),
        ),
    ] = False,
    face: Face = _FACE,
) -> int:
    """Tell a campaign's events in plain words; a pupil's own are not folded."""
    require_reference(student)
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign, school)
        lines = await read_timeline(await rooms.ledger(), campaign, LANG, school=school, student=student)
        shown: list[tuple[dict[str, Any], str]] = [({}, "") for _ in lines]
        if proofs:
            from cli.timeline_proofs import proven  # noqa: PLC0415 - the keys: a timeline without them need not pay

            shown = await proven(await rooms.ledger(), campaign, lines)
    if student is not None and not lines:
        raise student_unknown()
    told = [line.model_dump(mode="json") | more for line, (more, _) in zip(lines, shown, strict=True)]
    texts = [_told(line) + text for line, (_, text) in zip(lines, shown, strict=True)]
    face.show({"campaign": campaign, "lines": told}, lambda: Text("\n".join(texts)))
    return 0


@app.command(name="as-of", help=say("某一时刻已知的和实际的情况", "what was known, and what was true, at a moment"))
async def as_of_(
    campaign: CampaignName,
    time: Annotated[
        str, Parameter(help=say("时刻（RFC 3339）或日期（当日 24:00）", "RFC 3339, or a date: its end, 24:00"))
    ],
    *,
    school: School = None,
    student: Student = None,
    known_at: Annotated[
        str | None,
        Parameter(
            help=say(
                "“实际”以此时已记录的为准，默认以今日为准", "what was true, as known at this moment; default: today"
            )
        ),
    ] = None,
    face: Face = _FACE,
) -> int:
    """Rebuild the board, or a pupil's part of each stage, from both clocks."""
    require_reference(student)
    when, since = _moment(time), None if known_at is None else _moment(known_at, "--known-at")
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign, school)
        found = await as_of(await rooms.ledger(), campaign, when, school=school, student=student, known_at=since)
        if student is not None and not await (await rooms.ledger()).mentions(campaign, student):
            raise student_unknown()
    data = found.model_dump(mode="json")
    face.show(data, lambda: _as_of_text(data))
    return 0


# -- inside -------------------------------------------------------------------------------------------------------


async def _ledger_of(rooms: Rooms, campaign: str) -> Ledger:
    """Open the ledger without asking the board whether it has the campaign: a changed board is for the replay to name.

    Raises:
        Failure: CAMPAIGN_UNKNOWN (4), no campaign has such a name, or there is no ledger.
    """
    try:
        known = kind_of(campaign) == "campaign"
    except UnknownEventError:
        known = False
    if not known:
        raise campaign_unknown()
    try:
        return await rooms.ledger()
    except Failure:
        raise not_found(campaign) from None


def _moment(text: str, place: str = "TIME") -> datetime:
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


def _told(line: Line) -> str:
    """Return one line: when it happened, when it was recorded if later, who, what, and which event."""
    at, recorded = _clock(line.at), _clock(line.recorded_at)
    when = at if at == recorded else f"{at} ({say('记录于', 'recorded')} {recorded})"
    actor = line.actor
    who = word(actor.role, LANG)
    if actor.id != actor.role:
        who += f" {actor.id}" + ("" if actor.organisation == "bureau" else f" @{actor.organisation}")
    if actor.on_behalf_of:
        who += say(f"（代 {actor.on_behalf_of}）", f" (for {actor.on_behalf_of})")
    more = f" +{len(line.events) - 1}" if len(line.events) > 1 else ""
    return f"{when}  {who}  {line.message}  [{line.event}{more}]"


def _clock(text: str) -> str:
    return instant(text).strftime("%Y-%m-%d %H:%M")


def _as_of_text(data: Mapping[str, Any]) -> RenderableType:
    """Return both boards side by side, then what differs and why."""
    table = Table(say("对象", "what"), say("当时已知", "known then"), _true_title(data["known_at"]))
    differing = {difference["stream"] for difference in data["difference"]}
    for stream in sorted({**data["known"], **data["true"]}):
        sides = [_side(data[side], stream, data["student"]) for side in ("known", "true")]
        table.add_row(stream_label(stream, data["campaign"]), *sides, style="bold red" if stream in differing else None)
    lines = [
        f"{stream_label(side['stream'], data['campaign'])}: {say('无法推算', 'cannot be computed')} "
        f"({say(*SIDES[side['side']])}, {side['event']}, {side['error']})"
        for side in data["not_computable"]
    ]
    for difference in data["difference"]:
        students = ", ".join(difference["students"]) or "—"
        place = stream_label(difference["stream"], data["campaign"])
        lines.append(f"{place}: {say('两者不同，涉及学生', 'differs, pupils')} {students}")
        lines += [
            f"  {event['event']} {event_label(event['type'])}: {say('发生', 'occurred')} "
            f"{_clock(event['occurred_at'])}, {say('记录', 'recorded')} {_clock(event['recorded_at'])}"
            for event in difference["events"]
        ]
    same = say("两者一致。", "Both are the same.")
    return Group(Text(f"{data['campaign']}  {data['time']}"), table, *(Text(line) for line in lines or [same]))


def _true_title(known_at: str | None) -> str:
    if known_at is None:
        return say("当时实际（以今日所知）", "true then, as known today")
    return say(f"当时实际（以 {_clock(known_at)} 所知）", f"true then, as known on {_clock(known_at)}")


def _side(views: Mapping[str, Any], stream: str, student: str | None) -> str:
    """Return one side of a stream: its status, or the pupil's parts of its state."""
    if stream not in views:
        return "—"
    view = views[stream]
    if view is None:
        return say("无法推算", "cannot be computed")
    if student is not None:
        return "\n".join(f"{place}: {json.dumps(value, ensure_ascii=False)}" for place, value in view.items())
    return f"{word(view['status'], LANG)} {flags(view)}".rstrip()
