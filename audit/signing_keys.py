"""The keys that sign heads: made, kept, replaced, and followed by whoever verifies.

A key is one line in a file of its own, readable by its owner only and kept apart from every database: whoever can write
to the ledger must not be able to sign it. Whoever verifies is given the first public key by another way, on paper or
by the superior bureau, and follows the statements of the changes from there to the later ones.

Replacing a key, in this order:

1. `create_key` writes the new key's file.
2. `rotate` makes the statement: the old key's last act, signed by the old and by the new one. It names the last head of
   every log that the old key signed. The same keys and heads make the same bytes: after a crash it is made again.
3. The statement is kept with the heads, and given to those who hold the public key.
4. The new key signs. The old one's file is destroyed; its public key stays in the list, for the heads of its term.

The heads in a statement end the old key's term: a copy of it that is stolen later can sign no later head, and none of
another log. A key that may have been stolen while it was in force is replaced the same way; what it signed in its last
days rests on the heads that others hold. Two statements by one key with different successors prove that somebody else
had it: a verifier follows the one that was published and shows the other.

A lost key can sign no statement. A new first key is made and published as the first one was, and old heads stay
verifiable with the old list. A consistency proof from the last old head to the first new one shows that the record is
the same.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.checkpoint import Checkpoint, SignedHead, open_checkpoint, parse_checkpoint
from audit.new_file import write_new
from audit.note_errors import NoteError
from audit.signed_note import ED25519, Note, VerifierKey, from_base64, parse_note, sign_note, to_base64, verify_note

SEED_BYTES: Final = 32
PREFIX: Final = "PRIVATE+KEY+"
"""What a key's line begins with, as tools for signed notes write it."""

FILE_BYTES: Final = 4096
OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO

ROTATION: Final = "diversion signing key rotation 1"
"""A statement's first line. Its second is a public key, so that no statement can be read as a head, nor the reverse."""

PREAMBLE: Final = 3
HEAD_LINES: Final = 3


class SigningKey:
    """A private key with its name; a `Signer`. It shows its public half only, is not copied and not pickled.

    Attributes:
        public: the public half.
    """

    __slots__ = ("_private", "public")

    def __init__(self, name: str, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = VerifierKey(name, self._private.public_key().public_bytes_raw())

    def sign(self, text: bytes) -> bytes:
        """Return the Ed25519 signature over a text, 64 bytes."""
        return self._private.sign(text)

    def __repr__(self) -> str:
        return f"SigningKey({self.public})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signing key is not copied")


@dataclass(frozen=True)
class Rotation:
    """A change of keys, as its statement says.

    Attributes:
        old: the key that ends.
        new: the key that begins, of the same name.
        heads: the last head of each log that the old key signed, by origin; a log that is not here has none of its.
    """

    old: VerifierKey
    new: VerifierKey
    heads: tuple[Checkpoint, ...]

    def __post_init__(self) -> None:
        if self.old.name != self.new.name or self.old == self.new:
            raise NoteError("ROTATION_NAME")
        origins = [head.origin for head in self.heads]
        if origins != sorted(set(origins)) or any(head.extensions for head in self.heads):
            raise NoteError("ROTATION_MALFORMED")

    def text(self) -> str:
        """Return the text that both keys sign: the first line, both public keys, three lines for each head."""
        return f"{ROTATION}\n{self.old}\n{self.new}\n" + "".join(head.text() for head in self.heads)

    def head(self, origin: str) -> Checkpoint | None:
        """Return the last head that the old key signed of a log, None where it signed none."""
        return next((head for head in self.heads if head.origin == origin), None)


