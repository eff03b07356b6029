"""What a mutation run found unguarded in the one-file verifier's parts: boundaries, second forms, counts."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import hashlib
import json
import zlib

import pytest

from audit.merkle import Tree, leaf_hash
from audit.signed_note import sign_note
from audit.signing_keys import SigningKey
from audit.verifier import verify_bundle as vb

OLD, NEW, OTHER = (SigningKey("audit.example", letter * 32) for letter in (b"a", b"b", b"c"))
ORIGIN = "audit.example/campaign/x/1"


def key_of(signer):
    """Return a signer's public key as the verifier reads it."""
    return vb.Key.parse(str(signer.public))


# -- findings and answers -----------------------------------------------------------------------------------------


def test_a_place_is_named_once_and_fifty_are_named():
    """The fifty-first and later ones are counted; a repeated one is not."""
    findings = vb.Findings()
    assert (findings.all, findings.omitted) == ([], 0)
    for number in range(50):
        findings.add("DERIVED", f"{number}")
        findings.add("DERIVED", "0")
    assert ([found.place for found in findings.all], findings.omitted) == ([str(number) for number in range(50)], 0)
    findings.add("DERIVED", "50")
    findings.add("DERIVED", "51")
    findings.add("DERIVED", "49")
    assert (len(findings.all), findings.omitted) == (50, 2)


def test_a_finding_and_a_refusal_are_told_as_the_command_line_tells_them():
    """Code, message and place; the remedy of a change is another one than that of a file that is none."""
    finding = vb.Finding("DERIVED", "policies.json")
    zh, en = vb.SENTENCES["DERIVED"]
    assert finding.as_data() == {"code": "DERIVED", "place": "policies.json", "message": zh}
    assert finding.as_data("en") == {"code": "DERIVED", "place": "policies.json", "message": en}
    refused = vb.Refused("BUNDLE_PATH", "x")
    assert (refused.code, refused.place, refused.args, vb.Refused("A").place) == (
        "BUNDLE_PATH", "x", ("BUNDLE_PATH", "x"), "",
    )  # fmt: skip
    remedies = set()
    for error in (finding, refused):
        for at, lang in enumerate(("zh", "en")):
            told = vb.error_of(error, lang)
            assert told | {"remedy": ""} == {
                "code": error.code, "message": vb.SENTENCES[error.code][at], "place": error.place, "remedy": "",
            }  # fmt: skip
            assert told["remedy"].isascii() is (lang == "en")
            remedies.add(told["remedy"])
        assert vb.error_of(error) == vb.error_of(error, "zh")
    assert len(remedies) == 4
    assert "Do not trust" in vb.error_of(finding, "en")["remedy"]


def test_a_verdict_says_all_that_it_has():
    """Each count under its name, the first bad place under `error`."""
    verdict = vb.Verdict("c", "o", "k", "1", trusted=True)
    for number, name in enumerate(("events", "streams", "heads", "histories", "settlements", "unarchived", "omitted")):
        setattr(verdict, name, 10 + number)
    told = vb.as_data(verdict)
    assert {name: told[name] for name in list(told) if type(told[name]) is int} == {
        name: getattr(verdict, name) for name in told if type(told[name]) is int
    }
    assert told["events"] == 10
    assert told["omitted"] == 16
    assert {name: told[name] for name in ("verified", "campaign", "origin", "key", "trusted", "code_version")} == {
        "verified": True, "campaign": "c", "origin": "o", "key": "k", "trusted": True, "code_version": "1",
    }  # fmt: skip
    assert (told["findings"], told["sample"], told["warnings"], "error" in told) == ([], [], [], False)
    verdict.findings = [vb.Finding("DERIVED", "a"), vb.Finding("HEAD_SIZE", "b")]
    assert vb.as_data(verdict)["error"] == vb.error_of(verdict.findings[0])
    assert vb.as_data(verdict, "en")["error"] == vb.error_of(verdict.findings[0], "en")
    assert vb.as_data(verdict, "en")["findings"] == [found.as_data("en") for found in verdict.findings]
    assert vb.as_data(verdict)["verified"] is False


def test_nothing_is_said_of_what_was_not_looked_at():
    """A verdict begins without a word, a number or a voucher; of a history that cannot be read only that is known."""
    verdict, unread = vb.Verdict(), vb.read_history(b"x", 1, "")
    assert [one.name for one in dataclasses.fields(verdict) if getattr(verdict, one.name)] == []
    assert [one.name for one in dataclasses.fields(unread) if getattr(unread, one.name)] == ["code"]
    assert unread.code == "HISTORY_DIGEST"


