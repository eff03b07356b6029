"""The tamper table of the ledger: what somebody does to an event's row, for every type, named at its place.

`audit replay` reads the rows in the same form (`audit.rows.Record`) and hands them to the same functions. That they are
read so from a ledger's file, and that a whole year's replay names these places, `test_audit_tamper` shows.
"""

from __future__ import annotations

import dataclasses
import json

import pytest
from audit_every_type import parts
from audit_small_log import CAMPAIGN
from bundle_maker import rehashed

from audit.bundle.writer import schemas
from audit.compare import compare_histories
from audit.report import Findings
from audit.rows import read_record
from audit.runs import COMPLETED, Run
from audit.verify import _check_chain, verify
from domain.events import GENESIS, canonical_text
from ledger.histories import RunStart
from ledger.store import Ledger

COLUMNS = ("stream", "version", "type", "occurred_at", "recorded_at", "prev_hash", "hash")


@pytest.fixture(scope="module")
def campaigns():
    """Small campaigns that have all types among them."""
    return parts()


@pytest.fixture(scope="module")
def rows(campaigns):
    """The rows of each of their streams, by the number of the campaign."""
    return [{stream: rows_of(events) for stream, events in part.streams.items()} for part in campaigns]


def row_of(event):
    """Return the row of an event as the ledger writes it."""
    columns = {name: event[name] for name in COLUMNS}
    return columns | {"campaign": CAMPAIGN, "student": event["data"].get("student"), "body": canonical_text(event)}


def rows_of(events):
    """Return a stream's rows."""
    return [row_of(event) for event in events]


def places(found):
    """Return the places of differences."""
    return [(one.kind, one.workflow, one.version, one.field) for one in found.differences]


# -- what the rows say against each other -----------------------------------------------------------------------------
# Each takes a stream's rows, the event's number among them, and the event; and returns version and field to be named.


def change_the_text(rows, at, event):
    """Something else in the event, whose hash stays."""
    rows[at]["body"] = canonical_text(event | {"data": event["data"] | {"forged": 1}})
    return event["version"], "hash"


def change_and_rehash_the_row(rows, at, event):
    """The same with a hash that fits: the next one does not join."""
    rows[at] = row_of(rehashed(event | {"data": event["data"] | {"forged": 1}}))
    return event["version"] + 1, "prev_hash"


def change_the_clock(rows, at, event):
    """Another hour of the record, in text, column and hash."""
    rows[at] = row_of(rehashed(event | {"recorded_at": event["recorded_at"].replace("+08:00", "+08:01")}))
    return event["version"] + 1, "prev_hash"


def change_the_columns_clock(rows, at, event):
    """Another hour beside the text, by which rows are found."""
    rows[at]["occurred_at"] = event["occurred_at"].replace("+08:00", "+08:01")
    return event["version"], "occurred_at"


def change_the_columns_type(rows, at, event):
    """Another type beside the text."""
    rows[at]["type"] = "NothingHappened"
    return event["version"], "type"


def flip_a_bit(rows, at, event):
    """One bit of the text."""
    body = rows[at]["body"].encode()
    place = body.index(b'"actor":{"') + len(b'"actor":{"')
    rows[at]["body"] = (body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]).decode()
    return event["version"], "hash"


def write_it_otherwise(rows, at, event):
    """The same JSON with a space."""
    rows[at]["body"] = rows[at]["body"].replace('"data":', '"data": ', 1)
    return event["version"], "body"


def drop(rows, at, event):
    """One row less."""
    del rows[at]
    return event["version"], "version"


def swap(rows, at, event):
    """Two events in each other's row."""
    rows[at]["body"], rows[at + 1]["body"] = rows[at + 1]["body"], rows[at]["body"]
    return event["version"], "version"


def insert(rows, at, event):
    """One event more, chained to the one before; those behind it have other numbers, their hashes stay."""
    more = row_of(rehashed(event | {"version": event["version"] + 1}, event["hash"]))
    for later in rows[at + 1 :]:
        text = json.loads(later["body"])
        later |= {"version": text["version"] + 1, "body": canonical_text(text | {"version": text["version"] + 1})}
    rows.insert(at + 1, more)
    return event["version"] + 2, "hash"


