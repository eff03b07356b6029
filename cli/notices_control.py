"""`notices retry|mute|settle` and `notices kill|release`: the bureau's hand on what is sent (FEATURES O7, O8)."""

from __future__ import annotations

from typing import Annotated, Any, Final

from cyclopts import Parameter

from cli.failures import not_found, usage
from cli.notices_acts import Act, Row, give_all, refusal_of, rows_of
from cli.notices_view import require_purpose, school_of
from cli.options import CampaignName, Change, Face, say
from cli.rooms import Rooms
from cli.stage import end
from domain.notices import GONE_OUT, NoticeState
from domain.sending_events import Channel

_FACE = Face()

Notices = Annotated[list[str], Parameter(negative="", help=say("通知编号 ntc_…，可多个", "references, ntc_… ntc_…"))]
Notice = Annotated[str, Parameter(help=say("通知编号 ntc_…", "the notice's reference, ntc_…"))]
OfChannel = Annotated[Channel | None, Parameter(help=say("渠道", "a channel"))]
OfPurpose = Annotated[
    str | None, Parameter(help=say("用途，如 meeting_invitation", "a purpose, as meeting_invitation"))
]
OfSchool = Annotated[str | None, Parameter(help=say("学校标识码", "a school's code"))]

ENDED: Final = (NoticeState.FAILED_PERMANENT, NoticeState.MUTED, NoticeState.EXPIRED)
"""States from which a notice goes once more; and an unknown one that nothing settles by itself."""

OUT_OF_REACH: Final = (*GONE_OUT, NoticeState.MUTED, NoticeState.DENIED)
"""States in which there is nothing to stop; one that a provider is being called for is not tried again."""


async def retry(
    notices: Annotated[
        list[str] | None, Parameter(negative="", help=say("通知编号 ntc_…，可多个", "references, ntc_… ntc_…"))
    ] = None,
    *,
    channel: Annotated[
        Channel | None, Parameter(help=say("改用这个渠道（默认重新选择）", "on this channel (default: chosen anew)"))
    ] = None,
    all_dead: Annotated[
        str | None,
        Parameter(help=say("这个活动中无法发出的全部通知", "all notices of this campaign that failed for good")),
    ] = None,
    purpose: Annotated[
        str | None, Parameter(help=say("与 --all-dead 合用：只限这种用途", "with --all-dead: only this purpose"))
    ] = None,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Send notices once more that failed for good, were muted, came too late, or of which nobody knows."""
    if bool(notices) == (all_dead is not None) or (purpose is not None and all_dead is None):
        raise usage(
            "CHOICE_NEEDED",
            say(
                "请填写通知编号，或用 --all-dead 指定活动（可加 --purpose）。",
                "Name notices, or a campaign with --all-dead (and --purpose).",
            ),
            place="NOTICE, --all-dead, --purpose",
        )
    async with Rooms(face.settings()) as rooms:
        if all_dead is None:
            rows = await rows_of(rooms, None, notices or [])
            campaign = rows[0]["campaign"]
        else:
            rows, campaign = await _dead(rooms, all_dead, purpose), all_dead
        fields = {} if channel is None else {"channel": channel}
        acts = [Act(row, fields, None if _ended(row) else refusal_of("NOTICE_NOT_ENDED", row)) for row in rows]
        return await give_all(rooms, campaign, face, change, "retry_notice", acts)


async def mute(notices: Notices, *, change: Change, face: Face = _FACE) -> int:
    """Stop notices that are not gone yet, or put failed ones away; a school's leaders optional ones of their own."""
    async with Rooms(face.settings()) as rooms:
        rows = await rows_of(rooms, None, notices)
        member = await (await rooms.registry()).staff_member(rows[0]["campaign"], change.by)
        if member is None:
            raise not_found("stf_")
        acts = [_muting(row, of_a_school=bool(member.school)) for row in rows]
        return await give_all(rooms, rows[0]["campaign"], face, change, "mute_notice", acts)


async def settle(
    notices: Notices,
    *,
    sent: Annotated[bool, Parameter(negative="", help=say("认定已发出", "they went out"))] = False,
    not_sent: Annotated[bool, Parameter(negative="", help=say("认定未发出", "they did not go out"))] = False,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Say of notices of unknown outcome whether they went out; those that did not are sent again."""
    if sent == not_sent:
        raise usage(
            "CHOICE_NEEDED",
            say("请填写 --sent 或 --not-sent，二者选一。", "Say --sent or --not-sent, one of the two."),
            place="--sent, --not-sent",
        )
    async with Rooms(face.settings()) as rooms:
        rows = await rows_of(rooms, None, notices)
        unknown = NoticeState.UNKNOWN
        acts = [
            Act(row, {"sent": sent}, None if row["state"] == unknown else refusal_of("NOTICE_NOT_UNKNOWN", row))
            for row in rows
        ]
        return await give_all(rooms, rows[0]["campaign"], face, change, "settle_unknown_notice", acts)


async def kill(
    campaign: CampaignName,
    *,
    channel: OfChannel = None,
    purpose: OfPurpose = None,
    school: OfSchool = None,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Hold every notice of a channel, a purpose or a school at once, until it is released."""
    return await _switch("kill_notices", campaign, channel, purpose, school, change, face)


async def release(
    campaign: CampaignName,
    *,
    channel: OfChannel = None,
    purpose: OfPurpose = None,
    school: OfSchool = None,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Let go what a kill switch holds."""
    return await _switch("release_notices", campaign, channel, purpose, school, change, face)


# -- inside -------------------------------------------------------------------------------------------------------


async def _switch(
    kind: str,
    campaign: str,
    channel: str | None,
    purpose: str | None,
    school: str | None,
    change: Change,
    face: Face,
) -> int:
    given = {"channel": channel, "purpose": purpose, "school": school}
    named = [(name, value) for name, value in given.items() if value is not None]
    if len(named) != 1:
        raise usage(
            "CHOICE_NEEDED",
            say("请指定渠道、用途或学校中的一项。", "Name a channel, a purpose or a school, one of the three."),
            place="--channel, --purpose, --school",
        )
    ((scope_kind, scope),) = named
    if purpose is not None:
        require_purpose(purpose)
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign, school)
        command = await rooms.command(campaign, change, kind, scope_kind=scope_kind, scope=scope)
        return end(face, await rooms.submit(campaign, command))


async def _dead(rooms: Rooms, campaign: str, purpose: str | None) -> list[Row]:
    await rooms.board(campaign)
    outbox = (await rooms.ledger()).outbox
    return list(await outbox.find(campaign, state=NoticeState.FAILED_PERMANENT, purpose=purpose))


def _ended(row: Row) -> bool:
    asks = row["state"] == NoticeState.UNKNOWN and row["next_at"] is None
    return asks or row["state"] in ENDED


def _muting(row: Row, *, of_a_school: bool) -> Act:
    fields: dict[str, Any] = {"school": school_of(row)} if of_a_school else {}
    if row["state"] in OUT_OF_REACH:
        return Act(row, fields, refusal_of("NOTICE_OUT_OF_REACH", row))
    if of_a_school and not row["optional"]:
        return Act(row, fields, refusal_of("NOTICE_IS_STATUTORY", row))
    return Act(row, fields)
