"""One school's part of the campaign: loads its cohort, starts its five stages, carries news between them.

Stages overlap by entry guards: a stage that needs another is told when that one is completed, skipped or reopened,
as a message whose cause is the event's id (design, section 4).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from operator import itemgetter
from typing import Any, ClassVar, Final

from pydantic import TypeAdapter

from domain.actors import SYSTEM, Actor, require
from domain.care import CarePart
from domain.delegation import require_stand_in
from domain.events import Envelope, Event
from domain.parts import Clock, Part, adapter
from domain.policy import PolicyProfile
from domain.refusal import Refusal, refuse_rows
from domain.school_events import (
    SCHOOL_COMMANDS,
    CalendarPassedOn,
    CancellationPassedOn,
    CohortLoaded,
    EnrolRow,
    EnrolStudents,
    ExitRow,
    LeftRegister,
    RecordExits,
    RegisteredRow,
    RegistrationsPassedOn,
    ReplaceStaff,
    SchoolCampaignStarted,
    SchoolClosed,
    SchoolClosing,
    SchoolPaused,
    SchoolResumed,
    SchoolRunStatus,
    SchoolStopped,
    StaffReplaced,
    StageChangeNoted,
    StudentJoined,
)
from domain.school_pass_on import PassOnPart
from domain.school_state import SchoolState
from domain.stage_events import StageSlug, StageStatus
from domain.stage_state import require_reason
from domain.stream import Decider, Job, Message, Outgoing, UnknownEventError, child, news
from domain.summaries import SummariesPart, comparison, still_open
from domain.time import civil
from domain.watch import WatchPart, refuse_unproven_exits, still_watching

CONSENT_SINCE: Final = 3
"""The release whose application filing knows who is under fourteen, and who shares a telephone."""

YEARS_OF_SCHOOL: Final = 3
"""From entering a lower secondary school to graduation; a class is named by the year of entry."""


PARTS: tuple[Part[SchoolState], ...] = (WatchPart(), CarePart(), PassOnPart(), SummariesPart())
"""The topics of a school that have a module of their own."""


class SchoolDecider(Decider[SchoolState]):
    """The rules of a school's own stream: its register's changes, and news between campaign and stages."""

    kind = "school"
    state_type = SchoolState
    commands: TypeAdapter[Any] = adapter((*SCHOOL_COMMANDS, *(kind for part in PARTS for kind in part.commands)))
    event_types: tuple[type[Event], ...] = (
        SchoolCampaignStarted,
        CohortLoaded,
        StageChangeNoted,
        SchoolPaused,
        SchoolResumed,
        SchoolStopped,
        SchoolClosing,
        SchoolClosed,
        LeftRegister,
        StudentJoined,
        CalendarPassedOn,
        RegistrationsPassedOn,
        CancellationPassedOn,
        StaffReplaced,
        *(kind for part in PARTS for kind in part.event_types),
    )

    def begin(self, start: dict[str, Any], now: datetime) -> tuple[Actor, list[Event]]:
        """Begin with what the campaign gave."""
        del now
        return SYSTEM, [SchoolCampaignStarted.model_validate(start)]

    def decide(self, state: SchoolState, command: Any, now: datetime) -> Sequence[Event]:
        """Decide departures and late joiners.

        Raises:
            Refusal: ROLE_NOT_ALLOWED, WRONG_SCHOOL, SCHOOL_NOT_STARTED, CAMPAIGN_CLOSED, ROWS_REFUSED, NOT_DELEGATED,
                DELEGATION_ENDED.
        """
        require(command.actor, command.kind, state.school)
        if state.status == SchoolRunStatus.LOADING:
            raise Refusal("SCHOOL_NOT_STARTED", school=state.school)
        if state.status not in _at_work(state):
            raise Refusal("CAMPAIGN_CLOSED")
        events = self._decided(state, command, now)
        if command.actor.on_behalf_of is not None and state.release >= CarePart.since:
            require_stand_in(state, command, civil(now))
        return events

    def _decided(self, state: SchoolState, command: Any, now: datetime) -> Sequence[Event]:
        """Decide a command whoever gives it, as far as the own rules of its topic go."""
        today = civil(now)
        match command:
            case RecordExits(rows=rows):
                self._refuse_rows(state, rows, today)
                refuse_unproven_exits(state, rows, command.actor)
                return [LeftRegister(student=row.student, exit=row.exit, on=row.on) for row in rows]
            case EnrolStudents(rows=rows):
                self._refuse_rows(state, rows, today)
                return [
                    StudentJoined(
                        student=row.student,
                        class_id=row.class_id,
                        on=row.on,
                        again=row.student in state.left,
                        under_14=row.under_14,
                    )
                    for row in rows
                ]
            case ReplaceStaff(leaving=leaving, joining=joining):
                reason = require_reason(command)
                if leaving == joining:
                    raise Refusal("STAFF_THE_SAME")
                return [
                    StaffReplaced(
                        leaving=leaving,
                        joining=joining,
                        role=command.role,
                        classes=command.classes,
                        on=command.on,
                        reason=reason,
                    )
                ]
            case _:
                part = next(part for part in PARTS if isinstance(command, part.commands))
                if state.release < part.since:
                    raise Refusal("CAMPAIGN_TOO_OLD", release=state.release)
                decided = part.decide(state, command, now)
                return [*decided, *self._end(state, decided)]

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
                release=event.release,
                gateway=event.gateway,
                qualified_schools=list(event.qualified_schools),
                attendance=event.attendance,
                application_window=event.application_window,
            )
        if state is None:
            raise UnknownEventError(f"{envelope['stream']} begins with {envelope['type']}")
        match event:
            case CohortLoaded(classes=classes):
                state.status = SchoolRunStatus.RUNNING
                state.pupils = sum(len(pupils) for pupils in classes.values())
                state.classes = list(classes)
                state.students = {student: class_id for class_id, pupils in classes.items() for student in pupils}
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
            case LeftRegister(student=student, exit=kind):
                state.students.pop(student, None)
                state.left[student] = kind
                state.pupils = len(state.students)
            case StudentJoined(student=student, class_id=class_id):
                state.left.pop(student, None)
                if class_id not in state.classes:
                    state.classes.append(class_id)
                state.students[student] = class_id
                state.pupils = len(state.students)
            case CalendarPassedOn(calendar=calendar):
                state.calendar = calendar
            case RegistrationsPassedOn() | CancellationPassedOn() | StaffReplaced():
                pass  # the retention keeps the ones, the registry the others
            case _ if not isinstance(event, self._of_parts):
                raise UnknownEventError(f"{envelope['stream']}#{envelope['version']}: {envelope['type']}")
        for part in PARTS:
            part.evolve(state, event, envelope)
        return state

    def job(self, state: SchoolState) -> Job | None:
        """Ask for the cohort of the snapshot until it is loaded; then for the comparison of a summary."""
        if state.status != SchoolRunStatus.LOADING:
            return comparison(state)
        asked = {"snapshot": state.entry.snapshot, "digest": state.entry.snapshot_digest}
        filing = state.stages.get(StageSlug.APPLICATION_FILING)
        if state.release >= CONSENT_SINCE and filing is not None:
            asked["under_14_on"] = filing.opens.isoformat()
        return Job(name="cohort", arguments=asked)

    def absorb(self, state: SchoolState, message: Message, now: datetime) -> list[Event]:
        """Take in the cohort, the stages' news and what the campaign passes on; and what the parts take."""
        for part in PARTS:
            if message.kind in part.messages:
                taken = part.absorb(state, message, now)
                return [*taken, *self._end(state, taken)]
        match message.kind:
            case "cohort":
                return self._load(state, message)
            case "stage_changed":
                stage = message.id.rpartition("#")[0].rpartition("/")[2]
                if stage not in state.progress:
                    raise UnknownEventError(f"{message.id} is not from a stage of {state.school}")
                status = StageStatus(message.data["status"])
                noted = StageChangeNoted(stage=stage, status=status.value)
                return [noted, *self._end(state, [noted])]
            case "pause":
                if message.data["scope"] in state.paused:
                    return []
                return [SchoolPaused(scope=message.data["scope"], reason=message.data["reason"])]
            case "resume":
                scope = message.data["scope"]
                return [SchoolResumed(scope=scope)] if scope in state.paused else []
            case "stop":
                return [] if state.stopped else [SchoolStopped(reason=message.data["reason"])]
            case "calendar":
                newer = message.data["calendar"]["version"] > state.calendar["version"]
                return [CalendarPassedOn(calendar=message.data["calendar"])] if newer else []
            case "registered":
                rows = tuple(RegisteredRow.model_validate(row) for row in message.data["rows"])
                return [RegistrationsPassedOn(rows=rows)]
            case "registration_cancelled":
                return [CancellationPassedOn(student=str(message.data["student"]))]
            case "close":
                return [SchoolClosing()] if state.progress else [SchoolClosing(), SchoolClosed()]
            case _:
                return super().absorb(state, message, now)

    def outgoing(self, state: SchoolState, event: Event, envelope: Envelope) -> list[Outgoing]:
        """Start the stages, report to the campaign, pass news on to stages that wait for it; then the parts."""
        own = self._own(state, event, envelope)
        if state.release < min(part.since for part in PARTS):
            return own
        return [*own, *(item for part in PARTS for item in part.outgoing(state, event, envelope))]

    def _own(self, state: SchoolState, event: Event, envelope: Envelope) -> list[Outgoing]:
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
            case LeftRegister(student=student, exit=kind):
                return self._to_stages(state, "student_left", envelope, student=student, exit=kind)
            case StudentJoined(student=student, class_id=class_id, on=on, under_14=young):
                joined: dict[str, Any] = {"student": student, "class_id": class_id, "on": on.isoformat()}
                if young:
                    joined["under_14"] = True
                return self._to_stages(state, "student_joined", envelope, **joined)
            case CalendarPassedOn(calendar=calendar):
                return self._to_stages(state, "calendar", envelope, calendar=calendar)
            case RegistrationsPassedOn(rows=rows):
                to = f"{state.campaign}/{state.school}/{StageSlug.RETENTION}"
                return [news(to, "registered", envelope, rows=[row.model_dump(mode="json") for row in rows])]
            case CancellationPassedOn(student=student):
                to = f"{state.campaign}/{state.school}/{StageSlug.RETENTION}"
                return [news(to, "registration_cancelled", envelope, student=student)]
            case _:
                return []

    def finished(self, state: SchoolState) -> bool:
        """Tell whether all stages have ended, and what watches over attendance."""
        return state.status == SchoolRunStatus.CLOSED

    def last_archives(self, state: SchoolState) -> list[str]:
        """Return the streams of the school's stages, of its attendance and of its dropout cases."""
        stages = [f"{state.campaign}/{state.school}/{slug}" for slug in state.progress]
        return [*stages, *state.watch.ended]

    def due(self, state: SchoolState) -> datetime | None:
        """Return the next instant at which a part acts by itself."""
        return min((instant for instant, _ in self._clocks(state)), default=None)

    def on_due(self, state: SchoolState, instant: datetime) -> list[Event]:
        """Return the one event of the earliest clock; the rest follow at the next call."""
        del instant
        return [min(self._clocks(state), key=itemgetter(0))[1]]

    def view(self, state: SchoolState) -> dict[str, Any]:
        """Return the school's own line of the board."""
        return {
            "campaign": state.campaign,
            "school": state.school,
            "status": state.status.value,
            "pupils": state.pupils,
            "paused": bool(state.paused),
            "stopped": state.stopped,
            **{name: value for part in PARTS for name, value in part.view(state).items()},
        }

    # -- inside -----------------------------------------------------------------------------------------------

    _of_parts: ClassVar[tuple[type[Event], ...]] = tuple(kind for part in PARTS for kind in part.event_types)

    def _clocks(self, state: SchoolState) -> list[Clock]:
        if state.status not in _at_work(state):
            return []
        return [clock for part in PARTS for clock in part.clocks(state)]

    def _end(self, state: SchoolState, events: Sequence[Event]) -> list[Event]:
        """Return the end of a closing school of which nothing goes on any more after these events."""
        if state.status != SchoolRunStatus.CLOSING:
            return []
        changed = {event.stage: event.status for event in events if isinstance(event, StageChangeNoted)}
        stages_over = all(status == StageStatus.ARCHIVED for status in {**state.progress, **changed}.values())
        goes_on = still_watching(state, events) or still_open(state, events)
        return [SchoolClosed()] if stages_over and not goes_on else []

    def _load(self, state: SchoolState, message: Message) -> list[Event]:
        if state.status != SchoolRunStatus.LOADING:
            return []
        classes = {class_id: tuple(pupils) for class_id, pupils in sorted(message.data["classes"].items())}
        return [
            CohortLoaded(
                snapshot=state.entry.snapshot,
                snapshot_digest=state.entry.snapshot_digest,
                classes=classes,
                under_14=tuple(message.data.get("under_14", ())),
                shared_phones=tuple(map(tuple, message.data.get("shared_phones", ()))),
            )
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
                        **self._of_this_release(state),
                        **(_for_consents(event) if slug == StageSlug.APPLICATION_FILING else {}),
                    },
                },
                envelope,
            )
            for slug, window in state.stages.items()
        ]

    def _of_this_release(self, state: SchoolState) -> dict[str, Any]:
        """Return what streams of this release begin with; an older campaign starts its stages as it did."""
        if state.release == 1:
            return {}
        window = state.application_window
        return {
            "release": state.release,
            "gateway": state.gateway,
            "qualified_schools": list(state.qualified_schools),
            **({} if window is None else {"application_window": window.model_dump(mode="json")}),
        }

    def _refuse_rows(self, state: SchoolState, rows: Iterable[ExitRow | EnrolRow], today: date) -> None:
        problems: list[tuple[int, str]] = []
        seen: dict[str, None] = {}
        for number, row in enumerate(rows):
            problem = "STUDENT_TWICE" if row.student in seen else _problem(state, row, today)
            if problem is not None:
                problems.append((number, problem))
            seen[row.student] = None
        refuse_rows(problems)

    def _up(self, state: SchoolState, kind: str, envelope: Envelope, **data: Any) -> Outgoing:
        return news(state.campaign, kind, envelope, **data)

    def _to_stages(self, state: SchoolState, kind: str, envelope: Envelope, **data: Any) -> list[Outgoing]:
        return [
            news(f"{state.campaign}/{state.school}/{slug}", kind, envelope, **data)
            for slug, status in state.progress.items()
            if status != StageStatus.ARCHIVED
        ]


