"""How a demo ends: a signed head, a bundle, and an auditor's look at it, before and after one byte is changed.

The look is what an auditor would do at an office PC: the program out of the bundle itself, in a Python of its own, with
an empty environment and no library but the standard one.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client

from audit.heads import Headed, make_head
from audit.signing_keys import SigningKey, create_key, load_key
from audit.verifier.verify_bundle import EVENTS, OK, PROGRAM, Findings, open_container
from cli.bundle_export import OWN_KEY, OWN_NAME, write
from cli.options import LANG, note
from domain.time import SHANGHAI
from ledger.store import Ledger
from notices.catalogue import digests

FILE: Final = "audit.zip"
"""The bundle's name in the demo's directory."""

OFFLINE: Final = (sys.executable, "-I", "-S")
"""A Python without our path, packages and settings."""

_MARK: Final = b'"actor":{"'


async def end_with_bundle(data: Path, client: Client, ledger: Ledger, campaign: str) -> dict[str, Any]:
    """Export a campaign, verify it, change one byte in a copy and have it refused.

    Args:
        data: the demo's directory; key and bundle stay there.
        client: the engine, with the runs that go on.
        ledger: the record.
        campaign: the campaign's id.

    Returns:
        `bundle` with the file's size and what it holds, whether it verifies, and where the changed byte was found.
    """
    note(
        "正在签署检查点、导出审计包并离线核验，再改动一个字节",
        "signing a head, exporting and verifying offline; then one byte is changed",
    )
    key = data / OWN_KEY
    signer = load_key(key) if key.exists() else create_key(key, OWN_NAME)

    async def sign() -> tuple[Headed, SigningKey]:
        now = datetime.now(SHANGHAI)
        return await make_head(ledger, campaign, signer, "stepped", now, templates=digests()), signer

    made = await write(ledger, campaign, client, data / FILE, sign)
    public = str(signer.public)
    verdict, refused = await _looks(made.file, public)
    told = made.as_data()
    kept = ("size", "sha256", "histories", "running", "unarchived")
    error = refused.get("error", {})
    return {
        "bundle": {
            "file": FILE,
            **{name: told[name] for name in kept},
            "events": verdict["events"],
            "heads": verdict["heads"],
            "key": public,
            "verified": verdict["exit"] == OK and verdict["trusted"],
            "tampered": {"exit": refused["exit"], **{name: error.get(name) for name in ("place", "code", "message")}},
        }
    }


async def _looks(bundle: Path, key: str) -> list[dict[str, Any]]:
    """Verify a bundle by its own program, and at the same time a copy in which one byte of an event is another."""
    with tempfile.TemporaryDirectory(prefix="diversion-auditor-") as folder:
        program, forged = await asyncio.to_thread(_forged, bundle, Path(folder))
        return await asyncio.gather(*(_run(program, file, key) for file in (bundle, forged)))


def _forged(bundle: Path, folder: Path) -> tuple[Path, Path]:
    """Take the program out of a bundle, and change one byte in a copy of it; return both files."""
    content = bytearray(bundle.read_bytes())
    opened = open_container(bytes(content), Findings())
    assert opened is not None  # it was verified when it was written
    program, forged = folder / PROGRAM, folder / FILE
    program.write_bytes(opened.members[PROGRAM].of(bytes(content)))
    events = opened.members[EVENTS]
    content[content.index(_MARK, events.start + events.size // 2) + len(_MARK)] ^= 1
    forged.write_bytes(content)
    return program, forged


async def _run(program: Path, bundle: Path, key: str) -> dict[str, Any]:
    """Run the verifier; return its answer and its exit code."""
    command = [*OFFLINE, str(program), str(bundle), "--key", key, "--json", "--lang", LANG]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env={})
    out, _ = await process.communicate()
    return {**json.loads(out), "exit": process.returncode}
