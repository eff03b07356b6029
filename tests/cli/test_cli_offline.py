import json
from datetime import date

import pytest
import xlsxwriter
from cli_runner import CAMPAIGN, county, staff, stage_dates

from cli.cautions import calendar_cautions
from registry.campaign_file import load_campaign
from rehearsal.county import make_county

FAR = {
    "identification": (date(2097, 11, 18), date(2097, 11, 29)),
    "parent-meetings": (date(2097, 11, 25), date(2097, 12, 20)),
    "school-visits": (date(2098, 3, 3), date(2098, 5, 30)),
    "application-filing": (date(2098, 5, 26), date(2098, 11, 20)),
    "retention": (date(2098, 9, 15), date(2099, 3, 27)),
}


def test_a_sample_county_is_written_and_checked(tmp_path, warm):
    """`sample` writes what `roster check` accepts to the last pupil, by the sample's own ground truth."""
    made = warm("sample", tmp_path / "county", "--schools", 2, "--pupils", 90, "--json")
    assert made.json == {
        "campaign": CAMPAIGN,
        "directory": str(tmp_path / "county"),
        "schools": 2,
        "pupils": 90,
    }
    truth = json.loads((tmp_path / "county" / "ground_truth.json").read_text())["schools"]
    for code, pupils in truth.items():
        checked = warm("roster", "check", tmp_path / "county" / "rosters" / f"{code}.xlsx", "--json")
        assert checked.code == 0
        assert checked.json["accepted"] == pupils
        assert checked.json["rejected"] == []


def test_a_sample_never_replaces_somebody_elses_files(tmp_path, warm):
    """A directory with other files is refused as input, exit 3."""
    (tmp_path / "mine.txt").write_text("mine")
    run = warm("sample", tmp_path, "--json")
    assert run.code == 3
    assert run.json["error"]["code"] == "DIRECTORY_NOT_EMPTY"


@pytest.mark.parametrize("size", [("--schools", 0), ("--schools", 5, "--pupils", 4)])
def test_a_county_of_no_size_is_wrong_usage(tmp_path, warm, size):
    """Exit 2 with a sentence, and nothing is written: an earlier demo's directory is not even touched."""
    (tmp_path / "var").mkdir()
    for run in (
        warm("sample", tmp_path / "county", *size, "--json"),
        warm("demo", *size, "--data", tmp_path / "var", "--json"),
    ):
        assert run.code == 2
        assert run.json["error"]["code"] == "COUNTY_SIZE_INVALID"
        assert run.json["error"]["place"] == size[-2]
    assert not (tmp_path / "county").exists()
    assert not list((tmp_path / "var").iterdir())


def _roster(path, rows):
    workbook = xlsxwriter.Workbook(str(path))
    sheet = workbook.add_worksheet("Sheet1")
    for number, row in enumerate([("姓名", "班级", "身份证号"), *rows]):
        sheet.write_row(number, 0, row)
    workbook.close()
    return path


def test_a_roster_with_bad_rows_is_rejected_row_by_row(tmp_path, warm):
    """Exit 3; each bad row with the spreadsheet's own number, column, code and sentence, and never a name."""
    roster = _roster(tmp_path / "roster.xlsx", [("示云山", "2022级1班", "123"), ("", "2022级1班", "")])
    run = warm("roster", "check", roster, "--json")
    assert run.code == 3
    assert [(problem["row"], problem["column"], problem["code"]) for problem in run.json["rejected"]] == [
        (2, "身份证号", "ID_TRUNCATED"),
        (3, "姓名", "NAME_MISSING"),
    ]
    assert run.json["accepted"] == 0
    assert run.json["error"]["code"] == "ROSTER_REJECTED"
    assert "示云山" not in run.out + run.err


def test_a_file_that_is_no_roster_says_so(tmp_path, warm):
    """Exit 3 with `file_error`."""
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n")
    run = warm("roster", "check", tmp_path / "notes.csv", "--json")
    assert run.code == 3
    assert run.json["file_error"]["code"] == "ROSTER_NOT_RECOGNISED"


def test_a_dry_run_writes_nothing_and_needs_no_engine(tmp_path, warm):
    """`launch --dry-run` prepares in a registry of its own: the data directory does not even come to be."""
    home = county(tmp_path / "county")
    run = warm("launch", home, "--by", staff(home, "bureau_officer"), "--dry-run", "--json", "--data", tmp_path / "var")
    assert run.code == 0
    assert run.json["campaign"] == CAMPAIGN
    assert run.json["already"] is False
    assert sum(run.json["pupils"].values()) == 16
    assert not (tmp_path / "var").exists()


