"""`audit replay`: today's code replays the histories, and what they wrote is compared with the ledger."""

from __future__ import annotations

from typing import Any

from cyclopts import App
from rich.text import Text

from audit.replay import replay
from cli.failures import NOT_VERIFIED
from cli.options import CampaignName, Face, say
from cli.rooms import Rooms
from engine import EngineUnreachableError, connect

_FACE = Face()

app = App(name="audit", help_format="plaintext", version_flags=[])


@app.command(
    name="replay", help=say("重放全部历史并与台账核对", "replay all histories and compare them with the ledger")
)
async def replayed(campaign: CampaignName, *, face: Face = _FACE) -> int:
    """Replay a campaign; without an engine from the archive alone."""
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        address = await rooms.address()
        engine = None
        if address is not None:
            try:
                engine = await connect(address, rooms.settings.namespace, wait=2)
            except EngineUnreachableError:
                engine = None
        report = await replay(await rooms.ledger(), campaign, engine)
        data: dict[str, Any] = report.model_dump(mode="json")
        sound = report.replay_ok and report.ledger_ok and not report.differences
        face.show(data, lambda: Text(_text(data, sound=sound)))
        return 0 if sound else NOT_VERIFIED


def _text(data: dict[str, Any], *, sound: bool) -> str:
    unreached = data["live_unreached"]
    head = say("核验一致", "all agrees") if sound else say("核验不符", "there are differences")
    if sound and unreached:
        head = say("已核对的部分一致", "what could be looked at agrees")
    lines = [
        f"{head}: "
        + say(
            f"事件 {data['events']} 条，重放历史 {data['histories']} 份，另有 {unreached} 份在引擎中，未能读取",
            f"{data['events']} events, {data['histories']} histories replayed, {unreached} in the engine not reached",
        ),
    ]
    return "\n".join([*lines, *(f"  - {difference}" for difference in data["differences"])])
