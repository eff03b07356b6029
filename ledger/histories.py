"""Reading an exported workflow history: what a run gave to the ledger stands in it, byte for byte."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from domain.events import GENESIS, Envelope
from ledger.store import ArchivedHistory

CLOSING_EVENTS = (
    "EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED",
    "EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW",
    "EVENT_TYPE_WORKFLOW_EXECUTION_FAILED",
    "EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED",
    "EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT",
    "EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED",
)


@dataclass(frozen=True)
class RunStart:
    """Where a run took the stream up."""

    version: int
    hash: str


def payload(data: dict[str, Any]) -> Any:
    """Return the JSON value of a payload as it stands in an exported history."""
    return json.loads(base64.b64decode(data["data"]))


def run_start(history: dict[str, Any]) -> RunStart:
    """Return the version and hash that a run began with, from its input."""
    started = history["events"][0]["workflowExecutionStartedEventAttributes"]
    carry = payload(started["input"]["payloads"][0])
    return RunStart(carry.get("version", 0), carry.get("hash", GENESIS))


def appended(history: dict[str, Any], activity: str) -> list[Envelope]:
    """Return the events that a run gave to the append activity, in order."""
    events: list[Envelope] = []
    for event in history["events"]:
        scheduled = event.get("activityTaskScheduledEventAttributes")
        if scheduled and scheduled["activityType"]["name"] == activity:
            events.extend(payload(scheduled["input"]["payloads"][0])["events"])
    return events


def is_closed(history: dict[str, Any]) -> bool:
    """Tell whether the run has ended."""
    return bool(history["events"][-1]["eventType"] in CLOSING_EVENTS)


def kept(workflow_id: str, run_id: str, history_json: str, activity: str) -> ArchivedHistory:
    """Make the archive's row of an exported history."""
    history = json.loads(history_json)
    written = appended(history, activity)
    start = run_start(history)
    return ArchivedHistory(
        workflow_id=workflow_id,
        run_id=run_id,
        first_version=start.version + 1,
        last_version=written[-1]["version"] if written else start.version,
        last_hash=written[-1]["hash"] if written else start.hash,
        closed=is_closed(history),
        history_events=len(history["events"]),
        digest=hashlib.sha256(history_json.encode()).hexdigest(),
        history=history_json,
    )
