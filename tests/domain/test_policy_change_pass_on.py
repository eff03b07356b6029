"""What a school passes on: holds, invalidations, the list of qualified schools."""

from __future__ import annotations

from datetime import timedelta

import pytest
from stream_samples import (
    APPROVER,
    CAMPAIGN,
    CLASSES,
    OFFICER,
    PRINCIPAL,
    SCHOOL,
    A,
    County,
    campaign_start,
    person,
    running_county,
    stage,
    when,
)

from domain.actors import Role

FIRST, SECOND, THIRD = "9900019001", "9900019002", "9900019003"
WINDOWS = {
    "school-visits": {"opens": "2025-11-03", "due": "2026-05-29", "after": []},
    "application-filing": {"opens": "2026-05-25", "due": "2026-11-20", "after": []},
}


def county(release: int = 3) -> County:
    """Return a county of one school, with the two stages that look at the list."""
    return running_county(release=release, stages=WINDOWS, qualified_schools=[FIRST, SECOND])


def told(house: County, kind: str) -> list[tuple[str, dict]]:
    """Return to whom news of a kind went, by the end of the stream's id, and what they said."""
    return [
        (item.to.removeprefix(f"{CAMPAIGN}/"), item.message.data)
        for _, item in house.sent
        if item.message is not None and item.message.kind == kind
    ]


def trip(to: str):
    """Return a trip to a vocational school."""
    at = when("2025-12-10 09:00")
    return {
        "trip": f"trip-{to[-1]}",
        "receiving_school": to,
        "at": at,
        "returns_at": at + timedelta(hours=6),
        "seats": 40,
        "leaders": ["stf_one1", "stf_two2"],
        "classes": list(CLASSES),
        "vehicles": 1,
    }


# -- the list -------------------------------------------------------------------------------------------------------


def test_a_removed_school_is_off_every_list():
    """Edge 24: the campaign says why and when, the school passes it on, and no trip goes there any more."""
    house = county().to("2025-11-10 09:00")
    house.do(f"{SCHOOL}/school-visits", "plan_trip", PRINCIPAL, **trip(FIRST))
    house.do("", "remove_qualified_school", OFFICER, code=FIRST, reason="LICENCE_ENDED")
    assert house.campaign.state.qualified_schools == house[SCHOOL].state.qualified_schools == [SECOND]
    said = {"school": FIRST, "on": "2025-11-10", "reason": "LICENCE_ENDED"}
    stages = [f"{SCHOOL}/school-visits", f"{SCHOOL}/application-filing"]
    assert told(house, "school_removed") == [(SCHOOL, said), *((tail, said) for tail in stages)]
    visits = house[stages[0]]
    assert visits.state.qualified_schools == [SECOND]
    assert visits.recorded("plan_trip", PRINCIPAL, **{**trip(FIRST), "trip": "again"}) == "SCHOOL_NOT_LISTED"
    approve = {"trip": "trip-1", "safety_plan": "SP-1"}
    assert visits.recorded("approve_trip", OFFICER, **approve) == "SCHOOL_NOT_LISTED"
    for stream in (house.campaign, house[SCHOOL], visits):
        stream.consistent()


def test_another_list_adds_and_removes():
    """Each removal is an event of its own, and a school that was added can be visited."""
    house = county().to("2025-11-10 09:00")
    house.do("", "publish_qualified_list", OFFICER, codes=[SECOND, THIRD], document="县教发〔2025〕30号")
    assert house.campaign.names()[-2:] == ["QualifiedSchoolListPublished", "QualifiedSchoolRemoved"]
    assert house.campaign.last("QualifiedSchoolListPublished")["data"]["added"] == [THIRD]
    visits = house[f"{SCHOOL}/school-visits"]
    for stream in (house.campaign, house[SCHOOL], visits, house[f"{SCHOOL}/application-filing"]):
        assert sorted(stream.state.qualified_schools) == [SECOND, THIRD]
        stream.consistent()
    visits.do("plan_trip", PRINCIPAL, **trip(THIRD))
    assert told(house, "school_removed")[0][1]["reason"] == "NOT_ON_THE_NEW_LIST"


