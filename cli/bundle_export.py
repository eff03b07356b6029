"""Writing a campaign's bundle: histories first, then the head, then the file; and what is told of it."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.metadata
import tomllib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client

from audit.bundle.histories import gather
from audit.bundle.writer import write_bundle
from audit.heads import Headed
from audit.signing_keys import SigningKey
from audit.verifier.verify_bundle import Verdict
from cli.options import say
from cli.rooms import Rooms
from domain.time import SHANGHAI, stamp
from engine import EngineUnreachableError, connect
from ledger.exports import Export, keep_export
from ledger.store import Ledger
from notices.catalogue import DIRECTORY as TEMPLATES

OWN_KEY: Final = "audit.key"
"""In the data directory, where no other key is given: enough for a rehearsal, too near to the record for a county."""

OWN_NAME: Final = "diversion.local"


@dataclass(frozen=True)
class Exported:
    """A bundle that was written.

    Attributes:
        size: of the file, in bytes.
        sha256: of the file, hex.
        engine: whether an engine told the histories of runs that go on.
        behind: runs left out, because the ledger never confirmed what they handed over last.
    """

    file: Path
    size: int
    sha256: str
    headed: Headed
    verdict: Verdict
    engine: bool
    behind: int

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

    def why_unarchived(self) -> str:
        """Say why events are without a history, empty where none is."""
        number = self.verdict.unarchived
        if not number:
            return ""
        if not self.engine:
            return say(
                f"{number} 条事件没有流程历史：它们的流程仍在进行或尚未归档，而引擎没有应答。"
                "请先运行 diversion up（使用同一个 --data），再次导出。",
                f"{number} events are without a history: their runs go on or are not archived, and no engine answers. "
                "Run `diversion up` with the same --data and export again.",
            )
        return say(
            f"{number} 条事件没有流程历史：它们在取得历史之后才写入，或引擎中已无其历史（见 audit archive），"
            f"或流程最后交出的事件台账一直没有写入（{self.behind} 个流程）。",
            f"{number} events are without a history: they were written after the histories were taken, or the engine "
            "has their history no longer (see `audit archive`), or the ledger never confirmed what their run handed "
            f"over last ({self.behind} runs).",
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
        NotVerifiedError: nothing was written.
        OSError: the place cannot be written to.
    """
    histories = await gather(ledger, campaign, client)
    headed, signer = await sign()
    verdict = await asyncio.to_thread(
        write_bundle, headed, histories.rows, signer, file, templates=_templates(), code_version=_code_version()
    )
    size, digest = await asyncio.to_thread(measured, file)
    at = stamp(datetime.now(SHANGHAI))
    try:
        await keep_export(ledger, campaign, Export(by, at, verdict.events, size, digest))
    except BaseException:
        await asyncio.to_thread(file.unlink)  # no bundle leaves the house unseen
        raise
    return Exported(file, size, digest, headed, verdict, histories.engine, histories.behind)


def measured(file: Path) -> tuple[int, str]:
    """Return a file's size in bytes and its SHA-256 in hex."""
    with file.open("rb") as opened:
        return file.stat().st_size, hashlib.file_digest(opened, "sha256").hexdigest()


def _templates() -> dict[str, str]:
    """Return label → digest of each version of each template that ships."""
    return {f"{file.parent.name}/{file.stem}": measured(file)[1] for file in sorted(TEMPLATES.glob("*/*.toml"))}


def _code_version() -> str:
    """Return the program's release, also where it runs from its folder."""
    try:
        return importlib.metadata.version("diversion-campaign")
    except importlib.metadata.PackageNotFoundError:
        project = Path(__file__).parents[1] / "pyproject.toml"
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])
