"""Which events ask for which notices, and which of them a pause may hold."""

from __future__ import annotations

import pytest
from notices_house import BEGIN, CAMPAIGN, SCHOOL, NoticeOffered, sealed, student

from domain.campaign_events import ComplaintReceived
from domain.notices import notices_for, student_of
from domain.school_visits_events import SeatOffered, SeatWithdrawn
from domain.stage_events import JoinerOverdue
from notices.catalogue import catalogue

DAY = BEGIN.date()
COMPLAINT = ComplaintReceived(
    complaint="cmp_1", about=SCHOOL, matter="PRESSURE", owner="auditor", acknowledge_by=DAY, decide_by=DAY
)
CASES = {
    "a seat": (SeatOffered(trip="t1", student=student(1)), [("visit_invitation", student(1), True)]),
    "a seat taken back": (SeatWithdrawn(trip="t1", student=student(1)), [("visit_cancelled", student(1), True)]),
    "the letter to parents": (
        NoticeOffered(student=student(1), document="letter-1"),
        [("choice_notice", student(1), False), ("choice_notice_pupil", f"pupil:{student(1)}", False)],
    ),
    "a late joiner": (
        JoinerOverdue(student=student(1), due=DAY),
        [("student_overdue", f"class_head@{SCHOOL}", True)],
    ),
    "a complaint": (COMPLAINT, [("complaint_received", "auditor@bureau", False)]),
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
