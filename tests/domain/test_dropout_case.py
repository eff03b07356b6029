"""A dropout case, and the way between attendance, school and case (region A, R-15; cases 29 to 31, 33, 35)."""

from __future__ import annotations

from datetime import date

import pytest
from stream_samples import (
    CALENDAR,
    CAMPAIGN,
    GRADE,
    HEAD,
    OFFICER,
    PRINCIPAL,
    SCHOOL,
    STRANGER,
    A,
    B,
    running_county,
    when,
)
from watch_courses import (
    REGISTRAR,
    SCHOOL_STREAM,
    VISITORS,
    back,
    case,
    codes,
    persuade,
    report,
    tell,
    watched_county,
)

from audit.invariants import check_log
from audit.invariants.log import Log

WEDNESDAY, THURSDAY, FRIDAY = "2025-11-05", "2025-11-06", "2025-11-07"
DOCUMENT = {"document": "KC-2025-7", "on": THURSDAY}


def events(stream, kind):
    """Return the data of the events of a type."""
    return [event["data"] for event in stream.ledger if event["type"] == kind]


# -- the clock --------------------------------------------------------------------------------------------------


def test_a_missing_written_report_climbs_one_instance_a_school_day():
    """R-15: due after three school days (Monday 10th), then one level each school day, up to the township."""
    stream = case(A).to("2025-11-30 08:00")
    told = [(data["level"], data["to_role"]) for data in events(stream, "WrittenReportOverdue")]
    assert told == [
        (1, "class_head"), (2, "principal"), (3, "centre_school"), (4, "bureau_officer"), (5, "township"),
    ]  # fmt: skip
    assert stream.moments("WrittenReportOverdue") == [f"2025-11-{day} 17:00" for day in (10, 11, 12, 13, 14)]


def test_the_climb_stops_with_the_report():
    """The report ends it, whoever was told; who was told that it is missing makes it late, whatever date it bears."""
    stream = case(A).to("2025-11-11 08:00")
    stream.do("file_written_report", PRINCIPAL, document="KC-2025-7", on="2025-11-10")
    stream.to("2025-11-20 08:00")
    assert stream.names().count("WrittenReportOverdue") == 1
    assert events(stream, "WrittenReportFiled") == [{"document": "KC-2025-7", "on": "2025-11-10", "on_time": False}]
    refusal = stream.refusal("file_written_report", PRINCIPAL, document="KC-2025-8", on="2025-11-10")
    assert refusal.code == "WRITTEN_REPORT_FILED"


def test_a_report_is_in_time_up_to_the_third_school_day():
    """R-15: recorded before the hour at which it is called missing."""
    stream = case(A).to("2025-11-10 16:59")
    stream.do("file_written_report", PRINCIPAL, document="KC-2025-7", on="2025-11-10")
    assert events(stream, "WrittenReportFiled")[0]["on_time"] is True
    assert "WrittenReportOverdue" not in stream.to("2025-11-20 08:00").names()


def test_every_week_without_an_attempt_is_named():
    """Five school days after the opening or the last attempt; what is named is service, never the family's answer."""
    stream = case(A).to(f"{FRIDAY} 08:00")
    persuade(stream, 1, FRIDAY)
    stream.to("2025-11-21 20:00")
    assert stream.moments("PersuasionOverdue") == ["2025-11-14 17:00", "2025-11-21 17:00"]
    assert events(stream, "PersuasionOverdue")[0] == {"since": FRIDAY, "attempts": 1}


def test_nothing_is_owed_after_graduation_or_once_the_pupil_is_back():
    """A case may stay open; it is then silent until its end."""
    stream = case(A, last=FRIDAY)
    stream.do("file_written_report", PRINCIPAL, document="KC-2025-7", on=WEDNESDAY)
    assert stream.machine.due() == when("2025-11-22 08:00")  # the end, ten working days after the last one
    returned = case(A).to(f"{THURSDAY} 09:00")
    back(returned, THURSDAY)
    assert returned.machine.due() == when("2026-07-15 08:00")


def test_an_unpublished_calendar_waits():
    """What cannot be reckoned yet is due once it can."""
    half = CALENDAR.model_copy(update={"years": {2025: CALENDAR.years[2025]}})
    stream = case(A, "2025-12-31 15:00", calendar=half.model_dump(mode="json"))
    assert stream.machine.due() is None
    whole = CALENDAR.model_copy(update={"version": 2}).model_dump(mode="json")
    tell(stream, "calendar", calendar=whole)
    assert stream.machine.due() == when("2026-01-06 17:00")  # 4 January is a Sunday that is worked


