"""`dropout`: one pupil's dropout case, from the suspicion to the closing (DOMAIN §7.3 region A, R-15)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.text import Text

from cli.at_school import On, Visitors, give_in, held, school_rooms
from cli.failures import NOT_FOUND, Failure
from cli.given import EVIDENCE, Student, references_given, word_given
from cli.options import LANG, CampaignName, Change, Face, SchoolCode, say
from cli.outcome_due import state_of
from cli.refusals import blockers_data
from cli.rooms import Rooms
from cli.stage_view import word
from domain.attendance_state import Standing
from domain.dropout_end import proof_until, services
from domain.dropout_events import Ending, HomeTeachingGround, Persuasion
from domain.dropout_state import DropoutState
from domain.school_state import SchoolState
from domain.sentences_attendance import SERVICES
from domain.time import SHANGHAI
from ledger.store import Ledger
from protocol import school_id

_FACE = Face()

app = App(name="dropout", help_format="plaintext", version_flags=[])

Document = Annotated[str, Parameter(help=say("文书编号", "number of the paper"))]


@app.command(help=say("查看个案；不指定学生则列出全部", "a case, or all of a school"))
async def show(
    campaign: CampaignName, school: SchoolCode, student: Student | None = None, *, face: Face = _FACE
) -> int:
    """Show cases from the ledger: references, codes and counts; works without an engine."""
    async with school_rooms(face, campaign, school) as rooms:
        found = await cases(await rooms.ledger(), campaign, school)
        if student is not None:
            found = {stream: state for stream, state in found.items() if state.student == student}
            if not found:
                raise _unknown()
        late: dict[str, date] = {}
        if any(state.standing is Standing.NOT_RETURNED for state in found.values()):
            late = (await held(rooms, school_id(campaign, school), SchoolState)).watch.returned_late
    lines = [_case(stream, state, late.get(state.student)) for stream, state in found.items()]
    data = {"campaign": campaign, "school": school, "cases": lines}
    face.show(data, lambda: _readable(data))
    return 0


@app.command(help=say("登记一次劝返（至少两人）", "record an attempt to bring the pupil back; two go"))
async def persuade(
    campaign: CampaignName,
    school: SchoolCode,
    student: Student,
    outcome: Annotated[str, Parameter(help=" | ".join(Persuasion))],
    *,
    n: Annotated[int, Parameter(help=say("第几次", "which attempt"))],
    on: On,
    visitors: Visitors,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Record who went, when, and what came of it, as a code."""
    fields = {"n": n, "on": on.isoformat(), "visitors": references_given(visitors), "outcome": outcome.upper()}
    return await _act(face, campaign, school, student, change, "record_persuasion", **fields)


@app.command(help=say("上报书面报告（校长）", "file the written report; the principal does"))
async def report(
    campaign: CampaignName,
    school: SchoolCode,
    student: Student,
    *,
    document: Document,
    on: On,
    change: Change,
    face: Face = _FACE,
) -> int:
    """File the written report to the bureau and the township, within three school days."""
    fields = {"document": document, "on": on.isoformat()}
    return await _act(face, campaign, school, student, change, "file_written_report", **fields)


@app.command(help=say("认定辍学", "confirm the dropout"))
async def confirm(
    campaign: CampaignName, school: SchoolCode, student: Student, *, change: Change, face: Face = _FACE
) -> int:
    """Confirm a dropout, after an attempt to bring the pupil back."""
    return await _act(face, campaign, school, student, change, "confirm_dropout")


