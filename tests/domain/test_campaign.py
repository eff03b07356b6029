from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_samples import (
    APPROVER,
    CAMPAIGN,
    CLASSES,
    DIGEST,
    EVERYBODY,
    HEAD,
    OFFICER,
    PRINCIPAL,
    County,
    Stream,
    campaign_start,
    person,
    policy,
    running_county,
    when,
)

from domain.actors import Role
from domain.policy import PROFILES
from domain.refusal import Refusal

FIRST, SECOND, THIRD = "9900010001", "9900010002", "9900010003"


def draft(schools: int = 1, **changes) -> Stream:
    """Return a draft alone."""
    return Stream("campaign", campaign_start(schools, **changes), when("2025-10-20 08:00"))


def window(size: int) -> dict:
    """Return a policy with a small window of starting schools."""
    return policy(school_start_window=size).model_dump(mode="json")


# -- two people -------------------------------------------------------------------------------------------------


def test_one_drafts_and_another_approves():
    """The draft starts nothing; the approval names the content and starts the schools."""
    stream = draft(2)
    assert stream.names() == ["CampaignDrafted"]
    drafted = stream.ledger[0]
    assert (drafted["actor"]["id"], drafted["command_id"]) == ("stf_officer", "draft-1")
    assert stream.machine.carry.outgoing == []
    stream.do("approve", APPROVER, content_digest=DIGEST)
    assert stream.names()[1:] == ["CampaignApproved", "SchoolStartRequested", "SchoolStartRequested"]
    assert stream.last("CampaignApproved")["data"] == {"content_digest": DIGEST}
    assert stream.last("CampaignApproved")["actor"]["id"] == stream.state.approved_by == "stf_approver"
    assert stream.machine.view()["status"] == "running"
    stream.consistent()


AUTHOR = OFFICER.id
SELF = [
    ("the author in the author's role", {}, OFFICER),
    ("the author in another role", {}, person("officer", Role.BUREAU_APPROVER, "bureau")),
    ("somebody for the author", {}, person("x", Role.BUREAU_APPROVER, "bureau", on_behalf_of=AUTHOR)),
    ("the author for somebody", {}, person("officer", Role.BUREAU_APPROVER, "bureau", on_behalf_of="stf_x")),
    ("the one drafted for", {"on_behalf_of": "stf_x"}, person("x", Role.BUREAU_APPROVER, "bureau")),
    (
        "another for the one drafted for",
        {"on_behalf_of": "stf_x"},
        person("y", Role.BUREAU_APPROVER, "bureau", on_behalf_of="stf_x"),
    ),
    ("the stand-in who drafted", {"on_behalf_of": "stf_x"}, person("officer", Role.BUREAU_APPROVER, "bureau")),
]


@pytest.mark.parametrize(("author", "who"), [case[1:] for case in SELF], ids=[case[0] for case in SELF])
def test_nobody_approves_their_own_draft_on_any_path(author, who):
    """Refused and kept in the record, and the campaign stays a draft (B8, INV-21)."""
    actor = {**OFFICER.model_dump(mode="json"), **author}
    stream = draft(actor=actor)
    assert stream.recorded("approve", who) == "SELF_APPROVAL"
    assert stream.machine.view()["status"] == "draft"
    assert stream.names() == ["CampaignDrafted", "CommandRefused"]
    stream.do("approve", APPROVER)


def test_only_an_approver_approves():
    """Nobody else, whoever they are."""
    for who in EVERYBODY:
        if who not in (APPROVER, OFFICER):
            assert draft().refusal("approve", who).code == "ROLE_NOT_ALLOWED"
    assert draft().refusal("approve", person("o2", Role.BUREAU_OFFICER, "bureau")).code == "ROLE_NOT_ALLOWED"


def test_a_draft_of_one_who_may_not_draft_is_not_approved():
    """The author's role is looked at again."""
    refusal = draft(actor=PRINCIPAL.model_dump(mode="json")).refusal("approve", APPROVER)
    assert (refusal.code, refusal.parameters["command"]) == ("ROLE_NOT_ALLOWED", "draft")


def test_what_is_approved_is_what_was_drafted():
    """An approval that names other content is refused."""
    assert draft().refusal("approve", APPROVER, content_digest="e" * 64).code == "CAMPAIGN_EXISTS"


def test_a_trial_profile_is_never_approved():
    """The historical figures are for trial computation only (R-08)."""
    stream = draft(policy=PROFILES["legacy"].model_dump(mode="json"))
    assert stream.refusal("approve", APPROVER).code == "PROFILE_SHADOW_ONLY"


