"""Carers, letters, leading group, stand-ins and access in a school's stream (DOMAIN §1.6, R-06, R-07, S13, S15)."""

from __future__ import annotations

import json
from datetime import date

import pytest
from care_courses import (
    ALL,
    DEPUTY,
    LETTER,
    REGISTRAR,
    SECOND,
    TEACHER,
    THIRD,
    access,
    carers_of,
    delegated,
    first_class,
    formed,
    letters_of,
    partitioned,
    school,
    sign,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_samples import AUDITOR, CAMPAIGN, GRADE, HEAD, OFFICER, PRINCIPAL, SCHOOL, STRANGER, Stream, person, when
from test_school import START

from domain.actors import Role
from domain.care import unsigned, without_carers
from domain.care_access import is_own
from domain.care_events import UseAccess
from domain.delegation import classes_of, require_delegation
from domain.notices import notices_for
from domain.refusal import Refusal

ONE = first_class()
EXIT = {"exit": "transfer", "on": "2025-10-20"}


# -- carers -----------------------------------------------------------------------------------------------------


def test_a_class_is_shared_by_three():
    """47 pupils: 28, 10 and 9; everybody has one carer, and nobody is left over."""
    stream = partitioned(school(47))
    event = stream.last("StudentsPartitioned")["data"]
    assert (event["shares"], event["moved"]) == ([28, 10, 9], 0)
    assert sorted(student for group in event["groups"] for student in group) == sorted(ONE[:47])
    assert stream.machine.view()["care"] == {
        "classes": 1,
        "without": 1,
        "letters_missing": 3,
        "leading_group": False,
    }
    stream.restart()
    stream.consistent()


def test_special_groups_come_first_and_no_event_says_who_they_are():
    """The last pupils of the list are with the class head; the word for it stands nowhere in the record."""
    stream = partitioned(school(47), special=ONE[40:47])
    event = stream.last("StudentsPartitioned")["data"]
    assert set(ONE[40:47]) <= set(event["groups"][0])
    assert "special" not in json.dumps(stream.ledger)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"carers": [HEAD.id, SECOND]}, "CARERS_NOT_AS_MANY"),
        ({"carers": [HEAD.id, SECOND, SECOND]}, "CARERS_NOT_AS_MANY"),
        ({"class_id": "2026-09"}, "CLASS_UNKNOWN"),
        ({"special": ["stu_999999"]}, "SPECIAL_NOT_OF_CLASS"),
    ],
)
def test_a_partition_that_cannot_be(fields, code):
    """Three different carers of one class, and its own pupils only."""
    usual = {"class_id": "2026-01", "carers": [HEAD.id, SECOND, THIRD]}
    assert school(10).refusal("partition_class", GRADE, **{**usual, **fields}).code == code


def test_a_class_head_does_not_choose_the_carers():
    """The grade leader or the principal does."""
    fields = {"class_id": "2026-01", "carers": [HEAD.id, SECOND, THIRD]}
    assert school(10).refusal("partition_class", HEAD, **fields).code == "ROLE_NOT_ALLOWED"


def test_the_same_again_is_refused():
    """Nothing changes, so nothing is recorded."""
    stream = partitioned(school(10))
    fields = {"class_id": "2026-01", "carers": [HEAD.id, SECOND, THIRD]}
    assert stream.refusal("partition_class", GRADE, **fields).code == "PARTITION_UNCHANGED"


def test_the_partition_follows_departures_and_joiners_with_the_fewest_moves():
    """46 have 28/9/9; one of the second carer's leaves: 27/9/9, so one pupil of the class head moves, no more."""
    stream = partitioned(school(46))
    leaving = stream.last("StudentsPartitioned")["data"]["groups"][1][0]
    before = carers_of(stream)
    stream.do("record_exits", REGISTRAR, rows=[{"student": leaving, **EXIT}])
    assert leaving not in carers_of(stream), "at once, before the partition follows"
    stream.to(stream.now)
    event = stream.last("StudentsPartitioned")
    assert (event["data"]["shares"], event["data"]["moved"]) == ([27, 9, 9], 1)
    assert event["actor"]["role"] == "system"
    after = carers_of(stream)
    assert leaving not in after
    assert sum(before[student] != carer for student, carer in after.items()) == 1
    row = {"student": "stu_newcomer01", "class_id": "2026-01", "on": "2025-10-20"}
    stream.do("enrol_students", REGISTRAR, rows=[row])
    stream.to(stream.now)
    assert stream.last("StudentsPartitioned")["data"]["shares"] == [28, 9, 9]
    assert carers_of(stream) == {**after, "stu_newcomer01": HEAD.id}
    assert stream.machine.due() == when("2025-12-01 08:00"), "nothing is left but the day of the letters"
    stream.consistent()


