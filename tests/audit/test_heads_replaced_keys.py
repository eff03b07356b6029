"""What a replaced key signs later counts for nobody; and no key is replaced over a record that was changed."""

from __future__ import annotations

import json
import shutil

import pytest
from audit_log_tools import sealed
from audit_small_log import CAMPAIGN, good
from bundle_maker import KEY, NOW, THIEF, line_of, rehashed
from sqlalchemy import text

from audit.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from audit.heads import Headed, HeadError, change_key, leaves_of, make_head, read_headed, signed_head
from audit.inclusion import check, path_lines, prove
from audit.leaves import leaf_of
from audit.merkle import Tree
from audit.note_errors import NoteError
from audit.outside import proof_text
from audit.signed_note import parse_note, to_base64
from audit.signing_keys import (
    KeyList,
    SigningKey,
    create_key,
    follow,
    load_key,
    parse_rotation,
    rotate,
    split_statements,
)
from audit.witness import countersign
from domain.events import canonical_text
from ledger.heads import Snapshot, Written, read_heads, read_keys
from ledger.store import Ledger

NEW, LATEST = SigningKey("audit.example", b"n" * 32), SigningKey("audit.example", b"l" * 32)
BUREAU = SigningKey("bureau.example", b"b" * 32)
ORIGIN = f"{KEY.public.name}/{CAMPAIGN}"


# -- no change of keys over a changed record ------------------------------------------------------------------------


