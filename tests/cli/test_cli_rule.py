from __future__ import annotations

import json
import tomllib
from collections import Counter

import pytest
import xlsxwriter
from cli_in_process import command_line

from activities.people import facts_of
from cli.commands import Entry
from cli.rule import expression, read_rule
from domain.identification_rule import DEFAULT_RULE, FORBIDDEN, evaluate, load_rule, rule_digest
from registry.campaign_file import load_campaign
from registry.draft import prepare
from registry.identity import check_digit
from registry.problems import InputRejected
from registry.references import References
from registry.roster import read_roster
from registry.store import Registry
from rehearsal.county import HEADER, make_county

HEAD = 'id = "x"\nversion = 1\n[[criteria]]\nhelp = "STUDY"\n'

# mark out of 700 (or ""), days of absence, informed: what the default rule says of each is plain to see
ROWS = {
    "9900010001": [
        ("九年级1班", 419.5, 0, "是"),  # below 3/5: STUDY
        ("九年级1班", 420, 0, "是"),  # exactly 3/5: no need
        ("九年级1班", 650, 3, "否"),  # ATTENDANCE and INFORMATION
        ("九年级2班", "", 9, "是"),  # the mark is unknown: a person decides, whatever the absence says
    ],
    "9900010002": [("九年级1班", 650, 2, "是"), ("九年级1班", 650, 0, "")],
}


@pytest.fixture
def run(monkeypatch, capsys):
    """The command line."""
    return command_line(monkeypatch, capsys, Entry("rule", "cli.rule:app", "识别规则", "the identification rule"))


@pytest.fixture
def county(tmp_path):
    """Two schools whose six pupils are known to the last fact."""
    directory = tmp_path / "county"
    make_county(directory, 2, 10)
    for school, rows in ROWS.items():
        workbook = xlsxwriter.Workbook(str(directory / "rosters" / f"{school}.xlsx"))
        sheet = workbook.add_worksheet("Sheet1")
        sheet.write_row(0, 0, HEADER)
        for number, (class_name, mark, absence, informed) in enumerate(rows, start=1):
            body = f"99000120100305{int(school[-1])}{number}1"
            row = (
                "示云山",
                class_name,
                body + check_digit(body),
                "男",
                "20100305",
                "示大川",
                "",
                mark,
                absence,
                informed,
            )
            sheet.write_row(number, 0, row)
        workbook.close()
    return directory


def written(tmp_path, **changes):
    """Write a rule's file: the default's model with another share for STUDY, and more."""
    model = json.loads(json.dumps(DEFAULT_RULE.model_dump(mode="json", exclude_none=True)))
    model["version"] = 2
    model["criteria"][0].update(changes)
    path = tmp_path / "rule.json"
    path.write_text(json.dumps(model))
    return path


def counts(codes):
    """Return codes as they are counted."""
    return dict(zip(("HELP", "NO_NEED", "DATA_UNKNOWN"), codes, strict=True))


def test_the_rule_is_shown_in_readable_lines(run, county):
    """B6: each line says which help comes when; version and digest say which rule it is."""
    told = run("rule", "show", county, "--json").json
    assert told["campaign"] == "campaign/qingshan/2025"
    assert [criterion["expression"] for criterion in told["rule"]["criteria"]] == [
        "STUDY when midterm_share < 3/5",
        "ATTENDANCE when unexplained_absence_days >= 3",
        "INFORMATION when informed is false",
    ]
    assert told["rule"]["digest"] == rule_digest(DEFAULT_RULE)
    assert (told["rule"]["id"], told["rule"]["version"]) == ("help-needs", 1)
    read = run("rule", "show").out
    assert "STUDY when midterm_share < 3/5" in read
    assert rule_digest(DEFAULT_RULE) in read.replace("\n", "")


