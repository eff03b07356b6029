"""`attendance`: daily and zero reports, corrections, explanations, visits, weeks and months (DOMAIN §7.6)."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from rich.text import Text

from cli.at_school import Visitors, give, give_in, held, school_rooms
from cli.failures import usage
from cli.given import EVIDENCE, Student, references_given, word_given
from cli.language import LANG
from cli.options import CampaignName, Change, Face, SchoolCode, say
from cli.rooms import Rooms
from domain.attendance_events import AbsenceReason, PeriodKind
from domain.attendance_periods import figures, report_rates
from domain.attendance_state import AttendanceState
from domain.sentences_attendance import WORDS
from domain.time import SHANGHAI

_FACE = Face()

app = App(name="attendance", help_format="plaintext", version_flags=[])

Day = Annotated[date | None, Parameter(help=say("日期（默认今天）", "the day (default: today)"))]
File = Annotated[
    Path | None,
    Parameter(help=say("日报文件（CSV、XLSX、JSON）", "the report: CSV, XLSX or JSON, as `template` writes it")),
]
ClassRows = Annotated[
    list[str] | None,
    Parameter(
        name="--class",
        consume_multiple=True,
        negative="",
        help=say("班级一行，如 2023-01=36,1:stu_…", "a class's row, as 2023-01=36,1:stu_…"),
    ),
]


def attendance_id(campaign: str, school: str) -> str:
    """Return the id of a school's attendance."""
    return f"{campaign}/{school}/attendance"


@app.command(help=say("上报一天的日报（全部班级）", "file a school day's report, all classes"))
async def report(
    campaign: CampaignName,
    school: SchoolCode,
    file: File = None,
    *,
    day: Day = None,
    class_rows: ClassRows = None,
    zero: Annotated[bool, Parameter(negative="", help=say("零报告：全部到校", "zero report: all are there"))] = False,
    paper: Annotated[
        str | None, Parameter(help=say("当时纸质日报的编号（补录时）", "number of the paper written in time"))
    ] = None,
    witness: Annotated[str | None, Parameter(help=say("见证人的 staff_ref", "staff_ref of the witness"))] = None,
    change: Change,
    face: Face = _FACE,
) -> int:
    """File the report of a day; a zero report is a signed statement, a missing one is none."""
    if sum((file is not None, bool(class_rows), zero)) != 1:
        raise usage(
            "REPORT_SOURCE_INVALID",
            say("请给出文件、--class 或 --zero，三者择一。", "Give a file, --class rows or --zero, one of the three."),
            place="FILE",
        )
    async with school_rooms(face, campaign, school) as rooms:
        state = await held(rooms, attendance_id(campaign, school), AttendanceState)
        on = day or _today()
        rows = await _rows(rooms, campaign, school, file, class_rows) if not zero else _zero(state, on)
        fields: dict[str, Any] = {"day": on.isoformat(), "classes": rows, "paper": paper, "witness": witness}
        stream = attendance_id(campaign, school)
        return await give_in(rooms, face, campaign, stream, change, "file_daily_report", **fields)


