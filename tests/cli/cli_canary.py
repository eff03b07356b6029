"""What must be found nowhere but in the registry: every personal value of a county's files, and where it might leak."""

from __future__ import annotations

import base64
import csv
import gzip
import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from registry.roster import read_roster

OWN_ROOM = ("registry.db", "registry.db-wal", "registry.db-shm", "pepper", "gateway.key")
"""The only files of a data directory that may hold personal data, and secrets that are random bytes."""

MARK = re.compile(r"[0-9]+\.[0-9]")


def personal_values(county: Path, year: int) -> list[str]:
    """Return names, identity numbers, phones, addresses and marks (those with half a mark) of a county's files."""
    values: dict[str, None] = {}
    for roster in sorted((county / "rosters").iterdir()):
        for row in read_roster(roster, year).accepted:
            values |= dict.fromkeys((row.name, row.id_number, row.email))
            for contact in row.guardians:
                values |= dict.fromkeys((contact.name, contact.phone, contact.email))
            if row.mark_tenths is not None and row.mark_tenths % 10:
                values[f"{row.mark_tenths // 10}.{row.mark_tenths % 10}"] = None
    with (county / "staff.csv").open(encoding="utf-8") as staff:
        for member in csv.DictReader(staff):
            values |= dict.fromkeys((member["name"], member["email"]))
    return [value for value in values if value]


def places(data: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every store of a data directory as bytes in the clear: databases, logs, archived histories unpacked."""
    for file in sorted(data.iterdir()):
        if file.is_file() and file.name not in OWN_ROOM:
            yield file.name, file.read_bytes()
    with sqlite3.connect(f"file:{data / 'ledger.db'}?mode=ro", uri=True) as ledger:
        for workflow, packed in ledger.execute("select workflow_id, history from archive"):
            history = gzip.decompress(packed).decode()
            inside = [base64.b64decode(found) for found in re.findall(r'"data": ?"([A-Za-z0-9+/=]+)"', history)]
            yield f"archive {workflow}", history.encode() + b"\n".join(inside)


def spellings(value: str) -> tuple[bytes, bytes]:
    """Return a value as UTF-8 and as JSON escapes it."""
    return value.encode(), json.dumps(value)[1:-1].encode()


def leaks(data: Path, values: list[str]) -> list[tuple[str, str]]:
    """Return (place, value) wherever a personal value stands outside the registry.

    A mark is looked for where we write text; the engine's own file and log are full of decimals of its own.
    """
    found = []
    for place, content in places(data):
        sought = [value for value in values if not (place.startswith("engine") and MARK.fullmatch(value))]
        found += [(place, value) for value in sought if any(spelling in content for spelling in spellings(value))]
    return found
