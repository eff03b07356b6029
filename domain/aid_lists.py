"""Who is entitled to aid, and in which months a pupil attended (R-14, INV-21, INV-33; P29).

A list is drawn up, shown in public for some working days, and approved by another person. Each row is refused by its
own code: all rows of a list go in, or none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import NamedTuple, TypeVar

from domain.actors import Actor, Role, require_other_person
from domain.aid_commands import (
    AidAttendanceRow,
    AidRow,
    DecideAidObjection,
    DraftAidList,
    ObjectToAid,
    RecordAidAttendance,
    StopAid,
    WithdrawAidAttendance,
)
from domain.aid_events import (
    ROWS_AN_EVENT,
    AidApproved,
    AidAttendanceRecorded,
    AidAttendanceWithdrawn,
    AidBook,
    AidEntriesAdded,
    AidEntry,
    AidList,
    AidListDrafted,
    AidListPublished,
    AidObjected,
    AidObjectionDecided,
    AidPupil,
    AidStopped,
    AttendedMonth,
    Span,
    entries_digest,
)
from domain.aid_months import first_month, month_after, month_of, number_of
from domain.calendar import Calendar, CalendarUnknown
from domain.campaign_state import CampaignState
from domain.events import Event
from domain.evidence import EvidenceGrade
from domain.refusal import Refusal, refuse_rows
from domain.stage_state import require_reason
from domain.time import civil

R = TypeVar("R")


def list_of(book: AidBook, name: str) -> AidList:
    """Return a list.

    Raises:
        Refusal: AID_LIST_UNKNOWN.
    """
    held = book.lists.get(name)
    if held is None:
        raise Refusal("AID_LIST_UNKNOWN", listed=name)
    return held


def span_in(pupil: AidPupil, month: str) -> Span | None:
    """Return the span that a month lies in, as far as it was not stopped before."""
    for span in pupil.spans:
        if span.first <= number_of(span.start, month) <= span.last:
            return span
    return None


def span_recorded(pupil: AidPupil, month: str) -> Span | None:
    """Return the span in which a month of attendance is on record; one that was stopped before it comes last."""
    held = [span for span in pupil.spans if number_of(span.start, month) in span.attended]
    within = [span for span in held if span is span_in(pupil, month)]
    return next(iter([*within, *held]), None)


# -- lists -----------------------------------------------------------------------------------------------------------


def drafted(state: CampaignState, command: DraftAidList) -> list[Event]:
    """Return the events of a new list.

    Raises:
        Refusal: AID_LIST_EXISTS; ROWS_REFUSED with AID_KIND_NOT_ELIGIBLE, AID_YEAR_NOT_ELIGIBLE, AID_MONTH_OUTSIDE,
            AID_LISTED_ALREADY, AID_PAYER_TWICE, AID_ACCOUNT_SHARED, AID_ACCOUNT_OTHER, AID_OTHER_SCHOOL.
    """
    held = state.aid.lists.get(command.listed)
    if held is not None and held.status != "REJECTED":
        raise Refusal("AID_LIST_EXISTS", listed=command.listed)
    reader = _Reader(state, command.actor)
    problems: list[tuple[int, str]] = []
    entries: list[AidEntry] = []
    for number, row in enumerate(command.rows):
        code = reader.problem(row)
        if code is not None:
            problems.append((number, code))
            continue
        entries.append(reader.take(row))
    refuse_rows(problems)
    told = tuple(entries)
    first, *rest = _pieces(told)
    return [
        AidListDrafted(listed=command.listed, entries=first, size=len(told), entries_digest=entries_digest(told)),
        *(AidEntriesAdded(listed=command.listed, entries=piece) for piece in rest),
    ]


class _Period(NamedTuple):
    """The months that somebody pays a pupil for, both included."""

    payer: str
    first: str
    last: str


class _Reader:
    """Reads the rows of a list one after the other: a row is also compared with those before it."""

    def __init__(self, state: CampaignState, actor: Actor) -> None:
        self._year = state.year
        self._parameters = state.policy.parameters
        self._actor = actor
        pupils = state.aid.pupils
        self._periods = {student: [*_periods(pupil.spans)] for student, pupil in pupils.items()}
        self._accounts = {student: pupil.account for student, pupil in pupils.items()}
        self._owners = {account: student for student, account in self._accounts.items()}

    def problem(self, row: AidRow) -> str | None:
        """Return what is wrong with a row, the first that applies."""
        start, wanted = self._wanted(row)
        payers = [
            one.payer
            for one in self._periods.get(row.student, ())
            if one.first <= wanted.last and wanted.first <= one.last
        ]
        rules = (
            (_of_another(self._actor, row.school, row.payer), "AID_OTHER_SCHOOL"),
            (row.kind not in self._parameters.aid_kinds, "AID_KIND_NOT_ELIGIBLE"),
            (row.study_year > self._parameters.aid_years, "AID_YEAR_NOT_ELIGIBLE"),
            (not start <= wanted.first <= wanted.last, "AID_MONTH_OUTSIDE"),
            (any(payer != row.payer for payer in payers), "AID_PAYER_TWICE"),
            (bool(payers), "AID_LISTED_ALREADY"),
            (self._owners.get(row.account, row.student) != row.student, "AID_ACCOUNT_SHARED"),
            (self._accounts.get(row.student, row.account) != row.account, "AID_ACCOUNT_OTHER"),
        )
        return next((code for found, code in rules if found), None)

    def take(self, row: AidRow) -> AidEntry:
        """Return a good row as the entry that it makes."""
        start, wanted = self._wanted(row)
        self._periods.setdefault(row.student, []).append(wanted)
        self._accounts[row.student], self._owners[row.account] = row.account, row.student
        return AidEntry(**row.model_dump(exclude={"first"}), start=start, first=wanted.first, last=wanted.last)

    def _wanted(self, row: AidRow) -> tuple[str, _Period]:
        """Return the first month of the row's school year, and the months that the row asks for."""
        start = first_month(self._year, row.study_year, self._parameters)
        last = month_after(start, self._parameters.aid_months)
        return start, _Period(row.payer, row.first or start, last)


