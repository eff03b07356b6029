"""Heads that name the notice templates in use: signed by hand and by themselves, kept, changed, put outside."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from audit_log_tools import sealed
from audit_small_log import CAMPAIGN, good
from bundle_maker import KEY, NOW, THIEF
from named_templates import EDITED, FIRST, MORE, exported, grown, head_names, opened, signed
from sqlalchemy import text

from audit.anchors import DirectoryAnchor
from audit.bundle.writer import NotVerifiedError
from audit.head_templates import digest_of, line_of, listing, named_by
from audit.heads import HeadError, change_key, make_head, read_headed
from audit.keeper import HeadKeeper
from audit.next_head import next_head
from audit.note_errors import NoteError
from audit.outside import compare
from audit.signed_note import to_base64
from audit.signing_keys import create_key
from audit.verifier import verify_bundle as vb
from audit.witness import countersign
from cli.heads_outside import keeper_of
from ledger.heads import read_heads, read_snapshot
from notices.catalogue import DIRECTORY, catalogue, digests
from protocol import HeadsRequest
from settings import Settings

PUBLISHED = Path(__file__).parents[1] / "notices" / "published_notices.sha256"
TRUSTED = vb.Key.parse(str(KEY.public))


@pytest.fixture(scope="module")
def streams():
    """The streams of a whole log."""
    return sealed(good())


def by_hand(ledger, templates, key=KEY, **more):
    """Sign a head as `audit head` does."""
    return make_head(ledger, CAMPAIGN, key, "engine", NOW, templates=templates, **more)


def by_itself(ledger, templates, key=KEY, **more):
    """Sign a head as the worker does."""
    return next_head(ledger, CAMPAIGN, key, NOW, templates=templates, **more)


async def changed(ledger, statement):
    """Change the ledger behind its back."""
    async with ledger._writing.begin() as connection:
        await connection.execute(text(statement))


async def test_by_hand_and_by_itself_it_is_the_same_head(tmp_path, streams):
    """The first over everything, the next over what is new; each list is kept once."""
    (tmp_path / "other").mkdir()
    async with opened(tmp_path) as one, opened(tmp_path / "other") as other:
        for part, templates in enumerate((FIRST, FIRST, MORE, None)):
            for ledger in (one, other):
                await grown(ledger, streams, part, 4)
            found = await by_itself(one, templates)
            assert found.note == (await by_hand(other, templates)).head.note
            assert named_by(found) == (None if templates is None else digest_of(listing(templates)))
            assert found.note.split("\n")[3] == ("" if templates is None else line_of(listing(templates)))
        kept = (await read_snapshot(one, CAMPAIGN)).templates
        assert kept == {digest_of(listing(templates)): listing(templates) for templates in (FIRST, MORE)}
        assert (await read_headed(other, CAMPAIGN)).templates == kept


async def test_the_order_in_which_templates_are_given_is_none(tmp_path):
    """The list is canonical."""
    assert listing(dict(reversed(MORE.items()))) == listing(MORE)
    assert listing(FIRST) == f'{{"choice_notice/1":"{"1" * 64}","meeting_invitation/1":"{"a" * 64}"}}'


async def test_by_hand_nothing_is_signed_over_an_edited_version(tmp_path, streams):
    """New versions and such as are gone are; an edit is refused with its label, and no head is kept."""
    async with opened(tmp_path) as ledger:
        await grown(ledger, streams, 0, 5)
        await by_hand(ledger, FIRST)
        assert len((await by_hand(ledger, EDITED)).heads) == 1  # nothing is new, so nothing is signed
        await grown(ledger, streams, 1, 5)
        with pytest.raises(HeadError) as error:
            await by_hand(ledger, EDITED)
        assert (error.value.code, error.value.place) == ("TEMPLATE_CHANGED", "choice_notice/1")
        assert len(await read_heads(ledger, CAMPAIGN)) == 1
        await by_hand(ledger, MORE)
        await grown(ledger, streams, 2, 5)
        await by_hand(ledger, FIRST)
        await grown(ledger, streams, 3, 5)
        with pytest.raises(HeadError, match="choice_notice/2"):  # an earlier head names it, the newest does not
            await by_hand(ledger, MORE | {"choice_notice/2": "e" * 64})
        assert len((await by_hand(ledger, MORE)).heads) == 4


@pytest.mark.parametrize("full", [False, True], ids=["new alone", "everything"])
async def test_heads_that_sign_themselves_go_on_and_tell_the_edit_for_good(tmp_path, streams, full):
    """Somebody who edits a template does not stop them; put back, both changes stand in the signed heads."""
    async with opened(tmp_path) as ledger:
        for part, templates in enumerate((FIRST, EDITED)):
            await grown(ledger, streams, part, 4)
            await by_itself(ledger, templates, full=full)
        await grown(ledger, streams, 2, 4)
        await by_hand(ledger, FIRST)
        await grown(ledger, streams, 3, 4)
        headed = await by_hand(ledger, EDITED)  # as a head has named it
    one, two, three, four = head_names(headed)
    verdict = vb.verify(exported(headed, tmp_path / "b.zip", EDITED), TRUSTED)
    assert verdict.trusted
    assert [(change["from"], change["to"], change["changed"]) for change in verdict.templates] == [
        (one, two, ["choice_notice/1"]), (two, three, ["choice_notice/1"]), (three, four, ["choice_notice/1"]),
    ]  # fmt: skip


async def test_a_new_key_goes_on_after_a_head_with_the_line(tmp_path, streams):
    """The statement names the last head by its three lines, the term ends there, and the bundle verifies."""
    old = create_key(tmp_path / "old", "audit.example")
    async with opened(tmp_path) as ledger:
        await grown(ledger, streams, 0, 2)
        await by_hand(ledger, FIRST, old)
        new = await change_key(ledger, old, tmp_path / "new")
        await grown(ledger, streams, 1, 2)
        headed = await by_hand(ledger, FIRST, new)
    assert "templates" not in headed.statements[0]
    path = exported(headed, tmp_path / "b.zip", FIRST, new)
    assert all(vb.verify(path, vb.Key.parse(str(key.public))).trusted for key in (old, new))


async def test_a_head_with_the_line_is_kept_countersigned_and_checked_outside(tmp_path, streams):
    """Whole, line and all; without the line or with another one it is no head of this house."""
    async with opened(tmp_path) as ledger:
        headed = await signed(ledger, streams, FIRST, MORE)
    note = headed.head.note.encode()
    line = line_of(listing(MORE)).encode() + b"\n"
    assert await DirectoryAnchor(tmp_path).put(headed.head) is None
    [file] = tmp_path.glob("*.note")
    assert compare(headed, file.read_bytes().replace(b"\n", b"\r\n"), KEY.public).head.size == headed.head.size
    for other in (b"", line[:-2] + b"x\n", line * 2):
        with pytest.raises(NoteError, match="SIGNATURE_INVALID"):
            compare(headed, note.replace(line, other))
    first = bytes(countersign(headed.heads[0].note.encode(), THIEF, [KEY.public]))
    nodes = [to_base64(node) for node in headed.tree.consistency_proof(headed.heads[0].size, headed.head.size)]
    proof = "\n".join([f"old {headed.heads[0].size}", *nodes, "", headed.head.note]).encode()
    both = bytes(countersign(proof, THIEF, [KEY.public], first))
    assert compare(headed, both, KEY.public, [THIEF.public]).witnesses == (THIEF.public,)
    with pytest.raises(NoteError, match="SIGNATURE_INVALID"):
        compare(headed, both.replace(line, b""), KEY.public, [THIEF.public])


LISTS = {
    "another text": ("UPDATE head_templates SET listed=replace(listed, '111', '222')", True),
    "no text": ("UPDATE head_templates SET listed=x'ff00'", True),
    "no row": ("DELETE FROM head_templates", True),
    "a row more": (f"INSERT INTO head_templates VALUES ('{'0' * 64}', 'x')", False),
}


@pytest.mark.parametrize("name", LISTS)
async def test_a_list_that_was_changed_in_the_ledger_is_passed_over_and_named(tmp_path, streams, name):
    """Signing goes on; the bundle's own check names the list, unless the installation still has it."""
    statement, missing = LISTS[name]
    async with opened(tmp_path) as ledger:
        await grown(ledger, streams, 0, 2)
        await by_hand(ledger, FIRST)
        await changed(ledger, statement)
        await grown(ledger, streams, 1, 2)
        headed = await by_hand(ledger, MORE)
    member = f"templates/{digest_of(listing(FIRST))}.json"
    if missing:
        with pytest.raises(NotVerifiedError) as error:
            exported(headed, tmp_path / "b.zip", MORE)
        assert error.value.verdict.findings == [vb.Finding("MEMBER_MISSING", member)]
    else:
        assert vb.verify(exported(headed, tmp_path / "b.zip", MORE), TRUSTED).trusted
    with pytest.raises(NotVerifiedError) as error:  # the record goes on after that head, and that is all
        exported(replace(headed, heads=headed.heads[:1]), tmp_path / "c.zip", FIRST)
    assert {finding.code for finding in error.value.verdict.findings} == {"HEAD_SIZE"}


