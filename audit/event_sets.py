"""The set of events that a figure rests on, and its root: why 37 and not 39 (FEATURES idea 10).

The root is the one of RFC 6962 over the events' canonical lines, as a head has it (`audit.leaves`), in the order in
which one head would take them in: by stream, then by version. Whoever has the lines makes it again, from a ledger or
from a bundle; whoever changes, drops or adds one event of the set has another.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from audit.merkle import Edge, leaf_hash
from domain.events import Envelope, canonical_text, digest, event_id


@dataclass(frozen=True)
class EventSet:
    """Events without their texts.

    Attributes:
        leaves: (stream, version, the event's own hash, hash of its leaf), in the order of the leaves, each event once.
        policies: the versions of the policy that the events were decided under: (id, version, parameter hash).
    """

    leaves: tuple[tuple[str, int, str, bytes], ...] = ()
    policies: tuple[tuple[str, int, str], ...] = ()

    @classmethod
    def of(cls, events: Collection[Envelope]) -> EventSet:
        """Return the set of these events.

        Raises:
            ValueError: one has no canonical form.
        """
        found = {(one["stream"], int(one["version"])): one for one in events}
        under = {(one["policy"]["id"], one["policy"]["version"], one["policy"]["parameter_hash"]) for one in events}
        leaves = tuple(
            (*place, found[place]["hash"], leaf_hash(canonical_text(found[place]).encode())) for place in sorted(found)
        )
        return cls(leaves, tuple(sorted(under)))

    @classmethod
    def union(cls, sets: Iterable[EventSet]) -> EventSet:
        """Return all events of some sets: what a sum over schools rests on."""
        every = [*sets]
        leaves = sorted({leaf for one in every for leaf in one.leaves})
        return cls(tuple(leaves), tuple(sorted({policy for one in every for policy in one.policies})))

    def __len__(self) -> int:
        return len(self.leaves)

    @cached_property
    def root(self) -> str:
        """The root in lower-case hex."""
        edge = Edge()
        for *_, leaf in self.leaves:
            edge.append(leaf)
        return edge.root().hex()

    @cached_property
    def digest(self) -> str:
        """The digest of the events' ids and own hashes, by which earlier releases named a set."""
        named = sorted((event_id(stream, version), own) for stream, version, own, _ in self.leaves)
        return digest([list(one) for one in named])

    def as_data(self) -> dict[str, Any]:
        """Return which policies they were decided under, how many there are, and their root."""
        names = ("id", "version", "parameter_hash")
        policies = [dict(zip(names, policy, strict=True)) for policy in self.policies]
        return {"policies": policies, "events": len(self), "root": self.root}
