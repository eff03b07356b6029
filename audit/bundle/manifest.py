"""What a bundle's file is made of: members, a manifest of their digests, and a signed note over the manifest.

The container is a ZIP whose members are stored, not compressed, with one fixed time and mode: every byte of it follows
from the names and contents, so that whoever verifies it makes the bytes again. Nothing of the machine or the day is in
it: the same record, key and heads give the same file.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from audit.signed_note import Signer, sign_note
from audit.verifier.verify_bundle import FORMAT, MANIFEST, NOTE, bundle_text, directory, local_header
from domain.canonical import encode


@dataclass(frozen=True)
class Content:
    """A member: its name in the bundle and its bytes."""

    name: str
    data: bytes


def manifest_of(members: Sequence[Content], **facts: Any) -> bytes:
    """Return the manifest: what the bundle is of, and each member's size and SHA-256, in their order."""
    listed = [
        {"name": member.name, "size": len(member.data), "sha256": hashlib.sha256(member.data).hexdigest()}
        for member in members
    ]
    return encode({"format": FORMAT, "members": listed, **facts}).encode()


def signed_over(manifest: bytes, origin: str, signer: Signer) -> bytes:
    """Return the signed note that binds a manifest, and with it every byte of the file."""
    return bytes(sign_note(bundle_text(origin, manifest, str(signer.public)), signer))


def write_container(path: Path, note: bytes, manifest: bytes, members: Sequence[Content]) -> None:
    """Write the file.

    Raises:
        OSError: the place cannot be written to.
    """
    with path.open("wb") as file:
        write_members(file, note, manifest, members)


def write_members(file: BinaryIO, note: bytes, manifest: bytes, members: Sequence[Content]) -> None:
    """Write all of the container into an open file.

    Raises:
        OSError: the place cannot be written to.
    """
    entries, offset = [], 0
    for member in (Content(NOTE, note), Content(MANIFEST, manifest), *members):
        crc = zlib.crc32(member.data)
        header = local_header(member.name, len(member.data), crc)
        file.write(header)
        file.write(member.data)
        entries.append((member.name, len(member.data), crc, offset))
        offset += len(header) + len(member.data)
    file.write(directory(entries))
