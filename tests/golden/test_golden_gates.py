"""What each gate sees and what it cannot: the same house broken in one place after the other, asked of every gate.

The table is `docs/golden-gate.md`. Workflows run without the sandbox here, so that they see what a test has changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import golden_streams
import pytest
from golden_changed_workflow import ChangedIdentificationWorkflow
from golden_commands import WatchedReplay, committed, differing, histories
from temporalio import workflow
from temporalio.worker import UnsandboxedWorkflowRunner

from audit.verify import fold_stream
from domain.actors import SYSTEM
from domain.events import Envelope, Event, canonical_text
from domain.identification import IdentificationDecider
from domain.sending_control import SendingPart
from domain.sending_events import NoticesSettled
from domain.stream import Outgoing
from engine import WORKFLOWS
from ledger.histories import appended, payload
from protocol import ACTIVITY_APPEND
from workflows import stage

RELEASE, LOG = "0.4.0", "stepped-closed"
IDENTIFIED, STILL_OPEN = "histories/stepped-identification-closed", "histories/stepped-identification-open"
CAMPAIGN, ON_THE_ENGINES_CLOCK = "histories/stepped-campaign-closed", "histories/engine-campaign-closed"
GATES = ("replay", "events", "sequence", "terms", "content", "logs")
TABLE = Path(__file__).parents[2] / "docs" / "golden-gate.md"


@cache
def recorded() -> dict[str, tuple[str, str]]:
    """Return the release's histories."""
    return histories(RELEASE)


@dataclass(frozen=True)
class Broken:
    """One way to break the house.

    Attributes:
        what: as the table names it.
        seen: by which gates.
        history: whose run is replayed.
        change: what is changed in the code.
        alter: what is changed in the history.
        workflows: those that are registered.
    """

    what: str
    seen: tuple[str, ...]
    history: str
    change: Callable[[], AbstractContextManager[Any]] = ExitStack
    alter: Callable[[str], str] = str
    workflows: tuple[type, ...] = WORKFLOWS


# -- the ways ---------------------------------------------------------------------------------------------------


def failed_instead(text: str) -> str:
    """Let a history say that its run has failed, where it has completed."""
    history = json.loads(text)
    last = history["events"][-1]
    completed = last.pop("workflowExecutionCompletedEventAttributes")
    last["eventType"] = "EVENT_TYPE_WORKFLOW_EXECUTION_FAILED"
    number = completed["workflowTaskCompletedEventId"]
    last["workflowExecutionFailedEventAttributes"] = {"workflowTaskCompletedEventId": number}
    return json.dumps(history)


def another_system() -> AbstractContextManager[Any]:
    """Let the system act in another organisation's name."""
    return mock.patch("domain.machine.SYSTEM", SYSTEM.model_copy(update={"organisation": "engine"}))


def longer_appends() -> AbstractContextManager[Any]:
    """Give an append a second more."""
    return mock.patch.object(stage, "BRIEF", stage.BRIEF + timedelta(seconds=1))


def more_news() -> AbstractContextManager[Any]:
    """Tell the school one thing more about the identification."""
    tell = IdentificationDecider.outgoing

    def outgoing(self: IdentificationDecider, state: Any, event: Event, envelope: Envelope) -> list[Outgoing]:
        return [
            item
            if item.message is None
            else item.model_copy(update={"message": item.message.model_copy(update={"data": {"more": 1}})})
            for item in tell(self, state, event, envelope)
        ]

    return mock.patch.object(IdentificationDecider, "outgoing", outgoing)


def another_signal() -> AbstractContextManager[Any]:
    """Send news under a name that nobody listens to."""
    find = workflow.get_external_workflow_handle

    class Renamed:
        def __init__(self, to: str) -> None:
            self._handle = find(to)

        async def signal(self, name: str, message: Any) -> None:
            await self._handle.signal(f"{name}s", message)

    return mock.patch.object(workflow, "get_external_workflow_handle", Renamed)