def test_who_takes_over_takes_the_pupils_over():
    """A replaced carer's pupils stay together; the letter of the one who left is not the follower's."""
    stream = partitioned(formed(school(10)))
    sign(stream, TEACHER, "TEACHER", "2026-01")
    before = carers_of(stream)
    stream.do("replace_staff", PRINCIPAL, leaving=SECOND, joining="stf_follower", role="class_head", on="2025-10-20",
              reason="LEAVE")  # fmt: skip
    stream.to(stream.now)
    event = stream.last("StudentsPartitioned")["data"]
    assert (event["carers"], event["moved"]) == ([HEAD.id, "stf_follower", THIRD], 0)
    assert carers_of(stream) == {s: "stf_follower" if carer == SECOND else carer for s, carer in before.items()}
    assert ("TEACHER", "2026-01", "stf_follower") in letters_of(stream)


def test_another_carer_in_the_same_place_moves_nobody():
    """A new partition with another third carer: the group stays whole."""
    stream = partitioned(school(10))
    stream.do("partition_class", GRADE, class_id="2026-01", carers=[HEAD.id, SECOND, "stf_fourth"])
    assert stream.last("StudentsPartitioned")["data"]["moved"] == 0


MOVES = st.lists(st.tuples(st.sampled_from(["leave", "join", "back"]), st.integers(0, 30)), max_size=12)


@given(MOVES)
@settings(max_examples=40, deadline=None)
def test_after_any_course_every_pupil_has_exactly_one_carer(moves):
    """INV-16 at every pause; the shares are those of R-06, and the record alone gives the state."""
    stream = partitioned(school(20))
    for kind, number in moves:
        student = f"stu_newcomer{number:02d}" if kind == "join" else ONE[number % 20]
        here = student in stream.state.students
        try:
            if kind == "leave" and here:
                stream.do("record_exits", REGISTRAR, rows=[{"student": student, **EXIT}])
            elif kind != "leave" and not here:
                row = {"student": student, "class_id": "2026-01", "on": "2025-10-20"}
                stream.do("enrol_students", REGISTRAR, rows=[row])
        except Refusal:  # pragma: no cover - shown by the assertion below
            pytest.fail("an ordinary change was refused")
        stream.to(stream.now)
        of_class = [one for one, class_id in stream.state.students.items() if class_id == "2026-01"]
        assert sorted(carers_of(stream)) == sorted(of_class)
        assert sum(map(len, stream.state.care.classes["2026-01"].groups)) == len(of_class)
    stream.consistent()


def test_an_older_campaign_has_no_carers():
    """A stream of the first releases refuses, and says why."""
    fields = {"class_id": "2026-01", "carers": [HEAD.id, SECOND, THIRD]}
    assert school(10, release=2).refusal("partition_class", GRADE, **fields).code == "CAMPAIGN_TOO_OLD"


# -- leading group and letters ----------------------------------------------------------------------------------


def test_the_principal_is_the_first_person():
    """R-07: who forms the group stands at its head; nobody stands in it twice; a change is another event."""
    stream = school(10)
    fields = {"deputies": [DEPUTY.id], "members": [HEAD.id]}
    assert stream.refusal("form_leading_group", GRADE, head=GRADE.id, **fields).code == "ROLE_NOT_ALLOWED"
    assert stream.refusal("form_leading_group", PRINCIPAL, head=GRADE.id, **fields).code == "GROUP_HEAD_NOT_PRINCIPAL"
    twice = {"head": PRINCIPAL.id, "deputies": [HEAD.id], "members": [HEAD.id]}
    assert stream.refusal("form_leading_group", PRINCIPAL, **twice).code == "GROUP_PERSON_TWICE"
    formed(stream)
    again = {"head": PRINCIPAL.id, "deputies": [DEPUTY.id, GRADE.id], "members": [HEAD.id]}
    assert stream.refusal("form_leading_group", PRINCIPAL, **again).code == "GROUP_UNCHANGED"
    stream.do("form_leading_group", PRINCIPAL, **{**again, "members": []})
    assert [name for name in stream.names() if "LeadingGroup" in name] == ["LeadingGroupFormed", "LeadingGroupChanged"]


