"""A directory outside the house in which every head lies as a file, as a share of the superior bureau's."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from pathlib import Path
from typing import Final

from audit.signed_note import parse_note
from ledger.heads import KeptHead

DIRECTORY: Final = "directory"


class DirectoryAnchor:
    """Writes each head into a file of its own: whole or not at all, and never over another one."""

    newest_only = False

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @property
    def name(self) -> str:
        """Return what the place is called in the ledger."""
        return DIRECTORY

    async def put(self, head: KeptHead) -> str | None:
        """Write a head's file; returns HEADS_DIR_UNWRITABLE, or HEADS_FILE_DIFFERS where another text has its name."""
        return await asyncio.to_thread(self._put, head)

    def _put(self, head: KeptHead) -> str | None:
        path = self._directory / file_name(head.note)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "wb") as file:
                file.write(head.note.encode())
                file.flush()
                os.fsync(file.fileno())
            _name(draft, path)
        except FileExistsError:
            return None if _holds(path, head.note) else "HEADS_FILE_DIFFERS"
        except OSError:
            return "HEADS_DIR_UNWRITABLE"
        finally:
            with contextlib.suppress(OSError):
                draft.unlink()
        return None


def _name(draft: Path, path: Path) -> None:
    """Give a file its name, unless another one has it; many network shares know no second name for a file.

    Raises:
        FileExistsError: another one has it.
        OSError: the place cannot be written to.
    """
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:
        if path.exists():
            raise FileExistsError(path) from None
        draft.rename(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)  # it is noted as put outside: a power cut must not take it back
    finally:
        os.close(directory)


def _holds(path: Path, note: str) -> bool:
    try:
        return path.read_bytes() == note.encode()
    except OSError:
        return False


def file_name(note: str) -> str:
    """Return the name of a head's file: the log's and the size, with twelve digits."""
    origin, size = parse_note(note.encode()).text.split("\n")[:2]
    return f"{origin.replace('/', '_')}-{int(size):012d}.note"
