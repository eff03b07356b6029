"""The proof of a campaign: the ledger against itself, against every history, and against today's code.

Three gates stand behind one another, because each alone can be fooled (A1, A10, INV-26). The ledger's chains catch an
event that was touched. The histories, byte for byte, catch a ledger that was touched and hashed anew. The replay, with
its decisions captured, catches code that no longer decides as it did, also where the Replayer stays green.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os

from temporalio.client import Client

from audit.capture import Computed, Replays, replays
from audit.compare import compare_decisions, compare_histories, compare_live, compare_states
from audit.report import Difference, Findings, LedgerKind, ReplayKind, ReplayReport
from audit.rows import Record, event_of, read_record, read_tail
from audit.runs import CONTINUED, Live, Run, archived_runs
from audit.verify import Folded, expected_streams, fold_stream, verify
from domain.events import Envelope
from ledger.store import Ledger

__all__ = ["Difference", "ReplayReport", "replay"]

WORTH_A_PROCESS = 20_000
"""History events; below, starting a process (about a second and a half) costs more than it saves."""

LEDGER_CATCHES_UP = 5.0
"""Seconds that a live stream's own state may be ahead of the ledger."""


async def replay(
    ledger: Ledger, campaign: str, client: Client | None = None, *, processes: int | None = None
) -> ReplayReport:
    """Verify a campaign's ledger and replay all its histories against it (A1, A5, A10, INV-26).

    Args:
        ledger: the record, with its archive.
        campaign: the campaign's id.
        client: where live runs are fetched and asked for their state; None uses the archive alone.
        processes: in how many processes to replay; None chooses by the number of history events and cores.

    Returns:
        The report; `replay_ok` says nothing about the streams that `live_unreached` counts.
    """
    findings = Findings()
    record = await read_record(ledger, campaign)
    folds = verify(record, findings)
    live = Live(client)
    streams = sorted({**record.events, **record.archived, **dict.fromkeys(expected_streams(record))})
    if processes is None:
        processes = await _processes(record, live, streams)
    histories = unreached = 0
    async with replays(processes) as pool:
        audits = _Audit(ledger, record, folds, live, pool, findings)
        # One stream a process, one more that is read or compared meanwhile, and no more histories in memory than that.
        gate = asyncio.Semaphore(processes + 1 if processes > 1 else 1)

        async def one(stream: str) -> tuple[int, bool]:
            async with gate:
                return await audits.stream(stream)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(stream)) for stream in streams]
        for replayed, reached in (task.result() for task in tasks):
            histories += replayed
            unreached += not reached
    differences = sorted(
        findings.differences, key=lambda found: (found.workflow, found.version or 0, found.kind, found.field)
    )
    return ReplayReport(
        campaign=campaign,
        histories=histories,
        events=sum(len(rows) for rows in record.events.values()),
        replay_ok=findings.ok(ReplayKind),
        ledger_ok=findings.ok(LedgerKind),
        live_unreached=unreached,
        differences=differences,
        omitted=findings.omitted,
    )


class _Audit:
    """What the audits of all streams share."""

    def __init__(
        self,
        ledger: Ledger,
        record: Record,
        folds: dict[str, Folded],
        live: Live,
        pool: Replays,
        findings: Findings,
    ) -> None:
        self._ledger = ledger
        self._record = record
        self._folds = folds
        self._live = live
        self._pool = pool
        self._findings = findings

    async def stream(self, stream: str) -> tuple[int, bool]:
        """Audit one stream; return how many runs were replayed and whether its last one was reached."""
        rows = self._record.archived.get(stream, [])
        archived = {row["run_id"]: None for row in rows}
        runs = await archived_runs(self._ledger, stream, rows, self._findings)
        runs += await self._live.runs(stream, archived)
        if stream in self._live.foreign:
            self._findings.add("history", stream, "workflow", run=self._live.foreign[stream])
        runs.sort(key=lambda run: run.number)
        reached = bool(runs) and runs[-1].closed_by != CONTINUED
        computed = await self._pool.run([(run.workflow, run.text) for run in runs]) if runs else []
        state = await self._live.state(runs[-1]) if reached and runs[-1].closed_by is None else None
        needed = max([0, *(run.last_version for run in runs)])
        if state is not None:
            needed = max(needed, int(state["version"]))
        rows = self._record.events.get(stream, [])
        texts = {row["version"]: row["body"] for row in rows}
        held = {row["version"]: envelope for row in rows if (envelope := event_of(row)) is not None}
        known = max(held, default=0) if reached else 0
        await self._catch_up(stream, needed, held, texts, wait=state is not None)
        compare_histories(stream, held, texts, runs, self._findings, known=known)
        compare_decisions(stream, held, runs, computed, self._findings)
        versions = _versions(runs, computed, 0 if state is None else int(state["version"]))
        folded = self._folded(stream, held, versions)
        compare_states(stream, folded, runs, computed, self._findings)
        if reached and runs[-1].closed_by is None:
            if state is None:
                reached = False
            else:
                compare_live(stream, runs[-1], state, folded, self._findings)
        return len(runs), reached

    def _folded(self, stream: str, held: dict[int, Envelope], versions: list[int]) -> Folded:
        """Fold a stream, or take the fold that there is where nothing came after it and only its end is asked for."""
        known, last = self._folds.get(stream), max(held, default=0)
        if known is None or known.state is None or known.view is None or len(held) != known.count:
            return fold_stream(stream, held.values(), versions)
        if any(version not in (0, last) for version in versions):
            return fold_stream(stream, held.values(), versions)
        return dataclasses.replace(known, at={last: (known.state, known.view)})

    async def _catch_up(
        self, stream: str, needed: int, held: dict[int, Envelope], texts: dict[int, str], *, wait: bool
    ) -> None:
        """Read what a live stream has written since the snapshot, waiting a little for what it is still writing."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (LEDGER_CATCHES_UP if wait else 0)
        while max(held, default=0) < needed:
            for row in await read_tail(self._ledger, stream, max(held, default=0)):
                envelope = event_of(row)
                if envelope is not None:
                    held[row["version"]], texts[row["version"]] = envelope, row["body"]
            if loop.time() >= deadline:
                return
            await asyncio.sleep(0.02)


def _versions(runs: list[Run], computed: list[Computed], live: int) -> list[int]:
    """Return the versions at which the fold is compared with a state or a line of the board."""
    versions = [live, *(run.start.version for run in runs)]
    for one in computed:
        if one.end is not None:
            versions += [int(one.end["version"]), *(int(envelope["version"]) for envelope in one.events[-1:])]
    return versions


async def _processes(record: Record, live: Live, streams: list[str]) -> int:
    """Choose in how many processes to replay: one where the histories are few."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if cores == 1:
        return 1
    size = 0
    for stream in streams:
        rows = record.archived.get(stream, [])
        size += sum(row["history_events"] for row in rows)
        size += await live.length(stream, {row["run_id"]: None for row in rows}) or 0
        if size >= WORTH_A_PROCESS:
            return min(cores, len(streams))
    return 1
