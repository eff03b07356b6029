from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from subprocess import run

import pytest

from registry.calendar_file import load_school_calendar, state_years
from registry.campaign_file import DEFAULT_AFTER, load_campaign
from registry.problems import InputRejected
from registry.staff_file import load_staff

ROOT = Path(__file__).parents[2]


def replace(path: Path, old: str, new: str) -> None:
    """Change one place of a text file."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_campaign_file_is_read_with_its_defaults(county: Path):
    """Windows, prerequisites, full mark and name of the campaign are there without being written."""
    campaign = load_campaign(county)
    assert campaign.campaign == "campaign/qingshan/2026"
    assert (campaign.profile, campaign.full_mark, len(campaign.schools)) == ("compliant", 700, 2)
    assert campaign.stages["identification"].opens == date(2025, 11, 18)
    assert {slug: window.after for slug, window in campaign.stages.items() if window.after} == DEFAULT_AFTER


def test_stated_prerequisites_win_over_the_defaults(county: Path):
    """`after` in the file is taken as it stands, an empty list too."""
    replace(county / "campaign.toml", "[stages.school-visits]", "[stages.school-visits]\nafter = []")
    assert load_campaign(county).stages["school-visits"].after == ()


def test_the_digest_is_of_the_content_and_not_of_the_layout(county: Path):
    """A comment changes nothing, a date does."""
    before = load_campaign(county).digest()
    replace(county / "campaign.toml", "[calendar]", "# only a comment\n[calendar]")
    assert load_campaign(county).digest() == before
    replace(county / "campaign.toml", "opens = 2025-11-18", "opens = 2025-11-19")
    assert load_campaign(county).digest() != before


@pytest.mark.parametrize(
    ("old", "new", "code", "place"),
    [
        ("schema = 1", "schema = 2", "CAMPAIGN_FILE_INVALID", "schema"),
        ("schema = 1", "schema = ", "CAMPAIGN_FILE_INVALID", "line 2 column 10"),
        ('county = "qingshan"', 'county = "Qing Shan"', "CAMPAIGN_FILE_INVALID", "county"),
        ("year = 2026", "year = 1999", "CAMPAIGN_FILE_INVALID", "year"),
        ("year = 2026", 'year = "2026"', "CAMPAIGN_FILE_INVALID", "year"),
        ("year = 2026", "year = 2026\nyaer = 1", "CAMPAIGN_FILE_INVALID", "yaer"),
        ('code = "9900010002"', 'code = "99000"', "CAMPAIGN_FILE_INVALID", "schools[1].code"),
        ('code = "9900010002"', 'code = "9900010001"', "SCHOOL_DUPLICATE", "schools[1].code"),
        ("rosters/9900010002.xlsx", "rosters/none.xlsx", "ROSTER_FILE_MISSING", "schools[1].roster"),
        ("rosters/9900010002.xlsx", "rosters/9900010001.xlsx", "ROSTER_SHARED", "schools[1].roster"),
        ("rosters/9900010002.xlsx", "../outside.xlsx", "ROSTER_PATH_OUTSIDE", "schools[1].roster"),
        ("calendar.csv", "none.csv", "CALENDAR_FILE_MISSING", "calendar.school"),
        ("due = 2025-12-01", "due = 2025-11-17", "STAGE_WINDOW_INVALID", "stages.identification"),
        ("[stages.retention]", "[stages.retain]", "CAMPAIGN_FILE_INVALID", "stages.retain"),
        (
            "[stages.retention]",
            "[stages.retention]\nafter = ['retention']",
            "STAGE_ORDER_INVALID",
            "stages.retention.after",
        ),
        ("full_mark = 700", "full_mark = 0", "CAMPAIGN_FILE_INVALID", "identification.full_mark"),
    ],
)
def test_each_fault_of_a_campaign_file_has_code_place_and_remedy(county: Path, old, new, code, place):
    """A person finds the line, a program finds the code."""
    replace(county / "campaign.toml", old, new)
    with pytest.raises(InputRejected) as caught:
        load_campaign(county)
    assert (caught.value.code, caught.value.place) == (code, f"campaign.toml: {place}")
    assert caught.value.message("zh") != caught.value.message("en")
    assert caught.value.remedy("zh") != caught.value.remedy("en")


def test_a_missing_stage_or_file_is_named(county: Path):
    """All five stages are required, and the file itself."""
    path = county / "campaign.toml"
    text = path.read_text(encoding="utf-8")
    start, end = text.index("[stages.retention]"), text.index("[[schools]]")
    path.write_text(text[:start] + text[end:], encoding="utf-8")
    with pytest.raises(InputRejected) as caught:
        load_campaign(county)
    assert (caught.value.code, caught.value.place) == ("STAGE_MISSING", "campaign.toml: stages.retention")
    path.unlink()
    with pytest.raises(InputRejected, match="CAMPAIGN_FILE_MISSING"):
        load_campaign(county)


def test_a_roster_behind_a_link_out_of_the_directory_is_refused(county: Path, tmp_path: Path):
    """A link does not lead outside either."""
    outside = tmp_path / "outside.xlsx"
    (county / "rosters" / "9900010002.xlsx").rename(outside)
    (county / "rosters" / "9900010002.xlsx").symlink_to(outside)
    with pytest.raises(InputRejected, match="ROSTER_PATH_OUTSIDE"):
        load_campaign(county)


STAFF_HEADER = "staff_ref,role,school,classes,name,email\n"


def test_staff_is_read_in_the_files_order(tmp_path: Path):
    """Classes may be written as schools do when the year is known."""
    path = tmp_path / "staff.csv"
    path.write_bytes(
        (
            STAFF_HEADER
            + "stf_aaaa,class_head,9900010001,九年级1班;九(2)班,例甲,\nstf_bbbb,auditor,,,例乙,b@example.invalid\n"
        ).encode("gb18030")
    )
    head, auditor = load_staff(path, schools={"9900010001"}, class_year=2026)
    assert (head.role, head.classes, auditor.role, auditor.school) == (
        "class_head",
        ("2023-01", "2023-02"),
        "auditor",
        "",
    )


@pytest.mark.parametrize(
    ("row", "code", "column"),
    [
        ("boss,auditor,,,金丝雀,", "STAFF_ROW_INVALID", "staff_ref"),
        ("stf_aaaa,auditor,,,金丝雀,", "STAFF_REF_DUPLICATE", "staff_ref"),
        ("stf_bbbb,boss,,,金丝雀,", "STAFF_ROLE_UNKNOWN", "role"),
        ("stf_bbbb,principal,,,金丝雀,", "STAFF_ROW_INVALID", "school"),
        ("stf_bbbb,auditor,9900010001,,金丝雀,", "STAFF_ROW_INVALID", "school"),
        ("stf_bbbb,principal,9900019999,,金丝雀,", "STAFF_SCHOOL_UNKNOWN", "school"),
        ("stf_bbbb,class_head,9900010001,,金丝雀,", "STAFF_ROW_INVALID", "classes"),
        ("stf_bbbb,class_head,9900010001,甲班,金丝雀,", "STAFF_ROW_INVALID", "classes"),
        ("stf_bbbb,auditor,,,,", "STAFF_ROW_INVALID", "name"),
        ("stf_bbbb,auditor,,,金丝雀,金丝雀", "STAFF_ROW_INVALID", "email"),
    ],
)
def test_each_fault_of_a_staff_row_has_code_and_place_and_no_value(tmp_path: Path, row, code, column):
    """The row's number is the spreadsheet's; the person's name is not in the error."""
    path = tmp_path / "staff.csv"
    path.write_text(f"{STAFF_HEADER}stf_aaaa,auditor,,,例乙,\n{row}\n", encoding="utf-8")
    with pytest.raises(InputRejected) as caught:
        load_staff(path, schools={"9900010001"})
    assert (caught.value.code, caught.value.place) == (code, f"staff.csv: row 3 column {column}")
    assert "金丝雀" not in "".join(map(str, [caught.value, *vars(caught.value).values()]))


