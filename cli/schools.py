"""`schools`: the published list of qualified vocational schools, as it changes during a campaign (INV-20, edge 24)."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Group
from rich.text import Text

from cli.options import CampaignName, Change, Face, say
from cli.rooms import Rooms
from cli.stage import end
from domain.events import Envelope

_FACE = Face()

app = App(name="schools", help_format="plaintext", version_flags=[])


@app.command(help=say("公布新的合格学校名单", "publish another list of qualified schools"))
async def publish(
    campaign: CampaignName,
    *,
    codes: Annotated[
        list[str],
        Parameter(consume_multiple=True, negative="", help=say("全部学校标识码", "the codes of all schools on it")),
    ],
    document: Annotated[str, Parameter(help=say("名单的文号", "the list's number"))],
    change: Change,
    face: Face = _FACE,
) -> int:
    """Publish a whole list; what it no longer names is off the list from today."""
    return await _submit("publish_qualified_list", campaign, change, face, codes=codes, document=document)


@app.command(help=say("将一所学校移出名单（须有理由）", "take a school off the list; needs a reason"))
async def remove(
    campaign: CampaignName,
    code: Annotated[str, Parameter(help=say("学校标识码", "the school's code"))],
    *,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Take one school off the list; families who had chosen it choose again."""
    return await _submit("remove_qualified_school", campaign, change, face, code=code)


@app.command(help=say("查看现行名单和变更", "the list that holds, and its changes"))
async def show(campaign: CampaignName, *, face: Face = _FACE) -> int:
    """Show the list from the record."""
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        own = [envelope async for envelope in (await rooms.ledger()).events(campaign)]
    data = {"campaign": campaign, **_list(own)}
    lines = [f"{one['at']} {one['change']} {one['school']}" for one in data["changes"]]
    face.show(data, lambda: Group(Text("\n".join(data["schools"])), Text("\n".join(lines))))
    return 0


def _list(own: list[Envelope]) -> dict[str, Any]:
    schools: list[str] = list(own[0]["data"]["qualified_schools"])
    changes: list[dict[str, Any]] = []
    for envelope in own:
        data, at = envelope["data"], envelope["recorded_at"]
        if envelope["type"] == "QualifiedSchoolListPublished":
            schools += data["added"]
            changes += [
                {"at": at, "change": "added", "school": code, "document": data["document"]} for code in data["added"]
            ]
        if envelope["type"] == "QualifiedSchoolRemoved":
            schools.remove(data["school"])
            changes.append({"at": at, "change": "removed", "school": data["school"], "reason": data["reason"]})
    return {"schools": schools, "changes": changes}


async def _submit(kind: str, campaign: str, change: Change, face: Face, **fields: Any) -> int:
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        return end(face, await rooms.submit(campaign, await rooms.command(campaign, change, kind, **fields)))
