"""`notices done|opt-out|opt-in`: what people did with a list of calls or letters, and what families want (G8, G13)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import Parameter
from rich.text import Text

from cli.failures import usage
from cli.given import Student
from cli.notice_access import require_open
from cli.notices_acts import Act, Row, give_all, on_record, refusal_of, rows_of
from cli.notices_view import school_of, unknown_notice
from cli.options import CampaignName, Change, Face, say
from cli.rooms import Rooms
from cli.stage import end
from domain.actors import Actor, require
from domain.notices import BY_PEOPLE, PAPER, NoticeState, student_of
from domain.refusal import Refusal
from domain.sending_events import OUTCOMES, TaskOutcome
from notices.printing import COLUMNS, MORE_COLUMNS
from registry.problems import InputRejected
from registry.sheets import read_table

_FACE = Face()

Outcome = Literal["reached", "no_answer", "wrong_number", "handed_over", "signed", "returned"]
Person = Annotated[
    str, Parameter(help=say("监护人、照护人或学生本人的编号", "reference of the guardian, the caregiver or the pupil"))
]

WORDS: Final[dict[str, TaskOutcome]] = {
    **{outcome.value.lower(): outcome for outcome in TaskOutcome},
    "已告知": TaskOutcome.REACHED,
    "无人接听": TaskOutcome.NO_ANSWER,
    "号码不对": TaskOutcome.WRONG_NUMBER,
    "已交": TaskOutcome.HANDED_OVER,
    "已签回执": TaskOutcome.SIGNED,
    "退回": TaskOutcome.RETURNED,
}
"""What may stand in a file, in either language."""

ON_LISTS: Final = (NoticeState.CLEARED, NoticeState.SUBMITTED)


async def done(
    campaign: CampaignName,
    notices: Annotated[
        list[str] | None, Parameter(negative="", help=say("通知编号 ntc_…，可多个", "references, ntc_… ntc_…"))
    ] = None,
    *,
    outcome: Annotated[
        Outcome | None,
        Parameter(
            help=say(
                "电话：reached|no_answer|wrong_number；纸质：handed_over|signed|returned",
                "of a call reached|no_answer|wrong_number, of a letter handed_over|signed|returned",
            )
        ),
    ] = None,
    file: Annotated[
        Path | None,
        Parameter(help=say("登记表，列 notice、outcome；未填结果的行略过", "a list with the columns notice, outcome")),
    ] = None,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Record what became of calls and letters; a row of a file without an outcome is passed over."""
    if (file is None) != (bool(notices) and outcome is not None) or (file is not None and (notices or outcome)):
        raise usage(
            "CHOICE_NEEDED",
            say("请填写通知编号和 --outcome，或只用 --file。", "Name notices with --outcome, or a --file alone."),
            place="NOTICE, --outcome, --file",
        )
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        told = _read(file) if file is not None else dict.fromkeys(notices or [], WORDS[outcome or ""])
        rows = await rows_of(rooms, campaign, list(told))
        closed = await _closed(rooms, campaign, change, rows)
        acts = [_task(row, told[row["notice_id"]], closed.get(row["notice_id"])) for row in rows]
        return await give_all(rooms, campaign, face, change, "record_notice_task", acts)


async def opt_out(
    campaign: CampaignName, *, student: Student, person: Person, change: Change, face: Face = _FACE
) -> int:
    """Put down that a person wants no optional notices about a pupil; those on rights and safety still come."""
    return await _opt("decline_optional_notices", campaign, student, person, change, face)


async def opt_in(
    campaign: CampaignName, *, student: Student, person: Person, change: Change, face: Face = _FACE
) -> int:
    """Put down, for the family, that it wants the optional notices again; the bureau does."""
    return await _opt("allow_optional_notices", campaign, student, person, change, face)


# -- inside -------------------------------------------------------------------------------------------------------


async def _closed(rooms: Rooms, campaign: str, change: Change, rows: Sequence[Row]) -> dict[str, Refusal]:
    """Return the notices of other classes that a class head named, as `notices tasks` shows none of them."""
    registry = await rooms.registry()
    member = await registry.staff_member(campaign, change.for_ or change.by)
    if member is None or member.role != "class_head":
        return {}  # an unknown one is told so by the command
    students = {row["notice_id"]: student_of(row["recipient"]) or "" for row in rows}
    households = await registry.households(list(dict.fromkeys(students.values())))
    closed: dict[str, Refusal] = {}
    for notice, student in students.items():
        try:
            if student in households:
                require_open(member, households[student])
        except Refusal as refusal:
            closed[notice] = refusal
    return closed


