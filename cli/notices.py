"""`notices`: what is in the outbox, how each attempt went, and how a notice reads."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from cyclopts import App, Parameter
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from activities.directory import RecordDirectory
from cli.failures import NOT_FOUND, Failure, not_found, usage
from cli.language import LANG
from cli.options import CampaignName, Face, say
from cli.rooms import Rooms
from cli.stage_view import word
from domain.notices import PUPIL, NoticeState
from domain.refusal import Refusal
from domain.time import SHANGHAI, at
from notices.answer_line import answer_line
from notices.catalogue import Kind, Language, catalogue
from notices.compose import COMPLAINT_LINES, CodeRequest, Notice, UnsendableError, compose
from notices.render import render
from registry.staff_file import StaffMember

_FACE = Face()
State = Literal["planned", "submitted", "accepted", "failed_temporary", "failed_permanent", "unknown", "cancelled"]
SHOWN: Final = 50
"""Rows on the screen; `--json` has all."""

NO_CODE: Final = "XXXX-XXXX"
"""In place of an answer code: a preview makes none."""

READERS: Final = ("class_head", "grade_leader", "principal")
"""Roles of a school that may see what its families are sent; class heads their own classes only."""

BUREAU_READERS: Final = ("bureau_officer", "bureau_approver", "discipline_officer", "auditor")

SYNTHETIC: Final[dict[str, dict[Language, str]]] = {
    "pupil_name": {"zh": "（学生姓名）", "en": "(pupil's name)"},
    "school": {"zh": "（学校名称）", "en": "(school's name)"},
    "host": {"zh": "（接待学校）", "en": "(host school)"},
    "document": {"zh": "（文件版本）", "en": "(version)"},
    "complaint": {"zh": "（投诉编号）", "en": "(reference)"},
    "case": {"zh": "（案件编号）", "en": "(case)"},
    "listed_school": {"zh": "（签署时选择的学校）", "en": "(school signed for)"},
    "period": {"zh": "（周或月）", "en": "(week or month)"},
    "student": {"zh": "（学生编号）", "en": "(pupil's reference)"},
}

app = App(name="notices", help_format="plaintext", version_flags=[])


@app.command(name="list", help=say("查看待发和已发通知", "what is planned and what was sent"))
async def list_(
    campaign: CampaignName,
    *,
    state: Annotated[State | None, Parameter(help=say("只看这种状态", "only this state"))] = None,
    purpose: Annotated[str | None, Parameter(help=say("只看这种用途", "only this purpose"))] = None,
    face: Face = _FACE,
) -> int:
    """Show the outbox: counts, and rows by reference; no name, no address."""
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        outbox = (await rooms.ledger()).outbox
        rows = await outbox.find(campaign, state=state, purpose=purpose)
        data = {
            "campaign": campaign,
            "total": len(rows),
            "by_state": dict(sorted(Counter(row["state"] for row in rows).items())),
            "by_purpose": dict(sorted(Counter(row["purpose"] for row in rows).items())),
            "suppressed": len({row["student"] for row in await outbox.suppressions(campaign)}),
            "notices": rows,
        }
    face.show(data, lambda: _listed(data))
    return 0


@app.command(help=say("查看一条通知的各次发送", "one notice and its attempts"))
async def show(
    notice: Annotated[str, Parameter(help=say("通知编号 ntc_…", "the notice's reference, ntc_…"))],
    *,
    face: Face = _FACE,
) -> int:
    """Show one row of the outbox with every attempt."""
    async with Rooms(face.settings()) as rooms:
        outbox = (await rooms.ledger()).outbox
        row = await outbox.notice(notice)
        if row is None:
            raise _unknown(notice)
        data = {"notice": row, "attempts": await outbox.attempts(notice)}
    face.show(data, lambda: _one(data))
    return 0


@app.command(help=say("预览通知文字", "how a notice reads"))
async def preview(
    purpose: Annotated[str, Parameter(help=say("用途，如 choice_notice", "purpose, as choice_notice"))],
    *,
    campaign: Annotated[str | None, Parameter(help=say("活动（预览真实通知）", "for a real one: the campaign"))] = None,
    student: Annotated[str | None, Parameter(help=say("学生编号", "the pupil's reference"))] = None,
    by: Annotated[str | None, Parameter(help=say("查看人的 staff_ref", "staff_ref of who looks"))] = None,
    face: Face = _FACE,
) -> int:
    """Render a notice with made-up values; with a campaign and a pupil the real one, on the terminal only."""
    if purpose not in catalogue().purposes:
        raise _no_purpose(purpose)
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
        data = _made_up(purpose)
    face.show(data, lambda: Text(f"{data['subject']}\n\n{data['text']}"))
    return 0


def _made_up(purpose: str) -> dict[str, Any]:
    template = catalogue().find(purpose)
    values = {name: _example(name, kind) for name, kind in template.variables.items()}
    rendered = render(purpose, LANG, values)
    return {"purpose": purpose, "template": rendered.template, "subject": rendered.subject, "text": rendered.text}


def _example(name: str, kind: Kind) -> Any:
    match kind:
        case "instant":
            return at(datetime.now(SHANGHAI).date() + timedelta(days=7))
        case "day":
            return datetime.now(SHANGHAI).date() + timedelta(days=7)
        case "flag":
            return True
        case "count":
            return 3
        case "word":
            return "parent-meetings"
        case "blockers":
            return [{"code": "HOUSEHOLDS_NOT_INVITED", "count": 3}, {"code": "SESSIONS_NOT_HELD", "count": 1}]
        case "text":
            if name == "complaint_line":
                return COMPLAINT_LINES[LANG].format(number="12345")
            if name == "answer_line":
                return answer_line(None, "12345", LANG)
            return NO_CODE if name == "answer_code" else SYNTHETIC[name][LANG]


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
            raise _unknown(student)
        _require_access(member, household.school, household.class_id)
        ledger = await rooms.ledger()
        of_pupil = catalogue().find(purpose).audience == "pupil"
        recipient = f"{PUPIL}{student}" if of_pupil else student
        rows = await ledger.outbox.find(campaign, purpose=purpose, recipient=recipient)
        if not rows:
            raise _unknown(f"{purpose} {student}")
        notice = Notice(**{name: rows[-1][name] for name in Notice.__dataclass_fields__})
        try:
            mail, template = await compose(notice, RecordDirectory(ledger, registry, _no_code), "preview@invalid", LANG)
        except UnsendableError as error:
            raise _unsendable(error.code, student) from None
    return {"purpose": purpose, "template": template, "subject": mail.subject, "text": mail.text}


def _require_access(member: StaffMember, school: str, class_id: str) -> None:
    """Let the pupil's own class head, the school's leaders and the bureau look.

    Raises:
        Refusal: WRONG_SCHOOL, ROLE_NOT_ALLOWED.
    """
    if member.role in BUREAU_READERS:
        return
    if member.role not in READERS:
        allowed = [*READERS, *BUREAU_READERS]
        raise Refusal("ROLE_NOT_ALLOWED", role=member.role, command="notices preview", allowed=allowed)
    if member.school != school or (member.role == "class_head" and class_id not in member.classes):
        raise Refusal("WRONG_SCHOOL")


async def _no_code(requests: Sequence[CodeRequest]) -> list[str]:
    """Stand in for the gateway: looking at a letter makes no code."""
    return [NO_CODE] * len(requests)


def _listed(data: Mapping[str, Any]) -> RenderableType:
    head = [f"{state_word(state)} {count}" for state, count in data["by_state"].items()]
    lines: list[RenderableType] = [
        Text(say(f"共 {data['total']} 条：", f"{data['total']} notices: ") + ", ".join(head))
    ]
    table = Table(
        say("通知", "notice"), say("用途", "purpose"), say("收件", "recipient"), say("状态", "state"),
        say("次数", "tries"), say("代码", "code"),
    )  # fmt: skip
    unfinished = [row for row in data["notices"] if row["state"] != NoticeState.ACCEPTED]
    for row in (unfinished or data["notices"])[:SHOWN]:
        table.add_row(
            row["notice_id"],
            word(row["purpose"], LANG),
            _reader(row),
            state_word(row["state"]),
            str(row["attempts"]),
            row["code"] or "",
        )
    if data["notices"]:
        lines.append(table)
    return Group(*lines)


def _one(data: Mapping[str, Any]) -> RenderableType:
    row = data["notice"]
    lines = [
        f"{row['notice_id']} {word(row['purpose'], LANG)} → {_reader(row)}: {word(row['state'], LANG)}"
        + (f" [{row['code']}]" if row["code"] else ""),
        say(
            f"起因 {row['cause']}，计划于 {row['planned_at']}",
            f"because of {row['cause']}, planned {row['planned_at']}",
        ),
    ]
    for attempt in data["attempts"]:
        outcome = attempt["outcome"] or NoticeState.SUBMITTED
        more = " ".join(filter(None, (attempt["code"], attempt["provider_id"])))
        lines.append(f"  {attempt['number']}. {attempt['started_at']} {word(outcome, LANG)} {more}".rstrip())
    return Text("\n".join(lines))


def _reader(row: Mapping[str, Any]) -> str:
    """Return whom a notice goes to: of a household the person, once that was looked up."""
    return str(row["recipient"] if row["person"] is None else f"{row['recipient']} {row['person']}")


def _unknown(place: str) -> Failure:
    return Failure(
        NOT_FOUND,
        "NOTICE_UNKNOWN",
        say("没有这条通知，或没有这名学生。", "There is no such notice, or no such pupil."),
        place=place,
        remedy=say("请用 notices list 查看编号。", "See `notices list` for references."),
    )


def _unsendable(code: str, student: str) -> Failure:
    return Failure(
        NOT_FOUND,
        code,
        say("这条通知无法用电子邮件发送。", "This notice cannot go out by e-mail."),
        place=student,
        remedy=say(
            "请核对名册中的邮箱和学生信息，或改用纸质告知。",
            "Check the addresses and the pupil on the roster, or inform the family on paper.",
        ),
    )


def _no_purpose(purpose: str) -> Failure:
    known = ", ".join(catalogue().purposes)
    return usage(
        "PURPOSE_UNKNOWN",
        say("没有这种通知。", "There is no such notice."),
        place=purpose,
        remedy=say(f"可选：{known}。", f"Choose one of: {known}."),
    )


def state_word(state: str) -> str:
    """Return what a notice's state is called; a planned one waits, while a planned stage is not open yet."""
    return word("notice_planned" if state == NoticeState.PLANNED else state, LANG)
