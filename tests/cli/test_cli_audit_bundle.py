"""`audit export|verify|head|keys`, and the verifier that lies in the bundle, alone on a bare PC."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from cli_in_process import command_line

sys.path.append(str(Path(__file__).parents[1] / "audit"))  # for `bundle_maker` and the years beside it
from audit_kernel_year import kernel_year
from bundle_maker import Workshop, rehashed

from audit.bundle.manifest import Content, manifest_of, signed_over, write_container
from audit.signing_keys import load_key
from audit.verifier import verify_bundle

CAMPAIGN = "campaign/qingshan/2025"
ALONE = """import sys, runpy
sys.modules['socket'] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name='__main__')
"""
"""Runs a file in a Python that cannot open a network connection."""


@pytest.fixture(scope="module")
async def data(tmp_path_factory):
    """A data directory with the ledger of a rehearsed year."""
    folder = tmp_path_factory.mktemp("data")
    await kernel_year(folder, schools=1, pupils=10)
    (folder / "pepper").write_bytes(b"p" * 32)  # the year's own, so that its people can be asked for
    (folder / "pepper").chmod(0o600)
    return folder


@pytest.fixture
def run(monkeypatch, capsys, data):
    """Run `audit …` over that directory."""
    line = command_line(monkeypatch, capsys)
    offline = ("verify", "new")

    def audit(*arguments, readable=False):
        where = () if any(word in arguments for word in offline) else ("--data", data)
        return line("audit", *arguments, *where, *(() if readable else ("--json",)))

    return audit


@pytest.fixture
def bundle(run, tmp_path):
    """A bundle that the command line has exported with a key of its own."""
    run("export", CAMPAIGN, tmp_path / "b.zip")
    return tmp_path / "b.zip"


def alone(*arguments):
    """Run the verifier as an auditor does: nothing of ours, no site packages, no environment, no network."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", ALONE, *map(str, arguments)],
        capture_output=True, encoding="utf-8", env={}, cwd="/", check=False, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    return done


def test_export_writes_signs_and_verifies(run, tmp_path, data):
    """The same bytes again; the key is told and lies in the data directory until one is given."""
    told = run("export", CAMPAIGN, tmp_path / "b.zip")
    assert told.code == 0, told.out + told.err
    assert told.json["verified"]
    assert told.json["events"] > 100
    assert (data / "audit.key").stat().st_mode & 0o077 == 0
    again = run("export", CAMPAIGN, tmp_path / "c.zip").json
    assert again["sha256"] == told.json["sha256"]
    assert (tmp_path / "b.zip").read_bytes() == (tmp_path / "c.zip").read_bytes()
    listed = run("keys", "list").json
    assert listed["current"] == told.json["key"]


def test_verify_trusts_the_key_it_is_given(run, bundle, tmp_path):
    """The line itself or its file; without one it says what the signature proves; another key is 7."""
    key = run("keys", "list").json["current"]
    (tmp_path / "key.txt").write_text(f"{key}\n")
    for given in (key, tmp_path / "key.txt"):
        told = run("verify", bundle, "--key", given)
        assert (told.code, told.json["trusted"], told.json["warnings"]) == (0, True, [])
    told = run("verify", bundle)
    assert (told.code, told.json["trusted"]) == (0, False)
    assert "self-consistency" in told.json["warnings"][0] or "前后一致" in told.json["warnings"][0]
    other = run("keys", "new", tmp_path / "other").json["key"]
    told = run("verify", bundle, "--key", other)
    assert (told.code, told.json["error"]["code"]) == (7, "SIGNER_UNKNOWN")
    told = run("verify", bundle, "--key", "hello")
    assert (told.code, told.json["error"]["code"]) == (2, "KEY_MALFORMED")
    told = run("verify", bundle, "--key", tmp_path / "other")
    assert (told.code, told.json["error"]["code"]) == (2, "KEY_MALFORMED")
    assert "PRIVATE" not in told.out + told.err


