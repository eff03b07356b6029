from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_samples import HEAD, Added, policy, when

from domain.application_filing_events import FamilyEvent
from domain.deciders import DECIDERS, decider_of, kind_of
from domain.events import GENESIS, canonical_text, digest, event_id, recomputed_hash, seal
from domain.stream import UnknownEventError

POLICY = policy().ref
ASCII_KEYS = st.text(st.characters(min_codepoint=0, max_codepoint=127), max_size=6)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
WHOLE = st.integers(-(2**53) + 1, 2**53 - 1)
JSON = st.recursive(
    st.none() | st.booleans() | WHOLE | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ASCII_KEYS, inner, max_size=4),
    max_leaves=12,
)


def sealed(number: int = 7, **changes):
    """Return the envelope of one event."""
    parts = {
        "stream": "toy/1",
        "version": 1,
        "prev_hash": GENESIS,
        "occurred_at": when("2025-11-03 08:00"),
        "recorded_at": when("2025-11-03 08:01"),
        "actor": HEAD,
        "command_id": "c-1",
        "causation": None,
        "policy": POLICY,
    }
    return seal(Added(number=number), **{**parts, **changes})


@given(JSON)
@settings(deadline=None)
def test_the_standard_library_writes_the_same_bytes_as_rfc_8785(value):
    """An auditor needs no library of ours: for JSON without floats and with ASCII keys both forms are equal."""
    assert canonical_text(value).encode() == rfc8785.dumps(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_number_that_json_lacks_is_written(value):
    """NaN in an event would be JSON for nobody."""
    with pytest.raises(ValueError, match="JSON"):
        canonical_text({"x": value})


def test_the_hash_is_of_everything_but_itself():
    """Lower-case hex SHA-256 of the canonical bytes without `hash`, computed here by hand."""
    envelope = sealed()
    body = {key: value for key, value in envelope.items() if key != "hash"}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert envelope["hash"] == hashlib.sha256(text.encode()).hexdigest() == recomputed_hash(envelope)


def test_an_envelope_has_exactly_its_parts():
    """Design, section 3: whoever adds or drops a part changes this test on purpose."""
    assert sealed() == {
        "stream": "toy/1",
        "version": 1,
        "type": "Added",
        "schema": 1,
        "occurred_at": "2025-11-03T08:00:00.000+08:00",
        "recorded_at": "2025-11-03T08:01:00.000+08:00",
        "actor": {
            "id": "stf_head",
            "role": "class_head",
            "organisation": "9900010001",
            "on_behalf_of": None,
            "authenticated_by": "asserted",
        },
        "command_id": "c-1",
        "causation": None,
        "policy": {"id": "compliant", "version": 1, "parameter_hash": POLICY.parameter_hash},
        "data": {"number": 7},
        "prev_hash": "0" * 64,
        "hash": sealed()["hash"],
    }


PARTS = ("stream", "version", "type", "schema", "occurred_at", "recorded_at", "actor", "command_id", "causation",
         "policy", "data", "prev_hash")  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
def test_no_part_can_be_changed_unseen(part):
    """Each part stands under the hash."""
    envelope = sealed()
    assert recomputed_hash({**envelope, part: "forged"}) != envelope["hash"]


def test_one_instant_has_one_form():
    """The same instant given with another offset gives the same bytes."""
    assert sealed(occurred_at=datetime(2025, 11, 3, 0, 0, tzinfo=UTC)) == sealed()


@given(WHOLE, WHOLE)
@settings(deadline=None, max_examples=50)
def test_other_data_has_another_hash(one, other):
    """Equal hashes mean equal events."""
    assert (sealed(one)["hash"] == sealed(other)["hash"]) == (one == other)


def test_a_digest_is_of_the_canonical_bytes():
    """Whatever the order of the keys."""
    assert digest({"b": 1, "a": "甲"}) == hashlib.sha256('{"a":"甲","b":1}'.encode()).hexdigest()


def test_an_event_is_named_by_its_stream_and_version():
    """The name that causation and messages use."""
    assert event_id("campaign/qingshan/2026", 12) == "campaign/qingshan/2026#12"


@pytest.mark.parametrize(
    ("stream", "kind"),
    [
        ("campaign/qingshan/2026", "campaign"),
        ("campaign/qingshan/2026/9900010001", "school"),
        ("campaign/qingshan/2026/9900010001/identification", "identification"),
        ("campaign/qingshan/2026/9900010001/retention", "retention"),
    ],
)
def test_a_streams_id_names_its_rules(stream, kind):
    """The audit finds the decider of any stream by its id alone."""
    assert kind_of(stream) == kind
    assert decider_of(stream) is DECIDERS[kind]


@pytest.mark.parametrize(
    "stream",
    [
        "",
        "campaign/qingshan",
        "school/a/b",
        "campaign/q/2026/s/unheard-of",
        "campaign/q/2026/s/retention/x",
        "campaign/q/2026/heads",
        "campaign/q/2026/compliance",
    ],
)
def test_an_id_that_is_none_of_ours_is_not_guessed(stream):
    """Better no answer than another stream's rules."""
    with pytest.raises(UnknownEventError):
        kind_of(stream)


@pytest.mark.parametrize("kind", DECIDERS)
def test_an_events_name_means_one_thing_in_a_stream(kind):
    """Envelopes are read by type name: two types of one name would be read as each other."""
    names = [event_type.__name__ for event_type in DECIDERS[kind].event_types]
    assert len(names) == len(set(names))


def test_only_the_application_filing_has_a_familys_word():
    """What a family states, signs or withdraws stands in one kind of stream, and that one verifies it (INV-04)."""
    speaking = {
        kind: sorted(
            event_type.__name__
            for event_type in decider.event_types
            if event_type.__name__.startswith(("Intent", "Consent"))
        )
        for kind, decider in DECIDERS.items()
    }
    assert {"ConsentRefused", "ConsentSigned", "ConsentWithdrawn", "IntentStated"} <= {
        *speaking.pop("application-filing")
    }
    assert not any(speaking.values())
    types = DECIDERS["application-filing"].event_types
    own = [event_type.__name__ for event_type in types if issubclass(event_type, FamilyEvent)]
    assert own == [
        "IntentStated",
        "NoticeAcknowledged",
        "ConsentSigned",
        "ConsentRefused",
        "ConsentWithdrawn",
        "DataConsentGiven",
        "ConsentKept",
        "ConsentObjected",
    ]
