"""What application filing remembers of a school, and what it counts for others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import chain

from domain.campaign_events import GatewayKey
from domain.destination import Case, Step
from domain.policy_parameters import SpringMode
from domain.stage_state import StageState
from domain.time import end_of


class ApplicationFilingState(StageState):
    """The stage as its events make it.

    Attributes:
        year: the year of graduation, in which the reporting day and the registration deadline lie.
        qualified_schools: codes of the schools that a family can sign for.
        gateway: whose signature makes an act a family's; None in a campaign without a gateway.
        documents: the notices offered so far, the current one last.
        cases: pupil → case (INV-01).
        departed: the cases of those who have left the register, as they stood; a return goes on from there.
        deadline_passed: the registration deadline is over.
    """

    year: int = 0
    qualified_schools: list[str] = []
    gateway: GatewayKey | None = None
    documents: list[str] = []
    cases: dict[str, Case] = {}
    departed: dict[str, Case] = {}
    deadline_passed: bool = False

    @property
    def deadline(self) -> date:
        """Return the last day of registration, which itself is in time."""
        return self._day(self.policy.parameters.registration_deadline)

    @property
    def reporting_from(self) -> date:
        """Return the first day on which a pupil can have reported: no delivery before graduation (R-16, INV-12).

        Only a spring under a document of the province, with the register staying at the junior school, begins earlier.
        """
        if self.policy.parameters.spring_mode is SpringMode.COOP_ORIGIN_XUEJI:
            return date(self.year, 1, 1)
        return self._day(self.policy.parameters.reporting_month_day)

    def application_references(self, but: str | None = None) -> list[str]:
        """Return the references of applications on record, also of pupils who have left (R-18), but not one pupil's."""
        return [case.application.reference for case in self._other_cases(but) if case.application is not None]

    def register_references(self, but: str | None = None) -> list[str]:
        """Return the register's references on record, also of pupils who have left (R-18), but not one pupil's."""
        return [case.registration.reference for case in self._other_cases(but) if case.registration is not None]

    def _other_cases(self, but: str | None) -> Iterator[Case]:
        everybody = chain(self.cases.items(), self.departed.items())
        return (case for student, case in everybody if student != but)

    def no_show_at(self, admitted_on: date) -> datetime:
        """Return when an admitted pupil who has not come is a no-show.

        Days after the reporting day, or after the day of a later admission: DOMAIN §7.6, `reporting_month_day`,
        `no_show_days`.
        """
        parameters = self.policy.parameters
        base = max(self._day(parameters.reporting_month_day), admitted_on)
        return end_of(base + timedelta(days=parameters.no_show_days))

    def expected(self) -> Iterator[tuple[date, str]]:
        """Yield the pupils whom a school expects: since when, and who. Who is known to go elsewhere is not expected."""
        for student, case in self.cases.items():
            if case.admitted_on is None or case.reporting is not None or case.no_show:
                continue
            if case.found is None and not case.elsewhere:
                yield case.admitted_on, student

    def own_cases(self) -> Iterator[Case]:
        """Yield the cases that a completion waits for: everybody's but late joiners'."""
        return (case for student, case in self.cases.items() if student not in self.joined)

    def owed(self, student: str) -> str | None:
        """Return the service that is missing for a pupil, as a blocker's code."""
        return self.cases[student].owed(deadline_passed=self.deadline_passed)

    def served(self, student: str) -> bool:
        """Tell whether the service for a pupil is done: an outcome, or nothing owed after the registration deadline."""
        return self.cases[student].outcome is not None or (self.deadline_passed and self.owed(student) is None)

    def _day(self, month_day: str) -> date:
        return date.fromisoformat(f"{self.year:04d}-{month_day}")


def counted(state: ApplicationFilingState) -> dict[str, dict[str, int]]:
    """Return by class what a trial settlement looks at (DOMAIN §7.3 `countable`, R-04).

    Returns:
        `{class: {pupils, informed, countable, free_refusals}}`, without those who have left. `informed`: a guardian has
        acknowledged the notice. `countable`: registered in time; a registration stands on both signatures, as a
        withdrawal cancels it. `free_refusals`: the family's own signed no; what staff say of a call does not count.
    """
    return {
        class_id: {
            "pupils": len(students),
            "informed": sum(state.cases[student].acknowledged is not None for student in students),
            "countable": sum(_countable(state.cases[student]) for student in students),
            "free_refusals": sum(state.cases[student].declined for student in students),
        }
        for class_id, students in state.classes.items()
    }


def steps(state: ApplicationFilingState) -> dict[str, int]:
    """Return how many cases stand at which step; steps without a case are left out."""
    counts = dict.fromkeys(Step, 0)
    for case in state.cases.values():
        counts[case.step] += 1
    return {step.value: count for step, count in counts.items() if count}


def _countable(case: Case) -> bool:
    registration = case.registration
    return registration is not None and registration.in_time and case.signed_by_both and not case.conflicting
