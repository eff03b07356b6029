"""What can happen on vocational-school visits, and what can be commanded: trips, seats, presentations (FEATURES B22).

Rows and events hold references, codes, dates and counts. Nothing here counts how many families say yes.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from domain.events import Event
from domain.family_act import SCHOOL
from domain.instants import Day, Instant
from domain.references import Label, not_personal
from domain.stage_events import StageCommand
from domain.stream import CLASS, STAFF, STUDENT, Command

DOCUMENT: Final = r"^[A-Z][A-Z0-9_.-]{1,63}$"
"""A document's number in its own office's register, as SP-2026-014; never a title or a name."""

MOST_SEATS: Final = 500
MOST_VEHICLES: Final = 50
MOST_ADULTS: Final = 40
MOST_ROWS: Final = 500

Trip = Label
Presentation = Label
SchoolCode = Annotated[str, Field(pattern=SCHOOL)]
Student = Annotated[str, Field(pattern=STUDENT)]
Leader = Annotated[str, Field(pattern=STAFF)]
Document = Annotated[str, Field(pattern=DOCUMENT), AfterValidator(not_personal)]
ClassId = Annotated[str, Field(pattern=CLASS)]
ClassIds = Annotated[tuple[ClassId, ...], Field(min_length=1, max_length=100)]


# -- events: trips ----------------------------------------------------------------------------------------------


class CampusVisitPlanned(Event):
    """A trip to a listed vocational school has a time, seats, leaders and vehicles; nobody is invited yet."""

    trip: str
    receiving_school: str
    at: AwareDatetime
    returns_at: AwareDatetime
    seats: int
    leaders: tuple[str, ...]
    vehicles: int
    classes: tuple[str, ...]


class CampusVisitApproved(Event):
    """Another person, at the bureau, has seen the safety plan and approves the trip."""

    trip: str
    safety_plan: str


class SeatOffered(Event):
    """A pupil is on the transport list; a notice asks the household for its permission."""

    trip: str
    student: str


class CampusVisitMoved(Event):
    """An approved trip has another time, by a new safety plan; the slips of before were for the old time (G14)."""

    trip: str
    at: AwareDatetime
    returns_at: AwareDatetime
    safety_plan: str
    reason: str


class SeatMoved(Event):
    """A pupil who keeps a seat on a moved trip; the household is to be told, and asked for another slip."""

    trip: str
    student: str


class SeatWithdrawn(Event):
    """A pupil who was offered a seat on a cancelled trip; the household is to be told."""

    trip: str
    student: str


class CampusVisitCancelled(Event):
    """A trip does not take place."""

    trip: str
    reason: str


class GuardianPermissionRecorded(Event):
    """A guardian's signed slip says whether the pupil may come along; it is no choice of a school."""

    trip: str
    student: str
    given: bool


class GuardianPermissionCorrected(Event):
    """A recorded slip was wrong; `given` is None where it was another pupil's. The original stays (S5)."""

    trip: str
    student: str
    given: bool | None
    corrects: int
    reason: str


class VisitAttendanceRecorded(Event):
    """A pupil was, or was not, on a trip."""

    trip: str
    student: str
    attended: bool


class VisitAttendanceCorrected(Event):
    """A recorded attendance was wrong; the original stays in the record (S5)."""

    trip: str
    student: str
    attended: bool
    corrects: int
    reason: str


class CampusVisitHeld(Event):
    """Attendance is known for every pupil with permission; said again when later rows change the figures."""

    trip: str
    present: int
    no_shows: int


# -- events: presentations --------------------------------------------------------------------------------------


class PublicityRequested(Event):
    """A listed vocational school is to present itself on campus, or asks to."""

    presentation: str
    receiving_school: str
    at: AwareDatetime
    persons: int
    materials: str
    classes: tuple[str, ...]


class PublicityApproved(Event):
    """Another person, at the bureau, approves the presentation and its materials."""

    presentation: str
    approval_ref: str


class PublicityRejected(Event):
    """The bureau refuses a presentation, or takes its approval back before it was held."""

    presentation: str
    reason: str


class PublicityVisitRegistered(Event):
    """An approved presentation was held, before so many pupils of each class."""

    presentation: str
    pupils: dict[str, int]


class UnregisteredVisitDetected(Event):
    """Somebody recruited on campus without a registration; `receiving_school` is None where nobody knows for whom."""

    receiving_school: str | None
    on: date


class VisitSchoolDelisted(Event):
    """A school left the published list: no trip and no presentation is arranged with it any more (INV-20, edge 24)."""

    school: str