# -- the way ----------------------------------------------------------------------------------------------------


def test_the_whole_way_from_suspicion_to_closing():
    """A2, attempts, written report, A3, return order, return, ten school days, closing by another person."""
    stream = case(A).to(f"{FRIDAY} 10:00")
    assert stream.refusal("confirm_dropout", PRINCIPAL).code == "PERSUASION_MISSING"
    persuade(stream, 1, FRIDAY)
    assert stream.refusal("serve_return_order", OFFICER, **DOCUMENT).code == "DROPOUT_NOT_CONFIRMED"
    stream.do("confirm_dropout", PRINCIPAL)
    assert stream.refusal("serve_return_order", OFFICER, **DOCUMENT).code == "WRITTEN_REPORT_MISSING"
    stream.do("file_written_report", PRINCIPAL, **DOCUMENT)
    stream.do("serve_return_order", OFFICER, document="FX-3", on=FRIDAY)
    stream.to("2025-11-10 10:00")
    back(stream, "2025-11-10", who=HEAD)
    stream.to("2025-11-21 16:59")
    refusal = stream.refusal("close_dropout_case", PRINCIPAL)
    assert [(blocker.code, blocker.count) for blocker in refusal.blockers] == [("DAYS_PRESENT_MISSING", 1)]
    stream.to("2025-11-21 17:00")
    stream.do("close_dropout_case", PRINCIPAL)
    assert events(stream, "ItemClosed") == [{"ending": "RETURNED", "days_present": 10}]
    assert stream.decider.finished(stream.state)
    kinds = [(item.message.kind, item.message.data["status"]) for item in stream.machine.carry.outgoing]
    assert kinds == [("dropout", "dropout"), ("dropout", "returned"), ("dropout", "closed")]
    assert stream.refusal("record_persuasion", HEAD, n=2, on=FRIDAY, visitors=VISITORS, outcome="ILL").code == (
        "CASE_CLOSED"
    )
    stream.consistent()


def test_who_recorded_the_return_does_not_close():
    """INV-21: four eyes, kept on record."""
    stream = case(A).to(f"{THURSDAY} 10:00")
    back(stream, THURSDAY, who=PRINCIPAL)
    stream.to("2025-12-01 18:00")
    assert stream.recorded("close_dropout_case", PRINCIPAL) == "SELF_APPROVAL"
    stream.do("close_dropout_case", OFFICER)


def test_nor_does_the_person_for_whom_the_return_was_recorded():
    """INV-21: a deputy's act is also that of who is stood in for."""
    stream = case(A).to(f"{THURSDAY} 10:00")
    back(stream, THURSDAY, who=HEAD.model_copy(update={"on_behalf_of": PRINCIPAL.id}))
    stream.to("2025-12-01 18:00")
    assert stream.recorded("close_dropout_case", PRINCIPAL) == "SELF_APPROVAL"
    stream.do("close_dropout_case", OFFICER)


def test_an_absence_after_the_return_begins_the_count_again():
    """Ten days in a row of being there, not ten in all."""
    stream = case(A).to(f"{THURSDAY} 10:00")
    back(stream, THURSDAY)
    tell(stream, "absent_again", day="2025-11-14")
    assert stream.state.days_present(when("2025-11-14 18:00")) == 0
    assert stream.state.days_present(when("2025-11-28 16:00")) == 9
    assert stream.state.days_present(when("2025-11-28 17:00")) == 10


def test_a_day_without_a_report_does_not_count_as_present():
    """INV-15."""
    stream = case(A).to(f"{THURSDAY} 10:00")
    back(stream, THURSDAY)
    tell(stream, "day_unreported", day=FRIDAY)
    assert stream.state.days_present(when(f"{FRIDAY} 18:00")) == 1


def test_a_return_that_is_recorded_late_counts_from_its_recording():
    """Until then the daily reports had the pupil in the case: whom the school calls away is not present."""
    stream = case(A).to("2025-12-01 10:00")
    back(stream, THURSDAY)
    (blocker,) = stream.refusal("close_dropout_case", PRINCIPAL).blockers
    assert (blocker.code, blocker.count) == ("DAYS_PRESENT_MISSING", 10)
    assert stream.state.days_present(when("2025-12-01 17:00")) == 1
    stream.to("2025-12-12 17:00").do("close_dropout_case", PRINCIPAL)


