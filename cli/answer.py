"""`answer`: a family's own act, through the family gateway; a code stands in the place of a member of staff."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from cyclopts import Parameter

from cli.failures import NOT_FOUND, REFUSED, Failure, failure_of, usage
from cli.options import COMMAND_ID, Face, note, say, within_reach
from cli.refusals import show_refusal
from cli.rooms import Rooms, exists
from cli.stage import end
from domain.actors import GATEWAY
from domain.family_act import SCHOOL, FamilyAct, Intent
from domain.refusal import Refusal
from domain.stage_events import StageSlug
from domain.stream import STUDENT, Answer
from domain.time import instant
from gateway import spelling
from gateway.codes import Act, Gateway
from gateway.store import Binding
from protocol import stage_id
from settings import Settings

_FACE = Face()

INTENTS: Final[dict[str, Intent]] = {
    **{kind.value.lower(): kind for kind in Intent},
    "普高": Intent.GENERAL_HIGH,
    "中职": Intent.VOCATIONAL,
    "未定": Intent.UNDECIDED,
    "其他": Intent.OTHER,
}
"""What a family may write for its intent."""

ON_RECORD: Final = ("CODE_WRONG", "CODE_EXPIRED", "CODE_FOREIGN", "CODE_LOCKED")
"""Attempts that an auditor must see (design, section 3)."""

CLOCKS_DIFFER: Final = timedelta(minutes=5)
"""By so much a time may be ahead of this machine's clock; a family cannot have acted later than that."""

WHAT: Final = say("intent 的意向，或 sign 的学校代码", "the kind of an intent, or the school of a signature")


@dataclass(frozen=True)
class _Wish:
    """What the family wants done, after the form of it was checked."""

    code: str
    act: Act
    at: datetime
    intent: Intent | None
    destination: str | None
    student: str | None
    command_id: str


async def answer(
    code: Annotated[str, Parameter(help=say("信上的 8 位验证码", "the 8 characters of the letter"))],
    act: Act,
    what: Annotated[str | None, Parameter(help=WHAT)] = None,
    *,
    student: Annotated[
        str | None, Parameter(help=say("学生编号；填错的验证码会计数", "the pupil; wrong codes are counted then"))
    ] = None,
    at: Annotated[
        str | None, Parameter(help=say("家庭办理的时间（RFC 3339）", "when the family acted (RFC 3339; default: now)"))
    ] = None,
    command_id: Annotated[
        str | None,
        Parameter(help=say("操作编号；同号重试不会重复办理", "the same id again changes nothing (default: a new one)")),
    ] = None,
    face: Face = _FACE,
) -> int:
    """Do what a family does itself: state an intent, acknowledge, sign, refuse or withdraw; no staff can."""
    wish = _wish(code, act, what, student, at, command_id)
    settings = face.settings()
    async with Rooms(settings) as rooms, _gateway(settings) as gateway:
        binding = await gateway.concerned(wish.code, student=wish.student)
        if binding is not None:
            await _require_own_key(rooms, gateway, binding.campaign)
        try:
            signed = await gateway.act(
                wish.code,
                wish.act,
                at=wish.at,
                intent=wish.intent,
                destination=wish.destination,
                student=wish.student,
                request=wish.command_id,
            )
        except Refusal as refusal:
            receipt = await _on_record(rooms, binding, refusal)
            show_refusal(refusal, as_json=face.json, receipt=receipt)
            return REFUSED
        return end(face, await _deliver(rooms, signed, wish.command_id))


def _wish(code: str, act: Act, what: str | None, student: str | None, at: str | None, command_id: str | None) -> _Wish:
    """Check the form of everything before a try can be counted.

    Raises:
        Failure: CODE_MALFORMED, INTENT_UNKNOWN, SCHOOL_INVALID, ARGUMENT_TOO_MANY, STUDENT_INVALID, TIME_INVALID,
            COMMAND_ID_INVALID (2).
    """
    if spelling.read(code) is None:
        raise usage(
            "CODE_MALFORMED",
            say("验证码的写法不对。", "The code is malformed."),
            place="CODE",
            remedy=say(
                "验证码是 8 位字母和数字，如 7K2M-Q4XD，请照信上填写。",
                "It has 8 letters and digits, as 7K2M-Q4XD: write it as the letter shows it.",
            ),
        )
    if student is not None and re.fullmatch(STUDENT, student) is None:
        raise usage(
            "STUDENT_INVALID",
            say("学生编号的写法不对。", "The pupil's reference is malformed."),
            place="--student",
            remedy=say("请填写 stu_ 开头的编号。", "Write the reference, which begins with stu_."),
        )
    if command_id is not None and COMMAND_ID.fullmatch(command_id) is None:
        raise usage(
            "COMMAND_ID_INVALID",
            say("操作编号的写法不对。", "The command id is malformed."),
            place="--command-id",
            remedy=say("请用字母、数字和 ._:/#@-，至多 128 个字符。", "Use letters, digits and ._:/#@-, at most 128."),
        )
    if what is not None and act not in ("intent", "sign"):
        raise usage("ARGUMENT_TOO_MANY", say(f"{act} 之后不再填写内容。", f"Nothing follows {act}."), place=act)
    return _Wish(
        code=code,
        act=act,
        at=_time(at),
        intent=_intent(what) if act == "intent" else None,
        destination=_school(what) if act == "sign" else None,
        student=student,
        command_id=command_id or str(uuid.uuid4()),
    )


