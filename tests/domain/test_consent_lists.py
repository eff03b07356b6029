"""What lists, papers, holds and policies do to consents, and what they never do (edge cases 8, 23, 24, 41 to 43)."""

from __future__ import annotations

from time import process_time

import pytest
from filing_families import (
    ADMITTED,
    COOLED,
    NOTICE,
    OTHER_RECEIVING,
    RECEIVER,
    RECEIVING,
    REGISTER,
    Filing,
    filing,
    prompt,
    registration,
)
from stream_samples import HEAD, OFFICER, PRINCIPAL, A, B, C, D, E, policy, when

from domain.application_filing import counted
from domain.consent import AnomalyKind
from domain.destination import Outcome, Step
from domain.filing_clocks import AT_ONCE
from domain.notices import notices_for
from domain.policy import PROFILES

CLASS = {"2026-01": [A]}
CLASS_ID = "2026-01"
SPRING = policy(signature_wait_hours=0, spring_mode="COOP_ORIGIN_XUEJI", spring_document="P-2026-1")
FORBIDDEN = PROFILES["compliant"].model_copy(update={"version": 9})
NOTICE_2 = "notice-2"


def countable(stage: Filing) -> int:
    """Return how many of the first class count."""
    return counted(stage.state)[CLASS_ID]["countable"]


# -- edge case 23: a newer notice -----------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["informed", "signed", "confirmed"])
def test_before_the_application_a_newer_notice_is_acknowledged_and_signed_anew(way):
    """Fees have changed: the cooling-off ends, the acknowledgement too; the family owes nobody anything."""
    stage = getattr(prompt(classes={CLASS_ID: [A, B]}), way)(A)
    stage.do("offer_notice", OFFICER, document=NOTICE_2, students=[B])
    before = stage.case(A).path
    assert ("ConsentVersionSuperseded" in stage.names(), stage.state.owed(A)) == (False, "NOTICES_NOT_OFFERED")
    stage.do("offer_notice", HEAD, document=NOTICE_2, students=[A])
    assert stage.last("ConsentVersionSuperseded")["data"] == {"student": A, "was": NOTICE, "now": NOTICE_2}
    assert (before is Step.INTENT, stage.case(A).path) == (False, Step.INTENT)
    assert stage.refused(A, "guardian", "sign", destination=RECEIVING) == "DOCUMENT_SUPERSEDED"
    assert stage.state.owed(A) == "FAMILIES_NOT_REACHED"
    stage.does(A, "guardian", "acknowledge", document=NOTICE_2)
    assert stage.state.owed(A) is None
    for party in ("pupil", "guardian"):
        stage.does(A, party, "sign", destination=RECEIVING, document=NOTICE_2)
    assert stage.case(A).path is Step.COOLING
    stage.restart()
    stage.consistent()


@pytest.mark.parametrize("way", ["applied", "admitted", "reported"])
def test_from_the_application_on_the_place_is_kept_and_the_next_step_waits(way):
    """One acknowledgement of the newer version, by a guardian, and it goes on; no new signature is asked for."""
    stage = getattr(filing(classes=CLASS), way)(A)
    step = stage.case(A).path
    stage.do("offer_notice", OFFICER, document=NOTICE_2, students=[A])
    assert (stage.case(A).path, stage.owed()) == (step, {"FAMILIES_NOT_REACHED": 1})
    stage.to(max(stage.now, when("2026-09-01 18:00")))
    row = {"student": A, "school": RECEIVING}
    kind, more = {
        "applied": ("record_admissions", {"result": "admitted"}),
        "admitted": ("record_reporting", {"on": "2026-09-01"}),
        "reported": ("record_registrations", {"register_ref": "REG-9", "on": "2026-09-01"}),
    }[way]
    assert stage.bad_rows(kind, REGISTER, {**row, **more}) == ["RE_ACKNOWLEDGEMENT_NEEDED"]
    stage.does(A, "guardian", "acknowledge", document=NOTICE_2)
    stage.rows(kind, REGISTER, {**row, **more})
    stage.consistent()


def test_who_is_registered_or_has_said_no_is_not_asked_again():
    """Edge case 23: registered ones only get the information; a no needs no second one."""
    stage = filing(classes={CLASS_ID: [A, B]}).registered(A)
    stage.informed(B).does(B, "guardian", "refuse")
    stage.do("offer_notice", OFFICER, document=NOTICE_2, students=[B])
    assert "ConsentVersionSuperseded" not in stage.names()
    assert (stage.case(B).outcome, stage.owed()) == (Outcome.DECLINED, {})


