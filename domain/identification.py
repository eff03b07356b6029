"""Mid-term identification: who needs which help, proposed by an explainable rule and decided by people.

The result names kinds of help only, no track; it expires at graduation, never reaches a receiving school and feeds
no later guard, notice or settlement (design, section 10; DOMAIN X4). Marks stay in the registry: a proposal holds a
reference, codes, the rule's thresholds and a salted commitment (design, section 8).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from pydantic import TypeAdapter

from domain.actors import require_other_person
from domain.events import Envelope, Event, digest
from domain.identification_events import (
    IDENTIFICATION_EVENTS,
    CohortFrozen,
    ConfirmHelp,
    ContestProposal,
    ContestResolved,
    ExcludeFromHelp,
    FreezeCohort,
    HelpConfirmed,
    HelpExcluded,
    HelpProposed,
    IdentificationCommand,
    ProposalContested,
    ProposalsMade,
    ResolveContest,
)
from domain.identification_rule import HelpKind
from domain.identification_state import IdentificationState, PupilCase
from domain.refusal import Blocker, Refusal, refuse_rows
from domain.stage import StageDecider
from domain.stage_events import STAGE_EVENTS, StageStatus
from domain.stage_state import Todo, require_reason
from domain.stream import Acted, Job, Message


class IdentificationDecider(StageDecider[IdentificationState]):
    """The rules of the identification stage."""

    kind = "identification"
    state_type = IdentificationState
    commands: TypeAdapter[Any] = TypeAdapter(IdentificationCommand)
    event_types = (*STAGE_EVENTS, *IDENTIFICATION_EVENTS)

    def plan(self, shared: dict[str, Any], content: dict[str, Any]) -> IdentificationState:
        """Make the first state."""
        return IdentificationState(
            **shared,
            year=content["year"],
            snapshot=content["snapshot"],
            snapshot_digest=content["snapshot_digest"],
            rule=content["rule"],
        )

    def job(self, state: IdentificationState) -> Job | None:
        """Ask the registry for the rule's proposals once the stage is open."""
        if state.status != StageStatus.OPEN or state.proposals:
            return None
        arguments = {"snapshot": state.snapshot, "digest": state.snapshot_digest, "rule": state.rule}
        return Job(name="proposals", arguments=arguments)

    def absorb_content(self, state: IdentificationState, message: Message, now: datetime) -> list[Event]:
        """Take in the rule's proposals, in the order of references; a pupil without one goes to a person."""
        if message.kind != "proposals":
            return super().absorb_content(state, message, now)
        if state.proposals:
            return []
        known = sorted(student for pupils in state.classes.values() for student in pupils)
        found = {proposal["student"]: proposal for proposal in message.data["proposals"]}
        unknown = {"code": "DATA_UNKNOWN", "help": (), "reasons": (), "commitment": ""}
        proposed = [
            HelpProposed.model_validate(found.get(student) or {"student": student, **unknown}) for student in known
        ]
        made = ProposalsMade(
            rule=message.data["rule"],
            rule_version=message.data["rule_version"],
            rule_digest=message.data["rule_digest"],
            snapshot=state.snapshot,
            snapshot_digest=state.snapshot_digest,
            pupils=len(proposed),
        )
        return [*proposed, made]

    def decide_content(self, state: IdentificationState, command: Any, now: datetime) -> Sequence[Event | Acted]:
        """Decide confirm, exclude, contest, resolve and freeze.

        Raises:
            Refusal: PROPOSAL_MISSING, ROWS_REFUSED, STUDENT_UNKNOWN, DATA_UNKNOWN_NEEDS_HELP, COHORT_*, CONTEST_*,
                SELF_APPROVAL, REASON_REQUIRED, NOT_COMPLETE.
        """
        if not state.proposals:
            raise Refusal("PROPOSAL_MISSING")
        match command:
            case ConfirmHelp(students=students, help=help_):
                cases = self._undecided(state, students)
                if help_ is not None:
                    require_reason(command)
                elif any(case.code == "DATA_UNKNOWN" for case in cases):
                    unknown = sum(case.code == "DATA_UNKNOWN" for case in cases)
                    raise Refusal("DATA_UNKNOWN_NEEDS_HELP", count=unknown)
                confirmed = [
                    HelpConfirmed(
                        student=student,
                        help=tuple(case.proposed) if help_ is None else help_,
                        as_proposed=help_ is None or list(help_) == case.proposed,
                        reason=command.reason,
                    )
                    for student, case in zip(students, cases, strict=True)
                ]
                return self._decided(state, confirmed, {one.student: list(one.help) for one in confirmed})
            case ExcludeFromHelp(students=students):
                reason = require_reason(command)
                self._undecided(state, students)
                excluded = [HelpExcluded(student=student, reason=reason) for student in students]
                return self._decided(state, excluded, {student: [] for student in students})
            case ContestProposal(student=student, raised_by=raised_by):
                reason = require_reason(command)
                if self._case(state, student).contested:
                    raise Refusal("CONTEST_OPEN", count=1)
                return [ProposalContested(student=student, reason=reason, raised_by=raised_by)]
            case ResolveContest(student=student, help=help_):
                reason = require_reason(command)
                case = self._case(state, student)
                if not case.contested:
                    raise Refusal("CONTEST_NOT_OPEN")
                require_other_person(command.actor, case.decided_by)
                resolved = [ContestResolved(student=student, help=help_, reason=reason)]
                return self._decided(state, resolved, {student: list(help_)})
            case FreezeCohort():
                return [self._freeze(state)]
            case _:
                return super().decide_content(state, command, now)

    def evolve_content(self, state: IdentificationState, event: Event, envelope: Envelope) -> IdentificationState:
        """Apply one of the stage's own events."""
        match event:
            case HelpProposed(student=student, code=code, help=help_):
                state.pupils[student] = PupilCase(code=code, proposed=list(help_))
            case ProposalsMade():
                state.proposals = True
            case HelpConfirmed(student=student, help=help_):
                self._set(state, student, list(help_), envelope)
            case HelpExcluded(student=student):
                self._set(state, student, [], envelope)
            case ProposalContested(student=student):
                state.pupils[student].contested = True
            case ContestResolved(student=student, help=help_):
                state.pupils[student].contested = False
                self._set(state, student, list(help_), envelope)
            case CohortFrozen(digest=digest_):
                state.frozen = digest_
            case _:
                return super().evolve_content(state, event, envelope)
        return state

    def missing(self, state: IdentificationState) -> tuple[Blocker, ...]:
        """Return what is missing: proposals, decisions, answers to contests, the freeze; of late joiners nothing."""
        if not state.proposals:
            return (Blocker(code="PROPOSALS_PENDING"),)
        cases = [case for student, case in state.pupils.items() if student not in state.joined]
        undecided = [case for case in cases if case.decided is None]
        unknown = sum(case.code == "DATA_UNKNOWN" for case in undecided)
        counts = {
            "PROPOSALS_UNDECIDED": len(undecided) - unknown,
            "DATA_UNKNOWN": unknown,
            "CONTESTS_OPEN": sum(case.contested for case in cases),
            "COHORT_NOT_FROZEN": 0 if state.frozen else 1,
        }
        return tuple(Blocker(code=code, count=count) for code, count in counts.items() if count)

    def progress(self, state: IdentificationState) -> dict[str, dict[str, int]]:
        """Return, by class, how many pupils are decided."""
        return {
            class_id: {
                "done": sum(
                    student in state.pupils and state.pupils[student].decided is not None for student in students
                ),
                "of": sum(student in state.pupils for student in students) if state.proposals else len(students),
            }
            for class_id, students in state.classes.items()
        }

    def work(self, state: IdentificationState) -> list[Todo]:
        """Return the pupils who wait for a decision or for an answer to a contest."""
        if state.status not in (StageStatus.OPEN, StageStatus.COMPLETED):
            return []
        todo: list[Todo] = []
        for class_id, students in state.classes.items():
            for student in students:
                case = state.pupils.get(student)
                if case is None:
                    continue
                if case.contested:
                    todo.append(Todo(class_id=class_id, student=student, code="CONTESTS_OPEN"))
                elif case.decided is None:
                    code = "DATA_UNKNOWN" if case.code == "DATA_UNKNOWN" else "PROPOSALS_UNDECIDED"
                    todo.append(Todo(class_id=class_id, student=student, code=code))
        return todo

    def while_paused(self, command: Any) -> bool:
        """Let a contest through during a pause: it is a right, not progress."""
        return isinstance(command, ContestProposal)

    def after_completion(self, state: IdentificationState, command: Any) -> bool:
        """Let late joiners' decisions through, and contests with their answers: the result holds until graduation."""
        match command:
            case ConfirmHelp(students=students) | ExcludeFromHelp(students=students):
                return self._waiting_joiners(state, students)
            case _:
                return isinstance(command, (ContestProposal, ResolveContest))

    def enrol(self, state: IdentificationState, student: str) -> None:
        """Leave a late joiner to a person's own judgement; a frozen list takes nobody, help can be given without it."""
        if state.proposals and not state.frozen:
            state.pupils[student] = PupilCase(code="DATA_UNKNOWN", proposed=[])

    def remove(self, state: IdentificationState, student: str) -> None:
        """Drop the pupil from a list that is not frozen; a frozen one keeps what was decided, without objections."""
        case = state.pupils.get(student)
        if case is not None and state.frozen and case.decided is not None:
            case.contested = False
        else:
            state.pupils.pop(student, None)

    # -- inside -----------------------------------------------------------------------------------------------

    def _case(self, state: IdentificationState, student: str) -> PupilCase:
        case = state.pupils.get(student)
        if case is None:
            raise Refusal(state.unknown(student), student=student)
        return case

    def _waiting_joiners(self, state: IdentificationState, students: Iterable[str]) -> bool:
        """Tell whether all are late joiners with a case: their decisions block nothing, and wait for no list."""
        return all(student in state.joined and student in state.pupils for student in students)

    def _undecided(self, state: IdentificationState, students: Sequence[str]) -> list[PupilCase]:
        if state.frozen and not self._waiting_joiners(state, students):
            raise Refusal("COHORT_FROZEN")
        problems: list[tuple[int, str]] = []
        cases: dict[str, PupilCase] = {}
        for number, student in enumerate(students):
            case = state.pupils.get(student)
            if case is None:
                problems.append((number, state.unknown(student)))
            elif student in cases:
                problems.append((number, "STUDENT_TWICE"))
            else:
                cases[student] = case
                if case.decided is not None:
                    problems.append((number, "ALREADY_DECIDED"))
        refuse_rows(problems)
        return list(cases.values())

    def _freeze(self, state: IdentificationState) -> CohortFrozen:
        if state.frozen:
            raise Refusal("COHORT_FROZEN")
        missing = tuple(blocker for blocker in self.missing(state) if blocker.code != "COHORT_NOT_FROZEN")
        if missing:
            raise Refusal("NOT_COMPLETE", blockers=missing)
        return self._frozen(state, {})

    def _decided(
        self, state: IdentificationState, events: Sequence[Event], amended: dict[str, list[HelpKind]]
    ) -> list[Event]:
        """Return decisions; where the list is frozen they amend it, and it is frozen anew."""
        return [*events, self._frozen(state, amended)] if state.frozen else list(events)

    def _frozen(self, state: IdentificationState, amended: dict[str, list[HelpKind]]) -> CohortFrozen:
        """Return the freeze of the decisions; late joiners without one are not on the list yet."""
        held = {student: case.decided for student, case in state.pupils.items() if case.decided is not None}
        decided = {student: sorted(help_) for student, help_ in sorted({**held, **amended}.items())}
        month, day = (int(part) for part in state.policy.parameters.result_expires_month_day.split("-"))
        return CohortFrozen(
            pupils=len(decided),
            with_help=sum(bool(help_) for help_ in decided.values()),
            digest=digest({"decided": decided, "snapshot": state.snapshot_digest, "rule": state.rule}),
            expires_on=date(state.year, month, day),
        )

    def _set(self, state: IdentificationState, student: str, help_: list[HelpKind], envelope: Envelope) -> None:
        case = state.pupils[student]
        actor = envelope["actor"]
        case.decided = help_
        case.decided_by = [person for person in (actor["id"], actor["on_behalf_of"]) if person is not None]
