"""`choice`: the families' choice of a school: the notice, where each case stands, and who decides a conflict.

What a family decides it does itself (`answer`); nothing here states, signs or withdraws for one (INV-04).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

from cyclopts import App, Parameter
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.failures import NOT_FOUND, Failure, not_found, usage
from cli.given import EVIDENCE, Classes, Student, Students, classes_given, references_given, word_given
from cli.options import CampaignName, Change, Face, SchoolCode, say
from cli.outcome_due import state_of
from cli.outcome_values import VOCABULARY, choices
from cli.refusals import blockers_data
from cli.rooms import Rooms
from cli.stage import end
from domain.application_filing_state import ApplicationFilingState, steps
from domain.destination import Case, Step
from domain.stage_events import StageSlug
from protocol import stage_id

_FACE = Face()
Document = Annotated[str, Parameter(help=say("告知书版本，如 notice-1", "the notice's version, as notice-1"))]

STEPS: Final[dict[Step, str]] = {
    Step.ROSTERED: say("未答复", "no answer yet"),
    Step.INTENT: say("已表达意向", "intent stated"),
    Step.INFORMED: say("已确认告知", "notice acknowledged"),
    Step.SIGNED: say("双方已签署", "signed by both"),
    Step.APPLIED: say("已填报", "applied"),
    Step.ADMITTED: say("已录取", "admitted"),
    Step.NO_SHOW: say("未按期报到", "no-show"),
    Step.REPORTED: say("已报到", "reported"),
    Step.REGISTERED: say("已注册学籍", "registered"),
    Step.OTHER: say("其他去向", "other destination"),
}
"""Step of a case → what a person reads; none is better than another."""

app = App(name="choice", help_format="plaintext", version_flags=[])


@app.command(help=say("向家庭发出告知书和验证码", "offer a notice; it goes out with the family's codes"))
async def offer(
    campaign: CampaignName,
    school: SchoolCode,
    document: Document,
    *,
    classes: Classes | None = None,
    students: Students | None = None,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Offer a notice to pupils or classes, by default to every class; a family gets a document once."""
    if classes and students:
        raise usage(
            "CHOICE_NEEDED",
            say("班级和学生只能填写一项。", "Name classes or pupils, one of the two."),
            place="--classes, --students",
        )
    async with Rooms(face.settings()) as rooms:
        named: dict[str, Any] = {"students": references_given(students)} if students else {}
        if not named:
            given = classes_given(campaign, classes or [])
            named = {"classes": given or list((await _state(rooms, campaign, school)).classes)}
        command = await rooms.command(campaign, change, "offer_notice", document=document, **named)
        return end(face, await rooms.submit(_stream(campaign, school), command))


@app.command(help=say("各环节人数，或一名学生的办理情况", "how many stand at which step, or one pupil's case"))
async def show(
    campaign: CampaignName,
    school: SchoolCode,
    *,
    student: Student | None = None,
    face: Face = _FACE,
) -> int:
    """Show from the record where the cases stand: counts, or one pupil's case by reference."""
    async with Rooms(face.settings()) as rooms:
        state = await _state(rooms, campaign, school)
        if student is not None and student not in state.cases:
            raise Failure(
                NOT_FOUND,
                "STUDENT_UNKNOWN",
                say("该校没有这个学生编号，或该生已离校。", "The school has no such pupil, or the pupil has left."),
                place="--student",
                remedy=say("请填写 stu_ 开头的编号。", "Write the reference, which begins with stu_."),
            )
        data: dict[str, Any] = {"campaign": campaign, "school": school}
        if student is None:
            data |= {"pupils": len(state.cases), "steps": steps(state), "owed": _owed(state)}
            face.show(data, lambda: _counts(data))
        else:
            data |= case_data(student, state.cases[student], state.owed(student))
            face.show(data, lambda: Text("\n".join(_case_lines(data))))
        return 0


