"""Figures that stand beside a settlement: class averages, applications, waves (R-03, R-12; Q10, Q11, Q12; S02, S20).

Each of them has two readings in the source documents; the reading is a parameter, and both can be computed.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.exact import Count, ExactFraction
from domain.policy_parameters import PolicyParameters
from domain.policy_readings import ApplicationsMeasure, ClassAverage, WaveBy
from domain.rates import completion, delivered_rate

Wave = Literal["spring", "autumn"]
WAVES: Final[tuple[Wave, ...]] = ("spring", "autumn")


class MarkSums(BaseModel):
    """The sums of marks of one class, typed in: no mark of a pupil stands anywhere, and nothing is stored.

    Attributes:
        pupils, total: all pupils of the September register, and the sum of their marks.
        diverted, diverted_total: those of them who were diverted, and the sum of theirs.
    """

    model_config = ConfigDict(frozen=True)

    school: str
    class_id: str
    pupils: Count
    total: Count
    diverted: Count
    diverted_total: Count

    @model_validator(mode="after")
    def _part_of_the_whole(self) -> Self:
        if self.diverted > self.pupils or self.diverted_total > self.total:
            raise ValueError("the diverted are some of the class")
        if (self.pupils == 0 and self.total) or (self.diverted == 0 and self.diverted_total):
            raise ValueError("nobody's marks sum to 0")
        if self.diverted == self.pupils and self.diverted_total != self.total:
            raise ValueError("where all are diverted, both sums are the same")
        return self


class AverageResult(BaseModel):
    """A class's average, exact; the official figure is the one with all pupils (X6).

    Attributes:
        with_all: None without pupils, or where the reading leaves it out.
        without_diverted: None where all were diverted, or where the reading leaves it out.
        difference: without less with, None where one of them is.
        shown: both and the difference with two places, for the eye only; no rule reads it.
    """

    model_config = ConfigDict(frozen=True)

    school: str
    class_id: str = Field(serialization_alias="class")
    with_all: ExactFraction | None
    without_diverted: ExactFraction | None
    difference: ExactFraction | None
    official: Literal["with_all", "without_diverted"]
    shown: dict[str, str]


def class_average(sums: MarkSums, parameters: PolicyParameters) -> AverageResult:
    """Return the averages of a class under the reading in force (R-03, Q10)."""
    reading = parameters.class_average
    rest = sums.pupils - sums.diverted
    whole = None if sums.pupils == 0 else Fraction(sums.total, sums.pupils)
    left = None if rest == 0 else Fraction(sums.total - sums.diverted_total, rest)
    with_all = None if reading is ClassAverage.WITHOUT else whole
    without = None if reading is ClassAverage.WITH else left
    difference = None if with_all is None or without is None else without - with_all
    figures = {"with_all": with_all, "without_diverted": without, "difference": difference}
    return AverageResult(
        school=sums.school,
        class_id=sums.class_id,
        with_all=with_all,
        without_diverted=without,
        difference=difference,
        official="without_diverted" if reading is ClassAverage.WITHOUT else "with_all",
        shown={name: two_places(value) for name, value in figures.items() if value is not None},
    )


def two_places(value: Fraction) -> str:
    """Write a number with two places, half away from zero; for the eye only."""
    hundredths, rest = divmod(abs(value.numerator) * 100, value.denominator)
    hundredths += 2 * rest >= value.denominator
    sign = "-" if value < 0 and hundredths else ""
    return f"{sign}{hundredths // 100}.{hundredths % 100:02}"


class ApplicationCount(BaseModel):
    """Application forms and diverted pupils of a school: "24 filled in a form, 18 were diverted" (Q11)."""

    model_config = ConfigDict(frozen=True)

    school: str
    applications: Count
    diverted: Count


class ApplicationResult(BaseModel):
    """Both measures; `together` only where a reading makes one number of them."""

    model_config = ConfigDict(frozen=True)

    school: str
    applications: Count
    diverted: Count
    together: Count | None


def applications(count: ApplicationCount, parameters: PolicyParameters) -> ApplicationResult:
    """Return applications beside diverted pupils; by default they are never added (Q11)."""
    together = {
        ApplicationsMeasure.SEPARATE: None,
        ApplicationsMeasure.INCLUDES_DIVERTED: max(count.applications, count.diverted),
        ApplicationsMeasure.BESIDES_DIVERTED: count.applications + count.diverted,
    }[parameters.applications_measure]
    return ApplicationResult(**count.model_dump(), together=together)


class WaveCount(BaseModel):
    """One wave of a school's year.

    Attributes:
        quota: the wave's quota.
        delivered: countable pupils who were delivered in this wave.
        assigned: countable pupils whose quota is this wave's, whenever they came (edge case 43).
    """

    model_config = ConfigDict(frozen=True)

    school: str
    wave: Wave
    quota: Count
    delivered: Count
    assigned: Count | None = None


class WaveResult(BaseModel):
    """One wave with its own completion, "countable/quota"; None without a quota."""

    model_config = ConfigDict(frozen=True)

    school: str
    wave: Wave
    quota: Count
    countable: Count
    completion: str | None


def wave_result(count: WaveCount, parameters: PolicyParameters) -> WaveResult:
    """Return how far a wave's quota is met; by default a pupil counts in the wave of the delivery (Q12)."""
    by_quota = parameters.wave_by is WaveBy.QUOTA and count.assigned is not None
    countable = count.assigned if by_quota and count.assigned is not None else count.delivered
    rate = completion(countable, count.quota)
    return WaveResult(
        school=count.school,
        wave=count.wave,
        quota=count.quota,
        countable=countable,
        completion=None if rate is None else rate.text,
    )


class DeliveryCount(BaseModel):
    """Pupils of a school whom a vocational school admitted, and those of them who reported there (R-12)."""

    model_config = ConfigDict(frozen=True)

    school: str
    admitted: Count
    reported: Count

    @model_validator(mode="after")
    def _of_the_admitted(self) -> Self:
        if self.reported > self.admitted:
            raise ValueError("only who was admitted reports")
        return self


class DeliveryResult(BaseModel):
    """The delivered rate of a school or of the county (`school` None): "reported/admitted"."""

    model_config = ConfigDict(frozen=True)

    school: str | None
    admitted: Count
    reported: Count
    delivered: str | None


def deliveries(counts: list[DeliveryCount]) -> tuple[DeliveryResult, ...]:
    """Return each school's rate, then the county's from the sums, never from the mean of rates (R-12)."""
    rows = [(count.school, count.admitted, count.reported) for count in counts]
    whole = (None, sum(admitted for _, admitted, _ in rows), sum(reported for _, _, reported in rows))
    return tuple(
        DeliveryResult(
            school=school,
            admitted=admitted,
            reported=reported,
            delivered=None if (rate := delivered_rate(reported, admitted)) is None else rate.text,
        )
        for school, admitted, reported in [*rows, whole]
    )
