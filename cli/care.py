"""`care`: who looks after whom, responsibility letters, the leading group, and stand-ins (R-06, R-07, S13)."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import App, Parameter
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.at_school import give, held, school_rooms
from cli.given import Classes, Students, classes_given, references_given
from cli.labels import own_label
from cli.options import LANG, CampaignName, Change, Face, SchoolCode, say
from domain.actors import Role
from domain.care import MOBILISATION, duties, unsigned, without_carers
from domain.care_events import GRADE_SCOPE, SCHOOL_SCOPE, ClassCare, Level
from domain.school_state import SchoolState
from domain.words import WORDS
from protocol import school_id

_FACE = Face()
People = Annotated[
    list[str],
    Parameter(consume_multiple=True, negative="", help=say("人员编号 stf_… stf_…", "references, as stf_… stf_…")),
]
Person = Annotated[str, Parameter(help=say("人员编号 stf_…", "reference, stf_…"))]
LevelName = Annotated[
    Literal["principal", "vice_principal", "grade_leader", "class_head", "teacher"],
    Parameter(help=say("责任状级别", "level of the letter")),
]
ScopeName = Annotated[str, Parameter(help=say("school、grade 或班级", "school, grade or a class"))]
DelegationName = Annotated[str, Parameter(help=say("委托编号，见 care show", "the delegation, from `care show`"))]
SCOPES: Final = (SCHOOL_SCOPE, GRADE_SCOPE)

app = App(name="care", help_format="plaintext", version_flags=[])


@app.command(help=say("给一个班分配包保教师（班主任在前）", "give a class its carers, the class head first"))
async def partition(
    campaign: CampaignName,
    school: SchoolCode,
    class_id: Annotated[str, Parameter(help=say("班级，如 2022-01", "the class, as 2022-01"))],
    *,
    carers: People,
    special: Students | None = None,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Share a class 60/20/20; pupils of special groups come to the class head first, and no event names them."""
    fields: dict[str, Any] = {
        "class_id": classes_given(campaign, [class_id])[0],
        "carers": references_given(carers),
        "special": references_given(special or []),
    }
    return await _act("partition_class", campaign, school, change, face, **fields)


@app.command(help=say("成立或调整领导小组（校长办理）", "form or change the leading group; the principal does"))
async def group(
    campaign: CampaignName,
    school: SchoolCode,
    *,
    head: Person,
    deputies: People,
    members: People | None = None,
    change: Change,
    face: Face = _FACE,
) -> int:
    """The principal is its head, the first deputy the second person responsible, the others lead the grade."""
    fields: dict[str, Any] = {
        "head": head,
        "deputies": references_given(deputies),
        "members": references_given(members or []),
    }
    return await _act("form_leading_group", campaign, school, change, face, **fields)


@app.command(help=say("本人签订责任状", "sign your own responsibility letter"))
async def sign(
    campaign: CampaignName,
    school: SchoolCode,
    level: LevelName,
    scope: ScopeName,
    file: Annotated[Path, Parameter(help=say("责任状文本", "the letter's text"))],
    *,
    letter_version: Annotated[str, Parameter(help=say("版本，如 letter-1", "its version, as letter-1"))],
    change: Change,
    face: Face = _FACE,
) -> int:
    """The record keeps the digest of the text, never the text."""
    letter = hashlib.sha256(file.read_bytes()).hexdigest()
    fields: dict[str, Any] = {**_letter(campaign, level, scope), "letter": letter, "version": letter_version}
    return await _act("sign_letter", campaign, school, change, face, **fields)


@app.command(help=say("撤销责任状（须有理由）", "take a letter back; needs a reason"))
async def revoke_letter(
    campaign: CampaignName,
    school: SchoolCode,
    level: LevelName,
    scope: ScopeName,
    signer: Person,
    *,
    change: Change,
    face: Face = _FACE,
) -> int:
    """By its signer or the principal; the signature stays in the record."""
    fields: dict[str, Any] = {**_letter(campaign, level, scope), "signer": signer}
    return await _act("revoke_letter", campaign, school, change, face, **fields)


@app.command(help=say("请他人代办（有期限）", "ask somebody to stand in, until a day"))
async def delegate(
    campaign: CampaignName,
    school: SchoolCode,
    to: Person,
    *,
    until: Annotated[date, Parameter(help=say("最后一天", "the last day"))],
    commands: Annotated[
        list[str] | None,
        Parameter(consume_multiple=True, negative="", help=say("只限这些操作", "only these kinds of commands")),
    ] = None,
    classes: Classes | None = None,
    change: Change,
    face: Face = _FACE,
) -> int:
    """The other must accept; then they act with `--for`. Letters, and families' own acts, are never delegated."""
    own = replace(change, command_id=change.command_id or str(uuid.uuid4()))
    label = own_label("d", str(own.command_id))
    fields: dict[str, Any] = {
        "delegation": label,
        "to": to,
        "until": until.isoformat(),
        "commands": references_given(commands or []),
        "classes": classes_given(campaign, classes or []),
    }
    return await _act("delegate", campaign, school, own, face, shown={"delegation": label}, **fields)


@app.command(help=say("接受委托", "say yes to standing in"))
async def accept(
    campaign: CampaignName, school: SchoolCode, delegation: DelegationName, *, change: Change, face: Face = _FACE
) -> int:
    """Accept a delegation; only the one who was asked."""
    return await _act("accept_delegation", campaign, school, change, face, delegation=delegation)


@app.command(help=say("谢绝委托", "say no to standing in"))
async def reject(
    campaign: CampaignName, school: SchoolCode, delegation: DelegationName, *, change: Change, face: Face = _FACE
) -> int:
    """Reject a delegation; only the one who was asked."""
    return await _act("reject_delegation", campaign, school, change, face, delegation=delegation)


