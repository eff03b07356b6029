"""Who is in a county of a scenario: schools with their classes and staff, the bureau, a calendar, a policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from domain.actors import Actor, Role
from domain.calendar import Calendar, CalendarYear
from domain.policy import PROFILES, PolicyProfile, load_parameters
from domain.time import SHANGHAI
from registry.calendar_file import state_years
from rehearsal.families import FamilyGateway

DIGEST = "d" * 64
VOCATIONAL, OTHER_VOCATIONAL = "9900020001", "9900020002"
NOTICE = "notice-1"
FAMILIES = FamilyGateway.seeded(9)


def when(text: str) -> datetime:
    """Read "2026-05-11 09:00" as civil time of the county."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def _at_bureau(name: str, role: Role) -> Actor:
    return Actor(id=f"stf_{name}", role=role, organisation="bureau")


OFFICER = _at_bureau("officer", Role.BUREAU_OFFICER)
APPROVER = _at_bureau("approver", Role.BUREAU_APPROVER)
REGISTER = _at_bureau("register", Role.REGISTER_OFFICER)
DISCIPLINE = _at_bureau("discipline", Role.DISCIPLINE_OFFICER)
AUDITOR = _at_bureau("auditor", Role.AUDITOR)
BUREAU = (OFFICER, APPROVER, REGISTER, DISCIPLINE, AUDITOR)


@dataclass(frozen=True)
class Group:
    """A class: its pupils, and what is asked of it in autumn and in spring."""

    pupils: int
    quota: int = 0
    spring: int = 0


@dataclass(frozen=True)
class School:
    """A school of the county, with the staff that it needs."""

    code: str
    classes: Mapping[str, Group]

    @classmethod
    def of(cls, number: int, groups: Sequence[Group], *, year: int = 2026) -> Self:
        """Return the county's nth school with these classes, numbered from 01."""
        classes = {f"{year - 3}-{place:02}": group for place, group in enumerate(groups, start=1)}
        return cls(f"990001{number:04}", classes)

    @property
    def head(self) -> Actor:
        """A class head."""
        return self._person("head", Role.CLASS_HEAD)

    @property
    def leader(self) -> Actor:
        """The grade leader."""
        return self._person("leader", Role.GRADE_LEADER)

    @property
    def principal(self) -> Actor:
        """The principal."""
        return self._person("principal", Role.PRINCIPAL)

    def pupils(self, class_id: str) -> list[str]:
        """Return the references of a class's pupils."""
        return [
            f"stu_{self.code[-2:]}{class_id[-2:]}{number:04}" for number in range(1, self.classes[class_id].pupils + 1)
        ]

    @property
    def cohort(self) -> dict[str, list[str]]:
        """Return all classes with their pupils, as the registry's job answers."""
        return {class_id: self.pupils(class_id) for class_id in self.classes}

    def quotas(self, season: str) -> dict[str, int]:
        """Return the classes' quotas of a season."""
        return {class_id: getattr(group, season) for class_id, group in self.classes.items()}

    def _person(self, name: str, role: Role) -> Actor:
        return Actor(id=f"stf_{name}{self.code[-2:]}", role=role, organisation=self.code)


def receiver(code: str) -> Actor:
    """Return the person of a receiving school."""
    return Actor(id=f"stf_receiver{code[-2:]}", role=Role.RECEIVING_SCHOOL, organisation=code)


def windows(year: int, filing: str | None = None) -> dict[str, Any]:
    """Return the stages that a count looks at; the filing opens on 11 May of the year, or on `filing`."""
    return {
        "parent-meetings": {"opens": f"{year - 1}-12-01", "due": f"{year - 1}-12-31", "after": []},
        "application-filing": {"opens": filing or f"{year}-05-11", "due": f"{year}-11-20", "after": []},
        "retention": {"opens": f"{year}-10-01", "due": f"{year + 1}-03-31", "after": []},
    }


def calendar(*years: int) -> Calendar:
    """Return the state's published calendar of some years."""
    published = state_years(min(years), max(years))
    return Calendar(
        version=1,
        years={
            year: CalendarYear(holidays=state.holidays, make_up_days=state.make_up_days)
            for year, state in published.items()
        },
    )


def compliant(**parameters: Any) -> PolicyProfile:
    """Return the compliant profile, some parameters changed as a county's file changes them."""
    held = PROFILES["compliant"]
    return held.model_copy(update={"parameters": load_parameters(parameters, held.parameters)})