def test_a_campaign_is_approved_once():
    """A second approval says that nothing is left to do."""
    stream = draft()
    stream.do("approve", APPROVER)
    assert stream.refusal("approve", APPROVER).code == "CAMPAIGN_ALREADY_APPROVED"
    assert stream.refusal("approve", person("z", Role.BUREAU_APPROVER, "bureau")).code == "CAMPAIGN_ALREADY_APPROVED"


@pytest.mark.parametrize("kind", ["pause", "resume", "stop"])
def test_a_draft_takes_no_commands_of_a_running_campaign(kind):
    """Nothing runs that could be held."""
    assert draft().refusal(kind, OFFICER, reason="FLOOD").code == "CAMPAIGN_NOT_APPROVED"


@pytest.mark.parametrize("kind", ["pause", "resume", "stop", "close_campaign"])
def test_each_needs_a_reason_and_the_bureau(kind):
    """A school's staff hold nothing of the county's; the bureau says why."""
    stream = draft()
    stream.do("approve", APPROVER)
    assert stream.refusal(kind, OFFICER).code == "REASON_REQUIRED"
    for who in (HEAD, PRINCIPAL):
        assert stream.refusal(kind, who, reason="FLOOD").code == "ROLE_NOT_ALLOWED"


# -- the window of starting schools -----------------------------------------------------------------------------


def starting(county: County) -> list[str]:
    """Return the schools that are starting now."""
    return [code for code, standing in county.campaign.state.standing.items() if standing == "starting"]


def held_county(schools: int, size: int) -> County:
    """Return an approved campaign whose schools all stay at loading."""
    county = County(campaign_start(schools, policy=window(size)))
    county.hold_jobs = {f"{CAMPAIGN}/990001{number:04d}" for number in range(1, schools + 1)}
    county.do("", "approve", APPROVER)
    return county


def let(county: County, school: str) -> None:
    """Let a school's job be done."""
    county.hold_jobs.discard(f"{CAMPAIGN}/{school}")
    county.settle()


def test_the_window_slides_with_each_school_that_is_ready():
    """Two start; when one is ready, in whatever order, the next one starts (O5)."""
    county = held_county(5, 2)
    assert starting(county) == [FIRST, SECOND]
    let(county, SECOND)
    assert starting(county) == [FIRST, THIRD]
    let(county, THIRD)
    assert starting(county) == [FIRST, "9900010004"]
    for school in list(county.campaign.state.standing):
        let(county, school)
        assert len(starting(county)) <= 2
    assert set(county.campaign.state.standing.values()) == {"running"}
    started = [item.to for _, item in county.sent if item.child == "school"]
    assert started == [f"{CAMPAIGN}/990001{number:04d}" for number in range(1, 6)]
    county.campaign.consistent()


@given(st.permutations(range(1, 7)), st.integers(1, 4))
@settings(deadline=None, max_examples=15)
def test_never_more_than_the_window_start_at_a_time(order, size):
    """Whatever the order in which schools become ready, and every school starts once."""
    county = held_county(6, size)
    for number in [*order, *order]:
        assert len(starting(county)) <= size
        let(county, f"990001{number:04d}")
    for school in list(county.campaign.state.standing):
        let(county, school)
    assert starting(county) == []
    assert county.campaign.names().count("SchoolStartRequested") == 6


def test_a_pause_holds_starts_and_the_resume_makes_them_good():
    """A school that becomes ready in the pause frees its place; the resume fills all places."""
    county = held_county(5, 2)
    county.do("", "pause", OFFICER, reason="FLOOD")
    let(county, FIRST)
    let(county, SECOND)
    assert starting(county) == []
    county.do("", "resume", OFFICER, reason="DRY")
    assert starting(county) == [THIRD, "9900010004"]


def test_a_pause_of_one_school_holds_no_start():
    """The county goes on."""
    county = held_county(3, 1)
    let(county, FIRST)
    county.do("", "pause", OFFICER, school=FIRST, reason="FLOOD")
    let(county, SECOND)
    assert starting(county) == [THIRD]


def test_a_stop_starts_nobody_any_more():
    """Schools that wait stay waiting."""
    county = held_county(3, 1)
    county.do("", "stop", OFFICER, reason="ORDER")
    let(county, FIRST)
    assert list(county.campaign.state.standing.values()) == ["running", "waiting", "waiting"]


# -- pause, resume, stop ----------------------------------------------------------------------------------------


def flags(county: County) -> dict[str, tuple[bool, bool]]:
    """Return paused and stopped of every stage."""
    return {
        name.removeprefix(f"{CAMPAIGN}/"): (bool(stream.state.paused), stream.state.stopped)
        for name, stream in county.streams.items()
        if name.count("/") == 4
    }


