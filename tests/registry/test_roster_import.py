from __future__ import annotations

import csv
import json
import sqlite3
from pathlib import Path

import pytest
from registry_samples import CAMPAIGN, CLASS_YEAR, SCHOOL, id_number, pupil_row, write_xlsx

from registry.campaign_file import load_campaign
from registry.corrections import write_corrections
from registry.problems import InputRejected
from registry.roster import Roster, judge, open_roster, read_roster
from registry.store import Registry
from rehearsal.county import make_county

HOUSEHOLD = (*pupil_row(1), "监护人邮箱", "学生邮箱", "通知语言", "第二监护人姓名", "第二监护人电话", "第二监护人邮箱")
OLD_TABLES = """
CREATE TABLE registry_settings (name VARCHAR(40) PRIMARY KEY, value VARCHAR(128) NOT NULL);
CREATE TABLE pupils (student_ref VARCHAR(40) PRIMARY KEY, campaign VARCHAR(80) NOT NULL, school VARCHAR(20) NOT NULL,
  id_key VARCHAR(64) NOT NULL, listed BOOLEAN NOT NULL, class_id VARCHAR(20) NOT NULL, name TEXT NOT NULL,
  birth_date DATE NOT NULL, mark_tenths INTEGER, absence_days INTEGER, informed BOOLEAN, salt VARCHAR(32) NOT NULL,
  CONSTRAINT uq_pupils UNIQUE (campaign, id_key, school));
CREATE TABLE guardians (guardian_ref VARCHAR(40) PRIMARY KEY, student_ref VARCHAR(40) NOT NULL, name TEXT NOT NULL,
  phone VARCHAR(20) NOT NULL, CONSTRAINT uq_guardians UNIQUE (student_ref));
INSERT INTO pupils VALUES ('stu_a', 'campaign/qingshan/2026', '9900010001', 'k', 1, '2023-01', '例云溪', '2011-03-05',
  100, 0, 1, 's');
INSERT INTO guardians VALUES ('gdn_a', 'stu_a', '例大川', '10000000001');
"""


