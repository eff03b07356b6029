"""One batch from the outbox to the mail server and back: claims, outcomes, holds, and what must not leave."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from icalendar import Calendar
from notices_house import (
    AT,
    CAMPAIGN,
    FILING,
    MEETINGS,
    NOW,
    SCHOOL,
    SCHOOL_NAME,
    Clock,
    Drafted,
    NoticeOffered,
    People,
    address,
    code_for,
    dispatcher,
    invite,
    more,
    pause,
    put,
    reminded,
    sealed,
    states,
    student,
    withdrawn,
)
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.sending_policy import KINDS
from domain.attendance_events import PeriodicReportMissed, PeriodKind, ReportMissed
from domain.compliance_case_events import AcknowledgementOverdue
from domain.consent import Standing
from domain.dropout_events import CaseEndedWithTheYear, PersuasionOverdue, WrittenReportOverdue
from domain.evidence import EvidenceGrade
from domain.filing_consent_events import (
    ConsentConfirmed,
    ConsentVersionSuperseded,
    CoolingEnd,
    CoolingLengthened,
    CoolingMoved,
    CoolingStarted,
    DestinationRemoved,
    GuardianshipRecorded,
    MovedEnd,
    SpringCaseReturned,
    WithdrawalReported,
)
from domain.parent_meetings_events import HouseholdInvited, InvitationMoved, SessionMoved
from domain.time import instant
from notices.catalogue import catalogue
from notices.sink import Mood, Sink, _Protocol
from protocol import DispatchRequest

REQUEST = DispatchRequest(campaign=CAMPAIGN, channel="email", limit=50)


async def drain(activities, request=REQUEST):
    """Run one batch as the engine would."""
    return await ActivityEnvironment().run(activities.drain, request)


def entry(kept):
    """Return SEQUENCE, method, hour and UID of a mail's calendar entry."""
    (part,) = kept.message.iter_attachments()
    calendar = Calendar.from_ical(part.get_content())
    (event,) = calendar.walk("VEVENT")
    return event["sequence"], str(calendar["method"]), event["dtstart"].dt, str(event["uid"])


async def test_every_invited_household_gets_its_mail_once(ledger, sink):
    """Three families, three mails with the meeting's time, the school, the complaint line and a calendar entry."""
    await invite(ledger, 3)
    result = await drain(dispatcher(ledger, sink))

    assert (result.claimed, result.accepted, result.left, result.problem) == (3, 3, 0, None)
    assert sorted(kept.recipient for kept in sink.mails) == [address(n) for n in (1, 2, 3)]
    (first,) = [kept for kept in sink.mails if kept.recipient == address(1)]
    for words in ("学生000001", "青山县第一初级中学", "2025年3月10日（星期一）19:00", "0871-12345"):
        assert words in first.text
    (part,) = first.message.iter_attachments()
    (event,) = Calendar.from_ical(part.get_content()).walk("VEVENT")
    assert event.decoded("dtstart") == AT

    again = await drain(dispatcher(ledger, sink))
    assert (again.claimed, len(sink.mails)) == (0, 3)


async def test_the_row_keeps_template_provider_id_and_a_keyed_digest_and_no_text(ledger, sink):
    """Proof of what was sent, for whoever has the text and the key; equal for equal mails, different for others."""
    await invite(ledger, 2)
    await drain(dispatcher(ledger, sink))
    rows = await ledger.outbox.find(CAMPAIGN)
    assert {row["template"] for row in rows} == {catalogue().find("meeting_invitation").label}
    assert {row["provider_id"] for row in rows} == {"Q000001", "Q000002"}
    assert len({row["digest"] for row in rows}) == 2
    assert all(len(row["digest"]) == 64 for row in rows)


async def test_a_campaign_without_a_number_of_its_own_names_the_service_line(ledger, sink):
    """12345 answers everywhere."""
    await invite(ledger, 1, number=None)
    await drain(dispatcher(ledger, sink))
    assert "12345" in sink.mails[0].text


