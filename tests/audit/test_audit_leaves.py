from __future__ import annotations

import hashlib
import random
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.leaves import Place, gained, leaf_of, order_of
from audit.merkle import Tree, verify_consistency
from domain.actors import SYSTEM
from domain.events import GENESIS, SignalRefused, canonical_text, recomputed_hash, seal
from domain.policy import PolicyRef

quick = settings(deadline=None, max_examples=100)

GROWTH = st.lists(
    st.dictionaries(st.sampled_from(["c/y", "c/y/s1", "c/y/s1/stage", "c/y/s10", "c/y/s2"]), st.integers(1, 4)),
    max_size=8,
)
"""For each head, how many events each stream has gained since the one before."""


def heads_of(growth) -> list[dict[str, int]]:
    """Return how far each head came, beginning with none."""
    marks: list[dict[str, int]] = [{}]
    for gains in growth:
        last = marks[-1]
        marks.append({stream: last.get(stream, 0) + gains.get(stream, 0) for stream in {**last, **gains}})
    return marks


def hash_of(place: Place) -> bytes:
    """Return a leaf hash that stands for an event's."""
    return hashlib.sha256(f"{place.stream}#{place.version}".encode()).digest()


@quick
@given(GROWTH)
def test_the_tree_only_grows_whichever_stream_goes_on_first(growth):
    """A stream that gains events later has them at the end: every head's tree begins with all earlier ones'."""
    tree, heads = Tree(), [(0, Tree().root())]
    for before, after in pairwise(heads_of(growth)):
        tree.extend(hash_of(place) for place in gained(before, after))
        heads.append((tree.size, tree.root()))
    for number, (old, old_root) in enumerate(heads):
        for new, new_root in heads[number:]:
            assert verify_consistency(old, new, old_root, new_root, tree.consistency_proof(old, new))


@quick
@given(GROWTH, st.integers())
def test_anybody_makes_the_same_leaves_again_whatever_the_order_they_read_them_in(growth, seed):
    """The marks of the heads are all that it takes: no clock, no row order, no sequence."""
    marks = heads_of(growth)
    for before, after in pairwise(marks):
        leaves = gained(before, after)
        shuffled = list(leaves)
        random.Random(seed).shuffle(shuffled)
        assert order_of(shuffled) == leaves
        again = dict(sorted(after.items(), reverse=True))
        assert gained(before, again) == leaves
    everything = [place for before, after in pairwise(marks) for place in gained(before, after)]
    assert len(everything) == len(set(everything)) == sum(marks[-1].values())


def test_streams_are_ordered_by_code_point_and_versions_as_numbers():
    """Not as a database collates (which may pass over punctuation), and 10 comes after 9."""
    streams = ["c-1", "c/1", "c/1/a", "c/10", "c/2", "c1", "cA", "c_", "ca"]
    assert sorted(streams, key=str.encode) == streams
    places = [Place(stream, version) for stream in streams for version in range(8, 12)]
    assert order_of(reversed(places)) == places


@pytest.mark.parametrize(
    "places",
    [
        [Place("c", 1), Place("c", 1)],
        [Place("c", 1), Place("c", 3)],
        [Place("c", 0), Place("c", 1)],
    ],
    ids=["twice", "gap", "zero"],
)
def test_events_that_cannot_be_all_of_the_new_ones_are_no_order(places):
    """An event that is left out now could not be put between its neighbours later."""
    with pytest.raises(ValueError, match="version"):
        order_of(places)


@pytest.mark.parametrize("after", [{}, {"c": 2}, {"c": 2, "d": 9}], ids=["gone", "shorter", "another"])
def test_a_ledger_that_lost_events_gets_no_head(after):
    """A tail that was cut off after a head must not be signed away by the next one."""
    with pytest.raises(ValueError, match="earlier head"):
        gained({"c": 3}, after)


def test_a_leaf_is_over_every_byte_of_the_canonical_text():
    """A field, the chain's link or the event's own hash: each changes the leaf, also where the event is hashed anew."""
    event = seal(
        SignalRefused(name="news", code="SIGNAL_MALFORMED", digest="0" * 64),
        stream="campaign/county/2026",
        version=1,
        prev_hash=GENESIS,
        occurred_at=datetime(2026, 3, 2, 8, tzinfo=UTC),
        recorded_at=datetime(2026, 3, 2, 8, tzinfo=UTC),
        actor=SYSTEM,
        command_id=None,
        causation=None,
        policy=PolicyRef(id="compliant", version=1, parameter_hash="0" * 64),
    )
    line = canonical_text(event).encode()
    assert leaf_of(line) == hashlib.sha256(b"\x00" + line).digest()
    changed = [{**event, "recorded_at": "2026-01-01T00:00:00Z"}, {**event, "prev_hash": "1" * 64}]
    changed += [{**event, "hash": recomputed_hash(other)} for other in changed]
    changed += [{**other, "hash": recomputed_hash(other)} for other in changed[:2]]
    found = {leaf_of(canonical_text(other).encode()) for other in [event, *changed]}
    assert len(found) == 1 + len(changed)
