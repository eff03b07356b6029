"""Where each check of each pupil stands: one of eight states, with its evidence (FEATURES S11, idea 13).

A pure function of what is held now and of the day: nothing is stored that a late record would have to repair. So a
visit that was made in time and written down late counts as made, and the order in which records arrive does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.evidence import EvidenceGrade
from domain.retention_events import Finding
from domain.retention_pupil import FOUND_AGAIN, GONE, RegisteredPupil
from domain.retention_state import EndedFollowUp, RetentionState
from domain.stage_events import StageStatus
from domain.time import civil


class CheckState(StrEnum):
    """Where a check stands; exactly one of them holds."""

    DUE = "due"
    """To be made by its day; the day may lie ahead."""
    OVERDUE = "overdue"
    """The term is over, and the next checkpoint has not come: it can still be made."""
    DONE = "done"
    """Somebody looked in time, whatever was found; also after trying in vain on enough days."""
    MISSED = "missed"
    """Nobody looked before the next checkpoint came, or before the campaign ended."""
    LOST = "lost"
    """The check found that the pupil is lost."""
    WITHDRAWN = "withdrawn"
    """The registration was cancelled by the family's withdrawal."""
    CANCELLED = "cancelled"
    """The pupil left the register, or the campaign ended before the day."""
    NOT_NEEDED = "not_needed"
    """An earlier check found the pupil gone, or the stage was left out."""


class Place(BaseModel):
    """Where one check stands.

    Attributes:
        on: the checkpoint's day.
        due: the last day of its term.
        evidence: how well what was found is known; None where nothing was.
        recorded_late: whether it was written down after the term was over.
        disputed: two findings contradict each other, and nobody has decided yet.
        again_on: the day of the next attempt, where one was agreed.
    """

    model_config = ConfigDict(frozen=True)

    state: CheckState
    on: date
    due: date
    evidence: EvidenceGrade | None = None
    recorded_late: bool = False
    disputed: bool = False
    again_on: date | None = None


def lattice(state: RetentionState, now: datetime) -> dict[str, dict[str, Place]]:
    """Return pupil → checkpoint → where the check stands at an instant, ended follow-ups included.

    Args:
        state: the stage.
        now: what is due, overdue or missed is so on the civil day of this instant.
    """
    today = civil(now)
    found = {student: dict(_places(state, pupil, dates, today)) for student, pupil, dates in state.followed()}
    for student, ended in state.ended.items():
        dates = state.dates(ended.pupil)
        found[student] = dict(_places(state, ended.pupil, dates, min(today, ended.on), ended))
    return found


def lattice_counts(state: RetentionState, now: datetime) -> dict[str, int]:
    """Return how many checks are in each state; `ahead` counts those of the due whose day has not come."""
    found = dict.fromkeys((*(one.value for one in CheckState), "ahead"), 0)
    today = civil(now)
    for places in lattice(state, now).values():
        for place in places.values():
            found[place.state.value] += 1
            found["ahead"] += place.state is CheckState.DUE and today < place.on
    return found


def _places(
    state: RetentionState,
    pupil: RegisteredPupil,
    dates: dict[str, date],
    today: date,
    ended: EndedFollowUp | None = None,
) -> Iterator[tuple[str, Place]]:
    """Yield where a pupil's checks stand, earliest first: what an earlier one found decides about the later."""
    term = timedelta(days=state.policy.parameters.checkpoint_days)
    days = [*list(dates.values())[1:], None]
    gone: Finding | None = None
    for (name, on), following in zip(dates.items(), days, strict=True):
        held, disputed, due = pupil.checks.get(name), name in pupil.conflicts, on + term
        again_on = pupil.again.get(name)
        back = held is not None and held.state in FOUND_AGAIN
        if gone is Finding.TRANSFER or (gone is Finding.LOST and not back and not disputed):
            yield name, Place(state=CheckState.NOT_NEEDED, on=on, due=due)
        elif held is None or disputed:
            where = _open(state, name, on, due, today, None if disputed else following, ended)
            yield name, Place(state=where, on=on, due=due, disputed=disputed, again_on=again_on)
            gone = None
        elif held.state is Finding.NOT_REACHED:
            yield name, Place(state=CheckState.DONE, on=on, due=due, recorded_late=held.late)
        else:
            in_time = following is None or held.looked is None or held.looked < following
            where = CheckState.DONE if in_time else CheckState.MISSED
            if held.state is Finding.LOST:
                where = CheckState.LOST
            yield name, Place(state=where, on=on, due=due, evidence=held.evidence, recorded_late=held.late)
            gone = held.state if held.state in GONE else None


def _open(
    state: RetentionState,
    name: str,
    on: date,
    due: date,
    today: date,
    following: date | None,
    ended: EndedFollowUp | None,
) -> CheckState:
    """Return where a check stands that nobody has made, or about which nobody has decided."""
    missed = following is not None and following <= today
    if missed:
        return CheckState.MISSED
    if ended is not None:
        return CheckState(ended.why.value)
    if state.status is StageStatus.SKIPPED:
        return CheckState.NOT_NEEDED
    if state.status is StageStatus.ARCHIVED:
        return CheckState.MISSED if state.has_come(name, on) else CheckState.CANCELLED
    return CheckState.DUE if today <= due else CheckState.OVERDUE
