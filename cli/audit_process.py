"""`audit process`: where a year left its model, and who waited for whom (FEATURES A19)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from audit.exports import events_of
from audit.process_mining import process_report
from audit.waiting import NOBODY_OWED
from cli.event_labels import event_label
from cli.options import LANG, CampaignName, Face, say
from cli.process_labels import DETAILS, DEVIATIONS, SIDES
from cli.rooms import Rooms
from cli.stage_view import word
from domain.policy import PolicyProfile
from ledger.store import Ledger

_FACE = Face()

SHOWN: Final = 15
"""So many steps and deviations are shown to a person; `--json` has all."""

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

TOLD: Final = ("FAMILY", "SCHOOL", "BUREAU", "RECEIVING_SCHOOL")
"""Whose steps a person is shown; what a rule's term ends is in `--json`."""


async def process(
    campaign: CampaignName,
    *,
    school: Annotated[str | None, Parameter(help=say("只看一所学校", "one school only"))] = None,
    backdate_days: Annotated[
        int | None,
        Parameter(
            help=say(
                "发生与登记相隔超过几天算补录过晚（默认按口径）", "days after which a recording is late (policy's)"
            ),
            validator=Number(gte=0),
        ),
    ] = None,
    slowest: Annotated[
        int, Parameter(help=say("列出最慢的几项", "how many of the slowest are listed"), validator=Number(gte=0))
    ] = 20,
    face: Face = _FACE,
) -> int:
    """Compare a campaign's course with its model and tell its bottlenecks; a family's own time is no bottleneck.

    A deviation is a question to ask and no fault.
    """
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign, school)
        ledger = await rooms.ledger()
        days = await _backdate_days(ledger, campaign) if backdate_days is None else backdate_days
        events = await events_of(ledger, campaign, school)
    data = {"campaign": campaign, "school": school, **process_report(events, backdate_days=days, most=slowest)}
    face.show(data, lambda: _readable(data))
    return 0


async def _backdate_days(ledger: Ledger, campaign: str) -> int:
    """Return after how many days the campaign's own rules ask for a reason."""
    drafted = await anext(ledger.events(campaign))
    return PolicyProfile.model_validate(drafted["data"]["policy"]).parameters.backdate_days


def _readable(data: Mapping[str, Any]) -> RenderableType:
    found, waiting = data["conformance"], data["bottlenecks"]
    counts = ", ".join(f"{say(*DEVIATIONS[code])} {count}" for code, count in found["counts"].items())
    head = say(f"{data['events']} 条事件。偏离：", f"{data['events']} events. Deviations: ") + (
        counts or say("无", "none")
    )
    rest = len(found["deviations"]) - SHOWN
    more = [] if rest <= 0 else [Text(say(f"另有 {rest} 处，见 --json。", f"{rest} more: see --json."))]
    lines = [Text(f"  {_deviation(one)}") for one in found["deviations"][:SHOWN]]
    return Group(Text(head), *lines, *more, _stages(waiting["stages"]), _steps(waiting["steps"]), _slowest(waiting))


def _deviation(one: Mapping[str, Any]) -> str:
    student = f" {one['student']}" if one["student"] else ""
    told = [(name, value) for name, value in one["detail"].items() if value != ""]
    detail = ", ".join(f"{say(*DETAILS[name])} {_value(value)}" for name, value in told)
    more = f" +{len(one['events']) - 1}" if len(one["events"]) > 1 else ""
    return f"{say(*DEVIATIONS[one['code']])}{student} ({detail})  [{one['events'][0]}{more}]"


def _value(value: str | int) -> str:
    """Return a detail as a person reads it: a code's word, an event's name, or what stands there."""
    text = str(value)
    return event_label(text) if text != text.lower() and text != text.upper() else word(text, LANG)


def _stages(rows: list[dict[str, Any]]) -> Table:
    table = Table(title=say("各阶段用时：中位数 / 九成以内", "stages: median / nine in ten within"))
    titles = (
        say("阶段", "stage"), say("学校", "schools"), say("等待", "waited for"), say("开启前", "before opening"),
        say("进行", "open"), say("其中暂停", "of it paused"), say("工作日", "working days"),
    )  # fmt: skip
    for title in titles:
        table.add_column(title, overflow="fold")
    for row in rows:
        waited = ", ".join(
            f"{say('时间窗口', 'window') if name == 'window' else word(name, LANG)} {count}"
            for name, count in row["waited_for"].items()
        )
        table.add_row(
            word(row["stage"], LANG), str(row["schools"]), waited, _both(row["waiting_seconds"]),
            _both(row["open_seconds"]), _both(row["paused_seconds"]), _both_days(row["open_working_days"]),
        )  # fmt: skip
    return table


def _steps(rows: list[dict[str, Any]]) -> Table:
    table = Table(title=say("步骤用时：中位数 / 九成以内", "steps: median / nine in ten within"))
    titles = (
        say("环节", "where"), say("从", "from"), say("到", "to"), say("等待方", "waits"), say("等谁", "for"),
        say("次数", "count"), say("用时", "time"), say("工作日", "working days"),
    )  # fmt: skip
    for title in titles:
        table.add_column(title, overflow="fold")
    told = [row for row in rows if row["waited_for"] in TOLD and row["after"] not in NOBODY_OWED]
    for row in told[:SHOWN]:
        table.add_row(
            word(row["kind"], LANG), event_label(row["before"]), event_label(row["after"]), say(*SIDES[row["waits"]]),
            say(*SIDES[row["waited_for"]]), str(row["count"]), _both(row["seconds"]), _both_days(row["working_days"]),
        )  # fmt: skip
    return table


def _slowest(waiting: Mapping[str, Any]) -> RenderableType:
    head = say("等候教职工最久的（家庭的时间不列入）：", "Longest waits for staff (a family's time is not listed):")
    lines = [
        f"  {_time(one['seconds'])}  {say(*SIDES[one['waited_for']])}  {one['student'] or ''}  "
        f"{event_label(one['before'])} → {event_label(one['after'])}  [{one['events'][0]} → {one['events'][1]}]"
        for one in waiting["slowest"]
    ]
    return Text("\n".join([head, *(lines or [f"  {say('无', 'none')}"])]))


def _both(times: Mapping[str, int] | None) -> str:
    return "—" if times is None else f"{_time(times['median'])} / {_time(times['ninth_decile'])}"


def _both_days(times: Mapping[str, int] | None) -> str:
    return "—" if times is None else f"{times['median']} / {times['ninth_decile']}"


def _time(seconds: int) -> str:
    """Return a time as a person reads it, rounded down: days and hours, hours and minutes, minutes."""
    days, rest = divmod(seconds, DAY)
    hours, rest = divmod(rest, HOUR)
    if days:
        return say(f"{days} 天 {hours} 小时", f"{days} d {hours} h")
    if hours:
        return say(f"{hours} 小时 {rest // MINUTE} 分", f"{hours} h {rest // MINUTE} min")
    return say(f"{rest // MINUTE} 分", f"{rest // MINUTE} min")
