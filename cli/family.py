"""What `answer` and the gateway's own commands share: the gateway itself, acts handed on, attempts on record."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, get_args

from cli.failures import NOT_FOUND, Failure, failure_of
from cli.options import note, say
from cli.refusals import refused_of
from cli.rooms import Rooms, exists
from domain.actors import ANONYMOUS, GATEWAY
from domain.application_filing_commands import CodeTrouble
from domain.family_act import Channel, FamilyAct, Intent
from domain.refusal import Refusal
from domain.stage_events import StageSlug
from domain.stream import Answer
from gateway.codes import Gateway
from gateway.store import Binding
from protocol import stage_id
from settings import Settings

INTENTS: Final[dict[str, Intent]] = {
    **{kind.value.lower(): kind for kind in Intent},
    "普高": Intent.GENERAL_HIGH,
    "中职": Intent.VOCATIONAL,
    "未定": Intent.UNDECIDED,
    "其他": Intent.OTHER,
}
"""What a family may write for its intent."""

ON_RECORD: Final[tuple[str, ...]] = get_args(CodeTrouble)
"""Attempts that an auditor must see (design, section 3)."""


def filing(campaign: str, school: str) -> str:
    """Return the stream of a school's application filing."""
    return stage_id(campaign, school, StageSlug.APPLICATION_FILING.value)


@asynccontextmanager
async def open_gateway(settings: Settings) -> AsyncIterator[Gateway]:
    """Open the gateway that letters went out from; never make a new one, which would know no code.

    Raises:
        Failure: NO_CODES_HERE (4).
        Refusal: GATEWAY_UNKNOWN.
    """
    if not exists(settings.gateway_url):
        raise Failure(
            NOT_FOUND,
            "NO_CODES_HERE",
            say("数据目录中没有发出过答复码。", "No code was ever sent from this data directory."),
            place=str(settings.data),
            remedy=say("请用 --data 指定正确的目录。", "Name the right one with --data."),
        )
    if not settings.gateway_key.exists():
        raise Refusal("GATEWAY_UNKNOWN")
    gateway = await Gateway.open(settings.gateway_url, settings.gateway_key)
    try:
        yield gateway
    finally:
        await gateway.close()


@dataclass(frozen=True)
class Desk:
    """Where families' acts are handed on: the rooms of one command, and the gateway."""

    rooms: Rooms
    gateway: Gateway

    async def require_own_key(self, campaign: str) -> None:
        """Refuse before anything is signed or counted where the campaign began with another key.

        Raises:
            Failure: CAMPAIGN_UNKNOWN (4).
            Refusal: GATEWAY_UNKNOWN.
        """
        await self.rooms.board(campaign)
        first = await anext((await self.rooms.ledger()).events(campaign))
        self.gateway.require_key((first["data"].get("gateway") or {}).get("public_key"))

    async def deliver(self, signed: FamilyAct, command_id: str) -> Answer:
        """Hand a signed act on.

        Raises:
            Refusal: the rules do not allow it.
        """
        command = _command("deliver_family_acts", command_id, acts=[signed.model_dump(mode="json")])
        return await self.rooms.submit(filing(signed.campaign, signed.school), command)

    async def led_to(self, answer: Answer) -> tuple[str, ...]:
        """Return the types of the events that a command has led to, from the record."""
        receipt, found = answer.receipt, []
        async for event in (await self.rooms.ledger()).events(receipt.stream, receipt.first_version - 1):
            if event["version"] > receipt.last_version:
                break
            found.append(event["type"])
        return tuple(found)

    async def report_withdrawal(
        self, campaign: str, school: str, student: str, command_id: str, *, channel: Channel | None = None
    ) -> Answer | None:
        """Report that a family withdraws, which suspends its case until it says itself what it wants.

        Who says so is not proved, so the report is nobody's by name. None where one waits already.

        Raises:
            Refusal: the rules take no report.
        """
        command = {
            "kind": "report_withdrawal",
            "command_id": command_id,
            "actor": ANONYMOUS.model_dump(mode="json"),
            "student": student,
            "channel": channel or "phone",
        }
        try:
            answer = await self.rooms.submit(filing(campaign, school), command)
        except Refusal as refusal:
            if refusal.code == "WITHDRAWAL_ALREADY_REPORTED":
                return None
            raise
        refused = refused_of(answer)
        return None if refused is not None and refused.code == "WITHDRAWAL_ALREADY_REPORTED" else answer

    async def put_on_record(
        self, binding: Binding | None, refusal: Refusal, command_id: str | None = None
    ) -> dict[str, Any] | None:
        """Leave the trace of an attempt in the pupil's stream and return its receipt; None where it leaves none."""
        if binding is None or refusal.code not in ON_RECORD:
            return None
        fields = {"student": binding.student, "party": binding.party.value, "code": refusal.code}
        command = _command("report_family_code", command_id or str(uuid.uuid4()), **fields)
        try:
            told = await self.rooms.submit(filing(binding.campaign, binding.school), command)
        except Exception as error:
            if not isinstance(error, Refusal) and failure_of(error) is None:
                raise
            note("此次尝试未能写入台账。", "This attempt could not be put on record.")  # the family's answer is another
            return None
        return told.receipt.model_dump(mode="json")


def _command(kind: str, command_id: str, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "command_id": command_id, "actor": GATEWAY.model_dump(mode="json"), **fields}
