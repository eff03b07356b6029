"""What the archive of histories lacks, and the fetching of it while the engine still has it (design, section 4; A15).

The workflows archive by themselves: a run its predecessor's history, a school its stages', a campaign its schools',
`close` the campaign's own. Nobody is told where one of these was cut off, or where a row of the archive was lost later.
Here every run that the engine knows, and every run that a kept history names as the one before or behind it, is looked
for. What the engine has is fetched; what neither has is named. A run that goes on is no gap: its history is kept once
it has ended, for a kept history is never replaced.

The dispatchers of notices are no streams and write no events; their histories are not kept.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from domain.deciders import kind_of
from domain.stream import UnknownEventError
from engine import EngineUnreachableError, export_history
from ledger.histories import is_closed, kept
from ledger.store import Ledger
from protocol import ACTIVITY_APPEND, SEARCH_CAMPAIGN

ANSWER_WITHIN = timedelta(seconds=10)
ENDED = ("archived", "closed")
"""What the board says of a stream whose workflow has ended."""


class MissingHistory(BaseModel):
    """A history that neither archive nor engine has; `run_id` None where nobody knows the run's id."""

    model_config = ConfigDict(frozen=True)

    workflow: str
    run_id: str | None


class ArchiveReport(BaseModel):
    """What `audit archive` answers.

    Attributes:
        campaign: the campaign's id.
        histories: how many the archive holds now.
        added: how many of them are new.
        running: streams whose last run goes on; its history follows when it ends.
        unreached: streams of which only an engine could tell whether something is missing.
        missing: what neither archive nor engine has.
    """

    model_config = ConfigDict(frozen=True)

    campaign: str
    histories: int
    added: int
    running: int
    unreached: int
    missing: tuple[MissingHistory, ...]


@dataclass(frozen=True)
class EngineRun:
    """A run as the engine lists it."""

    workflow: str
    run_id: str
    running: bool


class Histories(Protocol):
    """Where histories may still be."""

    async def runs(self, campaign: str) -> list[EngineRun]:
        """Return the runs that are known of a campaign's workflows."""
        ...

    async def latest(self, workflow: str) -> EngineRun | None:
        """Return a workflow's last run, None where nothing is known of it."""
        ...

    async def predecessor(self, run: EngineRun) -> str | None:
        """Return the run that a run continues, None for a first one."""
        ...

    async def history(self, workflow: str, run_id: str) -> str | None:
        """Return the JSON of a run's history, None where it is gone."""
        ...


class EngineHistories:
    """The histories of an engine.

    Every method raises `EngineUnreachableError` where it does not answer.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    async def runs(self, campaign: str) -> list[EngineRun]:
        """Ask the engine's index; one without our search attributes knows nothing, and each workflow is asked for."""
        listed = self._client.list_workflows(f"{SEARCH_CAMPAIGN.name} = '{campaign}'", rpc_timeout=ANSWER_WITHIN)
        try:
            return [_run(found.id, found.run_id, found.status) async for found in listed]
        except RPCError as error:
            if error.status == RPCStatusCode.INVALID_ARGUMENT:
                return []
            raise self._unreachable(error) from None

    async def latest(self, workflow: str) -> EngineRun | None:
        """Ask for the last run of a workflow."""
        try:
            found = await self._client.get_workflow_handle(workflow).describe(rpc_timeout=ANSWER_WITHIN)
        except RPCError as error:
            self._require_gone(error)
            return None
        return _run(found.id, found.run_id, found.status)

    async def predecessor(self, run: EngineRun) -> str | None:
        """Read the first event of a run, and no more of it."""
        handle = self._client.get_workflow_handle(run.workflow, run_id=run.run_id)
        try:
            async for event in handle.fetch_history_events(page_size=1, rpc_timeout=ANSWER_WITHIN):
                return event.workflow_execution_started_event_attributes.continued_execution_run_id or None
        except RPCError as error:
            self._require_gone(error)
        return None

    async def history(self, workflow: str, run_id: str) -> str | None:
        """Fetch a history."""
        try:
            _, text = await export_history(self._client, workflow, run_id)
        except RPCError as error:
            self._require_gone(error)
            return None
        return text

    def _require_gone(self, error: RPCError) -> None:
        """Pass over an answer that says: there is no such run.

        Raises:
            EngineUnreachableError: it says something else.
        """
        if error.status != RPCStatusCode.NOT_FOUND:
            raise self._unreachable(error) from None

    def _unreachable(self, error: RPCError) -> EngineUnreachableError:
        del error  # its text may name hosts
        return EngineUnreachableError(self._client.service_client.config.target_host)


def _run(workflow: str, run_id: str, status: WorkflowExecutionStatus | None) -> EngineRun:
    return EngineRun(workflow, run_id, status in (None, WorkflowExecutionStatus.RUNNING))


