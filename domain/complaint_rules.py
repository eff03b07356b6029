"""Who owns a complaint, by when it is answered, and whose own it is (INV-21, INV-32; DOMAIN §7.6).

Pure functions that the campaign's stream and the case's stream share.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from domain.actors import ANONYMOUS, Actor, Role
from domain.calendar import Calendar, CalendarUnknown
from domain.events import digest
from domain.policy_parameters import PolicyParameters
from domain.refusal import Refusal

SECRET: Final = ("COMPLAINT", "NOTE")
"""Origins of cases whose record does not say who is behind them: their digests are keyed, and come with commands."""


def made_by(case: str, actor: Actor) -> tuple[str, ...]:
    """Return plain digests of an actor and of whom the actor stands in for; none of the unnamed.

    They hide nobody, since anybody can try all references: only for what the record tells in any event.
    """
    people = [person for person in (actor.id, actor.on_behalf_of) if person not in (None, ANONYMOUS.id)]
    return tuple(digest({"complaint": case, "person": person}) for person in people)


def is_made_by(case: str, actor: Actor, digests: Sequence[str]) -> bool:
    """Tell whether an actor, or whom the actor stands in for, is among those who made a complaint."""
    return any(person in digests for person in made_by(case, actor))


def require_owner(case: str, actor: Actor, owners: Sequence[str]) -> None:
    """Let only the owner touch a case.

    Raises:
        Refusal: COMPLAINT_OF_ANOTHER (recorded).
    """
    if actor.role.value not in owners:
        raise Refusal("COMPLAINT_OF_ANOTHER", recorded=True, complaint=case, owner=owners[0])


def require_not_own(case: str, actor: Actor, digests: Sequence[str]) -> None:
    """Refuse whoever made a complaint that the record has with its maker: nobody judges a matter of their own.

    Raises:
        Refusal: SELF_APPROVAL (recorded).
    """
    if is_made_by(case, actor, digests):
        raise Refusal("SELF_APPROVAL", recorded=True)


def require_other_hands(case: str, hands: Sequence[str], made_by_hands: Sequence[str]) -> None:
    """Refuse whoever made a complaint in secret, and leave no trace of it: the trace would say who complained.

    Raises:
        Refusal: HANDS_MISSING, COMPLAINT_YOUR_OWN; neither is recorded.
    """
    if made_by_hands and not hands:
        raise Refusal("HANDS_MISSING", case=case)
    if any(hand in made_by_hands for hand in hands):
        raise Refusal("COMPLAINT_YOUR_OWN", case=case)


def owner_of(about: str, reporter: Role | None) -> Role:
    """Return the role that owns a case: outside the unit concerned, and not the reporter's own (INV-32)."""
    inside = about == "bureau" or reporter is Role.DISCIPLINE_OFFICER
    return Role.AUDITOR if inside else Role.DISCIPLINE_OFFICER


def next_above(owner: str) -> str:
    """Return the role that a case goes to when its owner lets a day pass: the other of the two that may own one."""
    return Role.DISCIPLINE_OFFICER.value if owner == Role.AUDITOR.value else Role.AUDITOR.value


def workdays(calendar: Calendar, day: date, count: int) -> date | None:
    """Return the day some working days later; None while the calendar of that year is not published."""
    try:
        return calendar.add_working_days(day, count)
    except CalendarUnknown:
        return None


def acknowledge_by(calendar: Calendar, received: date, parameters: PolicyParameters) -> date | None:
    """Return the day by which whoever complained is told that it is in hand (DOMAIN §7.6: one working day)."""
    return workdays(calendar, received, parameters.complaint_ack_workdays)


def decide_by(calendar: Calendar, received: date, parameters: PolicyParameters, *, extended: bool) -> date | None:
    """Return the day by which a case is decided: fifteen working days, and once as many again (DOMAIN §7.6)."""
    more = parameters.complaint_extension_workdays if extended else 0
    return workdays(calendar, received, parameters.complaint_close_workdays + more)
