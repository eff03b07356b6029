"""Whatever comes in whatever order, repeated and overlapping: the ledger is a prefix of the plain list."""

from __future__ import annotations

import asyncio
from itertools import count, pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_samples import chain, planned_causes, put, read, view

from domain.events import Envelope
from ledger.store import Ledger, LedgerConflictError

LENGTH = 12
CHAINS = 3
_campaigns = count(1)

batches = st.tuples(st.integers(0, CHAINS - 1), st.integers(0, LENGTH - 1), st.integers(1, LENGTH)).map(
    lambda drawn: (drawn[0], drawn[1], min(LENGTH, drawn[1] + drawn[2]))
)
OF_ONE_LEDGER = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def fresh_chains() -> tuple[str, list[list[Envelope]]]:
    """Return a campaign that no example has used, and its streams' plain lists."""
    campaign = f"campaign/county{next(_campaigns)}/2025"
    return campaign, [chain(LENGTH, f"{campaign}/530102000{number}/parent-meetings") for number in range(CHAINS)]


async def assert_equal_to_lists(ledger: Ledger, campaign: str, lists: list[list[Envelope]]) -> None:
    """Assert that events, outbox, board and counts of a campaign are those of the plain lists."""
    begun = [events for events in lists if events]
    for events in begun:
        assert await read(ledger, events[0]["stream"]) == events
    assert await ledger.board(campaign) == {
        events[0]["stream"]: {**view(events), "version": len(events)} for events in begun
    }
    causes = sorted(row["cause"] for row in await ledger.notices(campaign))
    assert causes == sorted(cause for events in lists for cause in planned_causes(events))
    assert (await ledger.counts(campaign))["events"] == sum(map(len, lists))


@OF_ONE_LEDGER
@given(plan=st.lists(batches, min_size=1, max_size=12))
async def test_batches_in_any_order_equal_the_plain_list(ledger: Ledger, plan: list[tuple[int, int, int]]) -> None:
    """A batch that joins adds exactly its tail, one that leaves a gap is refused: as the plain list would."""
    campaign, chains = fresh_chains()
    heads = [0] * CHAINS
    for number, first, end in plan:
        batch = chains[number][first:end]
        if first > heads[number]:
            try:
                await put(ledger, batch)
            except LedgerConflictError as conflict:
                assert conflict.version == first + 1  # noqa: PT017 - raised or not is what the next line says
                continue
            raise AssertionError(f"a gap was taken: {first} after {heads[number]}")
        assert await put(ledger, batch) == max(0, end - heads[number])
        heads[number] = max(heads[number], end)

    await assert_equal_to_lists(ledger, campaign, [events[:head] for events, head in zip(chains, heads, strict=True)])


@OF_ONE_LEDGER
@given(
    cuts=st.lists(st.lists(st.integers(1, LENGTH - 1), max_size=4), min_size=CHAINS, max_size=CHAINS),
    repeats=st.lists(batches, max_size=8),
    order=st.randoms(use_true_random=False),
)
async def test_interleaved_writers_equal_the_plain_lists(
    ledger: Ledger, cuts: list[list[int]], repeats: list[tuple[int, int, int]], order: Any
) -> None:
    """Each stream's writer sends its batches in turn, while old ones are repeated at any moment, all at once."""
    campaign, chains = fresh_chains()

    async def write(number: int) -> None:
        edges = sorted({0, *cuts[number], LENGTH})
        for first, end in pairwise(edges):
            assert await put(ledger, chains[number][max(0, first - order.randint(0, 2)) : end]) == end - first
            old = [batch for batch in repeats if batch[0] == number and batch[2] <= end]
            assert await asyncio.gather(*(put(ledger, chains[number][a:b]) for _, a, b in old)) == [0] * len(old)

    await asyncio.gather(*(write(number) for number in order.sample(range(CHAINS), CHAINS)))

    await assert_equal_to_lists(ledger, campaign, chains)
