"""`demo` and `rehearse`: a whole year on the stepped clock, and the proof of its record."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter
from rich.table import Table

from cli.demo_bundle import end_with_bundle
from cli.demo_marker import MARKER
from cli.failures import NOT_VERIFIED, USAGE, Failure
from cli.lock import NAME as LOCK
from cli.lock import take_lock
from cli.notices_view import state_word
from cli.options import LANG, Face, say
from cli.sample import require_size
from cli.stage_view import word
from cli.year import NO_CHANNEL, whole_year
from cli.year_topics import readable
from registry.campaign_file import load_campaign
from rehearsal.county import make_county
from settings import Settings

_FACE = Face()
OWN: Final = (
    "county",
    "engine.*",
    "ledger.*",
    "registry.*",
    "gateway.*",
    "worker.log",
    "audit.*",
    ".audit.*",
    "pepper",
    ".pepper.*",
)
"""What a demo writes into its directory; a new one removes this and nothing else."""

_REFUSED: Final = {
    "ACT_NOT_SIGNED": ("不是家庭本人的签名", "not the family's own signature"),
    "CASE_NOT_CLOSABLE": ("个案尚不能销号", "a case too early to close"),
    "CODE_WRONG": ("答复码不对", "a wrong code"),
    "FUNDING_GATE": ("不符合支付条件", "not payable"),
    "PUBLICITY_NOT_APPROVED": ("宣讲未经批准", "a presentation without approval"),
    "ROLE_NOT_ALLOWED": ("无权办理", "not allowed to the role"),
    "ROWS_REFUSED": ("清单中有错行", "rows that cannot be recorded"),
    "SCHOOL_NOT_LISTED": ("学校不在名单", "a school not on the list"),
}
"""What a demo meets, in few words; the refusal itself says it in whole sentences."""

_NOT_SENT: Final = {
    "EXPIRED": ("已过时", "too late"),
    "GOES_ELSEWHERE": ("学生另有去向（不再邀请）", "pupil goes elsewhere (no more invitations)"),
    "HOUSEHOLD_UNKNOWN": ("家庭信息已删除", "household erased"),
    "NEVER_TOLD": ("未曾邀请，无须通知取消", "never invited, so not told of the cancellation"),
    "TAKEN_BACK": ("邀请未发出即撤回", "invitation taken back before it went out"),
    "LEFT_REGISTER": ("学生已离校", "pupil has left"),
    "NO_ADDRESS": ("没有任何联系方式", "no way to reach them"),
    "RECORD_RESTRICTED": ("信息已停止使用", "record restricted"),
    "cleared": ("在人工办理清单上", "on a person's list"),
}
"""Why a notice of a demo was not sent, in few words."""

INHERITED: Final = ("DIVERSION_LANG", "DIVERSION_LOG_LEVEL")
"""A demo never touches the installation's own engine, databases, keys and mail server."""

Seed = Annotated[int, Parameter(help=say("随机种子", "the same seed gives the same year"))]


@dataclass(frozen=True)
class Size:
    """What fixes a demo: the same size gives the same ledger."""

    seed: int
    schools: int
    pupils: int


async def demo(
    *,
    seed: Seed = 1,
    schools: Annotated[int, Parameter(help=say("学校数", "number of schools"))] = 3,
    pupils: Annotated[int, Parameter(help=say("学生总数", "number of pupils in all"))] = 360,
    resume: Annotated[
        bool, Parameter(negative="", help=say("继续被中断的演示", "go on with a demo that was killed"))
    ] = False,
    face: Face = _FACE,
) -> int:
    """Run a sample county through a whole year, on the embedded engine, and audit it."""
    started = time.monotonic()
    if not resume:
        require_size(schools, pupils)
    with _place(face, Size(seed, schools, pupils), resume=resume) as (settings, lock, size):
        make_county(settings.data / "county", size.schools, size.pupils, size.seed)
        ending = functools.partial(end_with_bundle, settings.data)
        totals, _ = await whole_year(settings, lock, settings.data / "county", size.seed, ending=ending)
    data = {**totals, "seconds": round(time.monotonic() - started, 1)}
    return _end(face, data, shown=data["held_overnight"] is not None)


