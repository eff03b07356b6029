"""The county's campaign of one year: draft, approval by a second person, schools, holds, close (design, section 4).

Two people launch it and nobody approves their own draft on any path (B8, INV-21). Schools start in a sliding window
that counts those *starting*, until they signal that they are ready (O5).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from operator import itemgetter
from typing import Any, ClassVar

from pydantic import TypeAdapter

from domain.actors import Actor, require, require_other_person
from domain.aid import AidPart
from domain.calendar import Calendar, CalendarUnknown
from domain.campaign_events import (
    CAMPAIGN_COMMANDS,
    ApproveCampaign,
    CalendarPublished,
    CampaignApproved,
    CampaignArchived,
    CampaignClosed,
    CampaignDrafted,
    CampaignPaused,
    CampaignResumed,
    CampaignStatus,
    CampaignStopped,
    CloseCampaign,
    ImportStaff,
    PauseCampaign,
    PublishCalendar,
    ResumeCampaign,
    SchoolClosedNoted,
    SchoolProgressNoted,
    SchoolReady,
    SchoolStartRequested,
    SchoolStatus,
    StaffListImported,
    StopCampaign,
)
from domain.campaign_state import CampaignState
from domain.complaints import CASES_SINCE, ComplaintsPart, case_stream
from domain.compliance_events import CaseClosedNoted
from domain.compliance_holds import HoldsPart
from domain.events import Envelope, Event
from domain.parts import Clock, Part, adapter
from domain.policy import PolicyProfile, require_launchable
from domain.policy_change import PolicyChangePart
from domain.refusal import Blocker, Refusal
from domain.school_list import SchoolListPart
from domain.sending_control import SendingPart
from domain.sending_events import SENDING_COMMANDS
from domain.settlement_runs import SettlementPart
from domain.settlement_vetoes import appeals_possible
from domain.stage_events import DONE, StageSlug, StageStatus
from domain.stage_state import require_reason
from domain.stream import Command, Decider, Message, Outgoing, UnknownEventError, child, news
from domain.targets import TargetsPart
from domain.targets_events import Targets
from domain.targets_held import of_the_draft
from domain.time import civil
from domain.window_change import WindowPart

PARTS: tuple[Part[CampaignState], ...] = (
    TargetsPart(),
    PolicyChangePart(),
    SchoolListPart(),
    WindowPart(),
    SettlementPart(),
    ComplaintsPart(),
    HoldsPart(),
    AidPart(),
    SendingPart(),
)
"""The topics of the campaign that have a module of their own."""


class CampaignDecider(Decider[CampaignState]):
    """The rules of the campaign's own stream."""

    kind = "campaign"
    state_type = CampaignState
    commands: TypeAdapter[Any] = adapter((*CAMPAIGN_COMMANDS, *(kind for part in PARTS for kind in part.commands)))
    event_types: tuple[type[Event], ...] = (
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
        CalendarPublished,
        StaffListImported,
        CaseClosedNoted,
        *(kind for part in PARTS for kind in part.event_types),
    )

    def begin(self, start: dict[str, Any], now: datetime) -> tuple[Actor, list[Event]]:
        """Write the draft in its author's name; the client has checked the author's role, `approve` does again."""
        del now
        return Actor.model_validate(start["actor"]), [CampaignDrafted.model_validate(start)]

    def decide(self, state: CampaignState, command: Any, now: datetime) -> Sequence[Event]:
        """Decide one of the bureau's commands.

        Raises:
            Refusal: ROLE_NOT_ALLOWED, SELF_APPROVAL, CAMPAIGN_*, REASON_REQUIRED, SCHOOL_UNKNOWN, STAGES_NOT_FINISHED,
                CALENDAR_*; and what the parts refuse.
        """
        if isinstance(command, ApproveCampaign) and state.status == CampaignStatus.DRAFT:
            # before the role: also an author who tries it in the author's own role is kept in the record
            require_other_person(command.actor, [state.drafted_by.id, state.drafted_by.on_behalf_of])
        require(command.actor, command.kind, getattr(command, "school", None))
        if state.status in (CampaignStatus.CLOSING, CampaignStatus.ARCHIVED) and not _still_taken(state, command):
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
                if unfinished := self._in_the_way(state, civil(now)):
                    raise Refusal("STAGES_NOT_FINISHED", blockers=unfinished)
                return [CampaignClosed(reason=reason), *self._end(state)]
            case PublishCalendar(calendar=calendar):
                return [published(Calendar.model_validate(state.calendar), calendar, civil(now))]
            case ImportStaff(digest=digest, added=added, changed=changed, removed=removed):
                if not added + changed + removed:
                    raise Refusal("STAFF_THE_SAME")
                return [StaffListImported(digest=digest, added=added, changed=changed, removed=removed)]
            case _:
                part = next(part for part in PARTS if isinstance(command, part.commands))
                if state.release < part.since:
                    raise Refusal("CAMPAIGN_TOO_OLD", release=state.release)
                return part.decide(state, command, now)

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
                release=event.release,
                gateway=event.gateway.model_dump() if event.gateway else None,
                qualified_schools=list(event.qualified_schools),
                attendance=event.attendance,
                application_window=event.application_window,
                targets=of_the_draft(event, envelope) if event.release >= TargetsPart.since else Targets(),
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
            case CalendarPublished(calendar=calendar):
                state.calendar = calendar
            case StaffListImported():
                pass  # the registry keeps the list
            case CaseClosedNoted(case=case):
                state.holds.cases[case].open = False
            case _ if not isinstance(event, self._of_parts):
                raise UnknownEventError(f"{envelope['stream']}#{envelope['version']}: {envelope['type']}")
        for part in PARTS:
            part.evolve(state, event, envelope)
        return state

    def absorb(self, state: CampaignState, message: Message, now: datetime) -> list[Event]:
        """Take in a school's news (ready, progress of a stage, closed), a case's end, and what the parts take."""
        for part in PARTS:
            if message.kind in part.messages:
                return part.absorb(state, message, now)
        if message.kind == "case_closed":
            return self._case_closed(state, message)
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
                return [SchoolClosedNoted(school=school), *self._end(state, school=school)]
            case _:
                return super().absorb(state, message, now)

    def outgoing(self, state: CampaignState, event: Event, envelope: Envelope) -> list[Outgoing]:
        """Start schools and pass holds, stop and close on to those that have started; then what the parts send."""
        return [
            *self._own(state, event, envelope),
            *(it for part in PARTS for it in part.outgoing(state, event, envelope)),
        ]

    def _own(self, state: CampaignState, event: Event, envelope: Envelope) -> list[Outgoing]:
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
            case CalendarPublished(calendar=calendar):
                return [
                    *self._to_schools(state, None, "calendar", envelope, calendar=calendar),
                    *(
                        news(case_stream(state.campaign, case), "calendar", envelope, calendar=calendar)
                        for case in state.holds.open_cases()
                    ),
                ]
            case _:
                return []

    def due(self, state: CampaignState) -> datetime | None:
        """Return the next instant at which a part acts by itself."""
        return min((instant for instant, _ in self._clocks(state)), default=None)

    def on_due(self, state: CampaignState, instant: datetime) -> list[Event]:
        """Return the one event of the earliest clock; the rest follow at the next call."""
        del instant
        return [min(self._clocks(state), key=itemgetter(0))[1]]

    def finished(self, state: CampaignState) -> bool:
        """Tell whether every school has ended, and every case."""
        return state.status == CampaignStatus.ARCHIVED

    def last_archives(self, state: CampaignState) -> list[str]:
        """Return the schools' streams that were started, and the cases'."""
        closed = [code for code, standing in state.standing.items() if standing == SchoolStatus.CLOSED]
        return [
            *(f"{state.campaign}/{code}" for code in closed),
            *(case_stream(state.campaign, case) for case in state.holds.cases),
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
            **{name: value for part in PARTS for name, value in part.view(state).items()},
        }

    def blockers(self, state: CampaignState) -> tuple[Blocker, ...]:
        """Return the unfinished stages, counted, that stand in the way of closing."""
        unfinished = sum(status not in DONE for stages in state.progress.values() for status in stages.values())
        own = (Blocker(code="STAGE_UNFINISHED", count=unfinished),) if unfinished else ()
        return (*own, *self._of_the_parts(state))

    # -- inside -----------------------------------------------------------------------------------------------

    _of_parts: ClassVar[tuple[type[Event], ...]] = tuple(kind for part in PARTS for kind in part.event_types)

    def _clocks(self, state: CampaignState) -> list[Clock]:
        if state.status == CampaignStatus.ARCHIVED:
            return []
        return [clock for part in PARTS for clock in part.clocks(state)]

    def _approve(self, state: CampaignState, command: ApproveCampaign) -> list[Event]:
        if state.status != CampaignStatus.DRAFT:
            raise Refusal("CAMPAIGN_ALREADY_APPROVED")
        require(state.drafted_by, "draft", None)
        require_launchable(state.policy)
        if command.content_digest is not None and command.content_digest != state.content_digest:
            raise Refusal("CAMPAIGN_EXISTS", campaign=state.campaign)
        return [CampaignApproved(content_digest=state.content_digest), *self._starts(state)]

    def _case_closed(self, state: CampaignState, message: Message) -> list[Event]:
        """Note the end of a case; a campaign that was only waiting for it ends too."""
        case = message.id.rpartition("#")[0].rpartition("/")[2]
        if case not in state.holds.cases:
            raise UnknownEventError(f"{message.id} is not from a case of {state.campaign}")
        noted = CaseClosedNoted(case=case, outcome=str(message.data["outcome"]))
        return [noted, *(self._end(state, case=case) if state.status == CampaignStatus.CLOSING else [])]

    def _end(self, state: CampaignState, *, school: str | None = None, case: str | None = None) -> list[Event]:
        """Return the campaign's end where nothing of it is open any more but the one that has just ended.

        A close is never refused for an open case: the case goes on by its own days, and the campaign's stream waits
        for it, so that it keeps the case's history before it ends itself (design, section 4).
        """
        schools = [code for code in self._open_schools(state) if code != school]
        cases = [name for name in state.holds.open_cases() if name != case]
        return [] if schools or cases else [CampaignArchived()]

    def _in_the_way(self, state: CampaignState, today: date) -> tuple[Blocker, ...]:
        """Return what a close waits for: money and appeals always, stages unless the campaign was stopped (R-08)."""
        running = state.status == CampaignStatus.RUNNING
        found = self.blockers(state) if running else self._of_the_parts(state)
        return (*found, *appeals_possible(state, today))

    def _of_the_parts(self, state: CampaignState) -> tuple[Blocker, ...]:
        return tuple(blocker for part in PARTS for blocker in part.blockers(state))

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
            "release": state.release,
            "gateway": state.gateway,
            "qualified_schools": list(state.qualified_schools),
            "attendance": state.attendance and state.attendance.model_dump(mode="json"),
            "application_window": state.application_window and state.application_window.model_dump(mode="json"),
        }


