"""Who may do what, for which school: one table, checked in every `decide` (DESIGN §3 and §9, INV-04, INV-21)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from domain.refusal import Refusal


class Role(StrEnum):
    """What a person is in the campaign (DOMAIN §7.2; CLI, `staff.csv`)."""

    CLASS_HEAD = "class_head"
    GRADE_LEADER = "grade_leader"
    PRINCIPAL = "principal"
    BUREAU_OFFICER = "bureau_officer"
    BUREAU_APPROVER = "bureau_approver"
    REGISTER_OFFICER = "register_officer"
    DISCIPLINE_OFFICER = "discipline_officer"
    RECEIVING_SCHOOL = "receiving_school"
    AUDITOR = "auditor"
    GUARDIAN = "guardian"
    PUPIL = "pupil"
    GATEWAY = "gateway"
    PUBLIC = "public"
    SYSTEM = "system"


FAMILY: Final[tuple[Role, ...]] = (Role.GUARDIAN, Role.PUPIL)
"""The roles whose own acts a destination needs; nobody else has them (INV-04)."""


class Scope(StrEnum):
    """For which schools a role may give a command."""

    OWN_SCHOOL = "OWN_SCHOOL"
    ANY_SCHOOL = "ANY_SCHOOL"


PERSON: Final = r"^(system|gateway|anonymous|(stf|gdn|cgv|stu)_[a-z0-9]{1,32})$"
"""A random reference; a name cannot stand there (DESIGN §8)."""

ORGANISATION: Final = r"^(system|gateway|public|bureau|[0-9]{10})$"


class Actor(BaseModel):
    """Who acts, as it stands in every event's envelope (DESIGN §3).

    Attributes:
        id: random reference (`stf_…`, `gdn_…`, `cgv_…`, `stu_…`), never a name.
        role: the role in which the person acts.
        organisation: "bureau", "system" or the school's code.
        on_behalf_of: reference of the person that this one stands in for, if any.
        authenticated_by: how the identity was established; "asserted" until there is sign-in.
    """

    model_config = ConfigDict(frozen=True)

    id: Annotated[str, Field(pattern=PERSON)]
    role: Role
    organisation: Annotated[str, Field(pattern=ORGANISATION)]
    on_behalf_of: Annotated[str, Field(pattern=PERSON)] | None = None
    authenticated_by: Annotated[str, Field(pattern=r"^[a-z_]{2,32}$")] = "asserted"


SYSTEM: Final = Actor(id="system", role=Role.SYSTEM, organisation="system", authenticated_by="engine")
"""The engine itself: ticks, timers, routing between our own workflows."""

GATEWAY: Final = Actor(id="gateway", role=Role.GATEWAY, organisation="gateway", authenticated_by="key")
"""The family gateway: hands on acts that families signed; its own signature on each is what the rules verify (§9)."""

ANONYMOUS: Final = Actor(id="anonymous", role=Role.PUBLIC, organisation="public", authenticated_by="none")
"""Somebody who complains without a name: nobody can ask the school about it (INV-32)."""

_OWN, _ANY = Scope.OWN_SCHOOL, Scope.ANY_SCHOOL

_OFFICER = {Role.BUREAU_OFFICER: _ANY}
_BUREAU = {Role.BUREAU_OFFICER: _ANY, Role.BUREAU_APPROVER: _ANY}
_LEADERS = {Role.GRADE_LEADER: _OWN, Role.PRINCIPAL: _OWN}
_SCHOOL = {Role.CLASS_HEAD: _OWN, **_LEADERS}
_TEACHERS = {Role.CLASS_HEAD: _OWN, Role.GRADE_LEADER: _OWN}
_REGISTER = {Role.REGISTER_OFFICER: _ANY}
_RECEIVING = {Role.RECEIVING_SCHOOL: _ANY}
"""A receiving school acts for every sending school, but only for itself: the decider compares the codes."""

_INDEPENDENT = {Role.DISCIPLINE_OFFICER: _ANY, Role.AUDITOR: _ANY}
"""Who stands outside schools and the bureau's business, and may own a complaint (INV-32)."""

_ANYBODY: dict[Role, Scope] = {role: _ANY for role in Role if role not in (Role.SYSTEM, Role.GATEWAY)}
_BY_THE_FAMILY = {Role.GUARDIAN: _OWN, Role.PUPIL: _OWN}

FAMILY_ONLY: Final[tuple[str, ...]] = ("state_intent", "sign_consent", "withdraw_consent")
"""Acts that only a family itself can do; staff who try are refused, and the stream keeps the attempt (DESIGN §9)."""

