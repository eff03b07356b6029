"""What application filing does by itself: confirmations, overdue call-backs, no-shows, the deadline (DOMAIN §7.6).

A school has up to 1,600 pupils and they may all have signed on one evening (edge case 41): each kind has one clock for
all cases, found in one pass, and those who are due at the same instant are confirmed together.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from operator import itemgetter
from typing import Final

from domain.application_filing_events import NoShow, RegistrationDeadlineReached
from domain.application_filing_state import ApplicationFilingState
from domain.destination import Step
from domain.filing_consent_events import CallbackOverdue, ConsentConfirmed
from domain.policy_parameters import PauseEffect
from domain.stage_clocks import Clock
from domain.stage_events import StageStatus
from domain.time import end_of

AT_ONCE: Final = 100
"""So many confirmations of one instant are one step: half of what a stream writes in one tick."""


def filing_clocks(state: ApplicationFilingState) -> Iterator[Clock]:
    """Yield the clocks of the stage's content; a fixed deadline is held by nothing."""
    if not state.deadline_passed:
        yield end_of(state.deadline), partial(_deadline_reached, state)
    first = min(state.expected(), default=None, key=itemgetter(0))
    if first is not None:
        admitted_on, student = first
        yield state.no_show_at(admitted_on), partial(NoShow, student=student)
    if not state.has_protocol:
        return
    confirmed = next_confirmation(state)
    if confirmed is not None:
        at, students = confirmed
        yield at, partial(ConsentConfirmed, student=students[0])
    overdue = min(_waiting_for_a_call(state), default=None, key=itemgetter(0))
    if overdue is not None:
        at, event = overdue
        yield at, lambda: event


def next_confirmation(state: ApplicationFilingState) -> tuple[datetime, list[str]] | None:
    """Return when the next consents are confirmed and whose, at most `AT_ONCE`; None where no cooling-off runs.

    A pause that lengthens the cooling-off holds the confirmation, and so does a campaign that was stopped. A stage that
    was left out confirms nothing: no application follows there, and a family is told of nothing that leads nowhere. Its
    signatures stay on record, and its way back stays open.
    """
    parameters = state.policy.parameters
    held = bool(state.paused) and parameters.cooling_off_pause is PauseEffect.LENGTHENS
    if held or state.stopped or state.status is StageStatus.SKIPPED:
        return None
    earliest: datetime | None = None
    students: list[str] = []
    for student, case in state.cases.items():
        if case.protocol.ends is None or case.registration is not None:
            continue
        due = case.protocol.confirm_at(parameters.cooling_off_grace_hours)
        if due is None or (earliest is not None and due > earliest):
            continue
        if due != earliest:
            earliest, students = due, []
        if len(students) < AT_ONCE:
            students.append(student)
    return None if earliest is None else (earliest, students)


def _waiting_for_a_call(state: ApplicationFilingState) -> Iterator[tuple[datetime, CallbackOverdue]]:
    for student, case in state.cases.items():
        report = case.protocol.report
        if report is not None and not (report.called or report.overdue or case.protocol.restricted):
            yield end_of(report.due), CallbackOverdue(student=student, due=report.due)


def _deadline_reached(state: ApplicationFilingState) -> RegistrationDeadlineReached:
    return RegistrationDeadlineReached(open=sum(case.path is Step.REPORTED for case in state.cases.values()))
