"""Whether an OLE compound file (.xls, WPS .et) can be read to its end: the sectors of each chain must not form a ring.

A damaged file may hold a ring; the library that reads workbooks would follow it for ever and fill the memory.
Source: [MS-CFB], sections 2.2 (header), 2.3 (FAT), 2.4 (mini FAT), 2.5 (DIFAT), 2.6 (directory).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

HEADER: Final = 512
IN_HEADER: Final = 109
"""FAT sectors that the header names itself; the others stand in the DIFAT chain."""

LAST: Final = 0xFFFFFFFA
"""From here a sector's number is a mark: end of chain, free, or the tables' own."""

SHIFTS: Final = {9, 12}
"""Sectors of 512 and 4096 bytes, as powers of two."""

ENTRY: Final = 128
STREAM: Final = frozenset({2, 5})
"""Kinds of directory entry that have a chain: a stream, and the root with the mini stream."""


def is_sound(content: bytes) -> bool:
    """Tell whether all chains of a compound file end inside it."""
    if len(content) < HEADER:
        return False
    (shift,) = struct.unpack_from("<H", content, 30)
    if shift not in SHIFTS:
        return False
    size = 1 << shift
    (directory,) = struct.unpack_from("<I", content, 48)
    cutoff, mini_first, _, difat_first, _ = struct.unpack_from("<5I", content, 56)
    sectors = list(struct.unpack_from(f"<{IN_HEADER}I", content, 76))

    seen = 0
    while difat_first < LAST:
        more = _numbers(content, difat_first, size)
        seen += 1
        if len(more) < size // 4 or seen > len(content) // size:
            return False
        sectors += more[:-1]
        difat_first = more[-1]

    fat: list[int] = []
    for sector in sectors:
        if sector < LAST:
            numbers = _numbers(content, sector, size)
            if not numbers:
                return False
            fat += numbers
    entries, mini = _chain(fat, directory), _chain(fat, mini_first)
    if entries is None or mini is None:
        return False
    mini_fat = [number for sector in mini for number in _numbers(content, sector, size)]
    data = b"".join(content[(sector + 1) * size : (sector + 2) * size] for sector in entries)
    for at in range(0, len(data) - ENTRY + 1, ENTRY):
        kind = data[at + 66]
        first, length = struct.unpack_from("<II", data, at + 116)
        if kind in STREAM and length:
            table = mini_fat if kind != max(STREAM) and length < cutoff else fat
            if _chain(table, first) is None:
                return False
    return True


def _numbers(content: bytes, sector: int, size: int) -> Sequence[int]:
    part = content[(sector + 1) * size : (sector + 2) * size]
    return struct.unpack(f"<{len(part) // 4}I", part[: len(part) // 4 * 4])


def _chain(table: Sequence[int], first: int) -> list[int] | None:
    """Return the sectors of a chain, None where it leaves the table or returns to itself."""
    found: list[int] = []
    while first < LAST:
        if first >= len(table) or len(found) > len(table):
            return None
        found.append(first)
        first = table[first]
    return found
