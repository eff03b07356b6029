"""What a change of the application window means for the consents of a school (R-11, edge case 46).

The examination authority takes applications longer, again or not so long. A consent that is confirmed stays so. Of the
others a later lock gives back what the earlier one took, and an earlier lock leaves a family at least a day from when
it is told; signing works until the lock that holds now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from domain.application_filing_state import ApplicationFilingState
from domain.cooling import Cooling, Window, moved
from domain.destination import Case
from domain.events import Event
from domain.filing_consent_events import ApplicationWindowMoved, CoolingEnd, CoolingMoved, MovedEnd
from domain.stage_events import StageStatus

Row = TypeVar("Row", bound=CoolingEnd)

ROWS_AN_EVENT: Final = 500


def new_window(state: ApplicationFilingState, data: Mapping[str, Any], now: datetime) -> list[Event]:
    """Return what another application window leads to; the same one, or one after the end, leads to nothing.

    Args:
        state: the stage.
        data: `{first, last, document}`: the days as `YYYY-MM-DD`, and the number of the authority's document.
        now: when it arrives; a family has so long as it can know of an earlier lock.
    """
    window, was = Window.model_validate({"first": data["first"], "last": data["last"]}), state.application_window
    if window == was or state.status is StageStatus.ARCHIVED:
        return []
    rows: list[MovedEnd] = []
    for student, held, begun in running(state):
        if state.cases[student].application is not None:
            continue  # the family has applied: no lock concerns it
        found = moved(held, begun, was, window, now, state.policy.parameters)
        if found != held:
            rows.append(ending(MovedEnd, student, found))
    told = state.status is not StageStatus.SKIPPED  # nobody is told of what leads nowhere
    return [
        ApplicationWindowMoved(first=window.first, last=window.last, document=data["document"]),
        *(CoolingMoved(rows=some, told=told) for some in in_parts(rows)),
    ]


def after_skip(state: ApplicationFilingState, now: datetime) -> list[Event]:
    """Return the ends that moved while the stage was left out, as families are told of them with its reopening.

    Nobody can use time that was cut before they knew: `short_cooling_hours` are left from now on, as far as the
    cooling-off would have lasted without the lock.
    """
    least = now + timedelta(hours=state.policy.parameters.short_cooling_hours)
    rows = [
        ending(MovedEnd, student, Cooling(max(held.ends, min(held.full, least)), held.full))
        for student, held, _ in running(state)
        if state.cases[student].protocol.untold
    ]
    return [CoolingMoved(rows=some) for some in in_parts(rows)]


def window_of(state: ApplicationFilingState, case: Case) -> Window | None:
    """Return the window that a family's cooling-off goes by; once it has applied, no lock cuts anything."""
    return state.application_window if case.application is None else None


def running(state: ApplicationFilingState) -> Iterator[tuple[str, Cooling, datetime]]:
    """Yield the cooling-offs that are not confirmed: whose, how long, and since when; of who is away none runs."""
    for student, case in state.cases.items():
        found = case.protocol.running
        if found is not None:
            yield student, *found


def ending(row: type[Row], student: str, found: Cooling) -> Row:
    """Return a row that tells where a cooling-off ends."""
    return row(student=student, ends=found.ends, short=found.short, full=found.full if found.short else None)


def in_parts(rows: Sequence[Row]) -> Iterator[tuple[Row, ...]]:
    """Yield rows in parts of an event's size."""
    for start in range(0, len(rows), ROWS_AN_EVENT):
        yield tuple(rows[start : start + ROWS_AN_EVENT])
