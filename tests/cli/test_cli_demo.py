import base64
import gzip
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cli_canary import leaks, personal_values, places
from cli_runner import CAMPAIGN, PROJECT, STARTER, children, cli, environment, eventually, gone

from ledger.store import ArchivedHistory, Ledger

SMALL = ("--schools", 1, "--pupils", 8)
INSTALLATION = {
    "DIVERSION_ENGINE": "engine.invalid:7233",
    "DIVERSION_LEDGER_URL": "postgresql+asyncpg://ledger.invalid/ledger",
    "DIVERSION_REGISTRY_URL": "postgresql+asyncpg://registry.invalid/registry",
    "DIVERSION_GATEWAY_URL": "postgresql+asyncpg://gateway.invalid/gateway",
    "DIVERSION_SMTP_URL": "smtps://mail.invalid",
    "DIVERSION_SMTP_FROM": "bureau@mail.invalid",
    "DIVERSION_SMTP_PASSWORD_FILE": "/nowhere/password",
    "DIVERSION_NOT_YET_KNOWN": "of a later release",
}
"""Settings of a real installation: whatever one day carries the prefix stays out of a demo."""


def own_settings(pid):
    """Return the settings that a process was started with."""
    entries = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(entry.split("=", 1) for entry in entries if entry.startswith("DIVERSION_"))


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory, warm):
    """A rehearsal of real files that runs beside the demo: its directory, what was there before, and its end."""
    folder = tmp_path_factory.mktemp("rehearsal")
    warm("sample", folder / "county", *SMALL)
    before = {entry.name for entry in folder.iterdir()}
    with ThreadPoolExecutor(1) as pool:
        yield folder, before, pool.submit(cli, "rehearse", folder / "county", "--json", TMPDIR=str(folder))


@pytest.fixture(scope="module")
def again(tmp_path_factory):
    """A demo of the same seed that nobody kills, beside the others."""
    data = tmp_path_factory.mktemp("again") / "var"
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(lambda: (data, cli("demo", "--data", data, *SMALL, "--json")))


@pytest.fixture(scope="module")
def demo(tmp_path_factory, rehearsal, again):
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


def test_a_demo_tells_where_its_notices_stand_and_of_one_that_waited_for_the_morning(demo):
    """Channel by channel and state by state, they sum to all; the one that was held stands so in the journal."""
    data, run = demo
    told = run.json
    assert sum(count for states in told["outbox"].values() for count in states.values()) == told["notices"]
    assert told["outbox"]["email"]["accepted"] == told["mails"] > 0
    assert told["notices"] - sum(told["notices_not_accepted"].values()) == told["mails"]
    assert told["all_sent"] is True
    held = told["held_overnight"]
    assert held["sent_at"][11:16] == "07:30"
    with sqlite3.connect(data / "ledger.db") as ledger:
        query = "select state, code, at from journal where notice_id = ? order by seq"
        rows = ledger.execute(query, (held["notice_id"],)).fetchall()
    assert ("held", "QUIET_HOURS", held["held_at"]) in rows
    assert ("accepted", held["sent_at"]) in [(state, at) for state, _, at in rows]
    assert held["held_at"][11:16] < "07:30" or held["held_at"][11:16] >= "21:30"


def test_the_same_seed_gives_the_same_events_also_of_sending(demo, again):
    """A demo that was killed and resumed, and one that was not: event by event the same, settled days among them."""
    data, _ = demo
    other, run = again.result()
    assert run.code == 0, run
    first, second = (_events(place) for place in (data, other))
    assert sum('"NoticesSettled"' in body for body in first.values()) > 10
    assert first == second


def _events(data):
    with sqlite3.connect(data / "ledger.db") as ledger:
        rows = ledger.execute("select stream, version, body from events")
        return {(stream, version): body for stream, version, body in rows}


def test_a_demo_tells_what_its_year_was_made_of(demo):
    """Targets revised, a policy adopted, a complaint whose hold is released, attendance; and the invariants hold."""
    _, run = demo
    told = run.json
    assert told["invariants_ok"] is True
    assert told["invariants"]["checked"] > 20
    assert told["invariants"]["broken"] == {}
    assert told["targets"] == {"revised": 1, "approved": 1, "acknowledged": 1, "objections": 0}
    assert told["policy"] == {"announced": 1, "adopted": 7}  # the campaign, its school, the five stages
    assert told["compliance"] == {"cases": 1, "holds": 1, "released": 1, "violations": 0}
    assert told["attendance"]["reports"] > 15
    assert [told["attendance"][name] for name in ("cases", "returned", "closed")] == [1, 1, 1]
    assert told["care"]["letters"] == 6
    assert set(told["families"]) >= {"signatures", "confirmed", "withdrawn_early", "refused", "no_shows"}


def test_a_demo_computes_both_profiles_and_publishes_what_two_have_approved(demo):
    """Side by side, on trial: nothing is payable; the run of today's rules is audited, approved by two, published."""
    _, run = demo
    assert {name: county["payable_yuan"] for name, county in run.json["settlement"].items()} == {
        "compliant": 0,
        "legacy": 0,
    }
    own, trial = (run.json["settlement_runs"][name] for name in ("year-2025", "trial-legacy"))
    assert (own["reviewed"], own["approvals"], own["published"], own["paid"]) == (True, 2, True, False)
    assert (trial["profile"], trial["approvals"], trial["published"]) == ("legacy", 0, False)
    assert run.json["refusals"]["FUNDING_GATE"] == 1


