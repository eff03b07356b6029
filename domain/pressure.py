"""Does a target ask for more than there can be? Flags of pressure, and another way to set it (R-10, R-20; S02, S16).

A flag is a question to people: it names two numbers that should not stand so. It says nothing about a teacher or a
family, and marks never come here: how a score band answered comes as counts, from the registry or from the bureau, and
how many pupils a school counts as its pool, from the bureau alone.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.exact import Count
from domain.policy_parameters import PolicyParameters
from domain.policy_readings import Rounding
from domain.targets_events import PressureCode

ROUND_HALF = Fraction(1, 2)


class Band(BaseModel):
    """How a score band answered: of the informed how many consented, of those with an intent how many vocational."""

    model_config = ConfigDict(frozen=True)

    informed: Count = 0
    consents: Count = 0
    intents: Count = 0
    vocational: Count = 0

    @model_validator(mode="after")
    def _parts_of_the_whole(self) -> Self:
        if self.consents > self.informed:
            raise ValueError("nobody consents without having been informed")
        if self.vocational > self.intents:
            raise ValueError("a vocational intent is one of the intents")
        return self

    @property
    def all_vocational(self) -> bool:
        """Tell whether every intent of the band is a vocational school; nobody's intent is no intent."""
        return self.intents > 0 and self.intents == self.vocational


class PressureFigures(BaseModel):
    """What is known of a school, or of one of its classes; None where it is not known, and then nothing is said of it.

    Attributes:
        quota: heads that are asked for, of both waves.
        graduates: pupils of the grade.
        pool: pupils whom the bureau counts as likely to look for a vocational school; a count, never a list.
        applications: application forms filled in.
        plan: heads that the school plans for in all, those delivered included.
        intents, vocational_intents: families who stated an intent, and those who stated a vocational school.
        low_band, others: how the pupils with low marks answered, and how the rest did.
    """

    model_config = ConfigDict(frozen=True)

    school: str
    class_id: str | None = Field(default=None, serialization_alias="class")
    quota: Count
    graduates: Count | None = None
    pool: Count | None = None
    applications: Count | None = None
    plan: Count | None = None
    intents: Count | None = None
    vocational_intents: Count | None = None
    low_band: Band | None = None
    others: Band | None = None


class PressureFlag(BaseModel):
    """One comparison that should not stand so: `figure` is above `limit`, both exact.

    Attributes:
        by: by how many heads, None where the two are rates.
    """

    model_config = ConfigDict(frozen=True)

    school: str
    class_id: str | None = Field(default=None, serialization_alias="class")
    flag: PressureCode
    figure: str
    limit: str
    by: Count | None = None


def pressure_flags(figures: PressureFigures, parameters: PolicyParameters) -> tuple[PressureFlag, ...]:
    """Return what should be looked at in a school's or a class's figures (R-10).

    Args:
        figures: what is known; a comparison with an unknown side is left out.
        parameters: `pressure_graduates_share`, `pressure_low_band_times`.
    """
    known = figures
    share = None if known.graduates is None else parameters.pressure_graduates_share * known.graduates
    heads = [
        (PressureCode.QUOTA_ABOVE_POOL, known.quota, known.pool),
        (PressureCode.QUOTA_ABOVE_SHARE, known.quota, None if share is None else floor(share)),
        (PressureCode.APPLICATIONS_ABOVE_QUOTA, known.applications, known.quota),
        (PressureCode.PLAN_ABOVE_QUOTA, known.plan, known.quota),
        (PressureCode.PLAN_ABOVE_POOL, known.plan, known.pool),
    ]
    found = [
        _flag(figures, code, str(figure), str(limit), figure - limit)
        for code, figure, limit in heads
        if figure is not None and limit is not None and figure > limit
    ]
    low, others = known.low_band, known.others
    # the two rates compared in whole numbers, which holds too where nobody among the others consented
    if low is not None and others is not None and low.consents and others.informed:
        rate = low.consents * others.informed
        if rate >= parameters.pressure_low_band_times * others.consents * low.informed:
            limit = f"{parameters.pressure_low_band_times * others.consents}/{others.informed}"
            found.append(_flag(figures, PressureCode.LOW_BAND_CONSENTS, f"{low.consents}/{low.informed}", limit))
    if known.intents and known.intents == known.vocational_intents:
        whole = f"{known.vocational_intents}/{known.intents}"
        found.append(_flag(figures, PressureCode.ALL_VOCATIONAL, whole, str(known.intents)))
    bands = ((PressureCode.ALL_VOCATIONAL_LOW_BAND, low), (PressureCode.ALL_VOCATIONAL_OTHERS, others))
    found += [
        _flag(figures, code, f"{band.vocational}/{band.intents}", str(band.intents))
        for code, band in bands
        if band is not None and band.all_vocational
    ]
    return tuple(found)


def alternative_target(graduates: int, admitted: int, parameters: PolicyParameters) -> int:
    """Return the target that a county sets as a share of those not admitted to general high school (R-20; S16).

    130 graduates of whom 78 were admitted leave 52; 19/20 of them are 49.4: 49 by floor and half up, 50 by ceiling.

    Args:
        graduates: pupils of the grade.
        admitted: those admitted to a general high school.
        parameters: `target_share`, `target_rounding`.

    Raises:
        ValueError: more are admitted than graduate, or a number is negative.
    """
    if not 0 <= admitted <= graduates:
        raise ValueError("those admitted are some of the graduates")
    exact = parameters.target_share * (graduates - admitted)
    match parameters.target_rounding:
        case Rounding.FLOOR:
            return floor(exact)
        case Rounding.HALF_UP:
            return floor(exact + ROUND_HALF)
        case Rounding.CEILING:
            return ceil(exact)


def _flag(figures: PressureFigures, code: PressureCode, figure: str, limit: str, by: int | None = None) -> PressureFlag:
    return PressureFlag(school=figures.school, class_id=figures.class_id, flag=code, figure=figure, limit=limit, by=by)
