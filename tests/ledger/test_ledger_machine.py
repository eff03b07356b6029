"""The outbox's steps in any order: what was stopped is never begun, nothing is in two hands, and the record agrees."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import count

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ledger_samples import BEGIN, RULES, SCHOOL, Recorded, paused, put, resumed, seal_all, view

from domain.events import GENESIS, Event
from domain.notices import GONE_OUT, PAPER, SMS, WECOM, NoticePlan, NoticeState
from domain.school_events import LeftRegister, StudentJoined
from domain.sending_events import NoticeMuted, NoticeRetried, NoticesKilled, NoticesReleased, ScopeKind
from ledger.handover import Claimed, Outcome, Receipt, Routing, Tries
from ledger.store import Ledger

DAY = date(2025, 3, 3)
TRIES = Tries(lease=timedelta(minutes=10), pauses=(timedelta(minutes=1), timedelta(minutes=2)))
CHAIN = (WECOM, SMS, PAPER)
ENDS = ("accepted", "failed_temporary", "failed_permanent", "unknown")
RECEIPTS = ("delivered", "read", "failed_permanent")
ARRIVED = ("delivered", "read")
_numbers = count(1)

few = st.integers(0, 3)
plans = st.tuples(st.just("plan"), few, st.sampled_from(("meeting_invitation", "choice_notice")))
stops = st.one_of(
    st.tuples(st.just("switch"), few, st.sampled_from(("pause", "kill wecom", "kill sms", "resume", "release"))),
    st.tuples(st.just("one"), few, st.sampled_from(("mute", "mute", "retry", "give back"))),
    st.tuples(st.just("pupil"), few, st.sampled_from(("leaves", "joins"))),
    st.tuples(st.just("receipt"), few, st.sampled_from(RECEIPTS)),
    st.tuples(st.just("time"), few, st.sampled_from(("minutes", "lease"))),
    st.tuples(st.just("claim"), few, st.sampled_from((WECOM, SMS))),
)
ends = st.one_of(st.tuples(st.just("settle"), few, st.sampled_from(ENDS)), stops, plans)
rounds = st.tuples(
    st.lists(st.one_of(plans, stops), max_size=2),
    st.tuples(st.just("claim"), few, st.sampled_from((WECOM, WECOM, SMS))).map(lambda one: [one]),
    st.lists(stops, max_size=2),
    st.just([("begin", 0, "")]),
    st.lists(ends, max_size=3),
).map(lambda parts: [step for part in parts for step in part])
"""Something happens, some are claimed, something happens in between, they are begun, and some of them end."""


class Course:
    """One campaign, what its plain list of events forbids, and who holds what."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.outbox = ledger.outbox
        self.campaign = f"campaign/machine{next(_numbers)}/2025"
        self.now = BEGIN + timedelta(days=1)
        self.claimed: list[Claimed] = []
        self.flying: dict[str, Claimed] = {}
        self.gone: dict[str, None] = {}
        self.paused = False
        self.killed: dict[str, None] = {}
        self.muted: dict[str, None] = {}
        self.version = 0
        self.head = GENESIS
        self.streams = count(1)

    async def decide(self, event: Event) -> None:
        """Append an event to the campaign's stream."""
        sealed = seal_all(self.campaign, [event], self.version + 1, self.head)
        await put(self.ledger, sealed)
        self.version, self.head = self.version + 1, sealed[-1]["hash"]

    async def plan(self, pupil: str, purpose: str) -> None:
        """Plan a notice and route it."""
        stream = f"{self.campaign}/{SCHOOL}/s{next(self.streams)}"
        sealed = seal_all(stream, [Recorded(student=pupil)])
        plan = NoticePlan(
            notice_id=f"ntc_{next(_numbers):032x}",
            campaign=self.campaign,
            stream=stream,
            cause=f"{stream}#1",
            purpose=purpose,
            recipient=pupil,
            optional=purpose == "meeting_invitation",
            planned_at=sealed[0]["recorded_at"],
        )
        await self.ledger.append(sealed, [plan], view(sealed))
        await self.route()

    async def route(self) -> None:
        """Route what is not routed."""
        rows = await self.outbox.unrouted(self.campaign, 99)
        await self.outbox.route([Routing(row.notice_id, None, CHAIN, (), None) for row in rows])

    async def begin(self) -> None:
        """Begin all that was claimed, and check each that is begun against the plain list."""
        claimed, self.claimed = self.claimed, []
        for row in await self.outbox.begin(claimed, self.now, TRIES):
            assert row.recipient not in self.gone, "nothing goes out after a departure"
            assert not (self.paused and row.purpose == "meeting_invitation"), "nothing optional under a pause"
            assert row.channel not in self.killed, "nothing on a channel that is shut"
            assert row.notice_id not in self.muted, "nothing that a person has stopped"
            held = self.flying.get(row.notice_id)
            assert held is None or held.channel != row.channel or held.lease_until <= self.now, "in two hands"
            self.flying[row.notice_id] = row

    async def settle(self, number: int, state: str) -> None:
        """Close an attempt that is under way, or was long ago."""
        if self.flying:
            row = list(self.flying.values())[number % len(self.flying)]
            after = await self.outbox.settle([Outcome(row.notice_id, row.number, NoticeState(state), self.now)], TRIES)
            if after != [None]:
                self.flying.pop(row.notice_id)

    async def receipt(self, number: int, state: str) -> None:
        """Take a receipt of some notice, on any channel that it may have gone by."""
        rows = await self.outbox.find(self.campaign)
        if rows:
            notice_id = rows[number % len(rows)]["notice_id"]
            for channel in (WECOM, SMS):
                name = f"r{next(_numbers)}"
                news = Receipt(name, channel, notice_id, None, NoticeState(state), None, self.now)
                assert await self.outbox.take_receipts([news], self.now) == 1
            made = {one["channel"] for one in await self.outbox.attempts(notice_id)}
            row = await self.outbox.notice(notice_id)
            assert row is not None
            if state == "read" and made & {WECOM, SMS}:
                assert row["state"] == "read"

    async def switch(self, name: str) -> None:
        """Pause, kill, resume or release."""
        match name.partition(" "):
            case ("pause", _, _) if not self.paused:
                await self.decide(paused())
                self.paused = True
            case ("resume", _, _) if self.paused:
                await self.decide(resumed())
                self.paused = False
            case ("kill", _, channel) if channel not in self.killed:
                await self.decide(NoticesKilled(scope_kind=ScopeKind.CHANNEL, scope=channel, reason="TEST"))
                self.killed[channel] = None
            case ("release", _, _) if self.killed:
                channel = next(iter(self.killed))
                await self.decide(NoticesReleased(scope_kind=ScopeKind.CHANNEL, scope=channel, reason="TEST"))
                self.killed.pop(channel)

    async def one(self, number: int, name: str) -> None:
        """Mute, retry, or give back what was claimed."""
        rows = await self.outbox.find(self.campaign)
        if name == "give back":
            claimed, self.claimed = self.claimed, []
            await self.outbox.release(claimed, self.now)
        elif rows:
            row = rows[number % len(rows)]
            notice_id = row["notice_id"]
            if name == "mute":
                await self.decide(NoticeMuted(notice=notice_id, school=None, reason="TEST"))
                if row["state"] not in ARRIVED:
                    self.muted[notice_id] = None
            else:
                await self.decide(NoticeRetried(notice=notice_id, channel=None, reason="TEST"))
                if row["state"] == "muted":
                    self.muted.pop(notice_id, None)
                await self.route()

    async def pupil(self, number: int, name: str) -> None:
        """Let a pupil leave or come back."""
        ref = f"stu_{number % 2:06d}"
        gone = LeftRegister(student=ref, exit="transfer", on=DAY)
        back = StudentJoined(student=ref, class_id="2022-01", on=DAY, again=True)
        stream = f"{self.campaign}/{SCHOOL}/s{next(self.streams)}"
        await put(self.ledger, seal_all(stream, [gone if name == "leaves" else back]))
        if name == "leaves":
            self.gone[ref] = None
        else:
            self.gone.pop(ref, None)

    async def step(self, kind: str, number: int, name: str) -> None:
        """Take one step."""
        self.now += timedelta(seconds=20)
        match kind:
            case "plan":
                await self.plan(f"stu_{number % 2:06d}", name)
            case "claim":
                self.claimed += await self.outbox.claim(self.campaign, name, number + 1, self.now, RULES, None, TRIES)
            case "begin":
                await self.begin()
            case "time":
                self.now += TRIES.lease if name == "lease" else timedelta(minutes=number)
            case _:
                await getattr(self, kind)(*((number, name) if kind != "switch" else (name,)))

    async def agree(self) -> None:
        """Check that rows, attempts and journal tell one story."""
        for row in await self.outbox.find(self.campaign):
            tried = await self.outbox.attempts(row["notice_id"])
            journal = await self.outbox.journal(row["notice_id"])
            assert [one["number"] for one in tried] == list(range(1, row["attempts"] + 1))
            begun = [(one["number"], one["channel"], one["at"]) for one in journal if one["state"] == "submitted"]
            assert begun == [(one["number"], one["channel"], one["started_at"]) for one in tried]
            for one in tried:
                told = [line["state"] for line in journal if line["number"] == one["number"]]
                assert (one["outcome"] or "submitted") in told
            if row["state"] in ("submitted", *GONE_OUT, "unknown", "failed_temporary"):
                assert tried
            assert (row["state"] == "held") <= (row["code"] is not None)
            assert (row["lease_until"] is None) or row["state"] in ("cleared", "submitted", *GONE_OUT)


