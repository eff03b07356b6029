from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stage_courses import courses, opened, play
from stream_samples import (
    CALENDAR_2025,
    EVERYBODY,
    HEAD,
    OFFICER,
    OTHER_SCHOOL,
    PRINCIPAL,
    STRANGER,
    A,
    B,
    finish_identification,
    identification,
    person,
    stage,
    usual_proposals,
    when,
)

from domain.actors import Role
from domain.refusal import Refusal
from domain.sentences import CATALOGUE

# -- opening ----------------------------------------------------------------------------------------------------


def test_a_stage_opens_at_eight_on_its_day():
    """Not a minute earlier, and no later even when the driver comes late."""
    stream = stage("identification").to("2025-11-03 07:59")
    assert stream.state.status == "planned"
    stream.machine.step(when("2025-11-03 09:30"))
    stream.machine.tick(stream.now)
    stream.flush()
    assert stream.state.status == "open"
    assert stream.moments("StageOpened") == ["2025-11-03 08:00"]
    assert stream.last("StageOpened")["recorded_at"].startswith("2025-11-03T09:30")


def test_a_stage_waits_for_all_that_must_come_before():
    """With one of two done it does not open; with both it opens at once, when its day has come."""
    stream = stage("parent-meetings", after=["identification", "school-visits"])
    stream.to("2025-11-10 10:00")
    stream.hear("prerequisite", stage="identification", status="completed")
    assert stream.state.status == "planned"
    assert stream.machine.due() is None
    stream.to("2025-11-10 11:00").hear("prerequisite", stage="school-visits", status="skipped")
    stream.to("2025-11-10 11:00")
    assert stream.moments("StageOpened") == ["2025-11-10 11:00"]


def test_what_comes_before_does_not_open_a_stage_before_its_day():
    """Prerequisites done early: it still opens on its date."""
    stream = stage("parent-meetings", after=["identification"])
    stream.hear("prerequisite", stage="identification", status="completed")
    stream.to("2025-11-05 08:00")
    assert stream.moments("StageOpened") == ["2025-11-03 08:00"]


def test_news_of_a_stage_that_need_not_come_before_changes_nothing():
    """And news that is no change is no event."""
    stream = stage("parent-meetings", after=["identification"])
    stream.hear("prerequisite", stage="retention", status="completed")
    stream.hear("prerequisite", stage="identification", status="open")
    assert stream.names() == ["StagePlanned"]
    stream.hear("prerequisite", stage="identification", status="completed")
    stream.hear("prerequisite", stage="identification", status="completed")
    assert stream.names() == ["StagePlanned", "PrerequisiteMet"]


def test_a_prerequisite_that_is_lost_holds_the_door():
    """The stage before was reopened: this one does not open until it is done again."""
    stream = stage("parent-meetings", after=["identification"])
    stream.hear("prerequisite", stage="identification", status="completed")
    stream.hear("prerequisite", stage="identification", status="open")
    stream.to("2025-11-05 08:00")
    refusal = stream.refusal("complete", PRINCIPAL)
    assert (refusal.code, refusal.parameters) == ("STAGE_PREREQUISITE", {"missing": ["identification"]})
    stream.hear("prerequisite", stage="identification", status="completed")
    stream.to("2025-11-05 08:00")
    assert stream.moments("StageOpened") == ["2025-11-05 08:00"]


def test_a_stage_open_when_its_prerequisite_is_lost_goes_on_and_is_not_signed_off():
    """Work goes on; `blockers` names what is reopened, and completing agrees with `blockers`."""
    stream = meetings_done(after=["identification"])
    stream.hear("prerequisite", stage="identification", status="open")
    assert [blocker.code for blocker in stream.decider.blockers(stream.state)] == ["STAGE_PREREQUISITE"]
    refusal = stream.refusal("complete", PRINCIPAL)
    assert (refusal.code, refusal.blockers) == ("NOT_COMPLETE", stream.decider.blockers(stream.state))
    stream.hear("prerequisite", stage="identification", status="completed")
    stream.do("complete", PRINCIPAL)


