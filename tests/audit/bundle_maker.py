"""A small campaign's bundle, made as the program makes it, and a workshop in which a forger takes it apart."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from audit_small_log import CAMPAIGN, Streams
from temporalio.client import Client

from audit.bundle.histories import gather
from audit.bundle.manifest import Content, manifest_of, signed_over, write_container
from audit.bundle.writer import write_bundle
from audit.heads import Headed, make_head
from audit.signing_keys import SigningKey
from audit.verifier import verify_bundle as vb
from domain.canonical import encode
from domain.events import GENESIS, Envelope
from domain.time import instant
from ledger.heads import packed_histories
from ledger.histories import kept
from ledger.store import Ledger

NAME = "audit.example"
NOW = instant("2026-12-31T08:00:00+08:00")
KEY = SigningKey(NAME, b"k" * 32)
THIEF = SigningKey(NAME, b"t" * 32)
TEMPLATES = {"meeting_invitation/1": "1" * 64, "meeting_invitation/2": "2" * 64}


@dataclass
class Made:
    """A bundle and what it was made of."""

    path: Path
    streams: Streams
    headed: Headed

    @property
    def lines(self) -> list[bytes]:
        """Return the events' lines."""
        return list(self.headed.lines)


def encoded(value) -> dict[str, str]:
    """Return a payload as an exported history holds it."""
    return {"data": base64.b64encode(json.dumps(value).encode()).decode()}


def history(
    stream: str, events: list[Envelope], before: tuple[int, str] = (0, GENESIS), *, goes_on=False, run="run"
) -> str:
    """Return the history of a run that handed these events to the ledger, as far as an audit reads it."""
    carry = {"stream": stream, "kind": "any", "version": before[0], "hash": before[1]}
    started = {"input": {"payloads": [encoded(carry)]}, "originalExecutionRunId": run}
    scheduled = {
        "activityType": {"name": "append"},
        "input": {"payloads": [encoded({"stream": stream, "events": events, "view": {}})]},
    }
    last = "CONTINUED_AS_NEW" if goes_on else "COMPLETED"
    return json.dumps(
        {
            "events": [
                {
                    "eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED",
                    "workflowExecutionStartedEventAttributes": started,
                },
                {"activityTaskScheduledEventAttributes": scheduled},
                {"eventType": f"EVENT_TYPE_WORKFLOW_EXECUTION_{last}"},
            ]
        }
    )


async def archived(ledger: Ledger, streams: Streams) -> None:
    """Keep two runs of each stream that has two events, else one."""
    for number, (stream, events) in enumerate(sorted(streams.items())):
        cut = len(events) // 2
        before = (cut, events[cut - 1]["hash"]) if cut else (0, GENESIS)
        one, two = f"run-{number}-1", f"run-{number}-2"
        if cut:
            first = history(stream, events[:cut], goes_on=True, run=one)
            await ledger.archive(kept(stream, one, first, "append"))
        await ledger.archive(kept(stream, two, history(stream, events[cut:], before, run=two), "append"))


async def made(folder: Path, streams: Streams, *, signer: SigningKey = KEY) -> Made:
    """Write streams into a ledger, in two halves with a head after each, and export the bundle."""
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{folder / 'ledger.db'}")
    try:
        clock = streams[CAMPAIGN][0]["data"]["clock"]
        for part in (0, 1):
            for events in streams.values():
                cut = (len(events) + 1) // 2
                if half := (events[cut:] if part else events[:cut]):
                    await ledger.append(half, [], {})
            headed = await make_head(ledger, CAMPAIGN, signer, clock, NOW)
        await archived(ledger, streams)
        path = folder / "bundle.zip"
        rows = await packed_histories(ledger, CAMPAIGN)
        write_bundle(headed, rows, signer, path, templates=TEMPLATES, code_version="1.2.3")
    finally:
        await ledger.close()
    return Made(path, streams, headed)


async def exported(ledger: Ledger, campaign: str, client: Client | None, path: Path) -> vb.Verdict:
    """Export a campaign that the engine's clock drives as the program does: histories first, then the head."""
    histories = await gather(ledger, campaign, client)
    headed = await make_head(ledger, campaign, KEY, "engine", NOW)
    return write_bundle(headed, histories.rows, KEY, path, templates=TEMPLATES, code_version="1.2.3")


class Workshop:
    """A bundle's members in a forger's hands."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        opened = vb.open_container(data, vb.Findings())
        assert opened is not None
        self.manifest = copy.deepcopy(opened.manifest)
        self.members = {name: member.of(data) for name, member in opened.members.items()}
        self.origin = opened.origin
        self.note = self._content(data, vb.NOTE)

    @staticmethod
    def _content(data: bytes, name: str) -> bytes:
        at = data.index(name.encode()) + len(name)
        size = int.from_bytes(data[at - len(name) - 8 : at - len(name) - 4], "little")
        return data[at : at + size]

    @property
    def lines(self) -> list[bytes]:
        """Return the events."""
        return self.members[vb.EVENTS].split(b"\n")[:-1]

    @lines.setter
    def lines(self, lines: list[bytes]) -> None:
        self.members[vb.EVENTS] = b"".join(line + b"\n" for line in lines)

    def json(self, name: str):
        """Return a member's JSON."""
        return json.loads(self.members[name])

    def put(self, name: str, value) -> None:
        """Write a member's JSON."""
        self.members[name] = encode(value).encode()

    def write(self, path: Path, signer: SigningKey | None = None) -> Path:
        """Write the file anew with a manifest that fits; signed by somebody, or under the old note."""
        members = [Content(name, data) for name, data in self.members.items()]
        facts = {name: value for name, value in self.manifest.items() if name not in ("members", "format")}
        manifest = manifest_of(members, **facts)
        note = self.note if signer is None else signed_over(manifest, self.origin, signer)
        write_container(path, note, manifest, members)
        return path


def rehashed(event: Envelope, prev_hash: str | None = None) -> Envelope:
    """Return an event with a hash that fits it."""
    body = {name: value for name, value in event.items() if name != "hash"}
    if prev_hash is not None:
        body["prev_hash"] = prev_hash
    body["hash"] = hashlib.sha256(encode(body).encode()).hexdigest()
    return body


def line_of(event: Envelope) -> bytes:
    """Return an event's line."""
    return encode(event).encode()
