"""Each reading of the source documents beside its other one (Q1 to Q13), and the figures beside a settlement."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from test_settlement import LEGACY, classes, legacy, trying

from domain.actors import Role
from domain.cliffs import cliff, cliffs, tier_heads, veto_heads
from domain.disclosure import Sight, sight, without_small_cells
from domain.dropout_rates import DropoutCount, dropout_award, dropout_results, dropout_veto
from domain.measures import (
    ApplicationCount,
    DeliveryCount,
    MarkSums,
    WaveCount,
    applications,
    class_average,
    deliveries,
    two_places,
    wave_result,
)
from domain.policy import PROFILES, load_parameters
from domain.rates import completion
from domain.settlement import ClassCount, Finding, class_reward, settle, teacher_points, veto_proposed

COMPLIANT = PROFILES["compliant"].parameters


def count(quota: int, countable: int, class_id: str = "1") -> ClassCount:
    """Return one class."""
    return ClassCount(school="A", class_id=class_id, quota=quota, countable=countable)


# -- S08: dropout --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "lost", "award", "veto"),
    [
        (46, 0, True, False),
        (46, 1, False, False),
        (46, 2, False, False),
        (46, 3, False, True),
        (50, 1, False, False),
        (51, 1, True, False),
        (60, 3, False, False),
        (60, 4, False, True),
        (40, 2, False, False),
        (40, 3, False, True),
    ],
)
def test_s08_a_class_is_judged_by_exact_shares(size, lost, award, veto):
    """Exactly 2 % earns nothing, exactly 5 % is no veto; the integer rule of the requirements says the same."""
    [told] = dropout_results([DropoutCount(school="A", class_id="1", grade=8, size=size, lost=lost)], COMPLIANT)
    assert (told.award, told.veto_proposed, told.rate) == (award, veto, f"{lost}/{size}")
    assert (50 * lost < size, 20 * lost > size) == (award, veto)


@pytest.mark.parametrize(("size", "lost", "veto"), [(100, 10, False), (100, 11, True), (37, 4, True)])
def test_s08_grade_six_is_judged_by_the_school(size, lost, veto):
    """Exactly 10 % is no veto; the classes of a school are one."""
    halves = [
        DropoutCount(school="A", class_id=str(number), grade=6, size=part, lost=gone)
        for number, (part, gone) in enumerate([(size - 20, lost), (20, 0)])
    ]
    [told] = dropout_results(halves, COMPLIANT)
    assert (told.class_id, told.pupils, told.award, told.veto_proposed) == (None, size, False, veto)


@given(st.integers(1, 200), st.integers(0, 200))
def test_the_dropout_rules_are_the_integer_rules(size, lost):
    """R-05 as it is written."""
    assert dropout_award(lost, size, COMPLIANT) is (50 * lost < size)
    assert dropout_veto(lost, size, COMPLIANT, grade=7) is (20 * lost > size)
    assert dropout_veto(lost, size, COMPLIANT, grade=6) is (10 * lost > size)


def test_q8_the_inclusive_reading_flips_the_exact_lines():
    """Exactly 2 % and 5 % of a class, exactly 10 % of grade 6."""
    other = load_parameters({"dropout_boundary": "inclusive"})
    assert (dropout_award(1, 50, COMPLIANT), dropout_award(1, 50, other)) == (False, True)
    assert (dropout_veto(3, 60, COMPLIANT, grade=9), dropout_veto(3, 60, other, grade=9)) == (False, True)
    assert (dropout_veto(10, 100, COMPLIANT, grade=6), dropout_veto(10, 100, other, grade=6)) == (False, True)


def test_q9_the_denominator_is_september_with_lawful_transfers_or_who_is_there_now():
    """60 in September, 2 came, 12 moved away, 47 are there: 2 of 50 against 2 of 47; 3 lost is 6 % or 6.38 %."""
    moved = DropoutCount(
        school="A", class_id="1", grade=9, size=60, lost=1, transfers_in=2, transfers_out=12, current=51
    )
    september, now = COMPLIANT, load_parameters({"dropout_denominator": "current"})
    assert [dropout_results([moved], reading)[0].rate for reading in (september, now)] == ["1/50", "1/51"]
    assert [dropout_results([moved], reading)[0].award for reading in (september, now)] == [False, True]


def test_a_class_of_nobody_has_no_rate_and_no_award():
    """0 of 0 is not below 2 %; and a class is given once."""
    none = DropoutCount(school="A", class_id="1", grade=9, size=0, lost=0)
    [told] = dropout_results([none], COMPLIANT)
    assert (told.rate, told.award, told.veto_proposed) == (None, False, False)
    with pytest.raises(ValueError, match="given twice"):
        dropout_results([none, none], COMPLIANT)
    with pytest.raises(ValidationError):
        DropoutCount(school="A", class_id="1", grade=9, size=3, lost=4)


# -- S20: averages --------------------------------------------------------------------------------------------------

S20 = MarkSums(school="A", class_id="1", pupils=50, total=21_000, diverted=6, diverted_total=1_500)


def test_s20_the_average_without_the_diverted_stands_beside_the_official_one():
    """19 500/44 = 443.18, 23.18 more than 420.00; the official figure is with all pupils."""
    told = class_average(S20, COMPLIANT)
    assert (told.with_all, told.without_diverted) == (Fraction(420), Fraction(19_500, 44))
    assert told.shown == {"with_all": "420.00", "without_diverted": "443.18", "difference": "23.18"}
    assert told.official == "with_all"


def test_q10_each_reading_shows_its_own_figure():
    """Both, or one of them."""
    shown = {
        reading: list(class_average(S20, load_parameters({"class_average": reading})).shown)
        for reading in ("both", "with", "without")
    }
    assert shown == {
        "both": ["with_all", "without_diverted", "difference"],
        "with": ["with_all"],
        "without": ["without_diverted"],
    }


def test_an_average_of_nobody_is_none_and_sums_must_fit():
    """All diverted leaves nobody; two places are rounded half away from zero, for the eye only."""
    told = class_average(MarkSums(school="A", class_id="1", pupils=2, total=9, diverted=2, diverted_total=9), COMPLIANT)
    assert (told.without_diverted, told.difference) == (None, None)
    with pytest.raises(ValidationError):
        MarkSums(school="A", class_id="1", pupils=2, total=9, diverted=3, diverted_total=9)
    assert [two_places(Fraction(n, d)) for n, d in ((-1, 200), (-1, 400), (5, 2), (1, 3))] == [
        "-0.01",
        "0.00",
        "2.50",
        "0.33",
    ]


# -- S02, S15: a snapshot, waves, applications -----------------------------------------------------------------------


def test_s02_spring_and_autumn_have_their_own_ledgers():
    """15 of 15, 3 of 7, together 18 of 22: 100, 42.86 and 81.82 %; applications are no result."""
    spring = wave_result(WaveCount(school="A", wave="spring", quota=15, delivered=15), COMPLIANT)
    autumn = wave_result(WaveCount(school="A", wave="autumn", quota=7, delivered=3), COMPLIANT)
    assert (spring.completion, autumn.completion) == ("15/15", "3/7")
    assert [completion(*pair).percent for pair in ((15, 15), (3, 7), (18, 22))] == ["100.00 %", "42.86 %", "81.82 %"]
    told = settle([count(22, 18)], LEGACY)
    assert (told.classes[0].reward_yuan, told.classes[0].points) == (3600, -4)
    assert not told.schools[0].veto_proposed
    plan = settle([count(22, 28)], LEGACY)
    assert (plan.classes[0].reward_yuan, plan.classes[0].points) == (8400, 5)
    assert settle([count(22, 28)], trying(legacy(cap_at_quota=True))).classes[0].reward_yuan == 6600


def test_s15_with_spring_forbidden_the_quota_is_all_autumns():
    """0 + 22: 17 registered are 77.27 %, 1700 yuan on paper, −5, and no dropout."""
    told = settle([count(22, 17)], LEGACY)
    assert (told.classes[0].reward_yuan, told.classes[0].points, told.classes[0].completion) == (1700, -5, "17/22")
    assert completion(17, 22).percent == "77.27 %"
    spring = wave_result(WaveCount(school="A", wave="spring", quota=0, delivered=0), COMPLIANT)
    assert spring.completion is None


def test_q11_applications_and_diverted_are_not_added():
    """24 forms and 18 diverted: two measures; the other readings make 24 or 42 of them."""
    forms = ApplicationCount(school="A", applications=24, diverted=18)
    together = [
        applications(forms, load_parameters({"applications_measure": reading})).together
        for reading in ("separate", "includes_diverted", "besides_diverted")
    ]
    assert together == [None, 24, 42]


def test_q12_a_spring_pupil_who_registers_in_autumn_counts_by_one_wave_or_the_other():
    """Edge case 43: by the delivery, or by the quota's own wave; never in both."""
    spring = WaveCount(school="A", wave="spring", quota=15, delivered=15, assigned=14)
    autumn = WaveCount(school="A", wave="autumn", quota=7, delivered=3, assigned=4)
    by_quota = load_parameters({"wave_by": "quota"})
    told = [[wave_result(wave, reading).countable for wave in (spring, autumn)] for reading in (COMPLIANT, by_quota)]
    assert told == [[15, 3], [14, 4]]


