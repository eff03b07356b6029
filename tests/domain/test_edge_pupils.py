"""Edge cases of pupils, papers and clocks in a campaign's streams (DOMAIN §9)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from filing_families import NOTICE, RECEIVING, REGISTER, filing, prompt
from kernel_courses import DAY, Campaign, of_school
from stream_samples import (
    APPROVER,
    CAMPAIGN,
    HEAD,
    OTHER_SCHOOL,
    PRINCIPAL,
    SCHOOL,
    A,
    County,
    campaign_start,
    person,
    when,
)
from watch_courses import attendance, case, days

from domain.actors import Role
from domain.application_filing_state import counted
from domain.attendance_periods import dropout_counts
from domain.destination import Outcome, Step
from domain.notices import notices_for, student_of

FILING = f"{SCHOOL}/application-filing"


def test_case_5_a_birthday_between_notice_and_signature_changes_nothing():
    """Who was under 14 when the filing opened is treated so to its end: a guardian's word on the data is needed."""
    stage = prompt(content={"under_14": [A]}).informed(A)
    stage.to("2026-06-30 09:00")
    assert stage.refused(A, "guardian", "sign", destination=RECEIVING) == "DATA_CONSENT_MISSING"


def test_case_16_another_province_is_a_good_end_and_no_loss():
    """It ends the service, owes nothing, and is neither counted for nor held against a class."""
    stage = filing().informed(A)
    stage.rows("record_destinations", REGISTER, {"student": A, "destination": "OTHER_PROVINCE", "evidence": "DOCUMENT"})
    assert (stage.case(A).step, stage.case(A).outcome) == (Step.OTHER, Outcome.OTHER_DESTINATION)
    figures = counted(stage.state)["2026-01"]
    assert (figures["countable"], figures["free_refusals"]) == (0, 0)


@pytest.mark.parametrize(
    ("minutes", "refused"), [(0, None), (5, None), (6, "OCCURRED_IN_FUTURE"), (600, "OCCURRED_IN_FUTURE")]
)
def test_case_21_a_clock_that_runs_ahead_is_taken_for_some_minutes(minutes, refused):
    """A family's device may be five minutes fast, also with a withdrawal; more is no time that anybody knows."""
    stage = filing().signed(A)
    answer = stage.deliver(stage.act(A, "guardian", "withdraw", at=stage.now + timedelta(minutes=minutes)))
    assert (answer.refused and answer.refused["code"]) == refused


def test_case_21_there_is_no_summer_time():
    """The last second of a cooling-off is at the same offset in July and in January."""
    stage = filing().signed(A)
    assert {when(f"2026-{month:02d}-05 10:00").utcoffset() for month in range(1, 13)} == {timedelta(hours=8)}
    assert stage.last("CoolingStarted")["data"]["ends"].endswith("23:59:59+08:00")


def test_case_32_a_disaster_is_a_reason_of_its_own_and_a_temporary_school_is_elsewhere():
    """Neither is a dropout: the absence is explained by a code, the case ends with the other school's paper."""
    stream = attendance()
    days(stream, "2025-11-03", "2025-11-04", absent=(A,))
    stream.do("explain_absence", HEAD, student=A, day="2025-11-04", why="DISASTER", evidence="DOCUMENT")
    days(stream, "2025-11-05", absent=(A,))
    assert "SuspectedDropout" not in stream.names()
    moved = case(A)
    moved.do("verify_elsewhere", REGISTER, evidence="DOCUMENT", register_ref="TEMP-2025-7")
    assert "ElsewhereVerified" in moved.names()


def test_case_35_a_death_stops_every_message_at_once_and_penalises_nobody():
    """Through all streams: the school records it, and nothing is planned for that family any more; others go on."""
    campaign = Campaign()
    campaign.to(campaign.now + 3 * DAY)
    filing_stream = campaign.name(FILING)
    today = campaign.now.date().isoformat()
    campaign.submit(
        f"{CAMPAIGN}/{SCHOOL}", "record_exits", PRINCIPAL, rows=[{"student": A, "exit": "death", "on": today}]
    )
    campaign.submit(filing_stream, "offer_notice", HEAD, document=NOTICE, classes=["2026-01", "2026-02"])
    campaign.to(campaign.now + 400 * DAY)
    written = [envelope for ledger in campaign.kernel.ledger.values() for envelope in ledger]
    told = {student_of(plan.recipient) for envelope in written for plan in notices_for(envelope)}
    assert A not in told
    assert of_school(A, OTHER_SCHOOL) not in told  # only the first school has offered a notice
    assert len(told - {None}) == 5
    watched = campaign.kernel.machines[campaign.name(f"{SCHOOL}/attendance")].state
    assert dropout_counts(watched)["2026-01"]["lost"] == 0
    figures = counted(campaign.kernel.machines[filing_stream].state)["2026-01"]
    assert (figures["pupils"], figures["free_refusals"]) == (2, 0)


def test_case_38_of_two_approvers_at_the_same_instant_one_approves_and_the_other_is_told():
    """The stream takes one after the other; the second changes nothing, and the record names one approver."""
    county = County(campaign_start(1, release=3))
    second = person("approver2", Role.BUREAU_APPROVER, "bureau")
    assert county.do("", "approve", APPROVER).accepted
    assert county.campaign.refusal("approve", second).code == "CAMPAIGN_ALREADY_APPROVED"
    assert county.campaign.names().count("CampaignApproved") == 1


def test_case_10_whoever_comes_back_to_another_class_counts_once():
    """INV-10: one pupil, one case; the credit stays with the class of the cohort, and the way so far is kept."""
    stage = filing().registered(A)
    stage.hear("student_left", student=A, exit="transfer")
    stage.hear("student_joined", student=A, class_id="2026-02", on="2026-10-12")
    assert {name: figures["countable"] for name, figures in counted(stage.state).items()} == {
        "2026-01": 1,
        "2026-02": 0,
    }
    assert {name: figures["pupils"] for name, figures in counted(stage.state).items()} == {"2026-01": 2, "2026-02": 4}
    assert stage.case(A).path is Step.REGISTERED
    stage.consistent()
