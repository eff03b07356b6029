"""`exits`: a pupil leaves the register, and everything that was still to be done for the pupil stops (B11)."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from cyclopts import Parameter

from cli.given import Student, word_given
from cli.options import CampaignName, Change, Face, SchoolCode, say
from cli.outcome_values import choices
from cli.rooms import Rooms
from cli.stage import end
from domain.refusal import Refusal
from protocol import school_id

_FACE = Face()


async def exits(
    campaign: CampaignName,
    school: SchoolCode,
    student: Student,
    kind: Annotated[str, Parameter(help=" | ".join(choices("exit")))],
    *,
    on: Annotated[date, Parameter(help=say("离校日期", "the day of leaving"))],
    change: Change,
    face: Face = _FACE,
) -> int:
    """Record one departure; `record exits FILE` takes a list. All but a death are the register office's."""
    rows = [{"student": student, "exit": word_given("exit", kind, "KIND"), "on": on.isoformat()}]
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign, school)
        command = await rooms.command(campaign, change, "record_exits", rows=rows)
        try:
            answer = await rooms.submit(school_id(campaign, school), command)
        except Refusal as refusal:
            raise _of_the_row(refusal) from None
        return end(face, answer)


def _of_the_row(refusal: Refusal) -> Refusal:
    """Return why the one row is refused: here is no list whose row has to be found."""
    rows = refusal.parameters["rows"] if refusal.code == "ROWS_REFUSED" else []
    return Refusal(rows[0]["code"]) if rows else refusal
