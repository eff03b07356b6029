"""`audit archive`: fetch the histories that the archive lacks; and what `close` asks of it before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.text import Text

from audit.archive_gaps import ArchiveReport, EngineHistories, MissingHistory, complete_archive
from cli.demo_marker import is_demo
from cli.failures import NOT_VERIFIED, UNREACHABLE, Failure, engine_unreachable
from cli.language import say
from cli.options import CampaignName, Face
from cli.rooms import Rooms
from engine import EngineUnreachableError, connect

_FACE = Face()
INCOMPLETE: Final = "ARCHIVE_INCOMPLETE"
NAMED: Final = 20
"""So many missing histories are named to a person; `--json` names all."""


async def archive(campaign: CampaignName, *, face: Face = _FACE) -> int:
    """Fetch every history that the archive lacks and the engine still has; again, it changes nothing."""
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        report, reached = await completed(rooms, campaign)
    data = report.model_dump(mode="json")
    if not reached and (report.missing or report.unreached):
        failure = engine_unreachable()
        raise Failure(
            UNREACHABLE,
            failure.code,
            failure.message,
            place=campaign,
            remedy=_no_engine_here(demo=is_demo(rooms.settings.data)),
            data=data,
        )
    face.show(data, lambda: Text(_text(data)))
    return NOT_VERIFIED if report.missing else 0


async def completed(rooms: Rooms, campaign: str) -> tuple[ArchiveReport, bool]:
    """Complete the archive as far as it goes; tells also whether an engine was there to ask."""
    ledger, address = await rooms.ledger(), await rooms.address()
    if address is not None:
        try:
            engine = await connect(address, rooms.settings.namespace, wait=2)
            return await complete_archive(ledger, campaign, EngineHistories(engine)), True
        except EngineUnreachableError:
            pass  # what was fetched before it went away is kept, and counted as held
    return await complete_archive(ledger, campaign, None), False


def incomplete(missing: Sequence[MissingHistory], *, closed: bool) -> tuple[dict[str, Any], list[str]]:
    """Return what `close` answers where histories are missing: the refusal, and its lines for a person.

    Args:
        missing: the histories.
        closed: whether the campaign has ended all the same, because they were lost while it was closing.
    """
    count = len(missing)
    done = say("活动已结束，但", "The campaign is closed, but ") if closed else say("未受理：", "Not done: ")
    what = say(
        f"有 {count} 份历史既不在归档中，也不在引擎中，审计将无从核对。",
        f"{count} histories are neither in the archive nor in the engine, and no audit could go by them.",
    )
    remedy = say(
        "请从备份恢复台账或引擎数据后执行 audit archive，再次执行 close。",
        " Restore the ledger or the engine's file from a backup, run `audit archive`, then `close` again.",
    )
    rows = [one.model_dump(mode="json") for one in missing]
    data = {
        "refused": {"code": INCOMPLETE, "message": done + what + remedy, "blockers": []},
        "missing": rows,
    }
    return data, [f"{done}{what}{remedy}{say('', ' ')}[{INCOMPLETE}]", *_named(rows)]


# -- inside -------------------------------------------------------------------------------------------------------


def _no_engine_here(*, demo: bool) -> str:
    if demo:
        return say(
            "演示目录的引擎不再启动；流程历史在演示结束时写下的 audit.zip 中，请用 audit verify 核验。",
            "A demo's engine is not started again: its audit.zip has the histories, and `audit verify` checks them.",
        )
    return say(
        "请先运行 diversion up（使用同一个 --data），再次执行 audit archive。",
        "Run `diversion up` with the same --data, then `audit archive` again.",
    )


def _text(data: Mapping[str, Any]) -> str:
    head = say(
        f"归档历史 {data['histories']} 份，其中本次补齐 {data['added']} 份；{data['running']} 个流程仍在进行",
        f"{data['histories']} histories archived, {data['added']} of them now; {data['running']} streams go on",
    )
    missing = data["missing"]
    if not missing:
        return f"{head}{say('；没有缺失', '; none is missing')}"
    lost = say(
        f"缺失 {len(missing)} 份，归档和引擎中都没有：", f"{len(missing)} are missing, and the engine has them not:"
    )
    return "\n".join([head, lost, *_named(missing)])


def _named(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    unknown = say("运行编号未知", "run unknown")
    lines = [f"  - {row['workflow']}: {row['run_id'] or unknown}" for row in rows[:NAMED]]
    more = len(rows) - NAMED
    return [*lines, say(f"  另有 {more} 份", f"  and {more} more")] if more > 0 else lines