async def test_the_worker_names_the_templates_that_it_sends_by(tmp_path, streams):
    """Those that it read when it started, so that a file changed since then is not what its heads name."""
    file = tmp_path / "key"
    create_key(file, "audit.example")
    later = NOW + timedelta(days=1)
    async with opened(tmp_path) as ledger:
        await grown(ledger, streams, 0, 2)
        told = await HeadKeeper(ledger, file, clock=lambda: later, templates=lambda: FIRST).look(
            HeadsRequest(campaign=CAMPAIGN)
        )
        assert told.problem is None
        await grown(ledger, streams, 1, 2)
        keeper = keeper_of(Settings.from_environment({"DIVERSION_AUDIT_KEY": str(file)}, data=tmp_path), ledger)
        assert (await keeper.look(HeadsRequest(campaign=CAMPAIGN, at=later))).problem is None
        first, second = await read_heads(ledger, CAMPAIGN)
    assert named_by(first) == digest_of(listing(FIRST))
    assert named_by(second) == digest_of(listing(catalogue().digests))


def test_a_template_is_named_by_the_digest_of_its_file(tmp_path):
    """As `sha256sum` gives it and as it was published; a file that is no template any more is named all the same."""
    table = dict(reversed(line.split("  ")) for line in PUBLISHED.read_text().splitlines())
    published = {
        name.removeprefix("templates/").removesuffix(".toml"): digest
        for name, digest in table.items()
        if name.startswith("templates/")
    }
    assert digests() == digests(DIRECTORY) == catalogue().digests == published
    (tmp_path / "choice_notice").mkdir()
    (tmp_path / "choice_notice" / "1.toml").write_bytes(b"")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digests(tmp_path) == {"choice_notice/1": empty}
