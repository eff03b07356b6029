"""Commands through Temporal: what is refused leaves no trace or one, what is accepted is kept once, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowUpdateFailedError
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError
from workflows_house import (
    FIRST,
    LEADER,
    PRINCIPAL,
    SECOND,
    STRANGER,
    Campaign,
    House,
    PatientClient,
    SlowLedger,
    act,
    assert_sound,
    eventually,
    together,
    types,
)

from client import CampaignClient, NotRecordedError
from domain.actors import SYSTEM, Role
from domain.events import CommandRefused, Envelope, seal
from domain.policy import PolicyRef
from domain.refusal import Refusal
from domain.time import stamp
from protocol import EVENTS_PER_APPEND, REFUSED, UPDATE_SUBMIT, UPDATE_TICK, TickRequest

CANARY = "canary13800000000"
HEAD = LEADER.model_copy(update={"role": Role.CLASS_HEAD})


async def update(house: House, stream: str, name: str, args: Sequence[Any], update_id: str) -> Any:
    """Send an Update past the client, as a foreign program would."""
    return await house.handle(stream).execute_update(
        name, args=args, id=update_id, rpc_timeout=timedelta(seconds=20), result_type=dict[str, Any]
    )


async def settled(house: House, stream: str) -> int:
    """Return the length of a stream's history once it rests."""
    before = -1
    while (length := await house.history_length(stream)) != before:
        before = length
        await asyncio.sleep(0.1)
    return length


