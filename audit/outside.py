"""A head that somebody kept outside the house, held against this ledger, and the proof from one head to another.

Whoever has a head of the log on paper, in a mail or on another disk, finds every change below it: the ledger must have
had that root at that size, and its newest head must be of a tree that begins with it (RFC 6962, section 2.1.2).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from audit.checkpoint import Checkpoint
from audit.heads import Headed
from audit.merkle import verify_consistency
from audit.note_errors import NoteError
from audit.signed_note import VerifierKey, to_base64
from audit.signing_keys import KeyList
from ledger.heads import KeptHead


class OutsideError(Exception):
    """A head that was kept outside is not one of this ledger's.

    Attributes:
        code: HEAD_DIFFERS, the ledger had another root at that size; HEAD_GONE, its own heads do not come so far.
        place: the campaign and the size.
    """

    def __init__(self, code: str, place: str) -> None:
        super().__init__(code, place)
        self.code = code
        self.place = place


@dataclass(frozen=True)
class Agreed:
    """A head that is this ledger's.

    Attributes:
        head: as it was kept outside.
        newest: the ledger's newest one.
        proof: that the newest one's tree begins with the other's, each node in base64.
        witnesses: the others that have countersigned it, of those whose keys were given.
    """

    head: Checkpoint
    newest: KeptHead
    proof: list[str]
    witnesses: tuple[VerifierKey, ...] = ()


def compare(
    headed: Headed, data: bytes, trusted: VerifierKey | None = None, witnesses: Iterable[VerifierKey] = ()
) -> Agreed:
    """Hold a head against a ledger whose record and own heads were looked at.

    Args:
        headed: the ledger's, with one head at least.
        data: the signed note; a mail program's line ends are no change.
        trusted: one of the log's keys, which was given by another way than this ledger; it and those that followed it
            may have signed. None takes the ledger's own word for them.
        witnesses: keys of others, as of the superior bureau.

    Raises:
        OutsideError: HEAD_DIFFERS, HEAD_GONE.
        NoteError: what is wrong with the note or its signature; HEAD_OTHER_ORIGIN, it is of another log.
    """
    signed = _from(headed.keys, trusted).open_head(_unix(data), origin=headed.origin, witnesses=witnesses)
    head = signed.head
    newest, place = headed.head, f"{headed.campaign} ({head.size})"
    if head.size > newest.size:
        raise OutsideError("HEAD_GONE", place)
    proof = headed.tree.consistency_proof(head.size, newest.size)
    if not verify_consistency(head.size, newest.size, head.root, bytes.fromhex(newest.root), proof):
        raise OutsideError("HEAD_DIFFERS", place)
    return Agreed(head, newest, [to_base64(node) for node in proof], signed.witnesses)


def proof_text(headed: Headed, old: int, new: int) -> str | None:
    """Return the proof from one head to a later one, as a witness takes it (C2SP tlog-witness, `add-checkpoint`).

    The old size, the nodes in base64, an empty line, the later head's note. None where the ledger has no such heads.
    """
    notes = {head.size: head.note for head in headed.heads}
    if old not in (0, *notes) or new not in notes or old > new:
        return None
    nodes = [to_base64(node) for node in headed.tree.consistency_proof(old, new)]
    return "\n".join([f"old {old}", *nodes, "", notes[new]])


def signer_of(headed: Headed, head: KeptHead) -> VerifierKey:
    """Return the key that has signed one of the ledger's heads, which were looked at."""
    return headed.keys.open_head(head.note.encode(), origin=headed.origin).signers[0]


def _from(keys: KeyList, trusted: VerifierKey | None) -> KeyList:
    """Return the keys from a trusted one on.

    Raises:
        NoteError: SIGNER_UNKNOWN, the ledger's keys do not come from it.
    """
    if trusted is None:
        return keys
    if trusted not in keys.keys:
        raise NoteError("SIGNER_UNKNOWN")
    place = keys.keys.index(trusted)
    return KeyList(keys.keys[place:], keys.rotations[place:])


def _unix(data: bytes) -> bytes:
    """Return a note with line feeds alone: mail has other line ends, and may add empty lines at the end."""
    return data.replace(b"\r\n", b"\n").rstrip(b"\n") + b"\n"
