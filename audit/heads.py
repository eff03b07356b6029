"""Signed heads of a campaign's record: made, kept, and followed from key to key (docs/decisions/0023).

Before a head is signed by hand the whole record is looked at again: every event's hash and chain, every earlier head's
root and signature. What does not hold is named and not signed over. Heads that sign themselves look at what is new
(`audit.next_head`), and at everything again at the campaign's end.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from audit.checkpoint import Checkpoint, sign_checkpoint
from audit.head_templates import digest_of, digests_named, edited, line_of, listing
from audit.leaves import Place, gained, leaf_of
from audit.merkle import Edge, Tree
from audit.note_errors import NoteError
from audit.signed_note import Signer, VerifierKey
from audit.signing_keys import KeyList, SigningKey, create_key, follow, load_key, rotate
from audit.verifier.verify_bundle import read_events
from domain.events import GENESIS
from domain.time import stamp
from ledger.heads import (
    KeptHead,
    KeptKey,
    Snapshot,
    Written,
    campaigns_with_heads,
    keep_head,
    keep_key,
    read_keys,
    read_snapshot,
)
from ledger.store import Ledger

_LINE: Final = re.compile(r".* line ([0-9]+)")

RACES: Final = 5
"""How often a head is made anew because another one came first."""

RACED: Final = "HEAD_RACED"
"""Others came first each time: nothing is wrong with the record, and it is to be tried again."""

REHEARSAL: Final = "rehearsal"
"""Stands in the origin of every campaign whose clock is stepped: its heads are no real year's."""


class HeadError(Exception):
    """The record or its heads do not hold, so that nothing may be signed over them.

    Attributes:
        code: LEDGER_BROKEN, HEAD_BROKEN, HEAD_RACED or TEMPLATE_CHANGED.
        place: an event, a head by its size, or a template as `purpose/version`.
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
        templates: digest → list of templates, of those that fit their digest.
    """

    campaign: str
    origin: str
    places: list[Place]
    lines: list[bytes]
    heads: list[KeptHead]
    tree: Tree
    keys: KeyList
    statements: list[str]
    templates: dict[str, str] = field(default_factory=dict)

    @property
    def head(self) -> KeptHead:
        """Return the newest head."""
        return self.heads[-1]


def origin_of(key: VerifierKey, campaign: str, clock: str) -> str:
    """Return a log's name: the key's, and the campaign's id; a rehearsal's is another than the real year's."""
    middle = "" if clock == "engine" else f"{REHEARSAL}/"
    return f"{key.name}/{middle}{campaign}"


async def make_head(
    ledger: Ledger,
    campaign: str,
    signer: Signer,
    clock: str,
    now: datetime,
    *,
    templates: Mapping[str, str] | None = None,
    edited_too: bool = False,
) -> Headed:
    """Sign a head over all that the record holds, or take the newest one where nothing is new.

    Args:
        ledger: the record.
        campaign: the campaign's id; it has events.
        signer: the key in force; the very first key that signs a head begins the list of keys.
        clock: the campaign's, as its first event says.
        now: written beside the head; it proves nothing.
        templates: label → SHA-256 of each template in use, which the head is to name; None names none.
        edited_too: sign although a version was edited that a head has named: the heads tell it then.

    Raises:
        HeadError: LEDGER_BROKEN, HEAD_BROKEN, HEAD_RACED; TEMPLATE_CHANGED with the version that was edited.
        NoteError: KEY_OUT_OF_TERM, another key is in force.
    """
    for _ in range(RACES):
        keys, statements = await keys_of(ledger, signer.public)
        if keys.current != signer.public:
            raise NoteError("KEY_OUT_OF_TERM")
        snapshot = await read_snapshot(ledger, campaign)
        origin = origin_of(signer.public, campaign, clock)
        found = await asyncio.to_thread(_joined, campaign, origin, snapshot, keys, statements)
        last = found.heads[-1].size if found.heads else 0
        if last == len(found.lines):
            return found
        if templates is not None and not edited_too:
            _require_unedited(found, templates)
        before = _marks(snapshot.heads)
        after: dict[str, int] = {place.stream: place.version for place in found.places}
        moved = {stream: version for stream, version in sorted(after.items()) if before.get(stream) != version}
        listed = None if templates is None else listing(templates)
        head = signed_head(found.origin, found.tree.edge(), moved, signer, now, listed)
        if await keep_head(ledger, campaign, head, after=last, keys=keys.published, templates=listed):
            found.heads.append(head)
            if listed is not None:
                found.templates[digest_of(listed)] = listed
            return found
    raise HeadError(RACED, campaign)


