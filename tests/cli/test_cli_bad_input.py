"""What a person may mistype ends with an exit code, a code, a place and a remedy; never with an unforeseen error."""

from __future__ import annotations

import importlib
from datetime import UTC, date, datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
from cli_in_process import command_line

from audit.as_of import moment
from cli.correct import event_given
from cli.failures import Failure, failure_of, foreseen
from cli.given import classes_given, time_given, year_of
from cli.outcome_files import read_outcomes
from cli.template import write_template
from cli.visit_view import write_transport_list
from domain.time import at, civil, end_of, instant, stamp
from registry.problems import InputRejected
from rehearsal.county import make_county

CAMPAIGN = "campaign/qingshan/2026"
SCHOOL = "9900010001"
NO_CAMPAIGNS = ("foo", "campaign/x/abcd", "campaign/x", "campaign//2026", "campaign/x/2026/y", "campaign/x/²⁰²⁶", "")
BEFORE_THE_CALENDAR = "0001-01-01T00:00:00+14:00"
AFTER_THE_CALENDAR = "9999-12-31T23:59:59-05:00"
PLAN = (SCHOOL, "t1", "--to", "9900020001", "--back", "2025-11-12T17:00", "--seats", "40", "--leaders", "stf_a")
REQUEST = (SCHOOL, "p1", "--of", "9900020001", "--persons", "2", "--materials", "m-1")
ON_AN_AFTERNOON = ("--at", "2025-11-12T13:30")


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """The command line, on a data directory that holds nothing."""
    line = command_line(monkeypatch, capsys)
    return lambda *words: line(*words, "--data", tmp_path / "data", "--json")


@pytest.fixture
def county(tmp_path):
    """A county of class 2025 as files."""
    make_county(tmp_path / "2025", 1, 50, year=2025)
    return tmp_path / "2025"


def _error(told):
    """Return what a program needs to tell failures apart, after checking that a person is told what to do."""
    error = told.json["error"]
    assert error["message"]
    assert error["remedy"]
    return told.code, error["code"], error["place"]


# -- the campaign's name ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", foreseen())
def test_each_error_that_is_foreseen_is_where_its_name_says(name):
    """The table names classes by text, so that a command need not load what it does not use; a moved one is found."""
    module, _, error = name.rpartition(".")
    found = getattr(importlib.import_module(module), error)
    assert f"{found.__module__}.{found.__qualname__}" == name


@pytest.mark.parametrize("name", NO_CAMPAIGNS)
def test_a_name_that_no_campaign_can_have_is_unknown(name):
    """The year is read from the name, so its form is looked at first."""
    with pytest.raises(Failure) as caught:
        classes_given(name, ["九年级1班"])
    assert (caught.value.exit_code, caught.value.code) == (4, "CAMPAIGN_UNKNOWN")


def test_a_campaigns_year_says_which_classes_there_are():
    """A name of the right form is read."""
    assert year_of(CAMPAIGN) == 2026
    assert classes_given(CAMPAIGN, ["九年级1班", "2023-01"]) == ["2023-01"]


@pytest.mark.parametrize("campaign", ["foo", "campaign/x/abcd"])
@pytest.mark.parametrize(
    ("command", "rest"),
    [
        (("choice", "offer"), (SCHOOL, "notice-1")),
        (("visit", "plan"), (*PLAN, *ON_AN_AFTERNOON)),
        (("visit", "presentation", "request"), (*REQUEST, *ON_AN_AFTERNOON)),
        (("visit", "presentation", "held"), (SCHOOL, "p1", "--pupils", "2023-01=40")),
    ],
)
def test_commands_that_name_classes_do_not_know_such_a_campaign(run, command, campaign, rest):
    """Exit 4, as with `status` and every other command."""
    classes = () if "held" in command else ("--classes", "2023-01")
    told = run(*command, campaign, *rest, *classes, "--by", "stf_aaaaaa")
    assert _error(told)[:2] == (4, "CAMPAIGN_UNKNOWN")


@pytest.mark.parametrize("campaign", ["foo", "campaign/x/abcd"])
def test_a_roster_is_not_imported_into_such_a_campaign(run, county, campaign):
    """The campaign is what is wrong, not the person of --by, who is not even named."""
    roster = county / "rosters" / f"{SCHOOL}.xlsx"
    assert _error(run("roster", "import", roster, "--school", SCHOOL, "--campaign", campaign)) == (
        4,
        "CAMPAIGN_UNKNOWN",
        "campaign/-/-",
    )


# -- files and folders --------------------------------------------------------------------------------------------


def test_a_sheet_for_a_folder_that_is_not_there_is_a_file_failure(tmp_path):
    """`record template` and `visit show --xlsx` end as every file that cannot be written."""
    path = tmp_path / "nowhere" / "x.xlsx"
    writers = (
        lambda: write_template(path, "attendance", []),
        lambda: write_transport_list(path, SimpleNamespace(trips={}), {}),
    )
    for write in writers:
        with pytest.raises(Exception, match="nowhere") as caught:
            write()
        failure = failure_of(caught.value)
        assert failure is not None
        assert (failure.exit_code, failure.code, failure.place) == (3, "FILE_UNREADABLE", str(path))
        assert failure.remedy


