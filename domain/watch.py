"""The school starts its attendance and its dropout cases, and carries news between them (DOMAIN §7.3, region A).

Only parent and child send each other news, so what the attendance finds reaches a case through the school, and where
a case stands reaches the attendance the same way. Nothing of this waits for a stage, and no pause or stop holds it; a
school that is closing stays until all of it has ended. Who is seen again after the case has ended with the year is
recorded here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from domain.actors import Actor, Role
from domain.attendance_state import ENDED, PROVES_A_RETURN, Standing
from domain.campaign_events import DayRange
from domain.events import Envelope, Event, PolicyAdopted
from domain.parts import Part
from domain.refusal import Refusal, refuse_rows
from domain.school_events import CalendarPassedOn, CohortLoaded, ExitRow, LeftRegister, StudentJoined
from domain.school_state import SchoolState
from domain.stream import Message, Outgoing, UnknownEventError, child, news
from domain.time import civil
from domain.watch_events import (
    WATCH_COMMANDS,
    WATCH_EVENTS,
    AbsencePassedOn,
    DropoutCaseNoted,
    DropoutCaseOpened,
    FlagPassedOn,
    LateReturnRecorded,
    SuspicionPassedOn,
    UnreportedDayPassedOn,
    WatchEnded,
)


class WatchPart(Part[SchoolState]):
    """News between a school's attendance and its dropout cases."""

    commands = WATCH_COMMANDS
    event_types = WATCH_EVENTS
    messages = ("suspected", "absent_again", "day_unreported", "flagged", "dropout", "watch_ended")

    def decide(self, state: SchoolState, command: Any, now: datetime) -> Sequence[Event]:
        """Decide that a pupil is back whose case ended with the year.

        Raises:
            Refusal: PUPIL_NOT_AWAY, REPORT_DAY_AHEAD, RETURN_BEFORE_ABSENCE, EVIDENCE_NOT_ENOUGH.
        """
        if command.student not in state.watch.not_returned:
            raise Refusal("PUPIL_NOT_AWAY")
        if command.on > civil(now):
            raise Refusal("REPORT_DAY_AHEAD", day=command.on.isoformat())
        since = state.watch.away[command.student]
        if command.on < since:
            raise Refusal("RETURN_BEFORE_ABSENCE", day=since.isoformat())
        if command.evidence not in PROVES_A_RETURN:
            raise Refusal("EVIDENCE_NOT_ENOUGH")
        return [LateReturnRecorded(student=command.student, on=command.on, evidence=command.evidence)]

    def absorb(self, state: SchoolState, message: Message, now: datetime) -> list[Event]:
        """Take in what the attendance and the cases tell."""
        del now
        data, open_ = message.data, state.watch.open
        student = str(data.get("student", ""))
        match message.kind:
            case "suspected" if student in open_:
                return [SuspicionPassedOn(student=student, since=_day(data["since"]), by=data["by"])]
            case "suspected":
                if student not in state.students:
                    return []  # has left meanwhile
                episode = state.watch.episodes.get(student, 0) + 1
                since, class_id = _day(data["since"]), data["class_id"]
                return [
                    DropoutCaseOpened(student=student, class_id=class_id, since=since, by=data["by"], episode=episode)
                ]
            case "absent_again":
                return [AbsencePassedOn(student=student, day=_day(data["day"]))] if student in open_ else []
            case "day_unreported":
                return [UnreportedDayPassedOn(day=_day(data["day"]))] if open_ else []
            case "flagged":
                return [FlagPassedOn(student=student, flag=data["flag"])] if student in open_ else []
            case "dropout":
                on, episode = _day(data["on"]), data["episode"]
                return [DropoutCaseNoted(student=student, status=data["status"], on=on, episode=episode)]
            case "watch_ended":
                return [] if state.watch.over else [WatchEnded(stream=data["stream"])]
            case _:
                raise UnknownEventError(f"{state.school} takes no {message.kind}")

    def evolve(self, state: SchoolState, event: Event, envelope: Envelope) -> None:
        """Keep which cases go on, and which streams have ended."""
        del envelope
        watch = state.watch
        match event:
            case DropoutCaseOpened(student=student, episode=episode, since=since):
                watch.episodes[student] = episode
                watch.open[student] = case_id(state, student, episode)
                watch.away[student] = since
                if student in watch.not_returned:  # a report was corrected late: the new case decides
                    watch.not_returned.remove(student)
            case SuspicionPassedOn(student=student, since=since):
                watch.away[student] = since
            case DropoutCaseNoted(student=student, status=status) if status in ENDED and student in watch.open:
                watch.ended.append(watch.open.pop(student))
                if status == Standing.NOT_RETURNED:
                    watch.not_returned.append(student)
                else:
                    del watch.away[student]
            case LateReturnRecorded(student=student) | LeftRegister(student=student) if student in watch.not_returned:
                watch.not_returned.remove(student)
                del watch.away[student]
                if isinstance(event, LateReturnRecorded):
                    watch.returned_late[student] = event.on
            case WatchEnded(stream=stream):
                watch.over = True
                watch.ended.append(stream)
            case _:
                pass

    def outgoing(self, state: SchoolState, event: Event, envelope: Envelope) -> list[Outgoing]:
        """Start the attendance with the cohort, cases with their suspicion; pass on what concerns them."""
        match event:
            case CohortLoaded():
                return [child(attendance_id(state), "attendance", _attendance(state, event), envelope)]
            case DropoutCaseOpened(student=student):
                return [child(state.watch.open[student], "dropout", _case(state, event), envelope)]
            case SuspicionPassedOn(student=student, since=since, by=by):
                return self._to_case(state, student, "suspected", envelope, since=since.isoformat(), by=by)
            case AbsencePassedOn(student=student, day=day):
                return self._to_case(state, student, "absent_again", envelope, day=day.isoformat())
            case UnreportedDayPassedOn(day=day):
                return self._to_cases(state, "day_unreported", envelope, day=day.isoformat())
            case FlagPassedOn(student=student, flag=flag):
                return self._to_case(state, student, "flagged", envelope, flag=flag)
            case DropoutCaseNoted(student=student, status=status, on=on):
                noted = {"student": student, "status": status, "on": on.isoformat()}
                return self._to_attendance(state, "case", envelope, **noted)
            case LeftRegister(student=student, exit=kind, on=on):
                left = {"student": student, "exit": kind, "on": on.isoformat()}
                told = self._to_attendance(state, "student_left", envelope, **left)
                return [*told, *self._to_case(state, student, "student_left", envelope, exit=kind)]
            case StudentJoined(student=student, class_id=class_id, on=on):
                joined = {"student": student, "class_id": class_id, "on": on.isoformat()}
                return self._to_attendance(state, "student_joined", envelope, **joined)
            case CalendarPassedOn(calendar=calendar):
                return self._to_all(state, "calendar", envelope, calendar=calendar)
            case PolicyAdopted(profile=profile):
                return self._to_all(state, "policy", envelope, profile=profile)
            case _:
                return []

    def view(self, state: SchoolState) -> dict[str, Any]:
        """Return how many dropout cases go on and how many pupils never came back; nothing where there are none."""
        counts = {"dropout_cases": len(state.watch.open), "not_returned": len(state.watch.not_returned)}
        return {name: count for name, count in counts.items() if count}

    # -- inside -----------------------------------------------------------------------------------------------

    def _to_attendance(self, state: SchoolState, kind: str, envelope: Envelope, **data: Any) -> list[Outgoing]:
        begun = bool(state.progress)  # attendance starts with the stages, and begins with what holds then
        return [news(attendance_id(state), kind, envelope, **data)] if begun and not state.watch.over else []

    def _to_case(self, state: SchoolState, student: str, kind: str, envelope: Envelope, **data: Any) -> list[Outgoing]:
        to = state.watch.open.get(student)
        return [] if to is None else [news(to, kind, envelope, **data)]

    def _to_cases(self, state: SchoolState, kind: str, envelope: Envelope, **data: Any) -> list[Outgoing]:
        return [news(to, kind, envelope, **data) for to in state.watch.open.values()]

    def _to_all(self, state: SchoolState, kind: str, envelope: Envelope, **data: Any) -> list[Outgoing]:
        return [*self._to_attendance(state, kind, envelope, **data), *self._to_cases(state, kind, envelope, **data)]


