"""The append: whole or not at all, repeatable for ever, and only what joins the chain (INV-26, INV-27)."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from ledger_samples import (
    CAMPAIGN,
    STREAM,
    chain,
    notices,
    outbox_causes,
    paused,
    planned_causes,
    put,
    read,
    seal_all,
    view,
)

from domain.events import Envelope, digest
from ledger.store import Head, Ledger, LedgerConflictError

OTHER_STREAM = STREAM.replace("parent-meetings", "retention")


def resealed(envelope: Envelope, **changes: Any) -> Envelope:
    """Return a changed envelope that carries the right hash of its changed self."""
    body = {**{key: value for key, value in envelope.items() if key != "hash"}, **changes}
    return {**body, "hash": digest(body)}


def with_data(envelope: Envelope, **data: Any) -> Envelope:
    """Return a changed envelope that still carries the hash of what it was."""
    changed = copy.deepcopy(envelope)
    changed["data"].update(data)
    return changed


async def assert_holds_exactly(ledger: Ledger, events: list[Envelope]) -> None:
    """Assert that events, outbox, board and head are those of these events and nothing more."""
    assert await read(ledger) == events
    assert await outbox_causes(ledger) == planned_causes(events)
    head = Head(events[-1]["version"], events[-1]["hash"]) if events else None
    assert await ledger.head(STREAM) == head
    board = {STREAM: {**view(events), "version": len(events)}} if events else {}
    assert await ledger.board(CAMPAIGN) == board


async def test_what_is_appended_is_read_back_equal(ledger: Ledger) -> None:
    """Events come back as they were given, with head, board, counts and streams that agree."""
    events = chain(7)

    assert await put(ledger, events) == 7

    await assert_holds_exactly(ledger, events)
    assert await ledger.counts(CAMPAIGN) == {"events": 7, "notices": 2}
    assert await ledger.streams(CAMPAIGN) == [STREAM]
    assert await ledger.campaigns() == [CAMPAIGN]
    assert await ledger.holds_event(STREAM, 7, events[6]["hash"])
    assert not await ledger.holds_event(STREAM, 7, events[5]["hash"])
    assert not await ledger.holds_event(STREAM, 8, events[6]["hash"])


async def test_an_empty_batch_writes_nothing(ledger: Ledger) -> None:
    """No events, no board line: a view alone is not a fact."""
    assert await ledger.append([], [], {"kind": "none"}) == 0
    assert await ledger.board(CAMPAIGN) == {}


async def test_the_same_batch_again_changes_nothing(ledger: Ledger) -> None:
    """A retried activity finds all its events there, even with another view in its hands."""
    events = chain(6)
    await put(ledger, events)

    assert await ledger.append(events, notices(events), {"kind": "another"}) == 0

    await assert_holds_exactly(ledger, events)
    assert await ledger.conflicts() == []


async def test_of_an_overlapping_batch_only_the_tail_is_new(ledger: Ledger) -> None:
    """A batch that repeats known events and goes on adds what is new, and its notices once."""
    events = chain(9)
    await put(ledger, events[:5])

    assert await put(ledger, events[2:9]) == 4

    await assert_holds_exactly(ledger, events)


async def test_a_notice_is_planned_once_per_event(ledger: Ledger) -> None:
    """However often its event comes, alone or in a larger batch, a notice has one row, in state `planned`."""
    events = chain(6)
    for batch in (events[:3], events[:3], events[2:3], events, events[3:]):
        await put(ledger, batch)

    rows = await ledger.notices(CAMPAIGN)

    assert sorted(row["cause"] for row in rows) == [f"{STREAM}#3", f"{STREAM}#6"]
    assert {(row["state"], row["stream"], row["purpose"]) for row in rows} == {
        ("planned", STREAM, "meeting_invitation")
    }
    assert rows == sorted(rows, key=lambda row: row["notice_id"])


async def test_a_notice_without_its_event_in_the_batch_is_not_planned(ledger: Ledger) -> None:
    """The outbox takes only what an event of this very append asks for."""
    events = chain(6)

    await ledger.append(events[:3], notices(events), view(events[:3]))

    assert await outbox_causes(ledger) == [f"{STREAM}#3"]


async def test_the_board_never_goes_back(ledger: Ledger) -> None:
    """An old batch that is repeated after a newer one leaves the newer line of the board."""
    events = chain(8)
    await put(ledger, events[:4])
    await put(ledger, events[4:])

    await put(ledger, events[:4])

    assert await ledger.board(CAMPAIGN) == {STREAM: {"kind": "parent-meetings", "after": 8, "version": 8}}


EVENTS = chain(6)
BREAKS: dict[str, tuple[int, list[Envelope]]] = {
    "a gap before the batch": (4, EVENTS[3:]),
    "a gap that claims no predecessor": (4, [resealed(EVENTS[3], prev_hash="")]),
    "a gap inside the batch": (4, [EVENTS[2], EVENTS[4]]),
    "a first event that is not version 1": (0, [resealed(EVENTS[0], version=0, prev_hash="")]),
    "a wrong prev_hash": (3, [resealed(EVENTS[2], prev_hash="1" * 64)]),
    "a wrong prev_hash inside the batch": (4, [EVENTS[2], resealed(EVENTS[3], prev_hash=EVENTS[1]["hash"])]),
    "a hash that is not its own": (3, [with_data(EVENTS[2], student="stu_changed")]),
    "a hash that is not its own, at the end": (4, [EVENTS[2], with_data(EVENTS[3], text="changed")]),
    "a hash of the wrong length": (3, [{**EVENTS[2], "hash": EVENTS[2]["hash"] * 2}]),
    "another stream's event mixed in": (4, [EVENTS[2], resealed(EVENTS[3], stream=OTHER_STREAM)]),
    "events in the wrong order": (4, [EVENTS[2], EVENTS[4], EVENTS[3]]),
    "an event twice in the batch": (4, [EVENTS[2], EVENTS[2]]),
    "a known event under another hash": (2, [chain(3, mark="x")[1]]),
    "a known event changed under its old hash": (2, [with_data(EVENTS[1], text="changed")]),
    "another history that goes on longer": (1, chain(6, mark="x")),
}


@pytest.mark.parametrize("broken", BREAKS)
async def test_what_does_not_join_the_chain_is_a_conflict(ledger: Ledger, broken: str) -> None:
    """Nothing of the batch is written but the conflict, with its place; the stream can still go on rightly."""
    version, batch = BREAKS[broken]
    await put(ledger, EVENTS[:2])

    with pytest.raises(LedgerConflictError) as conflict:
        await put(ledger, batch)

    assert (conflict.value.stream, conflict.value.version) == (STREAM, version)
    await assert_holds_exactly(ledger, EVENTS[:2])
    assert await read(ledger, OTHER_STREAM) == []
    kept = await ledger.conflicts()
    assert [(row["stream"], row["version"]) for row in kept] == [(STREAM, version)]
    assert kept[0]["found"] == conflict.value.found[:64]
    assert await put(ledger, EVENTS[2:]) == 4


async def test_a_conflict_names_both_hashes(ledger: Ledger) -> None:
    """Whoever repairs a halted stream sees what the ledger holds and what was brought."""
    events, others = chain(2), chain(2, mark="x")
    await put(ledger, events)

    with pytest.raises(LedgerConflictError, match=f"{STREAM}#1"):
        await put(ledger, others)

    assert await ledger.conflicts() == [
        {"stream": STREAM, "version": 1, "expected": events[0]["hash"], "found": others[0]["hash"]}
    ]


async def test_the_first_conflict_of_a_stream_is_the_one_that_is_kept(ledger: Ledger) -> None:
    """A retry against a halted stream does not overwrite why it halted; each stream has its own row."""
    await put(ledger, chain(3))
    for batch in (chain(3, mark="x")[1:], chain(3, mark="y"), chain(3, OTHER_STREAM)[1:]):
        with pytest.raises(LedgerConflictError):
            await put(ledger, batch)

    assert [(row["stream"], row["version"]) for row in await ledger.conflicts()] == [(STREAM, 2), (OTHER_STREAM, 2)]


def breaking(step: str) -> Callable[[pytest.MonkeyPatch, Ledger], None]:
    """Return a sabotage of one of the append's steps."""

    def sabotage(monkeypatch: pytest.MonkeyPatch, ledger: Ledger) -> None:
        def fails(*_arguments: Any) -> None:
            raise OSError(f"{step} fails")

        owner, name = (ledger.outbox, "take_in") if step == "take_in" else (ledger, step)
        monkeypatch.setattr(owner, name, fails)

    return sabotage


@pytest.mark.parametrize("step", ["take_in", "_place_holds", "_set_board"])
async def test_a_failure_between_the_tables_leaves_none_of_them_written(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Events, outbox, holds and board are one transaction; afterwards the same batch goes in whole."""
    events = chain(6)
    pause = seal_all(CAMPAIGN, [paused()])
    with monkeypatch.context() as patch:
        breaking(step)(patch, ledger)
        for batch in (events, pause):
            with pytest.raises(OSError, match=step):
                await put(ledger, batch)

    await assert_holds_exactly(ledger, [])
    assert await ledger.open_holds(CAMPAIGN) == []
    assert await ledger.counts(CAMPAIGN) == {"events": 0, "notices": 0}
    assert await put(ledger, events) == 6
    await assert_holds_exactly(ledger, events)


async def test_a_view_that_is_not_json_takes_its_events_with_it(ledger: Ledger) -> None:
    """The last step may fail by itself: then the first is undone."""
    events = chain(3)

    with pytest.raises(TypeError):
        await ledger.append(events, notices(events), {"kind": object()})

    await assert_holds_exactly(ledger, [])
