"""The lists that schools and offices record, from contacts to registrations and other destinations.

All rows or none. A list states what happened elsewhere; it never speaks for a family, and a pupil without both
signatures cannot be carried onward by it (DOMAIN §7.3, INV-01, R-18).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Final, TypeVar

from domain.actors import require_other_person, require_own_receiving_school
from domain.application_filing_commands import (
    ContactRow,
    DestinationRow,
    RecordAdmissions,
    RecordApplications,
    RecordContacts,
    RecordDestinations,
    RecordRegistrations,
    RecordReporting,
    ReportingRow,
    ResolveDestination,
    Row,
)
from domain.application_filing_events import (
    Admitted,
    ApplicationRecorded,
    DestinationConflicting,
    DestinationResolved,
    DestinationSettled,
    FamilyContacted,
    NotAdmitted,
    OtherDestination,
    RegistrationsHandedOn,
    RegistrationVerified,
    Reported,
)
from domain.application_filing_state import ApplicationFilingState
from domain.destination import Case, DestinationKind, Move, Outcome, barred
from domain.events import Event
from domain.evidence import EvidenceGrade, conflicting
from domain.family_act import Intent, Wave
from domain.filing_consent import bars_onward
from domain.references import is_personal
from domain.refusal import Refusal, refuse_rows
from domain.school_events import RegisteredRow
from domain.stage_state import require_reason
from domain.time import SHANGHAI, civil

R = TypeVar("R", bound=Row)

REPORTING_EVIDENCE: Final = EvidenceGrade.DOCUMENT
"""A receiving school's list of who has come is a paper."""


def record_contacts(state: ApplicationFilingState, command: RecordContacts, now: datetime) -> list[Event]:
    """Return contacts with families that have not answered, or have signed and not applied.

    Enough days without an answer settle the case: whether to answer, or to apply, is the family's own choice.

    Raises:
        Refusal: ROWS_REFUSED.
    """
    problems: list[tuple[int, str]] = []
    events: list[Event] = []
    cases: dict[str, Case] = {}
    late_before = now - timedelta(days=state.policy.parameters.backdate_days)
    for number, row in enumerate(command.rows):
        case = cases.get(row.student) or state.cases.get(row.student)
        code = state.unknown(row.student) if case is None else _contact_problem(case, row, now)
        if code is None and row.again_on is not None and not (state.has_protocol and _may_be_called_again(row)):
            code = "CALL_BACK_DAY_NOT_POSSIBLE"
        if code is None and row.at < late_before and command.late_reason is None:
            code = "OCCURRED_TOO_LONG_AGO"
        if case is None or code is not None:
            problems.append((number, code or state.unknown(row.student)))
            continue
        contacted = FamilyContacted(
            student=row.student,
            contact=row.contact,
            outcome=row.outcome,
            at=row.at.astimezone(SHANGHAI),
            again_on=row.again_on,
        )
        case = cases[row.student] = case.model_copy(deep=True)
        take_contact(case, contacted)
        events.append(contacted)
        if not case.reached and len(case.attempts) >= state.policy.parameters.contact_attempts:
            case.no_answer = True
            events.append(DestinationSettled(student=row.student, outcome=Outcome.NO_ANSWER))
    refuse_rows(problems)
    return events


def take_contact(case: Case, event: FamilyContacted) -> None:
    """Change a case by a contact. Who was spoken with is reached, also one who wants no talk; a day counts once.

    A day on which the family asked to be called stands until the next contact.
    """
    case.call_back_on = event.again_on
    if event.outcome in ("reached", "refused"):
        case.reached = True
    elif civil(event.at) not in case.attempts:
        case.attempts = [*case.attempts, civil(event.at)]


def _contact_problem(case: Case, row: ContactRow, now: datetime) -> str | None:
    if case.protocol.restricted:
        return "RECORD_RESTRICTED"
    if case.offered is None or case.offered_on is None:
        return "NOTICE_NOT_OFFERED"
    if case.answered:
        return "FAMILY_ALREADY_REACHED"
    if row.at > now:
        return "OCCURRED_IN_FUTURE"
    if civil(row.at) < case.offered_on:
        return "CONTACT_BEFORE_NOTICE"
    return "CONTACT_BEFORE_SIGNATURE" if case.signed_by_both and _before(row.at, case.signed_on) else None


