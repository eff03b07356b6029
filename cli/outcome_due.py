"""For whom a list is due now: exactly the pupils of whom something is to be written down, and what is known already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from domain.application_filing_state import ApplicationFilingState
from domain.consent import CallbackPurpose
from domain.deciders import decider_of
from domain.destination import ALLOWED, Case, Move, Step
from domain.identification_state import IdentificationState
from domain.parent_meetings_state import ParentMeetingsState
from domain.retention import RetentionState
from domain.school_state import SchoolState
from domain.school_visits_state import SchoolVisitsState
from domain.stream import fold
from ledger.store import Ledger


@dataclass(frozen=True)
class Line:
    """A row of a template to be: the pupil, the cells that are known, and the receiving school that it is about."""

    student: str
    cells: dict[str, str] = field(default_factory=dict)
    school: str | None = None


async def state_of(ledger: Ledger, stream: str) -> Any:
    """Return a stream's state as its record tells it, None where it has not begun."""
    return fold(decider_of(stream), [envelope async for envelope in ledger.events(stream)])


def due(kind: str, state: Any) -> list[Line]:
    """Return the rows of a kind's template; for `sessions`, which has none of pupils, nothing."""
    return list(_DUE[kind](state)) if kind in _DUE else []


def _decisions(state: IdentificationState) -> Iterator[Line]:
    for students in state.classes.values():
        for student in students:
            case = state.pupils.get(student)
            if case is not None and (case.contested or case.decided is None):
                yield Line(student)


def _attendance(state: ParentMeetingsState) -> Iterator[Line]:
    for label, session in state.sessions.items():
        if session.held:
            continue
        for student, household in state.households.items():
            if label in household.invited and label not in household.sessions:
                yield Line(student, {"meeting": label})


def _followups(state: ParentMeetingsState) -> Iterator[Line]:
    for student, household in state.households.items():
        absent = bool(household.sessions) and not household.present
        asked = absent or student in state.joined
        if asked and household.takes_follow_up("home_visit"):
            yield Line(student)


def _visits(state: SchoolVisitsState) -> Iterator[Line]:
    for label, trip in state.trips.items():
        for student, rider in trip.riders.items():
            if trip.approved and (rider.permission is None or rider.waiting):
                yield Line(student, {"trip": label}, trip.receiving_school)


def _cases(wanted: Callable[[Case], bool]) -> Callable[[ApplicationFilingState], Iterator[Line]]:
    """Return the pupils whose case is so, with the school that they signed for."""

    def lines(state: ApplicationFilingState) -> Iterator[Line]:
        for student, case in state.cases.items():
            if wanted(case):
                yield Line(student, {} if case.school is None else {"school": case.school}, case.school)

    return lines


def _contacts(state: ApplicationFilingState) -> Iterator[Line]:
    for student in state.cases:
        if state.owed(student) in ("FAMILIES_NOT_REACHED", "APPLICATIONS_OPEN"):
            yield Line(student)


def _callbacks(state: ApplicationFilingState) -> Iterator[Line]:
    for student, case in state.cases.items():
        if case.protocol.report is not None:
            yield Line(student, {"purpose": CallbackPurpose.WITHDRAWAL_REPORT.value})
        elif case.protocol.needs_call:
            yield Line(student, {"purpose": CallbackPurpose.SHORT_COOLING.value}, case.school)


def _destinations(state: ApplicationFilingState) -> Iterator[Line]:
    for student, case in state.cases.items():
        if case.path in ALLOWED[Move.FIND] and not case.conflicting and not case.elsewhere:
            yield Line(student)


def _checkpoints(state: RetentionState) -> Iterator[Line]:
    for student, pupil, dates in state.followed():
        for name in pupil.open(dates):
            if state.has_come(name, dates[name]):
                yield Line(student, {"checkpoint": name}, pupil.school)


def _exits(state: SchoolState) -> Iterator[Line]:
    for student in state.students:
        yield Line(student)


_DUE: Final[dict[str, Callable[[Any], Iterator[Line]]]] = {
    "decisions": _decisions,
    "attendance": _attendance,
    "followups": _followups,
    "visits": _visits,
    "contacts": _contacts,
    "callbacks": _callbacks,
    "applications": _cases(lambda case: case.may_apply and not case.elsewhere),
    "admissions": _cases(lambda case: case.path is Step.APPLIED and not case.elsewhere),
    "reporting": _cases(lambda case: case.path in ALLOWED[Move.REPORT] and not case.elsewhere),
    "registrations": _cases(lambda case: case.path is Step.REPORTED and not case.conflicting),
    "destinations": _destinations,
    "checkpoints": _checkpoints,
    "exits": _exits,
}
"""Kind of list → the rows that are due, from the state of its stream."""
