import asyncio
import json

import pytest
import xlsxwriter
from cli_runner import CAMPAIGN, cli

from audit import counts
from cli.options import Face
from cli.rooms import Rooms
from cli.settle import settle_command
from domain.policy import PROFILES, load_parameters
from domain.settlement import ClassCount
from ledger.store import Ledger

FOUR_TIERS = [(10, 10), (10, 8), (10, 6), (10, 5)]


def rows(*tallies, school="A", **more):
    """Return classes of a school as the file writes them."""
    return [
        {"school": school, "class": str(number), "quota": quota, "countable": countable, **more}
        for number, (quota, countable) in enumerate(tallies, 1)
    ]


@pytest.fixture
def settled(tmp_path, warm):
    """Settle the content of a JSON file and return the run."""

    def run(content, *options):
        file = tmp_path / "county.json"
        file.write_text(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False))
        return warm("settle", "--from", file, "--json", *options)

    return run


def test_the_contracts_keys_and_order(settled):
    """`settle --from`: the keys of the contract in its order, classes as given, schools by their first class."""
    run = settled({"classes": [*rows((42, 25), school="B"), *rows((0, 2), (15, 12))]}, "--profile", "legacy")
    assert run.code == 0
    told = run.json
    assert list(told) == ["classes", "schools", "county", "profile", "parameter_hash", "stamp", "notes"]
    assert told["classes"] == [
        {
            "school": "B",
            "class": "1",
            "quota": 42,
            "countable": 25,
            "completion": "25/42",
            "reward_yuan": -850,
            "points": -17,
        },
        {"school": "A", "class": "1", "quota": 0, "countable": 2, "completion": None, "reward_yuan": 0, "points": 0},
        {
            "school": "A",
            "class": "2",
            "quota": 15,
            "countable": 12,
            "completion": "12/15",
            "reward_yuan": 2400,
            "points": -3,
        },
    ]
    assert told["schools"] == [
        {"school": "B", "quota": 42, "countable": 25, "completion": "25/42", "veto_proposed": False},
        {"school": "A", "quota": 15, "countable": 14, "completion": "14/15", "veto_proposed": False},
    ]
    assert told["county"] == {
        "quota": 57,
        "countable": 39,
        "completion": "39/57",
        "reward_yuan": 1550,
        "payable_yuan": 0,
    }
    assert told["profile"] == "legacy"
    assert told["parameter_hash"] == PROFILES["legacy"].parameter_hash
    assert told["stamp"] == "试算·不得发放"
    assert [(note["code"], note["school"], note["class"]) for note in told["notes"]] == [("NO_TASK", "A", "1")]


def test_the_default_profile_is_compliant(settled):
    """Nothing paid, no points; half a quota missing without service data proposes nothing and says so."""
    told = settled({"classes": rows((18, 0))}).json
    assert (told["profile"], told["county"]["reward_yuan"], told["classes"][0]["points"]) == ("compliant", 0, 0)
    assert told["parameter_hash"] == PROFILES["compliant"].parameter_hash
    assert told["schools"][0]["veto_proposed"] is False
    assert [note["code"] for note in told["notes"]] == ["COVERAGE_UNKNOWN"]
    assert "`informed`" in told["notes"][0]["message"]


@pytest.mark.parametrize(
    ("profile", "reward", "points", "veto", "code"),
    [("legacy", -900, -18, True, "VETO_PROPOSED"), ("compliant", 0, 0, False, "NO_FAULT")],
)
def test_s14_families_say_no(settled, profile, reward, points, veto, code):
    """The service of each class may stand in the file; in `compliant` nobody is at fault for a free refusal."""
    served = rows((18, 0), pupils=18, informed=18, guided=18, free_refusals=18)
    told = settled({"classes": served}, "--profile", profile).json
    assert (told["classes"][0]["reward_yuan"], told["classes"][0]["points"]) == (reward, points)
    assert told["schools"][0]["veto_proposed"] is veto
    [note] = told["notes"]
    assert (note["code"], note["service_coverage"], note["free_refusals"]) == (code, "18/18", 18)


