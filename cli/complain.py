"""`complain`: anybody may, also without a name; the owner stands outside the unit complained of (INV-32)."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from cli.options import CampaignName, Change, Face, say
from cli.rooms import Rooms
from cli.stage import end
from domain.actors import ANONYMOUS

_FACE = Face()
Complaint = Annotated[str, Parameter(help=say("投诉编号", "the complaint's reference"))]
Matter = Literal["pressure", "fee", "certificate", "false_information", "unregistered_visit", "data", "other"]

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
    by: Annotated[
        str | None, Parameter(help=say("投诉人的 staff_ref；不填为匿名", "staff_ref; leave out to stay unnamed"))
    ] = None,
    command_id: Annotated[str | None, Parameter(help=say("操作编号", "the same id again changes nothing"))] = None,
    face: Face = _FACE,
) -> int:
    """Complain about a school, a receiving school or the bureau."""
    own = command_id or str(uuid.uuid4())
    change = Change(by=by or ANONYMOUS.id, command_id=own, note=note)
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        fields: dict[str, Any] = {"complaint": reference(own), "about": about, "matter": matter.upper()}
        if by is not None:
            command = await rooms.command(campaign, change, "complain", **fields)
        else:
            command = {"kind": "complain", "command_id": own, "actor": ANONYMOUS.model_dump(mode="json"), **fields}
            if note is not None:
                command["note"] = await rooms.note(campaign, own, note)
        return end(face, await rooms.submit(campaign, command), complaint=fields["complaint"])


@app.command(help=say("答复受理", "tell the complainant that it is in hand"))
async def acknowledge(campaign: CampaignName, complaint: Complaint, *, change: Change, face: Face = _FACE) -> int:
    """Acknowledge a complaint; its owner only."""
    return await _act("acknowledge_complaint", campaign, change, face, complaint=complaint)


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
    """Decide a complaint; its owner only."""
    return await _act("decide_complaint", campaign, change, face, complaint=complaint, outcome=outcome.upper())


def reference(command_id: str) -> str:
    """Return a complaint's reference: fixed by the command, so that a retry is the same complaint."""
    return f"c-{uuid.uuid5(uuid.NAMESPACE_OID, command_id).hex[:12]}"


async def _act(kind: str, campaign: str, change: Change, face: Face, **fields: Any) -> int:
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        return end(face, await rooms.submit(campaign, await rooms.command(campaign, change, kind, **fields)))
