"""`settle run|review|fund|approve|publish|pay|confirm|adjust`: the runs of a settlement, each act on record (R-08)."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from audit.counts import recorded
from cli.failures import REFUSED, usage
from cli.labels import own_label
from cli.options import CampaignName, Change, Face, say
from cli.refusals import refused_of, show_refusal
from cli.rooms import Rooms
from cli.stage import end
from domain.funding import FEN, Source, is_lawful
from domain.policy import DEFAULT_PROFILE
from domain.refusal import Refusal
from domain.stream import Answer, UnknownEventError
from domain.time import instant, stamp
from ledger.store import Ledger

_FACE = Face()

Run = Annotated[str, Parameter(help=say("结算名称，如 year-2026", "the run's name, as year-2026"))]
Version = Annotated[int, Parameter(help=say("版本", "its version"))]
Revision = Annotated[
    int, Parameter(help=say("修订次数：该版本经过几次更正", "how many corrections (`adjust`) the version has had"))
]


async def run(
    campaign: CampaignName,
    name: Run,
    *,
    profile: Annotated[
        str, Parameter(help=say("口径：compliant 或 legacy（仅试算）", "compliant, or legacy (trial only)"))
    ] = DEFAULT_PROFILE,
    as_at: Annotated[str | None, Parameter(help=say("时点（RFC 3339），默认为现在", "RFC 3339; default: now"))] = None,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Fold the counts from the ledger and let the rules compute the lines; the same name again is a new version."""
    moment = None if as_at is None else moment_given("--as-at", as_at)
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        try:
            found = await recorded(await rooms.ledger(), campaign, moment)
        except UnknownEventError:
            raise Refusal("CAMPAIGN_NOT_APPROVED") from None
        at = stamp(moment) if moment else (await (await rooms.client()).state(campaign))["now"]
        fields = {"run": name, "profile": profile, "as_at": at, **found.fields}
        answer = await rooms.submit(campaign, await rooms.command(campaign, change, "compute_settlement", **fields))
        if refused_of(answer) is not None:
            return end(face, answer)
        return end(face, answer, version=await _version(await rooms.ledger(), answer))


async def review(
    campaign: CampaignName,
    name: Run,
    version: Version,
    *,
    revision: Revision = 0,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Say that a version was audited; the auditor only, who neither computed nor approves it."""
    return await act("review_settlement", campaign, change, face, run=name, version=version, revision=revision)


async def approve(
    campaign: CampaignName,
    name: Run,
    version: Version,
    *,
    revision: Revision = 0,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Approve a version; two people who neither computed nor audited it."""
    return await act("approve_settlement", campaign, change, face, run=name, version=version, revision=revision)


async def publish(campaign: CampaignName, name: Run, *, change: Change, face: Face = _FACE) -> int:
    """Publish the approved version; it never changes after that."""
    return await act("publish_settlement", campaign, change, face, run=name)


async def fund(
    campaign: CampaignName,
    source: Annotated[
        Literal["fiscal", "performance_pool", "vocational_school", "enterprise", "parents"],
        Parameter(help=say("资金来源", "where the money comes from")),
    ],
    pool_yuan: Annotated[int, Parameter(help=say("总额（元）", "the pool in yuan"))],
    *,
    document: Annotated[str | None, Parameter(help=say("文号", "the document's number"))] = None,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Declare money; of a forbidden source it is rejected on record, and a compliance case is opened."""
    named = Source(source.upper())
    fields: dict[str, Any] = {"source": named.value, "pool_yuan": pool_yuan, "document": document}
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        command = await rooms.command(campaign, change, "declare_funding", **fields)
        answer = await rooms.submit(campaign, command)
    if is_lawful(named) or refused_of(answer) is not None:
        return end(face, answer)
    rejected = Refusal("FUNDING_SOURCE_REJECTED", source=named.value)
    show_refusal(rejected, as_json=face.json, receipt=answer.receipt.model_dump(mode="json"))
    return REFUSED


async def pay(
    campaign: CampaignName,
    name: Run,
    *,
    funding: Annotated[str, Parameter(help=say("资金文号", "the document of the declared money"))],
    change: Change,
    face: Face = _FACE,
) -> int:
    """Order what is due; every missing condition is named. Who computed, audited or approved it does not order it."""
    own, change = fixed(change)
    payment = own_label("p", own)
    return await act(
        "order_payment", campaign, change, face, shown={"payment": payment}, run=name, payment=payment, funding=funding
    )


async def confirm(
    campaign: CampaignName,
    name: Run,
    payment: Annotated[str, Parameter(help=say("支付编号", "the payment's reference"))],
    *,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Say that a payment stands in the accounts; by somebody with no part in the run, nor in the order."""
    return await act("confirm_payment", campaign, change, face, run=name, payment=payment)


async def adjust(
    campaign: CampaignName,
    name: Run,
    line: Annotated[str, Parameter(help=say("行：学校/班级", "school/class"))],
    delta_yuan: Annotated[
        int, Parameter(help=say("差额（元，可为负）", "yuan more, or less with a minus"), allow_leading_hyphen=True)
    ],
    *,
    cause: Annotated[str, Parameter(help=say("依据的事件编号", "the event that is the cause, as …#17"))],
    change: Change,
    face: Face = _FACE,
) -> int:
    """Correct a line by a new one; needs a reason. Nothing is edited, and too much paid goes back.

    The run is audited, approved and published anew, as its next revision, before anything of it is paid.
    """
    stream, _, version = cause.rpartition("#")
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        known = [str(envelope["version"]) async for envelope in (await rooms.ledger()).events(stream)]
    if version not in known:
        raise Refusal("ADJUSTMENT_CAUSE_FOREIGN")
    return await act(
        "adjust_settlement", campaign, change, face, run=name, line=line, delta_fen=delta_yuan * FEN, cause=cause
    )


async def act(
    kind: str, campaign: str, change: Change, face: Face, shown: dict[str, Any] | None = None, **fields: Any
) -> int:
    """Give a command to the campaign and show the answer."""
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        answer = await rooms.submit(campaign, await rooms.command(campaign, change, kind, **fields))
        return end(face, answer, **(shown or {}))


async def _version(ledger: Ledger, answer: Answer) -> int | None:
    """Return the version that an answer's events computed, which `review` and `approve` ask for."""
    receipt = answer.receipt
    async for envelope in ledger.events(receipt.stream):
        own = receipt.first_version <= envelope["version"] <= receipt.last_version
        if own and envelope["type"] == "SettlementComputed":
            return int(envelope["data"]["version"])
    return None


def fixed(change: Change) -> tuple[str, Change]:
    """Return a command id and the change with it, so that references made of it stay the same in a retry."""
    own = change.command_id or str(uuid.uuid4())
    values = {name: getattr(change, name) for name in ("by", "reason", "note", "occurred_at", "late_reason")}
    return own, Change(command_id=own, **values)


def moment_given(option: str, text: str) -> datetime:
    """Return an option's moment; it may lie ahead of the clock on the wall, as a rehearsed year does.

    Raises:
        Failure: TIME_INVALID (2).
    """
    try:
        return instant(text)
    except ValueError:
        raise usage(
            "TIME_INVALID",
            say("时间的写法不对。", "The time is malformed."),
            place=option,
            remedy=say("请写成 2026-11-21T00:00:00+08:00。", "Write it as 2026-11-21T00:00:00+08:00."),
        ) from None
