"""What offices record: in the order of days, with four eyes, and passed on when it is corrected."""

from __future__ import annotations

import pytest
from filing_families import (
    RECEIVER,
    RECEIVING,
    REGISTER,
    SECOND_REGISTER,
    Families,
    filing,
    registration,
)
from stream_samples import GRADE, HEAD, A, B, policy

from domain.actors import Actor
from domain.destination import DestinationKind, Outcome, Step
from domain.sentences_filing import WORDS


def elsewhere(student, destination="GENERAL_HIGH", evidence="CALL"):
    """Return a row about another destination."""
    return {"student": student, "destination": destination, "evidence": evidence}


def reporting(student, on="2026-09-01"):
    """Return a row about a pupil who has come."""
    return {"student": student, "school": RECEIVING, "on": on}


def correct(stage, event_type, who, **values):
    """Correct the latest event of a type."""
    version = stage.last(event_type)["version"]
    return stage.do("correct", who, version=version, values=values, reason="TYPED_WRONG")


def uncorrected(stage, event_type, who, **values):
    """Return the code of a correction that is refused."""
    version = stage.last(event_type)["version"]
    return stage.refusal("correct", who, version=version, values=values, reason="TYPED_WRONG").code


# -- UNKNOWN --------------------------------------------------------------------------------------------------------


def test_unknown_is_no_destination():
    """It ends nothing, contradicts nothing, and what is found later takes its place."""
    stage = filing()
    stage.rows("record_destinations", HEAD, elsewhere(A, "UNKNOWN"))
    assert (stage.case(A).outcome, stage.case(A).destination, stage.case(A).step) == (None, None, Step.ROSTERED)
    assert stage.decider.progress(stage.state)["2026-01"]["done"] == 0
    assert stage.bad_rows("record_destinations", GRADE, elsewhere(A, "UNKNOWN")) == ["ALREADY_RECORDED"]
    stage.rows("record_destinations", GRADE, elsewhere(A))
    assert (stage.case(A).conflicting, stage.case(A).outcome) == (False, Outcome.OTHER_DESTINATION)
    assert stage.bad_rows("record_destinations", HEAD, elsewhere(A, "UNKNOWN")) == ["DESTINATION_KNOWN"]
    stage.consistent()


def test_unknown_does_not_contradict_a_reporting():
    """Before it or after it; another destination found then does."""
    stage = filing().admitted(A, B).to("2026-09-01 18:00")
    stage.rows("record_destinations", HEAD, elsewhere(A, "UNKNOWN"))
    stage.rows("record_reporting", RECEIVER, reporting(A), reporting(B))
    assert not stage.case(A).conflicting
    assert stage.bad_rows("record_destinations", HEAD, elsewhere(A, "UNKNOWN")) == ["DESTINATION_KNOWN"]
    stage.rows("record_destinations", HEAD, elsewhere(A, "WORK"))
    assert stage.last("DestinationConflicting")["data"]["held"] == "VOCATIONAL"
    stage.rows("record_registrations", REGISTER, registration(B, on="2026-09-01"))
    stage.consistent()


# -- four eyes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", [{"destination": "WORK", "evidence": "HEARSAY"}, {"evidence": "HEARSAY"}])
def test_who_had_no_hand_in_a_finding_contradicts_it_and_does_not_correct_it(values):
    """B21, INV-21: a class head does not put the register right by the word 'correction'; a third person decides."""
    stage = filing()
    stage.rows("record_destinations", REGISTER, elsewhere(A, "TECHNICAL_SCHOOL", "REGISTER"))
    correct(stage, "OtherDestination", HEAD, **values)
    found = {"destination": "TECHNICAL_SCHOOL", **values}
    assert stage.last("DestinationConflicting")["data"] == {
        "student": A,
        "held": "TECHNICAL_SCHOOL",
        "held_evidence": "REGISTER",
        "found": found["destination"],
        "found_evidence": "HEARSAY",
    }
    assert stage.recorded("resolve_destination", REGISTER, **elsewhere(A, "WORK"), reason="SEEN") == "SELF_APPROVAL"
    stage.do("resolve_destination", SECOND_REGISTER, **elsewhere(A, "WORK"), reason="SEEN")
    assert stage.case(A).destination is DestinationKind.WORK
    stage.consistent()


def test_who_recorded_a_finding_corrects_it_also_by_a_stand_in():
    """A slip of one's own is no contradiction; whoever stands in for the recorder acts as that person."""
    stage = filing()
    stage.rows("record_destinations", HEAD, elsewhere(A))
    correct(stage, "OtherDestination", HEAD, destination="WORK")
    deputy = Actor(id="stf_deputy", role=HEAD.role, organisation=HEAD.organisation, on_behalf_of=HEAD.id)
    correct(stage, "DestinationCorrected", deputy, destination="RESIT")
    assert (stage.case(A).destination, stage.case(A).conflicting) == (DestinationKind.RESIT, False)
    assert stage.case(A).recorders == [HEAD.id, "stf_deputy"]
    stage.consistent()