def test_letters_are_owed_at_every_level_until_they_are_signed():
    """From the principal down to the teachers; who has signed is missing no more (R-07, DOMAIN §5.1)."""
    stream = partitioned(formed(school(10)))
    assert letters_of(stream) == [
        ("PRINCIPAL", "school", PRINCIPAL.id),
        ("VICE_PRINCIPAL", "school", DEPUTY.id),
        ("GRADE_LEADER", "grade", GRADE.id),
        ("CLASS_HEAD", "2026-01", HEAD.id),
        ("TEACHER", "2026-01", SECOND),
        ("TEACHER", "2026-01", THIRD),
    ]
    for who, level, scope in ALL:
        sign(stream, who, level, scope)
    assert letters_of(stream) == []
    assert without_carers(stream.state) == ["2026-02"]
    event = stream.last("ResponsibilityLetterSigned")
    assert (event["data"]["signer"], event["data"]["letter"]) == (event["actor"]["id"], LETTER)


def test_nobody_signs_for_somebody_else():
    """Not their level, not their class, not as a stand-in; the last attempt stays in the record."""
    stream = partitioned(formed(school(10)))
    fields = {"letter": LETTER, "version": "letter-1"}
    for who, level, scope in ((HEAD, "PRINCIPAL", "school"), (GRADE, "CLASS_HEAD", "2026-01")):
        assert stream.refusal("sign_letter", who, level=level, scope=scope, **fields).code == "LETTER_NOT_YOURS"
    stand_in = GRADE.model_copy(update={"on_behalf_of": PRINCIPAL.id})
    told = stream.recorded("sign_letter", stand_in, level="PRINCIPAL", scope="school", **fields)
    assert told == "LETTER_IS_PERSONAL"
    bad = {"level": "PRINCIPAL", "scope": "school", "letter": "的全文", "version": "letter-1"}
    assert stream.refusal("sign_letter", PRINCIPAL, **bad).code == "COMMAND_INVALID"


def test_a_letter_is_signed_once_in_a_version_and_can_be_revoked():
    """Another version is another letter; the signer or the principal takes it back, with a reason."""
    stream = partitioned(formed(school(10)))
    sign(stream, HEAD, "CLASS_HEAD", "2026-01")
    fields = {"level": "CLASS_HEAD", "scope": "2026-01"}
    same = {**fields, "letter": LETTER, "version": "letter-1"}
    assert stream.refusal("sign_letter", HEAD, **same).code == "LETTER_ALREADY_SIGNED"
    stream.do("sign_letter", HEAD, **{**same, "version": "letter-2"})
    gone = {**fields, "signer": HEAD.id}
    assert stream.refusal("revoke_letter", HEAD, **gone).code == "REASON_REQUIRED"
    assert stream.refusal("revoke_letter", GRADE, **gone, reason="WRONG").code == "LETTER_NOT_YOURS"
    stream.do("revoke_letter", PRINCIPAL, **gone, reason="WRONG_TEXT")
    assert ("CLASS_HEAD", "2026-01", HEAD.id) in letters_of(stream)
    assert stream.refusal("revoke_letter", PRINCIPAL, **gone, reason="WRONG_TEXT").code == "LETTER_UNKNOWN"


def test_a_new_principal_stands_at_the_head_and_owes_a_letter():
    """The group follows the staff list by an event of its own."""
    stream = formed(school(10))
    sign(stream, PRINCIPAL, "PRINCIPAL", "school")
    stream.do("replace_staff", OFFICER, leaving=PRINCIPAL.id, joining="stf_newhead", role="principal", on="2025-10-20",
              reason="RETIRED")  # fmt: skip
    stream.to(stream.now)
    assert stream.last("LeadingGroupChanged")["data"]["head"] == "stf_newhead"
    assert unsigned(stream.state)[0] == ("PRINCIPAL", "school", "stf_newhead")
    stream.consistent()


# -- stand-ins --------------------------------------------------------------------------------------------------


def may(stream, kind="record_followups", on="2025-10-25", classes=("2026-01",)):
    """Return whether the grade leader may stand in for the class head, or the code that says no."""
    try:
        require_delegation(stream.state, HEAD.id, GRADE.id, kind, date.fromisoformat(on), classes)
    except Refusal as refusal:
        return refusal.code
    return True