def test_a_pause_reaches_every_stage_and_ends_there():
    """County → schools → stages, and back."""
    county = running_county(2).to("2025-11-03 09:00")
    county.do("", "pause", OFFICER, reason="FLOOD")
    assert len(flags(county)) == 4
    assert set(flags(county).values()) == {(True, False)}
    assert county.campaign.refusal("pause", OFFICER, reason="FLOOD").code == "ALREADY_PAUSED"
    assert county.campaign.refusal("pause", OFFICER, school=FIRST, reason="FLOOD").code == "ALREADY_PAUSED"
    county.do("", "resume", APPROVER, reason="DRY")
    assert set(flags(county).values()) == {(False, False)}
    assert county.campaign.refusal("resume", OFFICER, reason="DRY").code == "NOT_PAUSED"


def test_a_pause_of_one_school_is_its_own():
    """The other school works on; the school's hold outlives the county's."""
    county = running_county(2).to("2025-11-03 09:00")
    county.do("", "pause", OFFICER, school=SECOND, reason="SNOW")
    assert {name for name, (paused, _) in flags(county).items() if paused} == {
        f"{SECOND}/identification",
        f"{SECOND}/parent-meetings",
    }
    county.do("", "pause", OFFICER, reason="FLOOD")
    county.do("", "resume", OFFICER, reason="DRY")
    assert flags(county)[f"{SECOND}/identification"] == (True, False)
    assert flags(county)[f"{FIRST}/identification"] == (False, False)
    assert county.campaign.refusal("pause", OFFICER, school=SECOND, reason="X1").code == "ALREADY_PAUSED"
    assert county.campaign.refusal("resume", OFFICER, school=FIRST, reason="X1").code == "NOT_PAUSED"
    county.do("", "resume", OFFICER, school=SECOND, reason="THAW")
    assert flags(county)[f"{SECOND}/identification"] == (False, False)


def test_only_a_school_that_has_started_can_be_paused():
    """Unknown and waiting schools are two different answers."""
    county = held_county(2, 1)
    assert county.campaign.refusal("pause", OFFICER, school="9900019999", reason="SNOW").code == "SCHOOL_UNKNOWN"
    assert county.campaign.refusal("pause", OFFICER, school=SECOND, reason="SNOW").code == "SCHOOL_NOT_STARTED"


def test_a_stop_reaches_every_stage_and_is_for_good():
    """No more progress anywhere; a stopped campaign can only be closed."""
    county = running_county(2).to("2025-11-03 09:00")
    county.do("", "stop", OFFICER, reason="ORDER")
    assert set(flags(county).values()) == {(False, True)}
    for kind in ("pause", "resume", "stop"):
        assert county.campaign.refusal(kind, OFFICER, reason="X1").code == "CAMPAIGN_STOPPED"


# -- close ------------------------------------------------------------------------------------------------------


def skip_all(county: County) -> None:
    """Skip every stage of every started school."""
    for name in flags(county):
        county.do(name, "skip", OFFICER, reason="MERGED")


def test_closing_is_refused_with_the_number_of_unfinished_stages():
    """Two schools with two stages each; each that is skipped counts no more."""
    county = running_county(2)
    refusal = county.campaign.refusal("close_campaign", OFFICER, reason="YEAR_OVER")
    assert refusal.code == "STAGES_NOT_FINISHED"
    assert [(blocker.code, blocker.count) for blocker in refusal.blockers] == [("STAGE_UNFINISHED", 4)]
    county.do(f"{FIRST}/identification", "skip", OFFICER, reason="MERGED")
    assert county.campaign.refusal("close_campaign", OFFICER, reason="YEAR_OVER").blockers[0].count == 3
    county.do(f"{FIRST}/identification", "reopen", OFFICER, reason="MISTAKE")
    assert county.campaign.refusal("close_campaign", OFFICER, reason="YEAR_OVER").blockers[0].count == 4


def test_schools_that_have_not_started_are_unfinished_too():
    """Nobody closes a year in which a school never began."""
    county = held_county(2, 1)
    assert county.campaign.refusal("close_campaign", OFFICER, reason="YEAR_OVER").blockers[0].count == 4


@pytest.mark.parametrize("how", ["finished", "stopped"])
def test_a_close_ends_every_stream_and_then_the_campaign(how):
    """Stages, then their school, then, after the last school, the campaign; nothing is left to send."""
    county = running_county(2)
    if how == "finished":
        skip_all(county)
    else:
        county.do("", "stop", OFFICER, reason="ORDER")
    county.do("", "close_campaign", OFFICER, reason="YEAR_OVER")
    assert all(stream.machine.finished() for stream in county.streams.values())
    ends = {len(name.split("/")): stream.names()[-1] for name, stream in county.streams.items()}
    assert ends == {3: "CampaignArchived", 4: "SchoolClosed", 5: "StageArchived"}
    assert county.campaign.names().count("SchoolClosedNoted") == 2
    assert county.campaign.names().count("CampaignArchived") == 1
    assert county.campaign.decider.last_archives(county.campaign.state) == [
        f"{CAMPAIGN}/{FIRST}",
        f"{CAMPAIGN}/{SECOND}",
    ]
    assert all(stream.machine.carry.outgoing == [] for stream in county.streams.values())
    for stream in county.streams.values():
        stream.consistent()
    for kind in ("approve", "pause", "resume", "stop", "close_campaign"):
        who = APPROVER if kind == "approve" else OFFICER
        assert county.campaign.refusal(kind, who, reason="X1").code == "CAMPAIGN_CLOSED"


