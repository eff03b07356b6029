"""What a school's own stream remembers."""

from __future__ import annotations

from typing import Any

from domain.campaign_events import DayRange, SchoolEntry, StageWindow
from domain.care_events import Care
from domain.school_events import SchoolRunStatus
from domain.stream import StreamState
from domain.summaries_events import HeldSummary
from domain.watch_events import Watch


class SchoolState(StreamState):
    """The school as its events make it.

    Attributes:
        classes: the classes of its cohort, and those that late joiners brought.
    """

    campaign: str
    county: str
    year: int
    school: str
    status: SchoolRunStatus = SchoolRunStatus.LOADING
    entry: SchoolEntry
    stages: dict[str, StageWindow]
    calendar: dict[str, Any]
    rule: dict[str, Any]
    progress: dict[str, str] = {}
    pupils: int = 0
    classes: list[str] = []
    students: dict[str, str] = {}
    left: dict[str, str] = {}
    release: int = 1
    gateway: dict[str, Any] | None = None
    qualified_schools: list[str] = []
    paused: list[str] = []
    stopped: bool = False
    attendance: DayRange | None = None
    application_window: DayRange | None = None
    watch: Watch = Watch()
    care: Care = Care()
    summaries: dict[str, HeldSummary] = {}
