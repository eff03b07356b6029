"""Parents' meetings: sessions by class, invitations, attendance, and follow-up of every absent household.

The stage is about service: each household is informed, or three attempts on different days found nobody, which is a
final outcome (`NO_ANSWER`). Below the quorum a call is not enough: absent households are visited (DOMAIN 7.4, G5).
A caregiver may be informed in a guardian's place; nothing here is a consent.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import TypeAdapter

from domain.events import Envelope, Event
from domain.parent_meetings_events import (
    PARENT_MEETINGS_EVENTS,
    AttendanceCorrected,
    AttendanceRecorded,
    AttendanceRow,
    CancelSession,
    FollowUpRow,
    HouseholdFollowedUp,
    HouseholdInvited,
    HouseholdSettled,
    InvitationMoved,
    InvitationWithdrawn,
    InviteHouseholds,
    MoveSession,
    Outcome,
    ParentMeetingsCommand,
    ParentsMeetingHeld,
    RecordAttendance,
    RecordFollowUps,
    ScheduleSession,
    SessionCancelled,
    SessionMoved,
    SessionScheduled,
)
from domain.parent_meetings_state import Household, ParentMeetingsState, SessionState
from domain.refusal import Blocker, Refusal, refuse_rows
from domain.stage import StageDecider
from domain.stage_events import STAGE_EVENTS, CorrectRecord, StageStatus
from domain.stage_state import Todo, read_values, require_reason
from domain.stream import Acted
from domain.time import SHANGHAI

VISIT: Final = "HOME_VISIT"
"""The follow-up below the quorum that calls do not replace (DOMAIN §7.4, G5)."""

FOLLOW_UP_SINCE: Final = 3
"""The first release that reads the policy's follow-up; an older stage owes the visit whatever stands there."""


class ParentMeetingsDecider(StageDecider[ParentMeetingsState]):
    """The rules of the parents' meetings."""

    recorded_with = "record_attendance"
    kind = "parent-meetings"
    state_type = ParentMeetingsState
    commands: TypeAdapter[Any] = TypeAdapter(ParentMeetingsCommand)
    event_types = (*STAGE_EVENTS, *PARENT_MEETINGS_EVENTS)

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
            case MoveSession(session=session, at=at_):
                reason = require_reason(command)
                invited = self._invited(state, session)
                if at_ == state.sessions[session].at:
                    raise Refusal("TIME_UNCHANGED")
                if at_ <= now:
                    raise Refusal("NEW_TIME_PASSED")
                moved = SessionMoved(session=session, at=at_.astimezone(SHANGHAI), reason=reason)
                return [moved, *(InvitationMoved(session=session, student=student) for student in invited)]
            case CancelSession(session=session):
                reason = require_reason(command)
                invited = self._invited(state, session)
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
            case SessionMoved(session=session, at=at_):
                state.sessions[session].at = at_
            case InvitationMoved():
                pass
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
        visits_owed = self._visits_owed(state)
        counts = {
            "CLASSES_WITHOUT_SESSION": sum(
                class_id not in in_session and any(student not in state.joined for student in students)
                for class_id, students in state.classes.items()
            ),
            "HOUSEHOLDS_NOT_INVITED": sum(not household.invited and not household.present for household in households),
            "SESSIONS_NOT_HELD": sum(self._is_unheld(state, label) for label in state.sessions),
            "ATTENDANCE_MISSING": sum(not household.sessions for household in households),
            "HOUSEHOLDS_NOT_FOLLOWED_UP": sum(household.outcome is None for household in absent),
            "QUORUM_NOT_REACHED": sum(household.needs_visit for household in absent) if visits_owed else 0,
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
        visits_owed = self._visits_owed(state)
        todo: list[Todo] = []
        for class_id, students in state.classes.items():
            for student in filter(state.listed, students):
                household = state.households[student]
                if household.outcome == "NO_ANSWER" and visits_owed and household.needs_visit:
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

    def _visits_owed(self, state: ParentMeetingsState) -> bool:
        """Tell whether the absent are visited: below the quorum, where the policy asks for more than calls."""
        asked = state.policy.parameters.quorum_follow_up == VISIT or state.content_release < FOLLOW_UP_SINCE
        return asked and self._below_quorum(state)

    def _below_quorum(self, state: ParentMeetingsState) -> bool:
        """Tell whether too few households came; a late joiner's never had the meeting, and counts on neither side."""
        households = [household for student, household in state.households.items() if student not in state.joined]
        present = sum(household.present for household in households)
        quorum = state.policy.parameters.quorum
        return present * quorum.denominator < len(households) * quorum.numerator

    def _invited(self, state: ParentMeetingsState, session: str) -> list[str]:
        """Return who was invited to a meeting that nobody's attendance is on record of.

        Raises:
            Refusal: SESSION_UNKNOWN, ALREADY_RECORDED.
        """
        students = self._students(state, self._session(state, session))
        if any(session in state.households[student].sessions for student in students):
            raise Refusal("ALREADY_RECORDED", session=session)
        return [student for student in students if session in state.households[student].invited]

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
