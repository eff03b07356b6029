"""Kill -9 while notices go out on three channels: nobody misses one, and only what was in flight is ever repeated.

A mailbox takes a mail twice, the text messages' provider takes one for each key, and a robot's group reads all that is
said: three ways to settle an attempt of which nobody knows, and one record of it.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import time
from collections import Counter
from datetime import datetime, timedelta

import pytest
from crash_house import QUICK_ENGINE, say
from crash_notices_worker import SCHOOL, SECRET, email, phone
from crash_nursery import PROGRAMS, start

from domain.actors import SYSTEM
from domain.events import GENESIS, Event, seal
from domain.notices import EMAIL, SMS, WECOM_ROBOT, notices_for
from domain.parent_meetings_events import HouseholdInvited, SessionScheduled
from domain.policy import PolicyRef, profile
from domain.refusal import Blocker
from domain.sending_events import NoticeOutcomeStated
from domain.stage_events import StageReminded
from domain.time import SHANGHAI
from engine import EmbeddedEngine
from ledger.store import Ledger
from notices.simulators.sms import SmsSimulator
from notices.simulators.wecom import WecomRobotSimulator
from notices.sink import Sink
from protocol import DISPATCH_WORKFLOW, SIGNAL_FINISH, TASK_QUEUE, DispatchInput, dispatch_id, dispatch_queue

multiprocessing.get_context("forkserver").set_forkserver_preload([*PROGRAMS, "crash_notices_worker"])  # if it is first
CAMPAIGN = "campaign/qingshan/2025"
MEETINGS = f"{CAMPAIGN}/{SCHOOL}/parent-meetings"
FAMILIES = 360
REMINDERS = 40
NOTICES = FAMILIES + REMINDERS
KILLS = 20
BATCH = 10
CHANNELS = (EMAIL, SMS, WECOM_ROBOT)
PUNCTUAL_ENGINE = (*QUICK_ENGINE, "--dynamic-config-value", 'history.timerProcessorMaxTimeShift="50ms"')
"""It ends a dead worker's time-outs when they are over, not up to a second later."""

ENDED_WITHIN = 150
"""Seconds that a busy machine may take to send what is left; nothing waits longer than it must."""

LONGEST_STEP = 15
"""At most so many messages between two kills: there are enough for all of them."""

ANY_TIME = {"quiet_from": "00:00", "quiet_until": "00:00", "notices_on_school_days": False, "digest_purposes": []}
"""Parameters of a policy under which a notice goes out at once, whenever this test is run, and by itself."""


class CampaignDrafted(Event):
    """A campaign's first event, as far as a notice looks at it."""

    campaign: str
    policy: dict


class Record:
    """A ledger into which streams are written."""

    def __init__(self, ledger):
        self.ledger = ledger
        self._now = datetime.now(SHANGHAI)
        self._last = {}

    async def add(self, stream, events):
        """Append events with the notices that they ask for."""
        sealed = []
        for event in events:
            version, before = self._last.get(stream, (0, GENESIS))
            policy = PolicyRef(id="compliant", version=1, parameter_hash="ab" * 32)
            known = {"actor": SYSTEM, "causation": None, "policy": policy, "command_id": f"c{version}"}
            known |= {"occurred_at": self._now, "recorded_at": self._now, "prev_hash": before}
            sealed.append(seal(event, stream=stream, version=version + 1, **known))
            self._last[stream] = (version + 1, sealed[-1]["hash"])
        await self.ledger.append(sealed, [plan for event in sealed for plan in notices_for(event)], {"kind": "x"})

    async def plan(self):
        """Invite every family to one meeting, and remind the staff of as many things."""
        policy = profile("compliant").model_dump(mode="json")
        policy["parameters"] |= ANY_TIME
        await self.add(CAMPAIGN, [CampaignDrafted(campaign=CAMPAIGN, policy=policy)])
        session = SessionScheduled(session="s1", classes=("2025-01",), at=self._now + timedelta(days=7))
        invited = [HouseholdInvited(session="s1", student=f"stu_{number:06d}") for number in range(FAMILIES)]
        reminders = [
            StageReminded(working_days_left=1000 + number, missing=(Blocker(code="SESSIONS_NOT_HELD", count=1),))
            for number in range(REMINDERS)
        ]
        await self.add(MEETINGS, [session, *invited, *reminders])


