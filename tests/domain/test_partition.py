"""The 60/20/20 rule: sizes, one carer for everybody, and no move that is not needed (R-06, INV-16, S09)."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.partition import partition, sizes

SPLIT = (Fraction(3, 5), Fraction(1, 5), Fraction(1, 5))
SHARES = st.lists(st.integers(0, 12), min_size=1, max_size=5).filter(any)


def fewest_moves(before, after):
    """Return the least number of pupils who must change their carer: those whom each group has too many."""
    return sum(max(0, old - new) for old, new in zip(before, after, strict=True))


def shares(parts: list[int]) -> tuple[Fraction, ...]:
    """Return shares that sum to 1."""
    return tuple(Fraction(part, sum(parts)) for part in parts)


def pupils(count: int) -> list[str]:
    """Return so many references."""
    return [f"stu_{number:06d}" for number in range(count)]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, (0, 0, 0)), (1, (1, 0, 0)), (2, (1, 1, 0)), (3, (2, 1, 0)), (5, (3, 1, 1)), (45, (27, 9, 9)),
        (46, (28, 9, 9)), (47, (28, 10, 9)), (48, (29, 10, 9)), (50, (30, 10, 10)), (51, (31, 10, 10)),
        (52, (31, 11, 10)),
    ],
)  # fmt: skip
def test_the_table_of_scenario_s09(size, expected):
    """Largest remainder on 60/20/20, ties to the earlier teacher."""
    assert sizes(size, SPLIT) == expected


@given(st.integers(0, 2_000), SHARES)
def test_every_share_is_within_one_pupil_of_its_exact_part(size, parts):
    """The sizes sum to the class, and no carer is a whole pupil away from the share."""
    split = shares(parts)
    found = sizes(size, split)
    assert sum(found) == size
    assert all(abs(part - share * size) < 1 for part, share in zip(found, split, strict=True))


@pytest.mark.parametrize("split", [(Fraction(1, 2),), (Fraction(3, 2), Fraction(-1, 2))])
def test_shares_that_are_none(split):
    """They sum to 1 and none is negative."""
    with pytest.raises(ValueError, match="sum to 1"):
        sizes(10, split)


def test_each_share_has_its_group():
    """Two groups for three carers are a slip of the caller."""
    with pytest.raises(ValueError, match="one group for each share"):
        partition(((), ()), pupils(3), SPLIT)


@given(st.integers(0, 60), st.sets(st.integers(0, 59), max_size=60))
def test_special_groups_come_first_to_the_class_head(size, numbers):
    """As many of them as the class head has room for; the rest goes on to the teachers."""
    students = pupils(size)
    special = [students[number] for number in sorted(numbers) if number < size]
    groups = partition(((), (), ()), students, SPLIT, special)
    with_head = [student for student in groups[0] if student in special]
    assert len(with_head) == min(len(special), len(groups[0]))
    assert list(groups[0][: len(with_head)]) == with_head, "they stay longest"


@st.composite
def changes(draw):
    """Return a class that had a partition, and the class that it has become."""
    split = shares(draw(SHARES))
    known = pupils(70)
    before = draw(st.lists(st.sampled_from(known), unique=True, max_size=60))
    after = draw(st.lists(st.sampled_from(known), unique=True, max_size=60))
    special = draw(st.lists(st.sampled_from(known), unique=True, max_size=20))
    groups = partition(tuple(() for _ in split), before, split, draw(st.sampled_from([special, []])))
    return split, groups, after, draw(st.sampled_from([special, []]))


@given(changes())
@settings(max_examples=300, deadline=None)
def test_everybody_has_one_carer_and_no_move_is_too_many(change):
    """INV-16; and the moves are the lower bound: those whom a group has too many, no pupil more (R-06)."""
    split, groups, students, special = change
    found = partition(groups, students, split, special)
    placed = [student for group in found for student in group]
    assert sorted(placed) == sorted(students)
    assert tuple(map(len, found)) == sizes(len(students), split)
    stayed = [tuple(student for student in group if student in students) for group in groups]
    moves = sum(student not in found[place] for place, group in enumerate(stayed) for student in group)
    assert moves == fewest_moves([len(group) for group in stayed], [len(group) for group in found])


@given(changes())
def test_a_second_look_changes_nothing(change):
    """What is right stays as it is, order and all."""
    split, groups, students, special = change
    found = partition(groups, students, split, special)
    assert partition(found, students, split) == found


@given(changes())
def test_the_head_gives_a_special_pupil_away_last(change):
    """Where the class head must give pupils away, those of special groups stay while there are others."""
    split, groups, students, special = change
    found = partition(groups, students, split, special)
    given_away = [student for student in groups[0] if student in students and student not in found[0]]
    if any(student in special for student in given_away):
        assert all(student in special for student in found[0] if student in groups[0])
