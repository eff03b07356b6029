"""The bureau records another application window, a second person approves, and every filing goes by it (edge 46)."""

from __future__ import annotations

import pytest
from stream_samples import (
    APPROVER,
    CAMPAIGN,
    OFFICER,
    PRINCIPAL,
    SCHOOL,
    County,
    campaign_start,
    person,
    running_county,
)

from domain.actors import Role
from domain.cooling import Window

FIRST, LAST, LATER = "2026-06-25", "2026-06-27", "2026-07-02"
FILING = f"{SCHOOL}/application-filing"
WINDOWS = {"application-filing": {"opens": "2026-05-25", "due": "2026-11-20", "after": []}}
PAPER = {"document": "青招办〔2026〕9号", "digest": "a" * 64}
SECOND = person("second", Role.BUREAU_OFFICER, "bureau")


def county(**changes: object) -> County:
    """Return a county of one school, whose campaign names a window."""
    given = {"stages": WINDOWS, "application_window": {"first": FIRST, "last": LAST}, **changes}
    return running_county(**{"release": 3, **given}).to("2026-06-20 09:00")


def test_the_change_goes_to_every_filing_once_another_person_has_approved():
    """Nothing changes before; the document's number and digest stand in the record, and a school passes it on."""
    house = county()
    house.do("", "change_window", OFFICER, last=LATER, **PAPER)
    recorded = house.campaign.last("WindowChangeRecorded")["data"]
    assert recorded == {"change": 1, "first": FIRST, "last": LATER, "was_last": LAST, **PAPER}
    assert house.campaign.decider.view(house.campaign.state)["window_coming"] == {"change": 1, "last": LATER}
    assert house[FILING].state.application_window == Window.model_validate({"first": FIRST, "last": LAST})
    house.do("", "approve_window", APPROVER, number=1)
    assert "window_coming" not in house.campaign.decider.view(house.campaign.state)
    assert house.campaign.state.application_window.last.isoformat() == LATER
    assert house[SCHOOL].last("WindowPassedOn")["data"] == {
        "first": FIRST,
        "last": LATER,
        "document": PAPER["document"],
    }
    assert house[FILING].last("ApplicationWindowMoved")["data"]["last"] == LATER
    for stream in (house.campaign, house[SCHOOL], house[FILING]):
        stream.consistent()


def test_who_recorded_it_does_not_approve_it():
    """INV-21, on record; by role an officer approves nothing, nor does a school."""
    house = county()
    both = person("both", Role.BUREAU_OFFICER, "bureau")
    house.do("", "change_window", both, last=LATER, **PAPER)
    same = person("both", Role.BUREAU_APPROVER, "bureau")
    assert house.campaign.recorded("approve_window", same, number=1) == "SELF_APPROVAL"
    for who in (SECOND, PRINCIPAL):
        assert house.campaign.refusal("approve_window", who, number=1).code == "ROLE_NOT_ALLOWED"
    for who in (APPROVER, PRINCIPAL):
        assert house.campaign.refusal("change_window", who, last=LATER, **PAPER).code == "ROLE_NOT_ALLOWED"


def test_a_change_that_was_wrong_is_taken_back_and_recorded_anew():
    """One change waits at a time; it is taken back with a reason, and the next has the next number."""
    house = county()
    house.do("", "change_window", OFFICER, last=LATER, **PAPER)
    assert house.campaign.refusal("change_window", OFFICER, last="2026-07-03", **PAPER).code == "WINDOW_CHANGE_WAITING"
    assert house.campaign.refusal("withdraw_window", SECOND, number=1).code == "REASON_REQUIRED"
    house.do("", "withdraw_window", SECOND, number=1, reason="MISREAD")
    assert house.campaign.refusal("approve_window", APPROVER, number=1).code == "WINDOW_CHANGE_UNKNOWN"
    house.do("", "change_window", OFFICER, last="2026-07-03", **PAPER)
    assert house.campaign.refusal("approve_window", APPROVER, number=1).code == "WINDOW_CHANGE_UNKNOWN"
    house.do("", "approve_window", APPROVER, number=2)
    assert house[FILING].state.application_window.last.isoformat() == "2026-07-03"
    house.campaign.consistent()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"last": "2026-06-19"}, "WINDOW_DAYS_INVALID"),
        ({"last": "2026-06-19", "first": "2026-06-18"}, "WINDOW_IN_THE_PAST"),
        ({"last": LAST}, "WINDOW_THE_SAME"),
        ({"last": LATER, "digest": "no"}, "COMMAND_INVALID"),
        ({"last": LATER, "document": " "}, "COMMAND_INVALID"),
    ],
)
def test_a_change_that_cannot_be(fields, code):
    """Turned round, over, the same, without its paper."""
    assert county().campaign.refusal("change_window", OFFICER, **{**PAPER, **fields}).code == code


def test_a_last_day_that_is_over_is_not_approved_any_more():
    """No family's term is changed by what nobody could know in time."""
    house = county()
    house.do("", "change_window", OFFICER, last=LATER, **PAPER)
    house.to("2026-07-03 00:00")
    assert house.campaign.refusal("approve_window", APPROVER, number=1).code == "WINDOW_IN_THE_PAST"


def test_a_campaign_that_named_no_window_hears_of_its_first():
    """The days are often published in spring only; then the first day is named too."""
    house = county(application_window=None)
    assert house.campaign.refusal("change_window", OFFICER, last=LATER, **PAPER).code == "WINDOW_FIRST_NEEDED"
    house.do("", "change_window", OFFICER, first=FIRST, last=LATER, **PAPER)
    house.do("", "approve_window", APPROVER, number=1)
    assert house[FILING].state.application_window == Window.model_validate({"first": FIRST, "last": LATER})


def test_a_stopped_campaign_and_one_of_an_older_release_move_no_window():
    """As with a policy: a stop ends progress."""
    house = county()
    house.do("", "stop", OFFICER, reason="FLOOD")
    assert house.campaign.refusal("change_window", OFFICER, last=LATER, **PAPER).code == "CAMPAIGN_STOPPED"
    older = running_county(release=2).campaign
    assert older.refusal("change_window", OFFICER, first=FIRST, last=LATER, **PAPER).code == "CAMPAIGN_TOO_OLD"


def test_a_school_that_is_still_loading_begins_with_the_new_window():
    """Its stages need no news."""
    window = {"first": FIRST, "last": LAST}
    house = County(campaign_start(release=3, stages=WINDOWS, application_window=window))
    house.hold_jobs = {f"{CAMPAIGN}/{SCHOOL}"}
    house.do("", "approve", APPROVER)
    house.do("", "change_window", OFFICER, last=LATER, **PAPER)
    house.do("", "approve_window", APPROVER, number=1)
    assert house[SCHOOL].names() == ["SchoolCampaignStarted", "WindowPassedOn"]
    assert house[SCHOOL].state.application_window.last.isoformat() == LATER