def _task(row: Row, outcome: TaskOutcome, closed: Refusal | None) -> Act:
    channel = str(row["channel"])
    fields: dict[str, Any] = {"school": school_of(row), "channel": channel, "outcome": outcome.value}
    if closed is not None:
        return Act(row, fields, closed)
    if not _on_a_list(row, outcome):
        return Act(row, fields, refusal_of("NOTICE_NOT_ON_LIST", row))
    if outcome not in OUTCOMES[channel]:
        possible = [one.value for one in OUTCOMES[channel]]
        return Act(
            row,
            fields,
            Refusal("OUTCOME_NOT_OF_LIST", outcome=outcome.value, channel=channel, possible=possible),
        )
    return Act(row, fields)


def _on_a_list(row: Mapping[str, Any], outcome: TaskOutcome) -> bool:
    """Tell whether somebody may have done it; a letter that was handed over may be signed later."""
    if row["channel"] not in BY_PEOPLE:
        return False
    signed = row["channel"] == PAPER and outcome is TaskOutcome.SIGNED
    return row["state"] in ON_LISTS or (signed and row["state"] == NoticeState.DELIVERED)


def _read(file: Path) -> dict[str, TaskOutcome]:
    """Return what a list says of each notice.

    Raises:
        InputRejected: TASKS_FILE_MISSING, TASKS_FILE_INVALID, TASK_OUTCOME_INVALID, NOTICE_TWICE, TASKS_FILE_BLANK.
    """
    missing, invalid = "TASKS_FILE_MISSING", "TASKS_FILE_INVALID"
    table = read_table(file, COLUMNS, missing=missing, invalid=invalid, optional=MORE_COLUMNS)
    found: dict[str, TaskOutcome] = {}
    for number, cells in table:
        notice, said = cells["notice"].strip(), cells["outcome"].strip().lower()
        if not said:
            continue
        place = f"{file.name}: row {number} column "
        if not notice:
            raise unknown_notice(f"{place}notice")
        if said not in WORDS:
            known = "、".join(word for word in WORDS if not word.isascii())
            raise _rejected(
                "TASK_OUTCOME_INVALID",
                ("无法识别办理结果。", "This outcome cannot be understood."),
                f"{place}outcome",
                (f"可填：{known}。", f"Write one of: {', '.join(one.value.lower() for one in TaskOutcome)}."),
            )
        if notice in found:
            raise _rejected(
                "NOTICE_TWICE",
                ("这条通知在文件中出现了两次。", "This notice stands in the file twice."),
                f"{place}notice",
                ("请只保留一行。", "Keep one row of it."),
            )
        found[notice] = WORDS[said]
    if not found:
        raise _rejected(
            "TASKS_FILE_BLANK",
            ("文件中没有一行填写了结果。", "No row of the file has an outcome."),
            file.name,
            ("请填写 outcome 列。", "Fill in the column outcome."),
        )
    return found


def _rejected(code: str, message: tuple[str, str], place: str, remedy: tuple[str, str]) -> InputRejected:
    return InputRejected(
        code, message_zh=message[0], message_en=message[1], place=place, remedy_zh=remedy[0], remedy_en=remedy[1]
    )


async def _opt(kind: str, campaign: str, student: str, person: str, change: Change, face: Face) -> int:
    async with Rooms(face.settings()) as rooms:
        board = await rooms.board(campaign)
        household = await (await rooms.registry()).household(student)
        if household is None or household.school not in board[campaign]["schools"]:
            raise unknown_notice(student)
        carer = household.caregiver
        known = (
            household.student_ref,
            *(guardian.guardian_ref for guardian in household.guardians),
            *(() if carer is None else (carer.caregiver_ref,)),
        )
        if person not in known:
            raise Refusal("PERSON_NOT_OF_HOUSEHOLD", person=person, student=student)
        fields: dict[str, Any] = {"student": student, "person": person}
        if kind == "decline_optional_notices":
            fields["school"] = household.school
        command = await rooms.command(campaign, change, kind, **fields)
        if await _stands(rooms, campaign, change, kind, student, person):
            require(Actor.model_validate(command["actor"]), kind, fields.get("school"))
            data = {"accepted": True, "already": True, "refused": None, "receipt": None}
            text = say("已是如此登记，没有更改。", "It is down like that already; nothing was changed.")
            face.show(data, lambda: Text(text))
            return 0
        return end(face, await rooms.submit(campaign, command), already=False)


async def _stands(rooms: Rooms, campaign: str, change: Change, kind: str, student: str, person: str) -> bool:
    """Tell whether a wish is on record as it is given now; a repeated command is none of these and has its answer."""
    if change.command_id in await on_record(rooms, campaign, change):
        return False
    wishes = await (await rooms.ledger()).outbox.opt_outs(campaign)
    declined = any((one["student"], one["person"]) == (student, person) for one in wishes)
    return declined == (kind == "decline_optional_notices")