def _may_be_called_again(row: ContactRow) -> bool:
    return row.outcome == "call_back" and row.again_on is not None and row.again_on > civil(row.at)


def _before(instant: datetime, day: date | None) -> bool:
    return day is not None and civil(instant) < day


def record_applications(state: ApplicationFilingState, command: RecordApplications) -> list[Event]:
    """Return applications: only with both signatures, for the school that they name, under a reference of its own.

    Where the protocol holds, the consent is confirmed, and after a short cooling-off the bureau has called (R-11).

    Raises:
        Refusal: ROWS_REFUSED.
    """
    used = dict.fromkeys(state.application_references())

    def problem(case: Case, school: str, reference: str) -> str | None:
        code = barred(case.path, Move.APPLY)
        if code is not None:
            return code
        if case.school != school:
            return "CONSENT_MISSING"
        if case.intent is not Intent.VOCATIONAL:
            return "INTENT_NOT_VOCATIONAL"
        if (code := bars_onward(case)) is not None:
            return code
        if case.protocol.needs_call:
            return "CALLBACK_NEEDED"
        if case.protocol.wave is Wave.SPRING and not state.policy.parameters.spring_delivery:
            return "SPRING_FORBIDDEN"
        return _reference_problem(reference, used)

    _refuse_bad(state, command.rows, lambda case, row: problem(case, row.school, row.reference))
    return [
        ApplicationRecorded(student=row.student, school=row.school, reference=row.reference) for row in command.rows
    ]


def record_admissions(state: ApplicationFilingState, command: RecordAdmissions) -> list[Event]:
    """Return results of admission; a receiving school gives its own only.

    Raises:
        Refusal: WRONG_SCHOOL (recorded), ROWS_REFUSED.
    """
    for row in command.rows:
        require_own_receiving_school(command.actor, row.school)
    _refuse_bad(state, command.rows, lambda case, row: _path_problem(case, Move.ADMIT, row.school, "NOT_APPLIED_THERE"))
    return [
        (Admitted if row.result == "admitted" else NotAdmitted)(student=row.student, school=row.school)
        for row in command.rows
    ]


def record_reporting(state: ApplicationFilingState, command: RecordReporting, now: datetime) -> list[Event]:
    """Return who has come, also after a no-show; another destination that is known contradicts it (B21).

    Raises:
        Refusal: WRONG_SCHOOL (recorded), ROWS_REFUSED.
    """
    for row in command.rows:
        require_own_receiving_school(command.actor, row.school)
    today = civil(now)

    def problem(case: Case, row: ReportingRow) -> str | None:
        code = _path_problem(case, Move.REPORT, row.school, "NOT_ADMITTED_THERE")
        return code or reporting_day_problem(state, row.on, today)

    _refuse_bad(state, command.rows, problem)
    events: list[Event] = []
    for row in command.rows:
        events.append(Reported(student=row.student, school=row.school, on=row.on))
        case = state.cases[row.student]
        other = case.other
        if other is not None and case.elsewhere:
            events.append(
                DestinationConflicting(
                    student=row.student,
                    held=other.destination,
                    held_evidence=other.evidence,
                    found=DestinationKind.VOCATIONAL,
                    found_evidence=REPORTING_EVIDENCE,
                )
            )
    return events


def record_registrations(state: ApplicationFilingState, command: RecordRegistrations, now: datetime) -> list[Event]:
    """Return verified registrations, and in one event those that go on to retention (R-18, INV-09).

    Raises:
        Refusal: ROWS_REFUSED.
    """
    used = dict.fromkeys(state.register_references())
    today = civil(now)

    def problem(case: Case, school: str, reference: str, on: date) -> str | None:
        code = _path_problem(case, Move.REGISTER, school, "NOT_REPORTED_THERE")
        if code is not None:
            return code
        if case.conflicting:
            return "DESTINATION_CONFLICTING"
        return registration_day_problem(case, on, today) or _reference_problem(reference, used)

    _refuse_bad(state, command.rows, lambda case, row: problem(case, row.school, row.register_ref, row.on))
    verified: list[Event] = [
        RegistrationVerified(
            student=row.student,
            school=row.school,
            register_ref=row.register_ref,
            on=row.on,
            in_time=row.on <= state.deadline,
        )
        for row in command.rows
    ]
    rows = tuple(RegisteredRow(student=row.student, school=row.school, on=row.on) for row in command.rows)
    return [*verified, RegistrationsHandedOn(rows=rows)]


