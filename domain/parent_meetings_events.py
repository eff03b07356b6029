"""What can happen at parents' meetings, and what can be commanded: sessions, attendance, follow-ups."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from domain.events import Event
from domain.instants import Instant
from domain.references import Label
from domain.stage_events import StageCommand
from domain.stream import CLASS, STUDENT, Command

Outcome = Literal["INFORMED", "NO_ANSWER", "DECLINED"]
FollowUpKind = Literal["call", "home_visit"]
FollowUpOutcome = Literal["reached", "no_answer", "refused", "call_back"]
AttendedBy = Literal["guardian", "caregiver"]
Session = Label
Student = Annotated[str, Field(pattern=STUDENT)]


# -- events -----------------------------------------------------------------------------------------------------


class SessionScheduled(Event):
    """A meeting for some classes has a time."""

    session: str
    classes: tuple[str, ...]
    at: AwareDatetime


class SessionMoved(Event):
    """A meeting has another time; the reference stays, and with it each family's calendar entry (G14)."""

    session: str
    at: AwareDatetime
    reason: str


class InvitationMoved(Event):
    """A household that was invited to a meeting is to be told the new time."""

    session: str
    student: str


class SessionCancelled(Event):
    """A meeting does not take place (snow, illness); its classes need another."""

    session: str
    reason: str


class InvitationWithdrawn(Event):
    """A household that was invited to a cancelled session is to be told."""

    session: str
    student: str


class HouseholdInvited(Event):
    """A household is to be invited to a session; the notice goes out through the outbox."""

    session: str
    student: str


class AttendanceRecorded(Event):
    """A household was, or was not, at a session."""

    session: str
    student: str
    attended: bool
    by: AttendedBy | None = None


class AttendanceCorrected(Event):
    """A recorded attendance was wrong; the event that it corrects stays in the record (S5)."""

    session: str
    student: str
    attended: bool
    by: AttendedBy | None
    corrects: int
    reason: str


class ParentsMeetingHeld(Event):
    """Attendance is known for every household of a session."""

    session: str
    present: int
    absent: int


class HouseholdFollowedUp(Event):
    """Somebody called or visited a household that was absent."""

    student: str
    contact: FollowUpKind
    outcome: FollowUpOutcome
    at: AwareDatetime


class HouseholdSettled(Event):
    """A household's service has its final outcome; refusal and no answer are ordinary ones."""

    student: str
    outcome: Outcome


# -- commands ---------------------------------------------------------------------------------------------------


class ScheduleSession(Command):
    """Set a meeting for some classes."""

    kind: Literal["schedule_session"] = "schedule_session"
    session: Session
    classes: Annotated[tuple[Annotated[str, Field(pattern=CLASS)], ...], Field(min_length=1)]
    at: Instant


class MoveSession(Command):
    """Give a meeting another time before attendance is known; needs a reason."""

    kind: Literal["move_session"] = "move_session"
    session: Session
    at: Instant


class CancelSession(Command):
    """Call a meeting off before attendance is known; needs a reason."""

    kind: Literal["cancel_session"] = "cancel_session"
    session: Session


class InviteHouseholds(Command):
    """Invite every household of a session's classes that is not invited yet."""

    kind: Literal["invite"] = "invite"
    session: Session


class AttendanceRow(BaseModel):
    """One line of the sign-in sheet."""

    model_config = ConfigDict(frozen=True)

    student: Student
    attended: bool
    by: AttendedBy | None = None


class RecordAttendance(Command):
    """The sign-in sheet of a session, a whole class in one command: all rows or none."""

    kind: Literal["record_attendance"] = "record_attendance"
    session: Session
    rows: Annotated[tuple[AttendanceRow, ...], Field(min_length=1, max_length=500)]


class FollowUpRow(BaseModel):
    """One contact with an absent household."""

    model_config = ConfigDict(frozen=True)

    student: Student
    contact: FollowUpKind
    outcome: FollowUpOutcome
    at: Instant


class RecordFollowUps(Command):
    """Contacts with absent households: all rows or none."""

    kind: Literal["record_followups"] = "record_followups"
    rows: Annotated[tuple[FollowUpRow, ...], Field(min_length=1, max_length=500)]


ParentMeetingsCommand = Annotated[
    StageCommand
    | ScheduleSession
    | MoveSession
    | CancelSession
    | InviteHouseholds
    | RecordAttendance
    | RecordFollowUps,
    Field(discriminator="kind"),
]


PARENT_MEETINGS_EVENTS: Final[tuple[type[Event], ...]] = (
    SessionScheduled,
    SessionMoved,
    InvitationMoved,
    SessionCancelled,
    InvitationWithdrawn,
    HouseholdInvited,
    AttendanceRecorded,
    AttendanceCorrected,
    ParentsMeetingHeld,
    HouseholdFollowedUp,
    HouseholdSettled,
)
