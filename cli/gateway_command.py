"""`gateway`: doors beside `answer`: endpoints for families' text messages and receipts, and sealed codes for papers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import App, Parameter
from rich.text import Text

from cli.failures import NOT_FOUND, REJECTED, UNREACHABLE, Failure, not_found, usage
from cli.family import Desk, filing, open_gateway
from cli.given import Students, references_given, require_port
from cli.options import CampaignName, Change, Face, SchoolCode, note, say
from cli.outcome_due import state_of
from cli.rooms import Rooms
from domain.actors import Actor, require
from domain.application_filing_state import ApplicationFilingState
from domain.family_act import Party
from domain.refusal import Refusal
from gateway.codes import Gateway, good_until
from gateway.keys import SECRET_BYTES, load_shared_secret
from gateway.store import Binding
from registry.records import Household
from settings import Settings

_FACE = Face()
PORT: Final = 8788

app = App(name="gateway", help_format="plaintext", version_flags=[])


# -- text messages ----------------------------------------------------------------------------------------------


@app.command(
    help=say(
        "接收短信平台转来的家庭回复和回执，直到 Ctrl-C", "take families' text messages, and receipts, until Ctrl-C"
    )
)
async def serve(
    *,
    port: Annotated[int, Parameter(help=say("端口，0 为任选", "the port; 0 takes a free one"))] = PORT,
    host: Annotated[
        str, Parameter(help=say("监听地址（默认仅本机）", "the interface (default: this machine only)"))
    ] = "127.0.0.1",
    secret_file: Annotated[
        Path | None,
        Parameter(
            help=say("与短信平台共用的密钥文件", "file of the secret shared with the provider (made if missing)")
        ),
    ] = None,
    face: Face = _FACE,
) -> int:
    """Serve `POST /v1/sms` and `POST /v1/receipts` for a provider of text messages.

    Ctrl-C or SIGTERM lets running requests end.
    """
    from cli.receipts_house import ReceiptsHouse  # noqa: PLC0415 - the server's libraries, only where it serves
    from cli.sms_house import SmsHouse  # noqa: PLC0415
    from gateway import inbound, receipts  # noqa: PLC0415
    from gateway.serving import serving  # noqa: PLC0415

    require_port(port)
    settings = face.settings()
    secret, place = _shared_secret(settings, secret_file)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopping.set)
    async with open_gateway(settings) as gateway:
        house, shelf = SmsHouse(settings, gateway, secret), ReceiptsHouse(settings, now=_now)
        desk = inbound.SmsDesk(gateway, house, now=_now)
        endpoints = [inbound.route(secret, desk, now=_now), receipts.route(secret, shelf, now=_now)]
        try:
            async with serving(endpoints, port, host) as taken:
                data = {"host": host, "port": taken, "path": inbound.PATH, "secret_file": place}
                data["receipts_path"] = receipts.PATH
                url = f"http://{host}:{taken}"
                text = say(
                    f"接收短信：{url}{inbound.PATH}，接收回执：{url}{receipts.PATH}，密钥 {place}。按 Ctrl-C 结束。",
                    f"Taking text messages at {url}{inbound.PATH} and receipts at {url}{receipts.PATH}, "
                    f"secret {place}. Ctrl-C ends it.",
                )
                face.show(data, lambda: Text(text))
                await stopping.wait()
        except OSError:
            raise _port_taken(port) from None
        finally:
            await house.close()
            await shelf.close()
    note("已结束", "ended")
    return 0


# -- papers -----------------------------------------------------------------------------------------------------


@app.command(help=say("为纸质回执生成密封答复码（县局）", "write sealed codes for papers; the bureau does"))
async def issue_paper(
    campaign: CampaignName,
    school: SchoolCode,
    file: Annotated[
        Path, Parameter(help=say("写入此文件（含姓名和答复码）", "write them there, with names and codes"))
    ],
    *,
    students: Students,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Write one slip for the pupil and one for each guardian, none for a caregiver; again gives the same codes.

    A slip's code does nothing alone: the family reads it out when the bureau calls back (`answer --paper`).
    """
    settings = face.settings()
    if not settings.gateway_key.exists():
        raise Refusal("GATEWAY_UNKNOWN")
    async with Rooms(settings) as rooms:
        await rooms.board(campaign, school)
        asked = await rooms.command(campaign, change, "record_callbacks")
        require(Actor.model_validate(asked["actor"]), "record_callbacks", school)  # whoever calls back hands papers out
        stream = filing(campaign, school)
        state = await state_of(await rooms.ledger(), stream)
        if not isinstance(state, ApplicationFilingState):
            raise not_found(stream)
        named = references_given(students)
        registry = await rooms.registry()
        households = await registry.households(named)
        slips = [slip for student in named for slip in _slips(campaign, school, student, state, households)]
        gateway = await Gateway.open(settings.gateway_url, settings.gateway_key)
        try:
            await Desk(rooms, gateway).require_own_key(campaign)
            expires = good_until(campaign, _now())
            codes = await gateway.issue_all([binding for binding, _ in slips], expires, form="paper")
        finally:
            await gateway.close()
        _write(file, [_printed(*slip, code) for slip, code in zip(slips, codes, strict=True)])
    data: dict[str, Any] = {"campaign": campaign, "school": school, "file": str(file), "papers": len(slips)}
    text = say(
        f"{file}：{len(slips)} 张（含姓名和答复码，请逐张密封）",
        f"{file}: {len(slips)} slips (names and codes: seal each)",
    )
    face.show(data, lambda: Text(text))
    return 0


