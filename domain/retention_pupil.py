"""One registered pupil's follow-up: which checks are needed and when, what they found, where the pupil is now.

Pure and small: everything that follows from the checks is computed from them, so that a correction needs no repair.
"""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, SerializerFunctionWrapHandler, model_serializer

from domain.evidence import EvidenceGrade
from domain.policy import PolicyParameters
from domain.retention_events import Finding


class Standing(StrEnum):
    """Where a registered pupil is, as far as it is known."""

    PRESENT = "PRESENT"
    TRANSFERRED = "TRANSFERRED"
    SUSPENDED = "SUSPENDED"
    LOST = "LOST"
    UNKNOWN = "UNKNOWN"


STANDINGS: dict[Finding, Standing] = {
    Finding.PRESENT: Standing.PRESENT,
    Finding.TRANSFER: Standing.TRANSFERRED,
    Finding.SUSPENDED: Standing.SUSPENDED,
    Finding.LOST: Standing.LOST,
    Finding.NOT_REACHED: Standing.UNKNOWN,
}

GONE = (Finding.TRANSFER, Finding.LOST)
"""After these no later check is needed."""

FOUND_AGAIN = (Finding.PRESENT, Finding.TRANSFER, Finding.SUSPENDED)
"""What a later checkpoint can say of a lost pupil (edge case 20)."""


def checkpoint_date(name: str, registered_on: date, year: int, parameters: PolicyParameters) -> date:
    """Return the civil date of a checkpoint: days after the registration, or a fixed day of the year after graduation.

    Args:
        name: "D+30" (any number of days), "term_end" or "next_March".
        registered_on: the day of the registration at the receiving school.
        year: the year of graduation.
        parameters: with the fixed days.

    Raises:
        ValueError: no rule knows the checkpoint.
    """
    match name.partition("+"):
        case ("D", "+", days):
            return registered_on + timedelta(days=int(days))
        case ("term_end", "", ""):
            return date.fromisoformat(f"{year + 1}-{parameters.term_end_month_day}")
        case ("next_March", "", ""):
            return date.fromisoformat(f"{year + 1}-{parameters.next_march_month_day}")
        case _:
            raise ValueError(f"no rule knows the retention checkpoint {name}")


def checkpoint_dates(registered_on: date, year: int, parameters: PolicyParameters) -> dict[str, date]:
    """Return a pupil's checkpoints with their dates, earliest first; those before the registration do not exist."""
    dates = {name: checkpoint_date(name, registered_on, year, parameters) for name in parameters.retention_checkpoints}
    later = [(name, on) for name, on in dates.items() if on > registered_on]
    return dict(sorted(later, key=lambda item: item[1]))


