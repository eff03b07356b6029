"""`meeting`: another time for a parents' meeting, or none; `record sessions` schedules them (G14)."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from cli.given import time_given
from cli.on_stage import give
from cli.options import CampaignName, Change, Face, SchoolCode, say
from domain.stage_events import StageSlug

_FACE = Face()
Meeting = Annotated[str, Parameter(help=say("场次编号，如 s1", "the meeting's label, as s1"))]
At = Annotated[str, Parameter(help=say("新的时间，如 2025-03-20T19:00", "the new time, as 2025-03-20T19:00"))]

app = App(name="meeting", help_format="plaintext", version_flags=[])


@app.command(help=say("家长会改期（须有理由）", "give a meeting another time; needs a reason"))
async def move(
    campaign: CampaignName, school: SchoolCode, meeting: Meeting, *, at: At, change: Change, face: Face = _FACE
) -> int:
    """Give a meeting another time before attendance is recorded; who was invited is told, by the same entry."""
    fields = {"session": meeting, "at": time_given("--at", at)}
    return await give(StageSlug.PARENT_MEETINGS, "move_session", campaign, school, change, face, **fields)


@app.command(help=say("取消家长会（须有理由）", "call a meeting off; needs a reason"))
async def cancel(
    campaign: CampaignName, school: SchoolCode, meeting: Meeting, *, change: Change, face: Face = _FACE
) -> int:
    """Call a meeting off before attendance is recorded; who was invited is told. Its classes need another one."""
    return await give(StageSlug.PARENT_MEETINGS, "cancel_session", campaign, school, change, face, session=meeting)