async def complete_archive(ledger: Ledger, campaign: str, engine: Histories | None) -> ArchiveReport:
    """Fetch what the archive lacks and name what cannot be fetched; again, it changes nothing.

    Args:
        ledger: the record, with its archive.
        campaign: the campaign's id.
        engine: where histories may still be; None looks at the archive alone.

    Raises:
        EngineUnreachableError: the engine stopped answering. What was fetched before that is kept.
    """
    held = await ledger.archived_runs(campaign)
    board = await ledger.board(campaign)
    listed: dict[str, list[EngineRun]] = {}
    for run in await engine.runs(campaign) if engine is not None else ():
        listed.setdefault(run.workflow, []).append(run)
    added = running = unreached = 0
    missing: list[MissingHistory] = []
    for stream in _streams((*board, *held, *listed)):
        chain = _Chain(ledger, stream, engine)
        await chain.read(held.get(stream, []))
        if engine is not None:
            await chain.fetch(engine, listed.get(stream, []))
        added += chain.added
        running += chain.running
        ended = board.get(stream, {}).get("status") in ENDED
        if engine is None and not chain.whole and not ended:
            unreached += 1
        else:
            missing += [MissingHistory(workflow=stream, run_id=run_id) for run_id in chain.missing()]
    return ArchiveReport(
        campaign=campaign,
        histories=sum(map(len, held.values())) + added,
        added=added,
        running=running,
        unreached=unreached,
        missing=tuple(missing),
    )


@dataclass
class _Chain:
    """The runs of one stream, as far as their histories are at hand.

    Attributes:
        named: by run that is at hand, the runs that its history names before and behind it.
        wanted: the runs that there must be.
        running: whether the stream goes on.
        ends: whether a last run is kept: one that nothing follows.
        added: how many histories are new to the archive.
    """

    ledger: Ledger
    stream: str
    engine: Histories | None
    named: dict[str, tuple[str, ...]] = field(default_factory=dict)
    wanted: dict[str, None] = field(default_factory=dict)
    running: bool = False
    ends: bool = False
    added: int = 0

    async def read(self, run_ids: Iterable[str]) -> None:
        """Read what the archive holds; bytes that are damaged name nothing, and `audit replay` names them."""
        for run_id in run_ids:
            row = await self.ledger.archived(self.stream, run_id)
            await self._note(run_id, "" if row is None else row.history)

    async def fetch(self, engine: Histories, listed: list[EngineRun]) -> None:
        """Fetch the runs that the engine lists, and then those that histories name."""
        runs = {run.run_id: run for run in listed}
        if not any(run.running for run in listed):
            latest = await engine.latest(self.stream)
            runs |= {} if latest is None else {latest.run_id: latest}
        for run in runs.values():
            if run.running:
                self.running = True
                before = await engine.predecessor(run)
                self.named[run.run_id] = () if before is None else (before,)
                self.wanted |= {} if before is None else {before: None}
            else:
                self.wanted[run.run_id] = None
        tried: dict[str, None] = {}
        while to_fetch := [run_id for run_id in self.wanted if run_id not in self.named and run_id not in tried]:
            for run_id in to_fetch:
                tried[run_id] = None
                text = await engine.history(self.stream, run_id)
                if text is not None:
                    await self._keep(run_id, text)

    async def _keep(self, run_id: str, text: str) -> None:
        """Keep a history that has ended: one that goes on would stay as it is now."""
        if not is_closed(await asyncio.to_thread(json.loads, text)):
            self.running = True
            self.named[run_id] = ()
            return
        row = await asyncio.to_thread(kept, self.stream, run_id, text, ACTIVITY_APPEND)
        self.added += await self.ledger.archive(row)
        await self._note(run_id, text)

    async def _note(self, run_id: str, text: str) -> None:
        before, behind, readable = await asyncio.to_thread(_neighbours, text)
        self.named[run_id] = tuple(name for name in (before, behind) if name)
        self.wanted |= dict.fromkeys(self.named[run_id])
        self.ends = self.ends or (readable and behind is None)

    @property
    def whole(self) -> bool:
        """Tell whether every run up to the last is at hand, or the last goes on."""
        return (self.ends or self.running) and all(run_id in self.named for run_id in self.wanted)

    def missing(self) -> list[str | None]:
        """Return the runs whose histories are nowhere; None for a stream of which no run is known."""
        lost: list[str | None] = [run_id for run_id in self.wanted if run_id not in self.named]
        return lost if lost or self.whole or self.named else [None]


def _streams(ids: Iterable[str]) -> list[str]:
    """Return the ids that are streams' ids, sorted."""
    found: dict[str, None] = {}
    for stream in ids:
        try:
            kind_of(stream)
        except UnknownEventError:
            continue
        found[stream] = None
    return sorted(found)


def _neighbours(text: str) -> tuple[str | None, str | None, bool]:
    """Return the runs before and behind a run, as its history names them, and whether it can be read."""
    try:
        events: list[dict[str, Any]] = json.loads(text)["events"]
        first = events[0]["workflowExecutionStartedEventAttributes"]
        behind = events[-1].get("workflowExecutionContinuedAsNewEventAttributes", {})
        return first.get("continuedExecutionRunId") or None, behind.get("newExecutionRunId") or None, True
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return None, None, False
