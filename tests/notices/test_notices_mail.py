"""SMTP against a real server that lies: what is known is said, what is not known is `unknown`."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from icalendar import Calendar
from notices_house import AT, BEGIN, SENDER, server

from domain.notices import NoticeState
from notices.calendars import Entry, calendar_file, entry_uid
from notices.channels import ChannelAwayError, Message, Unknown
from notices.mail import MailChannel, SmtpServer, message_of, valid_address
from notices.sink import Kept, Mood, Sink

MAIL = Message("ntc_1", ("a@family.invalid",), "zh", "家长会邀请", "第一行\n.\n第三行\n", BEGIN)
ACCEPTED, UNKNOWN = NoticeState.ACCEPTED, NoticeState.UNKNOWN
TEMPORARY, PERMANENT = NoticeState.FAILED_TEMPORARY, NoticeState.FAILED_PERMANENT


async def send(sink, *mails, seconds=5.0):
    """Send mails over one connection."""
    async with MailChannel(server(sink), seconds=seconds).session() as session:
        return [await session.send(mail) for mail in mails]


async def test_a_mail_arrives_as_it_was_written(sink):
    """Text, language and headers; a line with a single dot does not end it; the server's name for it is kept."""
    (delivery,) = await send(sink, MAIL)
    assert (delivery.outcome, delivery.code, delivery.provider_id) == (ACCEPTED, None, "Q000001")
    (kept,) = sink.mails
    assert (kept.recipient, kept.message_id, kept.subject) == (
        "a@family.invalid",
        "<ntc_1@county.invalid>",
        "家长会邀请",
    )
    assert kept.text.replace("\r\n", "\n") == MAIL.text
    headers = {name: str(kept.message[name]) for name in ("From", "To", "Auto-Submitted", "Content-Language", "Date")}
    assert headers == {
        "From": SENDER,
        "To": "a@family.invalid",
        "Auto-Submitted": "auto-generated",
        "Content-Language": "zh-Hans",
        "Date": "Mon, 03 Mar 2025 08:00:00 +0800",
    }


async def test_what_a_person_has_sent_again_is_another_mail(sink):
    """A mailbox that leaves out what it has seen does not leave it out."""
    await send(sink, MAIL, replace(MAIL, generation=2))
    assert [kept.message_id for kept in sink.mails] == ["<ntc_1@county.invalid>", "<ntc_1-2@county.invalid>"]


LIES = {
    Mood.GREYLIST: (TEMPORARY, "SMTP_451", 0),
    Mood.REFUSE: (PERMANENT, "SMTP_550", 0),
    Mood.FULL: (TEMPORARY, "SMTP_452", 0),
    Mood.HANG_UP_BEFORE: (TEMPORARY, "SMTP_DISCONNECTED", 0),
    Mood.HANG_UP_STORED: (UNKNOWN, "SMTP_NO_ANSWER", 1),
    Mood.HANG_UP_LOST: (UNKNOWN, "SMTP_NO_ANSWER", 0),
}


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("mood", LIES)
async def test_each_way_to_fail_has_its_own_outcome_and_spares_the_next_mail(mood, pipelining):
    """Whether the mail was stored or lost before a lost answer nobody can know; the batch goes on in any case."""
    outcome, code, stored = LIES[mood]

    def mood_of(recipient, _before):
        return mood if recipient.startswith("a@") else Mood.ACCEPT

    async with Sink(mood_of, pipelining=pipelining) as sink:
        first, second = await send(sink, MAIL, replace(MAIL, notice_id="ntc_2", addresses=("b@family.invalid",)))
        assert (first.outcome, first.code, first.provider_id) == (outcome, code, None)
        assert second.outcome is ACCEPTED
        assert [kept.message_id for kept in sink.mails] == ["<ntc_1@county.invalid>"] * stored + [
            "<ntc_2@county.invalid>"
        ]


async def test_a_repeated_mail_is_the_same_mail(sink):
    """Same Message-ID, same date, same text: a mailbox shows it once, and the digest does not change."""
    await send(sink, MAIL, MAIL)
    first, second = sink.mails
    assert (first.message_id, first.text) == (second.message_id, second.text)
    for mail in (MAIL, replace(MAIL, calendar=b"BEGIN:VCALENDAR\r\n")):
        assert message_of(mail, SENDER) == message_of(mail, SENDER)


@pytest.mark.parametrize("subject", ["A\r\nBcc: x@y.invalid", "中\nBcc: x@y.invalid"])
def test_a_subject_of_several_lines_is_refused(subject):
    """It would begin a header of its own."""
    with pytest.raises(ValueError, match=r"^not a subject$"):
        message_of(replace(MAIL, subject=subject), SENDER)


def test_long_headers_are_folded_and_every_byte_is_ascii():
    """RFC 5322 and RFC 2047: lines of at most 78 characters, and what was folded reads as it was written."""
    subject, staff = "关于召开家长会的邀请" * 12, tuple(f"head{number}@long-school-name.invalid" for number in range(9))
    content = message_of(replace(MAIL, subject=subject, addresses=staff), SENDER)
    head = content.partition(b"\r\n\r\n")[0]
    assert content.isascii()
    assert max(map(len, head.split(b"\r\n"))) <= 78
    kept = Kept(staff, content)
    assert (kept.subject, str(kept.message["To"])) == (subject, ", ".join(staff))


