"""What can happen in a school's attendance, and what can be commanded of it (DOMAIN §7.3 region A, §7.5, §7.6).

Pupils stand here as references only, reasons as codes. A report counts pupils and names those who are absent without
a reason: nobody else, and nothing else about them.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from domain.events import Event
from domain.evidence import EvidenceGrade
from domain.exact import Count
from domain.instants import Day
from domain.references import Label
from domain.school_events import Student
from domain.stream import CLASS, STAFF, Command

Staff = Annotated[str, Field(pattern=STAFF)]
ClassId = Annotated[str, Field(pattern=CLASS)]

MOST_OF_A_CLASS = 200
MOST_CLASSES = 100


class Owed(StrEnum):
    """The service that an absence without a reason calls for, by its school day (R-15)."""

    SAME_DAY_VISIT = "SAME_DAY_VISIT"
    GROUP_VISIT = "GROUP_VISIT"


class Suspicion(StrEnum):
    """What made a pupil a suspected dropout: days in a row, many days in a few weeks, or what an explanation said."""

    CONSECUTIVE = "CONSECUTIVE"
    PATTERN = "PATTERN"
    STATEMENT = "STATEMENT"


class AbsenceReason(StrEnum):
    """What was said about an absence: codes only; the circumstances are nobody's business here (edge case 30)."""

    ILLNESS = "ILLNESS"
    HOSPITAL = "HOSPITAL"
    FAMILY = "FAMILY"
    PREGNANCY = "PREGNANCY"
    CUSTODY = "CUSTODY"
    DISASTER = "DISASTER"
    TRAFFIC = "TRAFFIC"
    SCHOOL_AFFAIR = "SCHOOL_AFFAIR"
    OTHER_APPROVED_LEAVE = "OTHER_APPROVED_LEAVE"
    AT_WORK = "AT_WORK"
    AT_RECRUITER = "AT_RECRUITER"


class Flag(StrEnum):
    """What an explanation brings to light that the bureau must look into; never the pupil's fault."""

    CHILD_LABOUR_SUSPECTED = "CHILD_LABOUR_SUSPECTED"
    UNREGISTERED_RECRUITING = "UNREGISTERED_RECRUITING"


NO_EXPLANATION: dict[AbsenceReason, Flag] = {
    AbsenceReason.AT_WORK: Flag.CHILD_LABOUR_SUSPECTED,
    AbsenceReason.AT_RECRUITER: Flag.UNREGISTERED_RECRUITING,
}
"""Reasons that explain nothing: the duty to attend stays until graduation (INV-13), and somebody else is at fault."""


class PeriodKind(StrEnum):
    """The reports on a longer time (F-F5, P12)."""

    WEEKLY = "weekly"
    MONTHLY = "monthly"


class Row(BaseModel):
    """A class on a school day; all pupils on its register are in one of the three, or in a dropout case (INV-14)."""

    model_config = ConfigDict(frozen=True)

    class_id: ClassId
    present: Annotated[Count, Field(le=MOST_OF_A_CLASS)]
    on_leave: Annotated[Count, Field(le=MOST_OF_A_CLASS)] = 0
    unexplained: Annotated[tuple[Student, ...], Field(max_length=MOST_OF_A_CLASS)] = ()
    joined: Annotated[Count, Field(le=MOST_OF_A_CLASS)] = 0
    left: Annotated[Count, Field(le=MOST_OF_A_CLASS)] = 0


# -- events -----------------------------------------------------------------------------------------------------


class AttendanceStarted(Event):
    """A school begins to report who is there: its classes, and the first and last day on which it does."""

    campaign: str
    school: str
    year: int
    first: date
    last: date
    classes: dict[str, tuple[str, ...]]
    policy: dict[str, Any]
    calendar: dict[str, Any]
    began: AwareDatetime


class DailyReportFiled(Event):
    """The report of a school day with absences, leave or movement; a class a row."""

    day: date
    rows: tuple[Row, ...]
    on_time: bool
    paper: str | None = None
    witness: str | None = None


class ZeroReportFiled(Event):
    """The report of a school day on which every pupil was there: a signed statement, counted as filed (R-13)."""

    day: date
    present: int
    rows: tuple[Row, ...]
    on_time: bool
    paper: str | None = None
    witness: str | None = None


class ReportFiledLate(Event):
    """The report of a day came after the hour at which it was due."""

    day: date
    due: AwareDatetime


class ReportReminded(Event):
    """The report of today is not there an hour before it is due."""

    day: date


class ReportMissed(Event):
    """The evening came without a report; that is no zero report (INV-15)."""

    day: date


class ReportChased(Event):
    """The report of an earlier school day is still missing the next morning."""

    day: date


class ReportCorrected(Event):
    """A report was wrong: the rows that were, as they should be; the report itself stays on record (edge case 28)."""

    day: date
    rows: tuple[Row, ...]
    corrects: int
    reason: str


class ZeroReportContradicted(Event):
    """A zero report turned out not to be one (INV-15); `same_day` tells an honest correction from a later finding."""

    day: date
    classes: tuple[str, ...]
    same_day: bool


