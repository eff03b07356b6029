"""Whole logs of each release, read back: every event, every chain, every state, every figure is what it was."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import golden_streams as golden
import pytest
from golden_commands import histories
from golden_streams import Streams

from audit.bundle.writer import schemas
from audit.invariants import check_log
from audit.invariants.log import Log
from audit.report import Findings, first_difference
from audit.rows import read_record
from audit.verify import fold_stream, verify
from domain.application_filing_state import ApplicationFilingState, counted
from domain.deciders import DECIDERS, decider_of
from domain.events import Envelope, Event, canonical_text, digest, recomputed_hash
from domain.stage_events import StageSlug
from domain.stream import envelope_event
from ledger.histories import appended
from ledger.store import Ledger
from protocol import ACTIVITY_APPEND

RELEASES = sorted(path.name for path in golden.LOGS.iterdir())
LOGS = [f"{release}/{name}" for release in RELEASES for name in golden.names(release)]
OPEN, CLOSED = "0.4.0/engine-open", "0.4.0/stepped-closed"
NOT_IN_EVENTS = ("journal",)
"""Differences that a ledger filled from events alone must have: what became of single notices stands in no event."""


BEFORE = ("0.1.0", "0.2.0", "0.3.0")
NOWHERE = {
    "0.4.0": {"AbsencePassedOn", "AidLinesAdded", "CancellationPassedOn", "SettlementLinesAdded", "SuspicionPassedOn"}
}
"""Release → event types that neither its logs nor its samples have: only their form is kept."""


@functools.cache
def lines(log: str) -> list[str]:
    """Return a log's lines."""
    return golden.lines_of(*log.split("/"))


def streams(log: str) -> Streams:
    """Return a log's events by stream, as often as it is asked for: a test may change its own."""
    return golden.by_stream(lines(log))


@functools.cache
def then(log: str) -> dict[str, Any]:
    """Return what a log came to when it was recorded."""
    return golden.facts_of(*log.split("/"))


@pytest.fixture(params=LOGS)
async def written(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[str, Ledger]]:
    """Write each log into a ledger of its own."""
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}")
    await golden.fill(ledger, streams(request.param))
    yield request.param, ledger
    await ledger.close()


async def today(log: str, ledger: Ledger) -> dict[str, Any]:
    """Return what today's code makes of a log, without what it knew nothing of."""
    found = await golden.what_it_came_to(ledger, then(log)["campaign"], streams(log))
    known: dict[str, Any] = golden.as_then(found, then(log))
    for stream, mark in known["streams"].items():
        mark["came_to"] = digest(known["ends"][stream])
    return known


def misread(one: Streams) -> list[Envelope]:
    """Return the events that today's code would not write as they stand."""
    return [
        envelope
        for stream, events in one.items()
        for envelope in events
        if envelope_event(decider_of(stream), envelope).as_data() != envelope["data"]
    ]


@pytest.mark.parametrize("log", LOGS)
def test_every_event_is_read_and_would_be_written_the_same(log: str) -> None:
    """One canonical line each, with its own hash; read with today's types and written again it has the same bytes."""
    for line in lines(log):
        envelope = json.loads(line)
        assert canonical_text(envelope) == line
        assert recomputed_hash(envelope) == envelope["hash"]
    assert misread(streams(log)) == []


async def test_the_log_comes_to_what_it_came_to_and_its_ledger_verifies(written: tuple[str, Ledger]) -> None:
    """States, board lines, invariants, counts and amounts as they were; chains, causes, notices and holds agree."""
    log, ledger = written
    found, before = await today(log, ledger), then(log)
    assert first_difference(before, found) is None
    assert found == before
    assert not any(before["breaches"].values())
    assert not any(run["problems"] for run in before["runs"])
    findings = Findings()
    verify(await read_record(ledger, before["campaign"]), findings)
    assert [one for one in findings.differences if one.kind not in NOT_IN_EVENTS] == []


