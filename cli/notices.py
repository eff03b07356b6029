"""`notices`: what is in the outbox, how each attempt went, how a notice reads; and the commands over notices."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from cyclopts import App, Parameter
from rich.text import Text

from activities.directory import RecordDirectory
from cli.failures import NOT_FOUND, Failure, not_found, usage
from cli.language import LANG
from cli.notice_access import BUREAU_READERS, READERS, require_open, require_role
from cli.notices_templates import NO_CODE, preview_all, preview_of
from cli.notices_view import (
    code_phrase,
    glossary,
    glossary_data,
    listed,
    muting,
    one,
    require_purpose,
    school_of,
    shown_row,
    unknown_notice,
    waiting,
)
from cli.options import CampaignName, Face, say
from cli.rooms import Rooms
from cli.ways_out import ways_out
from domain.notices import PUPIL, NoticeState
from domain.sending_events import Channel
from domain.time import SHANGHAI
from notices.catalogue import catalogue
from notices.compose import CodeRequest, Notice, UnsendableError, compose
from registry.records import Household
from registry.staff_file import StaffMember

_FACE = Face()
State = Literal[
    "planned", "held", "denied", "cleared", "muted", "submitted", "accepted", "delivered", "read",
    "failed_temporary", "failed_permanent", "unknown", "expired",
]  # fmt: skip
"""`domain.notices.NoticeState`, as an option names one."""

ELSEWHERE: Final[tuple[tuple[str, str, str, str], ...]] = (
    ("retry", "cli.notices_control:retry", "重发（须有理由）", "send once more; needs a reason"),
    ("mute", "cli.notices_control:mute", "停发几条通知（须有理由）", "stop single notices; needs a reason"),
    ("settle", "cli.notices_control:settle", "认定结果不明的通知（须有理由）", "say whether an unknown one went out"),
    ("kill", "cli.notices_control:kill", "停发一个渠道、用途或学校（须有理由）", "stop a channel, purpose or school"),
    ("release", "cli.notices_control:release", "恢复发送（须有理由）", "let go what a kill switch holds"),
    ("tasks", "cli.notice_lists:tasks", "待打的电话、待交的信", "calls and letters that wait for a person"),
    ("print", "cli.notice_lists:print_", "打印告知信和回执", "the letters to print, with their receipts"),
    ("done", "cli.notices_people:done", "登记电话、纸质告知的结果", "what became of calls and letters"),
    ("opt-out", "cli.notices_people:opt_out", "登记不再接收可选通知", "a person wants no optional notices"),
    ("opt-in", "cli.notices_people:opt_in", "登记恢复接收可选通知", "a person wants them again"),
    ("check", "cli.notices_templates:check", "检查模板和依据能否发布", "whether templates and claims can be published"),
    ("senders", "cli.notices_templates:senders", "公布通知从哪里发出", "from whom families get messages, to publish"),
    ("forecast", "cli.notices_cost:forecast", "短信用量、预计和费用", "text messages: used, foreseen, their cost"),
)
"""Commands of other modules, which are imported when they are used: name, where, and what it does (zh, en)."""

app = App(name="notices", help_format="plaintext", version_flags=[])
for _name, _path, _zh, _en in ELSEWHERE:
    app.command(_path, name=_name, help=say(_zh, _en))


@app.command(name="list", help=say("查看待发和已发通知", "what is planned and what was sent"))
async def list_(
    campaign: CampaignName,
    *,
    state: Annotated[State | None, Parameter(help=say("只看这种状态", "only this state"))] = None,
    purpose: Annotated[str | None, Parameter(help=say("只看这种用途", "only this purpose"))] = None,
    channel: Annotated[Channel | None, Parameter(help=say("只看这个渠道", "only this channel"))] = None,
    school: Annotated[str | None, Parameter(help=say("只看这所学校", "only this school"))] = None,
    dead: Annotated[
        bool, Parameter(negative="", help=say("只看无法发出、须人处理的", "only those that failed for good"))
    ] = False,
    face: Face = _FACE,
) -> int:
    """Show the outbox: counts, each channel's backlog, what is shut, and rows by reference; no name, no address."""
    if dead and state not in (None, NoticeState.FAILED_PERMANENT):
        raise usage(
            "CHOICE_NEEDED",
            say("--dead 和 --state 只能填写一项。", "Give --dead or --state, one of the two."),
            place="--dead, --state",
        )
    if purpose is not None:
        require_purpose(purpose)
    async with Rooms(face.settings()) as rooms:
        board = await rooms.board(campaign, school)
        outbox = (await rooms.ledger()).outbox
        found = await outbox.find(campaign, state=NoticeState.FAILED_PERMANENT if dead else state, purpose=purpose)
        rows = [
            shown_row(row) for row in found if channel in (None, row["channel"]) and school in (None, school_of(row))
        ]
        data = {
            "campaign": campaign,
            "total": len(rows),
            **{
                f"by_{name}": dict(sorted(Counter(row[name] for row in rows).items()))
                for name in ("state", "purpose", "channel")
            },
            "suppressed": len({row["student"] for row in await outbox.suppressions(campaign)}),
            "killed": board[campaign].get("killed", []),
            "backlog": [
                asdict(one_)
                for one_ in await outbox.backlog(campaign, datetime.now(SHANGHAI))
                if channel in (None, one_.channel)
            ],
            "notices": rows,
        }
    face.show(data, lambda: listed(data, narrowed=dead or any(one_ is not None for one_ in (state, purpose, school))))
    return 0


