from __future__ import annotations

import itertools

import pytest
from pydantic import ValidationError

from domain.actors import (
    FAMILY,
    FAMILY_ONLY,
    PERMISSIONS,
    SYSTEM,
    Actor,
    Role,
    Scope,
    require,
    require_other_person,
)
from domain.refusal import Refusal

# One line a command: each role that may, with "own" or "any". Whoever changes the table changes this on purpose.
SNAPSHOT = """
draft              bureau_officer:any
approve            bureau_approver:any
pause              bureau_officer:any bureau_approver:any
resume             bureau_officer:any bureau_approver:any
stop               bureau_officer:any bureau_approver:any
close_campaign     bureau_officer:any bureau_approver:any
publish_calendar   bureau_officer:any bureau_approver:any
adopt_policy       bureau_officer:any bureau_approver:any
announce_policy    bureau_officer:any
approve_policy     bureau_approver:any
withdraw_policy    bureau_officer:any bureau_approver:any
change_window      bureau_officer:any
approve_window     bureau_approver:any
withdraw_window    bureau_officer:any bureau_approver:any
publish_qualified_list bureau_officer:any
remove_qualified_school bureau_officer:any
issue_targets      bureau_officer:any
revise_targets     bureau_officer:any
approve_targets    bureau_approver:any
reject_targets     bureau_officer:any bureau_approver:any
acknowledge_target principal:own
object_to_target   principal:own
assign_class_quotas principal:own
flag_pressure      auditor:any discipline_officer:any
import_staff       bureau_officer:any
complain           class_head:any grade_leader:any principal:any bureau_officer:any bureau_approver:any register_officer:any discipline_officer:any receiving_school:any auditor:any guardian:any pupil:any public:any
acknowledge_complaint discipline_officer:any auditor:any
decide_complaint   discipline_officer:any auditor:any
report_suspicion   discipline_officer:any auditor:any
flag_note          class_head:any grade_leader:any principal:any bureau_officer:any bureau_approver:any register_officer:any discipline_officer:any receiving_school:any auditor:any guardian:any pupil:any public:any
acknowledge_case   discipline_officer:any auditor:any
open_investigation discipline_officer:any auditor:any
place_hold         discipline_officer:any auditor:any
release_hold       discipline_officer:any auditor:any
extend_case_deadline discipline_officer:any auditor:any
confirm_violation  discipline_officer:any auditor:any
dismiss_violation  discipline_officer:any auditor:any
refer_case         discipline_officer:any auditor:any
file_case_appeal   principal:any receiving_school:any bureau_officer:any bureau_approver:any
decide_case_appeal discipline_officer:any auditor:any bureau_approver:any
withdraw_complaint class_head:any grade_leader:any principal:any bureau_officer:any bureau_approver:any register_officer:any discipline_officer:any receiving_school:any auditor:any guardian:any pupil:any public:any
read_note          discipline_officer:any auditor:any
close_case         discipline_officer:any auditor:any
show_case          discipline_officer:any auditor:any
kill_notices       bureau_officer:any bureau_approver:any
release_notices    bureau_officer:any bureau_approver:any
mute_notice        grade_leader:own principal:own bureau_officer:any bureau_approver:any
retry_notice       bureau_officer:any bureau_approver:any
settle_unknown_notice bureau_officer:any bureau_approver:any
record_notice_task class_head:own grade_leader:own principal:own bureau_officer:any bureau_approver:any
decline_optional_notices class_head:own grade_leader:own principal:own bureau_officer:any bureau_approver:any gateway:any
allow_optional_notices bureau_officer:any bureau_approver:any gateway:any
compute_settlement bureau_officer:any
review_settlement  auditor:any
approve_settlement bureau_approver:any
publish_settlement bureau_officer:any bureau_approver:any
declare_funding    bureau_officer:any
order_payment      bureau_officer:any
confirm_payment    bureau_officer:any bureau_approver:any
adjust_settlement  bureau_officer:any
propose_veto       bureau_officer:any
hear_school        bureau_officer:any bureau_approver:any discipline_officer:any
decide_veto        bureau_approver:any
publish_veto       bureau_officer:any bureau_approver:any
appeal_settlement  principal:own
decide_settlement_appeal bureau_approver:any discipline_officer:any auditor:any
answer_settlement_appeal bureau_approver:any discipline_officer:any auditor:any
publish_sample     auditor:any discipline_officer:any
draft_aid_list     bureau_officer:any receiving_school:any
publish_aid_list   bureau_officer:any
object_to_aid      class_head:any grade_leader:any principal:any bureau_officer:any bureau_approver:any register_officer:any discipline_officer:any receiving_school:any auditor:any guardian:any pupil:any public:any
decide_aid_objection bureau_approver:any discipline_officer:any auditor:any
approve_aid_list   bureau_approver:any
reject_aid_list    bureau_approver:any
record_aid_attendance receiving_school:any register_officer:any bureau_officer:any
withdraw_aid_attendance receiving_school:any register_officer:any bureau_officer:any
stop_aid           receiving_school:any register_officer:any bureau_officer:any
compute_aid        bureau_officer:any
approve_aid_run    bureau_approver:any
confirm_aid_paid   bureau_officer:any receiving_school:any
show_aid           bureau_officer:any bureau_approver:any receiving_school:any register_officer:any discipline_officer:any auditor:any
record_exits       class_head:own grade_leader:own principal:own register_officer:any
replace_staff      principal:own bureau_officer:any
enrol_students     grade_leader:own principal:own register_officer:any bureau_officer:any
partition_class    grade_leader:own principal:own
form_leading_group principal:own
sign_letter        class_head:own grade_leader:own principal:own
revoke_letter      class_head:own grade_leader:own principal:own
delegate           class_head:own grade_leader:own principal:own
accept_delegation  class_head:own grade_leader:own principal:own
reject_delegation  class_head:own grade_leader:own principal:own
revoke_delegation  class_head:own grade_leader:own principal:own
use_access         class_head:own grade_leader:own principal:own bureau_officer:any bureau_approver:any register_officer:any discipline_officer:any auditor:any
list_accesses      discipline_officer:any auditor:any
submit_summary     grade_leader:own principal:own
read_summary       bureau_officer:any bureau_approver:any
review_summary     bureau_officer:any bureau_approver:any
correct            class_head:own grade_leader:own principal:own register_officer:any receiving_school:any bureau_officer:any
complete           grade_leader:own principal:own
reopen             principal:own bureau_officer:any
extend             bureau_officer:any
skip               bureau_officer:any
confirm            class_head:own grade_leader:own principal:own
exclude            class_head:own grade_leader:own principal:own
contest            class_head:own grade_leader:own principal:own bureau_officer:any auditor:any
resolve_contest    grade_leader:own principal:own bureau_officer:any
freeze             grade_leader:own principal:own
schedule_session   class_head:own grade_leader:own principal:own
move_session       class_head:own grade_leader:own principal:own
cancel_session     class_head:own grade_leader:own principal:own
invite             class_head:own grade_leader:own principal:own
record_attendance  class_head:own grade_leader:own
record_followups   class_head:own grade_leader:own
plan_trip          class_head:own grade_leader:own principal:own
approve_trip       bureau_officer:any
offer_seats        class_head:own grade_leader:own principal:own
move_trip          bureau_officer:any
cancel_trip        class_head:own grade_leader:own principal:own bureau_officer:any
record_visits      class_head:own grade_leader:own principal:own
request_presentation class_head:own grade_leader:own principal:own receiving_school:any
approve_presentation bureau_officer:any
reject_presentation bureau_officer:any
record_presentation class_head:own grade_leader:own principal:own
report_unregistered_visit class_head:own grade_leader:own principal:own bureau_officer:any bureau_approver:any discipline_officer:any auditor:any
offer_notice       class_head:own grade_leader:own principal:own bureau_officer:any
record_contacts    class_head:own grade_leader:own
record_applications class_head:own grade_leader:own principal:own register_officer:any
record_admissions  register_officer:any bureau_officer:any receiving_school:any
record_reporting   register_officer:any receiving_school:any
record_registrations register_officer:any
record_destinations class_head:own grade_leader:own principal:own register_officer:any
resolve_destination register_officer:any
report_withdrawal  class_head:any grade_leader:any principal:any bureau_officer:any bureau_approver:any register_officer:any discipline_officer:any receiving_school:any auditor:any guardian:any pupil:any public:any
record_callbacks   bureau_officer:any discipline_officer:any
record_guardianship class_head:own register_officer:any
suspend_consent    register_officer:any discipline_officer:any
lift_suspension    register_officer:any
restrict_record    register_officer:any
release_record     register_officer:any
deliver_family_acts gateway:any
report_family_code gateway:any
record_checkpoints class_head:own grade_leader:own principal:own register_officer:any receiving_school:any
plan_refind        class_head:own grade_leader:own principal:own register_officer:any
resolve_evidence   register_officer:any discipline_officer:any
file_daily_report  class_head:own grade_leader:own principal:own
correct_daily_report class_head:own grade_leader:own principal:own bureau_officer:any
explain_absence    class_head:own grade_leader:own principal:own
record_absence_visit class_head:own grade_leader:own principal:own
record_reappearance class_head:own grade_leader:own principal:own
file_periodic_report grade_leader:own principal:own
record_persuasion  class_head:own grade_leader:own principal:own bureau_officer:any
file_written_report principal:own
confirm_dropout    principal:own bureau_officer:any
serve_return_order bureau_officer:any
record_return      class_head:own grade_leader:own principal:own register_officer:any
record_late_return class_head:own grade_leader:own principal:own register_officer:any
start_home_teaching principal:own bureau_officer:any
record_home_session class_head:own grade_leader:own principal:own
verify_elsewhere   register_officer:any bureau_officer:any
close_dropout_case principal:own bureau_officer:any
state_intent       guardian:own pupil:own
sign_consent       guardian:own pupil:own
withdraw_consent   guardian:own pupil:own
"""  # noqa: E501 - one line a command


