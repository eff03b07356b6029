"""Application filing: the stage that owns a pupil's destination until the registration is verified (DOMAIN §7.3, D).

The school offers the notice and records what happens; the family decides, by acts that only its own code and the
gateway's signature can make (design, section 9). Completing waits for service, never for a yes: whoever was told and
chose otherwise, said no, has not decided or did not answer has an ordinary outcome (section 5; INV-06, INV-07).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from operator import itemgetter
from typing import Any, Final

from pydantic import TypeAdapter

from domain.application_filing_commands import (
    DeliverFamilyActs,
    FilingCommand,
    OfferNotice,
    RecordAdmissions,
    RecordApplications,
    RecordContacts,
    RecordDestinations,
    RecordRegistrations,
    RecordReporting,
    ReportFamilyCode,
    ResolveDestination,
    SignConsent,
    StateIntent,
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
from domain.application_filing_state import ApplicationFilingState, counted, steps
from domain.campaign_events import GatewayKey
from domain.destination import Application, Case, Finding, Registration, Reporting, Step
from domain.events import Envelope, Event
from domain.filing_corrections import correct_record
from domain.filing_families import decide_acts, take
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
from domain.refusal import Blocker, Refusal, refuse_rows
from domain.stage import StageDecider
from domain.stage_clocks import Clock
from domain.stage_events import STAGE_EVENTS, CorrectRecord, StageSlug, StageStatus, StudentEnrolled
from domain.stage_state import Todo
from domain.stream import Acted, Outgoing, news
from domain.time import civil, end_of

__all__ = ["ApplicationFilingDecider", "ApplicationFilingState", "counted", "steps"]

SERVICE: Final = (
    "NOTICES_NOT_OFFERED",
    "FAMILIES_NOT_REACHED",
    "APPLICATIONS_OPEN",
    "ADMISSIONS_OPEN",
    "REPORTING_OPEN",
    "REGISTRATIONS_OPEN",
    "DESTINATIONS_CONFLICTING",
)
"""The blockers, in the order in which they are named."""

_FAMILY_ONLY: Final = (StateIntent, SignConsent, WithdrawConsent)
_RIGHTS: Final = (DeliverFamilyActs, ReportFamilyCode, *_FAMILY_ONLY)
_LATE_FACTS: Final = (RecordReporting, RecordRegistrations, RecordDestinations, ResolveDestination)
"""What other offices learn late is recorded late, also after the school has signed off (edge case 18)."""


class ApplicationFilingDecider(StageDecider[ApplicationFilingState]):
    """The rules of application filing."""

    content_since = 2
    kind = StageSlug.APPLICATION_FILING.value
    state_type = ApplicationFilingState
    commands: TypeAdapter[Any] = TypeAdapter(FilingCommand)
    event_types = (*STAGE_EVENTS, *FILING_EVENTS)

    def plan(self, shared: dict[str, Any], content: dict[str, Any]) -> ApplicationFilingState:
        """Make the first state: every pupil has a case; an older stream's has neither schools nor a gateway."""
        gateway = content.get("gateway")
        students = [student for pupils in shared["classes"].values() for student in pupils]
        return ApplicationFilingState(
            **shared,
            year=content.get("year", shared["due"].year),
            qualified_schools=list(content.get("qualified_schools", ())),
            gateway=None if gateway is None else GatewayKey.model_validate(gateway),
            cases={student: Case() for student in students},
        )

    def decide_content(self, state: ApplicationFilingState, command: Any, now: datetime) -> Sequence[Event | Acted]:
        """Decide notices, families' acts, and what schools and offices record.

        Raises:
            Refusal: FAMILY_CODE_NEEDED and CODE_* (recorded), the codes of a family's act (recorded),
                DOCUMENT_SUPERSEDED, NOTICE_ALREADY_OFFERED, CLASS_UNKNOWN, WRONG_SCHOOL (recorded),
                ROWS_REFUSED with the row numbers and codes.
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
            case _:
                return super().decide_content(state, command, now)

    def evolve(self, state: ApplicationFilingState | None, event: Event, envelope: Envelope) -> ApplicationFilingState:
        """Apply an event; the school expects a pupil who was admitted, left and came back from the return on."""
        state = super().evolve(state, event, envelope)
        if isinstance(event, StudentEnrolled):
            state.cases[event.student].expect_from(civil(datetime.fromisoformat(envelope["occurred_at"])))
        return state

    def evolve_content(self, state: ApplicationFilingState, event: Event, envelope: Envelope) -> ApplicationFilingState:
        """Apply one of the stage's own events."""
        occurred, version = datetime.fromisoformat(envelope["occurred_at"]), envelope["version"]
        by = _recorders(envelope)
        match event:
            case FamilyEvent():
                take(state.cases[event.student], event, occurred)
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
                state.cases[student].admitted_on = civil(occurred)
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
            case _:
                return self._evolve_correction(state, event, envelope)
        return state

    def missing(self, state: ApplicationFilingState) -> tuple[Blocker, ...]:
        """Return the service that is missing; never a family's yes."""
        owed = Counter(case.owed(deadline_passed=state.deadline_passed) for case in state.own_cases())
        return tuple(Blocker(code=code, count=owed[code]) for code in SERVICE if owed[code])

    def progress(self, state: ApplicationFilingState) -> dict[str, dict[str, int]]:
        """Return, by class, for how many pupils the service is done: whichever the outcome."""
        return {
            class_id: {
                "done": sum(state.served(student) for student in students),
                "of": len(students),
            }
            for class_id, students in state.classes.items()
        }

    def work(self, state: ApplicationFilingState) -> list[Todo]:
        """Return the pupils to whom a service is owed."""
        if state.status not in (StageStatus.OPEN, StageStatus.COMPLETED):
            return []
        return [
            Todo(class_id=class_id, student=student, code=code)
            for class_id, students in state.classes.items()
            for student in students
            if (code := state.owed(student)) is not None
            and (state.listed(student) or code == "DESTINATIONS_CONFLICTING")
        ]

    def after_completion(self, state: ApplicationFilingState, command: Any) -> bool:
        """Let through what is about late joiners only, and the facts that come late."""
        match command:
            case OfferNotice(students=students):
                return bool(students) and all(student in state.joined for student in students)
            case RecordContacts(rows=rows) | RecordApplications(rows=rows) | RecordAdmissions(rows=rows):
                return all(row.student in state.joined for row in rows)
            case _:
                return isinstance(command, _LATE_FACTS)

    def is_right(self, command: Any) -> bool:
        """Let families' acts through whatever holds the stage, and keep every attempt to act for them."""
        return isinstance(command, _RIGHTS)

    def content_clocks(self, state: ApplicationFilingState) -> Iterator[Clock]:
        """Yield the no-show days and the registration deadline (DOMAIN §7.6)."""
        if not state.deadline_passed:
            yield end_of(state.deadline), partial(_deadline_reached, state)
        first = min(state.expected(), default=None, key=itemgetter(0))  # one clock: the school may have 1,600 pupils
        if first is not None:
            admitted_on, student = first
            yield state.no_show_at(admitted_on), partial(NoShow, student=student)

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
        """Return how many cases stand at which step."""
        return {"steps": steps(state)}

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
        document = command.document
        if document in state.documents[:-1]:
            raise Refusal("DOCUMENT_SUPERSEDED", document=state.documents[-1])
        unknown = [class_id for class_id in command.classes if class_id not in state.classes]
        if unknown:
            raise Refusal("CLASS_UNKNOWN", classes=unknown)
        refuse_rows(
            [(number, state.unknown(name)) for number, name in enumerate(command.students) if name not in state.cases]
        )
        named = command.students or [name for class_id in command.classes for name in state.classes[class_id]]
        fresh = [
            student
            for student in dict.fromkeys(named)
            if state.cases[student].offered != document and state.cases[student].path is not Step.REGISTERED
        ]
        if not fresh:
            raise Refusal("NOTICE_ALREADY_OFFERED", document=document)
        return [NoticeOffered(student=student, document=document) for student in fresh]

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


def _deadline_reached(state: ApplicationFilingState) -> RegistrationDeadlineReached:
    return RegistrationDeadlineReached(open=sum(case.path is Step.REPORTED for case in state.cases.values()))
