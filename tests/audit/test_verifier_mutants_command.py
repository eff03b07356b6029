"""What a mutation run found unguarded in the verifier as a whole, and in its command: answers, exit codes, order."""

from __future__ import annotations

import functools
import gzip
import hashlib
import io
import json
import subprocess
import sys

import pytest
from audit_log_tools import sealed
from audit_small_log import CAMPAIGN, good
from bundle_maker import KEY, THIEF, Workshop, made

from audit.checkpoint import Checkpoint, sign_checkpoint
from audit.signing_keys import SigningKey
from audit.verifier import verify_bundle as vb

PUBLIC = str(KEY.public)
TRUSTED = vb.Key.parse(PUBLIC)


@pytest.fixture(autouse=True)
def each_once(monkeypatch):
    """Verify the same signature once."""
    monkeypatch.setattr(vb, "ed25519_verifies", _signatures)


_signatures = functools.cache(vb.ed25519_verifies)


@pytest.fixture(scope="module")
async def bundle(tmp_path_factory):
    """A bundle with two heads and two runs of each stream."""
    return await made(tmp_path_factory.mktemp("command"), sealed(good()))


@pytest.fixture
def shop(bundle):
    """Its members in a forger's hands, without what only readers need."""
    found = Workshop(bundle.path)
    for name in ("schemas.json", "glossary.json", "templates.json"):
        del found.members[name]
    found.members[vb.PROGRAM] = b"-"
    return found


@pytest.fixture
def found_in(shop, tmp_path):
    """Verify the members as they are, signed by the bundle's own key: codes and places."""

    def verified(key=TRUSTED):
        verdict = vb.verify(shop.write(tmp_path / "forged.zip", KEY), key)
        return [(found.code, found.place) for found in verdict.findings]

    return verified


# -- the command --------------------------------------------------------------------------------------------------