def test_parameters_of_the_file_stand_over_the_profiles(settled):
    """The file's readings change the figures and the hash; the table's short names are taken."""
    readings = {"shortfall_base": "lowest_tier", "cap_at_quota": True, "complaint_ack": 2}
    told = settled({"classes": rows((42, 25), (12, 14)), "parameters": readings}, "--profile", "legacy").json
    assert [row["reward_yuan"] for row in told["classes"]] == [-50, 3600]
    assert told["parameter_hash"] == load_parameters(readings, PROFILES["legacy"].parameters).parameter_hash
    assert told["parameter_hash"] != PROFILES["legacy"].parameter_hash


def _csv(path, table):
    path.write_text("\n".join(",".join(map(str, row)) for row in table), encoding="gb18030")


def _xlsx(path, table):
    workbook = xlsxwriter.Workbook(str(path))
    sheet = workbook.add_worksheet()
    for number, row in enumerate(table):
        sheet.write_row(number, 0, row)
    workbook.close()


@pytest.mark.parametrize(("write", "name"), [(_csv, "county.csv"), (_xlsx, "county.xlsx")])
@pytest.mark.parametrize("titles", [("school", "class", "quota", "countable"), ("学校", "班级", "指标", "完成数")])
def test_a_sheet_of_four_columns_is_the_same_as_json(tmp_path, warm, settled, write, name, titles):
    """CSV and XLSX, with the contract's titles or Chinese ones; a spreadsheet's 10.0 is 10."""
    write(tmp_path / name, [titles, *(("A", number, *tally) for number, tally in enumerate(FOUR_TIERS, 1))])
    run = warm("settle", "--from", tmp_path / name, "--profile", "legacy", "--json")
    assert run.code == 0
    assert run.json == settled({"classes": rows(*FOUR_TIERS)}, "--profile", "legacy").json
    assert run.json["county"]["reward_yuan"] == 4950


def test_a_sheet_may_tell_the_service(tmp_path, warm):
    """An empty cell is not known, which is not 0."""
    titles = ("school", "class", "quota", "countable", "pupils", "informed", "guided", "free_refusals")
    _xlsx(tmp_path / "a.xlsx", [titles, ("A", "1", 18, 0, 18, 18, 18, 18), ("B", "1", 18, 0, 18, 17, "", 0)])
    told = warm("settle", "--from", tmp_path / "a.xlsx", "--json").json
    assert [note["code"] for note in told["notes"]] == ["NO_FAULT", "COVERAGE_UNKNOWN"]


def test_a_count_that_may_be_left_out_may_be_null(settled):
    """A program writes null where it does not know."""
    served = rows((18, 0), pupils=18, informed=18, guided=None, free_refusals=None)
    told = settled({"classes": served}).json
    assert [note["code"] for note in told["notes"]] == ["COVERAGE_UNKNOWN"]


# -- what is refused ---------------------------------------------------------------------------------------------


def _with(**changed):
    second = {"school": "A", "class": "2", "quota": 5, "countable": 3, **changed}
    return {"classes": [*rows((5, 5)), {key: value for key, value in second.items() if value is not ...}]}


@pytest.mark.parametrize("value", [-1, 1.0, 2.5, True, "5", [], {}, 10**9 + 1, 10**30])
@pytest.mark.parametrize("key", ["quota", "countable", "pupils"])
def test_a_count_is_a_whole_number_of_moderate_size(settled, key, value):
    """Negative, decimal, truth value, text and the absurd are input (3), with their place and never a value."""
    run = settled(_with(**{key: value}))
    assert run.code == 3
    error = run.json["error"]
    assert (error["code"], error["place"]) == ("SETTLEMENT_FILE_INVALID", f"county.json: classes[1].{key}")
    assert "1,000,000,000" in error["remedy"]


