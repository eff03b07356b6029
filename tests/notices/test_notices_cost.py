"""What text messages cost and how many are left: exact, and never over the limit whatever they are charged as."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notices_house import AT, CAMPAIGN, MEETINGS, NOW, SCHOOL, Drafted, sealed, student

from cli.notices_cost import forecast
from cli.options import Face
from domain.message_cost import (
    PURPOSES_OF,
    Forecast,
    OpenStage,
    cost,
    expected,
    messages_allowed,
    remaining,
    used_segments,
    yuan,
)
from domain.notices import NoticeState, notices_for
from domain.parent_meetings_events import HouseholdInvited, SessionScheduled
from domain.policy import profile
from domain.policy_parameters import PolicyParameters
from domain.sending import rules_of
from domain.stage_events import StageSlug
from ledger.handover import Backlog, Outcome, Routing
from notices.catalogue import catalogue

MOST = {"meeting_invitation": 1, "visit_invitation": 2, "cooling_started": 1, "consent_confirmed": 1}


def test_a_limit_leaves_what_was_not_used_and_never_less_than_nothing():
    """Without a limit nothing is counted down."""
    assert [remaining(10, used) for used in (0, 9, 10, 11)] == [10, 1, 0, 0]
    assert remaining(None, 10**6) is None
    with pytest.raises(ValueError, match="less than nothing"):
        remaining(10, -1)


def test_what_may_turn_out_to_be_charged_counts_as_used():
    """In a provider's hands, or of unknown outcome; and what fell to paper after it was charged."""
    sms = Backlog("sms", waiting=9, held=9, listed=0, in_flight=3, dead=2, unknown=1, oldest_due_at=None, segments=40)
    paper = replace(sms, channel="paper", segments=7)
    assert used_segments([sms, paper], 2) == 40 + 7 + (3 + 1) * 2
    assert used_segments([], 2) == 0


@given(
    limit=st.integers(0, 200),
    used=st.integers(0, 200),
    most=st.integers(1, 2),
    wanted=st.integers(0, 50),
    charged=st.lists(st.integers(1, 2), min_size=50, max_size=50),
)
def test_what_is_allowed_never_breaks_the_limit(limit, used, most, wanted, charged):
    """However each message is charged, up to its most; and no more than were wanted."""
    allowed = messages_allowed(limit, used, most, wanted)
    assert 0 <= allowed <= wanted
    if allowed:
        assert used + sum(min(one, most) for one in charged[:allowed]) <= limit
    elif wanted:
        assert used + most > limit
    assert messages_allowed(None, used, most, wanted) == wanted


def test_a_cost_is_exact_to_the_thousandth_of_a_yuan():
    """No float: 0.045 yuan a segment is 45 thousandths, and three of them are 0.135 yuan."""
    assert cost(3, 45) == Fraction(135, 1000)
    assert yuan(cost(3, 45)) == "0.135"
    assert yuan(cost(1_000_001, 45)) == "45000.045"
    assert yuan(Fraction(0)) == "0.000"
    for bad in (Fraction(1, 3000), Fraction(-1)):
        with pytest.raises(ValueError, match="whole thousandths"):
            yuan(bad)


def test_what_is_still_to_come_is_pupils_times_purposes_that_nobody_planned_yet():
    """A household that has its invitation is not counted again; a stage without messages counts nothing."""
    stages = [
        OpenStage("parent-meetings", 100, {"meeting_invitation": 40}),
        OpenStage("school-visits", 100, {}),
        OpenStage("application-filing", 50, {"cooling_started": 60, "consent_confirmed": 10}),
        OpenStage("retention", 100, {}),
    ]
    assert expected(stages, MOST) == 60 * 1 + 100 * 2 + 0 + 40 * 1
    assert expected([], MOST) == 0


def test_a_forecast_says_what_the_limit_lacks():
    """Used, waiting and expected together against the limit."""
    forecast = Forecast(used=100, waiting=20, expected=300, limit=400, price_milliyuan=45)
    assert (forecast.total, forecast.left, forecast.missing) == (420, 300, 20)
    assert yuan(forecast.cost(forecast.total)) == "18.900"
    free = Forecast(used=100, waiting=20, expected=300, limit=None, price_milliyuan=45)
    assert (free.left, free.missing) == (None, 0)


def test_the_purposes_foreseen_are_optional_texts_of_real_stages():
    """Each has a text message, and no letter with an answer code is among them."""
    assert set(PURPOSES_OF) <= {slug.value for slug in StageSlug}
    for purpose in (purpose for purposes in PURPOSES_OF.values() for purpose in purposes):
        template = catalogue().find(purpose)
        assert template.segments("zh")
        assert "answer_code" not in template.variables


async def test_the_forecast_of_a_campaign_is_read_from_its_record(ledger, tmp_path, capsys):
    """Three invited by text message, one of them charged twice; two stages open, each with ten pupils."""
    meetings, visits = MEETINGS, MEETINGS.replace("parent-meetings", "school-visits")
    policy = profile("compliant").model_dump(mode="json")
    policy["parameters"]["sms_segments_limit"] = 30
    boards = {
        CAMPAIGN: ([Drafted(campaign=CAMPAIGN, policy=policy)], {"schools": {SCHOOL: "running"}}),
        f"{CAMPAIGN}/{SCHOOL}": ([Drafted(campaign=CAMPAIGN)], {"pupils": 10}),
        meetings: (
            [HouseholdInvited(session="s1", student=student(n)) for n in (1, 2, 3)],
            {"stage": "parent-meetings", "school": SCHOOL, "status": "open"},
        ),
        visits: (
            [SessionScheduled(session="t1", classes=("2025-01",), at=AT)],
            {"stage": "school-visits", "school": SCHOOL, "status": "open"},
        ),
    }
    for stream, (events, view) in boards.items():
        envelopes = sealed(stream, events)
        await ledger.append(envelopes, [plan for one in envelopes for plan in notices_for(one)], view)
    rows = await ledger.outbox.unrouted(CAMPAIGN, 10)
    await ledger.outbox.route([Routing(row.notice_id, None, ("sms",), (), None) for row in rows])
    rules = rules_of(PolicyParameters())
    claimed = await ledger.outbox.claim(CAMPAIGN, "sms", 1, NOW, rules, None)
    (begun,) = await ledger.outbox.begin(claimed, NOW)
    outcome = Outcome(begun.notice_id, begun.number, NoticeState.ACCEPTED, NOW, provider_id="P1", segments=2)
    await ledger.outbox.settle([outcome])
    await forecast(CAMPAIGN, face=Face(json=True, data=tmp_path))
    told = json.loads(capsys.readouterr().out)
    # invitations: 10 - 3 at most 2 segments each; visits: 10 at most 2 each
    assert told["segments"] == {"used": 2, "waiting": 2 * 2, "expected": 7 * 2 + 10 * 2, "total": 40}
    assert told["yuan"]["total"] == "1.800"
    assert (told["limit"], told["left"], told["missing"]) == (30, 28, 10)
    await forecast(CAMPAIGN, face=Face(data=tmp_path, lang="zh"))
    assert "1.800" in capsys.readouterr().out
