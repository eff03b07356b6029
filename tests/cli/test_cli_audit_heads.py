"""`audit heads …`: heads listed, printed, kept outside and held against a ledger that was changed in the meantime."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from cli_in_process import command_line

sys.path.append(str(Path(__file__).parents[1] / "audit"))  # for `bundle_maker` and the log beside it
from audit_log_tools import sealed
from audit_small_log import CAMPAIGN, good
from bundle_maker import NOW, line_of, rehashed

from audit.checkpoint import Checkpoint, sign_checkpoint
from audit.heads import make_head
from audit.merkle import verify_consistency
from audit.signed_note import VerifierKey, from_base64
from audit.signing_keys import create_key, load_key
from cli.head_page import Page, plain, web
from cli.up import heads_to_sign
from ledger.heads import KeptHead
from ledger.store import Ledger

BOARD = {"status": "running", "clock": "engine", "paused": False, "paused_schools": [], "schools": {}}


@pytest.fixture(scope="module")
async def county(tmp_path_factory):
    """A data directory with the ledger of a small campaign, and a key beside it."""
    folder = tmp_path_factory.mktemp("data")
    create_key(folder / "audit.key", "diversion.local")
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{folder / 'ledger.db'}")
    for stream, events in sealed(good()).items():
        await ledger.append(events, [], BOARD if stream == CAMPAIGN else {})
    await ledger.close()
    return folder


@pytest.fixture
def data(county, tmp_path):
    """A copy of it."""
    shutil.copytree(county, tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def run(monkeypatch, capsys, data):
    """Run `audit …` over that directory."""
    line = command_line(monkeypatch, capsys)

    def audit(*arguments, readable=False):
        offline = arguments[0] == "keys" and arguments[1] == "new"
        where = () if offline else ("--data", data)
        return line("audit", *arguments, *where, *(() if readable else ("--json",)))

    return audit


@pytest.fixture
def edit(data):
    """Change the ledger behind the program's back."""

    def statement(*given):
        with closing(sqlite3.connect(data / "ledger.db")) as connection, connection:
            return connection.execute(*given).fetchall()

    return statement


@pytest.fixture
def two(run, edit, tmp_path):
    """Two heads: one over the record without its last events, one over all. Their notes are kept outside."""
    late = edit("SELECT * FROM events WHERE stream = ? AND version > 3", (CAMPAIGN,))
    edit("DELETE FROM events WHERE stream = ? AND version > 3", (CAMPAIGN,))
    notes = []
    for name in ("one", "two"):
        told = run("head", CAMPAIGN, "--out", tmp_path / f"{name}.note")
        assert told.code == 0, told.out
        notes.append(told.json["events"])
        for row in late if name == "one" else ():
            edit(f"INSERT INTO events VALUES ({','.join('?' * len(row))})", row)
    return notes


def forged(edit):
    """Change an event of the record and make every hash after it fit again, as whoever has the database can."""
    before = None
    rows = edit("SELECT version, body FROM events WHERE stream = ? ORDER BY version", (CAMPAIGN,))
    for version, body in rows:
        event = json.loads(body)
        if version == 2:
            event["recorded_at"] = event["recorded_at"].replace("+08:00", "+08:01")
        event = rehashed(event, before)
        before = event["hash"]
        edit(
            "UPDATE events SET body = ?, hash = ?, prev_hash = ? WHERE stream = ? AND version = ?",
            (line_of(event).decode(), event["hash"], event["prev_hash"], CAMPAIGN, version),
        )


def test_heads_are_listed_with_what_became_of_them(run, two, edit):
    """Size, root, key, time; a signature that does not hold is 7."""
    told = run("heads", "list", CAMPAIGN)
    assert told.code == 0
    assert [row["events"] for row in told.json["heads"]] == two
    assert all(row["signed"] and row["key"].startswith("diversion.local+") for row in told.json["heads"])
    assert (told.json["by_themselves"], told.json["trouble"]) == (False, None)
    edit("INSERT INTO anchors VALUES (?, ?, 'mail', ?, '2025-01-01')", (CAMPAIGN, two[0], two[1]))
    assert f"邮件 ({two[1]})" in run("heads", "list", CAMPAIGN, readable=True).out
    edit("UPDATE heads SET root = ? WHERE size = ?", ("0" * 64, two[0]))
    edit("UPDATE heads SET note = replace(note, '/campaign/', '/campaing/') WHERE size = ?", (two[1],))
    told = run("heads", "list", CAMPAIGN)
    assert told.code == 7
    assert [row["code"] for row in told.json["heads"]] == ["HEAD_BROKEN", "SIGNATURE_INVALID"]