def test_a_close_waits_for_the_last_school():
    """Between the close and the end the campaign is closing and takes nothing."""
    county = running_county(2)
    skip_all(county)
    county.campaign.do("close_campaign", OFFICER, reason="YEAR_OVER")
    assert county.campaign.state.status == "closing"
    assert county.campaign.refusal("pause", OFFICER, reason="FLOOD").code == "CAMPAIGN_CLOSED"
    assert not county.campaign.machine.finished()
    county.settle()
    assert county.campaign.machine.finished()


@pytest.mark.parametrize("approved", [False, True])
def test_a_campaign_whose_schools_never_started_closes_at_once(approved):
    """A draft that nobody wants, or a campaign that was stopped before its first school."""
    county = County(campaign_start(0 if approved else 1))
    if approved:
        county.do("", "approve", APPROVER)
        county.do("", "stop", OFFICER, reason="ORDER")
    county.do("", "close_campaign", OFFICER, reason="NOT_WANTED")
    assert county.campaign.names()[-2:] == ["CampaignClosed", "CampaignArchived"]
    assert county.campaign.decider.last_archives(county.campaign.state) == []


def test_waiting_schools_of_a_stopped_campaign_are_not_told_to_close():
    """They have no stream; the one that started ends the campaign."""
    county = held_county(3, 1)
    county.do("", "stop", OFFICER, reason="ORDER")
    county.do("", "close_campaign", OFFICER, reason="YEAR_OVER")
    assert county.campaign.machine.finished()
    assert county.campaign.decider.last_archives(county.campaign.state) == [f"{CAMPAIGN}/{FIRST}"]
    assert sorted(county.streams) == [CAMPAIGN, f"{CAMPAIGN}/{FIRST}"]


# -- news -------------------------------------------------------------------------------------------------------


def test_progress_is_noted_where_it_happened():
    """One school's stage is not another's."""
    county = running_county(2)
    county.do(f"{SECOND}/parent-meetings", "skip", OFFICER, reason="MERGED")
    assert county.campaign.state.progress == {
        FIRST: {"identification": "planned", "parent-meetings": "planned"},
        SECOND: {"identification": "planned", "parent-meetings": "skipped"},
    }


def test_news_of_a_school_that_is_none_of_ours_leaves_a_trace_only():
    """It cannot start, finish or close anything."""
    stream = draft()
    stream.do("approve", APPROVER)
    stream.hear("school_closed", sender=f"{CAMPAIGN}/9900019999")
    assert stream.names()[-1] == "SignalRefused"
    assert stream.state.standing == {FIRST: "starting"}


MOVES = ["pause", "resume", "pause1", "resume1", "stop", "close_campaign", "approve", "let", "skip"]


@given(st.lists(st.sampled_from(MOVES), max_size=14))
@settings(deadline=None, max_examples=15)
def test_whatever_the_bureau_does_every_stream_folds_and_runs_can_end_anywhere(moves):
    """Random commands and moments at which schools get ready; the fold of every stream is its state."""
    county = held_county(2, 1)
    for move in moves:
        match move:
            case "let":
                let(county, FIRST)
                let(county, SECOND)
            case "skip":
                for name in flags(county):
                    with contextlib.suppress(Refusal):
                        county.do(name, "skip", OFFICER, reason="MERGED")
            case _:
                school = {"school": FIRST} if move.endswith("1") else {}
                who = APPROVER if move == "approve" else OFFICER
                with contextlib.suppress(Refusal):
                    county.do("", move.removesuffix("1"), who, reason="ANY", **school)
        for stream in county.streams.values():
            stream.restart()
    for stream in county.streams.values():
        stream.consistent()
    paused = county.campaign.state
    for name, (held, stopped) in flags(county).items():
        expected = paused.paused or name.split("/")[0] in paused.paused_schools
        assert held == expected
        assert stopped == ("CampaignStopped" in county.campaign.names())
    assert len(starting(county)) <= 1


def test_a_campaign_holds_no_pupil():
    """The county's stream knows schools and counts; references of pupils begin at the school (INV-22)."""
    county = running_county(1)
    text = str(county.campaign.ledger)
    assert not [pupil for pupils in CLASSES.values() for pupil in pupils if pupil in text]
