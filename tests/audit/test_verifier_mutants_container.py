"""What a mutation run found unguarded in reading a bundle's container: limits to the byte, malformed manifests."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import zipfile
from pathlib import Path

import pytest
from audit_small_log import CAMPAIGN
from bundle_maker import KEY, THIEF

from audit.bundle.manifest import Content, manifest_of, write_container
from audit.signed_note import sign_note
from audit.verifier import verify_bundle as vb
from domain.canonical import encode

ORIGIN = f"audit.example/{CAMPAIGN}"
SMALL = (Content("a/b", b"{}"), Content("c", b"x" * 40))


@pytest.fixture(autouse=True)
def each_once(monkeypatch):
    """Verify the same signature once."""
    monkeypatch.setattr(vb, "ed25519_verifies", _signatures)


_signatures = functools.cache(vb.ed25519_verifies)


def note_over(manifest, signer=KEY, text=None):
    """Return a signed note over a manifest, or over another text."""
    return bytes(sign_note(text or vb.bundle_text(ORIGIN, manifest, str(KEY.public)), signer))


def contained(tmp_path, manifest, note=None, members=SMALL):
    """Return a container's bytes."""
    file = tmp_path / "made.zip"
    write_container(file, note or note_over(manifest), manifest, list(members))
    return file.read_bytes()


def facts(**changes):
    """Return a manifest's value."""
    return json.loads(manifest_of(list(SMALL), campaign=CAMPAIGN, code_version="1", heads=[])) | changes


def opened(data):
    """Return what opening finds: codes with places, and what was opened."""
    findings = vb.Findings()
    found = vb.open_container(data, findings)
    return [(one.code, one.place) for one in findings.all], found


def test_a_container_is_laid_out_as_others_read_it(tmp_path):
    """Offsets, sizes, checksums and names as zipfile finds them; members as the manifest says."""
    data = contained(tmp_path, encode(facts()).encode())
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        entries = archive.infolist()
        assert [entry.filename for entry in entries] == [vb.NOTE, vb.MANIFEST, "a/b", "c"]
        for entry in entries:
            assert (entry.create_system, entry.create_version, entry.extract_version) == (3, 20, 10)
            assert (entry.flag_bits, entry.volume, entry.internal_attr, entry.external_attr >> 16) == (
                0,
                0,
                0,
                0o100644,
            )
            header = vb.local_header(entry.filename, entry.file_size, entry.CRC)
            assert data[entry.header_offset : entry.header_offset + len(header)] == header
        content = archive.read("c")
    found, container = opened(data)
    assert found == []
    member = container.members["c"]
    assert (member.of(data), member.end - member.start, vb.first_byte(member)) == (
        content,
        40,
        entries[-1].header_offset,
    )
    assert list(container.members) == ["a/b", "c"]
    assert (container.origin, str(container.signer)) == (ORIGIN, str(KEY.public))
    end = data[-22:]
    assert end == vb._END.pack(b"PK\x05\x06", 0, 0, 4, 4, len(data) - 22 - member.end, member.end, 0)


def test_headers_are_these_bytes():
    """Nothing of them is left to chance."""
    local = b"PK\3\4\x0a\0\0\0\0\0\0\0\x21\0\7\0\0\0\5\0\0\0\5\0\0\0\2\0\0\0ab"
    assert vb.local_header("ab", 5, 7) == local
    central = b"PK\1\2\x14\3" + local[4:28] + b"\0\0" + bytes(6) + b"\0\0\xa4\x81\x09\0\0\0ab"
    end = b"PK\5\6" + bytes(4) + b"\1\0\1\0\x30\0\0\0\x2e\0\0\0\0\0"
    assert vb.directory([("ab", 5, 7, 9)]) == central + end
    assert vb.directory([]) == b"PK\5\6" + bytes(18)


# -- what would harm, in any ZIP ----------------------------------------------------------------------------------


