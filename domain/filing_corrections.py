"""Corrections of what application filing has recorded; the original stays in the record (S5).

Who may correct a row is who may record it: the general right to correct opens no other list. A family's own acts
cannot be corrected by anybody; the family acts again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from domain.actors import require, require_own_receiving_school
from domain.application_filing_commands import (
    ApplicationRow,
    DestinationRow,
    RegistrationRow,
    ReportingRow,
)
from domain.application_filing_events import (
    ApplicationCorrected,
    DestinationConflicting,
    DestinationCorrected,
    RegistrationCorrected,
    ReportingCorrected,
)
from domain.application_filing_state import ApplicationFilingState
from domain.destination import Case, DestinationKind, Finding
from domain.events import Event
from domain.filing_rows import registration_day_problem, reporting_day_problem
from domain.references import is_personal
from domain.refusal import Refusal
from domain.stage_events import CorrectRecord
from domain.stage_state import read_values, require_reason
from domain.time import civil


def correct_record(state: ApplicationFilingState, command: CorrectRecord, now: datetime) -> Event | None:
    """Return the correction of a reference, a day, a registration or another destination; None where none is named.

    Raises:
        Refusal: ROLE_NOT_ALLOWED, WRONG_SCHOOL, COMMAND_INVALID, REFERENCE_PERSONAL, REFERENCE_TWICE,
            OCCURRED_IN_FUTURE, REPORTED_TOO_EARLY, REGISTERED_BEFORE_REPORTING, DESTINATION_CONFLICTING,
            DESTINATION_NEEDS_REPORTING.
    """
    for student, case in state.cases.items():
        if case.application is not None and case.application.version == command.version:
            return _application(state, student, case, command)
        if case.reporting is not None and case.reporting.version == command.version:
            return _reporting(state, student, case, command, now)
        if case.registration is not None and case.registration.version == command.version:
            return _registration(state, student, case, command, now)
        if case.other is not None and case.other.version == command.version:
            if case.conflicting:
                raise Refusal("DESTINATION_CONFLICTING")
            return _destination(state, student, case.other, command)
    return None


def _application(
    state: ApplicationFilingState, student: str, case: Case, command: CorrectRecord
) -> ApplicationCorrected:
    require(command.actor, "record_applications", state.school)
    held = {"student": student, "school": case.school, "reference": case.application and case.application.reference}
    row = read_values(ApplicationRow, held, command)
    _refuse_other_school(case, row.school, command)
    _refuse_reference(row.reference, state.application_references(but=student))
    return ApplicationCorrected(student=student, reference=row.reference, **_named(command))


def _reporting(
    state: ApplicationFilingState, student: str, case: Case, command: CorrectRecord, now: datetime
) -> ReportingCorrected:
    require(command.actor, "record_reporting", state.school)
    require_own_receiving_school(command.actor, case.school or "")
    held = {"student": student, "school": case.school, "on": case.reporting and case.reporting.on}
    row = read_values(ReportingRow, held, command)
    _refuse_other_school(case, row.school, command)
    _refuse_day(state, reporting_day_problem(state, row.on, civil(now)))
    if case.registration is not None and row.on > case.registration.on:
        raise Refusal("REGISTERED_BEFORE_REPORTING")
    return ReportingCorrected(student=student, on=row.on, **_named(command))


def _registration(
    state: ApplicationFilingState, student: str, case: Case, command: CorrectRecord, now: datetime
) -> RegistrationCorrected:
    require(command.actor, "record_registrations", state.school)
    registration = case.registration
    held = {
        "student": student,
        "school": case.school,
        "register_ref": registration and registration.reference,
        "on": registration and registration.on,
    }
    row = read_values(RegistrationRow, held, command)
    _refuse_other_school(case, row.school, command)
    _refuse_day(state, registration_day_problem(case, row.on, civil(now)))
    _refuse_reference(row.register_ref, state.register_references(but=student))
    return RegistrationCorrected(
        student=student,
        register_ref=row.register_ref,
        on=row.on,
        in_time=row.on <= state.deadline,
        **_named(command),
    )


def _destination(state: ApplicationFilingState, student: str, held: Finding, command: CorrectRecord) -> Event:
    """Correct one's own finding; whoever had no hand in it contradicts it, and a third person decides (B21, INV-21).

    UNKNOWN is no destination that could be contradicted: anybody who may record one puts it in the place.
    """
    require(command.actor, "record_destinations", state.school)
    before = {"student": student, "destination": held.destination, "evidence": held.evidence}
    row = read_values(DestinationRow, before, command)
    if row.destination is DestinationKind.VOCATIONAL:
        raise Refusal("DESTINATION_NEEDS_REPORTING")
    own = command.actor.id in held.by or command.actor.on_behalf_of in held.by
    changed = (row.destination, row.evidence) != (held.destination, held.evidence)
    if changed and not own and held.destination is not DestinationKind.UNKNOWN:
        return DestinationConflicting(
            student=student,
            held=held.destination,
            held_evidence=held.evidence,
            found=row.destination,
            found_evidence=row.evidence,
        )
    return DestinationCorrected(student=student, destination=row.destination, evidence=row.evidence, **_named(command))


def _refuse_day(state: ApplicationFilingState, code: str | None) -> None:
    if code == "OCCURRED_IN_FUTURE":
        raise Refusal(code, minutes=state.policy.parameters.future_minutes)
    if code is not None:
        raise Refusal(code)


def _named(command: CorrectRecord) -> dict[str, Any]:
    return {"corrects": command.version, "reason": require_reason(command)}


def _refuse_other_school(case: Case, school: str, command: CorrectRecord) -> None:
    """The school is the one that the family signed for; no correction changes it."""
    if school != case.school:
        raise Refusal("NOT_CORRECTABLE", event=command.version)


def _refuse_reference(reference: str, others: list[str]) -> None:
    if is_personal(reference):
        raise Refusal("REFERENCE_PERSONAL")
    if reference in others:
        raise Refusal("REFERENCE_TWICE")
