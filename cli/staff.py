"""`staff import|replace`: who acts for a school. The registry keeps the people; the record keeps that it changed."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table

from cli.failures import NOT_FOUND, Failure, usage
from cli.options import CampaignName, Change, Face, say
from cli.refusals import refused_of
from cli.rooms import Rooms
from cli.stage import end
from protocol import school_id
from registry.records import digest_of
from registry.staff_file import StaffMember, load_staff

_FACE = Face()
REPLACED = ("class_head", "grade_leader", "principal")
"""Roles that `replace` hands over; the bureau's come with `import`."""

app = App(name="staff", help_format="plaintext", version_flags=[])


@app.command(name="import", help=say("导入人员名单，先看变化再提交", "take a list of staff; shows what changes first"))
async def import_(
    file: Path,
    campaign: CampaignName,
    *,
    change: Change,
    commit: Annotated[bool, Parameter(negative="", help=say("提交", "take it"))] = False,
    face: Face = _FACE,
) -> int:
    """Compare `staff.csv` with what is held; `--commit` takes it, and the record holds its digest."""
    async with Rooms(face.settings()) as rooms:
        board = await rooms.board(campaign)
        registry = await rooms.registry()
        first = await anext((await rooms.ledger()).events(campaign))
        members = load_staff(
            file,
            schools=list(board[campaign]["schools"]),
            receiving_schools=first["data"]["qualified_schools"],
            class_year=int(campaign.rsplit("/", 1)[1]),
        )
        held = {member.staff_ref: member for member in await registry.staff(campaign)}
        changes = compared(held, {member.staff_ref: member for member in members})
        counts = {name: len(found) for name, found in changes.items()}
        if not commit or not sum(counts.values()):
            data = {"campaign": campaign, "committed": False, **changes}
            face.show(data, lambda: _table(changes))
            return 0
        digest = digest_of([member.model_dump() for member in members])
        command = await rooms.command(campaign, change, "import_staff", digest=digest, **counts)
        answer = await rooms.submit(campaign, command)
        if refused_of(answer) is None:
            await registry.replace_staff(campaign, members)
        return end(face, answer, campaign=campaign, committed=refused_of(answer) is None, **changes)


@app.command(help=say("更换一名人员（须有理由）", "put another person in somebody's place; needs a reason"))
async def replace(
    campaign: CampaignName,
    leaving: Annotated[str, Parameter(help=say("离任者 staff_ref", "staff_ref of the one who leaves"))],
    joining: Annotated[str, Parameter(help=say("接任者 staff_ref", "staff_ref of the one who comes"))],
    *,
    name: Annotated[str, Parameter(help=say("接任者姓名", "name of the one who comes"))],
    email: Annotated[str, Parameter(help=say("接任者邮箱", "address of the one who comes"))] = "",
    on: Annotated[date, Parameter(help=say("自何日起", "from which day"))],
    change: Change,
    face: Face = _FACE,
) -> int:
    """Hand a school role with its classes to another person; both references stay in the record."""
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        registry = await rooms.registry()
        staff = {member.staff_ref: member for member in await registry.staff(campaign)}
        source = staff.get(leaving) or staff.get(joining)  # the same command again finds the follower there
        if source is None or source.role not in REPLACED:
            raise Failure(
                NOT_FOUND,
                "STAFF_UNKNOWN",
                say("名单中没有这个编号，或该人员不是学校人员。", "Nobody of a school has this reference."),
                place="LEAVING",
                remedy=say(
                    "请填写班主任、年级组长或校长的 staff_ref；其他人员请用 staff import。",
                    "Name a class head, grade leader or principal; the others come with `staff import`.",
                ),
            )
        if leaving in staff and joining in staff:
            raise usage(
                "STAFF_REF_TAKEN",
                say("接任者的编号已有人使用。", "The follower's reference is somebody's already."),
                place="JOINING",
                remedy=say(
                    "请为接任者另取编号；名单中的人员改任请用 staff import。",
                    "Give the follower a new one; who is on the list changes the role with `staff import`.",
                ),
            )
        command = await rooms.command(
            campaign,
            change,
            "replace_staff",
            leaving=leaving,
            joining=joining,
            role=source.role,
            classes=list(source.classes),
            on=on.isoformat(),
        )
        answer = await rooms.submit(school_id(campaign, source.school), command)
        if refused_of(answer) is None and leaving in staff:
            follower = source.model_copy(update={"staff_ref": joining, "name": name, "email": email})
            list_ = [follower if reference == leaving else member for reference, member in staff.items()]
            await registry.replace_staff(campaign, list_)
        return end(face, answer)


def compared(held: dict[str, StaffMember], new: dict[str, StaffMember]) -> dict[str, list[str]]:
    """Return the references that a list adds, changes and removes; no name and no address."""
    return {
        "added": [reference for reference in new if reference not in held],
        "changed": [reference for reference in new if reference in held and new[reference] != held[reference]],
        "removed": [reference for reference in held if reference not in new],
    }


def _table(changes: dict[str, Any]) -> Table:
    titles = {
        "added": say("新增", "added"),
        "changed": say("变更", "changed"),
        "removed": say("移除", "removed"),
    }
    table = Table(say("变化", "change"), say("人数", "number"), say("编号", "references"))
    for name, references in changes.items():
        table.add_row(titles[name], str(len(references)), ", ".join(references))
    return table