def meetings_done(**changes):
    """Return parents' meetings with one pupil whose household came."""
    stream = stage("parent-meetings", classes={"2026-01": [A]}, **changes)
    if changes.get("after"):
        stream.hear("prerequisite", stage="identification", status="completed")
    stream.to("2025-11-03 08:00")
    stream.do("schedule_session", HEAD, session="s1", classes=["2026-01"], at="2025-11-10T19:00:00+08:00")
    stream.do("invite", HEAD, session="s1")
    stream.to("2025-11-10 20:00")
    row = {"student": A, "attended": True, "by": "guardian"}
    stream.do("record_attendance", HEAD, session="s1", rows=[row])
    return stream


# -- reminders, overdue, escalation -----------------------------------------------------------------------------

WINDOWS = [
    # due, T-7, T-1, overdue, +1, +3, +5
    ("2025-11-28", "2025-11-19", "2025-11-27", "2025-11-29", "2025-12-01", "2025-12-03", "2025-12-05"),
    # National Day 2025: 1 to 8 October off, Sunday 28 September and Saturday 11 October worked
    ("2025-10-13", "2025-09-26", "2025-10-11", "2025-10-14", "2025-10-14", "2025-10-16", "2025-10-20"),
    ("2025-09-30", "2025-09-22", "2025-09-29", "2025-10-01", "2025-10-09", "2025-10-11", "2025-10-14"),
    # Spring Festival 2026: 15 to 23 February off, Saturdays 14 and 28 February worked
    ("2026-02-27", "2026-02-11", "2026-02-26", "2026-02-28", "2026-02-28", "2026-03-03", "2026-03-05"),
    ("2026-02-13", "2026-02-04", "2026-02-12", "2026-02-14", "2026-02-14", "2026-02-25", "2026-02-27"),
]


@pytest.mark.parametrize(("due", "seven", "one", "overdue", "first", "second", "third"), WINDOWS)
def test_the_clocks_of_a_stage_around_holidays(due, seven, one, overdue, first, second, third):
    """Reminders seven and one working days before, at 08:00; overdue at 24:00; then three levels, on working days."""
    opens = (when(f"{due} 08:00") - timedelta(days=40)).date().isoformat()
    stream = stage("identification", now="2025-08-01 08:00", opens=opens, due=due).to("2026-06-01 08:00")
    assert stream.moments("StageReminded") == [f"{seven} 08:00", f"{one} 08:00"]
    assert stream.moments("StageOverdue") == [f"{overdue} 00:00"]
    assert stream.moments("StageEscalated") == [f"{first} 08:00", f"{second} 08:00", f"{third} 08:00"]
    escalated = [e["data"] for e in stream.ledger if e["type"] == "StageEscalated"]
    assert [(e["level"], e["to_role"]) for e in escalated] == [
        (1, "class_head"),
        (2, "principal"),
        (3, "bureau_officer"),
    ]
    assert stream.machine.due() is None
    stream.consistent()


def test_a_reminder_names_missing_service_with_how_much():
    """Three undecided and one whose data is unknown: service of the school, never a family's answer."""
    stream = identification()
    stream.do("confirm", HEAD, students=[A, B])
    stream.to("2025-11-19 08:00")
    assert stream.last("StageReminded")["data"] == {
        "working_days_left": 7,
        "missing": [
            {"code": "PROPOSALS_UNDECIDED", "count": 3},
            {"code": "DATA_UNKNOWN", "count": 1},
            {"code": "COHORT_NOT_FROZEN", "count": 1},
        ],
    }


def test_no_reminder_before_opening():
    """A window shorter than seven working days: the first reminder would lie before its opening and does not come."""
    stream = stage("identification", opens="2025-11-25").to("2025-11-28 08:00")
    assert stream.moments("StageReminded") == ["2025-11-27 08:00"]


def test_a_stage_that_opens_late_does_not_catch_up_on_reminders():
    """It waited for another stage until the day before its due date."""
    stream = stage("parent-meetings", after=["identification"]).to("2025-11-27 09:00")
    stream.hear("prerequisite", stage="identification", status="completed")
    stream.to("2025-11-28 23:59")
    assert stream.moments("StageOpened") == ["2025-11-27 09:00"]
    assert stream.moments("StageReminded") == []
    stream.to("2025-11-29 00:00")
    assert stream.moments("StageOverdue") == ["2025-11-29 00:00"]


