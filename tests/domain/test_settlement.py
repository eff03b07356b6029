from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.policy import PROFILES, PolicyParameters, PolicyProfile, load_parameters
from domain.settlement import (
    ClassCount,
    Finding,
    Tally,
    class_reward,
    settle,
    teacher_points,
    veto_finding,
    veto_proposed,
)

LEGACY, COMPLIANT = PROFILES["legacy"], PROFILES["compliant"]
QUOTAS = st.integers(0, 60)
HEADS = st.integers(0, 80)
BOUNDARY_ROWS = [
    (15, 12, 2400),
    (5, 3, 300),
    (7, 6, 1200),
    (7, 5, 500),
    (7, 4, -150),
    (13, 8, 800),
    (13, 7, -300),
    (42, 25, -850),
    (44, 35, 3500),
    (1, 0, -50),
    (1, 1, 300),
    (0, 0, 0),
    (0, 2, 0),
    (12, 14, 4200),
    (10, 5, -250),
    (10, 6, 600),
    (10, 7, 700),
    (10, 8, 1600),
    (10, 9, 1800),
    (10, 10, 3000),
    (10, 11, 3300),
]
"""Quota, countable, yuan: S04 and the cliffs of S22."""


def legacy(**parameters: Any) -> PolicyParameters:
    """Return the legacy parameters with some readings changed."""
    return load_parameters(parameters, LEGACY.parameters)


def trying(parameters: PolicyParameters, profile: PolicyProfile = LEGACY) -> PolicyProfile:
    """Return a profile with other parameters."""
    return profile.model_copy(update={"parameters": parameters})


def classes(*tallies: tuple[int, int], school: str = "A", **more: int) -> list[ClassCount]:
    """Return classes 1, 2, 3 … of a school from (quota, countable)."""
    return [
        ClassCount(school=school, class_id=str(number), quota=quota, countable=countable, **more)
        for number, (quota, countable) in enumerate(tallies, 1)
    ]


# -- the scenarios -----------------------------------------------------------------------------------------------


def test_s01_a_full_quota():
    """51 of 51: 15 300 yuan on paper, five points each, no veto, and nothing payable."""
    told = settle(classes((14, 14), (13, 13), (12, 12), (12, 12)), LEGACY)
    assert [row.reward_yuan for row in told.classes] == [4200, 3900, 3600, 3600]
    assert [row.points for row in told.classes] == [5, 5, 5, 5]
    assert told.schools[0].completion == "51/51"
    assert not told.schools[0].veto_proposed
    assert (told.county.reward_yuan, told.county.payable_yuan) == (15_300, 0)
    assert told.stamp == "试算·不得发放"
    assert told.notes == ()


def test_s02_a_snapshot_taken_as_one_unit():
    """18 of 22 is the tier of 200; the plan of ten more would be 8400, and 6600 with the cap."""
    assert class_reward(22, 18, LEGACY.parameters) == 3600
    assert teacher_points(22, 18, LEGACY.parameters) == -4
    assert class_reward(22, 28, LEGACY.parameters) == 8400
    assert class_reward(22, 28, legacy(cap_at_quota=True)) == 6600
    assert teacher_points(22, 28, LEGACY.parameters) == 5


def test_s03_four_tiers():
    """One class in each tier: 4950 yuan together, and 29 of 40 is no veto."""
    told = settle(classes((10, 10), (10, 8), (10, 6), (10, 5)), LEGACY)
    assert [row.reward_yuan for row in told.classes] == [3000, 1600, 600, -250]
    assert [row.points for row in told.classes] == [5, -2, -4, -5]
    assert (told.schools[0].completion, told.schools[0].veto_proposed) == ("29/40", False)
    assert told.county.reward_yuan == 4950


@pytest.mark.parametrize(("quota", "countable", "yuan"), BOUNDARY_ROWS)
def test_s04_each_boundary(quota, countable, yuan):
    """Exactly 80 % and 60 % are in; 59.52 % and 79.55 % are not, whatever they round to."""
    assert class_reward(quota, countable, LEGACY.parameters) == yuan


