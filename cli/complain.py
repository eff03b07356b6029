"""`complain`: anybody may, also without a name; the owner stands outside the unit complained of (INV-32).

A complaint of a campaign since release 3 is a case; `acknowledge` and `decide` are the same words for both kinds.
"""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from rich.text import Text

from cli.compliance_case import (
    VIOLATION_OF,
    case_command,
    events_of,
    give,
    line_of,
    person,
    release_of,
    require_open,
    unnamed_command,
    until_begun,
)
from cli.failures import REFUSED
from cli.labels import own_label
from cli.options import By, CampaignName, Change, Face, say
from cli.refusals import refused_of, show_refusal
from cli.rooms import Rooms
from cli.stage import end
from domain.actors import ANONYMOUS, Role
from domain.complaint_rules import SECRET
from domain.complaints import CASES_SINCE, case_stream

_FACE = Face()
Complaint = Annotated[str, Parameter(help=say("投诉编号", "the complaint's reference"))]
Matter = Literal["pressure", "fee", "certificate", "false_information", "unregistered_visit", "data", "other"]

Made = Annotated[
    str | None, Parameter(help=say("投诉人的 staff_ref；不填为匿名", "staff_ref; leave out to stay unnamed"))
]

app = App(name="complain", help_format="plaintext", version_flags=[])


@app.default
async def complain(
    campaign: CampaignName,
    *,
    about: Annotated[str, Parameter(help=say("被投诉单位：学校标识码或 bureau", "a school's code, or bureau"))],
    matter: Annotated[Matter, Parameter(help=say("事由", "what it is about"))],
    note: Annotated[
        str | None, Parameter(help=say("说明文字，只存入人员库", "free text, kept in the registry"))
    ] = None,
    by: Made = None,
    command_id: Annotated[str | None, Parameter(help=say("操作编号", "the same id again changes nothing"))] = None,
    face: Face = _FACE,
) -> int:
    """Complain about a school, a receiving school or the bureau."""
    own = command_id or str(uuid.uuid4())
    words = note if by is None else "\n".join((say("投诉人：", "complainant: ") + by, *([note] if note else [])))
    change = Change(by=by or ANONYMOUS.id, command_id=own, note=words)
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        fields: dict[str, Any] = {"complaint": own_label("c", own), "about": about, "matter": matter.upper()}
        if by is not None and await release_of(rooms, campaign) < CASES_SINCE:
            command = await rooms.command(campaign, change, "complain", **fields)
        else:
            actor = await person(rooms, campaign, by)
            if actor.role is Role.PRINCIPAL and actor.organisation == about:
                fields["self_reported"] = True
            if actor.role is Role.DISCIPLINE_OFFICER:
                fields["from_discipline"] = True
            command = await unnamed_command(rooms, campaign, fields["complaint"], actor, "complain", own, **fields)
            if words is not None:
                command["note"] = await rooms.note(campaign, own, words)
        answer = await rooms.submit(campaign, command)
        if answer.accepted:
            await until_begun(rooms, campaign, fields["complaint"])
        return end(face, answer, complaint=fields["complaint"])


@app.command(help=say("答复受理", "tell the complainant that it is in hand"))
async def acknowledge(campaign: CampaignName, complaint: Complaint, *, change: Change, face: Face = _FACE) -> int:
    """Acknowledge a complaint; its owner only."""
    async with Rooms(face.settings()) as rooms:
        line = (await rooms.board(campaign)).get(case_stream(campaign, complaint))
        if line is not None:
            return await give(rooms, "acknowledge_case", campaign, complaint, change, face, line=line)
        command = await rooms.command(campaign, change, "acknowledge_complaint", complaint=complaint)
        return end(face, await rooms.submit(campaign, command))


@app.command(help=say("作出处理决定（须有理由）", "decide; needs a reason"))
async def decide(
    campaign: CampaignName,
    complaint: Complaint,
    outcome: Annotated[
        Literal["upheld", "not_upheld", "referred"], Parameter(help=say("属实、不属实、移送", "what was found"))
    ],
    *,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Decide a complaint; its owner only. In a case, `upheld` confirms what was complained of."""
    async with Rooms(face.settings()) as rooms:
        line = (await rooms.board(campaign)).get(case_stream(campaign, complaint))
        if line is None:
            fields = {"complaint": complaint, "outcome": outcome.upper()}
            command = await rooms.command(campaign, change, "decide_complaint", **fields)
            return end(face, await rooms.submit(campaign, command))
        kind = {"upheld": "confirm_violation", "not_upheld": "dismiss_violation", "referred": "refer_case"}[outcome]
        found = _as_reported(line) if outcome == "upheld" else {}
        return await give(rooms, kind, campaign, complaint, change, face, line=line, **found)


@app.command(help=say("查阅投诉内容；每次查阅都留痕", "read the words; each reading is on record"))
async def read(campaign: CampaignName, complaint: Complaint, *, by: By, face: Face = _FACE) -> int:
    """Print a complaint's words; its owner only, and the record keeps who read them (INV-32)."""
    async with Rooms(face.settings()) as rooms:
        require_open(await line_of(rooms, campaign, complaint))
        opened, *_ = await events_of(rooms, campaign, complaint)
        told: list[dict[str, str | None]] = []
        for note in opened["data"]["notes"]:
            command = await case_command(rooms, campaign, complaint, Change(by=by), "read_note", text=note)
            answer = await rooms.submit(case_stream(campaign, complaint), command)
            refusal = refused_of(answer)
            if refusal is not None:
                show_refusal(refusal, as_json=face.json, receipt=answer.receipt.model_dump(mode="json"))
                return REFUSED
            told.append({"note": note, "text": await (await rooms.registry()).note_text(note)})
        face.show(
            {"case": complaint, "notes": told},
            lambda: Text(
                "\n\n".join(one["text"] or "—" for one in told) or say("没有文字说明。", "No words were said.")
            ),
        )
        return 0


@app.command(help=say("撤回投诉；案件仍会查完", "take a complaint back; the case goes on"))
async def withdraw(campaign: CampaignName, complaint: Complaint, *, by: Made = None, face: Face = _FACE) -> int:
    """Withdraw a complaint; perhaps somebody was pressed to, so nothing else changes."""
    async with Rooms(face.settings()) as rooms:
        line = await line_of(rooms, campaign, complaint)
        if by is not None and line["origin"] not in SECRET:
            return await give(rooms, "withdraw_complaint", campaign, complaint, Change(by=by), face, line=line)
        require_open(line)
        actor = await person(rooms, campaign, by)
        command = await unnamed_command(rooms, campaign, complaint, actor, "withdraw_complaint", str(uuid.uuid4()))
        return end(face, await rooms.submit(case_stream(campaign, complaint), command), case=complaint)


def _as_reported(line: dict[str, Any]) -> dict[str, Any]:
    """Return what `upheld` confirms: the matter as it was complained of, at the unit that it was about."""
    school = None if line["about"] == "bureau" else line["about"]
    return {"violation": VIOLATION_OF.get(line["matter"], "OTHER"), "school": school}