def archive_of(*entries, comment=b"", said=None, count=None, missing=0):
    """Return a ZIP with a directory as these entries say: (name, method, packed, full, name before the bytes, more)."""
    body, listed = b"", b""
    for name, method, packed, full, local, more in entries:
        offset = len(body)
        body += vb._LOCAL.pack(b"PK\x03\x04", 10, 0, method, 0, 33, 0, 0, 0, len(local), 0) + local
        listed += vb._CENTRAL.pack(
            b"PK\x01\x02", 20, 10, 0, method, 0, 33, 0, packed, full, len(name), more, 2 * more, 0, 0, 0, offset
        )
        listed += name + b"e" * more + b"c" * 2 * more
    size = len(listed) if said is None else said
    number = len(entries) if count is None else count
    end = vb._END.pack(b"PK\x05\x06", 0, 0, number, number, size, len(body), len(comment))
    return (body + listed + end + comment)[: None if not missing else -missing]


def entry(name=b"x", method=8, packed=0, full=0, local=None, more=0):
    """One entry of a directory."""
    return (name, method, packed, full, name if local is None else local, more)


def harm(data):
    """Return why a file is refused before it is read, and where."""
    try:
        vb._look_for_harm(data)
    except vb.Refused as refused:
        return refused.code, refused.place
    return None


@pytest.mark.parametrize(
    ("entries", "refusal"),
    [
        ([entry(full=2**20)], None),
        ([entry(full=2**20 + 1)], "BUNDLE_BOMB"),
        ([entry(packed=12_000, full=1_200_000)], None),
        ([entry(packed=12_000, full=1_200_001)], "BUNDLE_BOMB"),
        ([entry(method=0, packed=1, full=2**31)], None),
        ([entry(packed=2**31, full=2**31), entry(packed=2**31, full=2**31 - 1)], None),
        ([entry(packed=2**31, full=2**31), entry(packed=2**31, full=2**31)], "BUNDLE_BOMB"),
        ([entry(method=0, full=2**31), entry(packed=2**31, full=2**31)], None),
        ([entry(b"../x")], "BUNDLE_PATH"),
        ([entry(b"../x", local=b"dd/x")], None),
        ([entry(b"one", more=3), entry(b"../two")], "BUNDLE_PATH"),
        ([entry(b"one", more=3), entry(b"two", more=5), entry(full=2**20 + 1)], "BUNDLE_BOMB"),
        ([entry(b"one"), entry(b"two")], None),
        ([entry(b"\xff")], None),
        ([], None),
    ],
)
def test_harm_is_seen_from_its_limit_on(entries, refusal):
    """A mebibyte, a hundred times the packed size, four gibibytes in all; a name that both places say."""
    found = harm(archive_of(*entries))
    assert (found and found[0]) == refusal
    if refusal is not None:
        assert found[1] == repr(entries[-1][0].decode())


def test_harm_is_seen_behind_a_comment_and_not_in_a_broken_end():
    """The end may lie 64 KiB before the file's; a directory or an end that is none is for others to judge."""
    climbing = entry(b"../x")
    assert harm(archive_of(climbing, comment=b"c" * 65_535)) == ("BUNDLE_PATH", "'../x'")
    assert harm(archive_of(entry(local=b"PK\x05\x06" + bytes(18)), climbing)) == ("BUNDLE_PATH", "'../x'")
    assert harm(archive_of(entry(), climbing, count=1)) is None
    assert harm(archive_of(climbing) + bytes(70_000)) is None
    assert harm(archive_of(climbing, said=10**6)) is None
    bomb = archive_of(entry(full=2**20 + 1))
    assert harm(bomb[bomb.index(b"PK\x01\x02") :]) == ("BUNDLE_BOMB", "'x'")
    assert harm(archive_of(climbing, said=1)) is None
    assert harm(archive_of(climbing, missing=1)) is None
    assert harm(b"") is None
    assert harm(archive_of(climbing).replace(b"PK\x01\x02", b"PK\x01\x03")) is None