# -- Ed25519 ------------------------------------------------------------------------------------------------------


def test_numbers_at_the_edge_of_the_field_and_of_the_group_are_refused():
    """The neutral point signs anything with S = 0: the same S with the group's order added is a second form."""
    neutral = (1).to_bytes(32, "little")
    assert vb.ed25519_verifies(neutral, b"any", neutral + bytes(32))
    assert not vb.ed25519_verifies(neutral, b"any", neutral + vb._L.to_bytes(32, "little"))
    assert not vb.ed25519_verifies(neutral, b"any", neutral + (2 * vb._L).to_bytes(32, "little"))
    assert vb._point(vb._P.to_bytes(32, "little")) is None  # y = 0 is a point, and this a second form of it
    assert vb._point(bytes(32)) is not None
    assert vb._point((vb._P - 1).to_bytes(32, "little")) is not None


# -- keys, notes and heads ----------------------------------------------------------------------------------------


def key_text(name="audit.example", typed=b"\x01" + b"k" * 32, *, upper=False):
    """Return a public key's text with an id that fits it, whatever else is wrong."""
    key_id = hashlib.sha256(name.encode() + b"\n" + typed).digest()[:4].hex()
    return f"{name}+{key_id.upper() if upper else key_id}+{base64.b64encode(typed).decode()}"


@pytest.mark.parametrize(
    "text",
    [
        key_text(name=""),
        key_text(name="a b"),
        key_text(name="a\u00a0"),
        key_text(typed=b"\x02" + b"k" * 32),
        key_text(typed=b"\x01" + b"k" * 31),
        key_text(typed=b"\x01" + b"k" * 33),
        key_text(typed=b""),
        key_text(upper=True),
        key_text().replace("+", "+0", 1),
        key_text().replace("AWtr", "AWt.r"),
        key_text() + "\n",
    ],
)
def test_a_key_with_one_thing_wrong_is_no_key(text):
    """Its id follows from it, and yet: the name, the type, the length, a second spelling."""
    assert vb.Key.parse(key_text()).public == b"k" * 32
    assert str(vb.Key.parse(key_text())) == key_text()
    with pytest.raises(ValueError, match=r".*"):
        vb.Key.parse(text)


def signature_line(name="audit.example", value=b"1234" + b"s" * 64):
    """Return a line under a note."""
    return f"— {name} {base64.b64encode(value).decode()}\n"


def test_a_note_is_cut_at_its_last_empty_line():
    """The text may have empty lines; each signature keeps its name, key id and value."""
    text = "a\n\nb\n"
    note = vb.parse_note((text + "\n" + signature_line() + signature_line("b", b"wxyz!")).encode())
    assert note.text == text.encode()
    assert note.lines == ["a", "", "b"]
    assert note.signatures == (("audit.example", b"1234", b"s" * 64), ("b", b"wxyz", b"!"))
    assert vb.parse_note(("\n\n" + signature_line()).encode()).lines == [""]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n",
        "a\n\n",
        "a" + signature_line(),
        "a\n\n" + signature_line()[:-1],
        "a\n\n" + signature_line()[:-1] + "x",
        "a\n\n" + signature_line(name=""),
        "a\n\n" + signature_line(name="a b"),
        "a\n\n" + signature_line(value=b"1234"),
        "a\n\n" + signature_line().removeprefix("— "),
        "a\n\n" + signature_line().replace("— ", "- "),
        "a\n\n" + signature_line() + "x\n",
        "a\n\n" + signature_line().replace("MTIzNHNz", "MTIz.NHNz"),
        "a\n\n" + signature_line(value=b"12345").replace("MTIzNDU=", "MTIzNDV="),
    ],
)
def test_a_note_with_one_thing_wrong_is_no_note(text):
    """No signature, none that is whole, another dash, a second spelling of the same bytes."""
    with pytest.raises(ValueError, match=r".*"):
        vb.parse_note(text.encode())


