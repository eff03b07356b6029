"""Targets, policy and the list of schools on the command line: from a table to the record and back."""

from __future__ import annotations

import json
from datetime import date

import pytest
from cli_in_process import command_line
from cli_machine_rooms import desk
from stream_samples import (
    APPROVER,
    AUDITOR,
    CAMPAIGN,
    OFFICER,
    PRINCIPAL,
    SCHOOL,
    person,
    running_county,
)

from domain.actors import Role
from domain.policy import PROFILES

DISCIPLINE = person("discipline", Role.DISCIPLINE_OFFICER, "bureau")
NUMBER = "县教发〔2025〕12号"
REVISED = "县教发〔2026〕3号"
RECEIVING = "9900019001"


@pytest.fixture
def county():
    """A running county of this release, in December."""
    return running_county(release=3, qualified_schools=[RECEIVING]).to("2025-12-01 09:00")


@pytest.fixture
async def house(monkeypatch, capsys, tmp_path, county):
    """Its desk: the bureau's and the school's people."""
    return await desk(monkeypatch, capsys, tmp_path, *county.streams.values(), people=(APPROVER, AUDITOR, DISCIPLINE))


def issued(house, heads=22):
    """Issue a paper from a table, approve it, and share it out to the two classes."""
    table = house.file("targets.csv", ["学校标识码", "指标"], [SCHOOL, heads])
    paper = ("--document", NUMBER, "--effective", "2025-11-01", "--total", heads)
    told = [
        house("targets", "issue", table, CAMPAIGN, *paper, "--by", OFFICER.id),
        house("targets", "approve", CAMPAIGN, NUMBER, "--by", APPROVER.id),
        house("targets", "acknowledge", "@", "--by", PRINCIPAL.id),
        house(
            *("targets", "assign", "@", "--document", NUMBER, "--by", PRINCIPAL.id),
            *("--classes", "九年级1班=12", f"2023-02={heads - 12}"),
        ),
    ]
    assert [one.code for one in told] == [0, 0, 0, 0], told


def test_a_paper_goes_from_a_table_to_the_classes(house):
    """Issued, approved, acknowledged, shared out; `show` tells it, and a day before the paper nothing held."""
    issued(house)
    shown = house("targets", "show", CAMPAIGN).json
    assert (shown["on"], shown["total"], shown["to_assign"]) == ("2025-12-01", 22, [])
    assert shown["papers"][0]["document"] == NUMBER
    school = shown["schools"][0]
    assert (school["target"], school["autumn"], school["spring"]) == (22, 22, 0)
    assert school["classes"] == {"2023-01": 12, "2023-02": 10}
    assert school["acknowledged"] == [NUMBER]
    assert house("targets", "show", CAMPAIGN, "--on", "2025-10-31").json["schools"] == []
    known = house("targets", "show", CAMPAIGN, "--known-at", "2025-11-30T09:00").json
    assert (known["papers"], known["schools"]) == ([], [])
    assert NUMBER in house.readable("targets", "show", CAMPAIGN).out


def test_a_revision_is_shown_before_it_is_written(house, county):
    """Without --commit nothing is written; with it the event holds what was shown; a retry is the same."""
    issued(house)
    before = len(county.campaign.ledger)
    table = house.file("revised.csv", ["school", "class", "quota"], [SCHOOL, "九年级1班", 0], [SCHOOL, "2023-02", 20])
    paper = ("--document", REVISED, "--effective", "2026-03-01", "--total", "20", "--reason", "FEWER_PUPILS")
    words = ("targets", "revise", table, CAMPAIGN, *paper, "--by", OFFICER.id, "--command-id", "r-1")
    shown = house(*words).json
    assert len(county.campaign.ledger) == before
    assert [(move["class"], move["quota_was"], move["quota_now"]) for move in shown["classes"]] == [
        ("2023-01", 12, 0),
        ("2023-02", 10, 20),
    ]
    assert [(move["yuan_now"], move["countable"]) for move in shown["classes"]] == [(None, None)] * 2
    assert (shown["withheld"], shown["yuan_now"], shown["stamp"]) == (True, None, "试算·不得发放")
    whole = house("targets", "preview", table, CAMPAIGN, "--by", AUDITOR.id).json
    assert [move["yuan_now"] for move in whole["classes"]] == [0, -1000]
    assert (whole["withheld"], whole["preview"]) == (False, shown["preview"])
    assert house("targets", "preview", table, CAMPAIGN, "--by", OFFICER.id).json["preview"] == shown["preview"]
    assert "试算·不得发放" in house.readable("targets", "preview", table, CAMPAIGN, "--by", OFFICER.id).out
    for _ in range(2):
        told = house(*words, "--commit")
        assert (told.code, told.json["preview"]) == (0, shown["preview"])
    assert county.campaign.names().count("TargetRevised") == 1
    assert county.campaign.last("TargetRevised")["data"]["preview"] == shown["preview"]
    assert house("targets", "approve", CAMPAIGN, REVISED, "--by", APPROVER.id).code == 0
    assert house("targets", "show", CAMPAIGN).json["to_assign"] == [SCHOOL]
    wanted = house("targets", "object", "@", "--reason", "TOO_MANY", "--by", PRINCIPAL.id)
    assert (wanted.code, county.campaign.last("TargetObjected")["data"]["document"]) == (0, REVISED)


