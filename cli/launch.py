"""`launch` and `approve`: one person drafts a campaign, another one starts it."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import tempfile
import uuid
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter
from rich.text import Text

from cli.cautions import attendance_cautions, cautions, channel_cautions, window_cautions
from cli.demo_marker import refuse_demo
from cli.failures import REFUSED, not_found
from cli.notices_templates import refuse_unpublishable, sample_claims
from cli.options import By, Change, Face, say
from cli.refusals import refused_of, show_refusal
from cli.rooms import Rooms, exists, sqlite_file
from cli.ways_out import ways_out
from domain.actors import Actor, Role, require
from domain.refusal import Refusal
from domain.time import SHANGHAI
from registry.campaign_file import CampaignFile, load_campaign
from registry.draft import Draft, prepare
from registry.references import References
from registry.staff_file import StaffMember, load_staff
from registry.store import Registry
from rehearsal.county import is_sample

_FACE = Face()
SCHOOLS_START: Final = 30.0
"""Seconds that `approve` waits for the schools to start; the rest is `pending`."""


async def launch(
    directory: Path,
    *,
    by: By,
    approved_by: Annotated[
        str | None, Parameter(help=say("随即批准的另一人（样例县）", "the other person who approves at once"))
    ] = None,
    dry_run: Annotated[bool, Parameter(negative="", help=say("只检查，不写入", "check only, write nothing"))] = False,
    i_know_there_is_no_sign_in: Annotated[
        bool,
        Parameter(negative="", help=say("真实活动必需：身份由您核实", "for a real campaign: you vouch for identities")),
    ] = False,
    command_id: Annotated[str | None, Parameter(help=say("操作编号", "command id"))] = None,
    face: Face = _FACE,
) -> int:
    """Draft the campaign of a directory; the same content again changes nothing."""
    change = Change(by=by, command_id=command_id or str(uuid.uuid4()))
    file = load_campaign(directory)
    today = datetime.now(SHANGHAI).date()
    refuse_unpublishable(today)
    if not dry_run:
        refuse_demo(face.settings().data)
    if not (dry_run or i_know_there_is_no_sign_in or is_sample(directory)):
        raise Refusal("SIGN_IN_MISSING")
    async with Rooms(face.settings()) as rooms:
        if not dry_run:
            await rooms.client()
        known = exists(rooms.settings.ledger_url) and file.campaign in await (await rooms.ledger()).campaigns()
        async with _registry(rooms, known=known, dry_run=dry_run) as registry:
            members = await registry.staff(file.campaign) if known else _staff(directory, file)
            author = _actor(members, change.by)
            require(author, "draft", None)
            if approved_by is not None:
                _actor(members, approved_by)
            draft = await prepare(registry, directory, References(), rooms.gateway_key(make=not dry_run))
        warnings = [
            *cautions(draft.warnings),
            *window_cautions(draft.content["stages"], today),
            *attendance_cautions(draft.content, today),
            *([] if is_sample(directory) else sample_claims(today)),
        ]
        if dry_run:
            already = known and await _is_same(rooms, draft)
            data = {"campaign": draft.campaign, "status": "dry-run", "already": already, "warnings": warnings}
            _show(face, data | {"pupils": draft.pupils})
            return 0
        client = await rooms.client()
        launched = await client.launch(draft, author, str(change.command_id))
        board = await client.ledger.board(draft.campaign)
        data = {
            "campaign": draft.campaign,
            "status": board[draft.campaign]["status"],
            "already": launched.already,
            "warnings": warnings,
        }
        if approved_by is not None and data["status"] == "draft":
            approving = Change(by=approved_by, command_id=f"{change.command_id}/approve")
            return await _approve(rooms, draft.campaign, approving, face, data)
        _show(face, data)
    return 0


async def approve(
    campaign: Annotated[str, Parameter(name="OBJECT", help=say("待批准的活动", "the campaign to approve"))],
    *,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Approve a draft; another person than its author, with the role."""
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        return await _approve(rooms, campaign, change, face, {"campaign": campaign, "already": False, "warnings": []})


# -- inside -------------------------------------------------------------------------------------------------------


