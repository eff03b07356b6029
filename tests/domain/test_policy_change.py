from __future__ import annotations

import pytest
from stream_samples import (
    APPROVER,
    CAMPAIGN,
    OFFICER,
    OTHER_SCHOOL,
    PRINCIPAL,
    SCHOOL,
    County,
    Stream,
    campaign_start,
    person,
    policy,
    running_county,
    when,
)

from domain.actors import Role
from domain.policy import PROFILES, PolicyParameters, PolicyProfile
from domain.policy_change import parameter_changes
from domain.stage import StageDecider

STAGES = ("identification", "parent-meetings")


def county(schools: int = 1, **changes) -> County:
    """Return a running county of this release, on the morning of 20 October 2025."""
    return running_county(schools, release=3, **changes)


def change(version: int = 2, **changes):
    """Return an announcement that lengthens the cooling-off from 1 March on."""
    given = {
        "version": version,
        "document": "县教发〔2026〕5号",
        "effective_from": "2026-03-01",
        "parameters": {"cooling_off_days": 10},
        "reason": "PROVINCE_NOTICE",
    }
    return {**given, **changes}


def announced(county: County, **changes) -> Stream:
    """Announce a version and approve it; return the campaign."""
    given = change(**changes)
    county.do("", "announce_policy", OFFICER, **given)
    county.do("", "approve_policy", APPROVER, version=given["version"])
    return county.campaign


def version_of(stream: Stream) -> int:
    """Return the version that a stream decides by."""
    return stream.state.policy.version


# -- announced, approved, adopted -----------------------------------------------------------------------------------


def test_a_version_is_adopted_at_midnight_of_its_day():
    """Announced with its diff, approved by another person, adopted by itself; nothing changes before."""
    house = county()
    campaign = announced(house)
    data = campaign.last("PolicyChangeAnnounced")["data"]
    assert data["changes"] == [{"name": "cooling_off_days", "was": 7, "will_be": 10}]
    assert (data["base"], data["parameter_hash"]) == (1, policy(cooling_off_days=10).parameter_hash)
    assert (data["profile"]["version"], data["profile"]["valid_from"]) == (2, "2026-03-01")
    house.to("2026-02-28 23:59")
    assert version_of(campaign) == 1
    assert campaign.machine.view()["policy_coming"] == [
        {"version": 2, "effective_from": "2026-03-01", "approved": True}
    ]
    house.to("2026-03-01 00:00")
    assert version_of(campaign) == 2
    assert campaign.moments("PolicyAdopted") == ["2026-03-01 00:00"]
    assert "policy_coming" not in campaign.machine.view()
    campaign.consistent()


def test_every_stream_follows_and_says_so_in_its_events():
    """School and stages adopt it by an event of their own; what they write next carries the new version's hash."""
    house = county()
    announced(house)
    house.to("2026-03-01 08:00")
    new = policy(cooling_off_days=10).parameter_hash
    for stream in house.streams.values():
        assert version_of(stream) == 2
        assert stream.names().count("PolicyAdopted") == 1
        stream.consistent()
    house.do("", "pause", OFFICER, reason="SNOW")
    for tail in ("", SCHOOL, *(f"{SCHOOL}/{slug}" for slug in STAGES)):
        last = house.streams[f"{CAMPAIGN}/{tail}".rstrip("/")].ledger[-1]
        assert last["policy"] == {"id": "compliant", "version": 2, "parameter_hash": new}


def test_a_school_that_starts_later_begins_with_the_policy_in_force():
    """The window lets one school start at a time; the second begins under version 2 and hears of no change."""
    house = County(campaign_start(2, release=3, policy=policy(school_start_window=1).model_dump(mode="json")))
    house.hold_jobs = {f"{CAMPAIGN}/{SCHOOL}"}
    house.do("", "approve", APPROVER)
    announced(house, effective_from="2025-10-25")
    house.to("2025-10-25 08:00")
    assert f"{CAMPAIGN}/{OTHER_SCHOOL}" not in house.streams
    house.hold_jobs = set()
    house.settle()
    for code in (SCHOOL, OTHER_SCHOOL):
        for tail in (code, *(f"{code}/{slug}" for slug in STAGES)):
            assert version_of(house[tail]) == 2
    assert "PolicyAdopted" in house[SCHOOL].names()
    assert "PolicyAdopted" not in house[f"{SCHOOL}/identification"].names()  # it was started after that
    assert "PolicyAdopted" not in house[OTHER_SCHOOL].names()


