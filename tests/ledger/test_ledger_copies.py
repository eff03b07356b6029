"""Routing, on every database: readers and ways of a household, its copies, and what a departure and a return do."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from ledger_samples import BEGIN, CAMPAIGN, STREAM, put, seal_all, send_next

from domain.application_filing_events import NoticeOffered
from domain.notices import EMAIL, PAPER, SMS, UNROUTED, NoticeState, copy_for, notices_for
from domain.parent_meetings_events import HouseholdInvited
from domain.school_events import LeftRegister, StudentJoined
from domain.time import stamp
from ledger.handover import NO_ADDRESS, Copy, Outcome, Routing
from ledger.store import Ledger

PUPIL, MOTHER, FATHER, AUNT = "stu_000001", "gdn_000001", "gdn_000002", "cgv_000001"
NOW = BEGIN + timedelta(days=1)
OTHERS = (Copy(FATHER, "meeting_invitation", (EMAIL, PAPER)), Copy(AUNT, "meeting_invitation", (SMS,)))
KEYS = ("a" * 16, "b" * 16)
SCHOOL_STREAM = STREAM.rpartition("/")[0]


async def invited(ledger: Ledger) -> str:
    """Invite a household; return the row's id."""
    await put(ledger, seal_all(STREAM, [HouseholdInvited(session="s1", student=PUPIL)]))
    (row,) = await ledger.outbox.unrouted(CAMPAIGN, 10)
    return row.notice_id


def household(notice_id: str, *others: Copy) -> Routing:
    """Return the routing of a household whose first reader is the mother."""
    return Routing(notice_id, MOTHER, (EMAIL, PAPER), KEYS, NOW + timedelta(days=2), others)


async def row_of(ledger: Ledger, notice_id: str) -> dict[str, Any]:
    """Return one row that is there."""
    row = await ledger.outbox.notice(notice_id)
    assert row is not None
    return row


async def leave(ledger: Ledger, *, back: bool = False) -> None:
    """Let the pupil leave the register, or come back afterwards."""
    left = LeftRegister(student=PUPIL, exit="transfer", on=NOW.date())
    joined = StudentJoined(student=PUPIL, class_id="2026-01", on=NOW.date(), again=True)
    await put(ledger, seal_all(SCHOOL_STREAM, [left, joined] if back else [left]))


async def test_a_row_gets_its_reader_its_ways_and_its_household(ledger: Ledger) -> None:
    """Two that route at once write each row once; what is routed stays as it is, and events' rows are listed alone."""
    first = await invited(ledger)

    await asyncio.gather(*(ledger.outbox.route([household(first, *OTHERS)]) for _ in range(3)))
    await ledger.outbox.route([Routing(first, FATHER, (PAPER,), (), None)])  # too late: it is the mother's

    (plan,) = notices_for(seal_all(STREAM, [HouseholdInvited(session="s1", student=PUPIL)])[0])
    rows = await ledger.outbox.find(CAMPAIGN)
    assert {(row["notice_id"], row["person"], row["copy_of"], row["channel"], row["chain"]) for row in rows} == {
        (first, MOTHER, None, EMAIL, PAPER),
        (copy_for(plan, FATHER, plan.purpose).notice_id, FATHER, first, EMAIL, PAPER),
        (copy_for(plan, AUNT, plan.purpose).notice_id, AUNT, first, SMS, ""),
    }
    assert {(row["contacts"], row["not_after"], row["state"]) for row in rows} == {
        (" ".join(KEYS), stamp(NOW + timedelta(days=2)), "planned")
    }
    assert [one["notice_id"] for one in await ledger.outbox.planned(CAMPAIGN)] == [first]
    assert await ledger.outbox.unrouted(CAMPAIGN, 10) == []