def actor(role: Role, organisation: str = "9900010001", **rest) -> Actor:
    """Return somebody in a role."""
    return Actor(id="stf_a", role=role, organisation=organisation, **rest)


def test_the_whole_table_is_as_agreed():
    """Role × command → scope, all of it, in the order in which it is written."""
    short = {Scope.OWN_SCHOOL: "own", Scope.ANY_SCHOOL: "any"}
    lines = [
        f"{kind:<18} {' '.join(f'{role}:{short[scope]}' for role, scope in roles.items())}"
        for kind, roles in PERMISSIONS.items()
    ]
    assert lines == SNAPSHOT.strip().splitlines()


@pytest.mark.parametrize(("role", "kind"), list(itertools.product(Role, PERMISSIONS)))
def test_each_role_may_exactly_what_the_table_says(role, kind):
    """Own school, another school and the whole campaign, for every role and command."""

    def outcome(school: str | None) -> str:
        try:
            require(actor(role, "9900010001"), kind, school)
        except Refusal as refused:
            return refused.code
        return "ok"

    expected = {
        None: ("ROLE_NOT_ALLOWED",) * 3,
        Scope.OWN_SCHOOL: ("ok", "WRONG_SCHOOL", "WRONG_SCHOOL"),
        Scope.ANY_SCHOOL: ("ok", "ok", "ok"),
    }[PERMISSIONS[kind].get(role)]
    assert (outcome("9900010001"), outcome("9900010002"), outcome(None)) == expected


