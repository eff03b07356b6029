"""`roster check` and `roster import`: which rows of a roster can be taken, and what taking them would change."""

from __future__ import annotations

import contextlib
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import App, Parameter
from rich.console import RenderableType
from rich.text import Text

from cli.failures import REJECTED, not_found, usage
from cli.options import LANG, Face, SchoolCode, console, say
from cli.roster_view import check_table, import_table, problem_data, proposal_data
from domain.time import SHANGHAI
from registry.campaign_file import FILE_NAME, CampaignFile, load_campaign
from registry.corrections import write_corrections
from registry.problems import InputRejected
from registry.roster import Roster, judge, open_roster
from registry.sheets import Sheet

_FACE = Face()
NEW_SCHOOL_YEAR: Final = 8
"""From August on the ninth grade is the next year's graduating class."""

app = App(name="roster", help_format="plaintext", version_flags=[])

Year = Annotated[int | None, Parameter(help=say("毕业年份（默认由 campaign.toml 或班级推断）", "year of graduation"))]


@app.command(help=say("检查一份名册", "check one roster"))
def check(
    file: Path,
    *,
    year: Year = None,
    errors: Annotated[
        Path | None,
        Parameter(help=say("将不能接收的行写入此 XLSX，供学校改正后交回", "write the rejected rows into this XLSX")),
    ] = None,
    face: Face = _FACE,
) -> int:
    """Judge every row; nothing is stored."""
    face.settings()
    _require_new(errors, file)
    try:
        sheets = open_roster(file)
        roster = _judged(sheets, file, year)
    except InputRejected as rejected:
        error = {
            "code": rejected.code,
            "message": rejected.message(LANG),
            "place": rejected.place,
            "remedy": rejected.remedy(LANG),
        }
        data = {"accepted": 0, "rejected": [], "warnings": [], "ignored": {}, "rows": 0, "file_error": error}
        data["error"] = error
        return _end(face, data, Text(f"{error['message']}{say('', ' ')}[{error['code']}] {error['remedy']}"))
    data = {**_read_data(roster), "file_error": None}
    if errors is not None:
        data["errors_file"] = str(errors) if write_corrections(errors, sheets, roster) else None
    if roster.rejected:
        data["error"] = _rejected_error(roster, file)
    return _end(face, data, check_table(data))


@app.command(name="import", help=say("核对并接收一份名册", "review a roster against what is held, and take it"))
async def import_(
    file: Path,
    *,
    school: SchoolCode,
    campaign: Annotated[
        str | None,
        Parameter(help=say("活动（默认由名册旁的 campaign.toml）", "default: the campaign.toml beside FILE")),
    ] = None,
    commit: Annotated[
        bool, Parameter(negative="", help=say("接收；不写则只核对", "take it, not only review it"))
    ] = False,
    expect: Annotated[
        str | None, Parameter(help=say("核对时给出的 drift 摘要", "the drift that the review has shown"))
    ] = None,
    partial: Annotated[
        bool, Parameter(negative="", help=say("不能接收的行除外，其余照收", "take the good rows"))
    ] = False,
    by: Annotated[
        str | None,
        Parameter(help=say("为新转入学生登记入学的人（staff_ref）", "who enrols late joiners of a running campaign")),
    ] = None,
    face: Face = _FACE,
) -> int:
    """Show the difference to the pupils held; take it with `--commit`."""
    from cli.enrolment import enrol_joiners  # noqa: PLC0415 - `roster check` needs no rooms
    from cli.given import year_of  # noqa: PLC0415
    from cli.rooms import Rooms  # noqa: PLC0415
    from registry.references import References  # noqa: PLC0415

    if expect is not None and not commit:
        raise usage(
            "EXPECT_WITHOUT_COMMIT",
            say("--expect 只能与 --commit 一起使用。", "--expect goes with --commit."),
            place="--expect",
        )
    campaign = campaign or _campaign_beside(file)
    year = year_of(campaign)
    async with Rooms(face.settings()) as rooms:
        registry = await rooms.registry()
        full_marks = {held.code: held.full_mark for held in await registry.schools(campaign)}
        if school not in full_marks:
            raise not_found(f"{campaign}/{school}" if full_marks else campaign)
        sheets = open_roster(file)
        roster = judge(sheets, file.name, year, full_mark=full_marks[school])
        take = commit and (partial or not roster.rejected)
        result = await registry.import_roster(
            campaign, school, roster, References(), commit=take, expect=expect, exclusive=True
        )
        data: dict[str, Any] = {
            "campaign": campaign,
            "school": school,
            "committed": result.committed,
            **_read_data(roster),
            "drift": result.drift,
            "added": result.added,
            "changed": result.changed,
            "changed_fields": result.changed_fields,
            "class_changes": [
                {"student": student, "from": old, "to": new} for student, old, new in result.class_changes
            ],
            "missing": result.missing,
            "missing_students": list(result.missing_students),
            "unchanged": result.unchanged,
            "elsewhere": result.elsewhere,
            "proposals": [proposal_data(proposal) for proposal in result.proposals],
        }
        if result.committed:
            data |= await enrol_joiners(rooms, campaign, school, result, by)
        if roster.rejected and not partial:
            data["error"] = _rejected_error(roster, file)
        face.show(data, lambda: import_table(data))
        return REJECTED if "error" in data else 0


