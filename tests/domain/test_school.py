from __future__ import annotations

import pytest
from stream_samples import (
    APPROVER,
    CALENDAR,
    CAMPAIGN,
    CLASSES,
    DIGEST,
    HEAD,
    OFFICER,
    PRINCIPAL,
    RULE,
    SCHOOL,
    County,
    Stream,
    campaign_start,
    finish_identification,
    policy,
    running_county,
    when,
)

from domain.refusal import Refusal
from domain.stream import Message

STAGES = {
    "identification": {"opens": "2025-11-03", "due": "2025-11-28", "after": []},
    "parent-meetings": {"opens": "2025-12-01", "due": "2025-12-31", "after": ["identification"]},
    "school-visits": {"opens": "2025-12-01", "due": "2025-12-31", "after": ["identification", "parent-meetings"]},
}
START = {
    "campaign": CAMPAIGN,
    "county": "qingshan",
    "year": 2026,
    "school": SCHOOL,
    "entry": {"code": SCHOOL, "snapshot": "snp_000001", "snapshot_digest": DIGEST, "pupils": 6, "classes": 2},
    "stages": STAGES,
    "policy": policy().model_dump(mode="json"),
    "calendar": CALENDAR.model_dump(mode="json"),
    "rule": RULE,
}


def school(loaded: bool = True) -> Stream:
    """Return a school's stream alone."""
    stream = Stream("school", START, when("2025-10-20 08:00"))
    if loaded:
        stream.give("cohort", {"classes": {"2026-02": CLASSES["2026-02"], "2026-01": CLASSES["2026-01"]}})
        stream.machine.carry.outgoing.clear()
    return stream


def leaving(stream: Stream) -> list[tuple[str, str, dict]]:
    """Take what leaves: the target's last part, the kind of news or "start", the data."""
    outgoing, stream.machine.carry.outgoing = stream.machine.carry.outgoing, []
    return [
        (item.to.removeprefix(f"{CAMPAIGN}/{SCHOOL}/"), item.message.kind, item.message.data)
        if item.message
        else (item.to.removeprefix(f"{CAMPAIGN}/{SCHOOL}/"), "start", item.start)
        for item in outgoing
    ]


def changed(stream: Stream, stage: str, status: str) -> None:
    """Let a stage say that it has changed."""
    stream.hear("stage_changed", sender=f"{CAMPAIGN}/{SCHOOL}/{stage}", stage=stage, status=status)


# -- loading ----------------------------------------------------------------------------------------------------


def test_a_school_asks_for_its_cohort_and_starts_its_stages():
    """The snapshot's pupils by class, in the order of classes; every stage starts with its window; then ready."""
    stream = school(loaded=False)
    job = stream.machine.job()
    assert (job.name, job.arguments) == ("cohort", {"snapshot": "snp_000001", "digest": DIGEST})
    stream.give("cohort", {"classes": {"2026-02": CLASSES["2026-02"], "2026-01": CLASSES["2026-01"]}})
    assert stream.machine.job() is None
    assert list(stream.last("CohortLoaded")["data"]["classes"]) == ["2026-01", "2026-02"]
    *starts, (up, kind, data) = leaving(stream)
    assert [(to, what) for to, what, _ in starts] == [(slug, "start") for slug in STAGES]
    assert (up, kind, data) == (CAMPAIGN, "school_ready", {"pupils": 6})
    for slug, _, start in starts:
        assert {"opens": start["opens"], "due": start["due"], "after": start["after"]} == STAGES[slug]
        assert (start["campaign"], start["school"], start["stage"]) == (CAMPAIGN, SCHOOL, slug)
        assert start["classes"] == CLASSES
        assert (start["paused"], start["stopped"]) == ([], False)
        assert start["content"]["rule"] == RULE
    stream.consistent()


def test_a_cohort_is_loaded_once():
    """A second result changes nothing."""
    stream = school()
    again = Message(id="job:cohort", kind="cohort", data={"classes": CLASSES}, at=stream.now)
    assert not stream.machine.receive(again)
    assert stream.decider.absorb(stream.state, again, stream.now) == []


def test_nobody_commands_a_school():
    """It takes news only; neither the validator nor the handler lets anything in."""
    stream = school()
    raw = stream.command("complete", PRINCIPAL)
    for way_in in (stream.machine.check, stream.machine.submit):
        with pytest.raises(Refusal, match=r"COMMAND_UNKNOWN|COMMAND_INVALID"):
            way_in(raw, stream.now)
    assert stream.names() == ["SchoolCampaignStarted", "CohortLoaded"]


# -- between stages ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["completed", "skipped", "open", "planned"])
def test_a_stages_change_goes_to_those_that_wait_for_it_and_up(status):
    """Dependants and the campaign hear the status; nobody else."""
    stream = school()
    changed(stream, "identification", status)
    news = {"stage": "identification", "status": status}
    assert leaving(stream) == [
        ("parent-meetings", "prerequisite", news),
        ("school-visits", "prerequisite", news),
        (CAMPAIGN, "school_progress", news),
    ]


def test_a_stage_for_which_nobody_waits_is_reported_up_only():
    """The last of the chain."""
    stream = school()
    changed(stream, "school-visits", "skipped")
    assert [(to, kind) for to, kind, _ in leaving(stream)] == [(CAMPAIGN, "school_progress")]


def test_news_of_a_stage_that_the_school_lacks_leaves_a_trace_only():
    """Nothing is passed on."""
    stream = school()
    changed(stream, "retention", "completed")
    assert stream.names()[-1] == "SignalRefused"
    assert leaving(stream) == []