@app.command(help=say("更正日报（须有理由）", "correct classes of a filed report; needs a reason"))
async def correct(
    campaign: CampaignName,
    school: SchoolCode,
    file: File = None,
    *,
    day: Annotated[date, Parameter(help=say("日期", "the day"))],
    class_rows: ClassRows = None,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Correct a report: only the classes that change; the report itself stays on record."""
    if (file is None) == (not class_rows):
        raise usage(
            "REPORT_SOURCE_INVALID",
            say("请给出文件或 --class，二者择一。", "Give a file or --class rows, one of the two."),
            place="FILE",
        )
    async with school_rooms(face, campaign, school) as rooms:
        fields: dict[str, Any] = {"day": day.isoformat()}
        fields["classes"] = await _rows(rooms, campaign, school, file, class_rows)
        stream = attendance_id(campaign, school)
        return await give_in(rooms, face, campaign, stream, change, "correct_daily_report", **fields)


@app.command(help=say("生成日报表", "write the sheet of a day's report"))
async def template(
    campaign: CampaignName,
    school: SchoolCode,
    file: Annotated[Path, Parameter(help=say("要写入的 XLSX", "the XLSX to write"))],
    *,
    day: Day = None,
    face: Face = _FACE,
) -> int:
    """Write the classes of a day with their register, less the pupils in a case, as `present`."""
    async with school_rooms(face, campaign, school) as rooms:
        state = await held(rooms, attendance_id(campaign, school), AttendanceState)
    _write_template(file, _zero(state, day or _today()))
    data = {"file": str(file), "rows": len(state.sizes(day or _today()))}
    face.show(data, lambda: Text(say(f"{file}：{data['rows']} 个班级", f"{file}: {data['rows']} classes")))
    return 0


@app.command(help=say("查看日报情况、按时率和完整率", "reports, their timeliness and completeness, cases"))
async def show(campaign: CampaignName, school: SchoolCode, *, face: Face = _FACE) -> int:
    """Show counts only, from the ledger; works without an engine."""
    async with school_rooms(face, campaign, school) as rooms:
        state = await held(rooms, attendance_id(campaign, school), AttendanceState)
    rates = {name: None if rate is None else rate.text for name, rate in report_rates(state).items()}
    data = {
        "campaign": campaign,
        "school": school,
        "first": state.first.isoformat(),
        "last": state.last.isoformat(),
        "ended": state.ended,
        "figures": figures(state, state.first, state.last),
        "rates": rates,
        "missed_days": [day.isoformat() for day in sorted(state.missed)],
        "contradicted_days": [day.isoformat() for day, note in sorted(state.reports.items()) if note.contradicted],
        "visits_owed": len(state.owed),
    }
    face.show(data, lambda: _readable(data))
    return 0


@app.command(help=say("说明一次缺勤的原因", "say why a pupil was absent"))
async def explain(
    campaign: CampaignName,
    school: SchoolCode,
    student: Student,
    why: Annotated[str, Parameter(help=" | ".join(AbsenceReason))],
    *,
    day: Annotated[date, Parameter(help=say("缺勤日期", "the day of absence"))],
    evidence: Annotated[str, Parameter(help=EVIDENCE)],
    change: Change,
    face: Face = _FACE,
) -> int:
    """Explain an absence by a code and where it is known from; circumstances are not written down."""
    fields = {"student": student, "day": day.isoformat(), "why": why.upper()}
    fields["evidence"] = word_given("evidence", evidence, "--evidence")
    return await _act(face, campaign, school, change, "explain_absence", **fields)


@app.command(help=say("登记因缺勤的家访", "record a visit about an absence"))
async def visit(
    campaign: CampaignName,
    school: SchoolCode,
    student: Student,
    outcome: Literal["reached", "no_answer", "call_back"],
    *,
    on: Annotated[date, Parameter(help=say("家访日期", "the day of the visit"))],
    visitors: Visitors,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Record who went: one on the first day, two at least on the second."""
    fields = {"student": student, "on": on.isoformat(), "visitors": references_given(visitors), "outcome": outcome}
    return await _act(face, campaign, school, change, "record_absence_visit", **fields)


@app.command(help=say("登记已销号的学生重新到校", "a pupil whose case was closed is at the school again"))
async def again(
    campaign: CampaignName,
    school: SchoolCode,
    student: Student,
    *,
    on: Annotated[date, Parameter(help=say("到校日期", "since when"))],
    evidence: Annotated[str, Parameter(help=EVIDENCE)],
    change: Change,
    face: Face = _FACE,
) -> int:
    """Record that somebody who was taught at home or elsewhere is counted with the class again."""
    found = word_given("evidence", evidence, "--evidence")
    return await _act(
        face, campaign, school, change, "record_reappearance", student=student, on=on.isoformat(), evidence=found
    )


@app.command(help=say("上报周报或月报（数字由系统计算）", "file a week's or month's report; figures are computed"))
async def period(
    campaign: CampaignName,
    school: SchoolCode,
    name: Annotated[str, Parameter(help=say("如 2025-W36 或 2025-09", "as 2025-W36 or 2025-09"))],
    *,
    change: Change,
    face: Face = _FACE,
) -> int:
    """File the report on a week or a month."""
    kind = PeriodKind.WEEKLY if "W" in name.upper() else PeriodKind.MONTHLY
    fields = {"report": kind.value, "period": name.upper()}
    return await _act(face, campaign, school, change, "file_periodic_report", **fields)


# -- inside -----------------------------------------------------------------------------------------------------


async def _act(face: Face, campaign: str, school: str, change: Change, kind: str, **fields: Any) -> int:
    return await give(face, campaign, school, attendance_id(campaign, school), change, kind, **fields)


async def _rows(
    rooms: Rooms, campaign: str, school: str, file: Path | None, given: list[str] | None
) -> list[dict[str, Any]]:
    from cli.attendance_rows import class_rows, report_rows  # noqa: PLC0415 - a spreadsheet's libraries

    if file is not None:
        return await report_rows(file, await rooms.registry(), campaign, school)
    return class_rows(campaign, given or [])


def _zero(state: AttendanceState, day: date) -> list[dict[str, Any]]:
    from cli.attendance_rows import zero_rows  # noqa: PLC0415 - a spreadsheet's libraries

    return zero_rows(state.sizes(day))


def _write_template(file: Path, rows: list[dict[str, Any]]) -> None:
    import xlsxwriter  # noqa: PLC0415 - only where a workbook is written

    from cli.attendance_rows import COLUMNS  # noqa: PLC0415 - with it

    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    workbook = xlsxwriter.Workbook(str(file), options)
    sheet = workbook.add_worksheet("attendance")
    sheet.write_row(0, 0, COLUMNS, workbook.add_format({"bold": True}))
    sheet.set_column(0, len(COLUMNS) - 1, 14, workbook.add_format({"num_format": "@"}))
    for number, row in enumerate(rows, start=1):
        sheet.write_row(number, 0, [row["class_id"], str(row["present"]), "0", "", "0", "0"])
    sheet.freeze_panes(1, 0)
    workbook.close()


def _today() -> date:
    return datetime.now(SHANGHAI).date()


def _readable(data: dict[str, Any]) -> Text:
    found, rates = data["figures"], data["rates"]
    lines = [
        f"{data['school']}  {WORDS['attendance'][LANG]}  {data['first']} – {data['last']}",
        say(
            f"应报 {found['due']}，已报 {found['filed']}，按时 {found['in_time']}，零报告 {found['zero']}，"
            f"缺报 {found['missed']}",
            f"due {found['due']}, filed {found['filed']}, in time {found['in_time']}, zero {found['zero']}, "
            f"missed {found['missed']}",
        ),
        say(
            f"按时率 {rates['on_time'] or '—'}，完整率 {rates['complete'] or '—'}",
            f"on time {rates['on_time'] or '—'}, complete {rates['complete'] or '—'}",
        ),
        say(
            f"无故未到 {found['absences']} 人次，应访未访 {data['visits_owed']} 人",
            f"absences without a reason {found['absences']}, visits owed {data['visits_owed']}",
        ),
        say(
            f"疑似辍学 {found['suspected']}，辍学 {found['dropout']}，已返校 {found['returned']}，"
            f"送教 {found['home_taught']}，外地就读 {found['elsewhere']}，学年末未返校 {found['not_returned']}",
            f"suspected {found['suspected']}, dropout {found['dropout']}, back {found['returned']}, "
            f"taught at home {found['home_taught']}, elsewhere {found['elsewhere']}, "
            f"not returned at the year's end {found['not_returned']}",
        ),
    ]
    return Text("\n".join(lines))
