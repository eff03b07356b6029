"""What has changed between two moments of a record, or between two records of the same campaign.

Both sides are folded from the events alone, as `audit.as_of` folds them: what was known then. An event that one side
has and the other has not, or has with another hash, is counted by school and type; of each stream it is told what its
line of the board says now and said before, and which parts of the state of which pupil are others. The same moment
twice gives no difference at all, byte for byte.

For two records (two bundles) the same function takes the events of each: what is lost or altered between them has no
place in a ledger that only grows, and is counted beside what it has gained (`audit.two_bundles`).

Of one pupil it is told which events speak of the reference, event by event, and what they changed in the pupil's own
parts of each state; lines of the board are about others too and are left out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from audit.as_of import Side, parts_of
from audit.counts import recorded
from audit.figures import Figures, figure_changes, figures
from domain.canonical import canonical
from domain.events import Envelope, event_id
from domain.policy_change import policy_on
from domain.stream import UnknownEventError
from domain.time import civil, instant
from ledger.store import Ledger

Row = dict[str, Any]
Streams = Mapping[str, Sequence[Envelope]]

COMPLIANCE: Final = "compliance"
"""Stands in the place of a school in the id of a case, which is the campaign's child."""

SCHOOL_DIGITS: Final = 10
"""A number so long in a path is a school's code, a shorter one a place in a list."""


KINDS: Final = ("gained", "lost", "altered")
"""What can have become of an event from one record to another."""


@dataclass(frozen=True)
class Diff:
    """What differs between two records.

    Attributes:
        events: `{school, type, gained, lost, altered}` by school (None: the campaign and its cases) and type.
        streams: of each stream that differs `{stream, version: [was, is], changes, pupils, not_computable}`.
            `changes` are `{path, was, is}` of its line of the board; `pupils` `{student, changes}` of their parts of
            its state; `not_computable` names the sides ("was", "is") that the rules cannot fold.
        settlement: what `audit.figures.figure_changes` tells; None where figures were not asked for.
        told: of one pupil: the events that only one side has, or the sides have differently: `{event, type,
            occurred_at, recorded_at, kind}`, kind as the keys of `events`. None where all were asked for.
    """

    events: list[Row]
    streams: list[Row]
    settlement: Row | None
    told: list[Row] | None = None

    @property
    def bytes(self) -> bytes:
        """The differences in their canonical form (RFC 8785)."""
        own = {} if self.told is None else {"told": self.told}
        return canonical({"events": self.events, "streams": self.streams, "settlement": self.settlement, **own})


@dataclass(frozen=True)
class Money:
    """How the figures of a settlement are told.

    Attributes:
        outside: small classes are left out (R-22), by the least cell of the later day's policy.
    """

    outside: bool = False


async def diff(
    ledger: Ledger,
    campaign: str,
    times: tuple[datetime, datetime],
    *,
    school: str | None = None,
    student: str | None = None,
    money: Money | None = None,
) -> Diff:
    """Tell what a campaign's record has gained between two moments.

    Args:
        ledger: the record.
        campaign: the campaign's id.
        times: the two moments; what was recorded at exactly a moment counts as known then.
        school: only this school's streams.
        student: only what is about this pupil.
        money: also what a trial settlement of the whole county computes at both, each by the policy of its day.
    """
    known: tuple[dict[str, list[Envelope]], ...] = ({}, {})
    for stream in await ledger.streams(campaign):
        if school is not None and _school(stream) != school:
            continue
        async for envelope in ledger.events(stream):
            recorded_at = instant(envelope["recorded_at"])
            for side, time in zip(known, times, strict=True):
                if recorded_at <= time:
                    side.setdefault(stream, []).append(envelope)
    told = compare(*known, student=student)
    if money is None:
        return told
    (was, _), (is_, least) = [await settled(ledger, campaign, time) for time in times]
    return replace(told, settlement=figure_changes(was, is_, least if money.outside else None))


def compare(before: Streams, after: Streams, *, student: str | None = None) -> Diff:
    """Tell two records of a campaign apart, each stream's events in the order of their versions.

    Args:
        before: the one, by stream.
        after: the other.
        student: only what is about this pupil.
    """
    differing = [stream for stream in sorted({**before, **after}) if _hashes(before, stream) != _hashes(after, stream)]
    changes = [
        change
        for stream in differing
        for change in _changes(before, after, stream)
        if student is None or _is_about(change.envelope, student)
    ]
    streams = [_stream(stream, before.get(stream, ()), after.get(stream, ())) for stream in differing]
    if student is None:
        return Diff(events=_counted(changes), streams=streams, settlement=None)
    told = sorted((change.as_data() for change in changes), key=lambda row: (row["recorded_at"], row["event"]))
    return Diff(events=_counted(changes), streams=_own(streams, changes, student), settlement=None, told=told)


def taken_back(before: Streams, after: Streams) -> list[Row]:
    """Return the events of the first record that the second has not, or has otherwise, as `Diff.told` names them."""
    return [
        change.as_data()
        for stream in sorted(before)
        for change in _changes(before, after, stream)
        if change.kind != "gained"
    ]


async def settled(ledger: Ledger, campaign: str, time: datetime | None = None) -> tuple[Figures, int | None]:
    """Return what a trial settlement computes, and the least cell; nothing before the campaign began.

    Args:
        ledger: the record.
        campaign: the campaign's id.
        time: as it was known then, by the policy of that day; None takes all, and the policy in force.
    """
    try:
        found = await recorded(ledger, campaign, time)
    except UnknownEventError:
        return Figures(), None
    policy = found.state.policy if time is None else policy_on(found.state, civil(time))
    return figures(found, policy), policy.parameters.minimum_cell


