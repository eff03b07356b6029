"""What can happen to student aid, and what the campaign remembers of it (R-14, INV-33).

Money is in fen. A line is a pupil's months of one term; lines are added and never edited: a month that turns out to be
wrong is taken back by a line of another run. A list holds references and codes; the account is a keyed digest.
"""

from __future__ import annotations

from datetime import date
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from domain.events import Event, digest
from domain.evidence import EvidenceGrade
from domain.settlement_events import Outcome, StreamMark

ROWS_AN_EVENT: Final = 200


class AidEntry(BaseModel):
    """One pupil's place on a list: for which months, of which kind, and who pays.

    Attributes:
        study_year: year of study at the receiving school, 1 or 2.
        kind: why the pupil is entitled, one of the policy's `aid_kinds`.
        school: code of the receiving school; payer: who pays, a school's code or "bureau".
        account: reference of the account, `acc_…`.
        start: the first teaching month of the school year; first, last: of the entitlement, both included.
    """

    model_config = ConfigDict(frozen=True)

    student: str
    study_year: int
    kind: str
    school: str
    payer: str
    account: str
    start: str
    first: str
    last: str


class AttendedMonth(BaseModel):
    """A pupil was at the school in a month, and how well that is known."""

    model_config = ConfigDict(frozen=True)

    student: str
    month: str
    evidence: EvidenceGrade


class AidLine(BaseModel):
    """What a run pays for one pupil, or takes back: month → fen, and the sum."""

    model_config = ConfigDict(frozen=True)

    student: str
    listed: str
    school: str
    payer: str
    account: str
    months: dict[str, int]
    fen: int


def lines_digest(lines: tuple[AidLine, ...]) -> str:
    """Return the digest of all lines in their order; an auditor computes it anew."""
    return digest([line.model_dump(mode="json") for line in lines])


def entries_digest(entries: tuple[AidEntry, ...]) -> str:
    """Return the digest of all entries of a list in their order."""
    return digest([entry.model_dump(mode="json") for entry in entries])


def by_payer(lines: tuple[AidLine, ...]) -> dict[str, int]:
    """Return the sum of the lines for each payer, in the order of the lines."""
    sums: dict[str, int] = {}
    for line in lines:
        sums[line.payer] = sums.get(line.payer, 0) + line.fen
    return sums


# -- what the campaign remembers -------------------------------------------------------------------------------------


class Span(BaseModel):
    """A pupil's months under one payer.

    Attributes:
        listed: the list that the pupil stands on.
        start: the first teaching month of the school year; the numbers below count from it, 1 to 10.
        first, last: the months of the entitlement; aid that was stopped ends earlier.
        attended: months that somebody has seen the pupil attend.
        settled: month → fen that an approved run pays for it.
    """

    listed: str
    study_year: int
    school: str
    payer: str
    start: str
    first: int
    last: int
    attended: list[int] = []
    settled: dict[int, int] = {}


class AidPupil(BaseModel):
    """A pupil on a list: one account, and the months under each payer."""

    account: str
    spans: list[Span] = []


class AidList(BaseModel):
    """A list of entitled pupils, and how far people have come with it.

    Attributes:
        shown_until: the last day on which it is on public view.
        authors: who drew it up; they approve nothing of it (INV-21).
        objections: pupil → who objected, while nobody has decided.
    """

    status: Literal["DRAFT", "SHOWN", "TAKEN_DOWN", "APPROVED", "REJECTED"] = "DRAFT"
    digest: str
    pupils: int
    authors: list[str]
    shown_until: date | None = None
    objections: dict[str, list[str]] = {}


class AidRun(BaseModel):
    """A run of the payment in its latest version; once it is approved it stays as it is.

    Attributes:
        lines: until it is approved; from then on each month stands with its pupil.
        payers: payer → fen, negative where more was paid than is due now.
        paid: the payers whose money has moved.
    """

    study_year: int
    term: int
    version: int
    digest: str
    lines: list[AidLine]
    payers: dict[str, int]
    pupils: dict[str, int]
    authors: list[str]
    approved_by: list[str] = []
    paid: list[str] = []

    @property
    def approved(self) -> bool:
        """Tell whether another person has approved it."""
        return bool(self.approved_by)

    @property
    def open(self) -> bool:
        """Tell whether somebody has still to approve it or to pay."""
        return not self.approved or len(self.paid) < len(self.payers)