def test_the_verifier_in_the_bundle_needs_nothing_and_says_the_same(run, bundle, tmp_path):
    """Unpacked from the bundle, without environment, packages and network: the same verdicts as `audit verify`."""
    program = tmp_path / "verify_bundle.py"
    with zipfile.ZipFile(bundle) as archive:
        program.write_bytes(archive.read("verify_bundle.py"))
    key = run("keys", "list").json["current"]
    good = alone(program, bundle, "--key", key, "--sample", 4, "--seed", "x", "--json")
    assert good.returncode == 0
    own = run("verify", bundle, "--key", key, "--sample", 4, "--seed", "x").json
    assert json.loads(good.stdout) | {"warnings": []} == own
    assert len(own["sample"]) == 4
    readable = alone(program, bundle)
    assert (readable.returncode, "核验通过" in readable.stdout, "未提供公钥" in readable.stdout) == (0, True, True)

    shop = Workshop(bundle)
    lines = shop.lines
    event = json.loads(lines[40])
    lines[40] = rehashed(event | {"recorded_at": event["recorded_at"].replace("+08:00", "+08:01")})
    lines[40] = json.dumps(lines[40], ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    shop.lines = lines
    forged = shop.write(tmp_path / "forged.zip")
    bad = alone(program, forged, "--key", key, "--json")
    told = run("verify", forged, "--key", key)
    assert bad.returncode == told.code == 7
    assert json.loads(bad.stdout)["error"]["place"] == told.json["error"]["place"]
    assert told.json["error"]["place"] in (f"{event['stream']}#{event['version'] + step}" for step in (0, 1))
    assert "核验不符" in alone(program, forged).stdout

    (tmp_path / "short.zip").write_bytes(bundle.read_bytes()[:5000])
    short = alone(program, tmp_path / "short.zip", "--json")
    told = run("verify", tmp_path / "short.zip")
    assert short.returncode == told.code == 3
    assert json.loads(short.stdout)["error"]["code"] == told.json["error"]["code"] == "BUNDLE_TRUNCATED"
    assert run("verify", tmp_path / "nowhere").code == alone(program, tmp_path / "nowhere").returncode == 3


def test_one_byte_is_found_with_its_place(run, bundle):
    """What the demo ends with: export, verify, one byte, refused."""
    content = bytearray(bundle.read_bytes())
    content[content.index(b'"actor"', content.index(b"events.jsonl")) + 4000] ^= 1
    bundle.write_bytes(content)
    told = run("verify", bundle, readable=True)
    assert told.code == 7
    assert CAMPAIGN in told.out


def compressed(shop, path, _key):
    """Fifty megabytes of nothing in a few kilobytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in shop.members.items():
            archive.writestr(name, content if name != "events.jsonl" else b"\x00" * 50_000_000)


def climbing(shop, path, key):
    """A member that would be unpacked outside."""
    shop.members["../evil"] = b"x"
    shop.write(path, key)


def newer(shop, path, key):
    """A bundle of a format that this program does not know, signed by the right key."""
    members = [Content(name, content) for name, content in shop.members.items()]
    manifest = manifest_of(members, campaign=CAMPAIGN, code_version="9", heads=[], origin=shop.origin)
    manifest = manifest.replace(b'"format":1', b'"format":2')
    write_container(path, signed_over(manifest, shop.origin, key), manifest, members)


def cut_off(shop, path, key):
    """A copy that was broken off."""
    path.write_bytes(shop.write(path, key).read_bytes()[:-500])


def of_something_else(_shop, path, _key):
    """Any other ZIP."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("letter.txt", "hello")


HARM = {
    compressed: "BUNDLE_BOMB",
    climbing: "BUNDLE_PATH",
    newer: "BUNDLE_TOO_NEW",
    cut_off: "BUNDLE_TRUNCATED",
    of_something_else: "NOT_A_BUNDLE",
}


def test_what_is_no_bundle_or_would_harm_is_refused_clearly(run, bundle, tmp_path, data):
    """Exit 3, which file, what is wrong and what to do; the program alone says the same."""
    key = load_key(data / "audit.key")
    for made, code in HARM.items():
        file = tmp_path / f"{code}.zip"
        made(Workshop(bundle), file, key)
        told = run("verify", file)
        error = told.json["error"]
        assert (told.code, error["code"]) == (3, code)
        assert error["place"].startswith(str(file))
        assert error["message"]
        assert error["remedy"]
        by_itself = alone(verify_bundle.__file__, file, "--json")
        assert by_itself.returncode == 3
        assert json.loads(by_itself.stdout)["error"]["code"] == code


def test_a_head_is_shown_kept_outside_and_followed_by_a_new_key(run, tmp_path):
    """`head --out` writes the note; after a rotation the old file signs nothing."""
    first = run("head", CAMPAIGN, "--out", tmp_path / "head.note")
    assert first.code == 0
    assert (tmp_path / "head.note").read_text() == first.json["note"]
    assert first.json["origin"].startswith("diversion.local/rehearsal/")


def test_every_export_is_on_the_list_with_who_made_it(run, tmp_path, data):
    """Who, when, which file; one without a name stands there too, and one that was refused does not."""
    before = run("exports", "list", CAMPAIGN).json["exports"]
    with contextlib.closing(sqlite3.connect(data / "registry.db")) as registry:
        (who,) = registry.execute("select staff_ref from staff order by staff_ref limit 1").fetchone()
    named = run("export", CAMPAIGN, tmp_path / "b.zip", "--by", who)
    assert (named.code, named.json["engine"], named.json["unarchived"]) == (0, "unreachable", named.json["events"])
    assert run("export", CAMPAIGN, tmp_path / "c.zip").code == 0
    assert run("export", CAMPAIGN, tmp_path / "d.zip", "--by", "stf_nobody").code == 4
    assert run("export", CAMPAIGN, tmp_path / "e.zip", "--key", tmp_path / "missing").code == 4
    first, second = run("exports", "list", CAMPAIGN).json["exports"][len(before) :]
    kept = ("sha256", "size", "events")
    assert first == {"by": who, "at": first["at"], **{name: named.json[name] for name in kept}}
    assert (second["by"], second["sha256"]) == (None, first["sha256"])
    told = run("exports", "list", CAMPAIGN, readable=True)
    assert all(text in told.out for text in (who, first["at"], first["sha256"]))
    assert run("exports", "list", "campaign/nowhere/2025").code == 4


def test_without_an_engine_it_is_said_why_events_have_no_history(run, tmp_path):
    """A person reads how many, and what to do."""
    told = run("export", CAMPAIGN, tmp_path / "b.zip", readable=True)
    assert told.code == 0
    assert "diversion up" in told.out


def test_an_export_is_written_over_an_earlier_bundle_and_nothing_else(run, bundle, tmp_path, data):
    """Not over the ledger, a key, a text, an empty file; a bundle, whole or cut off, is replaced."""
    whole = bundle.read_bytes()
    bundle.write_bytes(whole[:5000])
    assert run("export", CAMPAIGN, bundle).code == 0
    assert bundle.read_bytes() == whole
    (tmp_path / "letter.txt").write_text("hello")
    (tmp_path / "empty").touch()
    (tmp_path / "other.zip").write_bytes(b"PK\x03\x04" + whole[100:])
    before = run("exports", "list", CAMPAIGN).json["exports"]
    for file in (data / "ledger.db", data / "audit.key", *(tmp_path / name for name in ("letter.txt", "empty"))):
        held = file.read_bytes()
        told = run("export", CAMPAIGN, file)
        assert (told.code, told.json["error"]["code"], told.json["error"]["place"]) == (3, "FILE_EXISTS", str(file))
        assert file.read_bytes() == held
    assert run("export", CAMPAIGN, tmp_path / "other.zip").json["error"]["code"] == "FILE_EXISTS"
    assert run("exports", "list", CAMPAIGN).json["exports"] == before


def test_what_is_wrong_is_said(run, tmp_path, data):
    """An unknown campaign, an unknown person, a key's file that others can read, one that is missing."""
    assert run("export", "campaign/nowhere/2025", tmp_path / "b.zip").code == 4
    told = run("export", CAMPAIGN, tmp_path / "b.zip", "--key", tmp_path / "missing")
    assert (told.code, told.json["error"]["code"]) == (4, "KEY_FILE_MISSING")
    run("keys", "new", tmp_path / "open")
    os.chmod(tmp_path / "open", 0o644)  # noqa: PTH101 - a mode, not a path
    told = run("export", CAMPAIGN, tmp_path / "b.zip", "--key", tmp_path / "open")
    assert (told.code, told.json["error"]["code"]) == (3, "KEY_FILE_OPEN")
    told = run("keys", "new", tmp_path / "open")
    assert (told.code, told.json["error"]["code"]) == (3, "KEY_FILE_EXISTS")
    assert not (tmp_path / "b.zip").exists()
    other = run("keys", "new", tmp_path / "other", "--name", "audit.example")
    assert other.code == 0
    run("export", CAMPAIGN, tmp_path / "b.zip")
    told = run("export", CAMPAIGN, tmp_path / "c.zip", "--key", tmp_path / "other")
    assert (told.code, told.json["error"]["code"]) == (3, "KEY_OUT_OF_TERM")
