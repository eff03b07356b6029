"""Retention follow-ups: each registered pupil is checked at D+30, at the end of term and in March (DOMAIN §7.3).

The stage is about service: a check is done when somebody has looked, whatever was found. A lawful transfer is no loss,
a loss needs more than hearsay, and two findings that contradict each other wait for a third person (B21). Nothing here
ranks a school, a class or a teacher.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Final

from pydantic import TypeAdapter

from domain.actors import require_other_person, require_own_receiving_school
from domain.events import Envelope, Event
from domain.evidence import EvidenceGrade
from domain.refusal import Blocker, Refusal, refuse_rows
from domain.retention_checks import contradiction, contradicts, problem, retained, take, too_weak
from domain.retention_events import (
    RETENTION_EVENTS,
    CheckpointCorrected,
    CheckpointDue,
    CheckpointOverdue,
    CorrectedCheck,
    EvidenceConflicting,
    EvidenceResolved,
    Finding,
    FollowUpCancelled,
    FollowUpCorrected,
    FollowUpStarted,
    LawfulTransfer,
    Lost,
    NotReached,
    PlanRefind,
    RecordCheckpoints,
    RefindPlanned,
    ResolveEvidence,
    Retained,
    RetentionCommand,
    RetentionConfirmed,
    Returned,
    SuspendedStudy,
)
from domain.retention_lattice import lattice_counts
from domain.retention_pupil import Check, Refind, RegisteredPupil
from domain.retention_refind import dated_work, plan_refind
from domain.retention_state import Ending, RetentionState, counts, gone, rates
from domain.stage import StageDecider
from domain.stage_clocks import Clock
from domain.stage_events import STAGE_EVENTS, CorrectRecord, StageStatus
from domain.stage_state import Todo, read_values, require_reason
from domain.stream import Acted, Message
from domain.time import at, civil, end_of

__all__ = ["FOUND", "RetentionDecider", "RetentionState", "counts", "gone", "rates"]

FOUND: Final[dict[type[Event], Finding]] = {
    RetentionConfirmed: Finding.PRESENT,
    Returned: Finding.PRESENT,
    LawfulTransfer: Finding.TRANSFER,
    SuspendedStudy: Finding.SUSPENDED,
    Lost: Finding.LOST,
}
"""The event of a check → what it found; `NotReached` is no finding until it is final."""


class RetentionDecider(StageDecider[RetentionState]):
    """The rules of the retention follow-ups."""

    content_since = 2
    recorded_with = "record_checkpoints"
    kind = "retention"
    state_type = RetentionState
    commands: TypeAdapter[Any] = TypeAdapter(RetentionCommand)
    event_types = (*STAGE_EVENTS, *RETENTION_EVENTS)

    def plan(self, shared: dict[str, Any], content: dict[str, Any]) -> RetentionState:
        """Make the first state; pupils come with their registrations."""
        return RetentionState(**shared, year=content.get("year", shared["due"].year))

    def absorb_content(self, state: RetentionState, message: Message, now: datetime) -> list[Event]:
        """Take in verified registrations, also corrected ones; a pupil who is not in the stage is passed over."""
        if message.kind == "registration_cancelled":
            student = message.data["student"]
            return [FollowUpCancelled(student=student)] if student in state.pupils else []
        if message.kind != "registered":
            return super().absorb_content(state, message, now)
        if state.status == StageStatus.ARCHIVED or not self.has_content(state):
            return []
        here = {student: None for students in state.classes.values() for student in students}
        told: dict[str, Event] = {}
        for row in message.data["rows"]:
            student, school, on = row["student"], row["school"], date.fromisoformat(row["on"])
            held = state.pupils.get(student)
            if student not in here or student in told:
                continue
            if held is None:
                told[student] = FollowUpStarted(student=student, school=school, registered_on=on)
            elif (held.school, held.registered_on) != (school, on):
                told[student] = FollowUpCorrected(student=student, school=school, registered_on=on)
        return list(told.values())

    def decide_content(self, state: RetentionState, command: Any, now: datetime) -> Sequence[Event | Acted]:
        """Decide checks and conflicts.

        Raises:
            Refusal: ROWS_REFUSED with the row numbers and codes, WRONG_SCHOOL, SELF_APPROVAL, REASON_REQUIRED,
                STUDENT_*, EVIDENCE_*.
        """
        match command:
            case RecordCheckpoints():
                return self._record(state, command, civil(command.occurred_at or now))
            case ResolveEvidence():
                return self._resolve(state, command)
            case PlanRefind():
                return [plan_refind(state, command, now, self._stranger(state, command.student))]
            case _:
                return super().decide_content(state, command, now)

    def evolve(self, state: RetentionState | None, event: Event, envelope: Envelope) -> RetentionState:
        """Apply an event, and keep when the latest one was recorded."""
        if state is not None and state.has_lattice:
            state.seen_at = _recorded(envelope)
        return super().evolve(state, event, envelope)

    def evolve_content(self, state: RetentionState, event: Event, envelope: Envelope) -> RetentionState:
        """Apply one of the stage's own events."""
        match event:
            case FollowUpStarted(student=student, school=school, registered_on=on):
                state.pupils[student] = RegisteredPupil(school=school, registered_on=on)
                state.ended.pop(student, None)
            case FollowUpCorrected(student=student, school=school, registered_on=on):
                state.pupils[student].school, state.pupils[student].registered_on = school, on
            case FollowUpCancelled(student=student):
                state.end(student, Ending.WITHDRAWN, civil(_recorded(envelope)))
            case CheckpointDue(checkpoint=checkpoint, on=on):
                state.announced.setdefault(checkpoint, []).append(on)
            case CheckpointOverdue(checkpoint=checkpoint, on=on):
                state.over.setdefault(checkpoint, []).append(on)
            case RefindPlanned(student=student, on=on, who=who):
                state.pupils[student].refind = Refind(on=on, who=who)
            case (
                RetentionConfirmed(student=student, checkpoint=checkpoint, evidence=evidence)
                | Returned(student=student, checkpoint=checkpoint, evidence=evidence)
                | LawfulTransfer(student=student, checkpoint=checkpoint, evidence=evidence)
                | SuspendedStudy(student=student, checkpoint=checkpoint, evidence=evidence)
                | Lost(student=student, checkpoint=checkpoint, evidence=evidence)
            ):
                check = _check(state, student, checkpoint, FOUND[type(event)], evidence, envelope)
                state.pupils[student].add(checkpoint, check)
            case NotReached(student=student, checkpoint=checkpoint, evidence=evidence, final=final, again_on=again_on):
                if final:
                    check = _check(state, student, checkpoint, Finding.NOT_REACHED, evidence, envelope)
                    state.pupils[student].find(checkpoint, check)
                else:
                    state.pupils[student].tried(checkpoint, _day(envelope).isoformat(), again_on)
            case Retained():
                pass  # follows from the checks
            case EvidenceConflicting(student=student, checkpoint=checkpoint, found=found, found_evidence=evidence):
                check = _check(state, student, checkpoint, found, evidence, envelope)
                state.pupils[student].conflicts[checkpoint] = check
            case EvidenceResolved(student=student, checkpoint=checkpoint, state=found, evidence=evidence):
                pupil = state.pupils[student]
                answer = _check(state, student, checkpoint, found, evidence, envelope)
                pupil.find(checkpoint, _first_look(answer, pupil, checkpoint).model_copy(update={"version": None}))
            case CheckpointCorrected():
                self._apply_correction(state, event, envelope)
            case _:
                return super().evolve_content(state, event, envelope)
        return state

    def content_clocks(self, state: RetentionState) -> Iterator[Clock]:
        """Announce each date of a checkpoint once, at eight in the morning: it comes during a pause and a stop too."""
        if state.status == StageStatus.SKIPPED:
            return
        days: dict[date, dict[str, date]] = {pupil.registered_on: dates for _, pupil, dates in state.followed()}
        waiting = {(name, on): None for dates in days.values() for name, on in dates.items()}
        for name, on in waiting:
            if not state.has_come(name, on):
                yield at(on), partial(_announced, state, name, on)
        if not state.has_lattice:
            return
        term = timedelta(days=state.policy.parameters.checkpoint_days)
        for name, on in waiting:
            if state.has_come(name, on) and on not in state.over.get(name, ()):
                yield end_of(on + term), partial(_over, state, name, on)

    def missing(self, state: RetentionState) -> tuple[Blocker, ...]:
        """Return the checks that are not done, those to come included, and the conflicts that nobody has answered."""
        found = dict.fromkeys(("CHECKPOINTS_OPEN", "EVIDENCE_CONFLICTING", "CHECKPOINTS_AHEAD"), 0)
        for student, pupil, dates in state.followed():
            if student in state.joined:
                continue
            found["EVIDENCE_CONFLICTING"] += len(pupil.conflicts)
            for name in pupil.open(dates):
                found["CHECKPOINTS_OPEN" if state.has_come(name, dates[name]) else "CHECKPOINTS_AHEAD"] += 1
        return tuple(Blocker(code=code, count=count) for code, count in found.items() if count)

    def progress(self, state: RetentionState) -> dict[str, dict[str, int]]:
        """Return, by class, how many of the registered pupils have all their checks."""
        ended = {student: not pupil.open(dates) and not pupil.conflicts for student, pupil, dates in state.followed()}
        return {
            class_id: {
                "done": sum(ended.get(student, False) for student in students),
                "of": sum(student in ended for student in students),
            }
            for class_id, students in state.classes.items()
        }

    def work(self, state: RetentionState) -> list[Todo]:
        """Return the pupils with a conflict, with a check whose date has come, or with a plan to find them again.

        One line a pupil, with the day of the next attempt where one was agreed. After the sign-off
        these are the late joiners, and the pupils whose registration came later still.
        """
        if state.status not in (StageStatus.OPEN, StageStatus.COMPLETED):
            return []
        todo: list[Todo] = []
        for class_id, students in state.classes.items():
            for student in students:
                pupil = state.pupils.get(student)
                if pupil is None:
                    continue
                line = dated_work(state, class_id, student, pupil)
                if line is not None:
                    todo.append(line)
        return todo

    def content_view(self, state: RetentionState) -> dict[str, Any]:
        """Return the counts that the rates of R-12 are made of, and how many checks stand where (S11)."""
        told: dict[str, Any] = {"retention": counts(state)}
        if state.has_lattice and state.seen_at is not None:
            told["checks"] = lattice_counts(state, state.seen_at)
        return told

    def after_completion(self, state: RetentionState, command: Any) -> bool:
        """Let the checks through that a sign-off cannot end: of late joiners, and of later registrations.

        The sign-off needed every check of everybody else, so whoever has one open came after it.
        """
        match command:
            case RecordCheckpoints(rows=rows):
                return all(row.student in state.joined or self._unfinished(state, row.student) for row in rows)
            case PlanRefind():
                return True
            case ResolveEvidence(student=student):
                return student in state.joined or self._unfinished(state, student)
            case _:
                return False

    def remove(self, state: RetentionState, student: str) -> None:
        """End the follow-up: after a return a new registration begins another."""
        on = state.seen_at  # the day of the departure's event, which `evolve` has just kept
        state.end(student, Ending.CANCELLED, date.min if on is None else civil(on))

    def correct(self, state: RetentionState, command: CorrectRecord, now: datetime) -> list[Event]:
        """Correct a recorded check: `state`, `evidence`.

        Only who found a thing says that it was another; anybody else's word is a second finding, and a third person
        decides between the two (B21).

        Raises:
            Refusal: NOT_CORRECTABLE, COMMAND_INVALID, WRONG_SCHOOL, EVIDENCE_DISPUTED, EVIDENCE_TOO_WEAK.
        """
        for student, pupil, dates in state.followed():
            for name, held in pupil.checks.items():
                if held.version != command.version:
                    continue
                require_own_receiving_school(command.actor, pupil.school)
                if name in pupil.conflicts:
                    raise Refusal("EVIDENCE_DISPUTED", checkpoint=name)
                row = read_values(CorrectedCheck, held.model_dump(include={"state", "evidence"}), command)
                if too_weak(row.state, row.evidence):
                    raise Refusal("EVIDENCE_TOO_WEAK")
                if contradicts(held, row.state) and command.actor.id not in held.recorded_by:
                    return [contradiction(student, name, held, row)]
                corrected = CheckpointCorrected(
                    student=student,
                    checkpoint=name,
                    state=row.state,
                    evidence=row.evidence,
                    corrects=command.version,
                    reason=require_reason(command),
                )
                return [corrected, *retained(student, pupil, dates, name, row.state)]
        return super().correct(state, command, now)

    # -- inside -----------------------------------------------------------------------------------------------

    def _record(self, state: RetentionState, command: RecordCheckpoints, day: date) -> list[Event]:
        for row in command.rows:
            if row.student in state.pupils:
                require_own_receiving_school(command.actor, state.pupils[row.student].school)
        problems: list[tuple[int, str]] = []
        events: list[Event] = []
        seen: dict[str, RegisteredPupil] = {}
        named: dict[tuple[str, str], None] = {}
        for number, row in enumerate(command.rows):
            held = state.pupils.get(row.student)
            if held is None:
                problems.append((number, self._stranger(state, row.student)))
                continue
            pupil = seen.setdefault(row.student, held.model_copy(deep=True))
            twice = (row.student, row.checkpoint) in named
            named[row.student, row.checkpoint] = None
            dates = state.dates(pupil)
            code = "STUDENT_TWICE" if twice else problem(pupil, dates, row, day, joins=state.has_lattice)
            if code is None:
                events += take(pupil, dates, row, state.policy.parameters.contact_attempts, day)
            else:
                problems.append((number, code))
        refuse_rows(problems)
        return events

    def _resolve(self, state: RetentionState, command: ResolveEvidence) -> list[Event]:
        reason = require_reason(command)
        pupil = state.pupils.get(command.student)
        if pupil is None:
            raise Refusal(self._stranger(state, command.student))
        found = pupil.conflicts.get(command.checkpoint)
        if found is None:
            raise Refusal("EVIDENCE_NOT_CONFLICTING", checkpoint=command.checkpoint)
        held = pupil.checks[command.checkpoint]
        require_other_person(command.actor, [*held.hands, *found.hands])
        if too_weak(command.state, command.evidence):
            raise Refusal("EVIDENCE_TOO_WEAK")
        resolved = EvidenceResolved(
            student=command.student,
            checkpoint=command.checkpoint,
            state=command.state,
            evidence=command.evidence,
            reason=reason,
        )
        dates = state.dates(pupil)
        return [resolved, *retained(command.student, pupil, dates, command.checkpoint, command.state)]

    def _unfinished(self, state: RetentionState, student: str) -> bool:
        """Tell whether a check of a pupil is open, or disputed."""
        pupil = state.pupils.get(student)
        return pupil is not None and bool(pupil.conflicts or pupil.open(state.dates(pupil)))

    def _stranger(self, state: RetentionState, student: str) -> str:
        """Return the code of a pupil who is not followed up: not in the stage, or not registered."""
        here = any(student in students for students in state.classes.values())
        return "STUDENT_NOT_REGISTERED" if here else state.unknown(student)

    def _apply_correction(self, state: RetentionState, event: CheckpointCorrected, envelope: Envelope) -> None:
        pupil = state.pupils[event.student]
        held = pupil.checks[event.checkpoint]
        if event.state is Finding.NOT_REACHED and held.state is not Finding.NOT_REACHED:
            del pupil.checks[event.checkpoint]  # nobody had been reached after all: the check is open again
            pupil.tried(event.checkpoint, _day(envelope).isoformat())
            return
        check = _check(state, event.student, event.checkpoint, event.state, event.evidence, envelope)
        check.looked, check.late = held.looked, held.late  # what was found is corrected, not when somebody looked
        if event.state is held.state and envelope["actor"]["id"] not in held.recorded_by:
            check.corrected_by = list(dict.fromkeys([*held.corrected_by, *check.recorded_by]))
            check.recorded_by = held.recorded_by
        else:
            check.corrected_by = held.corrected_by
            check.recorded_by = list(dict.fromkeys([*held.recorded_by, *check.recorded_by]))
        pupil.find(event.checkpoint, check)