async def test_a_server_that_does_not_answer_is_not_waited_for_for_ever():
    """It takes the connection and says nothing."""
    silent = await asyncio.start_server(lambda _reader, _writer: asyncio.sleep(9), "127.0.0.1", 0)
    where = SmtpServer("127.0.0.1", silent.sockets[0].getsockname()[1], "none", SENDER)
    with pytest.raises(ChannelAwayError) as caught:
        async with MailChannel(where, seconds=0.2).session():
            pass
    silent.close()
    assert caught.value.code == "SMTP_UNREACHABLE"


async def test_a_server_without_encryption_is_refused_where_encryption_was_asked_for(sink):
    """STARTTLS is no wish: what a listener could read is not sent."""
    with pytest.raises(ChannelAwayError) as caught:
        async with MailChannel(replace(server(sink), tls="starttls"), seconds=2).session():
            pass
    assert caught.value.code == "SMTP_TLS_REFUSED"
    assert sink.mails == []


async def test_a_server_that_takes_no_sign_in_has_a_code_of_its_own(sink):
    """A wrong password is for the operator to mend; it uses up no attempt."""
    with pytest.raises(ChannelAwayError) as caught:
        async with MailChannel(replace(server(sink), username="county", password="word"), seconds=2).session():
            pass
    assert caught.value.code == "SMTP_SIGN_IN_REFUSED"


async def test_a_server_that_goes_away_between_two_mails_is_called_again():
    """The second mail finds the connection gone and the server too: the rest of the batch is not tried."""
    async with Sink() as sink:
        channel = MailChannel(server(sink), seconds=2)
        async with channel.session() as session:
            assert (await session.send(MAIL)).outcome is ACCEPTED
            await sink.__aexit__(None, None, None)
            await asyncio.sleep(0.05)
            with pytest.raises(ChannelAwayError) as caught:
                await session.send(MAIL)
            assert (caught.value.code, caught.value.again_in) == ("SMTP_UNREACHABLE", None)
        async with sink:  # so that it can be closed once more
            pass


async def test_staff_of_one_role_get_one_mail_and_a_refused_address_among_them_is_told():
    """Two class heads, one mailbox is gone: the other reads it, and the row says that somebody was refused."""
    moods = {"gone@school.invalid": Mood.REFUSE}
    async with Sink(lambda recipient, _before: moods.get(recipient, Mood.ACCEPT)) as sink:
        both = replace(MAIL, addresses=("gone@school.invalid", "head@school.invalid"))
        (delivery,) = await send(sink, both)
        assert (delivery.outcome, delivery.code) == (ACCEPTED, "SMTP_SOME_REFUSED")
        assert [kept.recipients for kept in sink.mails] == [("head@school.invalid",)]


@pytest.mark.parametrize(
    "address",
    [
        "a@b.invalid\r\nBcc: c@d.invalid",
        "a@b.invalid\n",
        "A <a@b.invalid>",
        '"a b"@c.invalid',
        "a@b.invalid, c@d.invalid",
        "a@@b.invalid",
        "家长@b.invalid",
        "a@localhost",
        "a@b..invalid",
        "",
        "x" * 250 + "@b.invalid",
    ],
)
async def test_an_address_that_is_more_than_an_address_is_never_used(sink, address):
    """Header injection, display names, lists: refused before anything is sent, and not repeated."""
    assert not valid_address(address)
    (delivery,) = await send(sink, replace(MAIL, addresses=(address,)))
    assert (delivery.outcome, delivery.code) == (PERMANENT, "ADDRESS_INVALID")
    assert sink.mails == []


async def test_a_mail_server_cannot_be_asked_and_a_mailbox_knows_a_repeated_mail(sink):
    """So what nobody knows is sent again, under the same Message-ID."""
    channel = MailChannel(server(sink))
    assert (channel.traits.name, channel.traits.sender, channel.traits.unknown) == ("email", SENDER, Unknown.RESEND)
    assert not channel.traits.polled
    async with channel.session() as session:
        assert await session.look_up(("ntc_1",)) == {}


def test_nothing_personal_stands_in_a_repr():
    """Logs and errors show models by their `repr`."""
    shown = repr(replace(MAIL, calendar=b"BEGIN")) + repr(SmtpServer("h", 25, "none", SENDER, "u", "secret-word"))
    for word in ("family.invalid", "第一行", "家长会邀请", "BEGIN", "secret-word"):
        assert word not in shown


async def test_the_calendar_entry_travels_with_the_mail_and_its_cancellation_is_the_same_entry(sink):
    """G14: one UID, SEQUENCE 0 and then 1, REQUEST and then CANCEL, the time in UTC."""
    found = []
    for sequence, method in ((0, "REQUEST"), (1, "CANCEL")):
        entry = Entry(entry_uid("stream", "s1", "stu_1"), sequence, BEGIN, SENDER, "a@family.invalid")
        file = calendar_file(entry, method, "家长会", AT, 90)
        await send(sink, replace(MAIL, calendar=file, method=method))
        (part,) = sink.mails[-1].message.iter_attachments()
        assert part.get_content_type() == "text/calendar"
        assert part.get_param("method") == method
        calendar = Calendar.from_ical(part.get_content())
        (event,) = calendar.walk("VEVENT")
        assert event.decoded("dtstart") == AT
        assert (event.decoded("dtend") - AT).total_seconds() == 90 * 60
        found.append((str(calendar["method"]), str(event["uid"]), event["sequence"], str(event["status"])))
    uid = entry_uid("stream", "s1", "stu_1")
    assert found == [("REQUEST", uid, 0, "CONFIRMED"), ("CANCEL", uid, 1, "CANCELLED")]
    others = {entry_uid("stream", "s2", "stu_1"), entry_uid("stream", "s1", "stu_2"), entry_uid("other", "s1", "stu_1")}
    assert len({uid, *others}) == 4
    assert "stu_1" not in uid