SENT = [("claim", 3, WECOM), ("begin", 0, "")]
ACCEPTED = [("settle", 0, "accepted")]
MUTED = [("one", 0, "mute")]
BOUNCED = [("receipt", 0, "failed_permanent")]
MUTED_ON_THE_WAY = [*SENT, *MUTED, *ACCEPTED, *BOUNCED]
MUTED_ONCE_ACCEPTED = [*SENT, *ACCEPTED, *MUTED, *BOUNCED]
NEXT_WAY = [("claim", 3, SMS), ("begin", 0, "")]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@example([MUTED_ON_THE_WAY, NEXT_WAY])
@example([MUTED_ONCE_ACCEPTED, NEXT_WAY])
@given(course_of=st.lists(rounds, min_size=3, max_size=8))
async def test_whatever_the_order_of_the_steps_nothing_that_was_stopped_is_begun(
    sqlite_ledger: Ledger, course_of: list[list[tuple[str, int, str]]]
) -> None:
    """Departures, pauses, switches and a person's word hold from the moment of their event to its end."""
    course = Course(sqlite_ledger)
    await course.plan("stu_000000", "meeting_invitation")
    await course.plan("stu_000001", "choice_notice")
    for steps in course_of:
        for step in steps:
            await course.step(*step)
        course.now += TRIES.pauses[-1]
    await course.begin()
    await course.agree()
