"""One compliance case: its owner, its days, holds, what it finds, appeals and its end (DOMAIN §7.3 C, §7.6)."""

from __future__ import annotations

import pytest
from compliance_samples import AUDITOR, CASE, DISCIPLINE, SECOND_AUDITOR, case, confirmed, hands, told
from stream_samples import (
    APPROVER,
    CALENDAR,
    CALENDAR_2025,
    CAMPAIGN,
    HEAD,
    OFFICER,
    OTHER_SCHOOL,
    PRINCIPAL,
    SCHOOL,
    STRANGER,
    A,
    B,
    person,
)

from domain.actors import ANONYMOUS, Actor, Role
from domain.complaint_rules import made_by

GUARDIAN = Actor(id="gdn_000001", role=Role.GUARDIAN, organisation=SCHOOL)
OWN_ACTS = [
    ("acknowledge_case", {}),
    ("open_investigation", {}),
    ("place_hold", {"scope": "campaign", "reason": "SUSPICION"}),
    ("extend_case_deadline", {"reason": "MANY_WITNESSES"}),
    ("confirm_violation", {"violation": "PRESSURE", "school": SCHOOL, "reason": "HEARD"}),
    ("dismiss_violation", {"reason": "NOTHING_FOUND"}),
    ("refer_case", {"reason": "CRIMINAL"}),
    ("read_note", {"text": "nte_abcdef"}),
]


# -- whose it is --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "fields"), OWN_ACTS, ids=[kind for kind, _ in OWN_ACTS])
def test_only_the_owner_acts_in_a_case(kind, fields):
    """The other office is refused on record; nobody of the school or the bureau has the command at all (INV-32)."""
    stream = case()
    assert stream.recorded(kind, AUDITOR, **fields) == "COMPLAINT_OF_ANOTHER"
    for who in (HEAD, PRINCIPAL, OFFICER, APPROVER, GUARDIAN, ANONYMOUS):
        assert stream.refusal(kind, who, **fields).code == "ROLE_NOT_ALLOWED"
    stream.do(kind, DISCIPLINE, **fields)
    stream.restart()
    stream.consistent()


@pytest.mark.parametrize(("kind", "fields"), OWN_ACTS, ids=[kind for kind, _ in OWN_ACTS])
def test_nobody_judges_a_complaint_of_their_own(kind, fields):
    """Edge 26: the owner, or somebody for the owner, has complained; another person of the office goes on."""
    stream = case(made_by=hands(DISCIPLINE))
    deputy = person("deputy", Role.DISCIPLINE_OFFICER, "bureau", on_behalf_of=DISCIPLINE.id)
    before = len(stream.ledger)
    for who in (DISCIPLINE, deputy):
        assert stream.refusal(kind, who, hands=hands(who), **fields).code == "COMPLAINT_YOUR_OWN"
    assert len(stream.ledger) == before, "a refusal on record would say who complained"
    other = person("other", Role.DISCIPLINE_OFFICER, "bureau")
    stream.do(kind, other, hands=hands(other), **fields)
    stream.restart()
    stream.consistent()


@pytest.mark.parametrize("deputy", [True, False], ids=["for another", "for oneself"])
def test_whom_a_complaint_was_made_for_does_not_judge_it(deputy):
    """Whoever stood in has a hand in it, and so has whom they stood in for."""
    clerk = person("clerk", Role.AUDITOR, "bureau", on_behalf_of=DISCIPLINE.id if deputy else None)
    stream = case(made_by=hands(clerk))
    if deputy:
        assert stream.refusal("acknowledge_case", DISCIPLINE, hands=hands(DISCIPLINE)).code == "COMPLAINT_YOUR_OWN"
    else:
        stream.do("acknowledge_case", DISCIPLINE, hands=hands(DISCIPLINE))


