"""The bundle's file: every bit of it is bound, it is the same each time, and what is no bundle is refused clearly."""

from __future__ import annotations

import functools
import gzip
import json
import random
import zipfile

import pytest
from audit_log_tools import sealed
from audit_small_log import CAMPAIGN, good
from bundle_maker import KEY, THIEF, Workshop, made

from audit.bundle.manifest import Content, manifest_of, signed_over, write_container
from audit.signed_note import sign_note
from audit.verifier import verify_bundle as vb

TRUSTED = vb.Key.parse(str(KEY.public))


@pytest.fixture(scope="module")
async def bundle(tmp_path_factory):
    """A bundle with two heads and two runs of each stream."""
    return await made(tmp_path_factory.mktemp("file"), sealed(good()))


def refused(path, key=TRUSTED):
    """Return why a file is not one to verify."""
    with pytest.raises(vb.Refused) as error:
        vb.verify(path, key)
    return error.value


async def test_the_same_record_key_and_heads_give_the_same_bytes(bundle, tmp_path):
    """Another ledger with the same events, another folder, another moment."""
    again = await made(tmp_path, sealed(good()))
    assert again.path.read_bytes() == bundle.path.read_bytes()


def test_it_is_a_zip_that_every_office_pc_opens(bundle):
    """Stored members, one fixed time, plain files; the manifest names them all in their order."""
    with zipfile.ZipFile(bundle.path) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert {(entry.compress_type, entry.date_time) for entry in archive.infolist()} == {(0, (1980, 1, 1, 0, 0, 0))}
        manifest = json.loads(archive.read(vb.MANIFEST))
        readme = archive.read(vb.README).decode()
    assert names == [vb.NOTE, vb.MANIFEST, *(entry["name"] for entry in manifest["members"])]
    assert {"templates.json", "schemas.json", "glossary.json", "policies.json", "calendars.json"} <= set(names)
    assert "verify_bundle.py" in readme
    assert CAMPAIGN in readme


def test_schemas_and_words_of_every_type_are_in_it(bundle):
    """Whoever reads an event's data finds what its fields are."""
    shop = Workshop(bundle.path)
    kinds = {json.loads(line)["type"] for line in shop.lines}
    assert kinds <= set(shop.json("schemas.json"))
    assert shop.json("glossary.json")["principal"]["zh"] == "校长"


def test_every_bit_of_a_file_is_bound(tmp_path, monkeypatch):
    """Every byte of a small container, contents and headers, directory and end: a change, never another fault."""
    monkeypatch.setattr(vb, "ed25519_verifies", functools.cache(vb.ed25519_verifies))
    file = tmp_path / "small.zip"
    members = [Content("a/b.json", b"{}"), Content("empty", b""), Content("events.jsonl", b"x" * 40)]
    manifest = manifest_of(members, campaign=CAMPAIGN, code_version="1", heads=[], origin="o")
    write_container(file, signed_over(manifest, "o", KEY), manifest, members)
    data = bytearray(file.read_bytes())
    findings = vb.Findings()
    assert vb.open_container(bytes(data), findings) is not None
    assert not findings.all
    for at in range(len(data)):
        data[at] ^= 1 << at % 8
        findings = vb.Findings()
        vb.open_container(bytes(data), findings)
        assert findings.all, at
        data[at] ^= 1 << at % 8


def test_a_bit_anywhere_in_a_bundle_is_found(bundle, tmp_path, monkeypatch):
    """By a seeded choice, through the whole verification."""
    monkeypatch.setattr(vb, "ed25519_verifies", functools.cache(vb.ed25519_verifies))
    data = bytearray(bundle.path.read_bytes())
    chance = random.Random(1)
    file = tmp_path / "flipped.zip"
    for _ in range(40):
        at, bit = chance.randrange(len(data)), 1 << chance.randrange(8)
        data[at] ^= bit
        file.write_bytes(data)
        assert not vb.verify(file, TRUSTED).verified, at
        data[at] ^= bit


@pytest.mark.parametrize("more", [b"\x00", b"PK", b"\n" * 4096])
def test_nothing_may_follow(bundle, tmp_path, more):
    """Bytes after the end belong to nothing, and so does a member that somebody adds."""
    longer = tmp_path / "longer.zip"
    longer.write_bytes(bundle.path.read_bytes() + more)
    (finding,) = vb.verify(longer, TRUSTED).findings
    assert finding == vb.Finding("CONTAINER_BITS", f"byte {bundle.path.stat().st_size}")
    with zipfile.ZipFile(longer, "a") as archive:
        archive.writestr("more.txt", "more")
    assert not vb.verify(longer, TRUSTED).verified


# -- what is no bundle, or would harm -----------------------------------------------------------------------------


