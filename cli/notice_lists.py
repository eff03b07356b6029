"""`notices tasks` and `notices print`: calls and letters that people do, and what they need for it (FEATURES G1, G13).

Names and numbers stand on a terminal and in the printed file, for those who may see them; everywhere else, references.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Final, Literal

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from activities.directory import RecordDirectory
from activities.sending_policy import SendingPolicies
from cli.failures import REJECTED, Failure, not_found, usage
from cli.notice_access import BUREAU_READERS, DOERS, READERS, is_open, require_role, require_school
from cli.notices_view import code_phrase
from cli.options import LANG, By, CampaignName, Face, SchoolCode, say
from cli.rooms import Rooms
from cli.stage_view import word
from domain.actors import require
from domain.notices import PAPER, PHONE, PUPIL, student_of
from domain.refusal import Refusal
from domain.sending_events import OUTCOMES
from ledger.handover import CONTACT_TO_REPAIR, Wording
from notices.catalogue import Language
from notices.compose import CodeRequest, Draft, Notice, UnsendableError, draft, written
from notices.proof import digest_of
from registry.records import Household
from registry.staff_file import StaffMember

if TYPE_CHECKING:
    from notices.printing import PaperLetter

_FACE = Face()
Channel = Literal["phone", "paper"]
CHANNELS: Final[dict[Channel, str]] = {"phone": say("电话", "call"), "paper": say("纸质", "letter")}
"""Lists that people work through, as people call them."""

CODED: Final = "CODED"
"""Why a letter is left out: its sealed code is made where the gateway is, by somebody who calls families back."""


@dataclass(frozen=True)
class Task:
    """A row of the outbox that a person does, with the family that it is about."""

    row: Mapping[str, Any]
    household: Household = field(repr=False)

    @property
    def reader(self) -> tuple[str, str]:
        """Return name and telephone of whom it goes to; empty where they are not held."""
        person = self.row["person"]
        for one in self.household.guardians:
            if one.guardian_ref == person:
                return one.name, one.phone
        caregiver = self.household.caregiver
        if caregiver is not None and caregiver.caregiver_ref == person:
            return caregiver.name, caregiver.phone
        return (self.household.name, "") if self.row["recipient"].startswith(PUPIL) else ("", "")

    def as_data(self) -> dict[str, Any]:
        """Return references only."""
        row = self.row
        return {
            "notice": row["notice_id"],
            "channel": row["channel"],
            "school": self.household.school,
            "class": self.household.class_id,
            "student": self.household.student_ref,
            "person": row["person"],
            "purpose": row["purpose"],
            "since": row["state_at"],
            "code": row["code"],
            "repair": row["repair"],
        }


async def tasks(
    campaign: CampaignName,
    *,
    school: SchoolCode | None = None,
    channel: Annotated[Channel | None, Parameter(help=say("只看电话或纸质", "only calls, or only letters"))] = None,
    by: By,
    face: Face = _FACE,
) -> int:
    """List the calls and letters that wait for a person; on a terminal with names and numbers."""
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign, school)
        member = await _member(rooms, campaign, by, (*READERS, *BUREAU_READERS), "notices tasks", school)
        channels = list(CHANNELS) if channel is None else [channel]
        found = await _tasks(rooms, campaign, channels, school, member)
        rules = (await SendingPolicies((await rooms.ledger()).outbox).of(campaign)).rules
    quiet = {"from": f"{rules.quiet_from:%H:%M}", "until": f"{rules.quiet_until:%H:%M}"}
    listed = [one.as_data() for one in found]
    data: dict[str, Any] = {
        "campaign": campaign,
        "total": len(listed),
        "by_channel": dict(sorted(Counter(one["channel"] for one in listed).items())),
        "quiet": quiet,
        "tasks": listed,
    }
    named = not face.json and sys.stdout.isatty()
    face.show(data, lambda: _listed(found, quiet, named=named))
    return 0


async def print_(
    campaign: CampaignName,
    school: SchoolCode,
    file: Annotated[Path, Parameter(help=say("写入此 XLSX（含姓名）", "the XLSX to write, with names"))],
    *,
    again: Annotated[
        bool,
        Parameter(
            negative="",
            help=say("重新打印已打印而尚无结果的信件", "print once more what was printed and has no outcome yet"),
        ),
    ] = False,
    by: By,
    face: Face = _FACE,
) -> int:
    """Write the letters that wait for paper, and the list to be filled in as they are handed out."""
    if file.suffix.lower() != ".xlsx":
        raise usage(
            "FILE_NOT_XLSX",
            say("信件写成 XLSX 文件。", "The letters are written into an XLSX file."),
            place=str(file),
            remedy=say("请填写以 .xlsx 结尾的文件名。", "Give a name that ends in .xlsx."),
        )
    settings = face.settings()
    async with Rooms(settings) as rooms:
        await rooms.board(campaign, school)
        member = await _member(rooms, campaign, by, DOERS, "notices print", school)
        outbox = (await rooms.ledger()).outbox
        if again:
            found = await _seen(rooms, await outbox.printed(campaign, school), member)
        else:
            found = await _tasks(rooms, campaign, [PAPER], school, member)
        with _new_file(file) as made:
            try:
                letters, left_out = await _letters(rooms, campaign, found, by, settings.lang)
                _write(made, letters)
                said = {one.notice_id: Wording(one.template, one.digest) for one in letters}
                printed = await outbox.mark_printed(list(said), datetime.now(UTC), said, again=again)
            except BaseException:
                with suppress(OSError):
                    file.unlink()
                raise
            # from here on the record says that they are printed: whatever breaks now, the file stays
            if len(printed) < len(letters):  # cancelled since: what is not to go out does not stay in the file
                left_out["CANCELLED"] += len(letters) - len(printed)
                letters = [one for one in letters if one.notice_id in printed]
                _write(made, letters)
        if not letters:
            file.unlink()
    data: dict[str, Any] = {
        "campaign": campaign,
        "school": school,
        "file": str(file) if letters else None,
        "printed": len(letters),
        "left_out": dict(sorted(left_out.items())),
    }
    face.show(data, lambda: _printed(data))
    return 0


# -- inside -----------------------------------------------------------------------------------------------------


async def _member(
    rooms: Rooms, campaign: str, by: str, roles: tuple[str, ...], command: str, school: str | None
) -> StaffMember:
    """Return who asks, once it is known that they may.

    Raises:
        Failure: STAFF_UNKNOWN (4).
        Refusal: ROLE_NOT_ALLOWED, WRONG_SCHOOL.
    """
    member = await (await rooms.registry()).staff_member(campaign, by)
    if member is None:
        raise not_found("stf_")
    require_role(member, roles, command)
    require_school(member, school)
    return member


async def _tasks(
    rooms: Rooms, campaign: str, channels: Sequence[str], school: str | None, member: StaffMember
) -> list[Task]:
    """Return what is on the lists that somebody may see, class by class; a forgotten family's is nobody's."""
    outbox = (await rooms.ledger()).outbox
    rows = [row for name in channels for row in await outbox.cleared(campaign, name, school or member.school or None)]
    return await _seen(rooms, rows, member)


async def _seen(rooms: Rooms, rows: Sequence[Mapping[str, Any]], member: StaffMember) -> list[Task]:
    """Return those of some rows that somebody may see, with their families."""
    students = list(dict.fromkeys(student for row in rows if (student := student_of(row["recipient"])) is not None))
    households = await (await rooms.registry()).households(students)
    found = [Task(row, household) for row in rows if (household := households.get(student_of(row["recipient"]) or ""))]
    seen = [one for one in found if is_open(member, one.household)]
    return sorted(seen, key=lambda one: (one.household.school, one.household.class_id, one.household.student_ref))


async def _letters(
    rooms: Rooms, campaign: str, found: Sequence[Task], by: str, lang: Language
) -> tuple[list[PaperLetter], Counter[str]]:
    """Write the letters, and count those that cannot be written here, by code."""
    from notices.printing import ANSWER_BY_PAPER, PaperLetter  # noqa: PLC0415 - spreadsheets, only where one is written

    directory = RecordDirectory(await rooms.ledger(), await rooms.registry(), _no_code)
    notices = [Notice(**{name: one.row[name] for name in Notice._fields}) for one in found]
    await directory.read(notices)
    drafts: list[tuple[Task, Draft]] = []
    left_out: Counter[str] = Counter()
    for task, notice in zip(found, notices, strict=True):
        try:
            drafts.append((task, await draft(notice, directory, "", lang, PAPER)))
        except UnsendableError as error:
            left_out[error.code] += 1
    asked = [drafted.asks for _, drafted in drafts if drafted.asks is not None]
    codes = await _sealed(rooms, campaign, by, asked) if asked else {}
    letters: list[PaperLetter] = []
    key = rooms.pepper()
    for task, drafted in drafts:
        if drafted.asks is not None and drafted.asks not in codes:
            left_out[CODED] += 1
            continue
        own = {"answer_line": ANSWER_BY_PAPER[drafted.language]} if drafted.asks is not None else {}
        sealed = None if drafted.asks is None else codes[drafted.asks]
        try:
            message, template = written(replace(drafted, values={**drafted.values, **own}), sealed)
        except UnsendableError as error:
            left_out[error.code] += 1
            continue
        letters.append(
            PaperLetter(
                notice_id=message.notice_id,
                class_id=task.household.class_id,
                pupil=task.household.name,
                reader=task.reader[0],
                purpose=word(task.row["purpose"], LANG),
                lang=message.lang,
                subject=message.subject,
                text=message.text,
                template=template,
                digest=digest_of(message, PAPER, key),
            )
        )
    return letters, left_out


async def _sealed(rooms: Rooms, campaign: str, by: str, asked: Sequence[CodeRequest]) -> dict[CodeRequest, str]:
    """Return the sealed codes of papers; none where the campaign's gateway is not here, or for who calls nobody back.

    A teacher who saw a family's code could answer in its place (DESIGN §9).
    """
    from cli.family import Desk  # noqa: PLC0415 - cryptography, only where a code is made
    from client import actor_for  # noqa: PLC0415
    from gateway.codes import Gateway, good_until  # noqa: PLC0415
    from gateway.store import Binding  # noqa: PLC0415

    settings = rooms.settings
    try:
        require(await actor_for(await rooms.registry(), campaign, by), "record_callbacks", asked[0].school)
        if not settings.gateway_key.exists():
            return {}
        gateway = await Gateway.open(settings.gateway_url, settings.gateway_key)
        try:
            await Desk(rooms, gateway).require_own_key(campaign)
            bindings = [Binding.model_validate(vars(one)) for one in asked]
            codes = await gateway.issue_all(bindings, good_until(campaign, datetime.now(UTC)), form="paper")
        finally:
            await gateway.close()
    except Refusal:
        return {}
    return dict(zip(asked, codes, strict=True))


async def _no_code(requests: Sequence[CodeRequest]) -> list[str]:
    """Stand in for the letters' codes: a paper has a sealed one of its own."""
    raise AssertionError(len(requests))