PERMISSIONS: Final[dict[str, dict[Role, Scope]]] = {
    # campaign (DESIGN §4; maker and checker differ: FEATURES B8)
    "draft": _OFFICER,
    "approve": {Role.BUREAU_APPROVER: _ANY},
    "pause": _BUREAU,
    "resume": _BUREAU,
    "stop": _BUREAU,
    "close_campaign": _BUREAU,
    "publish_calendar": _BUREAU,
    "adopt_policy": _BUREAU,
    "announce_policy": _OFFICER,
    "approve_policy": {Role.BUREAU_APPROVER: _ANY},
    "withdraw_policy": _BUREAU,
    "change_window": _OFFICER,
    "approve_window": {Role.BUREAU_APPROVER: _ANY},
    "withdraw_window": _BUREAU,
    "publish_qualified_list": _OFFICER,
    "remove_qualified_school": _OFFICER,
    # planning targets (DOMAIN §4.2, INV-08; DESIGN §10)
    "issue_targets": _OFFICER,
    "revise_targets": _OFFICER,
    "approve_targets": {Role.BUREAU_APPROVER: _ANY},
    "reject_targets": _BUREAU,
    "acknowledge_target": {Role.PRINCIPAL: _OWN},
    "object_to_target": {Role.PRINCIPAL: _OWN},
    "assign_class_quotas": {Role.PRINCIPAL: _OWN},
    "flag_pressure": {Role.AUDITOR: _ANY, Role.DISCIPLINE_OFFICER: _ANY},
    "import_staff": _OFFICER,
    "complain": _ANYBODY,
    "acknowledge_complaint": _INDEPENDENT,
    "decide_complaint": _INDEPENDENT,
    # a compliance case (DOMAIN §7.3 region C; which of the two owns it, the case compares: INV-32)
    "report_suspicion": _INDEPENDENT,
    "flag_note": _ANYBODY,
    "acknowledge_case": _INDEPENDENT,
    "open_investigation": _INDEPENDENT,
    "place_hold": _INDEPENDENT,
    "release_hold": _INDEPENDENT,
    "extend_case_deadline": _INDEPENDENT,
    "confirm_violation": _INDEPENDENT,
    "dismiss_violation": _INDEPENDENT,
    "refer_case": _INDEPENDENT,
    "file_case_appeal": {Role.PRINCIPAL: _ANY, Role.RECEIVING_SCHOOL: _ANY, **_BUREAU},
    "decide_case_appeal": {**_INDEPENDENT, Role.BUREAU_APPROVER: _ANY},
    "withdraw_complaint": _ANYBODY,
    "read_note": _INDEPENDENT,
    "close_case": _INDEPENDENT,
    "show_case": _INDEPENDENT,
    # the sending of notices (FEATURES G8, O7, O8); only the family itself, or the bureau for it, opens what it declined
    "kill_notices": _BUREAU,
    "release_notices": _BUREAU,
    "mute_notice": {**_LEADERS, **_BUREAU},
    "retry_notice": _BUREAU,
    "settle_unknown_notice": _BUREAU,
    "record_notice_task": {**_SCHOOL, **_BUREAU},
    "decline_optional_notices": {**_SCHOOL, **_BUREAU, Role.GATEWAY: _ANY},
    "allow_optional_notices": {**_BUREAU, Role.GATEWAY: _ANY},
    # settlement (R-04, R-08, R-21; INV-17 to INV-19, INV-21)
    "compute_settlement": _OFFICER,
    "review_settlement": {Role.AUDITOR: _ANY},
    "approve_settlement": {Role.BUREAU_APPROVER: _ANY},
    "publish_settlement": _BUREAU,
    "declare_funding": _OFFICER,
    "order_payment": _OFFICER,
    "confirm_payment": _BUREAU,
    "adjust_settlement": _OFFICER,
    "propose_veto": _OFFICER,
    "hear_school": {**_BUREAU, Role.DISCIPLINE_OFFICER: _ANY},
    "decide_veto": {Role.BUREAU_APPROVER: _ANY},
    "publish_veto": _BUREAU,
    "appeal_settlement": {Role.PRINCIPAL: _OWN},
    "decide_settlement_appeal": {Role.BUREAU_APPROVER: _ANY, Role.DISCIPLINE_OFFICER: _ANY, Role.AUDITOR: _ANY},
    "answer_settlement_appeal": {Role.BUREAU_APPROVER: _ANY, Role.DISCIPLINE_OFFICER: _ANY, Role.AUDITOR: _ANY},
    "publish_sample": {Role.AUDITOR: _ANY, Role.DISCIPLINE_OFFICER: _ANY},
    # student aid (R-14, INV-21, INV-33)
    "draft_aid_list": {**_OFFICER, **_RECEIVING},
    "publish_aid_list": _OFFICER,
    "object_to_aid": _ANYBODY,
    "decide_aid_objection": {Role.BUREAU_APPROVER: _ANY, **_INDEPENDENT},
    "approve_aid_list": {Role.BUREAU_APPROVER: _ANY},
    "reject_aid_list": {Role.BUREAU_APPROVER: _ANY},
    "record_aid_attendance": {**_RECEIVING, **_REGISTER, **_OFFICER},
    "withdraw_aid_attendance": {**_RECEIVING, **_REGISTER, **_OFFICER},
    "stop_aid": {**_RECEIVING, **_REGISTER, **_OFFICER},
    "compute_aid": _OFFICER,
    "approve_aid_run": {Role.BUREAU_APPROVER: _ANY},
    "confirm_aid_paid": {**_OFFICER, **_RECEIVING},
    "show_aid": {**_BUREAU, **_RECEIVING, **_REGISTER, **_INDEPENDENT},
    # a school's register (DOMAIN §7.3; B11, B12)
    "record_exits": {**_SCHOOL, **_REGISTER},
    "replace_staff": {Role.PRINCIPAL: _OWN, **_OFFICER},
    "enrol_students": {**_LEADERS, **_REGISTER, **_OFFICER},
    # assigned care, letters, stand-ins, access to a pupil's record (R-06, R-07, S13, S15, INV-23)
    "partition_class": _LEADERS,
    "form_leading_group": {Role.PRINCIPAL: _OWN},
    "sign_letter": _SCHOOL,
    "revoke_letter": _SCHOOL,
    "delegate": _SCHOOL,
    "accept_delegation": _SCHOOL,
    "reject_delegation": _SCHOOL,
    "revoke_delegation": _SCHOOL,
    "use_access": {**_SCHOOL, **_BUREAU, **_REGISTER, Role.DISCIPLINE_OFFICER: _ANY, Role.AUDITOR: _ANY},
    "list_accesses": {Role.DISCIPLINE_OFFICER: _ANY, Role.AUDITOR: _ANY},
    # summaries of stages and of the year, and those that are like an earlier one
    "submit_summary": _LEADERS,
    "read_summary": _BUREAU,
    "review_summary": _BUREAU,
    # any stage (DESIGN §5)
    "correct": {**_SCHOOL, **_REGISTER, **_RECEIVING, **_OFFICER},
    "complete": _LEADERS,
    "reopen": {Role.PRINCIPAL: _OWN, Role.BUREAU_OFFICER: _ANY},
    "extend": _OFFICER,
    "skip": _OFFICER,
    # identification (DESIGN §4, FEATURES B6 and B7)
    "confirm": _SCHOOL,
    "exclude": _SCHOOL,
    "contest": {**_SCHOOL, Role.BUREAU_OFFICER: _ANY, Role.AUDITOR: _ANY},
    "resolve_contest": {**_LEADERS, Role.BUREAU_OFFICER: _ANY},
    "freeze": _LEADERS,
    # parent meetings (DESIGN §4, DOMAIN §7.4 G5)
    "schedule_session": _SCHOOL,
    "move_session": _SCHOOL,
    "cancel_session": _SCHOOL,
    "invite": _SCHOOL,
    "record_attendance": _TEACHERS,
    "record_followups": _TEACHERS,
    # vocational-school visits (DOMAIN §7.4 G6, INV-20)
    "plan_trip": _SCHOOL,
    "approve_trip": _OFFICER,
    "offer_seats": _SCHOOL,
    "move_trip": _OFFICER,
    "cancel_trip": {**_SCHOOL, **_OFFICER},
    "record_visits": _SCHOOL,
    "request_presentation": {**_SCHOOL, **_RECEIVING},
    "approve_presentation": _OFFICER,
    "reject_presentation": _OFFICER,
    "record_presentation": _SCHOOL,
    "report_unregistered_visit": {**_SCHOOL, **_BUREAU, Role.DISCIPLINE_OFFICER: _ANY, Role.AUDITOR: _ANY},
    # application filing (DOMAIN §7.3 region D)
    "offer_notice": {**_SCHOOL, **_OFFICER},
    "record_contacts": _TEACHERS,
    "record_applications": {**_SCHOOL, **_REGISTER},
    "record_admissions": {**_REGISTER, **_OFFICER, **_RECEIVING},
    "record_reporting": {**_REGISTER, **_RECEIVING},
    "record_registrations": _REGISTER,
    "record_destinations": {**_SCHOOL, **_REGISTER},
    "resolve_destination": _REGISTER,
    # a family's consent, without speaking for the family (DESIGN §9; G9, G17); who calls back is never the school
    "report_withdrawal": _ANYBODY,
    "record_callbacks": {Role.BUREAU_OFFICER: _ANY, Role.DISCIPLINE_OFFICER: _ANY},
    "record_guardianship": {Role.CLASS_HEAD: _OWN, **_REGISTER},
    "suspend_consent": {**_REGISTER, Role.DISCIPLINE_OFFICER: _ANY},
    "lift_suspension": _REGISTER,
    "restrict_record": _REGISTER,
    "release_record": _REGISTER,
    "deliver_family_acts": {Role.GATEWAY: _ANY},
    "report_family_code": {Role.GATEWAY: _ANY},
    # retention (DOMAIN §7.3, R-12)
    "record_checkpoints": {**_SCHOOL, **_REGISTER, **_RECEIVING},
    "plan_refind": {**_SCHOOL, **_REGISTER},
    "resolve_evidence": {**_REGISTER, Role.DISCIPLINE_OFFICER: _ANY},
    # attendance and dropout (DOMAIN §7.3 region A; the township has no role here, the bureau records its orders)
    "file_daily_report": _SCHOOL,
    "correct_daily_report": {**_SCHOOL, **_OFFICER},
    "explain_absence": _SCHOOL,
    "record_absence_visit": _SCHOOL,
    "record_reappearance": _SCHOOL,
    "file_periodic_report": _LEADERS,
    "record_persuasion": {**_SCHOOL, **_OFFICER},
    "file_written_report": {Role.PRINCIPAL: _OWN},
    "confirm_dropout": {Role.PRINCIPAL: _OWN, **_OFFICER},
    "serve_return_order": _OFFICER,
    "record_return": {**_SCHOOL, **_REGISTER},
    "record_late_return": {**_SCHOOL, **_REGISTER},
    "start_home_teaching": {Role.PRINCIPAL: _OWN, **_OFFICER},
    "record_home_session": _SCHOOL,
    "verify_elsewhere": {**_REGISTER, **_OFFICER},
    "close_dropout_case": {Role.PRINCIPAL: _OWN, **_OFFICER},
    # a family's own acts (DOMAIN §7.3 region D)
    **dict.fromkeys(FAMILY_ONLY, _BY_THE_FAMILY),
}
"""Command kind → role → schools. What does not stand here is refused."""