class AidBook(BaseModel):
    """What the campaign remembers of student aid: lists, pupils and runs, each by name or reference."""

    lists: dict[str, AidList] = {}
    pupils: dict[str, AidPupil] = {}
    runs: dict[str, AidRun] = {}


# -- events ----------------------------------------------------------------------------------------------------------


class AidListDrafted(Event):
    """Somebody drew up a list of entitled pupils; it holds the first entries, `size` and digest are of all."""

    listed: str
    entries: tuple[AidEntry, ...]
    size: int
    entries_digest: str


class AidEntriesAdded(Event):
    """More entries of a list; the digest in `AidListDrafted` is over all of them."""

    listed: str
    entries: tuple[AidEntry, ...]


class AidListPublished(Event):
    """The list is on public view until the end of a day; it shows name, school, grade and class at most (P29)."""

    listed: str
    entries_digest: str
    until: date


class AidListTakenDown(Event):
    """The time of public view is over (P29): the list comes down, and can be approved."""

    listed: str


class AidObjected(Event):
    """Somebody objects to a pupil's place on a list."""

    listed: str
    student: str
    reason: str


class AidObjectionDecided(Event):
    """Somebody else than the list's author decided; upheld, the pupil is off the list."""

    listed: str
    student: str
    outcome: Outcome
    reason: str


class AidApproved(Event):
    """Another person than the author approved the list: its pupils are entitled."""

    listed: str
    entries_digest: str


class AidRejected(Event):
    """The list was turned down: nobody is entitled by it."""

    listed: str
    reason: str


class AidAttendanceRecorded(Event):
    """Pupils were at their school in these months."""

    rows: tuple[AttendedMonth, ...]


class AidAttendanceWithdrawn(Event):
    """A month was recorded wrongly: it is paid no more, and what was paid is taken back by another run's line."""

    student: str
    month: str
    reason: str


class AidStopped(Event):
    """A pupil has no aid after a month: left, moved to another school, or is entitled no more."""

    student: str
    last: str
    reason: str


class AidComputed(Event):
    """What is due for a term, with every line, or the first of them where there are many.

    `monthly` says what each month is worth by the policy in force; `withheld` the months with attendance that are not
    paid because the record says that the pupil had left; `basis` up to where that was read.
    """

    run: str
    version: int
    study_year: int
    term: int
    monthly: dict[str, int]
    lines: tuple[AidLine, ...]
    lines_digest: str
    pupils: int
    fen: int
    payers: dict[str, int]
    withheld: dict[str, tuple[str, ...]]
    basis: dict[str, StreamMark]


class AidLinesAdded(Event):
    """More lines of a version; the digest in `AidComputed` is over all of them."""

    run: str
    version: int
    lines: tuple[AidLine, ...]


class AidRunApproved(Event):
    """Another person than the author approved the run: it is paid as it stands."""

    run: str
    version: int
    lines_digest: str


class AidPaid(Event):
    """A payer has paid its lines of a run, to the pupils' accounts."""

    run: str
    version: int
    payer: str
    fen: int
    pupils: int
    document: str


class AidRecovered(Event):
    """A payer has taken back what was paid too much; `fen` is what came back."""

    run: str
    version: int
    payer: str
    fen: int
    pupils: int
    document: str


AID_EVENTS: Final[tuple[type[Event], ...]] = (
    AidListDrafted,
    AidEntriesAdded,
    AidListPublished,
    AidListTakenDown,
    AidObjected,
    AidObjectionDecided,
    AidApproved,
    AidRejected,
    AidAttendanceRecorded,
    AidAttendanceWithdrawn,
    AidStopped,
    AidComputed,
    AidLinesAdded,
    AidRunApproved,
    AidPaid,
    AidRecovered,
)
