"""What a stage does by itself and when: opening, reminders, overdue, escalation, a late joiner's own day (S12, B12).

A date that would need the working days of an unpublished year is not yet computable and left out; it appears when
the calendar does (design, section 6).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import partial

from domain.calendar import CalendarUnknown
from domain.events import Event
from domain.refusal import Blocker
from domain.stage_events import (
    JoinerOverdue,
    StageEscalated,
    StageOpened,
    StageOverdue,
    StageReminded,
    StageStatus,
)
from domain.stage_state import StageState, Todo
from domain.time import at, civil, end_of

Clock = tuple[datetime, Callable[[], Event]]
"""An instant, and the event that it fires."""


def stage_clocks(state: StageState, missing: Callable[[], tuple[Blocker, ...]]) -> Iterator[Clock]:
    """Yield the clocks that a pause holds: they name missing service and stop the moment it is there."""
    if state.paused or state.stopped:
        return
    if state.status == StageStatus.PLANNED and all(stage in state.met for stage in state.after):
        yield _not_before_awake(state, state.ready_at), StageOpened
    if state.status != StageStatus.OPEN:
        return
    parameters = state.policy.parameters
    if not state.overdue:
        for days in parameters.reminder_working_days:
            instant = _working_instant(state, state.due, -days)
            if days not in state.reminded and instant is not None and instant >= _awake_since(state):
                yield instant, partial(_reminded, days, missing)
        yield _not_before_awake(state, end_of(state.due)), lambda: StageOverdue(missing=missing())
    elif state.escalated < len(parameters.escalation_working_days):
        base = max(state.due, civil(state.awake_at)) if state.awake_at else state.due
        instant = _working_instant(state, base, parameters.escalation_working_days[state.escalated])
        if instant is not None:
            role = parameters.escalation_roles[state.escalated].value
            yield (
                instant,
                lambda: StageEscalated(level=state.escalated + 1, to_role=role, missing=missing()),
            )


def joiner_clocks(state: StageState, work: Callable[[], list[Todo]], until: datetime | None) -> Iterator[Clock]:
    """Yield the end of each late joiner's own term, where service is missing then.

    Args:
        state: the stage.
        work: what is to be done for single pupils; asked only where a term ends in time, for it is dear.
        until: terms that end later are left out; None: none is.
    """
    if state.paused or state.stopped:
        return
    ends = [
        (_not_before_awake(state, end_of(due)), student, due)
        for student, own in state.joined.items()
        if student not in state.late_joiners
        for due in (max(own, state.due),)  # an extension is everybody's
    ]
    ends = [end for end in ends if until is None or end[0] <= until]
    if not ends:
        return
    open_ = {todo.student: None for todo in work()}
    for instant, student, due in ends:
        if student in open_:
            yield instant, partial(JoinerOverdue, student=student, due=due)


def joiner_due(state: StageState, on: date) -> date:
    """Return the day by which a late joiner's service is due: so many working days after joining, never before `due`.

    Where the working days are not published, natural days are counted.

    Args:
        state: the stage.
        on: the day from which the school can serve the pupil: of joining, or of recording it where that is later.
    """
    days = state.policy.parameters.joiner_working_days
    start = max(on, state.opens)
    try:
        own = state.calendar.add_working_days(state.calendar.on_or_after(start), days)
    except CalendarUnknown:
        own = date.fromordinal(start.toordinal() + days)
    return max(own, state.due)


def _reminded(days: int, missing: Callable[[], tuple[Blocker, ...]]) -> StageReminded:
    return StageReminded(working_days_left=days, missing=missing())


def _working_instant(state: StageState, day: date, working_days: int) -> datetime | None:
    try:
        return at(state.calendar.add_working_days(day, working_days))
    except CalendarUnknown:
        return None


def _not_before_awake(state: StageState, instant: datetime) -> datetime:
    return instant if state.awake_at is None else max(instant, state.awake_at)


def _awake_since(state: StageState) -> datetime:
    since = state.opened_at or state.ready_at
    return _not_before_awake(state, since)
