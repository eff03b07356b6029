from __future__ import annotations

from datetime import timedelta

import pytest
from filing_families import (
    ADMITTED,
    COOLED,
    NOTICE,
    OTHER_RECEIVING,
    RECEIVER,
    RECEIVING,
    REGISTER,
    UNLISTED,
    Families,
    Filing,
    filing,
    prompt,
    registration,
)
from stream_samples import EVERYBODY, HEAD, OFFICER, OTHER_SCHOOL, PRINCIPAL, A, B, C, policy, when

from domain.actors import GATEWAY, Actor, Role
from domain.destination import Outcome, Step
from domain.refusal import Refusal

# -- whose act it is --------------------------------------------------------------------------------------------


def test_in_the_record_the_act_is_the_familys_at_the_familys_time():
    """INV-04: the gateway hands it on and is nobody in it."""
    stage = filing()
    stage.do("offer_notice", HEAD, document=NOTICE, students=[A])
    at = stage.now - timedelta(hours=3)
    stage.does(A, "guardian", "intent", intent="VOCATIONAL", at=at)
    kept = stage.last("IntentStated")
    assert kept["actor"] == {
        "id": "gdn_000001",
        "role": "guardian",
        "organisation": stage.state.school,
        "on_behalf_of": None,
        "authenticated_by": "family_code",
    }
    assert (kept["occurred_at"][:16], kept["recorded_at"][:16]) == ("2026-05-11T06:00", "2026-05-11T09:00")
    stage.consistent()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"signature": "0" * 128}, "ACT_NOT_SIGNED"),
        ({"key_id": "0" * 16}, "ACT_KEY_UNKNOWN"),
        ({"school": OTHER_SCHOOL}, "ACT_FOREIGN"),
        ({"campaign": "campaign/qingshan/2025"}, "ACT_FOREIGN"),
        ({"student": "stu_999999"}, "STUDENT_UNKNOWN"),
        ({"document": "notice-0"}, "DOCUMENT_SUPERSEDED"),
        ({"at": when("2026-05-11 09:06")}, "OCCURRED_IN_FUTURE"),
    ],
)
def test_an_act_that_is_not_this_familys_is_refused_and_kept(changes, code):
    """Signature, key, campaign, school, pupil, notice, time: each is checked."""
    stage = filing()
    stage.do("offer_notice", HEAD, document=NOTICE, students=[A])
    student = changes.pop("student", A)
    assert stage.refused(student, "guardian", "intent", intent="VOCATIONAL", **changes) == code
    assert "IntentStated" not in stage.names()


def test_an_act_signed_with_another_key_or_altered_afterwards_is_nobodys():
    """A key of one's own does not help, even under the right key's id; nor does changing a signed act."""
    stage = filing()
    stage.do("offer_notice", HEAD, document=NOTICE, students=[A])
    forged = Families(b"\x02" * 32).act(
        A, "guardian", "intent", stage.now, intent="VOCATIONAL", key_id=stage.families.key_id
    )
    assert stage.deliver(forged).refused["code"] == "ACT_NOT_SIGNED"
    altered = {**stage.act(A, "guardian", "intent", intent="UNDECIDED"), "intent": "VOCATIONAL"}
    assert stage.deliver(altered).refused["code"] == "ACT_NOT_SIGNED"


def test_a_campaign_without_a_gateway_takes_no_act():
    """Nobody's key is nobody's signature."""
    stage = filing(content={"gateway": None})
    stage.do("offer_notice", HEAD, document=NOTICE, students=[A])
    assert stage.refused(A, "guardian", "intent", intent="VOCATIONAL") == "ACT_KEY_UNKNOWN"


def test_an_act_is_taken_once():
    """Under another command id too; the record keeps the attempt and nothing else changes."""
    stage = filing()
    stage.do("offer_notice", HEAD, document=NOTICE, students=[A])
    act = stage.act(A, "pupil", "intent", intent="VOCATIONAL")
    assert stage.deliver(act).accepted
    assert stage.deliver(act).refused["code"] == "ACT_ALREADY_TAKEN"
    answer = stage.deliver(act, stage.act(A, "guardian", "intent", intent="UNDECIDED"))
    assert answer.accepted
    assert [e["type"] for e in stage.ledger[-2:]] == ["FamilyActRefused", "IntentStated"]


