from __future__ import annotations

from datetime import date

import pytest

from registry.classes import canonical_class
from registry.identity import birth_date, gender, normalised, problem

LATEST = date(2026, 12, 31)


@pytest.mark.parametrize(
    "number",
    [
        "11010519491231002X",
        "990001201109010015",
        "990001201112200020",
        "990001201010150034",
        "990001201003010041",
    ],
)
def test_valid_numbers_are_accepted_without_a_region_table(number):
    """The standard's own example and the synthetic numbers of DOMAIN §5.3 are good."""
    assert problem(number, latest=LATEST) is None


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("", "ID_MISSING"),
        ("99000120110901001", "ID_TRUNCATED"),
        ("9.90001201109010E+17", "ID_TRUNCATED"),
        ("990001201109010000", "ID_TRUNCATED"),
        ("990001201109010016", "ID_CHECK_DIGIT"),
        ("99000120110901001A", "ID_CHECK_DIGIT"),
        ("9900012011090100155", "ID_CHECK_DIGIT"),
        ("990001201102290018", "ID_DATE"),
    ],
)
def test_each_fault_of_a_number_has_its_code(number, code):
    """A lost digit, a wrong check digit and a day that never was are told apart."""
    assert problem(number, latest=LATEST) == code


def test_a_birth_after_the_latest_day_is_refused():
    """A good check digit does not make a date in the future good."""
    assert problem("990001201109010015", latest=date(2011, 8, 31)) == "ID_DATE"


def test_normalising_keeps_every_digit():
    """Full width, spaces, apostrophe and a small x are ways of writing, not other numbers."""
    assert normalised("' １１０１０５ 19491231\u200b002x") == "11010519491231002X"


def test_gender_and_birth_are_read_from_the_number():
    """Digit 17 is odd for male; digits 7 to 14 are the birthday."""
    assert (gender("990001201109010015"), gender("990001201112200020")) == ("male", "female")
    assert birth_date("990001201109010015") == date(2011, 9, 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("九年级1班", "2023-01"),
        ("九年级(3)班", "2023-03"),
        ("九年级（3）班", "2023-03"),
        ("九(1)班", "2023-01"),
        ("九（１２）班", "2023-12"),
        ("九（十二）班", "2023-12"),
        ("9年级1班", "2023-01"),
        ("2023级1班", "2023-01"),
        ("2026届5班", "2023-05"),
        ("三、7班", "2023-07"),
        ("901班", "2023-01"),
        ("40班", "2023-40"),
        ("7", "2023-07"),
        ("2023-07", "2023-07"),
    ],
)
def test_class_names_become_one_form(text, expected):
    """However a school writes a class, the id is entry year and number."""
    assert canonical_class(text, 2026) == expected


@pytest.mark.parametrize(
    "text", ["", "八年级1班", "2022级1班", "2025届1班", "2022-01", "初一年(4)班", "0", "Sheet1", "合计"]
)
def test_other_grades_and_words_are_no_class_of_the_year(text):
    """A class of another year is refused, not bent into this one."""
    assert canonical_class(text, 2026) is None