@pytest.mark.parametrize(
    ("until", "reminded", "escalated"),
    [("2025-11-18 09:00", 0, 0), ("2025-11-19 09:00", 1, 0), ("2025-11-29 09:00", 2, 0), ("2025-12-01 09:00", 2, 1)],
)
@pytest.mark.parametrize("how", ["complete", "skip"])
def test_all_clocks_stop_the_moment_the_work_is_done(until, reminded, escalated, how):
    """Whoever is done hears nothing more, wherever the clocks stood."""
    stream = identification().to(until)
    if how == "complete":
        finish_identification(stream)
    else:
        stream.do("skip", OFFICER, reason="MERGED")
    assert stream.machine.due() is None
    stream.to("2026-03-01 08:00")
    assert len(stream.moments("StageReminded")) == reminded
    assert len(stream.moments("StageEscalated")) == escalated
    assert stream.machine.view()["overdue"] is False


def test_a_reminder_and_a_sign_off_at_the_same_minute():
    """At the reminder's instant the reminder was due first; a minute before, it never comes."""
    for clock, count in (("07:59", 0), ("08:00", 1)):
        stream = identification()
        stream.machine.step(when(f"2025-11-19 {clock}"))
        finish_identification(stream)
        stream.to("2025-11-30 08:00")
        assert len(stream.moments("StageReminded")) == count


def test_a_date_in_an_unpublished_year_is_skipped():
    """Due in January 2026 with only 2025 published: working-day dates are not yet computable, the rest goes on."""
    stream = stage("identification", due="2026-01-05", calendar=CALENDAR_2025.model_dump(mode="json"))
    stream.to("2026-03-01 08:00")
    assert stream.names() == ["StagePlanned", "StageOpened", "StageOverdue"]
    assert stream.moments("StageOverdue") == ["2026-01-06 00:00"]
    assert stream.machine.due() is None


def test_what_can_be_computed_of_an_unpublished_year_is_done():
    """Due on the last day of the published year: both reminders come, the escalations cannot be dated."""
    stream = stage("identification", due="2025-12-31", calendar=CALENDAR_2025.model_dump(mode="json"))
    stream.to("2026-03-01 08:00")
    assert stream.moments("StageReminded") == ["2025-12-22 08:00", "2025-12-30 08:00"]
    assert stream.moments("StageEscalated") == []


# -- pause, stop ------------------------------------------------------------------------------------------------


def test_a_pause_holds_reminders_and_a_resume_does_not_fire_them_in_a_burst():
    """Paused over T-7: it is gone; T-1 after the resume comes as ever."""
    stream = identification().to("2025-11-18 10:00")
    stream.hear("pause", scope="campaign", reason="FLOOD")
    assert stream.machine.due() is None
    stream.to("2025-11-25 10:00").hear("resume", scope="campaign")
    stream.to("2025-11-28 12:00")
    assert stream.moments("StageReminded") == ["2025-11-27 08:00"]


def test_escalation_counts_from_the_resume():
    """Paused past the due date until Wednesday 17 December: overdue at the resume, then +1, +3 and +5 from there."""
    stream = identification().to("2025-11-20 10:00")
    stream.hear("pause", scope="campaign", reason="FLOOD")
    stream.to("2025-12-17 10:00").hear("resume", scope="campaign")
    stream.to("2026-01-31 10:00")
    assert stream.moments("StageReminded") == ["2025-11-19 08:00"]
    assert stream.moments("StageOverdue") == ["2025-12-17 10:00"]
    assert stream.moments("StageEscalated") == ["2025-12-18 08:00", "2025-12-22 08:00", "2025-12-24 08:00"]


def test_a_pause_between_two_levels():
    """The level that was reached stays; the next counts its days from the resume."""
    stream = identification().to("2025-12-01 09:00")
    stream.hear("pause", scope="school", reason="FLOOD")
    stream.to("2025-12-10 10:00").hear("resume", scope="school")
    stream.to("2026-01-31 10:00")
    assert stream.moments("StageOverdue") == ["2025-11-29 00:00"]
    assert stream.moments("StageEscalated") == ["2025-12-01 08:00", "2025-12-15 08:00", "2025-12-17 08:00"]