def test_no_day_counts_on_which_nobody_reports():
    """INV-15: after the last reported day the days present cannot come any more, and the bureau looks at the return."""
    stream = case(A, reported_to="2025-11-12").to(f"{THURSDAY} 10:00")
    back(stream, THURSDAY)
    stream.to("2025-11-12 18:00")
    assert stream.state.days_present(when("2025-12-31 18:00")) == 5
    assert stream.refusal("close_dropout_case", OFFICER).blockers[0].code == "DAYS_PRESENT_MISSING"
    stream.to("2025-12-31 18:00")
    assert stream.refusal("close_dropout_case", PRINCIPAL).blockers[0].code == "BUREAU_HAS_TO_CLOSE"
    stream.do("close_dropout_case", OFFICER)
    assert events(stream, "ItemClosed") == [{"ending": "RETURNED", "days_present": 5}]


def test_a_renewed_suspicion_wants_another_report_and_attempt():
    """The case goes on; nothing of before is lost."""
    stream = case(A).to(f"{THURSDAY} 10:00")
    stream.do("file_written_report", PRINCIPAL, **DOCUMENT)
    back(stream, THURSDAY)
    stream.to("2025-11-12 15:00")
    tell(stream, "suspected", since="2025-11-10", by="CONSECUTIVE")
    assert (stream.state.status, stream.state.report, stream.state.present_from) == ("suspected", None, None)
    stream.to("2025-11-17 20:00")
    assert stream.names().count("WrittenReportOverdue") == 1


def test_elsewhere_needs_the_register_or_a_paper_and_closes():
    """Edge case 31: found enrolled elsewhere without a transfer."""
    stream = case(A).to(f"{THURSDAY} 10:00")
    said = {"evidence": "CALL", "register_ref": "XJ-88"}
    assert stream.refusal("verify_elsewhere", REGISTRAR, **said).code == "EVIDENCE_NOT_ENOUGH"
    stream.do("verify_elsewhere", REGISTRAR, **(said | {"evidence": "REGISTER"}))
    stream.do("close_dropout_case", OFFICER)
    assert events(stream, "ItemClosed")[0]["ending"] == "ELSEWHERE"


def test_home_teaching_needs_its_ground_and_lessons():
    """Edge case 33: medical or disability evidence only; sessions are logged."""
    stream = case(A).to(f"{THURSDAY} 10:00")
    lesson = {"on": THURSDAY, "lessons": 2, "visitors": VISITORS[:1]}
    assert stream.refusal("record_home_session", HEAD, **lesson).code == "NOT_HOME_TAUGHT"
    wrong = stream.refusal("start_home_teaching", PRINCIPAL, ground="FAMILY", **DOCUMENT)
    assert wrong.code == "COMMAND_INVALID"
    stream.do("start_home_teaching", PRINCIPAL, ground="DISABILITY", **DOCUMENT)
    assert stream.machine.due() == when("2026-07-15 08:00")  # the end of the year and nothing before
    refusal = stream.refusal("close_dropout_case", OFFICER)
    assert [blocker.code for blocker in refusal.blockers] == ["HOME_SESSION_MISSING"]
    stream.do("record_home_session", HEAD, **lesson)
    assert stream.recorded("close_dropout_case", PRINCIPAL) == "SELF_APPROVAL"
    stream.do("close_dropout_case", OFFICER)


@pytest.mark.parametrize("kind", ["transfer", "abroad", "death"])
def test_whoever_leaves_the_register_leaves_no_case(kind):
    """Edge case 35: at once, by itself, with nothing more to be done."""
    stream = case(A)
    tell(stream, "student_left", student=A, exit=kind)
    assert events(stream, "ItemClosed") == [{"ending": "LEFT_REGISTER", "days_present": 0}]
    assert (stream.machine.due(), stream.decider.finished(stream.state)) == (None, True)
    for news, data in (("absent_again", {"day": FRIDAY}), ("student_left", {"student": A, "exit": kind})):
        tell(stream, news, **data)
    assert stream.names()[-1] == "ItemClosed"


def test_work_under_sixteen_is_reported_once():
    """Edge case 30: child labour is a flag for the bureau."""
    stream = case(A).to(f"{FRIDAY} 10:00")
    persuade(stream, 1, THURSDAY, "AT_WORK")
    persuade(stream, 2, FRIDAY, "AT_WORK")
    assert events(stream, "DropoutFlagged") == [{"flag": "CHILD_LABOUR_SUSPECTED"}]
    assert stream.decider.view(stream.state)["flags"] == ["CHILD_LABOUR_SUSPECTED"]


