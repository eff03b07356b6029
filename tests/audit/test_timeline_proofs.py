"""Each line of a timeline with its proof: where its events stand in the tree, and which head covers them."""

from __future__ import annotations

import json

import pytest_asyncio
from audit_log_tools import sealed
from audit_small_log import CAMPAIGN, FILING, good
from bundle_maker import KEY, NOW

from audit.heads import Headed, make_head
from audit.inclusion import check, prove
from audit.leaves import Place
from audit.timeline import read_timeline
from audit.timeline_proofs import Proofs
from cli.entry import run
from domain.events import event_id
from ledger.heads import read_snapshot
from ledger.store import Ledger


@pytest_asyncio.fixture
async def halves(tmp_path):
    """A ledger with two heads over the first and the second third of every stream, and a third without a head."""
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}")
    headed: Headed | None = None
    streams = sealed(good())
    for third in range(3):
        for stream, events in streams.items():
            part = events[len(events) * third // 3 : len(events) * (third + 1) // 3]
            if part:
                line = {"stream": stream, "kind": "x", "campaign": CAMPAIGN, "version": part[-1]["version"]}
                await ledger.append(part, [], line)
        if third < 2:
            headed = await make_head(ledger, CAMPAIGN, KEY, "engine", NOW)
    yield ledger, headed
    await ledger.close()


def each(proof):
    """Return the ids of a proof's events."""
    stream, _, versions = proof.event.rpartition("#")
    first, _, last = versions.partition("-")
    return [event_id(stream, version) for version in range(int(first), int(last or first) + 1)]


async def test_every_event_is_followed_to_its_leaf_and_head(halves):
    """The leaf with that index is the event; the head is the earliest that covers it; the newest events have none."""
    ledger, headed = halves
    proofs = Proofs(await read_snapshot(ledger, CAMPAIGN))
    lines = await read_timeline(ledger, CAMPAIGN, "zh")
    found = {}
    for line in lines:
        told = proofs.of(line)
        assert sum(len(each(proof)) for proof in told) == line.count
        for proof in told:
            for number, name in enumerate(each(proof)):
                found[name] = None if proof.first is None else (proof.first + number, proof.head)
            assert (proof.first is None) == (proof.last is None) == (proof.head is None)
    sizes = [head.size for head in headed.heads]
    assert len(sizes) == 2
    for index, text in enumerate(headed.lines):
        event = json.loads(text)
        assert found.pop(event_id(event["stream"], event["version"])) == (
            index,
            sizes[0] if index < sizes[0] else sizes[1],
        )
    assert found
    assert set(found.values()) == {None}


async def test_a_line_is_followed_to_the_proof_of_its_event(halves):
    """What the timeline says of an event's leaf is what the event's own proof says, checked with the public key."""
    ledger, headed = halves
    lines = await read_timeline(ledger, CAMPAIGN, "zh")
    told = Proofs(await read_snapshot(ledger, CAMPAIGN)).of(lines[0])[0]
    stream, _, version = each(told)[0].rpartition("#")
    proven = check(prove(headed, Place(stream, int(version))).encode(), [KEY.public])
    assert (proven.id, proven.index) == (each(told)[0], told.first)


async def test_events_of_two_heads_in_one_line_are_two_proofs(halves):
    """A stretch of a stream that goes over a head's edge is told in parts, each with its own head."""
    ledger, headed = halves
    proofs = Proofs(await read_snapshot(ledger, CAMPAIGN))
    line = (await read_timeline(ledger, CAMPAIGN, "en"))[0]
    last = [event async for event in ledger.events(FILING)][-1]["version"]
    told = proofs.of(line.model_copy(update={"events": (f"{FILING}#1-{last}",)}))
    assert [proof.head for proof in told] == [*(head.size for head in headed.heads), None]
    assert [name for proof in told for name in each(proof)] == [f"{FILING}#{number}" for number in range(1, last + 1)]


async def test_the_command_tells_proofs_when_asked(halves, tmp_path, capsys):
    """Without the option a line is as it always was; with it there is a key more, and a word behind each line."""
    ledger, headed = halves
    base = ["audit", "timeline", CAMPAIGN, "--data", str(tmp_path)]
    assert await run([*base, "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)["lines"]
    assert await run([*base, "--json", "--proofs"]) == 0
    told = json.loads(capsys.readouterr().out)["lines"]
    assert [{name: value for name, value in line.items() if name != "proofs"} for line in told] == plain
    assert all(line["proofs"] for line in told)
    assert {proof["head"] for line in told for proof in line["proofs"]} == {*(head.size for head in headed.heads), None}
    assert await run([*base, "--proofs"]) == 0
    shown = capsys.readouterr().out
    assert f"检查点 {headed.heads[0].size}" in shown
    assert "尚无检查点" in shown
    async with ledger._engine.begin() as connection:
        await connection.exec_driver_sql(f"delete from events where stream = '{FILING}' and version > 2")
    assert await run([*base, "--json", "--proofs"]) == 7
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "LEDGER_BROKEN"
