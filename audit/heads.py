"""Signed heads of a campaign's record: made, kept, and followed from key to key (docs/decisions/0023).

Before a head is signed the whole record is looked at again: every event's hash and chain, every earlier head's root
and signature. What does not hold is named and not signed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from audit.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from audit.leaves import Place, gained
from audit.merkle import Tree, leaf_hash
from audit.note_errors import NoteError
from audit.signed_note import Signer, VerifierKey, parse_note
from audit.signing_keys import KeyList, SigningKey, create_key, follow, load_key, rotate
from audit.verifier.verify_bundle import read_events
from domain.events import GENESIS
from domain.time import stamp
from ledger.heads import KeptHead, KeptKey, Snapshot, keep_head, keep_key, newest_heads, read_keys, read_snapshot
from ledger.store import Ledger

RACES: Final = 5
"""How often a head is made anew because another one came first."""

REHEARSAL: Final = "rehearsal"
"""Stands in the origin of every campaign whose clock is stepped: its heads are no real year's."""


class HeadError(Exception):
    """The record or its heads do not hold, so that nothing may be signed over them.

    Attributes:
        code: LEDGER_BROKEN, HEAD_BROKEN or HEAD_RACED.
        place: an event, or a head by its size.
    """

    def __init__(self, code: str, place: str) -> None:
        super().__init__(code, place)
        self.code = code
        self.place = place


@dataclass(frozen=True)
class Headed:
    """A campaign's record up to its newest head.

    Attributes:
        origin: the log's name.
        places: where each leaf's event stands, in the order of the leaves.
        lines: the leaves: events' canonical texts in UTF-8.
        heads: oldest first.
        tree: over all leaves.
        keys: who may have signed the heads.
        statements: the changes of keys.
    """

    campaign: str
    origin: str
    places: list[Place]
    lines: list[bytes]
    heads: list[KeptHead]
    tree: Tree
    keys: KeyList
    statements: list[str]

    @property
    def head(self) -> KeptHead:
        """Return the newest head."""
        return self.heads[-1]


def origin_of(key: VerifierKey, campaign: str, clock: str) -> str:
    """Return a log's name: the key's, and the campaign's id; a rehearsal's is another than the real year's."""
    middle = "" if clock == "engine" else f"{REHEARSAL}/"
    return f"{key.name}/{middle}{campaign}"


async def make_head(ledger: Ledger, campaign: str, signer: Signer, clock: str, now: datetime) -> Headed:
    """Sign a head over all that the record holds, or take the newest one where nothing is new.

    Args:
        ledger: the record.
        campaign: the campaign's id; it has events.
        signer: the key in force; the very first key that signs anything begins the list of keys.
        clock: the campaign's, as its first event says.
        now: written beside the head; it proves nothing.

    Raises:
        HeadError: LEDGER_BROKEN, HEAD_BROKEN, HEAD_RACED.
        NoteError: KEY_OUT_OF_TERM, another key is in force.
    """
    for _ in range(RACES):
        keys, statements = await keys_of(ledger, signer.public)
        if keys.current != signer.public:
            raise NoteError("KEY_OUT_OF_TERM")
        snapshot = await read_snapshot(ledger, campaign)
        found = _joined(campaign, origin_of(signer.public, campaign, clock), snapshot, keys, statements)
        last = found.heads[-1].size if found.heads else 0
        if last == len(found.lines):
            return found
        before = _marks(snapshot.heads)
        after: dict[str, int] = {place.stream: place.version for place in found.places}
        moved = {stream: version for stream, version in sorted(after.items()) if before.get(stream) != version}
        checkpoint = Checkpoint(found.origin, len(found.lines), found.tree.root())
        note = str(sign_checkpoint(checkpoint, signer))
        head = KeptHead(checkpoint.size, checkpoint.root.hex(), note, moved)
        if await keep_head(ledger, campaign, head, after=last, made_at=stamp(now)):
            found.heads.append(head)
            return found
    raise HeadError("HEAD_RACED", campaign)


async def keys_of(ledger: Ledger, first: VerifierKey | None = None) -> tuple[KeyList, list[str]]:
    """Return the keys that followed one another and the statements of their changes.

    Args:
        ledger: where they are kept.
        first: begins the list where there is none.

    Raises:
        NoteError: KEY_FILE_MISSING, there is no key yet; ROTATION_*, a statement does not hold.
    """
    kept = await read_keys(ledger)
    if not kept and first is not None:
        await keep_key(ledger, KeptKey(str(first), None), after=0)
        kept = await read_keys(ledger)
    if not kept:
        raise NoteError("KEY_FILE_MISSING")
    statements = [key.statement or "" for key in kept[1:]]
    return follow(VerifierKey.parse(kept[0].public), [text.encode() for text in statements]), statements


