"""Reading: all of a stream in order, in the very characters that were written."""

from __future__ import annotations

import pytest
from ledger_samples import CAMPAIGN, STREAM, Recorded, chain, paused, put, read, seal_all
from sqlalchemy import delete, select

from domain.events import recomputed_hash
from ledger import store
from ledger.store import PAGE, Ledger
from ledger.tables import boards, events, outbox

HARD_TEXT = "试算·不得发放 “家校”𠮷野家 é é 😀 \u2028 \x00\x1f\x7f \\ \" ' % ; -- NULL"


async def test_a_stream_longer_than_a_page_is_read_whole(ledger: Ledger) -> None:
    """More than two pages come back in order, none twice; also from the middle and from a page's edge."""
    written = chain(2 * PAGE + 150)
    for first in range(0, len(written), 500):
        await put(ledger, written[first : first + 500])

    assert await read(ledger) == written
    for after in (PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, len(written) - 1):
        assert await read(ledger, after=after) == written[after:]
    assert await read(ledger, after=len(written)) == []


@pytest.mark.parametrize("count", [3, 4, 8])
async def test_a_stream_that_fills_its_pages_ends_there(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """A last page that is full, or one short of it, is neither lost nor repeated."""
    monkeypatch.setattr(store, "PAGE", 4)
    written = chain(count)
    await put(ledger, written)

    assert await read(ledger) == written


async def test_a_gap_in_a_damaged_stream_hides_nothing_behind_it(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An auditor reads a ledger from which a row was removed: every other event once, so that the gap shows."""
    monkeypatch.setattr(store, "PAGE", 4)
    written = chain(12)
    await put(ledger, written)
    async with ledger._writing.begin() as connection:
        await connection.execute(delete(events).where(events.c.version == 2))

    assert [envelope["version"] for envelope in await read(ledger)] == [1, *range(3, 13)]


async def test_an_unknown_stream_is_empty(ledger: Ledger) -> None:
    """No events, no head, no board; not even for a stream whose id another one begins with."""
    await put(ledger, chain(3))

    for stream in ("campaign/nowhere/2025", STREAM[:-1], CAMPAIGN, ""):
        assert await read(ledger, stream) == []
        assert await ledger.head(stream) is None
        assert not await ledger.holds_event(stream, 1, chain(1)[0]["hash"])
    assert await ledger.board("campaign/nowhere/2025") == {}
    assert await ledger.streams("campaign/nowhere/2025") == []
    assert await ledger.counts("campaign/nowhere/2025") == {"events": 0, "notices": 0}


async def test_every_character_comes_back(ledger: Ledger) -> None:
    """Chinese, rare and astral characters, controls and quotes: in events, board and hash, on every database."""
    written = seal_all(STREAM, [Recorded(student="stu_000001", text=HARD_TEXT), Recorded(student="stu_000002")])

    await ledger.append(written, [], {"title": HARD_TEXT})

    (first, _) = found = await read(ledger)
    assert found == written
    assert first["data"]["text"] == HARD_TEXT
    assert recomputed_hash(first) == first["hash"]
    assert (await ledger.board(CAMPAIGN))[STREAM]["title"] == HARD_TEXT


async def test_times_come_back_to_the_millisecond_with_their_offset(ledger: Ledger) -> None:
    """Times are text in the one form that events have: no database turns them into its own zone."""
    written = seal_all(CAMPAIGN, [paused()])
    await put(ledger, written)
    await put(ledger, chain(3))

    async with ledger._engine.connect() as connection:
        row = (await connection.execute(select(events).where(events.c.stream == CAMPAIGN))).one()

    assert written[0]["recorded_at"] == "2025-03-03T08:01:00.125+08:00"
    assert (row.occurred_at, row.recorded_at) == ("2025-03-03T07:01:00.125+08:00", "2025-03-03T08:01:00.125+08:00")
    assert [hold["placed_at"] for hold in await ledger.open_holds(CAMPAIGN)] == ["2025-03-03T08:01:00.125+08:00"]
    assert [row["planned_at"] for row in await ledger.notices(CAMPAIGN)] == ["2025-03-03T08:03:00.125+08:00"]


async def test_the_columns_say_what_the_body_says(ledger: Ledger) -> None:
    """Columns to search by are taken from the envelope: campaign of four parts and less, type, pupil, hashes."""
    written = chain(3)
    await put(ledger, written)
    await put(ledger, seal_all(CAMPAIGN, [paused()]))

    async with ledger._engine.connect() as connection:
        rows = (await connection.execute(select(events).order_by(events.c.stream, events.c.version))).all()
        told = set(await connection.scalars(select(boards.c.campaign).union(select(outbox.c.campaign))))

    assert {row.campaign for row in rows} == told == {CAMPAIGN}
    assert [(row.stream, row.type, row.student) for row in rows] == [
        (CAMPAIGN, "CampaignPaused", None),
        (STREAM, "Recorded", "stu_000001"),
        (STREAM, "Recorded", "stu_000002"),
        (STREAM, "HouseholdInvited", "stu_000003"),
    ]
    assert [(row.prev_hash, row.hash) for row in rows[1:]] == [(event["prev_hash"], event["hash"]) for event in written]


async def test_lists_come_in_the_order_of_the_ids_on_every_database(ledger: Ledger) -> None:
    """Not in the order of a database's language: capitals, hyphens and digits sort as bytes do."""
    streams = [f"{CAMPAIGN}/{part}" for part in ("a-b", "ab", "a/b", "B", "10", "9", "a", "_")]
    for stream in streams:
        await put(ledger, chain(1, stream))

    assert await ledger.streams(CAMPAIGN) == sorted(streams)
    assert list(await ledger.board(CAMPAIGN)) == sorted(streams)
