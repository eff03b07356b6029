"""An invariant: its text, its source, the years in which it holds, and the function that looks for breaches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from audit.invariants.log import Log
from domain.events import Envelope

Words = tuple[str, str]
"""The same sentence in Chinese and in English."""


class Found(NamedTuple):
    """A breach: the event that shows it, and what is wrong; references and codes only, never a person's data."""

    event: Envelope
    zh: str
    en: str


Check = Callable[[Log], Iterator[Found]]


@dataclass(frozen=True)
class Invariant:
    """A rule that every log must keep.

    Attributes:
        id: its number in DOMAIN §8.2.
        title: what it is about, in a few words.
        rule: what must hold.
        source: the paragraphs, rules and legal texts that it comes from.
        remedy: what a person does about a breach.
        check: yields the breaches of a log, in stream order.
        valid_from, valid_to: civil days on which the source is in force, both included; None is open. What happened
            on another day is not judged by it: an old year keeps the rules of its time.
        rest: what of the rule events cannot show, and the tests that guard it; None where events show all of it.
    """

    id: str
    title: Words
    rule: Words
    source: str
    remedy: Words
    check: Check
    valid_from: date | None = None
    valid_to: date | None = None
    rest: Words | None = None

    def in_force(self, day: date) -> bool:
        """Tell whether the rule was in force on a day."""
        after = self.valid_from is None or self.valid_from <= day
        return after and (self.valid_to is None or day <= self.valid_to)

    def judges(self, event: Envelope) -> bool:
        """Tell whether the rule was in force on the day of an event."""
        return self.in_force(date.fromisoformat(event["occurred_at"][:10]))  # in the county's own time (INV-28)

    def breaches(self, log: Log, law_of: date | None = None) -> Iterator[Found]:
        """Yield the breaches of the days on which the rule was in force.

        Args:
            log: the campaign's events.
            law_of: judge every event by what was in force on this day instead, as if it had happened on it.
        """
        if law_of is not None:
            return self.check(log) if self.in_force(law_of) else iter(())
        return (found for found in self.check(log) if self.judges(found.event))


class NotCheckable(NamedTuple):
    """An invariant of which events show nothing: why, and which tests guard it."""

    id: str
    title: Words
    reason: Words


def invariant(
    id_: str,
    title: Words,
    rule: Words,
    *,
    source: str,
    remedy: Words,
    valid_from: date | None = None,
    valid_to: date | None = None,
    rest: Words | None = None,
) -> Callable[[Check], Invariant]:
    """Make an invariant of the function that it decorates; the arguments are the fields of `Invariant`."""

    def made(check: Check) -> Invariant:
        return Invariant(id_, title, rule, source, remedy, check, valid_from, valid_to, rest)

    return made
