"""What anybody and the offices can do about a consent without speaking for the family (design, section 9; G9, G17).

A reported withdrawal, the bureau's call-backs, who is a guardian, a suspension and its end, a restricted record. None
of these signs, withdraws or keeps anything: they hold up, they ask, and they note; the family answers by its own act.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

from domain.actors import SYSTEM, Role, require_other_person
from domain.application_filing_commands import (
    CallbackRow,
    LiftSuspension,
    RecordCallbacks,
    RecordGuardianship,
    ReleaseRecord,
    ReportWithdrawal,
    RestrictRecord,
    SuspendConsent,
)
from domain.application_filing_state import ApplicationFilingState, Flag, HeldScope
from domain.calendar import CalendarUnknown
from domain.consent import (
    BY_OFFICES,
    BY_THE_FAMILY,
    MAY_CONSENT,
    CallbackOutcome,
    CallbackPurpose,
    Report,
    Standing,
    SuspensionReason,
)
from domain.cooling import Window
from domain.destination import Case, Step
from domain.events import Event
from domain.evidence import EvidenceGrade
from domain.filing_consent_events import (
    AnomalyFlagged,
    ApplicationWindowMoved,
    CallbackMade,
    CallbackOverdue,
    CallbackPostponed,
    CallbackUnreachable,
    CaseHoldNoted,
    CaseInvalidated,
    CaseReinstated,
    ConsentConfirmed,
    ConsentKept,
    ConsentObjected,
    ConsentSuspended,
    ConsentVersionSuperseded,
    CoolingLengthened,
    CoolingMoved,
    CoolingStarted,
    DataConsentGiven,
    DestinationRemoved,
    GuardianshipRecorded,
    RecordReleased,
    RecordRestricted,
    SchoolDelisted,
    SpringCaseReturned,
    SuspensionLifted,
    WithdrawalReported,
)
from domain.refusal import Refusal, refuse_rows
from domain.stage_state import require_reason
from domain.time import SHANGHAI, civil

PAPER: Final = (EvidenceGrade.REGISTER, EvidenceGrade.DOCUMENT)
"""Who may consent for a child, or that a dispute has ended, is proved by a paper or a register, not by a call."""

_MEANS_OUT: Final = {
    CallbackOutcome.WANTS_TO_WITHDRAW: SuspensionReason.WITHDRAWAL_REPORTED,
    CallbackOutcome.DENIES: SuspensionReason.SIGNATURE_DENIED,
}
"""What the bureau hears that suspends a case; the family then acts for itself."""


# -- commands -------------------------------------------------------------------------------------------------------


def report_withdrawal(state: ApplicationFilingState, command: ReportWithdrawal, now: datetime) -> list[Event]:
    """Return the report of anybody that a family wants out: the case waits, and the bureau asks within a workday.

    Raises:
        Refusal: STUDENT_UNKNOWN, WITHDRAWAL_AFTER_REGISTRATION, WITHDRAWAL_ALREADY_REPORTED,
            NOTHING_TO_WITHDRAW.
    """
    case = state.case_of(command.student)  # also of a pupil who has left: who comes back finds the report there
    if case is None:
        raise Refusal(state.unknown(command.student))
    if case.registration is not None:
        raise Refusal("WITHDRAWAL_AFTER_REGISTRATION")
    if SuspensionReason.WITHDRAWAL_REPORTED in case.protocol.suspended:
        raise Refusal("WITHDRAWAL_ALREADY_REPORTED")
    if not case.consents:
        raise Refusal("NOTHING_TO_WITHDRAW")
    due = callback_day(state, civil(now))
    return [WithdrawalReported(student=command.student, channel=command.channel, callback_due=due)]


def record_callbacks(state: ApplicationFilingState, command: RecordCallbacks, now: datetime) -> list[Event]:
    """Return what the bureau has heard: all rows or none. A family that wants out, or denies, suspends its case.

    Raises:
        Refusal: SELF_APPROVAL (recorded): whoever reported a withdrawal does not call back. ROWS_REFUSED.
    """
    for row in command.rows:
        report = state.cases[row.student].protocol.report if row.student in state.cases else None
        if report is not None:
            require_other_person(command.actor, [person for person in report.by if person != "anonymous"])
    problems: list[tuple[int, str]] = []
    events: list[Event] = []
    seen: dict[str, None] = {}
    late_before = now - timedelta(days=state.policy.parameters.backdate_days)
    for number, row in enumerate(command.rows):
        case = state.cases.get(row.student)
        code: str | None = state.unknown(row.student)
        if case is not None:
            code = "STUDENT_TWICE" if row.student in seen else _callback_problem(case, row, now)
        if code is None and row.at < late_before and command.late_reason is None:
            code = "OCCURRED_TOO_LONG_AGO"
        seen[row.student] = None
        if case is None or code is not None:
            problems.append((number, code or state.unknown(row.student)))
            continue
        events += _called(state, case, row, now)
    refuse_rows(problems)
    return events


def record_guardianship(state: ApplicationFilingState, command: RecordGuardianship) -> list[Event]:
    """Return what a person is to a pupil; a signature of somebody who turns out to be no guardian suspends the case.

    Whether somebody may consent who has acknowledged or signed is the register officer's to record, from a paper. That
    a guardian is a caregiver only, no school records by word of mouth: it would take the guardian out of what is
    decided, and out of what is written to the guardians.

    Raises:
        Refusal: STUDENT_UNKNOWN, STUDENT_LEFT, PROOF_NEEDED, STANDING_BY_REGISTER, ALREADY_RECORDED.
    """
    case = _case(state, command.student)
    may, acted = command.standing in MAY_CONSENT, case.protocol.has_acted(command.person)
    takes_away = acted and not (may and case.protocol.may_consent(command.person))
    outside = command.actor.role is Role.REGISTER_OFFICER or not case.protocol.may_consent(command.person)
    by_word = command.standing is Standing.CAREGIVER and outside and command.person not in case.protocol.guardians
    if (takes_away or not by_word) and command.evidence not in PAPER:
        raise Refusal("PROOF_NEEDED")
    if takes_away and command.actor.role is not Role.REGISTER_OFFICER:
        raise Refusal("STANDING_BY_REGISTER")
    if case.protocol.guardians.get(command.person) == command.standing:
        raise Refusal("ALREADY_RECORDED")
    recorded = GuardianshipRecorded(
        student=command.student, person=command.person, standing=command.standing, evidence=command.evidence
    )
    signed = case.protocol.signer == command.person and case.registration is None
    if not signed or may or SuspensionReason.CUSTODY_DISPUTE in case.protocol.suspended:
        return [recorded]
    return [recorded, ConsentSuspended(student=command.student, reason=SuspensionReason.CUSTODY_DISPUTE)]


def suspend_consent(state: ApplicationFilingState, command: SuspendConsent) -> list[Event]:
    """Return a suspension by an office, for one of the reasons that it can have.

    Raises:
        Refusal: STUDENT_UNKNOWN, STUDENT_LEFT, REASON_REQUIRED, SUSPENSION_REASON_UNKNOWN, ALREADY_REGISTERED,
            CONSENT_SUSPENDED.
    """
    case, reason = _case(state, command.student), require_reason(command)
    known = [one.value for one in BY_OFFICES]
    if reason not in known:
        raise Refusal("SUSPENSION_REASON_UNKNOWN", allowed=known)
    if case.registration is not None:
        raise Refusal("ALREADY_REGISTERED")
    if SuspensionReason(reason) in case.protocol.suspended:
        raise Refusal("CONSENT_SUSPENDED")
    return [ConsentSuspended(student=command.student, reason=SuspensionReason(reason))]


def lift_suspension(state: ApplicationFilingState, command: LiftSuspension) -> list[Event]:
    """Return the end of what a document has settled; it signs nothing, and answers no report for the family.

    Another person than who suspended lifts (INV-21). Of several reasons those end that this person can end now.

    Raises:
        Refusal: STUDENT_UNKNOWN, STUDENT_LEFT, REASON_REQUIRED, PROOF_NEEDED, NOT_SUSPENDED, FAMILY_ANSWERS_ITSELF,
            SIGNER_NO_GUARDIAN, SELF_APPROVAL (recorded).
    """
    case, reason = _case(state, command.student), require_reason(command)
    if not case.protocol.suspended:
        raise Refusal("NOT_SUSPENDED")
    if command.evidence not in PAPER:
        raise Refusal("PROOF_NEEDED")
    ends: list[SuspensionReason] = []
    refused: list[Refusal] = []
    for one in case.protocol.suspended:
        try:
            _refuse_lift(case, command, one)
        except Refusal as refusal:
            refused.append(refusal)
        else:
            ends.append(one)
    if not ends:
        raise max(refused, key=lambda refusal: refusal.code != "FAMILY_ANSWERS_ITSELF")
    return [
        SuspensionLifted(student=command.student, suspension=one, reason=reason, evidence=command.evidence)
        for one in ends
    ]


def restrict_record(state: ApplicationFilingState, command: RestrictRecord | ReleaseRecord) -> list[Event]:
    """Return the restriction of a record, or its end (G17).

    Raises:
        Refusal: STUDENT_UNKNOWN, STUDENT_LEFT, REASON_REQUIRED, RECORD_RESTRICTED, RECORD_NOT_RESTRICTED.
    """
    case, reason = _case(state, command.student), require_reason(command)
    restrict = isinstance(command, RestrictRecord)
    if case.protocol.restricted == restrict:
        raise Refusal("RECORD_RESTRICTED" if restrict else "RECORD_NOT_RESTRICTED")
    return [(RecordRestricted if restrict else RecordReleased)(student=command.student, reason=reason)]


def bars_onward(case: Case) -> str | None:
    """Return the code of why nothing is recorded onward for this consent now; None where nothing bars it."""
    if case.protocol.suspended:
        return "CONSENT_SUSPENDED"
    if not case.signed_by_both:
        return "CONSENT_MISSING"
    return None if case.protocol.reacknowledge is None else "RE_ACKNOWLEDGEMENT_NEEDED"


def callback_day(state: ApplicationFilingState, today: date) -> date:
    """Return the day by which the bureau calls; natural days where the working days are not published."""
    days = state.policy.parameters.callback_workdays
    try:
        return state.calendar.add_working_days(today, days)
    except CalendarUnknown:
        return today + timedelta(days=days)


# -- what the events change -----------------------------------------------------------------------------------------


def evolve_consent(state: ApplicationFilingState, event: Event, occurred: datetime, by: list[str]) -> None:
    """Change the stage by what happened to a consent, to the list of schools, or by a hold.

    Args:
        state: the stage that changes.
        event: one of `CONSENT_EVENTS`; what families did themselves goes by `domain.filing_families.take`.
        occurred: when it happened.
        by: who did it, and who was stood in for.
    """
    match event:
        case CoolingLengthened(rows=rows, cut=cut):
            for row in (*rows, *cut):
                state.cases[row.student].protocol.move(row.ends, row.full)
        case CoolingMoved(rows=rows, told=told):
            for row in rows:
                state.cases[row.student].protocol.move(row.ends, row.full)
                state.cases[row.student].protocol.untold = not told
        case ApplicationWindowMoved(first=first, last=last):
            state.application_window = Window(first=first, last=last)
        case SchoolDelisted(school=school):
            state.qualified_schools = [one for one in state.qualified_schools if one != school]
        case CaseHoldNoted(hold=hold, placed=True, class_id=class_id, student=student):
            state.holds[hold] = HeldScope(class_id=class_id, student=student)
        case CaseHoldNoted(hold=hold):
            state.holds.pop(hold, None)
        case AnomalyFlagged(kind=kind, mark=mark, students=students):
            state.flags.append(Flag(kind=kind, mark=mark, students=list(students)))
        case _:
            student = getattr(event, "student", None)
            assert student is not None, "every other event is about one pupil"
            case = state.case_of(student)
            assert case is not None, "what happens to a consent happens to a case"
            take_consent(case, event, occurred, *by)


def take_consent(case: Case, event: Event, at: datetime, *people: str) -> None:
    """Change a case by what happened to its consent.

    Args:
        case: the case that changes.
        event: what happened.
        at: when it happened.
        people: who did it, and who was stood in for.
    """
    protocol = case.protocol
    match event:
        case DataConsentGiven():
            protocol.agree_to_data(people[0], at)
        case ConsentKept():
            for person in people:
                protocol.yield_objection(person)
        case ConsentObjected():
            for person in people:
                protocol.object(person)
        case CoolingStarted(ends=ends, full=full):
            protocol.cool(ends, full, at)
            if case.admitted_on is None:  # signed anew; of an admitted pupil's return only the days begin anew
                protocol.invalidated = None
        case ConsentConfirmed():
            protocol.confirmed = True
        case ConsentVersionSuperseded(now=now):
            case.supersede(now)
        case SpringCaseReturned():
            case.choose_anew()
        case DestinationRemoved(on=on, kept=kept):
            if kept:
                protocol.removed = True
                protocol.unsound = protocol.unsound or (case.admitted_on is not None and on <= case.admitted_on)
            else:
                case.sign_anew()
        case _:
            _take_suspension(case, event, at, people)


def _take_suspension(case: Case, event: Event, at: datetime, people: tuple[str, ...]) -> None:
    protocol = case.protocol
    match event:
        case WithdrawalReported(callback_due=due):
            protocol.suspend(SuspensionReason.WITHDRAWAL_REPORTED, at, [])
            protocol.report, protocol.unreached = Report(by=list(people), since=at, due=due), 0
        case ConsentSuspended(reason=reason):
            protocol.suspend(reason, at, _offices(people))
        case SuspensionLifted(suspension=ended):
            protocol.lift(ended)
            if ended is SuspensionReason.WITHDRAWAL_REPORTED:
                protocol.report = None
            if ended is SuspensionReason.GUARDIANS_DISAGREE:
                protocol.objections = []
            if case.registration is None:
                case.wait_until(at)
        case CallbackMade(purpose=purpose, outcome=outcome):
            if protocol.report is not None and purpose is CallbackPurpose.WITHDRAWAL_REPORT:
                protocol.report = protocol.report.model_copy(update={"called": True})
            if outcome is CallbackOutcome.CONFIRMED and purpose not in protocol.called:
                protocol.called = [*protocol.called, purpose]
        case CallbackUnreachable(purpose=purpose, again=again):
            protocol.unreached += 1
            report = protocol.report
            if report is None or purpose is not CallbackPurpose.WITHDRAWAL_REPORT:
                protocol.tried_enough = again is None
            else:
                changed = {"called": True} if again is None else {"due": again, "overdue": False}
                protocol.report = report.model_copy(update=changed)
        case CallbackOverdue():
            if protocol.report is not None:
                protocol.report = protocol.report.model_copy(update={"overdue": True})
        case CallbackPostponed(due=due):
            if protocol.report is not None:
                protocol.report = protocol.report.model_copy(update={"due": due, "overdue": False})
        case GuardianshipRecorded(person=person, standing=standing):
            protocol.guardians = {**protocol.guardians, person: standing}
            protocol.guardianship_by = list(dict.fromkeys([*protocol.guardianship_by, *_offices(people)]))
        case CaseInvalidated(case=touched):
            if case.application is None or case.admitted_on is None:
                case.sign_anew()
            protocol.invalidated = touched
        case CaseReinstated():
            protocol.invalidated = None
        case RecordRestricted() | RecordReleased():
            protocol.restricted = isinstance(event, RecordRestricted)
            case.wait_until(at)


# -- inside ---------------------------------------------------------------------------------------------------------


def _case(state: ApplicationFilingState, student: str) -> Case:
    case = state.cases.get(student)
    if case is None:
        raise Refusal(state.unknown(student))
    return case


def _refuse_lift(case: Case, command: LiftSuspension, reason: SuspensionReason) -> None:
    """Refuse to lift what is the family's to answer, what needs a paper of its own, and what the same person began.

    A disagreement of guardians ends by the record of a mediation. While the signer may not consent a dispute over
    custody stays, until a guardian signs in the signer's place; a pupil who is admitted already keeps the place, and
    only the count waits (`ApplicationFilingState.countable`).
    """
    protocol = case.protocol
    if reason in BY_THE_FAMILY:
        raise Refusal("FAMILY_ANSWERS_ITSELF")
    if reason is SuspensionReason.GUARDIANS_DISAGREE and command.evidence is not EvidenceGrade.DOCUMENT:
        raise Refusal("PROOF_NEEDED")
    if reason is SuspensionReason.CUSTODY_DISPUTE and not protocol.signer_stands and case.admitted_on is None:
        raise Refusal("SIGNER_NO_GUARDIAN")
    about_guardians = reason in (SuspensionReason.GUARDIANS_DISAGREE, SuspensionReason.CUSTODY_DISPUTE)
    recorded_by = protocol.guardianship_by if about_guardians else []
    require_other_person(command.actor, [*protocol.suspended_by.get(reason, []), *recorded_by])


def _offices(people: Sequence[str]) -> list[str]:
    """Return whoever is of an office: neither of a family nor the engine."""
    return [person for person in people if person != SYSTEM.id and not person.startswith(("gdn_", "cgv_", "stu_"))]


def _callback_problem(case: Case, row: CallbackRow, now: datetime) -> str | None:
    if row.at > now:
        return "OCCURRED_IN_FUTURE"
    if case.protocol.restricted:
        return "RECORD_RESTRICTED"
    report, signed = case.protocol.report, case.protocol.signed_at
    match row.purpose:
        case CallbackPurpose.WITHDRAWAL_REPORT if report is None:
            return "NO_CALLBACK_DUE"
        case CallbackPurpose.WITHDRAWAL_REPORT if report is not None and row.at < report.since:
            return "CALLBACK_TOO_EARLY"
        case CallbackPurpose.SHORT_COOLING if not case.protocol.short:
            return "NO_CALLBACK_DUE"
        case CallbackPurpose.SAMPLE if case.path in (Step.ROSTERED, Step.INTENT, Step.INFORMED):
            return "NO_CALLBACK_DUE"
        case CallbackPurpose.SAMPLE | CallbackPurpose.SHORT_COOLING if signed is not None and row.at < signed:
            return "CALLBACK_TOO_EARLY"
        case _:
            return None


def _called(state: ApplicationFilingState, case: Case, row: CallbackRow, now: datetime) -> list[Event]:
    spoken_at = row.at.astimezone(SHANGHAI)
    if row.outcome is CallbackOutcome.UNREACHABLE:
        enough = case.protocol.unreached + 1 >= state.policy.parameters.contact_attempts
        again = None if enough else callback_day(state, civil(now))
        return [CallbackUnreachable(student=row.student, purpose=row.purpose, at=spoken_at, again=again)]
    events: list[Event] = [
        CallbackMade(student=row.student, purpose=row.purpose, outcome=row.outcome, at=spoken_at),
    ]
    reason = _MEANS_OUT.get(row.outcome)
    open_to_it = case.registration is None or reason is SuspensionReason.SIGNATURE_DENIED
    if reason is not None and reason not in case.protocol.suspended and case.consents and open_to_it:
        events.append(ConsentSuspended(student=row.student, reason=reason))
    return events
