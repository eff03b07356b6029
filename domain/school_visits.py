"""Vocational-school visits: trips with seats, guardians' permission and attendance; presentations on campus.

Who may come on campus, and where a bus may go, is decided by the published list and an approved registration, never
by the county (INV-20; DOMAIN §0.6, §7.4 G5 and G6). The service is the offer: a family that says no, or nothing, is
served. A guardian's slip lets a child on a bus; it is no consent to any school, and nobody counts who says yes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter

from domain.actors import require_other_person, require_own_receiving_school
from domain.events import Envelope, Event
from domain.refusal import Blocker, Refusal
from domain.school_visits_events import (
    VISIT_EVENTS,
    ApprovePresentation,
    ApproveTrip,
    CampusVisitApproved,
    CampusVisitCancelled,
    CampusVisitHeld,
    CampusVisitMoved,
    CampusVisitPlanned,
    CancelTrip,
    GuardianPermissionCorrected,
    GuardianPermissionRecorded,
    MoveTrip,
    OfferSeats,
    PlanTrip,
    PublicityApproved,
    PublicityRejected,
    PublicityRequested,
    PublicityVisitRegistered,
    RecordPresentation,
    RecordVisits,
    RejectPresentation,
    ReportUnregisteredVisit,
    RequestPresentation,
    SchoolVisitsCommand,
    SeatMoved,
    SeatOffered,
    SeatWithdrawn,
    UnregisteredVisitDetected,
    VisitAttendanceCorrected,
    VisitAttendanceRecorded,
    VisitSchoolDelisted,
)
from domain.school_visits_state import (
    PresentationState,
    PresentationStatus,
    Rider,
    SchoolVisitsState,
    TripState,
    refuse_unknown_classes,
    refuse_unlisted,
)
from domain.school_visits_trips import (
    corrected_row,
    is_unheld,
    moved_trip,
    newly_held,
    offered_seats,
    planned_trip,
    recorded_visits,
    trip_of,
)
from domain.stage import StageDecider
from domain.stage_events import STAGE_EVENTS, CorrectRecord, StageStatus
from domain.stage_state import Todo, require_reason
from domain.stream import Acted, Message
from domain.time import SHANGHAI, civil, instant

LIST_SINCE: Final = 3
"""The release whose stages hear that a school left the published list."""


class SchoolVisitsDecider(StageDecider[SchoolVisitsState]):
    """The rules of vocational-school visits."""

    content_since = 2
    recorded_with = "record_visits"
    kind = "school-visits"
    state_type = SchoolVisitsState
    commands: TypeAdapter[Any] = TypeAdapter(SchoolVisitsCommand)
    event_types = (*STAGE_EVENTS, *VISIT_EVENTS)

    def plan(self, shared: dict[str, Any], content: dict[str, Any]) -> SchoolVisitsState:
        """Make the first state, with the published list of the campaign."""
        return SchoolVisitsState(**shared, qualified_schools=list(content.get("qualified_schools", [])))

    def decide_content(self, state: SchoolVisitsState, command: Any, now: datetime) -> Sequence[Event | Acted]:
        """Decide trips, seats, slips, attendance, presentations and reports of unregistered visits.

        Raises:
            Refusal: SCHOOL_NOT_LISTED, PUBLICITY_NOT_APPROVED, WRONG_SCHOOL and SELF_APPROVAL (all recorded);
                TRIP_*, PRESENTATION_*, LEADERS_*, CLASS_*, SEATS_FULL, APPROVAL_TOO_LATE, ALREADY_RECORDED,
                REASON_REQUIRED, OCCURRED_IN_FUTURE; ROWS_REFUSED with the row numbers and codes.
        """
        occurred = command.occurred_at or now
        match command:
            case PlanTrip():
                return [planned_trip(state, command)]
            case ApproveTrip(trip=label, safety_plan=safety_plan):
                trip = trip_of(state, label)
                if trip.approved:
                    raise Refusal("TRIP_ALREADY_APPROVED", trip=label)
                require_other_person(command.actor, (*trip.planned_by, *trip.leaders))
                refuse_unlisted(state, trip.receiving_school)
                if now >= trip.at:
                    raise Refusal("APPROVAL_TOO_LATE")
                return [CampusVisitApproved(trip=label, safety_plan=safety_plan)]
            case OfferSeats():
                return offered_seats(state, command, occurred)
            case MoveTrip():
                return moved_trip(state, command, now)
            case CancelTrip(trip=label):
                reason = require_reason(command)
                trip = trip_of(state, label)
                if trip.recorded:
                    raise Refusal("ALREADY_RECORDED", trip=label)
                withdrawn = [SeatWithdrawn(trip=label, student=student) for student in trip.riders]
                return [*withdrawn, CampusVisitCancelled(trip=label, reason=reason)]
            case RecordVisits():
                return recorded_visits(state, command, occurred)
            case RequestPresentation():
                return [self._requested(state, command)]
            case ApprovePresentation(presentation=label, approval_ref=approval_ref):
                presentation = self._presentation(state, label)
                if presentation.status != PresentationStatus.REQUESTED:
                    raise Refusal("PRESENTATION_DECIDED", presentation=label)
                require_other_person(command.actor, presentation.requested_by)
                if now >= presentation.at:
                    raise Refusal("APPROVAL_TOO_LATE")
                return [PublicityApproved(presentation=label, approval_ref=approval_ref)]
            case RejectPresentation(presentation=label):
                reason = require_reason(command)
                if self._presentation(state, label).status in (PresentationStatus.REJECTED, PresentationStatus.HELD):
                    raise Refusal("PRESENTATION_DECIDED", presentation=label)
                return [PublicityRejected(presentation=label, reason=reason)]
            case RecordPresentation():
                return [self._registered(state, command, occurred)]
            case ReportUnregisteredVisit(receiving_school=school, on=on):
                if on > civil(now):
                    raise Refusal("OCCURRED_IN_FUTURE", minutes=state.policy.parameters.future_minutes)
                return [UnregisteredVisitDetected(receiving_school=school, on=on)]
            case _:
                return super().decide_content(state, command, now)

    def absorb_content(self, state: SchoolVisitsState, message: Message, now: datetime) -> list[Event]:
        """Take a school off the list; what was arranged with it stays for people to decide."""
        if state.status == StageStatus.ARCHIVED:
            return []
        match message.kind:
            case "school_removed" if state.content_release >= LIST_SINCE:
                school = str(message.data["school"])
                return [VisitSchoolDelisted(school=school)] if school in state.qualified_schools else []
            case _:
                return super().absorb_content(state, message, now)

    def evolve_content(self, state: SchoolVisitsState, event: Event, envelope: Envelope) -> SchoolVisitsState:
        """Apply one of the stage's own events."""
        version = envelope["version"]
        match event:
            case CampusVisitPlanned(trip=label):
                state.trips[label] = TripState(
                    **event.model_dump(include={"receiving_school", "at", "returns_at", "seats", "leaders", "classes"}),
                    planned_by=_hands(envelope),
                )
            case CampusVisitApproved(trip=label):
                state.trips[label].approved = True
            case SeatOffered(trip=label, student=student):
                state.trips[label].riders[student] = Rider()
            case CampusVisitMoved(trip=label, at=at_, returns_at=returns_at):
                trip = state.trips[label]
                trip.at, trip.returns_at, trip.moved_at = at_, returns_at, instant(envelope["recorded_at"])
            case SeatMoved(trip=label, student=student):
                state.trips[label].riders[student] = Rider()
            case SeatWithdrawn(trip=label, student=student):
                del state.trips[label].riders[student]
            case CampusVisitCancelled(trip=label):
                del state.trips[label]
                state.cancelled.append(label)
            case (
                GuardianPermissionRecorded(trip=label, student=student, given=given)
                | GuardianPermissionCorrected(trip=label, student=student, given=given)
            ):
                rider = state.trips[label].riders[student]
                rider.permission, rider.permission_version = given, version
            case (
                VisitAttendanceRecorded(trip=label, student=student, attended=attended)
                | VisitAttendanceCorrected(trip=label, student=student, attended=attended)
            ):
                rider = state.trips[label].riders[student]
                rider.attended, rider.attended_version = attended, version
            case CampusVisitHeld(trip=label, present=present, no_shows=no_shows):
                state.trips[label].told = (present, no_shows)
            case _:
                return self._evolve_presentation(state, event, envelope)
        return state

    def missing(self, state: SchoolVisitsState) -> tuple[Blocker, ...]:
        """Return the service that is missing; slips that nobody sent back, and families' noes, never are."""
        offered = state.offered()
        presented = state.classes_of(PresentationStatus.APPROVED, PresentationStatus.HELD)
        trips = state.trips.values()
        counts = {
            "CLASSES_WITHOUT_OFFER": sum(
                class_id not in presented
                and any(student not in state.joined for student in students)
                and not any(student in offered for student in students if student not in state.joined)
                for class_id, students in state.classes.items()
            ),
            "TRIPS_NOT_APPROVED": sum(not trip.approved for trip in trips),
            "TRIPS_NOT_HELD": sum(trip.approved and is_unheld(state, trip) for trip in trips),
            "VISIT_ATTENDANCE_MISSING": sum(
                rider.waiting and student not in state.joined
                for trip in trips
                for student, rider in trip.riders.items()
            ),
            "PRESENTATIONS_OPEN": sum(one.open for one in state.presentations.values()),
        }
        return tuple(Blocker(code=code, count=count) for code, count in counts.items() if count)

    def progress(self, state: SchoolVisitsState) -> dict[str, dict[str, int]]:
        """Return, by class, how many pupils were offered a seat or had a presentation; never how many went."""
        reached = self._reached(state)
        return {
            class_id: {"done": sum(student in reached for student in students), "of": len(students)}
            for class_id, students in state.classes.items()
        }

    def work(self, state: SchoolVisitsState) -> list[Todo]:
        """Return the pupils whose attendance is missing, and the late joiners whom no offer has reached yet."""
        if state.status not in (StageStatus.OPEN, StageStatus.COMPLETED):
            return []
        reached = self._reached(state)
        riders = [item for trip in state.trips.values() for item in trip.riders.items()]
        waiting = {student: None for student, rider in riders if rider.waiting}
        todo: list[Todo] = []
        for class_id, students in state.classes.items():
            for student in filter(state.listed, students):
                if student in waiting:
                    todo.append(Todo(class_id=class_id, student=student, code="VISIT_ATTENDANCE_MISSING"))
                elif student in state.joined and student not in reached:
                    todo.append(Todo(class_id=class_id, student=student, code="VISIT_NOT_OFFERED"))
        return todo

    def is_right(self, command: Any) -> bool:
        """Let a report of recruiting on campus through at any time: nothing may keep an abuse out of the record."""
        return isinstance(command, ReportUnregisteredVisit)

    def after_completion(self, state: SchoolVisitsState, command: Any) -> bool:
        """Let the service of late joiners through after the sign-off: their seats, and what a seat needs first."""
        match command:
            case OfferSeats(students=students):
                return all(student in state.joined for student in students)
            case RecordVisits(rows=rows):
                return all(row.student in state.joined for row in rows)
            case _:
                return bool(state.joined)

    def remove(self, state: SchoolVisitsState, student: str) -> None:
        """Give the pupil's seats back on trips that the pupil has not made; recorded attendance stays."""
        for trip in state.trips.values():
            if student in trip.riders and trip.riders[student].attended is None:
                del trip.riders[student]

    def departed(self, state: SchoolVisitsState, student: str) -> list[Event]:
        """Return the trips that were held but for the attendance of this one pupil."""
        events: list[Event] = []
        for label, trip in state.trips.items():
            if student in trip.riders and trip.riders[student].waiting:
                rest = {name: rider for name, rider in trip.riders.items() if name != student}
                events += newly_held(label, trip.model_copy(update={"riders": rest}))
        return events

    def correct(self, state: SchoolVisitsState, command: CorrectRecord, now: datetime) -> list[Event]:
        """Correct a recorded slip (`permission`) or a recorded attendance (`attended`).

        Raises:
            Refusal: NOT_CORRECTABLE, PERMISSION_MISSING, SEAT_TAKEN, TRIP_OVERLAPS, COMMAND_INVALID.
        """
        corrected = corrected_row(state, command)
        return super().correct(state, command, now) if corrected is None else corrected

    # -- presentations ----------------------------------------------------------------------------------------

    def _presentation(self, state: SchoolVisitsState, label: str) -> PresentationState:
        found = state.presentations.get(label)
        if found is None:
            raise Refusal("PRESENTATION_UNKNOWN", presentation=label)
        return found

    def _requested(self, state: SchoolVisitsState, command: RequestPresentation) -> PublicityRequested:
        require_own_receiving_school(command.actor, command.receiving_school)
        refuse_unlisted(state, command.receiving_school)
        if command.presentation in state.presentations:
            raise Refusal("PRESENTATION_EXISTS", presentation=command.presentation)
        refuse_unknown_classes(state, command.classes)
        return PublicityRequested(
            presentation=command.presentation,
            receiving_school=command.receiving_school,
            at=command.at.astimezone(SHANGHAI),
            persons=command.persons,
            materials=command.materials,
            classes=tuple(dict.fromkeys(command.classes)),
        )

    def _registered(
        self, state: SchoolVisitsState, command: RecordPresentation, occurred: datetime
    ) -> PublicityVisitRegistered:
        label = command.presentation
        presentation = self._presentation(state, label)
        if presentation.status == PresentationStatus.HELD:
            raise Refusal("PRESENTATION_ALREADY_HELD", presentation=label)
        if presentation.status != PresentationStatus.APPROVED:
            raise Refusal("PUBLICITY_NOT_APPROVED", recorded=True, presentation=label)
        if occurred < presentation.at:
            raise Refusal("PRESENTATION_NOT_YET_HELD", presentation=label)
        others = [class_id for class_id in command.pupils if class_id not in presentation.classes]
        if others:
            raise Refusal("CLASS_NOT_IN_PRESENTATION", classes=others)
        return PublicityVisitRegistered(presentation=label, pupils=command.pupils)

    def _evolve_presentation(self, state: SchoolVisitsState, event: Event, envelope: Envelope) -> SchoolVisitsState:
        match event:
            case PublicityRequested(presentation=label, at=at, classes=classes):
                outside = envelope["actor"]["organisation"] != state.school
                state.presentations[label] = PresentationState(
                    at=at, classes=list(classes), requested_by=_hands(envelope), outside=outside
                )
            case PublicityApproved(presentation=label):
                state.presentations[label].status = PresentationStatus.APPROVED
            case PublicityRejected(presentation=label):
                state.presentations[label].status = PresentationStatus.REJECTED
            case PublicityVisitRegistered(presentation=label, pupils=pupils):
                presentation = state.presentations[label]
                presentation.status, presentation.classes = PresentationStatus.HELD, list(pupils)
            case VisitSchoolDelisted(school=school):
                state.qualified_schools.remove(school)
            case UnregisteredVisitDetected():
                pass  # the record is what counts: discipline officers read it, no rule of the stage does
            case _:
                return super().evolve_content(state, event, envelope)
        return state

    # -- both -------------------------------------------------------------------------------------------------

    def _reached(self, state: SchoolVisitsState) -> dict[str, None]:
        """Return the pupils who were offered a seat, or were there when their class had a presentation, as keys."""
        return {**state.offered(), **state.presented()}


def _hands(envelope: Envelope) -> list[str]:
    """Return who had a hand in an event: the person and whom the person stood in for."""
    actor = envelope["actor"]
    return [person for person in (actor["id"], actor["on_behalf_of"]) if person is not None]
