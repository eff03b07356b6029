"""Who may look into a pupil's record: the own carer and those in charge; the others break the glass (S15, INV-23).

Nobody is kept from a record that a child's safety may need; but whoever has no part in it says why, the access ends by
itself, and all of it can be listed. The record of a look comes before the look.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from domain.actors import Role
from domain.care_events import AccessUsed, Care, UseAccess
from domain.events import Envelope
from domain.refusal import Refusal
from domain.school_state import SchoolState
from domain.stage_state import require_reason

IN_CHARGE: Final = (Role.PRINCIPAL, Role.GRADE_LEADER, Role.REGISTER_OFFICER)
"""Roles that look into any pupil's record of the school: its leaders, and who keeps the register."""


def look(state: SchoolState, command: UseAccess, now: datetime) -> AccessUsed:
    """Return the record of a look into a pupil's record.

    Raises:
        Refusal: STUDENT_UNKNOWN; ACCESS_NEEDS_REASON (recorded), not the own pupil; REASON_REQUIRED.
    """
    student = command.student
    if student not in state.students and student not in state.left:
        raise Refusal("STUDENT_UNKNOWN")
    said = {"student": student, "role": command.actor.role.value, "purpose": command.purpose}
    if is_own(state, command) or is_open(state.care, student, command.actor.id, now):
        return AccessUsed(**said)
    if not command.break_glass:
        raise Refusal("ACCESS_NEEDS_REASON", recorded=True)
    hours = state.policy.parameters.break_glass_hours
    return AccessUsed(**said, reason=require_reason(command), until=now + timedelta(hours=hours))


def is_own(state: SchoolState, command: UseAccess) -> bool:
    """Tell whether a pupil's record is open to somebody without a reason: a class head's class, a carer's pupils."""
    actor, class_id = command.actor, state.students.get(command.student)
    if actor.role in IN_CHARGE:
        return True
    if actor.role is not Role.CLASS_HEAD or class_id is None:
        return False
    care = state.care.classes.get(class_id)
    people = [person for person in (actor.id, actor.on_behalf_of) if person is not None]
    if care is not None and (care.carers[0] in people or care.carer_of(command.student) in people):
        return True
    return class_id in command.head_of


def is_open(care: Care, student: str, person: str, now: datetime) -> bool:
    """Tell whether somebody's break-glass access to a pupil's record goes on."""
    until = care.opened.get(f"{student} {person}")
    return until is not None and now < until


def stays_open(care: Care, event: AccessUsed, envelope: Envelope) -> None:
    """Keep until when a break-glass access goes on; what has ended is forgotten here, never in the record."""
    now = datetime.fromisoformat(envelope["recorded_at"])
    care.opened = {key: until for key, until in care.opened.items() if until > now}
    if event.until is not None:
        care.opened[f"{event.student} {envelope['actor']['id']}"] = event.until