@pytest.mark.parametrize(
    ("content", "code", "place"),
    [
        (_with(quota=None), "SETTLEMENT_FILE_INVALID", "classes[1].quota"),
        (_with(quota=...), "SETTLEMENT_FILE_INVALID", "classes[1].quota"),
        (_with(school=...), "SETTLEMENT_FILE_INVALID", "classes[1].school"),
        (_with(school=7), "SETTLEMENT_FILE_INVALID", "classes[1].school"),
        (_with(school=" "), "SETTLEMENT_FILE_INVALID", "classes[1].school"),
        (_with(**{"class": "a\nb"}), "SETTLEMENT_FILE_INVALID", "classes[1].class"),
        (_with(**{"class": "1"}), "SETTLEMENT_CLASS_DUPLICATE", "classes[1].class"),
        (_with(**{"class": "1 "}), "SETTLEMENT_CLASS_DUPLICATE", "classes[1].class"),
        (_with(qouta=5), "SETTLEMENT_FILE_INVALID", "classes[1].qouta"),
        (_with(示云山=5), "SETTLEMENT_FILE_INVALID", "classes[1]"),
        (_with(pupils=4, informed=5), "SETTLEMENT_FILE_INVALID", "classes[1].informed"),
        ({"classes": [*rows((5, 5)), "A"]}, "SETTLEMENT_FILE_INVALID", "classes[1]"),
        ({"classes": []}, "SETTLEMENT_FILE_INVALID", "classes"),
        ({"classes": {}}, "SETTLEMENT_FILE_INVALID", "classes"),
        ({}, "SETTLEMENT_FILE_INVALID", "classes"),
        ({**_with(), "parameter": {}}, "SETTLEMENT_FILE_INVALID", "parameter"),
        ({**_with(), "parameters": []}, "SETTLEMENT_FILE_INVALID", "parameters"),
        ({**_with(), "parameters": None}, "SETTLEMENT_FILE_INVALID", "parameters"),
        ({**_with(), "parameters": {"penality": 50}}, "POLICY_PARAMETER_UNKNOWN", "parameters.penality"),
        ({**_with(), "parameters": {"示云山": 50}}, "POLICY_PARAMETER_UNKNOWN", "parameters"),
        ({**_with(), "parameters": {"penalty": 1.5}}, "POLICY_PARAMETER_INVALID", "parameters.penalty"),
        ({**_with(), "parameters": {"penalty": 10**20}}, "POLICY_PARAMETER_INVALID", "parameters.penalty"),
        (
            {**_with(), "parameters": {"reward_tiers": [["1/1", 10**20]]}},
            "POLICY_PARAMETER_INVALID",
            "parameters.reward_tiers",
        ),
        ({**_with(), "parameters": {"veto_ratio": 0.5}}, "POLICY_PARAMETER_INVALID", "parameters.veto_ratio"),
        (
            {**_with(), "parameters": {"spring_mode": "EXPERIENCE_ONLY"}},
            "POLICY_PARAMETER_INVALID",
            "parameters",
        ),
    ],
)
def test_a_bad_file_names_the_place(settled, content, code, place):
    """Exit 3 with file and key; a key that could be anybody's name is not repeated."""
    run = settled(content)
    assert (run.code, run.json["error"]["code"], run.json["error"]["place"]) == (3, code, f"county.json: {place}")
    assert "示云山" not in run.out + run.err
    assert run.json["error"]["remedy"]


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "[" * 100_000, "\0", '{"classes": [' + "1" * 5000 + "]}"],
)
def test_what_is_no_settlement_file_says_so(settled, content):
    """Exit 3 for any bytes: nothing, half a JSON, a list, a nest without end, a number of 5000 digits."""
    run = settled(content)
    assert (run.code, run.json["error"]["code"]) == (3, "SETTLEMENT_FILE_INVALID")
    assert run.json["error"]["place"].startswith("county.json")


def test_a_key_twice_is_refused(settled):
    """Of two quotas for one class nobody can tell which is meant."""
    run = settled('{"classes": [{"school": "A", "class": "1", "quota": 5, "quota": 6, "countable": 5}]}')
    assert (run.code, run.json["error"]["code"]) == (3, "SETTLEMENT_FILE_INVALID")
    assert run.json["error"]["place"] == "county.json"


