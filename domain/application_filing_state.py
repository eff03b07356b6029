"""What application filing remembers of a school, and what it counts for others."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import chain
from typing import Final

from pydantic import AwareDatetime, BaseModel

from domain.campaign_events import GatewayKey
from domain.consent import PROTOCOL_SINCE, AnomalyKind
from domain.cooling import Window
from domain.destination import Application, Case, Registration, Step
from domain.events import Event
from domain.family_act import Wave
from domain.filing_overview import Line, Overview
from domain.policy_readings import WaveBy
from domain.refusal import Blocker
from domain.stage_state import StageState
from domain.time import end_of

SERVICE: Final = (
    "NOTICES_NOT_OFFERED",
    "FAMILIES_NOT_REACHED",
    "CALLBACKS_OPEN",
    "APPLICATIONS_OPEN",
    "ADMISSIONS_OPEN",
    "REPORTING_OPEN",
    "REGISTRATIONS_OPEN",
    "DESTINATIONS_CONFLICTING",
)
"""The blockers, in the order in which they are named."""


class HeldScope(BaseModel):
    """What a compliance hold covers: a pupil, a class, or, with neither, the whole school."""

    class_id: str | None = None
    student: str | None = None


class Flag(BaseModel):
    """Signatures that look as if one person had made them (R-18), and on which occasion."""

    kind: AnomalyKind
    mark: str
    students: list[str]


class ApplicationFilingState(StageState):
    """The stage as its events make it.

    Attributes:
        year: the year of graduation, in which the reporting day and the registration deadline lie.
        qualified_schools: codes of the schools that a family can sign for.
        gateway: whose signature makes an act a family's; None in a campaign without a gateway.
        documents: the notices offered so far, the current one last.
        cases: pupil → case (INV-01).
        departed: the cases of those who have left the register, as they stood; a return goes on from there.
        first_class: the class that a registered pupil who has left was in; the credit stays there (INV-10).
        deadline_passed: the registration deadline is over.
        application_window: when the official system takes applications, where that is known (R-11).
        under_14: pupils for whose data a guardian's agreement is needed (R-17).
        shared_phones: groups of pupils who have one telephone, more than a family has (R-18, edge case 8).
        holds: hold → what it covers; it is not counted, and everything else goes on (INV-30).
        flags: what looked as if one person had signed for several families.
        paused_since: since when the stage has been paused without a gap.
    """

    year: int = 0
    qualified_schools: list[str] = []
    gateway: GatewayKey | None = None
    documents: list[str] = []
    cases: dict[str, Case] = {}
    departed: dict[str, Case] = {}
    first_class: dict[str, str] = {}
    deadline_passed: bool = False
    application_window: Window | None = None
    under_14: list[str] = []
    shared_phones: list[list[str]] = []
    holds: dict[str, HeldScope] = {}
    flags: list[Flag] = []
    paused_since: AwareDatetime | None = None

    @property
    def has_protocol(self) -> bool:
        """Tell whether this stream has the cooling-off and what belongs to it; an older one goes on as it was."""
        return self.content_release >= PROTOCOL_SINCE

    @property
    def current(self) -> str | None:
        """Return the version of the notice that families get now; None where versions are not followed."""
        return self.documents[-1] if self.has_protocol and self.documents else None

    @property
    def deadline(self) -> date:
        """Return the last day of registration, which itself is in time."""
        return self._day(self.policy.parameters.registration_deadline)

    @property
    def reporting_from(self) -> date:
        """Return the first day on which a pupil can have reported: no delivery before graduation (R-16, INV-12).

        Only a spring under a document of the province, with the register staying at the junior school, begins earlier.
        """
        if self.policy.parameters.spring_delivery:
            return date(self.year, 1, 1)
        return self._day(self.policy.parameters.reporting_month_day)

    @property
    def overview(self) -> Overview:
        """Return what all cases together show, as they stand now."""
        basis = (self.deadline_passed, self.current, self.policy.parameters.cooling_off_grace_hours)
        self._overview.refresh(basis, self._classes, self._line)
        return self._overview

    def note(self, event: Event) -> None:
        """Note that an event has changed the stage: the overview looks again at the cases that it names."""
        self._overview.note(event)

    def application_references(self, but: str | None = None) -> list[str]:
        """Return the references of applications on record, also of pupils who have left (R-18), but not one pupil's."""
        here = (line.application for student, line in self.overview.lines.items() if student != but)
        left = (_reference(case.application) for case in self.departed.values())
        return [reference for reference in chain(here, left) if reference is not None]

    def register_references(self, but: str | None = None) -> list[str]:
        """Return the register's references on record, also of pupils who have left (R-18), but not one pupil's."""
        here = (line.registration for student, line in self.overview.lines.items() if student != but)
        left = (_reference(case.registration) for case in self.departed.values())
        return [reference for reference in chain(here, left) if reference is not None]

    def no_show_at(self, admitted_on: date) -> datetime:
        """Return when an admitted pupil who has not come is a no-show.

        Days after the reporting day, or after the day of a later admission: DOMAIN §7.6, `reporting_month_day`,
        `no_show_days`.
        """
        parameters = self.policy.parameters
        base = max(self._day(parameters.reporting_month_day), admitted_on)
        return end_of(base + timedelta(days=parameters.no_show_days))

    def missing(self) -> tuple[Blocker, ...]:
        """Return the service that a completion waits for: everybody's but late joiners'; never a family's yes."""
        owed = self.overview.owed
        return tuple(Blocker(code=code, count=owed[code]) for code in SERVICE if owed[code])

    def owed(self, student: str) -> str | None:
        """Return the service that is missing for a pupil, as a blocker's code."""
        return self.overview.lines[student].owed

    def countable(self, student: str, class_id: str) -> bool:
        """Tell whether a pupil counts (DOMAIN §7.3 `countable`, INV-11).

        Registered in time, both signatures valid, no records that contradict each other. From release 3 also: both
        signed before the admission, the school was on the list then, no hold, no suspension, no confirmed violation,
        and whoever signed as the guardian is on record as nobody else (G9).
        """
        case = self.cases[student]
        registration = case.registration
        if registration is None or not (registration.in_time and case.signed_by_both) or case.conflicting:
            return False
        protocol = case.protocol
        if not protocol.signer_stands:
            return False
        return not (protocol.suspended or protocol.invalidated or protocol.unsound or self.held(student, class_id))

    def held(self, student: str, class_id: str) -> bool:
        """Tell whether a compliance hold covers a pupil: the pupil's own, the class's or the whole school's."""
        return any(
            student == hold.student or (hold.student is None and hold.class_id in (None, class_id))
            for hold in self.holds.values()
        )

    def wave_of(self, student: str) -> Wave:
        """Return the season that a pupil counts for: of the delivery, or of the consent (Q12, edge case 43)."""
        case, parameters = self.cases[student], self.policy.parameters
        if parameters.wave_by is WaveBy.QUOTA:
            return case.protocol.wave or Wave.AUTUMN
        graduation = self._day(parameters.result_expires_month_day)
        return Wave.SPRING if case.reporting is not None and case.reporting.on <= graduation else Wave.AUTUMN

    def case_of(self, student: str) -> Case | None:
        """Return a pupil's case, also where the pupil has left the register; None where there is none."""
        return self.cases.get(student) or self.departed.get(student)

    def class_of(self, student: str) -> str | None:
        """Return the class that a pupil is in."""
        return next((class_id for class_id, students in self.classes.items() if student in students), None)

    def flagged(self) -> dict[str, list[AnomalyKind]]:
        """Return who must be in the bureau's sample because of an anomaly, and why (R-18, R-21)."""
        found: dict[str, list[AnomalyKind]] = {}
        for flag in self.flags:
            for student in flag.students:
                found[student] = [*found.get(student, []), flag.kind]
        return found

    @cached_property
    def _overview(self) -> Overview:
        return Overview()

    def _classes(self) -> dict[str, str]:
        """Return who is in which class, in the order of the cases."""
        found = {student: class_id for class_id, students in self.classes.items() for student in students}
        return {student: found[student] for student in self.cases}

    def _line(self, student: str, class_id: str) -> Line:
        """Return what a case shows; the service is done with an outcome, or by nothing owed after the deadline."""
        case, grace_hours = self.cases[student], self.policy.parameters.cooling_off_grace_hours
        owed = case.owed(deadline_passed=self.deadline_passed, current=self.current)
        registered = case.registration is not None
        return Line(
            class_id=class_id,
            step=case.step,
            owed=owed,
            joined=student in self.joined,
            served=case.outcome is not None or (self.deadline_passed and owed is None),
            suspended=bool(case.protocol.suspended),
            application=_reference(case.application),
            registration=_reference(case.registration),
            expected=case.expected_since,
            confirmed_at=None if registered else case.protocol.confirm_at(grace_hours),
            call_by=case.call_by,
            devices=tuple(case.protocol.devices.values()),
        )

    def _day(self, month_day: str) -> date:
        return date.fromisoformat(f"{self.year:04d}-{month_day}")