@pytest.mark.parametrize(
    ("name", "climbs"),
    [
        ("/a", True), ("..", True), ("a/../b", True), ("a\\..\\b", True), ("..\\b", True),
        ("C:/x", True), ("c:x", True), ("a/", False), ("a..b", False), ("...", False), ("a/C:/x", False),
        ("1:/x", False), ("a/b", False),
    ],
)  # fmt: skip
def test_which_paths_climb(name, climbs):
    """Absolute, upwards, another drive; dots and colons elsewhere are names."""
    assert vb.climbs_out(name) is climbs


# -- a manifest that its own key has signed, and that is none -----------------------------------------------------

ENTRY = facts()["members"][0]

MALFORMED = {
    "a list": [],
    "no members": {name: value for name, value in facts().items() if name != "members"},
    "members by number": facts(members=5),
    "an entry without a size": facts(members=[{"name": "a", "sha256": "0" * 64}]),
    "an entry that is none": facts(members=["a"]),
    "no format": {name: value for name, value in facts().items() if name != "format"},
    "a format in words": facts(format="1"),
    "a format that is a truth": facts(format=True),
    "a campaign by number": facts(campaign=1),
    "a version by number": facts(code_version=1),
    "a name by number": facts(members=[{**ENTRY, "name": 1}]),
    "a size in words": facts(members=[{**ENTRY, "size": "2"}]),
    "a size that is a truth": facts(members=[{**ENTRY, "size": True}]),
    "a size below nothing": facts(members=[{**ENTRY, "size": -1}]),
    "a digest too short": facts(members=[{**ENTRY, "sha256": "0" * 63}]),
    "a digest too long": facts(members=[{**ENTRY, "sha256": "0" * 65}]),
    "a digest by number": facts(members=[{**ENTRY, "sha256": 0}]),
    "a digest by list": facts(members=[{**ENTRY, "sha256": ["0"] * 64}]),
    "one wrong entry behind a right one": facts(members=[ENTRY, {**ENTRY, "name": "b", "size": "2"}]),
    "one wrong digest behind a right one": facts(members=[ENTRY, {**ENTRY, "name": "b", "sha256": "0"}]),
    "a name twice": facts(members=[ENTRY, ENTRY]),
    "the note": facts(members=[{**ENTRY, "name": vb.NOTE}]),
    "itself": facts(members=[{**ENTRY, "name": vb.MANIFEST}]),
    "a name with a space": facts(members=[{**ENTRY, "name": "a b"}]),
    "an empty name": facts(members=[{**ENTRY, "name": ""}]),
    "a hidden name": facts(members=[{**ENTRY, "name": ".a"}]),
    "an empty folder's name": facts(members=[{**ENTRY, "name": "a//b"}]),
    "more than a file can be": facts(members=[{**ENTRY, "name": vb.EVENTS, "size": 2**32 - 1}]),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_signed_manifest_that_is_malformed_is_named(tmp_path, name):
    """Whoever has the key may still write nonsense: the answer is a finding, never a fault."""
    assert opened(contained(tmp_path, encode(MALFORMED[name]).encode())) == ([("MANIFEST_CHANGED", vb.MANIFEST)], None)


def test_a_signed_manifest_is_canonical(tmp_path):
    """A second spelling of the right one is none."""
    for text in (encode(facts()).encode() + b" ", b"{", b"\xff", b"5"):
        assert opened(contained(tmp_path, text)) == ([("MANIFEST_CHANGED", vb.MANIFEST)], None)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"format": 2}, "BUNDLE_TOO_NEW"),
        ({"members": [{**ENTRY, "name": "../a"}]}, "BUNDLE_PATH"),
        ({"members": [ENTRY, {**ENTRY, "name": "a\\..\\b"}]}, "BUNDLE_PATH"),
        ({"members": [{**ENTRY, "size": 64 * 2**20 + 1}]}, "BUNDLE_BOMB"),
        ({"members": [{**ENTRY, "size": 64 * 2**20}]}, "BUNDLE_TRUNCATED"),
        ({"members": [{**ENTRY, "name": vb.EVENTS, "size": 64 * 2**20 + 1}]}, "BUNDLE_TRUNCATED"),
    ],
)
def test_a_signed_manifest_is_refused_from_its_limits_on(tmp_path, changes, code):
    """And an unsigned one is only a change: nobody believes what it says."""
    manifest = encode(facts(**changes)).encode()
    data = contained(tmp_path, manifest)
    with pytest.raises(vb.Refused) as error:
        opened(data)
    assert error.value.code == code
    other = contained(tmp_path, manifest, note_over(encode(facts()).encode()))
    found, _ = opened(other)
    assert ("MANIFEST_CHANGED", vb.MANIFEST) in found


