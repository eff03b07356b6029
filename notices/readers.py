"""Who in a household reads a notice: every guardian; a caregiver is informed and gets no code (edge cases 1 and 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from domain.consent import MAY_CONSENT, Standing, standing_of
from domain.notices import FOR_CAREGIVERS
from notices.mail import valid_address

ONLY_FOR_CAREGIVERS: Final = tuple(one for one in FOR_CAREGIVERS.values() if one not in FOR_CAREGIVERS)
"""Purposes that nobody but a caregiver gets."""


@dataclass(frozen=True)
class Contact:
    """A person who can be written to; `language` and `email` may be empty.

    Attributes:
        agreed: whether the person may be told as a caregiver; a guardian is told anyway.
    """

    ref: str
    email: str = field(repr=False)
    language: str = field(default="", repr=False)
    agreed: bool = True


@dataclass(frozen=True)
class Household:
    """One family, as far as a notice needs it: no telephone, no identity number, no mark.

    Attributes:
        pupil: the pupil's own contact; its reference is the pupil's.
        name: the pupil's.
        school: the school's code.
        guardians: in the order of their positions.
        caregivers: whom the roster names as such.
    """

    pupil: Contact = field(repr=False)
    name: str = field(repr=False)
    school: str
    guardians: tuple[Contact, ...] = field(repr=False)
    caregivers: tuple[Contact, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Readers:
    """Who reads a household's notice.

    Attributes:
        first: reference of whom the row itself is for, None where nobody can be written to.
        others: (reference, purpose) of everybody else.
    """

    first: str | None
    others: tuple[tuple[str, str], ...]


def addressees(
    household: Household, purpose: str, standings: Mapping[str, Standing], *, coded: bool
) -> tuple[Contact, ...]:
    """Return everybody in a household who may get a notice and has an address, guardians first.

    Everybody who may consent gets it; where none of them has an address, a caregiver gets what has no code. A parent
    without custody gets nothing. Nobody on record is taken for what the roster says.

    Args:
        household: the family.
        purpose: the notice's.
        standings: what is on record of its persons.
        coded: whether the notice has an answer code.
    """
    guardians, caregivers = _by_standing(household, standings)
    if purpose in ONLY_FOR_CAREGIVERS:
        return caregivers
    if coded:
        return guardians
    return (*guardians, *caregivers) if purpose in FOR_CAREGIVERS else guardians or caregivers


def readers(household: Household, purpose: str, standings: Mapping[str, Standing], *, coded: bool) -> Readers:
    """Return who reads a household's notice, each once: at one address one notice is enough, but not one code.

    Args:
        household: the family.
        purpose: the notice's, as the event planned it.
        standings: what is on record of its persons.
        coded: whether the notice has an answer code.
    """
    own = addressees(household, purpose, standings, coded=coded)
    wanted = [(one, purpose) for one in own]
    if coded and purpose in FOR_CAREGIVERS:
        wanted += [(one, FOR_CAREGIVERS[purpose]) for one in _by_standing(household, standings)[1]]
    taken: dict[str, None] = {}
    found: list[tuple[str, str]] = []
    for one, of_purpose in wanted:
        address = one.email.casefold()
        if address in taken and not (coded and of_purpose == purpose):
            continue
        taken[address] = None
        found.append((one.ref, of_purpose))
    first = next((ref for ref, of_purpose in found if of_purpose == purpose), None)
    return Readers(first, tuple(one for one in found if one[0] != first))


def _by_standing(
    household: Household, standings: Mapping[str, Standing]
) -> tuple[tuple[Contact, ...], tuple[Contact, ...]]:
    """Return those with an address who may consent, and those who may be told as caregivers."""
    people = [one for one in (*household.guardians, *household.caregivers) if valid_address(one.email)]
    held = [(one, standing_of(one.ref, standings)) for one in people]
    return (
        tuple(one for one, standing in held if standing in MAY_CONSENT),
        tuple(one for one, standing in held if standing is Standing.CAREGIVER and one.agreed),
    )
