"""The county's campaign of one year: draft, approval by a second person, schools, holds, close (design, section 4).

Two people launch it and nobody approves their own draft on any path (B8, INV-21). Schools start in a sliding window
that counts those *starting*, until they signal that they are ready (O5).
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from domain.actors import Actor, require, require_other_person
from domain.events import Envelope, Event
from domain.policy import PolicyProfile, require_launchable
from domain.refusal import Blocker, Refusal
from domain.stage import require_reason
from domain.stage_events import DONE, StageSlug, StageStatus
from domain.stream import Command, Decider, Message, Outgoing, StreamState, UnknownEventError, child, news

SCHOOL_CODE = r"^\d{10}$"


class StageWindow(BaseModel):
    """When a stage of every school opens and is due, and which stages must be done before."""

    model_config = ConfigDict(frozen=True)

    opens: date
    due: date
    after: tuple[str, ...] = ()


class SchoolEntry(BaseModel):
    """A school of the campaign and the immutable registry snapshot that it starts from."""

    model_config = ConfigDict(frozen=True)

    code: str = Field(pattern=SCHOOL_CODE)
    snapshot: str
    snapshot_digest: str
    pupils: int
    classes: int


class SchoolStatus(StrEnum):
    """Where a school stands in the campaign."""

    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    CLOSED = "closed"


class CampaignStatus(StrEnum):
    """Where the campaign stands."""

    DRAFT = "draft"
    RUNNING = "running"
    STOPPED = "stopped"
    CLOSING = "closing"
    ARCHIVED = "archived"


# -- events -----------------------------------------------------------------------------------------------------


class CampaignDrafted(Event):
    """A bureau officer has prepared the year; nothing runs until another person approves it."""

    campaign: str
    county: str
    year: int
    clock: str
    content_digest: str
    policy: dict[str, Any]
    calendar: dict[str, Any]
    rule: dict[str, Any]
    stages: dict[str, StageWindow]
    schools: tuple[SchoolEntry, ...]
    qualified_schools: tuple[str, ...]
    not_yet_computable: tuple[int, ...] = ()


class CampaignApproved(Event):
    """A second person with the role has approved the draft."""

    content_digest: str


class SchoolStartRequested(Event):
    """A place in the window of starting schools was free."""

    school: str


class SchoolReady(Event):
    """The school's cohort is loaded and its five stages exist."""

    school: str
    pupils: int


class SchoolProgressNoted(Event):
    """A stage of a school was completed, skipped, reopened or archived."""

    school: str
    stage: str
    status: str


class CampaignPaused(Event):
    """Reminders, escalations, optional notices and staff progress are held; rights and fixed deadlines are not."""

    school: str | None
    reason: str


class CampaignResumed(Event):
    """A pause ends."""

    school: str | None
    reason: str


class CampaignStopped(Event):
    """No more progress; what protects children goes on until it ends by itself."""

    reason: str


class CampaignClosed(Event):
    """The year is over; every stream is asked to end."""

    reason: str


class SchoolClosedNoted(Event):
    """A school has ended and archived its stages' histories."""

    school: str


class CampaignArchived(Event):
    """Every school has ended."""


# -- commands ---------------------------------------------------------------------------------------------------


class ApproveCampaign(Command):
    """Approve the draft; by another person than its author."""

    kind: Literal["approve"] = "approve"
    content_digest: str | None = None


class PauseCampaign(Command):
    """Hold the campaign or one school; needs a reason."""

    kind: Literal["pause"] = "pause"
    school: str | None = Field(default=None, pattern=SCHOOL_CODE)


class ResumeCampaign(Command):
    """End a pause of the same scope; needs a reason."""

    kind: Literal["resume"] = "resume"
    school: str | None = Field(default=None, pattern=SCHOOL_CODE)


class StopCampaign(Command):
    """Stop the campaign; needs a reason."""

    kind: Literal["stop"] = "stop"


