"""Who was never invited is told of no move and of no cancellation; the invitation goes with the hour that holds."""

from __future__ import annotations

from datetime import timedelta

from notices_fakes import ACCEPTED, Provider
from notices_house import (
    AT,
    CAMPAIGN,
    MEETINGS,
    SCHOOL,
    Clock,
    Drafted,
    People,
    invite,
    more,
    put,
    sealed,
    student,
    withdrawn,
)
from test_notices_dispatch_channels import drain, rows, sending

from domain.notices import EMAIL, PAPER, SMS, NoticeState
from domain.parent_meetings_events import HouseholdInvited, InvitationMoved, SessionMoved, SessionScheduled
from domain.school_visits_events import CampusVisitPlanned, SeatOffered, SeatWithdrawn
from notices.channels import ChannelAwayError, Delivery

VISITS = f"{CAMPAIGN}/{SCHOOL}/school-visits"
AWAY = ChannelAwayError("AWAY")
DAY = timedelta(days=1)


def mails(most=99):
    """Return a mail server that takes so many messages and is away then."""
    provider = Provider(EMAIL)
    provider.answer = lambda _message: ACCEPTED if len(provider.messages) < most else AWAY
    return provider


async def head(ledger, stream=MEETINGS):
    """Return a stream's events, the last one last."""
    return [event async for event in ledger.events(stream)]


async def stand(ledger, purpose):
    """Return (state, code) of a purpose's notices by their readers."""
    found = await rows(ledger, purpose=purpose)
    return {one["person"] or one["recipient"]: (one["state"], one["code"]) for one in found}


async def test_a_cancellation_is_for_those_whose_invitation_went_out(ledger):
    """The other household's invitation is denied at once, and its cancellation when its readers are looked up."""
    before = await invite(ledger, 2)
    provider = mails(most=1)
    activities = sending(ledger, provider)
    await drain(activities)
    states = await stand(ledger, "meeting_invitation")
    (told,) = (one for one, (state, _) in states.items() if state == "accepted")
    (never,) = (one for one in states if one != told)

    await more(ledger, before, withdrawn(1), withdrawn(2))
    after = await stand(ledger, "meeting_invitation")
    assert (after[told], after[never]) == (("accepted", None), ("denied", "TAKEN_BACK"))
    (row,) = [one for one in await rows(ledger, purpose="meeting_invitation") if one["person"] == never]
    assert (await ledger.outbox.journal(row["notice_id"]))[-1]["code"] == "TAKEN_BACK"
    provider.answer = lambda _message: ACCEPTED
    result = await drain(sending(ledger, provider, clock=_later(DAY)))  # the budget of the first day is spent
    assert result.left == 0
    cancelled = await stand(ledger, "meeting_cancelled")
    assert (cancelled[told], cancelled[never]) == (("accepted", None), ("denied", "NEVER_TOLD"))
    assert len(provider.messages) == 2


async def test_of_one_household_those_are_told_who_were_invited(ledger):
    """Both guardians read the invitation in the end or neither: but where one was, the other is not told of an end."""
    before = await invite(ledger, 1)
    provider = mails(most=1)
    await drain(sending(ledger, provider, people=People(both=(1,))))
    await more(ledger, before, withdrawn(1))
    provider.answer = lambda _message: ACCEPTED
    await drain(sending(ledger, provider, people=People(both=(1,)), clock=_later(DAY)))
    invitations, ends = await stand(ledger, "meeting_invitation"), await stand(ledger, "meeting_cancelled")
    assert sorted(invitations.values(), key=str) == [("accepted", None), ("denied", "TAKEN_BACK")]
    for person, (state, _) in invitations.items():
        assert ends[person] == (("accepted", None) if state == "accepted" else ("denied", "NEVER_TOLD"))


