"""`answer`: a family's own act, through the family gateway; a code stands in the place of a member of staff."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal, cast

from cyclopts import Parameter
from rich.text import Text

from cli.answer_call import LONGEST_ID, Caller, filing_state, with_call
from cli.failures import REFUSED, Failure, failure_of, usage
from cli.family import INTENTS, ON_RECORD, Desk, open_gateway
from cli.options import COMMAND_ID, Face, note, say, within_reach
from cli.refusals import refusal_data, refused_of, show_refusal
from cli.rooms import Rooms
from cli.stage import end
from domain.family_act import SCHOOL, ActKind, Channel, Intent, Wave
from domain.refusal import Refusal
from domain.stream import STUDENT
from domain.time import instant
from gateway import spelling
from gateway.codes import RIGHTS, Said
from gateway.store import Binding

_FACE = Face()

Act = Literal["intent", "acknowledge", "consent-data", "sign", "refuse", "withdraw", "keep"]
"""What a family can do, as it is written here."""

LONGEST_DEVICE: Final = 200

CLOCKS_DIFFER: Final = timedelta(minutes=5)
"""By so much a time may be ahead of this machine's clock; a family cannot have acted later than that."""

FROM_NOW: Final = ("acknowledge", "consent-data", "sign")
"""What starts or ends a wait that protects the family: nobody dates it back, but by the bureau's call-back."""

WHAT: Final = say("intent 的意向，或 sign 的学校代码", "the kind of an intent, or the school of a signature")


@dataclass(frozen=True)
class _Wish:
    """What the family wants done, after the form of it was checked."""

    code: str
    act: ActKind
    at: datetime
    intent: Intent | None
    destination: str | None
    wave: Wave
    short: bool
    student: str | None
    command_id: str


async def answer(
    code: Annotated[str, Parameter(help=say("信上的 8 位答复码", "the 8 characters of the letter"))],
    act: Act,
    what: Annotated[str | None, Parameter(help=WHAT)] = None,
    *,
    student: Annotated[
        str | None, Parameter(help=say("学生编号；填错的答复码会计数", "the pupil; wrong codes are counted then"))
    ] = None,
    at: Annotated[
        str | None, Parameter(help=say("家庭办理的时间（RFC 3339）", "when the family acted (RFC 3339; default: now)"))
    ] = None,
    wave: Annotated[
        Wave, Parameter(help=say("sign 的批次：秋季或春季", "with sign: for autumn or for spring"))
    ] = Wave.AUTUMN,
    short_cooling_understood: Annotated[
        bool,
        Parameter(negative="", help=say("sign：知悉冷静期缩短", "with sign: a short cooling-off is understood")),
    ] = False,
    channel: Annotated[
        Literal["app", "sms", "phone"] | None, Parameter(help=say("办理渠道", "how the answer came in"))
    ] = None,
    device: Annotated[
        str | None,
        Parameter(help=say("设备标识，只保存其摘要", "whatever names the device; only a digest of it is kept")),
    ] = None,
    paper: Annotated[
        bool,
        Parameter(
            negative="",
            help=say("纸质密封答复码，家长在回访电话中读出", "a paper's sealed code, read out at the call-back"),
        ),
    ] = False,
    callback_by: Annotated[
        str | None,
        Parameter(help=say("回访的县局人员 staff_ref（与 --paper 同用）", "who of the bureau calls (with --paper)")),
    ] = None,
    command_id: Annotated[
        str | None,
        Parameter(help=say("操作编号；同号重试不会重复办理", "the same id again changes nothing (default: a new one)")),
    ] = None,
    face: Face = _FACE,
) -> int:
    """Do what a family does itself: state an intent, acknowledge, sign, refuse, withdraw, keep; no staff can."""
    wish = _wish(code, act, what, student, at, wave, command_id, short=short_cooling_understood)
    _require_whole(device, channel, callback_by, paper=paper)
    if at is not None and act in FROM_NOW and not paper:
        raise _not_for_signing()
    settings = face.settings()
    async with Rooms(settings) as rooms, open_gateway(settings) as gateway:
        desk = Desk(rooms, gateway)
        binding = await gateway.concerned(wish.code, student=wish.student)
        if binding is not None:
            await desk.require_own_key(binding.campaign)
        caller = None if callback_by is None else Caller(desk, callback_by, wish.command_id)
        said = Said(
            act=wish.act,
            intent=wish.intent,
            destination=wish.destination,
            wave=wish.wave,
            short=wish.short,
            channel="paper" if paper else cast("Channel | None", channel),
            device=None if device is None else gateway.device(device),
        )
        if caller is not None and binding is not None:
            await caller.require_bureau(binding)
        if at is not None and binding is not None:
            await _require_recent(desk, binding, wish.at)
        try:
            signed = await gateway.act(
                wish.code, said, at=wish.at, student=wish.student, request=wish.command_id, called_back=paper
            )
        except Refusal as refusal:
            receipt = await desk.put_on_record(binding, refusal)
            if said.act in RIGHTS and binding is not None and refusal.code in ON_RECORD:
                report = await _reported(desk, binding, said, wish.command_id)
                if report is not None:
                    return _show_report(face, refusal, report)
            show_refusal(refusal, as_json=face.json, receipt=receipt)
            return REFUSED
        try:
            if caller is not None:
                await caller.require_possible(signed, _now())
            answered = await desk.deliver(signed, wish.command_id)
            if caller is None or refused_of(answered) is not None:
                return end(face, answered)
            return await with_call(face, answered, caller, signed)
        except Refusal:
            raise
        except Exception:  # under this id it can be handed on again, with its first time
            note(f"操作编号：{wish.command_id}", f"command id: {wish.command_id}")
            raise


