"""Heads, their marks, keys, anchors and stamps on both databases: kept once, in one order, read as written."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from ledger_samples import chain, put
from sqlalchemy import text

from domain.events import canonical_text
from ledger.anchors import (
    Anchored,
    Stamped,
    Trouble,
    end_trouble,
    keep_anchored,
    keep_stamp,
    not_anchored,
    note_trouble,
    read_anchored,
    read_stamps,
    read_troubles,
)
from ledger.growth import gained_since, read_growth, uncovered
from ledger.heads import (
    KeptHead,
    KeptKey,
    Written,
    campaigns_with_heads,
    keep_head,
    keep_key,
    last_head,
    read_heads,
    read_keys,
    read_snapshot,
)
from ledger.store import Ledger

Opener = Callable[[str], Awaitable[Ledger]]
CAMPAIGN = "campaign/qingshan/2026"
STREAMS = [CAMPAIGN, f"{CAMPAIGN}/9900010001", f"{CAMPAIGN}/9900010001/retention", f"{CAMPAIGN}/compliance/c-1"]
OTHERS = ["campaign/qingshan/20261", "campaign/qingshan-1/2026", "campaign/zz/2026", "campaign/aa/2026/x"]
TWO = KeptHead(2, "ab" * 32, "note 2", {CAMPAIGN: 2}, "cd" * 32, "2026-03-01T08:00:00.000+08:00")
FIVE = KeptHead(
    5, "ef" * 32, "note 5\n第二行", {CAMPAIGN: 3, STREAMS[3]: 2}, "01" * 64, "2026-03-02T08:00:00.000+08:00"
)


async def test_heads_and_marks_are_read_as_they_were_kept(ledger: Ledger) -> None:
    """In the order of their sizes, with their marks where the whole is read; another campaign's are its own."""
    for stream in (*STREAMS, *OTHERS):
        await put(ledger, chain(3, stream))
    assert await last_head(ledger, CAMPAIGN) is None
    assert await keep_head(ledger, CAMPAIGN, TWO, after=0)
    assert await keep_head(ledger, CAMPAIGN, FIVE, after=2)
    assert await keep_head(ledger, OTHERS[0], TWO, after=0)
    snapshot = await read_snapshot(ledger, CAMPAIGN)
    assert snapshot.heads == [TWO, FIVE]
    expected = {
        Written(stream, event["version"], canonical_text(event)) for stream in STREAMS for event in chain(3, stream)
    }
    assert set(snapshot.events) == expected
    bare = [replace(head, marks={}) for head in (TWO, FIVE)]
    assert await read_heads(ledger, CAMPAIGN) == bare
    assert await last_head(ledger, CAMPAIGN) == bare[1]
    assert await campaigns_with_heads(ledger) == sorted([CAMPAIGN, OTHERS[0]])


async def test_of_several_heads_at_the_same_time_one_is_kept(ledger_url: str, opened: Opener) -> None:
    """Whoever was not after the newest one is told so, from four processes' connections."""
    ledgers = [await opened(ledger_url) for _ in range(4)]
    kept = await asyncio.gather(
        *(keep_head(one, CAMPAIGN, replace(TWO, note=str(n)), after=0) for n, one in enumerate(ledgers))
    )
    assert sorted(kept) == [False, False, False, True]
    [head] = await read_heads(ledgers[0], CAMPAIGN)
    assert head.note == str(kept.index(True))
    again = await asyncio.gather(*(keep_head(one, CAMPAIGN, FIVE, after=2) for one in ledgers))
    assert sum(again) == 1
    assert not await keep_head(ledgers[0], CAMPAIGN, replace(FIVE, size=9), after=2)


async def test_of_several_keys_at_the_same_time_one_follows(ledger_url: str, opened: Opener) -> None:
    """Keys have one order, and no number is given twice."""
    ledgers = [await opened(ledger_url) for _ in range(4)]
    first = await asyncio.gather(*(keep_key(one, KeptKey(f"key {n}", None), after=0) for n, one in enumerate(ledgers)))
    assert sum(first) == 1
    second = await asyncio.gather(
        *(keep_key(one, KeptKey(f"new {n}", f"by {n}"), after=1) for n, one in enumerate(ledgers))
    )
    assert sum(second) == 1
    number = second.index(True)
    assert await read_keys(ledgers[0]) == [
        KeptKey(f"key {first.index(True)}", None),
        KeptKey(f"new {number}", f"by {number}"),
    ]


