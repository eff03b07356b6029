"""What dispatchers told the campaign: their news have a cause that is no event, and only theirs may have (INV-26)."""

from __future__ import annotations

import pytest
from audit_kernel_year import write
from stream_samples import CAMPAIGN, running_county

from audit.report import Findings
from audit.rows import read_record
from audit.verify import verify
from domain.events import recomputed_hash
from ledger.store import Ledger

DAY = {"channel": "sms", "day": "2025-11-03", "rows": 1, "digest": "d" * 64, "states": {"accepted": 1}}


async def causes(folder, changed):
    """Return what an audit says of causes where the last event of a campaign was changed before it was written."""
    county = running_county(release=4).to("2025-11-04 09:00")
    county.campaign.hear("notices_settled", f"{CAMPAIGN}/dispatch/sms", **DAY)
    last = county.campaign.ledger[-1]
    last |= changed
    last["hash"] = recomputed_hash(last)
    streams = {name: stream.ledger for name, stream in county.streams.items()}
    views = {name: stream.machine.view() for name, stream in county.streams.items()}
    await write(folder, streams, views)
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{folder / 'ledger.db'}")
    try:
        findings = Findings()
        verify(await read_record(ledger, CAMPAIGN), findings)
    finally:
        await ledger.close()
    return [(one.version, one.found) for one in findings.differences if one.kind == "causation"], last["version"]


async def test_a_settled_day_is_a_cause_of_its_own(tmp_path):
    """The journal is its source; nothing is missing in the record."""
    assert (await causes(tmp_path, {}))[0] == []


@pytest.mark.parametrize(
    "changed",
    [
        {"causation": f"{CAMPAIGN}/dispatch/email#1"},
        {"causation": "campaign/elsewhere/2026/dispatch/sms#1"},
        {"causation": f"{CAMPAIGN}/dispatch/sms#1", "type": "CampaignStopped", "data": {"reason": "FORGED"}},
    ],
    ids=["another channel", "another campaign", "another type"],
)
async def test_nobody_else_is_let_through(tmp_path, changed):
    """A day of another channel's dispatcher, of another campaign's, and what no dispatcher tells."""
    found, version = await causes(tmp_path, changed)
    assert found == [(version, changed["causation"])]
