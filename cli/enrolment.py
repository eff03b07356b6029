"""After a roster was taken: late joiners enter the running campaign; who is gone waits for a reason (B11, B12)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from cli.options import Change
from cli.rooms import Rooms, exists
from domain.stage_events import StageSlug
from domain.time import SHANGHAI
from protocol import school_id
from registry.records import ImportResult

CONSENT_SINCE: Final = 3
"""The release whose campaigns know who is under fourteen (R-17)."""


async def enrol_joiners(
    rooms: Rooms, campaign: str, school: str, result: ImportResult, by: str | None
) -> dict[str, Any]:
    """Tell a running campaign who has joined.

    Args:
        rooms: the command's rooms.
        campaign: the campaign's id.
        school: the school's code.
        result: what the import has changed.
        by: who enrols; None leaves it to be done.

    Returns:
        Nothing where the campaign does not run; else `enrolled` (a receipt, or None) and `to_do`, codes with
        references: `STUDENTS_TO_ENROL`, `EXITS_TO_RECORD` (a roster does not say why somebody is gone),
        `CLASS_CHANGED`.
    """
    stream = school_id(campaign, school)
    if not exists(rooms.settings.ledger_url) or stream not in await (await rooms.ledger()).board(campaign):
        return {}
    joined = [*result.added_students, *result.returned_students]
    receipt = None
    if joined and by is not None:
        on = datetime.now(SHANGHAI).date().isoformat()
        young = await _under_14(rooms, campaign, school)
        rows = [
            {"student": student, "class_id": class_id, "on": on} | ({"under_14": True} if student in young else {})
            for student, class_id in joined
        ]
        command = await rooms.command(campaign, Change(by=by), "enrol_students", rows=rows)
        receipt = (await rooms.submit(stream, command)).receipt.model_dump(mode="json")
        joined = []
    to_do = {
        "STUDENTS_TO_ENROL": [student for student, _ in joined],
        "EXITS_TO_RECORD": list(result.left_students),
        "CLASS_CHANGED": [student for student, _, _ in result.class_changes],
    }
    return {
        "enrolled": receipt,
        "to_do": [{"code": code, "students": students} for code, students in to_do.items() if students],
    }


async def _under_14(rooms: Rooms, campaign: str, school: str) -> list[str]:
    """Return who is under fourteen on the day on which the application filing opens."""
    first = (await anext((await rooms.ledger()).events(campaign)))["data"]
    filing = first["stages"].get(StageSlug.APPLICATION_FILING.value)
    if filing is None or first.get("release", 1) < CONSENT_SINCE:
        return []
    return await (await rooms.registry()).listed_under_14(campaign, school, date.fromisoformat(filing["opens"]))
