"""Caregivers: read from a roster, held apart from guardians, forgotten with the family (edge case 1, G9)."""

from __future__ import annotations

import csv
import sqlite3

import pytest
from registry_samples import CAMPAIGN, CLASS_YEAR, SCHOOL, id_number, pupil_row

from registry.caregivers import CONTENT, changes_of
from registry.roster import read_roster
from registry.store import Registry

COLUMNS = ("照护人姓名", "照护人电话", "照护人邮箱", "照护人同意接收通知")
GRANDMOTHER = dict(zip(COLUMNS, ("例阿婆", "10000000009", "nainai@example.invalid", "是"), strict=True))
TABLES_OF_SCHEMA_2 = """
CREATE TABLE registry_settings (name VARCHAR(40) NOT NULL, value VARCHAR(128) NOT NULL,
  CONSTRAINT pk_registry_settings PRIMARY KEY (name));
CREATE TABLE pupils (student_ref VARCHAR(40) NOT NULL, campaign VARCHAR(80) NOT NULL, school VARCHAR(20) NOT NULL,
  id_key VARCHAR(64) NOT NULL, listed BOOLEAN NOT NULL, class_id VARCHAR(20) NOT NULL, name TEXT NOT NULL,
  birth_date DATE NOT NULL, mark_tenths INTEGER, absence_days INTEGER, informed BOOLEAN, salt VARCHAR(32) NOT NULL,
  email TEXT DEFAULT '' NOT NULL, language VARCHAR(8) DEFAULT '' NOT NULL,
  CONSTRAINT pk_pupils PRIMARY KEY (student_ref), CONSTRAINT uq_pupils UNIQUE (campaign, id_key, school));
CREATE TABLE guardians (guardian_ref VARCHAR(40) NOT NULL, student_ref VARCHAR(40) NOT NULL, name TEXT NOT NULL,
  phone VARCHAR(20) NOT NULL, email TEXT DEFAULT '' NOT NULL, language VARCHAR(8) DEFAULT '' NOT NULL,
  position INTEGER DEFAULT '1' NOT NULL, CONSTRAINT pk_guardians PRIMARY KEY (guardian_ref),
  CONSTRAINT uq_guardians UNIQUE (student_ref, position));
INSERT INTO registry_settings VALUES ('schema', '2');
INSERT INTO pupils VALUES ('stu_a', 'campaign/qingshan/2026', '9900010001', 'k', 1, '2023-01', '例云溪', '2011-03-05',
  100, 0, 1, 's', 's@example.invalid', 'en');
INSERT INTO guardians VALUES ('gdn_a', 'stu_a', '例大川', '10000000001', 'a@example.invalid', '', 1);
INSERT INTO guardians VALUES ('gdn_b', 'stu_a', '例小禾', '10000000002', '', '', 2);
"""


