"""What can happen to a school's own stream, and what can be commanded of it: departures and late joiners."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.campaign_events import DayRange, SchoolEntry, StageWindow
from domain.events import Event
from domain.instants import Day
from domain.stream import CLASS, STAFF, STUDENT, Command

ExitKind = Literal["transfer", "abroad", "death"]
"""Why a pupil left the register; all three are lawful and nobody is penalised for one (DOMAIN §7.3)."""

Student = Annotated[str, Field(pattern=STUDENT)]


class RegisteredRow(BaseModel):
    """A pupil's verified registration at a receiving school."""

    model_config = ConfigDict(frozen=True)

    student: str
    school: str
    on: date


class SchoolRunStatus(StrEnum):
    """Where the school's own stream stands."""

    LOADING = "loading"
    RUNNING = "running"
    CLOSING = "closing"
    CLOSED = "closed"


class SchoolCampaignStarted(Event):
    """The campaign has started this school with its windows, policy and registry snapshot."""

    campaign: str
    county: str
    year: int
    school: str
    entry: SchoolEntry
    stages: dict[str, StageWindow]
    policy: dict[str, Any]
    calendar: dict[str, Any]
    rule: dict[str, Any]
    release: int = 1
    gateway: dict[str, Any] | None = None
    qualified_schools: tuple[str, ...] = ()
    attendance: DayRange | None = None
    application_window: DayRange | None = None

    LATER: ClassVar[tuple[str, ...]] = (
        "release",
        "gateway",
        "qualified_schools",
        "attendance",
        "application_window",
    )


class CohortLoaded(Event):
    """The pupils of the snapshot, by class, as random references (INV-10).

    `under_14` are those for whose data a guardian must agree (R-17), `shared_phones` groups of more than three pupils
    with one telephone (R-18).
    """

    snapshot: str
    snapshot_digest: str
    classes: dict[str, tuple[str, ...]]
    under_14: tuple[str, ...] = ()
    shared_phones: tuple[tuple[str, ...], ...] = ()

    LATER: ClassVar[tuple[str, ...]] = ("under_14", "shared_phones")


class StageChangeNoted(Event):
    """One of the school's stages was completed, skipped, reopened or archived."""

    stage: str
    status: str


class SchoolPaused(Event):
    """The school passes a pause on to its stages."""

    scope: str
    reason: str


class SchoolResumed(Event):
    """The school passes the end of a pause on to its stages."""

    scope: str


class SchoolStopped(Event):
    """The school passes a stop on to its stages."""

    reason: str


class SchoolClosing(Event):
    """The campaign closed; the stages are asked to end."""


class SchoolClosed(Event):
    """All stages of the school have ended."""


class LeftRegister(Event):
    """A pupil has left the school's register: every stage drops what was still to be done (B11, B12; edge case 35)."""

    student: str
    exit: ExitKind
    on: date


class StudentJoined(Event):
    """A pupil came after the cohort was loaded; each stage gives the pupil a term of its own (B12)."""

    student: str
    class_id: str
    on: date
    again: bool = False
    under_14: bool = False

    LATER: ClassVar[tuple[str, ...]] = ("under_14",)


class CalendarPassedOn(Event):
    """The school passes a newer calendar on to its stages."""

    calendar: dict[str, Any]


class RegistrationsPassedOn(Event):
    """Verified registrations go from the application filing to the retention."""

    rows: tuple[RegisteredRow, ...]


class CancellationPassedOn(Event):
    """A withdrawal made before the verification, and arrived after it, ends a registration (edge case 21)."""

    student: str


class StaffReplaced(Event):
    """From a day on another person does what one did: the references tell an auditor who was in charge when."""

    leaving: str
    joining: str
    role: str
    classes: tuple[str, ...]
    on: date
    reason: str


class ExitRow(BaseModel):
    """One departure."""

    model_config = ConfigDict(frozen=True)

    student: Student
    exit: ExitKind
    on: Day


class RecordExits(Command):
    """Departures from the register: all rows or none; goes through a pause, for it stops messages to families."""

    kind: Literal["record_exits"] = "record_exits"
    rows: Annotated[tuple[ExitRow, ...], Field(min_length=1, max_length=500)]


class EnrolRow(BaseModel):
    """One late joiner, as the registry knows the pupil."""

    model_config = ConfigDict(frozen=True)

    student: Student
    class_id: Annotated[str, Field(pattern=CLASS)]
    on: Day
    under_14: bool = False


class EnrolStudents(Command):
    """Late joiners, after their roster was imported: all rows or none."""

    kind: Literal["enrol_students"] = "enrol_students"
    rows: Annotated[tuple[EnrolRow, ...], Field(min_length=1, max_length=500)]


class ReplaceStaff(Command):
    """Put another person in somebody's place; needs a reason. The registry follows when this is on record."""

    kind: Literal["replace_staff"] = "replace_staff"
    leaving: Annotated[str, Field(pattern=STAFF)]
    joining: Annotated[str, Field(pattern=STAFF)]
    role: Literal["class_head", "grade_leader", "principal"]
    classes: tuple[Annotated[str, Field(pattern=CLASS)], ...] = ()
    on: Day


SCHOOL_COMMANDS: tuple[type[Command], ...] = (RecordExits, EnrolStudents, ReplaceStaff)
