"""`aid`: student aid by months of attendance: lists, months, runs, payment (R-14, INV-33; scenario S11)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import App, Parameter
from rich.table import Table

from audit.aid import campaign_of, follow_ups, unregistered
from cli.aid_rows import Rows, attended_rows, entitled_rows
from cli.failures import REFUSED, usage
from cli.options import LANG, CampaignName, Change, Face, console, say
from cli.refusals import refused_of
from cli.rooms import Rooms
from cli.stage import end
from domain.refusal import Refusal
from domain.sentences import sentence
from domain.stream import UnknownEventError

_FACE = Face()

List = Annotated[str, Parameter(name="LIST", help=say("名单名称，如 aid-2026", "the list's name, as aid-2026"))]
Run = Annotated[str, Parameter(name="RUN", help=say("发放表名称，如 y1-t1", "the run's name, as y1-t1"))]
Student = Annotated[str, Parameter(help=say("学生编号 stu_…", "the pupil's reference stu_…"))]
Month = Annotated[str, Parameter(help=say("月份，如 2027-02", "a month, as 2027-02"))]
Sheet = Annotated[Path, Parameter(name="FILE", help=say("表格（CSV、XLSX）", "the sheet: CSV or XLSX"))]

_SUBCOMMANDS: Final = (
    ("template", "cli.aid_show:template", "生成名单或到校月份的登记表", "write the sheet of a list or of months"),
    ("notice", "cli.aid_show:notice", "生成公示表（仅姓名、学校、年级）", "write what is shown in public: names only"),
    ("show", "cli.aid_show:show", "查看名单和发放表", "lists and runs"),
    ("explain", "cli.aid_show:explain", "某生每月发放的依据", "why a pupil's months were paid or not"),
)

app = App(name="aid", help_format="plaintext", version_flags=[])
for _name, _path, _zh, _en in _SUBCOMMANDS:
    app.command(_path, name=_name, help=say(_zh, _en))


# -- lists --------------------------------------------------------------------------------------------------------


@app.command(help=say("编制资助名单", "draw up a list of entitled pupils"))
async def entitle(file: Sheet, campaign: CampaignName, listed: List, *, change: Change, face: Face = _FACE) -> int:
    """Read a list; all rows or none. An account's number is read here and becomes a reference."""
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        rows = entitled_rows(file, rooms.pepper())
        return await _rows(rooms, campaign, change, face, rows, "draft_aid_list", listed=listed)


@app.command(help=say("公示名单", "put a list on public view"))
async def publish(campaign: CampaignName, listed: List, *, change: Change, face: Face = _FACE) -> int:
    """Show a list for the working days that the policy names; it comes down by itself."""
    return await _act("publish_aid_list", campaign, change, face, listed=listed)


@app.command(
    name="object", help=say("对名单上一名学生提出异议（须有理由）", "object to a pupil's place, with a reason")
)
async def object_(campaign: CampaignName, listed: List, student: Student, *, change: Change, face: Face = _FACE) -> int:
    """Object while the list is not approved."""
    return await _act("object_to_aid", campaign, change, face, listed=listed, student=student)


