"""`returns`: statutory figures as data, from the record alone, each with its rules and its set of events (B15, B16)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import App, Parameter
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from audit.as_of import moment
from audit.returns import (
    COUNTED,
    Figure,
    SchoolReturn,
    Span,
    changes,
    cut_off,
    month,
    quarter,
    school_returns,
    total_figures,
    totals,
    without_small_cells,
)
from cli.bundle_given import bundle_given, keys_given
from cli.failures import Failure, not_found, usage
from cli.options import CampaignName, Face, say
from cli.rooms import Rooms
from domain.actors import Role
from domain.policy import PolicyProfile
from domain.refusal import Refusal
from domain.time import stamp
from ledger.store import Ledger

_FACE = Face()

app = App(name="returns", help_format="plaintext", version_flags=[])

INSIDE: Final = (
    Role.CLASS_HEAD,
    Role.GRADE_LEADER,
    Role.PRINCIPAL,
    Role.BUREAU_OFFICER,
    Role.BUREAU_APPROVER,
    Role.REGISTER_OFFICER,
    Role.AUDITOR,
)
"""Who sees figures below school level and references: the school's own of its school, the bureau's of all (R-22)."""

School = Annotated[str | None, Parameter(help=say("只看一所学校", "one school only"))]
By = Annotated[
    str | None,
    Parameter(help=say("查询人的 staff_ref；不填则不显示班级和名单", "who asks; without it no classes and no lists")),
]
At = Annotated[
    str | None,
    Parameter(
        help=say("截止时间（登记时间），默认全部", "cut-off by time of recording; by default all that is recorded")
    ),
]
Only = Annotated[
    str | None, Parameter(name="--figure", help=say("只看一个数字，如 absences", "one figure only, as absences"))
]
FromBundle = Annotated[
    Path | None,
    Parameter(help=say("从审计包计算，而不是从台账", "count from an auditor's bundle instead of the ledger")),
]
KeyOf = Annotated[str | None, Parameter(help=say("审计包的公钥或其文件", "the bundle's public key, or a file with it"))]
Compared = Annotated[
    str | None,
    Parameter(help=say("与此截止时间的版本比较", "compare with the version of this cut-off")),
]


@app.command(help=say("学校月报，如 2025-03", "the school's month, as 2025-03"))
async def monthly(
    campaign: CampaignName,
    period: Annotated[str, Parameter(help="2025-03")],
    *,
    school: School = None,
    at: At = None,
    compared_to: Compared = None,
    by: By = None,
    figure: Only = None,
    bundle: FromBundle = None,
    key: KeyOf = None,
    face: Face = _FACE,
) -> int:
    """Count a month of each school: reports, absences, cases, the three ledgers and the write-off list."""
    wanted = _Wanted("monthly", campaign, _span(month, period), school, at, compared_to, figure)
    return await _returns(wanted, by, bundle, key, face)


@app.command(help=say("县级季度复核，如 2025-Q1", "the county's quarterly re-check, as 2025-Q1"))
async def quarterly(
    campaign: CampaignName,
    period: Annotated[str, Parameter(help="2025-Q1")],
    *,
    school: School = None,
    at: At = None,
    compared_to: Compared = None,
    by: By = None,
    figure: Only = None,
    bundle: FromBundle = None,
    key: KeyOf = None,
    face: Face = _FACE,
) -> int:
    """Count a quarter, and compare the schools' monthly reports with what the record says now."""
    wanted = _Wanted("quarterly", campaign, _span(quarter, period), school, at, compared_to, figure)
    return await _returns(wanted, by, bundle, key, face)


