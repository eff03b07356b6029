"""Looking up who reads the new notices of a campaign, and which way: before anything is claimed (decision 0020)."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from activities.directory import CodeFor, RecordDirectory
from activities.turns import taking_turns
from domain.calendar import Calendar, CalendarUnknown
from domain.notices import BY_PEOPLE, PUPIL, URGENT_PURPOSES, student_of
from domain.policy_parameters import PolicyParameters
from domain.time import civil
from ledger.handover import CONTACT_TO_REPAIR, NEVER_TOLD, NO_ADDRESS, Copy, Routing, Unrouted
from ledger.store import Ledger
from notices.catalogue import TemplateError, catalogue
from notices.compose import Facts, Notice, UnsendableError, family
from notices.readers import Household, addressees
from notices.routing import Route, Ways, household_routes, keys_of, persons_route, pupils_route, staff_route
from registry.store import Registry

AT_ONCE: Final = 500
"""Rows that are looked up and written together."""

_SATURDAY: Final = 5


class Router:
    """Routes the rows of one ledger's campaigns."""

    def __init__(self, ledger: Ledger, registry: Registry, code_for: CodeFor, key: bytes) -> None:
        """Share the stores.

        Args:
            ledger: whose outbox.
            registry: who is in a household.
            code_for: answer codes; routing asks for none.
            key: of the households' digests: the registry's pepper.
        """
        self._ledger = ledger
        self._registry = registry
        self._code_for = code_for
        self._key = key

    async def route(
        self, campaign: str, ways: Ways, calendar: Calendar | None, now: datetime, *, most: int | None = None
    ) -> int:
        """Route every row that has no channel yet; again, or by somebody else at once, it changes nothing.

        Args:
            campaign: whose rows.
            ways: what the deployment has and the policy wants.
            calendar: decides whether paper comes home in time.
            now: the present.
            most: ends after about so many, None once there are no more.

        Returns:
            How many rows were looked up.
        """
        outbox = self._ledger.outbox
        quick = _before_paper(calendar, civil(now))
        count = 0
        shared: Container[str] | None = None
        while rows := await outbox.unrouted(campaign, AT_ONCE):
            if shared is None:
                shared = await self._registry.shared_addresses(campaign, ways.phone_pupils)
            directory = RecordDirectory(self._ledger, self._registry, self._code_for)
            notices = {row.notice_id: _notice(row) for row in rows}
            await directory.read(list(notices.values()))
            routings = [
                await self._routing(row, notices[row.notice_id], directory, _wished(ways, row), quick, shared)
                async for row in taking_turns(rows)
            ]
            await outbox.route([_in_time(one, row, now) for one, row in zip(routings, rows, strict=True)])
            count += len(rows)
            if len(rows) < AT_ONCE or (most is not None and count >= most):
                break
        return count

    async def _routing(
        self,
        row: Unrouted,
        notice: Notice,
        directory: RecordDirectory,
        ways: Ways,
        quick: date,
        shared: Container[str],
    ) -> Routing:
        try:
            facts = await directory.facts(notice)
            student = student_of(row.recipient)
            household = None if student is None else await family(student, directory)
            if household is None:
                routes = [await self._for_staff(notice, directory, ways)]
            else:
                routes = _in_household(row, household, facts, ways, quick)
        except UnsendableError as error:
            return Routing(row.notice_id, row.person, (), (), None, code=error.code)
        keys = () if household is None else keys_of(household, self._key, shared)
        return self._of(row, routes, facts, keys)

    def _of(self, row: Unrouted, routes: list[Route], facts: Facts, keys: tuple[str, ...]) -> Routing:
        """Give the row to the first who gets it under its own purpose; the others have copies."""
        own = next((route for route in routes if route.purpose == row.purpose), None)
        chain = () if own is None else own.chain
        code = CONTACT_TO_REPAIR if own is not None and own.to_repair else None
        if own is not None and facts.never_told(own.person):
            chain, code = (), NEVER_TOLD
        return Routing(
            notice_id=row.notice_id,
            person=row.person if own is None else own.person or row.person,
            chain=chain,
            contacts=keys,
            not_after=facts.begins,
            others=tuple(
                Copy(route.person, route.purpose, (), NEVER_TOLD)
                if facts.never_told(route.person)
                else Copy(route.person, route.purpose, route.chain)
                for route in routes
                if route is not own and route.person is not None and route.chain
            ),
            code=code if chain or code == NEVER_TOLD else NO_ADDRESS,
        )

    async def _for_staff(self, notice: Notice, directory: RecordDirectory, ways: Ways) -> Route:
        role, _, school = notice.recipient.partition("@")
        try:
            template = catalogue().find(notice.purpose)
        except TemplateError:
            raise UnsendableError("TEMPLATE_MISSING") from None
        return staff_route(await directory.staff(notice.campaign, role, school), template, ways)


def _wished(ways: Ways, row: Unrouted) -> Ways:
    return replace(ways, wish=row.wish) if row.wish else ways


def _in_time(routing: Routing, row: Unrouted, now: datetime) -> Routing:
    """Let what a person has sent again after its occasion go all the same."""
    late = row.generation and routing.not_after is not None and routing.not_after <= now
    return routing._replace(not_after=None) if late else routing


def ways_of(configured: Mapping[str, object], policy: PolicyParameters) -> Ways:
    """Return what a deployment has, its channels and people's work beside them (calls and paper), and what is wanted.

    Args:
        configured: the deployment's channels.
        policy: the campaign's parameters.
    """
    there = (*configured, *BY_PEOPLE) if configured else ()
    return Ways(there, policy.channel_order, policy.staff_channel_order, policy.phone_pupils)


def _in_household(row: Unrouted, household: Household, facts: Facts, ways: Ways, quick: date) -> list[Route]:
    if row.recipient.startswith(PUPIL):
        return [pupils_route(household.pupil, row.purpose, ways)]
    coded = facts.document is not None
    hurried = row.purpose in URGENT_PURPOSES and facts.begins is not None and civil(facts.begins) < quick
    if row.person is None:
        routes = household_routes(household, row.purpose, facts.standings, ways, coded=coded, hurried=hurried)
        return list(routes)
    readers = addressees(household, row.purpose, facts.standings, coded=coded)
    return [
        persons_route(one, row.purpose, ways, coded=coded, hurried=hurried) for one in readers if one.ref == row.person
    ]


def _before_paper(calendar: Calendar | None, today: date) -> date:
    """Return the first day of school after today: what is printed now is home after that day at the earliest."""
    day = today + timedelta(days=1)
    while not _school_day(calendar, day):
        day += timedelta(days=1)
    return day


def _school_day(calendar: Calendar | None, day: date) -> bool:
    try:
        return calendar.is_working_day(day) if calendar is not None else day.weekday() < _SATURDAY
    except CalendarUnknown:
        return day.weekday() < _SATURDAY


def _notice(row: Unrouted) -> Notice:
    return Notice(
        notice_id=row.notice_id,
        campaign=row.campaign,
        stream=row.stream,
        cause=row.cause,
        purpose=row.purpose,
        recipient=row.recipient,
        planned_at=row.planned_at,
        person=row.person,
    )