@pytest.mark.parametrize(
    ("quota", "countable", "proposed_strict", "proposed_inclusive"),
    [(22, 10, True, True), (22, 11, False, True), (22, 12, False, False), (51, 25, True, True), (51, 26, False, False)],
)
def test_s05_the_veto_line(quota, countable, proposed_strict, proposed_inclusive):
    """Exactly half is below the line only under the inclusive reading (Q1)."""
    assert veto_proposed(quota, countable, None, None, LEGACY.parameters) is proposed_strict
    inclusive = legacy(veto_boundary="inclusive")
    assert veto_proposed(quota, countable, None, None, inclusive) is proposed_inclusive


def test_s14_families_say_no_after_full_service():
    """Legacy: −900, −18, a veto. Compliant: no fault, 0, 0, no veto, and the service on record."""
    said_no = classes((18, 0), pupils=18, informed=18, guided=18, free_refusals=18)
    old, new = settle(said_no, LEGACY), settle(said_no, COMPLIANT)
    assert (old.classes[0].reward_yuan, old.classes[0].points, old.schools[0].veto_proposed) == (-900, -18, True)
    assert (new.classes[0].reward_yuan, new.classes[0].points, new.schools[0].veto_proposed) == (0, 0, False)
    assert (old.county.payable_yuan, new.county.payable_yuan) == (0, 0)
    assert [note.model_dump(by_alias=True) for note in new.notes] == [
        {"code": "NO_FAULT", "school": "A", "class": None, "service_coverage": "18/18", "free_refusals": 18}
    ]
    assert [note.code for note in old.notes] == [Finding.VETO_PROPOSED]
    assert (old.stamp, new.stamp) == ("试算·不得发放", "试算")


# -- each reading flips its rows and no others -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reading", "flipped"),
    [
        ({"tier_boundary": "strict"}, {(15, 12): 1200, (5, 3): -100, (10, 8): 800, (10, 6): -200}),
        (
            {"shortfall_base": "lowest_tier"},
            {(7, 4): -50, (13, 7): -50, (42, 25): -50, (10, 5): -50},
        ),
        ({"cap_at_quota": True}, {(12, 14): 3600, (10, 11): 3000}),
        (
            {"tier_boundary": "strict", "shortfall_base": "lowest_tier"},
            {(15, 12): 1200, (5, 3): -50, (10, 8): 800, (10, 6): -50}
            | {(7, 4): -50, (13, 7): -50, (42, 25): -50, (10, 5): -100},
        ),
        ({"penalty": 0}, {(7, 4): 0, (13, 7): 0, (42, 25): 0, (1, 0): 0, (10, 5): 0}),
    ],
)
def test_a_reading_flips_exactly_its_boundary_rows(reading, flipped):
    """Q2 to Q4: of the table, what the reading is about and nothing else."""
    parameters = legacy(**reading)
    changed = {
        (quota, countable): class_reward(quota, countable, parameters)
        for quota, countable, yuan in BOUNDARY_ROWS
        if class_reward(quota, countable, parameters) != yuan
    }
    assert changed == flipped


def test_a_whole_quota_is_met_by_meeting_it_under_the_strict_reading_too():
    """Q4 is about the lines below the quota: nobody must exceed a quota to have met it."""
    assert class_reward(10, 10, legacy(tier_boundary="strict")) == 3000


def test_the_schools_ratio_picks_the_tier_of_the_classes_own_heads():
    """Q6: 18 of 20 is the tier of 200 for both classes; by class it is 300 and 200."""
    both = classes((10, 10), (10, 8))
    assert [row.reward_yuan for row in settle(both, LEGACY).classes] == [3000, 1600]
    by_school = trying(legacy(reward_ratio="school"))
    assert [row.reward_yuan for row in settle(both, by_school).classes] == [2000, 1600]


def test_below_the_schools_lowest_tier_a_class_answers_only_for_its_own_heads():
    """Q6 with Q2: a full class of a failing school misses nobody."""
    failing = classes((10, 10), (30, 5))
    assert [row.reward_yuan for row in settle(failing, trying(legacy(reward_ratio="school"))).classes] == [0, -1250]
    base = trying(legacy(reward_ratio="school", shortfall_base="lowest_tier"))
    assert [row.reward_yuan for row in settle(failing, base).classes] == [0, -650]
    assert class_reward(10, 10, legacy(reward_ratio="school"), school=Tally(40, 15)) == 0


