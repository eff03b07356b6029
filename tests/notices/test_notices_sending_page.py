"""What docs/notices.md says of the rules of sending and of the simulator is what the program does."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import suppress
from pathlib import Path

from channels_house import NUMBER, SECRET, message, sms_channel

from domain.policy_parameters import PolicyParameters
from domain.sending import PARAMETERS
from notices.simulators import __main__ as simulator

PAGE = (Path(__file__).parents[2] / "docs" / "notices.md").read_text(encoding="utf-8")
TITLES = ["parameter", "meaning", "default", "allowed"]


def table():
    """Return the rows of the page's table of parameters."""
    section = PAGE.partition("## Rules of sending")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if "|" in line]
    assert rows[0] == TITLES
    return rows[2:]


def test_the_page_has_every_parameter_of_sending_and_no_other():
    """In their order."""
    assert [name for row in table() for name in re.findall(r"`(\w+)`", row[0])] == list(PARAMETERS)


def test_the_page_has_the_defaults_of_the_program():
    """As they are written in a file; one without a default has no limit."""
    for row in table():
        names, said = re.findall(r"`(\w+)`", row[0]), re.findall(r"`([^`]+)`", row[2])
        for name, text in zip(names, said or [None] * len(names), strict=True):
            default = getattr(PolicyParameters(), name)
            assert (None if text is None else json.loads(text)) == (
                list(default) if type(default) is tuple else default
            )


async def test_the_simulator_that_the_page_starts_takes_what_the_channel_submits(monkeypatch, capsys):
    """It says where it is, knows the secret, writes down what it gets and lets it arrive."""
    monkeypatch.setattr(simulator, "ON_THE_WAY", 0.05)
    serving = asyncio.create_task(simulator.serve(SECRET.encode()))
    said = ""
    while "DIVERSION_SMS_URL=" not in said:
        await asyncio.sleep(0.01)
        said += capsys.readouterr().out
    url = re.findall(r"DIVERSION_SMS_URL=(http://127\.0\.0\.1:\d+)\n", said)[0]
    key = message().notice_id
    async with sms_channel(url).session() as session:
        assert (await session.send(message(short="明天见。"))).outcome == "accepted"
        known = None
        for _ in range(100):
            known = (await session.look_up((key,)))[key]
            if known is not None and known.outcome == "delivered":
                break
            await asyncio.sleep(0.01)
    assert known is not None
    assert known.outcome == "delivered"
    assert f"{key} {NUMBER} 【青山县教体局】明天见。" in capsys.readouterr().out
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving
