from __future__ import annotations

import pytest
from filing_families import (
    ADMITTED,
    COOLED,
    NOTICE,
    OTHER_RECEIVER,
    OTHER_RECEIVING,
    RECEIVER,
    RECEIVING,
    REGISTER,
    SECOND_REGISTER,
    Families,
    contact,
    filing,
    prompt,
    registration,
)
from stream_samples import GRADE, HEAD, OFFICER, PRINCIPAL, A, B, C, D, E, F, Stream, policy, stage_start, when

from domain.application_filing import ApplicationFilingDecider, counted
from domain.destination import DestinationKind, Outcome, Step
from domain.references import is_personal
from domain.refusal import Refusal
from domain.stream import Carry

ONE_CLASS = {"2026-01": [A, B]}


def one_class(**changes):
    """Return an open stage with two pupils."""
    return filing(classes=ONE_CLASS, **changes)


def application(student, reference="APP-1", school=RECEIVING):
    """Return a row about an application."""
    return {"student": student, "school": school, "reference": reference}


def elsewhere(student, destination="GENERAL_HIGH", evidence="CALL"):
    """Return a row about another destination."""
    return {"student": student, "destination": destination, "evidence": evidence}


# -- notices and contacts ---------------------------------------------------------------------------------------


def test_each_family_is_offered_a_document_once():
    """By class or by pupil; who has it already is left out, and a superseded one is not offered again."""
    stage = filing()
    stage.do("offer_notice", HEAD, document=NOTICE, students=[B])
    stage.do("offer_notice", HEAD, document=NOTICE, classes=["2026-01", "2026-01"])
    assert [e["data"]["student"] for e in stage.ledger if e["type"] == "NoticeOffered"] == [B, A, C]
    assert stage.refusal("offer_notice", HEAD, document=NOTICE, classes=["2026-01"]).code == "NOTICE_ALREADY_OFFERED"
    refusal = stage.refusal("offer_notice", HEAD, document="notice-2", students=[A])
    assert (refusal.code, refusal.parameters) == ("NEWER_NOTICE_NEEDS_BUREAU", {"document": NOTICE})
    stage.do("offer_notice", OFFICER, document="notice-2", students=[A])
    refusal = stage.refusal("offer_notice", HEAD, document=NOTICE, students=[D])
    assert (refusal.code, refusal.parameters) == ("DOCUMENT_SUPERSEDED", {"document": "notice-2"})
    assert stage.refusal("offer_notice", HEAD, document="notice-2", classes=["2026-09"]).code == "CLASS_UNKNOWN"
    refusal = stage.refusal("offer_notice", HEAD, document="notice-2", students=[D, "stu_999999"])
    assert refusal.parameters["rows"] == [{"row": 1, "code": "STUDENT_UNKNOWN"}]
    for wrong in ({}, {"students": [D], "classes": ["2026-02"]}):
        assert stage.refusal("offer_notice", HEAD, document="notice-2", **wrong).code == "COMMAND_INVALID"


def test_three_days_without_an_answer_settle_a_case_and_the_family_can_open_it_again():
    """Two calls of one day count once; no answer is an ordinary outcome."""
    stage = one_class()
    stage.do("offer_notice", HEAD, document=NOTICE, students=[A, B])
    assert stage.owed() == {"FAMILIES_NOT_REACHED": 2}
    stage.to("2026-05-14 20:00")
    days = ["2026-05-12 09:00", "2026-05-12 19:00", "2026-05-13 09:00"]
    stage.rows("record_contacts", HEAD, *(contact(A, day) for day in days), contact(B, days[0], "refused"))
    assert stage.owed() == {"FAMILIES_NOT_REACHED": 1}
    stage.rows("record_contacts", GRADE, contact(A, "2026-05-14 19:00", "call_back", "home_visit"))
    assert stage.last("DestinationSettled")["data"] == {"student": A, "outcome": "NO_ANSWER"}
    assert (stage.case(A).outcome, stage.case(B).outcome) == (Outcome.NO_ANSWER, Outcome.INFORMED)
    assert stage.owed() == {}
    assert stage.bad_rows("record_contacts", HEAD, contact(A, days[2]), contact(B, days[2])) == (
        ["FAMILY_ALREADY_REACHED"] * 2
    )
    stage.do("complete", PRINCIPAL)
    stage.does(A, "guardian", "intent", intent="UNDECIDED")
    assert stage.case(A).outcome is Outcome.INFORMED
    stage.consistent()


