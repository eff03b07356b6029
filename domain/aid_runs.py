"""What is due for a term of aid, computed from months of attendance (R-14, INV-33).

A run pays each attended month that no approved run has paid, and takes back each paid month that is due no more. A
month keeps the amount that it was paid with: a change of the policy alters no result (INV-29). Holds are not looked
at: they block counting and the settlement's payments, never aid (INV-30).
"""

from __future__ import annotations

from collections.abc import Iterator

from domain.actors import Actor, require_other_person, require_own_receiving_school
from domain.aid_commands import ComputeAid, ConfirmAidPaid
from domain.aid_events import (
    ROWS_AN_EVENT,
    AidBook,
    AidComputed,
    AidLine,
    AidLinesAdded,
    AidPaid,
    AidRecovered,
    AidRun,
    AidRunApproved,
    Span,
    by_payer,
    lines_digest,
)
from domain.aid_months import first_month, month_after, monthly_fen, number_of, term_numbers
from domain.campaign_state import CampaignState
from domain.events import Event
from domain.refusal import Refusal


def run_of(book: AidBook, name: str) -> AidRun:
    """Return a run.

    Raises:
        Refusal: AID_RUN_UNKNOWN.
    """
    run = book.runs.get(name)
    if run is None:
        raise Refusal("AID_RUN_UNKNOWN", run=name)
    return run


def computed(state: CampaignState, command: ComputeAid) -> list[Event]:
    """Return the events of a run, computed anew where it exists and nobody has approved it.

    Raises:
        Refusal: AID_RUN_APPROVED, AID_RUN_OTHER_TERM, AID_RUN_OPEN, AID_BASIS_FOREIGN, AID_NOTHING_DUE,
            AID_NOT_ENTITLED_YEAR.
    """
    version = _next_version(state.aid, command)
    if any(not stream.startswith(f"{state.campaign}/") for stream in command.basis):
        raise Refusal("AID_BASIS_FOREIGN")
    if command.study_year > state.policy.parameters.aid_years:
        raise Refusal("AID_NOT_ENTITLED_YEAR", years=state.policy.parameters.aid_years)
    lines = tuple(_lines(state, command))
    if not lines:
        raise Refusal("AID_NOTHING_DUE", study_year=command.study_year, term=command.term)
    first = AidComputed(
        run=command.run,
        version=version,
        study_year=command.study_year,
        term=command.term,
        monthly=_monthly(state, command),
        lines=lines[:ROWS_AN_EVENT],
        lines_digest=lines_digest(lines),
        pupils=len(lines),
        fen=sum(line.fen for line in lines),
        payers=by_payer(lines),
        withheld=dict(_withheld(state, command)),
        basis=command.basis,
    )
    rest = range(ROWS_AN_EVENT, len(lines), ROWS_AN_EVENT)
    more = (AidLinesAdded(run=command.run, version=version, lines=lines[at : at + ROWS_AN_EVENT]) for at in rest)
    return [first, *more]


def approved_run(state: CampaignState, name: str, version: int, actor: Actor) -> AidRunApproved:
    """Return the approval of a run by another person than its author.

    What was taken back or stopped since it was computed is paid to nobody: such a run is computed again first.

    Raises:
        Refusal: AID_RUN_UNKNOWN, AID_RUN_VERSION_OLD, AID_RUN_APPROVED, AID_RUN_STALE, SELF_APPROVAL (recorded).
    """
    run = run_of(state.aid, name)
    if run.version != version:
        raise Refusal("AID_RUN_VERSION_OLD", run=name, version=run.version)
    if run.approved:
        raise Refusal("AID_RUN_APPROVED", run=name)
    require_other_person(actor, run.authors)
    stale = sum(not _still_due(state.aid, run, line) for line in run.lines)
    if stale:
        raise Refusal("AID_RUN_STALE", run=name, count=stale)
    return AidRunApproved(run=name, version=version, lines_digest=run.digest)


def paid(state: CampaignState, command: ConfirmAidPaid) -> AidPaid | AidRecovered:
    """Return that a payer's money has moved, in the direction that its lines say.

    Raises:
        Refusal: AID_RUN_UNKNOWN, AID_RUN_NOT_APPROVED, AID_PAYER_UNKNOWN, AID_PAID_ALREADY, WRONG_SCHOOL (recorded),
            SELF_APPROVAL (recorded).
    """
    run = run_of(state.aid, command.run)
    require_own_receiving_school(command.actor, command.payer)
    if not run.approved:
        raise Refusal("AID_RUN_NOT_APPROVED", run=command.run)
    if command.payer not in run.payers:
        raise Refusal("AID_PAYER_UNKNOWN", run=command.run, payer=command.payer)
    if command.payer in run.paid:
        raise Refusal("AID_PAID_ALREADY", run=command.run, payer=command.payer)
    require_other_person(command.actor, [*run.authors, *run.approved_by])
    fen = run.payers[command.payer]
    event = AidPaid if fen >= 0 else AidRecovered
    return event(
        run=command.run,
        version=run.version,
        payer=command.payer,
        fen=abs(fen),
        pupils=run.pupils[command.payer],
        document=command.document,
    )


