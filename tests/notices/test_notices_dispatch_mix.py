"""Whatever a batch mixes, one message holds one family's data (FEATURES G3): all channels, canary values."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notices_fakes import Provider
from notices_house import (
    BEGIN,
    CAMPAIGN,
    FILING,
    Drafted,
    NoticeOffered,
    People,
    code_for,
    dispatcher,
    invite,
    more,
    put,
    sealed,
    student,
    withdrawn,
)
from temporalio.testing import ActivityEnvironment

from activities.letters import Letters
from domain.notices import EMAIL, PAPER, SMS, WECOM
from domain.time import instant, stamp
from ledger.handover import Claimed
from notices.channels import Traits, Unknown
from protocol import DispatchRequest

FAMILIES = 8


class Reachable(People):
    """Families that are reached by application message too; each value of theirs has their number in it."""

    async def household(self, ref):
        """Return a family."""
        found = await super().household(ref)
        number = int(ref.removeprefix("stu_"))
        for place, guardian in enumerate(found.guardians):
            if number % 3 == 0:
                object.__setattr__(guardian, "wecom", f"wecom{place}{number:06d}")
        return found


def others_in(message, own):
    """Return the numbers of other families that stand in a message."""
    calendar = (message.calendar or b"").decode().replace("\r\n ", "")
    whole = "\n".join((message.subject, message.text, message.short or "", *message.addresses, calendar))
    return [number for number in range(1, FAMILIES + 1) if number != own and f"{number:06d}" in whole]


def owner(message):
    """Return the number of the family whose address a message goes to."""
    (address,) = message.addresses
    return int(address.partition("@")[0][-6:])


@pytest.mark.parametrize("seed", range(3))
async def test_every_message_of_a_drained_outbox_is_about_its_own_reader(ledger, seed):
    """Invitations, cancellations, letters with codes, guardians, caregivers and pupils, in one outbox."""
    chance = random.Random(seed)
    numbers = list(range(1, FAMILIES + 1))

    def some():
        return tuple(chance.sample(numbers, 4))

    people = Reachable(without=some()[:2], second=some(), both=some(), cared=some(), unasked=some(), english=some())
    events = await invite(ledger, FAMILIES)
    await more(ledger, events, *(withdrawn(number) for number in some()))
    await put(ledger, sealed(FILING, [NoticeOffered(student=student(n), document="letter-1") for n in numbers]))
    providers = {name: Provider(name, sessions=3) for name in (WECOM, SMS, EMAIL)}
    activities = dispatcher(ledger, None, people, channels=providers)
    for name in providers:
        await ActivityEnvironment().run(activities.drain, DispatchRequest(campaign=CAMPAIGN, channel=name, limit=50))
    messages = [message for provider in providers.values() for message in provider.messages]
    assert len({message.notice_id for message in messages}) == len(messages) > FAMILIES * 2
    for message in messages:
        row = await ledger.outbox.notice(message.notice_id)
        assert row["recipient"].removeprefix("pupil:") == student(owner(message))
        assert others_in(message, owner(message)) == []
        assert f"{owner(message):06d}" in message.text
    codes = [message for message in messages if "GDN1" in message.text or "STU1" in message.text]
    assert codes
    assert not [message for message in providers[SMS].messages if message in codes]


class Ledgered:
    """A ledger that has one event for each cause; nothing else."""

    def __init__(self, events):
        self.events = events
        self.outbox = self

    async def background(self, stream, versions, kinds):
        """Return events of a stream."""
        return (await self.backgrounds({stream: versions}, kinds))[stream]

    async def backgrounds(self, versions, kinds):
        """Return events of streams."""
        return {
            stream: [
                event
                for event in self.events
                if event["stream"] == stream and (event["version"] in own or event["type"] in kinds)
            ]
            for stream, own in versions.items()
        }

    async def about(self, _campaign, _kind, _students):
        """Nothing else is known."""
        return []

    async def lost_contacts(self, _persons):
        """Everybody is found."""
        return {}


@given(
    mix=st.lists(
        st.tuples(st.integers(1, FAMILIES), st.booleans(), st.booleans()), min_size=2, max_size=12, unique=True
    ),
    channel=st.sampled_from([WECOM, SMS, EMAIL, PAPER]),
    both=st.sets(st.integers(1, FAMILIES)),
    english=st.sets(st.integers(1, FAMILIES)),
)
def test_a_batch_of_any_mix_renders_each_row_from_its_own_family(mix, channel, both, english):
    """Rows of many families in any order, guardians and pupils, on every channel that has a text."""
    offers = [NoticeOffered(student=student(number), document=f"doc{number:06d}") for number in range(1, FAMILIES + 1)]
    events = [*sealed(CAMPAIGN, [Drafted(campaign=CAMPAIGN)]), *sealed(FILING, offers)]
    people = Reachable(both=tuple(both), english=tuple(english))
    letters = Letters(Ledgered(events), people, code_for, "zh")
    until = instant("2025-03-03T09:10:00+08:00")
    rows = [
        Claimed(
            notice_id=f"ntc_{place}",
            campaign=CAMPAIGN,
            stream=FILING,
            cause=f"{FILING}#{number}",
            purpose="choice_notice_pupil" if pupil else "choice_notice",
            recipient=f"pupil:{student(number)}" if pupil else student(number),
            planned_at=stamp(BEGIN),
            number=1,
            lease_until=until,
            person=None if pupil else f"gdn_{number:06d}{'b' if second else 'a'}",
        )
        for place, (number, pupil, second) in enumerate(mix)
    ]
    traits = Traits(channel, "notices@county.invalid", Unknown.RESEND)
    made, unsendable, _ = asyncio.run(letters.write(rows, traits, BEGIN.date()))
    assert len(made) + len(unsendable) == len(rows)
    assert channel != SMS or not made
    for letter in made:
        own = mix[int(letter.row.notice_id.removeprefix("ntc_"))][0]
        assert others_in(letter.message, own) == []
        assert f"doc{own:06d}" in letter.message.text
