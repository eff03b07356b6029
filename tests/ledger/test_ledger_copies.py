"""Rows for the others of a household, on every database: planned once, claimed, silenced and listed as the first is."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from ledger_samples import BEGIN, CAMPAIGN, STREAM, put, seal_all

from domain.application_filing_events import NoticeOffered
from domain.notices import EMAIL, NoticeState, copy_for, notices_for
from domain.parent_meetings_events import HouseholdInvited
from domain.school_events import LeftRegister, StudentJoined
from ledger.copies import Sharing
from ledger.outbox import Outcome
from ledger.store import Ledger

PUPIL, MOTHER, FATHER, AUNT = "stu_000001", "gdn_000001", "gdn_000002", "cgv_000001"
NOW = BEGIN + timedelta(days=1)
OTHERS = ((FATHER, "meeting_invitation"), (AUNT, "meeting_invitation"))


async def shared(ledger: Ledger, *, times: int = 2) -> str:
    """Invite a household, claim its row and share it so often at once; return the row's id."""
    await put(ledger, seal_all(STREAM, [HouseholdInvited(session="s1", student=PUPIL)]))
    (row,) = await ledger.outbox.claim(CAMPAIGN, EMAIL, 10, NOW)
    await asyncio.gather(*(ledger.outbox.share([Sharing(row.notice_id, MOTHER, OTHERS)]) for _ in range(times)))
    return row.notice_id


async def test_the_others_are_planned_once_and_claimed_like_every_row(ledger: Ledger) -> None:
    """Two that share at once make one copy each; what events planned is listed without them."""
    first = await shared(ledger, times=3)
    await ledger.outbox.share([Sharing(first, FATHER, ())])  # too late: it is the mother's
    claimed = await ledger.outbox.claim(CAMPAIGN, EMAIL, 10, NOW)
    (plan,) = notices_for(seal_all(STREAM, [HouseholdInvited(session="s1", student=PUPIL)])[0])
    assert {(row.notice_id, row.person, row.copy_of, row.recipient, row.purpose) for row in claimed} == {
        (copy_for(plan, person, purpose).notice_id, person, first, PUPIL, purpose) for person, purpose in OTHERS
    }
    row = await ledger.outbox.notice(first)
    assert row is not None
    assert (row["person"], row["copy_of"]) == (MOTHER, None)
    assert [one["notice_id"] for one in await ledger.outbox.planned(CAMPAIGN)] == [first]


async def test_a_pupil_who_comes_back_has_the_whole_household_told(ledger: Ledger) -> None:
    """Cancelled with the departure; where the household's row goes out after all, the others' do too."""
    first = await shared(ledger)
    school = STREAM.rpartition("/")[0]
    left = LeftRegister(student=PUPIL, exit="transfer", on=NOW.date())
    back = StudentJoined(student=PUPIL, class_id="2026-01", on=NOW.date(), again=True)
    events = seal_all(school, [left, back])
    await put(ledger, events[:1])
    copies = [row for row in await ledger.outbox.find(CAMPAIGN, state="cancelled") if row["copy_of"] == first]
    assert [row["code"] for row in copies] == ["LEFT_REGISTER"] * 2
    await put(ledger, events[1:])
    assert await ledger.outbox.claim(CAMPAIGN, EMAIL, 10, NOW) == []
    await ledger.outbox.share([Sharing(first, MOTHER, OTHERS)])
    assert len(await ledger.outbox.claim(CAMPAIGN, EMAIL, 10, NOW)) == len(OTHERS)


async def test_a_letter_that_is_planned_again_reaches_whom_the_departure_had_cut_off(ledger: Ledger) -> None:
    """One guardian had the letter, the other's was cancelled: after the return the same notice is offered again."""
    filing = STREAM.replace("parent-meetings", "application-filing")
    offered = seal_all(filing, [NoticeOffered(student=PUPIL, document="notice-1") for _ in range(2)])
    await put(ledger, offered[:1])
    rows = {row.recipient: row for row in await ledger.outbox.claim(CAMPAIGN, EMAIL, 10, NOW)}
    first = rows[PUPIL]
    await ledger.outbox.share([Sharing(first.notice_id, MOTHER, ((FATHER, "choice_notice"),))])
    sent = [Outcome(row.notice_id, row.number, NoticeState.ACCEPTED, NOW) for row in rows.values()]
    await ledger.outbox.settle(sent)
    left = LeftRegister(student=PUPIL, exit="transfer", on=NOW.date())
    back = StudentJoined(student=PUPIL, class_id="2026-01", on=NOW.date(), again=True)
    await put(ledger, seal_all(STREAM.rpartition("/")[0], [left, back]))
    assert await ledger.outbox.claim(CAMPAIGN, EMAIL, 10, NOW) == []
    await put(ledger, offered[1:])
    (copy,) = await ledger.outbox.claim(CAMPAIGN, EMAIL, 10, NOW)
    assert (copy.person, copy.copy_of) == (FATHER, first.notice_id), "the mother has hers, and gets no second"