async def rehearse(directory: Path, *, seed: Seed = 1, face: Face = _FACE) -> int:
    """Run the real files through a whole year in a temporary directory; totals only, and nothing is sent."""
    started = time.monotonic()
    load_campaign(directory)
    with tempfile.TemporaryDirectory(prefix="diversion-rehearse-") as folder:
        totals, more = await whole_year(_settings(face, Path(folder)), None, directory, seed)
    return _end(face, {**totals, **more, "seconds": round(time.monotonic() - started, 1)}, shown=True)


# -- the place ----------------------------------------------------------------------------------------------------


def _settings(face: Face, data: Path) -> Settings:
    environ = {
        name: value for name, value in os.environ.items() if name in INHERITED or not name.startswith("DIVERSION_")
    }
    return Settings.from_environment(environ, data=data, lang=face.lang)


@contextlib.contextmanager
def _place(face: Face, size: Size, *, resume: bool) -> Iterator[tuple[Settings, int, Size]]:
    """Yield where the demo lives: a fresh directory that is removed, or the one given, replaced or gone on with."""
    if face.data is None:
        if resume:
            raise _nothing_to_resume("--resume")
        folder = Path(tempfile.mkdtemp(prefix="diversion-demo-"))
        try:
            yield _settings(face, folder), take_lock(folder), size
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    settings = _settings(face, face.data)
    marker = settings.data / MARKER
    others = [entry for entry in settings.data.iterdir() if entry.name != LOCK] if settings.data.exists() else []
    if not marker.exists() and resume:
        raise _nothing_to_resume(str(settings.data))
    if not marker.exists() and others:
        raise _not_a_demo(str(settings.data))
    lock = take_lock(settings.data)
    if resume:
        size = _size(marker, size)
    else:
        for pattern in OWN:
            for entry in settings.data.glob(pattern):
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        fresh = marker.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(size)))
        fresh.replace(marker)
    yield settings, lock, size


def _size(marker: Path, asked: Size) -> Size:
    try:
        return Size(**json.loads(marker.read_text()))
    except (ValueError, TypeError):
        return asked


def _not_a_demo(place: str) -> Failure:
    return Failure(
        USAGE,
        "DATA_NOT_A_DEMO",
        say(
            "该目录中有演示以外的内容，不予替换。",
            "This directory holds something that no demo wrote: it is not replaced.",
        ),
        place=place,
        remedy=say(
            "请用 --data 指定新的或空的目录；其中内容确已不要的，先自行删除或移走该目录，再次执行。",
            "Name a new or empty directory with --data; or, where nothing in this one is needed, remove it or move it "
            "away yourself, and run the demo again.",
        ),
    )


def _nothing_to_resume(place: str) -> Failure:
    return Failure(
        USAGE,
        "DATA_NOT_A_DEMO",
        say("这里没有可以继续的演示。", "There is no demo here to go on with."),
        place=place,
        remedy=say(
            "请用 --data 写明被中断的演示的目录；或去掉 --resume，从头演示。",
            "Name the directory of the demo that was killed with --data; or leave out --resume, to begin anew.",
        ),
    )


# -- the end ------------------------------------------------------------------------------------------------------


def _end(face: Face, data: dict[str, Any], *, shown: bool) -> int:
    """Show the totals; a record that does not verify, or a demo that does not show what it is for, is no success."""
    face.show(data, lambda: _summary(data, face.data))
    verified = data["ledger_verified"] and data["replay_ok"] and data["invariants_ok"] and not data["differences"]
    bundle = data.get("bundle")  # a rehearsal makes none
    audited = bundle is None or (bundle["verified"] and bundle["tampered"]["exit"] == NOT_VERIFIED)
    return 0 if verified and audited and shown else NOT_VERIFIED