def test_the_schools_ratio_counts_only_where_the_reading_says_so():
    """Under the default reading a school's tally changes nothing."""
    assert class_reward(10, 10, LEGACY.parameters, school=Tally(40, 15)) == 3000


def test_without_tiers_there_is_nothing_to_fall_below():
    """A penalty alone takes nothing: it is counted from the lowest tier (X2)."""
    assert class_reward(10, 0, load_parameters({"penalty": 50})) == 0


@pytest.mark.parametrize(
    ("quota", "countable", "points"), [(10, 10, 5), (10, 11, 5), (10, 9, -1), (18, 0, -18), (0, 0, 0), (0, 2, 0)]
)
def test_points_are_five_for_a_full_quota_and_minus_one_a_head(quota, countable, points):
    """R-02; Q5: no task is no point, not five."""
    assert teacher_points(quota, countable, LEGACY.parameters) == points
    assert teacher_points(quota, countable, COMPLIANT.parameters) == 0


# -- the veto ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("coverage", "refusals", "finding"),
    [
        (None, None, Finding.COVERAGE_UNKNOWN),
        (None, 18, Finding.COVERAGE_UNKNOWN),
        (Fraction(17, 18), 18, Finding.VETO_PROPOSED),
        (Fraction(0), None, Finding.VETO_PROPOSED),
        (Fraction(1), None, Finding.SERVICE_COVERED),
        (Fraction(1), 17, Finding.SERVICE_COVERED),
        (Fraction(1), 18, Finding.NO_FAULT),
    ],
)
def test_compliant_proposes_a_veto_only_where_the_service_is_known_to_be_missing(coverage, refusals, finding):
    """X3: what families decide is never the reason."""
    assert veto_finding(18, 0, coverage, refusals, COMPLIANT.parameters) is finding
    assert veto_proposed(18, 0, coverage, refusals, COMPLIANT.parameters) is (finding is Finding.VETO_PROPOSED)


@pytest.mark.parametrize(
    ("coverage", "refusals", "proposed"),
    [(None, 18, True), (Fraction(1), None, True), (Fraction(1), 17, True), (Fraction(1), 18, False)],
)
def test_no_fault_must_be_documented(coverage, refusals, proposed):
    """R-04: with `veto_no_fault` over legacy, only full service and every refusal on record exclude it."""
    assert veto_proposed(18, 0, coverage, refusals, legacy(veto_no_fault=True)) is proposed


def test_refusals_excuse_the_missing_heads_and_not_all_of_the_quota():
    """With 4 of 18 countable, 14 refusals are all that is missing."""
    assert veto_finding(18, 4, Fraction(1), 14, COMPLIANT.parameters) is Finding.NO_FAULT
    assert veto_finding(18, 4, Fraction(1), 13, COMPLIANT.parameters) is Finding.SERVICE_COVERED


@pytest.mark.parametrize("parameters", [LEGACY.parameters, COMPLIANT.parameters])
def test_no_task_and_a_met_line_are_never_a_veto(parameters):
    """Q5; above the line there is nothing to find."""
    assert veto_finding(0, 0, Fraction(0), 0, parameters) is Finding.NO_TASK
    assert veto_finding(22, 12, Fraction(0), 0, parameters) is None


def test_the_coverage_of_a_school_is_what_all_its_classes_had():
    """A class has served no more than the smaller of informed and guided; one unknown class leaves all unknown."""
    one = classes((18, 0), pupils=18, informed=18, guided=10)
    known = ClassCount(school="A", class_id="9", quota=0, countable=0, pupils=2, informed=1, guided=2)
    unknown = known.model_copy(update={"guided": None})
    told = settle([*one, known], COMPLIANT)
    assert told.schools[0].veto_proposed
    assert told.notes[-1].service_coverage == "11/20"
    silent = settle([*one, unknown], COMPLIANT)
    assert not silent.schools[0].veto_proposed
    assert (silent.notes[-1].code, silent.notes[-1].service_coverage) == (Finding.COVERAGE_UNKNOWN, None)