# -- edge case 24: a school leaves the list -------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["signed", "confirmed", "applied"])
def test_before_the_admission_the_family_chooses_again(way):
    """The acknowledged notice stays; late acts for that school say why they are not taken."""
    stage = getattr(prompt(classes=CLASS), way)(A)
    stage.hear("school_removed", school=RECEIVING, on="2026-05-30", reason="LICENCE_LOST")
    assert stage.last("DestinationRemoved")["data"]["kept"] is False
    assert (stage.case(A).path, stage.case(A).school, stage.owed()) == (Step.INFORMED, None, {})
    assert stage.refused(A, "guardian", "sign", destination=RECEIVING) == "SCHOOL_NOT_LISTED"
    for party in ("pupil", "guardian"):
        stage.does(A, party, "sign", destination=OTHER_RECEIVING)
    stage.hear("school_removed", school=RECEIVING, on="2026-05-30", reason="LICENCE_LOST")
    assert stage.names().count("SchoolDelisted") == 1
    stage.consistent()


@pytest.mark.parametrize(("on", "counts"), [("2026-07-21", 1), ("2026-07-20", 0)])
def test_after_the_admission_the_place_is_kept(on, counts):
    """It goes on to the register; it counts where the school was on the list at the admission (INV-11)."""
    stage = filing(classes=CLASS).reported(A)
    stage.hear("school_removed", school=RECEIVING, on=on, reason="LICENCE_LOST")
    assert (stage.case(A).path, stage.case(A).protocol.removed) == (Step.REPORTED, True)
    stage.to("2026-10-12 10:00")
    stage.rows("record_registrations", REGISTER, registration(A))
    assert countable(stage) == counts


# -- holds and violations -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "class_id", "student", "held"),
    [
        ("campaign", None, None, True),
        ("school", None, None, True),
        ("class", CLASS_ID, None, True),
        ("class", "2026-02", None, False),
        ("student", CLASS_ID, A, True),
        ("student", CLASS_ID, B, False),
    ],
)
def test_a_hold_blocks_the_count_and_nothing_else(scope, class_id, student, held):
    """INV-30: reporting and registration go on under it; what it covers counts again when it ends."""
    stage = filing(classes={CLASS_ID: [A, B]}).reported(A)
    stage.hear("hold", hold="hold-1", scope=scope, class_id=class_id, student=student, placed=True)
    stage.to("2026-10-12 10:00")
    stage.rows("record_registrations", REGISTER, registration(A))
    assert (stage.case(A).path, countable(stage)) == (Step.REGISTERED, int(not held))
    stage.hear("hold", hold="hold-1", scope=scope, class_id=class_id, student=student, placed=True)
    assert stage.names().count("CaseHoldNoted") == 1
    stage.hear("hold", hold="hold-1", scope=scope, class_id=class_id, student=student, placed=False)
    assert (countable(stage), stage.state.holds) == (1, {})
    stage.consistent()


def test_a_violation_takes_the_count_and_not_the_place():
    """R-09: admitted pupils keep what they have; a case that did not stand counts again."""
    stage = filing(classes=CLASS).registered(A)
    stage.hear("invalidate", students=[A, "stu_999999"], case="case-1", reason="PAID_RECRUITING")
    assert (stage.case(A).path, countable(stage)) == (Step.REGISTERED, 0)
    stage.hear("invalidate", students=[A], case="case-1", reason="PAID_RECRUITING")
    assert stage.names().count("CaseInvalidated") == 1
    stage.hear("reinstate", students=[A], case="case-2")
    assert countable(stage) == 0
    stage.hear("reinstate", students=[A], case="case-1")
    assert countable(stage) == 1


def test_before_the_admission_a_violation_lets_the_family_choose_anew():
    """Back to the intent with every right; both signatures anew make a clean consent."""
    stage = prompt(classes=CLASS).confirmed(A)
    stage.hear("invalidate", students=[A], case="case-1", reason="PRESSURE")
    assert (stage.case(A).path, stage.owed()) == (Step.INFORMED, {})
    for party in ("pupil", "guardian"):
        stage.does(A, party, "sign", destination=RECEIVING)
    assert stage.case(A).protocol.invalidated is None


def test_a_signature_that_is_younger_than_the_admission_does_not_count():
    """§7.3 `countable`: both dated before admission; an admission said to be older than its consent does not help."""
    stage = filing(classes=CLASS).applied(A).to("2026-05-22 10:00")
    when_said = "2026-05-12T08:00:00+08:00"
    stage.rows("record_admissions", RECEIVER, {"student": A, **ADMITTED}, occurred_at=when_said)
    stage.to("2026-09-01 18:00")
    stage.rows("record_reporting", RECEIVER, {"student": A, "school": RECEIVING, "on": "2026-09-01"})
    stage.to("2026-10-12 10:00")
    stage.rows("record_registrations", REGISTER, registration(A))
    assert countable(stage) == 0