def test_what_is_shown_can_be_used_as_a_file(run, tmp_path):
    """`rule.model` is the same rule again, digest for digest, as JSON and as TOML."""
    told = run("rule", "show", "--json").json["rule"]
    (tmp_path / "rule.json").write_text(json.dumps(told["model"]))
    lines = [f'id = "{told["model"]["id"]}"', "version = 1"]
    for criterion in told["model"]["criteria"]:
        lines += ["[[criteria]]", *(f"{key} = {json.dumps(value)}" for key, value in criterion.items())]
    (tmp_path / "rule.toml").write_text("\n".join(lines))
    assert tomllib.loads((tmp_path / "rule.toml").read_text())["criteria"]
    for name in ("rule.json", "rule.toml"):
        assert run("rule", "show", "--rule", tmp_path / name, "--json").json["rule"] == told


def test_a_preview_counts_by_school_and_class(run, county):
    """Exactly at the threshold is enough; what is unknown fails closed; a pupil may be offered two kinds of help."""
    told = run("rule", "preview", county, "--json").json
    assert told["county"] == {
        "pupils": 6,
        "codes": counts((2, 2, 2)),
        "help": {"STUDY": 1, "ATTENDANCE": 1, "INFORMATION": 1},
    }
    first, second = told["schools"]
    assert (first["school"], first["codes"], first["rejected"]) == ("9900010001", counts((2, 1, 1)), 0)
    assert [(part["class"], part["codes"]) for part in first["classes"]] == [
        ("2022-01", counts((2, 1, 0))),
        ("2022-02", counts((0, 0, 1))),
    ]
    assert second["codes"] == counts((0, 1, 1))
    assert told["difference"] is told["default_rule"] is None


def test_another_rule_is_compared_with_the_default(run, county, tmp_path):
    """A lower share lets one pupil go, and that is all: totals by code, school and class."""
    rule = written(tmp_path, below="1/2")
    told = run("rule", "preview", county, "--rule", rule, "--json").json
    move = {"was": "HELP", "now": "NO_NEED", "count": 1}
    assert told["difference"]["changed"] == 1
    assert told["difference"]["moves"] == [move]
    first, second = told["difference"]["schools"]
    assert first["moves"] == [move]
    assert [(part["class"], part["changed"]) for part in first["classes"]] == [("2022-01", 1), ("2022-02", 0)]
    assert (second["changed"], second["moves"]) == (0, [])
    assert told["rule"]["version"] == 2
    assert told["default_rule"]["version"] == 1
    same = tmp_path / "same.json"
    same.write_text(json.dumps(DEFAULT_RULE.model_dump(mode="json", exclude_none=True)))
    assert run("rule", "preview", county, "--rule", same, "--json").json["difference"]["changed"] == 0
    assert "HELP → NO_NEED: 1" in run("rule", "preview", county, "--rule", rule).out


def test_another_kind_of_help_is_a_change_too(run, county, tmp_path):
    """A pupil who keeps HELP but is offered something else has changed."""
    model = DEFAULT_RULE.model_dump(mode="json", exclude_none=True)
    del model["criteria"][2]
    path = tmp_path / "rule.json"
    path.write_text(json.dumps(model))
    told = run("rule", "preview", county, "--rule", path, "--json").json
    assert {"was": "HELP", "now": "HELP", "count": 1} in told["difference"]["moves"]
    assert {"was": "DATA_UNKNOWN", "now": "NO_NEED", "count": 1} in told["difference"]["moves"]


