"""Student aid by months of attendance: lists, months, runs, payment (R-14; INV-21, INV-30, INV-33; scenario S11).

Aid follows the pupil: who is entitled stands on a list that was shown and approved, what is paid follows from the
months in which the pupil attended, and no hold of a compliance case is ever looked at here (INV-30).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, ClassVar

from domain.actors import Actor
from domain.aid_commands import (
    AID_COMMANDS,
    ApproveAidList,
    ApproveAidRun,
    ComputeAid,
    ConfirmAidPaid,
    DecideAidObjection,
    DraftAidList,
    ObjectToAid,
    PublishAidList,
    RecordAidAttendance,
    RejectAidList,
    StopAid,
    WithdrawAidAttendance,
)
from domain.aid_events import (
    AID_EVENTS,
    AidApproved,
    AidAttendanceRecorded,
    AidAttendanceWithdrawn,
    AidBook,
    AidComputed,
    AidEntriesAdded,
    AidEntry,
    AidLine,
    AidLinesAdded,
    AidList,
    AidListDrafted,
    AidListPublished,
    AidListTakenDown,
    AidObjected,
    AidObjectionDecided,
    AidPaid,
    AidPupil,
    AidRecovered,
    AidRejected,
    AidRun,
    AidRunApproved,
    AidStopped,
)
from domain.aid_lists import (
    approved_list,
    attendance_withdrawn,
    attended,
    decided_objection,
    drafted,
    list_of,
    objected,
    shown,
    span_in,
    span_of,
    span_recorded,
    stopped,
)
from domain.aid_months import number_of
from domain.aid_runs import approved_run, computed, due_numbers, overpaid_numbers, paid, run_of, settle
from domain.campaign_events import CampaignStatus
from domain.campaign_state import CampaignState
from domain.events import Envelope, Event
from domain.parts import Clock, Part
from domain.refusal import Blocker, Refusal
from domain.settlement_runs import hands
from domain.stage_state import require_reason
from domain.stream import Command
from domain.time import end_of


class AidPart(Part[CampaignState]):
    """Student aid: who is entitled, which months were attended, what is paid."""

    commands: ClassVar[tuple[type[Command], ...]] = AID_COMMANDS
    event_types: ClassVar[tuple[type[Event], ...]] = AID_EVENTS

    def decide(self, state: CampaignState, command: Any, now: datetime) -> Sequence[Event]:
        """Decide a command about a list, a month or a run.

        Raises:
            Refusal: CAMPAIGN_NOT_APPROVED, AID_*, ROWS_REFUSED, REASON_REQUIRED, CALENDAR_UNKNOWN, WRONG_SCHOOL and
                SELF_APPROVAL (both recorded).
        """
        if state.status == CampaignStatus.DRAFT:
            raise Refusal("CAMPAIGN_NOT_APPROVED")
        match command:
            case DraftAidList():
                return drafted(state, command)
            case PublishAidList(listed=name):
                return [shown(state, name, now)]
            case ObjectToAid():
                return [objected(state, command)]
            case DecideAidObjection():
                return [decided_objection(state, command)]
            case ApproveAidList(listed=name):
                return [approved_list(state, name, command.actor)]
            case RejectAidList(listed=name):
                reason = require_reason(command)
                held = list_of(state.aid, name)
                if held.status in ("APPROVED", "REJECTED"):
                    raise Refusal("AID_LIST_STANDS_OTHERWISE", listed=name, standing=f"AID_LIST_{held.status}")
                return [AidRejected(listed=name, reason=reason)]
            case RecordAidAttendance():
                return attended(state, command, now)
            case WithdrawAidAttendance():
                return [attendance_withdrawn(state, command)]
            case StopAid():
                return [stopped(state, command)]
            case ComputeAid():
                return computed(state, command)
            case ApproveAidRun(run=name, version=version):
                return [approved_run(state, name, version, command.actor)]
            case ConfirmAidPaid():
                return [paid(state, command)]
            case _:
                return super().decide(state, command, now)

    def evolve(self, state: CampaignState, event: Event, envelope: Envelope) -> None:
        """Apply an event of student aid."""
        if not isinstance(event, AID_EVENTS):
            return
        book = state.aid
        who = hands(Actor.model_validate(envelope["actor"]))
        match event:
            case AidListDrafted(listed=name, entries=entries):
                book.lists[name] = AidList(digest=event.entries_digest, pupils=event.size, authors=who)
                _enter(state, name, entries)
            case AidEntriesAdded(listed=name, entries=entries):
                _enter(state, name, entries)
            case AidListPublished(listed=name, until=until):
                book.lists[name].status, book.lists[name].shown_until = "SHOWN", until
            case AidListTakenDown(listed=name):
                book.lists[name].status = "TAKEN_DOWN"
            case AidObjected(listed=name, student=student):
                book.lists[name].objections[student] = who
            case AidObjectionDecided(listed=name, student=student, outcome=outcome):
                del book.lists[name].objections[student]
                if outcome == "UPHELD":
                    book.lists[name].pupils -= 1
                    _strike(book, name, [student])
            case AidApproved(listed=name):
                book.lists[name].status = "APPROVED"
            case AidRejected(listed=name):
                book.lists[name].status, book.lists[name].objections = "REJECTED", {}
                _strike(book, name, list(book.pupils))
            case AidAttendanceRecorded(rows=rows):
                for row in rows:
                    attending = span_in(book.pupils[row.student], row.month)
                    if attending is not None:
                        attending.attended.append(number_of(attending.start, row.month))
            case AidAttendanceWithdrawn(student=student, month=month):
                held = span_recorded(book.pupils[student], month)
                if held is not None:
                    held.attended.remove(number_of(held.start, month))
            case AidStopped(student=student, last=last):
                for span in book.pupils[student].spans:
                    span.last = min(span.last, max(0, number_of(span.start, last)))
            case _:
                _evolve_runs(book, event, who)

    def clocks(self, state: CampaignState) -> Iterable[Clock]:
        """Yield the end of each list's public view (P29)."""
        for name, held in state.aid.lists.items():
            if held.status == "SHOWN" and held.shown_until is not None:
                yield end_of(held.shown_until), AidListTakenDown(listed=name)

    def view(self, state: CampaignState) -> dict[str, Any]:
        """Return lists and runs in one line each; pupils and amounts stay in the record."""
        book = state.aid
        if not book.lists:
            return {}
        lists = {name: {"status": held.status, "pupils": held.pupils} for name, held in book.lists.items()}
        runs = {
            name: {"version": run.version, "approved": run.approved, "paid": not run.open}
            for name, run in book.runs.items()
        }
        return {"aid": {"lists": lists, "runs": runs}}

    def blockers(self, state: CampaignState) -> tuple[Blocker, ...]:
        """Return what of student aid stands in the way of closing: the money of pupils is not left behind."""
        undecided = ("DRAFT", "SHOWN", "TAKEN_DOWN")
        found = (
            Blocker(code="AID_LISTS_UNDECIDED", count=sum(one.status in undecided for one in state.aid.lists.values())),
            Blocker(code="AID_MONTHS_UNPAID", count=_unpaid_months(state.aid)),
            Blocker(code="AID_MONTHS_OVERPAID", count=_overpaid_months(state.aid)),
            Blocker(code="AID_RUNS_UNPAID", count=sum(run.open for run in state.aid.runs.values())),
        )
        return tuple(blocker for blocker in found if blocker.count)


