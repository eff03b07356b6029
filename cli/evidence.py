"""`evidence`: what is known of registered pupils: where each check stands, conflicts, next attempts (B21, S10, S11)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Final

from cyclopts import App, Parameter
from rich.console import Group
from rich.table import Table
from rich.text import Text

from cli import outcome_values as values
from cli.failures import not_found
from cli.given import EVIDENCE, Student, value_invalid, word_given
from cli.options import LANG, CampaignName, Change, Face, SchoolCode, say
from cli.outcome_due import state_of
from cli.rooms import Rooms
from cli.stage import end
from domain.retention_lattice import lattice, lattice_counts
from domain.retention_pupil import Check
from domain.retention_state import RetentionState
from domain.stage_events import StageSlug
from domain.time import SHANGHAI, at
from domain.words import WORDS
from protocol import stage_id

_FACE = Face()

STATES: Final[dict[str, tuple[str, str]]] = {
    "due": ("待核查", "due"),
    "overdue": ("已逾期", "overdue"),
    "done": ("已核查", "done"),
    "missed": ("已错过", "missed"),
    "lost": ("流失", "lost"),
    "withdrawn": ("已撤回", "withdrawn"),
    "cancelled": ("已取消", "cancelled"),
    "not_needed": ("无需核查", "not needed"),
    "ahead": ("其中日期未到", "of the due, still ahead"),
}
"""Where a check stands → what a person reads (zh, en)."""

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
        data: dict[str, Any] = {"campaign": campaign, "school": school, "conflicts": found}
        if state.has_lattice:
            data["checks"] = lattice_counts(state, datetime.now(SHANGHAI))
        face.show(data, lambda: Group(Text(_counted(data.get("checks", {}))), _table(found)))
        return 0


@app.command(help=say("每项核查现在的状态和证据", "where each check stands, with its evidence"))
async def states(
    campaign: CampaignName,
    school: SchoolCode,
    *,
    student: Student | None = None,
    on: Annotated[
        date | None, Parameter(help=say("按哪一天看（默认今天）", "as of which day (default: today)"))
    ] = None,
    face: Face = _FACE,
) -> int:
    """Show for every registered pupil which of eight states each check has, also for follow-ups that have ended."""
    now = datetime.now(SHANGHAI) if on is None else at(on)
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign, school)
        stream = _stream(campaign, school)
        state = await state_of(await rooms.ledger(), stream)
        if not isinstance(state, RetentionState):
            raise not_found(stream)
        found = lattice(state, now)
        checks = [
            {"student": pupil, "checkpoint": name, **place.model_dump(mode="json")}
            for pupil, places in found.items()
            if student in (None, pupil)
            for name, place in places.items()
        ]
        data: dict[str, Any] = {
            "campaign": campaign,
            "school": school,
            "counts": lattice_counts(state, now),
            "checks": checks,
        }
        face.show(data, lambda: Group(Text(_counted(data["counts"])), _states(checks)))
        return 0


@app.command(
    name="not-reached", help=say("登记一次未联系上，并约定再联系的日期", "nobody was reached; agree when to try again")
)
async def not_reached(
    campaign: CampaignName,
    school: SchoolCode,
    student: Student,
    checkpoint: Annotated[str, Parameter(help=say("核查节点：D+30、学期末、次年3月", "D+30, term_end or next_March"))],
    *,
    evidence: Annotated[str, Parameter(help=EVIDENCE)],
    again_on: Annotated[date | None, Parameter(help=say("再联系的日期", "the day of the next attempt"))] = None,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Record one attempt in vain; the next one stands on the work list with its day."""
    row = {
        "student": student,
        "checkpoint": _checkpoint(checkpoint),
        "state": "not_reached",
        "evidence": word_given("evidence", evidence, "--evidence"),
        **({} if again_on is None else {"again_on": again_on.isoformat()}),
    }
    return await _act("record_checkpoints", campaign, school, change, face, rows=[row])


@app.command(help=say("安排寻找流失学生", "say who looks for a lost pupil, and when"))
async def refind(
    campaign: CampaignName,
    school: SchoolCode,
    student: Student,
    *,
    on: Annotated[date, Parameter(help=say("哪一天", "on which day"))],
    who: Annotated[str, Parameter(help=say("由谁（staff_ref）", "staff_ref of who looks"))],
    change: Change,
    face: Face = _FACE,
) -> int:
    """Plan to find a lost pupil again; the plan stands on the work list until the pupil is found."""
    return await _act("plan_refind", campaign, school, change, face, student=student, on=on.isoformat(), who=who)


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
    fields = {
        "student": student,
        "checkpoint": _checkpoint(checkpoint),
        "state": word_given("state", state, "STATE"),
        "evidence": word_given("evidence", evidence, "--evidence"),
    }
    return await _act("resolve_evidence", campaign, school, change, face, **fields)


def conflicts(state: RetentionState) -> list[dict[str, Any]]:
    """Return the open conflicts as JSON: references and codes."""
    return [
        {"student": student, "checkpoint": name, "held": _said(pupil.checks[name]), "found": _said(found)}
        for student, pupil, _ in state.followed()
        for name, found in pupil.conflicts.items()
    ]


async def _act(kind: str, campaign: str, school: str, change: Change, face: Face, **fields: Any) -> int:
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign, school)
        command = await rooms.command(campaign, change, kind, **fields)
        return end(face, await rooms.submit(_stream(campaign, school), command))


def _checkpoint(text: str) -> str:
    """Return the checkpoint that is written on the command line.

    Raises:
        Failure: VALUE_INVALID (2).
    """
    name = values.checkpoint(text)
    if name is None:
        raise value_invalid("CHECKPOINT", ("D+30", *values.choices("checkpoint")))
    return name


def _counted(counts: dict[str, int]) -> str:
    """Return the counts as words, those of nothing left out."""
    return say("，", ", ").join(f"{say(*STATES[name])} {count}" for name, count in counts.items() if count)


def _states(checks: list[dict[str, Any]]) -> Table:
    table = Table(
        say("学生", "pupil"),
        say("节点", "checkpoint"),
        say("状态", "state"),
        say("期限", "due"),
        say("证据", "evidence"),
        say("备注", "remarks"),
    )
    for one in checks:
        known = WORDS[one["evidence"]][LANG] if one["evidence"] else ""
        remarks = [
            say("补录", "recorded late") if one["recorded_late"] else "",
            say("有矛盾", "disputed") if one["disputed"] else "",
            say("再联系：", "again on ") + one["again_on"] if one["again_on"] else "",
        ]
        state, told = say(*STATES[one["state"]]), " ".join(filter(None, remarks))
        table.add_row(one["student"], one["checkpoint"], state, one["due"], known, told)
    return table


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
