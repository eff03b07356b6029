"""The audit sample: whose consents the bureau calls back, drawn by a published seed (R-21; S22).

Each class is a stratum, and so is each of its waves: of n consents `ceil(rate × n)` are drawn, in the order of
SHA-256 over the seed and the reference; spring has a rate of its own. Nobody can steer that order, and anybody with
the record and the seed draws the same again. Beside the draw stand all those that are always looked at: the late ones
that cross a line of money or of the veto, and those of families that are easily pressed. A sample is a list of
references, no suspicion of anybody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from pydantic import AwareDatetime, BaseModel, ConfigDict

from domain.cliffs import audited_lines, tier_heads, veto_heads
from domain.events import digest
from domain.family_act import Wave
from domain.policy_parameters import PolicyParameters
from domain.policy_readings import LateBy


class Why(StrEnum):
    """Why a consent is in the sample; DRAWN is chance, the others are always all."""

    DRAWN = "DRAWN"
    CROSSES_TIER = "CROSSES_TIER"
    CROSSES_VETO_LINE = "CROSSES_VETO_LINE"
    UNDER_14 = "UNDER_14"
    CAREGIVER = "CAREGIVER"
    SHORT_COOLING = "SHORT_COOLING"
    ANOMALY = "ANOMALY"
    ONE_DESTINATION = "ONE_DESTINATION"


class Consent(BaseModel):
    """One consent that may be looked at.

    Attributes:
        at: when it was given: the later of the two signatures.
        registered_at: when its registration was verified, None before that.
        wave: the season that the family signed for, or else the one that the pupil counts for.
        destination: the receiving school.
        countable: it counts towards the quota as things stand; only such a consent can cross a line.
        marks: reasons that hold for this consent whatever the others are: UNDER_14, CAREGIVER, SHORT_COOLING, ANOMALY.
    """

    model_config = ConfigDict(frozen=True)

    student: str
    school: str
    class_id: str
    at: AwareDatetime
    destination: str
    countable: bool
    marks: tuple[Why, ...] = ()
    registered_at: AwareDatetime | None = None
    wave: Wave = Wave.AUTUMN


class Drawn(BaseModel):
    """A consent in the sample, with every reason."""

    model_config = ConfigDict(frozen=True)

    student: str
    school: str
    class_id: str
    why: tuple[Why, ...]


def draw(
    consents: Sequence[Consent],
    quotas: Mapping[tuple[str, str], int],
    seed: str,
    cutoff: datetime,
    parameters: PolicyParameters,
) -> tuple[Drawn, ...]:
    """Draw the sample, by school, class and reference.

    Args:
        consents: of the whole campaign, one for a pupil.
        quotas: (school, class) → quota.
        seed: the published text.
        cutoff: the instant at which counting ends.
        parameters: `callback_rate_autumn`, `callback_rate_spring`, `late_consent_days`, `late_by`, the lines,
            `destination_cluster`.
    """
    reasons: dict[str, list[Why]] = {consent.student: list(consent.marks) for consent in consents}
    by_class: dict[tuple[str, str], list[Consent]] = {}
    by_school: dict[str, list[Consent]] = {}
    for consent in consents:
        by_class.setdefault((consent.school, consent.class_id), []).append(consent)
        by_school.setdefault(consent.school, []).append(consent)
    late_from = cutoff - timedelta(days=parameters.late_consent_days)
    for place, group in by_class.items():
        for wave, rate in rates(parameters).items():
            for student in _by_chance([consent for consent in group if consent.wave == wave], seed, rate):
                reasons[student].append(Why.DRAWN)
        heads = tier_heads(quotas.get(place, 0), audited_lines(parameters), parameters.tier_boundary)
        for student in _crossing(group, heads, late_from, parameters.late_by):
            reasons[student].append(Why.CROSSES_TIER)
        if _one_destination(group, parameters.destination_cluster):
            for consent in group:
                reasons[consent.student].append(Why.ONE_DESTINATION)
    for school, group in by_school.items():
        line = veto_heads(sum(quota for (code, _), quota in quotas.items() if code == school), parameters)
        for student in _crossing(group, () if line is None else (line,), late_from, parameters.late_by):
            reasons[student].append(Why.CROSSES_VETO_LINE)
    chosen = [consent for consent in consents if reasons[consent.student]]
    return tuple(
        Drawn(
            student=consent.student,
            school=consent.school,
            class_id=consent.class_id,
            why=tuple(why for why in Why if why in reasons[consent.student]),
        )
        for consent in sorted(chosen, key=lambda consent: (consent.school, consent.class_id, consent.student))
    )


def rates(parameters: PolicyParameters) -> dict[Wave, Fraction]:
    """Return the share that is drawn of each wave."""
    return {Wave.SPRING: parameters.callback_rate_spring, Wave.AUTUMN: parameters.callback_rate_autumn}


def sample_digest(drawn: Iterable[Drawn]) -> str:
    """Return the digest of the references drawn; it is published with the seed."""
    return digest(sorted(one.student for one in drawn))


def place_in_the_draw(seed: str, student: str) -> str:
    """Return where a reference stands in the order of a seed: nobody can choose it."""
    return hashlib.sha256(f"{seed}\n{student}".encode()).hexdigest()


def _by_chance(group: Sequence[Consent], seed: str, rate: Fraction) -> list[str]:
    share = rate * len(group)
    wanted = -(-share.numerator // share.denominator)
    return sorted((consent.student for consent in group), key=lambda student: place_in_the_draw(seed, student))[:wanted]


def _crossing(group: Sequence[Consent], heads: Iterable[int], late_from: datetime, late_by: LateBy) -> list[str]:
    """Return the late consents that made a count at which a line begins; of a same instant all of them.

    A consent makes n = 6 where it is the sixth countable one by time (S22): by the registration, and among those that
    were registered at once by the signature; or by the signature alone. A consent of the last days seldom counts by
    the cut-off, for its cooling-off outlasts it, so the signature alone would miss whom the rule is about.
    """

    def moment(consent: Consent) -> tuple[datetime, datetime]:
        registered = consent.registered_at if late_by is LateBy.REGISTRATION else None
        return registered or consent.at, consent.at

    counted = sorted((consent for consent in group if consent.countable), key=moment)
    moments = [moment(counted[number - 1]) for number in heads if 0 < number <= len(counted)]
    return [consent.student for consent in counted if moment(consent) in moments and moment(consent)[0] >= late_from]


def _one_destination(group: Sequence[Consent], least: int) -> bool:
    return len(group) >= least and len({consent.destination for consent in group}) == 1