# -- inside ----------------------------------------------------------------------------------------------------------


def _enter(state: CampaignState, name: str, entries: tuple[AidEntry, ...]) -> None:
    for entry in entries:
        pupil = state.aid.pupils.setdefault(entry.student, AidPupil(account=entry.account))
        pupil.spans.append(span_of(name, entry))


def _strike(book: AidBook, name: str, students: list[str]) -> None:
    """Take pupils off a list; who stands on no other has no account here any more."""
    for student in students:
        pupil = book.pupils[student]
        pupil.spans = [span for span in pupil.spans if span.listed != name]
        if not pupil.spans:
            del book.pupils[student]


def _evolve_runs(book: AidBook, event: Event, who: list[str]) -> None:
    match event:
        case AidComputed(run=name):
            book.runs[name] = AidRun(
                study_year=event.study_year,
                term=event.term,
                version=event.version,
                digest=event.lines_digest,
                lines=list(event.lines),
                payers=dict(event.payers),
                pupils=_heads(event.lines, {}),
                authors=who,
            )
        case AidLinesAdded(run=name, lines=lines):
            book.runs[name].lines += lines
            book.runs[name].pupils = _heads(lines, book.runs[name].pupils)
        case AidRunApproved(run=name):
            run = run_of(book, name)
            run.approved_by = who
            settle(book, run)
        case AidPaid(run=name, payer=payer) | AidRecovered(run=name, payer=payer):
            book.runs[name].paid.append(payer)


def _unpaid_months(book: AidBook) -> int:
    """Return how many attended months of approved lists no approved run pays."""
    return sum(
        number not in span.settled
        for pupil in book.pupils.values()
        for span in pupil.spans
        if book.lists[span.listed].status == "APPROVED"
        for number in due_numbers(span, None)
    )


def _overpaid_months(book: AidBook) -> int:
    """Return how many paid months are due no more, and no approved run takes back."""
    return sum(len(overpaid_numbers(span)) for pupil in book.pupils.values() for span in pupil.spans)


def _heads(lines: tuple[AidLine, ...], before: dict[str, int]) -> dict[str, int]:
    """Return how many lines each payer has, added to those of the events before."""
    counted = dict(before)
    for line in lines:
        counted[line.payer] = counted.get(line.payer, 0) + 1
    return counted
