"""Each lie of a provider through the whole outbox: where the row stands at once and in the end, and who read what."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from channels_house import channel_to, simulated, sms_channel, wecom_channel
from notices_house import CAMPAIGN, NOW, Clock, People, dispatcher, invite, more, reminded
from temporalio.testing import ActivityEnvironment

from gateway import receipts
from ledger.handover import Receipt
from notices.simulators.lies import Lie
from protocol import DispatchRequest

PROBLEMS = {Lie.TOKEN_EXPIRED: "WECOM_SIGN_IN_REFUSED", Lie.TOO_OFTEN: "WECOM_FREQUENCY"}


@dataclass
class Families(People):
    """Families with one guardian, who is in the school's WeCom; no pupil has a mailbox."""

    async def household(self, ref):
        """Return a family."""
        family = await super().household(ref)
        if family is None:
            return None
        first = replace(family.guardians[0], wecom=f"parent_{ref.removeprefix('stu_')}", email="")
        return replace(family, email="", guardians=(first,))


@dataclass
class Run:
    """What a test sees of the outbox."""

    ledger: object
    activities: object
    clock: Clock
    channel: str
    results: list = field(default_factory=list)

    async def drain(self, channel=None):
        """Let one batch go, and return what became of it."""
        request = DispatchRequest(campaign=CAMPAIGN, channel=channel or self.channel, limit=50)
        self.results.append(await ActivityEnvironment().run(self.activities.drain, request))
        return self.results[-1]

    async def rows(self):
        """Return where each row stands: number of the pupil → state, channel, code; 0 for staff."""
        rows = await self.ledger.outbox.find(CAMPAIGN)
        numbers = [int(row["recipient"].removeprefix("stu_")) if "@" not in row["recipient"] else 0 for row in rows]
        assert len(set(numbers)) == len(rows)
        return {n: (row["state"], row["channel"], row["code"]) for n, row in zip(numbers, rows, strict=True)}

    async def row(self):
        """Return where the only row stands."""
        (found,) = (await self.rows()).values()
        return found


def started(ledger, name, provider, now=NOW):
    """Return a dispatcher with one channel."""
    clock = Clock(now)
    channel = {
        "sms": lambda: sms_channel(provider.url, clock=clock),
        "wecom": lambda: wecom_channel(provider.url, sessions=1),
    }
    made = channel[name]() if name in channel else channel_to(name, provider.url)
    return Run(ledger, dispatcher(ledger, None, Families(), clock=clock, channels={name: made}), clock, name)


AT_ONCE = {
    "sms": {
        Lie.NONE: ("accepted", "sms", None),
        Lie.ACCEPTED_WITHOUT_STATUS: ("unknown", "sms", "SMS_NO_STATUS"),
        Lie.BAD_REQUEST_DURING_OUTAGE: ("failed_temporary", "sms", "SMS_HTTP_400"),
        Lie.FAULT_AFTER_TAKING: ("unknown", "sms", "SMS_HTTP_500"),
        Lie.SUCCESS_TWICE: ("unknown", "sms", "SMS_NO_ANSWER"),
        Lie.LOST_RESPONSE: ("unknown", "sms", "SMS_NO_ANSWER"),
        Lie.LOST_REQUEST: ("unknown", "sms", "SMS_NO_ANSWER"),
        Lie.LATE_CALLBACK: ("accepted", "sms", None),
        Lie.RECYCLED_NUMBER: ("accepted", "sms", None),
        Lie.TEMPLATE_REFUSED: ("planned", "phone", "TEMPLATE_REFUSED"),
        Lie.NOBODY: ("planned", "phone", "ADDRESS_INVALID"),
    },
    "wecom": {
        Lie.NONE: ("accepted", "wecom", None),
        Lie.ACCEPTED_WITHOUT_STATUS: ("unknown", "wecom", "WECOM_NO_STATUS"),
        Lie.BAD_REQUEST_DURING_OUTAGE: ("failed_temporary", "wecom", "WECOM_HTTP_400"),
        Lie.FAULT_AFTER_TAKING: ("unknown", "wecom", "WECOM_HTTP_502"),
        Lie.SUCCESS_TWICE: ("unknown", "wecom", "WECOM_NO_ANSWER"),
        Lie.LOST_RESPONSE: ("unknown", "wecom", "WECOM_NO_ANSWER"),
        Lie.LOST_REQUEST: ("unknown", "wecom", "WECOM_NO_ANSWER"),
        Lie.TOKEN_EXPIRED: ("accepted", "wecom", None),
        Lie.NOBODY: ("planned", "phone", "ADDRESS_INVALID"),
    },
}
"""Channel → lie that the first submit of a family's notice meets → where its row stands after it."""

IN_THE_END = {
    Lie.RECYCLED_NUMBER: ("planned", "paper", "NUMBER_RECYCLED"),
    Lie.TEMPLATE_REFUSED: ("planned", "phone", "TEMPLATE_REFUSED"),
    Lie.NOBODY: ("planned", "phone", "ADDRESS_INVALID"),
}
"""Lie → where the row stands when everybody has been asked; without one the message has arrived, as far as is known."""


