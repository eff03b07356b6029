"""Today's code replays yesterday's campaigns, and computes the very events that they gave to the ledger."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from golden_changed_workflow import ChangedIdentificationWorkflow
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
RELEASES = sorted(path.name for path in (HERE / "histories").iterdir() if path.is_dir())
FIRST = "0.1.0"
STREAMS: dict[str, dict[str, Any]] = {
    f"{release}/{name}": stream
    for release in RELEASES
    for name, stream in json.loads((HERE / "histories" / release / "streams.json").read_text()).items()
}
"""Release and name of a history → its workflow, the version that it began after, and the hashes of its events."""

LATER = {"0.1.0": ("attendance", "dropout", "compliance"), "0.2.0": ("attendance", "dropout", "compliance")}
"""Release → kinds of streams that it did not have."""

LARGEST = 1_200_000
TRACKED = f"{FIRST}/stepped-identification-closed"
ENDS, CLOCKS = ("open", "closed"), ("engine", "stepped")


def read(path: Path) -> str:
    """Return a history's JSON."""
    return gzip.decompress(path.read_bytes()).decode()


def golden(name: str) -> tuple[str, str]:
    """Return the workflow id and the JSON of a golden history."""
    return STREAMS[name]["workflow"], read(HERE / "histories" / f"{name}.json.gz")


def last_view(history: dict[str, Any]) -> dict[str, Any] | None:
    """Return the board's line of the last append in a history."""
    appends = [
        event["activityTaskScheduledEventAttributes"]
        for event in history["events"]
        if event.get("activityTaskScheduledEventAttributes", {}).get("activityType", {}).get("name") == ACTIVITY_APPEND
    ]
    return payload(appends[-1]["input"]["payloads"][0])["view"] if appends else None


@pytest.fixture(scope="module")
async def replaying() -> AsyncIterator[Replaying]:
    """Return today's workflows under one Replayer that notes what they append."""
    one = Replaying()
    yield one
    await one.close()


@pytest.mark.parametrize("release", RELEASES)
def test_the_collection_is_whole(release: str) -> None:
    """Every workflow type is there open and closed on both clocks, and continued; together they stay small."""
    directory = HERE / "histories" / release
    there = {f"{release}/{path.name.removesuffix('.json.gz')}" for path in directory.glob("*.json.gz")}
    assert there == {name for name in STREAMS if name.startswith(f"{release}/")}
    kinds = [kind for kind in WORKFLOW_TYPES if kind not in LATER.get(release, ())]
    wanted = {f"{release}/{clock}-{kind}-{state}" for clock in CLOCKS for kind in kinds for state in ENDS}
    assert wanted <= there
    assert {f"{release}/engine-{kind}-continued" for kind in kinds} <= there
    assert sum(path.stat().st_size for path in directory.iterdir()) < LARGEST
    for name in there:
        assert is_closed(json.loads(golden(name)[1])) is not name.endswith("open"), name


@pytest.mark.parametrize("name", STREAMS)
async def test_history_replays_to_the_same_events(replaying: Replaying, name: str) -> None:
    """The replay is green, and what today's rules give to the append is what the history and its hashes say."""
    workflow_id, text = golden(name)
    history = json.loads(text)
    [computed] = await replaying.run([(workflow_id, text)])

    assert computed.failure is None
    stored = appended(history, ACTIVITY_APPEND)
    assert [canonical_text(event) for event in computed.events] == [canonical_text(event) for event in stored]
    assert [event["hash"] for event in computed.events] == STREAMS[name]["hashes"]
    assert [recomputed_hash(event) for event in computed.events] == STREAMS[name]["hashes"]
    assert computed.view == last_view(history)
    assert run_start(history).version == STREAMS[name]["after"]


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
    history = WorkflowHistory.from_json(STREAMS[TRACKED]["workflow"], read(HERE / "broken" / "another-command.json.gz"))
    result = await replayer().replay_workflow(history, raise_on_replay_failure=False)
    assert isinstance(result.replay_failure, NondeterminismError)


async def test_an_altered_event_passes_the_replay_and_fails_the_comparison(replaying: Replaying) -> None:
    """A green replay is no proof: this copy claims another reason, and only the comparison of events sees it."""
    text = read(HERE / "broken" / "altered-event.json.gz")
    [computed] = await replaying.run([(STREAMS[TRACKED]["workflow"], text)])
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


def test_nothing_is_recorded_twice() -> None:
    """The script leaves a recorded release alone and says why."""
    before = {path: path.stat().st_mtime_ns for path in HERE.rglob("*.gz")}
    command = [sys.executable, str(HERE / "record.py"), FIRST]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (run.returncode, "never recorded again" in run.stderr) == (1, True)
    assert {path: path.stat().st_mtime_ns for path in HERE.rglob("*.gz")} == before