def test_a_demo_ends_with_a_bundle_and_a_changed_byte_that_is_found(demo, warm):
    """Export, verify offline, one byte: runs that go on are in it too, and the place is an event of the record."""
    data, run = demo
    told = run.json["bundle"]
    assert (told["verified"], told["unarchived"], told["heads"] > 0) == (True, 0, True)
    assert told["events"] == run.json["events"]
    assert told["histories"] == run.json["histories"] >= told["running"] > 0
    assert told["size"] == (data / told["file"]).stat().st_size
    tampered = told["tampered"]
    assert (tampered["exit"], tampered["code"]) == (7, "EVENT_HASH")
    stream, _, version = tampered["place"].partition("#")
    assert (stream, int(version)) in _events(data)
    again = warm("audit", "verify", data / told["file"], "--key", told["key"], "--json")
    assert (again.code, again.json["trusted"], again.json["unarchived"]) == (0, True, 0)


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


async def test_the_canary_would_sing_in_the_archive_too(tmp_path):
    """A demo ends no run: so a real history with a planted value is archived, and the value is found there only."""
    text = next((PROJECT / "tests" / "golden" / "histories").glob("**/*-closed.json*"))
    history = json.loads(gzip.decompress(text.read_bytes()) if text.suffix == ".gz" else text.read_bytes())
    event = next(one for one in history["events"] if "activityTaskScheduledEventAttributes" in one)
    data = event["activityTaskScheduledEventAttributes"]["input"]["payloads"][0]
    planted = json.dumps({**json.loads(base64.b64decode(data["data"])), "note": "查无此人"}).encode()
    data["data"] = base64.b64encode(planted).decode()
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{tmp_path}/ledger.db")
    written = json.dumps(history)
    digest = hashlib.sha256(written.encode()).hexdigest()
    await ledger.archive(ArchivedHistory("campaign/x/2025", "run-1", 1, 1, "ab" * 32, True, 1, digest, written))
    await ledger.close()
    assert leaks(tmp_path, ["查无此人", "并无此值"]) == [("archive campaign/x/2025", "查无此人")]


def test_nothing_is_launched_into_a_demos_directory(demo, warm):
    """The next demo replaces it, and a real campaign with it: refused as usage, whoever asks."""
    data, _ = demo
    before = (data / "ledger.db").read_bytes()
    run = warm("launch", data / "county", "--by", "stf_nobody", "--data", data, "--json")
    assert (run.code, run.json["error"]["code"], run.json["error"]["place"]) == (2, "DATA_IS_A_DEMO", str(data))
    assert (data / "ledger.db").read_bytes() == before


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


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """Two demos that are in the middle of the year at once, one for each signal."""
    begun = {number: _begin(tmp_path_factory.mktemp("interrupted")) for number in (signal.SIGINT, signal.SIGTERM)}
    yield begun
    for process, _ in begun.values():
        process.kill()
        process.wait()


def _begin(folder):
    return subprocess.Popen(
        [sys.executable, str(STARTER), "demo", *map(str, SMALL)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(TMPDIR=str(folder), **INSTALLATION),
    ), folder


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_interrupted_drains_and_says_so(interrupted, number):
    """Ctrl-C and SIGTERM in the middle of an Update: exit 130 or 143, nothing runs on, no directory is left.

    Meanwhile its worker knew nothing of the installation's own databases, engine and mail server.
    """
    process, folder = interrupted[number]
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("2024-"):
            break
    [worker] = [pid for pid in children(process.pid) if b"worker.py" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    settings = own_settings(worker)
    assert not {*settings.values()} & {*INSTALLATION.values()}
    assert {"DIVERSION_SMTP_PASSWORD_FILE", "DIVERSION_NOT_YET_KNOWN"} & {*settings} == set()
    assert settings["DIVERSION_DATA"].startswith(str(folder))
    (place,) = folder.glob("diversion-demo-*/engine.json")
    engine = json.loads(place.read_text())["pid"]
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert out == ""
    assert gone(engine, 1)
    assert not list(folder.glob("diversion-demo-*"))


def test_a_demo_replaces_a_demo_and_nothing_else(tmp_path, warm):
    """Somebody else's directory is refused as usage, and stays as it is."""
    (tmp_path / "ledger.db").write_text("mine")
    for arguments in ((), ("--resume",)):
        run = warm("demo", "--data", tmp_path, "--json", *arguments)
        assert run.code == 2
        assert run.json["error"]["code"] == "DATA_NOT_A_DEMO"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["ledger.db"]
    assert (tmp_path / "ledger.db").read_text() == "mine"


def test_a_rehearsal_tells_totals_and_leaves_nothing(rehearsal):
    """Real files, a directory of its own that is removed, and numbers only: no name, no reference of a child."""
    folder, before, ending = rehearsal
    run = ending.result()
    assert run.code == 0, run
    assert run.json["replay_ok"] is True
    assert sum(run.json["notices_by_week"].values()) == run.json["notices"]
    assert set(run.json["notices_by_channel"]) <= {"", "email", "phone", "paper"}
    assert sum(run.json["notices_by_channel"].values()) == run.json["notices"]
    assert isinstance(run.json["collisions"], list)
    assert "stu_" not in run.out + run.err
    assert eventually(lambda: {entry.name for entry in folder.iterdir()} == before)
