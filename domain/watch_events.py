"""What a school's stream knows of its attendance and dropout cases, which run in streams of their own."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel

from domain.events import Event


class Watch(BaseModel):
    """What the school remembers of the streams that watch over attendance.

    Attributes:
        ended: ids of those streams that have ended by themselves; the school keeps their last histories.
        open: pupil → id of the case that is not closed.
        episodes: pupil → how many cases there have been.
        over: whether the attendance has ended.
    """

    ended: list[str] = []
    open: dict[str, str] = {}
    episodes: dict[str, int] = {}
    over: bool = False


class DropoutCaseOpened(Event):
    """The attendance suspects a dropout: a case is opened, the pupil's first or a further one."""

    student: str
    class_id: str
    since: date
    by: str
    episode: int


class SuspicionPassedOn(Event):
    """A pupil who had come back is suspected again while the case is open."""

    student: str
    since: date
    by: str


class AbsencePassedOn(Event):
    """A pupil whose case is open was absent again after the return."""

    student: str
    day: date


class UnreportedDayPassedOn(Event):
    """A day has no report: for the open cases it counts neither as present nor as absent (INV-15)."""

    day: date


class FlagPassedOn(Event):
    """What was said about a pupil's absence has to be reported to the bureau."""

    student: str
    flag: str


class DropoutCaseNoted(Event):
    """A dropout case changed; the attendance counts by it."""

    student: str
    status: str
    on: date
    episode: int


class WatchEnded(Event):
    """The school's attendance has ended by itself."""

    stream: str


WATCH_EVENTS: tuple[type[Event], ...] = (
    DropoutCaseOpened,
    SuspicionPassedOn,
    AbsencePassedOn,
    UnreportedDayPassedOn,
    FlagPassedOn,
    DropoutCaseNoted,
    WatchEnded,
)
