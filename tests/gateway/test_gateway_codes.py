import re

import pytest
from gateway_samples import (
    CAMPAIGN,
    DOCUMENT,
    EXPIRES,
    GUARDIAN,
    IN_TIME,
    OTHER_GUARDIAN,
    OTHER_PUPIL,
    PUPIL,
    SCHOOL,
    letters,
)
from hypothesis import given
from hypothesis import strategies as st

from domain.family_act import Party
from domain.refusal import Refusal
from gateway import spelling
from gateway.store import Binding


async def code_of(call):
    """Return the code with which a call is refused."""
    with pytest.raises(Refusal) as refused:
        await call
    return refused.value.code


@given(st.binary(min_size=5, max_size=5))
def test_forty_bits_are_eight_characters_that_read_back(drawn):
    """No bit is lost, no letter looks like another, and however it is typed it is the same code."""
    code = spelling.from_bytes(drawn)
    number = 0
    for letter in code:
        number = number * 32 + spelling.ALPHABET.index(letter)
    assert number == int.from_bytes(drawn, "big")
    assert not set(code) & set("ILOU")
    sloppy = spelling.shown(code).lower().replace("1", "l").replace("0", "o")
    assert spelling.read(f"  {sloppy} ") == code
    assert spelling.read(code.replace("1", "I")) == code


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("7K2M-Q4XD", "7K2MQ4XD"),
        ("7k2m q4xd", "7K2MQ4XD"),
        ("７Ｋ２Ｍ－Ｑ４ＸＤ", "7K2MQ4XD"),
        ("7K2M—Q4XD", "7K2MQ4XD"),
        ("oOiI lL00", "00111100"),
        ("7K2M-Q4X", None),
        ("7K2M-Q4XDA", None),
        ("7K2M-Q4XU", None),
        ("7K2M_Q4XD", None),
        ("", None),
    ],
)
def test_a_code_is_read_as_people_write_it(typed, meant):
    """Case, width, hyphens and look-alikes are no mistake; a missing, extra or impossible letter is."""
    assert spelling.read(typed) == meant


async def test_a_code_follows_from_what_it_is_bound_to(gateway):
    """The same letter can be printed again; whatever differs, the code differs."""
    code = gateway.code(CAMPAIGN, PUPIL, Party.GUARDIAN, DOCUMENT)
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}", code)
    assert code == "T1RK-HDBY"
    others = [
        gateway.code("campaign/qingshan/2026", PUPIL, Party.GUARDIAN, DOCUMENT),
        gateway.code(CAMPAIGN, OTHER_PUPIL, Party.GUARDIAN, DOCUMENT),
        gateway.code(CAMPAIGN, PUPIL, Party.PUPIL, DOCUMENT),
        gateway.code(CAMPAIGN, PUPIL, Party.GUARDIAN, "notice-2"),
        gateway.code(CAMPAIGN, PUPIL, Party.GUARDIAN, DOCUMENT, serial=1),
        gateway.code(CAMPAIGN, PUPIL, Party.GUARDIAN, DOCUMENT, turn=1),
    ]
    assert len({code, *others}) == 7


async def test_issuing_again_changes_nothing(gateway):
    """The same letter twice has the same code, and tries that were counted stay counted."""
    guardians, _ = await letters(gateway)
    for _ in range(5):
        await code_of(gateway.act("0000-0000", "refuse", at=IN_TIME, student=PUPIL))
    assert (await letters(gateway))[0] == guardians == gateway.code(CAMPAIGN, PUPIL, Party.GUARDIAN, DOCUMENT)
    assert await code_of(gateway.act(guardians, "refuse", at=IN_TIME)) == "CODE_LOCKED"


async def test_many_letters_at_once_have_the_codes_of_each_alone(gateway):
    """A school's letters are one transaction, in their order; the same pupil twice is one code."""
    pupils = [f"stu_{number:06d}" for number in range(40)]
    one = await gateway.issue(CAMPAIGN, SCHOOL, pupils[3], Party.PUPIL, pupils[3], DOCUMENT, EXPIRES)
    bound = {"campaign": CAMPAIGN, "school": SCHOOL, "party": Party.PUPIL, "document": DOCUMENT}
    bindings = [Binding(**bound, student=pupil, person=pupil) for pupil in (*pupils, pupils[0])]
    codes = await gateway.issue_all(bindings, EXPIRES)
    assert (codes[3], codes[40], len(set(codes))) == (one, codes[0], 40)
    for pupil, code in zip(pupils, codes, strict=False):
        assert (await gateway.act(code, "refuse", at=IN_TIME)).student == pupil


