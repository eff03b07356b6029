"""What can happen in one compliance case, and what can be commanded of it (DOMAIN §7.3 region C, §7.6)."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from domain.campaign_events import SCHOOL_CODE, Hands
from domain.compliance_events import CaseMatter, CaseOrigin, HoldScope, ViolationKind
from domain.events import Event
from domain.stream import CLASS, NOTE, STUDENT, Command, StreamState

HOLD = r"^[a-z0-9][a-z0-9-]{0,49}$"
"""A case's name and the hold's number in it."""


class CaseStatus(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    INVESTIGATING = "investigating"
    REFERRED = "referred"
    CONFIRMED = "confirmed"
    APPEALED = "appealed"
    CLOSED = "closed"


UNDECIDED = (CaseStatus.OPEN, CaseStatus.INVESTIGATING)


# -- events -----------------------------------------------------------------------------------------------------


class CaseOpened(Event):
    """A case begins, outside the unit that it is about; whoever asked for it stands here as digests only (INV-32).

    Attributes:
        made_by: keyed digests of who complained or wrote a note; plain ones where the campaign's record names the
            person in any event, as with a suspicion and a source of funds.
    """

    campaign: str
    case: str
    origin: CaseOrigin
    about: str
    matter: CaseMatter
    owner: str
    acknowledge_by: date | None
    decide_by: date | None
    received_on: date
    made_by: tuple[str, ...]
    notes: tuple[str, ...]
    self_reported: bool
    schools: tuple[str, ...]
    policy: dict[str, Any]
    calendar: dict[str, Any]


class InvestigationOpened(Event):
    """The owner looks into it."""

    case: str


class CaseDeadlineExtended(Event):
    """The day by which the case is decided is moved, once (DOMAIN §7.6); None where it cannot be computed yet."""

    case: str
    decide_by: date | None
    reason: str


class ReferredToDiscipline(Event):
    """The matter is with the discipline office; the case stays open until its answer is here."""

    case: str
    reason: str


class CaseAppealFiled(Event):
    """The unit concerned appeals; somebody without a hand in the case decides by a day."""

    case: str
    reason: str
    decide_by: date | None


class CaseAppealDecided(Event):
    """An appeal is decided."""

    case: str
    outcome: Literal["GRANTED", "REJECTED"]
    reason: str


class ComplaintWithdrawn(Event):
    """Whoever complained takes it back; perhaps under pressure, so the case goes on (edge 26)."""

    case: str


class NoteRead(Event):
    """The owner has read a note of the case in the registry (INV-32)."""

    case: str
    note: str


class AcknowledgementOverdue(Event):
    """Nobody told the complainant in time that it is in hand; another office may do it from here on."""

    case: str
    due: date
    to_role: str


class DecisionOverdue(Event):
    """The case, or its appeal, was not decided in time; another office may decide from here on."""

    case: str
    due: date
    to_role: str
    step: Literal["case", "appeal"]


class CaseCalendarNoted(Event):
    """A newer calendar reached the case; days that could not be computed are known now."""

    calendar: dict[str, Any]
    acknowledge_by: date | None
    decide_by: date | None


class CaseClosed(Event):
    """The case is final."""

    case: str
    outcome: Literal["VIOLATION", "DISMISSED", "REFERRED"]
    reason: str


# -- state ------------------------------------------------------------------------------------------------------


class ComplianceState(StreamState):
    """One case as its events make it.

    Attributes:
        owners: roles that may act in it; a deadline that passes adds the office above.
        hands: references of those who acted, to keep the appeal another person's.
        holds: those in force, as the campaign was told.
        placed: how many holds the case has ever placed; they are numbered.
        violation: what was confirmed, as the campaign was told.
        answer_by: the day by which the owner, or who decides the appeal, has to act.
        overdue: steps whose day has passed unanswered.
    """

    campaign: str
    case: str
    origin: CaseOrigin
    about: str
    matter: CaseMatter
    owners: list[str]
    received_on: date
    made_by: list[str]
    notes: list[str]
    self_reported: bool
    schools: list[str]
    calendar: dict[str, Any]
    status: CaseStatus = CaseStatus.OPEN
    acknowledge_by: date | None
    decide_by: date | None
    acknowledged: bool = False
    extended: bool = False
    withdrawn: bool = False
    appealed_on: date | None = None
    appeal_by: date | None = None
    appeal_decide_by: date | None = None
    holds: dict[str, dict[str, Any]] = {}
    placed: int = 0
    violation: dict[str, Any] | None = None
    outcome: str | None = None
    hands: list[str] = []
    overdue: list[str] = []


# -- commands ---------------------------------------------------------------------------------------------------


class CaseCommand(Command):
    """A command to a case.

    Attributes:
        hands: of whoever gives it, and for whom; a case that somebody asked for in secret takes none without.
    """

    hands: Hands = ()


class Place(CaseCommand):
    """A command that names a place: a school, a class of it, a pupil of it."""

    school: str | None = Field(default=None, pattern=SCHOOL_CODE)
    class_id: str | None = Field(default=None, pattern=CLASS)


class AcknowledgeCase(CaseCommand):
    """Tell the complainant that it is in hand."""

    kind: Literal["acknowledge_case"] = "acknowledge_case"


class OpenInvestigation(CaseCommand):
    """Look into it."""

    kind: Literal["open_investigation"] = "open_investigation"


class PlaceHold(Place):
    """Hold counting and payment of a pupil, a class, a school or the campaign; needs a reason."""

    kind: Literal["place_hold"] = "place_hold"
    scope: HoldScope
    student: str | None = Field(default=None, pattern=STUDENT)

    @model_validator(mode="after")
    def _names_its_place(self) -> Self:
        """Each scope names exactly what it needs."""
        needed = {
            "campaign": (),
            "school": ("school",),
            "class": ("school", "class_id"),
            "student": ("school", "student"),
        }[self.scope]
        named = tuple(name for name in ("school", "class_id", "student") if getattr(self, name) is not None)
        if set(needed) - set(named) or set(named) - {*needed, *(("class_id",) if self.scope == "student" else ())}:
            raise ValueError("the scope and the place differ")
        return self


class ReleaseHold(CaseCommand):
    """End a hold; needs a reason."""

    kind: Literal["release_hold"] = "release_hold"
    hold: str = Field(pattern=HOLD)


class ExtendCaseDeadline(CaseCommand):
    """Take as many working days again, once; needs a reason."""

    kind: Literal["extend_case_deadline"] = "extend_case_deadline"


class ConfirmViolation(Place):
    """Find a violation; needs a reason."""

    kind: Literal["confirm_violation"] = "confirm_violation"
    violation: ViolationKind
    students: tuple[Annotated[str, Field(pattern=STUDENT)], ...] = Field(default=(), max_length=2_000)

    @model_validator(mode="after")
    def _names_its_school(self) -> Self:
        """Classes and pupils are some school's; each pupil is named once, as a reference."""
        if self.school is None and (self.class_id is not None or self.students):
            raise ValueError("a class or a pupil needs a school")
        if len(dict.fromkeys(self.students)) != len(self.students):
            raise ValueError("a pupil is named twice")
        return self


