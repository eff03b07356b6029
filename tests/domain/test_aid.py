"""Student aid: lists, months of attendance, runs, payment (R-14, INV-21, INV-30, INV-33, S11)."""

from __future__ import annotations

import pytest
from stream_samples import CALENDAR, CAMPAIGN, HEAD, PRINCIPAL, SCHOOL, person
from student_aid_courses import (
    APPROVER,
    AUDITOR,
    AUTUMN,
    CLERK,
    DOCUMENT,
    LIST,
    OFFICER,
    OTHER,
    RECEIVER,
    RECEIVING,
    SECOND_APPROVER,
    SPRING,
    STRANGER,
    account,
    approved,
    campaign,
    computed,
    listed,
    months,
    paid,
    pupil,
    row,
)

from audit.invariants import INVARIANTS, Log
from domain.actors import ANONYMOUS, Role

ENTITLED = range(1, 22)
FOREIGN = {"campaign/elsewhere/2026/9900010001/retention": {"version": 1, "hash": "a" * 64}}
LEFT = ((RECEIVING, "2026-09"), (RECEIVING, "2026-12"), (OTHER, "2026-08"))
"""Where a pupil was found gone; the earliest counts, and another school's months are not touched."""


FOLLOWED = f"{CAMPAIGN}/{SCHOOL}/application-filing"


def registered(stream):
    """Return a filing's event that says that the first pupil is registered, as far as INV-33 reads it."""
    first = stream.ledger[0]
    data = {"student": pupil(1), "school": RECEIVING}
    return [{**first, "stream": FOLLOWED, "version": 1, "type": "RegistrationVerified", "data": data}]


def codes(stream, kind, who, **fields):
    """Return the codes of the rows that are refused, by their place."""
    refusal = stream.refusal(kind, who, **fields)
    assert refusal.code == "ROWS_REFUSED", refusal.as_data()
    return {row["row"]: row["code"] for row in refusal.parameters["rows"]}


@pytest.fixture
def aided():
    """Three entitled pupils, after the autumn's end."""
    stream = listed(campaign(), [row(number) for number in (1, 2, 3)])
    return stream.to("2027-01-31 09:00")


# -- S11 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("yuan", "first", "second"), [(2000, 2_100_000, 1_940_000), (2300, 2_415_000, 2_231_000)])
def test_s11_two_leave_after_a_month_of_the_second_term(yuan, first, second):
    """21 entitled: 21 000 and 19 400 yuan of 42 000 planned, 1600 are not paid; with 2300 24 150 and 22 310."""
    kinds = [{"kind": "AGRICULTURE" if number <= 12 else "HARDSHIP"} for number in ENTITLED]
    rows = [row(number, **kind) for number, kind in zip(ENTITLED, kinds, strict=True)]
    stream = listed(campaign({"aid_rate_yuan": yuan}), rows).to("2027-01-31 09:00")
    stream.do("record_aid_attendance", RECEIVER, rows=months(ENTITLED, *AUTUMN))
    assert computed(stream)["fen"] == first
    paid(stream)
    stream.to("2027-06-30 09:00")
    stream.do("record_aid_attendance", RECEIVER, rows=months(ENTITLED, "2027-02"))
    for number in (20, 21):
        stream.do("stop_aid", RECEIVER, student=pupil(number), last="2027-02", reason="LEFT_SCHOOL")
    stream.do("record_aid_attendance", RECEIVER, rows=months(range(1, 20), *SPRING[1:]))
    assert computed(stream, "t2", 2)["fen"] == second
    paid(stream, "t2")
    moved = [envelope["data"]["fen"] for envelope in stream.ledger if envelope["type"] == "AidPaid"]
    assert moved == [first, second]
    planned = 21 * yuan * 100
    assert planned - sum(moved) == 2 * 4 * yuan * 100 // 10
    stream.consistent()


# -- lists ----------------------------------------------------------------------------------------------------------


