"""A new file is there whole or not at all: a full disk, a stick without links, a share that syncs no folder."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from audit import new_file, signing_keys
from audit.new_file import write_new
from audit.note_errors import NoteError
from audit.signing_keys import create_key, load_key


def refusing(code):
    """A system call that a disk or a file system refuses."""

    def call(*_arguments):
        raise OSError(code, os.strerror(code))

    return call


def test_a_disk_that_is_full_leaves_nothing_behind(tmp_path, monkeypatch):
    """Nothing has the name, so that the second try succeeds; the file is on the disk before it has its name."""
    path = tmp_path / "head.note"
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refusing(errno.ENOSPC))
        with pytest.raises(OSError, match="No space"):
            write_new(path, b"a head")
    assert list(tmp_path.iterdir()) == []
    write_new(path, b"a head", mode=0o600)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"a head", 0o600)
    assert list(tmp_path.iterdir()) == [path]


def test_file_and_name_are_brought_to_the_disk(tmp_path, monkeypatch):
    """First the file, while it has no name; then the folder, when it has."""
    path, told, real = tmp_path / "head.note", [], os.fsync

    def fsync(opened):
        told.append((stat.S_ISDIR(os.fstat(opened).st_mode), path.exists()))
        real(opened)

    monkeypatch.setattr(os, "fsync", fsync)
    write_new(path, b"a head")
    assert told == [(False, False), (True, True)]


@pytest.mark.parametrize("code", new_file.NOT_SYNCED)
def test_a_share_that_syncs_no_folder_is_no_failure(tmp_path, monkeypatch, code):
    """The file is there; what a disk really refuses is raised."""
    real = os.fsync

    def of_a_folder(answer):
        return lambda opened: refusing(answer)() if stat.S_ISDIR(os.fstat(opened).st_mode) else real(opened)

    monkeypatch.setattr(os, "fsync", of_a_folder(code))
    write_new(tmp_path / "one", b"1")
    assert (tmp_path / "one").read_bytes() == b"1"
    monkeypatch.setattr(os, "fsync", of_a_folder(errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        write_new(tmp_path / "two", b"2")


@pytest.mark.parametrize("links", [True, False])
def test_nothing_is_written_over(tmp_path, monkeypatch, links):
    """Another file, one that came while the draft was written, a link to nowhere; with links and on FAT."""
    if not links:
        monkeypatch.setattr(os, "link", refusing(errno.EPERM))
    write_new(tmp_path / "fresh", b"1")
    assert (tmp_path / "fresh").read_bytes() == b"1"
    (tmp_path / "away").symlink_to(tmp_path / "nowhere")
    (tmp_path / "held").write_bytes(b"held")
    for name in ("away", "held"):
        with pytest.raises(FileExistsError):
            write_new(tmp_path / name, b"2")
    assert (tmp_path / "held").read_bytes() == b"held"
    real = os.fsync

    def meanwhile(opened):
        (tmp_path / "raced").write_bytes(b"raced")
        real(opened)

    monkeypatch.setattr(os, "fsync", meanwhile)
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "raced", b"2")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["away", "fresh", "held", "raced"]
    assert (tmp_path / "raced").read_bytes() == b"raced"


def test_a_key_can_be_made_on_a_stick_without_links(tmp_path, monkeypatch):
    """FAT and exFAT refuse a second name (EPERM); the key is made all the same, and no second one over it."""
    monkeypatch.setattr(os, "link", refusing(errno.EPERM))
    made = create_key(tmp_path / "audit.key", "audit.example")
    assert load_key(tmp_path / "audit.key").public == made.public
    with pytest.raises(NoteError, match="KEY_FILE_EXISTS"):
        create_key(tmp_path / "audit.key", "audit.example")
    assert [file.name for file in tmp_path.iterdir()] == ["audit.key"]


def test_no_key_is_made_where_others_could_read_it(tmp_path, monkeypatch):
    """A stick that was mounted without umask=077 shows every file to all: said before the public half is published."""

    def without_modes(path, content, *, mode):
        write_new(path, content, mode=mode)
        path.chmod(0o755)

    monkeypatch.setattr(signing_keys, "write_new", without_modes)
    with pytest.raises(NoteError, match="KEY_PLACE_OPEN") as error:
        create_key(tmp_path / "audit.key", "audit.example")
    assert "umask=077" in error.value.message("zh")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_may_be_written_to_and_not_looked_at_takes_a_file(tmp_path, monkeypatch):
    """A drop box of another account: the file has its name, and nobody is told otherwise."""
    opened = os.open

    def no_folder(path, flags, *rest, **named):
        if Path(path) == tmp_path:
            raise PermissionError(13, "no", str(path))
        return opened(path, flags, *rest, **named)

    monkeypatch.setattr(os, "open", no_folder)
    write_new(tmp_path / "head.note", b"head")
    assert [file.name for file in tmp_path.iterdir()] == ["head.note"]
