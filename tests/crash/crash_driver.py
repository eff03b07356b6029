"""A rehearsal in a process of its own, so that it can be killed.

The environment names CRASH_DATA, CRASH_COUNTY and CRASH_ADDRESS. Every answer that it gets is written to `acknowledged`
of the data directory at once. Ends with 0 when the year is over.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from crash_client import Witness
from crash_house import UNTIL

from engine import connect
from ledger.store import Ledger
from registry.database import load_pepper
from registry.store import Registry
from rehearsal.year import run_year


async def serve() -> None:
    """Rehearse the year, going on where an earlier driver was killed."""
    data, county = Path(os.environ["CRASH_DATA"]), Path(os.environ["CRASH_COUNTY"])
    client = await connect(os.environ["CRASH_ADDRESS"], wait=60)
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{data}/ledger.db")
    registry = await Registry.open(f"sqlite+aiosqlite:///{data}/registry.db", load_pepper(data / "pepper"))
    await run_year(Witness(client, ledger, data / "acknowledged"), registry, county, until=UNTIL)


if __name__ == "__main__":
    asyncio.run(serve())
    os._exit(0)  # the SDK may abort while the interpreter is torn down