async def test_a_head_is_kept_only_while_no_other_key_has_come(ledger: Ledger) -> None:
    """Whoever says which keys there were when it signed is refused once there is one more."""
    assert await keep_key(ledger, KeptKey("key", None), after=0)
    assert await keep_head(ledger, CAMPAIGN, TWO, after=0, keys=["key"])
    assert await keep_key(ledger, KeptKey("new", "by key"), after=1)
    for keys in (["key"], ["new"], ["key", "other"], []):
        assert not await keep_head(ledger, CAMPAIGN, FIVE, after=2, keys=keys)
    assert [head.size for head in await read_heads(ledger, CAMPAIGN)] == [2]
    assert await keep_head(ledger, CAMPAIGN, FIVE, after=2, keys=["key", "new"])


async def test_the_first_key_is_kept_with_the_first_head_and_not_without_one(ledger_url: str, opened: Opener) -> None:
    """A head that comes too late leaves no key behind; of several keys at the same time one begins the list."""
    ledgers = [await opened(ledger_url) for _ in range(3)]
    assert not await keep_head(ledgers[0], CAMPAIGN, FIVE, after=2, keys=["late"])
    assert not await keep_head(ledgers[0], CAMPAIGN, TWO, after=0, keys=["two", "of them"])
    assert await read_keys(ledgers[0]) == []
    kept = await asyncio.gather(
        *(keep_head(one, OTHERS[n], TWO, after=0, keys=[f"key {n}"]) for n, one in enumerate(ledgers))
    )
    assert sum(kept) == 1
    assert await read_keys(ledgers[0]) == [KeptKey(f"key {kept.index(True)}", None)]


async def test_a_key_is_kept_only_while_no_other_head_has_come(ledger: Ledger) -> None:
    """Its statement names the last heads: one more, of whichever campaign, and it is made again."""
    assert await keep_key(ledger, KeptKey("key", None), after=0, signed=0)
    assert await keep_head(ledger, CAMPAIGN, TWO, after=0)
    for signed, campaign in ((0, OTHERS[0]), (1, OTHERS[2])):
        assert not await keep_key(ledger, KeptKey("new", "by key"), after=1, signed=signed)
        assert await keep_head(ledger, campaign, TWO, after=0)
    assert await read_keys(ledger) == [KeptKey("key", None)]
    assert await keep_key(ledger, KeptKey("new", "by key"), after=1, signed=3)


async def test_an_event_whose_text_is_none_has_no_text(ledger: Ledger) -> None:
    """SQLite keeps bytes where a text belongs; they are no event, and no reader falls over them."""
    assert Written(CAMPAIGN, 1, "x").body == "x"
    assert Written(CAMPAIGN, 1, b"x").body == ""  # type: ignore[arg-type]
    if ledger._engine.dialect.name == "sqlite":
        await put(ledger, chain(2, CAMPAIGN))
        async with ledger._writing.begin() as connection:
            await connection.execute(text("UPDATE events SET body = CAST(body AS BLOB) WHERE version = 2"))
        found = {event.version: event.body for event in (await read_snapshot(ledger, CAMPAIGN)).events}
        assert found == {1: canonical_text(chain(2, CAMPAIGN)[0]), 2: ""}


