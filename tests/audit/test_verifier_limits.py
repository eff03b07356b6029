"""What a stranger's file may cost the machine that reads it, and what may stand in a file beside what was signed."""

from __future__ import annotations

import base64
import dataclasses
import functools
import gzip
import hashlib
import io
import json
import marshal
import os
import resource
import subprocess
import sys

import pytest
from audit_log_tools import sealed
from audit_small_log import good
from bundle_maker import KEY, NAME, THIEF, Workshop, encoded, history, made

from audit.bundle.manifest import Content, manifest_of, write_container
from audit.checkpoint import Checkpoint, sign_checkpoint
from audit.signed_note import sign_note
from audit.signing_keys import SigningKey, rotate
from audit.verifier import verify_bundle as vb

PUBLIC = str(KEY.public)
TRUSTED = vb.Key.parse(PUBLIC)
STREAM = "campaign/qingshan/2026"


@pytest.fixture(autouse=True)
def each_once(monkeypatch):
    """Verify the same signature once."""
    monkeypatch.setattr(vb, "ed25519_verifies", _signatures)


_signatures = functools.cache(vb.ed25519_verifies)


@pytest.fixture(scope="module")
async def bundle(tmp_path_factory):
    """A bundle with two heads and two runs of each stream."""
    return await made(tmp_path_factory.mktemp("limits"), sealed(good()))


@pytest.fixture
def shop(bundle):
    """Its members in a forger's hands, without what only readers need."""
    found = Workshop(bundle.path)
    for name in ("schemas.json", "glossary.json"):
        del found.members[name]
    found.members[vb.PROGRAM] = b"-"
    return found


@pytest.fixture
def told(shop, tmp_path):
    """Verify the members as they are, signed by somebody."""

    def verified(signer=KEY, key=TRUSTED, **more):
        return vb.verify(shop.write(tmp_path / "forged.zip", signer), key, **more)

    return verified


@pytest.fixture
def refused(told):
    """Verify the members as they are; code and place of the refusal."""

    def verified(**given):
        with pytest.raises(vb.Refused) as error:
            told(**given)
        return error.value.code, error.value.place

    return verified


# -- lines under the note over the manifest -----------------------------------------------------------------------


def lines_of(note):
    """Return the lines of signatures of a note."""
    return note.partition(b"\n\n")[2]


def nobodys(note):
    """A line in the form of a signature: a kilobyte of somebody's own text, signed by nobody."""
    return note + f"— nobody {base64.b64encode(b'whatever anybody wants to write here. ' * 30).decode()}\n".encode()


def a_thiefs(note):
    """A right signature of another key, behind the right one."""
    return note + lines_of(bytes(sign_note(vb.parse_note(note).text.decode(), THIEF)))


def before_it(note):
    """The same before the right one."""
    text, _, own = note.partition(b"\n\n")
    return text + b"\n\n" + lines_of(a_thiefs(note)).removeprefix(own) + own


def again(note):
    """The right signature twice."""
    return note + lines_of(note)


@pytest.mark.parametrize(
    ("forgery", "code"),
    [
        (nobodys, "SIGNATURE_INVALID"),
        (a_thiefs, "SIGNATURE_INVALID"),
        (before_it, "SIGNATURE_INVALID"),
        (again, "NOTE_FORM"),
    ],
)
def test_nothing_stands_under_the_bundles_note_but_its_one_signature(bundle, tmp_path, capsys, forgery, code):
    """Whoever has no key can make the container anew around another note: a line more is told, whatever it says."""
    shop = Workshop(bundle.path)
    members = [Content(name, data) for name, data in shop.members.items()]
    manifest = manifest_of(members, **{n: v for n, v in shop.manifest.items() if n not in ("members", "format")})
    file = tmp_path / "added.zip"
    write_container(file, shop.note, manifest, members)
    assert file.read_bytes() == bundle.path.read_bytes()
    write_container(file, forgery(shop.note), manifest, members)
    assert vb.main([str(file), "--key", PUBLIC, "--json"]) == 7
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["place"]) == (code, vb.NOTE)


# -- signatures: each takes milliseconds --------------------------------------------------------------------------


def line(name, key_id, value=b"s" * 64):
    """Return a line of a signature."""
    return f"— {name} {base64.b64encode(key_id + value).decode()}\n"