def test_a_correction_does_not_wash_the_first_recorder_off():
    """Who recorded the reporting decides no conflict about it, whoever corrected its day."""
    stage = filing().admitted(A).to("2026-09-02 10:00")
    stage.rows("record_reporting", REGISTER, reporting(A))
    stage.rows("record_destinations", HEAD, elsewhere(A))
    correct(stage, "Reported", SECOND_REGISTER, on="2026-09-02")
    third = REGISTER.model_copy(update={"id": "stf_third"})
    vocational = elsewhere(A, "VOCATIONAL", "REGISTER")
    for who in (REGISTER, SECOND_REGISTER):
        assert stage.recorded("resolve_destination", who, **vocational, reason="SEEN") == "SELF_APPROVAL"
    stage.do("resolve_destination", third, **vocational, reason="SEEN")
    stage.consistent()


# -- the order of days ------------------------------------------------------------------------------------------------


def test_nobody_reports_before_the_reporting_day_of_the_graduation_year():
    """R-16, INV-12: no delivery before graduation, recorded or corrected."""
    stage = filing().admitted(A, B)
    assert stage.bad_rows("record_reporting", RECEIVER, reporting(A, "2026-07-20")) == ["REPORTED_TOO_EARLY"]
    stage.to("2026-09-02 10:00")
    for on, code in (("2026-08-31", "REPORTED_TOO_EARLY"), ("1999-09-01", "REPORTED_TOO_EARLY")):
        assert stage.bad_rows("record_reporting", RECEIVER, reporting(A, on)) == [code]
    stage.rows("record_reporting", RECEIVER, reporting(A))
    assert uncorrected(stage, "Reported", RECEIVER, on="2026-08-31") == "REPORTED_TOO_EARLY"
    assert uncorrected(stage, "Reported", RECEIVER, on="2026-09-03") == "OCCURRED_IN_FUTURE"


@pytest.mark.parametrize(
    ("mode", "codes"),
    [("EXPERIENCE_ONLY", ["REPORTED_TOO_EARLY"] * 2), ("COOP_ORIGIN_XUEJI", ["REPORTED_TOO_EARLY"])],
)
def test_only_a_cooperation_under_a_document_lets_pupils_go_in_spring(mode, codes):
    """And not before its own year."""
    profile = policy(spring_mode=mode, spring_document="P-2016-1").model_dump(mode="json")
    stage = filing(families=Families(), policy=profile).applied(A, B)
    stage.rows(
        "record_admissions", RECEIVER, *({"student": s, "school": RECEIVING, "result": "admitted"} for s in (A, B))
    )
    rows = [reporting(A, "2025-12-31"), reporting(B, "2026-05-11")]
    assert stage.bad_rows("record_reporting", RECEIVER, *rows) == codes


def test_nobody_is_registered_before_reporting():
    """Neither is: a reporting corrected to a day after the registration."""
    stage = filing().reported(A).to("2026-10-12 10:00")
    early = registration(A, on="2026-08-31")
    assert stage.bad_rows("record_registrations", REGISTER, early) == ["REGISTERED_BEFORE_REPORTING"]
    stage.rows("record_registrations", REGISTER, registration(A, on="2026-09-10"))
    assert uncorrected(stage, "RegistrationVerified", REGISTER, on="2026-08-31") == "REGISTERED_BEFORE_REPORTING"
    assert uncorrected(stage, "Reported", RECEIVER, on="2026-09-11") == "REGISTERED_BEFORE_REPORTING"
    correct(stage, "Reported", RECEIVER, on="2026-09-10")
    stage.consistent()


@pytest.mark.parametrize("on", ["0", "20260902", "2026-9-2", "0001-01-01", "9999-12-31"])
def test_a_corrected_day_is_written_as_strictly_as_a_recorded_one(on):
    """No number becomes a day of 1970."""
    stage = filing().reported(A)
    assert uncorrected(stage, "Reported", RECEIVER, on=on) == "COMMAND_INVALID"


# -- what goes on to retention ----------------------------------------------------------------------------------------


def test_retention_hears_of_a_corrected_registration():
    """With the row as it stands now, to the school, as the first one went."""
    stage = filing().registered(A)
    stage.machine.carry.outgoing.clear()
    correct(stage, "RegistrationVerified", REGISTER, on="2026-09-20")
    (sent,) = stage.machine.carry.outgoing
    assert (sent.to, sent.message.kind) == (f"{stage.state.campaign}/{stage.state.school}", "registered")
    assert sent.message.data == {"rows": [{"student": A, "school": RECEIVING, "on": "2026-09-20"}]}


def test_a_late_joiner_without_a_registration_sends_no_news():
    """Only who is registered goes on."""
    stage = filing()
    stage.machine.carry.outgoing.clear()
    stage.hear("student_joined", student="stu_000009", class_id="2026-01", on="2026-05-11")
    assert stage.machine.carry.outgoing == []


def test_no_answer_is_told_as_final():
    """The sentence of the event says that the service is done, not that somebody waits."""
    assert WORDS["DestinationSettled"]["zh"] == "服务已完成，无人应答"
