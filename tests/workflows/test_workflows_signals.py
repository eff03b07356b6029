"""Signals from outside: what fits is done, what does not is noted by code and digest, and nothing does harm."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from workflows_house import (
    FIRST,
    KINDS,
    LEADER,
    OFFICER,
    PRINCIPAL,
    SCHOOL,
    SECOND,
    STRANGER,
    Campaign,
    House,
    act,
    assert_sound,
    eventually,
    together,
    types,
)

from domain.actors import Actor, Role
from domain.events import Envelope
from domain.machine import REFUSED_SIGNALS_A_DAY, signal_label

CANARY = "Canary-\u91d1\u4e1d\u96c0-13800000000"
"""A name and a number as somebody might send them by mistake; the record must never show them."""


@dataclass(frozen=True)
class Bad:
    """A signal that nothing can accept, and the codes that it may be noted with."""

    name: str
    signal: str
    args: Sequence[Any]
    codes: tuple[str, ...]


def raw(data: bytes, encoding: bytes = b"json/plain") -> RawValue:
    """Return an argument whose bytes reach the workflow as they are."""
    return RawValue(Payload(metadata={"encoding": encoding}, data=data))


def good(command_id: str, actor: Actor = PRINCIPAL) -> dict[str, Any]:
    """Return what `stage_completed` takes."""
    return {"command_id": command_id, "actor": actor.model_dump(mode="json")}


HEAD = Actor(id="stf_head", role=Role.CLASS_HEAD, organisation=SCHOOL)
UNREADABLE, INVALID = ("SIGNAL_UNREADABLE",), ("COMMAND_INVALID",)
UNKNOWN = ("SIGNAL_UNKNOWN",)

BAD = (
    Bad("no argument", "stage_completed", [], UNKNOWN),
    Bad("extra argument", "stage_completed", [good("extra"), CANARY], UNKNOWN),
    Bad("not an object", "stage_completed", [CANARY], UNKNOWN),
    Bad("null", "stage_completed", [None], UNREADABLE),
    Bad("binary", "stage_completed", [raw(b"\xff\xfe" + CANARY.encode(), b"binary/plain")], UNREADABLE),
    Bad("unknown encoding", "stage_completed", [raw(CANARY.encode(), b"binary/encrypted")], UNREADABLE),
    Bad("half an object", "stage_completed", [raw(b'{"command_id": "' + CANARY.encode())], UNREADABLE),
    Bad("lone surrogate", "stage_completed", [raw(b'{"command_id": "\\ud800"}')], (*UNREADABLE, *INVALID)),
    Bad("too deep", "stage_completed", [raw(b"[" * 100_000)], UNREADABLE),
    Bad("number too big", "stage_completed", [raw(b"1" * 6_000)], UNREADABLE),
    Bad("empty object", "stage_completed", [{}], INVALID),
    Bad("unknown field", "stage_completed", [{**good("unknown-field"), "kind": "skip", "note": CANARY}], INVALID),
    Bad("wrong id", "stage_completed", [good(CANARY)], INVALID),
    Bad("misnamed", "stage_complete", [good("misnamed"), CANARY], UNKNOWN),
    Bad("empty deliver", "deliver", [], UNKNOWN),
    Bad("deliver of a list", "deliver", [[CANARY]], UNKNOWN),
    Bad("deliver of an empty object", "deliver", [{}], UNREADABLE),
)
"""Signals that no stream takes."""


def refusals(events: list[Envelope]) -> Counter[str]:
    """Count a stream's refused signals by code."""
    return Counter(event["data"]["code"] for event in events if event["type"] == "SignalRefused")


async def alive(house: House, stream: str) -> None:
    """Check that a workflow still works: it answers, and a last refused signal reaches the ledger after the others."""
    last = f"last_{uuid4().hex[:8]}"
    await house.handle(stream).signal(last)

    async def noted() -> bool:
        return any(event["data"].get("name") == last for event in await house.events(stream))

    await eventually(noted, 15)
    state = await house.state(stream)
    assert state["halted"] is None
    assert_sound(stream, await house.events(stream), state["state"])


