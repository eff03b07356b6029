"""The bureau's commands over notices: kill switches, single notices, lists of people, opting out, news of dispatchers.

FEATURES G4, G8, O7, O8; INV-27 (a day is settled once).
"""

from __future__ import annotations

from typing import Any, get_args

import pytest
from stream_samples import (
    APPROVER,
    AUDITOR,
    CAMPAIGN,
    HEAD,
    OFFICER,
    OTHER_SCHOOL,
    PRINCIPAL,
    SCHOOL,
    STRANGER,
    A,
    County,
    campaign_start,
    running_county,
)
from watch_courses import watched_county

from domain.actors import GATEWAY
from domain.events import Event
from domain.machine import related
from domain.notices import CHANNELS, NoticeClass, class_of, notices_for
from domain.sending_control import NOT_AN_OFFICERS, SendingPart
from domain.sending_events import Channel, Receipted, SendingBook

NOTICE = f"ntc_{'a' * 32}"
PERSON = "gdn_000001"
DIGEST = "d" * 64
RECEIPT = {"notice": NOTICE, "state": "delivered", "at": "2025-11-04T09:00:00.000+08:00", "code": None}


@pytest.fixture
def county() -> County:
    """Return a running county of this release."""
    return running_county(release=4).to("2025-11-04 09:00")


def day(county: County, channel: str = "sms", when: str = "2025-11-03", **changes: Any) -> list[str]:
    """Let the dispatcher of a channel tell of a day; return the types of the events that came of it."""
    before = len(county.campaign.ledger)
    told = {"channel": channel, "day": when, "rows": 3, "digest": DIGEST, "states": {"accepted": 2, "unknown": 1}}
    county.campaign.hear("notices_settled", f"{CAMPAIGN}/dispatch/{channel}", **{**told, **changes})
    return county.campaign.names()[before:]


# -- kill switches ------------------------------------------------------------------------------------------------


def test_a_killed_channel_is_on_record_and_on_the_board_until_it_is_released(county):
    """O8: with its reason; a second kill and a second release are refused, and the switch is a scope's own."""
    county.do("", "kill_notices", OFFICER, scope_kind="channel", scope="sms", reason="GATEWAY_LIES")
    killed = county.campaign.last("NoticesKilled")["data"]
    assert killed == {"scope_kind": "channel", "scope": "sms", "reason": "GATEWAY_LIES"}
    county.campaign.consistent()
    (shown,) = county.campaign.machine.view()["killed"]
    assert shown == {**killed, "since": "2025-11-04T09:00:00.000+08:00"}
    again = {"scope_kind": "channel", "scope": "sms", "reason": "ONCE_MORE"}
    assert county.campaign.refusal("kill_notices", APPROVER, **again).code == "ALREADY_KILLED"
    other = {"scope_kind": "channel", "scope": "email", "reason": "MENDED"}
    assert county.campaign.refusal("release_notices", OFFICER, **other).code == "NOT_KILLED"
    county.do("", "kill_notices", OFFICER, scope_kind="channel", scope="email", reason="GATEWAY_LIES")
    county.do("", "release_notices", APPROVER, scope_kind="channel", scope="sms", reason="MENDED")
    assert [one["scope"] for one in county.campaign.machine.view()["killed"]] == ["email"]
    county.do("", "release_notices", APPROVER, scope_kind="channel", scope="email", reason="MENDED")
    assert "killed" not in county.campaign.machine.view()
    county.campaign.restart()
    county.campaign.consistent()


@pytest.mark.parametrize(
    ("kind", "scope", "heavy"),
    [
        ("channel", "email", False),
        ("purpose", "meeting_invitation", False),
        ("purpose", "stage_reminder", False),
        ("purpose", "visit_cancelled", False),
        ("purpose", "choice_notice", True),
        ("purpose", "choice_information", True),
        ("purpose", "consent_confirmed", True),
        ("purpose", "report_missed", True),
        ("school", SCHOOL, True),
    ],
)
def test_who_holds_rights_and_safety_is_the_approver(county, kind, scope, heavy):
    """An officer shuts a channel that lies; a purpose or a school with a right or a child's safety in it is not his."""
    given = {"scope_kind": kind, "scope": scope, "reason": "WRONG_TEXT"}
    if heavy:
        assert county.campaign.refusal("kill_notices", OFFICER, **given).code == "KILL_NEEDS_APPROVER"
    county.do("", "kill_notices", APPROVER if heavy else OFFICER, **given)
    county.do("", "release_notices", OFFICER, **given)