def _new_file(file: Path) -> BinaryIO:
    """Make the file, readable by its owner only; never over another one.

    Raises:
        Failure: FILE_EXISTS (3).
    """
    try:
        return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except FileExistsError:
        raise Failure(
            REJECTED,
            "FILE_EXISTS",
            say("文件已存在。", "The file exists already."),
            place=str(file),
            remedy=say("请换一个文件名。", "Name another file."),
        ) from None


def _write(made: BinaryIO, letters: Sequence[PaperLetter]) -> None:
    """Put the workbook into the file, in place of what stood there, and onto the disk."""
    from notices.printing import print_list  # noqa: PLC0415

    content = print_list(letters, [outcome.value for outcome in OUTCOMES[PAPER]], say("请选择", "choose one"))
    made.seek(0)
    made.truncate()
    made.write(content)
    made.flush()
    os.fsync(made.fileno())


def _listed(found: Sequence[Task], quiet: Mapping[str, str], *, named: bool) -> RenderableType:
    titles = [say("渠道", "channel"), say("班级", "class"), say("学生", "pupil"), say("收件", "reader")]
    titles += [say("电话", "phone")] if named else []
    table = Table(*titles, say("用途", "purpose"), say("起", "since"))
    table.add_column(say("通知", "notice"), no_wrap=True)  # whole, so that it can be copied
    table.add_column(say("代码", "code"))
    for one in found:
        row, household = one.row, one.household
        name, phone = one.reader
        who = [household.name, name, phone] if named else [household.student_ref, row["person"] or ""]
        purpose = word(row["purpose"], LANG)
        since = (row["state_at"] or "")[:10]
        cells = (CHANNELS[row["channel"]], household.class_id, *who, purpose, since, row["notice_id"])
        wrong = CONTACT_TO_REPAIR if row["repair"] and row["code"] != CONTACT_TO_REPAIR else ""
        table.add_row(*cells, " ".join(filter(None, (row["code"], wrong))))
    head = [say(f"待人工办理 {len(found)} 件", f"{len(found)} to do")]
    if quiet["from"] != quiet["until"] and any(one.row["channel"] == PHONE for one in found):
        over_night = say("次日 ", "") if quiet["until"] < quiet["from"] else ""
        head.append(
            say(
                f"{quiet['from']} 至{over_night or ' '}{quiet['until']} 请勿打电话。",
                f"Call nobody between {quiet['from']} and {quiet['until']}.",
            )
        )
    return Group(Text("\n".join(head)), *([table] if found else []))


def _printed(data: Mapping[str, Any]) -> RenderableType:
    lines = [] if data["left_out"] else [say("没有待打印的信件。", "No letter waits for paper.")]
    if data["file"]:
        sealed = say("含姓名，请逐封密封", "with names: seal each")
        lines = [
            f"{data['file']}: " + say(f"{data['printed']} 封（{sealed}）", f"{data['printed']} letters ({sealed})"),
            say(
                "办完在 outcome 列填写结果，用 notices done --file 交回。",
                "Fill in the column outcome as they are handed out, then give the file to `notices done --file`.",
            ),
        ]
    lines += [
        say(f"未打印 {count} 封 {code}：{code_phrase(code)}", f"{count} left out, {code}: {code_phrase(code)}")
        for code, count in data["left_out"].items()
    ]
    return Text("\n".join(lines))