@pytest.mark.parametrize("origin", ["COMPLAINT", "NOTE"])
@pytest.mark.parametrize(("kind", "fields"), OWN_ACTS, ids=[kind for kind, _ in OWN_ACTS])
def test_a_case_that_somebody_asked_for_takes_no_command_without_hands(kind, fields, origin):
    """What cannot be compared is refused, not let through; a digest of another case shows nothing."""
    stream = case(made_by=hands(HEAD), origin=origin)
    assert stream.refusal(kind, DISCIPLINE, **fields).code == "HANDS_MISSING"
    for odd in (["stf_head"], ["hnd_1"], hands(DISCIPLINE) * 3):
        assert stream.refusal(kind, DISCIPLINE, hands=odd, **fields).code == "COMMAND_INVALID"
    stream.do(kind, DISCIPLINE, hands=hands(DISCIPLINE), **fields)


def test_who_complained_and_does_not_own_the_case_is_refused_without_a_record():
    """A recorded refusal, as anybody else gets who does not own it, would stand beside the hands and name them."""
    stream = case(made_by=hands(AUDITOR))
    before = len(stream.ledger)
    refusal = stream.refusal("acknowledge_case", AUDITOR, hands=hands(AUDITOR))
    assert (refusal.code, refusal.recorded) == ("COMPLAINT_YOUR_OWN", False)
    assert len(stream.ledger) == before
    assert stream.recorded("acknowledge_case", SECOND_AUDITOR, hands=hands(SECOND_AUDITOR)) == "COMPLAINT_OF_ANOTHER"


def test_a_case_that_the_record_names_the_reporter_of_needs_no_hands():
    """A suspicion and a source of funds: the reporter stands in the campaign's stream; a refusal is on record."""
    for origin in ("SUSPICION", "FUNDING_SOURCE"):
        stream = case(made_by=list(made_by(CASE, DISCIPLINE)), origin=origin)
        assert stream.recorded("acknowledge_case", DISCIPLINE) == "SELF_APPROVAL"
        stream.do("acknowledge_case", person("other", Role.DISCIPLINE_OFFICER, "bureau"))


def test_the_case_never_holds_who_complained():
    """Digests that differ from case to case; no reference of the complainant in state, record or board (INV-32)."""
    stream = case(made_by=hands(HEAD))
    everything = f"{stream.ledger}{stream.state.model_dump_json()}{stream.machine.view()}"
    assert HEAD.id not in everything
    assert not set(made_by(CASE, HEAD)) & set(stream.state.made_by)
    assert hands(HEAD) != hands(HEAD, "c-2")
    assert "made_by" not in stream.machine.view()


def test_every_reading_of_the_words_is_on_record():
    """Who read which note stands in the case; a note of another case is none of this one's."""
    stream = case()
    stream.do("read_note", DISCIPLINE, text="nte_abcdef")
    stream.do("read_note", DISCIPLINE, text="nte_abcdef")
    assert stream.names().count("NoteRead") == 2
    assert stream.last("NoteRead")["actor"]["id"] == DISCIPLINE.id
    assert stream.refusal("read_note", DISCIPLINE, text="nte_zzzzzz").code == "NOTE_UNKNOWN"


# -- days ---------------------------------------------------------------------------------------------------------


def test_a_case_that_nobody_answers_goes_to_the_office_above():
    """One working day to answer, fifteen to decide; at the end of each the other office may act too (DOMAIN §7.6)."""
    stream = case().to("2025-11-11 08:00")
    assert stream.moments("AcknowledgementOverdue") == ["2025-10-22 00:00"]
    assert stream.moments("DecisionOverdue") == ["2025-11-11 00:00"]
    assert stream.last("DecisionOverdue")["data"]["to_role"] == "auditor"
    assert stream.machine.view()["owners"] == ["discipline_officer", "auditor"]
    assert stream.machine.view()["overdue"]
    stream.do("confirm_violation", AUDITOR, violation="PRESSURE", school=SCHOOL, reason="HEARD_BOTH")
    stream.consistent()


def test_working_days_are_counted_and_holidays_are_not():
    """Received on the last day before the week of National Day 2025: answered by the first working day after it."""
    stream = case("2025-09-30 20:00")
    assert stream.machine.view()["acknowledge_by"] == "2025-10-09"


