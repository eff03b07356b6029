"""How the attendance's events change its state; what must hold before them is decided elsewhere."""

from __future__ import annotations

from datetime import date, datetime

from domain.attendance_events import (
    AbsenceExplained,
    AbsenceFlagged,
    AbsenceNoted,
    AbsenceVisited,
    AttendanceCalendarAdopted,
    AttendanceEnded,
    AttendanceJoined,
    AttendanceLeft,
    AttendanceStarted,
    CaseStandingNoted,
    DailyReportFiled,
    MonthlyReportFiled,
    PeriodicReportMissed,
    PupilReappeared,
    ReportChased,
    ReportCorrected,
    ReportFiledLate,
    ReportMissed,
    ReportReminded,
    SuspectedDropout,
    WeeklyReportFiled,
    ZeroReportContradicted,
    ZeroReportFiled,
)
from domain.attendance_state import ENDED, AttendanceState, PeriodNote, ReportNote, Spell, Standing, first_day
from domain.calendar import Calendar
from domain.events import Envelope, Event
from domain.policy import PolicyProfile
from domain.stream import UnknownEventError
from domain.time import civil


def evolved(state: AttendanceState | None, event: Event, envelope: Envelope) -> AttendanceState:
    """Return the state after an event; the first must be `AttendanceStarted`.

    Raises:
        UnknownEventError: the stream begins with another event, or holds one that these rules do not know.
    """
    if isinstance(event, AttendanceStarted):
        return _started(event)
    if state is None:
        raise UnknownEventError(f"{envelope['stream']} begins with {envelope['type']}")
    if not (_of_reports(state, event, envelope) or _of_pupils(state, event, envelope)):
        raise UnknownEventError(f"{envelope['stream']}#{envelope['version']}: {envelope['type']}")
    return state


def is_back(state: AttendanceState, student: str) -> bool:
    """Tell whether a pupil is back and the case not closed: a new absence matters to it."""
    spell = state.open_spell(student)
    return spell is not None and spell.until is not None


def _of_reports(state: AttendanceState, event: Event, envelope: Envelope) -> bool:
    """Apply an event about reports or the whole; tell whether it was one."""
    match event:
        case DailyReportFiled() | ZeroReportFiled() | ReportCorrected():
            _report(state, event, envelope)
        case ReportReminded(day=day):
            state.reminded = day
        case ReportMissed(day=day):
            state.missed.append(day)
            state.advance()
        case ReportChased(day=day):
            state.chased = day
        case ZeroReportContradicted(day=day):
            state.reports[day].contradicted = True
        case WeeklyReportFiled(period=name, on_time=on_time) | MonthlyReportFiled(period=name, on_time=on_time):
            state.periods[name] = PeriodNote(filed=True, on_time=on_time)
        case PeriodicReportMissed(period=name):
            state.periods[name] = PeriodNote(filed=False)
        case AttendanceCalendarAdopted(calendar=calendar):
            state.calendar = Calendar.model_validate(calendar)
            state.awake_at = datetime.fromisoformat(envelope["recorded_at"])
            state.advance()
        case AttendanceEnded():
            state.ended = True
        case ReportFiledLate():
            pass  # the report says so itself
        case _:
            return False
    return True


def _of_pupils(state: AttendanceState, event: Event, envelope: Envelope) -> bool:
    """Apply an event about one pupil; tell whether it was one."""
    match event:
        case AbsenceNoted(student=student, day=day, owed=owed, reported=reported):
            state.absent[student] = sorted({*state.absent.get(student, ()), day})
            if not reported:
                state.assumed[student] = sorted({*state.assumed.get(student, ()), day})
            if owed is not None:
                state.owed[student] = owed
        case AbsenceVisited(student=student):
            state.owed.pop(student, None)
        case AbsenceExplained(student=student, day=day):
            state.forget_absence(student, day)
        case AbsenceFlagged(student=student, flag=flag):
            state.flagged.setdefault(student, []).append(flag.value)
        case SuspectedDropout(student=student):
            state.owed.pop(student, None)
            _suspect(state, student, event, envelope)
        case CaseStandingNoted(student=student, status=status, on=on):
            _stand(state, student, Standing(status), on, envelope)
        case PupilReappeared(student=student, on=on):
            state.spells[student][-1].until = on
        case AttendanceLeft(student=student, exit=kind, on=on):
            state.left[student], state.exits[student] = on, kind
            state.owed.pop(student, None)
            state.move(state.students[student], left=1)
            _let_go(state, student, envelope)
        case AttendanceJoined(student=student, class_id=class_id, on=on):
            if student not in state.students:
                state.newcomers.append(student)
            state.students[student], state.joined[student] = class_id, on
            state.left.pop(student, None)
            state.exits.pop(student, None)
            state.move(class_id, joined=1)
            spells = state.spells.get(student)
            if spells and spells[-1].until is None:  # the case ended with the departure: the class has the pupil again
                spells[-1].until = on
        case _:
            return False
    return True


def _started(event: AttendanceStarted) -> AttendanceState:
    profile = PolicyProfile.model_validate(event.policy)
    first = first_day(event.first, event.began, profile.parameters.daily_report_due)
    state = AttendanceState(
        policy=profile,
        campaign=event.campaign,
        school=event.school,
        year=event.year,
        first=first,
        last=event.last,
        cursor=first,
        awake_at=event.began,
        calendar=Calendar.model_validate(event.calendar),
        students={student: class_id for class_id, pupils in event.classes.items() for student in pupils},
        cohort={class_id: len(pupils) for class_id, pupils in event.classes.items()},
    )
    state.advance()
    return state


def _report(
    state: AttendanceState, event: DailyReportFiled | ZeroReportFiled | ReportCorrected, envelope: Envelope
) -> None:
    if not isinstance(event, ReportCorrected):
        zero = isinstance(event, ZeroReportFiled)
        state.reports[event.day] = ReportNote(version=envelope["version"], on_time=event.on_time, zero=zero)
        if event.day in state.missed:
            state.missed.remove(event.day)
        state.moved.clear()
        state.advance()
    state.take_report(event.day, event.rows)


def _suspect(state: AttendanceState, student: str, event: SuspectedDropout, envelope: Envelope) -> None:
    """Begin a pupil's time in a case on the last day of the absence that made it."""
    today = civil(datetime.fromisoformat(envelope["recorded_at"]))
    last = max((day for day in state.absent.get(student, ()) if day <= today), default=event.since)
    spells = state.spells.setdefault(student, [])
    if spells and spells[-1].open:
        spells[-1].open = False
    spells.append(Spell(since=last))


def _let_go(state: AttendanceState, student: str, envelope: Envelope) -> None:
    """End a pupil's time in a case: with the case, or with the register, where perhaps no case was opened any more."""
    if state.open_spell(student) is not None:
        state.spells[student][-1].open = False
        state.settled_at = datetime.fromisoformat(envelope["recorded_at"])


def _stand(state: AttendanceState, student: str, standing: Standing, on: date, envelope: Envelope) -> None:
    """Take in where a case stands; a pupil who is back is counted with the class from that day on.

    That takes back what was only assumed of the days since, never an absence that a report named: a school does not
    undo its own reports by dating a return before them.
    """
    spell = state.spells[student][-1]
    if standing is not Standing.CLOSED:
        spell.status = standing
    if standing in ENDED:
        _let_go(state, student, envelope)
    if standing is Standing.RETURNED:
        spell.until = on
        for day in [day for day in state.assumed.get(student, ()) if day >= on]:
            state.forget_absence(student, day)