@app.command(help=say("登记送达限期复学通知书（县局代乡镇登记）", "the township's return order was served"))
async def order(
    campaign: CampaignName,
    school: SchoolCode,
    student: Student,
    *,
    document: Document,
    on: On,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Record the township's order; the bureau does, for the township has no role here."""
    fields = {"document": document, "on": on.isoformat()}
    return await _act(face, campaign, school, student, change, "serve_return_order", **fields)


@app.command(name="return", help=say("登记返校", "the pupil is back"))
async def return_(
    campaign: CampaignName,
    school: SchoolCode,
    student: Student,
    *,
    on: On,
    evidence: Annotated[str, Parameter(help=EVIDENCE)],
    change: Change,
    face: Face = _FACE,
) -> int:
    """Record the return, by somebody who saw the pupil, a paper or the register.

    Where the case has ended with the year, the school records it as a late return: no figure of that year changes.
    """
    fields: dict[str, Any] = {"on": on.isoformat(), "evidence": word_given("evidence", evidence, "--evidence")}
    async with school_rooms(face, campaign, school) as rooms:
        stream, state = await _latest(rooms, campaign, school, student)
        if state.standing is Standing.NOT_RETURNED:
            own = school_id(campaign, school)
            return await give_in(rooms, face, campaign, own, change, "record_late_return", student=student, **fields)
        return await give_in(rooms, face, campaign, stream, change, "record_return", **fields)


@app.command(help=say("开始送教上门（医疗或残疾证明）", "begin teaching at home, on medical or disability evidence"))
async def home(
    campaign: CampaignName,
    school: SchoolCode,
    student: Student,
    ground: Annotated[str, Parameter(help=" | ".join(HomeTeachingGround))],
    *,
    document: Document,
    on: On,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Begin teaching at home; nothing but medical or disability evidence is a ground."""
    fields = {"ground": ground.upper(), "document": document, "on": on.isoformat()}
    return await _act(face, campaign, school, student, change, "start_home_teaching", **fields)


@app.command(help=say("登记一次送教上门", "record lessons at home"))
async def lesson(
    campaign: CampaignName,
    school: SchoolCode,
    student: Student,
    *,
    lessons: Annotated[int, Parameter(help=say("课时", "how many lessons"))],
    on: On,
    visitors: Visitors,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Record lessons at home."""
    fields = {"on": on.isoformat(), "lessons": lessons, "visitors": references_given(visitors)}
    return await _act(face, campaign, school, student, change, "record_home_session", **fields)


@app.command(help=say("核实外地就读（学籍或书面材料）", "verify schooling elsewhere, by register or paper"))
async def elsewhere(
    campaign: CampaignName,
    school: SchoolCode,
    student: Student,
    *,
    register_ref: Annotated[str, Parameter(help=say("学籍条目编号", "number of the register's entry"))],
    evidence: Annotated[str, Parameter(help=EVIDENCE)],
    change: Change,
    face: Face = _FACE,
) -> int:
    """Record that the pupil attends another school."""
    fields = {"register_ref": register_ref, "evidence": word_given("evidence", evidence, "--evidence")}
    return await _act(face, campaign, school, student, change, "verify_elsewhere", **fields)


@app.command(help=say("销号（须为另一人）", "close the case; another person than the one whose record it rests on"))
async def close(
    campaign: CampaignName, school: SchoolCode, student: Student, *, change: Change, face: Face = _FACE
) -> int:
    """Close a case with proof; refused with what is missing."""
    return await _act(face, campaign, school, student, change, "close_dropout_case")


async def cases(ledger: Ledger, campaign: str, school: str) -> dict[str, DropoutState]:
    """Return a school's dropout cases by stream."""
    prefix = f"{campaign}/{school}/dropout/"
    streams = [stream for stream in await ledger.board(campaign) if stream.startswith(prefix)]
    found = {stream: await state_of(ledger, stream) for stream in streams}
    return {stream: state for stream, state in found.items() if isinstance(state, DropoutState)}


async def _act(face: Face, campaign: str, school: str, student: str, change: Change, kind: str, **fields: Any) -> int:
    """Give a command to the pupil's latest case and show the answer."""
    async with school_rooms(face, campaign, school) as rooms:
        stream, _ = await _latest(rooms, campaign, school, student)
        return await give_in(rooms, face, campaign, stream, change, kind, **fields)


async def _latest(rooms: Rooms, campaign: str, school: str, student: str) -> tuple[str, DropoutState]:
    """Return the pupil's latest case.

    Raises:
        Failure: DROPOUT_CASE_UNKNOWN (4).
    """
    found = await cases(await rooms.ledger(), campaign, school)
    own = {state.episode: (stream, state) for stream, state in found.items() if state.student == student}
    if not own:
        raise _unknown()
    return own[max(own)]


def _unknown() -> Failure:
    return Failure(
        NOT_FOUND,
        "DROPOUT_CASE_UNKNOWN",
        say("该学生没有控辍个案。", "This pupil has no dropout case."),
        place="STUDENT",
        remedy=say("请用 dropout show 查看本校个案。", "`dropout show` lists the school's cases."),
    )


def _case(stream: str, state: DropoutState, returned_late: date | None) -> dict[str, Any]:
    now, until, (done, undone) = datetime.now(SHANGHAI), proof_until(state), services(state)
    late = returned_late if state.standing is Standing.NOT_RETURNED else None
    missing = [] if state.ending else [blocker.model_dump() for blocker in state.missing(now)]
    return {
        "stream": stream,
        "student": state.student,
        "class": state.class_id,
        "episode": state.episode,
        "since": state.since.isoformat(),
        "status": state.standing.value,
        "ending": state.ending.value if state.ending else None,
        "attempts": len(state.attempts),
        "written_report": state.report.isoformat() if state.report else None,
        "return_order": state.order.isoformat() if state.order else None,
        "escalated": state.escalated,
        "flags": [flag.value for flag in state.flags],
        "proof_until": until.isoformat() if until else None,
        "done": [service.value for service in done],
        "undone": [service.value for service in undone],
        "returned_late": late.isoformat() if late else None,
        "missing": blockers_data(missing),
    }


def _readable(data: dict[str, Any]) -> Text:
    lines = [line for case in data["cases"] for line in _lines(case)]
    return Text("\n".join(lines) or say("没有控辍个案", "no dropout case"))


def _lines(case: dict[str, Any]) -> Iterator[str]:
    yield (
        f"{case['student']} ({case['class']})  {word(case['status'], LANG)}  {say('自', 'since')} {case['since']}  "
        f"{say('劝返', 'attempts')} {case['attempts']}"
    )
    for blocker in case["missing"]:
        yield f"  - {blocker['message']}"
    if case["ending"] in (Ending.NOT_RETURNED, Ending.UNCONFIRMED):
        undone = say("、", ", ").join(SERVICES[service][LANG == "en"] for service in case["undone"])
        yield f"  - {say('未办：', 'left undone: ')}{undone}"
    if case["returned_late"]:
        yield f"  - {say('学年结束后返校：', 'returned after the year: ')}{case['returned_late']}"
