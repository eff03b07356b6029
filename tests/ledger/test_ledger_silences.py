"""No terminal event is followed by a sending, under every interleaving of plans, claims, outcomes and events."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_samples import BEGIN, CAMPAIGN, RULES, SCHOOL, Recorded, put, route, seal_all, send_next, view
from sqlalchemy import text

from domain.application_filing_events import DestinationResolved, OtherDestination
from domain.destination import DestinationKind
from domain.events import Event
from domain.evidence import EvidenceGrade
from domain.filing_consent_events import RecordReleased, RecordRestricted
from domain.notices import EMAIL, NoticePlan, NoticeState
from domain.retention_events import LawfulTransfer, Lost, Returned
from domain.school_events import LeftRegister, StudentJoined
from domain.silences import ABOUT_THE_CHOICE, Change, Silence, silence_of
from domain.stage_events import JoinerOverdue
from ledger import database, silences
from ledger.outbox import Claimed, Outcome, Tries
from ledger.store import Ledger

NOW = BEGIN + timedelta(days=1)
DAY = date(2025, 3, 3)
TRIES = Tries(lease=timedelta(minutes=10), pauses=(timedelta(minutes=1),) * 6)
OPTIONAL = ("visit_invitation", "meeting_invitation", "visit_cancelled")
STATUTORY = (
    "choice_notice",
    "choice_notice_pupil",
    "choice_information",
    "document_superseded",
    "consent_confirmed",
)
ACCEPTED = NoticeState.ACCEPTED
TRIES_LEFT = 3
"""So many rounds, an hour apart: a lost attempt is found, tried again, and accepted."""

Opener = Callable[[str], Awaitable[Ledger]]
_numbers = count(1)


def student(number: int) -> str:
    """Return a pupil's reference."""
    return f"stu_{number:06d}"


def events_of(number: int) -> dict[str, Event]:
    """Return what can happen to a pupil that begins or ends a silence."""
    ref, seen = student(number), EvidenceGrade.SEEN
    checked = {"student": ref, "checkpoint": "d30", "evidence": seen}
    found = {"student": ref, "evidence": seen}
    return {
        "leaves": LeftRegister(student=ref, exit="transfer", on=DAY),
        "joins": StudentJoined(student=ref, class_id="2022-01", on=DAY, again=True),
        "restricted": RecordRestricted(student=ref, reason="COURT_ORDER"),
        "released": RecordReleased(student=ref, reason="OVER"),
        "elsewhere": OtherDestination(**found, destination=DestinationKind.GENERAL_HIGH),
        "vocational": DestinationResolved(**found, destination=DestinationKind.VOCATIONAL, reason="CHECKED"),
        "transferred": LawfulTransfer(**checked),
        "lost": Lost(**checked),
        "returned": Returned(**checked),
    }


pupils = st.integers(1, 2)
plans = st.tuples(st.just("plan"), pupils, st.sampled_from((*OPTIONAL, *STATUTORY)))
happenings = st.tuples(st.just("event"), pupils, st.sampled_from(sorted(events_of(1))))
claims = st.tuples(st.just("claim"), st.integers(1, 4), st.just(""))
outcomes = st.tuples(
    st.just("settle"), st.integers(0, 5), st.sampled_from(("accepted", "failed_temporary", "unknown", "lost"))
)
operations = st.one_of(plans, happenings, claims, outcomes)
steps = st.lists(st.lists(operations, min_size=1, max_size=3), min_size=4, max_size=12)