def test_each_bad_row_of_a_list_is_named_with_its_code():
    """A kind that is not eligible, a third year, a month outside, a shared account, a pupil twice, two payers."""
    stream = listed(campaign(), [row(1)])
    rows = [
        row(2, kind="SPORTS"),
        row(3, study_year=3),
        row(4, first="2027-07"),
        row(5, first="2026-08"),
        row(6, account=account(1)),
        row(1),
        row(1, payer="bureau"),
        row(7),
        row(7, payer=OTHER),
        row(1, study_year=2, account=account(8)),
        row(8),
    ]
    assert codes(stream, "draft_aid_list", OFFICER, listed="second", rows=rows) == {
        0: "AID_KIND_NOT_ELIGIBLE",
        1: "AID_YEAR_NOT_ELIGIBLE",
        2: "AID_MONTH_OUTSIDE",
        3: "AID_MONTH_OUTSIDE",
        4: "AID_ACCOUNT_SHARED",
        5: "AID_LISTED_ALREADY",
        6: "AID_PAYER_TWICE",
        8: "AID_PAYER_TWICE",
        9: "AID_ACCOUNT_OTHER",
    }
    stream.do("draft_aid_list", OFFICER, listed="second", rows=[row(8), row(1, study_year=2)])


def test_a_receiving_school_lists_its_own_pupils_only():
    """Another school's pupils, or another payer, are refused row by row."""
    stream = campaign()
    rows = [row(1), row(2, school=OTHER, payer=OTHER), row(3, payer=OTHER)]
    found = codes(stream, "draft_aid_list", RECEIVER, listed=LIST, rows=rows)
    assert found == {1: "AID_OTHER_SCHOOL", 2: "AID_OTHER_SCHOOL"}
    stream.do("draft_aid_list", RECEIVER, listed=LIST, rows=[row(1)])


def test_a_list_is_shown_for_five_working_days_and_then_taken_down():
    """It comes down by itself after the last day, and another person approves it after that (P29, INV-21)."""
    stream = campaign()
    stream.do("draft_aid_list", OFFICER, listed=LIST, rows=[row(1)])
    early = stream.refusal("approve_aid_list", APPROVER, listed=LIST)
    assert (early.code, early.parameters["standing"]) == ("AID_LIST_STANDS_OTHERWISE", "AID_LIST_DRAFT")
    stream.do("publish_aid_list", OFFICER, listed=LIST)
    assert str(stream.state.aid.lists[LIST].shown_until) == "2026-11-30"
    assert stream.refusal("approve_aid_list", APPROVER, listed=LIST).code == "AID_LIST_ON_VIEW"
    stream.to("2026-12-01 09:00")
    assert stream.moments("AidListTakenDown") == ["2026-12-01 00:00"]
    assert stream.recorded("approve_aid_list", person(OFFICER.id[4:], Role.BUREAU_APPROVER, "bureau"), listed=LIST) == (
        "SELF_APPROVAL"
    )
    stream.do("approve_aid_list", APPROVER, listed=LIST)
    assert stream.refusal("reject_aid_list", APPROVER, listed=LIST, reason="WRONG").code == "AID_LIST_STANDS_OTHERWISE"
    stream.consistent()


def test_an_objection_waits_for_somebody_else_and_strikes_the_pupil():
    """Neither the author nor who objected decides; upheld, the pupil is off the list and has no month."""
    stream = campaign()
    stream.do("draft_aid_list", OFFICER, listed=LIST, rows=[row(1), row(2)])
    objection = {"listed": LIST, "student": pupil(2), "reason": "NOT_AT_SCHOOL"}
    assert stream.refusal("object_to_aid", PRINCIPAL, **objection).code == "AID_LIST_STANDS_OTHERWISE"
    stream.do("publish_aid_list", OFFICER, listed=LIST)
    assert stream.refusal("object_to_aid", HEAD, listed=LIST, student=pupil(9), reason="X1").code == "AID_NOT_LISTED"
    stream.do("object_to_aid", AUDITOR, **objection)
    assert stream.refusal("object_to_aid", HEAD, **objection).code == "AID_OBJECTION_OPEN"
    stream.to("2026-12-05 09:00")
    assert stream.refusal("approve_aid_list", APPROVER, listed=LIST).parameters["count"] == 1
    answer = {"listed": LIST, "student": pupil(2), "outcome": "UPHELD", "reason": "SEEN_ELSEWHERE"}
    assert stream.recorded("decide_aid_objection", AUDITOR, **answer) == "SELF_APPROVAL"
    stream.do("decide_aid_objection", SECOND_APPROVER, **answer)
    assert stream.refusal("decide_aid_objection", SECOND_APPROVER, **answer).code == "AID_OBJECTION_NONE"
    stream.do("approve_aid_list", APPROVER, listed=LIST)
    found = codes(stream, "record_aid_attendance", RECEIVER, rows=months([1, 2], "2026-11"))
    assert found == {1: "AID_NOT_LISTED"}


