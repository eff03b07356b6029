from __future__ import annotations

import csv
import shutil
import tomllib
from datetime import date

import pytest

from domain.calendar import Calendar, CalendarUnknown, CalendarYear
from registry.calendar_file import load_school_calendar, state_years
from registry.campaign_file import load_campaign
from registry.clone import Change, Todo, clone_directory, prepare_clone, same_day_or_next_working_day
from registry.problems import InputRejected
from registry.staff_file import load_staff
from rehearsal.county import make_county


@pytest.fixture
def last_year(tmp_path):
    """A county of class 2025: two schools, one class each."""
    make_county(tmp_path / "2025", 2, 50, year=2025)
    return tmp_path / "2025"


def calendar(*years):
    """The state's tables of some years."""
    tables = {
        year: CalendarYear(holidays=state.holidays, make_up_days=state.make_up_days)
        for year, state in state_years(min(years), max(years)).items()
    }
    return Calendar(version=1, years=tables)


def contents(directory):
    """Every file of a directory with its bytes."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


def test_the_differences_are_exact(last_year, tmp_path):
    """Year, windows and class ids differ, and nothing else; each difference names its place, no person."""
    clone = clone_directory(last_year, tmp_path / "2026")
    assert clone.campaign == "campaign/qingshan/2026"
    assert clone.differences == (
        Change("campaign.toml: year", "2025", "2026"),
        Change("campaign.toml: stages.identification.opens", "2024-11-18", "2025-11-18"),
        Change("campaign.toml: stages.identification.due", "2024-11-29", "2025-12-01"),
        Change("campaign.toml: stages.parent-meetings.opens", "2024-11-25", "2025-11-25"),
        Change("campaign.toml: stages.parent-meetings.due", "2024-12-20", "2025-12-22"),
        Change("campaign.toml: stages.school-visits.opens", "2025-03-03", "2026-03-03"),
        Change("campaign.toml: stages.school-visits.due", "2025-05-30", "2026-06-01"),
        Change("campaign.toml: stages.application-filing.opens", "2025-05-26", "2026-05-26"),
        Change("campaign.toml: stages.application-filing.due", "2025-11-20", "2026-11-20"),
        Change("campaign.toml: stages.retention.opens", "2025-09-15", "2026-09-15"),
        Change("campaign.toml: stages.retention.due", "2026-03-27", "2027-03-27"),
        Change("campaign.toml: attendance.first", "2025-03-03", "2026-03-03"),
        Change("campaign.toml: attendance.last", "2025-03-31", "2026-03-31"),
        Change("campaign.toml: targets.document", "QS-2025-TARGETS-1", ""),
        Change("staff.csv: row 9 column classes", "2022-01", "2023-01"),
        Change("staff.csv: row 12 column classes", "2022-01", "2023-01"),
        Change("calendar.csv: days", "85", "0"),
    )


def test_what_is_left_to_people_is_named(last_year, tmp_path):
    """Unpublished days, staff, the school calendar, the qualified schools and every roster are on the list."""
    clone = clone_directory(last_year, tmp_path / "2026")
    assert clone.to_do == (
        Todo("CALENDAR_NOT_YET_PUBLISHED", "campaign.toml: stages.retention.due"),
        Todo("STAFF_TO_CONFIRM", "staff.csv"),
        Todo("SCHOOL_CALENDAR_EMPTY", "calendar.csv"),
        Todo("TARGETS_TO_ISSUE", "campaign.toml: targets"),
        Todo("QUALIFIED_SCHOOL_TO_CONFIRM", "9900019001"),
        Todo("QUALIFIED_SCHOOL_TO_CONFIRM", "9900019002"),
        Todo("ROSTER_TO_SUPPLY", "rosters/9900010001.xlsx"),
        Todo("ROSTER_TO_SUPPLY", "rosters/9900010002.xlsx"),
    )


def test_the_clone_loads_once_the_rosters_are_there(last_year, tmp_path):
    """It is refused for its rosters alone; with them it is a campaign of the new year, its staff and calendar valid."""
    target = tmp_path / "2026"
    clone = clone_directory(last_year, target)
    assert sorted(contents(target)) == ["calendar.csv", "campaign.toml", "staff.csv"]
    with pytest.raises(InputRejected) as refused:
        load_campaign(target)
    assert refused.value.code == "ROSTER_FILE_MISSING"
    make_county(tmp_path / "pupils", 2, 50, 2, year=2026)
    shutil.copytree(tmp_path / "pupils" / "rosters", target / "rosters", dirs_exist_ok=True)
    file = load_campaign(target)
    assert (file.campaign, file.year) == (clone.campaign, 2026)
    assert file.qualified_schools == load_campaign(last_year).qualified_schools
    assert file.schools == load_campaign(last_year).schools
    codes = [school.code for school in file.schools]
    members = load_staff(target / "staff.csv", schools=codes, receiving_schools=file.qualified_schools, class_year=2026)
    assert {class_id for member in members for class_id in member.classes} == {"2023-01"}
    assert load_school_calendar(target / "calendar.csv") == ()


def test_comments_and_layout_stay(last_year, tmp_path):
    """A bureau's remarks are kept, line by line; only the values change."""
    place = last_year / "campaign.toml"
    text = place.read_text().replace("year = 2025", "year   = 2025  # the class, not the autumn")
    place.write_bytes(("\ufeff# our county\n" + text.replace("\n", "\r\n")).encode())
    clone = prepare_clone(last_year)
    was, now = place.read_text(encoding="utf-8-sig").splitlines(), clone.files["campaign.toml"].splitlines()
    assert now[0] == "# our county"
    assert "year   = 2026  # the class, not the autumn" in now
    paper = was.index("[targets]")  # last year's paper does not come along, with its lines and the empty one after it
    del was[paper : paper + 5]
    assert sum(one != other for one, other in zip(was, now, strict=True)) == 13


