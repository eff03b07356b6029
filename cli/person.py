"""`person`: look into a pupil's registry record, and who has looked (S15, INV-23).

The record of a look is written before the look. What is shown goes to stdout alone; events and errors have none.
"""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table
from rich.text import Text

from cli.failures import REFUSED, not_found, usage
from cli.given import Student
from cli.options import CODE, CampaignName, Change, Face, SchoolCode, say
from cli.outcome_due import state_of
from cli.refusals import refused_of, show_refusal
from cli.rooms import Rooms
from client import NotFoundError, actor_for
from domain.actors import require
from domain.care_events import AccessUsed
from domain.refusal import Refusal
from protocol import school_id
from registry.records import Caregiver, Household

_FACE = Face()

app = App(name="person", help_format="plaintext", version_flags=[])


@app.command(help=say("查看学生登记信息，先记后看", "look into a pupil's record; the look is recorded first"))
async def show(
    student: Student,
    campaign: CampaignName,
    *,
    purpose: Annotated[str, Parameter(help=say("用途代码，如 HOME_VISIT", "what for, a code, as HOME_VISIT"))],
    break_glass: Annotated[
        bool,
        Parameter(
            negative="",
            help=say(
                "不是本人包保的学生：限时查看，须有 --reason，并会报告", "not your pupil: for a time, with --reason"
            ),
        ),
    ] = False,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Show name, class and masked contacts to the pupil's carer and those in charge; to others behind the glass."""
    if not CODE.fullmatch(purpose):
        raise usage(
            "PURPOSE_INVALID",
            say("用途应为代码。", "The purpose must be a code."),
            place="--purpose",
            remedy=say("请用大写字母、数字和下划线，如 HOME_VISIT。", "Use capitals, digits and _, as HOME_VISIT."),
        )
    async with Rooms(face.settings()) as rooms:
        board = await rooms.board(campaign)
        registry = await rooms.registry()
        member = await registry.staff_member(campaign, change.for_ or change.by)
        schools = [member.school] if member is not None and member.school else list(board[campaign]["schools"])
        school = await _school_of(rooms, campaign, schools, student)
        fields: dict[str, Any] = {"student": student, "purpose": purpose}
        if member is not None and member.classes:
            fields["head_of"] = list(member.classes)
        if break_glass:
            fields["break_glass"] = True
        command = await rooms.command(campaign, change, "use_access", **fields)
        answer = await rooms.submit(school_id(campaign, school), command)
        receipt = answer.receipt.model_dump(mode="json")
        refusal = refused_of(answer)
        if refusal is not None:
            show_refusal(refusal, as_json=face.json, receipt=receipt)
            return REFUSED
        household = await registry.household(student)
        if household is None:
            raise not_found(student)
        data = {"accepted": True, "receipt": receipt, **record_of(household)}
        face.show(data, lambda: _details(data))
        return 0


@app.command(help=say("谁看过学生登记信息（审计、纪检）", "who has looked into records; for audit and discipline"))
async def accesses(
    campaign: CampaignName,
    *,
    by: Annotated[str, Parameter(help=say("办理人的 staff_ref", "staff_ref of the person who acts"))],
    school: SchoolCode | None = None,
    glass_only: Annotated[bool, Parameter(negative="", help=say("只列破窗查看", "only broken glass"))] = False,
    face: Face = _FACE,
) -> int:
    """List the looks from the record: who, whose record, what for, and why the glass was broken."""
    async with Rooms(face.settings()) as rooms:
        board = await rooms.board(campaign, school)
        try:
            actor = await actor_for(await rooms.registry(), campaign, by)
        except NotFoundError:
            raise not_found("stf_") from None
        require(actor, "list_accesses", None)
        ledger = await rooms.ledger()
        found = [
            _look(envelope)
            for code in ([school] if school is not None else board[campaign]["schools"])
            async for envelope in ledger.events(school_id(campaign, code))
            if envelope["type"] == AccessUsed.__name__
        ]
        found = [one for one in found if one["reason"] is not None or not glass_only]
        broken = sum(one["reason"] is not None for one in found)
        data = {"campaign": campaign, "total": len(found), "glass_broken": broken, "accesses": found}
        face.show(data, lambda: _list(found))
        return 0


def record_of(household: Household) -> dict[str, Any]:
    """Return what a look shows: names in full, contacts masked; no number of an identity, no mark."""
    return {
        "student": household.student_ref,
        "school": household.school,
        "class": household.class_id,
        "name": household.name,
        "email": masked_mail(household.email),
        "guardians": [
            {
                "guardian": guardian.guardian_ref,
                "name": guardian.name,
                "phone": masked_phone(guardian.phone),
                "email": masked_mail(guardian.email),
            }
            for guardian in household.guardians
        ],
        "caregiver": _caregiver(household.caregiver),
    }


def _caregiver(held: Caregiver | None) -> dict[str, Any] | None:
    if held is None:
        return None
    return {
        "caregiver": held.caregiver_ref,
        "name": held.name,
        "phone": masked_phone(held.phone),
        "email": masked_mail(held.email),
        "agreed": held.agreed,
    }


def masked_phone(phone: str) -> str:
    """Return a number's first three and last two digits: enough to recognise, too little to call."""
    shown = 5
    if len(phone) <= shown + 2:
        return "*" * len(phone)
    return phone[:3] + "*" * (len(phone) - shown) + phone[-2:]


def masked_mail(address: str) -> str:
    """Return an address's first letter and its domain."""
    name, mark, domain = address.partition("@")
    return f"{name[:1]}***{mark}{domain}" if address else ""


async def _school_of(rooms: Rooms, campaign: str, schools: list[str], student: str) -> str:
    """Return the school whose record has the pupil, looked up in the record: nobody's data are read for it."""
    ledger = await rooms.ledger()
    for code in schools:
        state = await state_of(ledger, school_id(campaign, code))
        if state is not None and (student in state.students or student in state.left):
            return code
    raise Refusal("STUDENT_UNKNOWN")


def _look(envelope: dict[str, Any]) -> dict[str, Any]:
    actor, data = envelope["actor"], envelope["data"]
    return {
        "event": f"{envelope['stream']}#{envelope['version']}",
        "at": envelope["recorded_at"],
        "by": actor["id"],
        "for": actor["on_behalf_of"],
        **{name: data[name] for name in ("role", "student", "purpose", "reason", "until")},
    }


def _details(data: dict[str, Any]) -> Text:
    lines = [f"{data['student']}  {data['school']}  {data['class']}  {data['name']}  {data['email']}".rstrip()]
    lines += [
        f"  {one['guardian']}  {one['name']}  {one['phone']}  {one['email']}".rstrip() for one in data["guardians"]
    ]
    if (cares := data["caregiver"]) is not None:
        told = say("同意接收通知", "agreed to notices") if cares["agreed"] else say("未同意接收通知", "not agreed")
        who = f"{cares['caregiver']}  {cares['name']}  {cares['phone']}  {cares['email']}".rstrip()
        lines.append(f"  {say('照护人', 'caregiver')} {who} ({told})")
    return Text("\n".join(lines))


def _list(found: list[dict[str, Any]]) -> Table:
    table = Table(
        say("时间", "at"), say("人员", "by"), say("学生", "pupil"), say("用途", "purpose"), say("破窗理由", "reason")
    )
    for one in found:
        table.add_row(one["at"][:16], one["by"], one["student"], one["purpose"], one["reason"] or "")
    return table