def test_a_list_that_was_turned_down_entitles_nobody():
    """Its name and its accounts are free again."""
    stream = campaign()
    stream.do("draft_aid_list", OFFICER, listed=LIST, rows=[row(1)])
    assert stream.refusal("draft_aid_list", OFFICER, listed=LIST, rows=[row(2)]).code == "AID_LIST_EXISTS"
    stream.do("reject_aid_list", APPROVER, listed=LIST, reason="WRONG_SCHOOL")
    assert stream.state.aid.pupils == {}
    stream.do("draft_aid_list", OFFICER, listed=LIST, rows=[row(2, account=account(1))])
    stream.consistent()


def test_long_lists_go_over_several_events():
    """401 pupils are three events; the digest is over all of them, and the state is the same."""
    stream = campaign()
    stream.do("draft_aid_list", OFFICER, listed=LIST, rows=[row(number) for number in range(1, 402)])
    assert stream.names()[-3:] == ["AidListDrafted", "AidEntriesAdded", "AidEntriesAdded"]
    assert (stream.state.aid.lists[LIST].pupils, len(stream.state.aid.pupils)) == (401, 401)
    stream.restart()
    stream.consistent()


# -- months ---------------------------------------------------------------------------------------------------------


def test_each_bad_month_is_named_with_its_code(aided):
    """Not listed, before or after the teaching months, ahead of today, twice in a list, on record, hearsay."""
    aided.do("record_aid_attendance", RECEIVER, rows=months([1], "2026-09"))
    rows = [
        *months([9], "2026-09"),
        *months([2], "2026-08", "2027-07", "2027-02", "2026-10", "2026-10"),
        *months([1], "2026-09"),
        *months([3], "2026-10", evidence="HEARSAY"),
    ]
    assert codes(aided, "record_aid_attendance", RECEIVER, rows=rows) == {
        0: "AID_NOT_LISTED",
        1: "AID_MONTH_OUTSIDE",
        2: "AID_MONTH_OUTSIDE",
        3: "AID_MONTH_AHEAD",
        5: "AID_MONTH_TWICE",
        6: "AID_MONTH_TWICE",
        7: "AID_EVIDENCE_TOO_WEAK",
    }
    found = codes(aided, "record_aid_attendance", STRANGER, rows=months([2], "2026-10"))
    assert found == {0: "AID_OTHER_SCHOOL"}


def test_only_months_with_attendance_are_paid(aided):
    """A month without a record pays nothing, whoever is entitled; an unapproved list pays nothing at all."""
    assert aided.refusal("compute_aid", OFFICER, run="t1", study_year=1, term=1).code == "AID_NOTHING_DUE"
    aided.do("draft_aid_list", OFFICER, listed="later", rows=[row(4)])
    aided.do(
        "record_aid_attendance",
        RECEIVER,
        rows=[*months([1], *AUTUMN), *months([2], "2026-11"), *months([4], "2026-09")],
    )
    told = computed(aided)
    assert [(line["student"], line["fen"]) for line in told["lines"]] == [(pupil(1), 100_000), (pupil(2), 20_000)]
    assert told["payers"] == {RECEIVING: 120_000}


