"""`visit`: trips to vocational schools, presentations on campus, and whoever recruits there unregistered (B22)."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from cli.failures import NOT_FOUND, Failure, usage
from cli.given import Classes, Students, classes_given, references_given, time_given
from cli.on_stage import give, require_one
from cli.on_stage import held as held_state
from cli.options import CampaignName, Change, Face, SchoolCode, say
from cli.rooms import Rooms
from cli.stage import end
from cli.visit_view import shown, trips_data, write_transport_list
from domain.refusal import Refusal
from domain.school_visits_state import SchoolVisitsState, TripState
from domain.stage_events import StageSlug
from protocol import stage_id

_FACE = Face()
Trip = Annotated[str, Parameter(help=say("行程编号，如 trip-1", "the trip's label, as trip-1"))]
Presentation = Annotated[str, Parameter(help=say("宣讲编号，如 talk-1", "the presentation's label, as talk-1"))]
Receiving = Annotated[str, Parameter(help=say("职业学校的 10 位代码", "the vocational school's code"))]
At = Annotated[str, Parameter(help=say("时间，如 2025-03-20T13:30", "when, as 2025-03-20T13:30"))]
PlanNumber = Annotated[str, Parameter(help=say("安全预案编号，如 SP-2025-014", "the safety plan's number"))]

app = App(name="visit", help_format="plaintext", version_flags=[])
presentation_app = App(name="presentation", help=say("职校进校宣讲", "vocational schools present themselves on campus"))
app.command(presentation_app)


# -- trips ------------------------------------------------------------------------------------------------------


@app.command(help=say("安排一次参观", "plan a trip"))
async def plan(
    campaign: CampaignName,
    school: SchoolCode,
    trip: Trip,
    *,
    to: Receiving,
    at: At,
    back: Annotated[str, Parameter(help=say("返校时间", "when it is back"))],
    seats: Annotated[int, Parameter(help=say("座位数（不含带队教师）", "seats for pupils"))],
    leaders: Annotated[
        list[str],
        Parameter(
            consume_multiple=True, help=say("带队教师的 staff_ref，至少两人", "staff_ref of two leaders or more")
        ),
    ],
    vehicles: Annotated[int, Parameter(help=say("车辆数", "how many vehicles"))] = 1,
    classes: Classes,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Plan a trip to a school of the published list, with two leaders; a person of the bureau approves it."""
    fields = {
        "trip": trip,
        "receiving_school": to,
        "at": time_given("--at", at),
        "returns_at": time_given("--back", back),
        "seats": seats,
        "leaders": references_given(leaders),
        "vehicles": vehicles,
        "classes": classes_given(campaign, classes),
    }
    return await _act("plan_trip", campaign, school, change, face, **fields)


@app.command(help=say("批准参观（县局，须有安全预案）", "approve a trip by its safety plan; the bureau does"))
async def approve(
    campaign: CampaignName,
    school: SchoolCode,
    trip: Trip,
    *,
    safety_plan: PlanNumber,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Approve a trip before it starts; by somebody who neither planned nor leads it."""
    return await _act("approve_trip", campaign, school, change, face, trip=trip, safety_plan=safety_plan)


@app.command(help=say("分配座位并通知家长", "offer seats; a notice asks each household"))
async def offer(
    campaign: CampaignName,
    school: SchoolCode,
    trip: Trip,
    *,
    classes: Classes | None = None,
    students: Students | None = None,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Offer seats to pupils, or to all of some classes who have none on this trip; by default to the trip's classes."""
    require_one(classes, students)
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign, school)
        named = references_given(students or [])
        if not named:
            given = classes_given(campaign, classes or [])
            named = await _without_a_seat(rooms, campaign, school, trip, given, change.command_id)
        command = await rooms.command(campaign, change, "offer_seats", trip=trip, students=named)
        return end(face, await rooms.submit(_stream(campaign, school), command))


