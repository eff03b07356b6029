"""`record`: lists of outcomes from a file, all rows or none unless `--partial`."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import App, Parameter
from rich.console import Group
from rich.table import Table
from rich.text import Text

from cli.explain import proposals
from cli.failures import REFUSED, not_found, usage
from cli.options import LANG, CampaignName, Change, Face, SchoolCode, console, say
from cli.outcome_commands import Batch, batches
from cli.outcome_due import due, state_of
from cli.outcome_files import read_outcomes
from cli.outcome_kinds import KINDS
from cli.precheck import precheck, refused_then, with_rows
from cli.refusals import refused_of, show_refusal
from cli.rooms import Rooms
from domain.refusal import Refusal
from domain.sentences import sentence

_FACE = Face()
OF_THE_ROW: Final = (
    "SESSION_EXISTS",
    "SESSION_UNKNOWN",
    "CLASS_UNKNOWN",
    "ALREADY_INVITED",
    "STUDENT_UNKNOWN",
    "CONTEST_OPEN",
    "CONTEST_NOT_OPEN",
)
"""Refusals of a command made of one row that are that row's fault, not the whole file's."""

app = App(name="record", help_format="plaintext", version_flags=[])

Kind = Annotated[str, Parameter(help=" | ".join(KINDS))]


@app.default
async def record(
    kind: Kind,
    file: Path,
    campaign: CampaignName,
    school: SchoolCode,
    *,
    change: Change,
    partial: Annotated[
        bool, Parameter(negative="", help=say("不合规的行除外，其余照登", "take the good rows"))
    ] = False,
    invite: Annotated[bool, Parameter(help=say("安排后即邀请（sessions）", "invite at once (sessions)"))] = True,
    face: Face = _FACE,
) -> int:
    """Record a file; without a command id of your own, the whole file is checked before anything is written."""
    require_kind(kind)
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign, school)
        outcomes = await read_outcomes(file, kind, await rooms.registry(), campaign, school)
        found = batches(kind, outcomes.rows, invite=invite)
        recorder = _Recorder(rooms, campaign, KINDS[kind].stream(campaign, school), change, partial=partial)
        code = await recorder.run(found)
        if recorder.raised is not None:
            show_refusal(recorder.raised, as_json=face.json, receipt=recorder.receipt)
            return code
        data = {
            "accepted": code == 0,
            "refused": recorder.refused,
            "receipt": recorder.receipt,
            "receipts": recorder.receipts,
            "rows": len(outcomes.rows) - len({row["row"] for row in recorder.refused}) if code == 0 else 0,
            "blank": outcomes.blank,
        }
        _show(face, data)
        return code


def require_kind(kind: str) -> None:
    """Refuse a kind of list that there is not.

    Raises:
        Failure: RECORD_KIND_UNKNOWN (2).
    """
    if kind not in KINDS:
        listed = ", ".join(KINDS)
        raise usage(
            "RECORD_KIND_UNKNOWN",
            say("没有这种清单。", "There is no such list."),
            place="KIND",
            remedy=say(
                f"可登记：{listed}。意向和知情同意只能由家庭本人办理，没有清单。",
                f"There are: {listed}. An intent or a consent is a family's own and has no list.",
            ),
        )


class _Recorder:
    """Gives the commands of one file, in order."""

    def __init__(self, rooms: Rooms, campaign: str, stream: str, change: Change, *, partial: bool) -> None:
        self._rooms = rooms
        self._campaign = campaign
        self._stream = stream
        self._change = replace(change, command_id=change.command_id or str(uuid.uuid4()))
        self._partial = partial
        self.refused: list[dict[str, Any]] = []
        self.receipts: list[dict[str, Any]] = []
        self.raised: Refusal | None = None

    @property
    def receipt(self) -> dict[str, Any] | None:
        """Return the last receipt."""
        return self.receipts[-1] if self.receipts else None

    async def run(self, found: list[Batch]) -> int:
        """Give all commands; stop at the first refusal that `--partial` does not overcome."""
        commands = [(batch, await self._command(batch)) for batch in found]
        if len(commands) > 1 and not self._partial:
            await self._all_or_none(commands)
        if self.refused or self.raised is not None:
            return REFUSED
        for batch, command in commands:
            if any(row.number in self._bad for row in batch.rows) and batch.listed is None:
                continue  # the invitation to a meeting that was not scheduled
            if not await self._give(batch, command):
                return REFUSED
        return 0 if self.receipts else REFUSED

    async def _command(self, batch: Batch) -> dict[str, Any]:
        own = f"{self._change.command_id}/{batch.suffix}" if batch.suffix else self._change.command_id
        change = replace(self._change, command_id=own)
        fields = dict(batch.fields)
        change = replace(change, reason=fields.pop("reason", change.reason))
        return await self._rooms.command(self._campaign, change, batch.kind, **fields)

    async def _all_or_none(self, commands: list[tuple[Batch, dict[str, Any]]]) -> None:
        """Let the rules look at every command before the first is given: a file is one act for its author."""
        client = await self._rooms.client()
        for (batch, command), refusal in await precheck(client, self._stream, commands):
            if refusal.recorded:  # an auditor must see the attempt: it alone is given
                if not self.refused:
                    await self._give(batch, command)
                return
            rows = _of_rows(batch, refusal)
            if rows is None:
                raise refusal
            self._note(batch, rows)

    async def _give(self, batch: Batch, command: dict[str, Any]) -> bool:
        later = f"{command['command_id']}/partial"
        try:
            if self._partial and batch.listed is not None:
                before = await refused_then(await self._rooms.client(), self._stream, later, command)
                if before is not None:  # sent before: the same rows again, so that the engine gives the same receipt
                    raise before
            answer = await self._rooms.submit(self._stream, command)
        except Refusal as told:
            refusal = await with_rows(await self._rooms.client(), self._stream, command, told)
            rows = _of_rows(batch, refusal)
            if rows is None:
                self.raised = refusal
                return False
            self._note(batch, rows)
            if not self._partial:
                return False
            rest = batch.without(row["row"] for row in rows)
            if rest is None or rest.listed is None:
                return True
            again = {**command, "command_id": later, rest.listed: rest.fields[rest.listed]}
            return await self._give(rest, again)
        self.receipts.append(answer.receipt.model_dump(mode="json"))
        self.raised = refused_of(answer)
        return self.raised is None

    @property
    def _bad(self) -> list[int]:
        """Return the numbers of the refused rows."""
        return [row["row"] for row in self.refused]

    def _note(self, batch: Batch, rows: list[dict[str, Any]]) -> None:
        for problem in rows:
            number = batch.rows[problem["row"]].number
            if number not in self._bad:  # a meeting that is not scheduled is not invited to either
                message = sentence(problem["code"], problem.get("parameters", {}), LANG)
                self.refused.append({"row": number, "code": problem["code"], "message": message})


def _of_rows(batch: Batch, refusal: Refusal) -> list[dict[str, Any]] | None:
    """Return the rows that a refusal names, by position; None where it is about the whole command."""
    if refusal.code == "ROWS_REFUSED":
        return list(refusal.parameters["rows"])
    if len(batch.rows) == 1 and batch.listed is None and refusal.code in OF_THE_ROW:
        return [{"row": 0, "code": refusal.code, "parameters": refusal.parameters}]
    return None


def _show(face: Face, data: dict[str, Any]) -> None:
    if face.json:
        face.show(data, lambda: Text(""))
        return
    if data["accepted"]:
        head = say(f"已登记 {data['rows']} 行", f"{data['rows']} rows recorded")
        if data["blank"]:
            head += say(f"，{data['blank']} 行未填写", f", {data['blank']} rows were not filled in")
    else:
        head = say("没有登记任何一行", "nothing was recorded")
    table = Table(say("行", "row"), say("代码", "code"), say("原因", "why"))
    for row in data["refused"]:
        table.add_row(str(row["row"]), row["code"], row["message"])
    readable = Group(Text(head), table) if data["refused"] else Text(head)
    console(stderr=not data["accepted"]).print(readable)


@app.command(help=say("生成带编号的登记表（XLSX）", "write a sheet with references filled in (XLSX)"))
async def template(
    kind: Kind,
    campaign: CampaignName,
    school: SchoolCode,
    file: Path,
    *,
    receiving: Annotated[
        str | None,
        Parameter(help=say("只列去往这所接收学校的学生", "only the pupils of one receiving school")),
    ] = None,
    face: Face = _FACE,
) -> int:
    """Write the pupils for whom a list is due now; it holds names, so keep it where rosters are kept."""
    from cli.template import rows_of, session_rows, write_template  # noqa: PLC0415 - xlsxwriter only here

    require_kind(kind)
    form = KINDS[kind]
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign, school)
        stream = form.stream(campaign, school)
        state = await state_of(await rooms.ledger(), stream)
        if state is None:
            raise not_found(stream)
        if form.pupils:
            names = await (await rooms.registry()).names(campaign, school)
            lines = [line for line in due(kind, state) if receiving in (None, line.school)]
            rows = rows_of(form, names, lines)
        else:
            rows = session_rows(list(state.classes))
        proposed = await proposals(await rooms.ledger(), stream, LANG) if kind == "decisions" else None
        count = write_template(file, kind, rows, proposed)
        text = say(f"{file}：{count} 行（含姓名，请妥善保管）", f"{file}: {count} rows (with names: keep it safe)")
        face.show({"file": str(file), "rows": count}, lambda: Text(text))
    return 0
