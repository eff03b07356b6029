"""The rules of trips to vocational schools: plan, seats, guardians' slips, attendance and their corrections (B22).

A trip needs a listed school, two leaders, an approved safety plan and a signed slip for every child on board
(DOMAIN §5, the safety plan and the parents' consent; INV-20). A guardian's no gives the seat back to others.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from pydantic import BaseModel, ConfigDict

from domain.actors import require_other_person
from domain.events import Event
from domain.policy_readings import SpringMode
from domain.refusal import Refusal, refuse_rows
from domain.school_visits_events import (
    CampusVisitHeld,
    CampusVisitMoved,
    CampusVisitPlanned,
    GuardianPermissionCorrected,
    GuardianPermissionRecorded,
    MoveTrip,
    OfferSeats,
    PlanTrip,
    RecordVisits,
    SeatMoved,
    SeatOffered,
    VisitAttendanceCorrected,
    VisitAttendanceRecorded,
    VisitRow,
)
from domain.school_visits_state import SchoolVisitsState, TripState, refuse_unknown_classes, refuse_unlisted
from domain.stage_events import CorrectRecord
from domain.stage_state import read_values, require_reason
from domain.time import SHANGHAI

LEAST_LEADERS: Final = 2
"""Adults who go along on a trip: one can stay with a child while the other leads the rest [DESIGN]."""


EXPERIENCE_SINCE: Final = 3
"""The release whose stages count the days of experience."""


class SlipRow(BaseModel):
    """A recorded permission as a correction sees it; None where the slip was another pupil's."""

    model_config = ConfigDict(frozen=True)

    student: str
    permission: bool | None


class AttendanceMark(BaseModel):
    """A recorded attendance as a correction sees it."""

    model_config = ConfigDict(frozen=True)

    student: str
    attended: bool


def trip_of(state: SchoolVisitsState, label: str) -> TripState:
    """Return a trip by its label.

    Raises:
        Refusal: TRIP_UNKNOWN, it was never planned or is cancelled.
    """
    found = state.trips.get(label)
    if found is None:
        raise Refusal("TRIP_UNKNOWN", trip=label)
    return found


def _approved_trip(state: SchoolVisitsState, label: str) -> TripState:
    trip = trip_of(state, label)
    if not trip.approved:
        raise Refusal("TRIP_NOT_APPROVED", trip=label)
    return trip


def planned_trip(state: SchoolVisitsState, command: PlanTrip) -> CampusVisitPlanned:
    """Return the plan of a trip to a listed school (INV-20), with leaders who are nowhere else at that time.

    Raises:
        Refusal: SCHOOL_NOT_LISTED (recorded), TRIP_EXISTS, CLASS_UNKNOWN, TRIP_TIMES_INVALID, LEADERS_TOO_FEW,
            LEADERS_BUSY.
    """
    refuse_unlisted(state, command.receiving_school)
    if command.trip in state.trips or command.trip in state.cancelled:
        raise Refusal("TRIP_EXISTS", trip=command.trip)
    refuse_unknown_classes(state, command.classes)
    if command.returns_at <= command.at:
        raise Refusal("TRIP_TIMES_INVALID")
    planned = CampusVisitPlanned(
        trip=command.trip,
        receiving_school=command.receiving_school,
        at=command.at.astimezone(SHANGHAI),
        returns_at=command.returns_at.astimezone(SHANGHAI),
        seats=command.seats,
        leaders=tuple(dict.fromkeys(command.leaders)),
        vehicles=command.vehicles,
        classes=tuple(dict.fromkeys(command.classes)),
    )
    if len(planned.leaders) < LEAST_LEADERS:
        raise Refusal("LEADERS_TOO_FEW", least=LEAST_LEADERS)
    for label, other in state.trips.items():
        if other.overlaps(planned) and any(leader in other.leaders for leader in planned.leaders):
            raise Refusal("LEADERS_BUSY", trip=label)
    return planned


