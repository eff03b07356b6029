"""Runs the command line inside the test's process: its whole way from the arguments to the exit code."""

from __future__ import annotations

import asyncio
import inspect
import json
from dataclasses import dataclass
from typing import Any

import cli.commands
import cli.entry
from cli.commands import Entry


@dataclass(frozen=True)
class Told:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        return json.loads(self.out)


def command_line(monkeypatch, capsys, *entries: Entry):
    """Return a function that runs a command; `entries` are added where the table has not got them."""
    names = {entry.name for entry in cli.commands.COMMANDS}
    table = (*cli.commands.COMMANDS, *(entry for entry in entries if entry.name not in names))
    monkeypatch.setattr(cli.commands, "COMMANDS", table)
    monkeypatch.setattr(cli.entry, "COMMANDS", table)

    def run(*arguments: object) -> Told:
        result = cli.entry.run([str(argument) for argument in arguments])
        code = asyncio.run(_awaited(result)) if inspect.isawaitable(result) else result
        told = capsys.readouterr()
        return Told(code, told.out, told.err)

    return run


async def _awaited(result: Any) -> int:
    return await result
