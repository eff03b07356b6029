"""When a notice goes out, and whether: quiet hours, school days, embargoes, digests, budgets, and late calls."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest
from pydantic import ValidationError

from domain.calendar import Calendar, CalendarYear
from domain.notices import EMAIL, PAPER, PHONE, NoticeClass
from domain.policy_parameters import PolicyParameters
from domain.sending import Candidate, Kind, SendingRules, Verdict, cleared_until, judge, overdue_tasks, rules_of
from domain.time import at, instant

RULES = rules_of(PolicyParameters())
MONDAY = date(2025, 6, 9)
FRIDAY, SATURDAY, SUNDAY = (MONDAY - timedelta(days=days) for days in (3, 2, 1))
TEN = at(MONDAY, time(10))
CALENDAR = Calendar(version=1, years={2025: CalendarYear(holidays=(date(2025, 6, 2),))})
CAMPAIGN, STAFF = NoticeClass.CAMPAIGN, NoticeClass.STAFF
URGENT, SAFETY, STATUTORY = NoticeClass.URGENT, NoticeClass.SAFETY, NoticeClass.STATUTORY


def notice(notice_class: NoticeClass = CAMPAIGN, name: str = "n1", **more: object) -> Candidate:
    """Return a due notice to one household, by mail."""
    staff = notice_class is STAFF
    basic = Candidate(
        notice_id=name,
        root=name,
        purpose="stage_reminder" if staff else "meeting_invitation",
        recipient="class_head@5301020001" if staff else "stu_000001",
        notice_class=notice_class,
        channel=EMAIL,
        planned_at=TEN - timedelta(days=30),
        keys=() if staff else ("k1",),
    )
    return replace(basic, **more)  # type: ignore[arg-type]


def verdict(one: Candidate, now: datetime = TEN, rules: SendingRules = RULES, calendar: Calendar | None = CALENDAR,
            spent: dict[str, list[str]] | None = None) -> Verdict:  # fmt: skip
    """Judge one notice."""
    (found,) = judge(rules, calendar, [one], spent or {}, now)
    return found


def held(code: str, until: datetime) -> tuple[Kind, str, datetime]:
    """Return what a held notice's verdict says."""
    return Kind.HOLD, code, until


def said(found: Verdict) -> tuple[Kind, str | None, datetime | None]:
    """Return a verdict without the id."""
    return found.kind, found.code, found.until


@pytest.mark.parametrize(
    ("clock", "until"),
    [
        (time(21, 29, 59), None),
        (time(21, 30), at(MONDAY + timedelta(days=1), time(7, 30))),
        (time(0), at(MONDAY, time(7, 30))),
        (time(7, 29, 59), at(MONDAY, time(7, 30))),
        (time(7, 30), None),
    ],
)
@pytest.mark.parametrize("notice_class", [CAMPAIGN, STATUTORY, URGENT, STAFF])
def test_nothing_is_sent_in_quiet_hours_but_what_is_about_a_child_in_danger(
    notice_class: NoticeClass, clock: time, until: datetime | None
) -> None:
    """From 21:30 to 07:30, both to the second; not for safety, nor for people's own lists."""
    now = at(MONDAY, clock)
    expected = (Kind.CLEAR, None, None) if until is None else held("QUIET_HOURS", until)
    other = notice(notice_class, purpose="another")
    assert said(verdict(other, now)) == expected
    assert verdict(notice(SAFETY), now).kind is Kind.CLEAR
    for channel in (PHONE, PAPER):
        assert verdict(replace(other, channel=channel), now).kind is Kind.CLEAR


def test_quiet_hours_may_lie_inside_a_day_or_be_none() -> None:
    """A nap at noon ends the same day, and sending begins at midnight; the same time twice is no quiet at all."""
    nap = replace(RULES, quiet_from=time(12), quiet_until=time(14))
    assert said(verdict(notice(), at(MONDAY, time(13)), nap)) == held("QUIET_HOURS", at(MONDAY, time(14)))
    assert verdict(notice(), at(MONDAY, time(23)), nap).kind is Kind.CLEAR
    assert nap.opens == time(0)
    assert verdict(notice(), at(MONDAY, time(3)), replace(RULES, quiet_from=time(7, 30))).kind is Kind.CLEAR