def record_destinations(state: ApplicationFilingState, command: RecordDestinations) -> list[Event]:
    """Return other destinations; one that differs from what is on record contradicts it, whatever the grades (B21).

    UNKNOWN is no destination: it contradicts nothing, and whatever is found later takes its place.

    Raises:
        Refusal: ROWS_REFUSED.
    """

    def problem(case: Case, found: DestinationKind) -> str | None:
        if found is DestinationKind.VOCATIONAL:
            return "DESTINATION_NEEDS_REPORTING"
        if case.conflicting:
            return "DESTINATION_CONFLICTING"
        if case.other is not None and case.other.destination is found:
            return barred(case.path, Move.FIND) or "ALREADY_RECORDED"
        unknown = found is DestinationKind.UNKNOWN and case.destination is not None
        return barred(case.path, Move.FIND) or ("DESTINATION_KNOWN" if unknown else None)

    _refuse_bad(state, command.rows, lambda case, row: problem(case, row.destination))
    return [_found(state.cases[row.student], row) for row in command.rows]


def resolve_destination(state: ApplicationFilingState, command: ResolveDestination) -> list[Event]:
    """Return a person's decision between two destinations.

    Raises:
        Refusal: STUDENT_UNKNOWN, STUDENT_LEFT, DESTINATION_NOT_CONFLICTING, NOT_REPORTED_THERE, REASON_REQUIRED,
            SELF_APPROVAL (recorded).
    """
    case = state.cases.get(command.student)
    if case is None:
        raise Refusal(state.unknown(command.student))
    if not case.conflicting:
        raise Refusal("DESTINATION_NOT_CONFLICTING")
    require_other_person(command.actor, case.recorders)
    reason = require_reason(command)
    if command.destination is DestinationKind.VOCATIONAL and case.reporting is None:
        raise Refusal("NOT_REPORTED_THERE")
    return [
        DestinationResolved(
            student=command.student, destination=command.destination, evidence=command.evidence, reason=reason
        )
    ]


def _found(case: Case, row: DestinationRow) -> Event:
    held = case.destination
    if held is None or not conflicting(held, row.destination):
        return OtherDestination(student=row.student, destination=row.destination, evidence=row.evidence)
    return DestinationConflicting(
        student=row.student,
        held=held,
        held_evidence=REPORTING_EVIDENCE if case.other is None else case.other.evidence,
        found=row.destination,
        found_evidence=row.evidence,
    )


def reporting_day_problem(state: ApplicationFilingState, on: date, today: date) -> str | None:
    """Return the code of a day on which nobody can have reported: to come, or before graduation (R-16, INV-12)."""
    if on > today:
        return "OCCURRED_IN_FUTURE"
    return "REPORTED_TOO_EARLY" if on < state.reporting_from else None


def registration_day_problem(case: Case, on: date, today: date) -> str | None:
    """Return the code of a day on which nobody can have been registered: to come, or before the reporting."""
    if on > today:
        return "OCCURRED_IN_FUTURE"
    return "REGISTERED_BEFORE_REPORTING" if case.reporting is not None and on < case.reporting.on else None


def _path_problem(case: Case, move: Move, school: str, elsewhere: str) -> str | None:
    return barred(case.path, move) or (None if case.school == school else elsewhere) or bars_onward(case)


def _reference_problem(reference: str, used: dict[str, None]) -> str | None:
    if is_personal(reference):
        return "REFERENCE_PERSONAL"
    if reference in used:
        return "REFERENCE_TWICE"
    used[reference] = None
    return None


def _refuse_bad(state: ApplicationFilingState, rows: Sequence[R], problem: Callable[[Case, R], str | None]) -> None:
    problems: list[tuple[int, str]] = []
    seen: dict[str, None] = {}
    for number, row in enumerate(rows):
        case = state.cases.get(row.student)
        if case is None:
            code: str | None = state.unknown(row.student)
        else:
            code = "STUDENT_TWICE" if row.student in seen else problem(case, row)
        if code is not None:
            problems.append((number, code))
        seen[row.student] = None
    refuse_rows(problems)
