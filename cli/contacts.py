"""`contacts`: a telephone number, mail address or WeCom account that is wrong is put right at once (FEATURES G13).

The new value is typed in or read from a file, never an argument: what stands on a command line stays in its history.
The record keeps that somebody went to the pupil's record to repair a contact, and never what was written there.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import App, Parameter
from rich.text import Text

from cli.failures import NOT_FOUND, REFUSED, Failure, not_found, usage
from cli.given import Student
from cli.notice_access import DOERS, require_role
from cli.options import CampaignName, Change, Face, say
from cli.refusals import refused_of, show_refusal
from cli.rooms import Rooms
from domain.notices import PUPIL, NoticeState
from protocol import school_id
from registry.contacts import ContactKind, read_contact
from registry.problems import InputRejected
from registry.records import Household
from registry.sheets import decoded

_FACE = Face()
PURPOSE: Final = "CONTACT_REPAIR"
"""What the record says that the look was for."""

REPAIRERS: Final = (*DOERS, "register_officer")
"""Roles that may put a contact right; of a school its own pupils' only."""

LONGEST: Final = 4096
"""Bytes of a file that can hold one contact."""

TO_RETRY: Final = (NoticeState.FAILED_PERMANENT, NoticeState.EXPIRED)
"""States of a notice that may be sent again, now that the contact is right."""

app = App(name="contacts", help_format="plaintext", version_flags=[])


@app.command(help=say("更正一个联系方式", "put one contact right"))
async def repair(
    campaign: CampaignName,
    contact: Annotated[
        ContactKind, Parameter(help=say("电话、邮箱或企业微信账号", "telephone, mail address or WeCom account"))
    ],
    *,
    student: Student,
    person: Annotated[
        str, Parameter(help=say("家庭成员编号 gdn_…、cgv_… 或学生编号", "whose: gdn_…, cgv_… or the pupil's own"))
    ],
    value_file: Annotated[
        Path | None,
        Parameter(help=say("写有新值的文件（默认从键盘或标准输入读取）", "file with the new value (default: stdin)")),
    ] = None,
    remove: Annotated[
        bool, Parameter(negative="", help=say("只删去，不换新的", "take it away without a new one"))
    ] = False,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Write one contact of one person of a household; the next roster should have it too."""
    if remove and value_file is not None:
        raise usage(
            "OPTIONS_EXCLUDE_EACH_OTHER",
            say("--remove 和 --value-file 只能用一个。", "--remove and --value-file exclude each other."),
            place="--remove",
        )
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        registry = await rooms.registry()
        member = await registry.staff_member(campaign, change.for_ or change.by)
        if member is None:
            raise not_found("stf_")
        require_role(member, REPAIRERS, "contacts repair")
        household = await registry.household(student)
        if household is None or contact not in _contacts_of(household, person):
            raise _nobody(student)
        value = "" if remove else read_contact(contact, _asked(contact, value_file))
        fields: dict[str, Any] = {"student": student, "purpose": PURPOSE, "break_glass": change.reason is not None}
        if member.classes:
            fields["head_of"] = list(member.classes)
        command = await rooms.command(campaign, change, "use_access", **fields)
        answer = await rooms.submit(school_id(campaign, household.school), command)
        receipt = answer.receipt.model_dump(mode="json")
        refusal = refused_of(answer)
        if refusal is not None:
            show_refusal(refusal, as_json=face.json, receipt=receipt)
            return REFUSED
        if not await registry.change_contact(student, person, contact, value):
            raise _nobody(student)  # forgotten since
        await (await rooms.ledger()).outbox.contact_repaired(person, contact)
        data = {
            "accepted": True,
            "receipt": receipt,
            "student": student,
            "person": person,
            "contact": contact,
            "removed": remove,
            "notices": await _waiting(rooms, campaign, student, person),
        }
        face.show(data, lambda: _told(data))
        return 0


def _contacts_of(household: Household, person: str) -> tuple[ContactKind, ...]:
    """Return which contacts the registry holds of a person of a household; of a pupil the mail address only."""
    if person == household.student_ref:
        return ("email",)
    refs = [one.guardian_ref for one in household.guardians]
    refs += [] if household.caregiver is None else [household.caregiver.caregiver_ref]
    return ("phone", "email", "wecom") if person in refs else ()


def _asked(contact: ContactKind, file: Path | None) -> str:
    """Read the new value from the file, from a person at the keyboard, or from standard input.

    Raises:
        InputRejected: CONTACT_FILE_INVALID; the file is missing, too long for one contact, or no text.
    """
    if file is None:
        if sys.stdin.isatty():
            words = {
                "phone": ("新电话", "new phone"),
                "email": ("新邮箱", "new e-mail"),
                "wecom": ("新账号", "new account"),
            }
            sys.stderr.write(say(f"{words[contact][0]}：", f"{words[contact][1]}: "))
            sys.stderr.flush()
        return sys.stdin.readline(LONGEST).strip()
    content = file.read_bytes()[: LONGEST + 1] if file.is_file() else None
    text = None if content is None or len(content) > LONGEST else decoded(content)
    if text is None:
        raise InputRejected(
            "CONTACT_FILE_INVALID",
            message_zh="文件不存在，或不是只写有一个联系方式的文本。",
            message_en="There is no such file, or it is no text with one contact.",
            place=file.name,
            remedy_zh="请在文本文件中只写新的联系方式一行；用完请删除该文件。",
            remedy_en="Write the new contact alone into a text file, and delete the file afterwards.",
        )
    return text.strip()


async def _waiting(rooms: Rooms, campaign: str, student: str, person: str) -> list[str]:
    """Return the notices to this person that did not come through."""
    recipient = f"{PUPIL}{student}" if person == student else student
    rows = await (await rooms.ledger()).outbox.find(campaign, recipient=recipient)
    return [row["notice_id"] for row in rows if row["state"] in TO_RETRY and row["person"] in (None, person)]


def _told(data: dict[str, Any]) -> Text:
    done = say("已删去。", "Taken away.") if data["removed"] else say("已更正。", "Put right.")
    roster = say("请同时更正名册，否则下次导入会恢复原值。", "Mend the roster too: the next import says what holds.")
    lines = [f"{done}{say('', ' ')}{roster}"]
    if data["notices"]:
        lines.append(
            say("未送达的通知可用 notices retry 重发：", "Notices that did not come through, for `notices retry`: ")
            + " ".join(data["notices"])
        )
    return Text("\n".join(lines))


def _nobody(student: str) -> Failure:
    return Failure(
        NOT_FOUND,
        "PERSON_UNKNOWN",
        say(
            "没有这名学生，或其家庭中没有这个人，或不登记其此类联系方式。",
            "There is no such pupil, the household has no such person, or no such contact is held of them.",
        ),
        place=student,
        remedy=say(
            "请用 person show 或 notices show 查看编号；学生本人只登记邮箱。",
            "See `person show` or `notices show` for references; of a pupil only the mail address is held.",
        ),
    )
