"""What a school's stream knows of its attendance and dropout cases, which run in streams of their own."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from domain.events import Event
from domain.evidence import EvidenceGrade
from domain.instants import Day
from domain.stream import STUDENT, Command

Student = Annotated[str, Field(pattern=STUDENT)]


class Watch(BaseModel):
    """What the school remembers of the streams that watch over attendance.

    Attributes:
        ended: ids of those streams that have ended by themselves; the school keeps their last histories.
        open: pupil → id of the case that goes on.
        episodes: pupil → how many cases there have been.
        away: pupil → since when, for each case that goes on or that the year's end found without a return.
        not_returned: pupils whose case ended like that, and of whom nobody has known since; `returned_late`: those of
            them who were seen again → since when.
        over: whether the attendance has ended.
    """

    ended: list[str] = []
    open: dict[str, str] = {}
    episodes: dict[str, int] = {}
    away: dict[str, date] = {}
    not_returned: list[str] = []
    returned_late: dict[str, date] = {}
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


class LateReturnRecorded(Event):
    """A pupil whose case ended with the year, without a return, was seen again.

    It changes no figure of that year's end (R-05) and opens no case: it is the good news that the record must not lack.
    """

    student: str
    on: date
    evidence: EvidenceGrade


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
    LateReturnRecorded,
    WatchEnded,
)


class RecordLateReturn(Command):
    """Record that a pupil is back whose case ended with the year."""

    kind: Literal["record_late_return"] = "record_late_return"
    student: Student
    on: Day
    evidence: EvidenceGrade


WATCH_COMMANDS: tuple[type[Command], ...] = (RecordLateReturn,)
