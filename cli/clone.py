"""`clone`: last year's county directory into this year's, with every difference shown (FEATURES B1)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.options import Face, say
from registry.clone import clone_directory

_FACE = Face()

TO_DO: Final[dict[str, tuple[str, str]]] = {
    "CALENDAR_NOT_YET_PUBLISHED": (
        "{place}：该年放假安排尚未公布，日期只移了年份，公布后请核对是否为工作日。",
        "{place}: that year's working days are not published; only the year was moved. Check it once they are.",
    ),
    "STAFF_TO_CONFIRM": (
        "{place}：人员照抄去年，班级编号已移到新一届，请逐一核对。",
        "{place}: last year's people, with class ids of the new year. Check each.",
    ),
    "SCHOOL_CALENDAR_EMPTY": (
        "{place}：校历不作推测，只有表头，请填写新学年的校历。",
        "{place}: the school calendar is never guessed, only its header is there. Fill in the new year's.",
    ),
    "TARGETS_TO_ISSUE": (
        "{place}：去年的指标文件不沿用，各班计划数照抄去年；有了今年的文件，请写明文号和生效日期。",
        "{place}: last year's paper is left behind, the quotas are last year's. Name this year's paper and its day.",
    ),
    "QUALIFIED_SCHOOL_TO_CONFIRM": (
        "qualified_schools {place}：沿用去年，请对照今年公布的名单确认。",
        "qualified_schools {place}: as last year. Confirm it against this year's published list.",
    ),
    "ROSTER_TO_SUPPLY": (
        "{place}：新一届学生的名册，请放入该位置。",
        "{place}: put the roster of the new pupils here.",
    ),
}
"""Code of what is left to do → its sentence (zh, en)."""


def clone(
    source: Annotated[Path, Parameter(name="FROM_DIR", help=say("去年的目录", "last year's directory"))],
    target: Annotated[Path, Parameter(name="TO_DIR", help=say("新目录（须为空）", "the new one; must be empty"))],
    *,
    year: Annotated[
        int | None, Parameter(help=say("毕业年份（默认下一届）", "year of graduation (default: the next)"))
    ] = None,
    face: Face = _FACE,
) -> int:
    """Make this year's files from last year's; pupils are never copied."""
    face.settings()
    made = clone_directory(source, target, year)
    data: dict[str, Any] = {
        "from": str(source),
        "to": str(target),
        "campaign": made.campaign,
        "differences": [{"place": one.place, "was": one.was, "now": one.now} for one in made.differences],
        "to_do": [
            {"code": one.code, "place": one.place, "message": say(*TO_DO[one.code]).format(place=one.place)}
            for one in made.to_do
        ],
    }
    face.show(data, lambda: _readable(data))
    return 0


def _readable(data: Mapping[str, Any]) -> RenderableType:
    table = Table(say("位置", "where"), say("原为", "was"), say("现为", "now"))
    for one in data["differences"]:
        table.add_row(one["place"], one["was"], one["now"])
    head = Text(f"{data['campaign']}: {data['from']} → {data['to']}")
    return Group(
        head, table, Text(say("还需办理：", "left to do:")), *(Text(f"  - {one['message']}") for one in data["to_do"])
    )