def test_a_case_in_time_has_no_overdue():
    """Answered on the day, decided on the last day: no clock rings."""
    stream = case().to("2025-10-21 23:59")
    stream.do("acknowledge_case", DISCIPLINE)
    assert stream.refusal("acknowledge_case", DISCIPLINE).code == "COMPLAINT_ACKNOWLEDGED"
    stream.to("2025-11-10 23:59").do("dismiss_violation", DISCIPLINE, reason="NOTHING_FOUND")
    stream.to("2026-06-01 08:00")
    assert not {"AcknowledgementOverdue", "DecisionOverdue"} & set(stream.names())


def test_the_time_is_extended_once_by_fifteen_working_days():
    """A second time is refused, and so is a day that has passed."""
    stream = case()
    stream.do("extend_case_deadline", DISCIPLINE, reason="MANY_WITNESSES")
    assert stream.machine.view()["decide_by"] == "2025-12-01"
    assert stream.refusal("extend_case_deadline", DISCIPLINE, reason="MORE").code == "CASE_EXTENDED"
    stream.to("2025-12-02 08:00")
    assert stream.moments("DecisionOverdue") == ["2025-12-02 00:00"]
    late = case().to("2025-11-11 08:00")
    assert late.refusal("extend_case_deadline", DISCIPLINE, reason="LATE").code == "CASE_DEADLINE_PASSED"


def test_a_day_in_an_unpublished_year_is_not_lost():
    """The calendar ends in the middle of the fifteen days: no clock yet, and one as soon as the year is published."""
    stream = case("2025-12-20 08:00", calendar=CALENDAR_2025)
    assert "decide_by" not in stream.machine.view()
    stream.to("2026-01-05 08:00")
    assert "DecisionOverdue" not in stream.names()
    newer = CALENDAR.model_copy(update={"version": 2}).model_dump(mode="json")
    stream.hear("calendar", sender=CAMPAIGN, calendar=newer)
    assert stream.machine.view()["decide_by"] == "2026-01-12"
    assert stream.machine.view()["acknowledge_by"] == "2025-12-22"
    stream.hear("calendar", sender=CAMPAIGN, calendar=newer)
    assert stream.names().count("CaseCalendarNoted") == 1
    stream.to("2026-01-13 08:00")
    assert stream.moments("DecisionOverdue") == ["2026-01-13 00:00"]
    stream.consistent()


def test_an_extension_before_the_year_is_known_counts_when_it_is():
    """Thirty working days from the day it was received, whenever they can be counted."""
    stream = case("2025-12-20 08:00", calendar=CALENDAR_2025)
    stream.do("extend_case_deadline", DISCIPLINE, reason="HOLIDAYS")
    stream.hear(
        "calendar", sender=CAMPAIGN, calendar=CALENDAR.model_copy(update={"version": 2}).model_dump(mode="json")
    )
    assert stream.machine.view()["decide_by"] == "2026-02-02"


# -- holds --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "place"),
    [
        ("campaign", {}),
        ("school", {"school": SCHOOL}),
        ("class", {"school": SCHOOL, "class_id": "2023-01"}),
        ("student", {"school": SCHOOL, "student": A}),
        ("student", {"school": SCHOOL, "class_id": "2023-01", "student": A}),
    ],
)
def test_a_hold_is_placed_once_and_told_to_the_campaign(scope, place):
    """Placed with a reason, numbered by the case, released with a reason."""
    stream = case()
    assert stream.refusal("place_hold", DISCIPLINE, scope=scope, **place).code == "REASON_REQUIRED"
    stream.do("place_hold", DISCIPLINE, scope=scope, reason="SUSPICION", **place)
    [(kind, data)] = told(stream)
    whole = {"school": None, "class_id": None, "student": None, **place}
    assert (kind, data["hold"], data["placed"]) == ("hold", "c-1-h1", True)
    assert {name: data[name] for name in whole} == whole
    again = {"scope": scope, "reason": "AGAIN", **place}
    assert stream.refusal("place_hold", DISCIPLINE, **again).code == "HOLD_EXISTS"
    stream.do("release_hold", DISCIPLINE, hold="c-1-h1", reason="CLEARED")
    [(kind, data)] = told(stream)
    assert (kind, data["hold"], data["placed"], data["reason"]) == ("hold", "c-1-h1", False, "CLEARED")
    assert stream.refusal("release_hold", DISCIPLINE, hold="c-1-h1", reason="CLEARED").code == "HOLD_UNKNOWN"
    stream.do("place_hold", DISCIPLINE, **again)
    assert stream.last("HoldPlaced")["data"]["hold"] == "c-1-h2"
    stream.consistent()