class _Brief(BaseModel):
    """Written without what is empty: the largest school has thousands of these in one state."""

    @model_serializer(mode="wrap")
    def _without_what_is_empty(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        data: dict[str, Any] = handler(self)
        fields = type(self).model_fields
        return {name: value for name, value in data.items() if value or fields[name].is_required()}


class Check(_Brief):
    """A finding on record.

    Attributes:
        version: of the event that recorded it; None for the answer to a conflict, which is not corrected but contested
            by other evidence.
        recorded_by: who found it, and for whom: they may say that they found another thing.
        corrected_by: who has corrected how well it is known, and for whom.
        looked: the civil day on which somebody looked; None where an older stream does not say.
        late: whether it was written down after the check's term was over.
    """

    state: Finding
    evidence: EvidenceGrade
    version: int | None
    recorded_by: list[str]
    corrected_by: list[str] = []
    looked: date | None = None
    late: bool = False

    def joined(self, other: Check) -> Check:
        """Return two records of one finding as one: the earliest look, the best evidence, everybody's hands.

        So the order in which they arrive does not matter; the later one is what a correction names.
        """
        earliest = min((self, other), key=lambda check: check.looked or date.min)
        return other.model_copy(
            update={
                "evidence": max(self.evidence, other.evidence, key=lambda grade: grade.rank),
                "looked": earliest.looked,
                "late": earliest.late,
                "recorded_by": list(dict.fromkeys([*self.recorded_by, *other.recorded_by])),
                "corrected_by": self.corrected_by,
            }
        )

    def adds(self, other: Check) -> bool:
        """Tell whether another record of the same finding says more: an earlier look, or better evidence."""
        earlier = None not in (self.looked, other.looked) and (other.looked or date.max) < (self.looked or date.min)
        return earlier or other.evidence.rank > self.evidence.rank

    @property
    def hands(self) -> list[str]:
        """Return everybody who had a hand in it: none of them decides a conflict about it (B21)."""
        return [*self.recorded_by, *self.corrected_by]


class Refind(BaseModel):
    """Who looks for a lost pupil, and on which day."""

    on: date
    who: str


class RegisteredPupil(_Brief):
    """What the stage keeps of one registered pupil.

    Attributes:
        school: code of the receiving school.
        checks: checkpoint → what is held.
        conflicts: checkpoint → the other finding, where two contradict each other.
        tries: checkpoint → the civil days on which nobody was reached, until there is a finding.
        again: checkpoint → the day of the next attempt, until there is a finding.
        refind: the plan to look for a lost pupil, until the pupil is found.
    """

    school: str
    registered_on: date
    checks: dict[str, Check] = {}
    conflicts: dict[str, Check] = {}
    tries: dict[str, list[str]] = {}
    again: dict[str, date] = {}
    refind: Refind | None = None

    def dates(self, year: int, parameters: PolicyParameters) -> dict[str, date]:
        """Return the pupil's checkpoints with their dates, earliest first."""
        return checkpoint_dates(self.registered_on, year, parameters)

    def last(self, checkpoints: list[str]) -> Check | None:
        """Return the latest check of the named ones that is on record and not disputed."""
        for name in reversed(checkpoints):
            if name in self.conflicts:
                return None
            if name in self.checks:
                return self.checks[name]
        return None

    def before(self, checkpoint: str, dates: dict[str, date]) -> Check | None:
        """Return the latest check before a checkpoint."""
        names = list(dates)
        return self.last(names[: names.index(checkpoint)])

    def needed(self, checkpoint: str, dates: dict[str, date]) -> bool:
        """Tell whether a checkpoint's check is needed: not after a lawful transfer or a loss."""
        before = self.before(checkpoint, dates)
        return before is None or before.state not in GONE

    def was_lost(self, checkpoint: str, dates: dict[str, date]) -> bool:
        """Tell whether the latest check before a checkpoint found that the pupil was lost."""
        before = self.before(checkpoint, dates)
        return before is not None and before.state is Finding.LOST

    def open(self, dates: dict[str, date]) -> list[str]:
        """Return the checkpoints whose check is needed and not on record, earliest first."""
        return [name for name in dates if name not in self.checks and self.needed(name, dates)]

    def standing(self, dates: dict[str, date]) -> Standing:
        """Return where the pupil is, by the latest check; UNKNOWN while that is disputed or nobody was reached."""
        last = self.last(list(dates))
        return Standing.UNKNOWN if last is None else STANDINGS[last.state]

    def retained(self, dates: dict[str, date]) -> bool:
        """Tell whether the check of the last checkpoint holds that the pupil is at the school (D10)."""
        held = self.checks.get(list(dates)[-1]) if dates else None
        return held is not None and held.state is Finding.PRESENT

    def find(self, checkpoint: str, check: Check) -> None:
        """Take in a finding: days of trying are over, and a pupil who is found is looked for no more."""
        self.checks[checkpoint] = check
        self.conflicts.pop(checkpoint, None)
        self.tries.pop(checkpoint, None)
        self.again.pop(checkpoint, None)
        if check.state in FOUND_AGAIN:
            self.refind = None

    def add(self, checkpoint: str, check: Check) -> None:
        """Take in a record: of the finding that is held already, or of a new one."""
        held = self.checks.get(checkpoint)
        same = held is not None and held.state is check.state
        self.find(checkpoint, held.joined(check) if held is not None and same else check)

    def tried(self, checkpoint: str, day: str, again_on: date | None = None) -> None:
        """Take in a day on which nobody was reached; days count once; and the day of the next attempt."""
        self.again.pop(checkpoint, None)
        if again_on is not None:
            self.again[checkpoint] = again_on
        days = self.tries.setdefault(checkpoint, [])
        if day not in days:
            days.append(day)
