from __future__ import annotations

import pytest
from stream_samples import APPROVER, AUDITOR, HEAD, OFFICER, PRINCIPAL, STRANGER, Stream, person
from visits_samples import (
    DISCIPLINE,
    LISTED,
    OTHER_COUNTY,
    OTHER_RECEIVING,
    RECEIVING,
    SECOND_OFFICER,
    TALK,
    UNLISTED,
    missing,
    planned_visits,
    visits,
)

from domain.actors import Role

AFTERWARDS = "2025-11-14 17:00"


def registered(stream: Stream, **changes) -> Stream:
    """Request a presentation and have it approved."""
    stream.do("request_presentation", HEAD, **{**TALK, **changes})
    stream.do("approve_presentation", OFFICER, presentation="p1", approval_ref="AP-1")
    return stream


def progress(stream):
    """Return how many pupils of each class were reached."""
    return {class_id: line["done"] for class_id, line in stream.machine.view()["classes"].items()}


def test_a_presentation_from_request_to_register():
    """Requested, approved, held before counted classes: both classes are served."""
    stream = visits()
    stream.do("request_presentation", RECEIVING, **TALK)
    assert missing(stream) == {"CLASSES_WITHOUT_OFFER": 2}
    stream.do("approve_presentation", OFFICER, presentation="p1", approval_ref="AP-1")
    assert missing(stream) == {"PRESENTATIONS_OPEN": 1}
    assert progress(stream) == {"2026-01": 0, "2026-02": 0}
    stream.to(AFTERWARDS)
    stream.do("record_presentation", HEAD, presentation="p1", pupils={"2026-01": 3, "2026-02": 2})
    data = stream.last("PublicityVisitRegistered")["data"]
    assert data == {"presentation": "p1", "pupils": {"2026-01": 3, "2026-02": 2}}
    assert missing(stream) == {}
    assert progress(stream) == {"2026-01": 3, "2026-02": 3}
    stream.do("complete", PRINCIPAL)
    stream.consistent()


def test_what_another_school_asks_for_holds_nobody_up():
    """A wish for a day years ahead, which the school cannot turn down; its own it has to see through."""
    far = {**TALK, "at": "2029-11-14T15:00:00+08:00"}
    stream = visits({"2026-01": []})
    stream.do("request_presentation", HEAD, **{**far, "presentation": "own", "classes": ["2026-01"]})
    assert missing(stream) == {"PRESENTATIONS_OPEN": 1}
    stream.do("reject_presentation", OFFICER, presentation="own", reason="TOO_FAR")
    stream.do("request_presentation", RECEIVING, **{**far, "classes": ["2026-01"]})
    assert missing(stream) == {}
    stream.do("complete", PRINCIPAL)
    stream.consistent()


def test_a_presentation_is_never_approved_afterwards():
    """The workflow's clock decides, whatever time the approver claims."""
    stream = visits()
    stream.do("request_presentation", HEAD, **TALK)
    stream.to(AFTERWARDS)
    for said in ({}, {"occurred_at": "2025-11-14T14:00:00+08:00"}):
        approval = {"presentation": "p1", "approval_ref": "AP-1"}
        assert stream.refusal("approve_presentation", OFFICER, **approval, **said).code == "APPROVAL_TOO_LATE"


def test_a_class_that_was_not_there_is_still_owed_an_offer():
    """An approval for two classes serves the one that came."""
    stream = registered(visits()).to(AFTERWARDS)
    stream.do("record_presentation", HEAD, presentation="p1", pupils={"2026-01": 1})
    assert missing(stream) == {"CLASSES_WITHOUT_OFFER": 1}
    assert progress(stream) == {"2026-01": 3, "2026-02": 0}


def test_a_receiving_school_asks_for_itself_only():
    """One that speaks for another is refused on record, before anything else is looked at."""
    stream = visits()
    assert stream.recorded("request_presentation", OTHER_RECEIVING, **TALK) == "WRONG_SCHOOL"
    rival_of_unlisted = {**TALK, "receiving_school": UNLISTED}
    assert stream.recorded("request_presentation", RECEIVING, **rival_of_unlisted) == "WRONG_SCHOOL"
    assert stream.recorded("request_presentation", STRANGER, **TALK) == "WRONG_SCHOOL"
    stream.do("request_presentation", OTHER_RECEIVING, **{**TALK, "receiving_school": OTHER_COUNTY})


def test_only_listed_schools_come_on_campus():
    """Neither staff nor the school itself can ask for one that is not on the list (INV-20)."""
    stream = visits()
    itself = person("unlisted", Role.RECEIVING_SCHOOL, UNLISTED)
    for who in (HEAD, itself):
        assert stream.recorded("request_presentation", who, **{**TALK, "receiving_school": UNLISTED}) == (
            "SCHOOL_NOT_LISTED"
        )
    assert stream.state.presentations == {}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"classes": ["2026-07"]}, "CLASS_UNKNOWN"),
        ({"persons": 0}, "COMMAND_INVALID"),
        ({"materials": "flyer with 张三"}, "COMMAND_INVALID"),
    ],
)
def test_a_request_must_be_whole(changes, code):
    """Known classes, persons, and a document's number instead of a title."""
    assert visits().refusal("request_presentation", HEAD, **{**TALK, **changes}).code == code


def test_a_label_is_used_once():
    """Also after a rejection."""
    stream = visits()
    stream.do("request_presentation", HEAD, **TALK)
    stream.do("reject_presentation", OFFICER, presentation="p1", reason="MATERIALS_MISLEADING")
    assert stream.refusal("request_presentation", HEAD, **TALK).code == "PRESENTATION_EXISTS"


