"""The proof that one event is in a signed head's tree, for whoever may see this event and no other (C2SP tlog-proof).

A text of lines: what it is, the event's own text in base64, its place, the hashes from its leaf up to the root, an
empty line, and the head's note. It is checked with a public key alone: no ledger, no server, no network. What it shows
besides the event are hashes of neighbours, and nobody else's data (docs/decisions/0023, "Cost").
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from audit.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from audit.heads import Headed, origin_of
from audit.leaves import Place, leaf_of
from audit.merkle import HASH_BYTES, verify_inclusion
from audit.signed_note import VerifierKey, from_base64, parse_note, to_base64
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
        code: PROOF_MALFORMED; PROOF_BROKEN, the event is not in that head's tree at that place; PROOF_EVENT, what it
            brings is no event of the head's campaign.
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
    lines = [FORMAT, EXTRA + to_base64(headed.lines[index]), INDEX + str(index), *map(to_base64, path), ""]
    return "\n".join([*lines, headed.head.note])


def check(data: bytes, keys: Iterable[VerifierKey]) -> Proven:
    """Check a proof with public keys alone; nothing of it is believed before.

    Args:
        data: the text; a mail program's line ends are no change.
        keys: the log's, as they were published; one of them has signed the head.

    Raises:
        ProofError: PROOF_MALFORMED, PROOF_BROKEN, PROOF_EVENT.
        NoteError: what is wrong with the head's note or its signature.
    """
    line, index, path, note = _read(data)
    origin = parse_checkpoint(parse_note(note).text).origin
    signed = open_checkpoint(note, origin=origin, log=keys)
    if not verify_inclusion(leaf_of(line), index, signed.head.size, path, signed.head.root):
        raise ProofError("PROOF_BROKEN", 3)
    signer = signed.signers[0]
    try:
        event = json.loads(line)
        sound = encode(event).encode() == line and recomputed_hash(event) == event["hash"]
        campaign = "/".join(event["stream"].split("/")[:3])
        logs = [origin_of(signer, campaign, clock) for clock in ("engine", "stepped")]
        sound = sound and origin in logs and isinstance(event["version"], int)
    except (ValueError, KeyError, TypeError, AttributeError):
        sound = False
    if not sound:
        raise ProofError("PROOF_EVENT", 2)
    return Proven(event, index, signed.head, signer)


def _read(data: bytes) -> tuple[bytes, int, list[bytes], bytes]:
    """Return the event's text, its place, the path and the note.

    Raises:
        ProofError: PROOF_MALFORMED.
    """
    proof, gap, note = data.replace(b"\r\n", b"\n").partition(b"\n\n")
    if len(data) > PROOF_BYTES or not gap:
        raise ProofError("PROOF_MALFORMED", 1)
    try:
        first, extra, index, *nodes = proof.decode().split("\n")
    except ValueError:
        raise ProofError("PROOF_MALFORMED", 1) from None
    line = from_base64(extra.removeprefix(EXTRA))
    number = index.removeprefix(INDEX)
    if first != FORMAT:
        raise ProofError("PROOF_MALFORMED", 1)
    if line is None or not extra.startswith(EXTRA):
        raise ProofError("PROOF_MALFORMED", 2)
    if not index.startswith(INDEX) or not NUMBER.fullmatch(number):
        raise ProofError("PROOF_MALFORMED", 3)
    path: list[bytes] = []
    for at, node in enumerate(nodes, 4):
        decoded = from_base64(node)
        if decoded is None or len(decoded) != HASH_BYTES or len(path) == DEEPEST:
            raise ProofError("PROOF_MALFORMED", at)
        path.append(decoded)
    return line, int(number), path, note.rstrip(b"\n") + b"\n"