def test_what_is_refused_in_a_case():
    """Numbers, visitors, days, evidence, roles."""
    stream = case(A).to(f"{THURSDAY} 10:00")
    visit = {"n": 1, "on": THURSDAY, "visitors": VISITORS, "outcome": "ILL"}
    assert stream.refusal("record_persuasion", HEAD, **(visit | {"n": 2})).code == "PERSUASION_NUMBER"
    assert stream.refusal("record_persuasion", HEAD, **(visit | {"on": FRIDAY})).code == "REPORT_DAY_AHEAD"
    alone = [VISITORS[0], VISITORS[0]]
    assert stream.refusal("record_persuasion", HEAD, **(visit | {"visitors": alone})).code == "GROUP_VISIT_NEEDS_TWO"
    assert stream.refusal("record_return", HEAD, on=THURSDAY, evidence="HEARSAY").code == "EVIDENCE_NOT_ENOUGH"
    assert stream.refusal("record_return", HEAD, on="2025-11-01", evidence="SEEN").code == "RETURN_BEFORE_ABSENCE"
    assert stream.refusal("close_dropout_case", OFFICER).blockers[0].code == "RETURN_MISSING"
    assert stream.refusal("serve_return_order", PRINCIPAL, **DOCUMENT).code == "ROLE_NOT_ALLOWED"
    assert stream.recorded("file_written_report", STRANGER, **DOCUMENT) == "WRONG_SCHOOL"
    back(stream, THURSDAY)
    assert stream.refusal("record_persuasion", HEAD, **visit).code == "PUPIL_NOT_AWAY"
    number = stream.refusal("verify_elsewhere", REGISTRAR, evidence="REGISTER", register_ref="99000120100101001X")
    assert number.code == "COMMAND_INVALID"


def test_a_case_goes_through_continue_as_new():
    """The state survives as JSON."""
    stream = case(A).to("2025-11-12 08:00")
    stream.restart()
    stream.consistent()


# -- attendance, school and case --------------------------------------------------------------------------------


def suspect(county, *names):
    """Report a pupil absent on three days, from Monday 3 November."""
    for day in names or ("2025-11-03", "2025-11-04", WEDNESDAY):
        county.to(f"{day} 15:00")
        report(county[f"{SCHOOL}/attendance"], day, A)
        county.settle()


def two_days_away(county):
    """Report a pupil absent on Monday and Tuesday: nothing is suspected yet."""
    suspect(county, "2025-11-03", "2025-11-04")
    county.to(f"{WEDNESDAY} 14:00")


def nobody_away(county):
    """Come to the same Wednesday without a report."""
    county.to(f"{WEDNESDAY} 14:00")


def test_the_school_starts_its_attendance_and_one_case():
    """A child of the school each; the case is named after the pupil's random reference."""
    county = watched_county()
    assert county[f"{SCHOOL}/attendance"].state.last == date(2025, 11, 28)
    suspect(county)
    stream = county[f"{SCHOOL}/dropout/{A}"]
    assert stream.state.since == date(2025, 11, 3)
    assert county[SCHOOL].decider.view(county[SCHOOL].state)["dropout_cases"] == 1
    assert "stage" not in stream.decider.view(stream.state)
    assert "stage" not in county[f"{SCHOOL}/attendance"].decider.view(county[f"{SCHOOL}/attendance"].state)


def test_without_days_in_the_campaigns_file_a_school_reports_until_graduation():
    """From the first stage's opening to the last day of June."""
    county = watched_county(attendance=None)
    state = county[f"{SCHOOL}/attendance"].state
    assert (state.first, state.last) == (date(2025, 11, 3), date(2026, 6, 30))


def test_an_older_campaign_has_no_attendance():
    """Streams of an older release go on as they were."""
    county = watched_county(release=2, attendance=None)
    assert not [name for name in county.streams if name.endswith("/attendance")]


