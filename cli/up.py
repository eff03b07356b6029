"""`up`: the embedded engine and a worker until Ctrl-C."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from cli.demo_marker import refuse_demo
from cli.given import require_port
from cli.house import House
from cli.options import Face, note, say
from cli.ways_out import providers, ways_out
from client import CampaignClient
from ledger.growth import uncovered
from ledger.store import Ledger
from settings import Settings

_FACE = Face()


async def up(
    *,
    port: Annotated[
        int | None, Parameter(help=say("引擎端口（默认任选）", "the engine's port (default: a free one)"))
    ] = None,
    face: Face = _FACE,
) -> int:
    """Run engine and worker; Ctrl-C or SIGTERM lets the worker finish what it does, and exits 0."""
    if port is not None:
        require_port(port)
    settings = face.settings()
    refuse_demo(settings.data)
    if settings.engine_address is not None:
        note(
            "注意：已设置 DIVERSION_ENGINE，其他命令会连接那里，而不是这个内置引擎",
            "Note: DIVERSION_ENGINE is set: other commands go there, not to this embedded engine",
        )
    try:
        async with House(settings, port=port, ui=True, worker_environment=providers(os.environ)) as house:
            ui = f"http://127.0.0.1:{house.engine.ui_port}"
            data = {
                "engine": house.engine.address,
                "ui": ui,
                "data": str(settings.data),
                "engine_pid": house.engine.pid,
                "worker_pid": house.worker_pid,
            }
            face.show(
                data,
                lambda: Text(
                    say(
                        f"引擎 {house.engine.address}，界面 {ui}，数据目录 {settings.data}。按 Ctrl-C 结束。",
                        f"Engine {house.engine.address}, UI {ui}, data directory {settings.data}. Ctrl-C ends it.",
                    )
                ),
            )
            await _go_on(house, settings, ways_out(settings))
            await asyncio.Event().wait()
    except (asyncio.CancelledError, SystemExit):
        note("已结束", "ended")
    return 0


async def _go_on(house: House, settings: Settings, channels: Sequence[str]) -> None:
    """Start the dispatchers of campaigns under way, also stopped or closing ones: notices may have waited.

    Where heads sign themselves, that goes on too, also for a campaign that has ended: its last head may be missing.
    """
    if not channels and settings.audit_key is None:
        return
    ledger = await Ledger.open(settings.ledger_url)
    try:
        client = CampaignClient(house.client, ledger)
        for campaign in await ledger.campaigns():
            view = (await ledger.board(campaign))[campaign]
            if channels and view.get("status") not in ("draft", "archived"):
                await client.sending.start(campaign, channels)
            if settings.audit_key is not None and await heads_to_sign(ledger, campaign, view):
                await client.heads.start(campaign)
    finally:
        await ledger.close()


async def heads_to_sign(ledger: Ledger, campaign: str, view: Mapping[str, Any]) -> bool:
    """Tell whether a campaign's heads sign themselves from now on.

    A rehearsal's clock is its driver's, and of a campaign that has ended the last head may be missing.
    """
    if view.get("clock") != "engine" or view.get("status") == "draft":
        return False
    return view.get("status") != "archived" or await uncovered(ledger, campaign) > 0
