"""`audit heads stamp` against an authority of the tests' own, over HTTP and in real ASN.1 (RFC 3161)."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from cli_in_process import command_line
from cryptography.hazmat.primitives.serialization import Encoding

sys.path.append(str(Path(__file__).parents[1] / "audit"))  # for `bundle_maker` and the log beside it
from audit_log_tools import sealed
from audit_small_log import CAMPAIGN, good
from audit_tsa import AT, Authority
from bundle_maker import KEY, NOW

from audit.heads import make_head
from audit.time_stamp import StampError, check, query
from domain.time import SHANGHAI, stamp
from engine import free_port
from ledger.store import Ledger


@pytest.fixture(scope="module")
async def county(tmp_path_factory):
    """A data directory with a small campaign and a head over it."""
    folder = tmp_path_factory.mktemp("data")
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{folder / 'ledger.db'}")
    for stream, events in sealed(good()).items():
        await ledger.append(events, [], {"status": "running"} if stream == CAMPAIGN else {})
    await make_head(ledger, CAMPAIGN, KEY, "engine", NOW)
    await ledger.close()
    return folder


@pytest.fixture
def authority():
    """Return an authority that answers, with its address in `url`."""
    made = Authority()
    server = made.serve()
    made.url = f"http://127.0.0.1:{server.server_port}/tsr"
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def data(county, tmp_path):
    """A copy of it."""
    shutil.copytree(county, tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def run(monkeypatch, capsys, data):
    """Run `audit heads …` over that directory."""
    line = command_line(monkeypatch, capsys)
    return lambda *given: line("audit", "heads", *given, "--data", data, "--json")


def pem(folder, authority):
    """A file with an authority's root."""
    path = folder / "root.pem"
    path.write_bytes(authority.root.public_bytes(Encoding.PEM))
    return path


def test_a_stamp_is_kept_beside_the_head_and_holds_offline(run, authority, data, tmp_path):
    """Asked twice, the first one stays; then without the authority: whole, of another root, of another head."""
    root = pem(tmp_path, authority)
    told = run("stamp", CAMPAIGN, "--tsa", authority.url, "--ca", root)
    assert told.code == 0, told.out
    at = stamp(AT.astimezone(SHANGHAI))
    assert (told.json["new"], told.json["at"], told.json["serial"], told.json["trusted"]) == (True, at, "1", True)
    again = run("stamp", CAMPAIGN, "--tsa", authority.url)
    assert (again.json["new"], again.json["serial"], again.json["trusted"]) == (False, "1", False)
    assert "--ca" in again.err

    [row] = run("list", CAMPAIGN, "--ca", root).json["heads"]
    assert [(one["at"], one["trusted"], one["code"]) for one in row["stamps"]] == [(at, True, None)]
    told = run("list", CAMPAIGN, "--ca", pem(tmp_path, Authority()))
    assert (told.code, told.json["heads"][0]["stamps"][0]["code"]) == (7, "STAMP_UNTRUSTED")
    with closing(sqlite3.connect(data / "ledger.db")) as connection, connection:
        connection.execute("UPDATE heads SET note = note || '— other AAAAAAA=' || char(10)")
    assert run("list", CAMPAIGN).json["heads"][0]["stamps"][0]["code"] == "STAMP_OTHER_HEAD"


def test_what_is_no_stamp_of_this_head_is_not_kept(run, authority, tmp_path):
    """A refusal, another text, another question, another root, an authority that is away, a wrong address."""
    root = pem(tmp_path, Authority())
    for name, value, code in (
        ("status", 2, "STAMP_REFUSED"),
        ("digest", bytes(32), "STAMP_OTHER_HEAD"),
        ("nonce", 7, "STAMP_OTHER_NONCE"),
    ):
        usual = getattr(authority, name)
        setattr(authority, name, value)
        told = run("stamp", CAMPAIGN, "--tsa", authority.url)
        assert (told.code, told.json["error"]["code"]) == (7, code)
        setattr(authority, name, usual)
    told = run("stamp", CAMPAIGN, "--tsa", authority.url, "--ca", root)
    assert (told.code, told.json["error"]["code"]) == (7, "STAMP_UNTRUSTED")
    assert run("list", CAMPAIGN).json["heads"][0]["stamps"] == []
    told = run("stamp", CAMPAIGN, "--tsa", f"http://127.0.0.1:{free_port()}/")
    assert (told.code, told.json["error"]["code"]) == (6, "TSA_UNREACHABLE")
    for url in ("tsa.example", "ftp://tsa.example", "https://user:word@tsa.example", "https://x:99999"):
        told = run("stamp", CAMPAIGN, "--tsa", url)
        assert (told.code, told.json["error"]["code"]) == (2, "TSA_URL_INVALID")
        assert "word" not in told.out + told.err
    (tmp_path / "no.pem").write_text("none")
    told = run("stamp", CAMPAIGN, "--tsa", authority.url, "--ca", tmp_path / "no.pem")
    assert (told.code, told.json["error"]["code"]) == (3, "CA_FILE_INVALID")


def test_no_answer_that_was_touched_says_another_time_or_text():
    """Every fourth byte flipped, and cut off: a refusal by its code, or the same time by the same authority."""
    authority, note = Authority(), "a note\n"
    asked = query(note)
    token = authority.answer(asked.body)
    good_ = check(token, note, [authority.root], asked.nonce)
    for at in range(0, len(token), 4):
        touched = bytearray(token)
        touched[at] ^= 0x01
        for answer in (bytes(touched), token[:at]):
            with contextlib.suppress(StampError):
                assert check(answer, note, [authority.root], asked.nonce) == good_
