"""What every stage is: its states, flags, clocks and commands (design, section 5; S12, B13).

A stage is *planned*, *open*, *completed*, *skipped* or *archived*; *overdue*, *paused* and *stopped* are flags.
A module per stage adds content through the hooks of `StageDecider`. Completing never needs a family's yes:
blockers, reminders and escalations name missing *service* only.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import partial
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from domain.actors import SYSTEM, Actor, require
from domain.calendar import Calendar, CalendarUnknown
from domain.events import Envelope, Event
from domain.policy import PolicyProfile
from domain.refusal import Blocker, Refusal
from domain.stage_events import (
    DONE,
    STAGE_EVENTS,
    CompleteStage,
    ExtendStage,
    PrerequisiteLost,
    PrerequisiteMet,
    ReopenStage,
    SkipStage,
    StageArchived,
    StageCommand,
    StageCompleted,
    StageEscalated,
    StageExtended,
    StageOpened,
    StageOverdue,
    StagePaused,
    StagePlanned,
    StageReminded,
    StageReopened,
    StageResumed,
    StageSkipped,
    StageStatus,
    StageStopped,
)
from domain.stream import Command, Decider, Message, Outgoing, StreamState, UnknownEventError, news
from domain.time import at, civil, end_of

# -- state ------------------------------------------------------------------------------------------------------


class StageState(StreamState):
    """The state that all stages share; `classes` maps a class id to its pupils' references."""

    campaign: str
    school: str
    stage: str
    status: StageStatus = StageStatus.PLANNED
    opens: date
    due: date
    after: list[str]
    met: list[str] = []
    ready_at: AwareDatetime
    opened_at: AwareDatetime | None = None
    calendar: Calendar
    classes: dict[str, list[str]]
    overdue: bool = False
    paused: list[str] = []
    stopped: bool = False
    awake_at: AwareDatetime | None = None
    reminded: list[int] = []
    escalated: int = 0
    completed_at: AwareDatetime | None = None
    on_time: bool | None = None


T = TypeVar("T", bound=StageState)


def require_reason(command: Command) -> str:
    """Return the command's reason code.

    Raises:
        Refusal: REASON_REQUIRED.
    """
    if command.reason is None:
        raise Refusal("REASON_REQUIRED")
    return command.reason


class Todo(BaseModel):
    """One line of a work list: a pupil and the service that is missing, as a blocker's code."""

    model_config = ConfigDict(frozen=True)

    class_id: str
    student: str
    code: str


