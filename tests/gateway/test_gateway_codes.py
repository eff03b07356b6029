import re
import sqlite3

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
    SECRET,
    act,
    bound,
    letters,
    sqlite_url,
)
from hypothesis import given
from hypothesis import strategies as st

from domain.family_act import Party
from domain.refusal import Refusal
from domain.time import stamp
from gateway import spelling
from gateway.codes import Gateway

FIRST_RELEASE = """
CREATE TABLE gateway_settings (name VARCHAR(40) PRIMARY KEY, value VARCHAR(128) NOT NULL);
CREATE TABLE family_codes (
    campaign VARCHAR(80) NOT NULL, student VARCHAR(40) NOT NULL, party VARCHAR(10) NOT NULL,
    document VARCHAR(40) NOT NULL, school VARCHAR(20) NOT NULL, person VARCHAR(40) NOT NULL, serial INTEGER NOT NULL,
    turn INTEGER NOT NULL, digest VARCHAR(64) NOT NULL, expires_at VARCHAR(32) NOT NULL, tries INTEGER NOT NULL,
    PRIMARY KEY (campaign, student, party, document), UNIQUE (digest)
);
CREATE INDEX ix_family_codes_student ON family_codes (student);
"""
"""The tables as release 0.2 made them."""


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
    code = gateway.code(bound())
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}", code)
    assert code == "V6JC-BPEW"
    others = [
        gateway.code(bound(campaign="campaign/qingshan/2026")),
        gateway.code(bound(OTHER_PUPIL)),
        gateway.code(bound(party=Party.PUPIL)),
        gateway.code(bound(person=OTHER_GUARDIAN)),
        gateway.code(bound(document="notice-2")),
        gateway.code(bound(), form="paper"),
        gateway.code(bound(), serial=1),
        gateway.code(bound(), turn=1),
    ]
    assert len({code, *others}) == 9


async def test_issuing_again_changes_nothing(gateway):
    """The same letter twice has the same code, and tries that were counted stay counted."""
    guardians, _ = await letters(gateway)
    for _ in range(5):
        await code_of(act(gateway, "0000-0000", "refuse", at=IN_TIME, student=PUPIL))
    assert (await letters(gateway))[0] == guardians == gateway.code(bound())
    assert await code_of(act(gateway, guardians, "acknowledge", at=IN_TIME)) == "CODE_LOCKED"


async def test_many_letters_at_once_have_the_codes_of_each_alone(gateway):
    """A school's letters are one transaction, in their order; the same pupil twice is one code."""
    pupils = [f"stu_{number:06d}" for number in range(40)]
    one = await gateway.issue(CAMPAIGN, SCHOOL, pupils[3], Party.PUPIL, pupils[3], DOCUMENT, EXPIRES)
    bindings = [bound(pupil, Party.PUPIL) for pupil in (*pupils, pupils[0])]
    codes = await gateway.issue_all(bindings, EXPIRES)
    assert (codes[3], codes[40], len(set(codes))) == (one, codes[0], 40)
    for pupil, code in zip(pupils, codes, strict=False):
        assert (await act(gateway, code, "refuse", at=IN_TIME)).student == pupil


async def test_each_of_two_guardians_has_an_own_code(gateway):
    """Edge case 2: both act, each in their own name, and neither letter makes the other void."""
    first, _ = await letters(gateway)
    again = (CAMPAIGN, SCHOOL, PUPIL, Party.GUARDIAN, OTHER_GUARDIAN, DOCUMENT, EXPIRES)
    second = await gateway.issue(*again)
    assert second != first
    assert await gateway.issue(*again) == second
    assert (await act(gateway, second, "refuse", at=IN_TIME)).person == OTHER_GUARDIAN
    assert (await act(gateway, first, "refuse", at=IN_TIME)).person == GUARDIAN


async def test_a_letter_that_is_sent_again_has_a_new_code(gateway):
    """The lost letter's code is void and said to be so; the new one begins without tries, the pupil's is untouched."""
    old, pupils = await letters(gateway)
    for _ in range(5):
        await code_of(act(gateway, "0000-0000", "refuse", at=IN_TIME, student=PUPIL))
    new = await gateway.reissue(bound(), serial=1, expires_at=EXPIRES)
    assert new != old
    assert (await act(gateway, new, "refuse", at=IN_TIME, student=PUPIL)).person == GUARDIAN
    assert await code_of(act(gateway, pupils, "keep", at=IN_TIME)) == "CODE_LOCKED"
    for _ in range(6):
        assert await code_of(act(gateway, old, "acknowledge", at=IN_TIME, student=PUPIL)) == "CODE_SUPERSEDED"
    assert await code_of(act(gateway, old, "refuse", at=IN_TIME, student=OTHER_PUPIL)) == "CODE_WRONG"
    assert (await gateway.concerned(old)).student == PUPIL
    assert (await act(gateway, new, "refuse", at=IN_TIME)).person == GUARDIAN


