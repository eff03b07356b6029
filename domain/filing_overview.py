"""What all cases of a stage show together, kept up to date case by case: a school has up to 1,600, and many events.

After an event only the cases that it names are looked at again. Nothing of this is carried over: it follows from the
cases, and a stage that is read anew makes it anew.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from datetime import date, datetime
from typing import Final, Generic, NamedTuple, TypeVar

from domain.application_filing_events import RegistrationsHandedOn
from domain.destination import Step
from domain.events import Event
from domain.filing_consent_events import AnomalyFlagged
from domain.stage_events import StudentEnrolled, StudentRemoved

MOVES: Final = (StudentEnrolled, StudentRemoved)
"""What changes who is in which class, and with that the order of the cases."""

CHANGES_NO_CASE: Final = (AnomalyFlagged, RegistrationsHandedOn)
"""What names many pupils and changes none of their cases."""

K = TypeVar("K", date, datetime)


class Line(NamedTuple):
    """What one case shows.

    Attributes:
        class_id: the class that the pupil is in.
        step: where the case stands.
        owed: the service that is missing, as a blocker's code.
        joined: the pupil is a late joiner, for whose service no completion waits.
        served: the service is done.
        suspended: the consent is.
        application, registration: the references on record.
        expected: since when a school expects the pupil.
        confirmed_at: when the consent is confirmed if nothing comes between.
        call_by: the day by whose end the bureau has called about a reported withdrawal.
        devices: digests of the devices that the family has signed with.
    """

    class_id: str
    step: Step
    owed: str | None
    joined: bool
    served: bool
    suspended: bool
    application: str | None
    registration: str | None
    expected: date | None
    confirmed_at: datetime | None
    call_by: date | None
    devices: tuple[str, ...]


class Agenda(Generic[K]):
    """Who waits for which day or instant."""

    def __init__(self) -> None:
        self._waiting: dict[K, dict[str, int]] = {}

    @property
    def first(self) -> K | None:
        """Return the earliest day that anybody waits for."""
        return min(self._waiting, default=None)

    def waiting(self, day: K, most: int) -> list[str]:
        """Return who waits for a day, in the order of the cases, at most so many."""
        places = self._waiting[day]
        return heapq.nsmallest(most, places, key=places.__getitem__)

    def move(self, student: str, place: int, before: K | None, now: K | None) -> None:
        """Let a pupil wait for another day than before, None for no day; `place`: the pupil's among the cases."""
        if before == now:
            return
        if before is not None:
            del self._waiting[before][student]
            if not self._waiting[before]:
                del self._waiting[before]
        if now is not None:
            self._waiting.setdefault(now, {})[student] = place


class Overview:
    """The lines of all cases and what they add up to.

    Attributes:
        lines: pupil → line, in the order of the cases.
        places: pupil → place in that order.
        steps: step → how many cases stand there.
        owed: code → for how many that service is missing, without late joiners.
        served: class → for how many the service is done.
        suspended: how many consents are suspended.
        expected, confirmed, calls: who waits for which of a line's days.
        users: device → pupils whose families have signed with it.
    """

    def __init__(self) -> None:
        self._basis: Hashable = None
        self._stale: dict[str, None] = {}
        self._begin()

    def note(self, event: Event) -> None:
        """Note which case an event may have changed; one that does not name a single pupil may have changed any."""
        student = None if isinstance(event, MOVES) else getattr(event, "student", None)
        if student is not None:
            self._stale[student] = None
        elif not isinstance(event, CHANGES_NO_CASE):
            self._basis = None

    def refresh(
        self, basis: Hashable, classes: Callable[[], Mapping[str, str]], line: Callable[[str, str], Line]
    ) -> None:
        """Look again at the cases that may have changed.

        Args:
            basis: what every line rests on beside its own case; not None. With another basis all lines are made anew.
            classes: gives pupil → class, in the order of the cases.
            line: makes a pupil's line, given the class.
        """
        if basis != self._basis:
            self._begin()
            for student, class_id in classes().items():
                self.places[student] = len(self.places)
                self._take(student, None, line(student, class_id))
        else:
            for student in self._stale:
                before = self.lines.get(student)
                if before is not None:  # whoever has left acts on a case that is put aside
                    self._take(student, before, line(student, before.class_id))
        self._basis = basis
        self._stale.clear()

    def _begin(self) -> None:
        self.places: dict[str, int] = {}
        self.lines: dict[str, Line] = {}
        self.steps: Counter[Step] = Counter()
        self.owed: Counter[str] = Counter()
        self.served: Counter[str] = Counter()
        self.suspended = 0
        self.expected: Agenda[date] = Agenda()
        self.confirmed: Agenda[datetime] = Agenda()
        self.calls: Agenda[date] = Agenda()
        self.users: dict[str, dict[str, None]] = {}

    def _take(self, student: str, before: Line | None, now: Line) -> None:
        if before is not None:
            self._count(before, -1)
        self._count(now, 1)
        self.lines[student] = now
        place = self.places[student]
        self.expected.move(student, place, before and before.expected, now.expected)
        self.confirmed.move(student, place, before and before.confirmed_at, now.confirmed_at)
        self.calls.move(student, place, before and before.call_by, now.call_by)
        for device in () if before is None else before.devices:
            self.users[device].pop(student, None)
        for device in now.devices:
            self.users.setdefault(device, {})[student] = None

    def _count(self, line: Line, number: int) -> None:
        self.steps[line.step] += number
        if line.owed is not None and not line.joined:
            self.owed[line.owed] += number
        self.served[line.class_id] += number * line.served
        self.suspended += number * line.suspended