def require(actor: Actor, command_kind: str, school: str | None) -> None:
    """Refuse a command that the actor's role may not give, or not for this school.

    Args:
        actor: who gives the command.
        command_kind: the command's tag, a key of `PERMISSIONS`.
        school: code of the school that the command is about; None for the whole campaign.

    Raises:
        Refusal: `COMMAND_UNKNOWN`; `ROLE_NOT_ALLOWED` (recorded where a family's own act was tried);
            `WRONG_SCHOOL` (recorded).
    """
    roles = PERMISSIONS.get(command_kind)
    if roles is None:
        raise Refusal("COMMAND_UNKNOWN")
    scope = roles.get(actor.role)
    if scope is None:
        raise Refusal(
            "ROLE_NOT_ALLOWED",
            recorded=command_kind in FAMILY_ONLY,
            role=actor.role.value,
            command=command_kind,
            allowed=[role.value for role in roles],
        )
    if scope is Scope.OWN_SCHOOL and actor.organisation != school:
        raise Refusal("WRONG_SCHOOL", recorded=True)


def require_own_receiving_school(actor: Actor, code: str) -> None:
    """Refuse a receiving school that speaks for another one.

    Raises:
        Refusal: `WRONG_SCHOOL` (recorded).
    """
    if actor.role is Role.RECEIVING_SCHOOL and actor.organisation != code:
        raise Refusal("WRONG_SCHOOL", recorded=True)


def require_other_person(actor: Actor, others: Iterable[str | None]) -> None:
    """Four eyes: refuse when the actor, or the person acted for, already had a hand in it (INV-21, FEATURES B8).

    Args:
        actor: who decides now.
        others: references of those who acted before; give their `id` and their `on_behalf_of`. None is ignored.

    Raises:
        Refusal: `SELF_APPROVAL` (recorded).
    """
    before = {other for other in others if other is not None}
    if actor.id in before or (actor.on_behalf_of is not None and actor.on_behalf_of in before):
        raise Refusal("SELF_APPROVAL", recorded=True)