def stored(house: House) -> bytes:
    """Return every byte of the ledger's files."""
    return b"".join(path.read_bytes() for path in sorted(house.directory.glob("ledger.db*")))


async def completable(campaign: Campaign) -> None:
    """Do the work of the identification, all but the sign-off."""
    await campaign.open()
    students = await campaign.pupils()
    confirm = act("confirm", "confirm", LEADER, students=students, help=["STUDY"], reason="TEACHER_OBSERVATION")
    await campaign.submit(FIRST, confirm)
    await campaign.submit(FIRST, act("freeze", "freeze", LEADER))


# -- what fits ----------------------------------------------------------------------------------------------------


async def test_stage_completed_signs_the_stage_off(house: House) -> None:
    """A good signal has the same effect as the command: one event, in the actor's name, however often it is sent."""
    async with house.worker():
        campaign = await house.campaign()
        await completable(campaign)
        stream = campaign.stream(FIRST)
        for _ in range(3):
            await house.handle(stream).signal("stage_completed", good("signed-off"))
        await alive(house, stream)
        events = await house.events(stream)

    completed = [event for event in events if event["type"] == "StageCompleted"]
    assert [event["command_id"] for event in completed] == ["signed-off"]
    assert completed[0]["actor"] == PRINCIPAL.model_dump(mode="json")
    assert refusals(events) == {"SIGNAL_UNKNOWN": 1}


@pytest.mark.parametrize(
    ("actor", "event", "code"),
    [(HEAD, "SignalRefused", "ROLE_NOT_ALLOWED"), (STRANGER, "CommandRefused", "WRONG_SCHOOL")],
    ids=["role", "school"],
)
async def test_stage_completed_by_the_wrong_person_is_refused(
    house: House, actor: Actor, event: str, code: str
) -> None:
    """A signal is no way round the table of permissions; the attempt stands in the record."""
    async with house.worker():
        campaign = await house.campaign()
        await completable(campaign)
        stream = campaign.stream(FIRST)
        await house.handle(stream).signal("stage_completed", good("not-mine", actor))
        await alive(house, stream)
        state = await house.state(stream)

    assert [found["data"]["code"] for found in await house.events(stream) if found["type"] == event][:1] == [code]
    assert state["state"]["status"] == "open"


# -- what does not ------------------------------------------------------------------------------------------------


async def test_bad_signals_are_noted_by_code_and_do_no_harm(house: House) -> None:
    """Each of the seven workflows notes every bad signal by code and digest, keeps its state and goes on working."""
    async with house.worker():
        campaign = await house.campaign()
        await campaign.open(FIRST)
        await campaign.open(SECOND)
        before = {kind: await house.state(campaign.stream(kind)) for kind in KINDS}
        for bad in BAD:
            signals = (house.handle(campaign.stream(kind)).signal(bad.signal, args=bad.args) for kind in KINDS)
            await asyncio.gather(*signals)
        await together(alive(house, campaign.stream(kind)) for kind in KINDS)

        for kind in KINDS:
            stream = campaign.stream(kind)
            noted = [event for event in await house.events(stream) if event["type"] == "SignalRefused"]
            assert len(noted) == len(BAD) + 1, kind
            for bad, event in zip(BAD, noted, strict=False):
                assert event["data"]["code"] in bad.codes, (kind, bad.name)
                assert event["data"]["name"] == signal_label(bad.signal)
                assert len(event["data"]["digest"]) == 16
            state = await house.state(stream)
            assert state["state"] == before[kind]["state"], kind
            assert state["waiting"] == []
        assert b"Canary" not in stored(house)
        assert b"13800000000" not in stored(house)


def forged(kind: str, sender: str, **data: Any) -> dict[str, Any]:
    """Return a message such as our own workflows send each other."""
    return {"id": sender, "kind": kind, "data": data, "at": datetime.now(UTC).isoformat(), "hash": CANARY}


