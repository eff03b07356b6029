"""Pause, resume, stop and close: every stage follows, nothing is left open, and every run's history is kept."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus
from workflows_house import (
    DISCIPLINE,
    FIRST,
    KINDS,
    LEADER,
    OFFICER,
    PRINCIPAL,
    SCHOOL,
    SECOND,
    Campaign,
    House,
    SlowLedger,
    act,
    assert_sound,
    eventually,
    types,
)

import protocol
from client import CampaignClient, MismatchError, NotFoundError, left_open
from domain.actors import ANONYMOUS
from domain.events import GENESIS
from domain.refusal import Refusal
from domain.stage_events import StageSlug
from engine import connect
from ledger.histories import appended
from protocol import ACTIVITY_APPEND
from registry.draft import Draft

STAGES = tuple(slug.value for slug in StageSlug)
AT_WORK = ("campaign", "school", *STAGES)
"""The streams that go on where the last day of attendance has passed."""


async def flags(campaign: Campaign, name: str) -> set[Any]:
    """Return one flag of all five stages, as the board shows it."""
    board = await campaign.house.ledger.board(campaign.id)
    return {board[campaign.stream(stage)][name] for stage in STAGES}


async def code_of(campaign: Campaign, kind: str, command: dict[str, Any]) -> str:
    """Give a command that is refused and return the code."""
    with pytest.raises(Refusal) as refused:
        await campaign.submit(kind, command)
    return refused.value.code


async def test_pause_resume_and_stop_reach_every_stage(house: House) -> None:
    """The hold is there at once, the command returns when all five stages have followed, and each refuses progress."""
    async with house.worker():
        campaign = await house.campaign()
        await campaign.open(FIRST)
        students = await campaign.pupils()
        confirm = act("confirm", "c", LEADER, students=students[:1], help=["STUDY"], reason="OBSERVED")

        answer, pending = await house.client.hold(campaign.id, act("pause", "p", OFFICER, reason="EXAM_WEEK"))
        assert (answer.accepted, pending, await flags(campaign, "paused")) == (True, 0, {True})
        holds = await house.ledger.open_holds(campaign.id)
        assert [(hold["scope"], hold["reason"]) for hold in holds] == [(campaign.id, "EXAM_WEEK")]
        assert await code_of(campaign, FIRST, confirm) == "STAGE_PAUSED"
        contest = act("contest", "k", LEADER, student=students[0], raised_by="GUARDIAN", reason="FAMILY_DISAGREES")
        assert (await campaign.submit(FIRST, contest)).accepted  # a right, not progress

        answer, pending = await house.client.hold(campaign.id, act("resume", "r", OFFICER, reason="OVER"))
        assert (answer.accepted, pending, await flags(campaign, "paused")) == (True, 0, {False})
        assert await house.ledger.open_holds(campaign.id) == []
        assert (await campaign.submit(FIRST, {**confirm, "command_id": "c2"})).accepted

        one = act("pause", "p2", OFFICER, reason="SNOW", school=SCHOOL)
        answer, pending = await house.client.hold(campaign.id, one)
        assert (answer.accepted, pending, await flags(campaign, "paused")) == (True, 0, {True})
        scopes = [hold["scope"] for hold in await house.ledger.open_holds(campaign.id)]
        assert scopes == [campaign.stream("school")]

        answer, pending = await house.client.hold(campaign.id, act("stop", "s", OFFICER, reason="NO_MORE"))
        assert (answer.accepted, pending, await flags(campaign, "stopped")) == (True, 0, {True})
        assert await code_of(campaign, SECOND, act("complete", "x", PRINCIPAL)) == "CAMPAIGN_STOPPED"
        for kind in KINDS:
            stream = campaign.stream(kind)
            assert_sound(stream, await house.events(stream), (await house.state(stream))["state"])


async def test_a_hold_counts_before_the_stages_follow(house: House) -> None:
    """On a slow ledger the command returns with how many stages have not followed; the hold counts already."""
    async with house.worker():
        campaign = await house.campaign()
    async with house.worker(SlowLedger(house.ledger, 1.0)):
        pause = act("pause", "p", OFFICER, reason="EXAM_WEEK")
        answer, pending = await house.client.hold(campaign.id, pause, within=timedelta(seconds=0.1))
        assert answer.accepted
        assert pending == len(STAGES)
        assert len(await house.ledger.open_holds(campaign.id)) == 1
        again, pending = await house.client.hold(campaign.id, pause)
        assert again.receipt == answer.receipt
        assert pending == 0


@pytest.mark.parametrize("clock", ["engine", "stepped"])
async def test_close_ends_everything_and_keeps_every_run(
    house: House, monkeypatch: pytest.MonkeyPatch, clock: str
) -> None:
    """Every workflow completes, every run of every workflow is archived, and the segments join to the whole stream."""
    monkeypatch.setattr(protocol, "SIGNALS_PER_RUN", 8)
    async with house.worker():
        campaign = await house.campaign(clock=clock, watched=False)
        close = act("close_campaign", "end", OFFICER, reason="YEAR_OVER")
        if clock == "stepped":
            await closed_before_its_schools_began(campaign, close)
            kinds: tuple[str, ...] = ("campaign", "school")
        else:
            await many_runs(campaign)
            assert await code_of(campaign, "campaign", {**close, "command_id": "too-early"}) == "STAGES_NOT_FINISHED"
            for stage in STAGES:
                await campaign.submit(stage, act("skip", f"skip-{stage}", OFFICER, reason="NOT_HELD"))
            await settled(campaign)
            answer, archived = await house.client.close_campaign(campaign.id, close, within=timedelta(seconds=60))
            assert (answer.accepted, archived) == (True, True)
            kinds = KINDS

        runs = await house.ledger.archived_runs(campaign.id)
        assert sorted(runs) == sorted(campaign.stream(kind) for kind in kinds)
        for kind in kinds:
            stream = campaign.stream(kind)
            description = await house.handle(stream).describe()
            assert description.status == WorkflowExecutionStatus.COMPLETED
            assert runs[stream][-1] == description.run_id
            await assert_joined(house, stream, runs[stream])
        if clock == "engine":
            assert all(len(runs[campaign.stream(kind)]) >= 2 for kind in AT_WORK)
        with pytest.raises(NotFoundError) as ended:
            await house.client.submit(campaign.id, act("pause", "late", OFFICER, reason="LATE"))
        assert ended.value.ended


async def test_close_does_not_wait_for_an_open_case_and_keeps_it_when_it_has_ended(house: House) -> None:
    """The case goes on by days of its own: `close` says so at once; again after its end, it archives what is left."""
    async with house.worker():
        campaign = await house.campaign(watched=False)
        nobody = act("complain", "c", ANONYMOUS, complaint="c-1", about=SCHOOL, matter="FEE")
        await campaign.submit("campaign", nobody)
        await campaign.submit("campaign", act("stop", "stop", OFFICER, reason="ORDER"))
        close = act("close_campaign", "end", OFFICER, reason="YEAR_OVER")
        case = f"{campaign.id}/compliance/c-1"

        answer, archived = await house.client.close_campaign(campaign.id, close, within=timedelta(hours=1))
        assert (answer.accepted, archived) == (True, False)
        assert left_open(await house.ledger.board(campaign.id)) == ([case], [])
        again = {**close, "command_id": "again"}
        with pytest.raises(Refusal, match="CAMPAIGN_CLOSED"):
            await house.client.close_campaign(campaign.id, again, within=timedelta(hours=1))

        decided = act("dismiss_violation", "d", DISCIPLINE, reason="NOTHING_FOUND")
        await house.client.submit(case, decided)
        with contextlib.suppress(Refusal, NotFoundError):  # it is just ending, or has ended
            await house.client.close_campaign(campaign.id, again, within=timedelta(seconds=60))
        board = await house.ledger.board(campaign.id)
        assert left_open(board) == ([], [])
        assert sorted(await house.ledger.archived_runs(campaign.id)) == sorted(board)


async def many_runs(campaign: Campaign) -> None:
    """Let every workflow that is at work continue as new once, by signals that nothing takes."""
    handles = [campaign.house.handle(campaign.stream(kind)) for kind in AT_WORK]
    await asyncio.gather(*(handle.signal("nonsense") for handle in handles for _ in range(9)))


async def settled(campaign: Campaign) -> None:
    """Wait until the campaign knows that all stages are skipped."""

    async def known() -> bool:
        return not await campaign.house.client.blockers(campaign.id)

    await eventually(known)


async def closed_before_its_schools_began(campaign: Campaign, close: dict[str, Any]) -> None:
    """On a stepped clock, stop and close a campaign whose school never loaded its pupils."""
    house, school = campaign.house, campaign.stream("school")
    at = datetime.fromisoformat((await house.state(campaign.id))["now"])
    await house.client.submit(campaign.id, act("stop", "stop", OFFICER, reason="NO_MORE"), at=at)
    answer = await house.client.submit(campaign.id, close, at=at)
    sent = [label.id for label in answer.sent if label.to == school and label.id]
    told = await house.client.tick(school, at, sent)
    up = [label.id for label in told.sent if label.to == campaign.id and label.id]
    last = await house.client.tick(campaign.id, at, up)
    assert (told.closed, last.closed) == (True, True)
    await house.client.close_campaign(campaign.id, close, within=timedelta(seconds=30))


async def assert_joined(house: House, stream: str, runs: list[str]) -> None:
    """Check that the archived runs, one after the other, gave the ledger exactly what it holds."""
    kept = [await house.ledger.archived(stream, run) for run in runs]
    assert all(history is not None and history.intact and history.closed for history in kept)
    segments = [history for history in kept if history is not None]
    assert segments[0].first_version == 1
    for one, other in pairwise(segments):
        assert other.first_version == one.last_version + 1
    events = await house.events(stream)
    written = [event for segment in segments for event in appended(json.loads(segment.history), ACTIVITY_APPEND)]
    assert written == events
    assert segments[-1].last_hash == (events[-1]["hash"] if events else GENESIS)
    assert types(events)[-1] in ("StageArchived", "AttendanceEnded", "SchoolClosed", "CampaignArchived")


async def test_an_engine_that_does_not_know_the_ledgers_campaign_is_named(house: House) -> None:
    """Engine and ledger of two data directories: launching again says so instead of pretending to go on."""
    async with house.worker():
        campaign = await house.campaign()
        name = campaign.stream("campaign")
        drafted = (await house.events(name))[0]["data"]["content_digest"]
    elsewhere = await connect(house.engine.service_client.config.target_host, "default", wait=10)
    stranger = CampaignClient(elsewhere, house.ledger, patience=timedelta(seconds=5))
    with pytest.raises(MismatchError) as raised:
        await stranger.launch(Draft(name, {"content_digest": drafted}), OFFICER, "launch-again")
    assert raised.value.stream == name
