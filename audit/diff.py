"""What has changed between two moments of a record, or between two records of the same campaign.

Both sides are folded from the events alone, as `audit.as_of` folds them: what was known then. An event that one side
has and the other has not, or has with another hash, is counted by school and type; of each stream it is told what its
line of the board says now and said before, and which parts of the state of which pupil are others. The same moment
twice gives no difference at all, byte for byte.

For two records (two bundles) the same function takes the events of each: what is lost or altered between them has no
place in a ledger that only grows, and is counted beside what it has gained.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from audit.as_of import Side, parts_of
from audit.counts import recorded
from audit.figures import Figures, figure_changes, figures
from domain.canonical import canonical
from domain.events import Envelope
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


@dataclass(frozen=True)
class Diff:
    """What differs between two records.

    Attributes:
        events: `{school, type, gained, lost, altered}` by school (None: the campaign and its cases) and type.
        streams: of each stream that differs `{stream, version: [was, is], changes, pupils, not_computable}`.
            `changes` are `{path, was, is}` of its line of the board; `pupils` `{student, changes}` of their parts of
            its state; `not_computable` names the sides ("was", "is") that the rules cannot fold.
        settlement: what `audit.figures.figure_changes` tells; None where figures were not asked for.
    """

    events: list[Row]
    streams: list[Row]
    settlement: Row | None

    @property
    def bytes(self) -> bytes:
        """The differences in their canonical form (RFC 8785)."""
        return canonical({"events": self.events, "streams": self.streams, "settlement": self.settlement})


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
    money: Money | None = None,
) -> Diff:
    """Tell what a campaign's record has gained between two moments.

    Args:
        ledger: the record.
        campaign: the campaign's id.
        times: the two moments; what was recorded at exactly a moment counts as known then.
        school: only this school's streams.
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
    told = compare(*known)
    if money is None:
        return told
    (was, _), (is_, least) = [await _figures(ledger, campaign, time) for time in times]
    return Diff(told.events, told.streams, figure_changes(was, is_, least if money.outside else None))


def compare(before: Streams, after: Streams) -> Diff:
    """Tell two records of a campaign apart, each stream's events in the order of their versions."""
    differing = [stream for stream in sorted({**before, **after}) if _hashes(before, stream) != _hashes(after, stream)]
    return Diff(
        events=_events(before, after, differing),
        streams=[_stream(stream, before.get(stream, ()), after.get(stream, ())) for stream in differing],
        settlement=None,
    )


# -- inside -------------------------------------------------------------------------------------------------------


async def _figures(ledger: Ledger, campaign: str, time: datetime) -> tuple[Figures, int | None]:
    """Return what a trial settlement computes at a moment, and the least cell; nothing before the campaign began."""
    try:
        found = await recorded(ledger, campaign, time)
    except UnknownEventError:
        return Figures(), None
    policy = policy_on(found.state, civil(time))
    return figures(found, policy), policy.parameters.minimum_cell


def _events(before: Streams, after: Streams, differing: Iterable[str]) -> list[Row]:
    counts: dict[str, Counter[tuple[str, str]]] = {"gained": Counter(), "lost": Counter(), "altered": Counter()}
    for stream in differing:
        was = {envelope["version"]: envelope for envelope in before.get(stream, ())}
        is_ = {envelope["version"]: envelope for envelope in after.get(stream, ())}
        for version in {**was, **is_}:
            old, new = was.get(version), is_.get(version)
            envelope = new or old
            if envelope is None or (old is not None and new is not None and old["hash"] == new["hash"]):
                continue
            kind = "gained" if old is None else "lost" if new is None else "altered"
            counts[kind][_school(stream, envelope) or "", envelope["type"]] += 1
    places = sorted({place: None for counter in counts.values() for place in counter})
    return [
        {"school": school or None, "type": type_, **{kind: counter[school, type_] for kind, counter in counts.items()}}
        for school, type_ in places
    ]


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
    elif was != is_ or type(was) is not type(is_):
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