def counted(state: ApplicationFilingState) -> dict[str, dict[str, int]]:
    """Return by class what a settlement looks at (DOMAIN §7.3 `countable`, R-04).

    Returns:
        `{class: {pupils, informed, countable, free_refusals, countable_spring, countable_autumn}}`, without those who
        have left. `informed`: a guardian has acknowledged the notice. `free_refusals`: the family's own signed no; what
        staff say of a call does not count. The waves are the season of the delivery, or of the consent (Q12). A pupil
        who was registered, left and came back into another class counts for the class of the cohort (INV-10), and is
        among the pupils of the class that serves the family now.
    """
    credited: dict[str, list[str]] = {}
    for class_id, students in state.classes.items():
        for student in students:
            credited.setdefault(state.first_class.get(student, class_id), []).append(student)
    found: dict[str, dict[str, int]] = {}
    for class_id, students in state.classes.items():
        counting = (student for student in credited.get(class_id, ()) if state.countable(student, class_id))
        waves = Counter(state.wave_of(student) for student in counting)
        found[class_id] = {
            "pupils": len(students),
            "informed": sum(state.cases[student].acknowledged is not None for student in students),
            "countable": sum(waves.values()),
            "free_refusals": sum(state.cases[student].declined for student in students),
            "countable_spring": waves[Wave.SPRING],
            "countable_autumn": waves[Wave.AUTUMN],
        }
    return found


def _reference(record: Application | Registration | None) -> str | None:
    return None if record is None else record.reference


def steps(state: ApplicationFilingState) -> dict[str, int]:
    """Return how many cases stand at which step; steps without a case are left out."""
    counts = state.overview.steps
    return {step.value: counts[step] for step in Step if counts[step]}
