from __future__ import annotations

import re

import pytest
from cli_in_process import command_line

from cli.clone import TO_DO
from cli.commands import Entry
from registry.clone import prepare_clone
from rehearsal.county import make_county


@pytest.fixture
def run(monkeypatch, capsys):
    """The command line."""
    return command_line(monkeypatch, capsys, Entry("clone", "cli.clone:clone", "沿用去年的文件", "last year's files"))


@pytest.fixture
def last_year(tmp_path):
    """A county of class 2025."""
    make_county(tmp_path / "2025", 2, 50, year=2025)
    return tmp_path / "2025"


def test_the_json_names_every_difference_and_all_that_is_left(run, last_year, tmp_path):
    """B1: from, to, the campaign, each difference with both values, and what a person has to do, in a sentence."""
    told = run("clone", last_year, tmp_path / "2026", "--json")
    assert told.code == 0
    expected = prepare_clone(last_year)
    assert set(told.json) == {"from", "to", "campaign", "differences", "to_do"}
    assert (told.json["from"], told.json["to"]) == (str(last_year), str(tmp_path / "2026"))
    assert told.json["campaign"] == "campaign/qingshan/2026"
    assert told.json["differences"] == [
        {"place": change.place, "was": change.was, "now": change.now} for change in expected.differences
    ]
    assert [(one["code"], one["place"]) for one in told.json["to_do"]] == [
        (one.code, one.place) for one in expected.to_do
    ]
    assert all(one["place"] in one["message"] for one in told.json["to_do"])
    assert {one.code for one in expected.to_do} == set(TO_DO)


def test_a_person_reads_a_table(run, last_year, tmp_path):
    """Without --json: where, was, now, and what is left; no member of staff by name."""
    told = run("clone", last_year, tmp_path / "2026", "--year", 2027)
    assert told.code == 0
    for text in (
        "campaign/qingshan/2027",
        "stages.identification.opens",
        "2024-11-18",
        "2026-11-18",
        "9900010002.xlsx",
    ):
        assert text in told.out
    names = re.findall(r",([^,]+),stf_", (last_year / "staff.csv").read_text())
    assert names
    assert not [name for name in names if name in told.out]


def test_a_directory_that_holds_something_is_input(run, last_year):
    """Exit 3, and the directory is as before."""
    told = run("clone", last_year, last_year, "--json")
    assert told.code == 3
    assert told.json["error"]["code"] == "DIRECTORY_NOT_EMPTY"
    assert "year = 2025" in (last_year / "campaign.toml").read_text()


@pytest.mark.parametrize(
    ("more", "code", "name"), [(["--year", "2025"], 3, "CLONE_YEAR_INVALID"), (["--year", "x"], 2, "ARGUMENT_INVALID")]
)
def test_a_year_that_cannot_be_is_refused(run, last_year, tmp_path, more, code, name):
    """The year must come after last year's, and must be a year; nothing is written."""
    told = run("clone", last_year, tmp_path / "2026", *more, "--json")
    assert (told.code, told.json["error"]["code"]) == (code, name)
    assert not (tmp_path / "2026").exists()
