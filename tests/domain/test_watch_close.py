"""A campaign that closes early keeps what watches over its pupils: attendance, dropout cases, and their histories."""

from itertools import count

import pytest
from stream_samples import CALENDAR, CAMPAIGN, CLASSES, HEAD, OFFICER, PRINCIPAL, SCHOOL, running_county
from watch_courses import FIRST, REGISTRAR, SCHOOL_STREAM, report, watched_county

from domain.attendance_periods import dropout_counts, standings
from domain.calendar import CalendarYear

A = CLASSES[FIRST][0]
CASE = f"{SCHOOL_STREAM}/dropout/{A}"
ATTENDANCE = f"{SCHOOL_STREAM}/attendance"


def closed_early(**changes):
    """A campaign that was stopped and closed on Monday 3 November, while its school goes on reporting."""
    county = watched_county(**changes).to("2025-11-03 09:00")
    county.do("", "stop", OFFICER, reason="ORDER")
    county.do("", "close_campaign", OFFICER, reason="YEAR_OVER")
    return county


def absent_three_days(county):
    """The pupil is away for three school days without a word: a dropout is suspected."""
    for day in ("2025-11-03", "2025-11-04", "2025-11-05"):
        county.to(f"{day} 15:00")
        report(county[f"{SCHOOL}/attendance"], day, A)
        county.settle()


def back_and_closed(county):
    """The pupil comes back on Thursday and the case is closed after ten school days."""
    case = f"{SCHOOL}/dropout/{A}"
    county.to("2025-11-06 09:00").do(case, "record_return", HEAD, on="2025-11-06", evidence="SEEN")
    for day in (6, 7, 10, 11, 12, 13, 14, 17, 18, 19):
        county.to(f"2025-11-{day:02} 15:00")
        report(county[f"{SCHOOL}/attendance"], f"2025-11-{day:02}")
    county.to("2025-11-19 18:00").do(case, "close_dropout_case", PRINCIPAL)


def test_stages_end_at_once_and_the_school_waits_for_its_attendance():
    """An early close archives the stages the same minute; school and campaign end with the last reported day."""
    county = closed_early()
    assert {county[f"{SCHOOL}/{slug}"].state.status for slug in county[SCHOOL].state.progress} == {"archived"}
    assert (county[SCHOOL].state.status, county.campaign.state.status) == ("closing", "closing")
    county.to("2025-11-29 07:59")
    assert not county.campaign.machine.finished()
    county.to("2025-11-29 08:00")
    assert county[SCHOOL].names()[-2:] == ["WatchEnded", "SchoolClosed"]
    assert county.campaign.names()[-2:] == ["SchoolClosedNoted", "CampaignArchived"]
    stages = [f"{SCHOOL_STREAM}/{slug}" for slug in county[SCHOOL].state.progress]
    assert county[SCHOOL].decider.last_archives(county[SCHOOL].state) == [*stages, ATTENDANCE]


def test_a_suspicion_after_the_close_still_becomes_a_case():
    """INV-14: nobody disappears with the campaign. The case opens, is closed with proof, and is archived."""
    county = closed_early()
    absent_three_days(county)
    assert county[SCHOOL].state.watch.open == {A: CASE}
    assert county[f"{SCHOOL}/dropout/{A}"].state.status == "suspected"
    back_and_closed(county)
    assert county[SCHOOL].state.status == "closing"  # the attendance goes on
    county.to("2025-11-29 08:00")
    assert county.campaign.state.status == "archived"
    assert county[SCHOOL].decider.last_archives(county[SCHOOL].state)[-2:] == [CASE, ATTENDANCE]
    assert all(stream.machine.finished() for stream in county.streams.values())
    for stream in county.streams.values():
        stream.consistent()


def test_an_open_case_keeps_all_above_it():
    """The last day is over, a pupil is still away: attendance, school and campaign stay until the case ends."""
    county = closed_early()
    absent_three_days(county)
    county.to("2025-12-20 08:00")
    open_ = (CASE, ATTENDANCE, SCHOOL_STREAM, CAMPAIGN)
    assert [county.streams[name].machine.finished() for name in open_] == [False] * 4
    assert county[SCHOOL].machine.view()["dropout_cases"] == 1
    county.do(SCHOOL, "record_exits", REGISTRAR, rows=[{"student": A, "exit": "transfer", "on": "2025-12-19"}])
    county.to("2025-12-20 08:01")
    assert [county.streams[name].machine.finished() for name in open_] == [True] * 4


def test_a_pupil_who_never_returns_keeps_nothing_open_for_ever():
    """R-05, INV-14: the case ends with the year; then attendance, school and campaign do, the same minute."""
    county = closed_early()
    absent_three_days(county)
    county.to("2026-07-15 07:59")
    open_ = (CASE, ATTENDANCE, SCHOOL_STREAM, CAMPAIGN)
    assert [county.streams[name].machine.finished() for name in open_] == [False] * 4
    county.to("2026-07-15 08:00")
    assert [county.streams[name].machine.finished() for name in open_] == [True] * 4
    assert county[SCHOOL].names()[-3:] == ["DropoutCaseNoted", "WatchEnded", "SchoolClosed"]
    assert county[SCHOOL].decider.last_archives(county[SCHOOL].state)[-2:] == [CASE, ATTENDANCE]
    assert dropout_counts(county[f"{SCHOOL}/attendance"].state)[FIRST]["lost"] == 1
    late = {"student": A, "on": "2026-07-15", "evidence": "SEEN"}
    assert county[SCHOOL].refusal("record_late_return", HEAD, **late).code == "CAMPAIGN_CLOSED"
    for stream in county.streams.values():
        stream.consistent()