def test_a_school_without_pupils_has_no_coverage():
    """0 of 0 served is not full service."""
    told = settle(classes((5, 0), pupils=0, informed=0, guided=0, free_refusals=0), COMPLIANT)
    assert told.notes[0].code == Finding.COVERAGE_UNKNOWN


@pytest.mark.parametrize("key", ["informed", "guided", "free_refusals"])
def test_nobody_serves_more_pupils_than_there_are(key):
    """A coverage above one would hide a pupil whom nobody reached."""
    with pytest.raises(ValidationError):
        classes((5, 0), pupils=4, **{key: 5})


# -- the whole ---------------------------------------------------------------------------------------------------


def test_the_contracts_keys_stand_in_their_order():
    """CLI contract: the JSON of `settle`; a class without a quota has no completion."""
    told = settle([*classes((5, 3), (0, 2)), *classes((7, 4), school="B")], LEGACY).as_data()
    contract = ["classes", "schools", "county", "profile", "parameter_hash", "stamp", "notes"]
    assert list(told) == [*contract, "points_by_role"]
    assert told["classes"][:2] == [
        {
            "school": "A",
            "class": "1",
            "quota": 5,
            "countable": 3,
            "completion": "3/5",
            "reward_yuan": 300,
            "points": -2,
        },
        {"school": "A", "class": "2", "quota": 0, "countable": 2, "completion": None, "reward_yuan": 0, "points": 0},
    ]
    assert list(told["classes"][0]) == ["school", "class", "quota", "countable", "completion", "reward_yuan", "points"]
    assert told["schools"] == [
        {"school": "A", "quota": 5, "countable": 5, "completion": "5/5", "veto_proposed": False},
        {"school": "B", "quota": 7, "countable": 4, "completion": "4/7", "veto_proposed": False},
    ]
    assert told["county"] == {
        "quota": 12,
        "countable": 9,
        "completion": "9/12",
        "reward_yuan": 150,
        "payable_yuan": 0,
    }
    assert told["parameter_hash"] == LEGACY.parameter_hash
    assert [(note["code"], note["class"]) for note in told["notes"]] == [("NO_TASK", "2")]


def test_a_school_without_any_quota_has_no_task():
    """Neither completion nor veto, and the county has none either."""
    told = settle(classes((0, 0)), LEGACY)
    assert (told.schools[0].completion, told.schools[0].veto_proposed) == (None, False)
    assert told.county.completion is None
    assert [(note.code, note.class_id) for note in told.notes] == [("NO_TASK", "1"), ("NO_TASK", None)]


def test_schools_come_in_the_order_of_their_first_class():
    """Also where their classes are mixed."""
    mixed = [*classes((5, 5), school="B"), *classes((5, 5)), ClassCount(school="B", class_id="2", quota=1, countable=0)]
    told = settle(mixed, LEGACY)
    assert [(row.school, row.completion) for row in told.schools] == [("B", "5/6"), ("A", "5/5")]


def test_a_class_counts_once():
    """INV-10: the same class twice would be paid twice."""
    with pytest.raises(ValueError, match="given twice"):
        settle([*classes((5, 5)), *classes((6, 6))], LEGACY)


def test_money_under_the_compliant_name_is_stamped_too():
    """Parameters tried over `compliant` pay nobody: as soon as an amount appears, so does the stamp."""
    tiers = trying(load_parameters({"reward_tiers": [["1/1", 300]]}), COMPLIANT)
    told = settle(classes((5, 5)), tiers)
    assert (told.county.reward_yuan, told.county.payable_yuan) == (1500, 0)
    assert told.stamp == "试算·不得发放"
    assert told.parameter_hash != COMPLIANT.parameter_hash


# -- properties --------------------------------------------------------------------------------------------------

