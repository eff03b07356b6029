"""The notices' part of a recording: ways out that lead nowhere, and what people decide about sending."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from workflows_house import APPROVER, LEADER, OFFICER, PRINCIPAL, SCHOOL, Campaign, House, act, eventually

from activities.dispatch import DispatchActivities
from domain.notices import EMAIL, PAPER, PHONE, SMS, NoticeState
from domain.time import at as at_clock
from ledger.handover import Receipt
from notices.channels import Channel
from notices.compose import CodeRequest
from notices.mail import MailChannel, SmtpServer
from notices.simulators.sms import SmsSimulator
from notices.sink import Mood, Sink
from notices.sms_gateway import SmsChannel, SmsGateway
from protocol import dispatch_id
from rehearsal.driver import Driver, Planned

CHANNELS = (SMS, EMAIL, PHONE, PAPER)
SECRET = b"a secret of the recording"
A_WHOLE_DAY = {"quiet_from": "00:00", "quiet_until": "00:00", "notices_on_school_days": False}
"""Parameters of the policy that let the recording of sending begin at any time of any day."""


@dataclass(frozen=True)
class Ways:
    """A text message gateway and a mail server of the recording's own, and the activities that send to them."""

    channels: dict[str, Channel]
    activities: DispatchActivities


@asynccontextmanager
async def ways_out(house: House) -> AsyncIterator[Ways]:
    """Open both; notices go on to the next channel.

    The text message gateway knows none of the made-up numbers, and the mail server every fifth mailbox not.
    """
    async with Sink(_turned_away, repeatable=True) as sink, SmsSimulator(SECRET) as gateway:
        channels: dict[str, Channel] = {
            SMS: SmsChannel(SmsGateway(gateway.url, SECRET, "青山县教体局")),
            EMAIL: MailChannel(SmtpServer(host="127.0.0.1", port=sink.port, tls="none", sender="a@example.invalid")),
        }
        yield Ways(channels, DispatchActivities(house.ledger, house.registry, channels, _codes, key=SECRET))


def _turned_away(address: str, before: int) -> Mood:
    del before
    return Mood.REFUSE if zlib.crc32(address.encode()) % 5 == 0 else Mood.ACCEPT


async def _codes(requests: Sequence[CodeRequest]) -> list[str]:
    """Return codes that open nothing."""
    return [f"{one.party[0].upper()}{one.student[-3:]}GOLD" for one in requests]


def dispatchers(campaign: Campaign, channels: Iterable[str] = CHANNELS) -> dict[str, str]:
    """Return the ids of a campaign's dispatchers, by channel."""
    return {channel: dispatch_id(campaign.id, channel) for channel in channels}


async def decisions(house: House, campaign: Campaign) -> list[dict[str, Any]]:
    """Return one command of each kind that there is about sending, over notices that are there."""
    rows = await house.ledger.outbox.find(campaign.id)
    [student, *_] = await campaign.pupils()
    notices = [row["notice_id"] for row in rows]
    listed = [row["notice_id"] for row in rows if row["channel"] == PHONE and row["state"] == NoticeState.CLEARED]
    task = {"school": SCHOOL, "notice": (listed or notices)[0], "channel": PHONE, "outcome": "REACHED"}
    wish = {"student": student, "person": student.replace("stu_", "gdn_")}
    return [
        act("kill_notices", "kill-school", APPROVER, scope_kind="school", scope=SCHOOL, reason="WRONG_LIST"),
        act("kill_notices", "kill-letters", APPROVER, scope_kind="purpose", scope="choice_notice", reason="WRONG_TEXT"),
        act("mute_notice", "mute", OFFICER, notice=notices[0], reason="SENT_BY_HAND"),
        act("mute_notice", "mute-own", PRINCIPAL, notice=notices[-1], school=SCHOOL, reason="SENT_BY_HAND"),
        act("retry_notice", "retry", OFFICER, notice=notices[0], channel=PAPER, reason="ADDRESS_FOUND"),
        act("retry_notice", "retry-anew", OFFICER, notice=notices[1], reason="ADDRESS_FOUND"),
        act("settle_unknown_notice", "settle", OFFICER, notice=notices[1], sent=False, reason="PROVIDER_ASKED"),
        act("record_notice_task", "call", LEADER, **task),
        act("decline_optional_notices", "decline", OFFICER, **wish),
        act("decline_optional_notices", "decline-here", LEADER, **wish, school=SCHOOL),
        act("allow_optional_notices", "allow", OFFICER, **wish),
        act("release_notices", "open-school", APPROVER, scope_kind="school", scope=SCHOOL, reason="LIST_MENDED"),
        act("release_notices", "open-letters", APPROVER, scope_kind="purpose", scope="choice_notice", reason="MENDED"),
    ]


async def planned_decisions(house: House, campaign: Campaign, day: date) -> list[Planned]:
    """Return the same for a stepped campaign: five minutes apart, from nine o'clock of a day on."""
    begin = at_clock(day, time(9))
    commands = await decisions(house, campaign)
    return [Planned(begin + number * timedelta(minutes=5), campaign.id, one) for number, one in enumerate(commands)]


def add(driver: Driver, planned: Iterable[Planned]) -> None:
    """Have a driver that stands still give more commands of one stream when it goes on."""
    for one in planned:
        lane = driver._lane(one.stream)
        lane.commands = deque(sorted([*lane.commands, one], key=lambda given: given.at))


async def receipts(house: House, campaign: Campaign, at: datetime) -> int:
    """Let the mail server say what became of mails that it had taken; return of how many."""
    rows = await house.ledger.outbox.find(campaign.id)
    taken = [row["notice_id"] for row in rows if row["channel"] == EMAIL and row["state"] == NoticeState.ACCEPTED]
    states = (NoticeState.DELIVERED, NoticeState.READ, NoticeState.DELIVERED)
    news = [
        Receipt(f"{EMAIL}/golden-{number}", EMAIL, notice, None, state, None, at)
        for number, (notice, state) in enumerate(zip(taken, states, strict=False))
    ]
    return await house.ledger.outbox.take_receipts(news, at)


async def runs_on(house: House, streams: Iterable[str], count: int) -> None:
    """Send each dispatcher so many signals that its history is long, and look until each has begun a new run."""
    for stream in streams:
        before = (await house.handle(stream).describe()).run_id
        for _ in range(count):
            await house.handle(stream).signal("nonsense")
        await house.handle(stream).signal("wake")

        async def another(stream: str = stream, before: str = before) -> bool:
            return (await house.handle(stream).describe()).run_id != before

        await eventually(another)


async def heard(house: House, campaign: Campaign, kind: str) -> None:
    """Wait until the campaign's stream holds an event of a kind."""

    async def there() -> bool:
        return kind in [envelope["type"] for envelope in await house.events(campaign.id)]

    await eventually(there)
