"""`choice` on the command line: where the cases stand, and what holds a consent up; nothing here acts for a family."""

import pytest
from cli_machine_rooms import CLASSES, desk
from filing_families import NOTICE, RECEIVING, REGISTER, Filing
from stream_samples import HEAD, OFFICER, A, B, C, D, E, person

from domain.actors import Role

DISCIPLINE = person("discipline", Role.DISCIPLINE_OFFICER, "bureau")


@pytest.fixture
def stage():
    """The stream, open."""
    return Filing(classes=CLASSES).to("2026-05-12 08:00")


@pytest.fixture
async def school(monkeypatch, capsys, tmp_path, stage):
    """A school's desk."""
    return await desk(monkeypatch, capsys, tmp_path, stage, people=(REGISTER, DISCIPLINE))


def show(school, student):
    """Return one case as JSON."""
    return school("choice", "show", "@", "--student", student).json


def test_every_family_that_answered_has_answered(school, stage):
    """A no is an answer: only who has said nothing is counted as not answering."""
    stage.signed(A)
    stage.do("offer_notice", HEAD, document=NOTICE, students=[B, C, D, E])
    stage.does(B, "guardian", "refuse")
    stage.does(C, "pupil", "intent", intent="GENERAL_HIGH")
    counted = school("choice", "show", "@").json
    assert counted["steps"] == {"ROSTERED": 3, "DECLINED": 1, "INTENT": 1, "COOLING": 1}
    assert sum(counted["steps"].values()) == counted["pupils"] == 6
    readable = school.readable("choice", "show", "@").out
    assert "已答复：不同意" in readable
    assert "冷静期" in readable


def test_a_case_tells_what_each_has_said_and_until_when_they_may_turn_back(school, stage):
    """G12: pupil and guardian each for themselves; then the end of the cooling-off."""
    stage.signed(A)
    stage.do("offer_notice", HEAD, document=NOTICE, students=[B])
    stage.does(B, "pupil", "intent", intent="GENERAL_HIGH")
    stage.does(B, "guardian", "intent", intent="VOCATIONAL")
    other = show(school, B)
    assert other["intents"] == {"pupil": "GENERAL_HIGH", "guardian": "VOCATIONAL"}
    case = show(school, A)
    assert (case["step"], case["receiving_school"]) == ("COOLING", RECEIVING)
    assert case["cooling_ends"] == "2026-05-20T23:59:59.000+08:00"
    assert (case["short_cooling"], case["callback_needed"], case["suspended"]) == (False, False, {})
    assert "2026-05-20" in school.readable("choice", "show", "@", "--student", A).out


def test_anybody_reports_a_withdrawal_and_the_bureau_calls_back(school, stage):
    """Without a name; the list of calls is due for exactly this family; a call signs and withdraws nothing."""
    stage.signed(A, B)
    told = school("choice", "report-withdrawal", "@", A, "--channel", "in_person")
    assert told.code == 0, told
    assert stage.last("WithdrawalReported")["actor"]["id"] == "anonymous"
    assert list(show(school, A)["suspended"]) == ["WITHDRAWAL_REPORTED"]
    assert school("choice", "show", "@").json["suspended"] == {"WITHDRAWAL_REPORTED": 1}
    assert school("choice", "report-withdrawal", "@", A, "--by", HEAD.id).code == 5
    answers = {A: {"outcome": "属实", "at": "2026-05-13 09:30"}}
    assert [row["student"] for row in school.template("callbacks")[1]] == [A]
    file = school.filled("callbacks", answers)
    by_school = school("choice", "callbacks", "@", file, "--by", HEAD.id)
    assert by_school.json["refused"]["code"] == "ROLE_NOT_ALLOWED"
    stage.to("2026-05-13 10:00")
    told = school("choice", "callbacks", "@", file, "--by", OFFICER.id)
    assert (told.code, told.json["rows"]) == (0, 1), told
    call = stage.last("CallbackMade")["data"]
    assert (call["purpose"], call["outcome"]) == ("withdrawal_report", "confirmed")
    case = show(school, A)
    assert (list(case["signed"]), list(case["suspended"])) == (["pupil", "guardian"], ["WITHDRAWAL_REPORTED"])


def test_a_dispute_suspends_and_a_document_ends_it(school, stage):
    """By the bureau, with a reason that is one of three; the end needs a paper."""
    stage.signed(A)
    because = ("--by", DISCIPLINE.id, "--reason")
    unknown = school("choice", "suspend", "@", A, *because, "BECAUSE")
    assert unknown.json["refused"]["code"] == "SUSPENSION_REASON_UNKNOWN"
    assert school("choice", "suspend", "@", A, *because, "CUSTODY_DISPUTE").code == 0
    assert list(show(school, A)["suspended"]) == ["CUSTODY_DISPUTE"]
    lift = ("choice", "lift", "@", A, "--by", REGISTER.id, "--reason", "MEDIATED", "--evidence")
    assert school(*lift, "call").json["refused"]["code"] == "PROOF_NEEDED"
    assert school(*lift, "书面材料").code == 0
    assert show(school, A)["suspended"] == {}


def test_a_caregiver_is_recorded_as_one_and_consents_to_nothing(school, stage):
    """Edge case 1: whoever is no guardian may be told, and does not acknowledge."""
    stage.do("offer_notice", HEAD, document=NOTICE, students=[A])
    words = ("choice", "guardianship", "@", A, A.replace("stu_", "gdn_"), "caregiver", "--evidence", "document")
    assert school(*words, "--by", REGISTER.id).code == 0
    assert show(school, A)["guardians"] == {A.replace("stu_", "gdn_"): "CAREGIVER"}
    assert stage.refused(A, "guardian", "acknowledge") == "ACT_NOT_BY_GUARDIAN"


def test_a_record_is_restricted_and_released(school, stage):
    """G17: no list names the pupil meanwhile; with a reason, and by the register office."""
    stage.signed(A)
    for word, held in (("restrict", True), ("release", False)):
        told = school("choice", word, "@", A, "--by", REGISTER.id, "--reason", "COURT_ORDER")
        assert told.code == 0, told
        assert show(school, A)["restricted"] is held


def test_pupils_and_classes_are_not_named_together(school):
    """One of the two, as everywhere."""
    words = ("choice", "offer", "@", NOTICE, "--classes", "2023-01", "--students", A, "--by", HEAD.id)
    told = school(*words)
    assert (told.code, told.json["error"]["code"]) == (2, "CHOICE_NEEDED")
