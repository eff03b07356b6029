"""`choice`: the families' choice of a school: the notice, where each case stands, and what holds one up.

What a family decides it does itself (`answer`); nothing here states, signs, keeps or withdraws for one (INV-04).
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from rich.text import Text

from cli.choice_view import case_data, case_lines, counts, counts_data
from cli.failures import NOT_FOUND, Failure
from cli.given import EVIDENCE, Classes, Student, Students, classes_given, references_given, word_given
from cli.on_stage import give, held, require_one
from cli.options import CampaignName, Change, Face, SchoolCode, say
from cli.outcome_values import choices
from cli.record import record
from cli.rooms import Rooms
from cli.stage import end
from domain.actors import ANONYMOUS
from domain.application_filing_state import ApplicationFilingState
from domain.stage_events import StageSlug
from protocol import stage_id

_FACE = Face()
_STAGE = StageSlug.APPLICATION_FILING
Document = Annotated[str, Parameter(help=say("告知书版本，如 notice-1", "the notice's version, as notice-1"))]
Evidence = Annotated[str, Parameter(help=EVIDENCE)]

app = App(name="choice", help_format="plaintext", version_flags=[])


@app.command(help=say("向家庭发出告知书和答复码", "offer a notice; it goes out with the family's codes"))
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
    require_one(classes, students)
    async with Rooms(face.settings()) as rooms:
        named: dict[str, Any] = {"students": references_given(students)} if students else {}
        if not named:
            given = classes_given(campaign, classes or [])
            state = await held(rooms, _STAGE, campaign, school, ApplicationFilingState)
            named = {"classes": given or list(state.classes)}
        await rooms.board(campaign, school)
        command = await rooms.command(campaign, change, "offer_notice", document=document, **named)
        return end(face, await rooms.submit(stage_id(campaign, school, _STAGE.value), command))


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
        state = await held(rooms, _STAGE, campaign, school, ApplicationFilingState)
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
            data |= counts_data(state)
            face.show(data, lambda: counts(data))
        else:
            data |= case_data(student, state.cases[student], state.owed(student))
            face.show(data, lambda: Text("\n".join(case_lines(data))))
        return 0


@app.command(help=say("两处去向不一致，由第三人认定（须有理由）", "decide between two destinations; needs a reason"))
async def resolve(
    campaign: CampaignName,
    school: SchoolCode,
    student: Student,
    destination: Annotated[str, Parameter(help=" | ".join(choices("destination")))],
    *,
    evidence: Evidence,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Decide between two destinations; by somebody who recorded neither."""
    fields = {
        "student": student,
        "destination": word_given("destination", destination, "DESTINATION"),
        "evidence": word_given("evidence", evidence, "--evidence"),
    }
    return await give(_STAGE, "resolve_destination", campaign, school, change, face, **fields)


# -- a withdrawal that somebody reports -------------------------------------------------------------------------


@app.command(
    help=say("报告家庭要求撤回（任何人，可匿名）", "report that a family withdraws; anybody may, also without a name")
)
async def report_withdrawal(
    campaign: CampaignName,
    school: SchoolCode,
    student: Student,
    *,
    channel: Annotated[
        Literal["app", "sms", "phone", "paper", "call", "in_person"],
        Parameter(help=say("家庭怎样提出的", "how the family said so")),
    ] = "phone",
    by: Annotated[
        str | None, Parameter(help=say("报告人的 staff_ref；不填为匿名", "staff_ref; leave out to stay unnamed"))
    ] = None,
    command_id: Annotated[str | None, Parameter(help=say("操作编号", "the same id again changes nothing"))] = None,
    face: Face = _FACE,
) -> int:
    """Report a withdrawal: the case waits at once, until the family itself withdraws or says that it stands."""
    change = Change(by=by or ANONYMOUS.id, command_id=command_id)
    fields = {"student": student, "channel": channel}
    if by is not None:
        return await give(_STAGE, "report_withdrawal", campaign, school, change, face, **fields)
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign, school)
        own = {"command_id": change.command_id or str(uuid.uuid4()), "actor": ANONYMOUS.model_dump(mode="json")}
        command = {"kind": "report_withdrawal", **own, **fields}
        return end(face, await rooms.submit(stage_id(campaign, school, _STAGE.value), command))


@app.command(help=say("登记县局的回访（清单）", "record the bureau's call-backs, from a file"))
async def callbacks(
    campaign: CampaignName,
    school: SchoolCode,
    file: Path,
    *,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Record call-backs: the same as `record callbacks`; a call never signs or withdraws for a family."""
    return await record("callbacks", file, campaign, school, change=change, face=face)


# -- who may consent, and what holds a consent up ------------------------------------------------------------------


@app.command(help=say("登记监护情况", "record what a person is to a pupil"))
async def guardianship(
    campaign: CampaignName,
    school: SchoolCode,
    student: Student,
    person: Annotated[str, Parameter(help=say("该人编号 gdn_… 或 cgv_…", "the person's reference, gdn_… or cgv_…"))],
    standing: Annotated[
        Literal["guardian", "caregiver", "no_custody", "institution"],
        Parameter(help=say("监护人、照护人、无监护权、机构监护", "what the person is to the pupil")),
    ],
    *,
    evidence: Evidence,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Record a guardian, a caregiver, a parent without custody or an institution; a caregiver consents to nothing."""
    fields = {
        "student": student,
        "person": person,
        "standing": standing.upper(),
        "evidence": word_given("evidence", evidence, "--evidence"),
    }
    return await give(_STAGE, "record_guardianship", campaign, school, change, face, **fields)


@app.command(help=say("中止一份同意（须有理由）", "suspend a consent; needs a reason"))
async def suspend(
    campaign: CampaignName, school: SchoolCode, student: Student, *, change: Change, face: Face = _FACE
) -> int:
    """Suspend a consent, for CUSTODY_DISPUTE, COURT_ORDER or IMPOSTOR_SUSPECTED; withdrawing stays possible."""
    return await give(_STAGE, "suspend_consent", campaign, school, change, face, student=student)


@app.command(help=say("凭书面材料解除中止（须有理由）", "end a suspension by a document; needs a reason"))
async def lift(
    campaign: CampaignName,
    school: SchoolCode,
    student: Student,
    *,
    evidence: Evidence,
    change: Change,
    face: Face = _FACE,
) -> int:
    """End what a document has settled; it signs nothing, and answers no report for the family."""
    fields = {"student": student, "evidence": word_given("evidence", evidence, "--evidence")}
    return await give(_STAGE, "lift_suspension", campaign, school, change, face, **fields)


@app.command(help=say("限制使用一名学生的记录（须有理由）", "restrict a pupil's record; needs a reason"))
async def restrict(
    campaign: CampaignName, school: SchoolCode, student: Student, *, change: Change, face: Face = _FACE
) -> int:
    """Let no notice and no list name a pupil any more; the family's own acts stay possible."""
    return await give(_STAGE, "restrict_record", campaign, school, change, face, student=student)


@app.command(help=say("解除限制（须有理由）", "end the restriction; needs a reason"))
async def release(
    campaign: CampaignName, school: SchoolCode, student: Student, *, change: Change, face: Face = _FACE
) -> int:
    """Use a restricted record as every other again."""
    return await give(_STAGE, "release_record", campaign, school, change, face, student=student)
