"""Cases, holds and violations as the campaign notes them and passes them on (INV-30, INV-32; R-09)."""

from __future__ import annotations

import hashlib
import json

import pytest
from compliance_samples import AUDITOR, DISCIPLINE, campaign_with_cases, hands
from hypothesis import given
from hypothesis import strategies as st
from stream_samples import (
    APPROVER,
    CALENDAR,
    CAMPAIGN,
    HEAD,
    OFFICER,
    OTHER_SCHOOL,
    PRINCIPAL,
    SCHOOL,
    A,
    B,
    County,
    Stream,
    campaign_start,
    when,
)

from domain.actors import ANONYMOUS, Actor
from domain.calendar import CalendarYear
from domain.campaign import CampaignDecider
from domain.complaint_rules import made_by
from domain.complaints import FUNDING_REJECTED
from domain.compliance_events import Hold
from registry.hands import hands_in

CASE = "compliance/c-1"
CASE_STREAM = f"{CAMPAIGN}/{CASE}"


REPORTED = {"first": "2025-10-13", "last": "2025-10-17"}
"""Days of attendance that are over: nothing but a case can keep a campaign open."""


def complained(schools=1, about=SCHOOL, who=ANONYMOUS, **fields):
    """Return a campaign of this release with one complaint, and no attendance to come."""
    county = campaign_with_cases(schools, attendance=REPORTED).to("2025-10-20 08:00")
    county.do("", "complain", who, complaint="c-1", about=about, matter="PRESSURE", **fields)
    return county


def sent(county, to, kind):
    """Return the data of news of a kind that the campaign has sent to a stream."""
    return [
        item.message.data
        for sender, item in county.sent
        if sender == CAMPAIGN and item.to == to and item.message is not None and item.message.kind == kind
    ]


# -- how a case opens ---------------------------------------------------------------------------------------------


def test_a_complaint_begins_a_stream_beside_the_schools():
    """Owner, days and note as the complaint has them; the case is the campaign's child and no school's (DESIGN §4)."""
    county = complained(note="nte_abcdef")
    opened = county[CASE].last("CaseOpened")
    wanted = {
        "origin": "COMPLAINT",
        "about": SCHOOL,
        "matter": "PRESSURE",
        "owner": "discipline_officer",
        "acknowledge_by": "2025-10-21",
        "decide_by": "2025-11-10",
        "received_on": "2025-10-20",
        "notes": ["nte_abcdef"],
        "self_reported": False,
    }
    assert wanted.items() <= opened["data"].items()
    assert county.campaign.machine.view()["open_cases"] == 1
    again = county.campaign.refusal("complain", ANONYMOUS, complaint="c-1", about=SCHOOL, matter="FEE")
    assert again.code == "COMPLAINT_EXISTS"
    for stream in county.streams.values():
        stream.consistent()


def test_who_complained_stands_nowhere_in_the_record():
    """INV-32: the event is an unnamed person's; digests alone keep the owner another person."""
    county = complained(hands=hands(HEAD))
    everything = "".join(f"{stream.ledger}{stream.state.model_dump_json()}" for stream in county.streams.values())
    assert HEAD.id not in everything
    assert list(county.campaign.state.holds.cases["c-1"].made_by) == county[CASE].state.made_by == hands(HEAD)


@pytest.mark.parametrize("who", [HEAD, PRINCIPAL, DISCIPLINE])
def test_a_complaint_that_carries_a_reference_is_not_taken(who):
    """Neither the record nor the engine's own history gets to know it; other campaigns' rules are older."""
    county = campaign_with_cases()
    fields = {"complaint": "c-1", "about": SCHOOL, "matter": "PRESSURE"}
    assert county.campaign.refusal("complain", who, **fields).code == "COMPLAINT_NAMED"
    county.do("", "complain", ANONYMOUS, **fields)