def _slips(
    campaign: str, school: str, student: str, state: ApplicationFilingState, households: dict[str, Household]
) -> list[tuple[Binding, str]]:
    """Return what the codes of a family are bound to, and the name on each slip.

    Raises:
        Failure: STUDENT_UNKNOWN, NOTICE_NOT_OFFERED (4).
    """
    household, case = households.get(student), state.cases.get(student)
    if household is None or case is None:
        raise Failure(
            NOT_FOUND,
            "STUDENT_UNKNOWN",
            say("该校没有这个学生编号，或该生已离校。", "The school has no such pupil, or the pupil has left."),
            place="--students",
            remedy=say("请填写 stu_ 开头的编号。", "Write the reference, which begins with stu_."),
        )
    if case.offered is None:
        raise Failure(
            NOT_FOUND,
            "NOTICE_NOT_OFFERED",
            say("该生家庭还没有收到告知书。", "This family has not been offered the notice."),
            place=student,
            remedy=say("请先用 choice offer 发出告知书。", "Offer it first, with `choice offer`."),
        )
    bound = {"campaign": campaign, "school": school, "student": student, "document": case.offered}
    holders = [(Party.PUPIL, student, household.name)]
    family = [(one.guardian_ref, one.name) for one in household.guardians]
    family += [] if household.caregiver is None else [(household.caregiver.caregiver_ref, household.caregiver.name)]
    holders += [
        (Party.GUARDIAN, person, name)
        for person, name in family
        if case.protocol.may_consent(person)  # a caregiver may be told, and has no code (edge case 1)
    ]
    return [
        (Binding.model_validate({**bound, "party": party, "person": person}), name) for party, person, name in holders
    ]


def _printed(binding: Binding, name: str, code: str) -> str:
    who = "学生本人" if binding.party is Party.PUPIL else "监护人"
    return "\n".join(
        (
            f"{who}：{name or '（姓名待填）'}　学生编号：{binding.student}",
            f"告知书版本：{binding.document}",
            f"密封答复码：{code}",
            "请妥善保管，不要告诉任何人，包括教师。县教育局打电话回访时，请您本人读出此答复码，您的答复才生效。",
            "撤回不必等候回访：可凭此答复码随时办理，也可以拨打 12345。不答复不等于同意。",
        )
    )


def _write(file: Path, slips: list[str]) -> None:
    """Write the slips, one a page, readable by their owner only; never over another file.

    Raises:
        Failure: FILE_EXISTS (3).
    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Failure(
            REJECTED,
            "FILE_EXISTS",
            say("文件已存在。", "The file exists already."),
            place=str(file),
            remedy=say("请换一个文件名。", "Name another file."),
        ) from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as written:
        written.write("\n\f".join(f"{slip}\n" for slip in slips))


# -- inside -----------------------------------------------------------------------------------------------------


def _now() -> datetime:
    return datetime.now(UTC)


def _shared_secret(settings: Settings, given: Path | None) -> tuple[bytes, str]:
    """Return the secret that the provider signs with, and where it stands: one provider has one for all ways.

    Raises:
        Failure: SECRET_TOO_SHORT (2).
    """
    file = given or settings.gateway_key.with_name("sms.key")
    secret, place = b"", str(file)
    if given is None and settings.sms is not None:
        secret, place = settings.sms.secret, "DIVERSION_SMS_SECRET_FILE"
    else:
        with contextlib.suppress(ValueError):
            secret = load_shared_secret(file)
    if len(secret) >= SECRET_BYTES:
        return secret, place
    raise usage(
        "SECRET_TOO_SHORT",
        say("密钥文件的内容少于 32 个字符。", "The file of the secret holds less than 32 characters."),
        place=place,
        remedy=say("请换一个文件，或删去它以重新生成。", "Name another file, or remove it to have one made."),
    )


def _port_taken(port: int) -> Failure:
    return Failure(
        UNREACHABLE,
        "PORT_UNAVAILABLE",
        say("端口不可用。", "The port cannot be had."),
        place=str(port),
        remedy=say("请用 --port 换一个，或用 0 任选。", "Name another with --port; 0 takes a free one."),
    )
