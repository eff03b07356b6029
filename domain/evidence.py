"""How well a finding about a pupil is known, and when two findings contradict each other (FEATURES B21, DOMAIN §7.3).

A grade says where a finding comes from. It is shown to the person who must decide between two findings; it never
decides by itself: a stronger source may be older, and a weaker one may be right.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar


class EvidenceGrade(StrEnum):
    """Where a finding comes from, strongest first."""

    REGISTER = "REGISTER"
    """The pupil register (学籍) says so."""
    DOCUMENT = "DOCUMENT"
    """A paper says so: a letter of admission, an attendance list, a decision on transfer."""
    SEEN = "SEEN"
    """Somebody who records it saw the pupil there."""
    CALL = "CALL"
    """The family or the school said so when asked."""
    HEARSAY = "HEARSAY"
    """Somebody else said so."""

    @property
    def rank(self) -> int:
        """Return the strength: 5 for the register down to 1 for hearsay."""
        grades = list(EvidenceGrade)
        return len(grades) - grades.index(self)


Finding = TypeVar("Finding", bound=str)


def conflicting(held: Finding | None, new: Finding) -> bool:
    """Tell whether a new finding contradicts the one that is held (B21).

    Any difference does, whatever the grades: which of the two holds is for a person to say.

    Args:
        held: the finding on record, a code; None where there is none.
        new: the finding that somebody brings now, a code of the same kind.
    """
    return held is not None and held != new
