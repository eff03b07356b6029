"""`audit events`: a campaign's events in a file that other people's programs read."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.text import Text

from audit.exports import Format, events_of, write_export
from audit.xes import Case
from cli.failures import REJECTED, Failure, usage
from cli.options import LANG, CampaignName, Face, say
from cli.rooms import Rooms

_FACE = Face()


async def events(
    campaign: CampaignName,
    file: Annotated[
        Path, Parameter(help=say("要写入的文件（须尚不存在）", "the file to write; it must not exist yet"))
    ],
    *,
    form: Annotated[
        Literal["cloudevents", "prov", "csv", "xes", "ocel"],
        Parameter(
            name="--format",
            help=say(
                "格式：CloudEvents 逐行 JSON、W3C PROV-JSON、表格 CSV，或流程挖掘用的 XES、OCEL 2.0",
                "CloudEvents JSON lines, W3C PROV-JSON, CSV for a spreadsheet; XES or OCEL 2.0 for process mining",
            ),
        ),
    ],
    case: Annotated[
        Literal["stream", "pupil"] | None,
        Parameter(
            help=say(
                "XES 中一条轨迹的对象：流程（默认）或学生",
                "what a trace of XES is about: a stream (default), or a pupil",
            )
        ),
    ] = None,
    school: Annotated[str | None, Parameter(help=say("只写一所学校", "one school only"))] = None,
    face: Face = _FACE,
) -> int:
    """Write a campaign's events for other programs; the same ledger gives the same file, byte for byte."""
    if case is not None and form != "xes":
        raise usage(
            "CASE_WITHOUT_XES",
            say("只有 XES 有轨迹。", "Only XES has traces."),
            place="--case",
            remedy=say("请去掉 --case，或写 --format xes。", "Leave out --case, or give --format xes."),
        )
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign, school)
        _require_new(file)
        found = await events_of(await rooms.ledger(), campaign, school)
    written = await asyncio.to_thread(write_export, file, found, Format(form), LANG, Case(case or "stream"))
    data: dict[str, Any] = {"campaign": campaign, "file": str(file), "format": form, "school": school}
    data |= asdict(written)
    face.show(
        data,
        lambda: Text(
            say(
                f"已写入 {file}：{written.streams} 个流程的 {written.events} 条事件，SHA-256 {written.digest}",
                f"{file}: {written.events} events of {written.streams} streams, SHA-256 {written.digest}",
            )
        ),
    )
    return 0


def _require_new(file: Path) -> None:
    """Refuse to write over anything: a slip of the hand must not cost a ledger.

    Raises:
        Failure: FILE_EXISTS (3).
    """
    if file.exists() or file.is_symlink():
        raise Failure(
            REJECTED,
            "FILE_EXISTS",
            say("文件已存在，不予覆盖。", "The file exists, and nothing is written over."),
            place=str(file),
            remedy=say("请换一个文件名，或先移走原文件。", "Give another name, or move the old file away."),
        )
