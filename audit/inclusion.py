"""The proof that one event is in a signed head's tree, for whoever may see this event and no other (C2SP tlog-proof).

A text of lines: what it is, the event's own text in base64, its place, the hashes from its leaf up to the root, an
empty line, and the head's note. It is checked with a public key alone: no ledger, no server, no network. What it shows
besides the event are hashes of neighbours, and nobody else's data (docs/decisions/0023, "Cost").
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from audit.checkpoint import Checkpoint, SignedHead, parse_checkpoint
from audit.heads import Headed, origin_of
from audit.leaves import Place, leaf_of
from audit.merkle import HASH_BYTES, verify_inclusion
from audit.signed_note import VerifierKey, from_base64, parse_note, to_base64
from audit.signing_keys import open_given
from domain.canonical import encode
from domain.events import event_id, recomputed_hash

FORMAT: Final = "c2sp.org/tlog-proof@v1"
EXTRA, INDEX = "extra ", "index "
NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}")
PROOF_BYTES: Final = 2_000_000
DEEPEST: Final = 64
"""No tree that a head can name has a longer path."""


class ProofError(Exception):
    """A text that proves nothing.

    Attributes:
        code: PROOF_MALFORMED; PROOF_BROKEN, the event is not in that head's tree at that place, or a row not in its
            day's; PROOF_EVENT, what it brings is no event of the head's campaign; PROOF_ROW, a row is not one of the
            notice and the day.
        line: where, from 1.
    """

    def __init__(self, code: str, line: int) -> None:
        super().__init__(code, line)
        self.code = code
        self.line = line


@dataclass(frozen=True)
class Proven:
    """An event that is in a signed head's tree.

    Attributes:
        event: the envelope.
        index: its place in the tree, from 0.
        head: the head.
        signer: whose signature is under it.
    """

    event: dict[str, Any]
    index: int
    head: Checkpoint
    signer: VerifierKey

    @property
    def id(self) -> str:
        """Return the event's id."""
        return event_id(self.event["stream"], self.event["version"])


def prove(headed: Headed, place: Place) -> str | None:
    """Return the proof that an event is under the newest head; None where that head does not cover it.

    Args:
        headed: a record that was looked at, with one head at least.
        place: the event's.

    Raises:
        LookupError: there is no such event.
    """
    if place not in headed.places:
        raise LookupError(event_id(*place))
    index = headed.places.index(place)
    if index >= headed.head.size:
        return None
    path = headed.tree.inclusion_proof(index, headed.head.size)
    lines = [FORMAT, EXTRA + to_base64(headed.lines[index]), *path_lines(index, path), ""]
    return "\n".join([*lines, headed.head.note])


def check(data: bytes, keys: Sequence[VerifierKey], statements: Iterable[bytes] = ()) -> Proven:
    """Check a proof with public keys alone; nothing of it is believed before.

    Args:
        data: the text; a mail program's line ends are no change.
        keys: the log's, as they were published, first to last.
        statements: of the changes of keys; without them the last key has signed the head.

    Raises:
        ProofError: PROOF_MALFORMED, PROOF_BROKEN, PROOF_EVENT.
        NoteError: what is wrong with the head's note or its signature.
    """
    line, index, path, note = _read(data)
    signed = open_head(note, keys, statements)
    if not verify_inclusion(leaf_of(line), index, signed.head.size, path, signed.head.root):
        raise ProofError("PROOF_BROKEN", 3)
    event = event_of(line, signed)
    if event is None:
        raise ProofError("PROOF_EVENT", 2)
    return Proven(event, index, signed.head, signed.signers[0])


def open_head(note: bytes, keys: Sequence[VerifierKey], statements: Iterable[bytes] = ()) -> SignedHead:
    """Return the head that a proof brings, of whatever log, signed by the key that was in force for it.

    Raises:
        NoteError: what is wrong with the note or its signature.
    """
    origin = parse_checkpoint(parse_note(note).text).origin
    return open_given(note, origin=origin, keys=keys, statements=statements)


def event_of(line: bytes, signed: SignedHead) -> dict[str, Any] | None:
    """Return the event that a leaf is; None where it is no event of the head's campaign.

    Whoever has the key can sign anything: what is shown as an event has an event's form, hash and campaign.
    """
    try:
        event = json.loads(line)
        sound = encode(event).encode() == line and recomputed_hash(event) == event["hash"]
        campaign = "/".join(event["stream"].split("/")[:3])
        logs = [origin_of(signed.signers[0], campaign, clock) for clock in ("engine", "stepped")]
        sound = sound and signed.head.origin in logs and isinstance(event["version"], int)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return event if sound else None


def halves(data: bytes) -> tuple[list[str], bytes]:
    """Return the lines of a proof and the head's note under them; a mail program's line ends are no change.

    Raises:
        ProofError: PROOF_MALFORMED.
    """
    proof, gap, note = data.replace(b"\r\n", b"\n").partition(b"\n\n")
    if len(data) > PROOF_BYTES or not gap:
        raise ProofError("PROOF_MALFORMED", 1)
    try:
        return proof.decode().split("\n"), note.rstrip(b"\n") + b"\n"
    except ValueError:
        raise ProofError("PROOF_MALFORMED", 1) from None


def read_path(lines: Sequence[str], first: int) -> tuple[int, list[bytes]]:
    """Return the place and the audit path of a leaf: a line with its index and one for each hash.

    Args:
        lines: of the proof.
        first: the index's line, from 1.

    Raises:
        ProofError: PROOF_MALFORMED.
    """
    number = lines[0].removeprefix(INDEX) if lines else ""
    if not lines or not lines[0].startswith(INDEX) or not NUMBER.fullmatch(number):
        raise ProofError("PROOF_MALFORMED", first)
    path: list[bytes] = []
    for at, node in enumerate(lines[1:], first + 1):
        decoded = from_base64(node)
        if decoded is None or len(decoded) != HASH_BYTES or len(path) == DEEPEST:
            raise ProofError("PROOF_MALFORMED", at)
        path.append(decoded)
    return int(number), path


def path_lines(index: int, path: Iterable[bytes]) -> list[str]:
    """Return the lines that `read_path` reads."""
    return [INDEX + str(index), *map(to_base64, path)]


def _read(data: bytes) -> tuple[bytes, int, list[bytes], bytes]:
    """Return the event's text, its place, the path and the note.

    Raises:
        ProofError: PROOF_MALFORMED.
    """
    lines, note = halves(data)
    if lines[0] != FORMAT:
        raise ProofError("PROOF_MALFORMED", 1)
    extra = lines[1] if len(lines) > 1 else ""
    line = from_base64(extra.removeprefix(EXTRA))
    if line is None or not extra.startswith(EXTRA):
        raise ProofError("PROOF_MALFORMED", 2)
    index, path = read_path(lines[2:], 3)
    return line, index, path, note
