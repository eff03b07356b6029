import asyncio
import json

import pytest
import xlsxwriter
from cli_runner import CAMPAIGN, cli

from domain.policy import PROFILES, load_parameters
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
    contract = ["classes", "schools", "county", "profile", "parameter_hash", "stamp", "notes"]
    assert list(told) == [*contract, "points_by_role", "cliffs", "rules"]
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
    run = warm("settle", CAMPAIGN, "--by", "stf_auditor", "--data", tmp_path / "var", "--json")
    assert (run.code, run.json["error"]["code"]) == (4, "CAMPAIGN_UNKNOWN")
    (tmp_path / "var").mkdir()
    asyncio.run(_empty_ledger(tmp_path / "var"))
    run = warm("settle", CAMPAIGN, "--by", "stf_auditor", "--data", tmp_path / "var", "--json")
    assert (run.code, run.json["error"]["code"]) == (4, "CAMPAIGN_UNKNOWN")


async def _empty_ledger(data):
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{data / 'ledger.db'}")
    await ledger.close()


# -- the further figures of a file ---------------------------------------------------------------------------------

S08_ROWS = [(46, 0), (46, 1), (46, 2), (46, 3), (50, 1), (51, 1), (60, 3), (60, 4), (40, 2), (40, 3)]


def test_s08_dropout_through_a_file(settled):
    """Awards and proposed vetoes of classes, then the grade 6 of each school; shares are exact fractions."""
    dropout = [
        {"school": "A", "class": str(number), "grade": 8, "size": size, "lost": lost}
        for number, (size, lost) in enumerate(S08_ROWS)
    ]
    sixth = [("P", 100, 10), ("Q", 100, 11), ("R", 37, 4)]
    dropout += [
        {"school": school, "class": "6", "grade": 6, "size": size, "lost": lost} for school, size, lost in sixth
    ]
    told = settled({"classes": rows((1, 1)), "dropout": dropout}).json["dropout"]
    assert [row["award"] for row in told[:10]] == [True] + [False] * 4 + [True] + [False] * 4
    assert [row["veto_proposed"] for row in told[:10]] == [False] * 3 + [True] + [False] * 3 + [True, False, True]
    assert [(row["class"], row["rate"], row["veto_proposed"]) for row in told[10:]] == [
        (None, "10/100", False),
        (None, "11/100", True),
        (None, "4/37", True),
    ]


def test_s20_averages_through_a_file(settled):
    """Sums typed in: both figures and their difference, the official one with all pupils."""
    sums = {"school": "A", "class": "1", "pupils": 50, "total": 21_000, "diverted": 6, "diverted_total": 1_500}
    [told] = settled({"classes": rows((1, 1)), "averages": [sums]}).json["averages"]
    assert (told["with_all"], told["without_diverted"]) == ("420/1", "4875/11")
    assert told["shown"] == {"with_all": "420.00", "without_diverted": "443.18", "difference": "23.18"}
    assert told["official"] == "with_all"


def test_s02_a_snapshot_through_a_file(settled):
    """Waves with their own quotas, applications beside the diverted, delivered rates with the county's."""
    content = {
        "classes": rows((22, 18)),
        "waves": [
            {"school": "A", "wave": "spring", "quota": 15, "delivered": 15},
            {"school": "A", "wave": "autumn", "quota": 7, "delivered": 3},
        ],
        "applications": [{"school": "A", "applications": 24, "diverted": 18}],
        "deliveries": [{"school": "A", "admitted": 20, "reported": 18}],
    }
    told = settled(content, "--profile", "legacy").json
    assert (told["county"]["reward_yuan"], told["classes"][0]["points"]) == (3600, -4)
    assert [wave["completion"] for wave in told["waves"]] == ["15/15", "3/7"]
    assert told["applications"] == [{"school": "A", "applications": 24, "diverted": 18, "together": None}]
    assert [row["delivered"] for row in told["deliveries"]] == ["18/20", "18/20"]


def test_s22_cliffs_through_a_file(settled):
    """The next line of a quota of ten, and what one more head is worth, from 5 to 10 heads."""
    told = settled({"classes": rows(*((10, heads) for heads in range(5, 11)))}, "--profile", "legacy").json["cliffs"]
    assert [cliff["marginal_yuan"] for cliff in told] == [850, 100, 900, 200, 1200, 300]
    assert [cliff["next_line"] and cliff["next_line"]["heads"] for cliff in told] == [6, 8, 8, 10, 10, None]
    assert {tuple(cliff["made_at"]) for cliff in told} == {(6, 8, 10)}


