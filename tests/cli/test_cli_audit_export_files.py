"""What `audit export` and the heads' files leave on a disk: no bundle that is on no list, none lost, no half of one."""

from __future__ import annotations

import contextlib
import errno
import gzip
import hashlib
import os
import shutil
import sqlite3
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cli_in_process import command_line
from sqlalchemy.exc import OperationalError

sys.path.append(str(Path(__file__).parents[1] / "audit"))  # for the years beside `bundle_maker`
from audit_kernel_year import kernel_year

import audit.bundle.writer
import audit.heads
import cli.bundle_export
from audit import new_file, signing_keys
from audit.checkpoint import parse_checkpoint, sign_checkpoint
from audit.signing_keys import SigningKey, create_key, load_key
from audit.verifier.verify_bundle import Refused
from cli.failures import failure_of

CAMPAIGN = "campaign/qingshan/2025"
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture(scope="module")
async def data(tmp_path_factory):
    """A data directory with the ledger of a rehearsed year."""
    folder = tmp_path_factory.mktemp("data")
    await kernel_year(folder, schools=1, pupils=10)
    create_key(folder / "audit.key", "diversion.local")
    return folder


@pytest.fixture
def run(monkeypatch, capsys, data):
    """Run `audit …` over that directory, or over a copy of it."""
    line = command_line(monkeypatch, capsys)

    def audit(*arguments, where=data):
        return line("audit", *arguments, "--data", where, "--json")

    return audit


@pytest.fixture
def bundle(run, tmp_path):
    """A bundle that stood there before, cut off, so that a new one is another."""
    file = tmp_path / "out" / "b.zip"
    file.parent.mkdir()
    assert run("export", CAMPAIGN, file).code == 0
    file.write_bytes(file.read_bytes()[:-500])
    return file


def listed(data):
    """Tell how many exports are on the list."""
    with contextlib.closing(sqlite3.connect(data / "ledger.db")) as ledger:
        return ledger.execute("select count(*) from exports").fetchone()[0]


def failed(told):
    """Tell how a command failed: exit code, code, place."""
    error = told.json["error"]
    assert error["message"]
    assert error["remedy"]
    return told.code, error["code"], error["place"]


def raising(error):
    """A function that does nothing else."""

    def call(*_given, **_more):
        raise error

    return call


# -- bundles ------------------------------------------------------------------------------------------------------


def test_a_bundle_has_its_name_only_when_it_is_on_the_list(run, bundle, tmp_path, data, monkeypatch):
    """The row first, then the name: whatever ends the program between them, no bundle is there that nobody knows of."""
    seen, real = [], cli.bundle_export.name_draft
    new = tmp_path / "out" / "c.zip"

    def name_draft(draft, path):
        seen.append((listed(data), path.exists(), hashlib.sha256(draft.read_bytes()).hexdigest()))
        real(draft, path)

    monkeypatch.setattr(cli.bundle_export, "name_draft", name_draft)
    before = listed(data)
    told = run("export", CAMPAIGN, new)
    assert (told.code, seen) == (0, [(before + 1, False, told.json["sha256"])])
    assert sorted(file.name for file in new.parent.iterdir()) == ["b.zip", "c.zip"]
    assert hashlib.sha256(new.read_bytes()).hexdigest() == told.json["sha256"]


BROKEN_OFF = {
    "the row": ("keep_export", OperationalError("insert", {}, Exception()), (6, "STORE_UNREACHABLE"), 0),
    "the disk": ("write_draft", FULL, (3, "FILE_UNREADABLE"), 0),
    "the name": ("name_draft", FULL, (3, "EXPORT_NOT_NAMED"), 1),
}


@pytest.mark.parametrize("what", BROKEN_OFF)
def test_an_export_that_fails_leaves_the_earlier_bundle_as_it_was(run, bundle, data, monkeypatch, what):
    """Ledger or disk gone at any step: the earlier bundle is not touched, a new one is not there, no draft stays."""
    name, error, expected, rows = BROKEN_OFF[what]
    held, before = bundle.read_bytes(), listed(data)
    monkeypatch.setattr(cli.bundle_export, name, raising(error))
    told = run("export", CAMPAIGN, bundle)
    assert failed(told)[:2] == expected
    assert expected[0] == 6 or told.json["error"]["place"] == str(bundle)
    assert (bundle.read_bytes(), listed(data)) == (held, before + rows)
    assert run("export", CAMPAIGN, bundle.with_name("new.zip")).code == expected[0]
    assert list(bundle.parent.iterdir()) == [bundle]


