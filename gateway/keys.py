"""The gateway's one secret, and the Ed25519 key that signs family acts and follows from it (design, section 9)."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from domain.refusal import Refusal

SECRET_BYTES: Final = 32
KEY_ID_LENGTH: Final = 16
SIGNING: Final = b"diversion family gateway, signing key, 1"
"""What the derived key is for; another text gives another key, and every campaign that began would refuse it."""


def load_secret(path: Path) -> bytes:
    """Return the gateway's secret, 32 bytes; make it on first use, readable by its owner only (mode 0600).

    Two processes that make it at once get the same one. Losing it means that no code of a letter works any more, and
    that campaigns which have begun take no family's act: it belongs into the backup, apart from every database.

    Raises:
        Refusal: GATEWAY_UNKNOWN, the file does not hold a secret.
    """
    if not path.exists():
        _create(path, secrets.token_bytes(SECRET_BYTES))
    secret = path.read_bytes()
    if len(secret) != SECRET_BYTES:
        raise Refusal("GATEWAY_UNKNOWN")
    return secret


def load_shared_secret(path: Path) -> bytes:
    """Return the secret that the endpoint for text messages shares with its provider; make one on first use.

    One line of text, so that it can be handed to the provider: 64 hex characters where it is made here.

    Raises:
        ValueError: the file holds less than 32 characters.
    """
    if not path.exists():
        _create(path, (secrets.token_hex(SECRET_BYTES) + "\n").encode())
    secret = path.read_bytes().strip()
    if len(secret) < SECRET_BYTES:
        raise ValueError("the shared secret is too short")
    return secret


def signing_key(secret: bytes) -> Ed25519PrivateKey:
    """Derive the private key from the secret (HKDF-SHA256, RFC 5869)."""
    derived = HKDF(algorithm=SHA256(), length=SECRET_BYTES, salt=None, info=SIGNING).derive(secret)
    return Ed25519PrivateKey.from_private_bytes(derived)


def public_key(secret: bytes) -> str:
    """Return the raw public key, 64 lower-case hex characters, as the campaign's first event holds it."""
    return signing_key(secret).public_key().public_bytes_raw().hex()


def key_id(public: str) -> str:
    """Return the short name of a public key: the first 16 hex characters of the SHA-256 of its raw bytes."""
    return hashlib.sha256(bytes.fromhex(public)).hexdigest()[:KEY_ID_LENGTH]


def _create(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(fresh, path)  # whole or not at all, and the first of two processes wins
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)  # a letter must not go out with a code whose secret a power cut takes back
    finally:
        os.close(directory)