def test_an_unusual_layout_is_written_plainly(last_year):
    """Where values stand inline, the whole file is rewritten, with the same content."""
    place = last_year / "campaign.toml"
    content = tomllib.loads(place.read_text())
    stages = ", ".join(
        f'"{slug}" = {{opens = {window["opens"]}, due = {window["due"]}, after = []}}'
        for slug, window in content["stages"].items()
    )
    schools = ", ".join(
        f'{{code = "{s["code"]}", name = "a \\"b\\" \\\\ c", roster = "{s["roster"]}"}}' for s in content["schools"]
    )
    place.write_text(
        f'schema = 1\ncounty = "qingshan"\nyear = 2025\nschools = [{schools}]\n'
        f'stages = {{{stages}}}\nqualified_schools = ["9900019001", "9900019002"]\n'
    )
    was = tomllib.loads(place.read_text())
    now = tomllib.loads(prepare_clone(last_year).files["campaign.toml"])
    assert now["schools"] == was["schools"]
    assert now["year"] == 2026
    assert now["stages"]["identification"] == {"opens": date(2025, 11, 18), "due": date(2025, 12, 1), "after": []}
    assert set(now) == set(was)


def test_a_class_without_a_year_in_its_name_stays(last_year):
    """九年级1班 is the graduating class of every year; 2022级 and 2025届 are not."""
    place = last_year / "staff.csv"
    text = place.read_text().replace("2022-01", "九年级1班；2022级2班;2025届3班", 1)
    place.write_text(text)
    clone = prepare_clone(last_year)
    rows = list(csv.DictReader(clone.files["staff.csv"].splitlines()))
    assert "九年级1班;2023-02;2023-03" in [row["classes"] for row in rows]
    before = list(csv.DictReader(text.splitlines()))
    for key in ("staff_ref", "role", "school", "name", "email"):
        assert [row[key] for row in rows] == [row[key] for row in before]


def test_a_later_year_moves_by_as_many_years(last_year):
    """`--year` skips a year; an earlier or the same year is refused."""
    clone = prepare_clone(last_year, 2027)
    assert Change("campaign.toml: stages.identification.opens", "2024-11-18", "2026-11-18") in clone.differences
    assert Change("staff.csv: row 9 column classes", "2022-01", "2024-01") in clone.differences
    for year in (2025, 2024, 2101):
        with pytest.raises(InputRejected) as refused:
            prepare_clone(last_year, year)
        assert refused.value.code == "CLONE_YEAR_INVALID"