async def _reported(desk: Desk, binding: Binding, said: Said, command_id: str) -> dict[str, Any] | None:
    """Put a withdrawal or a no whose code is not right down as a report, as by text message.

    None where there is nothing to hold up, and where nothing can be put on record now: then that is said, and the
    answer is still that of the code.
    """
    fields = (binding.campaign, binding.school, binding.student, f"{command_id[:LONGEST_ID]}/report")
    try:
        answered = await desk.report_withdrawal(*fields, channel=said.channel)
    except Refusal:
        return None
    except Exception as error:
        if failure_of(error) is None:
            raise
        note(
            "撤回或不同意的要求没有记录，办理没有暂停；请稍后再办，或请县教育局记录（choice report-withdrawal）。",
            "The wish to withdraw, or the no, is not on record and nothing is suspended: try again later, or have the "
            "bureau record it (choice report-withdrawal).",
        )
        return None
    if answered is None:
        return {"receipt": None}
    return None if refused_of(answered) is not None else {"receipt": answered.receipt.model_dump(mode="json")}


def _show_report(face: Face, refusal: Refusal, report: dict[str, Any]) -> int:
    """Say that a withdrawal, or a no, was put down as a report, as one by text message is."""
    said = refusal_data(refusal)
    text = say(
        f"已记录撤回的要求，办理已暂停，县教育局将回访；用正确的答复码办理可立即生效。答复码：{said['message']}",
        "The wish to withdraw is on record, the case is suspended and the bureau calls the family; with the right "
        f"code it takes effect at once. The code: {said['message']}",
    )
    face.show({"accepted": True, "refused": None, **report, "reported": True, "code": said}, lambda: Text(text))
    return 0


async def _require_recent(desk: Desk, binding: Binding, at: datetime) -> None:
    """Refuse a time that lies further back than the policy lets anything be dated.

    Raises:
        Failure: AT_TOO_LONG_AGO (2).
    """
    state = await filing_state(desk, binding.campaign, binding.school)
    if state is None or at >= _now() - timedelta(days=state.policy.parameters.backdate_days):
        return
    days = state.policy.parameters.backdate_days
    raise usage(
        "AT_TOO_LONG_AGO",
        say(f"家庭办理的时间早于 {days} 天前。", f"The family's act lies more than {days} days back."),
        place="--at",
        remedy=say("不写 --at 即按现在办理。", "Leave --at away: the act then counts from now."),
    )


