"""`evidence`: two findings about a registered pupil contradict each other, and a third person says what holds (B21)."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table

from cli import outcome_values as values
from cli.failures import not_found
from cli.given import EVIDENCE, Student, value_invalid, word_given
from cli.options import CampaignName, Change, Face, SchoolCode, say
from cli.outcome_due import state_of
from cli.rooms import Rooms
from cli.stage import end
from domain.retention import RetentionState
from domain.retention_pupil import Check
from domain.stage_events import StageSlug
from protocol import stage_id

_FACE = Face()

app = App(name="evidence", help_format="plaintext", version_flags=[])


@app.command(help=say("查看互相矛盾的核查结果", "findings that contradict each other"))
async def show(campaign: CampaignName, school: SchoolCode, *, face: Face = _FACE) -> int:
    """List the conflicts that nobody has decided yet, from the record."""
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign, school)
        stream = _stream(campaign, school)
        state = await state_of(await rooms.ledger(), stream)
        if not isinstance(state, RetentionState):
            raise not_found(stream)
        found = conflicts(state)
        face.show({"campaign": campaign, "school": school, "conflicts": found}, lambda: _table(found))
        return 0


@app.command(help=say("认定以何者为准（须有理由）", "say what holds; needs a reason"))
async def resolve(
    campaign: CampaignName,
    school: SchoolCode,
    student: Student,
    checkpoint: Annotated[str, Parameter(help=say("核查节点：D+30、学期末、次年3月", "D+30, term_end or next_March"))],
    state: Annotated[str, Parameter(help=" | ".join(values.choices("state")[:-1]))],
    *,
    evidence: Annotated[str, Parameter(help=EVIDENCE)],
    change: Change,
    face: Face = _FACE,
) -> int:
    """Decide between two findings; by somebody who recorded neither."""
    name = values.checkpoint(checkpoint)
    if name is None:
        raise value_invalid("CHECKPOINT", ("D+30", *values.choices("checkpoint")))
    fields = {
        "student": student,
        "checkpoint": name,
        "state": word_given("state", state, "STATE"),
        "evidence": word_given("evidence", evidence, "--evidence"),
    }
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign, school)
        command = await rooms.command(campaign, change, "resolve_evidence", **fields)
        return end(face, await rooms.submit(_stream(campaign, school), command))


def conflicts(state: RetentionState) -> list[dict[str, Any]]:
    """Return the open conflicts as JSON: references and codes."""
    return [
        {"student": student, "checkpoint": name, "held": _said(pupil.checks[name]), "found": _said(found)}
        for student, pupil, _ in state.followed()
        for name, found in pupil.conflicts.items()
    ]


def _said(check: Check) -> dict[str, str]:
    return {"state": check.state.value, "evidence": check.evidence.value}


def _table(found: list[dict[str, Any]]) -> Table:
    table = Table(
        say("学生", "pupil"),
        say("节点", "checkpoint"),
        say("已记录", "on record"),
        say("另一结果", "the other finding"),
    )
    for one in found:
        table.add_row(one["student"], one["checkpoint"], _phrase(one["held"]), _phrase(one["found"]))
    return table


def _phrase(said: dict[str, str]) -> str:
    words = [values.VOCABULARY[name][said[name]] for name in ("state", "evidence")]
    return say("，", ", ").join(say(texts[1], texts[0]) for texts in words)


def _stream(campaign: str, school: str) -> str:
    return stage_id(campaign, school, StageSlug.RETENTION.value)