def test_what_was_decided_before_stays():
    """INV-29: events of before keep their bytes and their version; the change is one event more in each stream."""
    house = county()
    before = {name: list(stream.ledger) for name, stream in house.streams.items()}
    announced(house)
    house.to("2026-03-01 08:00")
    for name, stream in house.streams.items():
        assert stream.ledger[: len(before[name])] == before[name]
        assert {one["policy"]["version"] for one in before[name]} == {1}


def test_versions_are_built_one_upon_the_other():
    """The second changes what the first will be, and is adopted after it; neither undoes the other."""
    house = county()
    campaign = announced(house)
    announced(house, version=3, effective_from="2026-04-01", parameters={"appeal_days": 10})
    assert campaign.last("PolicyChangeAnnounced")["data"]["base"] == 2
    assert campaign.refusal("withdraw_policy", OFFICER, version=2, reason="NO").code == "POLICY_BUILT_UPON"
    house.to("2026-04-01 08:00")
    assert campaign.moments("PolicyAdopted") == ["2026-03-01 00:00", "2026-04-01 00:00"]
    held = house[f"{SCHOOL}/identification"].state.policy.parameters
    assert (held.cooling_off_days, held.appeal_days) == (10, 10)


def test_a_stage_hears_of_what_a_change_leads_to(monkeypatch):
    """The hook gets the state of before and the new profile, and its events follow the adoption (edge 42)."""
    heard = []

    def changed(_, state, profile):
        heard.append((state.stage, state.policy.version, profile.version))
        return []

    monkeypatch.setattr(StageDecider, "policy_changed", changed)
    house = county()
    announced(house)
    house.to("2026-03-01 08:00")
    assert heard == [(slug, 1, 2) for slug in STAGES]


def test_news_that_come_again_or_late_change_nothing():
    """A version that is not newer leads to no event, in a school and in a stage."""
    house = county()
    announced(house)
    house.to("2026-03-01 08:00")
    old = PROFILES["compliant"].model_dump(mode="json")
    for tail in (SCHOOL, f"{SCHOOL}/identification"):
        stream = house[tail]
        before = len(stream.ledger)
        stream.versions = iter(range(900, 999))
        stream.hear("policy", profile=old)
        stream.hear("policy", profile=stream.state.policy.model_dump(mode="json"))
        assert len(stream.ledger) == before


# -- what is refused ------------------------------------------------------------------------------------------------

WHOLE = policy(appeal_days=9).model_dump(mode="json")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"version": 1}, "POLICY_VERSION_NOT_NEWER"),
        ({"effective_from": "2025-10-20"}, "POLICY_NOT_AHEAD"),
        ({"effective_from": "2025-10-01"}, "POLICY_NOT_AHEAD"),
        ({"parameters": {}}, "POLICY_SOURCE_INVALID"),
        ({"profile": WHOLE}, "POLICY_SOURCE_INVALID"),
        ({"parameters": {"cooling_of_days": 10}}, "POLICY_PARAMETER_UNKNOWN"),
        ({"parameters": {"cooling_off_days": 0}}, "POLICY_PARAMETER_INVALID"),
        ({"parameters": {"veto_ratio": 0.5}}, "POLICY_PARAMETER_INVALID"),
        ({"parameters": {"spring_mode": "COOP_ORIGIN_XUEJI"}}, "POLICY_PARAMETER_INVALID"),
        ({"parameters": {"cooling_off_days": 7}}, "POLICY_THE_SAME"),
        ({"parameters": {}, "profile": {**WHOLE, "shadow": True}}, "PROFILE_SHADOW_ONLY"),
        ({"parameters": {}, "profile": {"id": "mine"}}, "POLICY_PROFILE_INVALID"),
        ({"parameters": {}, "profile": {**WHOLE, "parameters": {"nonsense": 1}}}, "POLICY_PARAMETER_UNKNOWN"),
        ({"reason": None}, "REASON_REQUIRED"),
    ],
)
def test_an_announcement_that_cannot_be(changes, code):
    """Not newer, not ahead, misspelt, unlawful, the same, for trial only, or without a reason."""
    assert county().campaign.refusal("announce_policy", OFFICER, **change(**changes)).code == code


