"""Who would have been proposed for help by another rule: computed beside the marks, told by reference (idea 7).

The record says what the rule of its day proposed. The registry still has the facts of the approved snapshot; that they
are the ones which the rule saw then, the commitment of each proposal proves. A pupil who was forgotten since, or whose
facts differ from the commitment, is counted and not guessed. Marks are read here and shown nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from activities.people import facts_of
from cli.options import say
from cli.rooms import Rooms
from domain.events import Envelope
from domain.identification_rule import Rule, evaluate, rule_digest
from domain.stage_events import StageSlug
from domain.time import instant
from registry.problems import InputRejected
from registry.records import PupilFacts, commitment_of

SOURCE: Final = "DOMAIN G4, FEATURES B6"
"""Where the rule of identification comes from."""

GROUPS: Final = ("identified", "dropped", "otherwise")
HELP: Final = "HELP"


async def identified_by(
    rooms: Rooms, campaign: str, rule: Rule, as_at: datetime | None, least: int | None
) -> dict[str, Any]:
    """Compare what was proposed with what another rule proposes for the same facts.

    Args:
        rooms: the house; its registry is read.
        campaign: the campaign's id.
        rule: the other rule.
        as_at: only proposals recorded by then.
        least: the least figure that is shown outside, with no reference; None shows all (R-22).

    Returns:
        `{rule: {source, id, version, digest}, looked_at, not_computable: [{school, snapshot, forgotten, differing}],
        schools: [{school, identified, dropped, otherwise}]}`: references of pupils who would newly be proposed for
        help, who would be no more, and who would be proposed for other help or for a person to decide; each as
        `{student, class, was, is, decided}`, `decided` the help that people decided on, None where nobody has.
    """
    ledger = await rooms.ledger()
    told, missing, looked_at = [], [], 0
    for stream in await ledger.streams(campaign):
        if not stream.endswith(f"/{StageSlug.IDENTIFICATION}"):
            continue
        events = [one async for one in ledger.events(stream) if as_at is None or instant(one["recorded_at"]) <= as_at]
        made = next((one["data"] for one in events if one["type"] == "ProposalsMade"), None)
        if made is None:
            continue
        school, snapshot = stream.split("/")[3], made["snapshot"]
        proposed = {one["data"]["student"]: one["data"] for one in events if one["type"] == "HelpProposed"}
        try:
            facts = {one.student_ref: one for one in await (await rooms.registry()).facts(snapshot)}
        except InputRejected:  # another registry, or the snapshot is gone: nothing can be said of this school
            facts = {}
        sound = {student: one for student, one in facts.items() if _committed(one, proposed.get(student))}
        looked_at += sum(student in sound for student in proposed)
        gone = [student for student in proposed if student not in facts]
        if len(sound) < len(facts) or gone:
            differing = sum(student in proposed for student in facts if student not in sound)
            place = {"school": school, "snapshot": snapshot}
            missing.append({**place, "forgotten": len(gone), "differing": differing})
        groups = _groups(rule, proposed, sound, decisions(events))
        if any(groups.values()):
            told.append({"school": school, **(groups if least is None else _counts(groups, least))})
    return {
        "rule": {"source": SOURCE, "id": rule.id, "version": rule.version, "digest": rule_digest(rule)},
        "looked_at": looked_at,
        "not_computable": missing,
        "schools": told,
    }


def decisions(events: Iterable[Envelope]) -> dict[str, list[str]]:
    """Return the help that people decided on, by pupil, the last word counting."""
    found: dict[str, list[str]] = {}
    for event in events:
        match event["type"], event["data"]:
            case "HelpConfirmed" | "ContestResolved", data:
                found[data["student"]] = list(data["help"])
            case "HelpExcluded", data:
                found[data["student"]] = []
            case _:
                pass
    return found


def identified_shown(identified: Mapping[str, Any]) -> list[RenderableType]:
    """Return, by school, whom the other rule would propose, propose no more, or propose for something else."""
    parts: list[RenderableType] = [
        Text(f"{one['school']}: {_missing(one)}", style="bold red") for one in identified["not_computable"]
    ]
    if not identified["schools"]:
        return [*parts, Text(say("识别结果没有差别。", "The rule proposes the same for everybody."))]
    table = Table(
        say("学校", "school"),
        say("新增识别", "newly identified"),
        say("不再识别", "no longer"),
        say("其他变化", "otherwise"),
    )
    for row in identified["schools"]:
        table.add_row(row["school"], *(_cell(row[name]) for name in GROUPS))
    return [*parts, table]


# -- inside -------------------------------------------------------------------------------------------------------


def _committed(facts: PupilFacts, proposed: Mapping[str, Any] | None) -> bool:
    """Tell whether a pupil's facts are those that the proposal has committed to."""
    again = commitment_of(
        student_ref=facts.student_ref,
        class_id=facts.class_id,
        mark_tenths=facts.mark_tenths,
        full_mark=facts.full_mark,
        absence_days=facts.unexplained_absence_days,
        informed=facts.informed,
        salt=facts.salt,
    )
    return proposed is not None and again == proposed["commitment"]


def _groups(
    rule: Rule,
    proposed: Mapping[str, Mapping[str, Any]],
    facts: Mapping[str, PupilFacts],
    decided: Mapping[str, list[str]],
) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {name: [] for name in GROUPS}
    for student in sorted(facts):
        was, is_ = proposed[student], evaluate(rule, facts_of(facts[student])).model_dump(mode="json")
        sides = [{"code": side["code"], "help": list(side["help"])} for side in (was, is_)]
        if sides[0] == sides[1]:
            continue
        row = {"student": student, "class": facts[student].class_id, "was": sides[0], "is": sides[1]}
        codes = (sides[0]["code"] == HELP, sides[1]["code"] == HELP)
        group = {(False, True): "identified", (True, False): "dropped"}.get(codes, "otherwise")
        groups[group].append({**row, "decided": decided.get(student)})
    return groups


def _counts(groups: Mapping[str, list[dict[str, Any]]], least: int) -> dict[str, int | None]:
    return {name: None if 0 < len(rows) < least else len(rows) for name, rows in groups.items()}


def _missing(one: Mapping[str, Any]) -> str:
    gone, differing = one["forgotten"], one["differing"]
    return say(
        f"{gone} 人已不在人员库，{differing} 人的数据与承诺值不符，未计算",
        f"{gone} no longer in the registry, the facts of {differing} do not fit their commitment: not computed",
    )


def _cell(found: list[dict[str, Any]] | int | None) -> str:
    if found is None:
        return say("人数过少，不予显示", "too few to be shown")
    return str(found) if isinstance(found, int) else str(len(found) or "—")