def test_a_bundle_has_sixty_five_thousand_members_at_most(monkeypatch):
    """Counted before anything is laid out; the limit itself is allowed."""
    monkeypatch.setattr(vb, "MEMBERS_MOST", 2)
    for number, refused in ((2, False), (3, True)):
        text = encode(facts(members=[{**ENTRY, "name": f"m{at}"} for at in range(number)])).encode()
        if refused:
            with pytest.raises(vb.Refused, match="BUNDLE_BOMB"):
                vb._manifest(text, 0, sound=True)
        assert len(vb._manifest(text, 0, sound=refused is False)[1]) == number
    empty = encode(facts(members=[{**ENTRY, "size": 0}])).encode()
    assert len(vb._manifest(empty, 0, sound=True)[1]) == 1
    most = 2**32 - 1
    text = encode(facts(members=[{**ENTRY, "name": vb.EVENTS, "size": most - 42}])).encode()
    assert vb._manifest(text, 0, sound=True)[1][0].end == most
    assert vb._manifest(text, 1, sound=True) == ({}, None)


def test_the_limits_are_those_that_auditors_are_told():
    """docs/audit-bundle.md, "Limits": whoever writes another verifier goes by them."""
    page = (Path(__file__).parents[2] / "docs" / "audit-bundle.md").read_text(encoding="utf-8")
    table = page.partition("## Limits")[2].partition("\n## ")[0]
    of_files = (f"{(vb.FILE_MOST + 1) // 2**30} GB", f"{vb.SMALL_MOST // 2**20} MiB", f"{vb.MEMBERS_MOST:,} |")
    of_histories = (f"{vb.HISTORY_MOST // 2**20} MiB", f"{vb.RATIO_MOST} times", f"{vb.RATIO_FROM // 2**20} MiB")
    assert [limit for limit in (*of_files, *of_histories) if limit not in table] == []


# -- the note over the manifest -----------------------------------------------------------------------------------


def said(manifest, **changes):
    """Return a note's text with another line."""
    lines = vb.bundle_text(ORIGIN, manifest, str(KEY.public)).split("\n")[:-1]
    names = ("title", "origin", "digest", "length", "key")
    return "".join(f"{changes.get(name, line)}\n" for name, line in zip(names, lines, strict=True))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"title": "diversion audit bundle 0"}, "NOTE_FORM"),
        ({"title": "diversion audit bundle x"}, "NOTE_FORM"),
        ({"title": "diversion audit bundle 01"}, "NOTE_FORM"),
        ({"title": "diversion audit bundle 2"}, "BUNDLE_TOO_NEW"),
        ({"digest": "0" * 63}, "NOTE_FORM"),
        ({"digest": "A" * 64}, "NOTE_FORM"),
        ({"digest": "0" * 65}, "NOTE_FORM"),
        ({"length": "0"}, "NOTE_FORM"),
        ({"length": "-1"}, "NOTE_FORM"),
        ({"length": "x"}, "NOTE_FORM"),
        ({"length": str(64 * 2**20 + 1)}, "NOTE_FORM"),
        ({"length": str(64 * 2**20)}, "BUNDLE_TRUNCATED"),
        ({"key": "a key"}, "NOTE_FORM"),
    ],
)
def test_a_signed_note_with_one_line_wrong_is_named(tmp_path, changes, code):
    """Its signature is right each time."""
    manifest = encode(facts()).encode()
    data = contained(tmp_path, manifest, note_over(manifest, text=said(manifest, **changes)))
    if code == "NOTE_FORM":
        assert opened(data) == ([(code, vb.NOTE)], None)
    else:
        with pytest.raises(vb.Refused, match=code):
            opened(data)