def test_delivered_rates_are_sums_in_the_county():
    """R-12: 9 of 10 and 1 of 2 are 10 of 12, not the mean of 90 and 50 %."""
    told = deliveries(
        [DeliveryCount(school="A", admitted=10, reported=9), DeliveryCount(school="B", admitted=2, reported=1)]
    )
    assert [(row.school, row.delivered) for row in told] == [("A", "9/10"), ("B", "1/2"), (None, "10/12")]


# -- Q1 to Q7, Q13 -------------------------------------------------------------------------------------------------

OTHER_READINGS: list[tuple[str, dict[str, Any], Any, Any, Any]] = [
    ("Q1", {"veto_boundary": "inclusive"}, lambda p: veto_proposed(22, 11, None, None, p), False, True),
    ("Q2", {"shortfall_base": "lowest_tier"}, lambda p: class_reward(10, 5, p), -250, -50),
    ("Q3", {"cap_at_quota": True}, lambda p: class_reward(12, 14, p), 4200, 3600),
    ("Q4", {"tier_boundary": "strict"}, lambda p: class_reward(15, 12, p), 2400, 1200),
    ("Q5 reward", {"zero_quota": "MET"}, lambda p: class_reward(0, 2, p), 0, 600),
    ("Q5 points", {"zero_quota": "MET"}, lambda p: teacher_points(0, 0, p), 0, 5),
    (
        "Q6",
        {"reward_ratio": "school"},
        lambda p: [row.reward_yuan for row in settle(classes((10, 10), (10, 8)), trying(p)).classes],
        [3000, 1600],
        [2000, 1600],
    ),
    (
        "Q7",
        {"points_for": ["class_head", "grade_leader"]},
        lambda p: settle(classes((10, 10)), trying(p)).points_by_role,
        {"class_head": 5},
        {"class_head": 5, "grade_leader": 5},
    ),
]


