"""The archive: a run's history is kept once, in order, and tells when it was damaged."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from ledger_samples import CAMPAIGN, STREAM, chain
from sqlalchemy import update

from domain.events import GENESIS, Envelope
from ledger.histories import kept
from ledger.store import ArchivedHistory, Ledger
from ledger.tables import archive

APPEND = "append"
CLOSED = "EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW"


def payload(value: Any) -> dict[str, Any]:
    """Return a payload as an exported history has it."""
    return {"payloads": [{"data": base64.b64encode(json.dumps(value).encode()).decode()}]}


def history(start: tuple[int, str], batches: list[list[Envelope]], last: str = CLOSED) -> str:
    """Return an exported history of a run that gave these batches to the append."""
    version, hash_ = start
    carry = {"stream": STREAM, "version": version, "hash": hash_, "note": "云岭县"}
    events: list[dict[str, Any]] = [{"workflowExecutionStartedEventAttributes": {"input": payload(carry)}}]
    for name, given in [("cohort", []), *((APPEND, batch) for batch in batches)]:
        scheduled = {"activityType": {"name": name}, "input": payload({"events": given})}
        events.append({"activityTaskScheduledEventAttributes": scheduled})
    events.append({"eventType": last})
    return json.dumps({"events": events}, ensure_ascii=False)


def run(run_id: str, first: int, last: int) -> ArchivedHistory:
    """Return a run that wrote these versions."""
    events = chain(last)
    start = (first - 1, events[first - 2]["hash"] if first > 1 else GENESIS)
    return kept(STREAM, run_id, history(start, [events[first - 1 : last]]), APPEND)


def test_a_history_tells_what_its_run_wrote() -> None:
    """First and last version, last hash, length, digest and end are read from the history itself."""
    events = chain(7)
    text = history((2, events[1]["hash"]), [events[2:4], events[4:7]])

    row = kept(STREAM, "run-2", text, APPEND)

    assert (row.first_version, row.last_version, row.last_hash) == (3, 7, events[6]["hash"])
    assert (row.history_events, row.closed, row.intact) == (5, True, True)
    assert row.digest == hashlib.sha256(text.encode()).hexdigest()


def test_a_run_that_wrote_nothing_ends_where_it_began() -> None:
    """Its last version is its predecessor's, and it is open while its history has no end."""
    events = chain(4)

    row = kept(STREAM, "run-3", history((4, events[3]["hash"]), [], "EVENT_TYPE_WORKFLOW_TASK_COMPLETED"), APPEND)

    assert (row.first_version, row.last_version, row.last_hash, row.closed) == (5, 4, events[3]["hash"], False)


async def test_a_history_comes_back_as_it_was(ledger: Ledger) -> None:
    """Every field and every byte of the JSON."""
    row = run("run-1", 1, 5)

    assert await ledger.archive(row) is True

    found = await ledger.archived(STREAM, "run-1")
    assert found == row
    assert found is not None
    assert found.intact


async def test_an_unknown_run_is_not_there(ledger: Ledger) -> None:
    """None for a run or a workflow that was not kept."""
    await ledger.archive(run("run-1", 1, 5))

    assert await ledger.archived(STREAM, "run-2") is None
    assert await ledger.archived(CAMPAIGN, "run-1") is None
    assert await ledger.archived_runs("campaign/nowhere/2025") == {}


async def test_a_run_is_kept_once(ledger: Ledger) -> None:
    """The second put of a run does nothing, whatever it brings."""
    first = run("run-1", 1, 5)
    await ledger.archive(first)

    assert await ledger.archive(first) is False
    assert await ledger.archive(replace(first, history="{}", closed=False, last_version=9)) is False

    assert await ledger.archived(STREAM, "run-1") == first


@pytest.mark.parametrize(
    "damage",
    [
        lambda stored: gzip.compress(gzip.decompress(stored).replace(b"CONTINUED", b"COMPLETED")),
        lambda stored: stored[:-20],
        lambda stored: stored[:40] + bytes([stored[40] ^ 0xFF]) + stored[41:],
        lambda _stored: b"",
        lambda _stored: b"not gzip at all",
        lambda _stored: gzip.compress(b"\xff\xfe not UTF-8"),
    ],
    ids=["another text", "cut off", "a flipped byte", "nothing", "no gzip", "no text"],
)
async def test_a_damaged_history_is_not_intact(ledger: Ledger, damage: Any) -> None:
    """Whatever happened to the stored bytes, reading answers, and says that they are not what was kept."""
    row = run("run-1", 1, 5)
    await ledger.archive(row)
    async with ledger._writing.begin() as connection:
        await connection.execute(update(archive).values(history=damage(gzip.compress(row.history.encode(), mtime=0))))

    found = await ledger.archived(STREAM, "run-1")

    assert found is not None
    assert not found.intact
    assert replace(found, history=row.history) == row


async def test_runs_come_in_the_order_of_what_they_wrote(ledger: Ledger) -> None:
    """By version, not by name or arrival; a run that wrote nothing stands before the one that went on from there."""
    other = replace(run("run-x", 1, 2), workflow_id=f"{CAMPAIGN}/Another")
    for row in (run("run-b", 6, 20), run("run-0", 21, 20), run("run-a", 21, 30), other, run("run-z", 1, 5)):
        await ledger.archive(row)

    runs = await ledger.archived_runs(CAMPAIGN)

    assert list(runs.items()) == [
        (STREAM, ["run-z", "run-b", "run-0", "run-a"]),
        (f"{CAMPAIGN}/Another", ["run-x"]),
    ]
