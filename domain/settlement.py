"""The trial settlement: rewards, points and the proposed veto, from counts alone (DOMAIN §8.1; INV-17, INV-19, INV-28).

Pure functions of counts and named parameters. Every line is drawn in whole heads: a percentage is neither rounded nor
compared, so 25 of 42 (59.52 %) is below the 60 % line and 35 of 44 (79.55 %) below the 80 % line. A trial has no
funding source, so nothing in it is payable (R-08), and a veto is proposed for people to decide, never imposed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.exact import Count
from domain.policy import PolicyParameters, PolicyProfile
from domain.policy_readings import Boundary, RewardRatio, ShortfallBase, ZeroQuota
from domain.rates import completion, county_completion

STAMP_TRIAL: Final = "试算"
STAMP_NOT_PAYABLE: Final = "试算·不得发放"
"""Stands on every trial of a shadow profile, and on every other that computes an amount (X1, R-08)."""


class ClassCount(BaseModel):
    """What is known of one class: its quota, its countable pupils, and the service that its pupils had.

    Attributes:
        school: the school's code.
        class_id: the class; one school has it once.
        quota: heads asked for; 0 is no task (Q5).
        countable: pupils who count at the cut-off (INV-10, INV-11).
        pupils: pupils of the class, None where unknown; the same for the three below, each at most `pupils`.
        informed: pupils whose household was informed.
        guided: pupils who had their guidance talk.
        free_refusals: documented refusals of pupils or guardians after full service.
    """

    model_config = ConfigDict(frozen=True)

    school: str
    class_id: str
    quota: Count
    countable: Count
    pupils: Count | None = None
    informed: Count | None = None
    guided: Count | None = None
    free_refusals: Count | None = None

    @model_validator(mode="after")
    def _within_the_class(self) -> Self:
        served = (self.informed, self.guided, self.free_refusals)
        if self.pupils is not None and any(count is not None and count > self.pupils for count in served):
            raise ValueError("a class informs, guides and hears no more pupils than it has")
        return self


class Tally(NamedTuple):
    """A quota and the countable pupils against it, of a class or of a school."""

    quota: int
    countable: int


class Finding(StrEnum):
    """What there is to say of a class or school beyond its figures."""

    NO_TASK = "NO_TASK"
    """Quota 0: no ratio, so no reward, no points, no veto (Q5)."""

    VETO_PROPOSED = "VETO_PROPOSED"
    """Below the veto line; people hear the school and decide (R-04, INV-19)."""

    NO_FAULT = "NO_FAULT"
    """Below the line because families said no after full service (R-04, S14)."""

    SERVICE_COVERED = "SERVICE_COVERED"
    """Below the line, and the service reached the share of pupils that it had to."""

    COVERAGE_UNKNOWN = "COVERAGE_UNKNOWN"
    """Below the line, and nothing is proposed because nobody knows whom the service reached."""

    LOSSES_UNKNOWN = "LOSSES_UNKNOWN"
    """No report on attendance was filed: whom a class has lost, nobody knows; no award and no veto (R-05, INV-15)."""

    INTEGRITY = "INTEGRITY"
    """Paid recruiting by the class's teacher is confirmed: no payout and no points, whatever the count (R-09)."""


class ClassResult(BaseModel):
    """One class: whole yuan and points; `completion` is "countable/quota", None without a quota."""

    model_config = ConfigDict(frozen=True)

    school: str
    class_id: str = Field(serialization_alias="class")
    quota: Count
    countable: Count
    completion: str | None
    reward_yuan: int
    points: int


class SchoolResult(BaseModel):
    """One school: the sums of its classes, and whether a veto is proposed."""

    model_config = ConfigDict(frozen=True)

    school: str
    quota: Count
    countable: Count
    completion: str | None
    veto_proposed: bool


class CountyResult(BaseModel):
    """The county: sums, never means (R-12).

    Attributes:
        reward_yuan: the sum over the classes; may be negative, in a trial only (Q13).
        payable_yuan: 0. Paying needs a lawful source, a document and two approvals (R-08), and a trial has none.
    """

    model_config = ConfigDict(frozen=True)

    quota: Count
    countable: Count
    completion: str | None
    reward_yuan: int
    payable_yuan: Literal[0] = 0


class Note(BaseModel):
    """A finding on a school, or on one of its classes.

    Attributes:
        service_coverage: "served/pupils" of the school, None where unknown or about a class.
        free_refusals: of the school, None where unknown or about a class.
    """

    model_config = ConfigDict(frozen=True)

    code: Finding
    school: str
    class_id: str | None = Field(default=None, serialization_alias="class")
    service_coverage: str | None = None
    free_refusals: Count | None = None


