"""What a family keeps where others did wrong, who was told, and whose word is whose (INV-02, R-09, R-11, G12)."""

from __future__ import annotations

import pytest
from filing_families import (
    ADMITTED,
    COOLED,
    NOTICE,
    OTHER_RECEIVING,
    RECEIVER,
    RECEIVING,
    REGISTER,
    SECOND_REGISTER,
    Filing,
    filing,
    prompt,
)
from stream_samples import HEAD, OFFICER, PRINCIPAL, A

from domain.destination import Step
from domain.family_act import Intent, Party
from domain.notices import notices_for

MOTHER, FATHER, GRANDMOTHER = A.replace("stu_", "gdn_"), "gdn_father000001", "cgv_grandmother1"
CLASS = {"2026-01": [A]}
SHORT = {"application_window": {"first": "2026-07-10", "last": "2026-07-12"}}
SIGN = {"destination": RECEIVING, "short": True}


def standing(stage: Filing, person: str, is_now: str) -> None:
    """Record what a person is to the pupil, from a paper."""
    stage.do("record_guardianship", REGISTER, student=A, person=person, standing=is_now, evidence="DOCUMENT")


def in_time() -> Filing:
    """Return a stage whose family signed within the window, after the lock."""
    stage = prompt(classes=CLASS, content=SHORT).to("2026-07-10 18:00").informed(A)
    for party in ("pupil", "guardian"):
        stage.does(A, party, "sign", **SIGN)
    return stage.to("2026-07-14 09:00")


# -- the lock costs nobody the turn that somebody else has spoilt -----------------------------------------------------


@pytest.mark.parametrize("party", ["pupil", "guardian"])
def test_after_a_violation_the_family_signs_anew_also_after_the_lock(party):
    """R-09: the pupil keeps every right; a withdrawal is the family's own, and then the last day counts again."""
    stage = in_time()
    stage.hear("invalidate", students=[A], case="cmp-1", reason="PRESSURE")
    for one in ("pupil", "guardian"):
        stage.does(A, one, "sign", **SIGN)
    assert (stage.case(A).path, stage.case(A).protocol.invalidated) == (Step.COOLING, None)
    stage.does(A, party, "withdraw")
    assert stage.refused(A, party, "sign", **SIGN) == "SIGNING_CLOSED"
    stage.restart()
    stage.consistent()


def test_who_signed_for_a_school_that_left_the_list_signs_for_another_after_the_lock():
    """Edge 24: the list is no doing of the family's."""
    stage = in_time()
    stage.hear("school_removed", school=RECEIVING, on="2026-07-14", reason="DELISTED")
    for party in ("pupil", "guardian"):
        stage.does(A, party, "sign", destination=OTHER_RECEIVING, short=True)
    assert stage.case(A).path is Step.COOLING


def test_who_had_not_signed_in_time_does_not_by_a_violation_elsewhere():
    """One signature is no consent: nothing was spoilt that the lock would not have ended."""
    stage = prompt(classes=CLASS, content=SHORT).to("2026-07-12 18:00").informed(A)
    stage.does(A, "pupil", "sign", **SIGN)
    stage.to("2026-07-14 09:00")
    stage.hear("school_removed", school=RECEIVING, on="2026-07-14", reason="DELISTED")
    assert stage.refused(A, "pupil", "sign", destination=OTHER_RECEIVING, short=True) == "SIGNING_CLOSED"


def test_a_violation_stays_on_a_pupil_who_leaves_and_comes_back():
    """INV-11: the days of a cooling-off begin anew with a return, and nobody has signed anew by that."""
    stage = filing(classes=CLASS).applied(A).to("2026-06-10 09:00")
    standing(stage, MOTHER, "NO_CUSTODY")
    stage.does(A, "guardian", "acknowledge", person=FATHER)
    stage.does(A, "guardian", "sign", destination=RECEIVING, person=FATHER)
    stage.do("lift_suspension", SECOND_REGISTER, student=A, reason="COURT_DECISION", evidence="DOCUMENT")
    stage.rows("record_admissions", RECEIVER, {"student": A, **ADMITTED})
    stage.hear("invalidate", students=[A], case="cmp-1", reason="PRESSURE")
    stage.hear("student_left", student=A, exit="transfer")
    stage.hear("student_joined", student=A, class_id="2026-01", on="2026-06-12")
    assert stage.names()[-1] == "CoolingStarted"
    assert stage.case(A).protocol.invalidated == "cmp-1"
    stage.hear("reinstate", students=[A], case="cmp-1")
    assert stage.case(A).protocol.invalidated is None


# -- who was told ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("party", ["pupil", "guardian"])
def test_what_only_somebody_without_custody_has_read_is_acknowledged_by_no_guardian(party):
    """INV-02: nobody signs before a guardian has read this version, as far as is on record of who read it."""
    stage = filing(classes=CLASS).informed(A)
    standing(stage, MOTHER, "NO_CUSTODY")
    stage.to("2026-05-13 09:00")
    signed = {"destination": RECEIVING} | ({"person": FATHER} if party == "guardian" else {})
    assert stage.refused(A, party, "sign", **signed) == "NOTICE_NOT_ACKNOWLEDGED"
    stage.does(A, "guardian", "acknowledge", person=FATHER)
    stage.does(A, party, "sign", **signed)


def test_who_read_the_older_notice_has_not_read_the_newer_one():
    """Edge 23: of two guardians the one without custody read the newer version alone."""
    stage = prompt(classes=CLASS).informed(A)
    stage.does(A, "guardian", "acknowledge", person=FATHER)
    stage.do("offer_notice", OFFICER, document="notice-2", students=[A])
    stage.does(A, "guardian", "acknowledge", document="notice-2")
    standing(stage, MOTHER, "NO_CUSTODY")
    signed = {"destination": RECEIVING, "document": "notice-2", "person": FATHER}
    assert stage.refused(A, "guardian", "sign", **signed) == "NOTICE_NOT_ACKNOWLEDGED"
    stage.does(A, "guardian", "acknowledge", document="notice-2", person=FATHER)
    stage.does(A, "guardian", "sign", **signed)


