"""Who in a household reads a notice: every guardian; a caregiver is informed and gets no code (edge cases 1 and 2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from domain.consent import MAY_CONSENT, Standing, standing_of
from domain.notices import EMAIL, FOR_CAREGIVERS, PHONE, SMS, WECOM
from notices.mail import valid_address

ONLY_FOR_CAREGIVERS: Final = tuple(one for one in FOR_CAREGIVERS.values() if one not in FOR_CAREGIVERS)
"""Purposes that nobody but a caregiver gets."""

_NUMBER: Final = re.compile(r"1[0-9]{10}")
"""A mobile telephone, as the roster takes it."""

_WECOM_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_@.-]{0,63}")


@dataclass(frozen=True)
class Contact:
    """A person who can be written to; every address and `language` may be empty.

    Attributes:
        email, phone, wecom: as the registry holds them.
        agreed: whether the person may be told as a caregiver; a guardian is told anyway.
        channels: the person's own order of channels; empty is the policy's.
        lost: channels that have been found not to reach the person any more; none of them has an address.
    """

    ref: str
    email: str = field(repr=False)
    language: str = field(default="", repr=False)
    agreed: bool = True
    phone: str = field(default="", repr=False)
    wecom: str = field(default="", repr=False)
    channels: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()

    def address(self, channel: str) -> str:
        """Return where a channel finds the person; empty where it does not, and where what is held is no address."""
        return self._addresses.get(channel, "")

    @cached_property
    def _addresses(self) -> Mapping[str, str]:
        """Return channel → address; asked for again and again, for each way and each of a household's keys."""
        held = {channel: self.held(channel) for channel in _VALID if channel not in self.lost}
        return {channel: address for channel, address in held.items() if address and _VALID[channel](address)}

    def held(self, channel: str) -> str:
        """Return what the registry holds for a channel, valid or not."""
        match channel:
            case "email":
                return self.email
            case "sms" | "phone":
                return self.phone
            case "wecom":
                return self.wecom
            case _:
                return ""


def _number(held: str) -> bool:
    return _NUMBER.fullmatch(held) is not None


def _wecom_id(held: str) -> bool:
    return _WECOM_ID.fullmatch(held) is not None


_VALID: Final[Mapping[str, Callable[[str], bool]]] = {
    EMAIL: valid_address,
    SMS: _number,
    PHONE: _number,
    WECOM: _wecom_id,
}
"""Channel → whether a text can be an address of it."""


@dataclass(frozen=True)
class Household:
    """One family, as far as a notice needs it: no identity number, no mark.

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


def addressees(
    household: Household, purpose: str, standings: Mapping[str, Standing], *, coded: bool
) -> tuple[Contact, ...]:
    """Return everybody in a household who may get a notice, guardians first, whether or not they have an address.

    Everybody who may consent gets it; where nobody may, a caregiver gets what has no code. A parent without custody
    gets nothing. Nobody on record is taken for what the roster says.

    Args:
        household: the family.
        purpose: the notice's.
        standings: what is on record of its persons.
        coded: whether the notice has an answer code.
    """
    people = (*household.guardians, *household.caregivers)
    guardians = tuple(one for one in people if standing_of(one.ref, standings) in MAY_CONSENT)
    caregivers = informed(household, standings)
    if purpose in ONLY_FOR_CAREGIVERS:
        return caregivers
    if coded:
        return guardians
    return (*guardians, *caregivers) if purpose in FOR_CAREGIVERS else guardians or caregivers


def informed(household: Household, standings: Mapping[str, Standing]) -> tuple[Contact, ...]:
    """Return those who look after the pupil, cannot consent, and may be told."""
    people = (*household.guardians, *household.caregivers)
    return tuple(one for one in people if standing_of(one.ref, standings) is Standing.CAREGIVER and one.agreed)