def _campaign_beside(file: Path) -> str:
    """Return the campaign of the campaign file beside a roster or its folder.

    Raises:
        Failure: CAMPAIGN_MISSING (2).
    """
    found = _campaign_file(file)
    if found is None:
        raise usage(
            "CAMPAIGN_MISSING",
            say(
                "名册旁没有可用的 campaign.toml，不知道是哪个活动。",
                "No campaign file beside the roster names the campaign.",
            ),
            place="--campaign",
            remedy=say("请用 --campaign 指明。", "Name it with --campaign."),
        )
    return found.campaign


def _campaign_file(file: Path) -> CampaignFile | None:
    for folder in (file.parent, file.parent.parent):
        if (folder / FILE_NAME).is_file():
            with contextlib.suppress(InputRejected):
                return load_campaign(folder)
    return None


def _require_new(errors: Path | None, file: Path) -> None:
    """Refuse to write the rejected rows over the roster itself, or as another kind of file.

    Raises:
        Failure: ERRORS_FILE_INVALID (2).
    """
    if errors is None or (errors.suffix.lower() == ".xlsx" and errors.resolve() != file.resolve()):
        return
    raise usage(
        "ERRORS_FILE_INVALID",
        say("--errors 须是名册以外的一个 .xlsx 文件。", "--errors must name an .xlsx file other than the roster."),
        place="--errors",
        remedy=say("请换一个文件名。", "Name another file."),
    )


def _judged(sheets: tuple[Sheet, ...], file: Path, year: int | None) -> Roster:
    """Judge with the given year, the campaign file's beside it, or the one that most class names fit."""
    if year is not None:
        return judge(sheets, file.name, year)
    campaign = _campaign_file(file)
    if campaign is not None:
        return judge(sheets, file.name, campaign.year, full_mark=campaign.full_mark)
    today = datetime.now(SHANGHAI)
    current = today.year + (today.month >= NEW_SCHOOL_YEAR)
    rosters = [judge(sheets, file.name, candidate) for candidate in (current, current + 1, current - 1, current - 2)]
    return min(rosters, key=lambda roster: sum(problem.code == "CLASS_MISSING" for problem in roster.rejected))


def _read_data(roster: Roster) -> dict[str, Any]:
    return {
        "accepted": len(roster.accepted),
        "rejected": [problem_data(problem) for problem in roster.rejected],
        "warnings": [problem_data(problem) for problem in roster.warnings],
        "ignored": roster.ignored_by_reason,
        "rows": roster.rows,
    }


def _rejected_error(roster: Roster, file: Path) -> dict[str, str]:
    return {
        "code": "ROSTER_REJECTED",
        "message": say(f"{len(roster.rejected)} 行不能接收。", f"{len(roster.rejected)} rows cannot be accepted."),
        "place": file.name,
        "remedy": say("请逐行改正后重新检查。", "Mend each row, then check again."),
    }


def _end(face: Face, data: dict[str, Any], readable: RenderableType) -> int:
    if data["file_error"] is not None and not face.json:
        console(stderr=True).print(readable)
    else:
        face.show(data, lambda: readable)
    return REJECTED if "error" in data else 0
