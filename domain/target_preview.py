"""What a revision of targets would move, shown to its author before it is written (edge 12; DOMAIN §1.19).

The campaign's stream knows no counts, so whoever writes the revision looks at them first, and the event keeps the
digest of what was shown. The yuan are the historical rules' (`legacy`): a trial computation, never to be paid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from domain.events import digest
from domain.exact import fraction_text
from domain.policy import PolicyProfile
from domain.policy_parameters import PolicyParameters
from domain.rates import completion
from domain.settlement import STAMP_NOT_PAYABLE, ClassCount, class_reward, least_heads, teacher_points, veto_proposed

NO_TASK: Final = "NO_TASK"
BELOW_COUNT: Final = "BELOW_COUNT"
TRIAL_FIGURES: Final = ("countable", "tier_was", "tier_now", "yuan_was", "yuan_now", "points_was", "points_now")
"""Keys of a class that a trial computation fills."""


class ClassMove(BaseModel):
    """One class whose quota moves.

    Attributes:
        countable: pupils who count now.
        tier_was, tier_now: the line that the class has reached, as "4/5"; None below the lowest, or without a quota.
        yuan_was, yuan_now: under the historical rules, on trial.
        flags: BELOW_COUNT where the new quota is below what counts already, NO_TASK where it is 0.
    """

    model_config = ConfigDict(frozen=True)

    school: str
    class_id: str = Field(serialization_alias="class")
    countable: int
    quota_was: int
    quota_now: int
    tier_was: str | None
    tier_now: str | None
    yuan_was: int
    yuan_now: int
    points_was: int
    points_now: int
    flags: tuple[str, ...] = ()


class SchoolMove(BaseModel):
    """One school whose target moves; `classes_known` is False until somebody says how it is shared out."""

    model_config = ConfigDict(frozen=True)

    school: str
    countable: int
    target_was: int
    target_now: int
    completion_was: str | None
    completion_now: str | None
    veto_was: bool
    veto_now: bool
    classes_known: bool
    flags: tuple[str, ...] = ()


class TargetPreview(BaseModel):
    """What a revision moves: schools and classes whose number changes, in their order, and the sums in yuan."""

    model_config = ConfigDict(frozen=True)

    schools: tuple[SchoolMove, ...]
    classes: tuple[ClassMove, ...]
    yuan_was: int
    yuan_now: int
    profile: str
    parameter_hash: str
    stamp: str = STAMP_NOT_PAYABLE

    def as_data(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return self.model_dump(mode="json", by_alias=True)

    @property
    def digest(self) -> str:
        """The digest that the revision's event keeps."""
        return digest(self.as_data())


def preview(
    counts: Sequence[ClassCount],
    targets_was: Mapping[str, int],
    targets_now: Mapping[str, int],
    classes_now: Mapping[str, Mapping[str, int]],
    profile: PolicyProfile,
) -> TargetPreview:
    """Return what a revision moves.

    Args:
        counts: every class with the quota and the countable pupils that it has now.
        targets_was: schools' numbers before.
        targets_now: and after; a school that it does not name keeps its own.
        classes_now: schools whose revised number is shared out already, with their classes.
        profile: the rules by which yuan, points and the veto line are shown.
    """
    parameters = profile.parameters
    by_school: dict[str, list[ClassCount]] = {}
    for count in counts:
        by_school.setdefault(count.school, []).append(count)
    schools: list[SchoolMove] = []
    classes: list[ClassMove] = []
    for school, now in targets_now.items():
        was = targets_was.get(school, 0)
        held = by_school.get(school, [])
        if was != now:
            schools.append(_school(school, held, (was, now), parameters, known=school in classes_now))
        for count in held:
            quota = classes_now.get(school, {}).get(count.class_id, 0 if school in classes_now else count.quota)
            if quota != count.quota:
                classes.append(_class(count, quota, parameters))
    return TargetPreview(
        schools=tuple(schools),
        classes=tuple(classes),
        yuan_was=sum(move.yuan_was for move in classes),
        yuan_now=sum(move.yuan_now for move in classes),
        profile=profile.id,
        parameter_hash=profile.parameter_hash,
    )


def without_trial_figures(data: dict[str, Any]) -> dict[str, Any]:
    """Return a preview without what trial computations say of classes, for who may not see that yet (DESIGN §10).

    What is asked of each school and class stays, and whether a school falls below the veto line: the author of a
    revision has to know that. The digest that the event keeps is over all of it.
    """
    hidden = dict.fromkeys(TRIAL_FIGURES)
    return data | {"yuan_was": None, "yuan_now": None, "classes": [{**row, **hidden} for row in data["classes"]]}


# -- inside -------------------------------------------------------------------------------------------------------


def _class(count: ClassCount, quota: int, parameters: PolicyParameters) -> ClassMove:
    return ClassMove(
        school=count.school,
        class_id=count.class_id,
        countable=count.countable,
        quota_was=count.quota,
        quota_now=quota,
        tier_was=_tier(count.quota, count.countable, parameters),
        tier_now=_tier(quota, count.countable, parameters),
        yuan_was=class_reward(count.quota, count.countable, parameters),
        yuan_now=class_reward(quota, count.countable, parameters),
        points_was=teacher_points(count.quota, count.countable, parameters),
        points_now=teacher_points(quota, count.countable, parameters),
        flags=_flags(quota, count.countable),
    )


def _school(
    school: str, held: Sequence[ClassCount], targets: tuple[int, int], parameters: PolicyParameters, *, known: bool
) -> SchoolMove:
    countable = sum(count.countable for count in held)
    rates = [completion(countable, target) for target in targets]
    coverage, refusals = _coverage(held), _refusals(held)
    vetoes = [veto_proposed(target, countable, coverage, refusals, parameters) for target in targets]
    return SchoolMove(
        school=school,
        countable=countable,
        target_was=targets[0],
        target_now=targets[1],
        completion_was=None if rates[0] is None else rates[0].text,
        completion_now=None if rates[1] is None else rates[1].text,
        veto_was=vetoes[0],
        veto_now=vetoes[1],
        classes_known=known,
        flags=_flags(targets[1], countable),
    )


def _tier(quota: int, countable: int, parameters: PolicyParameters) -> str | None:
    if quota == 0:
        return None
    reached = (
        line for line, _ in parameters.reward_tiers if countable >= least_heads(line, quota, parameters.tier_boundary)
    )
    best = next(reached, None)
    return None if best is None else fraction_text(best)


def _flags(quota: int, countable: int) -> tuple[str, ...]:
    if quota == 0:
        return (NO_TASK,)
    return (BELOW_COUNT,) if quota < countable else ()


def _coverage(held: Sequence[ClassCount]) -> Fraction | None:
    served = [
        None if count.informed is None or count.guided is None else min(count.informed, count.guided) for count in held
    ]
    pupils = [count.pupils for count in held]
    if any(number is None for number in (*served, *pupils)):
        return None
    whole = sum(number or 0 for number in pupils)
    return Fraction(sum(number or 0 for number in served), whole) if whole else None


def _refusals(held: Sequence[ClassCount]) -> int | None:
    known = [count.free_refusals for count in held]
    return None if any(number is None for number in known) else sum(number or 0 for number in known)