def test_last_years_rosters_and_calendar_may_be_gone(last_year, tmp_path):
    """Pupils' files are deleted when they are no longer needed; the clone never reads them."""
    expected = prepare_clone(last_year)
    shutil.rmtree(last_year / "rosters")
    assert prepare_clone(last_year) == expected
    (last_year / "calendar.csv").unlink()
    clone = clone_directory(last_year, tmp_path / "2026")
    assert (tmp_path / "2026" / "calendar.csv").read_text() == "date,kind\n"
    assert "calendar.csv: days" not in {change.place for change in clone.differences}


@pytest.mark.parametrize("path", ["../outside.csv", "/tmp/outside.csv"])
def test_nothing_is_written_outside(last_year, tmp_path, path):
    """A path that leads out of the directory is refused, also where a missing roster hides it from the first check."""
    shutil.rmtree(last_year / "rosters")
    place = last_year / "campaign.toml"
    place.write_text(place.read_text().replace('"calendar.csv"', f'"{path}"'))
    with pytest.raises(InputRejected) as refused:
        clone_directory(last_year, tmp_path / "2026")
    assert refused.value.code == "ROSTER_PATH_OUTSIDE"
    assert not (tmp_path / "2026").exists()


def test_a_directory_that_holds_something_is_refused(last_year, tmp_path):
    """Nobody's files are replaced, and nothing is written on the way; an empty directory is taken."""
    before = contents(last_year)
    with pytest.raises(InputRejected) as refused:
        clone_directory(last_year, last_year)
    assert refused.value.code == "DIRECTORY_NOT_EMPTY"
    with pytest.raises(InputRejected):
        clone_directory(last_year, last_year / "staff.csv")
    assert contents(last_year) == before
    (tmp_path / "empty").mkdir()
    clone_directory(last_year, tmp_path / "empty")
    assert (tmp_path / "empty" / "campaign.toml").is_file()


def test_what_is_wrong_with_last_years_files_is_said(last_year, tmp_path):
    """An invalid campaign or staff file is refused with its own code, before anything is written."""
    (last_year / "staff.csv").write_text("a,b\n")
    with pytest.raises(InputRejected) as refused:
        clone_directory(last_year, tmp_path / "2026")
    assert refused.value.code == "STAFF_FILE_INVALID"
    (last_year / "campaign.toml").write_text("schema = 2\n")
    with pytest.raises(InputRejected) as refused:
        clone_directory(last_year, tmp_path / "2026")
    assert refused.value.code == "CAMPAIGN_FILE_INVALID"
    assert not (tmp_path / "2026").exists()


@pytest.mark.parametrize(
    ("day", "years", "moved"),
    [
        (date(2024, 11, 18), 1, date(2025, 11, 18)),  # a Tuesday
        (date(2024, 11, 29), 1, date(2025, 12, 1)),  # a Saturday: the Monday after
        (date(2024, 9, 28), 1, date(2025, 9, 28)),  # a Sunday that is worked (调休)
        (date(2024, 10, 1), 1, date(2025, 10, 9)),  # National Day and Mid-Autumn of 2025
        (date(2024, 2, 29), 1, date(2025, 2, 28)),
        (date(2023, 11, 20), 2, date(2025, 11, 20)),
        (date(2020, 11, 20), 6, date(2026, 11, 20)),
        (date(2025, 4, 20), 1, date(2026, 4, 20)),
        (date(2024, 4, 20), 1, date(2025, 4, 20)),  # a Sunday, and still the registration's deadline
    ],
)
def test_the_rule_of_dates(day, years, moved):
    """The same month and day, forward off weekends and holidays, make-up days heeded, fixed deadlines fixed."""
    assert same_day_or_next_working_day(day, years, calendar(2025, 2026)) == moved


def test_an_unpublished_year_is_not_guessed():
    """Nobody can say whether people work on that day."""
    with pytest.raises(CalendarUnknown):
        same_day_or_next_working_day(date(2025, 3, 3), 3, calendar(2025, 2026))
