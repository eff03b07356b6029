"""Who of the staff may see what a family is sent, and whom on a list to call or to hand a letter (INV-23)."""

from __future__ import annotations

from typing import Final

from domain.refusal import Refusal
from registry.records import Household
from registry.staff_file import StaffMember

READERS: Final = ("class_head", "grade_leader", "principal")
"""Roles of a school that may see what its families are sent; class heads their own classes only."""

BUREAU: Final = ("bureau_officer", "bureau_approver")
BUREAU_READERS: Final = (*BUREAU, "discipline_officer", "auditor")
DOERS: Final = (*READERS, *BUREAU)
"""Who does something with it: prints, hands out, puts a contact right. Whoever oversees only looks."""


def require_role(member: StaffMember, roles: tuple[str, ...], command: str) -> None:
    """Refuse a role that has no part in a command.

    Raises:
        Refusal: ROLE_NOT_ALLOWED.
    """
    if member.role not in roles:
        raise Refusal("ROLE_NOT_ALLOWED", role=member.role, command=command, allowed=list(roles))


def require_school(member: StaffMember, school: str | None) -> None:
    """Refuse a school's staff another school; None is all schools.

    Raises:
        Refusal: WRONG_SCHOOL.
    """
    if member.school and school is not None and member.school != school:
        raise Refusal("WRONG_SCHOOL")


def require_open(member: StaffMember, household: Household) -> None:
    """Refuse somebody of a right role a family of another school, or of a class that is not the class head's own.

    Raises:
        Refusal: WRONG_SCHOOL, NOT_OWN_CLASS.
    """
    require_school(member, household.school)
    if not is_open(member, household):
        raise Refusal("NOT_OWN_CLASS", class_id=household.class_id)


def is_open(member: StaffMember, household: Household) -> bool:
    """Tell whether somebody of a right role may see a family: the bureau, the school's leaders, the own class head."""
    if not member.school:
        return True
    if member.school != household.school:
        return False
    return member.role != "class_head" or household.class_id in member.classes