OF_ROWS = (
    change_the_text,
    change_and_rehash_the_row,
    change_the_clock,
    change_the_columns_clock,
    change_the_columns_type,
    flip_a_bit,
    write_it_otherwise,
    drop,
    swap,
    insert,
)


@pytest.fixture(scope="module")
async def nothing(tmp_path_factory):
    """What is read of a campaign of which a ledger has no row."""
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('ledger') / 'ledger.db'}")
    try:
        return await read_record(ledger, CAMPAIGN)
    finally:
        await ledger.close()


@pytest.mark.parametrize("tamper", OF_ROWS, ids=lambda tamper: tamper.__name__)
def test_every_type_of_event_is_named_at_its_row(campaigns, rows, nothing, tamper):
    """By the chain of its stream; and of one type in each campaign by the whole of what the ledger is asked."""
    for part, untouched in zip(campaigns, rows, strict=True):
        for kind, (stream, version) in part.own.items():
            own = [dict(row) for row in untouched[stream]]
            wanted = ("ledger", stream, *tamper(own, version - 1, part.streams[stream][version - 1]))
            found = Findings()
            _check_chain(CAMPAIGN, stream, own, found)
            assert places(found)[0] == wanted, kind
            if kind == list(part.own)[-1]:
                found = Findings()
                verify(dataclasses.replace(nothing, events=untouched | {stream: own}), found)
                assert next(place for place in places(found) if place[0] == "ledger") == wanted, kind


def test_untouched_rows_of_all_registered_types_are_in_order(campaigns, rows):
    """The same check finds nothing where nothing was touched; a new type of event needs its place here."""
    assert {kind for part in campaigns for kind in part.own} == set(json.loads(schemas()))
    for part, untouched in zip(campaigns, rows, strict=True):
        for stream, events in part.streams.items():
            found = Findings()
            assert _check_chain(CAMPAIGN, stream, untouched[stream], found) == events
            assert found.differences == []


# -- what only the histories can tell ---------------------------------------------------------------------------------


def rehashed_from(events, at, changed):
    """Return a stream with another event in it, and every hash after it anew."""
    forged = [*events[:at], rehashed(changed)]
    for later in events[at + 1 :]:
        forged.append(rehashed(later, forged[-1]["hash"]))
    return forged


def rehash_the_tail(events, at):
    """Another content."""
    changed = events[at] | {"data": events[at]["data"] | {"forged": 1}}
    return rehashed_from(events, at, changed), (at + 1, "data.forged")


def move_the_tail(events, at):
    """Another hour of the record."""
    changed = events[at] | {"recorded_at": events[at]["recorded_at"].replace("+08:00", "+08:01")}
    return rehashed_from(events, at, changed), (at + 1, "recorded_at")


def cut_the_tail(events, at):
    """Nothing from the event on."""
    return events[:at], (at + 1, "missing")


def add_to_the_end(events, at):
    """Nothing behind the event but itself once more."""
    more = rehashed(events[at] | {"version": len(events) + 1}, events[-1]["hash"])
    return [*events, more], (len(events) + 1, "unexpected")


OF_STREAMS = (rehash_the_tail, move_the_tail, cut_the_tail, add_to_the_end)


@pytest.mark.parametrize("tamper", OF_STREAMS, ids=lambda tamper: tamper.__name__)
def test_every_type_of_event_is_compared_with_what_its_workflow_handed_over(campaigns, rows, tamper):
    """The chain holds and says nothing; the history names the event and the field."""
    for part, untouched in zip(campaigns, rows, strict=True):
        for kind, (stream, version) in part.own.items():
            own = part.streams[stream]
            forged, wanted = tamper(own, version - 1)
            same = min(version - 1, len(forged))
            kept = [*untouched[stream][:same], *rows_of(forged[same:])]
            found = Findings()
            _check_chain(CAMPAIGN, stream, kept, found)
            assert found.differences == [], kind
            run = Run(stream, "run-1", "", 1, None, RunStart(0, GENESIS), None, own, 0, COMPLETED, 3)
            held = {event["version"]: event for event in forged}
            texts = {row["version"]: row["body"] for row in kept}
            compare_histories(stream, held, texts, [run], found, known=max(held, default=0))
            assert places(found)[0] == ("history", stream, *wanted), kind
