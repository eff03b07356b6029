"""`calendar publish`: the state has published another year, or the county changes days to come (B3, B4)."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from cli.failures import not_found
from cli.options import CampaignName, Change, Face, say
from cli.rooms import Rooms
from cli.stage import end
from domain.calendar import Calendar
from ledger.store import Ledger
from registry.calendar_file import read_calendar

_FACE = Face()
app = App(name="calendar", help_format="plaintext", version_flags=[])


@app.command(
    help=say("发布日历（国家已公布的年份加校历）", "publish a calendar: the state's years and the county's own days")
)
async def publish(
    campaign: CampaignName,
    file: Annotated[
        Path | None,
        Parameter(help=say("校历 calendar.csv；不填则沿用现有校历", "calendar.csv; without it the county's days stay")),
    ] = None,
    *,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Publish what is known now; days that have passed never change, and every stage counts by the new calendar."""
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        held, first, last = await _counted_by(await rooms.ledger(), campaign, change.command_id)
        calendar = read_calendar(file, held, first - 1, last + 1)
        command = await rooms.command(campaign, change, "publish_calendar", calendar=calendar.model_dump(mode="json"))
        return end(face, await rooms.submit(campaign, command))


async def _counted_by(ledger: Ledger, campaign: str, command_id: str | None) -> tuple[Calendar, int, int]:
    """Return the calendar that is counted by, and the first and last year of the campaign's windows.

    A command that was given before is told from what it was told from then, so that the same command is the same again.
    """
    held: Calendar | None = None
    first, last = date.max.year, 0
    async for envelope in ledger.events(campaign):
        if command_id is not None and envelope["command_id"] == command_id:
            break
        if envelope["type"] == "CampaignDrafted":
            windows = envelope["data"]["stages"].values()
            first = min(date.fromisoformat(window["opens"]).year for window in windows)
            last = max(date.fromisoformat(window["due"]).year for window in windows)
        if envelope["type"] in ("CampaignDrafted", "CalendarPublished"):
            held = Calendar.model_validate(envelope["data"]["calendar"])
    if held is None:
        raise not_found(campaign)
    return held, first, last