@app.command(help=say("参观改期（县局，须有新的安全预案和理由）", "give a trip another time; the bureau does"))
async def move(
    campaign: CampaignName,
    school: SchoolCode,
    trip: Trip,
    *,
    at: At,
    back: Annotated[str, Parameter(help=say("返校时间", "when it is back"))],
    safety_plan: PlanNumber,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Give an approved trip another time, before attendance; who has a seat is told and signs another slip."""
    times = {"at": time_given("--at", at), "returns_at": time_given("--back", back)}
    return await _act("move_trip", campaign, school, change, face, trip=trip, safety_plan=safety_plan, **times)


@app.command(help=say("取消参观（须有理由）", "call a trip off; needs a reason"))
async def cancel(campaign: CampaignName, school: SchoolCode, trip: Trip, *, change: Change, face: Face = _FACE) -> int:
    """Call a trip off before anybody's attendance is recorded; the households are told."""
    return await _act("cancel_trip", campaign, school, change, face, trip=trip)


@app.command(help=say("查看座位、乘车名单、缺席", "seats, transport list, no-shows"))
async def show(
    campaign: CampaignName,
    school: SchoolCode,
    trip: Trip | None = None,
    *,
    xlsx: Annotated[
        Path | None,
        Parameter(help=say("乘车名单写入此文件（含姓名）", "write the transport list there, with names")),
    ] = None,
    face: Face = _FACE,
) -> int:
    """Show trips and presentations from the record; references only, names stand in the XLSX and nowhere else."""
    async with Rooms(face.settings()) as rooms:
        state = await held_state(rooms, StageSlug.SCHOOL_VISITS, campaign, school, SchoolVisitsState)
        if trip is not None:
            _trip(state, trip)
        data = {"campaign": campaign, "school": school, **trips_data(state, trip)}
        if xlsx is not None:
            names = await (await rooms.registry()).names(campaign, school)
            data |= {"file": str(xlsx), "rows": write_transport_list(xlsx, state, names, trip)}
        face.show(data, lambda: shown(data))
        return 0


# -- presentations ------------------------------------------------------------------------------------------------


@presentation_app.command(help=say("登记宣讲申请", "ask for a presentation"))
async def request(
    campaign: CampaignName,
    school: SchoolCode,
    presentation: Presentation,
    *,
    of: Receiving,
    at: At,
    persons: Annotated[int, Parameter(help=say("进校人数", "how many persons come"))],
    materials: Annotated[str, Parameter(help=say("宣传材料编号", "the materials' number"))],
    classes: Classes,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Ask that a school of the published list may present itself; the receiving school itself may ask too."""
    fields = {
        "presentation": presentation,
        "receiving_school": of,
        "at": time_given("--at", at),
        "persons": persons,
        "materials": materials,
        "classes": classes_given(campaign, classes),
    }
    return await _act("request_presentation", campaign, school, change, face, **fields)


@presentation_app.command(name="approve", help=say("批准宣讲（县局）", "approve a presentation; the bureau does"))
async def approve_presentation(
    campaign: CampaignName,
    school: SchoolCode,
    presentation: Presentation,
    *,
    approval: Annotated[str, Parameter(help=say("批文编号", "the approval's number"))],
    change: Change,
    face: Face = _FACE,
) -> int:
    """Approve a presentation before its time; by somebody who did not ask for it."""
    fields = {"presentation": presentation, "approval_ref": approval}
    return await _act("approve_presentation", campaign, school, change, face, **fields)


@presentation_app.command(help=say("不批准或撤回批准（须有理由）", "refuse, or take an approval back; needs a reason"))
async def reject(
    campaign: CampaignName, school: SchoolCode, presentation: Presentation, *, change: Change, face: Face = _FACE
) -> int:
    """Refuse a presentation, or take its approval back before it was held."""
    return await _act("reject_presentation", campaign, school, change, face, presentation=presentation)


@presentation_app.command(help=say("登记宣讲已举行及各班人数", "register that it was held, before how many pupils"))
async def held(
    campaign: CampaignName,
    school: SchoolCode,
    presentation: Presentation,
    *,
    pupils: Annotated[
        list[str],
        Parameter(
            consume_multiple=True,
            negative="",
            help=say("各班到场人数，如 2022-01=38", "pupils by class, as 2022-01=38"),
        ),
    ],
    change: Change,
    face: Face = _FACE,
) -> int:
    """Register an approved presentation after it was held."""
    counts = counts_given(campaign, pupils)
    return await _act("record_presentation", campaign, school, change, face, presentation=presentation, pupils=counts)


@app.command(help=say("报告未登记的进校招生", "report recruiting on campus without a registration"))
async def unregistered(
    campaign: CampaignName,
    school: SchoolCode,
    *,
    on: Annotated[date, Parameter(help=say("发生日期", "the day"))],
    of: Annotated[str | None, Parameter(help=say("职业学校代码，不明则不填", "its code, where it is known"))] = None,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Report somebody who recruited on campus; nothing in the campaign's state holds this back."""
    fields: dict[str, Any] = {"on": on.isoformat()} | ({} if of is None else {"receiving_school": of})
    return await _act("report_unregistered_visit", campaign, school, change, face, **fields)


# -- inside -----------------------------------------------------------------------------------------------------


def counts_given(campaign: str, given: list[str]) -> dict[str, int]:
    """Return CLASS=NUMBER as numbers by class.

    Raises:
        Failure: CLASS_INVALID, COUNT_INVALID (2).
    """
    counts: dict[str, int] = {}
    for item in given:
        name, _, number = item.rpartition("=")
        if not name or not re.fullmatch(r"[0-9]{1,4}", number):
            raise usage(
                "COUNT_INVALID",
                say("人数的写法不对。", "A number of pupils is malformed."),
                place="--pupils",
                remedy=say("请写成 2022-01=38。", "Write it as 2022-01=38."),
            )
        for class_id in classes_given(campaign, [name]):
            counts[class_id] = int(number)
    return counts


def _stream(campaign: str, school: str) -> str:
    return stage_id(campaign, school, StageSlug.SCHOOL_VISITS.value)


async def _act(kind: str, campaign: str, school: str, change: Change, face: Face, **fields: Any) -> int:
    return await give(StageSlug.SCHOOL_VISITS, kind, campaign, school, change, face, **fields)


def _trip(state: SchoolVisitsState, label: str) -> TripState:
    if label not in state.trips:
        raise Failure(
            NOT_FOUND,
            "TRIP_UNKNOWN",
            say("没有这个行程，或已取消。", "There is no such trip, or it was called off."),
            place="TRIP",
            remedy=say("请用 visit show 查看现有行程。", "`visit show` lists the trips."),
        )
    return state.trips[label]


async def _without_a_seat(
    rooms: Rooms, campaign: str, school: str, label: str, classes: list[str], command_id: str | None
) -> list[str]:
    """Return the pupils of classes who have no offer on a trip; those of a command that was given before stay its own.

    Raises:
        Failure: TRIP_UNKNOWN (4).
        Refusal: ALREADY_OFFERED, all of them have one.
    """
    ledger = await rooms.ledger()
    if command_id is not None:
        before = [
            envelope["data"]["student"]
            async for envelope in ledger.events(_stream(campaign, school))
            if envelope["command_id"] == command_id and envelope["type"] == "SeatOffered"
        ]
        if before:
            return before
    state = await held_state(rooms, StageSlug.SCHOOL_VISITS, campaign, school, SchoolVisitsState)
    trip = _trip(state, label)
    found = [
        student
        for class_id in classes or trip.classes
        for student in state.classes.get(class_id, [])
        if student not in trip.riders
    ]
    if not found:
        raise Refusal("ALREADY_OFFERED")
    return found