def test_a_key_signs_a_note_once():
    """A second line of the same name and key id is refused; one of them alike is another key."""
    one = line("a", b"1234")
    for more in (line("a", b"1235"), line("b", b"1234")):
        assert len(vb.parse_note(f"x\n\n{one}{more}".encode()).signatures) == 2
    for more in (one, line("a", b"1234", b"t" * 64), line("b", b"1234") + one):
        with pytest.raises(ValueError, match="signed twice"):
            vb.parse_note(f"x\n\n{one}{more}".encode())


def test_a_head_signed_a_hundred_times_is_not_verified_a_hundred_times(shop, told, monkeypatch):
    """Sixty such heads would be a minute's work; none is looked at."""
    asked = []
    monkeypatch.setattr(vb, "ed25519_verifies", lambda *given: asked.append(given) or _signatures(*given))
    usual = told().heads
    first = len(asked)
    for size in range(200, 260):
        note = bytes(sign_checkpoint(Checkpoint(shop.origin, size, bytes(32)), KEY))
        shop.members[f"heads/{size:012d}.note"] = note + lines_of(note) * 99
    verdict = told()
    assert len(asked) == 2 * first
    assert verdict.heads == usual
    assert ({found.code for found in verdict.findings}, verdict.omitted) == ({"HEAD_FORM"}, 60 - vb.FINDINGS_MOST)


def test_a_change_of_keys_that_is_signed_twice_by_one_is_none(shop, told):
    """The statement is a note like any other."""
    new = SigningKey(NAME, b"n" * 32)
    statement = bytes(rotate(KEY, new, []))
    assert vb.parse_change(statement).new == vb.Key.parse(str(new.public))
    shop.members["rotations/0001.note"] = statement + lines_of(statement).split(b"\n")[0] + b"\n"
    assert vb.Finding("KEYS_BROKEN", "rotations/0001.note") in told(signer=new).findings


# -- values: a few bytes in a file are many in memory -------------------------------------------------------------


def test_values_are_counted_by_what_stands_between_and_around_them(monkeypatch):
    """Up to the limit, and only in a text that can have so many."""
    monkeypatch.setattr(vb, "VALUES_MOST", 8)
    for text, many in (
        (b",,,,,,,,", False),
        (b",,,,,,,, ", False),
        (b",,,,,,,,,", True),
        (b"[[[[[[[[[", True),
        (b"{{{{{{{{{", True),
        (b"{[,{[,{[ ", False),
        (b"{[,{[,{[,", True),
        (b"aaaaaaaaaaaaaaaaa", False),
        (b"]}:]}:]}:]}:]}:", False),
    ):
        assert vb._too_many(text) is many, text
    assert vb._json(b"[0,0,0,0,0,0,0,0]") == [0] * 8
    with pytest.raises(ValueError, match="too many"):
        vb._json(b"[0,0,0,0,0,0,0,0,0]")


def test_four_million_values_are_the_limit():
    """A history of the engine has a value in fifty bytes: the largest one that is read has fewer."""
    assert vb.VALUES_MOST == 4 * 2**20
    assert vb.HISTORY_MOST // 50 < vb.VALUES_MOST


def test_events_with_too_many_values_together_are_read_one_by_one(bundle, monkeypatch):
    """Only an event that has too many itself is none."""
    together = vb.read_events(bundle.lines, 0)
    most = max(line.count(b",") + line.count(b"[") + line.count(b"{") for line in bundle.lines)
    monkeypatch.setattr(vb, "VALUES_MOST", most)
    alone = vb.read_events(bundle.lines, 0)
    assert (alone.findings, alone.kept, alone.leaves) == ([], together.kept, together.leaves)
    monkeypatch.setattr(vb, "VALUES_MOST", most - 1)
    assert {found.code for found in vb.read_events(bundle.lines, 0).findings} == {"EVENT_FORM"}


def read_back(text):
    """Read a history whose size and digest fit."""
    return vb.read_history(gzip.compress(text, mtime=0), len(text), hashlib.sha256(text).hexdigest())


def test_a_history_with_too_many_values_is_not_read(monkeypatch):
    """In its own text it is a bomb; inside one of its payloads it is no history of ours."""
    text = history(STREAM, []).encode()
    values = sum(map(text.count, (b",", b"[", b"{")))
    monkeypatch.setattr(vb, "VALUES_MOST", values)
    assert read_back(text).code == ""
    monkeypatch.setattr(vb, "VALUES_MOST", values - 1)
    assert read_back(text).code == "BUNDLE_BOMB"
    monkeypatch.setattr(vb, "VALUES_MOST", 100)
    carry = {"stream": STREAM, "version": 0, "hash": vb.GENESIS}
    for more, code in (([0] * 96, ""), ([0] * 97, "HISTORY_FORM")):  # with a brace, a bracket and three keys more
        told = json.loads(history(STREAM, []))
        started = told["events"][0]["workflowExecutionStartedEventAttributes"]
        started["input"]["payloads"] = [encoded(carry | {"more": more})]
        assert read_back(json.dumps(told).encode()).code == code
    assert vb.Told().code == ""