def test_every_purpose_of_a_right_or_of_safety_is_known_as_such():
    """What the events plan is asked: no statutory notice to a family slips past the list."""
    about: dict[str, Any] = {"student": A, "session": "s1", "trip": "t1", "document": "v1", "now": "v2", "told": True}
    about |= {"rows": [{"student": A, "ends": "x"}], "day": "2025-11-03", "due": "2025-11-03", "missing": [{}]}
    about |= {"to_role": "principal", "level": 1, "working_days_left": 3, "owner": "auditor", "complaint": "c"}
    about |= {"origin": "FLAG", "case": "c", "proof_until": "2025-11-03", "period": "2025-W45"}
    seen = {}
    for kind in _all_events():
        envelope = {"stream": f"{CAMPAIGN}/{SCHOOL}", "version": 1, "type": kind.__name__, "data": about}
        envelope |= {"occurred_at": "2025-11-03T09:00:00.000+08:00", "recorded_at": "2025-11-03T09:00:00.000+08:00"}
        for plan in notices_for(envelope):
            seen[plan.purpose] = class_of(plan.purpose, plan.recipient, optional=plan.optional)
    assert len(seen) > 20
    heavy = {purpose for purpose, kind in seen.items() if kind in (NoticeClass.SAFETY, NoticeClass.STATUTORY)}
    assert heavy == {*NOT_AN_OFFICERS} - {"choice_information"}, "the caregivers' letter is planned beside the first"


def _all_events() -> list[type[Event]]:
    from domain.deciders import DECIDERS  # noqa: PLC0415 - all rules, for this one test

    return list({kind.__name__: kind for decider in DECIDERS.values() for kind in decider.event_types}.values())


def test_what_cannot_be_killed(county):
    """A channel and a school that there are not, no reason, and nobody of a school."""
    wrong = {
        "CHANNEL_UNKNOWN": {"scope_kind": "channel", "scope": "pigeon", "reason": "TEST"},
        "SCHOOL_UNKNOWN": {"scope_kind": "school", "scope": OTHER_SCHOOL, "reason": "TEST"},
        "REASON_REQUIRED": {"scope_kind": "channel", "scope": "sms"},
        "COMMAND_INVALID": {"scope_kind": "household", "scope": A, "reason": "TEST"},
    }
    for code, fields in wrong.items():
        assert county.campaign.refusal("kill_notices", APPROVER, **fields).code == code
    for who in (PRINCIPAL, HEAD, AUDITOR):
        refusal = county.campaign.refusal("kill_notices", who, scope_kind="channel", scope="sms", reason="TEST")
        assert refusal.code == "ROLE_NOT_ALLOWED"


def test_a_switch_works_before_the_approval_and_while_a_closed_campaign_goes_on():
    """A channel is shut before the first notice; and what an open case still sends can be stopped."""
    draft = County(campaign_start(release=4))
    given = {"scope_kind": "channel", "scope": "sms", "reason": "NOT_YET"}
    draft.campaign.do("kill_notices", OFFICER, **given)
    closing = watched_county(release=4).to("2025-11-03 09:00")
    closing.do("", "stop", OFFICER, reason="ORDER")
    closing.do("", "close_campaign", OFFICER, reason="YEAR_OVER")
    assert closing.campaign.state.status == "closing"
    closing.do("", "kill_notices", OFFICER, **given)
    closing.do("", "retry_notice", OFFICER, notice=NOTICE, reason="MENDED")
    assert closing.campaign.refusal("pause", OFFICER, reason="TEST").code == "CAMPAIGN_CLOSED"
    assert day(closing) == ["NoticesSettled"]
    closing.to("2025-12-01 08:00")
    assert closing.campaign.refusal("kill_notices", OFFICER, **given).code == "CAMPAIGN_CLOSED"


# -- single notices -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "fields", "event", "data"),
    [
        ("mute_notice", {}, "NoticeMuted", {"school": None}),
        ("retry_notice", {}, "NoticeRetried", {"channel": None}),
        ("retry_notice", {"channel": "paper"}, "NoticeRetried", {"channel": "paper"}),
        ("settle_unknown_notice", {"sent": True}, "NoticeOutcomeStated", {"sent": True}),
        ("settle_unknown_notice", {"sent": False}, "NoticeOutcomeStated", {"sent": False}),
    ],
)
def test_the_bureau_acts_on_one_notice_with_a_reason(county, kind, fields, event, data):
    """O7: by its reference, which says nothing of the person; without a reason nothing happens."""
    assert county.campaign.refusal(kind, OFFICER, notice=NOTICE, **fields).code == "REASON_REQUIRED"
    county.do("", kind, OFFICER, notice=NOTICE, reason="LOOKED_UP", **fields)
    assert county.campaign.last(event)["data"] == {"notice": NOTICE, "reason": "LOOKED_UP", **data}
    assert county.campaign.refusal(kind, HEAD, notice=NOTICE, reason="LOOKED_UP", **fields).code == "ROLE_NOT_ALLOWED"
    assert county.campaign.refusal(kind, OFFICER, notice="ntc_x", reason="X1", **fields).code == "COMMAND_INVALID"


