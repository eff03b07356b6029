"""One school's part of the campaign: loads its cohort, starts its five stages, carries news between them.

Stages overlap by entry guards: a stage that needs another is told when that one is completed, skipped or reopened,
as a message whose cause is the event's id (design, section 4).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from domain.actors import SYSTEM, Actor
from domain.campaign import SchoolEntry, StageWindow
from domain.events import Envelope, Event
from domain.policy import PolicyProfile
from domain.refusal import Refusal
from domain.stage_events import StageStatus
from domain.stream import Command, Decider, Job, Message, Outgoing, StreamState, UnknownEventError, child, news


class SchoolRunStatus(StrEnum):
    """Where the school's own stream stands."""

    LOADING = "loading"
    RUNNING = "running"
    CLOSING = "closing"
    CLOSED = "closed"


class SchoolCampaignStarted(Event):
    """The campaign has started this school with its windows, policy and registry snapshot."""

    campaign: str
    county: str
    year: int
    school: str
    entry: SchoolEntry
    stages: dict[str, StageWindow]
    policy: dict[str, Any]
    calendar: dict[str, Any]
    rule: dict[str, Any]


class CohortLoaded(Event):
    """The pupils of the snapshot, by class, as random references (INV-10)."""

    snapshot: str
    snapshot_digest: str
    classes: dict[str, tuple[str, ...]]


class StageChangeNoted(Event):
    """One of the school's stages was completed, skipped, reopened or archived."""

    stage: str
    status: str


class SchoolPaused(Event):
    """The school passes a pause on to its stages."""

    scope: str
    reason: str


class SchoolResumed(Event):
    """The school passes the end of a pause on to its stages."""

    scope: str


class SchoolStopped(Event):
    """The school passes a stop on to its stages."""

    reason: str


class SchoolClosing(Event):
    """The campaign closed; the stages are asked to end."""


class SchoolClosed(Event):
    """All stages of the school have ended."""


class SchoolCommand(Command):
    """Any command; a school's own stream takes none in this release."""

    kind: str


class SchoolState(StreamState):
    """The school as its events make it."""

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
    paused: list[str] = []
    stopped: bool = False


