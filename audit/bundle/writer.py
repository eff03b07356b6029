"""Writes the auditor's bundle of a campaign: whole or not at all, and verified again before it has its name.

It lies beside its place under another name until then, is brought to the disk before it is verified, and only a bundle
that verifies takes the place of an earlier one.
"""

from __future__ import annotations

import errno
import functools
import json
import os
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from audit.bundle.manifest import Content, manifest_of, signed_over, write_members
from audit.bundle.readme import readme
from audit.head_templates import digest_of, digests_named, listing
from audit.heads import Headed
from audit.leaves import Place
from audit.merkle import Tree
from audit.new_file import draft_of, sync_folder
from audit.signed_note import Signer, to_base64
from audit.verifier import verify_bundle
from audit.verifier.verify_bundle import FILE_MOST, MEMBERS_MOST, Finding, Key, Refused, Verdict, verify
from domain.canonical import encode
from domain.deciders import DECIDERS
from domain.events import CommandRefused, Event, PolicyAdopted, SignalRefused
from domain.policy import PROFILES
from domain.words import WORDS
from ledger.heads import PackedHistory

_OF_ALL: Final[tuple[type[Event], ...]] = (CommandRefused, SignalRefused, PolicyAdopted)
"""Events that any stream can have."""


class NotVerifiedError(Exception):
    """The bundle that was just written does not verify: the record holds something that was changed.

    Attributes:
        verdict: what was found.
    """

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.findings[0].code, verdict.findings[0].place)
        self.verdict = verdict


def write_bundle(
    headed: Headed,
    histories: Sequence[PackedHistory],
    signer: Signer,
    path: Path,
    *,
    templates: Mapping[str, str],
    code_version: str,
) -> Verdict:
    """Write the bundle of a campaign up to its newest head.

    Args:
        headed: events and heads; the last head covers all events.
        histories: the runs, by workflow and version, taken before the head was signed.
        signer: the key in force.
        path: where; a file there is replaced, but only by a bundle that verifies.
        templates: label of each version of a notice's template → SHA-256 of its file.
        code_version: of the program.

    Returns:
        What verifying the file said.

    Raises:
        NotVerifiedError: nothing was written to `path`.
        Refused: as `write_draft`.
        OSError: the place cannot be written to.
    """
    draft = begin_draft(path)
    try:
        verdict = write_draft(headed, histories, signer, draft, templates=templates, code_version=code_version)
        name_draft(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    return verdict


def begin_draft(path: Path) -> Path:
    """Make the empty file beside a bundle's place that `write_draft` fills; whoever begins one takes it away.

    Raises:
        OSError: the place cannot be written to.
    """
    draft = draft_of(path)
    draft.open("xb").close()
    return draft


def name_draft(draft: Path, path: Path) -> None:
    """Give a draft that verifies its name, in the place of an earlier bundle.

    Raises:
        OSError: the place cannot be written to any more; what lies there is as it was.
    """
    draft.replace(path)
    sync_folder(path.parent)


def write_draft(
    headed: Headed,
    histories: Sequence[PackedHistory],
    signer: Signer,
    draft: Path,
    *,
    templates: Mapping[str, str],
    code_version: str,
) -> Verdict:
    """Fill a draft with the bundle, bring it to the disk, and verify it; the arguments are those of `write_bundle`.

    A draft that was taken away meanwhile is not made again: an export that is broken off leaves none behind.

    Raises:
        NotVerifiedError: the record holds something that was changed.
        Refused: BUNDLE_BOMB, the record is more than a bundle holds, or verifying it needs more memory than there is.
        OSError: the place cannot be written to.
    """
    members = [*_members(headed, histories, templates, code_version)]
    if len(members) > MEMBERS_MOST or sum(len(member.data) for member in members) > FILE_MOST:
        raise Refused("BUNDLE_BOMB", verify_bundle.MANIFEST)
    manifest = manifest_of(
        members,
        campaign=headed.campaign,
        code_version=code_version,
        heads=[head.size for head in headed.heads],
        origin=headed.origin,
    )
    note = signed_over(manifest, headed.origin, signer)
    with draft.open("r+b") as file:
        write_members(file, note, manifest, members)
        file.flush()
        os.fsync(file.fileno())
    verdict = _verified(draft, Key.parse(str(signer.public)), histories)
    if not verdict.verified:
        raise NotVerifiedError(verdict)
    return verdict


def _verified(draft: Path, key: Key, histories: Sequence[PackedHistory]) -> Verdict:
    """Verify a draft; a history that is refused as harmful was changed in the archive, and is a finding with its place.

    Raises:
        OSError: the draft cannot be read.
        Refused: BUNDLE_BOMB.
    """
    try:
        return verify(draft, key)
    except Refused as refused:
        if refused.code == "FILE_UNREADABLE":
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(draft)) from None
        streams = {_member(number): row.workflow_id for number, row in enumerate(histories, 1)}
        if refused.place not in streams:
            raise
        return Verdict(findings=[Finding(refused.code, f"{refused.place} ({streams[refused.place]})")])