class Settlement(BaseModel):
    """A trial computation, with the parameters that it rests on.

    Attributes:
        classes: in the order given.
        schools: in the order in which their first class was given.
        profile, parameter_hash: the policy; a profile with other parameters has another hash.
        stamp: what must be shown wherever the figures are.
        points_by_role: the sum of the points for each role that `points_for` names (Q7).
        notes: findings on classes, then on schools, in the same orders.
    """

    model_config = ConfigDict(frozen=True)

    classes: tuple[ClassResult, ...]
    schools: tuple[SchoolResult, ...]
    county: CountyResult
    profile: str
    parameter_hash: str
    stamp: str
    notes: tuple[Note, ...]
    points_by_role: dict[str, int] = {}

    def as_data(self) -> dict[str, Any]:
        """Return the JSON object of the command line's contract."""
        return self.model_dump(mode="json", by_alias=True)


# -- the rules ---------------------------------------------------------------------------------------------------


def least_heads(line: Fraction, quota: int, boundary: Boundary) -> int:
    """Return the fewest heads that are past a line of a quota: 5 of 7 at 3/5.

    Q4 asks whether exactly 80 % is in the tier of 80 %. A whole quota is met by meeting it under either reading.
    """
    heads, rest = divmod(line.numerator * quota, line.denominator)
    beyond = boundary is Boundary.STRICT and line != 1
    return heads + 1 if rest or beyond else heads


def class_reward(quota: int, countable: int, parameters: PolicyParameters, *, school: Tally | None = None) -> int:
    """Return a class's reward in yuan, negative for a penalty (R-01; Q2 to Q6).

    Without tiers there is no lowest one to fall below, so nothing is paid and nothing taken.

    Args:
        quota: the class's, in heads.
        countable: the class's countable pupils.
        parameters: tiers, penalty and their readings.
        school: the school's tally; picks the tier where `reward_ratio` is `school`. The heads are always the class's.
    """
    if quota == 0 and parameters.zero_quota is ZeroQuota.NO_TASK:
        return 0
    judged = school if school is not None and parameters.reward_ratio is RewardRatio.SCHOOL else Tally(quota, countable)
    for line, yuan in parameters.reward_tiers:
        if judged.countable >= least_heads(line, judged.quota, parameters.tier_boundary):
            return yuan * (min(countable, quota) if parameters.cap_at_quota else countable)
    if not parameters.reward_tiers:
        return 0
    match parameters.shortfall_base:
        case ShortfallBase.QUOTA:
            wanted = quota
        case ShortfallBase.LOWEST_TIER:
            lowest, _ = parameters.reward_tiers[-1]
            wanted = least_heads(lowest, quota, parameters.tier_boundary)
    return -parameters.penalty * max(0, wanted - countable)


def teacher_points(quota: int, countable: int, parameters: PolicyParameters) -> int:
    """Return the points of a class for whom `points_for` names, the class head by default (R-02; Q5, Q7)."""
    if quota == 0 and parameters.zero_quota is ZeroQuota.NO_TASK:
        return 0
    return parameters.points_full if countable >= quota else parameters.points_missing * (quota - countable)


def veto_finding(
    quota: int,
    countable: int,
    coverage: Fraction | None,
    free_refusals: int | None,
    parameters: PolicyParameters,
) -> Finding | None:
    """Return what the veto rule finds on a school, None where it is above the line (R-04, Q1, Q5, X3, S14).

    What is not documented excludes nothing: with unknown refusals or coverage there is no NO_FAULT.

    Args:
        quota: the school's, in heads.
        countable: the school's countable pupils.
        coverage: share of its pupils informed and guided, None where unknown.
        free_refusals: documented refusals after full service, None where unknown.
        parameters: the line and its readings.
    """
    if quota == 0:
        return Finding.NO_TASK if parameters.zero_quota is ZeroQuota.NO_TASK else None
    line = parameters.veto_ratio * quota
    at_the_line = parameters.veto_boundary is Boundary.INCLUSIVE and countable == line
    if not (countable < line or at_the_line):
        return None
    all_refused = free_refusals is not None and free_refusals >= quota - countable
    if parameters.veto_no_fault and coverage == 1 and all_refused:
        return Finding.NO_FAULT
    if parameters.veto_coverage_below is None:
        return Finding.VETO_PROPOSED
    if coverage is None:
        return Finding.COVERAGE_UNKNOWN
    return Finding.VETO_PROPOSED if coverage < parameters.veto_coverage_below else Finding.SERVICE_COVERED


def veto_proposed(
    quota: int,
    countable: int,
    coverage: Fraction | None,
    free_refusals: int | None,
    parameters: PolicyParameters,
) -> bool:
    """Tell whether a veto is proposed for people to decide; it is never imposed (R-04, INV-19)."""
    return veto_finding(quota, countable, coverage, free_refusals, parameters) is Finding.VETO_PROPOSED