def test_confirmed_returned_closed_reaches_the_attendance():
    """News go up from the case and down to the attendance; then both streams are ready to be archived."""
    county = watched_county()
    suspect(county)
    own, case_stream = f"{SCHOOL}/attendance", f"{SCHOOL}/dropout/{A}"
    persuasion = {"n": 1, "on": WEDNESDAY, "visitors": VISITORS, "outcome": "COMES_BACK"}
    county.do(case_stream, "record_persuasion", HEAD, **persuasion)
    county.do(case_stream, "confirm_dropout", PRINCIPAL)
    assert county[own].state.spells[A][-1].status == "dropout"
    county.to(f"{THURSDAY} 09:00").do(case_stream, "record_return", HEAD, on=THURSDAY, evidence="SEEN")
    for day in (6, 7, 10, 11, 12, 13, 14, 17, 18, 19):
        county.to(f"2025-11-{day:02} 15:00")
        report(county[own], f"2025-11-{day:02}")
        county.settle()
    county.to("2025-11-19 17:00").do(case_stream, "close_dropout_case", PRINCIPAL)
    assert county[SCHOOL].state.watch.open == {}
    county.to("2025-11-29 09:00")
    ended = [f"{SCHOOL_STREAM}/dropout/{A}", f"{SCHOOL_STREAM}/attendance"]
    assert county[SCHOOL].state.watch.ended == ended
    assert county[SCHOOL].decider.last_archives(county[SCHOOL].state)[-2:] == ended
    for stream in county.streams.values():
        stream.consistent()


@pytest.mark.parametrize("away", [suspect, two_days_away, nobody_away])
def test_the_school_alone_lets_nobody_leave_the_register(away):
    """R-05: a departure keeps the pupil out of the lost: the register office confirms it. A death waits for nobody.

    That the case is not open yet makes no difference: else two days of absence would do for a silent departure.
    """
    county = watched_county()
    away(county)
    own, row = county[SCHOOL], {"student": A, "on": WEDNESDAY}
    for kind in ("transfer", "abroad"):
        for who in (HEAD, PRINCIPAL):
            refusal = own.refusal("record_exits", who, rows=[row | {"exit": kind}])
            assert codes(refusal) == [(0, "EXIT_NEEDS_REGISTER")]
    assert "LeftRegister" not in own.names()
    county.do(SCHOOL, "record_exits", REGISTRAR, rows=[row | {"exit": "transfer"}])
    if away is suspect:
        assert events(county[f"{SCHOOL}/dropout/{A}"], "ItemClosed")[0]["ending"] == "LEFT_REGISTER"
    other = watched_county()
    away(other)
    other.do(SCHOOL, "record_exits", HEAD, rows=[row | {"exit": "death"}])
    assert other[SCHOOL].state.watch.open == {}


def test_of_a_list_only_the_departures_that_need_the_register_office_are_named():
    """A death beside a transfer: the second row is refused, and nothing of the list is taken."""
    own = watched_county().to(f"{WEDNESDAY} 15:00")[SCHOOL]
    rows = [{"student": A, "exit": "death", "on": WEDNESDAY}, {"student": B, "exit": "abroad", "on": WEDNESDAY}]
    assert codes(own.refusal("record_exits", PRINCIPAL, rows=rows)) == [(1, "EXIT_NEEDS_REGISTER")]
    assert own.state.left == {}


@pytest.mark.parametrize("release", [1, 2])
def test_the_school_of_an_earlier_release_records_its_departures(release):
    """A history of that time must say so when it is replayed."""
    county = running_county(release=release)
    row = {"student": A, "exit": "transfer", "on": "2025-10-20"}
    county.do(SCHOOL, "record_exits", HEAD, rows=[row])
    assert county[SCHOOL].last("LeftRegister")["data"] == row


def test_whoever_left_in_a_case_and_comes_again_is_reported_on_like_everybody():
    """INV-14: the class has the pupil again from that day on; who is away since before then has a case at once."""
    county = watched_county()
    suspect(county)
    own, row = county[f"{SCHOOL}/attendance"], {"student": A, "on": WEDNESDAY}
    county.do(SCHOOL, "record_exits", REGISTRAR, rows=[row | {"exit": "transfer"}])
    county.to(f"{THURSDAY} 08:00")
    county.do(SCHOOL, "enrol_students", PRINCIPAL, rows=[{"student": A, "class_id": "2026-01", "on": THURSDAY}])
    county.to(f"{THURSDAY} 15:00")
    classes = [
        {"class_id": "2026-01", "present": 2, "unexplained": [A], "joined": 1, "left": 1},
        {"class_id": "2026-02", "present": 3},
    ]
    own.do("file_daily_report", GRADE, day=THURSDAY, classes=classes)
    county.settle()
    assert county[SCHOOL].state.watch.open == {A: f"{SCHOOL_STREAM}/dropout/{A}-2"}
    streams = {name: list(stream.ledger) for name, stream in county.streams.items()}
    (checked,) = check_log(Log(CAMPAIGN, streams), only=("INV-14",)).checked
    assert not checked.found


