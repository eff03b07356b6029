"""`audit prove --notice`: what became of one notice, shown to somebody who sees no other; what such a proof says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from rich.text import Text

from audit.checkpoint import Checkpoint
from audit.heads import REHEARSAL
from audit.notice_proof import (
    FLAT,
    NEVER,
    NOT_SETTLED,
    NOT_SIGNED,
    JournalDiffersError,
    LeftOut,
    ProvenNotice,
    prove_notice,
)
from audit.rows import read_notice
from audit.signed_note import VerifierKey
from cli.audit_heads import headed_of
from cli.failures import NOT_FOUND, NOT_VERIFIED, Failure
from cli.notices_view import code_phrase, state_word, unknown_notice
from cli.options import LANG, Face, note, say
from cli.rooms import Rooms
from cli.stage_view import word
from domain.events import event_id
from domain.notices import NoticeState

ORDER: Final = {str(state): place for place, state in enumerate(NoticeState)}
NOTHING: Final = "NOTICE_NOT_IN_JOURNAL"

_WHY = {
    NOTHING: (
        "发送流水中没有这条通知：还没有处理过，或找不到收件人。",
        "The journal has nothing of it: nobody has looked at it, or found a reader for it.",
    ),
    NOT_SETTLED: ("这一天的流水尚未入账。", "The journal of that day is not in the record yet."),
    NOT_SIGNED: ("最新的检查点还没有包括这一天的入账事件。", "The newest head does not cover that day's event yet."),
    NEVER: (
        "通知在选定渠道之前就已了结；流水按渠道入账，这些行不在任何一天之内。",
        "It ended before it had a channel; days are settled by channel, so these rows are in none.",
    ),
    FLAT: (
        "这一天按旧版本入账，只有全天流水的一个摘要，无法单独证明一条通知。",
        "That day was settled by an older version, with one digest over all its rows: no single notice can be shown.",
    ),
}
_REMEDY = {
    NOTHING: ("请用 notices show 查看它现在的状态。", "See `notices show` for where it stands now."),
    NOT_SETTLED: (
        "一天的流水在次日 1 时后由该渠道的发送程序入账，请保持 diversion up 运行，次日再试；活动结束后发送的不再入账。",
        (
            "The channel's dispatcher settles a day after one o'clock of the next: keep `diversion up` running, and "
            "try again then. What was sent after the campaign's end is in no day."
        ),
    ),
    NOT_SIGNED: ("请先用 audit head 签署检查点。", "Sign a head first: `audit head`."),
    NEVER: (
        "请由审计人员在台账上用 notices show 查看。",
        "Let an auditor look at it in the ledger: `notices show`.",
    ),
    FLAT: (
        "请由审计人员在台账上用 notices show 查看，并用 audit replay 核对全天流水。",
        "Let an auditor look at it in the ledger: `notices show`, and `audit replay` for the whole day.",
    ),
}


async def notice_proof(face: Face, campaign: str, notice: str) -> tuple[dict[str, Any], str]:
    """Return the JSON object and the text of a notice's proof; what is left out is said on stderr too.

    Raises:
        Failure: NOTICE_UNKNOWN (4); where no day of it can be proven NOTICE_NOT_IN_JOURNAL, NOTICE_NOT_SETTLED_YET,
            NOTICE_NOT_SIGNED_YET, NOTICE_WITHOUT_CHANNEL, NOTICE_DAY_FLAT (4); JOURNAL_DIFFERS (7); or as `headed_of`.
    """
    headed = await headed_of(face, campaign)
    async with Rooms(face.settings()) as rooms:
        try:
            days = await read_notice(await rooms.ledger(), campaign, notice)
            if days is None:
                raise unknown_notice(notice)
            made = prove_notice(headed, notice, days)
        except JournalDiffersError as error:
            raise _differs(error.place) from None
        except (TypeError, ValueError):  # a row that nobody but a forger writes
            raise _differs(notice) from None
    if made.text is None:
        raise _none(notice, made.left_out)
    for one in made.left_out:
        note(*(f"{one.day} {one.channel}: {said}" for said in _WHY[one.code]))
    data = {
        "campaign": campaign,
        "notice": notice,
        "events": headed.head.size,
        "days": [
            {"channel": one.channel, "day": one.day.isoformat(), "event": event_id(*place), "rows": len(one.own)}
            for place, one in made.days
        ],
        "left_out": [
            {"channel": one.channel, "day": one.day.isoformat(), "rows": one.rows, "code": one.code}
            for one in made.left_out
        ],
        "proof": made.text,
        "file": None,
    }
    return data, made.text


def head_data(head: Checkpoint, signer: VerifierKey) -> dict[str, Any]:
    """Return what is told of the head that a proof leads to."""
    return {"events": head.size, "root": head.root.hex(), "origin": head.origin, "key": str(signer)}


def notice_data(found: ProvenNotice) -> dict[str, Any]:
    """Return the JSON object of a proof that holds."""
    return {
        "verified": True,
        "notice": found.notice,
        "campaign": found.campaign,
        "days": [
            {
                "event": one.id,
                "index": one.index,
                "recorded_at": one.event.get("recorded_at"),
                "channel": one.channel,
                "day": one.day,
                "rows": one.rows,
            }
            for one in found.days
        ],
        **head_data(found.head, found.signer),
    }


def notice_text(found: ProvenNotice) -> Text:
    """Say what is proven, row by row, and what is not."""
    lines = [
        say(
            f"核验通过：通知 {found.notice} 在以下各天有以下各状态，均在 {found.head.origin} "
            f"已签的 {found.head.size} 条事件之内。",
            f"Verified: notice {found.notice} had these states on these days, all of it under the "
            f"{found.head.size} events signed by {found.head.origin}.",
        )
    ]
    if f"/{REHEARSAL}/" in found.head.origin:
        lines.append(
            say("这是一次演练的记录，不是真实年度的。", "This is the record of a rehearsal, and no real year's.")
        )
    for one in found.days:
        lines.append(f"{one.day} {word(one.channel, LANG)} ({one.id})")
        for row in sorted(one.rows, key=_happened):
            code = "" if row["code"] is None else f" [{row['code']}] {code_phrase(row['code'])}"
            lines.append(f"  {row['at']} {state_word(row['state'])}{code}")
    lines.append(
        say(
            "此证明不说明该通知没有别的状态，也不含他人的任何内容。",
            "It does not show that the notice had no other states, and holds nothing of anybody else's.",
        )
    )
    return Text("\n".join(lines))


def _happened(row: dict[str, Any]) -> tuple[str, int]:
    """Return what sorts rows as they happened; of one instant in the order in which states follow one another."""
    return str(row["at"]), ORDER.get(row["state"], len(ORDER))


def _none(notice: str, left_out: Sequence[LeftOut]) -> Failure:
    """Return the failure of a notice of which no day can be proven (4): the last of them says why."""
    code = left_out[-1].code if left_out else NOTHING
    place = f"{notice} {left_out[-1].day} {left_out[-1].channel}" if left_out else notice
    return Failure(NOT_FOUND, code, say(*_WHY[code]), place=place, remedy=say(*_REMEDY[code]))


def _differs(place: str) -> Failure:
    return Failure(
        NOT_VERIFIED,
        "JOURNAL_DIFFERS",
        say("发送流水与已入账的摘要不符：流水被改动过。", "The journal is not what the record says: it was changed."),
        place=place,
        remedy=say("请封存台账，并运行 audit replay。", "Keep the ledger as it is, and run `audit replay`."),
    )
