"""Which way a notice goes: who of a household gets one, and the chain of channels of each (FEATURES G1, G13).

Pure: the deployment's channels and the policy's order come from outside. The chain is written down with the row, so
that a channel that fails for good hands it to the next one without a look into the registry.
"""

from __future__ import annotations

import hmac
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from domain.consent import Standing
from domain.notices import BY_PEOPLE, EMAIL, FOR_CAREGIVERS, PAPER, PHONE, ROBOTS, SMS, WECOM
from notices.catalogue import Template
from notices.readers import Contact, Household, addressees, informed

NEVER_CODED: Final = (SMS, PHONE, *ROBOTS)
"""No answer code goes this way: a text message is forwarded with one touch, and nobody asks for a code on the phone."""

ABOUT_ONE: Final = ("student", "pupil_name", "case", "complaint")
"""Variables that tell of one pupil or of one complaint: no group reads such a text (DOMAIN §5.4)."""

KEY_LENGTH: Final = 16
"""Hexadecimal characters of a household's key."""


@dataclass(frozen=True)
class Ways:
    """What a deployment has, and what the policy wants first.

    Attributes:
        configured: the deployment's channels.
        order: of a household's channels.
        staff_order: of staff's.
        phone_pupils: more pupils than this have no address in common as one household.
        wish: what a person wants before all of them, for one notice; empty for nothing. It is no way to a reader to
            whom it would be none otherwise.
    """

    configured: tuple[str, ...]
    order: tuple[str, ...]
    staff_order: tuple[str, ...]
    phone_pupils: int = 3
    wish: str = ""


class Route(NamedTuple):
    """The way of one notice to one person.

    Attributes:
        person: reference; None for the pupil, and for staff of a role.
        purpose: the notice's own, or the one that a caregiver gets instead.
        chain: channels, the first one first; empty where nobody can be reached.
        to_repair: what is held as an address is none, so that people have to do it.
    """

    person: str | None
    purpose: str
    chain: tuple[str, ...]
    to_repair: bool = False


def chain_for(contact: Contact, ways: Ways, *, coded: bool = False, hurried: bool = False) -> tuple[str, ...]:
    """Return a guardian's or caregiver's channels: the own order, else the policy's; paper always, at least last.

    Args:
        contact: whom.
        ways: what there is.
        coded: the text has an answer code, so that some channels are none.
        hurried: it is about something that begins before paper could come home: somebody calls instead; with a code
            nobody does.
    """
    chain = [
        channel
        for channel in dict.fromkeys((ways.wish, *(contact.channels or ways.order)))
        if channel in ways.configured and (channel == PAPER or contact.address(channel))
    ]
    if coded:
        chain = [channel for channel in chain if channel not in NEVER_CODED]
    if PAPER in ways.configured and PAPER not in chain:
        chain.append(PAPER)
    if hurried and not coded:
        calling = PHONE in ways.configured and contact.address(PHONE)
        quick = [*chain, *((PHONE,) if calling else ())]
        chain = [channel for channel in dict.fromkeys(quick) if channel != PAPER] or chain
    return tuple(chain)


def pupils_route(pupil: Contact, purpose: str, ways: Ways) -> Route:
    """Return the way of a pupil's own notice: the pupil's mailbox, else paper; a pupil is not called."""
    own = Contact(pupil.ref, pupil.email, channels=(EMAIL, PAPER))
    return _route(own, purpose, chain_for(own, ways), ways)._replace(person=None)


def staff_route(members: Sequence[Contact], template: Template, ways: Ways) -> Route:
    """Return the way to those who act in a role: a channel where one of them has an address.

    A robot has a group of readers: it takes what tells of no single pupil and no single complaint.
    """
    open_to_all = group_may_read(template)
    order = ways.staff_order
    wished = (ways.wish,) if ways.wish in order else ()
    chain = tuple(
        channel
        for channel in dict.fromkeys((*wished, *order))
        if channel in ways.configured
        and (open_to_all if channel in ROBOTS else any(one.address(channel) for one in members))
    )
    return Route(None, template.purpose, chain)


def group_may_read(template: Template) -> bool:
    """Tell whether a template's text can stand in a group: it is for staff and tells of nobody."""
    return template.audience == "staff" and not any(name in template.variables for name in ABOUT_ONE)


def household_routes(
    household: Household,
    purpose: str,
    standings: Mapping[str, Standing],
    ways: Ways,
    *,
    coded: bool = False,
    hurried: bool = False,
) -> tuple[Route, ...]:
    """Return who of a household gets a notice and which way, the row's own reader first where there is one.

    At one address one notice is enough, but not one code. Where anybody is reached by a provider, nobody is called or
    written to on paper beside, unless it is their own code: a home is told once by people, not once for each in it.

    Args:
        household: the family.
        purpose: the notice's, as the event planned it.
        standings: what is on record of its persons.
        ways: what there is.
        coded: whether the notice has an answer code.
        hurried: as in `chain_for`.
    """
    own = addressees(household, purpose, standings, coded=coded)
    found: list[Route] = []
    at_home: list[Route] = []
    taken: dict[str, None] = {}
    for one in own:
        route = _route(one, purpose, chain_for(one, ways, coded=coded, hurried=hurried), ways)
        if not route.chain:
            continue
        where = one.address(route.chain[0]).casefold()
        if coded:
            found.append(route)
        elif route.chain[0] in BY_PEOPLE:
            at_home.append(route)
        elif where not in taken:
            found.append(route)
        taken[where] = None
    found = found or at_home[:1]
    if coded and purpose in FOR_CAREGIVERS:
        for one in informed(household, standings):
            route = _route(one, FOR_CAREGIVERS[purpose], chain_for(one, ways), ways)
            by_provider = bool(route.chain) and route.chain[0] not in BY_PEOPLE
            if by_provider and one.address(route.chain[0]).casefold() not in taken:
                found.append(route)
    return tuple(found)


def persons_route(contact: Contact, purpose: str, ways: Ways, *, coded: bool = False, hurried: bool = False) -> Route:
    """Return the way of a row that is somebody's already: routed anew, it stays this person's."""
    return _route(contact, purpose, chain_for(contact, ways, coded=coded, hurried=hurried), ways)


def keys_of(household: Household, secret: bytes, shared: Container[str] = ()) -> tuple[str, ...]:
    """Return the keyed digests by which a household is known: one for each address of anybody in it, sorted.

    Siblings share at least one, in whatever school and campaign; nobody without the secret can tell whose it is.

    Args:
        household: the family.
        secret: of the digests.
        shared: addresses, folded, that are the shop's, the village's or a teacher's: a village is no household (edge
            case 8). A family that gives nothing else is known by its pupil.
    """
    people = (household.pupil, *household.guardians, *household.caregivers)
    given = [one.address(channel).casefold() for one in people for channel in (EMAIL, PHONE, WECOM)]
    held = [one for one in given if one not in shared]
    if any(given) and not any(held):
        held = [household.pupil.ref]
    digests = [hmac.digest(secret, f"contact\0{one}".encode(), "sha256").hex()[:KEY_LENGTH] for one in held if one]
    return tuple(sorted(dict.fromkeys(digests)))


def _route(contact: Contact, purpose: str, chain: tuple[str, ...], ways: Ways) -> Route:
    by_people = bool(chain) and chain[0] in BY_PEOPLE
    wanted = [channel for channel in contact.channels or ways.order if channel in ways.configured]
    misspelt = any(contact.held(channel) and not contact.address(channel) for channel in wanted)
    return Route(contact.ref, purpose, chain, to_repair=by_people and misspelt)