def _require_whole(device: str | None, channel: str | None, callback_by: str | None, *, paper: bool) -> None:
    """Refuse options that do not go together.

    Raises:
        Failure: CALLBACK_INCOMPLETE, CHOICE_NEEDED, DEVICE_INVALID (2).
    """
    if paper != (callback_by is not None):
        raise usage(
            "CALLBACK_INCOMPLETE",
            say("纸质答复码和回访人员须一并填写。", "A paper's code and who calls back go together."),
            place="--paper, --callback-by",
            remedy=say(
                "请同时填写 --paper 和 --callback-by，或两项都不填。", "Write both --paper and --callback-by, or none."
            ),
        )
    if paper and channel is not None:
        raise usage(
            "CHOICE_NEEDED",
            say("纸质答复码的渠道就是纸质。", "The channel of a paper's code is the paper."),
            place="--paper, --channel",
            remedy=say("请去掉 --channel。", "Leave --channel away."),
        )
    if device is not None and not 0 < len(device.strip()) <= LONGEST_DEVICE:
        raise usage(
            "DEVICE_INVALID",
            say("设备标识为空或过长。", "What names the device is empty or too long."),
            place="--device",
            remedy=say(f"请填写 1 至 {LONGEST_DEVICE} 个字符。", f"Write 1 to {LONGEST_DEVICE} characters."),
        )


def _wish(
    code: str,
    act: Act,
    what: str | None,
    student: str | None,
    at: str | None,
    wave: Wave,
    command_id: str | None,
    *,
    short: bool,
) -> _Wish:
    """Check the form of everything before a try can be counted.

    Raises:
        Failure: CODE_MALFORMED, INTENT_UNKNOWN, SCHOOL_INVALID, ARGUMENT_TOO_MANY, STUDENT_INVALID, TIME_INVALID,
            COMMAND_ID_INVALID (2).
    """
    if spelling.read(code) is None:
        raise usage(
            "CODE_MALFORMED",
            say("答复码的写法不对。", "The code is malformed."),
            place="CODE",
            remedy=say(
                "答复码是 8 位字母和数字，如 7K2M-Q4XD，请照信上填写。",
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
    if wave is not Wave.AUTUMN and act != "sign":
        raise usage(
            "ARGUMENT_TOO_MANY", say("只有 sign 才填写批次。", "Only a signature is for a season."), place="--wave"
        )
    if short and act != "sign":
        raise usage(
            "ARGUMENT_TOO_MANY",
            say("只有 sign 才作此声明。", "Only a signature carries this statement."),
            place="--short-cooling-understood",
        )
    return _Wish(
        code=code,
        act=cast("ActKind", act.replace("-", "_")),
        at=_time(at),
        intent=_intent(what) if act == "intent" else None,
        destination=_school(what) if act == "sign" else None,
        wave=wave,
        short=short,
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


def _now() -> datetime:
    return datetime.now(UTC)


def _not_for_signing() -> Failure:
    return usage(
        "AT_NOT_FOR_SIGNING",
        say(
            "确认收到、同意使用信息和签署从办理时起算，不能补填时间。",
            "An acknowledgement, a consent to data and a signature count from when they are made: none is dated back.",
        ),
        place="--at",
        remedy=say(
            "请去掉 --at；纸质回执由县局回访办理（--paper --callback-by）。",
            "Leave --at away; a paper is taken at the bureau's call-back (--paper --callback-by).",
        ),
    )


def _time(at: str | None) -> datetime:
    if at is None:
        return _now()
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
    if found > _now() + CLOCKS_DIFFER:
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