class StageDecider(Decider[T]):
    """The rules that all stages share, with hooks for a stage's own content."""

    has_content: ClassVar[bool] = True

    # -- hooks ------------------------------------------------------------------------------------------------

    @abstractmethod
    def plan(self, shared: dict[str, Any], content: dict[str, Any]) -> T:
        """Make the first state from the shared fields and the stage's own part of `StagePlanned`."""

    def decide_content(self, state: T, command: Any, now: datetime) -> list[Event]:
        """Decide one of the stage's own commands; the shared ones never come here."""
        raise UnknownEventError(f"{state.stage} has no command {command.kind} at {now}")

    def evolve_content(self, state: T, event: Event, envelope: Envelope) -> T:
        """Apply one of the stage's own events."""
        raise UnknownEventError(f"{state.stage}: {envelope['type']}: {event!r}")

    def absorb_content(self, state: T, message: Message, now: datetime) -> list[Event]:
        """Take in a message that is not one of the shared ones."""
        raise UnknownEventError(f"{state.stage} takes no message {message.kind} at {now}")

    def missing(self, state: T) -> tuple[Blocker, ...]:
        """Return the service that is missing before the stage can be completed."""
        del state
        return ()

    def progress(self, state: T) -> dict[str, dict[str, int]]:
        """Return, by class, how many pupils the stage's service has reached: `{class: {done, of}}`."""
        return {class_id: {"done": 0, "of": len(pupils)} for class_id, pupils in state.classes.items()}

    def work(self, state: T) -> list[Todo]:
        """Return what is to be done for single pupils, one line a pupil, in the order of classes (S1)."""
        del state
        return []

    def while_paused(self, command: Any) -> bool:
        """Tell whether a command of the stage's own goes through during a pause."""
        del command
        return False

    def after_completion(self, command: Any) -> bool:
        """Tell whether a command of the stage's own goes through after the sign-off."""
        del command
        return False

    # -- the decider ------------------------------------------------------------------------------------------

    def begin(self, start: dict[str, Any], now: datetime) -> tuple[Actor, list[Event]]:
        """Plan the stage from what its school gave it."""
        del now
        return SYSTEM, [StagePlanned.model_validate(start)]

    def decide(self, state: T, command: Any, now: datetime) -> list[Event]:
        """Decide a command: permission first, then the state of the stage, then its content.

        Raises:
            Refusal: ROLE_NOT_ALLOWED, WRONG_SCHOOL, STAGE_*, NOT_COMPLETE and those of the stage's own content.
        """
        require(command.actor, command.kind, state.school)
        match command:
            case CompleteStage():
                return self._complete(state, command, now)
            case ReopenStage():
                reason = require_reason(command)
                self._refuse_if_stopped(state)
                if state.status not in (StageStatus.COMPLETED, StageStatus.SKIPPED):
                    raise Refusal("STAGE_NOT_OPEN", status=state.status.value)
                return [StageReopened(reason=reason, was=state.status)]
            case ExtendStage(due=due):
                reason = require_reason(command)
                self._refuse_if_stopped(state)
                if state.status in DONE:
                    raise Refusal("STAGE_NOT_OPEN", status=state.status.value)
                return [self._extend(state, max(state.due, civil(now)), due, reason)]
            case SkipStage():
                reason = require_reason(command)
                if state.status == StageStatus.COMPLETED:
                    raise Refusal("ALREADY_COMPLETED")
                if state.status in DONE:
                    raise Refusal("STAGE_NOT_OPEN", status=state.status.value)
                return [StageSkipped(reason=reason)]
            case _:
                if not self.while_paused(command):
                    self._refuse_if_held(state)
                if state.status != StageStatus.COMPLETED or not self.after_completion(command):
                    self._refuse_unless_open(state, command.occurred_at or now)
                return self.decide_content(state, command, now)

    def evolve(self, state: T | None, event: Event, envelope: Envelope) -> T:
        """Apply an event; the first must be `StagePlanned`."""
        if isinstance(event, StagePlanned):
            return self.plan(
                {
                    "policy": PolicyProfile.model_validate(event.policy),
                    "campaign": event.campaign,
                    "school": event.school,
                    "stage": event.stage,
                    "opens": event.opens,
                    "due": event.due,
                    "after": list(event.after),
                    "ready_at": at(event.opens),
                    "calendar": Calendar.model_validate(event.calendar),
                    "classes": {class_id: list(pupils) for class_id, pupils in event.classes.items()},
                    "paused": list(event.paused),
                    "stopped": event.stopped,
                },
                event.content,
            )
        if state is None:
            raise UnknownEventError(f"{envelope['stream']} begins with {envelope['type']}")
        return self._evolve_shared(state, event, envelope)

    def due(self, state: T) -> datetime | None:
        """Return the earliest instant at which the stage opens, reminds, becomes overdue or escalates."""
        return min((instant for instant, _ in self._clocks(state)), default=None)

    def on_due(self, state: T, instant: datetime) -> list[Event]:
        """Return the one event that the earliest clock fires; the rest follow at the next call."""
        _, happen = min(self._clocks(state), key=lambda clock: clock[0])
        del instant
        return [happen()]

    def absorb(self, state: T, message: Message, now: datetime) -> list[Event]:
        """Take in news from the school: prerequisites, holds, stop, close."""
        match message.kind:
            case "prerequisite":
                stage, status = message.data["stage"], message.data["status"]
                if stage not in state.after:
                    return []
                if status in DONE:
                    return [] if stage in state.met else [PrerequisiteMet(stage=stage, status=status)]
                return [PrerequisiteLost(stage=stage)] if stage in state.met else []
            case "pause":
                scope = message.data["scope"]
                if scope in state.paused or state.status == StageStatus.ARCHIVED:
                    return []
                return [StagePaused(scope=scope, reason=message.data["reason"])]
            case "resume":
                scope = message.data["scope"]
                return [StageResumed(scope=scope)] if scope in state.paused else []
            case "stop":
                return [] if state.stopped else [StageStopped(reason=message.data["reason"])]
            case "close":
                return [] if state.status == StageStatus.ARCHIVED else [StageArchived()]
            case _:
                return self.absorb_content(state, message, now)

    def outgoing(self, state: T, event: Event, envelope: Envelope) -> list[Outgoing]:
        """Tell the school when the stage is completed, skipped, reopened or archived."""
        if isinstance(event, (StageCompleted, StageSkipped, StageReopened, StageArchived)):
            school = f"{state.campaign}/{state.school}"
            return [news(school, "stage_changed", envelope, stage=state.stage, status=state.status.value)]
        return []

    def finished(self, state: T) -> bool:
        """Tell whether the campaign has closed."""
        return state.status == StageStatus.ARCHIVED

    def view(self, state: T) -> dict[str, Any]:
        """Return the stage's line of the board."""
        return {
            "campaign": state.campaign,
            "school": state.school,
            "stage": state.stage,
            "status": state.status.value,
            "opens": state.opens.isoformat(),
            "due": state.due.isoformat(),
            "overdue": state.overdue,
            "paused": bool(state.paused),
            "stopped": state.stopped,
            "on_time": state.on_time,
            "blockers": [blocker.model_dump() for blocker in self.blockers(state)],
            "classes": self.progress(state),
        }

    def blockers(self, state: T) -> tuple[Blocker, ...]:
        """Return what stands in the way of completing now, prerequisites included."""
        if state.status in DONE:
            return ()
        if not self.has_content:
            return (Blocker(code="STAGE_HAS_NO_CONTENT"),)
        waiting = [stage for stage in state.after if stage not in state.met]
        if waiting:
            return (Blocker(code="STAGE_PREREQUISITE", count=len(waiting)),)
        return self.missing(state) if state.status == StageStatus.OPEN else ()

    # -- inside -----------------------------------------------------------------------------------------------

    def _complete(self, state: T, command: CompleteStage, now: datetime) -> list[Event]:
        if state.status == StageStatus.COMPLETED:
            raise Refusal("ALREADY_COMPLETED")
        if not self.has_content:
            raise Refusal("STAGE_HAS_NO_CONTENT", stage=state.stage)
        self._refuse_if_held(state)
        occurred = command.occurred_at or now
        self._refuse_unless_open(state, occurred)
        missing = self.blockers(state)
        if missing:
            raise Refusal("NOT_COMPLETE", blockers=missing)
        return [StageCompleted(on_time=occurred < end_of(state.due))]

    def _extend(self, state: T, later_than: date, due: date, reason: str) -> StageExtended:
        if due <= later_than:
            raise Refusal("DUE_NOT_LATER", due=later_than.isoformat())
        try:
            working = state.calendar.is_working_day(due)
        except CalendarUnknown as unknown:
            raise Refusal("CALENDAR_UNKNOWN", year=unknown.year) from None
        if not working:
            raise Refusal("DUE_NOT_WORKING_DAY", due=due.isoformat())
        return StageExtended(due=due, was=state.due, reason=reason)

    def _refuse_if_stopped(self, state: T) -> None:
        if state.stopped:
            raise Refusal("CAMPAIGN_STOPPED")

    def _refuse_if_held(self, state: T) -> None:
        self._refuse_if_stopped(state)
        if state.paused:
            raise Refusal("STAGE_PAUSED")

    def _refuse_unless_open(self, state: T, occurred: datetime) -> None:
        if state.status == StageStatus.PLANNED:
            waiting = [stage for stage in state.after if stage not in state.met]
            if waiting:
                raise Refusal("STAGE_PREREQUISITE", missing=waiting)
            raise Refusal("STAGE_TOO_EARLY", opens=state.opens.isoformat())
        if state.status != StageStatus.OPEN:
            raise Refusal("STAGE_NOT_OPEN", status=state.status.value)
        if occurred < at(state.opens):
            raise Refusal("STAGE_TOO_EARLY", opens=state.opens.isoformat())

    def _clocks(self, state: T) -> Iterator[tuple[datetime, Callable[[], Event]]]:
        """Yield what the stage will do by itself and when; a date in an unpublished year is not yet computable."""
        if not self.has_content or state.paused or state.stopped:
            return
        if state.status == StageStatus.PLANNED and all(stage in state.met for stage in state.after):
            yield self._not_before_awake(state, state.ready_at), StageOpened
        if state.status != StageStatus.OPEN:
            return
        parameters = state.policy.parameters
        if not state.overdue:
            for days in parameters.reminder_working_days:
                instant = self._working_instant(state, state.due, -days)
                if days not in state.reminded and instant is not None and instant >= self._awake_since(state):
                    yield instant, partial(self._reminded, state, days)
            yield self._not_before_awake(state, end_of(state.due)), partial(self._overdue, state)
        elif state.escalated < len(parameters.escalation_working_days):
            base = max(state.due, civil(state.awake_at)) if state.awake_at else state.due
            instant = self._working_instant(state, base, parameters.escalation_working_days[state.escalated])
            if instant is not None:
                yield instant, partial(self._escalated, state)

    def _reminded(self, state: T, days: int) -> Event:
        return StageReminded(working_days_left=days, missing=self.missing(state))

    def _overdue(self, state: T) -> Event:
        return StageOverdue(missing=self.missing(state))

    def _escalated(self, state: T) -> Event:
        role = state.policy.parameters.escalation_roles[state.escalated]
        return StageEscalated(level=state.escalated + 1, to_role=role, missing=self.missing(state))

    def _working_instant(self, state: T, day: date, working_days: int) -> datetime | None:
        try:
            return at(state.calendar.add_working_days(day, working_days))
        except CalendarUnknown:
            return None

    def _not_before_awake(self, state: T, instant: datetime) -> datetime:
        return instant if state.awake_at is None else max(instant, state.awake_at)

    def _awake_since(self, state: T) -> datetime:
        since = state.opened_at or state.ready_at
        return self._not_before_awake(state, since)

    def _evolve_shared(self, state: T, event: Event, envelope: Envelope) -> T:
        recorded = envelope["recorded_at"]
        match event:
            case StageOpened():
                state.status = StageStatus.OPEN
                state.opened_at = datetime.fromisoformat(envelope["occurred_at"])
            case StageReminded(working_days_left=days):
                state.reminded.append(days)
            case StageOverdue():
                state.overdue = True
            case StageEscalated(level=level):
                state.escalated = level
            case StageCompleted(on_time=on_time):
                state.status, state.on_time, state.overdue = StageStatus.COMPLETED, on_time, False
                state.completed_at = datetime.fromisoformat(envelope["occurred_at"])
            case StageReopened():
                state.awake_at = datetime.fromisoformat(recorded)
                state.status = StageStatus.OPEN if state.opened_at else StageStatus.PLANNED
                state.on_time, state.completed_at, state.escalated = None, None, 0
            case StageExtended(due=due):
                state.due, state.awake_at = due, datetime.fromisoformat(recorded)
                state.overdue, state.reminded, state.escalated = False, [], 0
            case StageSkipped():
                state.status, state.overdue = StageStatus.SKIPPED, False
            case StagePaused(scope=scope):
                state.paused.append(scope)
            case StageResumed(scope=scope):
                state.paused.remove(scope)
                state.awake_at = datetime.fromisoformat(recorded)
            case StageStopped():
                state.stopped = True
            case StageArchived():
                state.status = StageStatus.ARCHIVED
            case PrerequisiteMet(stage=stage):
                state.met.append(stage)
                if len(state.met) == len(state.after):
                    state.ready_at = max(state.ready_at, datetime.fromisoformat(recorded))
            case PrerequisiteLost(stage=stage):
                state.met.remove(stage)
            case _:
                return self.evolve_content(state, event, envelope)
        return state


class PlannedStageState(StageState):
    """A stage that exists and has no content in this release."""


class PlannedStageDecider(StageDecider[PlannedStageState]):
    """A stage that later releases fill: it can be skipped or extended, is never opened and never pretends."""

    has_content = False
    state_type = PlannedStageState
    commands: TypeAdapter[Any] = TypeAdapter(Annotated[StageCommand, Field(discriminator="kind")])
    event_types = STAGE_EVENTS

    def plan(self, shared: dict[str, Any], content: dict[str, Any]) -> PlannedStageState:
        """Make the first state."""
        del content
        return PlannedStageState(**shared)