VISIT_EVENTS: Final[tuple[type[Event], ...]] = (
    CampusVisitPlanned,
    CampusVisitApproved,
    CampusVisitMoved,
    SeatOffered,
    SeatMoved,
    SeatWithdrawn,
    CampusVisitCancelled,
    GuardianPermissionRecorded,
    GuardianPermissionCorrected,
    VisitAttendanceRecorded,
    VisitAttendanceCorrected,
    CampusVisitHeld,
    PublicityRequested,
    PublicityApproved,
    PublicityRejected,
    PublicityVisitRegistered,
    UnregisteredVisitDetected,
    VisitSchoolDelisted,
)


# -- commands: trips --------------------------------------------------------------------------------------------


class PlanTrip(Command):
    """Plan a trip to a listed vocational school for some classes."""

    kind: Literal["plan_trip"] = "plan_trip"
    trip: Trip
    receiving_school: SchoolCode
    at: Instant
    returns_at: Instant
    seats: int = Field(ge=1, le=MOST_SEATS)
    leaders: Annotated[tuple[Leader, ...], Field(max_length=MOST_ADULTS)]
    vehicles: int = Field(ge=1, le=MOST_VEHICLES)
    classes: ClassIds


class ApproveTrip(Command):
    """Approve a trip by its safety plan, before it starts."""

    kind: Literal["approve_trip"] = "approve_trip"
    trip: Trip
    safety_plan: Document


class OfferSeats(Command):
    """Put pupils on the transport list of an approved trip: all or none."""

    kind: Literal["offer_seats"] = "offer_seats"
    trip: Trip
    students: Annotated[tuple[Student, ...], Field(min_length=1, max_length=MOST_ROWS)]


class MoveTrip(Command):
    """Give an approved trip another time by a new safety plan, before attendance is recorded; needs a reason."""

    kind: Literal["move_trip"] = "move_trip"
    trip: Trip
    at: Instant
    returns_at: Instant
    safety_plan: Document


class CancelTrip(Command):
    """Call a trip off before any attendance is recorded; needs a reason."""

    kind: Literal["cancel_trip"] = "cancel_trip"
    trip: Trip


class VisitRow(BaseModel):
    """One line of the list: what the guardian's slip says, whether the pupil came along; None is not known yet."""

    model_config = ConfigDict(frozen=True)

    student: Student
    permission: bool | None = None
    attended: bool | None = None


class RecordVisits(Command):
    """Slips and attendance of a trip: all rows or none."""

    kind: Literal["record_visits"] = "record_visits"
    trip: Trip
    rows: Annotated[tuple[VisitRow, ...], Field(min_length=1, max_length=MOST_ROWS)]


# -- commands: presentations ------------------------------------------------------------------------------------


class RequestPresentation(Command):
    """Ask for a presentation of a listed vocational school on campus, with its materials, by so many persons."""

    kind: Literal["request_presentation"] = "request_presentation"
    presentation: Presentation
    receiving_school: SchoolCode
    at: Instant
    persons: int = Field(ge=1, le=MOST_ADULTS)
    materials: Document
    classes: ClassIds


class ApprovePresentation(Command):
    """Approve a presentation before its time."""

    kind: Literal["approve_presentation"] = "approve_presentation"
    presentation: Presentation
    approval_ref: Document


class RejectPresentation(Command):
    """Refuse a presentation, or take its approval back before it was held; needs a reason."""

    kind: Literal["reject_presentation"] = "reject_presentation"
    presentation: Presentation


class RecordPresentation(Command):
    """Register that an approved presentation was held, with the number of pupils of each class that was there."""

    kind: Literal["record_presentation"] = "record_presentation"
    presentation: Presentation
    pupils: Annotated[dict[ClassId, Annotated[int, Field(ge=1, le=MOST_ROWS)]], Field(min_length=1, max_length=100)]


class ReportUnregisteredVisit(Command):
    """Report somebody who recruited on campus without a registration (DOMAIN §6)."""

    kind: Literal["report_unregistered_visit"] = "report_unregistered_visit"
    receiving_school: SchoolCode | None = None
    on: Day


SchoolVisitsCommand = Annotated[
    StageCommand
    | PlanTrip
    | ApproveTrip
    | OfferSeats
    | MoveTrip
    | CancelTrip
    | RecordVisits
    | RequestPresentation
    | ApprovePresentation
    | RejectPresentation
    | RecordPresentation
    | ReportUnregisteredVisit,
    Field(discriminator="kind"),
]