@pytest.mark.parametrize("name", AT_ONCE)
async def test_each_lie_has_its_state_at_once_and_in_the_end_and_nobody_reads_twice(ledger, name):
    """One family for each lie: refusals for good are with the telephone at once, for the deadline may be today."""
    lies = dict(enumerate(AT_ONCE[name], start=1))
    await invite(ledger, len(lies))

    def lie(whom, before):
        told = lies[int(whom.removeprefix("139").removeprefix("parent_"))]
        return told if not before or told is Lie.RECYCLED_NUMBER else Lie.NONE

    async with simulated(name, lie) as provider:
        run = started(ledger, name, provider)
        provider.now = run.clock if name == "sms" else lambda: run.clock().timestamp()
        await run.drain()
        assert {lies[n]: where for n, where in (await run.rows()).items()} == AT_ONCE[name]
        for minutes in (2, 20, 31):
            run.clock.now = NOW + timedelta(minutes=minutes)
            await run.drain()
        if name == "sms":
            provider.deliver(late=True)
        run.clock.now = NOW + timedelta(hours=20)
        await run.drain()
        arrived = ("delivered", "sms", None) if name == "sms" else ("accepted", name, None)
        found = {lies[n]: where for n, where in (await run.rows()).items()}
        assert found == {one: IN_THE_END.get(one, arrived) for one in lies.values()}
        read = [taken.to for taken in provider.taken]
        assert len(read) == len(set(read))
        assert len(read) == len([one for one in found if one not in (Lie.TEMPLATE_REFUSED, Lie.NOBODY)])
        await run.drain("phone")
        listed = {lies[n] for n, where in (await run.rows()).items() if where[:2] == ("cleared", "phone")}
        assert listed == {one for one in lies.values() if one in IN_THE_END and IN_THE_END[one][1] == "phone"}


@pytest.mark.parametrize(("lie", "way"), [(Lie.SUCCESS_TWICE, "posted"), (Lie.LATE_CALLBACK, "polled")])
async def test_a_receipt_that_comes_late_or_twice_leaves_the_message_delivered(ledger, lie, way):
    """Asked for, or posted to us as the endpoint reads it: both end the same."""
    await invite(ledger, 1)
    async with simulated("sms", lambda _whom, _before: lie) as provider:
        run = started(ledger, "sms", provider)
        provider.now = run.clock
        await run.drain()
        run.clock.move(timedelta(minutes=20))
        await run.drain()
        assert await run.row() == ("accepted", "sms", None)
        provider.deliver(late=True)
        run.clock.move(timedelta(hours=20))
        if way == "polled":
            provider.receipts.clear()
            await run.drain()
        else:
            await posted(ledger, provider, run.clock())
        assert await run.row() == ("delivered", "sms", None)
        await run.drain()
        assert {one["state"] for one in run.results[-1].receipts} == {"delivered"}
        assert len(provider.taken) == 1


async def posted(ledger, provider, now: datetime):
    """Hand the simulator's receipts to the outbox as the endpoint does."""
    news = receipts.read(json.dumps(provider.receipts).encode(), now)
    taken = [
        Receipt(f"sms/{one.receipt_id}", "sms", one.notice_id, one.provider_id, one.state, one.code, one.at)
        for one in news
    ]
    await ledger.outbox.take_receipts(taken, now)


@pytest.mark.parametrize("lie", [Lie.TOKEN_EXPIRED, Lie.TOO_OFTEN])
async def test_what_a_provider_turns_away_goes_out_when_it_is_mended(ledger, lie):
    """A wrong secret and a limit are no message's fault: the batch stops, nobody is telephoned, and all go out once."""
    await invite(ledger, 3)
    lies = [lie]
    async with simulated("wecom", lambda _whom, _before: lies[0]) as provider:
        run = started(ledger, "wecom", provider)
        result = await run.drain()
        assert (result.problem, len(provider.taken)) == (PROBLEMS[lie], 0)
        assert sum(provider.calls.values()) <= 2  # one message found out, once more with a new token
        assert {where[:2] for where in (await run.rows()).values()} <= {
            ("failed_temporary", "wecom"),
            ("planned", "wecom"),
        }
        lies[0] = Lie.NONE
        run.clock.move(timedelta(minutes=2))
        await run.drain()
        assert set((await run.rows()).values()) == {("accepted", "wecom", None)}
        assert len(provider.taken) == 3


@pytest.mark.parametrize("name", ["wecom_robot", "dingtalk_robot"])
@pytest.mark.parametrize("lie", [Lie.LOST_RESPONSE, Lie.LOST_REQUEST])
async def test_what_a_robot_may_have_said_waits_for_a_person(ledger, name, lie):
    """A group is not told twice on a guess: nothing is tried again, days later neither."""
    morning = await a_reminder(ledger)
    async with simulated(name, lambda _whom, before: Lie.NONE if before else lie) as provider:
        run = started(ledger, name, provider, morning)
        await run.drain()
        assert (await run.row())[:2] == ("unknown", name)
        said = len(provider.taken)
        run.clock.now = morning + timedelta(days=3)
        await run.drain()
        assert (await run.row())[:2] == ("unknown", name)
        assert (len(provider.taken), sum(provider.calls.values())) == (said, 1)


@pytest.mark.parametrize("name", ["wecom_robot", "dingtalk_robot"])
async def test_a_robot_that_is_muted_says_it_when_it_may_again(ledger, name):
    """The channel rests as long as the provider wants, and the group reads the message once."""
    morning = await a_reminder(ledger)
    async with simulated(name, lambda _whom, before: Lie.NONE if before else Lie.TOO_OFTEN) as provider:
        run = started(ledger, name, provider, morning)
        result = await run.drain()
        assert (await run.row())[:2] == ("failed_temporary", name)
        assert result.again_in_seconds == (60 if name == "wecom_robot" else 600)
        run.clock.now = morning + timedelta(minutes=11)
        await run.drain()
        assert await run.row() == ("accepted", name, None)
        assert len(provider.taken) == 1


async def a_reminder(ledger):
    """Put a reminder to the class heads into the outbox, and return when digests go out."""
    events = await invite(ledger, 0)
    await more(ledger, events, reminded())
    return NOW.replace(hour=7, minute=31) + timedelta(days=1)