async def test_a_cancelled_meeting_takes_the_same_calendar_entry_back(ledger, sink):
    """UID as in the invitation, SEQUENCE one higher, CANCEL."""
    events = await invite(ledger, 1)
    await drain(dispatcher(ledger, sink))
    await more(ledger, events, withdrawn(1))
    await drain(dispatcher(ledger, sink))
    found = {}
    for kept in sink.mails:
        (part,) = kept.message.iter_attachments()
        calendar = Calendar.from_ical(part.get_content())
        (event,) = calendar.walk("VEVENT")
        found[str(calendar["method"])] = (str(event["uid"]), event["sequence"])
    assert found["CANCEL"] == (found["REQUEST"][0], 1)
    assert found["REQUEST"][1] == 0


async def test_an_invitation_that_waited_does_not_come_after_its_own_cancellation(ledger, sink):
    """The household was withdrawn before it went out: it is told nothing; invited again, it is invited."""
    first = await invite(ledger, 2)
    await more(ledger, first, withdrawn(1), withdrawn(2), HouseholdInvited(session="s1", student=student(2)))
    clock = Clock()
    for _ in range(2):
        result = await drain(dispatcher(ledger, sink, clock=clock))
        clock.move(timedelta(days=1))
    assert (result.failed, result.left) == (0, 0)
    assert [(kept.recipient, entry(kept)[1]) for kept in sink.mails] == [(address(2), "REQUEST")]
    ended = await ledger.outbox.find(CAMPAIGN, state="denied")
    assert sorted((one["recipient"], one["purpose"], one["code"]) for one in ended) == [
        (student(1), "meeting_cancelled", "NEVER_TOLD"),
        (student(1), "meeting_invitation", "TAKEN_BACK"),
        (student(2), "meeting_cancelled", "NEVER_TOLD"),
    ]


async def test_a_moved_meeting_changes_the_same_calendar_entry(ledger, sink):
    """Each move is one higher, and so is the cancellation after it; the hour is the new one, the UID stays."""
    await invite(ledger, 1)
    later = [AT + timedelta(days=1), AT + timedelta(days=2)]
    told = InvitationMoved(session="s1", student=student(1))
    for events in (
        (),
        *((SessionMoved(session="s1", at=at_, reason="SNOW"), told) for at_ in later),
        (withdrawn(1),),
    ):
        if events:
            await more(ledger, [event async for event in ledger.events(MEETINGS)], *events)
        await drain(dispatcher(ledger, sink))
    found = [entry(kept) for kept in sink.mails]
    assert [one[:2] for one in found] == [(0, "REQUEST"), (1, "REQUEST"), (2, "REQUEST"), (3, "CANCEL")]
    assert [one[2] for one in found] == [AT, *later, later[-1]]
    assert len({one[3] for one in found}) == 1


async def test_an_invitation_that_waited_has_the_hour_that_holds(ledger, sink):
    """It went out after the move: no family reads the old hour last."""
    later = AT + timedelta(days=1)
    moved = SessionMoved(session="s1", at=later, reason="SNOW")
    await more(ledger, await invite(ledger, 1), moved, InvitationMoved(session="s1", student=student(1)))
    await drain(dispatcher(ledger, sink))
    assert {entry(kept)[:3] for kept in sink.mails} == {(1, "REQUEST", later)}


async def test_a_letter_to_parents_goes_to_guardian_and_pupil_each_with_a_code(ledger, sink):
    """Statutory: it goes out although the campaign is paused; the meeting's invitation does not."""
    await invite(ledger, 1)
    await put(ledger, sealed(FILING, [NoticeOffered(student=student(1), document="letter-2025-1")]))
    first = [event async for event in ledger.events(CAMPAIGN)]
    await more(ledger, first, pause())

    result = await drain(dispatcher(ledger, sink))

    assert (result.accepted, result.left) == (2, 0)
    texts = {kept.recipient: kept.text for kept in sink.mails}
    assert "G001-GDN1" in texts[address(1)]
    assert "P001-STU1" in texts["pupil000001@family.invalid"]
    assert all("letter-2025-1" in text for text in texts.values())
    assert (await states(ledger))[f"{student(1)} meeting_invitation"] == "held"