def test_figures_by_class_are_not_for_everybody(house):
    """DESIGN §10: before the cut-off a school sees no trial figures, and flags are for fairness alone."""
    issued(house)
    table = house.file("revised.csv", ["school", "quota"], [SCHOOL, 20])
    told = house("targets", "preview", table, CAMPAIGN, "--by", PRINCIPAL.id)
    assert (told.code, told.json["refused"]["code"]) == (5, "FIGURES_RESERVED")
    for who, code in ((PRINCIPAL, 5), (OFFICER, 5), (AUDITOR, 0), (DISCIPLINE, 0)):
        assert house("targets", "pressure", CAMPAIGN, "--by", who.id).code == code
    assert house("targets", "pressure", CAMPAIGN, "--by", "stf_nobody1").code == 4


def test_pressure_is_computed_from_counts_and_proposed_once(house, county):
    """S02's flags of a table that the bureau gives; the record holds each once, the timeline shows no figure."""
    issued(house)
    table = house.file(
        "figures.csv",
        ["学校标识码", "班级", "毕业生数", "生源数", "填报数", "计划数"],
        [SCHOOL, "", 130, 20, 24, 28],
        [SCHOOL, "九年级1班", 23, "", "", ""],
    )
    words = ("targets", "pressure", CAMPAIGN, "--figures", table, "--by", AUDITOR.id)
    found = {(flag["flag"], flag["class"]): flag["by"] for flag in house(*words).json["flags"]}
    assert {flag: by for (flag, class_id), by in found.items() if class_id is None} == {
        "QUOTA_ABOVE_POOL": 2,
        "APPLICATIONS_ABOVE_QUOTA": 2,
        "PLAN_ABOVE_QUOTA": 6,
        "PLAN_ABOVE_POOL": 8,
    }
    assert {place: by for place, by in found.items() if place[1]} == {("QUOTA_ABOVE_SHARE", "2023-01"): 1}
    assert house(*words, "--propose").json["proposed"] == len(found)
    assert house(*words, "--propose").json["proposed"] == 0
    assert county.campaign.names().count("PressureFlagged") == len(found)


def test_flags_of_the_past_are_told_from_what_was_known_then(house, county):
    """Before the paper there was nothing to flag (edge 47); only a flag of today goes on record."""
    issued(house, heads=30)
    table = house.file("figures.csv", ["school", "class", "pool"], [SCHOOL, "", 20], [SCHOOL, "2023-01", 8])
    words = ("targets", "pressure", CAMPAIGN, "--figures", table, "--by", AUDITOR.id)
    assert {flag["flag"] for flag in house(*words).json["flags"]} >= {"QUOTA_ABOVE_POOL"}
    told = house(*words, "--at", "2025-11-30T09:00").json
    assert (told["flags"], told["at"]) == ([], "2025-11-30T09:00:00+08:00")
    wrong = house(*words, "--at", "2025-11-30T09:00", "--propose")
    assert (wrong.code, wrong.json["error"]["code"]) == (2, "PRESSURE_OF_THE_PAST")
    assert "PressureFlagged" not in county.campaign.names()


