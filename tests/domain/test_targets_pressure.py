"""Flags of pressure, the alternative target, and what a revision would move (R-10, R-20; S02, S16; edge 12)."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.policy import PROFILES, PolicyParameters, load_parameters
from domain.pressure import Band, PressureFigures, alternative_target, pressure_flags
from domain.settlement import ClassCount, settle
from domain.target_preview import TargetPreview, preview

COMPLIANT = PROFILES["compliant"].parameters
LEGACY = PROFILES["legacy"]
SCHOOL = "9900010001"


def flags(**figures) -> dict[str, int | None]:
    """Return the flags of a school with their heads above the limit."""
    known = PressureFigures.model_validate({"school": SCHOOL, **figures})
    return {flag.flag.value: flag.by for flag in pressure_flags(known, COMPLIANT)}


def test_the_example_of_130_graduates():
    """S02: 22 asked of a pool of 20, 24 applications, 28 planned: exactly these four, with these heads."""
    found = flags(quota=22, graduates=130, pool=20, applications=24, plan=28)
    assert found == {
        "QUOTA_ABOVE_POOL": 2,
        "APPLICATIONS_ABOVE_QUOTA": 2,
        "PLAN_ABOVE_QUOTA": 6,
        "PLAN_ABOVE_POOL": 8,
    }


@pytest.mark.parametrize(
    ("figures", "found"),
    [
        ({"quota": 20, "pool": 20, "applications": 20, "plan": 20, "graduates": 40}, {}),
        ({"quota": 21, "graduates": 41}, {"QUOTA_ABOVE_SHARE": 1}),
        ({"quota": 20, "graduates": 41}, {}),
        ({"quota": 22}, {}),
        ({"quota": 0, "applications": 1}, {"APPLICATIONS_ABOVE_QUOTA": 1}),
        ({"quota": 5, "intents": 8, "vocational_intents": 8}, {"ALL_VOCATIONAL": None}),
        ({"quota": 5, "intents": 8, "vocational_intents": 7}, {}),
        ({"quota": 5, "intents": 0, "vocational_intents": 0}, {}),
    ],
)
def test_a_line_is_crossed_or_not(figures, found):
    """Equal is not above; half of 41 graduates is 20.5; what is unknown says nothing; nobody's intent is no intent."""
    assert flags(**figures) == found


@pytest.mark.parametrize(
    ("low", "others", "flagged"),
    [
        ((20, 10), (100, 25), True),
        ((20, 10), (100, 26), False),
        ((20, 1), (100, 0), True),
        ((20, 0), (100, 0), False),
        ((20, 20), (0, 0), False),
    ],
)
def test_the_low_band_is_compared_in_whole_numbers(low, others, flagged):
    """Twice the others' rate is far above it, exactly twice included; with nobody to compare nothing is said."""
    bands = [Band(informed=informed, consents=consents) for informed, consents in (low, others)]
    found = flags(quota=5, low_band=bands[0].model_dump(), others=bands[1].model_dump())
    assert ("LOW_BAND_CONSENTS" in found) is flagged


@pytest.mark.parametrize(
    ("low", "others", "found"),
    [
        ((3, 3), (20, 7), ["ALL_VOCATIONAL_LOW_BAND"]),
        ((3, 2), (20, 20), ["ALL_VOCATIONAL_OTHERS"]),
        ((3, 3), (2, 2), ["ALL_VOCATIONAL_LOW_BAND", "ALL_VOCATIONAL_OTHERS"]),
        ((0, 0), (20, 19), []),
    ],
)
def test_a_band_of_one_mind_is_flagged(low, others, found):
    """R-10: every intent of a score band vocational, whatever the other band says; nobody's intent is no intent."""
    bands = [Band(intents=intents, vocational=vocational).model_dump() for intents, vocational in (low, others)]
    assert list(flags(quota=5, low_band=bands[0], others=bands[1])) == found


@pytest.mark.parametrize("counts", [{"informed": 1, "consents": 2}, {"intents": 1, "vocational": 2}])
def test_a_part_of_a_band_is_no_more_than_the_whole(counts):
    """A count that cannot be is refused."""
    with pytest.raises(ValidationError):
        Band(**counts)


@pytest.mark.parametrize(("rounding", "target"), [("floor", 49), ("half_up", 49), ("ceiling", 50)])
def test_the_alternative_formula(rounding, target):
    """S16: 52 left of 130, 19/20 of them are 49.4; 47 of 49 are 95.92 %, of 50 94.00 %."""
    parameters = load_parameters({"target_rounding": rounding})
    assert alternative_target(130, 78, parameters) == target


@pytest.mark.parametrize(("rounding", "target"), [("floor", 28), ("half_up", 29), ("ceiling", 29)])
def test_a_half_goes_up(rounding, target):
    """19/20 of 30 are 28.5: half up is 29, also where rounding to even would give 28."""
    assert alternative_target(30, 0, load_parameters({"target_rounding": rounding})) == target


