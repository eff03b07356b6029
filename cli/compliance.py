"""`compliance`: cases of complaint and suspicion, their holds, what they find, and appeals (INV-30, INV-32)."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from rich.console import Group
from rich.table import Table
from rich.text import Text

from cli.compliance_case import act, details, events_of, line_of, reader, until_begun
from cli.failures import usage
from cli.labels import own_label
from cli.options import LANG, By, CampaignName, Change, Face, say
from cli.rooms import Rooms
from cli.stage import end
from domain.complaints import case_stream
from domain.event_values import VALUES
from domain.words import WORDS

_FACE = Face()

Case = Annotated[str, Parameter(help=say("案件编号", "the case's reference"))]
School = Annotated[str | None, Parameter(help=say("学校标识码", "a school's code"))]
ClassId = Annotated[str | None, Parameter(name="--class", help=say("班级，如 2023-01", "a class, as 2023-01"))]
Scope = Literal["student", "class", "school", "campaign"]
Matter = Literal[
    "pressure",
    "fee",
    "certificate",
    "false_information",
    "unregistered_visit",
    "data",
    "exam_waiver",
    "paid_recruiting",
    "forged_consent",
    "funding_source",
    "other",
]
Violation = Literal[
    "paid_recruiting",
    "pressure",
    "forged_consent",
    "false_report",
    "unregistered_visit",
    "data",
    "exam_waiver",
    "other",
]

app = App(name="compliance", help_format="plaintext", version_flags=[])


@app.command(name="list", help=say("全部案件，逾期在前", "all cases, overdue first"))
async def list_cases(campaign: CampaignName, *, by: By, face: Face = _FACE) -> int:
    """List the cases of a campaign; for the auditor and the discipline officer."""
    async with Rooms(face.settings()) as rooms:
        board = await rooms.board(campaign)
        await reader(rooms, campaign, by)
        lines = [line for name, line in board.items() if name.startswith(case_stream(campaign, ""))]
        lines.sort(key=lambda line: (line["status"] == "closed", not line["overdue"], line["case"]))
        face.show({"campaign": campaign, "cases": lines}, lambda: _table(lines))
        return 0


@app.command(help=say("查看一个案件的全部经过", "one case with every step"))
async def show(campaign: CampaignName, case: Case, *, by: By, face: Face = _FACE) -> int:
    """Show a case from the record; for the auditor and the discipline officer."""
    async with Rooms(face.settings()) as rooms:
        line = await line_of(rooms, campaign, case)
        await reader(rooms, campaign, by)
        whole = {**line, **details(await events_of(rooms, campaign, case))}
        steps = [f"{step['at'][:16].replace('T', ' ')}  {step['message']}" for step in whole["steps"]]
        face.show(whole, lambda: Group(_table([line]), *(Text(step) for step in steps)))
        return 0


@app.command(help=say("报告可疑情况，立案", "open a case without a complaint"))
async def report(
    campaign: CampaignName,
    *,
    about: Annotated[str, Parameter(help=say("涉及单位：学校标识码或 bureau", "a school's code, or bureau"))],
    matter: Annotated[Matter, Parameter(help=say("事由", "what it is about"))],
    change: Change,
    face: Face = _FACE,
) -> int:
    """Report a suspicion; the other of the two offices owns the case."""
    own = Change(
        by=change.by,
        command_id=change.command_id or str(uuid.uuid4()),
        note=change.note,
        occurred_at=change.occurred_at,
    )
    name = own_label("s", str(own.command_id))
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        command = await rooms.command(campaign, own, "report_suspicion", case=name, about=about, matter=matter.upper())
        answer = await rooms.submit(campaign, command)
        if answer.accepted:
            await until_begun(rooms, campaign, name)
        return end(face, answer, case=name)


@app.command(help=say("开始调查", "look into it"))
async def investigate(campaign: CampaignName, case: Case, *, change: Change, face: Face = _FACE) -> int:
    """Open the investigation; the owner only."""
    return await act("open_investigation", campaign, case, change, face)


@app.command(help=say("暂停计数和支付（须有理由）", "hold counting and payment; needs a reason"))
async def hold(
    campaign: CampaignName,
    case: Case,
    scope: Annotated[Scope, Parameter(help=say("学生、班级、学校、整个活动", "how far it reaches"))],
    *,
    school: School = None,
    class_id: ClassId = None,
    student: Annotated[str | None, Parameter(help=say("学生编号", "a pupil's reference"))] = None,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Hold counting and payment of a pupil, a class, a school or the campaign; nothing else (INV-30)."""
    needed = {"student": (school, student), "class": (school, class_id), "school": (school,), "campaign": ()}[scope]
    if None in needed:
        raise usage(
            "PLACE_MISSING",
            say("请写明暂停的范围。", "Say what is to be held."),
            place="--school, --class, --student",
            remedy=say(
                "student 须有 --school 和 --student，class 须有 --school 和 --class，school 须有 --school。",
                "student needs --school and --student, class --school and --class, school --school.",
            ),
        )
    place = {"school": school, "class_id": class_id, "student": student}
    return await act("place_hold", campaign, case, change, face, scope=scope, **place)


