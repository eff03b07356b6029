"""What the stage of vocational-school visits remembers: trips with their riders, and presentations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel

from domain.refusal import Refusal
from domain.school_visits_events import CampusVisitPlanned
from domain.stage_state import StageState
from domain.time import civil


class Rider(BaseModel):
    """A pupil on a trip's transport list; the versions name the events that a correction would correct."""

    permission: bool | None = None
    permission_version: int | None = None
    attended: bool | None = None
    attended_version: int | None = None

    @property
    def seated(self) -> bool:
        """Tell whether a seat is kept: until the guardian says no."""
        return self.permission is not False

    @property
    def waiting(self) -> bool:
        """Tell whether attendance is missing: the guardian said yes and nobody wrote down who came."""
        return self.permission is True and self.attended is None


class TripState(BaseModel):
    """A trip that was not cancelled.

    Attributes:
        planned_by: who planned it and for whom, to keep the approver another person.
        told: (present, no-shows) as the last `CampusVisitHeld` said.
        moved_at: when it got its present time, None where it never moved.
    """

    receiving_school: str
    at: AwareDatetime
    returns_at: AwareDatetime
    seats: int
    leaders: list[str]
    classes: list[str]
    planned_by: list[str]
    approved: bool = False
    riders: dict[str, Rider] = {}
    told: tuple[int, int] | None = None
    moved_at: AwareDatetime | None = None

    @property
    def recorded(self) -> bool:
        """Tell whether attendance of anybody is recorded."""
        return any(rider.attended is not None for rider in self.riders.values())

    @property
    def seats_left(self) -> int:
        """Return how many pupils can still be offered a seat; a guardian's no frees one."""
        return self.seats - sum(rider.seated for rider in self.riders.values())

    @property
    def held(self) -> tuple[int, int] | None:
        """Return (present, no-shows) once attendance is known for every pupil with permission, None before."""
        riders = self.riders.values()
        if not self.recorded or any(rider.waiting for rider in riders):
            return None
        present = sum(rider.attended is True for rider in riders)
        return present, sum(rider.permission is True and rider.attended is False for rider in riders)

    @property
    def days(self) -> list[date]:
        """Return the civil days on which the trip is under way."""
        first, last = civil(self.at), civil(self.returns_at)
        return [first + timedelta(days=day) for day in range((last - first).days + 1)]

    def overlaps(self, other: TripState | CampusVisitPlanned) -> bool:
        """Tell whether nobody can be on both trips: coming back at the minute of the next start is in time."""
        return self.at < other.returns_at and other.at < self.returns_at


class PresentationStatus(StrEnum):
    """Where a presentation stands."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    HELD = "held"


class PresentationState(BaseModel):
    """A presentation on campus; once held, `classes` are those that were there.

    Attributes:
        outside: a receiving school asked for it, so that until it is approved nobody here waits for it.
    """

    at: AwareDatetime
    classes: list[str]
    requested_by: list[str]
    outside: bool = False
    status: PresentationStatus = PresentationStatus.REQUESTED

    @property
    def open(self) -> bool:
        """Tell whether the school must still have it decided or hold it."""
        asked = self.status == PresentationStatus.REQUESTED and not self.outside
        return asked or self.status == PresentationStatus.APPROVED


class SchoolVisitsState(StageState):
    """The stage as its events make it.

    Attributes:
        qualified_schools: codes of the published list, in county and out (INV-20).
        trips: label → trip; a cancelled one leaves only its label, for one notice goes out under one label.
    """

    qualified_schools: list[str] = []
    trips: dict[str, TripState] = {}
    cancelled: list[str] = []
    presentations: dict[str, PresentationState] = {}

    def offered(self) -> dict[str, None]:
        """Return the pupils who were offered a seat, as keys; a guardian's no takes nothing away."""
        return {student: None for trip in self.trips.values() for student in trip.riders}

    def presented(self) -> dict[str, None]:
        """Return the pupils whose class had a presentation when they were in it, as keys.

        A late joiner was there where the day of joining lies before the presentation's: nobody is taken for served who
        may have come after it.
        """
        return {
            student: None
            for one in self.presentations.values()
            if one.status == PresentationStatus.HELD
            for class_id in one.classes
            for student in self.classes[class_id]
            if student not in self.came or self.came[student] < civil(one.at)
        }

    def classes_of(self, *statuses: PresentationStatus) -> dict[str, None]:
        """Return the classes of the presentations that stand so, as keys."""
        found = [one for one in self.presentations.values() if one.status in statuses]
        return {class_id: None for one in found for class_id in one.classes}


def refuse_unlisted(state: SchoolVisitsState, school: str) -> None:
    """Refuse a school that is not on the published list; its county does not matter (INV-20).

    Raises:
        Refusal: SCHOOL_NOT_LISTED (recorded).
    """
    if school not in state.qualified_schools:
        raise Refusal("SCHOOL_NOT_LISTED", recorded=True, school=school)


def refuse_unknown_classes(state: SchoolVisitsState, classes: Sequence[str]) -> None:
    """Refuse classes that the school does not have.

    Raises:
        Refusal: CLASS_UNKNOWN.
    """
    unknown = [class_id for class_id in classes if class_id not in state.classes]
    if unknown:
        raise Refusal("CLASS_UNKNOWN", classes=unknown)
