"""What application filing does by itself: confirmations, overdue call-backs, no-shows, the deadline (DOMAIN §7.6).

A school has up to 1,600 pupils and they may all have signed on one evening (edge case 41): each kind has one clock for
all cases, which the overview keeps, and those who are due at the same instant are confirmed together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Final

from domain.application_filing_events import NoShow, RegistrationDeadlineReached
from domain.application_filing_state import ApplicationFilingState
from domain.destination import Step
from domain.filing_consent_events import CallbackOverdue, ConsentConfirmed
from domain.policy_readings import PauseEffect
from domain.stage_clocks import Clock
from domain.stage_events import StageStatus
from domain.time import end_of

AT_ONCE: Final = 100
"""So many confirmations of one instant are one step: half of what a stream writes in one tick."""


def filing_clocks(state: ApplicationFilingState) -> Iterator[Clock]:
    """Yield the clocks of the stage's content; a fixed deadline is held by nothing."""
    if not state.deadline_passed:
        yield end_of(state.deadline), partial(_deadline_reached, state)
    overview = state.overview
    expected = overview.expected.first
    if expected is not None:
        yield state.no_show_at(expected), lambda: NoShow(student=overview.expected.waiting(expected, 1)[0])
    if not state.has_protocol:
        return
    confirmed = next_confirmation(state)
    if confirmed is not None:
        at, students = confirmed
        yield at, lambda: ConsentConfirmed(student=students()[0])
    due = overview.calls.first
    if due is not None:
        yield end_of(due), lambda: CallbackOverdue(student=overview.calls.waiting(due, 1)[0], due=due)


def next_confirmation(state: ApplicationFilingState) -> tuple[datetime, Callable[[], list[str]]] | None:
    """Return when the next consents are confirmed and whose, at most `AT_ONCE`; None where no cooling-off runs.

    A pause that lengthens the cooling-off holds the confirmation, and so does a campaign that was stopped. A stage that
    was left out confirms nothing: no application follows there, and a family is told of nothing that leads nowhere. Its
    signatures stay on record, and its way back stays open.
    """
    parameters = state.policy.parameters
    held = bool(state.paused) and parameters.cooling_off_pause is PauseEffect.LENGTHENS
    if held or state.stopped or state.status is StageStatus.SKIPPED:
        return None
    confirmed = state.overview.confirmed
    earliest = confirmed.first
    return None if earliest is None else (earliest, partial(confirmed.waiting, earliest, AT_ONCE))


def _deadline_reached(state: ApplicationFilingState) -> RegistrationDeadlineReached:
    return RegistrationDeadlineReached(open=sum(case.path is Step.REPORTED for case in state.cases.values()))