def test_a_delegation_works_from_its_acceptance_to_its_last_day():
    """Offered is not accepted; the last day counts; the day after does not (S13)."""
    stream = school(10)
    stream.do("delegate", HEAD, delegation="leave-1", to=GRADE.id, until="2025-10-31")
    assert may(stream) == "NOT_DELEGATED"
    assert stream.refusal("accept_delegation", HEAD, delegation="leave-1").code == "DELEGATION_NOT_YOURS"
    stream.do("accept_delegation", GRADE, delegation="leave-1")
    assert [may(stream, on=day) for day in ("2025-10-31", "2025-11-01")] == [True, "DELEGATION_ENDED"]
    assert stream.refusal("accept_delegation", GRADE, delegation="leave-1").code == "DELEGATION_ANSWERED"
    stream.restart()
    stream.consistent()


def test_a_delegation_covers_what_it_names():
    """Kinds and classes; a command about no class is not covered by a delegation of some; letters never are."""
    stream = delegated(commands=["record_followups"], classes=["2026-01"])
    assert may(stream) is True
    assert may(stream, kind="invite") == "NOT_DELEGATED"
    assert may(stream, classes=("2026-01", "2026-02")) == "NOT_DELEGATED"
    assert may(stream, classes=()) == "NOT_DELEGATED"
    assert may(delegated(), kind="sign_letter") == "NOT_DELEGATED"
    assert may(delegated(), classes=()) is True


def test_the_classes_of_a_command_are_read_from_its_pupils_too():
    """Rows and lists count as classes named."""
    state = school(10).state
    fields = {"rows": [{"student": ONE[0], "state": "x"}], "classes": ["2026-02"], "session": "s-1"}
    assert sorted(classes_of(state, fields)) == ["2026-01", "2026-02"]
    assert classes_of(state, {"reason": "X", "due": "2025-12-01"}) == ()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"to": HEAD.id}, "DELEGATION_TO_SELF"),
        ({"until": "2025-10-19"}, "DELEGATION_ENDED"),
        ({"commands": ["complete"]}, "DELEGATION_NOT_POSSIBLE"),
        ({"commands": ["sign_letter"]}, "DELEGATION_NOT_POSSIBLE"),
        ({"commands": ["sign_consent"]}, "DELEGATION_NOT_POSSIBLE"),
        ({"commands": ["no_such_thing"]}, "DELEGATION_NOT_POSSIBLE"),
        ({"classes": ["2026-09"]}, "CLASS_UNKNOWN"),
    ],
)
def test_a_delegation_that_cannot_be(fields, code):
    """Nothing personal, nothing beyond the giver's role, nothing for yesterday."""
    usual = {"delegation": "leave-1", "to": GRADE.id, "until": "2025-10-31"}
    assert school(10).refusal("delegate", HEAD, **{**usual, **fields}).code == code


def test_a_stand_in_appoints_nobody():
    """No chain; the attempt stays in the record."""
    stand_in = GRADE.model_copy(update={"on_behalf_of": HEAD.id})
    fields = {"delegation": "leave-2", "to": PRINCIPAL.id, "until": "2025-10-31"}
    assert school(10).recorded("delegate", stand_in, **fields) == "DELEGATION_PERSONAL"


def test_rejected_and_revoked_delegations_are_gone():
    """Who was asked says no; who gave it, who has it, or the principal takes it back."""
    stream = school(10)
    fields = {"to": GRADE.id, "until": "2025-10-31"}
    stream.do("delegate", HEAD, delegation="leave-1", **fields)
    assert stream.refusal("delegate", HEAD, delegation="leave-1", **fields).code == "DELEGATION_EXISTS"
    stream.do("reject_delegation", GRADE, delegation="leave-1")
    assert stream.refusal("accept_delegation", GRADE, delegation="leave-1").code == "DELEGATION_UNKNOWN"
    for who in (HEAD, GRADE, PRINCIPAL):
        stream = delegated()
        assert stream.refusal("revoke_delegation", who, delegation="leave-1").code == "REASON_REQUIRED"
        other = person("other", Role.CLASS_HEAD)
        assert stream.refusal("revoke_delegation", other, delegation="leave-1", reason="X_Y").code == (
            "DELEGATION_NOT_YOURS"
        )
        stream.do("revoke_delegation", who, delegation="leave-1", reason="BACK")
        assert may(stream) == "NOT_DELEGATED"