class DismissViolation(CaseCommand):
    """Find none, or take back what was found before it is final; needs a reason."""

    kind: Literal["dismiss_violation"] = "dismiss_violation"


class ReferCase(CaseCommand):
    """Hand the matter to the discipline office; needs a reason."""

    kind: Literal["refer_case"] = "refer_case"


class FileCaseAppeal(CaseCommand):
    """Appeal, as the unit concerned, while there is time; needs a reason."""

    kind: Literal["file_case_appeal"] = "file_case_appeal"


class DecideCaseAppeal(CaseCommand):
    """Decide an appeal, without a hand in the case before; needs a reason."""

    kind: Literal["decide_case_appeal"] = "decide_case_appeal"
    outcome: Literal["GRANTED", "REJECTED"]


class WithdrawComplaint(CaseCommand):
    """Take a complaint back; the case goes on."""

    kind: Literal["withdraw_complaint"] = "withdraw_complaint"


class ReadNote(CaseCommand):
    """Read a note of the case; its owner only, and each reading is on record."""

    kind: Literal["read_note"] = "read_note"
    text: str = Field(pattern=NOTE)


class CloseCase(CaseCommand):
    """End a case that was referred, when the discipline office has taken it over; needs a reason."""

    kind: Literal["close_case"] = "close_case"


CASE_COMMANDS: tuple[type[Command], ...] = (
    AcknowledgeCase,
    OpenInvestigation,
    PlaceHold,
    ReleaseHold,
    ExtendCaseDeadline,
    ConfirmViolation,
    DismissViolation,
    ReferCase,
    FileCaseAppeal,
    DecideCaseAppeal,
    WithdrawComplaint,
    ReadNote,
    CloseCase,
)

CASE_EVENTS: tuple[type[Event], ...] = (
    CaseOpened,
    InvestigationOpened,
    CaseDeadlineExtended,
    ReferredToDiscipline,
    CaseAppealFiled,
    CaseAppealDecided,
    ComplaintWithdrawn,
    NoteRead,
    AcknowledgementOverdue,
    DecisionOverdue,
    CaseCalendarNoted,
    CaseClosed,
)
"""The case's own; with these it shares those that it tells the campaign."""
