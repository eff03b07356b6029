"""The engine's own timers on virtual clocks: everything that is due comes on its civil date, and ends with the work."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from workflows_house import (
    FIRST,
    LATER,
    LEADER,
    OFFICER,
    PRINCIPAL,
    SECOND,
    Campaign,
    House,
    act,
    assert_sound,
    eventually,
    house_in,
)

from domain.events import Envelope
from domain.time import civil
from engine import EmbeddedEngine, connect
from protocol import SEARCH_ATTRIBUTES

SATURDAY = 5
PATIENCE = 120
"""Seconds of real time: the virtual clock hangs for ever where a workflow is stuck."""

CLOCKED = ("StageOpened", "StageReminded", "StageOverdue", "StageEscalated")


@pytest.fixture
async def skipping() -> AsyncIterator[WorkflowEnvironment]:
    """Run the test server with one virtual clock for all; it starts at today."""
    binary = str(Path(sys.executable).parent / "temporal-test-server")
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=binary, data_converter=pydantic_data_converter
    ) as environment:
        request = AddSearchAttributesRequest(
            namespace=environment.client.namespace,
            search_attributes={key.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD for key in SEARCH_ATTRIBUTES},
        )
        await environment.client.operator_service.add_search_attributes(request)
        yield environment


@pytest.fixture
async def house(skipping: WorkflowEnvironment, tmp_path: Path) -> AsyncIterator[House]:
    """Open a house on the virtual clock."""
    async with house_in(skipping.client, tmp_path) as opened:
        yield opened


@pytest.fixture
async def real_house(engine: EmbeddedEngine, rooms: Iterator[int], tmp_path: Path) -> AsyncIterator[House]:
    """Open a house on the real server and the real clock."""
    client = await connect(engine.address, f"room-{next(rooms)}", wait=10)
    async with house_in(client, tmp_path) as opened:
        yield opened


def working(day: date, steps: int) -> date:
    """Count working days of plain weeks, by another way than the calendar under test."""
    week = [day + timedelta(days=offset) for offset in range(-40, 41)]
    workdays = [found for found in week if found.weekday() < SATURDAY]
    if steps > 0:
        return [found for found in workdays if found > day][steps - 1]
    return [found for found in workdays if found < day][steps]


def weekday(day: date) -> date:
    """Return the first weekday on or after a day."""
    while day.weekday() >= SATURDAY:
        day += timedelta(days=1)
    return day


async def pass_days(environment: WorkflowEnvironment, until: date) -> None:
    """Let civil days pass until one has begun, one at a time: a leap over many would overtake the workflows."""
    while civil(await environment.get_current_time()) < until:
        await asyncio.wait_for(environment.sleep(timedelta(hours=12)), PATIENCE)


def dated(events: list[Envelope]) -> list[tuple[str, str, str]]:
    """Return what the clock alone did: type, civil date on which it was due, civil date on which it was recorded."""
    return [
        (event["type"], event["occurred_at"][:10], event["recorded_at"][:10])
        for event in events
        if event["type"] in CLOCKED
    ]


def on_time(*expected: tuple[str, date]) -> list[tuple[str, str, str]]:
    """Return what `dated` gives where everything is recorded on the day on which it is due."""
    return [(kind, day.isoformat(), day.isoformat()) for kind, day in expected]


async def started(environment: WorkflowEnvironment, house: House, opens: date, due: date, second: date) -> Campaign:
    """Start a campaign whose identification has a window; the parents' meetings open later, the others much later."""
    today = civil(await environment.get_current_time())
    windows = {FIRST: (opens, due), SECOND: (second, second + timedelta(days=60))}
    return await house.campaign(windows=windows, after={SECOND: [FIRST]}, today=today)


async def test_everything_comes_on_its_date(skipping: WorkflowEnvironment, house: House) -> None:
    """Nobody does anything: the stage opens, reminds seven and one working days before, is overdue, escalates thrice.

    Then nothing more comes, and what waits for the stage stays closed.
    """
    today = civil(await skipping.get_current_time())
    opens = weekday(today + timedelta(days=4))
    due = working(opens, 12)
    with skipping.auto_time_skipping_disabled():
        async with house.worker():
            campaign = await started(skipping, house, opens, due, opens)
            await pass_days(skipping, working(due, 9))
            events = await house.events(campaign.stream(FIRST))
            waiting = await house.events(campaign.stream(SECOND))
            state = await house.state(campaign.stream(FIRST))

    assert dated(events) == on_time(
        ("StageOpened", opens),
        ("StageReminded", working(due, -7)),
        ("StageReminded", working(due, -1)),
        ("StageOverdue", due + timedelta(days=1)),
        ("StageEscalated", working(due, 1)),
        ("StageEscalated", working(due, 3)),
        ("StageEscalated", working(due, 5)),
    )
    roles = [event["data"]["to_role"] for event in events if event["type"] == "StageEscalated"]
    assert roles == ["class_head", "principal", "bureau_officer"]
    assert dated(waiting) == []
    assert_sound(campaign.stream(FIRST), events, state["state"])