STAND_IN = GRADE.model_copy(update={"id": HEAD.id, "on_behalf_of": GRADE.id})
SHARE = {"class_id": "2026-01", "carers": [HEAD.id, SECOND, THIRD]}


def test_the_school_itself_knows_who_may_stand_in():
    """A command in another's name without paper is refused by the stream and kept, however it was sent (S13)."""
    stream = school(10)
    assert stream.recorded("partition_class", STAND_IN, **SHARE) == "NOT_DELEGATED"
    stream.do("delegate", GRADE, delegation="leave-1", to=HEAD.id, until="2025-10-31", classes=["2026-01"])
    assert stream.recorded("partition_class", STAND_IN, **SHARE) == "NOT_DELEGATED"
    stream.do("accept_delegation", HEAD, delegation="leave-1")
    assert stream.recorded("partition_class", STAND_IN, **{**SHARE, "class_id": "2026-02"}) == "NOT_DELEGATED"
    stranger = STAND_IN.model_copy(update={"id": STRANGER.id})
    assert stream.recorded("partition_class", stranger, **SHARE) == "NOT_DELEGATED"
    stream.do("partition_class", STAND_IN, **SHARE)
    assert stream.last("StudentsPartitioned")["actor"]["on_behalf_of"] == GRADE.id
    again = {**SHARE, "carers": [SECOND, HEAD.id, THIRD]}
    stream.to("2025-10-31 23:59").do("partition_class", STAND_IN, **again)
    stream.to("2025-11-01 00:00")
    assert stream.recorded("partition_class", STAND_IN, **SHARE) == "DELEGATION_ENDED"
    stream.restart()
    stream.consistent()


def test_a_schools_other_commands_ask_for_the_delegation_too():
    """Its register's and its staff list's: what a principal alone may do, a stand-in does with paper only."""
    stand_in = PRINCIPAL.model_copy(update={"id": GRADE.id, "on_behalf_of": PRINCIPAL.id})
    said = {"leaving": HEAD.id, "joining": "stf_newhead", "role": "class_head", "on": "2025-10-20", "reason": "LEAVE"}
    stream = school(10)
    assert stream.recorded("replace_staff", stand_in, **said) == "NOT_DELEGATED"
    stream.do("delegate", PRINCIPAL, delegation="leave-1", to=GRADE.id, until="2025-10-31", commands=["replace_staff"])
    stream.do("accept_delegation", GRADE, delegation="leave-1")
    stream.do("replace_staff", stand_in, **said)
    stream.do("revoke_delegation", PRINCIPAL, delegation="leave-1", reason="BACK")
    assert stream.recorded("replace_staff", stand_in, **{**said, "joining": "stf_newer1"}) == "NOT_DELEGATED"


def test_nobody_takes_a_delegation_back_in_the_principals_name():
    """What is personal is covered by no delegation, not even by a whole one."""
    stream = delegated()
    stream.do("delegate", PRINCIPAL, delegation="all-1", to=SECOND, until="2025-10-31")
    stream.do("accept_delegation", TEACHER, delegation="all-1")
    stand_in = PRINCIPAL.model_copy(update={"id": SECOND, "on_behalf_of": PRINCIPAL.id})
    assert stream.recorded("revoke_delegation", stand_in, delegation="leave-1", reason="BACK") == "NOT_DELEGATED"
    assert may(stream) is True


def test_schools_of_an_older_release_go_on_as_they_were():
    """They hold no delegations, so they ask for none."""
    stand_in = PRINCIPAL.model_copy(update={"id": GRADE.id, "on_behalf_of": PRINCIPAL.id})
    said = {"leaving": HEAD.id, "joining": "stf_newhead", "role": "class_head", "on": "2025-10-20", "reason": "LEAVE"}
    school(10, release=2).do("replace_staff", stand_in, **said)


def test_who_leaves_the_school_stands_in_for_nobody():
    """A replaced person's delegations end with the person."""
    stream = delegated()
    stream.do("replace_staff", PRINCIPAL, leaving=GRADE.id, joining="stf_newgrade", role="grade_leader",
              on="2025-10-20", reason="LEAVE")  # fmt: skip
    assert may(stream) == "NOT_DELEGATED"


# -- access -----------------------------------------------------------------------------------------------------


