"""Today's code replays yesterday's campaigns, and computes the very events that they gave to the ledger."""

from __future__ import annotations

import functools
import json
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import record
import record_commands
from golden_changed_workflow import ChangedIdentificationWorkflow
from golden_commands import (
    Line,
    WatchedReplay,
    committed,
    committed_lines,
    differing,
    first_difference,
    histories,
    names,
)
from golden_streams import unpacked
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from audit.capture import Replaying
from domain.events import canonical_text, recomputed_hash
from domain.identification import IdentificationDecider
from engine import WORKFLOWS, replayer, sandbox
from ledger.histories import appended, is_closed, payload, run_start
from protocol import ACTIVITY_APPEND, WORKFLOW_TYPES

HERE = Path(__file__).parent
RELEASES = sorted(
    (path.name for path in (HERE / "histories").iterdir() if path.is_dir()),
    key=lambda release: [int(number) for number in release.split(".")],
)
FIRST = "0.1.0"
STREAMS: dict[str, dict[str, Any]] = {
    f"{release}/{name}": stream
    for release in RELEASES
    for name, stream in json.loads((HERE / "histories" / release / "streams.json").read_text()).items()
}
"""Release and name of a history → its workflow, the version that it began after, and the hashes of its events.

From 0.4.0 on the number of events and the last hash, which holds the others.
"""

LATER = {"0.1.0": ("attendance", "dropout", "compliance"), "0.2.0": ("attendance", "dropout", "compliance")}
"""Release → kinds of streams that it did not have."""

OTHERS = [f"{release}/{name}" for release in RELEASES for name in names(release, ("dispatch", "heads", "patches"))]
"""Runs of what is no stream, and runs that have gone one way of a patch."""

LARGEST = 1_200_000
TRACKED = f"{FIRST}/stepped-identification-closed"
ENDS, CLOCKS = ("open", "closed"), ("engine", "stepped")


def golden(name: str) -> tuple[str, str]:
    """Return the workflow id and the JSON of a golden history."""
    return STREAMS[name]["workflow"], unpacked(HERE / "histories" / f"{name}.json")


def assert_same_hashes(name: str, hashes: list[str]) -> None:
    """Compare with what was written down beside the history: all of them, or how many and the last of the chain."""
    kept = STREAMS[name]["hashes"]
    assert len(hashes) == STREAMS[name].get("events", len(kept))
    assert hashes[len(hashes) - len(kept) :] == kept


def last_view(history: dict[str, Any]) -> dict[str, Any] | None:
    """Return the board's line of the last append in a history."""
    appends = [
        event["activityTaskScheduledEventAttributes"]
        for event in history["events"]
        if event.get("activityTaskScheduledEventAttributes", {}).get("activityType", {}).get("name") == ACTIVITY_APPEND
    ]
    return payload(appends[-1]["input"]["payloads"][0])["view"] if appends else None


fingerprints, other_histories = functools.cache(committed), functools.cache(histories)


def assert_same_commands(release: str, where: str, lines: list[Line]) -> None:
    """Compare a run's commands with those of the release: their order, their terms, what they carry."""
    parts = differing(lines, fingerprints(release)[where])
    assert not parts, f"{parts}: {first_difference(lines, committed_lines(release, where))}"


@pytest.fixture(scope="module")
async def replaying() -> AsyncIterator[WatchedReplay]:
    """Return today's workflows under one Replayer that notes what they append and command."""
    one = WatchedReplay()
    yield one
    await one.close()


@pytest.mark.parametrize("release", RELEASES)
def test_the_collection_is_whole(release: str) -> None:
    """Every workflow type is there open and closed on both clocks, and continued; together they stay small."""
    directory = HERE / "histories" / release
    there = {f"{release}/{path.name.partition('.')[0]}" for path in directory.glob("*.json.?z")}
    assert there == {name for name in STREAMS if name.startswith(f"{release}/")}
    kinds = [kind for kind in WORKFLOW_TYPES if kind not in LATER.get(release, ())]
    wanted = {f"{release}/{clock}-{kind}-{state}" for clock in CLOCKS for kind in kinds for state in ENDS}
    assert wanted <= there
    assert {f"{release}/engine-{kind}-continued" for kind in kinds} <= there
    assert sum(path.stat().st_size for path in directory.iterdir()) < LARGEST
    for name in there:
        assert is_closed(json.loads(golden(name)[1])) is not name.endswith("open"), name


def test_every_workflow_of_the_worker_was_recorded_by_the_newest_release() -> None:
    """Open and closed on both clocks and continued, also what is no stream; so a new workflow brings its histories."""
    found: dict[str, set[str]] = {}
    for where, (_, text) in other_histories(RELEASES[-1]).items():
        begun = re.search(r'"workflowType":\s*{\s*"name":\s*"(\w+)"', text)
        assert begun is not None
        clock, _, state = where.partition("/")[2].partition("-")
        found.setdefault(begun[1], set()).add(f"{clock}-{state.rpartition('-')[2]}")
    wanted = {f"{clock}-{state}" for clock in CLOCKS for state in ENDS} | {"engine-continued"}
    assert {name for name, states in found.items() if wanted <= states} == {one.__name__ for one in WORKFLOWS}