async def read_headed(ledger: Ledger, campaign: str) -> Headed:
    """Look at the whole record and its heads again, as they are in the ledger, and sign nothing.

    Args:
        ledger: the record.
        campaign: the campaign's id; it has events.

    Raises:
        HeadError: LEDGER_BROKEN, HEAD_BROKEN.
        NoteError: KEY_FILE_MISSING, nothing was ever signed; ROTATION_*, a change of keys does not hold.
    """
    keys, statements = await keys_of(ledger)
    snapshot = await read_snapshot(ledger, campaign)
    first = next((event for event in snapshot.events if event == Written(campaign, 1, event.body)), None)
    if first is None:
        raise HeadError("LEDGER_BROKEN", f"{campaign}#1")
    origin = origin_of(keys.current, campaign, clock_of(first.body, campaign))
    return await asyncio.to_thread(_joined, campaign, origin, snapshot, keys, statements)


def clock_of(first: str, campaign: str) -> str:
    """Return a campaign's clock, as its first event says, which may have been changed.

    Raises:
        HeadError: LEDGER_BROKEN, the text is no first event.
    """
    try:
        return str(json.loads(first)["data"]["clock"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise HeadError("LEDGER_BROKEN", f"{campaign}#1") from None


def signed_head(
    origin: str, edge: Edge, moved: dict[str, int], signer: Signer, now: datetime, templates: str | None = None
) -> KeptHead:
    """Return the signed head of a tree whose right edge is given.

    Args:
        origin: the log's name.
        edge: of all leaves.
        moved: by stream, how far it came, of the streams that moved since the head before.
        signer: the key in force.
        now: written beside the head; it proves nothing.
        templates: the list of templates that it names, None for none.
    """
    extensions = () if templates is None else (line_of(templates),)
    checkpoint = Checkpoint(origin, edge.size, edge.root(), extensions)
    note = str(sign_checkpoint(checkpoint, signer))
    return KeptHead(edge.size, checkpoint.root.hex(), note, moved, written(edge), stamp(now))


def written(edge: Edge) -> str:
    """Return a tree's right edge as it is kept beside a head: its peaks in hex, the largest first."""
    return b"".join(edge.peaks).hex()


async def keys_of(ledger: Ledger, first: VerifierKey | None = None) -> tuple[KeyList, list[str]]:
    """Return the keys that followed one another and the statements of their changes.

    Args:
        ledger: where they are kept.
        first: begins the list where there is none; it is kept with the first head that it signs (`keep_head`).

    Raises:
        NoteError: KEY_FILE_MISSING, there is no key yet; ROTATION_*, a statement does not hold.
    """
    kept = await read_keys(ledger)
    if not kept and first is not None:
        return KeyList((first,)), []
    if not kept:
        raise NoteError("KEY_FILE_MISSING")
    statements = [key.statement or "" for key in kept[1:]]
    return follow(VerifierKey.parse(kept[0].public), [text.encode() for text in statements]), statements


async def change_key(ledger: Ledger, old: SigningKey, new_file: Path) -> SigningKey:
    """Replace the key in force by a new one, whose file is made if it is not there; the statement is kept.

    The whole record of every campaign that has heads is looked at before: the statement ends the old key's term at its
    last heads for good, and one that named a changed head would end it at the wrong place. The same old and new key
    make the same statement, so that a broken-off change can be made again.

    Raises:
        NoteError: KEY_OUT_OF_TERM, the old one is not in force; KEY_NOTHING_SIGNED, none is yet; what is wrong with a
            file.
        HeadError: LEDGER_BROKEN, HEAD_BROKEN: no key is changed; HEAD_RACED, another change or a head came first.
    """
    if not await read_keys(ledger):
        raise NoteError("KEY_NOTHING_SIGNED")
    keys, statements = await keys_of(ledger)
    if keys.current != old.public:
        raise NoteError("KEY_OUT_OF_TERM")
    signed, last = 0, []
    for campaign in await campaigns_with_heads(ledger):
        headed = await read_headed(ledger, campaign)
        signed += len(headed.heads)
        last.append(_last_signed(headed, old.public))
    try:
        new = create_key(new_file, old.public.name)
    except NoteError as error:
        if error.code != "KEY_FILE_EXISTS":
            raise
        new = load_key(new_file)  # made before a change that was broken off
    statement = str(rotate(old, new, [head for head in last if head is not None]))
    keys.followed_by(statement.encode())  # nothing is kept that cannot be followed
    if not await keep_key(ledger, KeptKey(str(new.public), statement), after=len(statements) + 1, signed=signed):
        raise HeadError(RACED, str(new.public))
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
    check_chains(places, lines)
    tree = Tree(map(leaf_of, lines))
    for head in snapshot.heads:
        try:
            signed = keys.open_head(head.note.encode(), origin=origin).head
        except NoteError:
            raise HeadError("HEAD_BROKEN", f"{campaign} ({head.size})") from None
        if head.size > tree.size or head.root != signed.root.hex():
            raise HeadError("HEAD_BROKEN", f"{campaign} ({head.size})")
        if (signed.size, signed.root) != (head.size, tree.root(head.size)):
            raise HeadError("HEAD_BROKEN", f"{campaign} ({head.size})")
    lists = {digest: listed for digest, listed in snapshot.templates.items() if digest_of(listed) == digest}
    return Headed(campaign, origin, places, lines, list(snapshot.heads), tree, keys, statements, lists)


def _require_unedited(headed: Headed, templates: Mapping[str, str]) -> None:
    """Refuse to sign over a template version that is as no head has named it: none changes once published.

    A list that is gone or was changed itself is passed over: verifying the bundle names it.

    Raises:
        HeadError: TEMPLATE_CHANGED.
    """
    lists = [headed.templates[digest] for digest in digests_named(headed.heads) if digest in headed.templates]
    labels = edited(lists, templates)
    if labels:
        raise HeadError("TEMPLATE_CHANGED", labels[0])


def check_chains(places: Sequence[Place], lines: Sequence[bytes], covered: Iterable[Place] = ()) -> None:
    """Check each event's form, hash and chain before anything is signed over it, and that it is the one of its place.

    Args:
        places: where the events stand in the ledger, each stream's in the order of its versions.
        lines: the events.
        covered: where a stream may begin: the last event of it that a head covers.

    Raises:
        HeadError: LEDGER_BROKEN.
    """
    part = read_events(lines, 0)
    if part.findings:
        line = _LINE.fullmatch(part.findings[0].place)  # what has no form says nothing of its place
        place = places[int(line[1]) - 1] if line else None
        raise HeadError("LEDGER_BROKEN", f"{place.stream}#{place.version}" if place else part.findings[0].place)
    said = (Place(one.stream, one.version + step) for one in part.stretches for step in range(one.count))
    for place, found in zip(places, said, strict=True):
        if place != found:
            raise HeadError("LEDGER_BROKEN", f"{place.stream}#{place.version}")
    ends: dict[str, str] = {}
    known = frozenset(covered)
    for stretch in part.stretches:
        joined = Place(stretch.stream, stretch.version) in known
        if not joined and ends.get(stretch.stream, GENESIS) != stretch.prev_hash:
            raise HeadError("LEDGER_BROKEN", f"{stretch.stream}#{stretch.version}")
        ends[stretch.stream] = stretch.last_hash


def _marks(heads: Sequence[KeptHead]) -> dict[str, int]:
    marks: dict[str, int] = {}
    for head in heads:
        marks |= head.marks
    return marks


def _last_signed(headed: Headed, key: VerifierKey) -> Checkpoint | None:
    """Return the newest head that a key signed, as a change of keys names it: without extension lines.

    Args:
        headed: a record that was looked at.
        key: the key.
    """
    for kept in reversed(headed.heads):
        signed = headed.keys.open_head(kept.note.encode(), origin=headed.origin)
        if key in signed.signers:
            return replace(signed.head, extensions=())
    return None
