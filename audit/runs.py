"""The runs of a stream: from the archive, and from the engine where a client is given."""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import OperationalError
from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from audit.report import Findings, shown
from audit.row_kinds import is_no_text
from audit.rows import Row
from domain.events import Envelope
from engine import export_history
from ledger.histories import CLOSING_EVENTS, RunStart, appended, payload, run_start
from ledger.store import Ledger
from protocol import ACTIVITY_APPEND, QUERY_STATE

ARCHIVE_COLUMNS = ("first_version", "last_version", "last_hash", "closed", "history_events", "digest")
CONTINUED = "EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW"
COMPLETED = "EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED"
ROUNDS = 5
"""A live stream may continue as new while its runs are read: look again so often."""

ANSWER_WITHIN = timedelta(seconds=5)
UNREADABLE = (OSError, EOFError, TypeError, ValueError, zlib.error)
"""What bytes that are no gzip of UTF-8 JSON lead to, or a value that is not even bytes."""


@dataclass(frozen=True)
class Run:
    """One run's history, read.

    Attributes:
        number: 1, 2, 3 … across continue-as-new.
        predecessor: run id of the run before, None for the first.
        start: where the run took the stream up.
        state: the state that it took up, None for the first run.
        appended: the events that it gave to the append, in order.
        pending: how many of the last of them no answer of the ledger stands behind yet.
        closed_by: type of its closing event, None while it goes on.
        size: how many events the history has.
    """

    workflow: str
    run: str
    text: str
    number: int
    predecessor: str | None
    start: RunStart
    state: dict[str, Any] | None
    appended: list[Envelope]
    pending: int
    closed_by: str | None
    size: int

    @property
    def last_version(self) -> int:
        """Return the version that the run has brought its stream to."""
        return int(self.appended[-1]["version"]) if self.appended else self.start.version

    def columns(self) -> dict[str, Any]:
        """Return what the archive says of a history beside its bytes (`ARCHIVE_COLUMNS`)."""
        return {
            "first_version": self.start.version + 1,
            "last_version": self.last_version,
            "last_hash": self.appended[-1]["hash"] if self.appended else self.start.hash,
            "closed": self.closed_by is not None,
            "history_events": self.size,
            "digest": hashlib.sha256(self.text.encode()).hexdigest(),
        }


def read_run(workflow: str, run: str, text: str) -> Run:
    """Read an exported history.

    Raises:
        ValueError: it is not one of ours.
    """
    try:
        history = json.loads(text)
        carry = payload(history["events"][0]["workflowExecutionStartedEventAttributes"]["input"]["payloads"][0])
        last = history["events"][-1]["eventType"]
        written, start = appended(history, ACTIVITY_APPEND), run_start(history)
        if type(start.version) is not int or not isinstance(start.hash, str):
            raise ValueError(f"{workflow} {run}: a beginning without version and hash")
        if not all(isinstance(event["version"], int) and isinstance(event["hash"], str) for event in written):
            raise ValueError(f"{workflow} {run}: an append without versions and hashes")
        return Run(
            workflow=workflow,
            run=run,
            text=text,
            number=int(carry.get("runs", 1)),
            predecessor=carry.get("predecessor"),
            start=start,
            state=carry.get("state"),
            appended=written,
            pending=_pending(history),
            closed_by=last if last in CLOSING_EVENTS else None,
            size=len(history["events"]),
        )
    except (KeyError, IndexError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"{workflow} {run}: no history of ours") from error


def _pending(history: dict[str, Any]) -> int:
    """Count the events of appends that have neither succeeded nor failed: the ledger may not have them yet."""
    answered = {
        attributes["scheduledEventId"]: None
        for event in history["events"]
        for name in ("activityTaskCompletedEventAttributes", "activityTaskFailedEventAttributes")
        if (attributes := event.get(name))
    }
    unanswered = [event for event in history["events"] if event["eventId"] not in answered]
    return len(appended({"events": unanswered}, ACTIVITY_APPEND))


async def archived_runs(ledger: Ledger, stream: str, rows: list[Row], findings: Findings) -> list[Run]:
    """Read a stream's archived runs, checking that the archive's row says what the bytes say (A15)."""
    runs: list[Run] = []
    for row in rows:
        run_id = row["run_id"]
        try:
            held = await ledger.archived(stream, run_id)
            if held is None:
                continue
            run = read_run(stream, run_id, held.history)
            expected = run.columns()
        except (*UNREADABLE, OperationalError) as error:
            if isinstance(error, OperationalError) and not is_no_text(error):
                raise
            findings.add("archive", stream, "history", run=run_id, ledger=row["digest"])
            continue
        for name in ARCHIVE_COLUMNS:
            says, is_ = row[name], expected[name]
            if says != is_:
                hashes = name in ("digest", "last_hash")
                findings.add(
                    "archive",
                    stream,
                    name,
                    run=run_id,
                    ledger=says if hashes else shown(says),
                    found=is_ if hashes else shown(is_),
                )
        runs.append(run)
    return runs


class Live:
    """The engine's side of a campaign; once it does not answer it is not asked again.

    Attributes:
        answering: whether the last state that was asked for came.
        foreign: by stream, the run under its id that is none of ours; what lies behind it is not read.
    """

    def __init__(self, client: Client | None) -> None:
        self._client = client
        self.answering = True
        self.foreign: dict[str, str] = {}

    @property
    def there(self) -> bool:
        """Tell whether there is an engine that has answered until now."""
        return self._client is not None

    async def length(self, stream: str, archived: dict[str, None]) -> int | None:
        """Return how many events the current run has that the archive does not hold; None where there is none."""
        client = self._client
        if client is None:
            return None
        try:
            description = await client.get_workflow_handle(stream).describe(rpc_timeout=ANSWER_WITHIN)
        except RPCError as error:
            self._note(error)
            return None
        return None if description.run_id in archived else description.history_length

    async def runs(self, stream: str, archived: dict[str, None]) -> list[Run]:
        """Fetch the runs that are not archived: the current one and those before it, oldest first."""
        client = self._client  # kept: while this stream is read, another one may find the engine gone
        if client is None:
            return []
        found: dict[str, Run] = {}
        try:
            for _ in range(ROUNDS):
                description = await client.get_workflow_handle(stream).describe(rpc_timeout=ANSWER_WITHIN)
                run_id: str | None = description.run_id
                newest: Run | None = None
                while run_id is not None and run_id not in archived and run_id not in found:
                    _, text = await export_history(client, stream, run_id)
                    try:
                        run = found[run_id] = read_run(stream, run_id, text)
                    except ValueError:
                        self.foreign[stream] = run_id
                        break
                    newest = newest or run
                    run_id = run.predecessor
                if newest is None or newest.closed_by != CONTINUED:
                    break
        except RPCError as error:
            self._note(error)  # what is missing shows where the runs are joined
        return sorted(found.values(), key=lambda run: run.number)

    async def state(self, run: Run) -> dict[str, Any] | None:
        """Return a live run's own state; None where nobody answers."""
        if self._client is None or not self.answering:
            return None
        handle = self._client.get_workflow_handle(run.workflow, run_id=run.run)
        try:
            state: dict[str, Any] = await handle.query(
                QUERY_STATE, result_type=dict[str, Any], rpc_timeout=ANSWER_WITHIN
            )
        except (RPCError, WorkflowQueryFailedError):
            self.answering = False
            return None
        return state

    def _note(self, error: RPCError) -> None:
        """Give the engine up where it is not there at all; a workflow that it does not know is no reason."""
        if error.status != RPCStatusCode.NOT_FOUND:
            self._client = None
