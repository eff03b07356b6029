"""A mail server in a process of its own: it prints its port, and at each line that it reads what it has got since.

The answer is one JSON object: how many mails, the SHA-256 over them in the order of their own digests, so that two runs
can be compared that sent the same mails in another order, and the processor seconds that they took.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import time
from collections.abc import Iterable

from cli.run_main import run_main
from notices.sink import Sink


def digest_of(contents: Iterable[bytes]) -> str:
    """Return the SHA-256 over mails in the order of their own digests."""
    each = sorted(hashlib.sha256(content).hexdigest() for content in contents)
    return hashlib.sha256("\n".join(each).encode()).hexdigest()


async def serve() -> int:
    """Run until standard input ends."""
    async with Sink() as sink:
        print(sink.port, flush=True)
        begun = time.process_time()
        while await asyncio.to_thread(sys.stdin.readline):
            took = time.process_time() - begun
            digest = digest_of(mail.content for mail in sink.mails)
            print(json.dumps({"mails": len(sink.mails), "digest": digest, "cpu": took}), flush=True)
            sink.mails.clear()
            begun = time.process_time()
    return 0


if __name__ == "__main__":
    run_main(serve)