def _announced(state: RetentionState, checkpoint: str, on: date) -> CheckpointDue:
    """Return the announcement of a date, with how many pupils still need the check."""
    students = sum(
        dates.get(checkpoint) == on and checkpoint in pupil.open(dates) for _, pupil, dates in state.followed()
    )
    due = on + timedelta(days=state.policy.parameters.checkpoint_days)
    return CheckpointDue(checkpoint=checkpoint, on=on, due=due, students=students)


def _over(state: RetentionState, checkpoint: str, on: date) -> CheckpointOverdue:
    """Return that a checkpoint's term is over, with how many pupils still need the check."""
    students = sum(
        dates.get(checkpoint) == on and checkpoint in pupil.open(dates) for _, pupil, dates in state.followed()
    )
    return CheckpointOverdue(checkpoint=checkpoint, on=on, students=students)


def _check(
    state: RetentionState, student: str, checkpoint: str, found: Finding, evidence: EvidenceGrade, envelope: Envelope
) -> Check:
    actor = envelope["actor"]
    people = [person for person in (actor["id"], actor["on_behalf_of"]) if person is not None]
    check = Check(state=found, evidence=evidence, version=envelope["version"], recorded_by=people)
    on = state.dates(state.pupils[student]).get(checkpoint)
    if state.has_lattice and on is not None:
        due = on + timedelta(days=state.policy.parameters.checkpoint_days)
        check.looked, check.late = _day(envelope), civil(_recorded(envelope)) > due
    return check


def _first_look(answer: Check, pupil: RegisteredPupil, checkpoint: str) -> Check:
    """Return a decision with the day of the first look: who decides does not look in the pupil's place."""
    looks = [check for check in (pupil.checks.get(checkpoint), pupil.conflicts.get(checkpoint)) if check is not None]
    first = min(looks, key=lambda check: check.looked or date.min, default=answer)
    return answer.model_copy(update={"looked": first.looked, "late": first.late})


def _day(envelope: Envelope) -> date:
    return civil(datetime.fromisoformat(envelope["occurred_at"]))


def _recorded(envelope: Envelope) -> datetime:
    return datetime.fromisoformat(envelope["recorded_at"])