def test_a_second_episode_is_a_case_of_its_own():
    """A closed case stays closed; the next one has its number."""
    county = watched_county()
    suspect(county)
    first = f"{SCHOOL}/dropout/{A}"
    county.to(f"{THURSDAY} 09:00").do(first, "record_return", HEAD, on=THURSDAY, evidence="SEEN")
    for day in (6, 7, 10, 11, 12, 13, 14, 17, 18, 19):
        county.to(f"2025-11-{day:02} 15:00")
        report(county[f"{SCHOOL}/attendance"], f"2025-11-{day:02}")
    county.to("2025-11-19 18:00").do(first, "close_dropout_case", PRINCIPAL)
    suspect(county, "2025-11-20", "2025-11-21", "2025-11-24")
    assert county[f"{SCHOOL}/dropout/{A}-2"].state.episode == 2
    assert county[SCHOOL].state.watch.open == {A: f"{SCHOOL_STREAM}/dropout/{A}-2"}


def test_a_pupil_taught_elsewhere_who_comes_back_is_counted_again():
    """The case is closed and stays so; the class has the pupil again from that day on."""
    county = watched_county()
    suspect(county)
    county.do(f"{SCHOOL}/dropout/{A}", "verify_elsewhere", REGISTRAR, evidence="REGISTER", register_ref="XJ-1")
    own = county[f"{SCHOOL}/attendance"]
    again = {"student": A, "on": THURSDAY, "evidence": "SEEN"}
    county.to(f"{THURSDAY} 09:00")
    assert own.refusal("record_reappearance", HEAD, **again).code == "PUPIL_NOT_AWAY"
    county.do(f"{SCHOOL}/dropout/{A}", "close_dropout_case", OFFICER)
    assert own.refusal("record_reappearance", HEAD, **(again | {"evidence": "CALL"})).code == "EVIDENCE_NOT_ENOUGH"
    county.do(f"{SCHOOL}/attendance", "record_reappearance", HEAD, **again)
    assert report(own, THURSDAY) == ["ZeroReportFiled"]


def test_pause_and_stop_hold_neither_reports_nor_cases():
    """DESIGN §5: attendance and dropout go on."""
    county = watched_county()
    county.do("", "pause", OFFICER, reason="SNOW")
    suspect(county)
    county.do("", "stop", OFFICER, reason="FLOOD")
    county.to("2025-11-10 21:00")
    assert county[f"{SCHOOL}/dropout/{A}"].moments("WrittenReportOverdue") == ["2025-11-10 17:00"]
    county[f"{SCHOOL}/dropout/{A}"].do("record_return", HEAD, on="2025-11-10", evidence="SEEN")


def test_a_death_ends_the_case_and_the_count():
    """Edge case 35, through all three streams."""
    county = watched_county()
    suspect(county)
    county.do(SCHOOL, "record_exits", HEAD, rows=[{"student": A, "exit": "death", "on": WEDNESDAY}])
    assert county[f"{SCHOOL}/dropout/{A}"].names()[-1] == "ItemClosed"
    assert county[f"{SCHOOL}/attendance"].state.exits == {A: "death"}
    assert county[SCHOOL].state.watch.open == {}
    assert "WrittenReportOverdue" not in county.to("2025-11-20 08:00")[f"{SCHOOL}/dropout/{A}"].names()


def test_calendar_and_policy_reach_the_case_too():
    """What the school is told, its attendance and its open cases are told."""
    county = watched_county()
    suspect(county)
    newer = CALENDAR.model_copy(update={"version": 2, "closed": (date(2025, 11, 10),)})
    county[SCHOOL].hear("calendar", calendar=newer.model_dump(mode="json"))
    county.settle()
    assert county[f"{SCHOOL}/attendance"].state.calendar.version == 2
    assert county[f"{SCHOOL}/dropout/{A}"].machine.due() == when("2025-11-11 17:00")


def test_a_flag_reaches_the_case_that_it_opened():
    """Edge case 29: at a recruiter's: a case, and a matter for the bureau."""
    county = watched_county()
    county.to("2025-11-03 15:00")
    report(county[f"{SCHOOL}/attendance"], "2025-11-03", A)
    said = {"student": A, "day": "2025-11-03", "why": "AT_RECRUITER", "evidence": "CALL"}
    county.do(f"{SCHOOL}/attendance", "explain_absence", GRADE, **said)
    assert county[f"{SCHOOL}/dropout/{A}"].state.flags == ["UNREGISTERED_RECRUITING"]
