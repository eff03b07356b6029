"""Edge cases of names, numbers and files in a school's roster (DOMAIN §9: 17, 36, 37)."""

from __future__ import annotations

import pytest
from registry_samples import CAMPAIGN, SCHOOL, id_number, pupil_row

from registry.problems import InputRejected


async def test_case_17_twins_with_one_name_and_numbers_in_a_row_are_two_pupils(registry, roster_of, references):
    """Same name, same birthday, same class, consecutive numbers: two references, and the name alone finds neither."""
    roster = roster_of(pupil_row(1, 姓名="例双"), pupil_row(2, 姓名="例双"))
    assert roster.rejected == ()
    await registry.import_roster(CAMPAIGN, SCHOOL, roster, references)
    names = await registry.names(CAMPAIGN, SCHOOL)
    assert sorted(name for _, name in names.values()) == ["例双", "例双"]
    with pytest.raises(InputRejected, match="STUDENT_AMBIGUOUS"):
        await registry.resolve(CAMPAIGN, SCHOOL, "2023-01", "例双")


async def test_case_17_a_changed_name_stays_the_same_pupil(registry, roster_of, references):
    """The number says who somebody is: under another name the pupil keeps the reference."""
    await registry.import_roster(CAMPAIGN, SCHOOL, roster_of(pupil_row(1, 姓名="例旧")), references)
    before = set(await registry.names(CAMPAIGN, SCHOOL))
    await registry.import_roster(CAMPAIGN, SCHOOL, roster_of(pupil_row(1, 姓名="例新")), references)
    names = await registry.names(CAMPAIGN, SCHOOL)
    assert set(names) == before
    assert [name for _, name in names.values()] == ["例新"]


async def test_case_17_a_corrected_number_is_proposed_to_a_person_and_merges_nobody(registry, roster_of, references):
    """The police corrected a digit: likeness merges nobody; a person is shown that it may be one pupil."""
    await registry.import_roster(CAMPAIGN, SCHOOL, roster_of(pupil_row(1)), references)
    before = set(await registry.names(CAMPAIGN, SCHOOL))
    corrected = roster_of(pupil_row(1, 身份证号=id_number(3)))
    taken = await registry.import_roster(CAMPAIGN, SCHOOL, corrected, references)
    assert [proposal.kind for proposal in taken.proposals] == ["ID_CORRECTED"]
    assert before == set(taken.left_students)
    assert len(taken.added_students) == 1


@pytest.mark.parametrize("name", ["例𠮷", "例㛃", "例·阿依古丽", "例語", "例䶮"])
async def test_case_37_a_rare_or_traditional_name_is_kept_as_it_is_written(registry, roster_of, references, name):
    """Characters beyond the first plane and dots of long names come back unchanged, and find their pupil."""
    await registry.import_roster(CAMPAIGN, SCHOOL, roster_of(pupil_row(1, 姓名=name)), references)
    found = await registry.resolve(CAMPAIGN, SCHOOL, "2023-01", name)
    assert (await registry.names(CAMPAIGN, SCHOOL))[found][1] == name


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("990001110305001", "ID_TRUNCATED"),  # fifteen digits, as issued before 1999
        ("H12345678", "ID_CHECK_DIGIT"),  # a permit of Hong Kong
        ("E12345678", "ID_CHECK_DIGIT"),  # a passport
        ("Z", "ID_CHECK_DIGIT"),  # no document
        ("", "ID_MISSING"),
    ],
)
def test_case_37_another_document_is_rejected_by_row_and_never_guessed(roster_of, number, code):
    """This release reads identity numbers of 18 places; every other row comes back to the school with its code."""
    roster = roster_of(pupil_row(1, 身份证号=number), pupil_row(2))
    assert [problem.code for problem in roster.rejected] == [code]
    assert len(roster.accepted) == 1


def test_case_37_a_small_x_is_the_large_one(roster_of):
    """The tenth check digit, as people type it."""
    sequence = next(number for number in range(1, 40) if id_number(number).endswith("X"))
    large, small = (
        roster_of(pupil_row(sequence, 身份证号=number)).accepted
        for number in (id_number(sequence), id_number(sequence).lower())
    )
    assert [row.name for row in large] == [row.name for row in small]
    assert len(small) == 1