async def test_an_invitation_that_waited_goes_with_the_hour_that_holds(ledger):
    """Also after the first hour is past: it is moved, so it is not too late."""
    before = await invite(ledger, 1)
    provider = mails(most=0)
    await drain(sending(ledger, provider))
    moved = SessionMoved(session="s1", at=AT + 7 * DAY, reason="SNOW")
    await more(ledger, before, moved, InvitationMoved(session="s1", student=student(1)))
    await drain(sending(ledger, provider))
    assert list((await stand(ledger, "meeting_moved")).values()) == [("denied", "NEVER_TOLD")]
    provider.answer = lambda _message: ACCEPTED
    await drain(sending(ledger, provider, clock=_later(8 * DAY)))
    assert list((await stand(ledger, "meeting_invitation")).values()) == [("accepted", None)]
    (message,) = provider.messages
    assert "2025年3月17日" in message.text


async def test_who_is_invited_again_is_invited_and_then_told_of_the_end(ledger):
    """What was denied waits as if it were new, each time."""
    before = await invite(ledger, 1)
    provider = mails(most=0)
    await drain(sending(ledger, provider))
    await more(ledger, before, withdrawn(1))
    provider.answer = lambda _message: ACCEPTED
    await drain(sending(ledger, provider))
    assert provider.messages == []
    await more(ledger, await head(ledger), HouseholdInvited(session="s1", student=student(1)))
    await drain(sending(ledger, provider))
    assert list((await stand(ledger, "meeting_invitation")).values()) == [("accepted", None)]
    await more(ledger, await head(ledger), withdrawn(1))
    await drain(sending(ledger, provider))
    assert list((await stand(ledger, "meeting_cancelled")).values()) == [("accepted", None)]


async def test_a_seat_that_was_never_offered_in_words_is_withdrawn_without_any(ledger):
    """The same for trips: 41 invitations waited for the household's budget, and nobody is told of the end."""
    await put(ledger, sealed(CAMPAIGN, [Drafted(campaign=CAMPAIGN)]))
    planned = CampusVisitPlanned(
        trip="t1",
        receiving_school=SCHOOL,
        at=AT,
        returns_at=AT + timedelta(hours=4),
        seats=45,
        leaders=("stf_1",),
        vehicles=1,
        classes=("2025-01",),
    )
    await put(ledger, sealed(VISITS, [planned, SeatOffered(trip="t1", student=student(1))]))
    provider = mails(most=0)
    await drain(sending(ledger, provider))
    await more(ledger, await head(ledger, VISITS), SeatWithdrawn(trip="t1", student=student(1)))
    assert list((await stand(ledger, "visit_invitation")).values()) == [("denied", "TAKEN_BACK")]
    provider.answer = lambda _message: ACCEPTED
    await drain(sending(ledger, provider))
    assert list((await stand(ledger, "visit_cancelled")).values()) == [("denied", "NEVER_TOLD")]
    assert provider.messages == []


def _later(by):
    clock = Clock()
    clock.move(by)
    return clock


# -- numbers of strangers -------------------------------------------------------------------------------------------


async def test_the_next_notice_does_not_go_to_a_number_that_is_a_strangers(ledger):
    """Neither by text message nor on the call list, until the contact is repaired (G13)."""
    before = await invite(ledger, 1)
    recycled = Provider(SMS, lambda _message: Delivery(NoticeState.FAILED_PERMANENT, "NUMBER_RECYCLED"))
    activities = sending(ledger, recycled)
    await drain(activities, SMS)
    (first,) = await rows(ledger)
    assert (first["channel"], first["code"], first["repair"]) == ("paper", "NUMBER_RECYCLED", True)

    other = SessionScheduled(session="s2", classes=("2025-01",), at=AT + 30 * DAY)
    await more(ledger, before, other, HouseholdInvited(session="s2", student=student(1)))
    await drain(activities, SMS)
    (second,) = [row for row in await rows(ledger) if row["notice_id"] != first["notice_id"]]
    assert (second["channel"], second["chain"], second["code"]) == (PAPER, "", "CONTACT_TO_REPAIR")
    assert len(recycled.messages) == 1

    await ledger.outbox.contact_repaired(second["person"], "phone")
    last = SessionScheduled(session="s3", classes=("2025-01",), at=AT + 40 * DAY)
    await more(ledger, await head(ledger), last, HouseholdInvited(session="s3", student=student(1)))
    recycled.answer = lambda _message: ACCEPTED
    await drain(sending(ledger, recycled, clock=_later(DAY)), SMS)
    assert [row["channel"] for row in await rows(ledger, state="accepted")] == [SMS]