def test_of_several_acts_the_bad_ones_are_named_and_the_good_ones_stand():
    """In order: the second sees what the first has changed."""
    stage = prompt()
    stage.do("offer_notice", HEAD, document=NOTICE, students=[A])
    answer = stage.deliver(
        stage.act(A, "pupil", "sign", destination=RECEIVING),
        stage.act(A, "pupil", "intent", intent="VOCATIONAL"),
        stage.act(A, "guardian", "acknowledge"),
        stage.act(A, "pupil", "sign", destination=RECEIVING),
        stage.act("stu_999999", "pupil", "sign", destination=RECEIVING),
        stage.act(A, "guardian", "sign", destination=RECEIVING),
    )
    assert answer.accepted
    mine = stage.ledger[answer.receipt.first_version - 1 :]
    assert mine.pop()["type"] == "CoolingStarted"
    assert [(e["type"], e["data"].get("code")) for e in mine] == [
        ("FamilyActRefused", "NOTICE_NOT_ACKNOWLEDGED"),
        ("IntentStated", None),
        ("NoticeAcknowledged", None),
        ("ConsentSigned", None),
        ("FamilyActRefused", "STUDENT_UNKNOWN"),
        ("ConsentSigned", None),
    ]
    assert mine[0]["actor"]["id"] == GATEWAY.id
    assert len(mine[0]["data"]["act_digest"]) == 16
    assert stage.case(A).path is Step.COOLING
    stage.consistent()


# -- who may not ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["state_intent", "sign_consent", "withdraw_consent"])
def test_nobody_acts_for_a_family_and_every_attempt_is_kept(kind):
    """Staff have no such command; a person who says to be the family needs the code."""
    stage = filing()
    for who in (*EVERYBODY, REGISTER, RECEIVER, GATEWAY):
        assert stage.recorded(kind, who, student=A) == "ROLE_NOT_ALLOWED"
    for name, role in (("gdn_000001", Role.GUARDIAN), (A, Role.PUPIL)):
        who = Actor(id=name, role=role, organisation=stage.state.school)
        assert stage.recorded(kind, who, student=A) == "FAMILY_CODE_NEEDED"
    assert set(stage.names()) == {"StagePlanned", "StageOpened", "CommandRefused"}


def test_only_the_gateway_hands_on_acts():
    """A genuine act in staff's hands is refused as well."""
    stage = filing()
    stage.do("offer_notice", HEAD, document=NOTICE, students=[A])
    acts = [stage.act(A, "guardian", "intent", intent="VOCATIONAL")]
    for who in (*EVERYBODY, REGISTER, RECEIVER):
        assert stage.refusal("deliver_family_acts", who, acts=acts).code == "ROLE_NOT_ALLOWED"


@pytest.mark.parametrize("code", ["CODE_WRONG", "CODE_EXPIRED", "CODE_FOREIGN", "CODE_LOCKED"])
def test_a_code_that_did_not_work_leaves_a_trace_and_nothing_else(code):
    """Also while the stage is paused; what was typed is not in it."""
    stage = filing()
    stage.hear("pause", scope="school", reason="SNOW")
    before = stage.state.model_dump()
    assert stage.recorded("report_family_code", GATEWAY, student=A, party="guardian", code=code) == code
    assert stage.state.model_dump() == before


# -- signing ----------------------------------------------------------------------------------------------------


def test_nobody_signs_before_a_guardian_has_acknowledged_the_same_notice():
    """INV-02; a pupil cannot acknowledge."""
    stage = prompt()
    stage.do("offer_notice", HEAD, document=NOTICE, students=[A])
    stage.does(A, "pupil", "intent", intent="VOCATIONAL")
    assert stage.refused(A, "guardian", "sign", destination=RECEIVING) == "NOTICE_NOT_ACKNOWLEDGED"
    assert stage.refused(A, "pupil", "acknowledge") == "ACT_NOT_FOR_PARTY"
    stage.does(A, "guardian", "acknowledge")
    stage.do("offer_notice", OFFICER, document="notice-2", students=[A])
    new = {"destination": RECEIVING, "document": "notice-2"}
    assert stage.refused(A, "guardian", "sign", destination=RECEIVING) == "DOCUMENT_SUPERSEDED"
    assert stage.refused(A, "guardian", "sign", **new) == "NOTICE_NOT_ACKNOWLEDGED"
    stage.does(A, "guardian", "acknowledge", document="notice-2")
    stage.does(A, "guardian", "sign", **new)


def test_a_signature_follows_the_familys_last_word_and_the_list():
    """Whoever of the two said it; a school that is not listed cannot be signed for."""
    stage = prompt().informed(A)
    stage.does(A, "guardian", "intent", intent="UNDECIDED")
    assert stage.refused(A, "pupil", "sign", destination=RECEIVING) == "INTENT_NOT_VOCATIONAL"
    stage.does(A, "pupil", "intent", intent="VOCATIONAL")
    assert stage.refused(A, "pupil", "sign", destination=UNLISTED) == "SCHOOL_NOT_LISTED"
    stage.does(A, "pupil", "sign", destination=RECEIVING)