def still_watching(state: SchoolState, events: Sequence[Event]) -> bool:
    """Tell whether the attendance or a dropout case goes on after these events, which the school is about to write.

    A school that closes stays until both have ended: what they find must still reach each other and the archive, so
    that no pupil disappears with the end of a campaign (INV-14). A campaign of an earlier release has neither.
    """
    if state.release < WatchPart.since:
        return False
    over, open_ = state.watch.over, set(state.watch.open)
    for event in events:
        match event:
            case WatchEnded():
                over = True
            case DropoutCaseOpened(student=student):
                open_.add(student)
            case DropoutCaseNoted(student=student, status=status) if status in ENDED:
                open_.discard(student)
            case _:
                pass
    return not over or bool(open_)


def refuse_unproven_exits(state: SchoolState, rows: Iterable[ExitRow], actor: Actor) -> None:
    """Refuse that the school alone lets a pupil leave the register.

    A departure takes the pupil out of the daily count and out of the lost, so it needs a school that is confirmed
    (R-05): the register office records it, whether or not a dropout case is open yet. Else a school could let a pupil
    go on the second day of an absence, and nobody would look for the child (INV-14). A death stops everything at once,
    whoever tells of it (edge case 35). In a campaign of an earlier release the school recorded every departure.

    Raises:
        Refusal: ROWS_REFUSED with EXIT_NEEDS_REGISTER.
    """
    if actor.role is Role.REGISTER_OFFICER or state.release < WatchPart.since:
        return
    refuse_rows([(number, "EXIT_NEEDS_REGISTER") for number, row in enumerate(rows) if row.exit != "death"])