def test_a_contact_lies_between_the_notice_and_now():
    """And not longer ago than may be said without a reason."""
    stage = one_class()
    assert stage.bad_rows("record_contacts", HEAD, contact(A, "2026-05-11 08:00")) == ["NOTICE_NOT_OFFERED"]
    stage.do("offer_notice", HEAD, document=NOTICE, students=[A])
    stage.to("2026-06-11 09:00")
    rows = [
        contact(A, "2026-05-10 23:59"),
        contact(A, "2026-06-11 09:01"),
        contact(A, "2026-05-12 09:00"),
        contact("stu_999999", "2026-06-01 09:00"),
    ]
    assert stage.bad_rows("record_contacts", HEAD, *rows) == [
        "CONTACT_BEFORE_NOTICE",
        "OCCURRED_IN_FUTURE",
        "OCCURRED_TOO_LONG_AGO",
        "STUDENT_UNKNOWN",
    ]
    stage.rows("record_contacts", HEAD, rows[2], late_reason="PAPER")


# -- the way to a school ------------------------------------------------------------------------------------------


def test_an_application_needs_both_signatures_for_that_school_and_a_reference_of_its_own():
    """Every row names what is wrong, and nothing of the list is kept."""
    stage = filing().confirmed(A, B, C, D)
    stage.does(C, "pupil", "withdraw")
    stage.does(D, "pupil", "intent", intent="OTHER")
    stage.does(E, "pupil", "withdraw")
    rows = [
        application(A),
        application(B),
        application(A, "APP-3"),
        application(C, "APP-4"),
        application(D, "APP-5"),
        application(E, "APP-6"),
        application("stu_999999", "APP-7"),
    ]
    assert stage.bad_rows("record_applications", HEAD, *rows) == [
        "REFERENCE_TWICE",
        "STUDENT_TWICE",
        "CONSENT_MISSING",
        "INTENT_NOT_VOCATIONAL",
        "CONSENT_MISSING",
        "STUDENT_UNKNOWN",
    ]
    assert stage.bad_rows("record_applications", HEAD, application(A, school=OTHER_RECEIVING)) == ["CONSENT_MISSING"]
    stage.rows("record_applications", HEAD, application(A))
    assert stage.bad_rows("record_applications", HEAD, application(A, "APP-9"), application(B)) == [
        "ALREADY_RECORDED",
        "REFERENCE_TWICE",
    ]


@pytest.mark.parametrize(
    ("reference", "personal"),
    [
        ("110101200901011234", True),
        ("11010120090101123X", True),
        ("110101-20090101-123x", True),
        ("G110101200901011234", True),
        ("110101090101123", True),
        ("13800138000", True),
        ("138-0013-8000", True),
        ("APP-2026-000001", False),
        ("26990001000123", False),
        ("86-13812345678", True),
        ("T13812345678", True),
        ("REF/13812345678", True),
        ("13812345678-1", True),
        ("110101-800101-123", True),
        ("P-E12345678", True),
        ("010-12345678", True),
        ("2026-9900-0100-0001", True),
        ("2026-9900-0100-01", False),
        ("28000138000", False),
        ("meeting-2022-01", False),
    ],
)
def test_no_personal_number_becomes_a_reference(reference, personal):
    """INV-22: identity, register and telephone numbers, whichever way they are written."""
    assert is_personal(reference) == personal
    stage = one_class().confirmed(A)
    row = application(A, reference)
    if personal:
        assert stage.bad_rows("record_applications", HEAD, row) == ["REFERENCE_PERSONAL"]
    else:
        stage.rows("record_applications", HEAD, row)