def _still_taken(state: CampaignState, command: Command) -> bool:
    """Tell whether a closing campaign takes this.

    Cases and attendance that go on still need the days of new years, and their notices are still sent.
    """
    if state.status != CampaignStatus.CLOSING:
        return False
    days = isinstance(command, PublishCalendar) and state.release >= CASES_SINCE
    return days or isinstance(command, SENDING_COMMANDS)


def published(held: Calendar, new: Calendar, today: date) -> CalendarPublished:
    """Return the publication of a calendar, after looking at what it changes.

    Raises:
        Refusal: CALENDAR_NOT_NEWER, it knows nothing that the held one does not; CALENDAR_PAST_CHANGED, it changes a
            day that has been counted by already.
    """
    added = tuple(sorted(year for year in new.years if year not in held.years))
    changed = _changed_days(held, new)
    past = [day for day in changed if day <= today]
    if past or any(year not in new.years for year in held.years):
        raise Refusal("CALENDAR_PAST_CHANGED", days=[day.isoformat() for day in past[:5]])
    if not added and not changed:
        raise Refusal("CALENDAR_NOT_NEWER")
    numbered = new.model_copy(update={"version": held.version + 1})
    return CalendarPublished(calendar=numbered.model_dump(mode="json"), added_years=added, changed_days=changed)


def _changed_days(held: Calendar, new: Calendar) -> tuple[date, ...]:
    """Return the days of years that both know on which one works and the other does not."""

    def works(calendar: Calendar, day: date) -> bool | None:
        try:
            return calendar.is_working_day(day)
        except CalendarUnknown:
            return None

    days: list[date] = []
    for year in sorted(held.years):
        first, last = date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal()
        every = (date.fromordinal(number) for number in range(first, last + 1))
        days += [day for day in every if works(held, day) != works(new, day)]
    return tuple(days)
