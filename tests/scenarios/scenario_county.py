"""What families, schools and offices do in a scenario, each act by who has to do it (DOMAIN §7.3, §9b).

Families sign by the gateway's key, pupil and guardian each; what a scenario counts, somebody has really done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from scenario_campaign import Campaign
from scenario_people import FAMILIES, NOTICE, REGISTER, VOCATIONAL, School, receiver

from domain.actors import GATEWAY, Actor


class County(Campaign):
    """A campaign whose people act."""

    async def inform(self, school: School) -> None:
        """Hold a meeting of all classes to which all households come (G5)."""
        classes = [class_id for class_id, group in school.classes.items() if group.pupils]
        stage = f"{school.code}/parent-meetings"
        await self.do(stage, "schedule_session", school.head, session="s1", classes=classes, at=self.now)
        rows = [{"student": pupil, "attended": True, "by": "guardian"} for pupil in self.all_of(school)]
        for some in _lists(rows):
            await self.do(stage, "record_attendance", school.head, session="s1", rows=some)

    def all_of(self, school: School) -> list[str]:
        """Return all pupils of a school."""
        return [pupil for class_id in school.classes for pupil in school.pupils(class_id)]

    async def offer(self, school: School) -> None:
        """Offer the notice to every family of a school."""
        classes = [class_id for class_id, group in school.classes.items() if group.pupils]
        await self.do(
            f"{school.code}/application-filing", "offer_notice", school.head, document=NOTICE, classes=classes
        )

    def act(
        self, school: School, student: str, party: str, act: str, at: datetime | None = None, **said: Any
    ) -> dict[str, Any]:
        """Return what a family does, signed as the gateway signs what came with the family's own code."""
        guardian = student.replace("stu_", "gdn_")
        return FAMILIES.sign(
            {
                "act_id": f"act_{next(self._numbers):010}",
                "act": act,
                "campaign": self.campaign,
                "school": school.code,
                "student": student,
                "party": party,
                "person": student if party == "pupil" else guardian,
                "document": NOTICE,
                "intent": None,
                "destination": None,
                "at": at or self.now,
                **said,
            }
        )

    async def family(self, school: School, student: str, party: str, act: str, **said: Any) -> None:
        """Let one person of a family do something that is taken."""
        await self._deliver(school, [self.act(school, student, party, act, **said)])

    async def family_refused(self, school: School, student: str, party: str, act: str, **said: Any) -> str:
        """Let one person of a family do something that is refused; the refusal stands in the record."""
        acts = [self.act(school, student, party, act, **said)]
        return await self.refused(f"{school.code}/application-filing", "deliver_family_acts", GATEWAY, acts=acts)

    async def answer(self, school: School, students: Iterable[str], intent: str) -> None:
        """Let families say what they want, and the guardians that they have read the notice."""
        acts = []
        for student in students:
            acts.append(self.act(school, student, "pupil", "intent", intent=intent))
            acts.append(self.act(school, student, "guardian", "acknowledge"))
        await self._deliver(school, acts)

    async def sign(
        self, school: School, students: Sequence[str], to: str | Mapping[str, str] = VOCATIONAL, **said: Any
    ) -> None:
        """Let pupil and guardian of each family sign, family after family, a minute each.

        Args:
            school: the sending school.
            students: in the order in which they sign; the last one a minute ago.
            to: the receiving school, or each pupil's.
            said: what else their signatures say.
        """
        acts = []
        for place, student in enumerate(students):
            at = self.now - timedelta(minutes=len(students) - place)
            signed = {"destination": to if isinstance(to, str) else to[student], **said}
            acts += [self.act(school, student, party, "sign", at, **signed) for party in ("pupil", "guardian")]
        await self._deliver(school, acts)

    async def refuse(self, school: School, students: Iterable[str]) -> None:
        """Let guardians say no."""
        await self._deliver(school, [self.act(school, student, "guardian", "refuse") for student in students])

    async def apply(self, school: School, students: Sequence[str], to: str = VOCATIONAL) -> None:
        """Record applications."""
        rows = [{"student": pupil, "school": to, "reference": f"APP-{pupil[4:]}"} for pupil in students]
        await self._rows(school, "record_applications", school.head, rows)

    async def admit(self, school: School, students: Sequence[str], to: str = VOCATIONAL) -> None:
        """Record that the receiving school admits them."""
        rows = [{"student": pupil, "school": to, "result": "admitted"} for pupil in students]
        await self._rows(school, "record_admissions", receiver(to), rows)

    async def report(self, school: School, students: Sequence[str], to: str = VOCATIONAL) -> None:
        """Record that they have come to the receiving school."""
        day = self.now.date().isoformat()
        rows = [{"student": pupil, "school": to, "on": day} for pupil in students]
        await self._rows(school, "record_reporting", receiver(to), rows)

    async def register(self, school: School, students: Sequence[str], to: str = VOCATIONAL) -> None:
        """Record that the bureau has found them in the vocational register."""
        day = self.now.date().isoformat()
        rows = [{"student": pupil, "school": to, "register_ref": f"REG-{pupil[4:]}", "on": day} for pupil in students]
        await self._rows(school, "record_registrations", REGISTER, rows)

    async def _deliver(self, school: School, acts: Sequence[dict[str, Any]]) -> None:
        for some in _lists(acts, 200):
            await self.do(f"{school.code}/application-filing", "deliver_family_acts", GATEWAY, acts=some)
        refused = self.events(f"{school.code}/application-filing", "FamilyActRefused")
        assert not refused, refused[-1]

    async def _rows(self, school: School, kind: str, who: Actor, rows: Sequence[dict[str, Any]]) -> None:
        for some in _lists(rows):
            await self.do(f"{school.code}/application-filing", kind, who, rows=some)


async def registered(
    county: County, taken: Mapping[str, Sequence[str]], *, refusing: Mapping[str, Sequence[str]] | None = None
) -> None:
    """Take pupils the whole way, from May to October, by the days of an ordinary year.

    Args:
        county: before its December meetings.
        taken: school → the pupils who will be registered.
        refusing: school → the pupils whose guardians read the notice and say no.
    """
    year = county.campaign[-4:]
    schools = [county.schools[code] for code in taken]
    await county.to(f"{int(year) - 1}-12-02 19:00")
    for school in schools:
        await county.inform(school)
    await county.to(f"{year}-05-11 09:00")
    for school in schools:
        await county.offer(school)
        await county.answer(school, taken[school.code], "VOCATIONAL")
        await county.answer(school, (refusing or {}).get(school.code, ()), "UNDECIDED")
    await county.to(f"{year}-05-13 18:00")
    for code, students in (refusing or {}).items():
        await county.refuse(county.schools[code], students)
    for school in schools:
        await county.sign(school, taken[school.code])
    await to_the_register(county, taken)


async def to_the_register(county: County, taken: Mapping[str, Sequence[str]]) -> None:
    """Take signed consents through the cooling-off to application, admission, reporting and registration."""
    year = county.campaign[-4:]
    steps = (
        ("06-25 10:00", County.apply),
        ("07-20 10:00", County.admit),
        ("09-01 18:00", County.report),
        ("10-12 10:00", County.register),
    )
    for day, step in steps:
        await county.to(f"{year}-{day}")
        for code, students in taken.items():
            await step(county, county.schools[code], students)


def _lists(rows: Sequence[dict[str, Any]], most: int = 500) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(rows), most):
        yield list(rows[start : start + most])