def _periods(spans: Iterable[Span]) -> Iterator[_Period]:
    for span in spans:
        if span.first <= span.last:
            yield _Period(span.payer, month_after(span.start, span.first), month_after(span.start, span.last))


def span_of(listed: str, entry: AidEntry) -> Span:
    """Return what is remembered of an entry."""
    return Span(
        listed=listed,
        study_year=entry.study_year,
        school=entry.school,
        payer=entry.payer,
        start=entry.start,
        first=number_of(entry.start, entry.first),
        last=number_of(entry.start, entry.last),
    )


def shown(state: CampaignState, name: str, now: datetime) -> AidListPublished:
    """Return the publication of a list.

    Raises:
        Refusal: AID_LIST_UNKNOWN, AID_LIST_STANDS_OTHERWISE, CALENDAR_UNKNOWN.
    """
    held = list_of(state.aid, name)
    if held.status != "DRAFT":
        raise Refusal("AID_LIST_STANDS_OTHERWISE", listed=name, standing=f"AID_LIST_{held.status}")
    calendar = Calendar.model_validate(state.calendar)
    try:
        until = calendar.add_working_days(civil(now), state.policy.parameters.aid_list_workdays)
    except CalendarUnknown as unknown:
        raise Refusal("CALENDAR_UNKNOWN", year=unknown.year) from None
    return AidListPublished(listed=name, entries_digest=held.digest, until=until)


def objected(state: CampaignState, command: ObjectToAid) -> AidObjected:
    """Return an objection; it can be made as long as the list is not approved.

    Raises:
        Refusal: AID_LIST_UNKNOWN, AID_LIST_STANDS_OTHERWISE, AID_NOT_LISTED, AID_OBJECTION_OPEN, REASON_REQUIRED.
    """
    held = list_of(state.aid, command.listed)
    reason = require_reason(command)
    if held.status not in ("SHOWN", "TAKEN_DOWN"):
        raise Refusal("AID_LIST_STANDS_OTHERWISE", listed=command.listed, standing=f"AID_LIST_{held.status}")
    _require_listed(state.aid, command.listed, command.student)
    if command.student in held.objections:
        raise Refusal("AID_OBJECTION_OPEN")
    return AidObjected(listed=command.listed, student=command.student, reason=reason)


def decided_objection(state: CampaignState, command: DecideAidObjection) -> AidObjectionDecided:
    """Return the answer to an objection, by somebody who neither drew up the list nor objected.

    Raises:
        Refusal: AID_LIST_UNKNOWN, AID_OBJECTION_NONE, REASON_REQUIRED, SELF_APPROVAL (recorded).
    """
    held = list_of(state.aid, command.listed)
    reason = require_reason(command)
    if command.student not in held.objections:
        raise Refusal("AID_OBJECTION_NONE")
    require_other_person(command.actor, [*held.authors, *held.objections[command.student]])
    return AidObjectionDecided(listed=command.listed, student=command.student, outcome=command.outcome, reason=reason)


