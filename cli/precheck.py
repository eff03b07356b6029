"""A look at several commands by the rules, before the first of them is given.

The engine takes one command at a time; a file that needs several is checked here against the stream's present state
with the same deciders, so that a bad row in its last part does not leave its first part recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from client import CampaignClient
from domain.deciders import decider_of
from domain.refusal import Refusal
from domain.time import instant

T = TypeVar("T")
Given = tuple[T, dict[str, Any]]

DEPENDENT = ("invite",)
"""Commands that need an earlier one of the same file."""


async def precheck(client: CampaignClient, stream: str, commands: Sequence[Given[T]]) -> list[tuple[Given[T], Refusal]]:
    """Return the commands that the rules would refuse now, with why; those in the record already are left out."""
    found = await client.state(stream)
    if found["state"] is None:
        return []
    decider = decider_of(stream)
    now = instant(found["now"])
    refused: list[tuple[Given[T], Refusal]] = []
    for given in commands:
        raw = given[1]
        if raw["kind"] in DEPENDENT:
            continue
        try:
            state = decider.state_type.model_validate(found["state"])
            decider.decide(state, decider.commands.validate_python(raw), now)
        except Refusal as refusal:
            refused.append((given, refusal))
    if not refused:
        return []
    known = {envelope["command_id"] async for envelope in client.ledger.events(stream)}
    return [
        (given, refusal) for given, refusal in refused if given[1]["command_id"] not in known and not refusal.recorded
    ]