OWN_NOTICES = {
    "a cooling-off": (
        CoolingStarted(student=student(1), ends=instant("2025-03-17T23:59:59+08:00"), short=True),
        ("2025年3月17日（星期一）23:59", "比平常短"),
    ),
    "longer cooling-offs": (
        CoolingLengthened(
            rows=(
                CoolingEnd(student=student(2), ends=instant("2025-03-20T23:59:59+08:00")),
                CoolingEnd(student=student(1), ends=instant("2025-03-19T23:59:59+08:00")),
            )
        ),
        ("2025年3月19日（星期三）23:59",),
    ),
    "moved cooling-offs": (
        CoolingMoved(
            rows=(
                MovedEnd(student=student(2), ends=instant("2025-03-20T23:59:59+08:00"), short=False),
                MovedEnd(student=student(1), ends=instant("2025-03-14T23:59:59+08:00"), short=True),
            )
        ),
        ("2025年3月14日（星期五）23:59", "比平常短"),
    ),
    "a confirmed consent": (ConsentConfirmed(student=student(1)), ("同意已生效",)),
    "no more spring": (SpringCaseReturned(student=student(1)), ("照常参加中考",)),
    "a school off the list": (
        DestinationRemoved(student=student(1), school=SCHOOL, on=AT.date(), kept=False),
        (SCHOOL_NAME, "2025年3月10日（星期一）", "重新选择"),
    ),
    "a newer letter": (
        ConsentVersionSuperseded(student=student(1), was="letter-1", now="letter-2"),
        ("letter-2", "不再往下办理"),
    ),
    "a reported withdrawal": (
        WithdrawalReported(student=student(1), channel="call", callback_due=AT.date()),
        ("2025年3月10日（星期一）", "不撤回"),
    ),
}


@pytest.mark.parametrize("case", OWN_NOTICES)
async def test_a_family_reads_what_the_record_says_of_its_own_consent(ledger, sink, case):
    """Its own row, its own end, its own school; with the complaint line, and without anybody's code."""
    event, expected = OWN_NOTICES[case]
    await put(ledger, sealed(CAMPAIGN, [Drafted(campaign=CAMPAIGN, complaint_line="0871-12345")]))
    await put(ledger, sealed(FILING, [event]))
    result = await drain(dispatcher(ledger, sink))
    assert result.failed == 0
    text = next(kept.text for kept in sink.mails if kept.recipient == address(1))
    assert all(words in text for words in (*expected, "学生000001", "0871-12345"))
    assert "学生000002" not in text


TO_STAFF = {
    "a late acknowledgement": (
        f"{CAMPAIGN}/compliance/cmp-1",
        AcknowledgementOverdue(case="cmp-1", due=AT.date(), to_role="discipline_officer"),
        "discipline@county.invalid",
        ("cmp-1", "2025年3月10日（星期一）"),
    ),
    "a written report": (
        f"{CAMPAIGN}/{SCHOOL}/dropout/{student(1)}",
        WrittenReportOverdue(level=5, to_role="township", due=AT.date()),
        "officer@county.invalid",
        (student(1), SCHOOL_NAME, "乡镇政府", "第 5 级"),
    ),
    "no attempt": (
        f"{CAMPAIGN}/{SCHOOL}/dropout/{student(1)}",
        PersuasionOverdue(since=AT.date(), attempts=2),
        "principal@school.invalid",
        (student(1), "2025年3月10日（星期一）", "2 次"),
    ),
    "a case that ended with the year": (
        f"{CAMPAIGN}/{SCHOOL}/dropout/{student(1)}",
        CaseEndedWithTheYear(
            ending="NOT_RETURNED", standing="dropout", proof_until=AT.date(), attempts=2, done=(), undone=()
        ),
        "officer@county.invalid",
        (student(1), SCHOOL_NAME, "2 次", "不是销号"),
    ),
    "a missing report": (
        f"{CAMPAIGN}/{SCHOOL}/attendance",
        ReportMissed(day=AT.date()),
        "principal@school.invalid",
        ("2025年3月10日（星期一）", "缺报不等于零报告"),
    ),
    "a missing weekly report": (
        f"{CAMPAIGN}/{SCHOOL}/attendance",
        PeriodicReportMissed(report=PeriodKind.WEEKLY, period="2025-W10"),
        "principal@school.invalid",
        ("2025-W10", "周报"),
    ),
}


