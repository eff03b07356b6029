"""The application window, and when a cooling-off ends by it: the formulas of R-11 (S17; edge cases 22, 46).

Pure values; what a consent stands on beside its cooling-off is `domain.consent`'s.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple

from pydantic import BaseModel

from domain.instants import Day
from domain.policy_parameters import PolicyParameters
from domain.time import at, civil

LAST_SECOND: Final = time(23, 59, 59)


class Window(BaseModel):
    """The civil days on which the official system takes applications; it locks at 24:00 of the last."""

    first: Day
    last: Day

    @property
    def locks(self) -> datetime:
        """Return the last second in which the official system takes an application."""
        return at(self.last, LAST_SECOND)

    def over(self, begun: datetime) -> bool:
        """Tell whether the official system had locked before a term began; whole seconds are compared, as its last is.

        Such a lock cuts nothing: what waits for nothing has its full days (R-11).
        """
        return begun.replace(microsecond=0) > self.locks

    def signing_from(self, parameters: PolicyParameters) -> datetime:
        """Return when signing is offered: `signing_lead_days` before the first day (R-11)."""
        return at(self.first - timedelta(days=parameters.signing_lead_days), time(0, 0))


class Cooling(NamedTuple):
    """When a cooling-off ends, and when it would end if the official system never locked."""

    ends: datetime
    full: datetime

    @property
    def short(self) -> bool:
        """Tell whether a short application window has cut it (R-11)."""
        return self.ends < self.full


def cooling(begun: datetime, window: Window | None, parameters: PolicyParameters) -> Cooling:
    """Return the cooling-off of a later signature (R-11, S17).

    It ends with the last second of the civil day so many days after the signature's own. Where the official system
    locks earlier, it ends there, but never earlier than `short_cooling_hours` after the signature. A signature that
    works after the lock waits for none, and has its full days.
    """
    full = at(civil(begun) + timedelta(days=parameters.cooling_off_days), LAST_SECOND)
    if window is None or window.over(begun) or window.locks >= full:
        return Cooling(full, full)
    cut = max(window.locks, begun + timedelta(hours=parameters.short_cooling_hours))
    return Cooling(min(cut, full), full)


def first_cooling(opens: date, window: Window, parameters: PolicyParameters) -> Cooling | None:
    """Return the cooling-off of the earliest signature there can be; None where the official system locks before it.

    A family can acknowledge from the day on which the filing opens, and sign `signature_wait_hours` later.
    """
    earliest = at(opens) + timedelta(hours=parameters.signature_wait_hours)
    return None if window.over(earliest) else cooling(earliest, window, parameters)


def lengthened(held: Cooling, begun: datetime, paused: datetime, resumed: datetime, window: Window | None) -> Cooling:
    """Return the cooling-off that a pause has held: longer by as long as both ran together (design, section 5).

    Never later than the official system locks, where that was not so already, and never earlier than it was: families
    lose nothing by a pause. Where the lock takes a part of the time back it is short: the bureau calls (R-11). A lock
    that had passed when the cooling-off began takes nothing.
    """
    if paused >= held.ends:
        return held
    full = held.full + max(resumed - max(paused, begun), timedelta())
    ends = full if window is None or window.over(begun) else max(held.ends, min(full, window.locks))
    return Cooling(ends, full)


def moved(
    held: Cooling, begun: datetime, was: Window | None, window: Window, now: datetime, parameters: PolicyParameters
) -> Cooling:
    """Return the cooling-off after the examination authority has moved the lock (edge case 46).

    A later lock gives back what the earlier one took, and never takes anything; nor does any other lock from a
    cooling-off that began after the one so far. An earlier lock ends it there, but never earlier than
    `short_cooling_hours` from now on: so long has a family that is told of it.

    Args:
        held: the cooling-off as it stands.
        begun: when it began.
        was: the window so far, None where none was named.
        window: the window from now on.
        now: when the change arrives.
        parameters: the policy in force.
    """
    if was is not None and (window.locks >= was.locks or was.over(begun)):
        return Cooling(max(held.ends, min(held.full, window.locks)), held.full)
    least = max(begun, now) + timedelta(hours=parameters.short_cooling_hours)
    return Cooling(min(held.ends, max(window.locks, least)), held.full)