def test_one_wrong_signature_of_a_key_spoils_its_right_one():
    """Two lines of one key: both must be right."""
    right = bytes(sign_note("a\n", OLD)).decode()
    note = vb.parse_note(right.encode())
    name, key_id, value = note.signatures[0]
    twice = vb.Note(note.text, (*note.signatures, (name, key_id, bytes(64))))
    assert (note.signed_by(key_of(OLD)), twice.signed_by(key_of(OLD))) == (True, False)
    assert vb.Note(note.text, ((name, b"1234", value),)).signed_by(key_of(OLD)) is None
    assert vb.Note(note.text, (("another", key_id, value),)).signed_by(key_of(OLD)) is None


ROOT = base64.b64encode(b"r" * 32).decode()


@pytest.mark.parametrize(
    "lines",
    [
        (ORIGIN, "-1", ROOT),
        (ORIGIN, "01", ROOT),
        (ORIGIN, "+1", ROOT),
        (ORIGIN, "1", base64.b64encode(b"r" * 31).decode()),
        (ORIGIN, "1", base64.b64encode(b"r" * 33).decode()),
        (ORIGIN, "1", ROOT[:-2] + chr(ord(ROOT[-2]) + 1) + "="),
        (ORIGIN, "1", ROOT[:4] + "." + ROOT[4:]),
        (ORIGIN, "1"),
        (ORIGIN, "1", ROOT, "more"),
    ],
)
def test_a_head_with_one_thing_wrong_is_no_head(lines):
    """A size that is none or spelled otherwise, a root of another length or spelling."""
    assert vb.parse_head((ORIGIN, "0", ROOT)) == vb.Head(ORIGIN, 0, b"r" * 32)
    with pytest.raises(ValueError, match=r".*"):
        vb.parse_head(lines)


def test_a_head_of_three_lines_names_no_templates():
    """Also where more lines would be read, and in a change of keys, where there are none."""
    lines = (ORIGIN, "1", ROOT)
    assert [read(lines).templates for read in (vb.parse_head, vb.parse_extended)] == ["", ""]


def change_of_keys(*heads, title=vb.ROTATION, old=OLD, new=NEW, signers=(OLD, NEW)):
    """Return a statement with these heads' lines, signed by these."""
    lines = [title, str(old.public), str(new.public), *(part for head in heads for part in head)]
    return bytes(sign_note("\n".join(lines) + "\n", *signers))


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        (change_of_keys(title="diversion signing key rotation 2"), "no statement"),
        (change_of_keys(new=SigningKey("other.example", b"b" * 32), signers=(OLD, NEW)), "no change"),
        (change_of_keys(new=OLD, signers=(OLD,)), "no change"),
        (change_of_keys(("b", "1", ROOT), ("a", "1", ROOT)), "no change"),
        (change_of_keys(("a", "1", ROOT), ("a", "2", ROOT)), "no change"),
        (change_of_keys(signers=(OLD,)), "both"),
        (change_of_keys(signers=(NEW,)), "both"),
        (change_of_keys(signers=(OLD, OTHER)), "both"),
        (change_of_keys(("a", "1")), "unpack"),
    ],
)
def test_a_change_of_keys_with_one_thing_wrong_is_none(statement, why):
    """Both signatures may be right: title, names, keys, and heads in their order, each log once."""
    assert vb.parse_change(change_of_keys(("a", "1", ROOT), ("b", "2", ROOT))).heads == {
        "a": vb.Head("a", 1, b"r" * 32), "b": vb.Head("b", 2, b"r" * 32),
    }  # fmt: skip
    with pytest.raises(ValueError, match=why):
        vb.parse_change(statement)


def head(size, root=b"r", origin=ORIGIN):
    """A head."""
    return vb.Head(origin, size, root * 32)


def test_terms_of_three_keys_are_told_apart():
    """A log named by one change only, a log that no change names, and sizes at each boundary."""
    one, two, three = map(key_of, (OLD, NEW, OTHER))
    keys = vb.Keys(one)
    keys.follow(vb.Change(one, two, {ORIGIN: head(5), "other": head(3, origin="other")}))
    keys.follow(vb.Change(two, three, {ORIGIN: head(9)}))
    terms = {
        (number, size): keys.may_sign(key, head(size))
        for number, key in enumerate((one, two, three))
        for size in (4, 5, 6, 9, 10)
    }
    assert [place for place, may in terms.items() if may] == [
        (0, 4), (0, 5), (1, 5), (1, 6), (1, 9), (2, 9), (2, 10),
    ]  # fmt: skip
    assert not keys.may_sign(one, head(5, b"s"))
    assert not keys.may_sign(two, head(5, b"s"))
    assert not keys.may_sign(three, head(9, b"s"))
    assert not keys.may_sign(three, head(3, b"s", "other"))
    assert keys.may_sign(three, head(3, origin="other"))
    assert [keys.may_sign(key, head(1, origin="new")) for key in (one, two, three)] == [False, False, True]
    four = key_of(SigningKey("audit.example", b"d" * 32))
    with pytest.raises(ValueError, match="back"):
        keys.follow(vb.Change(three, four, {"other": head(2, origin="other")}))
    keys.follow(vb.Change(three, four, {"other": head(3, origin="other"), "new": head(1, origin="new")}))
    assert keys.keys == [one, two, three, four]