def test_the_carer_and_those_in_charge_look_without_a_reason():
    """Class head of the class, carer of the pupil, school's leaders, register office; each look is counted (INV-23)."""
    stream = partitioned(school(10))
    own = next(student for student, carer in carers_of(stream).items() if carer == SECOND)
    others = next(student for student, carer in carers_of(stream).items() if carer == THIRD)
    for who in (HEAD, TEACHER, GRADE, PRINCIPAL, REGISTRAR):
        access(stream, who, own)
    assert stream.recorded("use_access", TEACHER, student=others, purpose="TALK") == "ACCESS_NEEDS_REASON"
    looks = [event for event in stream.ledger if event["type"] == "AccessUsed"]
    assert len(looks) == 5
    assert {(event["data"]["reason"], event["data"]["until"]) for event in looks} == {(None, None)}


def test_a_class_head_by_the_staff_list_needs_no_partition():
    """Before the carers are assigned the staff list says whose class it is; another class stays closed."""
    stream = school(10)
    access(stream, HEAD, ONE[0], head_of=["2026-01"])
    fields = {"student": ONE[0], "purpose": "TALK", "head_of": ["2026-02"]}
    assert stream.recorded("use_access", HEAD, **fields) == "ACCESS_NEEDS_REASON"


def test_the_glass_is_broken_with_a_reason_and_for_a_time():
    """A day, then it is closed again; the reason and the end stand in the record (S15)."""
    stream = school(10)
    fields = {"student": ONE[0], "purpose": "COMPLAINT"}
    assert stream.recorded("use_access", AUDITOR, **fields) == "ACCESS_NEEDS_REASON"
    assert stream.refusal("use_access", AUDITOR, **fields, break_glass=True).code == "REASON_REQUIRED"
    stream.do("use_access", AUDITOR, **fields, break_glass=True, reason="CHILD_AT_RISK")
    data = stream.last("AccessUsed")["data"]
    assert (data["role"], data["reason"], data["until"][:16]) == ("auditor", "CHILD_AT_RISK", "2025-10-21T08:00")
    stream.to("2025-10-21 07:59")
    access(stream, AUDITOR, ONE[0])
    assert stream.recorded("use_access", OFFICER, **fields) == "ACCESS_NEEDS_REASON", "open for one person only"
    stream.to("2025-10-21 08:00")
    assert stream.recorded("use_access", AUDITOR, **fields) == "ACCESS_NEEDS_REASON"
    stream.consistent()


def test_another_schools_staff_and_an_unknown_pupil():
    """The glass of another school is not there to break; a wrong reference opens nothing."""
    stream = school(10)
    fields = {"student": ONE[0], "purpose": "TALK", "break_glass": True, "reason": "CURIOUS"}
    assert stream.recorded("use_access", STRANGER, **fields) == "WRONG_SCHOOL"
    unknown = {"student": "stu_999999", "purpose": "TALK"}
    assert stream.refusal("use_access", PRINCIPAL, **unknown).code == "STUDENT_UNKNOWN"
    assert stream.refusal("use_access", PRINCIPAL, student=ONE[0]).code == "COMMAND_INVALID", "no look without purpose"


def test_a_joiner_without_a_carer_is_nobodys_yet():
    """Between the joining and the partition that follows, no class head of another class has the pupil."""
    stream = partitioned(school(10))
    row = {"student": "stu_newcomer01", "class_id": "2026-01", "on": "2025-10-20"}
    stream.do("enrol_students", REGISTRAR, rows=[row])
    other = person("other", Role.CLASS_HEAD)
    raw = stream.command("use_access", other, student="stu_newcomer01", purpose="TALK")
    assert not is_own(stream.state, UseAccess.model_validate(raw))


# -- letters before the mobilisation ----------------------------------------------------------------------------


def missing(stream):
    """Return what the day's event says is missing, as code → count."""
    return {one["code"]: one["count"] for one in stream.last("LettersDue")["data"]["missing"]}


