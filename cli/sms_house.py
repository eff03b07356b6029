"""What the endpoint for text messages asks of ledger, registry and engine, answered by a command's rooms."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cli.failures import failure_of
from cli.family import Desk
from cli.refusals import refused_of
from cli.rooms import Rooms
from domain.actors import GATEWAY
from domain.family_act import FamilyAct
from domain.refusal import Refusal
from gateway import sms
from gateway.codes import Gateway
from gateway.inbound import Delivered, Family
from gateway.signed import AwayError
from gateway.store import Binding
from settings import Settings


class SmsHouse:
    """Hands on what text messages ask; opens its rooms anew after a failure, for an engine may come back elsewhere."""

    def __init__(self, settings: Settings, gateway: Gateway, secret: bytes) -> None:
        self._settings = settings
        self._gateway = gateway
        self._secret = secret
        self._rooms: Rooms | None = None

    async def close(self) -> None:
        """Close the rooms."""
        rooms, self._rooms = self._rooms, None
        if rooms is not None:
            await rooms.__aexit__(None, None, None)

    async def require_own_key(self, campaign: str) -> None:
        """Refuse to act for a campaign of another key."""
        async with self._desk() as desk:
            await desk.require_own_key(campaign)

    async def numbers(self, student: str, person: str) -> list[str]:
        """Return the digests of the telephones of a pupil's guardians; of an entrusted caregiver, the own one too."""
        async with self._desk() as desk:
            household = await (await desk.rooms.registry()).household(student)
        if household is None:
            return []
        phones = [one.phone for one in household.guardians]
        if (carer := household.caregiver) is not None and carer.caregiver_ref == person:
            phones.append(carer.phone)
        return [sms.number_digest(self._secret, phone) for phone in phones if phone]

    async def families(self, number: str) -> list[Family]:
        """Return whose guardians have a telephone, in the campaigns that run."""
        found = []
        async with self._desk() as desk:
            ledger = await desk.rooms.ledger()
            for campaign in await ledger.campaigns():
                if (await ledger.board(campaign))[campaign].get("status") != "running":
                    continue
                found += [
                    Family(campaign, held.school, held.student_ref, held.guardian_ref)
                    for held in await (await desk.rooms.registry()).numbers(campaign)
                    if sms.number_digest(self._secret, held.phone) == number
                ]
        return found

    async def deliver(self, signed: FamilyAct, command_id: str) -> Delivered:
        """Hand a signed act on; return what it led to."""
        async with self._desk() as desk:
            try:
                answer = await desk.deliver(signed, command_id)
            except Refusal as refusal:
                return Delivered(refused=refusal)
            return Delivered(refused_of(answer), await desk.led_to(answer))

    async def put_on_record(self, binding: Binding, refusal: Refusal, command_id: str) -> None:
        """Leave the trace of an attempt."""
        async with self._desk() as desk:
            await desk.put_on_record(binding, refusal, command_id)

    async def report_withdrawal(self, family: Family, command_id: str) -> Refusal | None:
        """Report that a family withdraws; who sent the message is not proved, so the report is nobody's by name.

        What has been reported already waits already: it is answered like a first report.
        """
        async with self._desk() as desk:
            try:
                reported = await desk.report_withdrawal(
                    family.campaign, family.school, family.student, command_id, channel="sms"
                )
            except Refusal as refusal:
                return refusal
        return None if reported is None else refused_of(reported)

    async def set_optional(self, family: Family, command_id: str, *, wanted: bool) -> Refusal | None:
        """Stop the optional notices to one person about one pupil, or let them come again."""
        command = {
            "kind": "allow_optional_notices" if wanted else "decline_optional_notices",
            "command_id": command_id,
            "actor": GATEWAY.model_dump(mode="json"),
            "student": family.student,
            "person": family.person,
        }
        async with self._desk() as desk:
            try:
                answer = await desk.rooms.submit(family.campaign, command)
            except Refusal as refusal:
                return refusal
        return refused_of(answer)

    @asynccontextmanager
    async def _desk(self) -> AsyncIterator[Desk]:
        """Give the desk; a failure that has a name means that the provider tries again.

        Raises:
            AwayError: engine, ledger or registry cannot be reached.
        """
        if self._rooms is None:
            self._rooms = await Rooms(self._settings).__aenter__()
        try:
            yield Desk(self._rooms, self._gateway)
        except Refusal:
            raise
        except Exception as error:
            if failure_of(error) is None:
                raise
            await self.close()
            raise AwayError from None
