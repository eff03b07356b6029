"""The custody changes between application and admission: who signs, who withdraws, and the place is kept (G9)."""

from __future__ import annotations

import pytest
from filing_families import ADMITTED, OTHER_RECEIVING, RECEIVER, RECEIVING, REGISTER, SECOND_REGISTER, Filing, filing
from filing_families import registration as registered_row
from stream_samples import OFFICER, A

from domain.destination import Step

FATHER = "gdn_father000001"
UNCLE = "gdn_uncle0000001"
MOTHER = A.replace("stu_", "gdn_")
PAPER = {"student": A, "reason": "COURT_DECISION", "evidence": "DOCUMENT"}
CLASS = {"2026-01": [A]}
LONG_PAST = {"application_window": {"first": "2026-05-11", "last": "2026-05-31"}}


def standing(stage: Filing, person: str, is_now: str) -> None:
    """Record what a person is to the pupil, from a paper."""
    stage.do("record_guardianship", REGISTER, student=A, person=person, standing=is_now, evidence="DOCUMENT")


def lost(way: str = "applied", newer: str | None = None) -> Filing:
    """Return a stage whose signer is without custody from now on, some days after the step was reached."""
    stage = getattr(filing(classes=CLASS, content=LONG_PAST), way)(A)
    if newer is not None:
        stage.do("offer_notice", OFFICER, document=newer, students=[A])
    if way == "applied":
        stage.to("2026-06-10 09:00")
    standing(stage, MOTHER, "NO_CUSTODY")
    return stage


def test_a_guardian_signs_in_the_place_and_the_application_stays():
    """The lock has long passed and takes nothing: seven days to think again, the place and its reference kept."""
    stage = lost()
    assert stage.bad_rows("record_admissions", RECEIVER, {"student": A, **ADMITTED}) == ["CONSENT_SUSPENDED"]
    assert stage.refused(A, "guardian", "sign", destination=RECEIVING, person=FATHER) == "NOTICE_NOT_ACKNOWLEDGED"
    stage.does(A, "guardian", "acknowledge", person=FATHER)
    elsewhere = {"destination": OTHER_RECEIVING, "person": FATHER}
    assert stage.refused(A, "guardian", "sign", **elsewhere) == "DESTINATION_DIFFERS"
    assert stage.refused(A, "pupil", "sign", destination=RECEIVING) == "ALREADY_SIGNED"
    stage.does(A, "guardian", "sign", destination=RECEIVING, person=FATHER)
    case = stage.case(A)
    assert (case.path, case.application.reference, case.protocol.signer) == (Step.APPLIED, f"APP-{A[-6:]}", FATHER)
    assert stage.last("CoolingStarted")["data"]["ends"] == "2026-06-17T23:59:59+08:00"
    stage.do("lift_suspension", SECOND_REGISTER, **PAPER)
    stage.to("2026-07-20 10:00")
    assert stage.moments("ConsentConfirmed")[-1] == "2026-06-18 11:59"
    stage.rows("record_admissions", RECEIVER, {"student": A, **ADMITTED})
    stage.to("2026-09-01 18:00")
    stage.rows("record_reporting", RECEIVER, {"student": A, "school": RECEIVING, "on": "2026-09-01"})
    stage.to("2026-10-12 10:00")
    stage.rows("record_registrations", REGISTER, registered_row(A))
    assert stage.state.countable(A, "2026-01")
    stage.restart()
    stage.consistent()


@pytest.mark.parametrize("way", ["signed", "applied", "admitted", "reported"])
@pytest.mark.parametrize("act", ["withdraw", "refuse"])
@pytest.mark.parametrize("recorded", [True, False])
def test_every_guardian_with_custody_withdraws_what_somebody_without_it_signed(way, act, recorded):
    """INV-06: until the registration; no suspension stands in the way, and nobody else is needed."""
    stage = lost(way)
    if recorded:
        standing(stage, FATHER, "GUARDIAN")
    stage.does(A, "guardian", act, person=FATHER)
    assert "ConsentWithdrawn" in stage.names()[-2:]
    assert (stage.case(A).consents, stage.case(A).application) == ({}, None)
    stage.consistent()


def test_whoever_has_no_custody_is_heard_and_withdraws_nothing():
    """Edge 2: an objection of somebody without custody holds the case; the one who signed withdraws still."""
    stage = lost()
    standing(stage, UNCLE, "NO_CUSTODY")
    stage.does(A, "guardian", "withdraw", person=UNCLE)
    assert "ConsentObjected" in stage.names()
    assert stage.case(A).path is Step.APPLIED
    stage.does(A, "guardian", "withdraw", person=MOTHER)
    assert stage.case(A).consents == {}
    stage.consistent()


def test_with_a_newer_notice_pupil_and_guardian_sign_that_one():
    """Edge 23 and the custody at once: the place is kept, and nothing goes on before both have signed."""
    stage = lost(newer="notice-2")
    newer = {"document": "notice-2", "destination": RECEIVING}
    assert stage.refused(A, "pupil", "sign", **newer) == "ALREADY_SIGNED"
    stage.does(A, "guardian", "acknowledge", document="notice-2", person=FATHER)
    stage.to("2026-06-12 09:00").does(A, "guardian", "sign", person=FATHER, **newer)
    stage.do("lift_suspension", SECOND_REGISTER, **PAPER)
    assert stage.bad_rows("record_admissions", RECEIVER, {"student": A, **ADMITTED}) == ["CONSENT_MISSING"]
    assert stage.refused(A, "pupil", "sign", **{**newer, "destination": OTHER_RECEIVING}) == "DESTINATION_DIFFERS"
    stage.does(A, "pupil", "sign", **newer)
    assert stage.refused(A, "pupil", "sign", **newer) == "ALREADY_SIGNED"
    assert (stage.case(A).path, stage.case(A).signed_by_both) == (Step.APPLIED, True)
    stage.rows("record_admissions", RECEIVER, {"student": A, **ADMITTED})
    stage.consistent()


def test_from_the_admission_on_nobody_signs_and_the_place_is_kept():
    """A signature that is younger than the admission could not count."""
    stage = lost("admitted")
    stage.does(A, "guardian", "acknowledge", person=FATHER)
    assert stage.refused(A, "guardian", "sign", destination=RECEIVING, person=FATHER) == "ALREADY_SIGNED"
    assert stage.case(A).path is Step.ADMITTED