def test_a_schools_leader_mutes_for_the_own_school_only(county):
    """The school stands in the event, so that the outbox touches no other school's notice."""
    county.do("", "mute_notice", PRINCIPAL, notice=NOTICE, school=SCHOOL, reason="SAID_IN_PERSON")
    assert county.campaign.last("NoticeMuted")["data"]["school"] == SCHOOL
    mute = {"notice": NOTICE, "reason": "SAID_IN_PERSON"}
    assert county.campaign.recorded("mute_notice", PRINCIPAL, **mute) == "WRONG_SCHOOL"
    assert county.campaign.recorded("mute_notice", STRANGER, **mute, school=SCHOOL) == "WRONG_SCHOOL"


# -- lists of people ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "outcome", "code"),
    [
        ("phone", "REACHED", None),
        ("phone", "NO_ANSWER", None),
        ("phone", "WRONG_NUMBER", None),
        ("phone", "SIGNED", "OUTCOME_NOT_OF_LIST"),
        ("paper", "HANDED_OVER", None),
        ("paper", "SIGNED", None),
        ("paper", "RETURNED", None),
        ("paper", "REACHED", "OUTCOME_NOT_OF_LIST"),
        ("sms", "REACHED", "COMMAND_INVALID"),
    ],
)
def test_what_became_of_a_call_or_a_letter_is_recorded_by_who_did_it(county, channel, outcome, code):
    """Each list has its own outcomes; no reason is needed for one's work."""
    task = {"school": SCHOOL, "notice": NOTICE, "channel": channel, "outcome": outcome}
    if code is not None:
        assert county.campaign.refusal("record_notice_task", HEAD, **task).code == code
        return
    county.do("", "record_notice_task", HEAD, **task)
    assert county.campaign.last("NoticeTaskRecorded")["data"] == task
    assert county.campaign.recorded("record_notice_task", STRANGER, **task) == "WRONG_SCHOOL"
    county.campaign.consistent()


# -- opting out -----------------------------------------------------------------------------------------------------


def test_a_family_declines_through_anybody_and_comes_back_by_itself_or_the_bureau(county):
    """G8: the school takes the slip in; only the family, or the bureau for it, opens again; nobody asks why."""
    who = {"student": A, "person": PERSON}
    county.do("", "decline_optional_notices", HEAD, **who, school=SCHOOL)
    assert county.campaign.last("OptionalNoticesDeclined")["data"] == {**who, "school": SCHOOL}
    assert county.campaign.recorded("decline_optional_notices", HEAD, **who) == "WRONG_SCHOOL"
    county.do("", "decline_optional_notices", GATEWAY, **who)
    assert county.campaign.last("OptionalNoticesDeclined")["data"] == who
    county.do("", "decline_optional_notices", OFFICER, **who, school=SCHOOL)
    assert county.campaign.last("OptionalNoticesDeclined")["data"] == who
    for actor in (HEAD, PRINCIPAL, AUDITOR):
        assert county.campaign.refusal("allow_optional_notices", actor, **who).code == "ROLE_NOT_ALLOWED"
    county.do("", "allow_optional_notices", GATEWAY, **who)
    county.do("", "allow_optional_notices", OFFICER, **who)
    assert county.campaign.last("OptionalNoticesAllowed")["data"] == who
    wrong = {**who, "person": "stf_000001"}
    assert county.campaign.refusal("decline_optional_notices", OFFICER, **wrong).code == "COMMAND_INVALID"


# -- the dispatchers' news -------------------------------------------------------------------------------------------


def test_a_day_of_a_channel_is_settled_once_and_in_order(county):
    """INV-27: the same day again, or an earlier one, writes nothing; another channel has its own days."""
    assert day(county) == ["NoticesSettled"]
    settled = county.campaign.last("NoticesSettled")
    assert settled["data"]["states"] == {"accepted": 2, "unknown": 1}
    assert settled["causation"].startswith(f"{CAMPAIGN}/dispatch/sms#")
    assert day(county) == []
    assert day(county, when="2025-11-02") == []
    assert day(county, "email") == ["NoticesSettled"]
    assert day(county, when="2025-11-04", rows=0, states={}) == ["NoticesSettled"]
    county.campaign.restart()
    assert day(county, when="2025-11-04") == []
    county.campaign.consistent()


