"""`returns`: statutory figures as data, from the record alone, each with its rules and its set of events (B15, B16)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final

from cyclopts import App, Parameter
from rich.table import Table

from audit.as_of import moment
from audit.returns import (
    SchoolReturn,
    Span,
    changes,
    cut_off,
    month,
    quarter,
    school_returns,
    totals,
    without_small_cells,
)
from cli.failures import not_found, usage
from cli.options import CampaignName, Face, say
from cli.rooms import Rooms
from domain.actors import Role
from domain.policy import PolicyProfile
from domain.refusal import Refusal
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
    face: Face = _FACE,
) -> int:
    """Count a month of each school: reports, absences, cases, the three ledgers and the write-off list."""
    return await _returns("monthly", campaign, _span(month, period), school, at, compared_to, by, face)


@app.command(help=say("县级季度复核，如 2025-Q1", "the county's quarterly re-check, as 2025-Q1"))
async def quarterly(
    campaign: CampaignName,
    period: Annotated[str, Parameter(help="2025-Q1")],
    *,
    school: School = None,
    at: At = None,
    compared_to: Compared = None,
    by: By = None,
    face: Face = _FACE,
) -> int:
    """Count a quarter, and compare the schools' monthly reports with what the record says now."""
    return await _returns("quarterly", campaign, _span(quarter, period), school, at, compared_to, by, face)


async def _returns(
    kind: str,
    campaign: str,
    span: Span,
    school: str | None,
    at: str | None,
    compared_to: str | None,
    by: str | None,
    face: Face,
) -> int:
    cut, before = _moment("--at", at), _moment("--compared-to", compared_to)
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign, school)
        ledger = await rooms.ledger()
        inside = by is not None and await _sees(rooms, campaign, school, by)
        counted = await school_returns(ledger, campaign, span, cut, school)
        data: dict[str, Any] = {
            "campaign": campaign,
            "kind": kind,
            "period": span.name,
            "first": span.first.isoformat(),
            "last": span.last.isoformat(),
            "at": cut_off(cut),
            "schools": [_school(one, inside=inside, least=await _least(ledger, campaign)) for one in counted],
            "totals": totals(counted),
            "recheck": [{"school": one.school, **item} for one in counted for item in one.recheck],
        }
        if compared_to is not None:
            earlier = await school_returns(ledger, campaign, span, before, school)
            found = changes(earlier, counted)
            data["compared_to"] = {"at": cut_off(before), "changes": found}
            data["version"] = 2 if found else 1
    face.show(data, lambda: _readable(data))
    return 0


def _school(one: SchoolReturn, *, inside: bool, least: int) -> dict[str, Any]:
    """Return a school's figures; classes with small cells kept back, and no lists, for whoever is not named (R-22)."""
    shown: dict[str, Any] = {
        "school": one.school,
        "figures": {name: figure.as_data() for name, figure in one.figures.items()},
        "rates": one.rates,
        "ledgers": {name: len(rows) for name, rows in one.ledgers.items()},
        "write_offs": len(one.write_offs),
        "classes": {name: without_small_cells(counts, least) for name, counts in one.classes.items()},
    }
    if inside:
        shown |= {"ledgers": one.ledgers, "write_offs": one.write_offs, "classes": one.classes}
    return shown


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


def _readable(data: dict[str, Any]) -> Table:
    """Return the counts as a person reads them; rules and digests stand in the JSON."""
    table = Table(title=f"{data['campaign']}  {data['period']}")
    names = ("due", "filed", "in_time", "missed", "zero", "absences", "suspected", "dropout", "closed")
    titles = (
        say("应报", "due"),
        say("已报", "filed"),
        say("按时", "in time"),
        say("缺报", "missed"),
        say("零报告", "zero"),
        say("无故未到", "absences"),
        say("疑似辍学", "suspected"),
        say("辍学", "dropout"),
        say("销号", "closed"),
    )
    table.add_column(say("学校", "school"))
    for title in titles:
        table.add_column(title, justify="right")
    for one in data["schools"]:
        table.add_row(one["school"], *(str(one["figures"][name]["value"]) for name in names))
    table.add_row(say("全县", "county"), *(str(data["totals"][name]) for name in names))
    return table
