"""One-time codes: how they are made, checked and turned into a signed act (design, section 9; INV-04).

A code stands for one person in one pupil's choice under one version of the notice. It serves the whole protocol of that
notice (intent, acknowledgement, signature, refusal, withdrawal) and is not used up by one act. A paper has a sealed
code of its own, good only while the bureau calls the family back.
"""

from __future__ import annotations

import hmac
import secrets
import unicodedata
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final, Self

from domain.family_act import ActKind, Channel, FamilyAct, Intent, Party, Wave
from domain.refusal import Refusal
from domain.time import end_of, instant, stamp
from gateway import keys, spelling
from gateway.store import Binding, Form, Held, Store, Work

TRIES: Final = 5
"""Wrong codes for a pupil after which every code that is out for this pupil takes no "yes", until a new letter."""

DEVICE_LENGTH: Final = 16
MESSAGE_LENGTH: Final = 32

GUARDIANS_ACTS: Final = ("acknowledge", "consent_data")
"""A pupil cannot do these for the guardian."""

RIGHTS: Final = ("withdraw", "refuse")
"""A right code does these always: neither other people's guesses, nor time, nor a later letter take "no" away."""

MOST_TURNS: Final = 4
"""Two codes of forty bits hardly ever meet; that so many in a row meet is out of the question."""


@dataclass(frozen=True)
class Said:
    """What somebody does with a code.

    Attributes:
        act: what is done.
        intent: with `intent` only.
        destination: code of the vocational school, with `sign` only.
        wave: the season that a signature is for.
        channel: how it came in, where that is known.
        device: digest of the device (`Gateway.device`), where one is known.
        short: with `sign` only, the statement on a short cooling-off is ticked (R-11); a text message cannot tick it.
    """

    act: ActKind
    intent: Intent | None = None
    destination: str | None = None
    wave: Wave = Wave.AUTUMN
    channel: Channel | None = None
    device: str | None = None
    short: bool = False


LATE_LETTER: Final = timedelta(days=60)
"""So long a letter's code is good at the least, however late in the year it goes out."""


