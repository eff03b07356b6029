"""`staff.csv`: who acts in a campaign, in which role, for which school and classes (CLI contract, Files)."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from registry.cells import wecom_of
from registry.classes import canonical_class
from registry.problems import InputRejected
from registry.sheets import read_table

StaffRole = Literal[
    "class_head",
    "grade_leader",
    "principal",
    "bureau_officer",
    "bureau_approver",
    "register_officer",
    "discipline_officer",
    "receiving_school",
    "auditor",
]
ROLES: Final[dict[str, StaffRole]] = {role: role for role in get_args(StaffRole)}
SCHOOL_ROLES: Final = frozenset({"class_head", "grade_leader", "principal", "receiving_school"})
"""Roles that act for one school; the others act for the bureau and name none."""

TITLES: Final = ("staff_ref", "role", "school", "classes", "name", "email")
OPTIONAL_TITLES: Final = ("wecom",)
"""Columns that the file may have besides."""

_REFERENCE = re.compile(r"stf_[a-z0-9]{4,32}")
_CLASS = re.compile(r"[0-9]{4}-[0-9]{2}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")

_SENTENCES: Final[dict[str, tuple[str, str, str, str]]] = {
    "STAFF_ROLE_UNKNOWN": (
        "没有这个角色。",
        "There is no such role.",
        "角色应为：" + "、".join(ROLES) + "。",
        "The role must be one of: " + ", ".join(ROLES) + ".",
    ),
    "STAFF_REF_DUPLICATE": (
        "staff_ref 在前面的行中已出现。",
        "An earlier row has this staff_ref.",
        "每人一行，请删改重复的一行。",
        "Give each person one row: change or remove this one.",
    ),
    "STAFF_SCHOOL_UNKNOWN": (
        "campaign.toml 中没有这所学校。",
        "campaign.toml has no such school.",
        "请填写 campaign.toml 中的学校标识码。",
        "Use a school's code from campaign.toml.",
    ),
}
_RULES: Final[dict[str, tuple[str, str]]] = {
    "staff_ref": ("stf_ 加 4 至 32 个小写字母或数字", "stf_ and 4 to 32 lower-case letters or digits"),
    "school": (
        "学校角色必填，局内角色和审计员留空",
        "required for school roles, empty for the bureau's and the auditor",
    ),
    "classes": (
        "以分号隔开的班级，如 2022-01；班主任必填",
        "classes separated by ; such as 2022-01, required for class heads",
    ),
    "name": ("必填", "required"),
    "email": ("电子邮箱地址，可留空", "an e-mail address, or empty"),
    "wecom": (
        "企业微信账号，可留空：以字母或数字开头，只含字母、数字和 _-@.，至多 64 个字符",
        "a WeCom user id, or empty: letters, digits and _-@., a letter or digit first, at most 64",
    ),
}


class StaffMember(BaseModel):
    """One member of staff. The name and the address stay in this room and out of every `repr`.

    Attributes:
        staff_ref: the reference by which all other rooms know the person.
        role: what the person may do (design, section 3).
        school: code of the school, empty for the bureau's roles and the auditor.
        classes: canonical class ids, for class heads.
        name: personal.
        email: personal; may be empty.
        wecom: personal; the account at WeCom, may be empty.
    """

    model_config = ConfigDict(frozen=True)

    staff_ref: str
    role: StaffRole
    school: str = ""
    classes: tuple[str, ...] = ()
    name: str = Field(default="", repr=False)
    email: str = Field(default="", repr=False)
    wecom: str = Field(default="", repr=False)


def load_staff(
    path: Path,
    *,
    schools: Collection[str] | None = None,
    receiving_schools: Collection[str] | None = None,
    class_year: int | None = None,
) -> tuple[StaffMember, ...]:
    """Read `staff.csv`.

    Args:
        path: the file.
        schools: codes of the campaign's schools; None leaves them unchecked.
        receiving_schools: codes of the qualified vocational schools; None leaves them unchecked.
        class_year: year of graduation; with it, classes may be written as schools write them (九年级1班).

    Returns:
        The members in the file's order.

    Raises:
        InputRejected: `STAFF_FILE_MISSING`, `STAFF_FILE_INVALID` (no header), `STAFF_ROW_INVALID`,
            `STAFF_REF_DUPLICATE`, `STAFF_ROLE_UNKNOWN`, `STAFF_SCHOOL_UNKNOWN`; with row and column, never a value.
    """
    members: dict[str, StaffMember] = {}
    rows = read_table(
        path, TITLES, optional=OPTIONAL_TITLES, missing="STAFF_FILE_MISSING", invalid="STAFF_FILE_INVALID"
    )
    for number, row in rows:
        place = f"{path.name}: row {number}"
        reference, school = row["staff_ref"], row["school"]
        if not _REFERENCE.fullmatch(reference):
            raise _row_invalid(place, "staff_ref")
        if reference in members:
            raise _rejected("STAFF_REF_DUPLICATE", place, "staff_ref")
        role = ROLES.get(row["role"])
        if role is None:
            raise _rejected("STAFF_ROLE_UNKNOWN", place, "role")
        if bool(school) != (role in SCHOOL_ROLES):
            raise _row_invalid(place, "school")
        known = receiving_schools if role == "receiving_school" else schools
        if school and known is not None and school not in known:
            raise _rejected("STAFF_SCHOOL_UNKNOWN", place, "school")
        classes = _classes(row["classes"], class_year)
        if classes is None or (role == "class_head" and not classes):
            raise _row_invalid(place, "classes")
        if not row["name"]:
            raise _row_invalid(place, "name")
        if row["email"] and not _EMAIL.fullmatch(row["email"]):
            raise _row_invalid(place, "email")
        wecom = wecom_of(row.get("wecom", ""))
        if wecom is None:
            raise _row_invalid(place, "wecom")
        members[reference] = StaffMember(
            staff_ref=reference,
            role=role,
            school=school,
            classes=classes,
            name=row["name"],
            email=row["email"],
            wecom=wecom,
        )
    return tuple(members.values())


def _classes(text: str, class_year: int | None) -> tuple[str, ...] | None:
    """Return the canonical class ids, None where one cannot be read."""
    classes: list[str] = []
    for part in filter(None, (part.strip() for part in text.replace("；", ";").split(";"))):
        if class_year is not None:
            canonical = canonical_class(part, class_year)
        else:
            canonical = part if _CLASS.fullmatch(part) else None
        if canonical is None:
            return None
        classes.append(canonical)
    return tuple(classes)


def _rejected(code: str, place: str, column: str) -> InputRejected:
    message_zh, message_en, remedy_zh, remedy_en = _SENTENCES[code]
    return InputRejected(
        code,
        message_zh=message_zh,
        message_en=message_en,
        place=f"{place} column {column}",
        remedy_zh=remedy_zh,
        remedy_en=remedy_en,
    )


def _row_invalid(place: str, column: str) -> InputRejected:
    rule_zh, rule_en = _RULES[column]
    return InputRejected(
        "STAFF_ROW_INVALID",
        message_zh=f"{column} 不符合要求。",
        message_en=f"{column} is not as required.",
        place=f"{place} column {column}",
        remedy_zh=f"{column}：{rule_zh}。",
        remedy_en=f"{column}: {rule_en}.",
    )
