"""`rule show|preview`: the identification rule in readable lines, and what it would propose (FEATURES B6).

A preview reads rosters and writes nothing. It shows totals only: whom a rule proposes is for those who decide, in the
campaign, with the reasons; a trial of a rule is no place to meet a child's name.
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import App, Parameter
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.options import LANG, Face, say
from cli.stage_view import word
from domain.identification_rule import (
    ALLOWED,
    DEFAULT_RULE,
    Criterion,
    Facts,
    HelpKind,
    Proposal,
    Rule,
    evaluate,
    load_rule,
    rule_digest,
)
from registry.campaign_file import CampaignFile, load_campaign
from registry.problems import InputRejected
from registry.roster import PupilRow, Roster, read_roster

_FACE = Face()

CODES: Final = ("HELP", "NO_NEED", "DATA_UNKNOWN")
COMPARISONS: Final[dict[str, str]] = {"below": "<", "at_least": ">=", "is_value": "is"}

app = App(name="rule", help_format="plaintext", version_flags=[])


@app.command(help=say("以可读的条件显示识别规则", "the rule in readable lines, with version and digest"))
def show(
    directory: Annotated[
        Path | None,
        Parameter(name="DIR", help=say("活动目录（检查其文件）", "a campaign's directory, which is checked")),
    ] = None,
    *,
    rule: Annotated[Path | None, Parameter(help=say("规则文件（TOML 或 JSON）", "a rule's file, TOML or JSON"))] = None,
    face: Face = _FACE,
) -> int:
    """Show the rule that a campaign is drafted with, or the one of a file."""
    face.settings()
    campaign = None if directory is None else load_campaign(directory).campaign
    chosen = DEFAULT_RULE if rule is None else read_rule(rule)
    data: dict[str, Any] = {"campaign": campaign, "rule": rule_data(chosen)}
    face.show(data, lambda: Text(_rule_text(data["rule"])))
    return 0


@app.command(help=say("试看规则的结果，只出汇总", "what a rule would propose, totals only; nothing is written"))
def preview(
    directory: Annotated[Path, Parameter(name="DIR", help=say("活动目录", "a campaign's directory"))],
    *,
    rule: Annotated[
        Path | None,
        Parameter(help=say("规则文件（TOML 或 JSON）；与默认规则比较", "compare this rule with the default")),
    ] = None,
    face: Face = _FACE,
) -> int:
    """Count proposals by school and class for the rosters of a directory."""
    face.settings()
    chosen = DEFAULT_RULE if rule is None else read_rule(rule)
    file = load_campaign(directory)
    rosters = {
        school.code: read_roster(directory / school.roster, file.year, full_mark=file.full_mark)
        for school in file.schools
    }
    data: dict[str, Any] = {"campaign": file.campaign, "rule": rule_data(chosen), **_counted(rosters, file, chosen)}
    data["default_rule"] = None if rule is None else rule_data(DEFAULT_RULE)
    data["difference"] = None if rule is None else difference(rosters, file, DEFAULT_RULE, chosen)
    face.show(data, lambda: _preview_text(data))
    return 0


def read_rule(path: Path) -> Rule:
    """Read a rule from a TOML or JSON file.

    Raises:
        InputRejected: RULE_FILE_MISSING, RULE_FILE_INVALID, the file is neither TOML nor JSON.
        Refusal: RULE_ATTRIBUTE_FORBIDDEN, RULE_ATTRIBUTE_UNKNOWN, RULE_INVALID.
    """
    if not path.is_file():
        raise InputRejected(
            "RULE_FILE_MISSING",
            message_zh="找不到规则文件。",
            message_en="The rule's file does not exist.",
            place=path.name,
            remedy_zh="请检查路径。",
            remedy_en="Check the path.",
        )
    try:
        text = path.read_bytes().decode("utf-8-sig")
        data = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (ValueError, RecursionError):  # neither reader says more than where; a rule is a few lines
        raise InputRejected(
            "RULE_FILE_INVALID",
            message_zh="文件不是有效的 TOML 或 JSON。",
            message_en="The file is neither valid TOML nor valid JSON.",
            place=path.name,
            remedy_zh="请改正写法，编码用 UTF-8；可参照 rule show --json 的 rule.model。",
            remedy_en="Correct its notation, in UTF-8; rule.model of `rule show --json` is an example.",
        ) from None
    return load_rule(data)


def rule_data(rule: Rule) -> dict[str, Any]:
    """Return a rule as the contract shows it: its lines, its digest, and the model that a file may hold."""
    return {
        "id": rule.id,
        "version": rule.version,
        "digest": rule_digest(rule),
        "criteria": [
            {"help": criterion.help.value, "expression": expression(criterion), "message": _in_words(criterion)}
            for criterion in rule.criteria
        ],
        "model": rule.model_dump(mode="json", exclude_none=True),
    }


def expression(criterion: Criterion) -> str:
    """Write a criterion as one line: `STUDY when midterm_share < 3/5`."""
    comparison = COMPARISONS[ALLOWED[criterion.attribute]]
    return f"{criterion.help.value} when {criterion.attribute} {comparison} {criterion.threshold}"


def facts_of(row: PupilRow, full_mark: int) -> Facts:
    """Return what the rule may look at in a roster's row; what is unknown stays unknown (fails closed)."""
    return Facts(
        midterm_share=None if row.mark_tenths is None else Fraction(row.mark_tenths, 10 * full_mark),
        unexplained_absence_days=row.absence_days,
        informed=row.informed,
    )


