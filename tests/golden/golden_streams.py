"""Whole logs of recorded campaigns: written once, read back by today's code, with what each came to."""

from __future__ import annotations

import gzip
import json
import lzma
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from activities.record import RecordActivities
from audit.bundle.writer import schemas
from audit.counts import recorded
from audit.invariants import check_log
from audit.invariants.log import Log
from audit.settlements import told_runs, verified
from audit.verify import fold_stream
from domain.events import Envelope, canonical_text, digest
from domain.policy import profile
from domain.settlement import settle
from ledger.store import Ledger
from protocol import EVENTS_PER_APPEND, AppendRequest

HERE = Path(__file__).resolve().parent
LOGS = HERE / "streams"
PROFILES = ("compliant", "legacy")
EMPTY: tuple[Any, ...] = (None, False, 0, "", [], {})
"""What a field of a later release says of a campaign that never heard of it."""

Streams = dict[str, list[Envelope]]


def write_new(path: Path, data: bytes) -> None:
    """Write a new file; one that is there stays, and the recording ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(data)


def packed(text: str) -> bytes:
    """Return a text compressed."""
    return lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME)


def unpacked(path: Path) -> str:
    """Return the text of a packed file, named without the packing: by xz, and by gzip up to 0.3.0."""
    by_xz = path.with_name(f"{path.name}.xz")
    if by_xz.exists():
        return lzma.decompress(by_xz.read_bytes()).decode()
    return gzip.decompress(path.with_name(f"{path.name}.gz").read_bytes()).decode()


def written(value: Any) -> str:
    """Return a JSON value as it is committed."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def write_log(release: str, name: str, streams: Streams, facts: Mapping[str, Any]) -> None:
    """Write a campaign's events, one canonical line each, and what they came to."""
    lines = (canonical_text(envelope) + "\n" for stream in sorted(streams) for envelope in streams[stream])
    write_new(LOGS / release / f"{name}.jsonl.xz", packed("".join(lines)))
    shown = {key: value for key, value in facts.items() if key != "ends"}
    write_new(LOGS / release / f"{name}.facts.json", written(shown).encode())
    write_new(LOGS / release / f"{name}.ends.json.xz", packed(written(facts["ends"])))


def write_schemas(release: str) -> None:
    """Write the form of every event type."""
    write_new(LOGS / release / "schemas.json.xz", packed(written(json.loads(schemas()))))


def lines_of(release: str, name: str) -> list[str]:
    """Return a log's lines."""
    return unpacked(LOGS / release / f"{name}.jsonl").splitlines()


def facts_of(release: str, name: str) -> dict[str, Any]:
    """Return what a log came to when it was recorded."""
    facts: dict[str, Any] = json.loads((LOGS / release / f"{name}.facts.json").read_text())
    return {**facts, "ends": json.loads(unpacked(LOGS / release / f"{name}.ends.json"))}


def by_stream(lines: Sequence[str]) -> Streams:
    """Return a log's events by stream."""
    streams: Streams = {}
    for line in lines:
        envelope = json.loads(line)
        streams.setdefault(envelope["stream"], []).append(envelope)
    return streams


async def fill(ledger: Ledger, streams: Streams) -> None:
    """Write a log into an empty ledger as workflows do: with its notices, and the board's line after each batch."""
    append = RecordActivities(ledger).append
    for stream, events in streams.items():
        view = fold_stream(stream, events).view or {}
        for start in range(0, len(events), EVENTS_PER_APPEND):
            await append(AppendRequest(stream=stream, events=events[start : start + EVENTS_PER_APPEND], view=view))


async def what_it_came_to(ledger: Ledger, campaign: str, streams: Streams) -> dict[str, Any]:
    """Return all that today's code makes of a log.

    Args:
        ledger: holds the log.
        campaign: the campaign's id.
        streams: the log.

    Returns:
        Heads, and digests of state and board line; counts of event types, breaches of invariants, what a settlement
        counts and comes to by each shipped profile, the runs that were computed; and states and lines themselves.
    """
    folds = {stream: fold_stream(stream, events) for stream, events in sorted(streams.items())}
    ends = {stream: {"state": folded.state, "view": folded.view} for stream, folded in folds.items()}
    checked = check_log(Log(campaign, streams))
    found = await recorded(ledger, campaign)
    runs = await verified(ledger, campaign)
    told = [(one.computed, one.as_data()["total_fen"], one.public) for one in await told_runs(ledger, campaign)]
    return {
        "campaign": campaign,
        "streams": {
            stream: {
                "version": events[-1]["version"],
                "hash": events[-1]["hash"],
                "came_to": digest(ends[stream]),
            }
            for stream, events in sorted(streams.items())
        },
        "types": dict(sorted(Counter(event["type"] for events in streams.values() for event in events).items())),
        "breaches": {one.invariant.id: one.breaches for one in checked.checked},
        "counted": json.loads(json.dumps(found.fields, default=str)),
        "settled": {name: settle(found.classes, profile(name)).as_data()["county"] for name in PROFILES},
        "runs": [
            {**run, "digest": one.lines_digest, "total_fen": total, "public": public}
            for run, (one, total, public) in zip(runs, told, strict=True)
        ],
        "ends": ends,
    }


def names(release: str) -> list[str]:
    """Return the names of a release's logs."""
    return sorted(path.name.removesuffix(".facts.json") for path in (LOGS / release).glob("*.facts.json"))


def other_form(name: str, today: Mapping[str, Any] | None, then: Mapping[str, Any]) -> list[str]:
    """Name what of an event type's form is not what it was, and would give other bytes to what is recorded.

    Args:
        name: of the type, for the answer.
        today: its JSON schema now, with the types that it is made of under `$defs`; None where it is gone.
        then: as it was recorded.

    Returns:
        Fields that are gone, have become required or are of another type, and values that an enumeration has lost.
    """
    if today is None:
        return [f"{name} is gone"]
    found = []
    for part, form in then.get("$defs", {}).items():
        found += other_form(f"{name}.{part}", today.get("$defs", {}).get(part), form)
    lost = [value for value in then.get("enum", ()) if value not in today.get("enum", ())]
    found += [f"{name} has lost {value}" for value in lost]
    fields = today.get("properties", {})
    for field, form in then.get("properties", {}).items():
        if field not in fields:
            found.append(f"{name}.{field} is gone")
        elif _bare(fields[field]) != _bare(form):
            found.append(f"{name}.{field} is of another type")
    required = [field for field in today.get("required", ()) if field not in then.get("required", ())]
    return found + [f"{name}.{field} is required" for field in required]


def _bare(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return a field's form without the words about it; an enumeration within may grow."""
    return {key: value for key, value in form.items() if key not in ("title", "description", "enum")}


def as_then(today: Any, then: Any) -> Any:
    """Return today's state without what a later release has added and this campaign says nothing of."""
    if isinstance(today, dict) and isinstance(then, dict):
        return {
            key: as_then(value, then[key]) if key in then else value
            for key, value in today.items()
            if key in then or value not in EMPTY
        }
    if isinstance(today, list) and isinstance(then, list) and len(today) == len(then):
        return [as_then(one, other) for one, other in zip(today, then, strict=True)]
    return today
