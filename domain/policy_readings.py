"""The readings among which a policy chooses where the source documents can be read in two ways (DOMAIN §1.19)."""

from __future__ import annotations

from enum import StrEnum


class SpringMode(StrEnum):
    """What may happen before graduation (X5, R-16; DOMAIN §0.2)."""

    FORBIDDEN = "FORBIDDEN"
    EXPERIENCE_ONLY = "EXPERIENCE_ONLY"
    COOP_ORIGIN_XUEJI = "COOP_ORIGIN_XUEJI"


class Boundary(StrEnum):
    """Whether a ratio that lies exactly on a line counts as past it (Q1, Q4, Q8)."""

    STRICT = "strict"
    INCLUSIVE = "inclusive"


class ShortfallBase(StrEnum):
    """To what the missing heads of a penalty are counted (Q2)."""

    QUOTA = "quota"
    LOWEST_TIER = "lowest_tier"


class ZeroQuota(StrEnum):
    """What a quota of 0 means (Q5)."""

    NO_TASK = "NO_TASK"
    MET = "MET"


class RewardRatio(StrEnum):
    """Whose ratio the reward looks at (Q6)."""

    CLASS = "class"
    SCHOOL = "school"


class PenaltyFrom(StrEnum):
    """Where a negative amount may go (Q13); never on anybody's wages.

    `shadow_only`: nowhere but the trial computation; what can be paid is at least 0. `class_reward`: it stays on the
    class's line, and a run that holds such a line cannot be paid.
    """

    SHADOW_ONLY = "shadow_only"
    CLASS_REWARD = "class_reward"


class DropoutDenominator(StrEnum):
    """The pupils that a dropout rate is a share of (Q9)."""

    SEPTEMBER_NET_OF_TRANSFERS = "september_net_of_transfers"
    CURRENT = "current"


class ClassAverage(StrEnum):
    """How a class's average treats diverted pupils (Q10, R-03)."""

    BOTH = "both"
    WITH = "with"
    WITHOUT = "without"


class ApplicationsMeasure(StrEnum):
    """How applications stand to diverted pupils (Q11): two measures, or one that holds the other, or a sum."""

    SEPARATE = "separate"
    INCLUDES_DIVERTED = "includes_diverted"
    BESIDES_DIVERTED = "besides_diverted"


class WaveBy(StrEnum):
    """What makes a case spring or autumn (Q12)."""

    DELIVERY = "delivery"
    QUOTA = "quota"


class LateBy(StrEnum):
    """What makes a consent late (R-21): the registration by which it counts, or the signature."""

    REGISTRATION = "registration"
    CONSENT = "consent"


class VetoLesson(StrEnum):
    """How the undatable "lesson of the veto" is kept (Q14)."""

    CLAIM = "claim"


class PauseEffect(StrEnum):
    """What a pause does to a cooling-off (design, section 5): it gets as much more time, or it runs on."""

    LENGTHENS = "lengthens"
    RUNS_ON = "runs_on"


class Rounding(StrEnum):
    """How a computed number of heads is rounded (R-20)."""

    FLOOR = "floor"
    HALF_UP = "half_up"
    CEILING = "ceiling"