def test_a_receiving_school_speaks_for_itself_only():
    """Of admission and of reporting; the attempt is kept."""
    stage = filing().admitted(A)
    row = {"student": A, "school": RECEIVING}
    assert stage.recorded("record_admissions", OTHER_RECEIVER, rows=[{**row, "result": "admitted"}]) == "WRONG_SCHOOL"
    assert stage.recorded("record_reporting", OTHER_RECEIVER, rows=[{**row, "on": "2026-07-20"}]) == "WRONG_SCHOOL"
    own = {"student": A, "school": OTHER_RECEIVING, "on": "2026-07-20"}
    assert stage.bad_rows("record_reporting", OTHER_RECEIVER, own) == ["NOT_ADMITTED_THERE"]


def test_who_is_not_admitted_can_choose_again():
    """The consent was for that school and ends with its no."""
    stage = filing().applied(A)
    stage.rows("record_admissions", RECEIVER, {"student": A, "school": RECEIVING, "result": "not_admitted"})
    assert (stage.case(A).path, stage.case(A).consents) == (Step.INTENT, {})
    stage.does(A, "pupil", "sign", destination=OTHER_RECEIVING)
    stage.does(A, "guardian", "sign", destination=OTHER_RECEIVING)
    stage.to(stage.now + COOLED)
    stage.rows("record_applications", HEAD, application(A, "APP-2", OTHER_RECEIVING))
    assert stage.bad_rows("record_admissions", OFFICER, {"student": A, **ADMITTED}) == ["NOT_APPLIED_THERE"]
    stage.consistent()


def test_who_has_not_come_fourteen_days_after_the_reporting_day_is_a_no_show():
    """At the end of 15 September, whatever holds the stage; whoever came by then, or goes elsewhere, is none."""
    stage = filing().admitted(A, B, C)
    stage.rows("record_destinations", HEAD, elsewhere(C))
    stage.to("2026-09-02 09:00")
    stage.rows("record_reporting", RECEIVER, {"student": B, "school": RECEIVING, "on": "2026-09-01"})
    stage.hear("stop", reason="SNOW")
    stage.to("2026-09-15 23:59")
    assert "NoShow" not in stage.names()
    stage.to("2026-09-16 08:00")
    assert stage.moments("NoShow") == ["2026-09-16 00:00"]
    assert stage.last("NoShow")["data"] == {"student": A}
    assert (stage.case(A).step, stage.case(A).outcome) == (Step.NO_SHOW, Outcome.INFORMED)


def test_a_no_show_who_appears_in_october_is_reported_and_registered_even_after_the_sign_off():
    """Edge case 18."""
    stage = one_class().admitted(A)
    stage.rows("record_destinations", HEAD, elsewhere(B))
    stage.to("2026-09-20 09:00").do("complete", PRINCIPAL)
    stage.to("2026-10-08 09:00")
    stage.rows("record_reporting", RECEIVER, {"student": A, "school": RECEIVING, "on": "2026-10-08"})
    stage.rows("record_registrations", REGISTER, registration(A, on="2026-10-08"))
    assert stage.case(A).outcome is Outcome.REGISTERED
    stage.consistent()


def test_an_admission_of_autumn_has_days_of_its_own():
    """It is not a no-show in the minute it is recorded."""
    stage = filing().applied(A).to("2026-10-01 09:00")
    stage.rows("record_admissions", RECEIVER, {"student": A, **ADMITTED})
    stage.to("2026-10-15 23:59")
    assert "NoShow" not in stage.names()
    assert stage.to("2026-10-16 00:00").moments("NoShow") == ["2026-10-16 00:00"]


@pytest.mark.parametrize(("on", "in_time"), [("2026-11-20", True), ("2026-11-21", False)])
def test_a_registration_counts_by_its_day_and_is_recorded_also_later(on, in_time):
    """24:00 of 20 November is in time, the day after is not; the bureau may verify it in December."""
    stage = filing().reported(A).to("2026-12-01 09:00")
    stage.rows("record_registrations", REGISTER, registration(A, on=on))
    assert stage.last("RegistrationVerified")["data"]["in_time"] is in_time
    assert counted(stage.state)["2026-01"] == {
        "pupils": 3,
        "informed": 1,
        "countable": int(in_time),
        "free_refusals": 0,
        "countable_spring": 0,
        "countable_autumn": int(in_time),
    }