@app.command(help=say("查看一条通知的各次发送", "one notice and its attempts"))
async def show(
    notice: Annotated[str, Parameter(help=say("通知编号 ntc_…", "the notice's reference, ntc_…"))],
    *,
    face: Face = _FACE,
) -> int:
    """Show one row of the outbox: why it waits and until when, every attempt, and what was told of it since."""
    settings = face.settings()
    async with Rooms(settings) as rooms:
        ledger = await rooms.ledger()
        row = await ledger.outbox.notice(notice)
        if row is None:
            raise unknown_notice(notice)
        board = await ledger.board(row["campaign"])
        muted = row["state"] == NoticeState.MUTED
        data = {
            "notice": shown_row(row),
            "waits": waiting(row, board.get(row["campaign"], {}).get("killed", []), ways_out(settings)),
            "muted": muting([one_ async for one_ in ledger.events(row["campaign"])], notice) if muted else None,
            "attempts": [shown_row(attempt) for attempt in await ledger.outbox.attempts(notice)],
            "journal": [shown_row(entry) for entry in await ledger.outbox.journal(notice)],
        }
    face.show(data, lambda: one(data))
    return 0


@app.command(name="glossary", help=say("通知状态和代码的含义", "what the states and codes of notices mean"))
def glossary_(*, face: Face = _FACE) -> int:
    """Show the glossary of states, codes and classes; it asks no ledger."""
    data = glossary_data()
    face.show(data, lambda: glossary(data))
    return 0


@app.command(help=say("预览通知文字", "how a notice reads"))
async def preview(
    purpose: Annotated[str | None, Parameter(help=say("用途，如 choice_notice", "purpose, as choice_notice"))] = None,
    *,
    all_: Annotated[
        bool, Parameter(name="--all", negative="", help=say("预览全部通知", "every notice, before a campaign starts"))
    ] = False,
    channel: Annotated[
        Channel | None, Parameter(help=say("与 --all 同用：只看这个渠道", "with --all: only this channel"))
    ] = None,
    campaign: Annotated[str | None, Parameter(help=say("活动（预览真实通知）", "for a real one: the campaign"))] = None,
    student: Annotated[str | None, Parameter(help=say("学生编号", "the pupil's reference"))] = None,
    by: Annotated[str | None, Parameter(help=say("查看人的 staff_ref", "staff_ref of who looks"))] = None,
    face: Face = _FACE,
) -> int:
    """Render a notice with made-up values; with a campaign and a pupil the real one, on the terminal only."""
    if all_ or purpose is None or channel is not None:
        if not all_ or any((purpose, campaign, student, by)):
            raise usage(
                "CHOICE_NEEDED",
                say("请填写一种用途，或只用 --all。", "Name one purpose, or give --all alone."),
                place="PURPOSE, --all",
            )
        return preview_all(face, channel)
    require_purpose(purpose)
    given = {"--campaign": campaign, "--student": student, "--by": by}
    if any(given.values()):
        missing = [name for name, value in given.items() if value is None]
        if missing:
            raise usage(
                "OPTIONS_BELONG_TOGETHER",
                say(
                    "这三个选项须同时使用：--campaign、--student、--by。", "--campaign, --student and --by go together."
                ),
                place=missing[0],
            )
        if face.json or not sys.stdout.isatty():
            raise usage(
                "TERMINAL_ONLY",
                say(
                    "真实通知含个人信息，只在终端显示。",
                    "A real notice holds personal data and is shown on a terminal only.",
                ),
                place="--json" if face.json else "stdout",
                remedy=say("请在终端运行，不要转存。", "Run it in a terminal, without --json and without a pipe."),
            )
        data = await _real(face, purpose, campaign or "", student or "", by or "")
    else:
        data = preview_of(catalogue().find(purpose), LANG, None)
    face.show(data, lambda: Text(f"{data['subject']}\n\n{data['text']}"))
    return 0


async def _real(face: Face, purpose: str, campaign: str, student: str, by: str) -> dict[str, Any]:
    """Compose the newest notice of a purpose to a family, for somebody who may see it."""
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        registry = await rooms.registry()
        member = await registry.staff_member(campaign, by)
        if member is None:
            raise not_found("stf_")
        household = await registry.household(student)
        if household is None:
            raise unknown_notice(student)
        _require_access(member, household)
        ledger = await rooms.ledger()
        of_pupil = catalogue().find(purpose).audience == "pupil"
        recipient = f"{PUPIL}{student}" if of_pupil else student
        rows = await ledger.outbox.find(campaign, purpose=purpose, recipient=recipient)
        if not rows:
            raise unknown_notice(f"{purpose} {student}")
        notice = Notice(**{name: rows[-1][name] for name in Notice._fields})
        try:
            mail, template = await compose(notice, RecordDirectory(ledger, registry, _no_code), "preview@invalid", LANG)
        except UnsendableError as error:
            raise _unsendable(error.code, student) from None
    return {"purpose": purpose, "template": template, "subject": mail.subject, "text": mail.text}


def _require_access(member: StaffMember, household: Household) -> None:
    """Let the pupil's own class head, the school's leaders, the bureau and who oversees it look.

    Raises:
        Refusal: WRONG_SCHOOL, NOT_OWN_CLASS, ROLE_NOT_ALLOWED.
    """
    require_role(member, (*READERS, *BUREAU_READERS), "notices preview")
    require_open(member, household)


async def _no_code(requests: Sequence[CodeRequest]) -> list[str]:
    """Stand in for the gateway: looking at a letter makes no code."""
    return [NO_CODE] * len(requests)


def _unsendable(code: str, student: str) -> Failure:
    return Failure(
        NOT_FOUND,
        code,
        say(f"这条通知没有可看的文字：{code_phrase(code)}。", f"This notice has no text to show: {code_phrase(code)}."),
        place=student,
        remedy=say("请用 notices glossary 查看代码的含义和办法。", "See `notices glossary` for the code."),
    )