def test_whoever_has_the_ledger_and_all_references_does_not_find_the_complainant():
    """INV-32: try every reference, alone and for another, in each way that the record could be matched by.

    The record of the complaint and of all the steps after it is the same, whoever complained, but for the digests.
    """
    staff = [PRINCIPAL, HEAD, OFFICER, APPROVER, DISCIPLINE, AUDITOR]
    ledgers = []
    for who in (HEAD, PRINCIPAL):
        county = complained(hands=hands(who), note="nte_abcdef")
        own = county[CASE].refusal("withdraw_complaint", who, hands=hands(who))
        assert own.code == "COMPLAINT_NAMED"
        county.do(CASE, "acknowledge_case", DISCIPLINE, hands=hands(DISCIPLINE))
        county.do(CASE, "withdraw_complaint", ANONYMOUS, hands=hands(who))
        record = json.dumps([stream.ledger for stream in county.streams.values()], default=str)
        for suspect in staff:
            tries = [made_by("c-1", suspect), made_by(CASE_STREAM, suspect)]
            plain = [hashlib.sha256(text.encode()) for text in (suspect.id, f"c-1{suspect.id}", f"c-1|{suspect.id}")]
            unkeyed = [hands_in(secret, CASE_STREAM, (suspect.id,)) for secret in (b"", bytes(32))]
            for found in (*tries, *unkeyed, [one.hexdigest() for one in plain]):
                assert not any(text in record for text in found), suspect.id
        ledgers.append(county)
    first, second = (
        [(one["type"], one["actor"], {**one["data"], "made_by": None}) for one in county[CASE].ledger]
        for county in ledgers
    )
    assert first == second


@pytest.mark.parametrize(
    ("about", "fields", "owner"),
    [
        (SCHOOL, {"hands": hands(HEAD)}, "discipline_officer"),
        ("bureau", {}, "auditor"),
        (SCHOOL, {"hands": hands(DISCIPLINE), "from_discipline": True}, "auditor"),
    ],
)
def test_the_owner_is_outside_the_unit(about, fields, owner):
    """A complaint about the bureau, or by its officer, goes to the auditor."""
    assert complained(about=about, **fields)[CASE].machine.view()["owners"] == [owner]


@pytest.mark.parametrize(
    ("fields", "reported"),
    [
        ({"hands": hands(PRINCIPAL), "self_reported": True}, True),
        ({"hands": hands(HEAD)}, False),
        ({"self_reported": True}, False),
    ],
)
def test_a_principal_who_reports_the_own_school_is_remembered_for_it(fields, reported):
    """Edge 27: the same flow and the same owner; that the duty was done is on record, and mitigates.

    Not for somebody unnamed, whose hands nobody could compare with the principal's.
    """
    county = complained(**fields)
    assert county[CASE].last("CaseOpened")["data"]["self_reported"] is reported
    assert county[CASE].machine.view()["owners"] == ["discipline_officer"]


@pytest.mark.parametrize("kind", ["acknowledge_complaint", "decide_complaint"])
def test_the_old_commands_name_the_case(kind):
    """Acknowledging and deciding happen in the case's own stream since release 3."""
    county = complained()
    fields = {"complaint": "c-1", "outcome": "UPHELD", "reason": "X_Y"} if kind == "decide_complaint" else {}
    refusal = county.campaign.refusal(kind, DISCIPLINE, **{"complaint": "c-1", **fields})
    assert (refusal.code, refusal.parameters["case"]) == ("COMPLAINT_HAS_A_CASE", CASE_STREAM)
    unknown = county.campaign.refusal(kind, DISCIPLINE, **{**fields, "complaint": "c-9"})
    assert unknown.code == "COMPLAINT_UNKNOWN"