def approved_list(state: CampaignState, name: str, actor: Actor) -> AidApproved:
    """Return the approval of a list that was shown to the end.

    Raises:
        Refusal: AID_LIST_UNKNOWN, AID_LIST_ON_VIEW, AID_LIST_STANDS_OTHERWISE, AID_OBJECTIONS_OPEN, SELF_APPROVAL.
    """
    held = list_of(state.aid, name)
    require_other_person(actor, held.authors)
    if held.status == "SHOWN":
        raise Refusal("AID_LIST_ON_VIEW", listed=name, until=str(held.shown_until))
    if held.status != "TAKEN_DOWN":
        raise Refusal("AID_LIST_STANDS_OTHERWISE", listed=name, standing=f"AID_LIST_{held.status}")
    if held.objections:
        raise Refusal("AID_OBJECTIONS_OPEN", listed=name, count=len(held.objections))
    return AidApproved(listed=name, entries_digest=held.digest)


# -- months ----------------------------------------------------------------------------------------------------------


def attended(state: CampaignState, command: RecordAidAttendance, now: datetime) -> list[Event]:
    """Return months of attendance; each needs a pupil on a list, and more than hearsay.

    Raises:
        Refusal: ROWS_REFUSED with AID_NOT_LISTED, AID_MONTH_OUTSIDE, AID_OTHER_SCHOOL, AID_MONTH_AHEAD,
            AID_MONTH_TWICE, AID_EVIDENCE_TOO_WEAK.
    """
    problems: list[tuple[int, str]] = []
    seen: dict[tuple[str, str], None] = {}
    for number, row in enumerate(command.rows):
        code = _month_problem(state.aid, command.actor, row, civil(now))
        if code is None and (row.student, row.month) in seen:
            code = "AID_MONTH_TWICE"
        if code is not None:
            problems.append((number, code))
        seen[row.student, row.month] = None
    refuse_rows(problems)
    rows = tuple(AttendedMonth.model_validate(row.model_dump()) for row in command.rows)
    return [AidAttendanceRecorded(rows=piece) for piece in _pieces(rows)]


def attendance_withdrawn(state: CampaignState, command: WithdrawAidAttendance) -> AidAttendanceWithdrawn:
    """Return that a month was recorded wrongly.

    Raises:
        Refusal: AID_MONTH_NOT_RECORDED, WRONG_SCHOOL (recorded), REASON_REQUIRED.
    """
    reason = require_reason(command)
    pupil = state.aid.pupils.get(command.student)
    span = None if pupil is None else span_recorded(pupil, command.month)
    if span is None:
        raise Refusal("AID_MONTH_NOT_RECORDED", month=command.month)
    _require_own(command.actor, span)
    return AidAttendanceWithdrawn(student=command.student, month=command.month, reason=reason)


def stopped(state: CampaignState, command: StopAid) -> AidStopped:
    """Return that a pupil's aid ends with a month.

    Raises:
        Refusal: AID_NOT_LISTED, AID_ENDS_ALREADY, WRONG_SCHOOL (recorded), REASON_REQUIRED.
    """
    reason = require_reason(command)
    pupil = state.aid.pupils.get(command.student)
    if pupil is None:
        raise Refusal("AID_NOT_LISTED")
    later = [
        span for span in pupil.spans if number_of(span.start, command.last) < span.last and span.first <= span.last
    ]
    if not later:
        raise Refusal("AID_ENDS_ALREADY", month=command.last)
    for span in later:
        _require_own(command.actor, span)
    return AidStopped(student=command.student, last=command.last, reason=reason)


# -- inside ----------------------------------------------------------------------------------------------------------


def _month_problem(book: AidBook, actor: Actor, row: AidAttendanceRow, today: date) -> str | None:
    pupil = book.pupils.get(row.student)
    if pupil is None:
        return "AID_NOT_LISTED"
    span = span_in(pupil, row.month)
    if span is None:
        return "AID_MONTH_OUTSIDE"
    if _of_another(actor, span.school):
        return "AID_OTHER_SCHOOL"
    if row.month > month_of(today):
        return "AID_MONTH_AHEAD"
    if number_of(span.start, row.month) in span.attended:
        return "AID_MONTH_TWICE"
    return "AID_EVIDENCE_TOO_WEAK" if row.evidence is EvidenceGrade.HEARSAY else None


def _require_listed(book: AidBook, name: str, student: str) -> None:
    pupil = book.pupils.get(student)
    if pupil is None or not any(span.listed == name for span in pupil.spans):
        raise Refusal("AID_NOT_LISTED")


def _require_own(actor: Actor, span: Span) -> None:
    if _of_another(actor, span.school):
        raise Refusal("WRONG_SCHOOL", recorded=True)


def _of_another(actor: Actor, *codes: str) -> bool:
    """Tell whether a receiving school speaks for another one."""
    return actor.role is Role.RECEIVING_SCHOOL and any(code != actor.organisation for code in codes)


def _pieces(rows: tuple[R, ...]) -> Iterable[tuple[R, ...]]:
    """Return the rows in pieces that fit an event."""
    return [rows[start : start + ROWS_AN_EVENT] for start in range(0, len(rows), ROWS_AN_EVENT)]