def _at_work(state: SchoolState) -> tuple[SchoolRunStatus, ...]:
    """Return when a school's register, staff and care go on: also while it closes and still watches over its pupils."""
    running = SchoolRunStatus.RUNNING
    return (running, SchoolRunStatus.CLOSING) if state.release >= WatchPart.since else (running,)


def _for_consents(event: CohortLoaded) -> dict[str, Any]:
    """Return what the families' consents need to know of the cohort; nothing in a campaign that never asked for it."""
    found = {"under_14": list(event.under_14), "shared_phones": [list(group) for group in event.shared_phones]}
    return {name: pupils for name, pupils in found.items() if pupils}


def _problem(state: SchoolState, row: ExitRow | EnrolRow, today: date) -> str | None:
    """Return the code of a departure or enrolment that cannot be recorded, or None."""
    entry, start = state.year - YEARS_OF_SCHOOL, state.year - 1
    match row:
        case ExitRow(student=student) if student not in state.students:
            return "STUDENT_LEFT" if student in state.left else "STUDENT_UNKNOWN"
        case EnrolRow(student=student) if student in state.students:
            return "STUDENT_ENROLLED"
        case EnrolRow(class_id=class_id) if class_id not in state.classes and not class_id.startswith(f"{entry}-"):
            return "CLASS_NOT_OF_COHORT"
        case _ if row.on > today:
            return "OCCURRED_IN_FUTURE"
        case _ if row.on < date(start - 1, 1, 1):
            return "DATE_TOO_EARLY"
        case _:
            return None