def test_a_bundle_is_on_the_disk_before_it_is_verified_and_its_name_after(run, tmp_path, monkeypatch):
    """A power cut takes back neither the bytes that were verified nor, once it is told, the name."""
    told, real, verify = [], os.fsync, audit.bundle.writer.verify
    monkeypatch.setattr(os, "fsync", lambda opened: (told.append(os.fstat(opened).st_mode >> 12), real(opened)))
    monkeypatch.setattr(audit.bundle.writer, "verify", lambda *given: (told.append("verified"), verify(*given))[1])
    assert run("export", CAMPAIGN, tmp_path / "b.zip").code == 0
    assert told == [0o10, "verified", 0o4]  # a file, a folder


def test_a_name_that_the_disk_does_not_take_is_said(run, bundle, monkeypatch):
    """The bundle is there and verified, and a power cut may take its name back: not told as if it stood."""
    monkeypatch.setattr(audit.bundle.writer, "sync_folder", raising(OSError(errno.EIO, "")))
    assert failed(run("export", CAMPAIGN, bundle)) == (3, "FILE_UNREADABLE", str(bundle))


def test_only_a_bundle_of_the_same_campaign_is_replaced(run, bundle, data):
    """Another year's, and the real year's by its rehearsal: both are refused before anything is signed or listed."""
    own = bundle.read_bytes()
    others = (
        own.replace(b"campaign/qingshan/2025", b"campaign/qingshan/2024", 1),
        own.replace(b"/rehearsal/campaign/", b"/campaign/", 1),
        own[:60],
    )
    before = listed(data)
    for other in others:
        assert other != own
        bundle.write_bytes(other)
        assert failed(run("export", CAMPAIGN, bundle)) == (3, "FILE_EXISTS", str(bundle))
        assert bundle.read_bytes() == other
    assert listed(data) == before
    bundle.write_bytes(own)
    assert run("export", CAMPAIGN, bundle).code == 0


def test_a_file_that_came_meanwhile_is_not_written_over(run, tmp_path, data, monkeypatch):
    """An export takes a while: the place is looked at again before the list and the name."""
    place, real, before = tmp_path / "b.zip", cli.bundle_export.write_draft, listed(data)

    def meanwhile(*given, **more):
        place.write_text("a letter")
        return real(*given, **more)

    monkeypatch.setattr(cli.bundle_export, "write_draft", meanwhile)
    assert failed(run("export", CAMPAIGN, place)) == (3, "FILE_EXISTS", str(place))
    assert (list(tmp_path.iterdir()), place.read_text(), listed(data)) == ([place], "a letter", before)


def test_a_draft_that_was_taken_away_is_not_made_again(run, tmp_path, data, monkeypatch):
    """Whoever breaks an export off leaves no bundle behind that its thread writes afterwards."""
    real, before = cli.bundle_export.write_draft, listed(data)

    def broken_off(headed, rows, signer, draft, **more):
        draft.unlink()
        return real(headed, rows, signer, draft, **more)

    monkeypatch.setattr(cli.bundle_export, "write_draft", broken_off)
    assert run("export", CAMPAIGN, tmp_path / "b.zip").code == 3
    assert (list(tmp_path.iterdir()), listed(data)) == ([], before)


def test_a_record_that_is_more_than_a_bundle_holds_is_said(run, tmp_path, data, monkeypatch):
    """Too many members for the container, or for the verifier here: 3, and neither a crash nor a word of a change."""
    before, place = listed(data), tmp_path / "b.zip"
    with monkeypatch.context() as patched:
        patched.setattr(audit.bundle.writer, "MEMBERS_MOST", 3)
        assert failed(run("export", CAMPAIGN, place)) == (3, "BUNDLE_BOMB", f"{place}: manifest.json")
    monkeypatch.setattr(audit.bundle.writer, "verify", raising(Refused("BUNDLE_BOMB")))
    assert failed(run("export", CAMPAIGN, place)) == (3, "BUNDLE_BOMB", str(place))
    assert (list(tmp_path.iterdir()), listed(data)) == ([], before)