def test_a_good_bundle_is_0_and_says_all_that_it_counted(bundle, capsys):
    """As JSON and as text, with the key and without, in both languages."""
    assert vb.main([str(bundle.path), "--key", PUBLIC, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    facts = {
        "verified": True, "trusted": True, "campaign": CAMPAIGN, "origin": f"audit.example/{CAMPAIGN}", "key": PUBLIC,
        "code_version": "1.2.3", "events": len(bundle.lines), "streams": len(bundle.streams), "heads": 2,
        "histories": 20, "settlements": 2, "unarchived": 0, "omitted": 0, "findings": [], "sample": [], "warnings": [],
    }  # fmt: skip
    assert {name: said[name] for name in facts} == facts
    assert "error" not in said
    assert vb.main([str(bundle.path)]) == 0
    told = capsys.readouterr().out
    assert ("未提供公钥" in told, told.startswith("{")) == (True, False)
    assert vb.main([str(bundle.path), "--lang", "en"]) == 0
    assert capsys.readouterr().out.isascii()
    assert vb.main([str(bundle.path), "--lang", "en", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["warnings"][0].isascii()


def test_a_changed_bundle_is_7_and_a_file_that_is_none_is_3(shop, tmp_path, capsys):
    """The error stands in the same place of the answer."""
    shop.members[vb.README] += b"x"
    file = str(shop.write(tmp_path / "forged.zip"))
    for lang, place in (("zh", 0), ("en", 1)):
        assert vb.main([file, "--json", "--lang", lang]) == 7
        out = capsys.readouterr().out
        assert vb.SENTENCES["MANIFEST_CHANGED"][place] in out
        error = json.loads(out)["error"]
        assert (error["code"], error["place"]) == ("MANIFEST_CHANGED", vb.MANIFEST)
        assert error["message"] == vb.SENTENCES["MANIFEST_CHANGED"][place]
        assert vb.main([file, "--lang", lang]) == 7
        assert error["message"] in capsys.readouterr().out
        other = tmp_path / "other.zip"
        other.write_bytes(b"hello")
        assert vb.main([str(other), "--json", "--lang", lang]) == 3
        out = capsys.readouterr().out
        assert vb.SENTENCES["NOT_A_BUNDLE"][place] in out
        assert json.loads(out)["error"] == vb.error_of(vb.Refused("NOT_A_BUNDLE"), lang)
        assert vb.main([str(other), "--lang", lang]) == 3
        assert capsys.readouterr().out == f"{vb.SENTENCES['NOT_A_BUNDLE'][place]}\n"
        assert vb.main([str(tmp_path / "nowhere"), "--lang", lang]) == 3
        assert capsys.readouterr().out == f"{vb.SENTENCES['FILE_UNREADABLE'][place]}\n"


def test_a_key_that_is_none_is_2_and_a_file_may_hold_one(bundle, tmp_path, capsys):
    """The key itself, a file with it, a private one, a word, a file without text."""
    file = tmp_path / "key"
    file.write_text(f"{PUBLIC} \nmore\n")
    assert vb.read_key(str(file)) == vb.read_key(PUBLIC) == TRUSTED
    plus = tmp_path / "a+b"
    plus.write_text(PUBLIC)
    assert vb.read_key(str(plus)) == TRUSTED
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff")
    for wrong, why in (
        ("hello", "no such file"), (str(binary), "no such file"), ("PRIVATE+KEY+a+b+c", "a private key"),
        ("a+b+c", None),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=why):
            vb.read_key(wrong)
        assert vb.main([str(bundle.path), "--key", wrong]) == 2
        said = capsys.readouterr()
        assert (said.out, wrong in said.err, "--key" in said.err) == ("", False, True)
    file.write_text(f"PRIVATE+KEY+{PUBLIC}")
    with pytest.raises(ValueError, match="a private key"):
        vb.read_key(str(file))


def test_a_sample_is_drawn_by_the_command_and_only_from_a_good_bundle(bundle, shop, tmp_path, capsys):
    """As many as were asked for, by the seed; fewer than none is none."""
    for wanted, drawn in ((3, 3), (0, 0), (-3, 0)):
        vb.main([str(bundle.path), "--json", "--sample", str(wanted), "--seed", "s"])
        sample = json.loads(capsys.readouterr().out)["sample"]
        assert len(sample) == drawn
        assert sample == vb.verify(bundle.path, sample=max(0, wanted), seed="s").sample
    assert vb.verify(bundle.path, sample=3, seed="s").sample == vb.verify(bundle.path, sample=3, seed="s").sample
    vb.main([str(bundle.path), "--json", "--sample", "3"])
    assert json.loads(capsys.readouterr().out)["sample"] == vb.verify(bundle.path, sample=3).sample
    unseeded = vb.verify(bundle.path, sample=1).sample
    assert unseeded == vb.verify(bundle.path, sample=1, seed="").sample
    assert len(unseeded) == 1
    assert vb.verify(bundle.path).sample == []
    forged = shop.write(tmp_path / "outside.zip")
    assert vb.verify(forged, sample=3).sample == []
    shop.put(vb.CALENDARS, [])
    inside = vb.verify(shop.write(tmp_path / "inside.zip", KEY), sample=3)
    assert (len(inside.findings), inside.sample) == (1, [])


def test_a_console_that_knows_no_chinese_is_told_all_the_same(bundle, monkeypatch):
    """And one that cannot be told to replace what it does not know."""
    console = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", console)
    assert vb.main([str(bundle.path)]) == 0
    console.flush()
    assert b"????" in console.buffer.getvalue()
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert vb.main([str(bundle.path)]) == 0
    assert "核验通过" in sys.stdout.getvalue()


def test_the_file_is_a_program_of_its_own(bundle):
    """Started by its path, without packages; it does not wait for a word."""
    command = [sys.executable, "-I", "-S", vb.__file__]
    done = subprocess.run([*command, bundle.path, "--json"], capture_output=True, check=False, stdin=subprocess.DEVNULL)
    assert (done.returncode, json.loads(done.stdout)["verified"]) == (0, True)
    assert subprocess.run([*command, bundle.path, "--key", "x"], capture_output=True, check=False).returncode == 2


# -- all of it ----------------------------------------------------------------------------------------------------


def test_what_is_needed_and_missing_is_named_each(shop, tmp_path):
    """Nothing is read where one lacks; whose bundle it is is said all the same."""
    for name in (vb.README, vb.POLICIES):
        del shop.members[name]
    verdict = vb.verify(shop.write(tmp_path / "less.zip", KEY), TRUSTED)
    assert [(found.code, found.place) for found in verdict.findings] == [
        ("MEMBER_MISSING", vb.README), ("MEMBER_MISSING", vb.POLICIES),
    ]  # fmt: skip
    assert (verdict.campaign, verdict.key, verdict.code_version) == (CAMPAIGN, PUBLIC, "1.2.3")
    assert (verdict.origin, verdict.events, verdict.trusted) == (f"audit.example/{CAMPAIGN}", 0, False)


def test_what_was_changed_is_told_before_who_did_not_sign_it(shop, tmp_path):
    """Events, then signatures, then the container; what is said twice is told once."""
    lines = shop.lines
    lines[3] = lines[3].replace(b'"data":', b'"dato":')
    shop.lines = lines
    found = vb.verify(shop.write(tmp_path / "forged.zip", THIEF), vb.Key.parse(str(THIEF.public))).findings
    codes = [one.code for one in found]
    assert codes[0] in ("EVENT_HASH", "EVENT_FORM")
    assert codes.index("HEAD_ROOT") < codes.index("SIGNER_UNKNOWN")
    assert len(set(found)) == len(found)


def test_swapped_events_are_told_first_where_none_is_missing(shop, tmp_path):
    """Where one is missing all others move: then its place is told first."""
    lines = shop.lines
    streams = [json.loads(line)["stream"] for line in lines]
    at = next(at for at in range(70, len(lines)) if streams[at] != streams[at + 1])
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    for cut in (len(lines), len(lines) - 1):
        shop.lines = lines[:cut]
        codes = [found.code for found in vb.verify(shop.write(tmp_path / "forged.zip", KEY), TRUSTED).findings]
        assert codes.count("EVENT_ORDER") == 1
        assert (codes[0] == "EVENT_ORDER") is (cut == len(lines))
        assert ("HEAD_SIZE" in codes[: codes.index("EVENT_ORDER")]) is (cut < len(lines))


def test_findings_beyond_fifty_are_counted_from_inside_and_outside(shop, tmp_path):
    """Both lists are told, and both counts."""
    shop.lines = [line.replace(b'"hash":"', b'"hash":"0') for line in shop.lines]
    verdict = vb.verify(shop.write(tmp_path / "forged.zip"), TRUSTED)
    assert verdict.omitted > 0
    assert len(verdict.findings) > 50
    assert verdict.findings[-1].code in ("MANIFEST_CHANGED", "SIGNATURE_INVALID", "CONTAINER_BITS")


def test_a_verdict_counts_what_has_no_history(shop, tmp_path):
    """Events whose runs are not in the bundle."""
    *rest, last = shop.json(vb.HISTORIES)
    del shop.members[last["member"]]
    shop.put(vb.HISTORIES, rest)
    verdict = vb.verify(shop.write(tmp_path / "less.zip", KEY), TRUSTED)
    assert (verdict.findings, verdict.histories) == ([], 19)
    assert verdict.unarchived == last["last_version"] - last["first_version"] + 1


def test_a_run_that_goes_on_is_counted_and_said_so_by_its_history(shop, tmp_path):
    """Its entry must say the same as how its history ends."""
    *rest, last = shop.json(vb.HISTORIES)
    text = gzip.decompress(shop.members[last["member"]]).replace(b"EXECUTION_COMPLETED", b"EXECUTION_SIGNALED")
    shop.members[last["member"]] = gzip.compress(text, mtime=0)
    last |= {"size": len(text), "digest": hashlib.sha256(text).hexdigest()}
    for closed, findings in ((True, ["HISTORY_FORM"]), (False, [])):
        shop.put(vb.HISTORIES, [*rest, last | {"closed": closed}])
        verdict = vb.verify(shop.write(tmp_path / "open.zip", KEY), TRUSTED)
        assert [found.code for found in verdict.findings] == findings
    assert (verdict.histories, verdict.running, verdict.unarchived) == (20, 1, 0)


# -- keys and heads -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [b"", b"hello\n", f"{PUBLIC}\n{PUBLIC}\n".encode(), b"\xff\n", f"{PUBLIC}x\n".encode()],
)
def test_a_list_of_keys_that_is_none_is_named(shop, found_in, content):
    """And nothing that was signed is believed then."""
    shop.members[vb.KEYS] = content
    found = found_in()
    assert ("KEYS_BROKEN", vb.KEYS) in found
    assert {place for code, place in found if code == "SIGNATURE_INVALID"} == {
        name for name in shop.members if name.startswith("heads/")
    }


def test_a_first_key_of_another_name_is_not_in_force(shop, found_in):
    """The bundle's key is the one in force, and all keys have one name."""
    other = SigningKey("other.example", b"k" * 32)
    shop.members[vb.KEYS] = f"{other.public}\n".encode()
    found = found_in()
    assert ("KEY_OUT_OF_TERM", vb.NOTE) in found
    assert ("SIGNER_UNKNOWN", vb.KEYS) in found


def test_a_change_of_keys_that_is_none_is_named_by_its_member(shop, found_in):
    """The list of keys itself is right."""
    shop.members["rotations/0001.note"] = b"x"
    assert ("KEYS_BROKEN", "rotations/0001.note") in found_in()


def head_over(shop, size, root, *, origin=None, signers=(KEY,)):
    """Put a signed head among the members, and return its name."""
    name = f"heads/{size:012d}.note"
    point = Checkpoint(origin or shop.origin, size, root)
    note = bytes(sign_checkpoint(point, signers[0]))
    for signer in signers[1:]:
        note += bytes(sign_checkpoint(point, signer)).split(b"\n\n", 1)[1]
    shop.members[name] = note
    return name


def test_a_head_that_does_not_belong_is_named_and_left_out(shop, found_in):
    """Malformed, of another log, signed by nobody known, of a size that was there; a second signature does no harm."""
    second = max(name for name in shop.members if name.startswith("heads/"))
    first = min(name for name in shop.members if name.startswith("heads/"))
    right = dict(shop.members)
    assert found_in() == []
    shop.members = dict(reversed(right.items()))
    assert found_in() == []

    def found_with(**members):
        shop.members = right | members
        return found_in()

    assert ("HEAD_FORM", second) in found_with(**{second: b"x"})
    text = right[second].split(b"\n\n")[0] + b"\n"
    assert ("HEAD_FORM", "heads/9.note") in found_with(**{"heads/9.note": right[second]})
    name = head_over(shop, 5, b"r" * 32, origin="audit.example/campaign/other/1")
    assert ("HEAD_FORM", name) in found_with(**{name: shop.members[name]})
    shop.members = dict(right)
    name = head_over(shop, 5, b"r" * 32, signers=(THIEF,))
    assert ("SIGNATURE_INVALID", name) in found_with(**{name: shop.members[name]})
    shop.members = dict(right)
    root = vb.base64.b64decode(text.split(b"\n")[2])
    name = head_over(shop, int(text.split(b"\n")[1]), root, signers=(KEY, THIEF))
    assert found_with(**{name: shop.members[name]}) == []
    signature = right[first].split(b"\n\n", 1)[1]
    assert ("HEAD_FORM", second) in found_with(**{second: right[second] + signature})


# -- the list of histories ----------------------------------------------------------------------------------------


def test_a_list_of_histories_that_does_not_fit_its_members_is_named(shop, found_in, tmp_path):
    """A member that nobody lists, one listed twice, one that is not there, a list that is none."""
    index = shop.json(vb.HISTORIES)
    right = dict(shop.members)

    def found_with(rows, **members):
        shop.members = right | members
        if isinstance(rows, bytes):
            shop.members[vb.HISTORIES] = rows
        else:
            shop.put(vb.HISTORIES, rows)
        return found_in()

    missing, malformed = ("MEMBER_MISSING", vb.HISTORIES), ("MEMBER_FORM", vb.HISTORIES)
    assert found_with(index) == []
    assert missing in found_with(index, **{"histories/more.gz": b"x"})
    assert missing in found_with([*index, index[-1]])
    assert found_with([*index, index[-1] | {"member": "histories/none.gz"}]) == [malformed]
    assert found_with([*index[:-1], index[-1] | {"size": "x"}]) == [malformed]
    assert found_with([*index[:-1], index[-1] | {"size": None}]) == [malformed]
    assert found_with(5) == [malformed]
    assert found_with(b"[ ]") == [malformed]
    verdict = vb.verify(shop.write(tmp_path / "forged.zip", KEY), TRUSTED)
    assert (verdict.histories, verdict.running, verdict.unarchived) == (0, 0, verdict.events)
    with pytest.raises(vb.Refused) as error:
        found_with([*index[:-1], index[-1] | {"size": 2**29 + 1}])
    assert (error.value.code, error.value.place) == ("BUNDLE_BOMB", index[-1]["member"])
    bare = {name: data for name, data in right.items() if not name.startswith("histories/")}
    right.clear()
    right.update(bare)
    assert found_with([]) == []


def test_a_history_that_is_listed_twice_is_named_and_none_is_read(shop, tmp_path, monkeypatch):
    """One member a thousand times would be work without end: nothing is counted, no event is vouched for."""
    index = shop.json(vb.HISTORIES)
    shop.put(vb.HISTORIES, [*index, index[0]])
    monkeypatch.setattr(vb, "read_history", None)
    verdict = vb.verify(shop.write(tmp_path / "twice.zip", KEY), TRUSTED)
    assert verdict.findings == [vb.Finding("MEMBER_MISSING", vb.HISTORIES)]
    assert (verdict.histories, verdict.running, verdict.unarchived) == (0, 0, verdict.events)
