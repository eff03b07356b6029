"""Shingles and containment, exactly (R-19): texts with a known share in common, and what no other layout hides."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.similarity import normalised, passages, reaches, shared, shingles

LENGTH = 8
LEAST = Fraction(3, 5)
TEXTS = st.text(alphabet="安北东海江山学校家长0128ab", max_size=60)


def sole(count: int, first: int = 0) -> str:
    """Return a text of so many different characters: it has so many less seven shingles, all different."""
    return "".join(chr(0x4E00 + first + number) for number in range(count))


@pytest.mark.parametrize(
    ("copied", "reached"),
    [(60, True), (59, False), (61, True), (100, True), (0, False)],
)
def test_exactly_three_fifths_is_reached_and_one_shingle_less_is_not(copied, reached):
    """Of 100 shingles 60 stand in the earlier text: the line itself counts (R-19, containment of at least 0.6)."""
    own, other = sole(107), 0x2000
    earlier = sole(copied + 7) + sole(500, other) if copied else sole(500, other)
    runs = shingles(own, LENGTH)
    count = shared(runs, earlier, LENGTH)
    assert (len(runs), count) == (100, copied)
    assert reaches(count, len(runs), LEAST) is reached


def test_a_share_is_compared_without_a_float():
    """Three fifths of a large odd number: a float would call 0.6 what lies below it."""
    whole = 5 * 10**16
    assert reaches(3 * 10**16, whole, LEAST)
    assert not reaches(3 * 10**16 - 1, whole, LEAST)
    assert (3 * 10**16 - 1) / whole == 0.6


def test_a_share_of_nothing_is_never_reached():
    """A text too short for one shingle is like nothing, whatever the policy says."""
    assert shingles("七个字的文本呀", LENGTH) == frozenset()
    assert not reaches(0, 0, LEAST)


def test_another_layout_width_and_case_are_the_same_text():
    """Blanks, line ends, punctuation, full-width digits, capitals and unseen characters hide no copy."""
    one = "二〇一〇年，我校共动员学生２０人（其中 A 班 8 人）。\n"
    other = "二〇一〇年我校共\u200b动员学生 20人,其中a班８人"
    assert normalised(one) == normalised(other) == "二〇一〇年我校共动员学生20人其中a班8人"


def test_one_changed_year_costs_at_most_as_many_shingles_as_it_touches():
    """The seeds' fraud: the same text with another year; all but the runs across the year stay."""
    text = sole(200)
    changed = text[:100] + "甲" + text[101:]
    runs = shingles(changed, LENGTH)
    assert shared(runs, text, LENGTH) == len(runs) - LENGTH


def test_containment_has_a_direction():
    """A short text is wholly in a long one; of the long one a part only is in the short."""
    short, long = sole(57), sole(107)
    assert shared(shingles(short, LENGTH), long, LENGTH) == 50
    assert shared(shingles(long, LENGTH), short, LENGTH) == 50
    assert not reaches(50, len(shingles(long, LENGTH)), LEAST)


@given(text=TEXTS, earlier=TEXTS, length=st.integers(2, 9))
def test_the_count_is_what_sets_say(text, earlier, length):
    """The same by the definition: how many of the text's different runs stand in the other text."""
    runs = {text[at : at + length] for at in range(len(text) - length + 1)}
    assert shingles(text, length) == runs
    assert shared(runs, earlier, length) == sum(run in earlier for run in runs)
    assert shared(runs, text, length) == len(runs)


@given(text=TEXTS, earlier=TEXTS, length=st.integers(2, 9))
def test_passages_are_in_both_texts_and_cover_every_shared_run(text, earlier, length):
    """Who compares two texts sees all that was counted; a passage is made of runs that both have."""
    found = passages(text, earlier, length, 1_000)
    runs = shingles(text, length) & shingles(earlier, length)
    assert {run for passage in found for run in shingles(passage, length)} == runs
    assert all(passage in text and len(passage) >= length for passage in found)
    assert found == sorted(found, key=len, reverse=True)


@given(text=st.text(max_size=80))
def test_normalised_text_is_letters_and_digits(text):
    """Whatever comes in, nothing invisible is left to hide behind."""
    assert all(letter.isalnum() for letter in normalised(text))