def test_receipts_are_taken_with_nothing_but_references(county):
    """What else a provider may have written stays out; no receipts are no event."""
    sender = f"{CAMPAIGN}/dispatch/sms"
    named = {**RECEIPT, "provider_id": "m-1", "mobile": "13800000000"}
    county.campaign.hear("receipts_taken", sender, channel="sms", receipts=[named])
    data = county.campaign.last("ReceiptsTaken")["data"]
    assert [one.keys() for one in data["receipts"]] == [{*Receipted.model_fields}]
    assert "138" not in str(data)
    told = [{**RECEIPT, "code": code} for code in ("ABSENT", "号码 13800000000 是空号", None)]
    county.campaign.hear("receipts_taken", sender, channel="sms", receipts=told)
    taken = county.campaign.last("ReceiptsTaken")["data"]["receipts"]
    assert [one["code"] for one in taken] == ["ABSENT", "UNKNOWN_CODE", None]
    before = len(county.campaign.ledger)
    county.campaign.hear("receipts_taken", sender, channel="sms", receipts=[])
    assert len(county.campaign.ledger) == before
    county.campaign.consistent()


@pytest.mark.parametrize(
    ("kind", "sender", "data"),
    [
        ("notices_settled", "dispatch/sms", {"channel": "pigeon"}),
        ("notices_settled", "dispatch/sms", {"channel": "email"}),
        ("notices_settled", OTHER_SCHOOL, {"channel": "sms"}),
        ("notices_settled", "dispatch/sms", {"digest": "short"}),
        ("notices_settled", "dispatch/sms", {"states": {"lost": 1}}),
        ("notices_settled", "dispatch/sms", {"rows": -1}),
        ("receipts_taken", "dispatch/email", {"channel": "sms", "receipts": [RECEIPT]}),
        ("receipts_taken", "dispatch/sms", {"channel": "sms", "receipts": [RECEIPT] * 201}),
        ("receipts_taken", "dispatch/sms", {"channel": "sms", "receipts": [{**RECEIPT, "notice": "13800000000"}]}),
        ("receipts_taken", "dispatch/sms", {"channel": "sms", "receipts": [{**RECEIPT, "code": 13800000000}]}),
    ],
)
def test_what_no_dispatcher_would_say_leaves_a_trace_and_nothing_else(county, kind, sender, data):
    """Another's channel, an unknown one, a school's word, free text: one refused signal, by digest."""
    usual = {"channel": "sms", "day": "2025-11-03", "rows": 0, "digest": DIGEST, "states": {}}
    before = len(county.campaign.ledger)
    county.campaign.hear(kind, f"{CAMPAIGN}/{sender}", **({**usual, **data} if kind == "notices_settled" else data))
    (trace,) = county.campaign.ledger[before:]
    assert (trace["type"], trace["data"]["code"]) == ("SignalRefused", "MESSAGE_UNREADABLE")
    assert "138" not in str(trace["data"])


def test_a_dispatcher_is_related_to_its_own_campaign_only():
    """Its id is no stream; another county's dispatcher is a stranger."""
    assert related(f"{CAMPAIGN}/dispatch/sms", CAMPAIGN)
    assert not related("campaign/elsewhere/2026/dispatch/sms", CAMPAIGN)
    assert not related(f"{CAMPAIGN}/dispatch/sms", f"{CAMPAIGN}/{SCHOOL}")


# -- releases and size -----------------------------------------------------------------------------------------------


def test_a_campaign_of_before_takes_no_command_and_still_settles_its_days():
    """Its notices are sent by this release too, so what became of them is tied to its chain."""
    old = running_county(release=3).to("2025-11-04 09:00")
    given = {"scope_kind": "channel", "scope": "sms", "reason": "TEST"}
    assert old.campaign.refusal("kill_notices", OFFICER, **given).code == "CAMPAIGN_TOO_OLD"
    assert SendingPart.since == 4
    assert day(old) == ["NoticesSettled"]


def test_a_year_of_sending_leaves_little_in_the_state(county):
    """A switch and a day for each channel; no notice and no family, however many there were."""
    for number in range(40):
        notice = f"ntc_{number:032d}"
        county.do("", "retry_notice", OFFICER, notice=notice, reason="TEST")
        county.do("", "decline_optional_notices", OFFICER, student=A, person=f"gdn_{number:06d}")
    for channel in CHANNELS:
        day(county, channel)
    county.do("", "kill_notices", OFFICER, scope_kind="channel", scope="sms", reason="TEST")
    assert len(county.campaign.state.sending.model_dump_json()) < 400
    assert {*SendingBook.model_fields} == {"kills", "settled"}


def test_a_command_knows_every_channel():
    """The words of a command and of the outbox are the same."""
    assert get_args(Channel) == CHANNELS