COUNTIES = st.lists(
    st.builds(
        ClassCount,
        school=st.sampled_from("ABC"),
        class_id=st.integers(1, 9).map(str),
        quota=QUOTAS,
        countable=HEADS,
        pupils=st.none() | st.just(50),
        informed=st.none() | st.integers(0, 50),
        guided=st.none() | st.integers(48, 50),
        free_refusals=st.none() | st.integers(0, 50),
    ),
    unique_by=lambda count: (count.school, count.class_id),
    max_size=12,
)
READINGS = st.fixed_dictionaries(
    {
        "tier_boundary": st.sampled_from(["strict", "inclusive"]),
        "shortfall_base": st.sampled_from(["quota", "lowest_tier"]),
        "cap_at_quota": st.booleans(),
        "reward_ratio": st.sampled_from(["class", "school"]),
        "veto_boundary": st.sampled_from(["strict", "inclusive"]),
        "veto_no_fault": st.booleans(),
        "veto_coverage_below": st.sampled_from([None, "1/1", "1/2"]),
    }
)


@given(QUOTAS, HEADS)
def test_the_reward_is_the_integer_rule_of_the_requirements(quota, countable):
    """R-01 as it is written, without a fraction: 5n against 4q and 3q."""
    if quota == 0:
        expected = 0
    elif countable >= quota:
        expected = 300 * countable
    elif 5 * countable >= 4 * quota:
        expected = 200 * countable
    elif 5 * countable >= 3 * quota:
        expected = 100 * countable
    else:
        expected = -50 * (quota - countable)
    assert class_reward(quota, countable, LEGACY.parameters) == expected


@given(QUOTAS, HEADS)
def test_the_veto_is_the_integer_rule_of_the_requirements(quota, countable):
    """R-04 as it is written: 2n below q, or at most q."""
    assert veto_proposed(quota, countable, None, None, LEGACY.parameters) is (2 * countable < quota)
    inclusive = veto_proposed(quota, countable, None, None, legacy(veto_boundary="inclusive"))
    assert inclusive is (quota > 0 and 2 * countable <= quota)


@given(COUNTIES, st.randoms(use_true_random=False), READINGS)
def test_the_order_of_classes_changes_only_the_order_of_results(counts, random, reading):
    """A permutation of the classes permutes classes, schools and notes, and leaves the county as it was."""
    profile = trying(legacy(**reading))
    shuffled = list(counts)
    random.shuffle(shuffled)
    one, other = settle(counts, profile), settle(shuffled, profile)
    assert other.county == one.county
    assert {(row.school, row.class_id): row for row in one.classes} == {
        (row.school, row.class_id): row for row in other.classes
    }
    assert [(row.school, row.class_id) for row in other.classes] == [(c.school, c.class_id) for c in shuffled]
    assert {row.school: row for row in one.schools} == {row.school: row for row in other.schools}
    assert sorted(map(repr, one.notes)) == sorted(map(repr, other.notes))


@given(COUNTIES, READINGS)
def test_sums_are_sums_and_nothing_is_a_float_or_payable(counts, reading):
    """A school is the sum of its classes, the county of its schools (INV-17, INV-28, R-08)."""
    told = settle(counts, trying(legacy(**reading)))
    for school in told.schools:
        own = [row for row in told.classes if row.school == school.school]
        assert (school.quota, school.countable) == (sum(r.quota for r in own), sum(r.countable for r in own))
    assert told.county.quota == sum(row.quota for row in told.schools)
    assert told.county.countable == sum(row.countable for row in told.schools)
    assert told.county.reward_yuan == sum(row.reward_yuan for row in told.classes)
    assert told.county.payable_yuan == 0
    assert told.stamp == "试算·不得发放"
    vetoed = [row.school for row in told.schools if row.veto_proposed]
    assert vetoed == [note.school for note in told.notes if note.code == Finding.VETO_PROPOSED]
    assert not list(_floats(told.as_data()))


def _floats(value: Any) -> Any:
    match value:
        case dict():
            for part in value.values():
                yield from _floats(part)
        case list():
            for part in value:
                yield from _floats(part)
        case float():
            yield value


@given(COUNTIES)
def test_compliant_pays_and_scores_nobody(counts):
    """DOMAIN §4.2: no amounts, no points, and no veto without known gaps in the service."""
    told = settle(counts, COMPLIANT)
    assert {(row.reward_yuan, row.points) for row in told.classes} <= {(0, 0)}
    assert told.stamp == "试算"
    for school in told.schools:
        known = all(
            count.pupils is not None and count.informed is not None and count.guided is not None
            for count in counts
            if count.school == school.school
        )
        assert known or not school.veto_proposed