def test_nothing_is_paid_after_a_pupil_has_left(aided):
    """A stop ends the months; what the record of the follow-ups shows is withheld and said."""
    aided.do("record_aid_attendance", RECEIVER, rows=months([1, 2, 3], *AUTUMN))
    aided.do("stop_aid", OFFICER, student=pupil(1), last="2026-10", reason="LEFT_SCHOOL")
    gone = [{"student": pupil(2), "school": school, "last": last} for school, last in LEFT]
    told = computed(aided, left=[*gone, {"student": pupil(9), "school": RECEIVING, "last": "2026-09"}])
    assert {line["student"]: list(line["months"]) for line in told["lines"]} == {
        pupil(1): ["2026-09", "2026-10"],
        pupil(2): ["2026-09"],
        pupil(3): list(AUTUMN),
    }
    assert told["withheld"] == {pupil(2): list(AUTUMN[1:])}
    again = {"student": pupil(1), "last": "2026-12", "reason": "LEFT_SCHOOL"}
    assert aided.refusal("stop_aid", OFFICER, **again).code == "AID_ENDS_ALREADY"
    assert (
        aided.recorded("stop_aid", STRANGER, student=pupil(3), last="2026-12", reason="LEFT_SCHOOL") == "WRONG_SCHOOL"
    )


def test_another_payer_follows_on_after_a_stop(aided):
    """One payer for a person and a period: the new school pays from the month after, and neither pays a month twice."""
    aided.do("record_aid_attendance", RECEIVER, rows=months([1], "2026-09", "2026-10"))
    moved = row(1, school=OTHER, payer=OTHER, first="2026-11")
    refused = codes(aided, "draft_aid_list", OFFICER, listed="moved", rows=[moved])
    assert refused == {0: "AID_PAYER_TWICE"}
    aided.do("stop_aid", RECEIVER, student=pupil(1), last="2026-10", reason="TRANSFER")
    listed(aided, [moved], "moved")
    aided.do("record_aid_attendance", STRANGER, rows=months([1], "2026-11", "2026-12"))
    assert codes(aided, "record_aid_attendance", RECEIVER, rows=months([1], "2027-01")) == {0: "AID_OTHER_SCHOOL"}
    assert computed(aided)["payers"] == {RECEIVING: 40_000, OTHER: 40_000}
    approved(aided)
    aided.do("record_aid_attendance", STRANGER, rows=months([1], "2027-01"))
    aided.restart()
    assert computed(aided, "t1-more")["payers"] == {OTHER: 20_000}
    aided.consistent()


# -- runs -----------------------------------------------------------------------------------------------------------


def test_a_run_is_approved_and_paid_by_other_people(aided):
    """Author, approver and who moves the money are three; each step has its order (INV-21)."""
    aided.do("record_aid_attendance", RECEIVER, rows=months([1], *AUTUMN))
    computed(aided)
    money = {"run": "t1", "payer": RECEIVING, "document": DOCUMENT}
    assert aided.refusal("confirm_aid_paid", CLERK, **money).code == "AID_RUN_NOT_APPROVED"
    author = person(OFFICER.id[4:], Role.BUREAU_APPROVER, "bureau")
    assert aided.recorded("approve_aid_run", author, run="t1", version=1) == "SELF_APPROVAL"
    assert aided.refusal("approve_aid_run", APPROVER, run="t1", version=2).code == "AID_RUN_VERSION_OLD"
    approved(aided)
    assert aided.refusal("approve_aid_run", SECOND_APPROVER, run="t1", version=1).code == "AID_RUN_APPROVED"
    assert aided.recorded("confirm_aid_paid", OFFICER, **money) == "SELF_APPROVAL"
    stand_in = CLERK.model_copy(update={"on_behalf_of": APPROVER.id})
    assert aided.recorded("confirm_aid_paid", stand_in, **money) == "SELF_APPROVAL"
    assert aided.recorded("confirm_aid_paid", STRANGER, **money) == "WRONG_SCHOOL"
    assert aided.refusal("confirm_aid_paid", CLERK, **(money | {"payer": "bureau"})).code == "AID_PAYER_UNKNOWN"
    aided.do("confirm_aid_paid", RECEIVER, **money)
    assert aided.refusal("confirm_aid_paid", CLERK, **money).code == "AID_PAID_ALREADY"