def test_a_note_says_five_lines_and_is_signed_by_whom_it_names(tmp_path):
    """A sixth line, or another's signature, is told; four lines are no note."""
    manifest = encode(facts()).encode()
    more = note_over(manifest, text=said(manifest) + "more\n")
    assert opened(contained(tmp_path, manifest, more))[0] == [("SIGNATURE_INVALID", vb.NOTE)]
    others = note_over(manifest, THIEF)
    assert opened(contained(tmp_path, manifest, others))[0] == [("SIGNATURE_INVALID", vb.NOTE)]
    less = note_over(manifest, text="".join(said(manifest).splitlines(keepends=True)[:4]))
    assert opened(contained(tmp_path, manifest, less)) == ([("NOTE_FORM", vb.NOTE)], None)
    newer = said(manifest, title="diversion audit bundle 2")
    unsigned = note_over(manifest, THIEF, newer)
    assert opened(contained(tmp_path, manifest, unsigned)) == ([("NOTE_FORM", vb.NOTE)], None)


def test_a_file_whose_note_is_malformed_is_told_so(tmp_path):
    """Nothing else is known of it."""
    manifest = encode(facts()).encode()
    file = tmp_path / "other.zip"
    file.write_bytes(contained(tmp_path, manifest, b"no note\n"))
    verdict = vb.verify(file)
    assert verdict.findings == [vb.Finding("NOTE_FORM", vb.NOTE)]
    assert {name for name, value in vb.as_data(verdict).items() if value} == {"findings", "error"}


def test_a_note_has_four_kibibytes_at_most(tmp_path):
    """The limit itself is read; one byte more is not, whatever stands there."""
    manifest = encode(facts()).encode()
    note = note_over(manifest)
    for size, found in ((4096, "NOTE_FORM"), (4097, "CONTAINER_BITS")):
        data = contained(tmp_path, manifest, note + b"x" * (size - len(note)))
        assert opened(data) == ([(found, vb.NOTE)], None)


# -- where a file ends --------------------------------------------------------------------------------------------


def test_a_small_container_is_cut_at_every_byte(tmp_path):
    """Exit 3 at each, and the member where it was cut."""
    manifest = encode(facts()).encode()
    data = contained(tmp_path, manifest)
    (_, container) = opened(data)
    members = container.members
    for size in range(len(data)):
        with pytest.raises(vb.Refused) as error:
            opened(data[:size])
        if size < 41:
            assert error.value.code == "NOT_A_BUNDLE", size
            continue
        assert error.value.code == "BUNDLE_TRUNCATED", size
        if size >= members["c"].end:
            place = f"byte {size}"
        elif size >= members["a/b"].end:
            place = "c"
        elif size >= vb.first_byte(members["a/b"]):
            place = "a/b"
        else:
            place = vb.MANIFEST if size >= 41 + len(note_over(manifest)) else vb.NOTE
        assert error.value.place == place, size


@pytest.mark.parametrize("at", ["header", "content", "directory", "end"])
def test_a_changed_byte_is_named_at_its_place(tmp_path, at):
    """A member's name where its header or content was changed; the byte where the directory or the end was."""
    data = bytearray(contained(tmp_path, encode(facts()).encode()))
    member = opened(bytes(data))[1].members["c"]
    place = {"header": vb.first_byte(member) + 12, "content": member.start, "directory": member.end + 10, "end": -1}[at]
    data[place] ^= 1
    found = opened(bytes(data))[0]
    wanted = {
        "header": [("CONTAINER_BITS", "c")],
        "content": [("MEMBER_CHANGED", "c"), ("CONTAINER_BITS", "c")],
        "directory": [("CONTAINER_BITS", f"byte {member.end + 10}")],
        "end": [("CONTAINER_BITS", f"byte {len(data) - 1}")],
    }[at]
    assert found[: len(wanted)] == wanted


