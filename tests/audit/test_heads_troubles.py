"""What is in the way of one head, or of one place, keeps no other signed head from going outside."""

from __future__ import annotations

import shutil
from datetime import timedelta

import pytest
from audit_log_tools import sealed
from audit_small_log import CAMPAIGN, good
from bundle_maker import NOW
from sqlalchemy import text

from audit.anchors import DirectoryAnchor, file_name
from audit.keeper import HeadKeeper
from audit.next_head import next_head
from audit.signed_note import sign_note
from audit.signing_keys import create_key
from ledger.anchors import not_anchored, read_anchored, read_troubles
from ledger.heads import read_heads
from ledger.store import Ledger
from protocol import HeadsRequest

ASKED = HeadsRequest(campaign=CAMPAIGN)
HEADS = 4


class Post:
    """A place that takes the newest head, by mail as it were."""

    name, newest_only = "mail", True

    def __init__(self):
        self.taken = []

    async def put(self, head):
        """Take it."""
        self.taken.append(head.size)


class Scene:
    """A ledger with four heads that are nowhere outside, a directory, and a mailbox."""

    def __init__(self, folder, ledger):
        self.ledger, self.folder, self.post = ledger, folder / "share", Post()
        self.key_file = folder / "key"
        self.folder.mkdir()

    async def look(self, *, key=True, by=None):
        """Take a look, after which the codes of the ledger are returned too."""
        anchors = by or [DirectoryAnchor(self.folder), self.post]
        clock = lambda: NOW + timedelta(days=1)  # noqa: E731 - it is called nothing else
        told = await HeadKeeper(self.ledger, self.key_file if key else None, anchors, clock=clock).look(ASKED)
        return told, [(one.code, one.place) for one in await read_troubles(self.ledger)]

    async def changed(self, statement, **values):
        """Change the ledger behind its back."""
        async with self.ledger._writing.begin() as connection:
            await connection.execute(text(statement), values)

    def outside(self):
        """Return the names of the files."""
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture(scope="module")
async def signed(tmp_path_factory):
    """Sign four heads over four fifths of a log; the last fifth is new."""
    folder, streams = tmp_path_factory.mktemp("signed"), sealed(good())
    key = create_key(folder / "key", "audit.example")
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{folder / 'ledger.db'}")
    for fifth in range(HEADS + 1):
        for events in streams.values():
            if part := events[len(events) * fifth // 5 : len(events) * (fifth + 1) // 5]:
                await ledger.append(part, [], {})
        if fifth < HEADS:
            await next_head(ledger, CAMPAIGN, key, NOW)
    await ledger.close()
    return folder


@pytest.fixture
async def scene(tmp_path, signed):
    """Open a copy of it."""
    for name in ("key", "ledger.db"):
        shutil.copy(signed / name, tmp_path / name)
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}")
    try:
        yield Scene(tmp_path, ledger)
    finally:
        await ledger.close()


@pytest.mark.parametrize(
    ("key", "damage", "problem"),
    [
        (False, None, "HEADS_KEY_NOT_SET"),
        (True, f"DELETE FROM events WHERE stream='{CAMPAIGN}' AND version>1", "LEDGER_BROKEN"),
        (True, f"UPDATE events SET version='abc' WHERE stream='{CAMPAIGN}' AND version=2", "LEDGER_BROKEN"),
        (True, "UPDATE signing_keys SET public='x'", "KEY_MALFORMED"),
    ],
    ids=["no key", "a record that was cut", "a row that cannot be read", "a list of keys that was changed"],
)
async def test_heads_go_outside_also_where_none_can_be_signed(scene, key, damage, problem):
    """They convict whoever changed the record; the problem is told, and is no less a problem."""
    if damage:
        await scene.changed(damage)
    told, troubles = await scene.look(key=key)
    kept = await read_heads(scene.ledger, CAMPAIGN)
    assert (told.problem, told.outside, told.reason, told.ended) == (problem, None, None, False)
    assert [code for code, _ in troubles] == [problem]
    assert scene.outside() == [file_name(head.note) for head in kept]
    assert len(kept) == HEADS
    assert scene.post.taken == [kept[-1].size]


async def test_a_directory_that_is_away_keeps_no_mail_back(scene):
    """Nor the other way round; the first trouble is told, and ends once both have taken what there is."""
    told, troubles = await scene.look(by=[DirectoryAnchor(scene.folder / "away"), scene.post])
    assert (told.reason, told.problem, told.outside, told.place) == ("day", None, "HEADS_DIR_UNWRITABLE", "directory")
    assert troubles == [("HEADS_DIR_UNWRITABLE", "directory")]
    assert scene.post.taken == [told.size]
    assert {one.place for one in await read_anchored(scene.ledger, CAMPAIGN)} == {"mail"}
    told, troubles = await scene.look()
    assert (told.outside, troubles, len(scene.outside())) == (None, [], HEADS + 1)


@pytest.mark.parametrize("which", ["text", "statement", "older", "bytes"])
@pytest.mark.parametrize("number", [0, HEADS - 1], ids=["the oldest", "the newest"])
async def test_a_note_that_is_none_any_more_keeps_no_other_head_back(scene, which, number):
    """Whatever stands there; it is told, goes nowhere, and is tried again: the next look is no failure either."""
    kept = await read_heads(scene.ledger, CAMPAIGN)
    broken = kept[number]
    notes = {
        "text": "x",
        "statement": str(sign_note("no head\nat all\n", create_key(scene.key_file.with_name("o"), "o"))),
        "older": kept[1].note,
        "bytes": broken.note.encode(),
    }
    await scene.changed("UPDATE heads SET note=:note WHERE size=:size", note=notes[which], size=broken.size)
    for _ in range(2):
        told, troubles = await scene.look(key=False)
        assert told.problem == "HEADS_KEY_NOT_SET"  # of two problems the first
        assert [code for code, _ in troubles] == ["HEADS_KEY_NOT_SET"]
    others = [head for head in kept if head is not broken]
    assert scene.outside() == [file_name(head.note) for head in others]
    assert scene.post.taken == [others[-1].size]
    assert [head.size for head in await not_anchored(scene.ledger, CAMPAIGN, "directory")] == [broken.size]
    await scene.changed("DELETE FROM events WHERE version > 0")  # nothing is due
    told, troubles = await scene.look(key=False)
    assert (told.problem, told.outside, troubles) == (None, "HEAD_BROKEN", [("HEAD_BROKEN", "directory")])


async def test_a_file_of_somebody_elses_keeps_no_later_head_back(scene):
    """It is not written over, and told; the others lie beside it."""
    kept = await read_heads(scene.ledger, CAMPAIGN)
    taken = scene.folder / file_name(kept[0].note)
    taken.write_text("another")
    told, troubles = await scene.look()
    assert (told.reason, told.outside, troubles) == ("day", "HEADS_FILE_DIFFERS", [("HEADS_FILE_DIFFERS", "directory")])
    assert taken.read_text() == "another"
    assert len(scene.outside()) == HEADS + 1
    assert scene.post.taken == [told.size]