@pytest.mark.parametrize("case", TO_STAFF)
async def test_an_office_reads_what_it_owes_also_while_the_campaign_is_paused(ledger, sink, case):
    """Attendance, dropout and complaints go on under a pause; codes, references and days, nobody's name."""
    stream, event, reader, expected = TO_STAFF[case]
    await put(ledger, sealed(CAMPAIGN, [Drafted(campaign=CAMPAIGN), pause()]))
    await put(ledger, sealed(stream, [event]))
    assert (await drain(dispatcher(ledger, sink))).accepted == 1
    (kept,) = sink.mails
    assert kept.recipient == reader
    assert all(words in kept.text for words in expected)
    assert "学生000001" not in kept.text


@pytest.mark.parametrize("late", [False, True], ids=["before the letter", "after it was planned"])
async def test_a_guardian_without_custody_gets_no_letter_and_no_code(ledger, sink, late):
    """The record is asked when the mail is written; the code is the other guardian's."""
    await put(ledger, sealed(CAMPAIGN, [Drafted(campaign=CAMPAIGN)]))
    family = [
        GuardianshipRecorded(
            student=student(1), person="gdn_000001a", standing=Standing.NO_CUSTODY, evidence=EvidenceGrade.DOCUMENT
        ),
        NoticeOffered(student=student(1), document="letter-2025-1"),
    ]
    await put(ledger, sealed(FILING, reversed(family) if late else family))
    asked = []

    async def code(requests):
        asked.extend(request.person for request in requests)
        return await code_for(requests)

    await drain(dispatcher(ledger, sink, People(both=(1,)), code=code))
    assert sorted(asked) == ["gdn_000001b", "stu_000001"]
    assert {kept.recipient for kept in sink.mails} == {"second000001@family.invalid", "pupil000001@family.invalid"}


async def test_staff_are_told_counts_and_codes(ledger, sink):
    """All class heads of the school with an address, in one mail; no pupil in it."""
    await put(ledger, sealed(CAMPAIGN, [Drafted(campaign=CAMPAIGN)]))
    await put(ledger, sealed(MEETINGS, [reminded()]))
    people = People()
    morning = Clock(NOW.replace(hour=7, minute=30) + timedelta(days=1))  # a reminder waits for the day's digest
    await drain(dispatcher(ledger, sink, people, clock=morning))
    (kept,) = sink.mails
    assert kept.recipients == ("head1@school.invalid", "head2@school.invalid")
    assert "3 户家庭尚未邀请" in kept.text
    assert people.asked == []


async def test_the_second_guardian_is_written_to_where_the_first_has_no_address(ledger, sink):
    """The language is the household's; whoever has no mailbox is called; who was forgotten is told on no channel."""
    await invite(ledger, 4)
    people = People(without=(1,), second=(2,), english=(3,), forgotten=(4,))
    result = await drain(dispatcher(ledger, sink, people))
    assert (result.accepted, result.failed, result.left) == (2, 0, 0)
    assert {kept.recipient for kept in sink.mails} == {"second000002@family.invalid", address(3)}
    (english,) = [kept for kept in sink.mails if kept.recipient == address(3)]
    assert english.text.startswith("To the family of")
    rows = {row["recipient"]: (row["state"], row["channel"], row["code"]) for row in await ledger.outbox.find(CAMPAIGN)}
    assert rows[student(1)] == ("planned", "phone", None)
    assert rows[student(4)] == ("failed_permanent", "", "HOUSEHOLD_UNKNOWN")


