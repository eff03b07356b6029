"""The audit sample: drawn by a published seed, and always all whose consent is easily pressed (R-21, S22)."""

from __future__ import annotations

from datetime import timedelta
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stream_samples import SCHOOL, when

from domain.policy import PROFILES, load_parameters
from domain.sampling import Consent, Why, draw, place_in_the_draw, sample_digest

COMPLIANT = PROFILES["compliant"].parameters
CUTOFF = when("2026-11-21 00:00")
EARLY = CUTOFF - timedelta(days=30)
CLASS = "2026-01"
NOBODY = load_parameters({"callback_rate_autumn": "0/1", "destination_cluster": 100})
"""Nothing by chance, so that the rest is seen."""


def consent(number, at=EARLY, **changes):
    """Return the consent of a pupil."""
    fields = {
        "student": f"stu_{number:06d}",
        "school": SCHOOL,
        "class_id": CLASS,
        "at": at,
        "destination": f"99000200{number % 2:02d}",
        "countable": True,
    }
    return Consent(**(fields | changes))


def late(*numbers, first=1):
    """Return early consents before the first number and late ones, a minute apart, for the rest."""
    early = [consent(number) for number in range(first, numbers[0])]
    return early + [consent(number, CUTOFF - timedelta(days=2) + timedelta(minutes=number)) for number in numbers]


def whom(consents, quota=0, parameters=NOBODY, seed="lottery-1"):
    """Return who is drawn and why."""
    drawn = draw(consents, {(SCHOOL, CLASS): quota}, seed, CUTOFF, parameters)
    return {int(one.student[4:]): list(one.why) for one in drawn}


@pytest.mark.parametrize(("size", "drawn"), [(1, 1), (3, 1), (4, 2), (10, 3), (11, 4)])
def test_the_share_is_rounded_up_in_each_class(size, drawn):
    """Thirty per cent of eleven are four; a class of one is looked at."""
    parameters = load_parameters({"destination_cluster": 100})
    assert len(whom([consent(n) for n in range(size)], parameters=parameters)) == drawn == ceil(size * 3 / 10)


def test_each_class_is_a_stratum():
    """Two classes of ten give three each, never six of one."""
    both = [consent(n, class_id=f"2026-{1 + n // 10:02d}") for n in range(20)]
    drawn = draw(both, {}, "lottery-1", CUTOFF, load_parameters({"destination_cluster": 100}))
    assert [one.class_id for one in drawn] == ["2026-01"] * 3 + ["2026-02"] * 3


@given(st.permutations(range(12)), st.sampled_from(["lottery-1", "lottery-2", "lottery-3"]))
def test_the_seed_alone_decides_whatever_the_order_of_the_record(order, seed):
    """Anybody draws the same again; the order is SHA-256 over seed and reference."""
    parameters = load_parameters({"destination_cluster": 100})
    drawn = whom([consent(n) for n in order], parameters=parameters, seed=seed)
    by_hash = sorted(range(12), key=lambda n: place_in_the_draw(seed, f"stu_{n:06d}"))
    assert sorted(drawn) == sorted(by_hash[:4])


def test_another_seed_draws_others_and_has_another_digest():
    """The digest is over the references alone."""
    parameters = load_parameters({"destination_cluster": 100})
    people = [consent(n) for n in range(60)]
    one, other = (draw(people, {}, seed, CUTOFF, parameters) for seed in ("lottery-1", "lottery-2"))
    assert {row.student for row in one} != {row.student for row in other}
    assert sample_digest(one) != sample_digest(other)
    assert sample_digest(one) == sample_digest(reversed(one))


@pytest.mark.parametrize("heads", [6, 8, 10])
def test_s22_the_late_consents_that_make_six_eight_and_ten_are_always_audited(heads):
    """Quota 10: the consent that makes the tier, and not its neighbours; the fifth crosses the veto line."""
    drawn = whom(late(*range(heads, heads + 2)), quota=10)
    assert drawn == {heads: [Why.CROSSES_TIER]}


def test_the_consent_that_passes_the_veto_line_is_audited():
    """Strict: the fifth of ten; inclusive: the sixth, which makes a tier too."""
    assert whom(late(5), quota=10) == {5: [Why.CROSSES_VETO_LINE]}
    inclusive = load_parameters({"veto_boundary": "inclusive"}, NOBODY)
    assert whom(late(5, 6), quota=10, parameters=inclusive) == {6: [Why.CROSSES_TIER, Why.CROSSES_VETO_LINE]}


