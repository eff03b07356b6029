"""What the campaign decides for all and the school passes on: policy, holds, the list of schools, the window.

News go between a stream and its parent only, so the school stands in between and writes down that it passed them on:
the record then shows where a decision had arrived, and when.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final, Literal

from domain.campaign_events import DayRange
from domain.events import Envelope, Event, PolicyAdopted
from domain.parts import Part
from domain.policy import PolicyProfile
from domain.school_state import SchoolState
from domain.stage_events import StageSlug, StageStatus
from domain.stream import Message, Outgoing, news

FILING: Final = (StageSlug.APPLICATION_FILING,)
READERS_OF_THE_LIST: Final = (StageSlug.SCHOOL_VISITS, StageSlug.APPLICATION_FILING)


class HoldPassedOn(Event):
    """A hold was placed or released: these cases are not counted or paid for, and nothing else changes (INV-30).

    Attributes:
        scope: what is held; `class_id` and `student` name it where it is smaller than the school.
        placed: False where it is released.
    """

    hold: str
    scope: Literal["student", "class", "school", "campaign"]
    class_id: str | None = None
    student: str | None = None
    placed: bool


class InvalidationPassedOn(Event):
    """What was obtained by a confirmed violation does not count; the pupils keep every right (R-09)."""

    students: tuple[str, ...]
    case: str
    reason: str | None = None


class ReinstatementPassedOn(Event):
    """The violation was dismissed or an appeal was won: what had been set aside counts again (edge 44)."""

    students: tuple[str, ...]
    case: str
    reason: str | None = None


class SchoolListPassedOn(Event):
    """The list of qualified schools has changed.

    Attributes:
        added: schools that came onto the list.
        removed: the school that left it, from the day `on`.
    """

    added: tuple[str, ...] = ()
    removed: str | None = None
    on: date | None = None
    reason: str | None = None


class WindowPassedOn(Event):
    """The examination authority takes applications on other days (R-11, edge case 46)."""

    first: date
    last: date
    document: str


class PassOnPart(Part[SchoolState]):
    """News from the campaign that a school passes on; a campaign of an earlier release sends none of them."""

    event_types = (HoldPassedOn, InvalidationPassedOn, ReinstatementPassedOn, SchoolListPassedOn, WindowPassedOn)
    messages = ("policy", "hold", "invalidate", "reinstate", "school_removed", "schools_listed", "window")

    def absorb(self, state: SchoolState, message: Message, now: datetime) -> list[Event]:
        """Take in what the campaign decided; what is known already leads to nothing."""
        if state.release < self.since:
            return []
        data = message.data
        match message.kind:
            case "policy":
                profile = PolicyProfile.model_validate(data["profile"])
                newer = profile.version > state.policy.version
                return [PolicyAdopted(profile=data["profile"])] if newer else []
            case "hold":
                return [HoldPassedOn.model_validate(data)]
            case "invalidate":
                return [InvalidationPassedOn.model_validate(data)]
            case "reinstate":
                return [ReinstatementPassedOn.model_validate(data)]
            case "school_removed":
                removed = data["school"] in state.qualified_schools
                passed = SchoolListPassedOn(removed=data["school"], on=data["on"], reason=data["reason"])
                return [passed] if removed else []
            case "schools_listed":
                added = tuple(code for code in data["schools"] if code not in state.qualified_schools)
                return [SchoolListPassedOn(added=added)] if added else []
            case "window":
                passed_on = WindowPassedOn.model_validate(data)
                window = DayRange(first=passed_on.first, last=passed_on.last)
                return [passed_on] if window != state.application_window else []
            case _:
                return super().absorb(state, message, now)

    def evolve(self, state: SchoolState, event: Event, envelope: Envelope) -> None:
        """Keep the list of schools and the window: the stages of a school that is just loading begin with them."""
        del envelope
        match event:
            case SchoolListPassedOn(removed=removed, added=added):
                state.qualified_schools = [*(code for code in state.qualified_schools if code != removed), *added]
            case WindowPassedOn(first=first, last=last):
                state.application_window = DayRange(first=first, last=last)
            case _:
                pass  # what the other news change, the stages keep

    def outgoing(self, state: SchoolState, event: Event, envelope: Envelope) -> list[Outgoing]:
        """Pass it on under the name and with the data with which it came."""
        match event:
            case PolicyAdopted(profile=profile):
                return _to(state, tuple(StageSlug), "policy", envelope, profile=profile)
            case HoldPassedOn():
                return _to(state, FILING, "hold", envelope, **event.model_dump(mode="json"))
            case InvalidationPassedOn():
                return _to(state, FILING, "invalidate", envelope, **event.model_dump(mode="json"))
            case ReinstatementPassedOn():
                return _to(state, FILING, "reinstate", envelope, **event.model_dump(mode="json"))
            case WindowPassedOn():
                return _to(state, FILING, "window", envelope, **event.model_dump(mode="json"))
            case SchoolListPassedOn(removed=str() as school, on=date() as on, reason=reason):
                removed = {"school": school, "on": on.isoformat(), "reason": reason}
                return _to(state, READERS_OF_THE_LIST, "school_removed", envelope, **removed)
            case SchoolListPassedOn(added=added):
                return _to(state, READERS_OF_THE_LIST, "schools_listed", envelope, schools=list(added))
            case _:
                return []


def _to(state: SchoolState, stages: Sequence[StageSlug], kind: str, envelope: Envelope, **data: Any) -> list[Outgoing]:
    """Return news to those of the stages that run; a stage that starts later begins with what holds then."""
    return [
        news(f"{state.campaign}/{state.school}/{slug}", kind, envelope, **data)
        for slug in stages
        if state.progress.get(slug, StageStatus.ARCHIVED) != StageStatus.ARCHIVED
    ]
