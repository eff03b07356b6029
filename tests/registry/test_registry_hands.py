"""What stands in a case for people: keyed, the same again, and another in each case."""

from __future__ import annotations

import re

from registry.hands import hands_in

CASE = "campaign/990001/2026/compliance/c-1"
SECRET = b"s" * 32


def test_the_same_person_has_the_same_hand_in_one_case_and_another_in_the_next():
    """Otherwise two complaints would be known to be one person's."""
    people = ("stf_head", "stf_other")
    hands = hands_in(SECRET, CASE, people)
    assert hands == hands_in(SECRET, CASE, people)
    others = [hands_in(SECRET, CASE.replace(*other), people) for other in (("c-1", "c-2"), ("2026", "2027"))]
    assert len({*hands, *others[0], *others[1]}) == 6


def test_without_the_secret_no_hand_is_found():
    """Nor with the reference alone: it does not stand in it."""
    [hand] = hands_in(SECRET, CASE, ("stf_head", None))
    assert re.fullmatch(r"hnd_[a-z2-7]{32}", hand)
    assert hand not in hands_in(b"t" * 32, CASE, ("stf_head",))
    assert hands_in(SECRET, CASE, (None, None)) == []


def test_the_hands_are_known_bytes():
    """A later version that computed them otherwise would let people decide complaints of their own."""
    assert hands_in(bytes(range(32)), CASE, ("stf_head",)) == ["hnd_gtsatve4jfyfi3fj5lhqn5wsm5wnyfl2"]
