"""What can happen in one pupil's dropout case, and what can be commanded of it (DOMAIN §7.3 region A, §7.5, R-15).

The case is the school's and the bureau's duty, not the pupil's record of wrongs: it holds what was done to bring the
pupil back, by whom and when. Circumstances stand as codes only.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, Field

from domain.attendance_events import Flag, Staff, Suspicion
from domain.attendance_state import Standing
from domain.events import Event
from domain.evidence import EvidenceGrade
from domain.exact import Positive
from domain.instants import Day
from domain.references import not_personal
from domain.stream import Command

Reference = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,39}$"), AfterValidator(not_personal)]
"""The number of a paper or of an entry in the register."""

Visitors = Annotated[tuple[Staff, ...], Field(min_length=2, max_length=10)]
"""Those who went: at least two (DOMAIN §7.6, group visit)."""


class Persuasion(StrEnum):
    """What came of an attempt to bring a pupil back (edge case 30): codes only, and nobody's blame."""

    COMES_BACK = "COMES_BACK"
    THINKS_ABOUT_IT = "THINKS_ABOUT_IT"
    NOT_WILLING_YET = "NOT_WILLING_YET"
    NOBODY_THERE = "NOBODY_THERE"
    MOVED_AWAY = "MOVED_AWAY"
    ILL = "ILL"
    HOSPITAL = "HOSPITAL"
    PREGNANCY = "PREGNANCY"
    CUSTODY = "CUSTODY"
    DISASTER = "DISASTER"
    AT_WORK = "AT_WORK"
    AT_RECRUITER = "AT_RECRUITER"


class HomeTeachingGround(StrEnum):
    """Why a pupil is taught at home; nothing else is a ground (A5, P32)."""

    MEDICAL = "MEDICAL"
    DISABILITY = "DISABILITY"


class Ending(StrEnum):
    """How a case ended: closed (销号), or, for the last two, with the year and without a closing.

    `NOT_RETURNED`: nobody proved that the pupil was back, elsewhere or taught at home; one word of the school alone
    proves none of it. `UNCONFIRMED`: the bureau recorded it, or the school's daily reports bear a return out, and no
    second person closed the case. Neither is a good end.
    """

    RETURNED = "RETURNED"
    ELSEWHERE = "ELSEWHERE"
    HOME_TEACHING = "HOME_TEACHING"
    LEFT_REGISTER = "LEFT_REGISTER"
    NOT_RETURNED = "NOT_RETURNED"
    UNCONFIRMED = "UNCONFIRMED"


class Service(StrEnum):
    """What the school and the bureau owe in a case, in the order in which it is due; nothing of it is the family's."""

    VISIT = "VISIT"
    WRITTEN_REPORT = "WRITTEN_REPORT"
    CONFIRMATION = "CONFIRMATION"
    RETURN_ORDER = "RETURN_ORDER"
    HOME_TEACHING = "HOME_TEACHING"
    CLOSING = "CLOSING"


# -- events -----------------------------------------------------------------------------------------------------


class DropoutCaseStarted(Event):
    """The school opened a case for a pupil who may be dropping out; `last` is the day of graduation (INV-13).

    `reported_to` is the last day on which the school reports who is there; None: `last`.
    """

    campaign: str
    school: str
    student: str
    class_id: str
    since: date
    by: Suspicion
    episode: int
    last: date
    reported_to: date | None = None
    policy: dict[str, Any]
    calendar: dict[str, Any]
    began: AwareDatetime


class PersuasionAttempted(Event):
    """Members of staff went to bring the pupil back."""

    n: int
    on: date
    visitors: tuple[str, ...]
    outcome: Persuasion


class PersuasionOverdue(Event):
    """So many school days have passed without another attempt; it names missing service (DESIGN §5)."""

    since: date
    attempts: int


class WrittenReportFiled(Event):
    """The principal's written report went to the bureau and the township."""

    document: str
    on: date
    on_time: bool


class WrittenReportOverdue(Event):
    """The written report is not there: the next instance is told (R-15)."""

    level: int
    to_role: str
    due: date


class DropoutConfirmed(Event):
    """The pupil has dropped out and has to be brought back (A3)."""

    attempts: int


class ReturnOrderServed(Event):
    """The township's order to come back to school (限期复学通知书) was served."""

    document: str
    on: date


class ReturnedToSchool(Event):
    """The pupil is back (region A's `Returned`; that name is the retention's)."""

    on: date
    evidence: EvidenceGrade


class AbsentAgain(Event):
    """After the return the pupil was absent again without a reason; the days present are counted anew."""

    day: date