@app.command(help=say("撤销委托（须有理由）", "take a delegation back; needs a reason"))
async def revoke(
    campaign: CampaignName, school: SchoolCode, delegation: DelegationName, *, change: Change, face: Face = _FACE
) -> int:
    """End a delegation: either of the two, or the principal."""
    return await _act("revoke_delegation", campaign, school, change, face, delegation=delegation)


@app.command(help=say("包保、责任状和委托的情况，谁还没签", "carers, letters, stand-ins, and who has not signed"))
async def show(campaign: CampaignName, school: SchoolCode, *, face: Face = _FACE) -> int:
    """Show from the record who looks after how many, which letters are missing, and who stands in for whom."""
    async with school_rooms(face, campaign, school) as rooms:
        state = await held(rooms, school_id(campaign, school), SchoolState)
        members = await (await rooms.registry()).staff(campaign)
        heads = {
            class_id: member.staff_ref
            for member in members
            if member.school == school and member.role == Role.CLASS_HEAD.value
            for class_id in member.classes
        }
        data = {"campaign": campaign, "school": school, **report(state, {one.staff_ref for one in members}, heads)}
        face.show(data, lambda: _shown(data))
        return 0


def report(state: SchoolState, listed: set[str], heads: dict[str, str]) -> dict[str, Any]:
    """Return who looks after whom as JSON: references and counts, no name.

    Args:
        state: the school.
        listed: references of the staff list; a carer who is not on it is named in `not_listed`.
        heads: class → its head by the staff list, who owes a letter although the class has no carers yet.
    """
    care = state.care
    signed = len(duties(state)) - len(missing := unsigned(state))
    people = {carer for one in care.classes.values() for carer in one.carers}
    people |= {care.group.head, *care.group.deputies, *care.group.members} if care.group else set()
    waiting = without_carers(state)
    owed: list[dict[str, str | None]] = [
        {"level": level.value, "scope": scope, "signer": signer} for level, scope, signer in missing
    ]
    with_letter = {scope for level, scope, _ in duties(state) if level is Level.CLASS_HEAD}
    owed += [
        {"level": Level.CLASS_HEAD.value, "scope": class_id, "signer": heads.get(class_id)}
        for class_id in waiting
        if class_id not in with_letter
    ]
    before = state.stages.get(MOBILISATION)
    return {
        "leading_group": None if care.group is None else care.group.model_dump(),
        "classes": [_class(class_id, one) for class_id, one in sorted(care.classes.items())],
        "without_carers": waiting,
        "letters": {
            "signed": signed,
            "before": None if before is None else before.opens.isoformat(),
            "passed": care.looked_at is not None,
        },
        "unsigned": owed,
        "delegations": [
            {"delegation": label, **held.model_dump(mode="json")} for label, held in sorted(care.delegations.items())
        ],
        "not_listed": sorted(people - listed),
    }


def _class(class_id: str, care: ClassCare) -> dict[str, Any]:
    shares = [{"carer": carer, "pupils": len(own)} for carer, own in zip(care.carers, care.groups, strict=True)]
    return {"class_id": class_id, "carers": shares}


def _letter(campaign: str, level: str, scope: str) -> dict[str, str]:
    return {"level": level.upper(), "scope": scope if scope in SCOPES else classes_given(campaign, [scope])[0]}


async def _act(
    kind: str,
    campaign: str,
    school: str,
    change: Change,
    face: Face,
    *,
    shown: dict[str, str] | None = None,
    **fields: Any,
) -> int:
    return await give(face, campaign, school, school_id(campaign, school), change, kind, shown=shown, **fields)


def _shown(data: dict[str, Any]) -> RenderableType:
    carers = Table(say("班级", "class"), say("包保教师", "carer"), say("学生数", "pupils"))
    for one in data["classes"]:
        for share in one["carers"]:
            carers.add_row(one["class_id"], share["carer"], str(share["pupils"]))
    letters = Table(say("未签责任状", "letters not signed"), say("范围", "scope"), say("签订人", "signer"))
    for one in data["unsigned"]:
        signer = one["signer"] or say("未登记", "not on the staff list")
        letters.add_row(WORDS[one["level"]][LANG], one["scope"], signer)
    stand_ins = Table(
        say("委托", "delegation"),
        say("委托人", "by"),
        say("受托人", "to"),
        say("期限", "until"),
        say("已接受", "accepted"),
    )
    for one in data["delegations"]:
        accepted = say("是", "yes") if one["accepted"] else say("否", "no")
        stand_ins.add_row(one["delegation"], one["by"], one["to"], one["until"], accepted)
    lines = [
        say("领导小组：已成立", "leading group: formed")
        if data["leading_group"]
        else say("领导小组：未成立", "leading group: not formed yet"),
        say("尚未分配包保的班级：", "classes without carers: ")
        + (", ".join(data["without_carers"]) or say("无", "none")),
    ]
    if data["letters"]["before"] is not None:
        day = data["letters"]["before"]
        lines.append(say(f"责任状须在 {day} 动员开始前签完", f"letters stand before the mobilisation begins, {day}"))
        if data["letters"]["passed"] and data["unsigned"]:
            lines.append(
                say(
                    "该日已过，仍有责任状未签；家长会照常进行，请尽快补签",
                    "that day has passed and letters are missing; meetings go on, please have them signed",
                )
            )
    if data["not_listed"]:
        lines.append(say("不在人员名单中：", "not on the staff list: ") + ", ".join(data["not_listed"]))
    return Group(Text("\n".join(lines)), *(table for table in (carers, letters, stand_ins) if table.row_count))