def _intent(what: str | None) -> Intent:
    found = INTENTS.get((what or "").strip().lower())
    if found is None:
        raise usage(
            "INTENT_UNKNOWN",
            say("没有这种意向。", "There is no such intent."),
            place="KIND",
            remedy=say("请填写：", "Write one of: ") + ", ".join(INTENTS),
        )
    return found


def _school(what: str | None) -> str:
    if what is None or re.fullmatch(SCHOOL, what) is None:
        raise usage(
            "SCHOOL_INVALID",
            say("缺少职业学校的代码，或代码的写法不对。", "The vocational school's code is missing or malformed."),
            place="SCHOOL",
            remedy=say("请填写告知书所列学校的 10 位代码。", "Write the 10 digits of a school that the notice lists."),
        )
    return what


def _time(at: str | None) -> datetime:
    if at is None:
        return datetime.now(UTC)
    try:
        found = instant(at)
    except ValueError:
        found = None
    if found is None or not within_reach(found):
        raise usage(
            "TIME_INVALID",
            say("时间的写法不对。", "The time is malformed."),
            place="--at",
            remedy=say("请写成 2025-01-13T18:30:00+08:00。", "Write it as 2025-01-13T18:30:00+08:00."),
        )
    if found > datetime.now(UTC) + CLOCKS_DIFFER:
        raise usage(
            "TIME_INVALID",
            say("家庭办理的时间在将来。", "The family's act lies in the future."),
            place="--at",
            remedy=say(
                "请填写实际办理的时间；不写 --at 即为现在。",
                "Write when the family acted; without --at it is now.",
            ),
        )
    return found


@asynccontextmanager
async def _gateway(settings: Settings) -> AsyncIterator[Gateway]:
    """Open the gateway that letters went out from; never make a new one, which would know no code.

    Raises:
        Failure: NO_CODES_HERE (4).
        Refusal: GATEWAY_UNKNOWN.
    """
    if not exists(settings.gateway_url):
        raise Failure(
            NOT_FOUND,
            "NO_CODES_HERE",
            say("数据目录中没有发出过验证码。", "No code was ever sent from this data directory."),
            place=str(settings.data),
            remedy=say("请用 --data 指定正确的目录。", "Name the right one with --data."),
        )
    if not settings.gateway_key.exists():
        raise Refusal("GATEWAY_UNKNOWN")
    gateway = await Gateway.open(settings.gateway_url, settings.gateway_key)
    try:
        yield gateway
    finally:
        await gateway.close()


async def _require_own_key(rooms: Rooms, gateway: Gateway, campaign: str) -> None:
    """Refuse before anything is signed or counted where the campaign began with another key.

    Raises:
        Failure: CAMPAIGN_UNKNOWN (4).
        Refusal: GATEWAY_UNKNOWN.
    """
    await rooms.board(campaign)
    first = await anext((await rooms.ledger()).events(campaign))
    gateway.require_key((first["data"].get("gateway") or {}).get("public_key"))


async def _deliver(rooms: Rooms, signed: FamilyAct, command_id: str) -> Answer:
    """Hand a signed act on; where that fails, say under which id it can be handed on again, with its first time."""
    command = _command("deliver_family_acts", command_id, acts=[signed.model_dump(mode="json")])
    try:
        return await rooms.submit(_stream(signed.campaign, signed.school), command)
    except Refusal:
        raise
    except Exception:
        note(f"操作编号：{command_id}", f"command id: {command_id}")
        raise


async def _on_record(rooms: Rooms, binding: Binding | None, refusal: Refusal) -> dict[str, Any] | None:
    """Leave the trace of an attempt in the pupil's stream and return its receipt; None where it leaves none."""
    if binding is None or refusal.code not in ON_RECORD:
        return None
    fields = {"student": binding.student, "party": binding.party.value, "code": refusal.code}
    command = _command("report_family_code", str(uuid.uuid4()), **fields)
    try:
        told = await rooms.submit(_stream(binding.campaign, binding.school), command)
    except Exception as error:
        if not isinstance(error, Refusal) and failure_of(error) is None:
            raise
        note("此次尝试未能写入台账。", "This attempt could not be put on record.")  # the family's answer is another
        return None
    return told.receipt.model_dump(mode="json")


def _command(kind: str, command_id: str, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "command_id": command_id, "actor": GATEWAY.model_dump(mode="json"), **fields}


def _stream(campaign: str, school: str) -> str:
    return stage_id(campaign, school, StageSlug.APPLICATION_FILING.value)