def test_a_whole_school_moves_by_entry_guards():
    """Identification is signed off on 10 November: the meetings open on their day; reopened before, they do not."""
    county = running_county().to("2025-11-10 09:00")
    finish_identification(county[f"{SCHOOL}/identification"])
    county.to("2025-11-20 09:00")
    county.do(f"{SCHOOL}/identification", "reopen", PRINCIPAL, reason="WRONG_LIST")
    meetings = county[f"{SCHOOL}/parent-meetings"]
    county.to("2025-12-02 09:00")
    assert meetings.names() == ["StagePlanned", "PrerequisiteMet", "PrerequisiteLost"]
    county.do(f"{SCHOOL}/identification", "complete", PRINCIPAL)
    county.to("2025-12-02 09:00")
    assert meetings.moments("StageOpened") == ["2025-12-02 09:00"]
    completed = county[f"{SCHOOL}/identification"].last("StageCompleted")
    noted = county[SCHOOL].last("StageChangeNoted")
    assert noted["causation"] == f"{completed['stream']}#{completed['version']}"
    assert meetings.last("PrerequisiteMet")["causation"] == f"{noted['stream']}#{noted['version']}"


# -- holds ------------------------------------------------------------------------------------------------------


def test_holds_are_passed_on_once():
    """Pause, resume and stop reach every stage; what is no change is not passed on."""
    stream = school()
    for kind, data in (
        ("pause", {"scope": "campaign", "reason": "FLOOD"}),
        ("resume", {"scope": "campaign"}),
        ("stop", {"reason": "ORDER"}),
    ):
        stream.hear(kind, **data)
        assert leaving(stream) == [(slug, kind, data) for slug in STAGES]
        stream.hear(kind, **data)
        assert leaving(stream) == []
    assert stream.machine.view() == {
        "campaign": CAMPAIGN,
        "school": SCHOOL,
        "status": "running",
        "pupils": 6,
        "paused": False,
        "stopped": True,
    }
    stream.consistent()


def test_holds_while_loading_reach_the_stages_with_their_start():
    """They are told with the start what came before it, and nothing twice."""
    stream = school(loaded=False)
    stream.hear("pause", scope="campaign", reason="FLOOD")
    stream.hear("stop", reason="ORDER")
    assert leaving(stream) == []
    stream.give("cohort", {"classes": CLASSES})
    starts = [start for _, what, start in leaving(stream) if what == "start"]
    assert [(start["paused"], start["stopped"]) for start in starts] == [(["campaign"], True)] * 3


@pytest.mark.parametrize("hold", ["pause", "stop"])
def test_a_hold_while_loading_holds_the_stages_for_real(hold):
    """Through the whole county: the stage of a school that was loading does not open."""
    county = County(campaign_start())
    county.hold_jobs = {f"{CAMPAIGN}/{SCHOOL}"}
    county.do("", "approve", APPROVER)
    county.do("", hold, OFFICER, reason="FLOOD")
    county.hold_jobs = set()
    county.settle().to("2025-11-04 08:00")
    assert county[f"{SCHOOL}/identification"].names() == ["StagePlanned"]
    if hold == "pause":
        county.do("", "resume", OFFICER, reason="DRY")
        county.to("2025-11-04 08:00")
        assert county[f"{SCHOOL}/identification"].moments("StageOpened") == ["2025-11-04 08:00"]
        assert county[f"{SCHOOL}/identification"].refusal("freeze", HEAD).code == "ROLE_NOT_ALLOWED"


# -- close ------------------------------------------------------------------------------------------------------


def test_a_school_closes_after_its_last_stage():
    """It asks every stage that has not ended, hears of each, and then tells the campaign."""
    stream = school()
    stream.hear("close")
    assert [(to, kind) for to, kind, _ in leaving(stream)] == [(slug, "close") for slug in STAGES]
    for slug in ("school-visits", "identification"):
        changed(stream, slug, "archived")
        assert [(to, kind) for to, kind, _ in leaving(stream)] == [(CAMPAIGN, "school_progress")]
        assert not stream.machine.finished()
    changed(stream, "parent-meetings", "archived")
    assert [(to, kind) for to, kind, _ in leaving(stream)] == [
        (CAMPAIGN, "school_progress"),
        (CAMPAIGN, "school_closed"),
    ]
    assert stream.machine.finished()
    assert stream.decider.last_archives(stream.state) == [f"{CAMPAIGN}/{SCHOOL}/{slug}" for slug in STAGES]
    stream.consistent()


def test_a_school_that_is_still_loading_closes_at_once():
    """It has no stages; a cohort that comes after changes nothing."""
    stream = school(loaded=False)
    stream.hear("close")
    assert stream.names()[-2:] == ["SchoolClosing", "SchoolClosed"]
    assert [(to, kind) for to, kind, _ in leaving(stream)] == [(CAMPAIGN, "school_closed")]
    assert stream.machine.finished()
    assert stream.machine.job() is None
    stream.give("cohort", {"classes": CLASSES})
    assert stream.names()[-1] == "SchoolClosed"
    assert stream.decider.last_archives(stream.state) == []


def test_a_school_that_is_loading_when_its_campaign_closes_does_not_hold_it():
    """Through the whole county: stopped and closed while the cohort is on its way."""
    county = County(campaign_start(2))
    county.hold_jobs = {f"{CAMPAIGN}/{SCHOOL}"}
    county.do("", "approve", APPROVER)
    county.do("", "stop", OFFICER, reason="ORDER")
    county.do("", "close_campaign", OFFICER, reason="YEAR_OVER")
    assert county.campaign.machine.finished()
    assert county.campaign.names()[-1] == "CampaignArchived"