def test_after_the_cutoff_the_bureau_sees_flags_and_no_small_cell(house, county, monkeypatch):
    """R-22: a class's figure of 1 to 4 is left out for who does not watch over pressure; a school still sees none."""
    issued(house)
    rows = [[SCHOOL, "", 20, 24], [SCHOOL, "九年级1班", 4, 11], [SCHOOL, "2023-02", 5, 11]]
    table = house.file("figures.csv", ["school", "class", "pool", "applications"], *rows)
    monkeypatch.setattr("cli.target_figures.today_of", lambda _: date(2026, 11, 21))
    words = ("targets", "pressure", CAMPAIGN, "--figures", table, "--by")
    for who, small in ((OFFICER, None), (AUDITOR, "4")):
        flags = {(flag["class"], flag["flag"]): flag for flag in house(*words, who.id).json["flags"]}
        assert flags["2023-01", "QUOTA_ABOVE_POOL"]["limit"] == small
        assert flags["2023-01", "QUOTA_ABOVE_POOL"]["suppressed"] is (small is None)
        assert flags["2023-02", "QUOTA_ABOVE_POOL"]["limit"] == "5"
        assert flags[None, "QUOTA_ABOVE_POOL"]["by"] == 2
    assert house(*words, PRINCIPAL.id).json["refused"]["code"] == "FIGURES_RESERVED"


def test_a_wrong_word_of_the_command_line(house):
    """A class without a number is wrong usage; a table that is not there is a missing file."""
    wrong = house("targets", "assign", "@", "--document", "D-1", "--classes", "九年级1班", "--by", PRINCIPAL.id)
    assert (wrong.code, wrong.json["error"]["code"]) == (2, "CLASS_INVALID")
    paper = ("--document", "D-1", "--effective", "2025-11-01", "--total", "3")
    gone = house("targets", "issue", house.folder / "none.csv", CAMPAIGN, *paper, "--by", OFFICER.id)
    assert (gone.code, gone.json["error"]["code"]) == (3, "TARGETS_FILE_MISSING")


def test_the_alternative_formula(monkeypatch, capsys):
    """S16 on the command line: 49, 49 and 50 of 52."""
    run = command_line(monkeypatch, capsys)
    found = [
        run("targets", "formula", 130, 78, "--rounding", mode, "--json").json["target"]
        for mode in ("floor", "half_up", "ceiling")
    ]
    assert found == [49, 49, 50]
    assert run("targets", "formula", 78, 130, "--json").code == 2


# -- policy ---------------------------------------------------------------------------------------------------------


def announced(house, *how):
    """Announce version 2 for 1 March and approve it."""
    words = ("--document", REVISED, "--effective", "2026-03-01", "--reason", "NOTICE", "--by", OFFICER.id)
    told = house("policy", "announce", CAMPAIGN, 2, *how, *words)
    assert told.code == 0, told
    assert house("policy", "approve", CAMPAIGN, 2, "--by", APPROVER.id).code == 0


def test_a_version_is_announced_approved_and_followed(house, county):
    """`policy show` tells which stream is under which version since which event, and who has not followed."""
    assert [row["versions"][-1]["version"] for row in house("policy", "show", CAMPAIGN).json["streams"]] == [1] * len(
        county.streams
    )
    announced(house, "--set", "appeal_days=10", "veto_ratio=2/5")
    shown = house("policy", "show", CAMPAIGN).json
    assert (shown["version"], shown["behind"]) == (1, [])
    assert (shown["changes"][0]["status"], shown["changes"][0]["changes"]) == (
        "approved",
        [
            {"name": "veto_ratio", "was": "1/2", "will_be": "2/5"},
            {"name": "appeal_days", "was": 7, "will_be": 10},
        ],
    )
    stream = county[f"{SCHOOL}/identification"]
    county.campaign.to("2026-03-01 08:00")
    shown = house("policy", "show", CAMPAIGN).json
    assert shown["version"] == 2
    assert sorted(shown["behind"]) == sorted(name for name in county.streams if name != CAMPAIGN)
    county.settle()
    shown = house("policy", "show", CAMPAIGN).json
    assert shown["behind"] == []
    row = next(row for row in shown["streams"] if row["stream"] == stream.machine.carry.stream)
    assert [version["version"] for version in row["versions"]] == [1, 2]
    assert row["versions"][1]["parameter_hash"] == shown["parameter_hash"] == stream.state.policy.parameter_hash
    assert shown["changes"][0]["status"] == "adopted"
    assert REVISED in house.readable("policy", "show", CAMPAIGN).out