def test_the_rejected_rows_for_a_folder_that_is_not_there_are_a_file_failure(run, county, tmp_path):
    """Exit 3 with the place; once the folder is there, the same words write the file."""
    errors = tmp_path / "nowhere" / "errors.xlsx"
    roster = tmp_path / "roster.csv"
    roster.write_text("班级,姓名,身份证号,性别\n九年级1班,,,男\n", encoding="utf-8")
    assert _error(run("roster", "check", roster, "--year", 2025, "--errors", errors)) == (
        3,
        "FILE_UNREADABLE",
        str(errors),
    )
    errors.parent.mkdir()
    told = run("roster", "check", roster, "--year", 2025, "--errors", errors)
    assert (told.code, told.json["errors_file"]) == (3, str(errors))
    assert errors.exists()


async def test_lists_within_lists_are_no_outcomes(tmp_path):
    """A file can be deeper than a reader may go."""
    path = tmp_path / "deep.json"
    path.write_text("[" * 200_000 + "]" * 200_000)
    with pytest.raises(InputRejected) as caught:
        await read_outcomes(path, "attendance", None, CAMPAIGN, SCHOOL)
    assert (caught.value.code, caught.value.place) == ("RECORD_FILE_INVALID", "deep.json")


@pytest.mark.parametrize("inside", ["new", "a/b", "rosters/../new"])
def test_a_clone_is_not_made_inside_its_source(run, county, inside):
    """Exit 3, and last year's directory is as before."""
    before = sorted(county.rglob("*"))
    told = run("clone", county, county / inside)
    assert _error(told)[:2] == (3, "DIRECTORY_INSIDE_SOURCE")
    assert sorted(county.rglob("*")) == before


def test_a_clone_beside_its_source_is_made(run, county):
    """A name that begins alike is another directory."""
    assert run("clone", county, county.with_name("2025-new")).code == 0


# -- times --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [BEFORE_THE_CALENDAR, AFTER_THE_CALENDAR])
def test_the_ends_of_the_calendar_are_wrong_values(text):
    """At either end the county's clock has no time for what another offset can write."""
    when = datetime.fromisoformat(text)
    for use in (lambda: instant(text), lambda: stamp(when), lambda: civil(when), lambda: moment(text)):
        with pytest.raises(ValueError, match="outside the years"):
            use()


def test_the_last_day_has_no_end():
    """24:00 of it would be in the year 10000; the day before has one."""
    with pytest.raises(ValueError, match="outside the years"):
        end_of(date.max)
    assert end_of(date.max - timedelta(days=1)).date() == date.max
    assert stamp(at(date.max)).startswith("9999-12-31T08:00")


@pytest.mark.parametrize("text", ["9999-12-31", BEFORE_THE_CALENDAR, AFTER_THE_CALENDAR])
def test_no_moment_at_the_end_of_the_calendar_is_rebuilt(run, text):
    """`audit as-of`: exit 2."""
    assert _error(run("audit", "as-of", CAMPAIGN, text)) == (2, "TIME_INVALID", "TIME")


@pytest.mark.parametrize(
    "text", [BEFORE_THE_CALENDAR, AFTER_THE_CALENDAR, "1989-12-31T12:00:00+08:00", "2201-01-01T12:00:00+08:00"]
)
def test_times_that_no_campaign_has_are_wrong_usage(run, text):
    """Exit 2 with the option: of a family's act, of a trip, and of what happened."""
    assert _error(run("answer", "0000-0000", "refuse", "--at", text)) == (2, "TIME_INVALID", "--at")
    plan = ("visit", "plan", CAMPAIGN, *PLAN, "--classes", "2023-01", "--by", "stf_aaaaaa")
    assert _error(run(*plan, "--at", text)) == (2, "TIME_INVALID", "--at")
    told = run(*plan, *ON_AN_AFTERNOON, "--occurred-at", text)
    assert _error(told) == (2, "TIME_INVALID", "--occurred-at")


def test_a_time_of_a_campaign_is_read():
    """The county's where no offset is written."""
    assert time_given("--at", "2025-11-12T13:30") == "2025-11-12T13:30:00.000+08:00"


def test_a_family_cannot_have_acted_later_than_now(run):
    """Exit 2 before any code is looked at; clocks that differ by a little are let through."""
    east = timezone(timedelta(hours=8))
    later, nearly = (datetime.now(UTC).astimezone(east) + timedelta(minutes=more) for more in (6, 4))
    assert _error(run("answer", "0000-0000", "refuse", "--at", later.isoformat())) == (2, "TIME_INVALID", "--at")
    assert _error(run("answer", "0000-0000", "refuse", "--at", nearly.isoformat()))[:2] == (4, "NO_CODES_HERE")


# -- an event's id ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["9" * 20, "1" * 10, "0", "00", "-1", "²", "1_0", "0" * 5000, "9" * 5000, ""])
def test_a_version_that_no_stream_reaches_is_malformed(run, version):
    """Nine digits are more than enough, and the store takes no number of twenty."""
    told = run("correct", f"{CAMPAIGN}/{SCHOOL}/retention#{version}", "state=在校", "--by", "stf_aaaaaa")
    assert _error(told) == (2, "EVENT_INVALID", "EVENT")


def test_a_version_of_nine_digits_is_read():
    """The longest that there can be."""
    stream = f"{CAMPAIGN}/{SCHOOL}/retention"
    assert event_given(f"{stream}#999999999") == (stream, 999_999_999)
