"""What a person is told before a launch, and where a demo's directory is refused."""

from __future__ import annotations

import io
from datetime import date

import pytest
from cli_runner import at_once, county, staff
from rich.console import Console

from cli.cautions import attendance_cautions, cautions
from cli.demo import _NOT_SENT, _mails, _table
from cli.year import not_accepted
from domain.silences import Silence

TODAY = date(2026, 3, 2)
STAGES = {"identification": {"opens": "2026-03-01"}, "parent-meetings": {"opens": "2026-03-09"}}


@pytest.mark.parametrize(
    ("attendance", "told"),
    [
        ({"first": "2026-03-01", "last": "2026-06-30"}, ["2026-03-01"]),
        ({"first": "2026-03-02", "last": "2026-06-30"}, []),
        (None, ["2026-03-01"]),
    ],
)
def test_a_first_report_day_that_has_passed_is_told(attendance, told):
    """Stated or from the first stage's opening: schools owe reports from their own start on only."""
    found = attendance_cautions({"attendance": attendance, "stages": STAGES}, TODAY)
    assert [(one["code"], one["first"]) for one in found] == [("ATTENDANCE_BEGUN", first) for first in told]
    assert all(one["first"] in one["message"] for one in found)


def test_a_missing_answer_line_is_said_in_a_sentence():
    """The code alone would not say what to write."""
    (found,) = cautions([{"code": "ANSWER_LINE_MISSING", "complaint_line": "0871-12345"}])
    assert "answer_line" in found["message"]
    assert "0871-12345" in found["message"]


def test_a_launch_is_checked_for_both(tmp_path, warm):
    """`--dry-run` prints them; the sample county of 2025 lies in the past."""
    home = county(tmp_path / "county")
    run = warm("launch", home, "--by", staff(home, "bureau_officer"), "--dry-run", "--json")
    assert {"ANSWER_LINE_MISSING", "ATTENDANCE_BEGUN"} <= {one["code"] for one in run.json["warnings"]}


def test_up_is_refused_in_a_demos_directory(tmp_path, warm):
    """Its streams wait for a clock that nobody sets any more: refused at once, and no engine is started."""
    (tmp_path / ".demo").write_text("{}")
    run = warm("up", "--data", tmp_path, "--json")
    assert (run.code, run.json["error"]["code"], run.json["error"]["place"]) == (2, "DATA_IS_A_DEMO", str(tmp_path))
    assert "audit" in run.json["error"]["remedy"]
    assert [entry.name for entry in tmp_path.iterdir()] == [".demo"]


NOTICES = [
    *({"state": "accepted", "code": None} for _ in range(5)),
    {"state": "failed_permanent", "code": "NO_ADDRESS"},
    {"state": "denied", "code": "GOES_ELSEWHERE"},
    {"state": "denied", "code": "GOES_ELSEWHERE"},
    {"state": "planned", "code": None},
]


def test_the_mails_of_a_year_and_what_became_of_the_others_sum_to_all():
    """What was not sent is named by its reason, or by its state where it has none."""
    left = not_accepted(NOTICES)
    assert left == {"GOES_ELSEWHERE": 2, "NO_ADDRESS": 1, "planned": 1}
    line = _mails({"notices": len(NOTICES), "notices_not_accepted": left})
    first, *others = line.split(", ")
    assert first == "5 / 9"
    assert sum(int(other.rsplit(" ", 1)[1]) for other in others) == 4
    assert all(silence in _NOT_SENT for silence in Silence)


def test_no_line_of_a_table_ends_in_an_ellipsis():
    """Chinese characters are two columns wide: the comma at a full line's end keeps its place."""
    words = ", ".join("词" * length for length in (9, 8, 7, 6, 5, 4, 3, 2, 1) * 3)
    for width in range(24, 60):
        console = Console(width=width, file=io.StringIO(), record=True)
        console.print(_table([("名", words)]))
        told = console.export_text()
        assert "…" not in told
        assert told.count(",") == words.count(",")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_missing_argument_is_named_as_the_help_names_it(language):
    """A positional one in capitals, an option with its hyphens; a Chinese sentence has no English in it."""
    positional, option = at_once(
        ("stage", "complete", "c", "s", "--json", "--lang", language), ("stop", "c", "--json", "--lang", language)
    )
    for run, name in ((positional, "STAGE"), (option, "--by")):
        error = run.json["error"]
        assert error["code"] == "ARGUMENT_MISSING"
        assert name in error["message"]
        assert "parameter" not in error["message"]
    assert "--stage" not in positional.json["error"]["message"]
    if language == "zh":
        assert positional.json["error"]["message"] == "缺少参数或选项的值。缺少：STAGE。"


def test_the_parsers_english_stands_in_no_chinese_sentence():
    """Other wrong usage: the choices and the option are named, the value is not repeated."""
    choice, number, option, many = at_once(
        ("settle", "fund", "c", "valuex", "3", "--by", "a", "--json", "--lang", "zh"),
        ("demo", "--seed", "valuex", "--json", "--lang", "zh"),
        ("sample", "x", "--nonsense", "--json", "--lang", "zh"),
        ("status", "a", "valuex", "--json", "--lang", "zh"),
    )
    messages = [run.json["error"]["message"] for run in (choice, number, option, many)]
    assert "fiscal、performance_pool" in messages[0]
    assert "--seed" in messages[1]
    assert "--nonsense" in messages[2]
    for message in messages:
        assert "valuex" not in message
        assert not any(word in message for word in ("Invalid", "Unused", "Unknown", "Command"))