def good_until(campaign: str, now: datetime) -> datetime:
    """Return when a code that goes out now is too old: after the year of graduation, or a while after a late letter."""
    year = int(campaign.rpartition("/")[2])
    return max(end_of(date(year, 12, 31)), now + LATE_LETTER)


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

    def code(self, binding: Binding, *, form: Form = "letter", serial: int = 0, turn: int = 0) -> str:
        """Derive a code, shown as `XXXX-XXXX`; the same arguments give the same code for ever.

        Args:
            binding: whose code, for what.
            form: a letter's or a paper's.
            serial: how many letters with a code came before this one.
            turn: 0, or more where somebody else's code had the same letters.
        """
        return spelling.shown(self._drawn(binding, form, serial, turn))

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

        A code belongs to one person: each of several guardians has an own one.

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

    async def issue_all(self, bindings: Sequence[Binding], expires_at: datetime, *, form: Form = "letter") -> list[str]:
        """Return the codes of many letters or papers in their order, as `issue` does one, in one transaction."""
        async with self._store.transaction() as work:
            await work.place()
            out = await work.all_held(bindings, form)
            new = {one.part: self._fresh(one, form, 0, expires_at) for one in bindings if one.part not in out}
            taken = await work.taken([held.digest for held in new.values()])
            for part, first in new.items():
                held = first
                while held.digest in taken:
                    held = self._fresh(held.binding, form, 0, expires_at, held.turn + 1)
                    taken |= await work.taken([held.digest])
                taken.add(held.digest)
                new[part] = held
            await work.put_new(list(new.values()))
        held_now = out | new
        return [spelling.shown(self._out(held_now[one.part])) for one in bindings]

    async def issue_paper(self, binding: Binding, expires_at: datetime) -> str:
        """Return the sealed code of a paper, which `act` takes only from the bureau's call-back; again the same."""
        (code,) = await self.issue_all([binding], expires_at, form="paper")
        return code

    async def reissue(self, binding: Binding, *, serial: int, expires_at: datetime, form: Form = "letter") -> str:
        """Return a new code for a letter that was lost or locked; the old code dies, the same again changes nothing.

        Args:
            binding: whose code, for what.
            serial: how many letters with a code came before: 1 for the first that is sent again.
            expires_at: first instant at which the new code is too old for anything but a withdrawal.
            form: a letter's or a paper's.

        Raises:
            Refusal: CODE_NOT_ISSUED, there was no letter to send again; CODE_SUPERSEDED, a later one is out.
        """

        def choose(held: Held | None) -> Held | None:
            if held is None:
                raise Refusal("CODE_NOT_ISSUED")
            if serial < held.serial:
                raise Refusal("CODE_SUPERSEDED")
            return None if serial == held.serial else self._fresh(held.binding, form, serial, expires_at)

        async with self._store.transaction() as work:
            await work.place()
            return await self._place(work, binding, form, choose)

    # -- acts ---------------------------------------------------------------------------------------------------

    def device(self, text: str) -> str:
        """Return the digest of whatever names a device (R-18): only equality can be seen of it."""
        return self._keyed("device", unicodedata.normalize("NFKC", text).strip().casefold()).hex()[:DEVICE_LENGTH]

    def message(self, message_id: str) -> str:
        """Return what stands for a provider's message id, which may be made of the sender's telephone number."""
        return self._keyed("message", message_id).hex()[:MESSAGE_LENGTH]

    async def act(
        self,
        code: str,
        said: Said,
        *,
        at: datetime,
        student: str | None = None,
        request: str | None = None,
        called_back: bool = False,
        since: datetime | None = None,
    ) -> FamilyAct:
        """Check a code and sign what its holder does.

        Args:
            code: as it was typed or read out.
            said: what is done.
            at: when the family acted; by it the code is in time or too late (DOMAIN §9, case 21).
            student: the pupil it is about, where the person says so; only then can a wrong code be counted.
            request: command id; the same request again gives the same act, with its first time.
            called_back: the family reads the code of a paper out while the bureau calls it back.
            since: only a withdrawal or a refusal may be older than this, or an act that was signed for this request
                before.

        Raises:
            Refusal: CODE_WRONG; CODE_FOREIGN, it is another pupil's; CODE_SUPERSEDED, a later letter is out,
                CODE_LOCKED, too many wrong ones, and CODE_EXPIRED (none of the three ever for a withdrawal or a
                refusal with the right code: a right does not die with a code); CODE_IS_PAPER (never for a
                withdrawal); CODE_NOT_PAPER; ACT_NOT_FOR_PARTY; MESSAGE_TOO_OLD; COMMAND_ID_REUSED.
            ValueError: an intent without its kind, a signature without its school, or a time without an offset.
        """
        entered = spelling.read(code)
        digest = None if entered is None else self._digest(entered)
        async with self._store.transaction() as work:
            refused: str | None = None
            found = None if digest is None else await work.with_digest(digest)
            pupil = student or (found.binding.student if found else None)
            out = [] if pupil is None else await work.of_student(pupil)
            held = next((one for one in out if one.digest == digest), None)
            if held is None:
                old = None if digest is None else await work.void(digest)
                if old is None or student not in (None, old.student):
                    refused = await self._wrong(work, pupil, out, foreign=bool(found))
                elif said.act in RIGHTS and digest is not None:
                    held = await self._superseded(work, old, digest)
                else:
                    refused = "CODE_SUPERSEDED"
            if held is not None:
                refused = _obstacle(held, said.act, called_back=called_back)
                if refused is None:
                    return await self._signed(work, held, said, instant(stamp(at)), request, since)
        assert refused is not None
        raise Refusal(refused)  # behind the transaction, which has counted the try

    async def concerned(self, code: str, *, student: str | None = None) -> Binding | None:
        """Return whose record an attempt with this code belongs to: the pupil who was named, else the code's own."""
        entered = spelling.read(code)
        async with self._store.transaction() as work:
            own: Binding | None = None
            if entered is not None:
                found = await work.with_digest(self._digest(entered))
                own = await work.void(self._digest(entered)) if found is None else found.binding
            if student is None or (own is not None and own.student == student):
                return own
            out = await work.of_student(student)
            return out[0].binding if out else None

    @asynccontextmanager
    async def messages(self) -> AsyncIterator[Work]:
        """Give one transaction in which text messages are looked up and remembered."""
        async with self._store.transaction() as work:
            yield work

    async def _wrong(self, work: Work, student: str | None, out: list[Held], *, foreign: bool) -> str:
        """Count a wrong code against the pupil it was given for, and say what it is."""
        if student is not None and any(held.tries < TRIES for held in out):
            await work.count_try(student, TRIES)
        elif out:
            return "CODE_LOCKED"  # says no more whether the code was near
        return "CODE_FOREIGN" if foreign else "CODE_WRONG"

    async def _superseded(self, work: Work, old: Binding, digest: str) -> Held:
        """Return a code in whose place another has come: a paper's stays a paper's, good at a call-back only."""
        paper = await work.held(old, "paper")
        drawn = (
            self._drawn(old, "paper", serial, turn)
            for serial in range(0 if paper is None else paper.serial)
            for turn in range(MOST_TURNS)
        )
        form: Form = "paper" if any(self._digest(one) == digest for one in drawn) else "letter"
        return Held(
            binding=old, form=form, serial=0, turn=0, digest=digest, expires_at=datetime.min.replace(tzinfo=UTC)
        )

    async def _signed(
        self, work: Work, held: Held, said: Said, at: datetime, request: str | None, since: datetime | None
    ) -> FamilyAct:
        before = None if request is None else await work.act(held.digest, request)
        if before is not None:
            known = FamilyAct.model_validate_json(before)
            if any(getattr(known, name) != value for name, value in vars(said).items()):
                raise Refusal("COMMAND_ID_REUSED", command_id=request)
            return known
        if at >= held.expires_at and said.act not in RIGHTS:
            raise Refusal("CODE_EXPIRED")
        if since is not None and at < since and said.act not in RIGHTS:
            raise Refusal("MESSAGE_TOO_OLD")
        unsigned = FamilyAct(
            **held.binding.model_dump(),
            **vars(said),
            act_id=self._act_ids(),
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
        self, work: Work, binding: Binding, form: Form, choose: Callable[[Held | None], Held | None]
    ) -> str:
        """Write the code that `choose` makes of the one that is out, and return it; None leaves that one out."""
        before = await work.held(binding, form)
        held = choose(before)
        if held is None:
            assert before is not None
            return spelling.shown(self._out(before))
        while await work.with_digest(held.digest) is not None:
            held = self._fresh(held.binding, form, held.serial, held.expires_at, held.turn + 1)
        await work.put(held)
        return self.code(held.binding, form=form, serial=held.serial, turn=held.turn)

    def _fresh(self, binding: Binding, form: Form, serial: int, expires_at: datetime, turn: int = 0) -> Held:
        drawn = self._drawn(binding, form, serial, turn)
        return Held(
            binding=binding, form=form, serial=serial, turn=turn, digest=self._digest(drawn), expires_at=expires_at
        )

    def _out(self, held: Held) -> str:
        """Return the code that is out: as codes are drawn now, or as release 0.2 drew it."""
        drawn = self._drawn(held.binding, held.form, held.serial, held.turn)
        return drawn if self._digest(drawn) == held.digest else self._drawn_first(held)

    def _drawn(self, bound: Binding, form: Form, serial: int, turn: int) -> str:
        parts = (bound.campaign, bound.student, bound.party.value, bound.person, bound.document)
        return spelling.from_bytes(self._keyed(f"code of a {form}", *parts, serial, turn))

    def _drawn_first(self, held: Held) -> str:
        """Draw a code as release 0.2 did, which knew one person a party."""
        bound = held.binding
        parts = (bound.campaign, bound.student, bound.party.value, bound.document)
        return spelling.from_bytes(self._keyed("code", *parts, held.serial, held.turn))

    def _digest(self, code: str) -> str:
        return self._keyed("held", code).hex()

    def _keyed(self, *parts: str | int) -> bytes:
        """Return the HMAC-SHA256 of a labelled list; no part but the last can hold a line break."""
        return hmac.digest(self._secret, "\n".join(map(str, parts)).encode(), "sha256")


def _obstacle(held: Held, act: ActKind, *, called_back: bool) -> str | None:
    """Return what keeps the holder of a right code from an act, whenever it is done."""
    if held.tries >= TRIES and act not in RIGHTS:
        return "CODE_LOCKED"
    if called_back and held.form == "letter":
        return "CODE_NOT_PAPER"
    if held.form == "paper" and not called_back and act != "withdraw":
        return "CODE_IS_PAPER"
    if act in GUARDIANS_ACTS and held.binding.party is Party.PUPIL:
        return "ACT_NOT_FOR_PARTY"
    return None