@app.command(help=say("两处去向不一致，由第三人认定（须有理由）", "decide between two destinations; needs a reason"))
async def resolve(
    campaign: CampaignName,
    school: SchoolCode,
    student: Student,
    destination: Annotated[str, Parameter(help=" | ".join(choices("destination")))],
    *,
    evidence: Annotated[str, Parameter(help=EVIDENCE)],
    change: Change,
    face: Face = _FACE,
) -> int:
    """Decide between two destinations; by somebody who recorded neither."""
    fields = {
        "student": student,
        "destination": word_given("destination", destination, "DESTINATION"),
        "evidence": word_given("evidence", evidence, "--evidence"),
    }
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign, school)
        command = await rooms.command(campaign, change, "resolve_destination", **fields)
        return end(face, await rooms.submit(_stream(campaign, school), command))


def case_data(student: str, case: Case, owed: str | None) -> dict[str, Any]:
    """Return one case as JSON: codes, dates and whose signatures there are; no reference of another register."""
    registration, reporting = case.registration, case.reporting
    return {
        "student": student,
        "step": case.step.value,
        "outcome": None if case.outcome is None else case.outcome.value,
        "owed": owed,
        "offered": case.offered,
        "offered_on": None if case.offered_on is None else case.offered_on.isoformat(),
        "acknowledged": case.acknowledged,
        "intent": None if case.intent is None else case.intent.value,
        "signed": {party.value: document for party, document in case.consents.items()},
        "declined": case.declined,
        "receiving_school": case.school,
        "applied": case.application is not None,
        "admitted_on": None if case.admitted_on is None else case.admitted_on.isoformat(),
        "reported_on": None if reporting is None else reporting.on.isoformat(),
        "registered_on": None if registration is None else registration.on.isoformat(),
        "destination": None if case.destination is None else case.destination.value,
        "conflicts_with": None if case.found is None else case.found.destination.value,
    }


# -- inside -----------------------------------------------------------------------------------------------------


def _stream(campaign: str, school: str) -> str:
    return stage_id(campaign, school, StageSlug.APPLICATION_FILING.value)


async def _state(rooms: Rooms, campaign: str, school: str) -> ApplicationFilingState:
    await rooms.board(campaign, school)
    stream = _stream(campaign, school)
    state = await state_of(await rooms.ledger(), stream)
    if not isinstance(state, ApplicationFilingState):
        raise not_found(stream)
    return state


def _owed(state: ApplicationFilingState) -> dict[str, int]:
    """Return how many pupils wait for which service."""
    counts: dict[str, int] = {}
    for student in state.cases:
        code = state.owed(student)
        if code is not None:
            counts[code] = counts.get(code, 0) + 1
    return counts


def _counts(data: Mapping[str, Any]) -> RenderableType:
    table = Table(say("环节", "step"), say("人数", "pupils"))
    for step in Step:
        if step.value in data["steps"]:
            table.add_row(STEPS[step], str(data["steps"][step.value]))
    head = say(f"{data['school']}：{data['pupils']} 名学生", f"{data['school']}: {data['pupils']} pupils")
    waiting = blockers_data([{"code": code, "count": count} for code, count in data["owed"].items()])
    return Group(Text(head), table, *(Text(f"  - {service['message']}") for service in waiting))


def _case_lines(data: Mapping[str, Any]) -> Iterator[str]:
    yield f"{data['student']}: {STEPS[Step(data['step'])]}"
    if data["offered"]:
        yield say(
            f"告知书 {data['offered']}，{data['offered_on']} 发出", f"notice {data['offered']} on {data['offered_on']}"
        )
    if data["signed"]:
        parties = {"pupil": say("学生", "pupil"), "guardian": say("监护人", "guardian")}
        yield say("已签署：", "signed by: ") + say("、", ", ").join(parties[party] for party in data["signed"])
    if data["receiving_school"]:
        yield say("接收学校：", "receiving school: ") + data["receiving_school"]
    dates = (
        ("admitted_on", say("录取", "admitted")),
        ("reported_on", say("报到", "reported")),
        ("registered_on", say("注册学籍", "registered")),
    )
    for name, text in dates:
        if data[name]:
            yield f"{text} {data[name]}"
    if data["destination"]:
        yield say("去向：", "destination: ") + _destination(data["destination"])
    if data["conflicts_with"]:
        yield say("与另一记录不一致：", "another record says: ") + _destination(data["conflicts_with"])


def _destination(code: str) -> str:
    english, chinese, *_ = VOCABULARY["destination"][code]
    return say(chinese, english)
