"""Who did what when, one line for each act, each line naming its events (FEATURES A13).

Technical events are folded: what one command wrote for a list of pupils is one line with its number, and what the
system passes on between a school's own streams is one line for each school and cause, and what a dispatcher of notices
tells of its days is one line for each channel and month. Nothing is left out: the
counts of all lines add up to the events, and every event's id stands in exactly one line.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Iterator, Sequence

from pydantic import BaseModel, ConfigDict

from domain.event_sentences import event_sentence, foldable, folded_sentence, is_bookkeeping
from domain.events import Envelope, event_id
from domain.sending_events import DISPATCH
from ledger.store import Ledger


class LineActor(BaseModel):
    """Who acted: references and roles only."""

    model_config = ConfigDict(frozen=True)

    id: str
    role: str
    organisation: str
    on_behalf_of: str | None = None


class Line(BaseModel):
    """One line of the timeline.

    Attributes:
        at: when it happened; of several events, the first.
        recorded_at: when it was recorded.
        event: `{stream}#{version}`, or `{stream}#{first}-{last}` for several of one stream; of several streams, the
            first stream's.
        events: all of them, one text for each unbroken piece of a stream.
        count: how many events the line tells.
        type: the type of the first event.
        message: the sentence.
    """

    model_config = ConfigDict(frozen=True)

    at: str
    recorded_at: str
    event: str
    events: tuple[str, ...]
    count: int
    actor: LineActor
    type: str
    message: str


async def read_timeline(
    ledger: Ledger, campaign: str, lang: str, *, school: str | None = None, student: str | None = None
) -> list[Line]:
    """Return a campaign's timeline.

    Args:
        ledger: the record.
        campaign: the campaign's id.
        lang: language of the sentences, "zh" or "en".
        school: only this school's streams and the campaign's own events about it.
        student: only events that mention this pupil's reference, unfolded: each is a fact of one person's file.
    """
    if student is not None:
        found = [envelope for envelope in await ledger.mentions(campaign, student) if _of_school(envelope, school)]
        return timeline(found, lang, fold=False)
    envelopes = [
        envelope
        for stream in await ledger.streams(campaign)
        if school is None or stream == campaign or _is_of(stream, school)
        async for envelope in ledger.events(stream)
        if _of_school(envelope, school)
    ]
    return timeline(envelopes, lang)


def timeline(envelopes: Iterable[Envelope], lang: str, *, fold: bool = True) -> list[Line]:
    """Tell events in the order of recorded time; with `fold`, technical ones together at the place of the first."""
    ordered = in_order(envelopes)
    groups = _folded(ordered) if fold else [[envelope] for envelope in ordered]
    return [_line(group, lang) for group in groups]


def in_order(envelopes: Iterable[Envelope]) -> list[Envelope]:
    """Return events by recorded time, then stream and version; one never comes before its cause of the same instant.

    A rehearsal's clock stands still while news travels, so that an effect is often as old as its cause.
    """
    by_time = sorted(envelopes, key=lambda envelope: (envelope["recorded_at"], envelope["stream"], envelope["version"]))
    instants = itertools.groupby(by_time, key=lambda envelope: envelope["recorded_at"])
    return [envelope for _, together in instants for envelope in _causes_first(list(together))]


# -- inside -------------------------------------------------------------------------------------------------------


def _causes_first(together: Sequence[Envelope]) -> Iterator[Envelope]:
    """Yield the events of one instant, the smallest stream first whose causes are told (Kahn's order)."""
    places = {_id(envelope): number for number, envelope in enumerate(together)}
    waits: dict[int, int] = {}
    followers: dict[int, list[int]] = {}
    for number, envelope in enumerate(together):
        before = (event_id(envelope["stream"], envelope["version"] - 1), envelope["causation"])
        needed = {places[name] for name in before if name in places}
        waits[number] = len(needed)
        for earlier in needed:
            followers.setdefault(earlier, []).append(number)
    ready = [number for number, count in waits.items() if not count]
    told: dict[int, None] = {}
    while ready:
        number = heapq.heappop(ready)
        told[number] = None
        yield together[number]
        for follower in followers.get(number, ()):
            waits[follower] -= 1
            if not waits[follower]:
                heapq.heappush(ready, follower)
    # causes in a circle can only be forged; `audit replay` names them, the timeline still tells the events
    yield from (envelope for number, envelope in enumerate(together) if number not in told)


def _folded(ordered: Sequence[Envelope]) -> list[list[Envelope]]:
    """Put together what one line tells, each group at the place of its first event."""
    causes = {_id(envelope): envelope["causation"] for envelope in ordered}
    groups: list[list[Envelope]] = []
    passed_on: dict[tuple[str, str], list[Envelope]] = {}
    last_of: dict[str, list[Envelope]] = {}
    for envelope in ordered:
        if is_bookkeeping(envelope["type"]):
            key = (_school_of(envelope) or "", _root(envelope, causes))
            known = passed_on.get(key)
            group = passed_on[key] = [] if known is None else known
        else:
            run = last_of.get(envelope["stream"])
            group = run if run is not None and _continues(run[-1], envelope) else []
            last_of[envelope["stream"]] = group
        if not group:
            groups.append(group)
        group.append(envelope)
    return groups


def _continues(last: Envelope, envelope: Envelope) -> bool:
    """Tell whether an event is more of the same list: of the same command or message, directly behind."""
    same = ("command_id", "causation", "recorded_at", "occurred_at", "actor")
    return (
        foldable(last["type"])
        and foldable(envelope["type"])
        and envelope["version"] == last["version"] + 1
        and all(last[name] == envelope[name] for name in same)
    )


def _root(envelope: Envelope, causes: dict[str, str | None]) -> str:
    """Return the first cause that can be followed to; of a dispatcher's news, which come daily, sender and month."""
    own = _id(envelope)
    sender = (envelope["causation"] or "").rpartition("#")[0]
    if f"/{DISPATCH}/" in sender:
        return f"{sender} {envelope['recorded_at'][:7]}"
    seen = {own: None}
    name, cause = own, causes[own]
    while cause is not None and cause not in seen:
        seen[cause] = None
        name, cause = cause, causes.get(cause)
    return name


def _line(group: Sequence[Envelope], lang: str) -> Line:
    first = group[0]
    pieces = _pieces(group)
    actor = first["actor"]
    return Line(
        at=first["occurred_at"],
        recorded_at=first["recorded_at"],
        event=pieces[0],
        events=pieces,
        count=len(group),
        actor=LineActor.model_validate({name: actor.get(name) for name in LineActor.model_fields}),
        type=first["type"],
        message=event_sentence(first, lang) if len(group) == 1 else folded_sentence(group, lang),
    )


def _pieces(group: Sequence[Envelope]) -> tuple[str, ...]:
    """Name the events, the unbroken pieces of a stream as `{stream}#{first}-{last}`."""
    pieces: list[tuple[str, int, int]] = []
    for envelope in group:
        stream, version = envelope["stream"], envelope["version"]
        if pieces and pieces[-1][0] == stream and pieces[-1][2] == version - 1:
            pieces[-1] = (stream, pieces[-1][1], version)
        else:
            pieces.append((stream, version, version))
    return tuple(
        event_id(stream, first) if first == last else f"{event_id(stream, first)}-{last}"
        for stream, first, last in pieces
    )


def _id(envelope: Envelope) -> str:
    return event_id(envelope["stream"], envelope["version"])


def _school_of(envelope: Envelope) -> str | None:
    """Return the code of the school that an event is about, None for the whole campaign."""
    parts = envelope["stream"].split("/")[3:]
    if parts:
        return str(parts[0])
    school = envelope["data"].get("school")
    return None if school is None else str(school)


def _of_school(envelope: Envelope, school: str | None) -> bool:
    return school is None or _school_of(envelope) == school


def _is_of(stream: str, school: str) -> bool:
    return stream.split("/")[3:4] == [school]