@pytest.mark.parametrize(("who", "owner"), [(AUDITOR, "discipline_officer"), (DISCIPLINE, "auditor")])
def test_a_suspicion_opens_a_case_that_its_reporter_does_not_own(who, owner):
    """Edge 29: a try-out at a vocational school. The reporter cannot even act in it as the other office."""
    county = campaign_with_cases()
    seen = {"case": "s-1", "about": SCHOOL, "matter": "UNREGISTERED_VISIT", "note": "nte_abcdef"}
    county.do("", "report_suspicion", who, **seen)
    case = county["compliance/s-1"]
    assert case.state.notes == ["nte_abcdef"]
    assert (case.state.origin, case.machine.view()["owners"]) == ("SUSPICION", [owner])
    assert case.recorded("acknowledge_case", who) == "COMPLAINT_OF_ANOTHER"
    for other in (HEAD, PRINCIPAL, OFFICER, ANONYMOUS):
        fields = {"case": "s-2", "about": SCHOOL, "matter": "DATA"}
        assert county.campaign.refusal("report_suspicion", other, **fields).code == "ROLE_NOT_ALLOWED"


def test_a_flagged_note_opens_a_case_that_names_nobody():
    """INV-03: the program flags what somebody wrote; the writer is no actor of the event and cannot judge it."""
    county = campaign_with_cases()
    flag = {"case": "w-1", "about": SCHOOL, "note": "nte_abcdef"}
    assert county.campaign.refusal("flag_note", DISCIPLINE, **flag).code == "HANDS_MISSING"
    county.do("", "flag_note", DISCIPLINE, hands=hands(DISCIPLINE, "w-1"), **flag)
    flagged = county.campaign.last("NoteFlagged")
    assert flagged["actor"]["id"] == "system"
    case = county["compliance/w-1"]
    assert (case.state.matter, case.state.origin, case.state.notes) == ("EXAM_WAIVER", "NOTE", ["nte_abcdef"])
    assert DISCIPLINE.id not in str(case.ledger) + str(county.campaign.ledger)
    own = case.refusal("acknowledge_case", AUDITOR, hands=hands(DISCIPLINE, "w-1"))
    assert own.code == "COMPLAINT_YOUR_OWN"


def test_a_source_of_funds_that_may_not_pay_opens_a_case():
    """R-08: a vocational school's money. The auditor owns the case about the bureau; who declared it stays out."""
    county = campaign_with_cases()
    county.do("", "declare_funding", OFFICER, source="VOCATIONAL_SCHOOL", document="F-2026-1", pool_yuan=1000)
    version = county.campaign.last(FUNDING_REJECTED)["version"]
    case = county[f"compliance/funding-{version}"]
    assert (case.state.origin, case.state.matter, case.state.about) == ("FUNDING_SOURCE", "FUNDING_SOURCE", "bureau")
    declarer = Actor(id=OFFICER.id, role=AUDITOR.role, organisation="bureau")
    assert case.recorded("acknowledge_case", declarer) == "SELF_APPROVAL"
    case.do("acknowledge_case", AUDITOR)
    assert county.campaign.machine.view()["open_cases"] == 1


@pytest.mark.parametrize("kind", ["report_suspicion", "flag_note"])
def test_an_older_campaign_has_no_cases(kind):
    """Release 2 answers and decides in its own stream and starts none."""
    stream = Stream("campaign", campaign_start(release=2), when("2025-10-20 08:00"))
    fields = {"case": "s-1", "about": SCHOOL}
    more = {"matter": "DATA"} if kind == "report_suspicion" else {"note": "nte_abcdef"}
    assert stream.refusal(kind, AUDITOR, **fields, **more).code == "CAMPAIGN_TOO_OLD"
    stream.do("complain", ANONYMOUS, complaint="c-1", about=SCHOOL, matter="DATA")
    stream.do("acknowledge_complaint", DISCIPLINE, complaint="c-1")
    assert stream.machine.carry.outgoing == []
    assert "note" not in stream.last("ComplaintReceived")["data"]


# -- pause, stop, close -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["pause", "stop"])
def test_a_pause_and_a_stop_hold_no_complaint(kind):
    """DESIGN §5: complaints are taken and cases run; their days pass as ever."""
    county = campaign_with_cases()
    county.do("", kind, OFFICER, reason="SNOW")
    county.do("", "complain", ANONYMOUS, complaint="c-1", about=SCHOOL, matter="PRESSURE")
    county.to("2025-10-22 08:00")
    assert county[CASE].moments("AcknowledgementOverdue") == ["2025-10-22 00:00"]
    county.do(CASE, "dismiss_violation", DISCIPLINE, reason="NOTHING_FOUND")
    assert county.campaign.last("CaseClosedNoted")["data"] == {"case": "c-1", "outcome": "DISMISSED"}
    assert "open_cases" not in county.campaign.machine.view()


