"""Heads and keys in the ledger: what may be signed, in which order, by whom; and that a bundle names nobody."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path

import pytest
from audit_kernel_year import kernel_year
from audit_log_tools import sealed
from audit_small_log import CAMPAIGN, good
from bundle_maker import KEY, NOW, THIEF, Workshop, archived, made
from sqlalchemy import text

from audit.bundle.writer import NotVerifiedError, write_bundle
from audit.checkpoint import parse_checkpoint, sign_checkpoint
from audit.heads import HeadError, change_key, keys_of, make_head
from audit.note_errors import NoteError
from audit.signing_keys import create_key
from audit.verifier import verify_bundle as vb
from ledger.heads import KeptHead, keep_head, packed_histories, read_snapshot
from ledger.store import Ledger

sys.path.append(str(Path(__file__).parents[1] / "cli"))  # for `cli_canary`
from cli_canary import personal_values, spellings


@contextlib.asynccontextmanager
async def opened(folder):
    """The ledger of a folder."""
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{folder / 'ledger.db'}")
    try:
        yield ledger
    finally:
        await ledger.close()


async def grown(ledger, streams, first, last):
    """Append a part of each stream, from one share of it to another (tenths)."""
    for events in streams.values():
        if part := events[len(events) * first // 10 : len(events) * last // 10]:
            await ledger.append(part, [], {})


def head(ledger, key=KEY):
    """Sign a head."""
    return make_head(ledger, CAMPAIGN, key, "engine", NOW)


async def exported(ledger, headed, key, path):
    """Write the bundle."""
    rows = await packed_histories(ledger, headed.campaign)
    return write_bundle(headed, rows, key, path, templates={}, code_version="1")


async def test_a_head_takes_in_what_is_new_and_moves_nothing(tmp_path):
    """Five heads over a growing record: each tree begins with the one before, and nothing new makes no new head."""
    streams = sealed(good())
    async with opened(tmp_path) as ledger:
        before = []
        for tenth in range(0, 10, 2):
            await grown(ledger, streams, tenth, tenth + 2)
            found = await head(ledger)
            assert found.places[: len(before)] == before
            before = found.places
            assert (await head(ledger)).heads == found.heads
        assert len(found.heads) == 5
        assert found.head.size == sum(map(len, streams.values()))
        verdict = await exported(ledger, found, KEY, tmp_path / "b.zip")
    assert (verdict.verified, verdict.heads, verdict.histories) == (True, 5, 0)
    assert verdict.unarchived == verdict.events


async def test_two_heads_at_the_same_time_are_one_after_the_other(tmp_path):
    """Whoever comes second is not kept, and takes what is there."""
    async with opened(tmp_path) as ledger:
        await grown(ledger, sealed(good()), 0, 10)
        several = await asyncio.gather(*(head(ledger) for _ in range(4)))
        assert {one.head.note for one in several} == {several[0].head.note}
        assert len((await read_snapshot(ledger, CAMPAIGN)).heads) == 1
        late = KeptHead(1, "0" * 64, "", {CAMPAIGN: 1})
        assert not await keep_head(ledger, CAMPAIGN, late, after=0)


TOUCHED = {
    "an event": ('UPDATE events SET body=replace(body, \'"data":{\', \'"data":{"a":1,\') WHERE version=3', "#3"),
    "a lost event": (f"DELETE FROM events WHERE stream='{CAMPAIGN}' AND version=4", f"{CAMPAIGN}#4"),
    "a lost tail": (f"DELETE FROM events WHERE stream='{CAMPAIGN}' AND version>4", CAMPAIGN),
    "a head's root": ("UPDATE heads SET root='" + "0" * 64 + "'", CAMPAIGN),
    "a head's note": ("UPDATE heads SET note=replace(note, '/campaign/', '/campaing/')", CAMPAIGN),
    "a head's marks": (f"UPDATE marks SET version=1 WHERE stream='{CAMPAIGN}'", CAMPAIGN),
}


@pytest.mark.parametrize("name", TOUCHED)
async def test_nothing_is_signed_over_a_record_that_was_touched(tmp_path, name):
    """The place is named, and the heads stay as they were."""
    statement, place = TOUCHED[name]
    streams = sealed(good())
    async with opened(tmp_path) as ledger:
        await grown(ledger, streams, 0, 8)
        await head(ledger)
        await grown(ledger, streams, 8, 10)
        async with ledger._writing.begin() as connection:
            await connection.execute(text(statement.replace(":{", "\\:{").replace(":1,", "\\:1,")))
        with pytest.raises(HeadError) as error:
            await head(ledger)
        assert place in error.value.place
        assert len((await read_snapshot(ledger, CAMPAIGN)).heads) == 1


async def test_a_bundle_of_a_forged_history_is_not_written(tmp_path):
    """What does not verify gets no name, and a good bundle that stood there stays."""
    streams = sealed(good())
    async with opened(tmp_path) as ledger:
        await grown(ledger, streams, 0, 10)
        headed = await head(ledger)
        path = tmp_path / "b.zip"
        await exported(ledger, headed, KEY, path)
        kept = path.read_bytes()
        await archived(ledger, streams)
        async with ledger._writing.begin() as connection:
            await connection.execute(text("UPDATE archive SET history=x'00' WHERE workflow_id LIKE '%retention'"))
        with pytest.raises(NotVerifiedError) as error:
            await exported(ledger, headed, KEY, path)
    assert {finding.code for finding in error.value.verdict.findings} == {"HISTORY_DIGEST"}
    assert path.read_bytes() == kept
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".b")] == []


async def test_a_new_key_goes_on_where_the_old_one_ended(tmp_path):
    """Old heads verify by the old key, new ones by the new; either public key vouches for the bundle, a third none."""
    streams = sealed(good())
    old = create_key(tmp_path / "old", "audit.example")
    async with opened(tmp_path) as ledger:
        await grown(ledger, streams, 0, 5)
        await head(ledger, old)
        new = await change_key(ledger, old, tmp_path / "new")
        with pytest.raises(NoteError, match="KEY_OUT_OF_TERM"):
            await head(ledger, old)
        await grown(ledger, streams, 5, 10)
        headed = await head(ledger, new)
        await exported(ledger, headed, new, tmp_path / "b.zip")
        keys, statements = await keys_of(ledger)
    assert keys.keys == (old.public, new.public)
    assert len(statements) == 1
    for key, trusted in ((old, True), (new, True), (THIEF, False)):
        verdict = vb.verify(tmp_path / "b.zip", vb.Key.parse(str(key.public)))
        assert (verdict.trusted, verdict.heads) == (trusted, 2)
    shop = Workshop(tmp_path / "b.zip")
    found = vb.verify(shop.write(tmp_path / "stolen.zip", old)).findings
    assert vb.Finding("KEY_OUT_OF_TERM", vb.NOTE) in found
    late = f"heads/{headed.head.size:012d}.note"
    signed = shop.members[late]
    shop.members[late] = bytes(sign_checkpoint(parse_checkpoint(signed.decode().partition("\n\n")[0] + "\n"), old))
    found = vb.verify(shop.write(tmp_path / "late.zip", new)).findings
    assert found == [vb.Finding("KEY_OUT_OF_TERM", late)]
    shop.members[late] = signed
    text_ = shop.members["rotations/0001.note"]
    shop.members["rotations/0001.note"] = text_.replace(b"rotation 1", b"rotation 2")
    found = vb.verify(shop.write(tmp_path / "other.zip", new)).findings
    assert vb.Finding("KEYS_BROKEN", "rotations/0001.note") in found


async def test_a_broken_off_change_of_keys_can_be_made_again(tmp_path):
    """The new key's file is there, the statement is not: the same command makes it."""
    old = create_key(tmp_path / "old", "audit.example")
    made_before = create_key(tmp_path / "new", "audit.example")
    async with opened(tmp_path) as ledger:
        await grown(ledger, sealed(good()), 0, 10)
        await head(ledger, old)
        assert (await change_key(ledger, old, tmp_path / "new")).public == made_before.public
        with pytest.raises(NoteError, match="KEY_OUT_OF_TERM"):
            await change_key(ledger, old, tmp_path / "another")