@dataclass(frozen=True)
class KeyList:
    """The keys that followed one another, each with its term.

    Attributes:
        keys: from the trusted first one to the one in force.
        rotations: the changes between them.
    """

    keys: tuple[VerifierKey, ...]
    rotations: tuple[Rotation, ...] = ()

    @property
    def current(self) -> VerifierKey:
        """Return the key in force."""
        return self.keys[-1]

    @property
    def published(self) -> tuple[str, ...]:
        """Return the keys as they are printed and published, first to last."""
        return tuple(map(str, self.keys))

    def may_sign(self, key: VerifierKey, head: Checkpoint) -> bool:
        """Tell whether a head lies in a key's term: not before the last head of the keys before it, nor after its own.

        At the size of a head that ended a term the root must be that head's.
        """
        if key not in self.keys:
            return False
        place = self.keys.index(key)
        begun = self._last(head.origin, place)
        if begun is not None and not _goes_on(begun, head):
            return False
        if place == len(self.rotations):
            return True
        ended = self.rotations[place].head(head.origin)
        return ended is not None and _goes_on(head, ended)

    def open_head(self, data: bytes, *, origin: str, witnesses: Iterable[VerifierKey] = ()) -> SignedHead:
        """Verify a signed head under the key that was in force for it.

        Raises:
            NoteError: as `audit.checkpoint.open_checkpoint`; KEY_OUT_OF_TERM, no key that signed it was in force.
        """
        signed = open_checkpoint(data, origin=origin, log=self.keys, witnesses=witnesses)
        in_force = tuple(key for key in signed.signers if self.may_sign(key, signed.head))
        if not in_force:
            raise NoteError("KEY_OUT_OF_TERM")
        return SignedHead(signed.head, in_force, signed.witnesses)

    def followed_by(self, statement: bytes) -> KeyList:
        """Return the list with one more change of keys.

        Raises:
            NoteError: the note or the statement is malformed; SIGNATURE_INVALID; ROTATION_BROKEN, it does not replace
                the key in force; ROTATION_NAME; ROTATION_UNSIGNED, one of its keys did not sign; ROTATION_WENT_BACK.
        """
        note = parse_note(statement)
        rotation = parse_rotation(note.text)
        if rotation.old != self.current:
            raise NoteError("ROTATION_BROKEN")
        if rotation.new in self.keys:
            raise NoteError("ROTATION_NAME")
        try:
            signed = verify_note(note, (rotation.old, rotation.new))
        except NoteError as error:
            raise NoteError("ROTATION_UNSIGNED") if error.code == "SIGNER_UNKNOWN" else error from None
        if len(signed) < len((rotation.old, rotation.new)):
            raise NoteError("ROTATION_UNSIGNED")
        for head in rotation.heads:
            before = self._last(head.origin, len(self.rotations))
            if before is not None and not _goes_on(before, head):
                raise NoteError("ROTATION_WENT_BACK")
        return KeyList((*self.keys, rotation.new), (*self.rotations, rotation))

    def _last(self, origin: str, changes: int) -> Checkpoint | None:
        """Return the last head of a log that the first so many changes name."""
        named = (rotation.head(origin) for rotation in reversed(self.rotations[:changes]))
        return next((head for head in named if head is not None), None)


def create_key(path: Path, name: str) -> SigningKey:
    """Make a key and write it to a file of mode 0600, whole or not at all; never over another file.

    Args:
        path: where secrets lie, outside the data directory and its backups.
        name: what the key signs under, for instance the bureau's domain.

    Raises:
        NoteError: KEY_NAME; KEY_FILE_EXISTS; KEY_PLACE_OPEN, files there have no modes, as on a FAT stick.
        OSError: the place cannot be written to.
    """
    seed = secrets.token_bytes(SEED_BYTES)
    key = SigningKey(name, seed)
    public = key.public
    line = f"{PREFIX}{public.name}+{public.key_id.hex()}+{to_base64(ED25519 + seed)}\n"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        write_new(path, line.encode(), mode=0o600)
    except FileExistsError:
        raise NoteError("KEY_FILE_EXISTS") from None
    if path.stat().st_mode & OTHERS:  # before its public half is printed: nobody would be let sign with it
        path.unlink()
        raise NoteError("KEY_PLACE_OPEN")
    return key