def test_a_close_waits_for_the_case_and_keeps_its_history():
    """The close is not refused; the campaign's stream ends after its last case, which it archives with the schools."""
    county = complained()
    county.do("", "stop", OFFICER, reason="ORDER")
    county.do("", "close_campaign", OFFICER, reason="YEAR_OVER")
    assert county.campaign.state.status == "closing"
    assert set(county.campaign.state.standing.values()) == {"closed"}
    county.do(CASE, "confirm_violation", DISCIPLINE, violation="PRESSURE", school=SCHOOL, reason="HEARD")
    assert county.campaign.state.status == "closing"
    county.to("2025-10-28 08:00")
    assert county.campaign.names()[-2:] == ["CaseClosedNoted", "CampaignArchived"]
    assert CampaignDecider().last_archives(county.campaign.state) == [f"{CAMPAIGN}/{SCHOOL}", CASE_STREAM]


def test_a_close_without_an_open_case_is_as_it_was():
    """A case that ended before delays nothing, and its history is kept too."""
    county = complained()
    county.do(CASE, "dismiss_violation", DISCIPLINE, reason="NOTHING_FOUND")
    county.do("", "stop", OFFICER, reason="ORDER")
    county.do("", "close_campaign", OFFICER, reason="YEAR_OVER")
    assert county.campaign.state.status == "archived"
    assert CASE_STREAM in CampaignDecider().last_archives(county.campaign.state)


def test_a_newer_calendar_reaches_open_cases_only():
    """A year that was not published is known to the cases as soon as the campaign knows it."""
    known = {year: CALENDAR.years[year] for year in (2024, 2025)}
    county = campaign_with_cases(calendar=CALENDAR.model_copy(update={"years": known}).model_dump(mode="json"))
    county.to("2025-12-22 08:00")
    for name in ("c-1", "c-2"):
        county.do("", "complain", ANONYMOUS, complaint=name, about=SCHOOL, matter="FEE")
    county.do("compliance/c-2", "dismiss_violation", DISCIPLINE, reason="NOTHING_FOUND")
    assert "decide_by" not in county[CASE].machine.view()
    more = CALENDAR.model_copy(update={"years": {**known, 2026: CalendarYear()}}).model_dump(mode="json")
    county.do("", "publish_calendar", OFFICER, calendar=more)
    assert county[CASE].machine.view()["decide_by"] == "2026-01-12"
    assert "CaseCalendarNoted" not in county["compliance/c-2"].names()


# -- holds and violations -----------------------------------------------------------------------------------------


def test_a_hold_is_noted_by_the_campaign_and_reaches_the_schools_that_it_concerns():
    """One school for its pupils, all for the campaign; the release goes the same way."""
    county = complained(schools=2)
    county.do(CASE, "place_hold", DISCIPLINE, scope="student", school=SCHOOL, student=A, reason="SUSPICION")
    county.do(CASE, "place_hold", DISCIPLINE, scope="campaign", reason="SUSPICION")
    register = county.campaign.state.holds
    assert list(register.open) == ["c-1-h1", "c-1-h2"]
    assert register.open["c-1-h1"].case == "c-1"
    pupil = {"hold": "c-1-h1", "placed": True, "scope": "student", "class_id": None, "student": A}
    every = {"hold": "c-1-h2", "placed": True, "scope": "campaign", "class_id": None, "student": None}
    assert sent(county, f"{CAMPAIGN}/{SCHOOL}", "hold") == [pupil, every]
    assert sent(county, f"{CAMPAIGN}/{OTHER_SCHOOL}", "hold") == [every]
    county.do(CASE, "release_hold", DISCIPLINE, hold="c-1-h1", reason="CLEARED")
    assert sent(county, f"{CAMPAIGN}/{SCHOOL}", "hold")[-1] == {**pupil, "placed": False}
    assert len(sent(county, f"{CAMPAIGN}/{OTHER_SCHOOL}", "hold")) == 1
    assert list(county.campaign.state.holds.open) == ["c-1-h2"]
    assert county.campaign.machine.view()["case_holds"] == 1
    for stream in county.streams.values():
        stream.consistent()


