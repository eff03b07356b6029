"""The audit's replay of a campaign in a process of its own: the test's is busy, and a process can be given up.

The environment names CRASH_DATA and CRASH_ADDRESS. What was found goes to `audit.json` of the data directory.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from audit.replay import replay
from engine import connect
from ledger.store import Ledger


async def serve() -> None:
    """Replay the one campaign of the ledger, live streams and all."""
    data = Path(os.environ["CRASH_DATA"])
    client = await connect(os.environ["CRASH_ADDRESS"], wait=60)
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{data}/ledger.db")
    [campaign] = await ledger.campaigns()
    report = await replay(ledger, campaign, client, processes=1)
    found = {
        "replay_ok": report.replay_ok,
        "ledger_ok": report.ledger_ok,
        "live_unreached": report.live_unreached,
        "differences": [str(difference) for difference in report.differences],
    }
    (data / "audit.json").write_text(json.dumps(found))
