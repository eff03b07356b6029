"""Dropout: the award for a low rate and the proposed veto for a high one, from counts alone (R-05; Q8, Q9; S08).

Classes of grades 7 to 9 are judged one by one, grade 6 by the school. A veto is proposed for people to decide, never
imposed (INV-19), and where the school did for every lost pupil all that it owes (R-15) there is no fault to judge.
Ratios are compared as fractions: 1 of 50 is exactly 2 % and no award, 1 of 51 is below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.exact import Count
from domain.policy_parameters import PolicyParameters
from domain.policy_readings import Boundary, DropoutDenominator
from domain.rates import loss_rate
from domain.settlement import Finding, known_sum

PRIMARY: Final = 6
"""The grade that is judged by the school: pupils who go to no junior school (F-D9)."""

Grade = Annotated[int, Field(strict=True, ge=PRIMARY, le=9)]


class DropoutCount(BaseModel):
    """What is known of the losses of one class.

    Attributes:
        grade: 6 to 9.
        size: pupils on the register on 1 September.
        lost: pupils gone at the year's end who did not return, without lawful transfers to a confirmed school; None
            where no report was filed: that says nothing of anybody, and no zero (INV-15).
        transfers_in, transfers_out: lawful transfers since then.
        current: pupils on the register now; None takes `size` with the transfers.
        served: lost pupils for whom the school did all that it owes: it went to them, and reported them in writing in
            time (R-15); None where unknown.
    """

    model_config = ConfigDict(frozen=True)

    school: str
    class_id: str
    grade: Grade
    size: Count
    lost: Count | None
    transfers_in: Count = 0
    transfers_out: Count = 0
    current: Count | None = None
    served: Count | None = None

    @model_validator(mode="after")
    def _within_the_class(self) -> Self:
        if self.transfers_out > self.size + self.transfers_in:
            raise ValueError("no more pupils move away than the class has had")
        if self.lost is not None and self.lost > self.size + self.transfers_in:
            raise ValueError("a class loses no more pupils than it has had")
        if self.served is not None and (self.lost is None or self.served > self.lost):
            raise ValueError("those served here are some of the lost")
        return self

    @property
    def september(self) -> int:
        """The pupils of 1 September with lawful transfers in and without those out."""
        return self.size + self.transfers_in - self.transfers_out

    def denominator(self, reading: DropoutDenominator) -> int:
        """Return the pupils that the rate is a share of (Q9)."""
        if reading is DropoutDenominator.CURRENT and self.current is not None:
            return self.current
        return self.september


class DropoutResult(BaseModel):
    """A class of grades 7 to 9, or the grade 6 of a school (`class_id` None).

    Attributes:
        lost: None where it is unknown; then there is no rate, no award and no veto.
        rate: "lost/pupils", None where there is nobody to lose.
        award: below the award's line (F-D8); never for grade 6.
        veto_proposed: above the veto's line (F-D9), and nothing excuses it; people decide.
        finding: VETO_PROPOSED or NO_FAULT above the line, None up to it; LOSSES_UNKNOWN where `lost` is.
    """

    model_config = ConfigDict(frozen=True)

    school: str
    class_id: str | None = Field(serialization_alias="class")
    grade: Grade
    pupils: Count
    lost: Count | None
    rate: str | None
    award: bool
    veto_proposed: bool
    finding: Finding | None = None


def dropout_award(lost: int, pupils: int, parameters: PolicyParameters) -> bool:
    """Tell whether a class of grades 7 to 9 earns the award: `50·lost < size` by default (R-05)."""
    return pupils > 0 and _below(Fraction(lost, pupils), parameters.dropout_award, parameters)


def dropout_veto(lost: int, pupils: int, parameters: PolicyParameters, *, grade: int) -> bool:
    """Tell whether a rate is above the veto's line: `20·lost > size` for a class, `10·lost > size` for grade 6 (R-05).

    A class without pupils that lost some is above it.
    """
    line = parameters.loss_veto_g6 if grade == PRIMARY else parameters.dropout_veto_g79
    if pupils == 0:
        return lost > 0
    return _above(Fraction(lost, pupils), line, parameters)


def dropout_finding(
    lost: int, pupils: int, served: int | None, parameters: PolicyParameters, *, grade: int
) -> Finding | None:
    """Return what the rule finds on a class, None up to the veto's line (R-05, X3; INV-19).

    Args:
        lost: pupils who have not returned.
        pupils: whom the rate is a share of.
        served: lost pupils for whom the school did all that it owes; what nobody knows excuses nothing.
        parameters: the lines, and `veto_no_fault`.
        grade: 6 to 9.
    """
    if not dropout_veto(lost, pupils, parameters, grade=grade):
        return None
    whole = served is not None and served >= lost
    return Finding.NO_FAULT if parameters.veto_no_fault and whole else Finding.VETO_PROPOSED


def dropout_results(counts: Sequence[DropoutCount], parameters: PolicyParameters) -> tuple[DropoutResult, ...]:
    """Judge classes in the order given, then the grade 6 of each school.

    Raises:
        ValueError: a class is given twice.
    """
    if len({(count.school, count.class_id) for count in counts}) < len(counts):
        raise ValueError("a class is given twice")
    results = [
        _result(count.school, count.class_id, count.grade, [count], parameters)
        for count in counts
        if count.grade != PRIMARY
    ]
    sixth: dict[str, list[DropoutCount]] = {}
    for count in counts:
        if count.grade == PRIMARY:
            sixth.setdefault(count.school, []).append(count)
    results += [_result(school, None, PRIMARY, own, parameters) for school, own in sixth.items()]
    return tuple(results)


def _result(
    school: str, class_id: str | None, grade: int, counts: Sequence[DropoutCount], parameters: PolicyParameters
) -> DropoutResult:
    pupils = sum(count.denominator(parameters.dropout_denominator) for count in counts)
    lost, served = known_sum([count.lost for count in counts]), known_sum([count.served for count in counts])
    if lost is None:
        return DropoutResult(
            school=school,
            class_id=class_id,
            grade=grade,
            pupils=pupils,
            lost=None,
            rate=None,
            award=False,
            veto_proposed=False,
            finding=Finding.LOSSES_UNKNOWN,
        )
    rate = loss_rate(lost, pupils)
    finding = dropout_finding(lost, pupils, served, parameters, grade=grade)
    return DropoutResult(
        school=school,
        class_id=class_id,
        grade=grade,
        pupils=pupils,
        lost=lost,
        rate=None if rate is None else rate.text,
        award=grade != PRIMARY and dropout_award(lost, pupils, parameters),
        veto_proposed=finding is Finding.VETO_PROPOSED,
        finding=finding,
    )


def _below(ratio: Fraction, line: Fraction, parameters: PolicyParameters) -> bool:
    return ratio < line or (parameters.dropout_boundary is Boundary.INCLUSIVE and ratio == line)


def _above(ratio: Fraction, line: Fraction, parameters: PolicyParameters) -> bool:
    return ratio > line or (parameters.dropout_boundary is Boundary.INCLUSIVE and ratio == line)
