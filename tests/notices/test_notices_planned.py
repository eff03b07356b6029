"""Which events ask for which notices, and which of them a pause may hold."""

from __future__ import annotations

import pytest
from notices_house import BEGIN, CAMPAIGN, SCHOOL, NoticeOffered, sealed, student

from domain.attendance_events import PeriodicReportMissed, PeriodKind, ReportChased, ReportMissed, ReportReminded
from domain.campaign_events import ComplaintReceived
from domain.care_events import LettersDue
from domain.compliance_case_events import AcknowledgementOverdue, CaseOpened, DecisionOverdue
from domain.consent import SuspensionReason
from domain.dropout_events import CaseEndedWithTheYear, PersuasionOverdue, WrittenReportOverdue
from domain.filing_consent_events import (
    CallbackOverdue,
    ConsentConfirmed,
    ConsentSuspended,
    ConsentVersionSuperseded,
    CoolingEnd,
    CoolingLengthened,
    CoolingMoved,
    CoolingStarted,
    DestinationRemoved,
    MovedEnd,
    SpringCaseReturned,
    WithdrawalReported,
)
from domain.notices import notices_for, student_of
from domain.refusal import Blocker
from domain.school_visits_events import SeatMoved, SeatOffered, SeatWithdrawn
from domain.stage_events import JoinerOverdue
from notices.catalogue import catalogue

DAY = BEGIN.date()
COMPLAINT = ComplaintReceived(
    complaint="cmp_1", about=SCHOOL, matter="PRESSURE", owner="auditor", acknowledge_by=DAY, decide_by=DAY
)


def both(purpose, number):
    """Return the household's and the pupil's notice."""
    return [(purpose, student(number), False), (purpose, f"pupil:{student(number)}", False)]


def opened(origin):
    """Return the beginning of a case."""
    return CaseOpened(
        campaign=CAMPAIGN,
        case="cmp-1",
        origin=origin,
        about=SCHOOL,
        matter="PRESSURE",
        owner="auditor",
        acknowledge_by=DAY,
        decide_by=None,
        received_on=DAY,
        made_by=(),
        notes=(),
        self_reported=False,
        schools=(SCHOOL,),
        policy={},
        calendar={},
    )


