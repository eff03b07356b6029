"""Heads of a campaign's tree (C2SP tlog-checkpoint): what a key's owner says the record was at a size.

A head is a signed note of three lines, the log's origin, the number of leaves and the base64 of the root, and of
extension lines. Of these ours has one, which names the notice templates (`audit.head_templates`): an auditor can check
it, for the bundle has the list that it is of. A head can be printed, mailed and countersigned. Whoever holds one finds
every later change to the events below it.

A signature over one head is a promise about all others by the same key: each tree begins with every earlier one's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from audit.merkle import EMPTY_ROOT, HASH_BYTES
from audit.note_errors import NoteError
from audit.signed_note import (
    Note,
    Signer,
    VerifierKey,
    from_base64,
    is_line,
    parse_note,
    sign_note,
    to_base64,
    verify_note,
)

LINES: Final = 3
SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")
LARGEST: Final = 2**63 - 1


@dataclass(frozen=True)
class Checkpoint:
    """A head, without its signatures.

    Attributes:
        origin: which log it is of; the same for all heads of a campaign, and for no other campaign anywhere.
        size: how many leaves the tree has.
        root: its root, 32 bytes.
        extensions: lines after the root.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not is_line(self.origin):
            raise NoteError("HEAD_ORIGIN", 1)
        if not 0 <= self.size <= LARGEST:
            raise NoteError("HEAD_SIZE", 2)
        if len(self.root) != HASH_BYTES or (self.size == 0 and self.root != EMPTY_ROOT):
            raise NoteError("HEAD_ROOT", 3)
        for number, line in enumerate(self.extensions, LINES + 1):
            if not is_line(line):
                raise NoteError("HEAD_EXTENSION", number)

    def text(self) -> str:
        """Return the text that is signed; it ends with a line feed."""
        return "\n".join((self.origin, str(self.size), to_base64(self.root), *self.extensions, ""))


@dataclass(frozen=True)
class SignedHead:
    """A head whose signatures were verified.

    Attributes:
        head: what was signed.
        signers: the log's keys that signed it.
        witnesses: the other known keys that signed it, in the order of their lines.
    """

    head: Checkpoint
    signers: tuple[VerifierKey, ...]
    witnesses: tuple[VerifierKey, ...]


def parse_checkpoint(text: str) -> Checkpoint:
    """Read a head's text strictly.

    Raises:
        NoteError: HEAD_LINES, HEAD_ORIGIN, HEAD_SIZE, HEAD_ROOT, HEAD_EXTENSION, with the line.
    """
    lines = text.split("\n")
    if len(lines) <= LINES or lines.pop():
        raise NoteError("HEAD_LINES")
    origin, size, encoded, *extensions = lines
    if not SIZE.fullmatch(size):
        raise NoteError("HEAD_SIZE", 2)
    root = from_base64(encoded)
    if root is None:
        raise NoteError("HEAD_ROOT", 3)
    return Checkpoint(origin, int(size), root, tuple(extensions))


def sign_checkpoint(head: Checkpoint, *signers: Signer) -> Note:
    """Sign a head. Whoever does so has checked that its tree begins with that of every head signed before.

    Raises:
        NoteError: NOTE_UNSIGNED, NOTE_SIGNED_ALREADY.
    """
    return sign_note(head.text(), *signers)


def open_checkpoint(
    data: bytes, *, origin: str, log: Iterable[VerifierKey], witnesses: Iterable[VerifierKey] = ()
) -> SignedHead:
    """Verify a signed head and read it; nothing of it is read before a key of the log has vouched for it.

    Args:
        data: the note.
        origin: which log it must be of.
        log: keys that may sign for the log; one of them must have.
        witnesses: further keys; how many of them are enough is the caller's rule.

    Raises:
        NoteError: the note is malformed or a known key's signature wrong; SIGNER_UNKNOWN, no key of the log signed;
            HEAD_OTHER_ORIGIN; the text is no head.
    """
    note = parse_note(data)
    own = frozenset(log)
    verified = verify_note(note, (*own, *witnesses))
    signers = tuple(key for key in verified if key in own)
    if not signers:
        raise NoteError("SIGNER_UNKNOWN")
    head = parse_checkpoint(note.text)
    if head.origin != origin:
        raise NoteError("HEAD_OTHER_ORIGIN", 1)
    return SignedHead(head, signers, tuple(key for key in verified if key not in own))