@pytest.mark.parametrize(
    ("table", "code", "place"),
    [
        ([("school", "class", "quota")], "SETTLEMENT_FILE_INVALID", ""),
        ([("school", "class", "quota"), ("A", "1", 5)], "SETTLEMENT_FILE_INVALID", ": row 1 column countable"),
        (
            [("school", "class", "quota", "countable", "姓名"), ("A", "1", 5, 5, "")],
            "SETTLEMENT_FILE_INVALID",
            ": row 1 column 5",
        ),
        (
            [("school", "class", "quota", "countable"), (), ("A", "1", 5, 2.5)],
            "SETTLEMENT_FILE_INVALID",
            ": row 3 column countable",
        ),
        (
            [("school", "class", "quota", "countable"), ("A", "1", "", 5)],
            "SETTLEMENT_FILE_INVALID",
            ": row 2 column quota",
        ),
        (
            [("school", "class", "quota", "countable"), ("A", 1, 5, 5), ("A", "1", 5, 5)],
            "SETTLEMENT_CLASS_DUPLICATE",
            ": row 3 column class",
        ),
    ],
)
def test_a_bad_sheet_names_row_and_column(tmp_path, warm, table, code, place):
    """With the spreadsheet's own numbers."""
    _xlsx(tmp_path / "county.xlsx", table)
    run = warm("settle", "--from", tmp_path / "county.xlsx", "--json")
    assert (run.code, run.json["error"]["code"], run.json["error"]["place"]) == (3, code, f"county.xlsx{place}")


def test_a_file_that_is_not_there(tmp_path, warm):
    """Exit 3, also for a directory."""
    for place in (tmp_path / "none.json", tmp_path):
        run = warm("settle", "--from", place, "--json")
        assert (run.code, run.json["error"]["code"]) == (3, "SETTLEMENT_FILE_MISSING")


def test_one_source_and_a_known_profile(tmp_path, warm):
    """Neither, both, or an unknown profile is wrong usage (2)."""
    for arguments in ((), (CAMPAIGN, "--from", tmp_path / "a.json"), ("--from", tmp_path, "--profile", "other")):
        assert warm("settle", *arguments, "--json").code == 2


# -- for a person ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("zh", ("试算·不得发放", "25/42 (59.52 %)", "建议", "无指标", "可发放 0 元", "[NO_TASK]", "[VETO_PROPOSED]")),
        ("en", ("试算·不得发放 (trial computation, not to be paid)", "25/42 (59.52 %)", "proposed", "payable 0 yuan")),
    ],
)
def test_a_person_reads_the_stamp_and_the_exact_shares(tmp_path, lang, said):
    """The stamp stands above and below the figures, and each share is the exact fraction."""
    file = tmp_path / "county.json"
    file.write_text(json.dumps({"classes": [*rows((42, 25), (0, 1)), *rows((18, 0), school="B")]}))
    run = cli("settle", "--from", file, "--profile", "legacy", "--lang", lang)
    assert run.code == 0
    for part in said:
        assert part in run.out
    assert run.out.count("试算·不得发放") == 2


# -- from the record ---------------------------------------------------------------------------------------------


def test_a_campaign_that_nobody_knows(tmp_path, warm):
    """Exit 4: without a ledger, and with one that does not hold it."""
    run = warm("settle", CAMPAIGN, "--data", tmp_path / "var", "--json")
    assert (run.code, run.json["error"]["code"]) == (4, "CAMPAIGN_UNKNOWN")
    (tmp_path / "var").mkdir()
    asyncio.run(_empty_ledger(tmp_path / "var"))
    run = warm("settle", CAMPAIGN, "--data", tmp_path / "var", "--json")
    assert (run.code, run.json["error"]["code"]) == (4, "CAMPAIGN_UNKNOWN")


async def test_a_campaigns_counts_come_from_the_ledger_alone(tmp_path, monkeypatch, capsys):
    """Without an engine: what the record holds is settled as a file with the same counts would be."""
    asked = []

    async def class_counts(ledger, campaign):
        asked.append((type(ledger), campaign))
        return [ClassCount(school="A", class_id="2022-01", quota=18, countable=0, pupils=40, informed=40, guided=39)]

    async def board(self, campaign):
        return {campaign: {}}

    monkeypatch.setattr(counts, "class_counts", class_counts)
    monkeypatch.setattr(Rooms, "board", board)
    await _empty_ledger(tmp_path)
    assert await settle_command(CAMPAIGN, by="stf_auditor", face=Face(json=True, data=tmp_path)) == 0
    told = json.loads(capsys.readouterr().out)
    assert asked == [(Ledger, CAMPAIGN)]
    assert told["schools"] == [
        {"school": "A", "quota": 18, "countable": 0, "completion": "0/18", "veto_proposed": True}
    ]
    assert told["notes"][0]["service_coverage"] == "39/40"


async def _empty_ledger(data):
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{data / 'ledger.db'}")
    await ledger.close()