class Run:
    """One campaign's outbox, and what must be silent in it by the plain list of its events."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.campaign = f"campaign/silent{next(_numbers)}/2025"
        self.now = NOW
        self.silent: dict[tuple[str, Silence], None] = {}
        self.held: list[Claimed] = []
        self.streams = count(1)
        self.sent = 0

    async def step(self, together: list[tuple[str, int, str]]) -> None:
        """Run some operations at once; then check what was claimed by what was silent before and stayed so."""
        before = dict(self.silent)
        ended: dict[tuple[str, Silence], None] = {}
        changes = [self.change(number, name) for kind, number, name in together if kind == "event"]
        for change in changes:
            if not change.begins:
                ended[change.student, change.silence] = None
        claimed = [row for rows in await asyncio.gather(*map(self.run, together)) for row in rows]
        for row in claimed:
            stopped = [silence for ref, silence in before if ref == row.recipient and (ref, silence) not in ended]
            assert not any(stops(silence, row.purpose) for silence in stopped), (row.purpose, stopped)
        self.held += claimed
        self.sent += len(claimed)
        self.now += timedelta(minutes=1)

    def change(self, number: int, name: str) -> Change:
        """Return what an event changes, by the plain rule."""
        event = events_of(number)[name]
        (envelope,) = seal_all(f"{self.campaign}/x", [event])
        change = silence_of(envelope)
        assert change is not None
        return change

    async def run(self, operation: tuple[str, int, str]) -> list[Claimed]:
        """Run one operation; return what it claimed."""
        kind, number, name = operation
        stream = f"{self.campaign}/{SCHOOL}/s{next(self.streams)}"
        match kind:
            case "plan":
                (event,) = sealed = seal_all(stream, [Recorded(student=student(number))])
                plan = NoticePlan(
                    notice_id=f"ntc_{next(_numbers)}",
                    campaign=self.campaign,
                    stream=stream,
                    cause=f"{stream}#1",
                    purpose=name,
                    recipient=student(number),
                    optional=name in OPTIONAL,
                    planned_at=event["recorded_at"],
                )
                await self.ledger.append(sealed, [plan], view(sealed))
            case "event":
                await put(self.ledger, seal_all(stream, [events_of(number)[name]]))
            case "claim":
                return await send_next(self.ledger, self.now, number, TRIES, campaign=self.campaign)
            case _ if self.held and name == "lost":
                self.held.pop(number % len(self.held))
                self.now += TRIES.lease
            case _ if self.held:
                row = self.held.pop(number % len(self.held))
                outcome = Outcome(row.notice_id, row.number, NoticeState(name), self.now)
                await self.ledger.outbox.settle([outcome], TRIES)
        return []


def stops(silence: Silence, purpose: str) -> bool:
    """Tell whether nothing of a purpose is sent: a departure and a restriction stop all of it."""
    return silence is not Silence.GOES_ELSEWHERE or purpose in ABOUT_THE_CHOICE


def settle_silences(run: Run, together: list[tuple[str, int, str]], kept: dict[tuple[str, Silence], None]) -> None:
    """Take the silences of a step into the model; where one began and ended at once, the ledger says which was last."""
    changed: dict[tuple[str, Silence], list[bool]] = {}
    for kind, number, name in together:
        if kind == "event":
            change = run.change(number, name)
            changed.setdefault((change.student, change.silence), []).append(change.begins)
    for key, directions in changed.items():
        begins = all(directions) if len(set(directions)) == 1 else key in kept
        if begins:
            run.silent[key] = None
        else:
            run.silent.pop(key, None)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(plan=steps)
async def test_after_a_terminal_event_nothing_about_it_is_submitted(
    ledger: Ledger, plan: list[list[tuple[str, int, str]]]
) -> None:
    """Planned before or after, waiting, in somebody's hands, lost or to be tried again: it is not claimed any more."""
    run = Run(ledger)
    for together in plan:
        await run.step(together)
        rows = await ledger.outbox.suppressions(run.campaign)
        kept = {(row["student"], Silence(row["code"])): None for row in rows}
        settle_silences(run, together, kept)
        assert kept == run.silent
    for _ in range(TRIES_LEFT):
        run.now += timedelta(hours=1)
        await run.step([("claim", 100, "")])
        if run.held:
            accepted = [Outcome(row.notice_id, row.number, ACCEPTED, run.now) for row in run.held]
            await ledger.outbox.settle(accepted, TRIES)
        run.held = []
    left = await ledger.outbox.left(run.campaign, EMAIL, run.now)
    assert left.count == 0, "all else went out, and what is silent is not waited for"


async def test_another_destination_ends_the_invitations_and_no_notice_of_rights(ledger: Ledger) -> None:
    """Waiting rows are cancelled by the event, later ones are stored as cancelled; the consent's own notices go out."""
    run = Run(ledger)
    for purpose in (*OPTIONAL, *STATUTORY):
        await run.run(("plan", 1, purpose))
    await run.run(("event", 1, "elsewhere"))
    await run.run(("plan", 1, "visit_invitation"))

    rows = await ledger.outbox.find(run.campaign)
    cancelled = [row["purpose"] for row in rows if row["state"] == "denied"]
    assert sorted(cancelled) == sorted([*ABOUT_THE_CHOICE, "visit_invitation"])
    assert {row["code"] for row in rows if row["state"] == "denied"} == {"GOES_ELSEWHERE"}
    claimed = await send_next(ledger, NOW, campaign=run.campaign)
    assert sorted(row.purpose for row in claimed) == ["consent_confirmed", "visit_cancelled"]


async def test_a_restricted_record_holds_statutory_notices_until_it_is_released(ledger: Ledger) -> None:
    """Nothing goes out under the restriction; afterwards what is owed does, and no invitation of a day that is over."""
    run = Run(ledger)
    await run.run(("plan", 1, "visit_invitation"))
    await run.run(("event", 1, "restricted"))
    await run.run(("plan", 1, "choice_notice"))
    await run.run(("plan", 2, "choice_notice"))

    claimed = await send_next(ledger, NOW, campaign=run.campaign)
    assert [row.recipient for row in claimed] == [student(2)]
    assert (await ledger.outbox.left(run.campaign, EMAIL, NOW)).count == 1

    await run.run(("event", 1, "released"))
    claimed = await send_next(ledger, NOW, campaign=run.campaign)
    assert [(row.recipient, row.purpose) for row in claimed] == [(student(1), "choice_notice")]