@pytest.mark.parametrize(
    ("scope", "place"),
    [
        ("campaign", {"school": SCHOOL}),
        ("school", {}),
        ("school", {"school": SCHOOL, "class_id": "2023-01"}),
        ("class", {"school": SCHOOL}),
        ("class", {"class_id": "2023-01"}),
        ("student", {"student": A}),
        ("student", {"school": SCHOOL}),
    ],
)
def test_a_hold_names_exactly_its_place(scope, place):
    """A hold on a class without its school would hold nothing, or all."""
    stream = case()
    assert stream.refusal("place_hold", DISCIPLINE, scope=scope, reason="X_Y", **place).code == "COMMAND_INVALID"


def test_a_school_that_the_campaign_has_not_is_refused():
    """For a hold as for a violation."""
    stream = case()
    place = {"school": "9900019999", "reason": "X_Y"}
    assert stream.refusal("place_hold", DISCIPLINE, scope="school", **place).code == "SCHOOL_UNKNOWN"
    assert stream.refusal("confirm_violation", DISCIPLINE, violation="DATA", **place).code == "SCHOOL_UNKNOWN"


# -- what is found, and appeals -----------------------------------------------------------------------------------


def test_an_unappealed_violation_is_final_after_the_window_and_releases_the_holds():
    """Seven civil days; then it is told again as final, holds end with the case, and nothing is due any more."""
    stream = case()
    stream.do("place_hold", DISCIPLINE, scope="school", school=SCHOOL, reason="SUSPICION")
    found = {"violation": "PAID_RECRUITING", "school": SCHOOL, "class_id": "2023-01", "students": [A, B]}
    stream.do("confirm_violation", DISCIPLINE, reason="MONEY_SEEN", **found)
    told(stream)
    assert stream.machine.view()["appeal_by"] == "2025-10-27"
    stream.to("2025-10-27 23:59")
    assert stream.names()[-1] == "ViolationConfirmed"
    stream.to("2025-10-28 08:00")
    assert stream.names()[-3:] == ["ViolationConfirmed", "HoldReleased", "CaseClosed"]
    final, released, closed = told(stream)
    assert {**found, "final": True}.items() <= final[1].items()
    assert (released[0], released[1]["placed"]) == ("hold", False)
    assert closed == ("case_closed", {"outcome": "VIOLATION"})
    assert stream.machine.finished()
    assert stream.machine.due() is None
    assert stream.refusal("acknowledge_case", DISCIPLINE).code == "CASE_CLOSED"
    stream.consistent()


def test_a_violation_names_its_school_and_each_pupil_once():
    """Pupils and classes are some school's."""
    stream = case()
    base = {"violation": "FORGED_CONSENT", "reason": "X_Y"}
    for place in ({"students": [A]}, {"class_id": "2023-01"}, {"school": SCHOOL, "students": [A, A]}):
        assert stream.refusal("confirm_violation", DISCIPLINE, **base, **place).code == "COMMAND_INVALID"
    assert stream.refusal("confirm_violation", DISCIPLINE, violation="DATA").code == "REASON_REQUIRED"


def test_only_the_unit_concerned_appeals_and_only_in_time():
    """A stranger's attempt is on record; the last day of the window is in time, the next is not."""
    stream = confirmed()
    assert stream.recorded("file_case_appeal", STRANGER, reason="UNTRUE") == "WRONG_SCHOOL"
    assert stream.recorded("file_case_appeal", OFFICER, reason="UNTRUE") == "WRONG_SCHOOL"
    stream.to("2025-10-27 23:59").do("file_case_appeal", PRINCIPAL, reason="UNTRUE")
    assert stream.refusal("file_case_appeal", PRINCIPAL, reason="UNTRUE").code == "CASE_STATUS"
    early = case()
    assert early.refusal("file_case_appeal", PRINCIPAL, reason="UNTRUE").code == "CASE_STATUS"
    late = confirmed().to("2025-10-28 00:01")
    assert late.refusal("file_case_appeal", PRINCIPAL, reason="UNTRUE").code == "CASE_CLOSED"