# -- spring ---------------------------------------------------------------------------------------------------------


def test_no_spring_signature_where_spring_is_forbidden():
    """R-16, S15: the attempt is on record, whoever signs."""
    stage = prompt(classes=CLASS).informed(A)
    for party in ("pupil", "guardian"):
        assert stage.refused(A, party, "sign", destination=RECEIVING, wave="spring") == "SPRING_FORBIDDEN"
    stage.does(A, "pupil", "sign", destination=RECEIVING)


def test_both_sign_for_the_same_season():
    """One for spring and one for autumn is no agreement."""
    for first, second in (("spring", "autumn"), ("autumn", "spring")):
        stage = filing(classes=CLASS, policy=SPRING.model_dump(mode="json")).informed(A)
        stage.does(A, "pupil", "sign", destination=RECEIVING, wave=first)
        assert stage.refused(A, "guardian", "sign", destination=RECEIVING, wave=second) == "WAVE_DIFFERS"


@pytest.mark.parametrize(("way", "returned"), [("signed", True), ("confirmed", True), ("applied", False)])
def test_when_spring_is_forbidden_spring_cases_go_back_without_a_penalty(way, returned):
    """Edge case 42: those before an application choose anew; autumn cases are not touched."""
    stage = filing(classes={CLASS_ID: [A, B]}, policy=SPRING.model_dump(mode="json"))
    stage.informed(A)
    for party in ("pupil", "guardian"):
        stage.does(A, party, "sign", destination=RECEIVING, wave="spring")
    stage.signed(B)
    if way != "signed":
        stage.to(stage.now + COOLED)
    if way == "applied":
        stage.rows("record_applications", HEAD, {"student": A, "school": RECEIVING, "reference": "APP-1"})
    before = stage.case(B).path
    assert stage.decider.policy_changed(stage.state, SPRING) == []
    stage.hear("policy", profile=FORBIDDEN.model_dump(mode="json"))
    assert stage.names().count("SpringCaseReturned") == returned
    assert (stage.case(A).path, stage.case(B).path) == (Step.INFORMED if returned else Step.APPLIED, before)
    assert stage.case(A).declined is False
    stage.consistent()


def test_spring_and_autumn_are_told_by_the_delivery_or_by_the_consent():
    """Q12, edge case 43: delivered in March, registered only in autumn."""
    for wave_by, expected in (("delivery", "countable_spring"), ("quota", "countable_autumn")):
        profile = policy(spring_mode="COOP_ORIGIN_XUEJI", spring_document="P-2026-1", wave_by=wave_by)
        opens = {"opens": "2026-01-12", "now": "2026-01-05 08:00", "policy": profile.model_dump(mode="json")}
        stage = Filing(classes=CLASS, **opens)
        stage.to("2026-01-12 09:00").applied(A)
        stage.rows("record_admissions", RECEIVER, {"student": A, **ADMITTED})
        stage.to("2026-03-02 18:00")
        stage.rows("record_reporting", RECEIVER, {"student": A, "school": RECEIVING, "on": "2026-03-02"})
        stage.to("2026-10-12 10:00")
        stage.rows("record_registrations", REGISTER, registration(A))
        figures = counted(stage.state)[CLASS_ID]
        assert (figures["countable"], figures[expected]) == (1, 1)


# -- flags ----------------------------------------------------------------------------------------------------------


def test_one_device_for_more_than_three_signatures_is_flagged_once():
    """R-18, edge case 8: a flag for the bureau's sample, and no refusal; signing anew is not a new signer."""
    stage = prompt().informed(A, B)
    device = "0123456789abcdef"
    for party in ("pupil", "guardian"):
        stage.does(A, party, "sign", destination=RECEIVING, device=device, channel="app")
    stage.does(B, "pupil", "sign", destination=RECEIVING, device=device)
    assert "AnomalyFlagged" not in stage.names()
    stage.does(B, "guardian", "sign", destination=RECEIVING, device=device)
    flagged = stage.last("AnomalyFlagged")
    assert flagged["data"] == {"kind": "DEVICE_CLUSTER", "mark": device, "students": [A, B]}
    assert flagged["actor"]["id"] == "system"
    assert stage.state.flagged() == {A: [AnomalyKind.DEVICE_CLUSTER], B: [AnomalyKind.DEVICE_CLUSTER]}
    stage.does(B, "guardian", "withdraw")
    stage.does(B, "guardian", "sign", destination=RECEIVING, device=device)
    assert stage.names().count("AnomalyFlagged") == 1
    stage.consistent()


