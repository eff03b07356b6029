"""Parents' meetings: sessions by class, invitations, attendance, and follow-up of every absent household.

The stage is about service: each household is informed, or three attempts on different days found nobody, which is a
final outcome (`NO_ANSWER`). Below the quorum a call is not enough: absent households are visited (DOMAIN 7.4, G5).
A caregiver may be informed in a guardian's place; nothing here is a consent.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from domain.events import Envelope, Event
from domain.instants import Instant
from domain.references import Label
from domain.refusal import Blocker, Refusal, refuse_rows
from domain.stage import StageDecider
from domain.stage_events import STAGE_EVENTS, CorrectRecord, StageCommand, StageStatus
from domain.stage_state import StageState, Todo, read_values, require_reason
from domain.stream import CLASS, STUDENT, Acted, Command
from domain.time import SHANGHAI, civil

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
    StageCommand | ScheduleSession | CancelSession | InviteHouseholds | RecordAttendance | RecordFollowUps,
    Field(discriminator="kind"),
]


# -- state ------------------------------------------------------------------------------------------------------


class SessionState(BaseModel):
    """A session: its classes, its time, and whether the record says that it was held."""

    classes: list[str]
    at: AwareDatetime
    held: bool = False


class Household(BaseModel):
    """What the stage keeps of one pupil's household."""

    invited: list[str] = []
    sessions: dict[str, bool] = {}
    recorded: dict[str, int] = {}
    attempts: list[str] = []
    visited: bool = False
    outcome: Outcome | None = None

    @property
    def present(self) -> bool:
        """Tell whether the household was at any session."""
        return any(self.sessions.values())

    @property
    def needs_visit(self) -> bool:
        """Tell whether a visit is still owed below the quorum: nobody reached, nobody at the door yet."""
        return not self.visited and self.outcome in (None, "NO_ANSWER")

    def takes_follow_up(self, contact: FollowUpKind) -> bool:
        """Tell whether a contact still serves: before the final outcome, or the visit after calls found nobody."""
        return self.outcome is None or (self.outcome == "NO_ANSWER" and contact == "home_visit" and not self.visited)

    def contacted(self, contact: FollowUpKind, instant: datetime) -> None:
        """Take in a contact: attempts of one day count once."""
        day = civil(instant).isoformat()
        if day not in self.attempts:
            self.attempts.append(day)
        self.visited = self.visited or contact == "home_visit"


class ParentMeetingsState(StageState):
    """The stage as its events make it."""

    sessions: dict[str, SessionState] = {}
    cancelled: list[str] = []
    households: dict[str, Household]