@pytest.mark.parametrize("written", [CLOSED], indirect=True)
async def test_a_figure_that_is_counted_otherwise_is_seen(
    written: tuple[str, Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No replay counts for a settlement: of all gates only the logs know what it came to."""
    log, ledger = written

    def nobody(state: ApplicationFilingState) -> dict[str, dict[str, int]]:
        """Count as ever, and then nobody."""
        return {class_id: {**row, "countable": 0} for class_id, row in counted(state).items()}

    monkeypatch.setattr("audit.counts.counted", nobody)
    found = await today(log, ledger)
    assert first_difference(then(log)["settled"], found["settled"]) is not None
    assert [run["problems"] for run in found["runs"]] == [["COUNTS"], ["COUNTS"]]


@pytest.mark.parametrize("release", BEFORE)
def test_the_campaigns_of_releases_without_logs_are_still_read(release: str) -> None:
    """Up to 0.3.0 only histories are kept: their events are read, fold, and break no rule that can be asked of them."""
    found: Streams = {}
    for name, (stream, text) in histories(release).items():
        if re.fullmatch("histories/stepped-.*-closed", name):
            found[stream] = appended(json.loads(text), ACTIVITY_APPEND)
    assert len(found) > len(StageSlug)
    assert misread(found) == []
    assert [stream for stream, events in found.items() if fold_stream(stream, events).broken is not None] == []
    assert check_log(Log(min(found), found)).ok


def test_the_logs_are_worth_keeping() -> None:
    """An open and a closed one; with a settlement that pays in the trial, and everything about notices."""
    ended = {"archived", "closed"}
    assert {then(log)["ends"][then(log)["campaign"]]["view"]["status"] in ended for log in LOGS} == {True, False}
    assert [run["total_fen"] for run in then(CLOSED)["runs"]] == [0, 90_000]
    told = ("NoticesKilled", "NoticeMuted", "NoticeRetried", "OptionalNoticesDeclined", "NoticesSettled")
    assert {*told, "ReceiptsTaken", "ComplaintReceived", "NoticesReleased"} <= {
        kind for log in LOGS for kind in then(log)["types"]
    }


def test_a_state_that_has_grown_is_compared_as_it_was_known_then() -> None:
    """A field of a later release that says nothing of an old campaign is no change; whatever says something is."""
    before = {"streams": {"a": {"total": 1, "rows": [{"day": "x"}]}}}
    grown = {"streams": {"a": {"total": 1, "rows": [{"day": "x", "late": False}], "later": []}}}
    assert golden.as_then(grown, before) == before
    changes: tuple[dict[str, Any], ...] = ({"total": 2}, {"later": ["stu_000001"]}, {"rows": []})
    for more in changes:
        other = {"streams": {"a": {**grown["streams"]["a"], **more}}}
        assert golden.as_then(other, before) != before
    assert golden.as_then({"streams": {}}, before) != before


# -- forms of events that no log happens to have ------------------------------------------------------------------


def types() -> dict[str, type[Event]]:
    """Return every type that a stream can record."""
    return {kind.__name__: kind for decider in DECIDERS.values() for kind in decider.event_types}


def other_forms(release: str) -> list[str]:
    """Name what is not as a release wrote it."""
    recorded = json.loads(golden.unpacked(golden.LOGS / release / "schemas.json"))
    now = json.loads(schemas())
    found = []
    for name, form in recorded.items():
        if name in now and now[name]["schema"] != form["schema"]:
            continue  # a new schema of the event has its upcast, which the logs go through
        found += golden.other_form(name, now.get(name, {}).get("data"), form["data"])
    for name, kind in types().items():
        before = recorded.get(name, {}).get("data", {}).get("properties")
        added = [] if before is None else [field for field in kind.model_fields if field not in before]
        found += [f"{name}.{field} is not in LATER" for field in added if field not in kind.LATER]
    return found


@pytest.mark.parametrize("release", RELEASES)
def test_a_sample_of_each_event_type_is_read_and_would_be_written_the_same(release: str) -> None:
    """Rehearsed years have half of the types; of the others one event each stands here, as the rules wrote it."""
    seen = {kind for log in LOGS if log.startswith(f"{release}/") for kind in then(log)["types"]}
    for line in golden.lines_of(release, "samples"):
        envelope = json.loads(line)
        assert canonical_text(envelope) == line
        assert recomputed_hash(envelope) == envelope["hash"]
        assert misread({envelope["stream"]: [envelope]}) == []
        seen.add(envelope["type"])
    assert set(json.loads(golden.unpacked(golden.LOGS / release / "schemas.json"))) - seen == NOWHERE[release]


@pytest.mark.parametrize("release", RELEASES)
def test_every_event_type_keeps_its_form(release: str) -> None:
    """No field is gone, renamed, required or of another type; a new one stands in LATER, or old events change."""
    assert other_forms(release) == []


def test_a_lost_a_changed_and_a_hasty_field_are_seen() -> None:
    """Each way in which an event's form can break what is recorded is named."""
    before = {
        "properties": {"day": {"type": "string"}, "kind": {"$ref": "#/$defs/Kind"}},
        "$defs": {"Kind": {"enum": ["A", "B"]}},
    }
    after = {
        "properties": {"day": {"type": "integer"}, "sort": {}},
        "required": ["sort"],
        "$defs": {"Kind": {"enum": ["A"]}},
    }
    assert golden.other_form("E", after, before) == [
        "E.Kind has lost B",
        "E.day is of another type",
        "E.kind is gone",
        "E.sort is required",
    ]
    assert golden.other_form("E", None, before) == ["E is gone"]
    grown = {**before, "$defs": {"Kind": {"enum": ["A", "B", "C"]}}}
    assert golden.other_form("E", grown, before) == []
