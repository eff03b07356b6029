"""What one row of checks leads to for its pupil: the code that refuses it, or its events (DOMAIN §7.3, edge 20)."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from domain.events import Event
from domain.evidence import EvidenceGrade, conflicting
from domain.retention_events import (
    Checked,
    CheckpointRow,
    CorrectedCheck,
    EvidenceConflicting,
    Finding,
    LawfulTransfer,
    Lost,
    NotReached,
    Retained,
    RetentionConfirmed,
    Returned,
    SuspendedStudy,
)
from domain.retention_pupil import FOUND_AGAIN, Check, RegisteredPupil

OUTCOMES: Final[dict[Finding, type[Checked]]] = {
    Finding.PRESENT: RetentionConfirmed,
    Finding.TRANSFER: LawfulTransfer,
    Finding.SUSPENDED: SuspendedStudy,
    Finding.LOST: Lost,
}
"""What was found → the event of its check, but for a pupil who was lost and is present: `Returned`."""


def too_weak(found: Finding, evidence: EvidenceGrade) -> bool:
    """Tell whether a loss rests on hearsay alone: nobody is written off on a rumour."""
    return found is Finding.LOST and evidence.rank <= EvidenceGrade.HEARSAY.rank


def check_of(row: CheckpointRow, day: date) -> Check:
    """Return a row as the check that it will be."""
    return Check(state=row.state, evidence=row.evidence, version=None, recorded_by=[], looked=day)


def problem(
    pupil: RegisteredPupil, dates: dict[str, date], row: CheckpointRow, day: date, *, joins: bool = False
) -> str | None:
    """Return the code of a row that cannot be recorded, or None.

    Args:
        pupil: the row's pupil, with the rows before this one.
        dates: the pupil's checkpoints with their dates, earliest first.
        row: what was found.
        day: the civil day on which somebody looked.
        joins: whether a second record of one finding counts where it says more (campaigns since release 3).
    """
    next_try = row.again_on
    if next_try is not None and (row.state is not Finding.NOT_REACHED or next_try <= day or not joins):
        return "NEXT_ATTEMPT_NOT_POSSIBLE"
    if row.checkpoint not in dates:
        return "CHECKPOINT_UNKNOWN"
    if day < dates[row.checkpoint]:
        return "CHECKPOINT_TOO_EARLY"
    if row.checkpoint in pupil.conflicts:
        return "EVIDENCE_DISPUTED"
    if too_weak(row.state, row.evidence):
        return "EVIDENCE_TOO_WEAK"
    held = pupil.checks.get(row.checkpoint)
    if held is not None:
        more = joins and row.state is held.state and row.state in OUTCOMES and held.adds(check_of(row, day))
        return "ALREADY_RECORDED" if row.state in (held.state, Finding.NOT_REACHED) and not more else None
    found_again = pupil.was_lost(row.checkpoint, dates) and row.state in FOUND_AGAIN
    if not found_again and not pupil.needed(row.checkpoint, dates):
        return "CHECKPOINT_NOT_NEEDED"
    if row.state is Finding.NOT_REACHED and day.isoformat() in pupil.tries.get(row.checkpoint, ()):
        return "ALREADY_RECORDED"
    return None


def take(pupil: RegisteredPupil, dates: dict[str, date], row: CheckpointRow, attempts: int, day: date) -> list[Event]:
    """Return what a good row leads to, and take it into the pupil for the rows that come after it.

    Args:
        pupil: a copy of the row's pupil, which is changed.
        dates: the pupil's checkpoints with their dates, earliest first.
        row: a row without a `problem`.
        attempts: after so many days of trying, not reached is a final outcome.
        day: the civil day on which somebody looked.
    """
    about: dict[str, Any] = row.model_dump(include={"student", "checkpoint", "evidence"})
    check = check_of(row, day)
    held = pupil.checks.get(row.checkpoint)
    if held is not None and contradicts(held, row.state):
        pupil.conflicts[row.checkpoint] = check
        return [contradiction(row.student, row.checkpoint, held, row)]
    if row.state is Finding.NOT_REACHED:
        final = len(pupil.tries.get(row.checkpoint, ())) + 1 >= attempts
        if final:
            pupil.find(row.checkpoint, check)
        return [NotReached(**about, final=final, again_on=None if final else row.again_on)]
    returned = row.state is Finding.PRESENT and pupil.was_lost(row.checkpoint, dates)
    events = retained(row.student, pupil, dates, row.checkpoint, row.state)
    pupil.add(row.checkpoint, check)
    return [(Returned if returned else OUTCOMES[row.state])(**about), *events]


def contradicts(held: Check, found: Finding) -> bool:
    """Tell whether a finding contradicts the one on record; that nobody was reached contradicts nothing."""
    return held.state is not Finding.NOT_REACHED and conflicting(held.state, found)


def contradiction(
    student: str, checkpoint: str, held: Check, found: CheckpointRow | CorrectedCheck
) -> EvidenceConflicting:
    """Return that somebody says another thing than what is held."""
    return EvidenceConflicting(
        student=student,
        checkpoint=checkpoint,
        held=held.state,
        held_evidence=held.evidence,
        found=found.state,
        found_evidence=found.evidence,
    )


def retained(
    student: str, pupil: RegisteredPupil, dates: dict[str, date], checkpoint: str, found: Finding
) -> list[Event]:
    """Return `Retained` where a finding makes it true: the last checkpoint's, and it was not true before."""
    is_last = list(dates)[-1:] == [checkpoint]
    new = is_last and found is Finding.PRESENT and not pupil.retained(dates)
    return [Retained(student=student)] if new else []