def test_a_paused_stage_does_not_open_and_opens_at_the_resume():
    """Also when the pause came with its very start."""
    stream = stage("identification", paused=["campaign"]).to("2025-11-05 10:00")
    assert stream.state.status == "planned"
    stream.hear("resume", scope="campaign")
    stream.to("2025-11-05 10:00")
    assert stream.moments("StageOpened") == ["2025-11-05 10:00"]


def test_two_pauses_end_one_by_one():
    """The county's and the school's are two holds; a second pause of one scope is none."""
    stream = identification()
    stream.hear("pause", scope="campaign", reason="FLOOD")
    stream.hear("pause", scope="school", reason="SNOW")
    stream.hear("pause", scope="school", reason="SNOW")
    stream.hear("resume", scope="campaign")
    stream.hear("resume", scope="campaign")
    assert stream.refusal("confirm", HEAD, students=[A]).code == "STAGE_PAUSED"
    assert stream.machine.view()["paused"] is True
    stream.hear("resume", scope="school")
    stream.do("confirm", HEAD, students=[A])
    assert stream.names().count("StagePaused") == stream.names().count("StageResumed") == 2


def test_a_stop_ends_all_clocks_and_progress():
    """No reminder, no escalation, no work; a second stop is no event."""
    stream = identification()
    stream.hear("stop", reason="ORDER")
    stream.hear("stop", reason="ORDER")
    assert stream.machine.due() is None
    assert stream.refusal("confirm", HEAD, students=[A]).code == "CAMPAIGN_STOPPED"
    assert stream.refusal("complete", PRINCIPAL).code == "CAMPAIGN_STOPPED"
    assert stream.refusal("extend", OFFICER, due="2025-12-05", reason="SNOW").code == "CAMPAIGN_STOPPED"
    assert stream.names().count("StageStopped") == 1


def test_a_stopped_stage_never_opens():
    """Also when it was stopped before it began."""
    stream = stage("identification", stopped=True).to("2026-06-01 08:00")
    assert stream.names() == ["StagePlanned"]


# -- extend -----------------------------------------------------------------------------------------------------


def test_an_extension_arms_all_clocks_anew():
    """Overdue and escalated once; extended to 12 December: both reminders, overdue and all levels of the new date."""
    stream = identification().to("2025-12-01 09:00")
    stream.do("extend", OFFICER, due="2025-12-12", reason="FLOOD")
    assert stream.machine.view()["overdue"] is False
    stream.to("2026-01-31 08:00")
    assert stream.last("StageExtended")["data"] == {"due": "2025-12-12", "was": "2025-11-28", "reason": "FLOOD"}
    assert stream.moments("StageReminded")[2:] == ["2025-12-03 08:00", "2025-12-11 08:00"]
    assert stream.moments("StageOverdue") == ["2025-11-29 00:00", "2025-12-13 00:00"]
    assert stream.moments("StageEscalated")[1:] == ["2025-12-15 08:00", "2025-12-17 08:00", "2025-12-19 08:00"]


def test_an_extension_fires_no_reminder_of_the_past():
    """Extended by two working days on the day before the end: the new T-7 lies back and does not come; T-1 does."""
    stream = identification().to("2025-11-27 09:00")
    stream.do("extend", OFFICER, due="2025-12-02", reason="FLOOD")
    stream.to("2025-12-02 12:00")
    assert stream.moments("StageReminded") == ["2025-11-19 08:00", "2025-11-27 08:00", "2025-12-01 08:00"]


@pytest.mark.parametrize(
    ("due", "code", "parameters"),
    [
        ("2025-11-28", "DUE_NOT_LATER", {"due": "2025-11-28"}),
        ("2025-11-27", "DUE_NOT_LATER", {"due": "2025-11-28"}),
        ("2025-11-29", "DUE_NOT_WORKING_DAY", {"due": "2025-11-29"}),
        ("2026-02-17", "DUE_NOT_WORKING_DAY", {"due": "2026-02-17"}),
        ("2027-01-04", "CALENDAR_UNKNOWN", {"year": 2027}),
    ],
)
def test_a_due_date_moves_to_a_later_known_working_day(due, code, parameters):
    """Not back, not to a weekend or holiday, not into a year that the state has not published."""
    refusal = identification().refusal("extend", OFFICER, due=due, reason="SNOW")
    assert (refusal.code, refusal.parameters) == (code, parameters)


