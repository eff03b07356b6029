"""A mail server that takes fewer connections at a time than a batch would have."""

from __future__ import annotations

import asyncio

import pytest
from notices_house import CAMPAIGN, SENDER, dispatcher, invite
from temporalio.testing import ActivityEnvironment
from test_notices_smtp_conversation import Server

from domain.notices import EMAIL
from notices.mail import SESSIONS, MailChannel, SmtpServer
from protocol import DispatchRequest

COUNT = 20


@pytest.mark.parametrize("most", [1, SESSIONS - 1])
async def test_it_gets_its_mails_over_as_many_as_it_takes(ledger, most):
    """The others are turned away with 421; that is no reason to send nothing."""
    await invite(ledger, COUNT)
    server, open_ = Server(), {}

    async def serve(reader, writer):
        own = asyncio.current_task()
        if len(open_) >= most:
            writer.write(b"421 4.7.0 Too many connections\r\n")
        else:
            open_[own] = writer
            await server.serve(reader, writer)
            del open_[own]
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    where = SmtpServer("127.0.0.1", listening.sockets[0].getsockname()[1], "none", SENDER)
    sending = dispatcher(ledger, None, channels={EMAIL: MailChannel(where, seconds=2)})
    request = DispatchRequest(campaign=CAMPAIGN, channel=EMAIL, limit=50)
    results = [await ActivityEnvironment().run(sending.drain, request) for _ in range(2)]
    listening.close()
    assert sum(one.accepted for one in results) == COUNT
    assert [one.problem for one in results] == [None, None]
    assert len(server.texts) == COUNT