@pytest.mark.parametrize(("name", "reading", "figure", "default", "other"), OTHER_READINGS)
def test_both_readings_of_a_phrase_differ(name, reading, figure, default, other):
    """§1.19: the reading is a named parameter; its default and the other one give other figures."""
    del name
    assert (figure(LEGACY.parameters), figure(legacy(**reading))) == (default, other)


def test_q5_a_quota_of_nothing_is_never_a_veto_under_either_reading():
    """Also where the boundary is inclusive: 0 of 0 lies on every line."""
    for reading in ("NO_TASK", "MET"):
        parameters = legacy(zero_quota=reading, veto_boundary="inclusive")
        assert not veto_proposed(0, 0, None, None, parameters)
    told = settle([count(0, 0)], trying(legacy(zero_quota="MET")))
    assert told.notes == ()


# -- S22: cliffs ---------------------------------------------------------------------------------------------------


def test_s22_the_cliffs_of_a_quota_of_ten():
    """5 … 11 heads are −250, 600, 700, 1600, 1800, 3000, 3300; one more is worth what the table says."""
    rewards = [class_reward(10, heads, LEGACY.parameters) for heads in range(5, 12)]
    assert rewards == [-250, 600, 700, 1600, 1800, 3000, 3300]
    told = [cliff(count(10, heads), LEGACY.parameters) for heads in range(5, 11)]
    assert [one.marginal_yuan for one in told] == [850, 100, 900, 200, 1200, 300]
    assert {one.made_at for one in told} == {(6, 8, 10)}
    assert [one.next_line and (one.next_line.heads, one.next_line.missing) for one in told] == [
        (6, 1),
        (8, 2),
        (8, 1),
        (10, 2),
        (10, 1),
        None,
    ]