class AbsenceNoted(Event):
    """A pupil was absent without a reason, for so many school days in a row; `owed` is the service due (R-15).

    `reported` is False where the report of the day is missing: nobody has said that the pupil is back.
    """

    student: str
    class_id: str
    day: date
    days: int
    owed: Owed | None
    reported: bool = True


class AbsenceVisited(Event):
    """Members of staff went to see a family about an absence."""

    student: str
    on: date
    visitors: tuple[str, ...]
    outcome: str


class AbsenceExplained(Event):
    """An absence has a reason after all, and somebody can show it."""

    student: str
    day: date
    reason: AbsenceReason
    evidence: EvidenceGrade


class AbsenceFlagged(Event):
    """What was said about an absence explains nothing and has to be reported to the bureau (edge cases 29, 30)."""

    student: str
    day: date
    flag: Flag
    evidence: EvidenceGrade


class SuspectedDropout(Event):
    """A pupil may be dropping out: a case begins, for the pupil's protection (region A, A2)."""

    student: str
    class_id: str
    since: date
    days: int
    by: Suspicion


class WeeklyReportFiled(Event):
    """The report on a week, its figures made from the daily ones."""

    period: str
    figures: dict[str, int]
    on_time: bool


class MonthlyReportFiled(Event):
    """The report on a month, its figures made from the daily ones."""

    period: str
    figures: dict[str, int]
    on_time: bool


class PeriodicReportMissed(Event):
    """The evening of its day came without the report on a week or a month."""

    report: PeriodKind
    period: str


class CaseStandingNoted(Event):
    """Where a pupil's dropout case stands; the daily count of the class goes by it (INV-14)."""

    student: str
    status: str
    on: date


class PupilReappeared(Event):
    """A pupil whose case was closed as taught at home or elsewhere is at the school again, and counted there."""

    student: str
    on: date
    evidence: EvidenceGrade


class AttendanceLeft(Event):
    """A pupil has left the register; nothing more is owed about the pupil (edge case 35)."""

    student: str
    exit: str
    on: date


class AttendanceJoined(Event):
    """A pupil has come; the daily count of the class has one more."""

    student: str
    class_id: str
    on: date


class AttendanceCalendarAdopted(Event):
    """From here on school days are counted by another calendar."""

    calendar: dict[str, Any]


class AttendanceEnded(Event):
    """The last day is over and no case is open."""


ATTENDANCE_EVENTS: tuple[type[Event], ...] = (
    AttendanceStarted,
    DailyReportFiled,
    ZeroReportFiled,
    ReportFiledLate,
    ReportReminded,
    ReportMissed,
    ReportChased,
    ReportCorrected,
    ZeroReportContradicted,
    AbsenceNoted,
    AbsenceVisited,
    AbsenceExplained,
    AbsenceFlagged,
    SuspectedDropout,
    WeeklyReportFiled,
    MonthlyReportFiled,
    PeriodicReportMissed,
    CaseStandingNoted,
    PupilReappeared,
    AttendanceLeft,
    AttendanceJoined,
    AttendanceCalendarAdopted,
    AttendanceEnded,
)


# -- commands ---------------------------------------------------------------------------------------------------


class FileDailyReport(Command):
    """Report who was there on a school day: all classes or none.

    A report that was written in time and is recorded later counts as in time only with the paper's number and a
    witness (DOMAIN §7.6).
    """

    kind: Literal["file_daily_report"] = "file_daily_report"
    day: Day
    classes: Annotated[tuple[Row, ...], Field(min_length=1, max_length=MOST_CLASSES)]
    paper: Label | None = None
    witness: Staff | None = None


class CorrectDailyReport(Command):
    """Correct classes of a day's report; needs a reason."""

    kind: Literal["correct_daily_report"] = "correct_daily_report"
    day: Day
    classes: Annotated[tuple[Row, ...], Field(min_length=1, max_length=MOST_CLASSES)]


class ExplainAbsence(Command):
    """Say why a pupil was absent on a day, and where that is known from."""

    kind: Literal["explain_absence"] = "explain_absence"
    student: Student
    day: Day
    why: AbsenceReason
    evidence: EvidenceGrade


class RecordAbsenceVisit(Command):
    """Record that staff went to see a family about an absence: one person on the first day, a group on the second."""

    kind: Literal["record_absence_visit"] = "record_absence_visit"
    student: Student
    on: Day
    visitors: Annotated[tuple[Staff, ...], Field(min_length=1, max_length=10)]
    outcome: Literal["reached", "no_answer", "call_back"]


class RecordReappearance(Command):
    """Record that a pupil whose case was closed as taught at home or elsewhere is at the school again."""

    kind: Literal["record_reappearance"] = "record_reappearance"
    student: Student
    on: Day
    evidence: EvidenceGrade


class FilePeriodicReport(Command):
    """File the report on a week ("2025-W36") or a month ("2025-09"); its figures are computed, not typed in."""

    kind: Literal["file_periodic_report"] = "file_periodic_report"
    report: PeriodKind
    period: Annotated[str, Field(pattern=r"^\d{4}-(W\d{2}|\d{2})$")]


ATTENDANCE_COMMANDS: tuple[type[Command], ...] = (
    FileDailyReport,
    CorrectDailyReport,
    ExplainAbsence,
    RecordAbsenceVisit,
    RecordReappearance,
    FilePeriodicReport,
)
