"""One command for each of several notices: every one is checked before the first is given, and each has its receipt."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from rich.text import Text

from cli.failures import REFUSED, usage
from cli.notices_view import AMBIGUOUS, SHOWN, unknown_notice
from cli.options import Change, Face, note, say
from cli.refusals import refusal_data, refused_of
from cli.rooms import Rooms
from domain.actors import Actor, require
from domain.refusal import Refusal

Row = dict[str, Any]
Fields = dict[str, Any]

LONGEST_ID: Final = 128
MOST: Final = 5_000
"""Notices of one command: each is an event of its own."""


@dataclass(frozen=True)
class Act:
    """A command over one notice.

    Attributes:
        row: the notice's row of the outbox.
        fields: of the command, beside the notice.
        refusal: why the outbox's state forbids it already, None where the campaign decides.
    """

    row: Row
    fields: Fields
    refusal: Refusal | None = None


async def rows_of(rooms: Rooms, campaign: str | None, notices: Sequence[str]) -> list[Row]:
    """Return the rows of some notices, at least one, each once; they are of one campaign.

    Raises:
        Failure: NOTICE_UNKNOWN (4), also where it is of another campaign; TOO_MANY_NOTICES (2).
    """
    if len(notices) > MOST:
        raise usage(
            "TOO_MANY_NOTICES",
            say(f"一次至多 {MOST} 条。", f"At most {MOST} at once."),
            place=str(len(notices)),
            remedy=say("请分批办理，或用 --purpose 缩小范围。", "Do it in parts, or narrow it down with --purpose."),
        )
    outbox = (await rooms.ledger()).outbox
    found: list[Row] = []
    for notice in dict.fromkeys(notices):
        row = await outbox.notice(notice)
        if row is None or row["campaign"] != (campaign or row["campaign"]):
            raise unknown_notice(notice)
        campaign = row["campaign"]
        found.append(row)
    return found


def refusal_of(code: str, row: Mapping[str, Any]) -> Refusal:
    """Return the refusal of an act that a notice's state forbids; it names the notice and the state."""
    return Refusal(code, notice=row["notice_id"], state=AMBIGUOUS.get(row["state"], row["state"]))


async def give_all(rooms: Rooms, campaign: str, face: Face, change: Change, kind: str, acts: Sequence[Act]) -> int:
    """Give a command for each notice, show what became of each, and return the exit code.

    A command's id is the given one and the notice's, so that the same line again changes nothing: one that is on
    record already is given again, whatever its notice has become since, and gets its first answer. Whatever breaks it
    off says first how many were done.

    Returns:
        0 where all were accepted, or there was none to act on; 5 where any was refused: the others stand.
    """
    again = await on_record(rooms, campaign, change) if any(act.refusal for act in acts) else set()
    own = replace(change, command_id=change.command_id or str(uuid.uuid4()))
    results: list[dict[str, Any]] = []
    try:
        for act in acts:
            named = _named(own, act.row["notice_id"])
            fresh = act if named.command_id not in again else replace(act, refusal=None)
            results.append(await _give(rooms, campaign, named, kind, fresh))
    finally:
        if len(results) < len(acts):
            done = sum(one["accepted"] for one in results)
            note(
                f"已中断：{len(acts)} 条中已办理 {done} 条；以 --command-id {own.command_id} 重试不会重复办理。",
                f"broken off: {done} of {len(acts)} done; with --command-id {own.command_id} none of them is repeated.",
            )
    return _end(face, campaign, results)


async def on_record(rooms: Rooms, campaign: str, change: Change) -> set[str]:
    """Return the ids of the campaign's commands that are on record; none where the caller chose no id."""
    if change.command_id is None:
        return set()
    ledger = await rooms.ledger()
    return {envelope["command_id"] async for envelope in ledger.events(campaign) if envelope["command_id"] is not None}


# -- inside -------------------------------------------------------------------------------------------------------


async def _give(rooms: Rooms, campaign: str, named: Change, kind: str, act: Act) -> dict[str, Any]:
    notice = act.row["notice_id"]
    try:
        command = await rooms.command(campaign, named, kind, notice=notice, **act.fields)
        if act.refusal is not None:  # whoever may not at all learns that, and not where the notice stands
            require(Actor.model_validate(command["actor"]), kind, act.fields.get("school"))
            raise act.refusal
        answer = await rooms.submit(campaign, command)
    except Refusal as refusal:
        return {"notice": notice, "accepted": False, "refused": refusal_data(refusal), "receipt": None}
    refused = refused_of(answer)
    return {
        "notice": notice,
        "accepted": refused is None,
        "refused": None if refused is None else refusal_data(refused),
        "receipt": answer.receipt.model_dump(mode="json"),
    }


def _named(change: Change, notice: str) -> Change:
    """Return who acts and why, under the command id of one notice."""
    own = f"{change.command_id}/{notice}"
    if len(own) > LONGEST_ID:
        raise usage(
            "COMMAND_ID_INVALID",
            say("操作编号太长。", "The command id is too long."),
            place="--command-id",
            remedy=say("请缩短到 91 个字符以内：每条通知另加编号。", "Use at most 91: each notice adds its own."),
        )
    return replace(change, command_id=own)


def _end(face: Face, campaign: str, results: list[dict[str, Any]]) -> int:
    refused = [one for one in results if not one["accepted"]]
    receipts = [one["receipt"] for one in results]
    data = {
        "accepted": not refused,
        "refused": refused[0]["refused"] if refused else None,
        "receipt": receipts[0] if len(receipts) == 1 else None,
        "campaign": campaign,
        "done": len(results) - len(refused),
        "results": results,
    }
    done = data["done"]
    text = say(f"已办理 {done} 条，未受理 {len(refused)} 条", f"done: {done}, refused: {len(refused)}")
    face.show(data, lambda: Text(text))
    if not face.json:
        for one in refused[:SHOWN]:
            said = f"{one['refused']['message']}{say('', ' ')}[{one['refused']['code']}]"
            note(said, said)
    return REFUSED if refused else 0