def test_no_child_is_named_and_nothing_is_written(run, county, tmp_path, monkeypatch):
    """Totals only, in both forms; no file anywhere near is made or changed, no data directory comes to be."""
    monkeypatch.chdir(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    for form in ([], ["--json"]):
        told = run("rule", "preview", county, *form)
        assert told.code == 0
        for secret in ("示云山", "示大川", "20100305", "419", "stu_"):
            assert secret not in told.out + told.err
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize("attribute", FORBIDDEN)
def test_a_forbidden_attribute_is_rejected(run, county, tmp_path, attribute):
    """Exit 5 with its code: nobody may even try out what must not decide about a child."""
    told = run("rule", "preview", county, "--rule", written(tmp_path, attribute=attribute), "--json")
    assert (told.code, told.json["refused"]["code"]) == (5, "RULE_ATTRIBUTE_FORBIDDEN")


@pytest.mark.parametrize(
    ("text", "code", "name"),
    [
        ("a = ", 3, "RULE_FILE_INVALID"),
        ("{", 3, "RULE_FILE_INVALID"),
        ("\udcff", 3, "RULE_FILE_INVALID"),
        ('{"a":' * 100_000, 3, "RULE_FILE_INVALID"),
        ("", 5, "RULE_INVALID"),
        (HEAD + 'attribute = "midterm_share"\nbelow = 0.6', 5, "RULE_INVALID"),
        (HEAD + 'attribute = "luck"\nbelow = "1/2"', 5, "RULE_ATTRIBUTE_UNKNOWN"),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused(run, tmp_path, text, code, name):
    """What is no file of this kind is input (3); what is no rule is refused by the rules (5)."""
    path = tmp_path / "rule.toml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    told = run("rule", "show", "--rule", path, "--json")
    found = told.json.get("error") or told.json["refused"]
    assert (told.code, found["code"]) == (code, name)


def test_missing_files_are_input(run, county, tmp_path):
    """A rule or a directory that is not there: exit 3 with its code."""
    for arguments, name in (
        (("rule", "show", "--rule", tmp_path / "none.toml"), "RULE_FILE_MISSING"),
        (("rule", "preview", tmp_path / "nowhere"), "CAMPAIGN_FILE_MISSING"),
    ):
        told = run(*arguments, "--json")
        assert (told.code, told.json["error"]["code"]) == (3, name)
    with pytest.raises(InputRejected):
        read_rule(county)


def test_rejected_rows_are_counted_not_judged(run, county):
    """A row that the roster check refuses is no pupil yet: it is counted beside the totals."""
    place = county / "rosters" / "9900010002.xlsx"
    place.unlink()
    place.write_text("姓名,班级,身份证号\n示云山,九年级1班,123\n", encoding="utf-8")
    school = run("rule", "preview", county, "--json").json["schools"][1]
    assert (school["rejected"], school["pupils"], school["classes"]) == (1, 0, [])


async def test_a_preview_is_what_the_campaign_would_propose(run, tmp_path):
    """The same files, taken into a registry as a launch does: the same number of each proposal in each school."""
    make_county(tmp_path / "county", 2, 90)
    told = run("rule", "preview", tmp_path / "county", "--json").json
    registry = await Registry.open(f"sqlite+aiosqlite:///{tmp_path / 'registry.db'}", b"p" * 32)
    try:
        draft = await prepare(registry, tmp_path / "county", References.seeded(1))
        snapshots = [entry["snapshot"] for entry in draft.content["schools"]]
        pupils = [await registry.facts(snapshot) for snapshot in snapshots]
    finally:
        await registry.close()
    rule = load_rule(draft.content["rule"])
    expected = [Counter(evaluate(rule, facts_of(pupil)).code for pupil in school) for school in pupils]
    assert [+Counter(school["codes"]) for school in told["schools"]] == expected


def test_the_counts_are_those_of_the_rosters(run, tmp_path):
    """On a whole sample county: every accepted row is counted once, in its school and in its class."""
    make_county(tmp_path / "county", 2, 90)
    told = run("rule", "preview", tmp_path / "county", "--json").json
    file = load_campaign(tmp_path / "county")
    for school, entry in zip(told["schools"], file.schools, strict=True):
        roster = read_roster(tmp_path / "county" / entry.roster, file.year, full_mark=file.full_mark)
        assert school["pupils"] == len(roster.accepted) == sum(school["codes"].values())
        assert sum(part["pupils"] for part in school["classes"]) == school["pupils"]
    assert told["county"]["codes"]["DATA_UNKNOWN"] > 0
    assert expression(DEFAULT_RULE.criteria[0]) in run("rule", "preview", tmp_path / "county").out
