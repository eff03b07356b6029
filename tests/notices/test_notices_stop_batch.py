"""What stops notices while a batch is under way: nothing more is begun, and what was held goes on afterwards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date

import pytest
from notices_fakes import Provider
from notices_house import CAMPAIGN, SCHOOL, dispatcher, invite, more, phone, put, sealed, student
from temporalio.testing import ActivityEnvironment

from activities.batch import AHEAD
from activities.dispatch import DispatchActivities
from domain.campaign import CampaignPaused, CampaignResumed, CampaignStopped
from domain.events import Event
from domain.notices import SMS
from domain.school_events import LeftRegister
from domain.sending_events import NoticeMuted, NoticesKilled, NoticesReleased
from ledger.store import Ledger
from notices.channels import Delivery, Message, Unknown
from protocol import DispatchRequest

COUNT = 20
BEFORE = 5
"""So many messages are taken before something happens."""


def switch(kind: str, scope: str) -> tuple[Event, Event]:
    """Return a kill switch that is shut and opened again."""
    shut = NoticesKilled(scope_kind=kind, scope=scope, reason="WRONG_WORDING")
    return shut, NoticesReleased(scope_kind=kind, scope=scope, reason="CORRECTED")


PAUSE = CampaignPaused(school=None, reason="FLOOD")
HOLDS: dict[str, tuple[tuple[Event, Event | None], str]] = {
    "pause": ((PAUSE, CampaignResumed(school=None, reason="FLOOD_OVER")), "PAUSED"),
    "stop": ((CampaignStopped(reason="ORDERED"), None), "PAUSED"),
    "channel": (switch("channel", SMS), "KILLED"),
    "purpose": (switch("purpose", "meeting_invitation"), "KILLED"),
    "school": (switch("school", SCHOOL), "KILLED"),
}
"""What holds everything, how that ends, and the code that the rows have meanwhile."""


class Interrupted(Provider):
    """A provider during whose work something happens."""

    happens: Callable[[], Awaitable[None]] | None = None

    async def send(self, message: Message) -> Delivery:
        """Take a message; let it happen once enough were taken."""
        said = await super().send(message)
        if len(self.messages) == BEFORE and self.happens is not None:
            await self.happens()
        return said


async def drain(activities: DispatchActivities) -> None:
    """Run one batch as the engine would."""
    await ActivityEnvironment().run(activities.drain, DispatchRequest(campaign=CAMPAIGN, channel=SMS, limit=50))


async def happened(ledger: Ledger, event: Event) -> None:
    """Append an event to the campaign's stream."""
    await more(ledger, [envelope async for envelope in ledger.events(CAMPAIGN)], event)


@pytest.mark.parametrize("unknown", [Unknown.RESEND, Unknown.ASK])
@pytest.mark.parametrize("name", HOLDS)
async def test_a_batch_under_way_begins_nothing_more(ledger: Ledger, name: str, unknown: Unknown) -> None:
    """What was begun is called; the rest has no attempt, says why, and goes out once after the release."""
    (event, end), code = HOLDS[name]
    await invite(ledger, COUNT)
    provider = Interrupted(SMS, unknown=unknown)
    activities = dispatcher(ledger, None, channels={SMS: provider})
    provider.happens = lambda: happened(ledger, event)
    await drain(activities)

    begun = 1 if unknown is Unknown.ASK else AHEAD + AHEAD // 2  # at most so many lie ready beside the one in hand
    assert BEFORE <= len(provider.messages) <= BEFORE + begun
    await drain(activities)  # the next batch begins nothing either
    rows = await ledger.outbox.find(CAMPAIGN)
    held = [row for row in rows if row["state"] != "accepted"]
    assert len(rows) - len(held) == len(provider.messages)
    assert {(row["state"], row["code"], row["attempts"]) for row in held} == {("held", code, 0)}

    if end is None:
        return
    await happened(ledger, end)
    await drain(activities)
    assert sorted(message.addresses[0] for message in provider.messages) == [
        phone(number) for number in range(1, COUNT + 1)
    ]


async def test_a_pupil_who_dies_meanwhile_is_left_out_of_the_batch(ledger: Ledger) -> None:
    """Edge case 35: claimed, written and not begun; the others of the batch go out."""
    await invite(ledger, COUNT)
    rows = await ledger.outbox.find(CAMPAIGN)
    last = max(rows, key=lambda row: (row["planned_at"], row["notice_id"]))
    number = int(last["recipient"].removeprefix("stu_"))
    provider = Interrupted(SMS)

    async def dies() -> None:
        gone = LeftRegister(student=student(number), exit="death", on=date(2025, 3, 3))
        await put(ledger, sealed(f"{CAMPAIGN}/{SCHOOL}", [gone]))

    provider.happens = dies
    await drain(dispatcher(ledger, None, channels={SMS: provider}))
    written_to = {message.addresses[0] for message in provider.messages}
    assert written_to == {phone(one) for one in range(1, COUNT + 1) if one != number}
    row = await ledger.outbox.notice(last["notice_id"])
    assert row is not None
    assert (row["state"], row["code"], row["attempts"]) == ("denied", "LEFT_REGISTER", 0)


async def test_a_notice_that_is_muted_meanwhile_is_left_out_of_the_batch(ledger: Ledger) -> None:
    """One by its id; the others of the batch go out."""
    await invite(ledger, COUNT)
    rows = await ledger.outbox.find(CAMPAIGN)
    last = max(rows, key=lambda row: (row["planned_at"], row["notice_id"]))["notice_id"]
    provider = Interrupted(SMS)
    muted = NoticeMuted(notice=last, school=None, reason="SENT_BY_HAND")
    provider.happens = lambda: happened(ledger, muted)
    await drain(dispatcher(ledger, None, channels={SMS: provider}))
    assert len(provider.messages) == COUNT - 1
    assert last not in {message.notice_id for message in provider.messages}
    row = await ledger.outbox.notice(last)
    assert row is not None
    assert (row["state"], row["attempts"]) == ("muted", 0)