def test_missing_letters_are_named_once_on_the_day_the_mobilisation_begins():
    """Three of six stand, one class has no carers: told on 1 December at eight, not before, and never again (R-07)."""
    stream = partitioned(formed(school(47)))
    for signature in ALL[:3]:
        sign(stream, *signature)
    stream.to("2025-12-01 07:59")
    assert "LettersDue" not in stream.names()
    stream.to("2025-12-01 08:00")
    assert missing(stream) == {"CLASSES_WITHOUT_CARERS": 1, "LETTERS_NOT_SIGNED": 3}
    said = stream.last("LettersDue")["data"]
    assert (said["signed"], said["classes"]) == (3, ["2026-02"])
    assert [(one["level"], one["signer"]) for one in said["letters"]] == [
        ("CLASS_HEAD", HEAD.id),
        ("TEACHER", SECOND),
        ("TEACHER", THIRD),
    ]
    assert [(plan.purpose, plan.recipient) for plan in notices_for(stream.ledger[-1])] == [
        ("letters_missing", f"principal@{SCHOOL}")
    ]
    stream.do("revoke_letter", PRINCIPAL, level="PRINCIPAL", scope="school", signer=PRINCIPAL.id, reason="OLD_TEXT")
    stream.to("2025-12-20 08:00")
    assert stream.names().count("LettersDue") == 1
    stream.restart()
    stream.consistent()


def test_where_all_letters_stand_nobody_is_told():
    """The record says so, and no notice goes out."""
    stream = formed(school(47))
    for signature in ALL[:3]:
        sign(stream, *signature)
    partitioned(stream)
    stream.do("partition_class", GRADE, class_id="2026-02", carers=[HEAD.id, SECOND, THIRD])
    for level, scope, signer in letters_of(stream):
        sign(stream, person(signer.removeprefix("stf_"), Role.CLASS_HEAD), level, scope)
    stream.to("2025-12-01 08:00")
    assert missing(stream) == {}
    assert notices_for(stream.ledger[-1]) == []


def test_a_school_that_did_nothing_is_told_too():
    """No group, no carers: it is not quiet because nobody has begun; a paused one is told when it goes on."""
    stream = school(6)
    stream.hear("pause", sender=CAMPAIGN, scope="campaign", reason="SNOW")
    stream.to("2025-12-01 08:00")
    assert "LettersDue" not in stream.names()
    stream.hear("resume", sender=CAMPAIGN, scope="campaign")
    stream.to("2025-12-02 08:00")
    assert missing(stream) == {"LEADING_GROUP_NOT_FORMED": 1, "CLASSES_WITHOUT_CARERS": 2}


def test_a_campaign_that_begins_late_leaves_a_day():
    """The meetings have opened before the school has its pupils: the letters are looked at the next morning."""
    stream = Stream("school", {**START, "release": 3}, when("2025-12-10 09:00"))
    stream.give("cohort", {"classes": {"2026-01": first_class(5)}})
    stream.to("2025-12-11 07:59")
    assert "LettersDue" not in stream.names()
    stream.to("2025-12-11 08:00")
    assert missing(stream)["LEADING_GROUP_NOT_FORMED"] == 1


def test_an_older_campaign_looks_at_no_letters():
    """Release 2 goes on as it was."""
    stream = school(5, release=2)
    assert stream.machine.due() is None
    assert stream.to("2025-12-20 08:00").names() == ["SchoolCampaignStarted", "CohortLoaded"]


@pytest.mark.parametrize(
    ("leaving", "joining", "carers"),
    [(SECOND, THIRD, [HEAD.id, THIRD]), (HEAD.id, THIRD, [THIRD, SECOND]), (THIRD, HEAD.id, [HEAD.id, SECOND])],
)
def test_a_carer_who_takes_a_colleagues_place_takes_the_pupils(leaving, joining, carers):
    """Nobody who has left stays a carer, and no pupil is without one, until the school names the one who is missing."""
    stream = partitioned(school(10))
    before = carers_of(stream)
    fields = {"leaving": leaving, "joining": joining, "role": "class_head", "on": "2025-10-20", "reason": "LEAVE"}
    stream.do("replace_staff", PRINCIPAL, **fields)
    assert carers_of(stream) == {one: joining if carer == leaving else carer for one, carer in before.items()}
    assert stream.state.care.classes["2026-01"].carers == carers
    assert "2026-01" in without_carers(stream.state)
    stream.do("record_exits", REGISTRAR, rows=[{"student": ONE[0], **EXIT}])
    stream.to(stream.now)
    assert ONE[0] not in carers_of(stream)
    stream.do("partition_class", GRADE, class_id="2026-01", carers=[*carers, "stf_fourth"])
    assert [len(group) for group in stream.state.care.classes["2026-01"].groups] == [5, 2, 2]
    assert "2026-01" not in without_carers(stream.state)
    stream.restart()
    stream.consistent()