def one_timer_more() -> AbstractContextManager[Any]:
    """Sleep once more, where the history of the open run has ended."""
    rest = stage.StreamShell._rest
    last = appended(json.loads(recorded()[STILL_OPEN][1]), ACTIVITY_APPEND)[-1]["version"]

    async def sleepy(self: stage.StreamShell) -> None:
        if self._machine.carry.version >= last:
            await workflow.sleep(timedelta(days=1))
        await rest(self)

    return mock.patch.object(stage.StreamShell, "_rest", sleepy)


def forgotten_days() -> AbstractContextManager[Any]:
    """Let the campaign's state forget which day of a channel was settled last."""
    evolve = SendingPart.evolve

    def forget(self: SendingPart, state: Any, event: Event, envelope: Envelope) -> None:
        evolve(self, state, event, envelope)
        if isinstance(event, NoticesSettled):
            del state.sending.settled[event.channel]

    return mock.patch.object(SendingPart, "evolve", forget)


WAYS = (
    Broken("nothing", (), IDENTIFIED),
    Broken("the history says that the run failed", ("replay",), IDENTIFIED, alter=failed_instead),
    Broken(
        "the workflow sleeps first",
        ("replay", "events", "sequence", "terms", "content"),
        IDENTIFIED,
        workflows=(ChangedIdentificationWorkflow,),
    ),
    Broken("the system acts in another name", ("events",), ON_THE_ENGINES_CLOCK, another_system),
    Broken("news go under another name", ("sequence",), IDENTIFIED, another_signal),
    Broken("an open run commands one thing more", ("sequence", "terms", "content"), STILL_OPEN, one_timer_more),
    Broken("an append may take a second longer", ("terms",), IDENTIFIED, longer_appends),
    Broken("news say something else", ("content",), IDENTIFIED, more_news),
    Broken("the state forgets what no event shows", ("logs",), CAMPAIGN, forgotten_days),
)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.what.replace(" ", "-"))
async def test_each_gate_sees_what_the_table_says(way: Broken) -> None:
    """Each gate has a sample that it alone sees, and each is blind to the samples of others."""
    workflow_id, text = recorded()[way.history]
    altered = way.alter(text)
    with way.change():
        replay = WatchedReplay(UnsandboxedWorkflowRunner(), way.workflows)
        computed, lines = await replay.run(workflow_id, altered)
        await replay.close()
        log = golden_streams.by_stream(golden_streams.lines_of(RELEASE, LOG))[workflow_id]
        folded = fold_stream(workflow_id, log)
    seen: set[str] = set(differing(lines, committed(RELEASE)[way.history]))
    if computed.failure is not None:
        seen.add("replay")
    stored = [canonical_text(event) for event in appended(json.loads(text), ACTIVITY_APPEND)]
    if [canonical_text(event) for event in computed.events] != stored or computed.view != last_view(text):
        seen.add("events")
    ends = golden_streams.facts_of(RELEASE, LOG)["ends"]
    if {"state": folded.state, "view": folded.view} != ends[workflow_id]:
        seen.add("logs")
    assert seen == set(way.seen)


def last_view(text: str) -> dict[str, Any] | None:
    """Return the board's line of a history's last append."""
    found = None
    for event in json.loads(text)["events"]:
        scheduled = event.get("activityTaskScheduledEventAttributes")
        if scheduled and scheduled["activityType"]["name"] == ACTIVITY_APPEND:
            found = payload(scheduled["input"]["payloads"][0])["view"]
    return found


def test_the_table_for_readers_is_what_was_measured() -> None:
    """Each row of the table says of each gate what the samples showed."""
    rows = re.findall(r"^\| (.+?) \|((?: [✓–] \|){6})$", TABLE.read_text(), re.MULTILINE)
    said = {what: tuple(mark == "✓" for mark in re.findall("[✓–]", marks)) for what, marks in rows}
    assert said == {way.what: tuple(gate in way.seen for gate in GATES) for way in WAYS if way.seen}


def test_every_gate_has_a_sample_of_its_own() -> None:
    """None of them could be left out."""
    alone = {way.seen[0] for way in WAYS if len(way.seen) == 1}
    assert alone == set(GATES)
