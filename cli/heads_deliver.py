"""`audit heads deliver`: signs what is due and puts outside what is not there yet, now, as the worker's next look."""

from __future__ import annotations

import logging
from typing import Any, Final

from rich.text import Text

from audit.heads import HeadError
from audit.keeper import OF_ONE_HEAD
from audit.note_errors import SENTENCES
from cli.audit_failures import UNPROVEN, head_failure
from cli.failures import NOT_VERIFIED, REJECTED, UNREACHABLE, Failure, usage
from cli.heads_outside import keeper_of
from cli.heads_view import not_outside, place_word, places_of, sentence
from cli.options import CampaignName, Face, say
from cli.rooms import Rooms
from ledger.heads import read_heads
from protocol import HeadsRequest, HeadsResult

_FACE = Face()

KEY_NOT_SET: Final = "HEADS_KEY_NOT_SET"


async def delivering(campaign: CampaignName, *, face: Face = _FACE) -> int:
    """Take the worker's look by hand, with the key and the places of this environment; again, it changes nothing."""
    logging.getLogger("heads").addHandler(logging.NullHandler())  # what is in the way is said once, in whole sentences
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        if not places_of(rooms.settings):
            raise _no_place()
        ledger = await rooms.ledger()
        keeper = keeper_of(rooms.settings, ledger)
        waited = waiting = await not_outside(ledger, campaign, rooms.settings)
        before_all = len(await read_heads(ledger, campaign))
        signed = False
        while True:  # a look puts some fifty heads into a place
            try:
                told = await keeper.look(HeadsRequest(campaign=campaign))
            except HeadError as error:  # others sign at the same time
                raise head_failure(error) from None
            signed = signed or told.reason is not None
            before, waiting = waiting, await not_outside(ledger, campaign, rooms.settings)
            if not waiting or (waiting == before and told.reason is None):
                break
        fresh = len(await read_heads(ledger, campaign)) - before_all
        there = places_of(rooms.settings)
    delivered = {place: waited.get(place, 0) + fresh - waiting.get(place, 0) for place in sorted({*waited, *there})}
    data: dict[str, Any] = {
        "campaign": campaign,
        "signed": signed,
        "events": told.size,
        "root": told.root,
        "delivered": {place: count for place, count in delivered.items() if count > 0},
        "not_outside": waiting,
    }
    if told.problem or told.outside:
        raise _failure(told, campaign, data)
    face.show(data, lambda: Text(_told(data)))
    return 0


def _told(data: dict[str, Any]) -> str:
    if not data["events"]:
        return say("还没有检查点：尚无可签署的内容。", "There is no head yet: nothing is due to be signed.")
    head = say(
        f"最新检查点：{data['events']} 条事件，根 {data['root'][:16]}…",
        f"newest head: {data['events']} events, root {data['root'][:16]}…",
    )
    if data["signed"]:
        head += say("（刚刚签署）", " (signed just now)")
    if data["not_outside"]:
        places = ", ".join(f"{place_word(place)} {count}" for place, count in data["not_outside"].items())
        return f"{head}\n" + say(
            f"仍未存到：{places}（本环境没有设置该处）。",
            f"Still not there: {places} (which this environment has no settings for).",
        )
    return f"{head}\n" + say(
        "按本库的记录，检查点都已存到外部；外部的文件未再查看，请用 audit heads check 核对。",
        "By this record's note all heads are outside; what lies there was not looked at again: `audit heads check`.",
    )


def _no_place() -> Failure:
    return usage(
        "HEADS_PLACES_NOT_SET",
        say("没有设置检查点的外部存放处。", "No place outside is set for heads."),
        place="DIVERSION_HEADS_DIR | DIVERSION_HEADS_MAIL_TO",
        remedy=say(
            "请设置 DIVERSION_HEADS_DIR，或 DIVERSION_HEADS_MAIL_TO 和 DIVERSION_SMTP_URL，与工作进程一致。",
            "Set DIVERSION_HEADS_DIR, or DIVERSION_HEADS_MAIL_TO with DIVERSION_SMTP_URL, as for the worker.",
        ),
    )


def _failure(told: HeadsResult, campaign: str, data: dict[str, Any]) -> Failure:
    """Return the failure of a look: 7 for the record or a head, 3 for the key, 6 for a place that takes nothing."""
    code = str(told.problem or told.outside)
    if told.problem is None and code not in OF_ONE_HEAD:
        exit_code = UNREACHABLE
    else:
        untrue = code.startswith(UNPROVEN) and code != "KEY_OUT_OF_TERM"
        ours = code in SENTENCES or code == KEY_NOT_SET
        exit_code = REJECTED if ours and not untrue else NOT_VERIFIED
    again = say(f"然后再次执行 audit heads deliver {campaign}。", f"Then again: `audit heads deliver {campaign}`.")
    return Failure(exit_code, code, sentence(code), place=told.place or campaign, remedy=again, data=data)