def test_an_appeal_stops_the_window_and_is_decided_by_somebody_without_a_hand():
    """Not the owner who found it, not the appellant, not somebody for them; the window's end changes nothing."""
    stream = confirmed()
    stream.do("file_case_appeal", PRINCIPAL, reason="UNTRUE")
    stream.to("2025-11-05 08:00")
    assert stream.state.status == "appealed"
    answer = {"outcome": "REJECTED", "reason": "MONEY_SEEN_AGAIN"}
    deputy = person("deputy", Role.AUDITOR, "bureau", on_behalf_of=DISCIPLINE.id)
    for who in (DISCIPLINE, deputy):
        assert stream.recorded("decide_case_appeal", who, **answer) == "SELF_APPROVAL"
    assert stream.refusal("decide_case_appeal", PRINCIPAL, **answer).code == "ROLE_NOT_ALLOWED"
    assert stream.refusal("dismiss_violation", DISCIPLINE, reason="X_Y").code == "CASE_STATUS"
    told(stream)
    stream.do("decide_case_appeal", SECOND_AUDITOR, **answer)
    kinds = [kind for kind, _ in told(stream)]
    assert kinds == ["violation", "case_closed"]
    assert stream.state.outcome == "VIOLATION"
    stream.consistent()


def test_the_bureau_decides_no_appeal_about_itself():
    """A case about the bureau: its approver is of the unit concerned, the second auditor is not."""
    stream = case(about="bureau", owner="auditor")
    stream.do("confirm_violation", AUDITOR, violation="FALSE_REPORT", reason="SEEN")
    stream.do("file_case_appeal", OFFICER, reason="UNTRUE")
    answer = {"outcome": "GRANTED", "reason": "MISREAD"}
    assert stream.recorded("decide_case_appeal", APPROVER, **answer) == "CASE_OF_OWN_UNIT"
    stream.do("decide_case_appeal", SECOND_AUDITOR, **answer)


def test_the_complainant_decides_no_appeal():
    """Whoever made the complaint has a hand in it, though no reference of theirs stands here."""
    stream = case(made_by=hands(AUDITOR))
    found = {"violation": "PRESSURE", "school": SCHOOL, "reason": "SEEN"}
    stream.do("confirm_violation", DISCIPLINE, hands=hands(DISCIPLINE), **found)
    stream.do("file_case_appeal", PRINCIPAL, reason="UNTRUE")
    answer = {"outcome": "REJECTED", "reason": "X_Y"}
    own = stream.refusal("decide_case_appeal", AUDITOR, hands=hands(AUDITOR), **answer)
    assert own.code == "COMPLAINT_YOUR_OWN"
    assert stream.refusal("decide_case_appeal", SECOND_AUDITOR, **answer).code == "HANDS_MISSING"
    stream.do("decide_case_appeal", SECOND_AUDITOR, hands=hands(SECOND_AUDITOR), **answer)


def test_an_appeal_that_nobody_decides_is_escalated():
    """Fifteen working days again; the case stays open until somebody decides."""
    stream = confirmed()
    stream.do("file_case_appeal", PRINCIPAL, reason="UNTRUE")
    stream.to("2025-12-01 08:00")
    overdue = stream.last("DecisionOverdue")["data"]
    assert (overdue["step"], overdue["due"]) == ("appeal", "2025-11-10")
    assert stream.state.status == "appealed"


