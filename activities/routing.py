"""Looking up who reads the new notices of a campaign, and which way: before anything is claimed (decision 0020)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from activities.directory import CodeFor, RecordDirectory
from activities.turns import taking_turns
from domain.calendar import Calendar, CalendarUnknown
from domain.notices import BY_PEOPLE, PUPIL, URGENT_PURPOSES, student_of
from domain.policy_parameters import PolicyParameters
from domain.time import civil
from ledger.handover import CONTACT_TO_REPAIR, NEVER_TOLD, NO_ADDRESS, Copy, Routing, Unrouted
from ledger.outbox import Outbox
from ledger.store import Ledger
from notices.catalogue import TemplateError, catalogue
from notices.compose import Facts, Notice, UnsendableError, family
from notices.readers import Household, addressees
from notices.routing import Route, Ways, household_routes, keys_of, persons_route, pupils_route, staff_route
from registry.store import Registry

AT_ONCE: Final = 500
"""Rows that are looked up and written together."""

_SATURDAY: Final = 5


class Sought(NamedTuple):
    """What decides about the ways of rows, beside the rows themselves.

    Attributes:
        ways: what the deployment has and the policy wants.
        quick: the first day on which what is printed now is home.
        now: the present.
        shared: addresses that are too many households' to tell one of them.
    """

    ways: Ways
    quick: date
    now: datetime
    shared: Container[str]


Routings = Callable[[Sequence[Unrouted], Sought], Awaitable[list[Routing]]]
"""Returns who reads each of some rows, in their order."""


class Progress:
    """Tells whoever sends while rows are routed that there are more of them."""

    def __init__(self) -> None:
        """Begin without any news, and without anybody who would have some."""
        self._news = asyncio.Event()
        self.going_on = False
        """Whether rows are being routed."""

    def begin(self) -> None:
        """Say that routing has begun."""
        self.going_on = True

    def news(self) -> None:
        """Say that more rows are routed."""
        self._news.set()

    def end(self) -> None:
        """Say that no more rows will be."""
        self.going_on = False
        self._news.set()

    async def more(self) -> bool:
        """Wait until there are more rows than at the last question; False where there will be none."""
        if not self.going_on and not self._news.is_set():
            return False
        await self._news.wait()
        self._news.clear()
        return True


class Router:
    """Routes the rows of one ledger's campaigns."""

    def __init__(self, outbox: Outbox, registry: Registry, routings: Routings) -> None:
        """Share the stores.

        Args:
            outbox: the notices.
            registry: which addresses are shared.
            routings: who reads them.
        """
        self._outbox = outbox
        self._registry = registry
        self._routings = routings

    async def route(
        self,
        campaign: str,
        ways: Ways,
        calendar: Calendar | None,
        now: datetime,
        *,
        first: int = AT_ONCE,
        most: int | None = None,
        progress: Progress | None = None,
    ) -> int:
        """Route every row that has no channel yet; again, or by somebody else at once, it changes nothing.

        Args:
            campaign: whose rows.
            ways: what the deployment has and the policy wants.
            calendar: decides whether paper comes home in time.
            now: the present.
            first: rows of the first part; each of the next has twice as many, up to `AT_ONCE`.
            most: ends after so many, None once there are no more.
            progress: is told of each part.

        Returns:
            How many rows were looked up.
        """
        count = 0
        at_once = first
        sought: Sought | None = None
        while rows := await self._outbox.unrouted(campaign, at_once):
            if sought is None:
                shared = await self._registry.shared_addresses(campaign, ways.phone_pupils)
                sought = Sought(ways, _before_paper(calendar, civil(now)), now, shared)
            await self._outbox.route(await self._routings(rows, sought))
            count += len(rows)
            if progress is not None:
                progress.news()
            if len(rows) < at_once or (most is not None and count >= most):
                break
            at_once = min(2 * at_once, AT_ONCE)
        return count


class Lookup:
    """Looks up who reads rows of one ledger, and by which ways; changes nothing."""

    def __init__(self, ledger: Ledger, registry: Registry, code_for: CodeFor, key: bytes) -> None:
        """Share the stores.

        Args:
            ledger: what happened.
            registry: who is in a household.
            code_for: answer codes; routing asks for none.
            key: of the households' digests: the registry's pepper.
        """
        self._ledger = ledger
        self._registry = registry
        self._code_for = code_for
        self._key = key

    async def routings(self, rows: Sequence[Unrouted], sought: Sought) -> list[Routing]:
        """Return who reads each of some rows, and by which ways, in their order."""
        directory = RecordDirectory(self._ledger, self._registry, self._code_for)
        notices = [_notice(row) for row in rows]
        await directory.read(notices)
        found: list[Routing] = []
        async for row, notice in taking_turns(zip(rows, notices, strict=True)):
            routing = await self._routing(row, notice, directory, sought)
            found.append(_in_time(routing, row, sought.now))
        return found

    async def _routing(
        self,
        row: Unrouted,
        notice: Notice,
        directory: RecordDirectory,
        sought: Sought,
    ) -> Routing:
        ways = _wished(sought.ways, row)
        try:
            facts = await directory.facts(notice)
            student = student_of(row.recipient)
            household = None if student is None else await family(student, directory)
            if household is None:
                routes = [await self._for_staff(notice, directory, ways)]
            else:
                routes = _in_household(row, household, facts, ways, sought.quick)
        except UnsendableError as error:
            return Routing(row.notice_id, row.person, (), (), None, code=error.code)
        keys = () if household is None else keys_of(household, self._key, sought.shared)
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