CASES = {
    "a seat": (SeatOffered(trip="t1", student=student(1)), [("visit_invitation", student(1), True)]),
    "a seat at another time": (SeatMoved(trip="t1", student=student(1)), [("visit_moved", student(1), True)]),
    "a seat taken back": (SeatWithdrawn(trip="t1", student=student(1)), [("visit_cancelled", student(1), True)]),
    "the letter to parents": (
        NoticeOffered(student=student(1), document="letter-1"),
        [("choice_notice", student(1), False), ("choice_notice_pupil", f"pupil:{student(1)}", False)],
    ),
    "a late joiner": (
        JoinerOverdue(student=student(1), due=DAY),
        [("student_overdue", f"class_head@{SCHOOL}", True)],
    ),
    "a call of the bureau": (
        CallbackOverdue(student=student(1), due=DAY),
        [("callback_overdue", "bureau_officer@bureau", False)],
    ),
    "a complaint": (COMPLAINT, [("complaint_received", "auditor@bureau", False)]),
    "a cooling-off": (CoolingStarted(student=student(1), ends=BEGIN, short=False), both("cooling_started", 1)),
    "longer cooling-offs": (
        CoolingLengthened(rows=tuple(CoolingEnd(student=student(n), ends=BEGIN) for n in (1, 2))),
        [*both("cooling_lengthened", 1), *both("cooling_lengthened", 2)],
    ),
    "moved cooling-offs": (
        CoolingMoved(rows=tuple(MovedEnd(student=student(n), ends=BEGIN, short=n == 1) for n in (1, 2))),
        [*both("cooling_moved", 1), *both("cooling_moved", 2)],
    ),
    "a confirmed consent": (ConsentConfirmed(student=student(1)), both("consent_confirmed", 1)),
    "no more spring": (SpringCaseReturned(student=student(1)), both("spring_returned", 1)),
    "a school off the list": (
        DestinationRemoved(student=student(1), school="9900020001", on=DAY, kept=True),
        both("school_removed_from_list", 1),
    ),
    "a newer letter": (
        ConsentVersionSuperseded(student=student(1), was="letter-1", now="letter-2"),
        [("document_superseded", student(1), False)],
    ),
    "a reported withdrawal": (
        WithdrawalReported(student=student(1), channel="call", callback_due=DAY),
        both("withdrawal_reported", 1),
    ),
    "a suspension by an office": (
        ConsentSuspended(student=student(1), reason=SuspensionReason.IMPOSTOR_SUSPECTED),
        [],
    ),
    "a case from a suspicion": (opened("SUSPICION"), [("case_opened", "auditor@bureau", False)]),
    "a case from a note": (opened("NOTE"), [("case_opened", "auditor@bureau", False)]),
    "a case from a complaint": (opened("COMPLAINT"), []),
    "a late acknowledgement": (
        AcknowledgementOverdue(case="cmp-1", due=DAY, to_role="discipline_officer"),
        [("complaint_deadline_missed", "discipline_officer@bureau", False)],
    ),
    "a late decision": (
        DecisionOverdue(case="cmp-1", due=DAY, to_role="auditor", step="appeal"),
        [("complaint_deadline_missed", "auditor@bureau", False)],
    ),
    "a written report": (
        WrittenReportOverdue(level=2, to_role="principal", due=DAY),
        [("written_report_overdue", f"principal@{SCHOOL}", False)],
    ),
    "a written report that the township is told of": (
        WrittenReportOverdue(level=5, to_role="township", due=DAY),
        [("written_report_overdue", f"bureau_officer@{SCHOOL}", False)],
    ),
    "no attempt": (PersuasionOverdue(since=DAY, attempts=1), [("persuasion_overdue", f"principal@{SCHOOL}", False)]),
    "a case that ended with the year": (
        CaseEndedWithTheYear(
            ending="NOT_RETURNED", standing="dropout", proof_until=DAY, attempts=1, done=(), undone=()
        ),
        [("dropout_case_ended", f"bureau_officer@{SCHOOL}", False)],
    ),
    "letters on the day": (
        LettersDue(signed=3, missing=(Blocker(code="LETTERS_NOT_SIGNED", count=2),), letters=(), classes=()),
        [("letters_missing", f"principal@{SCHOOL}", False)],
    ),
    "all letters on the day": (LettersDue(signed=5, missing=(), letters=(), classes=()), []),
    "a day's reminder": (ReportReminded(day=DAY), []),
    "a missing report": (ReportMissed(day=DAY), [("report_missed", f"principal@{SCHOOL}", False)]),
    "a report asked for again": (ReportChased(day=DAY), [("report_missed", f"principal@{SCHOOL}", False)]),
    "a missing weekly report": (
        PeriodicReportMissed(report=PeriodKind.WEEKLY, period="2025-W10"),
        [("periodic_report_missed", f"principal@{SCHOOL}", False)],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_an_event_asks_for_its_notices(case):
    """Purpose, recipient, and whether it is optional: what the law or a complaint asks for is not."""
    event, expected = CASES[case]
    (envelope,) = sealed(f"{CAMPAIGN}/{SCHOOL}/school-visits", [event])
    plans = notices_for(envelope)
    assert [(plan.purpose, plan.recipient, plan.optional) for plan in plans] == expected
    assert len({plan.notice_id for plan in plans}) == len(plans)
    assert {plan.purpose for plan in plans} <= set(catalogue().purposes)


def test_a_recipient_tells_which_pupil_is_concerned():
    """The household and the pupil are one pupil's; staff are nobody's."""
    assert student_of("stu_1") == student_of("pupil:stu_1") == "stu_1"
    assert student_of("class_head@9900010001") is None