async def test_forged_news_do_no_harm(house: House) -> None:
    """Nonsense in the form of our own news is refused: from nobody we know, of no kind we know, or without sense."""
    async with house.worker():
        campaign = await house.campaign()
        await campaign.open(FIRST)
        stages = [kind for kind in KINDS if kind not in ("campaign", "school")]
        parent = dict.fromkeys(stages, campaign.stream("school")) | {"school": campaign.id}
        child = {"school": campaign.stream(FIRST), "campaign": campaign.stream("school")}
        before = {kind: await house.state(campaign.stream(kind)) for kind in KINDS}
        sent = 0
        for kind in KINDS:
            neighbours = [found for found in (parent.get(kind), child.get(kind)) if found]
            messages = [
                forged("close", "campaign/elsewhere/2025/9900010001#1"),
                forged("stage_changed", f"{campaign.id}/9900010099/identification#1", stage=FIRST, status="completed"),
                forged("school_ready", f"{campaign.id}/9900010099#3", school="9900010099", pupils=1),
                forged("cohort", "job:cohort", classes={"2025-01": [CANARY]}),
                forged("proposals", "job:proposals", proposals=[CANARY]),
                forged("close", "no-version"),
                forged("close", f"{campaign.stream(kind)}#1"),
                *(forged("nonsense", f"{neighbour}#900") for neighbour in neighbours),
                *(forged("pause", f"{neighbour}#901") for neighbour in neighbours),
                *(forged("pause", f"{neighbour}#902", scope=[CANARY], reason=1) for neighbour in neighbours),
                *(forged("prerequisite", f"{neighbour}#903") for neighbour in neighbours),
                *(forged("school_progress", f"{neighbour}#904", school=SCHOOL) for neighbour in neighbours),
                *(forged("school_progress", f"{neighbour}#905", school="x", stage=1) for neighbour in neighbours),
                *(forged("stage_changed", f"{neighbour}#906", stage=[1], status={}) for neighbour in neighbours),
            ]
            sent += len(messages)
            handle = house.handle(campaign.stream(kind))
            for message in messages:
                await handle.signal("deliver", message)
        await together(alive(house, campaign.stream(kind)) for kind in KINDS)
        noted = 0
        for kind in KINDS:
            state = await house.state(campaign.stream(kind))
            assert state["state"] == before[kind]["state"], kind
            assert state["waiting"] == [], kind
            noted += sum(refusals(await house.events(campaign.stream(kind))).values())
        assert noted == sent + len(KINDS)
        assert b"Canary" not in stored(house)

        # The real news still get through: what was forged did not use up the sender's numbers.
        pause = act("pause", "pause", OFFICER, reason="EXAM_WEEK")
        _, pending = await house.client.hold(campaign.id, pause)
        assert pending == 0


async def test_after_a_hundred_a_day_signals_are_only_counted(house: House) -> None:
    """A flood of bad signals fills neither the ledger nor the day after: 100 a day are noted, all are counted."""
    flood = REFUSED_SIGNALS_A_DAY + 20
    async with house.worker():
        campaign = await house.campaign(clock="stepped")
        stream, start = campaign.id, datetime.fromisoformat("2024-11-06T10:00:00+08:00")
        await house.client.tick(stream, start)
        handle = house.handle(stream)
        await asyncio.gather(*(handle.signal("nonsense", CANARY) for _ in range(flood)))

        async def noted(number: int) -> bool:
            return sum(refusals(await house.events(stream)).values()) == number

        async def counted() -> bool:
            return (await house.state(stream))["signals_refused"] == flood

        await eventually(counted)
        await eventually(lambda: noted(REFUSED_SIGNALS_A_DAY))
        await house.client.tick(stream, start + timedelta(days=1))
        await handle.signal("nonsense", CANARY)
        await eventually(lambda: noted(REFUSED_SIGNALS_A_DAY + 1))
        assert (await house.state(stream))["signals_refused"] == 1
        assert_sound(stream, await house.events(stream))
    assert types(await house.events(stream)).count("SignalRefused") == REFUSED_SIGNALS_A_DAY + 1
    assert json.dumps(CANARY) not in json.dumps(await house.events(stream))