async def test_reminders_and_escalations_end_with_the_work(skipping: WorkflowEnvironment, house: House) -> None:
    """Signed off between the reminders: the second never comes, nothing is overdue, and the next stage opens."""
    today = civil(await skipping.get_current_time())
    opens = weekday(today + timedelta(days=2))
    due = working(opens, 12)
    with skipping.auto_time_skipping_disabled():
        async with house.worker():
            campaign = await started(skipping, house, opens, due, opens)
            await pass_days(skipping, working(due, -6))
            students = await campaign.pupils()
            confirm = act("confirm", "c", LEADER, students=students, help=["STUDY"], reason="TEACHER_OBSERVATION")
            await campaign.submit(FIRST, confirm)
            await campaign.submit(FIRST, act("freeze", "f", LEADER))
            await campaign.submit(FIRST, act("complete", "s", PRINCIPAL))
            signed_off = civil(await skipping.get_current_time())
            await pass_days(skipping, working(due, 9))
            events = await house.events(campaign.stream(FIRST))
            following = await house.events(campaign.stream(SECOND))

    assert dated(events) == on_time(("StageOpened", opens), ("StageReminded", working(due, -7)))
    completed = [event for event in events if event["type"] == "StageCompleted"]
    assert [event["data"]["on_time"] for event in completed] == [True]
    assert dated(following)[:1] == on_time(("StageOpened", signed_off))


async def test_a_pause_holds_the_clock_and_an_extension_moves_it(skipping: WorkflowEnvironment, house: House) -> None:
    """Paused over the first reminder: it never comes. Extended after the due date: all begins again from the new."""
    today = civil(await skipping.get_current_time())
    opens = weekday(today + timedelta(days=2))
    due = working(opens, 12)
    later = working(due, 12)
    with skipping.auto_time_skipping_disabled():
        async with house.worker():
            campaign = await started(skipping, house, opens, due, opens)
            await pass_days(skipping, working(due, -8))
            await campaign.submit("campaign", act("pause", "p", OFFICER, reason="EXAM_WEEK"))
            await pass_days(skipping, working(due, -5))
            await campaign.submit("campaign", act("resume", "r", OFFICER, reason="EXAM_WEEK_OVER"))
            await pass_days(skipping, working(due, 2))
            extend = act("extend", "e", OFFICER, due=later.isoformat(), reason="SNOW_DAYS")
            await campaign.submit(FIRST, extend)
            await pass_days(skipping, working(later, 2))
            events = await house.events(campaign.stream(FIRST))
            untouched = {slug: await house.events(campaign.stream(slug)) for slug in LATER}

    reminded = [event["occurred_at"][:10] for event in events if event["type"] == "StageReminded"]
    assert reminded == [day.isoformat() for day in (working(due, -1), working(later, -7), working(later, -1))]
    overdue = [event["occurred_at"][:10] for event in events if event["type"] == "StageOverdue"]
    assert overdue == [(day + timedelta(days=1)).isoformat() for day in (due, later)]
    assert all(recorded == due_on for _, due_on, recorded in dated(events))
    assert all(dated(found) == [] for found in untouched.values())


async def test_a_campaign_that_begins_after_its_window_is_overdue_at_once(real_house: House) -> None:
    """It opens and is overdue on the day when it begins; no reminder of days before goes out to anybody."""
    today = civil(datetime.now().astimezone())
    due = working(today, -8)
    opens = working(due, -9)
    async with real_house.worker():
        campaign = await real_house.campaign(windows={SECOND: (opens, due)})
        stream = campaign.stream(SECOND)

        async def overdue() -> bool:
            return len(dated(await real_house.events(stream))) == 2

        await eventually(overdue)
        events = await real_house.events(stream)
        assert_sound(stream, events, (await real_house.state(stream))["state"])
    assert [kind for kind, _, _ in dated(events)] == ["StageOpened", "StageOverdue"]
    days = {day for _, due_on, recorded in dated(events) for day in (due_on, recorded)}
    assert days <= {today.isoformat(), (today + timedelta(1)).isoformat()}
