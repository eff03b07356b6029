"""`roster check`: which rows of a roster can be taken, and why the others cannot."""

from __future__ import annotations

import contextlib
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import App, Parameter
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.failures import REJECTED
from cli.options import LANG, Face, console, say
from domain.time import SHANGHAI
from registry.campaign_file import FILE_NAME, load_campaign
from registry.problems import InputRejected, RowProblem
from registry.roster import Roster, read_roster

_FACE = Face()
NEW_SCHOOL_YEAR: Final = 8
"""From August on the ninth grade is the next year's graduating class."""

app = App(name="roster", help_format="plaintext", version_flags=[])


@app.command(help=say("检查一份名册", "check one roster"))
def check(
    file: Path,
    *,
    year: Annotated[
        int | None, Parameter(help=say("毕业年份（默认由 campaign.toml 或班级推断）", "year of graduation"))
    ] = None,
    face: Face = _FACE,
) -> int:
    """Judge every row; nothing is stored."""
    face.settings()
    try:
        roster = _read(file, year)
    except InputRejected as rejected:
        error = {
            "code": rejected.code,
            "message": rejected.message(LANG),
            "place": rejected.place,
            "remedy": rejected.remedy(LANG),
        }
        data = {"accepted": 0, "rejected": [], "warnings": [], "file_error": error, "error": error}
        return _end(face, data, Text(f"{error['message']}[{error['code']}] {error['remedy']}"))
    data = {
        "accepted": len(roster.accepted),
        "rejected": [_problem(problem) for problem in roster.rejected],
        "warnings": [_problem(problem) for problem in roster.warnings],
        "file_error": None,
    }
    if roster.rejected:
        data["error"] = {
            "code": "ROSTER_REJECTED",
            "message": say(f"{len(roster.rejected)} 行不能接收。", f"{len(roster.rejected)} rows cannot be accepted."),
            "place": file.name,
            "remedy": say("请逐行改正后重新检查。", "Mend each row, then check again."),
        }
    return _end(face, data, _table(data))


def _read(file: Path, year: int | None) -> Roster:
    """Read with the given year, the campaign file's beside it, or the one that most class names fit."""
    full_mark = None
    if year is None:
        for folder in (file.parent, file.parent.parent):
            if (folder / FILE_NAME).is_file():
                with contextlib.suppress(InputRejected):
                    campaign = load_campaign(folder)
                    return read_roster(file, campaign.year, full_mark=campaign.full_mark)
    if year is not None:
        return read_roster(file, year, full_mark=full_mark)
    today = datetime.now(SHANGHAI)
    current = today.year + (today.month >= NEW_SCHOOL_YEAR)
    rosters = [read_roster(file, candidate) for candidate in (current, current + 1, current - 1, current - 2)]
    return min(rosters, key=lambda roster: sum(problem.code == "CLASS_MISSING" for problem in roster.rejected))


def _problem(problem: RowProblem) -> dict[str, Any]:
    return {
        "sheet": problem.sheet,
        "row": problem.row,
        "column": problem.column,
        "code": problem.code,
        "message": problem.text(LANG),
    }


def _table(data: dict[str, Any]) -> RenderableType:
    rejected, warnings = len(data["rejected"]), len(data["warnings"])
    head = Text(
        say(
            f"可接收 {data['accepted']} 行，不能接收 {rejected} 行，提示 {warnings} 处",
            f"{data['accepted']} rows accepted, {rejected} rejected, {warnings} warnings",
        )
    )
    if not rejected and not warnings:
        return head
    table = Table(
        say("工作表", "sheet"), say("行", "row"), say("列", "column"), say("代码", "code"), say("说明", "what")
    )
    for problem in (*data["rejected"], *data["warnings"]):
        table.add_row(problem["sheet"], str(problem["row"]), problem["column"], problem["code"], problem["message"])
    return Group(head, table)


def _end(face: Face, data: dict[str, Any], readable: RenderableType) -> int:
    if data["file_error"] is not None and not face.json:
        console(stderr=True).print(readable)
    else:
        face.show(data, lambda: readable)
    return REJECTED if "error" in data else 0
