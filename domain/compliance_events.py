"""What the campaign's stream notes of complaints, cases, holds and violations (DOMAIN §7.3 region C; INV-30, INV-32).

A case decides in its own stream and tells the campaign; the campaign notes it under the same type of event and tells
the schools. What stands in `HoldRegister` is what counting and payment look at.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field

from domain.campaign_events import ComplaintMatter, Hands
from domain.events import Event
from domain.references import Label
from domain.stream import NOTE, Command

Unit = Annotated[str, Field(pattern=r"^(bureau|\d{10})$")]
"""Whom a case is about: the bureau, or a school by its code."""

HoldScope = Literal["student", "class", "school", "campaign"]

ViolationKind = Literal[
    "PAID_RECRUITING",
    "PRESSURE",
    "FORGED_CONSENT",
    "FALSE_REPORT",
    "UNREGISTERED_VISIT",
    "DATA",
    "EXAM_WAIVER",
    "OTHER",
]
"""What a case can find (DOMAIN §1.10, §6)."""

CaseMatter = ComplaintMatter | Literal["FUNDING_SOURCE", "EXAM_WAIVER", "PAID_RECRUITING", "FORGED_CONSENT"]
"""What a case is about: a complaint's matter, or what opened it without one."""

CaseOrigin = Literal["COMPLAINT", "SUSPICION", "FUNDING_SOURCE", "NOTE"]


class Hold(BaseModel):
    """A hold in force: it stops counting and payment of what it covers, and nothing else (INV-30).

    Attributes:
        scope: how far it reaches; `school`, `class_id` and `student` say where, as far as the scope needs them.
        case: the compliance case that placed it.
    """

    scope: HoldScope
    school: str | None = None
    class_id: str | None = None
    student: str | None = None
    case: str
    reason: str

    def covers(self, school: str, class_id: str | None = None, student: str | None = None) -> bool:
        """Tell whether anything of a school, of a class or of a pupil is under the hold.

        Without a class the question is about the whole school, without a pupil about the whole class: then a
        narrower hold inside it counts too.
        """
        if self.scope == "campaign":
            return True
        if self.school != school:
            return False
        if self.scope == "school" or class_id is None or self.class_id is None:
            inside = True
        else:
            inside = self.class_id == class_id
        return inside and (self.student is None or student is None or self.student == student)


class Violation(BaseModel):
    """A violation that a case has confirmed (R-09); gone when it is dismissed or an appeal is won.

    Attributes:
        students: pupils whose consents it touches; they keep every right and their place.
        final: nobody can appeal any more.
    """

    violation: ViolationKind
    school: str | None
    class_id: str | None = None
    students: tuple[str, ...] = ()
    final: bool = False


class CaseEntry(BaseModel):
    """A case as the campaign knows it; the rest is in the case's own stream."""

    origin: CaseOrigin
    about: str
    matter: str
    owner: str
    acknowledge_by: date | None
    decide_by: date | None
    made_by: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    self_reported: bool = False
    received_on: date
    open: bool = True


class OwedHold(BaseModel):
    """A hold that a school must still be told of: it was placed before the school was ready."""

    hold: str
    school: str
    since: AwareDatetime


class HoldRegister(BaseModel):
    """What the campaign remembers of cases, holds in force and confirmed violations.

    Attributes:
        open: holds in force, by name.
        violations: confirmed and not dismissed, by case.
        cases: every case that was opened, by name.
        owed: schools that became ready after a hold was placed.
    """

    open: dict[str, Hold] = {}
    violations: dict[str, Violation] = {}
    cases: dict[str, CaseEntry] = {}
    owed: list[OwedHold] = []

    def on(self, school: str, class_id: str | None = None, student: str | None = None) -> list[str]:
        """Return the names of the holds that cover a school, a class or a pupil."""
        return [name for name, hold in self.open.items() if hold.covers(school, class_id, student)]

    def open_cases(self) -> list[str]:
        """Return the names of the cases that have not ended."""
        return [name for name, case in self.cases.items() if case.open]


# -- events -----------------------------------------------------------------------------------------------------


class SuspicionReported(Event):
    """An auditor or a discipline officer has seen something; a case is opened, whose owner is somebody else."""

    case: str
    about: str
    matter: CaseMatter
    owner: str
    acknowledge_by: date | None
    decide_by: date | None
    made_by: tuple[str, ...]
    note: str | None = None


class NoteFlagged(Event):
    """A free text reads like a promise to give up the examination: people look at it (INV-03; DOMAIN §0.4).

    The text stays in the registry; nothing is blocked, and a false alarm is dismissed like any other case.
    """

    case: str
    about: str
    note: str
    owner: str
    acknowledge_by: date | None
    decide_by: date | None
    made_by: tuple[str, ...]


class HoldPlaced(Event):
    """Counting and payment of what it covers wait; schooling, admission, exam and aid go on (INV-30)."""

    hold: str
    case: str
    scope: HoldScope
    school: str | None
    class_id: str | None
    student: str | None
    reason: str


class HoldReleased(Event):
    """A hold ends; what it covered is counted again."""

    hold: str
    case: str
    scope: HoldScope
    school: str | None
    class_id: str | None
    student: str | None
    reason: str


class HoldHandedOn(Event):
    """A school that became ready after a hold was placed is told of it."""

    hold: str
    school: str


class ViolationConfirmed(Event):
    """A case found a violation; the unit concerned can appeal until `appeal_by`, then it is final (R-09)."""

    case: str
    violation: ViolationKind
    school: str | None
    class_id: str | None
    students: tuple[str, ...]
    reason: str
    appeal_by: date
    final: bool


class ViolationDismissed(Event):
    """A suspicion was not confirmed, or an appeal was won; told to everybody who was told before (edge 44)."""

    case: str
    violation: ViolationKind | None
    school: str | None
    class_id: str | None
    students: tuple[str, ...]
    reason: str


class CaseClosedNoted(Event):
    """A compliance case has ended."""

    case: str
    outcome: str


# -- commands ---------------------------------------------------------------------------------------------------


class ReportSuspicion(Command):
    """Open a case without a complaint; by an auditor or a discipline officer."""

    kind: Literal["report_suspicion"] = "report_suspicion"
    case: Label
    about: Unit
    matter: CaseMatter


class FlagNote(Command):
    """Open a case about a note that reads like a promise to give up the examination; given by the program itself.

    Attributes:
        hands: of whoever wrote the note, who does not judge it.
    """

    kind: Literal["flag_note"] = "flag_note"
    case: Label
    about: Unit
    note: str = Field(pattern=NOTE)
    hands: Hands = ()