@pytest.mark.parametrize("won", [True, False], ids=["a won appeal", "a second look of the owner"])
def test_a_dismissal_tells_the_same_places_as_the_violation_did(won):
    """Edge 44: the same school, class and pupils, whoever takes it back."""
    stream = confirmed(class_id="2023-01", students=[A, B])
    (_, before), *_ = told(stream)
    if won:
        stream.do("file_case_appeal", PRINCIPAL, reason="UNTRUE")
        stream.do("decide_case_appeal", AUDITOR, outcome="GRANTED", reason="ANOTHER_PERSON")
    else:
        stream.do("dismiss_violation", DISCIPLINE, reason="ANOTHER_PERSON")
    (kind, after), closed = told(stream)
    assert kind == "dismissal"
    assert all(after[name] == before[name] for name in ("violation", "school", "class_id", "students"))
    assert closed == ("case_closed", {"outcome": "DISMISSED"})
    assert stream.state.violation is None
    stream.consistent()


def test_a_referred_case_keeps_its_day_and_is_closed_or_decided():
    """INV-32: who hands a case on has not answered it; the answer is entered, or the case closed as handed over."""
    stream = case()
    stream.do("place_hold", DISCIPLINE, scope="school", school=SCHOOL, reason="SUSPICION")
    assert stream.refusal("close_case", DISCIPLINE, reason="DONE").code == "CASE_STATUS"
    due = stream.machine.due()
    stream.do("refer_case", DISCIPLINE, reason="CRIMINAL")
    assert stream.machine.due() is not None
    assert stream.machine.due() > due
    assert stream.refusal("refer_case", DISCIPLINE, reason="CRIMINAL").code == "CASE_STATUS"
    stream.do("close_case", DISCIPLINE, reason="TAKEN_OVER")
    assert stream.names()[-2:] == ["HoldReleased", "CaseClosed"]
    other = case()
    other.do("refer_case", DISCIPLINE, reason="CRIMINAL")
    other.do("confirm_violation", DISCIPLINE, violation="PAID_RECRUITING", school=SCHOOL, reason="SENTENCED")
    assert other.state.status == "confirmed"


def test_an_investigation_is_opened_once():
    """And not after a decision."""
    stream = case()
    stream.do("open_investigation", DISCIPLINE)
    assert stream.refusal("open_investigation", DISCIPLINE).code == "CASE_STATUS"
    assert confirmed().refusal("open_investigation", DISCIPLINE).code == "CASE_STATUS"


# -- a complaint that is taken back -------------------------------------------------------------------------------


def test_a_withdrawn_complaint_goes_on():
    """Edge 26: perhaps it was taken back under pressure. Owner, days and holds stay; nobody's name is written."""
    stream = case(made_by=hands(HEAD))
    place = {"scope": "school", "school": SCHOOL, "reason": "SUSPICION"}
    stream.do("place_hold", DISCIPLINE, hands=hands(DISCIPLINE), **place)
    before = {**stream.machine.view(), "withdrawn": True}
    assert stream.refusal("withdraw_complaint", ANONYMOUS, hands=hands(PRINCIPAL)).code == "COMPLAINT_NOT_YOURS"
    assert stream.refusal("withdraw_complaint", ANONYMOUS).code == "COMPLAINT_NOT_YOURS"
    assert stream.refusal("withdraw_complaint", HEAD, hands=hands(HEAD)).code == "COMPLAINT_NAMED"
    stream.do("withdraw_complaint", ANONYMOUS, hands=hands(HEAD))
    assert stream.last("ComplaintWithdrawn")["actor"]["id"] == "anonymous"
    assert stream.machine.view() == before
    assert stream.refusal("withdraw_complaint", ANONYMOUS, hands=hands(HEAD)).code == "COMPLAINT_WITHDRAWN"
    stream.to("2025-11-11 08:00")
    assert "DecisionOverdue" in stream.names()
    stream.consistent()


def test_an_unnamed_complaint_can_be_taken_back_by_whoever_has_its_reference():
    """Nobody knows who made it, and nothing depends on it."""
    stream = case()
    stream.do("withdraw_complaint", ANONYMOUS)
    assert stream.state.status == "open"


def test_another_school_is_no_unit_of_the_case():
    """The school that a violation names can appeal too, besides the one complained of."""
    stream = confirmed(school=OTHER_SCHOOL)
    stream.do("file_case_appeal", STRANGER, reason="UNTRUE")
