"""`audit prove --notice` and `audit prove-check`: what became of one notice, shown to somebody without a ledger."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from cli_in_process import command_line

sys.path.append(str(Path(__file__).parents[1] / "audit"))  # for the record
from audit_notice_record import DAYS, LATE, OLD, OTHER, RUNNING, TWICE, WAITING, name_of, write_record
from audit_small_log import CAMPAIGN
from bundle_maker import KEY, THIEF

from domain.notices import EMAIL
from ledger.store import Ledger


@pytest.fixture(scope="module")
async def county(tmp_path_factory):
    """A data directory with a campaign whose notices were sent, settled and signed."""
    folder = tmp_path_factory.mktemp("notices")
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{folder / 'ledger.db'}")
    await write_record(ledger)
    await ledger.close()
    return folder


@pytest.fixture
def line(monkeypatch, capsys):
    """Run a command."""
    return command_line(monkeypatch, capsys)


@pytest.fixture
def prove(line, county):
    """Ask for the proof of a notice."""
    return lambda notice, *more, data=county: line(
        "audit", "prove", CAMPAIGN, "--notice", notice, *more, "--data", data, "--json"
    )


def test_one_notice_is_proven_to_somebody_without_a_ledger(line, prove, tmp_path):
    """`prove` writes the file, `prove-check` needs the public key alone, and says what is proven and what is not."""
    file = tmp_path / "notice.proof"
    told = prove(TWICE, "--out", file)
    assert (told.code, told.json["file"], told.json["proof"]) == (0, str(file), file.read_text())
    assert [(one["day"], one["channel"], one["rows"]) for one in told.json["days"]] == [
        (DAYS[0].isoformat(), EMAIL, 4),
        (DAYS[1].isoformat(), EMAIL, 2),
    ]
    assert told.json["left_out"] == []

    checked = line("audit", "prove-check", file, "--key", str(KEY.public), "--json")
    assert (checked.code, checked.json["verified"], checked.json["notice"]) == (0, True, TWICE)
    assert [one["event"] for one in checked.json["days"]] == [one["event"] for one in told.json["days"]]
    states = [[row["state"] for row in one["rows"]] for one in checked.json["days"]]
    assert states == [["submitted", "failed_temporary"] * 2, ["submitted", "accepted"]]
    assert (checked.json["events"], checked.json["key"]) == (told.json["events"], str(KEY.public))
    shown = line("audit", "prove-check", file, "--key", str(KEY.public)).out
    assert f"核验通过：通知 {TWICE}" in shown
    assert shown.count("2026-12-09T09:01:00.000+08:00") == 1
    assert shown.index("2026-12-08T12:00") < shown.index("2026-12-08T12:01") < shown.index("2026-12-09T09:00")
    assert "不说明该通知没有别的状态" in shown
    assert "演练" not in shown


def test_a_proof_that_was_changed_is_refused_with_its_place(line, prove, tmp_path):
    """The line is named; a file that is cut off is 3, everything else 7."""
    file = tmp_path / "notice.proof"
    text = prove(OTHER).json["proof"]
    number = next(at for at, one in enumerate(text.split("\n"), 1) if '"accepted"' in one and one.startswith("row"))

    def check(changed, key=KEY):
        file.write_text(changed)
        error = line("audit", "prove-check", file, "--key", str(key.public), "--json")
        return error.code, error.json["error"]["code"], error.json["error"]["place"]

    head, _, row = text.rpartition('"accepted"')
    assert check(f'{head}"read"{row}') == (7, "PROOF_BROKEN", f"{file}: {number}")
    assert check(text.replace(f"notice {OTHER}", f"notice {TWICE}")) == (7, "PROOF_ROW", f"{file}: 13")
    assert check(text.replace("\nrow ", "\n")) == (3, "PROOF_MALFORMED", f"{file}: 13")
    assert check(text, THIEF)[:2] == (7, "SIGNER_UNKNOWN")


@pytest.mark.parametrize(
    ("notice", "code"),
    [
        (OLD, "NOTICE_DAY_FLAT"),
        (LATE, "NOTICE_NOT_SIGNED_YET"),
        (RUNNING, "NOTICE_NOT_SETTLED_YET"),
        (WAITING, "NOTICE_NOT_IN_JOURNAL"),
        (name_of(999), "NOTICE_UNKNOWN"),
    ],
)
def test_what_cannot_be_proven_is_said_with_what_to_do(prove, notice, code):
    """One of an old day, of a day after the head, of a day that goes on, one that waits, none at all."""
    told = prove(notice)
    assert (told.code, told.json["error"]["code"]) == (4, code)
    assert told.json["error"]["place"].startswith(notice)
    assert told.json["error"]["remedy"]


def test_a_day_that_cannot_be_proven_is_left_out_by_name(prove, county, tmp_path):
    """The others are proven; the answer and a line on stderr say what is not."""
    data = shutil.copytree(county, tmp_path / "data")
    with closing(sqlite3.connect(data / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE journal SET notice_id = ? WHERE notice_id = ?", (OTHER, RUNNING))
    told = prove(OTHER, data=data)
    left = {"channel": EMAIL, "day": "2026-12-11", "rows": 2, "code": "NOTICE_NOT_SETTLED_YET"}
    assert (told.code, told.json["left_out"], len(told.json["days"])) == (0, [left], 1)
    assert "2026-12-11 email: 这一天的流水尚未入账" in told.err


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE journal SET state = 'read' WHERE state = 'accepted'",
        "DELETE FROM journal WHERE state = 'accepted'",
        "UPDATE journal SET number = 'one'",
        f"UPDATE journal SET at = substr(at, 1, 10) WHERE notice_id = '{TWICE}'",
    ],
)
def test_a_journal_that_was_changed_proves_nothing(prove, county, tmp_path, change):
    """Somebody else's rows too: the day is not what the record says."""
    data = shutil.copytree(county, tmp_path / "data")
    with closing(sqlite3.connect(data / "ledger.db")) as ledger, ledger:
        ledger.execute(change)
    told = prove(TWICE, data=data)
    assert (told.code, told.json["error"]["code"]) == (7, "JOURNAL_DIFFERS")


def test_an_event_or_a_notice_is_asked_for_and_not_both(line, prove, county):
    """Wrong usage: neither of them, or both."""
    assert line("audit", "prove", CAMPAIGN, "--data", county, "--json").json["error"]["code"] == "EVENT_OR_NOTICE"
    told = prove(OTHER, f"{CAMPAIGN}#2")
    assert (told.code, told.json["error"]["code"]) == (2, "EVENT_OR_NOTICE")