@pytest.mark.parametrize(
    ("role", "kind"), list(itertools.product([role for role in Role if role not in FAMILY], FAMILY_ONLY))
)
def test_nobody_else_can_act_for_a_family_and_the_attempt_is_kept(role, kind):
    """INV-04: no staff role, nor the system, states, signs or withdraws; not in a family's name either."""
    assert role not in PERMISSIONS[kind]
    for who in (actor(role), actor(role, on_behalf_of="gdn_1"), actor(role, "bureau")):
        with pytest.raises(Refusal) as refused:
            require(who, kind, "9900010001")
        assert (refused.value.code, refused.value.recorded) == ("ROLE_NOT_ALLOWED", True)


def test_the_refusal_names_who_may():
    """S2: refused at once with the reason; parameters are plain JSON values."""
    with pytest.raises(Refusal) as refused:
        require(actor(Role.AUDITOR), "complete", "9900010001")
    assert refused.value.parameters == {
        "role": "auditor",
        "command": "complete",
        "allowed": ["grade_leader", "principal"],
    }
    assert [type(value) for value in (refused.value.parameters["role"], *refused.value.parameters["allowed"])] == [
        str
    ] * 3
    assert refused.value.recorded is False


def test_another_school_is_refused_and_kept():
    """Design, section 3: a wrong school is among the refusals that an auditor sees."""
    with pytest.raises(Refusal) as refused:
        require(actor(Role.PRINCIPAL, "9900010001"), "complete", "9900010002")
    assert (refused.value.code, refused.value.recorded) == ("WRONG_SCHOOL", True)


def test_a_command_outside_the_table_is_refused_without_repeating_its_text():
    """What does not stand in the table cannot be done; free text never travels in a refusal."""
    with pytest.raises(Refusal) as refused:
        require(SYSTEM, "give_up_the_exam", None)
    assert (refused.value.code, refused.value.parameters) == ("COMMAND_UNKNOWN", {})


@pytest.mark.parametrize(
    ("who", "others"),
    [
        (actor(Role.BUREAU_APPROVER, "bureau"), ["stf_a"]),
        (actor(Role.BUREAU_APPROVER, "bureau"), ["stf_b", None, "stf_a"]),
        (actor(Role.BUREAU_APPROVER, "bureau", on_behalf_of="stf_b"), ["stf_b"]),
        (actor(Role.BUREAU_APPROVER, "bureau", on_behalf_of="stf_b"), iter(["stf_a"])),
    ],
)
def test_nobody_approves_their_own_act_on_any_path(who, others):
    """B8: neither directly nor while standing in for the one who drafted; the attempt is kept."""
    with pytest.raises(Refusal) as refused:
        require_other_person(who, others)
    assert (refused.value.code, refused.value.recorded) == ("SELF_APPROVAL", True)


@pytest.mark.parametrize("others", [[], [None], ["stf_b", None], ["stf_aa"]])
def test_another_person_may_approve(others):
    """None is nobody: an actor who stands in for no one is not caught by a missing reference."""
    require_other_person(actor(Role.BUREAU_APPROVER, "bureau"), others)


def test_an_actor_travels_as_json_and_cannot_be_changed():
    """The envelope's actor has exactly the design's fields and says how identity was established."""
    who = actor(Role.PRINCIPAL)
    assert who.model_dump(mode="json") == {
        "id": "stf_a",
        "role": "principal",
        "organisation": "9900010001",
        "on_behalf_of": None,
        "authenticated_by": "asserted",
    }
    assert Actor.model_validate_json(who.model_dump_json()) == who
    with pytest.raises(ValidationError):
        who.role = Role.BUREAU_APPROVER


def test_the_system_has_no_persons_powers():
    """The engine ticks; it gives none of the commands that a person answers for."""
    assert all(SYSTEM.role not in roles for roles in PERMISSIONS.values())