@pytest.mark.parametrize("at", [0, 3, 30, 40])
def test_a_bundle_is_known_by_its_first_name_or_by_its_directory(tmp_path, at):
    """One of them may be damaged: it is a changed bundle then, and not another file."""
    data = bytearray(contained(tmp_path, encode(facts()).encode()))
    data[at] ^= 1
    assert opened(bytes(data))[0] == [("CONTAINER_BITS", vb.NOTE)]
    for other in (0, 30):
        data[other] ^= 1 if other != at else 0
    with pytest.raises(vb.Refused, match="NOT_A_BUNDLE"):
        opened(bytes(data))


def test_what_follows_or_lacks_is_named_by_its_byte(tmp_path):
    """Where the shorter one ends."""
    data = contained(tmp_path, encode(facts()).encode())
    assert opened(data + b"x")[0] == [("CONTAINER_BITS", f"byte {len(data)}")]


def test_a_manifest_of_another_size_is_found_by_its_header(tmp_path):
    """The note speaks of another manifest: what lies there is read as large as its own header says."""
    right, longer = encode(facts()).encode(), encode(facts(more="x" * 99)).encode()
    data = contained(tmp_path, longer, note_over(right))
    found, container = opened(data)
    assert found == [("MANIFEST_CHANGED", vb.MANIFEST)]
    assert container.manifest["more"] == "x" * 99
    header = data.index(vb.MANIFEST.encode()) - vb._LOCAL.size
    for mark, size in ((b"PK\x03\x05", len(longer)), (b"PK\x03\x04", len(data)), (b"PK\x03\x04", 2**32 - 1)):
        broken = bytearray(data)
        broken[header : header + 4] = mark
        broken[header + 22 : header + 26] = size.to_bytes(4, "little")
        assert opened(bytes(broken)) == ([("MANIFEST_CHANGED", vb.MANIFEST)], None)


def test_a_file_of_four_gibibytes_is_read_and_one_byte_more_is_not(tmp_path):
    """Both hold nothing, and take no room."""
    file = tmp_path / "large.zip"
    for size, code in ((2**32 - 1, "NOT_A_BUNDLE"), (2**32, "BUNDLE_BOMB")):
        with file.open("wb") as empty:
            empty.truncate(size)
        with pytest.raises(vb.Refused) as error:
            vb.verify(file)
        assert error.value.code == code
    file.unlink()


def test_what_is_too_much_to_name_is_counted_from_inside_and_outside(tmp_path):
    """Sixty members that were changed and eight that are missing: fifty and eight are named."""
    members = [Content(f"m{number}", b"x") for number in range(60)]
    text = encode(facts(members=[{**ENTRY, "name": one.name, "size": 1} for one in members])).encode()
    file = tmp_path / "many.zip"
    file.write_bytes(contained(tmp_path, text, members=members).replace(b"\x00\x21\x00", b"\x00\x22\x00"))
    verdict = vb.verify(file)
    assert [found.code for found in verdict.findings[:8]] == ["MEMBER_MISSING"] * 8
    assert len(verdict.findings) == 58
    assert verdict.omitted > 50


def test_canonical_json_is_read_and_nothing_else():
    """A fraction, a number that is none, a second spelling, more depth than anybody needs."""
    assert vb._json(b'{"a":[1,-2,null,true,"\xe4\xb8\xad"]}') == {"a": [1, -2, None, True, "中"]}
    for text in (b"1.0", b"1e1", b"NaN", b"Infinity", b'{"b":1,"a":2}', b"[1, 2]", b'"\\u0061"', b"\xff", b"[" * 10**5):
        with pytest.raises(ValueError, match=r".*"):
            vb._json(text)
    assert vb.digest_of({"b": 1, "a": "中"}) == hashlib.sha256('{"a":"中","b":1}'.encode()).hexdigest()
