"""`audit exports list`: who took a campaign's bundle out of the house, when, and which (A3)."""

from __future__ import annotations

from dataclasses import asdict

from cyclopts import App
from rich.text import Text

from cli.options import CampaignName, Face, say
from cli.rooms import Rooms
from ledger.exports import Export, read_exports

_FACE = Face()

exports = App(name="exports", help_format="plaintext", version_flags=[])


@exports.command(name="list", help=say("列出历次导出：何人、何时、哪一份", "every export: who, when, which file"))
async def listed(campaign: CampaignName, *, face: Face = _FACE) -> int:
    """Tell a campaign's exports in the order in which they were made."""
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        found = await read_exports(await rooms.ledger(), campaign)
    data = {"campaign": campaign, "exports": [asdict(one) for one in found]}
    nothing = say("尚无导出", "nothing was exported")
    face.show(data, lambda: Text("\n".join(map(_told, found)) or nothing))
    return 0


def _told(one: Export) -> str:
    who = one.by or say("（未写明何人）", "(nobody named)")
    return say(
        f"{one.at}  {who}  事件 {one.events} 条，{one.size} 字节，SHA-256 {one.sha256}",
        f"{one.at}  {who}  {one.events} events, {one.size} bytes, SHA-256 {one.sha256}",
    )
