"""What news from the bureau means for the families of a school: lists, holds, violations, the end of a pause.

A hold never touches schooling (INV-30); a violation never takes a place away; a list that loses a school sends nobody
back who is admitted (edge case 24).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final

from domain.application_filing_state import ApplicationFilingState
from domain.consent import SuspensionReason
from domain.cooling import cooling, lengthened
from domain.destination import Case, Step
from domain.events import Event
from domain.family_act import Wave
from domain.filing_acts import started
from domain.filing_consent import callback_day
from domain.filing_consent_events import (
    CallbackPostponed,
    CaseHoldNoted,
    CaseInvalidated,
    CaseReinstated,
    ConsentVersionSuperseded,
    CoolingEnd,
    CoolingLengthened,
    DestinationRemoved,
    SchoolDelisted,
    SpringCaseReturned,
    SuspensionLifted,
)
from domain.filing_windows import ending, in_parts, new_window, running, window_of
from domain.policy import PolicyProfile
from domain.policy_readings import PauseEffect
from domain.stage_events import StudentEnrolled
from domain.time import civil

NEWS: Final = ("school_removed", "hold", "invalidate", "reinstate", "window")
"""Kinds of messages that come down from the campaign, by the school."""

_TOUCHED: Final = (
    *(Step.SIGNED, Step.COOLING, Step.CONFIRMED, Step.APPLIED, Step.ADMITTED, Step.NO_SHOW, Step.REPORTED),
    Step.REGISTERED,
)
"""Steps at which a consent exists that a violation can touch (DOMAIN §7.3: D4 to D9)."""


def take_in(state: ApplicationFilingState, kind: str, data: Mapping[str, Any], now: datetime) -> list[Event]:
    """Return what a message means here; one that says nothing new means nothing.

    Args:
        state: the stage.
        kind: one of `NEWS`.
        data: `{school, on, reason}`; `{hold, scope, class_id, student, placed}`; `{students, case, reason}`;
            `{students, case}`; `{first, last, document}`.
        now: when it arrives.
    """
    match kind:
        case "window":
            return new_window(state, data, now)
        case "school_removed":
            return list(_removed(state, data["school"], date.fromisoformat(data["on"]), data["reason"]))
        case "hold":
            return _hold(state, data)
        case "invalidate":
            touched = [student for student in data["students"] if _touched(state.cases.get(student), data["case"])]
            return [CaseInvalidated(student=one, case=data["case"], reason=data["reason"]) for one in touched]
        case _:
            cases = {student: state.cases[student] for student in data["students"] if student in state.cases}
            named = [student for student, case in cases.items() if case.protocol.invalidated == data["case"]]
            believed = [
                student
                for student in named
                if cases[student].registration is not None
                and SuspensionReason.SIGNATURE_DENIED in cases[student].protocol.suspended
            ]
            return [
                *(CaseReinstated(student=student, case=data["case"]) for student in named),
                *(SuspensionLifted(student=one, suspension=SuspensionReason.SIGNATURE_DENIED) for one in believed),
            ]


def after_pause(state: ApplicationFilingState, now: datetime) -> list[Event]:
    """Return the later ends of the cooling-offs that the pause which ends now has held (design, section 5)."""
    if state.policy.parameters.cooling_off_pause is PauseEffect.RUNS_ON:
        return []
    rows: list[CoolingEnd] = []
    cut: list[CoolingEnd] = []
    for student, held, begun in running(state):
        window = window_of(state, state.cases[student])
        later = lengthened(held, begun, state.paused_since or begun, now, window)
        if later.ends > held.ends or (later.short and not held.short):
            rows.append(ending(CoolingEnd, student, later))
        elif later.full > held.full:
            cut.append(ending(CoolingEnd, student, later))
    return [
        *(CoolingLengthened(rows=some) for some in in_parts(rows)),
        *(CoolingLengthened(rows=(), cut=some) for some in in_parts(cut)),
    ]


def after_return(state: ApplicationFilingState, joined: StudentEnrolled, now: datetime) -> list[Event]:
    """Return the new terms of a consent that the departure had interrupted.

    Reading: a family that was away could be told nothing, so its time to think begins again with the day of the return;
    a consent that was confirmed before stays confirmed, and a suspension still holds it. Nor could the bureau record a
    call: of a reported withdrawal its days count from the return, and the case waits until the family has answered.
    """
    case = state.departed.get(joined.student)
    if case is None or case.registration is not None:
        return []
    events: list[Event] = []
    if case.protocol.cooling:
        events.append(started(joined.student, cooling(now, window_of(state, case), state.policy.parameters)))
    report, due = case.protocol.report, callback_day(state, civil(now))
    if report is not None and not report.called and report.due < due:
        events.append(CallbackPostponed(student=joined.student, due=due))
    return events


def after_new_policy(state: ApplicationFilingState, profile: PolicyProfile) -> list[Event]:
    """Return whom a policy that forbids spring sends back to choose anew; never with a disadvantage (edge case 42)."""
    if profile.parameters.spring_delivery:
        return []
    return [
        SpringCaseReturned(student=student)
        for student, case in state.cases.items()
        if case.protocol.wave is Wave.SPRING and case.application is None
    ]


def superseded(state: ApplicationFilingState, document: str, students: Iterable[str]) -> list[Event]:
    """Return whose acknowledgement a newer notice overtakes (edge case 23); who said no or is registered needs none.

    Args:
        state: the stage.
        document: the version that is offered.
        students: to whom; a consent of anybody else stays as it is until that family is offered it too.
    """
    return [
        ConsentVersionSuperseded(student=student, was=case.acknowledged, now=document)
        for student, case in ((student, state.cases[student]) for student in students)
        if case.acknowledged not in (None, document) and case.registration is None and not case.declined
    ]


def _removed(state: ApplicationFilingState, school: str, on: date, reason: str) -> Iterator[Event]:
    if school not in state.qualified_schools:
        return
    yield SchoolDelisted(school=school, on=on, reason=reason)
    for student, case in state.cases.items():
        if case.school == school and case.registration is None:
            yield DestinationRemoved(student=student, school=school, on=on, kept=case.admitted_on is not None)


def _hold(state: ApplicationFilingState, data: Mapping[str, Any]) -> list[Event]:
    if (data["hold"] in state.holds) == data["placed"]:
        return []
    scope = data["scope"]
    return [
        CaseHoldNoted(
            hold=data["hold"],
            scope=scope,
            class_id=data.get("class_id") if scope == "class" else None,
            student=data.get("student") if scope == "student" else None,
            placed=data["placed"],
        )
    ]


def _touched(case: Case | None, by: str) -> bool:
    return case is not None and case.path in _TOUCHED and case.protocol.invalidated != by