@pytest.mark.parametrize("name", STREAMS)
async def test_history_replays_to_the_same_events(replaying: WatchedReplay, name: str) -> None:
    """The replay is green; what today's rules append and command is what the history and its fingerprint say."""
    workflow_id, text = golden(name)
    history = json.loads(text)
    computed, lines = await replaying.run(workflow_id, text)

    assert computed.failure is None
    stored = appended(history, ACTIVITY_APPEND)
    assert [canonical_text(event) for event in computed.events] == [canonical_text(event) for event in stored]
    assert_same_hashes(name, [event["hash"] for event in computed.events])
    assert_same_hashes(name, [recomputed_hash(event) for event in computed.events])
    release, _, short = name.partition("/")
    assert_same_commands(release, f"histories/{short}", lines)
    assert computed.view == last_view(history)
    assert run_start(history).version == STREAMS[name]["after"]


@pytest.mark.parametrize("name", OTHERS)
async def test_dispatchers_and_patched_runs_command_the_same(replaying: WatchedReplay, name: str) -> None:
    """What is no stream has no events to compare: the batches asked for, the news and the timers are all there is."""
    release, _, where = name.partition("/")
    workflow_id, text = other_histories(release)[where]
    computed, lines = await replaying.run(workflow_id, text)
    assert computed.failure is None
    assert lines
    assert_same_commands(release, where, lines)


@pytest.mark.parametrize("kind", [kind for kind in WORKFLOW_TYPES if kind not in LATER[FIRST]])
def test_the_runs_of_a_workflow_join(kind: str) -> None:
    """The run that continued as new and the one that closed are neighbours: version and hash go on."""
    first, second = STREAMS[f"{FIRST}/engine-{kind}-continued"], STREAMS[f"{FIRST}/engine-{kind}-closed"]
    following = run_start(json.loads(golden(f"{FIRST}/engine-{kind}-closed")[1]))
    assert following.version == second["after"] == first["after"] + len(first["hashes"])
    if first["hashes"]:
        assert following.hash == first["hashes"][-1]


async def test_a_history_with_another_command_is_refused() -> None:
    """The gate can fail: the last append of this copy was scheduled under another name."""
    history = WorkflowHistory.from_json(
        STREAMS[TRACKED]["workflow"], unpacked(HERE / "broken" / "another-command.json")
    )
    result = await replayer().replay_workflow(history, raise_on_replay_failure=False)
    assert isinstance(result.replay_failure, NondeterminismError)


async def test_an_altered_event_passes_the_replay_and_fails_the_comparison(replaying: WatchedReplay) -> None:
    """A green replay is no proof: this copy claims another reason, and only the comparison of events sees it."""
    text = unpacked(HERE / "broken" / "altered-event.json")
    computed, _ = await replaying.run(STREAMS[TRACKED]["workflow"], text)
    claimed = appended(json.loads(text), ACTIVITY_APPEND)
    assert computed.failure is None
    assert computed.events != claimed
    assert [event["hash"] for event in computed.events] == STREAMS[TRACKED]["hashes"]
    assert any(recomputed_hash(event) != event["hash"] for event in claimed)


async def test_a_changed_workflow_is_refused() -> None:
    """A workflow that does one thing more does not replay what the one before it has done."""
    others = [found for found in WORKFLOWS if found.__name__ != "IdentificationWorkflow"]
    changed = Replayer(
        workflows=[*others, ChangedIdentificationWorkflow],
        workflow_runner=sandbox(),
        data_converter=pydantic_data_converter,
    )
    result = await changed.replay_workflow(WorkflowHistory.from_json(*golden(TRACKED)), raise_on_replay_failure=False)
    assert isinstance(result.replay_failure, NondeterminismError)


async def test_a_changed_rule_passes_the_replay_and_fails_the_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that forgets what was decided schedules the same activities; the events that it computes betray it."""
    monkeypatch.setattr(IdentificationDecider, "_set", lambda *_decided: None)
    replaying = Replaying()
    try:
        [computed] = await replaying.run([golden(TRACKED)])
    finally:
        await replaying.close()
    assert [event["hash"] for event in computed.events] != STREAMS[TRACKED]["hashes"]


async def test_nothing_is_recorded_twice(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The scripts leave a recorded release alone and say why."""
    before = {path: path.stat().st_mtime_ns for path in HERE.rglob("*.?z")}
    monkeypatch.setattr(sys, "argv", ["record.py", FIRST])
    assert await record.main() == 1
    assert "never recorded again" in capsys.readouterr().err
    assert await record_commands.main() == 1
    assert "only --renew" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in HERE.rglob("*.?z")} == before