@dataclass(frozen=True)
class _Wanted:
    """What is to be counted.

    Raises:
        Failure: FIGURE_UNKNOWN (2).
    """

    kind: str
    campaign: str
    span: Span
    school: str | None
    at: str | None
    compared_to: str | None
    figure: str | None

    def __post_init__(self) -> None:
        if self.figure is not None and self.figure not in COUNTED:
            raise usage(
                "FIGURE_UNKNOWN",
                say("没有这个数字。", "There is no such figure."),
                place="--figure",
                remedy=say(f"请写其中之一：{'、'.join(COUNTED)}。", f"Name one of {', '.join(COUNTED)}."),
            )

    def command(self, figure: str, school: str | None, until: str) -> str:
        """Return the command that counts one figure again from a bundle; from the ledger without its last option."""
        words = ["diversion returns", self.kind, self.campaign, self.span.name, "--figure", figure]
        words += [] if school is None else ["--school", school]
        return " ".join([*words, "--at", until, "--bundle", "FILE"])


async def _returns(wanted: _Wanted, by: str | None, bundle: Path | None, key: str | None, face: Face) -> int:
    if bundle is None:
        if key is not None:
            raise _not_with("--key", "公钥用于审计包，请同时写 --bundle。", "A key is for a bundle: give --bundle too.")
        async with Rooms(face.settings()) as rooms:
            await rooms.board(wanted.campaign, wanted.school)
            inside = by is not None and await _sees(rooms, wanted.campaign, wanted.school, by)
            data = await _counted(await rooms.ledger(), wanted, inside=inside)
    else:
        if by is not None:
            raise _not_with("--by", "审计包中没有人员名册。", "A bundle knows nobody: leave out --by.")
        opened = bundle_given(str(bundle), keys_given([] if key is None else [key])[0])
        if opened.verdict.campaign != wanted.campaign:
            raise not_found(wanted.campaign)
        data = await _counted(opened.ledger, wanted, inside=False)
        data["bundle"] = opened.as_data()
    face.show(data, lambda: _readable(data))
    return 0


async def _counted(ledger: Ledger, wanted: _Wanted, *, inside: bool) -> dict[str, Any]:
    """Count, from a ledger or a bundle alike."""
    campaign, span, school = wanted.campaign, wanted.span, wanted.school
    cut, before = _moment("--at", wanted.at), _moment("--compared-to", wanted.compared_to)
    counted = await school_returns(ledger, campaign, span, cut, school)
    least = await _least(ledger, campaign)
    until = max((one.until for one in counted), default="") if cut is None else stamp(cut)
    united = total_figures(counted)
    data: dict[str, Any] = {
        "campaign": campaign,
        "kind": wanted.kind,
        "period": span.name,
        "first": span.first.isoformat(),
        "last": span.last.isoformat(),
        "at": cut_off(cut),
        "schools": [_school(one, wanted, until, inside=inside, least=least) for one in counted],
        "totals": totals(counted),
        "total_figures": _figures(united, wanted, school, until),
        "recheck": [{"school": one.school, **item} for one in counted for item in one.recheck],
    }
    if wanted.compared_to is not None:
        earlier = await school_returns(ledger, campaign, span, before, school)
        found = changes(earlier, counted)
        data["compared_to"] = {"at": cut_off(before), "changes": found}
        data["version"] = 2 if found else 1
    return data


def _figures(found: Mapping[str, Figure], wanted: _Wanted, school: str | None, until: str) -> dict[str, Any]:
    """Return figures with what proves each: rules, versions of the policy, root of the events, and the command."""
    return {
        name: {**figure.as_data(), "recompute": wanted.command(name, school, until)}
        for name, figure in found.items()
        if wanted.figure in (None, name)
    }


def _school(one: SchoolReturn, wanted: _Wanted, until: str, *, inside: bool, least: int) -> dict[str, Any]:
    """Return a school's figures; classes with small cells kept back, and no lists, for whoever is not named (R-22)."""
    shown: dict[str, Any] = {
        "school": one.school,
        "figures": _figures(one.figures, wanted, one.school, until),
        "rates": one.rates,
        "ledgers": {name: len(rows) for name, rows in one.ledgers.items()},
        "write_offs": len(one.write_offs),
        "classes": without_small_cells(one.classes, least),
    }
    if inside:
        shown |= {"ledgers": one.ledgers, "write_offs": one.write_offs, "classes": one.classes}
    return shown


def _not_with(option: str, zh: str, en: str) -> Failure:
    return usage("RETURNS_WHAT", say(zh, en), place=option)