async def test_a_server_that_is_away_uses_up_no_attempt(ledger):
    """Connect first, then claim: an outage of any length fails no notice."""
    await invite(ledger, 2)
    async with Sink() as gone:
        activities = dispatcher(ledger, gone)
    result = await drain(activities)
    assert (result.claimed, result.left, result.problem) == (0, 2, "SMTP_UNREACHABLE")
    assert {row["attempts"] for row in await ledger.outbox.find(CAMPAIGN)} == {0}


@pytest.mark.parametrize(
    "mood", [Mood.GREYLIST, Mood.FULL, Mood.HANG_UP_BEFORE, Mood.HANG_UP_LOST, Mood.HANG_UP_STORED]
)
async def test_what_may_pass_is_tried_again_under_the_same_message_id(ledger, mood):
    """After the pause, not before; a mail that was stored although nobody said so arrives twice under one id."""
    await invite(ledger, 2)
    async with Sink(lambda recipient, before: mood if recipient == address(1) and not before else Mood.ACCEPT) as sink:
        clock = Clock()
        activities = dispatcher(ledger, sink, clock=clock)
        first = await drain(activities)
        assert (first.claimed, first.accepted, first.left) == (2, 1, 1)
        assert first.next_at == NOW + timedelta(minutes=1)
        assert (await drain(activities)).claimed == 0
        clock.move(timedelta(minutes=1))
        assert (await drain(activities)).accepted == 1
        ids = [kept.message_id for kept in sink.mails if kept.recipient == address(1)]
    assert len(set(ids)) == 1
    assert len(ids) == (2 if mood is Mood.HANG_UP_STORED else 1)
    (row,) = await ledger.outbox.find(CAMPAIGN, recipient=student(1))
    outcomes = [attempt["outcome"] for attempt in await ledger.outbox.attempts(row["notice_id"])]
    hung_up = mood in (Mood.HANG_UP_LOST, Mood.HANG_UP_STORED)
    assert outcomes == ["unknown" if hung_up else "failed_temporary", "accepted"]


async def test_two_dispatchers_at_once_send_each_notice_once(ledger, sink):
    """Side by side on one outbox, in small batches, until nothing is left."""
    await invite(ledger, 40)
    request = REQUEST.model_copy(update={"limit": 5})

    async def until_empty():
        activities = dispatcher(ledger, sink)
        while (await drain(activities, request)).claimed:
            pass

    await asyncio.gather(until_empty(), until_empty(), until_empty())
    assert sorted(kept.recipient for kept in sink.mails) == [address(n) for n in range(1, 41)]


async def test_a_mail_is_not_begun_when_its_lease_is_nearly_over(ledger, sink):
    """A slow batch stops in time: nobody else can have claimed what it still sends."""
    await invite(ledger, 3)
    clock = Clock()

    def slow(_recipient, _before):
        clock.move(timedelta(minutes=4))
        return Mood.ACCEPT

    sink.mood = slow
    result = await drain(dispatcher(ledger, sink, clock=clock, connections=1))
    assert (result.accepted, result.failed, len(sink.mails)) == (2, 1, 2)
    (row,) = await ledger.outbox.find(CAMPAIGN, state="failed_temporary")
    assert row["code"] == "LEASE_TOO_SHORT"
    assert (row["provider_id"], row["template"], row["digest"]) == (None, None, None)