S04_ROWS = {
    (15, 12): 2400,
    (5, 3): 300,
    (7, 6): 1200,
    (7, 5): 500,
    (7, 4): -150,
    (13, 8): 800,
    (13, 7): -300,
    (42, 25): -850,
    (44, 35): 3500,
    (1, 0): -50,
    (1, 1): 300,
    (0, 0): 0,
    (0, 2): 0,
    (12, 14): 4200,
}


def test_s04_every_row_through_a_file(settled):
    """Exact shares; a rounded percentage is never compared. With the cap, and by the other base, as the table says."""
    told = settled({"classes": rows(*S04_ROWS)}, "--profile", "legacy").json["classes"]
    assert {(row["quota"], row["countable"]): row["reward_yuan"] for row in told} == S04_ROWS
    other = {"shortfall_base": "lowest_tier", "cap_at_quota": True}
    content = {"classes": rows((10, 5), (13, 7), (7, 4), (42, 25), (12, 14)), "parameters": other}
    told = settled(content, "--profile", "legacy").json["classes"]
    assert [row["reward_yuan"] for row in told] == [-50, -50, -50, -50, 3600]


def test_s05_the_veto_line_through_a_file(settled):
    """Exactly half is below the line only under the inclusive reading."""
    tallies = [(22, 10), (22, 11), (22, 12), (51, 25), (51, 26)]
    schools = [row for number, tally in enumerate(tallies) for row in rows(tally, school=f"S{number}")]
    told = settled({"classes": schools}, "--profile", "legacy").json["schools"]
    assert [row["veto_proposed"] for row in told] == [True, False, False, True, False]
    inclusive = {"classes": schools, "parameters": {"veto_boundary": "inclusive"}}
    told = settled(inclusive, "--profile", "legacy").json["schools"]
    assert [row["veto_proposed"] for row in told] == [True, True, False, True, False]


def test_both_profiles_of_a_file_side_by_side(settled):
    """S14: −900, −18 and a veto beside 0, 0 and none."""
    served = rows((18, 0), pupils=18, informed=18, guided=18, free_refusals=18)
    told = settled({"classes": served}, "--both").json["profiles"]
    assert [told[name]["county"]["reward_yuan"] for name in ("legacy", "compliant")] == [-900, 0]
    assert [told[name]["schools"][0]["veto_proposed"] for name in ("legacy", "compliant")] == [True, False]


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"dropout": {}}, "dropout"),
        ({"dropout": [{"school": "A", "class": "1", "grade": 8, "size": 40}]}, "dropout[0].lost"),
        ({"dropout": [{"school": "A", "class": "1", "grade": 8, "size": 4, "lost": 5}]}, "dropout[0]"),
        ({"dropout": [{"school": "A", "class": "1", "grade": 5, "size": 4, "lost": 0}]}, "dropout[0].grade"),
        ({"averages": [{"school": "A", "class": "1", "pupils": 5, "total": 1.5}]}, "averages[0].total"),
        ({"averages": ["示云山"]}, "averages[0]"),
        ({"waves": [{"school": "A", "wave": "summer", "quota": 1, "delivered": 0}]}, "waves[0].wave"),
        ({"waves": [{"school": "A", "wave": "spring", "quota": 1, "delivered": 0}] * 2}, "waves[1]"),
        ({"deliveries": [{"school": "A", "admitted": 1, "reported": 2}]}, "deliveries[0]"),
        ({"deliveries": [{"school": "A", "admited": 1}]}, "deliveries[0].admited"),
        ({"deliveries": [{"school": "A", "示云山": 1}]}, "deliveries[0]"),
        ({"applications": [{"school": "", "applications": 1, "diverted": 0}]}, "applications[0].school"),
    ],
)
def test_a_bad_further_figure_names_its_place(settled, more, place):
    """Exit 3, with the row and its key, never a value."""
    run = settled({"classes": rows((5, 5)), **more})
    assert (run.code, run.json["error"]["code"]) == (3, "SETTLEMENT_FILE_INVALID")
    assert run.json["error"]["place"] == f"county.json: {place}"
    assert "示云山" not in run.out + run.err