def test_a_run_is_computed_again_until_it_is_approved(aided):
    """The same name is a new version; after the approval another run holds the difference."""
    aided.do("record_aid_attendance", RECEIVER, rows=months([1], "2026-09"))
    assert computed(aided)["version"] == 1
    assert aided.refusal("compute_aid", OFFICER, run="other", study_year=1, term=1).code == "AID_RUN_OPEN"
    assert aided.refusal("compute_aid", OFFICER, run="t1", study_year=1, term=2).code == "AID_RUN_OTHER_TERM"
    aided.do("record_aid_attendance", RECEIVER, rows=months([2], "2026-09"))
    assert (computed(aided)["version"], aided.state.aid.runs["t1"].payers) == (2, {RECEIVING: 40_000})
    approved(aided)
    assert aided.refusal("compute_aid", OFFICER, run="t1", study_year=1, term=1).code == "AID_RUN_APPROVED"
    assert aided.refusal("compute_aid", OFFICER, run="more", study_year=1, term=1).code == "AID_NOTHING_DUE"


def test_a_wrong_month_is_taken_back_by_a_line_of_its_own(aided):
    """What was paid is not edited: another run holds the month below zero, and the money comes back."""
    aided.do("record_aid_attendance", RECEIVER, rows=months([1, 2], "2026-09", "2026-10"))
    computed(aided)
    paid(aided)
    wrong = {"student": pupil(2), "month": "2026-10", "reason": "OTHER_PUPIL_SEEN"}
    aided.do("withdraw_aid_attendance", RECEIVER, **wrong)
    assert aided.refusal("withdraw_aid_attendance", RECEIVER, **wrong).code == "AID_MONTH_NOT_RECORDED"
    told = computed(aided, "t1-back")
    assert [(line["student"], line["months"]) for line in told["lines"]] == [(pupil(2), {"2026-10": -20_000})]
    paid(aided, "t1-back")
    assert aided.last("AidRecovered")["data"]["fen"] == 20_000
    aided.do("record_aid_attendance", RECEIVER, rows=months([2], "2026-10"))
    assert computed(aided, "t1-again")["fen"] == 20_000
    aided.consistent()


def test_a_raise_leaves_paid_months_as_they_are():
    """The policy's later rate prices the months from its own on, and nothing that was paid (INV-29)."""
    stream = listed(campaign({"aid_rate_changes": [["2026-11", 2300]]}), [row(1)]).to("2027-01-31 09:00")
    stream.do("record_aid_attendance", RECEIVER, rows=months([1], "2026-10", "2026-11"))
    assert computed(stream)["lines"][0]["months"] == {"2026-10": 20_000, "2026-11": 23_000}


def test_long_runs_go_over_several_events():
    """250 lines are two events; what is paid is the sum of both."""
    numbers = range(1, 251)
    stream = listed(campaign(), [row(number) for number in numbers])
    stream.do("record_aid_attendance", RECEIVER, rows=months(numbers, "2026-11"))
    told = computed(stream)
    assert (len(told["lines"]), told["pupils"], told["fen"]) == (200, 250, 5_000_000)
    assert stream.names()[-1] == "AidLinesAdded"
    stream.restart()
    paid(stream)
    assert (stream.last("AidPaid")["data"]["pupils"], stream.last("AidPaid")["data"]["fen"]) == (250, 5_000_000)
    assert stream.state.aid.runs["t1"].lines == []
    stream.consistent()


