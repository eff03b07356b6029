"""A look at a whole file by the rules, before the first of its commands is given.

The engine takes one command at a time; a file that needs several is played here on a copy of the stream's present
state by the same machine, so that a bad row in its last part, or one that contradicts an earlier row, does not leave
its first part recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from cli.refusals import refused_of
from client import CampaignClient
from domain.deciders import decider_of
from domain.machine import Machine
from domain.refusal import Refusal
from domain.stream import Carry, fold
from domain.time import instant

T = TypeVar("T")
Given = tuple[T, dict[str, Any]]


async def precheck(client: CampaignClient, stream: str, commands: Sequence[Given[T]]) -> list[tuple[Given[T], Refusal]]:
    """Return the commands that the rules would refuse in this order, with why; those on record already are passed."""
    found = await client.state(stream)
    if found["state"] is None:
        return []
    decider = decider_of(stream)
    carry = Carry(stream=stream, kind=decider.kind, version=found["version"], hash=found["hash"], state=found["state"])
    machine = Machine(decider, carry)
    now = instant(found["now"])
    known = {envelope["command_id"] async for envelope in client.ledger.events(stream)}
    refused: list[tuple[Given[T], Refusal]] = []
    for given in commands:
        if given[1]["command_id"] in known:
            continue
        try:
            refusal = refused_of(machine.submit(given[1], now))
        except Refusal as unrecorded:
            refusal = unrecorded
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
    try:
        machine.submit(command, instant(envelope["recorded_at"]))
    except Refusal as refusal:
        return refusal if refusal.code == "ROWS_REFUSED" else None
    return None