def test_an_early_consent_and_one_that_does_not_count_cross_nothing():
    """Six days before the cut-off is early, five days before is late; a consent that is not counted makes no number."""
    six = [consent(number) for number in range(1, 6)]
    at = CUTOFF - timedelta(days=5)
    assert whom([*six, consent(6, at - timedelta(seconds=1))], quota=10) == {}
    assert whom([*six, consent(6, at)], quota=10) == {6: [Why.CROSSES_TIER]}
    assert whom([*six, consent(6, at, countable=False)], quota=10) == {}


def test_late_is_the_registration_or_by_the_other_reading_the_signature():
    """R-21: the sixth was signed in time and registered at the very end; by its signature alone it is early."""
    six = [consent(number, EARLY + timedelta(minutes=number), registered_at=EARLY) for number in range(1, 6)]
    last = consent(6, EARLY, registered_at=CUTOFF - timedelta(days=1))
    by_signature = load_parameters({"late_by": "consent"}, NOBODY)
    assert whom([last, *six], quota=10) == {6: [Why.CROSSES_TIER]}
    assert whom([last, *six], quota=10, parameters=by_signature) == {}
    signed_late = consent(6, CUTOFF - timedelta(days=1), registered_at=EARLY)
    assert whom([signed_late, *six], quota=10) == {}
    assert whom([signed_late, *six], quota=10, parameters=by_signature) == {6: [Why.CROSSES_TIER]}


def test_those_who_are_registered_at_once_stand_in_the_order_of_their_signatures():
    """A receiving school registers a whole class in one go: the sixth to sign is still the sixth."""
    at = CUTOFF - timedelta(days=1)
    people = [consent(number, EARLY + timedelta(minutes=number), registered_at=at) for number in range(1, 8)]
    assert whom(people, quota=10) == {5: [Why.CROSSES_VETO_LINE], 6: [Why.CROSSES_TIER]}


def test_each_wave_is_drawn_at_its_own_rate():
    """All of spring and three of ten of autumn, in one class; the rates are the policy's."""
    parameters = load_parameters({"destination_cluster": 100})
    people = [consent(number, wave="spring" if number < 4 else "autumn") for number in range(14)]
    drawn = whom(people, parameters=parameters)
    assert [number for number in drawn if number < 4] == [0, 1, 2, 3]
    assert len(drawn) == 4 + 3
    half = load_parameters({"callback_rate_spring": "1/2"}, parameters)
    assert len(whom(people, parameters=half)) == 2 + 3


def test_of_one_instant_all_cross():
    """Nobody can say which of two was the sixth."""
    same = CUTOFF - timedelta(days=1)
    people = [*[consent(number) for number in range(1, 6)], consent(6, same), consent(7, same)]
    assert whom(people, quota=10) == {6: [Why.CROSSES_TIER], 7: [Why.CROSSES_TIER]}


@pytest.mark.parametrize("why", [Why.UNDER_14, Why.CAREGIVER, Why.SHORT_COOLING, Why.ANOMALY])
def test_those_who_are_easily_pressed_are_always_in(why):
    """Without any luck of the draw."""
    assert whom([consent(1), consent(2, marks=(why,))]) == {2: [why]}


def test_a_class_that_all_goes_to_one_school_is_looked_at_whole():
    """Five consents for one school; with one for another there is no cluster."""
    parameters = load_parameters({"destination_cluster": 5}, NOBODY)
    same = [consent(n, destination="9900020001") for n in range(5)]
    assert whom(same, parameters=parameters) == {n: [Why.ONE_DESTINATION] for n in range(5)}
    assert whom(same[:4], parameters=parameters) == {}
    assert whom([*same, consent(9, destination="9900020002")], parameters=parameters) == {}


def test_the_lines_are_the_historical_ones_where_the_policy_has_no_tiers():
    """`compliant` pays nothing at 60 %, and old habits see the line still; a policy's own tiers come first."""
    one_tier = load_parameters({"reward_tiers": [["7/10", 100]]}, NOBODY)
    assert whom(late(6, 7), quota=10) == {6: [Why.CROSSES_TIER]}
    assert whom(late(6, 7), quota=10, parameters=one_tier) == {7: [Why.CROSSES_TIER]}