def test_registered_pupils_are_handed_on_to_the_school_in_one_message():
    """References, the school and the day; retention takes them from there."""
    stage = filing().registered(A, B)
    sent = stage.machine.carry.outgoing[-1]
    assert (sent.to, sent.message.kind) == (f"{stage.state.campaign}/{stage.state.school}", "registered")
    assert sent.message.data == {
        "rows": [{"student": s, "school": RECEIVING, "on": "2026-10-10"} for s in (A, B)],
    }


def test_a_registration_needs_the_reporting_there_and_a_reference_of_its_own():
    """R-18; a date to come is a mistake."""
    stage = filing().registered(A)
    rows = [registration(B), registration(A), registration("stu_999999")]
    assert stage.bad_rows("record_registrations", REGISTER, *rows) == [
        "NOT_REPORTED_THERE",
        "ALREADY_REGISTERED",
        "STUDENT_UNKNOWN",
    ]
    stage = filing().reported(A, B)
    rows = [
        registration(A, on="2026-09-02"),
        registration(B, on="2026-09-01", register_ref="G110101200901011234"),
    ]
    assert stage.bad_rows("record_registrations", REGISTER, *rows) == ["OCCURRED_IN_FUTURE", "REFERENCE_PERSONAL"]
    rows = [registration(s, on="2026-09-01", register_ref="REG-1") for s in (A, B)]
    assert stage.bad_rows("record_registrations", REGISTER, *rows) == ["REFERENCE_TWICE"]


def test_from_the_registration_deadline_on_nobody_waits_for_a_registration():
    """It fires once, during a stop as well, and says how many are open."""
    stage = one_class().reported(A)
    stage.rows("record_destinations", HEAD, elsewhere(B))
    stage.hear("pause", scope="school", reason="SNOW")
    assert stage.owed() == {"REGISTRATIONS_OPEN": 1}
    stage.to("2026-12-01 08:00")
    assert stage.moments("RegistrationDeadlineReached") == ["2026-11-21 00:00"]
    assert stage.last("RegistrationDeadlineReached")["data"] == {"open": 1}
    assert stage.owed() == {}


# -- other destinations -------------------------------------------------------------------------------------------


def test_two_findings_wait_for_a_register_officer_who_made_neither():
    """B21: the register's word does not silently win over hearsay."""
    stage = filing()
    stage.rows("record_destinations", HEAD, elsewhere(A, evidence="HEARSAY"))
    assert stage.bad_rows("record_destinations", HEAD, elsewhere(A)) == ["ALREADY_RECORDED"]
    stage.rows("record_destinations", REGISTER, elsewhere(A, "OTHER_PROVINCE", "REGISTER"))
    assert stage.last("DestinationConflicting")["data"] == {
        "student": A,
        "held": "GENERAL_HIGH",
        "held_evidence": "HEARSAY",
        "found": "OTHER_PROVINCE",
        "found_evidence": "REGISTER",
    }
    assert stage.owed()["DESTINATIONS_CONFLICTING"] == 1
    assert stage.bad_rows("record_destinations", HEAD, elsewhere(A, "WORK")) == ["DESTINATION_CONFLICTING"]
    decision = elsewhere(A, "OTHER_PROVINCE", "REGISTER")
    assert stage.recorded("resolve_destination", REGISTER, **decision, reason="SEEN") == "SELF_APPROVAL"
    assert stage.refusal("resolve_destination", SECOND_REGISTER, **decision).code == "REASON_REQUIRED"
    vocational = elsewhere(A, "VOCATIONAL")
    assert stage.refusal("resolve_destination", SECOND_REGISTER, **vocational, reason="SEEN").code == (
        "NOT_REPORTED_THERE"
    )
    stage.do("resolve_destination", SECOND_REGISTER, **decision, reason="SEEN")
    assert (stage.case(A).outcome, stage.case(A).destination) == (
        Outcome.OTHER_DESTINATION,
        DestinationKind.OTHER_PROVINCE,
    )
    assert "DESTINATIONS_CONFLICTING" not in stage.owed()
    again = stage.refusal("resolve_destination", SECOND_REGISTER, **decision, reason="SEEN")
    assert again.code == "DESTINATION_NOT_CONFLICTING"
    stage.consistent()


