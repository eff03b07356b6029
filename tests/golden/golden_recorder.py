"""Where a recording's histories and logs go: written once, into a release's own directories."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from golden_streams import HERE, packed, what_it_came_to, write_log, write_new, written
from workflows_house import Campaign, House

from engine import export_history
from ledger.histories import appended, run_start
from protocol import ACTIVITY_APPEND

HISTORIES, DISPATCH, HEADS, PATCHES = (HERE / name for name in ("histories", "dispatch", "heads", "patches"))
WITHIN = timedelta(seconds=60)


class Recorder:
    """Writes histories into one directory and remembers how many events each gave to the ledger, and the last hash."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.streams: dict[str, dict[str, Any]] = {}

    def keep(self, name: str, workflow_id: str, text: str) -> None:
        """Write one history."""
        history = json.loads(text)
        hashes = [event["hash"] for event in appended(history, ACTIVITY_APPEND)]
        self.streams[name] = {
            "workflow": workflow_id,
            "after": run_start(history).version,
            "events": len(hashes),
            "hashes": hashes[-1:],
        }
        write_new(self.directory / f"{name}.json.xz", packed(text))

    async def keep_open(self, house: House, streams: dict[str, str], clock: str) -> None:
        """Write the histories of the workflows of some kinds (kind → its stream) as they stand."""
        for kind, stream in streams.items():
            run = (await house.handle(stream).describe()).run_id
            _, text = await export_history(house.engine, stream, run)
            self.keep(f"{clock}-{kind}-open", stream, text)

    async def keep_run_before(self, house: House, streams: dict[str, str], clock: str) -> None:
        """Write the histories of the runs that the present ones have continued."""
        for kind, stream in streams.items():
            run = (await house.handle(stream).describe()).run_id
            _, text = await export_history(house.engine, stream, run)
            begun = json.loads(text)["events"][0]["workflowExecutionStartedEventAttributes"]
            _, text = await export_history(house.engine, stream, begun["continuedExecutionRunId"])
            self.keep(f"{clock}-{kind}-continued", stream, text)

    async def keep_last(self, house: House, streams: dict[str, str], clock: str) -> None:
        """Wait for the end of some workflows and write the histories of their last runs."""
        for kind, stream in streams.items():
            _, text = await asyncio.wait_for(export_history(house.engine, stream, None), WITHIN.total_seconds())
            self.keep(f"{clock}-{kind}-closed", stream, text)

    async def keep_closed(self, house: House, campaign: Campaign, streams: dict[str, str], clock: str) -> None:
        """Write histories as the archive has them: the last run, and the one before."""
        runs = await house.ledger.archived_runs(campaign.id)
        for kind, stream in streams.items():
            for state, run in zip(("closed", "continued"), reversed(runs[stream]), strict=False):
                kept = await house.ledger.archived(stream, run)
                assert kept is not None
                self.keep(f"{clock}-{kind}-{state}", stream, kept.history)

    def close(self) -> None:
        """Write down what was kept."""
        write_new(self.directory / "streams.json", written(self.streams).encode())


@dataclass(frozen=True)
class Recording:
    """Everything that one release leaves behind.

    Attributes:
        histories: of streams.
        dispatch: of dispatchers, which are no streams.
        heads: of what has heads signed, which is none either.
        patches: of runs that have gone one way of a patch.
    """

    release: str
    histories: Recorder
    dispatch: Recorder
    heads: Recorder
    patches: Recorder

    @classmethod
    def of(cls, release: str) -> Recording:
        """Begin a release's recording."""
        return cls(release, *(Recorder(place / release) for place in (HISTORIES, DISPATCH, HEADS, PATCHES)))

    async def keep_log(self, house: House, campaign: Campaign, name: str) -> None:
        """Write a campaign's whole log and what it came to."""
        streams = await house.streams(campaign.id)
        write_log(self.release, name, streams, await what_it_came_to(house.ledger, campaign.id, streams))