async def test_an_attempt_that_sent_nothing_leaves_the_mail_before_on_the_row(ledger, sink):
    """What was sent last stays known where the next try has no time left, or finds nobody to send to."""
    await invite(ledger, 2)
    clock = Clock()
    sink.mood = lambda _recipient, _before: Mood.FULL
    await drain(dispatcher(ledger, sink, clock=clock, connections=1))
    sent = {row["notice_id"]: (row["template"], row["digest"]) for row in await ledger.outbox.find(CAMPAIGN)}
    assert all(template and len(digest) == 64 for template, digest in sent.values())

    def slow(_recipient, _before):
        clock.move(timedelta(minutes=9))
        return Mood.FULL

    clock.move(timedelta(days=1))
    sink.mood = slow
    await drain(dispatcher(ledger, sink, clock=clock, connections=1))
    rows = await ledger.outbox.find(CAMPAIGN)
    assert "LEASE_TOO_SHORT" in {row["code"] for row in rows}
    assert {row["notice_id"]: (row["template"], row["digest"]) for row in rows} == sent


async def test_nothing_personal_leaves_with_an_error(ledger, sink):
    """A store that fails with a name in its message: the engine's history gets the kind of error only."""
    await invite(ledger, 1)

    class Broken(People):
        async def households(self, refs):
            raise OSError(f"{refs[0]}: 学生000001 <guardian000001@family.invalid>")

    with pytest.raises(ApplicationError) as caught:
        await drain(dispatcher(ledger, sink, Broken()))
    assert (caught.value.type, caught.value.message, caught.value.details) == ("DispatchFailed", "OSError", ())
    assert caught.value.__cause__ is None
    (row,) = await ledger.outbox.find(CAMPAIGN)
    assert (row["state"], row["attempts"]) == ("planned", 0)


async def test_neither_outbox_nor_attempts_hold_anything_personal(ledger, sink):
    """Every value of both tables after all kinds of outcomes: no name, no address, no text (section 8)."""
    await invite(ledger, 3)
    sink.mood = lambda recipient, _before: Mood.REFUSE if recipient == address(2) else Mood.ACCEPT
    await drain(dispatcher(ledger, sink, People(without=(3,))))
    rows = await ledger.outbox.find(CAMPAIGN)
    held = [*rows, *[attempt for row in rows for attempt in await ledger.outbox.attempts(row["notice_id"])]]
    whole = "\n".join(str(value) for row in held for value in row.values())
    for word in ("@family", "学生", "家长", "guardian0", "mailbox"):
        assert word not in whole


async def test_a_batch_reads_together_and_opens_no_more_connections_than_it_has_mails(ledger, sink, monkeypatch):
    """Two notices: who reads them and what they say is one read each of stream, campaign and households; two sessions.

    They are read twice: for the way, and again for the text, so that a message says what holds when it goes.
    """
    await invite(ledger, 2)
    reads, together, opened = [], [], []
    backgrounds, households = ledger.outbox.backgrounds, People().households
    connection_made = _Protocol.connection_made

    async def reading(versions, kinds):
        ((stream, own),) = versions.items()
        reads.append((stream, sorted(own), list(kinds)))
        return await backgrounds(versions, kinds)

    class Asked(People):
        async def households(self, refs):
            together.append(sorted(refs))
            return await households(refs)

    def connecting(self, transport):
        opened.append(transport)
        connection_made(self, transport)

    monkeypatch.setattr(ledger.outbox, "backgrounds", reading)
    monkeypatch.setattr(_Protocol, "connection_made", connecting)
    assert (await drain(dispatcher(ledger, sink, Asked()))).accepted == 2
    of_batch = [(CAMPAIGN, [1], []), (MEETINGS, [2, 3], ["SessionScheduled", "SessionMoved"])]
    assert sorted(read for read in reads if list(KINDS) != read[2]) == sorted(of_batch * 2)
    assert [read[0] for read in reads if list(KINDS) == read[2]] == [CAMPAIGN]
    assert together == [[student(1), student(2)]] * 2
    assert len(opened) == 2