async def test_sending_a_letter_again_is_counted_by_its_serial(gateway):
    """The same serial again is the same letter; an earlier one is void; the first letter must have been sent."""
    assert await code_of(gateway.reissue(bound(), serial=1, expires_at=EXPIRES)) == "CODE_NOT_ISSUED"
    await letters(gateway)
    first = await gateway.reissue(bound(), serial=1, expires_at=EXPIRES)
    assert await gateway.reissue(bound(), serial=1, expires_at=EXPIRES) == first
    second = await gateway.reissue(bound(), serial=2, expires_at=EXPIRES)
    assert second != first
    assert await code_of(gateway.reissue(bound(), serial=1, expires_at=EXPIRES)) == "CODE_SUPERSEDED"
    assert (await letters(gateway))[0] == second


async def test_letters_of_the_first_release_keep_their_codes(tmp_path, opened):
    """A store that release 0.2 made is brought up: its letters act, are printed again, and wrong tries stay counted."""
    file = tmp_path / "gateway.db"
    store = sqlite3.connect(file)
    store.executescript(FIRST_RELEASE)
    made = Gateway(SECRET, None)
    drawn = spelling.from_bytes(made._keyed("code", CAMPAIGN, PUPIL, "guardian", DOCUMENT, 0, 0))
    row = (CAMPAIGN, PUPIL, "guardian", DOCUMENT, SCHOOL, GUARDIAN, 0, 0, made._digest(drawn), stamp(EXPIRES), 3)
    store.execute(f"INSERT INTO family_codes VALUES ({', '.join('?' * len(row))})", row)
    store.execute("INSERT INTO gateway_settings VALUES ('key_id', ?)", (made.key_id,))
    store.commit()
    store.close()
    gateway = await opened(sqlite_url(file))
    printed, _ = await letters(gateway)
    assert printed == "T1RK-HDBY"
    assert (await act(gateway, printed, "refuse", at=IN_TIME)).person == GUARDIAN
    for _ in range(2):
        await code_of(act(gateway, "0000-0000", "refuse", at=IN_TIME, student=PUPIL))
    assert await code_of(act(gateway, printed, "acknowledge", at=IN_TIME)) == "CODE_LOCKED"
    again = await opened(sqlite_url(file))  # the second opening changes nothing
    assert (await letters(again))[0] == printed


async def test_two_letters_never_have_the_same_code(gateway, monkeypatch):
    """Forty bits may meet in a large county: the second letter then draws again, and both work."""
    drawn = iter([b"same!", b"same!", b"next!"])
    seen = {}

    def draw(*parts):
        if parts not in seen:
            seen[parts] = spelling.from_bytes(next(drawn))
        return seen[parts]

    monkeypatch.setattr(gateway, "_drawn", draw)
    ours = await gateway.issue(CAMPAIGN, SCHOOL, PUPIL, Party.GUARDIAN, GUARDIAN, DOCUMENT, EXPIRES)
    theirs = await gateway.issue(CAMPAIGN, SCHOOL, OTHER_PUPIL, Party.GUARDIAN, OTHER_GUARDIAN, DOCUMENT, EXPIRES)
    again = await gateway.issue(CAMPAIGN, SCHOOL, OTHER_PUPIL, Party.GUARDIAN, OTHER_GUARDIAN, DOCUMENT, EXPIRES)
    assert ours != theirs == again
    assert (await act(gateway, ours, "refuse", at=IN_TIME)).student == PUPIL
    assert (await act(gateway, theirs, "refuse", at=IN_TIME)).student == OTHER_PUPIL


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
    whole = {"campaign": CAMPAIGN, "school": SCHOOL, "student": PUPIL, "person": GUARDIAN, "document": DOCUMENT}
    with pytest.raises(ValueError, match=next(iter(wrong))):
        await gateway.issue(party=Party.GUARDIAN, expires_at=EXPIRES, **(whole | wrong))
