"""A notice that a pause has held goes out by itself when the pause ends, also where nothing else is due."""

from __future__ import annotations

from datetime import timedelta

from notices_house import CAMPAIGN, MEETINGS, NOW, Clock, Drafted, dispatcher, pause, put, sealed, states, student
from temporalio.testing import ActivityEnvironment

from domain.campaign import CampaignResumed
from domain.parent_meetings_events import HouseholdInvited, SessionScheduled
from domain.time import instant
from ledger.store import Ledger
from notices.sink import Sink
from protocol import DispatchRequest

REQUEST = DispatchRequest(campaign=CAMPAIGN, channel="email", limit=50)
MEETING = instant("2025-03-20T19:00:00+08:00")


async def test_what_a_pause_held_is_due_again_when_it_ends(ledger: Ledger, sink: Sink) -> None:
    """Until then nothing is left to send and nothing is due; then it is due at once, for both clocks."""
    clock = Clock()
    campaign = sealed(CAMPAIGN, [Drafted(campaign=CAMPAIGN, complaint_line="0871-12345"), pause()])
    await put(ledger, campaign)
    invited = HouseholdInvited(session="s1", student=student(1))
    await put(ledger, sealed(MEETINGS, [SessionScheduled(session="s1", classes=("2025-01",), at=MEETING), invited]))
    activities = dispatcher(ledger, sink, clock=clock)
    for _ in range(2):
        result = await ActivityEnvironment().run(activities.drain, REQUEST)
        assert (result.claimed, result.left) == (0, 0)
    assert [row["state"] for row in await ledger.outbox.find(CAMPAIGN)] in (["planned"], ["held"])
    held = await ledger.outbox.timetable(CAMPAIGN, NOW)
    assert [due for due in held.values() if due > NOW] == []
    resumed = CampaignResumed(school=None, reason="FLOOD_OVER")
    await put(ledger, sealed(CAMPAIGN, [resumed], campaign[-1]["version"] + 1, campaign[-1]["hash"]))
    clock.move(timedelta(minutes=5))
    assert (await ledger.outbox.left(CAMPAIGN, "email", clock())).due == 1
    assert (await ledger.outbox.timetable(CAMPAIGN, clock()))["email"] <= clock()
    result = await ActivityEnvironment().run(activities.drain, REQUEST)
    assert result.accepted == 1
    assert set((await states(ledger)).values()) == {"accepted"}
    assert await ledger.outbox.timetable(CAMPAIGN, clock()) == {}


async def test_what_was_put_aside_by_a_claim_is_due_again_too(ledger: Ledger, sink: Sink) -> None:
    """The pause came between: another notice was due, so a claim has marked the first one as held."""
    clock = Clock()
    campaign = sealed(CAMPAIGN, [Drafted(campaign=CAMPAIGN, complaint_line="0871-12345"), pause()])
    await put(ledger, campaign)
    invited = HouseholdInvited(session="s1", student=student(1))
    await put(ledger, sealed(MEETINGS, [SessionScheduled(session="s1", classes=("2025-01",), at=MEETING), invited]))
    activities = dispatcher(ledger, sink, clock=clock)
    await ActivityEnvironment().run(activities.drain, REQUEST)
    policy = await activities._policies.of(CAMPAIGN)
    await ledger.outbox.claim(CAMPAIGN, "email", 50, clock(), policy.rules, policy.calendar)
    (row,) = await ledger.outbox.find(CAMPAIGN)
    assert (row["state"], row["code"], row["next_at"]) == ("held", "PAUSED", None)
    assert await ledger.outbox.timetable(CAMPAIGN, clock()) == {}
    resumed = CampaignResumed(school=None, reason="FLOOD_OVER")
    await put(ledger, sealed(CAMPAIGN, [resumed], campaign[-1]["version"] + 1, campaign[-1]["hash"]))
    assert (await ledger.outbox.timetable(CAMPAIGN, clock()))["email"] <= clock()
    assert (await ActivityEnvironment().run(activities.drain, REQUEST)).accepted == 1