def test_a_return_that_nobody_confirmed_keeps_nothing_open_for_ever():
    """INV-21, R-05: the second person never came; ten days of reports decide whether the pupil counts as lost."""
    for reported, ending, lost in ((10, "UNCONFIRMED", 0), (9, "NOT_RETURNED", 1)):
        county = closed_early()
        absent_three_days(county)
        back = {"on": "2025-11-06", "evidence": "SEEN"}
        county.to("2025-11-06 09:00").do(f"{SCHOOL}/dropout/{A}", "record_return", HEAD, **back)
        for day in (28, 27, 26, 25, 24, 21, 20, 19, 18, 17)[:reported][::-1]:
            county.to(f"2025-11-{day:02} 15:00")
            report(county[f"{SCHOOL}/attendance"], f"2025-11-{day:02}")
        county.to("2026-07-15 08:00")
        assert county.campaign.machine.finished()
        assert county[f"{SCHOOL}/dropout/{A}"].ledger[-1]["data"]["ending"] == ending
        own = county[f"{SCHOOL}/attendance"].state
        assert (dropout_counts(own)[FIRST]["lost"], standings(own)["not_returned"]) == (lost, lost)


@pytest.mark.parametrize("status", ["closed", "not_returned"])
def test_the_school_waits_for_both_whichever_ends_first(status):
    """A departure ends the attendance and the case side by side; their news come in either order."""
    county = closed_early()
    absent_three_days(county)
    own = county[SCHOOL]
    own.versions = count(1000)  # after all that they have sent by then
    own.hear("watch_ended", ATTENDANCE, stream=ATTENDANCE)
    assert own.names()[-1] == "WatchEnded"
    own.hear("dropout", CASE, student=A, status="returned", on="2025-11-06", episode=1)
    assert own.names()[-1] == "DropoutCaseNoted"
    own.hear("dropout", CASE, student=A, status=status, on="2025-11-20", episode=1)
    assert own.names()[-2:] == ["DropoutCaseNoted", "SchoolClosed"]
    own.consistent()


def test_a_close_after_the_attendance_ends_all_at_once():
    """The usual year: everything has ended by itself, and the close waits for nothing."""
    county = watched_county().to("2025-12-01 08:00")
    assert county[SCHOOL].state.watch.over
    county.do("", "stop", OFFICER, reason="ORDER")
    county.do("", "close_campaign", OFFICER, reason="YEAR_OVER")
    assert county.campaign.state.status == "archived"
    assert county[SCHOOL].names()[-1] == "SchoolClosed"


@pytest.mark.parametrize("release", [1, 2])
def test_a_campaign_of_an_earlier_release_closes_as_it_did(release):
    """It watches over no attendance, and its closing school takes no commands."""
    county = running_county(release=release)
    county.do("", "stop", OFFICER, reason="ORDER")
    county.do("", "close_campaign", OFFICER, reason="YEAR_OVER")
    assert county.campaign.state.status == "archived"
    assert county[SCHOOL].names()[-1] == "SchoolClosed"
    assert not any(name.endswith("/attendance") for name in county.streams)


def test_the_closing_school_of_an_earlier_release_takes_no_commands():
    """Its register ended with the close, and a history of that time must say so when it is replayed."""
    for release, code in ((2, "CAMPAIGN_CLOSED"), (3, "STUDENT_UNKNOWN")):
        county = running_county(release=release)
        county[SCHOOL].hear("close")
        gone = [{"student": "stu_000099", "exit": "transfer", "on": "2025-10-20"}]
        refusal = county[SCHOOL].refusal("record_exits", HEAD, rows=gone)
        assert code in (refusal.code, *(row["code"] for row in refusal.parameters.get("rows", ())))


def test_the_register_goes_on_while_the_school_closes():
    """Who leaves is no longer missed, who joins is counted; with the school's end both are refused."""
    county = closed_early()
    county.do(SCHOOL, "record_exits", REGISTRAR, rows=[{"student": A, "exit": "transfer", "on": "2025-11-03"}])
    assert A in county[f"{SCHOOL}/attendance"].state.left
    county.to("2025-11-29 08:00")
    late = [{"student": CLASSES[FIRST][1], "exit": "transfer", "on": "2025-11-28"}]
    assert county[SCHOOL].refusal("record_exits", REGISTRAR, rows=late).code == "CAMPAIGN_CLOSED"


def test_a_new_years_days_reach_a_closing_campaign():
    """A case that outlives the calendar needs the next year's days; all else is refused."""
    known = {year: CALENDAR.years[year] for year in (2024, 2025)}
    county = closed_early(calendar=CALENDAR.model_copy(update={"years": known}).model_dump(mode="json"))
    absent_three_days(county)
    more = CALENDAR.model_copy(update={"years": {**known, 2026: CalendarYear()}}).model_dump(mode="json")
    county.do("", "publish_calendar", OFFICER, calendar=more)
    assert 2026 in county[f"{SCHOOL}/dropout/{A}"].state.calendar.years
    assert 2026 in county[f"{SCHOOL}/attendance"].state.calendar.years
    assert county.campaign.refusal("close_campaign", OFFICER, reason="AGAIN").code == "CAMPAIGN_CLOSED"
    assert county.campaign.refusal("pause", OFFICER, reason="AGAIN").code == "CAMPAIGN_CLOSED"
