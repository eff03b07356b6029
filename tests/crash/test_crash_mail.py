"""Kill -9 while mails go out: nobody misses one, and only attempts that were in flight are repeated."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import random
import time
from collections import Counter
from datetime import timedelta

from crash_house import say
from crash_nursery import PROGRAMS, start

from activities.dispatch import CONNECTIONS
from domain.actors import SYSTEM
from domain.events import GENESIS, Event, seal
from domain.notices import notices_for
from domain.parent_meetings_events import HouseholdInvited, SessionScheduled
from domain.policy import PolicyRef
from domain.time import instant
from engine import EmbeddedEngine
from ledger.store import Ledger
from notices.sink import Sink
from protocol import SIGNAL_FINISH, DispatchInput, dispatch_id

QUEUE = "crash-mail"
CAMPAIGN = "campaign/qingshan/2025"
BEGIN = instant("2025-03-03T08:00:00+08:00")
multiprocessing.get_context("forkserver").set_forkserver_preload([*PROGRAMS, "crash_mail_worker"])  # if it is the first
NOTICES = 200
KILLS = 5
"""Each kill is waited for until its lease is over: five in every run are enough to have attempts in flight."""


class Drafted(Event):
    """A campaign's first event, as far as a notice looks at it."""

    campaign: str


def sealed(stream, events):
    """Seal a stream."""
    found = []
    for version, event in enumerate(events, 1):
        known = {"prev_hash": found[-1]["hash"] if found else GENESIS, "actor": SYSTEM, "causation": None}
        policy = PolicyRef(id="compliant", version=1, parameter_hash="ab" * 32)
        known |= {"occurred_at": BEGIN, "recorded_at": BEGIN, "command_id": f"c{version}"}
        found.append(seal(event, stream=stream, version=version, policy=policy, **known))
    return found


async def planned(url):
    """Fill an outbox with one notice for each of so many families."""
    ledger = await Ledger.open(url)
    invited = [HouseholdInvited(session="s1", student=f"stu_{number:04d}") for number in range(NOTICES)]
    session = SessionScheduled(session="s1", classes=("2025-01",), at=BEGIN + timedelta(days=7))
    for events in (
        sealed(CAMPAIGN, [Drafted(campaign=CAMPAIGN)]),
        sealed(f"{CAMPAIGN}/9900010001/parent-meetings", [session, *invited]),
    ):
        await ledger.append(events, [plan for event in events for plan in notices_for(event)], {"kind": "x"})
    return ledger


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
        self.process = start("crash_mail_worker", self._environment, self._log)

    async def kill(self):
        """Kill it with SIGKILL and wait until it is gone."""
        self.process.kill()
        await asyncio.to_thread(self.process.join)


async def under_fire(victim, sink, source):
    """Kill so many times at a random moment after the sink has got something new; return how much it had each time."""
    marks = []
    for _ in range(KILLS):
        wanted = min(len(sink.mails) + source.randrange(1, 36), NOTICES)
        await sink.has(wanted)
        await asyncio.sleep(source.uniform(0, 0.03))
        await victim.kill()
        marks.append(len(sink.mails))
        victim.start()
    return marks


async def test_kill_nine_while_mails_go_out(tmp_path):
    """Five deaths among 200 mails: each family has its mail; a second copy only after an attempt marked `unknown`."""
    began = time.monotonic()
    url = f"sqlite+aiosqlite:///{tmp_path}/ledger.db"
    ledger = await planned(url)
    running = EmbeddedEngine(tmp_path / "engine")
    client = await running.start()
    async with Sink() as sink:
        environment = {
            "CRASH_DATA": str(tmp_path),
            "CRASH_ADDRESS": running.address,
            "CRASH_MAIL_PORT": str(sink.port),
        }
        victim = Victim(environment, tmp_path / "worker.log")
        try:
            victim.start()
            handle = await client.start_workflow(
                "NoticeDispatchWorkflow",
                DispatchInput(campaign=CAMPAIGN, channel="email", limit=10, every_seconds=1),
                id=dispatch_id(CAMPAIGN, "email"),
                task_queue=QUEUE,
            )
            await handle.signal(SIGNAL_FINISH)
            marks = await asyncio.wait_for(under_fire(victim, sink, random.Random(7)), 120)
            await asyncio.wait_for(handle.result(), 60)
        finally:
            await victim.kill()
            await running.stop()
        arrived = Counter(kept.message_id for kept in sink.mails)
    rows = await ledger.outbox.find(CAMPAIGN)
    attempts = {row["notice_id"]: await ledger.outbox.attempts(row["notice_id"]) for row in rows}
    await ledger.close()

    assert {row["state"] for row in rows} == {"accepted"}
    assert arrived.keys() == {f"<{row['notice_id']}@county.invalid>" for row in rows}
    assert len(rows) == NOTICES
    unknown = 0
    for row in rows:
        *lost, last = attempts[row["notice_id"]]
        unknown += len(lost)
        assert last["outcome"] == "accepted"
        assert {attempt["outcome"] for attempt in lost} <= {"unknown"}
        for attempt, following in zip(attempts[row["notice_id"]], attempts[row["notice_id"]][1:], strict=False):
            assert attempt["ended_at"] < following["started_at"], "marked unknown before the next attempt began"
        copies = arrived[f"<{row['notice_id']}@county.invalid>"]
        assert copies <= 1 + len(lost), json.dumps(attempts[row["notice_id"]])
    assert unknown, "no attempt was in flight at any of the kills: the test proves nothing"
    doubled = sum(arrived.values()) - NOTICES
    assert doubled <= KILLS * CONNECTIONS, "more than one mail in flight on each connection at each kill"
    numbers = {"kills": len(marks), "starts": victim.starts, "unknown": unknown, "doubled": doubled}
    say("mail", numbers, began)
