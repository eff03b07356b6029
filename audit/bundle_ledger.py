"""A bundle as a record: the same questions are asked of the file that an auditor has and of the ledger it came from."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from audit.verifier import verify_bundle
from audit.verifier.verify_bundle import EVENTS, MANIFEST, Key, Verdict
from domain.events import Envelope
from ledger.store import Ledger


class BundleLedger:
    """Streams of a bundle, read as those of a ledger are."""

    def __init__(self, streams: Mapping[str, Sequence[Envelope]]) -> None:
        self.held = streams

    async def streams(self, campaign: str) -> list[str]:
        """Return the ids of a campaign's streams, sorted."""
        return sorted(stream for stream in self.held if stream == campaign or stream.startswith(f"{campaign}/"))

    async def events(self, stream: str) -> AsyncIterator[Envelope]:
        """Yield a stream's events in order; none where it does not exist."""
        for envelope in self.held.get(stream, ()):
            yield envelope


class BundleNotVerifiedError(Exception):
    """A bundle does not verify; nothing is said of what stands in it.

    Attributes:
        path: the file.
        verdict: what was found.
    """

    def __init__(self, path: Path, verdict: Verdict) -> None:
        super().__init__(verdict.findings[0].code, verdict.findings[0].place)
        self.path = path
        self.verdict = verdict


@dataclass(frozen=True)
class Bundle:
    """A bundle that was verified.

    Attributes:
        path: the file.
        sha256: of the file.
        verdict: what verifying said.
        streams: its events by stream, each in the order of the versions.
        lines: the events' bytes, in the order of the leaves.
        members: SHA-256 of each member by name, without note and manifest, which follow from the others.
    """

    path: Path
    sha256: str
    verdict: Verdict
    streams: dict[str, list[Envelope]]
    lines: bytes
    members: dict[str, str]

    @classmethod
    def read(cls, path: Path, key: Key | None = None) -> Bundle:
        """Verify a bundle and read its events.

        Args:
            path: the file.
            key: the public key that vouches for it; without one nobody does.

        Raises:
            Refused: the file is none to verify.
            BundleNotVerifiedError: something in it was changed.
            OSError: it cannot be read.
        """
        verdict = verify_bundle.verify(path, key)
        if not verdict.verified:
            raise BundleNotVerifiedError(path, verdict)
        with zipfile.ZipFile(path) as archive:
            lines = archive.read(EVENTS)
            members = {entry["name"]: entry["sha256"] for entry in json.loads(archive.read(MANIFEST))["members"]}
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        streams: dict[str, list[Envelope]] = {}
        for line in lines.splitlines():
            envelope: Envelope = json.loads(line)
            streams.setdefault(envelope["stream"], []).append(envelope)
        return cls(path, digest, verdict, streams, lines, members)

    @property
    def ledger(self) -> Ledger:
        """The bundle's events, for whoever asks a ledger for streams and events only."""
        return cast("Ledger", BundleLedger(self.streams))

    def as_data(self) -> dict[str, Any]:
        """Return what the bundle is, as JSON values."""
        verdict = self.verdict
        return {
            "file": str(self.path),
            "sha256": self.sha256,
            "campaign": verdict.campaign,
            "origin": verdict.origin,
            "key": verdict.key,
            "trusted": verdict.trusted,
            "events": verdict.events,
            "heads": verdict.heads,
            "histories": verdict.histories,
            "code_version": verdict.code_version,
        }