def test_staff_and_calendar_files_need_their_header(tmp_path: Path):
    """A missing file and a foreign header are told apart."""
    path = tmp_path / "staff.csv"
    with pytest.raises(InputRejected, match="STAFF_FILE_MISSING"):
        load_staff(path)
    path.write_text("name,role\n", encoding="utf-8")
    with pytest.raises(InputRejected, match="STAFF_FILE_INVALID"):
        load_staff(path)
    with pytest.raises(InputRejected, match="CALENDAR_FILE_INVALID"):
        load_school_calendar(path)


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ("2025-02-30,closed", "CALENDAR_ROW_INVALID"),
        ("2025-02-03,shut", "CALENDAR_ROW_INVALID"),
        ("2025-02-03,closed\n2025-02-03,open", "CALENDAR_DUPLICATE"),
    ],
)
def test_each_fault_of_a_calendar_row_has_its_code(tmp_path: Path, rows, code):
    """A day has one kind."""
    path = tmp_path / "calendar.csv"
    path.write_text(f"date,kind\n{rows}\n", encoding="utf-8")
    with pytest.raises(InputRejected, match=code):
        load_school_calendar(path)


def test_a_school_calendar_is_read_in_the_order_of_dates(tmp_path: Path):
    """The file's order does not matter."""
    path = tmp_path / "calendar.csv"
    path.write_text("date,kind\n2025-02-08,open\n2025-01-13,closed\n", encoding="utf-8")
    assert [(day.day, day.kind) for day in load_school_calendar(path)] == [
        (date(2025, 1, 13), "closed"),
        (date(2025, 2, 8), "open"),
    ]


def test_the_states_years_hold_what_was_published():
    """2025: National Day week off, 28 September worked; ordinary weekends are in neither list."""
    year = state_years(2025, 2025)[2025]
    assert date(2025, 10, 1) in year.holidays
    assert date(2025, 10, 4) not in year.holidays
    assert date(2025, 9, 28) in year.make_up_days
    assert len(year.make_up_days) == 5


def test_an_unpublished_year_is_absent():
    """No guess stands in for a year that the state has not published."""
    assert set(state_years(2025, 2099)) >= {2025, 2026}
    assert 2099 not in state_years(2025, 2099)


def test_the_room_opens_without_heavy_libraries():
    """`--help` must not pay for the database or the spreadsheets."""
    script = "import sys, registry, registry.problems, registry.references; print(*sys.modules)"
    loaded = run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    assert not {"sqlalchemy", "python_calamine", "chinese_calendar"} & set(loaded)