def test_pupil_and_guardian_sign_for_the_same_school_and_one_alone_is_no_consent():
    """Edge case 4: a yes and a no is a no; nobody can be outvoted."""
    stage = prompt().informed(A)
    stage.does(A, "guardian", "sign", destination=RECEIVING)
    assert stage.case(A).path is Step.INFORMED
    assert stage.refused(A, "guardian", "sign", destination=RECEIVING) == "ALREADY_SIGNED"
    assert stage.refused(A, "pupil", "sign", destination=OTHER_RECEIVING) == "DESTINATION_DIFFERS"
    stage.does(A, "pupil", "refuse")
    assert (stage.case(A).outcome, stage.case(A).consents) == (Outcome.DECLINED, {})
    row = {"student": A, "school": RECEIVING, "reference": "APP-1"}
    assert stage.bad_rows("record_applications", HEAD, row) == ["CONSENT_MISSING"]
    assert stage.refused(A, "pupil", "sign", destination=RECEIVING) == "INTENT_NOT_VOCATIONAL"
    stage.does(A, "pupil", "intent", intent="VOCATIONAL")
    stage.does(A, "guardian", "sign", destination=OTHER_RECEIVING)
    stage.does(A, "pupil", "sign", destination=OTHER_RECEIVING)
    assert stage.case(A).path is Step.COOLING


def test_a_no_after_both_have_signed_is_a_withdrawal_too():
    """A family need not know the right word for no."""
    stage = filing().applied(A)
    stage.does(A, "guardian", "refuse")
    assert stage.names()[-2:] == ["ConsentWithdrawn", "ConsentRefused"]
    assert stage.last("ConsentWithdrawn")["data"]["late"] is True
    assert (stage.case(A).outcome, stage.case(A).application) == (Outcome.DECLINED, None)
    stage.consistent()


# -- withdrawing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["informed", "signed", "applied", "admitted", "reported"])
@pytest.mark.parametrize("party", ["pupil", "guardian"])
@pytest.mark.parametrize("hold", [None, "pause", "stop"])
def test_a_withdrawal_is_taken_at_every_step_whatever_holds_the_stage(way, party, hold):
    """INV-06: no reason, no notice, no state; late only after an application."""
    stage = getattr(filing(), way)(A)
    if hold:
        stage.hear(hold, scope="school", reason="SNOW")
    stage.does(A, party, "withdraw", document="whatever")
    kept = stage.last("ConsentWithdrawn")["data"]
    assert set(kept) == {"student", "party", "act", "late"}
    assert kept["late"] == (way in ("confirmed", "applied", "admitted", "reported"))
    assert stage.case(A).path is Step.INTENT
    stage.consistent()


@pytest.mark.parametrize("status", ["planned", "skipped", "completed"])
def test_a_withdrawal_is_taken_in_every_state_of_the_stage(status):
    """Before it opens, after it was left out, after the sign-off."""
    stage = Filing(classes={"2026-01": [A]}) if status == "planned" else filing(classes={"2026-01": [A]})
    if status == "skipped":
        stage.signed(A).do("skip", OFFICER, reason="SNOW")
    if status == "completed":
        stage.informed(A).do("complete", PRINCIPAL)
    assert stage.state.status == status
    stage.does(A, "pupil", "withdraw")
    assert stage.names()[-1] == "ConsentWithdrawn"


def test_other_acts_wait_until_the_stage_is_open_and_go_on_after_the_sign_off():
    """A family is held neither by a pause nor by the school's sign-off."""
    at_once = policy(signature_wait_hours=0).model_dump(mode="json")
    stage = Filing(classes={"2026-01": [A]}, policy=at_once)
    assert stage.refused(A, "pupil", "intent", intent="VOCATIONAL") == "STAGE_TOO_EARLY"
    stage.to("2026-05-11 09:00")
    assert stage.refused(A, "pupil", "intent", intent="VOCATIONAL") == "NOTICE_NOT_OFFERED"
    stage.informed(A)
    stage.hear("pause", scope="school", reason="SNOW")
    stage.does(A, "pupil", "sign", destination=RECEIVING)
    stage.hear("resume", scope="school")
    stage.do("complete", PRINCIPAL)
    stage.does(A, "guardian", "sign", destination=RECEIVING)
    assert stage.case(A).path is Step.COOLING
    stage.hear("close")
    raw = stage.command("deliver_family_acts", GATEWAY, acts=[stage.act(A, "pupil", "withdraw")])
    with pytest.raises(Refusal, match="CAMPAIGN_CLOSED"):
        stage.submit(raw)