def test_another_person_at_the_bureau_approves_in_time():
    """Four eyes by person; nothing after its time; once."""
    stream = visits()
    approve = {"presentation": "p1", "approval_ref": "AP-1"}
    assert stream.refusal("approve_presentation", OFFICER, **approve).code == "PRESENTATION_UNKNOWN"
    stream.do("request_presentation", HEAD, **TALK)
    same = person("head", Role.BUREAU_OFFICER, "bureau")
    assert stream.recorded("approve_presentation", same, **approve) == "SELF_APPROVAL"
    for who in (HEAD, RECEIVING, APPROVER):
        assert stream.refusal("approve_presentation", who, **approve).code == "ROLE_NOT_ALLOWED"
    stream.do("approve_presentation", OFFICER, **approve)
    assert stream.refusal("approve_presentation", SECOND_OFFICER, **approve).code == "PRESENTATION_DECIDED"
    stream.do("request_presentation", HEAD, **{**TALK, "presentation": "p2"})
    stream.to("2025-11-14 15:00")
    late = {"presentation": "p2", "approval_ref": "AP-2"}
    assert stream.refusal("approve_presentation", OFFICER, **late).code == "APPROVAL_TOO_LATE"


def test_what_is_not_approved_is_not_registered():
    """Neither what waits nor what was rejected; the attempt is on record, nothing is held."""
    stream = visits()
    stream.do("request_presentation", HEAD, **TALK)
    stream.to(AFTERWARDS)
    held = {"presentation": "p1", "pupils": {"2026-01": 3}}
    assert stream.recorded("record_presentation", HEAD, **held) == "PUBLICITY_NOT_APPROVED"
    stream.do("reject_presentation", OFFICER, presentation="p1", reason="MATERIALS_MISLEADING")
    assert stream.recorded("record_presentation", HEAD, **held) == "PUBLICITY_NOT_APPROVED"
    assert "PublicityVisitRegistered" not in stream.names()
    assert stream.refusal("record_presentation", HEAD, **{**held, "presentation": "p9"}).code == "PRESENTATION_UNKNOWN"


def test_a_presentation_is_registered_once_after_its_time():
    """A minute before is too early; only classes that were approved; never twice."""
    stream = registered(visits(), classes=["2026-01"]).to("2025-11-14 14:59")
    held = {"presentation": "p1", "pupils": {"2026-01": 3}}
    assert stream.refusal("record_presentation", HEAD, **held).code == "PRESENTATION_NOT_YET_HELD"
    stream.to("2025-11-14 15:00")
    refusal = stream.refusal("record_presentation", HEAD, presentation="p1", pupils={"2026-01": 3, "2026-02": 3})
    assert (refusal.code, refusal.parameters) == ("CLASS_NOT_IN_PRESENTATION", {"classes": ["2026-02"]})
    stream.do("record_presentation", HEAD, **held)
    assert stream.refusal("record_presentation", HEAD, **held).code == "PRESENTATION_ALREADY_HELD"
    reject = {"presentation": "p1", "reason": "LATE"}
    assert stream.refusal("reject_presentation", OFFICER, **reject).code == "PRESENTATION_DECIDED"


def test_a_presentation_that_fell_through_blocks_nobody_for_ever():
    """The bureau takes its approval back, with a reason; the class is owed another offer."""
    stream = registered(visits()).to(AFTERWARDS)
    assert missing(stream) == {"PRESENTATIONS_OPEN": 1}
    assert stream.refusal("reject_presentation", OFFICER, presentation="p1").code == "REASON_REQUIRED"
    stream.do("reject_presentation", OFFICER, presentation="p1", reason="NOBODY_CAME")
    assert missing(stream) == {"CLASSES_WITHOUT_OFFER": 2}


# -- unregistered visits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [HEAD, OFFICER, APPROVER, DISCIPLINE, AUDITOR])
def test_whoever_sees_recruiting_reports_it(who):
    """By which school, if anybody knows."""
    stream = visits()
    stream.do("report_unregistered_visit", who, receiving_school=None, on="2025-11-03")
    assert stream.last("UnregisteredVisitDetected")["data"] == {"receiving_school": None, "on": "2025-11-03"}
    stream.do("report_unregistered_visit", who, receiving_school=UNLISTED, on="2025-10-01")
    assert stream.last("UnregisteredVisitDetected")["data"]["receiving_school"] == UNLISTED


def test_nothing_holds_a_report_back():
    """Before the stage opens, in a pause, after the sign-off, after a stop; only an archive is closed."""
    stream = planned_visits({"2026-01": []})
    report = {"receiving_school": LISTED, "on": "2025-10-20"}
    stream.do("report_unregistered_visit", HEAD, **report)
    stream.to("2025-11-03 08:00").hear("pause", scope="school", reason="SNOW")
    stream.do("report_unregistered_visit", HEAD, **report)
    stream.hear("resume", scope="school")
    stream.do("complete", PRINCIPAL)
    stream.do("report_unregistered_visit", HEAD, **report)
    stream.hear("stop", reason="ORDERED")
    stream.do("report_unregistered_visit", HEAD, **report)
    assert stream.names().count("UnregisteredVisitDetected") == 4
    stream.hear("close")
    assert stream.refusal("report_unregistered_visit", HEAD, **report).code == "CAMPAIGN_CLOSED"


def test_a_report_is_about_a_day_that_has_come():
    """Today is, tomorrow is not; a receiving school has no such report."""
    stream = visits()
    tomorrow = {"receiving_school": None, "on": "2025-11-04"}
    assert stream.refusal("report_unregistered_visit", HEAD, **tomorrow).code == "OCCURRED_IN_FUTURE"
    today = {"receiving_school": LISTED, "on": "2025-11-03"}
    assert stream.refusal("report_unregistered_visit", RECEIVING, **today).code == "ROLE_NOT_ALLOWED"
