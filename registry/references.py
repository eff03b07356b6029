"""Random references and salts: the only names of people that leave this room (design, section 8)."""

from __future__ import annotations

import random
import secrets
from typing import Final

ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"
"""Base 32, lower case: references can be read out and typed."""

LENGTH: Final = 10
SALT_BITS: Final = 128


class References:
    """A source of references (`stu_…`, ten base-32 characters, 50 bits) and of salts (128 bits, hexadecimal).

    By default the operating system's randomness. Rehearsals take `References.seeded`, so that they repeat.
    One source serves a whole data directory: two sources of the same seed give the same references.
    """

    def __init__(self, source: random.Random | None = None) -> None:
        self._source = source if source is not None else secrets.SystemRandom()

    @classmethod
    def seeded(cls, seed: int | str) -> References:
        """Return a source that repeats. For rehearsals and tests only: its references can be guessed."""
        return cls(random.Random(seed))  # noqa: S311 - wanted: rehearsals must repeat

    def student(self) -> str:
        """Return a new reference of a pupil."""
        return self._reference("stu")

    def guardian(self) -> str:
        """Return a new reference of a guardian."""
        return self._reference("gdn")

    def caregiver(self) -> str:
        """Return a new reference of a caregiver, of a kind of its own: no act counts that names one (edge case 1)."""
        return self._reference("cgv")

    def staff(self) -> str:
        """Return a new reference of a member of staff."""
        return self._reference("stf")

    def snapshot(self) -> str:
        """Return a new reference of a snapshot."""
        return self._reference("snp")

    def summary(self) -> str:
        """Return a new reference of a school's summary."""
        return self._reference("sum")

    def note(self) -> str:
        """Return a new reference of a note."""
        return self._reference("nte")

    def salt(self) -> str:
        """Return a new salt: 32 hexadecimal characters."""
        return f"{self._source.getrandbits(SALT_BITS):032x}"

    def _reference(self, kind: str) -> str:
        bits = self._source.getrandbits(5 * LENGTH)
        return f"{kind}_" + "".join(ALPHABET[bits >> 5 * place & 31] for place in range(LENGTH))