class CloseCampaign(Command):
    """Close the year; needs a reason and every stage finished (or the campaign stopped)."""

    kind: Literal["close_campaign"] = "close_campaign"


CampaignCommand = Annotated[
    ApproveCampaign | PauseCampaign | ResumeCampaign | StopCampaign | CloseCampaign, Field(discriminator="kind")
]


# -- state ------------------------------------------------------------------------------------------------------


class CampaignState(StreamState):
    """The campaign as its events make it."""

    campaign: str
    county: str
    year: int
    clock: str
    content_digest: str
    drafted_by: Actor
    approved_by: str | None = None
    status: CampaignStatus = CampaignStatus.DRAFT
    calendar: dict[str, Any]
    rule: dict[str, Any]
    stages: dict[str, StageWindow]
    schools: dict[str, SchoolEntry]
    standing: dict[str, SchoolStatus]
    progress: dict[str, dict[str, str]]
    paused: bool = False
    paused_schools: list[str] = []


class CampaignDecider(Decider[CampaignState]):
    """The rules of the campaign's own stream."""

    kind = "campaign"
    state_type = CampaignState
    commands: TypeAdapter[Any] = TypeAdapter(CampaignCommand)
    event_types = (
        CampaignDrafted,
        CampaignApproved,
        SchoolStartRequested,
        SchoolReady,
        SchoolProgressNoted,
        CampaignPaused,
        CampaignResumed,
        CampaignStopped,
        CampaignClosed,
        SchoolClosedNoted,
        CampaignArchived,
    )

    def begin(self, start: dict[str, Any], now: datetime) -> tuple[Actor, list[Event]]:
        """Write the draft in its author's name; the client has checked the author's role, `approve` does again."""
        del now
        return Actor.model_validate(start["actor"]), [CampaignDrafted.model_validate(start)]

    def decide(self, state: CampaignState, command: Any, now: datetime) -> list[Event]:
        """Decide one of the bureau's commands.

        Raises:
            Refusal: ROLE_NOT_ALLOWED, SELF_APPROVAL, CAMPAIGN_*, REASON_REQUIRED, SCHOOL_UNKNOWN, STAGES_NOT_FINISHED.
        """
        del now
        if isinstance(command, ApproveCampaign) and state.status == CampaignStatus.DRAFT:
            # before the role: also an author who tries it in the author's own role is kept in the record
            require_other_person(command.actor, [state.drafted_by.id, state.drafted_by.on_behalf_of])
        require(command.actor, command.kind, None)
        if state.status in (CampaignStatus.CLOSING, CampaignStatus.ARCHIVED):
            raise Refusal("CAMPAIGN_CLOSED")
        match command:
            case ApproveCampaign():
                return self._approve(state, command)
            case PauseCampaign(school=school):
                reason = self._running(state, command)
                if state.paused or (school is not None and school in state.paused_schools):
                    raise Refusal("ALREADY_PAUSED")
                self._started(state, school)
                return [CampaignPaused(school=school, reason=reason)]
            case ResumeCampaign(school=school):
                reason = self._running(state, command)
                if not (state.paused if school is None else school in state.paused_schools):
                    raise Refusal("NOT_PAUSED")
                resumed = CampaignResumed(school=school, reason=reason)
                return [resumed, *([] if school else self._starts(state))]
            case StopCampaign():
                return [CampaignStopped(reason=self._running(state, command))]
            case CloseCampaign():
                reason = require_reason(command)
                if state.status == CampaignStatus.RUNNING:
                    unfinished = self.blockers(state)
                    if unfinished:
                        raise Refusal("STAGES_NOT_FINISHED", blockers=unfinished)
                closed: list[Event] = [CampaignClosed(reason=reason)]
                return closed if self._open_schools(state) else [*closed, CampaignArchived()]
            case _:
                raise Refusal("COMMAND_UNKNOWN", command=command.kind)

    def evolve(self, state: CampaignState | None, event: Event, envelope: Envelope) -> CampaignState:
        """Apply an event; the first must be `CampaignDrafted`."""
        if isinstance(event, CampaignDrafted):
            return CampaignState(
                policy=PolicyProfile.model_validate(event.policy),
                campaign=event.campaign,
                county=event.county,
                year=event.year,
                clock=event.clock,
                content_digest=event.content_digest,
                drafted_by=Actor.model_validate(envelope["actor"]),
                calendar=event.calendar,
                rule=event.rule,
                stages=dict(event.stages),
                schools={school.code: school for school in event.schools},
                standing={school.code: SchoolStatus.WAITING for school in event.schools},
                progress={
                    school.code: dict.fromkeys(event.stages, StageStatus.PLANNED.value) for school in event.schools
                },
            )
        if state is None:
            raise UnknownEventError(f"{envelope['stream']} begins with {envelope['type']}")
        match event:
            case CampaignApproved():
                state.status, state.approved_by = CampaignStatus.RUNNING, envelope["actor"]["id"]
            case SchoolStartRequested(school=school):
                state.standing[school] = SchoolStatus.STARTING
            case SchoolReady(school=school):
                state.standing[school] = SchoolStatus.RUNNING
            case SchoolProgressNoted(school=school, stage=stage, status=status):
                state.progress[school][stage] = status
            case CampaignPaused(school=None):
                state.paused = True
            case CampaignPaused(school=str() as school):
                state.paused_schools.append(school)
            case CampaignResumed(school=None):
                state.paused = False
            case CampaignResumed(school=str() as school):
                state.paused_schools.remove(school)
            case CampaignStopped():
                state.status = CampaignStatus.STOPPED
            case CampaignClosed():
                state.status = CampaignStatus.CLOSING
            case SchoolClosedNoted(school=school):
                state.standing[school] = SchoolStatus.CLOSED
            case CampaignArchived():
                state.status = CampaignStatus.ARCHIVED
            case _:
                raise UnknownEventError(f"{envelope['stream']}#{envelope['version']}: {envelope['type']}")
        return state

    def absorb(self, state: CampaignState, message: Message, now: datetime) -> list[Event]:
        """Take in a school's news: ready, progress of a stage, closed."""
        school = message.id.rpartition("#")[0].rpartition("/")[2]
        if school not in state.schools:
            raise UnknownEventError(f"{message.id} is not from a school of {state.campaign}")
        match message.kind:
            case "school_ready":
                ready: list[Event] = [SchoolReady(school=school, pupils=message.data["pupils"])]
                return [*ready, *self._starts(state, leaving=school)]
            case "school_progress":
                return [
                    SchoolProgressNoted(
                        school=school,
                        stage=StageSlug(message.data["stage"]).value,
                        status=StageStatus(message.data["status"]).value,
                    )
                ]
            case "school_closed":
                left = [code for code in self._open_schools(state) if code != school]
                closed: list[Event] = [SchoolClosedNoted(school=school)]
                return closed if left else [*closed, CampaignArchived()]
            case _:
                return super().absorb(state, message, now)

    def outgoing(self, state: CampaignState, event: Event, envelope: Envelope) -> list[Outgoing]:
        """Start schools and pass holds, stop and close on to those that have started."""
        match event:
            case SchoolStartRequested(school=school):
                return [child(f"{state.campaign}/{school}", "school", self._school_start(state, school), envelope)]
            case CampaignPaused(school=school, reason=reason):
                scope = "campaign" if school is None else "school"
                return self._to_schools(state, school, "pause", envelope, scope=scope, reason=reason)
            case CampaignResumed(school=school):
                scope = "campaign" if school is None else "school"
                return self._to_schools(state, school, "resume", envelope, scope=scope)
            case CampaignStopped(reason=reason):
                return self._to_schools(state, None, "stop", envelope, reason=reason)
            case CampaignClosed():
                return self._to_schools(state, None, "close", envelope)
            case _:
                return []

    def finished(self, state: CampaignState) -> bool:
        """Tell whether every school has ended."""
        return state.status == CampaignStatus.ARCHIVED

    def last_archives(self, state: CampaignState) -> list[str]:
        """Return the schools' streams that were started."""
        return [
            f"{state.campaign}/{code}" for code, standing in state.standing.items() if standing == SchoolStatus.CLOSED
        ]

    def view(self, state: CampaignState) -> dict[str, Any]:
        """Return the campaign's own line of the board."""
        return {
            "campaign": state.campaign,
            "status": state.status.value,
            "clock": state.clock,
            "paused": state.paused,
            "paused_schools": list(state.paused_schools),
            "content_digest": state.content_digest,
            "schools": {code: standing.value for code, standing in state.standing.items()},
        }

    def blockers(self, state: CampaignState) -> tuple[Blocker, ...]:
        """Return the unfinished stages, counted, that stand in the way of closing."""
        unfinished = sum(status not in DONE for stages in state.progress.values() for status in stages.values())
        return (Blocker(code="STAGE_UNFINISHED", count=unfinished),) if unfinished else ()

    # -- inside -----------------------------------------------------------------------------------------------

    def _approve(self, state: CampaignState, command: ApproveCampaign) -> list[Event]:
        if state.status != CampaignStatus.DRAFT:
            raise Refusal("CAMPAIGN_ALREADY_APPROVED")
        require(state.drafted_by, "draft", None)
        require_launchable(state.policy)
        if command.content_digest is not None and command.content_digest != state.content_digest:
            raise Refusal("CAMPAIGN_EXISTS", campaign=state.campaign)
        return [CampaignApproved(content_digest=state.content_digest), *self._starts(state)]

    def _running(self, state: CampaignState, command: Command) -> str:
        reason = require_reason(command)
        if state.status == CampaignStatus.DRAFT:
            raise Refusal("CAMPAIGN_NOT_APPROVED")
        if state.status == CampaignStatus.STOPPED:
            raise Refusal("CAMPAIGN_STOPPED")
        return reason

    def _started(self, state: CampaignState, school: str | None) -> None:
        if school is None:
            return
        if school not in state.schools:
            raise Refusal("SCHOOL_UNKNOWN", school=school)
        if state.standing[school] == SchoolStatus.WAITING:
            raise Refusal("SCHOOL_NOT_STARTED", school=school)

    def _starts(self, state: CampaignState, leaving: str | None = None) -> list[Event]:
        """Fill the window of starting schools; `leaving` has just become ready."""
        if state.status in (CampaignStatus.STOPPED, CampaignStatus.CLOSING) or (state.paused and leaving is not None):
            return []
        starting = sum(
            standing == SchoolStatus.STARTING and code != leaving for code, standing in state.standing.items()
        )
        waiting = [code for code, standing in state.standing.items() if standing == SchoolStatus.WAITING]
        free = max(0, state.policy.parameters.school_start_window - starting)
        return [SchoolStartRequested(school=code) for code in waiting[:free]]

    def _open_schools(self, state: CampaignState) -> list[str]:
        return [
            code
            for code, standing in state.standing.items()
            if standing in (SchoolStatus.STARTING, SchoolStatus.RUNNING)
        ]

    def _to_schools(
        self, state: CampaignState, school: str | None, kind: str, envelope: Envelope, **data: Any
    ) -> list[Outgoing]:
        schools = self._open_schools(state) if school is None else [school]
        return [news(f"{state.campaign}/{code}", kind, envelope, **data) for code in schools]

    def _school_start(self, state: CampaignState, school: str) -> dict[str, Any]:
        return {
            "campaign": state.campaign,
            "county": state.county,
            "year": state.year,
            "school": school,
            "entry": state.schools[school].model_dump(mode="json"),
            "stages": {
                slug.value: state.stages[slug].model_dump(mode="json") for slug in StageSlug if slug in state.stages
            },
            "policy": state.policy.model_dump(mode="json"),
            "calendar": state.calendar,
            "rule": state.rule,
        }
