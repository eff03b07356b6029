"""What can happen to every stage, and what can be commanded of it: slugs, states, events, commands (section 5)."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from domain.events import Event
from domain.instants import Day
from domain.refusal import Blocker
from domain.stream import Command


class StageSlug(StrEnum):
    """The five stages, as they are named everywhere: keys in JSON, ids, files (CLI contract)."""

    IDENTIFICATION = "identification"
    PARENT_MEETINGS = "parent-meetings"
    SCHOOL_VISITS = "school-visits"
    APPLICATION_FILING = "application-filing"
    RETENTION = "retention"


class StageStatus(StrEnum):
    """Where a stage stands."""

    PLANNED = "planned"
    OPEN = "open"
    COMPLETED = "completed"
    SKIPPED = "skipped"
    ARCHIVED = "archived"


DONE = (StageStatus.COMPLETED, StageStatus.SKIPPED, StageStatus.ARCHIVED)


# -- events -----------------------------------------------------------------------------------------------------


class StagePlanned(Event):
    """A stage of a school exists, with its window, what must come before it, and whom it serves."""

    campaign: str
    school: str
    stage: str
    opens: date
    due: date
    after: tuple[str, ...]
    classes: dict[str, tuple[str, ...]]
    policy: dict[str, Any]
    calendar: dict[str, Any]
    paused: tuple[str, ...] = ()
    stopped: bool = False
    content: dict[str, Any] = {}


class StageOpened(Event):
    """The window is open and what must come before is done."""


class StageReminded(Event):
    """Working days are left and service is missing; goes to the school's staff, never to a family."""

    working_days_left: int
    missing: tuple[Blocker, ...]


class StageOverdue(Event):
    """The due date has passed with service missing."""

    missing: tuple[Blocker, ...]


class StageEscalated(Event):
    """Missing service is named to the next level: class head, principal, bureau."""

    level: int
    to_role: str
    missing: tuple[Blocker, ...]


class StageCompleted(Event):
    """Signed off; `on_time` is judged by when it happened, not by when it was recorded (S6)."""

    on_time: bool


class StageReopened(Event):
    """A sign-off or a skip is withdrawn with a reason; the original stays in the record (S5)."""

    reason: str
    was: StageStatus


class StageExtended(Event):
    """The due date moves to a later working day."""

    due: date
    was: date
    reason: str


class StageSkipped(Event):
    """The bureau leaves the stage out, with a reason."""

    reason: str


class StagePaused(Event):
    """Reminders, escalations and staff progress are held; a family's rights are not."""

    scope: str
    reason: str


class StageResumed(Event):
    """A pause of one scope ends."""

    scope: str


class StageStopped(Event):
    """The campaign was stopped: no more progress here."""

    reason: str


class StageArchived(Event):
    """The campaign closed; the stage ends."""


class PrerequisiteMet(Event):
    """A stage that must come before this one is completed or skipped."""

    stage: str
    status: str


class PrerequisiteLost(Event):
    """A stage that must come before this one was reopened."""

    stage: str


class StudentEnrolled(Event):
    """A late joiner, in the class from `on`: the service is due to the pupil by a day of the pupil's own (B12)."""

    student: str
    class_id: str
    on: date
    due: date
    under_14: bool = False

    LATER: ClassVar[tuple[str, ...]] = ("under_14",)


class StudentRemoved(Event):
    """A pupil has left the register: everything that was still to be done for the pupil stops."""

    student: str
    exit: str


class JoinerOverdue(Event):
    """A late joiner's own day has passed with service missing."""

    student: str
    due: date


class CalendarAdopted(Event):
    """From here on the stage counts working days by a newer calendar."""

    calendar: dict[str, Any]


class SchoolsListed(Event):
    """Schools came onto the published list: they can be visited, and families can sign for them (INV-20)."""

    schools: tuple[str, ...]


STAGE_EVENTS: tuple[type[Event], ...] = (
    StagePlanned,
    StageOpened,
    StageReminded,
    StageOverdue,
    StageEscalated,
    StageCompleted,
    StageReopened,
    StageExtended,
    StageSkipped,
    StagePaused,
    StageResumed,
    StageStopped,
    StageArchived,
    PrerequisiteMet,
    PrerequisiteLost,
    StudentEnrolled,
    StudentRemoved,
    JoinerOverdue,
    CalendarAdopted,
    SchoolsListed,
)


# -- commands ---------------------------------------------------------------------------------------------------


class CompleteStage(Command):
    """Sign the stage off."""

    kind: Literal["complete"] = "complete"


class ReopenStage(Command):
    """Withdraw a sign-off or a skip; needs a reason."""

    kind: Literal["reopen"] = "reopen"


class ExtendStage(Command):
    """Move the due date to a later working day; needs a reason."""

    kind: Literal["extend"] = "extend"
    due: Day


class SkipStage(Command):
    """Leave the stage out; needs a reason."""

    kind: Literal["skip"] = "skip"


class CorrectRecord(Command):
    """Correct one recorded row, named by its event's version; needs a reason. The original stays in the record (S5)."""

    kind: Literal["correct"] = "correct"
    version: int = Field(ge=1)
    values: Annotated[
        dict[
            Annotated[str, Field(pattern=r"^[a-z_]{1,24}$")],
            Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:+/-]{1,64}$")] | bool | None,
        ],
        Field(min_length=1, max_length=8),
    ]


StageCommand = CompleteStage | ReopenStage | ExtendStage | SkipStage | CorrectRecord