async def test_what_is_new_is_found_in_this_campaigns_streams_alone(ledger: Ledger) -> None:
    """Each stream's end and mark; of those that went on, the events from the mark's own on."""
    kind, last = chain(3, CAMPAIGN)[0]["type"], chain(3, CAMPAIGN)[-1]["type"]
    for stream in (*STREAMS, *OTHERS):
        await put(ledger, chain(3, stream))
    new = await gained_since(ledger, CAMPAIGN, (kind,), ("Nothing",), last)
    assert (new.events, new.steps, new.closing, new.ended) == (12, 8, 0, True)
    assert new.oldest == min(event["recorded_at"] for stream in STREAMS for event in chain(3, stream))
    assert (await read_growth(ledger, CAMPAIGN)).newest is None
    await keep_head(ledger, CAMPAIGN, TWO, after=0)
    await keep_head(ledger, CAMPAIGN, FIVE, after=2)
    new = await gained_since(ledger, CAMPAIGN, ("Nothing",), (kind,), "Nothing")
    assert (new.events, new.steps, new.closing, new.ended) == (7, 0, 4, False)
    assert await uncovered(ledger, CAMPAIGN) == 7
    assert await uncovered(ledger, "campaign/nowhere/2026") == 0
    growth = await read_growth(ledger, CAMPAIGN)
    assert growth.first == canonical_text(chain(1, CAMPAIGN)[0])
    assert growth.newest == replace(FIVE, marks={CAMPAIGN: 3, STREAMS[3]: 2})
    assert growth.ends == dict.fromkeys(STREAMS, 3)
    found = sorted((event.stream, event.version) for event in growth.events)
    assert found == sorted(
        [*((STREAMS[1], n) for n in (1, 2, 3)), *((STREAMS[2], n) for n in (1, 2, 3)), (STREAMS[3], 2), (STREAMS[3], 3)]
    )
    bodies = {(stream, event["version"]): canonical_text(event) for stream in STREAMS for event in chain(3, stream)}
    assert all(bodies[event.stream, event.version] == event.body for event in growth.events)
    async with ledger._writing.begin() as connection:
        await connection.execute(text("DELETE FROM events WHERE stream = :stream"), {"stream": STREAMS[3]})
    growth = await read_growth(ledger, CAMPAIGN)
    assert STREAMS[3] not in growth.ends
    assert growth.newest is not None
    assert growth.newest.marks[STREAMS[3]] == 2


async def test_where_heads_were_put_is_noted_once(ledger: Ledger) -> None:
    """By place; a head that was served by a later one is served, and another place has its own."""
    for head, after in ((TWO, 0), (FIVE, 2)):
        await keep_head(ledger, CAMPAIGN, head, after=after)
    assert [head.size for head in await not_anchored(ledger, CAMPAIGN, "mail")] == [2, 5]
    put_ = [Anchored(size, "mail", 5, "2026-03-02") for size in (2, 5)]
    for _ in range(2):
        await keep_anchored(ledger, CAMPAIGN, put_)
    assert await not_anchored(ledger, CAMPAIGN, "mail") == []
    assert [head.note for head in await not_anchored(ledger, CAMPAIGN, "directory")] == [TWO.note, FIVE.note]
    assert await read_anchored(ledger, CAMPAIGN) == put_


async def test_an_authoritys_first_stamp_stays(ledger: Ledger) -> None:
    """It is the earliest one; bytes come back as they were."""
    first = Stamped(2, "https://tsa.example", bytes(range(256)))
    assert await keep_stamp(ledger, CAMPAIGN, first)
    assert not await keep_stamp(ledger, CAMPAIGN, replace(first, token=b"later"))
    assert await keep_stamp(ledger, CAMPAIGN, replace(first, size=5))
    assert await read_stamps(ledger, CAMPAIGN) == [first, replace(first, size=5)]


async def test_a_trouble_is_news_once_and_ends(ledger: Ledger) -> None:
    """Another code or place is news again; since when is when it was first seen."""
    assert await note_trouble(ledger, CAMPAIGN, "LEDGER_BROKEN", "a#1", "day 1")
    assert not await note_trouble(ledger, CAMPAIGN, "LEDGER_BROKEN", "a#1", "day 2")
    assert await read_troubles(ledger) == [Trouble(CAMPAIGN, "LEDGER_BROKEN", "a#1", "day 1")]
    assert await note_trouble(ledger, CAMPAIGN, "KEY_OUT_OF_TERM", "", "day 3")
    await note_trouble(ledger, OTHERS[0], "LEDGER_BROKEN", "b#1", "day 1")
    await end_trouble(ledger, CAMPAIGN)
    await end_trouble(ledger, CAMPAIGN)
    assert [trouble.campaign for trouble in await read_troubles(ledger)] == [OTHERS[0]]