def test_one_telephone_for_more_than_three_pupils_is_flagged_when_one_of_them_signs():
    """Edge case 8: three siblings are a family, a shop's telephone is not."""
    shared = {"shared_phones": [[A, B, C], [B, C, D, E]]}
    stage = prompt(content=shared).informed(A, B)
    stage.does(A, "pupil", "sign", destination=RECEIVING)
    assert "AnomalyFlagged" not in stage.names()
    stage.does(B, "pupil", "sign", destination=RECEIVING)
    assert stage.last("AnomalyFlagged")["data"]["students"] == [B, C, D, E]


def test_a_class_that_signs_within_minutes_is_flagged():
    """More than ten pupils of one class within ten minutes; ten are not."""
    pupils = [f"stu_1{number:05d}" for number in range(11)]
    stage = prompt(classes={CLASS_ID: pupils}).informed(*pupils)
    for student in pupils[:10]:
        stage.does(student, "pupil", "sign", destination=RECEIVING)
    assert "AnomalyFlagged" not in stage.names()
    stage.does(pupils[10], "pupil", "sign", destination=RECEIVING)
    assert stage.last("AnomalyFlagged")["data"]["mark"] == f"{CLASS_ID}@2026-05-11"
    assert len(stage.last("AnomalyFlagged")["data"]["students"]) == 11


# -- restricted records ---------------------------------------------------------------------------------------------


def test_a_restricted_record_gets_no_notice_stands_on_no_list_and_its_family_keeps_its_rights():
    """G17: nothing is sent, nothing is confirmed, nobody calls; a withdrawal works; after the release it goes on."""
    stage = prompt(classes={CLASS_ID: [A, B]}).signed(A)
    assert stage.refusal("restrict_record", PRINCIPAL, student=A, reason="COURT_ORDER").code == "ROLE_NOT_ALLOWED"
    assert stage.refusal("release_record", REGISTER, student=A, reason="OVER").code == "RECORD_NOT_RESTRICTED"
    stage.do("restrict_record", REGISTER, student=A, reason="COURT_ORDER")
    assert stage.refusal("restrict_record", REGISTER, student=A, reason="COURT_ORDER").code == "RECORD_RESTRICTED"
    stage.do("offer_notice", HEAD, document=NOTICE, classes=[CLASS_ID])
    assert stage.last("NoticeOffered")["data"]["student"] == B
    assert stage.bad_rows_of("offer_notice", OFFICER, document=NOTICE_2, students=[A]) == ["RECORD_RESTRICTED"]
    assert A not in [todo.student for todo in stage.decider.work(stage.state)]
    stage.to("2026-06-10 08:00")
    assert "ConsentConfirmed" not in stage.names()
    stage.do("release_record", REGISTER, student=A, reason="OVER")
    assert stage.to("2026-06-10 08:01").moments("ConsentConfirmed") == ["2026-06-10 08:00"]
    stage.do("restrict_record", REGISTER, student=A, reason="COURT_ORDER")
    stage.does(A, "guardian", "withdraw")
    stage.consistent()


def test_nothing_of_the_protocol_writes_to_a_family_to_press_it():
    """The offer, what the family itself did and was reported to want, and to the bureau its own overdue call."""
    stage = prompt(classes=CLASS).signed(A)
    stage.do("report_withdrawal", HEAD, student=A, channel="call")
    stage.to("2026-06-10 08:00").does(A, "guardian", "withdraw")
    plans = [plan for envelope in stage.ledger for plan in notices_for(envelope)]
    told = {"choice_notice", "choice_notice_pupil", "cooling_started", "withdrawal_reported"}
    assert {plan.purpose for plan in plans} == {*told, "callback_overdue"}


# -- edge case 41 ---------------------------------------------------------------------------------------------------


def test_three_thousand_consents_that_end_in_one_second_are_all_confirmed():
    """Edge case 41: in steps of the same instant, none lost, none twice, and not slower for being many."""
    pupils = [f"stu_9{number:05d}" for number in range(3_000)]
    classes = {f"2026-{number:02d}": pupils[number * 50 : number * 50 + 50] for number in range(60)}
    stage = prompt(classes=classes)
    one = prompt(classes=CLASS).signed(A).case(A)
    for student in pupils:
        stage.state.cases[student] = one.model_copy(deep=True)
    stage.restart()
    stage.machine.step(when("2026-05-19 12:00"))
    began = process_time()
    ticks = 0
    while (due := stage.machine.due()) is not None and due <= stage.now:
        stage.machine.tick(stage.now)
        ticks += 1
    written = stage.flush()
    assert process_time() - began < 6
    confirmed = [envelope["data"]["student"] for envelope in written if envelope["type"] == "ConsentConfirmed"]
    assert confirmed == pupils
    assert ticks <= 2 * len(pupils) // (2 * AT_ONCE) + 1
    assert {envelope["occurred_at"] for envelope in written} == {"2026-05-19T11:59:59.000+08:00"}