@pytest.mark.parametrize(
    ("quiet", "clock", "until"),
    [
        ((time(21, 30), time(7, 30)), time(10), at(MONDAY, time(21, 30))),
        ((time(21, 30), time(7, 30)), time(21, 29, 59), at(MONDAY, time(21, 30))),
        ((time(12), time(14)), time(10), at(MONDAY, time(12))),
        ((time(12), time(14)), time(15), at(MONDAY + timedelta(days=1), time(0))),
        ((time(12), time(12)), time(10), at(MONDAY + timedelta(days=1), time(0))),
    ],
)
def test_what_is_cleared_is_begun_before_the_quiet_hours_and_on_the_same_day(
    quiet: tuple[time, time], clock: time, until: datetime
) -> None:
    """Another day has a budget, an embargo and a calendar of its own; a child in danger does not wait for any."""
    rules, now = replace(RULES, quiet_from=quiet[0], quiet_until=quiet[1]), at(MONDAY, clock)
    for notice_class in (CAMPAIGN, STATUTORY, URGENT, STAFF):
        assert cleared_until(rules, notice_class, now) == until
    assert cleared_until(rules, SAFETY, now) is None


@pytest.mark.parametrize("notice_class", [CAMPAIGN, STAFF])
def test_what_is_not_urgent_waits_for_a_school_day(notice_class: NoticeClass) -> None:
    """A weekend and a holiday wait for the next opening; an unknown year counts by its weekday."""
    one = notice(notice_class, purpose="another")
    assert said(verdict(one, at(SATURDAY, time(10)))) == held("NOT_A_SCHOOL_DAY", at(MONDAY, time(7, 30)))
    holiday = at(date(2025, 6, 2), time(10))
    assert said(verdict(one, holiday)) == held("NOT_A_SCHOOL_DAY", at(date(2025, 6, 3), time(7, 30)))
    assert verdict(one, holiday, calendar=None).kind is Kind.CLEAR
    assert said(verdict(one, at(SATURDAY, time(10)), calendar=None)) == held(
        "NOT_A_SCHOOL_DAY", at(MONDAY, time(7, 30))
    )
    assert verdict(one, at(SATURDAY, time(10)), replace(RULES, on_school_days=False)).kind is Kind.CLEAR


@pytest.mark.parametrize("notice_class", [STATUTORY, URGENT, SAFETY])
def test_rights_and_changes_do_not_wait_for_a_school_day(notice_class: NoticeClass) -> None:
    """They go out on a Sunday, and in an embargo."""
    rules = replace(RULES, embargo=(("06-01", "06-30"),))
    assert verdict(notice(notice_class), at(SUNDAY, time(10)), rules).kind is Kind.CLEAR


def test_a_school_day_is_not_waited_for_where_that_would_be_too_late() -> None:
    """An invitation to Monday at eight still goes out on Sunday; one for Tuesday waits."""
    sunday = at(SUNDAY, time(10))
    assert verdict(notice(not_after=at(MONDAY, time(7, 30))), sunday).kind is Kind.CLEAR
    assert verdict(notice(not_after=at(MONDAY, time(8))), sunday).code == "NOT_A_SCHOOL_DAY"


