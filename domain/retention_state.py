"""What the retention follow-ups remember, and the counts and rates that follow from it (DOMAIN §7.3, R-12)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from typing import Final

from pydantic import AwareDatetime, BaseModel

from domain.rates import Rate, loss_rate, net_retention_rate, presence_rate
from domain.retention_events import Finding
from domain.retention_pupil import RegisteredPupil, Standing
from domain.stage_state import StageState

LATTICE_SINCE: Final = 3
"""The release whose streams keep a state for each check."""


class Ending(StrEnum):
    """Why a follow-up ended before its last check."""

    WITHDRAWN = "withdrawn"
    """The registration was cancelled, by the family's withdrawal."""
    CANCELLED = "cancelled"
    """The pupil left the register: transfer, abroad, death."""


class EndedFollowUp(BaseModel):
    """A follow-up that has ended: why, on which civil day, and what had been found."""

    why: Ending
    on: date
    pupil: RegisteredPupil


class RetentionState(StageState):
    """The stage as its events make it.

    Attributes:
        year: the year of graduation.
        pupils: those whose registration was verified and who are on the register.
        announced: checkpoint → the dates that have come.
        over: checkpoint → those of them whose term is over.
        ended: pupils whose follow-up ended before its last check, by a cancelled registration or by leaving.
        seen_at: when the latest event was recorded; the board counts as of then.
    """

    year: int = 0
    pupils: dict[str, RegisteredPupil] = {}
    announced: dict[str, list[date]] = {}
    over: dict[str, list[date]] = {}
    ended: dict[str, EndedFollowUp] = {}
    seen_at: AwareDatetime | None = None

    @property
    def has_lattice(self) -> bool:
        """Tell whether the stage keeps a state for each check (campaigns since release 3)."""
        return self.content_release >= LATTICE_SINCE

    def followed(self) -> Iterator[tuple[str, RegisteredPupil, dict[str, date]]]:
        """Yield the pupils who are followed up, each with the dates of the pupil's own checkpoints."""
        by_day: dict[date, dict[str, date]] = {}
        for student, pupil in self.pupils.items():
            if pupil.registered_on not in by_day:  # a whole class registers on one day
                by_day[pupil.registered_on] = self.dates(pupil)
            yield student, pupil, by_day[pupil.registered_on]

    def dates(self, pupil: RegisteredPupil) -> dict[str, date]:
        """Return a pupil's checkpoints with their dates, earliest first."""
        return pupil.dates(self.year, self.policy.parameters)

    def end(self, student: str, why: Ending, on: date) -> None:
        """End a pupil's follow-up: nothing is asked any more, what was found stays (FEATURES S11, idea 13)."""
        pupil = self.pupils.pop(student, None)
        if pupil is not None and self.has_lattice:
            pupil.conflicts, pupil.tries, pupil.again, pupil.refind = {}, {}, {}, None
            self.ended[student] = EndedFollowUp(why=why, on=on, pupil=pupil)

    def has_come(self, checkpoint: str, on: date) -> bool:
        """Tell whether a checkpoint's date has come; the state has no clock, so by what was announced."""
        return on in self.announced.get(checkpoint, ())


def gone(state: RetentionState) -> dict[str, None]:
    """Return the pupils who were lost or lawfully moved on by what is held now, as keys.

    Nobody is gone of whom two findings contradict each other, or who was found again (edge cases 19 and 20).
    """
    left = (Standing.LOST, Standing.TRANSFERRED)
    return {student: None for student, pupil, dates in state.followed() if pupil.standing(dates) in left}


def counts(state: RetentionState) -> dict[str, int]:
    """Return how many registered pupils stand where; all but the first sum to the first.

    Returns:
        registered, present, transferred, suspended, lost, not_reached (tried in vain, a final outcome) and unknown
        (not yet checked, or disputed). Pupils who left the register are in none.
    """
    names = ("registered", "present", "transferred", "suspended", "lost", "not_reached", "unknown")
    found = dict.fromkeys(names, 0)
    for _, pupil, dates in state.followed():
        last = pupil.last(list(dates))
        in_vain = last is not None and last.state is Finding.NOT_REACHED
        found["registered"] += 1
        found["not_reached" if in_vain else pupil.standing(dates).value.lower()] += 1
    return found


def rates(state: RetentionState) -> dict[str, Rate | None]:
    """Return presence (在校率), net retention (净留存率) and loss (流失率) of the registered, exact (R-12)."""
    found = counts(state)
    return {
        "presence": presence_rate(found["present"], found["registered"]),
        "net_retention": net_retention_rate(found["present"], found["registered"], found["transferred"]),
        "loss": loss_rate(found["lost"], found["registered"]),
    }