def test_a_head_is_printed_for_people_who_keep_paper(run, two, tmp_path):
    """Size, root in groups of four, the key, places to sign; the note on it can be typed in and checked."""
    told = run("heads", "print", CAMPAIGN, readable=True)
    root = run("heads", "list", CAMPAIGN).json["heads"][-1]["root"]
    assert told.code == 0
    assert f"事件数：{two[1]}" in told.out
    groups = [root[at : at + 4] for at in range(0, 64, 4)]
    assert all(" ".join(groups[at : at + 8]) in told.out for at in (0, 8))
    assert all(words in told.out for words in ("签收人（签名）", "单位（盖章）", "日期"))
    note = told.out[told.out.index("diversion.local/campaign", told.out.index("签名原文")) :]
    (tmp_path / "typed.note").write_text(note[: note.index("\n\n签收人")])
    assert run("heads", "check", CAMPAIGN, tmp_path / "typed.note").json["events"] == two[1]
    page = tmp_path / "page.html"
    assert run("heads", "print", CAMPAIGN, "--size", two[0], "--out", page).json["file"] == str(page)
    text = page.read_text(encoding="utf-8")
    assert (text.startswith("<!DOCTYPE html>"), str(two[0]) in text) == (True, True)
    assert not any(words in text + told.out for words in ("http", "演练数据"))
    head = KeptHead(1, "ab" * 32, "a<b\n", made_at="2025-01-01")
    rehearsed = Page(CAMPAIGN, "o", head, VerifierKey("name", bytes(32)), rehearsal=True)
    assert all("演练数据" in form(rehearsed) for form in (plain, web))
    assert "a&lt;b" in web(rehearsed)
    told = run("heads", "print", CAMPAIGN, "--size", 1)
    assert (told.code, told.json["error"]["code"]) == (4, "HEAD_UNKNOWN")


def test_a_head_from_outside_agrees_and_the_proof_can_be_checked_by_others(run, two, tmp_path):
    """Also as a mail program has kept it; with the public key it is trusted, with another's it is not."""
    key = run("keys", "list").json["current"]
    told = run("heads", "check", CAMPAIGN, tmp_path / "one.note", "--key", key)
    assert (told.code, told.json["agreed"], told.json["trusted"]) == (0, True, True)
    assert (told.json["events"], told.json["newest"]["events"], told.json["recorded"]) == (*two, two[1])
    nodes = [from_base64(node) for node in told.json["proof"]]
    roots = [bytes.fromhex(row["root"]) for row in run("heads", "list", CAMPAIGN).json["heads"]]
    assert verify_consistency(*two, *roots, nodes)
    (tmp_path / "mail.note").write_bytes((tmp_path / "one.note").read_bytes().replace(b"\n", b"\r\n") + b"\r\n\r\n")
    assert run("heads", "check", CAMPAIGN, tmp_path / "mail.note").json["trusted"] is False

    proof = run("heads", "prove", CAMPAIGN, *two).json["proof"]
    old, *lines = proof.partition("\n\n")[0].split("\n")
    assert old == f"old {two[0]}"
    assert [from_base64(line) for line in lines] == nodes
    assert proof.endswith("\n\n" + (tmp_path / "two.note").read_text())
    assert run("heads", "prove", CAMPAIGN, *two, "--out", tmp_path / "proof").code == 0
    assert (tmp_path / "proof").read_text() == proof
    for sizes in ((two[1], two[0]), (two[0], two[1] + 1), (1, two[1])):
        assert run("heads", "prove", CAMPAIGN, *sizes).json["error"]["code"] == "HEAD_UNKNOWN"

    other = run("keys", "new", tmp_path / "other").json["key"]
    told = run("heads", "check", CAMPAIGN, tmp_path / "one.note", "--key", other)
    assert (told.code, told.json["error"]["code"]) == (7, "SIGNER_UNKNOWN")
    assert run("heads", "check", CAMPAIGN, tmp_path / "one.note", "--key", "hello").json["error"]["code"] == (
        "KEY_MALFORMED"
    )


def test_a_record_that_was_written_anew_does_not_agree(run, two, edit, tmp_path):
    """Every hash fits, every head is signed again by the true key: only the head outside tells."""
    forged(edit)
    told = run("heads", "check", CAMPAIGN, tmp_path / "one.note")
    assert (told.code, told.json["error"]["code"]) == (7, "HEAD_BROKEN")
    edit("DELETE FROM heads")
    edit("DELETE FROM marks")
    told = run("heads", "check", CAMPAIGN, tmp_path / "one.note")
    assert (told.code, told.json["error"]["code"]) == (4, "HEADS_NONE")
    assert run("head", CAMPAIGN).code == 0
    assert run("heads", "list", CAMPAIGN).code == 0
    for note, events in zip(("one", "two"), two, strict=True):
        told = run("heads", "check", CAMPAIGN, tmp_path / f"{note}.note")
        assert (told.code, told.json["error"]["code"]) == (7, "HEAD_DIFFERS")
        assert told.json["error"]["place"] == f"{CAMPAIGN} ({events})"


