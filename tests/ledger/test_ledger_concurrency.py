"""Many at once: workers, activities and processes on one ledger lose nothing and write nothing twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from ledger_samples import CAMPAIGN, STREAM, chain, notices, outbox_causes, planned_causes, put, read, view

from ledger.store import EVENTS_PER_TRANSACTION, Ledger, LedgerConflictError

Opener = Callable[[str], Awaitable[Ledger]]


def streams(count: int) -> list[str]:
    """Return the ids of the streams of so many schools."""
    return [f"{CAMPAIGN}/53019900{number:02d}/parent-meetings" for number in range(count)]


async def test_sixteen_streams_are_written_at_once(ledger: Ledger) -> None:
    """Concurrent appends to different streams all arrive, each whole and in order."""
    chains = {stream: chain(12, stream) for stream in streams(16)}

    async def write(stream: str) -> list[int]:
        return [await put(ledger, chains[stream][first : first + 4]) for first in (0, 4, 8)]

    assert await asyncio.gather(*map(write, chains)) == [[4, 4, 4]] * 16

    for stream, events in chains.items():
        assert await read(ledger, stream) == events
    assert await outbox_causes(ledger) == sorted(c for events in chains.values() for c in planned_causes(events))
    assert {stream: line["after"] for stream, line in (await ledger.board(CAMPAIGN)).items()} == dict.fromkeys(
        chains, 12
    )


@pytest.mark.parametrize("ledgers", [1, 2], ids=["one process", "two processes"])
async def test_the_same_batch_at_once_is_written_once(ledger_url: str, opened: Opener, ledgers: int) -> None:
    """An activity that is retried while its first attempt still runs, on the same worker or another."""
    writers = [await opened(ledger_url) for _ in range(ledgers)]
    for round_ in range(5):
        stream = streams(5)[round_]
        events = chain(30, stream)

        new = await asyncio.gather(*(put(writers[number % ledgers], events) for number in range(4)))

        assert sorted(new) == [0, 0, 0, 30]
        assert await read(writers[0], stream) == events
        assert (await ledger_causes(writers[0], stream)) == planned_causes(events)
    assert await writers[0].conflicts() == []


async def ledger_causes(ledger: Ledger, stream: str) -> list[str]:
    """Return the causes of one stream's notices."""
    return sorted(row["cause"] for row in await ledger.notices(CAMPAIGN) if row["stream"] == stream)


async def test_overlapping_batches_at_once_give_one_chain(ledger_url: str, opened: Opener) -> None:
    """Two processes with different ends of the same history: together they write it once."""
    one, two = await opened(ledger_url), await opened(ledger_url)
    for stream in streams(4):
        events = chain(40, stream)
        await put(one, events[:10])

        new = await asyncio.gather(put(one, events[5:30]), put(two, events[8:40]))

        assert sum(new) == 30
        assert await read(two, stream) == events


async def test_of_two_histories_at_once_one_wins_whole(ledger_url: str, opened: Opener) -> None:
    """Two writers that disagree: the ledger holds one of them, and the other learns that it is in conflict."""
    one, two = await opened(ledger_url), await opened(ledger_url)
    for stream in streams(4):
        mine, theirs = chain(9, stream), chain(9, stream, mark="x")

        outcomes = await asyncio.gather(put(one, mine), put(two, theirs), return_exceptions=True)

        assert {type(outcome) for outcome in outcomes} == {int, LedgerConflictError}
        assert await read(one, stream) == (mine if outcomes[0] == 9 else theirs)
        assert (await ledger_causes(one, stream)) == planned_causes(mine)
    assert [row["stream"] for row in await one.conflicts()] == streams(4)


async def test_a_bad_batch_does_not_harm_those_that_wait_with_it(ledger: Ledger) -> None:
    """Appends that share a transaction share no failure: conflict, malformed view and good ones, each its own."""
    good = [chain(6, stream) for stream in streams(8)]
    batches: list[tuple[Any, Any]] = [(events, view(events)) for events in good]
    batches.insert(2, (chain(6, STREAM)[3:], view([])))
    batches.insert(5, (chain(3, STREAM), {"kind": object()}))

    outcomes = await asyncio.gather(
        *(ledger.append(events, notices(events), line) for events, line in batches), return_exceptions=True
    )

    assert isinstance(outcomes.pop(5), TypeError)
    assert isinstance(outcomes.pop(2), LedgerConflictError)
    assert outcomes == [6] * 8
    assert await ledger.streams(CAMPAIGN) == streams(8)
    assert [row["stream"] for row in await ledger.conflicts()] == [STREAM]
    assert await outbox_causes(ledger) == sorted(cause for events in good for cause in planned_causes(events))


async def test_more_than_one_transaction_takes_is_written_in_several(ledger: Ledger) -> None:
    """Large batches that wait together are all written, though no transaction takes them all."""
    size = EVENTS_PER_TRANSACTION // 3
    chains = {stream: chain(size, stream) for stream in streams(5)}

    assert await asyncio.gather(*(put(ledger, events) for events in chains.values())) == [size] * 5
    assert await ledger.counts(CAMPAIGN) == {"events": 5 * size, "notices": 5 * (size // 3)}


@pytest.mark.parametrize("cancelled", range(4))
async def test_a_cancelled_append_takes_nobody_with_it(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, cancelled: int
) -> None:
    """Whoever is cancelled while it writes or waits, the others' events are in the ledger when they return."""
    chains = {stream: chain(6, stream) for stream in streams(4)}
    reached = asyncio.Event()
    set_board = ledger._set_board
    tell = partial(asyncio.get_running_loop().call_soon_threadsafe, reached.set)

    def slow(*arguments: Any) -> None:
        tell()
        time.sleep(0.02)
        set_board(*arguments)

    monkeypatch.setattr(ledger, "_set_board", slow)
    tasks = [asyncio.create_task(put(ledger, events)) for events in chains.values()]
    await reached.wait()
    tasks[cancelled].cancel()

    outcomes = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)

    assert isinstance(outcomes[cancelled], asyncio.CancelledError)
    for number, (stream, events) in enumerate(chains.items()):
        assert await read(ledger, stream) in ([events] if number != cancelled else [events, []])
        assert await put(ledger, events) in ([0] if number != cancelled else [0, 6])
        assert await read(ledger, stream) == events
    assert await outbox_causes(ledger) == sorted(c for events in chains.values() for c in planned_causes(events))