def test_a_make_up_saturday_is_a_working_day():
    """14 February 2026 is worked."""
    stream = identification()
    stream.do("extend", OFFICER, due="2026-02-14", reason="SNOW")
    assert stream.state.due.isoformat() == "2026-02-14"


# -- complete, reopen, skip -------------------------------------------------------------------------------------


def test_completing_is_refused_with_everything_that_is_missing():
    """Once for all, with counts (S7)."""
    refusal = identification().refusal("complete", PRINCIPAL)
    assert refusal.code == "NOT_COMPLETE"
    assert [(blocker.code, blocker.count) for blocker in refusal.blockers] == [
        ("PROPOSALS_UNDECIDED", 5),
        ("DATA_UNKNOWN", 1),
        ("COHORT_NOT_FROZEN", 1),
    ]


def test_completing_twice_says_so():
    """Not an error of the person: it is done."""
    stream = identification()
    finish_identification(stream)
    assert stream.refusal("complete", PRINCIPAL).code == "ALREADY_COMPLETED"
    assert stream.refusal("skip", OFFICER, reason="MERGED").code == "ALREADY_COMPLETED"


@pytest.mark.parametrize(
    ("happened", "on_time"),
    [
        ("2025-11-28T17:00:00+08:00", True),
        ("2025-11-28T23:59:59.999+08:00", True),
        ("2025-11-29T00:00:00+08:00", False),
        ("2025-11-28T16:00:00Z", False),
        (None, False),
    ],
)
def test_on_time_is_judged_by_when_it_happened(happened, on_time):
    """Recorded on 3 December; signed off, as said, before the end of the due date or after it (S6)."""
    stream = identification().to("2025-12-03 10:00")
    for kind, fields in (("confirm", {"students": [A, B, "stu_000004", "stu_000005", "stu_000006"]}), ("freeze", {})):
        if kind == "freeze":
            stream.do("exclude", HEAD, students=["stu_000003"], reason="SEEN")
        stream.do(kind, PRINCIPAL, **fields)
    stream.do("complete", PRINCIPAL, **({"occurred_at": happened} if happened else {}))
    assert stream.last("StageCompleted")["data"] == {"on_time": on_time}
    assert stream.machine.view()["on_time"] is on_time
    assert stream.last("StageCompleted")["recorded_at"].startswith("2025-12-03T10:00")


def test_nothing_happened_before_a_stage_opened():
    """A said time before the opening is refused, though the stage is open now."""
    stream = identification()
    refusal = stream.refusal("confirm", HEAD, students=[A], occurred_at="2025-11-03T07:59:00+08:00")
    assert (refusal.code, refusal.parameters) == ("STAGE_TOO_EARLY", {"opens": "2025-11-03"})


def test_reopening_keeps_the_original_and_tells_the_school():
    """The sign-off stays in the record; the school hears the status, completed and then open."""
    stream = identification()
    finish_identification(stream)
    stream.machine.carry.outgoing.clear()
    stream.to("2025-11-10 10:00")
    assert stream.refusal("reopen", PRINCIPAL).code == "REASON_REQUIRED"
    stream.do("reopen", PRINCIPAL, reason="WRONG_LIST")
    (leaving,) = stream.machine.carry.outgoing
    assert (leaving.to, leaving.message.kind) == ("campaign/qingshan/2026/9900010001", "stage_changed")
    assert leaving.message.data == {"stage": "identification", "status": "open"}
    assert stream.last("StageReopened")["data"] == {"reason": "WRONG_LIST", "was": "completed"}
    assert "StageCompleted" in stream.names()
    assert (stream.state.on_time, stream.state.completed_at) == (None, None)
    stream.do("complete", PRINCIPAL)
    assert stream.names().count("StageCompleted") == 2


