"""One-time codes: how they are made, checked and turned into a signed act (design, section 9; INV-04).

A code stands for one person in one pupil's choice under one version of the notice. It serves the whole protocol of that
notice (intent, acknowledgement, signature, refusal, withdrawal) and is not used up by one act.
"""

from __future__ import annotations

import functools
import hmac
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, Self

from domain.family_act import FamilyAct, Intent, Party
from domain.refusal import Refusal
from domain.time import instant, stamp
from gateway import keys, spelling
from gateway.store import Binding, Held, Store, Work

TRIES: Final = 5
"""Wrong codes for a pupil after which every code that is out for this pupil stays shut, until a new letter."""

Act = Literal["intent", "acknowledge", "sign", "refuse", "withdraw"]


def random_act_id() -> str:
    """Return an id for an act that nobody can guess."""
    return f"act_{secrets.token_hex(10)}"


class Gateway:
    """Makes codes, checks them, and signs what the families who hold them do.

    Attributes:
        public_key: raw Ed25519 key, 64 hex characters; stands in the campaign's first event.
        key_id: its short name, 16 hex characters; stands in every act.
    """

    def __init__(self, secret: bytes, store: Store, *, act_ids: Callable[[], str] = random_act_id) -> None:
        self._secret = secret
        self._store = store
        self._act_ids = act_ids
        self._signing_key = keys.signing_key(secret)
        self.public_key = keys.public_key(secret)
        self.key_id = keys.key_id(self.public_key)

    @classmethod
    async def open(cls, url: str, secret_file: Path, *, act_ids: Callable[[], str] = random_act_id) -> Self:
        """Open the gateway with its store and its secret, each made on first use.

        Args:
            url: database of the codes.
            secret_file: file of the secret, apart from every database.
            act_ids: where ids of acts come from; a rehearsal gives a source that repeats.

        Raises:
            Refusal: GATEWAY_UNKNOWN, the secret is not the one that the codes were made with.
        """
        secret = keys.load_secret(secret_file)
        store = await Store.open(url, keys.key_id(keys.public_key(secret)))
        return cls(secret, store, act_ids=act_ids)

    async def close(self) -> None:
        """Close the store."""
        await self._store.close()

    def require_key(self, public_key: str | None) -> None:
        """Refuse to act for a campaign that began with another key, or with none: its rules would take no act.

        Args:
            public_key: what the campaign's first event holds.

        Raises:
            Refusal: GATEWAY_UNKNOWN.
        """
        if public_key != self.public_key:
            raise Refusal("GATEWAY_UNKNOWN")

    # -- letters ------------------------------------------------------------------------------------------------

    def code(self, campaign: str, student: str, party: Party, document: str, *, serial: int = 0, turn: int = 0) -> str:
        """Derive a code, shown as `XXXX-XXXX`; the same arguments give the same code for ever.

        Args:
            campaign: id of the campaign.
            student: reference of the pupil.
            party: whose code.
            document: version of the notice.
            serial: how many letters with a code came before this one.
            turn: 0, or more where somebody else's code had the same letters.
        """
        return spelling.shown(self._drawn(campaign, student, party, document, serial, turn))

    async def issue(
        self,
        campaign: str,
        school: str,
        student: str,
        party: Party,
        person: str,
        document: str,
        expires_at: datetime,
    ) -> str:
        """Return the code for a letter, and remember what it is bound to; the same again changes nothing.

        A code belongs to one person: for another guardian than before there is a new code, and the old one dies.

        Args:
            campaign: id of the campaign.
            school: code of the junior school.
            student: reference of the pupil (`stu_…`).
            party: pupil or guardian.
            person: who gets the letter (`stu_…` or `gdn_…`).
            document: version of the notice.
            expires_at: first instant at which the code is too old for anything but a withdrawal.
        """
        binding = Binding(
            campaign=campaign, school=school, student=student, party=party, person=person, document=document
        )
        (code,) = await self.issue_all([binding], expires_at)
        return code

    async def issue_all(self, bindings: Sequence[Binding], expires_at: datetime) -> list[str]:
        """Return the codes of many letters in their order, as `issue` does one, in one transaction."""

        def choose(binding: Binding, held: Held | None) -> Held | None:
            if held is None:
                return self._fresh(binding, 0, expires_at)
            if held.binding.person == binding.person:
                return None
            return self._fresh(binding, held.serial + 1, expires_at)

        async with self._store.transaction() as work:
            await work.place()
            return [
                await self._place(
                    work, one.campaign, one.student, one.party, one.document, functools.partial(choose, one)
                )
                for one in bindings
            ]

    async def reissue(
        self, campaign: str, student: str, party: Party, document: str, *, serial: int, expires_at: datetime
    ) -> str:
        """Return a new code for a letter that was lost or locked; the old code dies, the same again changes nothing.

        Args:
            campaign: id of the campaign.
            student: reference of the pupil.
            party: whose code.
            document: version of the notice.
            serial: how many letters with a code came before: 1 for the first that is sent again.
            expires_at: first instant at which the new code is too old for anything but a withdrawal.

        Raises:
            Refusal: CODE_NOT_ISSUED, there was no letter to send again; CODE_SUPERSEDED, a later one is out.
        """

        def choose(held: Held | None) -> Held | None:
            if held is None:
                raise Refusal("CODE_NOT_ISSUED")
            if serial < held.serial:
                raise Refusal("CODE_SUPERSEDED")
            return None if serial == held.serial else self._fresh(held.binding, serial, expires_at)

        async with self._store.transaction() as work:
            await work.place()
            return await self._place(work, campaign, student, party, document, choose)

    # -- acts ---------------------------------------------------------------------------------------------------

    async def act(
        self,
        code: str,
        act: Act,
        *,
        at: datetime,
        intent: Intent | None = None,
        destination: str | None = None,
        student: str | None = None,
        request: str | None = None,
    ) -> FamilyAct:
        """Check a code and sign what its holder does.

        Args:
            code: as it was typed or read out.
            act: what is done.
            at: when the family acted; by it the code is in time or too late (DOMAIN §9, case 21).
            intent: with `intent` only.
            destination: code of the vocational school, with `sign` only.
            student: the pupil it is about, where the person says so; only then can a wrong code be counted.
            request: command id; the same request again gives the same act, with its first time.

        Raises:
            Refusal: CODE_WRONG; CODE_FOREIGN, it is another pupil's; CODE_LOCKED, too many wrong ones; CODE_EXPIRED
                (never for a withdrawal: a right does not die with a code); ACT_NOT_FOR_PARTY; COMMAND_ID_REUSED.
            ValueError: an intent without its kind, a signature without its school, or a time without an offset.
        """
        entered = spelling.read(code)
        digest = None if entered is None else self._digest(entered)
        async with self._store.transaction() as work:
            found = None if digest is None else await work.with_digest(digest)
            pupil = student or (found.binding.student if found else None)
            out = [] if pupil is None else await work.of_student(pupil)
            held = next((one for one in out if one.digest == digest), None)
            if held is None:
                refused = await self._wrong(work, pupil, out, foreign=found is not None)
            elif (obstacle := _obstacle(held, act)) is not None:
                refused = obstacle
            else:
                return await self._signed(work, held, act, instant(stamp(at)), intent, destination, request)
        raise Refusal(refused)  # behind the transaction, which has counted the try

    async def concerned(self, code: str, *, student: str | None = None) -> Binding | None:
        """Return whose record an attempt with this code belongs to: the pupil who was named, else the code's own."""
        entered = spelling.read(code)
        async with self._store.transaction() as work:
            found = None if entered is None else await work.with_digest(self._digest(entered))
            if student is None or (found is not None and found.binding.student == student):
                return None if found is None else found.binding
            out = await work.of_student(student)
            return out[0].binding if out else None

    async def _wrong(self, work: Work, student: str | None, out: list[Held], *, foreign: bool) -> str:
        """Count a wrong code against the pupil it was given for, and say what it is."""
        if student is not None and any(held.tries < TRIES for held in out):
            await work.count_try(student, TRIES)
        elif out:
            return "CODE_LOCKED"  # says no more whether the code was near
        return "CODE_FOREIGN" if foreign else "CODE_WRONG"

    async def _signed(
        self,
        work: Work,
        held: Held,
        act: Act,
        at: datetime,
        intent: Intent | None,
        destination: str | None,
        request: str | None,
    ) -> FamilyAct:
        before = None if request is None else await work.act(held.digest, request)
        if before is not None:
            known = FamilyAct.model_validate_json(before)
            if (known.act, known.intent, known.destination) != (act, intent, destination):
                raise Refusal("COMMAND_ID_REUSED", command_id=request)
            return known
        if at >= held.expires_at and act != "withdraw":
            raise Refusal("CODE_EXPIRED")
        unsigned = FamilyAct(
            **held.binding.model_dump(),
            act_id=self._act_ids(),
            act=act,
            intent=intent,
            destination=destination,
            at=at,
            key_id=self.key_id,
            signature="0" * 128,
        )
        signature = self._signing_key.sign(unsigned.signed_bytes).hex()
        signed = unsigned.model_copy(update={"signature": signature})
        if request is not None:
            await work.keep_act(held.digest, request, signed.model_dump_json())
        return signed

    # -- placing ------------------------------------------------------------------------------------------------

    async def _place(
        self,
        work: Work,
        campaign: str,
        student: str,
        party: Party,
        document: str,
        choose: Callable[[Held | None], Held | None],
    ) -> str:
        """Write the code that `choose` makes of the one that is out, and return it; None leaves that one out."""
        before = await work.held(campaign, student, party, document)
        held = choose(before)
        if held is None:
            assert before is not None
            return self.code(campaign, student, party, document, serial=before.serial, turn=before.turn)
        while await work.with_digest(held.digest) is not None:
            held = self._fresh(held.binding, held.serial, held.expires_at, held.turn + 1)
        await work.put(held)
        return self.code(campaign, student, party, document, serial=held.serial, turn=held.turn)

    def _fresh(self, binding: Binding, serial: int, expires_at: datetime, turn: int = 0) -> Held:
        drawn = self._drawn(binding.campaign, binding.student, binding.party, binding.document, serial, turn)
        return Held(binding=binding, serial=serial, turn=turn, digest=self._digest(drawn), expires_at=expires_at)

    def _drawn(self, campaign: str, student: str, party: Party, document: str, serial: int, turn: int) -> str:
        return spelling.from_bytes(self._keyed("code", campaign, student, party.value, document, serial, turn))

    def _digest(self, code: str) -> str:
        return self._keyed("held", code).hex()

    def _keyed(self, *parts: str | int) -> bytes:
        """Return the HMAC-SHA256 of a labelled list; no part can hold a line break."""
        return hmac.digest(self._secret, "\n".join(map(str, parts)).encode(), "sha256")


def _obstacle(held: Held, act: Act) -> str | None:
    """Return what keeps the holder of a right code from an act, whenever it is done."""
    if held.tries >= TRIES:
        return "CODE_LOCKED"
    if act == "acknowledge" and held.binding.party is Party.PUPIL:
        return "ACT_NOT_FOR_PARTY"
    return None