# -- what the archive holds ---------------------------------------------------------------------------------------

MEMBER = f"histories/000001.json.gz ({CAMPAIGN})"
HARM = {
    "a bomb": (gzip.compress(bytes(8 * 2**20), mtime=0), "BUNDLE_BOMB"),
    "a size that is not so": (gzip.compress(b"{}", mtime=0)[:-4] + b"\xff\xff\xff\x7f", "BUNDLE_BOMB"),
    "no gzip": (b"{}", "HISTORY_DIGEST"),
    "nothing": (b"", "HISTORY_DIGEST"),
    "no history": (gzip.compress(b"{}", mtime=0), "HISTORY_FORM"),
}


def archived(data, **columns):
    """Put a run of the campaign's own stream into the archive, with some columns as no program writes them."""
    row = {
        "campaign": CAMPAIGN, "workflow_id": CAMPAIGN, "run_id": "run-1", "first_version": 1, "last_version": 1,
        "last_hash": "0" * 64, "closed": True, "history_events": 3, "digest": "0" * 64, "history": b"", **columns,
    }  # fmt: skip
    with contextlib.closing(sqlite3.connect(data / "ledger.db")) as ledger, ledger:
        places = ", ".join("?" * len(row))
        ledger.execute(f"insert into archive ({', '.join(row)}) values ({places})", tuple(row.values()))


@pytest.mark.parametrize("what", HARM)
def test_a_changed_history_of_the_archive_is_named_and_nothing_is_written(run, data, tmp_path, what):
    """Exit 7 with member and workflow, also where it would unpack to more than a history has."""
    packed, code = HARM[what]
    copy = tmp_path / "data"
    shutil.copytree(data, copy)
    text = b"" if code == "BUNDLE_BOMB" or packed[:1] != b"\x1f" else gzip.decompress(packed)
    archived(copy, history=packed, digest=hashlib.sha256(text).hexdigest())
    before = listed(copy)
    assert failed(run("export", CAMPAIGN, tmp_path / "b.zip", where=copy)) == (7, code, MEMBER)
    assert (list(tmp_path.iterdir()), listed(copy)) == ([copy], before)


NO_KIND = (
    "history = 'a text'",
    "history = 5",
    "first_version = 'x'",
    "history_events = x'ff'",
    "run_id = x'ff'",
    "last_hash = cast(x'ff' as text)",
)


@pytest.mark.parametrize("column", NO_KIND)
def test_a_row_of_the_archive_that_no_program_writes_is_named_too(run, data, tmp_path, column):
    """SQLite keeps anything: exit 7 with the place, where a number, a text or bytes stand in each other's column."""
    copy = tmp_path / "data"
    shutil.copytree(data, copy)
    packed = gzip.compress(b"{}", mtime=0)
    for run_id in ("run-1", "run-2"):
        archived(copy, run_id=run_id, history=packed, digest=hashlib.sha256(b"{}").hexdigest())
    with contextlib.closing(sqlite3.connect(copy / "ledger.db")) as ledger, ledger:
        ledger.execute(f"update archive set {column} where run_id = 'run-1'")
    code, named, place = failed(run("export", CAMPAIGN, tmp_path / "b.zip", where=copy))
    assert (code, named[:8], place[:9]) == (7, "HISTORY_", "histories")
    assert list(tmp_path.iterdir()) == [copy]


# -- heads and keys -----------------------------------------------------------------------------------------------


def test_a_head_that_the_disk_did_not_take_can_be_kept_again(run, tmp_path, monkeypatch):
    """The first try is told with its place and leaves no half; the second one does it."""
    place = tmp_path / "head.note"
    with monkeypatch.context() as patched:
        patched.setattr(new_file.os, "fsync", raising(FULL))
        assert failed(run("head", CAMPAIGN, "--out", place)) == (3, "FILE_UNREADABLE", str(place))
    assert list(tmp_path.iterdir()) == []
    told = run("head", CAMPAIGN, "--out", place)
    assert (told.code, place.read_text()) == (0, told.json["note"])
    assert run("head", CAMPAIGN, "--out", place).code == 0
    place.write_text(place.read_text()[:50])
    assert failed(run("head", CAMPAIGN, "--out", place)) == (3, "FILE_EXISTS", str(place))