def test_a_stage_reopened_after_its_due_date_is_overdue_at_once_and_escalates_from_there():
    """Reopened on Wednesday 17 December: nothing is dated back before it."""
    stream = identification()
    finish_identification(stream)
    stream.to("2025-12-17 10:00").do("reopen", PRINCIPAL, reason="WRONG_LIST")
    stream.to("2026-01-31 10:00")
    assert stream.moments("StageReminded") == []
    assert stream.moments("StageOverdue") == ["2025-12-17 10:00"]
    assert stream.moments("StageEscalated") == ["2025-12-18 08:00", "2025-12-22 08:00", "2025-12-24 08:00"]


def test_a_stage_skipped_before_it_opened_and_reopened_opens_on_its_day():
    """Back to planned, with its date."""
    stream = stage("identification")
    stream.do("skip", OFFICER, reason="MERGED")
    assert stream.machine.carry.outgoing[-1].message.data["status"] == "skipped"
    stream.do("reopen", OFFICER, reason="MISTAKE")
    assert stream.state.status == "planned"
    assert stream.machine.carry.outgoing[-1].message.data["status"] == "planned"
    stream.to("2025-11-05 08:00")
    assert stream.moments("StageOpened") == ["2025-11-03 08:00"]


@pytest.mark.parametrize("kind", ["extend", "skip", "reopen"])
def test_what_changes_the_course_needs_a_reason(kind):
    """REASON_REQUIRED, for extension, skip and reopening."""
    fields = {"due": "2025-12-05"} if kind == "extend" else {}
    assert stage("identification").refusal(kind, OFFICER, **fields).code == "REASON_REQUIRED"


def test_closing_archives_the_stage_whatever_it_was():
    """The last event; the school is told; nothing is due or taken after it."""
    stream = identification()
    stream.hear("close")
    stream.hear("close")
    assert stream.names()[-1] == "StageArchived"
    assert stream.names().count("StageArchived") == 1
    assert stream.machine.finished()
    assert stream.machine.due() is None
    assert stream.machine.carry.outgoing[-1].message.data == {"stage": "identification", "status": "archived"}
    assert stream.refusal("confirm", HEAD, students=[A]).code == "STAGE_NOT_OPEN"


# -- stages that this release does not fill ---------------------------------------------------------------------

UNFILLED = ["school-visits", "application-filing", "retention"]


@pytest.mark.parametrize("kind", UNFILLED)
def test_a_stage_without_content_never_opens_and_never_pretends(kind):
    """No opening, no reminder, no completion; it can be extended, skipped and reopened."""
    stream = stage(kind).to("2026-01-31 08:00")
    assert stream.names() == ["StagePlanned"]
    assert stream.machine.view()["blockers"] == [{"code": "STAGE_HAS_NO_CONTENT", "count": 1}]
    assert stream.refusal("complete", PRINCIPAL).code == "STAGE_HAS_NO_CONTENT"
    stream.do("extend", OFFICER, due="2026-02-27", reason="SNOW")
    stream.do("skip", OFFICER, reason="NOT_YET")
    stream.do("reopen", OFFICER, reason="MISTAKE")
    stream.to("2026-06-01 08:00")
    assert stream.names() == ["StagePlanned", "StageExtended", "StageSkipped", "StageReopened"]
    stream.hear("close")
    assert stream.machine.finished()


@pytest.mark.parametrize("kind", [*UNFILLED, "identification", "parent-meetings"])
def test_a_command_without_its_kind_is_refused(kind):
    """No kind is ever guessed from the fields."""
    stream = stage(kind)
    raw = stream.command("complete", PRINCIPAL)
    del raw["kind"]
    with pytest.raises(Refusal, match="COMMAND_INVALID"):
        stream.machine.submit(raw, stream.now)


# -- who --------------------------------------------------------------------------------------------------------

