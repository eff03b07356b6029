"""Trips and presentations as a person reads them, and the transport list of whoever stands at the bus."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import xlsxwriter
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.language import say
from domain.school_visits_state import Rider, SchoolVisitsState, TripState
from domain.time import stamp

SHEET_NAME: Final = 31
"""Characters that a sheet's name may have."""

_MARKS: Final = {True: say("是", "yes"), False: say("否", "no"), None: ""}
_STATUS: Final = {
    "requested": say("待批准", "requested"),
    "approved": say("已批准", "approved"),
    "rejected": say("未批准", "rejected"),
    "held": say("已举行", "held"),
}


def trips_data(state: SchoolVisitsState, only: str | None = None) -> dict[str, Any]:
    """Return trips and presentations as JSON: references, codes, times and counts.

    Args:
        state: the stage as its record tells it.
        only: a trip; then its transport list is there too, and presentations are not.
    """
    if only is not None:
        return {"trips": [_trip_data(only, state.trips[only]) | {"riders": _riders(state.trips[only])}]}
    presentations = [
        {
            "presentation": label,
            "at": stamp(one.at),
            "status": one.status.value,
            "classes": list(one.classes),
        }
        for label, one in state.presentations.items()
    ]
    trips = [_trip_data(label, trip) for label, trip in state.trips.items()]
    return {"trips": trips, "presentations": presentations, "cancelled": list(state.cancelled)}


def _trip_data(label: str, trip: TripState) -> dict[str, Any]:
    riders = trip.riders.values()
    return {
        "trip": label,
        "receiving_school": trip.receiving_school,
        "at": stamp(trip.at),
        "returns_at": stamp(trip.returns_at),
        "approved": trip.approved,
        "classes": list(trip.classes),
        "leaders": list(trip.leaders),
        "seats": trip.seats,
        "seats_left": trip.seats_left,
        "offered": len(trip.riders),
        "slips_missing": sum(rider.permission is None for rider in riders),
        "attendance_missing": sum(rider.waiting for rider in riders),
        "present": sum(rider.attended is True for rider in riders),
        "no_shows": [student for student, rider in trip.riders.items() if _missed(rider)],
    }


def _missed(rider: Rider) -> bool:
    """Tell whether a pupil with permission did not come along."""
    return rider.permission is True and rider.attended is False


def _riders(trip: TripState) -> list[dict[str, Any]]:
    """Return the transport list: whoever keeps a seat."""
    return [
        {"student": student, "permission": rider.permission, "attended": rider.attended}
        for student, rider in trip.riders.items()
        if rider.seated
    ]


def shown(data: Mapping[str, Any]) -> RenderableType:
    """Return what a person reads of `trips_data`."""
    table = Table(
        say("行程", "trip"),
        say("去往", "to"),
        say("出发", "leaves"),
        say("批准", "approved"),
        say("座位/余", "seats/left"),
        say("已通知", "offered"),
        say("缺回执", "no slip"),
        say("到/缺席", "came/no-show"),
    )
    for trip in data["trips"]:
        table.add_row(
            trip["trip"],
            trip["receiving_school"],
            trip["at"][:16].replace("T", " "),
            _MARKS[trip["approved"]],
            f"{trip['seats']}/{trip['seats_left']}",
            str(trip["offered"]),
            str(trip["slips_missing"]),
            f"{trip['present']}/{len(trip['no_shows'])}",
        )
    parts: list[RenderableType] = [table]
    for trip in data["trips"]:
        parts += [
            Text(f"  {rider['student']}  {_MARKS[rider['permission']]:4}{_MARKS[rider['attended']]}")
            for rider in trip.get("riders", [])
        ]
        if trip["no_shows"]:
            parts.append(Text(say(f"{trip['trip']} 缺席：", f"{trip['trip']} no-shows: ") + " ".join(trip["no_shows"])))
    if data.get("presentations"):
        talks = Table(say("宣讲", "presentation"), say("时间", "at"), say("状态", "status"), say("班级", "classes"))
        for one in data["presentations"]:
            at = one["at"][:16].replace("T", " ")
            talks.add_row(one["presentation"], at, _STATUS[one["status"]], " ".join(one["classes"]))
        parts.append(talks)
    if "file" in data:
        parts.append(
            Text(
                say(
                    f"{data['file']}：{data['rows']} 行（含姓名，请妥善保管）",
                    f"{data['file']}: {data['rows']} rows (with names: keep it safe)",
                )
            )
        )
    return Group(*parts)


def write_transport_list(
    path: Path, state: SchoolVisitsState, names: Mapping[str, tuple[str, str]], only: str | None = None
) -> int:
    """Write a sheet a trip with class and name of whoever keeps a seat, and return the number of pupils.

    The sheet has names: it is kept where rosters are kept, and goes along on the bus.
    """
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    workbook = xlsxwriter.Workbook(str(path), options)
    text = workbook.add_format({"num_format": "@"})
    bold = workbook.add_format({"bold": True})
    count = 0
    for position, (label, trip) in enumerate(state.trips.items(), start=1):
        if only not in (None, label):
            continue
        sheet = workbook.add_worksheet(f"{position} {label}"[:SHEET_NAME])
        header = [
            say("学生编号", "student"),
            say("班级", "class"),
            say("姓名", "name"),
            say("监护人同意", "permission"),
        ]
        sheet.write_row(0, 0, [*header, say("上车", "on board"), say("返校", "back")], bold)
        sheet.set_column(0, len(header) + 1, 18, text)
        sheet.freeze_panes(1, 0)
        ordered = sorted(_riders(trip), key=lambda rider: names.get(rider["student"], ("", "")))
        for number, rider in enumerate(ordered, start=1):
            class_id, name = names.get(rider["student"], ("", ""))
            cells = [rider["student"], class_id, name, _MARKS[rider["permission"]], "", ""]
            sheet.write_row(number, 0, cells, text)
        count += len(ordered)
    workbook.close()
    return count