@pytest.fixture
def roster(tmp_path):
    """Return a function from rows by title to a roster; columns that no row has are not in the file."""

    def read(*rows):
        with (tmp_path / "r.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)), restval="")
            writer.writeheader()
            writer.writerows(rows)
        return read_roster(tmp_path / "r.csv", CLASS_YEAR)

    return read


def cared(**changes):
    """Return a pupil whose grandmother cares for her."""
    return pupil_row(1, **{**GRANDMOTHER, **changes})


async def taken(registry, roster, references, *rows):
    """Import a roster; return what changed and the first pupil's caregiver."""
    result = await registry.import_roster(CAMPAIGN, SCHOOL, roster(*rows), references)
    (ref, *_) = await registry.names(CAMPAIGN, SCHOOL)
    return result.changed_fields, (await registry.household(ref)).caregiver


# -- reading ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("title", ["照护人", "照护人姓名", "委托照护人姓名", "受委托照护人", "实际照护人姓名"])
def test_a_rosters_titles_for_a_caregiver(roster, title):
    """Several titles mean the same; a caregiver is never taken for a guardian."""
    read = roster(pupil_row(1, **{title: "例阿婆"}))
    assert read.accepted[0].caregiver.name == "例阿婆"
    assert [one.name for one in read.accepted[0].guardians] == ["例大川"]


@pytest.mark.parametrize(
    ("word", "agreed"), [("是", True), ("同意", True), ("否", False), ("", False), ("随便", False)]
)
def test_only_a_clear_yes_is_an_agreement(roster, word, agreed):
    """Nothing is sent to who has not agreed; the school is told so where it names somebody."""
    read = roster(cared(照护人同意接收通知=word))
    assert read.accepted[0].caregiver.agreed is agreed
    assert ("CAREGIVER_NOT_AGREED" in {one.code for one in read.warnings}) is not agreed


def test_a_wrong_telephone_of_a_caregiver_keeps_no_pupil_out(roster):
    """It counts as unknown and is named; nobody's values stand in a message or a repr."""
    read = roster(cared(照护人电话="123", 照护人邮箱="nainai@"))
    (row,) = read.accepted
    assert (row.caregiver.phone, row.caregiver.email, row.caregiver.agreed) == ("", "", True)
    assert [(one.code, one.column) for one in read.warnings] == [
        ("CAREGIVER_PHONE_UNREADABLE", "照护人电话"),
        ("EMAIL_UNREADABLE", "照护人邮箱"),
    ]
    assert "例阿婆" not in repr(row) + repr(row.caregiver)


def test_a_file_without_the_columns_says_nothing_of_caregivers(roster):
    """No column is no statement."""
    assert roster(pupil_row(1)).accepted[0].caregiver is None


# -- holding ------------------------------------------------------------------------------------------------------


async def test_a_caregiver_is_held_apart_from_the_guardians(registry, roster, references):
    """With a reference of an own kind; whatever asks for guardians or their telephones does not meet the person."""
    _, held = await taken(registry, roster, references, cared(通知语言="English"))
    assert (held.name, held.phone, held.email, held.agreed, held.language) == (
        *list(GRANDMOTHER.values())[:3],
        True,
        "en",
    )
    assert held.caregiver_ref.startswith("cgv_")
    assert [one.name for one in await registry.guardians_of(held.student_ref)] == ["例大川"]
    assert GRANDMOTHER["照护人电话"] not in {one.phone for one in await registry.numbers(CAMPAIGN)}
    assert await registry.guardian(held.caregiver_ref) is None
    assert "阿婆" not in repr(await registry.household(held.student_ref))


async def test_an_import_changes_what_it_states_and_keeps_the_person(registry, roster, references):
    """The same again changes nothing; a new telephone keeps the reference; a file without the columns takes nobody."""
    _, first = await taken(registry, roster, references, cared())
    changed, again = await taken(registry, roster, references, cared(照护人姓名="例　阿婆"))
    assert (changed, again) == ({}, first)
    changed, moved = await taken(registry, roster, references, cared(照护人电话="10000000008"))
    assert (changed, moved.caregiver_ref, moved.phone) == ({"caregiver_phone": 1}, first.caregiver_ref, "10000000008")
    changed, kept = await taken(registry, roster, references, pupil_row(1))
    assert (changed, kept) == ({}, moved)
    changed, known = await taken(registry, roster, references, pupil_row(1, 照护人电话="10000000007"))
    assert (known.caregiver_ref, known.name, known.agreed) == (first.caregiver_ref, first.name, True)
    changed, gone = await taken(registry, roster, references, cared(**dict.fromkeys(COLUMNS, "")))
    assert (changed, gone) == ({"caregiver_name": 1}, None)


async def test_another_name_is_another_person(registry, roster, references):
    """The agreement and the address were the grandmother's, not the aunt's."""
    _, first = await taken(registry, roster, references, cared())
    changed, aunt = await taken(registry, roster, references, pupil_row(1, 照护人姓名="例阿姨"))
    assert (aunt.name, aunt.phone, aunt.email, aunt.agreed) == ("例阿姨", "", "", False)
    assert aunt.caregiver_ref != first.caregiver_ref
    assert changed == {f"caregiver_{name}": 1 for name in ("agreed", "email", "name", "phone")}


async def test_the_review_shows_a_new_caregiver_and_its_drift_knows_one_from_another(registry, roster, references):
    """Nothing is written before it is taken, and the digest is of what was reviewed."""
    await taken(registry, roster, references, pupil_row(1))
    shown = [
        await registry.import_roster(CAMPAIGN, SCHOOL, roster(row), references, commit=False)
        for row in (cared(), cared(照护人同意接收通知="否"))
    ]
    assert [one.changed_fields for one in shown] == [{"caregiver_name": 1}] * 2
    assert shown[0].drift != shown[1].drift
    (ref,) = await registry.names(CAMPAIGN, SCHOOL)
    assert (await registry.household(ref)).caregiver is None


async def test_who_is_forgotten_is_forgotten_with_the_caregiver(registry, roster, references, tmp_path):
    """The file itself holds nothing of the person any more; the others' caregivers stay."""
    other = pupil_row(2, **{**GRANDMOTHER, "照护人姓名": "例外公", "身份证号": id_number(2)})
    await registry.import_roster(CAMPAIGN, SCHOOL, roster(cared(), other), references)
    one, two = [
        household for ref in await registry.names(CAMPAIGN, SCHOOL) if (household := await registry.household(ref))
    ]
    assert {one.caregiver.name, two.caregiver.name} == {"例阿婆", "例外公"}
    gone, stays = (one, two) if one.caregiver.name == "例阿婆" else (two, one)
    assert await registry.forget_pupil(gone.student_ref)
    content = b"".join(path.read_bytes() for path in tmp_path.glob("registry.db*"))
    assert ("例阿婆".encode() in content, "例外公".encode() in content) == (False, True)
    assert (await registry.household(stays.student_ref)).caregiver == stays.caregiver


def test_every_value_of_a_caregiver_is_compared():
    """A change of any of them is one."""
    before = {"name": "甲", "phone": "1", "email": "e", "language": "zh", "agreed": True, "wecom": "w"}
    for name in CONTENT:
        now = {**before, name: None}
        assert changes_of(before, now) == [f"caregiver_{name}"]
    assert changes_of(before, dict(before)) == changes_of(None, None) == []


# -- an older file ------------------------------------------------------------------------------------------------


async def test_a_registry_of_the_second_schema_is_brought_up(tmp_path, roster, references):
    """Made by the tables of schema 2: everybody stays as they were, a caregiver fits; opening again changes nothing."""
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as old:
        old.executescript(TABLES_OF_SCHEMA_2)
    for _ in range(2):
        registry = await Registry.open(f"sqlite+aiosqlite:///{path}", b"p" * 32)
        household = await registry.household("stu_a")
        result = await registry.import_roster(CAMPAIGN, SCHOOL, roster(cared()), references)
        await registry.close()
        assert [(one.guardian_ref, one.email, one.position) for one in household.guardians] == [
            ("gdn_a", "a@example.invalid", 1),
            ("gdn_b", "", 2),
        ]
        assert (household.email, household.language, household.caregiver) == ("s@example.invalid", "en", None)
    assert (result.added, result.unchanged) == (0, 1)
    with sqlite3.connect(path) as brought_up:
        assert brought_up.execute("SELECT value FROM registry_settings WHERE name = 'schema'").fetchone() == ("4",)
        assert brought_up.execute("SELECT count(*) FROM caregivers").fetchone() == (1,)
