"""Which acts of an old year would break a rule of another day, or of other parameters (FEATURES A18, idea 5).

Next year's notice changes a clause: a rule begins to hold, ends, or asks for other figures. The same log is asked
twice, by the rules of its own days and by those of the other, and what only one of both finds is told by its event.
Nothing is a breach for that: the people of that year kept, or broke, the rules of that year.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from audit.invariants.catalogue import INVARIANTS
from audit.invariants.check import MOST_NAMED, breach
from audit.invariants.log import Log
from audit.invariants.rule import Found, Invariant
from domain.events import Envelope


class LogUnder(Log):
    """A log whose every stream goes by other parameters, as far as they are named."""

    def __init__(self, campaign: str, streams: Mapping[str, Sequence[Envelope]], parameters: Mapping[str, Any]) -> None:
        super().__init__(campaign, streams)
        self._other = parameters

    def parameter(self, event: Envelope, name: str) -> Any:
        """Return a parameter as the other law has it, as its JSON value."""
        return self._other[name] if name in self._other else super().parameter(event, name)


@dataclass(frozen=True)
class Otherwise:
    """What one invariant finds by the other law and not by its own, and the other way round.

    Attributes:
        in_force: whether the invariant is in force on the other day; None where no day was named.
        newly: breaches that only the other law has.
        no_longer: breaches that only the log's own days have.
    """

    invariant: Invariant
    in_force: bool | None
    newly: tuple[Found, ...]
    no_longer: tuple[Found, ...]

    def as_data(self, number: int) -> dict[str, Any]:
        """Return it as JSON, sentences in one language (0: Chinese); at most `MOST_NAMED` of each are named."""
        groups = {"newly": self.newly, "no_longer": self.no_longer}
        return {
            "id": self.invariant.id,
            "title": self.invariant.title[number],
            "in_force": self.in_force,
            "counts": {name: len(found) for name, found in groups.items()},
            **{
                name: [breach(self.invariant, one, number) for one in found[:MOST_NAMED]]
                for name, found in groups.items()
            },
        }


def under_other_law(
    log: Log, only: Iterable[str] = (), *, law_of: date | None = None, parameters: Mapping[str, Any] | None = None
) -> list[Otherwise]:
    """Ask a log by its own rules and by others.

    Args:
        log: the campaign's events.
        only: ids of invariants; none asks for all.
        law_of: judge every event by the rules of this day.
        parameters: judge by these values, by name; what is not named stays as each stream held it.

    Returns:
        The invariants that find something else, or are in force on one of both days only; the same law gives none.
    """
    other = LogUnder(log.campaign, log.streams, parameters or {})
    found = [_compared(INVARIANTS[id_], log, other, law_of) for id_ in tuple(only) or tuple(INVARIANTS)]
    return [one for one in found if one.newly or one.no_longer]


def as_data(found: Iterable[Otherwise], lang: Literal["zh", "en"]) -> list[dict[str, Any]]:
    """Return all of it as JSON, the sentences in one language."""
    return [one.as_data(0 if lang == "zh" else 1) for one in found]


def _compared(invariant: Invariant, log: Log, other: Log, law_of: date | None) -> Otherwise:
    was, is_ = list(invariant.breaches(log)), list(invariant.breaches(other, law_of))
    before, after = ({_place(found): None for found in side} for side in (was, is_))
    return Otherwise(
        invariant,
        None if law_of is None else invariant.in_force(law_of),
        newly=tuple(found for found in is_ if _place(found) not in before),
        no_longer=tuple(found for found in was if _place(found) not in after),
    )


def _place(found: Found) -> tuple[str, int]:
    return found.event["stream"], int(found.event["version"])