async def test_a_bundle_names_nobody(tmp_path):
    """No name, number, address or mark of a synthetic county is in any member (INV-22)."""
    year = await kernel_year(tmp_path, schools=1, pupils=12)
    async with opened(tmp_path) as ledger:
        headed = await make_head(ledger, year.campaign, KEY, "stepped", NOW)
        verdict = await exported(ledger, headed, KEY, tmp_path / "b.zip")
    assert verdict.origin == f"audit.example/rehearsal/{year.campaign}"
    content = (tmp_path / "b.zip").read_bytes()
    values = personal_values(tmp_path / "county", int(year.campaign.rsplit("/", 1)[1]))
    assert len(values) > 40
    assert year.names & set(values)
    assert [value for value in values if any(spelling in content for spelling in spellings(value))] == []


async def test_the_sample_of_a_bundle_can_be_drawn_again(tmp_path):
    """The same seed, the same pupils, with the events that speak of them; without asking there is none."""
    bundle = await made(tmp_path, sealed(good()))
    drawn = vb.verify(bundle.path, sample=3, seed="a").sample
    assert drawn == vb.verify(bundle.path, sample=3, seed="a").sample
    assert len(drawn) == 3
    lines = {
        f"{place.stream}#{place.version}": line for place, line in zip(bundle.headed.places, bundle.lines, strict=True)
    }
    for one in drawn:
        assert one["events"] == [name for name, line in lines.items() if one["student"].encode() in line]
    assert vb.verify(bundle.path).sample == []
