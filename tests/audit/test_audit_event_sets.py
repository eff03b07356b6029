"""The set of events behind a figure: its root says which they are, to the byte, and in no order of their coming."""

from __future__ import annotations

import copy

import pytest
from audit_small_log import good
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.event_sets import EventSet
from audit.verifier import verify_bundle
from domain.events import canonical_text

EVENTS = [event for _, events in sorted(good().items()) for event in events][:60]

chosen = st.lists(st.integers(0, len(EVENTS) - 1), min_size=1, max_size=20, unique=True)


def root(events):
    """Return the root of a set."""
    return EventSet.of(events).root


def places(value, path=()):
    """Yield the path to every value in an event, itself and all that stands in it."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in items:
        yield from places(part, (*path, name))


def edited(event, path, value):
    """Return an event with another value at a path."""
    own = copy.deepcopy(event)
    inside = own
    for name in path[:-1]:
        inside = inside[name]
    inside[path[-1]] = value
    return own


@settings(max_examples=40)
@given(st.data(), chosen)
def test_editing_any_one_of_its_events_changes_the_root(data, numbers):
    """Any field at any depth, the hash that stands in it or not: it is the text that is hashed."""
    events = [EVENTS[number] for number in numbers]
    at = data.draw(st.integers(0, len(events) - 1))
    free = [path for path in places(events[at]) if path[0] not in ("stream", "version", "policy")]
    path = data.draw(st.sampled_from(free))
    other = edited(events[at], path, "another value")
    assert root([*events[:at], other, *events[at + 1 :]]) != root(events)


@settings(max_examples=40)
@given(st.data(), chosen)
def test_dropping_adding_or_moving_one_changes_the_root(data, numbers):
    """One event less, one more, or one that claims another place in its stream."""
    events = [EVENTS[number] for number in numbers]
    at = data.draw(st.integers(0, len(events) - 1))
    assert root(events[:at] + events[at + 1 :]) != root(events)
    more = next((number for number in range(len(EVENTS)) if number not in numbers), None)
    assert more is None or root([*events, EVENTS[more]]) != root(events)
    assert root([*events[:at], {**events[at], "version": 9_999}, *events[at + 1 :]]) != root(events)


@settings(max_examples=40)
@given(st.randoms(), chosen)
def test_the_order_in_which_they_came_and_a_repeat_change_nothing(chance, numbers):
    """A set is a set: a ledger, a bundle and a union of schools give the same root."""
    events = [EVENTS[number] for number in numbers]
    mixed = [*events, events[0]]
    chance.shuffle(mixed)
    assert EventSet.of(mixed) == EventSet.of(events)
    half = len(events) // 2
    assert EventSet.union([EventSet.of(events[:half]), EventSet.of(events[half:])]) == EventSet.of(events)


@settings(max_examples=40)
@given(chosen)
def test_the_root_is_the_one_of_the_auditors_own_program(numbers):
    """RFC 6962 over the canonical lines in the order of the leaves, by the verifier's implementation."""
    ordered = sorted((EVENTS[number] for number in numbers), key=lambda event: (event["stream"], event["version"]))
    leaves = b"".join(verify_bundle.leaf_hash(canonical_text(event).encode()) for event in ordered)
    count = len(ordered)
    assert verify_bundle.roots_at(leaves, [count])[count].hex() == root(ordered)


def test_nothing_has_the_root_of_the_empty_tree_and_no_policy():
    """SHA-256 of nothing (RFC 6962, section 2.1)."""
    empty = EventSet.of([])
    assert empty.as_data() == {
        "policies": [],
        "events": 0,
        "root": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    }
    assert len(empty.digest) == 64


def test_what_has_no_canonical_form_has_no_root():
    """No figure rests on a number that nobody can write down twice alike."""
    with pytest.raises(ValueError, match=r"."):
        EventSet.of([edited(EVENTS[0], ("data",), {"share": float("nan")})])
