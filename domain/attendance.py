"""A school's attendance: daily and zero reports, weeks and months, the dropout clock (DOMAIN §7.3 region A, §7.6).

It runs beside the stages, whether or not they are paused, stopped or closed, until the pupils' last day at the school:
the duty to look after a pupil stays until graduation, whatever the pupil's destination is (INV-13). A missing report
is never a zero (INV-15), and a pupil who is absent without a reason ends in an explanation, a return, or a dropout
case with its written report (INV-14). Nothing here ranks or blames a pupil: what is counted is the school's service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from operator import itemgetter
from typing import Any, Final

from pydantic import TypeAdapter

from domain.actors import SYSTEM, Actor, require
from domain.attendance_events import (
    ATTENDANCE_COMMANDS,
    ATTENDANCE_EVENTS,
    NO_EXPLANATION,
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
    CorrectDailyReport,
    DailyReportFiled,
    ExplainAbsence,
    FileDailyReport,
    FilePeriodicReport,
    MonthlyReportFiled,
    Owed,
    PeriodicReportMissed,
    PeriodKind,
    PupilReappeared,
    RecordAbsenceVisit,
    RecordReappearance,
    ReportChased,
    ReportCorrected,
    ReportFiledLate,
    ReportMissed,
    ReportReminded,
    SuspectedDropout,
    Suspicion,
    WeeklyReportFiled,
    ZeroReportContradicted,
    ZeroReportFiled,
)
from domain.attendance_fold import evolved, is_back
from domain.attendance_periods import Period, due_day, figures, period_named, periods, standings
from domain.attendance_reports import absences, check_report, due_at, in_time, nothing_to_tell, still_away
from domain.attendance_state import (
    ONE_DAY,
    PROVES_A_RETURN,
    AttendanceState,
    Standing,
    at_clock,
)
from domain.events import Envelope, Event, PolicyAdopted
from domain.evidence import EvidenceGrade
from domain.parts import adapter
from domain.refusal import Refusal
from domain.stage_state import require_reason
from domain.stream import Decider, Message, Outgoing, news
from domain.time import at, civil

CHASE_HOUR: Final = "09:00"
"""When a school is asked for a missing report on the next school day (DOMAIN §7.6)."""

GROUP: Final = 2
"""Members of staff that make a group visit."""

Clock = tuple[datetime, Callable[[], list[Event]]]
"""An instant, and what makes the events that happen then."""


class AttendanceDecider(Decider[AttendanceState]):
    """The rules of a school's attendance."""

    kind = "attendance"
    state_type = AttendanceState
    commands: TypeAdapter[Any] = adapter(ATTENDANCE_COMMANDS)
    event_types = ATTENDANCE_EVENTS

    def begin(self, start: dict[str, Any], now: datetime) -> tuple[Actor, list[Event]]:
        """Begin with the school's classes, its calendar and the days on which it reports."""
        return SYSTEM, [AttendanceStarted.model_validate({**start, "began": now})]

    def decide(self, state: AttendanceState, command: Any, now: datetime) -> Sequence[Event]:
        """Decide reports, corrections, explanations and visits.

        Raises:
            Refusal: ATTENDANCE_ENDED, REPORT_*, NOT_A_SCHOOL_DAY, CLASSES_MISSING, ROWS_REFUSED, REASON_REQUIRED,
                ABSENCE_UNKNOWN, EXPLANATION_HEARSAY, GROUP_VISIT_NEEDS_TWO, PUPIL_NOT_AWAY,
                CASE_ENDED_WITH_THE_YEAR, EVIDENCE_NOT_ENOUGH, PERIOD_*.
        """
        require(command.actor, command.kind, state.school)
        if state.ended:
            raise Refusal("ATTENDANCE_ENDED")
        occurred = command.occurred_at or now
        match command:
            case FileDailyReport():
                return self._file(state, command, occurred, now)
            case CorrectDailyReport():
                return self._correct(state, command, now)
            case ExplainAbsence():
                return self._explain(state, command)
            case RecordAbsenceVisit():
                return self._visit(state, command, now)
            case RecordReappearance():
                return self._reappear(state, command, now)
            case FilePeriodicReport():
                return self._file_period(state, command, occurred, now)
            case _:
                raise Refusal("COMMAND_UNKNOWN")

    def evolve(self, state: AttendanceState | None, event: Event, envelope: Envelope) -> AttendanceState:
        """Apply an event; the first must be `AttendanceStarted`."""
        return evolved(state, event, envelope)

    def absorb(self, state: AttendanceState, message: Message, now: datetime) -> list[Event]:
        """Take in what the school passes on; nothing once the attendance has ended."""
        data = message.data
        match message.kind:
            case "case":
                standing, on = Standing(data["status"]), date.fromisoformat(data["on"])
                known = state.spells.get(str(data["student"]))
                noted = CaseStandingNoted(student=data["student"], status=standing, on=on)
                return [noted] if known and known[-1].open and not state.ended else []
            case "student_left":
                student = str(data["student"])
                here = student in state.students and student not in state.left and not state.ended
                on = date.fromisoformat(data.get("on", civil(now).isoformat()))
                left = AttendanceLeft(student=student, exit=data["exit"], on=on)
                return [left] if here and not state.never_back(student) else []
            case "student_joined":
                student = str(data["student"])
                here = student in state.students and student not in state.left
                on = date.fromisoformat(data["on"])
                joined = AttendanceJoined(student=student, class_id=data["class_id"], on=on)
                return [] if here or state.ended else [joined]
            case "calendar":
                newer = data["calendar"]["version"] > state.calendar.version
                return [AttendanceCalendarAdopted(calendar=data["calendar"])] if newer and not state.ended else []
            case "policy":
                return [] if state.ended else [PolicyAdopted(profile=data["profile"])]
            case _:
                return super().absorb(state, message, now)

    def outgoing(self, state: AttendanceState, event: Event, envelope: Envelope) -> list[Outgoing]:
        """Tell the school of suspicions, of absences after a return, and of the end."""
        school = f"{state.campaign}/{state.school}"
        match event:
            case SuspectedDropout(student=student, class_id=class_id, since=since, by=by):
                data = {"student": student, "class_id": class_id, "since": since.isoformat(), "by": by.value}
                return [news(school, "suspected", envelope, **data)]
            case AbsenceNoted(student=student, day=day) if is_back(state, student):
                return [news(school, "absent_again", envelope, student=student, day=day.isoformat())]
            case ReportMissed(day=day) if any(is_back(state, student) for student in state.spells):
                return [news(school, "day_unreported", envelope, day=day.isoformat())]
            case AbsenceFlagged(student=student, flag=flag):
                return [news(school, "flagged", envelope, student=student, flag=flag.value)]
            case AttendanceEnded():
                return [news(school, "watch_ended", envelope, stream=envelope["stream"])]
            case _:
                return []

    def due(self, state: AttendanceState) -> datetime | None:
        """Return the next instant at which a report is reminded of, missed or chased, or the attendance ends."""
        return min((instant for instant, _ in self._clocks(state)), default=None)

    def on_due(self, state: AttendanceState, instant: datetime) -> list[Event]:
        """Return what the earliest clock brings; the rest follows at the next call."""
        del instant
        return min(self._clocks(state), key=itemgetter(0))[1]()

    def finished(self, state: AttendanceState) -> bool:
        """Tell whether the last day is over and no case goes on."""
        return state.ended

    def view(self, state: AttendanceState) -> dict[str, Any]:
        """Return the line of the board: counts only; it is no stage and has no `stage`."""
        found = figures(state, state.first, state.last)
        return {
            "campaign": state.campaign,
            "school": state.school,
            "topic": self.kind,
            "status": "closed" if state.ended else "watching",
            "first": state.first.isoformat(),
            "last": state.last.isoformat(),
            "reports": {name: found[name] for name in ("due", "filed", "in_time", "missed", "zero")},
            "visits_owed": len(state.owed),
            "cases": standings(state),
            "blockers": [],
        }

    # -- commands ---------------------------------------------------------------------------------------------

    def _file(self, state: AttendanceState, command: FileDailyReport, occurred: datetime, now: datetime) -> list[Event]:
        day, rows = command.day, tuple(sorted(command.classes, key=lambda row: row.class_id))
        if day > civil(now):
            raise Refusal("REPORT_DAY_AHEAD", day=day.isoformat())
        if not state.first <= day <= state.last:
            raise Refusal("REPORT_DAY_OUTSIDE", first=state.first.isoformat(), last=state.last.isoformat())
        if state.is_school_day(day) is False:
            raise Refusal("NOT_A_SCHOOL_DAY", day=day.isoformat())
        if day in state.reports:
            raise Refusal("REPORT_ALREADY_FILED", day=day.isoformat())
        check_report(state, day, command.classes, whole=True)
        on_time = in_time(state, day, occurred, now, paper=command.paper is not None and command.witness is not None)
        shared = {"day": day, "rows": rows, "on_time": on_time, "paper": command.paper, "witness": command.witness}
        filed: Event
        if nothing_to_tell(rows):
            filed = ZeroReportFiled(**shared, present=sum(row.present for row in rows))
        else:
            filed = DailyReportFiled(**shared)
        late: list[Event] = [] if on_time else [ReportFiledLate(day=day, due=due_at(state, day))]
        return [filed, *late, *absences(state, day, [one for row in rows for one in row.unexplained])]

    def _correct(self, state: AttendanceState, command: CorrectDailyReport, now: datetime) -> list[Event]:
        day, rows = command.day, tuple(sorted(command.classes, key=lambda row: row.class_id))
        reason = require_reason(command)
        note = state.reports.get(day)
        if note is None:
            raise Refusal("REPORT_NOT_FILED", day=day.isoformat())
        check_report(state, day, command.classes, whole=False)
        found: list[Event] = [ReportCorrected(day=day, rows=rows, corrects=note.version, reason=reason)]
        contradicting = tuple(row.class_id for row in rows if row.unexplained or row.on_leave)
        if note.zero and not note.contradicted and contradicting:
            same_day = civil(now) == day
            found.append(ZeroReportContradicted(day=day, classes=contradicting, same_day=same_day))
        return [*found, *absences(state, day, [one for row in rows for one in row.unexplained])]

    def _explain(self, state: AttendanceState, command: ExplainAbsence) -> list[Event]:
        student, day = command.student, command.day
        if day not in state.absent.get(student, ()):
            raise Refusal("ABSENCE_UNKNOWN", day=day.isoformat())
        flag = NO_EXPLANATION.get(command.why)
        if flag is None:
            if command.evidence is EvidenceGrade.HEARSAY:
                raise Refusal("EXPLANATION_HEARSAY")
            return [AbsenceExplained(student=student, day=day, reason=command.why, evidence=command.evidence)]
        found: list[Event] = []
        if state.open_spell(student) is None:
            run = state.run(student, day)
            made = SuspectedDropout(
                student=student,
                class_id=state.students[student],
                since=run[0],
                days=len(run),
                by=Suspicion.STATEMENT,
            )
            found.append(made)  # first: the case that it opens takes in the flag
        return [*found, AbsenceFlagged(student=student, day=day, flag=flag, evidence=command.evidence)]

    def _visit(self, state: AttendanceState, command: RecordAbsenceVisit, now: datetime) -> list[Event]:
        if not state.absent.get(command.student):
            raise Refusal("ABSENCE_UNKNOWN", day=command.on.isoformat())
        if command.on > civil(now):
            raise Refusal("REPORT_DAY_AHEAD", day=command.on.isoformat())
        visitors = tuple(dict.fromkeys(command.visitors))
        if state.owed.get(command.student) is Owed.GROUP_VISIT and len(visitors) < GROUP:
            raise Refusal("GROUP_VISIT_NEEDS_TWO")
        return [AbsenceVisited(student=command.student, on=command.on, visitors=visitors, outcome=command.outcome)]

    def _reappear(self, state: AttendanceState, command: RecordReappearance, now: datetime) -> list[Event]:
        if command.on > civil(now):
            raise Refusal("REPORT_DAY_AHEAD", day=command.on.isoformat())
        spells = state.spells.get(command.student)
        if not spells or spells[-1].open or spells[-1].until is not None:
            raise Refusal("PUPIL_NOT_AWAY")
        if state.never_back(command.student):
            raise Refusal("CASE_ENDED_WITH_THE_YEAR")
        if command.evidence not in PROVES_A_RETURN:
            raise Refusal("EVIDENCE_NOT_ENOUGH")
        return [PupilReappeared(student=command.student, on=command.on, evidence=command.evidence)]

    def _file_period(
        self, state: AttendanceState, command: FilePeriodicReport, occurred: datetime, now: datetime
    ) -> list[Event]:
        period = period_named(state, command.report, command.period)
        due = due_day(state, period) if period else None
        if period is None or due is None:
            raise Refusal("PERIOD_NOT_DUE", period=command.period)
        known = state.periods.get(period.name)
        if known is not None and known.filed:
            raise Refusal("PERIOD_ALREADY_FILED", period=period.name)
        if civil(now) < due:
            raise Refusal("PERIOD_NOT_OVER", period=period.name, due=due.isoformat())
        counted = figures(state, period.first, min(period.last, civil(now)))
        on_time = occurred <= due_at(state, due) and now <= due_at(state, due)
        if period.report is PeriodKind.WEEKLY:
            return [WeeklyReportFiled(period=period.name, figures=counted, on_time=on_time)]
        return [MonthlyReportFiled(period=period.name, figures=counted, on_time=on_time)]

    # -- clocks -----------------------------------------------------------------------------------------------

    def _clocks(self, state: AttendanceState) -> Iterator[Clock]:
        """Yield what happens by itself: no pause, stop or close of the campaign holds it (DESIGN §5)."""
        if state.ended:
            return
        parameters = state.policy.parameters
        day = state.next_undecided()
        if day is not None:
            reminder = at_clock(day, parameters.daily_report_reminder)
            if (state.reminded is None or state.reminded < day) and reminder >= state.awake_at:
                yield reminder, lambda: [ReportReminded(day=day)]
            yield at_clock(day, parameters.daily_report_missed), partial(_missed, state, day)
        yield from self._chase(state)
        told: dict[PeriodKind, None] = {}
        for period in periods(state):
            if period.report in told or period.name in state.periods:
                continue
            due = due_day(state, period)
            if due is not None:
                told[period.report] = None
                evening = at_clock(due, parameters.daily_report_missed)
                yield evening, partial(_missed_period, period)
        if not any(spells[-1].open for spells in state.spells.values()):
            over = at(state.last + ONE_DAY)
            yield max(over, state.settled_at or over), lambda: [AttendanceEnded()]

    def _chase(self, state: AttendanceState) -> Iterator[Clock]:
        """Ask for the latest missing report on the morning of the next school day, once."""
        day = max(state.missed, default=None)
        if day is None or (state.chased is not None and state.chased >= day):
            return
        morning = next(state.school_days(day + ONE_DAY, day + timedelta(days=60)), None)
        if morning is not None:
            yield at_clock(morning, CHASE_HOUR), lambda: [ReportChased(day=day)]


def _missed(state: AttendanceState, day: date) -> list[Event]:
    """Note a missing report, and that nobody has said that those absent the day before are back (INV-15)."""
    return [ReportMissed(day=day), *absences(state, day, still_away(state, day), reported=False)]


def _missed_period(period: Period) -> list[Event]:
    return [PeriodicReportMissed(report=period.report, period=period.name)]
