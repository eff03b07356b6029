"""Signed notes (C2SP signed-note): a text with the signatures of one or more Ed25519 keys under it.

A note is the text, which ends with a line feed, an empty line, and a line for each signature: `— name base64`. Each
signature is over the text alone, so anybody may add one: a superior bureau that countersigns is one more line. A
signature by an unknown key means nothing and is passed over; a wrong one by a known key refuses the whole note.

The text must not be used before it is verified. What is read is read strictly: one note has one form.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit.note_errors import NoteError

ED25519: Final = b"\x01"
"""The signature type of Ed25519 over the bare text."""

PUBLIC_BYTES: Final = 32
ID_BYTES: Final = 4
NOTE_BYTES: Final = 1_000_000
SIGNATURES: Final = 100
"""More are not looked at; the specification asks for 16 at least."""

DASH: Final = "— "
SPACE: Final = 0x20
VKEY_PARTS: Final = 3


@dataclass(frozen=True)
class VerifierKey:
    """A public key with the name it signs under.

    Attributes:
        name: whose it is, without spaces and plus signs; a URL without its scheme is usual.
        public: the raw Ed25519 key, 32 bytes.
    """

    name: str
    public: bytes

    def __post_init__(self) -> None:
        if not is_key_name(self.name):
            raise NoteError("KEY_NAME")
        if len(self.public) != PUBLIC_BYTES:
            raise NoteError("KEY_MALFORMED")

    @property
    def key_id(self) -> bytes:
        """Return the first 4 bytes of SHA-256 over name, line feed, type and key: a hint, no proof."""
        return _key_id(self.name, ED25519 + self.public)

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read `name+id+base64`, as it is printed, published and given on the command line.

        Raises:
            NoteError: KEY_MALFORMED, KEY_NAME, KEY_TYPE, KEY_ID.
        """
        parts = text.split("+", VKEY_PARTS - 1)  # base64 may have a plus sign of its own
        if len(parts) != VKEY_PARTS:
            raise NoteError("KEY_MALFORMED")
        name, key_id, encoded = parts
        typed = from_base64(encoded)
        if not typed:
            raise NoteError("KEY_MALFORMED")
        if not is_key_name(name):
            raise NoteError("KEY_NAME")
        if key_id != _key_id(name, typed).hex():
            raise NoteError("KEY_ID")
        if typed[:1] != ED25519:
            raise NoteError("KEY_TYPE")
        return cls(name, typed[1:])

    def verifies(self, text: bytes, signature: bytes) -> bool:
        """Tell whether a signature is this key's over a text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except InvalidSignature:
            return False
        return True

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{to_base64(ED25519 + self.public)}"


class Signer(Protocol):
    """Whoever can sign: a key in memory, or one that never leaves its device."""

    @property
    def public(self) -> VerifierKey:
        """Return the public half."""

    def sign(self, text: bytes) -> bytes:
        """Return the Ed25519 signature over a text, 64 bytes."""


@dataclass(frozen=True)
class Signature:
    """One signature line.

    Attributes:
        name: of the key.
        key_id: 4 bytes.
        value: the signature; of another length than Ed25519's where the key is of another type.
    """

    name: str
    key_id: bytes
    value: bytes

    def line(self) -> str:
        """Return the line without its line feed."""
        return f"{DASH}{self.name} {to_base64(self.key_id + self.value)}"


@dataclass(frozen=True)
class Note:
    """A text and the signatures under it, not verified.

    Attributes:
        text: ends with a line feed.
        signatures: in the order of the lines, one at least.
    """

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return self.text + "\n" + "".join(signature.line() + "\n" for signature in self.signatures)

    def __bytes__(self) -> bytes:
        return str(self).encode()


def parse_note(data: bytes) -> Note:
    """Read a signed note strictly: what is written again from it has the same bytes.

    Raises:
        NoteError: NOTE_TOO_LARGE, NOTE_NOT_TEXT, NOTE_UNSIGNED, NOTE_TOO_MANY_SIGNATURES, NOTE_SIGNATURE_LINE.
    """
    if len(data) > NOTE_BYTES:
        raise NoteError("NOTE_TOO_LARGE")
    whole = _text(data)
    cut = whole.rfind("\n\n")  # a text may have empty lines of its own: the last one separates
    if cut < 0 or not whole.endswith("\n") or cut + 2 == len(whole):
        raise NoteError("NOTE_UNSIGNED")
    text, lines = whole[: cut + 1], whole[cut + 2 : -1].split("\n")
    if len(lines) > SIGNATURES:
        raise NoteError("NOTE_TOO_MANY_SIGNATURES")
    first = text.count("\n") + 2
    return Note(text, tuple(_signature(line, number) for number, line in enumerate(lines, first)))


def sign_note(text: str, *signers: Signer) -> Note:
    """Sign a text with one or more keys.

    Args:
        text: ends with a line feed.
        signers: in the order of the signature lines.

    Raises:
        NoteError: NOTE_NOT_TEXT, NOTE_UNSIGNED, NOTE_TOO_LARGE, NOTE_SIGNED_ALREADY.
    """
    if not text.endswith("\n") or not signers:
        raise NoteError("NOTE_UNSIGNED")
    _text(text.encode(errors="surrogatepass"))  # refused before a key is used
    note = Note(text, ())
    for signer in signers:
        note = cosigned(note, signer)
    return note


def cosigned(note: Note, signer: Signer) -> Note:
    """Return the note with one more signature; whoever countersigns verifies it first.

    Raises:
        NoteError: NOTE_SIGNED_ALREADY, NOTE_TOO_MANY_SIGNATURES, NOTE_TOO_LARGE, NOTE_NOT_TEXT.
    """
    key = signer.public
    if any((signature.name, signature.key_id) == (key.name, key.key_id) for signature in note.signatures):
        raise NoteError("NOTE_SIGNED_ALREADY")
    signature = Signature(key.name, key.key_id, signer.sign(note.text.encode()))
    return parse_note(bytes(replace(note, signatures=(*note.signatures, signature))))  # nothing that cannot be read


def verify_note(note: Note, keys: Iterable[VerifierKey]) -> tuple[VerifierKey, ...]:
    """Return the known keys that signed a note, in the order of its signatures.

    Args:
        note: as read.
        keys: the known ones; a signature by another is passed over, also where it shares a name or an id with one.

    Raises:
        NoteError: SIGNATURE_INVALID, where any signature of a known key is wrong; SIGNER_UNKNOWN, where no known key
            signed; KEY_AMBIGUOUS, where two known keys share name and id and a signature names them.
    """
    known: dict[tuple[str, bytes], set[VerifierKey]] = {}
    for key in keys:
        known.setdefault((key.name, key.key_id), set()).add(key)
    text = note.text.encode()
    verified: dict[VerifierKey, None] = {}
    first = note.text.count("\n") + 2
    for number, signature in enumerate(note.signatures, first):
        named = known.get((signature.name, signature.key_id), set())
        if len(named) > 1:
            raise NoteError("KEY_AMBIGUOUS", number)
        for key in named:
            if not key.verifies(text, signature.value):
                raise NoteError("SIGNATURE_INVALID", number)
            verified[key] = None
    if not verified:
        raise NoteError("SIGNER_UNKNOWN")
    return tuple(verified)


def is_key_name(name: str) -> bool:
    """Tell whether a key can have a name: a line without Unicode spaces and plus signs."""
    return is_line(name) and not any(sign == "+" or sign.isspace() for sign in name)


def is_line(text: str) -> bool:
    """Tell whether a text can be a line of a note: not empty, valid Unicode, no control characters of ASCII."""
    try:
        return bool(text) and all(byte >= SPACE for byte in text.encode())
    except UnicodeEncodeError:  # half of a surrogate pair
        return False


def to_base64(data: bytes) -> str:
    """Return the base64 of bytes (RFC 4648, section 4)."""
    return base64.b64encode(data).decode()


def from_base64(text: str) -> bytes | None:
    """Return the bytes of a base64 text, None where it is not the one form that `to_base64` gives."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return data if to_base64(data) == text else None


def _key_id(name: str, typed: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + typed).digest()[:ID_BYTES]


def _text(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise NoteError("NOTE_NOT_TEXT") from None
    if any(byte < SPACE and byte != ord("\n") for byte in data):
        raise NoteError("NOTE_NOT_TEXT")
    return text


def _signature(line: str, number: int) -> Signature:
    name, _, encoded = line.removeprefix(DASH).partition(" ")
    data = from_base64(encoded)
    if not line.startswith(DASH) or not is_key_name(name) or data is None or len(data) <= ID_BYTES:
        raise NoteError("NOTE_SIGNATURE_LINE", number)
    return Signature(name, data[:ID_BYTES], data[ID_BYTES:])
