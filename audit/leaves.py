"""Which events are the leaves of a campaign's tree, and in which order (docs/decisions/0023).

The tree grows when a head is made. What is new in it then is what every stream has gained since the head before, stream
by stream in the order of their names, each in the order of its versions. Leaves that stand in the tree never move, so
each head's tree begins with that of every earlier head. Whoever has the events and knows how far each head had come in
each stream (`Marks`) makes the same leaves again, on any machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import NamedTuple

from audit.merkle import leaf_hash

Marks = Mapping[str, int]
"""How far a tree has come: by stream, the last version that is in it."""


class Place(NamedTuple):
    """Where an event stands in the ledger."""

    stream: str
    version: int


def leaf_of(line: bytes) -> bytes:
    """Return the hash of an event's leaf: over its whole canonical text in UTF-8, its own `hash` included.

    The text rather than the event's hash: the tree then stands by itself. Whoever verifies it hashes what is in front
    of them, line by line, and needs neither to read JSON nor to trust how an event's own hash is made.
    """
    return leaf_hash(line)


def order_of(new_events: Iterable[Place]) -> list[Place]:
    """Return the order in which a head takes in the events that no earlier head has.

    By stream, code point by code point (a database's collation may differ: it must not sort), then by version.

    Raises:
        ValueError: an event is named twice, a version is below 1, or a stream's versions have a gap: an event that is
            left out now would have to come after its successors later.
    """
    ordered = sorted(new_events)
    for before, place in pairwise(ordered):
        if before.stream == place.stream and before.version + 1 != place.version:
            raise ValueError(f"{place.stream}: version {place.version} does not follow {before.version}")
    if any(place.version < 1 for place in ordered):
        raise ValueError("versions begin with 1")
    return ordered


def gained(before: Marks, after: Marks) -> list[Place]:
    """Return the leaves that a head adds to the head before it, in their order.

    Raises:
        ValueError: a stream that the earlier head had is shorter or gone: the ledger has lost events, and no head may
            be made of what is left.
    """
    for stream, version in before.items():
        if after.get(stream, 0) < version:
            raise ValueError(f"{stream}: version {version} is in an earlier head and is gone")
    return order_of(
        Place(stream, version)
        for stream, last in after.items()
        for version in range(before.get(stream, 0) + 1, last + 1)
    )
