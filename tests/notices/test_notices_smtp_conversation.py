"""The conversation with a mail server, against servers that keep to a script: groups, pieces, and words out of turn."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

import pytest
from notices_house import BEGIN, SENDER

from domain.notices import NoticeState
from notices.channels import ChannelAwayError, Message
from notices.mail import MailChannel, SmtpServer
from notices.sink import Sink
from notices.smtp_conversation import MOST_BYTES, Conversation

MAIL = Message("ntc_1", ("a@family.invalid",), "zh", "家长会邀请", "第一行\n", BEGIN)
BOTH = replace(MAIL, addresses=("a@family.invalid", "b@family.invalid"))
ACCEPTED, UNKNOWN = NoticeState.ACCEPTED, NoticeState.UNKNOWN
TEMPORARY, PERMANENT = NoticeState.FAILED_TEMPORARY, NoticeState.FAILED_PERMANENT

HANG_UP = None
OK = {"EHLO": "250-here\r\n250 PIPELINING", "MAIL": "250 Ok", "RCPT": "250 Ok", "DATA": "354 Go on", "RSET": "250 Ok"}
OK |= {".": "250 2.0.0 Ok: queued as Q1", "QUIT": "221 Bye"}


class Server:
    """Answers each command by its first word, or by the word and how often it came; `.` is the end of a text."""

    def __init__(self, *, piece=0, wait_for_data=False, pause=0.0, **answers):
        self.answers = OK | answers
        self.piece = piece
        self.pause = pause
        self.wait_for_data = wait_for_data
        self.reads = []
        self.texts = []
        self.connections = 0
        self.count = {}

    async def serve(self, reader, writer):
        """Talk until the script hangs up."""
        self.connections += 1
        writer.write(b"220 here\r\n")
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            kept = b""
            while data := await reader.read(65536):
                self.reads.append(data)
                lines = data.split(b"\r\n")[:-1]
                if self.wait_for_data and lines[0][:4] in (b"MAIL", b"RCPT") and b"DATA" not in lines:
                    continue
                if lines[0] == b"." or data.endswith(b"\r\n.\r\n"):
                    self.texts.append(data)
                    lines = [b"."]
                for line in lines:
                    word = line.split(b" ")[0].split(b":")[0].decode()
                    self.count[word] = self.count.get(word, 0) + 1
                    answer = self.answers.get(f"{word}{self.count[word]}", self.answers.get(word))
                    if answer is HANG_UP:
                        writer.write(kept)
                        return
                    kept += f"{answer}\r\n".encode() if answer else b""
                for line in kept.splitlines(keepends=True) if self.pause and len(lines) > 1 else ():
                    await asyncio.sleep(self.pause)
                    writer.write(line)
                kept = b"" if self.pause and len(lines) > 1 else kept
                for at in range(0, len(kept), self.piece or len(kept) or 1):
                    writer.write(kept[at : at + (self.piece or len(kept))])
                    await writer.drain()
                    if self.piece:
                        await asyncio.sleep(0.001)
                kept = b""


@contextlib.asynccontextmanager
async def running(server):
    """Run a server; give the channel to it."""
    open_ = {}

    async def serve(reader, writer):
        open_[asyncio.current_task()] = writer
        await server.serve(reader, writer)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    where = SmtpServer("127.0.0.1", listening.sockets[0].getsockname()[1], "none", SENDER)
    try:
        yield MailChannel(where, seconds=0.3)
    finally:
        listening.close()
        for writer in open_.values():
            writer.close()
        await asyncio.gather(*open_)


async def sent(server, *mails):
    """Send mails over one session; return the outcome and the code of each."""
    async with running(server) as channel, channel.session() as session:
        found = [await session.send(mail) for mail in mails]
    return [(one.outcome, one.code) for one in found]


async def test_a_server_that_takes_groups_gets_all_before_the_text_at_once():
    """RFC 2920: it answers nothing before it has seen the last of the group, and the mail goes all the same."""
    server = Server(wait_for_data=True)
    assert await sent(server, BOTH) == [(ACCEPTED, None)]
    assert server.reads[1] == (
        b"MAIL FROM:<" + SENDER.encode() + b">\r\nRCPT TO:<a@family.invalid>\r\nRCPT TO:<b@family.invalid>\r\nDATA\r\n"
    )


@pytest.mark.parametrize("greets", [{"EHLO": "250 here"}, {"EHLO": "502 no", "HELO": "250 here"}])
async def test_a_server_that_does_not_is_told_one_thing_at_a_time(greets):
    """Also an old one that knows no EHLO."""
    server = Server(**greets)
    assert await sent(server, BOTH) == [(ACCEPTED, None)]
    spoken = [one for one in server.reads if not one.startswith((b"EHLO", b"HELO", b"Content"))]
    assert all(one.count(b"\r\n") == 1 for one in spoken)
    assert [one[:4] for one in spoken] == [b"MAIL", b"RCPT", b"RCPT", b"DATA", b"QUIT"]


@pytest.mark.parametrize("greeting", ["502 no", HANG_UP])
async def test_a_server_that_will_not_be_greeted_is_away(greeting):
    """Nothing was tried."""
    with pytest.raises(ChannelAwayError, match=r"^SMTP_UNREACHABLE$"):
        await sent(Server(EHLO=greeting, HELO=greeting), MAIL)


async def test_answers_come_in_any_pieces_and_on_several_lines():
    """Byte by byte; each answer still belongs to its command."""
    lines = {"MAIL": "250-first\r\n250 Ok", "RCPT2": "550-5.1.1 no\r\n550 5.1.1 such mailbox"}
    server = Server(piece=1, **lines)
    assert await sent(server, BOTH, MAIL) == [(ACCEPTED, "SMTP_SOME_REFUSED"), (ACCEPTED, None)]
    assert server.connections == 1


REFUSALS = {
    "the sender": ({"MAIL1": "550 not you", "RCPT1": "503 no", "DATA1": "503 no"}, (TEMPORARY, "SMTP_550"), 1),
    "the recipient": ({"RCPT1": "550 no", "DATA1": "554 nobody"}, (PERMANENT, "SMTP_550"), 1),
    "the recipient for now": ({"RCPT1": "450 later", "DATA1": "503 nobody"}, (TEMPORARY, "SMTP_450"), 1),
    "the recipient, and asks for a text": ({"RCPT1": "550 no"}, (PERMANENT, "SMTP_550"), 2),
    "the sender, and asks for a text": ({"MAIL1": "451 later", "RCPT1": "503 no"}, (TEMPORARY, "SMTP_451"), 2),
    "the text beforehand": ({"DATA1": "451 no room"}, (TEMPORARY, "SMTP_451"), 1),
    "the text": ({".1": "554 spam"}, (PERMANENT, "SMTP_554"), 1),
    "the text for now": ({".1": "452 full"}, (TEMPORARY, "SMTP_452"), 1),
    "more after it said so": ({"RCPT1": "421 closing", "DATA1": HANG_UP}, (TEMPORARY, "SMTP_421"), 2),
    "all by hanging up": ({"RCPT1": HANG_UP}, (TEMPORARY, "SMTP_DISCONNECTED"), 2),
    "an answer": ({"RCPT1": ""}, (TEMPORARY, "SMTP_DISCONNECTED"), 2),
    "the last answer": ({".1": ""}, (UNKNOWN, "SMTP_NO_ANSWER"), 2),
    "the last answer by hanging up": ({".1": HANG_UP}, (UNKNOWN, "SMTP_NO_ANSWER"), 2),
    "a sensible answer": ({"DATA1": "HTTP/1.1 400"}, (TEMPORARY, "SMTP_DISCONNECTED"), 2),
    "a sensible last answer": ({".1": "Ok"}, (UNKNOWN, "SMTP_NO_ANSWER"), 2),
    "to come to an end": ({"RCPT1": "250-" + "x" * MOST_BYTES}, (TEMPORARY, "SMTP_DISCONNECTED"), 2),
    "all, and hangs up": ({"RCPT1": "550 no", "DATA1": HANG_UP}, (PERMANENT, "SMTP_550"), 2),
    "with a word too many": ({"DATA1": "354 go on\r\n250 Ok"}, (TEMPORARY, "SMTP_DISCONNECTED"), 2),
    "to begin anew": ({".1": "554 spam", "RSET": "500 what"}, (PERMANENT, "SMTP_554"), 2),
}


@pytest.mark.parametrize("what", REFUSALS)
async def test_a_server_that_refuses(what):
    """Before the text nothing has happened, after it only the answer tells; the next mail goes in any case."""
    answers, became, connections = REFUSALS[what]
    server = Server(**answers)
    assert await sent(server, MAIL, replace(MAIL, notice_id="ntc_2")) == [became, (ACCEPTED, None)]
    assert server.connections == connections
    before = 1 if ".1" in answers else 0
    assert [b"<ntc_1@" in text for text in server.texts] == [True] * before + [False]


async def test_a_word_that_nobody_asked_for_is_a_good_bye():
    """It is never taken for the answer to what is said next: the next mail has a connection of its own."""
    server = Server(**{".1": "250 Ok\r\n421 4.3.2 Closing"})
    assert await sent(server, MAIL, MAIL) == [(ACCEPTED, None)] * 2
    assert server.connections == 2


@pytest.mark.parametrize(
    ("answer", "known_as"),
    [
        ("2.0.0 Ok: queued as 13900000001", None),
        ("2.0.0 Ok: queued as Q.13900000001-x", None),
        ("2.0.0 Ok: queued as 4Zb1mzR3", "4Zb1mzR3"),
        ("Ok id=1tTq-0001", "1tTq-0001"),
        ("2.0.0 Ok", None),
    ],
)
async def test_a_servers_name_for_a_mail_is_none_where_it_may_be_a_telephone_number(answer, known_as):
    """It goes into the record and the journal, where no number may stand."""
    async with running(Server(**{".": f"250 {answer}"})) as channel, channel.session() as session:
        delivery = await session.send(MAIL)
    assert (delivery.outcome, delivery.provider_id) == (ACCEPTED, known_as)


async def test_a_line_that_begins_with_a_period_arrives_as_it_was():
    """RFC 5321 §4.5.2: at the beginning too; and a period alone ends nothing."""
    content = b".first\r\nsecond\r\n.\r\n..third\r\n"
    async with Sink() as sink:
        transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, "127.0.0.1", sink.port)
        await asyncio.sleep(0.05)
        said = Conversation(transport, grouped=True, seconds=2)
        assert [one.code for one in await said.say(b"HELO here")] == [250]
        replies = await said.say(b"MAIL FROM:<a@b.invalid>", b"RCPT TO:<c@d.invalid>", b"DATA")
        assert [one.code for one in replies] == [250, 250, 354]
        reply = await said.hand_over(content)
        said.close()
    assert reply is not None
    assert reply.code == 250
    assert [kept.content for kept in sink.mails] == [content]


class Nowhere(asyncio.Transport):
    """A connection that leads nowhere."""

    def __init__(self):
        super().__init__()
        self.closed = False

    def set_protocol(self, protocol):
        """Take anybody."""

    def is_closing(self):
        """Tell whether it was closed."""
        return self.closed

    def close(self):
        """Note it."""
        self.closed = True

    def write(self, data):
        """Say something to nobody."""


@pytest.mark.parametrize("said", [b"250-", b"250-word\r\n"])
async def test_a_server_that_goes_on_and_on_is_not_listened_to_for_ever(said):
    """One line without end, or lines without end: nothing of it is kept beyond the limit."""
    transport = Nowhere()
    conversation = Conversation(transport, grouped=True, seconds=1)
    for _ in range(MOST_BYTES // 1000 - 1):
        conversation._hear((said * 1000)[:1000] if said.endswith(b"-") else said)
    assert not transport.closed
    for _ in range(MOST_BYTES):
        conversation._hear(said)
        if transport.closed:
            break
    assert transport.closed


async def test_each_answer_of_a_group_has_its_own_time():
    """A slow server that answers one thing after the other is not given up in the middle of a group."""
    assert await sent(Server(pause=0.2), BOTH) == [(ACCEPTED, None)]


async def test_who_stops_waiting_in_a_group_leaves_no_answers_to_the_next():
    """They would be taken for those of another mail."""
    conversation = Conversation(Nowhere(), grouped=True, seconds=1)
    waiting = asyncio.create_task(conversation.say(b"MAIL", b"DATA"))
    await asyncio.sleep(0)
    assert conversation.is_open
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not conversation.is_open
