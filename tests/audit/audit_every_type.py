"""An event of every registered type, in streams of the kinds that record it: no meaningful year, but sound chains.

Most are the samples that the rules' own tests wrote (`tests/golden/streams`); what no sample has stands here. The types
are shared out among several small campaigns, since whoever tampers with each type in each way reads a whole bundle, or
a whole stream, each time.
"""

from __future__ import annotations

import copy
import json
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

sys.path.append(str(Path(__file__).parents[1] / "golden"))  # for `golden_streams`

import golden_streams
from audit_log_tools import find
from audit_small_log import AT_SCHOOL, CAMPAIGN, P1, RECEIVING, Streams, good, line

from domain.aid_events import AidLine, AidLinesAdded
from domain.deciders import DECIDERS, kind_of
from domain.events import GENESIS, Envelope, Event, SignalRefused, recomputed_hash
from domain.school_events import CancellationPassedOn
from domain.settlement_events import SettlementLinesAdded
from domain.watch_events import AbsencePassedOn, SuspicionPassedOn

RELEASE: Final = "0.4.0"
"""Whose samples are taken; they are never written again."""

MOST: Final = 24
"""Types of a part: with fewer there are more bundles to be made, with more each of them takes longer to read."""

DAY: Final = date(2026, 3, 5)
PAID: Final = AidLine(
    student=P1, listed="aid-1", school=RECEIVING, payer=RECEIVING, account="acc_aaaaaaaa", months={"2026-09": 1}, fen=1
)
BY_HAND: Final[tuple[tuple[str, Event], ...]] = (
    (CAMPAIGN, SignalRefused(name="news", code="MESSAGE_MALFORMED", digest="d" * 16)),
    (CAMPAIGN, AidLinesAdded(run="aid-t1", version=1, lines=(PAID,))),
    (CAMPAIGN, SettlementLinesAdded(run="year", version=1, lines=(line(),))),
    (AT_SCHOOL, CancellationPassedOn(student=P1)),
    (AT_SCHOOL, SuspicionPassedOn(student=P1, since=DAY, by="ZERO_REPORT")),
    (AT_SCHOOL, AbsencePassedOn(student=P1, day=DAY)),
)
"""Stream and event of the types that no sample has."""

SETTLED: Final = (
    "CampaignDrafted",
    "SettlementComputed",
    "SettlementLinesAdded",
    "SettlementPublished",
    "PaymentOrdered",
    "AdjustmentComputed",
)
"""What a verifier computes again: of the year that is written by hand, where the figures agree, and in this order."""

BETWEEN: Final = "CommandRefused"
"""Any stream can have it: it ends each, so that every other event has one behind it."""


@dataclass(frozen=True)
class Part:
    """A campaign with some of the types.

    Attributes:
        own: of each of its types, the stream and the version of the event to tamper with.
    """

    streams: Streams
    own: dict[str, tuple[str, int]]


def parts() -> list[Part]:
    """Return the campaigns that have all types among them."""
    events = _one_of_each()
    kinds = list(DECIDERS)
    rest = sorted(events.keys() - set(SETTLED), key=lambda name: (kinds.index(kind_of(events[name]["stream"])), name))
    names = [*SETTLED, *rest]
    return [_part(events, names[start : start + MOST]) for start in range(0, len(names), MOST)]


def _one_of_each() -> dict[str, Envelope]:
    """Return an event of each type, not chained to anything."""
    events = {event["type"]: event for event in map(json.loads, golden_streams.lines_of(RELEASE, "samples"))}
    around = events[BETWEEN]
    for stream, event in BY_HAND:
        written = {"type": type(event).__name__, "schema": event.SCHEMA, "data": event.as_data(), "stream": stream}
        events[type(event).__name__] = around | written
    year = good()
    events |= {name: find(year, name) for name in SETTLED if name != "SettlementLinesAdded"}
    events["SettlementComputed"]["data"]["lines"] = []  # they follow, all of them
    for event in events.values():
        event["stream"] = "/".join([CAMPAIGN, *event["stream"].split("/")[3:]])
    return events


def _part(events: dict[str, Envelope], names: list[str]) -> Part:
    """Chain some types' events behind the beginning of a campaign."""
    streams: Streams = {CAMPAIGN: [events["CampaignDrafted"]]}
    own: dict[str, tuple[str, int]] = {}
    for name in names:
        stream = streams.setdefault(events[name]["stream"], [])
        if not stream or stream[0] is not events[name]:
            stream.append(events[name])
        own[name] = (events[name]["stream"], len(stream))
    chained = {stream: _chained(stream, [*said, events[BETWEEN]]) for stream, said in streams.items()}
    return Part(chained, own)


def _chained(stream: str, events: list[Envelope]) -> list[Envelope]:
    """Return copies of events as one stream; a settlement rests on the campaign's beginning."""
    chained: list[Envelope] = []
    for version, said in enumerate(events, 1):
        before = chained[-1]["hash"] if chained else GENESIS
        event = copy.deepcopy(said) | {"stream": stream, "version": version, "prev_hash": before}
        if event["type"] == "SettlementComputed":
            event["data"]["basis"] = {stream: {"version": 1, "hash": chained[0]["hash"]}}
        event["hash"] = recomputed_hash(event)
        chained.append(event)
    return chained
