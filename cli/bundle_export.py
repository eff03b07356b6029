"""Writing a campaign's bundle: histories first, then the head, then the file; and what is told of it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib.metadata
import tomllib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy.exc import OperationalError
from temporalio.client import Client

from audit.archive_gaps import ENDED
from audit.bundle.histories import Histories, gather
from audit.bundle.writer import NotVerifiedError, begin_draft, name_draft, write_draft
from audit.heads import REHEARSAL, Headed
from audit.row_kinds import is_no_text
from audit.signing_keys import SigningKey
from audit.verifier import verify_bundle
from audit.verifier.verify_bundle import Verdict
from cli.audit_failures import file_exists
from cli.failures import REJECTED, Failure, file_unwritable
from cli.options import say
from cli.rooms import Rooms
from domain.time import SHANGHAI, stamp
from engine import EngineUnreachableError, connect
from ledger.exports import Export, keep_export
from ledger.store import Ledger
from notices.catalogue import digests

OWN_KEY: Final = "audit.key"
"""In the data directory, where no other key is given; made for a rehearsal alone: it is too near to the record."""

OWN_NAME: Final = "diversion.local"


@dataclass(frozen=True)
class Exported:
    """A bundle that was written.

    Attributes:
        size: of the file, in bytes.
        sha256: of the file, hex.
        engine: whether an engine told the histories of runs that go on.
        behind: runs left out, because the ledger never confirmed what they handed over last.
        going: whether a stream of the campaign had not ended.
    """

    file: Path
    size: int
    sha256: str
    headed: Headed
    verdict: Verdict
    engine: bool
    behind: int
    going: bool

    def as_data(self) -> dict[str, Any]:
        """Return what is told of it as JSON, but for the head's own part."""
        verdict = self.verdict
        return {
            "file": str(self.file),
            "size": self.size,
            "sha256": self.sha256,
            "histories": verdict.histories,
            "running": verdict.running,
            "behind": self.behind,
            "engine": "read" if self.engine else "unreachable",
            "settlements": verdict.settlements,
            "unarchived": verdict.unarchived,
            "verified": verdict.verified,
        }

    def why_unarchived(self, *, demo: bool = False) -> str:
        """Say why events are without a history and what would bring it, empty where none is.

        Args:
            demo: the record is a demo's, whose engine is not started again.
        """
        number = self.verdict.unarchived
        if not number:
            return ""
        none = say(f"{number} 条事件没有流程历史：", f"{number} events are without a history: ")
        if self.engine:
            return none + say(
                "它们在取得历史之后才写入，或引擎中已无其历史（见 audit archive），"
                f"或流程最后交出的事件台账一直没有写入（{self.behind} 个流程）。",
                "they were written after the histories were taken, or the engine has their history no longer (see "
                f"`audit archive`), or the ledger never confirmed what their run handed over last ({self.behind} "
                "runs).",
            )
        if demo:
            return none + say(
                "演示目录的引擎不再启动；流程历史在演示结束时写下的 audit.zip 中。",
                "a demo's engine is not started again. The audit.zip that the demo wrote at its end has them.",
            )
        if not self.going:
            return none + say(
                "流程都已结束，而归档中缺少其历史。"
                "请先运行 diversion up（使用同一个 --data）和 audit archive，再次导出。",
                "all runs have ended, and the archive lacks their histories. Run `diversion up` with the same --data "
                "and `audit archive`, and export again.",
            )
        return none + say(
            "它们的流程仍在进行或尚未归档，而引擎没有应答。请先运行 diversion up（使用同一个 --data），再次导出。",
            "their runs go on or are not archived, and no engine answers. Run `diversion up` with the same --data and "
            "export again.",
        )


async def engine_of(rooms: Rooms) -> Client | None:
    """Return a connection to the engine, None where none answers."""
    address = await rooms.address()
    try:
        return None if address is None else await connect(address, rooms.settings.namespace, wait=2)
    except EngineUnreachableError:
        return None


async def write(
    ledger: Ledger,
    campaign: str,
    client: Client | None,
    file: Path,
    sign: Callable[[], Awaitable[tuple[Headed, SigningKey]]],
    *,
    by: str | None = None,
) -> Exported:
    """Take the histories, have a head signed, write the bundle, and note who took it (A3).

    Args:
        ledger: the record.
        campaign: the campaign's id.
        client: an engine with the runs that go on; None takes the archive alone.
        file: where; it has its name only once it verifies.
        sign: makes a head over the record, and returns the key with it.
        by: reference of whoever exports.

    Raises:
        NotVerifiedError, Refused: nothing was written, as `audit.bundle.writer.write_draft` says.
        Failure: FILE_UNREADABLE, the place cannot be written to; FILE_EXISTS, another file came there meanwhile;
            EXPORT_NOT_NAMED (3).
    """
    with _draft(file) as draft:
        histories = await _gathered(ledger, campaign, client)
        headed, signer = await sign()
        with _writing(file):
            verdict = await asyncio.to_thread(
                write_draft, headed, histories.rows, signer, draft, templates=digests(), code_version=_code_version()
            )
            size, digest = await asyncio.to_thread(measured, draft)
        require_no_other(file, campaign, rehearsal=_rehearsed(headed.origin, campaign))  # it may have come meanwhile
        at = stamp(datetime.now(SHANGHAI))
        await keep_export(ledger, campaign, Export(by, at, verdict.events, size, digest))
        _name(draft, file, digest)  # last: no bundle leaves the house that is on no list
    going = any(line.get("status") not in ENDED for line in (await ledger.board(campaign)).values())
    return Exported(file, size, digest, headed, verdict, histories.engine, histories.behind, going)


