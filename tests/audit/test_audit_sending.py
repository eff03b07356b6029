"""Sending against its events: a switch, a wish or a settled day that was touched is named."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from hashlib import sha256
from json import dumps
from pathlib import Path

import pytest
from sqlalchemy import text

from audit.report import Findings
from audit.rows import read_record
from audit.sending import check_sending
from domain.actors import SYSTEM
from domain.events import GENESIS, Envelope, Event, seal
from domain.policy import PolicyRef
from domain.sending_events import (
    NoticesKilled,
    NoticesReleased,
    NoticesSettled,
    OptionalNoticesAllowed,
    OptionalNoticesDeclined,
    ScopeKind,
)
from domain.time import instant
from ledger.store import Ledger
from ledger.tables import journal

CAMPAIGN = "campaign/yunling/2025"
AT = "2025-03-03T09:00:00.000+08:00"
DAY = date(2025, 3, 3)
POLICY = PolicyRef(id="compliant", version=1, parameter_hash="ab" * 32)


def sealed(events: list[Event]) -> list[Envelope]:
    """Return a campaign's stream of these events."""
    chain: list[Envelope] = []
    for version, event in enumerate(events, 1):
        moment = instant(AT) + timedelta(minutes=version)
        before = chain[-1]["hash"] if chain else GENESIS
        chain.append(
            seal(
                event, stream=CAMPAIGN, version=version, prev_hash=before, occurred_at=moment, recorded_at=moment,
                actor=SYSTEM, command_id=f"cmd-{version}", causation=None, policy=POLICY,
            )
        )  # fmt: skip
    return chain


def flat(row: dict[str, object]) -> str:
    """Return the digest of a day of one row as days were settled before each was a tree."""
    line = {"code": None, "provider_id": None, "digest": None, **row}
    return sha256(dumps(line, sort_keys=True, separators=(",", ":")).encode() + b"\n").hexdigest()


@pytest.fixture(params=["tree", "flat"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ledger]:
    """Return a ledger with switches, wishes and one settled day of the journal, of this form or of the older one."""
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}")
    row = {"campaign": CAMPAIGN, "channel": "sms", "notice_id": "ntc_1", "number": 1, "state": "accepted", "at": AT}
    await ledger._in_turn(lambda connection: connection.execute(journal.insert(), row))
    day = await ledger.outbox.day_record(CAMPAIGN, "sms", DAY)
    digest = flat(row) if request.param == "flat" else day.digest
    assert request.param == "tree" or digest != day.digest
    told = {"rows": day.rows, "digest": digest, "states": day.states}
    events = sealed(
        [
            NoticesKilled(scope_kind=ScopeKind.CHANNEL, scope="sms", reason="WRONG_TEXT"),
            NoticesReleased(scope_kind=ScopeKind.CHANNEL, scope="sms", reason="CORRECTED"),
            NoticesKilled(scope_kind=ScopeKind.CHANNEL, scope="sms", reason="WRONG_TEXT"),
            OptionalNoticesDeclined(student="stu_000001", person="gdn_000001"),
            OptionalNoticesDeclined(student="stu_000002", person="gdn_000001"),
            OptionalNoticesAllowed(student="stu_000001", person="gdn_000001"),
            NoticesSettled(channel="sms", day=DAY, **told),
        ]
    )
    await ledger.append(events, [], {"kind": "campaign"})
    yield ledger
    await ledger.close()


async def found(ledger: Ledger) -> list[tuple[str, str, int | None]]:
    """Return kind, field and version of what is wrong."""
    record = await read_record(ledger, CAMPAIGN)
    findings = Findings()
    envelopes = [one async for one in ledger.events(CAMPAIGN)]
    check_sending(record, envelopes, findings)
    return [(one.kind, one.field, one.version) for one in findings.differences]


async def test_an_honest_record_has_nothing_to_name(ledger: Ledger) -> None:
    """Switches, wishes and the day follow from the events."""
    assert await found(ledger) == []


TOUCHED = {
    "a switch is forgotten": ("DELETE FROM switches WHERE cause LIKE '%#3'", [("sending", "missing", 3)]),
    "a switch is opened": (
        "UPDATE switches SET released_by='x', released_at='x' WHERE cause LIKE '%#3'",
        [("sending", "released_at", 3)],
    ),
    "a wish is forgotten": ("DELETE FROM opt_outs", [("sending", "missing", 5)]),
    "a wish is invented": (
        f"INSERT INTO opt_outs VALUES ('{CAMPAIGN}', 'gdn_9', 'stu_9', '', '{CAMPAIGN}#4', 'x')",
        [("sending", "unexpected", 4)],
    ),
    "an outcome is changed": (
        "UPDATE journal SET state='delivered'",
        [("journal", "sms.2025-03-03.digest", 7), ("journal", "sms.2025-03-03.states", 7)],
    ),
    "a row is slipped in": (
        (
            "INSERT INTO journal (campaign, channel, notice_id, number, state, at) "
            f"VALUES ('{CAMPAIGN}', 'sms', 'ntc_2', 1, 'accepted', '{AT}')"
        ),
        [("journal", f"sms.2025-03-03.{name}", 7) for name in ("rows", "digest", "states")],
    ),
}


@pytest.mark.parametrize("case", TOUCHED)
async def test_what_was_touched_is_named_with_its_event(ledger: Ledger, case: str) -> None:
    """By the event that it should follow from; days of both forms."""
    statement, expected = TOUCHED[case]
    await ledger._in_turn(lambda connection: connection.execute(text(statement)))
    assert await found(ledger) == expected