@app.command(help=say("恢复计数和支付（须有理由）", "release a hold; needs a reason"))
async def release(
    campaign: CampaignName,
    case: Case,
    hold_name: Annotated[str, Parameter(help=say("暂停的编号，见 show", "the hold, as `show` names it"))],
    *,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Release a hold; what it covered is counted again."""
    return await act("release_hold", campaign, case, change, face, hold=hold_name)


@app.command(help=say("认定违规（须有理由）", "find a violation; needs a reason"))
async def confirm(
    campaign: CampaignName,
    case: Case,
    violation: Annotated[Violation, Parameter(help=say("违规类型", "what was found"))],
    *,
    school: School = None,
    class_id: ClassId = None,
    student: Annotated[
        tuple[str, ...], Parameter(help=say("涉及的学生，可多次填写", "a pupil concerned; may be repeated"))
    ] = (),
    change: Change,
    face: Face = _FACE,
) -> int:
    """Confirm a violation; the unit concerned can appeal, then it is final."""
    fields: dict[str, Any] = {"violation": violation.upper(), "school": school, "class_id": class_id}
    return await act("confirm_violation", campaign, case, change, face, **fields, students=list(student))


@app.command(help=say("不予认定（须有理由）", "find none; needs a reason"))
async def dismiss(campaign: CampaignName, case: Case, *, change: Change, face: Face = _FACE) -> int:
    """Dismiss a suspicion, or take back what is not final yet; told to everybody who was told before."""
    return await act("dismiss_violation", campaign, case, change, face)


@app.command(help=say("延长办案期限一次（须有理由）", "extend the time, once; needs a reason"))
async def extend(campaign: CampaignName, case: Case, *, change: Change, face: Face = _FACE) -> int:
    """Take as many working days again, once."""
    return await act("extend_case_deadline", campaign, case, change, face)


@app.command(help=say("移送纪检（须有理由）", "hand it to the discipline office; needs a reason"))
async def refer(campaign: CampaignName, case: Case, *, change: Change, face: Face = _FACE) -> int:
    """Refer a case; it stays open until the answer is here or it is closed."""
    return await act("refer_case", campaign, case, change, face)


@app.command(help=say("当事单位申诉；--outcome 为裁定", "appeal as the unit concerned; --outcome decides it"))
async def appeal(
    campaign: CampaignName,
    case: Case,
    *,
    outcome: Annotated[
        Literal["granted", "rejected"] | None,
        Parameter(help=say("裁定结果；由未经手的人员填写", "the decision, by somebody without a hand in the case")),
    ] = None,
    change: Change,
    face: Face = _FACE,
) -> int:
    """File an appeal, or decide one."""
    if outcome is None:
        return await act("file_case_appeal", campaign, case, change, face)
    return await act("decide_case_appeal", campaign, case, change, face, outcome=outcome.upper())


@app.command(help=say("办结已移送的案件（须有理由）", "close a case that was referred; needs a reason"))
async def close(campaign: CampaignName, case: Case, *, change: Change, face: Face = _FACE) -> int:
    """Close a referred case; every other case ends by itself when it is final."""
    return await act("close_case", campaign, case, change, face)


def _table(lines: list[dict[str, Any]]) -> Table:
    table = Table(
        say("案件", "case"),
        say("事由", "matter"),
        say("涉及", "about"),
        say("状态", "status"),
        say("期限", "by"),
        say("暂停", "holds"),
    )
    for line in lines:
        status = WORDS[f"case_{line['status']}"][LANG] + (say("，逾期", ", overdue") if line["overdue"] else "")
        by = line.get("appeal_by") or line.get("decide_by") or "—"
        matter = VALUES["matter"][line["matter"]][LANG == "en"]
        table.add_row(line["case"], matter, line["about"], status, by, ", ".join(line["holds"]))
    return table