async def change_key(ledger: Ledger, old: SigningKey, new_file: Path) -> SigningKey:
    """Replace the key in force by a new one, whose file is made if it is not there; the statement is kept.

    The same old and new key make the same statement, so that a broken-off change can be made again.

    Raises:
        NoteError: KEY_OUT_OF_TERM, the old one is not in force; what is wrong with a file.
        HeadError: HEAD_RACED, another change came first.
    """
    keys, statements = await keys_of(ledger, old.public)
    if keys.current != old.public:
        raise NoteError("KEY_OUT_OF_TERM")
    try:
        new = create_key(new_file, old.public.name)
    except NoteError:  # made before a change that was broken off
        new = load_key(new_file)
    last = [_last_signed(notes, old.public) for notes in (await newest_heads(ledger)).values()]
    statement = str(rotate(old, new, [head for head in last if head is not None]))
    keys.followed_by(statement.encode())  # nothing is kept that cannot be followed
    if not await keep_key(ledger, KeptKey(str(new.public), statement), after=len(statements) + 1):
        raise HeadError("HEAD_RACED", str(new.public))
    return new


def leaves_of(snapshot: Snapshot) -> tuple[list[Place], list[bytes]]:
    """Return the places and texts of a snapshot's events in the order of the tree, with what no head has yet.

    Raises:
        HeadError: LEDGER_BROKEN, events that a head has are gone, or a stream has a gap.
    """
    bodies = {Place(event.stream, event.version): event.body for event in snapshot.events}
    now: dict[str, int] = {}
    for place in bodies:
        now[place.stream] = max(now.get(place.stream, 0), place.version)
    places: list[Place] = []
    marks: dict[str, int] = {}
    for after in [*(head.marks for head in snapshot.heads), now]:
        grown = {**marks, **after}
        try:
            places += gained(marks, grown)
        except ValueError as error:
            raise HeadError("LEDGER_BROKEN", str(error).partition(":")[0]) from None
        marks = grown
    missing = next((place for place in places if place not in bodies), None)
    if missing is not None:
        raise HeadError("LEDGER_BROKEN", f"{missing.stream}#{missing.version}")
    return places, [bodies[place].encode() for place in places]


def _joined(campaign: str, origin: str, snapshot: Snapshot, keys: KeyList, statements: list[str]) -> Headed:
    """Put events and heads together and look at all of it again.

    Raises:
        HeadError: LEDGER_BROKEN, HEAD_BROKEN.
    """
    places, lines = leaves_of(snapshot)
    _check_chains(lines)
    tree = Tree(map(leaf_hash, lines))
    for head in snapshot.heads:
        try:
            signed = keys.open_head(head.note.encode(), origin=origin).head
        except NoteError:
            raise HeadError("HEAD_BROKEN", f"{campaign} ({head.size})") from None
        if head.size > tree.size or head.root != signed.root.hex():
            raise HeadError("HEAD_BROKEN", f"{campaign} ({head.size})")
        if (signed.size, signed.root) != (head.size, tree.root(head.size)):
            raise HeadError("HEAD_BROKEN", f"{campaign} ({head.size})")
    return Headed(campaign, origin, places, lines, list(snapshot.heads), tree, keys, statements)


def _check_chains(lines: Sequence[bytes]) -> None:
    """Check each event's form, hash and chain before anything is signed over it."""
    part = read_events(lines, 0)
    if part.findings:
        raise HeadError("LEDGER_BROKEN", part.findings[0].place)
    ends: dict[str, str] = {}
    for stretch in part.stretches:
        if ends.get(stretch.stream, GENESIS) != stretch.prev_hash:
            raise HeadError("LEDGER_BROKEN", f"{stretch.stream}#{stretch.version}")
        ends[stretch.stream] = stretch.last_hash


def _marks(heads: Sequence[KeptHead]) -> dict[str, int]:
    marks: dict[str, int] = {}
    for head in heads:
        marks |= head.marks
    return marks


def _last_signed(notes: Sequence[str], key: VerifierKey) -> Checkpoint | None:
    """Return the newest head that a key signed; the notes are in that order."""
    for text in notes:
        note = parse_note(text.encode())
        for signature in note.signatures:
            named = (signature.name, signature.key_id) == (key.name, key.key_id)
            if named and key.verifies(note.text.encode(), signature.value):
                return parse_checkpoint(note.text)
    return None