def test_a_history_of_brackets_stops_the_reading(shop, refused):
    """What took five gigabytes of memory: a megabyte and a half, unpacked as often as may be."""
    noise = base64.b64encode(os.urandom(900_000))  # so that it is no bomb by its packed size
    text = b'["' + noise + b'"' + b",[]" * (vb.VALUES_MOST // 2) + b"]"
    index = shop.json(vb.HISTORIES)
    index[0] |= {"size": len(text), "digest": hashlib.sha256(text).hexdigest()}
    shop.members[index[0]["member"]] = gzip.compress(text, 1, mtime=0)
    shop.put(vb.HISTORIES, index)
    assert refused(key=None) == ("BUNDLE_BOMB", index[0]["member"])


# -- histories: a small file, and much in it ----------------------------------------------------------------------


def test_a_bomb_is_named_before_any_history_is_read(shop, refused, monkeypatch):
    """By the size that its entry says, wherever it stands in the list."""
    index = shop.json(vb.HISTORIES)
    monkeypatch.setattr(vb, "read_history", None)
    for size in (-1, 2**20 + 1, vb.HISTORY_MOST + 1):
        shop.put(vb.HISTORIES, [*index[:-1], index[-1] | {"size": size}])
        assert refused() == ("BUNDLE_BOMB", index[-1]["member"])


def test_histories_unpack_together_to_a_hundred_times_their_bytes(shop, told, refused, monkeypatch):
    """Many small ones, each within a mebibyte, are a bomb together; the limit itself is read."""
    index = shop.json(vb.HISTORIES)
    packed = sum(len(shop.members[row["member"]]) for row in index)
    monkeypatch.setattr(vb, "RATIO_FROM", 0)
    monkeypatch.setattr(vb, "RATIO_MOST", 1)
    monkeypatch.setattr(vb, "_is_bomb", lambda *_: False)
    monkeypatch.setattr(vb, "read_history", lambda *_: vb.Told("HISTORY_DIGEST"))
    rest = sum(row["size"] for row in index[1:])
    for size, beyond in ((packed - rest, False), (packed - rest + 1, True)):
        shop.put(vb.HISTORIES, [index[0] | {"size": size}, *index[1:]])
        if beyond:
            assert refused() == ("BUNDLE_BOMB", vb.HISTORIES)
        else:
            assert {found.code for found in told().findings} == {"HISTORY_DIGEST"}


def test_large_histories_are_read_by_fewer_processes(shop, told, monkeypatch):
    """So that all together take no more memory than the largest one that is allowed."""
    asked, usual = [], vb.shared_out

    def noted(work, tasks, ways):
        if work == "histories":
            asked.append(ways)
        return usual(work, tasks, 1)

    monkeypatch.setattr(vb, "shared_out", noted)
    largest = max(row["size"] for row in shop.json(vb.HISTORIES))
    for most in (largest, 2 * largest - 1, 2 * largest, 3 * largest + 1, 99 * largest):
        monkeypatch.setattr(vb, "HISTORY_MOST", most)
        assert told(processes=8).verified
    assert asked == [1, 1, 2, 3, 8]
    asked.clear()
    shop.put(vb.HISTORIES, [])
    shop.members = {name: data for name, data in shop.members.items() if not name.startswith("histories/")}
    assert told(processes=8).verified
    assert asked == [8]


def test_a_strangers_histories_are_not_read_where_a_key_is_given(shop, told, monkeypatch):
    """The signature comes first; without a key, and with a list that has the key, they are read."""
    monkeypatch.setattr(vb, "read_history", lambda *_: vb.Told("HISTORY_DIGEST"))
    whole = len(shop.json(vb.HISTORIES))
    assert [told(key=key).histories for key in (None, TRUSTED)] == [whole, whole]
    stranger = vb.Key.parse(str(THIEF.public))
    verdict = told(key=stranger)
    assert {found.code for found in verdict.findings} == {"SIGNER_UNKNOWN"}
    assert (verdict.histories, verdict.running, verdict.unarchived) == (0, 0, verdict.events)
    shop.members[vb.KEYS] = b"none\n"
    assert (told().histories, told(key=None).histories) == (0, whole)


# -- memory -------------------------------------------------------------------------------------------------------


def exhausted(*_given, **_named):
    """Stand for work that the machine has no room for."""
    raise MemoryError


@pytest.mark.parametrize("work", ["read_events", "read_history", "_check_settlements", "open_container"])
def test_too_little_memory_is_a_refusal_and_no_bug(bundle, monkeypatch, capsys, work):
    """Wherever it is noticed: exit 3 with the same code."""
    monkeypatch.setattr(vb, work, exhausted)
    assert vb.main([str(bundle.path), "--json"]) == 3
    assert json.loads(capsys.readouterr().out) == {"error": vb.error_of(vb.Refused("BUNDLE_BOMB"))}


def test_another_process_says_by_its_exit_that_it_had_too_little(monkeypatch):
    """And nothing else, which nobody could read."""
    out = io.TextIOWrapper(io.BytesIO())
    for work, code in ((exhausted, 3), (lambda: 1, 0)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(marshal.dumps([()]))))
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setitem(vb._WORK, "any", work)
        assert vb._work("any") == code
    assert marshal.loads(out.buffer.getvalue()) == [1]