async def test_who_has_no_way_at_all_is_a_dead_letter_before_any_attempt(ledger: Ledger) -> None:
    """The code says why; a copy without a way does not keep the household's own row back."""
    first = await invited(ledger)
    await ledger.outbox.route([Routing(first, MOTHER, (EMAIL,), KEYS, None, (Copy(FATHER, "meeting_invitation", ()),))])
    states = {row["person"]: (row["state"], row["code"]) for row in await ledger.outbox.find(CAMPAIGN)}
    assert states == {MOTHER: ("planned", None), FATHER: ("failed_permanent", NO_ADDRESS)}

    other = seal_all(STREAM.replace("meetings", "meetings-2"), [HouseholdInvited(session="s2", student=PUPIL)])
    await put(ledger, other)
    (row,) = await ledger.outbox.unrouted(CAMPAIGN, 10)
    await ledger.outbox.route([Routing(row.notice_id, None, (), (), None, code="HOUSEHOLD_UNKNOWN")])
    dead = await row_of(ledger, row.notice_id)
    assert (dead["state"], dead["code"], dead["attempts"]) == ("failed_permanent", "HOUSEHOLD_UNKNOWN", 0)
    assert await ledger.outbox.unrouted(CAMPAIGN, 10) == []


async def test_the_oldest_are_routed_first_and_a_silent_pupils_not_at_all(ledger: Ledger) -> None:
    """Whoever asks for a few gets the oldest; what a departure hides is not looked up."""
    events = [HouseholdInvited(session="s1", student=f"stu_{n:06d}") for n in (1, 2, 3)]
    await put(ledger, seal_all(STREAM, events))
    await leave(ledger)
    assert [row.recipient for row in await ledger.outbox.unrouted(CAMPAIGN, 1)] == ["stu_000002"]
    assert [row.recipient for row in await ledger.outbox.unrouted(CAMPAIGN, 9)] == ["stu_000002", "stu_000003"]


async def test_a_pupil_who_comes_back_has_the_whole_household_told(ledger: Ledger) -> None:
    """Denied with the departure; the same invitation, planned again, is routed anew with all of its copies."""
    first = await invited(ledger)
    await ledger.outbox.route([household(first, *OTHERS)])
    await leave(ledger)
    rows = await ledger.outbox.find(CAMPAIGN)
    assert [(row["state"], row["code"]) for row in rows] == [("denied", "LEFT_REGISTER")] * 3
    await leave(ledger, back=True)
    assert await send_next(ledger, NOW) == []

    again = [HouseholdInvited(session="s1", student=PUPIL) for _ in range(2)]
    await put(ledger, seal_all(STREAM, again))
    rows = await ledger.outbox.find(CAMPAIGN)
    assert {(row["state"], row["channel"], row["chain"]) for row in rows} == {("planned", UNROUTED, "")}
    waiting = await ledger.outbox.unrouted(CAMPAIGN, 10)
    assert {row.person for row in waiting} == {MOTHER, FATHER, AUNT}
    await ledger.outbox.route([household(first, *OTHERS)])
    assert len(await ledger.outbox.unrouted(CAMPAIGN, 10)) == len(OTHERS), "each of the others is routed by itself"


async def test_a_letter_that_is_planned_again_reaches_whom_the_departure_had_cut_off(ledger: Ledger) -> None:
    """One guardian had the letter, the other's was denied: after the return the same notice is offered again."""
    filing = STREAM.replace("parent-meetings", "application-filing")
    offered = seal_all(filing, [NoticeOffered(student=PUPIL, document="notice-1") for _ in range(2)])
    await put(ledger, offered[:1])
    rows = {row.recipient: row for row in await ledger.outbox.unrouted(CAMPAIGN, 10)}
    first = rows[PUPIL].notice_id
    await ledger.outbox.route([Routing(first, MOTHER, (EMAIL,), KEYS, None, (Copy(FATHER, "choice_notice", (SMS,)),))])
    sent = await send_next(ledger, NOW)
    await ledger.outbox.settle([Outcome(row.notice_id, row.number, NoticeState.ACCEPTED, NOW) for row in sent])
    await leave(ledger)
    await leave(ledger, back=True)
    assert await send_next(ledger, NOW) == []
    await put(ledger, offered[1:])
    (copy,) = await send_next(ledger, NOW)
    assert (copy.person, copy.copy_of) == (FATHER, first), "the mother has hers, and gets no second"