class ParentMeetingsDecider(StageDecider[ParentMeetingsState]):
    """The rules of the parents' meetings."""

    recorded_with = "record_attendance"
    kind = "parent-meetings"
    state_type = ParentMeetingsState
    commands: TypeAdapter[Any] = TypeAdapter(ParentMeetingsCommand)
    event_types = (
        *STAGE_EVENTS,
        SessionScheduled,
        SessionCancelled,
        InvitationWithdrawn,
        HouseholdInvited,
        AttendanceRecorded,
        AttendanceCorrected,
        ParentsMeetingHeld,
        HouseholdFollowedUp,
        HouseholdSettled,
    )

    def plan(self, shared: dict[str, Any], content: dict[str, Any]) -> ParentMeetingsState:
        """Make the first state; a pupil's household goes by the pupil's reference."""
        del content
        students = [student for pupils in shared["classes"].values() for student in pupils]
        return ParentMeetingsState(**shared, households={student: Household() for student in students})

    def decide_content(self, state: ParentMeetingsState, command: Any, now: datetime) -> Sequence[Event | Acted]:
        """Decide sessions, invitations, attendance and follow-ups.

        Raises:
            Refusal: SESSION_*, CLASS_UNKNOWN, ALREADY_INVITED, ROWS_REFUSED with the row numbers and codes.
        """
        match command:
            case ScheduleSession(session=session, classes=classes, at=at_):
                if session in state.sessions or session in state.cancelled:
                    raise Refusal("SESSION_EXISTS", session=session)  # one invitation goes out under one reference
                unknown = [class_id for class_id in classes if class_id not in state.classes]
                if unknown:
                    raise Refusal("CLASS_UNKNOWN", classes=unknown)
                once = tuple(dict.fromkeys(classes))
                return [SessionScheduled(session=session, classes=once, at=at_.astimezone(SHANGHAI))]
            case CancelSession(session=session):
                reason = require_reason(command)
                students = self._students(state, self._session(state, session))
                if any(session in state.households[student].sessions for student in students):
                    raise Refusal("ALREADY_RECORDED", session=session)
                invited = [student for student in students if session in state.households[student].invited]
                withdrawn = [InvitationWithdrawn(session=session, student=student) for student in invited]
                return [*withdrawn, SessionCancelled(session=session, reason=reason)]
            case InviteHouseholds(session=session):
                students = self._students(state, self._session(state, session))
                fresh = [student for student in students if session not in state.households[student].invited]
                if not fresh:
                    raise Refusal("ALREADY_INVITED", session=session)
                return [HouseholdInvited(session=session, student=student) for student in fresh]
            case RecordAttendance():
                return self._attendance(state, command, command.occurred_at or now)
            case RecordFollowUps():
                return self._follow_ups(state, command, now)
            case _:
                return super().decide_content(state, command, now)

    def evolve_content(self, state: ParentMeetingsState, event: Event, envelope: Envelope) -> ParentMeetingsState:
        """Apply one of the stage's own events."""
        match event:
            case SessionScheduled(session=session, classes=classes, at=at_):
                state.sessions[session] = SessionState(classes=list(classes), at=at_)
            case InvitationWithdrawn(session=session, student=student):
                state.households[student].invited.remove(session)
            case SessionCancelled(session=session):
                del state.sessions[session]
                state.cancelled.append(session)
            case HouseholdInvited(session=session, student=student):
                state.households[student].invited.append(session)
            case AttendanceRecorded(session=session, student=student, attended=attended):
                household = state.households[student]
                household.sessions[session] = attended
                household.recorded[session] = envelope["version"]
                if attended:
                    household.outcome = "INFORMED"
            case AttendanceCorrected(session=session, student=student, attended=attended):
                household = state.households[student]
                household.sessions[session] = attended
                household.recorded[session] = envelope["version"]
                if attended:
                    household.outcome = "INFORMED"
                elif not household.present and not household.attempts:
                    household.outcome = None
            case ParentsMeetingHeld(session=session):
                state.sessions[session].held = True
            case HouseholdFollowedUp(student=student, contact=contact, at=at_):
                state.households[student].contacted(contact, at_)
            case HouseholdSettled(student=student, outcome=outcome):
                state.households[student].outcome = outcome
            case _:
                return super().evolve_content(state, event, envelope)
        return state

    def missing(self, state: ParentMeetingsState) -> tuple[Blocker, ...]:
        """Return the service that is missing; never a family's yes."""
        in_session = {class_id: None for session in state.sessions.values() for class_id in session.classes}
        households = [household for student, household in state.households.items() if student not in state.joined]
        absent = [household for household in households if household.sessions and not household.present]
        below_quorum = self._below_quorum(state)
        counts = {
            "CLASSES_WITHOUT_SESSION": sum(
                class_id not in in_session and any(student not in state.joined for student in students)
                for class_id, students in state.classes.items()
            ),
            "HOUSEHOLDS_NOT_INVITED": sum(not household.invited and not household.present for household in households),
            "SESSIONS_NOT_HELD": sum(self._is_unheld(state, label) for label in state.sessions),
            "ATTENDANCE_MISSING": sum(not household.sessions for household in households),
            "HOUSEHOLDS_NOT_FOLLOWED_UP": sum(household.outcome is None for household in absent),
            "QUORUM_NOT_REACHED": sum(household.needs_visit for household in absent) if below_quorum else 0,
        }
        return tuple(Blocker(code=code, count=count) for code, count in counts.items() if count)

    def progress(self, state: ParentMeetingsState) -> dict[str, dict[str, int]]:
        """Return, by class, how many households have their final outcome."""
        return {
            class_id: {
                "done": sum(state.households[student].outcome is not None for student in students),
                "of": len(students),
            }
            for class_id, students in state.classes.items()
        }

    def work(self, state: ParentMeetingsState) -> list[Todo]:
        """Return the households whose service is not done; an absent one that nobody has asked yet comes as such."""
        if state.status not in (StageStatus.OPEN, StageStatus.COMPLETED):
            return []
        below_quorum = self._below_quorum(state)
        todo: list[Todo] = []
        for class_id, students in state.classes.items():
            for student in filter(state.listed, students):
                household = state.households[student]
                if household.outcome == "NO_ANSWER" and below_quorum and household.needs_visit:
                    todo.append(Todo(class_id=class_id, student=student, code="QUORUM_NOT_REACHED"))
                if household.outcome is not None:
                    continue
                if household.sessions or student in state.joined:
                    code = "HOUSEHOLDS_NOT_FOLLOWED_UP"
                else:
                    code = "ATTENDANCE_MISSING" if household.invited else "HOUSEHOLDS_NOT_INVITED"
                todo.append(Todo(class_id=class_id, student=student, code=code))
        return todo

    def after_completion(self, state: ParentMeetingsState, command: Any) -> bool:
        """Let the follow-up of late joiners through after the sign-off: their term is their own."""
        return isinstance(command, RecordFollowUps) and all(row.student in state.joined for row in command.rows)

    def enrol(self, state: ParentMeetingsState, student: str) -> None:
        """Give a late joiner's household its place; it is informed by a call or a visit where no meeting is left."""
        state.households[student] = Household()

    def remove(self, state: ParentMeetingsState, student: str) -> None:
        """Drop the household; what was recorded of it stays in the record."""
        state.households.pop(student, None)

    def departed(self, state: ParentMeetingsState, student: str) -> list[Event]:
        """Return the meetings that were held but for the attendance of this one household."""
        events: list[Event] = []
        for label, session in state.sessions.items():
            here = [other for other in self._students(state, session) if other != student]
            if len(here) < len(self._students(state, session)):
                events += self._held(state, label, {other: self._attended(state, label, other) for other in here})
        return events

    def correct(self, state: ParentMeetingsState, command: CorrectRecord, now: datetime) -> list[Event]:
        """Correct a recorded attendance: `attended`, `by`.

        Raises:
            Refusal: NOT_CORRECTABLE, ATTENDED_BY_MISSING, COMMAND_INVALID.
        """
        for student, household in state.households.items():
            for session, version in household.recorded.items():
                if version == command.version:
                    return [self._corrected(household, student, session, command)]
        return super().correct(state, command, now)

    # -- inside -----------------------------------------------------------------------------------------------

    def _below_quorum(self, state: ParentMeetingsState) -> bool:
        """Tell whether too few households came; a late joiner's never had the meeting, and counts on neither side."""
        households = [household for student, household in state.households.items() if student not in state.joined]
        present = sum(household.present for household in households)
        quorum = state.policy.parameters.quorum
        return present * quorum.denominator < len(households) * quorum.numerator

    def _attended(self, state: ParentMeetingsState, session: str, student: str) -> bool | None:
        return state.households[student].sessions.get(session)

    def _is_unheld(self, state: ParentMeetingsState, session: str) -> bool:
        """Tell whether a meeting still waits for the attendance of a pupil who is here and is no late joiner."""
        expected = [
            student for student in self._students(state, state.sessions[session]) if student not in state.joined
        ]
        return any(self._attended(state, session, student) is None for student in expected)

    def _held(self, state: ParentMeetingsState, session: str, known: dict[str, bool | None]) -> list[Event]:
        """Return that a meeting was held, where that is known and not on record: of late joiners only who was there.

        Args:
            state: the stage, where `held` says what is on record.
            session: the meeting's label.
            known: the attendance of every pupil of its classes, None where nobody wrote it down.
        """
        expected = [attended for student, attended in known.items() if student not in state.joined]
        if state.sessions[session].held or None in expected or not any(one is not None for one in known.values()):
            return []
        present, absent = (sum(attended is value for attended in known.values()) for value in (True, False))
        return [ParentsMeetingHeld(session=session, present=present, absent=absent)]

    def _session(self, state: ParentMeetingsState, session: str) -> SessionState:
        found = state.sessions.get(session)
        if found is None:
            raise Refusal("SESSION_UNKNOWN", session=session)
        return found

    def _students(self, state: ParentMeetingsState, session: SessionState) -> list[str]:
        return [student for class_id in session.classes for student in state.classes[class_id]]

    def _attendance(self, state: ParentMeetingsState, command: RecordAttendance, occurred: datetime) -> list[Event]:
        session = self._session(state, command.session)
        if occurred < session.at:
            raise Refusal("SESSION_NOT_YET_HELD", session=command.session)
        expected = dict.fromkeys(self._students(state, session))
        problems: list[tuple[int, str]] = []
        recorded: dict[str, AttendanceRow] = {}
        for number, row in enumerate(command.rows):
            if row.student not in state.households:
                problems.append((number, state.unknown(row.student)))
            elif row.student not in expected:
                problems.append((number, "STUDENT_NOT_IN_SESSION"))
            elif row.student in recorded:
                problems.append((number, "STUDENT_TWICE"))
            elif command.session in state.households[row.student].sessions:
                problems.append((number, "ALREADY_RECORDED"))
            elif row.attended and row.by is None:
                problems.append((number, "ATTENDED_BY_MISSING"))
            recorded.setdefault(row.student, row)
        refuse_rows(problems)
        events: list[Event] = [
            AttendanceRecorded(session=command.session, student=row.student, attended=row.attended, by=row.by)
            for row in command.rows
        ]
        known = {
            student: recorded[student].attended
            if student in recorded
            else self._attended(state, command.session, student)
            for student in expected
        }
        return [*events, *self._held(state, command.session, known)]

    def _corrected(
        self, household: Household, student: str, session: str, command: CorrectRecord
    ) -> AttendanceCorrected:
        row = read_values(AttendanceRow, {"student": student, "attended": household.sessions[session]}, command)
        if row.attended and row.by is None:
            raise Refusal("ATTENDED_BY_MISSING")
        return AttendanceCorrected(
            session=session,
            student=student,
            attended=row.attended,
            by=row.by if row.attended else None,
            corrects=command.version,
            reason=require_reason(command),
        )

    def _follow_ups(self, state: ParentMeetingsState, command: RecordFollowUps, now: datetime) -> list[Event]:
        problems: list[tuple[int, str]] = []
        events: list[Event] = []
        seen: dict[str, Household] = {}
        earliest = now - timedelta(days=state.policy.parameters.backdate_days)
        for number, row in enumerate(command.rows):
            household = seen.get(row.student) or state.households.get(row.student)
            if household is None:
                problems.append((number, state.unknown(row.student)))
            elif not household.takes_follow_up(row.contact):
                problems.append((number, "HOUSEHOLD_ALREADY_SETTLED"))
            elif not household.sessions and row.student not in state.joined:
                problems.append((number, "SESSION_NOT_YET_HELD"))
            elif row.at > now:
                problems.append((number, "OCCURRED_IN_FUTURE"))
            elif household.sessions and row.at < min(state.sessions[session].at for session in household.sessions):
                problems.append((number, "FOLLOW_UP_BEFORE_MEETING"))
            elif row.at < earliest and command.late_reason is None:
                problems.append((number, "OCCURRED_TOO_LONG_AGO"))
            else:
                household = seen[row.student] = household.model_copy(deep=True)
                household.contacted(row.contact, row.at)
                events.append(
                    HouseholdFollowedUp(
                        student=row.student, contact=row.contact, outcome=row.outcome, at=row.at.astimezone(SHANGHAI)
                    )
                )
                outcome = self._final(state, row, len(household.attempts))
                if outcome is not None and outcome != household.outcome:
                    household.outcome = outcome
                    events.append(HouseholdSettled(student=row.student, outcome=outcome))
        refuse_rows(problems)
        return events

    def _final(self, state: ParentMeetingsState, row: FollowUpRow, attempts: int) -> Outcome | None:
        match row.outcome:
            case "reached":
                return "INFORMED"
            case "refused":
                return "DECLINED"
            case "no_answer" | "call_back":
                return "NO_ANSWER" if attempts >= state.policy.parameters.contact_attempts else None