@pytest.mark.parametrize(
    ("code", "error"), [("sys.exit(3)", MemoryError), ("os.kill(os.getpid(), 9)", MemoryError), ("1 / 0", EOFError)]
)
def test_a_process_that_died_is_told_by_how_it_died(monkeypatch, capfd, code, error):
    """The system stops whoever takes too much; a fault of the program stays one."""
    usual = subprocess.Popen
    program = f"import os, sys\nsys.stdin.buffer.read()\n{code}"
    monkeypatch.setattr(vb.subprocess, "Popen", lambda _, **pipes: usual([sys.executable, "-c", program], **pipes))
    monkeypatch.setitem(vb._WORK, "any", lambda: 1)
    with pytest.raises(error):
        vb.shared_out("any", [(), ()], 2)
    assert ("ZeroDivisionError" in capfd.readouterr().err) is (error is EOFError)


def test_a_pc_with_little_memory_refuses_a_large_history(shop, tmp_path):
    """The program alone, with so much memory that it starts, and a history that does not fit in."""
    text = b'["' + base64.b64encode(os.urandom(700_000)) + b"a" * (64 * 2**20) + b'"]'
    index = shop.json(vb.HISTORIES)
    index[0] |= {"size": len(text), "digest": hashlib.sha256(text).hexdigest()}
    shop.members[index[0]["member"]] = gzip.compress(text, 1, mtime=0)
    shop.put(vb.HISTORIES, index)
    file = shop.write(tmp_path / "large.zip", KEY)
    most = 100 * 2**20
    done = subprocess.run(
        [sys.executable, "-I", "-S", vb.__file__, str(file), "--json"],
        capture_output=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (most, most)),
        check=False,
    )
    assert (done.returncode, done.stderr) == (3, b"")
    assert json.loads(done.stdout)["error"]["code"] == "BUNDLE_BOMB"


def test_a_text_in_a_policy_is_not_written_out_for_each_missing_head():
    """Times a million million it would be more than any memory."""
    rules = {"zero_quota": "MET", "points_full": 3, "points_missing": "-"}
    with pytest.raises(ValueError, match="invalid literal"):
        vb.class_points(10**12, 0, rules)


# -- what the archive's row says beside the bytes -----------------------------------------------------------------


@pytest.mark.parametrize("changes", [{"history_events": 4003}, {"run_id": "forged-run"}, {"history_events": "3"}])
def test_a_list_says_of_a_history_what_stands_in_it(shop, told, changes):
    """A row of the archive that was changed before the export: its number of events, or which run it is."""
    index = shop.json(vb.HISTORIES)
    assert index[3]["history_events"] == 3
    index[3] |= changes
    shop.put(vb.HISTORIES, index)
    (found,) = told().findings
    assert found == vb.Finding("HISTORY_FORM", f"{index[3]['member']} ({index[3]['workflow_id']})")


def test_a_history_without_its_runs_id_is_none_of_ours():
    """Every history of the engine has it in its first event."""
    text = history(STREAM, [], run="run-7")
    told = read_back(text.encode())
    assert (told.code, told.run, told.events) == ("", "run-7", 3)
    assert read_back(text.replace('"originalExecutionRunId"', '"executionRunId"').encode()).code == "HISTORY_FORM"
    assert [getattr(vb.Told(), one.name) for one in dataclasses.fields(vb.Told)][-2:] == ["", 0]