def test_what_is_not_paid_stands_in_the_way_of_closing(aided):
    """A list or a run that nobody has finished blocks the campaign's close; a finished one does not."""
    aided.do("draft_aid_list", OFFICER, listed="later", rows=[row(4)])
    aided.do("record_aid_attendance", RECEIVER, rows=months([1], "2026-09"))
    computed(aided)

    def waiting():
        blockers = aided.decider.blockers(aided.state)
        return {one.code: one.count for one in blockers if one.code.startswith("AID_")}

    assert waiting() == {"AID_LISTS_UNDECIDED": 1, "AID_MONTHS_UNPAID": 1, "AID_RUNS_UNPAID": 1}
    aided.do("approve_aid_run", APPROVER, run="t1", version=1)
    assert waiting() == {"AID_LISTS_UNDECIDED": 1, "AID_RUNS_UNPAID": 1}
    aided.do("confirm_aid_paid", CLERK, run="t1", payer=RECEIVING, document=DOCUMENT)
    aided.do("reject_aid_list", APPROVER, listed="later", reason="TWICE")
    assert waiting() == {}


def test_inv30_a_hold_never_blocks_aid(aided):
    """Under a case's hold on the whole campaign every step of aid goes through (DOMAIN §7.3 region C)."""
    aided.do("complain", ANONYMOUS, complaint="c-1", about=SCHOOL, matter="FEE")
    place = {"scope": "campaign", "school": None, "class_id": None, "student": None, "reason": "SUSPICION"}
    aided.hear("hold", f"{CAMPAIGN}/compliance/c-1", hold="c-1-1", placed=True, **place)
    assert list(aided.state.holds.open) == ["c-1-1"]
    aided.do("record_aid_attendance", RECEIVER, rows=months([1], *AUTUMN))
    assert computed(aided)["fen"] == 100_000
    paid(aided)
    assert aided.last("AidPaid")["data"]["fen"] == 100_000
    listed(aided, [row(5)], "more")


def test_who_is_no_part_of_aid_does_nothing(aided):
    """The table of permissions holds: a class head records no month, a receiving school approves nothing."""
    assert aided.refusal("record_aid_attendance", HEAD, rows=months([1], "2026-09")).code == "ROLE_NOT_ALLOWED"
    assert aided.refusal("approve_aid_list", RECEIVER, listed=LIST).code == "ROLE_NOT_ALLOWED"
    assert aided.refusal("compute_aid", RECEIVER, run="t1", study_year=1, term=1).code == "ROLE_NOT_ALLOWED"


def test_an_account_is_a_reference_and_never_a_number(aided):
    """A bank card where the digest belongs is refused before any rule, and not repeated."""
    refusal = aided.refusal("draft_aid_list", OFFICER, listed="cards", rows=[row(7, account="6222020200112233445")])
    assert refusal.code == "COMMAND_INVALID"
    assert "6222020200112233445" not in str(refusal.as_data())


def test_an_unpublished_calendar_is_said():
    """Five working days that reach an unpublished year cannot be counted yet."""
    stream = campaign(calendar=CALENDAR).to("2026-12-30 09:00")
    stream.do("draft_aid_list", OFFICER, listed="later", rows=[row(4)])
    refusal = stream.refusal("publish_aid_list", OFFICER, listed="later")
    assert (refusal.code, refusal.parameters["year"]) == ("CALENDAR_UNKNOWN", 2027)


def test_an_older_campaign_has_no_aid():
    """A campaign of release 2 goes on as it was."""
    stream = campaign(release=2)
    refusal = stream.refusal("draft_aid_list", OFFICER, listed=LIST, rows=[row(1)])
    assert refusal.code == "CAMPAIGN_TOO_OLD"


def test_what_is_not_there_is_said(aided):
    """A list, a run, a year of study or a stream that is none of this campaign's has its own refusal."""
    refusals = (
        ("AID_LIST_UNKNOWN", "publish_aid_list", OFFICER, {"listed": "none"}),
        ("AID_RUN_UNKNOWN", "approve_aid_run", APPROVER, {"run": "none", "version": 1}),
        ("AID_NOT_LISTED", "stop_aid", OFFICER, {"student": pupil(9), "last": "2026-12", "reason": "LEFT"}),
        ("AID_NOT_ENTITLED_YEAR", "compute_aid", OFFICER, {"run": "t1", "study_year": 3, "term": 1}),
        ("AID_BASIS_FOREIGN", "compute_aid", OFFICER, {"run": "t1", "study_year": 1, "term": 1, "basis": FOREIGN}),
    )
    for code, kind, who, fields in refusals:
        assert aided.refusal(kind, who, **fields).code == code