def _counts(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{word(name, LANG)} {number}" for name, number in numbers.items()) or "0"


def _refused(numbers: Mapping[str, int]) -> str:
    """Say how often which rule refused: in short where there is a short word, else by its code."""
    return ", ".join(
        f"{say(*_REFUSED[code]) if code in _REFUSED else word(code, LANG)} {number}" for code, number in numbers.items()
    )


def _outbox(channels: Mapping[str, Mapping[str, int]]) -> str:
    """Say where the notices stand, channel by channel: the numbers sum to all notices."""
    lines = []
    for channel, states in channels.items():
        name = say("无渠道", "no channel") if channel == NO_CHANNEL else word(channel, LANG)
        counts = ", ".join(f"{state_word(state)} {number}" for state, number in states.items())
        lines.append(f"{name}: {counts}")
    return "\n".join(lines) or "0"


def _overnight(held: Mapping[str, str] | None) -> str:
    """Tell of one notice that quiet hours held, from the journal."""
    if held is None:
        return say("没有", "NONE")
    since, sent = (datetime.fromisoformat(held[name]).strftime("%Y-%m-%d %H:%M") for name in ("held_at", "sent_at"))
    purpose = word(held["purpose"], LANG)
    return say(
        f"{held['notice_id']}（{purpose}）：{since} 起暂缓，{sent} 发出",
        f"{held['notice_id']} ({purpose}): held since {since}, sent at {sent}",
    )


def _mails(data: Mapping[str, Any]) -> str:
    """Say how many notices went out, and why the others did not: the numbers sum to all notices."""
    left = data["notices_not_accepted"]
    others = (
        f"{say(*_NOT_SENT[code]) if code in _NOT_SENT else word(code, LANG)} {number}" for code, number in left.items()
    )
    return ", ".join([f"{data['notices'] - sum(left.values())} / {data['notices']}", *others])


def _settlement(settlement: Mapping[str, Mapping[str, Any]]) -> str:
    """Say what each profile's trial comes to; nothing of it is ever paid."""
    lines = [
        f"{word(name, LANG)} {county['completion']}: {county['reward_yuan']} {say('元', 'yuan')}, "
        f"{say('可发放', 'payable')} {county['payable_yuan']}"
        for name, county in settlement.items()
    ]
    return "\n".join([*lines, say("试算·不得发放", "trial computation, nothing is paid")])


def _runs(runs: Mapping[str, Mapping[str, Any]]) -> str:
    """Say how far each run of the settlement has come."""
    lines = []
    for name, run in runs.items():
        steps = (
            (True, say("已计算", "computed")),
            (run["reviewed"], say("已审计", "reviewed")),
            (run["approvals"] > 0, say(f"{run['approvals']} 人批准", f"approved by {run['approvals']}")),
            (run["published"], say("已公布", "published")),
            (run["paid"], say("已支付", "paid")),
        )
        lines.append(f"{name} ({word(run['profile'], LANG)}): {' → '.join(step for done, step in steps if done)}")
    return "\n".join(lines) or "—"


def _invariants(data: Mapping[str, Any]) -> str:
    """Say whether the record keeps the invariants, and which of them it breaks."""
    told = data["invariants"]
    if data["invariants_ok"]:
        return say(f"{told['checked']} 项全部成立", f"all {told['checked']} hold")
    return say("不成立：", "BROKEN: ") + ", ".join(f"{name} {number}" for name, number in told["broken"].items())


def _bundle(bundle: Mapping[str, Any] | None, place: Path | None) -> list[tuple[str, str]]:
    """Tell of the bundle and of the byte that was changed in a copy; of none where none was made.

    Args:
        bundle: what is told of it.
        place: the demo's directory; None where it is removed at the end.
    """
    if bundle is None:
        return []
    if place is None:
        then = say(
            "演示目录用后即删；要留下来自行核验，请执行 diversion demo --data 新目录",
            "The demo's directory is removed; to keep it and verify by yourself: diversion demo --data NEW_DIRECTORY",
        )
    else:
        then = say("自行核验：", "To verify by yourself: ") + (
            f"diversion audit verify {shlex.quote(str(place / bundle['file']))} --key {bundle['key']}"
        )
    held = say(
        f"{bundle['file']}，{bundle['size'] // 1024} KiB：事件 {bundle['events']} 条，签名检查点 {bundle['heads']} 个，"
        f"历史 {bundle['histories']} 份，无历史的事件 {bundle['unarchived']} 条",
        f"{bundle['file']}, {bundle['size'] // 1024} KiB: {bundle['events']} events, {bundle['heads']} signed heads, "
        f"{bundle['histories']} histories, {bundle['unarchived']} events without one",
    )
    verified = say("离线核验通过", "verified offline") if bundle["verified"] else say("核验不符", "NOT verified")
    tampered = bundle["tampered"]
    found = say(
        f"被拒绝，位置 {tampered['place']}：{tampered['message']}",
        f"refused, at {tampered['place']}: {tampered['message']}",
    )
    missed = say("未被发现", "NOT FOUND")
    return [
        (say("审计包", "audit bundle"), f"{held}\n{verified}"),
        (say("改动一个字节后", "after one changed byte"), found if tampered["place"] else missed),
        (say("审计包在哪里", "where the bundle is"), then),
    ]


def _summary(data: dict[str, Any], place: Path | None) -> Table:
    yes, no = say("一致", "verified"), say("不符", "NOT verified")
    stages = ", ".join(f"{word(slug, LANG)} {done}" for slug, done in data["stages"].items())
    rows = [
        (say("活动", "campaign"), data["campaign"]),
        (say("学校 / 学生", "schools / pupils"), f"{data['schools']} / {data['pupils']}"),
        (say("事件", "events"), str(data["events"])),
        (say("通知", "notices"), _counts(data["notices_by_purpose"])),
        (say("通知去向", "outbox"), _outbox(data["outbox"])),
        (say("已发出的通知", "notices that went out"), _mails(data)),
        (say("夜间暂缓的通知", "held over night"), _overnight(data["held_overnight"])),
        (say("被规则拒绝的操作", "refused by the rules"), _refused(data["refusals"])),
        (say("完成阶段的学校", "schools that completed"), stages),
        (say("毕业去向", "destinations"), _counts(data["destinations"])),
        (say("稳定回访", "retention"), _counts(data["retention"])),
        *readable(data),
        (say("结算试算", "trial settlement"), _settlement(data["settlement"])),
        (say("结算过程", "settlement runs"), _runs(data["settlement_runs"])),
        (say("台账", "ledger"), yes if data["ledger_verified"] else no),
        (say("不变量", "invariants"), _invariants(data)),
        (
            say("历史重放", "replay of histories"),
            f"{data['replayed']}/{data['histories']} {yes if data['replay_ok'] else no}",
        ),
        *_bundle(data.get("bundle"), place),
        (say("用时", "time"), f"{data['seconds']} s"),
    ]
    if "notices_by_week" in data:
        weeks = data["notices_by_week"]
        busiest = max(weeks.items(), key=lambda week: week[1], default=("—", 0))
        rows.insert(4, (say("通知最多的一周", "busiest week of notices"), f"{busiest[0]}: {busiest[1]}"))
        clashes = [f"{word(clash['stage'], LANG)} {clash['due']} ({clash['code']})" for clash in data["collisions"]]
        rows.insert(5, (say("截止日期冲突", "due dates that collide"), "; ".join(clashes) or "—"))
    return _table(rows)


def _table(rows: Iterable[tuple[str, str]]) -> Table:
    table = Table(show_header=False)
    table.add_column()
    table.add_column(overflow="fold")  # an ellipsis would take the place of a comma at a Chinese line's end
    for name, value in rows:
        table.add_row(name, value)
    return table