def test_a_version_comes_from_a_file(house, county):
    """Parameters by name, or a whole profile; taken back it never comes."""
    names = house.folder / "names.toml"
    names.write_text("appeal_days = 12\n")
    announced(house, "--file", names)
    assert county.campaign.last("PolicyChangeAnnounced")["data"]["changes"][0]["will_be"] == 12
    assert house("policy", "withdraw", CAMPAIGN, 2, "--reason", "RECALLED", "--by", OFFICER.id).code == 0
    whole = PROFILES["compliant"].model_dump(mode="json")
    whole["parameters"]["appeal_days"] = 9
    profile = house.folder / "whole.json"
    profile.write_text(json.dumps(whole))
    announced(house, "--file", profile)
    assert county.campaign.last("PolicyChangeAnnounced")["data"]["changes"][0]["will_be"] == 9


def test_two_profiles_are_compared(monkeypatch, capsys, tmp_path):
    """By name or by file; a file that is none is named as such."""
    run = command_line(monkeypatch, capsys)
    told = run("policy", "diff", "compliant", "legacy", "--json").json
    assert {"name": "penalty", "was": 0, "will_be": 50} in told["changes"]
    assert run("policy", "diff", "compliant", "compliant", "--json").json["changes"] == []
    file = tmp_path / "mine.toml"
    file.write_text('veto_ratio = "2/5"\n')
    told = run("policy", "diff", "compliant", file, "--json").json
    assert told["changes"] == [{"name": "veto_ratio", "was": "1/2", "will_be": "2/5"}]
    file.write_text("= nothing")
    wrong = run("policy", "diff", "compliant", file, "--json")
    assert (wrong.code, wrong.json["error"]["code"]) == (3, "POLICY_FILE_INVALID")
    unknown = run("policy", "diff", "compliant", "mine", "--json")
    assert (unknown.code, unknown.json["refused"]["code"]) == (5, "PROFILE_UNKNOWN")
    assert "penalty" in run("policy", "diff", "compliant", "legacy").out


def test_a_parameter_that_cannot_be(house):
    """A word without a value is wrong usage; what the rules refuse is said in a sentence."""
    words = ("--document", "D-1", "--effective", "2026-03-01", "--reason", "NOTICE", "--by", OFFICER.id)
    wrong = house("policy", "announce", CAMPAIGN, 2, "--set", "appeal_days", *words)
    assert (wrong.code, wrong.json["error"]["code"]) == (2, "PARAMETER_INVALID")
    told = house("policy", "announce", CAMPAIGN, 2, "--set", "veto_ratio=0.5", *words)
    assert (told.code, told.json["refused"]["code"]) == (5, "POLICY_PARAMETER_INVALID")
    none = house("policy", "announce", CAMPAIGN, 2, *words)
    assert (none.code, none.json["refused"]["code"]) == (5, "POLICY_SOURCE_INVALID")


# -- schools --------------------------------------------------------------------------------------------------------


def test_the_list_changes_on_the_command_line(house):
    """Published whole, or one school taken off; `show` tells the list and how it came to be."""
    other = "9900019002"
    words = ("schools", "publish", CAMPAIGN, "--codes", RECEIVING, other, "--document", NUMBER, "--by", OFFICER.id)
    assert house(*words).code == 0
    gone = house("schools", "remove", CAMPAIGN, RECEIVING, "--reason", "LICENCE_ENDED", "--by", OFFICER.id)
    assert gone.code == 0
    shown = house("schools", "show", CAMPAIGN).json
    assert shown["schools"] == [other]
    assert [(one["change"], one["school"]) for one in shown["changes"]] == [("added", other), ("removed", RECEIVING)]
    again = house("schools", "remove", CAMPAIGN, RECEIVING, "--reason", "LICENCE_ENDED", "--by", OFFICER.id)
    assert (again.code, again.json["refused"]["code"]) == (5, "SCHOOL_OFF_THE_LIST")
    assert other in house.readable("schools", "show", CAMPAIGN).out