class DayUnreported(Event):
    """A day after the return has no report: it counts neither as present nor as absent (INV-15)."""

    day: date


class SuspicionRenewed(Event):
    """After the return the dropout clock ran again."""

    since: date
    by: Suspicion


class DropoutFlagged(Event):
    """Somebody else's offence came to light: child labour, or recruiting; the bureau must act on it."""

    flag: Flag


class HomeTeachingStarted(Event):
    """The pupil is taught at home, on medical or disability evidence (A5)."""

    ground: HomeTeachingGround
    document: str
    on: date


class HomeTeachingSession(Event):
    """Teachers taught the pupil at home."""

    on: date
    lessons: int
    visitors: tuple[str, ...]


class ElsewhereVerified(Event):
    """The pupil attends another school, as its register or a paper says (A4); the transfer is being pursued."""

    evidence: EvidenceGrade
    register_ref: str


class ItemClosed(Event):
    """The case is at its end (销号)."""

    ending: Ending
    days_present: int


class CaseEndedWithTheYear(Event):
    """The time for the last proof is over, and the case ends without a closing: visibly, and never as a good end.

    Attributes:
        ending: `NOT_RETURNED` or `UNCONFIRMED`; `standing`: where the case stood.
        proof_until: the last day on which a proof would have counted.
        attempts: how often somebody went to bring the pupil back.
        done, undone: the services that were owed or given; what is undone is named, whoever owed it.
    """

    ending: Ending
    standing: Standing
    proof_until: date
    attempts: int
    done: tuple[Service, ...]
    undone: tuple[Service, ...]


class DropoutCalendarAdopted(Event):
    """From here on school days are counted by another calendar."""

    calendar: dict[str, Any]


DROPOUT_EVENTS: tuple[type[Event], ...] = (
    DropoutCaseStarted,
    PersuasionAttempted,
    PersuasionOverdue,
    WrittenReportFiled,
    WrittenReportOverdue,
    DropoutConfirmed,
    ReturnOrderServed,
    ReturnedToSchool,
    AbsentAgain,
    DayUnreported,
    SuspicionRenewed,
    DropoutFlagged,
    HomeTeachingStarted,
    HomeTeachingSession,
    ElsewhereVerified,
    ItemClosed,
    CaseEndedWithTheYear,
    DropoutCalendarAdopted,
)


# -- commands ---------------------------------------------------------------------------------------------------


class RecordPersuasion(Command):
    """Record the n-th attempt to bring the pupil back; two went at least."""

    kind: Literal["record_persuasion"] = "record_persuasion"
    n: Positive
    on: Day
    visitors: Visitors
    outcome: Persuasion


class FileWrittenReport(Command):
    """File the written report, signed by the principal, to the bureau and the township."""

    kind: Literal["file_written_report"] = "file_written_report"
    document: Reference
    on: Day


class ConfirmDropout(Command):
    """Confirm that the pupil has dropped out; only after an attempt to bring the pupil back."""

    kind: Literal["confirm_dropout"] = "confirm_dropout"


class ServeReturnOrder(Command):
    """Record that the township's order was served; the bureau does so for the township, which has no role here."""

    kind: Literal["serve_return_order"] = "serve_return_order"
    document: Reference
    on: Day


class RecordReturn(Command):
    """Record that the pupil is back at school."""

    kind: Literal["record_return"] = "record_return"
    on: Day
    evidence: EvidenceGrade


class StartHomeTeaching(Command):
    """Begin teaching at home; only on medical or disability evidence."""

    kind: Literal["start_home_teaching"] = "start_home_teaching"
    ground: HomeTeachingGround
    document: Reference
    on: Day


class RecordHomeSession(Command):
    """Record lessons at home."""

    kind: Literal["record_home_session"] = "record_home_session"
    on: Day
    lessons: Annotated[Positive, Field(le=8)]
    visitors: Annotated[tuple[Staff, ...], Field(min_length=1, max_length=10)]


class VerifyElsewhere(Command):
    """Record that the pupil attends another school, by its register or a paper."""

    kind: Literal["verify_elsewhere"] = "verify_elsewhere"
    evidence: EvidenceGrade
    register_ref: Reference


class CloseCase(Command):
    """Close the case: by another person than the one whose record it rests on (INV-21)."""

    kind: Literal["close_dropout_case"] = "close_dropout_case"


DROPOUT_COMMANDS: tuple[type[Command], ...] = (
    RecordPersuasion,
    FileWrittenReport,
    ConfirmDropout,
    ServeReturnOrder,
    RecordReturn,
    StartHomeTeaching,
    RecordHomeSession,
    VerifyElsewhere,
    CloseCase,
)