@pytest.mark.parametrize(
    ("kind", "fields", "code"),
    [
        ("remove_qualified_school", {"code": THIRD, "reason": "X1"}, "SCHOOL_OFF_THE_LIST"),
        ("remove_qualified_school", {"code": FIRST}, "REASON_REQUIRED"),
        ("publish_qualified_list", {"codes": [SECOND, FIRST], "document": "D-1"}, "SCHOOL_LIST_THE_SAME"),
        ("publish_qualified_list", {"codes": [THIRD, THIRD], "document": "D-1"}, "SCHOOL_LISTED_TWICE"),
        ("publish_qualified_list", {"codes": ["Example"], "document": "D-1"}, "COMMAND_INVALID"),
    ],
)
def test_a_change_of_the_list_that_cannot_be(kind, fields, code):
    """Not on it, without a reason, the same, twice, or no school's code; and only a bureau officer changes it."""
    campaign = county().campaign
    assert campaign.refusal(kind, OFFICER, **fields).code == code
    assert campaign.refusal(kind, APPROVER, **{**fields, "reason": "X1"}).code in ("ROLE_NOT_ALLOWED", code)


def test_a_school_that_is_still_loading_begins_with_the_new_list():
    """What changed before its cohort was there needs no news to its stages."""
    house = County(campaign_start(release=3, stages=WINDOWS, qualified_schools=[FIRST, SECOND]))
    house.hold_jobs = {f"{CAMPAIGN}/{SCHOOL}"}
    house.do("", "approve", APPROVER)
    house.do("", "remove_qualified_school", OFFICER, code=FIRST, reason="LICENCE_ENDED")
    assert house[SCHOOL].names() == ["SchoolCampaignStarted", "SchoolListPassedOn"]
    house.hold_jobs = set()
    house.settle()
    for slug in WINDOWS:
        assert house[f"{SCHOOL}/{slug}"].state.qualified_schools == [SECOND]


# -- holds and cases --------------------------------------------------------------------------------------------------

HOLD = {"hold": "case-1-a", "scope": "student", "class_id": None, "student": A, "placed": True}
CASE = {"students": [A], "case": "case-1", "reason": "PAID_RECRUITING"}


@pytest.mark.parametrize(
    ("kind", "data", "event"),
    [
        ("hold", HOLD, "HoldPassedOn"),
        ("hold", {**HOLD, "placed": False}, "HoldPassedOn"),
        ("invalidate", CASE, "InvalidationPassedOn"),
        ("reinstate", CASE, "ReinstatementPassedOn"),
    ],
)
def test_what_a_case_says_reaches_application_filing_word_for_word(kind, data, event):
    """The school writes it down and passes it on to application filing alone, under the same name."""
    house = county()
    school = house[SCHOOL]
    school.versions = iter(range(900, 999))
    school.hear(kind, **data)
    assert school.last(event)["data"] == data
    sent = [(item.to, item.message.kind, item.message.data) for item in school.machine.carry.outgoing]
    assert sent == [(f"{CAMPAIGN}/{SCHOOL}/application-filing", kind, data)]
    school.consistent()


def test_a_school_of_an_earlier_release_passes_nothing_on():
    """Its stages would not know what it is."""
    house = county(release=2)
    school = house[SCHOOL]
    before = len(school.ledger)
    school.versions = iter(range(900, 999))
    school.hear("hold", **HOLD)
    school.hear("school_removed", school=FIRST, on="2025-11-10", reason="X1")
    assert len(school.ledger) == before
    assert school.machine.carry.outgoing == []


def test_a_visits_stage_of_an_earlier_release_is_told_nothing():
    """The news are foreign to it: kept as such, and its list stays."""
    stream = stage("school-visits", content={"release": 2, "qualified_schools": [FIRST]})
    stream.hear("school_removed", school=FIRST, on="2025-11-10", reason="X1")
    assert stream.names()[-1] == "SignalRefused"
    assert stream.state.qualified_schools == [FIRST]


def test_a_role_for_the_list():
    """A principal does not publish it."""
    principal = person("p", Role.PRINCIPAL)
    fields = {"codes": [THIRD], "document": "D-1"}
    assert county().campaign.refusal("publish_qualified_list", principal, **fields).code == "ROLE_NOT_ALLOWED"