class SchoolDecider(Decider[SchoolState]):
    """The rules of a school's own stream; it takes no commands, only news."""

    kind = "school"
    state_type = SchoolState
    commands: TypeAdapter[Any] = TypeAdapter(SchoolCommand)
    event_types = (
        SchoolCampaignStarted,
        CohortLoaded,
        StageChangeNoted,
        SchoolPaused,
        SchoolResumed,
        SchoolStopped,
        SchoolClosing,
        SchoolClosed,
    )

    def begin(self, start: dict[str, Any], now: datetime) -> tuple[Actor, list[Event]]:
        """Begin with what the campaign gave."""
        del now
        return SYSTEM, [SchoolCampaignStarted.model_validate(start)]

    def decide(self, state: SchoolState, command: Any, now: datetime) -> list[Event]:
        """Refuse: nobody commands a school's stream directly in this release.

        Raises:
            Refusal: COMMAND_UNKNOWN.
        """
        del state, now
        raise Refusal("COMMAND_UNKNOWN", command=getattr(command, "kind", ""))

    def evolve(self, state: SchoolState | None, event: Event, envelope: Envelope) -> SchoolState:
        """Apply an event; the first must be `SchoolCampaignStarted`."""
        if isinstance(event, SchoolCampaignStarted):
            return SchoolState(
                policy=PolicyProfile.model_validate(event.policy),
                campaign=event.campaign,
                county=event.county,
                year=event.year,
                school=event.school,
                entry=event.entry,
                stages=dict(event.stages),
                calendar=event.calendar,
                rule=event.rule,
            )
        if state is None:
            raise UnknownEventError(f"{envelope['stream']} begins with {envelope['type']}")
        match event:
            case CohortLoaded(classes=classes):
                state.status = SchoolRunStatus.RUNNING
                state.pupils = sum(len(pupils) for pupils in classes.values())
                state.progress = dict.fromkeys(state.stages, StageStatus.PLANNED.value)
            case StageChangeNoted(stage=stage, status=status):
                state.progress[stage] = status
            case SchoolPaused(scope=scope):
                state.paused.append(scope)
            case SchoolResumed(scope=scope):
                state.paused.remove(scope)
            case SchoolStopped():
                state.stopped = True
            case SchoolClosing():
                state.status = SchoolRunStatus.CLOSING
            case SchoolClosed():
                state.status = SchoolRunStatus.CLOSED
            case _:
                raise UnknownEventError(f"{envelope['stream']}#{envelope['version']}: {envelope['type']}")
        return state

    def job(self, state: SchoolState) -> Job | None:
        """Ask for the cohort of the snapshot until it is loaded."""
        if state.status != SchoolRunStatus.LOADING:
            return None
        return Job(name="cohort", arguments={"snapshot": state.entry.snapshot, "digest": state.entry.snapshot_digest})

    def absorb(self, state: SchoolState, message: Message, now: datetime) -> list[Event]:
        """Take in the cohort, the stages' news and what the campaign passes on."""
        match message.kind:
            case "cohort":
                return self._load(state, message)
            case "stage_changed":
                stage = message.id.rpartition("#")[0].rpartition("/")[2]
                if stage not in state.progress:
                    raise UnknownEventError(f"{message.id} is not from a stage of {state.school}")
                status = StageStatus(message.data["status"])
                noted: list[Event] = [StageChangeNoted(stage=stage, status=status.value)]
                ended = {**state.progress, stage: status}
                closing = state.status == SchoolRunStatus.CLOSING
                if closing and all(status == StageStatus.ARCHIVED for status in ended.values()):
                    return [*noted, SchoolClosed()]
                return noted
            case "pause":
                if message.data["scope"] in state.paused:
                    return []
                return [SchoolPaused(scope=message.data["scope"], reason=message.data["reason"])]
            case "resume":
                scope = message.data["scope"]
                return [SchoolResumed(scope=scope)] if scope in state.paused else []
            case "stop":
                return [] if state.stopped else [SchoolStopped(reason=message.data["reason"])]
            case "close":
                return [SchoolClosing()] if state.progress else [SchoolClosing(), SchoolClosed()]
            case _:
                return super().absorb(state, message, now)

    def outgoing(self, state: SchoolState, event: Event, envelope: Envelope) -> list[Outgoing]:
        """Start the stages, report to the campaign, and pass news on to the stages that wait for it."""
        match event:
            case CohortLoaded():
                return [
                    *self._stage_starts(state, event, envelope),
                    self._up(state, "school_ready", envelope, pupils=state.pupils),
                ]
            case StageChangeNoted(stage=stage, status=status):
                dependants = [slug for slug, window in state.stages.items() if stage in window.after]
                told = [
                    news(
                        f"{state.campaign}/{state.school}/{slug}", "prerequisite", envelope, stage=stage, status=status
                    )
                    for slug in dependants
                    if status != StageStatus.ARCHIVED
                ]
                return [*told, self._up(state, "school_progress", envelope, stage=stage, status=status)]
            case SchoolPaused(scope=scope, reason=reason):
                return self._to_stages(state, "pause", envelope, scope=scope, reason=reason)
            case SchoolResumed(scope=scope):
                return self._to_stages(state, "resume", envelope, scope=scope)
            case SchoolStopped(reason=reason):
                return self._to_stages(state, "stop", envelope, reason=reason)
            case SchoolClosing():
                return self._to_stages(state, "close", envelope)
            case SchoolClosed():
                return [self._up(state, "school_closed", envelope)]
            case _:
                return []

    def finished(self, state: SchoolState) -> bool:
        """Tell whether all stages have ended."""
        return state.status == SchoolRunStatus.CLOSED

    def last_archives(self, state: SchoolState) -> list[str]:
        """Return the streams of the school's stages."""
        return [f"{state.campaign}/{state.school}/{slug}" for slug in state.progress]

    def view(self, state: SchoolState) -> dict[str, Any]:
        """Return the school's own line of the board."""
        return {
            "campaign": state.campaign,
            "school": state.school,
            "status": state.status.value,
            "pupils": state.pupils,
            "paused": bool(state.paused),
            "stopped": state.stopped,
        }

    # -- inside -----------------------------------------------------------------------------------------------

    def _load(self, state: SchoolState, message: Message) -> list[Event]:
        if state.status != SchoolRunStatus.LOADING:
            return []
        classes = {class_id: tuple(pupils) for class_id, pupils in sorted(message.data["classes"].items())}
        return [
            CohortLoaded(snapshot=state.entry.snapshot, snapshot_digest=state.entry.snapshot_digest, classes=classes)
        ]

    def _stage_starts(self, state: SchoolState, event: CohortLoaded, envelope: Envelope) -> list[Outgoing]:
        classes = {class_id: list(pupils) for class_id, pupils in event.classes.items()}
        return [
            child(
                f"{state.campaign}/{state.school}/{slug}",
                slug,
                {
                    "campaign": state.campaign,
                    "school": state.school,
                    "stage": slug,
                    "opens": window.opens.isoformat(),
                    "due": window.due.isoformat(),
                    "after": list(window.after),
                    "classes": classes,
                    "policy": state.policy.model_dump(mode="json"),
                    "calendar": state.calendar,
                    "paused": list(state.paused),
                    "stopped": state.stopped,
                    "content": {
                        "year": state.year,
                        "snapshot": state.entry.snapshot,
                        "snapshot_digest": state.entry.snapshot_digest,
                        "rule": state.rule,
                    },
                },
                envelope,
            )
            for slug, window in state.stages.items()
        ]

    def _up(self, state: SchoolState, kind: str, envelope: Envelope, **data: Any) -> Outgoing:
        return news(state.campaign, kind, envelope, **data)

    def _to_stages(self, state: SchoolState, kind: str, envelope: Envelope, **data: Any) -> list[Outgoing]:
        return [
            news(f"{state.campaign}/{state.school}/{slug}", kind, envelope, **data)
            for slug, status in state.progress.items()
            if status != StageStatus.ARCHIVED
        ]