async def _approve(rooms: Rooms, campaign: str, change: Change, face: Face, data: dict[str, Any]) -> int:
    client = await rooms.client()
    answer = await rooms.submit(campaign, await rooms.command(campaign, change, "approve"))
    receipt = answer.receipt.model_dump(mode="json")
    board = await client.ledger.board(campaign)
    ways = ways_out(rooms.settings)
    data = {**data, "status": board[campaign]["status"]}
    refusal = refused_of(answer)
    if refusal is not None:
        show_refusal(refusal, as_json=face.json, receipt=receipt, **data)
        return REFUSED
    data["warnings"] = [*data["warnings"], *channel_cautions(ways)]
    await client.sending.start(campaign, ways)
    if rooms.settings.audit_key is not None:
        await client.heads.start(campaign)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + SCHOOLS_START
    while (pending := await _pending(rooms, campaign)) and loop.time() < deadline:  # noqa: ASYNC110 - the ledger is polled
        await asyncio.sleep(0.1)
    _show(face, {**data, "accepted": True, "refused": None, "receipt": receipt, "pending": pending})
    return 0


async def _pending(rooms: Rooms, campaign: str) -> int:
    """Return how many stages of the campaign do not exist yet."""
    board = await (await rooms.ledger()).board(campaign)
    stages = sum(view.get("stage") is not None for view in board.values())
    first = await anext((await rooms.ledger()).events(campaign))
    return max(0, len(board[campaign]["schools"]) * len(first["data"]["stages"]) - stages)


@contextlib.asynccontextmanager
async def _registry(rooms: Rooms, *, known: bool, dry_run: bool) -> AsyncIterator[Registry]:
    """Yield the registry to prepare in: a copy for a dry run and for a campaign that exists, which it must not change.

    A second launch with other staff or rosters is refused; its files must not reach the registry on the way. A
    registry on a server cannot be copied: there the check is the draft's own, after its people were taken.
    """
    held = sqlite_file(rooms.settings.registry_url)
    if not dry_run and (not known or held is None):
        yield await rooms.registry()
        return
    with tempfile.TemporaryDirectory(prefix="diversion-") as folder:
        copy = Path(folder) / "registry.db"
        pepper = bytes(32)
        if held is not None and held.exists():
            pepper = rooms.pepper()
            with (
                contextlib.closing(sqlite3.connect(held)) as source,
                contextlib.closing(sqlite3.connect(copy)) as target,
            ):
                source.backup(target)
        registry = await Registry.open(f"sqlite+aiosqlite:///{copy}", pepper)
        try:
            yield registry
        finally:
            await registry.close()


def _staff(directory: Path, file: CampaignFile) -> tuple[StaffMember, ...]:
    return load_staff(
        directory / "staff.csv",
        schools=[school.code for school in file.schools],
        receiving_schools=list(file.qualified_schools),
        class_year=file.year,
    )


def _actor(members: tuple[StaffMember, ...], reference: str) -> Actor:
    for member in members:
        if member.staff_ref == reference:
            return Actor(id=reference, role=Role(member.role), organisation=member.school or "bureau")
    raise not_found("stf_")


async def _is_same(rooms: Rooms, draft: Draft) -> bool:
    first = await anext((await rooms.ledger()).events(draft.campaign))
    if first["data"]["content_digest"] != draft.content["content_digest"]:
        raise Refusal("CAMPAIGN_EXISTS", campaign=draft.campaign)
    return True


def _show(face: Face, data: dict[str, Any]) -> None:
    states = {
        "dry-run": say("检查通过，未写入", "checked, nothing written"),
        "draft": say("已起草，待另一人批准（approve）", "drafted; another person must approve it"),
        "running": say("已启动", "running"),
    }
    lines = [f"{data['campaign']}: {states.get(data['status'], data['status'])}"]
    if data["already"]:
        lines.append(say("内容与已有活动相同，没有更改", "the same content exists already; nothing was changed"))
    if data.get("pending"):
        lines.append(say(f"{data['pending']} 个阶段仍在启动", f"{data['pending']} stages are still starting"))
    lines += [f"{say('提示', 'warning')}: {warning['message']}" for warning in data["warnings"]]
    face.show(data, lambda: Text("\n".join(lines)))