def test_an_older_copy_of_the_ledger_does_not_agree_with_a_newer_head(run, two, edit, tmp_path):
    """A tail that was cut off with its heads, and a broken event below."""
    for table in ("heads", "marks"):
        edit(f"DELETE FROM {table} WHERE size = ?", (two[1],))
    edit("DELETE FROM events WHERE stream = ? AND version > 3", (CAMPAIGN,))
    assert run("heads", "check", CAMPAIGN, tmp_path / "one.note").code == 0
    told = run("heads", "check", CAMPAIGN, tmp_path / "two.note")
    assert (told.code, told.json["error"]["code"]) == (7, "HEAD_GONE")
    assert told.json["error"]["place"] == f"{CAMPAIGN} ({two[1]})"
    edit("UPDATE events SET body = replace(body, 'actor', 'Actor') WHERE stream = ? AND version = 2", (CAMPAIGN,))
    told = run("heads", "check", CAMPAIGN, tmp_path / "one.note")
    assert (told.code, told.json["error"]["code"]) == (7, "LEDGER_BROKEN")
    assert told.json["error"]["place"] == f"{CAMPAIGN}#2"


def test_what_is_no_head_is_said(run, two, tmp_path):
    """A file that is missing, that is none, of another log, with another number; and a ledger without heads."""
    del two
    text = (tmp_path / "one.note").read_text()
    for name, content, code, exit_code in (
        ("none", None, "FILE_UNREADABLE", 3),
        ("empty", "", "NOTE_UNSIGNED", 3),
        ("cut", text[:60], "NOTE_UNSIGNED", 3),
        ("changed", text.replace("/2026\n", "/2027\n"), "SIGNATURE_INVALID", 7),
    ):
        if content is not None:
            (tmp_path / name).write_text(content)
        told = run("heads", "check", CAMPAIGN, tmp_path / name)
        assert (told.code, told.json["error"]["code"]) == (exit_code, code)
    assert run("heads", "list", "campaign/nowhere/2025").code == 4


def test_status_and_doctor_say_what_is_in_the_way(monkeypatch, capsys, data, edit, two, tmp_path):
    """No key, a key that others can read, a record that does not hold; and that all is well."""
    line = command_line(monkeypatch, capsys)

    def doctor():
        checks = line("doctor", "--json", "--data", data).json["checks"]
        return next((check["ok"], check["detail"]) for check in checks if check["name"] == "heads")

    assert doctor()[0]
    assert line("status", CAMPAIGN, "--json", "--data", data).json["heads"]["events"] == two[1]
    key = tmp_path / "audit.key"
    shutil.copy(data / "audit.key", key)
    monkeypatch.setenv("DIVERSION_AUDIT_KEY", str(key))
    assert doctor()[0]
    key.chmod(0o644)
    assert doctor() == (False, f"{key}: KEY_FILE_OPEN")
    key.chmod(0o600)
    edit("INSERT INTO head_troubles VALUES (?, 'LEDGER_BROKEN', ?, '2025-01-01')", (CAMPAIGN, f"{CAMPAIGN}#3"))
    assert doctor() == (False, f"{CAMPAIGN}: LEDGER_BROKEN {CAMPAIGN}#3")
    heads = line("status", CAMPAIGN, "--json", "--data", data).json["heads"]
    assert (heads["by_themselves"], heads["trouble"]["code"]) == (True, "LEDGER_BROKEN")
    assert "LEDGER_BROKEN" in line("status", CAMPAIGN, "--data", data).out


def test_a_key_out_of_its_term_is_told_with_what_to_do(run, edit, monkeypatch, capsys, data, two, tmp_path):
    """Before anything was to be signed, after the worker noted it, and by hand: each says which key it has to be."""
    line = command_line(monkeypatch, capsys)
    assert run("keys", "rotate", data / "audit.key", tmp_path / "new.key").code == 0
    monkeypatch.setenv("DIVERSION_AUDIT_KEY", str(data / "audit.key"))
    told = run("head", CAMPAIGN)
    assert (told.code, told.json["error"]["code"]) == (3, "KEY_OUT_OF_TERM")
    assert "audit keys list" in told.json["error"]["remedy"]
    assert "采信" not in told.json["error"]["message"]

    def heads():
        checks = line("doctor", "--json", "--data", data).json["checks"]
        return next(check for check in checks if check["name"] == "heads")

    assert not heads()["ok"]
    assert heads()["detail"].endswith("KEY_OUT_OF_TERM")
    assert "DIVERSION_AUDIT_KEY" in heads()["remedy"]
    monkeypatch.setenv("DIVERSION_AUDIT_KEY", str(tmp_path / "new.key"))
    assert heads()["ok"]
    edit("INSERT INTO head_troubles VALUES (?, 'KEY_OUT_OF_TERM', '', '2025-01-01')", (CAMPAIGN,))
    assert "重启 diversion up" in heads()["remedy"]
    for shown in (line("status", CAMPAIGN, "--data", data).out, run("heads", "list", CAMPAIGN, readable=True).out):
        text = shown.replace("\n", "")
        assert "[KEY_OUT_OF_TERM]" in text
        assert "audit keys list" in text