async def test_another_guardian_gets_another_code(gateway):
    """A code is one person's: the act of the new guardian never stands in the name of the old one."""
    old, _ = await letters(gateway)
    again = (CAMPAIGN, SCHOOL, PUPIL, Party.GUARDIAN, OTHER_GUARDIAN, DOCUMENT, EXPIRES)
    new = await gateway.issue(*again)
    assert new != old
    assert await gateway.issue(*again) == new
    assert (await gateway.act(new, "refuse", at=IN_TIME)).person == OTHER_GUARDIAN
    assert await code_of(gateway.act(old, "refuse", at=IN_TIME)) == "CODE_WRONG"


async def test_a_letter_that_is_sent_again_has_a_new_code(gateway):
    """The lost letter's code dies, the new one begins without tries, and the pupil's own code is untouched."""
    old, pupils = await letters(gateway)
    for _ in range(5):
        await code_of(gateway.act("0000-0000", "refuse", at=IN_TIME, student=PUPIL))
    new = await gateway.reissue(CAMPAIGN, PUPIL, Party.GUARDIAN, DOCUMENT, serial=1, expires_at=EXPIRES)
    assert new != old
    assert (await gateway.act(new, "refuse", at=IN_TIME, student=PUPIL)).person == GUARDIAN
    assert await code_of(gateway.act(old, "refuse", at=IN_TIME)) == "CODE_WRONG"
    assert await code_of(gateway.act(pupils, "refuse", at=IN_TIME)) == "CODE_LOCKED"


async def test_sending_a_letter_again_is_counted_by_its_serial(gateway):
    """The same serial again is the same letter; an earlier one is void; the first letter must have been sent."""
    which = (CAMPAIGN, PUPIL, Party.GUARDIAN, DOCUMENT)
    assert await code_of(gateway.reissue(*which, serial=1, expires_at=EXPIRES)) == "CODE_NOT_ISSUED"
    await letters(gateway)
    first = await gateway.reissue(*which, serial=1, expires_at=EXPIRES)
    assert await gateway.reissue(*which, serial=1, expires_at=EXPIRES) == first
    second = await gateway.reissue(*which, serial=2, expires_at=EXPIRES)
    assert second != first
    assert await code_of(gateway.reissue(*which, serial=1, expires_at=EXPIRES)) == "CODE_SUPERSEDED"
    assert (await letters(gateway))[0] == second


async def test_two_letters_never_have_the_same_code(gateway, monkeypatch):
    """Forty bits may meet in a large county: the second letter then draws again, and both work."""
    drawn = iter([b"same!", b"same!", b"next!"])
    seen = {}

    def draw(*bound):
        if bound not in seen:
            seen[bound] = spelling.from_bytes(next(drawn))
        return seen[bound]

    monkeypatch.setattr(gateway, "_drawn", draw)
    ours = await gateway.issue(CAMPAIGN, SCHOOL, PUPIL, Party.GUARDIAN, GUARDIAN, DOCUMENT, EXPIRES)
    theirs = await gateway.issue(CAMPAIGN, SCHOOL, OTHER_PUPIL, Party.GUARDIAN, OTHER_GUARDIAN, DOCUMENT, EXPIRES)
    again = await gateway.issue(CAMPAIGN, SCHOOL, OTHER_PUPIL, Party.GUARDIAN, OTHER_GUARDIAN, DOCUMENT, EXPIRES)
    assert ours != theirs == again
    assert (await gateway.act(ours, "refuse", at=IN_TIME)).student == PUPIL
    assert (await gateway.act(theirs, "refuse", at=IN_TIME)).student == OTHER_PUPIL


@pytest.mark.parametrize(
    "wrong",
    [
        {"campaign": "campaign/qingshan"},
        {"school": "1"},
        {"student": "stu_A"},
        {"person": "stf_aaaaaa"},
        {"document": "Notice 1"},
    ],
)
async def test_a_letter_is_bound_to_references_only(gateway, wrong):
    """What could be a name, or could never be signed, is refused before a letter goes out."""
    bound = {"campaign": CAMPAIGN, "school": SCHOOL, "student": PUPIL, "person": GUARDIAN, "document": DOCUMENT}
    with pytest.raises(ValueError, match=next(iter(wrong))):
        await gateway.issue(party=Party.GUARDIAN, expires_at=EXPIRES, **(bound | wrong))
