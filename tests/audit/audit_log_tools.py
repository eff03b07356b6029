"""Ways to break a log that is written as plain events: another value, another actor, another time, one less or more."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from audit_small_log import CAMPAIGN, Book, Streams
from stream_samples import when

from domain.actors import SYSTEM, Actor
from domain.events import GENESIS, Envelope, Event, recomputed_hash

Break = Callable[[Streams], Envelope]
"""Changes streams in place and returns the event that an invariant has to name."""


def find(streams: Streams, kind: str, number: int = 0, **fields: Any) -> Envelope:
    """Return the event of a type, of which the data say this; the first, or another of several."""
    found = [
        event
        for events in streams.values()
        for event in events
        if event["type"] == kind and all(event["data"].get(name) == value for name, value in fields.items())
    ]
    return found[number]


def change(kind: str, number: int = 0, /, *, where: dict[str, Any] | None = None, **data: Any) -> Break:
    """Return a break that writes other data into an event, which is the one to be named."""

    def broken(streams: Streams) -> Envelope:
        event = find(streams, kind, number, **(where or {}))
        event["data"] |= data
        return event

    return broken


def by(kind: str, who: Actor, number: int = 0, /, **where: Any) -> Break:
    """Return a break that lets another person do what an event says."""

    def broken(streams: Streams) -> Envelope:
        event = find(streams, kind, number, **where)
        event["actor"] = who.model_dump(mode="json")
        return event

    return broken


def more(stream: str, event: Event, at: str, who: Actor = SYSTEM, command: str | None = None) -> Break:
    """Return a break that appends an event to a stream."""
    return lambda streams: Book(streams).write(stream, event, at, who, command)


def without(kind: str, blamed: str, /, *, where: dict[str, Any] | None = None, **then: Any) -> Break:
    """Return a break that takes an event out of its stream and names another one, which needed it."""

    def broken(streams: Streams) -> Envelope:
        gone = find(streams, kind, **(where or {}))
        relink(streams, gone["stream"], [event for event in streams[gone["stream"]] if event is not gone])
        return find(streams, blamed, **then)

    return broken


def relink(streams: Streams, stream: str, events: list[Envelope]) -> None:
    """Give a stream other events: number them, chain them, and let settlements name its last one as their basis."""
    for number, event in enumerate(events, 1):
        event |= {"version": number, "prev_hash": events[number - 2]["hash"] if number > 1 else GENESIS}
    streams[stream] = events
    for event in streams[CAMPAIGN]:
        if event["type"] == "SettlementComputed" and stream in event["data"]["basis"]:
            event["data"]["basis"][stream] = {"version": len(events), "hash": events[-1]["hash"]}


def sealed(streams: Streams) -> Streams:
    """Return streams with their chains and hashes computed anew, as a ledger takes them."""
    for stream in sorted(streams, key=lambda name: name == CAMPAIGN):
        before = GENESIS
        for event in streams[stream]:
            event["prev_hash"] = before
            before = event["hash"] = recomputed_hash(event)
        relink(streams, stream, streams[stream])
    return streams


def move(kind: str, at: str, /, **where: Any) -> Break:
    """Return a break that lets an event happen at another time; it is recorded when it was."""

    def broken(streams: Streams) -> Envelope:
        event = find(streams, kind, **where)
        event["occurred_at"] = f"{when(at).isoformat(timespec='milliseconds')}"
        return event

    return broken


def blaming(first: Break, kind: str, number: int = 0, /, **where: Any) -> Break:
    """Return a break whose consequence shows at another event."""

    def broken(streams: Streams) -> Envelope:
        first(streams)
        return find(streams, kind, number, **where)

    return broken


def broken_copy(streams: Streams, breaking: Break) -> tuple[Streams, Envelope]:
    """Return a copy of streams that is broken, and the event that an invariant has to name."""
    own = copy.deepcopy(streams)
    return own, breaking(own)
