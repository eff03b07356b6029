"""Application filing on the command line: from the notice to the registration by templates, and a conflict's end."""

import pytest
from cli_machine_rooms import CLASSES, NAMES, desk
from filing_families import NOTICE, OTHER_RECEIVER, RECEIVER, RECEIVING, REGISTER, SECOND_REGISTER, Filing
from stream_samples import HEAD, A, B, C, D

PEOPLE = (REGISTER, SECOND_REGISTER, RECEIVER, OTHER_RECEIVER)


@pytest.fixture
def stage():
    """The stream, open."""
    return Filing(classes=CLASSES).to("2026-05-12 08:00")


@pytest.fixture
async def school(monkeypatch, capsys, tmp_path, stage):
    """A school's desk."""
    return await desk(monkeypatch, capsys, tmp_path, stage, people=PEOPLE)


def due(school, kind, *options):
    """Return for whom a template is due, with the school that it names."""
    return [(row["student"], row.get("school")) for row in school.template(kind, *options)[1]]


def record(school, kind, answers, who):
    """Fill a template in and record it."""
    told = school("record", kind, school.filled(kind, answers), "@", "--by", who.id)
    assert told.code == 0, told
    return told.json


def test_every_list_is_due_for_exactly_those_who_have_come_so_far(school, stage):
    """Template, filled in, recorded, four times: both signed → applied → admitted → reported → registered."""
    stage.confirmed(A, B).informed(C)
    assert due(school, "applications") == [(A, RECEIVING), (B, RECEIVING)]
    record(school, "applications", {s: {"reference": f"APP-{s[-4:]}"} for s in (A, B)}, HEAD)
    assert due(school, "applications") == []
    assert due(school, "admissions") == [(A, RECEIVING), (B, RECEIVING)]
    stage.to("2026-07-20 10:00")
    record(school, "admissions", {A: {"result": "录取"}, B: {"result": "录取"}}, RECEIVER)
    assert due(school, "admissions") == []
    stage.to("2026-09-01 18:00")
    told = record(school, "reporting", {A: {"on": "2026年9月1日"}}, RECEIVER)
    assert (told["rows"], told["blank"]) == (1, 1)
    assert due(school, "reporting") == [(B, RECEIVING)]
    assert due(school, "registrations") == [(A, RECEIVING)]
    stage.to("2026-10-12 10:00")
    record(school, "registrations", {A: {"register_ref": "REG-2026-0001", "on": "2026/10/10"}}, REGISTER)
    assert due(school, "registrations") == []
    assert stage.last("RegistrationVerified")["data"] | {} == {
        "student": A,
        "school": RECEIVING,
        "register_ref": "REG-2026-0001",
        "on": "2026-10-10",
        "in_time": True,
    }


def test_a_receiving_schools_template_holds_its_own_pupils_only(school, stage):
    """`--receiving`: a sheet that goes to a school names nobody else's pupils."""
    stage.applied(A)
    stage.signed(B, school="9900020002").to("2026-06-20 08:00")
    stage.rows("record_applications", HEAD, {"student": B, "school": "9900020002", "reference": "APP-2"})
    assert due(school, "admissions") == [(A, RECEIVING), (B, "9900020002")]
    assert due(school, "admissions", "--receiving", RECEIVING) == [(A, RECEIVING)]
    foreign = school(
        "record", "admissions", school.filled("admissions", {A: {"result": "录取"}}), "@", "--by", OTHER_RECEIVER.id
    )
    assert (foreign.code, foreign.json["refused"]["code"]) == (5, "WRONG_SCHOOL")
    assert foreign.json["receipt"]["last_version"] == stage.ledger[-1]["version"]


def test_the_notice_goes_to_classes_and_contacts_are_due_for_the_silent(school, stage):
    """`choice offer`, then the families that have not answered; days without an answer settle a case."""
    offered = school("choice", "offer", "@", NOTICE, "--classes", "九年级1班", "--by", HEAD.id)
    assert offered.code == 0, offered
    again = school("choice", "offer", "@", NOTICE, "--classes", "九年级1班", "--by", HEAD.id)
    assert again.json["refused"]["code"] == "NOTICE_ALREADY_OFFERED"
    stage.does(A, "pupil", "intent", intent="GENERAL_HIGH")
    assert [student for student, _ in due(school, "contacts")] == [B, C]
    stage.to("2026-05-13 20:00")
    told = record(school, "contacts", {B: {"kind": "电话", "at": "2026-05-13 19:00", "outcome": "已告知"}}, HEAD)
    assert (told["rows"], told["blank"]) == (1, 1)
    assert [student for student, _ in due(school, "contacts")] == [C]
    shown = school("choice", "show", "@").json
    assert shown["pupils"] == 6
    assert shown["owed"]["FAMILIES_NOT_REACHED"] == 1
    assert shown["owed"]["NOTICES_NOT_OFFERED"] == 3


def test_two_destinations_wait_for_a_third_person(school, stage):
    """Recorded as going elsewhere and then reported: `choice show` says so, who recorded either does not decide."""
    stage.admitted(A)
    stage.to("2026-09-01 18:00")
    record(school, "destinations", {A: {"destination": "普通高中", "evidence": "电话核实"}}, HEAD)
    stage.rows("record_reporting", RECEIVER, {"student": A, "school": RECEIVING, "on": "2026-09-01"})
    shown = school("choice", "show", "@", "--student", A)
    assert (shown.json["destination"], shown.json["conflicts_with"]) == ("VOCATIONAL", "VOCATIONAL")
    assert not any(name in shown.out for name in NAMES)
    resolve = ("choice", "resolve", "@", A, "中职", "--evidence", "学籍", "--reason", "LOOKED_AT")
    assert school(*resolve[:-2], "--by", REGISTER.id).json["refused"]["code"] == "REASON_REQUIRED"
    told = school(*resolve, "--by", REGISTER.id)
    assert told.code == 0, told
    after = school("choice", "show", "@", "--student", A).json
    assert (after["step"], after["conflicts_with"], after["signed"]) == (
        "REPORTED",
        None,
        {"pupil": NOTICE, "guardian": NOTICE},
    )


def test_what_is_not_there_is_said_in_one_form(school):
    """An unknown pupil: 4. An unknown word: 2, with the words that there are."""
    told = school("choice", "show", "@", "--student", "stu_nobody0")
    assert (told.code, told.json["error"]["code"]) == (4, "STUDENT_UNKNOWN")
    told = school("choice", "resolve", "@", D, "月球", "--evidence", "学籍", "--by", REGISTER.id)
    assert (told.code, told.json["error"]["code"], told.json["error"]["place"]) == (2, "VALUE_INVALID", "DESTINATION")
    assert "普高" in told.json["error"]["remedy"] or "general_high" in told.json["error"]["remedy"]


def test_a_person_reads_steps_and_never_a_name(school, stage, capsys):
    """Without --json: counts by step, and one case in lines."""
    stage.applied(A)
    for words in (("choice", "show"), ("choice", "show", "--student", A)):
        told = school.readable(*words[:2], "@", *words[2:])
        assert told.code == 0
        assert not any(name in told.out for name in NAMES)
    assert RECEIVING in told.out
