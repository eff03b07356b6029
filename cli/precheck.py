"""A look at a whole file by the rules, before the first of its commands is given.

The engine takes one command at a time; a file that needs several is played here on a copy of the stream's present
state by the same machine, so that a bad row in its last part, or one that contradicts an earlier row, does not leave
its first part recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from cli.refusals import refused_of
from client import CampaignClient
from domain.deciders import decider_of
from domain.machine import Machine
from domain.refusal import Refusal
from domain.stream import Carry, fold
from domain.time import instant

T = TypeVar("T")
Given = tuple[T, dict[str, Any]]

OF_SOME_PUPILS: Final = ("DATA_UNKNOWN_NEEDS_HELP", "REASON_REQUIRED")
"""Refusals of a list of pupils that some of them cause, and that do not say which."""


async def precheck(client: CampaignClient, stream: str, commands: Sequence[Given[T]]) -> list[tuple[Given[T], Refusal]]:
    """Return the commands that the rules would refuse in this order, with why; those on record already are passed."""
    present = await _present(client, stream)
    if present is None:
        return []
    machine, now = present
    known = {envelope["command_id"] async for envelope in client.ledger.events(stream)}
    refused: list[tuple[Given[T], Refusal]] = []
    for given in commands:
        if given[1]["command_id"] in known:
            continue
        try:
            refusal = refused_of(machine.submit(given[1], now))
        except Refusal as unrecorded:
            refusal = by_row(machine, given[1], unrecorded, now)
        else:
            if refusal is not None:
                refusal.recorded = True
        if refusal is not None:
            refused.append((given, refusal))
    return refused


async def refused_then(client: CampaignClient, stream: str, later: str, command: dict[str, Any]) -> Refusal | None:
    """Return why a command was refused just before another one, whose id is given, went on record in its place.

    None where the record does not hold the other one, or no row of it would have been refused.
    """
    before = []
    async for envelope in client.ledger.events(stream):
        if envelope["command_id"] == later:
            break
        before.append(envelope)
    else:
        return None
    decider = decider_of(stream)
    carry = Carry(stream=stream, kind=decider.kind, version=len(before), hash=before[-1]["hash"])
    machine = Machine(decider, carry)
    machine.state = fold(decider, before)
    then = instant(envelope["recorded_at"])
    try:
        machine.submit(command, then)
    except Refusal as refusal:
        named = by_row(machine, command, refusal, then)
        return named if named.code == "ROWS_REFUSED" else None
    return None


async def with_rows(client: CampaignClient, stream: str, command: dict[str, Any], refusal: Refusal) -> Refusal:
    """Return a refusal that the engine has just given with the rows that cause it, where `by_row` can tell them."""
    present = await _present(client, stream) if refusal.code in OF_SOME_PUPILS else None
    return refusal if present is None else by_row(present[0], command, refusal, present[1])


def by_row(machine: Machine[Any], command: dict[str, Any], refusal: Refusal, now: datetime) -> Refusal:
    """Return a refusal that some pupils of a list cause as one that names their rows; another one as it is.

    Args:
        machine: the stream as it stood when the command was refused; it is not changed.
        command: the command, which lists its pupils in `students`.
        refusal: why it was refused.
        now: when it was refused.
    """
    if refusal.code not in OF_SOME_PUPILS or "students" not in command:
        return refusal
    rows: list[dict[str, Any]] = []
    for number, student in enumerate(command["students"]):
        alone = machine.decider.commands.validate_python({**command, "students": [student]})
        try:
            machine.decider.decide(machine.state, alone, now)
        except Refusal as its_own:
            rows.append({"row": number, "code": its_own.code, "parameters": its_own.parameters})
    return Refusal("ROWS_REFUSED", count=len(rows), rows=rows)


async def _present(client: CampaignClient, stream: str) -> tuple[Machine[Any], datetime] | None:
    """Return a copy of a stream at work and its present, None where it has not begun."""
    found = await client.state(stream)
    if found["state"] is None:
        return None
    decider = decider_of(stream)
    carry = Carry(stream=stream, kind=decider.kind, version=found["version"], hash=found["hash"], state=found["state"])
    return Machine(decider, carry), instant(found["now"])