def test_an_embargo_holds_optional_notices_until_it_is_over() -> None:
    """Both days are in it; what follows is a school day; a range may pass the end of the year."""
    zhongkao = replace(RULES, embargo=(("06-09", "06-13"),))
    after = at(MONDAY + timedelta(days=7), time(7, 30))
    for day in (MONDAY, MONDAY + timedelta(days=4)):
        assert said(verdict(notice(), at(day, time(10)), zhongkao)) == held("EMBARGO", after)
    assert verdict(notice(), at(FRIDAY, time(10)), zhongkao).kind is Kind.CLEAR
    newyear = replace(RULES, embargo=(("12-30", "01-02"),), on_school_days=False)
    assert said(verdict(notice(), at(date(2025, 12, 31), time(10)), newyear)) == held(
        "EMBARGO", at(date(2026, 1, 3), time(7, 30))
    )
    always = replace(RULES, embargo=(("01-01", "12-31"),))
    assert verdict(notice(), TEN, always).until == at(MONDAY + timedelta(days=366), time(7, 30))


def test_what_comes_too_late_expires_whatever_else_holds() -> None:
    """At the very instant of the occasion, for every class, also by night and on paper."""
    for notice_class in NoticeClass:
        for channel in (EMAIL, PAPER):
            late = notice(notice_class, not_after=at(MONDAY, time(3)), channel=channel)
            assert said(verdict(late, at(MONDAY, time(3)))) == (Kind.EXPIRE, "EXPIRED", None)
    assert verdict(notice(not_after=TEN + timedelta(seconds=1))).kind is Kind.CLEAR


@pytest.mark.parametrize("notice_class", list(NoticeClass))
def test_whoever_wants_no_optional_notices_gets_none_of_them(notice_class: NoticeClass) -> None:
    """What is statutory, urgent or about safety goes out all the same."""
    found = verdict(notice(notice_class, purpose="another", opted_out=True))
    assert said(found) == ((Kind.DENY, "OPTED_OUT", None) if notice_class is CAMPAIGN else (Kind.CLEAR, None, None))


def test_staff_is_told_once_a_day_of_what_belongs_into_a_digest() -> None:
    """Planned after its time: the next day's; a purpose that is none goes out at once; a retry waits again."""
    planned = at(MONDAY, time(9))
    one = notice(STAFF, planned_at=planned)
    tomorrow = at(MONDAY + timedelta(days=1), time(7, 30))
    assert said(verdict(one)) == held("DIGEST", tomorrow)
    assert verdict(one, tomorrow).kind is Kind.CLEAR
    assert verdict(notice(STAFF, planned_at=planned, purpose="callback_overdue")).kind is Kind.CLEAR
    evening = replace(RULES, digest_at=time(18))
    assert said(verdict(one, rules=evening)) == held("DIGEST", at(MONDAY, time(18)))
    assert verdict(one, at(MONDAY, time(18)), evening).kind is Kind.CLEAR
    assert verdict(replace(one, planned_at=at(FRIDAY, time(9))), TEN, evening).until == at(MONDAY, time(18))


def test_a_household_gets_one_campaign_message_a_day() -> None:
    """Whichever of its addresses it shares; its own root counts once; the rest waits for the next opening."""
    tomorrow = at(MONDAY + timedelta(days=1), time(7, 30))
    mine = notice(keys=("k1", "k2"))
    assert said(verdict(mine, spent={"k2": ["other"]})) == held("HOUSEHOLD_BUDGET", tomorrow)
    assert verdict(mine, spent={"k3": ["other"]}).kind is Kind.CLEAR
    assert verdict(mine, spent={"k1": ["n1"], "k2": ["n1"]}).kind is Kind.CLEAR
    assert verdict(mine, spent={"k1": ["other"]}, rules=replace(RULES, household_daily=2)).kind is Kind.CLEAR
    assert verdict(replace(mine, channel=PHONE), spent={"k1": ["other"]}).code == "HOUSEHOLD_BUDGET"
    assert verdict(replace(mine, channel=PAPER), spent={"k1": ["other"]}).kind is Kind.CLEAR


@pytest.mark.parametrize("notice_class", [STATUTORY, URGENT, SAFETY])
def test_what_must_go_is_counted_and_not_held_by_the_budget(notice_class: NoticeClass) -> None:
    """The second of two goes out; an optional one behind it waits."""
    candidates = [notice(notice_class, "s1"), notice(notice_class, "s2"), notice(CAMPAIGN, "c1")]
    found = judge(RULES, CALENDAR, candidates, {}, TEN)
    assert [(one.notice_id, one.kind) for one in found] == [("s1", Kind.CLEAR), ("s2", Kind.CLEAR), ("c1", Kind.HOLD)]