@pytest.mark.parametrize(
    ("kind", "command", "code"),
    [
        (FIRST, act("freeze", "early", LEADER), "NOT_COMPLETE"),
        (FIRST, act("complete", "head", HEAD), "ROLE_NOT_ALLOWED"),
        (FIRST, act("confirm", "nobody", LEADER, students=["stu_nobody00"]), "ROWS_REFUSED"),
        (FIRST, act("extend", "no-kind-of-date", LEADER, due="soon"), "COMMAND_INVALID"),
        (FIRST, act("freeze", "extra", LEADER, remark=CANARY), "COMMAND_INVALID"),
        ("school", act("complete", "a-school-is-no-stage", PRINCIPAL), "COMMAND_INVALID"),
        ("retention", act("complete", "long-before", PRINCIPAL), "STAGE_TOO_EARLY"),
        ("campaign", act("resume", "not-paused", LEADER, reason="X1"), "ROLE_NOT_ALLOWED"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isupper() else "",
)
async def test_what_the_validator_refuses_leaves_nothing(
    campaign: Campaign, kind: str, command: dict[str, Any], code: str
) -> None:
    """The caller gets the code; history and ledger are as long as before."""
    house, stream = campaign.house, campaign.stream(kind)
    before = await settled(house, stream)
    events = await house.events(stream)
    with pytest.raises(Refusal) as refused:
        await house.client.submit(stream, command)
    assert refused.value.code == code
    assert await house.history_length(stream) == before
    assert await house.events(stream) == events


async def test_a_recorded_refusal_is_kept_once(campaign: Campaign) -> None:
    """Another school's principal is refused, the attempt stands in the record, and asking again changes nothing."""
    house, stream = campaign.house, campaign.stream(FIRST)
    command = act("freeze", "foreign", STRANGER)
    first = await house.client.submit(stream, command)
    second = await house.client.submit(stream, command)

    assert not first.accepted
    assert first.refused is not None
    assert first.refused["code"] == "WRONG_SCHOOL"
    assert second == first
    kept = [event for event in await house.events(stream) if event["command_id"] == "foreign"]
    assert types(kept) == ["CommandRefused"]
    assert kept[0]["data"]["code"] == "WRONG_SCHOOL"
    assert kept[0]["actor"]["id"] == STRANGER.id
    assert first.receipt.last_version == kept[0]["version"]


GARBAGE = RawValue(Payload(metadata={"encoding": b"json/plain"}, data=b"{" + CANARY.encode()))
DEEP = RawValue(
    Payload(metadata={"encoding": b"json/plain"}, data=b'{"command_id":' + b"[" * 5_000 + b"]" * 5_000 + b"}")
)
BIG = RawValue(
    Payload(
        metadata={"encoding": b"json/plain"},
        data=b'{"kind":"freeze","command_id":"big","actor":{"id":"stf_x","role":"principal",'
        b'"organisation":"9900010999","more":123456789012345678901234567890,"odd":1e400}}',
    )
)


@pytest.mark.parametrize(
    ("name", "args", "update_id"),
    [
        (UPDATE_SUBMIT, [], "none"),
        (UPDATE_SUBMIT, ["text"], "text"),
        (UPDATE_SUBMIT, [[1, 2]], "list"),
        (UPDATE_SUBMIT, [None], "null"),
        (UPDATE_SUBMIT, [{}], "empty"),
        (UPDATE_SUBMIT, [{"command_id": 7}], "7"),
        (UPDATE_SUBMIT, [act("freeze", "three", LEADER), None, 3], "three"),
        (UPDATE_SUBMIT, [act("freeze", "at", LEADER), 17], "at"),
        (UPDATE_SUBMIT, [GARBAGE], "garbage"),
        (UPDATE_SUBMIT, [DEEP], "deep"),
        (UPDATE_SUBMIT, [BIG], "big"),
        (UPDATE_TICK, [], "tick-none"),
        (UPDATE_TICK, [{"at": "noon"}], "tick-noon"),
        ("submitt", [act("freeze", "misnamed", LEADER)], "misnamed"),
    ],
    ids=lambda value: value if isinstance(value, str) and value not in (UPDATE_SUBMIT, UPDATE_TICK) else "",
)
async def test_wrong_arguments_get_a_clean_error(
    campaign: Campaign, name: str, args: Sequence[Any], update_id: str
) -> None:
    """Whatever a foreign program sends: it gets an error, nothing enters history or ledger, the workflow lives."""
    house, stream = campaign.house, campaign.stream(FIRST)
    before = await settled(house, stream)
    events = await house.events(stream)
    with pytest.raises(WorkflowUpdateFailedError):
        await update(house, stream, name, args, update_id)
    assert await house.history_length(stream) == before
    assert await house.events(stream) == events
    assert (await house.state(stream))["halted"] is None


@pytest.mark.parametrize(
    ("name", "args", "update_id", "code"),
    [
        (UPDATE_SUBMIT, [act("freeze", "mine", LEADER)], "yours", "UPDATE_ID_MISMATCH"),
        (UPDATE_SUBMIT, [act("freeze", "at", LEADER), "2026-01-05T08:00:00+08:00"], "at", "CLOCK_NOT_STEPPED"),
        (UPDATE_TICK, [TickRequest(at=datetime(2026, 1, 5, tzinfo=UTC))], "tick", "CLOCK_NOT_STEPPED"),
    ],
    ids=["id", "at", "tick"],
)
async def test_the_shells_own_refusals(
    campaign: Campaign, name: str, args: Sequence[Any], update_id: str, code: str
) -> None:
    """A command under a foreign Update id, or a stepped instant on the engine's clock, is refused before it counts."""
    house, stream = campaign.house, campaign.stream(FIRST)
    before = await settled(house, stream)
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await update(house, stream, name, args, update_id)
    cause = failed.value.cause
    assert isinstance(cause, ApplicationError)
    assert (cause.type, cause.details[0]["code"]) == (REFUSED, code)
    assert await house.history_length(stream) == before


# -- halted -------------------------------------------------------------------------------------------------------


def foreign_event(last: Envelope) -> Envelope:
    """Make an event that the workflow knows nothing of, at the stream's next version."""
    now = datetime.fromisoformat(last["recorded_at"])
    return seal(
        CommandRefused(command="foreign", code="FOREIGN", digest="0" * 16),
        stream=last["stream"],
        version=last["version"] + 1,
        prev_hash=last["hash"],
        occurred_at=now,
        recorded_at=now,
        actor=SYSTEM,
        command_id=None,
        causation=None,
        policy=PolicyRef.model_validate(last["policy"]),
    )


async def test_a_conflict_with_the_ledger_halts_the_stream(house: House) -> None:
    """Another event at the next version: the stream halts, answers reads only, and nothing is lost or doubled."""
    async with house.worker():
        campaign = await house.campaign()
        await campaign.open()
        stream, other = campaign.stream(FIRST), campaign.stream(SECOND)
        held = await house.events(stream)
        state = await house.state(stream)
        intruder = foreign_event(held[-1])
        await house.ledger.append([intruder], [], state["view"])

        students = await campaign.pupils()
        command = act("confirm", "unlucky", LEADER, students=students[:1], help=["STUDY"], reason="OBSERVED")
        answer = await house.client.submit_unrecorded(stream, command)
        with pytest.raises(NotRecordedError):
            await house.client.wait_recorded(answer.receipt, timedelta(seconds=1))

        async def halted() -> bool:
            return (await house.state(stream))["halted"] is not None

        await eventually(halted)
        found = (await house.state(stream))["halted"]
        conflict = {"version": len(held) + 1, "expected": intruder["hash"], "found": answer.receipt.hash}
        assert found == conflict
        assert await house.ledger.conflicts() == [{"stream": stream, **conflict}]
        with pytest.raises(Refusal) as refused:
            await house.client.submit(stream, act("freeze", "later", LEADER))
        assert refused.value.code == "HALTED"
        await house.handle(stream).signal("stage_completed", {"command_id": "later-too"})
        assert await house.client.blockers(stream)
        assert await house.events(stream) == [*held, intruder]

        # The others go on.
        classes = list((await house.state(other))["state"]["classes"])
        session = act("schedule_session", "s", LEADER, session="m", classes=classes, at=stamp(datetime.now(UTC)))
        assert (await house.client.submit(other, session)).accepted
        assert await house.events(stream) == [*held, intruder]


# -- a slow ledger ------------------------------------------------------------------------------------------------


async def test_sixteen_clients_on_a_slow_ledger(house: House) -> None:
    """128 Updates in flight, an append of half a second: one append at a time, at most 500 events each, in order.

    The server takes ten unfinished Updates of a workflow; the others try again until they are taken.
    """
    slow = SlowLedger(house.ledger, 0.5)
    async with house.worker(slow):
        campaign = await house.campaign(pupils=EVENTS_PER_APPEND // 2)
        await campaign.open(FIRST)
        await campaign.open(SECOND)
        stream = campaign.stream(SECOND)
        classes = list((await house.state(stream))["state"]["classes"])
        sessions = [f"meeting-{number}" for number in range(16)]
        faces = [PatientClient(house.engine, house.ledger) for _ in sessions]

        async def meeting(face: CampaignClient, session: str) -> list[Any]:
            set_up = act(
                "schedule_session",
                f"s-{session}",
                LEADER,
                session=session,
                classes=classes,
                at=stamp(datetime.now(UTC)),
            )
            refused = act("freeze", f"r-{session}", LEADER)
            first = await face.submit_unrecorded(stream, set_up)
            with pytest.raises(Refusal):
                await face.submit(stream, refused)
            return [first, await face.submit_unrecorded(stream, act("invite", f"i-{session}", LEADER, session=session))]

        pairs = await together(meeting(*pair) for pair in zip(faces, sessions, strict=True))
        answers = [answer for pair in pairs for answer in pair]
        await together(house.client.wait_recorded(answer.receipt) for answer in answers)

        events = await house.events(stream)
        assert_sound(stream, events, (await house.state(stream))["state"])
        assert types(events).count("SessionScheduled") == 16
        assert types(events).count("HouseholdInvited") == 16 * (EVENTS_PER_APPEND // 2)
        assert set(slow.together.values()) == {1}
        assert max(len(batch) for batch in slow.batches[stream]) == EVENTS_PER_APPEND
        written = [version for batch in slow.batches[stream] for version in batch]
        assert written == list(range(1, len(events) + 1))
        ranges = sorted((answer.receipt.first_version, answer.receipt.last_version) for answer in answers)
        assert all(one[1] < other[0] for one, other in pairwise(ranges))
        counts = await house.ledger.counts(campaign.id)
        assert counts["notices"] == 16 * (EVENTS_PER_APPEND // 2)