def test_what_a_closed_campaign_left_undone_is_told_with_the_command_that_does_it(
    run, edit, monkeypatch, capsys, data, two, tmp_path
):
    """Events that no head covers, heads that are not outside; `heads deliver` signs and brings all of them there."""
    line = command_line(monkeypatch, capsys)
    edit("UPDATE boards SET body = json_set(body, '$.status', 'archived') WHERE stream = ?", (CAMPAIGN,))
    for table in ("heads", "marks"):
        edit(f"DELETE FROM {table} WHERE size = ?", (two[1],))
    edit("UPDATE events SET type = 'CampaignArchived' WHERE stream = ? AND version = 4", (CAMPAIGN,))

    def told():
        status = line("status", CAMPAIGN, "--json", "--data", data).json["heads"]
        listed = run("heads", "list", CAMPAIGN).json
        checks = line("doctor", "--json", "--data", data).json["checks"]
        doctor = next(check for check in checks if check["name"] == "heads")
        assert status["to_do"] == listed["to_do"]
        assert all(one["message"] in doctor["remedy"] for one in status["to_do"])
        assert doctor["ok"] == (not status["to_do"])
        return [one["code"] for one in status["to_do"]]

    assert told() == ["HEAD_LAST_MISSING"]
    assert run("heads", "deliver", CAMPAIGN).json["error"]["code"] == "HEADS_PLACES_NOT_SET"
    outside = tmp_path / "outside"
    monkeypatch.setenv("DIVERSION_AUDIT_KEY", str(data / "audit.key"))
    monkeypatch.setenv("DIVERSION_HEADS_DIR", str(outside))
    assert told() == ["HEAD_LAST_MISSING", "HEADS_NOT_OUTSIDE"]
    assert f"audit heads deliver {CAMPAIGN}" in run("heads", "list", CAMPAIGN, readable=True).out.replace("\n", "")
    away = run("heads", "deliver", CAMPAIGN)
    assert (away.code, away.json["error"]["code"], away.json["signed"]) == (6, "HEADS_DIR_UNWRITABLE", True)
    outside.mkdir()
    done = run("heads", "deliver", CAMPAIGN)
    assert (done.code, done.json["delivered"], done.json["not_outside"]) == (0, {"directory": 2}, {})
    assert len(list(outside.iterdir())) == 2
    assert told() == []
    again = run("heads", "deliver", CAMPAIGN)
    assert (again.code, again.json["signed"], again.json["delivered"]) == (0, False, {})
    assert "都已存到外部" in run("heads", "deliver", CAMPAIGN, readable=True).out


def test_a_look_by_hand_tells_of_its_own_head_and_of_none(run, edit, monkeypatch, data, tmp_path):
    """What was signed just now is outside with the others; a record in which nothing is due has no head."""
    (tmp_path / "outside").mkdir()
    monkeypatch.setenv("DIVERSION_AUDIT_KEY", str(data / "audit.key"))
    monkeypatch.setenv("DIVERSION_HEADS_DIR", str(tmp_path / "outside"))
    done = run("heads", "deliver", CAMPAIGN)
    assert done.json["signed"]
    assert done.json["delivered"] == {"directory": len(list((tmp_path / "outside").iterdir()))} == {"directory": 1}
    edit("DELETE FROM heads")
    edit("DELETE FROM marks")
    edit("DELETE FROM events WHERE type IN ('StageCompleted', 'StageSkipped', 'CampaignStopped', 'CampaignArchived')")
    edit("UPDATE events SET recorded_at = '2999-01-01T00:00:00.000+08:00'")
    nothing = run("heads", "deliver", CAMPAIGN)
    assert (nothing.code, nothing.json["events"], nothing.json["delivered"]) == (0, 0, {})
    assert "还没有检查点" in run("heads", "deliver", CAMPAIGN, readable=True).out


def test_a_changed_statement_of_keys_is_no_slip_of_the_one_who_delivers(run, edit, monkeypatch, data, tmp_path):
    """7, as everywhere: it is not to be trusted."""
    assert run("head", CAMPAIGN, "--key", data / "audit.key").code == 0
    assert run("keys", "rotate", data / "audit.key", data / "new.key").code == 0
    edit("UPDATE signing_keys SET statement = replace(statement, 'diversion signing', 'diversion Signing')")
    for table in ("heads", "marks"):
        edit(f"DELETE FROM {table}")
    (tmp_path / "outside").mkdir()
    monkeypatch.setenv("DIVERSION_HEADS_DIR", str(tmp_path / "outside"))
    monkeypatch.setenv("DIVERSION_AUDIT_KEY", str(data / "new.key"))
    signed = run("head", CAMPAIGN, "--key", data / "new.key")
    delivered = run("heads", "deliver", CAMPAIGN)
    assert (delivered.code, delivered.json["error"]["code"]) == (signed.code, signed.json["error"]["code"])
    assert signed.code == 7


def test_a_doctor_tells_a_broken_record_whatever_else_cannot_be_read(run, edit, monkeypatch, capsys, data):
    """A campaign's own line is gone from the board: the trouble that the worker noted is told all the same."""
    edit(
        "INSERT INTO head_troubles VALUES (?, ?, ?, ?)",
        (CAMPAIGN, "LEDGER_BROKEN", "x", "2026-01-01T00:00:00.000+08:00"),
    )
    edit("UPDATE boards SET stream = ? WHERE stream = ?", (f"{CAMPAIGN}/9900010001", CAMPAIGN))
    checks = command_line(monkeypatch, capsys)("doctor", "--json", "--data", data).json["checks"]
    heads = next(check for check in checks if check["name"] == "heads")
    assert not heads["ok"]
    assert "LEDGER_BROKEN" in heads["detail"]


