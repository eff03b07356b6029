"""A new file that is there whole or not at all, takes no other file's place, and is not lost in a power cut."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from pathlib import Path
from typing import Final

NOT_SYNCED: Final = (errno.EBADF, errno.EINVAL)
"""How a file system answers that brings no folder to the disk by itself, as a network share."""


def write_new(path: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Write a file under another name, bring it to the disk, and only then give it its own.

    Args:
        path: where; nothing there is written over.
        content: all of it.
        mode: of the file, less the process's umask.

    Raises:
        FileExistsError: something has the name already.
        OSError: the place cannot be written to, or is full: nothing is left behind.
    """
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    draft = draft_of(path)
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _name(draft, path)
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()
    sync_folder(path.parent)


def draft_of(path: Path) -> Path:
    """Return a name beside a file's that nobody else takes."""
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}")


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk, where its file system can: what was named is still named after a power cut.

    Raises:
        OSError: the disk does not take it.
    """
    try:
        opened = os.open(folder, os.O_RDONLY)
    except PermissionError:  # who may put a file there may not always look: its name is given all the same
        return
    try:
        os.fsync(opened)
    except OSError as error:
        if error.errno not in NOT_SYNCED:
            raise
    finally:
        os.close(opened)


def _name(draft: Path, path: Path) -> None:
    """Give a draft its name, unless another file has it; network shares and FAT know no second name for a file.

    Raises:
        FileExistsError: another one has it.
        OSError: the place cannot be written to.
    """
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        draft.rename(path)
