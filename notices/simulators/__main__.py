"""`python -m notices.simulators SECRET_FILE`: an SMS gateway on loopback, to try text messages; nothing leaves it."""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from notices.simulators.sms import SmsSimulator

ON_THE_WAY: Final = 0.5
"""Seconds that a message takes to its reader."""


async def serve(secret: bytes) -> None:
    """Serve until it is cancelled: say where, write down each message, and let it arrive.

    Args:
        secret: what requests are signed with.
    """
    async with SmsSimulator(secret) as gateway:
        _say(f"DIVERSION_SMS_URL={gateway.url}")
        told = 0
        while True:
            await gateway.has(told + 1)
            for one in gateway.taken[told:]:
                _say(f"{one.key} {one.to} {one.text}")
                told += 1
            await asyncio.sleep(ON_THE_WAY)
            gateway.deliver()


def main(given: list[str] | None = None) -> None:
    """Serve until Ctrl-C.

    Args:
        given: the arguments; by default those of the process.
    """
    parser = argparse.ArgumentParser(prog="python -m notices.simulators", description=__doc__)
    parser.add_argument("secret_file", type=Path, help="the file of DIVERSION_SMS_SECRET_FILE")
    secret = parser.parse_args(given).secret_file.read_bytes().strip()
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(secret))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
