import json
import os
import signal
import sqlite3
import subprocess
import sys

import pytest
from cli_canary import leaks, personal_values, places
from cli_runner import CAMPAIGN, STARTER, cli, environment, eventually, gone

SMALL = ("--schools", 1, "--pupils", 8)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A demo that was killed with -9 in the middle and resumed."""
    data = tmp_path_factory.mktemp("demo") / "var"
    process = subprocess.Popen(
        [sys.executable, str(STARTER), "demo", "--data", str(data), *map(str, SMALL)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("2024-"):
            break
    engine = json.loads((data / "engine.json").read_text())["pid"]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert gone(engine)
    return data, cli("demo", "--data", data, "--resume", "--json")


def test_a_demo_that_was_killed_goes_on_to_the_same_end(demo):
    """Kill -9 in the middle, `--resume`: the whole year, and a record that verifies to the last history."""
    _, run = demo
    assert run.code == 0, run
    assert run.json["campaign"] == CAMPAIGN
    assert (run.json["schools"], run.json["pupils"]) == (1, 8)
    assert set(run.json["stages"]) == {
        "identification",
        "parent-meetings",
        "school-visits",
        "application-filing",
        "retention",
    }
    assert run.json["ledger_verified"] is True
    assert run.json["replay_ok"] is True
    assert run.json["replayed"] == run.json["histories"] >= 5
    assert run.json["events"] > 0


def test_no_personal_value_leaves_the_registry(demo):
    """The canary: names, numbers, phones, addresses and marks of the files stand in no event, history, row or log."""
    data, _ = demo
    values = personal_values(data / "county", 2025)
    assert len(values) > 8 * 6
    assert leaks(data, values) == []


def test_the_canary_would_sing(demo):
    """The same search finds what does stand there: a reference in the ledger and in the engine's histories."""
    data, _ = demo
    with sqlite3.connect(data / "ledger.db") as ledger:
        [student] = ledger.execute("select student from events where student is not null limit 1").fetchone()
    found = [place for place, value in leaks(data, [student]) if value == student]
    assert {"ledger.db", "engine.db"} <= {place.removesuffix("-wal") for place in found}
    assert any(name == "worker.log" for name, _ in places(data))


def test_a_demos_directory_is_read_without_an_engine(demo, warm):
    """`status` and `audit replay` read the ledger; the board says that no engine answers."""
    data, _ = demo
    board = warm("status", "--data", data, "--json")
    assert board.code == 0
    assert (board.json["clock"], board.json["engine"]) == ("stepped", "unreachable")
    replayed = warm("audit", "replay", CAMPAIGN, "--data", data, "--json")
    assert replayed.code == 0
    assert replayed.json["ledger_ok"] is True
    assert replayed.json["live_unreached"] > 0


def test_a_ledger_that_was_touched_is_not_verified(demo, warm, tmp_path):
    """One changed letter in one event: `audit replay` ends with 7."""
    import shutil  # noqa: PLC0415
    import sqlite3  # noqa: PLC0415

    data, _ = demo
    copy = tmp_path / "var"
    copy.mkdir()
    for file in data.glob("ledger.db*"):
        shutil.copy(file, copy / file.name)
    connection = sqlite3.connect(copy / "ledger.db")
    connection.execute("update events set body = replace(body, 'bureau_approver', 'bureau_approved') where version = 3")
    connection.commit()
    connection.close()
    run = warm("audit", "replay", CAMPAIGN, "--data", copy, "--json")
    assert run.code == 7, run
    assert run.json["differences"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_interrupted_drains_and_says_so(tmp_path, number):
    """Ctrl-C and SIGTERM in the middle of an Update: exit 130 or 143, nothing runs on, no directory is left."""
    process = subprocess.Popen(
        [sys.executable, str(STARTER), "demo", *map(str, SMALL)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(TMPDIR=str(tmp_path)),
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("2024-"):
            break
    (place,) = tmp_path.glob("diversion-demo-*/engine.json")
    engine = json.loads(place.read_text())["pid"]
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert out == ""
    assert gone(engine, 1)
    assert not list(tmp_path.glob("diversion-demo-*"))


def test_a_demo_replaces_a_demo_and_nothing_else(tmp_path, warm):
    """Somebody else's directory is refused as usage, and stays as it is."""
    (tmp_path / "ledger.db").write_text("mine")
    for arguments in ((), ("--resume",)):
        run = warm("demo", "--data", tmp_path, "--json", *arguments)
        assert run.code == 2
        assert run.json["error"]["code"] == "DATA_NOT_A_DEMO"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["ledger.db"]
    assert (tmp_path / "ledger.db").read_text() == "mine"


def test_a_rehearsal_tells_totals_and_leaves_nothing(tmp_path, warm):
    """Real files, a directory of its own that is removed, and numbers only: no name, no reference of a child."""
    warm("sample", tmp_path / "county", *SMALL)
    before = {entry.name for entry in tmp_path.iterdir()}
    run = cli("rehearse", tmp_path / "county", "--json", TMPDIR=str(tmp_path))
    assert run.code == 0, run
    assert run.json["replay_ok"] is True
    assert sum(run.json["notices_by_week"].values()) == run.json["notices"]
    assert run.json["notices_by_channel"] == ({"email": run.json["notices"]} if run.json["notices"] else {})
    assert isinstance(run.json["collisions"], list)
    assert "stu_" not in run.out + run.err
    assert eventually(lambda: {entry.name for entry in tmp_path.iterdir()} == before)