def test_a_school_that_starts_later_is_told_of_the_holds_in_force():
    """A hold on all, placed while the second school waits; one that was released meanwhile is not told."""
    county = County(campaign_start(2, release=3))
    county.hold_jobs = {f"{CAMPAIGN}/{OTHER_SCHOOL}"}
    county.do("", "approve", APPROVER)
    county.do("", "complain", ANONYMOUS, complaint="c-1", about=SCHOOL, matter="PRESSURE")
    county.do(CASE, "place_hold", DISCIPLINE, scope="campaign", reason="SUSPICION")
    county.do(CASE, "place_hold", DISCIPLINE, scope="school", school=OTHER_SCHOOL, reason="SUSPICION")
    county.do(CASE, "release_hold", DISCIPLINE, hold="c-1-h2", reason="CLEARED")
    assert [data for data in sent(county, f"{CAMPAIGN}/{OTHER_SCHOOL}", "hold") if data["placed"]] == []
    county.hold_jobs = set()
    county.to("2025-10-20 09:00")
    placed = [data["hold"] for data in sent(county, f"{CAMPAIGN}/{OTHER_SCHOOL}", "hold") if data["placed"]]
    assert placed == ["c-1-h1"]
    assert county.campaign.names().count("HoldHandedOn") == 1
    assert county.campaign.machine.due() is None
    county.campaign.consistent()


def test_a_violation_reaches_the_school_and_its_dismissal_the_same_school():
    """R-09 and edge 44: pupils' consents are set aside, and again in force when the appeal is won."""
    county = complained(schools=2)
    found = {"violation": "FORGED_CONSENT", "school": SCHOOL, "class_id": "2023-01", "students": [A, B]}
    county.do(CASE, "confirm_violation", DISCIPLINE, reason="SEEN", **found)
    violation = county.campaign.state.holds.violations["c-1"]
    assert {**violation.model_dump(), "students": [A, B]} == {**found, "final": False}
    touched = {"students": [A, B], "case": "c-1", "reason": "SEEN"}
    assert sent(county, f"{CAMPAIGN}/{SCHOOL}", "invalidate") == [touched]
    county.do(CASE, "file_case_appeal", PRINCIPAL, reason="UNTRUE")
    county.do(CASE, "decide_case_appeal", APPROVER, outcome="GRANTED", reason="MISREAD")
    assert sent(county, f"{CAMPAIGN}/{SCHOOL}", "reinstate") == [{**touched, "reason": "MISREAD"}]
    assert county.campaign.last("ViolationDismissed")["data"]["students"] == [A, B]
    assert county.campaign.state.holds.violations == {}
    assert sent(county, f"{CAMPAIGN}/{OTHER_SCHOOL}", "invalidate") == []
    assert sent(county, f"{CAMPAIGN}/{OTHER_SCHOOL}", "reinstate") == []


def test_a_violation_that_becomes_final_sets_consents_aside_once():
    """Told twice to the campaign, once to the school; a violation without pupils tells the school nothing."""
    county = complained()
    county.do(CASE, "confirm_violation", DISCIPLINE, violation="PRESSURE", school=SCHOOL, students=[A], reason="SEEN")
    county.to("2025-10-28 08:00")
    assert county.campaign.state.holds.violations["c-1"].final
    assert len(sent(county, f"{CAMPAIGN}/{SCHOOL}", "invalidate")) == 1
    county.do("", "complain", ANONYMOUS, complaint="c-2", about=SCHOOL, matter="DATA")
    county.do("compliance/c-2", "confirm_violation", DISCIPLINE, violation="DATA", school=SCHOOL, reason="SEEN")
    assert len(sent(county, f"{CAMPAIGN}/{SCHOOL}", "invalidate")) == 1