def test_a_pupil_who_reported_and_is_seen_elsewhere_is_not_registered_before_somebody_decided():
    """Edge case 15, found before or after the reporting."""
    stage = filing().reported(A)
    stage.rows("record_destinations", HEAD, elsewhere(A, "TECHNICAL_SCHOOL", "DOCUMENT"))
    assert stage.bad_rows("record_registrations", REGISTER, registration(A, on="2026-09-01")) == [
        "DESTINATION_CONFLICTING"
    ]
    stage.do("resolve_destination", REGISTER, **elsewhere(A, "VOCATIONAL", "SEEN"), reason="SEEN")
    stage.rows("record_registrations", REGISTER, registration(A, on="2026-09-01"))

    stage = filing().admitted(A)
    stage.rows("record_destinations", HEAD, elsewhere(A))
    stage.to("2026-09-01 18:00")
    stage.rows("record_reporting", RECEIVER, {"student": A, "school": RECEIVING, "on": "2026-09-01"})
    assert stage.last("DestinationConflicting")["data"]["found"] == "VOCATIONAL"
    stage.do("resolve_destination", REGISTER, **elsewhere(A, "GENERAL_HIGH", "SEEN"), reason="SEEN")
    assert (stage.case(A).step, stage.case(A).reporting) == (Step.OTHER, None)
    stage.consistent()


def test_a_vocational_school_is_no_other_destination_and_a_registered_pupil_has_none():
    """The one is reported there, the other transfers."""
    stage = filing().registered(A)
    rows = [elsewhere(B, "VOCATIONAL"), elsewhere(A, "WORK")]
    assert stage.bad_rows("record_destinations", HEAD, *rows) == ["DESTINATION_NEEDS_REPORTING", "ALREADY_REGISTERED"]


# -- corrections --------------------------------------------------------------------------------------------------


def correct(stage, event_type, who, **values):
    """Correct the latest event of a type."""
    version = stage.last(event_type)["version"]
    return stage.do("correct", who, version=version, values=values, reason="TYPED_WRONG")


def test_recorded_rows_are_corrected_by_those_who_may_record_them():
    """S5: the original stays; a class head cannot correct the register."""
    stage = filing().registered(A)
    correct(stage, "ApplicationRecorded", HEAD, reference="APP-99")
    correct(stage, "Reported", RECEIVER, on="2026-09-03")
    version = stage.last("RegistrationVerified")["version"]
    wrong = {"version": version, "values": {"on": "2026-10-11"}, "reason": "TYPED_WRONG"}
    assert stage.refusal("correct", HEAD, **wrong).code == "ROLE_NOT_ALLOWED"
    theirs = {**wrong, "version": stage.last("ReportingCorrected")["version"]}
    assert stage.recorded("correct", OTHER_RECEIVER, **theirs) == "WRONG_SCHOOL"
    correct(stage, "RegistrationVerified", REGISTER, on="2026-10-11", register_ref="REG-99")
    case = stage.case(A)
    assert (case.application.reference, str(case.reporting.on)) == ("APP-99", "2026-09-03")
    assert (case.registration.reference, str(case.registration.on), case.registration.in_time) == (
        "REG-99",
        "2026-10-11",
        True,
    )
    assert stage.last("RegistrationCorrected")["data"]["corrects"] == version
    assert stage.refusal("correct", REGISTER, **wrong).code == "NOT_CORRECTABLE"
    stage.consistent()