def test_a_policy_without_tiers_has_no_cliff():
    """`compliant`: nothing to gain by one more consent; without a quota neither."""
    assert cliff(count(10, 9), COMPLIANT).marginal_yuan == 0
    assert cliff(count(10, 9), COMPLIANT).next_line is None
    assert cliff(count(0, 3), LEGACY.parameters).made_at == ()
    assert tier_heads(0, [Fraction(1)], COMPLIANT.tier_boundary) == ()


def test_a_cliff_follows_the_schools_ratio_where_that_is_the_reading():
    """Q6: one more head lifts the whole school's ratio, not the class's alone."""
    both = [count(10, 10), count(10, 5, "2")]
    by_school = cliffs(both, legacy(reward_ratio="school"))
    assert by_school[1].marginal_yuan == 6 * 200 - 5 * 100


@given(st.integers(1, 80), st.booleans())
def test_the_veto_heads_are_the_first_that_are_no_veto(quota, inclusive):
    """R-04, Q1: one head less is proposed, this many are not."""
    parameters = legacy(veto_boundary="inclusive" if inclusive else "strict")
    heads = veto_heads(quota, parameters)
    assert not veto_proposed(quota, heads, None, None, parameters)
    assert veto_proposed(quota, heads - 1, None, None, parameters)
    assert veto_heads(0, parameters) is None


# -- and who sees what -----------------------------------------------------------------------------------


def test_a_confirmed_violation_takes_the_payout_and_points_of_its_class_alone():
    """R-09: others are not affected; a penalty goes too, for the class gets nothing at all."""
    told = settle(classes((10, 10), (10, 8), (10, 5)), LEGACY, voided=[("A", "1"), ("A", "3")])
    assert [(row.reward_yuan, row.points) for row in told.classes] == [(0, 0), (1600, -2), (0, 0)]
    assert [note.code for note in told.notes] == [Finding.INTEGRITY, Finding.INTEGRITY]


def test_small_cells_are_left_out_with_one_that_would_give_them_away():
    """R-22: below five; a single hidden class could be computed from the school's sum, so the next is hidden too."""
    rows = [
        {
            "school": "A",
            "class": str(n),
            "quota": 10,
            "countable": n,
            "completion": f"{n}/10",
            "reward_yuan": 1,
            "points": 1,
        }
        for n in (3, 6, 9, 0)
    ]
    told = without_small_cells(rows, 5)
    assert [row["suppressed"] for row in told] == [True, True, False, False]
    assert told[0]["countable"] is told[0]["completion"] is told[0]["reward_yuan"] is None
    assert not any(row["suppressed"] for row in without_small_cells(rows[1:3], 5))


def test_who_watches_over_pressure_sees_classes_and_schools_see_their_service():
    """DESIGN §10; a receiving school and a family see nothing of a trial."""
    cutoff = date(2026, 11, 20)
    watchers = {Role.AUDITOR, Role.DISCIPLINE_OFFICER}
    bureau = {Role.BUREAU_OFFICER, Role.BUREAU_APPROVER, Role.REGISTER_OFFICER}
    for day, all_of_it in ((date(2026, 6, 1), watchers), (cutoff, watchers), (date(2026, 11, 21), watchers | bureau)):
        assert {role for role in Role if sight(role, day, cutoff) is Sight.ALL} == all_of_it
        assert sight(Role.PRINCIPAL, day, cutoff) is Sight.SERVICE
        assert sight(Role.RECEIVING_SCHOOL, day, cutoff) is sight(Role.GUARDIAN, day, cutoff) is Sight.NOTHING
    assert sight(Role.BUREAU_OFFICER, cutoff, cutoff) is Sight.NOTHING