def test_what_is_cleared_counts_for_those_behind_it_and_nothing_beyond_the_batch_is_judged() -> None:
    """Copies of one message are one; a sibling's waits; after the last place there is no verdict."""
    copies = [notice(name="n1"), notice(name="n2", root="n1"), notice(name="n3"), notice(name="n4", keys=("other",))]
    found = judge(RULES, CALENDAR, copies, {}, TEN)
    assert [one.kind for one in found] == [Kind.CLEAR, Kind.CLEAR, Kind.HOLD, Kind.CLEAR]
    assert [one.notice_id for one in judge(RULES, CALENDAR, copies, {}, TEN, most=2)] == ["n1", "n2"]
    assert judge(RULES, CALENDAR, copies, {}, TEN, most=0) == []


def test_letters_and_staff_leave_the_budget_alone() -> None:
    """A letter that the school hands over, and a message to staff, take no place of the household's."""
    first = [notice(channel=PAPER, name="p"), notice(STAFF, name="s", purpose="another", keys=("k1",))]
    found = judge(RULES, CALENDAR, [*first, notice(name="n")], {}, TEN)
    assert [one.kind for one in found] == [Kind.CLEAR] * 3


@pytest.mark.parametrize(
    ("today", "before"),
    [
        (date(2025, 6, 13), MONDAY + timedelta(days=1)),
        (SATURDAY, date(2025, 6, 4)),
        (date(2025, 6, 5), date(2025, 5, 30)),
    ],
)
def test_a_call_is_late_after_three_school_days(today: date, before: date) -> None:
    """On Friday those of Monday are; weekends and the holiday do not count."""
    assert overdue_tasks(RULES, CALENDAR, at(today, time(12))) == at(before, time(0))


def test_the_defaults_are_those_of_the_design() -> None:
    """21:30 to 07:30, one message a day, on school days; and they change no older profile's bytes."""
    assert (RULES.quiet_from, RULES.quiet_until, RULES.opens) == (time(21, 30), time(7, 30), time(7, 30))
    assert (RULES.household_daily, RULES.on_school_days, RULES.phone_task_days) == (1, True, 3)
    assert not {"quiet_from", "household_daily", "channel_order"} & PolicyParameters().model_dump().keys()
    changed = PolicyParameters.model_validate({"quiet_from": "20:00", "notice_embargo": [["06-20", "06-22"]]})
    assert rules_of(changed).quiet_from == time(20)
    assert rules_of(changed).embargo == (("06-20", "06-22"),)
    assert changed.parameter_hash != PolicyParameters().parameter_hash


@pytest.mark.parametrize(
    "wrong",
    [
        {"quiet_from": "24:00"},
        {"notice_embargo": [["02-29", "03-01"]]},
        {"notice_embargo": [["06-31", "07-01"]]},
        {"household_daily": 0},
        {"channel_order": []},
        {"channel_order": ["sms", "sms"]},
        {"channel_order": ["wecom_robot"]},
        {"staff_channel_order": ["paper"]},
        {"phone_task_days": 0},
        {"sms_segments_limit": -1},
        {"digest_purposes": ["Not A Purpose"]},
    ],
    ids=str,
)
def test_parameters_that_cannot_be_meant_are_refused(wrong: dict[str, object]) -> None:
    """A day that does not exist every year, an empty or doubled order, a robot for families."""
    with pytest.raises(ValidationError):
        PolicyParameters.model_validate(wrong)


def test_instants_are_judged_by_the_countys_clock() -> None:
    """22:00 in the county is 14:00 UTC: quiet."""
    assert verdict(notice(), instant("2025-06-09T14:00:00+00:00")).code == "QUIET_HOURS"
