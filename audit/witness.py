"""A head that somebody else signs too: a superior bureau that has seen the log grow and says so.

Whoever countersigns keeps the last head under which its own signature stands. It signs the next one only if that is of
the same log and its tree begins with the last one's, which the county's proof shows (C2SP tlog-witness). From then on
the county has no second past that this witness would sign, whoever has the county's key. It needs no ledger.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from audit.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from audit.merkle import verify_consistency
from audit.note_errors import NoteError
from audit.signed_note import Note, Signer, VerifierKey, cosigned, from_base64, parse_note
from audit.signing_keys import open_given

OLD: Final = re.compile(r"old (0|[1-9][0-9]{0,18})")


class WitnessError(Exception):
    """A head that is not countersigned.

    Attributes:
        code: COSIGN_LAST_NOT_OWN, the head given as the last one bears no signature of the witness's own;
            COSIGN_PROOF_MISSING, the new head comes without a proof from the last one; COSIGN_NOT_CONSISTENT, its tree
            does not begin with the last one's, or is the smaller; COSIGN_OTHER_LOG, the two are of two logs.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def countersign(
    data: bytes,
    own: Signer,
    log: Sequence[VerifierKey],
    last: bytes | None = None,
    statements: Iterable[bytes] = (),
) -> Note:
    """Return a head with one more signature.

    Args:
        data: what the county sent: a signed head, or the proof from the last one to it with the head behind
            (`audit.outside.proof_text`).
        own: the witness's key.
        log: the county's public keys, first to last.
        last: the last head that the witness has signed; None for the first one of this log.
        statements: of the changes of keys; without them only the last key signs a head that the witness has not
            signed before, since whoever has taken a replaced key could go on with it.

    Raises:
        WitnessError: why it is not signed.
        NoteError: what is wrong with a note, its signature, or that the witness has signed it already.
    """
    old, path, note = _read(_unix(data))
    new = _opened(note, log, statements, _unix(last) if last is not None else b"")
    if last is not None:
        kept = _unix(last)
        origin = _origin(kept)
        try:
            before = open_checkpoint(kept, origin=origin, log=[own.public]).head
        except NoteError:
            raise WitnessError("COSIGN_LAST_NOT_OWN") from None
        if origin != new.origin:
            raise WitnessError("COSIGN_OTHER_LOG")
        if old is None and before != new:
            raise WitnessError("COSIGN_PROOF_MISSING")
        if not verify_consistency(before.size, new.size, before.root, new.root, path):
            raise WitnessError("COSIGN_NOT_CONSISTENT")
    return cosigned(parse_note(note), own)


def _opened(note: bytes, log: Sequence[VerifierKey], statements: Iterable[bytes], last: bytes) -> Checkpoint:
    """Return the county's head; the very head that was signed last may be by any of its keys.

    Raises:
        NoteError: as `audit.signing_keys.open_given`.
    """
    parsed = parse_note(note)
    if last and parse_note(last).text == parsed.text:
        return open_checkpoint(note, origin=_origin(note), log=log).head
    return open_given(note, origin=_origin(note), keys=log, statements=statements).head


def _read(data: bytes) -> tuple[int | None, list[bytes], bytes]:
    """Return the old size, the proof's nodes and the note; no size where there is a note alone."""
    proof, _, note = data.partition(b"\n\n")
    first, *lines = proof.decode(errors="replace").split("\n")
    old = OLD.fullmatch(first)
    if old is None:
        return None, [], data
    nodes = [from_base64(line) for line in lines]
    return int(old[1]), [node if node is not None else b"" for node in nodes], note


def _origin(note: bytes) -> str:
    return parse_checkpoint(parse_note(note).text).origin


def _unix(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n").rstrip(b"\n") + b"\n"