def test_a_full_disk_is_no_bug_wherever_it_is_met():
    """The system's error names no file then; what is none of a disk's is still nobody's guess."""
    assert failure_of(FULL).code == "FILE_UNREADABLE"
    assert failure_of(OSError(errno.EIO, "")).exit_code == 3
    assert failure_of(OSError(errno.ENETUNREACH, "")) is None
    assert failure_of(BrokenPipeError(errno.EPIPE, "")) is None


def test_others_who_sign_at_the_same_time_are_told_as_something_to_try_again(run, data, tmp_path, monkeypatch):
    """Nothing was changed: exit 6, and no word of a record that does not hold."""
    copy = tmp_path / "data"
    shutil.copytree(data, copy)

    async def another_came_first(*_given, **_more):
        return False

    monkeypatch.setattr(audit.heads, "keep_key", another_came_first)
    run("head", CAMPAIGN, where=copy)
    told = run("keys", "rotate", copy / "audit.key", tmp_path / "new.key", where=copy)
    assert failed(told)[:2] == (6, "HEAD_RACED")
    with contextlib.closing(sqlite3.connect(copy / "ledger.db")) as ledger, ledger:
        ledger.execute("delete from heads")
        ledger.execute("delete from marks")
    monkeypatch.setattr(audit.heads, "keep_head", another_came_first)
    assert failed(run("head", CAMPAIGN, where=copy)) == (6, "HEAD_RACED", CAMPAIGN)


def test_a_key_that_cannot_follow_is_a_slip_of_the_hand(run, data, tmp_path, monkeypatch):
    """The same key twice, one of another name, a place that is open to others or full: 3, and the list is as it was."""
    old, signer = data / "audit.key", load_key(data / "audit.key")
    assert run("head", CAMPAIGN).code == 0
    create_key(tmp_path / "other.key", "other.example")
    for new in (old, tmp_path / "other.key"):
        told = run("keys", "rotate", old, new)
        assert failed(told) == (3, "ROTATION_NAME", str(new))
        assert "NEW" in told.json["error"]["remedy"]
    fresh = tmp_path / "fresh.key"
    with monkeypatch.context() as patched:  # a place where files have the mode 0700
        patched.setattr(signing_keys, "OTHERS", 0o700)
        assert failed(run("keys", "rotate", old, fresh)) == (3, "KEY_FILE_OPEN", str(old))
        patched.setattr("cli.audit_bundle.load_key", lambda _file: signer)
        assert failed(run("keys", "rotate", old, fresh)) == (3, "KEY_PLACE_OPEN", str(fresh))
    with monkeypatch.context() as patched:
        patched.setattr(new_file.os, "fsync", raising(FULL))
        assert failed(run("keys", "new", fresh)) == (3, "FILE_UNREADABLE", str(fresh))
    assert not fresh.exists()
    assert len(run("keys", "list").json["keys"]) == 1


def test_a_head_by_a_key_that_was_replaced_is_not_to_be_trusted(run, data, tmp_path):
    """Whoever copied the old key signs a head after its term: 7 and a warning, not a word about making keys."""
    copy = tmp_path / "data"
    shutil.copytree(data, copy)
    note = run("head", CAMPAIGN, where=copy).json["note"]
    assert run("keys", "rotate", copy / "audit.key", tmp_path / "new.key", where=copy).code == 0
    thief = load_key(copy / "audit.key")
    forged = tmp_path / "forged.note"
    forged.write_text(later(note, thief))
    told = run("heads", "check", CAMPAIGN, forged, where=copy)
    assert failed(told) == (7, "KEY_OUT_OF_TERM", str(forged))
    assert "keys new" not in told.json["error"]["remedy"]


def later(note: str, key: SigningKey) -> str:
    """Return a head of one event more, signed by a key."""
    origin, size, root, *_ = note.split("\n")
    held = parse_checkpoint(f"{origin}\n{size}\n{root}\n")
    return str(sign_checkpoint(replace(held, size=held.size + 1), key))