def totals(proposals: Iterable[Proposal]) -> dict[str, Any]:
    """Count proposals: `pupils`, by `codes`, and by kind of `help` (a pupil may be offered several)."""
    given = list(proposals)
    codes = Counter(proposal.code for proposal in given)
    kinds = Counter(kind for proposal in given for kind in proposal.help)
    return {
        "pupils": len(given),
        "codes": {code: codes[code] for code in CODES},
        "help": {kind.value: kinds[kind] for kind in HelpKind},
    }


def difference(rosters: Mapping[str, Roster], file: CampaignFile, was: Rule, now: Rule) -> dict[str, Any]:
    """Count how many pupils' proposals change from one rule to another; totals, the kinds of help included.

    Returns:
        `changed`: pupils whose code or kinds of help differ; `moves`: `[{was, now, count}]` by code; `schools`: for
        each, `changed`, its `moves`, and its `classes` with the same keys.
    """
    pairs = [
        (code, row.class_id, evaluate(was, facts), evaluate(now, facts))
        for code, roster in rosters.items()
        for row in roster.accepted
        for facts in (facts_of(row, file.full_mark),)
    ]
    return {
        **_moves((one, other) for _, _, one, other in pairs),
        "schools": [
            {
                "school": code,
                **_moves((one, other) for school, _, one, other in pairs if school == code),
                "classes": [
                    {
                        "class": name,
                        **_moves(
                            (one, other) for school, class_id, one, other in pairs if (school, class_id) == (code, name)
                        ),
                    }
                    for name in _class_ids(roster)
                ],
            }
            for code, roster in rosters.items()
        ],
    }


# -- inside -------------------------------------------------------------------------------------------------------


def _moves(pairs: Iterable[tuple[Proposal, Proposal]]) -> dict[str, Any]:
    changed = [(was, now) for was, now in pairs if (was.code, was.help) != (now.code, now.help)]
    counts = Counter((was.code, now.code) for was, now in changed)
    moves = [{"was": was, "now": now, "count": counts[was, now]} for was in CODES for now in CODES if counts[was, now]]
    return {"changed": len(changed), "moves": moves}


def _counted(rosters: Mapping[str, Roster], file: CampaignFile, rule: Rule) -> dict[str, Any]:
    """Return the totals of the county, of each school with its rejected rows, and of each class."""
    proposed = {
        code: [(row.class_id, evaluate(rule, facts_of(row, file.full_mark))) for row in roster.accepted]
        for code, roster in rosters.items()
    }
    return {
        "county": totals(proposal for pairs in proposed.values() for _, proposal in pairs),
        "schools": [
            {
                "school": code,
                "rejected": len(rosters[code].rejected),
                **totals(proposal for _, proposal in pairs),
                "classes": [
                    {"class": name, **totals(proposal for class_id, proposal in pairs if class_id == name)}
                    for name in _class_ids(rosters[code])
                ],
            }
            for code, pairs in proposed.items()
        ],
    }


def _class_ids(roster: Roster) -> list[str]:
    return sorted({row.class_id for row in roster.accepted})


def _in_words(criterion: Criterion) -> str:
    """Say a criterion: whom it offers what."""
    relation = {"below": "BELOW", "at_least": "AT_LEAST", "is_value": "IS"}[ALLOWED[criterion.attribute]]
    parts = [word(part, LANG) for part in (criterion.attribute, relation, criterion.threshold)]
    when = say(f"{parts[0]}{parts[1]} {parts[2]}", " ".join(parts))
    return f"{word(criterion.help.value, LANG)}{say('：', ': ')}{when}"


def _rule_text(rule: Mapping[str, Any]) -> str:
    head = say(
        f"规则 {rule['id']} 第 {rule['version']} 版，摘要 {rule['digest']}",
        f"rule {rule['id']}, version {rule['version']}, digest {rule['digest']}",
    )
    closed = say(
        "任一条件的数据不明：不作建议，须由人判断（DATA_UNKNOWN）",
        "where any of these facts is unknown, nothing is proposed: a person decides (DATA_UNKNOWN)",
    )
    lines = [f"  {one['expression']}  ({one['message']})" for one in rule["criteria"]]
    return "\n".join([head, *lines, f"  {closed}"])


def _preview_text(data: Mapping[str, Any]) -> RenderableType:
    table = Table(
        say("学校", "school"),
        say("班级", "class"),
        say("学生", "pupils"),
        say("建议帮扶", "help"),
        say("暂不需要", "no need"),
        say("数据不明", "data unknown"),
        say("不能接收的行", "rejected rows"),
    )
    for school in data["schools"]:
        for part in school["classes"]:
            table.add_row(school["school"], part["class"], *_cells(part), "")
        table.add_row(school["school"], say("合计", "total"), *_cells(school), str(school["rejected"]), style="bold")
    table.add_row(say("全县", "county"), "", *_cells(data["county"]), "", style="bold")
    compared = [] if data["difference"] is None else [Text(_difference_text(data["difference"]))]
    return Group(Text(_rule_text(data["rule"])), table, *compared)


def _cells(part: Mapping[str, Any]) -> list[str]:
    return [str(part["pupils"]), *(str(part["codes"][code]) for code in CODES)]


def _difference_text(found: Mapping[str, Any]) -> str:
    lines = [
        say(f"与默认规则不同：{found['changed']} 名学生", f"otherwise than the default rule: {found['changed']} pupils")
    ]
    for school in found["schools"]:
        moves = [f"{one['was']} → {one['now']}: {one['count']}" for one in school["moves"]]
        lines.append(f"  {school['school']}: {school['changed']}" + (f" ({'; '.join(moves)})" if moves else ""))
    return "\n".join(lines)
