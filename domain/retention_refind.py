"""What is to be done for a registered pupil, and on which day: the next attempt, or a look for a lost one (S10)."""

from __future__ import annotations

from datetime import datetime

from domain.refusal import Refusal
from domain.retention_events import PlanRefind, RefindPlanned
from domain.retention_pupil import RegisteredPupil, Standing
from domain.retention_state import RetentionState
from domain.stage_state import DatedTodo, Todo
from domain.time import civil


def plan_refind(state: RetentionState, command: PlanRefind, now: datetime, stranger: str) -> RefindPlanned:
    """Return the plan to look for a lost pupil.

    Args:
        state: the stage.
        command: who looks, and when.
        now: the plan is for this instant's civil day or later.
        stranger: the code for a pupil who is not followed up.

    Raises:
        Refusal: CAMPAIGN_TOO_OLD, STUDENT_*, STUDENT_NOT_LOST, REFIND_IN_PAST.
    """
    if not state.has_lattice:
        raise Refusal("CAMPAIGN_TOO_OLD", release=state.content_release)
    pupil = state.pupils.get(command.student)
    if pupil is None:
        raise Refusal(stranger)
    if pupil.standing(state.dates(pupil)) is not Standing.LOST:
        raise Refusal("STUDENT_NOT_LOST")
    if command.on < civil(now):
        raise Refusal("REFIND_IN_PAST", on=command.on.isoformat())
    return RefindPlanned(student=command.student, on=command.on, who=command.who)


def dated_work(state: RetentionState, class_id: str, student: str, pupil: RegisteredPupil) -> Todo | None:
    """Return what is to be done for a pupil now, None for nothing: one line, with its day where there is one."""
    dates = state.dates(pupil)
    if pupil.conflicts:
        return Todo(class_id=class_id, student=student, code="EVIDENCE_CONFLICTING")
    waiting = [name for name in pupil.open(dates) if state.has_come(name, dates[name])]
    if waiting:
        again = [pupil.again[name] for name in waiting if name in pupil.again]
        if len(again) == len(waiting):
            return DatedTodo(class_id=class_id, student=student, code="CHECKPOINTS_OPEN", on=min(again))
        return Todo(class_id=class_id, student=student, code="CHECKPOINTS_OPEN")
    if pupil.refind is not None and pupil.standing(dates) is Standing.LOST:
        return DatedTodo(class_id=class_id, student=student, code="REFIND_PLANNED", on=pupil.refind.on)
    return None