COMMANDS = {
    "complete": {},
    "reopen": {"reason": "WRONG_LIST"},
    "extend": {"reason": "SNOW", "due": "2025-12-05"},
    "skip": {"reason": "MERGED"},
    "confirm": {"students": [A]},
    "exclude": {"students": [A], "reason": "SEEN"},
    "contest": {"student": A, "raised_by": "GUARDIAN", "reason": "WRONG"},
    "resolve_contest": {"student": A, "help": [], "reason": "SEEN"},
    "freeze": {},
}
MAY = """
complete         grade principal
reopen           principal officer
extend           officer
skip             officer
confirm          head grade principal
exclude          head grade principal
contest          head grade principal officer auditor
resolve_contest  grade principal officer
freeze           grade principal
"""


def test_who_may_do_what_at_this_school():
    """Every role tries every command; only a refusal about the person counts here."""
    lines = []
    for kind, fields in COMMANDS.items():
        may = []
        for who in EVERYBODY:
            stream = identification()
            try:
                refused = stream.submit(stream.command(kind, who, **fields)).refused
                code = refused["code"] if refused else None
            except Refusal as refusal:
                code = refusal.code
            if code not in ("ROLE_NOT_ALLOWED", "WRONG_SCHOOL"):
                may.append(who.id.removeprefix("stf_"))
        lines.append(f"{kind:<17}{' '.join(may)}")
    assert lines == MAY.strip().splitlines()


@pytest.mark.parametrize("kind", [kind for kind in COMMANDS if kind not in ("extend", "skip")])
def test_another_schools_staff_are_refused_and_it_is_kept(kind):
    """WRONG_SCHOOL is recorded; the stage stays as it was."""
    stream = identification()
    before = stream.state.model_copy(deep=True)
    assert stream.recorded(kind, STRANGER, **COMMANDS[kind]) == "WRONG_SCHOOL"
    assert stream.state == before


def test_a_role_is_good_for_its_own_school_only_in_that_role():
    """A bureau officer whose organisation is a school is still the bureau's; a class head of no school is none's."""
    stream = identification()
    stream.do("extend", person("o2", Role.BUREAU_OFFICER, OTHER_SCHOOL), due="2025-12-05", reason="SNOW")
    assert stream.recorded("confirm", person("h2", Role.CLASS_HEAD, "bureau"), students=[A]) == "WRONG_SCHOOL"


# -- the table --------------------------------------------------------------------------------------------------


def situation(name):
    """Return an identification in a situation."""
    match name:
        case "early":
            return stage("identification")
        case "waiting":
            return stage("identification", after=["parent-meetings"]).to("2025-11-04 08:00")
        case "no content":
            return stage("retention").to("2025-11-04 08:00")
    stream = stage("identification").to("2025-11-03 08:00")
    if name == "no proposals":
        return stream
    stream.give("proposals", usual_proposals())
    match name:
        case "paused":
            stream.hear("pause", scope="campaign", reason="FLOOD")
        case "overdue":
            stream.to("2025-11-30 08:00")
        case "stopped":
            stream.hear("stop", reason="ORDER")
        case "completed":
            finish_identification(stream)
        case "skipped":
            stream.do("skip", OFFICER, reason="MERGED")
        case "archived":
            stream.hear("close")
    return stream


SITUATIONS = ["early", "waiting", "no content", "no proposals", "open", "overdue", "paused", "stopped", "completed",
              "skipped", "archived"]  # fmt: skip
