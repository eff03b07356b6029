"""One contact of one person, put right without a whole roster (FEATURES G13).

A number that is wrong, or somebody else's by now, must not wait for the next roster; whoever keeps the roster puts it
right there too, since the next import says what holds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from sqlalchemy import Table, update
from sqlalchemy.ext.asyncio import AsyncConnection

from registry.cells import email_of, phone_of, wecom_of
from registry.problems import InputRejected
from registry.tables import caregivers, guardians, pupils

ContactKind = Literal["phone", "email", "wecom"]

READ: Final[dict[ContactKind, Callable[[str], str | None]]] = {
    "phone": phone_of,
    "email": email_of,
    "wecom": wecom_of,
}
"""What a contact is called → how it is read, the same as in a roster."""

RULES: Final[dict[ContactKind, tuple[str, str]]] = {
    "phone": ("1 开头的 11 位手机号", "a mobile number of 11 digits that starts with 1"),
    "email": ("一个电子邮箱地址", "one e-mail address"),
    "wecom": (
        "企业微信账号：字母、数字和 _-@.，以字母或数字开头，至多 64 个字符",
        "a WeCom user id: letters, digits and _-@., a letter or digit first, at most 64",
    ),
}

PEOPLE: Final[tuple[tuple[Table, str], ...]] = (
    (guardians, "guardian_ref"),
    (caregivers, "caregiver_ref"),
    (pupils, "student_ref"),
)
"""Where a person of a household may stand, and the column with the reference; of a pupil only the mail is held."""


def read_contact(kind: ContactKind, text: str) -> str:
    """Return a contact as the registry holds it.

    Raises:
        InputRejected: `CONTACT_INVALID`; it names the kind and never the value.
    """
    found = READ[kind](text)
    if not found:
        rule_zh, rule_en = RULES[kind]
        raise InputRejected(
            "CONTACT_INVALID",
            message_zh="新的联系方式写法不对，或为空。",
            message_en="The new contact is malformed, or empty.",
            place=kind,
            remedy_zh=f"请填写{rule_zh}；要删去而不换新的，请用 --remove。",
            remedy_en=f"Give {rule_en}; to take it away without a new one, say --remove.",
        )
    return found


async def change_contact(connection: AsyncConnection, student: str, person: str, kind: ContactKind, value: str) -> bool:
    """Write one contact of one person; snapshots and everything else stay.

    Args:
        connection: the transaction.
        student: reference of the pupil in whose household the person is.
        person: reference of the guardian, the caregiver or the pupil.
        kind: which contact.
        value: what `read_contact` returned, or an empty text for none.

    Returns:
        Whether the household has the person, with such a contact.
    """
    for table, reference in PEOPLE:
        if kind in table.c:
            own = (table.c[reference] == person, table.c.student_ref == student)
            if (await connection.execute(update(table).where(*own).values({kind: value}))).rowcount:
                return True
    return False
