from __future__ import annotations

import pytest
from stream_samples import CAMPAIGN, HEAD, OFFICER, PRINCIPAL, SCHOOL, A, identification, stage

from domain.notices import notices_for

STAGE = f"{CAMPAIGN}/{SCHOOL}/identification"


def plans(stream):
    """Return every notice that a stream's events ask for."""
    return [plan for envelope in stream.ledger for plan in notices_for(envelope)]


@pytest.fixture
def meetings():
    """Parents' meetings with one session for one class."""
    stream = stage("parent-meetings").to("2025-11-03 08:00")
    stream.do("schedule_session", HEAD, session="s1", classes=["2026-01"], at="2025-11-10T19:00:00+08:00")
    return stream


def test_each_invited_household_gets_one_invitation(meetings):
    """Three households, three rows that name the pupil's reference, the cause and nothing of a text."""
    meetings.do("invite", HEAD, session="s1")
    invitations = plans(meetings)
    assert [plan.recipient for plan in invitations] == ["stu_000001", "stu_000002", "stu_000003"]
    assert {plan.purpose for plan in invitations} == {"meeting_invitation"}
    assert len({plan.notice_id for plan in invitations}) == 3
    first = invitations[0]
    assert (first.campaign, first.stream) == (CAMPAIGN, f"{CAMPAIGN}/{SCHOOL}/parent-meetings")
    assert first.cause == f"{first.stream}#{meetings.last('HouseholdInvited')['version'] - 2}"
    assert first.planned_at == "2025-11-03T08:00:00.000+08:00"
    assert first.optional


def test_two_sessions_are_two_occasions(meetings):
    """A household invited to a second session gets a second invitation."""
    meetings.do("schedule_session", HEAD, session="s2", classes=["2026-01"], at="2025-11-11T19:00:00+08:00")
    meetings.do("invite", HEAD, session="s1")
    meetings.do("invite", HEAD, session="s2")
    ids = [plan.notice_id for plan in plans(meetings) if plan.recipient == A]
    assert len(ids) == len(set(ids)) == 2


def test_one_occasion_has_one_notice_whatever_the_version(meetings):
    """The id comes from the occasion, not from the event's place: a second event of it plans nothing new (INV-27)."""
    meetings.do("invite", HEAD, session="s1")
    envelope = meetings.last("HouseholdInvited")
    (again,) = notices_for({**envelope, "version": envelope["version"] + 9})
    (first,) = notices_for(envelope)
    assert again.notice_id == first.notice_id
    assert again.cause != first.cause


def test_reminders_go_to_the_class_heads_and_never_to_a_family():
    """Missing service is the school's business: no reminder or escalation has a pupil as its recipient."""
    stream = identification().to("2025-12-31 08:00")
    assert [(plan.purpose, plan.recipient) for plan in plans(stream)] == [
        ("stage_reminder", f"class_head@{SCHOOL}"),
        ("stage_reminder", f"class_head@{SCHOOL}"),
        ("stage_escalation", f"class_head@{SCHOOL}"),
        ("stage_escalation", f"principal@{SCHOOL}"),
        ("stage_escalation", f"bureau_officer@{SCHOOL}"),
    ]
    assert len({plan.notice_id for plan in plans(stream)}) == 5


def test_a_reminder_of_an_extended_date_is_another_occasion():
    """The same "one working day left" before another due date is sent again."""
    stream = identification().to("2025-11-27 09:00")
    stream.do("extend", OFFICER, due="2025-12-12", reason="SNOW")
    stream.to("2025-12-12 08:00")
    assert len(plans(stream)) == 4
    assert len({plan.notice_id for plan in plans(stream)}) == 4


def test_the_work_itself_asks_for_no_notice():
    """Opening, proposals, decisions, freeze and sign-off send nothing to anybody."""
    stream = identification()
    stream.do("confirm", HEAD, students=[A])
    stream.do("contest", PRINCIPAL, student=A, raised_by="GUARDIAN", reason="WRONG")
    assert plans(stream) == []


def test_ids_are_references():
    """A notice's id says nothing about whom it goes to (INV-22)."""
    stream = identification().to("2025-11-20 08:00")
    (plan,) = plans(stream)
    assert plan.notice_id.startswith("ntc_")
    assert SCHOOL not in plan.notice_id
    assert plan.stream == STAGE