def test_a_bundle_that_is_cut_off_is_refused_wherever_it_is_cut(bundle, tmp_path):
    """Exit 3 says: copy it again; nobody has changed anything."""
    data = bundle.path.read_bytes()
    short = tmp_path / "short.zip"
    codes = set()
    for size in (0, 1, 30, 40, 41, 100, 400, 1000, 5000, len(data) // 2, len(data) - 50_000):
        short.write_bytes(data[:size])
        codes.add(refused(short).code)
    assert codes == {"NOT_A_BUNDLE", "BUNDLE_TRUNCATED"}


@pytest.mark.parametrize("cut", [1, 10, 22, 500])
def test_a_directory_that_is_cut_off_is_a_cut_too(bundle, tmp_path, cut):
    """The members are all there, and the end is not."""
    short = tmp_path / "short.zip"
    short.write_bytes(bundle.path.read_bytes()[:-cut])
    assert refused(short).code == "BUNDLE_TRUNCATED"


def test_what_is_no_bundle_is_refused(tmp_path):
    """An empty file, a text, another ZIP, a missing file."""
    file = tmp_path / "other.zip"
    for content in (b"", b"hello", b"%PDF-1.7" * 100):
        file.write_bytes(content)
        assert refused(file).code == "NOT_A_BUNDLE"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("letter.txt", "hello")
    assert refused(file).code == "NOT_A_BUNDLE"
    assert refused(tmp_path / "nowhere").code == "FILE_UNREADABLE"


def test_a_zip_bomb_is_refused_before_anything_is_unpacked(bundle, tmp_path):
    """As another ZIP, and as a bundle whose members somebody compressed."""
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", b"\x00" * 50_000_000)
    assert refused(bomb).code == "BUNDLE_BOMB"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive, zipfile.ZipFile(bundle.path) as own:
        for name in own.namelist():
            archive.writestr(name, own.read(name) if name != vb.EVENTS else b"\x00" * 50_000_000)
    assert refused(bomb).code == "BUNDLE_BOMB"


def test_a_history_that_is_a_bomb_is_refused(bundle, tmp_path):
    """A hundred megabytes in a hundred kilobytes, whatever size the list says."""
    shop = Workshop(bundle.path)
    index = shop.json(vb.HISTORIES)
    shop.members[index[0]["member"]] = gzip.compress(b"\x00" * 100_000_000, mtime=0)
    index[0]["size"] = 100_000_000
    shop.put(vb.HISTORIES, index)
    assert refused(shop.write(tmp_path / "bomb.zip", KEY)).code == "BUNDLE_BOMB"
    index[0]["size"] = 1000
    shop.put(vb.HISTORIES, index)
    (finding, *_) = vb.verify(shop.write(tmp_path / "bomb.zip", KEY), TRUSTED).findings
    assert finding.code == "HISTORY_DIGEST"


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/etc/passwd", "..\\evil", "C:/evil"])
def test_a_path_that_climbs_out_is_refused(bundle, tmp_path, name):
    """In any ZIP, in a bundle that somebody added to, and in one that its own key has signed so."""
    file = tmp_path / "climbs.zip"
    file.write_bytes(bundle.path.read_bytes())
    with zipfile.ZipFile(file, "a") as archive:
        entry = zipfile.ZipInfo("x")
        entry.filename = name
        archive.writestr(entry, "x")
    assert refused(file).code == "BUNDLE_PATH"
    shop = Workshop(bundle.path)
    shop.members[name] = b"x"
    assert refused(shop.write(file, KEY)).code == "BUNDLE_PATH"


def test_a_newer_format_is_refused_and_not_half_understood(bundle, tmp_path):
    """In the manifest, and in the note; a number that somebody changed is a change, not a newer format."""
    shop = Workshop(bundle.path)
    members = [Content(name, data) for name, data in shop.members.items()]
    manifest = manifest_of(members, campaign=CAMPAIGN, code_version="9", heads=[], origin=shop.origin)
    newer = manifest.replace(b'"format":1', b'"format":2')
    file = tmp_path / "newer.zip"
    write_container(file, signed_over(newer, shop.origin, KEY), newer, members)
    assert refused(file).code == "BUNDLE_TOO_NEW"
    text = vb.bundle_text(shop.origin, manifest, str(KEY.public)).replace("bundle 1", "bundle 2")
    write_container(file, bytes(sign_note(text, KEY)), manifest, members)
    assert refused(file).code == "BUNDLE_TOO_NEW"
    forged = shop.note.replace(b"bundle 1", b"bundle 2")
    write_container(file, forged, manifest, members)
    assert [finding.code for finding in vb.verify(file, TRUSTED).findings] == ["NOTE_FORM"]


def test_a_bundle_without_a_needed_member_says_so(bundle, tmp_path):
    """Its own key may have signed it: without events there is nothing to verify."""
    shop = Workshop(bundle.path)
    del shop.members[vb.EVENTS]
    found = vb.verify(shop.write(tmp_path / "less.zip", KEY), TRUSTED).findings
    assert found == [vb.Finding("MEMBER_MISSING", vb.EVENTS)]


def test_the_origin_binds_key_campaign_and_rehearsal(bundle, tmp_path):
    """A bundle under another log's name is not this campaign's."""
    shop = Workshop(bundle.path)
    shop.origin = shop.origin.replace("/campaign/", "/rehearsal/campaign/")
    found = vb.verify(shop.write(tmp_path / "other.zip", KEY), TRUSTED).findings
    assert vb.Finding("HEAD_FORM", vb.NOTE) in found


def test_a_thiefs_bundle_is_refused_by_the_key(bundle, tmp_path):
    """Every signature of it is right, and none is by the key that was given."""
    shop = Workshop(bundle.path)
    shop.members[vb.KEYS] = f"{THIEF.public}\n".encode()
    found = vb.verify(shop.write(tmp_path / "thief.zip", THIEF), TRUSTED).findings
    assert vb.Finding("SIGNER_UNKNOWN", vb.KEYS) in found


def test_a_note_made_anew_under_the_old_signature_is_found(bundle, tmp_path):
    """The note names the forger's manifest and the right key; only the signature cannot be made."""
    shop = Workshop(bundle.path)
    shop.members[vb.README] += b"\n"
    members = [Content(name, data) for name, data in shop.members.items()]
    manifest = manifest_of(members, campaign=CAMPAIGN, code_version="1.2.3", heads=[], origin=shop.origin)
    signature = shop.note.partition(b"\n\n")[2]
    note = vb.bundle_text(shop.origin, manifest, str(KEY.public)).encode() + b"\n" + signature
    file = tmp_path / "forged.zip"
    write_container(file, note, manifest, members)
    assert vb.verify(file, TRUSTED).findings == [vb.Finding("SIGNATURE_INVALID", vb.NOTE)]