def test_what_is_wrong_with_a_campaign_is_said_before_anything_runs(tmp_path, warm):
    """Bad rosters and files are input (3), the rules' own refusals are 5, an unknown person is 4."""
    bad = county(tmp_path / "bad")
    _roster(bad / "rosters" / "9900010001.xlsx", [("示云山", "2022级1班", "123")])
    broken = county(tmp_path / "broken")
    (broken / "campaign.toml").write_text((broken / "campaign.toml").read_text().replace("schema = 1", "schema = 2"))
    shadow = county(tmp_path / "shadow")
    (shadow / "campaign.toml").write_text(
        (shadow / "campaign.toml").read_text().replace('profile = "compliant"', 'profile = "legacy"')
    )
    far = county(tmp_path / "far")
    stage_dates(far, FAR)
    good = county(tmp_path / "good")
    officer = staff(good, "bureau_officer")
    commands = (
        *(("launch", home, "--by", officer, "--dry-run", "--json") for home in (bad, broken, shadow, far)),
        ("launch", good, "--by", "stf_nobody0000", "--dry-run", "--json"),
        ("launch", good, "--by", staff(good, "principal", "9900010001"), "--dry-run", "--json"),
    )
    runs = [warm(*command) for command in commands]
    told = [(run.code, (run.json.get("error") or run.json.get("refused"))["code"]) for run in runs]
    assert told == [
        (3, "ROSTER_REJECTED"),
        (3, "CAMPAIGN_FILE_INVALID"),
        (5, "PROFILE_SHADOW_ONLY"),
        (5, "CALENDAR_UNKNOWN"),
        (4, "STAFF_UNKNOWN"),
        (5, "ROLE_NOT_ALLOWED"),
    ]
    assert runs[0].json["error"]["place"] == "rosters/9900010001.xlsx"
    assert "roster check" in runs[0].json["error"]["remedy"]
    assert "2097" in runs[3].json["refused"]["message"]


def test_a_later_stage_in_an_unpublished_year_is_a_warning(tmp_path, warm):
    """The state publishes one year at a time: only the stage that opens first must be computable."""
    home = county(tmp_path / "county")
    later = {slug: window for slug, window in FAR.items() if slug != "identification"}
    stage_dates(home, {"identification": (date(2024, 11, 18), date(2024, 11, 29)), **later})
    run = warm("launch", home, "--by", staff(home, "bureau_officer"), "--dry-run", "--json")
    assert run.code == 0
    years = [warning["year"] for warning in run.json["warnings"] if warning["code"] == "CALENDAR_NOT_YET_PUBLISHED"]
    assert 2098 in years
    passed = [warning for warning in run.json["warnings"] if warning["code"] == "WINDOW_PASSED"]
    assert [(warning["stage"], warning["due"]) for warning in passed] == [("identification", "2024-11-29")]
    assert "2024-11-29" in passed[0]["message"]


def test_a_real_county_needs_the_word_that_there_is_no_sign_in(tmp_path, warm):
    """Identities are asserted, so only a sample county launches without the flag."""
    home = county(tmp_path / "county")
    text = (home / "campaign.toml").read_text()
    (home / "campaign.toml").write_text(text.split("\n", 1)[1])
    assert load_campaign(home).county == "qingshan"
    run = warm("launch", home, "--by", staff(home, "bureau_officer"), "--json", "--data", tmp_path / "var")
    assert run.code == 5
    assert run.json["refused"]["code"] == "SIGN_IN_MISSING"
    assert not (tmp_path / "var").exists()


def test_without_an_engine_commands_say_how_to_start_one(tmp_path, warm):
    """Exit 6 with the remedy; nothing is written on the way."""
    make_county(tmp_path / "county", 1, 5)
    run = warm(
        "launch",
        tmp_path / "county",
        "--by",
        staff(tmp_path / "county", "bureau_officer"),
        "--json",
        "--data",
        tmp_path / "var",
    )
    assert run.code == 6
    assert run.json["error"]["code"] == "ENGINE_UNREACHABLE"
    assert "diversion up" in run.json["error"]["remedy"]
    assert not (tmp_path / "var" / "registry.db").exists()


@pytest.mark.parametrize(("today", "warned"), [(date(2026, 11, 30), []), (date(2026, 12, 1), [2027])])
def test_status_warns_of_an_unpublished_year_from_december(today, warned):
    """By December the next year's holidays are out: then somebody has to supply them."""
    assert [caution["year"] for caution in calendar_cautions([2027, 2028], today)] == warned


def test_a_doctor_visits_an_empty_house(tmp_path, warm):
    """Nothing is there yet and nothing is wrong: exit 0, and no file is made."""
    run = warm("doctor", "--json", "--data", tmp_path / "var")
    assert run.code == 0, run.out
    assert {check["name"] for check in run.json["checks"]} == {
        "python",
        "temporal",
        "ports",
        "data",
        "ledger",
        "registry",
        "engine",
        "keys",
        "heads",
        "channels",
        "halted",
    }
    assert all(set(check) == {"name", "ok", "detail", "remedy"} for check in run.json["checks"])
    assert not (tmp_path / "var").exists()