def test_what_was_done_before_a_withdrawal_cannot_bring_the_consent_back():
    """A signature of nine o'clock that arrives after the withdrawal of ten."""
    stage = prompt().informed(A)
    early = stage.now
    stage.to("2026-05-11 10:00")
    stage.does(A, "guardian", "withdraw")
    stage.to("2026-05-11 11:00")
    assert stage.refused(A, "pupil", "sign", destination=RECEIVING, at=early) == "ACT_BEFORE_WITHDRAWAL"
    assert stage.refused(A, "pupil", "intent", intent="VOCATIONAL", at=early) == "ACT_BEFORE_WITHDRAWAL"
    stage.does(A, "pupil", "sign", destination=RECEIVING)


def test_after_the_registration_a_withdrawal_is_too_late_but_one_made_before_it_counts():
    """Edge case 21: the time of the family's act counts, not that of its arrival; retention is told."""
    stage = filing().registered(A, B)
    assert stage.refused(A, "guardian", "withdraw") == "WITHDRAWAL_AFTER_REGISTRATION"
    assert stage.refused(A, "guardian", "intent", intent="OTHER") == "ALREADY_REGISTERED"
    verified = stage.now
    stage.to("2026-10-13 08:00")
    assert stage.refused(A, "pupil", "withdraw", at=verified) == "WITHDRAWAL_AFTER_REGISTRATION"
    stage.does(A, "pupil", "withdraw", at=verified - timedelta(seconds=30))
    assert stage.names()[-2:] == ["ConsentWithdrawn", "RegistrationCancelled"]
    assert (stage.case(A).path, stage.case(B).path) == (Step.INTENT, Step.REGISTERED)
    sent = stage.machine.carry.outgoing[-1]
    assert (sent.to, sent.message.kind, sent.message.data) == (
        f"{stage.state.campaign}/{stage.state.school}",
        "registration_cancelled",
        {"student": A},
    )
    stage.consistent()


def test_an_old_withdrawal_sent_again_does_not_cancel_a_registration():
    """The family signed anew after it; sending the same act once more is no new withdrawal."""
    stage = prompt().signed(A)
    old = stage.act(A, "pupil", "withdraw")
    assert stage.deliver(old).accepted
    for party in ("pupil", "guardian"):
        stage.does(A, party, "sign", destination=RECEIVING)
    stage.to(stage.now + COOLED)
    stage.rows("record_applications", HEAD, {"student": A, "school": RECEIVING, "reference": "APP-1"})
    stage.rows("record_admissions", RECEIVER, {"student": A, **ADMITTED})
    stage.to("2026-09-01 18:00")
    stage.rows("record_reporting", RECEIVER, {"student": A, "school": RECEIVING, "on": "2026-09-01"})
    stage.rows("record_registrations", REGISTER, registration(A, on="2026-09-01"))
    assert stage.deliver(old).refused["code"] == "ACT_ALREADY_TAKEN"
    assert stage.case(A).path is Step.REGISTERED


def test_a_withdrawal_on_the_last_evening_that_arrives_after_midnight_was_in_time():
    """23:59:30 on 20 November, arriving at 00:00:20; the registration is verified only the next day."""
    stage = filing().reported(A).to("2026-11-21 00:00")
    stage.machine.step(when("2026-11-21 00:00") + timedelta(seconds=20))
    stage.does(A, "guardian", "withdraw", at=when("2026-11-20 23:59") + timedelta(seconds=30))
    assert stage.last("ConsentWithdrawn")["occurred_at"].startswith("2026-11-20T23:59:30")
    codes = stage.bad_rows("record_registrations", REGISTER, registration(A))
    assert codes == ["NOT_REPORTED_THERE"]


def test_after_a_withdrawal_the_family_can_sign_for_another_school():
    """The notice is acknowledged already, and its intent stands."""
    stage = prompt().admitted(A)
    assert stage.refused(A, "pupil", "sign", destination=OTHER_RECEIVING) == "ALREADY_SIGNED"
    stage.does(A, "pupil", "withdraw")
    for party in ("pupil", "guardian"):
        stage.does(A, party, "sign", destination=OTHER_RECEIVING)
    stage.to(stage.now + COOLED)
    row = {"student": A, "school": OTHER_RECEIVING, "reference": "APP-2"}
    stage.rows("record_applications", HEAD, row)
    assert stage.case(A).path is Step.APPLIED


def test_a_pupil_who_left_is_named_by_no_act_but_a_no():
    """And the record keeps the attempt; a withdrawal and a refusal are taken in every state (INV-06)."""
    stage = filing().signed(A, C)
    stage.hear("student_left", student=A, exit="TRANSFER")
    assert stage.refused(A, "pupil", "intent", intent="UNDECIDED") == "STUDENT_LEFT"
    assert A not in stage.state.cases
    stage.consistent()
