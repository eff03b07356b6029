"""The life of a patch: both of its ways are recorded, and none ends before the last run that needs it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from unittest import mock

import golden_commands
import pytest
import record_commands
from golden_commands import Line, WatchedReplay, committed, differing, histories
from temporalio import workflow
from temporalio.worker import UnsandboxedWorkflowRunner

WORKFLOWS = Path(__file__).resolve().parents[2] / "workflows"
"""The one room that knows the engine (.ci/walls)."""
CALLS = {"patched": "patched", "deprecate_patch": "deprecated"}
"""The SDK's function → the state of a patch that is asked for by it."""


@dataclass(frozen=True)
class Patch:
    """One change of what running workflows command.

    Attributes:
        since: the release whose new runs go the new way.
        recorded: the release whose histories show both ways.
        state: `patched` while there are runs of before; `deprecated` and `removed` only as docs/golden-gate.md says.
    """

    since: str
    recorded: str
    state: Literal["patched", "deprecated", "removed"]


PATCHES = {"job-back-off": Patch(since="0.3.0", recorded="0.4.0", state="patched")}
WAYS = {f"{name}-{way}": patch for name, patch in PATCHES.items() for way in ("with", "without")}


def asked_for() -> Iterator[tuple[str, str]]:
    """Yield id and state of each patch that the code asks for.

    Raises:
        ValueError: an id is not written out.
    """
    for path in sorted(WORKFLOWS.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            function = node.func
            called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            if called in CALLS:
                yield str(ast.literal_eval(node.args[0])), CALLS[called]


def test_the_code_asks_for_the_patches_of_the_table_and_no_others() -> None:
    """A patch cannot come, change its state or go without a line here, and so without its histories."""
    assert sorted(asked_for()) == sorted((name, one.state) for name, one in PATCHES.items() if one.state != "removed")


@pytest.mark.parametrize("way", WAYS)
def test_both_ways_of_each_patch_are_recorded(way: str) -> None:
    """A run of the new way has the patch's marker, one of before has none."""
    _, text = histories(WAYS[way].recorded)[f"patches/{way}-open"]
    assert ("EVENT_TYPE_MARKER_RECORDED" in text) is way.endswith("-with")


def deprecated(name: str) -> bool:
    """Ask for a patch as code does that knows the new way only, and takes runs that have the marker."""
    workflow.deprecate_patch(name)
    return True


@pytest.mark.parametrize(
    ("patched", "way", "refused"),
    [
        pytest.param(workflow.patched, "with", False, id="patched"),
        pytest.param(workflow.patched, "without", False, id="patched-before"),
        pytest.param(lambda _: False, "with", True, id="never-patched"),
        pytest.param(lambda _: False, "without", False, id="never-patched-before"),
        pytest.param(deprecated, "with", False, id="deprecated"),
        pytest.param(deprecated, "without", True, id="deprecated-too-early"),
        pytest.param(lambda _: True, "with", True, id="removed-too-early"),
        pytest.param(lambda _: True, "without", True, id="removed-too-early-before"),
    ],
)
async def test_a_patch_that_ends_too_early_is_refused(patched: Callable[[str], bool], way: str, refused: bool) -> None:
    """Of the two runs each can convict the code that has forgotten its way; code that knows both convicts nobody."""
    name = f"patches/job-back-off-{way}-open"
    workflow_id, text = histories("0.4.0")[name]
    with mock.patch.object(workflow, "patched", patched):
        replay = WatchedReplay(UnsandboxedWorkflowRunner())
        computed, lines = await replay.run(workflow_id, text)
        await replay.close()
    assert (computed.failure is not None) is refused
    assert ("sequence" in differing(lines, committed("0.4.0")[name])) is refused


# -- fingerprints that are renewed on purpose -----------------------------------------------------------------------

SHORT = Line("schedule_activity 1 append", '{"start_to_close_timeout":"10s"}', "")
LONGER = Line("schedule_activity 1 append", '{"start_to_close_timeout":"20s"}', "")
OTHER = Line("schedule_activity 1 archive", '{"start_to_close_timeout":"10s"}', "")


@pytest.fixture
def fingerprints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Line], None]:
    """Commit the fingerprint of one command elsewhere; return how today's code comes to command another."""
    for module in (golden_commands, record_commands):
        monkeypatch.setattr(module, "COMMANDS", tmp_path)
    monkeypatch.setattr(record_commands, "WHY", tmp_path / "renewed.txt")
    record_commands.write("0.9.0", {"histories/one": [SHORT]})

    def change(line: Line) -> None:
        async def commands_of(release: str) -> dict[str, list[Line]]:
            assert release == "0.9.0"
            return {"histories/one": [line]}

        monkeypatch.setattr(record_commands, "commands_of", commands_of)

    return change


async def test_other_terms_are_renewed_with_a_reason(fingerprints: Callable[[Line], None], tmp_path: Path) -> None:
    """The digests are today's, and the reason stands beside them with what it was for."""
    fingerprints(LONGER)
    assert differing([LONGER], committed("0.9.0")["histories/one"]) == ["terms"]
    assert await record_commands.renew("a slow disk") == 0
    assert differing([LONGER], committed("0.9.0")["histories/one"]) == []
    assert (tmp_path / "renewed.txt").read_text() == "terms: a slow disk\n"


async def test_another_sequence_is_never_renewed(
    fingerprints: Callable[[Line], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names the first command that is another one, and leaves everything as it is."""
    fingerprints(OTHER)
    before = committed("0.9.0")
    assert await record_commands.renew("we like it better") == 1
    assert "command 1: was 'schedule_activity 1 append" in capsys.readouterr().err
    assert committed("0.9.0") == before
    assert not (tmp_path / "renewed.txt").exists()
