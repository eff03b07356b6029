from __future__ import annotations

from itertools import pairwise

import pytest

from domain.evidence import EvidenceGrade, conflicting


def test_the_register_is_strongest_and_hearsay_weakest():
    """Ranks fall from 5 to 1 in the order in which the grades are declared."""
    assert [grade.rank for grade in EvidenceGrade] == [5, 4, 3, 2, 1]
    assert all(better.rank > worse.rank for better, worse in pairwise(EvidenceGrade))
    assert (EvidenceGrade.REGISTER.rank, EvidenceGrade.HEARSAY.rank) == (5, 1)


def test_a_grade_is_its_name_in_json():
    """What stands in events and files is the name."""
    assert [str(grade) for grade in EvidenceGrade] == ["REGISTER", "DOCUMENT", "SEEN", "CALL", "HEARSAY"]


@pytest.mark.parametrize(
    ("held", "new", "expected"),
    [(None, "present", False), ("present", "present", False), ("present", "lost", True), ("lost", "present", True)],
)
def test_any_difference_contradicts(held, new, expected):
    """The first finding contradicts nothing, an equal one neither."""
    assert conflicting(held, new) is expected
