"""A directory outside the house in which every head lies as a file, as a share of the superior bureau's."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from audit.new_file import write_new
from audit.signed_note import parse_note
from ledger.heads import KeptHead

DIRECTORY: Final = "directory"
MAIL: Final = "mail"
"""What the places are called in the ledger."""


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
        try:
            write_new(path, head.note.encode(), mode=0o644)
        except FileExistsError:
            return None if _holds(path, head.note) else "HEADS_FILE_DIFFERS"
        except OSError:
            return "HEADS_DIR_UNWRITABLE"
        return None


def _holds(path: Path, note: str) -> bool:
    try:
        return path.read_bytes() == note.encode()
    except OSError:
        return False


def file_name(note: str) -> str:
    """Return the name of a head's file: the log's and the size, with twelve digits."""
    origin, size = parse_note(note.encode()).text.split("\n")[:2]
    return f"{origin.replace('/', '_')}-{int(size):012d}.note"