def test_a_refused_change_of_keys_leaves_the_keys_as_they_were():
    """Nothing of it is kept."""
    one, two, three = map(key_of, (OLD, NEW, OTHER))
    keys = vb.Keys(one)
    keys.follow(vb.Change(one, two, {ORIGIN: head(5)}))
    for change in (vb.Change(one, three, {}), vb.Change(two, one, {}), vb.Change(two, three, {ORIGIN: head(4)})):
        with pytest.raises(ValueError, match=r"key|head"):
            keys.follow(change)
        assert (keys.keys, len(keys.changes)) == ([one, two], 1)


# -- the tree -----------------------------------------------------------------------------------------------------


def test_a_proof_with_one_node_too_many_or_too_few_shows_nothing():
    """At every pair of sizes up to 12; nothing before nothing, and a proof where none is needed."""
    leaves = [leaf_hash(bytes([number])) for number in range(12)]
    tree = Tree(leaves)
    heads = [vb.Head("log", size, tree.root(size)) for size in range(13)]
    extra = b"e" * 32
    for new in range(1, 13):
        for old in range(1, new + 1):
            proof = tree.consistency_proof(old, new)
            assert not vb.consistent(heads[old], heads[new], [*proof, extra])
            assert not vb.consistent(heads[old], heads[new], [extra, *proof])
            assert not vb.consistent(heads[old], vb.Head("log", new, extra), proof)
            if new > old:
                assert not vb.consistent(heads[new], heads[old], proof)
                assert not vb.consistent(heads[old], heads[new], [])
    above = [vb.Head("log", size, vb._node(extra, heads[size].root)) for size in (3, 4)]
    assert not vb.consistent(*above, [*tree.consistency_proof(3, 4), extra])
    assert vb.consistent(heads[0], heads[5], [])
    assert not vb.consistent(heads[0], heads[5], [extra])
    assert vb.consistent(vb.Head("log", 0, extra), heads[0], [])


# -- histories ----------------------------------------------------------------------------------------------------


def packed(value):
    """Return a history as it lies in the bundle: bytes, size, digest."""
    text = json.dumps(value).encode()
    return gzip.compress(text, mtime=0), len(text), hashlib.sha256(text).hexdigest()


def payload(value):
    """Return one payload."""
    return {"data": base64.b64encode(json.dumps(value).encode()).decode()}


def test_what_a_history_holds_is_unpacked_to_the_byte():
    """One byte more or less, something behind it, half of it, another format: none."""
    text = b"x" * 1000
    whole = gzip.compress(text, mtime=0)
    assert vb.unpacked(whole, 1000) == text
    assert vb.unpacked(gzip.compress(b"", mtime=0), 0) == b""
    for data, size in (
        (whole, 999),
        (whole, 1001),
        (whole + b"\x00", 1000),
        (whole[:-1], 1000),
        (text, 1000),
        (zlib.compress(text), 1000),
    ):
        with pytest.raises(ValueError, match=r".*"):
            vb.unpacked(data, size)


@pytest.mark.parametrize(
    ("size", "bytes_packed", "bomb"),
    [
        (2**20, 1, False),
        (2**20 + 1, 1, True),
        (100 * 12_000, 12_000, False),
        (100 * 12_000 + 1, 12_000, True),
        (128 * 2**20, 2 * 2**20, False),
        (128 * 2**20 + 1, 2 * 2**20, True),
    ],
)
def test_a_history_is_a_bomb_from_its_limit_on(size, bytes_packed, bomb):
    """A hundred times its packed size, from a mebibyte on; 128 MiB at most."""
    with pytest.raises(vb.Refused if bomb else ValueError, match="'BUNDLE_BOMB'" if bomb else "gzip|size"):
        vb.unpacked(b"\x00" * bytes_packed, size)
