"""What every stage is: its states, flags, clocks and commands (design, section 5; S12, B13).

A stage is *planned*, *open*, *completed*, *skipped* or *archived*; *overdue*, *paused* and *stopped* are flags.
A module per stage adds content through the hooks of `StageDecider`. Completing never needs a family's yes:
blockers, reminders and escalations name missing *service* only.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any, ClassVar, Final

from domain.actors import SYSTEM, Actor, require
from domain.calendar import Calendar, CalendarUnknown
from domain.events import Envelope, Event, PolicyAdopted
from domain.policy import PolicyProfile
from domain.refusal import Blocker, Refusal
from domain.stage_clocks import Clock, joiner_clocks, joiner_due, stage_clocks
from domain.stage_events import (
    DONE,
    CalendarAdopted,
    CompleteStage,
    CorrectRecord,
    ExtendStage,
    JoinerOverdue,
    PrerequisiteLost,
    PrerequisiteMet,
    ReopenStage,
    SchoolsListed,
    SkipStage,
    StageArchived,
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
    StudentEnrolled,
    StudentRemoved,
)
from domain.stage_state import StageState, T, Todo, require_reason
from domain.stream import Acted, Decider, Message, Outgoing, UnknownEventError, news
from domain.time import at, civil, end_of

FOLLOWS_SINCE: Final = 3
"""The release whose stages follow a change of policy and of the published list of schools."""


class StageDecider(Decider[T]):
    """The rules that all stages share, with hooks for a stage's own content."""

    content_since: ClassVar[int] = 1
    """The release whose streams have this content; an older stream of the kind stays planned, and can be skipped."""

    recorded_with: ClassVar[str | None] = None
    """The command that records what `correct` corrects: whoever may not give it corrects nothing. None where a
    stage's rows differ in that; its `correct` then asks for each row."""

    # -- hooks ------------------------------------------------------------------------------------------------

    @abstractmethod
    def plan(self, shared: dict[str, Any], content: dict[str, Any]) -> T:
        """Make the first state from the shared fields and the stage's own part of `StagePlanned`."""

    def decide_content(self, state: T, command: Any, now: datetime) -> Sequence[Event | Acted]:
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

    def content_view(self, state: T) -> dict[str, Any]:
        """Return what the stage's content adds to its line of the board: counts and codes."""
        del state
        return {}

    def work(self, state: T) -> list[Todo]:
        """Return what is to be done for single pupils, one line a pupil, in the order of classes (S1)."""
        del state
        return []

    def while_paused(self, command: Any) -> bool:
        """Tell whether a command of the stage's own goes through during a pause."""
        del command
        return False

    def after_completion(self, state: T, command: Any) -> bool:
        """Tell whether a command of the stage's own goes through after the sign-off."""
        del state, command
        return False

    def is_right(self, command: Any) -> bool:
        """Tell whether a command is a family's right: no pause, stop or state of the stage holds it back."""
        del command
        return False

    def content_clocks(self, state: T) -> Iterator[Clock]:
        """Yield what the stage's content does by itself: fixed deadlines, which no pause and no stop holds."""
        del state
        yield from ()

    def correct(self, state: T, command: CorrectRecord, now: datetime) -> list[Event]:
        """Return the correction of one recorded row; the original stays in the record (S5).

        Raises:
            Refusal: NOT_CORRECTABLE and those of the row's own rules.
        """
        raise Refusal("NOT_CORRECTABLE", stage=state.stage, event=command.version, at=now.isoformat())

    def enrol(self, state: T, student: str) -> None:
        """Make room for a late joiner, who is in `classes` and `joined` already."""

    def remove(self, state: T, student: str) -> None:
        """Drop what is still to be done for a pupil who left the register; what was done stays."""

    def policy_changed(self, state: T, profile: PolicyProfile) -> list[Event]:
        """Return what another version of the policy leads to; the state still has the one before. Changes nothing."""
        del state, profile
        return []

    def departed(self, state: T, student: str) -> list[Event]:
        """Return what a departure makes true, where the stage waited for this pupil alone; changes nothing."""
        del state, student
        return []

    # -- the decider ------------------------------------------------------------------------------------------

    def begin(self, start: dict[str, Any], now: datetime) -> tuple[Actor, list[Event]]:
        """Plan the stage from what its school gave it."""
        del now
        return SYSTEM, [StagePlanned.model_validate(start)]

    def decide(self, state: T, command: Any, now: datetime) -> Sequence[Event | Acted]:
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
            case _ if not self.has_content(state):
                raise Refusal("STAGE_HAS_NO_CONTENT", stage=state.stage)
            case CorrectRecord():
                if self.recorded_with is not None:
                    require(command.actor, self.recorded_with, state.school)
                require_reason(command)
                self._refuse_if_held(state)
                self._refuse_unless_open(state, command.occurred_at or now)
                return self.correct(state, command, now)
            case _ if self.is_right(command):
                if state.status == StageStatus.ARCHIVED:
                    raise Refusal("CAMPAIGN_CLOSED")
                return self.decide_content(state, command, now)
            case _:
                if not self.while_paused(command):
                    self._refuse_if_held(state)
                if state.status != StageStatus.COMPLETED or not self.after_completion(state, command):
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
                    "content_release": event.content.get("release", 1),
                    # a campaign that begins late reminds nobody of days that had passed before it
                    "awake_at": envelope["recorded_at"] if event.content.get("release", 1) > 1 else None,
                },
                event.content,
            )
        if state is None:
            raise UnknownEventError(f"{envelope['stream']} begins with {envelope['type']}")
        return self._evolve_shared(state, event, envelope)

    def adopted(self, state: T, envelope: Envelope) -> T:
        """Follow a new policy from here on: a reminder that it has for a day that has passed is not made up for."""
        if state.content_release >= FOLLOWS_SINCE:
            state.awake_at = datetime.fromisoformat(envelope["recorded_at"])
        return state

    def due(self, state: T) -> datetime | None:
        """Return the earliest instant at which the stage opens, reminds, becomes overdue or escalates."""
        return min((instant for instant, _ in self._clocks(state)), default=None)

    def on_due(self, state: T, instant: datetime) -> list[Event]:
        """Return the one event that the earliest clock fires; the rest follow at the next call."""
        _, happen = min(self._clocks(state), key=lambda clock: clock[0])
        del instant
        return [happen()]

    def absorb(self, state: T, message: Message, now: datetime) -> list[Event]:
        """Take in news from the school: prerequisites, who joins or leaves, calendar, policy, holds, stop, close."""
        match message.kind:
            case "student_left":
                student, kind = message.data["student"], message.data["exit"]
                if not any(student in pupils for pupils in state.classes.values()):
                    return []
                followed = [] if state.status == StageStatus.ARCHIVED else self.departed(state, student)
                return [StudentRemoved(student=student, exit=kind), *followed]
            case "student_joined":
                student, on = message.data["student"], date.fromisoformat(message.data["on"])
                if state.status == StageStatus.ARCHIVED or any(student in pupils for pupils in state.classes.values()):
                    return []
                due = joiner_due(state, max(on, civil(now)))
                class_id, young = message.data["class_id"], message.data.get("under_14", False)
                return [StudentEnrolled(student=student, class_id=class_id, on=on, due=due, under_14=young)]
            case "calendar":
                calendar = Calendar.model_validate(message.data["calendar"])
                if calendar.version <= state.calendar.version or state.status == StageStatus.ARCHIVED:
                    return []
                return [CalendarAdopted(calendar=calendar.model_dump(mode="json"))]
            case "policy" if state.content_release >= FOLLOWS_SINCE:
                profile = PolicyProfile.model_validate(message.data["profile"])
                if profile.version <= state.policy.version or state.status == StageStatus.ARCHIVED:
                    return []
                return [PolicyAdopted(profile=message.data["profile"]), *self.policy_changed(state, profile)]
            case "schools_listed" if state.content_release >= FOLLOWS_SINCE:
                held = listed_schools(state)
                added = tuple(str(code) for code in message.data["schools"] if held is not None and code not in held)
                return [SchoolsListed(schools=added)] if added and state.status != StageStatus.ARCHIVED else []
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
            "classes": self.progress(state) if self.has_content(state) else StageDecider.progress(self, state),
            **(self.content_view(state) if self.has_content(state) else {}),
        }

    def blockers(self, state: T) -> tuple[Blocker, ...]:
        """Return what stands in the way of completing now, prerequisites included."""
        if state.status in DONE:
            return ()
        if not self.has_content(state):
            return (Blocker(code="STAGE_HAS_NO_CONTENT"),)
        waiting = [stage for stage in state.after if stage not in state.met]
        if waiting:
            return (Blocker(code="STAGE_PREREQUISITE", count=len(waiting)),)
        return self.missing(state) if state.status == StageStatus.OPEN else ()

    def has_content(self, state: T) -> bool:
        """Tell whether this stream began with the stage's content."""
        return state.content_release >= self.content_since

    # -- inside -----------------------------------------------------------------------------------------------

    def _complete(self, state: T, command: CompleteStage, now: datetime) -> list[Event]:
        if state.status == StageStatus.COMPLETED:
            raise Refusal("ALREADY_COMPLETED")
        if not self.has_content(state):
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

    def _clocks(self, state: T) -> Iterator[Clock]:
        """Yield what fires by itself, the earliest among it; of clocks of one instant the first yielded fires first."""
        if not self.has_content(state) or state.status == StageStatus.ARCHIVED:
            return
        before = [*stage_clocks(state, lambda: self.missing(state))]
        after = [*self.content_clocks(state)]
        first = min((instant for instant, _ in (*before, *after)), default=None)
        yield from before
        yield from joiner_clocks(state, lambda: self.work(state), first)
        yield from after

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
                return self._evolve_register(state, event, envelope)
        return state

    def _evolve_register(self, state: T, event: Event, envelope: Envelope) -> T:
        match event:
            case StudentEnrolled(student=student, class_id=class_id, on=on, due=due):
                state.left.pop(student, None)
                state.classes.setdefault(class_id, []).append(student)
                state.joined[student], state.came[student] = due, on
                self.enrol(state, student)
            case StudentRemoved(student=student, exit=kind):
                for pupils in state.classes.values():
                    if student in pupils:
                        pupils.remove(student)
                state.joined.pop(student, None)
                state.came.pop(student, None)
                if student in state.late_joiners:
                    state.late_joiners.remove(student)
                state.left[student] = kind
                self.remove(state, student)
            case JoinerOverdue(student=student):
                state.late_joiners.append(student)
            case SchoolsListed(schools=schools):
                held = listed_schools(state)
                if held is not None:
                    held += schools
            case CalendarAdopted(calendar=calendar):
                state.calendar = Calendar.model_validate(calendar)
                state.awake_at = datetime.fromisoformat(
                    envelope["recorded_at"]
                )  # a reminder whose day has passed is not made up for
            case _:
                return self.evolve_content(state, event, envelope)
        return state


def listed_schools(state: StageState) -> list[str] | None:
    """Return the list of qualified schools of a stage that looks at it, the list itself; None of another stage."""
    held: list[str] | None = getattr(state, "qualified_schools", None)
    return held
