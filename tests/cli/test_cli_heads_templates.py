"""`audit export|verify|head` and notice templates: an edited one is refused with its name, a new one is told."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from cli_in_process import command_line

sys.path.append(str(Path(__file__).parents[1] / "audit"))  # for the small log
from audit_log_tools import sealed
from audit_small_log import CAMPAIGN, good

from audit.signing_keys import create_key
from ledger.store import Ledger
from notices.catalogue import DIRECTORY, digests

BOARD = {"status": "running", "clock": "engine", "paused": False, "paused_schools": [], "schools": {}}
EDITED = "choice_notice/1"


@pytest.fixture
async def data(tmp_path):
    """A data directory with the ledger of a small campaign, and a key beside it."""
    create_key(tmp_path / "audit.key", "audit.example")
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}")
    for stream, events in sealed(good()).items():
        await ledger.append(events, [], BOARD if stream == CAMPAIGN else {})
    await ledger.close()
    return tmp_path


@pytest.fixture
def run(monkeypatch, capsys, data):
    """Run `audit …` over that directory, in an installation whose templates are a copy."""
    line = command_line(monkeypatch, capsys)
    templates = data / "templates"
    shutil.copytree(DIRECTORY, templates)
    for module in ("cli.audit_bundle", "cli.bundle_export"):
        monkeypatch.setattr(f"{module}.digests", lambda: digests(templates))

    def audit(*arguments, readable=False):
        where = () if arguments[0] == "verify" else ("--data", data)
        return line("audit", *arguments, *where, *(() if readable else ("--json",)))

    return audit


def test_an_edited_template_is_refused_and_a_new_version_is_told(run, data):
    """Before a head is signed over new events, and where nothing is new; put back as it was, all is well again."""
    late = "SELECT * FROM events WHERE stream = ? AND version > 3"
    with closing(sqlite3.connect(data / "ledger.db")) as connection, connection:
        rows = connection.execute(late, (CAMPAIGN,)).fetchall()
        connection.execute(late.replace("SELECT *", "DELETE"), (CAMPAIGN,))
    first = run("head", CAMPAIGN)
    assert first.json["note"].split("\n")[3].startswith("templates sha256:")
    file = data / "templates" / f"{EDITED}.toml"
    kept = file.read_bytes()
    file.write_bytes(kept + b"# another word\n")

    told = run("export", CAMPAIGN, data / "b.zip")
    assert (told.code, told.json["error"]["code"]) == (7, "TEMPLATE_CHANGED")
    assert told.json["error"]["place"] == f"templates.json {EDITED} (heads/{first.json['events']:012d}.note)"

    with closing(sqlite3.connect(data / "ledger.db")) as connection, connection:
        connection.executemany(f"INSERT INTO events VALUES ({','.join('?' * len(rows[0]))})", rows)
    for command in (("export", CAMPAIGN, data / "b.zip"), ("head", CAMPAIGN)):
        told = run(*command)
        assert (told.code, told.json["error"]["code"]) == (7, "TEMPLATE_CHANGED")
        assert told.json["error"]["place"] == EDITED
    assert not (data / "b.zip").exists()

    file.write_bytes(kept)
    (data / "templates" / "choice_notice" / "99.toml").write_bytes(kept)
    told = run("export", CAMPAIGN, data / "b.zip")
    assert told.code == 0, told.out
    told = run("verify", data / "b.zip")
    assert (told.code, told.json["unnamed"]) == (0, 0)
    assert [change["new"] for change in told.json["templates"]] == [["choice_notice/99"]]
    assert "choice_notice/99" in run("verify", data / "b.zip", readable=True).out