def test_a_whole_profile_is_taken_under_the_commands_number_and_days():
    """Version, document and first day are the paper's, whatever the profile says."""
    campaign = announced(county(), parameters={}, profile=WHOLE)
    profile = PolicyProfile.model_validate(campaign.last("PolicyChangeAnnounced")["data"]["profile"])
    assert (profile.version, profile.document, profile.valid_from.isoformat()) == (2, "县教发〔2026〕5号", "2026-03-01")
    assert profile.parameters.appeal_days == 9


def test_nobody_approves_their_own_announcement():
    """INV-21; and only an approver approves."""
    campaign = county().campaign
    campaign.do("announce_policy", OFFICER, **change())
    assert campaign.refusal("approve_policy", OFFICER, version=2).code == "ROLE_NOT_ALLOWED"
    for who in (
        person("officer", Role.BUREAU_APPROVER, "bureau"),
        person("x", Role.BUREAU_APPROVER, "bureau", on_behalf_of=OFFICER.id),
    ):
        assert campaign.recorded("approve_policy", who, version=2) == "SELF_APPROVAL"
    campaign.do("approve_policy", APPROVER, version=2)
    assert campaign.refusal("approve_policy", APPROVER, version=2).code == "POLICY_APPROVED"
    assert campaign.refusal("announce_policy", PRINCIPAL, **change(3)).code == "ROLE_NOT_ALLOWED"


def test_an_approval_that_comes_too_late_or_over_something_else():
    """Edge 38: after its day, or where another version was approved in between; unapproved it is never adopted."""
    house = county()
    campaign = house.campaign
    campaign.do("announce_policy", OFFICER, **change())
    campaign.do("announce_policy", OFFICER, **change(3, parameters={"appeal_days": 10}))
    campaign.do("approve_policy", APPROVER, version=3)
    assert campaign.refusal("approve_policy", APPROVER, version=2).code == "POLICY_BASE_CHANGED"
    late = county()
    late.do("", "announce_policy", OFFICER, **change())
    late.to("2026-03-01 08:00")
    assert version_of(late.campaign) == 1
    assert late.campaign.refusal("approve_policy", APPROVER, version=2).code == "POLICY_NOT_AHEAD"


def test_a_version_is_taken_back_before_its_day():
    """Also an approved one; its number is free again, and once adopted it stays."""
    house = county()
    campaign = announced(house)
    assert campaign.refusal("withdraw_policy", APPROVER, version=2).code == "REASON_REQUIRED"
    campaign.do("withdraw_policy", APPROVER, version=2, reason="NOTICE_RECALLED")
    assert campaign.refusal("approve_policy", APPROVER, version=2).code == "POLICY_VERSION_UNKNOWN"
    house.to("2026-03-01 08:00")
    assert version_of(campaign) == 1
    announced(house, effective_from="2026-03-10")
    house.to("2026-03-10 08:00")
    assert version_of(campaign) == 2
    assert campaign.refusal("withdraw_policy", APPROVER, version=2, reason="NO").code == "POLICY_IN_FORCE"


def test_an_older_campaign_keeps_its_policy():
    """Its streams go on as they were."""
    for release in (1, 2):
        campaign = running_county(release=release).campaign
        assert campaign.refusal("announce_policy", OFFICER, **change()).code == "CAMPAIGN_TOO_OLD"
        draft = Stream("campaign", campaign_start(release=3), when("2025-10-20 08:00"))
        assert draft.refusal("announce_policy", OFFICER, **change()).code == "CAMPAIGN_NOT_APPROVED"


def test_a_difference_is_told_in_exact_values():
    """Ratios stay fractions; a parameter that a later release added is told at its default too."""
    was = PolicyParameters()
    will_be = PolicyParameters.model_validate({"veto_ratio": "2/5", "joiner_working_days": 12})
    told = [one.model_dump() for one in parameter_changes(was, will_be)]
    assert told == [
        {"name": "veto_ratio", "was": "1/2", "will_be": "2/5"},
        {"name": "joiner_working_days", "was": 10, "will_be": 12},
    ]
    assert parameter_changes(was, was) == ()