@app.command(help=say("处理异议（须为另一人，须有理由）", "decide an objection; another person, with a reason"))
async def decide(
    campaign: CampaignName,
    listed: List,
    student: Student,
    outcome: Annotated[
        Literal["upheld", "not_upheld"], Parameter(help=say("成立：移出名单；不成立：保留", "upheld: off the list"))
    ],
    *,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Decide; by somebody who neither drew up the list nor objected."""
    fields = {"listed": listed, "student": student, "outcome": outcome.upper()}
    return await _act("decide_aid_objection", campaign, change, face, **fields)


@app.command(help=say("批准名单（须为另一人）", "approve a list; another person than its author"))
async def approve(campaign: CampaignName, listed: List, *, change: Change, face: Face = _FACE) -> int:
    """Approve a list after its public view."""
    return await _act("approve_aid_list", campaign, change, face, listed=listed)


@app.command(help=say("退回名单（须有理由）", "turn a list down, with a reason"))
async def reject(campaign: CampaignName, listed: List, *, change: Change, face: Face = _FACE) -> int:
    """Turn a list down that is not approved."""
    return await _act("reject_aid_list", campaign, change, face, listed=listed)


# -- months -------------------------------------------------------------------------------------------------------


@app.command(help=say("登记到校月份", "record months of attendance"))
async def attendance(file: Sheet, campaign: CampaignName, *, change: Change, face: Face = _FACE) -> int:
    """Read months of attendance; all rows or none."""
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        return await _rows(rooms, campaign, change, face, attended_rows(file), "record_aid_attendance")


@app.command(help=say("撤回误登的到校月份（须有理由）", "take back a wrong month, with a reason"))
async def withdraw(
    campaign: CampaignName, student: Student, month: Month, *, change: Change, face: Face = _FACE
) -> int:
    """Take a month back; if it was paid, the next run takes the money back."""
    return await _act("withdraw_aid_attendance", campaign, change, face, student=student, month=month_given(month))


@app.command(help=say("停发：此月之后不再发放（须有理由）", "no aid after this month, with a reason"))
async def stop(campaign: CampaignName, student: Student, month: Month, *, change: Change, face: Face = _FACE) -> int:
    """End a pupil's aid, as after leaving or before another school pays."""
    return await _act("stop_aid", campaign, change, face, student=student, last=month_given(month))


# -- runs ---------------------------------------------------------------------------------------------------------


@app.command(help=say("计算一学期的发放表", "compute what is due for a term"))
async def run(
    campaign: CampaignName,
    name: Run,
    *,
    term: Annotated[Literal[1, 2], Parameter(help=say("学期", "the term"))],
    year: Annotated[int, Parameter(help=say("学年：1 或 2", "the year of study, 1 or 2"))] = 1,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Compute from approved lists and recorded months.

    Who had left by the follow-ups is paid no later month, and who is registered nowhere none at all.
    """
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        ledger = await rooms.ledger()
        try:
            state, _ = await campaign_of(ledger, campaign)
        except UnknownEventError:
            raise Refusal("CAMPAIGN_NOT_APPROVED") from None
        found = await follow_ups(ledger, campaign, state.schools)
        aided = [row for row in found.left if row["student"] in state.aid.pupils]
        aided += await unregistered(ledger, state, found)
        fields = {"run": name, "study_year": year, "term": term, "left": aided, "basis": found.basis}
        return end(face, await rooms.submit(campaign, await rooms.command(campaign, change, "compute_aid", **fields)))


@app.command(name="approve-run", help=say("批准发放表（须为另一人）", "approve a run; another person than its author"))
async def approve_run(
    campaign: CampaignName,
    name: Run,
    version: Annotated[int, Parameter(help=say("版本", "its version"))],
    *,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Approve a version; it stays as it is from then on."""
    return await _act("approve_aid_run", campaign, change, face, run=name, version=version)


@app.command(help=say("登记一个发放单位的款项已办结", "record that a payer's money has moved"))
async def paid(
    campaign: CampaignName,
    name: Run,
    payer: Annotated[str, Parameter(help=say("发放单位标识码，或 bureau", "the payer's code, or bureau"))],
    *,
    document: Annotated[str, Parameter(help=say("支付凭证文号", "the document's number"))],
    change: Change,
    face: Face = _FACE,
) -> int:
    """Record a payment, or what was taken back; by somebody who neither computed nor approved the run."""
    return await _act("confirm_aid_paid", campaign, change, face, run=name, payer=payer, document=document)


# -- inside -------------------------------------------------------------------------------------------------------


async def _act(kind: str, campaign: str, change: Change, face: Face, **fields: Any) -> int:
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        return end(face, await rooms.submit(campaign, await rooms.command(campaign, change, kind, **fields)))


async def _rows(rooms: Rooms, campaign: str, change: Change, face: Face, rows: Rows, kind: str, **fields: Any) -> int:
    """Give a list; a row that is refused is named by its number in the file."""
    command = await rooms.command(campaign, change, kind, rows=[row for _, row in rows], **fields)
    try:
        answer = await rooms.submit(campaign, command)
    except Refusal as refusal:
        if refusal.code != "ROWS_REFUSED":
            raise
        refused = [
            {"row": rows[one["row"]][0], "code": one["code"], "message": sentence(one["code"], {}, LANG)}
            for one in refusal.parameters["rows"]
        ]
        _show_rows(face, refused)
        return REFUSED
    if refused_of(answer) is not None:
        return end(face, answer)
    return end(face, answer, rows=len(rows))


def _show_rows(face: Face, refused: list[dict[str, Any]]) -> None:
    if face.json:
        face.show({"accepted": False, "refused": refused, "receipt": None, "rows": 0}, Table)
        return
    table = Table(say("行", "row"), say("代码", "code"), say("原因", "why"))
    for row in refused:
        table.add_row(str(row["row"]), row["code"], row["message"])
    out = console(stderr=True)
    out.print(say("没有登记任何一行", "nothing was recorded"))
    out.print(table)


def month_given(text: str, place: str = "MONTH") -> str:
    """Return a month of the command line.

    Raises:
        Failure: MONTH_INVALID (2).
    """
    from cli.aid_rows import month as read  # noqa: PLC0415 - one reader of months

    found = read(text)
    if found is None:
        raise usage(
            "MONTH_INVALID",
            say("月份的写法不对。", "The month is malformed."),
            place=place,
            remedy=say("请写成 2026-09。", "Write it as 2026-09."),
        )
    return found