def test_one_event_is_proven_to_somebody_without_a_ledger(monkeypatch, capsys, run, two, tmp_path, data):
    """`prove` writes the file, `prove-check` needs the public key alone; what is not signed yet is said."""
    key = run("keys", "list").json["current"]
    told = run("prove", CAMPAIGN, f"{CAMPAIGN}#2", "--out", tmp_path / "one.tlog-proof")
    assert (told.code, told.json["events"]) == (0, two[1])
    shutil.rmtree(data)
    line = command_line(monkeypatch, capsys)
    checked = line("audit", "prove-check", tmp_path / "one.tlog-proof", "--key", key, "--json")
    assert (checked.code, checked.json["event"], checked.json["key"]) == (0, f"{CAMPAIGN}#2", key)
    assert not data.exists()
    assert f"{CAMPAIGN}#2" in line("audit", "prove-check", tmp_path / "one.tlog-proof", "--key", key).out
    text = (tmp_path / "one.tlog-proof").read_text()
    (tmp_path / "two.tlog-proof").write_text(text.replace("index ", "index 1"))
    checked = line("audit", "prove-check", tmp_path / "two.tlog-proof", "--key", key, "--json")
    assert (checked.code, checked.json["error"]["code"]) == (7, "PROOF_BROKEN")
    checked = line("audit", "prove-check", tmp_path / "nowhere", "--key", key, "--json")
    assert (checked.code, checked.json["error"]["code"]) == (3, "FILE_UNREADABLE")