def settle(
    classes: Sequence[ClassCount], profile: PolicyProfile, *, voided: Collection[tuple[str, str]] = ()
) -> Settlement:
    """Compute a trial settlement.

    Args:
        classes: each class of each school once, in any order.
        profile: the policy; copy it with other `parameters` to try them.
        voided: (school, class) whose teacher took money for recruiting, confirmed: no payout, no points (R-09).

    Raises:
        ValueError: a class is given twice (INV-10).
    """
    by_school: dict[str, list[ClassCount]] = {}
    for count in classes:
        by_school.setdefault(count.school, []).append(count)
    if len({(count.school, count.class_id) for count in classes}) < len(classes):
        raise ValueError("a class is given twice")
    tallies = {school: _tally(counts) for school, counts in by_school.items()}
    results = tuple(
        _class_result(count, tallies[count.school], profile.parameters, voided=(count.school, count.class_id) in voided)
        for count in classes
    )
    schools, findings = [], []
    for school, counts in by_school.items():
        result, note = _school_result(school, counts, profile.parameters)
        schools.append(result)
        findings += [] if note is None else [note]
    reward = sum(result.reward_yuan for result in results)
    paid_on_paper = any(result.reward_yuan for result in results)
    whole = _tally(classes)
    overall = county_completion((count.countable, count.quota) for count in classes)
    return Settlement(
        classes=results,
        schools=tuple(schools),
        county=CountyResult(
            quota=whole.quota,
            countable=whole.countable,
            completion=None if overall is None else overall.text,
            reward_yuan=reward,
        ),
        profile=profile.id,
        parameter_hash=profile.parameter_hash,
        stamp=STAMP_NOT_PAYABLE if profile.shadow or paid_on_paper else STAMP_TRIAL,
        notes=(
            *(
                Note(code=Finding.NO_TASK, school=count.school, class_id=count.class_id)
                for count in classes
                if count.quota == 0 and profile.parameters.zero_quota is ZeroQuota.NO_TASK
            ),
            *(
                Note(code=Finding.INTEGRITY, school=count.school, class_id=count.class_id)
                for count in classes
                if (count.school, count.class_id) in voided
            ),
            *findings,
        ),
        points_by_role={role.value: sum(result.points for result in results) for role in profile.parameters.points_for},
    )


# -- inside ------------------------------------------------------------------------------------------------------


def _tally(counts: Sequence[ClassCount]) -> Tally:
    return Tally(sum(count.quota for count in counts), sum(count.countable for count in counts))


def _class_result(count: ClassCount, school: Tally, parameters: PolicyParameters, *, voided: bool) -> ClassResult:
    rate = completion(count.countable, count.quota)
    return ClassResult(
        school=count.school,
        class_id=count.class_id,
        quota=count.quota,
        countable=count.countable,
        completion=None if rate is None else rate.text,
        reward_yuan=0 if voided else class_reward(count.quota, count.countable, parameters, school=school),
        points=0 if voided else teacher_points(count.quota, count.countable, parameters),
    )


def _school_result(
    school: str, counts: Sequence[ClassCount], parameters: PolicyParameters
) -> tuple[SchoolResult, Note | None]:
    tally = _tally(counts)
    rate = completion(tally.countable, tally.quota)
    coverage = _coverage(counts)
    refusals = known_sum([count.free_refusals for count in counts])
    value = None if coverage is None else Fraction(*coverage)
    finding = veto_finding(tally.quota, tally.countable, value, refusals, parameters)
    result = SchoolResult(
        school=school,
        quota=tally.quota,
        countable=tally.countable,
        completion=None if rate is None else rate.text,
        veto_proposed=finding is Finding.VETO_PROPOSED,
    )
    if finding is None:
        return result, None
    served = None if coverage is None else f"{coverage[0]}/{coverage[1]}"
    return result, Note(code=finding, school=school, service_coverage=served, free_refusals=refusals)


def _coverage(counts: Sequence[ClassCount]) -> tuple[int, int] | None:
    """Return a school's pupils who had the whole service, at most, and all its pupils; None where a class is unknown.

    Counts do not say who was both informed and guided; in a class it is nobody more than the smaller of the two.
    """
    pupils = known_sum([count.pupils for count in counts])
    served = known_sum(
        [
            None if count.informed is None or count.guided is None else min(count.informed, count.guided)
            for count in counts
        ]
    )
    return (served, pupils) if served is not None and pupils else None


def known_sum(values: Sequence[int | None]) -> int | None:
    """Return the sum of counts, None where one of them is unknown."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