def settle(book: AidBook, run: AidRun) -> None:
    """Write an approved run's months to its pupils, in place; the lines stand in the record, the state drops them."""
    for line in run.lines:
        span = _span_of(book, run, line)
        for month, fen in line.months.items():
            number = number_of(span.start, month)
            if fen < 0:
                del span.settled[number]
            else:
                span.settled[number] = fen
    run.lines = []


def due_numbers(span: Span, left: str | None) -> list[int]:
    """Return the months of a span that are due: attended, entitled, and not after the pupil had left."""
    last = span.last if left is None else min(span.last, number_of(span.start, left))
    return sorted(number for number in span.attended if span.first <= number <= last)


def overpaid_numbers(span: Span) -> list[int]:
    """Return the months of a span that an approved run pays and that are due no more: the next run takes them back."""
    due = due_numbers(span, None)
    return [number for number in span.settled if number not in due]


# -- inside ----------------------------------------------------------------------------------------------------------


def _span_of(book: AidBook, run: AidRun, line: AidLine) -> Span:
    """Return the span that a line of a run is about; a list names a pupil once for a year of study."""
    place = (line.listed, run.study_year)
    [span] = [span for span in book.pupils[line.student].spans if (span.listed, span.study_year) == place]
    return span


def _still_due(book: AidBook, run: AidRun, line: AidLine) -> bool:
    """Tell whether a line's months to be paid were neither taken back nor stopped since it was computed."""
    span = _span_of(book, run, line)
    due = due_numbers(span, None)
    return all(number_of(span.start, month) in due for month, fen in line.months.items() if fen >= 0)


def _next_version(book: AidBook, command: ComputeAid) -> int:
    held = book.runs.get(command.run)
    if held is not None and held.approved:
        raise Refusal("AID_RUN_APPROVED", run=command.run)
    if held is not None and (held.study_year, held.term) != (command.study_year, command.term):
        raise Refusal("AID_RUN_OTHER_TERM", run=command.run)
    for name, run in book.runs.items():
        same = (run.study_year, run.term) == (command.study_year, command.term)
        if same and not run.approved and name != command.run:
            raise Refusal("AID_RUN_OPEN", run=name)
    return 1 if held is None else held.version + 1


def _lines(state: CampaignState, command: ComputeAid) -> Iterator[AidLine]:
    numbers, left = term_numbers(command.term, state.policy.parameters), _left(command)
    for student, pupil in state.aid.pupils.items():
        for span in pupil.spans:
            if span.study_year != command.study_year or state.aid.lists[span.listed].status != "APPROVED":
                continue
            due = due_numbers(span, left.get((student, span.school)))
            months = {
                month_after(span.start, number): fen
                for number in numbers
                if (fen := _moves(state, span, number, due)) is not None
            }
            if months:
                yield AidLine(
                    student=student,
                    listed=span.listed,
                    school=span.school,
                    payer=span.payer,
                    account=pupil.account,
                    months=months,
                    fen=sum(months.values()),
                )


def _moves(state: CampaignState, span: Span, number: int, due: list[int]) -> int | None:
    """Return what moves for a month: its amount where it is due and unpaid, less what was paid where it is not due."""
    if number in due and number not in span.settled:
        return monthly_fen(span.start, number, state.policy.parameters)
    if number in span.settled and number not in due:
        return -span.settled[number]
    return None


def _monthly(state: CampaignState, command: ComputeAid) -> dict[str, int]:
    parameters = state.policy.parameters
    start = first_month(state.year, command.study_year, parameters)
    return {
        month_after(start, number): monthly_fen(start, number, parameters)
        for number in term_numbers(command.term, parameters)
    }


def _withheld(state: CampaignState, command: ComputeAid) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the pupils with months of attendance after the record says that they had left."""
    numbers = term_numbers(command.term, state.policy.parameters)
    for (student, school), last in _left(command).items():
        pupil = state.aid.pupils.get(student)
        for span in pupil.spans if pupil else ():
            if (span.study_year, span.school) != (command.study_year, school):
                continue
            kept = due_numbers(span, last)
            later = [number for number in due_numbers(span, None) if number not in kept and number in numbers]
            if later:
                yield student, tuple(month_after(span.start, number) for number in later)


def _left(command: ComputeAid) -> dict[tuple[str, str], str]:
    """Return the last payable month by pupil and school, the earliest where several rows name one."""
    found: dict[tuple[str, str], str] = {}
    for row in command.left:
        key = (row.student, row.school)
        found[key] = min(row.last, found.get(key, row.last))
    return found
