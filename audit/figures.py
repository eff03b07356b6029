"""The figures of a settlement beside one another: what the same rules, or others, make of two sets of counts.

A difference is told by school, as people argue about it, with the classes below. Where it is shown outside, a small
class is left out with all that could give it away (R-22); a school's own sums are shown, as everywhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from audit.counts import Recorded
from domain.disclosure import without_small_cells
from domain.dropout_rates import dropout_results
from domain.policy import PolicyProfile
from domain.settlement import ClassResult, settle
from domain.settlement_money import violated_classes

Row = dict[str, Any]
OF_A_CLASS = ("quota", "countable", "completion", "reward_yuan", "points")
OF_LOSSES = ("dropout_award", "dropout_veto_proposed")


@dataclass
class Figures:
    """What a settlement computes.

    Attributes:
        county: figure → value.
        schools: the same by school.
        classes: the same by school and class.
        stamp: what must be shown wherever the figures are.
    """

    county: Row = field(default_factory=dict)
    schools: dict[str, Row] = field(default_factory=dict)
    classes: dict[tuple[str, str], Row] = field(default_factory=dict)
    stamp: str | None = None


def figures(found: Recorded, policy: PolicyProfile) -> Figures:
    """Compute a settlement of what the record holds, as a trial does: it pays nothing and imposes nothing."""
    told = settle(found.classes, policy, voided=violated_classes(found.state))
    county = {**told.county.model_dump(mode="json", exclude={"payable_yuan"}), "points_by_role": told.points_by_role}
    shown = Figures(county=county, stamp=told.stamp)
    for school in told.schools:
        own = [row for row in told.classes if row.school == school.school]
        shown.schools[school.school] = {
            **school.model_dump(mode="json", exclude={"school"}),
            "reward_yuan": sum(row.reward_yuan for row in own),
            "points": sum(row.points for row in own),
            "finding": None,
        }
    for row in told.classes:
        shown.classes[row.school, row.class_id] = {**_class(row), "findings": []}
    for note in told.notes:
        if note.class_id is None:
            shown.schools[note.school]["finding"] = note.code.value
        else:
            shown.classes[note.school, note.class_id]["findings"].append(note.code.value)
    for lost in dropout_results(found.dropout, policy.parameters):
        judged = dict(zip(OF_LOSSES, (lost.award, lost.veto_proposed), strict=True))
        if lost.class_id is None:
            shown.schools.setdefault(lost.school, {}).update(judged)
        else:
            shown.classes.setdefault((lost.school, lost.class_id), {}).update(judged)
    return shown


def figure_changes(before: Figures, after: Figures, least: int | None = None) -> dict[str, Any]:
    """Tell two settlements apart.

    Args:
        before: the one.
        after: the other.
        least: the least figure of a class that is shown; None shows all (whoever watches over pressure). Where there
            is one, nothing that follows from the losses of a class is shown either: they are always few.

    Returns:
        `{"county": [{figure, was, is}], "schools": [{school, changes, classes: [{class, changes}], suppressed}]}`;
        schools in which nothing has changed are left out. `suppressed` names the classes of a school that are not
        shown, whether anything of them has changed or not. The same figures give `{"county": [], "schools": []}`.
    """
    hidden = {} if least is None else {**_small(before, least), **_small(after, least)}
    places = sorted({**before.classes, **after.classes})
    schools = []
    for school in sorted({**before.schools, **after.schools, **{code: None for code, _ in places}}):
        classes = [
            {"class": class_id, "changes": changed}
            for code, class_id in places
            if code == school and (code, class_id) not in hidden
            for changed in [_of_class(before, after, (code, class_id), outside=least is not None)]
            if changed
        ]
        changes = _changed(before.schools.get(school), after.schools.get(school))
        if changes or classes:
            suppressed = sorted(class_id for code, class_id in hidden if code == school)
            schools.append({"school": school, "changes": changes, "classes": classes, "suppressed": suppressed})
    return {"county": _changed(before.county, after.county), "schools": schools}


# -- inside -------------------------------------------------------------------------------------------------------


def _class(row: ClassResult) -> Row:
    data = row.model_dump(mode="json")
    return {name: data[name] for name in OF_A_CLASS}


def _of_class(before: Figures, after: Figures, place: tuple[str, str], *, outside: bool) -> list[Row]:
    """Return what changes in a class, without what follows from its losses where it is shown outside."""
    changed = _changed(before.classes.get(place), after.classes.get(place))
    return [row for row in changed if not (outside and row["figure"] in OF_LOSSES)]


def _small(shown: Figures, least: int) -> dict[tuple[str, str], None]:
    """Return the classes that are not shown outside, as keys."""
    rows = [
        {"school": school, "class": class_id, **row}
        for (school, class_id), row in shown.classes.items()
        if "countable" in row
    ]
    return {(row["school"], row["class"]): None for row in without_small_cells(rows, least) if row["suppressed"]}


def _changed(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[Row]:
    """Return the figures that differ, in the order in which they are computed."""
    was, is_ = before or {}, after or {}
    names: Collection[str] = {**was, **is_}
    return [
        {"figure": name, "was": was.get(name), "is": is_.get(name)} for name in names if was.get(name) != is_.get(name)
    ]