BY = {"extend": OFFICER, "skip": OFFICER}
SNAPSHOT = """
early
    STAGE_NOT_OPEN: reopen
    STAGE_TOO_EARLY: complete confirm exclude contest resolve_contest freeze
    ok: extend skip
waiting
    STAGE_NOT_OPEN: reopen
    STAGE_PREREQUISITE: complete confirm exclude contest resolve_contest freeze
    ok: extend skip
no content
    COMMAND_INVALID: confirm exclude contest resolve_contest freeze
    STAGE_HAS_NO_CONTENT: complete
    STAGE_NOT_OPEN: reopen
    ok: extend skip
no proposals
    NOT_COMPLETE: complete
    PROPOSAL_MISSING: confirm exclude contest resolve_contest freeze
    STAGE_NOT_OPEN: reopen
    ok: extend skip
open
    CONTEST_NOT_OPEN: resolve_contest
    NOT_COMPLETE: complete freeze
    STAGE_NOT_OPEN: reopen
    ok: extend skip confirm exclude contest
overdue
    CONTEST_NOT_OPEN: resolve_contest
    NOT_COMPLETE: complete freeze
    STAGE_NOT_OPEN: reopen
    ok: extend skip confirm exclude contest
paused
    STAGE_NOT_OPEN: reopen
    STAGE_PAUSED: complete confirm exclude resolve_contest freeze
    ok: extend skip contest
stopped
    CAMPAIGN_STOPPED: complete reopen extend confirm exclude resolve_contest freeze
    ok: skip contest
completed
    ALREADY_COMPLETED: complete skip
    CONTEST_NOT_OPEN: resolve_contest
    STAGE_NOT_OPEN: extend confirm exclude freeze
    ok: reopen contest
skipped
    STAGE_NOT_OPEN: complete extend skip confirm exclude contest resolve_contest freeze
    ok: reopen
archived
    STAGE_NOT_OPEN: complete reopen extend skip confirm exclude contest resolve_contest freeze
"""


def test_what_is_allowed_when():
    """Situation × command → done, or the code; whoever changes the table changes it on purpose."""
    lines = []
    for name in SITUATIONS:
        answers: dict[str, list[str]] = {}
        for kind, fields in COMMANDS.items():
            stream = situation(name)
            try:
                stream.submit(stream.command(kind, BY.get(kind, PRINCIPAL), **fields))
                answers.setdefault("ok", []).append(kind)
            except Refusal as refusal:
                answers.setdefault(refusal.code, []).append(kind)
        lines += [name, *(f"    {code}: {' '.join(kinds)}" for code, kinds in sorted(answers.items()))]
    assert "\n".join(lines) == SNAPSHOT.strip()


# -- whatever happens -------------------------------------------------------------------------------------------

KINDS = ["identification", "parent-meetings", "retention"]


def values(data):
    """Return all values inside JSON."""
    if isinstance(data, dict):
        return [inner for value in data.values() for inner in values(value)]
    if isinstance(data, list | tuple):
        return [inner for value in data for inner in values(value)]
    return [data]


def keys(data):
    """Return all keys inside JSON."""
    if isinstance(data, dict):
        return [*data, *(inner for value in data.values() for inner in keys(value))]
    return [inner for value in data for inner in keys(value)] if isinstance(data, list | tuple) else []


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(deadline=None, max_examples=30)
def test_whatever_happens(kind, data):
    """Of any course of a stage.

    The record is whole: versions without a gap, the fold gives the state, times do not fall, no float, ASCII keys
    (INV-26, INV-28). What was refused, blockers and rows too, has its sentence. Completing is possible
    exactly when `blockers` is empty, and says the same: nobody searches for a hidden reason (S7).
    """
    stream = opened(kind)
    codes = play(stream, data.draw(courses(kind)))
    codes += [blocker["code"] for blocker in stream.machine.view()["blockers"]]
    assert not [code for code in codes if code not in CATALOGUE]
    stream.consistent()
    recorded = [envelope["recorded_at"] for envelope in stream.ledger]
    assert recorded == sorted(recorded)
    assert not [value for envelope in stream.ledger for value in values(envelope) if isinstance(value, float)]
    assert all(key.isascii() for envelope in stream.ledger for key in keys(envelope))
    if stream.state.status != "open" or stream.state.paused:
        return
    blockers = stream.decider.blockers(stream.state)
    if blockers:
        refusal = stream.refusal("complete", PRINCIPAL, command_id="last")
        assert (refusal.code, refusal.blockers) == ("NOT_COMPLETE", blockers)
    else:
        stream.do("complete", PRINCIPAL, command_id="last")


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(deadline=None, max_examples=20)
def test_new_runs_change_nothing(kind, data):
    """A stage cut into runs anywhere writes what an uncut one writes (design, section 4)."""
    course = data.draw(courses(kind))
    cuts = data.draw(st.sets(st.integers(0, 30)))
    whole, cut = opened(kind), opened(kind)
    assert play(whole, course) == play(cut, course, frozenset(cuts))
    assert cut.ledger == whole.ledger
    assert cut.machine.carry_over() == whole.machine.carry_over()
