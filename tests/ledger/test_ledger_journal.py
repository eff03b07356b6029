"""The journal: all that happens to a notice stands in it, and a day that is tied to the chain changes no more."""

from __future__ import annotations

import json
from datetime import date, time, timedelta

import pytest
from ledger_samples import BEGIN, CAMPAIGN, RULES, SCHOOL, paused, put, resumed, seal_all
from test_ledger_control import NOW, Desk, killed, name_of, pupil, released

from audit.rows import read_notice
from domain.notices import EMAIL, PAPER, PHONE, SMS
from domain.school_events import LeftRegister
from domain.sending_events import NoticeMuted, NoticeRetried, NoticeTaskRecorded, TaskOutcome
from domain.time import at, civil, stamp
from ledger.journal import tree_digest
from ledger.store import Ledger


@pytest.fixture
def desk(ledger: Ledger) -> Desk:
    """Return a campaign's desk."""
    return Desk(ledger)


async def told(desk: Desk, number: int = 1) -> list[tuple[str, str | None]]:
    """Return what the journal says of a notice: states and codes."""
    return [(one["state"], one["code"]) for one in await desk.outbox.journal(name_of(number))]


async def left(desk: Desk, number: int = 1) -> None:
    """Let a pupil leave."""
    gone = LeftRegister(student=pupil(number), exit="transfer", on=NOW.date())
    await put(desk.ledger, seal_all(f"{CAMPAIGN}/{SCHOOL}", [gone]))


@pytest.mark.parametrize("channel", [EMAIL, PHONE])
async def test_what_a_switch_or_a_pause_holds_and_lets_go_is_written_down(desk: Desk, channel: str) -> None:
    """Once each, however often the dispatcher looks; on a people's list too."""
    await desk.plan(channel)
    await desk.decide(killed("channel", channel))
    await desk.claim(channel)
    await desk.claim(channel, minutes=1)
    await desk.decide(released("channel", channel))
    await desk.outbox.release(await desk.claim(channel, minutes=2), NOW)
    await desk.decide(paused())
    await desk.claim(channel, minutes=13)
    await desk.decide(resumed())
    await desk.claim(channel, minutes=14)
    assert await told(desk) == [("held", "KILLED"), ("planned", None), ("held", "PAUSED"), ("planned", None)]
    assert await told(desk, 3) == [("held", "KILLED"), ("planned", None)]
    numbers = {one["number"] for one in await desk.outbox.journal(name_of(1))}
    assert numbers == {0}


async def test_what_people_and_departures_end_is_written_down(desk: Desk) -> None:
    """A notice that is muted and wanted after all, and one whose pupil has left, each at the time of its event."""
    await desk.plan(SMS)
    await desk.decide(NoticeMuted(notice=name_of(1), school=None, reason="WRONG"))
    await desk.decide(NoticeMuted(notice=name_of(1), school=None, reason="WRONG"))
    await desk.decide(NoticeRetried(notice=name_of(1), channel=None, reason="RIGHT"))
    await left(desk, 2)
    assert await told(desk) == [("muted", "MUTED"), ("planned", None)]
    assert await told(desk, 2) == [("denied", "LEFT_REGISTER")]
    assert await told(desk, 3) == []


async def test_a_mute_on_the_way_is_written_down_and_what_it_leads_to(desk: Desk) -> None:
    """The word when it is said, the failure, and that the notice goes no further."""
    await desk.plan(SMS, EMAIL)
    row, other, _ = await desk.send(SMS)
    for _ in range(2):
        await desk.decide(NoticeMuted(notice=name_of(1), school=None, reason="WRONG"))
    await left(desk, 2)
    for one in (row, other):
        await desk.end(one, "failed_permanent", code="ABSENT")
    failed = ("failed_permanent", "ABSENT")
    assert await told(desk) == [("submitted", None), ("muted", "MUTED"), failed, ("muted", "MUTED")]
    assert await told(desk, 2) == [("submitted", None), failed, ("denied", "LEFT_REGISTER")]


# -- a day that is closed -------------------------------------------------------------------------------------------


async def test_a_day_that_is_tied_to_the_chain_does_not_change_any_more(desk: Desk) -> None:
    """A task that was recorded before midnight and reaches the ledger after the day's end stands under the next one."""
    await desk.plan(PHONE, PAPER)
    await desk.outbox.claim(CAMPAIGN, PHONE, 9, BEGIN + timedelta(hours=2), RULES, None)
    day, next_day = civil(BEGIN), civil(BEGIN) + timedelta(days=1)
    done = [
        NoticeTaskRecorded(school=SCHOOL, notice=name_of(number), channel=PHONE, outcome=TaskOutcome("REACHED"))
        for number in (1, 2)
    ]
    await desk.decide(done[0])
    tied = await desk.outbox.day_record(CAMPAIGN, PHONE, day)
    assert tied.rows == 2

    await desk.decide(done[1])

    assert await desk.outbox.day_record(CAMPAIGN, PHONE, day) == tied
    late = await desk.outbox.journal(name_of(2))
    assert {one["at"] for one in late} == {stamp(at(next_day, time(0)))}
    (attempt,) = await desk.outbox.attempts(name_of(2))
    assert attempt["ended_at"][:10] == day.isoformat(), "the attempt has the time that the event says"
    assert await first(desk, day) == next_day
    assert (await desk.outbox.day_record(CAMPAIGN, PHONE, next_day)).rows == 2
    assert await first(desk, next_day) is None


async def test_a_closed_day_is_its_channels_and_does_not_open_again(desk: Desk) -> None:
    """Another channel goes on writing; an older day that is asked for later leaves the newer one closed."""
    await desk.plan(SMS)
    await desk.outbox.day_record(CAMPAIGN, EMAIL, civil(NOW))
    await desk.outbox.day_record(CAMPAIGN, SMS, civil(NOW) + timedelta(days=1))
    await desk.outbox.day_record(CAMPAIGN, SMS, civil(NOW))
    await desk.send(SMS)
    assert {one["at"][:10] for one in await desk.outbox.journal(name_of(1))} == {
        (civil(NOW) + timedelta(days=2)).isoformat()
    }


async def test_a_notices_rows_stand_together_in_its_day(desk: Desk) -> None:
    """All lines of the day give its digest, in one order on every database; the notice's own are named."""
    await desk.plan(SMS)
    for row in await desk.send(SMS):
        await desk.end(row, "accepted")
    for number in (1, 2, 3):
        (day,) = await read_notice(desk.ledger, CAMPAIGN, name_of(number)) or ()
        assert (day.channel, day.day, day.own) == (SMS, civil(NOW), range(2 * number - 2, 2 * number))
        rows = [json.loads(day.lines[at]) for at in day.own]
        told = await desk.outbox.journal(name_of(number))
        assert sorted(row["state"] for row in rows) == ["accepted", "submitted"]
        assert all(any(row.items() <= one.items() for one in told) for row in rows)
    assert tree_digest(day.lines) == (await desk.outbox.day_record(CAMPAIGN, SMS, civil(NOW))).digest
    assert await read_notice(desk.ledger, CAMPAIGN, name_of(9)) is None
    assert await read_notice(desk.ledger, "campaign/elsewhere/2025", name_of(1)) is None


async def first(desk: Desk, after: date) -> date | None:
    """Return the first day after one that is not tied to the chain."""
    return await desk.outbox.first_unsettled(CAMPAIGN, PHONE, after + timedelta(days=9), after)