async def _gathered(ledger: Ledger, campaign: str, client: Client | None) -> Histories:
    """Take the histories.

    Raises:
        NotVerifiedError: a row of the archive has a text that is none, which no program of ours writes.
    """
    try:
        return await gather(ledger, campaign, client)
    except OperationalError as error:
        if not is_no_text(error):
            raise
        finding = verify_bundle.Finding("HISTORY_FORM", verify_bundle.HISTORIES)
        raise NotVerifiedError(Verdict(findings=[finding])) from None


@contextlib.contextmanager
def _draft(file: Path) -> Iterator[Path]:
    """Make a draft beside a bundle's place, and take it away again where it did not become the bundle.

    Raises:
        Failure: FILE_UNREADABLE (3).
    """
    with _writing(file):
        draft = begin_draft(file)
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)


@contextlib.contextmanager
def _writing(file: Path) -> Iterator[None]:
    """Tell what the disk refuses by the name of the bundle.

    Raises:
        Failure: FILE_UNREADABLE (3).
    """
    try:
        yield
    except OSError:
        raise file_unwritable(file) from None


def _name(draft: Path, file: Path, digest: str) -> None:
    """Give the draft its name.

    Raises:
        Failure: EXPORT_NOT_NAMED (3), with the row of the list that stands for no file; FILE_UNREADABLE (3), the disk
            did not take the name, and a power cut may take it back.
    """
    try:
        name_draft(draft, file)
    except OSError:
        if not draft.exists():
            raise file_unwritable(file) from None
        raise Failure(
            REJECTED,
            "EXPORT_NOT_NAMED",
            say(
                f"审计包已核验，但未能写到此处，草稿已删除；原有文件未动。导出清单中已有它的一行（SHA-256 {digest}）。",
                "The bundle was verified and could not be put here: its draft is deleted, what lay here is as it was. "
                f"The list of exports has a row of it (SHA-256 {digest}).",
            ),
            place=str(file),
            remedy=say("请检查路径和权限，再次导出。", "Check the path and its permissions, and export again."),
        ) from None


def require_no_other(file: Path, campaign: str, *, rehearsal: bool) -> None:
    """Refuse to write over anything but an earlier bundle of the same campaign, whole or cut off.

    Args:
        file: the bundle's place.
        campaign: the campaign's id.
        rehearsal: its clock is stepped; a rehearsal's bundle does not take the place of the real year's.

    Raises:
        Failure: FILE_EXISTS; FILE_UNREADABLE, its folder is missing (3).
    """
    if not file.parent.is_dir():
        raise file_unwritable(file)
    try:
        origin = _origin_of(file)
    except FileNotFoundError:
        return
    if not origin.endswith(f"/{campaign}") or _rehearsed(origin, campaign) != rehearsal:
        raise file_exists(file)


def _origin_of(file: Path) -> str:
    """Return the log's name as it stands at a bundle's beginning; empty where the file is no bundle."""
    header = verify_bundle.local_header(verify_bundle.NOTE, 0, 0)
    mark, name = header[:4], header[-len(verify_bundle.NOTE) :]
    with file.open("rb") as held:
        begins = held.read(len(header) + verify_bundle.NOTE_MOST)
    if begins[:4] != mark or not begins[: len(header)].endswith(name):
        return ""
    _, _, lines = begins[len(header) :].partition(b"\n")
    origin, whole, _ = lines.partition(b"\n")
    return origin.decode(errors="replace") if whole else ""


def _rehearsed(origin: str, campaign: str) -> bool:
    return origin.endswith(f"/{REHEARSAL}/{campaign}")


def measured(file: Path) -> tuple[int, str]:
    """Return a file's size in bytes and its SHA-256 in hex."""
    with file.open("rb") as opened:
        return file.stat().st_size, hashlib.file_digest(opened, "sha256").hexdigest()


def _code_version() -> str:
    """Return the program's release, also where it runs from its folder."""
    try:
        return importlib.metadata.version("diversion-campaign")
    except importlib.metadata.PackageNotFoundError:
        project = Path(__file__).parents[1] / "pyproject.toml"
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])