@settings(deadline=None)
@given(st.integers(0, 5000), st.data())
def test_the_alternative_is_the_share_rounded(graduates, data):
    """Floor and ceiling enclose the exact share, half up is the nearer of the two; it never exceeds those left."""
    admitted = data.draw(st.integers(0, graduates))
    exact = Fraction(19, 20) * (graduates - admitted)
    down, near, up = (
        alternative_target(graduates, admitted, load_parameters({"target_rounding": rounding}))
        for rounding in ("floor", "half_up", "ceiling")
    )
    assert exact - 1 < down <= exact <= up < exact + 1
    assert near in (down, up)
    assert abs(near - exact) <= Fraction(1, 2)
    assert 0 <= down <= up <= graduates - admitted


def test_more_admitted_than_graduates_is_no_target():
    """A slip is named, not computed with."""
    with pytest.raises(ValueError, match="some of the graduates"):
        alternative_target(78, 130, COMPLIANT)


def test_a_new_parameter_leaves_older_hashes_alone():
    """At its default it stands in no bytes; elsewhere it does."""
    assert "pressure_graduates_share" not in PolicyParameters().model_dump(mode="json")
    other = load_parameters({"pressure_graduates_share": "2/5"})
    assert other.model_dump(mode="json")["pressure_graduates_share"] == "2/5"
    assert other.parameter_hash != PolicyParameters().parameter_hash


# -- what a revision moves ------------------------------------------------------------------------------------------


def counts(*rows: tuple[int, int]) -> list[ClassCount]:
    """Return classes of a school by quota and countable."""
    return [
        ClassCount(school=SCHOOL, class_id=f"2023-{number:02}", quota=quota, countable=countable)
        for number, (quota, countable) in enumerate(rows, 1)
    ]


def moves(held: list[ClassCount], **classes_now: int) -> TargetPreview:
    """Return the preview of other class quotas, keyed c1, c2 and so on."""
    quotas = {f"2023-{int(name[1:]):02}": heads for name, heads in classes_now.items()}
    was = sum(count.quota for count in held)
    return preview(held, {SCHOOL: was}, {SCHOOL: sum(quotas.values())}, {SCHOOL: quotas}, LEGACY)


def test_a_revision_shows_which_class_crosses_which_line():
    """Six of ten are on the 60 % line; of twelve they are below it: 600 yuan become −300, and five of ten the veto."""
    shown = moves(counts((10, 6), (10, 5)), c1=12, c2=10)
    assert [move.class_id for move in shown.classes] == ["2023-01"]
    move = shown.classes[0]
    assert (move.tier_was, move.tier_now, move.yuan_was, move.yuan_now) == ("3/5", None, 600, -300)
    assert (move.points_was, move.points_now) == (-4, -6)
    assert (shown.yuan_was, shown.yuan_now) == (600, -300)
    school = shown.schools[0]
    assert (school.completion_was, school.completion_now) == ("11/20", "11/22")
    assert (school.veto_was, school.veto_now) == (False, False)  # exactly half is not below it (Q1)
    assert moves(counts((10, 6), (10, 5)), c1=13, c2=10).schools[0].veto_now is True


def test_below_what_counts_and_none_are_flagged():
    """Edge 12 and 11: allowed, and shown."""
    shown = moves(counts((10, 6), (10, 5)), c1=5, c2=0)
    assert [move.flags for move in shown.classes] == [("BELOW_COUNT",), ("NO_TASK",)]
    assert [move.tier_now for move in shown.classes] == ["1/1", None]
    assert [move.yuan_now for move in shown.classes] == [1800, 0]


def test_classes_that_nobody_shared_out_yet_are_not_guessed():
    """Only the school moves; the rest is said to be unknown."""
    held = counts((10, 6), (10, 5))
    shown = preview(held, {SCHOOL: 20}, {SCHOOL: 30}, {}, LEGACY)
    assert shown.classes == ()
    assert (shown.schools[0].classes_known, shown.schools[0].veto_now) == (False, True)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=6))
def test_the_preview_is_the_settlement_of_before_and_after(rows):
    """Its yuan and its veto line are what `settle` computes with either quota; the digest tells previews apart."""
    held = counts(*((quota, countable) for quota, countable, _ in rows))
    now = {count.class_id: new for count, (_, _, new) in zip(held, rows, strict=True)}
    shown = preview(held, {SCHOOL: sum(q for q, _, _ in rows)}, {SCHOOL: sum(now.values())}, {SCHOOL: now}, LEGACY)
    after = [count.model_copy(update={"quota": now[count.class_id]}) for count in held]
    difference = settle(after, LEGACY).county.reward_yuan - settle(held, LEGACY).county.reward_yuan
    assert shown.yuan_now - shown.yuan_was == difference
    for move in shown.schools:
        assert move.veto_now is settle(after, LEGACY).schools[0].veto_proposed
    again = preview(held, {SCHOOL: 0}, {SCHOOL: sum(now.values()) + 1}, {SCHOOL: now}, LEGACY)
    assert again.digest != shown.digest
    assert len(shown.digest) == len("a" * 64)