def test_a_key_makes_its_own_directories_and_no_other_file_gives_way(monkeypatch, capsys, tmp_path):
    """Missing directories are private; where a file stands in their place it is told, and stays."""
    line = command_line(monkeypatch, capsys)
    assert line("audit", "keys", "new", tmp_path / "safe" / "keys" / "audit.key", "--json").code == 0
    for folder in (tmp_path / "safe", tmp_path / "safe" / "keys"):
        assert folder.stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").write_text("x")
    told = line("audit", "keys", "new", tmp_path / "file" / "audit.key", "--json")
    assert (told.code, told.json["error"]["code"]) == (3, "FILE_UNREADABLE")
    assert told.json["error"]["place"] == str(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "x"


@pytest.mark.parametrize(
    "words",
    [("prove-check", "@", "--key", "#"), ("verify", "@"), ("verify", "@", "--key", "#"), ("heads", "cosign", "@")],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_file_that_is_not_there_is_told_in_one_way(monkeypatch, capsys, tmp_path, words):
    """The same code, the file as the place, and a remedy, whoever was to read it."""
    line = command_line(monkeypatch, capsys)
    key = line("audit", "keys", "new", tmp_path / "own.key", "--json").json["key"]
    missing = tmp_path / "nowhere"
    more = ("--key", tmp_path / "own.key", "--log", key) if "cosign" in words else ()
    given = [{"@": missing, "#": key}.get(word, word) for word in words]
    told = line("audit", *given, *more, "--json")
    assert (told.code, told.json["error"]["code"], told.json["error"]["place"]) == (3, "FILE_UNREADABLE", str(missing))
    assert "路径" in told.json["error"]["remedy"]


def test_a_replay_goes_to_its_end_over_rows_that_cannot_be_read(run, edit):
    """7 with the event, where its version is no number and the campaign's line of the board no JSON; 4 for no name."""
    edit("UPDATE events SET version = 'abc' WHERE stream = ? AND version = 3", (CAMPAIGN,))
    edit("UPDATE boards SET body = '{' WHERE stream = ?", (CAMPAIGN,))
    told = run("replay", CAMPAIGN)
    assert told.code == 7
    assert (f"{CAMPAIGN}#3", "version") in {(one["event"], one["field"]) for one in told.json["differences"]}
    text = run("replay", CAMPAIGN, readable=True).out.replace("\n", "")
    assert f"{CAMPAIGN}#3  台账事件：“version”不符" in text
    for name in ("campaign/nowhere/2025", "nothing", f"{CAMPAIGN}/heads"):
        assert run("replay", name).json["error"]["code"] == "CAMPAIGN_UNKNOWN"


def test_what_cannot_be_proven_is_said(run, two, edit):
    """No such event, no event's id, one that no head covers yet."""
    del two
    assert run("prove", CAMPAIGN, f"{CAMPAIGN}#999").json["error"]["code"] == "EVENT_UNKNOWN"
    assert run("prove", CAMPAIGN, "hello").json["error"]["code"] == "EVENT_INVALID"
    edit("DELETE FROM heads WHERE size = (SELECT max(size) FROM heads)")
    edit("DELETE FROM marks WHERE size = (SELECT max(size) FROM marks)")
    told = run("prove", CAMPAIGN, f"{CAMPAIGN}#4")
    assert (told.code, told.json["error"]["code"]) == (4, "EVENT_NOT_SIGNED_YET")


async def test_up_goes_on_with_what_is_still_to_be_signed(data, tmp_path):
    """A campaign under way; one that has ended only as long as its last head is missing; no draft and no rehearsal."""
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{data / 'ledger.db'}")
    try:
        ended = {**BOARD, "status": "archived"}
        assert await heads_to_sign(ledger, CAMPAIGN, BOARD)
        assert await heads_to_sign(ledger, CAMPAIGN, ended)
        for other in ({"status": "draft"}, {"clock": "stepped"}):
            assert not await heads_to_sign(ledger, CAMPAIGN, {**BOARD, **other})
        await make_head(ledger, CAMPAIGN, create_key(tmp_path / "k", "audit.example"), "engine", NOW)
        assert not await heads_to_sign(ledger, CAMPAIGN, ended)
        assert await heads_to_sign(ledger, CAMPAIGN, BOARD)
    finally:
        await ledger.close()


def test_a_head_by_hand_is_signed_with_the_key_of_the_settings(run, monkeypatch, data, tmp_path):
    """Whoever signs by hand beside the worker need not know which key that is; none is made in the data directory."""
    (data / "audit.key").unlink()
    key = run("keys", "new", tmp_path / "own.key", "--name", "audit.example").json["key"]
    monkeypatch.setenv("DIVERSION_AUDIT_KEY", str(tmp_path / "own.key"))
    assert run("head", CAMPAIGN).json["key"] == key
    assert not (data / "audit.key").exists()
    monkeypatch.setenv("DIVERSION_AUDIT_KEY", str(tmp_path / "missing"))
    assert run("head", CAMPAIGN).json["error"]["code"] == "KEY_FILE_MISSING"


@pytest.mark.parametrize("command", ["head", "export"])
def test_no_key_is_made_for_a_real_year_by_itself(run, data, tmp_path, command):
    """The first key that signs stays the first: whoever forgot `--key` is told, and nothing is bound to another one."""
    (data / "audit.key").unlink()
    given = (command, CAMPAIGN, *([tmp_path / "b.zip"] if command == "export" else []))
    told = run(*given)
    assert (told.code, told.json["error"]["code"], told.json["error"]["place"]) == (2, "KEY_NOT_GIVEN", "--key")
    assert "audit keys new" in told.json["error"]["remedy"]
    assert not (data / "audit.key").exists()
    assert not (tmp_path / "b.zip").exists()
    assert run("keys", "list").json["error"]["code"] == "KEY_FILE_MISSING"
    key = run("keys", "new", tmp_path / "real.key", "--name", "audit.example").json["key"]
    assert run(*given, "--key", tmp_path / "real.key").json["key"] == key


def test_a_key_that_signed_nothing_is_no_first_key(run, edit, tmp_path):
    """On a record that does not hold it signs no head and is not kept: the right key begins the list when it does."""
    keys = [run("keys", "new", tmp_path / f"{name}.key", "--name", f"{name}.example").json["key"] for name in "ab"]
    edit("UPDATE events SET body = replace(body, 'engine', 'enging') WHERE stream = ? AND version = 1", (CAMPAIGN,))
    told = run("head", CAMPAIGN, "--key", tmp_path / "a.key")
    assert (told.code, told.json["error"]["code"]) == (7, "LEDGER_BROKEN")
    assert edit("SELECT public FROM signing_keys") == []
    told = run("keys", "rotate", tmp_path / "a.key", tmp_path / "c.key")
    assert (told.code, told.json["error"]["code"]) == (3, "KEY_NOTHING_SIGNED")
    assert not (tmp_path / "c.key").exists()
    edit("UPDATE events SET body = replace(body, 'enging', 'engine') WHERE stream = ? AND version = 1", (CAMPAIGN,))
    assert run("head", CAMPAIGN, "--key", tmp_path / "b.key").json["key"] == keys[1]
    assert edit("SELECT number, public, statement FROM signing_keys") == [(1, keys[1], None)]


def test_a_superior_bureau_countersigns_only_what_has_grown_out_of_what_it_signed(run, two, edit, tmp_path):
    """From head to head with the county's proof; a past written anew gets no signature, though the key is right."""
    county = run("keys", "list").json["current"]
    bureau = run("keys", "new", tmp_path / "bureau.key", "--name", "superior.example").json["key"]

    def cosign(name, out, *more):
        given = (tmp_path / name, "--key", tmp_path / "bureau.key", "--log", county, "--out", tmp_path / out)
        return run("heads", "cosign", *given, *more)

    first = cosign("one.note", "one.signed")
    assert (first.code, first.json["compared"]) == (0, False)
    run("heads", "prove", CAMPAIGN, *two, "--out", tmp_path / "proof")
    last = ("--last", tmp_path / "one.signed")
    assert cosign("proof", "two.signed", *last).json["compared"] is True
    told = run("heads", "check", CAMPAIGN, tmp_path / "two.signed", "--key", county, "--witness", bureau)
    assert (told.code, told.json["witnesses"], told.json["events"]) == (0, [bureau], two[1])
    told = run("heads", "check", CAMPAIGN, tmp_path / "two.note", "--witness", bureau)
    assert (told.code, told.json["error"]["code"]) == (7, "WITNESS_MISSING")
    assert cosign("one.signed", "x").json["error"]["code"] == "NOTE_SIGNED_ALREADY"
    assert cosign("proof", "x", "--last", tmp_path / "one.note").json["error"]["code"] == "COSIGN_LAST_NOT_OWN"
    assert cosign("two.note", "x", *last).json["error"]["code"] == "COSIGN_PROOF_MISSING"
    assert cosign("one.note", "same.signed", *last).code == 0  # the same head again
    back = cosign("one.note", "x", "--last", tmp_path / "two.signed")
    assert back.json["error"]["code"] == "COSIGN_PROOF_MISSING"
    elsewhere = Checkpoint("diversion.local/campaign/elsewhere/2026", 1, bytes(32))
    (tmp_path / "other.log").write_bytes(bytes(sign_checkpoint(elsewhere, load_key(tmp_path / "bureau.key"))))
    assert cosign("proof", "x", "--last", tmp_path / "other.log").json["error"]["code"] == "COSIGN_OTHER_LOG"
    assert cosign("nowhere", "x").json["error"]["code"] == "FILE_UNREADABLE"
    lines = (tmp_path / "proof").read_text().split("\n")
    (tmp_path / "short").write_text("\n".join([lines[0], *lines[2:]]))
    (tmp_path / "odd").write_text("\n".join([lines[0], "no base64", *lines[2:]]))
    for name in ("short", "odd"):
        told = cosign(name, "x", *last)
        assert (told.code, told.json["error"]["code"]) == (7, "COSIGN_NOT_CONSISTENT")

    forged(edit)
    edit("DELETE FROM heads")
    edit("DELETE FROM marks")
    assert run("head", CAMPAIGN, "--out", tmp_path / "anew.note").code == 0
    anew = (tmp_path / "anew.note").read_text()
    for proof in (lines[: lines.index("")], [f"old {two[0]}"]):
        (tmp_path / "anew").write_text("\n".join([*proof, "", anew]))
        told = cosign("anew", "x", *last)
        assert (told.code, told.json["error"]["code"]) == (7, "COSIGN_NOT_CONSISTENT")
    assert not (tmp_path / "x").exists()


def test_who_holds_the_statements_knows_when_a_keys_term_ended(run, two, edit, monkeypatch, capsys, data, tmp_path):
    """`keys list --out` writes them; `prove-check` and `cosign` take them; without them the last key has signed."""
    old = run("keys", "list").json["current"]
    told = run("keys", "list", "--out", tmp_path / "rotations")
    assert (told.code, told.json["error"]["code"]) == (4, "ROTATIONS_NONE")
    run("prove", CAMPAIGN, f"{CAMPAIGN}#2", "--out", tmp_path / "proof")
    new = run("keys", "rotate", data / "audit.key", tmp_path / "new.key").json["key"]
    listed = run("keys", "list", "--out", tmp_path / "rotations").json
    assert (listed["keys"], listed["statements"]) == ([old, new], [(tmp_path / "rotations").read_text()])
    edit("DELETE FROM signing_keys WHERE number = 2")  # what follows is the thief's: he goes on with the old key
    forged(edit)
    edit("DELETE FROM heads")
    edit("DELETE FROM marks")
    assert run("head", CAMPAIGN, "--key", data / "audit.key", "--out", tmp_path / "stolen.note").json["key"] == old
    run("prove", CAMPAIGN, f"{CAMPAIGN}#2", "--out", tmp_path / "stolen")
    run("keys", "new", tmp_path / "bureau.key", "--name", "superior.example")
    line = command_line(monkeypatch, capsys)
    statements = ("--rotation", tmp_path / "rotations")

    def checked(name, *more):
        told = line("audit", "prove-check", tmp_path / name, *more, "--json")
        return told.code, told.json.get("error", {}).get("code")

    def signed(*more):
        given = (tmp_path / "stolen.note", "--key", tmp_path / "bureau.key", *more)
        told = line("audit", "heads", "cosign", *given, "--json")
        return told.code, told.json.get("error", {}).get("code")

    both = ("--key", old, "--key", new)
    assert checked("proof", *both) == checked("stolen", *both) == (7, "SIGNER_NOT_LAST")
    assert checked("proof", "--key", new, *statements) == checked("proof", *both, *statements) == (0, None)
    assert "现用密钥" in line("audit", "prove-check", tmp_path / "proof", *both, *statements).err
    assert checked("stolen", *both, *statements) == (7, "KEY_OUT_OF_TERM")
    assert signed("--log", old, "--log", new) == (7, "SIGNER_NOT_LAST")
    assert signed("--log", new, *statements) == (7, "KEY_OUT_OF_TERM")
    assert checked("proof", *both, "--rotation", tmp_path / "proof") == (7, "ROTATION_MALFORMED")
    assert checked("proof", *both, "--rotation", tmp_path / "nowhere") == (3, "FILE_UNREADABLE")


def test_no_file_is_written_over_and_the_same_text_again_is_fine(run, two, data, tmp_path):
    """A slip of the hand costs no key, no ledger and no earlier head, whichever command has `--out`."""
    del two
    key = run("keys", "list").json["current"]
    run("keys", "new", tmp_path / "bureau.key", "--name", "superior.example")
    cosign = ("heads", "cosign", tmp_path / "one.note", "--key", tmp_path / "bureau.key", "--log", key)
    own = (data / "audit.key", data / "ledger.db", tmp_path / "one.note", tmp_path)
    for number, command in enumerate(
        (
            ("head", CAMPAIGN),
            ("heads", "print", CAMPAIGN),
            ("heads", "prove", CAMPAIGN, 0, run("head", CAMPAIGN).json["events"]),
            ("prove", CAMPAIGN, f"{CAMPAIGN}#2"),
            cosign,
        )
    ):
        for _ in range(2):
            assert run(*command, "--out", tmp_path / f"out {number}").code == 0, command
        for file in own:
            held = file.read_bytes() if file.is_file() else None
            told = run(*command, "--out", file)
            assert (told.code, told.json["error"]["code"]) == (3, "FILE_EXISTS"), command
            assert (told.json["error"]["place"], bool(told.json["error"]["remedy"])) == (str(file), True)
            assert held == (file.read_bytes() if file.is_file() else None)
    assert run("heads", "check", CAMPAIGN, tmp_path / "one.note", "--key", key).code == 0


OWN = f"WHERE stream = '{CAMPAIGN}' AND version ="
SPOILT = {
    "no first event": f"DELETE FROM events {OWN} 1",
    "a first event that is no JSON": f"UPDATE events SET body = 'x' {OWN} 1",
    "a first event in bytes": f"UPDATE events SET body = CAST(body AS BLOB) {OWN} 1",
    "an event in bytes": f"UPDATE events SET body = CAST(body AS BLOB) {OWN} 3",
}


@pytest.mark.parametrize("heads", [0, 1], ids=["no head", "a head"])
@pytest.mark.parametrize("name", SPOILT)
def test_rows_that_cannot_be_read_are_a_record_that_does_not_hold(run, edit, tmp_path, name, heads):
    """Whatever somebody put there: exit 7 and no head; the list of heads, which reads the first event, says it too."""
    for _ in range(heads):
        run("head", CAMPAIGN)
    edit(SPOILT[name])
    told = run("head", CAMPAIGN, "--out", tmp_path / "head.note")
    assert (told.code, told.json["error"]["code"]) == (7, "LEDGER_BROKEN")
    assert not (tmp_path / "head.note").exists()
    told = run("heads", "list", CAMPAIGN)
    if heads and "first" in name:
        assert (told.code, told.json["error"]["code"]) == (7, "LEDGER_BROKEN")
        assert told.json["error"]["place"] == f"{CAMPAIGN}#1"
    else:
        assert (told.code, len(told.json["heads"])) == (0, heads)


@pytest.mark.parametrize(
    "number",
    ["NaN", "-Infinity", "1e999", "[" * 5000 + "]" * 5000, "1.5"],
    ids=["not a number", "below all", "beyond all", "brackets", "a fraction"],
)
def test_a_replay_names_an_event_that_is_no_json_and_ends_well(run, edit, number):
    """What Python takes for a number, and no canonical form has; brackets without end: exit 7 with the event."""
    sql = "UPDATE events SET body = replace(body, '\"schema\":1', '\"schema\":' || ?) WHERE stream = ? AND version = 3"
    edit(sql, (number, CAMPAIGN))
    told = run("replay", CAMPAIGN)
    assert (told.code, told.json["ledger_ok"]) == (7, False)
    assert f"{CAMPAIGN}#3" in {found["event"] for found in told.json["differences"]}


def test_status_counts_what_no_head_covers_yet(monkeypatch, capsys, run, data, edit, two, tmp_path):
    """As a number, and for people where heads sign themselves."""
    line = command_line(monkeypatch, capsys)

    def status():
        for_people = line("status", CAMPAIGN, "--data", data).out
        heads = line("status", CAMPAIGN, "--json", "--data", data).json["heads"]
        return heads["uncovered"], "尚未签署的事件" in for_people

    assert status() == (0, False)
    for table in ("heads", "marks"):
        edit(f"DELETE FROM {table} WHERE size = ?", (two[1],))
    assert status() == (two[1] - two[0], False)
    key = tmp_path / "audit.key"
    line("audit", "keys", "new", key)
    monkeypatch.setenv("DIVERSION_AUDIT_KEY", str(key))
    assert status() == (two[1] - two[0], True)
    assert run("head", CAMPAIGN, "--key", data / "audit.key").code == 0
    assert status() == (0, False)
