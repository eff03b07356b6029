"""The bureau's call-back in which a family reads the code of its paper out: beside the act, never instead of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from rich.text import Text

from cli.family import Desk, filing
from cli.options import Change, Face, note, say
from cli.outcome_due import state_of
from cli.refusals import refusal_data, refused_of
from cli.stage import end
from domain.actors import Actor, require
from domain.application_filing_commands import RecordCallbacks
from domain.application_filing_state import ApplicationFilingState
from domain.family_act import FamilyAct
from domain.filing_consent import record_callbacks
from domain.refusal import Refusal
from domain.stream import Answer
from domain.time import stamp
from gateway.store import Binding

LONGEST_ID: Final = 80
"""Of a command id that another is made of."""


class Caller:
    """The bureau's person to whom the family reads the code of its paper out: never one of the school."""

    def __init__(self, desk: Desk, staff: str, command_id: str) -> None:
        self._desk = desk
        self._change = Change(by=staff, command_id=f"{command_id[:LONGEST_ID]}/callback-{staff}")

    async def require_bureau(self, binding: Binding) -> None:
        """Refuse before anything is signed or counted.

        Raises:
            Failure: STAFF_UNKNOWN (4).
            Refusal: ROLE_NOT_ALLOWED.
        """
        command = await self._desk.rooms.command(binding.campaign, self._change, "record_callbacks")
        require(Actor.model_validate(command["actor"]), "record_callbacks", binding.school)

    async def require_possible(self, signed: FamilyAct, now: datetime) -> None:
        """Refuse a call that could not be put on record before the act is handed on, but not where the act stands.

        Raises:
            Refusal: SELF_APPROVAL, ROWS_REFUSED.
        """
        state = await filing_state(self._desk, signed.campaign, signed.school)
        if state is None or (signed.student in state.cases and state.cases[signed.student].knows(signed.act_id)):
            return
        command = RecordCallbacks.model_validate(await self._command(signed))
        record_callbacks(state, command, max(now, signed.at))

    async def record(self, signed: FamilyAct) -> Answer:
        """Put the call on record, beside the act that the family did in it.

        Raises:
            Refusal: the rules do not allow it.
        """
        return await self._desk.rooms.submit(filing(signed.campaign, signed.school), await self._command(signed))

    async def _command(self, signed: FamilyAct) -> dict[str, Any]:
        outcome = "wants_to_withdraw" if signed.act == "withdraw" else "confirmed"
        row = {"student": signed.student, "outcome": outcome, "at": stamp(signed.at), "purpose": "paper"}
        return await self._desk.rooms.command(signed.campaign, self._change, "record_callbacks", rows=[row])


async def with_call(face: Face, answered: Answer, caller: Caller, signed: FamilyAct) -> int:
    """Put the call on record and show both; the act stands, also where the call is refused."""
    act = answered.receipt.model_dump(mode="json")
    try:
        called = await caller.record(signed)
        refusal = refused_of(called)
    except Refusal as refused:
        refusal = refused
    else:
        if refusal is None:
            return end(face, called, act=act)
    said = refusal_data(refusal)
    note(
        f"家庭的答复已办理，回访未能记录：{said['message']}请在排除原因后用同一操作编号再办一次。",
        f"The family's answer stands; the call could not be put on record: {said['message']} Run the same command "
        "with the same command id once that is settled.",
    )
    data = {"accepted": True, "refused": None, "receipt": act, "act": act, "call": {"accepted": False, "refused": said}}
    face.show(data, lambda: Text(say("已办理", "done")))
    return 0


async def filing_state(desk: Desk, campaign: str, school: str) -> ApplicationFilingState | None:
    """Return the state of a school's application filing as its record tells it, None where it has not begun."""
    state = await state_of(await desk.rooms.ledger(), filing(campaign, school))
    return state if isinstance(state, ApplicationFilingState) else None