def load_key(path: Path) -> SigningKey:
    """Read a key from its file.

    Raises:
        NoteError: KEY_FILE_MISSING; KEY_FILE_OPEN, others can open it; KEY_FILE_MALFORMED.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            held = file.read(FILE_BYTES)
    except OSError:
        raise NoteError("KEY_FILE_MISSING") from None
    if mode & OTHERS:
        raise NoteError("KEY_FILE_OPEN")
    key = _read(held)
    if key is None:
        raise NoteError("KEY_FILE_MALFORMED")
    return key


def rotate(old: SigningKey, new: SigningKey, heads: Iterable[Checkpoint]) -> Note:
    """Make the statement that a new key follows an old one, signed by both.

    Args:
        old: the key in force; this is its last act.
        new: the key that follows, of the same name.
        heads: the last head of each log that the old key signed; all of them, or its heads of the others end to count.

    Raises:
        NoteError: ROTATION_NAME; ROTATION_MALFORMED, two heads of one log, or one with extension lines.
    """
    ordered = tuple(sorted(heads, key=lambda head: head.origin))
    return sign_note(Rotation(old.public, new.public, ordered).text(), old, new)


def parse_rotation(text: str) -> Rotation:
    """Read a statement's text strictly.

    Raises:
        NoteError: ROTATION_MALFORMED, ROTATION_NAME, or what is wrong with a key or head in it.
    """
    lines = text.split("\n")
    if lines.pop() or len(lines) < PREAMBLE or (len(lines) - PREAMBLE) % HEAD_LINES or lines[0] != ROTATION:
        raise NoteError("ROTATION_MALFORMED")
    heads = [lines[at : at + HEAD_LINES] for at in range(PREAMBLE, len(lines), HEAD_LINES)]
    return Rotation(
        VerifierKey.parse(lines[1]),
        VerifierKey.parse(lines[2]),
        tuple(parse_checkpoint("\n".join((*head, ""))) for head in heads),
    )


def follow(first: VerifierKey, statements: Iterable[bytes]) -> KeyList:
    """Follow the changes of keys from a trusted first one.

    Args:
        first: what the verifier was given by another way than the record.
        statements: the signed changes, in their order.

    Raises:
        NoteError: as `KeyList.followed_by`.
    """
    keys = KeyList((first,))
    for statement in statements:
        keys = keys.followed_by(statement)
    return keys


def open_given(
    data: bytes, *, origin: str, keys: Sequence[VerifierKey], statements: Iterable[bytes] = ()
) -> SignedHead:
    """Verify a head by the public keys, and it may be the statements, that somebody was given; no ledger is needed.

    A replaced key signs nothing that counts, from the head on with which its term ended; which one that was only the
    statements say. Without them the head must be signed by the last of the keys.

    Args:
        data: the note.
        origin: which log it must be of.
        keys: as they were published, first to last; with statements one of them is enough.
        statements: of the changes of keys, from the first on.

    Raises:
        NoteError: as `KeyList.open_head` and `KeyList.followed_by`; ROTATION_BROKEN, the statements are not of these
            keys; SIGNER_NOT_LAST, of several keys without statements an earlier one signed.
    """
    told = tuple(statements)
    if told:
        found = follow(parse_rotation(parse_note(told[0]).text).old, told)
        if not keys or not set(keys) <= set(found.keys):  # each change is signed by both its keys: one vouches for all
            raise NoteError("ROTATION_BROKEN")
        return found.open_head(data, origin=origin)
    signed = open_checkpoint(data, origin=origin, log=keys)
    if keys[-1] not in signed.signers:
        raise NoteError("SIGNER_NOT_LAST")
    return SignedHead(signed.head, (keys[-1],), signed.witnesses)


def split_statements(data: bytes) -> list[bytes]:
    """Return the statements of a file that holds one or several, one after the other.

    Raises:
        NoteError: ROTATION_MALFORMED, it holds none, or begins with something else.
    """
    text = data.replace(b"\r\n", b"\n")
    before, *found = re.split(rb"^(?=" + re.escape(ROTATION.encode()) + rb"\n)", text, flags=re.MULTILINE)
    if before.strip() or not found:
        raise NoteError("ROTATION_MALFORMED")
    return [statement.rstrip(b"\n") + b"\n" for statement in found]


def _goes_on(earlier: Checkpoint, later: Checkpoint) -> bool:
    """Tell whether a head can follow another of its log; that its tree begins with the other's takes a proof."""
    return earlier.size < later.size or (earlier.size, earlier.root) == (later.size, later.root)


def _read(held: bytes) -> SigningKey | None:
    """Read a key's line; None where it is none. No exception leaves here: it could quote the secret."""
    try:
        line = held.decode().removesuffix("\n")
        name, key_id, encoded = line.removeprefix(PREFIX).split("+", 2)
    except ValueError:
        return None
    typed = from_base64(encoded)
    if not line.startswith(PREFIX) or typed is None or typed[:1] != ED25519 or len(typed) != 1 + SEED_BYTES:
        return None
    try:
        key = SigningKey(name, typed[1:])
    except NoteError:
        return None
    return key if key.public.key_id.hex() == key_id else None