def _members(
    headed: Headed, histories: Sequence[PackedHistory], templates: Mapping[str, str], code_version: str
) -> list[Content]:
    """Return all members but note and manifest, in their order."""
    events = [
        (f"{place.stream}#{place.version}", line) for place, line in zip(headed.places, headed.lines, strict=True)
    ]
    packed = [Content(_member(number), row.history) for number, row in enumerate(histories, 1)]
    clock = json.loads(headed.lines[headed.places.index(Place(headed.campaign, 1))])["data"]["clock"]
    return [
        Content(
            verify_bundle.README,
            readme(headed.campaign, headed.head.size, len(packed), code_version, rehearsal=clock != "engine").encode(),
        ),
        Content(verify_bundle.PROGRAM, Path(verify_bundle.__file__).read_bytes()),
        Content(verify_bundle.KEYS, f"{headed.keys.keys[0]}\n".encode()),
        *(
            Content(f"rotations/{number:04d}.note", text.encode())
            for number, text in enumerate(headed.statements, start=1)
        ),
        *(Content(f"heads/{head.size:012d}.note", head.note.encode()) for head in headed.heads),
        _json(verify_bundle.PROOFS, proofs([head.size for head in headed.heads], headed.tree)),
        Content(verify_bundle.EVENTS, b"".join(line + b"\n" for line in headed.lines)),
        _json(
            verify_bundle.HISTORIES,
            [_entry(row, content.name) for row, content in zip(histories, packed, strict=True)],
        ),
        *packed,
        *_from_events(events),
        *_templates(headed, templates),
        Content("schemas.json", schemas()),
        _json("glossary.json", WORDS),
    ]


def _templates(headed: Headed, templates: Mapping[str, str]) -> list[Content]:
    """Return the list of templates that lie here, and each that a head names; verifying names one that is missing."""
    now = listing(templates)
    lists = {digest_of(now): now, **headed.templates}
    named = [digest for digest in digests_named(headed.heads) if digest in lists]
    return [
        Content(verify_bundle.TEMPLATES, now.encode()),
        *(Content(f"{verify_bundle.TEMPLATE_LISTS}{digest}.json", lists[digest].encode()) for digest in named),
    ]


def proofs(sizes: Sequence[int], tree: Tree) -> list[dict[str, Any]]:
    """Return the consistency proof from each head to the next one."""
    return [
        {"old": old, "new": new, "proof": [to_base64(node) for node in tree.consistency_proof(old, new)]}
        for old, new in pairwise(sizes)
    ]


@functools.cache
def schemas() -> bytes:
    """Return the JSON schema of every event type's data, by type."""
    types: dict[str, type[Event]] = {kind.__name__: kind for kind in _OF_ALL}
    for decider in DECIDERS.values():
        types |= {kind.__name__: kind for kind in decider.event_types}
    found = {name: {"schema": kind.SCHEMA, "data": TypeAdapter(kind).json_schema()} for name, kind in types.items()}
    return encode(found).encode()


def _from_events(events: Sequence[tuple[str, bytes]]) -> list[Content]:
    """Return what is taken out of the events for readers: every policy profile and every calendar, and the event."""
    policies, calendars = [], []
    for name, line in events:
        if not any(kind in line for kind in (b"CampaignDrafted", b"PolicyChangeAnnounced", b"CalendarPublished")):
            continue
        envelope = json.loads(line)
        match envelope["type"], envelope["data"]:
            case "CampaignDrafted", data:
                policies.append({"event": name, "profile": data["policy"]})
                calendars.append({"event": name, "calendar": data["calendar"]})
            case "PolicyChangeAnnounced", data:
                policies.append({"event": name, "profile": data["profile"]})
            case "CalendarPublished", data:
                calendars.append({"event": name, "calendar": data["calendar"]})
            case _:
                pass  # the name stood in a text
    shipped = [profile.model_dump(mode="json") for profile in PROFILES.values()]
    return [
        _json(verify_bundle.POLICIES, {"campaign": policies, "shipped": shipped}),
        _json(verify_bundle.CALENDARS, calendars),
    ]


def _entry(row: PackedHistory, member: str) -> dict[str, Any]:
    return {
        "workflow_id": row.workflow_id,
        "run_id": row.run_id,
        "first_version": row.first_version,
        "last_version": row.last_version,
        "last_hash": row.last_hash,
        "closed": row.closed,
        "history_events": row.history_events,
        "digest": row.digest,
        "size": _unpacked_size(row.history),
        "member": member,
    }


def _member(number: int) -> str:
    """Return the name of the member that holds a history, counted from 1."""
    return f"histories/{number:06d}.json.gz"


def _unpacked_size(packed: bytes) -> int:
    """Return how many bytes a gzip file says it holds (RFC 1952: ISIZE, its last four); verifying unpacks no more."""
    return int.from_bytes(packed[-4:], "little")


def _json(name: str, value: Any) -> Content:
    return Content(name, encode(value).encode())