@pytest.fixture
def family(tmp_path: Path):
    """Return a function from rows by title to a roster with the columns of a household."""

    def read(*rows: dict[str, object]) -> Roster:
        with (tmp_path / "f.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, HOUSEHOLD, restval="")
            writer.writeheader()
            writer.writerows(rows)
        return read_roster(tmp_path / "f.csv", CLASS_YEAR)

    return read


def apart(**changes: object) -> dict[str, object]:
    """Return a pupil with two guardians."""
    second = {"第二监护人姓名": "例小禾", "第二监护人电话": "10000000002", "监护人邮箱": "a@example.invalid"}
    return pupil_row(1, **{**second, "通知语言": "English", **changes})


async def test_parents_apart_are_both_held_and_follow_their_names(registry, family, references):
    """Both stand in the household; where they change places, their references go with them; the second may go."""
    taken = await registry.import_roster(CAMPAIGN, SCHOOL, family(apart()), references)
    ((ref, class_id),) = taken.added_students
    one, two = await registry.guardians_of(ref)
    assert (one.position, one.name, one.email, one.language) == (1, "例大川", "a@example.invalid", "en")
    assert (two.position, two.phone, class_id) == (2, "10000000002", "2023-01")
    assert (await registry.guardians(CAMPAIGN, SCHOOL))[ref] == one
    swapped = apart(
        监护人姓名="例小禾", 监护人电话="10000000002", 第二监护人姓名="例大川", 第二监护人电话="10000000001"
    )
    await registry.import_roster(CAMPAIGN, SCHOOL, family(swapped), references)
    assert [held.guardian_ref for held in await registry.guardians_of(ref)] == [two.guardian_ref, one.guardian_ref]
    await registry.import_roster(CAMPAIGN, SCHOOL, family(apart(第二监护人姓名="", 第二监护人电话="")), references)
    household = await registry.household(ref)
    assert (household.school, household.language, len(household.guardians)) == (SCHOOL, "en", 1)
    assert await registry.forget_pupil(ref)
    assert await registry.household(ref) is None
    assert await registry.guardians_of(ref) == ()


async def test_a_file_without_a_column_takes_nothing_away(registry, family, tmp_path, references):
    """A roster that has no addresses and no second guardian says nothing about them."""
    taken = await registry.import_roster(CAMPAIGN, SCHOOL, family(apart(学生邮箱="s@example.invalid")), references)
    path = tmp_path / "short.csv"
    path.write_text(f"姓名,班级,身份证号\n例云山,九年级1班,{id_number(1)}\n", encoding="utf-8")
    before = await registry.household(taken.added_students[0][0])
    result = await registry.import_roster(CAMPAIGN, SCHOOL, read_roster(path, CLASS_YEAR), references)
    assert result.changed_fields == {"name": 1}
    after = await registry.household(taken.added_students[0][0])
    assert (after.guardians, after.email) == (before.guardians, before.email)


async def test_another_order_and_padding_change_nothing(registry, roster_of, references):
    """The same pupils from another file: zero changes and the same drift."""
    await registry.import_roster(CAMPAIGN, SCHOOL, roster_of(pupil_row(1), pupil_row(2)), references)
    again = roster_of(pupil_row(2), None, pupil_row(1, 姓名="例　云溪"))
    result = await registry.import_roster(CAMPAIGN, SCHOOL, again, references)
    assert (result.unchanged, result.changed, result.added, result.changed_fields) == (2, 0, 0, {})


async def test_the_review_names_fields_classes_and_people_to_look_at(registry, roster_of, references):
    """What changed is named, its values are not; nothing is written before it is taken."""
    await registry.import_roster(CAMPAIGN, SCHOOL, roster_of(*map(pupil_row, range(1, 5))), references)
    later = roster_of(
        pupil_row(1, 班级="九(2)班", 期中成绩=1),
        pupil_row(2),
        pupil_row(4, 身份证号=id_number(6)),
        pupil_row(5, 姓名="例云禾"),
    )
    shown = await registry.import_roster(CAMPAIGN, SCHOOL, later, references, commit=False)
    assert (shown.committed, shown.left_students, {ref for ref, _ in shown.added_students}) == (False, (), {""})
    assert shown.changed_fields == {"class_id": 1, "mark_tenths": 1}
    assert [(old, new) for _, old, new in shown.class_changes] == [("2023-01", "2023-02")]
    assert [proposal.kind for proposal in shown.proposals if proposal.kind != "TWINS"] == [
        "SAME_NAME_AND_BIRTH",
        "ID_CORRECTED",
    ]
    taken = await registry.import_roster(CAMPAIGN, SCHOOL, later, references, expect=shown.drift)
    assert (taken.drift, taken.left_students) == (shown.drift, shown.missing_students)
    assert len(taken.left_students) == 2
    back = await registry.import_roster(CAMPAIGN, SCHOOL, roster_of(*map(pupil_row, range(1, 5))), references)
    assert {ref for ref, _ in back.returned_students} == set(taken.left_students)


async def test_a_drift_that_nobody_reviewed_is_refused(registry, roster_of, references):
    """One more pupil, or one mark, since the review: nothing is written."""
    shown = await registry.import_roster(CAMPAIGN, SCHOOL, roster_of(pupil_row(1)), references, commit=False)
    for rows in ([pupil_row(1), pupil_row(2)], [pupil_row(1, 期中成绩=1)]):
        with pytest.raises(InputRejected, match="ROSTER_DRIFTED"):
            await registry.import_roster(CAMPAIGN, SCHOOL, roster_of(*rows), references, expect=shown.drift)
    assert await registry.names(CAMPAIGN, SCHOOL) == {}


async def test_a_registry_of_the_first_schema_is_brought_up(tmp_path, references):
    """Made by the old tables: pupils and guardians stay, a second guardian fits; opening again changes nothing."""
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as old:
        old.executescript(OLD_TABLES)
    for _ in range(2):
        registry = await Registry.open(f"sqlite+aiosqlite:///{path}", b"p" * 32)
        household = await registry.household("stu_a")
        await registry.close()
        assert [(one.guardian_ref, one.phone, one.position) for one in household.guardians] == [
            ("gdn_a", "10000000001", 1)
        ]
    with sqlite3.connect(path) as brought_up:
        assert brought_up.execute("SELECT value FROM registry_settings WHERE name = 'schema'").fetchone() == ("4",)
        brought_up.execute(
            "INSERT INTO guardians (guardian_ref, student_ref, name, phone, position) VALUES ('g2', 'stu_a', '', '', 2)"
        )
        brought_up.execute("UPDATE registry_settings SET value = '5' WHERE name = 'schema'")
    with pytest.raises(InputRejected, match="REGISTRY_NEWER"):
        await Registry.open(f"sqlite+aiosqlite:///{path}", b"p" * 32)


def test_the_rejected_rows_go_back_to_the_school_as_they_came(tmp_path):
    """Only they, as text under the same header, with row and reason; sent back unmended they are rejected again."""
    rows: list[dict[str, object] | None] = [
        pupil_row(1),
        pupil_row(2, 监护人姓名="=1+1", 监护人电话="12"),
        pupil_row(3, 身份证号=990001201103050112),
    ]
    sheets = open_roster(write_xlsx(tmp_path / "r.xlsx", rows, names=("九年级1班",)))
    roster = judge(sheets, "r.xlsx", CLASS_YEAR)
    out = tmp_path / "errors.xlsx"
    assert write_corrections(out, sheets, roster) == 2
    (page,) = open_roster(out)
    assert (page.name, page.rows[0][-2:]) == ("九年级1班", ("行号", "问题"))
    assert [row[-2] for row in page.rows[1:]] == ["3", "4"]
    assert page.rows[1][5] == "=1+1"
    assert all(isinstance(cell, str) for row in page.rows for cell in row)
    again = judge([page], "errors.xlsx", CLASS_YEAR)
    assert [problem.code for problem in again.rejected] == [problem.code for problem in roster.rejected]
    assert write_corrections(tmp_path / "none.xlsx", sheets, Roster(())) == 0
    assert not (tmp_path / "none.xlsx").exists()


async def test_an_untidy_county_agrees_with_its_ground_truth(tmp_path, references):
    """Every planted trap is found by reading and importing the files; typing errors are all rejected."""
    make_county(tmp_path / "c", schools=4, pupils=240, untidy=True, year=CLASS_YEAR)
    truth = json.loads((tmp_path / "c" / "ground_truth.json").read_text(encoding="utf-8"))
    planted, campaign = truth["planted"], load_campaign(tmp_path / "c")
    registry = await Registry.open(f"sqlite+aiosqlite:///{tmp_path / 'c.db'}", b"p" * 32)
    await registry.save_schools(CAMPAIGN, campaign)
    twins = elsewhere = apart_count = lost = same_name = 0
    for school in campaign.schools:
        roster = read_roster(tmp_path / "c" / school.roster, CLASS_YEAR, full_mark=700)
        assert (len(roster.accepted), roster.rejected) == (truth["schools"][school.code], ())
        assert len(roster.accepted) + len(roster.ignored) == roster.rows
        assert "TOTAL_MISMATCH" not in {warning.code for warning in roster.warnings}
        result = await registry.import_roster(CAMPAIGN, school.code, roster, references)
        twins += sum(proposal.kind == "TWINS" for proposal in result.proposals)
        elsewhere += result.elsewhere
        for ref, _ in result.added_students:
            apart_count += len(await registry.guardians_of(ref)) == 2
        lost += sum(warning.code == "PHONE_MISSING" for warning in roster.warnings)
        same_name += len(roster.accepted) - len({(pupil.class_id, pupil.name) for pupil in roster.accepted})
    await registry.close()
    assert (twins, elsewhere, apart_count, lost) == tuple(
        planted[name] for name in ("twins", "moved", "two_guardians", "phone_missing")
    )
    assert same_name >= planted["same_name_in_class"] > 0
    typos = read_roster(tmp_path / "c" / "rosters" / "typos.xlsx", CLASS_YEAR)
    codes = [problem.code for problem in typos.rejected]
    assert ({code: codes.count(code) for code in codes}, typos.accepted) == (planted["typos"], ())