def test_a_correction_obeys_the_rules_of_its_row():
    """References, days and schools as when they were recorded; no correction touches what a family did."""
    stage = filing().applied(A, B)
    stage.rows("record_destinations", HEAD, elsewhere(C))
    codes = {}
    for event_type, values in {
        "ApplicationRecorded": {"reference": "APP-000001"},
        "OtherDestination": {"destination": "VOCATIONAL"},
        "ConsentSigned": {"destination": OTHER_RECEIVING},
    }.items():
        version = stage.last(event_type)["version"]
        fields = {"version": version, "values": values, "reason": "TYPED_WRONG"}
        codes[event_type] = stage.refusal("correct", HEAD, **fields).code
    assert codes == {
        "ApplicationRecorded": "REFERENCE_TWICE",
        "OtherDestination": "DESTINATION_NEEDS_REPORTING",
        "ConsentSigned": "NOT_CORRECTABLE",
    }
    version = stage.last("ApplicationRecorded")["version"]
    for values, code in (
        ({"reference": "G110101200901011234"}, "REFERENCE_PERSONAL"),
        ({"school": OTHER_RECEIVING}, "NOT_CORRECTABLE"),
        ({"colour": "red"}, "COMMAND_INVALID"),
    ):
        fields = {"version": version, "values": values, "reason": "TYPED_WRONG"}
        assert stage.refusal("correct", HEAD, **fields).code == code
    correct(stage, "OtherDestination", HEAD, destination="RESIT", evidence="DOCUMENT")
    assert stage.case(C).destination is DestinationKind.RESIT
    stage.consistent()


# -- late joiners, leavers, completion ------------------------------------------------------------------------------


def test_a_late_joiner_blocks_nothing_and_is_served_after_the_sign_off():
    """B12: the pupil stands on the work list with a day of the pupil's own."""
    stage = one_class().informed(A, B)
    stage.hear("student_joined", student=C, class_id="2026-01", on="2026-05-11")
    stage.do("complete", PRINCIPAL)
    assert [(todo.student, todo.code) for todo in stage.decider.work(stage.state)] == [(C, "NOTICES_NOT_OFFERED")]
    assert stage.refusal("offer_notice", HEAD, document=NOTICE, classes=["2026-01"]).code == "STAGE_NOT_OPEN"
    stage.confirmed(C)
    stage.rows("record_applications", HEAD, application(C))
    assert stage.refusal("record_contacts", HEAD, rows=[contact(A, "2026-05-12 08:00")]).code == "STAGE_NOT_OPEN"
    stage.consistent()


@pytest.mark.parametrize("way", ["informed", "signed", "applied", "admitted", "reported", "registered"])
def test_a_pupil_can_leave_at_any_step_and_come_back(way):
    """Rows that name the pupil say so; nothing breaks, no clock fires, and a return goes on where the case stood."""
    stage = getattr(filing(), way)(A)
    step = stage.case(A).step
    stage.hear("student_left", student=A, exit="TRANSFER")
    assert stage.bad_rows("record_contacts", HEAD, contact(A, "2026-05-12 08:00")) == ["STUDENT_LEFT"]
    assert stage.bad_rows("record_applications", HEAD, application(A)) == ["STUDENT_LEFT"]
    assert stage.refusal("resolve_destination", REGISTER, **elsewhere(A), reason="SEEN").code == "STUDENT_LEFT"
    stage.to("2026-12-01 08:00")
    assert "NoShow" not in stage.names()
    assert counted(stage.state)["2026-01"]["pupils"] == 2
    stage.hear("student_joined", student=A, class_id="2026-01", on="2026-12-01")
    assert (stage.case(A).step, stage.case(A).offered, stage.state.departed) == (step, None, {})
    stage.consistent()