# -- what changes between a computation, its approval and the close ---------------------------------------------------


def test_a_run_is_not_approved_over_months_that_were_taken_back_or_stopped_since(aided):
    """R-14: what two lines hold is no longer so; computed again, the run holds what is left, and is approved."""
    aided.do("record_aid_attendance", RECEIVER, rows=months((1, 2, 3), *AUTUMN))
    computed(aided)
    aided.do("withdraw_aid_attendance", RECEIVER, student=pupil(1), month="2026-12", reason="OTHER_PUPIL")
    aided.do("stop_aid", RECEIVER, student=pupil(2), last="2026-09", reason="LEFT_SCHOOL")
    refusal = aided.refusal("approve_aid_run", APPROVER, run="t1", version=1)
    assert (refusal.code, refusal.parameters) == ("AID_RUN_STALE", {"run": "t1", "count": 2})
    assert computed(aided)["fen"] == (4 + 1 + 5) * 20_000
    paid(aided)
    aided.consistent()


def test_money_that_is_to_be_taken_back_stands_in_the_way_of_closing(aided):
    """A paid month that was withdrawn, or lies after a stop, is taken back before the campaign is closed."""
    aided.do("record_aid_attendance", RECEIVER, rows=months((1, 2), *AUTUMN))
    computed(aided)
    paid(aided)
    aided.do("withdraw_aid_attendance", RECEIVER, student=pupil(1), month="2026-12", reason="OTHER_PUPIL")
    aided.do("stop_aid", RECEIVER, student=pupil(2), last="2026-11", reason="LEFT_SCHOOL")

    def waiting():
        blockers = aided.decider.blockers(aided.state)
        return {one.code: one.count for one in blockers if one.code.startswith("AID_")}

    assert waiting() == {"AID_MONTHS_OVERPAID": 3}
    assert computed(aided, "t1-back")["fen"] == -3 * 20_000
    paid(aided, "t1-back")
    assert waiting() == {}


def test_who_is_listed_again_after_a_stop_is_paid_a_month_once(aided):
    """One run takes the months back from the old place and pays them to the new one; INV-33 sees no month twice."""
    aided.do("record_aid_attendance", RECEIVER, rows=months((1,), *AUTUMN))
    computed(aided)
    paid(aided)
    aided.do("stop_aid", RECEIVER, student=pupil(1), last="2026-10", reason="MISTAKEN")
    listed(aided, [row(1, first="2026-11")], name="again")
    aided.do("record_aid_attendance", RECEIVER, rows=months((1,), *AUTUMN[2:]))
    assert [line["fen"] for line in computed(aided, "t1-again")["lines"]] == [-60_000, 60_000]
    paid(aided, "t1-again")
    found = INVARIANTS["INV-33"].breaches(Log(CAMPAIGN, {CAMPAIGN: aided.ledger}))
    assert {one.en for one in found} == {"The pupil is registered nowhere."}  # there is no register beside this stream


def test_a_client_that_invents_a_departure_is_found(aided):
    """`left` is the client's word: months kept back or taken back by it alone are named (INV-07, INV-33)."""
    aided.do("record_aid_attendance", RECEIVER, rows=months((1,), *AUTUMN))
    computed(aided)
    paid(aided)
    computed(aided, "t1-back", left=[{"student": pupil(1), "school": RECEIVING, "last": "2026-08"}])
    log = Log(CAMPAIGN, {CAMPAIGN: aided.ledger, FOLLOWED: registered(aided)})
    told = [one.en for one in INVARIANTS["INV-33"].breaches(log)]
    assert told == ["Months are kept back of a pupil who had not left.", "A month is taken back that is still due."]
