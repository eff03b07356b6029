import pytest

from audit.capture import Computed
from audit.compare import compare_decisions, compare_histories, compare_live
from audit.report import PLACES_PER_KIND, Findings, first_difference, value_at
from audit.runs import COMPLETED, Run
from audit.verify import Folded
from domain.events import GENESIS, canonical_text
from ledger.histories import RunStart

STREAM = "campaign/qingshan/2025"


def envelope(version, before=GENESIS, **data):
    """A small event; its hash is only a name here."""
    return {
        "stream": STREAM,
        "version": version,
        "type": "SomethingDone",
        "data": data,
        "prev_hash": before,
        "hash": f"h{version}{data or ''}",
    }


def run(events, closed_by=None, pending=0, **more):
    """A run that gave events to the append."""
    given = {"number": 1, "predecessor": None, "start": RunStart(0, GENESIS), "state": None, "size": 9} | more
    return Run(workflow=STREAM, run="run-1", text="", appended=events, pending=pending, closed_by=closed_by, **given)


def places(findings):
    """Kind, version and field of what was found."""
    return [(found.kind, found.version, found.field) for found in findings.differences]


def histories(held, runs, known):
    """What the comparison of histories finds."""
    findings = Findings()
    by_version = {event["version"]: event for event in held}
    texts = {event["version"]: canonical_text(event) for event in held}
    compare_histories(STREAM, by_version, texts, runs, findings, known=known)
    return places(findings)


def decisions(held, a_run, computed, failure=None):
    """What the comparison of decisions finds."""
    findings = Findings()
    one = Computed(STREAM, "run-1", failure=failure, events=computed)
    compare_decisions(STREAM, {event["version"]: event for event in held}, [a_run], [one], findings)
    return places(findings)


ONE, TWO, THREE = envelope(1), envelope(2, "h1"), envelope(3, "h2")


def test_an_append_in_flight_may_be_missing_from_the_ledger():
    """An open run may have asked for an append that the ledger has not answered; an answered one must be there."""
    assert histories([ONE], [run([ONE, TWO], pending=1)], known=1) == []
    assert histories([ONE], [run([ONE, TWO])], known=1) == [("history", 2, "missing")]
    assert histories([ONE], [run([ONE, TWO], COMPLETED, pending=1)], known=1) == [("history", 2, "missing")]


def test_what_the_ledger_wrote_after_the_history_was_fetched_is_no_difference():
    """Only what the ledger had before the histories were read must be accounted for by them."""
    assert histories([ONE, TWO], [run([ONE])], known=1) == []
    assert histories([ONE, TWO], [run([ONE])], known=2) == [("history", 2, "unexpected")]


def test_a_run_that_was_ended_from_outside_is_named():
    """An operator's terminate leaves its mark in the history; the record says so (A4)."""
    ended = run([ONE], "EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED")
    assert histories([ONE], [ended], known=1) == [("history", None, "closed_by")]


@pytest.mark.parametrize(
    ("start", "predecessor", "field"),
    [
        (RunStart(2, "h2"), "run-1", "version"),
        (RunStart(1, "other"), "run-1", "hash"),
        (RunStart(1, "h1"), "run-0", "predecessor"),
    ],
)
def test_runs_must_join(start, predecessor, field):
    """A run takes up the version, the hash and the predecessor that the run before it left."""
    second = run([], number=2, start=start, predecessor=predecessor)
    found = histories([ONE], [run([ONE]), second], known=0)
    assert ("segment", start.version, field) in found
    joined = run([], number=2, start=RunStart(1, "h1"), predecessor="run-1")
    assert histories([ONE], [run([ONE]), joined], known=1) == []


def test_an_open_run_may_compute_more_than_the_record_has():
    """Trailing events of an open history have no recorded command yet; a closed run may compute no more."""
    assert decisions([ONE], run([ONE]), [ONE, TWO]) == []
    assert decisions([ONE], run([ONE], COMPLETED), [ONE, TWO]) == [("decision", 2, "unexpected")]


def test_trailing_events_of_an_open_run_are_not_held_against_what_the_ledger_wrote_since():
    """Their workflow task had not begun when the history was fetched: the replay cannot know its time."""
    assert decisions([ONE, envelope(2, "h1", at="10:01")], run([ONE]), [ONE, envelope(2, "h1", at="10:00")]) == []


def test_an_event_that_is_no_longer_computed_is_named():
    """A recorded event that today's code does not give; where the replay failed that is said once."""
    assert decisions([ONE, TWO], run([ONE, TWO]), [ONE]) == [("decision", 2, "missing")]
    assert decisions([ONE, TWO], run([ONE, TWO]), [ONE], failure="TMPRL1100") == [("replay", None, "commands")]


def test_what_follows_from_a_changed_hash_is_not_named_again():
    """After one changed event all hashes differ; only events whose content differs are named."""
    changed = [envelope(1, code="B"), {**TWO, "prev_hash": "x", "hash": "y"}, {**THREE, "prev_hash": "y", "hash": "z"}]
    assert decisions([ONE, TWO, THREE], run([ONE, TWO, THREE]), changed) == [("decision", 1, "data.code")]


def test_a_live_state_that_the_fold_does_not_give_is_named():
    """The workflow's memory against the record: state, view and the version that was compared (A1)."""
    folded = Folded(state={"a": 1}, view={"b": 1}, at={3: ({"a": 1}, {"b": 1})})
    answer = {"version": 3, "halted": None, "state": {"a": 1}, "view": {"b": 1}}
    for change, expected in (
        ({}, []),
        ({"state": {"a": 2}}, [("state", 3, "state.a")]),
        ({"view": {"b": 2}}, [("state", 3, "view.b")]),
        ({"version": 4}, [("state", 4, "version")]),
        ({"halted": {"version": 4}}, [("state", 4, "halted")]),
    ):
        findings = Findings()
        compare_live(STREAM, run([]), answer | change, folded, findings)
        assert places(findings) == expected, change


@pytest.mark.parametrize(
    ("one", "other", "path"),
    [
        ({"a": 1}, {"a": 1}, None),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, "a.b.1"),
        ({"a": [1]}, {"a": [1, 2]}, "a.length"),
        ({"a": 1}, {}, "a"),
        ({"a": 1}, {"a": True}, "a"),
        ({"a": 1}, None, "value"),
    ],
)
def test_the_first_difference_is_a_path(one, other, path):
    """Two JSON values differ at a path, also where a number looks like a truth value."""
    assert first_difference(one, other) == path
    assert path is None or value_at(one, path) != value_at(other, path) or one == other or path in ("a", "value")


def test_of_many_places_the_first_are_named_and_the_rest_is_counted():
    """One cause that shows everywhere fills no report."""
    findings = Findings()
    for version in range(PLACES_PER_KIND + 5):
        findings.add("decision", STREAM, "hash", version=version)
    findings.add("history", STREAM, "hash", version=1)
    assert len(findings.differences) == PLACES_PER_KIND + 1
    assert findings.omitted == 5
