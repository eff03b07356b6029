"""Application filing: the stage that owns a pupil's destination until the registration is verified (DOMAIN §7.3, D).

The school offers the notice and records what happens; the family decides, by acts that only its own code and the
gateway's signature can make (design, section 9). Completing waits for service, never for a yes: whoever was told and
chose otherwise, said no, has not decided or did not answer has an ordinary outcome (section 5; INV-06, INV-07).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter

from domain.actors import Role
from domain.application_filing_commands import (
    DeliverFamilyActs,
    FilingCommand,
    LiftSuspension,
    OfferNotice,
    RecordAdmissions,
    RecordApplications,
    RecordCallbacks,
    RecordContacts,
    RecordDestinations,
    RecordGuardianship,
    RecordRegistrations,
    RecordReporting,
    ReleaseRecord,
    ReportFamilyCode,
    ReportWithdrawal,
    ResolveDestination,
    RestrictRecord,
    SignConsent,
    StateIntent,
    SuspendConsent,
    WithdrawConsent,
)
from domain.application_filing_events import (
    FILING_EVENTS,
    Admitted,
    ApplicationCorrected,
    ApplicationRecorded,
    DestinationConflicting,
    DestinationCorrected,
    DestinationResolved,
    DestinationSettled,
    FamilyActRefused,
    FamilyContacted,
    FamilyEvent,
    NoShow,
    NotAdmitted,
    NoticeOffered,
    OtherDestination,
    RegistrationCancelled,
    RegistrationCorrected,
    RegistrationDeadlineReached,
    RegistrationsHandedOn,
    RegistrationVerified,
    Reported,
    ReportingCorrected,
)
from domain.application_filing_state import SERVICE, ApplicationFilingState, counted, steps
from domain.campaign_events import GatewayKey
from domain.cooling import Window
from domain.destination import Application, Case, Finding, Registration, Reporting, Step
from domain.events import Envelope, Event
from domain.filing_acts import counts_from
from domain.filing_clocks import filing_clocks, next_confirmation
from domain.filing_consent import (
    evolve_consent,
    lift_suspension,
    record_callbacks,
    record_guardianship,
    report_withdrawal,
    restrict_record,
    suspend_consent,
)
from domain.filing_consent_events import CONSENT_EVENTS, ConsentConfirmed
from domain.filing_corrections import correct_record
from domain.filing_families import decide_acts, take
from domain.filing_news import NEWS, after_new_policy, after_pause, after_return, superseded, take_in
from domain.filing_rows import (
    record_admissions,
    record_applications,
    record_contacts,
    record_destinations,
    record_registrations,
    record_reporting,
    resolve_destination,
    take_contact,
)
from domain.filing_windows import after_skip
from domain.policy import PolicyProfile
from domain.refusal import Blocker, Refusal, refuse_rows
from domain.stage import StageDecider
from domain.stage_clocks import Clock
from domain.stage_events import (
    STAGE_EVENTS,
    CorrectRecord,
    StagePaused,
    StageReopened,
    StageResumed,
    StageSlug,
    StageStatus,
    StudentEnrolled,
    StudentRemoved,
)
from domain.stage_state import DatedTodo, Todo
from domain.stream import Acted, Message, Outgoing, news
from domain.time import civil

__all__ = ["SERVICE", "ApplicationFilingDecider", "ApplicationFilingState", "counted", "steps"]

_FAMILY_ONLY: Final = (StateIntent, SignConsent, WithdrawConsent)
_PROTECTING: Final = (
    ReportWithdrawal,
    RecordCallbacks,
    RecordGuardianship,
    SuspendConsent,
    LiftSuspension,
    RestrictRecord,
    ReleaseRecord,
)
"""What holds up, asks and notes for a family's sake; no pause, stop or sign-off stands in its way."""
_RIGHTS: Final = (DeliverFamilyActs, ReportFamilyCode, *_FAMILY_ONLY, *_PROTECTING)
_LATE_FACTS: Final = (RecordReporting, RecordRegistrations, RecordDestinations, ResolveDestination)
"""What other offices learn late is recorded late, also after the school has signed off (edge case 18)."""