def moved_trip(state: SchoolVisitsState, command: MoveTrip, now: datetime) -> list[Event]:
    """Return another time of an approved trip, and whom to tell: a family that said no keeps out of it.

    The bureau moves it, by a new safety plan and by nobody who planned or leads it, so that no family is told a time
    that nobody has approved. The slips of before were for the old time: another is needed for each child on board.

    Raises:
        Refusal: TRIP_UNKNOWN, TRIP_NOT_APPROVED, SELF_APPROVAL, ALREADY_RECORDED, TRIP_TIMES_INVALID, TIME_UNCHANGED,
            NEW_TIME_PASSED, LEADERS_BUSY, RIDERS_ELSEWHERE with their number.
    """
    label, trip = command.trip, _approved_trip(state, command.trip)
    require_other_person(command.actor, (*trip.planned_by, *trip.leaders))
    reason = require_reason(command)
    if trip.recorded:
        raise Refusal("ALREADY_RECORDED", trip=label)
    if command.returns_at <= command.at:
        raise Refusal("TRIP_TIMES_INVALID")
    if (command.at, command.returns_at) == (trip.at, trip.returns_at):
        raise Refusal("TIME_UNCHANGED")
    if command.at <= now:
        raise Refusal("NEW_TIME_PASSED")
    moved = trip.model_copy(update={"at": command.at, "returns_at": command.returns_at})
    for name, other in state.trips.items():
        if name != label and other.overlaps(moved) and any(leader in other.leaders for leader in trip.leaders):
            raise Refusal("LEADERS_BUSY", trip=name)
    after = state.model_copy(update={"trips": {**state.trips, label: moved}})
    riders = [student for student, rider in trip.riders.items() if rider.seated]
    elsewhere = sum(
        _elsewhere(after, label, student) or _beyond_experience(after, label, student) for student in riders
    )
    if elsewhere:
        raise Refusal("RIDERS_ELSEWHERE", count=elsewhere)
    event = CampusVisitMoved(
        trip=label,
        at=command.at.astimezone(SHANGHAI),
        returns_at=command.returns_at.astimezone(SHANGHAI),
        safety_plan=command.safety_plan,
        reason=reason,
    )
    return [event, *(SeatMoved(trip=label, student=student) for student in riders)]


def offered_seats(state: SchoolVisitsState, command: OfferSeats, occurred: datetime) -> list[Event]:
    """Return the offers of seats on an approved trip that has not started: all or none.

    Raises:
        Refusal: TRIP_UNKNOWN, TRIP_NOT_APPROVED, TRIP_STARTED, SEATS_FULL with the number left; ROWS_REFUSED.
    """
    trip = _approved_trip(state, command.trip)
    if occurred >= trip.at:
        raise Refusal("TRIP_STARTED", trip=command.trip)
    class_of = _class_of(state)
    problems: list[tuple[int, str]] = []
    seen: dict[str, None] = {}
    for number, student in enumerate(command.students):
        if student not in class_of:
            problems.append((number, state.unknown(student)))
        elif student in seen:
            problems.append((number, "STUDENT_TWICE"))
        elif class_of[student] not in trip.classes:
            problems.append((number, "STUDENT_NOT_IN_TRIP"))
        elif student in trip.riders:
            problems.append((number, "ALREADY_OFFERED"))
        elif _elsewhere(state, command.trip, student):
            problems.append((number, "TRIP_OVERLAPS"))
        elif _beyond_experience(state, command.trip, student):
            problems.append((number, "EXPERIENCE_DAYS_USED"))
        seen[student] = None
    refuse_rows(problems)
    if len(command.students) > trip.seats_left:
        raise Refusal("SEATS_FULL", left=trip.seats_left)
    return [SeatOffered(trip=command.trip, student=student) for student in command.students]


def recorded_visits(state: SchoolVisitsState, command: RecordVisits, occurred: datetime) -> list[Event]:
    """Return what slips and a list of attendance say, and that the trip was held where they complete it.

    Raises:
        Refusal: TRIP_UNKNOWN, TRIP_NOT_APPROVED; ROWS_REFUSED.
    """
    trip = _approved_trip(state, command.trip).model_copy(deep=True)
    class_of = _class_of(state)
    problems: list[tuple[int, str]] = []
    events: list[Event] = []
    seen: dict[str, None] = {}
    for number, row in enumerate(command.rows):
        if row.student not in class_of:
            problem: str | None = state.unknown(row.student)
        elif row.student in seen:
            problem = "STUDENT_TWICE"
        else:
            problem = _visit_problem(state, command.trip, trip, row, occurred)
        seen[row.student] = None
        if problem is not None:
            problems.append((number, problem))
            continue
        rider = trip.riders[row.student]
        if row.permission is not None and row.permission != rider.permission:
            rider.permission = row.permission
            events.append(GuardianPermissionRecorded(trip=command.trip, student=row.student, given=row.permission))
        if row.attended is not None:
            rider.attended = row.attended
            events.append(VisitAttendanceRecorded(trip=command.trip, student=row.student, attended=row.attended))
    refuse_rows(problems)
    return [*events, *newly_held(command.trip, trip)]


def _visit_problem(
    state: SchoolVisitsState, label: str, trip: TripState, row: VisitRow, occurred: datetime
) -> str | None:
    """Return why a row cannot be recorded; a slip may change until attendance is known, a family may too."""
    rider = trip.riders.get(row.student)
    if rider is None:
        return "SEAT_NOT_OFFERED"
    if row.permission is None and row.attended is None:
        return "ROW_EMPTY"
    if row.permission and trip.moved_at is not None and occurred < trip.moved_at:
        return "SLIP_BEFORE_MOVE"
    changes = row.permission is not None and row.permission != rider.permission
    if row.attended is None and not changes:
        return "ALREADY_RECORDED"
    if rider.attended is not None and (row.attended is not None or rider.permission is not None):
        return "ALREADY_RECORDED"
    if row.attended is not None and occurred < trip.at:
        return "TRIP_NOT_YET_HELD"
    permission = row.permission if changes else rider.permission
    if row.attended and permission is not True:
        return "PERMISSION_MISSING"
    return None if rider.seated or permission is False else _seat_problem(state, label, trip, row.student)


