"""A client that writes down every answer it gives, at once: what was acknowledged must be in the ledger for ever."""

from __future__ import annotations

import json
from pathlib import Path

from client import CampaignClient, NotRecordedError


class Witness(CampaignClient):
    """Notes each acknowledged command and tick, one JSON object a line, in a file that survives the process."""

    def __init__(self, engine, ledger, path: Path) -> None:
        super().__init__(engine, ledger)
        self._path = path

    async def launch(self, draft, actor, command_id, *, clock="engine", started_at=None):
        """Launch, again where the worker was dead for so long that the first event did not come in time."""
        while True:
            try:
                return await super().launch(draft, actor, command_id, clock=clock, started_at=started_at)
            except NotRecordedError:
                continue

    async def submit_unrecorded(self, stream, command, *, at=None):
        """Give the command, and note what was answered."""
        answer = await super().submit_unrecorded(stream, command, at=at)
        self._note(answer, command["command_id"])
        return answer

    async def tick(self, stream, at, absorb=()):
        """Tick, and note what was answered."""
        answer = await super().tick(stream, at, absorb)
        self._note(answer, None)
        return answer

    def _note(self, answer, command_id) -> None:
        with self._path.open("a") as notes:
            notes.write(json.dumps({"command_id": command_id, **answer.receipt.model_dump()}) + "\n")