def of_school(streams: Streams, school: str) -> dict[str, Sequence[Envelope]]:
    """Return the streams that are one school's own."""
    return {stream: envelopes for stream, envelopes in streams.items() if _school(stream) == school}


# -- inside -------------------------------------------------------------------------------------------------------


class _Change(NamedTuple):
    """An event that the two records have not alike, and how: a key of the rows of `Diff.events`."""

    envelope: Envelope
    kind: str

    def as_data(self) -> Row:
        """Return it as a pupil's differences name it."""
        envelope = self.envelope
        names = ("type", "occurred_at", "recorded_at")
        place = event_id(envelope["stream"], envelope["version"])
        return {"event": place, **{name: envelope[name] for name in names}, "kind": self.kind}


def _changes(before: Streams, after: Streams, stream: str) -> Iterator[_Change]:
    was = {envelope["version"]: envelope for envelope in before.get(stream, ())}
    is_ = {envelope["version"]: envelope for envelope in after.get(stream, ())}
    for version in {**was, **is_}:
        old, new = was.get(version), is_.get(version)
        envelope = new or old
        if envelope is None or (old is not None and new is not None and old["hash"] == new["hash"]):
            continue
        yield _Change(envelope, "gained" if old is None else "lost" if new is None else "altered")


def _counted(changes: Iterable[_Change]) -> list[Row]:
    counts: dict[tuple[str, str], Counter[str]] = {}
    for envelope, kind in changes:
        place = (_school(envelope["stream"], envelope) or "", envelope["type"])
        counts.setdefault(place, Counter())[kind] += 1
    return [
        {"school": school or None, "type": type_, **{kind: counter[kind] for kind in KINDS}}
        for (school, type_), counter in sorted(counts.items())
    ]


def _own(streams: Iterable[Row], changes: Iterable[_Change], student: str) -> list[Row]:
    """Return what changed of one pupil, without the lines of the board, which are about others too."""
    speaking = {change.envelope["stream"]: None for change in changes}
    found = []
    for row in streams:
        pupils = [one for one in row["pupils"] if one["student"] == student]
        if pupils or (row["not_computable"] and row["stream"] in speaking):
            found.append({**row, "changes": [], "pupils": pupils})
    return found


def _is_about(envelope: Envelope, student: str) -> bool:
    """Tell whether an event speaks of a pupil, acts for one, or stands in a stream that is the pupil's own."""
    own = envelope["stream"].rpartition("/")[2]  # a second case of the same pupil has "-2" behind the reference
    return own == student or own.startswith(f"{student}-") or _names(envelope, student)


def _names(value: Any, student: str) -> bool:
    match value:
        case dict():
            return student in value or any(_names(part, student) for part in value.values())
        case list() | tuple():
            return any(_names(part, student) for part in value)
        case _:
            return bool(value == student)


def _stream(stream: str, before: Sequence[Envelope], after: Sequence[Envelope]) -> Row:
    was, is_ = Side.fold(stream, before), Side.fold(stream, after)
    old, new = _named(was.state), _named(is_.state)
    students = {
        student: [*differences(old.get(student, {}), new.get(student, {}))] for student in sorted({**old, **new})
    }
    broken = [name for name, side in (("was", was), ("is", is_)) if side.broken is not None]
    return {
        "stream": stream,
        "version": [_last(before), _last(after)],
        "changes": [] if broken else [*differences(was.view or {}, is_.view or {})],
        "pupils": []
        if broken
        else [{"student": student, "changes": changes} for student, changes in students.items() if changes],
        "not_computable": broken,
    }


def differences(was: Any, is_: Any, path: str = "") -> Iterator[Row]:
    """Yield the places in which two JSON values differ: what stands in an object by its path, all else as a whole."""
    if isinstance(was, dict) and isinstance(is_, dict):
        for name in sorted({**was, **is_}):
            yield from differences(was.get(name), is_.get(name), f"{path}.{name}" if path else name)
    elif was != is_ or json.dumps(was, sort_keys=True) != json.dumps(is_, sort_keys=True):  # for Python, 0 is False
        yield {"path": path, "was": was, "is": is_}


def _named(state: Row | None) -> dict[str, Row]:
    """Return the pupils' parts of a state, without a pupil's place in a list: others move it by coming and going."""
    found: dict[str, Row] = {}
    for student, parts in ({} if state is None else parts_of(state)).items():
        own: Row = {}
        for path, value in parts.items():
            names = [name for name in path.split(".") if not (name.isdigit() and len(name) < SCHOOL_DIGITS)]
            listed = len(names) < path.count(".") + 1
            place = ".".join(names)
            held = own.get(place)
            if not listed:
                own[place] = value
            elif value is True:
                own.setdefault(place, True)
            elif isinstance(held, list):
                held.append(value)
            else:
                own[place] = [value] if held in (None, True) else [held, value]
        found[student] = own
    return found


def _hashes(streams: Streams, stream: str) -> list[str]:
    return [envelope["hash"] for envelope in streams.get(stream, ())]


def _last(envelopes: Sequence[Envelope]) -> int:
    return int(envelopes[-1]["version"]) if envelopes else 0


def _school(stream: str, envelope: Envelope | None = None) -> str | None:
    """Return the code of a stream's school; of an event of the campaign, that of the school which it is about."""
    below = stream.split("/")[3:]
    if below and below[0] != COMPLIANCE:
        return below[0]
    named = None if envelope is None else envelope["data"].get("school")
    return named if isinstance(named, str) else None