def test_blockers_name_service_in_the_order_of_the_work():
    """One code a pupil; the work list says the same."""
    stage = filing().confirmed(B)
    stage.do("offer_notice", HEAD, document=NOTICE, students=[C])
    stage.rows("record_destinations", HEAD, elsewhere(D))
    stage.rows("record_destinations", GRADE, elsewhere(D, "WORK"))
    stage.rows("record_destinations", HEAD, elsewhere(E), elsewhere(F))
    assert list(stage.owed().items()) == [
        ("NOTICES_NOT_OFFERED", 1),
        ("FAMILIES_NOT_REACHED", 1),
        ("APPLICATIONS_OPEN", 1),
        ("DESTINATIONS_CONFLICTING", 1),
    ]
    assert {(todo.student, todo.code) for todo in stage.decider.work(stage.state)} == {
        (A, "NOTICES_NOT_OFFERED"),
        (B, "APPLICATIONS_OPEN"),
        (C, "FAMILIES_NOT_REACHED"),
        (D, "DESTINATIONS_CONFLICTING"),
    }
    with pytest.raises(Refusal, match="NOT_COMPLETE"):
        stage.submit(stage.command("complete", PRINCIPAL))
    view = stage.decider.view(stage.state)
    assert view["steps"] == {"ROSTERED": 3, "CONFIRMED": 1, "OTHER": 2}
    assert view["classes"]["2026-02"] == {"done": 2, "of": 3}


def test_every_ordinary_answer_completes_the_stage():
    """One wants something else, one does not know, one says no, one alone has signed: nobody is waited for."""
    stage = prompt(classes={"2026-01": [A, B, C, D]}).informed(A, B, C, D)
    stage.does(A, "guardian", "intent", intent="GENERAL_HIGH")
    stage.does(B, "pupil", "intent", intent="UNDECIDED")
    stage.does(C, "pupil", "refuse")
    stage.does(D, "pupil", "sign", destination=RECEIVING)
    assert stage.owed() == {}
    stage.do("complete", PRINCIPAL)
    figures = {"pupils": 4, "informed": 4, "countable": 0, "free_refusals": 1}
    assert counted(stage.state) == {"2026-01": {**figures, "countable_spring": 0, "countable_autumn": 0}}


# -- the stream -----------------------------------------------------------------------------------------------------


def test_a_new_run_begins_where_the_last_one_ended():
    """Through JSON, in the middle of a course; the next act finds the case."""
    stage = filing().signed(A)
    stage.restart()
    stage.does(A, "pupil", "withdraw")
    stage.consistent()


def test_a_stream_of_the_first_release_stays_without_content():
    """It has cases and no gateway; every command of this stage says so, no clock runs, and it can be skipped."""
    start = stage_start("application-filing", opens="2026-05-11", due="2026-11-20")
    stage = Stream("application-filing", start, when("2026-05-01 08:00"), decider=ApplicationFilingDecider())
    stage.to("2026-12-01 08:00")
    assert stage.names() == ["StagePlanned"]
    assert (stage.state.gateway, stage.state.qualified_schools, len(stage.state.cases)) == (None, [], 6)
    assert stage.refusal("offer_notice", HEAD, document=NOTICE, students=[A]).code == "STAGE_HAS_NO_CONTENT"
    stage.do("skip", OFFICER, reason="OLD")
    stage.consistent()


def test_the_largest_school_fits():
    """Design, section 4: 1,600 pupils, all registered, below a megabyte."""
    stage = filing().registered(A)
    one = stage.case(A)
    state = stage.state.model_copy(deep=True)
    pupils = [f"stu_{number:010d}" for number in range(1600)]
    state.classes = {f"2026-{number:02d}": pupils[number * 40 : number * 40 + 40] for number in range(40)}
    state.cases = dict.fromkeys(pupils, one)
    carry = Carry(stream="s", kind="application-filing", state=state.model_dump(mode="json"))
    assert len(carry.model_dump_json().encode()) < 900_000


def test_a_day_of_the_policy_moves_the_clock():
    """Deadline and no-show days are parameters, not constants."""
    profile = policy(registration_deadline="10-31", no_show_days=7, reporting_month_day="08-25")
    stage = filing(families=Families(), policy=profile.model_dump(mode="json")).admitted(A)
    stage.to("2026-12-01 08:00")
    assert stage.moments("NoShow") == ["2026-09-02 00:00"]
    assert stage.moments("RegistrationDeadlineReached") == ["2026-11-01 00:00"]