class ApplicationFilingDecider(StageDecider[ApplicationFilingState]):
    """The rules of application filing."""

    content_since = 2
    kind = StageSlug.APPLICATION_FILING.value
    state_type = ApplicationFilingState
    commands: TypeAdapter[Any] = TypeAdapter(FilingCommand)
    event_types = (*STAGE_EVENTS, *FILING_EVENTS, *CONSENT_EVENTS)

    def plan(self, shared: dict[str, Any], content: dict[str, Any]) -> ApplicationFilingState:
        """Make the first state: every pupil has a case; an older stream's has neither schools nor a gateway."""
        gateway, window = content.get("gateway"), content.get("application_window")
        students = [student for pupils in shared["classes"].values() for student in pupils]
        return ApplicationFilingState(
            **shared,
            year=content.get("year", shared["due"].year),
            qualified_schools=list(content.get("qualified_schools", ())),
            gateway=None if gateway is None else GatewayKey.model_validate(gateway),
            cases={student: Case() for student in students},
            application_window=None if window is None else Window.model_validate(window),
            under_14=list(content.get("under_14", ())),
            shared_phones=[list(group) for group in content.get("shared_phones", ())],
        )

    def decide(self, state: ApplicationFilingState, command: Any, now: datetime) -> Sequence[Event | Acted]:
        """Decide a command; with the end of a skip families hear what has moved meanwhile.

        Raises:
            Refusal: those of a stage and of `decide_content`.
        """
        events = super().decide(state, command, now)
        goes_on = any(isinstance(event, StageReopened) and event.was is StageStatus.SKIPPED for event in events)
        return [*events, *after_skip(state, now)] if goes_on and state.has_protocol else events

    def decide_content(self, state: ApplicationFilingState, command: Any, now: datetime) -> Sequence[Event | Acted]:
        """Decide notices, families' acts, and what schools and offices record.

        Raises:
            Refusal: FAMILY_CODE_NEEDED and CODE_* (recorded), the codes of a family's act (recorded),
                DOCUMENT_SUPERSEDED, NEWER_NOTICE_NEEDS_BUREAU, NOTICE_ALREADY_OFFERED, CLASS_UNKNOWN,
                WRONG_SCHOOL (recorded), ROWS_REFUSED with the row numbers and codes.
        """
        match command:
            case DeliverFamilyActs():
                return decide_acts(state, command, now)
            case ReportFamilyCode(code=code):
                raise Refusal(code, recorded=True)
            case StateIntent() | SignConsent() | WithdrawConsent():
                raise Refusal("FAMILY_CODE_NEEDED", recorded=True)
            case OfferNotice():
                return self._offer(state, command)
            case RecordContacts():
                return record_contacts(state, command, now)
            case RecordApplications():
                return record_applications(state, command)
            case RecordAdmissions():
                return record_admissions(state, command)
            case RecordReporting():
                return record_reporting(state, command, now)
            case RecordRegistrations():
                return record_registrations(state, command, now)
            case RecordDestinations():
                return record_destinations(state, command)
            case ResolveDestination():
                return resolve_destination(state, command)
            case _ if isinstance(command, _PROTECTING):
                return self._protect(state, command, now)
            case _:
                return super().decide_content(state, command, now)

    def absorb(self, state: ApplicationFilingState, message: Message, now: datetime) -> list[Event]:
        """Take in news; a return begins a cooling-off anew, the end of a pause gives those that it held more time."""
        events = super().absorb(state, message, now)
        if state.has_protocol:
            joined = [one for one in events if isinstance(one, StudentEnrolled)]
            events = [*events, *(anew for one in joined for anew in after_return(state, one, now))]
        ends = message.kind == "resume" and bool(events) and state.paused == [message.data["scope"]]
        return [*events, *after_pause(state, now)] if ends and state.has_protocol else events

    def absorb_content(self, state: ApplicationFilingState, message: Message, now: datetime) -> list[Event]:
        """Take in what the campaign says of schools, holds and violations; an older stream does not know of these."""
        if message.kind not in NEWS:
            return super().absorb_content(state, message, now)
        return take_in(state, message.kind, message.data, now) if state.has_protocol else []

    def policy_changed(self, state: ApplicationFilingState, profile: PolicyProfile) -> list[Event]:
        """Return what a new policy means for consents that rest on the old one (R-16, edge case 42)."""
        return after_new_policy(state, profile) if state.has_protocol else []

    def evolve(self, state: ApplicationFilingState | None, event: Event, envelope: Envelope) -> ApplicationFilingState:
        """Apply an event; for a pupil who was away, whatever waited goes on from the return."""
        removed = event.student if isinstance(event, StudentRemoved) and state is not None else None
        was_in = None if removed is None or state is None else state.class_of(removed)
        state = super().evolve(state, event, envelope)
        occurred = datetime.fromisoformat(envelope["occurred_at"])
        match event:
            case StudentEnrolled(student=student):
                case = state.cases[student]
                if state.has_protocol:
                    case.wait_until(occurred)
                else:
                    case.expect_from(civil(occurred))
                if getattr(event, "under_14", False) and student not in state.under_14:
                    state.under_14.append(student)
            case StudentRemoved(student=student) if state.has_protocol and was_in is not None:
                if state.departed[student].registration is not None:
                    state.first_class.setdefault(student, was_in)
            case StagePaused() if state.has_protocol:
                state.paused_since = state.paused_since or occurred
            case StageResumed() if not state.paused:
                state.paused_since = None
        state.note(event)
        return state

    def evolve_content(self, state: ApplicationFilingState, event: Event, envelope: Envelope) -> ApplicationFilingState:
        """Apply one of the stage's own events."""
        occurred, version = datetime.fromisoformat(envelope["occurred_at"]), envelope["version"]
        by = _recorders(envelope)
        match event:
            case FamilyEvent():
                _take_act(state, event, envelope)
            case RegistrationCancelled() | FamilyActRefused() | RegistrationsHandedOn():
                pass  # the withdrawal has cancelled; a refused act changes nothing; the school's stream takes the rest
            case NoticeOffered(student=student, document=document):
                if document not in state.documents:
                    state.documents.append(document)
                case = state.cases[student]
                case.offered, case.offered_on = document, civil(occurred)
            case FamilyContacted(student=student):
                take_contact(state.cases[student], event)
            case DestinationSettled(student=student):
                state.cases[student].no_answer = True
            case ApplicationRecorded(student=student, reference=reference):
                state.cases[student].apply(Application(reference=reference, version=version))
            case Admitted(student=student):
                case = state.cases[student]
                case.admitted_on = civil(occurred)
                if state.has_protocol:
                    case.protocol.admit(occurred)
            case NotAdmitted(student=student):
                state.cases[student].not_admitted()
            case Reported(student=student, on=on):
                state.cases[student].report(Reporting(on=on, version=version, by=by))
            case NoShow(student=student):
                state.cases[student].no_show = True
            case RegistrationVerified(student=student, register_ref=reference, on=on, in_time=in_time):
                verified_at = datetime.fromisoformat(envelope["recorded_at"])
                registration = Registration(
                    reference=reference, on=on, in_time=in_time, version=version, verified_at=verified_at
                )
                state.cases[student].register(registration)
            case RegistrationDeadlineReached():
                state.deadline_passed = True
            case OtherDestination(student=student, destination=destination, evidence=evidence):
                found = Finding(destination=destination, evidence=evidence, version=version, by=by)
                state.cases[student].other = found
            case DestinationConflicting(student=student, found=destination, found_evidence=evidence):
                found = Finding(destination=destination, evidence=evidence, version=version, by=by)
                state.cases[student].found = found
            case DestinationResolved(student=student, destination=destination, evidence=evidence):
                found = Finding(destination=destination, evidence=evidence, version=version, by=by)
                state.cases[student].resolve(found)
            case _ if isinstance(event, CONSENT_EVENTS):
                evolve_consent(state, event, occurred, by)
            case _:
                return self._evolve_correction(state, event, envelope)
        return state

    def missing(self, state: ApplicationFilingState) -> tuple[Blocker, ...]:
        """Return the service that is missing; never a family's yes."""
        return state.missing()

    def progress(self, state: ApplicationFilingState) -> dict[str, dict[str, int]]:
        """Return, by class, for how many pupils the service is done: whichever the outcome."""
        served = state.overview.served
        return {
            class_id: {"done": served[class_id], "of": len(students)} for class_id, students in state.classes.items()
        }

    def work(self, state: ApplicationFilingState) -> list[Todo]:
        """Return the pupils to whom a service is owed."""
        if state.status not in (StageStatus.OPEN, StageStatus.COMPLETED):
            return []
        lines, late = state.overview.lines, self._listed_late(state)
        return [
            _todo(class_id, student, code, state.cases[student])
            for class_id, students in state.classes.items()
            for student in students
            if (code := lines[student].owed) is not None and (state.listed(student) or code in late)
        ]

    def after_completion(self, state: ApplicationFilingState, command: Any) -> bool:
        """Let through what is about late joiners only, and the facts that come late."""
        match command:
            case OfferNotice(students=students):
                return bool(students) and all(student in state.joined for student in students)
            case RecordApplications() | RecordAdmissions() if state.has_protocol:
                return True  # a consent may be confirmed after the sign-off; its way is not cut off
            case RecordContacts(rows=rows) | RecordApplications(rows=rows) | RecordAdmissions(rows=rows):
                return all(row.student in state.joined for row in rows)
            case _:
                return isinstance(command, _LATE_FACTS)

    def is_right(self, command: Any) -> bool:
        """Let families' acts through whatever holds the stage, and keep every attempt to act for them."""
        return isinstance(command, _RIGHTS)

    def content_clocks(self, state: ApplicationFilingState) -> Iterator[Clock]:
        """Yield the no-show days, the registration deadline and what the protocol adds (DOMAIN §7.6)."""
        yield from filing_clocks(state)

    def on_due(self, state: ApplicationFilingState, instant: datetime) -> list[Event]:
        """Return what the earliest clock fires; consents of one instant are confirmed together (edge case 41)."""
        events = super().on_due(state, instant)
        confirmed = next_confirmation(state) if isinstance(events[0], ConsentConfirmed) else None
        return events if confirmed is None else [ConsentConfirmed(student=student) for student in confirmed[1]()]

    def outgoing(self, state: ApplicationFilingState, event: Event, envelope: Envelope) -> list[Outgoing]:
        """Hand registered pupils on to the school, which passes them to retention; and take back what was cancelled.

        Retention hears of a corrected registration too, and of a registered pupil who has left and come back: it has
        dropped whom it followed, and begins anew from the registration that stands.
        """
        school = f"{state.campaign}/{state.school}"
        match event:
            case RegistrationsHandedOn():
                rows = event.model_dump(mode="json")["rows"]
                return [news(school, "registered", envelope, rows=rows)]
            case RegistrationCorrected(student=student) | StudentEnrolled(student=student):
                rows = _registered(student, state.cases.get(student))
                return [news(school, "registered", envelope, rows=rows)] if rows else []
            case RegistrationCancelled(student=student):
                return [news(school, "registration_cancelled", envelope, student=student)]
            case _:
                return super().outgoing(state, event, envelope)

    def content_view(self, state: ApplicationFilingState) -> dict[str, Any]:
        """Return how many cases stand at which step, and where the protocol holds how many wait, and what is held."""
        if not state.has_protocol:
            return {"steps": steps(state)}
        suspended = state.overview.suspended
        return {"steps": steps(state), "suspended": suspended, "holds": len(state.holds), "flags": len(state.flags)}

    def enrol(self, state: ApplicationFilingState, student: str) -> None:
        """Open a late joiner's case, or the case of a pupil who has come back: it goes on where it stood."""
        case = state.departed.pop(student, None)
        if case is not None:
            case.come_back()
        state.cases[student] = case or Case()

    def remove(self, state: ApplicationFilingState, student: str) -> None:
        """Put the case aside: no notice, no list and no clock names the pupil any more, until the pupil comes back."""
        case = state.cases.pop(student, None)
        if case is not None:
            state.departed[student] = case

    def correct(self, state: ApplicationFilingState, command: CorrectRecord, now: datetime) -> list[Event]:
        """Correct a reference, a day, a registration or another destination; never a family's act.

        Raises:
            Refusal: NOT_CORRECTABLE and those of `domain.filing_corrections`.
        """
        corrected = correct_record(state, command, now)
        return super().correct(state, command, now) if corrected is None else [corrected]

    # -- inside -----------------------------------------------------------------------------------------------

    def _offer(self, state: ApplicationFilingState, command: OfferNotice) -> list[Event]:
        """Offer a notice. The school offers the version in use; a newer one overtakes what families have signed.

        So only the bureau brings a newer version in, and it overtakes nothing of a family that it is not offered to.
        """
        document = command.document
        if document in state.documents[:-1]:
            raise Refusal("DOCUMENT_SUPERSEDED", document=state.documents[-1])
        newer = state.has_protocol and bool(state.documents) and document not in state.documents
        if newer and command.actor.role is not Role.BUREAU_OFFICER:
            raise Refusal("NEWER_NOTICE_NEEDS_BUREAU", document=state.documents[-1])
        unknown = [class_id for class_id in command.classes if class_id not in state.classes]
        if unknown:
            raise Refusal("CLASS_UNKNOWN", classes=unknown)
        refuse_rows(
            [(number, state.unknown(name)) for number, name in enumerate(command.students) if name not in state.cases]
        )
        refuse_rows(
            [
                (number, "RECORD_RESTRICTED")
                for number, name in enumerate(command.students)
                if state.cases[name].protocol.restricted
            ]
        )
        named = command.students or [name for class_id in command.classes for name in state.classes[class_id]]
        fresh = [
            student
            for student in dict.fromkeys(named)
            if state.cases[student].offered != document
            and state.cases[student].path is not Step.REGISTERED
            and not state.cases[student].protocol.restricted
        ]
        if not fresh:
            raise Refusal("NOTICE_ALREADY_OFFERED", document=document)
        older = superseded(state, document, fresh) if state.has_protocol else []
        return [*older, *(NoticeOffered(student=student, document=document) for student in fresh)]

    def _protect(self, state: ApplicationFilingState, command: Any, now: datetime) -> list[Event]:
        if not state.has_protocol:
            raise Refusal("NOT_IN_THIS_RELEASE")
        match command:
            case ReportWithdrawal():
                return report_withdrawal(state, command, now)
            case RecordCallbacks():
                return record_callbacks(state, command, now)
            case RecordGuardianship():
                return record_guardianship(state, command)
            case SuspendConsent():
                return suspend_consent(state, command)
            case LiftSuspension():
                return lift_suspension(state, command)
            case _:
                return restrict_record(state, command)

    def _listed_late(self, state: ApplicationFilingState) -> tuple[str, ...]:
        """Return the work that is listed also after the sign-off."""
        late = ("APPLICATIONS_OPEN", "ADMISSIONS_OPEN", "CALLBACKS_OPEN") if state.has_protocol else ()
        return ("DESTINATIONS_CONFLICTING", *late)

    def _evolve_correction(
        self, state: ApplicationFilingState, event: Event, envelope: Envelope
    ) -> ApplicationFilingState:
        version = envelope["version"]
        match event:
            case ApplicationCorrected(student=student, reference=reference):
                state.cases[student].application = Application(reference=reference, version=version)
            case ReportingCorrected(student=student, on=on):
                case = state.cases[student]
                assert case.reporting is not None, "only a recorded reporting is corrected"
                by = _united(case.reporting.by, envelope)
                case.reporting = Reporting(on=on, version=version, by=by)
            case RegistrationCorrected(student=student, register_ref=reference, on=on, in_time=in_time):
                case = state.cases[student]
                assert case.registration is not None, "only a recorded registration is corrected"
                changed = {"reference": reference, "on": on, "in_time": in_time, "version": version}
                case.registration = case.registration.model_copy(update=changed)
            case DestinationCorrected(student=student, destination=destination, evidence=evidence):
                case = state.cases[student]
                assert case.other is not None, "only a recorded destination is corrected"
                by = _united(case.other.by, envelope)
                case.other = Finding(destination=destination, evidence=evidence, version=version, by=by)
            case _:
                return super().evolve_content(state, event, envelope)
        return state