async def _sees(rooms: Rooms, campaign: str, school: str | None, by: str) -> bool:
    """Tell whether a member of staff sees references and classes; a school's own only of the own school.

    Raises:
        Failure: STAFF_UNKNOWN (4).
        Refusal: ROLE_NOT_ALLOWED, WRONG_SCHOOL.
    """
    member = await (await rooms.registry()).staff_member(campaign, by)
    if member is None:
        raise not_found("stf_")
    if member.role not in INSIDE:
        raise Refusal("ROLE_NOT_ALLOWED", role=member.role, command="returns", allowed=[role.value for role in INSIDE])
    if member.school and member.school != school:
        raise Refusal("WRONG_SCHOOL")
    return True


async def _least(ledger: Ledger, campaign: str) -> int:
    drafted = await anext(ledger.events(campaign))
    return PolicyProfile.model_validate(drafted["data"]["policy"]).parameters.minimum_cell


def _span(read: Callable[[str], Span], text: str) -> Span:
    try:
        return read(text)
    except ValueError:
        raise usage(
            "PERIOD_INVALID",
            say("期间的写法不对。", "The period is malformed."),
            place="PERIOD",
            remedy=say("月份写成 2025-03，季度写成 2025-Q1。", "Write a month as 2025-03, a quarter as 2025-Q1."),
        ) from None


def _moment(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return moment(text)
    except ValueError:
        raise usage(
            "TIME_INVALID",
            say("时间的写法不对。", "The time is malformed."),
            place=option,
            remedy=say("请写成 2025-04-01 或 2025-04-01T08:00:00+08:00。", "Write 2025-04-01 or an RFC 3339 instant."),
        ) from None


def _readable(data: dict[str, Any]) -> RenderableType:
    """Return the counts as a person reads them; of one figure also what proves it, of all that stands in the JSON."""
    shown = [*data["total_figures"]]
    if len(shown) == 1:
        return _proof(data, shown[0])
    table = Table(title=f"{data['campaign']}  {data['period']}")
    table.add_column(say("学校", "school"))
    for name in IN_THE_TABLE:
        table.add_column(say(*TITLES[name]), justify="right")
    for one in data["schools"]:
        table.add_row(one["school"], *(str(one["figures"][name]["value"]) for name in IN_THE_TABLE))
    table.add_row(say("全县", "county"), *(str(data["totals"][name]) for name in IN_THE_TABLE))
    return table


def _proof(data: dict[str, Any], name: str) -> RenderableType:
    """Return one figure by school and of the county, with rules, policy, root and the command that counts it again."""
    title = say(*TITLES[name]) if name in TITLES else name
    table = Table(
        say("学校", "school"),
        title,
        say("规则", "rules"),
        say("口径", "policy"),
        say("事件", "events"),
        title=f"{data['campaign']}  {data['period']}",
    )
    table.add_column(say("事件集的根", "root of the set"), overflow="fold")  # cut off it would prove nothing
    rows = [(one["school"], one["figures"][name]) for one in data["schools"]]
    for place, figure in (*rows, (say("全县", "county"), data["total_figures"][name])):
        policies = ", ".join(f"{one['id']} v{one['version']}" for one in figure["policies"])
        cells = (figure["value"], ", ".join(figure["rules"]), policies or "—", figure["events"], figure["root"])
        table.add_row(place, *(str(cell) for cell in cells))
    again = data["total_figures"][name]["recompute"]
    return Group(table, Text(say(f"复算：{again}", f"Count again: {again}")))


TITLES: Final = {
    "due": ("应报", "due"),
    "filed": ("已报", "filed"),
    "in_time": ("按时", "in time"),
    "missed": ("缺报", "missed"),
    "zero": ("零报告", "zero"),
    "absences": ("无故未到", "absences"),
    "suspected": ("疑似辍学", "suspected"),
    "dropout": ("辍学", "dropout"),
    "closed": ("销号", "closed"),
}
"""What a figure is called."""

IN_THE_TABLE: Final = tuple(TITLES)
"""Figures that a person is shown side by side; all are in the JSON, and each by `--figure`."""