@pytest.fixture(scope="module")
async def signed(tmp_path_factory):
    """Sign two heads, and leave events behind the second."""
    folder, streams = tmp_path_factory.mktemp("signed"), sealed(good())
    key = create_key(folder / "key", "audit.example")
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{folder / 'ledger.db'}")
    for third in range(3):
        for events in streams.values():
            if part := events[len(events) * third // 3 : len(events) * (third + 1) // 3]:
                await ledger.append(part, [], {})
        if third < 2:
            await make_head(ledger, CAMPAIGN, key, "engine", NOW)
    await ledger.close()
    return folder


@pytest.fixture
async def ledger(tmp_path, signed):
    """Open a copy of it, with the key beside it."""
    for name in ("key", "ledger.db"):
        shutil.copy(signed / name, tmp_path / name)
    opened = await Ledger.open(f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}")
    try:
        yield opened
    finally:
        await opened.close()


NEWEST = "WHERE size=(SELECT max(size) FROM heads)"
CHANGED = {
    "an older head's note": (f"UPDATE heads SET note=(SELECT note FROM heads ORDER BY size LIMIT 1) {NEWEST}", "HEAD"),
    "a note that is none": (f"UPDATE heads SET note='x' {NEWEST}", "HEAD"),
    "another root": (f"UPDATE heads SET root='{'0' * 64}' {NEWEST}", "HEAD"),
    "an older note": ("UPDATE heads SET note='x' WHERE size=(SELECT min(size) FROM heads)", "HEAD"),
    "an event": ("UPDATE events SET body=replace(body, 'engine', 'enging') WHERE version=1", "LEDGER"),
    "a lost event": (f"DELETE FROM events WHERE stream='{CAMPAIGN}' AND version=2", "LEDGER"),
}


@pytest.mark.parametrize("name", CHANGED)
async def test_no_key_is_replaced_over_what_was_changed(tmp_path, ledger, name):
    """The statement would end the old key's term at a head that is none; put right again, the change goes through."""
    statement, code = CHANGED[name]
    kept, old = await read_heads(ledger, CAMPAIGN), load_key(tmp_path / "key")
    table = "heads" if code == "HEAD" else "events"
    async with ledger._writing.begin() as connection:
        rows = [row._asdict() for row in await connection.execute(text(f"SELECT * FROM {table}"))]
        await connection.execute(text(statement))
    with pytest.raises(HeadError, match=f"{code}_BROKEN"):
        await change_key(ledger, old, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    assert [key.public for key in await read_keys(ledger)] == [str(old.public)]
    async with ledger._writing.begin() as connection:
        await connection.execute(text(f"DELETE FROM {table}"))
        names = ", ".join(f":{column}" for column in rows[0])
        await connection.execute(text(f"INSERT INTO {table} VALUES ({names})"), rows)
    new = await change_key(ledger, old, tmp_path / "new")
    headed = await make_head(ledger, CAMPAIGN, new, "engine", NOW)
    assert [head.note for head in headed.heads[:2]] == [head.note for head in kept]
    assert (await read_headed(ledger, CAMPAIGN)).keys.rotations[0].heads[0].size == kept[-1].size


async def test_there_is_no_key_to_replace_where_nothing_was_signed(tmp_path):
    """It is said, no file is made, and no key begins the list."""
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}")
    try:
        with pytest.raises(NoteError, match="KEY_NOTHING_SIGNED"):
            await change_key(ledger, KEY, tmp_path / "new")
        assert await read_keys(ledger) == []
    finally:
        await ledger.close()
    assert not (tmp_path / "new").exists()


# -- what a stolen key signs ----------------------------------------------------------------------------------------


class Log:
    """A log whose first key was replaced at its head, with a head of each key, and one of the thief's."""

    def __init__(self):
        events = [
            Written(name, event["version"], canonical_text(event))
            for name, stream in sealed(good()).items()
            for event in stream
        ]
        self.places, self.lines = leaves_of(Snapshot(events, []))
        self.old = self.headed(self.lines[:-2], KEY)
        ended = parse_checkpoint(parse_note(self.old.head.note.encode()).text)
        self.statement = bytes(rotate(KEY, NEW, [ended]))
        self.new = self.headed(self.lines[:-1], NEW)
        again = parse_checkpoint(parse_note(self.new.head.note.encode()).text)
        self.statements = [self.statement, bytes(rotate(NEW, LATEST, [again]))]
        event = json.loads(self.lines[-2])
        forged = rehashed({**event, "version": event["version"] + 1}, event["hash"])
        self.forged = self.headed([*self.lines[:-2], self.lines[-2], line_of(forged)], KEY)

    def headed(self, lines, key):
        """A record under a head of a key."""
        tree = Tree(map(leaf_of, lines))
        head = signed_head(ORIGIN, tree.edge(), {}, key, NOW)
        return Headed(CAMPAIGN, ORIGIN, self.places[: len(lines)], lines, [head], tree, KeyList((key.public,)), [])

    def proof(self, headed):
        """The proof of its last event."""
        tree, size = headed.tree, headed.head.size
        lines = ["c2sp.org/tlog-proof@v1", "extra " + to_base64(headed.lines[-1])]
        lines += path_lines(size - 1, tree.inclusion_proof(size - 1, size))
        return "\n".join([*lines, "", headed.head.note]).encode()

    def grown(self, headed):
        """What the county sends to a witness that has signed the old key's head."""
        headed.heads.insert(0, self.old.head)
        return proof_text(headed, self.old.head.size, headed.head.size).encode()


@pytest.fixture(scope="module")
def log():
    """Make it."""
    return Log()


def publics(*keys):
    """The public halves."""
    return [key.public for key in keys]


def test_a_proof_by_a_stolen_key_proves_nothing(log):
    """Not beside the key that followed, and not with the statement; nor does it help to turn the keys round."""
    forged, own = log.proof(log.forged), log.proof(log.new)
    with pytest.raises(NoteError, match="SIGNER_NOT_LAST"):
        check(forged, publics(KEY, NEW))
    for keys in ((KEY,), (NEW,), (KEY, NEW), (NEW, KEY)):
        with pytest.raises(NoteError, match="KEY_OUT_OF_TERM"):
            check(forged, publics(*keys), [log.statement])
        assert check(own, publics(*keys), [log.statement]).signer == NEW.public
    assert check(own, publics(KEY, NEW)).signer == NEW.public
    with pytest.raises(NoteError, match="SIGNER_UNKNOWN"):
        check(forged, publics(NEW))


def test_a_proof_of_the_old_keys_own_term_holds_by_the_statement(log):
    """Up to the head that ended it, and with every key that followed; without the statement nobody can tell."""
    old = log.proof(log.old)
    assert prove(log.old, log.old.places[-1]).encode() == old
    assert check(old, publics(KEY)).signer == KEY.public
    for keys in ((KEY,), (NEW,), (LATEST,), (NEW, LATEST)):
        assert check(old, publics(*keys), log.statements).signer == KEY.public
    assert check(old, publics(NEW), log.statements[:1]).signer == KEY.public
    with pytest.raises(NoteError, match="SIGNER_NOT_LAST"):
        check(old, publics(KEY, NEW))


def test_statements_that_are_not_of_the_keys_given_are_refused(log):
    """A stranger's key, one statement missing or out of order, one that a thief made for himself."""
    own = log.proof(log.new)
    theirs = bytes(rotate(KEY, THIEF, []))
    for keys, statements in (
        ((THIEF,), log.statements),
        ((KEY, THIEF), log.statements),
        ((KEY, LATEST), log.statements[:1]),
        ((KEY,), log.statements[1:]),
        ((NEW,), [theirs]),
        ((NEW,), [log.statement, theirs]),
    ):
        with pytest.raises(NoteError, match="ROTATION_BROKEN"):
            check(own, publics(*keys), statements)
    unsigned = log.statement[: log.statement.rindex(b"\xe2\x80\x94")]
    with pytest.raises(NoteError, match="ROTATION_UNSIGNED"):
        check(own, publics(KEY), [unsigned])


def test_a_witness_signs_no_growth_by_a_stolen_key(log):
    """From the last head on only the key in force signs; what the witness has signed already it signs again."""
    first = bytes(countersign(log.old.head.note.encode(), BUREAU, publics(KEY)))
    stolen, own = log.grown(log.forged), log.grown(log.new)
    for statements, code in (((), "SIGNER_NOT_LAST"), ([log.statement], "KEY_OUT_OF_TERM")):
        with pytest.raises(NoteError, match=code):
            countersign(stolen, BUREAU, publics(KEY, NEW), first, statements)
        with pytest.raises(NoteError, match=code):
            countersign(log.forged.head.note.encode(), BUREAU, publics(KEY, NEW), None, statements)
        for again in (None, first):
            if statements or again:
                assert countersign(log.old.head.note.encode(), BUREAU, publics(KEY, NEW), again, statements)
        assert countersign(own, BUREAU, publics(KEY, NEW), first, statements).signatures[-1].name == "bureau.example"
    other = Checkpoint(ORIGIN, log.old.head.size, log.old.tree.root(), ("a line",))  # that tree, but not that head
    with pytest.raises(NoteError, match="SIGNER_NOT_LAST"):
        countersign(bytes(sign_checkpoint(other, KEY)), BUREAU, publics(KEY, NEW), first)


def test_a_file_may_hold_several_statements(log):
    """As `keys list --out` writes them, or one; also as a mail program has kept them; nothing else is one."""
    both = b"".join(log.statements)
    assert split_statements(both) == log.statements
    assert split_statements(both.replace(b"\n", b"\r\n") + b"\r\n") == log.statements
    assert split_statements(log.statement) == [log.statement]
    assert follow(KEY.public, split_statements(both)).current == LATEST.public
    assert parse_rotation(parse_note(log.statement).text).new == NEW.public
    for data in (b"", b"x", b"x\n" + both, log.old.head.note.encode()):
        with pytest.raises(NoteError, match="ROTATION_MALFORMED"):
            split_statements(data)