@pytest.mark.parametrize("is_now", ["NO_CUSTODY", "CAREGIVER"])
def test_a_childs_data_are_agreed_to_by_somebody_who_counts_as_a_guardian_now(is_now):
    """INV-24, R-17: whose agreement it was is on record; a guardian's own takes its place, from its own time on."""
    stage = prompt(classes=CLASS, content={"under_14": [A]}).informed(A)
    stage.does(A, "guardian", "consent_data")
    stage.does(A, "guardian", "acknowledge", person=FATHER)
    standing(stage, MOTHER, is_now)
    signed = {"destination": RECEIVING, "person": FATHER}
    assert stage.refused(A, "guardian", "sign", **signed) == "DATA_CONSENT_MISSING"
    stage.to("2026-05-12 09:00")
    stage.does(A, "guardian", "consent_data", person=FATHER)
    assert stage.refused(A, "pupil", "sign", destination=RECEIVING, at=stage.now - COOLED / 9) == "DATA_CONSENT_MISSING"
    stage.does(A, "guardian", "sign", **signed)
    stage.does(A, "pupil", "sign", destination=RECEIVING)
    stage.restart()
    stage.consistent()


def test_nobody_near_the_family_makes_a_caregiver_of_a_guardian_by_word_of_mouth():
    """Else a school could leave a parent out who would say no: without a letter, a code and a voice."""
    stage = filing(classes=CLASS)
    stage.do("offer_notice", HEAD, document=NOTICE, students=[A])
    said = {"student": A, "person": MOTHER, "standing": "CAREGIVER"}
    for evidence in ("CALL", "HEARSAY"):
        assert stage.refusal("record_guardianship", HEAD, **said, evidence=evidence).code == "PROOF_NEEDED"
    stage.do("record_guardianship", HEAD, **{**said, "person": GRANDMOTHER}, evidence="CALL")
    standing(stage, MOTHER, "NO_CUSTODY")
    for who in (HEAD, REGISTER):  # nor a parent without custody one who is written to
        assert stage.refusal("record_guardianship", who, **said, evidence="CALL").code == "PROOF_NEEDED"


# -- whose word is whose --------------------------------------------------------------------------------------------


def test_what_each_of_a_family_said_is_kept_and_given_to_nobody_else():
    """G12: also when the pupil is registered; a parent who said nothing has no intent."""
    stage = filing(classes=CLASS).registered(A)
    assert stage.case(A).protocol.intents == {Party.PUPIL: Intent.VOCATIONAL}


@pytest.mark.parametrize("person", [FATHER, GRANDMOTHER])
def test_who_is_no_guardian_takes_back_no_refusal_of_the_family(person):
    """A wish for a vocational school opens the case again: it is the family's own."""
    stage = prompt(classes=CLASS).informed(A)
    standing(stage, FATHER, "NO_CUSTODY")
    stage.does(A, "guardian", "refuse")
    assert stage.refused(A, "guardian", "intent", intent="VOCATIONAL", person=person) == "ACT_NOT_BY_GUARDIAN"
    assert (stage.case(A).declined, stage.case(A).intent) == (True, None)


# -- each end is told -----------------------------------------------------------------------------------------------


def test_an_end_that_comes_again_is_told_again():
    """The lock goes forth, back and forth: what the family read last is what holds (INV-27: three occasions)."""
    stage = prompt(classes=CLASS, content=SHORT).to("2026-07-10 18:00").informed(A)
    for party in ("pupil", "guardian"):
        stage.does(A, party, "sign", **SIGN)
    told: dict[str, None] = {}
    for hour, last in ((9, "2026-07-14"), (10, "2026-07-13"), (11, "2026-07-14")):
        stage.to(f"2026-07-11 {hour:02d}:00").hear("window", first="2026-07-10", last=last, document="D-1")
        told |= {plan.notice_id: None for plan in notices_for(stage.ledger[-1])}
    assert len(told) == 6
    assert stage.to(stage.now + COOLED).case(A).path is Step.CONFIRMED


def test_a_window_that_moves_while_the_stage_is_left_out_is_told_when_it_goes_on():
    """Nobody hears of what leads nowhere, nor loses time before they knew: a day is left from the reopening."""
    stage = prompt(classes=CLASS, content=SHORT | {"application_window": {"first": "2026-07-10", "last": "2026-07-16"}})
    stage.to("2026-07-10 18:00").informed(A)
    for party in ("pupil", "guardian"):
        stage.does(A, party, "sign", **SIGN)
    stage.do("skip", OFFICER, reason="SNOW")
    stage.to("2026-07-12 09:00").hear("window", first="2026-07-10", last="2026-07-13", document="D-1")
    assert stage.names()[-2:] == ["ApplicationWindowMoved", "CoolingMoved"]
    assert [plan for event in stage.ledger[-2:] for plan in notices_for(event)] == []
    stage.to("2026-07-14 09:00").do("reopen", PRINCIPAL, reason="SEEN")
    assert [plan.purpose for plan in notices_for(stage.ledger[-1])] == ["cooling_moved"] * 2
    assert f"{stage.case(A).protocol.ends:%Y-%m-%d %H:%M}" == "2026-07-15 09:00"
    stage.restart()
    stage.consistent()
    stage.do("skip", OFFICER, reason="SNOW")
    stage.do("reopen", PRINCIPAL, reason="SEEN")
    assert stage.names()[-1] == "StageReopened", "it was told"