def _seat_problem(state: SchoolVisitsState, label: str, trip: TripState, student: str) -> str | None:
    """Return why a pupil whose seat was given back cannot have it again."""
    if trip.seats_left < 1:
        return "SEAT_TAKEN"
    if _elsewhere(state, label, student):
        return "TRIP_OVERLAPS"
    return "EXPERIENCE_DAYS_USED" if _beyond_experience(state, label, student) else None


def _beyond_experience(state: SchoolVisitsState, label: str, student: str) -> bool:
    """Tell whether a seat on this trip would give a pupil more days at vocational schools than experience allows.

    Where the policy allows short experience only, no pupil is away from the own school for longer (R-16, X5). A day on
    which the pupil did not come along is not used up.
    """
    parameters = state.policy.parameters
    if parameters.spring_mode is not SpringMode.EXPERIENCE_ONLY or state.content_release < EXPERIENCE_SINCE:
        return False
    days: dict[date, None] = {}
    for name, trip in state.trips.items():
        rider = trip.riders.get(student)
        if name == label or (rider is not None and rider.seated and rider.attended is not False):
            days.update(dict.fromkeys(trip.days))
    return len(days) > parameters.experience_days


def _elsewhere(state: SchoolVisitsState, label: str, student: str) -> bool:
    """Tell whether a pupil has a seat on another trip at the same time."""
    trip = state.trips[label]
    others = [other for name, other in state.trips.items() if name != label and student in other.riders]
    return any(other.riders[student].seated and trip.overlaps(other) for other in others)


def newly_held(label: str, trip: TripState) -> list[Event]:
    """Return that a trip was held, when that or its figures are new."""
    figures = trip.held
    if figures is None or figures == trip.told:
        return []
    return [CampusVisitHeld(trip=label, present=figures[0], no_shows=figures[1])]


def is_unheld(state: SchoolVisitsState, trip: TripState) -> bool:
    """Tell whether an approved trip is still to be held or cancelled; late joiners' own trips block nothing."""
    waiting = [student for student, rider in trip.riders.items() if rider.waiting]
    if waiting:
        return any(student not in state.joined for student in waiting)
    theirs = bool(trip.riders) and all(student in state.joined for student in trip.riders)
    return not trip.recorded and not theirs


def _corrected_permission(state: SchoolVisitsState, label: str, student: str, command: CorrectRecord) -> list[Event]:
    trip = state.trips[label].model_copy(deep=True)
    rider = trip.riders[student]
    given = read_values(SlipRow, {"student": student, "permission": rider.permission}, command).permission
    if rider.attended and given is not True:
        raise Refusal("PERMISSION_MISSING")
    problem = None if rider.seated or given is False else _seat_problem(state, label, trip, student)
    if problem is not None:
        raise Refusal(problem)
    rider.permission = given
    reason = require_reason(command)
    corrected = GuardianPermissionCorrected(
        trip=label, student=student, given=given, corrects=command.version, reason=reason
    )
    return [corrected, *newly_held(label, trip)]


def _corrected_attendance(recorded: TripState, label: str, student: str, command: CorrectRecord) -> list[Event]:
    trip = recorded.model_copy(deep=True)
    rider = trip.riders[student]
    attended = read_values(AttendanceMark, {"student": student, "attended": rider.attended}, command).attended
    if attended and rider.permission is not True:
        raise Refusal("PERMISSION_MISSING")
    rider.attended = attended
    reason = require_reason(command)
    corrected = VisitAttendanceCorrected(
        trip=label, student=student, attended=attended, corrects=command.version, reason=reason
    )
    return [corrected, *newly_held(label, trip)]


def corrected_row(state: SchoolVisitsState, command: CorrectRecord) -> list[Event] | None:
    """Return the correction of the slip or attendance that an event recorded; None where it recorded neither.

    Raises:
        Refusal: PERMISSION_MISSING, SEAT_TAKEN, TRIP_OVERLAPS, COMMAND_INVALID, REASON_REQUIRED.
    """
    for label, trip in state.trips.items():
        for student, rider in trip.riders.items():
            if command.version == rider.permission_version:
                return _corrected_permission(state, label, student, command)
            if command.version == rider.attended_version:
                return _corrected_attendance(trip, label, student, command)
    return None


def _class_of(state: SchoolVisitsState) -> dict[str, str]:
    return {student: class_id for class_id, students in state.classes.items() for student in students}