def test_news_of_an_unknown_case_are_refused():
    """Somebody with a key to the engine cannot place holds in a case's name."""
    county = campaign_with_cases()
    for kind in ("hold", "violation", "dismissal", "case_closed"):
        county.campaign.hear(kind, sender=f"{CAMPAIGN}/compliance/c-9", hold="c-9-h1", placed=True, outcome="DISMISSED")
    assert county.campaign.names().count("SignalRefused") == 4
    assert county.campaign.state.holds.open == {}


def test_a_case_of_any_number_of_holds_leaves_none_behind():
    """Whatever was placed and not released ends with the case (edge 44)."""
    county = complained(schools=2)
    for student in (A, B):
        county.do(CASE, "place_hold", DISCIPLINE, scope="student", school=SCHOOL, student=student, reason="X_Y")
    county.do(CASE, "dismiss_violation", DISCIPLINE, reason="NOTHING_FOUND")
    assert county.campaign.state.holds.open == {}
    assert [data["placed"] for data in sent(county, f"{CAMPAIGN}/{SCHOOL}", "hold")] == [True, True, False, False]


@pytest.mark.parametrize(
    ("place", "asked", "covered"),
    [
        ({"scope": "campaign"}, (OTHER_SCHOOL, "2023-02", B), True),
        ({"scope": "school", "school": SCHOOL}, (SCHOOL, "2023-02", B), True),
        ({"scope": "school", "school": SCHOOL}, (OTHER_SCHOOL, "2023-01", A), False),
        ({"scope": "class", "school": SCHOOL, "class_id": "2023-01"}, (SCHOOL, "2023-01", A), True),
        ({"scope": "class", "school": SCHOOL, "class_id": "2023-01"}, (SCHOOL, "2023-02", B), False),
        ({"scope": "class", "school": SCHOOL, "class_id": "2023-01"}, (OTHER_SCHOOL, "2023-01", A), False),
        ({"scope": "class", "school": SCHOOL, "class_id": "2023-01"}, (SCHOOL, None, None), True),
        ({"scope": "student", "school": SCHOOL, "student": A}, (SCHOOL, "2023-01", A), True),
        ({"scope": "student", "school": SCHOOL, "student": A}, (SCHOOL, "2023-01", B), False),
        ({"scope": "student", "school": SCHOOL, "student": A}, (SCHOOL, "2023-01", None), True),
        ({"scope": "student", "school": SCHOOL, "class_id": "2023-01", "student": A}, (SCHOOL, "2023-02", None), False),
    ],
)
def test_what_a_hold_covers(place, asked, covered):
    """A school, a class or a pupil is under a hold if any of it is; a neighbour is not."""
    assert Hold(case="c-1", reason="X_Y", **place).covers(*asked) is covered


PLACES = st.sampled_from(["s1", "s2"]), st.sampled_from(["k1", "k2", None]), st.sampled_from(["p1", "p2", None])


@given(*PLACES, *PLACES, st.sampled_from(["campaign", "school", "class", "student"]))
def test_a_wider_hold_covers_whatever_a_narrower_one_does(school, class_id, student, at, in_class, pupil, scope):
    """Pupil within class within school within campaign: widening a hold never uncovers anybody (INV-30)."""
    place = {
        "campaign": {},
        "school": {"school": school},
        "class": {"school": school, "class_id": class_id or "k1"},
        "student": {"school": school, "class_id": class_id, "student": student or "p1"},
    }
    order = ("student", "class", "school", "campaign")
    covered = [
        Hold(scope=wider, case="c", reason="X_Y", **place[wider]).covers(at, in_class, pupil)
        for wider in order[order.index(scope) :]
        if wider != "class" or scope != "student" or class_id is not None
    ]
    assert covered == sorted(covered)
    assert covered[-1]
