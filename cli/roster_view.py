"""What `roster` prints: problems, rows by reason, and the difference to the pupils held."""

from __future__ import annotations

from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.options import LANG, say
from registry.problems import RowProblem
from registry.records import Proposal

REASONS: Final[dict[str, str]] = {
    "NO_TABLE": say("不是名册的工作表", "sheet without a table"),
    "TITLE": say("标题", "title"),
    "HEADER": say("表头", "header"),
    "REPEATED_HEADER": say("重复的表头", "repeated header"),
    "UNIT_ROW": say("填写说明", "how to fill in"),
    "TOTAL_ROW": say("合计", "total"),
    "SIGNATURE_ROW": say("落款", "signature"),
    "OUTSIDE_COLUMNS": say("名册栏目以外的文字", "text outside the columns"),
    "BLANK": say("空行", "blank"),
}
TO_DO: Final[dict[str, str]] = {
    "STUDENTS_TO_ENROL": say("待登记入学（加 --by）", "to be enrolled in the running campaign (give --by)"),
    "EXITS_TO_RECORD": say(
        "不在名册上，请学籍办用 exits 登记离校原因",
        "no longer on the roster: the register office records why with `exits`",
    ),
    "CLASS_CHANGED": say("已换班；活动中仍按原班办理", "changed class; the campaign goes on with the former one"),
}
PROPOSALS: Final[dict[str, str]] = {
    "TWINS": say("可能是双胞胎，请勿当作重复", "perhaps twins: not one pupil twice"),
    "SAME_NAME_AND_BIRTH": say(
        "姓名和生日相同、证号不同，请核对是否同一人", "same name and birthday: perhaps one pupil"
    ),
    "ID_CORRECTED": say("可能是更正了身份证号的在册学生", "perhaps a pupil held, with a corrected number"),
}


def problem_data(problem: RowProblem) -> dict[str, Any]:
    """Return a row's problem as the command's JSON has it."""
    return {
        "sheet": problem.sheet,
        "row": problem.row,
        "column": problem.column,
        "code": problem.code,
        "message": problem.text(LANG),
    }


def proposal_data(proposal: Proposal) -> dict[str, Any]:
    """Return what a person should look at, as the command's JSON has it."""
    return {
        "kind": proposal.kind,
        "rows": list(proposal.places),
        "students": list(proposal.students),
        "message": PROPOSALS[proposal.kind],
    }


def check_table(data: dict[str, Any]) -> RenderableType:
    """Return what a person reads of a check."""
    rejected, warnings = len(data["rejected"]), len(data["warnings"])
    parts: list[RenderableType] = [
        Text(
            say(
                f"可接收 {data['accepted']} 行，不能接收 {rejected} 行，提示 {warnings} 处",
                f"{data['accepted']} rows accepted, {rejected} rejected, {warnings} warnings",
            )
        )
    ]
    ignored = say("、", ", ").join(f"{REASONS[reason]} {count}" for reason, count in data["ignored"].items())
    if ignored:
        parts.append(
            Text(say(f"共 {data['rows']} 行，其余：{ignored}", f"of {data['rows']} rows; the others: {ignored}"))
        )
    if rejected or warnings:
        table = Table(
            say("工作表", "sheet"), say("行", "row"), say("列", "column"), say("代码", "code"), say("说明", "what")
        )
        for problem in (*data["rejected"], *data["warnings"]):
            table.add_row(problem["sheet"], str(problem["row"]), problem["column"], problem["code"], problem["message"])
        parts.append(table)
    if data.get("errors_file"):
        parts.append(
            Text(say(f"不能接收的行已写入 {data['errors_file']}", f"rejected rows are in {data['errors_file']}"))
        )
    return Group(*parts)


def import_table(data: dict[str, Any]) -> RenderableType:
    """Return what a person reads of an import: the check, then the difference."""
    changed = ", ".join(f"{name} {count}" for name, count in data["changed_fields"].items())
    table = Table(say("与在册学生相比", "against the pupils held"), say("人数", "pupils"), say("内容", "what"))
    table.add_row(say("新增", "added"), str(data["added"]), "")
    table.add_row(say("变更", "changed"), str(data["changed"]), changed)
    table.add_row(say("换班", "changed class"), str(len(data["class_changes"])), "")
    table.add_row(say("缺少", "missing"), str(data["missing"]), "")
    table.add_row(say("不变", "unchanged"), str(data["unchanged"]), "")
    table.add_row(say("他校也有", "elsewhere too"), str(data["elsewhere"]), "")
    notes = [
        Text(f"{proposal['message']}{say('：', ': ')}{say('、', ', ').join(proposal['rows'])}")
        for proposal in data["proposals"]
    ]
    if data["committed"]:
        done = say("已接收。", "Taken.")
    elif "error" in data:
        done = say("有不能接收的行，未写入。", "Rows are rejected, nothing is written. ") + data["error"]["remedy"]
    else:
        done = say(
            f"未写入。接收请加 --commit --expect {data['drift']}",
            f"Nothing is written. To take it: --commit --expect {data['drift']}",
        )
    to_do = [Text(f"{TO_DO[item['code']]}: {', '.join(item['students'])}") for item in data.get("to_do", ())]
    return Group(check_table(data), table, *notes, Text(done), *to_do)
