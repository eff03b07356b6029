"""What happens to pupils after their registration: findings, events, commands (DOMAIN §7.3, D9 and D10)."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.events import Event
from domain.evidence import EvidenceGrade
from domain.instants import Day
from domain.stage_events import StageCommand
from domain.stream import STAFF, STUDENT, Command

CHECKPOINT = r"^(D\+[1-9][0-9]{0,2}|term_end|next_March)$"
Checkpoint = Annotated[str, Field(pattern=CHECKPOINT)]
Student = Annotated[str, Field(pattern=STUDENT)]


class Finding(StrEnum):
    """What a check found of a pupil, as the CLI's `checkpoints` file says it."""

    PRESENT = "present"
    TRANSFER = "transfer"
    """A lawful transfer (转学, 互转): no loss."""
    SUSPENDED = "suspended"
    """A suspension of schooling (休学): the pupil stays registered."""
    LOST = "lost"
    NOT_REACHED = "not_reached"
    """Nobody could say where the pupil is; contradicts nothing."""


WhereFound = Literal[Finding.PRESENT, Finding.TRANSFER, Finding.SUSPENDED, Finding.LOST]
"""The findings that say where a pupil is; a conflict ends with one of them."""


# -- events -----------------------------------------------------------------------------------------------------


class FollowUpStarted(Event):
    """A pupil's registration was verified: the receiving school's checks begin."""

    student: str
    school: str
    registered_on: date


class FollowUpCorrected(Event):
    """The registration was corrected: another school or day; the checks that were made stay."""

    student: str
    school: str
    registered_on: date


class FollowUpCancelled(Event):
    """The registration was cancelled: the pupil is not followed up, and no figure counts the pupil."""

    student: str


class CheckpointDue(Event):
    """The date of a checkpoint has come; so many pupils are to be checked until the end of `due`."""

    checkpoint: str
    on: date
    due: date
    students: int


class CheckpointOverdue(Event):
    """The term of a checkpoint's checks is over; so many pupils are still to be checked (FEATURES S11)."""

    checkpoint: str
    on: date
    students: int


class Checked(Event):
    """What every recorded check says."""

    student: str
    checkpoint: str
    evidence: EvidenceGrade


class RetentionConfirmed(Checked):
    """The pupil is at the receiving school."""


class Returned(Checked):
    """A pupil who was lost at an earlier checkpoint is at the school again (edge case 20)."""


class LawfulTransfer(Checked):
    """The pupil lawfully went to another school; no later check is needed, and nothing was lost."""


class SuspendedStudy(Checked):
    """The pupil's schooling is suspended; the later checks stay."""


class Lost(Checked):
    """The pupil has left without going to another school; no later check is needed."""


class NotReached(Checked):
    """Nobody could say where the pupil is; after so many days of trying that is a final, ordinary outcome.

    Attributes:
        again_on: the day of the next attempt, where one was agreed (FEATURES S10).
    """

    LATER: ClassVar[tuple[str, ...]] = ("again_on",)

    final: bool
    again_on: date | None = None


class RefindPlanned(Event):
    """A pupil is lost, and somebody will look for the pupil on a day; the plan ends when the pupil is found."""

    student: str
    on: date
    who: str


class Retained(Event):
    """The last check found the pupil at the school (D10)."""

    student: str


class EvidenceConflicting(Event):
    """Somebody found another thing than what is held: neither wins until a third person has looked (B21)."""

    student: str
    checkpoint: str
    held: Finding
    held_evidence: EvidenceGrade
    found: Finding
    found_evidence: EvidenceGrade


class EvidenceResolved(Event):
    """A third person has looked and says what holds."""

    student: str
    checkpoint: str
    state: Finding
    evidence: EvidenceGrade
    reason: str


class CheckpointCorrected(Event):
    """A recorded check was wrong; the event that it corrects stays in the record (S5)."""

    student: str
    checkpoint: str
    state: Finding
    evidence: EvidenceGrade
    corrects: int
    reason: str


RETENTION_EVENTS: tuple[type[Event], ...] = (
    FollowUpStarted,
    FollowUpCorrected,
    FollowUpCancelled,
    CheckpointDue,
    CheckpointOverdue,
    RetentionConfirmed,
    Returned,
    LawfulTransfer,
    SuspendedStudy,
    Lost,
    NotReached,
    RefindPlanned,
    Retained,
    EvidenceConflicting,
    EvidenceResolved,
    CheckpointCorrected,
)


FINDING_EVENTS: tuple[type[Event], ...] = (
    RetentionConfirmed,
    Returned,
    LawfulTransfer,
    SuspendedStudy,
    Lost,
    NotReached,
    EvidenceConflicting,
    EvidenceResolved,
    CheckpointCorrected,
)
"""What somebody found or decided about a pupil; all else says who is followed up, and when."""


# -- commands ---------------------------------------------------------------------------------------------------


class CheckpointRow(BaseModel):
    """What was found of one pupil at one checkpoint, and how well it is known; and when somebody tries again."""

    model_config = ConfigDict(frozen=True)

    student: Student
    checkpoint: Checkpoint
    state: Finding
    evidence: EvidenceGrade
    again_on: Day | None = None


class RecordCheckpoints(Command):
    """Checks of registered pupils: all rows or none."""

    kind: Literal["record_checkpoints"] = "record_checkpoints"
    rows: Annotated[tuple[CheckpointRow, ...], Field(min_length=1, max_length=500)]


class ResolveEvidence(Command):
    """Say what holds of two findings; needs a reason, and a person who recorded neither."""

    kind: Literal["resolve_evidence"] = "resolve_evidence"
    student: Student
    checkpoint: Checkpoint
    state: WhereFound
    evidence: EvidenceGrade


class PlanRefind(Command):
    """Say who looks for a lost pupil, and on which day; a later plan takes the place of an earlier one."""

    kind: Literal["plan_refind"] = "plan_refind"
    student: Student
    on: Day
    who: Annotated[str, Field(pattern=STAFF)]


class CorrectedCheck(BaseModel):
    """The values of a recorded check that a correction can give."""

    model_config = ConfigDict(frozen=True)

    state: Finding
    evidence: EvidenceGrade


RetentionCommand = Annotated[
    StageCommand | RecordCheckpoints | ResolveEvidence | PlanRefind,
    Field(discriminator="kind"),
]
