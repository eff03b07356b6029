"""One round through engine, ledger and outbox: what is killed is not begun, and goes once it is released (O8)."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, time, timedelta
from types import SimpleNamespace

import pytest
from cli_runner import CAMPAIGN, Up, county, staff

from domain.notices import NoticeState
from domain.policy import PROFILES
from domain.sending import rules_of
from domain.time import SHANGHAI, at
from ledger.handover import Outcome, Routing
from ledger.store import Ledger

RULES = rules_of(PROFILES["compliant"].parameters)


@pytest.fixture(scope="module")
def house(tmp_path_factory, warm):
    """A county whose campaign runs, and a complaint, whose owner is to be told."""
    folder = tmp_path_factory.mktemp("notices")
    home = county(folder / "county")
    officer, approver = staff(home, "bureau_officer"), staff(home, "bureau_approver")
    up = Up(folder / "var")
    try:

        def run(*arguments):
            return warm(*arguments, "--data", up.data, "--json")

        assert run("launch", home, "--by", officer).code == 0
        assert run("approve", CAMPAIGN, "--by", approver).code == 0
        assert run("complain", CAMPAIGN, "--about", "bureau", "--matter", "fee").code == 0
        yield SimpleNamespace(run=run, by=("--by", officer, "--reason", "GATEWAY_LIES"), data=up.data)
    finally:
        assert up.end() == 0


def with_outbox(house, work):
    """Do something with the outbox of the running house, as a dispatcher does."""

    async def done():
        ledger = await Ledger.open(f"sqlite+aiosqlite:///{house.data / 'ledger.db'}")
        try:
            return await work(ledger.outbox)
        finally:
            await ledger.close()

    return asyncio.run(done())


def morning(days: int = 1) -> datetime:
    """Return ten o'clock of a weekday to come."""
    day: date = datetime.now(SHANGHAI).date() + timedelta(days)
    return morning(days + 1) if day.weekday() > 4 else at(day, time(10))


def test_what_is_killed_between_claim_and_begin_does_not_go(house):
    """The kill has its effect before its command is answered; held with a code, visible, and gone after the release."""
    (row,) = house.run("notices", "list", CAMPAIGN).json["notices"]
    notice, now = row["notice_id"], morning()
    assert (row["purpose"], row["state"]) == ("complaint_received", "planned")

    async def claim(outbox):
        if (await outbox.notice(notice))["channel"] == "":
            await outbox.route([Routing(notice, None, ("email",), (), None)])
        return await outbox.claim(CAMPAIGN, "email", 5, now, RULES, None)

    claimed = with_outbox(house, claim)
    assert [one.notice_id for one in claimed] == [notice]
    assert house.run("notices", "kill", CAMPAIGN, "--channel", "email", *house.by).code == 0
    assert with_outbox(house, lambda outbox: outbox.begin(claimed, now)) == []
    assert with_outbox(house, claim) == []
    shown = house.run("notices", "show", notice).json
    assert (shown["notice"]["state"], shown["waits"]["code"], shown["attempts"]) == ("held", "KILLED", [])
    assert [kill["scope"] for kill in shown["waits"]["killed"]] == ["email"]
    assert [kill["scope"] for kill in house.run("notices", "list", CAMPAIGN).json["killed"]] == ["email"]

    assert house.run("notices", "release", CAMPAIGN, "--channel", "email", *house.by).code == 0
    claimed = with_outbox(house, claim)

    async def send(outbox):
        (begun,) = await outbox.begin(claimed, now)
        await outbox.settle([Outcome(notice, begun.number, NoticeState.FAILED_PERMANENT, now, "ADDRESS_INVALID")])

    with_outbox(house, send)
    dead = house.run("notices", "list", CAMPAIGN, "--dead").json
    assert ([one["notice_id"] for one in dead["notices"]], dead["killed"]) == ([notice], [])
    retried = house.run("notices", "retry", "--all-dead", CAMPAIGN, *house.by)
    assert (retried.code, retried.json["done"]) == (0, 1)
    shown = house.run("notices", "show", notice).json
    assert (shown["notice"]["state"], [one["outcome"] for one in shown["attempts"]]) == (
        "planned",
        ["failed_permanent"],
    )
    assert house.run("audit", "check", CAMPAIGN).code == 0