class Victim:
    """The worker's process, started again each time it was killed."""

    def __init__(self, environment, log):
        self._environment = environment
        self._log = log
        self.starts = 0
        self.process = None

    def start(self):
        """Start it."""
        self.starts += 1
        self.process = start("crash_notices_worker", self._environment, self._log)

    async def kill(self):
        """Kill it with SIGKILL and wait until it is gone."""
        self.process.kill()
        await asyncio.to_thread(self.process.join)


class Readers:
    """Everybody who gets something: the families' mailboxes and telephones, and the staff's group."""

    def __init__(self, sink, gateway, robot):
        self.sink, self.gateway, self.robot = sink, gateway, robot

    def count(self):
        """Return how many messages they have got."""
        return len(self.sink.mails) + len(self.gateway.taken) + len(self.robot.taken)

    async def have(self, count):
        """Wait until they have got so many."""
        while self.count() < count:  # noqa: ASYNC110 - three servers of three kinds, and no event that they share
            await asyncio.sleep(0.003)

    def copies(self, row):
        """Return how often a notice's reader has got it, looked for on every channel and by what the reader knows."""
        number = _number(row)
        if "@" in row["recipient"]:
            return sum(f"还剩 {number} 个工作日" in taken.text for taken in self.robot.taken)
        mails = sum(kept.recipients == (email(number),) for kept in self.sink.mails)
        return mails + sum(taken.to == phone(number) for taken in self.gateway.taken)


def _number(row):
    """Return the number of a notice's family, or of its reminder."""
    if "@" not in row["recipient"]:
        return int(row["recipient"].removeprefix("stu_"))
    return 1000 + int(row["cause"].rpartition("#")[2]) - FAMILIES - 2


async def under_fire(victim, readers, source):
    """Kill so many times at a random moment after somebody has got something new; return how much they had then."""
    marks = []
    for _ in range(KILLS):
        await readers.have(min(readers.count() + source.randrange(1, LONGEST_STEP), NOTICES))
        await asyncio.sleep(source.uniform(0, 0.03))
        await victim.kill()
        marks.append(readers.count())
        victim.start()
    return marks


async def dispatched(client, channels):
    """Start dispatchers that end once nothing is left to try."""
    handles = [
        await client.start_workflow(
            DISPATCH_WORKFLOW,
            DispatchInput(campaign=CAMPAIGN, channel=name, limit=BATCH, every_seconds=1, queue=dispatch_queue(name)),
            id=dispatch_id(CAMPAIGN, name),
            task_queue=TASK_QUEUE,
            task_timeout=timedelta(seconds=1),
        )
        for name in channels
    ]
    for handle in handles:
        await handle.signal(SIGNAL_FINISH)
    return handles


async def ended(handles):
    """Wait for dispatchers."""
    await asyncio.wait_for(asyncio.gather(*(handle.result() for handle in handles)), ENDED_WITHIN)


async def state_what_the_group_has_read(record, readers):
    """Do what a person does about attempts of which nobody knows and a robot cannot be asked; return how many."""
    rows = await record.ledger.outbox.find(CAMPAIGN, state="unknown")
    assert {row["channel"] for row in rows} <= {WECOM_ROBOT}
    stated = [
        NoticeOutcomeStated(notice=row["notice_id"], sent=readers.copies(row) > 0, reason="LOOKED_INTO_THE_GROUP")
        for row in rows
    ]
    await record.add(CAMPAIGN, stated)
    return stated


@pytest.fixture
async def record(tmp_path):
    """Return a ledger with all notices planned."""
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{tmp_path}/ledger.db")
    made = Record(ledger)
    await made.plan()
    yield made
    await ledger.close()


async def test_kill_nine_while_notices_go_out(tmp_path, record):
    """Twenty deaths among 400 notices; every repetition follows an attempt that was marked `unknown` first."""
    began = time.monotonic()
    running = EmbeddedEngine(tmp_path / "engine", options=PUNCTUAL_ENGINE)
    client = await running.start()
    async with Sink() as sink, SmsSimulator(SECRET.encode()) as gateway, WecomRobotSimulator(SECRET) as robot:
        readers = Readers(sink, gateway, robot)
        environment = {
            "CRASH_DATA": str(tmp_path),
            "CRASH_ADDRESS": running.address,
            "CRASH_MAIL_PORT": str(sink.port),
            "CRASH_SMS_URL": gateway.url,
            "CRASH_ROBOT_URL": robot.url,
        }
        victim = Victim(environment, tmp_path / "worker.log")
        try:
            victim.start()
            handles = await dispatched(client, CHANNELS)
            marks = await asyncio.wait_for(under_fire(victim, readers, random.Random(7)), 120)
            await ended(handles)
            stated = await state_what_the_group_has_read(record, readers)
            await ended(await dispatched(client, [WECOM_ROBOT]))
        finally:
            await victim.kill()
            await running.stop()
    assert len(marks) == KILLS
    assert marks[-1] < NOTICES, "the last kills came when everything had gone out: they prove nothing"
    found = await judged(record.ledger, readers)
    _no_key_twice(gateway)
    assert robot.calls.total() == REMINDERS, "the group was told something twice"
    assert found[WECOM_ROBOT]["unknown"] == len(stated)
    say("notices", {"kills": KILLS, "starts": victim.starts}, began)
    for name in CHANNELS:
        say(f"notices by {name}", found[name], began)


async def judged(ledger, readers):
    """Hold each notice's journal against what its reader got; return by channel what happened how often.

    `unknown` are attempts that were in flight at a kill, `had` those of them of which their provider, or a person,
    knew later that they had gone out; `doubled` are messages that their reader has once more.
    """
    rows = await ledger.outbox.find(CAMPAIGN)
    assert len(rows) == NOTICES
    assert {row["state"] for row in rows} == {"accepted"}
    found = {name: Counter(sent=0, unknown=0, had=0, doubled=0) for name in CHANNELS}
    for row in rows:
        copies, (unknown, had) = readers.copies(row), await _in_flight(ledger, row)
        assert copies >= 1, "somebody misses a notice"
        assert copies <= 1 + (unknown if row["channel"] == EMAIL else 0), "repeated, and not marked as in flight"
        found[row["channel"]].update(sent=1, unknown=unknown, had=had, doubled=copies - 1)
    assert readers.count() == NOTICES + sum(counts["doubled"] for counts in found.values()), "a stranger got something"
    for name in CHANNELS:
        assert 0 < found[name]["unknown"] <= KILLS * BATCH, f"{name}: in flight at a kill is at most one batch"
    assert found[EMAIL]["doubled"] > 0, "no mail was between its server and our record: the test proves nothing"
    assert found[SMS]["had"] > 0, "no text message was between its gateway and our record: the test proves nothing"
    return found


async def _in_flight(ledger, row):
    """Return how many of a notice's attempts were in flight at a kill, and how many of those had gone out.

    Each was written down before anybody was called, and marked `unknown` before the next one began.
    """
    entries = [(one["number"], one["state"]) for one in await ledger.outbox.journal(row["notice_id"])]
    unknown = had = 0
    for number in range(1, row["attempts"] + 1):
        own = [state for of, state in entries if of == number]
        last = number == row["attempts"]
        assert own[:1] == ["submitted"], "an attempt is written down before anybody is called"
        assert own[1:2] == ["unknown"] or (last and own == ["submitted", "accepted"]), own
        assert last or entries.index((number, "unknown")) < entries.index((number + 1, "submitted")), entries
        unknown += own[1:2] == ["unknown"]
        had += own == ["submitted", "unknown", "accepted"]
    return unknown, had


def _no_key_twice(gateway):
    """Hold a provider that takes each key once against itself: as many messages as keys, numbers and families."""
    reached = [phone(number) for number in range(FAMILIES) if phone(number)]
    assert sorted(taken.to for taken in gateway.taken) == sorted(reached)
    assert len({taken.key for taken in gateway.taken}) == len(reached)