def attendance_id(state: SchoolState) -> str:
    """Return the id of the school's attendance."""
    return f"{state.campaign}/{state.school}/attendance"


def case_id(state: SchoolState, student: str, episode: int) -> str:
    """Return the id of a pupil's dropout case.

    A case that has ended stays so: its stream has ended and its history is kept. A further case of the same pupil is a
    stream of its own, with the number of the episode behind the pupil's reference.
    """
    name = student if episode == 1 else f"{student}-{episode}"
    return f"{state.campaign}/{state.school}/dropout/{name}"


def watched_days(state: SchoolState) -> DayRange:
    """Return the days on which the school reports: those of the campaign's file, or all until graduation."""
    if state.attendance is not None:
        return state.attendance
    first = min(window.opens for window in state.stages.values())
    return DayRange(first=first, last=max(first, graduation(state)))


def graduation(state: SchoolState) -> date:
    """Return the last day at the school."""
    return date.fromisoformat(f"{state.year}-{state.policy.parameters.result_expires_month_day}")


def _attendance(state: SchoolState, event: CohortLoaded) -> dict[str, Any]:
    days = watched_days(state)
    return {
        "campaign": state.campaign,
        "school": state.school,
        "year": state.year,
        "first": days.first.isoformat(),
        "last": days.last.isoformat(),
        "classes": {class_id: list(pupils) for class_id, pupils in event.classes.items()},
        "policy": state.policy.model_dump(mode="json"),
        "calendar": state.calendar,
    }


def _case(state: SchoolState, event: DropoutCaseOpened) -> dict[str, Any]:
    reported_to = watched_days(state).last
    return {
        "campaign": state.campaign,
        "school": state.school,
        "student": event.student,
        "class_id": event.class_id,
        "since": event.since.isoformat(),
        "by": event.by,
        "episode": event.episode,
        "last": max(reported_to, graduation(state)).isoformat(),
        "reported_to": reported_to.isoformat(),
        "policy": state.policy.model_dump(mode="json"),
        "calendar": state.calendar,
    }


def _day(text: str) -> date:
    return date.fromisoformat(text)