def _todo(class_id: str, student: str, code: str, case: Case) -> Todo:
    """Return a line of the work list, with its day where the family asked to be called on one (FEATURES S10)."""
    if case.call_back_on is None or code not in ("FAMILIES_NOT_REACHED", "APPLICATIONS_OPEN"):
        return Todo(class_id=class_id, student=student, code=code)
    return DatedTodo(class_id=class_id, student=student, code=code, on=case.call_back_on)


def _take_act(state: ApplicationFilingState, event: FamilyEvent, envelope: Envelope) -> None:
    """Change the case of a family that has acted, also where the pupil has left."""
    case = state.case_of(event.student)
    assert case is not None, "a family acts on a case"
    said = datetime.fromisoformat(envelope["occurred_at"])
    counts = counts_from(state, event, said, datetime.fromisoformat(envelope["recorded_at"]))
    take(case, event, counts, envelope["actor"]["id"], said=said)


def _recorders(envelope: Envelope) -> list[str]:
    """Return the persons behind an event: who did it, and who was stood in for."""
    actor = envelope["actor"]
    return [person for person in (actor["id"], actor["on_behalf_of"]) if person is not None]


def _united(before: Sequence[str], envelope: Envelope) -> list[str]:
    """Return everybody who had a hand in a record: a correction does not wash the first recorder off (INV-21)."""
    return list(dict.fromkeys([*before, *_recorders(envelope)]))


def _registered(student: str, case: Case | None) -> list[dict[str, str]]:
    if case is None or case.registration is None or case.school is None:
        return []
    return [{"student": student, "school": case.school, "on": case.registration.on.isoformat()}]