async def test_one_silence_does_not_end_another(ledger: Ledger) -> None:
    """Whoever comes back to the register still goes elsewhere."""
    run = Run(ledger)
    for name in ("elsewhere", "leaves", "joins"):
        await run.run(("event", 1, name))
    await run.run(("plan", 1, "visit_invitation"))
    assert [row["code"] for row in await ledger.outbox.suppressions(run.campaign)] == ["GOES_ELSEWHERE"]
    assert await send_next(ledger, NOW, campaign=run.campaign) == []


async def test_pupils_who_left_stay_silent_when_the_database_is_brought_up_to_date(
    ledger_url: str, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release without other silences knew departures only."""
    engine = database.create(ledger_url)
    with monkeypatch.context() as patch:
        patch.setattr(database, "REVISION", "0002")
        await database.migrate(engine)
    async with database.writing(engine).begin() as connection:
        await connection.execute(
            text(f"INSERT INTO suppressions VALUES ('{CAMPAIGN}', 'stu_000001', 'c#1', 'death', '2025-03-03')")
        )
    await engine.dispose()

    held = await (await opened(ledger_url)).outbox.suppressions(CAMPAIGN)

    assert [(row["student"], row["code"], row["reason"]) for row in held] == [("stu_000001", "LEFT_REGISTER", "death")]


async def test_nobody_is_told_to_look_for_a_pupil_who_is_gone(sqlite_ledger: Ledger) -> None:
    """What staff has to do about one pupil ends with the pupil; what is owed to a restricted record stays owed."""
    ledger, late = sqlite_ledger, f"{CAMPAIGN}/{SCHOOL}/identification"
    missed = seal_all(late, [JoinerOverdue(student=student(n), due=DAY) for n in (1, 2, 3)])
    await put(ledger, missed)
    await route(ledger)
    about = {row["notice_id"]: row["student"] for row in await ledger.outbox.find(CAMPAIGN)}
    assert sorted(about.values()) == [student(1), student(2), student(3)]
    gone = [events_of(1)["leaves"], events_of(2)["restricted"], events_of(3)["elsewhere"]]
    await put(ledger, seal_all(f"{CAMPAIGN}/{SCHOOL}", gone))
    states = {row["student"]: (row["state"], row["code"]) for row in await ledger.outbox.find(CAMPAIGN)}
    assert states[student(1)] == (NoticeState.DENIED, Silence.LEFT_REGISTER)
    begun = await send_next(ledger, NOW)
    assert sorted(about[one.notice_id] for one in begun) == [student(2), student(3)]


@pytest.mark.parametrize("crossing", ["before the plan", "after the claim"])
async def test_a_death_and_a_task_about_the_pupil_may_cross(sqlite_ledger: Ledger, crossing: str) -> None:
    """The plan comes too late, or the claim too early: in either order nobody is told."""
    ledger, late = sqlite_ledger, f"{CAMPAIGN}/{SCHOOL}/identification"
    missed = seal_all(late, [JoinerOverdue(student=student(1), due=DAY)])
    gone = seal_all(f"{CAMPAIGN}/{SCHOOL}", [events_of(1)["leaves"]])
    if crossing == "before the plan":
        await put(ledger, gone)
        await put(ledger, missed)
        assert await send_next(ledger, NOW) == []
    else:
        await put(ledger, missed)
        await route(ledger)
        claimed = await ledger.outbox.claim(CAMPAIGN, EMAIL, 9, NOW, RULES, None)
        assert len(claimed) == 1
        await put(ledger, gone)
        assert await ledger.outbox.begin(claimed, NOW) == []
    (row,) = await ledger.outbox.find(CAMPAIGN)
    assert (row["state"], row["code"]) == (NoticeState.DENIED, Silence.LEFT_REGISTER)


@pytest.mark.parametrize("silence", Silence)
async def test_a_silence_looks_at_its_pupils_rows_alone(sqlite_ledger: Ledger, silence: Silence) -> None:
    """A county's outbox has tens of thousands of rows in one state: nobody goes through them for each pupil."""
    asked = {"of_student": "stu_1", "of_pupil": "pupil:stu_1", "of_campaign": CAMPAIGN, "since": BEGIN.isoformat()}
    for query in (silences._ENDING[silence], silences._CANCEL[silence]):
        async with sqlite_ledger._engine.connect() as connection:
            compiled = query.compile(connection.sync_engine)
            values = {**compiled.params, **asked}
            text = f"EXPLAIN QUERY PLAN {compiled}"
            plan = await connection.exec_driver_sql(text, tuple(values[name] for name in compiled.positiontup))
            used = {word for row in plan for word in row.detail.split() if word.startswith("ix_")}
        assert used <= {"ix_outbox_recipient", "ix_outbox_student"}
        assert "ix_outbox_recipient" in used
